//! Which threads compute a call, and how its pieces reach them.
//!
//! The calling thread takes part; a pool of our own, built when first needed, gives the others. Pieces wait in one
//! queue, and whoever is free takes the next: a worker that wakes late finds less to do, and nobody waits for it (see
//! [`team`]). Called from inside any rayon worker, the work is shared with the workers of that pool: ours is not asked.

use std::{
    cell::Cell,
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{
    cancel,
    seat::{self, Seat},
    team,
};
use crate::{
    Error,
    dispatch::table::{Cut, PER_THREAD, Tasks},
    knobs,
    process::PerProcess,
};

/// What [`set_num_threads`] said; 0 before.
static WISH: AtomicUsize = AtomicUsize::new(0);

/// Threads that a call may use: what [`set_num_threads`] said, else `RAPTORS_THREADS`, else `OMP_NUM_THREADS`, else the
/// cores this thread may use (by its affinity mask and its cgroup's quota, as they are now). Inside a rayon worker: the
/// threads of that worker's pool.
#[must_use]
pub fn num_threads() -> usize {
    if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { configured() }
}

/// Sets how many threads calls may use from now on, those of other threads too. Calls that are under way keep theirs.
///
/// # Errors
/// [`Error::Threads`] for 0, and for more than 1,024.
pub fn set_num_threads(threads: usize) -> Result<(), Error> {
    set_thread_limit(Some(threads))
}

/// What [`set_num_threads`] said last; `None` if it has said nothing.
#[must_use]
pub fn thread_limit() -> Option<usize> {
    Some(WISH.load(Ordering::Relaxed)).filter(|wish| *wish > 0)
}

/// As [`set_num_threads`]; with `None` as if that had never been called. What [`thread_limit`] gave is put back by this:
/// what [`num_threads`] gave need not hold any more.
///
/// # Errors
/// As [`set_num_threads`].
pub fn set_thread_limit(threads: Option<usize>) -> Result<(), Error> {
    if let Some(got) = threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
        return Err(Error::Threads { got });
    }
    WISH.store(threads.unwrap_or(0), Ordering::Relaxed);
    Ok(())
}

fn configured() -> usize {
    match WISH.load(Ordering::Relaxed) {
        // With an environment that cannot be read no call comes to use this.
        0 => knobs::settings().ok().and_then(|settings| settings.threads).unwrap_or_else(cores),
        wish => wish,
    }
}

/// The number of cores that the affinity mask had when it was last asked, and above it what came of it: 0 before.
static FOUND: AtomicUsize = AtomicUsize::new(0);
/// Bits of the former.
const MASK_BITS: u32 = 16;

/// Cores that this thread may use, and the control group's quota allows. Asked for each call that is large enough for
/// several threads: masks change, and a thread may have one of its own. The quota takes longer to find than such a call,
/// and is looked for again where the mask has another number of cores than it had the last time.
fn cores() -> usize {
    let allowed = seat::cores();
    let known = FOUND.load(Ordering::Relaxed);
    if known > 0 && known % (1 << MASK_BITS) == allowed {
        return known >> MASK_BITS;
    }
    let found = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    FOUND.store((found << MASK_BITS) | allowed, Ordering::Relaxed);
    found
}

/// [`num_threads`] without asking the system again: for calls of any size.
pub(crate) fn num_threads_of_late() -> usize {
    if WISH.load(Ordering::Relaxed) == 0 && rayon::current_thread_index().is_none() {
        let wish = knobs::settings().ok().and_then(|settings| settings.threads);
        let found = FOUND.load(Ordering::Relaxed) >> MASK_BITS;
        if let (None, 1..) = (wish, found) {
            return found;
        }
    }
    num_threads()
}

/// Whether this thread is a rayon worker, with whose pool a call is shared.
pub(crate) fn is_worker() -> bool {
    rayon::current_thread_index().is_some()
}

/// More threads than this are a mistake: no machine that this library was made for has as many cores.
pub(crate) const MOST_THREADS: usize = 1024;

/// Bytes of a piece where a call is cut for nothing but being cancelled: a fraction of a millisecond.
const CANCEL_CHUNK: usize = 1 << 20;

/// Bytes of the largest piece of a call that can be cancelled: some ten milliseconds.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// How a call of that many bytes is cut, if at all.
#[inline]
pub(crate) fn cut(tasks: Tasks, bytes: usize) -> Option<Cut> {
    if bytes >= tasks.crossover {
        // Where two threads begin to pay, each has half of the crossover: nobody is woken for less.
        let threads = num_threads().min(bytes / (tasks.crossover / 2).max(1));
        if threads > 1 {
            return Some(Cut { threads, chunk: tasks.chunk });
        }
    }
    let chunk = if tasks.chunk == PER_THREAD { PER_THREAD } else { CANCEL_CHUNK };
    (bytes > CANCEL_CHUNK && cancel::is_possible()).then_some(Cut { threads: 1, chunk })
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
    pieces: impl DoubleEndedIterator<Item = P> + Send,
    work: impl Fn(P) + Sync,
) -> Result<(), Error> {
    let cancel = cancel::current();
    // Nobody is called for whom there is no piece.
    let threads = pieces.size_hint().1.map_or(threads, |pieces| threads.min(pieces));
    let queue = Mutex::new(pieces.fuse());
    let each = |take: &dyn Fn(&mut _) -> Option<P>| {
        let next = || {
            cancel::ask();
            if cancel.is_cancelled() { None } else { take(&mut *queue.lock().ok()?) }
        };
        // The queue is free again before the work begins.
        while let Some(piece) = next() {
            Stop(&queue).unless_it_panics(|| work(piece));
        }
    };
    // From both ends: in calls that follow one another, a core meets again what it has in its own cache.
    let here = || each(&Iterator::next);
    if threads > 1 {
        share(threads, &here, &|| each(&DoubleEndedIterator::next_back));
    } else {
        here();
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

/// Does the work of this thread `here`, while `help` does what it can on up to `threads` − 1 others.
fn share(threads: usize, here: &impl Fn(), help: &(impl Fn() + Sync)) {
    let unheard = &PLACE.here().unheard;
    let is_worker = rayon::current_thread_index().is_some();
    let pool = if is_worker { None } else { pool(threads - 1) };
    let workers = match &pool {
        Some(pool) => pool.seats.len(),
        None if is_worker => rayon::current_num_threads(),
        // The system gives no threads: this one does it all.
        None => return here(),
    };
    let room = (4 * workers).saturating_sub(unheard.load(Ordering::Relaxed));
    let helpers = room.min(threads - 1);
    team::share(helpers, here, help, |jobs| {
        for job in jobs {
            unheard.fetch_add(1, Ordering::Relaxed);
            let job = move || {
                unheard.fetch_sub(1, Ordering::Relaxed);
                job();
            };
            match &pool {
                Some(pool) => pool.spawn(job),
                None => rayon::spawn(job),
            }
        }
        if let Some(pool) = &pool {
            seat::leave_this_core(&pool.seats, helpers);
        }
    });
}

/// How long a worker that is done stays awake for the next call: about as long as it takes, in the worst case, to wake
/// it again, which is what waiting is worth.
const LINGER: Duration = Duration::from_micros(200);

/// Waits for a while, taking part in calls that come. To wake a sleeping worker costs the caller a system call, some ten
/// microseconds on a virtual machine; a program that calls again at once is spared that. Other processes that want
/// this core get it meanwhile.
fn linger(seat: &Seat) {
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
    seat.sleeps();
}

/// The pool of one process.
struct Place {
    workers: Mutex<Workers>,
    /// Jobs that nobody has begun yet: calls for help that went unheard, since all workers are busy. One that calls again
    /// and again must not leave more and more of them behind. Those of the parent no worker of a child's will begin.
    unheard: AtomicUsize,
}

/// Workers, and the place of each.
struct Pool {
    threads: ThreadPool,
    seats: Arc<[Seat]>,
    /// Cores that the thread that started them could use, which are theirs.
    cores: usize,
}

impl Pool {
    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        let seats = Arc::clone(&self.seats);
        self.threads.spawn(move || {
            let seat = &seats[rayon::current_thread_index().expect("a worker")];
            seat.wakes();
            job();
            linger(seat);
        });
    }
}

/// The pool, if there is one, and how many workers the system would not give.
#[derive(Default)]
struct Workers {
    pool: Option<Arc<Pool>>,
    refused: Option<usize>,
}

static PLACE: PerProcess<Place> =
    PerProcess::new(|| Place { workers: Mutex::default(), unheard: AtomicUsize::new(0) });

/// A pool of at least so many workers, or of fewer if the system gives no more; `None` if it gives none. It grows when
/// more are asked for, and never shrinks: workers without work sleep. It begins anew when it was started by a thread with
/// fewer cores than this one has, to which its workers are confined.
fn pool(wanted: usize) -> Option<Arc<Pool>> {
    let mut workers = PLACE.here().workers.lock().unwrap_or_else(PoisonError::into_inner);
    let cores = seat::cores();
    let wanted = workers.pool.as_ref().map_or(wanted, |pool| pool.seats.len().max(wanted));
    let enough = workers.pool.as_ref().is_some_and(|pool| pool.seats.len() >= wanted && pool.cores >= cores);
    if !enough && workers.refused.is_none_or(|refused| wanted < refused) {
        let name = |index| format!("raptors-{index}");
        let seats: Arc<[Seat]> = (0..wanted).map(|_| Seat::new()).collect();
        let begin = {
            let seats = Arc::clone(&seats);
            move |index: usize| seats[index].take()
        };
        match ThreadPoolBuilder::new().num_threads(wanted).thread_name(name).start_handler(begin).build() {
            // The smaller one ends when its last call does.
            Ok(threads) => workers.pool = Some(Arc::new(Pool { threads, seats, cores })),
            Err(_) => workers.refused = Some(wanted),
        }
    }
    workers.pool.clone()
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
                    // Later ones wait for it, whoever has them.
                    while piece > 10 && !cancel.is_cancelled() {
                        std::thread::yield_now();
                    }
                })
            });
            assert_eq!(result, Err(Error::Cancelled));
            assert!((11..20).contains(&done.into_inner()));
        }
    }
}
