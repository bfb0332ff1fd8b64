//! Shells for the generated kernels, and what they stand on: the pairwise tree and the oracle.

pub(crate) mod reference;
pub(crate) mod tree;

/// The generated kernels, a module for each ISA and family.
pub(crate) mod generated {
    include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
}

/// A slice as an array of the length that a kernel for one shape knows.
///
/// # Panics
/// If it has another length.
#[inline]
pub(crate) fn exactly<const N: usize, T>(slice: &[T]) -> &[T; N] {
    slice.try_into().expect("a kernel for one shape is called for that shape alone")
}

/// As [`exactly`], to write to.
///
/// # Panics
/// If it has another length.
#[inline]
pub(crate) fn exactly_mut<const N: usize, T>(slice: &mut [T]) -> &mut [T; N] {
    slice.try_into().expect("a kernel for one shape is called for that shape alone")
}

/// The first elements of a slice, which has at least as many.
///
/// # Panics
/// If it has fewer.
#[inline]
pub(crate) fn first<const N: usize, T: Copy>(slice: &[T]) -> [T; N] {
    *exactly(&slice[..N])
}

/// A block of the pairwise tree as whole vectors.
#[inline]
pub(crate) fn lanes<const LANES: usize, const VECTORS: usize, T>(
    block: &[T; tree::BLOCK],
) -> &[[T; LANES]; VECTORS] {
    exactly(block.as_chunks().0)
}
