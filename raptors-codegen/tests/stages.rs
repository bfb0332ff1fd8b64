//! The stages between specs and files, each by what it gives: expand, lower, select.

use std::collections::BTreeSet;

use raptors_codegen::{
    Dtype, Isa,
    diagnostics::Diagnostics,
    expand::{BUDGET, Candidate, default_variant, expand, serves},
    ir::{
        Kernel, Minimum,
        dag::{Dag, Id, Node},
        equal_leaf,
    },
    op::{Family, Form, Op, camel},
    select::{ASPECTS, SIZES, select, ships},
    spec::{
        self, Axis, Numerics, Prefetch, Schedule, Source, Spec, Store, Tile,
        expr::{Binary, Expr, Unary},
    },
    variant::Variant,
};

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

fn with_candidates<T>(text: &str, look: impl FnOnce(&[Op<'_>], &[Candidate<'_>]) -> T) -> T {
    let specs = load(text);
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    look(&ops, &candidates)
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

/// The kernel of that name, lowered.
fn lowered(text: &str, name: &str) -> Kernel {
    with_candidates(text, |_, candidates| {
        let found = candidates.iter().find(|candidate| candidate.name == name);
        let Candidate { op, family, dtype, isa, variant, .. } = found.unwrap_or_else(|| panic!("no {name}"));
        Kernel::lower(op, *family, *dtype, isa, variant)
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
        assert_eq!(ops[1].kernel_classes(), Numerics::ALL);
        assert_eq!(ops[1].served_by(Numerics::Accurate), Numerics::Accurate);
        with_candidates(SUM, |_, candidates| {
            for candidate in candidates {
                let expected: &[Numerics] = match (&candidate.op.form, candidate.variant.numerics) {
                    (Form::Reduce(_, Axis::Zero), Numerics::Numpy) => &[Numerics::Numpy],
                    (Form::Reduce(_, Axis::Zero), Numerics::Accurate) => &[Numerics::Accurate],
                    _ => &Numerics::ALL,
                };
                assert_eq!(serves(candidate), expected, "{}", candidate.name);
            }
        });
    }
}

mod names {
    use super::*;

    #[test]
    fn a_name_says_all_of_a_variant() {
        let name = |variant: Variant| variant.kernel_name("op", Dtype::F32, avx2());
        let plain = Variant::plain(4);
        assert_eq!(name(plain), "op_f32_avx2_u4");
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
            (Variant { inplace: true, ..plain }, "_inplace", "in place"),
            (Variant { numerics: Numerics::Accurate, ..plain }, "_acc", "accurate"),
            (Variant { shape: Some((3, 40)), ..plain }, "_3x40", "3×40 only"),
        ];
        let mut all = plain;
        let (mut suffixes, mut words) = (String::new(), String::from("unroll 4"));
        for (variant, suffix, word) in cases {
            assert_eq!(name(variant), format!("op_f32_avx2_u4{suffix}"));
            assert_eq!(variant.to_string(), format!("unroll 4, {word}"));
            if variant.tile != Tile::Bytes(512) {
                suffixes.push_str(suffix);
                words.push_str(&format!(", {word}"));
            }
        }
        all.schedule = Schedule::Pipelined;
        all.streams = 8;
        all.tile = Tile::Bytes(4096);
        all.prefetch = Prefetch::Ahead { level: 2, lines: 32 };
        all.store = Store::Streaming;
        all.inplace = true;
        all.numerics = Numerics::Accurate;
        all.shape = Some((3, 40));
        assert_eq!(name(all), format!("op_f32_avx2_u4{suffixes}"));
        assert_eq!(all.to_string(), words);
    }

    #[test]
    fn two_kernels_never_share_one() {
        let variants =
            "\n[variants]\nunroll = [1, 2, 4, 8]\nprefetch = [\"none\", \"l1 8 lines\", \"l2 32 lines\"]\n";
        let shapes = "\n[shapes]\nsquare = [16, 32]\nrect = [[16, 32], [32, 16]]\n";
        let map = format!(
            "{SCALE}{variants}schedule = [\"grouped\", \"pipelined\"]\nstore = [\"cached\", \"streaming\"]\n{shapes}"
        );
        let sum =
            format!("{SUM}{variants}streams = [1, 2]\ntile = [\"512 B\", \"1 KiB\", \"whole\"]\n{shapes}");
        for text in [map.as_str(), &sum, SCALE, SUM] {
            with_candidates(text, |_, candidates| {
                let names: BTreeSet<&str> =
                    candidates.iter().map(|candidate| candidate.name.as_str()).collect();
                assert_eq!(names.len(), candidates.len());
                for candidate in candidates {
                    let Candidate { op, dtype, isa, variant, name, .. } = candidate;
                    assert_eq!(*name, variant.kernel_name(&op.name, *dtype, isa));
                }
            });
        }
    }
}

mod expansion {
    use super::*;

    const MANY: &str = r#"
[variants]
unroll   = [1, 2, 3, 4, 5, 6, 7, 8]
schedule = ["grouped", "pipelined"]
store    = ["cached", "streaming"]

[shapes]
square = [8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128]
"#;

    #[test]
    fn more_candidates_than_the_budget_are_an_error_with_place_and_fix() {
        let text = format!("{}{MANY}", SCALE.replace("\"f32\", ", ""));
        let errors = refused(&text);
        let first = &errors.all()[0];
        assert_eq!((first.rule, first.file.as_str()), ("over-budget", "ops/op.toml"));
        let line = text.lines().position(|line| line == "[variants]").expect("it is there") + 1;
        assert_eq!(first.line, line, "{first:?}");
        assert!(
            first.message.contains(&format!("at most {BUDGET}")) && first.message.contains("op f64"),
            "{first:?}"
        );
        assert!(first.fix.as_ref().is_some_and(|fix| fix.contains("explore = \"full\"")), "{first:?}");
    }

    #[test]
    fn the_budget_can_be_lifted() {
        let text = format!("{SCALE}{}", MANY.replace("[variants]", "[variants]\nexplore = \"full\""));
        with_candidates(&text, |_, candidates| {
            let held = |isa: &Isa| {
                let of_isa = candidates.iter().filter(|candidate| candidate.isa.name == isa.name);
                of_isa
                    .filter(|candidate| candidate.dtype == Dtype::F64 && candidate.dropped.is_none())
                    .count()
            };
            assert!(Isa::all().iter().any(|isa| held(isa) > BUDGET));
        });
    }

    #[test]
    fn within_the_budget_prefetch_varies_at_the_default_alone() {
        let variants = "[variants]\nunroll = [2, 4]\nprefetch = [\"none\", \"l1 8 lines\"]\n";
        let hints = |text: &str| {
            with_candidates(text, |_, candidates| {
                let of_avx2 = candidates.iter().filter(|candidate| candidate.isa.name == "avx2");
                let hinted = of_avx2.filter(|candidate| candidate.variant.prefetch != Prefetch::None);
                hinted.map(|candidate| (candidate.dtype, candidate.variant.unroll)).collect::<Vec<_>>()
            })
        };
        assert_eq!(hints(&format!("{MAP}{variants}")), [(Dtype::F32, 4), (Dtype::F64, 4)]);
        let full = hints(&format!("{MAP}{variants}explore = \"full\"\n"));
        assert_eq!(
            full.into_iter().map(|(_, unroll)| unroll).collect::<BTreeSet<_>>(),
            BTreeSet::from([2, 4])
        );
    }

    #[test]
    fn what_an_isa_cannot_hold_is_dropped_with_the_reason() {
        let text = format!(
            "{MAP}[variants]\nunroll = [1, 2]\nprefetch = [\"none\", \"l1 8 lines\"]\nstore = [\"cached\", \"streaming\"]\n"
        );
        with_candidates(&text, |_, candidates| {
            let reason = |name: &str| {
                let found = candidates.iter().find(|candidate| candidate.name == name);
                found.unwrap_or_else(|| panic!("no {name}")).dropped.clone()
            };
            assert_eq!(reason("op_f32_avx2_u2"), None);
            assert_eq!(reason("op_f32_avx2_u2_nt"), None);
            assert_eq!(reason("op_f32_portable_u2_nt").as_deref(), Some("portable has no streaming stores"));
            let hinted = candidates.iter().find(|candidate| {
                candidate.isa.is_portable() && candidate.variant.prefetch != Prefetch::None
            });
            let hinted = hinted.and_then(|candidate| candidate.dropped.as_deref());
            assert_eq!(hinted, Some("portable has no prefetch"));
            let part = reason("op_f32_avx2_u1_nt").expect("it cannot be held");
            assert!(part.starts_with("a step of 32 B"), "{part}");
        });
        with_candidates(&format!("{SUM}[variants]\nunroll = [1, 8]\nstreams = [1]\n"), |_, candidates| {
            let reason = |name: &str| {
                let found = candidates.iter().find(|candidate| candidate.name == name);
                found.unwrap_or_else(|| panic!("no {name}")).dropped.clone()
            };
            assert_eq!(reason("op_f32_avx2_u8"), None);
            let wide = reason("op_f64_portable_u8").expect("it cannot be held");
            assert!(wide.ends_with(" live vectors, portable has 16 registers"), "{wide}");
        });
        with_candidates(&format!("{SUM}[shapes]\nrect = [[4, 256], [3, 136]]\n"), |_, candidates| {
            let of = |name: &str| {
                let found = candidates.iter().find(|candidate| candidate.name.starts_with(name));
                found.unwrap_or_else(|| panic!("no {name}")).dropped.clone()
            };
            let unequal = candidates.iter().find(|candidate| {
                candidate.op.name == "op_axis1" && candidate.variant.shape == Some((3, 136))
            });
            let reason = unequal.and_then(|candidate| candidate.dropped.as_deref());
            assert_eq!(reason, Some("the tree over 136 elements has leaves of unequal length"));
            assert_eq!(of("op_axis1_f64_avx2"), None);
        });
    }

    #[test]
    fn a_value_that_no_isa_holds_is_an_error_at_its_place() {
        // No description has stripes of 64 B as a whole number of vectors and a tree in whole rows.
        let text = r#"
summary = "A map with more in hand than any processor has registers."
inputs  = { a = "matrix", b = "matrix", d = "matrix", e = "matrix" }
output  = "a + b + d + e"
dtypes  = ["f32"]

[variants]
unroll  = [2,
           16]
"#;
        let errors = refused(text);
        let [error] = errors.all() else { panic!("{errors}") };
        assert_eq!((error.rule, error.line, error.col), ("held-nowhere", 9, 12));
        assert_eq!(error.message, "no ISA can hold unroll 16");
        assert_eq!(error.fix.as_deref(), Some("remove the value"));
        assert!(error.label.contains("registers"), "{}", error.label);
    }

    #[test]
    fn defaults_are_what_the_family_likes_and_the_spec_lists() {
        let unroll = |text: &str, at: usize, numerics: Numerics, dtype: Dtype, isa: &'static Isa| {
            let specs = load(text);
            let op = &Op::of_specs(&specs)[at];
            default_variant(op, op.family(numerics), dtype, isa).unroll
        };
        let map = |unrolls: &str| {
            unroll(&format!("{MAP}[variants]\nunroll = {unrolls}\n"), 0, Numerics::Numpy, Dtype::F32, avx2())
        };
        assert_eq!(unroll(MAP, 0, Numerics::Numpy, Dtype::F32, avx2()), 4);
        assert_eq!(map("[1, 2, 3]"), 3);
        assert_eq!(map("[6, 5]"), 5, "the smallest, where all are above the family's");
        assert_eq!(map("[1, 4, 7]"), 4);
        for isa in [avx2(), portable()] {
            assert_eq!(unroll(SUM, 0, Numerics::Numpy, Dtype::F64, isa), 1);
            assert_eq!(unroll(SUM, 1, Numerics::Numpy, Dtype::F64, isa), 8);
        }
        let streams = |listed: &str| {
            let specs = load(&format!("{SUM}[variants]\nstreams = {listed}\n"));
            default_variant(&Op::of_specs(&specs)[0], Family::Runs, Dtype::F32, avx2()).streams
        };
        assert_eq!((streams("[1, 2, 4]"), streams("[8, 4]"), streams("[1]")), (2, 4, 1));
        let tile = |listed: &str, at: usize, numerics: Numerics| {
            let specs = load(&format!("{SUM}[variants]\ntile = {listed}\n"));
            let op = &Op::of_specs(&specs)[at];
            default_variant(op, op.family(numerics), Dtype::F32, avx2()).tile
        };
        let listed = "[\"4 KiB\", \"whole\"]";
        assert_eq!(tile(listed, 1, Numerics::Numpy), Tile::Whole);
        assert_eq!(tile("[\"4 KiB\"]", 1, Numerics::Numpy), Tile::Bytes(4096));
        assert_eq!(tile(listed, 1, Numerics::Accurate), Tile::Bytes(4096), "the tree needs a stripe");
    }

    /// Without `[variants]` there are the default and, of a map, the default past the caches and in place.
    #[test]
    fn a_spec_need_not_list_anything() {
        let count = |text: &str| {
            with_candidates(text, |_, candidates| {
                let of_avx2 = candidates.iter().filter(|c| c.isa.name == "avx2" && c.dtype == Dtype::F32);
                of_avx2.map(|candidate| candidate.name.clone()).collect::<Vec<_>>()
            })
        };
        assert_eq!(count(MAP), ["op_f32_avx2_u4", "op_f32_avx2_u4_nt", "op_f32_avx2_u4_inplace"]);
        assert_eq!(
            count(SUM),
            [
                "op_f32_avx2_u1_s2",
                "op_axis0_f32_avx2_u8",
                "op_axis0_f32_avx2_u8_t1k_acc",
                "op_axis1_f32_avx2_u1_s2"
            ]
        );
    }

    #[test]
    fn every_default_is_held() {
        with_candidates(&format!("{SUM}[variants]\nunroll = [1, 2, 4, 8]\n"), |ops, candidates| {
            for op in ops {
                for &dtype in &op.spec.dtypes {
                    for isa in Isa::all() {
                        for numerics in op.kernel_classes() {
                            let variant = default_variant(op, op.family(numerics), dtype, isa);
                            let name = Variant { numerics, ..variant }.kernel_name(&op.name, dtype, isa);
                            let found = candidates.iter().find(|candidate| candidate.name == name);
                            assert_eq!(
                                found.map(|candidate| candidate.dropped.clone()),
                                Some(None),
                                "{name}"
                            );
                        }
                    }
                }
            }
        });
    }
}

mod lowering {
    use super::*;

    fn x() -> Expr {
        Expr::Input(0)
    }

    fn binary(op: Binary, x: Expr, y: Expr) -> Expr {
        Expr::Binary(op, Box::new(x), Box::new(y))
    }

    fn square() -> Expr {
        binary(Binary::Mul, x(), x())
    }

    #[test]
    fn equal_subexpressions_are_one_node() {
        let mut dag = Dag::default();
        let root = dag.add(&binary(Binary::Add, square(), square()));
        assert_eq!(dag.reachable(root).len(), 3);
        assert_eq!(dag.work(root), 2);
        let [left, right] = dag.node(root).operands()[..] else { panic!("a sum has two operands") };
        assert_eq!(left, right);
        assert_eq!((dag.uses(root, left), dag.uses(root, Id(0))), (2, 2));
    }

    #[test]
    fn what_is_not_equal_is_not_shared() {
        let mut dag = Dag::default();
        let minus = Expr::Literal(-0.0);
        let plus = Expr::Literal(0.0);
        let root = dag.add(&binary(Binary::Add, minus, plus));
        let [left, right] = dag.node(root).operands()[..] else { panic!("a sum has two operands") };
        assert_ne!(left, right, "the zeros differ in a bit");
        // NumPy's bits depend on the order of the operands.
        let other = dag.add(&binary(Binary::Sub, Expr::Input(0), Expr::Input(1)));
        let turned = dag.add(&binary(Binary::Sub, Expr::Input(1), Expr::Input(0)));
        assert_ne!(other, turned);
    }

    #[test]
    fn operands_come_before_their_users() {
        let mut dag = Dag::default();
        let select = Expr::Select(Box::new([binary(Binary::Lt, x(), Expr::Literal(0.5)), square(), x()]));
        let root = dag.add(&Expr::Unary(Unary::Neg, Box::new(select)));
        let order = dag.reachable(root);
        assert_eq!(order.last(), Some(&root));
        for (at, &id) in order.iter().enumerate() {
            assert!(dag.node(id).operands().iter().all(|operand| order[..at].contains(operand)));
        }
    }

    #[test]
    fn a_root_that_another_shares_is_reached_from_both() {
        let mut dag = Dag::default();
        let inner = dag.add(&square());
        let outer = dag.add(&binary(Binary::Add, square(), x()));
        assert_eq!(dag.node(outer).operands()[0], inner);
        assert_eq!(dag.reachable(inner).len(), 2);
        assert!(!dag.node(Id(0)).is_work() && dag.node(inner).is_work());
    }

    #[test]
    fn peak_counts_what_is_alive_at_once() {
        let peak = |expr: &Expr| {
            let mut dag = Dag::default();
            let root = dag.add(expr);
            dag.peak(root, |node| matches!(node, Node::Literal(_)))
        };
        let y = || Expr::Input(1);
        assert_eq!(peak(&x()), 1);
        assert_eq!(
            peak(&binary(Binary::Mul, x(), Expr::Literal(2.0))),
            1,
            "a constant has a register of its own"
        );
        assert_eq!(peak(&binary(Binary::Add, x(), y())), 2);
        assert_eq!(peak(&binary(Binary::Add, square(), binary(Binary::Mul, y(), y()))), 2);
        // x is needed to the end, the square beside it.
        assert_eq!(peak(&binary(Binary::Sub, square(), x())), 2);
    }

    #[test]
    fn live_vectors_of_a_map() {
        let live = |output: &str, name: &str| lowered(&map_of(output, "[1, 2, 4]"), name).live_vectors();
        assert_eq!(live("x * k", "op_f32_avx2_u4"), 4 + 1);
        assert_eq!(live("x + y", "op_f32_avx2_u4"), 8);
        assert_eq!(live("x * 2.0 + 3.0", "op_f32_avx2_u2"), 2 + 2);
        assert_eq!(live("x * k + y", "op_f32_avx2_u1"), 2 + 1);
    }

    #[test]
    fn the_next_steps_loads_are_alive_too() {
        let text = format!("{}schedule = [\"pipelined\"]\n", map_of("x * k", "[1, 2, 4]"));
        assert_eq!(lowered(&text, "op_f32_avx2_u4_pipe").live_vectors(), 4 * 2 + 1);
    }

    #[test]
    fn the_minimum_of_a_map_is_that_of_its_expression() {
        let minimum = |output: &str, name: &str| lowered(&map_of(output, "[1, 2, 4]"), name).minimum();
        assert_eq!(minimum("x * k", "op_f32_avx2_u4"), Minimum { loads: 4, stores: 4, arithmetic: 4 });
        assert_eq!(
            minimum("x * x + x * x", "op_f32_avx2_u1"),
            Minimum { loads: 1, stores: 1, arithmetic: 2 }
        );
        assert_eq!(minimum("x * k + y", "op_f32_avx2_u2"), Minimum { loads: 4, stores: 2, arithmetic: 4 });
        assert_eq!(minimum("fma(x, k, y)", "op_f32_avx2_u2"), Minimum { loads: 4, stores: 2, arithmetic: 2 });
    }

    #[test]
    fn the_minimum_of_a_reduction_is_that_of_its_family() {
        let minimum =
            |name: &str| lowered(&format!("{SUM}[variants]\nunroll = [2]\nstreams = [1]\n"), name).minimum();
        // Eight accumulators of two leaves: f64 has four lanes.
        assert_eq!(minimum("op_f64_avx2_u2"), Minimum { loads: 4, stores: 0, arithmetic: 4 });
        assert_eq!(minimum("op_f32_avx2_u2"), Minimum { loads: 2, stores: 0, arithmetic: 2 });
        // Two rows, and the states that they go to.
        assert_eq!(minimum("op_axis0_f32_avx2_u2"), Minimum { loads: 3, stores: 1, arithmetic: 2 });
    }

    #[test]
    fn leaves_of_one_length() {
        for (run, leaf) in [
            (8, Some(8)),
            (128, Some(128)),
            (256, Some(128)),
            (512 * 512, Some(128)),
            (272, None),
            (96, Some(96)),
            (192, Some(96)),
            (0, None),
            (7, None),
            (132, None),
            (136, None),
            (129, None),
        ] {
            assert_eq!(equal_leaf(run), leaf, "{run}");
        }
    }

    /// Against the tree itself: a run is split at half its length, rounded down to blocks of eight.
    #[test]
    fn leaves_of_one_length_are_those_of_the_tree() {
        fn leaves(run: usize, found: &mut BTreeSet<usize>) {
            if run <= 128 {
                found.insert(run);
            } else {
                let half = run / 2 / 8 * 8;
                leaves(half, found);
                leaves(run - half, found);
            }
        }
        for run in 1..5000 {
            let mut found = BTreeSet::new();
            leaves(run, &mut found);
            let only = found.first().copied().filter(|leaf| found.len() == 1 && leaf % 8 == 0);
            assert_eq!(equal_leaf(run), only, "{run}");
        }
    }
}

mod selection {
    use super::*;

    /// Every table of the text: each ISA's buckets are full, and the portable ones are always there.
    fn full(text: &str) {
        with_candidates(text, |ops, candidates| {
            let tables = select(ops, candidates);
            assert!(!tables.is_empty());
            for table in &tables {
                assert_eq!(table.isas.len(), Isa::all().len());
                for rows in &table.isas {
                    let count = rows.buckets.len();
                    let what = format!("{} {} on {}", table.op.name, table.dtype, rows.isa.name);
                    assert!(
                        count == SIZES * ASPECTS || (count == 0 && !rows.isa.is_portable()),
                        "{what}: {count}"
                    );
                    let exact = rows.exact.iter().flat_map(|(_, kernels)| kernels);
                    for row in rows.buckets.iter().chain(exact) {
                        assert!(row.dropped.is_none() && ships(&tables, row), "{what}: {}", row.name);
                        let (variant, isa) = (&row.variant, &row.isa.name);
                        assert_eq!(
                            (variant.numerics, variant.inplace),
                            (table.numerics, table.inplace),
                            "{what}"
                        );
                        assert_eq!(
                            (isa, row.dtype, &row.op.name),
                            (&rows.isa.name, table.dtype, &table.op.name)
                        );
                        assert!(rows.all.iter().any(|other| other.name == row.name), "{what}: {}", row.name);
                    }
                    assert!(rows.buckets.iter().all(|row| row.variant.shape.is_none()), "{what}");
                }
            }
        });
    }

    #[test]
    fn every_bucket_has_a_kernel() {
        let unroll = "[variants]\nunroll = [1, 2, 4, 8]\n";
        full(MAP);
        full(SUM);
        full(&format!(
            "{SCALE}[variants]\nunroll = [2, 4]\nschedule = [\"pipelined\"]\nstore = [\"streaming\", \"cached\"]\n"
        ));
        full(&format!("{SUM}{unroll}streams = [8, 1]\ntile = [\"1 KiB\"]\n[shapes]\nsquare = [64]\n"));
        full(&SUM.replace("\"add\"", "\"mul\""));
        full(&SUM.replace("\"add\"", "\"max\""));
    }

    #[test]
    fn target_shapes_have_rows_of_their_own() {
        let text = format!("{MAP}[variants]\nunroll = [1, 2]\n[shapes]\nsquare = [16]\nrect = [[3, 40]]\n");
        with_candidates(&text, |ops, candidates| {
            for table in select(ops, candidates) {
                for rows in &table.isas {
                    let shapes: Vec<_> = rows.exact.iter().map(|(shape, _)| *shape).collect();
                    let expected: &[(usize, usize)] = if table.inplace { &[] } else { &[(3, 40), (16, 16)] };
                    assert_eq!(shapes, expected, "{}", rows.isa.name);
                    for (shape, kernels) in &rows.exact {
                        assert_eq!(kernels.len(), SIZES, "one for each size");
                        for row in kernels {
                            assert_eq!(
                                (row.variant.shape, row.variant.unroll),
                                (Some(*shape), 2),
                                "{}",
                                row.name
                            );
                        }
                    }
                }
            }
        });
    }

    /// The kernels of AVX2 for `f32`, of each bucket.
    fn buckets(text: &str) -> Vec<String> {
        with_candidates(text, |ops, candidates| {
            let tables = select(ops, candidates);
            let table = tables
                .iter()
                .find(|table| table.op.name == "op" && table.dtype == Dtype::F32 && !table.inplace);
            let rows = table.and_then(|table| table.isas.iter().find(|rows| rows.isa.name == "avx2"));
            rows.expect("it has rows").buckets.iter().map(|row| row.name.clone()).collect()
        })
    }

    #[test]
    fn beyond_the_caches_maps_store_past_them() {
        let names = buckets(SCALE);
        let (near, far) = names.split_at((SIZES - 1) * ASPECTS);
        assert!(near.iter().all(|name| name == "op_f32_avx2_u4"), "{near:?}");
        assert!(far.iter().all(|name| name == "op_f32_avx2_u4_nt"), "{far:?}");
        let cached = buckets(&format!("{SCALE}[variants]\nstore = [\"cached\"]\n"));
        assert!(cached.iter().all(|name| name == "op_f32_avx2_u4"), "{cached:?}");
    }

    #[test]
    fn large_target_shapes_have_a_kernel_for_each_case() {
        let text = format!("{SCALE}[shapes]\nsquare = [16, 2048]\n");
        with_candidates(&text, |ops, candidates| {
            let tables = select(ops, candidates);
            let table = tables.iter().find(|table| table.dtype == Dtype::F32 && !table.inplace);
            let rows = table.and_then(|table| table.isas.iter().find(|rows| rows.isa.name == "avx2"));
            let last = |at: usize| {
                let (_, kernels) = &rows.expect("it has rows").exact[at];
                (kernels[0].name.as_str(), kernels[SIZES - 1].name.as_str())
            };
            assert_eq!(last(0), ("op_f32_avx2_u4_16x16", "op_f32_avx2_u4_16x16"));
            assert_eq!(last(1), ("op_f32_avx2_u4_2048x2048", "op_f32_avx2_u4_nt_2048x2048"));
        });
    }

    #[test]
    fn what_no_row_names_does_not_ship() {
        let text = format!("{MAP}[variants]\nunroll = [1, 2, 4]\n");
        with_candidates(&text, |ops, candidates| {
            let tables = select(ops, candidates);
            let shipped: BTreeSet<&str> = candidates
                .iter()
                .filter(|candidate| candidate.isa.name == "avx2" && candidate.dtype == Dtype::F32)
                .filter(|candidate| ships(&tables, candidate))
                .map(|candidate| candidate.name.as_str())
                .collect();
            assert_eq!(
                shipped,
                BTreeSet::from(["op_f32_avx2_u4", "op_f32_avx2_u4_inplace", "op_f32_avx2_u4_nt"])
            );
        });
    }
}
