//! What was counted, in the text format of Prometheus.

use std::{fmt::Write as _, time::Duration};

use super::{Kind, Row, Snapshot};

/// The powers of two, in nanoseconds, at which buckets end: from a quarter of a microsecond to seventeen seconds.
const POWERS: std::ops::RangeInclusive<u32> = 8..=34;

/// A snapshot in the text format of Prometheus, version 0.0.4: what an endpoint of a program's own answers a scrape with.
///
/// Times are in seconds. The number of calls is `raptors_call_seconds_count`. Events are not in it.
#[must_use]
pub fn prometheus(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    head(&mut text, "raptors_call_seconds", "histogram", "Times of calls.");
    for row in &snapshot.rows {
        histogram(&mut text, row);
    }
    head(&mut text, "raptors_elements_total", "counter", "Elements of the first matrices of calls.");
    for row in &snapshot.rows {
        line(&mut text, "raptors_elements_total", &labels(&row.kind), row.elements);
    }
    head(&mut text, "raptors_bytes_total", "counter", "Bytes that calls read and wrote.");
    for row in &snapshot.rows {
        line(&mut text, "raptors_bytes_total", &labels(&row.kind), row.bytes);
    }
    let Snapshot { pool, helpers, .. } = snapshot;
    let of_process = [
        ("raptors_pool_hits_total", "Results for which the pool had memory.", pool.hits),
        ("raptors_pool_misses_total", "Results for which the system was asked for memory.", pool.misses),
        ("raptors_helper_waits_total", "Calls that waited for helpers at their end.", helpers.waits),
    ];
    for (name, help, value) in of_process {
        head(&mut text, name, "counter", help);
        line(&mut text, name, "", value);
    }
    let name = "raptors_helper_wait_seconds_total";
    head(&mut text, name, "counter", "Time of these waits.");
    line(&mut text, name, "", helpers.time.as_secs_f64());
    text
}

fn histogram(text: &mut String, row: &Row) {
    let labels = labels(&row.kind);
    for power in POWERS.step_by(2) {
        let end = Duration::from_nanos((1 << power) - 1);
        let labels = format!("{labels},le=\"{}\"", end.as_secs_f64());
        line(text, "raptors_call_seconds_bucket", &labels, row.calls_within(end));
    }
    line(text, "raptors_call_seconds_bucket", &format!("{labels},le=\"+Inf\""), row.calls);
    line(text, "raptors_call_seconds_sum", &labels, row.time.as_secs_f64());
    line(text, "raptors_call_seconds_count", &labels, row.calls);
}

fn labels(Kind { op, dtype, size, isa, parallel }: &Kind) -> String {
    let isa = isa.name();
    format!("op=\"{op}\",dtype=\"{dtype}\",size=\"{size}\",isa=\"{isa}\",parallel=\"{parallel}\"")
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("memory for a line");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(text, "{name}{labels} {value}").expect("memory for a line");
}
