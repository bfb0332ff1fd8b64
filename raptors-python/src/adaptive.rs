//! What calls learned of sharing their work, as plain objects of Python's.

use std::path::PathBuf;

use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use raptors::adaptive::{self, SaveError};

use crate::{error, tune};

/// What calls have learned: whether they share their work with other threads, and in what pieces.
///
/// Nothing is learned, unless within ``with adaptive():``, after ``adaptive_set(True)``, or with ``RAPTORS_ADAPTIVE=1``.
/// There is a dict for each operation, dtype, size and form of which there were calls of 128 KiB or more, and
/// ``pandas.DataFrame(adaptive_state())`` takes them as they are:
///
/// * ``op``, ``dtype``, ``numerics``, ``inplace``, ``threads``, ``bytes`` (the least; the next size begins at twice as many) and
///   ``aspect`` (``wide``, ``square``, ``tall``) say which calls;
/// * ``way`` is how they go, ``by_table`` how they would: ``on one thread``, ``shared, a piece for each thread`` or
///   ``shared, in pieces of 256 KiB``;
/// * ``decided``: whether there are enough samples on each side; before that calls go by the table;
/// * ``samples``: calls that were measured; ``switches``: how often the way has changed;
/// * ``ways``: a dict for each way, with ``way``, ``samples``, ``seconds`` of a call of the least bytes, ``spread`` (0.1 is about
///   a tenth) and ``slower`` than the way in force (0.1 is a tenth longer; None where that is not known).
#[pyfunction]
pub(crate) fn adaptive_state(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    (adaptive::state().iter())
        .map(|row| {
            let about = PyDict::new(py);
            about.set_item("op", row.op)?;
            about.set_item("dtype", crate::array::dtype_name(row.dtype))?;
            about.set_item("numerics", row.numerics.name())?;
            about.set_item("inplace", row.inplace)?;
            about.set_item("threads", row.threads)?;
            about.set_item("bytes", row.bytes)?;
            about.set_item("aspect", row.aspect)?;
            about.set_item("way", row.way.to_string())?;
            about.set_item("by_table", row.by_table.to_string())?;
            about.set_item("decided", row.decided)?;
            about.set_item("samples", row.samples)?;
            about.set_item("switches", row.switches)?;
            let ways = (row.ways.iter())
                .map(|tried| {
                    let about = PyDict::new(py);
                    about.set_item("way", tried.way.to_string())?;
                    about.set_item("samples", tried.samples)?;
                    about.set_item("seconds", tried.time.as_secs_f64())?;
                    about.set_item("spread", tried.spread)?;
                    about.set_item("slower", tried.slower)?;
                    Ok(about)
                })
                .collect::<PyResult<Vec<_>>>()?;
            about.set_item("ways", ways)?;
            Ok(about)
        })
        .collect()
}

/// Has calls adapt from now on, or follow the tables alone, those of all threads of the program. What was learned stays.
#[pyfunction]
pub(crate) fn adaptive_set(on: bool) {
    if on {
        adaptive::enable();
    } else {
        adaptive::disable();
    }
}

/// Whether calls adapt.
#[pyfunction]
#[pyo3(name = "_adaptive_is_on")]
pub(crate) fn adaptive_is_on() -> bool {
    adaptive::is_on()
}

/// Forgets what was learned.
#[pyfunction]
pub(crate) fn adaptive_reset() {
    adaptive::reset();
}

/// Writes what was learned into your own profile, which the next process follows: its path, or None if the profile says all of
/// it already.
#[pyfunction]
pub(crate) fn adaptive_save() -> PyResult<Option<PathBuf>> {
    adaptive::save().map_err(|refused| match &refused {
        SaveError::Environment(refused) => error::raised(refused),
        SaveError::Profile(refused) => tune::unusable(refused),
        _ => PyValueError::new_err(refused.to_string()),
    })
}
