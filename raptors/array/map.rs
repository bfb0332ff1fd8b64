//! Element-by-element operations on arrays that lie in different ways.

use std::sync::OnceLock;

use super::{ArrayMut, ArrayRef, threads_for, walk};
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
    /// The array that takes the results, as it was: of [`Op::spread_to`].
    Out,
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
        let mut args = args.to_vec();
        let shape = arrays(&mut args).next().map(|array| array.shape());
        self.are_alike(&args, shape.as_deref(), out.len())?;
        if let Some(at) = args.iter().position(|arg| matches!(arg, Spread::Out)) {
            let (expected, got) = ("an array or a scalar", "the output");
            return Err(Error::Form { op: self.name, what: self.inputs[at].name, expected, got });
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
            return self.block(call, &args, None, 0, whole, out, &mut []);
        }
        let failed = OnceLock::new();
        let pieces = out.chunks_mut(SHARE).enumerate();
        threads::run(threads_for::<T>(len), pieces, |(piece, out)| {
            scratch::with(BLOCK * args.len(), |memory| {
                let (mut first, mut out) = (piece * SHARE, out);
                while !out.is_empty() {
                    let shape = next_block(first, cols, out.len());
                    let (now, later) = out.split_at_mut(shape.0 * shape.1);
                    first += now.len();
                    let at = first - now.len();
                    if let Err(error) = self.block(call, &args, None, at, shape, now, memory) {
                        let _ = failed.set(error);
                    }
                    out = later;
                }
            });
        })?;
        failed.into_inner().map_or(Ok(()), Err)
    }

    /// The same with results that go to an array that lies in any way, which may be an argument as well: [`Spread::Out`]. It is
    /// walked in the order of its memory; results are computed in blocks and written from there, unless it is a run.
    ///
    /// ```
    /// # #[cfg(feature = "arithmetic")]
    /// # fn main() -> Result<(), raptors::Error> {
    /// use raptors::{ArrayMut, ArrayRef, Spread, catalogue};
    ///
    /// let mut storage = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let twos = [2.0; 3];
    /// // Every second element.
    /// let out = ArrayMut::new(&mut storage, &[3], &[2], 0)?;
    /// let args = [Spread::Out, Spread::Array(ArrayRef::new(&twos, &[3], &[1], 0)?)];
    /// catalogue::op("mul")?.spread_to(&catalogue::Call::default(), &args, out)?;
    /// assert_eq!(storage, [2.0, 2.0, 6.0, 4.0, 10.0, 6.0]);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "arithmetic"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// As [`Op::spread`].
    pub fn spread_to<T: Element>(
        &self,
        call: &Call<'_>,
        args: &[Spread<'_, T>],
        out: ArrayMut<'_, T>,
    ) -> Result<(), Error> {
        let shape = out.shape();
        self.are_alike(args, Some(&shape), out.len())?;
        let order = walk(&shape, &[&out.strides()]);
        let mut out = out.permuted(&order);
        let mut args = args.to_vec();
        arrays(&mut args).for_each(|array| *array = array.permuted(&order));
        if !args.iter().any(|arg| matches!(arg, Spread::Out)) {
            out = match out.into_slice() {
                Ok(slice) => return self.spread(call, &args, slice),
                Err(out) => out,
            };
        }
        for axis in (1..out.ndim()).rev() {
            if out.joins(axis - 1) && arrays(&mut args).all(|array| array.joins(axis - 1)) {
                out.join(axis - 1);
                arrays(&mut args).for_each(|array| array.join(axis - 1));
            }
        }
        if out.is_empty() {
            return Ok(());
        }
        let (len, rows) = (out.len(), out.shape().first().copied().unwrap_or(1));
        let step = (SHARE / (len / rows)).max(1);
        let mut pieces = Vec::new();
        for from in (0..rows).step_by(step).skip(1).rev() {
            let mut part = args.clone();
            let (before, piece) = out.split_at(0, from);
            let left = piece.shape()[0];
            arrays(&mut part).for_each(|array| *array = array.part(0, from, left));
            arrays(&mut args).for_each(|array| *array = array.part(0, 0, from));
            pieces.push((part, piece));
            out = before;
        }
        pieces.push((args, out));
        let failed = OnceLock::new();
        threads::run(threads_for::<T>(len), pieces.into_iter().rev(), |(args, out)| {
            if let Err(error) = self.piece(call, &args, out) {
                let _ = failed.set(error);
            }
        })?;
        failed.into_inner().map_or(Ok(()), Err)
    }

    /// A piece of the results, block by block.
    fn piece<T: Element>(
        &self,
        call: &Call<'_>,
        args: &[Spread<'_, T>],
        mut out: ArrayMut<'_, T>,
    ) -> Result<(), Error> {
        let cols = out.shape().last().copied().unwrap_or(1);
        scratch::with(BLOCK * (args.len() + 1), |memory| {
            let (now, memory) = memory.split_at_mut(BLOCK);
            let mut first = 0;
            while first < out.len() {
                let shape = next_block(first, cols, out.len() - first);
                let now = &mut now[..shape.0 * shape.1];
                self.block(call, args, Some(&out.as_array()), first, shape, now, memory)?;
                out.scatter(first, now);
                first += now.len();
            }
            Ok(())
        })
    }

    /// Refuses arguments that do not belong together.
    fn are_alike<T: Element>(
        &self,
        args: &[Spread<'_, T>],
        shape: Option<&[usize]>,
        len: usize,
    ) -> Result<(), Error> {
        if args.len() != self.inputs.len() {
            let (expected, got) = (self.inputs.len(), args.len());
            return Err(Error::Arguments { op: self.name.to_owned(), expected, got });
        }
        for (arg, input) in args.iter().zip(self.inputs) {
            if let Spread::Array(array) = arg {
                check::length(input.name, array.len(), len)?;
                if Some(&array.shape()[..]) != shape {
                    let (expected, got) = ("an array of the others' shape", "one of another shape");
                    return Err(Error::Form { op: self.name, what: input.name, expected, got });
                }
            }
        }
        Ok(())
    }

    /// A block of the results, as a matrix: from element `first` on. `before` is the array that takes them, as it was.
    #[expect(clippy::too_many_arguments, reason = "a call, and a place in it")]
    fn block<T: Element>(
        &self,
        call: &Call<'_>,
        args: &[Spread<'_, T>],
        before: Option<&ArrayRef<'_, T>>,
        first: usize,
        (rows, cols): (usize, usize),
        out: &mut [T],
        memory: &mut [T],
    ) -> Result<(), Error> {
        let mut memory = memory.chunks_mut(BLOCK);
        let values: Vec<Arg<'_>> = args
            .iter()
            .map(|arg| {
                let array = match (arg, before) {
                    (Spread::Scalar(value), _) => return Ok(T::arg(Value::Scalar(*value))),
                    (Spread::Array(array), _) | (Spread::Out, Some(array)) => array,
                    (Spread::Out, None) => unreachable!("refused where there is no such array"),
                };
                Ok(T::arg(Value::Matrix(if let Some(found) = matrix(array, first, (rows, cols)) {
                    found
                } else {
                    let block = &mut memory.next().unwrap_or_default()[..rows * cols];
                    array.gather(first, block);
                    MatrixRef::new(block, rows, cols)?
                })))
            })
            .collect::<Result<_, Error>>()?;
        self.call(call, &values, T::out(Place::Matrix(MatrixMut::new(out, rows, cols)?)))
    }
}

/// The shape of the block from element `first` on: rows, or a part of one.
const fn next_block(first: usize, cols: usize, left: usize) -> (usize, usize) {
    let most = if left < BLOCK { left } else { BLOCK };
    let of_row = cols - first % cols;
    if of_row == cols && cols <= most {
        (most / cols, cols)
    } else {
        (1, if of_row < most { of_row } else { most })
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
