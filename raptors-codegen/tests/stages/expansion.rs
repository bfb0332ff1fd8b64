//! Expand: which candidates there are, and which are dropped.

use super::*;

/// More than the budget: all that shapes a step, and two hundred distances of a hint.
fn many() -> String {
    let hints: Vec<String> =
        (1..=100).map(|lines| format!("\"l1 {lines} lines\", \"l2 {lines} lines\"")).collect();
    format!(
        "\n[variants]\nunroll = [1, 2, 3, 4, 5, 6, 7, 8]\nschedule = [\"grouped\", \"pipelined\"]\n\
         store = [\"cached\", \"streaming\"]\nprefetch = [\"none\", {}]\n",
        hints.join(", ")
    )
}

#[test]
fn more_candidates_than_the_budget_are_an_error_with_place_and_fix() {
    let text = format!("{}{}", SCALE.replace("\"f32\", ", ""), many());
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
    let text = format!("{SCALE}{}", many().replace("[variants]", "[variants]\nexplore = \"full\""));
    with_expanded(&text, |_, expanded| {
        let held = |isa: &Isa| {
            let of_isa = expanded.candidates.iter().filter(|candidate| candidate.kernel.isa.name == isa.name);
            of_isa.filter(|it| it.kernel.types.storage == Dtype::F64 && it.dropped.is_none()).count()
        };
        assert!(Isa::all().iter().any(|isa| held(isa) > BUDGET));
    });
}

#[test]
fn within_the_budget_prefetch_varies_at_the_default_alone() {
    let variants = "[variants]\nunroll = [2, 4]\nprefetch = [\"none\", \"l1 8 lines\"]\n";
    let hints = |text: &str| {
        with_expanded(text, |_, expanded| {
            let hinted = of_isa(expanded, "avx2").filter(|kernel| kernel.variant.prefetch != Prefetch::None);
            hinted.map(|kernel| (kernel.types.storage, kernel.variant.unroll)).collect::<Vec<_>>()
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
    with_expanded(&text, |_, expanded| {
        let reason = |end: &str| reason(expanded, &format!("add_mul_m_s_m2_map_f32_{end}"));
        assert_eq!(reason("avx2_u2"), None);
        assert_eq!(reason("avx2_u2_nt"), None);
        assert_eq!(reason("portable_u2_nt").as_deref(), Some("portable has no streaming stores"));
        let hinted = expanded
            .candidates
            .iter()
            .find(|it| it.kernel.isa.is_portable() && it.kernel.variant.prefetch != Prefetch::None);
        let hinted = hinted.and_then(|candidate| candidate.dropped.as_deref());
        assert_eq!(hinted, Some("portable has no prefetch"));
        let part = reason("avx2_u1_nt").expect("it cannot be held");
        assert!(part.starts_with("a step of 32 B"), "{part}");
    });
    with_expanded(&format!("{SUM}[variants]\nunroll = [1, 8]\nstreams = [1]\n"), |_, expanded| {
        assert_eq!(reason(expanded, "add_runs_f32_avx2_u8"), None);
        let wide = reason(expanded, "add_runs_f64_portable_u8").expect("it cannot be held");
        assert!(wide.ends_with(" live vectors, portable has 16 registers"), "{wide}");
    });
    with_expanded(&format!("{SUM}[variants]\ntile = [\"1 KiB\", \"whole\"]\n"), |_, expanded| {
        assert_eq!(reason(expanded, "add_columns_f64_avx2_u8"), None);
        let whole = reason(expanded, "add_tree_f64_avx2_u8").expect("it cannot be held");
        assert!(whole.ends_with("a stripe has to be bounded"), "{whole}");
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
    let default = |text: &str, op: &str, numerics: Numerics, isa: &'static Isa| {
        with_expanded(text, |_, expanded| default_variant(group(expanded, op, numerics), isa))
    };
    let map = |unrolls: &str| {
        default(&format!("{MAP}[variants]\nunroll = {unrolls}\n"), "op", Numerics::Numpy, avx2()).unroll
    };
    assert_eq!(default(MAP, "op", Numerics::Numpy, avx2()).unroll, 4);
    assert_eq!(map("[1, 2, 3]"), 3);
    assert_eq!(map("[6, 5]"), 5, "the smallest, where all are above the family's");
    assert_eq!(map("[1, 4, 7]"), 4);
    for isa in [avx2(), portable()] {
        assert_eq!(default(SUM, "op", Numerics::Numpy, isa).unroll, 1);
        assert_eq!(default(SUM, "op_axis0", Numerics::Numpy, isa).unroll, 8);
    }
    let streams = |listed: &str| {
        default(&format!("{SUM}[variants]\nstreams = {listed}\n"), "op", Numerics::Numpy, avx2()).streams
    };
    assert_eq!((streams("[1, 2, 4]"), streams("[8, 4]"), streams("[1]")), (2, 4, 1));
    let tile = |listed: &str, numerics: Numerics| {
        default(&format!("{SUM}[variants]\ntile = {listed}\n"), "op_axis0", numerics, avx2()).tile
    };
    let listed = "[\"4 KiB\", \"whole\"]";
    assert_eq!(tile(listed, Numerics::Numpy), Tile::Whole);
    assert_eq!(tile("[\"4 KiB\"]", Numerics::Numpy), Tile::Bytes(4096));
    assert_eq!(tile(listed, Numerics::Accurate), Tile::Bytes(4096), "the tree needs a stripe");
}

/// Without `[variants]` there are the default and, of a map, the default past the caches and in place. All elements and
/// the elements of each row are runs: one kernel does for both.
#[test]
fn a_spec_need_not_list_anything() {
    let names = |text: &str| {
        with_expanded(text, |_, expanded| {
            let of_avx2 = of_isa(expanded, "avx2").filter(|kernel| kernel.types.storage == Dtype::F32);
            of_avx2.map(|kernel| kernel.name.clone()).collect::<Vec<_>>()
        })
    };
    let map = ["", "_nt", "_inplace"].map(|end| format!("add_mul_m_s_m2_map_f32_avx2_u4{end}"));
    assert_eq!(names(MAP), map);
    assert_eq!(
        names(SUM),
        ["add_runs_f32_avx2_u1_s2", "add_columns_f32_avx2_u8", "add_tree_f32_avx2_u8_t1k"]
    );
}

#[test]
fn every_default_is_held() {
    with_expanded(&format!("{SUM}[variants]\nunroll = [1, 2, 4, 8]\n"), |ops, expanded| {
        let mut groups = 0;
        for group in &expanded.groups {
            for isa in Isa::all() {
                let variant = default_variant(group, isa);
                let mut of_group = group.kernels.iter().map(|&at| &expanded.candidates[at]);
                let found = of_group
                    .find(|it| it.kernel.isa.name == isa.name && it.kernel.variant == variant)
                    .map(|it| it.dropped.clone());
                let name = &group.computation().name;
                assert_eq!(found, Some(None), "{name} {} on {}", group.dtype, isa.name);
            }
            groups += 1;
        }
        let classes = |op: &Op<'_>| op.spec.dtypes.len() * op.kernel_classes().len();
        assert_eq!(groups, ops.iter().map(classes).sum::<usize>());
    });
}

#[test]
fn every_isa_keeps_a_plain_kernel_whatever_the_spec_lists() {
    // Eight places far apart are more accumulators than 16-byte vectors have registers for.
    with_expanded(&format!("{SUM}[variants]\nstreams = [8]\n"), |_, expanded| {
        for table in select(expanded) {
            let rows = table.isas.first().expect("portable comes first");
            let name = &table.group.computation().name;
            assert_eq!(rows.buckets.len(), SIZES * ASPECTS, "{name} {}", table.group.dtype);
            assert!(rows.buckets.iter().all(|&at| expanded.candidates[at].dropped.is_none()), "{name}");
        }
    });
}

/// A target shape is a row, and no kernel.
#[test]
fn target_shapes_make_no_kernels() {
    for text in [MAP, SUM] {
        let names = |text: &str| {
            with_expanded(text, |_, expanded| {
                expanded.candidates.iter().map(|it| it.kernel.name.clone()).collect::<Vec<_>>()
            })
        };
        assert_eq!(names(text), names(&format!("{text}[shapes]\nsquare = [512]\nrect = [[3, 40]]\n")));
    }
}

#[test]
fn what_a_sequential_reduction_cannot_vary_is_an_error() {
    let text = "summary = \"S.\"\ninputs = { x = \"matrix\" }\ndtypes = [\"f32\"]\n[reduce]\naxes = [\"all\"]\n\
                of = \"x\"\ncombine = \"mul\"\n[variants]\nunroll = [2, 4]\n";
    let errors = refused(text);
    let message = &errors.all()[0].message;
    assert!(message.contains("no kernel of this spec varies in unroll"), "{message}");
}
