//! What every function comes to: arguments are checked and read, the operation is called, the result is an array.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyFloat,
};
use raptors::{
    Dtype, Element, Error, Numerics,
    catalogue::{Body, Call, InputKind, Op, Place, Value},
};

use crate::{
    Name, Object,
    array::{Input, Output, View, dtype_name, scalar},
    error,
    function::{Lazy, Map, Reduce},
    run::{Size, run},
};

/// An argument other than the first matrix.
pub(crate) enum Operand<'a, 'py> {
    Matrix(Input<'a, 'py>),
    /// A row or a column.
    Run(Input<'a, 'py>),
    Scalar(f64),
}

impl Operand<'_, '_> {
    pub(crate) fn value<T: Element>(&self) -> Value<'_, T> {
        match self {
            Self::Matrix(input) => Value::Matrix(input.matrix()),
            Self::Run(input) => Value::Slice(input.run()),
            Self::Scalar(value) => Value::Scalar(T::from_f64(*value)),
        }
    }

    fn overlaps(&self, out: &View) -> bool {
        match self {
            Self::Matrix(input) | Self::Run(input) => input.overlaps(out),
            Self::Scalar(_) => false,
        }
    }
}

impl Map {
    /// Calls the operation on its arguments in their order.
    #[inline]
    pub(crate) fn call<'py, const N: usize>(
        &self,
        py: Python<'py>,
        given: [&Object<'py>; N],
        out: Option<&Object<'py>>,
    ) -> PyResult<Object<'py>> {
        let op = self.op.get();
        let mut operands: [Option<Operand<'_, 'py>>; N] = [const { None }; N];
        // Numbers first: to convert one may run code of the program's, which may do anything to the arrays. From there
        // on none runs, and what is found of an array holds until the result is there.
        for (index, input) in op.inputs.iter().enumerate() {
            if input.kind == InputKind::Scalar {
                operands[index] = Some(Operand::Scalar(number(given[index], input.name)?));
            }
        }
        let first = op.inputs.iter().position(|input| input.kind == InputKind::Matrix).unwrap_or_default();
        let x = Input::read(given[first], op.inputs[first].name)?;
        check_dtype(op, x.view.dtype)?;
        for (index, input) in op.inputs.iter().enumerate() {
            if index != first && input.kind != InputKind::Scalar {
                operands[index] = Some(operand(given[index], input.name, input.kind, &x.view)?);
            }
        }
        let mut output = match out {
            None => Output::new(py, x.view.dtype, x.view.shape())?,
            Some(out) => Output::given(out, x.view.dtype, x.view.shape(), |out| {
                // What stands where the result goes is overwritten, if nothing else is read there.
                operands.iter().flatten().any(|operand| operand.overlaps(out))
                    || (x.overlaps(out) && !x.view.is_same(out))
            })?,
        };
        let inplace = out.is_some() && output.is_inplace(&x);
        match x.view.dtype {
            Dtype::F32 => compute::<f32, N>(py, op, (&x, first, inplace), &operands, &mut output)?,
            Dtype::F64 => compute::<f64, N>(py, op, (&x, first, inplace), &operands, &mut output)?,
        }
        output.finish()
    }
}

#[inline]
fn compute<T: Element, const N: usize>(
    py: Python<'_>,
    op: &Op,
    (x, first, inplace): (&Input<'_, '_>, usize, bool),
    operands: &[Option<Operand<'_, '_>>; N],
    output: &mut Output<'_>,
) -> PyResult<()> {
    let mut args = [T::arg(Value::Scalar(T::ZERO)); N];
    let (mut count, mut matrices) = (0, 2);
    for (index, operand) in operands.iter().enumerate() {
        if inplace && index == first {
            continue;
        }
        args[count] = T::arg(operand.as_ref().map_or_else(|| Value::Matrix(x.matrix()), Operand::value));
        matrices += usize::from(matches!(operand, Some(Operand::Matrix(_))));
        count += 1;
    }
    let size = Size { bytes: matrices * x.view.len() * size_of::<T>(), columns: x.columns() };
    let matrix = output.matrix();
    let place = T::out(if inplace { Place::Inplace(matrix) } else { Place::Matrix(matrix) });
    run(py, size, || op.call(&Call::default(), &args[..count], place))
}

/// An array that is not the first matrix, which `x` is.
#[inline]
pub(crate) fn operand<'a, 'py>(
    object: &'a Object<'py>,
    name: Name,
    kind: InputKind,
    x: &View,
) -> PyResult<Operand<'a, 'py>> {
    let input = Input::read(object, name)?;
    if input.view.dtype != x.dtype {
        return Err(PyTypeError::new_err(format!(
            "input types not supported: {name} has dtype {}, and must have {} as the others",
            dtype_name(input.view.dtype),
            dtype_name(x.dtype)
        )));
    }
    let (rows, cols) = x.extent();
    let shape = input.view.shape();
    let fits = match kind {
        InputKind::Row => shape == [cols] || shape == [1, cols],
        InputKind::Column => shape == [rows] || shape == [rows, 1],
        InputKind::Matrix | InputKind::Scalar => shape == x.shape(),
    };
    if !fits {
        let needed = match kind {
            InputKind::Row => format!("needs an element for each of {cols} columns"),
            InputKind::Column => format!("needs an element for each of {rows} rows"),
            InputKind::Matrix | InputKind::Scalar => "needs the same shape".to_owned(),
        };
        return Err(PyValueError::new_err(format!(
            "operands could not be broadcast together with shapes {} {}: {name} {needed}",
            error::shape(x.shape()),
            error::shape(shape)
        )));
    }
    if kind == InputKind::Matrix { Ok(Operand::Matrix(input)) } else { input.joined().map(Operand::Run) }
}

/// A number: Python's, `NumPy`'s, or an array of no dimension.
#[inline]
pub(crate) fn number(object: &Object<'_>, name: Name) -> PyResult<f64> {
    if !object.is_exact_instance_of::<PyFloat>()
        && let Ok(dtype) = object.getattr("dtype")
    {
        let ndim: usize = object.getattr("ndim")?.extract()?;
        let kind: char = dtype.getattr("kind")?.extract()?;
        if ndim > 0 || !"fiub".contains(kind) {
            return Err(PyTypeError::new_err(format!(
                "{name} must be a real number, not an array or scalar of dtype {dtype} and {ndim} dimensions"
            )));
        }
    }
    object.extract()
}

pub(crate) fn check_dtype(op: &Op, dtype: Dtype) -> PyResult<()> {
    if op.dtypes.contains(&dtype) {
        return Ok(());
    }
    let there: Vec<_> = op.dtypes.iter().map(|dtype| dtype_name(*dtype)).collect();
    Err(PyTypeError::new_err(format!(
        "{} not supported for the input type {}, only for {}",
        op.name,
        dtype_name(dtype),
        there.join(", ")
    )))
}

/// The axis of a call, counted from the first, and as an index of [`Reduce::ops`].
pub(crate) fn resolved(py: Python<'_>, axis: Option<isize>, ndim: usize) -> PyResult<(Option<usize>, usize)> {
    let Some(axis) = axis else { return Ok((None, 0)) };
    let dims = ndim.cast_signed();
    if !(-dims..dims).contains(&axis) {
        return Err(error::axis(py, axis, ndim));
    }
    let axis = axis.rem_euclid(dims).cast_unsigned();
    // All elements of an array of one dimension are a run.
    Ok((Some(axis), if ndim == 1 { 0 } else { axis + 1 }))
}

pub(crate) fn class(name: &str) -> PyResult<Numerics> {
    Numerics::ALL.into_iter().find(|class| class.name() == name).ok_or_else(|| {
        let known = Numerics::ALL.map(|class| format!("'{class}'")).join(", ");
        PyValueError::new_err(format!("numerics must be one of {known} (got '{name}')"))
    })
}

impl Reduce {
    /// Calls the operation that belongs to the axis.
    #[inline]
    pub(crate) fn call<'py>(
        &self,
        py: Python<'py>,
        x: &Object<'py>,
        axis: Option<&Object<'py>>,
        out: Option<&Object<'py>>,
        keepdims: bool,
        numerics: &str,
    ) -> PyResult<Object<'py>> {
        let axis = axis.map(PyAnyMethods::extract).transpose()?;
        let x = Input::read(x, self.input())?;
        let (axis, which) = resolved(py, axis, x.view.ndim)?;
        let op = match &self.ops[which] {
            Some(op) => op.get(),
            None => self.lacks(axis)?,
        };
        check_dtype(op, x.view.dtype)?;
        let call = Call { numerics: class(numerics)?, ..Call::default() };
        match x.view.dtype {
            Dtype::F32 => reduced::<f32>(py, op, &call, &x, axis, out, keepdims),
            Dtype::F64 => reduced::<f64>(py, op, &call, &x, axis, out, keepdims),
        }
    }

    /// The name of the one argument.
    fn input(&self) -> Name {
        let op = self.ops.iter().flatten().next().map(Lazy::get);
        op.map_or("x", |op| op.inputs[0].name)
    }

    #[cold]
    pub(crate) fn lacks<T>(&self, axis: Option<usize>) -> PyResult<T> {
        let axis = axis.map_or_else(|| "None".to_owned(), |axis| axis.to_string());
        Err(PyValueError::new_err(format!("{} has no axis={axis}", self.name)))
    }
}

#[inline]
fn reduced<'py, T: Element>(
    py: Python<'py>,
    op: &Op,
    call: &Call<'_>,
    x: &Input<'_, 'py>,
    axis: Option<usize>,
    out: Option<&Object<'py>>,
    keepdims: bool,
) -> PyResult<Object<'py>> {
    let (rows, cols) = x.view.extent();
    let (results, columns, count) = match (axis, x.view.ndim) {
        (None, _) | (Some(_), 1) => (1, x.columns(), rows * cols),
        (Some(0), _) => (cols, cols, rows),
        (Some(_), _) => (rows, cols, cols),
    };
    // The library gives no result without elements where there is no result to give; NumPy is stricter.
    if count == 0 && matches!(op.body, Body::Reduce { has_identity: false, .. }) {
        return Err(error::raised(&Error::Empty { op: op.name }));
    }
    let size = Size { bytes: (x.view.len() + results) * size_of::<T>(), columns };
    let into = |results: &mut [T]| {
        let (args, place) = ([T::arg(Value::Matrix(x.matrix()))], T::out(Place::Slice(results)));
        run(py, size, || -> Result<(), Error> { op.call(call, &args, place) })
    };
    let lengths = Lengths::of(axis, x.view.ndim, (rows, cols), keepdims);
    let mut output = match out {
        None if lengths.ndim == 0 => {
            let mut result = [T::ZERO];
            into(&mut result)?;
            return scalar(py, result[0]);
        }
        None => Output::new(py, T::DTYPE, lengths.all())?,
        Some(out) => Output::given(out, T::DTYPE, lengths.all(), |out| x.overlaps(out))?.joined()?,
    };
    into(output.run())?;
    output.finish()
}

/// A shape of up to two dimensions.
pub(crate) struct Lengths {
    lengths: [usize; 2],
    pub(crate) ndim: usize,
}

impl Lengths {
    /// That of the result of a reduction.
    pub(crate) fn of(axis: Option<usize>, ndim: usize, (rows, cols): (usize, usize), keepdims: bool) -> Self {
        match (axis, ndim, keepdims) {
            (None, ndim, true) => Self::new(&[1, 1][..ndim]),
            (None, _, false) | (Some(_), 1, false) => Self::new(&[]),
            (Some(_), 1, true) => Self::new(&[1]),
            (Some(0), _, true) => Self::new(&[1, cols]),
            (Some(0), _, false) => Self::new(&[cols]),
            (Some(_), _, true) => Self::new(&[rows, 1]),
            (Some(_), _, false) => Self::new(&[rows]),
        }
    }

    fn new(given: &[usize]) -> Self {
        let mut lengths = [1; 2];
        lengths[..given.len()].copy_from_slice(given);
        Self { lengths, ndim: given.len() }
    }

    pub(crate) fn all(&self) -> &[usize] {
        &self.lengths[..self.ndim]
    }
}
