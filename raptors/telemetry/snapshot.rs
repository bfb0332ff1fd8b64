//! What was counted, for people and programs.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{Relaxed, SIZES, Telemetry};
use crate::{Dtype, Isa, catalogue, dispatch::table::size_name};

/// What a process counted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The calls of each kind of which there were any: by operation, in the order of the catalogue, then by the fields of
    /// [`Kind`].
    pub rows: Vec<Row>,
    /// The pool of memory for results of calls.
    pub pool: Pool,
    /// The threads that help with calls.
    pub helpers: Helpers,
    /// The last calls, 256 at most, in the order in which they ended. One may be missing whose thread was interrupted
    /// while it was noted.
    pub events: Vec<Event>,
}

/// What calls have in common that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Kind {
    /// The operation's name.
    pub op: &'static str,
    /// The type of its elements.
    pub dtype: Dtype,
    /// Where the bytes of a call stay on this machine: `l1`, `l2`, `l3` or `memory`.
    pub size: &'static str,
    /// The instruction set of the kernel.
    pub isa: Isa,
    /// Whether the call was cut for more than one thread.
    pub parallel: bool,
}

/// The calls of a kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// What they have in common.
    pub kind: Kind,
    /// How many.
    pub calls: u64,
    /// Elements of the first matrix, of all calls together.
    pub elements: u64,
    /// Bytes that are read and written, of all calls together.
    pub bytes: u64,
    /// The time of all calls together.
    pub time: Duration,
    times: Histogram<u64>,
}

impl Row {
    /// The time that such a share of the calls (from 0 to 1) took at most: 0.5 asks for the median, 1 for the longest. It is
    /// the upper end of a bucket, so that it is up to a sixteenth too long; above eighteen minutes all times are one.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.times.value_at_quantile(share))
    }

    /// The calls that took at most so long, as far as buckets tell: exact for a nanosecond less than a power of two.
    #[must_use]
    pub fn calls_within(&self, time: Duration) -> u64 {
        self.times.count_between(0, super::nanoseconds(time))
    }
}

/// The pool of memory for results, which every new matrix of 64 KiB or more asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    /// How often it had memory.
    pub hits: u64,
    /// How often the system was asked instead.
    pub misses: u64,
}

/// The threads that help with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Helpers {
    /// Calls that were done on the thread that called, and waited for helpers to end their pieces. A reduction in stages
    /// may wait more than once.
    pub waits: u64,
    /// How long, together.
    pub time: Duration,
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What it was.
    pub kind: Kind,
    /// Rows and columns of its first matrix.
    pub shape: (usize, usize),
    /// Bytes that it read and wrote.
    pub bytes: usize,
    /// When it began, counted from when this process first counted anything.
    pub start: Duration,
    /// How long it took.
    pub time: Duration,
}

#[cfg(feature = "tracing")]
impl Event {
    /// Hands it to whoever subscribed.
    pub(super) fn trace(&self) {
        let Self {
            kind: Kind { op, dtype, size, isa, parallel },
            shape: (rows, columns),
            bytes,
            start,
            time,
        } = *self;
        let (dtype, isa) = (dtype.name(), isa.name());
        tracing::trace!(
            target: "raptors::call",
            op, dtype, size, isa, parallel, rows, columns, bytes, ?start, ?time
        );
    }
}

impl Kind {
    /// How many there are.
    pub(super) fn count() -> usize {
        catalogue::ops().len() * Dtype::ALL.len() * SIZES * Isa::ALL.len() * 2
    }

    /// Its number among them. `op` is the operation's place in the catalogue.
    pub(super) fn number(op: usize, dtype: Dtype, size: usize, isa: Isa, parallel: bool) -> usize {
        let dtypes = op * Dtype::ALL.len() + dtype as usize;
        ((dtypes * SIZES + size) * Isa::ALL.len() + isa as usize) * 2 + usize::from(parallel)
    }

    /// That of a number.
    fn of(number: usize) -> Self {
        let (number, parallel) = (number / 2, number % 2 == 1);
        let (number, isa) = (number / Isa::ALL.len(), Isa::ALL[number % Isa::ALL.len()]);
        let (number, size) = (number / SIZES, size_name(number % SIZES));
        let (op, dtype) = (number / Dtype::ALL.len(), Dtype::ALL[number % Dtype::ALL.len()]);
        Self { op: catalogue::ops()[op].name, dtype, size, isa, parallel }
    }
}

pub(super) fn of(telemetry: &Telemetry) -> Snapshot {
    let rows = telemetry.kinds.iter().enumerate().filter_map(|(number, counters)| {
        let counters = counters.get()?;
        let times = counters.times();
        let [elements, bytes, time] = counters.sums();
        let (kind, time) = (Kind::of(number), Duration::from_nanos(time));
        (!times.is_empty()).then(|| Row { kind, calls: times.len(), elements, bytes, time, times })
    });
    let [hits, misses, waits, waited] =
        [&telemetry.pool_hits, &telemetry.pool_misses, &telemetry.waits, &telemetry.waited]
            .map(|number| number.load(Relaxed));
    Snapshot {
        rows: rows.collect(),
        pool: Pool { hits, misses },
        helpers: Helpers { waits, time: Duration::from_nanos(waited) },
        events: telemetry.ring.read().into_iter().map(event).collect(),
    }
}

pub(super) fn event([kind, rows, cols, bytes, start, time]: [u64; 6]) -> Event {
    #[expect(clippy::cast_possible_truncation, reason = "they were numbers of this type")]
    let [kind, rows, cols, bytes] = [kind, rows, cols, bytes].map(|word| word as usize);
    let [start, time] = [start, time].map(Duration::from_nanos);
    Event { kind: Kind::of(kind), shape: (rows, cols), bytes, start, time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_number_of_its_own() {
        let mut number = 0;
        for (at, op) in catalogue::ops().iter().enumerate() {
            for dtype in Dtype::ALL {
                for size in 0..SIZES {
                    for isa in Isa::ALL {
                        for parallel in [false, true] {
                            assert_eq!(Kind::number(at, dtype, size, isa, parallel), number);
                            let kind = Kind { op: op.name, dtype, size: size_name(size), isa, parallel };
                            assert_eq!(Kind::of(number), kind);
                            number += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(number, Kind::count());
    }
}
