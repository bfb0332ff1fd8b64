// ops/scale.toml:4  ·  unroll 1
#[kernel(
    computes = "mul_m_s",
    skeleton = "map",
    takes = "ms",
    dtype = "f32",
    isa = "avx2",
    unroll = 1
)]
fn mul_m_s_map_f32_avx2_u1(x: MatrixRef<'_, f32>, k: f32, mut out: MatrixMut<'_, f32>) {
    use crate::simd::avx2::f32 as v;
    let k_v = v::splat(k);
    for (x, out) in x.rows().zip(out.rows_mut()) {
        let (x_rest, x_tail) = x.as_chunks::<8>();
        let (out_rest, out_tail) = out.as_chunks_mut::<8>();
        for (x, out) in x_rest.iter().zip(out_rest) {
            let x0 = v::load(x);
            v::store(out, v::mul(x0, k_v));
        }
        if !out_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            v::store_part(out_tail, v::mul(x0, k_v));
        }
    }
}
