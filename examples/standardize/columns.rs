//! Column means, centring and scaling: the part that uses the library.

use raptors::ops::{self, Supports, op};
use raptors::{Error, Matrix};

/// The element types that have kernels for the operations used here.
pub(crate) trait Float:
    Supports<op::SumAxis0> + Supports<op::BroadcastAdd> + Supports<op::Scale>
{
}
impl<T: Supports<op::SumAxis0> + Supports<op::BroadcastAdd> + Supports<op::Scale>> Float for T {}

/// A table before and after.
pub(crate) struct Standardized<T> {
    pub(crate) before: Moments<T>,
    pub(crate) after: Moments<T>,
    /// What became of each column.
    pub(crate) outcomes: Vec<Outcome>,
    /// The operations that ran on the whole table, each with its kernel.
    pub(crate) kernels: Vec<(&'static str, &'static str)>,
}

/// Mean and standard deviation of each column, the latter with the number of rows as divisor (`ddof=0`).
pub(crate) struct Moments<T> {
    pub(crate) mean: Vec<T>,
    pub(crate) std: Vec<T>,
}

/// What became of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Mean 0, standard deviation 1, up to rounding.
    Standardized,
    /// All values were equal; all are 0 now.
    Constant,
    /// That many NaN in it; all are NaN now.
    NaN(usize),
    /// That many infinite values in it, which leave no number for a mean to be.
    Infinite(usize),
    /// Its sum or its squares do not fit the element type, so that mean or standard deviation are lost.
    OutOfRange,
}

pub(crate) fn standardize<T: Float>(x: &Matrix<T>) -> Result<Standardized<T>, Error> {
    let (mut before, mut matrix) = moments(x)?;
    let outcomes: Vec<Outcome> = (0..x.ncols()).map(|column| outcome(x, column, &before)).collect();
    for (column, outcome) in outcomes.iter().enumerate() {
        let std = &mut before.std[column];
        let factor = match outcome {
            Outcome::Standardized | Outcome::NaN(_) | Outcome::Infinite(_) => 1.0 / std.to_f64(),
            Outcome::Constant => {
                // The mean of equal values may be a rounding error away from them. What that leaves is no spread.
                *std = T::ZERO;
                0.0
            }
            Outcome::OutOfRange => 1.0,
        };
        // A column is a matrix too: one element a row, and rows that are apart.
        ops::scale_inplace(matrix.view_mut().columns(column..column + 1), T::from_f64(factor))?;
    }
    let (after, _) = moments(&matrix)?;
    let kernels = ["sum_axis0", "broadcast_add"]
        .into_iter()
        .map(|op| Ok((op, raptors::explain(op, T::DTYPE, x.shape())?.kernel)))
        .collect::<Result<_, Error>>()?;
    Ok(Standardized { before, after, outcomes, kernels })
}

/// Mean and standard deviation of the columns, and the matrix less its means.
fn moments<T: Float>(x: &Matrix<T>) -> Result<(Moments<T>, Matrix<T>), Error> {
    let mean = column_means(x)?;
    let minus_mean: Vec<T> = mean.iter().map(|&mean| -mean).collect();
    let centred = ops::broadcast_add(x, &minus_mean)?;
    // No operation multiplies two matrices element by element, so plain Rust squares.
    let squares = Matrix::from_fn(x.nrows(), x.ncols(), |row, column| {
        let value = centred[(row, column)];
        value * value
    })?;
    let std = column_means(&squares)?.into_iter().map(T::sqrt).collect();
    Ok((Moments { mean, std }, centred))
}

fn column_means<T: Float>(x: &Matrix<T>) -> Result<Vec<T>, Error> {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 rows")]
    let rows = x.nrows() as f64;
    // Divided in f64 and rounded once, also for f32.
    Ok(ops::sum_axis0(x)?.into_iter().map(|sum| T::from_f64(sum.to_f64() / rows)).collect())
}

fn outcome<T: Float>(x: &Matrix<T>, column: usize, moments: &Moments<T>) -> Outcome {
    let values = || x.view().rows().map(|row| row[column]);
    let nans = values().filter(|value| value.is_nan()).count();
    let infinities = values().filter(|value| value.to_f64().is_infinite()).count();
    let first = x[(0, column)];
    let (mean, std) = (moments.mean[column].to_f64(), moments.std[column].to_f64());
    let factor = T::from_f64(1.0 / std).to_f64();
    if nans > 0 {
        Outcome::NaN(nans)
    } else if infinities > 0 {
        Outcome::Infinite(infinities)
    } else if mean.is_finite() && values().all(|value| value == first) {
        Outcome::Constant
    } else if factor.is_finite() && factor > 0.0 {
        Outcome::Standardized
    } else {
        Outcome::OutOfRange
    }
}
