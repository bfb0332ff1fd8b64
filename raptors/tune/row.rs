//! One row of a table: its tournament, and at the end of the run its confirmation.

use std::time::Instant;

use raptors_profile::Place;

use super::{
    case::{Case, complexity},
    cores,
    cuts::{self, Cuts, Tasks},
    found::{Candidate, Found},
    limit::Limits,
    run::{Observer, Settings, laps},
    statistics::Interval,
    subject::{Checked, Contestant, OnMachine},
    tournament::{self, Course, Decided, LAPS, LOSS, Outcome, Random, Rules, Standing, Verdict},
};
use crate::{Dtype, Error, Isa, catalogue::Kernel};

/// What all tournaments of a run share.
pub(super) struct Timed<'a> {
    pub(super) checked: Checked,
    random: Random,
    limits: Limits,
    /// When everything has to have ended.
    pub(super) until: Instant,
    /// Whether other processes kept the cores busy when something of this row was judged.
    pub(super) busy: bool,
    pub(super) observer: &'a mut dyn Observer,
}

impl<'a> Timed<'a> {
    pub(super) fn new(seed: u64, until: Instant, observer: &'a mut dyn Observer) -> Self {
        let (checked, limits) = (Checked::default(), Limits::default());
        Self { checked, random: Random::new(seed), limits, until, busy: false, observer }
    }

    /// Whether the time is over.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() > self.until
    }

    /// Holds a tournament on this machine.
    pub(super) fn hold(
        &mut self,
        case: &Case,
        contestants: &[Contestant],
        complexity: &[usize],
        incumbent: usize,
        rules: &Rules,
    ) -> Result<Outcome, Error> {
        let outcome = self.on_course(case, contestants, |course, random| {
            tournament::hold(course, complexity, incumbent, rules, random)
        })?;
        let outcome = outcome.unwrap_or_else(|| undecided(Verdict::NoTime));
        let verdict = self.believed(outcome.verdict);
        let winner = if verdict == Verdict::Replaced { outcome.winner } else { incumbent };
        Ok(Outcome { winner, verdict, ..outcome })
    }

    /// Holds one more duel, between who has won and who was there before.
    pub(super) fn duel(
        &mut self,
        case: &Case,
        winner: Contestant,
        before: Contestant,
        seconds: f64,
    ) -> Result<Decided, Error> {
        let rules = Rules::new(seconds);
        let decided = self.on_course(case, &[before, winner], |course, random| {
            tournament::duel(course, 1, 0, &rules, random)
        })?;
        let decided = decided.flatten().unwrap_or(Decided::NOTHING);
        Ok(Decided { verdict: self.believed(decided.verdict), ..decided })
    }

    /// `None` where the time was over before all had their data.
    fn on_course<R>(
        &mut self,
        case: &Case,
        contestants: &[Contestant],
        act: impl FnOnce(&mut dyn Course, &mut Random) -> R,
    ) -> Result<Option<R>, Error> {
        let (mut left, until) = (|candidates| self.observer.left(candidates), self.until);
        let contestants = contestants.to_vec();
        Ok(match case.dtype {
            Dtype::F32 => {
                let course = OnMachine::<f32>::new(case, contestants, &mut self.checked, until, &mut left)?;
                course.map(|mut course| act(&mut course, &mut self.random))
            }
            Dtype::F64 => {
                let course = OnMachine::<f64>::new(case, contestants, &mut self.checked, until, &mut left)?;
                course.map(|mut course| act(&mut course, &mut self.random))
            }
        })
    }

    /// What becomes of a verdict. Who is fastest while another process keeps a core busy need not be so alone.
    fn believed(&mut self, verdict: Verdict) -> Verdict {
        if verdict != Verdict::Replaced {
            verdict
        } else if self.is_late() {
            Verdict::NoTime
        } else if cores::are_quiet() {
            verdict
        } else {
            self.busy = true;
            Verdict::Noisy
        }
    }

    /// Whether so many threads have a core each; not asked when the time is over.
    pub(super) fn has_cores(&mut self, threads: usize) -> bool {
        if self.is_late() {
            return false;
        }
        let are_free = cores::are_free(threads);
        self.busy |= !are_free;
        are_free
    }
}

/// What the table has for a case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    in_force: &'static str,
    default: &'static str,
    tasks: Tasks,
    default_tasks: Tasks,
}

impl Row {
    pub(super) fn of(case: &Case, isa: Isa, isas: &[Isa], settings: &Settings) -> Result<Self, Error> {
        let wish = settings.incumbents.get(&(case.table(isa), case.place.to_string()));
        let wish = wish.and_then(|wish| case.candidates(isas).into_iter().find(|kernel| kernel.name == wish));
        let explained = case.explain()?;
        let (tasks, default_tasks) = cuts::table(case, settings.threads)?;
        let in_force = wish.map_or(explained.kernel, |wish| wish.name);
        Ok(Self { in_force, default: explained.default, tasks, default_tasks })
    }
}

/// Holds the tournaments of a row: its kernels on one thread, then ways to cut its calls.
pub(super) fn tune(
    case: &Case,
    isa: Isa,
    isas: &[Isa],
    row: Row,
    threads: usize,
    seconds: f64,
    timed: &mut Timed<'_>,
) -> Result<Found, Error> {
    if timed.is_late() {
        return Ok(found(case, isa, row, &[], &undecided(Verdict::NoTime), None));
    }
    let kernels = case.candidates(isas);
    // A table whose row is none of the candidates is one that nothing can be compared with.
    let Some(incumbent) = kernels.iter().position(|kernel| kernel.name == row.in_force) else {
        return Ok(found(case, isa, row, &[], &undecided(Verdict::Alone), None));
    };
    let contestants: Vec<_> =
        kernels.iter().map(|kernel| Contestant { kernel: kernel.name, cut: None }).collect();
    let complexity: Vec<_> = kernels.iter().map(|kernel| complexity(kernel)).collect();
    let share = if threads > 1 && matches!(case.place, Place::Bucket(..)) { 0.6 } else { 1.0 };
    let rules = Rules::new(share * seconds);
    let mut outcome = timed.hold(case, &contestants, &complexity, incumbent, &rules)?;
    let (mut cuts, mut duel_threads) = (None, 1);
    if !matches!(outcome.verdict, Verdict::IncumbentWrong | Verdict::NoTime) {
        let best = best_few(&outcome, &kernels, incumbent);
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
                duel_threads = threads;
            }
            cuts = Some(decided.cuts);
        }
    }
    let limit = timed.limits.seconds(case, timed.until);
    Ok(Found { duel_threads, limit, ..found(case, isa, row, &kernels, &outcome, cuts) })
}

/// Lets what is to change win once more, later and on data elsewhere. What does not stays as it was.
pub(super) fn confirm(
    case: &Case,
    found: Found,
    seconds: f64,
    timed: &mut Timed<'_>,
) -> Result<Found, Error> {
    let mut found = found;
    if found.verdict == Verdict::Replaced {
        let mut duel = |cut| {
            let way = |kernel| Contestant { kernel, cut };
            timed.duel(case, way(found.winner), way(found.incumbent), seconds)
        };
        let alone = duel(None)?;
        let threads = found.cuts.as_ref().map_or(1, |cuts| cuts.threads);
        let cut = found.cuts.as_ref().and_then(|cuts| cuts.now().cut(case.bytes(), threads));
        let together = cut.map(|cut| duel(Some(cut))).transpose()?;
        let decided = together.filter(|_| found.duel_threads > 1).unwrap_or(alone);
        (found.duel, found.control) = (Some(decided.faster), Some(decided.control));
        let is_confirmed = is_confirmed(alone, together, found.duel_threads > 1)
            && holds_at_ends(case, &found, seconds, timed)?;
        if is_confirmed {
            found.margin = margin(case, &found, timed)?;
        }
        // Without a margin there was no time for one.
        if !is_confirmed || (found.margin.is_none() && found.winner != found.default) {
            (found.winner, found.verdict) = (found.incumbent, Verdict::Unconfirmed);
        }
    }
    found.cuts =
        found.cuts.map(|cuts| cuts::confirm(case, found.winner, cuts, seconds, timed)).transpose()?;
    Ok(found)
}

/// Whether a winner wins again: on one thread, or on several if that was what it had won on. A row names one kernel for
/// both, so it must not lose on the others what it wins here: on one thread no more than [`TOLERATED`]; and whoever wins
/// by less than that on one thread must not lose on several. So of two that are apart on both, the other way round, not
/// each run names another.
fn is_confirmed(alone: Decided, together: Option<Decided>, on_threads: bool) -> bool {
    let wins = |decided: Decided| decided.verdict == Verdict::Replaced;
    let loses = |decided: Decided| decided.faster.high < 0.0;
    if on_threads {
        together.is_some_and(wins) && alone.faster.centre > -TOLERATED
    } else {
        wins(alone) && (alone.faster.low > TOLERATED || !together.is_some_and(loses))
    }
}

/// Whether a winner does not lose near where its bucket begins and ends, on as many threads as calls take there.
fn holds_at_ends(case: &Case, found: &Found, seconds: f64, timed: &mut Timed<'_>) -> Result<bool, Error> {
    for end in case.ends() {
        let cuts = found.cuts.as_ref();
        let cut = cuts.and_then(|cuts| cuts.now().cut(end.bytes(), cuts.threads));
        // Where calls are cut, one thread has been asked in the middle.
        let way = |kernel| Contestant { kernel, cut };
        let decided = timed.duel(&end, way(found.winner), way(found.incumbent), seconds / 4.0)?;
        if decided.verdict == Verdict::NoTime || decided.faster.centre < -LOSS {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a kernel may lose on one thread for what it wins on several, as a logarithm of a ratio.
const TOLERATED: f64 = 0.05;

/// How much faster a new winner is than the spec's default: what a profile says of it.
fn margin(case: &Case, found: &Found, timed: &mut Timed<'_>) -> Result<Option<Interval>, Error> {
    if found.winner == found.default {
        return Ok(None);
    }
    if found.incumbent == found.default {
        return Ok(found.duel);
    }
    let pairs = [found.winner, found.default];
    let laps = laps(case, &pairs, LAPS, timed.until, &mut timed.random)?;
    Ok(Interval::of(&laps.faster(0, 1)))
}

/// The outcome where nothing was timed.
fn undecided(verdict: Verdict) -> Outcome {
    Outcome { winner: 0, verdict, challenger: None, duel: None, control: None, standings: Vec::new() }
}

/// The winner, and the others that are not clearly slower, the fastest first. The incumbent is let in sooner than
/// newcomers: of two that are apart on one thread, and the other way round on several, not each run names another.
fn best_few(outcome: &Outcome, kernels: &[&'static Kernel], incumbent: usize) -> Vec<&'static str> {
    const FEW: usize = 12;
    let behind = |at: usize| if at == incumbent { TOLERATED } else { 0.03 };
    let speed = |at: usize| outcome.standings[at].faster.map_or(f64::NEG_INFINITY, |faster| faster.centre);
    let winner = outcome.winner;
    let mut others: Vec<usize> =
        (0..kernels.len()).filter(|&at| at != winner && speed(at) > speed(winner) - behind(at)).collect();
    others.sort_by(|&a, &b| (b == incumbent).cmp(&(a == incumbent)).then(speed(b).total_cmp(&speed(a))));
    std::iter::once(winner).chain(others).take(FEW).map(|at| kernels[at].name).collect()
}

fn found(
    case: &Case,
    isa: Isa,
    row: Row,
    kernels: &[&'static Kernel],
    outcome: &Outcome,
    cuts: Option<Cuts>,
) -> Found {
    let candidate = |(kernel, standing): (&&'static Kernel, &Standing)| Candidate {
        kernel: kernel.name,
        variant: kernel.variant,
        body: kernel.identity,
        right: standing.right,
        dropped: standing.dropped,
        rounds: standing.rounds,
        seconds: standing.seconds,
        faster: standing.faster,
    };
    Found {
        op: case.serves(),
        dtype: case.dtype.name(),
        numerics: case.numerics.name(),
        table: case.table(isa),
        row: case.place.to_string(),
        shapes: case.shapes.clone(),
        bytes: case.bytes(),
        incumbent: row.in_force,
        default: row.default,
        winner: kernels.get(outcome.winner).map_or(row.in_force, |kernel| kernel.name),
        verdict: outcome.verdict,
        challenger: outcome.challenger.map(|at| kernels[at].name),
        duel: outcome.duel,
        duel_threads: 1,
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
    use std::{ops::ControlFlow, time::Duration};

    use super::*;
    use crate::tune::{Again, Filter, cases};

    /// Nobody watches.
    struct Nobody;

    impl Observer for Nobody {
        fn begins(&mut self, _: usize, _: usize, _: &Case) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn left(&mut self, _: usize) {
            panic!("nobody runs when the time is over");
        }

        fn ends(&mut self, _: &Found, _: Duration) {}

        fn again(&mut self, _: Again, _: usize) {}
    }

    #[test]
    fn when_the_time_is_over_there_are_no_data_and_cores_are_not_asked_for() {
        let (mut nobody, until) = (Nobody, Instant::now());
        let mut timed = Timed::new(1, until, &mut nobody);
        while !timed.is_late() {
            std::hint::spin_loop();
        }
        let case = &cases(&Filter::of(&["scale".to_owned()]).unwrap(), crate::caches(), false)[0];
        let way = Contestant { kernel: case.explain().unwrap().kernel, cut: None };
        assert_eq!(timed.on_course(case, &[way], |_, _| ()), Ok(None));
        let outcome = timed.hold(case, &[way; 3], &[0; 3], 2, &Rules::new(1.0)).unwrap();
        assert_eq!((outcome.winner, outcome.verdict), (2, Verdict::NoTime));
        assert_eq!(timed.duel(case, way, way, 1.0).unwrap().verdict, Verdict::NoTime);
        // So many never have a core each: who asks finds the machine busy.
        let many = 4 * std::thread::available_parallelism().unwrap().get();
        assert!(!timed.has_cores(many) && !timed.busy);
        assert_eq!(timed.believed(Verdict::Replaced), Verdict::NoTime);
    }

    #[test]
    fn what_a_kernel_wins_on_some_threads_it_does_not_lose_on_others() {
        let decided = |percent: f64| {
            let centre = (percent / 100.0).ln_1p();
            let interval = |centre: f64| Interval { low: centre - 0.01, centre, high: centre + 0.01 };
            let verdict = if percent >= 2.0 { Verdict::Replaced } else { Verdict::TooClose };
            Decided { verdict, faster: interval(centre), control: interval(0.0) }
        };
        let is_confirmed = |alone, together: Option<f64>, on_threads| {
            is_confirmed(decided(alone), together.map(decided), on_threads)
        };
        // Where calls are not cut, one thread decides.
        assert!(is_confirmed(3.0, None, false) && !is_confirmed(1.0, None, false));
        // What is a little faster on one thread and slower on several is not what the row should name.
        assert!(is_confirmed(3.0, Some(0.0), false) && !is_confirmed(3.0, Some(-20.0), false));
        assert!(is_confirmed(9.0, Some(-20.0), false));
        // And the other way round.
        assert!(is_confirmed(-3.0, Some(20.0), true) && !is_confirmed(-3.0, Some(1.0), true));
        assert!(!is_confirmed(-9.0, Some(20.0), true));
    }
}
