//! `NumPy` arrays as matrices, and results as `NumPy` arrays.
//!
//! An array is read where it lies if a matrix can describe it: native, aligned, each row contiguous and the rows one
//! after another. Any other is copied by `NumPy` first. What is read and written while Python's lock is released, other
//! threads of the program could write meanwhile: as with `NumPy`'s own functions, that is for the program not to do.

mod input;
mod output;
mod refuse;
mod strided;

use std::{
    ops::Range,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use numpy::npyffi::{self, NPY_TYPES, NpyTypes, PY_ARRAY_API, PyArray_Descr, PyArrayObject, flags};
use pyo3::{ffi, prelude::*};
use raptors::Dtype;

use self::refuse::{dimensions, other_dtype};
pub(crate) use self::{
    input::Input,
    output::{Output, check_out, copied_to, scalar},
    refuse::{admit, admit_out, admit_single, is_array, is_single, no_array},
    strided::{Mask, Strided, broadcast, is_simple},
};
use crate::Name;

/// Rows, columns, and elements from a row to the next.
type Grid = (usize, usize, usize);

/// Where an array's elements are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    data: *mut u8,
    pub(crate) dtype: Dtype,
    pub(crate) ndim: usize,
    /// Of one dimension: its length, and 1.
    shape: [usize; 2],
    /// In bytes.
    strides: [isize; 2],
    /// `NumPy`'s; of an array in another byte order than the machine's, only whether it may be written. In one word: bytes that are written alone
    /// and moved together wait for each other.
    flags: i32,
}

impl View {
    /// Of an argument, which must be an array of one or two dimensions and of a dtype there is.
    #[expect(clippy::inline_always, reason = "a result of this size is otherwise copied, which takes 15 ns")]
    #[inline(always)]
    pub(crate) fn of(object: &Bound<'_, PyAny>, what: Name) -> PyResult<Self> {
        let view = Self::of_any(object, what)?;
        if view.ndim == 0 {
            return Err(dimensions(what, 0));
        }
        Ok(view)
    }

    /// Of an array that may have no dimension too.
    #[expect(clippy::inline_always, reason = "a result of this size is otherwise copied, which takes 15 ns")]
    #[inline(always)]
    fn of_any(object: &Bound<'_, PyAny>, what: Name) -> PyResult<Self> {
        let py = object.py();
        // No code of the program's runs here: whether the class is one that is taken, `admit` has asked.
        if object.get_type_ptr() != array_type(py) && !is_array(object) {
            return Err(no_array(object, what));
        }
        // SAFETY: it is an array, of NumPy's type or derived from it, so that it starts with these fields; while Python
        // is attached nobody changes them. Its dtype is an object, and has dimensions and strides for `nd`.
        let (array, descr) = unsafe {
            let array = &(*object.as_ptr().cast::<PyArrayObject>()).fields;
            (array, &(*array.descr).fields)
        };
        let dtype = if descr.type_num == NPY_TYPES::NPY_FLOAT as i32 {
            Dtype::F32
        } else if descr.type_num == NPY_TYPES::NPY_DOUBLE as i32 {
            Dtype::F64
        } else {
            return Err(other_dtype(object, what));
        };
        let ndim = usize::try_from(array.nd).unwrap_or_default();
        if ndim > 2 {
            return Err(dimensions(what, ndim));
        }
        let mut shape = [1; 2];
        let mut strides = [0; 2];
        for axis in 0..ndim {
            // SAFETY: there are `ndim` of each.
            unsafe {
                shape[axis] = (*array.dimensions.add(axis)).cast_unsigned();
                strides[axis] = *array.strides.add(axis);
            }
        }
        let swapped = if cfg!(target_endian = "little") { b'>' } else { b'<' };
        let is_native = descr.byteorder.cast_unsigned() != swapped;
        Ok(Self {
            data: array.data.cast(),
            dtype,
            ndim,
            shape,
            strides,
            flags: if is_native { array.flags } else { array.flags & flags::NPY_ARRAY_WRITEABLE },
        })
    }

    /// Whether an object is an array that a matrix can describe.
    pub(crate) fn is_matrix(object: &Bound<'_, PyAny>) -> bool {
        Self::of(object, "").is_ok_and(|view| view.grid().is_some())
    }

    /// Whether it has all of these flags.
    const fn has(&self, flags: i32) -> bool {
        self.flags & flags == flags
    }

    /// Its lengths.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape[..self.ndim]
    }

    /// Rows and columns; of one dimension: one row.
    pub(crate) fn extent(&self) -> (usize, usize) {
        if self.ndim < 2 { (1, self.shape[0]) } else { (self.shape[0], self.shape[1]) }
    }

    pub(crate) fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// As a matrix, if that can describe it.
    fn grid(&self) -> Option<Grid> {
        let (rows, cols) = self.extent();
        let is_plain = self.has(flags::NPY_ARRAY_ALIGNED);
        if (is_plain && self.has(flags::NPY_ARRAY_C_CONTIGUOUS)) || self.len() == 0 {
            return Some((rows, cols, cols));
        }
        let size = self.dtype.bytes().cast_signed();
        let (between_rows, between_cols) =
            if self.ndim < 2 { (0, self.strides[0]) } else { (self.strides[0], self.strides[1]) };
        if !is_plain || (cols > 1 && between_cols != size) {
            return None;
        }
        if rows == 1 {
            return Some((rows, cols, cols));
        }
        let stride = usize::try_from(between_rows / size).ok()?;
        (between_rows % size == 0 && stride >= cols).then_some((rows, cols, stride))
    }

    /// The addresses from its first byte to behind its last.
    fn bounds(&self) -> Range<usize> {
        let (mut first, mut last) = (self.data.addr(), self.data.addr());
        if self.len() == 0 {
            return 0..0;
        }
        for axis in 0..self.ndim {
            let reach = self.strides[axis].wrapping_mul(self.shape[axis].cast_signed() - 1);
            if reach < 0 {
                first = first.wrapping_add_signed(reach);
            } else {
                last = last.wrapping_add_signed(reach);
            }
        }
        first..last + self.dtype.bytes()
    }

    /// Whether it may share memory with another array.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (self.bounds(), other.bounds());
        a.start < b.end && b.start < a.end
    }

    /// Whether both have the same elements at the same places.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.data == other.data && self.shape() == other.shape() && self.strides == other.strides
    }
}

/// `NumPy`'s name of a dtype.
pub(crate) const fn dtype_name(dtype: Dtype) -> Name {
    match dtype {
        Dtype::F32 => "float32",
        Dtype::F64 => "float64",
    }
}

/// How many dimensions an array has.
///
/// # Safety
/// The object must be an array.
unsafe fn dimensions_of(object: &Bound<'_, PyAny>) -> usize {
    // SAFETY: an array, which starts with these fields; while Python is attached nobody changes them.
    let nd = unsafe { (*object.as_ptr().cast::<PyArrayObject>()).fields.nd };
    usize::try_from(nd).unwrap_or_default()
}

/// The lengths of an array, of any dimensions, and the number of its dtype.
///
/// # Safety
/// The object must be an array.
unsafe fn lengths_and_type(object: &Bound<'_, PyAny>) -> (Vec<usize>, i32) {
    // SAFETY: an array, which starts with these fields; while Python is attached nobody changes them. There are `nd`
    // lengths, and the dtype is an object.
    unsafe {
        let array = &(*object.as_ptr().cast::<PyArrayObject>()).fields;
        let ndim = usize::try_from(array.nd).unwrap_or_default();
        let lengths = (0..ndim).map(|axis| (*array.dimensions.add(axis)).cast_unsigned()).collect();
        (lengths, (*array.descr).fields.type_num)
    }
}

/// `NumPy`'s number of a dtype.
const fn type_num(dtype: Dtype) -> i32 {
    match dtype {
        Dtype::F32 => NPY_TYPES::NPY_FLOAT as i32,
        Dtype::F64 => NPY_TYPES::NPY_DOUBLE as i32,
    }
}

/// `NumPy`'s object for a dtype, a new reference.
fn descr(py: Python<'_>, dtype: Dtype) -> *mut PyArray_Descr {
    // SAFETY: called with Python attached, for a type that NumPy has.
    unsafe { PY_ARRAY_API.PyArray_DescrFromType(py, type_num(dtype)) }
}

/// `NumPy`'s type of arrays, which lives as long as the process. It is looked up once: each look costs a call its share.
#[inline]
fn array_type(py: Python<'_>) -> *mut ffi::PyTypeObject {
    static FOUND: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(ptr::null_mut());
    let found = FOUND.load(Ordering::Relaxed);
    if !found.is_null() {
        return found;
    }
    // SAFETY: called with Python attached.
    let found = unsafe { npyffi::get_type_object(py, NpyTypes::PyArray_Type) };
    FOUND.store(found, Ordering::Relaxed);
    found
}
