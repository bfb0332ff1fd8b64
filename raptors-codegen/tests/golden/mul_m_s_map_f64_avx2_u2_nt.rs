// ops/scale.toml:4  ·  unroll 2, streaming stores
#[kernel(
    computes = "mul_m_s",
    skeleton = "map",
    takes = "ms",
    dtype = "f64",
    isa = "avx2",
    unroll = 2,
    store = "streaming"
)]
fn mul_m_s_map_f64_avx2_u2_nt(
    x: MatrixRef<'_, f64>,
    k: f64,
    mut out: MatrixMut<'_, f64>,
) {
    use crate::simd::avx2::f64 as v;
    let k_v = v::splat(k);
    for (x, out) in x.rows().zip(out.rows_mut()) {
        let (out_head, out_steps, out_tail) = v::slots_mut::<2>(out);
        let (x_head, x) = x.split_at(out_head.len());
        let (x_steps, _) = x.as_chunks::<4>().0.as_chunks::<2>();
        let x_tail = &x[x.len() - out_tail.len()..];
        for (x, out) in x_steps.iter().zip(out_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let out0 = v::mul(x0, k_v);
            let out1 = v::mul(x1, k_v);
            v::stream(&mut out[0], out0);
            v::stream(&mut out[1], out1);
        }
        for (x, out) in [(x_head, out_head), (x_tail, out_tail)] {
            let (x_rest, x_tail) = x.as_chunks::<4>();
            let (out_rest, out_tail) = out.as_chunks_mut::<4>();
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
    // streaming stores are ordered before whatever this thread stores next
    v::fence();
}
