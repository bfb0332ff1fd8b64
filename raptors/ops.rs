//! The operations: a function each, generated from `kernel-specs/ops/`, for the element types their specs list.
//!
//! A map operation has three forms: `op(…)` gives a new matrix, `op_into(…, &mut out)` writes one of the caller's, and
//! `op_inplace(&mut x, …)` overwrites its first matrix. A reduction gives a number over all elements, and a vector
//! along an axis; `op_into` writes a slice of the caller's, and `op_with` takes a [`Numerics`] class. Arguments are
//! checked before any output is touched.

#[allow(unused_imports, reason = "which of these are needed depends on the specs")]
use crate::{
    Choice, Dtype, Element, Error, Isa, Matrix, MatrixMut, MatrixRef, Numerics,
    catalogue::{
        Arg, Args, Axis, Body, Call, Explanation, Field, Input, InputKind, Kernel, Op, Out, Place, Status,
        Value,
    },
    dispatch::{self, call::Sig, generated::tables, table::Reason},
    kernels::reference::Expr,
    runtime::{
        check,
        map::{self, Map},
        reduce::{self, Reduction, States},
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

/// Why that row was chosen, in words.
fn explanation(name: &'static str, isa: Isa, reason: Reason, spec: (&'static str, usize)) -> Explanation {
    let reason = match reason {
        Reason::Exact(rows, cols) => format!("{rows}×{cols} is a target shape of the spec"),
        Reason::Bucket(bucket) => format!("bucket: {}", dispatch::table::bucket_name(bucket)),
    };
    Explanation { kernel: name, spec: format!("{}:{}", spec.0, spec.1), isa, reason }
}
