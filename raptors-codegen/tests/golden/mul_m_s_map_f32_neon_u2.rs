// ops/scale.toml:4  ·  unroll 2
#[kernel(
    computes = "mul_m_s",
    skeleton = "map",
    takes = "ms",
    dtype = "f32",
    isa = "neon",
    unroll = 2
)]
fn mul_m_s_map_f32_neon_u2(x: MatrixRef<'_, f32>, k: f32, mut out: MatrixMut<'_, f32>) {
    use crate::simd::neon::f32 as v;
    let k_v = v::splat(k);
    for (x, out) in x.rows().zip(out.rows_mut()) {
        let (x, x_tail) = x.as_chunks::<4>();
        let (x_steps, x_rest) = x.as_chunks::<2>();
        let (out, out_tail) = out.as_chunks_mut::<4>();
        let (out_steps, out_rest) = out.as_chunks_mut::<2>();
        for (x, out) in x_steps.iter().zip(out_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let out0 = v::mul(x0, k_v);
            let out1 = v::mul(x1, k_v);
            v::store(&mut out[0], out0);
            v::store(&mut out[1], out1);
        }
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
