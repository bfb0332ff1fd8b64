// ops/squash.toml:4  ·  unroll 1
#[kernel(
    computes = "select_and_gt_m_0p5_not_a19d11df",
    skeleton = "map",
    takes = "ms",
    dtype = "f32",
    isa = "avx2",
    unroll = 1
)]
fn select_and_gt_m_0p5_not_a19d11df_map_f32_avx2_u1(
    x: MatrixRef<'_, f32>,
    k: f32,
    mut out: MatrixMut<'_, f32>,
) {
    use crate::simd::avx2::f32 as v;
    let k_v = v::splat(k);
    let const_0 = v::splat(0.5);
    let const_1 = v::splat(2.0);
    for (x, out) in x.rows().zip(out.rows_mut()) {
        let (x_rest, x_tail) = x.as_chunks::<8>();
        let (out_rest, out_tail) = out.as_chunks_mut::<8>();
        for (x, out) in x_rest.iter().zip(out_rest) {
            let x0 = v::load(x);
            let shared_7 = v::mul(x0, x0);
            v::store(
                out,
                v::select(
                    v::and(v::gt(x0, const_0), v::not(v::is_nan(k_v))),
                    v::min(shared_7, k_v),
                    v::add(v::div(v::abs(x0), v::sqrt(const_1)), v::neg(shared_7)),
                ),
            );
        }
        if !out_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let shared_7 = v::mul(x0, x0);
            v::store_part(
                out_tail,
                v::select(
                    v::and(v::gt(x0, const_0), v::not(v::is_nan(k_v))),
                    v::min(shared_7, k_v),
                    v::add(v::div(v::abs(x0), v::sqrt(const_1)), v::neg(shared_7)),
                ),
            );
        }
    }
}
