//! Help from other threads that nobody waits for while it has not come.
//!
//! A sleeping worker takes tens of microseconds to wake, in which the calling thread may have done everything itself. A
//! scope, rayon's or the standard library's, would still wait for the worker to come and find nothing. Here a call
//! closes its door when the work is done: helpers that are inside are waited for, and one that comes later turns back
//! at the door, without having seen anything that belongs to the call. That is what makes it right to hand out
//! something borrowed, and it cannot be said in safe Rust, whose borrows end at a place and not at a time.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::telemetry;

/// The bit of [`Door::state`] that says that nobody may enter any more; the others count the helpers inside.
const CLOSED: usize = 1 << (usize::BITS - 1);
/// How long the caller looks whether the last helper is gone, before it sleeps: the time of a piece, or of a few.
const PATIENCE: Duration = Duration::from_micros(30);

/// What is shared with helpers, and lives as long as the last of them.
struct Door {
    state: AtomicUsize,
    /// What a helper's work panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    caller: Thread,
}

/// The work, its lifetime forgotten.
#[derive(Clone, Copy)]
struct Work(*const (dyn Fn() + Sync));

// SAFETY: the work is `Sync`, so several threads may call it through a shared reference; when one may do so is up to
// the door.
unsafe impl Send for Work {}

/// What a helper has to do.
type Job = Box<dyn FnOnce() + Send>;

/// Does the work `here` on this thread, and at the same time `help` on any thread to which `spawn` brings one of the jobs,
/// `helpers` in number, that it is given, and that comes before the work is done here. Returns when nobody is at it any
/// more.
///
/// # Panics
/// With what either panicked with.
pub(super) fn share(
    helpers: usize,
    here: &dyn Fn(),
    help: &(dyn Fn() + Sync),
    spawn: impl FnOnce(&mut dyn Iterator<Item = Job>),
) {
    let door =
        Arc::new(Door { state: AtomicUsize::new(0), panic: Mutex::new(None), caller: thread::current() });
    // SAFETY: the same reference with another lifetime; `Door::help` argues for each use.
    let erased = Work(unsafe { std::mem::transmute::<&(dyn Fn() + Sync), &'static (dyn Fn() + Sync)>(help) });
    // From here on the door is closed before this function is left, whichever way.
    let guard = CloseOnDrop(&door);
    spawn(&mut (0..helpers).map(|_| {
        let door = Arc::clone(&door);
        Box::new(move || door.help(erased)) as Job
    }));
    here();
    drop(guard);
    let panic = door.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

impl Door {
    /// A helper comes.
    fn help(&self, Work(work): Work) {
        // Acquire, so that what the caller wrote before it opened the door is seen; spawning orders that too.
        if self.state.fetch_add(1, Ordering::Acquire) & CLOSED == 0 {
            // SAFETY: the door was open when this helper was counted, so the caller has not left `share`, and will not
            // before the count is back at 0: `close` waits for that. The work it borrows is alive until then.
            let work = unsafe { &*work };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
                // The first one is told. Another is forgotten: to drop it could panic again.
                let mut panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
                match &*panic {
                    None => *panic = Some(payload),
                    Some(_) => std::mem::forget(payload),
                }
            }
        }
        // Release, so that the caller sees what was written.
        if self.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.caller.unpark();
        }
    }

    /// Lets nobody in any more, and waits for those who are inside.
    fn close(&self) {
        if self.state.fetch_or(CLOSED, Ordering::AcqRel) == 0 {
            return;
        }
        let since = Instant::now();
        while self.state.load(Ordering::Acquire) != CLOSED {
            if since.elapsed() < PATIENCE {
                std::hint::spin_loop();
            } else {
                thread::park();
            }
        }
        telemetry::waited(since.elapsed());
    }
}

/// Closes the door, also when the work here panics.
struct CloseOnDrop<'a>(&'a Door);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_that_comes_late_turns_back() {
        let mut jobs = Vec::new();
        let count = AtomicUsize::new(0);
        let work = || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        share(3, &work, &work, |all| jobs.extend(all));
        assert_eq!((jobs.len(), count.load(Ordering::Relaxed)), (3, 1));
        for job in jobs {
            job();
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_helper_that_is_inside_is_waited_for() {
        for round in 0..200 {
            let (inside, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let caller = thread::current().id();
            let work = || {
                if thread::current().id() == caller {
                    while inside.load(Ordering::Acquire) == 0 {
                        thread::yield_now();
                    }
                } else {
                    inside.store(1, Ordering::Release);
                    thread::sleep(std::time::Duration::from_micros(round * 10));
                    done.store(1, Ordering::Relaxed);
                }
            };
            share(1, &work, &work, |jobs| jobs.for_each(|job| drop(thread::spawn(job))));
            assert_eq!(done.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn a_panic_on_either_side_reaches_the_caller() {
        let caller = thread::current().id();
        for here in [true, false] {
            let inside = AtomicUsize::new(0);
            let work = || {
                if thread::current().id() == caller {
                    while inside.load(Ordering::Acquire) == 0 {
                        thread::yield_now();
                    }
                    assert!(!here, "here");
                } else {
                    inside.store(1, Ordering::Release);
                    assert!(here, "there");
                }
            };
            let caught = catch_unwind(AssertUnwindSafe(|| {
                share(1, &work, &work, |jobs| jobs.for_each(|job| drop(thread::spawn(job))));
            }));
            let payload = caught.expect_err("it panics");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&if here { "here" } else { "there" }));
        }
    }
}
