//! Cancelling a call from another thread.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Cancels calls that are under way: an interrupt, a deadline, a window that was closed.
///
/// A call looks at it between the pieces it is cut into, and ends with [`Error::Cancelled`](crate::Error::Cancelled).
/// Pieces under way are finished. What the output then holds is some elements of the result and some of what was there
/// before; it is initialised memory, and nothing outside of the output is touched. A matrix that was to be overwritten
/// in place is then neither the old nor the new one.
///
/// ```
/// use raptors::{Cancel, Error, Matrix, ops};
///
/// let x = Matrix::<f32>::zeros(2048, 2048)?;
/// let cancel = Cancel::new();
/// cancel.cancel(); // from any thread, at any time
/// assert_eq!(cancel.scope(|| ops::sum(&x)), Err(Error::Cancelled));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

thread_local! {
    static CURRENT: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

impl Cancel {
    /// One that has not been used. Clones are one and the same.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the calls in [`scope`](Self::scope), those that are under way and those that come.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has been used.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Does something, in which each call of an operation by this thread can be cancelled. Calls of up to 1 MiB are not
    /// cut and run to their end.
    pub fn scope<R>(&self, calls: impl FnOnce() -> R) -> R {
        /// Puts back what was there, also when the calls panic.
        struct Before(Option<Cancel>);
        impl Drop for Before {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _before = Before(CURRENT.replace(Some(self.clone())));
        calls()
    }
}

/// Whether a call by this thread can be cancelled.
#[inline]
pub(super) fn is_possible() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// What can cancel a call by this thread.
pub(super) fn current() -> Current {
    Current(CURRENT.with_borrow(Clone::clone))
}

/// See [`current`].
pub(super) struct Current(Option<Cancel>);

impl Current {
    pub(super) fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(Cancel::is_cancelled)
    }
}
