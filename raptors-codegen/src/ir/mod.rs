//! Lower: what is computed, and a variant, to a loop skeleton and an expression DAG. No instruction is named yet.
//!
//! A kernel is what is lowered here, and nothing else: operations whose kernels have equal bodies share them.
//! [`Kernel::identity`] is known before anything is written.

pub mod any_order;
pub mod dag;

use std::{fmt::Write as _, hash::Hasher as _};

use dag::{Dag, Id, Node};
use fnv::FnvHasher;

use crate::{
    Dtype, Isa,
    computation::{Body, Computation},
    op::Family,
    spec::{self, Field as SpecField, InputKind, Schedule, Unary, text::Function},
    variant::Variant,
};

/// A kernel, ready to be written for its ISA.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// What it computes, as its name has it.
    pub computes: String,
    /// The same, however long.
    pub formula: String,
    /// The kinds of its arguments, a letter each.
    pub takes: String,
    /// Order and direction.
    pub family: Family,
    /// The dtypes of storage, arithmetic and result.
    pub types: Types,
    /// What it is written for.
    pub isa: &'static Isa,
    /// The variant.
    pub variant: Variant,
    /// How it walks memory.
    pub skeleton: Skeleton,
    /// What it computes.
    pub dag: Dag,
}

/// Three dtypes that need not be one: what is in memory, what is computed with, and what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types {
    /// In memory.
    pub storage: Dtype,
    /// In registers.
    pub arithmetic: Dtype,
    /// Of the result.
    pub result: Dtype,
}

/// How a kernel walks memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Skeleton {
    /// Element by element.
    Map(Map),
    /// To one value a run or a column.
    Reduce(Reduce),
}

/// Element by element, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The arguments.
    pub inputs: Vec<MapInput>,
    /// Intermediate results that later stages and outputs read, in order.
    pub stages: Vec<Stage>,
    /// What is stored.
    pub outputs: Vec<Output>,
    /// The input that is overwritten, if it works in place.
    pub overwrites: Option<usize>,
}

/// An argument of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapInput {
    /// What its parameter is called: `x`, `row`, `col` or `k`, then a letter if there are several.
    pub name: String,
    /// Its form.
    pub kind: InputKind,
}

/// A named intermediate result.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its value.
    pub root: Id,
    /// Whether it is stored, rather than computed again by each stage that reads it.
    pub keep: bool,
}

/// A stored result.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub root: Id,
}

/// A reduction: state, and the order elements are taken in.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// Order and direction.
    pub family: Family,
    /// The state's fields.
    pub state: Vec<Field>,
}

/// One field of the state.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The state of no elements.
    pub init: f64,
    /// With one more element.
    pub step: Id,
    /// Of two states.
    pub merge: Id,
}

/// Elements in each block of a run: the tree's eight accumulators.
pub const BLOCK: usize = 8;
/// The longest leaf of the tree.
pub const LEAF: usize = 128;
/// Bytes of a cache line, which one prefetch hint covers.
pub const LINE: usize = 64;
/// Vectors of a map's step that are loaded before any of them is stored, at most.
pub const GROUP: usize = 8;

/// The state's fields.
///
/// # Panics
/// If an `init` is no constant, which the checker does not let pass.
#[must_use]
pub fn state(fields: &[SpecField], dag: &mut Dag) -> Vec<Field> {
    fields
        .iter()
        .map(|field| Field {
            name: field.name.clone(),
            init: field.init.constant().expect("the checker lets only constants stand in `init`"),
            step: dag.add(&field.step),
            merge: dag.add(&field.merge),
        })
        .collect()
}

/// From the state to the result, which is no part of a kernel: `sum` and `mean` share theirs.
#[must_use]
pub fn finish(reduce: &spec::Reduce, dag: &mut Dag) -> Id {
    match &reduce.finish {
        Some(finish) => dag.add(finish),
        None => dag.intern(Node::State(0)),
    }
}

/// What parameters of a kind are called. No spec has a say in it. They are letters alone, so that what a kernel makes of them
/// with a digit or an underline, `x0` or `k_v`, is the name of no other.
fn parameter(kind: InputKind, number: usize) -> String {
    let base = match kind {
        InputKind::Matrix => "x",
        InputKind::Row => "row",
        InputKind::Column => "col",
        InputKind::Scalar => "k",
    };
    // The second is `xb`; after `xz` comes `xza`.
    let last = char::from(b'a' + u8::try_from(number % 26).expect("less than 26"));
    let last = if number == 0 { String::new() } else { last.to_string() };
    format!("{base}{}{last}", "z".repeat(number / 26))
}

/// Raised whenever what is written for a family changes without a change of its kernels' IR: profiles know by a kernel's
/// identity that it is still what was measured. A test holds the text of the golden kernels against these numbers.
#[must_use]
pub const fn revision(family: Family) -> u32 {
    match family {
        Family::Map | Family::Runs | Family::RunsInOrder | Family::Columns | Family::ColumnTree => 1,
    }
}

impl Kernel {
    /// Lowers one variant of what is computed.
    ///
    /// # Panics
    /// If the family does not fit what is computed, which [`Op::family`](crate::op::Op::family) does not give.
    #[must_use]
    pub fn lower(
        computation: &Computation,
        family: Family,
        dtype: Dtype,
        isa: &'static Isa,
        variant: &Variant,
    ) -> Self {
        let mut dag = Dag::default();
        let skeleton = match &computation.body {
            Body::Map(output) => {
                let mut count = [0; InputKind::ALL.len()];
                let inputs = computation.arguments.iter().map(|argument| {
                    let number = &mut count[argument.kind as usize];
                    *number += 1;
                    MapInput { name: parameter(argument.kind, *number - 1), kind: argument.kind }
                });
                Skeleton::Map(Map {
                    inputs: inputs.collect(),
                    stages: Vec::new(),
                    outputs: vec![Output { name: "out".to_owned(), root: dag.add(output) }],
                    overwrites: variant.inplace,
                })
            }
            Body::Reduce(fields) => Skeleton::Reduce(Reduce { family, state: state(fields, &mut dag) }),
        };
        Self {
            name: variant.kernel_name(&computation.kernel, family, dtype, isa),
            computes: computation.kernel.clone(),
            formula: computation.formula.clone(),
            takes: computation.takes(),
            family,
            types: Types { storage: dtype, arithmetic: dtype, result: dtype },
            isa,
            variant: *variant,
            skeleton,
            dag,
        }
    }

    /// What the kernel is: a hash of its body as it is lowered, the same on every machine (FNV-1a, 64 bits). Kernels of
    /// one identity have one text, whoever asked for them, and by it a profile knows that a kernel is still the one that
    /// was measured.
    #[must_use]
    pub fn identity(&self) -> u64 {
        let Self { formula, takes, family, types, isa, variant, .. } = self;
        // Prefix notation is unambiguous, so this text is the body: a name that is not cut, and what names leave out.
        let name = variant.kernel_name(formula, *family, types.storage, isa);
        let mut body =
            format!("{name} of {takes}, vectors of {} B, text {}", isa.vector_bytes, revision(*family));
        for function in self.functions() {
            write!(body, ", {} {:016x}", function.name(), function.digest()).expect("a String");
        }
        let mut hasher = FnvHasher::default();
        hasher.write(body.as_bytes());
        hasher.finish()
    }

    /// The functions with a text that it calls.
    pub fn functions(&self) -> impl Iterator<Item = Function> {
        self.dag.nodes().filter_map(|node| match node {
            Node::Unary(Unary::Function(function), _) => Some(*function),
            _ => None,
        })
    }

    /// The vocabulary's module that it is written in, and the elements of a vector there.
    ///
    /// Runs take at most eight lanes. A leaf has eight accumulators and takes in eight elements at a time, in order: a
    /// vector of sixteen lanes would have to be put together from two leaves, and that shuffle costs what it saves. Where
    /// the order is free there are no leaves.
    fn module(&self) -> (String, usize) {
        let most = match &self.skeleton {
            Skeleton::Reduce(reduce) if reduce.is_tree_of_runs(&self.dag) => BLOCK,
            _ => usize::MAX,
        };
        self.isa.module(self.types.arithmetic, most)
    }

    /// The vocabulary's module that it is written in: `f32`, or `f32x8` where vectors have more lanes than it takes.
    #[must_use]
    pub fn vocabulary(&self) -> String {
        self.module().0
    }

    /// Elements of a vector.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.module().1
    }

    /// Bytes of a vector.
    #[must_use]
    pub fn vector_bytes(&self) -> usize {
        self.lanes() * self.types.arithmetic.bytes()
    }

    /// Vectors of columns a step down the columns: two cache lines.
    ///
    /// Whole lines, because rows a power of two apart share cache sets: half a line would be gone from the first
    /// cache when its other half is asked for.
    #[must_use]
    pub fn column_vectors(&self) -> usize {
        (2 * LINE / self.vector_bytes()).max(1)
    }

    /// Vectors that must be in registers at once in the inner loop.
    #[must_use]
    pub fn live_vectors(&self) -> usize {
        let unroll = self.variant.unroll;
        match &self.skeleton {
            Skeleton::Map(map) => {
                let is_held = |node: &Node| match node {
                    Node::Input(index) => {
                        matches!(map.inputs[*index].kind, InputKind::Scalar | InputKind::Column)
                    }
                    Node::Literal(_) => true,
                    _ => false,
                };
                let mut held = 0;
                let mut loads = 0;
                let mut peak = 0;
                for output in &map.outputs {
                    let nodes = self.dag.reachable(output.root);
                    held += nodes.iter().filter(|id| is_held(self.dag.node(**id))).count();
                    loads += nodes
                        .iter()
                        .filter(|id| {
                            matches!(self.dag.node(**id), Node::Input(_)) && !is_held(self.dag.node(**id))
                        })
                        .count();
                    peak = peak.max(self.dag.peak(output.root, is_held));
                }
                let ahead =
                    if self.variant.schedule == Schedule::Pipelined { loads + map.outputs.len() } else { 0 };
                let at_once =
                    if self.variant.schedule == Schedule::Pipelined { unroll } else { unroll.min(GROUP) };
                at_once * loads.max(peak).max(ahead) + held
            }
            Skeleton::Reduce(reduce) => {
                if let Some(extreme) = reduce.extreme_of_runs(&self.dag) {
                    return self.live_in_any_order(&extreme);
                }
                let is_held = |node: &Node| matches!(node, Node::Literal(_) | Node::State(_));
                let chains = match reduce.family {
                    Family::Runs => unroll * self.variant.streams * (BLOCK / self.lanes()),
                    Family::ColumnTree => BLOCK,
                    Family::Columns => self.column_vectors(),
                    Family::RunsInOrder | Family::Map => 1,
                };
                let literals = |field: &Field| {
                    let nodes = self.dag.reachable(field.step);
                    nodes.into_iter().filter(|id| matches!(self.dag.node(*id), Node::Literal(_))).count()
                };
                reduce
                    .state
                    .iter()
                    // A lone load is an operand in memory, and takes no register.
                    .map(|field| chains + literals(field) + self.dag.peak(field.step, is_held) - 1)
                    .sum()
            }
        }
    }

    /// Instructions the expression needs for one step of the inner loop, whatever the ISA makes of them.
    #[must_use]
    pub fn minimum(&self) -> Minimum {
        let unroll = self.variant.unroll;
        match &self.skeleton {
            Skeleton::Map(map) => {
                let mut loads = 0;
                let mut work = 0;
                for output in &map.outputs {
                    loads += self
                        .dag
                        .reachable(output.root)
                        .into_iter()
                        .filter(|id| match self.dag.node(*id) {
                            Node::Input(index) => {
                                matches!(map.inputs[*index].kind, InputKind::Matrix | InputKind::Row)
                            }
                            _ => false,
                        })
                        .count();
                    work += self.dag.work(output.root);
                }
                Minimum {
                    loads: unroll * loads,
                    stores: unroll * map.outputs.len(),
                    arithmetic: unroll * work,
                }
            }
            Skeleton::Reduce(reduce) => {
                let work: usize = reduce.state.iter().map(|field| self.dag.work(field.step)).sum();
                let fields = reduce.state.len();
                match reduce.family {
                    Family::Runs if !reduce.is_tree_of_runs(&self.dag) => {
                        let vectors = any_order::PAIR * unroll * self.variant.streams;
                        Minimum { loads: vectors, stores: 0, arithmetic: vectors * work }
                    }
                    Family::Runs => {
                        let vectors = unroll * self.variant.streams * (BLOCK / self.lanes());
                        Minimum { loads: vectors, stores: 0, arithmetic: vectors * work }
                    }
                    Family::RunsInOrder | Family::Map => Minimum { loads: 1, stores: 0, arithmetic: work },
                    Family::Columns => {
                        let width = self.column_vectors();
                        Minimum {
                            loads: width * (unroll + fields),
                            stores: width * fields,
                            arithmetic: width * unroll * work,
                        }
                    }
                    Family::ColumnTree => Minimum { loads: 1 + fields, stores: fields, arithmetic: work },
                }
            }
        }
    }
}

/// What one step of the inner loop cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// Vectors read.
    pub loads: usize,
    /// Vectors written.
    pub stores: usize,
    /// Operations of the expression.
    pub arithmetic: usize,
}
