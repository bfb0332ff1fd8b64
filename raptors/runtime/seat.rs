//! On which core a worker wakes.
//!
//! Linux does not always wake a thread on the core that idles. On a virtual machine a core that has been halted counts as
//! one that the host has taken away; and where most cores have been busy of late, by whatever threads, no idle one is
//! looked for. The worker then queues up behind the caller that woke it, beside a core with nothing to do, until the
//! scheduler balances the two, milliseconds later: the call, and those that follow, run on one thread.
//!
//! The one thing that moves a thread at once is a mask that forbids it the core where it waits. No system call changes a
//! mask only if it still is what it was, so a mask that somebody else sets in the same microseconds would be lost; and a
//! sandbox may end the process for `sched_setaffinity`. So workers are left where they wake where system calls are filtered
//! when the first one is woken, where the system refuses, and where the environment says so. Else a caller narrows the masks of
//! those whom it wakes, and puts them back before the call goes on, unless somebody else has set another one meanwhile. One
//! caller at a time does that to a worker: a second one would take the narrowed mask for the worker's own.
//!
//! Other systems are trusted to find the idle core.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The place of one worker.
pub(super) struct Seat {
    /// Its number at the system, 0 until it has begun.
    thread: AtomicUsize,
    /// From when it is about to sleep until it has work.
    asleep: AtomicBool,
    /// While a caller has its mask in hand.
    in_hand: AtomicBool,
}

impl Seat {
    /// As it is before the worker begins.
    pub(super) const fn new() -> Self {
        Self { thread: AtomicUsize::new(0), asleep: AtomicBool::new(false), in_hand: AtomicBool::new(false) }
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

    /// Does that with the number of the worker, unless another caller is at it.
    fn in_hand(&self, act: impl FnOnce(usize)) {
        if !self.in_hand.swap(true, Ordering::Acquire) {
            act(self.thread.load(Ordering::Relaxed));
            self.in_hand.store(false, Ordering::Release);
        }
    }
}

/// Sees to it that none of so many workers that were just woken waits for the core of this thread, if workers are moved.
/// Which ones they are is a guess: the pool wakes those first that it started first.
pub(super) fn leave_this_core(seats: &[Seat], woken: usize) {
    if system::moves() {
        let asleep = seats.iter().filter(|seat| seat.asleep.load(Ordering::Relaxed));
        for seat in asleep.take(woken) {
            seat.in_hand(system::leave_this_core);
        }
    }
}

/// Cores that this thread may use, by its affinity mask; 0 where that cannot be asked.
pub(super) fn cores() -> usize {
    system::cores()
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        fs,
        sync::{
            OnceLock,
            atomic::{AtomicBool, Ordering},
        },
    };

    use rustix::{
        io::Errno,
        thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity},
    };

    use crate::knobs;

    /// Whether the system has refused to move workers.
    static REFUSED: AtomicBool = AtomicBool::new(false);

    pub(super) fn cores() -> usize {
        sched_getaffinity(None).map_or(0, |allowed| usize::try_from(allowed.count()).unwrap_or(0))
    }

    pub(super) fn thread() -> usize {
        usize::try_from(gettid().as_raw_nonzero().get()).unwrap_or(0)
    }

    /// Whether workers are moved: as the environment says, else where no system call is filtered when this is first asked. A
    /// filter may end the process for a call that it does not expect, and no call tells beforehand whether it would.
    pub(super) fn moves() -> bool {
        static MOVES: OnceLock<bool> = OnceLock::new();
        let moves = MOVES.get_or_init(|| {
            let wish = knobs::settings().ok().and_then(|settings| settings.move_workers);
            wish.unwrap_or_else(|| {
                fs::read_to_string("/proc/thread-self/status").is_ok_and(|status| !is_filtered(&status))
            })
        });
        *moves && !REFUSED.load(Ordering::Relaxed)
    }

    /// Whether a thread of that status has a filter of system calls. A system without filters has no such line.
    pub(super) fn is_filtered(status: &str) -> bool {
        let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        mode.is_some_and(|mode| mode.trim() != "0")
    }

    /// Moves a thread off this one's core, and lets it come back.
    pub(super) fn leave_this_core(thread: usize) {
        // Without one: this thread itself.
        if let Some(thread) = i32::try_from(thread).ok().and_then(Pid::from_raw)
            && leave(thread, sched_getcpu(), || ())
        {
            REFUSED.store(true, Ordering::Relaxed);
        }
    }

    /// Moves a thread off a core, and says whether the system forbids that for good.
    pub(super) fn leave(thread: Pid, core: usize, meanwhile: impl FnOnce()) -> bool {
        let Ok(allowed) = sched_getaffinity(Some(thread)) else { return false };
        // A set names no core beyond.
        if core >= CpuSet::MAX_CPU {
            return false;
        }
        let mut elsewhere = allowed;
        elsewhere.unset(core);
        // With no other core allowed, the system refuses the empty set.
        if let Err(refused) = sched_setaffinity(Some(thread), &elsewhere) {
            return matches!(refused, Errno::PERM | Errno::ACCESS | Errno::NOSYS);
        }
        meanwhile();
        // What somebody else has set meanwhile stays.
        if sched_getaffinity(Some(thread)) == Ok(elsewhere) {
            sched_setaffinity(Some(thread), &allowed).ok();
        }
        false
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) const fn cores() -> usize {
        0
    }

    pub(super) const fn thread() -> usize {
        0
    }

    pub(super) const fn moves() -> bool {
        false
    }

    pub(super) const fn leave_this_core(_: usize) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        sync::{Barrier, mpsc},
        thread,
    };

    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    use super::{system, *};

    /// What many callers do at once to the mask of a worker leaves it as it was.
    #[test]
    fn a_worker_leaves_this_core_and_may_come_back() {
        const CALLERS: usize = 8;
        let (seat, start) = (Seat::new(), Barrier::new(CALLERS));
        let (stop, stopped) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        thread::scope(|scope| {
            let seat = &seat;
            scope.spawn(move || {
                seat.take();
                begun.send(sched_getaffinity(None).expect("a mask")).expect("somebody listens");
                // Busy, so that it always is on some core.
                while stopped.try_recv().is_err() {
                    thread::yield_now();
                }
            });
            let before = begins.recv().expect("it begins");
            let thread = seat.thread.load(Ordering::Relaxed);
            assert!(thread > 0 && thread != system::thread());
            assert!(before.is_set(sched_getcpu()));
            let move_it = || {
                start.wait();
                for _ in 0..2_000 {
                    seat.in_hand(system::leave_this_core);
                }
            };
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(move_it)).collect();
            for caller in callers {
                caller.join().expect("it moves a worker");
            }
            let worker = Pid::from_raw(i32::try_from(thread).expect("a number"));
            let after = sched_getaffinity(worker);
            stop.send(()).expect("it listens");
            assert_eq!(after, Ok(before), "the mask is put back");
        });
    }

    #[test]
    fn a_worker_is_in_the_hand_of_one_caller_at_a_time() {
        let seat = Seat::new();
        let acts = |other: &mut dyn FnMut()| {
            let mut acted = false;
            seat.in_hand(|_| {
                acted = true;
                other();
            });
            acted
        };
        let mut inner = None;
        assert!(acts(&mut || inner = Some(acts(&mut || ()))));
        assert_eq!(inner, Some(false), "it has been narrowed by another one");
        assert!(acts(&mut || ()), "and afterwards again");
    }

    #[test]
    fn filters_of_system_calls_are_seen() {
        for (status, is_filtered) in [
            ("Name:\tx\nSeccomp:\t0\n", false),
            ("Seccomp:\t2\n", true),
            ("Seccomp:\t1", true),
            ("Name:\tx", false),
        ] {
            assert_eq!(system::is_filtered(status), is_filtered, "{status:?}");
        }
    }

    #[test]
    fn a_mask_that_somebody_sets_meanwhile_stays() {
        let before = sched_getaffinity(None).expect("a mask");
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| before.is_set(*core)).collect();
        let [first, second, ..] = cores[..] else {
            println!("skipped, there is one core");
            return;
        };
        let only = |core| {
            let mut set = CpuSet::new();
            set.set(core);
            set
        };
        let (stop, stopped) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                begun.send(gettid()).expect("somebody listens");
                stopped.recv().ok();
            });
            let worker = begins.recv().expect("it begins");
            for core in [first, second] {
                // Also where it is the core that the worker was to leave.
                let set = || sched_setaffinity(Some(worker), &only(core)).expect("its own process may");
                sched_setaffinity(Some(worker), &before).expect("its own process may");
                // Of two cores, to leave the first leaves the second: no other mask than that one was set.
                if cores.len() > 2 || core == first {
                    assert!(!system::leave(worker, first, set));
                    assert_eq!(sched_getaffinity(Some(worker)), Ok(only(core)));
                }
            }
            stop.send(()).expect("it listens");
        });
    }
}
