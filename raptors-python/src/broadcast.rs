//! Calls whose arguments do not come as the operation takes them: numbers, rows and columns in the place of matrices, and
//! numbers of `NumPy`'s that are wider than the arrays.
//!
//! They broadcast as in `NumPy`. Where an operation takes the arguments as they are (a form, in the words of specs), it is
//! called; else what is missing of a matrix is written out.

use pyo3::{exceptions::PyValueError, prelude::*};
use raptors::{
    Dtype, Element, Numerics,
    catalogue::{InputKind, Op},
};

use crate::{
    Object,
    array::{Input, Output, View, admit, admit_single, is_single, no_array},
    call::{Called, Number, Operand, check_dtype, mixed_dtypes, number, operand},
    error,
    function::Map,
    spread,
};

/// The kinds that an operation takes for the function's arguments, and of each of its own which of the function's it is.
pub(crate) struct Taken<const N: usize> {
    pub(crate) op: &'static Op,
    pub(crate) kinds: [InputKind; N],
    pub(crate) order: [usize; N],
}

#[cold]
pub(crate) fn call<'py, const N: usize>(
    map: &Map,
    py: Python<'py>,
    given: [&Object<'py>; N],
    out: Option<&Object<'py>>,
    numerics: Numerics,
) -> PyResult<Object<'py>> {
    let op = map.op.get();
    let mut numbers = [const { None::<Number> }; N];
    // First what may run code of the program's, which may do anything to the arrays.
    for (index, input) in op.inputs.iter().enumerate() {
        match input.kind {
            InputKind::Scalar => numbers[index] = Some(number(given[index], input.name)?),
            InputKind::Matrix if is_single(given[index]) => {
                admit_single(given[index], input.name)?;
                numbers[index] = Some(number(given[index], input.name)?);
            }
            _ => admit(given[index], input.name)?,
        }
    }
    let of_matrices = op.inputs.iter().all(|of| matches!(of.kind, InputKind::Matrix | InputKind::Scalar));
    let arrays = (0..N).filter(|&index| numbers[index].is_none());
    if of_matrices && arrays.clone().count() > 0 && !arrays.clone().all(|index| View::is_matrix(given[index]))
    {
        return spread::call(map, py, given, &numbers, out);
    }
    let mut views = [const { None::<View> }; N];
    for (index, input) in op.inputs.iter().enumerate() {
        if numbers[index].is_none() {
            views[index] = Some(View::of(given[index], input.name)?);
        }
    }
    let is_matrix = |index: usize| op.inputs[index].kind == InputKind::Matrix;
    let Some(first) = (0..N).find(|&index| is_matrix(index) && views[index].is_some()) else {
        let at = (0..N).find(|&index| is_matrix(index)).unwrap_or_default();
        return Err(no_array(given[at], op.inputs[at].name));
    };
    let found = views[first].map_or(Dtype::F64, |view| view.dtype);
    for (index, view) in views.iter().enumerate() {
        if let Some(view) = view.filter(|view| view.dtype != found) {
            return Err(mixed_dtypes(op.inputs[index].name, view.dtype, found));
        }
    }
    let is_wide = numbers.iter().flatten().any(|number| number.is_wide);
    let dtype = if is_wide { Dtype::F64 } else { found };
    check_dtype(op, dtype)?;
    let of_matrices = |index: &usize| is_matrix(*index);
    let shape = Shape::of((0..N).filter(of_matrices).filter_map(|index| views[index].as_ref()))?;
    let kinds: [InputKind; N] = std::array::from_fn(|index| match (&views[index], op.inputs[index].kind) {
        (Some(view), InputKind::Matrix) => shape.kind(view.extent()),
        (None, InputKind::Matrix) => InputKind::Scalar,
        (_, kind) => kind,
    });
    let taken = taken(map, kinds);
    // What is written out or converted, in the place of what was given.
    let mut made = [const { None::<Object<'py>> }; N];
    for index in 0..N {
        let is_short = taken.kinds[index] == InputKind::Matrix && kinds[index] != InputKind::Matrix;
        let whole = if is_short { Some(shape.lengths()) } else { None };
        made[index] = match (&views[index], &numbers[index]) {
            (Some(view), _) if is_short || view.dtype != dtype => {
                Some(Output::copy_of(given[index], dtype, whole.unwrap_or(view.shape()))?)
            }
            (None, Some(number)) if is_short => {
                Some(Output::filled(py, dtype, shape.lengths(), number.value)?)
            }
            _ => None,
        };
    }
    let objects: [&Object<'py>; N] =
        std::array::from_fn(|index| made[index].as_ref().unwrap_or(given[index]));
    let name = |index: usize| op.inputs[index].name;
    let at = taken.op.inputs.iter().position(|input| input.kind == InputKind::Matrix).unwrap_or_default();
    let x = Input::read(objects[taken.order[at]], name(taken.order[at]))?;
    let mut operands: [Option<Operand<'_, 'py>>; N] = [const { None }; N];
    for (place, input) in taken.op.inputs.iter().enumerate() {
        let index = taken.order[place];
        operands[place] = match (input.kind, &numbers[index]) {
            _ if place == at => None,
            (InputKind::Scalar, Some(number)) => Some(Operand::Scalar(number.value)),
            (InputKind::Scalar, None) => Some(Operand::Scalar(single(objects[index], name(index))?)),
            (InputKind::Matrix, _) => Some(Operand::Matrix(Input::read(objects[index], name(index))?)),
            (kind, _) => Some(operand(objects[index], name(index), kind, &x.view)?),
        };
    }
    // The class is the caller's choice of the function: other forms of it may have no routines.
    let has_it = taken.op.numerics.contains(&numerics) || !op.numerics.contains(&numerics);
    let numerics = if has_it { numerics } else { Numerics::Numpy };
    Called { op: taken.op, x, first: at, operands, shape: shape.lengths(), numerics }.finish(py, out)
}

/// The operation for arguments of these kinds for which the least is to be written out.
pub(crate) fn taken<const N: usize>(map: &Map, kinds: [InputKind; N]) -> Taken<N> {
    let op = map.op.get();
    let own = Taken {
        op,
        kinds: std::array::from_fn(|at| op.inputs[at].kind),
        order: std::array::from_fn(|at| at),
    };
    let missing = |taken: &Taken<N>| {
        let pairs = taken.kinds.iter().zip(&kinds).filter(|(takes, is)| takes != is);
        pairs.map(|(takes, _)| (*takes == InputKind::Matrix).then_some(1)).sum::<Option<usize>>()
    };
    let forms = map.forms.iter().map(|form| Taken {
        op: form.op.get(),
        kinds: std::array::from_fn(|at| form.kinds[at]),
        order: std::array::from_fn(|at| form.order[at]),
    });
    // Of equal ones the first.
    std::iter::once(own)
        .chain(forms)
        .min_by_key(|taken| missing(taken).unwrap_or(usize::MAX))
        .expect("at least the operation itself")
}

/// The one element of an array.
fn single(object: &Object<'_>, name: crate::Name) -> PyResult<f64> {
    let input = Input::read(object, name)?;
    Ok(match input.view.dtype {
        Dtype::F32 => input.run::<f32>()[0].to_f64(),
        Dtype::F64 => input.run::<f64>()[0].to_f64(),
    })
}

/// The shape to which arrays broadcast.
struct Shape {
    lengths: [usize; 2],
    ndim: usize,
}

impl Shape {
    fn of<'a>(views: impl Iterator<Item = &'a View> + Clone) -> PyResult<Self> {
        let mut lengths = [1; 2];
        let mut ndim = 1;
        for view in views.clone() {
            let (rows, cols) = view.extent();
            ndim = ndim.max(view.ndim);
            for (length, given) in lengths.iter_mut().zip([rows, cols]) {
                if *length == 1 {
                    *length = given;
                } else if given != 1 && given != *length {
                    let shapes: Vec<_> = views.map(|view| error::shape(view.shape())).collect();
                    return Err(PyValueError::new_err(format!(
                        "operands could not be broadcast together with shapes {} ",
                        shapes.join(" ")
                    )));
                }
            }
        }
        Ok(Self { lengths, ndim })
    }

    fn lengths(&self) -> &[usize] {
        &self.lengths[2 - self.ndim..]
    }

    /// What an array of that extent is beside a matrix of this one.
    fn kind(&self, extent: (usize, usize)) -> InputKind {
        let [rows, cols] = self.lengths;
        match extent {
            extent if extent == (rows, cols) => InputKind::Matrix,
            (1, 1) => InputKind::Scalar,
            (1, _) => InputKind::Row,
            _ => InputKind::Column,
        }
    }
}
