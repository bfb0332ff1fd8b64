//! All tournaments of a run, within its time.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use raptors_profile::Place;

use super::{
    case::{Case, Filter, cases},
    found::{Findings, Found},
    row::{Row, Timed, confirm, tune},
    statistics::to_f64,
    subject::{Checked, Contestant, OnMachine, calls, worlds},
    tournament::{Course as _, LAPS, Laps, Random, Verdict, lap},
};
use crate::{Dtype, Error, Isa};

/// What is to be tuned, and in what time.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which operations and element types.
    pub filter: Filter,
    /// How long it may take.
    pub budget: Duration,
    /// Whether buckets are judged by several shapes.
    pub full: bool,
    /// Threads, for the rows about threads.
    pub threads: usize,
    /// What the order of contestants is drawn from.
    pub seed: u64,
    /// Kernels that are incumbents in the place of those that the tables name, by table and row.
    pub incumbents: BTreeMap<(String, String), String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            budget: Duration::from_mins(9),
            full: false,
            threads: crate::num_threads(),
            seed: 1,
            incumbents: BTreeMap::new(),
        }
    }
}

/// Told how a run goes on.
pub trait Observer {
    /// A case is about to begin, of so many: whether the run is to go on, or to end here.
    fn begins(&mut self, at: usize, of: usize, case: &Case) -> ControlFlow<()>;
    /// So many candidates are still in.
    fn left(&mut self, candidates: usize);
    /// A case has ended; the rest takes about so long.
    fn ends(&mut self, found: &Found, rest: Duration);
    /// All have had their turn, and so many have another one.
    fn again(&mut self, why: Again, rows: usize);
}

/// Why rows have another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// They could not be told in the noise, and there is time left.
    Noisy,
    /// They are to change, and that is confirmed.
    Changed,
}

/// Holds all tournaments. Calls of other threads use one thread meanwhile.
///
/// # Errors
/// [`Error::Environment`] if a variable cannot be honoured, [`Error::OutOfMemory`] if the matrices of a case find no
/// room, [`Error::Cancelled`] if the observer ends it.
pub fn run(settings: &Settings, observer: &mut dyn Observer) -> Result<Findings, Error> {
    let begin = Instant::now();
    let isa = crate::isa()?;
    let before = crate::thread_limit();
    // Kernels are compared on one thread.
    crate::set_num_threads(1)?;
    let found = Run::new(settings, isa, begin, observer).and_then(Run::findings);
    crate::set_thread_limit(before)?;
    found
}

/// A run: every row has its turn; then those that could not be told have another one, in the time that is left; then
/// those that are to change have to win once more.
struct Run<'a> {
    settings: &'a Settings,
    isa: Isa,
    competing: Vec<Isa>,
    all: Vec<Case>,
    rows: Vec<Row>,
    /// For each row the one before it that it is decided along with, if there is one: whose calls do the same work, and
    /// that says the same.
    twins: Vec<Option<usize>>,
    /// What was found of each, as far as the run has come.
    found: Vec<Found>,
    /// Whether other processes kept the cores busy when something of it was judged.
    busy: Vec<bool>,
    timed: Timed<'a>,
    begin: Instant,
    pace: Pace,
}

impl<'a> Run<'a> {
    fn new(
        settings: &'a Settings,
        isa: Isa,
        begin: Instant,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let competing = competing(isa)?;
        let all = cases(&settings.filter, crate::caches(), settings.full);
        let row = |case| Row::of(case, isa, &competing, settings);
        let rows = all.iter().map(row).collect::<Result<Vec<_>, Error>>()?;
        let twin = |at: usize| {
            (0..at).find(|&before| all[at].does_the_work_of(&all[before]) && rows[at] == rows[before])
        };
        let twins = (0..all.len()).map(twin).collect();
        let timed = Timed::new(settings.seed, begin + settings.budget, observer);
        let (found, busy, pace) = (Vec::new(), vec![false; all.len()], Pace::default());
        Ok(Self { settings, isa, competing, all, rows, twins, found, busy, timed, begin, pace })
    }

    fn findings(mut self) -> Result<Findings, Error> {
        let every: Vec<usize> = (0..self.all.len()).collect();
        self.pass(&every, Self::demand, Self::left_before_the_end, Self::tune)?;

        let mut left = self.left_before_the_end();
        let mut noisy = self.pick(|found| found.verdict == Verdict::Noisy);
        noisy.retain(|&at| {
            left -= self.demand(at);
            left > 0.0
        });
        self.timed.observer.again(Again::Noisy, noisy.len());
        self.pass(&noisy, Self::demand, Self::left_before_the_end, Self::tune)?;

        let changed = self.pick(Found::changes);
        self.timed.observer.again(Again::Changed, changed.len());
        self.pass(&changed, Self::demand_again, Self::left, |run, at, seconds| {
            confirm(&run.all[at], run.found[at].clone(), seconds, &mut run.timed)
        })?;

        for (at, twin) in self.twins.iter().enumerate() {
            if let Some(twin) = *twin {
                (self.found[at], self.busy[at]) = (self.found[twin].of_twin(&self.all[at]), self.busy[twin]);
            }
        }
        let mut wrong: Vec<_> =
            self.timed.checked.wrong().map(|(kernel, why)| (kernel, why.to_owned())).collect();
        wrong.sort_unstable();
        Ok(Findings {
            isa: self.isa.name(),
            competing: self.competing.into_iter().map(Isa::name).collect(),
            threads: self.settings.threads,
            seconds: self.begin.elapsed().as_secs_f64(),
            cases: self.found,
            busy: self.busy.into_iter().filter(|busy| *busy).count(),
            wrong,
        })
    }

    /// Those rows, other than twins, of which that was found.
    fn pick(&self, wanted: impl Fn(&Found) -> bool) -> Vec<usize> {
        (0..self.found.len()).filter(|&at| self.twins[at].is_none() && wanted(&self.found[at])).collect()
    }

    fn tune(&mut self, at: usize, seconds: f64) -> Result<Found, Error> {
        let (case, row) = (&self.all[at], self.rows[at]);
        if let Some(twin) = self.twins[at] {
            return Ok(self.found[twin].of_twin(case));
        }
        self.busy[at] = false;
        tune(case, self.isa, &self.competing, row, self.settings.threads, seconds, &mut self.timed)
    }

    /// Some work on each of these rows, in the time that is left, which they share by what each asks for.
    fn pass(
        &mut self,
        which: &[usize],
        demand: impl Fn(&Self, usize) -> f64,
        left: impl Fn(&Self) -> f64,
        mut work: impl FnMut(&mut Self, usize, f64) -> Result<Found, Error>,
    ) -> Result<(), Error> {
        let demands: Vec<f64> = which.iter().map(|&at| demand(self, at)).collect();
        for (turn, &at) in which.iter().enumerate() {
            if self.timed.observer.begins(turn, which.len(), &self.all[at]).is_break() {
                return Err(Error::Cancelled);
            }
            let shares = shares(&demands[turn..], left(self));
            let (start, told) = (Instant::now(), self.pace.tell(shares[0]));
            let found = work(self, at, told)?;
            self.pace.took(told, start.elapsed().as_secs_f64());
            self.timed.observer.ends(&found, Duration::from_secs_f64(shares[1..].iter().sum()));
            self.busy[at] |= mem::take(&mut self.timed.busy);
            // The first pass comes to one row after the other.
            match self.found.get_mut(at) {
                Some(before) => *before = found,
                None => self.found.push(found),
            }
        }
        Ok(())
    }

    /// Seconds that are left.
    fn left(&self) -> f64 {
        self.settings.budget.saturating_sub(self.begin.elapsed()).as_secs_f64()
    }

    /// Seconds that are left for tournaments: without what those ask for that are to win once more.
    fn left_before_the_end(&self) -> f64 {
        let changed = self.pick(Found::changes).into_iter();
        (self.left() - changed.map(|at| self.demand_again(at)).sum::<f64>()).max(0.0)
    }

    /// Seconds that a row asks for, about.
    fn demand(&self, at: usize) -> f64 {
        if self.twins[at].is_some() {
            return 0.0;
        }
        let case = &self.all[at];
        let heats = to_f64(case.candidates(&self.competing).len()) * 9.0;
        // Two challengers at most, and the incumbent twice.
        let duel = to_f64(4 * LAPS * worlds(case.bytes()));
        let is_cut = self.settings.threads > 1 && matches!(case.place, Place::Bucket(..));
        sample(case) * (heats + duel + if is_cut { duel } else { 0.0 })
    }

    /// Seconds that it asks for to be confirmed.
    fn demand_again(&self, at: usize) -> f64 {
        let found = &self.found[at];
        let duels =
            2 * usize::from(found.winner != found.incumbent) + usize::from(found.new_cuts().is_some());
        // The incumbent twice, and once more at both ends of a bucket; and a winner is measured against the default.
        let laps = 2 * duels * 3 * LAPS + 2 * LAPS;
        sample(&self.all[at]) * to_f64(laps * worlds(self.all[at].bytes()))
    }
}

/// Seconds of a sample, about: of what a core moves on a slow day, or what short calls fill.
fn sample(case: &Case) -> f64 {
    const RATE: f64 = 8e9;
    const SHORT: f64 = 3e-4;
    let call = to_f64(case.bytes()) / RATE;
    (calls(case.bytes()) * call).max(SHORT) * to_f64(case.shapes.len())
}

/// Times of these kernels on one thread, each in every lap, in random order: seconds of one call, the geometric mean of all
/// ways to call, by kernel. Nobody is dropped, and nothing is decided: for who wants to judge a tournament.
///
/// # Errors
/// As [`run`]; [`Error::Kernel`] for a kernel that is not right.
pub fn rounds(
    case: &Case,
    kernels: &[&'static str],
    rounds: usize,
    random: &mut Random,
) -> Result<Vec<Vec<f64>>, Error> {
    // Nobody waits for the end of it.
    const EVER: Duration = Duration::from_hours(1000);
    let laps = laps(case, kernels, rounds, Instant::now() + EVER, random)?;
    Ok((0..kernels.len()).map(|at| laps.times(at)).collect())
}

/// The laps behind [`rounds`], as many as there is time for.
pub(super) fn laps(
    case: &Case,
    kernels: &[&'static str],
    count: usize,
    until: Instant,
    random: &mut Random,
) -> Result<Laps, Error> {
    fn typed<T: crate::Element>(
        case: &Case,
        kernels: &[&'static str],
        count: usize,
        until: Instant,
        random: &mut Random,
    ) -> Result<Laps, Error> {
        let contestants = kernels.iter().map(|kernel| Contestant { kernel, cut: None }).collect();
        let (mut checked, mut left) = (Checked::default(), |_| {});
        let mut laps = Laps::new(worlds(case.bytes()), kernels.len());
        let Some(mut course) = OnMachine::<T>::new(case, contestants, &mut checked, until, &mut left)? else {
            return Ok(laps);
        };
        if let Some(wrong) = (0..kernels.len()).find(|&at| !course.is_right(at)) {
            let reason = "its result is not that of the oracle".to_owned();
            return Err(Error::Kernel { kernel: kernels[wrong], reason });
        }
        let all: Vec<usize> = (0..kernels.len()).collect();
        for _ in 0..count {
            if lap(&mut course, &all, &mut laps, random).is_none() {
                break;
            }
        }
        Ok(laps)
    }
    match case.dtype {
        Dtype::F32 => typed::<f32>(case, kernels, count, until, random),
        Dtype::F64 => typed::<f64>(case, kernels, count, until, random),
    }
}

/// How cases share the time that is left, by what each asks for.
///
/// The variance of what is found of a case goes with what a round costs over the time it gets, so the sum of all is least
/// if the time goes with the root of the cost: many short calls do not starve beside few long ones. With time to spare a
/// case gets more than it asks for, which makes intervals narrower; but not without end.
fn shares(demands: &[f64], left: f64) -> Vec<f64> {
    const MOST: f64 = 5.0;
    let roots: f64 = demands.iter().map(|demand| demand.sqrt()).sum();
    demands.iter().map(|demand| (demand.sqrt() / roots * left).min(MOST * demand)).collect()
}

/// How much more time cases take than they are told: a duel that is not settled goes on, a winner fights twice.
#[derive(Default)]
struct Pace {
    told: f64,
    took: f64,
}

impl Pace {
    /// The time to tell a case of, so that it takes its share.
    fn tell(&self, share: f64) -> f64 {
        if self.took > self.told { share * self.told / self.took } else { share }
    }

    /// A case was told of so much time, and took that much. What was long ago counts for less.
    fn took(&mut self, told: f64, took: f64) {
        const MEMORY: f64 = 0.95;
        self.told = MEMORY * self.told + told;
        self.took = MEMORY * self.took + took;
    }
}

/// The instruction set in use and the plainer ones whose kernels are in its tables: those that compete.
///
/// # Errors
/// [`Error::Environment`] if a variable cannot be honoured.
pub fn competing(isa: Isa) -> Result<Vec<Isa>, Error> {
    let mut isas = BTreeSet::from([isa]);
    for case in cases(&Filter::default(), crate::caches(), false) {
        isas.insert(case.explain()?.isa);
    }
    Ok(isas.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::{Pace, shares};

    #[test]
    fn who_takes_more_than_its_share_is_told_of_less() {
        let mut pace = Pace::default();
        assert!((pace.tell(2.0) - 2.0).abs() < 1e-12);
        for _ in 0..100 {
            let told = pace.tell(2.0);
            pace.took(told, 1.5 * told);
        }
        assert!((1.5 * pace.tell(2.0) - 2.0).abs() < 1e-12);
        // With time to spare nobody is told of more.
        let mut pace = Pace::default();
        pace.took(2.0, 1.0);
        assert!((pace.tell(2.0) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn time_goes_with_the_root_of_what_cases_ask_for() {
        assert_eq!(shares(&[1.0, 100.0], 11.0), [1.0, 10.0]);
        // Nobody gets more than five times what it asks for.
        assert_eq!(shares(&[1.0, 100.0], 1100.0), [5.0, 500.0]);
        assert_eq!(shares(&[4.0], 0.0), [0.0]);
        assert!(shares(&[], 1.0).is_empty());
    }
}
