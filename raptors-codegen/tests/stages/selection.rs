//! Select: the tables, and what ships.

use super::*;

fn kernel<'e>(expanded: &'e Expanded<'_>, at: usize) -> &'e Kernel {
    &expanded.candidates[at].kernel
}

/// What a table is of, for messages.
fn what(table: &Table<'_, '_>, rows: &IsaRows) -> String {
    format!("{} {} on {}", table.group.computation().name, table.group.dtype, rows.isa.name)
}

/// Every table of the text: each ISA's buckets are full, and the portable ones are always there.
fn full(text: &str) {
    with_expanded(text, |ops, expanded| {
        let tables = select(expanded);
        let ships = shipped(&tables);
        for op in ops {
            assert!(tables.iter().any(|table| table.ops.iter().any(|of| of.name == op.name)), "{}", op.name);
        }
        for table in &tables {
            assert_eq!(table.isas.len(), Isa::all().len());
            for rows in &table.isas {
                let count = rows.buckets.len();
                let what = what(table, rows);
                assert!(
                    count == SIZES * ASPECTS || (count == 0 && !rows.isa.is_portable()),
                    "{what}: {count}"
                );
                let exact = rows.exact.iter().flat_map(|(_, kernels)| kernels);
                for &row in rows.buckets.iter().chain(exact) {
                    let kernel = kernel(expanded, row);
                    let group = table.group;
                    assert!(
                        expanded.candidates[row].dropped.is_none() && ships.contains(&row),
                        "{what}: {}",
                        kernel.name
                    );
                    assert!(group.kernels.contains(&row), "{what}: {}", kernel.name);
                    assert_eq!(
                        (&kernel.computes, kernel.types.storage, kernel.family, kernel.variant.inplace),
                        (&group.computation().kernel, group.dtype, group.family, group.inplace),
                        "{what}"
                    );
                    let elsewhere = rows.isa.pays.as_ref().map(|pays| &pays.elsewhere);
                    let is_own = kernel.isa.name == rows.isa.name;
                    assert!(is_own || elsewhere == Some(&kernel.isa.name), "{what}: {}", kernel.name);
                }
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

/// Of each target shape there is a row, whatever the ISA and also in place; its kernels are those of its bucket.
#[test]
fn target_shapes_have_rows_of_their_own_with_the_kernels_of_their_buckets() {
    let shapes = "[shapes]\nsquare = [16, 2048]\nrect = [[3, 400], [4096, 16]]\n";
    let mut of_tall = 0;
    for text in [
        format!("{MAP}[variants]\nunroll = [1, 2]\n{shapes}"),
        format!("{SUM}[variants]\nunroll = [1, 4]\n{shapes}"),
    ] {
        with_expanded(&text, |_, expanded| {
            for table in select(expanded) {
                for rows in table.isas.iter().filter(|rows| !rows.buckets.is_empty()) {
                    let what = what(&table, rows);
                    let listed: Vec<_> = rows.exact.iter().map(|(shape, _)| *shape).collect();
                    assert_eq!(listed, [(3, 400), (16, 16), (2048, 2048), (4096, 16)], "{what}");
                    for ((shape, kernels), aspect) in rows.exact.iter().zip([0, 1, 1, 2]) {
                        assert_eq!(kernels.len(), SIZES, "one for each size");
                        for (size, &row) in kernels.iter().enumerate() {
                            let bucket = kernel(expanded, rows.buckets[size * ASPECTS + aspect]);
                            // Where an ISA pays in some sizes alone, whose kernel it is depends on the shape's bytes.
                            if rows.isa.pays.is_none() {
                                assert_eq!(kernel(expanded, row).name, bucket.name, "{what}: {shape:?}");
                            }
                        }
                        let variant = |row: usize| kernel(expanded, row).variant;
                        let is_tall = variant(rows.buckets[2]) != variant(rows.buckets[1]);
                        of_tall += usize::from(aspect == 2 && is_tall);
                        if aspect == 2 && rows.isa.pays.is_none() {
                            assert_eq!(variant(kernels[0]), variant(rows.buckets[2]), "{what}");
                        }
                    }
                }
            }
        });
    }
    assert!(of_tall > 0, "no table has kernels of its own for tall matrices");
}

/// Where an ISA says that its kernels do not pay, its rows are those of the ISA it names.
#[test]
fn kernels_serve_where_they_pay() {
    let (mut described, mut others) = (0, 0);
    let shapes = "[shapes]\nsquare = [16, 500, 2048]\n";
    for (text, is_map) in [(format!("{SCALE}{shapes}"), true), (format!("{SUM}{shapes}"), false)] {
        with_expanded(&text, |_, expanded| {
            for table in select(expanded) {
                for rows in table.isas.iter().filter(|rows| !rows.buckets.is_empty()) {
                    let elsewhere = rows.isa.pays.as_ref().map_or("", |pays| &pays.elsewhere);
                    let plainer = table.isas.iter().find(|other| other.isa.name == elsewhere);
                    described += usize::from(plainer.is_some());
                    let (family, inplace) = (table.group.family, table.group.inplace.is_some());
                    let pays = |size: Size, on: Option<usize>| rows.isa.pays_in(size, family, inplace, on);
                    let expected = |size: Size| {
                        if pays(size, None) { &rows.isa.name } else { &plainer.expect("checked").isa.name }
                    };
                    // On processors that are not listed, and on those of each place in the list.
                    let listed = rows.isa.pays.as_ref().map_or(0, |pays| pays.on.len());
                    for on in std::iter::once(None).chain((0..listed).map(Some)) {
                        let there = on.and_then(|at| rows.on.iter().find(|(on, _)| *on == at));
                        let buckets = there.map_or(&rows.buckets, |(_, (_, buckets))| buckets);
                        others += usize::from(there.is_some());
                        for (at, size) in Size::ALL.into_iter().enumerate() {
                            for aspect in 0..ASPECTS {
                                let bucket = at * ASPECTS + aspect;
                                let row = buckets[bucket];
                                let Kernel { isa, name, .. } = kernel(expanded, row);
                                if pays(size, on) {
                                    assert_eq!(isa.name, rows.isa.name, "{on:?} {size:?}: {name}");
                                } else {
                                    assert_eq!(
                                        row,
                                        plainer.expect("checked").buckets[bucket],
                                        "{on:?} {name}"
                                    );
                                }
                            }
                        }
                    }
                    for (shape, kernels) in &rows.exact {
                        // Bytes decide which classes a shape can have: the first that holds it stands for those before.
                        let matrices = if is_map { 2 } else { 1 };
                        let least = match matrices * shape.0 * shape.1 * table.group.dtype.bytes() {
                            0..=0x4_0000 => [Size::L1, Size::L2, Size::L3, Size::Memory],
                            0x4_0001..=0x40_0000 => [Size::L2, Size::L2, Size::L3, Size::Memory],
                            _ => [Size::L3, Size::L3, Size::L3, Size::Memory],
                        };
                        for (&row, size) in kernels.iter().zip(least) {
                            let Kernel { isa, name, .. } = kernel(expanded, row);
                            assert_eq!(&isa.name, expected(size), "{size:?}: {name}");
                        }
                        // Sizes alone say how a kernel stores, also where it is another ISA's.
                        let far = kernel(expanded, kernels[SIZES - 1]);
                        let streams = is_map && table.group.inplace.is_none() && far.isa.streaming;
                        assert_eq!(far.variant.store == Store::Streaming, streams, "{}", far.name);
                        let first = kernel(expanded, kernels[0]);
                        assert_eq!(first.variant.store, Store::Cached, "{}", first.name);
                    }
                }
            }
        });
    }
    assert!(described > 0, "no description says where its kernels pay");
    assert!(others > 0, "no description says that other kernels pay on some processors");
}

/// The kernels of AVX2 for `f32`, of each bucket.
fn buckets(text: &str) -> Vec<String> {
    with_expanded(text, |_, expanded| {
        let tables = select(expanded);
        let table = tables.iter().find(|table| {
            let group = table.group;
            table.ops[0].name == "op" && (group.dtype, group.inplace) == (Dtype::F32, None)
        });
        let rows = table.and_then(|table| table.isas.iter().find(|rows| rows.isa.name == "avx2"));
        rows.expect("it has rows").buckets.iter().map(|&row| kernel(expanded, row).name.clone()).collect()
    })
}

#[test]
fn beyond_the_caches_maps_store_past_them() {
    let names = buckets(SCALE);
    let (near, far) = names.split_at((SIZES - 1) * ASPECTS);
    assert!(near.iter().all(|name| name == "mul_m_s_map_f32_avx2_u4"), "{near:?}");
    assert!(far.iter().all(|name| name == "mul_m_s_map_f32_avx2_u4_nt"), "{far:?}");
    let cached = buckets(&format!("{SCALE}[variants]\nstore = [\"cached\"]\n"));
    assert!(cached.iter().all(|name| name == "mul_m_s_map_f32_avx2_u4"), "{cached:?}");
}

#[test]
fn what_no_row_names_does_not_ship() {
    let text = format!("{MAP}[variants]\nunroll = [1, 2, 4]\n");
    with_expanded(&text, |_, expanded| {
        let tables = select(expanded);
        let shipped: BTreeSet<&str> = shipped(&tables)
            .into_iter()
            .map(|at| kernel(expanded, at))
            .filter(|kernel| kernel.isa.name == "avx2" && kernel.types.storage == Dtype::F32)
            .map(|kernel| kernel.name.strip_prefix("add_mul_m_s_m2_map_f32_avx2_").expect("it computes that"))
            .collect();
        assert_eq!(shipped, BTreeSet::from(["u4", "u4_inplace", "u4_nt"]));
    });
}
