//! Plain Rust over arrays of 16 bytes: runs on every target, and is what the other vocabularies are checked against.
//!
//! Written so that the optimizer sees one operation done to each lane and makes a vector instruction of the target's
//! baseline of it: SSE2 on x86-64, NEON on aarch64. What the baseline lacks, such as `fma` and `floor` on x86-64, becomes
//! a library call a lane, slow and with the same bits.

macro_rules! vocabulary {
    ($float:ident, $bits:ident, $lanes:literal, { $($more:item)* }) => {
        pub(crate) mod $float {
            use core::array::from_fn;

            use crate::element::Element;
            use crate::simd::aligned_steps;

            type T = $float;

            pub(crate) const LANES: usize = $lanes;

            #[derive(Clone, Copy)]
            #[repr(transparent)]
            pub(crate) struct V(pub(super) [T; LANES]);

            /// All bits set in a lane that is true, none in one that is false: what comparisons of vectors give.
            #[derive(Clone, Copy)]
            #[repr(transparent)]
            pub(crate) struct M([$bits; LANES]);

            /// True in a lane where a NaN came by.
            pub(crate) type N = M;

            pub(crate) const FAST_IS_EXACT: bool = false;

            #[repr(C, align(16))]
            pub(crate) struct Slot([T; LANES]);

            #[inline(always)]
            pub(crate) fn load(place: &[T; LANES]) -> V {
                V(*place)
            }

            #[inline(always)]
            pub(crate) fn store(place: &mut [T; LANES], v: V) {
                *place = v.0;
            }

            #[inline(always)]
            pub(crate) fn load_part(part: &[T]) -> V {
                assert!(part.len() <= LANES, "part of a vector");
                V(from_fn(|lane| part.get(lane).copied().unwrap_or(0.0)))
            }

            #[inline(always)]
            pub(crate) fn load_part_or(part: &[T], other: V) -> V {
                assert!(part.len() <= LANES, "part of a vector");
                V(from_fn(|lane| part.get(lane).copied().unwrap_or(other.0[lane])))
            }

            #[inline(always)]
            pub(crate) fn store_part(part: &mut [T], v: V) {
                assert!(part.len() <= LANES, "part of a vector");
                for lane in 0..LANES {
                    if let Some(place) = part.get_mut(lane) {
                        *place = v.0[lane];
                    }
                }
            }

            #[inline(always)]
            pub(crate) fn slots_mut<const U: usize>(
                slice: &mut [T],
            ) -> (&mut [T], &mut [[Slot; U]], &mut [T]) {
                const { assert!(U > 0 && size_of::<Slot>() == size_of::<[T; LANES]>()) }
                // SAFETY: a `Slot` is an array of T aligned to 16 bytes, of the same size, so U of them are one too.
                unsafe { aligned_steps(slice) }
            }

            #[inline(always)]
            pub(crate) fn stream(slot: &mut Slot, v: V) {
                slot.0 = v.0;
            }

            #[inline(always)]
            pub(crate) fn fence() {}

            #[inline(always)]
            pub(crate) fn prefetch_l1<const LINES: usize>(slice: &[T]) {
                let _ = slice;
            }

            #[inline(always)]
            pub(crate) fn prefetch_l2<const LINES: usize>(slice: &[T]) {
                let _ = slice;
            }

            #[inline(always)]
            pub(crate) fn splat(value: T) -> V {
                V([value; LANES])
            }

            #[inline(always)]
            pub(crate) fn add(a: V, b: V) -> V {
                V(from_fn(|lane| a.0[lane] + b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn sub(a: V, b: V) -> V {
                V(from_fn(|lane| a.0[lane] - b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn mul(a: V, b: V) -> V {
                V(from_fn(|lane| a.0[lane] * b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn div(a: V, b: V) -> V {
                V(from_fn(|lane| a.0[lane] / b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn min(a: V, b: V) -> V {
                V(from_fn(|lane| Element::min(a.0[lane], b.0[lane])))
            }

            #[inline(always)]
            pub(crate) fn max(a: V, b: V) -> V {
                V(from_fn(|lane| Element::max(a.0[lane], b.0[lane])))
            }

            #[inline(always)]
            pub(crate) fn fast_min(a: V, b: V) -> V {
                V(from_fn(|lane| if a.0[lane] < b.0[lane] { a.0[lane] } else { b.0[lane] }))
            }

            #[inline(always)]
            pub(crate) fn fast_max(a: V, b: V) -> V {
                V(from_fn(|lane| if a.0[lane] > b.0[lane] { a.0[lane] } else { b.0[lane] }))
            }

            #[inline(always)]
            pub(crate) fn no_notes() -> N {
                M([0; LANES])
            }

            #[inline(always)]
            pub(crate) fn note(notes: N, a: V, b: V) -> N {
                or(notes, mask(|lane| a.0[lane].is_nan() | b.0[lane].is_nan()))
            }

            #[inline(always)]
            pub(crate) fn noted(notes: N, v: V) -> V {
                select(notes, splat(T::NAN), v)
            }

            #[inline(always)]
            pub(crate) fn neg(v: V) -> V {
                V(v.0.map(|value| -value))
            }

            #[inline(always)]
            pub(crate) fn abs(v: V) -> V {
                V(v.0.map(Element::abs))
            }

            #[inline(always)]
            pub(crate) fn sqrt(v: V) -> V {
                V(v.0.map(Element::sqrt))
            }

            #[inline(always)]
            pub(crate) fn floor(v: V) -> V {
                V(v.0.map(Element::floor))
            }

            #[inline(always)]
            pub(crate) fn ceil(v: V) -> V {
                V(v.0.map(Element::ceil))
            }

            #[inline(always)]
            pub(crate) fn trunc(v: V) -> V {
                V(v.0.map(Element::trunc))
            }

            #[inline(always)]
            pub(crate) fn round(v: V) -> V {
                V(v.0.map(Element::round))
            }

            #[inline(always)]
            pub(crate) fn copysign(a: V, b: V) -> V {
                V(from_fn(|lane| Element::copysign(a.0[lane], b.0[lane])))
            }

            #[inline(always)]
            pub(crate) fn rem(a: V, b: V) -> V {
                V(from_fn(|lane| a.0[lane] % b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn fma(a: V, b: V, c: V) -> V {
                V(from_fn(|lane| a.0[lane].fma(b.0[lane], c.0[lane])))
            }

            #[inline(always)]
            pub(crate) fn exponent(v: V) -> V {
                V(v.0.map(Element::exponent))
            }

            #[inline(always)]
            pub(crate) fn mantissa(v: V) -> V {
                V(v.0.map(Element::mantissa))
            }

            #[inline(always)]
            pub(crate) fn pow2(v: V) -> V {
                V(v.0.map(Element::pow2))
            }

            #[inline(always)]
            fn mask(truth: impl Fn(usize) -> bool) -> M {
                M(from_fn(|lane| if truth(lane) { $bits::MAX } else { 0 }))
            }

            #[inline(always)]
            pub(crate) fn lt(a: V, b: V) -> M {
                mask(|lane| a.0[lane] < b.0[lane])
            }

            #[inline(always)]
            pub(crate) fn le(a: V, b: V) -> M {
                mask(|lane| a.0[lane] <= b.0[lane])
            }

            #[inline(always)]
            pub(crate) fn gt(a: V, b: V) -> M {
                mask(|lane| a.0[lane] > b.0[lane])
            }

            #[inline(always)]
            pub(crate) fn ge(a: V, b: V) -> M {
                mask(|lane| a.0[lane] >= b.0[lane])
            }

            #[inline(always)]
            #[allow(clippy::float_cmp, reason = "the exact comparison is what is asked for")]
            pub(crate) fn eq(a: V, b: V) -> M {
                mask(|lane| a.0[lane] == b.0[lane])
            }

            #[inline(always)]
            #[allow(clippy::float_cmp, reason = "the exact comparison is what is asked for")]
            pub(crate) fn ne(a: V, b: V) -> M {
                mask(|lane| a.0[lane] != b.0[lane])
            }

            #[inline(always)]
            pub(crate) fn is_nan(v: V) -> M {
                mask(|lane| v.0[lane].is_nan())
            }

            #[inline(always)]
            pub(crate) fn and(a: M, b: M) -> M {
                M(from_fn(|lane| a.0[lane] & b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn or(a: M, b: M) -> M {
                M(from_fn(|lane| a.0[lane] | b.0[lane]))
            }

            #[inline(always)]
            pub(crate) fn not(mask: M) -> M {
                M(mask.0.map(|bits| !bits))
            }

            #[inline(always)]
            pub(crate) fn any(mask: M) -> bool {
                mask.0.iter().fold(0, |any, lane| any | lane) != 0
            }

            #[inline(always)]
            pub(crate) fn select(mask: M, yes: V, no: V) -> V {
                V(from_fn(|lane| {
                    T::from_bits(
                        (yes.0[lane].to_bits() & mask.0[lane]) | (no.0[lane].to_bits() & !mask.0[lane]),
                    )
                }))
            }

            /// Each step takes the even and the odd lanes of both vectors, whatever its distance: what a merge of
            /// the two leaves has its next partners side by side again.
            #[inline(always)]
            pub(crate) fn pairs<const D: usize>(a: V, b: V) -> (V, V) {
                const { assert!(D.is_power_of_two() && D < LANES, "the distance of two lanes") }
                let both = |lane: usize| if lane < LANES { a.0[lane] } else { b.0[lane - LANES] };
                (V(from_fn(|lane| both(2 * lane))), V(from_fn(|lane| both(2 * lane + 1))))
            }

            $($more)*
        }
    };
}

vocabulary!(f32, u32, 4, {
    /// The lanes in f64, in their order.
    pub(crate) type Wide = [super::f64::V; 2];

    #[inline(always)]
    pub(crate) fn widen(v: V) -> Wide {
        let lanes = v.0.map(f64::from);
        [super::f64::V([lanes[0], lanes[1]]), super::f64::V([lanes[2], lanes[3]])]
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the one rounding this function is for")]
    pub(crate) fn narrow(wide: Wide) -> V {
        let [low, high] = wide.map(|half| half.0.map(|lane| lane as f32));
        V([low[0], low[1], high[0], high[1]])
    }
});
vocabulary!(f64, u64, 2, {});
