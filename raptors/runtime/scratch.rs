//! Memory for what is computed on the way to a result: kept by each thread, so that small calls need not ask for it.

use std::{cell::Cell, thread::LocalKey};

use crate::Element;

/// Elements that a thread keeps, at most: what a block of a call needs.
const MOST: usize = 64 << 10;

/// The memory that a thread keeps, of one dtype.
pub(crate) type Kept<T> = LocalKey<Cell<Vec<T>>>;

/// Does some work with that many elements of memory, which may hold anything. Work within it gets memory of its own.
pub(crate) fn with<T: Element, R>(len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    let mut memory = T::scratch().take();
    if memory.len() < len {
        memory.resize(len, T::ZERO);
    }
    let result = work(&mut memory[..len]);
    if memory.len() <= MOST {
        T::scratch().set(memory);
    }
    result
}
