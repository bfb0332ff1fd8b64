//! One tournament: which of several contestants is fastest, the incumbent having the benefit of every doubt.
//!
//! Nothing here knows what a contestant is, or measures: that is behind [`Course`], so that tests run whole tournaments
//! on a machine of which they know the truth.

use serde::Serialize;

use super::statistics::{Decision, Interval, decide, faster, is_hopeless, is_settled, to_f64};

/// What contestants run on.
pub trait Course {
    /// Whether a contestant computes what it should. One that does not is never timed.
    fn is_right(&mut self, contestant: usize) -> bool;
    /// Seconds of one call: an average over as many as it takes for the clock to be exact enough.
    fn sample(&mut self, contestant: usize) -> f64;
    /// In how many worlds it takes place: how calls happen differs from one to the other, and each counts as much.
    fn worlds(&self) -> usize {
        1
    }
    /// A round begins in one of them: who runs in it is compared with the others of the same round.
    fn round(&mut self, _world: usize) {}
    /// From now on with the same data in other places of the memory.
    fn elsewhere(&mut self) {}
    /// Seconds since some time before.
    fn now(&mut self) -> f64;
    /// Whether the time is over that everything has to end in: then nothing is begun any more.
    fn is_late(&self) -> bool {
        false
    }
    /// Told how many candidates are still in.
    fn left(&mut self, _candidates: usize) {}
}

/// How long a tournament lasts, and what it takes to win it.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// By how much a challenger has to win, as the logarithm of a ratio.
    pub least: f64,
    /// Seconds that it may take, about.
    pub seconds: f64,
    /// Rounds of the heats, at most.
    pub rounds: usize,
    /// Laps of the duel, at most.
    pub laps: usize,
}

/// Laps of a duel, each a round in every world, that are waited for unless all time is over: fewer have an interval that
/// says little, and do not come from all depths of the stack.
const FEWEST_LAPS: usize = 8;
/// Laps of most duels, and of what is measured without one.
pub(super) const LAPS: usize = LOOKS[0];
/// Laps of a duel after which it is asked whether it is settled. Only now and then: who looks all the time sees chance
/// decide.
const LOOKS: [usize; 3] = [12, 20, 28];
/// By how much a winner may be slower in any world, and towards the ends of its bucket, as the logarithm of a ratio.
pub(super) const LOSS: f64 = 0.01;
/// Rounds of the heats that are waited for, unless two take longer than all there is.
const FEWEST_ROUNDS: usize = 3;
/// Rounds before the slower ones have to go, unless a quarter of the time is gone: fewer say little.
const ENOUGH_ROUNDS: usize = 6;
/// The share of the time that is for the heats.
const HEATS: f64 = 0.6;
/// How many times its share of the time a duel may take that is not settled.
const MORE: f64 = 2.5;
/// Newcomers that differ by less are tied, and the plainer one challenges.
const TIE: f64 = 0.01;
/// Newcomers that run until the heats end, if they are not hopeless.
const FINALISTS: f64 = 3.0;

impl Rules {
    /// Those of a tournament that may take so many seconds.
    #[must_use]
    pub fn new(seconds: f64) -> Self {
        Self { least: 1.02_f64.ln(), seconds, rounds: 64, laps: 36 }
    }
}

/// How a tournament went.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The winner.
    pub winner: usize,
    /// Why it won.
    pub verdict: Verdict,
    /// Who came to challenge the incumbent, if anyone.
    pub challenger: Option<usize>,
    /// How much faster the challenger was, in the duel.
    pub duel: Option<Interval>,
    /// How much faster the incumbent was than itself: in the duel, or in the heats if there was none.
    pub control: Option<Interval>,
    /// Each contestant's heats.
    pub standings: Vec<Standing>,
}

/// Why a tournament ended as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The challenger won its duel.
    Replaced,
    /// The challenger did not win by enough.
    TooClose,
    /// The challenger won in the mean of all worlds, and lost in one of them.
    NotEverywhere,
    /// Nobody was faster.
    NoneFaster,
    /// There was nobody else.
    Alone,
    /// The machine is too noisy to tell: nothing changes.
    Noisy,
    /// The challenger won, but not once more at the end of the run.
    Unconfirmed,
    /// The incumbent does not compute what it should: nobody was timed.
    IncumbentWrong,
    /// The time was over before it was decided.
    NoTime,
}

/// What the heats found of one contestant.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Whether it computes what it should.
    pub right: bool,
    /// Rounds it took part in.
    pub rounds: usize,
    /// Whether it was given up before the end.
    pub dropped: bool,
    /// The median of its times, in seconds.
    pub seconds: Option<f64>,
    /// How much faster it was than the incumbent.
    pub faster: Option<Interval>,
}

/// A stream of numbers that look random; the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits: Steele, Lea and Flood's `SplitMix`.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
    }

    /// Puts items into a random order.
    pub fn shuffle<I>(&mut self, items: &mut [I]) {
        for end in (1..items.len()).rev() {
            let below = u64::try_from(end + 1).unwrap_or(u64::MAX);
            items.swap(end, usize::try_from(self.bits() % below).unwrap_or(0));
        }
    }
}

/// Holds a tournament. `complexity` has a number for each contestant: of newcomers that are tied, the one with the
/// lowest challenges.
///
/// First everyone's result is looked at. Then come the heats, rounds in which all that are still in run once, in random
/// order, the incumbent twice; whoever is hopelessly behind the leader is dropped, and as time goes by the slower ones
/// too. Then a duel with fresh times: the incumbent, one or two challengers and the incumbent again, so that the machine's
/// noise is measured along with the differences. It goes through all worlds, and in none of them may a winner be slower
/// than the incumbent. Who wins it has to win another one, with the data elsewhere.
pub fn hold<C: Course + ?Sized>(
    course: &mut C,
    complexity: &[usize],
    incumbent: usize,
    rules: &Rules,
    random: &mut Random,
) -> Outcome {
    let is_right = |contestant| !course.is_late() && course.is_right(contestant);
    let mut field = Field::new((0..complexity.len()).map(is_right).collect(), incumbent);
    if course.is_late() {
        return field.outcome(Verdict::NoTime, None, None);
    }
    if !field.right[incumbent] {
        return field.outcome(Verdict::IncumbentWrong, None, None);
    }
    if field.running.len() == 1 {
        return field.outcome(Verdict::Alone, None, None);
    }
    heats(course, &mut field, rules, random);
    if course.is_late() {
        return field.outcome(Verdict::NoTime, None, None);
    }
    let challengers = field.challengers(complexity, rules.least);
    if challengers.is_empty() {
        return field.outcome(Verdict::NoneFaster, None, None);
    }
    course.left(challengers.len());
    let Some(duel) = fight(course, &challengers, incumbent, rules, random) else {
        return field.outcome(Verdict::NoTime, None, None);
    };
    let (mut challenger, mut decided) = duel.outcome(&challengers, rules.least);
    if decided.verdict == Verdict::Replaced {
        let winners = duel.winners(&challengers, rules.least);
        if !course.is_late() {
            course.elsewhere();
        }
        let Some(duel) = fight(course, &winners, incumbent, rules, random) else {
            return field.outcome(Verdict::NoTime, None, None);
        };
        (challenger, decided) = duel.outcome(&winners, rules.least);
    }
    field.outcome(decided.verdict, Some(challenger), Some(decided))
}

/// What a duel says.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    /// [`Verdict::Replaced`] if the challenger wins, else why it does not.
    pub verdict: Verdict,
    /// How much faster it was than the incumbent.
    pub faster: Interval,
    /// How much faster the incumbent was than itself.
    pub control: Interval,
}

impl Decided {
    /// Where the time was over.
    pub(super) const NOTHING: Self =
        Self { verdict: Verdict::NoTime, faster: Interval::UNKNOWN, control: Interval::UNKNOWN };
}

/// A duel between two, with fresh times; `None` if the time was over before its end.
pub fn duel<C: Course + ?Sized>(
    course: &mut C,
    challenger: usize,
    incumbent: usize,
    rules: &Rules,
    random: &mut Random,
) -> Option<Decided> {
    Some(fight(course, &[challenger], incumbent, rules, random)?.decide(0, rules.least))
}

/// A round in every world: everyone once in each, in random order. `None` if the time was over before the end.
pub(super) fn lap<C: Course + ?Sized>(
    course: &mut C,
    contestants: &[usize],
    times: &mut Laps,
    random: &mut Random,
) -> Option<()> {
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    for world in 0..course.worlds() {
        random.shuffle(&mut order);
        if course.is_late() {
            return None;
        }
        course.round(world);
        for &at in &order {
            if course.is_late() {
                return None;
            }
            times.0[world][at].push(course.sample(contestants[at]));
        }
    }
    Some(())
}

/// The times of some laps: worlds outermost, then those who ran.
pub(super) struct Laps(Vec<Vec<Vec<f64>>>);

impl Laps {
    pub(super) fn new(worlds: usize, runners: usize) -> Self {
        Self(vec![vec![Vec::new(); runners]; worlds])
    }

    /// How much faster one was than another in each world: in each round of it, and in the median of them.
    fn by_world(&self, one: usize, other: usize) -> impl Iterator<Item = (Vec<f64>, f64)> {
        self.0.iter().filter_map(move |times| {
            let logs = faster(&times[one], &times[other]);
            let centre = Interval::of(&logs)?.centre;
            Some((logs, centre))
        })
    }

    /// How much faster one was than another, in each round, as if all worlds were level: by the mean of their medians, and
    /// what a round strayed from that of its own.
    pub(super) fn faster(&self, one: usize, other: usize) -> Vec<f64> {
        let worlds: Vec<_> = self.by_world(one, other).collect();
        let mean = worlds.iter().map(|(_, centre)| centre).sum::<f64>() / to_f64(worlds.len());
        let level = |(logs, centre): (Vec<f64>, f64)| logs.into_iter().map(move |log| mean + (log - centre));
        worlds.into_iter().flat_map(level).collect()
    }

    /// How much faster one was than another in the world in which that is least.
    fn least_faster(&self, one: usize, other: usize) -> f64 {
        self.by_world(one, other).map(|(_, centre)| centre).fold(f64::INFINITY, f64::min)
    }

    /// The times of one, a lap's as the geometric mean of all worlds.
    pub(super) fn times(&self, one: usize) -> Vec<f64> {
        let laps = self.0.iter().map(|times| times[one].len()).min().unwrap_or(0);
        let log = |lap: usize| self.0.iter().map(|times| times[one][lap].ln()).sum::<f64>();
        (0..laps).map(|lap| (log(lap) / to_f64(self.0.len())).exp()).collect()
    }
}

/// Everyone who takes part, with the times of the heats.
struct Field {
    incumbent: usize,
    right: Vec<bool>,
    /// Those still in.
    running: Vec<usize>,
    /// The times of each, from the first round to its last. One more than contestants: the incumbent's second start.
    times: Vec<Vec<f64>>,
}

impl Field {
    fn new(right: Vec<bool>, incumbent: usize) -> Self {
        let running = (0..right.len()).filter(|&contestant| right[contestant]).collect();
        Self { incumbent, times: vec![Vec::new(); right.len() + 1], right, running }
    }

    fn faster(&self, one: usize, other: usize) -> Option<Interval> {
        Interval::of(&faster(&self.times[one], &self.times[other]))
    }

    fn centre(&self, contestant: usize) -> f64 {
        self.faster(contestant, self.incumbent).map_or(f64::NEG_INFINITY, |interval| interval.centre)
    }

    /// The fastest of those still in, by medians.
    fn leader(&self, among: impl Fn(usize) -> bool) -> Option<usize> {
        let running = self.running.iter().copied().filter(|&contestant| among(contestant));
        running.max_by(|&a, &b| self.centre(a).total_cmp(&self.centre(b)))
    }

    /// Lets those go on that look fastest, fewer the more of the time is spent: of n newcomers n^(1 - spent), and whoever
    /// is tied with the leader. That is sequential halving (Karnin, Koren and Somekh, "Almost optimal exploration in
    /// multi-armed bandits", 2013) without its steps: of a given time, most goes to telling the fastest apart.
    fn drop_slower(&mut self, spent: f64) {
        let newcomers = self.right.iter().filter(|right| **right).count() - 1;
        let keep = to_f64(newcomers).powf(1.0 - spent.min(1.0)).max(FINALISTS);
        let mut centres: Vec<f64> = self.newcomers().map(|newcomer| self.centre(newcomer)).collect();
        centres.sort_by(|a, b| b.total_cmp(a));
        let last = centres.iter().zip(0_u32..).take_while(|(_, at)| f64::from(*at) < keep).last();
        let (Some(&leader), Some((&last, _))) = (centres.first(), last) else { return };
        let slowest = last.min(leader - TIE);
        let keep = |contestant: usize| contestant == self.incumbent || self.centre(contestant) >= slowest;
        self.running = self.running.iter().copied().filter(|&contestant| keep(contestant)).collect();
    }

    /// Those still in, but the incumbent.
    fn newcomers(&self) -> impl Iterator<Item = usize> {
        self.running.iter().copied().filter(|&contestant| contestant != self.incumbent)
    }

    fn drop_hopeless(&mut self) {
        let Some(leader) = self.leader(|_| true) else { return };
        let keep = |contestant: usize| {
            contestant == leader
                || contestant == self.incumbent
                || !is_hopeless(&faster(&self.times[contestant], &self.times[leader]))
        };
        self.running = self.running.iter().copied().filter(|&contestant| keep(contestant)).collect();
    }

    /// Who is to fight the incumbent, if anyone can still turn out to be faster by enough: of those that are tied with
    /// the fastest the plainest, and the fastest of the others, which may win where that one does not.
    fn challengers(&self, complexity: &[usize], least: f64) -> Vec<usize> {
        let newcomer = |contestant: usize| contestant != self.incumbent;
        let can_win = |&contestant: &usize| {
            self.faster(contestant, self.incumbent).is_some_and(|interval| interval.high >= least)
        };
        let Some(fastest) = self.leader(newcomer).filter(can_win) else { return Vec::new() };
        let tied = |&contestant: &usize| {
            newcomer(contestant)
                && self.faster(contestant, fastest).is_some_and(|interval| interval.centre > -TIE)
        };
        let tied = self.running.iter().copied().filter(tied);
        let plainest = tied.min_by(|&a, &b| {
            complexity[a].cmp(&complexity[b]).then(self.centre(b).total_cmp(&self.centre(a)))
        });
        let first = plainest.unwrap_or(fastest);
        let second = self.leader(|contestant| newcomer(contestant) && contestant != first);
        std::iter::once(first).chain(second.filter(can_win)).collect()
    }

    fn outcome(self, verdict: Verdict, challenger: Option<usize>, decided: Option<Decided>) -> Outcome {
        let standing = |contestant: usize| {
            let times = &self.times[contestant];
            Standing {
                right: self.right[contestant],
                rounds: times.len(),
                dropped: self.right[contestant] && !self.running.contains(&contestant),
                seconds: Interval::of(times).map(|interval| interval.centre),
                faster: self.faster(contestant, self.incumbent),
            }
        };
        let winner = match (verdict, challenger) {
            (Verdict::Replaced, Some(challenger)) => challenger,
            _ => self.incumbent,
        };
        let heats = || self.faster(self.right.len(), self.incumbent);
        Outcome {
            winner,
            verdict,
            challenger,
            duel: decided.map(|decided| decided.faster),
            control: decided.map_or_else(heats, |decided| Some(decided.control)),
            standings: (0..self.right.len()).map(standing).collect(),
        }
    }
}

fn heats<C: Course + ?Sized>(course: &mut C, field: &mut Field, rules: &Rules, random: &mut Random) {
    let (begin, again) = (course.now(), field.right.len());
    for round in 1..=rules.rounds {
        course.left(field.running.len());
        let mut order = field.running.clone();
        order.push(again);
        random.shuffle(&mut order);
        if course.is_late() {
            return;
        }
        // The worlds take turns: who is to be challenged by whom is found in the mean of all.
        course.round(round % course.worlds());
        for runner in order {
            if course.is_late() {
                return;
            }
            let contestant = if runner == again { field.incumbent } else { runner };
            field.times[runner].push(course.sample(contestant));
        }
        field.drop_hopeless();
        let seconds = course.now() - begin;
        let spent = (seconds / (HEATS * rules.seconds)).max(to_f64(round) / to_f64(rules.rounds));
        if round >= ENOUGH_ROUNDS || (round > 1 && spent > 0.25) {
            field.drop_slower(spent);
        }
        let newcomers = field.newcomers().count();
        // A candidate that is left alone has nothing more to show before its duel.
        let done = newcomers == 0 || (newcomers == 1 && round >= 8);
        let late = round >= FEWEST_ROUNDS && spent > 1.0;
        if done || late || (round >= 2 && seconds > rules.seconds) {
            break;
        }
    }
}

/// Fresh times of the incumbent, of the incumbent again, and of each challenger.
struct Duel {
    laps: Laps,
    challengers: usize,
}

/// Where the challengers' times begin.
const CHALLENGERS: usize = 2;

impl Duel {
    fn between(&self, one: usize, other: usize) -> Interval {
        Interval::of(&self.laps.faster(one, other)).expect("there was a lap")
    }

    /// How much faster a challenger is than the incumbent.
    fn faster(&self, challenger: usize) -> Interval {
        self.between(CHALLENGERS + challenger, 0)
    }

    /// How much faster the incumbent is than itself.
    fn control(&self) -> Interval {
        self.between(1, 0)
    }

    fn duels(&self) -> impl Iterator<Item = Interval> {
        (0..self.challengers).map(|challenger| self.faster(challenger))
    }

    /// The challenger that counts: the first one, if the second does not beat it, or wins where the first does not.
    fn best(&self, least: f64) -> usize {
        if self.challengers == 1 {
            return 0;
        }
        let better = self.between(CHALLENGERS + 1, CHALLENGERS);
        let better = decide(better, self.control(), least) == Decision::Wins;
        usize::from((better || !self.wins(0, least)) && self.wins(1, least))
    }

    /// The challenger that counts, and what the duel says of it.
    fn outcome(&self, challengers: &[usize], least: f64) -> (usize, Decided) {
        let best = self.best(least);
        (challengers[best], self.decide(best, least))
    }

    /// Those that win.
    fn winners(&self, challengers: &[usize], least: f64) -> Vec<usize> {
        challengers
            .iter()
            .enumerate()
            .filter(|(at, _)| self.wins(*at, least))
            .map(|(_, &challenger)| challenger)
            .collect()
    }

    fn wins(&self, challenger: usize, least: f64) -> bool {
        self.decide(challenger, least).verdict == Verdict::Replaced
    }

    /// What this duel says of a challenger, how much faster it was, and how much faster the incumbent was than itself.
    fn decide(&self, challenger: usize, least: f64) -> Decided {
        let (faster, control) = (self.faster(challenger), self.control());
        let verdict = match decide(faster, control, least) {
            Decision::Wins if self.laps.least_faster(CHALLENGERS + challenger, 0) < -LOSS => {
                Verdict::NotEverywhere
            }
            Decision::Wins => Verdict::Replaced,
            Decision::TooClose => Verdict::TooClose,
            Decision::Noisy => Verdict::Noisy,
        };
        Decided { verdict, faster, control }
    }

    /// Whether a challenger seems to be faster by enough, but may not be.
    fn promises(&self, least: f64) -> bool {
        self.duels().any(|duel| duel.centre >= least && duel.low <= 0.0)
    }

    fn is_settled(&self, least: f64) -> bool {
        let control = self.control();
        self.duels().all(|duel| is_settled(duel, control, least))
    }
}

fn fight<C: Course + ?Sized>(
    course: &mut C,
    challengers: &[usize],
    incumbent: usize,
    rules: &Rules,
    random: &mut Random,
) -> Option<Duel> {
    let begin = course.now();
    let starts: Vec<usize> = [incumbent; CHALLENGERS].iter().chain(challengers).copied().collect();
    let laps = Laps::new(course.worlds(), starts.len());
    let mut duel = Duel { laps, challengers: challengers.len() };
    for laps in 1.. {
        lap(course, &starts, &mut duel.laps, random)?;
        let spent = course.now() - begin;
        let is_late = |times: f64| laps >= FEWEST_LAPS && spent > times * (1.0 - HEATS) * rules.seconds;
        // Who looks like winning, but not surely, is given more time.
        let late = is_late(MORE) || (is_late(1.0) && !duel.promises(rules.least));
        let look = LOOKS.contains(&laps);
        if late || laps >= rules.laps.max(FEWEST_LAPS) || (look && duel.is_settled(rules.least)) {
            break;
        }
    }
    Some(duel)
}

#[cfg(test)]
mod tests;
