//! The stages between specs and files, each by what it gives: expand, lower, select.

use std::collections::BTreeSet;

use raptors_codegen::{
    Dtype, Isa,
    diagnostics::Diagnostics,
    expand::{BUDGET, Expanded, Group, default_variant, expand, serves},
    ir::{
        Kernel, Minimum,
        dag::{Dag, Id, Node},
    },
    isa::Size,
    op::{Family, Form, Op, camel},
    select::{ASPECTS, IsaRows, SIZES, Table, select, shipped},
    spec::{
        self, Axis, Numerics, Prefetch, Schedule, Source, Spec, Store, Tile,
        expr::{Binary, Expr, Unary},
    },
    variant::Variant,
};

mod expansion;
mod lowering;
mod selection;
mod sharing;

/// A map over two matrices and a scalar.
const MAP: &str = r#"
summary = "A map."
inputs  = { x = "matrix", y = "matrix", k = "scalar" }
output  = "x * k + y"
dtypes  = ["f32", "f64"]
"#;

/// A map that leaves registers free.
const SCALE: &str = r#"
summary = "A map."
inputs  = { x = "matrix", k = "scalar" }
output  = "x * k"
dtypes  = ["f32", "f64"]
"#;

/// A reduction over every axis, in both classes.
const SUM: &str = r#"
summary = "A sum."
inputs  = { x = "matrix" }
dtypes  = ["f32", "f64"]
[reduce]
axes     = ["all", "0", "1"]
of       = "x"
combine  = "add"
numerics = ["numpy", "accurate"]
"#;

/// The spec `op` with that text.
fn load(text: &str) -> Vec<Spec> {
    let source = Source { name: "ops/op.toml".to_owned(), text: text.to_owned() };
    spec::load(&[source]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A map of that expression, of `f32`, at those unroll factors.
fn map_of(output: &str, unroll: &str) -> String {
    let inputs: Vec<String> = ["x", "y", "k"]
        .iter()
        .filter(|name| output.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == **name))
        .map(|name| format!("{name} = \"{}\"", if *name == "k" { "scalar" } else { "matrix" }))
        .collect();
    format!(
        "summary = \"A map.\"\ninputs = {{ {} }}\noutput = \"{output}\"\ndtypes = [\"f32\"]\n\n[variants]\nunroll = {unroll}\n",
        inputs.join(", ")
    )
}

fn with_expanded<T>(text: &str, look: impl FnOnce(&[Op<'_>], &Expanded<'_>) -> T) -> T {
    let specs = load(text);
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    look(&ops, &expanded)
}

fn refused(text: &str) -> Diagnostics {
    let specs = load(text);
    match expand(&Op::of_specs(&specs)) {
        Ok(_) => panic!("no stage refuses it"),
        Err(errors) => errors,
    }
}

fn avx2() -> &'static Isa {
    Isa::find("avx2").expect("AVX2 is described")
}

fn portable() -> &'static Isa {
    Isa::find("portable").expect("plain Rust is described")
}

/// The group that serves an operation of `f32`, in a class, not in place.
fn group<'e, 'a>(expanded: &'e Expanded<'a>, op: &str, numerics: Numerics) -> &'e Group<'a> {
    let is = |group: &&Group<'_>| {
        (group.dtype, group.numerics, group.inplace) == (Dtype::F32, numerics, None)
            && group.ops.iter().any(|of| of.name == op)
    };
    expanded.groups.iter().find(is).unwrap_or_else(|| panic!("no group of {op}"))
}

/// The kernels of an ISA, in the order in which they stand.
fn of_isa<'e>(expanded: &'e Expanded<'_>, isa: &str) -> impl Iterator<Item = &'e Kernel> {
    let kernels = expanded.candidates.iter().map(|candidate| &candidate.kernel);
    kernels.filter(move |kernel| kernel.isa.name == isa)
}

/// Why the kernel of that name is dropped, if it is.
fn reason(expanded: &Expanded<'_>, name: &str) -> Option<String> {
    let found = expanded.candidates.iter().find(|candidate| candidate.kernel.name == name);
    found.unwrap_or_else(|| panic!("no {name}")).dropped.clone()
}

/// The kernel whose name ends so: what it computes is that of the text.
fn lowered(text: &str, end: &str) -> Kernel {
    with_expanded(text, |_, expanded| {
        let kernels = expanded.candidates.iter().map(|candidate| &candidate.kernel);
        let mut found = kernels.filter(|kernel| kernel.name.ends_with(&format!("_{end}")));
        let kernel = found.next().unwrap_or_else(|| panic!("no {end}"));
        assert!(found.next().is_none(), "one kernel is called {end}");
        kernel.clone()
    })
}

mod isas {
    use super::*;

    #[test]
    fn what_runs_everywhere_comes_first() {
        let portable_first: Vec<bool> = Isa::all().iter().map(Isa::is_portable).collect();
        assert!(portable_first[0] && portable_first.is_sorted_by_key(|portable| !portable));
        for isa in Isa::all() {
            assert_eq!(Isa::find(&isa.name).map(|found| &found.name), Some(&isa.name));
            assert!(
                isa.lanes(Dtype::F32) == 2 * isa.lanes(Dtype::F64) && isa.registers >= 16,
                "{}",
                isa.name
            );
        }
        assert!(Isa::find("mmx").is_none());
    }

    /// No vector of a run has more lanes than a leaf has accumulators; every other kernel has all that there are.
    #[test]
    fn runs_take_at_most_eight_lanes() {
        let mut narrowed = 0;
        for (text, all_lanes) in [(MAP, true), (SUM, false)] {
            with_expanded(text, |_, expanded| {
                for kernel in expanded.candidates.iter().map(|candidate| &candidate.kernel) {
                    let dtype = kernel.types.storage;
                    let lanes = kernel.isa.lanes(dtype);
                    let (module, expected) = if kernel.family == Family::Runs && lanes > 8 {
                        narrowed += 1;
                        (format!("{dtype}x8"), 8)
                    } else {
                        (dtype.to_string(), lanes)
                    };
                    assert_eq!((kernel.vocabulary(), kernel.lanes()), (module, expected), "{}", kernel.name);
                    assert_eq!(kernel.vector_bytes(), expected * dtype.bytes());
                    assert!(!all_lanes || kernel.lanes() == lanes, "{}", kernel.name);
                }
            });
        }
        assert!(narrowed > 0, "no ISA has vectors of more than eight lanes");
    }
}

mod ops {
    use super::*;

    #[test]
    fn a_reduction_is_an_operation_for_each_axis() {
        let specs = load(SUM);
        let names: Vec<String> = Op::of_specs(&specs).into_iter().map(|op| op.name).collect();
        assert_eq!(names, ["op", "op_axis0", "op_axis1"]);
        assert_eq!(camel("sum_axis0"), "SumAxis0");
    }

    #[test]
    fn families_follow_from_axis_class_and_order() {
        use Family::{ColumnTree, Columns, Runs, RunsInOrder};
        use Numerics::{Accurate, Numpy};
        let families = |combine: &str| {
            let text = SUM.replace("\"add\"", &format!("\"{combine}\""));
            let specs = load(&text);
            let ops = Op::of_specs(&specs);
            ops.iter().map(|op| [op.family(Numpy), op.family(Accurate)]).collect::<Vec<_>>()
        };
        assert_eq!(families("add"), [[Runs, Runs], [Columns, ColumnTree], [Runs, Runs]]);
        assert_eq!(families("mul"), [[RunsInOrder, Runs], [Columns, ColumnTree], [RunsInOrder, Runs]]);
        assert_eq!(families("max"), [[Runs, Runs], [Columns, Columns], [Runs, Runs]]);
    }

    #[test]
    fn classes_that_agree_share_their_kernels() {
        let specs = load(SUM);
        let ops = Op::of_specs(&specs);
        assert_eq!(ops[0].kernel_classes(), [Numerics::Numpy]);
        assert_eq!(ops[0].served_by(Numerics::Accurate), Numerics::Numpy);
        assert_eq!(ops[1].kernel_classes(), Numerics::LISTED);
        assert_eq!(ops[1].served_by(Numerics::Accurate), Numerics::Accurate);
        with_expanded(SUM, |_, expanded| {
            for group in &expanded.groups {
                let [op] = group.ops[..] else { panic!("one operation for each axis") };
                let expected: &[Numerics] = match (&op.form, group.numerics) {
                    (Form::Reduce(_, Axis::Zero), Numerics::Numpy) => &[Numerics::Numpy],
                    (Form::Reduce(_, Axis::Zero), Numerics::Accurate) => &[Numerics::Accurate],
                    _ => &Numerics::LISTED,
                };
                assert_eq!(serves(group, op), expected, "{} {:?}", op.name, group.numerics);
            }
        });
    }
}

mod names {
    use super::*;

    #[test]
    fn a_name_says_all_of_a_variant() {
        let name = |variant: Variant| variant.kernel_name("mul_m_s", Family::Map, Dtype::F32, avx2());
        let plain = Variant::plain(4);
        assert_eq!(name(plain), "mul_m_s_map_f32_avx2_u4");
        assert_eq!(plain.to_string(), "unroll 4");
        let cases = [
            (Variant { schedule: Schedule::Pipelined, ..plain }, "_pipe", "pipelined"),
            (Variant { streams: 8, ..plain }, "_s8", "8 streams"),
            (Variant { tile: Tile::Bytes(512), ..plain }, "_t512", "tile 512 B"),
            (Variant { tile: Tile::Bytes(4096), ..plain }, "_t4k", "tile 4 KiB"),
            (
                Variant { prefetch: Prefetch::Ahead { level: 2, lines: 32 }, ..plain },
                "_pl2x32",
                "prefetch l2 32 lines",
            ),
            (Variant { store: Store::Streaming, ..plain }, "_nt", "streaming stores"),
            (Variant { inplace: Some(0), ..plain }, "_inplace", "in place"),
            (Variant { inplace: Some(1), ..plain }, "_inplace2", "in place of matrix 2"),
        ];
        let mut all = plain;
        let (mut suffixes, mut words) = (String::new(), String::from("unroll 4"));
        for (variant, suffix, word) in cases {
            assert_eq!(name(variant), format!("mul_m_s_map_f32_avx2_u4{suffix}"));
            assert_eq!(variant.to_string(), format!("unroll 4, {word}"));
            if variant.tile != Tile::Bytes(512) && variant.inplace != Some(0) {
                suffixes.push_str(suffix);
                words.extend([", ", word]);
            }
        }
        all.schedule = Schedule::Pipelined;
        all.streams = 8;
        all.tile = Tile::Bytes(4096);
        all.prefetch = Prefetch::Ahead { level: 2, lines: 32 };
        all.store = Store::Streaming;
        all.inplace = Some(1);
        assert_eq!(name(all), format!("mul_m_s_map_f32_avx2_u4{suffixes}"));
        assert_eq!(all.to_string(), words);
    }

    #[test]
    fn two_kernels_never_share_one() {
        let variants =
            "\n[variants]\nunroll = [1, 2, 4, 8]\nprefetch = [\"none\", \"l1 8 lines\", \"l2 32 lines\"]\n";
        let map = format!(
            "{SCALE}{variants}schedule = [\"grouped\", \"pipelined\"]\nstore = [\"cached\", \"streaming\"]\n"
        );
        let sum = format!("{SUM}{variants}streams = [1, 2]\ntile = [\"512 B\", \"1 KiB\", \"whole\"]\n");
        for text in [map.as_str(), &sum, SCALE, SUM] {
            with_expanded(text, |_, expanded| {
                let kernels = || expanded.candidates.iter().map(|candidate| &candidate.kernel);
                let names: BTreeSet<&str> = kernels().map(|kernel| kernel.name.as_str()).collect();
                assert_eq!(names.len(), expanded.candidates.len());
                for kernel in kernels() {
                    let Kernel { computes, family, types, isa, variant, name, .. } = kernel;
                    assert_eq!(*name, variant.kernel_name(computes, *family, types.storage, isa));
                }
            });
        }
    }

    /// The words for skeletons tell them apart: what is computed and all else may be the same.
    #[test]
    fn skeletons_have_words_of_their_own() {
        let name = |family| Variant::plain(1).kernel_name("add", family, Dtype::F32, avx2());
        let names: BTreeSet<String> = Family::ALL.map(name).into();
        assert_eq!(names.len(), Family::ALL.len());
        assert!(names.contains("add_tree_f32_avx2_u1"), "{names:?}");
    }
}
