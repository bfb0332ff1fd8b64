//! Memory between two pages that nobody may touch: an element read or written beyond either end stops the test.

use std::{
    cell::Cell,
    io,
    marker::PhantomData,
    ops::{Deref, DerefMut, Range},
    ptr::{self, NonNull},
    sync::Once,
};

use crate::data::Float;

/// Whole pages of elements, with a guard page right before the first and right after the last.
pub(crate) struct Arena<T> {
    /// The first element; the guard page ends here.
    start: NonNull<T>,
    /// Elements, up to the other guard page.
    len: usize,
    owns: PhantomData<T>,
}

// SAFETY: the pages are the arena's alone, and floats may move between threads.
unsafe impl<T: Float> Send for Arena<T> {}

fn page() -> usize {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page).expect("the system has pages")
}

impl<T: Float> Arena<T> {
    /// Room for that many elements and some more.
    pub(crate) fn new(elements: usize) -> Self {
        let page = page();
        let bytes = (elements * size_of::<T>()).next_multiple_of(page).max(page);
        let (flags, rights) = (libc::MAP_PRIVATE | libc::MAP_ANON, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: new pages at a place of the system's choice.
        let all = unsafe { libc::mmap(ptr::null_mut(), bytes + 2 * page, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(all, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        // SAFETY: the pages between the first and the last of those just mapped.
        let (start, opened) = unsafe {
            let start = all.byte_add(page);
            (start, libc::mprotect(start, bytes, rights))
        };
        assert_eq!(opened, 0, "{}", io::Error::last_os_error());
        let start = NonNull::new(start.cast()).expect("not the page at address zero");
        Self { start, len: bytes / size_of::<T>(), owns: PhantomData }
    }

    /// Makes room for that many elements; what was in the arena may be lost.
    pub(crate) fn make_room(&mut self, elements: usize) {
        if self.len < elements {
            *self = Self::new(elements);
        }
    }

    /// The bytes of some of the elements.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        bytes(&self[range])
    }
}

/// The bytes of some elements: they compare at once, and tell −0 from +0.
pub(crate) fn bytes<T: Float>(elements: &[T]) -> &[u8] {
    // SAFETY: floats have no padding, and bytes no alignment.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

impl<T: Float> Deref for Arena<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: readable pages of this arena alone, zero or written with floats since.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Float> DerefMut for Arena<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and writable.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for Arena<T> {
    fn drop(&mut self) {
        let page = page();
        // SAFETY: just what `new` mapped, which nothing borrows any more.
        let unmapped = unsafe {
            libc::munmap(self.start.as_ptr().byte_sub(page).cast(), self.len * size_of::<T>() + 2 * page)
        };
        assert_eq!(unmapped, 0, "{}", io::Error::last_os_error());
    }
}

thread_local! {
    /// What this thread is at, for the message of a fault.
    static SUSPECT: Cell<&'static str> = const { Cell::new("unknown") };
}

/// Says what this thread calls next.
pub(crate) fn blame(suspect: &'static str) {
    SUSPECT.set(suspect);
}

/// From now on, a thread that touches a guard page says what it had called before the process ends.
pub(crate) fn explain_faults() {
    extern "C" fn explain(_signal: libc::c_int) {
        let suspect = SUSPECT.try_with(Cell::get).unwrap_or_default();
        for part in ["\ntouched memory that is not its own: ", suspect, "\n"] {
            // SAFETY: the bytes of a string, to a function that signal handlers may call.
            unsafe { libc::write(libc::STDERR_FILENO, part.as_ptr().cast(), part.len()) };
        }
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            // SAFETY: zeros are a valid action without flags and mask. The handler only reads a constant-initialised
            // cell and writes. It is reset as it is entered, so that the access, repeated on return, ends the process.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = explain as *const () as usize;
                action.sa_flags = libc::SA_RESETHAND | libc::SA_ONSTACK;
                assert_eq!(libc::sigaction(signal, &raw const action, ptr::null_mut()), 0);
            }
        }
    });
}

#[test]
fn the_guard_pages_are_closed() {
    /// Whether the system can read a byte there. Asked through a pipe, it says no where a read would be fatal.
    fn is_readable(address: *const u8) -> bool {
        let mut ends = [0; 2];
        // SAFETY: `pipe` fills two numbers; `write` checks the address; both ends are closed once.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            let written = libc::write(ends[1], address.cast(), 1);
            assert!(libc::close(ends[0]) == 0 && libc::close(ends[1]) == 0);
            written == 1
        }
    }
    for elements in [1, 1000, 5000] {
        let arena = Arena::<f64>::new(elements);
        let all = arena.bytes(0..arena.len());
        let Range { start, end } = all.as_ptr_range();
        assert!(all.len() >= elements * 8);
        assert!(is_readable(start) && is_readable(end.wrapping_sub(1)));
        assert!(!is_readable(start.wrapping_sub(1)) && !is_readable(end));
    }
}
