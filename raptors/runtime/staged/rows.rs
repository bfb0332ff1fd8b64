//! Along the rows: all passes go through some rows before the next ones are read.

use super::{
    BLOCK_BYTES, By, Fold, SHARED_BYTES, Terms, Work, as_f64, elements,
    operands::{Block, Values},
    run::position,
};
use crate::{
    Element, Error,
    dispatch::{call::Ready, table::Target},
    runtime::{reduce::States, scratch},
};

/// Elements of a block, at most: counts of a row are exact in f32.
const MOST: usize = 1 << 24;

impl<T: Element> Work<'_, T> {
    /// The values of all stages, of each row of a block.
    pub(super) fn of_rows(&self, all: Block) -> Result<Vec<Vec<f64>>, Error> {
        let Block { rows, cols, .. } = all;
        let stages = self.staged.stages;
        let mut found = vec![vec![0.0; rows]; stages.len()];
        let block = self.block_of_rows();
        if cols > block {
            for row in 0..rows {
                let one = self.of_run(all.rows(row, 1), all.row + row, None)?;
                found.iter_mut().zip(one).for_each(|(all, one)| all[row] = one);
            }
            return Ok(found);
        }
        let step = (block / cols).min(rows);
        let bytes = step * cols * size_of::<T>();
        let target = Target { rows: step, cols, bytes, contiguous: true, stores: false };
        let with_kernel = |fold: &'static Fold<T>| {
            let table = fold.along.table(self.call.numerics, (step, cols));
            Ok(table.pick(self.call.choice, None, target)?.kernel)
        };
        let kernels = stages.iter().map(|stage| stage.fold.as_ref().map(with_kernel).transpose());
        let kernels: Vec<Option<Ready<States<T>>>> = kernels.collect::<Result<_, Error>>()?;
        let mut results = vec![T::ZERO; step];
        let mut part: Vec<Vec<f64>> = found.iter().map(|_| vec![0.0; step]).collect();
        let mut values = Values::new(stages.len(), all.row, step);
        // Where matrices are reduced as they lie, no terms are computed.
        let memory = if block == MOST { 0 } else { step * cols };
        scratch::with(memory, |memory| {
            for start in (0..rows).step_by(step) {
                let len = step.min(rows - start);
                for part in &mut part {
                    part.truncate(len);
                }
                values.first = all.row + start;
                let block = all.rows(start, len);
                for pass in 0..=self.staged.last_pass() {
                    if pass > 0 {
                        values.set(&part);
                    }
                    let mut without_nan = None;
                    for (at, fold) in self.folds(pass) {
                        let kernel = kernels[at].as_ref().expect("it reduces something");
                        let results = &mut results[..len];
                        self.rows_of(
                            fold,
                            kernel,
                            block,
                            &values,
                            (memory, results),
                            &mut part[at],
                            &mut without_nan,
                        )?;
                    }
                    self.staged.finish(pass, self.scalars, self.count, &mut part);
                }
                for (found, part) in found.iter_mut().zip(&part) {
                    found[start..][..len].copy_from_slice(part);
                }
            }
            Ok(found)
        })
    }

    /// Elements of a block of rows, at most: as many as there are, where there is one stage and it takes a matrix in as it
    /// lies; fewer where the next stage or the search for a place is to find them in a cache.
    fn block_of_rows(&self) -> usize {
        let folds = || self.staged.stages.iter().filter_map(|stage| stage.fold.as_ref());
        let lies = |fold: &Fold<T>| matches!(fold.terms, Terms::Matrix(_));
        let alone = folds().count() == 1 && folds().all(|fold| lies(fold) && fold.by != By::Place);
        if alone {
            MOST
        } else if folds().all(|fold| lies(fold) || fold.terms.without_nan().is_some()) {
            elements::<T>(SHARED_BYTES)
        } else {
            elements::<T>(BLOCK_BYTES)
        }
    }

    /// What a stage comes to, of each row of a block.
    #[allow(clippy::too_many_arguments, reason = "what is kept from block to block")]
    fn rows_of(
        &self,
        fold: &Fold<T>,
        kernel: &Ready<States<T>>,
        block: Block,
        values: &Values<T>,
        (memory, states): (&mut [T], &mut [T]),
        found: &mut [f64],
        without_nan: &mut Option<usize>,
    ) -> Result<(), Error> {
        if let Some(at) = fold.terms.without_nan() {
            let count = as_f64(fold.count_without_nan(block.cols));
            if fold.by == By::Count && *without_nan == Some(at) {
                found.fill(count);
                return Ok(());
            }
            kernel.call((self.operands.matrix(at, block), &mut *states));
            if !states.iter().fold(false, |found, state| found | state.is_nan()) {
                *without_nan = Some(at);
                for (to, state) in found.iter_mut().zip(states) {
                    *to = if fold.by == By::Count { count } else { state.to_f64() };
                }
                return Ok(());
            }
        }
        let terms = self.operands.terms(fold, block, values, memory)?;
        kernel.call((terms, &mut *states));
        for (row, (to, state)) in found.iter_mut().zip(states).enumerate() {
            *to = match fold.by {
                By::Value | By::Count => state.to_f64(),
                By::Place => as_f64(position(terms.row(row), *state) as u64),
            };
        }
        Ok(())
    }
}
