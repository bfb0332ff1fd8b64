// ops/scale.toml:4  ·  unroll 2, in place
#[kernel(
    computes = "mul_m_s",
    skeleton = "map",
    takes = "ms",
    dtype = "f32",
    isa = "avx2",
    unroll = 2,
    inplace = 0
)]
fn mul_m_s_map_f32_avx2_u2_inplace(mut x: MatrixMut<'_, f32>, k: f32) {
    use crate::simd::avx2::f32 as v;
    let k_v = v::splat(k);
    for x in x.rows_mut() {
        let (x, x_tail) = x.as_chunks_mut::<8>();
        let (x_steps, x_rest) = x.as_chunks_mut::<2>();
        for x in x_steps.iter_mut() {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let out0 = v::mul(x0, k_v);
            let out1 = v::mul(x1, k_v);
            v::store(&mut x[0], out0);
            v::store(&mut x[1], out1);
        }
        for x in x_rest.iter_mut() {
            let x0 = v::load(x);
            v::store(x, v::mul(x0, k_v));
        }
        if !x_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            v::store_part(x_tail, v::mul(x0, k_v));
        }
    }
}
