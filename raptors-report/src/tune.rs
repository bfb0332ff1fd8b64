//! The document of a tournament, as far as it is shown.

mod chart;
mod page;
mod rows;

use serde::{Deserialize, Deserializer};

use crate::{Error, read_document};

/// The version of the document that is read.
const SCHEMA: &str = "raptors-tune/1";

/// What a tournament found.
#[derive(Debug, Deserialize)]
pub struct Tuning {
    machine: Machine,
    settings: Settings,
    profile: Option<String>,
    findings: Findings,
}

#[derive(Debug, Deserialize)]
struct Machine {
    cpu: String,
    name: String,
    cores: usize,
    caches: [usize; 3],
    system: String,
    raptors: String,
}

#[derive(Debug, Deserialize)]
struct Settings {
    words: Vec<String>,
    budget_seconds: f64,
    full: bool,
    threads: usize,
    seed: u64,
    date: String,
}

#[derive(Debug, Deserialize)]
struct Findings {
    isa: String,
    competing: Vec<String>,
    seconds: f64,
    cases: Vec<Case>,
    busy: usize,
    wrong: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
struct Case {
    op: String,
    dtype: String,
    numerics: String,
    table: String,
    row: String,
    shapes: Vec<(usize, usize)>,
    bytes: usize,
    incumbent: String,
    winner: String,
    verdict: Verdict,
    duel: Option<Interval>,
    control: Option<Interval>,
    /// Seconds of a loop that only moves the bytes.
    limit: Option<f64>,
    candidates: Vec<Candidate>,
    cuts: Option<Cuts>,
    /// The row that was measured instead, since calls of both do the same work.
    #[serde(default)]
    as_in: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Replaced,
    TooClose,
    NoneFaster,
    Alone,
    Noisy,
    NotEverywhere,
    Unconfirmed,
    NoTime,
    IncumbentWrong,
}

impl Verdict {
    const fn words(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::TooClose => "tied: the incumbent stays",
            Self::NoneFaster => "none is faster",
            Self::Alone => "the only one",
            Self::Noisy => "too noisy to tell",
            Self::Unconfirmed => "not confirmed: the incumbent stays",
            Self::NotEverywhere => "the other loses in some use: the incumbent stays",
            Self::NoTime => "no time was left: the incumbent stays",
            Self::IncumbentWrong => "wrong: nothing was timed",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::TooClose => "too-close",
            Self::NoneFaster => "none-faster",
            Self::Alone => "alone",
            Self::Noisy => "noisy",
            Self::Unconfirmed => "unconfirmed",
            Self::NotEverywhere => "not-everywhere",
            Self::NoTime => "no-time",
            Self::IncumbentWrong => "incumbent-wrong",
        }
    }
}

/// Logarithms of ratios; an end that is infinite is `null` in the document.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Interval {
    #[serde(deserialize_with = "low")]
    low: f64,
    centre: f64,
    #[serde(deserialize_with = "high")]
    high: f64,
}

fn low<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NEG_INFINITY))
}

fn high<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
}

#[derive(Debug, Deserialize)]
struct Candidate {
    kernel: String,
    variant: String,
    right: bool,
    dropped: bool,
    rounds: usize,
    seconds: Option<f64>,
    faster: Option<Interval>,
}

#[derive(Debug, Deserialize)]
struct Cuts {
    threads: usize,
    crossover: Option<usize>,
    chunk: Option<usize>,
    was: Option<Tasks>,
    faster: Option<Interval>,
    ways: Vec<Way>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Tasks {
    crossover: Option<usize>,
    chunk: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Way {
    kernel: String,
    threads: usize,
    chunk: Option<usize>,
    seconds: Option<f64>,
    faster: Option<Interval>,
    dropped: bool,
}

impl Tuning {
    /// Reads the document that `raptors tune` writes.
    ///
    /// # Errors
    /// If it is none, or one of another version.
    pub fn read(text: &str) -> Result<Self, Error> {
        Ok(serde_json::from_value(read_document(text, SCHEMA)?)?)
    }
}

impl Case {
    /// Its table, in words: `scale f32 in place`.
    fn title(&self) -> String {
        let class = match self.table.rsplit_once('-') {
            Some((_, "acc")) => " accurate",
            Some((_, "inplace")) => " in place",
            _ => "",
        };
        format!("{} {}{class}", self.op, self.dtype)
    }

    /// Seconds of a call of a kernel, in the heats.
    fn seconds(&self, kernel: &str) -> Option<f64> {
        self.candidates.iter().find(|candidate| candidate.kernel == kernel)?.seconds
    }

    /// The share of what a loop reaches that only moves the bytes.
    fn share(&self) -> Option<f64> {
        Some(self.limit? / self.seconds(&self.winner)?)
    }

    /// Gigabytes a second of the winner, read and written, on one thread.
    fn rate(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "bytes of a case, to be printed in three digits")]
        let bytes = self.bytes as f64;
        Some(bytes / self.seconds(&self.winner)? / 1e9)
    }

    /// How much faster the winner is than what was there, as a logarithm.
    fn gain(&self) -> Option<Interval> {
        self.duel.filter(|_| self.winner != self.incumbent)
    }

    /// A kernel's name without what is said already.
    fn short<'a>(&self, kernel: &'a str) -> &'a str {
        kernel.split_once(&format!("_{}_", self.dtype)).map_or(kernel, |(_, short)| short)
    }
}

/// `+3.1%`.
fn percent(log: f64) -> String {
    if log.is_finite() { format!("{:+.1}%", 100.0 * log.exp_m1()) } else { "?".to_owned() }
}

/// `2.7% to 3.5%`.
fn range(interval: Interval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}

/// `256 KiB`, `1.5 MiB`, `100 B`.
pub(crate) fn bytes(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "to be printed in three digits")]
    let unit = |bits: u32| bytes as f64 / f64::from(1_u32 << bits);
    let digits = |number: f64, unit: &str| {
        if number < 9.95 && number.fract() > 0.04 {
            format!("{number:.1} {unit}")
        } else {
            format!("{number:.0} {unit}")
        }
    };
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => digits(unit(10), "KiB"),
        _ => digits(unit(20), "MiB"),
    }
}

/// `12.3 µs`, `4.00 s`.
pub(crate) fn time(seconds: f64) -> String {
    let (number, unit) = match seconds {
        1.0.. => (seconds, "s"),
        1e-3.. => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    let digits = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
    format!("{number:.digits$} {unit}")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(include_str!("../tests/tune.json")).unwrap()
    }

    pub(crate) fn tuning() -> Tuning {
        Tuning::read(&document().to_string()).unwrap()
    }

    #[test]
    fn a_document_is_read() {
        let tuning = tuning();
        let case = &tuning.findings.cases[0];
        assert!((case.share().unwrap() - 0.5).abs() < 1e-12);
        assert!((case.rate().unwrap() - 20.97152).abs() < 1e-9);
        assert!(case.gain().is_some() && tuning.findings.cases[1].gain().is_none());
        assert!(case.candidates[0].faster.unwrap().low == f64::NEG_INFINITY);
    }

    #[test]
    fn others_are_refused() {
        let mut other = document();
        other["schema"] = "raptors-tune/2".into();
        let error = Tuning::read(&other.to_string()).unwrap_err().to_string();
        assert_eq!(error, "the document is `raptors-tune/2`, and this reads `raptors-tune/1`");
        assert!(Tuning::read("[]").is_err() && Tuning::read("{").is_err());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0305, -0.01, f64::INFINITY].map(percent), ["+3.1%", "-1.0%", "?"]);
        assert_eq!([100, 2048, 1_500_000, 67_108_864].map(bytes), ["100 B", "2 KiB", "1.4 MiB", "64 MiB"]);
        assert_eq!([1.234e-6, 1.234e-5, 1.234e-4].map(time), ["1.23 µs", "12.3 µs", "123 µs"]);
    }
}
