//! No name of a spec reaches into generated code: each identifier of generated code that can be an input's or an
//! operation's name is one, in a library that is built with all of them and compared with the oracle.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use proc_macro2::{TokenStream, TokenTree};
use raptors_codegen::{
    Carry, Input, generate, python,
    spec::{self, Rule, Source},
};

use crate::scratch::Scratch;

/// What generated code is looked at for: each form of input, so that whatever is made of a name `x` or `y` is seen, and
/// each skeleton.
const SEEDS: [(&str, &str); 8] = [
    ("seed_matrix", "inputs = { x = \"matrix\", y = \"matrix\" }\noutput = \"x * y\""),
    (
        "seed_row",
        "inputs = { x = \"matrix\", y = \"row\" }\noutput = \"select(x < y, fma(x, y, 0.1), sqrt(abs(x)))\"",
    ),
    ("seed_column", "inputs = { x = \"matrix\", y = \"column\" }\noutput = \"min(x, y) + max(x, y)\""),
    ("seed_scalar", "inputs = { y = \"scalar\", x = \"matrix\" }\noutput = \"(x - y) / (x - y + 1.5)\""),
    ("seed_one", "inputs = { y = \"matrix\" }\noutput = \"sqrt(y)\""),
    (
        "seed_mean",
        "inputs = { x = \"matrix\" }\n[reduce]\naxes = [\"all\", \"0\", \"1\"]\nof = \"x * x\"\ncombine = \"add\"\n\
         finish = \"acc / count\"\nnumerics = [\"numpy\", \"accurate\"]",
    ),
    (
        "seed_product",
        "inputs = { y = \"matrix\" }\n[reduce]\naxes = [\"all\", \"0\", \"1\"]\n[reduce.state]\n\
         total = { init = \"1\", step = \"total * y\", merge = \"a.total * b.total\" }",
    ),
    (
        "seed_staged",
        "inputs = { x = \"matrix\", y = \"row\" }\n[reduce]\naxes = [\"all\", \"0\", \"1\"]\n\
         numerics = [\"numpy\", \"accurate\"]\noutputs = { seed_a = \"seed_mean\", seed_b = \"seed_most / count\" }\n\
         [reduce.stages]\nseed_mean = { of = \"x * y\", combine = \"add\", finish = \"acc / count\" }\n\
         seed_most = { of = \"x - seed_mean\", combine = \"max\" }",
    ),
];

fn source(name: &str, body: &str) -> Source {
    // What stands above tables has to come first.
    let text = format!("summary = \"S.\"\ndtypes = [\"f64\"]\n{body}\n");
    Source { name: format!("ops/{name}.toml"), text }
}

/// Every identifier of the generated files, types in the spelling that a spec would make them of. Of identifiers that
/// differ in numbers alone, one; and none that is a seed's.
fn words() -> BTreeSet<String> {
    let seeds: Vec<Source> = SEEDS.iter().map(|(name, body)| source(name, body)).collect();
    let input = Input { specs: seeds.clone(), carry: Carry::All, ..Input::default() };
    let mut files = generate(&input).expect("specs that are right").files;
    files.extend(python(&seeds).expect("specs that are right"));
    let mut found = BTreeSet::new();
    for file in &files {
        if Path::new(&file.name).extension().is_some_and(|extension| extension == "rs") {
            identifiers(file.text.parse().expect("generated code is Rust"), &mut found);
        } else {
            // Types for Python.
            let code = file.text.lines().map(|line| line.split(['#', '"']).next().unwrap_or_default());
            let words =
                code.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
            found.extend(words.map(str::to_owned));
        }
    }
    let (mut words, mut forms) = (BTreeSet::new(), BTreeSet::new());
    for word in found.iter().map(|word| snake_case(word)).filter(|word| !word.contains("seed")) {
        let letters = word.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter });
        if forms.insert(letters.collect::<String>().replace("00", "0")) {
            words.insert(word);
        }
    }
    words
}

fn identifiers(code: TokenStream, found: &mut BTreeSet<String>) {
    for token in code {
        match token {
            TokenTree::Ident(ident) => {
                found.insert(ident.to_string());
            }
            TokenTree::Group(group) => identifiers(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// `matrix_ref` of `MatrixRef`.
fn snake_case(word: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in word.char_indices() {
        if letter.is_ascii_uppercase()
            && at > 0
            && word[..at].ends_with(|last: char| last.is_ascii_lowercase())
        {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Whether there is nothing wrong with a spec.
fn is_right(source: &Source) -> bool {
    spec::load(std::slice::from_ref(source)).is_ok()
}

/// Names that a map takes of each form.
const OF_EACH: usize = 3;

/// A map of all forms of input: of each of these names as a matrix, a row, a column and a scalar; `y` is of that kind.
fn map(op: &str, y: &str, names: &[&str; 4 * OF_EACH]) -> Source {
    let kinds = ["matrix", "row", "column", "scalar"];
    let mut inputs = format!("x = \"matrix\", y = \"{y}\"");
    let mut output = "x * y".to_owned();
    for (at, name) in names.iter().enumerate() {
        write!(inputs, ", {name} = \"{}\"", kinds[at / OF_EACH]).expect("memory for a spec");
        // Each by another power of `x`, so that one in the place of another shows.
        output = format!("({output} - {name}) * x");
    }
    source(op, &format!("inputs = {{ {inputs} }}\noutput = \"{output}\"\n[variants]\nunroll = [1]"))
}

fn reduction(op: &str, axis: &str, name: &str) -> Source {
    source(
        op,
        &format!(
            "inputs = {{ {name} = \"matrix\" }}\n[reduce]\naxes = [\"{axis}\"]\nof = \"abs({name})\"\n\
             combine = \"add\"\n[variants]\nunroll = [1]"
        ),
    )
}

/// Names that stages take at once.
const OF_STAGES: usize = 7;

/// A reduction in stages: three of the names are inputs, three are stages, and of these and the last one two are results.
fn stages(op: &str, axis: &str, [m, r, k, mean, most, ratio, other]: [&str; OF_STAGES]) -> Source {
    source(
        op,
        &format!(
            "inputs = {{ {m} = \"matrix\", {r} = \"row\", {k} = \"scalar\" }}\n[reduce]\naxes = [\"{axis}\"]\n\
             numerics = [\"numpy\", \"accurate\"]\n\
             outputs = {{ {mean} = \"{ratio} + {k}\", {other} = \"{mean}\" }}\n[reduce.stages]\n\
             {mean} = {{ of = \"{m} * {r} + {k}\", combine = \"add\", finish = \"acc / count\" }}\n\
             {most} = {{ of = \"({m} - {mean}) * {r}\", combine = \"max\" }}\n\
             {ratio} = {{ finish = \"{most} / {mean} - {k}\" }}"
        ),
    )
}

/// Specs in which each word is a matrix, a row, a column, a scalar and the input of a reduction, where it can be; and
/// the name of an operation.
fn specs(words: &BTreeSet<String>) -> Vec<Source> {
    let is_input = |name: &&str| {
        let body = format!("inputs = {{ {name} = \"matrix\" }}\noutput = \"{name} + 1\"");
        !["x", "y"].contains(name) && is_right(&source("op", &body))
    };
    let inputs: Vec<&str> = words.iter().map(String::as_str).filter(is_input).collect();
    let is_op = |name: &&str| is_right(&reduction(name, "all", "x"));
    let mut ops = words.iter().map(String::as_str).filter(is_op);
    let mut op = |made_up: String| ops.next().map_or(made_up, str::to_owned);
    let mut sources = Vec::new();
    for (number, at) in (0..inputs.len()).step_by(OF_EACH).enumerate() {
        let names = std::array::from_fn(|step| inputs[(at + step) % inputs.len()]);
        // What is made of `y` depends on what `y` is, so where that may be a name it is there with each.
        let is_made = names.iter().any(|name: &&str| name.starts_with('y'));
        let kinds = ["matrix", "row", "column", "scalar"].into_iter().enumerate();
        for (_, y) in kinds.filter(|(kind, _)| is_made || number % 4 == *kind) {
            sources.push(map(&op(format!("map_of_{at}_{y}")), y, &names));
        }
    }
    for (at, name) in inputs.iter().enumerate() {
        let axis = ["all", "0", "1"][at % 3];
        if is_right(&reduction("op", axis, name)) {
            sources.push(reduction(&op(format!("reduction_of_{at}")), axis, name));
        }
    }
    // Each is an input, a stage or a result; what the parts of stages are called, too. All of each would be hundreds.
    let is_stage = |name: &&str| {
        let names = ["m", "r", "k", name, "most", "ratio", "other"];
        !names[..3].contains(name) && is_right(&stages("op", "all", names))
    };
    let more = ["add", "mul", "by", "fold", "terms", "add_axis0", "erased", "explain", "least"];
    let names: Vec<&str> = inputs.iter().copied().chain(more).filter(is_stage).collect();
    for at in (0..names.len()).step_by(OF_STAGES) {
        let names = std::array::from_fn(|step| names[(at + step) % names.len()]);
        sources.push(stages(&format!("stages_of_{at}"), ["all", "0", "1"][at % 3], names));
    }
    for (at, name) in ops.enumerate() {
        sources.push(reduction(name, ["all", "0", "1"][at % 3], "x"));
    }
    // A function of another operation is no operation.
    if let Err(found) = spec::load(&sources) {
        let doubles: BTreeSet<&str> = found
            .all()
            .iter()
            .inspect(|found| assert_eq!(found.rule, Rule::DuplicateOperation.id(), "{found:?}"))
            .map(|found| found.file.as_str())
            .collect();
        sources.retain(|source| !doubles.contains(source.name.as_str()));
    }
    sources
}

#[test]
fn no_name_reaches_into_generated_code() {
    let words = words();
    let mut specs = specs(&words);
    // Those with which it was found.
    specs.push(source(
        "y_before_of_y",
        "inputs = { x = \"matrix\", y = \"matrix\", y_before = \"matrix\" }\noutput = \"x * (y - y_before)\"",
    ));
    specs.push(source("std", "inputs = { call = \"matrix\", plan = \"scalar\" }\noutput = \"call * plan\""));
    specs.push(source("always_nan", "inputs = { x = \"matrix\" }\noutput = \"x * (1.0 / 0.0 - 1.0 / 0.0)\""));
    specs.push(source(
        "at_least_nothing",
        "inputs = { x = \"matrix\" }\n[reduce]\naxes = [\"all\", \"0\", \"1\"]\nfinish = \"sqrt(m)\"\n[reduce.state]\n\
         m = { init = \"0\", step = \"max(m, x)\", merge = \"max(a.m, b.m)\" }",
    ));
    // A stage may be called as a part of the operation, and a result as what callers of others hand over.
    let most = "inputs = { x = \"matrix\" }\n[reduce]\naxes = [\"all\", \"0\", \"1\"]\n\
                outputs = { out = \"add\", axis = \"max_axis0\", keepdims = \"values\", std = \"acc_2\" }\n[reduce.stages]\n\
                add = { of = \"x * x\", combine = \"add\" }\nmax_axis0 = { of = \"abs(x)\", combine = \"max\" }\n\
                values = { of = \"x > add / count\", combine = \"count\", finish = \"acc / count\" }\n\
                acc_2 = { of = \"x\", combine = \"mul\" }";
    specs.push(source("results", most));
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    specs.dedup_by(|a, b| a.name == b.name);
    spec::load(&specs).unwrap_or_else(|errors| panic!("{errors}"));

    let scratch =
        Scratch::new("names", |path| !path.starts_with("copy/kernel-specs") || path.ends_with("scale.toml"));
    let overlay = scratch.folder.join("overlay");
    std::fs::remove_dir_all(&overlay).ok();
    for spec in &specs {
        scratch.write(spec.name.replacen("ops/", "overlay/", 1), &spec.text);
    }
    let variables = [("RAPTORS_SPECS", overlay)];
    let run = scratch.run(&["names"], &variables).passed();
    assert!(run.said.ends_with(" operations are right\n"), "{}", run.said);
    no_warnings(&run.log);
    // Python's functions are made of the same names.
    no_warnings(&scratch.check_python(&variables).passed().log);
}

/// What is generated is not to be warned of, whoever's lints apply. That nothing uses some of what is written by hand is
/// because most operations are not there.
fn no_warnings(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    let is_generated = |pair: &&[&str]| pair[0].starts_with("warning: ") && pair[1].contains("/out/");
    let warned: Vec<&[&str]> = lines.windows(2).filter(is_generated).collect();
    assert!(warned.is_empty(), "{warned:#?}");
}
