//! Memory for elements: initialised, 64-byte aligned, given back on drop. The only room that calls the allocator.

use core::marker::PhantomData;
use core::mem;
use core::ptr::{self, NonNull};
use core::slice;
use std::alloc::{Layout, alloc_zeroed, dealloc};

use crate::element::Element;
use crate::error::Error;
use crate::runtime::pool;

/// Where the first element starts: a cache line, which is also the widest vector.
pub(crate) const ALIGNMENT: usize = 64;

/// From here on, memory asks for huge pages. A fresh page costs as much as computing what goes into it, and a huge one
/// is a five-hundredth as many; below this size there would be too few of them to be worth a system call.
pub(crate) const HUGE_FROM: usize = 4 << 20;

/// Asks for huge pages for memory of somebody else, before it is touched: for what is to be as `NumPy`'s memory is.
#[cfg(feature = "tune")]
pub(crate) fn advise_huge_pages<T>(memory: &mut [mem::MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};

        const PAGE: usize = 4 << 10;
        let bytes = size_of_val(memory);
        let before = memory.as_ptr().addr().wrapping_neg() % PAGE;
        let whole = bytes.saturating_sub(before) / PAGE * PAGE;
        if whole > 0 {
            // SAFETY: the range is part of the memory, and starts on a page. This advice changes no content.
            unsafe {
                madvise(memory.as_mut_ptr().byte_add(before).cast(), whole, Advice::LinuxHugepage).ok()
            };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// The size of a huge page, and the alignment of memory that should have them.
const HUGE_PAGE: usize = 2 << 20;

/// An owned run of bytes, all initialised, that starts at a multiple of [`ALIGNMENT`]. It has no type: elements are
/// types without padding of which any bytes are a value, so that what held `f32` may come to hold `f64`.
pub(crate) struct Block {
    /// The first byte. Aligned, and from there on are `bytes` initialised bytes.
    start: NonNull<u8>,
    bytes: usize,
    /// What the allocator gave; null if there are no bytes and nothing was allocated.
    allocation: *mut u8,
}

// SAFETY: a block owns its bytes alone, and they may move between threads.
unsafe impl Send for Block {}
// SAFETY: a shared block gives no access to its bytes but through the buffer that holds it, and that gives out shared
// slices only, of elements that may be shared.
unsafe impl Sync for Block {}

impl Block {
    /// No bytes.
    const EMPTY: Self =
        Self { start: NonNull::<Line>::dangling().cast(), bytes: 0, allocation: ptr::null_mut() };

    /// `bytes` zeros, or nothing if the allocator refuses.
    ///
    /// The allocator is asked for no alignment, and for as many bytes more as it takes to move the start: for an
    /// alignment it does not have by nature, it would write the zeros itself instead of taking pages that are zero
    /// already. What is before the start and behind the end is address space: no page of it is ever touched.
    fn zeroed(bytes: usize) -> Option<Self> {
        if bytes == 0 {
            return Some(Self::EMPTY);
        }
        let layout = Self::layout(bytes)?;
        // SAFETY: the layout has a size above zero.
        let allocation = unsafe { alloc_zeroed(layout) };
        if allocation.is_null() {
            return None;
        }
        // SAFETY: the layout has room for the bytes and for `alignment` more before them, and an aligned place is less
        // than that away. It is not null, being inside of an allocation.
        let start = unsafe {
            let padding = allocation.addr().wrapping_neg() % Self::alignment(bytes);
            NonNull::new_unchecked(allocation.add(padding))
        };
        let block = Self { start, bytes, allocation };
        // Advice: where it is not taken, or there is nobody to ask, pages are what they are.
        #[cfg(target_os = "linux")]
        if bytes >= HUGE_FROM {
            block.advise_huge_pages();
        }
        Some(block)
    }

    const fn alignment(bytes: usize) -> usize {
        if bytes >= HUGE_FROM { HUGE_PAGE } else { ALIGNMENT }
    }

    /// What to ask of the allocator for that many bytes; `None` if that is more than there is address space.
    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes.checked_add(Self::alignment(bytes))?, 1).ok()
    }

    /// Asks for huge pages, and says whether the system will try.
    #[cfg(target_os = "linux")]
    fn advise_huge_pages(&self) -> bool {
        use rustix::mm::{Advice, madvise};

        let whole = self.bytes - self.bytes % HUGE_PAGE;
        // SAFETY: the range is part of an allocation of this block's own, and starts on a page, as huge pages do. This
        // advice changes no content.
        unsafe { madvise(self.start.as_ptr().cast(), whole, Advice::LinuxHugepage).is_ok() }
    }

    /// How many bytes it has.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// As many zeros, for tests of the pool.
    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self::zeroed(bytes).expect("memory")
    }

    /// Where it starts: which block it is, to tests of the pool.
    #[cfg(test)]
    pub(crate) fn address(&self) -> usize {
        self.start.addr().get()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let (false, Some(layout)) = (self.allocation.is_null(), Self::layout(self.bytes)) {
            // SAFETY: allocated with this layout, which depends on the size alone, and not given back before.
            unsafe { dealloc(self.allocation, layout) }
        }
    }
}

/// An owned run of elements that starts at a multiple of [`ALIGNMENT`]. Its memory goes to the pool.
pub(crate) struct Buffer<T: Element> {
    /// Has room for `len` elements, or more.
    block: Block,
    len: usize,
    owns: PhantomData<T>,
}

impl<T: Element> Buffer<T> {
    /// `len` zeros, never from the pool: large ones are pages that the system has zeroed.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the allocator refuses, or if so many bytes cannot be addressed.
    pub(crate) fn zeroed(len: usize) -> Result<Self, Error> {
        Self::new(len, Block::zeroed)
    }

    /// `len` elements of any values, for an output that is written from end to end: what the pool has, with the values
    /// it was dropped with, or else zeros.
    ///
    /// # Errors
    /// As [`zeroed`](Self::zeroed).
    pub(crate) fn initialised(len: usize) -> Result<Self, Error> {
        Self::new(len, |bytes| pool::take(bytes).or_else(|| Block::zeroed(bytes)))
    }

    fn new(len: usize, block: impl Fn(usize) -> Option<Block>) -> Result<Self, Error> {
        let bytes = len.checked_mul(size_of::<T>());
        // Memory that is kept for results must not be what the system lacks.
        let block = bytes
            .and_then(|bytes| pool::retried(|| block(bytes)))
            .filter(|block| block.bytes / size_of::<T>() >= len);
        let block = block.ok_or(Error::OutOfMemory { bytes: bytes.unwrap_or(usize::MAX) })?;
        Ok(Self { block, len, owns: PhantomData })
    }

    pub(crate) const fn as_slice(&self) -> &[T] {
        // SAFETY: the block is aligned for every element type and has room for `len` of them, as `new` has seen. Its
        // bytes are initialised, any bytes are a value of an element type, and they are borrowed as this buffer is.
        unsafe { slice::from_raw_parts(self.block.start.as_ptr().cast(), self.len) }
    }

    pub(crate) const fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and the buffer is borrowed mutably. Elements have no padding: the bytes stay initialised.
        unsafe { slice::from_raw_parts_mut(self.block.start.as_ptr().cast(), self.len) }
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        pool::give(mem::replace(&mut self.block, Block::EMPTY));
    }
}

/// Has the alignment of a buffer: its dangling pointer is where an empty one starts.
#[repr(align(64))]
struct Line;
const _: () = assert!(align_of::<Line>() == ALIGNMENT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_zero() {
        for bytes in [1, 63, 64, 4096, 1 << 20, HUGE_FROM - 1, HUGE_FROM, HUGE_FROM + 1, 9 << 20] {
            let alignment = if bytes >= 4 << 20 { 2 << 20 } else { 64 };
            let blocks: Vec<_> = (0..3).map(|_| Block::of_bytes(bytes)).collect();
            for block in &blocks {
                assert_eq!(block.bytes(), bytes);
                assert_eq!(block.address() % alignment, 0, "{bytes} bytes");
            }
            let buffer = Buffer::<f32>::zeroed(bytes / 4).expect("memory");
            assert!(buffer.as_slice().iter().all(|x| x.to_bits() == 0), "{bytes} bytes");
        }
        assert_eq!(Block::EMPTY.address() % ALIGNMENT, 0);
    }

    #[test]
    fn more_than_there_is_is_refused() {
        for len in [usize::MAX, usize::MAX / 8, usize::MAX / 16] {
            for refused in [Buffer::<f64>::zeroed(len), Buffer::<f64>::initialised(len)] {
                assert!(matches!(refused.map(drop), Err(Error::OutOfMemory { .. })), "{len}");
            }
        }
    }

    /// The kernel keeps the advice as a flag of the mapping. It has no huge pages to advise where it was built without.
    #[test]
    #[cfg(target_os = "linux")]
    fn huge_pages_are_advised_from_their_size_on() {
        use std::{fs, path::Path};
        if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            println!("skipped, this system has no huge pages");
            return;
        }
        for bytes in [HUGE_FROM, HUGE_FROM + 12345, 65 << 20] {
            let block = Block::of_bytes(bytes);
            let flags = || flags_at(&fs::read_to_string("/proc/self/smaps").expect("Linux"), block.address());
            let is_advised = |flags: &str| flags.split(' ').any(|flag| flag == "hg");
            let before = flags();
            assert!(block.advise_huge_pages(), "{bytes} bytes");
            if !is_advised(&flags()) {
                println!("skipped, this system forgets advice, as an emulator does");
                return;
            }
            assert!(is_advised(&before), "{bytes} bytes: {before}");
        }
    }

    /// `VmFlags` of the mapping that holds an address.
    #[cfg(target_os = "linux")]
    fn flags_at(smaps: &str, address: usize) -> String {
        let mut inside = false;
        for line in smaps.lines() {
            let range = line.split(' ').next().and_then(|word| word.split_once('-'));
            let hex = |word| usize::from_str_radix(word, 16).ok();
            if let Some((Some(from), Some(to))) = range.map(|(from, to)| (hex(from), hex(to))) {
                inside = (from..to).contains(&address);
            } else if let (true, Some(flags)) = (inside, line.strip_prefix("VmFlags: ")) {
                return flags.to_owned();
            }
        }
        panic!("no mapping holds {address:#x}");
    }
}
