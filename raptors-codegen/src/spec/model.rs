//! A spec that passed its checks: plain data, no positions but those that generated code names.

use std::fmt;

use super::expr::{Binary, Expr};
use crate::{Dtype, backends::Listed};

/// One file under `kernel-specs/ops/`.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The file's stem, and the operation's name.
    pub name: String,
    /// One sentence for people.
    pub summary: String,
    /// The file as messages and generated code name it: `kernel-specs/ops/scale.toml`.
    pub file: String,
    /// The whole text of the file.
    pub text: String,
    /// Line of the expression that kernels compute (`output`, `of`, or the state's first field), from 1.
    pub line: usize,
    /// Inputs in the order written, which is the order of the arguments.
    pub inputs: Vec<Input>,
    /// Element types, in the order of [`Dtype::ALL`].
    pub dtypes: Vec<Dtype>,
    /// The family it is built with, one of [`FAMILIES`](super::FAMILIES); without one it always is.
    pub family: Option<&'static str>,
    /// What is computed.
    pub body: Body,
    /// What Python's function takes for scalars that a call leaves out: the last inputs, by their index.
    pub defaults: Vec<(usize, f64)>,
    /// `NumPy`'s expression, where the spec says it; empty where it says that there is none.
    pub numpy: Option<String>,
    /// Which candidates there are.
    pub variants: Variants,
    /// Which ways there are to cut a call over threads.
    pub tasks: Tasks,
    /// Shapes (rows, columns) that get a dispatch row of their own, sorted, each once.
    pub shapes: Vec<(usize, usize)>,
    /// The routines of backends that it lists, be they in this build or not. With any it has the class `any`.
    pub listed: Vec<Listed>,
    /// Those of them that are in this build, and compete with its kernels.
    pub backends: Vec<Listed>,
}

impl Spec {
    /// Whether its calls can have the class `any`.
    #[must_use]
    pub const fn has_any(&self) -> bool {
        !self.listed.is_empty()
    }
}

/// One argument of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in expressions and in the signature.
    pub name: String,
    /// Its form.
    pub kind: InputKind,
}

/// The form of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputKind {
    /// An element for each row and column.
    Matrix,
    /// An element for each column, used in every row.
    Row,
    /// An element for each row, used in every column.
    Column,
    /// One value.
    Scalar,
}

impl InputKind {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Matrix, Self::Row, Self::Column, Self::Scalar];

    /// The word in a spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Row => "row",
            Self::Column => "column",
            Self::Scalar => "scalar",
        }
    }
}

/// What an operation computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Every element of the output from the elements at its place.
    Map {
        /// The expression over the inputs.
        output: Expr,
    },
    /// All elements, or those along an axis, to one value.
    Reduce(Reduce),
    /// The same in stages, by kernels of other operations.
    Staged(Staged),
}

/// An operation in stages. Each computes terms, a block at a time, and reduces them by the kernels of a plain reduction. What
/// the stages come to is the result, or is used in a map whose result is a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// Over what; each gives an operation of its own.
    pub axes: Vec<Axis>,
    /// The stages, in order. In expressions a stage is the input after those of the spec: [`Expr::Input`].
    pub stages: Vec<Stage>,
    /// The results.
    pub outputs: Vec<Output>,
    /// Whether an empty input has a result or is an error.
    pub has_identity: bool,
    /// The classes a caller can choose from, `Numpy` first.
    pub numerics: Vec<Numerics>,
    /// What it needs kernels for: specs that no file has, whose names have two underlines.
    pub parts: Vec<Spec>,
}

impl Staged {
    /// What each element of the result is, where that is a matrix.
    #[must_use]
    pub fn map(&self) -> Option<&Expr> {
        match &self.outputs[..] {
            [Output { value, result: ResultType::Matrix, .. }] => Some(value),
            _ => None,
        }
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name; `acc` where the spec has `of` and `combine` alone.
    pub name: String,
    /// What is reduced, and how; without it the stage only computes with the results of others.
    pub fold: Option<(Expr, Combine)>,
    /// Its value, where that is not what comes of the reduction ([`Expr::State`] 0).
    pub finish: Option<Expr>,
    /// The matrix whose elements are all that it takes in, where it has kernels of its own.
    pub fused: Option<usize>,
    /// In which pass over memory it is computed, from 0: after all that it uses.
    pub pass: usize,
}

/// How the values of a stage become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Combine {
    /// Their sum.
    Add,
    /// Their product.
    Mul,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many masks hold.
    Count,
    /// Where the least stands.
    ArgMin,
    /// Where the greatest stands.
    ArgMax,
}

impl Combine {
    /// Every one, in the order of the words.
    pub const ALL: [Self; 7] =
        [Self::Add, Self::Mul, Self::Min, Self::Max, Self::Count, Self::ArgMin, Self::ArgMax];

    /// The plain reduction whose kernels do it: its operator, and the value of no elements.
    #[must_use]
    pub const fn by(self) -> (Binary, f64) {
        match self {
            Self::Add | Self::Count => (Binary::Add, 0.0),
            Self::Mul => (Binary::Mul, 1.0),
            Self::Min | Self::ArgMin => (Binary::Min, f64::INFINITY),
            Self::Max | Self::ArgMax => (Binary::Max, f64::NEG_INFINITY),
        }
    }

    /// Whether what comes of it is a whole number.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Count | Self::ArgMin | Self::ArgMax)
    }
}

/// A result of an operation in stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its name, where there are several.
    pub name: Option<String>,
    /// Its value, from stages, scalars and `count`; of a matrix, each element's, from the inputs at its place and stages.
    pub value: Expr,
    /// Its type.
    pub result: ResultType,
}

/// The type of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// The operation's dtype.
    Element,
    /// A whole number of 64 bits.
    Whole,
    /// True or false.
    Truth,
    /// A matrix of the operation's dtype, with the shape of the first among the inputs.
    Matrix,
}

impl ResultType {
    /// The type of an element in Rust, of an operation on `float`.
    #[must_use]
    pub const fn rust(self, float: &'static str) -> &'static str {
        match self {
            Self::Element | Self::Matrix => float,
            Self::Whole => "i64",
            Self::Truth => "bool",
        }
    }
}

/// A reduction: from `init`, `step` takes in elements, `merge` joins two states, `finish` makes the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// Over what; each gives an operation of its own.
    pub axes: Vec<Axis>,
    /// The state's fields. In `step`, `merge` and `finish` a field is named as in the spec (`merge`: `a.total`, `b.total`).
    pub state: Vec<Field>,
    /// From the state, and `count`, to the result; the first field if not given.
    pub finish: Option<Expr>,
    /// Whether elements are taken in one after another (a product in the `numpy` class), rather than by the pairwise tree.
    pub sequential: bool,
    /// Whether an empty input has a result (a sum) or is an error (a minimum).
    pub has_identity: bool,
    /// The classes a caller can choose from, `Numpy` first.
    pub numerics: Vec<Numerics>,
}

/// One field of a reduction's state. Expressions refer to it as [`Expr::State`] and, in `merge`, [`Expr::Side`].
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name; `acc` where the spec says `combine`.
    pub name: String,
    /// The state of no elements.
    pub init: Expr,
    /// With one more element, over the inputs and the fields.
    pub step: Expr,
    /// Of two states, over `a.<field>` and `b.<field>`.
    pub merge: Expr,
}

/// What a reduction runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// All elements, to one value.
    All,
    /// Down the rows: one value a column.
    Zero,
    /// Along the columns: one value a row.
    One,
}

impl Axis {
    /// Every axis.
    pub const ALL: [Self; 3] = [Self::All, Self::Zero, Self::One];

    /// The word in a spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Zero => "0",
            Self::One => "1",
        }
    }

    /// What it adds to the operation's name: `_axis0`.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Zero => "_axis0",
            Self::One => "_axis1",
        }
    }
}

/// A numeric class: which bits a result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Numerics {
    /// The bits of `NumPy`.
    Numpy,
    /// Pairwise along every axis.
    Accurate,
    /// Those of any order and of any routine, within a bound.
    Any,
}

impl Numerics {
    /// Those that a spec can list. It has [`Numerics::Any`] by listing `backends`.
    pub const LISTED: [Self; 2] = [Self::Numpy, Self::Accurate];

    /// The word in a spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Numpy => "numpy",
            Self::Accurate => "accurate",
            Self::Any => "any",
        }
    }
}

/// The values that candidates combine. A field that does not apply to the family, or that the spec leaves out, is
/// empty: the family's default then stands alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// Vectors a step (map), leaves a step (contiguous reductions), rows a step (axis 0).
    pub unroll: Vec<usize>,
    /// Order of loads and stores (map).
    pub schedule: Vec<Schedule>,
    /// Software prefetch.
    pub prefetch: Vec<Prefetch>,
    /// Kind of stores (map).
    pub store: Vec<Store>,
    /// Places far apart read at once (contiguous reductions).
    pub streams: Vec<usize>,
    /// Columns a stripe (axis 0).
    pub tile: Vec<Tile>,
    /// `explore = "full"`: every combination, without the budget.
    pub full: bool,
}

/// How calls may be cut over threads: candidates for the fields of the dispatch table, not kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Sizes of a piece.
    pub chunk: Vec<Chunk>,
    /// How many threads take part.
    pub threads: Vec<Threads>,
}

/// What a spec leaves out.
impl Default for Tasks {
    fn default() -> Self {
        let bytes = [64 << 10, 256 << 10, 1 << 20].map(Chunk::Bytes);
        Self { chunk: [&bytes[..], &[Chunk::PerThread]].concat(), threads: Threads::ALL.to_vec() }
    }
}

/// The size of a piece of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chunk {
    /// So many bytes, read and written: a power of two from 4 KiB to 64 MiB.
    Bytes(usize),
    /// As few pieces as there are threads.
    PerThread,
}

/// How many threads take part in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Threads {
    /// The one that calls, however large the call.
    One,
    /// From a crossover on, all that a call may use.
    All,
}

impl Threads {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::One, Self::All];

    /// The word in a spec.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::All => "all",
        }
    }
}

/// Order of loads and stores in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Schedule {
    /// Loads, then work, then stores.
    Grouped,
    /// The next step's loads before this step's stores.
    Pipelined,
}

/// Kind of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Store {
    /// Through the caches.
    Cached,
    /// Past them.
    Streaming,
}

/// A prefetch hint: which level, how many 64-byte lines ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prefetch {
    /// No hint.
    None,
    /// `"l1 8 lines"`: cache level 1 or 2, and lines ahead (1 to 1024).
    Ahead {
        /// Cache level, 1 or 2.
        level: u8,
        /// 64-byte lines ahead.
        lines: usize,
    },
}

/// Width of a stripe of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tile {
    /// So many bytes of a row: a power of two from 64 B to 64 KiB.
    Bytes(usize),
    /// Whole rows.
    Whole,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grouped => "grouped",
            Self::Pipelined => "pipelined",
        })
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cached => "cached",
            Self::Streaming => "streaming",
        })
    }
}

impl fmt::Display for Prefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Ahead { level, lines } => write!(f, "l{level} {lines} lines"),
        }
    }
}

impl fmt::Display for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) if bytes % (1 << 20) == 0 => write!(f, "{} MiB", bytes >> 20),
            Self::Bytes(bytes) => write!(f, "{} KiB", bytes >> 10),
            Self::PerThread => f.write_str("1 per thread"),
        }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) if bytes % 1024 == 0 => write!(f, "{} KiB", bytes / 1024),
            Self::Bytes(bytes) => write!(f, "{bytes} B"),
            Self::Whole => f.write_str("whole"),
        }
    }
}
