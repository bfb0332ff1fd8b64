//! The numbers a matrix can hold, and what generated scalar code does with one of them.

use core::fmt::{self, Debug, Display};
use core::ops::{Add, Div, Mul, Neg, Sub};

/// The type of a matrix element, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dtype {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl Dtype {
    /// Every dtype, in the order lists are sorted.
    pub const ALL: [Self; 2] = [Self::F32, Self::F64];

    /// The Rust name: `f32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

mod sealed {
    /// Keeps [`Element`](super::Element) to the types that kernels are generated for. The matrix room relies on
    /// what they have in common: no padding, any bit pattern is a value, zero bytes are [`ZERO`](super::Element::ZERO).
    pub trait Sealed {}
}

/// A matrix element: `f32` or `f64`.
///
/// The functions here define what one lane of a vector computes, bit for bit (any NaN standing for any other).
/// Where the type has an inherent function of the same name (`min`, `max`), write `Element::min(a, b)`: the
/// inherent one ignores NaN.
pub trait Element:
    sealed::Sealed
    + Copy
    + Send
    + Sync
    + PartialEq
    + PartialOrd
    + Debug
    + Display
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + crate::catalogue::Erased
    + 'static
{
    /// This type, as a value.
    const DTYPE: Dtype;
    /// +0.
    const ZERO: Self;

    /// The nearest value of this type, ties to even.
    #[must_use]
    fn from_f64(value: f64) -> Self;

    /// The same value; exact.
    #[must_use]
    fn to_f64(self) -> f64;

    /// The bits of the value, the upper half zero for a 32-bit type.
    #[must_use]
    fn to_bits_u64(self) -> u64;

    /// The absolute value: the sign bit cleared.
    #[must_use]
    fn abs(self) -> Self;

    /// The square root, correctly rounded; NaN below −0.
    #[must_use]
    fn sqrt(self) -> Self;

    /// `self × factor + addend`, rounded once.
    #[must_use]
    fn fma(self, factor: Self, addend: Self) -> Self;

    /// The lesser of two, −0 being less than +0; NaN if either is NaN.
    #[must_use]
    fn min(self, other: Self) -> Self;

    /// The greater of two, +0 being greater than −0; NaN if either is NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;

    /// Whether this is NaN.
    #[must_use]
    fn is_nan(self) -> bool;
}

macro_rules! element {
    ($float:ident, $dtype:ident) => {
        impl sealed::Sealed for $float {}

        impl Element for $float {
            const DTYPE: Dtype = Dtype::$dtype;
            const ZERO: Self = 0.0;

            #[inline]
            #[allow(clippy::cast_possible_truncation, reason = "the one rounding this function is for")]
            fn from_f64(value: f64) -> Self {
                value as Self
            }

            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline]
            fn to_bits_u64(self) -> u64 {
                u64::from(self.to_bits())
            }

            #[inline]
            fn abs(self) -> Self {
                $float::abs(self)
            }

            #[inline]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }

            #[inline]
            fn fma(self, factor: Self, addend: Self) -> Self {
                $float::mul_add(self, factor, addend)
            }

            // The comparisons below take the second operand when neither is less: for equal numbers, for a pair
            // of zeros and for NaN. Both orders together thus see both operands in just these cases. OR joins
            // them: −0 wins over +0, and a NaN stays a NaN whatever bits are added. This is also, instruction
            // for instruction, what a vector does, and it has no branch.
            #[inline]
            fn min(self, other: Self) -> Self {
                let one = if self < other { self } else { other };
                let two = if other < self { other } else { self };
                $float::from_bits(one.to_bits() | two.to_bits())
            }

            // Here AND joins: +0 wins. It could empty a NaN of its bits, so NaN is put back.
            #[inline]
            fn max(self, other: Self) -> Self {
                let one = if self > other { self } else { other };
                let two = if other > self { other } else { self };
                let greater = $float::from_bits(one.to_bits() & two.to_bits());
                if self.is_nan() | other.is_nan() { $float::NAN } else { greater }
            }

            #[inline]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
        }
    };
}

element!(f32, F32);
element!(f64, F64);

/// Whether two results are the same: equal bits, or both NaN. Unlike `==`, it tells −0 from +0.
#[must_use]
pub fn same_bits<T: Element>(a: T, b: T) -> bool {
    a.to_bits_u64() == b.to_bits_u64() || (a.is_nan() && b.is_nan())
}
