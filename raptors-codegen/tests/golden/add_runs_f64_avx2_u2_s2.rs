// ops/sum.toml:7  ·  unroll 2, 2 streams
#[kernel(
    computes = "add",
    skeleton = "runs",
    dtype = "f64",
    isa = "avx2",
    unroll = 2,
    streams = 2
)]
fn add_runs_f64_avx2_u2_s2(x: MatrixRef<'_, f64>, acc: &mut [f64]) {
    use crate::simd::avx2::f64 as v;
    // leaves side by side, so that one's additions need not wait for another's
    let several = |x: [&[[f64; 8]]; 4]| {
        let [x0, x1, x2, x3] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        let x2 = &x2[..len];
        let x3 = &x3[..len];
        let mut acc0_0 = v::splat(0.0);
        let mut acc0_1 = v::splat(0.0);
        let mut acc1_0 = v::splat(0.0);
        let mut acc1_1 = v::splat(0.0);
        let mut acc2_0 = v::splat(0.0);
        let mut acc2_1 = v::splat(0.0);
        let mut acc3_0 = v::splat(0.0);
        let mut acc3_1 = v::splat(0.0);
        for i in 0..len {
            let block = lanes::<4, 2, _>(&x0[i]);
            acc0_0 = v::add(acc0_0, v::load(&block[0]));
            acc0_1 = v::add(acc0_1, v::load(&block[1]));
            let block = lanes::<4, 2, _>(&x1[i]);
            acc1_0 = v::add(acc1_0, v::load(&block[0]));
            acc1_1 = v::add(acc1_1, v::load(&block[1]));
            let block = lanes::<4, 2, _>(&x2[i]);
            acc2_0 = v::add(acc2_0, v::load(&block[0]));
            acc2_1 = v::add(acc2_1, v::load(&block[1]));
            let block = lanes::<4, 2, _>(&x3[i]);
            acc3_0 = v::add(acc3_0, v::load(&block[0]));
            acc3_1 = v::add(acc3_1, v::load(&block[1]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0_0, acc1_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2_0, acc3_0);
        let acc2_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0_0, acc2_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_1, acc1_1);
        let acc0_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2_1, acc3_1);
        let acc2_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0_1, acc2_1);
        let acc0_1 = v::add(even, odd);
        let acc0_0 = v::add(acc0_0, acc0_1);
        let mut values = [[0.0; 4]; 1];
        v::store(&mut values[0], acc0_0);
        values[0]
    };
    let each = |x: [&[[f64; 8]]; 2]| {
        let [x0, x1] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        let mut acc0_0 = v::splat(0.0);
        let mut acc0_1 = v::splat(0.0);
        let mut acc1_0 = v::splat(0.0);
        let mut acc1_1 = v::splat(0.0);
        for i in 0..len {
            let block = lanes::<4, 2, _>(&x0[i]);
            acc0_0 = v::add(acc0_0, v::load(&block[0]));
            acc0_1 = v::add(acc0_1, v::load(&block[1]));
            let block = lanes::<4, 2, _>(&x1[i]);
            acc1_0 = v::add(acc1_0, v::load(&block[0]));
            acc1_1 = v::add(acc1_1, v::load(&block[1]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0_0, acc1_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0_0, acc0_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_1, acc1_1);
        let acc0_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0_1, acc0_1);
        let acc0_1 = v::add(even, odd);
        let acc0_0 = v::add(acc0_0, acc0_1);
        let mut values = [[0.0; 4]; 1];
        v::store(&mut values[0], acc0_0);
        first(&values[0])
    };
    let one = |x: [&[[f64; 8]]; 1]| {
        let [x0] = x;
        let len = x0.len();
        let mut acc0_0 = v::splat(0.0);
        let mut acc0_1 = v::splat(0.0);
        for i in 0..len {
            let block = lanes::<4, 2, _>(&x0[i]);
            acc0_0 = v::add(acc0_0, v::load(&block[0]));
            acc0_1 = v::add(acc0_1, v::load(&block[1]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0_0, acc0_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0_0, acc0_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_1, acc0_1);
        let acc0_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0_1, acc0_1);
        let acc0_1 = v::add(even, odd);
        let acc0_0 = v::add(acc0_0, acc0_1);
        let mut values = [[0.0; 4]; 1];
        v::store(&mut values[0], acc0_0);
        first(&values[0])
    };
    tree::runs(x, acc, &several, &each, &one, |acc, x| acc + x, |a, b| a + b);
}
