//! What generated functions are made of.

use std::sync::OnceLock;

use raptors::catalogue::{self, InputKind, Op};

use crate::Name;

/// A function as the spec describes it, for people and for tests.
pub(crate) struct Described {
    pub(crate) name: Name,
    pub(crate) summary: Name,
    /// The spec's file and line.
    pub(crate) spec: Name,
    /// Names and forms.
    pub(crate) inputs: &'static [(Name, Name)],
    /// Empty for element-by-element operations.
    pub(crate) axes: &'static [Name],
    pub(crate) dtypes: &'static [Name],
    pub(crate) numerics: &'static [Name],
    /// The same in `NumPy`, as an expression.
    pub(crate) numpy: Option<Name>,
    /// What `NumPy` says of no elements, where they have no result.
    pub(crate) of_none: Option<Name>,
    /// Of scalars that a call can leave out, what is taken then.
    pub(crate) defaults: &'static [(Name, f64)],
    /// Of a reduction in stages, the types of its results: `element`, `int64`, `bool`.
    pub(crate) results: &'static [Name],
    /// What calls of a reduction can be told beside its axes: `dtype`, `initial`, `where`.
    pub(crate) takes: &'static [Name],
}

/// An element-by-element operation.
pub(crate) struct Map {
    pub(crate) op: Lazy,
    /// What serves where rows, columns and scalars stand in the place of matrices.
    pub(crate) forms: &'static [Form],
}

impl Map {
    pub(crate) const fn new(name: Name, forms: &'static [Form]) -> Self {
        Self { op: Lazy::new(name), forms }
    }
}

/// An operation that computes the same for other kinds of arguments.
pub(crate) struct Form {
    /// Of the function's arguments.
    pub(crate) kinds: &'static [InputKind],
    pub(crate) op: Lazy,
    /// Of each argument of the operation, which of the function's it is.
    pub(crate) order: &'static [usize],
}

impl Form {
    pub(crate) const fn new(kinds: &'static [InputKind], op: Name, order: &'static [usize]) -> Self {
        Self { kinds, op: Lazy::new(op), order }
    }
}

/// A reduction: its operations over all elements, axis 0 and axis 1, those that the spec has.
pub(crate) struct Reduce {
    pub(crate) name: Name,
    pub(crate) ops: [Option<Lazy>; 3],
}

impl Reduce {
    pub(crate) const fn new(name: Name, ops: [Option<Name>; 3]) -> Self {
        const fn lazy(op: Option<Name>) -> Option<Lazy> {
            match op {
                Some(name) => Some(Lazy::new(name)),
                None => None,
            }
        }
        Self { name, ops: [lazy(ops[0]), lazy(ops[1]), lazy(ops[2])] }
    }
}

/// A reduction in stages: its operations, and what the last of its arguments are if a call leaves them out.
pub(crate) struct Staged {
    pub(crate) reduce: Reduce,
    pub(crate) defaults: &'static [f64],
    /// Whether it takes arrays as they lie, and what calls can be told of them.
    pub(crate) takes_arrays: bool,
}

impl Staged {
    pub(crate) const fn new(
        name: Name,
        ops: [Option<Name>; 3],
        defaults: &'static [f64],
        takes_arrays: bool,
    ) -> Self {
        Self { reduce: Reduce::new(name, ops), defaults, takes_arrays }
    }
}

/// An operation of the catalogue, looked up when first called.
pub(crate) struct Lazy {
    name: Name,
    op: OnceLock<&'static Op>,
}

impl Lazy {
    const fn new(name: Name) -> Self {
        Self { name, op: OnceLock::new() }
    }

    /// # Panics
    /// If the library was built from other specs than this package.
    #[inline]
    pub(crate) fn get(&self) -> &'static Op {
        self.op.get_or_init(|| catalogue::op(self.name).expect("one build makes operations and functions"))
    }
}
