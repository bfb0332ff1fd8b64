//! The dispatch table: for each ISA, target shapes first, then a bucket for everything else.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use std::{cell::Cell, sync::OnceLock};

use super::{
    Isa,
    call::{Ready, Row, Sig},
    cpu,
    generated::ISAS,
    profile::{self, Won},
};
use crate::{Error, runtime::threads};

/// Classes of size: in the first, second or third cache, or in memory.
pub(crate) const SIZES: usize = 4;
/// Classes of aspect: wide, square, tall.
const ASPECTS: usize = 3;
/// Buckets of a table.
pub(crate) const BUCKETS: usize = SIZES * ASPECTS;

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
        self.size() * ASPECTS + raptors_profile::aspect_class((self.rows, self.cols))
    }

    /// Where the bytes stay: in the first, second or third cache, or in memory. The third is shared: a call can count
    /// on two thirds of it.
    #[inline]
    fn size(self) -> usize {
        let caches = cpu::caches();
        raptors_profile::size_class([caches.l1, caches.l2, caches.l3], self.bytes)
    }
}

/// A bucket in words: `second-level cache, square`.
pub(crate) fn bucket_name(bucket: usize) -> String {
    const SIZE: [&str; SIZES] = ["first-level cache", "second-level cache", "third-level cache", "memory"];
    const ASPECT: [&str; ASPECTS] = ["wide", "square", "tall"];
    format!("{}, {}", SIZE[bucket / ASPECTS], ASPECT[bucket % ASPECTS])
}

/// A kernel in a table.
pub struct Entry<S: Sig> {
    /// The kernel.
    pub(crate) row: &'static Row<S>,
    /// By how much it won, if a profile chose it.
    pub(crate) won: Option<Won>,
}

// Not derived: that would ask the same of `S`, of which there is no value.
impl<S: Sig> Clone for Entry<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Sig> Copy for Entry<S> {}

/// A target shape, as callers see it, and its kernel at each size.
pub(crate) type Exact<S> = ((usize, usize), [Entry<S>; SIZES]);

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

/// How calls are cut on a number of threads, by a profile.
#[derive(Clone, Copy)]
pub struct Cuts {
    /// The number of threads.
    pub(crate) threads: usize,
    /// How the calls of each bucket are cut.
    pub(crate) tasks: [Tasks; BUCKETS],
    /// By how much that won, where a profile chose it.
    pub(crate) won: [Option<Won>; BUCKETS],
}

/// Which kernel serves which call, and how it is cut: by the defaults of the specs, or by a profile.
pub struct Choices<S: Sig> {
    /// Kernels for one shape.
    pub(crate) exact: &'static [Exact<S>],
    /// The kernel of each bucket.
    pub(crate) buckets: [Entry<S>; BUCKETS],
    /// How the calls of each bucket are cut, whatever the number of threads.
    pub(crate) tasks: [Tasks; BUCKETS],
    /// And where a profile says it for a number of threads, fewest first.
    pub(crate) threads: &'static [Cuts],
}

impl<S: Sig> Choices<S> {
    /// How the calls of a bucket are cut: by what was found with as many threads as there are, or with the most that
    /// are fewer.
    #[inline]
    pub(crate) fn tasks(&self, bucket: usize) -> (Tasks, Option<Won>) {
        if self.threads.is_empty() {
            return (self.tasks[bucket], None);
        }
        let count = threads::num_threads();
        let found = self.threads.iter().rev().find(|cuts| cuts.threads <= count);
        found.map_or((self.tasks[bucket], None), |cuts| (cuts.tasks[bucket], cuts.won[bucket]))
    }
}

/// The kernels of an operation and dtype on one ISA. Where its own do not pay, rows are of a plainer one.
pub struct IsaRows<S: Sig> {
    /// What profiles call it: `scale.f32.avx2`.
    #[cfg_attr(not(feature = "tunable"), expect(dead_code, reason = "nobody's profile is read"))]
    pub(crate) name: &'static str,
    /// By the defaults.
    pub(crate) default: Choices<S>,
    /// By profiles of this build, of which it has rows: the profile's place in the list of them, and the rows.
    pub(crate) tuned: &'static [(usize, Choices<S>)],
    /// Those of them that hold on this machine, once somebody asked.
    pub(crate) chosen: OnceLock<&'static Choices<S>>,
    /// Every kernel in this build.
    pub(crate) all: &'static [Row<S>],
}

impl<S: Sig> IsaRows<S> {
    /// The rows that hold on this machine. After the first call this is a load.
    #[inline]
    pub(crate) fn chosen(&'static self, table: &'static Table<S>) -> &'static Choices<S> {
        self.chosen.get().copied().unwrap_or_else(|| {
            // Found outside of any lock: a process may be forked meanwhile.
            let found = profile::choose(self, table);
            self.chosen.get_or_init(|| found)
        })
    }
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
    /// By how much the kernel won, if a profile chose it.
    pub(crate) won: Option<Won>,
    /// What the table says of cutting.
    pub(crate) tasks: Tasks,
    /// By how much that won, if a profile says it.
    pub(crate) cut_won: Option<Won>,
    /// The call.
    pub(crate) target: Target,
    /// The rows that it was found in; `None` if it was asked for by name.
    pub(crate) rows: Option<&'static IsaRows<S>>,
}

impl<S: Sig> Plan<S> {
    /// What the defaults have in the place of the kernel, and how they cut.
    pub(crate) fn default(&self) -> (&'static Row<S>, Tasks) {
        let Some(IsaRows { default, .. }) = self.rows else { return (self.kernel.row(), self.tasks) };
        let bucket = self.target.bucket();
        let exact = match self.reason {
            Reason::Exact(rows, cols) => default.exact.iter().find(|(shape, _)| *shape == (rows, cols)),
            Reason::Bucket(_) | Reason::Name => None,
        };
        let entry = exact.map_or(&default.buckets[bucket], |(_, sizes)| &sizes[self.target.size()]);
        (entry.row, default.tasks[bucket])
    }
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
            let choices = rows.chosen(self);
            let bucket = target.bucket();
            let (tasks, cut_won) = choices.tasks(bucket);
            let cut = cut.or_else(|| threads::cut(tasks, target.bytes));
            let plan = |kernel, reason, won| Plan {
                kernel,
                reason,
                cut,
                won,
                tasks,
                cut_won,
                target,
                rows: Some(rows),
            };
            // A kernel for one shape knows nothing of pieces.
            if target.contiguous && cut.is_none() {
                for (shape, sizes) in choices.exact {
                    if *shape == (target.rows, target.cols) {
                        let entry = &sizes[target.size()];
                        if let Some(kernel) = Ready::new(entry.row) {
                            return plan(kernel, Reason::Exact(shape.0, shape.1), entry.won);
                        }
                    }
                }
            }
            let entry = &choices.buckets[bucket];
            if let Some(kernel) = Ready::new(entry.row) {
                return plan(kernel, Reason::Bucket(bucket), entry.won);
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
        let kernel = |(isa, at): (usize, usize)| {
            let rows = self.isas.get(isa)?.as_ref()?;
            Some((rows, rows.all.get(at)?))
        };
        let (rows, row) = if let Some(last) = kernel(LAST.get()).filter(|(_, row)| row.name == name) {
            last
        } else {
            let place = all().find(|(_, row)| row.name == name).map(|(place, _)| place);
            LAST.set(place.unwrap_or_default());
            place.and_then(kernel).ok_or_else(|| Error::Unknown {
                kind: "kernel of this operation and dtype",
                name: name.to_owned(),
                known: all().map(|(_, row)| row.name).collect::<Vec<_>>().join(", "),
            })?
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
        // On this thread, unless the caller says otherwise; in pieces if somebody may cancel.
        let tasks = Tasks { crossover: NEVER, ..rows.default.tasks[target.bucket()] };
        let cut = cut.or_else(|| threads::cut(tasks, target.bytes)).filter(|_| row.shape.is_none());
        Ok(Plan { kernel, reason: Reason::Name, cut, won: None, tasks, cut_won: None, target, rows: None })
    }
}
