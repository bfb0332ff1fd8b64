//! What the comparison (`python/raptors/compare`) has done here.

use pyo3::{exceptions::PyValueError, prelude::*};

/// The page about a document of the comparison.
#[pyfunction]
#[pyo3(name = "_report_html")]
pub(crate) fn report_html(document: &str) -> PyResult<String> {
    let run = raptors_report::Run::read(document);
    run.and_then(|run| run.page()).map_err(|error| PyValueError::new_err(error.to_string()))
}
