//! On which core a worker wakes.
//!
//! Linux does not always wake a thread on the core that idles. On a virtual machine a core that has been halted counts as
//! one that the host has taken away; and where most cores have been busy of late, by whatever threads, no idle one is
//! looked for. The worker then queues up behind the caller that woke it, beside a core with nothing to do, until the
//! scheduler balances the two, milliseconds later: the call, and those that follow, run on one thread. So a caller has
//! those whom it wakes moved off its own core: a thread that may not run where it waits is moved at once. Its mask is
//! put back before the call goes on, unless somebody else has set another one meanwhile; and one that runs elsewhere
//! already is left where it is.
//!
//! That takes a system call, `sched_setaffinity`, for which a sandbox may end the process. Where system calls are filtered,
//! workers stay where they wake; so they do where the system refuses, and where the environment says so.
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

/// Cores that this thread may use, by its affinity mask; 0 where that cannot be asked.
pub(super) fn cores() -> usize {
    system::cores()
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        fs,
        sync::atomic::{AtomicU8, Ordering},
    };

    use rustix::{
        io::Errno,
        thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity},
    };

    use crate::knobs;

    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    /// Whether workers are moved.
    static MOVES: AtomicU8 = AtomicU8::new(UNKNOWN);

    pub(super) fn cores() -> usize {
        sched_getaffinity(None).map_or(0, |allowed| usize::try_from(allowed.count()).unwrap_or(0))
    }

    pub(super) fn thread() -> usize {
        usize::try_from(gettid().as_raw_nonzero().get()).unwrap_or(0)
    }

    /// Whether workers may be moved: as the environment says, else where no system call is filtered. A filter may end the
    /// process for a call that it does not expect, and no call tells beforehand whether it would.
    fn may_move() -> bool {
        let known = MOVES.load(Ordering::Relaxed);
        if known != UNKNOWN {
            return known == YES;
        }
        let wish = knobs::settings().ok().and_then(|settings| settings.move_workers);
        let may = wish.unwrap_or_else(|| {
            fs::read_to_string("/proc/thread-self/status").is_ok_and(|status| !is_filtered(&status))
        });
        MOVES.store(if may { YES } else { NO }, Ordering::Relaxed);
        may
    }

    /// Whether a thread of that status has a filter of system calls. A system without filters has no such line.
    pub(super) fn is_filtered(status: &str) -> bool {
        let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"));
        mode.is_some_and(|mode| mode.trim() != "0")
    }

    /// Moves a thread off this one's core, and lets it come back.
    pub(super) fn leave_this_core(thread: usize) {
        // Without one: this thread itself.
        if may_move()
            && let Some(thread) = i32::try_from(thread).ok().and_then(Pid::from_raw)
            && leave(thread, sched_getcpu(), || ())
        {
            MOVES.store(NO, Ordering::Relaxed);
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

    pub(super) const fn leave_this_core(_: usize) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{sync::mpsc, thread};

    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

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
}
