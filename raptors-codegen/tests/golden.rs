//! Kernels as they are written, kept to be read: each family on each ISA, and each kind of variant on one.
//!
//! `golden/<kernel>.rs` holds the code of that kernel. `RAPTORS_BLESS=1 cargo test -p raptors-codegen` writes what is
//! emitted now, and removes what belongs to no kernel of the list; the difference is then read before it is committed.
//!
//! `golden/revisions.txt` holds of each which revision of its family (`ir::revision`) its text is of. A text that changes
//! needs another revision, since profiles know kernels by what they are lowered from and by that number.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    hash::Hasher as _,
    path::{Path, PathBuf},
};

use fnv::FnvHasher;
use raptors_codegen::{
    Isa,
    emit::kernel_code,
    expand::expand,
    ir::revision,
    op::{Family, Op},
    spec::{self, Source},
};

/// The specs of the golden kernels: their own, so that a change of a shipped spec changes nothing here.
const SPECS: [(&str, &str); 11] = [
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
        "less",
        r#"
        summary  = "The difference, the other way round: in place it is the second matrix of kernels that is overwritten."
        inputs   = { x = "matrix", y = "matrix" }
        output   = "y - x"
        dtypes   = ["f32"]
        [variants]
        unroll   = [2]
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
    (Family::Map, "mul_m_s_map_f32_*_u2"),
    (Family::Runs, "add_runs_f64_*_u2_s2"),
    (Family::RunsInOrder, "mul_in_order_f32_*_u1"),
    (Family::Columns, "add_columns_f32_*_u2"),
    (Family::ColumnTree, "add_tree_f64_*_u8_t1k"),
];

/// Variants and expressions; on AVX2, and where masks and vectors of more than eight lanes make a difference, AVX-512.
const VARIANTS: [&str; 22] = [
    "mul_m_s_map_f32_avx2_u1",
    "mul_m_s_map_f32_avx2_u2_pl1x8",
    "mul_m_s_map_f64_avx2_u2_pl2x32",
    "mul_m_s_map_f64_avx2_u2_nt",
    "mul_m_s_map_f32_avx2_u2_inplace",
    "add_m_m2_map_f32_avx2_u2_pipe",
    "add_m_m2_map_f32_avx2_u2_inplace",
    "sub_m_m2_map_f32_avx2_u2_inplace2",
    "add_m_r_map_f32_avx2_u2",
    "add_m_r_map_f32_avx2_u2_nt",
    "fma_div_s_c_sub_m_r_s2_map_f64_avx2_u2",
    "fma_div_s_c_sub_m_r_s2_map_f64_avx2_u2_inplace",
    "select_and_gt_m_0p5_not_a19d11df_map_f32_avx2_u1",
    "select_and_gt_m_0p5_not_a19d11df_map_f32_avx2_u2",
    "add_runs_f32_avx2_u1_s2",
    "add_runs_f32_avx2_u1_s2_pl1x8",
    "add_columns_f64_avx2_u2_t1k",
    "min_runs_f32_avx2_u2",
    "fold_0_fma_m_m_state0_add_a0_b0_runs_f64_avx2_u1",
    "fold_0_select_gt_abs_m_3d141886_columns_f32_avx2_u2",
    "select_and_gt_m_0p5_not_a19d11df_map_f32_avx512_u1",
    "add_runs_f32_avx512_u1_s2",
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

/// A kernel of the list as it is emitted.
struct Emitted {
    family: Family,
    /// The line of the spec that it is of.
    op: String,
    code: String,
}

/// Each kernel of the list.
fn emitted() -> BTreeMap<String, Emitted> {
    let specs = spec::load(&sources()).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    let emit = |(name, wanted): (String, Option<Family>)| {
        let at = expanded.candidates.iter().position(|candidate| candidate.kernel.name == name);
        let at = at.unwrap_or_else(|| panic!("the specs make no `{name}`"));
        let candidate = &expanded.candidates[at];
        assert_eq!(candidate.dropped, None, "{name}");
        let family = candidate.kernel.family;
        assert!(wanted.is_none_or(|wanted| wanted == family), "{name}");
        let group = expanded.groups.iter().find(|group| group.kernels.contains(&at));
        let op = group.expect("a kernel is some group's").ops[0].spec.name.clone();
        (name, Emitted { family, op, code: kernel_code(&expanded, at) })
    };
    wanted().into_iter().map(emit).collect()
}

#[test]
fn each_kernel_is_written_as_it_was() {
    let bless = env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for (name, Emitted { code, .. }) in emitted() {
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
    let mut known: BTreeSet<String> = wanted().into_keys().map(|name| format!("{name}.rs")).collect();
    known.insert("revisions.txt".to_owned());
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
    for (name, Emitted { op, code, .. }) in emitted() {
        let file = syn::parse_file(&code).unwrap_or_else(|error| panic!("{name}: {error}"));
        let [syn::Item::Fn(function)] = &file.items[..] else { panic!("{name} is no single function") };
        assert_eq!(function.sig.ident, name.as_str());
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
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    let made: BTreeSet<Family> = expanded.candidates.iter().map(|it| it.kernel.family).collect();
    assert_eq!(listed, made);
}

/// Which revision of its family a kernel's text is of, and a hash of the text.
#[derive(Clone, Debug, PartialEq)]
struct Revised {
    family: &'static str,
    revision: u32,
    hash: u64,
}

/// What `revisions.txt` should hold of the kernels as they are emitted.
fn revised() -> BTreeMap<String, Revised> {
    let of = |(name, Emitted { family, code, .. }): (String, Emitted)| {
        // What runs: neither the note nor the attribute.
        let (_, function) = code.split_once("\nfn ").expect("a function");
        let mut hasher = FnvHasher::default();
        hasher.write(function.as_bytes());
        (name, Revised { family: family.name(), revision: revision(family), hash: hasher.finish() })
    };
    emitted().into_iter().map(of).collect()
}

const REVISIONS: &str = "# Of each golden kernel its family, the revision of the family that its text is of, and a hash of the text.
";

fn written(revised: &BTreeMap<String, Revised>) -> String {
    let line = |(name, Revised { family, revision, hash }): (&String, &Revised)| {
        format!("{family} {revision} {hash:016x} {name}\n")
    };
    let mut lines: Vec<String> = revised.iter().map(line).collect();
    lines.sort();
    format!("{REVISIONS}{}", lines.concat())
}

/// The revision and the hash that a text of that file has of each kernel.
fn read(text: &str) -> BTreeMap<&str, (u32, u64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [_, revision, hash, name] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("revisions.txt: `{line}`")
            };
            (name, (revision.parse().expect("a number"), u64::from_str_radix(hash, 16).expect("a hash")))
        })
        .collect()
}

/// What may not be, even when blessed: a text that changed and is of the revision that it was of, or of an earlier one.
fn unrevised(held: &str, now: &BTreeMap<String, Revised>) -> Vec<String> {
    let held = read(held);
    let wrong = |(name, now): (&String, &Revised)| {
        let &(revision, hash) = held.get(name.as_str())?;
        let is_right = now.revision > revision || (now.revision == revision && now.hash == hash);
        (!is_right).then(|| {
            format!(
                "{name}: raise ir::revision of `{}`: profiles would follow kernels that are no longer what was measured",
                now.family
            )
        })
    };
    now.iter().filter_map(wrong).collect()
}

#[test]
fn a_text_that_changes_has_another_revision() {
    let path = here().join("revisions.txt");
    let held = fs::read_to_string(&path).unwrap_or_default();
    let now = revised();
    let wrong = unrevised(&held, &now);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let text = written(&now);
    if held != text {
        let bless = env::var_os("RAPTORS_BLESS").is_some_and(|value| value == "1");
        assert!(bless, "revisions.txt is not that of these kernels; RAPTORS_BLESS=1 writes it anew");
        fs::write(&path, text).expect("tests/golden can be written");
    }
}

#[test]
fn blessing_does_not_hide_a_change() {
    let of = |revision, hash| {
        let revised = Revised { family: "map", revision, hash };
        BTreeMap::from([("mul_m_s_map_f32_avx2_u2".to_owned(), revised)])
    };
    let held = written(&of(2, 7));
    assert!(unrevised(&held, &of(2, 7)).is_empty());
    assert!(unrevised(&held, &of(3, 8)).is_empty(), "it was raised");
    assert!(unrevised(&held, &of(3, 7)).is_empty(), "it was raised for another kernel's sake");
    assert!(unrevised(&written(&BTreeMap::new()), &of(1, 7)).is_empty(), "the kernel is new");
    for (revision, hash) in [(2, 8), (1, 8), (1, 7)] {
        let wrong = unrevised(&held, &of(revision, hash));
        assert!(wrong.len() == 1 && wrong[0].contains("raise ir::revision of `map`"), "{wrong:?}");
    }
}
