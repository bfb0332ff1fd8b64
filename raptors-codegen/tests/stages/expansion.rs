//! Expand: which candidates there are, and which are dropped.

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
            of_isa.filter(|candidate| candidate.dtype == Dtype::F64 && candidate.dropped.is_none()).count()
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
    assert_eq!(full.into_iter().map(|(_, unroll)| unroll).collect::<BTreeSet<_>>(), BTreeSet::from([2, 4]));
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
        let hinted = candidates
            .iter()
            .find(|candidate| candidate.isa.is_portable() && candidate.variant.prefetch != Prefetch::None);
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
        let reason = |isa: &Isa| {
            let unequal = candidates.iter().find(|candidate| {
                candidate.isa.name == isa.name
                    && candidate.op.name == "op_axis1"
                    && candidate.variant.shape == Some((3, 136))
            });
            unequal.and_then(|candidate| candidate.dropped.as_deref())
        };
        assert_eq!(reason(avx2()), Some("the tree over 136 elements has leaves of unequal length"));
        assert_eq!(
            reason(portable()),
            Some("portable has no kernels for one shape: there they gain nothing")
        );
        assert_eq!(of("op_axis1_f64_avx2"), None);
    });
}

#[test]
fn a_value_that_no_isa_holds_is_an_error_at_its_place() {
    // No description has stripes of 64 B as a whole number of vectors and a tree in whole rows.
    let text = r#"
summary = "A map with more in hand than any processor has registers."
inputs  = { a = "matrix", b = "matrix", d = "matrix", e = "matrix", g = "matrix" }
output  = "a + b + d + e + g"
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
                        assert_eq!(found.map(|candidate| candidate.dropped.clone()), Some(None), "{name}");
                    }
                }
            }
        }
    });
}

#[test]
fn every_isa_keeps_a_plain_kernel_whatever_the_spec_lists() {
    // Eight places far apart are more accumulators than 16-byte vectors have registers for.
    with_candidates(&format!("{SUM}[variants]\nstreams = [8]\n"), |ops, candidates| {
        for table in select(ops, candidates) {
            let rows = table.isas.first().expect("portable comes first");
            assert_eq!(rows.buckets.len(), SIZES * ASPECTS, "{} {}", table.op.name, table.dtype);
            assert!(rows.buckets.iter().all(|kernel| kernel.dropped.is_none()), "{}", table.op.name);
        }
    });
}

#[test]
fn a_kernel_for_one_shape_has_no_stripes() {
    let text = format!("{SUM}[variants]\ntile = [\"1 KiB\"]\n[shapes]\nsquare = [512]\n");
    with_candidates(&text, |_, candidates| {
        let held = candidates.iter().filter(|candidate| candidate.dropped.is_none());
        let shaped: Vec<_> = held.filter(|candidate| candidate.variant.shape.is_some()).collect();
        assert!(!shaped.is_empty());
        assert!(shaped.iter().all(|candidate| candidate.variant.tile == Tile::Whole));
    });
}

#[test]
fn what_a_sequential_reduction_cannot_vary_is_an_error() {
    let text = "summary = \"S.\"\ninputs = { x = \"matrix\" }\ndtypes = [\"f32\"]\n[reduce]\naxes = [\"all\"]\n\
                of = \"x\"\ncombine = \"mul\"\n[variants]\nunroll = [2, 4]\n";
    let errors = refused(text);
    let message = &errors.all()[0].message;
    assert!(message.contains("no kernel of this spec varies in unroll"), "{message}");
}
