//! Runs whose elements may be taken in any order, and more than once: what they come to is one of them.
//!
//! A minimum or a maximum needs no tree. It is taken over whole vectors as they come, a block of some kilobytes at a
//! time: by the vocabulary's faster words, which leave the sign of a zero open, and where a lane then is a zero by the
//! exact ones, while the block is in the first cache. Since an element may be taken twice, what is before the first cache
//! line or after the last step is no remainder but a step that overlaps others.
//!
//! What was measured on an Ice Lake server, a megabyte in the second cache, as parts of what its widest loads read:
//! MAXPS and one comparison for two vectors 0.6 with AVX2 and 0.9 with AVX-512; the AND of all signs besides, which would
//! need no second look, 0.5 with AVX2; the exact word in every step 0.3 and 0.6 to 0.8. Vectors that cross cache lines
//! lose up to half of the speed there, which is why runs begin on one.
#![allow(
    clippy::inline_always,
    reason = "vectors of a kernel's ISA live in its closures: a call between would spill them"
)]

use std::slice::from_ref;

use crate::{Element, MatrixRef};

/// Bytes that are taken in before zeros are looked for: they stay in the first cache for a second look.
const BLOCK_BYTES: usize = 8 << 10;
/// Runs of fewer bytes are taken in by the exact words: blocks and looks cost more than those save.
const SHORT_BYTES: usize = 1 << 10;
/// Runs of fewer bytes are done one by one, as many as a vector has lanes before they are folded. Longer ones begin on a
/// cache line: a step more pays for itself.
const LONG_BYTES: usize = 4 << 10;
/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// What is known of `RUNS` runs, lane by lane: the extreme so far, the NaNs that came by, and whether the last look left
/// a zero, so that the next one had better be exact at once.
pub(crate) type Found<V, N, const RUNS: usize> = ([V; RUNS], [N; RUNS], bool);

/// The extreme of every row of `x`, one value a row.
///
/// The kernel gives what is worth writing with vectors. `several` takes some steps of each of the `STREAMS` places far
/// apart that are read at once, `one` of a single place. `rest` is the extreme of what may be less than a step, lane by
/// lane, `told` that of a place that was taken in, `merge` that of two; `fold` brings the lanes of each of several
/// vectors together. `step` takes one element into `init`, the state of none, whose vector is `start`.
///
/// # Panics
/// If there are fewer results than rows.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "each is a closure of the kernel's")]
pub(crate) fn runs<T, V, N, const LANES: usize, const STEP: usize, const STREAMS: usize>(
    x: MatrixRef<'_, T>,
    results: &mut [T],
    (init, start, notes): (T, V, N),
    several: impl Fn([&[[T; STEP]]; STREAMS], Found<V, N, STREAMS>) -> Found<V, N, STREAMS>,
    one: impl Fn([&[[T; STEP]]; 1], Found<V, N, 1>) -> Found<V, N, 1>,
    rest: impl Fn(&[T]) -> V,
    told: impl Fn(N, V) -> V,
    merge: impl Fn(V, V) -> V,
    fold: impl Fn([V; LANES]) -> [T; LANES],
    step: impl Fn(T, T) -> T,
) where
    T: Element,
    V: Copy,
    N: Copy,
{
    let results = &mut results[..x.nrows()];
    if let (1, Some(all)) = (x.ncols(), x.as_slice()) {
        // A loop without a loop in it, which becomes vectors.
        for (result, &x) in results.iter_mut().zip(all) {
            *result = step(init, x);
        }
        return;
    }
    let bytes = size_of::<T>() * x.ncols();
    if bytes < LONG_BYTES {
        for (group, results) in results.chunks_mut(LANES).enumerate() {
            let mut values = [start; LANES];
            for (at, value) in values[..results.len()].iter_mut().enumerate() {
                let run = x.row(LANES * group + at);
                if bytes < SHORT_BYTES {
                    *value = rest(run);
                } else {
                    [*value] = side_by_side([run], (start, notes), &one, &rest, &told);
                }
            }
            results.copy_from_slice(&fold(values)[..results.len()]);
        }
        return;
    }
    // Rows side by side, then rows alone, which are cut. Both in one loop, so that the kernel is compiled once.
    let share = if STREAMS > 1 { x.nrows() / STREAMS } else { 0 };
    let alone = x.nrows() - STREAMS * share;
    for at in 0..share + alone {
        let row = if at < share { at } else { STREAMS * share + (at - share) };
        let run = x.row(row);
        let mut left = &run[..0];
        let runs = if at < share {
            std::array::from_fn(|stream| x.row(stream * share + at))
        } else if STREAMS == 1 {
            [run; STREAMS]
        } else {
            let line = LINE_BYTES / size_of::<T>();
            let part = run.len() / STREAMS / line * line;
            left = &run[STREAMS * part..];
            std::array::from_fn(|stream| &run[stream * part..][..part])
        };
        let values = side_by_side(runs, (start, notes), &several, &rest, &told);
        if at < share {
            for (stream, value) in values.into_iter().enumerate() {
                results[stream * share + at] = fold([value; LANES])[0];
            }
        } else {
            let first = if left.is_empty() { values[0] } else { merge(values[0], rest(left)) };
            let value = values[1..].iter().fold(first, |all, &value| merge(all, value));
            results[row] = fold([value; LANES])[0];
        }
    }
}

/// The extremes of runs of one length, lane by lane.
#[inline(always)]
fn side_by_side<T, V, N, const STEP: usize, const RUNS: usize>(
    runs: [&[T]; RUNS],
    (start, notes): (V, N),
    several: impl Fn([&[[T; STEP]]; RUNS], Found<V, N, RUNS>) -> Found<V, N, RUNS>,
    rest: impl Fn(&[T]) -> V,
    told: impl Fn(N, V) -> V,
) -> [V; RUNS]
where
    T: Element,
    V: Copy,
    N: Copy,
{
    let len = runs[0].len();
    if len < STEP {
        return runs.map(rest);
    }
    let to_line = (runs[0].as_ptr().addr().wrapping_neg() % LINE_BYTES) / size_of::<T>();
    // Where a step is shorter than a line, it begins on a multiple of its own length: no more than a step is left out.
    let skipped = if RUNS * size_of::<T>() * len < LONG_BYTES { 0 } else { to_line % STEP };
    let steps = runs.map(|run| run[skipped..].as_chunks::<STEP>().0);
    let count = steps[0].len();
    let block = const { step_count(BLOCK_BYTES / RUNS, STEP * size_of::<T>()) };
    let blocks = count.div_ceil(block);
    let mut found = ([start; RUNS], [notes; RUNS], false);
    // After the blocks the first and the last step of each run, where those left something out.
    for at in 0..blocks + 2 {
        let is_left_out = [skipped > 0, skipped + count * STEP < len];
        let part = match at.checked_sub(blocks) {
            None => steps.map(|steps| &steps[at * block..count.min((at + 1) * block)]),
            Some(end) if !is_left_out[end] => continue,
            Some(0) => runs.map(|run| from_ref(run.first_chunk().expect("a run is at least a step long"))),
            Some(_) => runs.map(|run| from_ref(run.last_chunk().expect("a run is at least a step long"))),
        };
        found = several(part, found);
    }
    let (values, notes, _) = found;
    std::array::from_fn(|run| told(notes[run], values[run]))
}

/// Steps of so many bytes in so many bytes, at least one.
const fn step_count(bytes: usize, step: usize) -> usize {
    if bytes < step { 1 } else { bytes / step }
}
