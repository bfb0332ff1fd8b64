//! Element-by-element operations.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

use crate::{
    Element,
    dispatch::{
        call::Sig,
        table::{Table, Target},
    },
};

/// The kernels of a map operation for one dtype: into another matrix, and in place.
pub struct Map<Into: Sig, Inplace: Sig> {
    /// Kernels that write another matrix.
    pub(crate) into: &'static Table<Into>,
    /// Kernels that overwrite the first matrix.
    pub(crate) inplace: &'static Table<Inplace>,
}

/// The target of a call that reads and writes `matrices` matrices of that shape.
#[inline]
pub(crate) fn target<T: Element>((rows, cols): (usize, usize), matrices: usize, contiguous: bool) -> Target {
    Target {
        rows,
        cols,
        bytes: rows.saturating_mul(cols).saturating_mul(matrices * size_of::<T>()),
        contiguous,
    }
}
