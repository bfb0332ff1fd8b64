//! Reductions: over all elements, down the columns (axis 0), along the rows (axis 1).
//!
//! Kernels compute states, one a run or a column; what is common to all kernels is here: empty inputs, matrices whose
//! rows are apart, and the step from a state to a result.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use std::marker::PhantomData;

use super::check;
use crate::{
    Element, Error, Matrix, MatrixRef, Numerics,
    dispatch::{
        self,
        call::{Ready, Sig},
        table::{Choice, Reason, Table, Target},
    },
    kernels::tree,
};

/// The signature of reduction kernels: a matrix, and a place for each state.
pub struct States<T>(PhantomData<T>);

impl<T: Element> Sig for States<T> {
    type Args<'a> = (MatrixRef<'a, T>, &'a mut [T]);
}

/// A reduction of one dtype over one axis.
pub struct Reduction<T: Element> {
    /// The operation's name.
    pub(crate) op: &'static str,
    /// The state of no elements.
    pub(crate) init: T,
    /// Whether no elements have a result.
    pub(crate) has_identity: bool,
    /// Whether elements are taken in one after another, so that a run cannot be cut.
    pub(crate) sequential: bool,
    /// Of two states.
    pub(crate) merge: fn(T, T) -> T,
    /// From a state and the number of elements to the result, where they differ.
    pub(crate) finish: Option<fn(T, usize) -> T>,
    /// Kernels of the `numpy` class.
    pub(crate) numpy: &'static Table<States<T>>,
    /// Kernels of the `accurate` class.
    pub(crate) accurate: &'static Table<States<T>>,
    /// Whether it runs down the columns.
    pub(crate) by_columns: bool,
    /// Down the columns: kernels for runs, for a single column, if the spec has any.
    pub(crate) one_column: Option<&'static Table<States<T>>>,
}

fn target<T: Element>(x: MatrixRef<'_, T>) -> Target {
    let (rows, cols) = x.shape();
    Target { rows, cols, bytes: x.len() * size_of::<T>(), contiguous: x.is_contiguous() }
}

impl<T: Element> Reduction<T> {
    /// The table of a numeric class.
    pub(crate) fn table(&self, numerics: Numerics) -> &'static Table<States<T>> {
        match numerics {
            Numerics::Numpy => self.numpy,
            Numerics::Accurate => self.accurate,
        }
    }

    /// The kernel that a call would run, and why.
    pub(crate) fn look_up(
        &self,
        isa: crate::Isa,
        numerics: Numerics,
        rows: usize,
        cols: usize,
    ) -> (Ready<States<T>>, Reason) {
        let target = Target {
            rows,
            cols,
            bytes: rows.saturating_mul(cols).saturating_mul(size_of::<T>()),
            contiguous: true,
        };
        match self.one_column {
            Some(table) if cols == 1 => table.look_up(isa, Target { rows: 1, cols: rows, ..target }),
            _ => self.table(self.column_class(numerics, cols)).look_up(isa, target),
        }
    }

    /// A single column is a run of neighbours, which the tree sums in either class.
    fn column_class(&self, numerics: Numerics, cols: usize) -> Numerics {
        if self.by_columns && cols == 1 && !self.sequential { Numerics::Accurate } else { numerics }
    }

    /// Over all elements.
    #[inline]
    pub(crate) fn all(
        &self,
        choice: Choice<'_>,
        numerics: Numerics,
        x: MatrixRef<'_, T>,
    ) -> Result<T, Error> {
        let kernel = self.table(numerics).pick(choice, target(x))?;
        let state = if x.is_empty() { self.empty()? } else { self.whole(&kernel, x)? };
        Ok(self.finished(state, x.len()))
    }

    /// Along the rows: one result a row.
    #[inline]
    pub(crate) fn rows(
        &self,
        choice: Choice<'_>,
        numerics: Numerics,
        x: MatrixRef<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        check::column("out", out.len(), x.shape())?;
        let kernel = self.table(numerics).pick(choice, target(x))?;
        if !x.is_empty() {
            kernel.call((x, out));
        } else if !out.is_empty() {
            out.fill(self.empty()?);
        }
        self.finish(out, x.ncols());
        Ok(())
    }

    /// Down the columns: one result a column.
    #[inline]
    pub(crate) fn columns(
        &self,
        choice: Choice<'_>,
        numerics: Numerics,
        x: MatrixRef<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        check::row("out", out.len(), x.shape())?;
        // An environment that cannot be honoured is an error whatever the shape.
        dispatch::isa()?;
        match (x.len(), self.one_column) {
            (0, _) if out.is_empty() => {}
            (0, _) => out.fill(self.empty()?),
            (_, Some(table)) if x.ncols() == 1 => {
                let run = Target { rows: 1, cols: x.nrows(), ..target(x) };
                out[0] = self.whole(&table.pick(choice, run)?, x)?;
            }
            _ => self.table(self.column_class(numerics, x.ncols())).pick(choice, target(x))?.call((x, out)),
        }
        self.finish(out, x.nrows());
        Ok(())
    }

    fn empty(&self) -> Result<T, Error> {
        if self.has_identity { Ok(self.init) } else { Err(Error::Empty { op: self.op }) }
    }

    /// The state of all elements, row after row, as one run.
    fn whole(&self, kernel: &Ready<States<T>>, x: MatrixRef<'_, T>) -> Result<T, Error> {
        let run = |run: &[T]| {
            let mut state = [self.init];
            kernel.call((MatrixRef::from_row(run), &mut state));
            state[0]
        };
        if let Some(all) = x.as_slice() {
            return Ok(run(all));
        }
        if !self.sequential {
            return Ok(tree::gathered(x, &run, &self.merge));
        }
        let mut copy = Matrix::zeros(x.nrows(), x.ncols())?;
        for (to, from) in copy.view_mut().rows_mut().zip(x.rows()) {
            to.copy_from_slice(from);
        }
        Ok(run(copy.as_slice()))
    }

    fn finished(&self, state: T, count: usize) -> T {
        self.finish.map_or(state, |finish| finish(state, count))
    }

    fn finish(&self, states: &mut [T], count: usize) {
        if let Some(finish) = self.finish {
            for state in states {
                *state = finish(*state, count);
            }
        }
    }
}

/// A new vector for results.
pub(crate) fn results<T: Element>(len: usize) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    out.try_reserve_exact(len)
        .map_err(|_| Error::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) })?;
    out.resize(len, T::ZERO);
    Ok(out)
}
