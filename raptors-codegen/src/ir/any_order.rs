//! Reductions whose elements may be taken in any order, and more than once.

use super::{
    Field, Kernel, Reduce,
    dag::{Dag, Id, Node},
};
use crate::{op::Family, spec::expr::Binary};

/// Vectors that are noted together: a comparison of two looks for NaN in both.
pub const PAIR: usize = 2;

/// A state that is the least or the greatest of what its elements come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extreme {
    /// Which of the two.
    pub side: Side,
    /// What an element comes to.
    pub of: Id,
}

/// Least or greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Field {
    /// What it is an extreme of, if it is one: `step` and `merge` are both a plain minimum, or both a plain maximum.
    #[must_use]
    pub fn extreme(&self, dag: &Dag) -> Option<Extreme> {
        let Node::Binary(op, a, b) = *dag.node(self.step) else { return None };
        let side = match op {
            Binary::Min => Side::Min,
            Binary::Max => Side::Max,
            _ => return None,
        };
        let is_state = |id: Id| matches!(dag.node(id), Node::State(_));
        let of = match (is_state(a), is_state(b)) {
            (true, _) => b,
            (_, true) => a,
            _ => return None,
        };
        let Node::Binary(merge, c, d) = *dag.node(self.merge) else { return None };
        let sides = [c, d].map(|id| match dag.node(id) {
            Node::Side { second, .. } => Some(*second),
            _ => None,
        });
        let joins = merge == op && matches!(sides, [Some(one), Some(other)] if one != other);
        (joins && !dag.reachable(of).into_iter().any(is_state)).then_some(Extreme { side, of })
    }
}

impl Reduce {
    /// The extreme it computes of runs, if that is what it does.
    #[must_use]
    pub fn extreme_of_runs(&self, dag: &Dag) -> Option<Extreme> {
        match (&self.state[..], self.family) {
            ([field], Family::Runs) => field.extreme(dag),
            _ => None,
        }
    }

    /// Whether it takes runs in by the pairwise tree.
    #[must_use]
    pub fn is_tree_of_runs(&self, dag: &Dag) -> bool {
        self.family == Family::Runs && self.extreme_of_runs(dag).is_none()
    }
}

impl Kernel {
    /// Vectors that must be in registers at once: the extremes so far, notes of each place, and a pair on its way.
    pub(super) fn live_in_any_order(&self, extreme: &Extreme) -> usize {
        let is_held = |node: &Node| matches!(node, Node::Literal(_));
        let nodes = self.dag.reachable(extreme.of);
        let literals = nodes.into_iter().filter(|id| is_held(self.dag.node(*id))).count();
        let streams = self.variant.streams;
        let pair = PAIR - 1 + self.dag.peak(extreme.of, is_held);
        streams * (PAIR * self.variant.unroll + 1) + literals + pair
    }
}
