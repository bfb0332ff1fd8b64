//! Arguments of any number of dimensions and any strides, where they lie.

use std::ops::Range;

use numpy::npyffi::{NPY_TYPES, PY_ARRAY_API, PyArrayObject, flags};
use pyo3::{exceptions::PyTypeError, prelude::*};
use raptors::{ArrayMut, ArrayRef, Dtype, Element};

use super::{array_type, descr, is_array, no_array, other_dtype};
use crate::{Name, error};

/// Whether elements of the array's dtype are in the machine's byte order.
const fn is_native(byteorder: i8) -> bool {
    byteorder.cast_unsigned() != if cfg!(target_endian = "little") { b'>' } else { b'<' }
}

/// Whether it is an array of `NumPy`'s own class, of one or two dimensions, whose elements lie one after another as the machine
/// takes them: most are, and small calls have no time to look further.
#[inline]
pub(crate) fn is_simple(object: &Bound<'_, PyAny>) -> bool {
    if object.get_type_ptr() != array_type(object.py()) {
        return false;
    }
    // SAFETY: of that class it is an array, which starts with these fields; while Python is attached nobody changes them. Its
    // dtype is an object.
    let (nd, has, byteorder) = unsafe {
        let array = &(*object.as_ptr().cast::<PyArrayObject>()).fields;
        (array.nd, array.flags, (*array.descr).fields.byteorder)
    };
    (1..=2).contains(&nd)
        && has & flags::NPY_ARRAY_CARRAY_RO == flags::NPY_ARRAY_CARRAY_RO
        && is_native(byteorder)
}

/// An array to read, or what is read in its place.
pub(crate) struct Strided<'py> {
    /// Holds the elements that are read.
    _object: Bound<'py, PyAny>,
    data: *const u8,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Of the argument, in elements; of one that is copied, in bytes.
    pub(crate) strides: Vec<isize>,
    /// Of what is read, in elements.
    read: Vec<isize>,
    /// Whether its elements are not as the machine takes them, so that a copy is read.
    pub(crate) is_copied: bool,
}

/// A copy of an array, its axes in the order in which they lie.
///
/// # Safety
/// The object must be an array.
unsafe fn copy<'py>(object: &Bound<'py, PyAny>, dtype: Dtype) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let wanted = flags::NPY_ARRAY_ALIGNED
        | flags::NPY_ARRAY_NOTSWAPPED
        | flags::NPY_ARRAY_ENSURECOPY
        | flags::NPY_ARRAY_ENSUREARRAY;
    // SAFETY: an array; the reference to the dtype is handed over, and a new array or an exception comes back.
    let copied = || unsafe {
        let array = object.as_ptr().cast::<PyArrayObject>();
        let copy = PY_ARRAY_API.PyArray_FromArray(py, array, descr(py, dtype), wanted);
        Bound::from_owned_ptr_or_err(py, copy)
    };
    copied().or_else(|error| {
        error::given_back(py, &error)?;
        copied()
    })
}

impl<'py> Strided<'py> {
    /// Of an argument, which must be an array of a dtype there is. One that is not aligned or in another byte order is copied,
    /// with its axes in the order in which they lie.
    pub(crate) fn of(object: &Bound<'py, PyAny>, what: Name) -> PyResult<Self> {
        if !is_array(object) {
            return Err(no_array(object, what));
        }
        // SAFETY: an array, which starts with these fields; while Python is attached nobody changes them. Its dtype is an
        // object, and it has dimensions and strides for `nd`.
        let (data, num, byteorder, flags, shape, bytes) = unsafe {
            let array = &(*object.as_ptr().cast::<PyArrayObject>()).fields;
            let descr = &(*array.descr).fields;
            let axes = 0..usize::try_from(array.nd).unwrap_or_default();
            let shape: Vec<usize> =
                axes.clone().map(|axis| (*array.dimensions.add(axis)).cast_unsigned()).collect();
            let bytes: Vec<isize> = axes.map(|axis| *array.strides.add(axis)).collect();
            (array.data.cast::<u8>().cast_const(), descr.type_num, descr.byteorder, array.flags, shape, bytes)
        };
        let dtype = if num == NPY_TYPES::NPY_FLOAT as i32 {
            Dtype::F32
        } else if num == NPY_TYPES::NPY_DOUBLE as i32 {
            Dtype::F64
        } else {
            return Err(other_dtype(object, what));
        };
        let size = dtype.bytes().cast_signed();
        if flags & flags::NPY_ARRAY_ALIGNED != 0 && is_native(byteorder) {
            let moves = shape.iter().zip(&bytes).filter(|(len, _)| **len > 1);
            // An array that is aligned has no other strides on machines that ask for alignment.
            if moves.clone().all(|(_, stride)| stride % size == 0) {
                let strides: Vec<isize> = bytes.iter().map(|stride| stride / size).collect();
                let read = strides.clone();
                return Ok(Self {
                    _object: object.clone(),
                    data,
                    dtype,
                    shape,
                    strides,
                    read,
                    is_copied: false,
                });
            }
        }
        // SAFETY: an array, as was just checked.
        let copy = unsafe { copy(object, dtype)? };
        let copy = Self::of(&copy, "copy")?;
        Ok(Self { strides: bytes, is_copied: true, ..copy })
    }

    /// Of a copy without gaps, with elements of that dtype and its axes in the order in which they lie.
    pub(crate) fn copied(object: &Bound<'py, PyAny>, dtype: Dtype, what: Name) -> PyResult<Self> {
        if !is_array(object) {
            return Err(no_array(object, what));
        }
        // SAFETY: an array, as was just checked.
        Self::of(&unsafe { copy(object, dtype)? }, what)
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The elements.
    ///
    /// # Panics
    /// If they have another dtype.
    pub(crate) fn array<T: Element>(&self) -> ArrayRef<'_, T> {
        assert!(self.dtype == T::DTYPE, "an array of another dtype");
        // SAFETY: the array or the copy, which this holds on to, has these elements at these places, native and aligned, all in
        // one allocation: `of` has seen to it. NumPy has counted its extents, and has no more than 64 axes.
        unsafe { ArrayRef::from_raw_parts(self.data.cast(), &self.shape, &self.read) }
    }

    /// Whether this, seen in a shape that it broadcasts to, has its elements where another array of that shape has them.
    pub(crate) fn is_at(&self, other: &Self, shape: &[usize]) -> bool {
        let own = broadcast(&self.shape, &self.read, shape);
        let lies = |axis: usize| shape[axis] == 1 || own[axis] == other.read[axis];
        self.data == other.data && (0..shape.len()).all(lies)
    }

    /// Whether elements of both may lie in one place.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (own, its) = (self.addresses(), other.addresses());
        own.start < its.end && its.start < own.end
    }

    /// From the first byte of an element to behind the last.
    fn addresses(&self) -> Range<usize> {
        let bytes = self.dtype.bytes();
        let (mut start, mut end) = (self.data as usize, self.data as usize + bytes);
        if self.len() == 0 {
            return start..start;
        }
        for (len, stride) in self.shape.iter().zip(&self.read) {
            let far = (len - 1) * stride.unsigned_abs() * bytes;
            if *stride < 0 { start -= far } else { end += far }
        }
        start..end
    }

    /// The elements, to write; `None` if that is not possible where they are.
    ///
    /// # Safety
    /// The array may be written, and nothing else reads or writes the elements while the view lives.
    ///
    /// # Panics
    /// If they have another dtype.
    unsafe fn to_write<T: Element>(&self) -> Option<ArrayMut<'_, T>> {
        assert!(self.dtype == T::DTYPE, "an array of another dtype");
        let is_there = !self.is_copied && ArrayMut::<T>::are_apart(&self.shape, &self.read);
        // SAFETY: as of `array`, and what the caller says; no element is there twice.
        is_there.then(|| unsafe {
            ArrayMut::from_raw_parts(self.data.cast_mut().cast(), &self.shape, &self.read)
        })
    }

    /// An array of the caller's that takes results of that shape, and which of the arguments it is; `None` if it cannot be written
    /// where it lies, or if an argument shares some of its memory and does not lie just as it does.
    ///
    /// `out` must have been checked: an array of that shape which may be written.
    pub(crate) fn among<T: Element>(
        &self,
        args: &[Option<Self>],
        shape: &[usize],
    ) -> Option<(ArrayMut<'_, T>, Vec<bool>)> {
        let is_it: Vec<bool> =
            args.iter().map(|arg| arg.as_ref().is_some_and(|arg| arg.is_at(self, shape))).collect();
        let others = args.iter().zip(&is_it).filter(|(_, is)| !**is).filter_map(|(arg, _)| arg.as_ref());
        if others.into_iter().any(|arg| arg.meets(self)) {
            return None;
        }
        // SAFETY: it may be written, as the caller has checked, and arguments that share its memory are read through it alone.
        unsafe { self.to_write() }.map(|out| (out, is_it))
    }

    /// Whether other elements are between its own, or some are there twice.
    pub(crate) fn has_gaps(&self) -> bool {
        let own = raptors::compact(&self.shape, &self.read);
        let lies = |axis: usize| self.shape[axis] == 1 || self.read[axis] == own[axis];
        self.len() > 0 && !(0..own.len()).all(lies)
    }

    /// The elements one after another as they lie, if they leave no gaps in the order of axes that these strides have, which are
    /// counted in elements.
    ///
    /// # Panics
    /// If they have another dtype.
    pub(crate) fn run<T: Element>(&self, strides: &[isize]) -> Option<&[T]> {
        assert!(self.dtype == T::DTYPE, "an array of another dtype");
        if self.len() == 0 {
            return Some(&[]);
        }
        let own = raptors::compact(&self.shape, strides);
        let lies = |axis: usize| self.shape[axis] == 1 || self.read[axis] == own[axis];
        if !(0..own.len()).all(lies) {
            return None;
        }
        // SAFETY: with these strides the elements, native and aligned, are a run of that many from the first on, in what this
        // holds on to.
        Some(unsafe { std::slice::from_raw_parts(self.data.cast(), self.len()) })
    }

    /// The elements as an array of a shape that this broadcasts to, with axes in that order; those of one element may be left
    /// out.
    ///
    /// # Panics
    /// If they have another dtype, or do not broadcast.
    pub(crate) fn spread<T: Element>(&self, shape: &[usize], order: &[usize]) -> ArrayRef<'_, T> {
        assert!(self.dtype == T::DTYPE, "an array of another dtype");
        let strides = broadcast(&self.shape, &self.read, shape);
        let is_whole = (0..shape.len()).all(|axis| order.contains(&axis) || shape[axis] == 1);
        assert!(is_whole && order.len() <= shape.len(), "axes of more elements");
        let shape: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let strides: Vec<isize> = order.iter().map(|&axis| strides[axis]).collect();
        // SAFETY: as above; along an axis on which there is one element, it is the same again. The shape is that of a result,
        // whose extents NumPy has counted.
        unsafe { ArrayRef::from_raw_parts(self.data.cast(), &shape, &strides) }
    }
}

/// An array of truth values, where it lies.
pub(crate) struct Mask<'py> {
    /// Holds the bytes that are read.
    _object: Bound<'py, PyAny>,
    data: *const u8,
    pub(crate) shape: Vec<usize>,
    strides: Vec<isize>,
}

impl<'py> Mask<'py> {
    /// Of an array, which must be one of truth values.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if !is_array(object) {
            return Err(no_array(object, "where"));
        }
        // SAFETY: an array, which starts with these fields; while Python is attached nobody changes them. Its dtype is an
        // object, and it has dimensions and strides for `nd`.
        let (data, num, shape, strides) = unsafe {
            let array = &(*object.as_ptr().cast::<PyArrayObject>()).fields;
            let axes = 0..usize::try_from(array.nd).unwrap_or_default();
            let shape = axes.clone().map(|axis| (*array.dimensions.add(axis)).cast_unsigned()).collect();
            let strides = axes.map(|axis| *array.strides.add(axis)).collect();
            (array.data.cast::<u8>().cast_const(), (*array.descr).fields.type_num, shape, strides)
        };
        if num != NPY_TYPES::NPY_BOOL as i32 {
            let given = object.getattr("dtype")?;
            return Err(PyTypeError::new_err(format!(
                "Cannot cast array data from dtype('{given}') to dtype('bool') according to the rule 'safe': where must be an \
                 array of bool"
            )));
        }
        Ok(Self { _object: object.clone(), data, shape, strides })
    }

    /// Whether it has an element for each place of that shape, or one for several.
    pub(crate) fn broadcasts_to(&self, shape: &[usize]) -> bool {
        let lens = self.shape.iter().rev().zip(shape.iter().rev());
        self.shape.len() <= shape.len() && lens.clone().all(|(own, len)| own == len || *own == 1)
    }

    /// The bytes as an array of a shape that this broadcasts to.
    ///
    /// # Panics
    /// If it does not.
    pub(crate) fn spread(&self, shape: &[usize]) -> ArrayRef<'_, u8> {
        let strides = broadcast(&self.shape, &self.strides, shape);
        // SAFETY: the array, which this holds on to, has bytes at these places, all in one allocation; along an axis on which
        // there is one, it is the same again. The shape is that of an array, whose extents NumPy has counted.
        unsafe { ArrayRef::from_raw_parts(self.data, shape, &strides) }
    }
}

/// The strides of an array seen in a shape that it broadcasts to.
///
/// # Panics
/// If it does not.
pub(crate) fn broadcast(own: &[usize], strides: &[isize], shape: &[usize]) -> Vec<isize> {
    let missing = shape.len() - own.len();
    let of = |axis: usize| match axis.checked_sub(missing) {
        Some(at) if own[at] == shape[axis] && own[at] != 1 => strides[at],
        Some(at) => {
            assert!(own[at] == 1, "an array that does not broadcast");
            0
        }
        None => 0,
    };
    (0..shape.len()).map(of).collect()
}
