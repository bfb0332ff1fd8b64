//! Reductions that leave elements out, by a mask: as in `NumPy`, what is taken in of a piece are the runs between elements that
//! are left out, each by itself.

use super::{
    ArrayRef, BLOCK, Elements, Over, Plan,
    plan::Pieces,
    reduce::{Places, Walk},
    threads_for,
};
use crate::{
    Element, Error,
    catalogue::Call,
    dispatch::call::Ready,
    runtime::{
        reduce::{Order, Reduction, States},
        scratch, threads,
    },
};

/// Bytes of a mask that are looked at together.
const BYTES: usize = 4 << 10;
/// Results whose elements are counted together.
const COUNTED: usize = 32 << 10;

impl<T: Element> Reduction<T> {
    /// Each of the states takes in an element of its own, if the mask has it, from number `first` on.
    pub(super) fn take_masked(
        &self,
        states: &mut [T],
        elements: &[T],
        mask: &ArrayRef<'_, u8>,
        first: usize,
    ) {
        const SOME: usize = 1 << 10;
        let (mut bytes, mut before) = ([0_u8; SOME], [T::ZERO; SOME]);
        for (at, (states, elements)) in states.chunks_mut(SOME).zip(elements.chunks(SOME)).enumerate() {
            let (bytes, before) = (&mut bytes[..states.len()], &mut before[..states.len()]);
            mask.gather(first + at * SOME, bytes);
            before.copy_from_slice(states);
            (self.take)(states, elements);
            for ((state, before), is) in states.iter_mut().zip(&*before).zip(&*bytes) {
                *state = if *is == 0 { *before } else { *state };
            }
        }
    }

    /// Where the innermost axis is reduced: the runs of each piece, and what comes of them one after another.
    pub(super) fn in_masked_pieces(
        &self,
        call: &Call<'_>,
        walk: &Walk<'_, T>,
        pieces: Pieces,
        out: &mut [T],
    ) -> Result<(), Error> {
        let Walk { view, mask, kept, start } = walk;
        let Some(mask) = mask else { return Ok(()) };
        out.fill(start.unwrap_or(self.init));
        let places = walk.places();
        let kernel = self.kernel(call, (1, pieces.most))?;
        // Along the outermost axis, if it is kept, threads have results and pieces of their own.
        let parts = if kept.first() == Some(&true) { view.axis_len(0) } else { 1 };
        let threads = if parts > 1 { threads_for::<T>(view.len()) } else { 1 };
        let step = if threads > 1 { parts.div_ceil(4 * threads) } else { parts };
        let (results, count) = (out.len() / parts, pieces.count(view.len()) / parts);
        threads::run(threads, out.chunks_mut(step * results).enumerate(), |(part, out)| {
            let before = part * step * results;
            let from = part * step * count;
            let mut bytes = [0; BYTES];
            scratch::with(BLOCK, |block| {
                for piece in from..from + out.len() / results * count {
                    let (first, len, _) = pieces.alike(piece..piece + 1);
                    let state = &mut out[places.at(first) - before];
                    each_run(mask, (first, len), &mut bytes, |run| {
                        *state = self.take_run(&kernel, view, run, *state, block);
                    });
                }
            });
        })
    }

    /// A state that takes in a run of elements.
    fn take_run(
        &self,
        kernel: &Ready<States<T>>,
        view: &Elements<'_, T>,
        (first, len): (usize, usize),
        state: T,
        block: &mut [T],
    ) -> T {
        if self.order == Order::Sequence {
            self.folded(view, (first, len), state, block)
        } else {
            (self.merge)(state, self.node(kernel, view, first, len, block))
        }
    }
}

/// The runs of elements that the mask has, of so many from number `first` on.
fn each_run(
    mask: &ArrayRef<'_, u8>,
    (first, len): (usize, usize),
    bytes: &mut [u8],
    mut run: impl FnMut((usize, usize)),
) {
    let mut begun = None;
    for at in (first..first + len).step_by(BYTES) {
        let bytes = &mut bytes[..BYTES.min(first + len - at)];
        mask.gather(at, bytes);
        for (number, is) in (at..).zip(&*bytes) {
            match (*is != 0, begun) {
                (true, None) => begun = Some(number),
                (false, Some(start)) => {
                    run((start, number - start));
                    begun = None;
                }
                _ => {}
            }
        }
    }
    if let Some(start) = begun {
        run((start, first + len - start));
    }
}

/// Each of the results in the order of the walk, with the number of its elements that the mask has.
pub(crate) fn by_counts<R>(
    mask: &ArrayRef<'_, u8>,
    plan: &Plan,
    results: &mut [R],
    each: &mut impl FnMut(&mut R, usize),
) {
    let mut mask = mask.permuted(plan.order());
    let mut kept: Vec<bool> = plan.order().iter().map(|&axis| !plan.is_reduced(axis)).collect();
    for axis in (1..kept.len()).rev() {
        if kept[axis - 1] == kept[axis] && mask.joins(axis - 1) {
            mask.join(axis - 1);
            kept.remove(axis);
        }
    }
    counted(&mask, &kept, results, each);
}

fn counted<R>(
    mask: &ArrayRef<'_, u8>,
    kept: &[bool],
    results: &mut [R],
    each: &mut impl FnMut(&mut R, usize),
) {
    let outermost = (0..kept.len()).find(|&axis| kept[axis] && mask.axis_len(axis) > 1);
    if let Some(axis) = outermost.filter(|_| results.len() > COUNTED) {
        let within = results.len() / mask.axis_len(axis);
        let step = (COUNTED / within).max(1);
        for (part, results) in results.chunks_mut(step * within).enumerate() {
            counted(&mask.part(axis, part * step, results.len() / within), kept, results, each);
        }
        return;
    }
    let mut counts = vec![0; results.len()];
    let places = Places::of(|axis| mask.axis_len(axis), kept);
    let cols = kept.len().checked_sub(1).map_or(1, |last| mask.axis_len(last));
    let mut bytes = [0; BYTES];
    for first in (0..mask.len()).step_by(cols.max(1)) {
        for at in (first..first + cols).step_by(BYTES) {
            let bytes = &mut bytes[..BYTES.min(first + cols - at)];
            mask.gather(at, bytes);
            let place = places.at(at);
            if kept.last() == Some(&true) {
                let counts = counts[place..].iter_mut();
                counts.zip(&*bytes).for_each(|(count, is)| *count += usize::from(*is != 0));
            } else {
                counts[place] += bytes.iter().filter(|is| **is != 0).count();
            }
        }
    }
    results.iter_mut().zip(counts).for_each(|(result, count)| each(result, count));
}

/// Of a sum that starts from −0: zeros whose elements are all −0 are −0, which kernels that start from +0 do not tell.
pub(super) fn restore_signs<T: Element>(over: &Over<'_, T>, out: &mut [T]) {
    let Over { x, plan, mask, .. } = over;
    // The elements of a result one after another.
    let (kept, reduced): (Vec<_>, Vec<_>) = plan.order().iter().partition(|&&axis| !plan.is_reduced(axis));
    let order = [kept, reduced].concat();
    let (x, mask) = (x.permuted(&order), mask.as_ref().map(|mask| mask.permuted(&order)));
    let is_negative_zero = |value: &T| value.to_bits_u64() == (-T::ZERO).to_bits_u64();
    let count = plan.count();
    let (mut block, mut bytes) = ([T::ZERO; 256], [1_u8; 256]);
    for (result, at) in out.iter_mut().zip(0..).filter(|(result, _)| **result == T::ZERO) {
        let all = (0..count).step_by(256).all(|from| {
            let len = 256.min(count - from);
            let (block, bytes) = (&mut block[..len], &mut bytes[..len]);
            x.gather(at * count + from, block);
            if let Some(mask) = &mask {
                mask.gather(at * count + from, bytes);
            }
            block.iter().zip(&*bytes).all(|(value, is)| *is == 0 || is_negative_zero(value))
        });
        if all {
            *result = -T::ZERO;
        }
    }
}
