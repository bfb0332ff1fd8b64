//! The counters of one kind of call.
//!
//! The times are counted in the buckets of an `hdrhistogram` of one significant digit, so that a snapshot is one of
//! those without loss. That crate's recorder for several threads is not used: with it a snapshot waits until every thread
//! has recorded again.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use hdrhistogram::Histogram;

use crate::dispatch::table::Target;

/// Bits of a time that its bucket tells: sixteen buckets between a power of two and the next.
const BITS: u32 = 4;
/// The longest time that is told from longer ones: some eighteen minutes, in nanoseconds.
const LONGEST: u64 = (1 << 40) - 1;
const BUCKETS: usize = bucket(LONGEST) + 1;

/// The bucket of a time in nanoseconds.
#[expect(clippy::cast_possible_truncation, reason = "what is left of the time has five bits")]
const fn bucket(time: u64) -> usize {
    // Times of up to 32 have buckets of their own.
    let shift = (time | 1 << BITS).ilog2() - BITS;
    ((shift as usize) << BITS) + (time >> shift) as usize
}

/// The shortest time of a bucket.
const fn shortest(bucket: usize) -> u64 {
    let shift = (bucket >> BITS).saturating_sub(1);
    ((bucket - (shift << BITS)) as u64) << shift
}

/// The sums and the times of one kind of call.
pub(super) struct Counters {
    elements: AtomicU64,
    bytes: AtomicU64,
    /// Of all calls together, in nanoseconds.
    time: AtomicU64,
    /// The calls of each bucket.
    times: [AtomicU64; BUCKETS],
}

impl Counters {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { elements: zero(), bytes: zero(), time: zero(), times: array::from_fn(|_| zero()) }
    }

    /// Counts a call that took so many nanoseconds.
    pub(super) fn add(&self, target: Target, time: u64) {
        self.times[bucket(time.min(LONGEST))].fetch_add(1, Relaxed);
        self.elements.fetch_add((target.rows * target.cols) as u64, Relaxed);
        self.bytes.fetch_add(target.bytes as u64, Relaxed);
        self.time.fetch_add(time, Relaxed);
    }

    pub(super) fn reset(&self) {
        for number in [&self.elements, &self.bytes, &self.time].into_iter().chain(&self.times) {
            number.store(0, Relaxed);
        }
    }

    /// Elements, bytes, and nanoseconds together.
    pub(super) fn sums(&self) -> [u64; 3] {
        [&self.elements, &self.bytes, &self.time].map(|sum| sum.load(Relaxed))
    }

    pub(super) fn times(&self) -> Histogram<u64> {
        let mut times = empty();
        // No calls are left out: a histogram would note the time of none as its longest.
        let of_buckets = self.times.iter().map(|calls| calls.load(Relaxed)).enumerate();
        for (bucket, calls) in of_buckets.filter(|(_, calls)| *calls > 0) {
            times.saturating_record_n(shortest(bucket), calls);
        }
        times
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 1).expect("bounds that a histogram can have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_are_those_of_the_histogram() {
        let histogram = empty();
        let same = |time: u64| {
            let bucket = bucket(time);
            assert_eq!(shortest(bucket), histogram.lowest_equivalent(time), "{time}");
            assert!(bucket < BUCKETS && (bucket == 0 || shortest(bucket - 1) < shortest(bucket)), "{time}");
        };
        (0..5000).for_each(same);
        for power in 12..40 {
            for offset in [0, 1, 12_345 % (1 << power), (1 << power) - 1] {
                same((1 << power) + offset);
            }
        }
        assert_eq!(shortest(BUCKETS - 1), histogram.lowest_equivalent(LONGEST));
    }

    #[test]
    fn a_snapshot_of_the_times_is_what_the_histogram_would_have_recorded() {
        let (counters, mut expected) = (Counters::new(), empty());
        let target = Target { rows: 2, cols: 3, bytes: 48, contiguous: true, stores: true };
        let times = (0..1000_u64).map(|n| n * n * n * n + n);
        for time in times.clone() {
            counters.add(target, time);
            // Beside its buckets it notes the longest time as it was.
            expected.saturating_record(expected.lowest_equivalent(time));
        }
        assert_eq!(counters.times(), expected);
        assert_eq!(counters.sums(), [6000, 48_000, times.sum()]);
        counters.reset();
        assert_eq!((counters.times().len(), counters.sums()), (0, [0; 3]));
    }
}
