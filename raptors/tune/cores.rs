//! Whether this machine has its cores to spare: without that nothing can be said about threads, and little else.

use std::{
    hint::black_box,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::runtime::threads;

/// Whether the core beside the one that measures is free too. Who wins beside a process that takes its share of the caches
/// and the memory need not win alone.
pub(super) fn are_quiet() -> bool {
    are_free(thread::available_parallelism().map_or(1, |cores| cores.get().min(2)))
}

/// Whether so many threads have a core each: whether they count at once, and none of them waits for its turn.
///
/// Not whether they count as fast as one alone: cores that share their arithmetic do not, and are free all the same.
pub(super) fn are_free(threads: usize) -> bool {
    const TRIES: usize = 3;
    // One that goes well is enough.
    (0..TRIES).any(|_| are_free_now(threads))
}

fn are_free_now(threads: usize) -> bool {
    let counts = Mutex::new(Vec::new());
    let begin = Instant::now();
    // By the threads that calls use too. Where the first try finds a worker on the core of this thread, it has been moved by
    // the next.
    let counted = threads::run(threads, 0..threads, |_| {
        let count = count();
        if let Ok(mut counts) = counts.lock() {
            counts.push(count);
        }
    });
    let took = begin.elapsed();
    let counts = counts.into_inner().unwrap_or_default();
    let longest = counts.iter().map(|(wall, _)| *wall).max().unwrap_or_default();
    // A thread that came late left its count to another one, which then had two.
    let at_once = took < longest * 3 / 2;
    counted.is_ok() && at_once && counts.iter().all(|(wall, own)| *own * 10 > *wall * 9)
}

/// Counts for longer than another process has its turn: the time it took, and how much of it this thread had a core.
fn count() -> (Duration, Duration) {
    const COUNT: u32 = 20_000_000;
    let (begin, own) = (Instant::now(), on_a_core());
    for step in 0..COUNT {
        black_box(step);
    }
    let wall = begin.elapsed();
    (wall, on_a_core().zip(own).map_or(wall, |(end, begin)| end.saturating_sub(begin)))
}

/// How long this thread has had a core; `None` where the system is not asked.
#[cfg(target_os = "linux")]
fn on_a_core() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().ok()
}

#[cfg(not(target_os = "linux"))]
fn on_a_core() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_counts_has_a_core_and_who_sleeps_has_none() {
        let (wall, own) = count();
        assert!(own <= wall + Duration::from_millis(1), "{own:?} of {wall:?}");
        if let Some(before) = on_a_core() {
            std::thread::sleep(Duration::from_millis(20));
            let slept = on_a_core().unwrap().saturating_sub(before);
            assert!(slept < Duration::from_millis(10), "{slept:?}");
        }
    }

    #[test]
    fn more_threads_than_there_are_cores_are_not_free() {
        let cores = std::thread::available_parallelism().unwrap().get();
        assert!(!are_free(4 * cores));
    }
}
