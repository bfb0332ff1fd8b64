//! Cancelling a call from another thread.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
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
/// # #[cfg(feature = "sums")]
/// assert_eq!(cancel.scope(|| ops::sum(&x)), Err(Error::Cancelled));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// How often a thread asks: often enough for nobody to notice that it waits, and seldom enough to cost nothing.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// What this thread is in.
#[derive(Clone)]
struct Scope {
    cancel: Cancel,
    /// What cancels the scopes around it, and thereby this one.
    around: Vec<Cancel>,
    /// What to ask, and when next.
    ask: Option<(fn() -> bool, Instant)>,
}

impl Cancel {
    /// One that has not been used. Clones are one and the same.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the calls in [`scope`](Self::scope), and in scopes within it, those that are under way and those that
    /// come.
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
        self.enter(None, calls)
    }

    /// As [`scope`](Self::scope); and while a call is under way, this thread asks every now and then, between two
    /// pieces, whether to cancel. For what only the calling thread can find out: in Python, whether the user has
    /// pressed Ctrl-C. `ask` may take its time, and may call operations in its turn.
    pub fn scope_asking<R>(&self, ask: fn() -> bool, calls: impl FnOnce() -> R) -> R {
        self.enter(Some((ask, Instant::now() + ASK_EVERY)), calls)
    }

    fn enter<R>(&self, ask: Option<(fn() -> bool, Instant)>, calls: impl FnOnce() -> R) -> R {
        let before = CURRENT.take();
        // What the scope around asks goes on being asked, unless this one asks.
        let (around, asked) = before.as_ref().map_or_else(Default::default, |scope| {
            let mut around = scope.around.clone();
            around.push(scope.cancel.clone());
            (around, scope.ask)
        });
        CURRENT.set(Some(Scope { cancel: self.clone(), around, ask: ask.or(asked) }));
        let _before = Before(before);
        calls()
    }
}

/// Puts back what was there, also when the calls panic.
struct Before(Option<Scope>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Whether a call by this thread can be cancelled.
#[inline]
pub(super) fn is_possible() -> bool {
    // A thread that ends has no scope any more.
    CURRENT.try_with(|scope| scope.borrow().is_some()).unwrap_or(false)
}

/// Asks what this thread is to ask, if it is time to, and cancels its calls if that says so.
pub(super) fn ask() {
    let due = CURRENT.try_with(|scope| {
        let mut scope = scope.borrow_mut();
        let Scope { cancel, ask: Some((ask, next)), .. } = scope.as_mut()? else { return None };
        let now = Instant::now();
        (now >= *next).then(|| {
            *next = now + ASK_EVERY;
            (*ask, cancel.clone())
        })
    });
    if let Ok(Some((ask, cancel))) = due {
        // What is asked is none of the scope's business, and may call operations in its turn.
        let _outside = Before(CURRENT.take());
        if ask() {
            cancel.cancel();
        }
    }
}

/// What can cancel a call by this thread.
pub(super) fn current() -> Current {
    let all = CURRENT.try_with(|scope| {
        let scope = scope.borrow();
        scope.iter().flat_map(|scope| scope.around.iter().chain([&scope.cancel])).cloned().collect()
    });
    Current(all.unwrap_or_default())
}

/// See [`current`].
pub(super) struct Current(Vec<Cancel>);

impl Current {
    pub(super) fn is_cancelled(&self) -> bool {
        self.0.iter().any(Cancel::is_cancelled)
    }
}
