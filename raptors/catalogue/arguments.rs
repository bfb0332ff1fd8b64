//! Arguments and results whose dtype is known at run time, and how the generated entries take them apart.

use std::cell::Cell;

use crate::{Element, Error, MatrixMut, MatrixRef, array::Over, element::Dtype, runtime::scratch::Kept};

/// An argument whose dtype is known at run time.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// Of `f32`.
    F32(Value<'a, f32>),
    /// Of `f64`.
    F64(Value<'a, f64>),
}

/// An argument of one dtype.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a, T: Element> {
    /// A matrix.
    Matrix(MatrixRef<'a, T>),
    /// A row or a column.
    Slice(&'a [T]),
    /// A scalar.
    Scalar(T),
    /// In the place of the matrix of a plain reduction: an array, and the plan by which it is reduced.
    Array(&'a Over<'a, T>),
}

/// Where a result goes, the dtype known at run time.
#[derive(Debug)]
pub enum Out<'a> {
    /// Of `f32`.
    F32(Place<'a, f32>),
    /// Of `f64`.
    F64(Place<'a, f64>),
    /// Whole numbers, whatever the dtype of the operation: counts and places.
    Whole(&'a mut [i64]),
    /// Truth values, whatever the dtype of the operation.
    Truth(&'a mut [bool]),
}

/// Where a result of one dtype goes.
#[derive(Debug)]
pub enum Place<'a, T: Element> {
    /// A matrix of its own.
    Matrix(MatrixMut<'a, T>),
    /// The first matrix, which is then left out of the arguments.
    Inplace(MatrixMut<'a, T>),
    /// A row or column of values, or the one value of a reduction over all. Of several results, those of one output come
    /// after those of the one before.
    Slice(&'a mut [T]),
}

/// How [`Element`] finds its own side of the erased types.
pub trait Erased: Sized {
    /// The value, if it has this dtype.
    fn value<'a>(arg: &Arg<'a>) -> Option<Value<'a, Self>>
    where
        Self: Element;
    /// The place, if it has this dtype.
    fn place(out: Out<'_>) -> Option<Place<'_, Self>>
    where
        Self: Element;
    /// The value, erased.
    fn arg(value: Value<'_, Self>) -> Arg<'_>
    where
        Self: Element;
    /// The place, erased.
    fn out(place: Place<'_, Self>) -> Out<'_>
    where
        Self: Element;
    /// Memory that this thread keeps.
    #[doc(hidden)]
    fn scratch() -> &'static Kept<Self>;
}

macro_rules! erased {
    ($float:ident, $variant:ident) => {
        impl Erased for $float {
            fn value<'a>(arg: &Arg<'a>) -> Option<Value<'a, Self>> {
                if let Arg::$variant(value) = arg { Some(*value) } else { None }
            }
            fn place(out: Out<'_>) -> Option<Place<'_, Self>> {
                if let Out::$variant(place) = out { Some(place) } else { None }
            }
            fn arg(value: Value<'_, Self>) -> Arg<'_> {
                Arg::$variant(value)
            }
            fn out(place: Place<'_, Self>) -> Out<'_> {
                Out::$variant(place)
            }
            fn scratch() -> &'static Kept<Self> {
                thread_local! {
                    static KEPT: Cell<Vec<$float>> = const { Cell::new(Vec::new()) };
                }
                &KEPT
            }
        }
    };
}
erased!(f32, F32);
erased!(f64, F64);

impl Out<'_> {
    /// The dtype of the result; `None` if it is of none.
    #[must_use]
    pub const fn dtype(&self) -> Option<Dtype> {
        match self {
            Self::F32(_) => Some(Dtype::F32),
            Self::F64(_) => Some(Dtype::F64),
            Self::Whole(_) | Self::Truth(_) => None,
        }
    }
}

impl<T: Element> Value<'_, T> {
    /// As errors call it.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Value::Matrix(_) => "a matrix",
            Value::Slice(_) => "a row or column",
            Value::Scalar(_) => "a scalar",
            Value::Array(_) => "an array",
        }
    }
}

impl Arg<'_> {
    /// The dtype.
    #[must_use]
    pub const fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
        }
    }

    const fn form(&self) -> &'static str {
        match self {
            Self::F32(value) => value.form(),
            Self::F64(value) => value.form(),
        }
    }
}

/// The dtype of a call: that of its results, or of its first argument where those have a type of their own.
pub(crate) fn dtype_of(args: &[Arg<'_>], out: &Out<'_>) -> Dtype {
    out.dtype().or_else(|| args.first().map(Arg::dtype)).unwrap_or(Dtype::F32)
}

/// That results of that type are none of the operation's.
pub(crate) fn wrong_results(op: &'static str) -> Error {
    let expected = "of the operation's dtype";
    Error::Form { op, what: "out", expected, got: "whole numbers or truth values" }
}

/// Takes erased arguments apart, for the generated entries.
pub(crate) struct Args<'a, 'b> {
    op: &'static str,
    given: &'b [Arg<'a>],
    /// The input that is overwritten, and so is not among the arguments.
    without: Option<usize>,
}

impl<'a, 'b> Args<'a, 'b> {
    /// The arguments of a call to `op` that takes `expected`, one less if it works in place.
    pub(crate) fn new(
        op: &'static str,
        expected: usize,
        args: &'b [Arg<'a>],
        without: Option<usize>,
    ) -> Result<Self, Error> {
        let expected = expected - usize::from(without.is_some());
        if args.len() == expected {
            Ok(Self { op, given: args, without })
        } else {
            Err(Error::Arguments { op: op.to_owned(), expected, got: args.len() })
        }
    }

    fn value<T: Element>(
        &self,
        index: usize,
        what: &'static str,
        form: &'static str,
    ) -> Result<(Value<'a, T>, Error), Error> {
        let arg = &self.given[index - usize::from(self.without.is_some_and(|without| without < index))];
        let value =
            T::value(arg).ok_or_else(|| Error::Dtype { what, expected: T::DTYPE, got: arg.dtype() })?;
        Ok((value, Error::Form { op: self.op, what, expected: form, got: arg.form() }))
    }

    /// Argument `index`, which is a matrix.
    pub(crate) fn matrix<T: Element>(
        &self,
        index: usize,
        what: &'static str,
    ) -> Result<MatrixRef<'a, T>, Error> {
        match self.value(index, what, "a matrix")? {
            (Value::Matrix(matrix), _) => Ok(matrix),
            (_, error) => Err(error),
        }
    }

    /// Argument `index`, if it is an array.
    pub(crate) fn array<T: Element>(&self, index: usize) -> Option<&'a Over<'a, T>> {
        match T::value(self.given.get(index)?)? {
            Value::Array(over) => Some(over),
            _ => None,
        }
    }

    /// Argument `index`, which is a row or a column.
    pub(crate) fn slice<T: Element>(&self, index: usize, what: &'static str) -> Result<&'a [T], Error> {
        match self.value(index, what, "a row or column")? {
            (Value::Slice(slice), _) => Ok(slice),
            (_, error) => Err(error),
        }
    }

    /// Argument `index`, which is a scalar.
    pub(crate) fn scalar<T: Element>(&self, index: usize, what: &'static str) -> Result<T, Error> {
        match self.value(index, what, "a scalar")? {
            (Value::Scalar(scalar), _) => Ok(scalar),
            (_, error) => Err(error),
        }
    }
}
