//! The oracle: an interpreter of the spec's own expressions, one element at a time, in the documented order.
//!
//! It shares nothing with generated kernels but the text of the spec: no vectors, no unrolling, no leaves side by side.

use crate::{
    Element, Error, Numerics,
    catalogue::{Axis, Body, Field, Op},
};

/// An expression as the spec states it.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names are the operators of the expression language")]
pub enum Expr {
    /// The argument of that index.
    Input(usize),
    /// The field of that index of the state.
    State(usize),
    /// A field of the first (`false`) or second of two states.
    Side(bool, usize),
    /// The number of elements.
    Count,
    /// A constant.
    Literal(f64),
    Neg(&'static Expr),
    Abs(&'static Expr),
    Sqrt(&'static Expr),
    Floor(&'static Expr),
    Ceil(&'static Expr),
    Trunc(&'static Expr),
    Round(&'static Expr),
    IsNan(&'static Expr),
    Not(&'static Expr),
    Add(&'static Expr, &'static Expr),
    Sub(&'static Expr, &'static Expr),
    Mul(&'static Expr, &'static Expr),
    Div(&'static Expr, &'static Expr),
    Min(&'static Expr, &'static Expr),
    Max(&'static Expr, &'static Expr),
    Copysign(&'static Expr, &'static Expr),
    Rem(&'static Expr, &'static Expr),
    Lt(&'static Expr, &'static Expr),
    Le(&'static Expr, &'static Expr),
    Gt(&'static Expr, &'static Expr),
    Ge(&'static Expr, &'static Expr),
    Eq(&'static Expr, &'static Expr),
    Ne(&'static Expr, &'static Expr),
    And(&'static Expr, &'static Expr),
    Or(&'static Expr, &'static Expr),
    Fma(&'static [Expr; 3]),
    Select(&'static [Expr; 3]),
}

/// What names in an expression stand for.
struct Scope<'a, T> {
    inputs: &'a [T],
    state: &'a [T],
    other: &'a [T],
    count: usize,
}

impl Expr {
    fn value<T: Element>(&self, scope: &Scope<'_, T>) -> T {
        let at = |expr: &Self| expr.value(scope);
        match *self {
            Self::Input(index) => scope.inputs[index],
            Self::State(index) | Self::Side(false, index) => scope.state[index],
            Self::Side(true, index) => scope.other[index],
            #[allow(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
            Self::Count => T::from_f64(scope.count as f64),
            Self::Literal(value) => T::from_f64(value),
            Self::Neg(x) => -at(x),
            Self::Abs(x) => at(x).abs(),
            Self::Sqrt(x) => at(x).sqrt(),
            Self::Floor(x) => at(x).floor(),
            Self::Ceil(x) => at(x).ceil(),
            Self::Trunc(x) => at(x).trunc(),
            Self::Round(x) => at(x).round(),
            Self::Add(x, y) => at(x) + at(y),
            Self::Sub(x, y) => at(x) - at(y),
            Self::Mul(x, y) => at(x) * at(y),
            Self::Div(x, y) => at(x) / at(y),
            Self::Min(x, y) => Element::min(at(x), at(y)),
            Self::Max(x, y) => Element::max(at(x), at(y)),
            Self::Copysign(x, y) => at(x).copysign(at(y)),
            Self::Rem(x, y) => at(x).rem(at(y)),
            Self::Fma([x, y, z]) => at(x).fma(at(y), at(z)),
            Self::Select([mask, x, y]) => {
                if mask.holds(scope) {
                    at(x)
                } else {
                    at(y)
                }
            }
            _ => unreachable!("the checker lets no mask stand where a value is needed"),
        }
    }

    fn holds<T: Element>(&self, scope: &Scope<'_, T>) -> bool {
        let at = |expr: &Self| expr.value(scope);
        match *self {
            Self::IsNan(x) => at(x).is_nan(),
            Self::Lt(x, y) => at(x) < at(y),
            Self::Le(x, y) => at(x) <= at(y),
            Self::Gt(x, y) => at(x) > at(y),
            Self::Ge(x, y) => at(x) >= at(y),
            Self::Eq(x, y) => at(x) == at(y),
            Self::Ne(x, y) => at(x) != at(y),
            Self::And(x, y) => x.holds(scope) && y.holds(scope),
            Self::Or(x, y) => x.holds(scope) || y.holds(scope),
            Self::Not(x) => !x.holds(scope),
            _ => unreachable!("the checker lets no value stand where a mask is needed"),
        }
    }
}

/// What an operation gives, element by element: a map its `rows × cols` elements, a reduction one value, a row or a
/// column. `input(index, row, col)` is the value of argument `index` at that place (a row's does not depend on `row`,
/// and so on).
///
/// # Errors
/// [`Error::Empty`] for a reduction of no elements that has no identity.
pub fn reference<T: Element>(
    op: &Op,
    numerics: Numerics,
    (rows, cols): (usize, usize),
    input: impl Fn(usize, usize, usize) -> T,
) -> Result<Vec<T>, Error> {
    let values = |row: usize, col: usize| -> Vec<T> {
        (0..op.inputs.len()).map(|index| input(index, row, col)).collect()
    };
    match op.body {
        Body::Map(expr) => Ok((0..rows * cols)
            .map(|at| {
                let inputs = values(at / cols, at % cols);
                expr.value(&Scope { inputs: &inputs, state: &[], other: &[], count: 0 })
            })
            .collect()),
        Body::Reduce { axis, state, finish, sequential, has_identity } => {
            let (results, len) = match axis {
                Axis::All => (1, rows * cols),
                Axis::Zero => (cols, rows),
                Axis::One => (rows, cols),
            };
            if len == 0 && results > 0 && !has_identity {
                return Err(Error::Empty { op: op.name });
            }
            let in_order = match axis {
                _ if sequential => numerics == Numerics::Numpy,
                Axis::Zero => numerics == Numerics::Numpy && cols > 1,
                _ => false,
            };
            let result = |index: usize| {
                let element = |at: usize| match axis {
                    Axis::All => values(at / cols, at % cols),
                    Axis::Zero => values(at, index),
                    Axis::One => values(index, at),
                };
                let fold = Fold { fields: state, element: &element };
                let state = if in_order { fold.in_order(fold.init(), 0, len) } else { fold.tree(0, len) };
                match finish {
                    None => state[0],
                    Some(expr) => {
                        // Computed in f64 and rounded once, whatever the dtype.
                        let state: Vec<f64> = state.iter().map(|x| x.to_f64()).collect();
                        T::from_f64(expr.value(&Scope { inputs: &[], state: &state, other: &[], count: len }))
                    }
                }
            };
            Ok((0..results).map(result).collect())
        }
    }
}

struct Fold<'a, T> {
    fields: &'a [Field],
    element: &'a dyn Fn(usize) -> Vec<T>,
}

impl<T: Element> Fold<'_, T> {
    fn init(&self) -> Vec<T> {
        let scope = Scope { inputs: &[], state: &[], other: &[], count: 0 };
        self.fields.iter().map(|field| field.init.value(&scope)).collect()
    }

    fn step(&self, state: &[T], at: usize) -> Vec<T> {
        let inputs = (self.element)(at);
        let scope = Scope { inputs: &inputs, state, other: &[], count: 0 };
        self.fields.iter().map(|field| field.step.value(&scope)).collect()
    }

    fn merge(&self, state: &[T], other: &[T]) -> Vec<T> {
        let scope = Scope { inputs: &[], state, other, count: 0 };
        self.fields.iter().map(|field| field.merge.value(&scope)).collect()
    }

    fn in_order(&self, state: Vec<T>, from: usize, to: usize) -> Vec<T> {
        (from..to).fold(state, |state, at| self.step(&state, at))
    }

    /// The pairwise tree over the elements from `start`, `len` of them.
    fn tree(&self, start: usize, len: usize) -> Vec<T> {
        if len > 128 {
            let half = len / 2 - len / 2 % 8;
            return self.merge(&self.tree(start, half), &self.tree(start + half, len - half));
        }
        let whole = len - len % 8;
        let accumulator = |j: usize| {
            (start + j..start + whole).step_by(8).fold(self.init(), |state, at| self.step(&state, at))
        };
        let r: Vec<Vec<T>> = (0..8).map(accumulator).collect();
        let quarter = |j: usize| self.merge(&self.merge(&r[j], &r[j + 1]), &self.merge(&r[j + 2], &r[j + 3]));
        self.in_order(self.merge(&quarter(0), &quarter(4)), start + whole, start + len)
    }
}
