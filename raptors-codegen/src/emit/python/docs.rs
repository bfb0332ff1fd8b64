//! Docstrings: shapes, numerics, `NumPy`'s counterpart, errors.

use proc_macro2::TokenStream;

use super::{counterpart, numpy_name};
use crate::{
    emit::ops,
    spec::{Axis, Body, Combine, Input, InputKind, Numerics, Reduce, ResultType, Spec, Stage, Staged, Takes},
};

/// The docstring of a spec's function.
pub(super) fn of(spec: &Spec) -> TokenStream {
    let mut lines = vec![spec.summary.clone(), String::new()];
    let names: Vec<&str> = spec.inputs.iter().map(|input| input.name.as_str()).collect();
    match &spec.body {
        Body::Map { output } => {
            lines.push(format!("Each element of the result is `{}`.", output.text(&names, &[])));
        }
        Body::Reduce(reduce) => lines.push(results(&reduce.axes)),
        Body::Staged(staged) if staged.map().is_some() => lines.extend(matrix(spec, staged)),
        Body::Staged(staged) => {
            lines.push(results(&staged.axes));
            let names = staged.outputs.iter().filter_map(|output| output.name.as_deref()).collect::<Vec<_>>();
            if !names.is_empty() {
                lines.push(format!("There are several, as a tuple: {}.", names.join(", ")));
            }
        }
    }
    if let Some(numpy) = counterpart::of(spec) {
        lines.push(format!("In NumPy: `{numpy}`."));
    }
    heading(&mut lines, "Parameters");
    let first =
        &spec.inputs.iter().find(|input| input.kind == InputKind::Matrix).unwrap_or(&spec.inputs[0]).name;
    lines.extend(spec.inputs.iter().flat_map(|input| parameter(spec, input, first)));
    match &spec.body {
        Body::Map { .. } => {}
        Body::Reduce(Reduce { numerics, .. }) | Body::Staged(Staged { numerics, .. }) => {
            axis_parameters(spec, &mut lines);
            class_parameters(numerics, &mut lines);
            told_parameters(spec.takes(), first, &mut lines);
        }
    }
    if matches!(&spec.body, Body::Staged(staged) if staged.outputs.len() > 1) {
        lines.push("out : tuple of ndarrays with the dtype and shape of the results, optional".to_owned());
        lines.push("    They take the results, and are returned.".to_owned());
    } else {
        lines.push("out : ndarray with the dtype and shape of the result, optional".to_owned());
        lines
            .push(format!("    Takes the result, and is returned. It may be `{first}`, or overlap with it."));
    }
    if matches!(spec.body, Body::Map { .. }) && spec.has_any() {
        lines.push("numerics : \"numpy\" or \"any\", optional".to_owned());
        lines.extend(any());
    }
    heading(&mut lines, "Returns");
    lines.push(match &spec.body {
        Body::Map { .. } if spec.inputs.iter().any(|input| broadcasts(spec, input, first)) => {
            "ndarray with the dtype of the arguments, and the shape to which they broadcast".to_owned()
        }
        Body::Map { .. } => format!("ndarray with the dtype and shape of `{first}`"),
        Body::Staged(staged) if staged.map().is_some() => {
            format!("ndarray with the dtype and shape of `{first}`")
        }
        Body::Staged(staged) if staged.outputs[0].result == ResultType::Whole => {
            "ndarray or scalar of int64".to_owned()
        }
        Body::Staged(staged) if staged.outputs[0].result == ResultType::Truth => {
            "ndarray or scalar of bool".to_owned()
        }
        Body::Reduce(_) | Body::Staged(_) => format!("ndarray or scalar with the dtype of `{first}`"),
    });
    heading(&mut lines, "Raises");
    lines.push("TypeError".to_owned());
    lines.push("    For another dtype, or what is no array; the message says how to convert it.".to_owned());
    lines.push("ValueError".to_owned());
    lines.push(match &spec.body {
        Body::Reduce(Reduce { has_identity: false, .. })
        | Body::Staged(Staged { has_identity: false, .. }) => {
            "    For shapes that do not fit, no elements, or an environment variable that cannot be read."
                .to_owned()
        }
        _ => "    For shapes that do not fit, or an environment variable that cannot be read.".to_owned(),
    });
    heading(&mut lines, "Notes");
    lines.push(
        match (&spec.body, counterpart::of(spec)) {
            (Body::Staged(_), Some(_)) => {
                "The bits are those of NumPy for the array as it lies, or for a copy where it has gaps, any NaN standing \
                 for any other."
            }
            (Body::Map { .. }, _) | (_, Some(_)) => {
                "The bits are those of NumPy for the array as it lies, any NaN standing for any other."
            }
            _ => "Sums are pairwise along runs of neighbours, and row after row down the columns.",
        }
        .to_owned(),
    );
    lines.push(format!("From `{}`, line {}.", spec.file, spec.line));
    ops::docs(&lines)
}

/// What the class `any` is, and what a call is of that says none.
fn any() -> [String; 3] {
    [
        "    \"any\" lets routines of other libraries serve, where the build has them and a profile names",
        "    them: the bits may be others, within a bound. Left out: what `RAPTORS_NUMERICS` asks for, or",
        "    \"numpy\".",
    ]
    .map(str::to_owned)
}

/// Whether a matrix beside the first may be a number, a row or a column: reductions take matrices of one shape.
fn broadcasts(spec: &Spec, input: &Input, first: &str) -> bool {
    matches!(spec.body, Body::Map { .. }) && input.kind == InputKind::Matrix && input.name != first
}

/// What a parameter takes, and what it is if it is left out.
fn parameter(spec: &Spec, input: &Input, first: &str) -> Vec<String> {
    let name = &input.name;
    let mut lines = vec![match input.kind {
        InputKind::Matrix if name == first => {
            let dtypes: Vec<_> = spec.dtypes.iter().map(|dtype| numpy_name(*dtype)).collect();
            let others = spec.inputs.iter().any(|of| matches!(of.kind, InputKind::Row | InputKind::Column));
            let of = if others { "one or two dimensions" } else { "any number of dimensions" };
            format!("{name} : ndarray of {}, of {of}, with any strides", dtypes.join(" or "))
        }
        InputKind::Matrix if broadcasts(spec, input, first) => {
            format!("{name} : ndarray with the dtype of `{first}`, or number; they broadcast as in NumPy")
        }
        InputKind::Matrix => format!("{name} : ndarray with the dtype and shape of `{first}`"),
        InputKind::Row => format!("{name} : ndarray with the dtype of `{first}`, an element for each column"),
        InputKind::Column => format!("{name} : ndarray with the dtype of `{first}`, an element for each row"),
        // It stands beside counts and sums, which are of no dtype.
        InputKind::Scalar if matches!(spec.body, Body::Staged(_)) => format!("{name} : number"),
        InputKind::Scalar => {
            format!("{name} : number; one of NumPy's that is wider makes the result float64")
        }
    }];
    let default = spec.defaults.iter().find(|(at, _)| spec.inputs[*at].name == *name);
    lines.extend(default.map(|(_, value)| format!("    {value} if it is left out.")));
    lines
}

fn heading(lines: &mut Vec<String>, title: &str) {
    lines.extend([String::new(), title.to_owned(), "-".repeat(title.len())]);
}

/// What each element of a result is, and the stages that it is computed with.
fn matrix(spec: &Spec, staged: &Staged) -> Vec<String> {
    let all = staged.inputs(&spec.inputs, Axis::All);
    let names: Vec<&str> = all.iter().map(|input| input.name.as_str()).collect();
    let of = staged.map().map_or_else(String::new, |output| output.text(&names, &[]));
    let over = staged.axes.iter().map(|axis| match axis {
        Axis::All => "of all elements",
        Axis::Zero => "of its column (`axis=0`)",
        Axis::One => "of its row (`axis=1`)",
    });
    let found = staged.stages.iter().map(|stage| format!("`{}`", stage.name)).collect::<Vec<_>>().join(", ");
    vec![
        format!("Each element of the result is `{of}`."),
        format!("Computed first, {}: {found}.", over.collect::<Vec<_>>().join(", or ")),
    ]
}

/// What there are results of.
fn results(axes: &[Axis]) -> String {
    let results = axes.iter().map(|axis| match axis {
        Axis::All => "one number",
        Axis::Zero => "one for each column (`axis=0`)",
        Axis::One => "one for each row (`axis=1`)",
    });
    format!("The result is {}.", results.collect::<Vec<_>>().join(", or "))
}

/// Whether a function takes a tuple of axes: as in `NumPy`, one that gives places does not.
pub(super) fn takes_several_axes(body: &Body) -> bool {
    let Body::Staged(staged) = body else { return true };
    let finds_places = |stage: &Stage| matches!(stage.fold, Some((_, Combine::ArgMin | Combine::ArgMax)));
    !staged.stages.iter().any(finds_places)
}

/// What calls can be told beside axes.
fn told_parameters(takes: Takes, first: &str, lines: &mut Vec<String>) {
    if takes.dtype {
        lines.push("dtype : dtype, optional".to_owned());
        lines
            .push(format!("    float64 reduces `{first}` of float32 in float64, which the result then has."));
    }
    if takes.initial {
        lines.push("initial : number, optional".to_owned());
        lines.push("    What each result starts from; rounded to the dtype of the result.".to_owned());
    }
    if takes.mask {
        lines.push(format!("where : ndarray of bool that broadcasts to `{first}`, optional"));
        lines.push(if takes.initial && !takes.dtype {
            "    Which elements are taken in. Needs `initial`.".to_owned()
        } else {
            "    Which elements are taken in.".to_owned()
        });
    }
    if takes.mask {
        lines.push("    Of the class \"numpy\" alone, as all of these.".to_owned());
    }
}

fn axis_parameters(spec: &Spec, lines: &mut Vec<String>) {
    let staged = if let Body::Staged(staged) = &spec.body { Some(staged) } else { None };
    let is_matrix = staged.is_some_and(|staged| staged.map().is_some());
    let has_all = !is_matrix || staged.is_some_and(|staged| staged.axes.contains(&Axis::All));
    let of_several = if takes_several_axes(&spec.body) { ", int or tuple of ints" } else { " or int" };
    lines.push(if has_all {
        format!("axis : None{of_several}, optional")
    } else {
        "axis : int, optional".to_owned()
    });
    let unsaid = if has_all { "None is over all elements." } else { "The last one if it is left out." };
    lines.push(format!("    {unsaid} A negative one counts from the last."));
    if !is_matrix {
        lines.push("keepdims : bool, optional".to_owned());
        lines.push("    Whether the axes stay, with one element each.".to_owned());
    }
}

fn class_parameters(numerics: &[Numerics], lines: &mut Vec<String>) {
    let classes: Vec<_> = numerics.iter().map(|class| format!("{:?}", class.name())).collect();
    lines.push(format!("numerics : {}, optional", classes.join(" or ")));
    if numerics.contains(&Numerics::Accurate) {
        lines.push(
            "    \"accurate\" sums pairwise down the columns too: the error grows with the logarithm of the"
                .to_owned(),
        );
        lines.push("    number of rows, not with the number.".to_owned());
    } else if !numerics.contains(&Numerics::Any) {
        lines.push("    There is one class.".to_owned());
    }
    if numerics.contains(&Numerics::Any) {
        lines.extend(any());
    }
}
