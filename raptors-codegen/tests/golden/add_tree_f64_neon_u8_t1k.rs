// ops/sum.toml:7  ·  unroll 8, tile 1 KiB
#[kernel(
    computes = "add",
    skeleton = "tree",
    dtype = "f64",
    isa = "neon",
    unroll = 8,
    tile = "1 KiB"
)]
fn add_tree_f64_neon_u8_t1k(x: MatrixRef<'_, f64>, acc: &mut [f64]) {
    use crate::simd::neon::f64 as v;
    // up to 128 rows: row i goes to accumulator i mod 8
    let leaf = |x: MatrixRef<'_, _>, acc: &mut [_]| {
        let mut r = [[0.0; 128]; 8];
        let (steps, rest) = x.row_groups::<8>();
        for rows in steps {
            for (r, row) in r.iter_mut().zip(rows) {
                let r = &mut r[..row.len()];
                let (r, r_tail) = r.as_chunks_mut::<2>();
                let (x, x_tail) = row.as_chunks::<2>();
                for (r, x) in r.iter_mut().zip(x) {
                    v::store(r, v::add(v::load(r), v::load(x)));
                }
                if !r_tail.is_empty() {
                    v::store_part(
                        r_tail,
                        v::add(v::load_part(r_tail), v::load_part(x_tail)),
                    );
                }
            }
        }
        // ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)) of each column
        for (i, acc) in acc.chunks_mut(2).enumerate() {
            v::store_part(
                acc,
                v::add(
                    v::add(
                        v::add(
                            v::load(&r[0].as_chunks::<2>().0[i]),
                            v::load(&r[1].as_chunks::<2>().0[i]),
                        ),
                        v::add(
                            v::load(&r[2].as_chunks::<2>().0[i]),
                            v::load(&r[3].as_chunks::<2>().0[i]),
                        ),
                    ),
                    v::add(
                        v::add(
                            v::load(&r[4].as_chunks::<2>().0[i]),
                            v::load(&r[5].as_chunks::<2>().0[i]),
                        ),
                        v::add(
                            v::load(&r[6].as_chunks::<2>().0[i]),
                            v::load(&r[7].as_chunks::<2>().0[i]),
                        ),
                    ),
                ),
            );
        }
        // rows after the last eight, one after another
        for row in rest.rows() {
            let r = &mut *acc;
            let (r, r_tail) = r.as_chunks_mut::<2>();
            let (x, x_tail) = row.as_chunks::<2>();
            for (r, x) in r.iter_mut().zip(x) {
                v::store(r, v::add(v::load(r), v::load(x)));
            }
            if !r_tail.is_empty() {
                v::store_part(
                    r_tail,
                    v::add(v::load_part(r_tail), v::load_part(x_tail)),
                );
            }
        }
    };
    let merge = |a: &mut [_], b: &[_]| {
        let (a, a_tail) = a.as_chunks_mut::<2>();
        let (b, b_tail) = b.as_chunks::<2>();
        for (a, b) in a.iter_mut().zip(b) {
            v::store(a, v::add(v::load(a), v::load(b)));
        }
        if !a_tail.is_empty() {
            v::store_part(a_tail, v::add(v::load_part(a_tail), v::load_part(b_tail)));
        }
    };
    for (x, acc) in x.stripes(128).zip(acc.chunks_mut(128)) {
        tree::rows(x, acc, &leaf, &merge);
    }
}
