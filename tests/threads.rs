//! Calls over threads: how many there are, from where they may be called, and what becomes of those that fail.
//! That no bit depends on them is in the conformance suite.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod common;

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use raptors::{
    Cancel, Choice, Cut, Error, Matrix, Numerics,
    catalogue::{self, Arg, Call, Out, Place, Value},
    num_threads, ops, set_num_threads,
};

/// Large enough to be cut by default.
const SIDE: usize = 1200;

fn matrix() -> Matrix<f32> {
    let element =
        |row: usize, col: usize| f32::from(u16::try_from((row * 31 + col * 7) % 1009).expect("small"));
    Matrix::from_fn(SIDE, SIDE, |row, col| element(row, col) / 64.0).expect("memory")
}

/// A sum over so many threads, in small pieces.
fn sum(x: &Matrix<f32>, threads: usize) -> f32 {
    let cut = Some(Cut { threads, chunk: 4096 });
    let how = Call { choice: Choice::Table, numerics: Numerics::Numpy, cut };
    let mut out = [0.0];
    let op = catalogue::op("sum").expect("it is there");
    op.call(&how, &[Arg::F32(Value::Matrix(x.view()))], Out::F32(Place::Slice(&mut out))).expect("a sum");
    out[0]
}

#[test]
#[ignore = "a child of the test below, with an environment of its own"]
fn say_threads() {
    println!("threads: {}", num_threads());
    let threads_of_process = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let x = matrix();
    let before = threads_of_process();
    assert_eq!(ops::sum(&Matrix::from_rows(&[[1.0_f32; 64]; 64]).expect("memory")), Ok(4096.0));
    assert_eq!(threads_of_process(), before, "a small call wakes nobody");
    ops::sum(&x).expect("a sum");
    println!("started: {}", threads_of_process() - before);
    set_num_threads(5).expect("a number of threads");
    assert_eq!(num_threads(), 5);
}

#[test]
fn the_number_of_threads_follows_the_environment() {
    let cores = thread::available_parallelism().expect("a number").get();
    for (variables, expected) in [
        (&[][..], cores),
        (&[("RAPTORS_THREADS", "3")], 3),
        (&[("OMP_NUM_THREADS", "4")], 4),
        (&[("RAPTORS_THREADS", "1"), ("OMP_NUM_THREADS", "4")], 1),
        (&[("RAPTORS_THREADS", "")], cores),
    ] {
        let said = common::rerun("say_threads", variables);
        assert!(said.contains(&format!("threads: {expected}\n")), "{variables:?}: {said}");
        // The caller takes part, so one less is started.
        if cfg!(target_os = "linux") {
            assert!(said.contains(&format!("started: {}\n", expected - 1)), "{variables:?}: {said}");
        }
    }
}

#[test]
fn no_threads_is_an_error() {
    for wrong in [0, 1025, usize::MAX] {
        assert_eq!(set_num_threads(wrong), Err(Error::Threads { got: wrong }));
    }
    assert!(num_threads() > 0);
}

#[test]
fn many_callers_at_once_get_the_same() {
    let x = matrix();
    let expected = sum(&x, 1);
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for caller in 0..8 {
            let (x, start) = (&x, &start);
            scope.spawn(move || {
                start.wait();
                for threads in 1..40 {
                    assert_eq!(sum(x, (threads + caller) % 9 + 1).to_bits(), expected.to_bits());
                }
            });
        }
    });
}

/// Every worker of a pool is in a call of its own, whose pieces no other worker is free to take.
#[test]
fn called_from_rayon_workers_it_computes_there() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
    let x = matrix();
    let expected = sum(&x, 1);
    for _ in 0..20 {
        let sums = pool.broadcast(|_| {
            assert_eq!(num_threads(), 3);
            sum(&x, 4)
        });
        assert!(sums.iter().all(|sum| sum.to_bits() == expected.to_bits()));
    }
    // And from a task that others of its pool wait for.
    let (a, b) = pool.install(|| rayon::join(|| ops::sum(&x), || ops::mean_axis1(&x)));
    assert_eq!(a.expect("a sum").to_bits(), expected.to_bits());
    assert_eq!(b.expect("means").len(), SIDE);
}

#[test]
fn a_cancelled_call_ends_between_pieces() {
    let x = Matrix::<f64>::zeros(8192, 2048).expect("memory");
    let mut out = Matrix::<f64>::zeros(8192, 2048).expect("memory");
    let cancel = Cancel::new();
    assert!(cancel.scope(|| ops::scale_into(&x, 2.0, &mut out)).is_ok());
    // From another thread, while calls follow one another: none that begins afterwards is done.
    let is_cancelled = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(30));
            cancel.cancel();
            is_cancelled.store(true, Ordering::Release);
        });
        let result = cancel.scope(|| {
            loop {
                let before = is_cancelled.load(Ordering::Acquire);
                if let Err(error) = ops::scale_into(&x, 2.0, &mut out) {
                    break error;
                }
                assert!(!before, "it was not heard");
            }
        });
        assert_eq!(result, Error::Cancelled);
    });
    // Whatever the operation, and on one thread too; small calls, and calls outside, are none of its business.
    for threads in [1, 2] {
        set_num_threads(threads).expect("a number of threads");
        cancel.scope(|| {
            assert_eq!(ops::sum(&x), Err(Error::Cancelled));
            assert_eq!(ops::mean_axis0(&x), Err(Error::Cancelled));
            assert_eq!(ops::max_axis1(&x), Err(Error::Cancelled));
            assert_eq!(ops::scale_inplace(&mut out, 2.0), Err(Error::Cancelled));
            assert_eq!(ops::sum(&Matrix::from_rows(&[[1.0, 2.0]]).expect("memory")), Ok(3.0));
        });
        assert_eq!(ops::sum(&x), Ok(0.0));
    }
}

/// What is cancelled outside is cancelled inside.
#[test]
fn a_scope_within_another_is_cancelled_with_it() {
    let (outer, inner) = (Cancel::new(), Cancel::new());
    let x = Matrix::<f32>::zeros(SIDE, SIDE).expect("memory");
    outer.scope(|| {
        inner.scope(|| {
            assert_eq!(ops::sum(&x), Ok(0.0));
            outer.cancel();
            assert_eq!(ops::sum(&x), Err(Error::Cancelled));
        });
    });
    assert_eq!(inner.scope(|| ops::sum(&x)), Ok(0.0));
}

/// A panic of the caller's own inside a scope leaves nothing behind.
#[test]
fn a_scope_that_panics_is_left() {
    let cancel = Cancel::new();
    cancel.cancel();
    let x = Matrix::<f32>::zeros(SIDE, SIDE).expect("memory");
    assert!(catch_unwind(AssertUnwindSafe(|| cancel.scope(|| panic!("the caller's own")))).is_err());
    assert_eq!(ops::sum(&x), Ok(0.0));
}

/// A child has none of its parent's workers. It computes all the same, with workers of its own.
#[cfg(unix)]
#[test]
fn after_fork_the_child_computes() {
    let x = matrix();
    let expected = sum(&x, 1);
    // The parent's pool is at work while it forks.
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                sum(&x, 3);
            }
        });
        for round in 0..20 {
            let ended = common::forked(|| {
                [1, 4, 2].into_iter().all(|threads| sum(&x, threads).to_bits() == expected.to_bits())
            });
            if let Err(how) = ended {
                // The thread, which is waited for.
                stop.store(true, Ordering::Relaxed);
                panic!("round {round}: of the child: {how}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(sum(&x, 3).to_bits(), expected.to_bits());
}

/// The thread that calls is the one that asks, and what it asks may call in its turn.
#[test]
fn the_caller_asks_whether_to_go_on() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static CALLER: Cell<bool> = const { Cell::new(false) });
    fn ask() -> bool {
        assert!(CALLER.get(), "asked by another thread");
        let small = Matrix::from_fn(600, 600, |_, _| 1.0_f32).expect("memory");
        assert_eq!(Cancel::new().scope(|| ops::sum(&small)), Ok(360_000.0));
        ASKED.fetch_add(1, Ordering::Relaxed) >= 2
    }
    CALLER.set(true);
    // Narrow and tall, so that one thread, too, has many pieces only by its rows.
    let x = Matrix::<f64>::zeros(1 << 20, 4).expect("memory");
    let mut calls = 0;
    let cancelled = Cancel::new().scope_asking(ask, || {
        (0..100_000).find_map(|_| {
            calls += 1;
            ops::sum_axis0_with(&x, Numerics::Accurate).err()
        })
    });
    let asked = ASKED.load(Ordering::Relaxed);
    assert_eq!(cancelled, Some(Error::Cancelled), "{calls} calls, asked {asked} times");
    assert!(asked >= 3, "{calls} calls, asked {asked} times");
    assert!(ops::sum(&x).is_ok(), "nothing is asked, and nothing cancelled, outside");
}
