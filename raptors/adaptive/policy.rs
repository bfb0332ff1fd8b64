//! Which way calls go, decided from what they took: pure arithmetic, without a clock and without kernels.
//!
//! There is a way in force. Another one challenges it in *rounds*: some calls go the one way and some the other, in turn,
//! so that what slows the machine down slows both. What counts is how the means of the two compare within a round, and of
//! several rounds the median. A mean, since a program waits for the sum of its calls: of a way that is fast in three calls
//! and slow in the fourth, a median tells the three. And a median of these, so that a round into which an interrupt fell
//! moves nothing.
//!
//! A challenger that is slower costs time, and that is paid from a budget, in nanoseconds: a small share of what all calls
//! take. The first few rounds are on credit, since nothing is known before.

use std::cmp::Ordering;

/// Calls that each side has in a round.
const PAIRS: usize = 4;
/// Rounds of a way that are kept: what is older is forgotten.
const KEPT: usize = 15;
/// Rounds without which nothing is decided: 12 samples a side.
const FEW: usize = 3;
/// Rounds from which on a small difference counts: 24 samples a side.
const ENOUGH: usize = 6;
/// How much faster a challenger has to be in most of many rounds, as a logarithm: 3 %.
const HURDLE: f64 = 0.03;
/// How much faster a few rounds have to show it.
const QUICK: f64 = 0.15;
/// And by how many standard errors many have to show it.
const SURE: f64 = 1.5;
/// From this ratio on a round ends early: there is nothing to find out.
const HOPELESS: f64 = 3.0;
/// Sharing is refined into pieces where it is not slower than this, as a logarithm.
const NEAR: f64 = 0.25;
/// The first few rounds are on credit where a way is not slower than this, as a logarithm.
const CREDIT: f64 = 0.7;
/// The share of the time that challengers may cost: with what measuring costs, it stays below a hundredth.
const SHARE: f64 = 1.0 / 150.0;
/// What is saved of it, at most, in calls.
const SAVED: f64 = 32.0;
/// What may be owed, in calls, where a challenger seems to cost nothing; and three times as much when something has happened.
const DEBT: f64 = 32.0;
/// A sample counts up to so many times what is usual: the rest is an interrupt.
const WORST: f64 = 3.0;
/// Samples of the way in force before anyone challenges it.
const WARM: u64 = 4;
/// Calls between rounds when all that can be decided soon is decided.
const PAUSE: u64 = 64;
/// How much of the time in force a new sample decides: as of late, and over a longer time.
const RECENT: f64 = 1.0 / 16.0;
const LONG: f64 = 1.0 / 128.0;
/// How far these are apart, as a logarithm, where something has happened.
const SURPRISE: f64 = 0.5;
/// How much of a variance a new sample decides.
const VARIANCE: f64 = 1.0 / 32.0;
/// Deviations count up to this, as a logarithm.
const FARTHEST: f64 = 1.0;
/// A switch makes the next one harder for about so many calls.
const CALM: f64 = 5000.0;
/// What it costs to measure a call, in nanoseconds.
const MEASURING: f64 = 400.0;
/// The share of the time of calls that it may cost.
const MEASURED: f64 = 0.0025;
/// Calls that are not measured between two that are, at most.
const UNSEEN: f64 = 255.0;

/// What is known of a way.
#[derive(Clone, Debug, Default)]
pub(super) struct Tried {
    /// Calls that were measured.
    pub(super) samples: u64,
    /// How much longer its calls took than those in force, in the last rounds, as logarithms: the oldest first.
    rounds: Vec<f64>,
    /// What a call took in the last two rounds, in nanoseconds.
    times: [f64; 2],
    /// Of the logarithms of its times: their mean and variance, older ones counting for less and less.
    log_mean: f64,
    log_variance: f64,
    /// The call at which its last round ended.
    last: u64,
    /// Whether it has won by a little, and has to win once more.
    nominated: bool,
    /// Rounds that it may have without a pause, since something has happened.
    stale: usize,
}

impl Tried {
    fn note(&mut self, time: f64) {
        self.samples += 1;
        let (log, share) = (time.ln(), self.share().max(VARIANCE));
        if self.samples == 1 {
            self.log_mean = log;
        }
        let away = (log - self.log_mean).clamp(-FARTHEST, FARTHEST);
        self.log_mean += share * away;
        self.log_variance += share * (away * away - self.log_variance);
    }

    /// The share of the last sample among all.
    #[expect(clippy::cast_precision_loss, reason = "of few samples it matters, and of many it is small")]
    const fn share(&self) -> f64 {
        1.0 / self.samples as f64
    }

    /// Something has happened: of what was known, the last few rounds are left, and a few more are wanted.
    fn doubt(&mut self) {
        self.rounds.drain(..self.rounds.len().saturating_sub(FEW));
        self.stale = FEW;
    }

    /// What a call takes, in nanoseconds.
    pub(super) fn typical(&self) -> f64 {
        if self.samples == 0 { 0.0 } else { self.log_mean.exp() }
    }

    /// The standard deviation of the logarithms of its times.
    pub(super) fn spread(&self) -> f64 {
        self.log_variance.sqrt()
    }

    /// The last rounds: how much longer calls took than those in force, as logarithms.
    pub(super) fn rounds(&self) -> &[f64] {
        &self.rounds
    }
}

/// The calls of one side in a round.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    calls: usize,
    /// The times of the first of them, which are all that count, in order.
    times: [f64; PAIRS],
}

impl Side {
    fn add(&mut self, time: f64) {
        if self.calls < PAIRS {
            self.times[self.calls] = time;
            self.calls += 1;
            self.times[..self.calls].sort_by(f64::total_cmp);
        }
    }

    fn times(&self) -> &[f64] {
        &self.times[..self.calls]
    }

    fn mean(&self) -> f64 {
        self.times().iter().sum::<f64>() / count(self.calls)
    }

    /// The lower median, which two interrupts in four calls leave alone.
    fn usual(&self) -> f64 {
        self.times[self.calls.saturating_sub(1) / 2]
    }

    /// The mean without what interrupts make of it.
    fn undisturbed(&self) -> f64 {
        let most = WORST * self.usual();
        self.times().iter().map(|time| time.min(most)).sum::<f64>() / count(self.calls)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few are meant, or many")]
const fn count(of: usize) -> f64 {
    of as f64
}

/// A challenge under way.
#[derive(Clone, Copy, Debug)]
struct Round {
    challenger: usize,
    force: Side,
    other: Side,
}

/// What a bucket knows, and what it decides.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    tried: Box<[Tried]>,
    /// The first so many ways are tried whatever the others say: sequential, and parallel. The others are ways to be
    /// parallel.
    sides: usize,
    force: usize,
    round: Option<Round>,
    /// Calls, as far as they are known of.
    calls: u64,
    /// Calls before the next that is measured.
    unseen: u32,
    /// Nanoseconds that challengers may cost; below 0 if they have cost more.
    budget: f64,
    /// What a call in force takes, as of late and over a longer time.
    recent: f64,
    long: f64,
    /// How many switches there were lately.
    heat: f64,
    switches: u32,
}

impl Policy {
    /// Of so many ways, the first `sides` of which are sequential and parallel; and the one that calls go now.
    pub(super) fn new(ways: usize, sides: usize, force: usize) -> Self {
        Self {
            tried: vec![Tried::default(); ways].into(),
            sides,
            force,
            round: None,
            calls: 0,
            unseen: 0,
            budget: 0.0,
            recent: 0.0,
            long: 0.0,
            heat: 0.0,
            switches: 0,
        }
    }

    /// The way that calls go.
    pub(super) const fn force(&self) -> usize {
        self.force
    }

    /// How often that changed.
    pub(super) const fn switches(&self) -> u32 {
        self.switches
    }

    pub(super) fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// Whether there is the minimum of samples on each side.
    pub(super) fn is_decided(&self) -> bool {
        let known = |way: usize| {
            way == self.force || self.tried[way].nominated || self.tried[way].rounds.len() >= FEW
        };
        known(0) && (1..self.tried.len()).any(known)
    }

    /// Calls that need not be measured before the next one that is.
    pub(super) const fn unseen(&self) -> u32 {
        self.unseen
    }

    /// The way that the next measured call is to go.
    pub(super) fn choose(&mut self) -> usize {
        if self.round.is_none() {
            let of = |challenger| Round { challenger, force: Side::default(), other: Side::default() };
            self.round = self.challenger().map(of);
        }
        match &self.round {
            // In turn, and who begins changes from pair to pair.
            Some(Round { challenger, force, other }) => match force.calls.cmp(&other.calls) {
                Ordering::Greater => *challenger,
                Ordering::Equal if force.calls % 2 == 1 => *challenger,
                Ordering::Less | Ordering::Equal => self.force,
            },
            None => self.force,
        }
    }

    /// What a call took that went that way, in nanoseconds.
    pub(super) fn observe(&mut self, way: usize, time: f64) {
        let time = time.max(1.0);
        let calls = f64::from(self.unseen) + 1.0;
        self.calls += u64::from(self.unseen) + 1;
        self.heat *= (1.0 - calls / CALM).max(0.0);
        self.tried[way].note(time);
        // The first of each way wakes threads and fetches code.
        if self.tried[way].samples > 1 {
            if way == self.force {
                self.of_force(time, calls);
            }
            self.of_round(way, time);
        }
        self.unseen = self.skip();
    }

    fn of_force(&mut self, time: f64, calls: f64) {
        let share = self.tried[self.force].share();
        let seen = if self.recent > 0.0 { time.min(WORST * self.recent) } else { time };
        self.recent += RECENT.max(share) * (seen - self.recent);
        self.long += LONG.max(share) * (seen - self.long);
        let earned = SHARE * seen * calls;
        self.budget = (self.budget + earned).min(SAVED * self.recent);
        if (self.recent / self.long).ln().abs() > SURPRISE {
            self.long = self.recent;
            self.tried.iter_mut().for_each(Tried::doubt);
        }
    }

    fn of_round(&mut self, way: usize, time: f64) {
        let Some(round) = &mut self.round else { return };
        if way == self.force {
            round.force.add(time);
        } else if way == round.challenger {
            round.other.add(time);
        }
        let Round { force, other, .. } = *round;
        if other.calls == 2 && force.calls > 0 && other.usual() > HOPELESS * self.recent {
            self.end((other.usual() / self.recent).ln());
        } else if force.calls == PAIRS && other.calls == PAIRS {
            self.end((other.mean() / force.mean()).ln());
        }
    }

    /// A round has ended, in which the calls of the challenger took longer by that, as a logarithm.
    fn end(&mut self, ratio: f64) {
        let Some(Round { challenger, force, other }) = self.round.take() else { return };
        let (calls, time) = (self.calls, other.undisturbed());
        // What chance gains in one round it loses in another.
        let cost = (time - force.undisturbed()) * count(other.calls);
        self.budget = (self.budget - cost).min(SAVED * self.recent);
        let noise = self.noise(challenger);
        let tried = &mut self.tried[challenger];
        tried.stale = tried.stale.saturating_sub(1);
        if ratio < -QUICK.max(1.5 * noise) && median(&tried.rounds) > 0.0 {
            tried.doubt();
        }
        if tried.rounds.len() == KEPT {
            tried.rounds.remove(0);
        }
        tried.rounds.push(ratio);
        let before = if tried.rounds.len() == 1 { time } else { tried.times[1] };
        (tried.times, tried.last) = ([before, time], calls);
        match self.evidence(challenger) {
            Some(rounds) if rounds == FEW || self.tried[challenger].nominated => {
                self.switch(challenger, rounds);
            }
            // The rounds that made it win flatter it: others have to say the same.
            Some(_) => {
                let tried = &mut self.tried[challenger];
                (tried.nominated, tried.rounds) = (true, Vec::new());
            }
            None => {
                let tried = &mut self.tried[challenger];
                tried.nominated &= tried.rounds.len() < ENOUGH || median(&tried.rounds) < 0.0;
            }
        }
    }

    /// What noise makes of the ratio of a round, as a standard deviation.
    fn noise(&self, challenger: usize) -> f64 {
        self.tried[self.force].spread().hypot(self.tried[challenger].spread()) / count(PAIRS).sqrt()
    }

    /// How many of the last rounds show that a challenger is faster: a few, if it is so by much in each; or all, if it is so
    /// in most of many.
    fn evidence(&self, challenger: usize) -> Option<usize> {
        let rounds = &self.tried[challenger].rounds;
        if let Some(last) = rounds.last_chunk::<FEW>()
            && last.iter().all(|ratio| *ratio < -HURDLE)
            && median(last) < -QUICK.max(2.0 * self.noise(challenger)) * (1.0 + 0.2 * self.heat)
        {
            return Some(FEW);
        }
        // Who has switched lately has to be surer.
        let hurdle = HURDLE * (1.0 + self.heat);
        let middle = median(rounds);
        let away: Vec<f64> = rounds.iter().map(|ratio| (ratio - middle).abs()).collect();
        let spread = (1.48 * median(&away)).max(self.noise(challenger));
        // The standard error of a median is 1.25 times that of a mean.
        let error = SURE * 1.25 * spread / count(rounds.len()).sqrt();
        let faster = rounds.iter().filter(|ratio| **ratio < 0.0).count();
        let is_sure = rounds.len() >= ENOUGH && middle < -hurdle.max(error) && 3 * faster >= 2 * rounds.len();
        is_sure.then_some(rounds.len())
    }

    /// Puts another way in force, by its last rounds. What is known of the ways compares them with that one from now on; of
    /// rounds before these last ones nothing holds any more.
    fn switch(&mut self, to: usize, last: usize) {
        let mut rounds = std::mem::take(&mut self.tried[to].rounds);
        rounds.drain(..rounds.len() - last);
        let ratio = median(&rounds);
        for (way, tried) in self.tried.iter_mut().enumerate() {
            if way == self.force {
                tried.rounds = rounds.iter().map(|ratio| -ratio).collect();
                (tried.times, tried.last) = ([self.recent; 2], self.calls);
            } else {
                tried.rounds.drain(..tried.rounds.len().saturating_sub(last));
                tried.rounds.iter_mut().for_each(|round| *round -= ratio);
            }
        }
        self.recent *= ratio.exp();
        self.long = self.recent;
        self.tried[to].nominated = false;
        self.force = to;
        self.heat += 1.0;
        self.switches += 1;
    }

    /// Who challenges now: of those that may, the one that has not for longest.
    fn challenger(&self) -> Option<usize> {
        if self.tried[self.force].samples <= WARM {
            return None;
        }
        let others = (0..self.tried.len()).filter(|way| *way != self.force);
        others.filter(|way| self.may_challenge(*way)).min_by_key(|way| self.tried[*way].last)
    }

    fn may_challenge(&self, way: usize) -> bool {
        let tried = &self.tried[way];
        if tried.rounds.is_empty() {
            // Pieces matter where sharing does.
            let shared = &self.tried[self.sides - 1].rounds;
            return way < self.sides
                || self.force >= self.sides - 1
                || (!shared.is_empty() && median(shared) < NEAR);
        }
        // What a round may cost, by its time or by its ratio in the last two rounds, whichever was best: something else than the
        // challenger may have made the others look bad. What it does cost is counted, so hope is paid for too.
        let last = &tried.rounds[tried.rounds.len().saturating_sub(2)..];
        let ratio = last.iter().copied().fold(f64::INFINITY, f64::min).exp();
        let time = tried.times[0].min(tried.times[1]).min(ratio * self.recent);
        let cost = (time - self.recent) * count(PAIRS);
        let debt = self.recent * if tried.stale > 0 { 3.0 * DEBT } else { DEBT };
        let is_owed = tried.rounds.len() < FEW && tried.rounds.iter().any(|ratio| *ratio < CREDIT);
        let is_paid = is_owed || cost <= self.budget || (cost <= 0.0 && self.budget > -debt);
        is_paid && (tried.stale > 0 || is_open(&tried.rounds) || self.calls - tried.last >= PAUSE)
    }

    /// Calls that need not be measured: so many that measuring costs little. While something is open, none.
    fn skip(&self) -> u32 {
        let open = |way| way != self.force && self.may_challenge(way) && is_open(&self.tried[way].rounds);
        if self.round.is_some() || self.tried[self.force].samples <= WARM || (0..self.tried.len()).any(open) {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 256")]
        let calls = (MEASURING / (MEASURED * self.recent.max(1.0))).min(UNSEEN) as u32;
        calls
    }
}

/// Whether more rounds may soon decide something.
fn is_open(rounds: &[f64]) -> bool {
    let (count, middle) = (rounds.len(), median(rounds));
    count < FEW || middle < -HURDLE || (count < ENOUGH && middle < NEAR) || (count < KEPT && middle < 0.0)
}

/// The median, 0 of nothing.
pub(super) fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

#[cfg(test)]
#[path = "simulation.rs"]
mod simulation;
