//! Long runs of extremes: the one element that decides is found in whatever block, place or overlap of a kernel it lies,
//! and a zero's sign is that of the oracle.
//!
//! The conformance suite has every value in every lane of runs that are short. Here runs are long enough to be taken in
//! by blocks, from several places at once and from a cache line on.

use std::{array::from_fn, fmt::Debug};

use raptors::{
    Choice, Dtype, Element, MatrixRef, Numerics,
    catalogue::{self, Axis, Body, Call, Kernel, Op, Place, Value},
    element::same_bits,
};

/// What most elements are, and what one or two are.
const VALUES: [f64; 8] =
    [-2.5, 2.5, -0.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];

/// Rows and columns: a row of some places and blocks, rows that are read side by side, rows of one block, short ones.
const SHAPES: [(usize, usize); 4] = [(1, 9_001), (3, 2_311), (19, 700), (18, 150)];

/// The extremes of runs: they have no result of no elements.
fn extremes() -> impl Iterator<Item = (&'static Op, Axis)> {
    catalogue::ops().iter().filter_map(|op| match op.body {
        Body::Reduce { axis: axis @ (Axis::All | Axis::One), has_identity: false, .. } => Some((op, axis)),
        _ => None,
    })
}

/// What one kernel makes of some elements, if this machine can call it.
fn call<T: Element + Debug>(op: &Op, kernel: &Kernel, x: MatrixRef<'_, T>, out: &mut [T]) -> bool {
    let call = Call { choice: Choice::Kernel(kernel.name), ..Call::default() };
    op.call(&call, &[T::arg(Value::Matrix(x))], T::out(Place::Slice(out))).is_ok()
}

/// Puts `few` in one place of each row, and in another one −`few`, so that zeros of both signs meet.
fn check<T: Element + Debug>(op: &Op, axis: Axis, kernel: &Kernel, turn: &mut usize) -> bool {
    let mut called = false;
    *turn += 1;
    for (shape, (rows, cols)) in SHAPES.into_iter().enumerate() {
        for most in VALUES {
            // Each kernel has a quarter of the pairs, and one that follows has others.
            for &few in VALUES.iter().skip(*turn % 4).step_by(4) {
                *turn += 1;
                // Off a cache line by each number of elements, in turn.
                let offset = *turn % 16;
                let places: [usize; 2] = from_fn(|at| match (*turn + at) % 6 {
                    0 => 0,
                    1 => cols - 1,
                    2 => cols / 2,
                    _ => *turn * 7919 * (at + 1) % cols,
                });
                let mut memory = vec![T::from_f64(f64::NAN); offset + rows * cols];
                let x = &mut memory[offset..];
                for row in x.chunks_mut(cols) {
                    row.fill(T::from_f64(most));
                    row[places[1]] = T::from_f64(-few);
                    row[places[0]] = T::from_f64(few);
                }
                let x = &memory[offset..];
                let results = if axis == Axis::All { 1 } else { rows };
                let expected =
                    raptors::reference(op, Numerics::Numpy, (rows, cols), |_, row, col| x[row * cols + col]);
                let expected = expected.expect("there are elements");
                let mut out = vec![T::ZERO; results];
                let view = MatrixRef::new(x, rows, cols).expect("as many elements");
                if !call(op, kernel, view, &mut out) {
                    return false;
                }
                called = true;
                for (row, (&got, &want)) in out.iter().zip(&expected).enumerate() {
                    assert!(
                        same_bits(got, want),
                        "{}: row {row} of shape {shape}, {most} with {few} and the opposite at {places:?}: {got:?}, not {want:?}",
                        kernel.name
                    );
                }
            }
        }
    }
    called
}

#[test]
fn the_one_that_decides_is_found_in_long_runs() {
    let mut turn = 0;
    let mut called = 0;
    for (op, axis) in extremes() {
        for kernel in op.kernels().filter(|kernel| kernel.is_built()) {
            called += usize::from(match kernel.dtype {
                Dtype::F32 => check::<f32>(op, axis, kernel, &mut turn),
                Dtype::F64 => check::<f64>(op, axis, kernel, &mut turn),
            });
        }
    }
    println!("{called} kernels");
    assert!(called > 0);
}
