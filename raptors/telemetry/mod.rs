//! What the calls of this process were: how many, of what, how long they took, and which came last.
//!
//! Off by default, and then a call asks by one relaxed load whether anybody watches calls (`watch.rs`). `RAPTORS_TELEMETRY=1` has calls counted from the
//! start, [`set`] from now on:
//!
//! ```
//! # #[cfg(feature = "arithmetic")]
//! # fn main() -> Result<(), raptors::Error> {
//! use raptors::{Matrix, ops, telemetry};
//!
//! telemetry::set(true);
//! let x = Matrix::from_fn(4, 4, |row, column| (row + column) as f32)?;
//! ops::scale(&x, 2.0)?;
//! let snapshot = telemetry::snapshot();
//! let row = &snapshot.rows[0];
//! assert_eq!((row.kind.op, row.calls, row.elements, row.bytes), ("scale", 1, 16, 128));
//! println!("half of the calls took {:?} or less", row.quantile(0.5));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "arithmetic"))]
//! # fn main() {}
//! ```
//!
//! A call is counted when it has ended, by atomic additions alone: no lock is taken, and nothing but the call is done between
//! the two looks at the clock. Counts are exact, however many threads call. A forked child begins with counts of its own at 0.
//!
//! The time of a call begins when its arguments have been checked and ends with its result: memory for a new output and what
//! Python adds are no part of it. A call that is refused for its arguments is not counted; one that was cancelled is.
//! The reductions in stages (`var`, `nanmean`) are one call each, whatever kernels they run.
//!
//! With the feature `tracing`, each call that is counted is then an event of the crate `tracing` too, at the level `TRACE`
//! with the target `raptors::call`, and the fields of [`Event`].

mod counters;
mod prometheus;
mod ring;
mod snapshot;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use self::{counters::Counters, ring::Ring};
pub use self::{
    prometheus::prometheus,
    snapshot::{Event, Helpers, Kind, Pool, Row, Snapshot},
};
use crate::{
    Dtype, catalogue,
    dispatch::{
        call::Sig,
        table::{Plan, SIZES, Target},
    },
    process::PerProcess,
    watch,
};

static TELEMETRY: PerProcess<Telemetry> = PerProcess::new(Telemetry::new);

/// Whether calls are counted.
#[inline]
#[must_use]
pub fn is_on() -> bool {
    watch::is_on() && watch::has(watch::COUNTED)
}

/// Has calls counted from now on, or no longer, those of all threads. What was counted stays, until [`reset`].
pub fn set(on: bool) {
    watch::set(watch::COUNTED, on);
}

/// What was counted so far. Calls that end meanwhile may be in some of its numbers and not in others.
#[must_use]
pub fn snapshot() -> Snapshot {
    snapshot::of(TELEMETRY.here())
}

/// Has everything begin at 0 again. Calls that end meanwhile may be counted or not.
pub fn reset() {
    TELEMETRY.here().reset();
}

/// What one process counts.
struct Telemetry {
    /// When this was made: what the times of events are counted from.
    since: Instant,
    /// The counters of each kind of call, once there was one.
    kinds: Box<[OnceLock<Box<Counters>>]>,
    ring: Ring,
    pool_hits: AtomicU64,
    pool_misses: AtomicU64,
    waits: AtomicU64,
    waited: AtomicU64,
}

impl Telemetry {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            kinds: (0..Kind::count()).map(|_| OnceLock::new()).collect(),
            ring: Ring::new(),
            pool_hits: AtomicU64::new(0),
            pool_misses: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        }
    }

    fn reset(&self) {
        self.kinds.iter().filter_map(OnceLock::get).for_each(|counters| counters.reset());
        self.ring.reset();
        for number in [&self.pool_hits, &self.pool_misses, &self.waits, &self.waited] {
            number.store(0, Relaxed);
        }
    }
}

/// Counts a call that has ended, and how long it took.
pub(crate) fn count<S: Sig>(
    op: &str,
    dtype: Dtype,
    plan: &Plan<S>,
    target: Target,
    (start, time): (Instant, Duration),
) {
    let Ok(op) = catalogue::ops().binary_search_by_key(&op, |op| op.name) else { return };
    let (parallel, telemetry) = (plan.is_shared(), TELEMETRY.here());
    let kind = Kind::number(op, dtype, target.size(parallel), plan.kernel.row().isa, parallel);
    let counters = telemetry.kinds[kind].get().unwrap_or_else(|| {
        let counters = Box::new(Counters::new());
        telemetry.kinds[kind].get_or_init(|| counters)
    });
    let [start, time] = [start.saturating_duration_since(telemetry.since), time].map(nanoseconds);
    counters.add(target, time);
    let [kind, rows, cols, bytes] = [kind, target.rows, target.cols, target.bytes].map(|n| n as u64);
    let words = [kind, rows, cols, bytes, start, time];
    telemetry.ring.push(words);
    #[cfg(feature = "tracing")]
    snapshot::event(words).trace();
}

/// Counts what came of asking the pool for memory.
pub(crate) fn pool(hit: bool) {
    if is_on() {
        let telemetry = TELEMETRY.here();
        if hit { &telemetry.pool_hits } else { &telemetry.pool_misses }.fetch_add(1, Relaxed);
    }
}

/// Counts that a call which was done itself waited for its helpers, and for how long.
pub(crate) fn waited(time: Duration) {
    if is_on() {
        let telemetry = TELEMETRY.here();
        telemetry.waits.fetch_add(1, Relaxed);
        telemetry.waited.fetch_add(nanoseconds(time), Relaxed);
    }
}

/// In nanoseconds, which suffice for 584 years.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
