//! Along the rows: all passes go through some rows before the next ones are read.

use super::{BLOCK_BYTES, By, Fold, Work, as_f64, elements, operands::Operands, run::position};
use crate::{
    Element, Error,
    catalogue::Axis,
    dispatch::{call::Ready, table::Target},
    runtime::reduce::States,
};

impl<T: Element> Work<'_, T> {
    /// The values of all stages, of each row.
    pub(super) fn of_rows(&self, operands: &Operands<'_, T>) -> Result<Vec<Vec<f64>>, Error> {
        let (rows, cols) = operands.shape();
        let mut found = vec![vec![0.0; rows]; self.staged.stages.len()];
        let block = elements::<T>(BLOCK_BYTES);
        if cols > block {
            for row in 0..rows {
                for (all, one) in found.iter_mut().zip(self.of_run(&operands.rows(row, 1), None)?) {
                    all[row] = one[0];
                }
            }
            return Ok(found);
        }
        let step = (block / cols).min(rows);
        let bytes = step * cols * size_of::<T>();
        let target = Target { rows: step, cols, bytes, contiguous: true, stores: false };
        let with_kernel = |fold: &'static Fold<T>| {
            let table = fold.along.table(self.call.numerics);
            Ok(table.pick(self.call.choice, None, target)?.kernel)
        };
        let kernels = self.staged.stages.iter().map(|stage| stage.fold.as_ref().map(with_kernel).transpose());
        let kernels: Vec<Option<Ready<States<T>>>> = kernels.collect::<Result<_, Error>>()?;
        let mut memory = vec![T::ZERO; step * cols];
        let mut states = vec![T::ZERO; step];
        let mut part: Vec<Vec<f64>> = found.iter().map(|_| vec![0.0; step]).collect();
        let mut values: Vec<Vec<T>> = found.iter().map(|_| vec![T::ZERO; step]).collect();
        for start in (0..rows).step_by(step) {
            let len = step.min(rows - start);
            part.iter_mut().for_each(|part| part.truncate(len));
            values.iter_mut().for_each(|values| values.truncate(len));
            let operands = operands.rows(start, len);
            for pass in 0..=self.staged.last_pass() {
                let operands = operands.with(&values, Axis::One);
                for (at, fold) in self.folds(pass) {
                    let terms = operands.terms(fold, &mut memory)?;
                    let states = &mut states[..len];
                    let kernel = kernels[at].as_ref().expect("it reduces something");
                    kernel.call((terms, &mut *states));
                    for (row, (to, state)) in part[at].iter_mut().zip(states).enumerate() {
                        *to = match fold.by {
                            By::Value | By::Count => state.to_f64(),
                            By::Place => as_f64(position(terms.row(row), *state) as u64),
                        };
                    }
                }
                self.staged.finish(pass, self.values, self.count, &mut part);
                for (values, part) in values.iter_mut().zip(&part) {
                    values.iter_mut().zip(part).for_each(|(to, from)| *to = T::from_f64(*from));
                }
            }
            for (found, part) in found.iter_mut().zip(&part) {
                found[start..][..len].copy_from_slice(part);
            }
        }
        Ok(found)
    }
}
