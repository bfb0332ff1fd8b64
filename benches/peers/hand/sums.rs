//! Sums in `NumPy`'s order: +0.0 plus a tree whose leaves have at most 128 elements and eight accumulators each.
//!
//! A leaf is one chain of additions for each accumulator, so one leaf alone waits for the adder. Eight leaves at once
//! do not. They lie one after another, or far apart in eight subtrees of the same shape. A mean is such a sum and one
//! division.

use std::arch::x86_64::{
    __m256, __m256d, _mm256_add_pd, _mm256_add_ps, _mm256_hadd_pd, _mm256_hadd_ps, _mm256_loadu_pd,
    _mm256_loadu_ps, _mm256_permute2f128_pd, _mm256_permute2f128_ps, _mm256_permute4x64_pd,
    _mm256_setzero_pd, _mm256_setzero_ps, _mm256_storeu_pd, _mm256_storeu_ps,
};

/// Elements of a whole leaf.
const LEAF: usize = 128;

macro_rules! sums {
    ($float:ident, $vector:ty, $zero:ident, $load:ident, $store:ident, $add:ident, $lane_sums:ident, $groups:literal) => {
        pub(super) mod $float {
            use super::*;

            const LANES: usize = size_of::<$vector>() / size_of::<$float>();
            /// Vectors that hold the eight accumulators of one leaf.
            const VECTORS: usize = 8 / LANES;
            /// Vectors that hold the sums of eight leaves.
            type Eight = [$vector; $groups];

            /// The sums of the whole leaves that begin at eight places.
            ///
            /// # Safety
            ///
            /// 128 elements can be read at each place.
            #[inline]
            #[target_feature(enable = "avx2")]
            unsafe fn leaves(places: [*const $float; 8]) -> Eight {
                // As many leaves at once as give eight chains.
                const AT_ONCE: usize = 8 / $groups;
                // SAFETY: all loads end within 128 elements of their place.
                let load = |place: usize, at: usize| unsafe { $load(places[place].add(at)) };
                let mut all = [$zero(); $groups];
                for (group, some) in all.iter_mut().enumerate() {
                    let first = group * AT_ONCE;
                    let mut sums: [[$vector; VECTORS]; AT_ONCE] = std::array::from_fn(|leaf| {
                        std::array::from_fn(|part| load(first + leaf, part * LANES))
                    });
                    for at in (8..LEAF).step_by(8) {
                        for leaf in 0..AT_ONCE {
                            for part in 0..VECTORS {
                                sums[leaf][part] =
                                    $add(sums[leaf][part], load(first + leaf, at + part * LANES));
                            }
                        }
                    }
                    *some = $lane_sums(sums);
                }
                all
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            fn to_array(eight: Eight) -> [$float; 8] {
                let mut sums = [0.0; 8];
                for (sums, vector) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(eight) {
                    // SAFETY: each chunk is as long as the vector.
                    unsafe { $store(sums.as_mut_ptr(), vector) };
                }
                sums
            }

            /// The leaves that follow one another in eight runs.
            #[inline]
            #[target_feature(enable = "avx2")]
            fn in_a_row(run: &[$float; 8 * LEAF]) -> [$float; 8] {
                let (places, _) = run.as_chunks::<LEAF>();
                // SAFETY: each place is an array of 128 elements.
                to_array(unsafe { leaves(std::array::from_fn(|leaf| places[leaf].as_ptr())) })
            }

            fn join(r: [$float; 8]) -> $float {
                ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
            }

            /// The tree over a run of any length.
            #[target_feature(enable = "avx2")]
            fn tree(x: &[$float]) -> $float {
                if let Ok(run) = x.try_into() {
                    join(in_a_row(run))
                } else if x.len() > LEAF {
                    let half = x.len() / 2;
                    let (left, right) = x.split_at(half - half % 8);
                    tree(left) + tree(right)
                } else if x.len() >= 8 {
                    let (first, rest) = x.split_first_chunk::<8>().expect("eight at least");
                    let (steps, tail) = rest.as_chunks::<8>();
                    let mut sums = *first;
                    for step in steps {
                        for (sum, x) in sums.iter_mut().zip(step) {
                            *sum += x;
                        }
                    }
                    tail.iter().fold(join(sums), |sum, x| sum + x)
                } else {
                    x.iter().fold(-0.0, |sum, x| sum + x)
                }
            }

            /// Subtrees that wait for their sibling, one for each power of two of leaves.
            type Stack = [Eight; 32];

            #[target_feature(enable = "avx2")]
            fn empty_stack() -> Stack {
                [[$zero(); $groups]; 32]
            }

            /// The trees of eight runs that begin `apart` elements from one another and have `count` whole leaves
            /// each, a power of two: one leaf of each run at once. The stack may hold anything.
            #[target_feature(enable = "avx2")]
            fn trees_apart(x: &[$float], apart: usize, count: usize, stack: &mut Stack) -> [$float; 8] {
                assert!(x.len() >= 7 * apart + count * LEAF && count.is_power_of_two());
                for leaf in 0..count {
                    // SAFETY: the last leaf of the last run ends within the length.
                    let mut sums = unsafe {
                        leaves(std::array::from_fn(|run| x.as_ptr().add(run * apart + leaf * LEAF)))
                    };
                    let complete = leaf.trailing_ones() as usize;
                    for left in &stack[..complete] {
                        sums = std::array::from_fn(|group| $add(left[group], sums[group]));
                    }
                    stack[complete] = sums;
                }
                to_array(stack[count.trailing_zeros() as usize])
            }

            /// `NumPy` divides in f64 and rounds once.
            #[inline]
            #[target_feature(enable = "avx2")]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                reason = "the one rounding, and no step at all where the sum is an f64"
            )]
            pub(crate) fn mean(sum: $float, count: usize) -> $float {
                let count = u32::try_from(count).expect("a matrix of less than 2³² elements");
                (sum as f64 / f64::from(count)) as $float
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn means(sums: &mut [$float], count: usize) {
                for sum in sums {
                    *sum = mean(*sum, count);
                }
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn all(x: &[$float]) -> $float {
                0.0 + tree(x)
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn all_apart(x: &[$float]) -> $float {
                let apart = x.len() / 8;
                if x.len() == 8 * apart && apart.is_multiple_of(LEAF) && (apart / LEAF).is_power_of_two() {
                    0.0 + join(trees_apart(x, apart, apart / LEAF, &mut empty_stack()))
                } else {
                    all(x)
                }
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn axis1(x: &[$float], cols: usize, sums: &mut [$float]) {
                // Short rows of a power of two of leaves: eight leaves are several rows.
                let together = 8 * LEAF / cols;
                if together > 1 && cols.is_multiple_of(LEAF) && (8 * LEAF).is_multiple_of(cols) {
                    let (blocks, tail) = x.as_chunks::<{ 8 * LEAF }>();
                    let (block_sums, tail_sums) = sums.split_at_mut(blocks.len() * together);
                    for (block, sums) in blocks.iter().zip(block_sums.chunks_exact_mut(together)) {
                        let mut level = in_a_row(block);
                        let mut left = 8;
                        while left > together {
                            left /= 2;
                            level = std::array::from_fn(|i| {
                                if i < left { level[2 * i] + level[2 * i + 1] } else { 0.0 }
                            });
                        }
                        for (sum, row) in sums.iter_mut().zip(level) {
                            *sum = 0.0 + row;
                        }
                    }
                    return rows(tail, cols, tail_sums);
                }
                rows(x, cols, sums);
            }

            #[target_feature(enable = "avx2")]
            fn rows(x: &[$float], cols: usize, sums: &mut [$float]) {
                for (row, sum) in x.chunks_exact(cols).zip(sums) {
                    *sum = 0.0 + tree(row);
                }
            }

            /// Eight rows at once: neighbours, or from places as far apart as can be.
            #[target_feature(enable = "avx2")]
            pub(crate) fn axis1_rows<const FAR: bool>(x: &[$float], cols: usize, sums: &mut [$float]) {
                if !cols.is_multiple_of(LEAF) || !(cols / LEAF).is_power_of_two() {
                    return rows(x, cols, sums);
                }
                let mut stack = empty_stack();
                let steps = sums.len() / 8;
                let between = if FAR { steps } else { 1 };
                for step in 0..steps {
                    let first = if FAR { step } else { 8 * step };
                    let trees = trees_apart(&x[first * cols..], between * cols, cols / LEAF, &mut stack);
                    for (row, tree) in trees.into_iter().enumerate() {
                        sums[first + row * between] = 0.0 + tree;
                    }
                }
                rows(&x[8 * steps * cols..], cols, &mut sums[8 * steps..]);
            }

            /// Row after row, `ROWS` of them in registers between a load and a store of their sums.
            #[target_feature(enable = "avx2")]
            pub(crate) fn axis0<const ROWS: usize>(x: &[$float], sums: &mut [$float]) {
                let cols = sums.len();
                if cols == 1 {
                    sums[0] = all(x);
                    return;
                }
                sums.fill(0.0);
                let steps = x.chunks_exact(ROWS * cols);
                let rest = steps.remainder();
                for rows in steps {
                    add_rows::<ROWS>(rows, sums);
                }
                for row in rest.chunks_exact(cols) {
                    add_rows::<1>(row, sums);
                }
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            fn add_rows<const ROWS: usize>(x: &[$float], sums: &mut [$float]) {
                const VECTORS: usize = 4;
                let cols = sums.len();
                assert!(x.len() == ROWS * cols);
                let whole = cols - cols % (VECTORS * LANES);
                for col in (0..whole).step_by(VECTORS * LANES) {
                    // SAFETY: four vectors from `col` end within `whole`, in the sums as in each of the rows.
                    unsafe {
                        let place = sums.as_mut_ptr().add(col);
                        let mut vectors: [$vector; VECTORS] =
                            std::array::from_fn(|i| $load(place.add(i * LANES)));
                        for row in 0..ROWS {
                            let x = x.as_ptr().add(row * cols + col);
                            for (i, vector) in vectors.iter_mut().enumerate() {
                                *vector = $add(*vector, $load(x.add(i * LANES)));
                            }
                        }
                        for (i, vector) in vectors.into_iter().enumerate() {
                            $store(place.add(i * LANES), vector);
                        }
                    }
                }
                for row in x.chunks_exact(cols) {
                    for (sum, x) in sums[whole..].iter_mut().zip(&row[whole..]) {
                        *sum += x;
                    }
                }
            }
        }
    };
}

sums!(f32, __m256, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, lane_sums_f32, 1);
sums!(f64, __m256d, _mm256_setzero_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, lane_sums_f64, 2);

/// `((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7))` of each of eight leaves, in their order. A horizontal addition adds
/// neighbours within each half of the vector, which is how the formula pairs them.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_sums_f32(leaves: [[__m256; 1]; 8]) -> __m256 {
    let pairs = |first: usize| _mm256_hadd_ps(leaves[first][0], leaves[first + 1][0]);
    let abcd = _mm256_hadd_ps(pairs(0), pairs(2));
    let efgh = _mm256_hadd_ps(pairs(4), pairs(6));
    let low = _mm256_permute2f128_ps::<0x20>(abcd, efgh);
    let high = _mm256_permute2f128_ps::<0x31>(abcd, efgh);
    _mm256_add_ps(low, high)
}

/// The same of each of four leaves, whose accumulators are in two vectors.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_sums_f64([a, b, c, d]: [[__m256d; 2]; 4]) -> __m256d {
    // r0+r1, r4+r5, r2+r3, r6+r7.
    let pairs = |[low, high]: [__m256d; 2]| _mm256_hadd_pd(low, high);
    // Of two leaves: (r0+r1)+(r2+r3) and (r4+r5)+(r6+r7) of one, then of the other.
    let halves = |one: __m256d, two: __m256d| {
        _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(one, two), _mm256_permute2f128_pd::<0x31>(one, two))
    };
    let acbd = _mm256_hadd_pd(halves(pairs(a), pairs(b)), halves(pairs(c), pairs(d)));
    _mm256_permute4x64_pd::<0b11_01_10_00>(acbd)
}
