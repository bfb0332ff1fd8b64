//! One way to write a kernel, and its name, which says all of it.

use std::fmt;

use crate::{
    Dtype, Isa,
    spec::{Numerics, Prefetch, Schedule, Store, Tile},
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
    /// Whether the first matrix is also the output.
    pub inplace: bool,
    /// The numeric class, where the kernels of the classes differ.
    pub numerics: Numerics,
    /// The one shape (rows, columns) it is for.
    pub shape: Option<(usize, usize)>,
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
            inplace: false,
            numerics: Numerics::Numpy,
            shape: None,
        }
    }

    /// The kernel's name:
    /// `<op>_<dtype>_<isa>_u<unroll>[_pipe][_s<streams>][_t<tile>][_pl1x8][_nt][_inplace][_acc][_<rows>x<cols>]`.
    ///
    /// # Panics
    /// Never: writing to a `String` does not fail.
    #[must_use]
    pub fn kernel_name(&self, op: &str, dtype: Dtype, isa: &Isa) -> String {
        use fmt::Write as _;
        let mut name = format!("{op}_{dtype}_{}_u{}", isa.name, self.unroll);
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
        if self.inplace {
            add(format_args!("_inplace"));
        }
        if self.numerics == Numerics::Accurate {
            add(format_args!("_acc"));
        }
        if let Some((rows, cols)) = self.shape {
            add(format_args!("_{rows}x{cols}"));
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
        if self.inplace {
            f.write_str(", in place")?;
        }
        if self.numerics == Numerics::Accurate {
            f.write_str(", accurate")?;
        }
        if let Some((rows, cols)) = self.shape {
            write!(f, ", {rows}×{cols} only")?;
        }
        Ok(())
    }
}
