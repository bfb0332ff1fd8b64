//! The findings as a document, from which reports are made: now and later.

use std::{env, fs};

use raptors::tune::{Findings, ProfileFile, Settings, today};
use serde::Serialize;

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
    before: &ProfileFile,
    after: &ProfileFile,
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
            date: today(),
        },
        before: before.rows(),
        after: after.rows(),
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
