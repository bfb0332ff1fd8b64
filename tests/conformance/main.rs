//! Every kernel of every instruction set that this machine has gives the bits of the oracle.
//!
//! All of it is made from the catalogue: for each operation, dtype and numeric class, each kernel in this build (with
//! the feature `candidates`, all there are) and the table's own choice compute the same data, and the results are
//! compared bit for bit with [`raptors::reference`], any NaN standing for any other. Of operations that share their
//! kernels, the first calls each by name; for the others it is the table's choice that is compared. Inputs and outputs
//! lie against pages that nobody may touch; what is between rows and around outputs must not change.
//!
//! `RAPTORS_CONFORMANCE=families` restricts the candidates to one of each kind, for machines that are emulated: the
//! kernels that ship, and for each skeleton, dtype and instruction set one kernel of each combination of kinds of
//! variation (pipelined, several streams, a tile, prefetch, in place, …).

mod campaign;
mod check;
#[allow(dead_code, reason = "nothing is forked here")]
#[path = "../common/mod.rs"]
mod common;
mod data;
mod layout;
mod masked;
mod memory;
mod proof;
mod scope;
mod staged;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use raptors::{
    Cut, Dtype, Isa,
    catalogue::{Axis, Body, Kernel, Op, Status},
};

use check::{Bench, Subject, is_here};
use data::{Data, Float};
use layout::{Layout, Place};
use scope::takes_part;

/// Against the guard page after the last element, and against the one before the first.
const GUARDED: [Layout; 2] = [Layout::tight(Place::End), Layout::tight(Place::Start)];

/// Rows apart, by a different number of elements in each matrix; some of them contiguous.
const APART: [Layout; 4] = [
    Layout { place: Place::End, out_place: Place::End, gaps: [1, 2, 5, 3] },
    Layout { place: Place::Start, out_place: Place::End, gaps: [16, 0, 0, 0] },
    Layout { place: Place::End, out_place: Place::Start, gaps: [0, 0, 0, 7] },
    Layout { place: Place::Start, out_place: Place::Start, gaps: [0, 67, 3, 64] },
];

/// Runs a concern over every operation, dtype and class, on all cores, and fails with everything that was wrong.
fn each_subject(f32: fn(&mut Bench<f32>), f64: fn(&mut Bench<f64>)) -> (BTreeSet<&'static str>, usize) {
    fn run<T: Float>(concern: fn(&mut Bench<T>), subject: Subject) -> Found {
        let mut bench = Bench::new(subject);
        concern(&mut bench);
        Found { failures: bench.failures, called: bench.called, calls: bench.calls }
    }
    let subjects = Subject::all();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(subject) = subjects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = match subject.dtype {
                Dtype::F32 => run(f32, subject.clone()),
                Dtype::F64 => run(f64, subject.clone()),
            };
            found.lock().expect("no thread panics while it holds this").push(one);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let found = found.into_inner().expect("no thread panicked");
    assert_eq!(found.len(), subjects.len());
    let failures: Vec<_> = found.iter().flat_map(|one| &one.failures).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} calls went wrong:\n{}", failures.len(), failures.join("\n"));
    (found.iter().flat_map(|one| &one.called).copied().collect(), found.iter().map(|one| one.calls).sum())
}

/// What came out for one subject.
struct Found {
    failures: Vec<String>,
    called: BTreeSet<&'static str>,
    calls: usize,
}

/// Whether a caller can ask for a kernel: some group that it is in serves a class of an operation. Others are there for
/// single columns alone, or for operations in stages, whose tests are in `staged.rs`.
fn is_asked_for(kernel: &Kernel) -> bool {
    let serves = |op: &Op| {
        op.servings.iter().any(|serving| {
            !serving.numerics.is_empty() && serving.group.kernels().any(|other| other.name == kernel.name)
        })
    };
    raptors::catalogue::ops().iter().filter(|op| !matches!(op.body, Body::Staged { .. })).any(serves)
}

/// The largest unroll among kernels, as their names have it: `…_u8…`.
fn unroll(kernels: &[&Kernel]) -> usize {
    let of = |kernel: &&Kernel| {
        let digits = kernel.name.split('_').find_map(|part| part.strip_prefix('u')?.parse().ok());
        digits.unwrap_or(1)
    };
    kernels.iter().map(of).max().unwrap_or(1)
}

/// Every number of columns up to two steps and a vector, for the widest vectors there are: all tails after no, one
/// and two steps.
fn tails<T: Float>(bench: &mut Bench<T>) {
    let lanes = 64 / size_of::<T>();
    let most = 2 * unroll(&bench.subject.shared) * lanes + lanes + 1;
    for cols in 0..=most {
        bench.check((1, cols), Data::Wide, &GUARDED);
        bench.check((2, cols), Data::Wide, &APART[cols % 4..=cols % 4]);
        bench.check((3, cols), Data::Bits, &[GUARDED[cols % 2], APART[(cols + 2) % 4]]);
    }
}

/// The shapes whose calls have rows of their own in the tables.
fn targets<T: Float>(bench: &mut Bench<T>) {
    for (at, &shape) in bench.subject.op.shapes.iter().enumerate() {
        bench.check_table(shape, Data::Wide, GUARDED[at % 2]);
    }
}

#[test]
fn every_kernel_gives_the_bits_of_the_oracle() {
    fn concern<T: Float>(bench: &mut Bench<T>) {
        tails(bench);
        targets(bench);
    }
    let (called, calls) = each_subject(concern, concern);
    println!("{calls} calls of {} kernels", called.len());

    let kernels = || raptors::catalogue::kernels().iter().filter(|kernel| kernel.backend.is_none());
    for isa in Isa::ALL {
        if is_here(isa) {
            // One that serves no class cannot be asked for: single columns have shown it, by the table's choice.
            let wanted =
                kernels().filter(|kernel| kernel.isa == isa && takes_part(kernel) && is_asked_for(kernel));
            let missed: Vec<_> =
                wanted.map(|kernel| kernel.name).filter(|name| !called.contains(name)).collect();
            assert!(missed.is_empty(), "never called: {}", missed.join(", "));
            let ran = kernels().filter(|kernel| kernel.isa == isa && called.contains(kernel.name)).count();
            assert!(ran > 0, "{} is here and has no kernel", isa.name());
            println!("isa {}: ran, {ran} kernels", isa.name());
        } else {
            assert_ne!(isa, Isa::Portable, "it runs everywhere");
            println!("isa {}: skipped, this machine lacks it", isa.name());
        }
    }
    assert!(kernels().any(|kernel| kernel.status == Status::Shipped));
}

#[test]
fn rows_of_any_number() {
    fn concern<T: Float>(bench: &mut Bench<T>) {
        for rows in 0..=21 {
            for (at, cols) in [0, 1, 2, 5, 8, 13, 31, 67, 130].into_iter().enumerate() {
                if bench.takes(rows + at) {
                    bench.check(
                        (rows, cols),
                        Data::Wide,
                        &[GUARDED[(rows + at) % 2], APART[(rows + at) % 4]],
                    );
                }
            }
        }
        // Tall ones, whose columns are cut by the tree.
        for (at, rows) in [31, 40, 127, 128, 129, 136, 137, 143, 255, 256, 257, 263, 264, 265, 385, 513, 1031]
            .into_iter()
            .enumerate()
        {
            for (nth, cols) in [1, 2, 3, 8, 17, 70].into_iter().enumerate() {
                if bench.takes(at + nth) {
                    bench.check(
                        (rows, cols),
                        Data::Wide,
                        &[GUARDED[(cols + at) % 2], APART[(cols + at) % 4]],
                    );
                }
            }
        }
    }
    each_subject(concern, concern);
}

#[test]
fn columns_of_any_number() {
    fn concern<T: Float>(bench: &mut Bench<T>) {
        // Around the leaves of the tree and its first splits, a row or some of them.
        for (at, cols) in [300, 383, 384, 385, 393, 511, 512, 513, 640, 777, 1016, 1023, 1024, 1025, 1151]
            .into_iter()
            .enumerate()
        {
            for (nth, rows) in [1, 2, 3, 9].into_iter().enumerate() {
                if bench.takes(at + nth) {
                    bench.check(
                        (rows, cols),
                        Data::Wide,
                        &[GUARDED[(rows + at) % 2], APART[(rows + at) % 4]],
                    );
                }
            }
        }
        // Several steps of several streams.
        for (at, cols) in
            [2047, 2048, 2056, 2111, 4099, 8191, 8192, 8200, 9001, 16_411].into_iter().enumerate()
        {
            if bench.takes(at) {
                bench.check((1, cols), Data::Wide, &GUARDED[at % 2..=at % 2]);
            }
        }
        for (at, shape) in [(3, 2053), (2, 4097), (5, 2048)].into_iter().enumerate() {
            bench.check(shape, Data::Wide, &[GUARDED[at % 2], APART[at]]);
        }
    }
    each_subject(concern, concern);
}

/// Pieces from less than a row, or a leaf, to the whole; more threads than cores, and than pieces.
#[test]
fn cut_over_threads_in_any_way() {
    fn concern<T: Float>(bench: &mut Bench<T>) {
        bench.cuts = [(1, 640), (2, 0), (2, 4096), (3, 1), (7, 900), (7, 0), (16, 2000), (16, 0)]
            .map(|(threads, chunk)| Some(Cut { threads, chunk }))
            .to_vec();
        for (at, shape) in [
            (1, 5003),
            (2, 2048),
            (3, 1700),
            (40, 67),
            (300, 9),
            (129, 1),
            (513, 1),
            (260, 130),
            (17, 1024),
            (5, 0),
        ]
        .into_iter()
        .enumerate()
        {
            if bench.takes(at) {
                bench.check(shape, Data::Wide, &[GUARDED[at % 2], APART[at % 4]]);
            }
        }
        for (at, data) in [Data::Bits, Data::Huge, Data::Cycle(1)].into_iter().enumerate() {
            if bench.takes(at) {
                bench.check((33, 65), data, &[APART[at]]);
                bench.check((1, 700), data, &[GUARDED[at % 2]]);
            }
        }
        // Alike: what is left of a cut matrix is not where a vector starts.
        for (at, offset) in [1, 3, 8, 15].into_iter().enumerate() {
            let layout =
                Layout { place: Place::Offset(offset), out_place: Place::Offset(16 - offset), gaps: [0; 4] };
            if bench.takes(at) {
                bench.check((9, 131), Data::Wide, &[layout]);
                bench.check((1, 1500), Data::Wide, &[layout]);
            }
        }
    }
    each_subject(concern, concern);
}

#[test]
fn special_values_in_every_lane_and_tail() {
    fn concern<T: Float>(bench: &mut Bench<T>) {
        let specials = T::SPECIALS.len();
        let reduces = bench.subject.op.body.axis();
        let lanes = 64 / size_of::<T>();
        let step = unroll(&bench.subject.shared) * lanes;
        for special in 0..specials {
            let (guarded, apart) = (GUARDED[special % 2], APART[special % 4]);
            // One step, vectors that fill none, and a tail; then each tail alone.
            bench.check((3, step + 2 * lanes - 1), Data::Cycle(special), &[guarded, apart]);
            for cols in 1..=lanes {
                if bench.takes(cols + special) {
                    bench.check((1, cols), Data::Cycle(special), &[guarded]);
                }
            }
            for (at, shape) in [(1, 1), (1, 7), (3, 8), (9, 17), (1, 150), (20, 33)].into_iter().enumerate() {
                if bench.takes(at + special) {
                    bench.check(shape, Data::Fill(special), &[guarded, apart]);
                }
            }
            // In a reduction, one special value decides: each place in turn.
            match reduces {
                None => {}
                Some(Axis::All) => {
                    for at in (special..300).step_by(specials) {
                        bench.check((1, 300), Data::Single(special, at), &[guarded]);
                        bench.check((1, 300), Data::Single(special + at, at), &[guarded]);
                    }
                }
                Some(Axis::Zero) => {
                    bench.check((23, step + 2 * lanes - 1), Data::Diagonal(special), &[guarded, apart]);
                    bench.check((150, 21), Data::Diagonal(special), &[guarded]);
                }
                Some(Axis::One) => {
                    bench.check((151, 150), Data::Diagonal(special), &[guarded]);
                    bench.check((24, 23), Data::Diagonal(special), &[guarded, apart]);
                }
            }
        }
        for data in [Data::Subnormal, Data::Huge, Data::Bits] {
            for (at, shape) in
                [(1, 1), (1, 129), (1, 1000), (20, 20), (150, 5), (3, 400)].into_iter().enumerate()
            {
                bench.check(shape, data, &[GUARDED[at % 2], APART[at % 4]]);
            }
        }
    }
    each_subject(concern, concern);
}

#[test]
fn alignment_of_any_kind() {
    fn concern<T: Float>(bench: &mut Bench<T>) {
        for offset in 0..=16 {
            // The output is aligned differently in each, and once just like the inputs.
            let outs = [offset, (5 * offset + 3) % 17, 0];
            let tight = outs.map(|out| Layout {
                place: Place::Offset(offset),
                out_place: Place::Offset(out),
                gaps: [0; 4],
            });
            bench.check((1, 200), Data::Wide, &tight);
            bench.check((3, 293), Data::Wide, &[tight[0], tight[1]]);
            let apart = Layout { gaps: [offset, 1, 2, (offset + 1) % 17], ..tight[1] };
            bench.check((4, 67), Data::Wide, &[apart]);
            bench.check((2, 150), Data::Wide, &[apart, Layout { gaps: [11, 5, 1, 64], ..tight[2] }]);
        }
    }
    each_subject(concern, concern);
}
