//! Which names the functions of Rust and of Python can have, and their parameters.
//!
//! What generated code makes up for itself has two underlines in its name, which no name of a spec has. So nothing
//! here is about the inside of generated code: only keywords, and what people see.

use super::{function, python};

/// Constants of the expression language.
pub(super) const CONSTANTS: [&str; 2] = ["inf", "nan"];

/// Parameters that functions have beside their inputs.
const PARAMETERS: [&str; 6] = ["out", "axis", "keepdims", "numerics", "dtype", "initial"];

/// What an operation's functions may have at the end of their names.
pub(super) const FUNCTION_ENDS: [&str; 6] = ["", "_into", "_inplace", "_with", "_into_with", "_inplace_with"];

/// The module whose functions stand in the Python package's docs.
const NUMPY: &str = "np";

/// Keywords of Rust, also those that are only reserved.
const RUST: [&str; 53] = [
    "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Keywords of Python that are not also Rust's.
const PYTHON: [&str; 20] = [
    "and", "assert", "class", "def", "del", "elif", "except", "finally", "from", "global", "import", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "with", "None",
];

/// Letters of the longest name.
const LONGEST: usize = 40;

/// Whether it is a keyword of Rust.
pub(super) fn is_rust_keyword(name: &str) -> bool {
    RUST.contains(&name)
}

/// Why no function or argument can have that name, as the end of a sentence that begins with it.
pub(super) fn problem(name: &str) -> Option<String> {
    let snake_case = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.ends_with('_')
        && !name.contains("__");
    if is_rust_keyword(name) {
        Some("is a keyword of Rust".to_owned())
    } else if PYTHON.contains(&name) {
        Some("is a keyword of Python".to_owned())
    } else if !snake_case {
        Some("is not in snake_case".to_owned())
    } else if name.len() > LONGEST {
        Some(format!("has more than {LONGEST} letters"))
    } else {
        None
    }
}

/// Why no operation can have that name, as the end of a sentence that begins with it.
pub(super) fn operation_problem(name: &str) -> Option<String> {
    problem(name).or_else(|| {
        let what = python::what_is(name)?;
        Some(format!("is taken in the Python package, where `raptors.{name}` is {what}"))
    })
}

/// Why no input can have that name.
pub(super) fn input_problem(name: &str) -> Option<String> {
    problem(name).or_else(|| {
        if function::named(name).is_some() {
            Some("is a function of the expression language".to_owned())
        } else if CONSTANTS.contains(&name) {
            Some("is a constant of the expression language".to_owned())
        } else if PARAMETERS.contains(&name) {
            Some("is a parameter that functions have beside their inputs".to_owned())
        } else if name == NUMPY {
            Some("is how the Python package's docs call NumPy".to_owned())
        } else {
            None
        }
    })
}

/// Why no result of several can have that name. In Rust it is a parameter beside the inputs.
pub(super) fn result_problem(name: &str) -> Option<String> {
    problem(name).or_else(|| {
        let is_parameter = name == "numerics";
        is_parameter.then(|| "is a parameter that functions have beside their inputs".to_owned())
    })
}

/// Why no field of a state can have that name. No function has it as a parameter.
pub(super) fn state_problem(name: &str) -> Option<String> {
    if PARAMETERS.contains(&name) || name == NUMPY { None } else { input_problem(name) }
}

/// The nearest name in `snake_case`, for a fix; empty if nothing is left.
pub(super) fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && text.ends_with(|last: char| last.is_ascii_lowercase()) {
            text.push('_');
        }
        if letter.is_ascii_alphanumeric() {
            text.push(letter.to_ascii_lowercase());
        } else if !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
    }
    text.trim_start_matches(|first: char| first.is_ascii_digit() || first == '_')
        .trim_end_matches('_')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_both_languages_can_use() {
        for name in ["x", "factor", "x2", "log_sum_exp", "min"] {
            assert_eq!(problem(name), None, "{name}");
        }
        for name in [
            "",
            "_",
            "_x",
            "x_",
            "x__y",
            "X",
            "2x",
            "über",
            "fn",
            "gen",
            "lambda",
            "a b",
            "x-y",
            &"x".repeat(41),
        ] {
            assert!(problem(name).is_some(), "{name}");
        }
        for name in ["min", "out", "axis", "keepdims", "numerics", "dtype", "initial", "np"] {
            assert!(input_problem(name).is_some(), "{name}");
        }
        for name in ["call", "plan", "kernel", "shape", "v", "y_before", "steps", "py", "slf", "acc", "count"]
        {
            assert_eq!(input_problem(name), None, "{name}");
        }
        for name in ["acc", "count", "axis"] {
            assert_eq!(state_problem(name), None, "{name}");
        }
        assert!(state_problem("min").is_some());
        for name in ["std", "t", "scale_into", "register", "out"] {
            assert_eq!(operation_problem(name), None, "{name}");
        }
        for name in python::names() {
            assert_eq!(problem(name), None, "{name}: a spec could not have it anyway");
            assert!(operation_problem(name).is_some(), "{name}");
        }
    }

    #[test]
    fn syn_agrees_on_the_keywords() {
        for word in RUST.into_iter().filter(|word| !["gen", "_"].contains(word)) {
            assert!(syn::parse_str::<syn::Ident>(word).is_err(), "{word}");
        }
        for word in PYTHON {
            assert!(syn::parse_str::<syn::Ident>(word).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_name_is_turned_into_snake_case() {
        for (name, fixed) in
            [("LogSum", "log_sum"), ("x-y", "x_y"), ("2x", "x"), ("ÿ", ""), ("Scale Add!", "scale_add")]
        {
            assert_eq!(snake_case(name), fixed);
        }
    }
}
