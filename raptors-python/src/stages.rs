//! Operations in stages over any axes of arrays that lie in any way.
//!
//! Their kernels take matrices. An array without gaps is one, whatever the order of its axes, if what is reduced are neighbours
//! in memory; or several, one after another. One with gaps is copied, as it lies.

use std::cmp::Reverse;

use numpy::{Element as NumpyElement, PyArray, PyArrayMethods as _};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyTuple,
};
use raptors::{
    Dtype, Element, Error, Expr, MatrixMut, MatrixRef, Numerics,
    catalogue::{Arg, Body, Call, Combine, InputKind, Op, Out, Place, ResultType, Value},
};

use crate::{
    Object,
    array::{Output, Strided, check_out, copied_to},
    axes::{Given, Laid},
    call::{self, Operand},
    error,
    function::{Lazy, Staged},
    run::{Size, run},
    staged::zeros,
    told::Told,
};

impl Staged {
    /// Calls the operation on arrays that are not simple, or over several axes.
    #[cold]
    #[expect(clippy::too_many_arguments, reason = "those of the function")]
    pub(crate) fn over<'py>(
        &self,
        py: Python<'py>,
        given: &[Option<&Object<'py>>],
        chosen: &Given,
        out: Option<&Object<'py>>,
        keepdims: bool,
        told: Told<'_, 'py>,
        numerics: Option<&str>,
    ) -> PyResult<Object<'py>> {
        let any = self.any();
        let finds_places = finds_places(any);
        let told = told.read(py)?;
        let numbers = self.numbers(given, out)?;
        let of_matrices = |index: &usize| any.inputs[*index].kind != InputKind::Scalar;
        let object = |index: usize| given[index].expect("only scalars have defaults");
        let mut arrays = Vec::new();
        for index in (0..given.len()).filter(of_matrices) {
            arrays.push(Strided::of(object(index), any.inputs[index].name)?);
        }
        let x = &arrays[0];
        let reduced = chosen.resolved(py, x.shape.len())?;
        let class = call::class(numerics)?;
        told.check_class(class)?;
        let is_accurate = class == Numerics::Accurate;
        let has_others = any.inputs.iter().any(|of| matches!(of.kind, InputKind::Row | InputKind::Column));
        let is_matrix = (1..=2).contains(&x.shape.len()) && chosen.is_single();
        if is_matrix && (is_accurate || has_others) {
            if any.body.gives_matrix() {
                return self.matrix_of(py, given, chosen.first(), out, numerics);
            }
            return self.of_matrices(py, given, chosen.first(), out, keepdims, numerics);
        }
        if is_accurate || has_others {
            let why = if is_accurate { "numerics='accurate'" } else { any.name };
            return Err(PyValueError::new_err(format!(
                "{why} takes arrays of one or two dimensions, and one axis or all"
            )));
        }
        call::check_dtype(any, x.dtype)?;
        for (array, input) in arrays.iter().zip(any.inputs.iter().filter(|of| of.kind == InputKind::Matrix)) {
            if array.dtype != x.dtype {
                return Err(call::mixed_dtypes(input.name, array.dtype, x.dtype));
            }
            if array.shape != x.shape {
                return Err(PyValueError::new_err(format!(
                    "operands could not be broadcast together with shapes {} {}: {} needs the same shape",
                    error::shape(&x.shape),
                    error::shape(&array.shape),
                    input.name
                )));
            }
        }
        let is_all = reduced.iter().all(|is| *is);
        let mut order: Vec<usize> = (0..x.shape.len()).filter(|&axis| x.shape[axis] != 1).collect();
        if finds_places && is_all {
            // Places in the whole are counted in the order of C.
        } else if leaves_nan_out(any) {
            // NumPy makes a copy first.
            order.sort_by_key(|&axis| Reverse(x.strides[axis].unsigned_abs()));
        } else {
            let strides: Vec<&[isize]> = arrays.iter().map(|array| &array.strides[..]).collect();
            order = raptors::walk(&x.shape, &strides);
        }
        let grid = Grid::of(&x.shape, &reduced, &order);
        let is_plain = told.is_nothing() && !x.is_copied && !x.has_gaps() && grid.is_some();
        if self.takes_arrays && !is_plain {
            let call = Call { numerics: class, ..Call::default() };
            let laid = Laid { reduced: &reduced, keepdims };
            return self.as_it_lies(py, call, x, (&told, &numbers), laid, out);
        }
        let grid = grid.ok_or_else(|| {
            PyValueError::new_err(format!(
                "{} takes axes that are neighbours in memory, and others are between these; x.copy() of the array with its \
                 axes moved together has them so",
                any.name
            ))
        })?;
        let find = |at: usize| self.reduce.ops[at].as_ref().map(Lazy::get);
        let op = match (is_all, grid.kept) {
            (true, _) => find(0),
            // One result for each row.
            (false, 1) => find(2),
            _ => find(1),
        };
        let Some(op) = op else { return self.reduce.lacks(reduced.iter().position(|is| *is)) };
        let shape = x.shape.clone();
        let called = Called { op, shape, reduced, order, grid, numbers, out, keepdims };
        let objects: Vec<_> = (0..given.len()).filter(of_matrices).map(object).collect();
        match x.dtype {
            Dtype::F32 => called.results::<f32>(py, arrays, &objects),
            Dtype::F64 => called.results::<f64>(py, arrays, &objects),
        }
    }
}

/// The caller's arrays, one for each output.
pub(crate) fn outs<'py>(out: Option<&Object<'py>>, outputs: usize) -> PyResult<Vec<Object<'py>>> {
    let Some(out) = out else { return Ok(Vec::new()) };
    if outputs == 1 {
        return Ok(vec![out.clone()]);
    }
    match out.cast::<PyTuple>() {
        Err(_) => Err(PyTypeError::new_err("'out' must be a tuple of arrays")),
        Ok(tuple) if tuple.len() != outputs => {
            Err(PyValueError::new_err(format!("The 'out' tuple must have exactly {outputs} entries")))
        }
        Ok(tuple) => Ok(tuple.iter().collect()),
    }
}

/// Whether what the operation gives are places.
pub(crate) fn finds_places(op: &Op) -> bool {
    let Body::Staged { stages, .. } = op.body else { return false };
    let places = |combine| matches!(combine, Combine::ArgMin | Combine::ArgMax);
    stages.iter().any(|stage| stage.fold.is_some_and(|(_, combine)| places(combine)))
}

/// Whether the operation takes another value for NaN.
fn leaves_nan_out(op: &Op) -> bool {
    let Body::Staged { stages, .. } = op.body else { return false };
    stages.iter().any(|stage| matches!(stage.fold, Some((Expr::Select([Expr::IsNan(_), ..]), _))))
}

/// An array without gaps as matrices one after another: `outer` of them, each with `reduced` elements for each of `kept` results,
/// which are neighbours.
#[derive(Clone, Copy)]
struct Grid {
    outer: usize,
    reduced: usize,
    kept: usize,
}

impl Grid {
    fn of(shape: &[usize], reduced: &[bool], order: &[usize]) -> Option<Self> {
        let product = |of: bool| {
            (0..shape.len()).filter(|&axis| reduced[axis] == of).map(|axis| shape[axis]).product::<usize>()
        };
        if shape.contains(&0) {
            return Some(Self { outer: product(false), reduced: product(true), kept: 1 });
        }
        let mut grid = Self { outer: 1, reduced: 1, kept: 1 };
        let is_reduced: Vec<bool> = order.iter().map(|&axis| reduced[axis]).collect();
        let first = is_reduced.iter().position(|is| *is).unwrap_or(order.len());
        let last = is_reduced.iter().rposition(|is| *is).map_or(first, |last| last + 1);
        if !is_reduced[first..last].iter().all(|is| *is) {
            return None;
        }
        for (at, &axis) in order.iter().enumerate() {
            let len = match at {
                at if at < first => &mut grid.outer,
                at if at < last => &mut grid.reduced,
                _ => &mut grid.kept,
            };
            *len *= shape[axis];
        }
        Some(grid)
    }

    const fn results(self) -> usize {
        self.outer * self.kept
    }

    /// How many matrices there are, and their rows and columns. Where each result is that of a row, all rows are one matrix.
    const fn matrices(self) -> (usize, usize, usize) {
        let Self { outer, reduced, kept } = self;
        if kept == 1 { (1, outer, reduced) } else { (outer, reduced, kept) }
    }

    fn size<T>(self, runs: &[&[T]]) -> Size {
        let columns = if self.kept > 1 { self.kept } else { self.reduced };
        Size { bytes: runs.iter().map(|run| size_of_val(*run)).sum(), columns }
    }

    /// The arguments of the call on one of the matrices.
    fn args<'v, T: Element>(
        self,
        numbers: &[Option<f64>],
        runs: &[&'v [T]],
        matrix: usize,
    ) -> Result<Vec<Arg<'v>>, Error> {
        let (_, rows, cols) = self.matrices();
        let mut its = runs.iter();
        (numbers.iter())
            .map(|number| {
                if let Some(value) = number {
                    // As NumPy takes it: what is subtracted from a count is not rounded to the dtype of the elements.
                    return Ok(Arg::F64(Value::Scalar(*value)));
                }
                let run = its.next().expect("an array for each matrix");
                let run = &run[matrix * rows * cols..][..rows * cols];
                Ok(T::arg(Value::Matrix(MatrixRef::new(run, rows, cols)?)))
            })
            .collect()
    }
}

struct Called<'c, 'a, 'py> {
    op: &'static Op,
    shape: Vec<usize>,
    reduced: Vec<bool>,
    /// In memory: the outermost axis first.
    order: Vec<usize>,
    grid: Grid,
    numbers: Vec<Option<Operand<'a, 'py>>>,
    out: Option<&'c Object<'py>>,
    keepdims: bool,
}

impl<'py> Called<'_, '_, 'py> {
    fn results<T: Element + NumpyElement>(
        &self,
        py: Python<'py>,
        mut arrays: Vec<Strided<'py>>,
        objects: &[&Object<'py>],
    ) -> PyResult<Object<'py>> {
        let Body::Staged { outputs, has_identity, .. } = self.op.body else {
            unreachable!("the function is one of stages")
        };
        if !has_identity && self.grid.reduced == 0 {
            return Err(error::raised(&Error::Empty { op: self.op.name }));
        }
        let is_matrix = self.op.body.gives_matrix();
        let shown: Vec<usize> =
            (0..self.shape.len()).filter(|&axis| is_matrix || self.keepdims || !self.reduced[axis]).collect();
        let lengths: Vec<usize> = shown
            .iter()
            .map(|&axis| if self.reduced[axis] && !is_matrix { 1 } else { self.shape[axis] })
            .collect();
        let outs = outs(self.out, outputs.len())?;
        for out in &outs {
            match outputs[0].result {
                ResultType::Element | ResultType::Matrix => check_out::<T>(out, &lengths)?,
                ResultType::Whole => check_out::<i64>(out, &lengths)?,
                ResultType::Truth => check_out::<bool>(out, &lengths)?,
            }
        }
        let mut strides = vec![0; self.shape.len()];
        let mut next = 1;
        for &axis in self.order.iter().rev() {
            strides[axis] = next;
            next *= self.shape[axis].cast_signed();
        }
        for (array, object) in arrays.iter_mut().zip(objects) {
            if array.run::<T>(&strides).is_none() {
                let copy = Output::copy_laid_out::<T>(object, &self.shape, &strides)?;
                *array = Strided::of(&copy, "copy")?;
            }
        }
        let runs: Vec<&[T]> = arrays.iter().filter_map(|array| array.run(&strides)).collect();
        let len = Some(self.grid.results() * outputs.len());
        let parts = match outputs[0].result {
            ResultType::Matrix => vec![self.matrix(py, &runs, &strides, outs.first())?],
            ResultType::Element => {
                let mut all = zeros(len, T::ZERO)?;
                self.run(py, &runs, &mut all, T::ZERO, |slice| T::out(Place::Slice(slice)))?;
                self.parts(py, &all, &shown, &lengths, &outs)?
            }
            ResultType::Whole => {
                let mut all = zeros(len, 0_i64)?;
                self.run(py, &runs, &mut all, 0, |slice| Out::Whole(slice))?;
                self.parts(py, &all, &shown, &lengths, &outs)?
            }
            ResultType::Truth => {
                let mut all = zeros(len, false)?;
                self.run(py, &runs, &mut all, false, |slice| Out::Truth(slice))?;
                self.parts(py, &all, &shown, &lengths, &outs)?
            }
        };
        match &parts[..] {
            [one] => Ok(one.clone()),
            _ => Ok(PyTuple::new(py, parts)?.into_any()),
        }
    }

    /// The matrices one after another as they lie, the result in the same way.
    fn matrix<T: Element + NumpyElement>(
        &self,
        py: Python<'py>,
        runs: &[&[T]],
        strides: &[isize],
        out: Option<&Object<'py>>,
    ) -> PyResult<Object<'py>> {
        let mut output = Output::laid_out::<T>(py, &self.shape, strides)?;
        let Self { op, grid, .. } = self;
        let (count, rows, cols) = grid.matrices();
        let (numbers, all) = (self.scalars(), output.run::<T>());
        run(py, grid.size(runs), || {
            for matrix in 0..count {
                let part = matrix * rows * cols..(matrix + 1) * rows * cols;
                let args = grid.args(&numbers, runs, matrix)?;
                let out = MatrixMut::new(&mut all[part], rows, cols)?;
                op.call(&Call::default(), &args, T::out(Place::Matrix(out)))?;
            }
            Ok::<(), Error>(())
        })?;
        let array = output.finish()?;
        out.map_or(Ok(array.clone()), |out| copied_to(&array, out))
    }

    /// The arguments that are numbers, each in its place.
    fn scalars(&self) -> Vec<Option<f64>> {
        let scalar = |number: &Option<Operand<'_, '_>>| match number {
            Some(Operand::Scalar(value)) => Some(*value),
            _ => None,
        };
        self.numbers.iter().map(scalar).collect()
    }

    /// Matrix after matrix. Of several results, those of one output come after those of the one before.
    fn run<T: Element, R: Copy + Send + Sync>(
        &self,
        py: Python<'py>,
        runs: &[&[T]],
        all: &mut [R],
        zero: R,
        place: impl Fn(&mut [R]) -> Out<'_> + Sync,
    ) -> PyResult<()> {
        let Self { op, grid, .. } = self;
        let (count, rows, cols) = grid.matrices();
        let each = if grid.kept == 1 { rows } else { cols };
        let numbers = self.scalars();
        run(py, grid.size(runs), || {
            let outputs = all.len() / (count * each).max(1);
            let mut part = if count > 1 { vec![zero; each * outputs] } else { Vec::new() };
            for matrix in 0..count {
                let args = grid.args(&numbers, runs, matrix)?;
                if count == 1 {
                    return op.call(&Call::default(), &args, place(all));
                }
                op.call(&Call::default(), &args, place(&mut part))?;
                for output in 0..outputs {
                    let to = output * count * each + matrix * each;
                    all[to..to + each].copy_from_slice(&part[output * each..][..each]);
                }
            }
            Ok(())
        })
    }

    /// The results of each output as an array, as a scalar, or in an array of the caller's.
    fn parts<R: NumpyElement + Copy>(
        &self,
        py: Python<'py>,
        all: &[R],
        shown: &[usize],
        lengths: &[usize],
        outs: &[Object<'py>],
    ) -> PyResult<Vec<Object<'py>>> {
        let len = self.grid.results();
        // In memory the outermost axis comes first, and anywhere those of one element.
        let mut axes: Vec<usize> = shown.iter().copied().filter(|axis| !self.is_in_memory(*axis)).collect();
        axes.extend(self.order.iter().copied().filter(|&axis| !self.reduced[axis]));
        let place = |axis: &usize| axes.iter().position(|one| one == axis);
        let order: Vec<usize> = shown.iter().filter_map(place).collect();
        let there: Vec<usize> = axes
            .iter()
            .map(|axis| shown.iter().position(|one| one == axis).map_or(1, |at| lengths[at]))
            .collect();
        let outputs = match self.op.body {
            Body::Staged { outputs, .. } => outputs.len(),
            _ => 1,
        };
        (0..outputs)
            .map(|output| {
                let results = all[output * len..][..len].to_vec();
                let array = PyArray::from_vec(py, results).reshape(&there[..])?;
                let array = array.permute(Some(&order[..]))?.into_any();
                match outs.get(output) {
                    Some(out) => copied_to(&array, out),
                    // As NumPy has it: a result of no dimension is a scalar.
                    None if lengths.is_empty() => array.get_item(PyTuple::empty(py)),
                    None => Ok(array),
                }
            })
            .collect()
    }

    /// Whether an axis of a result has more than one element in memory.
    fn is_in_memory(&self, axis: usize) -> bool {
        !self.reduced[axis] && self.order.contains(&axis)
    }
}
