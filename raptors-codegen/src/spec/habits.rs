//! What people write as they write it elsewhere, and what it is called here.

use super::{field::DTYPES, function::FUNCTIONS};
use crate::diagnostics::either;

/// Functions of other languages that have no counterpart here, though one may be near by its letters.
///
/// `mod` is among them: in Python the remainder has the sign of the divisor, and so other values than `rem` gives.
const MISSING: [&str; 10] = ["sin", "cos", "tan", "asin", "acos", "atan2", "erf", "gamma", "mod", "gelu"];

/// Functions that are there under another name.
const RENAMED: [(&str, &str); 29] = [
    ("absolute", "abs"),
    ("arccosh", "acosh"),
    ("arcsinh", "asinh"),
    ("arctan", "atan"),
    ("arctanh", "atanh"),
    ("ceiling", "ceil"),
    ("clip", "clamp"),
    ("fabs", "abs"),
    ("fix", "trunc"),
    ("fmod", "rem"),
    ("ifelse", "select"),
    ("is_infinite", "is_inf"),
    ("isfinite", "is_finite"),
    ("isinf", "is_inf"),
    ("isnan", "is_nan"),
    ("ln", "log"),
    ("logistic", "sigmoid"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("mul_add", "fma"),
    ("mux", "select"),
    ("nearbyint", "round"),
    ("rint", "round"),
    ("round_ties_even", "round"),
    ("roundeven", "round"),
    ("sgn", "sign"),
    ("signum", "sign"),
    ("swish", "silu"),
    ("where", "select"),
];

/// The word of `combine` that is meant by one of another language.
pub(super) fn combine(word: &str) -> Option<&'static str> {
    match word {
        "sum" | "plus" | "+" => Some("add"),
        "prod" | "product" | "times" | "multiply" | "*" => Some("mul"),
        "minimum" | "least" => Some("min"),
        "maximum" | "greatest" => Some("max"),
        _ => None,
    }
}

/// What to do about a function that does not exist.
pub(super) enum Instead {
    /// One of this name does.
    Named(&'static str),
    /// This expression.
    Written(String),
    /// None does it.
    Nothing,
}

/// What is known of a function that does not exist, called with arguments of these texts.
pub(super) fn function(name: &str, arguments: &[&str]) -> Option<Instead> {
    if let Some((_, other)) = RENAMED.iter().find(|(foreign, _)| *foreign == name) {
        return Some(Instead::Named(other));
    }
    let operand = |index: usize, usual: &str| {
        // What is long is not repeated, and what is more than a name or a number stands in parentheses.
        let text = arguments.get(index).filter(|text| !text.is_empty() && text.len() <= 12).unwrap_or(&usual);
        let is_atom = text.chars().all(|letter| letter.is_alphanumeric() || "_.".contains(letter));
        if is_atom { (*text).to_owned() } else { format!("({text})") }
    };
    let (x, y) = (operand(0, "x"), operand(1, "y"));
    let written = match name {
        "pow" | "powi" | "powf" | "power" => match arguments.get(1).copied() {
            Some("3") => format!("{x} * {x} * {x}"),
            Some("4") => format!("{x} * {x} * {x} * {x}"),
            Some("-1" | "-1.0") => format!("1 / {x}"),
            Some("0.5" | "1 / 2" | "1/2") => format!("sqrt({})", x.trim_matches(['(', ')'])),
            _ => format!("{x} * {x}"),
        },
        "square" | "sqr" | "sq" => format!("{x} * {x}"),
        "recip" | "reciprocal" | "inv" => format!("1 / {x}"),
        "hypot" => format!("sqrt({x} * {x} + {y} * {y})"),
        "relu" => format!("max({}, 0)", x.trim_matches(['(', ')'])),
        _ => return MISSING.contains(&name).then_some(Instead::Nothing),
    };
    Some(Instead::Written(written))
}

/// The functions there are, for a fix.
pub(super) fn functions() -> String {
    format!(
        "the functions there are: {}",
        FUNCTIONS.iter().map(|function| format!("`{}`", function.name)).collect::<Vec<_>>().join(", ")
    )
}

/// What is known of a word that is no dtype: what to say beside it, and what to do.
pub(super) fn dtype(word: &str) -> Option<(String, String)> {
    let word = word.to_ascii_lowercase();
    let own = match word.as_str() {
        "float32" | "fp32" | "single" | "float" => Some(DTYPES[0]),
        "float64" | "fp64" | "double" => Some(DTYPES[1]),
        _ => None,
    };
    if let Some(own) = own {
        return Some((format!("did you mean `{own}`?"), format!("write `{own}`")));
    }
    let is_integer = word.strip_prefix('u').unwrap_or(&word).strip_prefix('i').is_some_and(|rest| {
        let bits = rest.strip_prefix("nt").unwrap_or(rest);
        rest == "size" || rest == "nteger" || bits.bytes().all(|byte| byte.is_ascii_digit())
    }) || word == "usize"
        || word
            .strip_prefix('u')
            .is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()));
    let what = match word.as_str() {
        _ if is_integer => "integers have",
        "bool" | "bool_" | "boolean" => "booleans have",
        "f16" | "bf16" | "fp16" | "float16" | "bfloat16" | "half" => "half precision has",
        "c64" | "c128" | "complex64" | "complex128" | "complex" => "complex numbers have",
        "f8" | "f80" | "f128" | "fp8" | "float128" | "longdouble" => "this precision has",
        _ => return None,
    };
    Some((format!("{what} no kernels yet"), format!("write {}, the dtypes there are", either(DTYPES))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_habit_is_a_function_that_exists() {
        for known in FUNCTIONS.iter() {
            assert!(function(known.name, &[]).is_none(), "{}", known.name);
        }
        for (_, own) in RENAMED {
            assert!(FUNCTIONS.iter().any(|known| known.name == own), "{own}");
        }
        for own in DTYPES {
            assert!(dtype(own).is_none(), "{own}");
        }
    }

    #[test]
    fn powers_are_products() {
        for (name, arguments, expected) in [
            ("pow", &["x", "2"][..], "x * x"),
            ("powi", &["x", "3"], "x * x * x"),
            ("powf", &["x + y", "0.5"], "sqrt(x + y)"),
            ("pow", &["x + y", "2"], "(x + y) * (x + y)"),
            ("pow", &["a_very_long_name", "2"], "x * x"),
            ("square", &["y"], "y * y"),
            ("hypot", &["x", "y"], "sqrt(x * x + y * y)"),
            ("pow", &[], "x * x"),
        ] {
            let Some(Instead::Written(text)) = function(name, arguments) else { panic!("{name}") };
            assert_eq!(text, expected, "{name} {arguments:?}");
        }
    }

    #[test]
    fn dtypes_of_other_names_and_none() {
        for (word, label) in [
            ("float32", "did you mean `f32`?"),
            ("Double", "did you mean `f64`?"),
            ("i32", "integers have no kernels yet"),
            ("uint8", "integers have no kernels yet"),
            ("u64", "integers have no kernels yet"),
            ("int", "integers have no kernels yet"),
            ("usize", "integers have no kernels yet"),
            ("bf16", "half precision has no kernels yet"),
            ("bool", "booleans have no kernels yet"),
            ("complex64", "complex numbers have no kernels yet"),
        ] {
            assert_eq!(dtype(word).map(|(label, _)| label).as_deref(), Some(label), "{word}");
        }
        for word in ["f33", "tensor", "u", "", "interval"] {
            assert!(dtype(word).is_none(), "{word}");
        }
    }
}
