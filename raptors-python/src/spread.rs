//! Element-by-element operations on arrays of any number of dimensions, in whichever way they lie. The result lies as `NumPy`'s
//! does: with its axes in the order of the arguments'.

use pyo3::{exceptions::PyValueError, prelude::*};
use raptors::{
    ArrayRef, Dtype, Element, Spread,
    catalogue::{Call, InputKind},
};

use crate::{
    Object,
    array::{Output, Strided, broadcast, check_out, copied_to},
    broadcast::{Taken, taken},
    call::{Number, check_dtype, mixed_dtypes},
    error,
    function::Map,
    run::{Size, run},
};

/// Calls an operation of matrices and scalars alone, of which those that are no numbers are arrays.
pub(crate) fn call<'py, const N: usize>(
    map: &Map,
    py: Python<'py>,
    given: [&Object<'py>; N],
    numbers: &[Option<Number>; N],
    out: Option<&Object<'py>>,
) -> PyResult<Object<'py>> {
    let op = map.op.get();
    let mut arrays = [const { None::<Strided<'py>> }; N];
    let mut found = None;
    for (index, input) in op.inputs.iter().enumerate().filter(|(index, _)| numbers[*index].is_none()) {
        let array = Strided::of(given[index], input.name)?;
        let dtype = *found.get_or_insert(array.dtype);
        if array.dtype != dtype {
            return Err(mixed_dtypes(input.name, array.dtype, dtype));
        }
        arrays[index] = Some(array);
    }
    let found = found.unwrap_or(Dtype::F64);
    let is_wide = numbers.iter().flatten().any(|number| number.is_wide);
    let dtype = if is_wide { Dtype::F64 } else { found };
    check_dtype(op, dtype)?;
    if dtype != found {
        for (index, array) in arrays.iter_mut().enumerate() {
            if array.is_some() {
                *array = Some(Strided::copied(given[index], dtype, op.inputs[index].name)?);
            }
        }
    }
    let shape = shape_of(arrays.iter().flatten())?;
    let kinds = std::array::from_fn(|index| match numbers[index] {
        Some(_) => InputKind::Scalar,
        None => InputKind::Matrix,
    });
    let called = Called { taken: taken(map, kinds), arrays: &arrays, numbers, shape, out };
    match dtype {
        Dtype::F32 => called.results::<f32>(py),
        Dtype::F64 => called.results::<f64>(py),
    }
}

/// The shape to which arrays broadcast.
fn shape_of<'a, 'py: 'a>(arrays: impl Iterator<Item = &'a Strided<'py>> + Clone) -> PyResult<Vec<usize>> {
    let ndim = arrays.clone().map(|array| array.shape.len()).max().unwrap_or_default();
    let mut shape = vec![1; ndim];
    for array in arrays.clone() {
        for (len, &given) in shape.iter_mut().rev().zip(array.shape.iter().rev()) {
            if *len == 1 {
                *len = given;
            } else if given != 1 && given != *len {
                let shapes: Vec<_> = arrays.map(|array| error::shape(&array.shape)).collect();
                return Err(PyValueError::new_err(format!(
                    "operands could not be broadcast together with shapes {} ",
                    shapes.join(" ")
                )));
            }
        }
    }
    Ok(shape)
}

struct Called<'c, 'py, const N: usize> {
    taken: Taken<N>,
    arrays: &'c [Option<Strided<'py>>; N],
    numbers: &'c [Option<Number>; N],
    shape: Vec<usize>,
    out: Option<&'c Object<'py>>,
}

impl<'py, const N: usize> Called<'_, 'py, N> {
    fn results<T: Element + numpy::Element>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        let Self { taken, arrays, shape, .. } = self;
        let values: [[T; 1]; N] = std::array::from_fn(|index| {
            [T::from_f64(self.numbers[index].as_ref().map_or(0.0, |number| number.value))]
        });
        if let Some(out) = self.out {
            check_out::<T>(out, shape)?;
            let there = Strided::of(out, "out")?;
            if let Some((to, is_it)) = there.among::<T>(&arrays[..], shape) {
                let order: Vec<usize> = (0..shape.len()).collect();
                let args = self.args(&values, &order, &is_it)?;
                run(py, self.size::<T>(), || taken.op.spread_to(&Call::default(), &args, to))?;
                return Ok(out.clone());
            }
        }
        let strides: Vec<Vec<isize>> =
            arrays.iter().flatten().map(|array| broadcast(&array.shape, &array.strides, shape)).collect();
        let strides: Vec<&[isize]> = strides.iter().map(Vec::as_slice).collect();
        let order = raptors::walk(shape, &strides);
        let mut own = vec![0; shape.len()];
        let mut next = 1;
        for &axis in order.iter().rev() {
            own[axis] = next;
            next *= shape[axis].cast_signed();
        }
        // Asks NumPy for the memory first, which knows how large an array can be.
        let mut output = Output::laid_out::<T>(py, shape, &own)?;
        let args = self.args(&values, &order, &[false; N])?;
        let results = output.run::<T>();
        run(py, self.size::<T>(), || taken.op.spread(&Call::default(), &args, results))?;
        let array = output.finish()?;
        self.out.map_or(Ok(array.clone()), |out| copied_to(&array, out))
    }

    /// The size of the call.
    fn size<T>(&self) -> Size {
        let len: usize = self.shape.iter().product();
        let columns = self.shape.last().copied().unwrap_or(1);
        Size { bytes: (self.taken.order.len() + 1) * len * size_of::<T>(), columns }
    }

    /// The arguments of the operation, their axes in that order; which of them are the array that takes the results, the caller says.
    fn args<'a, T: Element>(
        &'a self,
        values: &'a [[T; 1]; N],
        order: &[usize],
        is_it: &[bool],
    ) -> PyResult<Vec<Spread<'a, T>>> {
        let Self { taken, arrays, shape, .. } = self;
        let in_order: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let none = vec![0; order.len()];
        let mut args: Vec<Spread<'_, T>> = Vec::with_capacity(N);
        for &index in &taken.order {
            args.push(match &arrays[index] {
                Some(_) if is_it[index] => Spread::Out,
                Some(array) => Spread::Array(array.spread(shape, order)),
                None if taken.kinds[index] == InputKind::Scalar => Spread::Scalar(values[index][0]),
                // A number in the place of a matrix: the same for all.
                None => ArrayRef::new(&values[index], &in_order, &none, 0)
                    .map(Spread::Array)
                    .map_err(|refused| error::raised(&refused))?,
            });
        }
        Ok(args)
    }
}
