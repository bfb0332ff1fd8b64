//! What goes into the kernels: floats from integers alone, the same in every run.

use raptors::Element;

/// An element type as bits.
pub(crate) trait Float: Element {
    /// Bits of the mantissa.
    const MANTISSA: u32;
    /// The exponent field of 1.
    const BIAS: u64;
    /// How far from 1 the exponents of [`Data::Wide`] reach.
    const REACH: u64;

    /// The value of those bits.
    fn from_bits_u64(bits: u64) -> Self;

    /// The sign bit.
    fn sign() -> u64 {
        1 << (8 * size_of::<Self>() - 1)
    }

    /// The bits of infinity.
    fn infinity() -> u64 {
        (2 * Self::BIAS + 1) << Self::MANTISSA
    }

    /// What is where nothing belongs: between rows and around matrices. A NaN, so that it shows in a result.
    fn canary() -> Self {
        Self::from_bits_u64(Self::infinity() | 0x5_EED5)
    }

    /// What an output holds before it is written. Not a NaN, which would pass for any other.
    fn unwritten() -> Self {
        Self::from_bits_u64(Self::BIAS << Self::MANTISSA | 0x5_EED5)
    }

    /// The bits of values at the edges of the format. Their number is a prime that no number of lanes divides.
    const SPECIALS: [u64; 13] = {
        let (normal, infinity) = (1 << Self::MANTISSA, (2 * Self::BIAS + 1) << Self::MANTISSA);
        let sign = 1 << (8 * size_of::<Self>() - 1);
        let quiet = infinity | 1 << (Self::MANTISSA - 1);
        let one = Self::BIAS << Self::MANTISSA;
        [
            quiet,
            sign | quiet | 0x5A,
            infinity | 1,
            infinity,
            sign | infinity,
            0,
            sign,
            1,
            sign | (normal - 1),
            normal,
            infinity - 1,
            sign | (infinity - 1),
            one,
        ]
    };

    /// One of them, counted round and round.
    fn special(which: usize) -> Self {
        Self::from_bits_u64(Self::SPECIALS[which % Self::SPECIALS.len()])
    }
}

impl Float for f32 {
    const MANTISSA: u32 = 23;
    const BIAS: u64 = 127;
    const REACH: u64 = 20;

    fn from_bits_u64(bits: u64) -> Self {
        Self::from_bits(u32::try_from(bits).expect("32 bits"))
    }
}

impl Float for f64 {
    const MANTISSA: u32 = 52;
    const BIAS: u64 = 1023;
    const REACH: u64 = 40;

    fn from_bits_u64(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

/// What a matrix is filled with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data {
    /// Exponents around 1, so far apart that each order of a sum rounds differently.
    Wide,
    /// Any bits at all: NaN, infinities and subnormal numbers among them.
    Bits,
    /// Subnormal numbers and the smallest normal ones.
    Subnormal,
    /// The largest numbers: sums overflow, some of them to NaN.
    Huge,
    /// All special values in turn, starting with one of them.
    Cycle(usize),
    /// One special value everywhere.
    Fill(usize),
    /// One special value in one place, counted row after row; as [`Wide`](Data::Wide) elsewhere.
    Single(usize, usize),
    /// One special value wherever row and column are equal, or differ by whole rows or columns; as
    /// [`Wide`](Data::Wide) elsewhere.
    Diagonal(usize),
}

impl Data {
    /// The element of argument `index` at a place.
    pub(crate) fn at<T: Float>(
        self,
        index: usize,
        (row, col): (usize, usize),
        (rows, cols): (usize, usize),
    ) -> T {
        let place = row * cols + col;
        let word = splitmix(index << 56 | row << 28 | col);
        let exponents = |first: u64, end: u64| {
            let exponent = first + (word >> 53) % (end - first);
            let sign = if word & 1 << 52 == 0 { 0 } else { T::sign() };
            T::from_bits_u64(sign | exponent << T::MANTISSA | word & ((1 << T::MANTISSA) - 1))
        };
        let wide = || exponents(T::BIAS - T::REACH, T::BIAS + T::REACH);
        let special = T::special;
        match self {
            Self::Bits => T::from_bits_u64(word >> (64 - 8 * size_of::<T>())),
            Self::Subnormal => exponents(0, 2),
            Self::Huge => exponents(2 * T::BIAS - 2, 2 * T::BIAS + 1),
            // Arguments go round at different speeds, so that every value meets every other.
            Self::Cycle(first) => special(place * (index + 1) + first * (2 * index + 1)),
            Self::Fill(which) => special(which),
            Self::Single(which, at) if at == place => special(which),
            Self::Diagonal(which) if row % cols == col || col % rows == row => special(which),
            Self::Wide | Self::Single(..) | Self::Diagonal(_) => wide(),
        }
    }
}

/// The output function of the generator `SplitMix64`, of Steele, Lea and Flood, at one place of its sequence.
pub(crate) fn splitmix(place: usize) -> u64 {
    let mut word = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}
