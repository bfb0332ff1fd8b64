//! Interleaved timing, and what may be concluded from it.
//!
//! The clock of a machine drifts by far more than the differences of interest, so a time stands only beside the times
//! taken next to it: in each round everyone runs once, in random order, and ratios are formed within the round.

use std::{hint::black_box, time::Instant};

use raptors::Element;

use crate::{
    buffers::{Buffers, XorShift},
    contenders::{Contender, Field, PEERS, Run},
};

/// Repetitions fill at least this much time in seconds, far above the clock's grain.
const SAMPLE: f64 = 1e-3;
/// Samples of each way in the heat that chooses among the ways of one peer.
const HEAT: usize = 15;

/// A median and its 95 % interval.
#[derive(Clone, Copy)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

/// What a race found. The ratio is a peer's time over ours: above one, we are faster.
pub(crate) struct Outcome {
    /// Our median time in seconds.
    pub(crate) seconds: f64,
    /// The ratio of each peer and the name of the way it did the case; nothing for a peer that could not run.
    pub(crate) ratios: [Option<(Interval, &'static str)>; PEERS.len()],
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
    pub(crate) fn race<T: Element>(&mut self, field: &Field<T>, buffers: &mut Buffers<T>) -> Outcome {
        let chosen = field.peers.each_ref().map(|ways| self.fastest(ways, buffers));
        let mut runners = vec![field.ours];
        runners.extend(chosen.iter().flatten().map(|contender| contender.run));
        let mut times = self.rounds(&runners, self.rounds, buffers).into_iter();

        let ours = times.next().expect("ours comes first");
        let ratios = chosen.map(|contender| {
            let theirs = times.by_ref();
            contender.map(|contender| {
                let theirs = theirs.next().expect("one row of times for each");
                (
                    median(theirs.iter().zip(&ours).map(|(theirs, ours)| theirs / ours).collect()),
                    contender.name,
                )
            })
        });
        Outcome { seconds: median(ours).median, ratios }
    }

    /// The fastest way of one peer, by a heat of its own: the race itself starts afresh, so that the luck of the
    /// winner does not count.
    fn fastest<'a, T: Element>(
        &mut self,
        ways: &'a [Contender<T>],
        buffers: &mut Buffers<T>,
    ) -> Option<&'a Contender<T>> {
        if ways.len() < 2 {
            return ways.first();
        }
        let runners: Vec<Run<T>> = ways.iter().map(|way| way.run).collect();
        let times = self.rounds(&runners, HEAT, buffers);
        let medians = times.into_iter().map(|times| median(times).median);
        ways.iter().zip(medians).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(way, _)| way)
    }

    /// The seconds of one call, for each runner a row of as many as there are rounds.
    fn rounds<T: Element>(
        &mut self,
        runners: &[Run<T>],
        rounds: usize,
        buffers: &mut Buffers<T>,
    ) -> Vec<Vec<f64>> {
        let repetitions: Vec<u32> = runners.iter().map(|&run| self.repetitions(run, buffers)).collect();
        let mut times = vec![Vec::with_capacity(rounds); runners.len()];
        let mut order: Vec<usize> = (0..runners.len()).collect();
        for _ in 0..if self.quick { 1 } else { rounds } {
            self.random.shuffle(&mut order);
            for &runner in &order {
                times[runner].push(sample(runners[runner], repetitions[runner], buffers));
            }
        }
        times
    }

    /// How often `run` is to be repeated to fill a sample.
    fn repetitions<T: Element>(&self, run: Run<T>, buffers: &mut Buffers<T>) -> u32 {
        let mut repetitions = 1;
        while !self.quick && sample(run, repetitions, buffers) * f64::from(repetitions) < SAMPLE {
            repetitions *= 2;
        }
        repetitions
    }
}

/// The seconds of one call, averaged over `repetitions`. A call before the clock starts brings the caches into the
/// state that the contender itself leaves them in.
fn sample<T: Element>(run: Run<T>, repetitions: u32, buffers: &mut Buffers<T>) -> f64 {
    run(black_box(&mut *buffers));
    let start = Instant::now();
    for _ in 0..repetitions {
        run(black_box(&mut *buffers));
    }
    start.elapsed().as_secs_f64() / f64::from(repetitions)
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
