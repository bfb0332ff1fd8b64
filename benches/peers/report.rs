//! How figures are printed, and their place in the documentation.

use std::{error::Error, fs, path::Path};

use crate::{machine, measure::Interval};

/// Why writing to a string does not fail.
pub(crate) const WRITES: &str = "a string takes all";

/// Digits after the point of numbers up to `most`, so that there are three altogether.
fn digits(most: f64) -> usize {
    match most {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    }
}

/// A ratio and its interval, with three digits each.
pub(crate) fn cell(Interval { low, median, high }: Interval) -> String {
    let digits = digits(high);
    format!("{median:.digits$} {low:.digits$}–{high:.digits$}")
}

/// A ratio and the farther end of its interval.
pub(crate) fn short_cell(Interval { low, median, high }: Interval) -> String {
    let reach = (high - median).max(median - low);
    let digits = digits(median + reach);
    format!("{median:.digits$}±{reach:.digits$}")
}

/// Text that a reader has to open.
pub(crate) fn folded(title: &str, text: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n```text\n{text}```\n\n</details>\n")
}

/// Puts the section of one part into docs/performance.md, between its markers, and leaves the rest of that file alone.
pub(crate) fn write(part: &str, section: &str, rounds: usize) -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let old = fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- {part}:begin -->"), format!("<!-- {part}:end -->"));
    let outside = old.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) =
        outside.ok_or_else(|| format!("{}: {begin} or {end} is missing", path.display()))?;
    let head = head(part, rounds);
    fs::write(&path, format!("{before}{begin}\n{head}\n{section}{end}{after}"))?;
    println!("wrote the part {part} of {}", path.display());
    Ok(())
}

/// Where, when, with what.
fn head(part: &str, rounds: usize) -> String {
    format!(
        "\
On {cpu}, {date}.

- Caches: {caches}
- Compiler: {rustc}; all but the kernels and loops with intrinsics compiled for {target}
- Command: `cargo bench --bench peers -- --part {part} --write`, {rounds} rounds, fewer where a case would take seconds
",
        cpu = machine::cpu().unwrap_or_else(|| "an unnamed processor".to_owned()),
        date = machine::date(),
        caches = machine::caches().unwrap_or_else(|| "unknown".to_owned()),
        rustc = machine::rustc().unwrap_or_else(|| "rustc".to_owned()),
        target = machine::target(),
    )
}
