//! The document of the comparison, as far as it is shown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, read_document};

/// The version of the document that is read.
pub(crate) const SCHEMA: &str = "raptors-compare/1";

/// What one run of the comparison found.
#[derive(Debug)]
pub struct Run {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    /// Those that were timed.
    pub(crate) cases: Vec<Case>,
    /// Those whose results are wrong.
    pub(crate) wrong: Vec<Wrong>,
}

#[derive(Debug, Deserialize)]
struct Document {
    machine: Machine,
    settings: Settings,
    cases: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) caches: BTreeMap<String, String>,
    pub(crate) system: String,
    pub(crate) python: String,
    pub(crate) raptors: String,
    pub(crate) isa: String,
    pub(crate) numpy: String,
    pub(crate) packages: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Settings {
    pub(crate) suites: Vec<String>,
    /// Documents of before there were parts lack it, and what is left out.
    #[serde(default)]
    pub(crate) part: Option<Part>,
    #[serde(default)]
    pub(crate) left_out: Vec<String>,
    pub(crate) threads: BTreeMap<String, Threads>,
    pub(crate) skipped: BTreeMap<String, String>,
    pub(crate) simd_mode: String,
    pub(crate) precision: f64,
    pub(crate) gate: Option<f64>,
    pub(crate) date: String,
}

/// The how-manieth part of how many was measured, of so many cases.
#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    pub(crate) number: usize,
    pub(crate) count: usize,
    pub(crate) cases: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Threads {
    pub(crate) threads: usize,
    pub(crate) note: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    pub(crate) op: String,
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) layout: String,
    pub(crate) alloc: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    #[serde(flatten)]
    pub(crate) which: Which,
    pub(crate) numpy_us: f64,
    pub(crate) numpy_spread: f64,
    pub(crate) raptors_us: f64,
    pub(crate) raptors_best_us: f64,
    pub(crate) raptors_spread: f64,
    pub(crate) speedup: f64,
    pub(crate) ci_low: f64,
    pub(crate) ci_high: f64,
    pub(crate) delta_us: f64,
    pub(crate) settled: bool,
    pub(crate) kernel: String,
    pub(crate) verdict: String,
    pub(crate) gb_per_s: f64,
    pub(crate) limit_share: f64,
    pub(crate) control: Control,
    pub(crate) calls: Calls,
    pub(crate) peers: BTreeMap<String, Peer>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Control {
    pub(crate) ratio: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Calls {
    pub(crate) raptors: String,
    pub(crate) numpy: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Peer {
    pub(crate) ratio: f64,
    pub(crate) right: bool,
    pub(crate) same_bits: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Wrong {
    #[serde(flatten)]
    pub(crate) which: Which,
    pub(crate) difference: String,
}

impl Run {
    /// Reads the document.
    ///
    /// # Errors
    /// If it is none, or one of another version.
    pub fn read(text: &str) -> Result<Self, Error> {
        let Document { machine, settings, cases } = serde_json::from_value(read_document(text, SCHEMA)?)?;
        let (wrong, timed): (Vec<_>, Vec<_>) =
            cases.into_iter().partition(|case| case["verdict"] == "different");
        Ok(Self {
            machine,
            settings,
            cases: timed.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?,
            wrong: wrong.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?,
        })
    }

    /// Whether this suite is what was measured, and nothing else.
    #[must_use]
    pub fn is_of(&self, suite: &str) -> bool {
        self.settings.suites == [suite]
    }

    /// What the gate fails: cases below it, with their intervals, and results that are wrong.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let slower = self.cases.iter().filter(|case| case.verdict == "slower").map(|case| {
            format!("{}: {:.2} to {:.2} of NumPy's speed", case.which.name(), case.ci_low, case.ci_high)
        });
        let wrong = self.wrong.iter().map(|case| format!("{}: {}", case.which.name(), case.difference));
        slower.chain(wrong).collect()
    }

    /// Threads that calls of raptors could use.
    pub(crate) fn threads(&self) -> usize {
        self.settings.threads.get("raptors").map_or(1, |raptors| raptors.threads)
    }

    /// The peers beside `NumPy`, in the order of their names.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &str> {
        self.machine.packages.keys().map(String::as_str)
    }

    /// NaN if there are no cases.
    pub(crate) fn geometric_mean(&self) -> f64 {
        geometric_mean(&self.cases)
    }

    /// The case whose interval begins lowest.
    pub(crate) fn lowest(&self) -> Option<&Case> {
        self.cases.iter().min_by(|a, b| a.ci_low.total_cmp(&b.ci_low))
    }

    /// What is below 1, the worst first.
    pub(crate) fn gaps(&self) -> Vec<&Case> {
        let mut gaps: Vec<_> = self.cases.iter().filter(|case| case.speedup < 1.0).collect();
        gaps.sort_by(|a, b| a.speedup.total_cmp(&b.speedup));
        gaps
    }
}

impl Settings {
    /// The suites, and the part of them.
    pub(crate) fn what(&self) -> String {
        let part = self.part.as_ref().map_or_else(String::new, |part| {
            format!(", part {} of {} ({} cases in all)", part.number, part.count, part.cases)
        });
        format!("{}{part}", self.suites.join(", "))
    }

    /// Of what there are no cases, as a sentence that follows; empty if of nothing.
    pub(crate) fn without(&self) -> String {
        if self.left_out.is_empty() {
            String::new()
        } else {
            format!(". Left out: {}.", self.left_out.join("; "))
        }
    }
}

impl Which {
    pub(crate) fn name(&self) -> String {
        format!("{} {} {}", self.op, self.dtype, self.place())
    }

    pub(crate) fn size(&self) -> String {
        match &self.shape[..] {
            [rows, cols] if rows == cols => format!("{rows}²"),
            shape => shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×"),
        }
    }

    /// The shape, and what is not as usual about the arrays.
    pub(crate) fn place(&self) -> String {
        let usual = ["contiguous", "new"];
        let extra = [&self.layout, &self.alloc].into_iter().filter(|word| !usual.contains(&word.as_str()));
        extra.fold(self.size(), |text, word| format!("{text} {word}"))
    }
}

impl Case {
    /// Who is fastest of those whose results are right, as far as medians tell.
    pub(crate) fn fastest(&self) -> &str {
        let peers = self.peers.iter().filter(|(_, peer)| peer.right);
        let ratios = peers.map(|(name, peer)| (name.as_str(), peer.ratio));
        let least = ratios.chain([("numpy", self.speedup)]).min_by(|a, b| a.1.total_cmp(&b.1));
        least.filter(|(_, ratio)| *ratio < 1.0).map_or("raptors", |(name, _)| name)
    }
}

impl Peer {
    /// Its ratio, and what its result is not.
    pub(crate) fn says(&self) -> String {
        match (self.right, self.same_bits) {
            (false, _) => "wrong".to_owned(),
            (true, true) => format!("{:.2}", self.ratio),
            (true, false) => format!("{:.2}≈", self.ratio),
        }
    }
}

/// Of the ratios; NaN if there are no cases.
pub(crate) fn geometric_mean<'a>(cases: impl IntoIterator<Item = &'a Case>) -> f64 {
    let (sum, count) =
        cases.into_iter().fold((0.0, 0.0), |(sum, count), case| (sum + case.speedup.ln(), count + 1.0));
    f64::exp(sum / count)
}

/// A time in µs, with as many digits as say something.
pub(crate) fn us(value: f64) -> String {
    match value.abs() {
        10_000.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A document with a case that is ahead, one that is behind, and one that is wrong.
    pub(crate) fn document() -> Value {
        let case = |dtype: &str, speedup: f64| {
            serde_json::json!({
                "op": "sum", "dtype": dtype, "shape": [8, 8], "layout": "contiguous", "alloc": "new",
                "numpy_us": 10.0, "numpy_spread": 0.02, "raptors_us": 10.0 / speedup, "raptors_best_us": 4.0,
                "raptors_spread": 0.03, "speedup": speedup, "ci_low": speedup - 0.1, "ci_high": speedup + 0.1,
                "delta_us": 10.0 / speedup - 10.0, "settled": true, "kernel": "sum_of_it", "verdict": "even",
                "gb_per_s": 12.0, "limit_share": 0.5, "control": { "ratio": 1.001 },
                "calls": { "raptors": "rp.sum(x)", "numpy": "np.sum(x)" },
                "peers": { "jax": { "ratio": 0.9, "right": dtype == "f32", "same_bits": false } }
            })
        };
        serde_json::json!({
            "schema": SCHEMA,
            "machine": {
                "cpu": "A <fast> CPU", "cores": 2, "caches": { "L1": "32K" }, "system": "Linux", "python": "3.11",
                "raptors": "0.1", "isa": "avx2", "numpy": "2.4", "packages": { "jax": "0.10" }
            },
            "settings": {
                "suites": ["2d"], "skipped": { "numexpr": "not there" }, "simd_mode": "auto", "precision": 0.03,
                "gate": 1.0, "date": "2026-11-25",
                "threads": {
                    "raptors": { "threads": 2, "note": "at most" }, "numpy": { "threads": 1, "note": "always" },
                    "jax": { "threads": 2, "note": "confined" }
                }
            },
            "cases": [
                case("f32", 1.6), case("f64", 0.625),
                {
                    "op": "scale", "dtype": "f32", "shape": [3, 5], "layout": "strided", "alloc": "out",
                    "verdict": "different", "difference": "1 of 15 elements"
                }
            ]
        })
    }

    pub(crate) fn run() -> Run {
        Run::read(&document().to_string()).unwrap()
    }

    /// A part of the catalogue: an operation of both dtypes in two shapes, and another of one; no peers.
    pub(crate) fn part() -> Run {
        let mut document = document();
        document["machine"]["packages"] = serde_json::json!({});
        document["settings"]["suites"] = serde_json::json!(["catalogue"]);
        document["settings"]["part"] = serde_json::json!({ "number": 2, "count": 6, "cases": 204 });
        document["settings"]["left_out"] = serde_json::json!(["NumPy has no fma3"]);
        let given: Vec<Value> = document["cases"].as_array().unwrap()[..2].to_vec();
        let case = |from: &Value, op: &str, shape: [usize; 2]| {
            let mut case = from.clone();
            case["op"] = op.into();
            case["shape"] = shape.into();
            case["peers"] = serde_json::json!({});
            case
        };
        document["cases"] = serde_json::json!([
            case(&given[0], "sum", [8, 8]),
            case(&given[0], "sum", [10, 3]),
            case(&given[1], "sum", [8, 8]),
            case(&given[0], "max_axis1", [10, 3]),
        ]);
        Run::read(&document.to_string()).unwrap()
    }

    #[test]
    fn suites_and_parts_are_told_apart() {
        assert!(run().is_of("2d") && !run().is_of("catalogue"));
        assert_eq!(run().settings.what(), "2d");
        assert_eq!(run().settings.without(), "");
        assert!(part().is_of("catalogue"));
    }

    #[test]
    fn a_document_is_read() {
        let run = run();
        assert_eq!((run.cases.len(), run.wrong.len()), (2, 1));
        assert!((run.geometric_mean() - 1.0).abs() < 1e-12);
        assert_eq!(run.gaps().len(), 1);
        assert_eq!(run.lowest().unwrap().which.dtype, "f64");
        assert_eq!(run.wrong[0].which.place(), "3×5 strided out");
    }

    #[test]
    fn failures_are_what_is_slower_or_wrong() {
        let mut document = document();
        document["cases"][1]["verdict"] = "slower".into();
        let failures = Run::read(&document.to_string()).unwrap().failures();
        let slower = "sum f64 8²: 0.53 to 0.72 of NumPy's speed";
        assert_eq!(failures, [slower, "scale f32 3×5 strided out: 1 of 15 elements"]);
    }

    #[test]
    fn what_is_wrong_is_not_fastest() {
        let fastest: Vec<_> = run().cases.iter().map(|case| case.fastest().to_owned()).collect();
        assert_eq!(fastest, ["jax", "numpy"]);
    }

    #[test]
    fn others_are_refused() {
        let mut document = document();
        document["schema"] = "raptors-compare/2".into();
        let error = Run::read(&document.to_string()).unwrap_err().to_string();
        assert_eq!(error, "the document is `raptors-compare/2`, and this reads `raptors-compare/1`");
        document["schema"] = SCHEMA.into();
        document["cases"][0].as_object_mut().unwrap().remove("kernel");
        assert!(Run::read(&document.to_string()).unwrap_err().to_string().contains("missing field `kernel`"));
        assert!(Run::read("{").is_err());
    }

    #[test]
    fn times_have_digits_that_say_something() {
        assert_eq!([0.1234, 1.234, 12.34, 12_345.6].map(us), ["0.123", "1.23", "12.3", "12346"]);
    }
}
