// ops/add.toml:4  ·  unroll 2, pipelined
#[kernel(
    computes = "add_m_m2",
    skeleton = "map",
    takes = "mm",
    dtype = "f32",
    isa = "avx2",
    unroll = 2,
    schedule = "pipelined"
)]
fn add_m_m2_map_f32_avx2_u2_pipe(
    x: MatrixRef<'_, f32>,
    xb: MatrixRef<'_, f32>,
    mut out: MatrixMut<'_, f32>,
) {
    use crate::simd::avx2::f32 as v;
    for ((x, xb), out) in x.rows().zip(xb.rows()).zip(out.rows_mut()) {
        let (x, x_tail) = x.as_chunks::<8>();
        let (x_steps, x_rest) = x.as_chunks::<2>();
        let (xb, xb_tail) = xb.as_chunks::<8>();
        let (xb_steps, xb_rest) = xb.as_chunks::<2>();
        let (out, out_tail) = out.as_chunks_mut::<8>();
        let (out_steps, out_rest) = out.as_chunks_mut::<2>();
        let mut steps = x_steps.iter().zip(xb_steps).zip(out_steps);
        if let Some(((x, xb), next_out)) = steps.next() {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let xb0 = v::load(&xb[0]);
            let xb1 = v::load(&xb[1]);
            let mut x0 = x0;
            let mut x1 = x1;
            let mut xb0 = xb0;
            let mut xb1 = xb1;
            let mut out = next_out;
            for ((x, xb), next_out) in steps {
                let out0 = v::add(x0, xb0);
                let out1 = v::add(x1, xb1);
                // the next step's loads, before this step's stores
                x0 = v::load(&x[0]);
                x1 = v::load(&x[1]);
                xb0 = v::load(&xb[0]);
                xb1 = v::load(&xb[1]);
                v::store(&mut out[0], out0);
                v::store(&mut out[1], out1);
                out = next_out;
            }
            let out0 = v::add(x0, xb0);
            let out1 = v::add(x1, xb1);
            v::store(&mut out[0], out0);
            v::store(&mut out[1], out1);
        }
        for ((x, xb), out) in x_rest.iter().zip(xb_rest).zip(out_rest) {
            let x0 = v::load(x);
            let xb0 = v::load(xb);
            v::store(out, v::add(x0, xb0));
        }
        if !out_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let xb0 = v::load_part(xb_tail);
            v::store_part(out_tail, v::add(x0, xb0));
        }
    }
}
