//! What `OpenBLAS` does that a good guess gets wrong, and that nothing of it comes through. Each test prints which version it
//! ran on: `cargo test --features openblas --lib backends -- --nocapture`.

#![allow(clippy::float_cmp, reason = "the numbers are small and whole: their sums are exact")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;
use crate::Matrix;

/// The library's number of threads is one for all: tests that look at it take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    println!("{}", *LIBRARY);
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn threads() -> c_int {
    // SAFETY: takes nothing, and gives a number.
    unsafe { openblas_get_num_threads() }
}

fn set_threads(threads: c_int) {
    // SAFETY: any number of threads will do.
    unsafe { openblas_set_num_threads(threads) }
}

#[test]
fn a_library_of_wide_integers_is_refused() {
    let _alone = alone();
    assert_eq!((BACKEND.refused)(), None, "the library here has integers of 32 bits");
    let config = "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY USE64BITINT Haswell MAX_THREADS=64";
    assert!(refused(config).is_some_and(|why| why.contains("libopenblas-dev")));
}

#[test]
fn scal_by_zero_and_by_nan_are_not_left_to_the_library() {
    let _alone = alone();
    let special = [f64::NAN, f64::INFINITY, -f64::INFINITY, -1.5, 0.0, -0.0, 3.0, 4.0, 5.0];
    // What it makes of them differs by version and by kernel: 0.3.21 gives zeros for f32 times NaN.
    let mut raw = special.map(crate::Element::from_f64);
    <f32 as Float>::scal(f32::NAN, &mut raw);
    println!("sscal by NaN: {raw:?}");
    let mut raw = special;
    <f64 as Float>::scal(0.0, &mut raw);
    println!("dscal by 0: {raw:?}");
    for k in [0.0, -0.0, f64::NAN] {
        let x = Matrix::from_fn(1, special.len(), |_, col| special[col]).expect("small");
        let mut out = Matrix::zeros(1, special.len()).expect("small");
        scal((x.view(), k, out.view_mut()));
        for (got, x) in out.as_slice().iter().zip(special) {
            assert!(
                got.to_bits() == (x * k).to_bits() || got.is_nan() && (x * k).is_nan(),
                "{x} × {k} = {got}"
            );
        }
    }
}

#[test]
fn axpy_by_zero_reads_what_it_is_added_to() {
    let _alone = alone();
    let mut raw = [1.0_f32; 20];
    <f32 as Float>::axpy(0.0, &[f32::NAN; 20], &mut raw);
    println!("saxpy of NaN times 0 gives {}", raw[0]);
    let (x, y) = (Matrix::from_fn(2, 3, |_, _| f32::NAN), Matrix::from_fn(2, 3, |_, _| 1.0));
    let (x, y) = (x.expect("small"), y.expect("small"));
    let mut out = Matrix::zeros(2, 3).expect("small");
    axpy((x.view(), y.view(), 0.0, out.view_mut()));
    assert!(out.as_slice().iter().all(|out| out.is_nan()));
}

#[test]
fn a_nan_and_an_infinity_come_through_sums() {
    let _alone = alone();
    for special in [f32::NAN, f32::INFINITY] {
        for at in [0, 1, 500, 1023, 1024, 2000] {
            let x = Matrix::from_fn(1, 2001, |_, col| if col == at { special } else { 1.0 }).expect("small");
            let is_special = |state: f32| state.is_nan() == special.is_nan() && !state.is_finite();
            for routine in [sums::<f32>, sums_of_rows, sums_of_magnitudes, sums_of_squares] {
                let mut state = [7.0];
                routine((x.view(), &mut state));
                assert!(is_special(state[0]), "{special} at {at}: {}", state[0]);
            }
            let mut states = vec![7.0; 2001];
            sums_of_columns((x.view(), &mut states));
            assert!(is_special(states[at]), "{special} at {at}: {}", states[at]);
            assert!(states.iter().enumerate().all(|(col, state)| col == at || *state == 1.0));
        }
    }
}

#[test]
fn its_threads_are_held_and_given_back() {
    let _alone = alone();
    let before = threads();
    // From 10,001 elements on ddot takes several threads, and its bits depend on how many.
    let x: Vec<f64> = (0..200_000).map(|at| 1.0 / f64::from(at + 1)).collect();
    let bits = |threads: c_int| {
        set_threads(threads);
        let held = Held::new();
        assert_eq!(self::threads(), 1);
        let both = Held::new();
        let dot = <f64 as Float>::dot(&x, &x);
        drop(held);
        assert_eq!(self::threads(), 1, "another call still holds it");
        drop(both);
        assert_eq!(self::threads(), threads, "it is given back");
        dot.to_bits()
    };
    let found = [1, 2, 4].map(bits);
    assert!(found.iter().all(|bits| *bits == found[0]), "{found:?}");
    set_threads(before);
}

#[test]
fn the_leading_dimension_is_the_row_stride() {
    let _alone = alone();
    // Not square, and rows apart: with a wrong one, rows would be read that are not there.
    for (rows, cols, stride) in [(2, 5, 5), (5, 2, 2), (3, 4, 9), (4, 3, 7), (1, 6, 6), (6, 1, 3)] {
        let mut elements = vec![f64::NAN; rows * stride];
        for row in 0..rows {
            for col in 0..cols {
                elements[row * stride + col] = f64::from(u32::try_from(10 * row + col).expect("small"));
            }
        }
        let x = MatrixRef::with_row_stride(&elements, rows, cols, stride).expect("it fits");
        let (mut of_rows, mut of_columns) = (vec![f64::NAN; rows], vec![f64::NAN; cols]);
        sums_of_rows((x, &mut of_rows));
        sums_of_columns((x, &mut of_columns));
        let sum = |of: &dyn Fn(usize) -> f64, count: usize| (0..count).map(of).sum::<f64>();
        for (row, got) in of_rows.iter().enumerate() {
            assert_eq!(*got, sum(&|col| x.row(row)[col], cols), "row {row} of {rows}×{cols}");
        }
        for (col, got) in of_columns.iter().enumerate() {
            assert_eq!(*got, sum(&|row| x.row(row)[col], rows), "column {col} of {rows}×{cols}");
        }
    }
}
