//! Select: the tables, and what ships.

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
                    let elsewhere = rows.isa.pays.as_ref().map(|pays| &pays.elsewhere);
                    let is_own = row.isa.name == rows.isa.name;
                    assert!(row.dropped.is_none() && ships(&tables, row), "{what}: {}", row.name);
                    let variant = &row.variant;
                    assert_eq!(
                        (variant.numerics, variant.inplace),
                        (table.numerics, table.inplace),
                        "{what}"
                    );
                    assert_eq!((row.dtype, &row.op.name), (table.dtype, &table.op.name));
                    assert!(is_own || elsewhere == Some(&row.isa.name), "{what}: {}", row.name);
                    assert_eq!(
                        is_own,
                        rows.all.iter().any(|other| other.name == row.name),
                        "{what}: {}",
                        row.name
                    );
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
                let none = table.inplace || !rows.isa.shapes;
                let expected: &[(usize, usize)] = if none { &[] } else { &[(3, 40), (16, 16)] };
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

/// Where an ISA says that its kernels do not pay, its rows are those of the ISA it names.
#[test]
fn kernels_serve_where_they_pay() {
    let mut described = 0;
    for (text, beyond) in
        [(format!("{SCALE}[shapes]\nsquare = [16, 500, 2048]\n"), true), (SUM.into(), false)]
    {
        with_candidates(&text, |ops, candidates| {
            for table in select(ops, candidates) {
                for rows in table.isas.iter().filter(|rows| !rows.buckets.is_empty()) {
                    let elsewhere = rows.isa.pays.as_ref().map_or("", |pays| &pays.elsewhere);
                    let plainer = table.isas.iter().find(|other| other.isa.name == elsewhere);
                    described += usize::from(plainer.is_some());
                    let expected = |size: Size| {
                        if rows.isa.pays_in(size) {
                            &rows.isa.name
                        } else {
                            &plainer.expect("checked").isa.name
                        }
                    };
                    for (at, size) in Size::ALL.into_iter().enumerate() {
                        for aspect in 0..ASPECTS {
                            let bucket = at * ASPECTS + aspect;
                            let row = rows.buckets[bucket];
                            assert_eq!(&row.isa.name, expected(size), "{size:?}: {}", row.name);
                            if !rows.isa.pays_in(size) {
                                assert_eq!(row.name, plainer.expect("checked").buckets[bucket].name);
                            }
                        }
                    }
                    for (shape, kernels) in &rows.exact {
                        // Bytes decide which classes a shape can have: the first that holds it stands for those before.
                        let least = match shape.0 {
                            16 => [Size::L1, Size::L2, Size::L3, Size::Memory],
                            500 => [Size::L2, Size::L2, Size::L3, Size::Memory],
                            _ => [Size::L3, Size::L3, Size::L3, Size::Memory],
                        };
                        for (kernel, size) in kernels.iter().zip(least) {
                            assert_eq!(&kernel.isa.name, expected(size), "{size:?}: {}", kernel.name);
                            assert_eq!(kernel.variant.shape, Some(*shape));
                        }
                        let beyond = beyond && shape.0 == 2048 && kernels[3].isa.streaming;
                        assert_eq!(
                            kernels[3].variant.store == Store::Streaming,
                            beyond,
                            "{}",
                            kernels[3].name
                        );
                    }
                }
            }
        });
    }
    assert!(described > 0, "no description says where its kernels pay");
}

/// The kernels of AVX2 for `f32`, of each bucket.
fn buckets(text: &str) -> Vec<String> {
    with_candidates(text, |ops, candidates| {
        let tables = select(ops, candidates);
        let table =
            tables.iter().find(|table| table.op.name == "op" && table.dtype == Dtype::F32 && !table.inplace);
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
