//! The pool of buffers, as programs meet it: what it keeps, what it never shows, and that it stays within its bound.
//!
//! What the pool of the process holds is seen by every test of a process, so each that looks at it runs in a process of
//! its own: the test starts this executable again, for itself alone.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod common;

use std::thread;

use raptors::{Matrix, ops, pool_bytes, trim};

const MIB: usize = 1 << 20;

/// The variable that sets the bound.
const BOUND: &str = "RAPTORS_POOL_BYTES";

/// Runs the test of that name in a process of its own, under that bound.
fn alone(test: &str, bound: Option<&str>, body: fn()) {
    if common::is_alone(test) {
        return body();
    }
    let bound: Vec<_> = bound.iter().map(|bound| (BOUND, bound)).collect();
    println!("{}", common::rerun(test, &bound));
}

/// A matrix of so many KiB, every byte of it in use.
fn dirty(kib: usize) -> Matrix<f32> {
    Matrix::from_fn(kib, 256, |_, _| 7.5).expect("memory")
}

fn address(matrix: &Matrix<f32>) -> usize {
    matrix.as_slice().as_ptr().addr()
}

#[test]
fn an_output_takes_the_memory_of_what_was_dropped() {
    alone("an_output_takes_the_memory_of_what_was_dropped", None, || {
        let x = dirty(8 * 1024);
        let first = ops::scale(&x, 2.0).expect("right");
        let (at, bytes) = (address(&first), size_of_val(first.as_slice()));
        assert_eq!(pool_bytes(), 0);
        drop(first);
        assert_eq!(pool_bytes(), bytes);
        // A little smaller, of another type.
        let narrow = Matrix::from_fn(4 * 1024, 255, |_, _| 1.5_f64).expect("memory");
        assert_eq!(narrow.as_slice().as_ptr().addr(), at, "not the memory that was kept");
        assert_eq!(pool_bytes(), 0);
        drop(narrow);
        let again = ops::scale(&x, 3.0).expect("right");
        assert_eq!(address(&again), at, "not the memory that was kept");
        assert!(again.as_slice().iter().all(|value| value.to_bits() == 22.5_f32.to_bits()));
        drop(again);
        trim();
        assert_eq!(pool_bytes(), 0);
    });
}

#[test]
fn zeros_are_zeros_whatever_was_dropped() {
    for kib in [1, 64, 100, 4096, 5000] {
        for _ in 0..3 {
            drop(dirty(kib));
            let zeros = Matrix::<f32>::zeros(kib, 256).expect("memory");
            assert!(zeros.as_slice().iter().all(|value| value.to_bits() == 0), "{kib} KiB");
            let zeros = Matrix::<f64>::zeros(kib, 128).expect("memory");
            assert!(zeros.as_slice().iter().all(|value| value.to_bits() == 0), "{kib} KiB");
        }
    }
}

#[test]
fn memory_is_aligned() {
    for kib in [1, 3, 63, 64, 65, 1000, 4095, 4096, 4097, 9000] {
        let alignment = if kib >= 4096 { 2 * MIB } else { 64 };
        for round in 0..3 {
            let matrices = [dirty(kib), dirty(kib), Matrix::zeros(kib, 256).expect("memory")];
            for matrix in &matrices {
                // From 4 MiB on at huge pages; but what is a little smaller may lie in a block that is a little larger.
                assert!(address(matrix).is_multiple_of(alignment), "{kib} KiB, round {round}");
            }
        }
    }
}

#[test]
fn the_bound_holds() {
    alone("the_bound_holds", Some("10 MiB"), || {
        let mut most = 0;
        for round in 0..100 {
            let matrices: Vec<_> = (0..5).map(|at| dirty(64 + (round * 37 + at * 1031) % 5000)).collect();
            for matrix in matrices {
                drop(matrix);
                most = most.max(pool_bytes());
                assert!(pool_bytes() <= 10 * MIB, "round {round}: {} bytes are kept", pool_bytes());
            }
        }
        assert!(most > 5 * MIB, "never more than {most} bytes were kept: nothing has been tested");
        // What is larger than the bound is not kept, and pushes nothing out.
        let before = pool_bytes();
        drop(Matrix::<f32>::zeros(11 * 1024, 256).expect("memory"));
        assert_eq!(pool_bytes(), before);
        trim();
        assert_eq!(pool_bytes(), 0);
    });
}

#[test]
fn a_bound_of_zero_keeps_nothing() {
    alone("a_bound_of_zero_keeps_nothing", Some("0"), || {
        let x = dirty(1024);
        for kib in [1, 64, 1024, 8192] {
            drop(ops::scale(&x, 2.0).expect("right"));
            drop(dirty(kib));
            assert_eq!(pool_bytes(), 0);
        }
    });
}

#[test]
fn a_bound_that_cannot_be_read_is_the_error_of_every_call() {
    alone("a_bound_that_cannot_be_read_is_the_error_of_every_call", Some("lots"), || {
        let x = dirty(1024);
        let expected = "RAPTORS_POOL_BYTES=\"lots\": expected a number of bytes, or a number with one of the units \
                        KiB, MiB, GiB; 0 keeps nothing";
        assert_eq!(ops::scale(&x, 2.0).expect_err("no number").to_string(), expected);
        assert_eq!(ops::sum_axis0(&x).expect_err("no number").to_string(), expected);
        assert_eq!(raptors::isa().expect_err("no number").to_string(), expected);
        drop(x);
        assert_eq!(pool_bytes(), 0);
    });
}

#[test]
fn many_threads_compute_and_drop_at_once() {
    thread::scope(|scope| {
        for thread in 0..8_u8 {
            scope.spawn(move || {
                for round in 0..60_u8 {
                    let kib = 32 << (usize::from(round + thread) % 5);
                    let value = f32::from(thread) * 100.0 + f32::from(round);
                    let x = Matrix::from_fn(kib, 256, |_, _| value).expect("memory");
                    let y = ops::scale(&x, 2.0).expect("right");
                    let z = ops::add(&x, &y).expect("right");
                    // Nobody else writes here.
                    for (matrix, factor) in [(&x, 1.0_f32), (&y, 2.0), (&z, 3.0)] {
                        let expected = (value * factor).to_bits();
                        assert!(matrix.as_slice().iter().all(|value| value.to_bits() == expected));
                    }
                }
            });
        }
    });
}

/// Pages of this process that are in memory, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a number");
    // SAFETY: this asks for a constant.
    pages * usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a size")
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_flat_over_a_million_calls() {
    alone("memory_is_flat_over_a_million_calls", None, || {
        // Many small ones of every size, some that are kept, and a few beyond huge pages, with three alive at once.
        let small: Vec<_> =
            (1..=16).map(|n| Matrix::from_fn(n, n, |_, _| 1.0_f32).expect("memory")).collect();
        let large: Vec<_> = [64, 81, 100, 128, 257, 1024, 4096, 5000].map(dirty).into_iter().collect();
        let mut held = Vec::new();
        let mut call = |number: usize| {
            let x = if number.is_multiple_of(5000) {
                &large[number / 5000 % large.len()]
            } else {
                &small[number * 7 % small.len()]
            };
            held.push(ops::scale(x, 2.0).expect("right"));
            if held.len() > 3 {
                held.swap_remove(number % 3);
            }
        };
        let warm_up = 100_000;
        (0..warm_up).for_each(&mut call);
        let before = resident();
        (0..1_000_000).for_each(&mut call);
        let after = resident();
        println!("{} KiB before, {} KiB after, {} KiB kept", before >> 10, after >> 10, pool_bytes() >> 10);
        assert!(after < before + 2 * MIB, "{before} bytes before, {after} after");
        // And what the pool kept goes back to the system.
        let kept = pool_bytes();
        assert!(kept > 5 * MIB, "only {kept} bytes were kept: nothing has been tested");
        trim();
        assert_eq!(pool_bytes(), 0);
        assert!(resident() + kept / 2 < after, "{} bytes after trim, {after} before", resident());
    });
}

/// As above for results that have their memory from the pool: large ones, and few enough that this takes seconds.
#[test]
#[cfg(target_os = "linux")]
fn memory_is_flat_over_results_of_the_pool() {
    alone("memory_is_flat_over_results_of_the_pool", None, || {
        let xs: Vec<_> = [64, 65, 81, 100, 128, 200, 257].map(dirty).into_iter().collect();
        let mut held = Vec::new();
        let mut reused = 0_usize;
        let mut call = |number: usize| {
            let before = pool_bytes();
            held.push(ops::scale(&xs[number * 5 % xs.len()], 2.0).expect("right"));
            reused += usize::from(pool_bytes() < before);
            if held.len() > 3 {
                held.swap_remove(number % 3);
            }
        };
        flat(2_000, 20_000, &mut call);
        assert!(reused > 20_000, "only {reused} results came from the pool");
    });
}

/// And for calls over threads, each of which lends its work to others by way of the allocator.
#[test]
#[cfg(target_os = "linux")]
fn memory_is_flat_over_calls_on_threads() {
    use raptors::{
        Cut,
        catalogue::{self, Arg, Call, Out, Place, Value},
    };
    alone("memory_is_flat_over_calls_on_threads", None, || {
        let x = dirty(64);
        let cut = Some(Cut { threads: 4, chunk: 8 << 10 });
        let how = Call { cut, ..Call::default() };
        let [sum, scale] = ["sum", "scale"].map(|name| catalogue::op(name).expect("it is there"));
        flat(2_000, 20_000, &mut |number: usize| {
            let x = Arg::F32(Value::Matrix(x.view()));
            if number.is_multiple_of(2) {
                let mut total = [0.0];
                sum.call(&how, &[x], Out::F32(Place::Slice(&mut total))).expect("right");
                assert!(total[0] > 0.0);
            } else {
                let mut y = Matrix::for_output(64, 256).expect("memory");
                let factor = Arg::F32(Value::Scalar(2.0));
                scale.call(&how, &[x, factor], Out::F32(Place::Matrix(y.view_mut()))).expect("right");
            }
        });
        let workers = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
        assert!(workers >= 3, "{workers} threads: nobody has helped");
    });
}

/// Checks that the memory of this process does not grow with calls, after some to warm up. A mebibyte is 52 bytes a call.
#[cfg(target_os = "linux")]
fn flat(warm_up: usize, calls: usize, call: &mut dyn FnMut(usize)) {
    (0..warm_up).for_each(&mut *call);
    let before = resident();
    (0..calls).for_each(&mut *call);
    let after = resident();
    println!("{} KiB before, {} KiB after, {} KiB kept", before >> 10, after >> 10, pool_bytes() >> 10);
    assert!(after < before + MIB, "{before} bytes before, {after} after");
}

/// A child has the memory of its parent, and none of its threads: also not the one that held the lock.
#[test]
#[cfg(unix)]
fn a_forked_child_computes_and_drops() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let x = dirty(128);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(ops::scale(&x, 2.0).expect("right"));
                }
            });
        }
        for round in 0..50 {
            let ended = common::forked(|| {
                let right = (0..20).all(|_| {
                    ops::scale(&x, 2.0)
                        .is_ok_and(|y| y.as_slice().iter().all(|value| value.to_bits() == 15_f32.to_bits()))
                });
                trim();
                right
            });
            if let Err(how) = ended {
                // The threads, which are waited for.
                stop.store(true, Ordering::Relaxed);
                panic!("round {round}: of the child: {how}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
