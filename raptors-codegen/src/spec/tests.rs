//! The loader on the shipped specs, and on what the model keeps of others.

use std::path::Path;

use super::{
    Axis, Binary, Body, Diagnostic, Expr, Field, Input, InputKind, Numerics, Prefetch, Reduce, Schedule,
    Source, Spec, Store, Tile, Unary, Variants, load, load_dir, overlay,
};
use crate::Dtype;

fn shipped() -> Vec<Source> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-specs/ops");
    load_dir(&dir, "kernel-specs/ops/").unwrap()
}

fn source(name: &str, text: &str) -> Source {
    Source { name: format!("ops/{name}.toml"), text: text.to_owned() }
}

fn one(name: &str, text: &str) -> Spec {
    load(&[source(name, text)]).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
}

fn output(expression: &str) -> Expr {
    let text = format!(
        "summary = \"S.\"\ninputs = {{ x = \"matrix\", y = \"matrix\" }}\ndtypes = [\"f64\"]\noutput = '''\n{expression}'''\n"
    );
    let Body::Map { output } = one("op", &text).body else { panic!("a map") };
    output
}

fn reduction(body: &str) -> Reduce {
    let head = "summary = \"S.\"\ninputs = { x = \"matrix\" }\ndtypes = [\"f64\"]\n[reduce]\n";
    let Body::Reduce(reduce) = one("op", &format!("{head}{body}")).body else { panic!("a reduction") };
    reduce
}

fn binary(op: Binary, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Box::new(x), Box::new(y))
}

fn prefetch() -> Vec<Prefetch> {
    vec![Prefetch::None, Prefetch::Ahead { level: 1, lines: 8 }, Prefetch::Ahead { level: 2, lines: 32 }]
}

fn input(name: &str, kind: InputKind) -> Input {
    Input { name: name.to_owned(), kind }
}

#[test]
fn every_shipped_spec_loads_under_its_name() {
    let sources = shipped();
    let specs = load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    // A file gives a spec of its name, and one of each further form of an input.
    for source in &sources {
        let of_file = specs.iter().filter(|spec| spec.text == source.text);
        assert!(of_file.clone().any(|spec| spec.name == source.stem()), "{}", source.name);
        for spec in of_file {
            let form = spec.name.strip_prefix(source.stem()).unwrap();
            assert!(["", "_row", "_column", "_scalar"].contains(&form), "{}", spec.name);
        }
    }
    assert!(names.is_sorted());
    for name in ["add", "broadcast_add", "scale", "sub", "sub_row", "sub_column", "sub_scalar", "sum", "var"]
    {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn maps_have_the_values_that_are_written() {
    let specs = load(&shipped()).unwrap();
    let find = |name: &str| specs.iter().find(|spec| spec.name == name).unwrap();
    let scale = find("scale");
    assert_eq!(scale.summary, "Multiply every element of a matrix by a scalar.");
    assert_eq!(scale.file, "kernel-specs/ops/scale.toml");
    assert_eq!(scale.text.lines().nth(scale.line - 1), Some("output  = \"x * factor\""));
    assert_eq!(scale.inputs, [input("x", InputKind::Matrix), input("factor", InputKind::Scalar)]);
    assert_eq!(scale.dtypes, Dtype::ALL);
    assert_eq!(scale.body, Body::Map { output: binary(Binary::Mul, Expr::Input(0), Expr::Input(1)) });
    assert_eq!(
        scale.variants,
        Variants {
            unroll: vec![1, 2, 4, 6, 8],
            schedule: vec![Schedule::Grouped, Schedule::Pipelined],
            prefetch: prefetch(),
            store: vec![Store::Cached, Store::Streaming],
            ..Variants::default()
        }
    );
    assert_eq!(scale.shapes, [(512, 512), (1024, 1024), (2048, 2048)]);

    let sum = binary(Binary::Add, Expr::Input(0), Expr::Input(1));
    assert_eq!(find("add").body, Body::Map { output: sum.clone() });
    assert_eq!(find("add").inputs, [input("x", InputKind::Matrix), input("y", InputKind::Matrix)]);
    assert_eq!(find("broadcast_add").body, Body::Map { output: sum });
    assert_eq!(find("broadcast_add").inputs, [input("x", InputKind::Matrix), input("row", InputKind::Row)]);
}

#[test]
fn a_reduction_has_the_values_that_are_written() {
    let specs = load(&shipped()).unwrap();
    let sum = specs.iter().find(|spec| spec.name == "sum").unwrap();
    let side = |second| Expr::Side { second, index: 0 };
    let acc = Field {
        name: "acc".to_owned(),
        init: Expr::Literal(0.0),
        step: binary(Binary::Add, Expr::State(0), Expr::Input(0)),
        merge: binary(Binary::Add, side(false), side(true)),
    };
    let reduce = Reduce {
        axes: Axis::ALL.to_vec(),
        state: vec![acc],
        finish: None,
        sequential: false,
        has_identity: true,
        numerics: vec![Numerics::Numpy, Numerics::Accurate, Numerics::Any],
    };
    assert_eq!(sum.body, Body::Reduce(reduce));
    assert_eq!(sum.text.lines().nth(sum.line - 1), Some("of       = \"x\""));
    assert_eq!(
        sum.variants,
        Variants {
            unroll: vec![1, 2, 4, 8],
            prefetch: prefetch(),
            streams: vec![1, 2, 4, 8],
            tile: vec![Tile::Bytes(1024), Tile::Bytes(4096), Tile::Whole],
            ..Variants::default()
        }
    );
}

#[test]
fn inputs_keep_the_order_written() {
    let spec = one(
        "op",
        "summary = \"S.\"\ninputs = { z = \"row\", a = \"matrix\", m = \"column\" }\ndtypes = [\"f64\", \"f32\"]\n\
         output = \"z + a + m\"\n[shapes]\nrect = [[64, 8], [8, 64]]\nsquare = [32]\n[variants]\nexplore = \"full\"\n",
    );
    let names: Vec<&str> = spec.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["z", "a", "m"]);
    assert_eq!(spec.dtypes, Dtype::ALL, "sorted");
    assert_eq!(spec.shapes, [(8, 64), (32, 32), (64, 8)], "sorted");
    assert!(spec.variants.full);
}

#[test]
fn operators_bind_as_in_rust() {
    let (x, y) = (|| Expr::Input(0), || Expr::Input(1));
    assert_eq!(output("x - y - x * y"), {
        let left = binary(Binary::Sub, x(), y());
        binary(Binary::Sub, left, binary(Binary::Mul, x(), y()))
    });
    assert_eq!(output("-(x + y)"), Expr::Unary(Unary::Neg, Box::new(binary(Binary::Add, x(), y()))));
    assert_eq!(output("x /* a note */ * -1_0.5e-1 // and y\n + y"), {
        let number = Expr::Unary(Unary::Neg, Box::new(Expr::Literal(1.05)));
        binary(Binary::Add, binary(Binary::Mul, x(), number), y())
    });
    let mask = binary(
        Binary::Or,
        binary(Binary::And, binary(Binary::Lt, x(), y()), Expr::Unary(Unary::IsNan, Box::new(x()))),
        Expr::Unary(Unary::Not, Box::new(binary(Binary::Eq, x(), Expr::Literal(1.0)))),
    );
    assert_eq!(
        output("select(x < y && is_nan(x) || !(x == 1), sqrt(x), abs(y))"),
        Expr::Select(Box::new([
            mask,
            Expr::Unary(Unary::Sqrt, Box::new(x())),
            Expr::Unary(Unary::Abs, Box::new(y()))
        ]))
    );
    assert_eq!(output("fma(x, y, 0.1)"), Expr::Fma(Box::new([x(), y(), Expr::Literal(0.1)])));
    assert_eq!(
        output("clamp(x, 0, y)"),
        binary(Binary::Min, binary(Binary::Max, x(), Expr::Literal(0.0)), y())
    );
}

#[test]
fn every_operator_and_function_is_itself() {
    use Binary::{Add, Copysign, Div, Eq, Ge, Gt, Le, Lt, Max, Min, Mul, Ne, Rem, Sub};
    use Unary::{Ceil, Floor, Round, Trunc};
    let xy = |op| binary(op, Expr::Input(0), Expr::Input(1));
    for (sign, op) in [("+", Add), ("-", Sub), ("*", Mul), ("/", Div)] {
        assert_eq!(output(&format!("x {sign} y")), xy(op));
    }
    for (name, op) in [("min", Min), ("max", Max), ("copysign", Copysign), ("rem", Rem)] {
        assert_eq!(output(&format!("{name}(x, y)")), xy(op));
    }
    for (name, op) in [("floor", Floor), ("ceil", Ceil), ("trunc", Trunc), ("round", Round)] {
        assert_eq!(output(&format!("y * {name}(x)")), {
            binary(Mul, Expr::Input(1), Expr::Unary(op, Box::new(Expr::Input(0))))
        });
    }
    let select = |mask| Expr::Select(Box::new([mask, Expr::Literal(1.0), Expr::Literal(0.0)]));
    for (sign, op) in [("<", Lt), ("<=", Le), (">", Gt), (">=", Ge), ("==", Eq), ("!=", Ne)] {
        assert_eq!(output(&format!("select(x {sign} y, 1, 0)")), select(xy(op)));
    }
}

#[test]
fn functions_that_are_short_for_others() {
    for (short, long) in [
        ("clamp(x, 0, y)", "min(max(x, 0), y)"),
        ("y * sign(-x)", "y * select(-x > 0, 1, select(-x < 0, -1, select(-x == 0, 0, -x)))"),
        ("fmin(x, y)", "select(is_nan(x), y, select(is_nan(y), x, min(x, y)))"),
        ("fmax(x, 2 * y)", "select(is_nan(x), 2 * y, select(is_nan(2 * y), x, max(x, 2 * y)))"),
    ] {
        assert_eq!(output(short), output(long), "{short}");
    }
    let magnitude = |op| {
        let x = Expr::Unary(Unary::Abs, Box::new(Expr::Input(0)));
        Expr::Select(Box::new([binary(op, x, Expr::Literal(f64::INFINITY)), Expr::Input(0), Expr::Input(1)]))
    };
    assert_eq!(output("select(is_inf(x), x, y)"), magnitude(Binary::Eq));
    assert_eq!(output("select(is_finite(x), x, y)"), magnitude(Binary::Lt));
}

#[test]
fn combine_is_short_for_a_state() {
    for (combine, op, init, sequential, has_identity) in [
        ("add", "a.acc + b.acc", "0", false, true),
        ("mul", "a.acc * b.acc", "1", true, true),
        ("min", "min(a.acc, b.acc)", "1 / 0", false, false),
        ("max", "max(a.acc, b.acc)", "-1 / 0", false, false),
    ] {
        let axes = "axes = [\"1\", \"all\"]\n";
        let short = reduction(&format!("{axes}of = \"x * x\"\ncombine = \"{combine}\"\n"));
        let step = op.replace("a.acc", "acc").replace("b.acc", "x * x");
        let step = if combine == "mul" { "acc * (x * x)".to_owned() } else { step };
        let long = reduction(&format!(
            "{axes}[reduce.state]\nacc = {{ init = \"{init}\", step = \"{step}\", merge = \"{op}\" }}\n"
        ));
        assert_eq!(short.axes, [Axis::All, Axis::One], "sorted");
        assert_eq!(short.numerics, [Numerics::Numpy], "the default");
        assert_eq!(short.state[0].step, long.state[0].step);
        assert_eq!(short.state[0].merge, long.state[0].merge);
        for reduce in [short, long] {
            assert_eq!((reduce.sequential, reduce.has_identity), (sequential, has_identity), "{combine}");
        }
    }
}

#[test]
fn finish_sees_the_state_and_the_count() {
    let mean = reduction("axes = [\"0\"]\nof = \"x\"\ncombine = \"add\"\nfinish = \"acc / count\"\n");
    assert_eq!(mean.finish, Some(binary(Binary::Div, Expr::State(0), Expr::Count)));
}

#[test]
fn finish_can_do_without_the_count() {
    let norm = reduction("axes = [\"all\"]\nof = \"x * x\"\ncombine = \"add\"\nfinish = \"sqrt(acc)\"\n");
    assert_eq!(norm.finish, Some(Expr::Unary(Unary::Sqrt, Box::new(Expr::State(0)))));
}

#[test]
fn the_fields_of_a_state_are_stages() {
    let text = "summary = \"S.\"\ninputs = { x = \"matrix\" }\ndtypes = [\"f64\"]\n[reduce]\naxes = [\"all\"]\n\
                finish = \"total / count\"\n[reduce.state]\n\
                total = { init = \"0\", step = \"total + select(is_nan(x), 0, x)\", merge = \"a.total + b.total\" }\n\
                count = { init = \"0\", step = \"count + select(is_nan(x), 0, 1)\", merge = \"a.count + b.count\" }\n";
    let spec = load(&[source("nanmean", text)]).unwrap().remove(0);
    let Body::Staged(staged) = spec.body else { panic!("stages") };
    assert_eq!(staged.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["total", "count"]);
    // The field hides the number of elements.
    assert_eq!(staged.outputs[0].value, binary(Binary::Div, Expr::Input(1), Expr::Input(2)));
    assert_eq!(spec.text.lines().nth(spec.line - 1).unwrap().split(' ').next(), Some("total"));
}

#[test]
fn byte_order_mark_and_crlf_change_nothing_but_the_text() {
    let source = shipped().into_iter().find(|source| source.stem() == "sum").unwrap();
    let plain = load(std::slice::from_ref(&source)).unwrap().remove(0);
    let windows = Source { text: format!("\u{feff}{}", source.text.replace('\n', "\r\n")), ..source };
    let spec = load(std::slice::from_ref(&windows)).unwrap().remove(0);
    assert_eq!(spec.text, windows.text);
    assert_eq!(Spec { text: plain.text.clone(), ..spec }, plain);
}

#[test]
fn an_overlay_replaces_by_file_name_and_adds() {
    let base = vec![source("a", "1"), source("c", "2")];
    let extra = vec![
        Source { name: "mine/c.toml".into(), text: "3".into() },
        Source { name: "mine/b.toml".into(), text: "4".into() },
    ];
    let names: Vec<String> = overlay(base, extra).into_iter().map(|source| source.name).collect();
    assert_eq!(names, ["mine/b.toml", "mine/c.toml", "ops/a.toml"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = load_dir(Path::new("/nowhere/at/all"), "ops").unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_later_stage_finds_the_place_of_a_value() {
    let spec = load(&shipped()).unwrap().into_iter().find(|spec| spec.name == "scale").unwrap();
    for (path, text) in [
        (&["variants", "unroll", "3"][..], "6"),
        (&["variants", "prefetch", "1"], "\"l1 8 lines\""),
        (&["variants", "unroll"], "unroll"),
        (&["variants"], "variants"),
        (&["inputs", "factor"], "factor"),
        // What is not there is at the last of its parents that is.
        (&["variants", "unroll", "9"], "unroll"),
        (&["variants", "tile", "1"], "variants"),
        (&["reduce"], ""),
    ] {
        let found = Diagnostic::in_spec(&spec, path, "r", "m", "l", None);
        assert_eq!(&spec.text[found.span], text, "{path:?}");
    }
}

#[test]
fn an_expression_is_written_as_it_is_read() {
    for text in [
        "x * y + 1",
        "x * (y + 1)",
        "x - (y - 1)",
        "-(x + y) / -x / 0.1",
        "select(x < y && !(is_nan(x) || x == y), fma(x, y, 1), min(max(x, y), sqrt(abs(x))))",
        "select((x < 1 || y < 1) && x != y, x, y)",
        "rem(floor(x), ceil(y)) - (trunc(x + 1) - copysign(round(y), -x))",
        "select(!is_inf(x + y) && is_finite(x), x, y)",
    ] {
        assert_eq!(output(text).text(&["x", "y"], &[]), text);
    }
}
