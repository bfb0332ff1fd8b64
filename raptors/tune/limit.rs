//! What memory gives: loops that move as many bytes as a case and compute next to nothing.
//!
//! They are plain Rust, which beyond the second cache is as fast as any: there the bytes are waited for. In the nearer
//! caches they are no limit, and nothing is said of cases there.

use std::{collections::HashMap, hint::black_box, time::Instant};

use super::{
    case::{Case, matrices},
    statistics::{Interval, to_f64},
};

/// The rates that were measured, by bytes, in steps of an eighth, and by matrices read and written.
#[derive(Debug, Default)]
pub(super) struct Limits(HashMap<(usize, usize, usize), Option<f64>>);

/// How often a loop runs.
const TIMES: usize = 7;

impl Limits {
    /// Seconds of a loop that moves the bytes of a case, if it is known how fast that can be, or can be found out by then.
    pub(super) fn seconds(&mut self, case: &Case, until: Instant) -> Option<f64> {
        let bytes = case.bytes();
        if bytes <= crate::caches().l2 {
            return None;
        }
        let (reads, writes) = matrices(case.op);
        // Rounding shapes makes no difference of speed.
        let step = 1 << bytes.ilog2().saturating_sub(3);
        let rate = self.0.entry((bytes / step * step, reads, writes));
        let rate = *rate.or_insert_with(|| rate_of(bytes, reads, writes, until));
        Some(to_f64(bytes) / rate?)
    }
}

/// Bytes a second of the loop for so many matrices that are read and written. Where they are in memory, of so many that
/// none of them is left in the last cache.
fn rate_of(bytes: usize, reads: usize, writes: usize, until: Instant) -> Option<f64> {
    if Instant::now() > until {
        return None;
    }
    let last = crate::caches().l3;
    let bytes = if bytes > last { bytes.max(2 * last) } else { bytes };
    let words = bytes / (reads + writes) / size_of::<u64>();
    let x = vec![1_u64; words];
    let y = if reads > 1 { vec![2_u64; words] } else { Vec::new() };
    let mut out = if writes > 0 { vec![3_u64; words] } else { Vec::new() };
    let mut run: Box<dyn FnMut()> = match (reads, writes) {
        (1, 0) => Box::new(|| {
            black_box(read(black_box(&x)));
        }),
        (1, 1) => Box::new(|| black_box(&mut out).copy_from_slice(black_box(&x))),
        (2, 1) => Box::new(|| merge(black_box(&x), black_box(&y), black_box(&mut out))),
        _ => return None,
    };
    let mut time = || {
        let start = Instant::now();
        (start <= until).then(|| {
            run();
            start.elapsed().as_secs_f64()
        })
    };
    // The first brings the memory where the others find it.
    time()?;
    let times: Vec<f64> = (0..TIMES).map(|_| time()).collect::<Option<_>>()?;
    Some(to_f64(words * (reads + writes) * size_of::<u64>()) / Interval::of(&times)?.centre)
}

fn read(words: &[u64]) -> u64 {
    let (steps, tail) = words.as_chunks::<16>();
    let mut sums = [0; 16];
    for step in steps {
        for (sum, word) in sums.iter_mut().zip(step) {
            *sum ^= word;
        }
    }
    sums.iter().chain(tail).fold(0, |all, word| all ^ word)
}

fn merge(x: &[u64], y: &[u64], out: &mut [u64]) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = x ^ y;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{merge, rate_of, read};

    #[test]
    fn loops_touch_every_word() {
        for len in [0, 1, 15, 16, 100] {
            let words: Vec<u64> = (0..len).map(|at| 1 << (at % 64)).collect();
            assert_eq!(read(&words), words.iter().fold(0, |all, word| all ^ word));
            let mut out = vec![0; words.len()];
            merge(&words, &vec![0; words.len()], &mut out);
            assert_eq!(out, words);
        }
    }

    #[test]
    fn what_no_loop_is_like_has_no_limit() {
        let now = Instant::now();
        for (reads, writes, known) in [(1, 0, true), (1, 1, true), (2, 1, true), (3, 1, false)] {
            let rate = |until| rate_of(1 << 12, reads, writes, until).is_some();
            assert_eq!(rate(now + Duration::from_hours(1)), known);
            assert!(!rate(now), "the time is over");
        }
    }
}
