//! The numbers a matrix can hold, and what generated scalar code does with one of them.

use core::fmt::{self, Debug, Display};
use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::Function;

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

/// How numbers are laid out in bits.
pub(crate) mod layout {
    macro_rules! layout {
        ($float:ident, $mantissa:literal, $bias:literal) => {
            pub(crate) mod $float {
                /// Bits of the fraction, below those of the exponent.
                pub(crate) const MANTISSA: i32 = $mantissa;
                /// What an exponent is written plus.
                pub(crate) const BIAS: $float = $bias;
                /// From here on numbers have no fraction: the last bit counts ones.
                pub(crate) const WHOLE: $float = 1.0 / $float::EPSILON;
                /// All bits of the fraction, no other.
                pub(crate) const FRACTION: $float = $float::from_bits((1 << MANTISSA) - 1);
            }
        };
    }

    layout!(f32, 23, 127.0);
    layout!(f64, 52, 1023.0);
}

mod sealed {
    /// Keeps [`Element`](super::Element) to the types that kernels are generated for. The matrix room relies on
    /// what they have in common: no padding, any bit pattern is a value, zero bytes are [`ZERO`](super::Element::ZERO).
    pub trait Sealed {}
}

/// A matrix element: `f32` or `f64`.
///
/// The functions here define what one lane of a vector computes, bit for bit (any NaN standing for any other).
/// Where the type has an inherent function of the same name that does another thing, write `Element::min(a, b)`: the
/// inherent `min` and `max` ignore NaN, `round` takes the half away from zero, and `copysign` looks at a NaN's sign.
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

    /// The nearest whole number that is not above; the same zero of a zero, the same infinity of an infinity, NaN of NaN.
    #[must_use]
    fn floor(self) -> Self;

    /// The nearest whole number that is not below; −0 above −1 and below zero. The same zero of a zero, the same infinity
    /// of an infinity, NaN of NaN.
    #[must_use]
    fn ceil(self) -> Self;

    /// The nearest whole number towards zero: without its fraction, with its sign, also where that leaves zero. The same
    /// infinity of an infinity, NaN of NaN.
    #[must_use]
    fn trunc(self) -> Self;

    /// The nearest whole number, of two the even one; with the sign of what is rounded, also where that leaves zero. The
    /// same infinity of an infinity, NaN of NaN.
    #[must_use]
    fn round(self) -> Self;

    /// The magnitude of this with the sign of another, −0 being negative; NaN if this is NaN. A NaN counts as having the
    /// sign +, whatever bits it has: which ones a computed NaN has differs from processor to processor.
    #[must_use]
    fn copysign(self, sign: Self) -> Self;

    /// What is left of this after whole multiples of `divisor`, as many as fit: exact, below `divisor` in magnitude, and
    /// with the sign of this, also where it is zero. This itself if `divisor` is infinite; NaN if either is NaN, if this is
    /// infinite, or if `divisor` is zero. The `fmod` of C.
    #[must_use]
    fn rem(self, divisor: Self) -> Self;

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

    /// What a function of the expression language gives of an element.
    #[must_use]
    fn function(function: &Function, x: Self) -> Self;

    /// The exponent, as a whole number: e of a normal number m × 2<sup>e</sup> with 1 ≤ |m| < 2. Of zeros and subnormal
    /// numbers one less than the least of those, of infinities and NaN one more than the greatest.
    #[must_use]
    fn exponent(self) -> Self;

    /// The mantissa without its sign: |m| of a normal number m × 2<sup>e</sup> with 1 ≤ |m| < 2; 1 of zeros and infinities.
    /// Of a subnormal number, and of NaN, it is some number from 1 to 2: their bits as if they were a normal number's.
    #[must_use]
    fn mantissa(self) -> Self;

    /// 2 to the power of this, exactly, if it is a whole number from the least to the greatest exponent of normal numbers:
    /// −126 to 127, −1022 to 1023. Of anything else it is no number that means something.
    #[must_use]
    fn pow2(self) -> Self;
}

macro_rules! element {
    ($float:ident, $dtype:ident, $of:ident) => {
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
            fn floor(self) -> Self {
                $float::floor(self)
            }

            #[inline]
            fn ceil(self) -> Self {
                $float::ceil(self)
            }

            #[inline]
            fn trunc(self) -> Self {
                $float::trunc(self)
            }

            #[inline]
            fn round(self) -> Self {
                $float::round_ties_even(self)
            }

            #[inline]
            fn copysign(self, sign: Self) -> Self {
                if sign.is_nan() { $float::abs(self) } else { $float::copysign(self, sign) }
            }

            #[inline]
            fn rem(self, divisor: Self) -> Self {
                self % divisor
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

            fn function(function: &Function, x: Self) -> Self {
                (function.$of)(x)
            }

            #[inline]
            fn exponent(self) -> Self {
                let field = (self.to_bits() & $float::INFINITY.to_bits()) >> layout::$float::MANTISSA;
                $float::from_bits(field | layout::$float::WHOLE.to_bits())
                    - (layout::$float::WHOLE + layout::$float::BIAS)
            }

            #[inline]
            fn mantissa(self) -> Self {
                $float::from_bits((self.to_bits() & layout::$float::FRACTION.to_bits()) | Self::to_bits(1.0))
            }

            #[inline]
            fn pow2(self) -> Self {
                let whole = self + (1.5 * layout::$float::WHOLE + layout::$float::BIAS);
                $float::from_bits(whole.to_bits() << layout::$float::MANTISSA)
            }
        }
    };
}

element!(f32, F32, of_f32);
element!(f64, F64, of_f64);

/// Whether two results are the same: equal bits, or both NaN. Unlike `==`, it tells −0 from +0.
#[must_use]
pub fn same_bits<T: Element>(a: T, b: T) -> bool {
    a.to_bits_u64() == b.to_bits_u64() || (a.is_nan() && b.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the documentation says, in numbers: vectors are compared with these functions, and these with nothing else.
    fn whole_numbers<T: Element>() {
        let number = T::from_f64;
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let same = |what: &str, got: T, want: f64| {
            assert!(same_bits(got, number(want)), "{what}: {got:?}, not {want:?}");
        };
        for (x, floor, ceil, trunc, round) in [
            (0.0, 0.0, 0.0, 0.0, 0.0),
            (-0.0, -0.0, -0.0, -0.0, -0.0),
            (0.5, 0.0, 1.0, 0.0, 0.0),
            (-0.5, -1.0, -0.0, -0.0, -0.0),
            (0.75, 0.0, 1.0, 0.0, 1.0),
            (1.5, 1.0, 2.0, 1.0, 2.0),
            (2.5, 2.0, 3.0, 2.0, 2.0),
            (-1.5, -2.0, -1.0, -1.0, -2.0),
            (-2.5, -3.0, -2.0, -2.0, -2.0),
            // The greatest number of f32 that has a fraction, and one without.
            (8_388_607.5, 8_388_607.0, 8_388_608.0, 8_388_607.0, 8_388_608.0),
            (-16_777_216.0, -16_777_216.0, -16_777_216.0, -16_777_216.0, -16_777_216.0),
            (inf, inf, inf, inf, inf),
            (-inf, -inf, -inf, -inf, -inf),
            (nan, nan, nan, nan, nan),
        ] {
            same("floor", number(x).floor(), floor);
            same("ceil", number(x).ceil(), ceil);
            same("trunc", number(x).trunc(), trunc);
            same("round", number(x).round(), round);
        }
        for (x, sign, want) in [
            (3.0, -1.0, -3.0),
            (-3.0, 0.0, 3.0),
            (3.0, -0.0, -3.0),
            (0.0, -inf, -0.0),
            (-inf, 2.0, inf),
            (-3.0, nan, 3.0),
            (-3.0, -nan, 3.0),
            (nan, -1.0, nan),
        ] {
            same("copysign", number(x).copysign(number(sign)), want);
        }
        for (x, divisor, want) in [
            (7.5, 2.0, 1.5),
            (-7.5, 2.0, -1.5),
            (7.5, -2.0, 1.5),
            (6.0, 2.0, 0.0),
            (-6.0, 2.0, -0.0),
            (-0.0, 2.0, -0.0),
            (1.0, inf, 1.0),
            (-1.0, -inf, -1.0),
            // Far apart, and exact all the same: 2^100 is 1 more than a multiple of 3.
            (2.0_f64.powi(100), 3.0, 1.0),
            (1.0, 0.0, nan),
            (inf, 2.0, nan),
            (nan, 2.0, nan),
            (2.0, nan, nan),
        ] {
            same("rem", number(x).rem(number(divisor)), want);
        }
    }

    #[test]
    fn whole_numbers_signs_and_remainders() {
        whole_numbers::<f32>();
        whole_numbers::<f64>();
    }
}
