//! What was found, for a terminal of 80 columns.

use std::fmt::Write as _;

use raptors::tune::{
    Findings, Found, Settings, cases,
    statistics::{Interval, percent},
    tournament::Verdict,
};

use super::profile::Kept;
use crate::output::{WIDTH, count, wrap};

/// What is about to happen.
pub(super) fn head(settings: &Settings, before: &Kept) -> anyhow::Result<String> {
    let cases = cases(&settings.filter, raptors::caches(), settings.full).len();
    let text = format!(
        "{} on {}, tables of {}, {}, at most {} s; {} of them decided so far.",
        count(cases, "row"),
        before.cpu(),
        raptors::isa()?.name(),
        count(settings.threads, "thread"),
        settings.budget.as_secs(),
        before.len(),
    );
    let lines = [Some(text.as_str()), before.left_behind.as_deref()].into_iter().flatten();
    Ok(lines.flat_map(|text| wrap(text, WIDTH)).collect::<Vec<_>>().join("\n"))
}

/// How a case ended, in a few words.
pub(super) fn verdict(found: &Found) -> String {
    match found.verdict {
        Verdict::Replaced => {
            let margin = found.duel.map_or_else(String::new, margin);
            format!("{} replaces {} {margin}", short(found, found.winner), short(found, found.incumbent))
        }
        Verdict::TooClose => format!("{} stays, ties change nothing", short(found, found.incumbent)),
        Verdict::NoneFaster => format!("{} stays, none is faster", short(found, found.incumbent)),
        Verdict::Alone => format!("{} stays, the only one", short(found, found.incumbent)),
        Verdict::Noisy => format!("{} stays, too noisy to tell", short(found, found.incumbent)),
        Verdict::IncumbentWrong => format!("{} IS WRONG", found.incumbent),
    }
}

/// A kernel's name without what the table says already: `avx2_u8_pipe`.
pub(super) fn short<'a>(found: &Found, kernel: &'a str) -> &'a str {
    let common = format!("{}_{}_", found.op, found.dtype);
    kernel.strip_prefix(&common).unwrap_or(kernel)
}

/// `+3.1% (2.7% to 3.5%)`.
pub(super) fn margin(duel: Interval) -> String {
    format!("{:+.1}% ({:.1}% to {:.1}%)", percent(duel.centre), percent(duel.low), percent(duel.high))
}

/// What has changed and by how much, and what has not and why.
pub(super) fn of(findings: &Findings) -> String {
    let mut text = String::new();
    write_changes(&mut text, findings).expect("a string takes all");
    text
}

fn write_changes(text: &mut String, findings: &Findings) -> std::fmt::Result {
    let mut table = "";
    for found in &findings.cases {
        let replaced = found.winner != found.incumbent;
        let cuts = found.cuts.as_ref().filter(|cuts| cuts.was.is_some());
        if !replaced && cuts.is_none() {
            continue;
        }
        if table != found.table {
            writeln!(text, "\n{}", found.table)?;
            table = &found.table;
        }
        if replaced {
            let names = format!("{} → {}", short(found, found.incumbent), short(found, found.winner));
            let by = found.duel.map_or_else(String::new, margin);
            // One line where it fits.
            if names.chars().count() + by.len() + 20 <= WIDTH {
                writeln!(text, "  {:<15} {names}  {by}", found.row)?;
            } else {
                writeln!(
                    text,
                    "  {:<15} {}\n{:18}→ {}\n{:20}{by}",
                    found.row,
                    short(found, found.incumbent),
                    "",
                    short(found, found.winner),
                    ""
                )?;
            }
        }
        if let Some(cuts) = cuts {
            let words = |crossover: Option<usize>, chunk: Option<usize>| {
                let from =
                    crossover.map_or_else(|| "never".to_owned(), |from| format!("from {}", bytes(from)));
                let chunk = chunk.map_or_else(|| "1 per thread".to_owned(), bytes);
                format!("{from}, {chunk}")
            };
            let was = cuts.was.map_or_else(String::new, |was| words(was.crossover, was.chunk));
            let now = words(cuts.crossover, cuts.chunk);
            let row = if replaced { "" } else { &found.row };
            writeln!(text, "  {row:<15} {} threads: {was} → {now}", cuts.threads)?;
            if let Some(faster) = cuts.faster {
                writeln!(text, "{:20}{}", "", margin(faster))?;
            }
        }
    }
    let ended =
        |wanted: &[Verdict]| findings.cases.iter().filter(|found| wanted.contains(&found.verdict)).count();
    let changed = findings.cases.iter().filter(|found| found.winner != found.incumbent).count();
    let lines = format!(
        "{} in {:.0} s: {changed} changed; {} stay, of which {} tied and {} could not be told in the noise.",
        count(findings.cases.len(), "row"),
        findings.seconds,
        findings.cases.len() - changed,
        ended(&[Verdict::TooClose]),
        ended(&[Verdict::Noisy]),
    );
    writeln!(text, "\n{}", wrap(&lines, WIDTH).join("\n"))?;
    if findings.busy > 0 {
        let rows = count(findings.busy, "row");
        let busy = format!("Threads were not judged in {rows}: other processes keep the cores busy.");
        writeln!(text, "{}", wrap(&busy, WIDTH).join("\n"))?;
    }
    for (kernel, why) in &findings.wrong {
        writeln!(text, "{}", wrap(&format!("WRONG, and not timed: {kernel}: {why}"), WIDTH).join("\n"))?;
    }
    Ok(())
}

/// `256 KiB`, `1 MiB`, `100 B`.
pub(super) fn bytes(bytes: usize) -> String {
    if bytes.is_multiple_of(1 << 10) { crate::output::bytes(bytes) } else { format!("{bytes} B") }
}
