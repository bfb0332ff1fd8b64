// ops/sum.toml:7  ·  unroll 1, 2 streams, prefetch l1 8 lines
#[kernel(
    computes = "add",
    skeleton = "runs",
    dtype = "f32",
    isa = "avx2",
    unroll = 1,
    streams = 2,
    prefetch = "l1 8 lines"
)]
fn add_runs_f32_avx2_u1_s2_pl1x8(x: MatrixRef<'_, f32>, acc: &mut [f32]) {
    use crate::simd::avx2::f32 as v;
    // leaves side by side, so that one's additions need not wait for another's
    let several = |x: [&[[f32; 8]]; 2]| {
        let [x0, x1] = x;
        let len = x0.len();
        let x1 = &x1[..len];
        for blocks in [x0, x1] {
            for line in blocks.as_flattened().chunks(16) {
                v::prefetch_l1::<8>(line);
            }
        }
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
    let one = |x: [&[[f32; 8]]; 1]| {
        let [x0] = x;
        let len = x0.len();
        for blocks in [x0] {
            for line in blocks.as_flattened().chunks(16) {
                v::prefetch_l1::<8>(line);
            }
        }
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
    tree::runs(x, acc, &several, &several, &one, |acc, x| acc + x, |a, b| a + b);
}
