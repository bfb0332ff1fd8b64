//! Arrays of any number of axes and any strides, where they lie: [`ArrayRef`] looks at one, [`Plan`] says in which order
//! `NumPy` walks it, and kernels are given what of the walk is a matrix. What is not, is brought together in a block of
//! memory that a thread keeps: no call asks for more than a mebibyte beside its results.

mod elements;
mod map;
mod masked;
mod over;
mod plan;
mod reduce;
#[allow(unsafe_code, reason = "a room of unsafe: views of any strides")]
mod view;
#[allow(unsafe_code, reason = "a room of unsafe: views of any strides that are written")]
mod view_mut;

pub use self::elements::Elements;
pub(crate) use self::elements::{Operand, Terms};
pub use self::map::Spread;
pub(crate) use self::masked::by_counts;
pub(crate) use self::over::follows_plans;
pub use self::over::{Options, Over, reduce, reduce_to, reduce_with};
pub(crate) use self::plan::compact_as;
pub use self::plan::{Asked, Plan, compact, walk};
pub use self::view::ArrayRef;
pub use self::view_mut::ArrayMut;

use crate::{Element, runtime::threads};

/// Elements that are brought together at once: no fewer than `NumPy` sums so, and few enough to stay in the second cache.
const BLOCK: usize = 16 << 10;

/// Bytes from which on a walk is shared between threads, and bytes of a piece.
const SHARED_FROM: usize = 1 << 20;
const SHARE: usize = 256 << 10;

/// Threads for that many elements.
fn threads_for<T: Element>(elements: usize) -> usize {
    if elements.saturating_mul(size_of::<T>()) < SHARED_FROM { 1 } else { threads::num_threads() }
}

/// Things of so many elements each that are a piece of a walk.
fn share<T: Element>(elements: usize) -> usize {
    (SHARE / size_of::<T>() / elements.max(1)).max(1)
}
