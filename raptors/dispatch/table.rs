//! The dispatch table: for each ISA, target shapes first, then a bucket for everything else.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use super::{
    Isa,
    call::{Ready, Row, Sig},
    cpu,
    generated::ISAS,
};
use crate::Error;

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

/// The kernels of an operation and dtype on one ISA. Where its own do not pay, rows are of a plainer one.
pub struct IsaRows<S: Sig> {
    /// Kernels for one shape.
    pub(crate) exact: &'static [Exact<S>],
    /// The kernel of each bucket.
    pub(crate) buckets: [Row<S>; BUCKETS],
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
}

impl<S: Sig> Table<S> {
    /// The kernel for a target.
    #[inline]
    pub(crate) fn pick(&'static self, choice: Choice<'_>, target: Target) -> Result<Ready<S>, Error> {
        match choice {
            Choice::Table => Ok(self.look_up(cpu::isa()?, target).0),
            Choice::Kernel(name) => self.by_name(name, target),
        }
    }

    /// The kernel for a target on that ISA, or on the next plainer one that has any, and why.
    #[inline]
    pub(crate) fn look_up(&'static self, isa: Isa, target: Target) -> (Ready<S>, Reason) {
        for rows in self.isas[..=isa as usize].iter().rev().flatten() {
            if target.contiguous {
                for (shape, sizes) in rows.exact {
                    if *shape == (target.rows, target.cols)
                        && let Some(ready) = Ready::new(&sizes[target.size()])
                    {
                        return (ready, Reason::Exact(shape.0, shape.1));
                    }
                }
            }
            let bucket = target.bucket();
            if let Some(ready) = Ready::new(&rows.buckets[bucket]) {
                return (ready, Reason::Bucket(bucket));
            }
        }
        unreachable!("every operation has portable kernels, which run everywhere")
    }

    #[cold]
    fn by_name(&'static self, name: &str, target: Target) -> Result<Ready<S>, Error> {
        let all = || self.isas.iter().flatten().flat_map(|rows| rows.all);
        let row = all().find(|row| row.name == name).ok_or_else(|| Error::Unknown {
            kind: "kernel of this operation and dtype",
            name: name.to_owned(),
            known: all().map(|row| row.name).collect::<Vec<_>>().join(", "),
        })?;
        if let Some(shape) = row.shape
            && !(target.contiguous && shape == (target.rows, target.cols))
        {
            let reason = format!("only for contiguous {}×{} matrices", shape.0, shape.1);
            return Err(Error::Kernel { kernel: row.name, reason });
        }
        Ready::new(row).ok_or_else(|| Error::Kernel {
            kernel: row.name,
            reason: format!("this machine has no {}", row.isa.name()),
        })
    }
}
