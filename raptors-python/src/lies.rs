//! Reductions in stages of one array as it lies: one with gaps, over any axes, with a mask, in a wider dtype.

use numpy::Element as NumpyElement;
use pyo3::{prelude::*, types::PyTuple};
use raptors::{
    ArrayRef, Asked, Dtype, Element, Elements, Plan,
    catalogue::{Arg, Body, Call, Op, Place, Value},
};

use crate::{
    Object,
    array::{Output, Strided, check_out, copied_to},
    axes::{Arguments, Laid},
    call::{self, Operand},
    function::{Lazy, Staged},
    run::{Size, run},
    staged::zeros,
    stages::outs,
    told::Read,
};

/// The scalars of a call, each in its place; nothing in that of the array.
type Numbers<'a, 'py> = [Option<Operand<'a, 'py>>];

impl Staged {
    #[cold]
    pub(crate) fn as_it_lies<'py>(
        &self,
        py: Python<'py>,
        call: Call<'_>,
        x: &Strided<'py>,
        (told, numbers): (&Read<'py>, &Numbers<'_, 'py>),
        laid: Laid<'_>,
        out: Option<&Object<'py>>,
    ) -> PyResult<Object<'py>> {
        // Down the columns, each element has a row's value of its own beside it: that is how any array is taken.
        let Some(op) = self.reduce.ops[1].as_ref().map(Lazy::get) else { return self.reduce.lacks(Some(0)) };
        let dtype = told.result(x.dtype)?;
        call::check_dtype(op, dtype)?;
        let mask = told.mask(&x.shape)?;
        let mask = mask.as_ref().map(|mask| mask.spread(&x.shape));
        let strides = mask.as_ref().map(ArrayRef::strides);
        let plan = Plan::new(&Asked {
            shape: &x.shape,
            strides: &x.strides,
            reduced: laid.reduced,
            out: None,
            mask: strides.as_deref(),
            buffered: x.is_copied || dtype != x.dtype,
        });
        let (called, arguments) = ((op, call, numbers), Arguments { told, mask, plan });
        match (x.dtype, dtype) {
            (Dtype::F32, Dtype::F32) => staged_to::<f32>(py, called, x.array::<f32>(), arguments, laid, out),
            (Dtype::F32, Dtype::F64) => staged_to::<f64>(py, called, x.array::<f32>(), arguments, laid, out),
            (Dtype::F64, _) => staged_to(py, called, x.array::<f64>(), arguments, laid, out),
        }
    }
}

fn staged_to<'a, 'py, T: Element + NumpyElement>(
    py: Python<'py>,
    (op, call, numbers): (&Op, Call<'_>, &Numbers<'_, 'py>),
    x: impl Into<Elements<'a, T>>,
    arguments: Arguments<'_, 'a, 'py>,
    laid: Laid<'_>,
    out: Option<&Object<'py>>,
) -> PyResult<Object<'py>> {
    let x = x.into();
    let Body::Staged { outputs, .. } = op.body else { unreachable!("the function is one of stages") };
    let (shape, strides) = laid.results(&arguments.plan);
    let outs = outs(out, outputs.len())?;
    outs.iter().try_for_each(|out| check_out::<T>(out, &shape))?;
    let len = arguments.plan.results();
    let size = Size { bytes: x.len() * size_of::<T>(), columns: x.shape().last().copied().unwrap_or(1) };
    let over = arguments.over(x);
    let mut all = zeros(len.checked_mul(outputs.len()), T::ZERO)?;
    let args: Vec<Arg<'_>> = numbers
        .iter()
        .map(|number| match number {
            // As NumPy takes it: what is subtracted from a count is not rounded to the dtype of the elements.
            Some(Operand::Scalar(value)) => Arg::F64(Value::Scalar(*value)),
            _ => T::arg(Value::Array(&over)),
        })
        .collect();
    run(py, size, || op.call(&call, &args, T::out(Place::Slice(&mut all))))?;
    let part = |at: usize| {
        let mut output = Output::laid_out::<T>(py, &shape, &strides)?;
        output.run().copy_from_slice(&all[at * len..][..len]);
        let array = output.finish()?;
        match outs.get(at) {
            Some(out) => copied_to(&array, out),
            // As NumPy has it: a result of no dimension is a scalar.
            None if shape.is_empty() => array.get_item(PyTuple::empty(py)),
            None => Ok(array),
        }
    };
    let parts = (0..outputs.len()).map(part).collect::<PyResult<Vec<_>>>()?;
    match &parts[..] {
        [one] => Ok(one.clone()),
        _ => Ok(PyTuple::new(py, parts)?.into_any()),
    }
}
