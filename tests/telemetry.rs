//! What is counted of calls: each once, exactly, whoever makes it, and nothing where nobody asks.
//!
//! A process counts for all of its threads, so each test runs in a process of its own: it starts this executable again, for
//! itself alone.

#[allow(dead_code, reason = "each file of tests uses a part")]
mod common;

use std::{thread, time::Duration};

use raptors::{
    Cancel, Dtype, Error, Matrix, Numerics,
    catalogue::{self, Arg, Axis, Body, Call, InputKind, Op, Out, Place, ResultType, Value},
    ops, telemetry,
};

/// Runs the test of that name in a process of its own, under that environment.
fn alone(test: &str, variables: &[(&str, &str)], body: fn()) {
    if common::is_alone(test) {
        return body();
    }
    println!("{}", common::rerun(test, variables));
}

fn ones<T: raptors::Element>(rows: usize, cols: usize) -> Matrix<T> {
    Matrix::from_fn(rows, cols, |_, _| T::from_f64(1.0)).expect("memory")
}

/// Calls, elements and bytes of an operation, over all kinds of its calls.
fn counted(op: &str) -> [u64; 3] {
    let rows = telemetry::snapshot().rows;
    rows.iter().filter(|row| row.kind.op == op).fold([0; 3], |[calls, elements, bytes], row| {
        [calls + row.calls, elements + row.elements, bytes + row.bytes]
    })
}

#[test]
fn nothing_is_counted_unless_asked_for() {
    alone("nothing_is_counted_unless_asked_for", &[], || {
        assert!(!telemetry::is_on());
        ops::sum(&ones::<f32>(300, 300)).expect("right");
        let snapshot = telemetry::snapshot();
        assert!(snapshot.rows.is_empty() && snapshot.events.is_empty());
        assert_eq!((snapshot.pool.hits, snapshot.pool.misses, snapshot.helpers.waits), (0, 0, 0));
        telemetry::set(true);
        ops::sum(&ones::<f32>(2, 2)).expect("right");
        telemetry::set(false);
        ops::sum(&ones::<f32>(2, 2)).expect("right");
        assert_eq!(counted("sum"), [1, 4, 16]);
    });
}

#[test]
fn the_environment_has_calls_counted_from_the_first() {
    alone("the_environment_has_calls_counted_from_the_first", &[("RAPTORS_TELEMETRY", "1")], || {
        let x = ones::<f64>(3, 5);
        ops::scale(&x, 2.0).expect("right");
        let row = &telemetry::snapshot().rows[0];
        let kind = row.kind;
        assert_eq!((kind.op, kind.dtype, kind.size, kind.parallel), ("scale", Dtype::F64, "l1", false));
        assert_eq!(kind.isa, raptors::explain("scale", Dtype::F64, (3, 5)).expect("known").isa);
        assert_eq!((row.calls, row.elements, row.bytes), (1, 15, 240));
        let longest = row.quantile(1.0);
        assert!(row.time > Duration::ZERO && longest >= row.time && longest <= row.time + row.time / 16);
        assert_eq!(row.calls_within(longest), 1);
        let event = telemetry::snapshot().events[0];
        assert_eq!((event.kind, event.shape, event.bytes, event.time), (kind, (3, 5), 240, row.time));
    });
}

/// Every operation, in each of its dtypes, is one call: also one in stages, which runs kernels of others.
#[test]
fn every_operation_counts_its_calls_as_its_own_and_once() {
    alone("every_operation_counts_its_calls_as_its_own_and_once", &[], || {
        telemetry::set(true);
        for op in catalogue::ops() {
            telemetry::reset();
            let [mut calls, mut elements] = [0; 2];
            for (rows, cols) in [(40, 50), (50, 1), (1, 50), (0, 3), (3, 0), (0, 0)] {
                for &dtype in op.dtypes {
                    for &numerics in op.numerics {
                        let called = match dtype {
                            Dtype::F32 => call::<f32>(op, numerics, (rows, cols)),
                            Dtype::F64 => call::<f64>(op, numerics, (rows, cols)),
                        };
                        match called {
                            Ok(()) | Err(Error::Empty { .. }) => calls += 1,
                            Err(error) => panic!("{}: {error}", op.name),
                        }
                        elements += (rows * cols) as u64;
                    }
                }
            }
            let snapshot = telemetry::snapshot();
            assert!(snapshot.rows.iter().all(|row| row.kind.op == op.name), "{}", op.name);
            assert_eq!(counted(op.name)[..2], [calls, elements], "{}", op.name);
            assert_eq!(snapshot.events.len() as u64, calls, "{}", op.name);
        }
    });
}

/// A call of any operation on ones.
fn call<T: raptors::Element>(op: &Op, numerics: Numerics, (rows, cols): (usize, usize)) -> Result<(), Error> {
    let x = ones::<T>(rows, cols);
    let (row, column) = (vec![T::from_f64(1.0); cols], vec![T::from_f64(1.0); rows]);
    let one = |kind| match kind {
        InputKind::Matrix => Value::Matrix(x.view()),
        InputKind::Row => Value::Slice(&row),
        InputKind::Column => Value::Slice(&column),
        InputKind::Scalar => Value::Scalar(T::from_f64(1.0)),
    };
    let args: Vec<Arg<'_>> = op.inputs.iter().map(|input| T::arg(one(input.kind))).collect();
    let call = Call { numerics, ..Call::default() };
    let results = match op.body.axis() {
        _ if op.body.gives_matrix() => {
            let mut out = ones::<T>(rows, cols);
            return op.call(&call, &args, T::out(Place::Matrix(out.view_mut())));
        }
        None | Some(Axis::All) => 1,
        Some(Axis::Zero) => cols,
        Some(Axis::One) => rows,
    };
    let outputs: &[catalogue::Output] =
        if let Body::Staged { outputs, .. } = op.body { outputs } else { &[] };
    match outputs.first().map(|output| output.result) {
        Some(ResultType::Whole) => op.call(&call, &args, Out::Whole(&mut vec![0; results])),
        Some(ResultType::Truth) => op.call(&call, &args, Out::Truth(&mut vec![false; results])),
        _ => {
            let mut out = vec![T::ZERO; results * outputs.len().max(1)];
            op.call(&call, &args, T::out(Place::Slice(&mut out)))
        }
    }
}

#[test]
fn sixteen_threads_are_counted_exactly() {
    const THREADS: u64 = 16;
    const CALLS: u64 = 100_000;
    alone("sixteen_threads_are_counted_exactly", &[("RAPTORS_TELEMETRY", "on")], || {
        let (x, y) = (ones::<f32>(4, 4), ones::<f64>(3, 5));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                // Two kinds in turn.
                scope.spawn(|| {
                    for _ in 0..CALLS / 2 {
                        ops::sum(&x).expect("right");
                        ops::sum_axis0(&y).expect("right");
                    }
                });
            }
            // Who looks meanwhile disturbs nobody, and finds no more than there will be.
            for _ in 0..20 {
                assert!(counted("sum")[0] <= THREADS * CALLS / 2);
                thread::yield_now();
            }
        });
        let all = |each: u64| THREADS * CALLS / 2 * each;
        assert_eq!(counted("sum"), [1, 16, 64].map(all));
        assert_eq!(counted("sum_axis0"), [1, 15, 120].map(all));
        let snapshot = telemetry::snapshot();
        assert_eq!(snapshot.rows.len(), 2);
        assert!(snapshot.rows.iter().all(|row| row.calls_within(Duration::MAX) == row.calls));
        assert!(snapshot.events.len() > 200, "{} events", snapshot.events.len());
        telemetry::reset();
        assert!(telemetry::snapshot().rows.is_empty() && telemetry::snapshot().events.is_empty());
    });
}

#[test]
fn calls_of_several_threads_the_pool_and_waits_are_told() {
    alone("calls_of_several_threads_the_pool_and_waits_are_told", &[("RAPTORS_TELEMETRY", "1")], || {
        let x = ones::<f32>(2000, 2000);
        let misses = telemetry::snapshot().pool.misses;
        assert!(misses >= 1);
        // As often as it takes until a helper came, and was still at work when the caller was done.
        raptors::set_num_threads(3).expect("a number");
        let mut calls = 0;
        while telemetry::snapshot().helpers.waits == 0 {
            drop(ops::scale(&x, 2.0).expect("right"));
            calls += 1;
        }
        let snapshot = telemetry::snapshot();
        assert_eq!((snapshot.pool.hits, snapshot.pool.misses), (calls - 1, misses + 1));
        assert!(snapshot.helpers.time > Duration::ZERO);
        let [row] = &snapshot.rows[..] else { panic!("{:?}", snapshot.rows) };
        assert!(row.kind.parallel && row.calls == calls);
        // Small results are not asked of the pool.
        ops::scale(&ones::<f32>(10, 10), 2.0).expect("right");
        assert_eq!(telemetry::snapshot().pool, snapshot.pool);
    });
}

#[test]
fn what_is_refused_is_not_counted_and_what_is_cancelled_is() {
    alone("what_is_refused_is_not_counted_and_what_is_cancelled_is", &[("RAPTORS_TELEMETRY", "1")], || {
        let x = ones::<f32>(2000, 2000);
        ops::broadcast_add(&x, &[1.0]).expect_err("too short");
        assert_eq!(counted("broadcast_add")[0], 0);
        let cancel = Cancel::new();
        cancel.cancel();
        assert_eq!(cancel.scope(|| ops::sum(&x)), Err(Error::Cancelled));
        assert_eq!(counted("sum")[0], 1);
    });
}

/// No bit depends on it.
#[test]
fn results_are_the_same() {
    alone("results_are_the_same", &[], || {
        let value =
            |row, column| f32::from(u8::try_from((row * 31 + column * 17) % 101).expect("small")) / 7.0;
        let x = Matrix::from_fn(700, 300, value);
        let x = x.expect("memory");
        let all = || {
            let sum = ops::sum(&x).expect("right").to_bits();
            let columns = ops::mean_axis0(&x).expect("right").into_iter().map(f32::to_bits);
            let variances = ops::var_axis1(&x, 0.0).expect("right").into_iter().map(f32::to_bits);
            let scaled = ops::scale(&x, 0.1).expect("right");
            let scaled = scaled.as_slice().iter().copied().map(f32::to_bits);
            columns.chain(variances).chain(scaled).chain([sum]).collect::<Vec<_>>()
        };
        let off = all();
        telemetry::set(true);
        assert_eq!(all(), off);
    });
}

#[cfg(unix)]
#[test]
fn a_child_counts_its_own() {
    alone("a_child_counts_its_own", &[("RAPTORS_TELEMETRY", "1")], || {
        let x = ones::<f32>(4, 4);
        for _ in 0..3 {
            ops::sum(&x).expect("right");
        }
        // The parent counts on another thread while it forks.
        let calls = thread::scope(|scope| {
            let caller = scope.spawn(|| (0..50_000).filter(|_| ops::scale(&x, 2.0).is_ok()).count());
            for _ in 0..20 {
                let ended = common::forked(|| {
                    let none = telemetry::snapshot();
                    let right = none.rows.is_empty() && none.events.is_empty();
                    ops::sum(&x).expect("right");
                    right && counted("sum") == [1, 16, 64] && telemetry::snapshot().events.len() == 1
                });
                ended.unwrap_or_else(|how| panic!("of the child: {how}"));
            }
            caller.join().expect("no panic")
        });
        assert_eq!((counted("sum")[0], counted("scale")[0]), (3, calls as u64));
    });
}

#[test]
fn prometheus_finds_every_number() {
    alone("prometheus_finds_every_number", &[("RAPTORS_TELEMETRY", "1")], || {
        for _ in 0..3 {
            ops::scale(&ones::<f32>(5, 5), 2.0).expect("right");
        }
        let snapshot = telemetry::snapshot();
        let text = telemetry::prometheus(&snapshot);
        let isa = snapshot.rows[0].kind.isa.name();
        let labels = format!("op=\"scale\",dtype=\"f32\",size=\"l1\",isa=\"{isa}\",parallel=\"false\"");
        for line in [
            "# TYPE raptors_call_seconds histogram".to_owned(),
            format!("raptors_call_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("raptors_call_seconds_count{{{labels}}} 3"),
            format!("raptors_call_seconds_sum{{{labels}}} {}", snapshot.rows[0].time.as_secs_f64()),
            format!("raptors_elements_total{{{labels}}} 75"),
            format!("raptors_bytes_total{{{labels}}} 600"),
            "raptors_pool_misses_total 0".to_owned(),
            "raptors_helper_waits_total 0".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        // Buckets are cumulative, and their ends grow.
        let buckets: Vec<(f64, u64)> = (text.lines())
            .filter(|line| line.starts_with("raptors_call_seconds_bucket"))
            .map(|line| {
                let (labels, calls) = line.rsplit_once(' ').expect("a value");
                let end = labels.split("le=\"").nth(1).and_then(|end| end.strip_suffix("\"}"));
                let end = end.expect("an end").replace("+Inf", "inf");
                (end.parse().expect("a number"), calls.parse().expect("a number"))
            })
            .collect();
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
    });
}
