// ops/add.toml:4  ·  unroll 2, in place
#[kernel(op = "add", dtype = "f32", isa = "avx2", unroll = 2, inplace)]
fn add_f32_avx2_u2_inplace(mut x: MatrixMut<'_, f32>, y: MatrixRef<'_, f32>) {
    use crate::simd::avx2::f32 as v;
    for (x, y) in x.rows_mut().zip(y.rows()) {
        let (x, x_tail) = x.as_chunks_mut::<8>();
        let (x_steps, x_rest) = x.as_chunks_mut::<2>();
        let (y, y_tail) = y.as_chunks::<8>();
        let (y_steps, y_rest) = y.as_chunks::<2>();
        for (x, y) in x_steps.iter_mut().zip(y_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let y0 = v::load(&y[0]);
            let y1 = v::load(&y[1]);
            let out0 = v::add(x0, y0);
            let out1 = v::add(x1, y1);
            v::store(&mut x[0], out0);
            v::store(&mut x[1], out1);
        }
        for (x, y) in x_rest.iter_mut().zip(y_rest) {
            let x0 = v::load(x);
            let y0 = v::load(y);
            v::store(x, v::add(x0, y0));
        }
        if !x_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let y0 = v::load_part(y_tail);
            v::store_part(x_tail, v::add(x0, y0));
        }
    }
}
