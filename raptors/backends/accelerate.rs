//! vDSP, from Apple's Accelerate.
//!
//! Its lengths are as wide as pointers, and its strides count elements. In place means that the output is one of the inputs,
//! which its manual allows where both have one stride.

#[cfg(not(all(feature = "accelerate", target_vendor = "apple")))]
mod stand_in;
#[cfg(test)]
mod tests;
#[cfg(all(feature = "accelerate", target_vendor = "apple"))]
mod vdsp;

#[cfg(not(all(feature = "accelerate", target_vendor = "apple")))]
use stand_in as vdsp;
use vdsp::{
    vDSP_sve, vDSP_sveD, vDSP_svemg, vDSP_svemgD, vDSP_svesq, vDSP_svesqD, vDSP_vadd, vDSP_vaddD, vDSP_vsma,
    vDSP_vsmaD, vDSP_vsmul, vDSP_vsmulD, vDSP_vsub, vDSP_vsubD,
};

use super::{Row, RowInplace, Scalar, ScalarInplace, States, Two, TwoAndScalar, TwoInplace};
use crate::Element;

#[cfg(all(feature = "accelerate", target_vendor = "apple"))]
pub(crate) static BACKEND: super::Backend =
    super::Backend { name: "accelerate", library: || "vDSP of the system's Accelerate", refused: || None };

/// An element type that the library has. Vectors are slices: their elements lie side by side.
pub(crate) trait Float: Element {
    /// out ← x k
    fn smul(x: &[Self], k: Self, out: &mut [Self]);
    /// x ← x k
    fn smul_inplace(x: &mut [Self], k: Self);
    /// out ← x + y
    fn vadd(x: &[Self], y: &[Self], out: &mut [Self]);
    /// x ← x + y
    fn vadd_inplace(x: &mut [Self], y: &[Self]);
    /// out ← x − y
    fn vsub(x: &[Self], y: &[Self], out: &mut [Self]);
    /// x ← x − y
    fn vsub_inplace(x: &mut [Self], y: &[Self]);
    /// out ← x k + y
    fn sma(x: &[Self], k: Self, y: &[Self], out: &mut [Self]);
    /// Σ x
    fn sve(x: &[Self]) -> Self;
    /// Σ |x|
    fn svemg(x: &[Self]) -> Self;
    /// Σ x²
    fn svesq(x: &[Self]) -> Self;
}

macro_rules! float {
    (
        $float:ident, $vsmul:ident, $vadd:ident, $vsub:ident, $vsma:ident, $sve:ident, $svemg:ident, $svesq:ident
    ) => {
        impl Float for $float {
            fn smul(x: &[Self], k: Self, out: &mut [Self]) {
                assert_eq!(x.len(), out.len());
                // SAFETY: both have as many elements as are named, side by side; the scalar is one of ours.
                unsafe { $vsmul(x.as_ptr(), 1, &raw const k, out.as_mut_ptr(), 1, x.len()) }
            }

            fn smul_inplace(x: &mut [Self], k: Self) {
                let (start, len) = (x.as_mut_ptr(), x.len());
                // SAFETY: it has as many elements as are named, side by side, and the output may be the input.
                unsafe { $vsmul(start, 1, &raw const k, start, 1, len) }
            }

            fn vadd(x: &[Self], y: &[Self], out: &mut [Self]) {
                assert_eq!((x.len(), y.len()), (out.len(), out.len()));
                // SAFETY: all three have as many elements as are named, side by side.
                unsafe { $vadd(x.as_ptr(), 1, y.as_ptr(), 1, out.as_mut_ptr(), 1, out.len()) }
            }

            fn vadd_inplace(x: &mut [Self], y: &[Self]) {
                assert_eq!(x.len(), y.len());
                let (start, len) = (x.as_mut_ptr(), x.len());
                // SAFETY: both have as many elements as are named, side by side, and the output may be an input.
                unsafe { $vadd(start, 1, y.as_ptr(), 1, start, 1, len) }
            }

            fn vsub(x: &[Self], y: &[Self], out: &mut [Self]) {
                assert_eq!((x.len(), y.len()), (out.len(), out.len()));
                // What is taken away comes first.
                // SAFETY: all three have as many elements as are named, side by side.
                unsafe { $vsub(y.as_ptr(), 1, x.as_ptr(), 1, out.as_mut_ptr(), 1, out.len()) }
            }

            fn vsub_inplace(x: &mut [Self], y: &[Self]) {
                assert_eq!(x.len(), y.len());
                let (start, len) = (x.as_mut_ptr(), x.len());
                // What is taken away comes first.
                // SAFETY: both have as many elements as are named, side by side, and the output may be an input.
                unsafe { $vsub(y.as_ptr(), 1, start, 1, start, 1, len) }
            }

            fn sma(x: &[Self], k: Self, y: &[Self], out: &mut [Self]) {
                assert_eq!((x.len(), y.len()), (out.len(), out.len()));
                let (x, y, len) = (x.as_ptr(), y.as_ptr(), out.len());
                // SAFETY: all three have as many elements as are named, side by side; the scalar is one of ours.
                unsafe { $vsma(x, 1, &raw const k, y, 1, out.as_mut_ptr(), 1, len) }
            }

            fn sve(x: &[Self]) -> Self {
                let mut sum = 0.0;
                // SAFETY: it has as many elements as are named, side by side; the result is one of ours.
                unsafe { $sve(x.as_ptr(), 1, &raw mut sum, x.len()) }
                sum
            }

            fn svemg(x: &[Self]) -> Self {
                let mut sum = 0.0;
                // SAFETY: it has as many elements as are named, side by side; the result is one of ours.
                unsafe { $svemg(x.as_ptr(), 1, &raw mut sum, x.len()) }
                sum
            }

            fn svesq(x: &[Self]) -> Self {
                let mut sum = 0.0;
                // SAFETY: it has as many elements as are named, side by side; the result is one of ours.
                unsafe { $svesq(x.as_ptr(), 1, &raw mut sum, x.len()) }
                sum
            }
        }
    };
}

float!(f32, vDSP_vsmul, vDSP_vadd, vDSP_vsub, vDSP_vsma, vDSP_sve, vDSP_svemg, vDSP_svesq);
float!(f64, vDSP_vsmulD, vDSP_vaddD, vDSP_vsubD, vDSP_vsmaD, vDSP_sveD, vDSP_svemgD, vDSP_svesqD);

pub(crate) fn vsmul<T: Float>((x, k, mut out): Scalar<'_, T>) {
    x.rows().zip(out.rows_mut()).for_each(|(x, out)| T::smul(x, k, out));
}

pub(crate) fn vsmul_inplace<T: Float>((mut x, k): ScalarInplace<'_, T>) {
    x.rows_mut().for_each(|x| T::smul_inplace(x, k));
}

pub(crate) fn vadd<T: Float>((x, y, mut out): Two<'_, T>) {
    x.rows().zip(y.rows()).zip(out.rows_mut()).for_each(|((x, y), out)| T::vadd(x, y, out));
}

pub(crate) fn vadd_inplace<T: Float>((mut x, y): TwoInplace<'_, T>) {
    x.rows_mut().zip(y.rows()).for_each(|(x, y)| T::vadd_inplace(x, y));
}

pub(crate) fn vadd_row<T: Float>((x, row, mut out): Row<'_, T>) {
    x.rows().zip(out.rows_mut()).for_each(|(x, out)| T::vadd(x, row, out));
}

pub(crate) fn vadd_row_inplace<T: Float>((mut x, row): RowInplace<'_, T>) {
    x.rows_mut().for_each(|x| T::vadd_inplace(x, row));
}

pub(crate) fn vsub<T: Float>((x, y, mut out): Two<'_, T>) {
    x.rows().zip(y.rows()).zip(out.rows_mut()).for_each(|((x, y), out)| T::vsub(x, y, out));
}

pub(crate) fn vsub_inplace<T: Float>((mut x, y): TwoInplace<'_, T>) {
    x.rows_mut().zip(y.rows()).for_each(|(x, y)| T::vsub_inplace(x, y));
}

pub(crate) fn vsma<T: Float>((x, y, k, mut out): TwoAndScalar<'_, T>) {
    x.rows().zip(y.rows()).zip(out.rows_mut()).for_each(|((x, y), out)| T::sma(x, k, y, out));
}

pub(crate) fn sums<T: Float>((x, states): States<'_, T>) {
    x.rows().zip(states).for_each(|(x, state)| *state = T::sve(x));
}

pub(crate) fn sums_of_magnitudes<T: Float>((x, states): States<'_, T>) {
    x.rows().zip(states).for_each(|(x, state)| *state = T::svemg(x));
}

pub(crate) fn sums_of_squares<T: Float>((x, states): States<'_, T>) {
    x.rows().zip(states).for_each(|(x, state)| *state = T::svesq(x));
}

pub(crate) fn sums_of_columns<T: Float>((x, states): States<'_, T>) {
    states.fill(T::ZERO);
    x.rows().for_each(|x| T::vadd_inplace(states, x));
}
