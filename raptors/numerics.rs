//! Which bits a result has.

use std::fmt;

use crate::{dispatch::table::HAS_BACKENDS, knobs};

/// A numeric class. It is chosen by the caller; tuning never changes it.
///
/// Within `numpy`, and within `accurate`, every kernel of every instruction set gives the same bits (any NaN standing for any
/// other).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Numerics {
    /// The bits of `NumPy` 2.4 for the C-contiguous input. Sums run by its pairwise tree; along axis 0 of more than one
    /// column, row after row from +0.0, with an error that grows with the number of rows.
    #[default]
    Numpy,
    /// The pairwise tree along every axis: the error of a sum grows with the logarithm of the number of elements.
    Accurate,
    /// Any order and any routine: kernels and the libraries that a build is linked with compete, and what a profile names is
    /// run, or else the kernel of the class `numpy`. The bits may differ from machine to machine, from one way of cutting a
    /// call to another and from one version of a library to the next; the error of a sum of n terms is at most n ε times the
    /// sum of their magnitudes, that of an element of a map at most ε times the sum of the magnitudes of its terms
    /// (docs/backends.md). Operations have it whose specs list `backends`, in every build.
    Any,
}

impl Numerics {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Numpy, Self::Accurate, Self::Any];

    /// The class of calls that say none, where an operation has the class `any`: what `RAPTORS_NUMERICS` asks for.
    /// With settings that cannot be read, every call gives their error.
    #[inline]
    #[must_use]
    pub fn preferred() -> Self {
        // Without routines the two classes are one.
        if HAS_BACKENDS {
            knobs::settings().map_or(Self::Numpy, |settings| settings.numerics)
        } else {
            Self::Numpy
        }
    }

    /// The word in specs and lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Numpy => "numpy",
            Self::Accurate => "accurate",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
