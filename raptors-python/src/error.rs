//! What is refused, as Python's exceptions with `NumPy`'s words.

use pyo3::{
    IntoPyObjectExt as _,
    exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyType},
};
use raptors::Error;

use crate::generated::FUNCTIONS;

/// The exception for what the library refused.
#[cold]
pub(crate) fn raised(error: &Error) -> PyErr {
    match error {
        Error::OutOfMemory { .. } => PyMemoryError::new_err(error.to_string()),
        Error::Empty { op } => {
            let name = op.strip_suffix("_axis0").or_else(|| op.strip_suffix("_axis1")).unwrap_or(op);
            let function = FUNCTIONS.iter().find(|function| function.name == name);
            match function.and_then(|function| function.of_none) {
                Some(words) => PyValueError::new_err(words),
                None => PyValueError::new_err(error.to_string()),
            }
        }
        Error::NoStart { op } => {
            let none = raised(&Error::Empty { op }).to_string();
            // As NumPy calls the function.
            let function =
                none.split_once("reduction operation ").and_then(|(_, rest)| rest.split(' ').next());
            PyValueError::new_err(format!(
                "reduction operation '{}' does not have an identity, so to use a where mask one has to specify 'initial'",
                function.unwrap_or(op)
            ))
        }
        // The exception that led to it is still to be raised; without one, somebody else has cancelled.
        Error::Cancelled => crate::run::interruption().unwrap_or_else(|| PyKeyboardInterrupt::new_err(())),
        Error::Kernel { .. } => PyRuntimeError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

/// After an error: gives back the memory that is kept for results, if memory is what was lacking and there is some. Else
/// the error stands.
#[cold]
pub(crate) fn given_back(py: Python<'_>, error: &PyErr) -> PyResult<()> {
    if error.is_instance_of::<PyMemoryError>(py) && raptors::pool_bytes() > 0 {
        raptors::trim();
        return Ok(());
    }
    Err(error.clone_ref(py))
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

/// An axis. `NumPy` takes whatever can be an index, but for truth values.
pub(crate) fn axis_of(given: &Bound<'_, PyAny>) -> PyResult<isize> {
    let refused = |why: &str| PyTypeError::new_err(format!("axis must be an integer or None: {why}"));
    if given.is_instance_of::<PyBool>() {
        return Err(refused("an integer is required, not bool"));
    }
    given.extract().map_err(|error: PyErr| {
        // An index too large is another error.
        if error.is_instance_of::<PyTypeError>(given.py()) {
            refused(&error.value(given.py()).to_string())
        } else {
            error
        }
    })
}

/// A shape as `NumPy` writes it: `(3,)`, `(3,4)`.
pub(crate) fn shape(lengths: &[usize]) -> String {
    match lengths {
        [one] => format!("({one},)"),
        _ => format!("({})", lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    }
}
