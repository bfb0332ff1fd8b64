//! Backends: the functions that call routines of other libraries, a file for each library.
//!
//! Each function has the signature of a kernel, and stands in the tables of the class `any` as one. Which routines there
//! are, and what they compute, is data of the compiler (`raptors-codegen/src/backends/`). What is not: how a matrix
//! whose rows are apart reaches a routine, and which arguments a routine is not asked with.

#[cfg(any(all(feature = "accelerate", target_vendor = "apple"), test))]
pub(crate) mod accelerate;
#[cfg(feature = "openblas")]
pub(crate) mod cblas;

use crate::dispatch::generated::BACKENDS;
#[cfg(any(feature = "openblas", all(feature = "accelerate", target_vendor = "apple"), test))]
use arguments::{Row, RowInplace, Scalar, ScalarInplace, States, Two, TwoAndScalar, TwoInplace};

/// The arguments of kernels, each with one lifetime, as the tables have them.
#[cfg(any(feature = "openblas", all(feature = "accelerate", target_vendor = "apple"), test))]
mod arguments {
    use crate::{MatrixMut, MatrixRef};

    /// A matrix, a scalar, and what is written.
    pub(super) type Scalar<'a, T> = (MatrixRef<'a, T>, T, MatrixMut<'a, T>);
    /// A matrix that is overwritten, and a scalar.
    pub(super) type ScalarInplace<'a, T> = (MatrixMut<'a, T>, T);
    /// Two matrices, and what is written.
    pub(super) type Two<'a, T> = (MatrixRef<'a, T>, MatrixRef<'a, T>, MatrixMut<'a, T>);
    /// A matrix that is overwritten, and another one.
    pub(super) type TwoInplace<'a, T> = (MatrixMut<'a, T>, MatrixRef<'a, T>);
    /// Two matrices, a scalar, and what is written.
    pub(super) type TwoAndScalar<'a, T> = (MatrixRef<'a, T>, MatrixRef<'a, T>, T, MatrixMut<'a, T>);
    /// A matrix, a row, and what is written.
    pub(super) type Row<'a, T> = (MatrixRef<'a, T>, &'a [T], MatrixMut<'a, T>);
    /// A matrix that is overwritten, and a row.
    pub(super) type RowInplace<'a, T> = (MatrixMut<'a, T>, &'a [T]);
    /// A matrix, and a place for what each row or column comes to.
    pub(super) type States<'a, T> = (MatrixRef<'a, T>, &'a mut [T]);
}

/// A library that is linked.
pub(crate) struct Backend {
    /// Its word in specs.
    pub(crate) name: &'static str,
    /// What it says of itself.
    pub(crate) library: fn() -> &'static str,
    /// Why it is not asked, if so.
    pub(crate) refused: fn() -> Option<&'static str>,
}

/// A library whose routines compete with kernels in the class `any`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Linked {
    /// Its word in specs and lists: `cblas`.
    pub name: &'static str,
    /// What it says of itself: version, and how it was built.
    pub library: &'static str,
    /// Why its routines are not asked all the same.
    pub refused: Option<&'static str>,
}

/// The libraries of this build whose routines compete with kernels in the class [`Any`](crate::Numerics::Any).
///
/// ```
/// for linked in raptors::backends() {
///     println!("{}: {}", linked.name, linked.library);
/// }
/// ```
#[must_use]
pub fn backends() -> Vec<Linked> {
    let all: &[&Backend] = &[
        #[cfg(all(feature = "accelerate", target_vendor = "apple"))]
        &accelerate::BACKEND,
        #[cfg(feature = "openblas")]
        &cblas::BACKEND,
    ];
    let linked = |backend: &&Backend| Linked {
        name: backend.name,
        library: (backend.library)(),
        refused: (backend.refused)(),
    };
    all.iter().map(linked).collect()
}

/// The most elements of a matrix that a backend's integers can count.
pub(crate) fn longest(name: &str) -> usize {
    BACKENDS.iter().find(|(of, _)| *of == name).map_or(usize::MAX, |(_, longest)| *longest)
}
