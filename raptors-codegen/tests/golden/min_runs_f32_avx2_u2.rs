// ops/lowest.toml:7  ·  unroll 2
#[kernel(computes = "min", skeleton = "runs", dtype = "f32", isa = "avx2", unroll = 2)]
fn min_runs_f32_avx2_u2(x: MatrixRef<'_, f32>, acc: &mut [f32]) {
    use crate::simd::avx2::f32 as v;
    let start = v::splat(f32::INFINITY);
    let several = |x: [&[[f32; 32]]; 1], found: any_order::Found<v::V, v::N, 1>| {
        let [x0] = x;
        let len = x0.len();
        let ([found0], [mut notes0], is_zero) = found;
        if !is_zero {
            // numbers alone: a NaN is noted, and the sign of a zero is open
            let mut acc0_0 = found0;
            let mut acc0_1 = start;
            let mut acc0_2 = start;
            let mut acc0_3 = start;
            for i in 0..len {
                let (step, _) = x0[i].as_chunks::<8>();
                let (x, y) = (v::load(&step[0]), v::load(&step[1]));
                notes0 = v::note(notes0, x, y);
                acc0_0 = v::fast_min(acc0_0, x);
                acc0_1 = v::fast_min(acc0_1, y);
                let (x, y) = (v::load(&step[2]), v::load(&step[3]));
                notes0 = v::note(notes0, x, y);
                acc0_2 = v::fast_min(acc0_2, x);
                acc0_3 = v::fast_min(acc0_3, y);
            }
            let found0 = v::fast_min(
                v::fast_min(acc0_0, acc0_1),
                v::fast_min(acc0_2, acc0_3),
            );
            if v::FAST_IS_EXACT || !v::any(v::eq(found0, v::splat(0.0))) {
                return ([found0], [notes0], false);
            }
        }
        // a zero is the extreme of a lane: its sign has to be told
        let mut acc0_0 = found0;
        let mut acc0_1 = start;
        let mut acc0_2 = start;
        let mut acc0_3 = start;
        for i in 0..len {
            let (step, _) = x0[i].as_chunks::<8>();
            let (x, y) = (v::load(&step[0]), v::load(&step[1]));
            acc0_0 = v::min(acc0_0, x);
            acc0_1 = v::min(acc0_1, y);
            let (x, y) = (v::load(&step[2]), v::load(&step[3]));
            acc0_2 = v::min(acc0_2, x);
            acc0_3 = v::min(acc0_3, y);
        }
        let found0 = v::min(v::min(acc0_0, acc0_1), v::min(acc0_2, acc0_3));
        notes0 = v::note(notes0, found0, found0);
        ([found0], [notes0], v::any(v::eq(found0, v::splat(0.0))))
    };
    let rest = |x: &[f32]| {
        let mut found = start;
        let (x, part) = x.as_chunks::<8>();
        for x in x {
            found = v::min(found, v::load(x));
        }
        if let [x, ..] = part {
            found = v::min(found, v::load_part_or(part, v::splat(*x)));
        }
        found
    };
    let fold = |found: [v::V; 8]| {
        let [found0, found1, found2, found3, found4, found5, found6, found7] = found;
        let (even, odd) = v::pairs::<1>(found0, found1);
        let found0 = v::min(even, odd);
        let (even, odd) = v::pairs::<1>(found2, found3);
        let found2 = v::min(even, odd);
        let (even, odd) = v::pairs::<1>(found4, found5);
        let found4 = v::min(even, odd);
        let (even, odd) = v::pairs::<1>(found6, found7);
        let found6 = v::min(even, odd);
        let (even, odd) = v::pairs::<2>(found0, found2);
        let found0 = v::min(even, odd);
        let (even, odd) = v::pairs::<2>(found4, found6);
        let found4 = v::min(even, odd);
        let (even, odd) = v::pairs::<4>(found0, found4);
        let found0 = v::min(even, odd);
        let mut values = [[0.0; 8]; 1];
        v::store(&mut values[0], found0);
        values[0]
    };
    let noted = |notes: v::N, found: v::V| v::noted(notes, found);
    let merge = |a: v::V, b: v::V| v::min(a, b);
    let none = (f32::INFINITY, start, v::no_notes());
    any_order::runs(
        x,
        acc,
        none,
        &several,
        &several,
        &rest,
        &noted,
        &merge,
        &fold,
        |acc, x| Element::min(acc, x),
    );
}
