//! AVX-512 (F, DQ, BW and VL): vectors of 64 bytes, on x86-64. Masks are registers of their own, a bit a lane.
//!
//! One text for each module, as in `avx2`: the module imports its intrinsics under neutral names, and every function
//! enables the features, so that it becomes its instructions in the kernel that calls it.
//!
//! `f32x8` is the same text over vectors of 32 bytes, for runs by the pairwise tree (see the page of the vocabularies).

/// VRANGE's greater of two, with its own sign.
const GREATER: i32 = 0b01_01;

macro_rules! vocabulary {
    ($float:ident, $lanes:literal, $align:tt) => {
        type T = $float;

        pub(crate) const LANES: usize = $lanes;

        pub(crate) type V = Register;

        /// Bit i is lane i. There is no bit that belongs to no lane.
        pub(crate) type M = Bits;

        /// The lanes where no NaN came by: a comparison under a mask takes out the others.
        pub(crate) type N = Bits;

        pub(crate) const FAST_IS_EXACT: bool = false;

        #[repr(C, align($align))]
        pub(crate) struct Slot([T; LANES]);

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        #[allow(clippy::cast_possible_truncation, reason = "a mask has a bit for each lane")]
        fn first_lanes(count: usize) -> M {
            assert!(count <= LANES, "part of a vector");
            // A shift of all bits would be none: the shift is done in a wider number. What is above is no lane.
            ((1_u32 << count) - 1) as M
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn load(place: &[T; LANES]) -> V {
            // SAFETY: the array has as many elements as are read; alignment is not asked for.
            unsafe { v_loadu(place.as_ptr()) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn store(place: &mut [T; LANES], v: V) {
            // SAFETY: the array has as many elements as are written; alignment is not asked for.
            unsafe { v_storeu(place.as_mut_ptr(), v) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn load_part(part: &[T]) -> V {
            // SAFETY: only the first `part.len()` lanes are selected, and those are in the slice. Of the others nothing is
            // read, and they raise no fault, by the manuals of Intel and of AMD.
            unsafe { v_maskz_loadu(first_lanes(part.len()), part.as_ptr()) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn load_part_or(part: &[T], other: V) -> V {
            // SAFETY: as in `load_part`.
            unsafe { v_mask_loadu(other, first_lanes(part.len()), part.as_ptr()) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn store_part(part: &mut [T], v: V) {
            // SAFETY: only the first `part.len()` lanes are selected, and those are in the slice; the others are not
            // written. Faults: as in `load_part`.
            unsafe { v_mask_storeu(part.as_mut_ptr(), first_lanes(part.len()), v) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn slots_mut<const U: usize>(slice: &mut [T]) -> (&mut [T], &mut [[Slot; U]], &mut [T]) {
            const { assert!(U > 0 && size_of::<Slot>() == size_of::<[T; LANES]>()) }
            // SAFETY: a `Slot` is an array of T aligned to its size, so U of them are an array too.
            unsafe { aligned_steps(slice) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn stream(slot: &mut Slot, v: V) {
            // SAFETY: a slot is one vector, aligned as the instruction asks. Nothing else may access it before a
            // fence: that is the contract of this word. Only generated kernels use it; they read nothing that they
            // have streamed, and each ends with `fence` (a test of the emission holds them to it).
            unsafe { v_stream(slot.0.as_mut_ptr(), v) }
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn fence() {
            _mm_sfence();
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn prefetch_l1<const LINES: usize>(slice: &[T]) {
            let line = slice.as_ptr().cast::<i8>().wrapping_add(LINES * LINE_BYTES);
            _mm_prefetch::<_MM_HINT_T0>(line);
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn prefetch_l2<const LINES: usize>(slice: &[T]) {
            let line = slice.as_ptr().cast::<i8>().wrapping_add(LINES * LINE_BYTES);
            _mm_prefetch::<_MM_HINT_T1>(line);
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn splat(value: T) -> V {
            v_splat(value)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn add(a: V, b: V) -> V {
            v_add(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn sub(a: V, b: V) -> V {
            v_sub(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn mul(a: V, b: V) -> V {
            v_mul(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn div(a: V, b: V) -> V {
            v_div(a, b)
        }

        // The instruction returns its second operand for a pair of zeros and for NaN. Both orders together thus see
        // both operands in just these cases. OR joins them: −0 wins over +0, and a NaN stays a NaN.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn min(a: V, b: V) -> V {
            v_or(v_min(a, b), v_min(b, a))
        }

        // VRANGE knows the order of zeros, but prefers a number to a NaN, which is therefore put back: three instructions,
        // where AND in the place of OR, which could empty a NaN of its bits, would make them five.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn max(a: V, b: V) -> V {
            v_blend(v_compare::<_CMP_UNORD_Q>(a, b), v_range::<GREATER>(a, b), v_splat(T::NAN))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn fast_min(a: V, b: V) -> V {
            v_min(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn fast_max(a: V, b: V) -> V {
            v_max(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn no_notes() -> N {
            N::MAX
        }

        // One comparison looks at two vectors. An AND of its own would be done in another register file.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn note(notes: N, a: V, b: V) -> N {
            v_mask_compare::<_CMP_ORD_Q>(notes, a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn noted(notes: N, v: V) -> V {
            v_blend(notes, v_splat(T::NAN), v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn neg(v: V) -> V {
            v_xor(v, v_splat(-0.0))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn abs(v: V) -> V {
            v_and_not(v_splat(-0.0), v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn sqrt(v: V) -> V {
            v_sqrt(v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn floor(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn ceil(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn trunc(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn round(v: V) -> V {
            v_round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v)
        }

        // Of a NaN's sign nothing is taken.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn copysign(a: V, b: V) -> V {
            v_or(abs(a), v_maskz_and(v_compare::<_CMP_ORD_Q>(b, b), v_splat(-0.0), b))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn rem(a: V, b: V) -> V {
            let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
            store(&mut x, a);
            store(&mut y, b);
            load(&from_fn(|lane| x[lane] % y[lane]))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn fma(a: V, b: V, c: V) -> V {
            v_fma(a, b, c)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        fn to_exponent(v: V) -> V {
            v_from_bits(v_shift_left::<SHIFT>(v_to_bits(v)))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        fn from_exponent(v: V) -> V {
            v_from_bits(v_shift_right::<SHIFT>(v_to_bits(v)))
        }

        // The exponent's bits become the last ones of a number without a fraction.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn exponent(v: V) -> V {
            let field = from_exponent(v_and(v, v_splat(T::INFINITY)));
            v_sub(v_or(field, v_splat(layout::WHOLE)), v_splat(layout::WHOLE + layout::BIAS))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn mantissa(v: V) -> V {
            v_or(v_and(v, v_splat(layout::FRACTION)), v_splat(1.0))
        }

        // Where the last bit counts ones, the whole number stands in the last bits.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn pow2(v: V) -> V {
            to_exponent(v_add(v, v_splat(1.5 * layout::WHOLE + layout::BIAS)))
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn lt(a: V, b: V) -> M {
            v_compare::<_CMP_LT_OQ>(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn le(a: V, b: V) -> M {
            v_compare::<_CMP_LE_OQ>(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn gt(a: V, b: V) -> M {
            v_compare::<_CMP_GT_OQ>(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn ge(a: V, b: V) -> M {
            v_compare::<_CMP_GE_OQ>(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn eq(a: V, b: V) -> M {
            v_compare::<_CMP_EQ_OQ>(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn ne(a: V, b: V) -> M {
            v_compare::<_CMP_NEQ_UQ>(a, b)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn is_nan(v: V) -> M {
            v_compare::<_CMP_UNORD_Q>(v, v)
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn and(a: M, b: M) -> M {
            a & b
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn or(a: M, b: M) -> M {
            a | b
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn not(mask: M) -> M {
            !mask
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn any(mask: M) -> bool {
            mask != 0
        }

        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn select(mask: M, yes: V, no: V) -> V {
            v_blend(mask, no, yes)
        }

        /// The first steps stay within the 16 bytes that shuffles work in: even and odd lanes of each, so that what a
        /// merge leaves has its next partners side by side again. The last steps do the same with the even and the odd
        /// ones of those 16 bytes.
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        #[inline]
        pub(crate) fn pairs<const D: usize>(a: V, b: V) -> (V, V) {
            const { assert!(D.is_power_of_two() && D < LANES, "the distance of two lanes") }
            if D < 16 / size_of::<T>() {
                (v_shuffle::<EVEN>(a, b), v_shuffle::<ODD>(a, b))
            } else {
                (v_blocks::<EVEN_BLOCKS>(a, b), v_blocks::<ODD_BLOCKS>(a, b))
            }
        }
    };
}

pub(crate) mod f32 {
    use core::arch::x86_64::{
        __m512 as Register, __mmask16 as Bits, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LE_OQ, _CMP_LT_OQ,
        _CMP_NEQ_UQ, _CMP_ORD_Q, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT,
        _MM_FROUND_TO_NEG_INF, _MM_FROUND_TO_POS_INF, _MM_FROUND_TO_ZERO, _MM_HINT_T0, _MM_HINT_T1,
        _mm_prefetch, _mm_sfence, _mm256_castpd_ps, _mm256_castps_pd, _mm512_add_ps as v_add,
        _mm512_and_ps as v_and, _mm512_andnot_ps as v_and_not, _mm512_castpd_ps, _mm512_castpd256_pd512,
        _mm512_castps_pd, _mm512_castps_si512 as v_to_bits, _mm512_castps512_ps256,
        _mm512_castsi512_ps as v_from_bits, _mm512_cmp_ps_mask as v_compare, _mm512_cvtpd_ps,
        _mm512_cvtps_pd, _mm512_div_ps as v_div, _mm512_extractf64x4_pd, _mm512_fmadd_ps as v_fma,
        _mm512_insertf64x4, _mm512_loadu_ps as v_loadu, _mm512_mask_blend_ps as v_blend,
        _mm512_mask_cmp_ps_mask as v_mask_compare, _mm512_mask_loadu_ps as v_mask_loadu,
        _mm512_mask_storeu_ps as v_mask_storeu, _mm512_maskz_and_ps as v_maskz_and,
        _mm512_maskz_loadu_ps as v_maskz_loadu, _mm512_max_ps as v_max, _mm512_min_ps as v_min,
        _mm512_mul_ps as v_mul, _mm512_or_ps as v_or, _mm512_range_ps as v_range,
        _mm512_roundscale_ps as v_round, _mm512_set1_ps as v_splat, _mm512_shuffle_f32x4 as v_blocks,
        _mm512_shuffle_ps as v_shuffle, _mm512_slli_epi32 as v_shift_left, _mm512_sqrt_ps as v_sqrt,
        _mm512_srli_epi32 as v_shift_right, _mm512_storeu_ps as v_storeu, _mm512_stream_ps as v_stream,
        _mm512_sub_ps as v_sub, _mm512_xor_ps as v_xor,
    };
    use core::array::from_fn;

    use super::GREATER;
    use crate::{
        element::layout::f32 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    /// Bits of the fraction, as the shifts take them.
    const SHIFT: u32 = layout::MANTISSA.cast_unsigned();

    /// Lanes 0 and 2 of the first vector, then of the second, in each 16 bytes.
    const EVEN: i32 = 0b10_00_10_00;
    /// Lanes 1 and 3.
    const ODD: i32 = 0b11_01_11_01;

    /// The first and third 16 bytes of the first vector, then of the second.
    const EVEN_BLOCKS: i32 = 0b10_00_10_00;
    /// The second and fourth.
    const ODD_BLOCKS: i32 = 0b11_01_11_01;

    vocabulary!(f32, 16, 64);

    /// The lanes in f64, in their order.
    pub(crate) type Wide = [super::f64::V; 2];

    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
    #[inline]
    pub(crate) fn widen(v: V) -> Wide {
        let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
        [_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(high)]
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
    #[inline]
    pub(crate) fn narrow(wide: Wide) -> V {
        let [low, high] = wide.map(|half| _mm256_castps_pd(_mm512_cvtpd_ps(half)));
        _mm512_castpd_ps(_mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high))
    }
}

pub(crate) mod f64 {
    use core::arch::x86_64::{
        __m512d as Register, __mmask8 as Bits, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LE_OQ, _CMP_LT_OQ,
        _CMP_NEQ_UQ, _CMP_ORD_Q, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT,
        _MM_FROUND_TO_NEG_INF, _MM_FROUND_TO_POS_INF, _MM_FROUND_TO_ZERO, _MM_HINT_T0, _MM_HINT_T1,
        _mm_prefetch, _mm_sfence, _mm512_add_pd as v_add, _mm512_and_pd as v_and,
        _mm512_andnot_pd as v_and_not, _mm512_castpd_si512 as v_to_bits, _mm512_castsi512_pd as v_from_bits,
        _mm512_cmp_pd_mask as v_compare, _mm512_div_pd as v_div, _mm512_fmadd_pd as v_fma,
        _mm512_loadu_pd as v_loadu, _mm512_mask_blend_pd as v_blend,
        _mm512_mask_cmp_pd_mask as v_mask_compare, _mm512_mask_loadu_pd as v_mask_loadu,
        _mm512_mask_storeu_pd as v_mask_storeu, _mm512_maskz_and_pd as v_maskz_and,
        _mm512_maskz_loadu_pd as v_maskz_loadu, _mm512_max_pd as v_max, _mm512_min_pd as v_min,
        _mm512_mul_pd as v_mul, _mm512_or_pd as v_or, _mm512_range_pd as v_range,
        _mm512_roundscale_pd as v_round, _mm512_set1_pd as v_splat, _mm512_shuffle_f64x2 as v_blocks,
        _mm512_shuffle_pd as v_shuffle, _mm512_slli_epi64 as v_shift_left, _mm512_sqrt_pd as v_sqrt,
        _mm512_srli_epi64 as v_shift_right, _mm512_storeu_pd as v_storeu, _mm512_stream_pd as v_stream,
        _mm512_sub_pd as v_sub, _mm512_xor_pd as v_xor,
    };
    use core::array::from_fn;

    use super::GREATER;
    use crate::{
        element::layout::f64 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    /// Bits of the fraction, as the shifts take them.
    const SHIFT: u32 = layout::MANTISSA.cast_unsigned();

    /// Lane 0 of the first vector, then of the second, in each 16 bytes.
    const EVEN: i32 = 0b00_00_00_00;
    /// Lane 1.
    const ODD: i32 = 0b11_11_11_11;

    /// The first and third 16 bytes of the first vector, then of the second.
    const EVEN_BLOCKS: i32 = 0b10_00_10_00;
    /// The second and fourth.
    const ODD_BLOCKS: i32 = 0b11_01_11_01;

    vocabulary!(f64, 8, 64);
}

/// Eight lanes of AVX-512VL, for runs by the pairwise tree.
pub(crate) mod f32x8 {
    use core::arch::x86_64::{
        __m256 as Register, __mmask8 as Bits, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LE_OQ, _CMP_LT_OQ,
        _CMP_NEQ_UQ, _CMP_ORD_Q, _CMP_UNORD_Q, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT,
        _MM_FROUND_TO_NEG_INF, _MM_FROUND_TO_POS_INF, _MM_FROUND_TO_ZERO, _MM_HINT_T0, _MM_HINT_T1,
        _mm_prefetch, _mm_sfence, _mm256_add_ps as v_add, _mm256_and_ps as v_and,
        _mm256_andnot_ps as v_and_not, _mm256_castps_si256 as v_to_bits, _mm256_castsi256_ps as v_from_bits,
        _mm256_cmp_ps_mask as v_compare, _mm256_div_ps as v_div, _mm256_fmadd_ps as v_fma,
        _mm256_loadu_ps as v_loadu, _mm256_mask_blend_ps as v_blend,
        _mm256_mask_cmp_ps_mask as v_mask_compare, _mm256_mask_loadu_ps as v_mask_loadu,
        _mm256_mask_storeu_ps as v_mask_storeu, _mm256_maskz_and_ps as v_maskz_and,
        _mm256_maskz_loadu_ps as v_maskz_loadu, _mm256_max_ps as v_max, _mm256_min_ps as v_min,
        _mm256_mul_ps as v_mul, _mm256_or_ps as v_or, _mm256_range_ps as v_range,
        _mm256_roundscale_ps as v_round, _mm256_set1_ps as v_splat, _mm256_shuffle_f32x4 as v_blocks,
        _mm256_shuffle_ps as v_shuffle, _mm256_slli_epi32 as v_shift_left, _mm256_sqrt_ps as v_sqrt,
        _mm256_srli_epi32 as v_shift_right, _mm256_storeu_ps as v_storeu, _mm256_stream_ps as v_stream,
        _mm256_sub_ps as v_sub, _mm256_xor_ps as v_xor, _mm512_cvtpd_ps, _mm512_cvtps_pd,
    };
    use core::array::from_fn;

    use super::GREATER;
    use crate::{
        element::layout::f32 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    /// Bits of the fraction, as the shifts take them.
    const SHIFT: i32 = layout::MANTISSA;

    /// Lanes 0 and 2 of the first vector, then of the second, in each 16 bytes.
    const EVEN: i32 = 0b10_00_10_00;
    /// Lanes 1 and 3.
    const ODD: i32 = 0b11_01_11_01;

    /// The first 16 bytes of the first vector, then of the second.
    const EVEN_BLOCKS: i32 = 0b0_0;
    /// The second.
    const ODD_BLOCKS: i32 = 0b1_1;

    vocabulary!(f32, 8, 32);

    /// The lanes in f64, in their order.
    pub(crate) type Wide = [super::f64::V; 1];

    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
    #[inline]
    pub(crate) fn widen(v: V) -> Wide {
        [_mm512_cvtps_pd(v)]
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
    #[inline]
    pub(crate) fn narrow(wide: Wide) -> V {
        let [all] = wide;
        _mm512_cvtpd_ps(all)
    }
}
