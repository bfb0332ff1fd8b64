//! Column means, centring and scaling: the part that uses the library.

use raptors::catalogue;
use raptors::ops::{self, Supports, op};
use raptors::{Error, Matrix, Numerics};

/// The element types that have kernels for the operations used here.
pub(crate) trait Float:
    Supports<op::SumAxis0> + Supports<op::BroadcastAdd> + Supports<op::Scale>
{
    /// The distance from 1 to the next larger number.
    const EPSILON: f64;
}
impl Float for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
}
impl Float for f64 {
    const EPSILON: f64 = f64::EPSILON;
}

/// A table before and after.
pub(crate) struct Standardized<T> {
    pub(crate) before: Moments<T>,
    /// Computed in f64, by other means than the table was standardized by.
    pub(crate) after: Moments<f64>,
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
    /// They were to be so, and are not.
    Off,
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
    let mut outcomes: Vec<Outcome> = (0..x.ncols()).map(|column| outcome(x, column, &before)).collect();
    for (column, outcome) in outcomes.iter().enumerate() {
        let std = &mut before.std[column];
        let factor = match outcome {
            Outcome::Standardized | Outcome::Off | Outcome::NaN(_) | Outcome::Infinite(_) => {
                1.0 / std.to_f64()
            }
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
    let after = checked(&matrix);
    for (column, outcome) in outcomes.iter_mut().enumerate() {
        let (mean, std) = (before.mean[column].to_f64(), before.std[column].to_f64());
        // The mean is rounded to the element type, and so is each value less the mean.
        let rounding = 32.0 * T::EPSILON * (1.0 + mean.abs() / std);
        let is_off = after.mean[column].abs() > rounding || (after.std[column] - 1.0).abs() > rounding;
        if *outcome == Outcome::Standardized && is_off {
            *outcome = Outcome::Off;
        }
    }
    let kernels = [("sum_axis0", Numerics::Accurate), ("broadcast_add", Numerics::Numpy)]
        .into_iter()
        .map(|(op, class)| Ok((op, catalogue::op(op)?.explain(T::DTYPE, class, x.shape())?.kernel)))
        .collect::<Result<_, Error>>()?;
    Ok(Standardized { before, after, outcomes, kernels })
}

/// Mean and standard deviation of the columns by plain loops in f64, with what is lost of each sum beside it.
fn checked<T: Float>(x: &Matrix<T>) -> Moments<f64> {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 rows")]
    let rows = x.nrows() as f64;
    let mean_of = |column: usize, term: &dyn Fn(f64) -> f64| {
        let (mut sum, mut lost) = (0.0_f64, 0.0);
        for row in x.view().rows() {
            let term = term(row[column].to_f64());
            let next = sum + term;
            lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
            sum = next;
        }
        // What is lost of an infinite sum is no number.
        (if lost.is_nan() { sum } else { sum + lost }) / rows
    };
    let mean: Vec<f64> = (0..x.ncols()).map(|column| mean_of(column, &|value| value)).collect();
    let square = |mean: f64| move |value: f64| (value - mean) * (value - mean);
    let std = mean.iter().enumerate().map(|(column, mean)| mean_of(column, &square(*mean)).sqrt());
    let std = std.collect();
    Moments { mean, std }
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
    // Pairwise: added up row after row, an f32 sum of millions of rows has an error as large as the deviation.
    let sums = ops::sum_axis0_with(x, Numerics::Accurate)?;
    Ok(sums.into_iter().map(|sum| T::from_f64(sum.to_f64() / rows)).collect())
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
