//! Element-by-element operations.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use super::{
    chunk::{self, Along},
    threads,
};
use crate::{
    Element, Error, Numerics,
    catalogue::{self, Call},
    dispatch::{
        call::Sig,
        table::{Cut, Plan, Table, Target},
    },
    watch,
};

/// The kernels of a map operation for one dtype: into another matrix, and in place.
pub struct Map<Into: Sig, Inplace: Sig> {
    /// Kernels that write another matrix.
    pub(crate) into: &'static Table<Into>,
    /// Kernels that overwrite the first matrix.
    pub(crate) inplace: &'static Table<Inplace>,
}

/// Of what a part is computed: by the kernel of a larger call, which is under way on this thread.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// How that call is cut.
    pub(crate) cut: Option<Cut>,
    /// What it reads and writes.
    pub(crate) target: Target,
}

/// An operation, and what it calls the arguments of its kernels.
pub(crate) struct Named<const N: usize> {
    /// The operation.
    pub(crate) op: &'static str,
    /// The names, in the order in which kernels take them.
    pub(crate) names: [&'static str; N],
    /// The place of each among the operation's own arguments.
    pub(crate) order: [usize; N],
}

impl<const N: usize> Named<N> {
    /// Of what stages compute, and of a call that is watched already: no operation.
    pub(crate) const NOBODY: Self = Self { op: "", names: [""; N], order: [0; N] };

    /// Whether calls are watched, and this is one.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        watch::is_on() && !self.op.is_empty()
    }
}

/// A call in a class that the caller names.
pub(crate) fn classed(op: &'static str, numerics: Numerics) -> Result<Call<'static>, Error> {
    catalogue::op(op)?.offers(numerics)?;
    Ok(Call::of(numerics))
}

/// The target of a call that reads and writes `matrices` matrices of that shape. It `stores` if one of them is its own.
#[inline]
pub(crate) fn target<T: Element>(
    (rows, cols): (usize, usize),
    matrices: usize,
    contiguous: bool,
    stores: bool,
) -> Target {
    Target {
        rows,
        cols,
        bytes: rows.saturating_mul(cols).saturating_mul(matrices * size_of::<T>()),
        contiguous,
        stores,
    }
}

/// The signature of a map's kernels: their arguments can be taken apart.
pub trait Pieces: Sig {
    /// The arguments for the rows (or columns) before `at`, and for those from there on.
    fn split(args: Self::Args<'_>, along: Along, at: usize) -> (Self::Args<'_>, Self::Args<'_>);
}

/// Runs the kernel on the whole, or on pieces. `extent` is that of the matrices among the arguments; a kernel is given
/// at most `stripe` columns at once.
#[inline]
pub(crate) fn run<T: Element, S: Pieces>(
    plan: &Plan<S>,
    extent: (usize, usize),
    bytes: usize,
    stripe: usize,
    args: S::Args<'_>,
) -> Result<(), Error> {
    let one = |(args, (rows, cols))| {
        if rows == 1 || cols <= stripe {
            return plan.kernel.call(args);
        }
        let stripes =
            Split::<S> { rest: Some(args), extent: (rows, cols), along: Along::Columns, step: stripe };
        stripes.for_each(|(args, _)| plan.kernel.call(args));
    };
    let Some(cut) = plan.cut else {
        one((args, extent));
        return Ok(());
    };
    let (along, step) = chunk::matrix::<T>(extent, bytes, cut.piece(bytes), cut.threads);
    threads::run(cut.threads, Split::<S> { rest: Some(args), extent, along, step }, one)
}

/// Pieces with their extents, split off as they are asked for.
struct Split<'a, S: Pieces> {
    rest: Option<S::Args<'a>>,
    extent: (usize, usize),
    along: Along,
    step: usize,
}

impl<'a, S: Pieces> Split<'a, S> {
    /// Rows or columns that are left.
    const fn left(&self) -> usize {
        match self.along {
            Along::Rows => self.extent.0,
            Along::Columns => self.extent.1,
        }
    }

    /// How many pieces are left.
    const fn pieces(&self) -> usize {
        if self.rest.is_none() {
            return 0;
        }
        let pieces = self.left().div_ceil(self.step);
        if pieces == 0 { 1 } else { pieces }
    }

    /// The extent with so many rows or columns.
    const fn with(&self, left: usize) -> (usize, usize) {
        match self.along {
            Along::Rows => (left, self.extent.1),
            Along::Columns => (self.extent.0, left),
        }
    }

    /// Takes what is left but for so many rows or columns, which stay: those in front, or those at the end.
    fn take(&mut self, stay: usize, in_front: bool) -> Option<(S::Args<'a>, (usize, usize))> {
        let rest = self.rest.take()?;
        if stay == 0 {
            return Some((rest, self.extent));
        }
        let taken = self.left() - stay;
        let (front, end) = S::split(rest, self.along, if in_front { stay } else { taken });
        let (stays, piece) = if in_front { (front, end) } else { (end, front) };
        let extent = self.with(taken);
        (self.rest, self.extent) = (Some(stays), self.with(stay));
        Some((piece, extent))
    }
}

impl<'a, S: Pieces> Iterator for Split<'a, S> {
    type Item = (S::Args<'a>, (usize, usize));

    fn next(&mut self) -> Option<Self::Item> {
        self.take(self.left().saturating_sub(self.step), false)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.pieces(), Some(self.pieces()))
    }
}

impl<S: Pieces> DoubleEndedIterator for Split<'_, S> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.take(self.pieces().saturating_sub(1) * self.step, true)
    }
}

/// Columns that a kernel with a row among its arguments is given at once: so many of the row stay in the first cache
/// until the matrix's next row wants them.
pub(crate) const fn stripe<T: Element>() -> usize {
    (16 << 10) / size_of::<T>()
}

/// Columns below which rows are joined: walking them costs as much as what is in them.
const NARROW: usize = 128;
/// Columns of the rows that narrow ones are joined to, about: few enough to stay in the first cache.
const JOINED: usize = 512;

/// How many rows of a contiguous matrix to see as one, where a row that is added to each (or the like) can be repeated
/// instead: 1 if the rows are long enough, or too few.
pub(crate) const fn joined_rows((rows, cols): (usize, usize)) -> usize {
    if cols >= NARROW {
        return 1;
    }
    let times = JOINED / cols;
    if rows >= 4 * times { times } else { 1 }
}

/// A row, `times` times.
pub(crate) fn repeated<T: Element>(row: &[T], times: usize) -> Vec<T> {
    row.repeat(times)
}
