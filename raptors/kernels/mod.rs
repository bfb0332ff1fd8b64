//! Shells for the generated kernels, and what they stand on: the pairwise tree, runs in any order, and the oracle.

pub(crate) mod any_order;
pub(crate) mod reference;
pub(crate) mod search;
pub(crate) mod tree;

/// The generated kernels, a module for each ISA and skeleton.
pub(crate) mod generated {
    include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
}

/// The first elements of a slice, which has at least as many.
///
/// # Panics
/// If it has fewer.
#[inline]
pub(crate) fn first<const N: usize, T: Copy>(slice: &[T]) -> [T; N] {
    *slice.first_chunk().expect("a kernel asks for as many as there are")
}

/// A block of the pairwise tree as whole vectors.
#[inline]
pub(crate) fn lanes<const LANES: usize, const VECTORS: usize, T>(
    block: &[T; tree::BLOCK],
) -> &[[T; LANES]; VECTORS] {
    block.as_chunks().0.try_into().expect("a block is whole vectors")
}
