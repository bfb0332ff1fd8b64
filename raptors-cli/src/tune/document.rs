//! The findings as a document, from which reports are made: now and later.

use std::{
    env, fs,
    time::{SystemTime, UNIX_EPOCH},
};

use raptors::tune::{Findings, Settings};
use serde::Serialize;

use super::profile::Kept;

/// The version of the document.
const SCHEMA: &str = "raptors-tune/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    machine: Machine,
    settings: Asked<'a>,
    /// Rows of the profile before and after.
    before: usize,
    after: usize,
    /// Where the profile was written.
    profile: Option<String>,
    findings: &'a Findings,
}

#[derive(Serialize)]
struct Machine {
    cpu: String,
    name: String,
    cores: usize,
    /// Bytes of the first, second and third.
    caches: [usize; 3],
    system: String,
    raptors: &'static str,
}

#[derive(Serialize)]
struct Asked<'a> {
    words: Vec<&'a str>,
    budget_seconds: f64,
    full: bool,
    threads: usize,
    seed: u64,
    date: String,
}

pub(super) fn of(
    findings: &Findings,
    settings: &Settings,
    before: &Kept,
    after: &Kept,
    written: bool,
) -> anyhow::Result<String> {
    let words = settings.filter.ops.iter().map(String::as_str);
    let document = Document {
        schema: SCHEMA,
        machine: Machine {
            cpu: after.cpu().to_owned(),
            name: processor().unwrap_or_else(|| "an unnamed processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            caches: [raptors::caches().l1, raptors::caches().l2, raptors::caches().l3],
            system: format!("{} {}", env::consts::OS, env::consts::ARCH),
            raptors: env!("CARGO_PKG_VERSION"),
        },
        settings: Asked {
            words: words.chain(settings.filter.dtypes.iter().map(|dtype| dtype.name())).collect(),
            budget_seconds: settings.budget.as_secs_f64(),
            full: settings.full,
            threads: settings.threads,
            seed: settings.seed,
            date: date(),
        },
        before: before.len(),
        after: after.len(),
        profile: written.then(|| after.path().display().to_string()),
        findings,
    };
    Ok(serde_json::to_string_pretty(&document)?)
}

/// The processor's name, where Linux tells it.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Today in UTC, as 2026-01-31.
pub(super) fn date() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    on_day(now / 86_400)
}

/// The day that is so many after the first of January 1970. Years begin in March here, so that leap days end them.
fn on_day(day: u64) -> String {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{day:02}", era * 400 + year + later)
}

#[cfg(test)]
mod tests {
    use super::on_day;

    #[test]
    fn days_are_those_of_the_calendar() {
        let days = [0, 58, 59, 11_016, 11_017, 19_782, 20_782, 47_540].map(on_day);
        let expected = [
            "1970-01-01",
            "1970-02-28",
            "1970-03-01",
            "2000-02-29",
            "2000-03-01",
            "2024-02-29",
            "2026-11-25",
            "2100-02-28",
        ];
        assert_eq!(days, expected);
    }
}
