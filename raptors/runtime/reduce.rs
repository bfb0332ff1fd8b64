//! Reductions: over all elements, down the columns (axis 0), along the rows (axis 1).
//!
//! Kernels compute states, one a run or a column; what is common to all kernels is here: empty inputs, matrices whose
//! rows are apart, the cut over threads, and the step from a state to a result.
//!
//! A cut goes between rows, between columns, or between the tree's own nodes, so that no bit depends on it.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use std::marker::PhantomData;

use super::{check, chunk, pool, threads};
use crate::{
    Element, Error, Matrix, MatrixRef, Numerics,
    catalogue::{Arg, Args, Axis, Call, Place},
    dispatch::{
        call::{Ready, Sig},
        table::{Cut, PER_THREAD, Plan, Table, Target},
    },
    kernels::tree,
    watch,
};

/// The signature of reduction kernels: a matrix, and a place for each state.
pub struct States<T>(PhantomData<T>);

impl<T: Element> Sig for States<T> {
    type Args<'a> = (MatrixRef<'a, T>, &'a mut [T]);
}

/// The order in which the elements of a run are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By the pairwise tree.
    Tree,
    /// One after another, so that a run cannot be cut.
    Sequence,
    /// In any: it leaves no trace in the result, as in a minimum.
    Any,
}

/// A reduction of one dtype over one axis.
#[derive(Clone, Copy)]
pub struct Reduction<T: Element> {
    /// The operation's name.
    pub(crate) op: &'static str,
    /// The state of no elements.
    pub(crate) init: T,
    /// Whether no elements have a result.
    pub(crate) has_identity: bool,
    /// In which order the `numpy` class takes elements in.
    pub(crate) order: Order,
    /// Of two states.
    pub(crate) merge: fn(T, T) -> T,
    /// Each of the states takes in an element of its own.
    pub(crate) take: fn(&mut [T], &[T]),
    /// A state takes in elements one after another.
    pub(crate) fold: fn(T, &[T]) -> T,
    /// From states and the number of elements of each to results, where they differ.
    pub(crate) finish: Option<fn(&mut [T], f64)>,
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
    Target { rows, cols, bytes: x.len() * size_of::<T>(), contiguous: x.is_contiguous(), stores: false }
}

impl<T: Element> Reduction<T> {
    /// The table of a numeric class, for calls on matrices of a shape.
    #[inline]
    pub(crate) fn table(&self, numerics: Numerics, shape: (usize, usize)) -> &'static Table<States<T>> {
        match numerics {
            Numerics::Numpy => self.numpy,
            Numerics::Accurate => self.accurate,
            Numerics::Any => self.numpy.of(numerics, shape),
        }
    }

    /// The plan of a call on a contiguous matrix of that shape, cut in that way or as the table says.
    pub(crate) fn look_up(
        &self,
        (isa, cut): (crate::Isa, Option<Cut>),
        numerics: Numerics,
        (rows, cols): (usize, usize),
    ) -> Plan<States<T>> {
        let target = Target {
            rows,
            cols,
            bytes: rows.saturating_mul(cols).saturating_mul(size_of::<T>()),
            contiguous: true,
            stores: false,
        };
        if let (Some(table), 1) = (self.one_column, cols) {
            return table.look_up(isa, cut, Target { rows: 1, cols: rows, ..target });
        }
        let class = self.column_class(numerics, cols);
        let mut plan = self.table(class, (rows, cols)).look_up(isa, cut, target);
        if let (true, Some(cut)) = (self.by_columns, plan.cut) {
            // There may be fewer stripes than threads.
            let (Down::Stripes { count, .. } | Down::Rows { count, .. }) =
                self.down(cut, class, (rows, cols));
            let threads = cut.threads.min(count);
            plan.cut = (threads > 1).then_some(Cut { threads, ..cut });
        }
        plan
    }

    /// A single column is a run of neighbours, which the tree sums in either class.
    fn column_class(&self, numerics: Numerics, cols: usize) -> Numerics {
        if self.by_columns && cols == 1 && self.order != Order::Sequence {
            Numerics::Accurate
        } else {
            numerics
        }
    }

    /// Carries out a call whose argument was of any dtype. `input` is what the operation calls it.
    pub(crate) fn erased(
        &self,
        axis: Axis,
        input: &'static str,
        call: &Call<'_>,
        args: &[Arg<'_>],
        place: Place<'_, T>,
    ) -> Result<(), Error> {
        let args = Args::new(self.op, 1, args, None)?;
        let over = args.array(0);
        let Place::Slice(out) = place else {
            let (expected, got) = ("a row or column", "a matrix");
            return Err(Error::Form { op: self.op, what: "out", expected, got });
        };
        if let Some(over) = over {
            return self.array(call, over, out);
        }
        let x = args.matrix(0, input)?;
        match axis {
            Axis::All => {
                check::length("out", out.len(), 1)?;
                out[0] = self.all(call, x)?;
                Ok(())
            }
            Axis::Zero => self.columns(call, x, out),
            Axis::One => self.rows(call, x, out),
        }
    }

    /// Over all elements.
    #[inline]
    pub(crate) fn all(&self, call: &Call<'_>, x: MatrixRef<'_, T>) -> Result<T, Error> {
        let (table, target) = (self.table(call.numerics, x.shape()), target(x));
        let plan = table.pick(call.choice, call.cut, target)?;
        if watch::is_on() {
            let again = |call: &Call<'_>| self.all_planned(&table.pick(call.choice, call.cut, target)?, x);
            return watch::watched(self.op, (table, T::DTYPE), call, target, again);
        }
        self.all_planned(&plan, x)
    }

    #[expect(clippy::inline_always, reason = "a call that is not watched must not pay for those that are")]
    #[inline(always)]
    fn all_planned(&self, plan: &Plan<States<T>>, x: MatrixRef<'_, T>) -> Result<T, Error> {
        let state = if x.is_empty() { self.empty()? } else { self.whole(plan, x)? };
        Ok(self.finished(state, x.len()))
    }

    /// Along the rows: one result a row.
    #[inline]
    pub(crate) fn rows(&self, call: &Call<'_>, x: MatrixRef<'_, T>, out: &mut [T]) -> Result<(), Error> {
        check::column("out", out.len(), x.shape())?;
        let (table, target) = (self.table(call.numerics, x.shape()), target(x));
        let plan = table.pick(call.choice, call.cut, target)?;
        if watch::is_on() {
            let again =
                |call: &Call<'_>| self.rows_planned(&table.pick(call.choice, call.cut, target)?, x, out);
            return watch::watched(self.op, (table, T::DTYPE), call, target, again);
        }
        self.rows_planned(&plan, x, out)
    }

    #[expect(clippy::inline_always, reason = "a call that is not watched must not pay for those that are")]
    #[inline(always)]
    fn rows_planned(&self, plan: &Plan<States<T>>, x: MatrixRef<'_, T>, out: &mut [T]) -> Result<(), Error> {
        if x.is_empty() {
            if !out.is_empty() {
                out.fill(self.empty()?);
            }
            self.finish(out, x.ncols());
            return Ok(());
        }
        let one = |(x, out): (MatrixRef<'_, T>, &mut [T])| {
            plan.kernel.call((x, &mut *out));
            self.finish(out, x.ncols());
        };
        match plan.cut {
            None => one((x, out)),
            // Too few rows for the threads, and long ones: each is cut in itself.
            Some(cut)
                if x.nrows() < cut.threads
                    && self.order != Order::Sequence
                    && x.ncols() * size_of::<T>() > cut.piece(x.len() * size_of::<T>()) =>
            {
                for (row, out) in x.rows().zip(out) {
                    *out = self.finished(self.whole(plan, MatrixRef::from_row(row))?, row.len());
                }
            }
            Some(cut) => {
                let bytes = x.len() * size_of::<T>();
                let parts = bytes.div_ceil(cut.piece(bytes).max(1));
                let step = x.nrows().div_ceil(parts).max(1);
                let starts = (0..x.nrows()).step_by(step);
                let pieces = starts.zip(out.chunks_mut(step)).map(|(start, out)| {
                    let (rows, _) = x.split_rows(start).1.split_rows(out.len());
                    (rows, out)
                });
                threads::run(cut.threads, pieces, one)?;
            }
        }
        Ok(())
    }

    /// Down the columns: one result a column.
    #[inline]
    pub(crate) fn columns(&self, call: &Call<'_>, x: MatrixRef<'_, T>, out: &mut [T]) -> Result<(), Error> {
        check::row("out", out.len(), x.shape())?;
        // Without elements nothing is computed: any table of its class will do.
        let (class, one_column) = if x.is_empty() {
            (call.numerics, None)
        } else {
            (self.column_class(call.numerics, x.ncols()), self.one_column.filter(|_| x.ncols() == 1))
        };
        let (table, target) = match one_column {
            Some(table) => (table, Target { rows: 1, cols: x.nrows(), ..target(x) }),
            None => (self.table(class, x.shape()), target(x)),
        };
        let is_run = one_column.is_some();
        let plan = table.pick(call.choice, call.cut, target)?;
        if watch::is_on() {
            let again = |call: &Call<'_>| {
                let plan = table.pick(call.choice, call.cut, target)?;
                self.columns_planned(&plan, class, is_run, x, out)
            };
            return watch::watched(self.op, (table, T::DTYPE), call, target, again);
        }
        self.columns_planned(&plan, class, is_run, x, out)
    }

    #[expect(clippy::inline_always, reason = "a call that is not watched must not pay for those that are")]
    #[inline(always)]
    fn columns_planned(
        &self,
        plan: &Plan<States<T>>,
        class: Numerics,
        is_run: bool,
        x: MatrixRef<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        match (x.len(), plan.cut) {
            (0, _) if out.is_empty() => {}
            (0, _) => out.fill(self.empty()?),
            _ if is_run => out[0] = self.whole(plan, x)?,
            (_, None) => plan.kernel.call((x, &mut *out)),
            // Results are finished where they are computed.
            (_, Some(cut)) => return self.cut_columns(plan, cut, class, x, out),
        }
        self.finish(out, x.nrows());
        Ok(())
    }

    /// Down the columns over several threads: a stripe of columns each. Where there are too few columns for that, and
    /// the numeric class has a tree over the rows or does not care for their order, some rows each.
    fn cut_columns(
        &self,
        plan: &Plan<States<T>>,
        cut: Cut,
        class: Numerics,
        x: MatrixRef<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        let step = match self.down(cut, class, x.shape()) {
            Down::Stripes { step, .. } => step,
            Down::Rows { most, .. } => return self.cut_rows(plan, cut, most, x, out),
        };
        let starts = (0..x.ncols()).step_by(step);
        let pieces = starts.zip(out.chunks_mut(step)).map(|(start, out)| {
            let stripe = x.columns(start..start + out.len());
            (stripe, out)
        });
        threads::run(cut.threads, pieces, |(stripe, out)| {
            plan.kernel.call((stripe, &mut *out));
            self.finish(out, x.nrows());
        })
    }

    /// How a call down the columns is cut.
    fn down(&self, cut: Cut, class: Numerics, (rows, cols): (usize, usize)) -> Down {
        let bytes = rows.saturating_mul(cols).saturating_mul(size_of::<T>());
        let parts = if cut.chunk == PER_THREAD {
            // No piece takes so long that a call could not be cancelled.
            cut.threads.max(bytes / threads::MOST_BYTES)
        } else {
            bytes.div_ceil(cut.chunk)
        };
        let by_rows = match self.order {
            Order::Any => true,
            Order::Tree => class == Numerics::Accurate,
            Order::Sequence => false,
        };
        let wide = chunk::stripes::<T>(cols, parts);
        // One thread is given pieces only so that the call can be cancelled between them: it wants several too.
        if by_rows && cols.div_ceil(wide) < cut.threads.max(2) {
            return Down::Rows { most: rows.div_ceil(parts.max(1)), count: parts };
        }
        let step = if by_rows { wide } else { chunk::stripes_of_threads::<T>(cols, parts, cut.threads) };
        Down::Stripes { step, count: cols.div_ceil(step) }
    }

    /// Down the columns, some rows for each thread: nodes of the tree over the rows, whose states are then joined.
    fn cut_rows(
        &self,
        plan: &Plan<States<T>>,
        cut: Cut,
        most: usize,
        x: MatrixRef<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        let nodes: Vec<_> = chunk::nodes(x.nrows(), most).collect();
        let mut states = results(nodes.len() * x.ncols())?;
        let pieces = nodes.iter().zip(states.chunks_mut(x.ncols()));
        threads::run(cut.threads, pieces, |(&(start, len), state)| {
            let (rows, _) = x.split_rows(start).1.split_rows(len);
            plan.kernel.call((rows, state));
        })?;
        let merge = |a: Vec<T>, b: Vec<T>| a.into_iter().zip(b).map(|(a, b)| (self.merge)(a, b)).collect();
        let mut states = states.chunks(x.ncols()).map(<[T]>::to_vec);
        out.copy_from_slice(&chunk::joined(x.nrows(), most, &mut states, &merge));
        self.finish(out, x.nrows());
        Ok(())
    }

    pub(crate) fn empty(&self) -> Result<T, Error> {
        if self.has_identity { Ok(self.init) } else { Err(Error::Empty { op: self.op }) }
    }

    /// The state of all elements, row after row, as one run.
    fn whole(&self, plan: &Plan<States<T>>, x: MatrixRef<'_, T>) -> Result<T, Error> {
        let run = |run: &[T]| self.run(&plan.kernel, run);
        if self.order == Order::Sequence {
            return match x.as_slice() {
                Some(all) => Ok(run(all)),
                None => self.copied(&plan.kernel, x),
            };
        }
        // A node of the tree, which is that of all elements if nothing is cut.
        let node = |start: usize, len: usize| match x.as_slice() {
            Some(all) => run(&all[start..][..len]),
            None => tree::gathered(x, start, len, &run, &self.merge),
        };
        let Some(cut) = plan.cut else { return Ok(node(0, x.len())) };
        let most = cut.piece(x.len() * size_of::<T>()) / size_of::<T>();
        let nodes: Vec<_> = chunk::nodes(x.len(), most).collect();
        let mut states = results(nodes.len())?;
        threads::run(cut.threads, nodes.iter().zip(&mut states), |(&(start, len), state)| {
            *state = node(start, len);
        })?;
        Ok(chunk::joined(x.len(), most, &mut states.into_iter(), &self.merge))
    }

    /// The state of one run.
    fn run(&self, kernel: &Ready<States<T>>, run: &[T]) -> T {
        let mut state = [self.init];
        kernel.call((MatrixRef::from_row(run), &mut state));
        state[0]
    }

    /// The state of elements that are taken in one after another, rows that are apart being brought together first.
    fn copied(&self, kernel: &Ready<States<T>>, x: MatrixRef<'_, T>) -> Result<T, Error> {
        let mut copy = Matrix::zeros(x.nrows(), x.ncols())?;
        for (to, from) in copy.view_mut().rows_mut().zip(x.rows()) {
            to.copy_from_slice(from);
        }
        Ok(self.run(kernel, copy.as_slice()))
    }

    fn finished(&self, state: T, count: usize) -> T {
        let mut states = [state];
        self.finish(&mut states, count);
        states[0]
    }

    pub(crate) fn finish(&self, states: &mut [T], count: usize) {
        if let Some(finish) = self.finish {
            #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
            finish(states, count as f64);
        }
    }
}

/// Each of the states takes in an element of its own.
#[inline]
pub(crate) fn take<T: Element>(states: &mut [T], elements: &[T], step: impl Fn(T, T) -> T) {
    for (state, element) in states.iter_mut().zip(elements) {
        *state = step(*state, *element);
    }
}

/// 1 / `count` where that is exact: a count that is a power of two.
pub(crate) fn exact_inverse(count: f64) -> Option<f64> {
    // A power of two has no digits but the leading one, which is not written.
    const DIGITS: u32 = f64::MANTISSA_DIGITS - 1;
    (count > 0.0 && count.to_bits() << (u64::BITS - DIGITS) == 0).then(|| count.recip())
}

/// How a call down the columns is cut.
#[derive(Clone, Copy, Debug)]
enum Down {
    /// Into so many stripes of so many columns.
    Stripes { step: usize, count: usize },
    /// Into about so many nodes of at most so many rows.
    Rows { most: usize, count: usize },
}

/// A new vector for results.
pub(crate) fn results<T: Element>(len: usize) -> Result<Vec<T>, Error> {
    pool::filled(len, T::ZERO)
}

#[cfg(test)]
mod tests {
    use super::exact_inverse;

    #[test]
    fn powers_of_two_have_an_exact_inverse_and_nothing_else_has() {
        let exact: Vec<f64> =
            (0..=4096).map(f64::from).filter(|count| exact_inverse(*count).is_some()).collect();
        assert_eq!(exact, (0..=12).map(|power| f64::from(1 << power)).collect::<Vec<_>>());
        assert_eq!(exact_inverse(1024.0), Some(1.0 / 1024.0));
    }
}
