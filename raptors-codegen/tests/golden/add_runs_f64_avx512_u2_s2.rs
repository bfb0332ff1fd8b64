// ops/sum.toml:7  ·  unroll 2, 2 streams
#[kernel(
    computes = "add",
    skeleton = "runs",
    dtype = "f64",
    isa = "avx512",
    unroll = 2,
    streams = 2
)]
fn add_runs_f64_avx512_u2_s2(x: MatrixRef<'_, f64>, acc: &mut [f64]) {
    use crate::simd::avx512::f64 as v;
    // leaves side by side, so that one's additions need not wait for another's
    let several = |x: [&[[f64; 8]]; 4]| {
        let [x0, x1, x2, x3] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        let x2 = &x2[..len];
        let x3 = &x3[..len];
        let mut acc0 = v::splat(0.0);
        let mut acc1 = v::splat(0.0);
        let mut acc2 = v::splat(0.0);
        let mut acc3 = v::splat(0.0);
        for i in 0..len {
            acc0 = v::add(acc0, v::load(&x0[i]));
            acc1 = v::add(acc1, v::load(&x1[i]));
            acc2 = v::add(acc2, v::load(&x2[i]));
            acc3 = v::add(acc3, v::load(&x3[i]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0, acc1);
        let acc0 = v::add(even, odd);
        let (even, odd) = v::pairs::<1>(acc2, acc3);
        let acc2 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0, acc2);
        let acc0 = v::add(even, odd);
        let (even, odd) = v::pairs::<4>(acc0, acc0);
        let acc0 = v::add(even, odd);
        let mut values = [[0.0; 8]; 1];
        v::store(&mut values[0], acc0);
        first(&values[0])
    };
    let each = |x: [&[[f64; 8]]; 2]| {
        let [x0, x1] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        let mut acc0 = v::splat(0.0);
        let mut acc1 = v::splat(0.0);
        for i in 0..len {
            acc0 = v::add(acc0, v::load(&x0[i]));
            acc1 = v::add(acc1, v::load(&x1[i]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0, acc1);
        let acc0 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0, acc0);
        let acc0 = v::add(even, odd);
        let (even, odd) = v::pairs::<4>(acc0, acc0);
        let acc0 = v::add(even, odd);
        let mut values = [[0.0; 8]; 1];
        v::store(&mut values[0], acc0);
        first(&values[0])
    };
    let one = |x: [&[[f64; 8]]; 1]| {
        let [x0] = x;
        let len = x0.len();
        let mut acc0 = v::splat(0.0);
        for i in 0..len {
            acc0 = v::add(acc0, v::load(&x0[i]));
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each leaf
        let (even, odd) = v::pairs::<1>(acc0, acc0);
        let acc0 = v::add(even, odd);
        let (even, odd) = v::pairs::<2>(acc0, acc0);
        let acc0 = v::add(even, odd);
        let (even, odd) = v::pairs::<4>(acc0, acc0);
        let acc0 = v::add(even, odd);
        let mut values = [[0.0; 8]; 1];
        v::store(&mut values[0], acc0);
        first(&values[0])
    };
    tree::runs(x, acc, &several, &each, &one, |acc, x| acc + x, |a, b| a + b);
}
