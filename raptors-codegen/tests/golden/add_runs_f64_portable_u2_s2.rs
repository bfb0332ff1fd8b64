// ops/sum.toml:7  ·  unroll 2, 2 streams
#[kernel(
    computes = "add",
    skeleton = "runs",
    dtype = "f64",
    isa = "portable",
    unroll = 2,
    streams = 2
)]
fn add_runs_f64_portable_u2_s2(x: MatrixRef<'_, f64>, acc: &mut [f64]) {
    use crate::simd::portable::f64 as v;
    // leaves side by side, so that one's additions need not wait for another's
    let several = |x: [&[[f64; 8]]; 4]| {
        let [x0, x1, x2, x3] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        let x2 = &x2[..len];
        let x3 = &x3[..len];
        let mut acc0_0 = v::splat(0.0);
        let mut acc0_1 = v::splat(0.0);
        let mut acc0_2 = v::splat(0.0);
        let mut acc0_3 = v::splat(0.0);
        let mut acc1_0 = v::splat(0.0);
        let mut acc1_1 = v::splat(0.0);
        let mut acc1_2 = v::splat(0.0);
        let mut acc1_3 = v::splat(0.0);
        let mut acc2_0 = v::splat(0.0);
        let mut acc2_1 = v::splat(0.0);
        let mut acc2_2 = v::splat(0.0);
        let mut acc2_3 = v::splat(0.0);
        let mut acc3_0 = v::splat(0.0);
        let mut acc3_1 = v::splat(0.0);
        let mut acc3_2 = v::splat(0.0);
        let mut acc3_3 = v::splat(0.0);
        for i in 0..len {
            let block = lanes::<2, 4, _>(&x0[i]);
            acc0_0 = v::add(acc0_0, v::load(&block[0]));
            acc0_1 = v::add(acc0_1, v::load(&block[1]));
            acc0_2 = v::add(acc0_2, v::load(&block[2]));
            acc0_3 = v::add(acc0_3, v::load(&block[3]));
            let block = lanes::<2, 4, _>(&x1[i]);
            acc1_0 = v::add(acc1_0, v::load(&block[0]));
            acc1_1 = v::add(acc1_1, v::load(&block[1]));
            acc1_2 = v::add(acc1_2, v::load(&block[2]));
            acc1_3 = v::add(acc1_3, v::load(&block[3]));
            let block = lanes::<2, 4, _>(&x2[i]);
            acc2_0 = v::add(acc2_0, v::load(&block[0]));
            acc2_1 = v::add(acc2_1, v::load(&block[1]));
            acc2_2 = v::add(acc2_2, v::load(&block[2]));
            acc2_3 = v::add(acc2_3, v::load(&block[3]));
            let block = lanes::<2, 4, _>(&x3[i]);
            acc3_0 = v::add(acc3_0, v::load(&block[0]));
            acc3_1 = v::add(acc3_1, v::load(&block[1]));
            acc3_2 = v::add(acc3_2, v::load(&block[2]));
            acc3_3 = v::add(acc3_3, v::load(&block[3]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0_0, acc1_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2_0, acc3_0);
        let acc2_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_1, acc1_1);
        let acc0_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2_1, acc3_1);
        let acc2_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_2, acc1_2);
        let acc0_2 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2_2, acc3_2);
        let acc2_2 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_3, acc1_3);
        let acc0_3 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2_3, acc3_3);
        let acc2_3 = v::add(even, odd);
        let acc0_0 = v::add(acc0_0, acc0_1);
        let acc2_0 = v::add(acc2_0, acc2_1);
        let acc0_2 = v::add(acc0_2, acc0_3);
        let acc2_2 = v::add(acc2_2, acc2_3);
        let acc0_0 = v::add(acc0_0, acc0_2);
        let acc2_0 = v::add(acc2_0, acc2_2);
        let mut values = [[0.0; 2]; 2];
        v::store(&mut values[0], acc0_0);
        v::store(&mut values[1], acc2_0);
        first(values.as_flattened())
    };
    let each = |x: [&[[f64; 8]]; 2]| {
        let [x0, x1] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        let mut acc0_0 = v::splat(0.0);
        let mut acc0_1 = v::splat(0.0);
        let mut acc0_2 = v::splat(0.0);
        let mut acc0_3 = v::splat(0.0);
        let mut acc1_0 = v::splat(0.0);
        let mut acc1_1 = v::splat(0.0);
        let mut acc1_2 = v::splat(0.0);
        let mut acc1_3 = v::splat(0.0);
        for i in 0..len {
            let block = lanes::<2, 4, _>(&x0[i]);
            acc0_0 = v::add(acc0_0, v::load(&block[0]));
            acc0_1 = v::add(acc0_1, v::load(&block[1]));
            acc0_2 = v::add(acc0_2, v::load(&block[2]));
            acc0_3 = v::add(acc0_3, v::load(&block[3]));
            let block = lanes::<2, 4, _>(&x1[i]);
            acc1_0 = v::add(acc1_0, v::load(&block[0]));
            acc1_1 = v::add(acc1_1, v::load(&block[1]));
            acc1_2 = v::add(acc1_2, v::load(&block[2]));
            acc1_3 = v::add(acc1_3, v::load(&block[3]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0_0, acc1_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_1, acc1_1);
        let acc0_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_2, acc1_2);
        let acc0_2 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_3, acc1_3);
        let acc0_3 = v::add(even, odd);
        let acc0_0 = v::add(acc0_0, acc0_1);
        let acc0_2 = v::add(acc0_2, acc0_3);
        let acc0_0 = v::add(acc0_0, acc0_2);
        let mut values = [[0.0; 2]; 1];
        v::store(&mut values[0], acc0_0);
        values[0]
    };
    let one = |x: [&[[f64; 8]]; 1]| {
        let [x0] = x;
        let len = x0.len();
        let mut acc0_0 = v::splat(0.0);
        let mut acc0_1 = v::splat(0.0);
        let mut acc0_2 = v::splat(0.0);
        let mut acc0_3 = v::splat(0.0);
        for i in 0..len {
            let block = lanes::<2, 4, _>(&x0[i]);
            acc0_0 = v::add(acc0_0, v::load(&block[0]));
            acc0_1 = v::add(acc0_1, v::load(&block[1]));
            acc0_2 = v::add(acc0_2, v::load(&block[2]));
            acc0_3 = v::add(acc0_3, v::load(&block[3]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0_0, acc0_0);
        let acc0_0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_1, acc0_1);
        let acc0_1 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_2, acc0_2);
        let acc0_2 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc0_3, acc0_3);
        let acc0_3 = v::add(even, odd);
        let acc0_0 = v::add(acc0_0, acc0_1);
        let acc0_2 = v::add(acc0_2, acc0_3);
        let acc0_0 = v::add(acc0_0, acc0_2);
        let mut values = [[0.0; 2]; 1];
        v::store(&mut values[0], acc0_0);
        first(&values[0])
    };
    tree::runs(x, acc, &several, &each, &one, |acc, x| acc + x, |a, b| a + b);
}
