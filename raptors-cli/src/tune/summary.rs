//! What was found, for a terminal of 80 columns.

use std::fmt::Write as _;

use raptors::tune::{Findings, ProfileFile, Settings, cases, statistics::margin, tournament::Verdict};

use crate::output::{WIDTH, count, wrap};

/// What is about to happen.
pub(super) fn head(settings: &Settings, before: &ProfileFile) -> anyhow::Result<String> {
    let cases = cases(&settings.filter, raptors::caches(), settings.full).len();
    let text = format!(
        "{} on {}, tables of {}, {}, at most {} s; {} of them decided so far.",
        count(cases, "row"),
        before.cpu(),
        raptors::isa()?.name(),
        count(settings.threads, "thread"),
        settings.budget.as_secs(),
        before.rows(),
    );
    let lines = [Some(text.as_str()), before.left_behind()].into_iter().flatten();
    Ok(lines.flat_map(|text| wrap(text, WIDTH)).collect::<Vec<_>>().join("\n"))
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
        let cuts = found.new_cuts();
        if !found.changes() {
            continue;
        }
        if table != found.table {
            writeln!(text, "\n{}", found.table)?;
            table = &found.table;
        }
        if replaced {
            let names = format!("{} → {}", found.short(found.incumbent), found.short(found.winner));
            let on = if found.duel_threads > 1 { ", on all threads" } else { "" };
            let by = found.duel.map_or_else(String::new, |duel| format!("{}{on}", margin(duel)));
            // One line where it fits.
            if names.chars().count() + by.len() + 20 <= WIDTH {
                writeln!(text, "  {:<15} {names}  {by}", found.row)?;
            } else {
                writeln!(
                    text,
                    "  {:<15} {}\n{:18}→ {}\n{:20}{by}",
                    found.row,
                    found.short(found.incumbent),
                    "",
                    found.short(found.winner),
                    ""
                )?;
            }
        }
        if let Some(cuts) = cuts {
            let was = cuts.was.map_or_else(String::new, |was| was.to_string());
            let now = cuts.now();
            let row = if replaced { "" } else { &found.row };
            writeln!(text, "  {row:<15} {} threads: {was} → {now}", cuts.threads)?;
            if let Some(faster) = cuts.faster {
                writeln!(text, "{:20}{}", "", margin(faster))?;
            }
        }
    }
    let ended = |wanted| findings.cases.iter().filter(|found| found.verdict == wanted).count();
    let cases = || findings.cases.iter();
    let changed = cases().filter(|found| found.winner != found.incumbent).count();
    let cut = cases().filter(|found| found.new_cuts().is_some()).count();
    let lines = format!(
        "{} in {:.0} s: {} changed, {} cut otherwise; of the kernels that stay {} tied, {} could not be told in the \
         noise, {} win in some uses and lose in others, and {} did not win once more at the end.",
        count(findings.cases.len(), "row"),
        findings.seconds,
        count(changed, "kernel"),
        count(cut, "row"),
        ended(Verdict::TooClose),
        ended(Verdict::Noisy),
        ended(Verdict::NotEverywhere),
        ended(Verdict::Unconfirmed),
    );
    writeln!(text, "\n{}", wrap(&lines, WIDTH).join("\n"))?;
    let late = ended(Verdict::NoTime);
    if late > 0 {
        let late = format!("The time was over before {} could be decided.", count(late, "row"));
        writeln!(text, "{}", wrap(&late, WIDTH).join("\n"))?;
    }
    if findings.busy > 0 {
        let rows = count(findings.busy, "row");
        let busy = format!(
            "Nothing was replaced, or said about threads, in {rows}: other processes keep the cores busy."
        );
        writeln!(text, "{}", wrap(&busy, WIDTH).join("\n"))?;
    }
    for (kernel, why) in &findings.wrong {
        writeln!(text, "{}", wrap(&format!("WRONG, and not timed: {kernel}: {why}"), WIDTH).join("\n"))?;
    }
    Ok(())
}
