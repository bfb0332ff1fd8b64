//! Tournaments on a machine of which the truth is known.

use super::*;

/// A machine with a speed for each contestant and noise of its own: it drifts, and now and then something interrupts.
struct Simulated {
    /// Seconds of a call of each.
    truth: Vec<f64>,
    wrong: Vec<usize>,
    /// The standard deviation of a sample, about, as a ratio.
    noise: f64,
    /// By how much the place of the data may slow each of them down; drawn anew for another place.
    by_place: f64,
    place: Vec<f64>,
    /// By how much each is slower in the first of four worlds, as a ratio.
    by_world: Vec<f64>,
    world: usize,
    /// When the time is over.
    until: f64,
    /// Seconds of all but a sample: to look at a result, to begin a round, to go elsewhere.
    other: f64,
    /// What was begun when the time was over.
    late: Vec<&'static str>,
    random: Random,
    clock: f64,
    timed: Vec<usize>,
}

impl Simulated {
    fn new(truth: &[f64], noise: f64, seed: u64) -> Self {
        let (truth, random) = (truth.to_vec(), Random::new(seed));
        Self {
            timed: vec![0; truth.len()],
            place: vec![1.0; truth.len()],
            by_world: vec![1.0; truth.len()],
            truth,
            wrong: Vec::new(),
            noise,
            by_place: 0.0,
            world: 0,
            until: f64::INFINITY,
            other: 0.0,
            late: Vec::new(),
            random,
            clock: 0.0,
        }
    }

    /// Something begins that takes so long.
    fn takes(&mut self, what: &'static str, seconds: f64) {
        if self.is_late() {
            self.late.push(what);
        }
        self.clock += seconds;
    }

    fn hold(&mut self, incumbent: usize, seed: u64) -> Outcome {
        let complexity: Vec<usize> = (0..self.truth.len()).collect();
        hold(self, &complexity, incumbent, &Rules::new(2.0), &mut Random::new(seed))
    }
}

impl Course for Simulated {
    fn is_right(&mut self, contestant: usize) -> bool {
        self.takes("a look at a result", self.other);
        !self.wrong.contains(&contestant)
    }

    fn sample(&mut self, contestant: usize) -> f64 {
        self.timed[contestant] += 1;
        // The sum of four is close to normal, with a deviation of 0.58.
        let normal: f64 = (0..4).map(|_| self.random.unit() - 0.5).sum();
        let drift = 1.0 + 0.3 * (self.clock * 3.0).sin();
        let interrupted = if self.random.unit() < 0.05 { 1.0 + 3.0 * self.random.unit() } else { 1.0 };
        self.takes("a sample", 1e-3);
        let by_world = if self.world == 0 { self.by_world[contestant] } else { 1.0 };
        self.truth[contestant]
            * by_world
            * self.place[contestant]
            * drift
            * (normal * self.noise / 0.58).exp()
            * interrupted
    }

    fn worlds(&self) -> usize {
        4
    }

    fn round(&mut self, world: usize) {
        self.takes("a round", self.other);
        self.world = world;
    }

    fn now(&mut self) -> f64 {
        self.clock
    }

    fn is_late(&self) -> bool {
        self.clock > self.until
    }

    fn elsewhere(&mut self) {
        self.takes("another place", self.other);
        self.place.fill_with(|| 1.0 + self.by_place * self.random.unit());
    }
}

#[test]
fn a_planted_slower_candidate_never_wins() {
    for seed in 0..50 {
        let mut machine = Simulated::new(&[1.0, 1.03], 0.03, seed);
        let outcome = machine.hold(0, seed + 1000);
        assert_eq!(outcome.winner, 0, "seed {seed}: {outcome:?}");
    }
}

#[test]
fn a_faster_candidate_wins() {
    let won = (0..50).filter(|&seed| {
        let mut machine = Simulated::new(&[1.0, 1.2, 0.95, 1.4, 1.01, 2.0], 0.02, seed);
        machine.hold(0, seed + 1000).winner == 2
    });
    assert!(won.count() >= 48);
}

#[test]
fn without_a_difference_nothing_changes() {
    for (seed, at) in (0..50).zip((0..30).cycle()) {
        let mut machine = Simulated::new(&[1.0; 30], 0.02, seed);
        let outcome = machine.hold(at, seed + 1000);
        assert_eq!(outcome.winner, at, "seed {seed}: {:?}", outcome.duel);
        assert_ne!(outcome.verdict, Verdict::Replaced);
    }
}

#[test]
fn whoever_is_faster_only_where_its_data_lie_seldom_wins() {
    let won = (0..50).filter(|&seed| {
        let mut machine = Simulated::new(&[1.0; 20], 0.01, seed);
        machine.by_place = 0.1;
        machine.elsewhere();
        // In the first place the incumbent is the slowest.
        machine.place[0] = 1.1;
        let winner = machine.hold(0, seed + 1000).winner;
        // As a run does at its end.
        machine.elsewhere();
        let rules = Rules::new(2.0);
        let again = |machine: &mut Simulated| duel(machine, winner, 0, &rules, &mut Random::new(seed + 2000));
        winner != 0 && again(&mut machine).unwrap().verdict == Verdict::Replaced
    });
    // In another place one of two challengers is faster by 2 % in every second case, and the winner again in every third.
    let won = won.count();
    assert!(won <= 15, "{won} of 50");
}

#[test]
fn whoever_wins_in_the_mean_and_loses_in_one_world_does_not_win() {
    let mut won = 0;
    for seed in 0..50 {
        let mut machine = Simulated::new(&[1.0, 0.8], 0.01, seed);
        // Four worlds: 25 % faster in three of them, 10 % slower in the first.
        machine.by_world[1] = 1.1 / 0.8;
        let outcome = machine.hold(0, seed + 1000);
        assert_eq!((outcome.winner, outcome.verdict), (0, Verdict::NotEverywhere), "seed {seed}");
        // What is level there wins by the others, unless noise makes it look slower.
        machine.by_world[1] = 1.0 / 0.8;
        won += machine.hold(0, seed + 2000).winner;
    }
    assert!(won >= 40, "{won} of 50");
}

#[test]
fn when_the_time_is_over_nothing_changes() {
    for until in [0.0, 0.005, 0.05, 0.15] {
        let mut machine = Simulated::new(&[1.0, 0.8, 0.9], 0.01, 1);
        (machine.until, machine.clock) = (until, 1e-6);
        let outcome = machine.hold(0, 2);
        assert_eq!((outcome.winner, outcome.verdict), (0, Verdict::NoTime), "until {until}");
        // No more than the sample that was under way.
        assert!(machine.clock < until + 2e-3, "{}", machine.clock);
        assert!(duel(&mut machine, 1, 0, &Rules::new(2.0), &mut Random::new(3)).is_none());
    }
}

/// Wherever in a tournament the time is over: in a look at a result, a heat, a duel, the way to the second one.
#[test]
fn when_the_time_is_over_nothing_is_begun() {
    let machine = |until: f64| {
        let mut machine = Simulated::new(&[1.0, 0.8, 0.9], 0.01, 1);
        (machine.until, machine.other) = (until, 0.0137);
        machine
    };
    let mut whole = machine(f64::INFINITY);
    assert_eq!(whole.hold(0, 2).verdict, Verdict::Replaced);
    for step in 0..2000 {
        // Up to the last sample but one.
        let mut machine = machine((whole.clock - 2e-3) * f64::from(step) / 2000.0);
        let outcome = machine.hold(0, 2);
        assert_eq!((outcome.winner, outcome.verdict), (0, Verdict::NoTime), "until {}", machine.until);
        assert!(duel(&mut machine, 1, 0, &Rules::new(2.0), &mut Random::new(3)).is_none());
        assert_eq!(machine.late, [""; 0], "until {} of {}", machine.until, whole.clock);
    }
}

#[test]
fn the_slower_rest_before_the_heats_end() {
    let truth: Vec<f64> = (0..20).map(|at| 1.0 + 0.005 * f64::from(at)).collect();
    let mut machine = Simulated::new(&truth, 0.05, 3);
    let outcome = machine.hold(10, 4);
    let rounds = |at: usize| outcome.standings[at].rounds;
    // By half of the time there are some four left, of twenty that noise does not tell apart.
    assert!((1..20).filter(|&at| outcome.standings[at].dropped).count() >= 12);
    assert!(rounds(10) > 2 * rounds(19), "{} and {}", rounds(10), rounds(19));
}

#[test]
fn two_tournaments_in_a_row_agree() {
    for seed in 0..50 {
        let mut speeds = Random::new(seed + 500);
        let truth: Vec<f64> = (0..20).map(|_| 1.0 + 0.3 * speeds.unit()).collect();
        let first = Simulated::new(&truth, 0.02, seed).hold(0, seed + 1000).winner;
        let second = Simulated::new(&truth, 0.02, seed + 100).hold(first, seed + 2000).winner;
        assert!((truth[first] / truth[second] - 1.0).abs() < 0.03, "seed {seed}: {first}, then {second}");
        // And the choice is a good one.
        let best = truth.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(truth[second] / best < 1.05, "seed {seed}: {} is chosen, {best} the best", truth[second]);
    }
}

#[test]
fn what_is_wrong_is_never_timed() {
    let mut machine = Simulated::new(&[1.0, 0.1, 0.9], 0.01, 7);
    machine.wrong = vec![1];
    let outcome = machine.hold(0, 8);
    assert_eq!(outcome.winner, 2);
    assert_eq!(machine.timed[1], 0);
    assert!(!outcome.standings[1].right && outcome.standings[1].faster.is_none());
    assert!(!outcome.standings[1].dropped);

    machine.wrong = vec![0];
    machine.timed = vec![0; 3];
    let outcome = machine.hold(0, 9);
    assert_eq!((outcome.winner, outcome.verdict), (0, Verdict::IncumbentWrong));
    assert_eq!(machine.timed, [0, 0, 0]);
}

#[test]
fn noise_changes_nothing_and_is_named() {
    let mut noisy = 0;
    for seed in 0..20 {
        let outcome = Simulated::new(&[1.0, 0.96], 0.5, seed).hold(0, seed + 1000);
        // Who is not ahead in the heats does not come to a duel.
        let expected = if outcome.duel.is_some() { Verdict::Noisy } else { Verdict::NoneFaster };
        assert_eq!(outcome.verdict, expected, "seed {seed}");
        noisy += usize::from(outcome.verdict == Verdict::Noisy);
    }
    assert!(noisy >= 10, "{noisy} of 20");
}

#[test]
fn the_hopeless_are_dropped_early() {
    let mut truth = vec![1.0; 3];
    truth.extend([2.5; 10]);
    let mut machine = Simulated::new(&truth, 0.02, 3);
    let outcome = machine.hold(0, 4);
    for slow in 3..13 {
        assert!(outcome.standings[slow].dropped);
        assert!(machine.timed[slow] <= 4, "{} samples", machine.timed[slow]);
    }
    assert!(outcome.standings[0].rounds > 20);
}

#[test]
fn of_newcomers_that_are_tied_the_plainest_challenges() {
    for seed in 0..10 {
        let mut machine = Simulated::new(&[1.0, 0.9, 0.9, 0.9], 0.01, seed);
        let complexity = [0, 7, 2, 5];
        let outcome = hold(&mut machine, &complexity, 0, &Rules::new(2.0), &mut Random::new(seed));
        assert_eq!(outcome.winner, 2, "seed {seed}");
    }
}

#[test]
fn of_two_challengers_the_better_one_wins() {
    let duel = |second: f64| {
        let times = [1.0, 1.0, 0.9, second]
            .map(|centre| (0..25).map(|round| centre * (1.0 + 0.001 * f64::from(round % 5))).collect());
        Duel { laps: Laps(vec![times.to_vec()]), challengers: 2 }
    };
    let least = Rules::new(1.0).least;
    // The first is the plainer one: what is faster by less than it takes to win does not count.
    assert_eq!(duel(0.89).best(least), 0);
    assert_eq!(duel(0.95).best(least), 0);
    assert_eq!(duel(0.87).best(least), 1);
    // Where the first does not win, the second may.
    let mut second_alone = duel(0.975);
    second_alone.laps.0[0][CHALLENGERS] = duel(0.985).laps.0[0][CHALLENGERS + 1].clone();
    assert_eq!(second_alone.best(least), 1);
}

#[test]
fn the_fastest_comes_along_with_the_plainest_that_is_tied_with_it() {
    let times = |centre: f64| (0..25).map(|round| centre * (1.0 + 0.001 * f64::from(round % 5))).collect();
    let mut field = Field::new(vec![true; 4], 0);
    // The plainest is ahead of the incumbent by less than it takes to win, the fastest of the others by more.
    field.times = [1.0, 0.983, 0.975, 0.99, 1.0].map(times).to_vec();
    assert_eq!(field.challengers(&[0, 1, 2, 3], Rules::new(1.0).least), [1, 2]);
    field.times[2] = times(0.99);
    assert!(field.challengers(&[0, 1, 2, 3], Rules::new(1.0).least).is_empty());
}

#[test]
fn whoever_is_alone_stays() {
    let outcome = Simulated::new(&[1.0], 0.01, 1).hold(0, 2);
    assert_eq!((outcome.winner, outcome.verdict), (0, Verdict::Alone));
}

#[test]
fn time_is_kept() {
    let mut machine = Simulated::new(&[1.0; 30], 0.2, 5);
    let rules = Rules::new(0.5);
    hold(&mut machine, &[0; 30], 0, &rules, &mut Random::new(6));
    // All of it, and if the duel is not settled, two and a half times its share.
    assert!(machine.clock < 0.85, "{} s", machine.clock);
}

#[test]
fn a_shuffle_loses_nothing() {
    let mut items: Vec<usize> = (0..100).collect();
    Random::new(1).shuffle(&mut items);
    assert_ne!(items, (0..100).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..100).collect::<Vec<_>>());
}
