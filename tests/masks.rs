//! The affinity masks of workers: they are the process's, whatever calls do, and what somebody sets stays.

#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "each file of tests uses a part")]
mod common;

use std::{
    fs,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use raptors::{
    Choice, Cut, Matrix, Numerics,
    catalogue::{self, Arg, Call, Out, Place, Value},
};

/// The threads of this process, with the name and the mask of each; without those that end meanwhile.
fn tasks() -> Vec<(i32, String, String)> {
    let task = |entry: std::io::Result<fs::DirEntry>| {
        let status = fs::read_to_string(entry.ok()?.path().join("status")).ok()?;
        let line =
            |word: &str| Some(status.lines().find_map(|line| line.strip_prefix(word))?.trim().to_owned());
        Some((line("Pid:")?.parse().ok()?, line("Name:")?, line("Cpus_allowed:")?))
    };
    fs::read_dir("/proc/self/task").expect("this is Linux").filter_map(task).collect()
}

fn workers() -> Vec<(i32, String)> {
    let worker =
        |(task, name, mask): (i32, String, String)| name.starts_with("raptors-").then_some((task, mask));
    tasks().into_iter().filter_map(worker).collect()
}

/// A sum over three threads, in small pieces.
fn sum(x: &Matrix<f32>) {
    let how =
        Call { choice: Choice::Table, numerics: Numerics::Numpy, cut: Some(Cut { threads: 3, chunk: 4096 }) };
    let mut out = [0.0];
    let op = catalogue::op("sum").expect("it is there");
    op.call(&how, &[Arg::F32(Value::Matrix(x.view()))], Out::F32(Place::Slice(&mut out))).expect("a sum");
    assert_eq!(out[0].to_bits(), 16384.0_f32.to_bits());
}

/// Calls from many threads at once, until one of them says that it is enough. Now and then workers get to sleep.
fn call_from_many(enough: impl Fn(usize) -> bool + Sync) {
    const CALLERS: usize = 4;
    let x = Matrix::from_fn(128, 128, |_, _| 1.0_f32).expect("memory");
    let (start, stop) = (Barrier::new(CALLERS), AtomicBool::new(false));
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (x, start, stop, enough) = (&x, &start, &stop, &enough);
            scope.spawn(move || {
                start.wait();
                for call in 0.. {
                    if stop.load(Ordering::Relaxed) || (caller == 0 && enough(call)) {
                        break;
                    }
                    sum(x);
                    if call % 4 == 0 {
                        thread::sleep(Duration::from_micros(400));
                    }
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    });
}

#[test]
#[ignore = "a child of the test below, with an environment of its own"]
fn call_and_look_at_masks() {
    let before = tasks();
    let mask = &before[0].2;
    call_from_many(|calls| calls == 1000);
    assert!(!workers().is_empty(), "nobody was called");
    for (task, name, found) in tasks() {
        assert_eq!(&found, mask, "the mask of {name} ({task})");
    }
}

#[test]
fn after_calls_from_many_threads_every_mask_is_the_process_s() {
    for moves in ["on", "off"] {
        common::rerun("call_and_look_at_masks", &[("RAPTORS_MOVE_WORKERS", moves)]);
    }
}

#[allow(unsafe_code, reason = "the system call is a foreign function")]
fn confine(task: i32, cores: &[usize]) {
    // SAFETY: zeros are a set of no cores.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &core in cores {
        // SAFETY: the set is a variable of ours, and the core one that the system has named.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: the set is of the size that is given.
    let done = unsafe { libc::sched_setaffinity(task, size_of_val(&set), &raw const set) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// The cores that this thread may use.
#[allow(unsafe_code, reason = "the system call is a foreign function")]
fn cores() -> Vec<usize> {
    // SAFETY: zeros are a set of no cores.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is a variable of ours of the size that is given.
    let done = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the set is a variable of ours, and has room for so many cores.
    (0..8 * size_of_val(&set)).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect()
}

#[test]
#[ignore = "a child of the test below, with an environment of its own"]
fn call_while_masks_are_set() {
    let all = cores();
    if all.len() < 2 {
        println!("skipped, there is one core");
        return;
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (all, done) = (&all, &done);
        scope.spawn(move || call_from_many(|_| done.load(Ordering::Relaxed)));
        while workers().is_empty() {
            thread::yield_now();
        }
        let mask = |worker| workers().into_iter().find(|(task, _)| *task == worker).map(|(_, mask)| mask);
        let mut lost = 0;
        for at in 0..300 {
            let workers = workers();
            let (worker, _) = workers[at % workers.len()];
            for cores in [&all[at % all.len()..][..1], all] {
                confine(worker, cores);
                let set = mask(worker);
                thread::sleep(Duration::from_micros(50));
                lost += usize::from(mask(worker) != set);
            }
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(lost, 0, "masks that were set did not stay");
    });
}

#[test]
fn a_mask_that_somebody_sets_while_calls_run_stays() {
    // Where workers are moved, one that is set in the same microseconds may be lost: docs/environment.md.
    common::rerun("call_while_masks_are_set", &[("RAPTORS_MOVE_WORKERS", "off")]);
}
