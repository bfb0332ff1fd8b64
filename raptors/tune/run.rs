//! All tournaments of a run, within its time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, mem,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use raptors_profile::Place;
use serde::Serialize;

use super::{
    case::{Case, Filter, cases, complexity},
    cores,
    cuts::{self, Cuts, Tasks},
    limit::Limits,
    statistics::{self, Interval, faster, to_f64},
    subject::{Checked, Contestant, OnMachine, warm},
    tournament::{Course as _, Outcome, Random, Rules, Verdict, hold},
};
use crate::{Dtype, Error, Isa, catalogue::Kernel};

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
}

/// What was found of a whole run.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The instruction set whose tables were tuned.
    pub isa: &'static str,
    /// The instruction sets whose kernels competed.
    pub competing: Vec<&'static str>,
    /// Threads, for the rows about threads.
    pub threads: usize,
    /// What it took.
    pub seconds: f64,
    /// Each case.
    pub cases: Vec<Found>,
    /// Rows in which something was not judged, because other processes kept the cores busy.
    pub busy: usize,
    /// Kernels that do not compute what they should, and how that showed.
    pub wrong: Vec<(&'static str, String)>,
}

/// What was found of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The operation.
    pub op: &'static str,
    /// Element type.
    pub dtype: &'static str,
    /// The numeric class.
    pub numerics: &'static str,
    /// The table in a profile: `scale.f32.avx2`.
    pub table: String,
    /// The row of that table: `512x512`, `l2 square`.
    pub row: String,
    /// Rows and columns of what was measured.
    pub shapes: Vec<(usize, usize)>,
    /// Bytes that a call reads and writes.
    pub bytes: usize,
    /// The kernel that the table has.
    pub incumbent: &'static str,
    /// The kernel that the spec's defaults have.
    pub default: &'static str,
    /// The kernel that it should have.
    pub winner: &'static str,
    /// Why.
    pub verdict: Verdict,
    /// Who came to challenge, if anyone.
    pub challenger: Option<&'static str>,
    /// How much faster the challenger was than the incumbent, as a logarithm.
    pub duel: Option<Interval>,
    /// How much faster the incumbent was than itself.
    pub control: Option<Interval>,
    /// How much faster the winner is than the default, if it is new and another one.
    pub margin: Option<Interval>,
    /// Seconds of a loop that only moves the bytes, on one thread, where there is one to compare with.
    pub limit: Option<f64>,
    /// Every candidate.
    pub candidates: Vec<Candidate>,
    /// What was found about threads.
    pub cuts: Option<Cuts>,
    /// The row that was measured instead, if calls of both do the same work.
    pub as_in: Option<String>,
}

impl Found {
    /// The same, said of a row whose calls do the same work.
    fn of_twin(&self, case: &Case) -> Self {
        Self { row: case.place.to_string(), as_in: Some(self.row.clone()), ..self.clone() }
    }

    /// A kernel's name without what the table says already: `avx2_u8_pipe`.
    #[must_use]
    pub fn short<'a>(&self, kernel: &'a str) -> &'a str {
        kernel.strip_prefix(&format!("{}_{}_", self.op, self.dtype)).unwrap_or(kernel)
    }
}

/// How it ended: `avx2_u8 replaces avx2_u4, +3.1%`.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incumbent = self.short(self.incumbent);
        if let Some(row) = &self.as_in {
            return write!(f, "{}, as {row}", self.short(self.winner));
        }
        match self.verdict {
            Verdict::Replaced => {
                write!(f, "{} replaces {incumbent}", self.short(self.winner))?;
                self.duel.map_or(Ok(()), |duel| write!(f, ", {:+.1}%", statistics::percent(duel.centre)))
            }
            Verdict::TooClose => write!(f, "{incumbent} stays, ties change nothing"),
            Verdict::NoneFaster => write!(f, "{incumbent} stays, none is faster"),
            Verdict::Alone => write!(f, "{incumbent} stays, the only one"),
            Verdict::Noisy => write!(f, "{incumbent} stays, too noisy to tell"),
            Verdict::IncumbentWrong => write!(f, "{} IS WRONG", self.incumbent),
        }
    }
}

/// A candidate of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// The kernel.
    pub kernel: &'static str,
    /// What it varies, in words.
    pub variant: &'static str,
    /// The hash of its generated body.
    pub body: u64,
    /// Whether it has the bits of the oracle.
    pub right: bool,
    /// Whether it was given up before the end.
    pub dropped: bool,
    /// Rounds that it ran.
    pub rounds: usize,
    /// The median of its times on one thread, in seconds.
    pub seconds: Option<f64>,
    /// How much faster it was than the incumbent, as a logarithm.
    pub faster: Option<Interval>,
}

/// What all tournaments of a run share.
pub(super) struct Timed<'a> {
    checked: Checked,
    random: Random,
    limits: Limits,
    /// Whether other processes kept the cores busy when something of this row was judged.
    pub(super) busy: bool,
    observer: &'a mut dyn Observer,
}

impl Timed<'_> {
    /// Holds a tournament on this machine.
    pub(super) fn hold(
        &mut self,
        case: &Case,
        contestants: &[Contestant],
        complexity: &[usize],
        incumbent: usize,
        rules: &Rules,
    ) -> Result<Outcome, Error> {
        match case.dtype {
            Dtype::F32 => self.hold_typed::<f32>(case, contestants, complexity, incumbent, rules),
            Dtype::F64 => self.hold_typed::<f64>(case, contestants, complexity, incumbent, rules),
        }
    }

    fn hold_typed<T: crate::Element>(
        &mut self,
        case: &Case,
        contestants: &[Contestant],
        complexity: &[usize],
        incumbent: usize,
        rules: &Rules,
    ) -> Result<Outcome, Error> {
        let mut left = |candidates| self.observer.left(candidates);
        let mut course = OnMachine::<T>::new(case, contestants.to_vec(), &mut self.checked, &mut left)?;
        let outcome = hold(&mut course, complexity, incumbent, rules, &mut self.random);
        if outcome.verdict == Verdict::Replaced && !cores::are_quiet() {
            self.busy = true;
            return Ok(Outcome { winner: incumbent, verdict: Verdict::Noisy, ..outcome });
        }
        Ok(outcome)
    }
}

/// Holds all tournaments. Calls of other threads use one thread meanwhile.
///
/// # Errors
/// [`Error::Environment`] if a variable cannot be honoured, [`Error::OutOfMemory`] if the matrices of a case find no
/// room, [`Error::Cancelled`] if the observer ends it.
pub fn run(settings: &Settings, observer: &mut dyn Observer) -> Result<Findings, Error> {
    let begin = Instant::now();
    let isa = crate::isa()?;
    let threads = crate::num_threads();
    // Kernels are compared on one thread.
    crate::set_num_threads(1)?;
    let found = on_one_thread(settings, isa, begin, observer);
    crate::set_num_threads(threads)?;
    found
}

fn on_one_thread(
    settings: &Settings,
    isa: Isa,
    begin: Instant,
    observer: &mut dyn Observer,
) -> Result<Findings, Error> {
    let competing = competing(isa)?;
    let all = cases(&settings.filter, crate::caches(), settings.full);
    let rows =
        all.iter().map(|case| Row::of(case, isa, &competing, settings)).collect::<Result<Vec<_>, Error>>()?;
    // A row whose calls do the work of one before, and that says the same, is decided along with it.
    let twin = |at: usize| {
        (0..at).find(|&before| all[at].does_the_work_of(&all[before]) && rows[at] == rows[before])
    };
    let twins: Vec<Option<usize>> = (0..all.len()).map(twin).collect();
    let demand = |(case, twin): (&Case, &Option<usize>)| match twin {
        None => demand(case, &competing, settings.threads),
        Some(_) => 0.0,
    };
    let demands: Vec<f64> = all.iter().zip(&twins).map(demand).collect();
    let mut timed = Timed {
        checked: Checked::default(),
        random: Random::new(settings.seed),
        limits: Limits::default(),
        busy: false,
        observer,
    };
    let (mut found, mut busy): (Vec<Found>, Vec<bool>) = (Vec::new(), Vec::new());
    let mut pace = Pace::default();
    for (at, case) in all.iter().enumerate() {
        if timed.observer.begins(at, all.len(), case).is_break() {
            return Err(Error::Cancelled);
        }
        let left = settings.budget.saturating_sub(begin.elapsed()).as_secs_f64();
        let shares = shares(&demands[at..], left);
        let one = if let Some(twin) = twins[at] {
            busy.push(busy[twin]);
            found[twin].of_twin(case)
        } else {
            let start = Instant::now();
            let told = pace.tell(shares[0]);
            let one = tune(case, isa, &competing, rows[at], settings.threads, told, &mut timed)?;
            pace.took(told, start.elapsed().as_secs_f64());
            busy.push(mem::take(&mut timed.busy));
            one
        };
        timed.observer.ends(&one, Duration::from_secs_f64(shares[1..].iter().sum()));
        found.push(one);
    }
    let mut wrong: Vec<_> = timed.checked.wrong().map(|(kernel, why)| (kernel, why.to_owned())).collect();
    wrong.sort_unstable();
    Ok(Findings {
        isa: isa.name(),
        competing: competing.into_iter().map(Isa::name).collect(),
        threads: settings.threads,
        seconds: begin.elapsed().as_secs_f64(),
        cases: found,
        busy: busy.into_iter().filter(|busy| *busy).count(),
        wrong,
    })
}

/// Times of these kernels on one thread, each in every round, in random order: seconds of one call, by kernel. Nobody is
/// dropped, and nothing is decided: for who wants to judge a tournament.
///
/// # Errors
/// As [`run`]; [`Error::Kernel`] for a kernel that is not right.
pub fn rounds(
    case: &Case,
    kernels: &[&'static str],
    rounds: usize,
    random: &mut Random,
) -> Result<Vec<Vec<f64>>, Error> {
    fn typed<T: crate::Element>(
        case: &Case,
        kernels: &[&'static str],
        rounds: usize,
        random: &mut Random,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let contestants = kernels.iter().map(|kernel| Contestant { kernel, cut: None }).collect();
        let (mut checked, mut left) = (Checked::default(), |_| {});
        let mut course = OnMachine::<T>::new(case, contestants, &mut checked, &mut left)?;
        if let Some(wrong) = (0..kernels.len()).find(|&at| !course.is_right(at)) {
            let reason = "its result is not that of the oracle".to_owned();
            return Err(Error::Kernel { kernel: kernels[wrong], reason });
        }
        let mut times = vec![Vec::new(); kernels.len()];
        let mut order: Vec<usize> = (0..kernels.len()).collect();
        for _ in 0..rounds {
            random.shuffle(&mut order);
            course.round();
            for &at in &order {
                times[at].push(course.sample(at));
            }
        }
        Ok(times)
    }
    match case.dtype {
        Dtype::F32 => typed::<f32>(case, kernels, rounds, random),
        Dtype::F64 => typed::<f64>(case, kernels, rounds, random),
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

/// Seconds that a case needs, about.
fn demand(case: &Case, isas: &[Isa], threads: usize) -> f64 {
    // What a core moves in a second, on a slow day; and what a sample of a short call takes.
    const RATE: f64 = 8e9;
    const SAMPLE: f64 = 3e-4;
    let call = to_f64(case.bytes()) / RATE;
    let calls = to_f64(1 + warm(case.bytes()));
    let sample = (calls * call).max(SAMPLE) * to_f64(case.shapes.len());
    let heats = to_f64(case.candidates(isas).len()) * 9.0;
    // Two challengers at most, and the incumbent twice.
    let duel = 4.0 * 25.0;
    let cuts = if threads > 1 && matches!(case.place, Place::Bucket(..)) { 100.0 } else { 0.0 };
    sample * (heats + duel + cuts)
}

/// The table that a case is a row of, as a profile names it.
pub(super) fn table(case: &Case, isa: Isa) -> String {
    let class = match (case.inplace, case.numerics == crate::Numerics::default()) {
        (true, _) => "-inplace",
        (false, true) => "",
        (false, false) => "-acc",
    };
    format!("{}.{}.{}{class}", case.op.name, case.dtype, isa.name())
}

fn tune(
    case: &Case,
    isa: Isa,
    isas: &[Isa],
    row: Row,
    threads: usize,
    seconds: f64,
    timed: &mut Timed<'_>,
) -> Result<Found, Error> {
    let kernels = case.candidates(isas);
    // A table whose row is none of the candidates is one that nothing can be compared with.
    let Some(incumbent) = kernels.iter().position(|kernel| kernel.name == row.in_force) else {
        return Ok(found(case, isa, row, &[], &alone(), None));
    };
    let contestants: Vec<_> =
        kernels.iter().map(|kernel| Contestant { kernel: kernel.name, cut: None }).collect();
    let complexity: Vec<_> = kernels.iter().map(|kernel| complexity(kernel)).collect();
    let share = if threads > 1 && matches!(case.place, Place::Bucket(..)) { 0.6 } else { 1.0 };
    let rules = Rules::new(share * seconds);
    let mut outcome = timed.hold(case, &contestants, &complexity, incumbent, &rules)?;
    let mut cuts = None;
    if outcome.verdict != Verdict::IncumbentWrong {
        let best = best_few(&outcome, &kernels);
        let tables = (row.tasks, row.default_tasks);
        if let Some(decided) = cuts::decide(case, &best, threads, tables, (1.0 - share) * seconds, timed)? {
            // What one thread could not tell apart threads can: they may have it back as it was, too.
            if let Some((kernel, duel)) = decided.instead
                && let Some(other) = kernels.iter().position(|other| other.name == kernel)
            {
                let back = other == incumbent;
                outcome = Outcome {
                    winner: other,
                    verdict: if back { Verdict::NoneFaster } else { Verdict::Replaced },
                    challenger: Some(other).filter(|_| !back),
                    duel: duel.filter(|_| !back),
                    ..outcome
                };
            }
            cuts = Some(decided.cuts);
        }
    }
    let limit = timed.limits.seconds(case);
    let found = found(case, isa, row, &kernels, &outcome, cuts);
    let margin = margin(case, &found, timed)?;
    Ok(Found { margin, limit, ..found })
}

/// Rounds in which a winner is measured against a default that was not the incumbent.
const PAIRS: usize = 41;

/// How much faster a new winner is than the spec's default: what a profile says of it.
fn margin(case: &Case, found: &Found, timed: &mut Timed<'_>) -> Result<Option<Interval>, Error> {
    if found.winner == found.incumbent || found.winner == found.default {
        return Ok(None);
    }
    if found.incumbent == found.default {
        return Ok(found.duel);
    }
    let pairs = rounds(case, &[found.winner, found.default], PAIRS, &mut timed.random)?;
    Ok(Interval::of(&faster(&pairs[0], &pairs[1])))
}

/// The outcome where there is nobody.
fn alone() -> Outcome {
    Outcome {
        winner: 0,
        verdict: Verdict::Alone,
        challenger: None,
        duel: None,
        control: None,
        standings: Vec::new(),
    }
}

/// The winner, and the fastest of the others that are not clearly slower.
fn best_few(outcome: &Outcome, kernels: &[&'static Kernel]) -> Vec<&'static str> {
    const FEW: usize = 5;
    const TIED: f64 = 0.03;
    let speed = |at: usize| outcome.standings[at].faster.map_or(f64::NEG_INFINITY, |faster| faster.centre);
    let winner = outcome.winner;
    let mut others: Vec<usize> =
        (0..kernels.len()).filter(|&at| at != winner && speed(at) > speed(winner) - TIED).collect();
    others.sort_by(|&a, &b| speed(b).total_cmp(&speed(a)));
    std::iter::once(winner).chain(others).take(FEW).map(|at| kernels[at].name).collect()
}

/// What the table has for a case.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Row {
    in_force: &'static str,
    default: &'static str,
    tasks: Tasks,
    default_tasks: Tasks,
}

impl Row {
    fn of(case: &Case, isa: Isa, isas: &[Isa], settings: &Settings) -> Result<Self, Error> {
        let wish = settings.incumbents.get(&(table(case, isa), case.place.to_string()));
        let wish = wish.and_then(|wish| case.candidates(isas).into_iter().find(|kernel| kernel.name == wish));
        let explained = case.explain()?;
        let (tasks, default_tasks) = cuts::table(case, settings.threads)?;
        let in_force = wish.map_or(explained.kernel, |wish| wish.name);
        Ok(Self { in_force, default: explained.default, tasks, default_tasks })
    }
}

fn found(
    case: &Case,
    isa: Isa,
    row: Row,
    kernels: &[&'static Kernel],
    outcome: &Outcome,
    cuts: Option<Cuts>,
) -> Found {
    let candidate = |(kernel, standing): (&&'static Kernel, &super::tournament::Standing)| Candidate {
        kernel: kernel.name,
        variant: kernel.variant,
        body: kernel.body.unwrap_or_default(),
        right: standing.right,
        dropped: standing.dropped,
        rounds: standing.rounds,
        seconds: standing.seconds,
        faster: standing.faster,
    };
    Found {
        op: case.op.name,
        dtype: case.dtype.name(),
        numerics: case.numerics.name(),
        table: table(case, isa),
        row: case.place.to_string(),
        shapes: case.shapes.clone(),
        bytes: case.bytes(),
        incumbent: row.in_force,
        default: row.default,
        winner: kernels.get(outcome.winner).map_or(row.in_force, |kernel| kernel.name),
        verdict: outcome.verdict,
        challenger: outcome.challenger.map(|at| kernels[at].name),
        duel: outcome.duel,
        control: outcome.control,
        margin: None,
        limit: None,
        candidates: kernels.iter().zip(&outcome.standings).map(candidate).collect(),
        cuts,
        as_in: None,
    }
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
