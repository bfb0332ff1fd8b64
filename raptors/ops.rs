//! The operations: a function each, generated from `kernel-specs/ops/`, for the element types their specs list.
//!
//! A map operation has three forms: `op(…)` gives a new matrix, `op_into(…, &mut out)` writes one of the caller's, and
//! `op_inplace(&mut x, …)` overwrites its first matrix. A reduction gives a number over all elements, and a vector
//! along an axis; `op_into` writes a slice of the caller's, and `op_with` takes a [`Numerics`] class. An operation in
//! stages that gives a matrix has the forms of both. Arguments are checked before any output is touched.

#![allow(
    clippy::redundant_closure,
    clippy::if_not_else,
    reason = "a step is written in one way, whatever it computes"
)]

#[allow(unused_imports, reason = "which of these are needed depends on the specs")]
use crate::{
    Dtype, Element, Error, Isa, Matrix, MatrixMut, MatrixRef, Numerics,
    catalogue::{
        self, Arg, Axis, Body, Call, Combine, Explanation, Field, Group, Input, InputKind, Kernel, Op, Out,
        Output, Place, ResultType, Serving, Stage, Status, Tasks, Value,
    },
    dispatch::{self, generated::tables},
    kernels::reference::Expr,
    runtime::{
        map::{self, Map},
        reduce::{self, Order, Reduction},
        staged::{self, Mapped, Staged},
    },
};

/// An operation, as a type: the bound `T: Supports<op::Scale>` asks for element types that `scale` has kernels for.
pub trait Operation: Copy + 'static {
    /// What dispatch needs to know for one element type.
    #[doc(hidden)]
    type Tables<T: Element>: 'static;
}

/// Element types that the operation `O` has kernels for.
pub trait Supports<O: Operation>: Element {
    #[doc(hidden)]
    const TABLES: &'static O::Tables<Self>;
}

include!(concat!(env!("OUT_DIR"), "/ops.rs"));
include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
