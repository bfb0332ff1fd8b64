//! What every function comes to: arguments are checked and read, the operation is called, the result is an array.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyFloat, PyTuple},
};
use raptors::{
    Dtype, Element, Error, Numerics,
    catalogue::{Body, Call, InputKind, Op, Place, Value},
};

use crate::{
    Name, Object,
    array::{Input, Output, View, admit, admit_out, dtype_name, is_array, is_simple, scalar},
    broadcast, error,
    function::{Lazy, Map, Reduce},
    run::{Size, run},
    told::Told,
};

/// An argument other than the first matrix.
pub(crate) enum Operand<'a, 'py> {
    Matrix(Input<'a, 'py>),
    /// A row or a column.
    Run(Input<'a, 'py>),
    Scalar(f64),
}

impl<'a, 'py> Operand<'a, 'py> {
    /// An array that fits.
    #[inline]
    fn of(input: Input<'a, 'py>, kind: InputKind) -> PyResult<Self> {
        if kind == InputKind::Matrix { Ok(Self::Matrix(input)) } else { input.joined().map(Self::Run) }
    }

    pub(crate) fn value<T: Element>(&self) -> Value<'_, T> {
        match self {
            Self::Matrix(input) => Value::Matrix(input.matrix()),
            Self::Run(input) => Value::Slice(input.run()),
            Self::Scalar(value) => Value::Scalar(T::from_f64(*value)),
        }
    }

    pub(crate) fn overlaps(&self, out: &View) -> bool {
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
        self.call_in(py, given, out, Numerics::Numpy)
    }

    /// The same in a numeric class.
    #[inline]
    pub(crate) fn call_in<'py, const N: usize>(
        &self,
        py: Python<'py>,
        given: [&Object<'py>; N],
        out: Option<&Object<'py>>,
        numerics: Numerics,
    ) -> PyResult<Object<'py>> {
        let op = self.op.get();
        let mut operands: [Option<Operand<'_, 'py>>; N] = [const { None }; N];
        // Numbers first: to convert one may run code of the program's, which may do anything to the arrays. From there
        // on none runs, and what is found of an array holds until the result is there.
        admit_out(out)?;
        let mut is_wide = false;
        for (index, input) in op.inputs.iter().enumerate() {
            if input.kind == InputKind::Scalar {
                let number = number(given[index], input.name)?;
                is_wide |= number.is_wide;
                operands[index] = Some(Operand::Scalar(number.value));
            } else if !is_simple(given[index]) {
                return broadcast::call(self, py, given, out, numerics);
            }
        }
        let first = op.inputs.iter().position(|input| input.kind == InputKind::Matrix).unwrap_or_default();
        let x = Input::read(given[first], op.inputs[first].name)?;
        check_dtype(op, x.view.dtype)?;
        if is_wide && x.view.dtype != Dtype::F64 {
            return broadcast::call(self, py, given, out, numerics);
        }
        for (index, input) in op.inputs.iter().enumerate() {
            if index != first && input.kind != InputKind::Scalar {
                let other = Input::read(given[index], input.name)?;
                check_same_dtype(input.name, other.view.dtype, x.view.dtype)?;
                if !fits(input.kind, &other.view, &x.view) {
                    return broadcast::call(self, py, given, out, numerics);
                }
                operands[index] = Some(Operand::of(other, input.kind)?);
            }
        }
        let view = x.view;
        Called { op, x, first, operands, shape: view.shape(), numerics }.finish(py, out)
    }
}

/// A call whose arguments are as the operation takes them.
pub(crate) struct Called<'a, 'py, 's, const N: usize> {
    pub(crate) op: &'static Op,
    /// The first matrix.
    pub(crate) x: Input<'a, 'py>,
    /// Which argument it is.
    pub(crate) first: usize,
    /// The others.
    pub(crate) operands: [Option<Operand<'a, 'py>>; N],
    /// Of the result: as many rows and columns as the first matrix has.
    pub(crate) shape: &'s [usize],
    /// Where the operation has that class: another form of it may have `numpy` alone.
    pub(crate) numerics: Numerics,
}

impl<'py, const N: usize> Called<'_, 'py, '_, N> {
    #[expect(clippy::inline_always, reason = "the arguments are otherwise copied")]
    #[inline(always)]
    pub(crate) fn finish(self, py: Python<'py>, out: Option<&Object<'py>>) -> PyResult<Object<'py>> {
        let Self { op, x, first, operands, shape, numerics } = self;
        let mut output = match out {
            None => Output::new(py, x.view.dtype, shape)?,
            Some(out) => Output::given(out, x.view.dtype, shape, |out| {
                // What stands where the result goes is overwritten, if nothing else is read there.
                operands.iter().flatten().any(|operand| operand.overlaps(out))
                    || (x.overlaps(out) && !x.view.is_same(out))
            })?,
        };
        let inplace = out.is_some() && output.is_inplace(&x);
        match x.view.dtype {
            Dtype::F32 => {
                compute::<f32, N>(py, (op, numerics), (&x, first, inplace), &operands, &mut output)?;
            }
            Dtype::F64 => {
                compute::<f64, N>(py, (op, numerics), (&x, first, inplace), &operands, &mut output)?;
            }
        }
        output.finish()
    }
}

#[inline]
fn compute<T: Element, const N: usize>(
    py: Python<'_>,
    (op, numerics): (&Op, Numerics),
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
    let call = Call { numerics, ..Call::default() };
    run(py, size, || op.call(&call, &args[..count], place))
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
    check_same_dtype(name, input.view.dtype, x.dtype)?;
    if !fits(kind, &input.view, x) {
        let (rows, cols) = x.extent();
        let needed = match kind {
            InputKind::Row => format!("needs an element for each of {cols} columns"),
            InputKind::Column => format!("needs an element for each of {rows} rows"),
            InputKind::Matrix | InputKind::Scalar => "needs the same shape".to_owned(),
        };
        return Err(PyValueError::new_err(format!(
            "operands could not be broadcast together with shapes {} {}: {name} {needed}",
            error::shape(x.shape()),
            error::shape(input.view.shape())
        )));
    }
    Operand::of(input, kind)
}

/// Whether an array is of that kind beside the matrix `x`.
#[inline]
fn fits(kind: InputKind, view: &View, x: &View) -> bool {
    let ((rows, cols), shape) = (x.extent(), view.shape());
    match kind {
        InputKind::Row => shape == [cols] || shape == [1, cols],
        InputKind::Column => shape == [rows] || shape == [rows, 1],
        InputKind::Matrix | InputKind::Scalar => shape == x.shape(),
    }
}

#[inline]
fn check_same_dtype(name: Name, given: Dtype, others: Dtype) -> PyResult<()> {
    if given == others { Ok(()) } else { Err(mixed_dtypes(name, given, others)) }
}

/// Arrays of two dtypes: `NumPy` would convert one, in full and unseen.
#[cold]
pub(crate) fn mixed_dtypes(name: Name, given: Dtype, others: Dtype) -> PyErr {
    let (given, others) = (dtype_name(given), dtype_name(others));
    PyTypeError::new_err(format!(
        "input types not supported: {name} has dtype {given}, and must have {others} as the others; \
         {name}.astype(np.{others}) converts it"
    ))
}

/// A number, and whether it makes a result of `float32` arrays one of `float64`.
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) is_wide: bool,
}

/// A number: Python's, `NumPy`'s, or an array of no dimension. Python's are of no dtype; `NumPy`'s have one, by which it
/// tells the result's.
#[inline]
pub(crate) fn number(object: &Object<'_>, name: Name) -> PyResult<Number> {
    let is_wide = !object.is_exact_instance_of::<PyFloat>() && is_wide(object, name)?;
    Ok(Number { value: object.extract()?, is_wide })
}

fn is_wide(object: &Object<'_>, name: Name) -> PyResult<bool> {
    if is_array(object) {
        admit(object, name)?;
    }
    let Ok(dtype) = object.getattr("dtype") else { return Ok(false) };
    let ndim: usize = object.getattr("ndim")?.extract()?;
    let kind: char = dtype.getattr("kind")?.extract()?;
    let bytes: usize = dtype.getattr("itemsize")?.extract()?;
    if ndim > 0 || !"fiub".contains(kind) {
        return Err(PyTypeError::new_err(format!(
            "{name} must be a real number, not an array or scalar of dtype {dtype} and {ndim} dimensions"
        )));
    }
    if kind == 'f' && bytes > size_of::<f64>() {
        return Err(PyTypeError::new_err(format!(
            "input type not supported: {name} has dtype {dtype}, and must have float32 or float64; float({name}) converts it"
        )));
    }
    // Whole numbers of 16 bits are exact in float32, which is why NumPy leaves it at that.
    Ok(match kind {
        'f' => bytes > size_of::<f32>(),
        'i' | 'u' => bytes > size_of::<i16>(),
        _ => false,
    })
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

/// The class of a call; without a name, what calls have that say none, of operations with the class `any`.
pub(crate) fn class<'n>(name: impl Into<Option<&'n str>>) -> PyResult<Numerics> {
    let Some(name) = name.into() else { return Ok(Numerics::preferred()) };
    Numerics::ALL.into_iter().find(|class| class.name() == name).ok_or_else(|| {
        let known = Numerics::ALL.map(|class| format!("'{class}'")).join(", ");
        PyValueError::new_err(format!("numerics must be one of {known} (got '{name}')"))
    })
}

impl Reduce {
    /// Calls the operation that belongs to the axis.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "those of the function")]
    pub(crate) fn call<'py, 'n>(
        &self,
        py: Python<'py>,
        x: &Object<'py>,
        axis: Option<&Object<'py>>,
        out: Option<&Object<'py>>,
        keepdims: bool,
        told: Told<'_, 'py>,
        numerics: impl Into<Option<&'n str>>,
    ) -> PyResult<Object<'py>> {
        let is_tuple = axis.is_some_and(PyAnyMethods::is_instance_of::<PyTuple>);
        if !is_simple(x) || is_tuple || !told.is_nothing() {
            return self.over(py, x, axis, out, keepdims, told, numerics.into());
        }
        let axis = axis.map(error::axis_of).transpose()?;
        admit(x, self.input())?;
        admit_out(out)?;
        let x = Input::read(x, self.input())?;
        self.of_matrix(py, &x, axis, out, keepdims, class(numerics)?)
    }

    /// The same for an array of one or two dimensions, over one axis or all.
    #[expect(clippy::inline_always, reason = "the call of most arrays, whose parts are then in registers")]
    #[inline(always)]
    pub(crate) fn of_matrix<'py>(
        &self,
        py: Python<'py>,
        x: &Input<'_, 'py>,
        axis: Option<isize>,
        out: Option<&Object<'py>>,
        keepdims: bool,
        numerics: Numerics,
    ) -> PyResult<Object<'py>> {
        let (axis, which) = resolved(py, axis, x.view.ndim)?;
        let op = match &self.ops[which] {
            Some(op) => op.get(),
            None => self.lacks(axis)?,
        };
        check_dtype(op, x.view.dtype)?;
        let call = Call { numerics, ..Call::default() };
        match x.view.dtype {
            Dtype::F32 => reduced::<f32>(py, op, &call, x, axis, out, keepdims),
            Dtype::F64 => reduced::<f64>(py, op, &call, x, axis, out, keepdims),
        }
    }

    /// The name of the one argument.
    pub(crate) fn input(&self) -> Name {
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
