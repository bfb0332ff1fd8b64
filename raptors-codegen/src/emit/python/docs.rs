//! Docstrings: shapes, numerics, `NumPy`'s counterpart, errors.

use proc_macro2::TokenStream;

use super::{counterpart, numpy_name};
use crate::{
    emit::ops,
    spec::{Axis, Body, InputKind, Numerics, Reduce, Spec},
};

/// The docstring of a spec's function.
pub(super) fn of(spec: &Spec) -> TokenStream {
    let mut lines = vec![spec.summary.clone(), String::new()];
    let names: Vec<&str> = spec.inputs.iter().map(|input| input.name.as_str()).collect();
    match &spec.body {
        Body::Map { output } => {
            lines.push(format!("Each element of the result is `{}`.", output.text(&names, &[])));
        }
        Body::Reduce(reduce) => {
            let results = reduce.axes.iter().map(|axis| match axis {
                Axis::All => "one number",
                Axis::Zero => "one for each column (`axis=0`)",
                Axis::One => "one for each row (`axis=1`)",
            });
            lines.push(format!("The result is {}.", results.collect::<Vec<_>>().join(", or ")));
        }
    }
    if let Some(numpy) = counterpart::of(spec) {
        lines.push(format!("In NumPy: `{numpy}`."));
    }
    heading(&mut lines, "Parameters");
    let dtypes: Vec<_> = spec.dtypes.iter().map(|dtype| numpy_name(*dtype)).collect();
    let dtypes = dtypes.join(" or ");
    let first =
        &spec.inputs.iter().find(|input| input.kind == InputKind::Matrix).unwrap_or(&spec.inputs[0]).name;
    for input in &spec.inputs {
        let name = &input.name;
        lines.push(match input.kind {
            InputKind::Matrix if name == first => {
                format!("{name} : ndarray of {dtypes}, of one or two dimensions, with any strides")
            }
            InputKind::Matrix => format!("{name} : ndarray with the dtype and shape of `{first}`"),
            InputKind::Row => {
                format!("{name} : ndarray with the dtype of `{first}`, an element for each column")
            }
            InputKind::Column => {
                format!("{name} : ndarray with the dtype of `{first}`, an element for each row")
            }
            InputKind::Scalar => format!("{name} : number, converted to the dtype of `{first}`"),
        });
    }
    if let Body::Reduce(reduce) = &spec.body {
        reduction_parameters(reduce, &mut lines);
    }
    lines.push("out : ndarray with the dtype and shape of the result, optional".to_owned());
    lines.push(format!("    Takes the result, and is returned. It may be `{first}`, or overlap with it."));
    heading(&mut lines, "Returns");
    lines.push(match spec.body {
        Body::Map { .. } => format!("ndarray with the dtype and shape of `{first}`"),
        Body::Reduce(_) => format!("ndarray or scalar with the dtype of `{first}`"),
    });
    heading(&mut lines, "Raises");
    lines.push("TypeError".to_owned());
    lines.push("    For another dtype, or what is no array.".to_owned());
    lines.push("ValueError".to_owned());
    lines.push(match &spec.body {
        Body::Reduce(reduce) if !reduce.has_identity => {
            "    For shapes that do not fit, no elements, or an environment variable that cannot be read."
                .to_owned()
        }
        _ => "    For shapes that do not fit, or an environment variable that cannot be read.".to_owned(),
    });
    heading(&mut lines, "Notes");
    lines.push(
        "The bits are those of NumPy for the C-contiguous input, any NaN standing for any other.".to_owned(),
    );
    lines.push(format!("From `{}`, line {}.", spec.file, spec.line));
    ops::docs(&lines)
}

fn heading(lines: &mut Vec<String>, title: &str) {
    lines.extend([String::new(), title.to_owned(), "-".repeat(title.len())]);
}

fn reduction_parameters(reduce: &Reduce, lines: &mut Vec<String>) {
    let axes = reduce.axes.iter().map(|axis| match axis {
        Axis::All => "None (over all elements)",
        Axis::Zero => "0 (down the columns)",
        Axis::One => "1 (along the rows)",
    });
    lines.push("axis : None or int, optional".to_owned());
    lines.push(format!("    {}; a negative one counts from the last.", axes.collect::<Vec<_>>().join(", ")));
    lines.push("keepdims : bool, optional".to_owned());
    lines.push("    Whether the axis stays, with one element.".to_owned());
    let classes: Vec<_> = reduce.numerics.iter().map(|class| format!("{:?}", class.name())).collect();
    lines.push(format!("numerics : {}, optional", classes.join(" or ")));
    if reduce.numerics.contains(&Numerics::Accurate) {
        lines.push(
            "    \"accurate\" sums pairwise down the columns too: the error grows with the logarithm of the"
                .to_owned(),
        );
        lines.push("    number of rows, not with the number.".to_owned());
    } else {
        lines.push("    There is one class.".to_owned());
    }
}
