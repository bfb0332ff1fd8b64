// ops/add.toml:4  ·  unroll 2, pipelined
#[kernel(op = "add", dtype = "f32", isa = "avx2", unroll = 2, schedule = "pipelined")]
fn add_f32_avx2_u2_pipe(
    x: MatrixRef<'_, f32>,
    y: MatrixRef<'_, f32>,
    mut out: MatrixMut<'_, f32>,
) {
    use crate::simd::avx2::f32 as v;
    for ((x, y), out) in x.rows().zip(y.rows()).zip(out.rows_mut()) {
        let (x, x_tail) = x.as_chunks::<8>();
        let (x_steps, x_rest) = x.as_chunks::<2>();
        let (y, y_tail) = y.as_chunks::<8>();
        let (y_steps, y_rest) = y.as_chunks::<2>();
        let (out, out_tail) = out.as_chunks_mut::<8>();
        let (out_steps, out_rest) = out.as_chunks_mut::<2>();
        let mut steps = x_steps.iter().zip(y_steps).zip(out_steps);
        if let Some(((x, y), next_out)) = steps.next() {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let y0 = v::load(&y[0]);
            let y1 = v::load(&y[1]);
            let mut x0 = x0;
            let mut x1 = x1;
            let mut y0 = y0;
            let mut y1 = y1;
            let mut out = next_out;
            for ((x, y), next_out) in steps {
                let out0 = v::add(x0, y0);
                let out1 = v::add(x1, y1);
                // the next step's loads, before this step's stores
                x0 = v::load(&x[0]);
                x1 = v::load(&x[1]);
                y0 = v::load(&y[0]);
                y1 = v::load(&y[1]);
                v::store(&mut out[0], out0);
                v::store(&mut out[1], out1);
                out = next_out;
            }
            let out0 = v::add(x0, y0);
            let out1 = v::add(x1, y1);
            v::store(&mut out[0], out0);
            v::store(&mut out[1], out1);
        }
        for ((x, y), out) in x_rest.iter().zip(y_rest).zip(out_rest) {
            let x0 = v::load(x);
            let y0 = v::load(y);
            v::store(out, v::add(x0, y0));
        }
        if !out_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let y0 = v::load_part(y_tail);
            v::store_part(out_tail, v::add(x0, y0));
        }
    }
}
