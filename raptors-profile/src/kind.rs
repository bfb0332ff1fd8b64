//! Which of the tables of what is computed.

/// Which of the tables of what is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Kernels that write another matrix, with `NumPy`'s bits.
    #[default]
    Plain,
    /// Kernels that overwrite their first matrix.
    InPlace,
    /// Kernels of the class `accurate`, where it has its own.
    Accurate,
    /// Kernels and routines of the class `any`: what differs from the rows of [`Kind::Plain`].
    Any,
    /// The same, of those that overwrite their first matrix.
    AnyInPlace,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Plain, Self::InPlace, Self::Accurate, Self::Any, Self::AnyInPlace];

    /// What follows the ISA in a table's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::InPlace => "-inplace",
            Self::Accurate => "-acc",
            Self::Any => "-any",
            Self::AnyInPlace => "-any-inplace",
        }
    }

    /// Of the class `any`: whose rows hold where it has none of its own.
    #[must_use]
    pub const fn over(self) -> Option<Self> {
        match self {
            Self::Any => Some(Self::Plain),
            Self::AnyInPlace => Some(Self::InPlace),
            _ => None,
        }
    }
}
