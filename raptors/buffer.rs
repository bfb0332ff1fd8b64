//! Memory for elements: zeroed, 64-byte aligned, given back on drop. The only room that calls the allocator.

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use crate::element::Element;
use crate::error::Error;

/// Where the first element starts: a cache line, which is also the widest vector.
pub(crate) const ALIGNMENT: usize = 64;

/// An owned run of elements that starts at a multiple of [`ALIGNMENT`].
///
/// The allocator is asked for the element's own alignment and for as many bytes more as it takes to move the start:
/// for an alignment it does not have by nature, it would write the zeros itself instead of taking pages that are zero
/// already.
pub(crate) struct Buffer<T: Element> {
    /// The first element. Aligned, and after it are `len` initialised elements.
    start: NonNull<T>,
    len: usize,
    /// What the allocator gave; null if there are no elements and nothing was allocated.
    allocation: *mut u8,
    owns: PhantomData<T>,
}

// SAFETY: a buffer owns its elements alone, and they may move between threads.
unsafe impl<T: Element> Send for Buffer<T> {}
// SAFETY: a shared buffer gives out shared slices only, and its elements may be shared.
unsafe impl<T: Element> Sync for Buffer<T> {}

impl<T: Element> Buffer<T> {
    /// `len` zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the allocator refuses, or if so many bytes cannot be addressed.
    pub(crate) fn zeroed(len: usize) -> Result<Self, Error> {
        if len == 0 {
            let start = NonNull::<Line>::dangling().cast();
            return Ok(Self { start, len, allocation: core::ptr::null_mut(), owns: PhantomData });
        }
        let out_of_memory = || Error::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) };
        let layout = Self::layout(len).ok_or_else(out_of_memory)?;
        // SAFETY: the layout has a size above zero.
        let allocation = unsafe { alloc_zeroed(layout) };
        if allocation.is_null() {
            return Err(out_of_memory());
        }
        // SAFETY: the layout has room for the elements and for `ALIGNMENT` bytes before them, and an aligned place is
        // less than that away. It is not null, being inside of an allocation.
        let start = unsafe {
            let padding = allocation.addr().wrapping_neg() % ALIGNMENT;
            NonNull::new_unchecked(allocation.add(padding).cast::<T>())
        };
        Ok(Self { start, len, allocation, owns: PhantomData })
    }

    /// What to ask of the allocator for `len` elements; `None` if that is more than there is address space.
    fn layout(len: usize) -> Option<Layout> {
        let bytes = len.checked_mul(size_of::<T>())?.checked_add(ALIGNMENT)?;
        Layout::from_size_align(bytes, align_of::<T>()).ok()
    }

    pub(crate) const fn as_slice(&self) -> &[T] {
        // SAFETY: `len` elements from `start` on are initialised (zero bytes are a value of every element type), and
        // they are borrowed as this buffer is.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(crate) const fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and the buffer is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

/// Has the alignment of a buffer: its dangling pointer is where an empty one starts.
#[repr(align(64))]
struct Line;
const _: () = assert!(align_of::<Line>() == ALIGNMENT);

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        if let (false, Some(layout)) = (self.allocation.is_null(), Self::layout(self.len)) {
            // SAFETY: allocated with this layout, which depends on the length alone, and not given back before.
            unsafe { dealloc(self.allocation, layout) }
        }
    }
}
