//! Whatever a file holds, loading it ends, with specs or with diagnostics that lie within the file.

use std::{fs, path::Path};

use proptest::prelude::*;
use raptors_codegen::{
    Carry, Input, generate, python,
    spec::{self, Source},
};

fn shipped() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-specs/ops");
    spec::load_dir(&dir, "ops").expect("the shipped specs").into_iter().map(|source| source.text).collect()
}

/// Specs that break a rule: near to the valid ones, and with fields that those do not have.
fn broken() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    spec::load_dir(&dir, "ui").expect("the cases").into_iter().map(|source| source.text).collect()
}

/// Loads a text and checks what holds of every text.
fn check(text: String) -> Result<(), TestCaseError> {
    let source = Source { name: "ops/op.toml".to_owned(), text };
    match spec::load(std::slice::from_ref(&source)) {
        Ok(specs) => {
            // One for each form of an input.
            prop_assert!((1..=4).contains(&specs.len()), "no spec, and no word why");
            // Whatever is right can be generated, or is refused for its many candidates; in Python, too.
            let specs = vec![source.clone()];
            let generated =
                generate(&Input { specs: specs.clone(), carry: Carry::Winners, ..Input::default() });
            prop_assert!(generated.is_ok() || generated.is_err_and(|errors| !errors.all().is_empty()));
            prop_assert!(python(&specs).is_ok());
        }
        Err(errors) => {
            prop_assert!(!errors.all().is_empty());
            for (index, error) in errors.all().iter().enumerate() {
                prop_assert!(source.text.get(error.span.clone()).is_some(), "{:?}", error.span);
                // Found again from the start of the text: too slow for each of thousands.
                if index < 50 {
                    prop_assert_eq!((error.line, error.col), source.position(error.span.start));
                }
                prop_assert!(error.fix.is_some() && !error.label.is_empty() && !error.message.is_empty());
            }
            prop_assert!(errors.all().windows(2).all(|pair| pair[0].span.start <= pair[1].span.start));
            let shown = errors.to_string();
            for error in errors.all().iter().take(50) {
                let place = format!("ops/op.toml:{}:{}", error.line, error.col);
                prop_assert!(shown.contains(&place), "{} is not in\n{}", place, shown);
            }
        }
    }
    Ok(())
}

/// A map with that expression, in a string that needs no escapes for it or in one that has them.
fn with_expression(expression: &str, escaped: bool) -> String {
    let head = "summary = \"S.\"\ninputs = { x = \"matrix\", y = \"row\" }\ndtypes = [\"f32\"]\n";
    if escaped {
        format!("{head}output = {expression:?}\n")
    } else {
        format!("{head}output = '''{expression}'''\n")
    }
}

/// A reduction with that expression in each of its places.
fn with_state(expression: &str) -> String {
    format!(
        "summary = \"S.\"\ninputs = {{ x = \"matrix\" }}\ndtypes = [\"f64\"]\n[reduce]\naxes = [\"all\"]\n\
         finish = '''{expression}'''\n[reduce.state]\n\
         total = {{ init = '''{expression}''', step = '''{expression}''', merge = '''{expression}''' }}\n"
    )
}

/// Reductions in stages with that expression in each of their places.
fn with_stages(expression: &str) -> [String; 3] {
    let head = "summary = \"S.\"\ninputs = { x = \"matrix\", y = \"row\", z = \"scalar\" }\ndtypes = [\"f64\"]\n\
                [reduce]\naxes = [\"all\", \"0\"]\n";
    let stages = "[reduce.stages]\ntotal = { of = \"x * y + z\", combine = \"add\" }\n";
    [
        format!("{head}finish = '''{expression}'''\n{stages}"),
        format!(
            "{head}outputs = {{ first = \"total\", second = '''{expression}''' }}\n{stages}\
             scaled = {{ finish = '''{expression}''' }}\n"
        ),
        format!(
            "{head}{stages}holds = {{ of = '''{expression}''', combine = \"count\" }}\n\
             last = {{ of = '''{expression}''', combine = \"max\", finish = '''{expression}''' }}\n"
        ),
    ]
}

/// Words of the expression language, and of the rest of Rust.
fn token() -> impl Strategy<Value = &'static str> {
    const TOKENS: &[&str] = &[
        "x",
        "y",
        "total",
        "count",
        "a.total",
        "b.total",
        "z",
        "1",
        "0.5e3",
        "1f32",
        "1e400",
        "0x1f",
        "+",
        "-",
        "*",
        "/",
        "<",
        "<=",
        "==",
        "!=",
        ">",
        "&&",
        "||",
        "!",
        "(",
        ")",
        ",",
        "min(",
        "max(x,",
        "fma(",
        "clamp(",
        "select(",
        "is_nan(x)",
        "is_inf(x)",
        "sign(",
        "fmin(x,",
        "round(",
        "rem(x,",
        "sqrt(",
        ".abs()",
        ".",
        "..",
        "::",
        "as f64",
        "if",
        "else",
        "match",
        "{",
        "}",
        "[",
        "]",
        "|x|",
        "||",
        "return",
        "break",
        "'a",
        "'b'",
        "\"s\"",
        "#",
        "&",
        "|",
        "^",
        "%",
        "=",
        "+=",
        "<<",
        "->",
        "=>",
        "?",
        ";",
        "@",
        "$",
        "//",
        "/*",
        "*/",
        "///",
        "\n",
        "\\",
        "`",
        "µ",
        "\u{feff}",
        "r#x",
        "_",
        "x!",
        "async",
        "move",
        "unsafe",
        "loop",
    ];
    prop::sample::select(TOKENS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(String::from_utf8_lossy(&bytes).into_owned())?;
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        check(text)?;
    }

    #[test]
    fn any_change_of_a_spec(
        text in prop::sample::select([shipped(), broken()].concat()),
        at in any::<prop::sample::Index>(),
        length in 0..12_usize,
        insert in prop_oneof![
            "[\\[\\]{}\"'=.,#\\n\\\\ 0-9a-z_\u{0}-\u{1f}µ€]{0,6}",
            token().prop_map(str::to_owned),
            Just("[shapes]\n".to_owned()),
            Just("\r\n".to_owned()),
        ],
    ) {
        let boundary = |at: usize| text.floor_char_boundary(at);
        let from = boundary(at.index(text.len() + 1));
        let to = boundary(from + length).max(from);
        check(format!("{}{insert}{}", &text[..from], &text[to..]))?;
    }

    #[test]
    fn lines_in_any_order(
        text in prop::sample::select([shipped(), broken()].concat()),
        other in prop::sample::select([shipped(), broken()].concat()),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let lines: Vec<&str> = text.lines().chain(other.lines()).collect();
        if !lines.is_empty() {
            check(seed.iter().map(|index| *index.get(&lines)).collect::<Vec<_>>().join("\n"))?;
        }
    }

    #[test]
    fn any_tokens_as_an_expression(tokens in prop::collection::vec(token(), 0..40), escaped: bool) {
        let expression = tokens.join(" ");
        check(with_expression(&expression, escaped))?;
        check(with_expression(&tokens.concat(), escaped))?;
        check(with_state(&expression))?;
        for text in with_stages(&expression) {
            check(text)?;
        }
    }

    #[test]
    fn any_text_as_an_expression(text in "\\PC{0,60}", escaped: bool) {
        check(with_expression(&text, escaped))?;
    }

    #[test]
    fn repeated_tokens_as_an_expression(token in token(), count in 1..700_usize, last in token()) {
        check(with_expression(&format!("{} {last}", vec![token; count].join(" ")), false))?;
        check(with_expression(&format!("{}{last}", token.repeat(count)), false))?;
    }
}

/// Runs on half of the stack that threads have: the least that a process has anywhere, its main thread on Windows.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no panic");
}

#[test]
fn deep_nesting_ends_on_a_small_stack() {
    on_a_small_stack(|| {
        for count in [1, 16, 31, 32, 33, 199, 200, 399, 400, 401, 1000] {
            for (open, close) in [
                ("(", ")"),
                ("[", "]"),
                ("{", "}"),
                ("min(x, ", ")"),
                ("-", ""),
                ("!", ""),
                ("&", ""),
                ("*", ""),
                ("x + ", ""),
                ("x * -", ""),
                ("", " - x"),
                ("x < ", ""),
                ("x && ", ""),
                ("|| ", ""),
                ("&&", ""),
                ("return ", ""),
                ("x = ", ""),
                ("", " as f64"),
                ("", ".abs()"),
                ("", "(x)"),
                ("", "!(x)"),
                ("", ".0"),
                ("if x { ", "}"),
                ("select(", ", 1, 1)"),
                ("sign(", ")"),
                ("fmin(", ", y)"),
                ("x(", ")"),
                ("- (", ")"),
                ("!(-", ")"),
                ("/*", "*/"),
                ("a.", ""),
                ("f::<", ">"),
                ("<", ">"),
                ("#[x] ", ""),
                ("(---", ")"),
                ("x + -(", ")"),
                ("x && !(", ")"),
                ("x, ", ""),
                ("&& && ", ""),
                ("f!(", ")"),
            ] {
                let expression = format!("{}x{}", open.repeat(count), close.repeat(count));
                check(with_expression(&expression, false)).expect("it ends");
            }
        }
    });
}

#[test]
fn deep_toml_ends_on_a_small_stack() {
    on_a_small_stack(|| {
        for (head, part, tail) in [
            ("a = ", "[", ""),
            ("a = ", "{ a = ", ""),
            ("", "a.", "b = 1"),
            ("[", "a.", "b]"),
            ("", "[", ""),
            ("", "\"", ""),
            ("", "a.b.c = { d = [", ""),
            ("inputs = ", "{ x = [", ""),
            ("", "[a]\n", ""),
            ("", "a = 1\n", ""),
            ("axes = [", "\"0\", ", "]"),
            ("[variants]\nunroll = [", "99, ", "]"),
            ("", "=\n", ""),
            ("", "a\n", ""),
            ("inputs = { ", "x.", "y = 1 }"),
            ("[reduce]\nstate.", "x.", "init = \"0\""),
        ] {
            for length in [10, 70, 90, 1000, 60_000] {
                check(format!("{head}{}{tail}", part.repeat(length / part.len()))).expect("it ends");
            }
        }
    });
}

#[test]
fn the_cases_of_the_ui_tests_hold_too() {
    for text in broken() {
        check(text).expect("it ends");
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    assert!(fs::read_dir(dir).expect("the cases").count() > 60);
}
