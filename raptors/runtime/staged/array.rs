//! Reductions in stages over any axes of an array as it lies: stage after stage, each over all of the array. What a stage sums is
//! computed where it is taken in, in the order of the array without gaps that `NumPy` would make of it.

use super::{By, Fold, Formula, MOST, Output, Scope, Slot, Staged, Terms, as_f64};
use crate::{
    ArrayRef, Asked, Element, Error, Plan,
    array::{Elements, Operand, Over, Terms as Computed, by_counts, compact_as, follows_plans},
    catalogue::{Axis, Call, Value},
    dispatch::table::Target,
    runtime::{check, pool},
    walk, watch,
};

/// Results that are finished together.
const TOGETHER: usize = 1 << 10;

/// Elements of each result.
enum Counts {
    /// As many of each.
    All(usize),
    /// Those that the mask has.
    Each(Vec<usize>),
}

impl Counts {
    fn of<T: Element>(over: &Over<'_, T>) -> Result<Self, Error> {
        let Some(mask) = &over.mask else { return Ok(Self::All(over.plan.count())) };
        let mut counts = pool::filled(over.plan.results(), 0)?;
        by_counts(mask, &over.plan, &mut counts, &mut |to, count| *to = count);
        Ok(Self::Each(counts))
    }

    fn at(&self, result: usize) -> f64 {
        as_f64(match self {
            Self::All(count) => *count,
            Self::Each(counts) => counts[result],
        } as u64)
    }
}

/// The arguments of a call.
#[derive(Clone, Copy)]
struct Given<'c, 'a, T: Element> {
    over: &'c Over<'a, T>,
    values: &'c [Value<'a, T>],
    /// The scalars as formulas take them, each in its place.
    scalars: [f64; MOST],
}

impl<T: Element> Staged<T> {
    /// The results go to the slots in the order of the plan, which is that of the elements' plain sum.
    pub(super) fn array(
        &self,
        call: &Call<'_>,
        over: &Over<'_, T>,
        values: &[Value<'_, T>],
        scalars: [f64; MOST],
        mut slots: Vec<Slot<'_, T>>,
    ) -> Result<(), Error> {
        let results = over.plan.results();
        let first = self.takes_arrays(over, values)?;
        follows_plans(call.numerics)?;
        for slot in &slots {
            check::length("out", slot.len(), results)?;
        }
        if results == 0 {
            return Ok(());
        }
        if over.plan.count() == 0 && !self.has_identity {
            return Err(Error::Empty { op: self.op });
        }
        let given = Given { over, values, scalars };
        let mut compute = |call: &Call<'_>| self.stage_by_stage(call, given, &mut slots);
        if watch::is_on() {
            let bytes = over.x.len().saturating_mul(size_of::<T>());
            let cols = over.plan.count();
            let target = Target { rows: results, cols, bytes, contiguous: false, stores: false };
            return watch::counted(self.op, (first.along.numpy, T::DTYPE), call, target, compute);
        }
        compute(call)
    }

    /// Refuses what needs a matrix. Hands out the first of what is reduced.
    fn takes_arrays(&self, over: &Over<'_, T>, values: &[Value<'_, T>]) -> Result<&Fold<T>, Error> {
        let refused = |what, expected, got| Err(Error::Form { op: self.op, what, expected, got });
        let is_array = |&at: &usize| matches!(values.get(at), Some(Value::Array(_)));
        let mut folds = self.stages.iter().filter_map(|stage| stage.fold.as_ref());
        let all = folds.clone().all(|fold| {
            let takes = match &fold.terms {
                Terms::Matrix(_) => true,
                Terms::Map { operands, without_nan, .. } => {
                    without_nan.is_none() && operands.iter().any(is_array)
                }
            };
            takes && matches!(fold.by, By::Value)
        });
        let arrays = (0..values.len()).filter(is_array).count();
        let others = values.iter().filter(|value| !matches!(value, Value::Array(_) | Value::Scalar(_)));
        let of_elements = self.outputs.iter().all(|output| matches!(output, Output::Element(_)));
        if self.axis != Axis::Zero || arrays != 1 || others.count() > 0 || !all || !of_elements {
            return refused("the argument", "a matrix", "an array");
        }
        if over.start.is_some() {
            return refused("initial", "none: its results are no states", "a value");
        }
        Ok(folds.next().expect("a checked spec reduces something"))
    }

    fn stage_by_stage(
        &self,
        call: &Call<'_>,
        given: Given<'_, '_, T>,
        slots: &mut [Slot<'_, T>],
    ) -> Result<(), Error> {
        let results = given.over.plan.results();
        let counts = Counts::of(given.over)?;
        let mut found: Vec<Vec<T>> = Vec::with_capacity(self.stages.len());
        for stage in self.stages {
            let mut value = pool::filled(results, T::ZERO)?;
            if let Some(fold) = &stage.fold {
                fold.array(call, given, &found, &mut value)?;
            }
            if let Some(finish) = stage.finish {
                finished(finish, &found, given.scalars, &counts, &mut value);
            }
            found.push(value);
        }
        for (output, slot) in self.outputs.iter().zip(slots) {
            if let (Output::Element(formula), Slot::Element(out)) = (output, slot) {
                finished(*formula, &found, given.scalars, &counts, out);
            }
        }
        Ok(())
    }
}

/// Values of a formula, in the place of what came of the reduction.
fn finished<T: Element>(
    formula: Formula,
    found: &[Vec<T>],
    scalars: [f64; MOST],
    counts: &Counts,
    out: &mut [T],
) {
    let wide = |of: &[T]| of.iter().map(|value| value.to_f64()).collect::<Vec<_>>();
    for (at, out) in out.chunks_mut(TOGETHER).enumerate() {
        let first = at * TOGETHER;
        let stages: Vec<_> = found.iter().map(|value| wide(&value[first..][..out.len()])).collect();
        let acc = wide(out);
        for (index, out) in out.iter_mut().enumerate() {
            let scope = Scope { acc: &acc, scalars, stages: &stages, count: counts.at(first + index) };
            // Rounded once to the operation's dtype, which later stages compute in.
            *out = T::from_f64(formula(&scope, index));
        }
    }
}

impl<T: Element> Fold<T> {
    /// What comes of a stage's reduction, for each result in the order of the call's plan.
    fn array(
        &self,
        call: &Call<'_>,
        Given { over, values, .. }: Given<'_, '_, T>,
        found: &[Vec<T>],
        out: &mut [T],
    ) -> Result<(), Error> {
        let Terms::Map { operands, fill, .. } = &self.terms else {
            let by = if over.plan.goes_down() { self.along } else { self.run };
            return by.over(call, over, out);
        };
        let (shape, own) = (over.x.shape(), over.x.strides());
        let strides = over.plan.result_strides();
        let operand = |&at: &usize| match (values.get(at), at.checked_sub(values.len())) {
            (Some(Value::Scalar(value)), _) => Ok(Operand::Scalar(*value)),
            (_, Some(stage)) => Ok(Operand::Row(ArrayRef::new(&found[stage], &shape, &strides, 0)?)),
            _ => Ok(Operand::Matrix(over.x.clone())),
        };
        let operands = operands.iter().map(operand).collect::<Result<Vec<_>, Error>>()?;
        // NumPy computes them into an array of its own, which lies as its arguments do.
        let rows = operands.iter().any(|operand| matches!(operand, Operand::Row(_)));
        let order = if rows { walk(&shape, &[&own, &strides]) } else { walk(&shape, &[&own]) };
        let mask = over.mask.as_ref().map(ArrayRef::strides);
        let plan = Plan::new(&Asked {
            shape: &shape,
            strides: &compact_as(&shape, &order),
            reduced: over.plan.reduced(),
            out: None,
            mask: mask.as_deref(),
            buffered: false,
        });
        let by = if plan.goes_down() { self.along } else { self.run };
        let order: Vec<usize> = over.plan.kept_order().collect();
        let is_same = plan.kept_order().eq(order.iter().copied());
        let there = plan.result_strides();
        let elements = Elements::from(Computed { fill: *fill, operands });
        let computed = Over { x: elements, plan, mask: over.mask.clone(), start: None };
        if is_same {
            return by.over(call, &computed, out);
        }
        let mut results = pool::filled(out.len(), T::ZERO)?;
        by.over(call, &computed, &mut results)?;
        let of = |&axis: &usize| (shape[axis], there[axis]);
        let (lens, strides): (Vec<_>, Vec<_>) = order.iter().map(of).unzip();
        ArrayRef::new(&results, &lens, &strides, 0)?.copy_to(out);
        Ok(())
    }
}
