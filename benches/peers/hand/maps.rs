//! Element by element: eight vectors a step, loads first, then arithmetic, then stores.

use std::arch::x86_64::{
    __m256, __m256d, _mm_sfence, _mm256_add_pd, _mm256_add_ps, _mm256_loadu_pd, _mm256_loadu_ps,
    _mm256_mul_pd, _mm256_mul_ps, _mm256_set1_pd, _mm256_set1_ps, _mm256_storeu_pd, _mm256_storeu_ps,
    _mm256_stream_pd, _mm256_stream_ps,
};

macro_rules! maps {
    (
        $float:ident, $vector:ty, $set1:ident, $load:ident, $store:ident, $stream:ident, $mul:ident, $add:ident
    ) => {
        pub(super) mod $float {
            use super::*;

            const LANES: usize = size_of::<$vector>() / size_of::<$float>();
            const VECTORS: usize = 8;
            const STEP: usize = VECTORS * LANES;

            /// Whether a store past the caches may go to `out`: it faults if it is not aligned.
            fn aligned(out: &[$float]) -> bool {
                out.as_ptr().addr().is_multiple_of(size_of::<$vector>())
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            fn store_step<const STREAM: bool>(out: &mut [$float; STEP], vectors: [$vector; VECTORS]) {
                for (place, vector) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(vectors) {
                    // SAFETY: `place` is as long as the vector; with STREAM callers saw to the alignment, and a step
                    // is a whole number of vectors.
                    unsafe {
                        if STREAM {
                            $stream(place.as_mut_ptr(), vector)
                        } else {
                            $store(place.as_mut_ptr(), vector)
                        }
                    }
                }
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            fn load_step(x: &[$float; STEP]) -> [$vector; VECTORS] {
                let vectors = x.as_chunks::<LANES>().0;
                // SAFETY: each chunk is as long as the vector.
                std::array::from_fn(|i| unsafe { $load(vectors[i].as_ptr()) })
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn scale<const STREAM: bool>(x: &[$float], factor: $float, out: &mut [$float]) {
                if STREAM && !aligned(out) {
                    return scale::<false>(x, factor, out);
                }
                let factors = $set1(factor);
                let ((x, x_tail), (out, out_tail)) = (x.as_chunks::<STEP>(), out.as_chunks_mut::<STEP>());
                for (x, out) in x.iter().zip(out) {
                    store_step::<STREAM>(out, load_step(x).map(|x| $mul(x, factors)));
                }
                for (x, out) in x_tail.iter().zip(out_tail) {
                    *out = x * factor;
                }
                if STREAM {
                    _mm_sfence();
                }
            }

            /// One run of additions, without the fence.
            #[inline]
            #[target_feature(enable = "avx2")]
            fn add_run<const STREAM: bool>(x: &[$float], y: &[$float], out: &mut [$float]) {
                let ((x, x_tail), (y, y_tail)) = (x.as_chunks::<STEP>(), y.as_chunks::<STEP>());
                let (out, out_tail) = out.as_chunks_mut::<STEP>();
                for ((x, y), out) in x.iter().zip(y).zip(out) {
                    let (x, y) = (load_step(x), load_step(y));
                    store_step::<STREAM>(out, std::array::from_fn(|i| $add(x[i], y[i])));
                }
                for ((x, y), out) in x_tail.iter().zip(y_tail).zip(out_tail) {
                    *out = x + y;
                }
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn add<const STREAM: bool>(x: &[$float], y: &[$float], out: &mut [$float]) {
                if STREAM && aligned(out) {
                    add_run::<true>(x, y, out);
                    _mm_sfence();
                } else {
                    add_run::<false>(x, y, out);
                }
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn add_row<const STREAM: bool>(x: &[$float], row: &[$float], out: &mut [$float]) {
                // Every row of `out` has the alignment of the first if rows are whole vectors.
                let stream = STREAM && aligned(out) && row.len().is_multiple_of(LANES);
                for (x, out) in x.chunks_exact(row.len()).zip(out.chunks_exact_mut(row.len())) {
                    if stream { add_run::<true>(x, row, out) } else { add_run::<false>(x, row, out) }
                }
                if STREAM {
                    _mm_sfence();
                }
            }

            /// Four rows at a step, so that each vector of `row` is loaded once for four of them.
            #[target_feature(enable = "avx2")]
            pub(crate) fn add_row_to_four<const STREAM: bool>(
                x: &[$float],
                row: &[$float],
                out: &mut [$float],
            ) {
                const ROWS: usize = 4;
                let cols = row.len();
                if STREAM && !(aligned(out) && cols.is_multiple_of(LANES)) {
                    return add_row_to_four::<false>(x, row, out);
                }
                let (steps, _) = row.as_chunks::<STEP>();
                let whole = steps.len() * STEP;
                for (x, out) in x.chunks(ROWS * cols).zip(out.chunks_mut(ROWS * cols)) {
                    if x.len() < ROWS * cols {
                        add_row::<STREAM>(x, row, out);
                        continue;
                    }
                    for (step, row) in steps.iter().enumerate() {
                        let row = load_step(row);
                        for line in 0..ROWS {
                            let at = line * cols + step * STEP;
                            // SAFETY: the step ends within row `line` of the four, in `x` as in `out`.
                            let (x, out) = unsafe {
                                (&*x.as_ptr().add(at).cast(), &mut *out.as_mut_ptr().add(at).cast())
                            };
                            let x = load_step(x);
                            store_step::<STREAM>(out, std::array::from_fn(|i| $add(x[i], row[i])));
                        }
                    }
                    for (x, out) in x.chunks_exact(cols).zip(out.chunks_exact_mut(cols)) {
                        for ((x, row), out) in x[whole..].iter().zip(&row[whole..]).zip(&mut out[whole..]) {
                            *out = x + row;
                        }
                    }
                }
                if STREAM {
                    _mm_sfence();
                }
            }
        }
    };
}

maps!(
    f32,
    __m256,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_stream_ps,
    _mm256_mul_ps,
    _mm256_add_ps
);
maps!(
    f64,
    __m256d,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_stream_pd,
    _mm256_mul_pd,
    _mm256_add_pd
);
