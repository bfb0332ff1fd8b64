//! Arguments that are read.

use numpy::npyffi::{PY_ARRAY_API, PyArrayObject, flags};
use pyo3::prelude::*;
use raptors::{Element, MatrixRef};

use super::{Grid, View, descr};
use crate::{Name, error};

/// An array to read.
pub(crate) struct Input<'a, 'py> {
    /// The argument.
    object: &'a Bound<'py, PyAny>,
    /// Of the argument.
    pub(crate) view: View,
    /// Of what is read.
    data: *const u8,
    grid: Grid,
    /// What is read in the argument's place.
    copy: Option<Bound<'py, PyAny>>,
}

impl<'a, 'py> Input<'a, 'py> {
    /// The argument, or a copy of it if a matrix cannot describe it.
    #[expect(clippy::inline_always, reason = "a result of this size is otherwise copied, which takes 15 ns")]
    #[inline(always)]
    pub(crate) fn read(object: &'a Bound<'py, PyAny>, what: Name) -> PyResult<Self> {
        let view = View::of(object, what)?;
        let mut input = Self { object, view, data: view.data, grid: (0, 0, 0), copy: None };
        match view.grid() {
            Some(grid) => input.grid = grid,
            None => input.copy()?,
        }
        Ok(input)
    }

    /// Reads a copy from here on, which is contiguous.
    #[cold]
    pub(crate) fn copy(&mut self) -> PyResult<()> {
        let py = self.object.py();
        let wanted = flags::NPY_ARRAY_C_CONTIGUOUS
            | flags::NPY_ARRAY_ALIGNED
            | flags::NPY_ARRAY_NOTSWAPPED
            | flags::NPY_ARRAY_ENSURECOPY
            | flags::NPY_ARRAY_ENSUREARRAY;
        // SAFETY: the object is an array, as its view shows; the reference to the dtype is handed over, and a new array
        // or an exception comes back.
        let copied = || unsafe {
            let array = self.object.as_ptr().cast::<PyArrayObject>();
            let copy = PY_ARRAY_API.PyArray_FromArray(py, array, descr(py, self.view.dtype), wanted);
            Bound::from_owned_ptr_or_err(py, copy)
        };
        let copy = copied().or_else(|error| {
            error::given_back(py, &error)?;
            copied()
        })?;
        let (rows, cols) = self.view.extent();
        self.data = View::of(&copy, "copy")?.data;
        self.grid = (rows, cols, cols);
        self.copy = Some(copy);
        Ok(())
    }

    /// Whether it reads memory that `other` may share.
    pub(crate) fn overlaps(&self, other: &View) -> bool {
        self.copy.is_none() && self.view.overlaps(other)
    }

    /// The elements as a matrix.
    ///
    /// # Panics
    /// If they have another dtype.
    #[inline]
    pub(crate) fn matrix<T: Element>(&self) -> MatrixRef<'_, T> {
        assert!(self.view.dtype == T::DTYPE, "an array of another dtype");
        let (rows, cols, stride) = self.grid;
        // SAFETY: the array or the copy, which this holds on to, has these elements at these places, native and
        // aligned, all in one allocation: `View::grid` has seen to it, or NumPy has for a copy. Extents of more bytes than
        // can be addressed NumPy refuses, even where there are no elements.
        unsafe { MatrixRef::from_raw_parts(self.data.cast(), rows, cols, stride) }
    }

    /// The elements one after another, of an array that has at most one row or at most one column.
    pub(crate) fn run<T: Element>(&self) -> &[T] {
        self.matrix().as_slice().unwrap_or_default()
    }

    /// Columns; of elements one after another, their number: what a call on it walks in one go.
    pub(crate) fn columns(&self) -> usize {
        let (rows, cols, stride) = self.grid;
        if stride == cols { rows * cols } else { cols }
    }

    /// Copies unless the elements are one after another.
    pub(crate) fn joined(mut self) -> PyResult<Self> {
        let (rows, cols, stride) = self.grid;
        if rows > 1 && stride != cols {
            self.copy()?;
        }
        Ok(self)
    }
}
