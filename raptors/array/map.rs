//! Element-by-element operations on arrays that lie in different ways.

use std::sync::OnceLock;

use super::{ArrayRef, threads_for};
use crate::{
    Element, Error, MatrixMut, MatrixRef,
    catalogue::{Arg, Call, Op, Place, Value},
    runtime::{check, scratch, threads},
};

/// An argument of an operation on arrays: in the place of a matrix or a scalar.
#[derive(Clone, Debug)]
pub enum Spread<'a, T: Element> {
    /// An array, of the shape of the results. Along an axis on which it has one element for all, its stride is 0.
    Array(ArrayRef<'a, T>),
    /// One value.
    Scalar(T),
}

/// Elements of a block: those of all arguments of a call stay in the second cache.
const BLOCK: usize = 8 << 10;
/// Elements that a thread takes at once.
const SHARE: usize = 8 * BLOCK;

impl Op {
    /// Calls an element-by-element operation on arrays. The results go to `out` one after another, the last axis the fastest:
    /// for results that lie in another way, the axes of all arguments are permuted. Arrays are read where they lie, or brought
    /// together block by block.
    ///
    /// # Errors
    /// [`Error::Shape`] if the arrays differ in shape from each other, or `out` does in length; [`Error::Arguments`] and
    /// [`Error::Form`] if the operation takes others.
    pub fn spread<T: Element>(
        &self,
        call: &Call<'_>,
        args: &[Spread<'_, T>],
        out: &mut [T],
    ) -> Result<(), Error> {
        if args.len() != self.inputs.len() {
            let (expected, got) = (self.inputs.len(), args.len());
            return Err(Error::Arguments { op: self.name.to_owned(), expected, got });
        }
        let mut args = args.to_vec();
        let shape = arrays(&mut args).next().map(|array| array.shape());
        for (index, input) in self.inputs.iter().enumerate() {
            if let Spread::Array(array) = &args[index] {
                check::length(input.name, array.len(), out.len())?;
                if Some(array.shape()) != shape {
                    let (expected, got) = ("an array of the others' shape", "one of another shape");
                    return Err(Error::Form { op: self.name, what: input.name, expected, got });
                }
            }
        }
        let ndim = shape.map_or(0, |shape| shape.len());
        for axis in (1..ndim).rev() {
            if arrays(&mut args).all(|array| array.joins(axis - 1)) {
                arrays(&mut args).for_each(|array| array.join(axis - 1));
            }
        }
        let len = out.len();
        let cols = arrays(&mut args)
            .next()
            .map_or(1, |array| array.ndim().checked_sub(1).map_or(1, |last| array.axis_len(last)));
        if len == 0 {
            return Ok(());
        }
        let whole = (len / cols, cols);
        if arrays(&mut args).all(|array| matrix(array, 0, whole).is_some()) {
            return self.block(call, &args, 0, whole, out, &mut []);
        }
        let failed = OnceLock::new();
        let pieces = out.chunks_mut(SHARE).enumerate();
        threads::run(threads_for::<T>(len), pieces, |(piece, out)| {
            scratch::with(BLOCK * args.len(), |memory| {
                let (mut first, mut out) = (piece * SHARE, out);
                while !out.is_empty() {
                    let left = cols - first % cols;
                    let shape = if left == cols && cols <= BLOCK.min(out.len()) {
                        (BLOCK.min(out.len()) / cols, cols)
                    } else {
                        (1, left.min(out.len()).min(BLOCK))
                    };
                    let (now, later) = out.split_at_mut(shape.0 * shape.1);
                    first += now.len();
                    if let Err(error) = self.block(call, &args, first - now.len(), shape, now, memory) {
                        let _ = failed.set(error);
                    }
                    out = later;
                }
            });
        })?;
        failed.into_inner().map_or(Ok(()), Err)
    }

    /// A block of the results, as a matrix: from element `first` on.
    fn block<T: Element>(
        &self,
        call: &Call<'_>,
        args: &[Spread<'_, T>],
        first: usize,
        (rows, cols): (usize, usize),
        out: &mut [T],
        memory: &mut [T],
    ) -> Result<(), Error> {
        let mut memory = memory.chunks_mut(BLOCK);
        let values: Vec<Arg<'_>> = args
            .iter()
            .map(|arg| {
                Ok(T::arg(match arg {
                    Spread::Scalar(value) => Value::Scalar(*value),
                    Spread::Array(array) => {
                        Value::Matrix(if let Some(found) = matrix(array, first, (rows, cols)) {
                            found
                        } else {
                            let block = &mut memory.next().unwrap_or_default()[..rows * cols];
                            array.gather(first, block);
                            MatrixRef::new(block, rows, cols)?
                        })
                    }
                }))
            })
            .collect::<Result<_, Error>>()?;
        self.call(call, &values, T::out(Place::Matrix(MatrixMut::new(out, rows, cols)?)))
    }
}

fn arrays<'b, 'a: 'b, T: Element>(
    args: &'b mut [Spread<'a, T>],
) -> impl Iterator<Item = &'b mut ArrayRef<'a, T>> {
    args.iter_mut().filter_map(|arg| if let Spread::Array(array) = arg { Some(array) } else { None })
}

/// The elements from `first` on as a matrix of that shape, if they lie so.
fn matrix<'a, T: Element>(
    array: &ArrayRef<'a, T>,
    first: usize,
    (rows, cols): (usize, usize),
) -> Option<MatrixRef<'a, T>> {
    array.runs(first, cols, rows).filter(|found| found.nrows() == rows)
}
