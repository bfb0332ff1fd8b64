//! The limit of this machine: loops that only read, or only copy, as many bytes as a call touches.
//!
//! Which loop is fastest depends on the machine and on the size, so there are several and the best one counts. Each
//! thread has a part of the bytes to itself and goes over it again and again; nobody waits for anybody within a pass,
//! so that no call, which has to begin and to end, comes to the limit quite.

use std::{
    hint::black_box,
    sync::Barrier,
    time::{Duration, Instant},
};

use pyo3::{exceptions::PyValueError, prelude::*};
use raptors::{Error, Matrix};

use crate::error;

/// Times that each loop is run; the best counts.
const ROUNDS: usize = 9;

/// Bytes that a thread touches in a round at least: a millisecond or so, many times what it takes to start together.
const ROUND: usize = 32 << 20;

/// A thread's part: what is read, and what is written unless that is nothing.
struct Part {
    from: Matrix<f64>,
    to: Option<Matrix<f64>>,
}

/// Seconds that the best loop takes which reads that many bytes, or which reads and writes as many in all, on so many
/// threads. Operations that write next to nothing are held against loops that only read.
#[pyfunction]
#[pyo3(name = "_limit")]
pub(crate) fn limit(py: Python<'_>, read: usize, written: usize, threads: usize) -> PyResult<f64> {
    if threads == 0 {
        return Err(PyValueError::new_err("no threads"));
    }
    let copies = written >= read / 4;
    // The same bytes: half of them are read and half written.
    let bytes = (read + written) / if copies { 2 } else { 1 };
    let len = bytes.div_ceil(size_of::<f64>() * threads).max(1);
    let time = py.detach(|| {
        let parts = (0..threads).map(|_| Part::new(len, copies)).collect::<Result<Vec<_>, _>>()?;
        Ok(best(parts))
    });
    time.map(|time: Duration| time.as_secs_f64()).map_err(|refused: Error| error::raised(&refused))
}

impl Part {
    fn new(len: usize, copies: bool) -> Result<Self, Error> {
        let matrix = || Matrix::from_fn(1, len, |_, _| 1.0);
        Ok(Self { from: matrix()?, to: if copies { Some(matrix()?) } else { None } })
    }

    /// The time of one pass of each loop, each of several rounds.
    fn times(&mut self, together: &Barrier) -> Vec<Duration> {
        let bytes = size_of_val(self.from.as_slice());
        let passes = u32::try_from(ROUND.div_ceil(bytes)).unwrap_or(u32::MAX);
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            for pass in if self.to.is_some() { &COPIES[..] } else { &READS[..] } {
                together.wait();
                let start = Instant::now();
                for _ in 0..passes {
                    pass(self);
                }
                times.push(start.elapsed() / passes);
            }
        }
        times
    }
}

/// The time of the best loop: a round has taken as long as its slowest thread.
fn best(mut parts: Vec<Part>) -> Duration {
    let together = Barrier::new(parts.len());
    let times: Vec<Vec<Duration>> = std::thread::scope(|scope| {
        let threads: Vec<_> = parts.iter_mut().map(|part| scope.spawn(|| part.times(&together))).collect();
        threads.into_iter().map(|thread| thread.join().expect("loops do not panic")).collect()
    });
    let rounds = times.iter().map(Vec::len).min().unwrap_or_default();
    let slowest = |round: usize| times.iter().map(|times| times[round]).max().unwrap_or_default();
    (0..rounds).map(slowest).min().unwrap_or_default()
}

type Pass = fn(&mut Part);

const READS: [Pass; 2] = [|part| read::<1>(part.from.as_slice()), |part| read::<4>(part.from.as_slice())];

const COPIES: [Pass; 3] = [
    |part| with(part, |from, to| to.copy_from_slice(from)),
    |part| with(part, change),
    |part| with(part, past_caches),
];

fn with(part: &mut Part, copy: impl Fn(&[f64], &mut [f64])) {
    if let Some(to) = &mut part.to {
        copy(black_box(part.from.as_slice()), to.as_mut_slice());
        black_box(to.as_mut_slice());
    }
}

/// Reads from as many places at once.
fn read<const PLACES: usize>(from: &[f64]) {
    let from = black_box(from);
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature is there.
        black_box(unsafe { read_avx2::<PLACES>(from) });
        return;
    }
    black_box(read_any::<PLACES>(from));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn read_avx2<const PLACES: usize>(from: &[f64]) -> u64 {
    read_any::<PLACES>(from)
}

/// Thirty-two numbers a step: enough that no load waits for what is done with the last one.
#[inline(always)]
fn read_any<const PLACES: usize>(from: &[f64]) -> u64 {
    const STEP: usize = 32;
    let apart = from.len() / PLACES / STEP * STEP;
    let mut all = [0_u64; STEP];
    let places: [&[f64]; PLACES] = std::array::from_fn(|place| &from[place * apart..][..apart]);
    for step in 0..apart / STEP {
        for place in places {
            for (all, number) in all.iter_mut().zip(&place[step * STEP..][..STEP]) {
                *all ^= number.to_bits();
            }
        }
    }
    let rest = from[PLACES * apart..].iter().fold(0, |all, number| all ^ number.to_bits());
    all.iter().fold(rest, |all, word| all ^ word)
}

/// Copies with a change that changes nothing, which the compiler cannot know: so it is no call of `memcpy`.
fn change(from: &[f64], to: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature is there.
        return unsafe { change_avx2(from, to, black_box(0)) };
    }
    change_any(from, to, black_box(0));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn change_avx2(from: &[f64], to: &mut [f64], by: u64) {
    change_any(from, to, by);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for the instruction set of its caller")]
fn change_any(from: &[f64], to: &mut [f64], by: u64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = f64::from_bits(from.to_bits() ^ by);
    }
}

/// Copies with stores that go past the caches, where there are such.
fn past_caches(from: &[f64], to: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if to.as_ptr().addr().is_multiple_of(16) {
        // SAFETY: SSE2 belongs to x86-64; the address was looked at.
        return unsafe { past_caches_sse2(from, to) };
    }
    to.copy_from_slice(from);
}

/// # Safety
/// `to` starts at a multiple of 16 bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
unsafe fn past_caches_sse2(from: &[f64], to: &mut [f64]) {
    use std::arch::x86_64::{_mm_loadu_pd, _mm_sfence, _mm_stream_pd};
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<2>(), to.as_chunks_mut::<2>());
    for (from, to) in from.iter().zip(to) {
        // SAFETY: both are two numbers, and `to`, so many pairs behind its start, is aligned as that is.
        unsafe { _mm_stream_pd(to.as_mut_ptr(), _mm_loadu_pd(from.as_ptr())) };
    }
    _mm_sfence();
    to_rest.copy_from_slice(from_rest);
}
