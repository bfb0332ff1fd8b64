//! Which bits a result has.

use std::fmt;

/// A numeric class. It is chosen by the caller; tuning never changes it.
///
/// Within a class every kernel of every instruction set gives the same bits (any NaN standing for any other).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Numerics {
    /// The bits of `NumPy` 2.4 for the C-contiguous input. Sums run by its pairwise tree; along axis 0 of more than one
    /// column, row after row from +0.0, with an error that grows with the number of rows.
    #[default]
    Numpy,
    /// The pairwise tree along every axis: the error of a sum grows with the logarithm of the number of elements.
    Accurate,
}

impl Numerics {
    /// Every class.
    pub const ALL: [Self; 2] = [Self::Numpy, Self::Accurate];

    /// The word in specs and lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Numpy => "numpy",
            Self::Accurate => "accurate",
        }
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
