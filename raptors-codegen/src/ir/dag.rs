//! Expressions as a DAG: equal subexpressions are one node, so that each value is computed once.

use crate::{
    Dtype,
    spec::expr::{Binary, Expr, Unary},
};

/// Index of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub usize);

/// One value. Operands come before their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// The input of that index.
    Input(usize),
    /// The result of the stage of that index.
    Stage(usize),
    /// A field of the reduction's state.
    State(usize),
    /// A field of one of two states being merged.
    Side {
        /// Whether it is the second's.
        second: bool,
        /// Index of the field.
        index: usize,
    },
    /// The number of elements reduced.
    Count,
    /// A constant, by its f64 bits.
    Literal(u64),
    /// One operand.
    Unary(Unary, Id),
    /// Two operands.
    Binary(Binary, Id, Id),
    /// x × y + z, rounded once.
    Fma([Id; 3]),
    /// Where the mask holds the second, else the third.
    Select([Id; 3]),
    /// The value in another dtype, rounded once.
    Convert(Dtype, Id),
}

impl Node {
    /// The nodes it reads.
    #[must_use]
    pub fn operands(&self) -> Vec<Id> {
        match *self {
            Self::Unary(_, x) | Self::Convert(_, x) => vec![x],
            Self::Binary(_, x, y) => vec![x, y],
            Self::Fma(operands) | Self::Select(operands) => operands.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Whether it takes an instruction (rather than being an input or a constant).
    #[must_use]
    pub fn is_work(&self) -> bool {
        !self.operands().is_empty()
    }
}

/// A set of expressions that share nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dag {
    nodes: Vec<Node>,
}

impl Dag {
    /// Adds an expression, and gives its root.
    pub fn add(&mut self, expr: &Expr) -> Id {
        let node = match expr {
            Expr::Input(index) => Node::Input(*index),
            Expr::State(index) => Node::State(*index),
            Expr::Side { second, index } => Node::Side { second: *second, index: *index },
            Expr::Count => Node::Count,
            Expr::Literal(value) => Node::Literal(value.to_bits()),
            Expr::Unary(op, x) => Node::Unary(*op, self.add(x)),
            Expr::Binary(op, x, y) => Node::Binary(*op, self.add(x), self.add(y)),
            Expr::Fma(operands) => Node::Fma(self.add_three(operands)),
            Expr::Select(operands) => Node::Select(self.add_three(operands)),
        };
        self.intern(node)
    }

    fn add_three(&mut self, operands: &[Expr; 3]) -> [Id; 3] {
        operands.each_ref().map(|operand| self.add(operand))
    }

    /// The node's place: that of an equal one, if there is one.
    pub fn intern(&mut self, node: Node) -> Id {
        let at = self.nodes.iter().position(|other| *other == node).unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        });
        Id(at)
    }

    /// Every node, each once.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The node at a place.
    #[must_use]
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0]
    }

    /// Everything `root` needs, operands before users, each once.
    #[must_use]
    pub fn reachable(&self, root: Id) -> Vec<Id> {
        let mut needed = vec![false; self.nodes.len()];
        needed[root.0] = true;
        for at in (0..self.nodes.len()).rev() {
            if needed[at] {
                for operand in self.nodes[at].operands() {
                    needed[operand.0] = true;
                }
            }
        }
        (0..self.nodes.len()).filter(|&at| needed[at]).map(Id).collect()
    }

    /// How many nodes below `root` read `id`.
    #[must_use]
    pub fn uses(&self, root: Id, id: Id) -> usize {
        self.reachable(root)
            .into_iter()
            .flat_map(|user| self.node(user).operands())
            .filter(|operand| *operand == id)
            .count()
    }

    /// Vectors that are live at once while `root` is computed, counting `is_held` nodes (constants, broadcast
    /// scalars) as not part of it: they stay in registers of their own.
    #[must_use]
    pub fn peak(&self, root: Id, is_held: impl Fn(&Node) -> bool) -> usize {
        let order = self.reachable(root);
        let mut last_use = vec![0; self.nodes.len()];
        for (time, &id) in order.iter().enumerate() {
            for operand in self.node(id).operands() {
                last_use[operand.0] = time;
            }
        }
        last_use[root.0] = order.len();
        let live_at = |time: usize| {
            order[..=time].iter().filter(|id| !is_held(self.node(**id)) && last_use[id.0] > time).count()
        };
        (0..order.len()).map(live_at).max().unwrap_or(0).max(1)
    }

    /// Instructions `root` takes for one vector.
    #[must_use]
    pub fn work(&self, root: Id) -> usize {
        self.reachable(root).into_iter().filter(|&id| self.node(id).is_work()).count()
    }
}
