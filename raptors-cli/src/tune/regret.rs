//! How good the choices of tournaments are: against the best of all candidates, against each other, and under load.
//!
//! Whoever chooses by times and then judges by the same times finds the choice good. So everything here is measured
//! anew: all candidates in many rounds, without dropping any; then the best of them and the choice in pairs of their own.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use raptors::{
    catalogue::Kernel,
    tune::{
        Case, Filter, cases, competing, rounds,
        statistics::{Interval, faster, percent},
        tournament::Random,
    },
};
use serde_json::Value;

/// The documents of runs, and how much is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A run
    first: PathBuf,
    /// A run whose incumbents were the choices of the first
    second: PathBuf,
    /// A run while another process kept the memory busy
    loaded: PathBuf,
    /// Rows to judge, spread over all that were decided
    #[arg(long, default_value_t = 100)]
    cases: usize,
    /// Rounds of all candidates
    #[arg(long, default_value_t = 31)]
    rounds: usize,
    /// Rounds of two
    #[arg(long, default_value_t = 61)]
    pairs: usize,
}

/// What a run chose for a row.
pub(crate) struct Choice {
    /// The table and the row.
    pub(crate) row: (String, String),
    pub(crate) incumbent: String,
    pub(crate) winner: String,
}

/// The choices in the document of a run.
pub(crate) fn choices(file: &Path) -> anyhow::Result<Vec<Choice>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let document: Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let cases = document["findings"]["cases"].as_array().context("a document without cases")?;
    let choice = |case: &Value| {
        let word = |name: &str| case[name].as_str().map(ToOwned::to_owned);
        Some(Choice {
            row: (word("table")?, word("row")?),
            incumbent: word("incumbent")?,
            winner: word("winner")?,
        })
    };
    cases.iter().map(|case| choice(case).context("a case without its row or kernels")).collect()
}

/// The goals: regret in the median and at worst, what two runs may differ by and in how many rows, and what a winner may
/// be slower by that was found under load.
const MEDIAN: f64 = 1.0;
const WORST: f64 = 5.0;
const SAME: f64 = 3.0;
const SAME_SHARE: f64 = 0.95;
const LOADED: f64 = 5.0;
/// Rows without which a median says little.
const FEWEST: usize = 60;

/// Every case there is, by table and row.
struct Judge {
    cases: BTreeMap<(String, String), Case>,
    isas: Vec<raptors::Isa>,
    random: Random,
    pairs: usize,
}

impl Judge {
    fn case(&self, row: &(String, String)) -> anyhow::Result<&Case> {
        self.cases.get(row).with_context(|| format!("this build has no row {} {}", row.0, row.1))
    }

    fn kernel(&self, case: &Case, name: &str) -> anyhow::Result<&'static Kernel> {
        let candidates = case.candidates(&self.isas);
        candidates.into_iter().find(|kernel| kernel.name == name).with_context(|| format!("no kernel {name}"))
    }

    /// How much slower one kernel is than another, in per cent, in fresh pairs.
    fn slower(&mut self, row: &(String, String), one: &str, other: &str) -> anyhow::Result<Interval> {
        let case = self.case(row)?.clone();
        let names = [self.kernel(&case, one)?.name, self.kernel(&case, other)?.name];
        let times = rounds(&case, &names, self.pairs, &mut self.random)?;
        let interval = Interval::of(&faster(&times[1], &times[0])).context("no rounds")?;
        Ok(Interval {
            low: percent(interval.low),
            centre: percent(interval.centre),
            high: percent(interval.high),
        })
    }

    /// The fastest of all candidates, by many rounds.
    fn best(&mut self, row: &(String, String), count: usize) -> anyhow::Result<&'static str> {
        let case = self.case(row)?.clone();
        let names: Vec<_> = case.candidates(&self.isas).iter().map(|kernel| kernel.name).collect();
        let times = rounds(&case, &names, count, &mut self.random)?;
        // Against the mean of all in the same round, which what slows everyone down does not move.
        let centre = |at: usize| {
            let against = (0..count).map(|round| {
                let logs: f64 = times.iter().map(|times| times[round].ln()).sum();
                times[at][round].ln() - logs / f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX))
            });
            Interval::of(&against.collect::<Vec<_>>()).map_or(f64::INFINITY, |interval| interval.centre)
        };
        let best = (0..names.len()).min_by(|&a, &b| centre(a).total_cmp(&centre(b)));
        best.map(|at| names[at]).context("a row without candidates")
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let [first, second, loaded] =
        [&arguments.first, &arguments.second, &arguments.loaded].map(|file| choices(file));
    let (first, second, loaded) = (first?, second?, loaded?);
    let isa = raptors::isa()?;
    raptors::set_num_threads(1)?;
    let all = cases(&Filter::default(), raptors::caches(), false);
    let mut judge = Judge {
        cases: all.into_iter().map(|case| ((case.table(isa), case.place.to_string()), case)).collect(),
        isas: competing(isa)?,
        random: Random::new(7),
        pairs: arguments.pairs,
    };
    let regret = regret(&mut judge, &first, arguments, out)?;
    let same = same(&mut judge, &first, &second, out)?;
    let loaded = under_load(&mut judge, &loaded, out)?;
    if !(regret && same && loaded) {
        bail!("the tournament does not choose as well as it should");
    }
    Ok(())
}

fn verdict(good: bool) -> &'static str {
    if good { "as it should be" } else { "NOT as it should be" }
}

/// The choice against the best of all.
fn regret(
    judge: &mut Judge,
    choices: &[Choice],
    arguments: &Arguments,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    writeln!(out, "The choice against the best of all candidates, in fresh pairs:\n")?;
    let wanted = arguments.cases.clamp(1, choices.len().max(1));
    let mut regrets = Vec::new();
    for at in 0..wanted {
        let Some(choice) = choices.get(at * choices.len() / wanted) else { break };
        let best = judge.best(&choice.row, arguments.rounds)?;
        let slower = if best == choice.winner {
            Interval { low: 0.0, centre: 0.0, high: 0.0 }
        } else {
            judge.slower(&choice.row, &choice.winner, best)?
        };
        writeln!(
            out,
            "{:<28} {:<15} {:>5.1}% {}",
            choice.row.0,
            choice.row.1,
            slower.centre.max(0.0),
            if best == choice.winner {
                "the best".to_owned()
            } else {
                format!("{} against {best}", choice.winner)
            },
        )?;
        out.flush()?;
        regrets.push(slower.centre.max(0.0));
    }
    let worst = regrets.iter().copied().fold(0.0, f64::max);
    let median = Interval::of(&regrets).context("no rows were decided")?.centre;
    let good = median <= MEDIAN && worst <= WORST && regrets.len() >= FEWEST;
    writeln!(
        out,
        "\n{} rows: median {median:.2}%, worst {worst:.1}%; at least {FEWEST} rows, {MEDIAN}% and {WORST}%: {}\n",
        regrets.len(),
        verdict(good)
    )?;
    Ok(good)
}

/// Two runs in a row.
fn same(
    judge: &mut Judge,
    first: &[Choice],
    second: &[Choice],
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let before: BTreeMap<_, _> = first.iter().map(|choice| (&choice.row, &choice.winner)).collect();
    let (mut compared, mut apart) = (0_u32, 0_u32);
    for choice in second {
        let Some(&winner) = before.get(&choice.row) else { continue };
        compared += 1;
        if *winner == choice.winner {
            continue;
        }
        let slower = judge.slower(&choice.row, &choice.winner, winner)?;
        let far = slower.centre.abs() > SAME;
        apart += u32::from(far);
        writeln!(
            out,
            "{} {}: {winner}, then {}: {:+.1}%",
            choice.row.0, choice.row.1, choice.winner, slower.centre
        )?;
    }
    let share = 1.0 - f64::from(apart) / f64::from(compared.max(1));
    let good = compared > 0 && share >= SAME_SHARE;
    writeln!(
        out,
        "Two tournaments in a row: {} of {compared} choices within {SAME}% of each other; at least {:.0}%: {}\n",
        compared - apart,
        100.0 * SAME_SHARE,
        verdict(good)
    )?;
    Ok(good)
}

/// What was replaced while the memory was busy.
fn under_load(judge: &mut Judge, loaded: &[Choice], out: &mut impl Write) -> anyhow::Result<bool> {
    let (mut replaced, mut bad) = (0, 0);
    for choice in loaded.iter().filter(|choice| choice.winner != choice.incumbent) {
        replaced += 1;
        let slower = judge.slower(&choice.row, &choice.winner, &choice.incumbent)?;
        if slower.centre > LOADED {
            bad += 1;
            writeln!(
                out,
                "{} {}: {} was replaced by {}, which is slower by {:.1}%",
                choice.row.0, choice.row.1, choice.incumbent, choice.winner, slower.centre
            )?;
        }
    }
    writeln!(
        out,
        "While another process kept the memory busy: {replaced} of {} replaced, {bad} by one more than {LOADED}% \
         slower: {}",
        loaded.len(),
        verdict(bad == 0)
    )?;
    Ok(bad == 0)
}
