//! Operations that compute the same share kernels, groups and tables, whatever their specs call things.

use super::*;

/// `x * k`, with other words and in another order, and with other wishes.
const GAIN: &str = r#"
summary = "A map."
inputs  = { gain = "scalar", a = "matrix" }
output  = "gain * a"
dtypes  = ["f64", "f32"]
"#;

/// The mean, whose states are those of the sum.
fn mean() -> String {
    SUM.replace("combine ", "finish  = \"acc / count\"\ncombine ")
}

fn with_specs<T>(texts: &[(&str, &str)], look: impl FnOnce(&[Op<'_>], &Expanded<'_>) -> T) -> T {
    let source =
        |(name, text): &(&str, &str)| Source { name: format!("ops/{name}.toml"), text: (*text).to_owned() };
    let sources: Vec<_> = texts.iter().map(source).collect();
    let specs = spec::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).unwrap_or_else(|errors| panic!("{errors}"));
    look(&ops, &expanded)
}

/// The names of the kernels, sorted.
fn names(expanded: &Expanded<'_>) -> BTreeSet<String> {
    let names: BTreeSet<_> = expanded.candidates.iter().map(|it| it.kernel.name.clone()).collect();
    assert_eq!(names.len(), expanded.candidates.len(), "each kernel is there once");
    names
}

/// Which operations each group serves.
fn served<'a>(expanded: &Expanded<'a>) -> Vec<Vec<&'a str>> {
    expanded.groups.iter().map(|group| group.ops.iter().map(|op| op.name.as_str()).collect()).collect()
}

#[test]
fn equal_computations_share_one_kernel_and_one_group() {
    let alone = with_expanded(SCALE, |_, expanded| (names(expanded), expanded.groups.len()));
    with_specs(&[("scale", SCALE), ("gain", GAIN)], |ops, expanded| {
        assert_eq!((names(expanded), expanded.groups.len()), alone);
        assert!(served(expanded).iter().all(|ops| ops == &["gain", "scale"]), "{:?}", served(expanded));
        // Each is told in what order kernels take its arguments.
        let orders: Vec<Vec<usize>> = ops
            .iter()
            .map(|op| op.computation.arguments.iter().map(|argument| argument.input).collect())
            .collect();
        assert_eq!(orders, [[1, 0], [0, 1]]);
        assert_eq!(select(expanded).len(), expanded.groups.len(), "and one table for each group");
    });
}

#[test]
fn a_reduction_and_another_that_ends_otherwise_share_all_kernels() {
    let alone = with_expanded(SUM, |_, expanded| (names(expanded), expanded.groups.len()));
    with_specs(&[("sum", SUM), ("mean", &mean())], |_, expanded| {
        assert_eq!((names(expanded), expanded.groups.len()), alone);
        let served = served(expanded);
        assert!(served.contains(&vec!["mean_axis1", "sum_axis1"]), "{served:?}");
        assert!(served.iter().all(|ops| ops.len() == 2), "{served:?}");
    });
}

/// All elements and those of each row are runs: the kernels are the same, the tables are not.
#[test]
fn groups_may_share_kernels_without_sharing_tables() {
    with_expanded(SUM, |_, expanded| {
        let [all, rows] = ["op", "op_axis1"].map(|op| group(expanded, op, Numerics::Numpy));
        assert!(!std::ptr::eq(all, rows));
        let of_rows: BTreeSet<usize> = rows.kernels.iter().copied().collect();
        assert!(all.kernels.iter().all(|at| of_rows.contains(at)));
        assert_eq!(
            (all.computation().name.as_str(), rows.computation().name.as_str()),
            ("add_all", "add_rows")
        );
        let columns = group(expanded, "op_axis0", Numerics::Numpy);
        assert!(columns.kernels.iter().all(|at| !of_rows.contains(at)));
    });
}

#[test]
fn what_is_not_the_same_is_shared_by_nobody() {
    let other = |output: &str| SCALE.replace("x * k", output);
    for output in ["x + k", "x * k * k", "x * (k + 1.0)"] {
        with_specs(&[("scale", SCALE), ("other", &other(output))], |_, expanded| {
            assert!(served(expanded).iter().all(|ops| ops.len() == 1), "{output}");
        });
    }
    // The other matrix is overwritten: kernels in place are others, and those that are not in place are the same.
    let map = |output: &str| {
        format!(
            "summary = \"M.\"\ninputs = {{ x = \"matrix\", y = \"matrix\" }}\noutput = \"{output}\"\ndtypes = [\"f32\"]\n"
        )
    };
    with_specs(&[("sub", &map("x - y")), ("minus", &map("y - x"))], |_, expanded| {
        let of = |inplace| {
            let groups = expanded.groups.iter().filter(move |group| group.inplace == inplace);
            groups.flat_map(|group| group.ops.iter().map(|op| op.name.as_str())).collect::<Vec<_>>()
        };
        assert_eq!((of(None), of(Some(0)), of(Some(1))), (vec!["minus", "sub"], vec!["sub"], vec!["minus"]));
        assert!(names(expanded).contains("sub_m_m2_map_f32_avx2_u4_inplace2"));
    });
}

/// Candidates are what all of the operations want; a dtype that one of them lacks is the other's alone.
#[test]
fn wishes_are_put_together() {
    let wide = format!("{SCALE}[variants]\nunroll = [1, 2]\n");
    let narrow = GAIN.replace("[\"f64\", \"f32\"]", "[\"f32\"]")
        + "[variants]\nunroll = [8, 2]\nstore = [\"cached\"]\n";
    with_specs(&[("scale", &wide), ("gain", &narrow)], |_, expanded| {
        let unrolls = |dtype: Dtype| {
            let of_dtype = of_isa(expanded, "avx2").filter(|kernel| kernel.types.storage == dtype);
            of_dtype.map(|kernel| kernel.variant.unroll).collect::<BTreeSet<_>>()
        };
        assert_eq!(unrolls(Dtype::F32), BTreeSet::from([1, 2, 8]));
        assert_eq!(unrolls(Dtype::F64), BTreeSet::from([1, 2]));
        for group in &expanded.groups {
            let ops: &[&str] = if group.dtype == Dtype::F32 { &["gain", "scale"] } else { &["scale"] };
            assert_eq!(group.ops.iter().map(|op| op.name.as_str()).collect::<Vec<_>>(), ops);
        }
    });
}

/// A spec that lists nothing keeps what it has alone beside one of the same computation that lists little.
#[test]
fn what_one_lists_takes_nothing_from_another_that_lists_nothing() {
    let alone = |texts: &[(&str, &str)]| {
        with_specs(texts, |_, expanded| {
            let avx2 = |at: &&usize| expanded.candidates[**at].kernel.isa.name == "avx2";
            let of_f32 = expanded.groups.iter().filter(|group| group.dtype == Dtype::F32);
            let into = of_f32.clone().find(|group| group.inplace.is_none()).expect("a group");
            let default = default_variant(into, Isa::find("avx2").expect("AVX2 is described"));
            let streams = into
                .kernels
                .iter()
                .filter(avx2)
                .any(|&at| expanded.candidates[at].kernel.variant.store == Store::Streaming);
            (default.unroll, streams)
        })
    };
    let little = format!("{SCALE}\n[variants]\nunroll = [1]\nstore = [\"cached\"]\n");
    assert_eq!(alone(&[("open", SCALE)]), (4, true));
    assert_eq!(alone(&[("little", &little)]), (1, false));
    assert_eq!(alone(&[("little", &little), ("open", SCALE)]), (4, true));
}

#[test]
fn target_shapes_of_one_are_rows_of_all() {
    let [square, rect] = [
        format!("{SCALE}[shapes]\nsquare = [16, 64]\n"),
        format!("{GAIN}[shapes]\nrect = [[16, 16], [3, 40]]\n"),
    ];
    with_specs(&[("scale", &square), ("gain", &rect)], |_, expanded| {
        for table in select(expanded) {
            let shapes: Vec<_> = table.isas[0].exact.iter().map(|(shape, _)| *shape).collect();
            assert_eq!(shapes, [(3, 40), (16, 16), (64, 64)]);
        }
    });
}

#[test]
fn operations_whose_calls_are_cut_alike_share_a_table_and_others_do_not() {
    let alone = format!("{GAIN}[tasks]\nthreads = [\"one\"]\n");
    let third = SCALE.replace("x * k", "k * x");
    with_specs(&[("scale", SCALE), ("gain", &alone), ("third", &third)], |_, expanded| {
        let tables = select(expanded);
        for group in &expanded.groups {
            let of_group: Vec<_> = tables.iter().filter(|table| std::ptr::eq(table.group, group)).collect();
            let ops: Vec<Vec<&str>> =
                of_group.iter().map(|table| table.ops.iter().map(|op| op.name.as_str()).collect()).collect();
            assert_eq!(ops, [vec!["gain"], vec!["scale", "third"]]);
            let [one, all] = of_group[..] else { panic!("two tables") };
            for (one, all) in one.isas.iter().zip(&all.isas) {
                assert_eq!((&one.buckets, &one.exact), (&all.buckets, &all.exact), "kernels are the group's");
                assert!(one.tasks.iter().all(|tasks| tasks.crossover.is_none()));
                assert!(all.tasks.iter().all(|tasks| tasks.crossover.is_some()));
            }
        }
    });
}

/// The budget is lifted for a group by each of its specs: another one that lists little is not refused for it.
#[test]
fn who_lifts_the_budget_lifts_it_for_those_that_share_the_group() {
    let many: Vec<String> = (1..=200).map(|lines| format!("\"l1 {lines} lines\"")).collect();
    let full = format!("{SCALE}[variants]\nexplore = \"full\"\nprefetch = [{}]\n", many.join(", "));
    with_specs(&[("scale", &full), ("gain", GAIN)], |_, expanded| {
        let held = |isa| of_isa(expanded, isa).filter(|kernel| kernel.types.storage == Dtype::F64).count();
        assert!(Isa::all().iter().any(|isa| held(&isa.name) > BUDGET));
    });
}
