//! Reductions in stages: several arguments, and results of several types.

use numpy::{Element as NumpyElement, PyArray, PyArrayMethods as _};
use pyo3::{exceptions::PyMemoryError, prelude::*, types::PyTuple};
use raptors::{
    Dtype, Element, Error, Numerics,
    catalogue::{Arg, Body, Call, InputKind, Op, Out, Place, ResultType, Value},
};

use crate::{
    Object,
    array::{Input, admit, admit_out, check_out, copied_to, is_array, is_simple},
    axes::Given,
    call::{self, Lengths, Operand},
    error,
    function::{Lazy, Staged},
    run::{Size, run},
    stages::{finds_places, outs},
    told::Told,
};

/// Whether a call is one on matrices: its arrays are simple, and it says no several axes.
pub(crate) fn is_plain<'py>(given: &[Option<&Object<'py>>], axis: Option<&Object<'py>>) -> bool {
    let is_simple = |object: &&Object<'py>| !is_array(object) || is_simple(object);
    given.iter().flatten().all(is_simple) && !axis.is_some_and(PyAnyMethods::is_instance_of::<PyTuple>)
}

impl Staged {
    /// Calls the operation that belongs to the axis.
    #[expect(clippy::too_many_arguments, reason = "those of the function")]
    pub(crate) fn call<'py, 'n>(
        &self,
        py: Python<'py>,
        given: &[Option<&Object<'py>>],
        axis: Option<&Object<'py>>,
        out: Option<&Object<'py>>,
        keepdims: bool,
        told: Told<'_, 'py>,
        numerics: impl Into<Option<&'n str>>,
    ) -> PyResult<Object<'py>> {
        if !is_plain(given, axis) || !told.is_nothing() {
            // As in NumPy: what looks for places takes one axis.
            let chosen = match axis {
                Some(axis) if finds_places(self.any()) => Given::one(error::axis_of(axis)?),
                _ => Given::of(axis)?,
            };
            return self.over(py, given, &chosen, out, keepdims, told, numerics.into());
        }
        let axis = axis.map(error::axis_of).transpose()?;
        self.of_matrices(py, given, axis, out, keepdims, numerics.into())
    }

    /// The arguments that are numbers; an array is looked at no further than its class. To convert a number may run code of the
    /// program's, which may do anything to arrays.
    pub(crate) fn numbers<'a, 'py>(
        &self,
        given: &[Option<&Object<'py>>],
        out: Option<&Object<'py>>,
    ) -> PyResult<Vec<Option<Operand<'a, 'py>>>> {
        let needed = given.len() - self.defaults.len();
        let mut operands = Vec::with_capacity(given.len());
        for (index, (object, input)) in given.iter().zip(self.any().inputs).enumerate() {
            operands.push(match (input.kind, object) {
                (InputKind::Scalar, Some(object)) => {
                    Some(Operand::Scalar(call::number(object, input.name)?.value))
                }
                (InputKind::Scalar, None) => Some(Operand::Scalar(self.defaults[index - needed])),
                (_, Some(object)) => {
                    admit(object, input.name)?;
                    None
                }
                (_, None) => None,
            });
        }
        match out.map(|out| out.cast::<PyTuple>()) {
            Some(Ok(outs)) => outs.iter().try_for_each(|out| admit_out(Some(&out)))?,
            _ => admit_out(out)?,
        }
        Ok(operands)
    }

    /// One of the operations: all have the same arguments.
    pub(crate) fn any(&self) -> &'static Op {
        self.reduce.ops.iter().flatten().next().map(Lazy::get).expect("a spec has an axis")
    }

    /// The same of arrays of one or two dimensions, over one axis or all; others are copied first.
    pub(crate) fn of_matrices<'py>(
        &self,
        py: Python<'py>,
        given: &[Option<&Object<'py>>],
        axis: Option<isize>,
        out: Option<&Object<'py>>,
        keepdims: bool,
        numerics: Option<&str>,
    ) -> PyResult<Object<'py>> {
        let reduce = &self.reduce;
        let any = self.any();
        let mut operands = self.numbers(given, out)?;
        let first = any.inputs.iter().position(|input| input.kind == InputKind::Matrix).unwrap_or_default();
        let object = |at: usize| given[at].expect("only scalars have defaults");
        let x = Input::read(object(first), any.inputs[first].name)?;
        let (axis, which) = call::resolved(py, axis, x.view.ndim)?;
        let op = match &reduce.ops[which] {
            Some(op) => op.get(),
            None => reduce.lacks(axis)?,
        };
        call::check_dtype(op, x.view.dtype)?;
        for (index, input) in op.inputs.iter().enumerate() {
            if index != first && input.kind != InputKind::Scalar {
                operands[index] = Some(call::operand(object(index), input.name, input.kind, &x.view)?);
            }
        }
        let numerics = call::class(numerics)?;
        let lengths = Lengths::of(axis, x.view.ndim, x.view.extent(), keepdims);
        let called = Called { op, x: &x, operands: &operands, numerics, lengths, out };
        match x.view.dtype {
            Dtype::F32 => called.results::<f32>(py),
            Dtype::F64 => called.results::<f64>(py),
        }
    }
}

/// Memory for that many results.
pub(crate) fn zeros<R: Clone>(len: Option<usize>, zero: R) -> PyResult<Vec<R>> {
    let refused = |()| PyMemoryError::new_err("there is no memory for the results");
    let mut results = Vec::new();
    let len = len.ok_or_else(|| refused(()))?;
    // Memory that is kept for results must not be what the system lacks.
    if results.try_reserve_exact(len).is_err() {
        raptors::trim();
        results.try_reserve_exact(len).map_err(|_| refused(()))?;
    }
    results.resize(len, zero);
    Ok(results)
}

/// A call whose arguments were read.
struct Called<'c, 'a, 'py> {
    op: &'static Op,
    x: &'c Input<'a, 'py>,
    operands: &'c [Option<Operand<'a, 'py>>],
    numerics: Numerics,
    lengths: Lengths,
    out: Option<&'c Object<'py>>,
}

impl<'py> Called<'_, '_, 'py> {
    fn results<T: Element + NumpyElement>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        let Body::Staged { outputs, has_identity, .. } = self.op.body else {
            unreachable!("the function is one of stages")
        };
        let len: usize = self.lengths.all().iter().product();
        // The library gives no result without elements where there is no result to give; NumPy is stricter.
        let (rows, cols) = self.x.view.extent();
        if !has_identity && self.count(rows, cols) == 0 {
            return Err(error::raised(&Error::Empty { op: self.op.name }));
        }
        let outs = outs(self.out, outputs.len())?;
        // All of them before any is written to: what is refused leaves no half of a result behind.
        for out in &outs {
            match outputs[0].result {
                ResultType::Element | ResultType::Matrix => check_out::<T>(out, self.lengths.all())?,
                ResultType::Whole => check_out::<i64>(out, self.lengths.all())?,
                ResultType::Truth => check_out::<bool>(out, self.lengths.all())?,
            }
        }
        match outputs[0].result {
            ResultType::Matrix => unreachable!("what gives matrices has a function of its own"),
            ResultType::Element => {
                let mut all = zeros(len.checked_mul(outputs.len()), T::ZERO)?;
                self.run::<T>(py, T::out(Place::Slice(&mut all)))?;
                let mut results = Vec::new();
                for at in 0..outputs.len() {
                    let mut part = zeros(Some(len), T::ZERO)?;
                    part.copy_from_slice(&all[at * len..][..len]);
                    results.push(self.finished(py, part, outs.get(at))?);
                }
                match results.len() {
                    1 => Ok(results.remove(0)),
                    _ => Ok(PyTuple::new(py, results)?.into_any()),
                }
            }
            ResultType::Whole => {
                let mut all = zeros(Some(len), 0_i64)?;
                self.run::<T>(py, Out::Whole(&mut all))?;
                self.finished(py, all, outs.first())
            }
            ResultType::Truth => {
                let mut all = zeros(Some(len), false)?;
                self.run::<T>(py, Out::Truth(&mut all))?;
                self.finished(py, all, outs.first())
            }
        }
    }

    /// Elements of each result.
    fn count(&self, rows: usize, cols: usize) -> usize {
        match self.op.body.axis() {
            Some(raptors::catalogue::Axis::Zero) => rows,
            Some(raptors::catalogue::Axis::One) => cols,
            _ => rows * cols,
        }
    }

    fn run<T: Element>(&self, py: Python<'py>, out: Out<'_>) -> PyResult<()> {
        let args: Vec<Arg<'_>> = (self.operands.iter())
            .map(|operand| match operand {
                None => T::arg(Value::Matrix(self.x.matrix())),
                // As NumPy takes it: what is subtracted from a count is not rounded to the dtype of the elements.
                Some(Operand::Scalar(value)) => Arg::F64(Value::Scalar(*value)),
                Some(operand) => T::arg(operand.value()),
            })
            .collect();
        let matrices = 1 + self.operands.iter().filter(|of| matches!(of, Some(Operand::Matrix(_)))).count();
        let size = Size { bytes: matrices * self.x.view.len() * size_of::<T>(), columns: self.x.columns() };
        let call = Call { numerics: self.numerics, ..Call::default() };
        run(py, size, || self.op.call(&call, &args, out))
    }

    /// Results as an array, as a scalar, or in an array of the caller's.
    fn finished<R: NumpyElement>(
        &self,
        py: Python<'py>,
        results: Vec<R>,
        out: Option<&Object<'py>>,
    ) -> PyResult<Object<'py>> {
        let array = PyArray::from_vec(py, results).reshape(self.lengths.all())?.into_any();
        match out {
            Some(out) => copied_to(&array, out),
            // As NumPy has it: a result of no dimension is a scalar.
            None if self.lengths.ndim == 0 => array.get_item(PyTuple::empty(py)),
            None => Ok(array),
        }
    }
}
