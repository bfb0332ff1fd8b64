//! What a spec computes, as an expression of `NumPy` over its inputs.

use crate::spec::{
    Body, Combine, InputKind, Output, Reduce, Spec, Stage, Staged,
    expr::{Binary, Expr, Unary},
};

/// The expression, to be evaluated with `np`, the inputs and, of a reduction, `axis` and `keepdims`: `x * factor`,
/// `np.mean(x, axis=axis, keepdims=keepdims)`. `None` where `NumPy` has nothing that gives the same bits.
pub(in crate::emit) fn of(spec: &Spec) -> Option<String> {
    if let Some(written) = &spec.numpy {
        let columns = spec.inputs.iter().filter(|input| input.kind == InputKind::Column);
        // What the spec says holds for every form of its inputs.
        let text = columns.fold(written.clone(), |text, input| reshaped(&text, &input.name));
        return (!text.is_empty()).then_some(text);
    }
    let names: Vec<String> = spec
        .inputs
        .iter()
        .map(|input| match input.kind {
            // Along the rows, as NumPy broadcasts it.
            InputKind::Column => format!("{}.reshape(-1, 1)", input.name),
            _ => input.name.clone(),
        })
        .collect();
    match &spec.body {
        Body::Map { output } => text(output, 0, &names),
        Body::Reduce(reduce) => {
            let (function, of) = reduction(reduce)?;
            Some(format!("np.{function}({}, axis=axis, keepdims=keepdims)", text(of, 0, &names)?))
        }
        Body::Staged(staged) => self::staged(staged, &names),
    }
}

/// The text with a column as `NumPy` broadcasts it.
fn reshaped(text: &str, column: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut out = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\0']) {
        if is_part(letter) {
            word.push(letter);
            continue;
        }
        out.push_str(&word);
        // The name of a keyword argument is none of ours.
        if word == column && letter != '=' && !out.ends_with(&format!(".{word}")) {
            out.push_str(".reshape(-1, 1)");
        }
        word.clear();
        if letter != '\0' {
            out.push(letter);
        }
    }
    out
}

/// A single stage that `NumPy` has as a function.
fn staged(staged: &Staged, names: &[String]) -> Option<String> {
    let [Stage { fold: Some((of, combine)), finish: None, .. }] = &staged.stages[..] else { return None };
    let [Output { value, .. }] = &staged.outputs[..] else { return None };
    let acc = Expr::Input(names.len());
    let is_mean = match value {
        value if *value == acc => false,
        Expr::Binary(Binary::Div, sum, count) if **sum == acc && **count == Expr::Count => true,
        _ => return None,
    };
    let function = match (combine, is_mean) {
        (Combine::Add, true) => "mean",
        (Combine::Add, false) => "sum",
        (Combine::Mul, false) => "prod",
        (Combine::Min, false) => "min",
        (Combine::Max, false) => "max",
        (Combine::Count, false) => "count_nonzero",
        (Combine::ArgMin, false) => "argmin",
        (Combine::ArgMax, false) => "argmax",
        _ => return None,
    };
    Some(format!("np.{function}({}, axis=axis, keepdims=keepdims)", text(of, 0, names)?))
}

/// The function of `NumPy`, and what it is applied to.
fn reduction(reduce: &Reduce) -> Option<(&'static str, &Expr)> {
    let [field] = &reduce.state[..] else { return None };
    let (Expr::Binary(op, state, of), Expr::Binary(merge, ..)) = (&field.step, &field.merge) else {
        return None;
    };
    if **state != Expr::State(0) || op != merge {
        return None;
    }
    let is_mean = match &reduce.finish {
        None => false,
        Some(Expr::Binary(Binary::Div, acc, count)) => **acc == Expr::State(0) && **count == Expr::Count,
        Some(_) => return None,
    };
    // Of what NumPy starts from; a maximum that starts from 0 is another function.
    let starts_from = match op {
        Binary::Add => 0.0,
        Binary::Mul => 1.0,
        Binary::Min => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    };
    if field.init.constant().map(f64::to_bits) != Some(starts_from.to_bits()) {
        return None;
    }
    let function = match (op, is_mean) {
        (Binary::Add, true) => "mean",
        (Binary::Add, false) => "sum",
        (Binary::Mul, false) => "prod",
        (Binary::Min, false) => "min",
        (Binary::Max, false) => "max",
        _ => return None,
    };
    Some((function, of))
}

/// What `NumPy` says of no elements, where they have no result: by the first reduction that the results come to and that
/// starts from no value.
pub(in crate::emit) fn of_none(spec: &Spec) -> Option<String> {
    let words = match &spec.body {
        Body::Map { .. } => None,
        Body::Reduce(reduce) => reduce.state.iter().find_map(|field| match &field.step {
            Expr::Binary(Binary::Min, ..) => Some(reduction_word("minimum")),
            Expr::Binary(Binary::Max, ..) => Some(reduction_word("maximum")),
            _ => None,
        }),
        Body::Staged(staged) => {
            staged.outputs.iter().find_map(|output| words_of(&output.value, staged, spec.inputs.len()))
        }
    };
    let has_identity = match &spec.body {
        Body::Map { .. } => true,
        Body::Reduce(Reduce { has_identity, .. }) | Body::Staged(Staged { has_identity, .. }) => {
            *has_identity
        }
    };
    (!has_identity).then(|| words.unwrap_or_else(|| reduction_word(&spec.name)))
}

/// The words of the first stage that an expression uses and that has no value of no elements; of one that reduces nothing, those
/// of what it uses itself.
fn words_of(of: &Expr, staged: &Staged, inputs: usize) -> Option<String> {
    let mut words = None;
    of.each(&mut |part| {
        let stage = match part {
            Expr::Input(input) => input.checked_sub(inputs).and_then(|at| staged.stages.get(at)),
            _ => None,
        };
        let of_stage = |stage: &Stage| {
            let of_finish = |finish| words_of(finish, staged, inputs);
            stage_word(stage).or_else(|| stage.finish.as_ref().and_then(of_finish))
        };
        words = words.take().or_else(|| of_stage(stage?));
    });
    words
}

fn reduction_word(of: &str) -> String {
    format!("zero-size array to reduction operation {of} which has no identity")
}

fn stage_word(stage: &Stage) -> Option<String> {
    let (of, combine) = stage.fold.as_ref()?;
    // Where NaN is left out, NumPy reduces by another function.
    let leaves_nan_out =
        matches!(of, Expr::Select(parts) if matches!(parts[0], Expr::Unary(Unary::IsNan, _)));
    match (combine, leaves_nan_out) {
        (Combine::Min, true) => Some(reduction_word("fmin")),
        (Combine::Max, true) => Some(reduction_word("fmax")),
        (Combine::Min, false) => Some(reduction_word("minimum")),
        (Combine::Max, false) => Some(reduction_word("maximum")),
        (Combine::ArgMin, _) => Some("attempt to get argmin of an empty sequence".to_owned()),
        (Combine::ArgMax, _) => Some("attempt to get argmax of an empty sequence".to_owned()),
        _ => None,
    }
}

/// How tightly an operator of Python binds; a call or a name: [`ATOM`].
const ATOM: u8 = 9;

fn text(of: &Expr, outer: u8, names: &[String]) -> Option<String> {
    let call = |function: &str, operands: &[&Expr]| {
        let operands: Option<Vec<_>> = operands.iter().map(|operand| text(operand, 0, names)).collect();
        Some((ATOM, format!("np.{function}({})", operands?.join(", "))))
    };
    if let Some((question, x)) = of.of_infinity() {
        let function = if question == "is_inf" { "isinf" } else { "isfinite" };
        return Some(call(function, &[x])?.1);
    }
    let (level, text) = match of {
        Expr::Input(index) => (ATOM, names[*index].clone()),
        Expr::Literal(value) if value.is_infinite() => {
            (7, format!("{}np.inf", if *value < 0.0 { "-" } else { "" }))
        }
        Expr::Literal(value) if value.is_nan() => (ATOM, "np.nan".to_owned()),
        Expr::Literal(value) if *value < 0.0 => (7, format!("{value:?}")),
        Expr::Literal(value) => (ATOM, format!("{value:?}")),
        Expr::Unary(Unary::Neg, x) => (7, format!("-{}", text(x, 7, names)?)),
        Expr::Unary(Unary::Not, x) => (7, format!("~{}", text(x, 7, names)?)),
        Expr::Unary(Unary::Abs, x) => call("abs", &[x])?,
        Expr::Unary(Unary::Sqrt, x) => call("sqrt", &[x])?,
        Expr::Unary(Unary::Floor, x) => call("floor", &[x])?,
        Expr::Unary(Unary::Ceil, x) => call("ceil", &[x])?,
        Expr::Unary(Unary::Trunc, x) => call("trunc", &[x])?,
        Expr::Unary(Unary::Round, x) => call("rint", &[x])?,
        Expr::Unary(Unary::IsNan, x) => call("isnan", &[x])?,
        Expr::Binary(Binary::Min, x, y) => call("minimum", &[x, y])?,
        Expr::Binary(Binary::Max, x, y) => call("maximum", &[x, y])?,
        Expr::Binary(Binary::Rem, x, y) => call("fmod", &[x, y])?,
        Expr::Binary(Binary::Copysign, x, y) => {
            let (magnitude, sign) = (text(x, 0, names)?, text(y, 0, names)?);
            // NumPy goes by the sign that a NaN happens to have.
            let sign = match &**y {
                Expr::Literal(_) => sign,
                _ => format!("np.where(np.isnan({sign}), 0.0, {sign})"),
            };
            (ATOM, format!("np.copysign({magnitude}, {sign})"))
        }
        Expr::Binary(op, x, y) => {
            let (level, sign) = match op {
                Binary::Mul => (6, "*"),
                Binary::Div => (6, "/"),
                Binary::Add => (5, "+"),
                Binary::Sub => (5, "-"),
                Binary::And => (4, "&"),
                Binary::Or => (3, "|"),
                Binary::Lt => (2, "<"),
                Binary::Le => (2, "<="),
                Binary::Gt => (2, ">"),
                Binary::Ge => (2, ">="),
                Binary::Eq => (2, "=="),
                Binary::Ne | Binary::Min | Binary::Max | Binary::Copysign | Binary::Rem => (2, "!="),
            };
            // Comparisons of Python chain: neither side may be one.
            let left = if level == 2 { 3 } else { level };
            (level, format!("{} {sign} {}", text(x, left, names)?, text(y, level + 1, names)?))
        }
        Expr::Select(operands) => {
            let [condition, yes, no] = operands.each_ref();
            call("where", &[condition, yes, no])?
        }
        // Rounded once, which NumPy has no word for.
        // What NumPy has of these functions has other bits, or none.
        Expr::Unary(Unary::Exponent | Unary::Mantissa | Unary::Pow2 | Unary::Function(_), _)
        | Expr::Fma(_)
        | Expr::State(_)
        | Expr::Side { .. }
        | Expr::Count => return None,
    };
    Some(if level < outer { format!("({text})") } else { text })
}

#[cfg(test)]
mod tests {
    use crate::{diagnostics::Source, spec};

    fn numpy(text: &str) -> Option<String> {
        let source = Source { name: "tested.toml".to_owned(), text: text.to_owned() };
        let specs = spec::load(&[source]).expect("a spec that is right");
        super::of(&specs[0])
    }

    #[test]
    fn maps_are_written_in_numpy() {
        let map = |output: &str| {
            numpy(&format!(
                "summary = \"A test.\"\ninputs = {{ a = \"matrix\", b = \"column\" }}\noutput = \"{output}\"\ndtypes = [\"f64\"]\n"
            ))
        };
        let column = "b.reshape(-1, 1)";
        assert_eq!(map("(a + b) * a").unwrap(), format!("(a + {column}) * a"));
        assert_eq!(map("a - (b - a)").unwrap(), format!("a - ({column} - a)"));
        assert_eq!(map("max(abs(a), sqrt(b))").unwrap(), format!("np.maximum(np.abs(a), np.sqrt({column}))"));
        assert_eq!(
            map("select(a < b && !is_nan(a), a, -b)").unwrap(),
            format!("np.where((a < {column}) & ~np.isnan(a), a, -{column})")
        );
        assert_eq!(
            map("floor(a) + ceil(b) + trunc(a) + round(a)").unwrap(),
            format!("np.floor(a) + np.ceil({column}) + np.trunc(a) + np.rint(a)")
        );
        assert_eq!(map("rem(a, b + 1)").unwrap(), format!("np.fmod(a, {column} + 1.0)"));
        assert_eq!(
            map("copysign(b, a)").unwrap(),
            format!("np.copysign({column}, np.where(np.isnan(a), 0.0, a))")
        );
        assert_eq!(map("b * copysign(a, 1)").unwrap(), format!("{column} * np.copysign(a, 1.0)"));
        assert_eq!(
            map("select(is_inf(a) || !is_finite(b), a, b)").unwrap(),
            format!("np.where(np.isinf(a) | ~np.isfinite({column}), a, {column})")
        );
        assert_eq!(
            map("b * sign(a)").unwrap(),
            format!("{column} * np.where(a > 0.0, 1.0, np.where(a < 0.0, -1.0, np.where(a == 0.0, 0.0, a)))")
        );
        assert_eq!(map("fma(a, b, a)"), None);
    }

    #[test]
    fn reductions_are_functions_of_numpy() {
        let reduce = |rest: &str| {
            numpy(&format!(
                "summary = \"A test.\"\ninputs = {{ x = \"matrix\" }}\ndtypes = [\"f64\"]\n[reduce]\naxes = [\"all\"]\n{rest}\n"
            ))
        };
        let call = |function: &str, of: &str| format!("np.{function}({of}, axis=axis, keepdims=keepdims)");
        assert_eq!(reduce("of = \"x * x\"\ncombine = \"add\"").unwrap(), call("sum", "x * x"));
        assert_eq!(
            reduce("of = \"x\"\ncombine = \"add\"\nfinish = \"acc / count\"").unwrap(),
            call("mean", "x")
        );
        assert_eq!(reduce("of = \"abs(x)\"\ncombine = \"max\"").unwrap(), call("max", "np.abs(x)"));
        assert_eq!(reduce("of = \"x\"\ncombine = \"add\"\nfinish = \"sqrt(acc)\""), None);
        let greatest = |init: &str| {
            let merge = "max(a.m, b.m)";
            reduce(&format!(
                "[reduce.state]\nm = {{ init = \"{init}\", step = \"max(m, x)\", merge = \"{merge}\" }}"
            ))
        };
        assert_eq!(greatest("-1 / 0").unwrap(), call("max", "x"));
        assert_eq!(greatest("0"), None, "it is 0 where all are negative");
    }
}
