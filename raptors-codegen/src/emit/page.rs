//! `docs/catalogue.md`: every operation, for people to look through.

use std::fmt::Write as _;

use super::python::counterpart;
use crate::spec::{Axis, Body, Combine, FAMILIES, Reduce, ResultType, Spec, Staged, expr::Expr};

/// The page of all operations, in Markdown.
///
/// # Panics
/// Never: writing to a `String` does not fail.
#[must_use]
pub fn page(specs: &[Spec]) -> String {
    let functions = specs.len();
    let operations: usize = specs.iter().map(|spec| axes(spec).map_or(1, <[Axis]>::len)).sum();
    let mut text = format!(
        "<!-- Written by `cargo xtask bless` from kernel-specs/ops. -->\n\n# Catalogue\n\n{operations} operations, {functions} \
         functions of Python. Each is for `f32` and `f64`, unless it says otherwise, and has the same bits on every \
         instruction set, on any number of threads. Where NumPy has the function, those bits are NumPy's, any NaN standing \
         for any other, and of equal zeros in minima and maxima −0 being less than +0.\n\nIn Rust the functions are in \
         `raptors::ops`. Those that give a matrix have `…_into` and `…_inplace` beside them, other ones along an axis \
         `…_into`, and those with the class `accurate` `…_with`. In Python they are in `raptors`; `axis` is `None`, 0 or 1. \
         What a result is made of is read from top to bottom; `count` is the number of elements of a result.\n"
    );
    for family in FAMILIES {
        let of_family: Vec<_> = specs.iter().filter(|spec| spec.family == Some(family)).collect();
        if of_family.is_empty() {
            continue;
        }
        write!(
            text,
            "\n## `{family}`\n\n| Python | Rust | formula | NumPy | classes |\n|---|---|---|---|---|\n"
        )
        .expect("a String");
        for spec in of_family {
            let numpy = counterpart::of(spec).map_or_else(|| "–".to_owned(), |numpy| code(&numpy));
            writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                code(&python(spec)),
                rust(spec),
                formula(spec),
                numpy.replace(", axis=axis, keepdims=keepdims", ", axis").replace(", keepdims=keepdims", ""),
                classes(spec)
            )
            .expect("a String");
        }
    }
    text
}

/// The axes of a reduction.
fn axes(spec: &Spec) -> Option<&[Axis]> {
    match &spec.body {
        Body::Map { .. } => None,
        Body::Reduce(Reduce { axes, .. }) | Body::Staged(Staged { axes, .. }) => Some(axes),
    }
}

fn code(text: &str) -> String {
    // A bar would end the cell.
    format!("`{}`", text.replace('|', "\\|"))
}

/// The call in Python.
fn python(spec: &Spec) -> String {
    let one = |(at, input): (usize, &crate::spec::Input)| {
        let default = spec.defaults.iter().find(|(of, _)| *of == at);
        default.map_or_else(|| input.name.clone(), |(_, value)| format!("{}={value}", input.name))
    };
    let mut words: Vec<String> = spec.inputs.iter().enumerate().map(one).collect();
    if axes(spec).is_some() {
        words.insert(spec.inputs.len() - spec.defaults.len(), "axis".to_owned());
    }
    format!("{}({})", spec.name, words.join(", "))
}

/// The functions in Rust.
fn rust(spec: &Spec) -> String {
    let name = |suffix: &str| code(&format!("{}{suffix}", spec.name));
    match axes(spec) {
        None => name(""),
        Some(axes) => axes.iter().map(|axis| name(axis.suffix())).collect::<Vec<_>>().join(", "),
    }
}

fn classes(spec: &Spec) -> String {
    let numerics = match &spec.body {
        Body::Map { .. } => return "numpy".to_owned(),
        Body::Reduce(Reduce { numerics, .. }) | Body::Staged(Staged { numerics, .. }) => numerics,
    };
    numerics.iter().map(|class| class.name()).collect::<Vec<_>>().join(", ")
}

/// What is computed, in the words of the spec.
fn formula(spec: &Spec) -> String {
    let names: Vec<&str> = spec.inputs.iter().map(|input| input.name.as_str()).collect();
    match &spec.body {
        Body::Map { output } => code(&output.text(&names, &[])),
        Body::Reduce(reduce) => reduction(reduce, &names),
        Body::Staged(staged) => stages(staged, &names),
    }
}

fn reduction(reduce: &Reduce, names: &[&str]) -> String {
    let state: Vec<&str> = reduce.state.iter().map(|field| field.name.as_str()).collect();
    let mut lines: Vec<String> = (reduce.state.iter())
        .map(|field| match &field.step {
            Expr::Binary(op, first, of) if **first == Expr::State(0) && reduce.state.len() == 1 => {
                let of = of.text(names, &state);
                let word = Combine::ALL.into_iter().find(|combine| combine.by().0 == *op);
                word.map_or_else(String::new, |word| format!("{} {}", words(word), code(&of)))
            }
            step => format!("{} from {}", code(&field.name), code(&step.text(names, &state))),
        })
        .collect();
    if let Some(finish) = &reduce.finish {
        lines.push(code(&finish.text(names, &state)));
    }
    lines.join("; ")
}

fn stages(staged: &Staged, names: &[&str]) -> String {
    let of_stages = staged.stages.iter().map(|stage| stage.name.as_str());
    let all: Vec<&str> = names.iter().copied().chain(of_stages).collect();
    let mut lines = Vec::new();
    for stage in &staged.stages {
        let folded =
            stage.fold.as_ref().map(|(of, by)| format!("{} {}", words(*by), code(&of.text(&all, &[]))));
        let finish = stage.finish.as_ref().map(|finish| code(&finish.text(&all, &["acc"])));
        let what = [folded, finish].into_iter().flatten().collect::<Vec<_>>().join(", then ");
        lines.push(if stage.name == "acc" { what } else { format!("{}: {what}", code(&stage.name)) });
    }
    for output in &staged.outputs {
        let last = Expr::Input(all.len() - 1);
        if output.name.is_some() || output.value != last {
            let name = output.name.as_ref().map_or_else(String::new, |name| format!("{}: ", code(name)));
            lines.push(format!("{name}{}", code(&output.value.text(&all, &[]))));
        }
    }
    match staged.outputs[0].result {
        ResultType::Element | ResultType::Matrix => {}
        ResultType::Whole => lines.push("an `i64`".to_owned()),
        ResultType::Truth => lines.push("a `bool`".to_owned()),
    }
    lines.join("; ")
}

const fn words(combine: Combine) -> &'static str {
    match combine {
        Combine::Add => "sum of",
        Combine::Mul => "product of",
        Combine::Min => "least",
        Combine::Max => "greatest",
        Combine::Count => "number of",
        Combine::ArgMin => "place of the least",
        Combine::ArgMax => "place of the greatest",
    }
}
