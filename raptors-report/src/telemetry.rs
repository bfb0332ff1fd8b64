//! What telemetry counted, as a page.

use serde::{Deserialize, Serialize};
use tera::Context;

use crate::{
    Error,
    page::TEMPLATES,
    read_document,
    tune::{bytes, time},
};

/// The version of the document that is read.
const SCHEMA: &str = "raptors-telemetry/1";

/// What the Python package's `telemetry` tells, and of which machine.
#[derive(Debug, Deserialize)]
pub struct Telemetry {
    machine: String,
    rows: Vec<Row>,
    pool: Pool,
    helpers: Helpers,
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    op: String,
    dtype: String,
    size: String,
    isa: String,
    parallel: bool,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    kind: Kind,
    calls: u64,
    bytes: f64,
    seconds: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

#[derive(Debug, Deserialize)]
struct Pool {
    hits: u64,
    misses: u64,
}

#[derive(Debug, Deserialize)]
struct Helpers {
    waits: u64,
    seconds: f64,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(flatten)]
    kind: Kind,
    rows: usize,
    columns: usize,
    bytes: usize,
    start: f64,
    seconds: f64,
}

/// What the template is given: words only.
#[derive(Serialize)]
struct Page<'a> {
    machine: &'a str,
    facts: Vec<(String, &'static str)>,
    rows: Vec<Line>,
    events: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    kind: String,
    /// Of the time of all calls, in per cent.
    share: String,
    cells: Vec<String>,
}

impl Telemetry {
    /// Reads the document that the Python package makes of what `telemetry` tells.
    ///
    /// # Errors
    /// If it is none, or one of another version.
    pub fn read(text: &str) -> Result<Self, Error> {
        Ok(serde_json::from_value(read_document(text, SCHEMA)?)?)
    }

    /// The page: the kinds of calls, those first that took the most time, and the last calls. It needs no other file.
    ///
    /// # Errors
    /// If the template cannot be filled in, which is a defect.
    pub fn page(&self) -> Result<String, Error> {
        let calls: u64 = self.rows.iter().map(|row| row.calls).sum();
        let seconds: f64 = self.rows.iter().map(|row| row.seconds).sum();
        let Pool { hits, misses } = self.pool;
        let Helpers { waits, seconds: waited } = self.helpers;
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let page = Page {
            machine: &self.machine,
            facts: vec![
                (calls.to_string(), "calls"),
                (time(seconds), "in calls, together"),
                (format!("{hits} of {}", hits + misses), "large results from the pool"),
                (format!("{waits}: {}", time(waited)), "waits for other threads"),
            ],
            rows: rows.into_iter().map(|row| row.line(seconds)).collect(),
            events: self.events.iter().rev().map(Event::line).collect(),
        };
        let mut context = Context::new();
        context.insert("page", &page);
        Ok(TEMPLATES.render("telemetry.html", &context)?)
    }
}

impl Kind {
    fn words(&self) -> String {
        let Self { op, dtype, size, isa, parallel } = self;
        let threads = if *parallel { "several threads" } else { "one thread" };
        format!("{op} {dtype}, {size}, {isa}, {threads}")
    }
}

impl Row {
    fn line(&self, all: f64) -> Line {
        let rate = format!("{:.1} GB/s", self.bytes / self.seconds / 1e9);
        let times = [self.seconds, self.p50, self.p90, self.p99, self.max].map(time);
        let cells = [self.calls.to_string(), rate].into_iter().chain(times).collect();
        Line { kind: self.kind.words(), share: format!("{:.1}", 100.0 * self.seconds / all), cells }
    }
}

impl Event {
    fn line(&self) -> Line {
        let shape = format!("{}×{}", self.rows, self.columns);
        let cells = vec![format!("{:.6} s", self.start), shape, bytes(self.bytes), time(self.seconds)];
        Line { kind: self.kind.words(), share: String::new(), cells }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(include_str!("../tests/telemetry.json")).unwrap()
    }

    #[test]
    fn everything_is_on_the_page() {
        let page = Telemetry::read(&document().to_string()).unwrap().page().unwrap();
        for text in [
            "A &lt;fast&gt; CPU",
            "<b>1003</b>calls",
            "<b>4.00 s</b>in calls, together",
            "<b>3 of 4</b>large results from the pool",
            "<b>2: 30.0 µs</b>waits for other threads",
            "sum_axis0 float64, l1, avx2, one thread",
            "scale float32, memory, avx512, several threads",
            "--share: 75.0%",
            "8.0 GB/s",
            "1.50 ms",
            "2000×1000",
            "12.500000 s",
        ] {
            assert!(page.contains(text), "no `{text}` in\n{page}");
        }
        // What took the most time comes first, and so does what came last.
        let place = |text: &str| page.find(text).unwrap();
        assert!(place("scale float32") < place("sum_axis0 float64"));
        assert!(place("12.500000 s") < place("1.250000 s"));
        let loads = ["src=", "@import", "url(", "<link"];
        assert!(!page.contains("<fast>") && loads.iter().all(|load| !page.contains(load)));
    }

    #[test]
    fn nothing_counted_is_a_page_too_and_others_are_refused() {
        let mut other = document();
        other["rows"] = Value::Array(Vec::new());
        other["events"] = Value::Array(Vec::new());
        let page = Telemetry::read(&other.to_string()).unwrap().page().unwrap();
        assert!(page.contains("No calls were counted"));
        other["schema"] = "raptors-telemetry/2".into();
        let error = Telemetry::read(&other.to_string()).unwrap_err().to_string();
        assert_eq!(error, "the document is `raptors-telemetry/2`, and this reads `raptors-telemetry/1`");
    }
}
