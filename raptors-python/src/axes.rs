//! Reductions over any axes of arrays that lie in any way.

use pyo3::{exceptions::PyValueError, prelude::*, types::PyTuple};
use raptors::{
    ArrayRef, Asked, Dtype, Element, Elements, Error, Numerics, Over, Plan,
    catalogue::{Body, Call, Op, Place, Value},
};

use crate::{
    Object,
    array::{Input, Output, Strided, admit, admit_out, check_out, copied_to, scalar},
    call::{self, check_dtype},
    error,
    function::{Lazy, Reduce},
    run::{Size, run},
    told::{Read, Told},
};

/// The axes of a call as they were given; `None` for all.
pub(crate) struct Given(Option<Vec<isize>>);

impl Given {
    /// Of an argument. What is an index may be code of the program's: arrays are looked at afterwards.
    pub(crate) fn of(axis: Option<&Object<'_>>) -> PyResult<Self> {
        let Some(axis) = axis else { return Ok(Self(None)) };
        Ok(Self(Some(match axis.cast::<PyTuple>() {
            Ok(several) => several.iter().map(|one| error::axis_of(&one)).collect::<PyResult<_>>()?,
            Err(_) => vec![error::axis_of(axis)?],
        })))
    }

    /// One axis.
    pub(crate) fn one(axis: isize) -> Self {
        Self(Some(vec![axis]))
    }

    /// Of each dimension, whether it is reduced.
    pub(crate) fn resolved(&self, py: Python<'_>, ndim: usize) -> PyResult<Vec<bool>> {
        let Some(given) = &self.0 else { return Ok(vec![true; ndim]) };
        let mut reduced = vec![false; ndim];
        for &axis in given {
            let dims = ndim.cast_signed();
            if !(-dims..dims).contains(&axis) {
                return Err(error::axis(py, axis, ndim));
            }
            let axis = axis.rem_euclid(dims).cast_unsigned();
            if std::mem::replace(&mut reduced[axis], true) {
                return Err(PyValueError::new_err("duplicate value in 'axis'"));
            }
        }
        Ok(reduced)
    }

    /// Whether it is one axis, or all.
    pub(crate) fn is_single(&self) -> bool {
        self.0.as_ref().is_none_or(|given| given.len() == 1)
    }

    /// The first axis; `None` for all.
    pub(crate) fn first(&self) -> Option<isize> {
        self.0.as_ref().and_then(|given| given.first().copied())
    }
}

impl Reduce {
    /// Calls the operation on an array that is not simple, or over several axes.
    #[cold]
    #[expect(clippy::too_many_arguments, reason = "those of the function")]
    pub(crate) fn over<'py>(
        &self,
        py: Python<'py>,
        object: &Object<'py>,
        axis: Option<&Object<'py>>,
        out: Option<&Object<'py>>,
        keepdims: bool,
        told: Told<'_, 'py>,
        numerics: Option<&str>,
    ) -> PyResult<Object<'py>> {
        let given = Given::of(axis)?;
        let told = told.read(py)?;
        admit(object, self.input())?;
        admit_out(out)?;
        let x = Strided::of(object, self.input())?;
        let reduced = given.resolved(py, x.shape.len())?;
        let numerics = call::class(numerics)?;
        told.check_class(numerics)?;
        if numerics == Numerics::Accurate {
            if !(1..=2).contains(&x.shape.len()) || !given.is_single() {
                return Err(PyValueError::new_err(
                    "numerics='accurate' takes an array of one or two dimensions, and one axis or all",
                ));
            }
            let x = Input::read(object, self.input())?;
            return self.of_matrix(py, &x, given.first(), out, keepdims, numerics);
        }
        let is_all = reduced.iter().all(|is| *is);
        let find = |at: usize| self.ops[at].as_ref().map(Lazy::get);
        // Any of them has the rule of the elements' order.
        let Some(any) = (if is_all { find(0) } else { find(1).or_else(|| find(2)) }) else {
            return self.lacks(reduced.iter().position(|is| *is));
        };
        check_dtype(any, x.dtype)?;
        let dtype = told.result(x.dtype)?;
        check_dtype(any, dtype)?;
        let mask = told.mask(&x.shape)?;
        let mask = mask.as_ref().map(|mask| mask.spread(&x.shape));
        let strides = out.and_then(|out| out_strides(out, &reduced, keepdims));
        let mask_strides = mask.as_ref().map(ArrayRef::strides);
        let plan = any.plan(&Asked {
            shape: &x.shape,
            strides: &x.strides,
            reduced: &reduced,
            out: strides.as_deref(),
            mask: mask_strides.as_deref(),
            buffered: x.is_copied || dtype != x.dtype,
        });
        let op = if plan.goes_down() { find(1) } else { find(2).or_else(|| find(0)) }.unwrap_or(any);
        let called = (op, Call { numerics, ..Call::default() });
        let (arguments, laid) = (Arguments { told: &told, mask, plan }, Laid { reduced: &reduced, keepdims });
        match (x.dtype, dtype) {
            (Dtype::F32, Dtype::F32) => reduced_to::<f32>(py, called, x.array::<f32>(), arguments, laid, out),
            (Dtype::F32, Dtype::F64) => reduced_to::<f64>(py, called, x.array::<f32>(), arguments, laid, out),
            (Dtype::F64, _) => reduced_to(py, called, x.array::<f64>(), arguments, laid, out),
        }
    }
}

/// What is told of an array that is reduced, and how it is walked.
pub(crate) struct Arguments<'c, 'a, 'py> {
    pub(crate) told: &'c Read<'py>,
    pub(crate) mask: Option<ArrayRef<'a, u8>>,
    pub(crate) plan: Plan,
}

impl<'a> Arguments<'_, 'a, '_> {
    /// What is reduced.
    pub(crate) fn over<T: Element>(self, x: Elements<'a, T>) -> Over<'a, T> {
        self.told.tell(Over::new(x, self.plan), self.mask)
    }
}

/// Which axes are reduced, and whether they stay.
#[derive(Clone, Copy)]
pub(crate) struct Laid<'c> {
    pub(crate) reduced: &'c [bool],
    pub(crate) keepdims: bool,
}

impl Laid<'_> {
    /// The shape of results of an array, and the strides of those that lie in the order of the plan.
    pub(crate) fn results(self, plan: &Plan) -> (Vec<usize>, Vec<isize>) {
        let Self { reduced, keepdims } = self;
        let strides = plan.result_strides();
        let shown = (0..reduced.len()).filter(|&axis| keepdims || !reduced[axis]);
        shown.map(|axis| (if reduced[axis] { 1 } else { plan.shape()[axis] }, strides[axis])).unzip()
    }
}

/// The strides of the caller's array, one for each axis of the argument, if it lies as the machine takes it.
fn out_strides(out: &Object<'_>, reduced: &[bool], keepdims: bool) -> Option<Vec<isize>> {
    let out = Strided::of(out, "out").ok()?;
    let kept = reduced.iter().filter(|is| !**is).count();
    if out.is_copied || out.shape.len() != if keepdims { reduced.len() } else { kept } {
        return None;
    }
    let mut its = out.strides.iter();
    let of = |&is_reduced: &bool| match (is_reduced, keepdims) {
        (false, _) => its.next().copied().unwrap_or_default(),
        (true, true) => {
            its.next();
            0
        }
        (true, false) => 0,
    };
    Some(reduced.iter().map(of).collect())
}

fn reduced_to<'a, 'py, T: Element + numpy::Element>(
    py: Python<'py>,
    (op, call): (&Op, Call<'_>),
    x: impl Into<Elements<'a, T>>,
    arguments: Arguments<'_, 'a, 'py>,
    laid: Laid<'_>,
    out: Option<&Object<'py>>,
) -> PyResult<Object<'py>> {
    let x = x.into();
    let (shape, strides) = laid.results(&arguments.plan);
    let has_start = arguments.told.initial.is_some();
    // The library gives no result without elements where there is no result to give; NumPy is stricter.
    if !has_start && matches!(op.body, Body::Reduce { has_identity: false, .. }) {
        if arguments.mask.is_some() {
            return Err(error::raised(&Error::NoStart { op: op.name }));
        }
        if arguments.plan.count() == 0 {
            return Err(error::raised(&Error::Empty { op: op.name }));
        }
    }
    if let Some(out) = out {
        check_out::<T>(out, &shape)?;
    }
    let columns = x.shape().last().copied().unwrap_or(1);
    let size = Size { bytes: (x.len() + arguments.plan.results()) * size_of::<T>(), columns };
    let over = arguments.over(x);
    let into = |results: &mut [T]| {
        let (args, place) = ([T::arg(Value::Array(&over))], T::out(Place::Slice(results)));
        run(py, size, || op.call(&call, &args, place))
    };
    if out.is_none() && shape.is_empty() {
        let mut result = [T::ZERO];
        into(&mut result)?;
        return scalar(py, result[0]);
    }
    let mut output = Output::laid_out::<T>(py, &shape, &strides)?;
    into(output.run())?;
    let array = output.finish()?;
    out.map_or(Ok(array.clone()), |out| copied_to(&array, out))
}
