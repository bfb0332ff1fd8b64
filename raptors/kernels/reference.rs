//! The oracle: an interpreter of the spec's own expressions, one element at a time, in the documented order.
//!
//! It shares nothing with generated kernels but the text of the spec: no vectors, no unrolling, no leaves side by side.

use crate::{
    Element, Error, Numerics,
    catalogue::{Axis, Body, Combine, Field, InputKind, Op, ResultType},
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
                let element = |at: usize| {
                    let (row, col) = over.element(index, at);
                    values(row, col)
                };
                let fold = Fold { fields: state, element: &element };
                let state = fold.all(len, over.in_order(sequential));
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
        let is_numpy = self.numerics == Numerics::Numpy;
        is_numpy && (sequential || (self.axis == Axis::Zero && self.shape.1 > 1))
    }
}

/// What a reduction in stages gives: of each output the result of each row, of each column or of all, in f64, which holds
/// elements, counts and places exactly; 1 for what is true.
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
    for result in 0..results {
        // The inputs where elements are, and the values of the stages so far.
        let mut found: Vec<f64> = Vec::new();
        let values = |at: usize, found: &[f64]| -> Vec<T> {
            let (row, col) = over.element(result, at);
            let inputs = (0..op.inputs.len()).map(|index| input(index, row, col));
            inputs.chain(found.iter().map(|&value| T::from_f64(value))).collect()
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
                let inputs = |at: usize| values(at, &found);
                comes_to(&of, combine, len, over, &inputs)
            });
            found.push(match &stage.finish {
                None => acc,
                Some(finish) => T::from_f64(formula(finish, acc, &found).value()).to_f64(),
            });
        }
        for (all, output) in all.iter_mut().zip(outputs) {
            let formula = formula(&output.value, 0.0, &found);
            all.push(match output.result {
                ResultType::Element => T::from_f64(formula.value()).to_f64(),
                ResultType::Whole => formula.value(),
                ResultType::Truth => f64::from(u8::from(formula.holds())),
            });
        }
    }
    Ok(all)
}

/// What the terms of a stage come to.
fn comes_to<T: Element>(
    of: &Expr,
    combine: Combine,
    len: usize,
    over: Over,
    inputs: &dyn Fn(usize) -> Vec<T>,
) -> f64 {
    let scope = |inputs: &[T], work: &mut dyn FnMut(&Scope<'_, T>)| {
        work(&Scope { inputs, state: &[], other: &[], count: 0 });
    };
    let term = |at: usize| {
        let mut value = T::ZERO;
        scope(&inputs(at), &mut |scope| value = of.value(scope));
        value
    };
    let element = |at: usize| vec![term(at)];
    let by = |field: &Field, sequential: bool| {
        let fold = Fold { fields: std::slice::from_ref(field), element: &element };
        fold.all(len, over.in_order(sequential))[0].to_f64()
    };
    #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
    let whole = |count: usize| count as f64;
    match combine {
        Combine::Add => by(&SUM, false),
        Combine::Mul => by(&PRODUCT, true),
        Combine::Min => by(&LEAST, false),
        Combine::Max => by(&GREATEST, false),
        Combine::Count => whole(
            (0..len)
                .filter(|&at| {
                    let mut holds = false;
                    scope(&inputs(at), &mut |scope| holds = of.holds(scope));
                    holds
                })
                .count(),
        ),
        Combine::ArgMin | Combine::ArgMax => {
            let is_before = |a: T, b: T| if combine == Combine::ArgMin { a < b } else { a > b };
            let mut best = 0;
            for at in 1..len {
                let (x, extreme) = (term(at), term(best));
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

/// The state of a plain reduction.
macro_rules! plain {
    ($operator:ident, $init:expr) => {
        Field {
            name: "acc",
            init: Expr::Literal($init),
            step: Expr::$operator(&Expr::State(0), &Expr::Input(0)),
            merge: Expr::$operator(&Expr::Side(false, 0), &Expr::Side(true, 0)),
        }
    };
}
static SUM: Field = plain!(Add, 0.0);
static PRODUCT: Field = plain!(Mul, 1.0);
static LEAST: Field = plain!(Min, f64::INFINITY);
static GREATEST: Field = plain!(Max, f64::NEG_INFINITY);

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

    /// The state of all elements.
    fn all(&self, len: usize, in_order: bool) -> Vec<T> {
        if in_order { self.in_order(self.init(), 0, len) } else { self.tree(0, len) }
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
