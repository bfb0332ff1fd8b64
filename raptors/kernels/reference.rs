//! The oracle: an interpreter of the spec's own expressions, one element at a time, in the documented order.
//!
//! It shares nothing with generated kernels but the text of the spec: no vectors, no unrolling, no leaves side by side.

use crate::{
    Element, Error, Function, Numerics,
    catalogue::{Axis, Body, Combine, InputKind, Op, ResultType},
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
    Exponent(&'static Expr),
    Mantissa(&'static Expr),
    Pow2(&'static Expr),
    /// A function that is a text.
    Function(&'static Function, &'static Expr),
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
            Self::Exponent(x) => at(x).exponent(),
            Self::Mantissa(x) => at(x).mantissa(),
            Self::Pow2(x) => at(x).pow2(),
            Self::Function(function, x) => T::function(function, at(x)),
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
        Body::Staged { .. } => {
            let results = staged(op, numerics, (rows, cols), input)?;
            Ok(results.into_iter().flatten().map(T::from_f64).collect())
        }
        Body::Reduce { axis, state, finish, sequential, has_identity } => {
            let over = Over { axis, shape: (rows, cols), numerics };
            let (results, len) = over.extent();
            if len == 0 && results > 0 && !has_identity {
                return Err(Error::Empty { op: op.name });
            }
            let result = |index: usize| {
                let step = |before: Vec<T>, at: usize| {
                    let (row, col) = over.element(index, at);
                    let scope = Scope { inputs: &values(row, col), state: &before, other: &[], count: 0 };
                    state.iter().map(|field| field.step.value(&scope)).collect()
                };
                let merge = |a: Vec<T>, b: Vec<T>| {
                    let scope = Scope { inputs: &[], state: &a, other: &b, count: 0 };
                    state.iter().map(|field| field.merge.value(&scope)).collect()
                };
                let nothing = Scope { inputs: &[], state: &[], other: &[], count: 0 };
                let init: Vec<T> = state.iter().map(|field| field.init.value(&nothing)).collect();
                let state = Fold { init, step, merge }.all(len, over.in_order(sequential));
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

/// What a reduction runs over.
#[derive(Clone, Copy)]
struct Over {
    axis: Axis,
    shape: (usize, usize),
    numerics: Numerics,
}

impl Over {
    /// How many results there are, and the elements of each.
    const fn extent(self) -> (usize, usize) {
        let (rows, cols) = self.shape;
        match self.axis {
            Axis::All => (1, rows * cols),
            Axis::Zero => (cols, rows),
            Axis::One => (rows, cols),
        }
    }

    /// The place of an element of a result.
    const fn element(self, result: usize, at: usize) -> (usize, usize) {
        match self.axis {
            Axis::All => (at / self.shape.1, at % self.shape.1),
            Axis::Zero => (at, result),
            Axis::One => (result, at),
        }
    }

    /// Whether elements are taken in one after another rather than by the tree.
    fn in_order(self, sequential: bool) -> bool {
        let is_numpy = self.numerics != Numerics::Accurate;
        is_numpy && (sequential || (self.axis == Axis::Zero && self.shape.1 > 1))
    }
}

/// What an operation in stages gives: of each output the result of each row, of each column or of all, or the elements of a
/// matrix; in f64, which holds elements, counts and places exactly; 1 for what is true.
///
/// # Errors
/// [`Error::Empty`] for no elements, where they have no result.
///
/// # Panics
/// If the operation has no stages.
pub fn staged<T: Element>(
    op: &Op,
    numerics: Numerics,
    shape: (usize, usize),
    input: impl Fn(usize, usize, usize) -> T,
) -> Result<Vec<Vec<f64>>, Error> {
    let Body::Staged { axis, stages, outputs, has_identity } = op.body else {
        panic!("`{}` has no stages", op.name)
    };
    let over = Over { axis, shape, numerics };
    let (results, len) = over.extent();
    if len == 0 && results > 0 && !has_identity {
        return Err(Error::Empty { op: op.name });
    }
    let mut all = vec![Vec::with_capacity(results); outputs.len()];
    if op.body.gives_matrix() {
        all[0].resize(shape.0 * shape.1, 0.0);
    }
    for result in 0..results {
        // The values of the stages so far.
        let mut found: Vec<f64> = Vec::new();
        // What an expression gives, element by element, from the inputs there and these values. Elements are counted row after
        // row.
        let each = |found: &[f64], work: &mut dyn FnMut(usize, &Scope<'_, T>)| {
            let mut inputs: Vec<T> = vec![T::ZERO; op.inputs.len()];
            inputs.extend(found.iter().map(|&value| T::from_f64(value)));
            for at in 0..len {
                let (row, col) = over.element(result, at);
                for (index, to) in inputs[..op.inputs.len()].iter_mut().enumerate() {
                    *to = input(index, row, col);
                }
                work(row * shape.1 + col, &Scope { inputs: &inputs, state: &[], other: &[], count: 0 });
            }
        };
        // Where there are no elements, scalars are what they are all the same.
        let formula = |of: &Expr, acc: f64, found: &[f64]| -> Scope64 {
            let inputs = op.inputs.iter().enumerate().map(|(index, of)| match of.kind {
                InputKind::Scalar => input(index, 0, 0).to_f64(),
                _ => 0.0,
            });
            Scope64 { of: *of, acc, inputs: inputs.chain(found.iter().copied()).collect(), count: len }
        };
        for stage in stages {
            let acc = stage.fold.map_or(0.0, |(of, combine)| {
                if combine == Combine::Count {
                    let mut count = 0;
                    each(&found, &mut |_, scope| count += usize::from(of.holds(scope)));
                    return whole(count);
                }
                let mut terms: Vec<T> = Vec::with_capacity(len);
                each(&found, &mut |_, scope| terms.push(of.value(scope)));
                comes_to(&terms, combine, over)
            });
            found.push(match &stage.finish {
                None => acc,
                Some(finish) => T::from_f64(formula(finish, acc, &found).value()).to_f64(),
            });
        }
        for (all, output) in all.iter_mut().zip(outputs) {
            if output.result == ResultType::Matrix {
                let value = output.value;
                each(&found, &mut |at, scope| all[at] = value.value(scope).to_f64());
                continue;
            }
            let formula = formula(&output.value, 0.0, &found);
            all.push(match output.result {
                ResultType::Element => T::from_f64(formula.value()).to_f64(),
                ResultType::Whole | ResultType::Matrix => formula.value(),
                ResultType::Truth => f64::from(u8::from(formula.holds())),
            });
        }
    }
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "counts and places are exact up to 2^53")]
const fn whole(number: usize) -> f64 {
    number as f64
}

/// What the terms of a stage come to.
fn comes_to<T: Element>(terms: &[T], combine: Combine, over: Over) -> f64 {
    let by = |init: f64, operator: fn(T, T) -> T, sequential: bool| {
        let step = |state: T, at: usize| operator(state, terms[at]);
        let fold = Fold { init: T::from_f64(init), step, merge: operator };
        fold.all(terms.len(), over.in_order(sequential)).to_f64()
    };
    match combine {
        Combine::Add => by(0.0, |a, b| a + b, false),
        Combine::Mul => by(1.0, |a, b| a * b, true),
        Combine::Min => by(f64::INFINITY, Element::min, false),
        Combine::Max => by(f64::NEG_INFINITY, Element::max, false),
        Combine::Count => unreachable!("masks are counted where they are computed"),
        Combine::ArgMin | Combine::ArgMax => {
            let is_before = |a: T, b: T| if combine == Combine::ArgMin { a < b } else { a > b };
            let mut best = 0;
            for (at, &x) in terms.iter().enumerate().skip(1) {
                let extreme = terms[best];
                if !extreme.is_nan() && (x.is_nan() || is_before(x, extreme)) {
                    best = at;
                }
            }
            whole(best)
        }
    }
}

/// An expression with what it can use, in f64.
struct Scope64 {
    of: Expr,
    acc: f64,
    inputs: Vec<f64>,
    count: usize,
}

impl Scope64 {
    fn value(&self) -> f64 {
        self.of.value(&Scope { inputs: &self.inputs, state: &[self.acc], other: &[], count: self.count })
    }

    fn holds(&self) -> bool {
        self.of.holds(&Scope { inputs: &self.inputs, state: &[self.acc], other: &[], count: self.count })
    }
}

/// Takes in elements: from `init`, `step` with one after another, `merge` joins two states.
struct Fold<S, Step, Merge> {
    init: S,
    step: Step,
    merge: Merge,
}

impl<S: Clone, Step: Fn(S, usize) -> S, Merge: Fn(S, S) -> S> Fold<S, Step, Merge> {
    /// The state of all elements.
    fn all(&self, len: usize, in_order: bool) -> S {
        if in_order { self.in_order(self.init.clone(), 0, len) } else { self.tree(0, len) }
    }

    fn in_order(&self, state: S, from: usize, to: usize) -> S {
        (from..to).fold(state, &self.step)
    }

    /// The pairwise tree over the elements from `start`, `len` of them.
    fn tree(&self, start: usize, len: usize) -> S {
        let merge = &self.merge;
        if len > 128 {
            let half = len / 2 - len / 2 % 8;
            return merge(self.tree(start, half), self.tree(start + half, len - half));
        }
        let whole = len - len % 8;
        let accumulator =
            |j: usize| (start + j..start + whole).step_by(8).fold(self.init.clone(), &self.step);
        let [r0, r1, r2, r3, r4, r5, r6, r7] = std::array::from_fn(accumulator);
        let low = merge(merge(r0, r1), merge(r2, r3));
        let high = merge(merge(r4, r5), merge(r6, r7));
        self.in_order(merge(low, high), start + whole, start + len)
    }
}
