//! The vector vocabularies: one file an ISA, the same names in each.
//!
//! A generated kernel is written in these names alone, so one text serves every ISA. The `unsafe` that vectors need
//! stays in here. Each file has a module a dtype, `f32` and `f64`, with everything below in it. A new ISA is a new
//! file written from this page; the tests beside it hold every file to it.
//!
//! Where a vector has more than eight lanes of a dtype, there is a further module with vectors of just eight, `f32x8`,
//! and kernels of runs by the pairwise tree are written in that one. A leaf of the tree has eight accumulators and takes
//! in eight elements at a time, in order: a wider vector would have to be put together from two leaves, and that shuffle
//! costs what it saves.
//!
//! # Types
//! - `V`: a vector of [`LANES`](portable::f32::LANES) elements. Lane 0 comes first in memory.
//! - `M`: a mask: one truth value a lane. Only comparisons make one.
//! - `N`: notes: of each lane whether a NaN came by.
//! - `Slot`: a place in memory for one vector, aligned to its size.
//! - `LANES`: elements of a vector, a power of two.
//!
//! # Memory
//! - `load(place: &[T; LANES]) -> V`, `store(place: &mut [T; LANES], v: V)`: any alignment.
//! - `load_part(part: &[T]) -> V`: the slice's elements in the first lanes, +0 in the others. Reads nothing outside
//!   of the slice. Panics if it is longer than a vector.
//! - `load_part_or(part: &[T], other: V) -> V`: as `load_part`, with the lanes of `other` in the others.
//! - `store_part(part: &mut [T], v: V)`: the first lanes, as many as the slice has. Writes nothing outside of it, not
//!   even what is there already: that may be another thread's. Panics if it is longer than a vector.
//! - `slots_mut::<U>(slice: &mut [T]) -> (&mut [T], &mut [[Slot; U]], &mut [T])`: head, steps and tail. The head ends
//!   at the first multiple of 64 bytes, the steps are as many as fit.
//! - `stream(slot: &mut Slot, v: V)`: a store that bypasses the caches where the ISA has one. Nothing may access the
//!   slot before this thread called `fence`: a kernel that streams ends with it.
//! - `fence()`: orders the streaming stores of this thread before all its later stores.
//! - `prefetch_l1::<LINES>(slice: &[T])`, `prefetch_l2`: a hint that the line `LINES` × 64 bytes after the slice's
//!   start will be read soon, into that cache and those behind it. The address need not be anyone's. May do nothing.
//!
//! # Arithmetic, lane by lane
//! Each lane has the bits of the function of [`Element`](crate::element::Element) with the same name, any NaN
//! standing for any other. Nothing is contracted, nothing approximated.
//! - `splat(value: T) -> V`: the value in every lane.
//! - `add`, `sub`, `mul`, `div`: IEEE, rounded to nearest even.
//! - `min`, `max`: NaN if either is NaN; −0 < +0.
//! - `neg`, `abs`: the sign bit turned, cleared; also of a NaN.
//! - `sqrt`: correctly rounded.
//! - `floor`, `ceil`, `trunc`, `round`: a whole number, the nearest below, above, towards zero, and of all, ties to even.
//!   The sign stays, so that −0 comes of what is rounded up to zero.
//! - `copysign(a, b)`: the magnitude of a with the sign of b. Where b is NaN, with +: its sign is the processor's own.
//! - `rem(a, b)`: what is left of a after whole multiples of b, exactly, with the sign of a. Lane by lane, by the
//!   library's function: no ISA has an instruction for it.
//! - `fma(a, b, c)`: a × b + c, rounded once.
//! - `exponent`, `mantissa`: the parts of a number, from its bits.
//! - `pow2`: 2 to the power of a whole number, by making it an exponent.
//!
//! # Another dtype
//! Modules of f32 have the words by which functions are computed in f64:
//! - `Wide`: the lanes of a vector in f64, in as many vectors of the module `f64` of the same ISA as it takes.
//! - `widen(v: V) -> Wide`: exact. `narrow(wide: Wide) -> V`: each lane rounded once, to nearest even.
//!
//! # Extremes
//! `min` and `max` look after NaN and the signs of zeros in every step, which on x86-64 takes three to five instructions.
//! What many elements come to can be had by one instruction for each and half a comparison: NaNs are noted on the side,
//! and of zeros it is enough to know at the end that they have to be looked at again.
//! - `fast_min`, `fast_max`: `min`, `max` of two numbers, except that of −0 and +0 it is either. If one is NaN, any value:
//!   what comes of it has to be given up for what the notes say.
//! - `no_notes() -> N`, `note(notes: N, a: V, b: V) -> N`: notes a NaN in either.
//! - `noted(notes: N, v: V) -> V`: NaN in the lanes where one was noted, `v` in the others.
//! - `FAST_IS_EXACT`: that `fast_min` and `fast_max` are `min` and `max`, and so need no second look; nor are there notes.
//!
//! # Masks
//! - `lt`, `le`, `gt`, `ge`, `eq`: false if either is NaN. `ne`: true if either is NaN. −0 equals +0.
//! - `is_nan(v: V) -> M`.
//! - `and`, `or`, `not`: of masks.
//! - `any(mask: M) -> bool`: whether a lane is true.
//! - `select(mask: M, yes: V, no: V) -> V`: lane by lane, bits unchanged.
//!
//! # Folding lanes
//! `pairs::<D>(a, b) -> (x, y)` brings lanes together that are `D` apart, for a merge of `x` with `y`, lane by lane,
//! in that order. `D` is 1, 2, 4 … below `LANES`; another one does not compile. The order of lanes after a step is
//! the ISA's business: only the whole chain, from 1 to `LANES / 2`, has a meaning. It folds each of `LANES` vectors
//! to one lane, as a tree whose leaves are neighbours, and leaves the results in order. For eight lanes
//! r<sub>0</sub> … r<sub>7</sub> and `add` that is ((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7)), the fold that sums have:
//! ```text
//! fold(a, b)  = add(x, y) where (x, y) = pairs::<D>(a, b)
//! D = 1       p01 = fold(l0, l1)     p23 = fold(l2, l3)     p45 = fold(l4, l5)     p67 = fold(l6, l7)
//! D = 2       q03 = fold(p01, p23)                          q47 = fold(p45, p67)
//! D = 4       fold(q03, q47)         lane i holds the tree of li
//! ```
//! With fewer vectors, one stands in for those that are missing: fold(p, p) for the last one there is. The first
//! lanes then hold the trees of those that are there.
#![allow(dead_code, reason = "the kernels that a build selects decide which words are used")]
#![allow(
    clippy::inline_always,
    reason = "a word is an instruction or two, and a call would pass it through memory"
)]

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
#[cfg(test)]
mod tests;

/// Bytes that streaming stores should fill together: a cache line.
const LINE_BYTES: usize = 64;

/// What `slots_mut` of each vocabulary does, `Step` being its `[Slot; U]`.
///
/// # Safety
/// `Step` must be an array of `T` with another alignment: the same size as that array, at most 64 the alignment, and
/// valid for just the same bits.
#[inline(always)]
unsafe fn aligned_steps<T, Step>(slice: &mut [T]) -> (&mut [T], &mut [Step], &mut [T]) {
    const {
        assert!(align_of::<Step>() <= LINE_BYTES && size_of::<Step>().is_multiple_of(size_of::<T>()));
        assert!(LINE_BYTES.is_multiple_of(size_of::<T>()) && size_of::<T>() == align_of::<T>());
    }
    // A slice of T starts at a multiple of its size, so a whole number of elements leads to the next line.
    let head = (slice.as_ptr().addr().wrapping_neg() % LINE_BYTES) / size_of::<T>();
    let (head, rest) = slice.split_at_mut(head.min(slice.len()));
    let count = rest.len() / (size_of::<Step>() / size_of::<T>());
    let (steps, tail) = rest.split_at_mut(count * (size_of::<Step>() / size_of::<T>()));
    // SAFETY: the pointer is that of `steps`, of which `count` steps are exactly the bytes, borrowed mutably for the
    // result's lifetime and not used otherwise. If there is a step, the head was not cut short, so it starts at a
    // multiple of 64, which the assertion makes a multiple of the alignment. If there is none, the pointer might not
    // be aligned, so another one is taken. Each bit pattern is valid in both types, by this function's contract.
    let steps = unsafe {
        if count == 0 {
            &mut []
        } else {
            core::slice::from_raw_parts_mut(steps.as_mut_ptr().cast::<Step>(), count)
        }
    };
    (head, steps, tail)
}
