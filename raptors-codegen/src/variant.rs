//! One way to write a kernel, and its name, which says all of it.

use std::fmt;

use crate::{
    Dtype, Isa,
    op::Family,
    spec::{Prefetch, Schedule, Store, Tile},
};

/// One point of the variant space. Fields that a family does not have keep their neutral value and leave no trace in
/// the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant {
    /// Vectors, leaves or rows a step.
    pub unroll: usize,
    /// Order of loads and stores.
    pub schedule: Schedule,
    /// Places far apart read at once.
    pub streams: usize,
    /// Columns a stripe.
    pub tile: Tile,
    /// Software prefetch.
    pub prefetch: Prefetch,
    /// Kind of stores.
    pub store: Store,
    /// Which of the kernel's matrices, counted from 0, is also the output.
    pub inplace: Option<usize>,
}

impl Variant {
    /// The plainest variant at that unroll factor.
    #[must_use]
    pub const fn plain(unroll: usize) -> Self {
        Self {
            unroll,
            schedule: Schedule::Grouped,
            streams: 1,
            tile: Tile::Whole,
            prefetch: Prefetch::None,
            store: Store::Cached,
            inplace: None,
        }
    }

    /// The kernel's name:
    /// `<computes>_<skeleton>_<dtype>_<isa>_u<unroll>[_pipe][_s<streams>][_t<tile>][_pl1x8][_nt][_inplace]`.
    ///
    /// # Panics
    /// Never: writing to a `String` does not fail.
    #[must_use]
    pub fn kernel_name(&self, computes: &str, family: Family, dtype: Dtype, isa: &Isa) -> String {
        use fmt::Write as _;
        let mut name = format!("{computes}_{}_{dtype}_{}_u{}", family.name(), isa.name, self.unroll);
        let mut add = |part: fmt::Arguments<'_>| name.write_fmt(part).expect("a String");
        if self.schedule == Schedule::Pipelined {
            add(format_args!("_pipe"));
        }
        if self.streams > 1 {
            add(format_args!("_s{}", self.streams));
        }
        match self.tile {
            Tile::Bytes(bytes) if bytes % 1024 == 0 => add(format_args!("_t{}k", bytes / 1024)),
            Tile::Bytes(bytes) => add(format_args!("_t{bytes}")),
            Tile::Whole => {}
        }
        if let Prefetch::Ahead { level, lines } = self.prefetch {
            add(format_args!("_pl{level}x{lines}"));
        }
        if self.store == Store::Streaming {
            add(format_args!("_nt"));
        }
        match self.inplace {
            Some(0) => add(format_args!("_inplace")),
            Some(at) => add(format_args!("_inplace{}", at + 1)),
            None => {}
        }
        name
    }
}

/// In words: `unroll 4, streaming stores`.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unroll {}", self.unroll)?;
        if self.schedule == Schedule::Pipelined {
            f.write_str(", pipelined")?;
        }
        if self.streams > 1 {
            write!(f, ", {} streams", self.streams)?;
        }
        if self.tile != Tile::Whole {
            write!(f, ", tile {}", self.tile)?;
        }
        if self.prefetch != Prefetch::None {
            write!(f, ", prefetch {}", self.prefetch)?;
        }
        if self.store == Store::Streaming {
            f.write_str(", streaming stores")?;
        }
        match self.inplace {
            Some(0) => f.write_str(", in place"),
            Some(at) => write!(f, ", in place of matrix {}", at + 1),
            None => Ok(()),
        }
    }
}
