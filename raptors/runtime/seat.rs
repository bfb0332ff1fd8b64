//! On which core a worker wakes.
//!
//! Linux does not always wake a thread on the core that idles. On a virtual machine a core that has been halted counts as
//! one that the host has taken away; and where most cores have been busy of late, by whatever threads, no idle one is
//! looked for. The worker then queues up behind the caller that woke it, beside a core with nothing to do, until the
//! scheduler balances the two, milliseconds later: the call, and those that follow, run on one thread. So a caller has
//! those whom it wakes moved off its own core: a thread that may not run where it waits is moved at once. Its mask is
//! put back before the call goes on, and one that runs elsewhere already is left where it is.
//!
//! Other systems are trusted to find the idle core.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The place of one worker.
pub(super) struct Seat {
    /// Its number at the system, 0 until it has begun.
    thread: AtomicUsize,
    /// From when it is about to sleep until it has work.
    asleep: AtomicBool,
}

impl Seat {
    /// As it is before the worker begins.
    pub(super) const fn new() -> Self {
        Self { thread: AtomicUsize::new(0), asleep: AtomicBool::new(false) }
    }

    /// The worker, which is this thread, begins: by sleeping.
    pub(super) fn take(&self) {
        self.thread.store(system::thread(), Ordering::Relaxed);
        self.sleeps();
    }

    /// The worker is about to sleep.
    pub(super) fn sleeps(&self) {
        self.asleep.store(true, Ordering::Relaxed);
    }

    /// The worker has work.
    pub(super) fn wakes(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}

/// Sees to it that none of so many workers that were just woken waits for the core of this thread. Which ones they are is
/// a guess: the pool wakes those first that it started first.
pub(super) fn leave_this_core(seats: &[Seat], woken: usize) {
    let asleep = seats.iter().filter(|seat| seat.asleep.load(Ordering::Relaxed));
    for seat in asleep.take(woken) {
        system::leave_this_core(seat.thread.load(Ordering::Relaxed));
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    pub(super) fn thread() -> usize {
        usize::try_from(gettid().as_raw_nonzero().get()).unwrap_or(0)
    }

    /// Moves a thread off this one's core, and lets it come back.
    pub(super) fn leave_this_core(thread: usize) {
        let thread = i32::try_from(thread).ok().and_then(Pid::from_raw);
        // None: this thread itself.
        let Some(allowed) = thread.and_then(|thread| sched_getaffinity(Some(thread)).ok()) else { return };
        let (mut elsewhere, here) = (allowed, sched_getcpu());
        // A set names no core beyond.
        if here < CpuSet::MAX_CPU {
            elsewhere.unset(here);
            // With no other core allowed, the system refuses the empty set.
            if sched_setaffinity(thread, &elsewhere).is_ok() {
                sched_setaffinity(thread, &allowed).ok();
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) const fn thread() -> usize {
        0
    }

    pub(super) const fn leave_this_core(_: usize) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{sync::mpsc, thread};

    use rustix::thread::{Pid, sched_getaffinity, sched_getcpu};

    use super::{system, *};

    #[test]
    fn a_worker_leaves_this_core_and_may_come_back() {
        let seat = Seat::new();
        let (stop, stopped) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        thread::scope(|scope| {
            let seat = &seat;
            scope.spawn(move || {
                seat.take();
                begun.send(sched_getaffinity(None).expect("a mask")).expect("somebody listens");
                // Busy, so that it always is on some core.
                while stopped.try_recv().is_err() {
                    std::hint::spin_loop();
                }
            });
            let before = begins.recv().expect("it begins");
            let thread = seat.thread.load(Ordering::Relaxed);
            for _ in 0..100 {
                leave_this_core(std::slice::from_ref(seat), 1);
            }
            let worker = Pid::from_raw(i32::try_from(thread).expect("a number"));
            assert!(thread > 0 && thread != system::thread());
            assert_eq!(sched_getaffinity(worker).expect("it lives"), before, "the mask is put back");
            assert!(before.is_set(sched_getcpu()));
            stop.send(()).expect("it listens");
        });
    }
}
