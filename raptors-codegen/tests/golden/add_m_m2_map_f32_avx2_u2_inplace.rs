// ops/add.toml:4  ·  unroll 2, in place
#[kernel(
    computes = "add_m_m2",
    skeleton = "map",
    takes = "mm",
    dtype = "f32",
    isa = "avx2",
    unroll = 2,
    inplace = 0
)]
fn add_m_m2_map_f32_avx2_u2_inplace(mut x: MatrixMut<'_, f32>, xb: MatrixRef<'_, f32>) {
    use crate::simd::avx2::f32 as v;
    for (x, xb) in x.rows_mut().zip(xb.rows()) {
        let (x, x_tail) = x.as_chunks_mut::<8>();
        let (x_steps, x_rest) = x.as_chunks_mut::<2>();
        let (xb, xb_tail) = xb.as_chunks::<8>();
        let (xb_steps, xb_rest) = xb.as_chunks::<2>();
        for (x, xb) in x_steps.iter_mut().zip(xb_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let xb0 = v::load(&xb[0]);
            let xb1 = v::load(&xb[1]);
            let out0 = v::add(x0, xb0);
            let out1 = v::add(x1, xb1);
            v::store(&mut x[0], out0);
            v::store(&mut x[1], out1);
        }
        for (x, xb) in x_rest.iter_mut().zip(xb_rest) {
            let x0 = v::load(x);
            let xb0 = v::load(xb);
            v::store(x, v::add(x0, xb0));
        }
        if !x_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let xb0 = v::load_part(xb_tail);
            v::store_part(x_tail, v::add(x0, xb0));
        }
    }
}
