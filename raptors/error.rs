//! What a call can refuse, each variant with both sides of the disagreement.

use core::fmt::{self, Display};

use crate::element::Dtype;

/// The extent of an argument, in the words its error uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Rows and columns: `3×4`.
    Matrix(usize, usize),
    /// One value for each column: `a row of 4`.
    Row(usize),
    /// One value for each row: `a column of 3`.
    Column(usize),
    /// Just a number of elements: `12`.
    Length(usize),
}

impl From<(usize, usize)> for Shape {
    fn from((rows, columns): (usize, usize)) -> Self {
        Self::Matrix(rows, columns)
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matrix(rows, columns) => write!(f, "{rows}×{columns}"),
            Self::Row(length) => write!(f, "a row of {length}"),
            Self::Column(length) => write!(f, "a column of {length}"),
            Self::Length(length) => write!(f, "{length}"),
        }
    }
}

/// Why a call was refused. No output has been touched when one is returned, but for [`Cancelled`](Self::Cancelled).
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An argument has another shape than the other arguments ask for.
    #[error("`{what}`: expected {expected}, got {got}")]
    Shape {
        /// The argument's name.
        what: &'static str,
        /// What the other arguments ask for.
        expected: Shape,
        /// What it has.
        got: Shape,
    },

    /// An argument has another element type than the other arguments.
    #[error("`{what}`: expected {expected} elements, got {got}")]
    Dtype {
        /// The argument's name.
        what: &'static str,
        /// What the other arguments have.
        expected: Dtype,
        /// What it has.
        got: Dtype,
    },

    /// An operation called by name got another number of arguments than it takes.
    #[error("`{op}`: expected {expected} arguments, got {got}")]
    Arguments {
        /// The operation.
        op: String,
        /// How many it takes.
        expected: usize,
        /// How many came.
        got: usize,
    },

    /// An operation called by name got a matrix where it takes a scalar, or the like.
    #[error("`{op}`: `{what}` is {expected}, got {got}")]
    Form {
        /// The operation.
        op: &'static str,
        /// The argument's name.
        what: &'static str,
        /// The form it takes.
        expected: &'static str,
        /// The form that came.
        got: &'static str,
    },

    /// A kernel asked for by name that cannot serve the call.
    #[error("kernel `{kernel}`: {reason}")]
    Kernel {
        /// The kernel.
        kernel: &'static str,
        /// Why it cannot.
        reason: String,
    },

    /// A list of elements is not as long as its matrix.
    #[error("a {rows}×{columns} matrix has {expected} elements, got {got}", expected = rows.saturating_mul(*columns))]
    Length {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
        /// Elements given.
        got: usize,
    },

    /// A slice ends before the last row of its matrix does.
    #[error("a {rows}×{columns} matrix with rows {row_stride} apart spans {needed} elements, got {got}")]
    TooShort {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
        /// Elements from the start of a row to the start of the next.
        row_stride: usize,
        /// Elements from the first to the last of the matrix.
        needed: usize,
        /// Elements given.
        got: usize,
    },

    /// Rows would overlap.
    #[error(
        "rows of {columns} elements cannot be {row_stride} apart: the row stride must be at least {columns}"
    )]
    RowStride {
        /// Columns of the matrix.
        columns: usize,
        /// Elements from the start of a row to the start of the next.
        row_stride: usize,
    },

    /// An array is laid out in a way that a matrix view cannot describe.
    #[error(
        "strides of ({row}, {column}) elements: a matrix has its rows one after another and each row contiguous, \
         (at least the columns, 1); bring the array to standard layout first"
    )]
    Strides {
        /// Elements from a row to the next.
        row: isize,
        /// Elements from a column to the next.
        column: isize,
    },

    /// An axis that an array does not have, or that is named twice.
    #[error("axis {axis}: the array has {ndim}, each of which can be named once")]
    Axis {
        /// What was named.
        axis: usize,
        /// How many axes the array has.
        ndim: usize,
    },

    /// An array some of whose elements would be nowhere.
    #[error("an array of shape {shape:?}, strides {strides:?} and first element {first}: {reason}")]
    Layout {
        /// The lengths of its axes.
        shape: Vec<usize>,
        /// Elements from one to the next along each axis.
        strides: Vec<isize>,
        /// The place of the first element.
        first: usize,
        /// What is wrong.
        reason: &'static str,
    },

    /// A matrix of more bytes than can be addressed. One without elements has extents, too: of those that are not 0 the
    /// product must be the elements of a matrix that could be there.
    #[error("the extents of a {rows}×{columns} matrix are larger than the address space")]
    TooLarge {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
    },

    /// The allocator refused.
    #[error("out of memory: {bytes} bytes could not be allocated")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },

    /// A reduction that has no value to return for no elements, such as a minimum.
    #[error("`{op}`: a reduction of zero elements, and {op} has no identity")]
    Empty {
        /// The reduction.
        op: &'static str,
    },

    /// A mask for a reduction that has no value to start from.
    #[error("`{op}`: it has no identity, so with a mask it needs a value to start from")]
    NoStart {
        /// The reduction.
        op: &'static str,
    },

    /// An environment variable that cannot be read.
    #[error("{variable}={value:?}: expected {expected}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be, in words or as a list.
        expected: String,
    },

    /// A number of threads that cannot compute anything.
    #[error("{got} threads: expected 1 to 1024")]
    Threads {
        /// What was asked for.
        got: usize,
    },

    /// A [`Cancel`](crate::Cancel) came before the call was done. The output holds some elements of the result and some
    /// of what was there before. Or the observer of a run of tournaments has ended it.
    #[error("cancelled before it was done")]
    Cancelled,

    /// A name that nothing has.
    #[error("no {kind} is called `{name}`; there are: {known}")]
    Unknown {
        /// What was looked for: `operation`, `kernel`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names there are, separated by commas.
        known: String,
    },
}
