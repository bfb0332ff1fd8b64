//! What is no array that a function takes, and the way out.

use numpy::npyffi;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::{PyFloat, PyInt, PyList, PyTuple, PyType},
};

use super::{array_type, dimensions_of};
use crate::Name;

/// Whether it is an array of no dimension, or none at all.
pub(crate) fn is_single(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: asked only of an array.
    !is_array(object) || unsafe { dimensions_of(object) } == 0
}

/// Whether it is an array, of whatever class.
pub(crate) fn is_array(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the object is alive.
    unsafe { npyffi::PyArray_Check(object.py(), object.as_ptr()) != 0 }
}

/// Refuses what is no array, and arrays of classes that are more than their elements. To ask a class may run code of the
/// program's, which could do anything to arrays: so this comes before any of the call's is looked at.
#[inline]
pub(crate) fn admit(object: &Bound<'_, PyAny>, what: Name) -> PyResult<()> {
    if object.get_type_ptr() == array_type(object.py()) { Ok(()) } else { check_class(object, what) }
}

/// The same of an array that is to take a result; what is no array is refused where the result is known.
#[inline]
pub(crate) fn admit_out(out: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    match out {
        Some(out) if is_array(out) => admit(out, "out"),
        _ => Ok(()),
    }
}

#[cold]
fn check_class(object: &Bound<'_, PyAny>, what: Name) -> PyResult<()> {
    static MASKED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static MATRIX: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = object.py();
    if !is_array(object) {
        return Err(no_array(object, what));
    }
    let kind = object.get_type();
    if kind.is_subclass(MASKED.import(py, "numpy.ma", "MaskedArray")?)? {
        let way = format!("its mask would be lost; {what}.filled(value) or {what}.data is an array");
        return Err(refused(object, what, &way));
    }
    if kind.is_subclass(MATRIX.import(py, "numpy", "matrix")?)? {
        return Err(refused(object, what, &format!("np.asarray({what}) is an array")));
    }
    // As NumPy does, the class is asked and not the object.
    // SAFETY: NumPy's type, which lives as long as the process.
    let base = unsafe { PyType::from_borrowed_type_ptr(py, array_type(py)) };
    for protocol in ["__array_ufunc__", "__array_function__"] {
        let own = kind.getattr(protocol)?;
        if own.is(base.getattr(protocol)?) {
            continue;
        }
        let class = kind.name()?;
        return Err(PyTypeError::new_err(if own.is_none() {
            format!(
                "operand '{class}' does not support ufuncs ({protocol}=None); np.asarray({what}) has its elements alone"
            )
        } else {
            format!(
                "{what} is of the class {class}, which defines {protocol} for NumPy's functions, and this is none of \
                 them; np.asarray({what}) has its elements alone"
            )
        }));
    }
    Ok(())
}

/// The error for what is no array.
#[cold]
pub(crate) fn no_array(object: &Bound<'_, PyAny>, what: Name) -> PyErr {
    let has = |name: &str| object.hasattr(name).unwrap_or(false);
    let way = if has("to_numpy") {
        format!("{what}.to_numpy() is an array")
    } else if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        format!("np.asarray({what}, dtype=np.float64) is an array")
    } else if has("__array__") && !has("__float__") {
        format!("np.asarray({what}) is an array")
    } else {
        String::new()
    };
    refused(object, what, &way)
}

fn refused(object: &Bound<'_, PyAny>, what: Name, way: &str) -> PyErr {
    match object.get_type().name() {
        Ok(class) => {
            let way = if way.is_empty() { String::new() } else { format!(": {way}") };
            PyTypeError::new_err(format!(
                "{what} must be a numpy.ndarray of float32 or float64, not {class}{way}"
            ))
        }
        Err(error) => error,
    }
}

/// Refuses what is neither an array nor a number.
#[cold]
pub(crate) fn admit_single(object: &Bound<'_, PyAny>, what: Name) -> PyResult<()> {
    if is_array(object) {
        return admit(object, what);
    }
    let is_python_s = object.is_instance_of::<PyFloat>() || object.is_instance_of::<PyInt>();
    let is_numpy_s =
        || object.hasattr("dtype").unwrap_or(false) && !object.hasattr("to_numpy").unwrap_or(false);
    let converts = || {
        let has = |name| object.hasattr(name).unwrap_or(false);
        (has("__float__") || has("__index__")) && !has("__array__") && !has("__array_ufunc__")
    };
    if is_python_s || is_numpy_s() || converts() { Ok(()) } else { Err(no_array(object, what)) }
}

#[cold]
pub(super) fn dimensions(what: Name, ndim: usize) -> PyErr {
    PyValueError::new_err(format!("{what} must have 1 or 2 dimensions, but has {ndim}"))
}

/// The error for a dtype that there is no function for.
#[cold]
pub(super) fn other_dtype(object: &Bound<'_, PyAny>, what: Name) -> PyErr {
    let dtype = object.getattr("dtype").ok();
    let shown = dtype.as_ref().map_or_else(|| "another dtype".to_owned(), ToString::to_string);
    let kind: Option<char> = dtype.and_then(|dtype| dtype.getattr("kind").ok()?.extract().ok());
    // Of what is left out, such as an imaginary part, NumPy warns or makes nothing.
    let way = match (kind, &shown[..]) {
        (Some('f'), "float16") => format!("; {what}.astype(np.float32) converts it"),
        (Some('b' | 'i' | 'u' | 'f' | 'O'), _) => format!("; {what}.astype(np.float64) converts it"),
        _ => String::new(),
    };
    PyTypeError::new_err(format!(
        "input type not supported: {what} has dtype {shown}, and must have float32 or float64{way}"
    ))
}
