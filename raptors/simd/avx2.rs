//! AVX2 and FMA: vectors of 32 bytes, on x86-64.
//!
//! One text for both dtypes: each module imports its intrinsics under neutral names. Every function enables the two
//! features, so that it becomes its instructions in the kernel that calls it; a caller without them needs `unsafe`.

macro_rules! vocabulary {
    ($float:ident, $lanes:literal) => {
        type T = $float;

        pub(crate) const LANES: usize = $lanes;

        pub(crate) type V = Register;

        /// All bits set in a lane that is true, none in one that is false.
        pub(crate) type M = Register;

        /// All bits set in a lane where a NaN came by: with them a value is a NaN, too.
        pub(crate) type N = Register;

        pub(crate) const FAST_IS_EXACT: bool = false;

        #[repr(C, align(32))]
        pub(crate) struct Slot([T; LANES]);

        /// A vector read at `LANES - n` has the first n lanes true.
        static PARTS: [[MaskLane; LANES]; 2] = [[-1; LANES], [0; LANES]];

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        fn first_lanes(count: usize) -> __m256i {
            assert!(count <= LANES, "part of a vector");
            // SAFETY: the table has 2 × LANES elements, and LANES of them are read from index LANES − count on,
            // which is between 0 and LANES.
            unsafe { _mm256_loadu_si256(PARTS.as_ptr().cast::<MaskLane>().add(LANES - count).cast()) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn load(place: &[T; LANES]) -> V {
            // SAFETY: the array has as many elements as are read; alignment is not asked for.
            unsafe { v_loadu(place.as_ptr()) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn store(place: &mut [T; LANES], v: V) {
            // SAFETY: the array has as many elements as are written; alignment is not asked for.
            unsafe { v_storeu(place.as_mut_ptr(), v) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn load_part(part: &[T]) -> V {
            // SAFETY: only the first `part.len()` lanes are selected, and those are in the slice. Of the others Intel's
            // manual says that they raise no fault; AMD's leaves that to the implementation, whose processors do not
            // either, which compilers count on when they vectorize loops. A fault would end the process, not read.
            unsafe { v_maskload(part.as_ptr(), first_lanes(part.len())) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn load_part_or(part: &[T], other: V) -> V {
            let lanes = first_lanes(part.len());
            v_blend(other, load_part(part), v_from_bits(lanes))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn store_part(part: &mut [T], v: V) {
            // SAFETY: only the first `part.len()` lanes are selected, and those are in the slice; the others are not
            // written. Faults: as in `load_part`.
            unsafe { v_maskstore(part.as_mut_ptr(), first_lanes(part.len()), v) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn slots_mut<const U: usize>(slice: &mut [T]) -> (&mut [T], &mut [[Slot; U]], &mut [T]) {
            const { assert!(U > 0 && size_of::<Slot>() == size_of::<[T; LANES]>()) }
            // SAFETY: a `Slot` is an array of T aligned to 32 bytes, of the same size, so U of them are one too.
            unsafe { aligned_steps(slice) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn stream(slot: &mut Slot, v: V) {
            // SAFETY: a slot is one vector, aligned as the instruction asks. Nothing else may access it before a
            // fence: that is the contract of this word. Only generated kernels use it; they read nothing that they
            // have streamed, and each ends with `fence` (a test of the emission holds them to it).
            unsafe { v_stream(slot.0.as_mut_ptr(), v) }
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn fence() {
            _mm_sfence();
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn prefetch_l1<const LINES: usize>(slice: &[T]) {
            let line = slice.as_ptr().cast::<i8>().wrapping_add(LINES * LINE_BYTES);
            _mm_prefetch::<_MM_HINT_T0>(line);
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn prefetch_l2<const LINES: usize>(slice: &[T]) {
            let line = slice.as_ptr().cast::<i8>().wrapping_add(LINES * LINE_BYTES);
            _mm_prefetch::<_MM_HINT_T1>(line);
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn splat(value: T) -> V {
            v_splat(value)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn add(a: V, b: V) -> V {
            v_add(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn sub(a: V, b: V) -> V {
            v_sub(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn mul(a: V, b: V) -> V {
            v_mul(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn div(a: V, b: V) -> V {
            v_div(a, b)
        }

        // The instruction returns its second operand for a pair of zeros and for NaN. Both orders together thus see
        // both operands in just these cases. OR joins them: −0 wins over +0, and a NaN stays a NaN.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn min(a: V, b: V) -> V {
            v_or(v_min(a, b), v_min(b, a))
        }

        // Here AND joins: +0 wins. It could empty a NaN of its bits, so they are set again, all of them.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn max(a: V, b: V) -> V {
            v_or(v_and(v_max(a, b), v_max(b, a)), v_compare::<_CMP_UNORD_Q>(a, b))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn fast_min(a: V, b: V) -> V {
            v_min(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn fast_max(a: V, b: V) -> V {
            v_max(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn no_notes() -> N {
            v_splat(0.0)
        }

        // One comparison looks at two vectors.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn note(notes: N, a: V, b: V) -> N {
            v_or(notes, v_compare::<_CMP_UNORD_Q>(a, b))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn noted(notes: N, v: V) -> V {
            v_or(notes, v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn neg(v: V) -> V {
            v_xor(v, v_splat(-0.0))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn abs(v: V) -> V {
            v_and_not(v_splat(-0.0), v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn sqrt(v: V) -> V {
            v_sqrt(v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn floor(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn ceil(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn trunc(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn round(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v)
        }

        // Of a NaN's sign nothing is taken.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn copysign(a: V, b: V) -> V {
            let sign = v_and(v_splat(-0.0), v_compare::<_CMP_ORD_Q>(b, b));
            v_or(abs(a), v_and(sign, b))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn rem(a: V, b: V) -> V {
            let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
            store(&mut x, a);
            store(&mut y, b);
            load(&from_fn(|lane| x[lane] % y[lane]))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn fma(a: V, b: V, c: V) -> V {
            v_fma(a, b, c)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        fn to_exponent(v: V) -> V {
            v_from_bits(v_shift_left::<{ layout::MANTISSA }>(v_to_bits(v)))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        fn from_exponent(v: V) -> V {
            v_from_bits(v_shift_right::<{ layout::MANTISSA }>(v_to_bits(v)))
        }

        // The exponent's bits become the last ones of a number without a fraction.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn exponent(v: V) -> V {
            let field = from_exponent(v_and(v, v_splat(T::INFINITY)));
            v_sub(v_or(field, v_splat(layout::WHOLE)), v_splat(layout::WHOLE + layout::BIAS))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn mantissa(v: V) -> V {
            v_or(v_and(v, v_splat(layout::FRACTION)), v_splat(1.0))
        }

        // Where the last bit counts ones, the whole number stands in the last bits.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn pow2(v: V) -> V {
            to_exponent(v_add(v, v_splat(1.5 * layout::WHOLE + layout::BIAS)))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn lt(a: V, b: V) -> M {
            v_compare::<_CMP_LT_OQ>(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn le(a: V, b: V) -> M {
            v_compare::<_CMP_LE_OQ>(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn gt(a: V, b: V) -> M {
            v_compare::<_CMP_GT_OQ>(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn ge(a: V, b: V) -> M {
            v_compare::<_CMP_GE_OQ>(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn eq(a: V, b: V) -> M {
            v_compare::<_CMP_EQ_OQ>(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn ne(a: V, b: V) -> M {
            v_compare::<_CMP_NEQ_UQ>(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn is_nan(v: V) -> M {
            v_compare::<_CMP_UNORD_Q>(v, v)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn and(a: M, b: M) -> M {
            v_and(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn or(a: M, b: M) -> M {
            v_or(a, b)
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn not(mask: M) -> M {
            v_xor(mask, v_from_bits(_mm256_set1_epi8(-1)))
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn any(mask: M) -> bool {
            v_signs(mask) != 0
        }

        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn select(mask: M, yes: V, no: V) -> V {
            v_blend(no, yes, mask)
        }

        /// Below the last step the two halves of a register stay apart: even and odd lanes within each half, and
        /// what a merge leaves has its next partners side by side again. The last step brings the halves together.
        #[target_feature(enable = "avx2,fma")]
        #[inline]
        pub(crate) fn pairs<const D: usize>(a: V, b: V) -> (V, V) {
            const { assert!(D.is_power_of_two() && D < LANES, "the distance of two lanes") }
            if D == LANES / 2 {
                (v_halves::<0x20>(a, b), v_halves::<0x31>(a, b))
            } else {
                (v_shuffle::<EVEN>(a, b), v_shuffle::<ODD>(a, b))
            }
        }
    };
}

pub(crate) mod f32 {
    use core::arch::x86_64::{
        __m256 as Register, __m256i, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LE_OQ, _CMP_LT_OQ, _CMP_NEQ_UQ,
        _CMP_ORD_Q, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_FROUND_TO_NEG_INF,
        _MM_FROUND_TO_POS_INF, _MM_FROUND_TO_ZERO, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm_sfence,
        _mm256_add_ps as v_add, _mm256_and_ps as v_and, _mm256_andnot_ps as v_and_not,
        _mm256_blendv_ps as v_blend, _mm256_castps_si256 as v_to_bits, _mm256_castps256_ps128,
        _mm256_castsi256_ps as v_from_bits, _mm256_cmp_ps as v_compare, _mm256_cvtpd_ps, _mm256_cvtps_pd,
        _mm256_div_ps as v_div, _mm256_extractf128_ps, _mm256_fmadd_ps as v_fma, _mm256_loadu_ps as v_loadu,
        _mm256_loadu_si256, _mm256_maskload_ps as v_maskload, _mm256_maskstore_ps as v_maskstore,
        _mm256_max_ps as v_max, _mm256_min_ps as v_min, _mm256_movemask_ps as v_signs,
        _mm256_mul_ps as v_mul, _mm256_or_ps as v_or, _mm256_permute2f128_ps as v_halves,
        _mm256_round_ps as v_round, _mm256_set_m128, _mm256_set1_epi8, _mm256_set1_ps as v_splat,
        _mm256_shuffle_ps as v_shuffle, _mm256_slli_epi32 as v_shift_left, _mm256_sqrt_ps as v_sqrt,
        _mm256_srli_epi32 as v_shift_right, _mm256_storeu_ps as v_storeu, _mm256_stream_ps as v_stream,
        _mm256_sub_ps as v_sub, _mm256_xor_ps as v_xor,
    };
    use core::array::from_fn;

    use crate::{
        element::layout::f32 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    type MaskLane = i32;

    /// Lanes 0 and 2 of the first vector, then of the second, in each half.
    const EVEN: i32 = 0b10_00_10_00;
    /// Lanes 1 and 3.
    const ODD: i32 = 0b11_01_11_01;

    vocabulary!(f32, 8);

    /// The lanes in f64, in their order.
    pub(crate) type Wide = [super::f64::V; 2];

    #[target_feature(enable = "avx2,fma")]
    #[inline]
    pub(crate) fn widen(v: V) -> Wide {
        [_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(v))]
    }

    #[target_feature(enable = "avx2,fma")]
    #[inline]
    pub(crate) fn narrow(wide: Wide) -> V {
        let [low, high] = wide.map(|half| _mm256_cvtpd_ps(half));
        _mm256_set_m128(high, low)
    }
}

pub(crate) mod f64 {
    use core::arch::x86_64::{
        __m256d as Register, __m256i, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LE_OQ, _CMP_LT_OQ,
        _CMP_NEQ_UQ, _CMP_ORD_Q, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT,
        _MM_FROUND_TO_NEG_INF, _MM_FROUND_TO_POS_INF, _MM_FROUND_TO_ZERO, _MM_HINT_T0, _MM_HINT_T1,
        _mm_prefetch, _mm_sfence, _mm256_add_pd as v_add, _mm256_and_pd as v_and,
        _mm256_andnot_pd as v_and_not, _mm256_blendv_pd as v_blend, _mm256_castpd_si256 as v_to_bits,
        _mm256_castsi256_pd as v_from_bits, _mm256_cmp_pd as v_compare, _mm256_div_pd as v_div,
        _mm256_fmadd_pd as v_fma, _mm256_loadu_pd as v_loadu, _mm256_loadu_si256,
        _mm256_maskload_pd as v_maskload, _mm256_maskstore_pd as v_maskstore, _mm256_max_pd as v_max,
        _mm256_min_pd as v_min, _mm256_movemask_pd as v_signs, _mm256_mul_pd as v_mul, _mm256_or_pd as v_or,
        _mm256_permute2f128_pd as v_halves, _mm256_round_pd as v_round, _mm256_set1_epi8,
        _mm256_set1_pd as v_splat, _mm256_shuffle_pd as v_shuffle, _mm256_slli_epi64 as v_shift_left,
        _mm256_sqrt_pd as v_sqrt, _mm256_srli_epi64 as v_shift_right, _mm256_storeu_pd as v_storeu,
        _mm256_stream_pd as v_stream, _mm256_sub_pd as v_sub, _mm256_xor_pd as v_xor,
    };
    use core::array::from_fn;

    use crate::{
        element::layout::f64 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    type MaskLane = i64;

    /// Lane 0 of the first vector, then of the second, in each half.
    const EVEN: i32 = 0b00_00;
    /// Lane 1.
    const ODD: i32 = 0b11_11;

    vocabulary!(f64, 4);
}
