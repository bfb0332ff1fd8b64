//! What a profile says.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{
    kind::Kind,
    word::{Bytes, Percent, Span},
};

/// What a tournament found on a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The key of the processor, as [`cpu_key`](crate::cpu_key) has it.
    pub cpu: String,
    /// Its caches: they say in which size class a row of a shape holds.
    pub caches: Caches,
    /// The compiler that made the kernels: `1.95.0`.
    pub rustc: String,
    /// The day: `2026-11-25`.
    pub date: String,
    /// What else a reader should know.
    pub note: Option<String>,
    /// Kernels that won.
    pub kernels: BTreeMap<Table, BTreeMap<Place, Winner>>,
    /// How calls are cut, by the number of threads.
    pub threads: BTreeMap<usize, BTreeMap<Table, BTreeMap<Bucket, Cut>>>,
}

impl Profile {
    /// Leaves out what it says of a computation, which a build does not have.
    pub fn forget(&mut self, computation: &str) {
        self.kernels.retain(|table, _| table.computation != computation);
        self.threads
            .values_mut()
            .for_each(|tables| tables.retain(|table, _| table.computation != computation));
    }
}

/// Bytes of the data caches one core sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First level.
    pub l1: Bytes,
    /// Second level.
    pub l2: Bytes,
    /// Third level, shared.
    pub l3: Bytes,
}

impl Caches {
    /// Where that many bytes stay, where calls count on that share of the third cache.
    #[must_use]
    pub fn size(self, bytes: usize, third: (usize, usize)) -> Size {
        Size::ALL[crate::size_class([self.l1.0, self.l2.0, crate::third(self.l3.0, third)], bytes)]
    }
}

/// A table of the dispatch: `mul_m_s.f32.avx2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Table {
    /// What its kernels compute: `mul_m_s`, `add_rows`. In version 1, the operation.
    pub computation: String,
    /// The element type.
    pub dtype: String,
    /// The instruction set whose rows these are.
    pub isa: String,
    /// Which of the tables of that.
    pub kind: Kind,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}{}", self.computation, self.dtype, self.isa, self.kind.suffix())
    }
}

/// What a row of kernels is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// One shape, rows and columns.
    Shape(usize, usize),
    /// All other shapes of a bucket.
    Bucket(Bucket),
}

/// Calls whose bytes stay in one place and whose matrices have one aspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Where the bytes stay.
    pub size: Size,
    /// The aspect.
    pub aspect: Aspect,
}

impl Bucket {
    /// How many there are.
    pub const COUNT: usize = Size::ALL.len() * Aspect::ALL.len();

    /// Its place in a table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.size as usize * Aspect::ALL.len() + self.aspect as usize
    }
}

/// The cache that all the bytes of a call stay in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// The first.
    L1,
    /// The second.
    L2,
    /// A call's part of the third.
    L3,
    /// None of them.
    Memory,
}

impl Size {
    /// Every class, in the order of tables.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::Memory];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::Memory => "memory",
        }
    }
}

/// The form of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Many more columns than rows.
    Wide,
    /// Neither.
    Square,
    /// Many more rows than columns.
    Tall,
}

impl Aspect {
    /// Every one, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Wide, Self::Square, Self::Tall];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Square => "square",
            Self::Tall => "tall",
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size.name(), self.aspect.name())
    }
}

impl FromStr for Bucket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (size, aspect) = text.split_once(' ')?;
            Some(Self {
                size: Size::ALL.into_iter().find(|of| of.name() == size)?,
                aspect: Aspect::ALL.into_iter().find(|of| of.name() == aspect)?,
            })
        };
        read().ok_or_else(|| {
            format!("`{text}` is no bucket: l1, l2, l3 or memory, a space, and wide, square or tall")
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(rows, cols) => write!(f, "{rows}x{cols}"),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(' ') {
            return text.parse().map(Self::Bucket);
        }
        let read = |side: &str| {
            side.parse::<usize>().ok().filter(|length| length.to_string() == side && *length > 0)
        };
        text.split_once('x').and_then(|(rows, cols)| Some(Self::Shape(read(rows)?, read(cols)?))).ok_or_else(
            || format!("`{text}` is neither a shape such as `512x512` nor a bucket such as `l2 square`"),
        )
    }
}

/// A kernel that won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Winner {
    /// Its name.
    pub kernel: String,
    /// Its identity.
    pub body: u64,
    /// How much faster than the spec's default it was.
    pub margin: Percent,
    /// Where that lies, by what the measurements allow.
    pub interval: Span,
}

/// How the calls of a bucket are cut, which was better than the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes from which on a call is shared; `None` if it never is.
    pub crossover: Option<Bytes>,
    /// Bytes of a piece; `None` for a piece for each thread.
    pub chunk: Option<Bytes>,
    /// How much faster than the default it was.
    pub margin: Percent,
    /// Where that lies, by what the measurements allow.
    pub interval: Span,
}
