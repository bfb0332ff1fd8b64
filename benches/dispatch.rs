//! What a call costs before its kernel works: the checks of its arguments, and the choice of the kernel.
//!
//! ```text
//! cargo bench --bench dispatch             the estimate, then the measurements it stands on
//! cargo bench --bench dispatch -- --test   each once
//! ```
//!
//! There is no door between the choice and the kernel for a clock to stand in, so whole calls are measured, of matrices
//! so small that the kernel has next to nothing to do: one element, or eight. The time of such a call is an upper bound
//! of what dispatch costs. Beside it stands the same work as a function that is not inlined and has no choice to make;
//! the difference is the estimate.

use std::{env, hint::black_box, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use raptors::{Error, Matrix, ops};

/// Nanoseconds that dispatch may cost.
const GOAL: f64 = 20.0;

/// A call of the library, and the same work without it.
struct Pair {
    name: &'static str,
    call: fn(&mut Buffers),
    by_hand: fn(&mut Buffers),
}

/// Matrices of one element and of eight.
struct Buffers {
    x: Matrix<f32>,
    out: Matrix<f32>,
    row: Matrix<f32>,
    row_out: Matrix<f32>,
}

impl Buffers {
    fn new() -> Result<Self, Error> {
        Ok(Self {
            x: Matrix::from_fn(1, 1, |_, _| 1.5)?,
            out: Matrix::zeros(1, 1)?,
            row: Matrix::from_fn(1, 8, |_, _| 1.5)?,
            row_out: Matrix::zeros(1, 8)?,
        })
    }
}

const PAIRS: [Pair; 3] = [
    Pair {
        name: "scale_into, 1×1",
        call: |on| scale(&on.x, &mut on.out),
        by_hand: |on| {
            scale_by_hand(black_box(on.x.as_slice()), black_box(2.0), black_box(on.out.as_mut_slice()));
        },
    },
    Pair {
        name: "scale_into, 1×8",
        call: |on| scale(&on.row, &mut on.row_out),
        by_hand: |on| {
            scale_by_hand(black_box(on.row.as_slice()), black_box(2.0), black_box(on.row_out.as_mut_slice()));
        },
    },
    Pair {
        name: "sum, 1×8",
        call: |on| {
            black_box(ops::sum(black_box(&on.row)).expect("a sum always has a result"));
        },
        by_hand: |on| {
            black_box(sum_by_hand(black_box(on.row.as_slice())));
        },
    },
];

fn scale(x: &Matrix<f32>, out: &mut Matrix<f32>) {
    ops::scale_into(black_box(x), black_box(2.0), black_box(out)).expect("the shapes fit");
}

#[inline(never)]
fn scale_by_hand(x: &[f32], factor: f32, out: &mut [f32]) {
    for (x, out) in x.iter().zip(out) {
        *out = x * factor;
    }
}

/// The eight accumulators of the library's sum, which eight elements fill once.
#[inline(never)]
fn sum_by_hand(x: &[f32]) -> f32 {
    let (blocks, rest) = x.as_chunks::<8>();
    let mut r = [0.0; 8];
    for block in blocks {
        for (r, x) in r.iter_mut().zip(block) {
            *r += x;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, x| sum + x)
}

/// Nanoseconds of a call of each, in turns so that both see the same machine: the medians over many runs.
fn nanoseconds(calls: [fn(&mut Buffers); 2], on: &mut Buffers) -> [f64; 2] {
    const RUNS: usize = 501;
    const CALLS: u32 = 4096;
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..RUNS {
        for (call, times) in calls.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..CALLS {
                call(on);
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[RUNS / 2]
    })
}

fn estimate(on: &mut Buffers) {
    println!("{:<18}{:>14}{:>14}{:>14}", "", "whole call", "by hand", "difference");
    for Pair { name, call, by_hand } in PAIRS {
        let [whole, work] = nanoseconds([call, by_hand], on);
        let verdict = if whole <= GOAL { "within" } else { "over" };
        println!(
            "{name:<18}{whole:>11.1} ns{work:>11.1} ns{:>11.1} ns   the whole call is {verdict} the {GOAL} ns for dispatch",
            whole - work
        );
    }
    println!();
}

fn calls(criterion: &mut Criterion) {
    let mut on = Buffers::new().expect("there is memory for eight elements");
    let said = |word: &str| env::args().any(|arg| arg == word);
    if said("--bench") && !said("--test") {
        estimate(&mut on);
    }
    for Pair { name, call, by_hand } in PAIRS {
        let mut group = criterion.benchmark_group(name);
        group.bench_function("whole call", |bencher| bencher.iter(|| call(&mut on)));
        group.bench_function("by hand", |bencher| bencher.iter(|| by_hand(&mut on)));
        group.finish();
    }
}

criterion_group!(benches, calls);
criterion_main!(benches);
