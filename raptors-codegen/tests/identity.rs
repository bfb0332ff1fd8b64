//! What a kernel is: by its identity, its name, its text, and whoever asked for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use raptors_codegen::{
    Input,
    emit::kernel_code,
    expand::{Expanded, expand},
    generate,
    op::Op,
    select::{select, shipped},
    spec::{self, Body, Source, Spec},
};

fn shipped_specs() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-specs/ops");
    spec::load_dir(&folder, "kernel-specs/ops").expect("the shipped specs are here")
}

fn sources<const N: usize>(texts: [(&str, &str); N]) -> Vec<Source> {
    texts.map(|(name, text)| Source { name: format!("ops/{name}.toml"), text: text.to_owned() }).to_vec()
}

fn with_expanded<T>(sources: &[Source], look: impl FnOnce(&Expanded<'_>) -> T) -> T {
    let specs = spec::load(sources).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    look(&expand(&ops).unwrap_or_else(|errors| panic!("{errors}")))
}

/// The function of a kernel without what names it: parameters and body.
fn body(expanded: &Expanded<'_>, kernel: usize) -> String {
    let code = kernel_code(expanded, kernel);
    let (_, function) = code.split_once("\nfn ").expect("a function");
    let (name, body) = function.split_once('(').expect("parameters");
    assert_eq!(name, expanded.candidates[kernel].kernel.name);
    body.to_owned()
}

#[test]
fn kernels_of_one_name_have_one_identity_and_others_have_others() {
    with_expanded(&shipped_specs(), |expanded| {
        let mut names = BTreeMap::new();
        let mut identities = BTreeMap::new();
        for kernel in expanded.candidates.iter().map(|candidate| &candidate.kernel) {
            let (name, identity) = (kernel.name.as_str(), kernel.identity());
            assert_eq!(*names.entry(name).or_insert(identity), identity, "{name} is two");
            let other = *identities.entry(identity).or_insert(name);
            assert_eq!(other, name, "these are one");
        }
        assert!(names.len() == expanded.candidates.len() && names.len() > 500, "{}", names.len());
    });
}

/// Two kernels that are the same but for their names would be compiled, measured and shipped twice.
#[test]
fn no_two_kernels_that_ship_have_one_body() {
    with_expanded(&shipped_specs(), |expanded| {
        let mut bodies: BTreeMap<(&str, String), &str> = BTreeMap::new();
        let shipped = shipped(&select(expanded));
        for &at in &shipped {
            let kernel = &expanded.candidates[at].kernel;
            let other = bodies.insert((&kernel.isa.name, body(expanded, at)), &kernel.name);
            assert_eq!(other, None, "{} is the same", kernel.name);
        }
        assert!(bodies.len() == shipped.len() && bodies.len() > 50, "{}", bodies.len());
    });
}

/// Nor do any two candidates: a tournament would have them compete with themselves.
#[test]
fn no_two_candidates_of_one_table_have_one_body() {
    with_expanded(&shipped_specs(), |expanded| {
        for group in expanded.groups.iter().filter(|group| group.dtype.name() == "f32") {
            let mut bodies: BTreeMap<(&str, String), &str> = BTreeMap::new();
            for &at in group.kernels.iter().filter(|&&at| expanded.candidates[at].dropped.is_none()) {
                let kernel = &expanded.candidates[at].kernel;
                let other = bodies.insert((&kernel.isa.name, body(expanded, at)), &kernel.name);
                assert_eq!(other, None, "{} is the same", kernel.name);
            }
        }
    });
}

const SCALE: &str = r#"
summary = "A map."
inputs  = { x = "matrix", factor = "scalar" }
output  = "x * factor"
dtypes  = ["f32"]
"#;

const GAIN: &str = r#"
summary = "A map."
inputs  = { gain = "scalar", a = "matrix" }
output  = "gain * a"
dtypes  = ["f32"]
[tasks]
threads = ["one"]
"#;

/// The tables of a `dispatch.rs` whose summary names an operation: the list of kernels and the choices of each.
fn rows(dispatch: &str, op: &str) -> BTreeSet<String> {
    let tables =
        dispatch.split("    /// ").filter(|table| table.lines().next().is_some_and(|line| line.contains(op)));
    tables
        .map(|table| {
            let (_, rows) = table.split_once("rows: ").expect("the list");
            rows.split(',').next().expect("an end").to_owned()
        })
        .collect()
}

#[test]
fn operations_that_compute_the_same_have_one_function_and_both_name_it() {
    let files = |specs: Vec<Source>| {
        let output = generate(&Input { specs, ..Input::default() });
        output.unwrap_or_else(|errors| panic!("{errors}")).files
    };
    let both = files(sources([("scale", SCALE), ("gain", GAIN)]));
    let one = files(sources([("scale", SCALE)]));
    let functions = |files: &[raptors_codegen::emit::File]| -> Vec<String> {
        let kernels = files.iter().filter(|file| file.name.starts_with("kernels_"));
        let functions = kernels.flat_map(|file| file.text.split("\n#[kernel(").skip(1));
        functions.map(|function| function.split("\n}\n").next().expect("an end").to_owned()).collect()
    };
    assert_eq!(functions(&both), functions(&one));
    assert!(functions(&both).iter().all(|function| function.contains("\nfn mul_m_s_map_f32_")));
    let noted =
        both.iter().any(|file| file.text.contains("// ops/gain.toml:4, ops/scale.toml:4  ·  unroll 4\n"));
    assert!(noted, "the note above names both");

    let dispatch = both.iter().find(|file| file.name == "dispatch.rs").map(|file| file.text.as_str());
    let dispatch = dispatch.expect("it is written");
    let of = |op: &str| rows(dispatch, &format!("`{op}`"));
    assert_eq!(of("scale").into_iter().collect::<Vec<_>>(), ["rows::MAP_MSINPLACE_F32", "rows::MAP_MS_F32"]);
    assert_eq!(of("gain"), of("scale"));
    // Calls of one of them are never cut: these are two tables, of the same kernels.
    let default = |table: &str| {
        let (_, table) = dispatch.split_once(&format!("static {table}: ")).expect("a table");
        let (_, choices) = table.split_once("default: &").expect("choices");
        let name = choices.split(',').next().expect("an end");
        let (_, value) = dispatch.split_once(&format!("static {name}: Choices = ")).expect("they are there");
        let (_, buckets) = value.split_once("buckets: ").expect("buckets");
        (name.to_owned(), buckets.split(']').next().expect("an end").to_owned())
    };
    let (first, second) = (default("MUL_M_S_F32"), default("MUL_M_S_F32__2"));
    assert_eq!(first.1, second.1);
    assert_ne!(first.0, second.0, "they differ in how calls are cut");
}

/// The text of every kernel of a spec. Whose they are stands in the note above alone, which is left out. `rename` is
/// called with the spec as it was read, before anything is made of it: what names a spec may have is another matter.
fn texts(text: &str, rename: impl FnOnce(&mut Spec)) -> Vec<String> {
    let mut specs = spec::load(&sources([("op", text)])).unwrap_or_else(|errors| panic!("{errors}"));
    rename(&mut specs[0]);
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    let code = |at| kernel_code(&expanded, at).split_once('\n').expect("a note").1.to_owned();
    (0..expanded.candidates.len()).map(code).collect()
}

/// Names that kernels have for things of their own.
const NAMES: [[&str; 6]; 4] = [
    ["v", "steps", "acc", "x0", "len", "next_out"],
    ["k", "x", "col", "xb", "x_rest", "kb_v"],
    ["shared_0", "const_0", "out0", "lanes", "tree", "f32"],
    ["out", "out_tail", "row", "row_steps", "k_v", "self"],
];

#[test]
fn no_name_of_an_input_is_in_a_kernel() {
    let blend = r#"
summary  = "A map."
inputs   = { x = "matrix", y = "matrix", row = "row", column = "column", gain = "scalar", offset = "scalar" }
output   = "select(x > row, fma(x, gain, offset), y * gain - column * 2.5)"
dtypes   = ["f32", "f64"]
[variants]
unroll   = [1, 2]
schedule = ["grouped", "pipelined"]
store    = ["cached", "streaming"]
prefetch = ["none", "l1 8 lines"]
"#;
    let plain = texts(blend, |_| {});
    assert!(plain.len() > 50, "{}", plain.len());
    for names in NAMES {
        let renamed = texts(blend, |spec| {
            spec.name = "len".to_owned();
            for (input, name) in spec.inputs.iter_mut().zip(names) {
                name.clone_into(&mut input.name);
            }
        });
        assert!(renamed == plain, "{names:?}");
    }
}

#[test]
fn no_name_of_a_state_is_in_a_kernel() {
    let energy = r#"
summary  = "A sum."
inputs   = { x = "matrix" }
dtypes   = ["f32", "f64"]
[reduce]
axes     = ["all", "0", "1"]
numerics = ["numpy", "accurate"]
[reduce.state]
total    = { init = "0", step = "fma(x, x, total)", merge = "a.total + b.total" }
"#;
    let plain = texts(energy, |_| {});
    assert!(plain.len() > 10, "{}", plain.len());
    for [input, state, ..] in NAMES {
        let renamed = texts(energy, |spec| {
            input.clone_into(&mut spec.inputs[0].name);
            let Body::Reduce(reduce) = &mut spec.body else { panic!("a reduction") };
            state.clone_into(&mut reduce.state[0].name);
        });
        assert!(renamed == plain, "{input} {state}");
    }
}
