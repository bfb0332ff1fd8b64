//! Results: new arrays, and those of the caller.

use std::{
    any::Any,
    ffi::{c_int, c_void},
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use numpy::{
    PyArrayDescrMethods as _,
    npyffi::{PY_ARRAY_API, PyArrayObject, flags, npy_intp},
};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    ffi,
    prelude::*,
};
use raptors::{Dtype, Element, Matrix, MatrixMut};

use super::{Grid, Input, View, array_type, descr, dtype_name};
use crate::{Object, error};

/// From here on a result has memory of the library's pool, which is aligned to cache lines and has its pages already.
/// `NumPy` keeps what is smaller at hand itself.
const POOLED_FROM: usize = 64 << 10;

/// Where a result goes.
pub(crate) struct Output<'py> {
    /// What is computed into.
    array: Object<'py>,
    view: View,
    grid: Grid,
    /// The caller's array that the result is then copied to.
    copy_to: Option<Object<'py>>,
}

impl<'py> Output<'py> {
    /// A new array of that shape.
    #[expect(clippy::inline_always, reason = "a result of this size is otherwise copied, which takes 15 ns")]
    #[inline(always)]
    pub(crate) fn new(py: Python<'py>, dtype: Dtype, shape: &[usize]) -> PyResult<Self> {
        let mut dims: [npy_intp; 2] = [0; 2];
        for (dim, len) in dims.iter_mut().zip(shape) {
            *dim = len.cast_signed();
        }
        let dims = &mut dims[..shape.len()];
        let array = match dtype {
            Dtype::F32 => new_array::<f32>(py, dims, None)?,
            Dtype::F64 => new_array::<f64>(py, dims, None)?,
        };
        let view = View::of_any(&array, "out")?;
        let (rows, cols) = view.extent();
        Ok(Self { array, view, grid: (rows, cols, cols), copy_to: None })
    }

    /// A new array whose elements lie one after another in the order that the strides say, which are counted in elements.
    pub(crate) fn laid_out<T: Element>(
        py: Python<'py>,
        shape: &[usize],
        strides: &[isize],
    ) -> PyResult<Self> {
        let mut dims: Vec<npy_intp> = shape.iter().map(|len| len.cast_signed()).collect();
        let mut bytes: Vec<npy_intp> =
            strides.iter().map(|stride| stride * size_of::<T>().cast_signed()).collect();
        let array = new_array::<T>(py, &mut dims, Some(&mut bytes))?;
        // SAFETY: an array, which starts with these fields.
        let data = unsafe { (*array.as_ptr().cast::<PyArrayObject>()).fields.data.cast() };
        let len = shape.iter().product();
        let flags = flags::NPY_ARRAY_CARRAY;
        let view = View { data, dtype: T::DTYPE, ndim: 1, shape: [len, 1], strides: [0; 2], flags };
        Ok(Self { array, view, grid: (1, len, len), copy_to: None })
    }

    /// A copy of an array of the same shape that lies as the strides say.
    pub(crate) fn copy_laid_out<T: Element>(
        of: &Object<'py>,
        shape: &[usize],
        strides: &[isize],
    ) -> PyResult<Object<'py>> {
        copy(of, Self::laid_out::<T>(of.py(), shape, strides)?.array)
    }

    /// A new array of that dtype and shape, with the elements of an array that broadcasts to it.
    pub(crate) fn copy_of(of: &Object<'py>, dtype: Dtype, shape: &[usize]) -> PyResult<Object<'py>> {
        copy(of, Self::new(of.py(), dtype, shape)?.array)
    }

    /// A new array of that dtype and shape, each of whose elements is that number.
    pub(crate) fn filled(
        py: Python<'py>,
        dtype: Dtype,
        shape: &[usize],
        value: f64,
    ) -> PyResult<Object<'py>> {
        let mut new = Self::new(py, dtype, shape)?;
        match dtype {
            Dtype::F32 => new.run::<f32>().fill(Element::from_f64(value)),
            Dtype::F64 => new.run::<f64>().fill(value),
        }
        Ok(new.array)
    }

    /// The caller's array; a new one if that is in the way of `overlaps`, or if a matrix cannot describe it.
    pub(crate) fn given(
        out: &Object<'py>,
        dtype: Dtype,
        shape: &[usize],
        overlaps: impl FnOnce(&View) -> bool,
    ) -> PyResult<Self> {
        let view = check(out, dtype, shape)?;
        match view.grid().filter(|_| !overlaps(&view)) {
            Some(grid) => Ok(Self { array: out.clone(), view, grid, copy_to: None }),
            None => Ok(Self { copy_to: Some(out.clone()), ..Self::new(out.py(), dtype, shape)? }),
        }
    }

    /// A new array in its place, if the elements are not one after another: a vector of results has no gaps.
    pub(crate) fn joined(self) -> PyResult<Self> {
        let (rows, cols, stride) = self.grid;
        if rows < 2 || stride == cols {
            return Ok(self);
        }
        let new = Self::new(self.array.py(), self.view.dtype, self.view.shape())?;
        Ok(Self { copy_to: Some(self.array), ..new })
    }

    /// Whether the result is written into memory that `input` is read from.
    pub(crate) fn is_inplace(&self, input: &Input<'_, '_>) -> bool {
        self.copy_to.is_none() && input.overlaps(&self.view)
    }

    /// Where the result is written.
    ///
    /// # Panics
    /// If it has another dtype.
    #[inline]
    pub(crate) fn matrix<T: Element>(&mut self) -> MatrixMut<'_, T> {
        assert!(self.view.dtype == T::DTYPE, "an array of another dtype");
        let (rows, cols, stride) = self.grid;
        // SAFETY: the array, which this holds on to, has these elements at these places, native and aligned, all in one
        // allocation that may be written to. It is new, or it was checked that no argument of the call shares its
        // memory but one that is overwritten by way of this matrix and read by no other. NumPy has counted its extents.
        unsafe { MatrixMut::from_raw_parts(self.view.data.cast(), rows, cols, stride) }
    }

    /// Where a vector of results is written.
    pub(crate) fn run<T: Element>(&mut self) -> &mut [T] {
        self.matrix().into_slice().unwrap_or_default()
    }

    /// The array, now that the result is there.
    pub(crate) fn finish(self) -> PyResult<Object<'py>> {
        match self.copy_to {
            None => Ok(self.array),
            Some(out) => copy(&self.array, out),
        }
    }
}

/// Copies an array into another one, which is handed back.
fn copy<'py>(from: &Object<'py>, to: Object<'py>) -> PyResult<Object<'py>> {
    // SAFETY: both are arrays.
    let done = unsafe {
        PY_ARRAY_API.PyArray_CopyInto(to.py(), to.as_ptr().cast::<PyArrayObject>(), from.as_ptr().cast())
    };
    if done < 0 { Err(PyErr::fetch(to.py())) } else { Ok(to) }
}

/// Refuses what cannot take a result of the dtype of an element and that shape.
pub(crate) fn check_out<R: numpy::Element>(out: &Object<'_>, shape: &[usize]) -> PyResult<()> {
    is_array(out)?;
    let (py, dtype) = (out.py(), R::get_dtype(out.py()));
    // SAFETY: an array, as was just checked. Not by attributes, as in `check`.
    let ((given, num), is_writeable) = unsafe {
        let array = &(*out.as_ptr().cast::<PyArrayObject>()).fields;
        (super::lengths_and_type(out), array.flags & flags::NPY_ARRAY_WRITEABLE != 0)
    };
    same_shape(&given, shape)?;
    // Platforms have two whole numbers of 64 bits, which are one dtype.
    // SAFETY: two numbers of dtypes.
    if unsafe { PY_ARRAY_API.PyArray_EquivTypenums(py, num, dtype.num()) } == 0 {
        return Err(other_dtype(&dtype.to_string(), out));
    }
    if is_writeable { Ok(()) } else { Err(read_only()) }
}

/// A result that is copied into the caller's array, which was checked.
pub(crate) fn copied_to<'py>(result: &Object<'py>, out: &Object<'py>) -> PyResult<Object<'py>> {
    is_array(out)?;
    copy(result, out.clone())
}

#[cold]
fn other_dtype(dtype: &str, out: &Object<'_>) -> PyErr {
    let given = out.getattr("dtype").map_or_else(|_| "another dtype".to_owned(), |dtype| dtype.to_string());
    PyTypeError::new_err(format!(
        "Cannot cast output from dtype('{dtype}') to dtype('{given}'): out must have the dtype of the result"
    ))
}

#[cold]
fn read_only() -> PyErr {
    PyValueError::new_err("output array is read-only")
}

/// Refuses what is no array.
fn is_array(out: &Object<'_>) -> PyResult<()> {
    // SAFETY: the object is alive.
    if unsafe { numpy::npyffi::PyArray_Check(out.py(), out.as_ptr()) } == 0 {
        return Err(PyTypeError::new_err("return arrays must be of ArrayType"));
    }
    Ok(())
}

fn same_shape(given: &[usize], shape: &[usize]) -> PyResult<()> {
    if given == shape {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "non-broadcastable output operand with shape {} doesn't match the broadcast shape {}",
        error::shape(given),
        error::shape(shape)
    )))
}

/// A new array whose elements have any values: in the order of C, or with strides that leave no gaps.
#[inline]
fn new_array<'py, T: Element>(
    py: Python<'py>,
    dims: &mut [npy_intp],
    strides: Option<&mut [npy_intp]>,
) -> PyResult<Object<'py>> {
    let len = dims.iter().map(|len| len.cast_unsigned()).product::<usize>();
    let pooled = if len >= POOLED_FROM / size_of::<T>() { Some(pooled::<T>(py, len)?) } else { None };
    let data = pooled.as_ref().map_or(ptr::null_mut(), |(_, data)| data.cast::<c_void>());
    // SAFETY: as many dimensions as are said, and strides, or these are left to NumPy; the memory too, or there is some for that
    // many elements. The reference to the dtype is handed over; a new array or an exception comes back. What NumPy
    // allocates holds any bytes: all are values of an element, and those of a result are written before they are read.
    let array = unsafe {
        let ndim = i32::try_from(dims.len()).unwrap_or_default();
        let (kind, dtype) = (array_type(py), descr(py, T::DTYPE));
        // With memory of its own, any flag would ask NumPy for Fortran's order.
        let flags = if data.is_null() { 0 } else { flags::NPY_ARRAY_CARRAY };
        let strides = strides.map_or(ptr::null_mut(), <[npy_intp]>::as_mut_ptr);
        let (dims, like) = (dims.as_mut_ptr(), ptr::null_mut());
        let array =
            PY_ARRAY_API.PyArray_NewFromDescr(py, kind, dtype, ndim, dims, strides, data, flags, like);
        Bound::from_owned_ptr_or_err(py, array)?
    };
    if let Some((owner, _)) = pooled {
        // SAFETY: a new array, which has no base yet. The reference to the owner is handed over, in any case.
        let done = unsafe {
            let array = array.as_ptr().cast::<PyArrayObject>();
            PY_ARRAY_API.PyArray_SetBaseObject(py, array, owner.into_ptr())
        };
        if done < 0 {
            return Err(PyErr::fetch(py));
        }
    }
    Ok(array)
}

/// Memory of a result, which goes back to the pool when the last array over it dies. It can be had as a buffer that may
/// be written to: by that `NumPy` decides whether an array that was locked may be unlocked.
#[pyclass(frozen, module = "raptors._raptors")]
struct Memory {
    data: AtomicPtr<u8>,
    bytes: usize,
    /// What is dropped.
    _matrix: Box<dyn Any + Send + Sync>,
}

#[pymethods]
impl Memory {
    /// # Safety
    /// Python's: `view` is to be filled.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let data = this.data.load(Ordering::Relaxed).cast();
        // SAFETY: the view is Python's to be filled. It holds a reference to this object, which has these bytes, all
        // initialised, for as long as it lives.
        let done =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), data, this.bytes.cast_signed(), 0, flags) };
        if done < 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }
}

/// Memory for that many elements, and the object that gives it back to the pool when it dies.
fn pooled<T: Element>(py: Python<'_>, len: usize) -> PyResult<(Bound<'_, Memory>, *mut T)> {
    let mut matrix = Matrix::<T>::for_output(1, len).map_err(|refused| error::raised(&refused))?;
    // The elements stay where they are when the matrix moves.
    let data = matrix.as_mut_slice().as_mut_ptr();
    let memory =
        Memory { data: AtomicPtr::new(data.cast()), bytes: len * size_of::<T>(), _matrix: Box::new(matrix) };
    Ok((Bound::new(py, memory)?, data))
}

/// A scalar of `NumPy`'s.
#[inline]
pub(crate) fn scalar<T: Element>(py: Python<'_>, mut value: T) -> PyResult<Object<'_>> {
    let dtype = descr(py, T::DTYPE);
    // SAFETY: NumPy copies one element of that dtype, and takes no reference to the dtype: it is given back here.
    unsafe {
        let scalar =
            PY_ARRAY_API.PyArray_Scalar(py, ptr::from_mut(&mut value).cast(), dtype, ptr::null_mut());
        ffi::Py_DECREF(dtype.cast());
        Bound::from_owned_ptr_or_err(py, scalar)
    }
}

/// The view of an array that is to take a result of that dtype and shape.
fn check(out: &Object<'_>, dtype: Dtype, shape: &[usize]) -> PyResult<View> {
    is_array(out)?;
    // Of any dimensions and dtype: `View` has words for those of arguments only. And not by attributes: those of a class
    // derived from NumPy's may be code of the program's, which must not run now that the arguments have been looked at.
    // SAFETY: an array, as was just checked.
    let (given, num) = unsafe { super::lengths_and_type(out) };
    same_shape(&given, shape)?;
    if num != super::type_num(dtype) {
        return Err(other_dtype(dtype_name(dtype), out));
    }
    let view = View::of_any(out, "out")?;
    if view.has(flags::NPY_ARRAY_WRITEABLE) { Ok(view) } else { Err(read_only()) }
}
