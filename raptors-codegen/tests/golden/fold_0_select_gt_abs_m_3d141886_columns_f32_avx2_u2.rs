// ops/most.toml:8  ·  unroll 2
#[kernel(
    computes = "fold_0_select_gt_abs_m_3d141886",
    skeleton = "columns",
    dtype = "f32",
    isa = "avx2",
    unroll = 2
)]
fn fold_0_select_gt_abs_m_3d141886_columns_f32_avx2_u2(
    x: MatrixRef<'_, f32>,
    acc: &mut [f32],
) {
    use crate::simd::avx2::f32 as v;
    let (steps, rest) = x.row_groups::<2>();
    acc.fill(0.0);
    for rows in steps {
        let (acc, acc_tail) = acc.as_chunks_mut::<8>();
        let (acc_steps, acc_rest) = acc.as_chunks_mut::<4>();
        let (x0, x0_tail) = rows[0].as_chunks::<8>();
        let (x0_steps, x0_rest) = x0.as_chunks::<4>();
        let (x1, x1_tail) = rows[1].as_chunks::<8>();
        let (x1_steps, x1_rest) = x1.as_chunks::<4>();
        // all rows have this length: said once, the loops need no checks
        let len = acc_steps.len();
        let x0_steps = &x0_steps[..len];
        let x1_steps = &x1_steps[..len];
        for i in 0..len {
            let mut state0 = v::load(&acc_steps[i][0]);
            let mut state1 = v::load(&acc_steps[i][1]);
            let mut state2 = v::load(&acc_steps[i][2]);
            let mut state3 = v::load(&acc_steps[i][3]);
            state0 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][0]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            state1 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][1]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state1, shared_1),
                    state1,
                )
            };
            state2 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][2]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state2, shared_1),
                    state2,
                )
            };
            state3 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][3]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state3, shared_1),
                    state3,
                )
            };
            state0 = {
                let shared_1 = v::abs(v::load(&x1_steps[i][0]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            state1 = {
                let shared_1 = v::abs(v::load(&x1_steps[i][1]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state1, shared_1),
                    state1,
                )
            };
            state2 = {
                let shared_1 = v::abs(v::load(&x1_steps[i][2]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state2, shared_1),
                    state2,
                )
            };
            state3 = {
                let shared_1 = v::abs(v::load(&x1_steps[i][3]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state3, shared_1),
                    state3,
                )
            };
            v::store(&mut acc_steps[i][0], state0);
            v::store(&mut acc_steps[i][1], state1);
            v::store(&mut acc_steps[i][2], state2);
            v::store(&mut acc_steps[i][3], state3);
        }
        let len = acc_rest.len();
        let x0_rest = &x0_rest[..len];
        let x1_rest = &x1_rest[..len];
        for i in 0..len {
            let mut state0 = v::load(&acc_rest[i]);
            state0 = {
                let shared_1 = v::abs(v::load(&x0_rest[i]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            state0 = {
                let shared_1 = v::abs(v::load(&x1_rest[i]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            v::store(&mut acc_rest[i], state0);
        }
        if !acc_tail.is_empty() {
            let mut state0 = v::load_part(acc_tail);
            state0 = {
                let shared_1 = v::abs(v::load_part(x0_tail));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            state0 = {
                let shared_1 = v::abs(v::load_part(x1_tail));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            v::store_part(acc_tail, state0);
        }
    }
    for rows in rest.rows().map(|row| [row]) {
        let (acc, acc_tail) = acc.as_chunks_mut::<8>();
        let (acc_steps, acc_rest) = acc.as_chunks_mut::<4>();
        let (x0, x0_tail) = rows[0].as_chunks::<8>();
        let (x0_steps, x0_rest) = x0.as_chunks::<4>();
        // all rows have this length: said once, the loops need no checks
        let len = acc_steps.len();
        let x0_steps = &x0_steps[..len];
        for i in 0..len {
            let mut state0 = v::load(&acc_steps[i][0]);
            let mut state1 = v::load(&acc_steps[i][1]);
            let mut state2 = v::load(&acc_steps[i][2]);
            let mut state3 = v::load(&acc_steps[i][3]);
            state0 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][0]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            state1 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][1]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state1, shared_1),
                    state1,
                )
            };
            state2 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][2]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state2, shared_1),
                    state2,
                )
            };
            state3 = {
                let shared_1 = v::abs(v::load(&x0_steps[i][3]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state3, shared_1),
                    state3,
                )
            };
            v::store(&mut acc_steps[i][0], state0);
            v::store(&mut acc_steps[i][1], state1);
            v::store(&mut acc_steps[i][2], state2);
            v::store(&mut acc_steps[i][3], state3);
        }
        let len = acc_rest.len();
        let x0_rest = &x0_rest[..len];
        for i in 0..len {
            let mut state0 = v::load(&acc_rest[i]);
            state0 = {
                let shared_1 = v::abs(v::load(&x0_rest[i]));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            v::store(&mut acc_rest[i], state0);
        }
        if !acc_tail.is_empty() {
            let mut state0 = v::load_part(acc_tail);
            state0 = {
                let shared_1 = v::abs(v::load_part(x0_tail));
                v::select(
                    v::gt(shared_1, v::splat(0.5)),
                    v::add(state0, shared_1),
                    state0,
                )
            };
            v::store_part(acc_tail, state0);
        }
    }
}
