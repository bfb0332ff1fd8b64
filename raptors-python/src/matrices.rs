//! Operations in stages that give a matrix.

use pyo3::prelude::*;
use raptors::{
    Dtype, Element, Error, Numerics,
    catalogue::{Arg, Call, InputKind, Op, Place, Value},
};

use crate::{
    Object,
    array::{Input, Output},
    axes::Given,
    call::{self, Operand},
    error,
    function::{Lazy, Staged},
    run::{Size, run},
    staged::is_plain,
    told::Told,
};

impl Staged {
    /// Calls the operation that belongs to the axis. Where there is none over all elements, a call that says no axis is over the
    /// last one.
    pub(crate) fn matrix<'py, 'n>(
        &self,
        py: Python<'py>,
        given: &[Option<&Object<'py>>],
        axis: Option<&Object<'py>>,
        out: Option<&Object<'py>>,
        numerics: impl Into<Option<&'n str>>,
    ) -> PyResult<Object<'py>> {
        let numerics = numerics.into();
        let chosen = match axis {
            None if self.reduce.ops[0].is_none() => Given::one(-1),
            axis => Given::of(axis)?,
        };
        if !is_plain(given, axis) {
            return self.over(py, given, &chosen, out, false, Told::new(None, None, None), numerics);
        }
        self.matrix_of(py, given, chosen.first(), out, numerics)
    }

    /// The same of arrays of one or two dimensions, over one axis or all; others are copied first.
    pub(crate) fn matrix_of<'py>(
        &self,
        py: Python<'py>,
        given: &[Option<&Object<'py>>],
        axis: Option<isize>,
        out: Option<&Object<'py>>,
        numerics: Option<&str>,
    ) -> PyResult<Object<'py>> {
        let any = self.any();
        let mut operands = self.numbers(given, out)?;
        let first = any.inputs.iter().position(|input| input.kind == InputKind::Matrix).unwrap_or_default();
        let object = |at: usize| given[at].expect("only scalars have defaults");
        let x = Input::read(object(first), any.inputs[first].name)?;
        let (axis, which) = call::resolved(py, axis, x.view.ndim)?;
        // One dimension is a matrix of one row, whose elements are all there are.
        let op = match (&self.reduce.ops[which], &self.reduce.ops[2]) {
            (Some(op), _) => op.get(),
            (None, Some(row)) if x.view.ndim == 1 => Lazy::get(row),
            _ => self.reduce.lacks(axis)?,
        };
        call::check_dtype(op, x.view.dtype)?;
        for (index, input) in op.inputs.iter().enumerate() {
            if index != first && input.kind != InputKind::Scalar {
                operands[index] = Some(call::operand(object(index), input.name, input.kind, &x.view)?);
            }
        }
        let (rows, cols) = x.view.extent();
        let count = match axis {
            Some(0) if x.view.ndim == 2 => rows,
            Some(1) => cols,
            _ => rows * cols,
        };
        if !op.body.has_identity() && count == 0 {
            return Err(error::raised(&Error::Empty { op: op.name }));
        }
        let called = Called { op, x: &x, first, operands: &operands, numerics: call::class(numerics)? };
        match x.view.dtype {
            Dtype::F32 => called.result::<f32>(py, out),
            Dtype::F64 => called.result::<f64>(py, out),
        }
    }
}

/// A call whose arguments were read.
struct Called<'c, 'a, 'py> {
    op: &'static Op,
    x: &'c Input<'a, 'py>,
    /// Which argument that is.
    first: usize,
    operands: &'c [Option<Operand<'a, 'py>>],
    numerics: Numerics,
}

impl<'py> Called<'_, '_, 'py> {
    fn result<T: Element>(&self, py: Python<'py>, out: Option<&Object<'py>>) -> PyResult<Object<'py>> {
        let Self { op, x, first, operands, numerics } = self;
        let mut output = match out {
            None => Output::new(py, T::DTYPE, x.view.shape())?,
            Some(out) => Output::given(out, T::DTYPE, x.view.shape(), |out| {
                // What stands where the result goes is overwritten, if nothing else is read there.
                operands.iter().flatten().any(|operand| operand.overlaps(out))
                    || (x.overlaps(out) && !x.view.is_same(out))
            })?,
        };
        let inplace = out.is_some() && output.is_inplace(x);
        let args: Vec<Arg<'_>> = (operands.iter().enumerate())
            .filter(|(at, _)| !inplace || at != first)
            .map(|(_, operand)| match operand {
                None => T::arg(Value::Matrix(x.matrix())),
                // As NumPy takes it: what is added to a variance is not rounded to the dtype of the elements.
                Some(Operand::Scalar(value)) => Arg::F64(Value::Scalar(*value)),
                Some(operand) => T::arg(operand.value()),
            })
            .collect();
        let matrices = 2 + operands.iter().filter(|of| matches!(of, Some(Operand::Matrix(_)))).count();
        let size = Size { bytes: matrices * x.view.len() * size_of::<T>(), columns: x.columns() };
        let matrix = output.matrix();
        let place = T::out(if inplace { Place::Inplace(matrix) } else { Place::Matrix(matrix) });
        let call = Call { numerics: *numerics, ..Call::default() };
        run(py, size, || op.call(&call, &args, place))?;
        output.finish()
    }
}
