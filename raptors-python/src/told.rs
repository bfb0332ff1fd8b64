//! What a reduction is told beside its axes: which elements are taken in, what results start from, and their dtype.

use numpy::{PyArrayDescr, PyArrayDescrMethods as _, dtype};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyBoolMethods},
};
use raptors::{ArrayRef, Dtype, Element, Numerics, Over};

use crate::{
    Object,
    array::{Mask, dtype_name, is_array},
    call, error,
};

/// The arguments as they were given.
#[derive(Clone, Copy)]
pub(crate) struct Told<'c, 'py> {
    mask: Option<&'c Object<'py>>,
    initial: Option<&'c Object<'py>>,
    dtype: Option<&'c Object<'py>>,
}

impl<'c, 'py> Told<'c, 'py> {
    /// What a function was given; nothing in the place of an argument that it does not take.
    #[inline]
    pub(crate) const fn new(
        mask: Option<&'c Object<'py>>,
        initial: Option<&'c Object<'py>>,
        dtype: Option<&'c Object<'py>>,
    ) -> Self {
        Self { mask, initial, dtype }
    }

    /// Whether nothing was given.
    #[inline]
    pub(crate) const fn is_nothing(&self) -> bool {
        self.mask.is_none() && self.initial.is_none() && self.dtype.is_none()
    }

    /// What was given. To read it may run code of the program's: arrays are looked at afterwards.
    pub(crate) fn read(&self, py: Python<'py>) -> PyResult<Read<'py>> {
        let initial = self.initial.map(|object| call::number(object, "initial")).transpose()?;
        let dtype = self.dtype.map(|object| float(py, object)).transpose()?;
        let mask = match self.mask {
            // As in NumPy, all elements are no mask.
            Some(object) if object.cast::<PyBool>().is_ok_and(PyBoolMethods::is_true) => None,
            Some(object) if is_array(object) => Some(object.clone()),
            Some(object) => Some(py.import("numpy")?.call_method1("asarray", (object,))?),
            None => None,
        };
        Ok(Read { mask, initial: initial.map(|number| number.value), dtype })
    }
}

/// The dtype of a result.
fn float<'py>(py: Python<'py>, object: &Object<'py>) -> PyResult<Dtype> {
    let given = PyArrayDescr::new(py, object)?;
    if given.is_equiv_to(&dtype::<f64>(py)) {
        Ok(Dtype::F64)
    } else if given.is_equiv_to(&dtype::<f32>(py)) {
        Ok(Dtype::F32)
    } else {
        Err(PyTypeError::new_err(format!("dtype must be float32 or float64 (got {given})")))
    }
}

/// The arguments, read.
pub(crate) struct Read<'py> {
    mask: Option<Object<'py>>,
    pub(crate) initial: Option<f64>,
    dtype: Option<Dtype>,
}

impl<'py> Read<'py> {
    /// Whether nothing was given.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.mask.is_none() && self.initial.is_none() && self.dtype.is_none()
    }

    /// Refuses what only the class `numpy` takes.
    pub(crate) fn check_class(&self, class: Numerics) -> PyResult<()> {
        if class != Numerics::Accurate || self.is_nothing() {
            return Ok(());
        }
        Err(PyValueError::new_err("numerics='accurate' takes none of where, initial and dtype"))
    }

    /// The dtype of the result, of an array of that dtype.
    pub(crate) fn result(&self, of: Dtype) -> PyResult<Dtype> {
        match self.dtype {
            Some(Dtype::F32) if of == Dtype::F64 => Err(PyTypeError::new_err(format!(
                "dtype=float32 is not supported for an array of {}; x.astype(numpy.float32) converts it first",
                dtype_name(of)
            ))),
            given => Ok(given.unwrap_or(of)),
        }
    }

    /// The mask, which must broadcast to that shape.
    pub(crate) fn mask(&self, shape: &[usize]) -> PyResult<Option<Mask<'py>>> {
        let Some(object) = &self.mask else { return Ok(None) };
        let mask = Mask::of(object)?;
        if mask.broadcasts_to(shape) {
            return Ok(Some(mask));
        }
        Err(PyValueError::new_err(format!(
            "operands could not be broadcast together with shapes {} {}: where must broadcast to the array",
            error::shape(shape),
            error::shape(&mask.shape),
        )))
    }

    /// What is reduced, as it was told.
    pub(crate) fn tell<'a, T: Element>(
        &self,
        over: Over<'a, T>,
        mask: Option<ArrayRef<'a, u8>>,
    ) -> Over<'a, T> {
        let over = match mask {
            Some(mask) => over.masked(mask),
            None => over,
        };
        match self.initial {
            Some(initial) => over.starting_from(T::from_f64(initial)),
            None => over,
        }
    }
}
