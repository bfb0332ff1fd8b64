//! The dispatch table: for each ISA, target shapes first, then a bucket for everything else.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use std::cell::Cell;

use super::{
    Isa,
    call::{Ready, Row, Sig},
    cpu,
    generated::ISAS,
};
use crate::{Error, runtime::threads};

/// Classes of size: in the first, second or third cache, or in memory.
const SIZES: usize = 4;
/// Classes of aspect: wide, square, tall.
const ASPECTS: usize = 3;
/// Buckets of a table.
pub(crate) const BUCKETS: usize = SIZES * ASPECTS;

/// Rows and columns that differ by more than this factor make a matrix wide or tall.
const OBLONG: usize = 16;

/// A call, as far as the choice of a kernel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Rows of the matrix.
    pub(crate) rows: usize,
    /// Columns of the matrix.
    pub(crate) cols: usize,
    /// Bytes read and written.
    pub(crate) bytes: usize,
    /// Whether all matrices have their rows one after another.
    pub(crate) contiguous: bool,
}

impl Target {
    /// The bucket: bytes against this machine's caches, and aspect.
    #[inline]
    pub(crate) fn bucket(self) -> usize {
        let aspect = if self.rows > self.cols.saturating_mul(OBLONG) {
            2
        } else {
            usize::from(self.cols <= self.rows.saturating_mul(OBLONG))
        };
        self.size() * ASPECTS + aspect
    }

    /// Where the bytes stay: in the first, second or third cache, or in memory. The third is shared: a call can count
    /// on half of it.
    #[inline]
    fn size(self) -> usize {
        let caches = cpu::caches();
        [caches.l1, caches.l2, caches.l3 / 2].into_iter().map(|cache| usize::from(self.bytes > cache)).sum()
    }
}

/// A bucket in words: `second-level cache, square`.
pub(crate) fn bucket_name(bucket: usize) -> String {
    const SIZE: [&str; SIZES] = ["first-level cache", "second-level cache", "third-level cache", "memory"];
    const ASPECT: [&str; ASPECTS] = ["wide", "square", "tall"];
    format!("{}, {}", SIZE[bucket / ASPECTS], ASPECT[bucket % ASPECTS])
}

/// A target shape, as callers see it, and its kernel at each size.
pub(crate) type Exact<S> = ((usize, usize), [Row<S>; SIZES]);

/// How the calls of a bucket are cut over threads: fields of the table, since kernels and bits do not depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Bytes from which on a call takes more than one thread; [`NEVER`] if it never does.
    pub(crate) crossover: usize,
    /// Bytes of a piece, which one thread computes in one go; [`PER_THREAD`] for as few pieces as threads.
    pub(crate) chunk: usize,
}

/// A crossover that no call reaches.
pub(crate) const NEVER: usize = usize::MAX;
/// A chunk that cuts a call into a piece for each thread.
pub(crate) const PER_THREAD: usize = 0;

/// How one call is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Threads that take part, this one included.
    pub threads: usize,
    /// Bytes, read and written, of a piece; a piece has at least one row, one cache line of columns or one leaf of a
    /// tree. 0 cuts the call into as few pieces as there are threads.
    pub chunk: usize,
}

impl Cut {
    /// Bytes of a piece of a call of that many bytes.
    pub(crate) fn piece(self, bytes: usize) -> usize {
        if self.chunk == PER_THREAD { bytes.div_ceil(self.threads.max(1)) } else { self.chunk }
    }
}

/// The kernels of an operation and dtype on one ISA. Where its own do not pay, rows are of a plainer one.
pub struct IsaRows<S: Sig> {
    /// Kernels for one shape.
    pub(crate) exact: &'static [Exact<S>],
    /// The kernel of each bucket.
    pub(crate) buckets: [Row<S>; BUCKETS],
    /// How the calls of each bucket are cut.
    pub(crate) tasks: [Tasks; BUCKETS],
    /// Every kernel in this build.
    pub(crate) all: &'static [Row<S>],
}

/// The kernels of an operation and dtype, by ISA; `None` where the target or the ISA has none.
pub struct Table<S: Sig> {
    /// In the order of [`Isa::ALL`].
    pub(crate) isas: [Option<IsaRows<S>>; ISAS],
}

/// How a kernel is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice<'a> {
    /// By the table.
    #[default]
    Table,
    /// By name: for tests and tuning.
    Kernel(&'a str),
}

/// Why a kernel was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The shape has a row of its own.
    Exact(usize, usize),
    /// The shape falls into that bucket.
    Bucket(usize),
    /// The caller named it.
    Name,
}

/// What a call will do: which kernel, cut in which way.
pub(crate) struct Plan<S: Sig> {
    /// The kernel of the whole call or of its pieces.
    pub(crate) kernel: Ready<S>,
    /// Why that one.
    pub(crate) reason: Reason,
    /// How the call is cut; `None` if it is not.
    pub(crate) cut: Option<Cut>,
    /// What the table says of cutting.
    pub(crate) tasks: Tasks,
    /// Bytes read and written.
    pub(crate) bytes: usize,
}

impl<S: Sig> Table<S> {
    /// The plan of a call. `cut` is the caller's wish, in the place of what the table says.
    #[inline]
    pub(crate) fn pick(
        &'static self,
        choice: Choice<'_>,
        cut: Option<Cut>,
        target: Target,
    ) -> Result<Plan<S>, Error> {
        match choice {
            Choice::Table => Ok(self.look_up(cpu::isa()?, cut, target)),
            Choice::Kernel(name) => self.by_name(name, cut, target),
        }
    }

    /// The plan on that ISA, or on the next plainer one that has any kernels.
    #[inline]
    pub(crate) fn look_up(&'static self, isa: Isa, cut: Option<Cut>, target: Target) -> Plan<S> {
        for rows in self.isas[..=isa as usize].iter().rev().flatten() {
            let bucket = target.bucket();
            let tasks = rows.tasks[bucket];
            let cut = cut.or_else(|| threads::cut(tasks, target.bytes));
            // A kernel for one shape knows nothing of pieces.
            if target.contiguous && cut.is_none() {
                for (shape, sizes) in rows.exact {
                    if *shape == (target.rows, target.cols)
                        && let Some(kernel) = Ready::new(&sizes[target.size()])
                    {
                        let reason = Reason::Exact(shape.0, shape.1);
                        return Plan { kernel, reason, cut, tasks, bytes: target.bytes };
                    }
                }
            }
            if let Some(kernel) = Ready::new(&rows.buckets[bucket]) {
                return Plan { kernel, reason: Reason::Bucket(bucket), cut, tasks, bytes: target.bytes };
            }
        }
        unreachable!("every operation has portable kernels, which run everywhere")
    }

    #[cold]
    fn by_name(&'static self, name: &str, cut: Option<Cut>, target: Target) -> Result<Plan<S>, Error> {
        thread_local! {
            // Where the last one was: the tournament calls one again and again, and a search would count as its time.
            static LAST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
        }
        let all = || {
            let isas = self.isas.iter().enumerate();
            isas.flat_map(|(isa, rows)| {
                rows.iter().flat_map(|rows| rows.all).enumerate().map(move |(at, row)| ((isa, at), row))
            })
        };
        let (isa, at) = LAST.get();
        let last = self.isas.get(isa).and_then(|rows| rows.as_ref()?.all.get(at));
        let row = if let Some(row) = last.filter(|row| row.name == name) {
            row
        } else {
            let found = all().find(|(_, row)| row.name == name);
            let (place, row) = found.ok_or_else(|| Error::Unknown {
                kind: "kernel of this operation and dtype",
                name: name.to_owned(),
                known: all().map(|(_, row)| row.name).collect::<Vec<_>>().join(", "),
            })?;
            LAST.set(place);
            row
        };
        if let Some(shape) = row.shape
            && !(target.contiguous && shape == (target.rows, target.cols))
        {
            let reason = format!("only for contiguous {}×{} matrices", shape.0, shape.1);
            return Err(Error::Kernel { kernel: row.name, reason });
        }
        let kernel = Ready::new(row).ok_or_else(|| Error::Kernel {
            kernel: row.name,
            reason: format!("this machine has no {}", row.isa.name()),
        })?;
        let cut = cut.filter(|_| row.shape.is_none());
        let tasks = Tasks { crossover: NEVER, chunk: PER_THREAD };
        Ok(Plan { kernel, reason: Reason::Name, cut, tasks, bytes: target.bytes })
    }
}
