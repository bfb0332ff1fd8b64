//! What there is: every operation with its kernels, and one erased entry for each.
//!
//! Lists, tests, benchmarks and bindings are made from this, so that a new spec needs no line anywhere else.

mod arguments;
mod explanation;

pub use self::{
    arguments::{Arg, Erased, Out, Place, Value},
    explanation::{Explanation, explain},
};
pub(crate) use self::{
    arguments::{Args, dtype_of, wrong_results},
    explanation::{Explain, explanation},
};
use crate::{
    Error, Isa, Numerics,
    dispatch::table::{Choice, Cut},
    element::Dtype,
    kernels::reference::Expr,
};

/// An operation.
#[derive(Debug)]
pub struct Op {
    /// Its name, and that of its function in [`crate::ops`].
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The spec's file.
    pub file: &'static str,
    /// The line of its expression.
    pub line: usize,
    /// The whole text of the spec.
    pub spec: &'static str,
    /// The arguments, in order.
    pub inputs: &'static [Input],
    /// Element types.
    pub dtypes: &'static [Dtype],
    /// The numeric classes a caller can choose from.
    pub numerics: &'static [Numerics],
    /// What it computes.
    pub body: Body,
    /// Which ways there are to cut a call over threads.
    pub tasks: Tasks,
    /// Target shapes: rows and columns of matrices whose calls have a row of their own.
    pub shapes: &'static [(usize, usize)],
    /// The kernels that its calls can run, by dtype, numeric class, and whether they work in place.
    pub servings: &'static [Serving],
    pub(crate) call: fn(&Call<'_>, &[Arg<'_>], Out<'_>) -> Result<(), Error>,
    pub(crate) explain: Explain,
}

/// How the calls of an operation may be cut over threads: what a tournament chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Bytes of a piece, read and written; `None` for as few pieces as there are threads.
    pub chunks: &'static [Option<usize>],
    /// Whether the thread that calls may be alone, however large the call.
    pub alone: bool,
    /// Whether all that a call may use can take part, from a crossover on.
    pub shared: bool,
}

/// An argument of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: &'static str,
    /// Its form.
    pub kind: InputKind,
}

/// The form of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// An element for each row and column.
    Matrix,
    /// An element for each column.
    Row,
    /// An element for each row.
    Column,
    /// One value.
    Scalar,
}

impl InputKind {
    /// As errors call what has this form.
    #[must_use]
    pub const fn form(self) -> &'static str {
        match self {
            Self::Matrix => "a matrix",
            Self::Row | Self::Column => "a row or column",
            Self::Scalar => "a scalar",
        }
    }
}

/// What an operation computes, as the spec says it.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// Every element of a matrix of the same shape.
    Map(Expr),
    /// One value, a row of values or a column of values.
    Reduce {
        /// Over what.
        axis: Axis,
        /// The state's fields.
        state: &'static [Field],
        /// From state and count to the result.
        finish: Option<Expr>,
        /// Whether the `numpy` class takes elements in one after another rather than by the tree.
        sequential: bool,
        /// Whether no elements have a result.
        has_identity: bool,
    },
    /// The same in stages, by the kernels of other operations; or a matrix that is computed with what they come to.
    Staged {
        /// Over what.
        axis: Axis,
        /// The stages, in order.
        stages: &'static [Stage],
        /// The results.
        outputs: &'static [Output],
        /// Whether no elements have a result.
        has_identity: bool,
    },
}

impl Body {
    /// Whether the result is a matrix with the shape of the first one among the arguments.
    #[must_use]
    pub const fn gives_matrix(&self) -> bool {
        matches!(
            self,
            Self::Map(_) | Self::Staged { outputs: [Output { result: ResultType::Matrix, .. }], .. }
        )
    }

    /// Over what it reduces; `None` for a map.
    #[must_use]
    pub const fn axis(&self) -> Option<Axis> {
        match self {
            Self::Map(_) => None,
            Self::Reduce { axis, .. } | Self::Staged { axis, .. } => Some(*axis),
        }
    }

    /// The extent of a result, for matrices of that shape.
    #[must_use]
    pub const fn extent(&self, (rows, cols): (usize, usize)) -> (usize, usize) {
        match self.axis() {
            _ if self.gives_matrix() => (rows, cols),
            None => (rows, cols),
            Some(Axis::All) => (1, 1),
            Some(Axis::Zero) => (1, cols),
            Some(Axis::One) => (1, rows),
        }
    }

    /// Whether no elements have a result: those of a map have none each.
    #[must_use]
    pub const fn has_identity(&self) -> bool {
        match self {
            Self::Map(_) => true,
            Self::Reduce { has_identity, .. } | Self::Staged { has_identity, .. } => *has_identity,
        }
    }
}

/// A stage of a reduction.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// What it reduces, and how; `None` if it computes with other stages alone. In expressions, stages are the inputs
    /// after those of the operation.
    pub fold: Option<(Expr, Combine)>,
    /// Its value from what comes of that (field 0 of the state), rounded to the operation's dtype.
    pub finish: Option<Expr>,
}

/// How the values of a stage become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Where the least stands: the first of equal ones, a NaN before all.
    ArgMin,
    /// Where the greatest stands.
    ArgMax,
}

/// A result of a reduction in stages.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its name, where there are several.
    pub name: Option<&'static str>,
    /// Its value, from scalars, stages and the number of elements; of a matrix, each element's, from the inputs at its place
    /// and stages.
    pub value: Expr,
    /// Its type.
    pub result: ResultType,
}

/// The type of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// The operation's dtype.
    Element,
    /// `i64`.
    Whole,
    /// `bool`.
    Truth,
    /// A matrix of the operation's dtype, with the shape of the first one among the arguments.
    Matrix,
}

/// A field of a reduction's state.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The state of no elements.
    pub init: Expr,
    /// With one more element.
    pub step: Expr,
    /// Of two states.
    pub merge: Expr,
}

/// What a reduction runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// All elements: one value.
    All,
    /// Down the rows: one value a column.
    Zero,
    /// Along the columns: one value a row.
    One,
}

/// Kernels that compete for the rows of one table. Operations that compute the same share them.
#[derive(Debug)]
pub struct Group {
    /// What is computed, and for a reduction over what: `mul_m_s`, `add_rows`.
    pub computation: &'static str,
    /// Element type.
    pub dtype: Dtype,
    /// The numeric class whose kernels these are.
    pub numerics: Numerics,
    /// Whether they overwrite a matrix.
    pub inplace: bool,
    pub(crate) kernels: &'static [usize],
}

/// What a group does for an operation.
#[derive(Clone, Copy, Debug)]
pub struct Serving {
    /// The group.
    pub group: &'static Group,
    /// The numeric classes of the operation that it serves.
    pub numerics: &'static [Numerics],
}

/// A kernel, or the reason why there is none. A kernel is its body: whoever needs the same one names the same kernel.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Its name: what it computes, and the variant.
    pub name: &'static str,
    /// What it computes: `mul_m_s`, `add`.
    pub computes: &'static str,
    /// How it walks memory: `map`, `runs`, `in_order`, `columns`, `tree`.
    pub skeleton: &'static str,
    /// Element type.
    pub dtype: Dtype,
    /// Instruction set.
    pub isa: Isa,
    /// The backend whose routine it is, if it is no kernel of ours: `cblas`.
    pub backend: Option<&'static str>,
    /// The variant in words; of a routine, its name in its library.
    pub variant: &'static str,
    /// Whether it overwrites a matrix.
    pub inplace: bool,
    /// Whether it ships.
    pub status: Status,
    /// A hash of its body as it was lowered, by which profiles know that it is what they measured.
    pub identity: u64,
}

impl Group {
    /// Its kernels: shipped, candidate and dropped.
    pub fn kernels(&self) -> impl Iterator<Item = &'static Kernel> + Clone + use<> {
        let kernels = self.kernels;
        kernels.iter().map(|&at| &crate::ops::KERNELS[at])
    }

    /// What profiles add to the ISA in the name of its tables: nothing, `-inplace`, `-acc`, `-any` or `-any-inplace`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match (self.inplace, self.numerics) {
            (true, Numerics::Any) => "-any-inplace",
            (true, _) => "-inplace",
            (false, Numerics::Any) => "-any",
            (false, Numerics::Accurate) => "-acc",
            (false, Numerics::Numpy) => "",
        }
    }

    /// The operations that it serves and whose calls can name a kernel: not those in stages, which run several.
    pub fn ops(&'static self) -> impl Iterator<Item = &'static Op> + Clone {
        let serves = |op: &&Op| op.servings.iter().any(|serving| std::ptr::eq(serving.group, self));
        ops().iter().filter(serves).filter(|op| !matches!(op.body, Body::Staged { .. }))
    }
}

impl Kernel {
    /// The operations that it serves.
    pub fn serves(&'static self) -> impl Iterator<Item = &'static Op> + Clone {
        ops().iter().filter(|op| op.kernels().any(|kernel| kernel.name == self.name))
    }

    /// Whether this build has it, on targets of its ISA.
    #[must_use]
    pub const fn is_built(&self) -> bool {
        match self.status {
            Status::Shipped => true,
            Status::Candidate => cfg!(any(feature = "candidates", feature = "tunable")),
            Status::Dropped(_) => false,
        }
    }
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In the dispatch table.
    Shipped,
    /// In no row yet: compiled with the feature `candidates` or `tunable`.
    Candidate,
    /// Never built, for that reason: its ISA cannot hold it, or has no use for it.
    Dropped(&'static str),
}

/// How an operation is to be called.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// Which kernel.
    pub choice: Choice<'a>,
    /// Which bits.
    pub numerics: Numerics,
    /// How it is cut over threads, in the place of what the table and [`num_threads`](crate::num_threads) say: for
    /// tests and tuning. Bits do not depend on it.
    pub cut: Option<Cut>,
}

impl Call<'_> {
    /// The table's choice, in that numeric class.
    pub(crate) const fn of(numerics: Numerics) -> Self {
        Self { choice: Choice::Table, numerics, cut: None }
    }
}

impl Op {
    /// Every kernel that its calls can run, of any dtype, class and instruction set: shipped, candidate and dropped.
    pub fn kernels(&self) -> impl Iterator<Item = &'static Kernel> + Clone + use<> {
        let servings = self.servings;
        servings.iter().flat_map(|serving| serving.group.kernels())
    }

    /// The kernels that its calls of a dtype and numeric class can run, in place or not.
    #[must_use]
    pub fn group(&self, dtype: Dtype, numerics: Numerics, inplace: bool) -> Option<&'static Group> {
        let is = |serving: &&Serving| {
            serving.group.dtype == dtype
                && serving.group.inplace == inplace
                && serving.numerics.contains(&numerics)
        };
        self.servings.iter().find(is).map(|serving| serving.group)
    }

    /// Calls the operation. Every typed function does no more than this, with the dtype known beforehand.
    ///
    /// # Errors
    /// As the operation's function; and if arguments or output have another form or dtype than it takes.
    pub fn call(&self, call: &Call<'_>, args: &[Arg<'_>], out: Out<'_>) -> Result<(), Error> {
        self.offers(call.numerics)?;
        (self.call)(call, args, out)
    }

    /// Whether a caller can choose that numeric class.
    pub(crate) fn offers(&self, numerics: Numerics) -> Result<(), Error> {
        if self.numerics.contains(&numerics) {
            return Ok(());
        }
        Err(Error::Unknown {
            kind: "numeric class of this operation",
            name: numerics.to_string(),
            known: self.numerics.iter().map(|class| class.name()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// Every operation, sorted by name.
#[must_use]
pub fn ops() -> &'static [Op] {
    crate::ops::CATALOGUE
}

/// Every kernel, each once: by what they compute, skeleton, dtype and instruction set.
#[must_use]
pub fn kernels() -> &'static [Kernel] {
    crate::ops::KERNELS
}

/// Every group of kernels that compete for the same rows.
#[must_use]
pub fn groups() -> &'static [Group] {
    crate::ops::GROUPS
}

/// The operation of that name.
///
/// # Errors
/// [`Error::Unknown`] with the names there are.
pub fn op(name: &str) -> Result<&'static Op, Error> {
    ops().iter().find(|op| op.name == name).ok_or_else(|| Error::Unknown {
        kind: "operation",
        name: name.to_owned(),
        known: ops().iter().map(|op| op.name).collect::<Vec<_>>().join(", "),
    })
}
