// ops/affine.toml:4  ·  unroll 2, in place
#[kernel(
    computes = "fma_div_s_c_sub_m_r_s2",
    skeleton = "map",
    takes = "mrcss",
    dtype = "f64",
    isa = "avx2",
    unroll = 2,
    inplace = 0
)]
fn fma_div_s_c_sub_m_r_s2_map_f64_avx2_u2_inplace(
    mut x: MatrixMut<'_, f64>,
    row: &[f64],
    col: &[f64],
    k: f64,
    kb: f64,
) {
    use crate::simd::avx2::f64 as v;
    let k_v = v::splat(k);
    let kb_v = v::splat(kb);
    let (row, row_tail) = row.as_chunks::<4>();
    let (row_steps, row_rest) = row.as_chunks::<2>();
    for (x, col) in x.rows_mut().zip(col) {
        let col_v = v::splat(*col);
        let (x, x_tail) = x.as_chunks_mut::<4>();
        let (x_steps, x_rest) = x.as_chunks_mut::<2>();
        for (x, row) in x_steps.iter_mut().zip(row_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let row0 = v::load(&row[0]);
            let row1 = v::load(&row[1]);
            let out0 = v::fma(v::div(k_v, col_v), v::sub(x0, row0), kb_v);
            let out1 = v::fma(v::div(k_v, col_v), v::sub(x1, row1), kb_v);
            v::store(&mut x[0], out0);
            v::store(&mut x[1], out1);
        }
        for (x, row) in x_rest.iter_mut().zip(row_rest) {
            let x0 = v::load(x);
            let row0 = v::load(row);
            v::store(x, v::fma(v::div(k_v, col_v), v::sub(x0, row0), kb_v));
        }
        if !x_tail.is_empty() {
            let x0 = v::load_part(x_tail);
            let row0 = v::load_part(row_tail);
            v::store_part(x_tail, v::fma(v::div(k_v, col_v), v::sub(x0, row0), kb_v));
        }
    }
}
