//! What the library counted of its calls, as plain objects of Python's.

use std::time::Duration;

use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use raptors::telemetry::{self, Kind};

/// What was counted of the calls of this process.
///
/// Nothing is, unless ``telemetry_set(True)`` or ``RAPTORS_TELEMETRY=1`` asks for it. The dict has
///
/// * ``on``: whether calls are counted now;
/// * ``rows``: a dict for each kind of call, which ``pandas.DataFrame(telemetry()["rows"])`` takes as it is: ``op``,
///   ``dtype``, ``size`` (where the bytes of a call stay: ``l1``, ``l2``, ``l3``, ``memory``), ``isa`` and ``parallel`` say
///   which kind; ``calls``, ``elements``, ``bytes`` and ``seconds`` are sums; ``p50``, ``p90``, ``p99`` and ``max`` are times
///   of a call in seconds, up to a sixteenth too long;
/// * ``pool``: ``hits`` and ``misses`` of the pool of memory, from which results of 64 KiB and more are made;
/// * ``helpers``: ``waits``, calls that waited for other threads at their end, and for how many ``seconds``;
/// * ``events``: the last calls, 256 at most, each with ``rows``, ``columns``, ``bytes``, ``start`` (in seconds since this
///   process first counted anything) and ``seconds``.
///
/// The time of a call is that of the library, without what Python adds. A forked child counts its own.
#[pyfunction(name = "telemetry")]
pub(crate) fn snapshot(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let snapshot = telemetry::snapshot();
    let rows = (snapshot.rows.iter())
        .map(|row| {
            let about = kind(py, &row.kind)?;
            for (name, sum) in [("calls", row.calls), ("elements", row.elements), ("bytes", row.bytes)] {
                about.set_item(name, sum)?;
            }
            about.set_item("seconds", seconds(row.time))?;
            for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
                about.set_item(name, seconds(row.quantile(share)))?;
            }
            Ok(about)
        })
        .collect::<PyResult<Vec<_>>>()?;
    let events = (snapshot.events.iter())
        .map(|event| {
            let about = kind(py, &event.kind)?;
            about.set_item("rows", event.shape.0)?;
            about.set_item("columns", event.shape.1)?;
            about.set_item("bytes", event.bytes)?;
            about.set_item("start", seconds(event.start))?;
            about.set_item("seconds", seconds(event.time))?;
            Ok(about)
        })
        .collect::<PyResult<Vec<_>>>()?;
    let pool = PyDict::new(py);
    pool.set_item("hits", snapshot.pool.hits)?;
    pool.set_item("misses", snapshot.pool.misses)?;
    let helpers = PyDict::new(py);
    helpers.set_item("waits", snapshot.helpers.waits)?;
    helpers.set_item("seconds", seconds(snapshot.helpers.time))?;
    let about = PyDict::new(py);
    about.set_item("on", telemetry::is_on())?;
    about.set_item("rows", rows)?;
    about.set_item("pool", pool)?;
    about.set_item("helpers", helpers)?;
    about.set_item("events", events)?;
    Ok(about)
}

fn kind<'py>(py: Python<'py>, kind: &Kind) -> PyResult<Bound<'py, PyDict>> {
    let about = PyDict::new(py);
    about.set_item("op", kind.op)?;
    about.set_item("dtype", crate::array::dtype_name(kind.dtype))?;
    about.set_item("size", kind.size)?;
    about.set_item("isa", kind.isa.name())?;
    about.set_item("parallel", kind.parallel)?;
    Ok(about)
}

const fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Has everything that ``telemetry`` tells begin at 0 again.
#[pyfunction]
pub(crate) fn telemetry_reset() {
    telemetry::reset();
}

/// Has calls counted from now on, or no longer, those of all threads of the program. What was counted stays.
#[pyfunction]
pub(crate) fn telemetry_set(on: bool) {
    telemetry::set(on);
}

/// What was counted, in the text format of Prometheus: what an endpoint answers a scrape with.
#[pyfunction]
pub(crate) fn telemetry_prometheus() -> String {
    telemetry::prometheus(&telemetry::snapshot())
}

/// The page about a document of what was counted.
#[pyfunction]
#[pyo3(name = "_telemetry_html")]
pub(crate) fn telemetry_html(document: &str) -> PyResult<String> {
    let read = raptors_report::Telemetry::read(document);
    read.and_then(|read| read.page()).map_err(|error| PyValueError::new_err(error.to_string()))
}
