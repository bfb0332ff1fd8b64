//! Lower: a candidate to a loop skeleton and an expression DAG. No instruction is named yet.

pub mod dag;

use dag::{Dag, Id, Node};

use crate::{
    Dtype, Isa,
    op::{Family, Form, Op},
    spec::{self, Axis, Body, InputKind, Schedule},
    variant::Variant,
};

/// A kernel, ready to be written for its ISA.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// The operation it belongs to.
    pub op: String,
    /// The dtypes of storage, arithmetic and result.
    pub types: Types,
    /// What it is written for.
    pub isa: &'static Isa,
    /// The variant.
    pub variant: Variant,
    /// File and line it comes from.
    pub source: String,
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
#[derive(Clone, Debug)]
pub enum Skeleton {
    /// Element by element.
    Map(Map),
    /// To one value a run or a column.
    Reduce(Reduce),
}

/// Element by element, row by row.
#[derive(Clone, Debug)]
pub struct Map {
    /// The arguments.
    pub inputs: Vec<MapInput>,
    /// Intermediate results that later stages and outputs read, in order.
    pub stages: Vec<Stage>,
    /// What is stored.
    pub outputs: Vec<Output>,
    /// The input that is overwritten, if it works in place.
    pub overwrites: Option<usize>,
    /// The shape it is for, as its loops see it: a flat operation sees one long row.
    pub shape: Option<(usize, usize)>,
}

/// An argument of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapInput {
    /// Its name.
    pub name: String,
    /// Its form.
    pub kind: InputKind,
}

/// A named intermediate result.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its value.
    pub root: Id,
    /// Whether it is stored, rather than computed again by each stage that reads it.
    pub keep: bool,
}

/// A stored result.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub root: Id,
}

/// A reduction: state, and the order elements are taken in.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// Order and direction.
    pub family: Family,
    /// The state's fields.
    pub state: Vec<Field>,
    /// From the state and the count to the result.
    pub finish: Id,
    /// The shape, in a kernel for one: a reduction of all elements sees one long row.
    pub shape: Option<(usize, usize)>,
    /// Length of every leaf, if the shape gives them all the same.
    pub leaf: Option<usize>,
}

/// One field of the state.
#[derive(Clone, Debug)]
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

/// The length of every leaf of the pairwise tree over `run` elements, if all have the same, in whole blocks.
#[must_use]
pub fn equal_leaf(run: usize) -> Option<usize> {
    let mut leaf = run;
    while leaf > LEAF {
        if !leaf.is_multiple_of(2 * BLOCK) {
            return None;
        }
        leaf /= 2;
    }
    (leaf > 0 && leaf.is_multiple_of(BLOCK)).then_some(leaf)
}

/// The state's fields, and from the state to the result.
///
/// # Panics
/// If an `init` is no constant, which the checker does not let pass.
#[must_use]
pub fn reduction(reduce: &spec::Reduce, dag: &mut Dag) -> (Vec<Field>, Id) {
    let state = reduce
        .state
        .iter()
        .map(|field| Field {
            name: field.name.clone(),
            init: field.init.constant().expect("the checker lets only constants stand in `init`"),
            step: dag.add(&field.step),
            merge: dag.add(&field.merge),
        })
        .collect();
    let finish = match &reduce.finish {
        Some(finish) => dag.add(finish),
        None => dag.intern(Node::State(0)),
    };
    (state, finish)
}

impl Kernel {
    /// Lowers one candidate.
    ///
    /// # Panics
    /// If the operation's form and its spec's body differ, which [`Op::of_spec`] does not make.
    #[must_use]
    pub fn lower(op: &Op<'_>, family: Family, dtype: Dtype, isa: &'static Isa, variant: &Variant) -> Self {
        let mut dag = Dag::default();
        let skeleton = match (op.form, &op.spec.body) {
            (Form::Map, Body::Map { output }) => Skeleton::Map(Map {
                inputs: op
                    .spec
                    .inputs
                    .iter()
                    .map(|input| MapInput { name: input.name.clone(), kind: input.kind })
                    .collect(),
                stages: Vec::new(),
                outputs: vec![Output { name: "out".to_owned(), root: dag.add(output) }],
                overwrites: variant.inplace.then(|| op.first_matrix()),
                shape: variant
                    .shape
                    .map(|(rows, cols)| if op.is_flat() { (1, rows * cols) } else { (rows, cols) }),
            }),
            (Form::Reduce(reduce, axis), _) => {
                let shape = variant.shape.map(|(rows, cols)| match axis {
                    Axis::All => (1, rows * cols),
                    Axis::Zero | Axis::One => (rows, cols),
                });
                let (state, finish) = reduction(reduce, &mut dag);
                let leaf = shape.filter(|_| family == Family::Runs).and_then(|(_, cols)| equal_leaf(cols));
                Skeleton::Reduce(Reduce { family, state, finish, shape, leaf })
            }
            (Form::Map, Body::Reduce(_)) => unreachable!("a map operation comes from a map spec"),
        };
        Self {
            name: variant.kernel_name(&op.name, dtype, isa),
            op: op.name.clone(),
            types: Types { storage: dtype, arithmetic: dtype, result: dtype },
            isa,
            variant: *variant,
            source: format!("{}:{}", op.spec.file, op.spec.line),
            skeleton,
            dag,
        }
    }

    /// The vocabulary's module that it is written in, and the elements of a vector there.
    ///
    /// Runs take at most eight lanes. A leaf has eight accumulators and takes in eight elements at a time, in order: a
    /// vector of sixteen lanes would have to be put together from two leaves, and that shuffle costs what it saves.
    fn module(&self) -> (String, usize) {
        let most = match &self.skeleton {
            Skeleton::Reduce(Reduce { family: Family::Runs, .. }) => BLOCK,
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
