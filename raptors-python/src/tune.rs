//! The tournament, for `python/raptors/_tune.py`: held without Python's lock, and watched by a function of Python's.

use std::{
    io,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};

use pyo3::{
    exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyValueError},
    prelude::*,
    types::PyTuple,
};
use raptors::tune::{
    Again, Case, Filter, Findings, Found, Observer, ProfileError, ProfileFile, Settings, own_folder, run,
    statistics::Interval, tournament::Verdict,
};

use crate::{error, run::panicked};

/// How often the function is called while a row is measured: it takes time that is not measured, and leaves the caches
/// otherwise than it found them.
const EVERY: Duration = Duration::from_millis(100);

/// Held by the one run that there may be in a process: it changes the number of threads for all.
static ALONE: Mutex<()> = Mutex::new(());

/// The profile that was written; table, row, before, after and margin of what changed; seconds; what is to be warned of.
type Tuned = (Option<PathBuf>, Vec<Change>, f64, Vec<String>);

/// Table, row, before, after, and by how much faster that is: 0.031 is 3.1 %.
type Change = (String, String, String, String, Option<f64>);

/// Holds the tournaments of a part, and writes what they found into the user's profile.
///
/// `observer` is called with the row, its number from 1 and how many there are, the candidates that are still in, the
/// seconds that the rows after this one take, and how the row ended; with None for what is not known yet.
#[pyfunction]
#[pyo3(name = "_tune")]
pub(crate) fn tune(
    py: Python<'_>,
    what: &Bound<'_, PyTuple>,
    budget: f64,
    full: bool,
    threads: Option<usize>,
    dry_run: bool,
    observer: Py<PyAny>,
) -> PyResult<Tuned> {
    let raised = |refused| error::raised(&refused);
    let filter = Filter::of(&what.extract::<Vec<String>>()?).map_err(raised)?;
    let budget =
        Duration::try_from_secs_f64(budget).ok().filter(|budget| !budget.is_zero()).ok_or_else(|| {
            PyValueError::new_err(format!("budget must be a number of seconds above 0 (got {budget})"))
        })?;
    let folder = own_folder().map_err(raised)?.ok_or_else(|| {
        PyValueError::new_err("there is no home folder for a profile: XDG_CONFIG_HOME can name another")
    })?;
    // Before the work, so that a profile that cannot be read is no surprise after it.
    let before = ProfileFile::own(&folder).map_err(|refused| unusable(&refused))?;
    let Ok(_alone) = ALONE.try_lock() else {
        return Err(PyRuntimeError::new_err("raptors.tune is under way in this process already"));
    };
    let _before = Threads(raptors::num_threads());
    if let Some(threads) = threads {
        raptors::set_num_threads(threads).map_err(raised)?;
    }
    let threads = raptors::num_threads();
    let settings = Settings { filter, budget, full, threads, ..Settings::default() };

    let mut watcher = Watcher::new(observer);
    let outcome = py.detach(|| catch_unwind(AssertUnwindSafe(|| run(&settings, &mut watcher))));
    // An interrupt may have come when the last row was done.
    watcher.tell_of_signals(py)?;
    let findings = outcome.map_err(|panic| panicked(panic.as_ref()))?.map_err(raised)?;

    let after = before.with(&findings);
    let is_written = !dry_run && !before.same_rows(&after);
    if is_written {
        after.write().map_err(|refused| unusable(&refused))?;
    }
    let path = is_written.then(|| after.path().to_owned());
    Ok((path, changes(&findings), findings.seconds, warnings(&before, &findings)))
}

/// Puts back the number of threads.
struct Threads(usize);

impl Drop for Threads {
    fn drop(&mut self) {
        // It is what was found.
        raptors::set_num_threads(self.0).ok();
    }
}

/// The exception for a profile that cannot be read or written.
pub(crate) fn unusable(refused: &ProfileError) -> PyErr {
    match refused {
        ProfileError::System { error, .. } => io::Error::new(error.kind(), refused.to_string()).into(),
        _ => PyValueError::new_err(refused.to_string()),
    }
}

fn changes(findings: &Findings) -> Vec<Change> {
    let share = |faster: Option<Interval>| faster.map(|faster| faster.centre.exp_m1());
    let mut changes = Vec::new();
    for found in &findings.cases {
        let table = || found.table.clone();
        if found.winner != found.incumbent {
            let (before, after) = (found.incumbent.to_owned(), found.winner.to_owned());
            changes.push((table(), found.row.clone(), before, after, share(found.duel)));
        }
        if let Some(cuts) = &found.cuts
            && let Some(was) = cuts.was
        {
            let row = format!("{}, {} threads", found.row, cuts.threads);
            changes.push((table(), row, was.to_string(), cuts.now().to_string(), share(cuts.faster)));
        }
    }
    changes
}

fn warnings(before: &ProfileFile, findings: &Findings) -> Vec<String> {
    let mut warnings: Vec<_> = before.left_behind().map(ToOwned::to_owned).into_iter().collect();
    if findings.busy > 0 {
        let (rows, s) = (findings.busy, if findings.busy == 1 { "" } else { "s" });
        warnings
            .push(format!("nothing was replaced, or said about threads, in {rows} row{s}: other processes keep the cores busy"));
    }
    let late = findings.cases.iter().filter(|found| found.verdict == Verdict::NoTime).count();
    if late > 0 {
        let s = if late == 1 { "" } else { "s" };
        warnings
            .push(format!("the time was over before {late} row{s} could be decided: they stay as they were"));
    }
    let wrong = findings.wrong.iter();
    warnings.extend(wrong.map(|(kernel, why)| format!("{kernel} is wrong, and was not timed: {why}")));
    warnings
}

/// Tells a function of Python's how a run goes on, and ends it when that function, or a handler of signals, raises.
struct Watcher {
    observer: Py<PyAny>,
    row: String,
    /// The number of the row, from 1, and how many there are.
    at: usize,
    of: usize,
    /// Seconds that the rows after this one take, about.
    rest: Option<f64>,
    /// When the function was last called.
    told: Instant,
    raised: Option<PyErr>,
}

impl Watcher {
    fn new(observer: Py<PyAny>) -> Self {
        Self { observer, row: String::new(), at: 0, of: 0, rest: None, told: Instant::now(), raised: None }
    }

    fn tell(&mut self, candidates: Option<usize>, outcome: Option<String>) {
        // What has been raised is about to end the run.
        if self.raised.is_some() {
            return;
        }
        let told = Python::try_attach(|py| {
            py.check_signals()?;
            let step = (&self.row, self.at, self.of, candidates, self.rest, outcome);
            self.observer.call1(py, step).map(drop)
        });
        // Where Python is about to end, there is nobody to tune for.
        self.raised = told.unwrap_or_else(|| Err(PyKeyboardInterrupt::new_err(()))).err();
        self.told = Instant::now();
    }

    /// What was raised while the run was under way, or what comes of the signals of its very end.
    fn tell_of_signals(self, py: Python<'_>) -> PyResult<()> {
        self.raised.map_or_else(|| py.check_signals(), Err)
    }
}

impl Observer for Watcher {
    fn begins(&mut self, at: usize, of: usize, case: &Case) -> ControlFlow<()> {
        (self.row, self.at, self.of) = (case.to_string(), at + 1, of);
        self.tell(None, None);
        if self.raised.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn left(&mut self, candidates: usize) {
        if self.told.elapsed() >= EVERY {
            self.tell(Some(candidates), None);
        }
    }

    fn ends(&mut self, found: &Found, rest: Duration) {
        self.rest = Some(rest.as_secs_f64());
        self.tell(None, Some(found.to_string()));
    }

    /// The rows that follow are numbered anew, which is what is seen of it.
    fn again(&mut self, _why: Again, _rows: usize) {}
}
