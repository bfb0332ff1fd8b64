//! Threads that wait for work without sleeping: what a limit at several threads must not pay for is waking them.

use std::{
    cell::{Cell, UnsafeCell},
    hint::spin_loop,
    marker::PhantomData,
    process, slice,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use raptors::Element;

use crate::{
    buffers::{Buffers, Parts},
    contenders::{Output, Work},
};

/// How long a thread without work stays awake. After that it must be gone, since others are timed: their calls before
/// the clock starts take longer than this.
const AWAKE: Duration = Duration::from_micros(200);
/// Looks between two that let others run, and look at the clock: some microseconds.
const LOOKS: u32 = 64;
/// The turn that ends the team.
const END: usize = usize::MAX;

/// So many threads, the caller's being one of them.
pub(crate) struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    /// One caller at a time.
    not_sync: PhantomData<Cell<()>>,
}

type Job = dyn Fn(usize) + Sync;

struct Shared {
    /// Raised when there is a job.
    turn: AtomicUsize,
    /// Helpers that are not done with it.
    left: AtomicUsize,
    job: UnsafeCell<&'static Job>,
    /// More threads than cores: who waits lets others run.
    crowded: bool,
}

// SAFETY: only `job` is not `Sync` by itself. `Team::run` writes it while no helper is at work, before it raises the
// turn, and helpers read it after they saw that; `Team` is not `Sync`, so there is one writer.
unsafe impl Sync for Shared {}

impl Team {
    pub(crate) fn new(threads: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            turn: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            job: UnsafeCell::new(&|_| {}),
            crowded: threads > cores,
        });
        let helper = |index| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.help(index))
        };
        Self { helpers: (1..threads).map(helper).collect(), shared, not_sync: PhantomData }
    }

    pub(crate) fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Runs `job` once for each thread, with that thread's number, and returns when all are done.
    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the same reference with another lifetime. Helpers use it only until they have counted themselves out
        // of `left`, and this function does not return before all have; nor does it unwind.
        let job: &'static Job = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static Job>(job) };
        // SAFETY: no helper is at work, as the last run ended so.
        unsafe { *self.shared.job.get() = job };
        self.shared.left.store(self.helpers.len(), Ordering::Relaxed);
        self.shared.turn.fetch_add(1, Ordering::Release);
        for helper in &self.helpers {
            helper.thread().unpark();
        }
        no_panic(|| job(0));
        let mut looks = 0;
        while self.shared.left.load(Ordering::Acquire) > 0 {
            looks += 1;
            self.shared.pause(looks);
        }
    }

    /// Does `work` on as many equal parts of the rows as there are threads, each on a thread of its own. A result that
    /// is not by rows is in none of the parts.
    pub(crate) fn on_parts<T: Element>(&self, buffers: &mut Buffers<T>, work: Work<T>) {
        let sums_by_row = buffers.output == Output::Column;
        let whole = buffers.parts();
        let (out, sums) = (Shareable(whole.out.as_mut_ptr()), Shareable(whole.sums.as_mut_ptr()));
        let (rows, cols, threads) = (whole.rows, whole.cols, self.threads());
        let (x, y, row, factor) = (whole.x, whole.y, whole.row, whole.factor);
        self.run(&|thread| {
            let (start, end) = (rows * thread / threads, rows * (thread + 1) / threads);
            let mut nothing = 0;
            // SAFETY: `out` has `rows` × `cols` elements and, if so, `sums` has `rows`. Each thread has rows of its
            // own, and nobody else uses either before all are done.
            let (out, sums) = unsafe {
                (
                    slice::from_raw_parts_mut(out.get().add(start * cols), (end - start) * cols),
                    slice::from_raw_parts_mut(
                        sums.get().add(if sums_by_row { start } else { 0 }),
                        if sums_by_row { end - start } else { 0 },
                    ),
                )
            };
            let (x, y) = (&x[start * cols..end * cols], &y[start * cols..end * cols]);
            work(Parts { x, y, row, factor, out, sums, word: &mut nothing, rows: end - start, cols });
            std::hint::black_box(nothing);
        });
    }
}

/// A pointer that threads may see; what they do with it is argued where they do it.
struct Shareable<T>(*mut T);

impl<T> Shareable<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: the pointer is only read; its target is an element, which may be written by any thread.
unsafe impl<T: Element> Sync for Shareable<T> {}

impl Shared {
    fn help(&self, index: usize) {
        let mut seen = 0;
        loop {
            seen = self.next_turn(seen);
            if seen == END {
                return;
            }
            // SAFETY: the turn was raised after the job was written, which stays until `left` is 0.
            let job = unsafe { *self.job.get() };
            no_panic(|| job(index));
            self.left.fetch_sub(1, Ordering::Release);
        }
    }

    fn next_turn(&self, seen: usize) -> usize {
        let mut since = Instant::now();
        loop {
            for look in 1..=LOOKS {
                let turn = self.turn.load(Ordering::Acquire);
                if turn != seen {
                    return turn;
                }
                self.pause(look);
            }
            if since.elapsed() > AWAKE {
                thread::park();
                since = Instant::now();
            }
        }
    }

    /// Between two looks. A thread that looked often lets others run: the one it waits for may be among them, on the
    /// same core, and on a quiet machine that costs next to nothing.
    fn pause(&self, looks: u32) {
        if self.crowded || looks.is_multiple_of(LOOKS) { thread::yield_now() } else { spin_loop() }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.turn.store(END, Ordering::Release);
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            helper.join().expect("a helper does not panic");
        }
    }
}

/// The others would wait for ever for one who panics, or work on what is gone.
fn no_panic(work: impl FnOnce()) {
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            process::abort();
        }
    }
    let abort = Abort;
    work();
    std::mem::forget(abort);
}
