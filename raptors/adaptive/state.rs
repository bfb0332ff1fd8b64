//! What was learned, for people and programs.

use std::{fmt, time::Duration};

use super::{
    buckets::{self, Bucket, Kind},
    is_on,
    policy::{Policy, median},
};
use crate::{
    Dtype, Numerics,
    dispatch::table::{Cut, Target, aspect_name},
    knobs::in_units,
    runtime::threads,
};

/// A way to carry out a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// On the thread that calls.
    Alone,
    /// With other threads.
    Shared {
        /// Bytes of a piece; `None` for a piece for each thread.
        chunk: Option<usize>,
    },
}

/// `on one thread`, `shared, in pieces of 256 KiB`.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone => f.pad("on one thread"),
            Self::Shared { chunk: None } => f.pad("shared, a piece for each thread"),
            Self::Shared { chunk: Some(chunk) } => {
                f.pad(&format!("shared, in pieces of {}", in_units(*chunk)))
            }
        }
    }
}

/// What calls have learned that go together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The operation.
    pub op: &'static str,
    /// The type of its elements.
    pub dtype: Dtype,
    /// The numeric class of the kernels.
    pub numerics: Numerics,
    /// Whether a matrix is overwritten.
    pub inplace: bool,
    /// Threads that calls may use.
    pub threads: usize,
    /// The least bytes of these calls; the next size begins at twice as many.
    pub bytes: usize,
    /// The form of the matrix: `wide`, `square` or `tall`.
    pub aspect: &'static str,
    /// The way that calls go.
    pub way: Way,
    /// The way that calls go by the table.
    pub by_table: Way,
    /// Whether there are enough samples on each side. Before that calls follow the table.
    pub decided: bool,
    /// Calls that were measured.
    pub samples: u64,
    /// How often the way has changed.
    pub switches: u32,
    /// Every way.
    pub ways: Vec<Tried>,
}

/// What is known of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tried {
    /// Which.
    pub way: Way,
    /// Calls that were measured.
    pub samples: u64,
    /// What a call of the row's least bytes takes.
    pub time: Duration,
    /// The standard deviation of the logarithms of times: 0.1 is about a tenth.
    pub spread: f64,
    /// How much longer calls took than those of the way in force, in the median of the last rounds: 0.1 is a tenth longer.
    /// `None` of that way itself, and of one that has not been tried.
    pub slower: Option<f64>,
}

/// What calls like an explained one have decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapted {
    /// The way that they go.
    pub way: Way,
    /// Calls that were measured.
    pub samples: u64,
}

/// `adapted, 96 samples: on one thread`
impl fmt::Display for Adapted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "adapted, {} samples: {}", self.samples, self.way)
    }
}

/// `scale f32 on 2 threads, from 512 KiB, square: on one thread (by the table: shared, a piece for each thread), 96 samples`
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, dtype, threads, bytes, aspect, way, by_table, samples, .. } = self;
        write!(f, "{op} {dtype}")?;
        if self.inplace {
            f.write_str(" in place")?;
        }
        if self.numerics != Numerics::default() {
            write!(f, " {}", self.numerics)?;
        }
        write!(f, " on {threads} threads, from {}, {aspect}: {way}", in_units(*bytes))?;
        if way != by_table {
            write!(f, " (by the table: {by_table})")?;
        }
        write!(f, ", {samples} samples")?;
        if self.decided { Ok(()) } else { f.write_str(", not decided") }
    }
}

/// What was learned so far: a row for each operation, dtype, class, in place or not, number of threads, size and aspect of
/// which there were calls, in this order. It is there while calls do not adapt, too.
#[must_use]
pub fn state() -> Vec<Row> {
    let mut rows: Vec<Row> = buckets::all().filter_map(|(kind, bucket)| row(kind, bucket)).collect();
    rows.sort_by_key(|row| {
        (row.op, row.dtype, row.numerics, row.inplace, row.threads, row.bytes, row.aspect)
    });
    rows
}

fn row(kind: &Kind, bucket: &Bucket) -> Option<Row> {
    let policy = bucket.learned(Policy::clone)?;
    let ways: Vec<Tried> = (bucket.ways.iter().zip(policy.tried()))
        .map(|(way, tried)| Tried {
            way: *way,
            samples: tried.samples,
            time: Duration::from_secs_f64(tried.typical() / 1e9),
            spread: tried.spread(),
            slower: (!tried.rounds().is_empty()).then(|| median(tried.rounds()).exp_m1()),
        })
        .collect();
    let samples = ways.iter().map(|tried| tried.samples).sum();
    let (numerics, inplace) = class_of(kind);
    (samples > 0).then(|| Row {
        op: kind.op.name,
        dtype: kind.dtype,
        numerics,
        inplace,
        threads: kind.threads,
        bytes: bucket.least,
        aspect: aspect_name(bucket.row),
        way: bucket.ways[policy.force()],
        by_table: bucket.ways[bucket.first],
        decided: policy.is_decided(),
        samples,
        switches: policy.switches(),
        ways,
    })
}

/// The class of a table's kernels, and whether they overwrite a matrix.
const fn class_of(kind: &Kind) -> (Numerics, bool) {
    match kind.of {
        raptors_profile::Kind::Plain => (Numerics::Numpy, false),
        raptors_profile::Kind::InPlace => (Numerics::Numpy, true),
        raptors_profile::Kind::Accurate => (Numerics::Accurate, false),
        raptors_profile::Kind::Any => (Numerics::Any, false),
        raptors_profile::Kind::AnyInPlace => (Numerics::Any, true),
    }
}

/// What calls of an operation have decided, and how they are cut if that is not what the table says. `None` while calls do
/// not adapt, and of those that have decided nothing.
pub(crate) fn of_call(
    op: &str,
    dtype: Dtype,
    (numerics, inplace): (Numerics, bool),
    target: Target,
) -> Option<(Adapted, Option<Cut>)> {
    if !is_on() {
        return None;
    }
    let threads = threads::num_threads_of_late();
    let is_like = |kind: &Kind| {
        (kind.op.name, kind.dtype, kind.threads, class_of(kind).1) == (op, dtype, threads, inplace)
    };
    let of = |class| buckets::find(|kind| is_like(kind) && class_of(kind).0 == class, target);
    // The class `any` may have no table of its own; and a single column is reduced by the kernels of the other class.
    let usual = || if numerics == Numerics::Any { of(Numerics::Numpy) } else { None };
    let (kind, bucket) = of(numerics).or_else(usual).or_else(|| buckets::find(is_like, target))?;
    let row = row(kind, bucket).filter(|row| row.decided)?;
    let force = bucket.ways.iter().position(|way| *way == row.way)?;
    let cut = bucket.cut(force, target.bytes).filter(|_| force != bucket.first);
    Some((Adapted { way: row.way, samples: row.samples }, cut))
}
