//! Kernels as they are written, kept to be read: each family on each ISA, and each kind of variant on one.
//!
//! `golden/<kernel>.rs` holds the code of that kernel. `RAPTORS_BLESS=1 cargo test -p raptors-codegen` writes what is
//! emitted now, and removes what belongs to no kernel of the list; the difference is then read before it is committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use raptors_codegen::{
    Isa,
    emit::kernel_code,
    expand::expand,
    op::{Family, Op},
    spec::{self, Source},
};

/// The specs of the golden kernels: their own, so that a change of a shipped spec changes nothing here.
const SPECS: [(&str, &str); 10] = [
    (
        "scale",
        r#"
        summary  = "Multiply by a scalar."
        inputs   = { x = "matrix", factor = "scalar" }
        output   = "x * factor"
        dtypes   = ["f32", "f64"]
        [variants]
        unroll   = [1, 2]
        prefetch = ["none", "l1 8 lines", "l2 32 lines"]
        store    = ["cached", "streaming"]
        [shapes]
        rect     = [[8, 16]]
        "#,
    ),
    (
        "add",
        r#"
        summary  = "Add two matrices."
        inputs   = { x = "matrix", y = "matrix" }
        output   = "x + y"
        dtypes   = ["f32"]
        [variants]
        unroll   = [2]
        schedule = ["grouped", "pipelined"]
        "#,
    ),
    (
        "shift",
        r#"
        summary  = "Add a row."
        inputs   = { x = "matrix", row = "row" }
        output   = "x + row"
        dtypes   = ["f32"]
        [variants]
        unroll   = [2]
        store    = ["cached", "streaming"]
        [shapes]
        rect     = [[8, 16]]
        "#,
    ),
    (
        "affine",
        r#"
        summary  = "A row, a column and two scalars at once."
        inputs   = { x = "matrix", row = "row", column = "column", gain = "scalar", offset = "scalar" }
        output   = "fma(x - row, gain / column, offset)"
        dtypes   = ["f64"]
        [variants]
        unroll   = [2]
        "#,
    ),
    (
        "squash",
        r#"
        summary  = "Masks, bounds, constants, and a value that is used twice."
        inputs   = { x = "matrix", hi = "scalar" }
        output   = "select(x > 0.5 && !is_nan(hi), min(x * x, hi), -(x * x) + abs(x) / sqrt(2.0))"
        dtypes   = ["f32"]
        [variants]
        unroll   = [1, 2]
        "#,
    ),
    (
        "sum",
        r#"
        summary  = "Sum."
        inputs   = { x = "matrix" }
        dtypes   = ["f32", "f64"]
        [reduce]
        axes     = ["all", "0", "1"]
        of       = "x"
        combine  = "add"
        numerics = ["numpy", "accurate"]
        [variants]
        unroll   = [1, 2]
        streams  = [1, 2]
        tile     = ["1 KiB", "whole"]
        prefetch = ["none", "l1 8 lines"]
        [shapes]
        rect     = [[4, 256]]
        "#,
    ),
    (
        "product",
        r#"
        summary  = "Product."
        inputs   = { x = "matrix" }
        dtypes   = ["f32"]
        [reduce]
        axes     = ["all"]
        of       = "x"
        combine  = "mul"
        "#,
    ),
    (
        "lowest",
        r#"
        summary  = "Minimum."
        inputs   = { x = "matrix" }
        dtypes   = ["f32"]
        [reduce]
        axes     = ["all", "0"]
        of       = "x"
        combine  = "min"
        [variants]
        unroll   = [2]
        streams  = [1]
        "#,
    ),
    (
        "energy",
        r#"
        summary  = "Sum of squares."
        inputs   = { x = "matrix" }
        dtypes   = ["f64"]
        [reduce]
        axes     = ["all"]
        [reduce.state]
        total    = { init = "0", step = "fma(x, x, total)", merge = "a.total + b.total" }
        [variants]
        unroll   = [1]
        streams  = [1]
        "#,
    ),
    (
        "most",
        r#"
        summary  = "Sum of what is large: a constant, and a value that is used twice."
        inputs   = { x = "matrix" }
        dtypes   = ["f32"]
        [reduce]
        axes     = ["0"]
        [reduce.state]
        most     = { init = "0", step = "select(abs(x) > 0.5, most + abs(x), most)", merge = "a.most + b.most" }
        [variants]
        unroll   = [2]
        "#,
    ),
];

/// A kernel of each family; on each ISA.
const FAMILIES: [(Family, &str); 5] = [
    (Family::Map, "scale_f32_*_u2"),
    (Family::Runs, "sum_f64_*_u2"),
    (Family::RunsInOrder, "product_f32_*_u1"),
    (Family::Columns, "sum_axis0_f32_*_u2"),
    (Family::ColumnTree, "sum_axis0_f64_*_u8_t1k_acc"),
];

/// Variants and expressions; on AVX2, and where masks and vectors of more than eight lanes make a difference, AVX-512.
const VARIANTS: [&str; 25] = [
    "scale_f32_avx2_u1",
    "scale_f32_avx2_u2_pl1x8",
    "scale_f64_avx2_u2_pl2x32",
    "scale_f64_avx2_u2_nt",
    "scale_f32_avx2_u2_inplace",
    "scale_f32_avx2_u2_8x16",
    "add_f32_avx2_u2_pipe",
    "add_f32_avx2_u2_inplace",
    "shift_f32_avx2_u2",
    "shift_f32_avx2_u2_nt",
    "shift_f32_avx2_u2_8x16",
    "affine_f64_avx2_u2",
    "affine_f64_avx2_u2_inplace",
    "squash_f32_avx2_u1",
    "squash_f32_avx2_u2",
    "sum_f32_avx2_u1_s2",
    "sum_f32_avx2_u1_s2_pl1x8",
    "sum_axis1_f32_avx2_u1_s2_4x256",
    "sum_axis0_f64_avx2_u2_t1k",
    "sum_axis0_f32_avx2_u2_4x256",
    "lowest_f32_avx2_u2",
    "energy_f64_avx2_u1",
    "most_axis0_f32_avx2_u2",
    "squash_f32_avx512_u1",
    "sum_f32_avx512_u1_s2",
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn sources() -> Vec<Source> {
    SPECS.map(|(name, text)| Source { name: format!("ops/{name}.toml"), text: text.to_owned() }).to_vec()
}

/// The kernels of the list, each with its family where one is asked for.
fn wanted() -> BTreeMap<String, Option<Family>> {
    let families = FAMILIES.iter().flat_map(|&(family, name)| {
        Isa::all().iter().map(move |isa| (name.replace('*', &isa.name), Some(family)))
    });
    families.chain(VARIANTS.iter().map(|name| ((*name).to_owned(), None))).collect()
}

/// The code of each kernel of the list.
fn emitted() -> BTreeMap<String, String> {
    let specs = spec::load(&sources()).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    wanted()
        .into_iter()
        .map(|(name, family)| {
            let candidate = candidates.iter().find(|candidate| candidate.name == name);
            let candidate = candidate.unwrap_or_else(|| panic!("the specs make no `{name}`"));
            assert_eq!(candidate.dropped, None, "{name}");
            if let Some(family) = family {
                assert_eq!(candidate.family, family, "{name}");
            }
            (name, kernel_code(candidate))
        })
        .collect()
}

#[test]
fn each_kernel_is_written_as_it_was() {
    let bless = env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for (name, code) in emitted() {
        let path = here().join(format!("{name}.rs"));
        let held = fs::read_to_string(&path).ok();
        if held.as_ref() == Some(&code) {
            continue;
        }
        if bless {
            fs::write(&path, code).expect("tests/golden can be written");
        } else if let Some(held) = held {
            let same = held.lines().zip(code.lines()).take_while(|(a, b)| a == b).count();
            let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").trim().to_owned();
            wrong.push(format!("{name}.rs:{}: holds\n  {}\nnot\n  {}", same + 1, line(&held), line(&code)));
        } else {
            wrong.push(format!("{name}.rs is missing"));
        }
    }
    assert!(wrong.is_empty(), "{}\n\nRAPTORS_BLESS=1 writes them anew, to be read", wrong.join("\n"));
}

#[test]
fn no_file_belongs_to_no_kernel() {
    let bless = env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1");
    let known: BTreeSet<String> = wanted().into_keys().map(|name| format!("{name}.rs")).collect();
    for entry in fs::read_dir(here()).expect("tests/golden is here") {
        let entry = entry.expect("a readable folder");
        let name = entry.file_name().to_string_lossy().into_owned();
        if known.contains(&name) {
            continue;
        }
        assert!(bless, "{name} belongs to no kernel of the list");
        fs::remove_file(entry.path()).expect("tests/golden can be written");
    }
}

/// What stands in the files is one function each, under the kernel's name and below a note that names its spec.
#[test]
fn each_file_is_one_function() {
    for (name, code) in emitted() {
        let file = syn::parse_file(&code).unwrap_or_else(|error| panic!("{name}: {error}"));
        let [syn::Item::Fn(function)] = &file.items[..] else { panic!("{name} is no single function") };
        assert_eq!(function.sig.ident, name.as_str());
        let op = name.split('_').next().expect("a name has a first word");
        assert!(code.starts_with(&format!("// ops/{op}.toml:")), "{name} does not name its spec");
        assert!(!code.contains("comment!"), "a comment was left covered");
    }
}

/// The list leaves out no family.
#[test]
fn each_family_is_there() {
    let listed: BTreeSet<Family> = FAMILIES.iter().map(|(family, _)| *family).collect();
    let specs = spec::load(&sources()).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let made: BTreeSet<Family> = expand(&ops)
        .unwrap_or_else(|errors| panic!("{errors}"))
        .iter()
        .map(|candidate| candidate.family)
        .collect();
    assert_eq!(listed, made);
}
