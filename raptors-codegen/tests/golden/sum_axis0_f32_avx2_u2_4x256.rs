// ops/sum.toml:7  ·  unroll 2, 4×256 only
#[kernel(op = "sum_axis0", dtype = "f32", isa = "avx2", unroll = 2, shape = "4x256")]
fn sum_axis0_f32_avx2_u2_4x256(x: MatrixRef<'_, f32>, acc: &mut [f32]) {
    use crate::simd::avx2::f32 as v;
    let acc = exactly_mut::<256, _>(acc);
    let (steps, rest) = x.as_rows::<4, 256>().as_chunks::<2>();
    acc.fill(0.0);
    for rows in steps {
        let (acc, acc_tail) = acc.as_chunks_mut::<8>();
        let (x0, x0_tail) = rows[0].as_chunks::<8>();
        let (x1, x1_tail) = rows[1].as_chunks::<8>();
        // all rows have this length: said once, the loop needs no checks
        let len = acc.len();
        let x0 = &x0[..len];
        let x1 = &x1[..len];
        for i in 0..len {
            let mut state = v::load(&acc[i]);
            state = v::add(state, v::load(&x0[i]));
            state = v::add(state, v::load(&x1[i]));
            v::store(&mut acc[i], state);
        }
        if !acc_tail.is_empty() {
            let mut state = v::load_part(acc_tail);
            state = v::add(state, v::load_part(x0_tail));
            state = v::add(state, v::load_part(x1_tail));
            v::store_part(acc_tail, state);
        }
    }
    for rows in rest.chunks_exact(1) {
        let (acc, acc_tail) = acc.as_chunks_mut::<8>();
        let (x0, x0_tail) = rows[0].as_chunks::<8>();
        // all rows have this length: said once, the loop needs no checks
        let len = acc.len();
        let x0 = &x0[..len];
        for i in 0..len {
            let mut state = v::load(&acc[i]);
            state = v::add(state, v::load(&x0[i]));
            v::store(&mut acc[i], state);
        }
        if !acc_tail.is_empty() {
            let mut state = v::load_part(acc_tail);
            state = v::add(state, v::load_part(x0_tail));
            v::store_part(acc_tail, state);
        }
    }
}
