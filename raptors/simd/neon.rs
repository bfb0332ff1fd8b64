//! NEON (Advanced SIMD): vectors of 16 bytes, on aarch64.
//!
//! One text for both dtypes: each module imports its intrinsics under neutral names. Every function enables the
//! feature, so that it becomes its instructions in the kernel that calls it. Every aarch64 processor that runs an
//! operating system has it, but the compiler wants to see it said.
//!
//! There are no masked loads and stores: what does not fill a vector goes lane by lane through an array. Nor is there
//! a store of one vector past the caches (see `isa/neon.toml`), so `stream` is a plain store and needs no fence.

macro_rules! vocabulary {
    ($float:ident, $bits:ident, $lanes:literal) => {
        type T = $float;

        pub(crate) const LANES: usize = $lanes;

        pub(crate) type V = Register;

        /// All bits set in a lane that is true, none in one that is false.
        pub(crate) type M = Mask;

        /// Nothing: FMIN and FMAX keep a NaN.
        #[derive(Clone, Copy)]
        pub(crate) struct N;

        pub(crate) const FAST_IS_EXACT: bool = true;

        #[repr(C, align(16))]
        pub(crate) struct Slot([T; LANES]);

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn load(place: &[T; LANES]) -> V {
            // SAFETY: the array has as many elements as are read; alignment is not asked for.
            unsafe { v_load(place.as_ptr()) }
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn store(place: &mut [T; LANES], v: V) {
            // SAFETY: the array has as many elements as are written; alignment is not asked for.
            unsafe { v_store(place.as_mut_ptr(), v) }
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn load_part(part: &[T]) -> V {
            assert!(part.len() <= LANES, "part of a vector");
            load(&from_fn(|lane| part.get(lane).copied().unwrap_or(0.0)))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn load_part_or(part: &[T], other: V) -> V {
            assert!(part.len() <= LANES, "part of a vector");
            let mut lanes = [0.0; LANES];
            store(&mut lanes, other);
            load(&from_fn(|lane| part.get(lane).copied().unwrap_or(lanes[lane])))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn store_part(part: &mut [T], v: V) {
            assert!(part.len() <= LANES, "part of a vector");
            let mut lanes = [0.0; LANES];
            store(&mut lanes, v);
            for lane in 0..LANES {
                if let Some(place) = part.get_mut(lane) {
                    *place = lanes[lane];
                }
            }
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn slots_mut<const U: usize>(slice: &mut [T]) -> (&mut [T], &mut [[Slot; U]], &mut [T]) {
            const { assert!(U > 0 && size_of::<Slot>() == size_of::<[T; LANES]>()) }
            // SAFETY: a `Slot` is an array of T aligned to 16 bytes, of the same size, so U of them are one too.
            unsafe { aligned_steps(slice) }
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn stream(slot: &mut Slot, v: V) {
            store(&mut slot.0, v);
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn fence() {

        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn prefetch_l1<const LINES: usize>(slice: &[T]) {
            let line = slice.as_ptr().wrapping_byte_add(LINES * LINE_BYTES);
            // SAFETY: a hint, which faults at no address and gives no value. To the program no memory is accessed, so
            // the compiler may move loads and stores across it; it has no stack and sets no flag.
            unsafe { asm!("prfm pldl1keep, [{line}]", line = in(reg) line, options(nomem, nostack, preserves_flags)) }
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn prefetch_l2<const LINES: usize>(slice: &[T]) {
            let line = slice.as_ptr().wrapping_byte_add(LINES * LINE_BYTES);
            // SAFETY: a hint, which faults at no address and gives no value. To the program no memory is accessed, so
            // the compiler may move loads and stores across it; it has no stack and sets no flag.
            unsafe { asm!("prfm pldl2keep, [{line}]", line = in(reg) line, options(nomem, nostack, preserves_flags)) }
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn splat(value: T) -> V {
            v_splat(value)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn add(a: V, b: V) -> V {
            v_add(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn sub(a: V, b: V) -> V {
            v_sub(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn mul(a: V, b: V) -> V {
            v_mul(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn div(a: V, b: V) -> V {
            v_div(a, b)
        }

        // FMIN and FMAX are what is asked for: NaN if either is NaN, and −0 < +0.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn min(a: V, b: V) -> V {
            v_min(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn max(a: V, b: V) -> V {
            v_max(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn fast_min(a: V, b: V) -> V {
            v_min(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn fast_max(a: V, b: V) -> V {
            v_max(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn no_notes() -> N {
            N
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn note(notes: N, a: V, b: V) -> N {
            let _ = (a, b);
            notes
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn noted(notes: N, v: V) -> V {
            let _ = notes;
            v
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn neg(v: V) -> V {
            v_neg(v)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn abs(v: V) -> V {
            v_abs(v)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn sqrt(v: V) -> V {
            v_sqrt(v)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn floor(v: V) -> V {
            v_floor(v)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn ceil(v: V) -> V {
            v_ceil(v)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn trunc(v: V) -> V {
            v_trunc(v)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn round(v: V) -> V {
            v_round(v)
        }

        // The bits of a mask need not be alike: of b only the sign is taken, and that of a NaN is not.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn copysign(a: V, b: V) -> V {
            let sign = m_and(m_splat(T::to_bits(-0.0)), eq(b, b));
            v_select(sign, b, abs(a))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn rem(a: V, b: V) -> V {
            let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
            store(&mut x, a);
            store(&mut y, b);
            load(&from_fn(|lane| x[lane] % y[lane]))
        }

        // The intrinsic's first operand is the addend.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn fma(a: V, b: V, c: V) -> V {
            v_fma(c, a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        fn v_and(a: V, b: V) -> V {
            v_from_bits(m_and(v_to_bits(a), v_to_bits(b)))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        fn v_or(a: V, b: V) -> V {
            v_from_bits(m_or(v_to_bits(a), v_to_bits(b)))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        fn to_exponent(v: V) -> V {
            v_from_bits(v_shift_left::<{ layout::MANTISSA }>(v_to_bits(v)))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        fn from_exponent(v: V) -> V {
            v_from_bits(v_shift_right::<{ layout::MANTISSA }>(v_to_bits(v)))
        }

        // The exponent's bits become the last ones of a number without a fraction.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn exponent(v: V) -> V {
            let field = from_exponent(v_and(v, v_splat(T::INFINITY)));
            v_sub(v_or(field, v_splat(layout::WHOLE)), v_splat(layout::WHOLE + layout::BIAS))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn mantissa(v: V) -> V {
            v_or(v_and(v, v_splat(layout::FRACTION)), v_splat(1.0))
        }

        // Where the last bit counts ones, the whole number stands in the last bits.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn pow2(v: V) -> V {
            to_exponent(v_add(v, v_splat(1.5 * layout::WHOLE + layout::BIAS)))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn lt(a: V, b: V) -> M {
            v_lt(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn le(a: V, b: V) -> M {
            v_le(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn gt(a: V, b: V) -> M {
            v_gt(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn ge(a: V, b: V) -> M {
            v_ge(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn eq(a: V, b: V) -> M {
            v_eq(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn ne(a: V, b: V) -> M {
            not(eq(a, b))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn is_nan(v: V) -> M {
            not(eq(v, v))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn and(a: M, b: M) -> M {
            m_and(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn or(a: M, b: M) -> M {
            m_or(a, b)
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn not(mask: M) -> M {
            m_xor(mask, m_splat($bits::MAX))
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn any(mask: M) -> bool {
            vmaxvq_u32(m_words(mask)) != 0
        }

        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn select(mask: M, yes: V, no: V) -> V {
            v_select(mask, yes, no)
        }

        /// Each step takes the even and the odd lanes of both vectors, whatever its distance: what a merge of the two
        /// leaves has its next partners side by side again.
        #[target_feature(enable = "neon")]
        #[inline]
        pub(crate) fn pairs<const D: usize>(a: V, b: V) -> (V, V) {
            const { assert!(D.is_power_of_two() && D < LANES, "the distance of two lanes") }
            (v_even(a, b), v_odd(a, b))
        }
    };
}

pub(crate) mod f32 {
    use core::arch::{
        aarch64::{
            float32x4_t as Register, uint32x4_t as Mask, vabsq_f32 as v_abs, vaddq_f32 as v_add,
            vandq_u32 as m_and, vbslq_f32 as v_select, vceqq_f32 as v_eq, vcgeq_f32 as v_ge,
            vcgtq_f32 as v_gt, vcleq_f32 as v_le, vcltq_f32 as v_lt, vcvt_f32_f64, vcvt_f64_f32,
            vcvt_high_f32_f64, vcvt_high_f64_f32, vdivq_f32 as v_div, vdupq_n_f32 as v_splat,
            vdupq_n_u32 as m_splat, veorq_u32 as m_xor, vfmaq_f32 as v_fma, vget_low_f32,
            vld1q_f32 as v_load, vmaxq_f32 as v_max, vmaxvq_u32, vminq_f32 as v_min, vmulq_f32 as v_mul,
            vnegq_f32 as v_neg, vorrq_u32 as m_or, vreinterpretq_f32_u32 as v_from_bits,
            vreinterpretq_u32_f32 as v_to_bits, vrndmq_f32 as v_floor, vrndnq_f32 as v_round,
            vrndpq_f32 as v_ceil, vrndq_f32 as v_trunc, vshlq_n_u32 as v_shift_left,
            vshrq_n_u32 as v_shift_right, vsqrtq_f32 as v_sqrt, vst1q_f32 as v_store, vsubq_f32 as v_sub,
            vuzp1q_f32 as v_even, vuzp2q_f32 as v_odd,
        },
        asm,
    };
    use core::array::from_fn;

    use crate::{
        element::layout::f32 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    /// Words of a mask: they are its lanes.
    #[target_feature(enable = "neon")]
    #[inline]
    fn m_words(mask: Mask) -> Mask {
        mask
    }

    vocabulary!(f32, u32, 4);

    /// The lanes in f64, in their order.
    pub(crate) type Wide = [super::f64::V; 2];

    #[target_feature(enable = "neon")]
    #[inline]
    pub(crate) fn widen(v: V) -> Wide {
        [vcvt_f64_f32(vget_low_f32(v)), vcvt_high_f64_f32(v)]
    }

    #[target_feature(enable = "neon")]
    #[inline]
    pub(crate) fn narrow(wide: Wide) -> V {
        let [low, high] = wide;
        vcvt_high_f32_f64(vcvt_f32_f64(low), high)
    }
}

pub(crate) mod f64 {
    use core::arch::{
        aarch64::{
            float64x2_t as Register, uint64x2_t as Mask, vabsq_f64 as v_abs, vaddq_f64 as v_add,
            vandq_u64 as m_and, vbslq_f64 as v_select, vceqq_f64 as v_eq, vcgeq_f64 as v_ge,
            vcgtq_f64 as v_gt, vcleq_f64 as v_le, vcltq_f64 as v_lt, vdivq_f64 as v_div,
            vdupq_n_f64 as v_splat, vdupq_n_u64 as m_splat, veorq_u64 as m_xor, vfmaq_f64 as v_fma,
            vld1q_f64 as v_load, vmaxq_f64 as v_max, vmaxvq_u32, vminq_f64 as v_min, vmulq_f64 as v_mul,
            vnegq_f64 as v_neg, vorrq_u64 as m_or, vreinterpretq_f64_u64 as v_from_bits,
            vreinterpretq_u32_u64 as m_words, vreinterpretq_u64_f64 as v_to_bits, vrndmq_f64 as v_floor,
            vrndnq_f64 as v_round, vrndpq_f64 as v_ceil, vrndq_f64 as v_trunc, vshlq_n_u64 as v_shift_left,
            vshrq_n_u64 as v_shift_right, vsqrtq_f64 as v_sqrt, vst1q_f64 as v_store, vsubq_f64 as v_sub,
            vuzp1q_f64 as v_even, vuzp2q_f64 as v_odd,
        },
        asm,
    };
    use core::array::from_fn;

    use crate::{
        element::layout::f64 as layout,
        simd::{LINE_BYTES, aligned_steps},
    };

    vocabulary!(f64, u64, 2);
}
