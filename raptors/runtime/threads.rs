//! Which threads compute a call, and how its pieces reach them.
//!
//! The calling thread takes part; a pool of our own, built when first needed, gives the others. Pieces wait in one
//! queue, and whoever is free takes the next: a worker that wakes late finds less to do, and nobody waits for it (see
//! [`team`]). Called from inside any rayon worker, the work is shared with the workers of that pool: ours is not asked.

use std::{
    cell::Cell,
    num::NonZero,
    process,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{cancel, team};
use crate::{
    Error,
    dispatch::table::{Cut, Tasks},
    knobs,
};

/// What [`set_num_threads`] said; 0 before.
static WISH: AtomicUsize = AtomicUsize::new(0);

/// Threads that a call may use: what [`set_num_threads`] said, else `RAPTORS_THREADS`, else `OMP_NUM_THREADS`, else the
/// cores this process may use (by its affinity mask and its cgroup's quota). Inside a rayon worker: the threads of
/// that worker's pool.
#[must_use]
pub fn num_threads() -> usize {
    if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { configured() }
}

/// Sets how many threads calls may use from now on, those of other threads too. Calls that are under way keep theirs.
///
/// # Errors
/// [`Error::Threads`] for 0.
pub fn set_num_threads(threads: usize) -> Result<(), Error> {
    if threads == 0 {
        return Err(Error::Threads);
    }
    WISH.store(threads, Ordering::Relaxed);
    Ok(())
}

fn configured() -> usize {
    // Found once: a process seldom changes its affinity mask, and to ask takes longer than a small call.
    static FOUND: LazyLock<usize> = LazyLock::new(|| {
        // With an environment that cannot be read no call comes to use this.
        let wish = knobs::settings().ok().and_then(|settings| settings.threads);
        wish.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get))
    });
    match WISH.load(Ordering::Relaxed) {
        0 => *FOUND,
        wish => wish,
    }
}

/// Bytes of a piece where a call is cut for nothing but being cancelled: a fraction of a millisecond.
const CANCEL_CHUNK: usize = 1 << 20;

/// Bytes of the largest piece of a call that can be cancelled: some ten milliseconds.
const MOST_BYTES: usize = 64 << 20;

/// How a call of that many bytes is cut, if at all.
#[inline]
pub(crate) fn cut(tasks: Tasks, bytes: usize) -> Option<Cut> {
    if bytes >= tasks.crossover {
        let threads = num_threads();
        if threads > 1 {
            // A piece for each thread may take longer than anybody wants to wait who cancels.
            let chunk = if bytes / threads > MOST_BYTES && cancel::is_possible() {
                CANCEL_CHUNK
            } else {
                tasks.chunk
            };
            return Some(Cut { threads, chunk });
        }
    }
    (bytes > CANCEL_CHUNK && cancel::is_possible()).then_some(Cut { threads: 1, chunk: CANCEL_CHUNK })
}

/// Does the work of every piece, on this thread and on others.
///
/// # Errors
/// [`Error::Cancelled`] if that came before the last piece was taken.
///
/// # Panics
/// With what a piece panicked with, when the pieces under way are done; those not yet taken are left.
pub(crate) fn run<P: Send>(
    threads: usize,
    pieces: impl Iterator<Item = P> + Send,
    work: impl Fn(P) + Sync,
) -> Result<(), Error> {
    let cancel = cancel::current();
    let queue = Mutex::new(pieces.fuse());
    let next = || {
        cancel::ask();
        if cancel.is_cancelled() { None } else { queue.lock().ok()?.next() }
    };
    let help = || {
        // The queue is free again before the work begins.
        while let Some(piece) = next() {
            Stop(&queue).unless_it_panics(|| work(piece));
        }
    };
    if threads > 1 {
        share(threads, &help);
    } else {
        help();
    }
    let left = queue.into_inner().unwrap_or_else(PoisonError::into_inner).next().is_some();
    if left { Err(Error::Cancelled) } else { Ok(()) }
}

/// Empties a queue if the work in hand panics: the call has failed, and nobody needs the rest.
struct Stop<'a, I: Iterator>(&'a Mutex<std::iter::Fuse<I>>);

impl<I: Iterator> Stop<'_, I> {
    fn unless_it_panics(self, work: impl FnOnce()) {
        work();
        std::mem::forget(self);
    }
}

impl<I: Iterator> Drop for Stop<'_, I> {
    fn drop(&mut self) {
        self.0.lock().map(|mut queue| queue.by_ref().for_each(drop)).ok();
    }
}

/// Has `help` run on this thread and on up to `threads` − 1 others at once.
fn share(threads: usize, help: &(impl Fn() + Sync)) {
    let helpers = threads - 1;
    if rayon::current_thread_index().is_some() {
        team::share(helpers, help, rayon::spawn);
    } else if let Some(pool) = pool(helpers) {
        team::share(helpers, help, |job| {
            pool.spawn(|| {
                job();
                linger();
            });
        });
    } else {
        // The system gives no threads: this one does it all.
        help();
    }
}

/// How long a worker that is done stays awake for the next call: about as long as it takes, in the worst case, to wake
/// it again, which is what waiting is worth.
const LINGER: Duration = Duration::from_micros(200);

/// Waits for a while, taking part in calls that come. To wake a sleeping worker costs the caller a system call, some ten
/// microseconds on a virtual machine; a program that calls again at once is spared that. Other processes that want
/// this core get it meanwhile.
fn linger() {
    thread_local! {
        static LINGERS: Cell<bool> = const { Cell::new(false) };
    }
    // A call taken in while waiting does not wait in turn.
    if LINGERS.replace(true) {
        return;
    }
    let mut since = Instant::now();
    while since.elapsed() < LINGER {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            since = Instant::now();
        } else {
            std::thread::yield_now();
        }
    }
    LINGERS.set(false);
}

/// The pool of one process. A child that was forked has none of its parent's threads, and a lock that one of them held
/// stays held: so it leaves what it inherited alone and goes on to a place of its own.
struct Place {
    process: u32,
    pool: Mutex<Option<Arc<ThreadPool>>>,
    child: OnceLock<Box<Place>>,
}

static PLACE: OnceLock<Place> = OnceLock::new();

impl Place {
    fn new() -> Self {
        Self { process: process::id(), pool: Mutex::new(None), child: OnceLock::new() }
    }

    /// This process's own.
    fn here() -> &'static Self {
        let mut place = PLACE.get_or_init(Self::new);
        while place.process != process::id() {
            place = place.child.get_or_init(|| Box::new(Self::new()));
        }
        place
    }
}

/// A pool of at least so many workers; `None` if the system gives no threads. It grows when more are asked for, and
/// never shrinks: workers without work sleep.
fn pool(workers: usize) -> Option<Arc<ThreadPool>> {
    let mut place = Place::here().pool.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = &*place
        && pool.current_num_threads() >= workers
    {
        return Some(Arc::clone(pool));
    }
    let name = |index| format!("raptors-{index}");
    let pool = Arc::new(ThreadPoolBuilder::new().num_threads(workers).thread_name(name).build().ok()?);
    // The smaller one ends when its last call does.
    *place = Some(Arc::clone(&pool));
    Some(pool)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn every_piece_is_worked_on_once() {
        for threads in [1, 2, 3, 16] {
            for pieces in [0, 1, 2, 100, 5000] {
                let done: Vec<AtomicUsize> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
                run(threads, done.iter(), |piece| {
                    piece.fetch_add(1, Ordering::Relaxed);
                })
                .expect("not cancelled");
                assert!(done.iter().all(|piece| piece.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_panic_in_a_piece_is_a_panic_of_the_call_and_leaves_the_pool_usable() {
        for threads in [1, 2, 4] {
            for bad in [0, 7, 99] {
                let done = AtomicUsize::new(0);
                let call = || {
                    run(threads, 0..100, |piece| {
                        assert_ne!(piece, bad, "a bad piece");
                        done.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_micros(20));
                    })
                };
                let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("it panics");
                let text = payload.downcast_ref::<String>().expect("a message");
                assert!(text.contains("a bad piece"), "{text}");
                // The rest is left: nobody needs it any more.
                assert!(bad > 90 || done.load(Ordering::Relaxed) < 99);
                let sum = AtomicUsize::new(0);
                run(threads, 1..=100, |piece| {
                    sum.fetch_add(piece, Ordering::Relaxed);
                })
                .expect("not cancelled");
                assert_eq!(sum.into_inner(), 5050);
            }
        }
    }

    #[test]
    fn pieces_after_a_cancellation_are_left() {
        for threads in [1, 3] {
            let cancel = super::cancel::Cancel::new();
            let done = AtomicUsize::new(0);
            let result = cancel.scope(|| {
                run(threads, 0..1000, |piece| {
                    done.fetch_add(1, Ordering::Relaxed);
                    if piece == 10 {
                        cancel.cancel();
                    }
                })
            });
            assert_eq!(result, Err(Error::Cancelled));
            assert!((11..1000).contains(&done.into_inner()));
        }
    }
}
