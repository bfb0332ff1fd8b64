//! What is refused, as Python's exceptions with `NumPy`'s words.

use pyo3::{
    IntoPyObjectExt as _,
    exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::PyType,
};
use raptors::Error;

/// The exception for what the library refused.
#[cold]
pub(crate) fn raised(error: &Error) -> PyErr {
    match error {
        Error::OutOfMemory { .. } => PyMemoryError::new_err(error.to_string()),
        Error::Empty { op } => PyValueError::new_err(format!(
            "zero-size array to reduction operation {} which has no identity",
            op.strip_suffix("_axis0").or_else(|| op.strip_suffix("_axis1")).unwrap_or(op)
        )),
        // The exception that led to it is still to be raised; without one, somebody else has cancelled.
        Error::Cancelled => crate::run::interruption().unwrap_or_else(|| PyKeyboardInterrupt::new_err(())),
        Error::Kernel { .. } => PyRuntimeError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

/// `NumPy`'s exception for an axis that an array of `ndim` dimensions does not have.
#[cold]
pub(crate) fn axis(py: Python<'_>, axis: isize, ndim: usize) -> PyErr {
    static KIND: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let made = || -> PyResult<PyErr> {
        let kind = KIND.import(py, "numpy.exceptions", "AxisError")?;
        Ok(PyErr::from_value(kind.call1((axis, ndim))?.into_bound_py_any(py)?))
    };
    made().unwrap_or_else(|error| error)
}

/// A shape as `NumPy` writes it: `(3,)`, `(3,4)`.
pub(crate) fn shape(lengths: &[usize]) -> String {
    match lengths {
        [one] => format!("({one},)"),
        _ => format!("({})", lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    }
}
