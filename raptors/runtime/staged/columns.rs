//! Down the columns: some rows of a stripe of columns at a time.

use super::{
    By, Fold, SHARED_BYTES, Terms, Work, as_f64, elements,
    operands::{Block, Operands, Values},
};
use crate::{
    Element, Error, MatrixRef, Numerics,
    dispatch::{call::Ready, table::Target},
    kernels::tree::LEAF,
    runtime::{
        chunk,
        reduce::{Order, States},
        scratch,
    },
};

/// Bytes of the terms of a block, with the row before them: with a part of what they are computed from, they stay in the
/// first cache or close to it.
const TERMS_BYTES: usize = 32 << 10;
/// Bytes of a row of a block, at most: enough rows follow one another for the state's own row not to matter.
const WIDTH_BYTES: usize = 2 << 10;
/// Bytes of a stripe that all passes go through before the next one is read: it stays in the second cache.
const STRIPE_BYTES: usize = 512 << 10;
/// Bytes of the narrowest such stripe: a narrower one reads the same lines and pages as its neighbours.
const NARROW_BYTES: usize = 256;
/// Rows after which counts are added up: in f32 they are exact up to twice as many.
const EXACT: usize = 1 << 23;

/// Bytes of a row of a block where none is expected to be NaN.
const WIDE_BYTES: usize = 16 << 10;

/// Columns of a stripe that several passes go through, for matrices of that shape: whole lines of the cache, or all there are.
/// `None` if there are too many rows for one.
pub(super) fn stripe<T>(rows: usize, cols: usize) -> Option<usize> {
    let narrow = elements::<T>(STRIPE_BYTES) / rows.max(1);
    let lines = narrow - narrow % elements::<T>(NARROW_BYTES / 4);
    (narrow >= elements::<T>(NARROW_BYTES)).then_some(lines.min(cols))
}

/// How many columns are taken down together, and how.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// All, by one call of a kernel on the matrix as it lies.
    Whole,
    /// Many, by the kernels for matrices without NaN.
    WithoutNan,
    /// Some, a block of rows at a time.
    Blocks,
}

/// What is known of a stage, column by column.
struct Found<T> {
    states: Vec<T>,
    /// Counts, and places of extremes.
    whole: Vec<u64>,
}

/// What is known of the stages of a pass, each with its place.
type ByStage<T> = Vec<(usize, Found<T>)>;

impl<T: Element> Work<'_, T> {
    /// The values of all stages, of each column of a block.
    pub(super) fn of_columns(&self, all: Block) -> Result<Vec<Vec<f64>>, Error> {
        let Block { rows, cols, .. } = all;
        let stages = self.staged.stages.len();
        let mut found = Vec::new();
        let last = self.staged.last_pass();
        // Several passes go through a stripe that stays in cache, if there are not too many rows for one.
        let stripe = stripe::<T>(rows, cols).filter(|_| last > 0).unwrap_or(cols);
        for start in (0..cols).step_by(stripe.max(1)) {
            let len = stripe.min(cols - start);
            let block = all.columns(start, len);
            let mut values = Values::new(if last > 0 { stages } else { 0 }, block.col, len);
            let mut part = vec![vec![0.0; len]; stages];
            for pass in 0..=last {
                if pass > 0 {
                    values.set(&part);
                }
                self.pass_down(pass, block, &values, &mut part)?;
                self.staged.finish(pass, self.scalars, self.count, &mut part);
            }
            if len == cols {
                return Ok(part);
            }
            found.resize(stages, vec![0.0; cols]);
            for (found, part) in found.iter_mut().zip(&part) {
                found[start..][..len].copy_from_slice(part);
            }
        }
        Ok(found)
    }

    /// One pass down a stripe.
    fn pass_down(
        &self,
        pass: usize,
        stripe: Block,
        values: &Values<T>,
        part: &mut [Vec<f64>],
    ) -> Result<(), Error> {
        let lies = |fold: &Fold<T>| matches!(fold.terms, Terms::Matrix(_));
        let folds = || self.folds(pass).map(|(_, fold)| fold);
        let one = folds().count() == 1;
        let way = if one && folds().all(|fold| lies(fold) && (fold.by == By::Value || fold.fused)) {
            Way::Whole
        } else if folds().all(|fold| fold.terms.without_nan().is_some()) {
            Way::WithoutNan
        } else {
            Way::Blocks
        };
        self.columns_down(pass, (stripe, 0), way, values, part)
    }

    /// One pass down the columns of a stripe that begin at one of them, some of them at a time.
    fn columns_down(
        &self,
        pass: usize,
        (stripe, from): (Block, usize),
        way: Way,
        values: &Values<T>,
        part: &mut [Vec<f64>],
    ) -> Result<(), Error> {
        let width = match way {
            Way::Whole => stripe.cols,
            Way::WithoutNan => elements::<T>(WIDE_BYTES).min(stripe.cols),
            Way::Blocks => elements::<T>(WIDTH_BYTES).min(stripe.cols),
        };
        for start in (0..stripe.cols).step_by(width.max(1)) {
            let len = width.min(stripe.cols - start);
            let block = stripe.columns(start, len);
            let Some(found) = self.block_down(pass, block, values, way)? else {
                self.columns_down(pass, (block, from + start), Way::Blocks, values, part)?;
                continue;
            };
            for (at, found) in found {
                let part = &mut part[at][from + start..][..len];
                match self.staged.stages[at].fold.as_ref().map(|fold| fold.by) {
                    Some(By::Value) => {
                        part.iter_mut().zip(found.states).for_each(|(to, state)| *to = state.to_f64());
                    }
                    _ => part.iter_mut().zip(found.whole).for_each(|(to, whole)| *to = as_f64(whole)),
                }
            }
        }
        Ok(())
    }

    /// One pass down some columns, a block of rows at a time: what comes of each stage, by its place. Nothing, if there is a
    /// NaN and none was to be met.
    fn block_down(
        &self,
        pass: usize,
        all: Block,
        values: &Values<T>,
        way: Way,
    ) -> Result<Option<ByStage<T>>, Error> {
        let Block { rows, cols, .. } = all;
        let bytes = all.len() * size_of::<T>();
        let target = Target { rows, cols, bytes, contiguous: false, stores: false };
        let mut stages = Vec::new();
        let mut without_nan = None;
        for (at, fold) in self.folds(pass) {
            let by_tree = fold.along.order != Order::Any && self.call.numerics == Numerics::Accurate;
            let table = fold.along.table(self.call.numerics, (rows, cols));
            let kernel = table.pick(self.call.choice, None, target)?.kernel;
            let found = Found { states: vec![fold.along.init; cols], whole: Vec::new() };
            let operands = self.operands;
            let mut down = Down { fold, kernel, operands, values, by_tree, is_done: false, found };
            if fold.by != By::Value {
                down.found.whole.resize(cols, 0);
            }
            if way == Way::Whole && fold.by == By::Value {
                down.kernel.call((operands.terms(fold, all, values, &mut [])?, &mut down.found.states));
                down.is_done = true;
            } else {
                down.fused(all);
                down.without_nan(all, &mut without_nan);
            }
            if way == Way::WithoutNan && !down.is_done {
                return Ok(None);
            }
            stages.push((at, down));
        }
        let lies = stages.iter().all(|(_, down)| matches!(down.fold.terms, Terms::Matrix(_)));
        let block = if lies { SHARED_BYTES } else { TERMS_BYTES };
        let step = (elements::<T>(block) / cols.max(1)).saturating_sub(1).max(1);
        let of_nodes = if stages.iter().any(|(_, down)| down.by_tree) { most_rows(rows) } else { 0 };
        if stages.iter().any(|(_, down)| !down.is_done) {
            scratch::with(cols * (1 + step.min(rows).max(of_nodes)), |memory| {
                for (_, down) in stages.iter_mut().filter(|(_, down)| down.by_tree && !down.is_done) {
                    down.by_nodes(all, memory)?;
                }
                for start in (0..rows).step_by(step) {
                    let block = all.rows(start, step.min(rows - start));
                    for (_, down) in stages.iter_mut().filter(|(_, down)| !down.is_done) {
                        down.take(block, start, memory)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(Some(stages.into_iter().map(|(at, down)| (at, down.finished())).collect()))
    }
}

/// Rows of a node of the tree, at most.
const fn most_rows(rows: usize) -> usize {
    if rows < LEAF { rows } else { LEAF }
}

/// A stage on its way down some columns.
struct Down<'a, T: Element> {
    fold: &'static Fold<T>,
    kernel: Ready<States<T>>,
    operands: Operands<'a, T>,
    values: &'a Values<T>,
    /// Whether its result is that of the tree over the rows.
    by_tree: bool,
    /// Whether there is nothing left to do.
    is_done: bool,
    found: Found<T>,
}

impl<T: Element> Down<'_, T> {
    /// Where its kernels compute the terms themselves, all rows at once, or as many as counts of are exact.
    fn fused(&mut self, all: Block) {
        let (true, Terms::Matrix(at)) = (self.fold.fused, &self.fold.terms) else { return };
        self.is_done = true;
        let step = if self.fold.by == By::Count { EXACT } else { all.rows };
        for start in (0..all.rows).step_by(step) {
            let rows = all.rows(start, step.min(all.rows - start));
            self.kernel.call((self.operands.matrix(*at, rows), &mut self.found.states));
            if self.fold.by == By::Count {
                self.add_counts();
            }
        }
    }

    /// Where the terms of elements that are no NaN are these as they lie: all at once, if there is no NaN.
    fn without_nan(&mut self, all: Block, known: &mut Option<usize>) {
        let Some(at) = self.fold.terms.without_nan() else { return };
        if self.fold.by != By::Count || *known != Some(at) {
            self.kernel.call((self.operands.matrix(at, all), &mut self.found.states));
            if self.found.states.iter().fold(false, |found, state| found | state.is_nan()) {
                self.found.states.fill(self.fold.along.init);
                return;
            }
        }
        (self.is_done, *known) = (true, Some(at));
        if self.fold.by == By::Count {
            self.found.states.fill(T::ZERO);
            self.found.whole.fill(self.fold.count_without_nan(all.rows));
        }
    }

    /// Takes in some rows. The states so far go before them as one row more, which is the same as going on: the state of no
    /// elements changes none.
    fn take(&mut self, block: Block, start: usize, memory: &mut [T]) -> Result<(), Error> {
        let Block { rows, cols, .. } = block;
        if self.fold.by == By::Place {
            return self.place(block, start, memory);
        }
        if let (Terms::Matrix(at), Order::Any) = (&self.fold.terms, self.fold.along.order) {
            // What came of these rows, then both rows of states.
            let (before, after) = memory.split_at_mut(cols);
            self.kernel.call((self.operands.matrix(*at, block), &mut after[..cols]));
            before.copy_from_slice(&self.found.states);
            let both = MatrixRef::new(&memory[..2 * cols], 2, cols)?;
            self.kernel.call((both, &mut self.found.states));
            return Ok(());
        }
        let (before, terms) = memory.split_at_mut(cols);
        before.copy_from_slice(&self.found.states);
        self.operands.fill(self.fold, block, self.values, terms)?;
        let all = MatrixRef::new(&memory[..(1 + rows) * cols], 1 + rows, cols)?;
        self.kernel.call((all, &mut self.found.states));
        if self.fold.by == By::Count && (start + rows) % EXACT < rows {
            self.add_counts();
        }
        Ok(())
    }

    /// Looks for places of extremes in some rows.
    fn place(&mut self, block: Block, start: usize, memory: &mut [T]) -> Result<(), Error> {
        let (extremes, memory) = memory.split_at_mut(block.cols);
        let terms = self.operands.terms(self.fold, block, self.values, memory)?;
        self.kernel.call((terms, &mut *extremes));
        let better = |(extreme, state): (&T, &T)| *extreme != *state;
        if start > 0
            && !extremes.iter().zip(&self.found.states).fold(false, |found, pair| found | better(pair))
        {
            return Ok(());
        }
        for (col, &extreme) in extremes.iter().enumerate() {
            let state = &mut self.found.states[col];
            if start == 0 || self.fold.is_better(extreme, *state) {
                let is_there = |row: &usize| {
                    let x = terms.row(*row)[col];
                    x == extreme || (x.is_nan() && extreme.is_nan())
                };
                let row = (0..block.rows).find(is_there).expect("the extreme is one of the elements");
                *state = extreme;
                self.found.whole[col] = (start + row) as u64;
            }
        }
        Ok(())
    }

    /// By nodes of the tree over the rows.
    fn by_nodes(&mut self, all: Block, memory: &mut [T]) -> Result<(), Error> {
        let (rows, cols) = (all.rows, all.cols);
        let most = most_rows(rows);
        let mut states = Vec::new();
        for (start, len) in chunk::nodes(rows, most) {
            let mut state = vec![self.fold.along.init; cols];
            let terms = self.operands.terms(self.fold, all.rows(start, len), self.values, memory)?;
            self.kernel.call((terms, &mut state));
            states.push(state);
        }
        let merge = self.fold.along.merge;
        let merged = |a: Vec<T>, b: Vec<T>| a.into_iter().zip(b).map(|(a, b)| merge(a, b)).collect();
        self.found.states = chunk::joined(rows, most, &mut states.into_iter(), &merged);
        self.is_done = true;
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are whole numbers")]
    fn add_counts(&mut self) {
        for (to, state) in self.found.whole.iter_mut().zip(&mut self.found.states) {
            *to += state.to_f64() as u64;
            *state = T::ZERO;
        }
    }

    fn finished(mut self) -> Found<T> {
        if self.fold.by == By::Count {
            self.add_counts();
        }
        self.found
    }
}
