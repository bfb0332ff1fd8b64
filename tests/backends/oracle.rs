//! What results should be: sums of terms, with twice the digits, and how far from it the class `any` may be.

use raptors::{
    Element,
    catalogue::{Axis, Op},
};

/// An element type, with its ε: the distance from 1 to the next number.
pub(crate) trait Float: Element {
    const EPSILON: f64;
    const LEAST: f64;
}

impl Float for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
    const LEAST: f64 = f32::MIN_POSITIVE as f64;
}

impl Float for f64 {
    const EPSILON: f64 = f64::EPSILON;
    const LEAST: f64 = f64::MIN_POSITIVE;
}

/// An element of an input: of either sign, over a few orders of magnitude, and never a round number.
pub(crate) fn value<T: Float>(input: usize, row: usize, col: usize) -> T {
    let mixed = (input * 7919 + row * 104_729 + col * 1_299_709 + 12_345) % 65_521;
    let unit = f64::from(u32::try_from(mixed).unwrap()) / 65_521.0 - 0.37;
    T::from_f64(unit * [0.1, 3.0, 70.0][mixed % 3])
}

/// A number of twice the digits: a sum of two.
#[derive(Clone, Copy, Default)]
struct Wide(f64, f64);

impl Wide {
    fn add(self, term: f64) -> Self {
        let sum = self.0 + term;
        let part = sum - self.0;
        let lost = (self.0 - (sum - part)) + (term - part);
        Self(sum, self.1 + lost)
    }
}

/// The terms of a result.
#[derive(Default)]
struct Terms {
    sum: Wide,
    magnitudes: f64,
    count: f64,
}

impl Terms {
    fn add(&mut self, term: f64) {
        self.sum = self.sum.add(term);
        self.magnitudes += term.abs();
        self.count += 1.0;
    }

    fn product(&mut self, x: f64, y: f64) {
        let product = x * y;
        self.add(product);
        self.sum = self.sum.add(x.mul_add(y, -product));
    }
}

/// An operation on matrices of a shape.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) op: &'static Op,
    pub(crate) shape: (usize, usize),
}

impl Case {
    /// The terms of a result: of the element at a place, or of the elements that are reduced to it.
    fn terms<T: Float>(self, (row, col): (usize, usize)) -> Terms {
        let mut terms = Terms::default();
        let at = |input, row, col| value::<T>(input, row, col).to_f64();
        let (rows, cols) = self.shape;
        let name = self.op.name.split("_axis").next().unwrap_or_default();
        match name {
            "scale" => terms.product(at(0, row, col), at(1, 0, 0)),
            "add" => [0, 1].into_iter().for_each(|input| terms.add(at(input, row, col))),
            "sub" => {
                terms.add(at(0, row, col));
                terms.add(-at(1, row, col));
            }
            "broadcast_add" => {
                terms.add(at(0, row, col));
                terms.add(at(1, 0, col));
            }
            "axpy" => {
                terms.product(at(2, 0, 0), at(0, row, col));
                terms.add(at(1, row, col));
            }
            _ => {
                let (rows, cols) = match self.op.body.axis().expect("it reduces") {
                    Axis::All => (0..rows, 0..cols),
                    Axis::Zero => (0..rows, col..col + 1),
                    Axis::One => (col..col + 1, 0..cols),
                };
                for (row, col) in rows.flat_map(|row| cols.clone().map(move |col| (row, col))) {
                    let x = at(0, row, col);
                    match name {
                        "sum" | "mean" => terms.add(x),
                        "norm_l1" => terms.add(x.abs()),
                        "sum_squares" | "norm_l2" => terms.product(x, x),
                        _ => panic!("say here of which terms {name} is the sum"),
                    }
                }
            }
        }
        terms
    }

    /// Whether a result is within the bound of the class: n ε times the sum of the magnitudes of its n terms.
    pub(crate) fn within<T: Float>(self, place: (usize, usize), got: T) -> Result<(), String> {
        let terms = self.terms::<T>(place);
        let count = terms.count;
        let (exact, got) = (terms.sum.0 + terms.sum.1, got.to_f64());
        let n = count.max(1.0);
        let (expected, bound) = if self.op.name.starts_with("mean") {
            (exact / count, (n + 1.0) * T::EPSILON * terms.magnitudes / count)
        } else if self.op.name.starts_with("norm_l2") {
            (exact.sqrt(), (n + 1.0) * T::EPSILON * exact.sqrt())
        } else {
            (exact, n * T::EPSILON * terms.magnitudes)
        };
        let both_nan = expected.is_nan() && got.is_nan();
        let error = (got - expected).abs();
        if both_nan || error <= bound + T::LEAST {
            return Ok(());
        }
        Err(format!("{got:e} at {place:?}, expected {expected:e} ± {bound:e}"))
    }
}
