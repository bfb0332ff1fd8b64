//! Which names generated code can use, in Rust and in Python.

/// Functions of the expression language, with the number of their arguments.
pub(super) const FUNCTIONS: [(&str, usize); 8] =
    [("abs", 1), ("sqrt", 1), ("is_nan", 1), ("min", 2), ("max", 2), ("fma", 3), ("clamp", 3), ("select", 3)];

/// Names of generated code that an input would hide.
const OF_GENERATED_CODE: [&str; 19] = [
    "out",
    "acc",
    "count",
    "v",
    "steps",
    "next_out",
    "out_head",
    "out_rest",
    "out_steps",
    "out_tail",
    "exactly",
    "shape",
    "contiguous",
    "kernel",
    "choice",
    // The parameters of Python functions.
    "py",
    "axis",
    "keepdims",
    "numerics",
];

/// What generated code appends to the names of inputs.
const OF_INPUTS: [&str; 5] = ["_v", "_steps", "_rest", "_head", "_tail"];

/// Names of generated code that it numbers: results, shared values, constants.
const NUMBERED: [&str; 3] = ["out", "shared_", "const_"];

/// What generated code appends to the names of operations.
const OF_OPERATIONS: [&str; 7] = ["_into", "_inplace", "_with", "_run", "_typed", "_erased", "_explain"];

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
        if name == "t" {
            return Some("is the name of a type parameter of generated code".to_owned());
        }
        let end = OF_OPERATIONS.iter().find(|end| name.ends_with(**end))?;
        Some(format!("ends in `{end}`, as functions that belong to another operation do"))
    })
}

/// Why no input can have that name.
pub(super) fn input_problem(name: &str) -> Option<String> {
    problem(name).or_else(|| {
        let numbered = NUMBERED.iter().filter_map(|stem| name.strip_prefix(stem));
        if numbered.into_iter().any(|rest| rest.starts_with(|first: char| first.is_ascii_digit())) {
            return Some("is a name that generated code uses".to_owned());
        }
        if FUNCTIONS.iter().any(|(function, _)| *function == name) {
            Some("is a function of the expression language".to_owned())
        } else if OF_GENERATED_CODE.contains(&name) {
            Some("is a name that generated code uses".to_owned())
        } else {
            None
        }
    })
}

/// Whether generated code makes the name `other` of the input `name`: `x_steps` or `x0` of `x`.
pub(super) fn makes(name: &str, other: &str) -> bool {
    other.strip_prefix(name).is_some_and(|rest| {
        OF_INPUTS.contains(&rest) || (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Why no field of a state can have that name. `acc` and `count` are fine: a state is where they come from.
pub(super) fn state_problem(name: &str) -> Option<String> {
    if ["acc", "count"].contains(&name) { None } else { input_problem(name) }
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
        assert!(input_problem("min").is_some());
        assert!(input_problem("count").is_some());
        assert_eq!(state_problem("count"), None);
        assert!(state_problem("v").is_some());
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
