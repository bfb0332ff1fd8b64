//! The dispatch table: for each ISA, target shapes first, then a bucket for everything else.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use std::{cell::Cell, sync::OnceLock};

use super::{
    Isa,
    call::{Ready, Row, Sig},
    cpu,
    generated::{BACKENDS, ISAS},
    profile::{self, Won},
};
use crate::{Dtype, Error, Numerics, runtime::threads};

/// Whether this build has routines of other libraries: without any, the class `any` is that of its kernels.
pub(crate) const HAS_BACKENDS: bool = !BACKENDS.is_empty();

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
    /// Whether it writes a matrix of its own, which may go past the caches.
    pub(crate) stores: bool,
}

impl Target {
    /// The bucket: bytes against this machine's caches, and aspect. Calls that several threads share may count on more of
    /// the third cache than one thread's.
    #[inline]
    pub(crate) fn bucket(self, together: bool) -> usize {
        self.size(together) * ASPECTS + raptors_profile::aspect_class((self.rows, self.cols))
    }

    /// Where the bytes stay: in the first, second or third cache, or in memory.
    #[inline]
    pub(crate) fn size(self, together: bool) -> usize {
        raptors_profile::size_class(cpu::limits(self.stores, together), self.bytes)
    }
}

/// A class of size in a word.
pub(crate) const fn size_name(size: usize) -> &'static str {
    ["l1", "l2", "l3", "memory"][size]
}

/// A bucket in words: `second-level cache, square`.
pub(crate) fn bucket_name(bucket: usize) -> String {
    const SIZE: [&str; SIZES] = ["first-level cache", "second-level cache", "third-level cache", "memory"];
    format!("{}, {}", SIZE[bucket / ASPECTS], aspect_name(bucket))
}

/// The aspect of a bucket in a word.
pub(crate) const fn aspect_name(bucket: usize) -> &'static str {
    ["wide", "square", "tall"][bucket % ASPECTS]
}

/// A target shape, as callers see it, and its kernel at each size.
pub(crate) type Exact = ((usize, usize), [Place; SIZES]);

/// The place of a kernel among those of its signature and dtype.
pub(crate) type Place = u16;

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
    /// Threads that take part, this one included; 0 for this one alone, with no cut but such as lets the call be
    /// cancelled.
    pub threads: usize,
    /// Bytes, read and written, of a piece; a piece has at least one row, one cache line of columns or one leaf of a
    /// tree. 0 cuts the call into as few pieces as there are threads.
    pub chunk: usize,
}

impl Cut {
    /// On the thread that calls, as calls below the crossover are.
    pub(crate) const ALONE: Self = Self { threads: 0, chunk: PER_THREAD };

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
    pub(crate) tasks: &'static [Tasks; BUCKETS],
    /// By how much that won, by bucket, where a profile chose it.
    pub(crate) won: &'static [(usize, Won)],
}

/// Which kernel serves which call, and how it is cut: by the defaults of the specs, or by a profile.
#[derive(Clone, Copy)]
pub struct Choices {
    /// Kernels of target shapes.
    pub(crate) exact: &'static [Exact],
    /// The kernel of each bucket.
    pub(crate) buckets: [Place; BUCKETS],
    /// By how much a kernel won, where a profile chose it: of buckets by their number, then of target shapes, a number for
    /// each size.
    pub(crate) won: &'static [(usize, Won)],
    /// How the calls of each bucket are cut, whatever the number of threads.
    pub(crate) tasks: &'static [Tasks; BUCKETS],
    /// And where a profile says it for a number of threads, fewest first.
    pub(crate) threads: &'static [Cuts],
}

impl Choices {
    /// How the calls of a bucket are cut: by what was found with as many threads as there are, or with the most that
    /// are fewer.
    #[inline]
    fn tasks(&self, bucket: usize) -> Tasks {
        self.cuts().map_or(self.tasks[bucket], |cuts| cuts.tasks[bucket])
    }

    #[inline]
    fn cuts(&self) -> Option<&Cuts> {
        if self.threads.is_empty() {
            return None;
        }
        let count = threads::num_threads_of_late();
        self.threads.iter().rev().find(|cuts| cuts.threads <= count)
    }
}

/// What a number of a row is found under.
fn won(of: &[(usize, Won)], number: usize) -> Option<Won> {
    of.iter().find(|(at, _)| *at == number).map(|(_, won)| *won)
}

/// The rows of a table on one ISA. Where its own kernels do not pay, they name those of a plainer one.
pub struct IsaRows {
    /// By the defaults.
    pub(crate) default: &'static Choices,
    /// By the defaults of processors on which other kernels pay: their place in the ISA's list.
    pub(crate) on: &'static [(usize, &'static Choices)],
    /// By profiles of this build, of which it has rows: the profile's place in the list of them, and the rows.
    pub(crate) tuned: &'static [(usize, &'static Choices)],
    /// Those of them that hold on this machine, once somebody asked.
    pub(crate) chosen: OnceLock<&'static Choices>,
}

impl IsaRows {
    /// The defaults of this processor.
    pub(crate) fn usual(&self, isa: Isa) -> &'static Choices {
        if self.on.is_empty() {
            return self.default;
        }
        let listed = cpu::listed(isa);
        self.on.iter().find(|(on, _)| Some(*on) == listed).map_or(self.default, |(_, choices)| choices)
    }
}

/// Which kernels serve what is computed, of one dtype and in one way.
pub struct Table<S: Sig> {
    /// What is computed: `mul_m_s`, `add_rows`.
    #[cfg_attr(not(feature = "tunable"), expect(dead_code, reason = "nobody's profile is read"))]
    pub(crate) computation: &'static str,
    /// The dtype.
    #[cfg_attr(not(feature = "tunable"), expect(dead_code, reason = "nobody's profile is read"))]
    pub(crate) dtype: Dtype,
    /// What profiles add to the ISA: `-inplace`.
    pub(crate) kind: &'static str,
    /// The kernels of the signature and dtype.
    pub(crate) rows: &'static [Row<S>],
    /// Those that compete for rows of this table.
    pub(crate) all: &'static [Place],
    /// Of the class `numpy`: the table of the class `any`, and the most elements of a matrix that its routines can count.
    pub(crate) any: Option<(&'static Self, usize)>,
    /// In the order of [`Isa::ALL`]; `None` where the target or the ISA has no kernels.
    pub(crate) isas: [Option<IsaRows>; ISAS],
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
    /// How the call is cut; `None` if it is not.
    pub(crate) cut: Option<Cut>,
    /// Why that kernel.
    pub(crate) reason: Reason,
    /// What the table says of cutting.
    pub(crate) tasks: Tasks,
    /// The call.
    pub(crate) target: Target,
    /// Where it was found; `None` if it was asked for by name.
    found: Option<Found<S>>,
}

/// The rows in which a kernel was found.
struct Found<S: Sig> {
    rows: &'static [Row<S>],
    default: &'static Choices,
    choices: &'static Choices,
}

impl<S: Sig> Plan<S> {
    /// Whether several threads share the call.
    pub(crate) fn is_shared(&self) -> bool {
        self.cut.is_some_and(|cut| cut.threads > 1)
    }

    /// What the defaults have in the place of the kernel, and how they cut.
    pub(crate) fn default(&self) -> (&'static Row<S>, Tasks) {
        let Some(Found { rows, default, .. }) = self.found else { return (self.kernel.row(), self.tasks) };
        let together = self.is_shared();
        let bucket = self.target.bucket(together);
        let exact = match self.reason {
            Reason::Exact(rows, cols) => default.exact.iter().find(|(shape, _)| *shape == (rows, cols)),
            Reason::Bucket(_) | Reason::Name => None,
        };
        let place = exact.map_or(default.buckets[bucket], |(_, sizes)| sizes[self.target.size(together)]);
        (&rows[usize::from(place)], default.tasks[self.target.bucket(false)])
    }

    /// By how much the kernel won, if a profile chose it, and by how much the way in which the call is cut.
    pub(crate) fn won(&self) -> (Option<Won>, Option<Won>) {
        let Some(Found { choices, .. }) = self.found else { return (None, None) };
        let together = self.is_shared();
        let number = match self.reason {
            Reason::Exact(rows, cols) => {
                let at = choices.exact.iter().position(|(shape, _)| *shape == (rows, cols));
                BUCKETS + at.unwrap_or_default() * SIZES + self.target.size(together)
            }
            Reason::Bucket(_) | Reason::Name => self.target.bucket(together),
        };
        let cut = choices.cuts().and_then(|cuts| won(cuts.won, self.target.bucket(false)));
        (won(choices.won, number), cut)
    }
}

impl<S: Sig> Table<S> {
    /// Of the table of the class `numpy`: that of another class that its kernels serve, for calls on matrices of a shape.
    #[inline]
    pub(crate) fn of(&'static self, numerics: Numerics, (rows, cols): (usize, usize)) -> &'static Self {
        if HAS_BACKENDS
            && numerics == Numerics::Any
            && let Some((any, longest)) = self.any
            && rows.saturating_mul(cols) <= longest
        {
            return any;
        }
        self
    }

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
        for (at, isa_rows) in self.isas[..=isa as usize].iter().enumerate().rev() {
            let Some(isa_rows) = isa_rows else { continue };
            let choices = self.chosen(at);
            let tasks = choices.tasks(target.bucket(false));
            let cut = match cut {
                None => threads::cut(tasks, target.bytes),
                Some(Cut::ALONE) => threads::cut(Tasks { crossover: NEVER, ..tasks }, target.bytes),
                wish => wish,
            };
            let together = cut.is_some_and(|cut| cut.threads > 1);
            let bucket = target.bucket(together);
            // A target shape's kernel was chosen by calls that were not cut.
            let exact = choices.exact.iter().find(|(shape, _)| *shape == (target.rows, target.cols));
            let (place, reason) = match exact.filter(|_| target.contiguous && cut.is_none()) {
                Some(((rows, cols), sizes)) => (sizes[target.size(together)], Reason::Exact(*rows, *cols)),
                None => (choices.buckets[bucket], Reason::Bucket(bucket)),
            };
            if let Some(kernel) = Ready::new(&self.rows[usize::from(place)]) {
                let found = Some(Found { rows: self.rows, default: isa_rows.usual(Isa::ALL[at]), choices });
                return Plan { kernel, cut, reason, tasks, target, found };
            }
        }
        unreachable!("every operation has portable kernels, which run everywhere")
    }

    /// The rows of an ISA that hold on this machine. After the first call this is a load.
    #[inline]
    fn chosen(&'static self, isa: usize) -> &'static Choices {
        let rows = self.isas[isa].as_ref().expect("asked for where there are rows");
        rows.chosen.get().copied().unwrap_or_else(|| {
            // Found outside of any lock: a process may be forked meanwhile.
            let found = profile::choose(self, isa);
            rows.chosen.get_or_init(|| found)
        })
    }

    /// As profiles call it, on an ISA by its number: `mul_m_s.f32.avx2-inplace`.
    #[cfg(feature = "tune")]
    pub(crate) fn name(&self, isa: usize) -> String {
        self.named(isa, self.kind)
    }

    /// The same of the table of another kind.
    #[cfg(feature = "tunable")]
    pub(crate) fn named(&self, isa: usize, kind: &str) -> String {
        format!("{}.{}.{}{kind}", self.computation, self.dtype, Isa::ALL[isa].name())
    }

    /// The same of the rows that calls on that ISA follow: its own, or those of the next plainer one that has any.
    #[cfg(feature = "tune")]
    pub(crate) fn name_on(&self, isa: Isa) -> String {
        self.name(self.isas[..=isa as usize].iter().rposition(Option::is_some).unwrap_or_default())
    }

    /// The kernels that compete for its rows, with their places.
    pub(crate) fn kernels(&self) -> impl Iterator<Item = (Place, &'static Row<S>)> {
        let rows = self.rows;
        self.all.iter().map(move |&place| (place, &rows[usize::from(place)]))
    }

    #[cold]
    fn by_name(&'static self, name: &str, cut: Option<Cut>, target: Target) -> Result<Plan<S>, Error> {
        thread_local! {
            // The last one: the tournament calls one again and again, and a search would count as its time.
            static LAST: Cell<Place> = const { Cell::new(0) };
        }
        let last = self.rows.get(usize::from(LAST.get()));
        let row = if let Some(row) = last.filter(|row| row.name == name && self.all.contains(&LAST.get())) {
            row
        } else {
            let found = self.kernels().find(|(_, row)| row.name == name);
            let (place, row) = found.ok_or_else(|| Error::Unknown {
                kind: "kernel of this operation and dtype",
                name: name.to_owned(),
                known: self.kernels().map(|(_, row)| row.name).collect::<Vec<_>>().join(", "),
            })?;
            LAST.set(place);
            row
        };
        if let Some(why) = row.refused() {
            return Err(Error::Kernel { kernel: row.name, reason: why.to_owned() });
        }
        let kernel = Ready::new(row).ok_or_else(|| Error::Kernel {
            kernel: row.name,
            reason: format!("this machine has no {}", row.isa.name()),
        })?;
        // On this thread, unless the caller says otherwise; in pieces if somebody may cancel.
        let default = self.isas.iter().flatten().next().expect("portable kernels run everywhere").default;
        let tasks = Tasks { crossover: NEVER, ..default.tasks[target.bucket(false)] };
        let cut = cut.or_else(|| threads::cut(tasks, target.bytes));
        Ok(Plan { kernel, cut, reason: Reason::Name, tasks, target, found: None })
    }
}
