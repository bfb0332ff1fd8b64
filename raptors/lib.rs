//! Matrix kernels generated from spec files, with the same bits as `NumPy` on every machine.
//!
//! ```
//! # #[cfg(all(feature = "arithmetic", feature = "sums"))]
//! # fn main() -> Result<(), raptors::Error> {
//! use raptors::{Matrix, ops};
//!
//! let x = Matrix::from_rows(&[[1.0_f32, 2.0], [3.0, 4.0]])?;
//! let doubled = ops::scale(&x, 2.0)?;
//! assert_eq!(doubled.as_slice(), [2.0, 4.0, 6.0, 8.0]);
//! assert_eq!(ops::sum_axis0(&doubled)?, [8.0, 12.0]);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "arithmetic", feature = "sums")))]
//! # fn main() {}
//! ```
//!
//! Every function in [`ops`] comes from a file under `kernel-specs/ops/`; [`catalogue`] lists them with their kernels,
//! and [`explain`] says which one a call runs. The bits of a result depend on the operation and on [`Numerics`] alone,
//! never on the machine.

// What no operation of the families in this build needs, one of another family does.
#![cfg_attr(not(feature = "default"), allow(dead_code))]
// Unsafe code has rooms of its own; it is refused everywhere else.
#![deny(unsafe_code)]

pub mod adaptive;
mod array;
#[allow(unsafe_code, reason = "a room of unsafe: routines of other libraries")]
mod backends;
#[allow(unsafe_code, reason = "a room of unsafe: memory from the allocator")]
mod buffer;
pub mod catalogue;
mod dispatch;
pub mod element;
mod error;
mod functions;
mod kernels;
mod knobs;
mod lazy;
#[allow(unsafe_code, reason = "a room of unsafe: views whose padding belongs to others")]
mod matrix;
mod numerics;
pub mod ops;
mod process;
mod runtime;
#[allow(unsafe_code, reason = "a room of unsafe: vector instructions that touch memory")]
mod simd;
pub mod telemetry;
#[cfg(feature = "tune")]
pub mod tune;
mod watch;

pub use array::{
    ArrayMut, ArrayRef, Asked, Elements, Options, Over, Plan, Spread, compact, reduce, reduce_to,
    reduce_with, walk,
};
pub use backends::{Linked, backends};
pub use catalogue::explain;
pub use dispatch::{
    Caches, Isa, caches, isa,
    profile::{BuiltIn, Followed, Own, Win, profile},
    table::{Choice, Cut},
};
pub use element::{Dtype, Element};
pub use error::{Error, Shape};
pub use functions::Function;
pub use kernels::reference::{Expr, reference, staged as staged_reference};
pub use knobs::{InForce, Knob, Origin, Variable, knobs};
pub use matrix::{Matrix, MatrixMut, MatrixRef};
pub use numerics::Numerics;
pub use runtime::{
    Cancel,
    pool::{pool_bytes, trim},
    threads::{num_threads, set_num_threads, set_thread_limit, thread_limit},
};

/// The README's code, run as a test.
#[cfg(all(doctest, feature = "default"))]
#[doc = include_str!("../README.md")]
struct Readme;
