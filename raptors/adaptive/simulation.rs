//! The policy on simulated machines, whose truth is known.
//!
//! A machine says what a call takes on average, by its number and its way, and what noise does to that. What is lost is
//! told by the averages, so that a lucky call does not look like a right one.

use super::*;

/// Random numbers, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let unit = ((z ^ (z >> 31)) >> 11) as f64;
        unit * (f64::EPSILON / 2.0)
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.next().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// What noise makes of a call, as a factor whose average is the same for all ways unless it says otherwise.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// A few per cent.
    Little,
    /// A tenth, as on a virtual machine.
    Usual,
    /// And one call in a hundred that is interrupted for fifty times as long.
    Spikes,
    /// Two states of the machine, of a hundred calls each on average, one half as slow again.
    States,
    /// Each call in one of two modes: a quarter of them takes twice as long.
    Bimodal,
    /// As machines were seen to be: a heavy tail, neighbours in time alike, and now and then a slow spell.
    Heavy,
}

const NOISES: [Noise; 6] =
    [Noise::Little, Noise::Usual, Noise::Spikes, Noise::States, Noise::Bimodal, Noise::Heavy];

struct Weather {
    noise: Noise,
    slow: bool,
    trend: f64,
    spell: u32,
}

impl Weather {
    fn factor(&mut self, random: &mut Random) -> f64 {
        let normal = |random: &mut Random, sigma: f64| (sigma * random.normal()).exp();
        match self.noise {
            Noise::Little => normal(random, 0.03),
            Noise::Usual => normal(random, 0.1),
            Noise::Spikes => normal(random, 0.05) * if random.next() < 0.01 { 50.0 } else { 1.0 },
            Noise::States => {
                self.slow ^= random.next() < 0.01;
                normal(random, 0.05) * if self.slow { 1.5 } else { 1.0 }
            }
            Noise::Bimodal => normal(random, 0.05) * if random.next() < 0.25 { 2.0 } else { 1.0 },
            Noise::Heavy => {
                self.trend = 0.95 * self.trend + 0.03 * random.normal();
                if random.next() < 0.003 {
                    self.spell = 20;
                }
                self.spell = self.spell.saturating_sub(1);
                let tail = if random.next() < 0.05 { 1.0 + 3.0 * random.next() } else { 1.0 };
                normal(random, 0.08) * self.trend.exp() * tail * if self.spell > 0 { 1.8 } else { 1.0 }
            }
        }
    }
}

/// What came of a run.
#[derive(Debug)]
struct Outcome {
    /// The share of the time lost, of the calls that count.
    regret: f64,
    switches: u32,
    /// The way at the end.
    force: usize,
    /// The share of all time that calls of challengers took longer than the best.
    explored: f64,
}

/// Some calls on a machine that takes `truth(call, way)` nanoseconds on average. What counts are those for which `counts`.
fn run(
    (ways, first): (usize, usize),
    calls: usize,
    noise: Noise,
    seed: u64,
    truth: &dyn Fn(usize, usize) -> f64,
    counts: &dyn Fn(usize) -> bool,
) -> Outcome {
    let mut policy = Policy::new(ways, 2, first);
    let mut random = Random(seed);
    let mut weather = Weather { noise, slow: false, trend: 0.0, spell: 0 };
    let (mut lost, mut all, mut explored, mut whole) = (0.0, 0.0, 0.0, 0.0);
    let mut unseen = 0;
    for call in 0..calls {
        let is_measured = unseen == 0;
        let way = if is_measured { policy.choose() } else { policy.force() };
        let least = (0..ways).map(|way| truth(call, way)).fold(f64::INFINITY, f64::min);
        let takes = truth(call, way);
        let time = takes * weather.factor(&mut random);
        if counts(call) {
            lost += takes - least;
            all += least;
        }
        whole += takes;
        if way != policy.force() {
            explored += (takes - truth(call, policy.force())).max(0.0);
        }
        if is_measured {
            policy.observe(way, time);
            unseen = policy.unseen();
        } else {
            unseen -= 1;
        }
    }
    Outcome {
        regret: lost / all,
        switches: policy.switches(),
        force: policy.force(),
        explored: explored / whole,
    }
}

fn mean_of(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / count(of.len())
}

const SEEDS: std::ops::Range<u64> = 0..12;

/// Sequential, a piece for each thread, two sizes of pieces: in microseconds.
fn fixed(times: [f64; 4]) -> impl Fn(usize, usize) -> f64 {
    move |_, way| times[way] * 1000.0
}

/// Machines that stay as they are: on which sharing pays, does not, pays in pieces, or makes no difference.
const MACHINES: [[f64; 4]; 7] = [
    [200.0, 110.0, 115.0, 120.0],
    [200.0, 130.0, 105.0, 120.0],
    [100.0, 130.0, 140.0, 135.0],
    [20.0, 200.0, 210.0, 205.0],
    [100.0, 100.0, 100.0, 100.0],
    [100.0, 80.0, 81.0, 79.0],
    [5.0, 12.0, 12.0, 14.0],
];

#[test]
fn little_is_lost_after_two_hundred_calls() {
    for noise in NOISES {
        for (machine, times) in MACHINES.into_iter().enumerate() {
            for first in [0, 1] {
                let regrets: Vec<f64> = SEEDS
                    .map(|seed| run((4, first), 4000, noise, seed, &fixed(times), &|call| call >= 200).regret)
                    .collect();
                let mean = mean_of(&regrets);
                println!("{noise:?} machine {machine} from {first}: {:.2} %", 100.0 * mean);
                assert!(mean <= 0.03, "{noise:?} {times:?} from {first}: {mean}");
            }
        }
    }
}

#[test]
fn a_wrong_crossover_is_found_within_five_hundred_calls() {
    for noise in NOISES {
        for (times, first) in [
            // Sequential, where sharing is far ahead, and a little; and the other way round.
            ([200.0, 110.0, 125.0, 130.0], 0),
            ([200.0, 140.0, 150.0, 150.0], 0),
            ([20.0, 200.0, 210.0, 205.0], 1),
            ([100.0, 140.0, 150.0, 150.0], 1),
            ([5.0, 15.0, 15.0, 16.0], 1),
        ] {
            for seed in SEEDS {
                let outcome = run((4, first), 500, noise, seed, &fixed(times), &|_| true);
                let is_sequential = outcome.force == 0;
                assert_eq!(is_sequential, first == 1, "{noise:?} {times:?} seed {seed}: {outcome:?}");
            }
        }
    }
}

#[test]
fn ways_that_are_alike_do_not_take_turns() {
    for noise in NOISES {
        for times in [[100.0; 4], [100.0, 99.0, 101.0, 100.5], [100.0, 98.0, 97.5, 98.5]] {
            for seed in SEEDS.take(4) {
                let outcome = run((4, 0), 20_000, noise, seed, &fixed(times), &|_| true);
                assert!(outcome.switches <= 12, "{noise:?} {times:?} seed {seed}: {outcome:?}");
            }
        }
    }
}

#[test]
fn looking_at_other_ways_costs_less_than_a_hundredth() {
    for noise in NOISES {
        for times in MACHINES {
            let best = usize::from(times[0] > times[1]);
            let mut explored = Vec::new();
            for seed in SEEDS.take(4) {
                let outcome = run((4, best), 20_000, noise, seed, &fixed(times), &|_| true);
                assert!(outcome.explored <= 0.015, "{noise:?} {times:?} seed {seed}: {outcome:?}");
                explored.push(outcome.explored);
            }
            let mean = mean_of(&explored);
            assert!(mean <= 0.01, "{noise:?} {times:?}: {mean}");
        }
    }
}

/// All ways slower and slower, and one of them more than the others: it is left once it is no longer the best.
#[test]
fn a_drift_is_followed() {
    let truth = |call: usize, way: usize| {
        #[expect(clippy::cast_precision_loss, reason = "some thousand calls")]
        let part = call as f64 / 10_000.0;
        1000.0 * [100.0 * (1.0 + part), 70.0 * (1.0 + 3.0 * part), 75.0 * (1.0 + 3.0 * part)][way]
    };
    for noise in NOISES {
        let mut regrets = Vec::new();
        for seed in SEEDS {
            let outcome = run((3, 0), 10_000, noise, seed, &truth, &|call| call >= 200);
            assert_eq!(outcome.force, 0, "{noise:?} seed {seed}: {outcome:?}");
            assert!(outcome.switches <= 8, "{noise:?} seed {seed}: {outcome:?}");
            regrets.push(outcome.regret);
        }
        let mean = mean_of(&regrets);
        println!("drift {noise:?}: {:.2} %", 100.0 * mean);
        assert!(mean <= 0.03, "{noise:?}: {mean}");
    }
}

/// A neighbour takes the other core for some thousand calls, again and again. What counts is all but the two hundred calls
/// after it comes or goes.
#[test]
fn a_neighbour_that_comes_and_goes_is_noticed() {
    const SPELL: usize = 5000;
    let truth = |call: usize, way: usize| {
        let is_here = call / SPELL % 2 == 1;
        1000.0 * if is_here { [210.0, 300.0, 310.0] } else { [200.0, 110.0, 120.0] }[way]
    };
    for noise in NOISES {
        let mut regrets = Vec::new();
        for seed in SEEDS {
            let outcome = run((3, 0), 8 * SPELL, noise, seed, &truth, &|call| call % SPELL >= 200);
            // In each spell to the other side, and to other pieces.
            assert!(outcome.switches <= 3 * 8, "{noise:?} seed {seed}: {outcome:?}");
            regrets.push(outcome.regret);
        }
        let mean = mean_of(&regrets);
        println!("{noise:?}: {:.2} %", 100.0 * mean);
        assert!(mean <= 0.03, "{noise:?}: {mean}");
    }
}

/// Sharing is fast in most calls and slow in the others: what counts is what a program waits for.
#[test]
fn a_way_that_is_often_fast_and_slow_on_average_does_not_win() {
    for seed in SEEDS {
        let mut policy = Policy::new(2, 2, 1);
        let mut random = Random(seed);
        for _ in 0..1000 {
            let way = policy.choose();
            let time = match way {
                0 => 130.0,
                _ if random.next() < 0.35 => 300.0,
                _ => 100.0,
            };
            policy.observe(way, 1000.0 * time * (0.05 * random.normal()).exp());
        }
        assert_eq!(policy.force(), 0, "seed {seed}: {policy:?}");
    }
}

/// Of a challenger that is far ahead only since the machine changed, and of the others, the rounds before that compare with
/// what is no more: they must not decide the next switch.
#[test]
fn a_switch_forgets_the_rounds_before_those_that_decided_it() {
    let mut policy = Policy::new(3, 2, 0);
    (policy.recent, policy.long) = (1000.0, 1000.0);
    policy.tried[1].rounds = [vec![0.4; 10], vec![-1.0; FEW]].concat();
    policy.tried[2].rounds = [vec![-0.4; 10], vec![-0.5, -0.25, -0.75]].concat();
    assert_eq!(policy.evidence(1), Some(FEW));
    policy.switch(1, FEW);
    assert_eq!((policy.force, policy.tried[1].rounds.len()), (1, 0));
    // The way that was in force is slower by what the challenger was faster, and the third by the difference of the two.
    assert_eq!(policy.tried[0].rounds, [1.0; FEW]);
    assert_eq!(policy.tried[2].rounds, [0.5, 0.75, 0.25]);
    assert_eq!((policy.evidence(0), policy.evidence(2)), (None, None));
}

#[test]
fn nothing_is_decided_by_few_samples() {
    let mut policy = Policy::new(2, 2, 0);
    let mut measured = [0; 2];
    while policy.switches() == 0 {
        assert!(!policy.is_decided());
        let way = policy.choose();
        measured[way] += 1;
        policy.observe(way, [100_000.0, 10_000.0][way]);
    }
    assert!(policy.is_decided() && measured.iter().all(|samples| *samples >= 12), "{measured:?}");
    assert!(measured.iter().sum::<usize>() < 60, "{measured:?}");
}

#[test]
fn short_calls_are_measured_seldom() {
    let mut policy = Policy::new(2, 2, 0);
    let (mut calls, mut measured, mut unseen) = (0, 0, 0);
    while calls < 100_000 {
        calls += 1;
        if unseen > 0 {
            unseen -= 1;
            continue;
        }
        measured += 1;
        let way = policy.choose();
        policy.observe(way, [2000.0, 20_000.0][way]);
        unseen = policy.unseen();
    }
    assert!(measured < 3000, "{measured}");
}
