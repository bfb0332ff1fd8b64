// ops/shift.toml:4  ·  unroll 2, streaming stores
#[kernel(
    computes = "add_m_r",
    skeleton = "map",
    takes = "mr",
    dtype = "f32",
    isa = "avx2",
    unroll = 2,
    store = "streaming"
)]
fn add_m_r_map_f32_avx2_u2_nt(
    x: MatrixRef<'_, f32>,
    row: &[f32],
    mut out: MatrixMut<'_, f32>,
) {
    use crate::simd::avx2::f32 as v;
    for (x, out) in x.rows().zip(out.rows_mut()) {
        let (out_head, out_steps, out_tail) = v::slots_mut::<2>(out);
        let (x_head, x) = x.split_at(out_head.len());
        let (x_steps, _) = x.as_chunks::<8>().0.as_chunks::<2>();
        let x_tail = &x[x.len() - out_tail.len()..];
        let (row_head, row) = row.split_at(out_head.len());
        let (row_steps, _) = row.as_chunks::<8>().0.as_chunks::<2>();
        let row_tail = &row[row.len() - out_tail.len()..];
        for ((x, row), out) in x_steps.iter().zip(row_steps).zip(out_steps) {
            let x0 = v::load(&x[0]);
            let x1 = v::load(&x[1]);
            let row0 = v::load(&row[0]);
            let row1 = v::load(&row[1]);
            let out0 = v::add(x0, row0);
            let out1 = v::add(x1, row1);
            v::stream(&mut out[0], out0);
            v::stream(&mut out[1], out1);
        }
        for (x, row, out) in [
            (x_head, row_head, out_head),
            (x_tail, row_tail, out_tail),
        ] {
            let (x_rest, x_tail) = x.as_chunks::<8>();
            let (row_rest, row_tail) = row.as_chunks::<8>();
            let (out_rest, out_tail) = out.as_chunks_mut::<8>();
            for ((x, row), out) in x_rest.iter().zip(row_rest).zip(out_rest) {
                let x0 = v::load(x);
                let row0 = v::load(row);
                v::store(out, v::add(x0, row0));
            }
            if !out_tail.is_empty() {
                let x0 = v::load_part(x_tail);
                let row0 = v::load_part(row_tail);
                v::store_part(out_tail, v::add(x0, row0));
            }
        }
    }
    // streaming stores are ordered before whatever this thread stores next
    v::fence();
}
