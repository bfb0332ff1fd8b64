//! Interleaved timing, and what may be concluded from it.
//!
//! The clock of a machine drifts by far more than the differences of interest, so a time stands only beside the times
//! taken next to it: in each round everyone runs once, in random order, and ratios are formed within the round.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::buffers::XorShift;

/// Repetitions fill at least this much time in seconds, far above the clock's grain.
const SAMPLE: f64 = 1e-3;
/// Calls before the clock starts: at least one, which brings the caches into the state that the runner itself leaves
/// them in, and for at least this long, in which the threads of the runner before it go to sleep and its own wake up.
const WARM_UP: Duration = Duration::from_micros(500);
/// Samples of each way in the heat that chooses among the ways of one peer.
const HEAT: usize = 15;
/// A case that would take longer than this has fewer rounds,
const CASE: Duration = Duration::from_secs(4);
/// but not fewer than these, unless fewer were asked for.
const FEWEST: usize = 31;

/// One way to do a case, on what all runners of the case share.
pub(crate) type Runner<'a, C> = Box<dyn Fn(&mut C) + 'a>;

/// A median and its 95 % interval.
#[derive(Clone, Copy)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

/// What a race found: for each runner the seconds of one call, in each round.
pub(crate) struct Times(Vec<Vec<f64>>);

impl Times {
    /// The median time of a runner in seconds.
    pub(crate) fn seconds(&self, runner: usize) -> f64 {
        median(self.0[runner].clone()).median
    }

    /// The time of one runner over that of another: above one, the other is faster.
    pub(crate) fn ratio(&self, runner: usize, other: usize) -> Interval {
        median(self.0[runner].iter().zip(&self.0[other]).map(|(a, b)| a / b).collect())
    }
}

pub(crate) struct Timer {
    random: XorShift,
    rounds: usize,
    /// Runs everyone once, for a test of this program rather than of the machine.
    quick: bool,
}

impl Timer {
    pub(crate) fn new(rounds: usize, quick: bool) -> Self {
        Self { random: XorShift::new(), rounds, quick }
    }

    /// All rounds of one case.
    pub(crate) fn race<C>(&mut self, runners: &[&Runner<'_, C>], context: &mut C) -> Times {
        self.rounds(runners, self.rounds, context)
    }

    /// The fastest of several runners, by a heat of its own: a race starts afresh, so that the luck of the winner does
    /// not count.
    pub(crate) fn fastest<C>(&mut self, runners: &[&Runner<'_, C>], context: &mut C) -> usize {
        if runners.len() < 2 {
            return 0;
        }
        let times = self.rounds(runners, HEAT, context);
        let seconds = |&runner: &usize| times.seconds(runner);
        (0..runners.len()).min_by(|a, b| seconds(a).total_cmp(&seconds(b))).unwrap_or(0)
    }

    fn rounds<C>(&mut self, runners: &[&Runner<'_, C>], rounds: usize, context: &mut C) -> Times {
        let repetitions: Vec<u32> = runners.iter().map(|run| self.repetitions(run, context)).collect();
        let rounds = if self.quick { 1 } else { rounds };
        let mut times = vec![Vec::with_capacity(rounds); runners.len()];
        let mut order: Vec<usize> = (0..runners.len()).collect();
        let start = Instant::now();
        for round in 0..rounds {
            if round >= FEWEST && start.elapsed() > CASE {
                break;
            }
            self.random.shuffle(&mut order);
            for &runner in &order {
                times[runner].push(self.sample(runners[runner], repetitions[runner], context));
            }
        }
        Times(times)
    }

    /// How often `run` is to be repeated to fill a sample.
    fn repetitions<C>(&self, run: &Runner<'_, C>, context: &mut C) -> u32 {
        let mut repetitions = 1;
        while !self.quick && self.sample(run, repetitions, context) * f64::from(repetitions) < SAMPLE {
            repetitions *= 2;
        }
        repetitions
    }

    /// The seconds of one call, averaged over `repetitions`.
    fn sample<C>(&self, run: &Runner<'_, C>, repetitions: u32, context: &mut C) -> f64 {
        let start = Instant::now();
        loop {
            run(black_box(&mut *context));
            if self.quick || start.elapsed() >= WARM_UP {
                break;
            }
        }
        let start = Instant::now();
        for _ in 0..repetitions {
            run(black_box(&mut *context));
        }
        start.elapsed().as_secs_f64() / f64::from(repetitions)
    }
}

/// The median, with the interval between two order statistics that holds it with a probability of 95 % whatever the
/// distribution: ranks n/2 ± 0.98·√n.
fn median(mut values: Vec<f64>) -> Interval {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    let reach = (0..last).find(|reach| reach * reach * 10_000 >= values.len() * 9_604).unwrap_or(last);
    Interval {
        low: values[(last / 2).saturating_sub(reach)],
        median: f64::midpoint(values[last / 2], values[last.div_ceil(2)]),
        high: values[(last.div_ceil(2) + reach).min(last)],
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a case, to be printed in three digits")]
pub(crate) fn to_f64(number: usize) -> f64 {
    number as f64
}
