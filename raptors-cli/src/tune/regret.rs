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
    Numerics,
    catalogue::Kernel,
    tune::{
        Case, Filter, Place, cases, competing, rounds,
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
    /// Rows to judge: the reference cases, and others spread over all that were decided
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
    /// What the spec's defaults have.
    default: String,
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
            default: word("default")?,
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

/// The operations whose target shapes are the reference cases.
pub(crate) const REFERENCE: [&str; 6] = ["sum", "mean", "mean_axis0", "mean_axis1", "broadcast_add", "scale"];

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

    /// Whether a row decides for one of the reference cases.
    fn is_reference(&self, choice: &Choice) -> bool {
        self.case(&choice.row).is_ok_and(|case| {
            let is_plain = !case.inplace && case.numerics == Numerics::default();
            is_plain
                && matches!(case.place, Place::Shape(..))
                && case.group.ops().any(|op| REFERENCE.contains(&op.name))
        })
    }

    fn kernel(&self, case: &Case, name: &str) -> anyhow::Result<&'static Kernel> {
        let candidates = case.candidates(&self.isas);
        candidates.into_iter().find(|kernel| kernel.name == name).with_context(|| format!("no kernel {name}"))
    }

    /// How much slower one kernel is than another, in per cent, in fresh pairs.
    fn slower(&mut self, row: &(String, String), one: &str, other: &str) -> anyhow::Result<f64> {
        Ok(self.slower_each(row, &[one], other)?[0])
    }

    /// How much slower each of these kernels is than another, in per cent, in fresh rounds of all of them.
    fn slower_each(
        &mut self,
        row: &(String, String),
        these: &[&str],
        other: &str,
    ) -> anyhow::Result<Vec<f64>> {
        let case = self.case(row)?.clone();
        let mut names = Vec::new();
        for name in these.iter().chain([&other]) {
            let name = self.kernel(&case, name)?.name;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let times = rounds(&case, &names, self.pairs, &mut self.random)?;
        let of = |name: &str| names.iter().position(|known| *known == name).map(|at| &times[at]);
        let slower = |name: &&str| {
            let logs = faster(of(other)?, of(name)?);
            Some(percent(Interval::of(&logs)?.centre))
        };
        these.iter().map(|name| slower(name).context("no rounds")).collect()
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

/// The reference cases, and as many others as are wanted, spread over all.
fn judged<'a>(judge: &Judge, choices: &'a [Choice], wanted: usize) -> Vec<&'a Choice> {
    let (mut judged, others): (Vec<_>, Vec<_>) =
        choices.iter().partition(|choice| judge.is_reference(choice));
    let more = wanted.saturating_sub(judged.len()).min(others.len());
    judged.extend((0..more).map(|at| others[at * others.len() / more]));
    judged
}

/// The choice, and the spec's default, against the best of all.
fn regret(
    judge: &mut Judge,
    choices: &[Choice],
    arguments: &Arguments,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    writeln!(out, "Slower than the best of all candidates, in fresh rounds:\n")?;
    writeln!(out, "| table | row | default | choice | |\n|---|---|---|---|---|")?;
    let (mut regrets, mut defaults) = (Vec::new(), Vec::new());
    for choice in judged(judge, choices, arguments.cases) {
        let best = judge.best(&choice.row, arguments.rounds)?;
        let slower = judge.slower_each(&choice.row, &[&choice.default, &choice.winner], best)?;
        let [default, regret] = [slower[0], slower[1]].map(|slower| slower.max(0.0));
        let names = if best == choice.winner {
            format!("`{best}`")
        } else {
            format!("`{}` against `{best}`", choice.winner)
        };
        let (table, row) = &choice.row;
        writeln!(out, "| `{table}` | {row} | {default:.1}% | {regret:.1}% | {names} |")?;
        out.flush()?;
        regrets.push(regret);
        defaults.push(default);
    }
    let worst = |of: &[f64]| of.iter().copied().fold(0.0, f64::max);
    let median =
        |of: &[f64]| Interval::of(of).map(|interval| interval.centre).context("no rows were decided");
    let good = median(&regrets)? <= MEDIAN && worst(&regrets) <= WORST && regrets.len() >= FEWEST;
    writeln!(
        out,
        "\n{} rows: median {:.2}%, worst {:.1}% (the defaults {:.2}% and {:.1}%); at least {FEWEST} rows, {MEDIAN}% \
         and {WORST}%: {}\n",
        regrets.len(),
        median(&regrets)?,
        worst(&regrets),
        median(&defaults)?,
        worst(&defaults),
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
        let far = slower.abs() > SAME;
        apart += u32::from(far);
        writeln!(
            out,
            "{} {}: {winner}, then {}: {:+.1}%",
            choice.row.0, choice.row.1, choice.winner, slower
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
        if slower > LOADED {
            bad += 1;
            writeln!(
                out,
                "{} {}: {} was replaced by {}, which is slower by {:.1}%",
                choice.row.0, choice.row.1, choice.incumbent, choice.winner, slower
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
