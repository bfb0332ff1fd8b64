//! Carrying out a call: with or without Python's lock, interruptible or not; a panic is an exception.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};
use raptors::{Cancel, Error};

use crate::error;

/// Bytes, read and written, from which on a call releases Python's lock: some microseconds of work, many times what it
/// costs to give the lock away and to ask for it again.
const RELEASE_FROM: usize = 256 << 10;

/// Bytes from which on a call looks for signals: some twenty milliseconds at the speed of memory. What is shorter has
/// ended before anybody could wait for it.
const LONG_FROM: usize = 128 << 20;

/// Columns below which each row costs a multiple of what its bytes do.
const NARROW: usize = 64;

thread_local! {
    /// What a handler of signals raised while this thread's call was under way.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// The size of a call.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Read and written.
    pub(crate) bytes: usize,
    /// Of the matrix.
    pub(crate) columns: usize,
}

impl Size {
    fn is_long(self) -> bool {
        let from = if self.columns < NARROW { LONG_FROM / 16 } else { LONG_FROM };
        self.bytes >= from
    }
}

/// Does the call of an operation.
#[inline]
pub(crate) fn run(
    py: Python<'_>,
    size: Size,
    call: impl FnOnce() -> Result<(), Error> + Send,
) -> PyResult<()> {
    let guarded = || catch_unwind(AssertUnwindSafe(call));
    let outcome = if size.is_long() {
        let outcome = py.detach(|| Cancel::new().scope_asking(signals, guarded));
        // Also of a call that was done when the signal was found: nobody else will raise it.
        if let Some(raised) = interruption() {
            return Err(raised);
        }
        outcome
    } else if size.bytes < RELEASE_FROM {
        guarded()
    } else {
        py.detach(guarded)
    };
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refused)) => Err(error::raised(&refused)),
        Err(panic) => Err(panicked(panic.as_ref())),
    }
}

/// Runs the handlers of signals that came, and says whether one raised an exception. Python lets the main thread run
/// them only; on others nothing comes of it.
fn signals() -> bool {
    let raised = Python::try_attach(|py| py.check_signals().err()).flatten();
    raised.is_some_and(|raised| {
        RAISED.set(Some(raised));
        true
    })
}

/// What [`signals`] came upon.
pub(crate) fn interruption() -> Option<PyErr> {
    RAISED.take()
}

/// The exception for a panic.
#[cold]
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    PyRuntimeError::new_err(format!("a defect of raptors: {text}"))
}

/// Panics where a kernel would, with a call of that many bytes: for the tests of what comes of it.
#[pyfunction]
#[pyo3(name = "_panic")]
pub(crate) fn panic(py: Python<'_>, bytes: usize) -> PyResult<()> {
    run(py, Size { bytes, columns: NARROW }, || panic!("this is a test"))
}
