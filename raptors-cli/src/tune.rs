//! `raptors tune`: the tournament that finds which kernels are fastest on this machine.
//!
//! The tournaments are the library's ([`raptors::tune`]), and so is what they make of a profile. Here are the command
//! line, the progress, a summary, a report.

mod document;
pub(crate) mod in_use;
mod progress;
pub(crate) mod regret;
mod summary;

use std::{collections::BTreeMap, env, fs, io::Write, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, bail};
use raptors::{
    Isa,
    tune::{Filter, ProfileFile, Settings, own_folder},
};

use crate::report;

/// A part of the cases, and how they are tuned.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Operations, specs and element types to tune, such as `scale f32`; all of them if there are none
    words: Vec<String>,
    /// How long it may take, such as 60s or 5m
    #[arg(long, value_name = "TIME", default_value = "9m", value_parser = duration)]
    budget: Duration,
    /// Judge buckets by several shapes instead of the one in their middle
    #[arg(long)]
    full: bool,
    /// Write no profile
    #[arg(long)]
    dry_run: bool,
    /// The numeric class whose rows are tuned: numpy with accurate, or any, in which the routines of backends take part
    #[arg(long, value_name = "CLASS", default_value = "numpy", value_parser = ["numpy", "any"])]
    numerics: String,
    /// Threads, for the rows about threads; by default those that calls use
    #[arg(long, value_name = "NUMBER")]
    threads: Option<usize>,
    /// The instruction set whose tables are tuned; by default the best that this machine has
    #[arg(long, value_name = "ISA")]
    isa: Option<String>,
    /// The number that the order of contestants is drawn from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The folder of profiles; by default that of your configuration
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// The folder that gets the report; by default that of your caches
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// The document of a run whose choices are the incumbents
    #[arg(long, hide = true, value_name = "FILE")]
    incumbents: Option<PathBuf>,
    /// As `cargo bench` has it: the profile goes into the repository, the report below the target folder
    #[arg(long, hide = true)]
    bench: bool,
}

/// `60s`, `5m`, `1h`, or a number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = digits.parse::<f64>().unwrap_or(f64::NAN) * unit;
    if seconds > 0.0 && seconds < 1e6 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("a time such as 60s, 5m or 1h".to_owned())
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(name) = &arguments.isa
        && raptors::isa()?.name() != name
    {
        return with_isa(name);
    }
    let threads = match arguments.threads {
        Some(threads) => {
            raptors::set_num_threads(threads)?;
            threads
        }
        None => raptors::num_threads(),
    };
    let settings = Settings {
        filter: filter(arguments)?,
        budget: arguments.budget,
        full: arguments.full,
        threads,
        seed: arguments.seed,
        incumbents: match &arguments.incumbents {
            Some(file) => {
                regret::choices(file)?.into_iter().map(|choice| (choice.row, choice.winner)).collect()
            }
            None => BTreeMap::new(),
        },
    };
    let into = match (&arguments.into, arguments.bench) {
        (Some(folder), _) => folder.clone(),
        (None, true) => PathBuf::from("kernel-specs/tuned"),
        (None, false) => own_folder()?.context("there is no home folder: name a folder with --into")?,
    };
    // Before the work, so that a profile that cannot be read is no surprise after it.
    let before = if arguments.bench { ProfileFile::built_in(&into) } else { ProfileFile::own(&into) }?;
    writeln!(out, "{}", summary::head(&settings, &before)?)?;
    out.flush()?;

    let mut progress = progress::Progress::new();
    let findings = raptors::tune::run(&settings, &mut progress)?;
    progress.finish();

    let mut after = before.with(&findings);
    write!(out, "{}", summary::of(&findings))?;
    let written = !arguments.dry_run && !before.same_rows(&after);
    if written {
        after = after.write()?;
        let then = if arguments.bench { "; the next build uses it" } else { "" };
        writeln!(out, "Wrote {}{then}.", after.path().display())?;
    } else {
        let why = if arguments.dry_run { "as asked" } else { "nothing changed" };
        writeln!(out, "Wrote no profile: {why}.")?;
    }

    let folder = match (&arguments.report, arguments.bench) {
        (Some(folder), _) => folder.clone(),
        (None, true) => report::in_repository(),
        (None, false) => report::of_user()?,
    };
    let document = document::of(&findings, &settings, &before, &after, written)?;
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(report::DOCUMENT);
    fs::write(&path, &document).with_context(|| path.display().to_string())?;
    let page = folder.join(report::PAGE);
    fs::write(&page, report::page(&document)?).with_context(|| page.display().to_string())?;
    writeln!(out, "Report: {}", page.display())?;
    if !findings.wrong.is_empty() {
        bail!("{} kernels do not have the bits of the oracle: they were not timed", findings.wrong.len());
    }
    Ok(())
}

/// Which rows are tuned.
fn filter(arguments: &Arguments) -> anyhow::Result<Filter> {
    let filter = Filter { any: arguments.numerics == "any", ..Filter::of(&arguments.words)? };
    if filter.any && raptors::backends().is_empty() {
        bail!(
            "this build has no backend: without one, calls of the class any run what those of numpy run\n\
             build with the feature openblas, or on a Mac accelerate"
        );
    }
    Ok(filter)
}

/// Starts this program again with another instruction set: which one is in use is found once in a process.
fn with_isa(name: &str) -> anyhow::Result<()> {
    let Some(isa) = Isa::ALL.into_iter().find(|isa| isa.name() == name) else {
        bail!("no instruction set `{name}`\nthere are: {}", Isa::ALL.map(Isa::name).join(", "));
    };
    if !isa.is_available() {
        bail!("this machine has no {name}");
    }
    let status = Command::new(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env("RAPTORS_SIMD", name)
        .status()
        .context("this program cannot be started again")?;
    if !status.success() {
        bail!("the tournament for {name} ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "-1s", "0", "5 weeks", "1d", "nans", "1e9"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
