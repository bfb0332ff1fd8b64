// ops/less.toml:4  ·  unroll 2, in place of matrix 2
#[kernel(
    computes = "sub_m_m2",
    skeleton = "map",
    takes = "mm",
    dtype = "f32",
    isa = "avx2",
    unroll = 2,
    inplace = 1
)]
fn sub_m_m2_map_f32_avx2_u2_inplace2(x: MatrixRef<'_, f32>, mut xb: MatrixMut<'_, f32>) {
    use crate::simd::avx2::f32 as v;
    for (x, xb) in x.rows().zip(xb.rows_mut()) {
        let (x, x_tail) = x.as_chunks::<8>();
        let (x_steps, x_rest) = x.as_chunks::<2>();
        let (xb, xb_tail) = xb.as_chunks_mut::<8>();
        let (xb_steps, xb_rest) = xb.as_chunks_mut::<2>();
        for (x, xb) in x_steps.iter().zip(xb_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let xb0 = v::load(&xb[0]);
            let xb1 = v::load(&xb[1]);
            let out0 = v::sub(x0, xb0);
            let out1 = v::sub(x1, xb1);
            v::store(&mut xb[0], out0);
            v::store(&mut xb[1], out1);
        }
        for (x, xb) in x_rest.iter().zip(xb_rest) {
            let x0 = v::load(x);
            let xb0 = v::load(xb);
            v::store(xb, v::sub(x0, xb0));
        }
        if !xb_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let xb0 = v::load_part(xb_tail);
            v::store_part(xb_tail, v::sub(x0, xb0));
        }
    }
}
