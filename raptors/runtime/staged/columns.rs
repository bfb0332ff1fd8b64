//! Down the columns: some rows of a stripe of columns at a time.

use super::{By, Fold, SHARED_BYTES, Terms, Work, as_f64, elements, operands::Operands};
use crate::{
    Element, Error, MatrixRef, Numerics,
    catalogue::Axis,
    dispatch::{call::Ready, table::Target},
    runtime::{
        chunk,
        reduce::{Order, States},
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

/// What is known of a stage, column by column.
struct Found<T> {
    states: Vec<T>,
    /// Counts, and places of extremes.
    whole: Vec<u64>,
}

impl<T: Element> Work<'_, T> {
    /// The values of all stages, of each column.
    pub(super) fn of_columns(&self, operands: &Operands<'_, T>) -> Result<Vec<Vec<f64>>, Error> {
        let (rows, cols) = operands.shape();
        let mut found = vec![vec![0.0; cols]; self.staged.stages.len()];
        let last = self.staged.last_pass();
        // Several passes go through a stripe that stays in cache, if there are not too many rows for one.
        let narrow = elements::<T>(STRIPE_BYTES) / rows.max(1);
        let stripe = if last > 0 && narrow >= elements::<T>(NARROW_BYTES) { narrow } else { cols };
        for start in (0..cols).step_by(stripe.max(1)) {
            let len = stripe.min(cols - start);
            let stripe = operands.columns(start, len);
            let mut part: Vec<Vec<f64>> = found.iter().map(|_| vec![0.0; len]).collect();
            for pass in 0..=last {
                let values =
                    part.iter().map(|values| values.iter().map(|&value| T::from_f64(value)).collect());
                let values: Vec<Vec<T>> = values.collect();
                self.pass_down(pass, &stripe.with(&values, Axis::Zero), &mut part)?;
                self.staged.finish(pass, self.values, self.count, &mut part);
            }
            for (found, part) in found.iter_mut().zip(&part) {
                found[start..][..len].copy_from_slice(part);
            }
        }
        Ok(found)
    }

    /// One pass down a stripe.
    fn pass_down(&self, pass: usize, operands: &Operands<'_, T>, part: &mut [Vec<f64>]) -> Result<(), Error> {
        let (_, cols) = operands.shape();
        let lies = |fold: &Fold<T>| matches!(fold.terms, Terms::Matrix(_)) && fold.by == By::Value;
        let alone = self.folds(pass).count() == 1 && self.folds(pass).all(|(_, fold)| lies(fold));
        let width = if alone { cols } else { elements::<T>(WIDTH_BYTES).min(cols) };
        for start in (0..cols).step_by(width.max(1)) {
            let len = width.min(cols - start);
            let block = operands.columns(start, len);
            for (at, found) in self.block_down(pass, &block, alone)? {
                let part = &mut part[at][start..][..len];
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

    /// One pass down some columns, a block of rows at a time: what comes of each stage, by its place.
    fn block_down(
        &self,
        pass: usize,
        operands: &Operands<'_, T>,
        alone: bool,
    ) -> Result<Vec<(usize, Found<T>)>, Error> {
        let (rows, cols) = operands.shape();
        let bytes = rows * cols * size_of::<T>();
        let target = Target { rows, cols, bytes, contiguous: false, stores: false };
        let mut all = Vec::new();
        for (at, fold) in self.folds(pass) {
            let by_tree = fold.along.order != Order::Any && self.call.numerics == Numerics::Accurate;
            let table = fold.along.table(self.call.numerics);
            let kernel = table.pick(self.call.choice, None, target)?.kernel;
            let found = Found { states: vec![fold.along.init; cols], whole: vec![0; cols] };
            all.push((at, Down { fold, kernel, by_tree, found }));
        }
        if alone {
            for (_, down) in &mut all {
                down.kernel.call((operands.terms(down.fold, &mut [])?, &mut down.found.states));
            }
            return Ok(all.into_iter().map(|(at, down)| (at, down.found)).collect());
        }
        let lies = all.iter().all(|(_, down)| matches!(down.fold.terms, Terms::Matrix(_)));
        let block = if lies { SHARED_BYTES } else { TERMS_BYTES };
        let step = (elements::<T>(block) / cols.max(1)).saturating_sub(1).max(1);
        let of_nodes = if all.iter().any(|(_, down)| down.by_tree) { most_rows(rows) } else { 0 };
        let mut memory = vec![T::ZERO; cols * (1 + step.min(rows).max(of_nodes))];
        for (_, down) in all.iter_mut().filter(|(_, down)| down.by_tree) {
            down.by_nodes(operands, &mut memory)?;
        }
        for start in (0..rows).step_by(step) {
            let block = operands.rows(start, step.min(rows - start));
            for (_, down) in all.iter_mut().filter(|(_, down)| !down.by_tree) {
                down.take(&block, start, &mut memory)?;
            }
        }
        Ok(all.into_iter().map(|(at, down)| (at, down.finished())).collect())
    }
}

/// Rows of a node of the tree, at most.
const fn most_rows(rows: usize) -> usize {
    if rows < crate::kernels::tree::LEAF { rows } else { crate::kernels::tree::LEAF }
}

/// A stage on its way down some columns.
struct Down<T: Element> {
    fold: &'static Fold<T>,
    kernel: Ready<States<T>>,
    /// Whether its result is that of the tree over the rows.
    by_tree: bool,
    found: Found<T>,
}

impl<T: Element> Down<T> {
    /// Takes in some rows. The states so far go before them as one row more, which is the same as going on: the state of no
    /// elements changes none.
    fn take(&mut self, block: &Operands<'_, T>, start: usize, memory: &mut [T]) -> Result<(), Error> {
        let (rows, cols) = block.shape();
        let (before, terms) = memory.split_at_mut(cols);
        if self.fold.by == By::Place {
            let terms = block.terms(self.fold, terms)?;
            self.kernel.call((terms, &mut *before));
            for (col, &extreme) in before.iter().enumerate() {
                let state = &mut self.found.states[col];
                if start == 0 || self.fold.is_better(extreme, *state) {
                    let is_there = |row: &usize| {
                        let x = terms.row(*row)[col];
                        x == extreme || (x.is_nan() && extreme.is_nan())
                    };
                    let row = (0..rows).find(is_there).expect("the extreme is one of the elements");
                    *state = extreme;
                    self.found.whole[col] = (start + row) as u64;
                }
            }
            return Ok(());
        }
        if matches!(self.fold.terms, Terms::Matrix(_)) {
            // What came of these rows, then both rows of states.
            let terms = block.terms(self.fold, &mut [])?;
            if self.fold.along.order == Order::Any {
                let (after, _) = memory[cols..].split_at_mut(cols);
                self.kernel.call((terms, &mut *after));
                memory[..cols].copy_from_slice(&self.found.states);
                let both = MatrixRef::new(&memory[..2 * cols], 2, cols)?;
                self.kernel.call((both, &mut self.found.states));
                return Ok(());
            }
        }
        before.copy_from_slice(&self.found.states);
        block.fill(self.fold, terms)?;
        let all = MatrixRef::new(&memory[..(1 + rows) * cols], 1 + rows, cols)?;
        self.kernel.call((all, &mut self.found.states));
        if self.fold.by == By::Count && (start + rows) % EXACT < rows {
            self.add_counts();
        }
        Ok(())
    }

    /// By nodes of the tree over the rows.
    fn by_nodes(&mut self, operands: &Operands<'_, T>, memory: &mut [T]) -> Result<(), Error> {
        let (rows, cols) = operands.shape();
        let most = most_rows(rows);
        let mut states = Vec::new();
        for (start, len) in chunk::nodes(rows, most) {
            let mut state = vec![self.fold.along.init; cols];
            self.kernel.call((operands.rows(start, len).terms(self.fold, memory)?, &mut state));
            states.push(state);
        }
        let merge = self.fold.along.merge;
        let merged = |a: Vec<T>, b: Vec<T>| a.into_iter().zip(b).map(|(a, b)| merge(a, b)).collect();
        self.found.states = chunk::joined(rows, most, &mut states.into_iter(), &merged);
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
