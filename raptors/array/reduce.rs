//! Reductions over any axes of an array, as a [`Plan`] has them.

use core::ops::Range;

use super::{ArrayRef, BLOCK, Elements, Over, follows_plans, masked, plan::Pieces, share, threads_for};
use crate::{
    Element, Error, MatrixRef,
    catalogue::Call,
    dispatch::{
        call::Ready,
        table::{Cut, Target},
    },
    kernels::tree::split,
    runtime::{
        check, chunk,
        reduce::{Order, Reduction, States},
        scratch, threads,
    },
    watch,
};

/// States that wait to be joined, at most.
const WAITING: usize = 8 << 10;
/// Elements of a run that is long enough for a call of its own.
const LONG: usize = 512;

/// Where the result of an element is, by the number of the element in the walk.
pub(super) struct Places {
    /// Lengths, the innermost first, and elements from a result to the next.
    axes: Vec<(usize, usize)>,
}

impl Places {
    pub(super) fn of(lens: impl Fn(usize) -> usize, kept: &[bool]) -> Self {
        let mut next = 1;
        let mut axes: Vec<(usize, usize)> = Vec::new();
        for (axis, &is_kept) in kept.iter().enumerate().rev() {
            let len = lens(axis);
            axes.push((len, if is_kept { next } else { 0 }));
            next *= if is_kept { len } else { 1 };
        }
        Self { axes }
    }

    pub(super) fn at(&self, mut number: usize) -> usize {
        let mut place = 0;
        for &(len, stride) in &self.axes {
            place += number % len * stride;
            number /= len;
        }
        place
    }
}

/// A walk over elements of which some are reduced: what there is to know of it.
#[derive(Clone)]
pub(super) struct Walk<'a, T: Element> {
    /// The elements, their axes in the order of the walk.
    pub(super) view: Elements<'a, T>,
    /// Which of them are taken in: those whose byte is not 0.
    pub(super) mask: Option<ArrayRef<'a, u8>>,
    /// Of each axis, whether it is kept.
    pub(super) kept: Vec<bool>,
    /// Where results start from, if that is another value than the reduction's own.
    pub(super) start: Option<T>,
}

impl<T: Element> Walk<'_, T> {
    /// The same of some of an axis.
    fn part(&self, axis: usize, from: usize, len: usize) -> Self {
        let mask = self.mask.as_ref().map(|mask| mask.part(axis, from, len));
        Self { view: self.view.part(axis, from, len), mask, kept: self.kept.clone(), start: self.start }
    }

    /// Sees neighbours as one axis where that can be; with `alike`, only of those that are both kept or both reduced.
    fn join(&mut self, alike: bool) {
        for axis in (1..self.kept.len()).rev() {
            let mask_joins = self.mask.as_ref().is_none_or(|mask| mask.joins(axis - 1));
            let are_alike = !alike || self.kept[axis - 1] == self.kept[axis];
            if are_alike && mask_joins && self.view.joins(axis - 1) {
                self.view.join(axis - 1);
                if let Some(mask) = &mut self.mask {
                    mask.join(axis - 1);
                }
                self.kept.remove(axis);
            }
        }
    }

    /// Where the result of each element is.
    pub(super) fn places(&self) -> Places {
        Places::of(|axis| self.view.axis_len(axis), &self.kept)
    }
}

impl<T: Element> Reduction<T> {
    /// Over the axes of a plan. The results go to `out` in the order of the walk.
    pub(crate) fn array(&self, call: &Call<'_>, over: &Over<'_, T>, out: &mut [T]) -> Result<(), Error> {
        let Over { x, plan, .. } = over;
        check::length("out", out.len(), plan.results())?;
        follows_plans(call.numerics)?;
        if self.order == Order::Tree && self.by_columns && self.one_column.is_none() && !plan.goes_down() {
            let (expected, got) = ("walked down its columns", "an array whose innermost axis is reduced");
            return Err(Error::Form { op: self.op, what: "the array", expected, got });
        }
        if over.start.is_some() && self.finish.is_some() {
            let (expected, got) = ("none: its results are no states", "a value");
            return Err(Error::Form { op: self.op, what: "initial", expected, got });
        }
        if over.mask.is_some() && over.start.is_none() && !self.has_identity {
            return Err(Error::NoStart { op: self.op });
        }
        let count = plan.count();
        if out.is_empty() || count == 0 {
            if !out.is_empty() {
                out.fill(over.start.map_or_else(|| self.empty(), Ok)?);
            }
            self.finish(out, count);
            return Ok(());
        }
        let mut compute = |call: &Call<'_>| {
            // Counted here, and finished when all is there.
            self.over(call, over, out)?;
            match &over.mask {
                Some(mask) if self.finish.is_some() => {
                    masked::by_counts(mask, plan, out, &mut |result, count| {
                        self.finish(std::slice::from_mut(result), count);
                    });
                }
                _ => self.finish(out, count),
            }
            Ok(())
        };
        if watch::is_on() {
            let (rows, cols) = (x.len() / count, count);
            let bytes = x.len().saturating_mul(size_of::<T>());
            let target = Target { rows, cols, bytes, contiguous: false, stores: false };
            return watch::counted(self.op, (self.numpy, T::DTYPE), call, target, compute);
        }
        compute(call)
    }

    /// The states of results of which there are some, neither counted nor finished.
    pub(crate) fn over(&self, call: &Call<'_>, over: &Over<'_, T>, out: &mut [T]) -> Result<(), Error> {
        if over.plan.count() == 0 {
            out.fill(over.start.unwrap_or(self.init));
            return Ok(());
        }
        Reduction { op: "", finish: None, ..*self }.walk(call, over, out)
    }

    fn walk(&self, call: &Call<'_>, over: &Over<'_, T>, out: &mut [T]) -> Result<(), Error> {
        let Over { x, plan, mask, start } = over;
        let mut walk = Walk {
            view: x.permuted(plan.order()),
            mask: mask.as_ref().map(|mask| mask.permuted(plan.order())),
            kept: plan.order().iter().map(|&axis| !plan.is_reduced(axis)).collect(),
            start: *start,
        };
        let by_the_tree = self.order == Order::Tree;
        let plan = if by_the_tree { plan.clone() } else { plan.clone().in_runs() };
        let Some(pieces) = plan.pieces() else {
            walk.join(true);
            return self.along_kept(call, &walk, out);
        };
        if walk.mask.is_some() {
            walk.join(true);
            self.of_runs().in_masked_pieces(call, &walk, pieces, out)?;
        } else {
            let places = walk.places();
            walk.join(false);
            if self.order == Order::Sequence && (pieces.most != plan.count() || start.is_some()) {
                self.in_turn(&walk, pieces, &places, out);
            } else {
                self.in_pieces(call, &walk, pieces, &places, out)?;
            }
        }
        if by_the_tree && start.is_some_and(|start| start.to_bits_u64() == (-T::ZERO).to_bits_u64()) {
            masked::restore_signs(over, out);
        }
        Ok(())
    }

    /// Where the innermost axis is kept: elements are taken in one after another.
    fn along_kept(&self, call: &Call<'_>, walk: &Walk<'_, T>, out: &mut [T]) -> Result<(), Error> {
        let Walk { view, mask, kept, start } = walk;
        let last = kept.len() - 1;
        let cols = view.axis_len(last);
        let mut reduced = (0..last).filter(|&axis| !kept[axis]);
        if let (true, None, None, Some(down), None) =
            (self.by_columns, mask, start, reduced.next(), reduced.next())
        {
            let mut order: Vec<usize> = (0..last).filter(|&axis| axis != down).collect();
            order.extend([down, last]);
            let (view, rows) = (view.permuted(&order), view.axis_len(down));
            let matrix = |at: usize| {
                let found = view.runs(at * rows * cols, cols, rows);
                found.filter(|matrix| matrix.nrows() == rows)
            };
            if let Some(first) = matrix(0) {
                if out.len() == cols {
                    return self.columns(call, first, out);
                }
                let kernel = self.kernel(call, (rows, cols))?;
                let step = share::<T>(rows * cols);
                let pieces = out.chunks_mut(step * cols).enumerate();
                return threads::run(threads_for::<T>(view.len()), pieces, |(piece, out)| {
                    for (at, out) in out.chunks_mut(cols).enumerate() {
                        let x = matrix(piece * step + at).expect("they lie as the first one does");
                        kernel.call((x, out));
                    }
                });
            }
        }
        // Along the outermost axis that is kept, results are neighbours.
        let Some(axis) = kept.iter().position(|is| *is) else { return Ok(()) };
        let len = view.axis_len(axis);
        let each = out.len() / len;
        let threads = threads_for::<T>(view.len());
        let parts = if threads > 1 { 4 * threads } else { 1 };
        let step = len.div_ceil(parts).max(if axis == last { LONG } else { 1 });
        let pieces = out.chunks_mut(step * each).enumerate();
        threads::run(threads, pieces, |(piece, out)| {
            self.row_by_row(&walk.part(axis, piece * step, out.len() / each), out);
        })
    }

    /// A row of results takes in one of elements after another.
    fn row_by_row(&self, walk: &Walk<'_, T>, out: &mut [T]) {
        let Walk { view, mask, kept, start } = walk;
        let places = walk.places();
        let cols = view.axis_len(kept.len() - 1);
        out.fill(start.unwrap_or(self.init));
        scratch::with(BLOCK.min(cols), |block: &mut [T]| {
            for first in (0..view.len()).step_by(cols) {
                let out = &mut out[places.at(first)..][..cols];
                let row = view.runs(first, cols, 1);
                for (at, out) in out.chunks_mut(BLOCK).enumerate() {
                    let first = first + at * BLOCK;
                    let elements = if let Some(row) = row {
                        &row.row(0)[at * BLOCK..][..out.len()]
                    } else {
                        let block = &mut block[..out.len()];
                        view.gather(first, block);
                        &*block
                    };
                    match mask {
                        None => (self.take)(out, elements),
                        Some(mask) => self.take_masked(out, elements, mask, first),
                    }
                }
            }
        });
    }

    /// Where the innermost axis is reduced, what takes its elements in turn, and not all at once.
    fn in_turn(&self, walk: &Walk<'_, T>, pieces: Pieces, places: &Places, out: &mut [T]) {
        let view = &walk.view;
        out.fill(walk.start.unwrap_or(self.init));
        scratch::with(BLOCK.min(pieces.most), |block: &mut [T]| {
            for first in (0..view.len()).step_by(pieces.most) {
                let state = &mut out[places.at(first)];
                *state = self.folded(view, (first, pieces.most), *state, block);
            }
        });
    }

    /// A state that takes in elements one after another, which are brought together in blocks where they are apart.
    pub(super) fn folded(
        &self,
        view: &Elements<'_, T>,
        (first, len): (usize, usize),
        mut state: T,
        block: &mut [T],
    ) -> T {
        if let Some(run) = view.runs(first, len, 1) {
            return (self.fold)(state, run.row(0));
        }
        for at in (0..len).step_by(block.len()) {
            let most = block.len().min(len - at);
            let block = &mut block[..most];
            view.gather(first + at, block);
            state = (self.fold)(state, block);
        }
        state
    }

    /// Where the innermost axis is reduced: pieces, and what comes of them one after another.
    fn in_pieces(
        &self,
        call: &Call<'_>,
        walk: &Walk<'_, T>,
        pieces: Pieces,
        places: &Places,
        out: &mut [T],
    ) -> Result<(), Error> {
        let Walk { view, start, .. } = walk;
        let runs = self.of_runs();
        let count = pieces.count(view.len());
        // One piece for each result is the result, but for where it starts from.
        if count == out.len() {
            runs.states(call, view, pieces, 0..count, out)?;
            if let Some(start) = start {
                for state in out {
                    *state = (self.merge)(*start, *state);
                }
            }
            return Ok(());
        }
        out.fill(start.unwrap_or(self.init));
        let mut states = vec![T::ZERO; count.min(WAITING)];
        for from in (0..count).step_by(WAITING) {
            let states = &mut states[..WAITING.min(count - from)];
            runs.states(call, view, pieces, from..from + states.len(), states)?;
            for (piece, state) in (from..).zip(&*states) {
                let out = &mut out[places.at(pieces.first(piece))];
                *out = (self.merge)(*out, *state);
            }
        }
        Ok(())
    }

    /// The same reduction with kernels for runs. One down the columns that has none computes them one element after another.
    pub(super) fn of_runs(&self) -> Self {
        match (self.by_columns, self.one_column) {
            (true, Some(table)) => Reduction { numpy: table, by_columns: false, one_column: None, ..*self },
            _ => *self,
        }
    }

    /// A kernel for a part of a walk.
    pub(super) fn kernel(
        &self,
        call: &Call<'_>,
        (rows, cols): (usize, usize),
    ) -> Result<Ready<States<T>>, Error> {
        let bytes = rows.saturating_mul(cols).saturating_mul(size_of::<T>());
        let target = Target { rows, cols, bytes, contiguous: true, stores: false };
        Ok(self.numpy.pick(call.choice, Some(Cut::ALONE), target)?.kernel)
    }

    /// The states of pieces.
    fn states(
        &self,
        call: &Call<'_>,
        view: &Elements<'_, T>,
        pieces: Pieces,
        range: Range<usize>,
        states: &mut [T],
    ) -> Result<(), Error> {
        let (first, len, alike) = pieces.alike(range.clone());
        if alike == states.len()
            && let Some(rows) = view.runs(first, len, alike)
            && rows.nrows() == alike
            && !self.by_columns
        {
            return self.rows(call, rows, states);
        }
        let threads = threads_for::<T>(states.len().saturating_mul(pieces.most));
        let kernel = self.kernel(call, (states.len(), pieces.most))?;
        if states.len() < threads && pieces.most > BLOCK && self.order != Order::Sequence {
            // Few pieces, and long ones: each is cut in itself.
            for (piece, state) in range.zip(states) {
                let (first, len, _) = pieces.alike(piece..piece + 1);
                let most = len.div_ceil(threads * 4).max(BLOCK);
                let nodes: Vec<_> = chunk::nodes(len, most).collect();
                let mut found = vec![T::ZERO; nodes.len()];
                threads::run(threads, nodes.iter().zip(&mut found), |(&(at, len), found)| {
                    scratch::with(BLOCK, |block| *found = self.node(&kernel, view, first + at, len, block));
                })?;
                *state = chunk::joined(len, most, &mut found.into_iter(), &self.merge);
            }
            return Ok(());
        }
        let step = share::<T>(pieces.most);
        threads::run(threads, states.chunks_mut(step).enumerate(), |(chunk, states)| {
            scratch::with(BLOCK, |block| {
                let mut done = 0;
                while done < states.len() {
                    let start = range.start + chunk * step + done;
                    let end = range.start + chunk * step + states.len();
                    let (first, len, alike) = pieces.alike(start..end);
                    self.alike(&kernel, view, (first, len), &mut states[done..done + alike], block);
                    done += alike;
                }
            });
        })
    }

    /// The states of pieces of one length that follow one another.
    fn alike(
        &self,
        kernel: &Ready<States<T>>,
        view: &Elements<'_, T>,
        (first, len): (usize, usize),
        states: &mut [T],
        block: &mut [T],
    ) {
        let mut done = 0;
        while done < states.len() {
            let (first, left) = (first + done * len, states.len() - done);
            let rows = view.runs(first, len, left);
            let rows = rows.filter(|rows| rows.nrows() > 1 || len >= LONG || left == 1);
            if let Some(rows) = rows {
                self.enter(kernel, rows, &mut states[done..done + rows.nrows()]);
                done += rows.nrows();
            } else if len <= block.len() {
                let rows = (block.len() / len).min(left);
                let block = &mut block[..rows * len];
                view.gather(first, block);
                let matrix = MatrixRef::new(block, rows, len).expect("as many elements as were counted");
                self.enter(kernel, matrix, &mut states[done..done + rows]);
                done += rows;
            } else {
                states[done] = self.node(kernel, view, first, len, block);
                done += 1;
            }
        }
    }

    /// A node of the tree over a run whose elements may be apart.
    pub(super) fn node(
        &self,
        kernel: &Ready<States<T>>,
        view: &Elements<'_, T>,
        first: usize,
        len: usize,
        block: &mut [T],
    ) -> T {
        let mut state = [self.init];
        if let Some(run) = view.runs(first, len, 1) {
            self.enter(kernel, run, &mut state);
        } else if self.order == Order::Sequence {
            state[0] = self.folded(view, (first, len), state[0], block);
        } else if len <= block.len() {
            let block = &mut block[..len];
            view.gather(first, block);
            self.enter(kernel, MatrixRef::from_row(block), &mut state);
        } else {
            let left = split(len);
            let a = self.node(kernel, view, first, left, block);
            let b = self.node(kernel, view, first + left, len - left, block);
            return (self.merge)(a, b);
        }
        state[0]
    }

    /// The states of rows, by the kernel if it is one for rows.
    fn enter(&self, kernel: &Ready<States<T>>, rows: MatrixRef<'_, T>, states: &mut [T]) {
        if !self.by_columns {
            return kernel.call((rows, states));
        }
        for (row, state) in rows.rows().zip(states) {
            *state = (self.fold)(self.init, row);
        }
    }
}
