//! All elements as one run: by nodes of the tree, which threads share.

use super::{BLOCK_BYTES, By, Fold, SHARED_BYTES, Terms, Work, as_f64, elements, operands::Operands};
use crate::{
    Element, Error, MatrixRef, Numerics,
    dispatch::{
        call::Ready,
        table::{Cut, Target},
    },
    runtime::{
        chunk,
        reduce::{Order, States},
        threads,
    },
};

/// What has been found of one stage in some elements.
#[derive(Clone, Copy)]
struct Found<T> {
    /// What they come to.
    state: T,
    /// How many masks hold.
    count: u64,
    /// The block of the extreme: where it begins, and its length.
    block: (usize, usize),
}

impl<T: Element> Work<'_, T> {
    /// The values of all stages, of all elements.
    pub(super) fn of_run(
        &self,
        operands: &Operands<'_, T>,
        cut: Option<Cut>,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let stages = self.staged.stages;
        // A run whose elements are taken in one after another cannot be cut.
        let numerics = self.call.numerics;
        let in_order = |fold: &Fold<T>| fold.is_in_order(numerics);
        let cut = cut.filter(|_| !stages.iter().filter_map(|stage| stage.fold.as_ref()).any(in_order));
        let mut found = vec![vec![0.0]; stages.len()];
        for pass in 0..=self.staged.last_pass() {
            let values: Vec<_> = found.iter().map(|value| vec![T::from_f64(value[0])]).collect();
            let operands = operands.with(&values, self.staged.axis).flattened();
            let run = Run::new(self, &operands, pass)?;
            for ((at, fold), result) in self.folds(pass).zip(run.all(cut)?) {
                found[at][0] = match fold.by {
                    By::Value => result.state.to_f64(),
                    By::Count => as_f64(result.count),
                    By::Place => as_f64(run.place(fold, result)? as u64),
                };
            }
            self.staged.finish(pass, self.values, self.count, &mut found);
        }
        Ok(found)
    }
}

/// One pass over a run.
struct Run<'a, 'o, T: Element> {
    operands: &'o Operands<'a, T>,
    folds: Vec<(&'static Fold<T>, Ready<States<T>>)>,
    len: usize,
    /// Elements of a block, at most.
    block: usize,
    numerics: Numerics,
}

impl<'a, 'o, T: Element> Run<'a, 'o, T> {
    fn new(work: &Work<'_, T>, operands: &'o Operands<'a, T>, pass: usize) -> Result<Self, Error> {
        let (rows, cols) = operands.shape();
        let len = rows * cols;
        let is_contiguous = operands.matrices().all(|x| x.is_contiguous());
        let lies = |fold: &Fold<T>| matches!(fold.terms, Terms::Matrix(_)) && is_contiguous;
        let folds: Vec<_> = work.folds(pass).map(|(_, fold)| fold).collect();
        let block = match (folds.iter().all(|fold| lies(fold)), folds.as_slice()) {
            (true, [fold]) if fold.by == By::Value => usize::MAX,
            (true, _) => elements::<T>(SHARED_BYTES),
            _ => elements::<T>(BLOCK_BYTES),
        };
        let each = block.min(len);
        let bytes = each * size_of::<T>();
        let target = Target { rows: 1, cols: each, bytes, contiguous: true, stores: false };
        let with_kernel = |fold: &'static Fold<T>| {
            let table = fold.run.table(work.call.numerics);
            Ok((fold, table.pick(work.call.choice, None, target)?.kernel))
        };
        let folds = folds.into_iter().map(with_kernel).collect::<Result<_, Error>>()?;
        Ok(Self { operands, folds, len, block, numerics: work.call.numerics })
    }

    /// What comes of each stage.
    fn all(&self, cut: Option<Cut>) -> Result<Vec<Found<T>>, Error> {
        let Some(cut) = cut else { return self.node(0, self.len) };
        let most = cut.piece(self.len * size_of::<T>()) / size_of::<T>();
        let nodes: Vec<_> = chunk::nodes(self.len, most).collect();
        let mut parts: Vec<_> = nodes.iter().map(|_| Ok(Vec::new())).collect();
        threads::run(cut.threads, nodes.iter().zip(&mut parts), |(&(start, len), part)| {
            *part = self.node(start, len);
        })?;
        let parts = parts.into_iter().collect::<Result<Vec<_>, Error>>()?;
        Ok(chunk::joined(self.len, most, &mut parts.into_iter(), &|a, b| self.merged(a, b)))
    }

    fn merged(&self, a: Vec<Found<T>>, b: Vec<Found<T>>) -> Vec<Found<T>> {
        self.folds.iter().zip(a.into_iter().zip(b)).map(|((fold, _), (a, b))| fold.merged(a, b)).collect()
    }

    /// A node of the tree, by smaller ones.
    fn node(&self, start: usize, len: usize) -> Result<Vec<Found<T>>, Error> {
        let mut memory = vec![T::ZERO; 1 + self.block.min(len)];
        let mut parts = Vec::new();
        for (from, len) in chunk::nodes(len, self.block) {
            let block = (start + from, len);
            let found = self.folds.iter().map(|(fold, kernel)| {
                if fold.is_in_order(self.numerics) {
                    return Ok(fold.found(fold.run.init, block));
                }
                let terms = self.operands.stretch(fold, block, &mut memory)?;
                Ok(fold.found(fold.state(kernel, terms), block))
            });
            parts.push(found.collect::<Result<Vec<_>, Error>>()?);
        }
        let mut found = chunk::joined(len, self.block, &mut parts.into_iter(), &|a, b| self.merged(a, b));
        for ((fold, kernel), found) in self.folds.iter().zip(&mut found) {
            if fold.is_in_order(self.numerics) {
                found.state = self.in_order(fold, kernel, (start, len))?;
            }
        }
        Ok(found)
    }

    /// A run whose elements are taken in one after another: a block begins with what came of those before, which is the
    /// same as going on, since the state of no elements changes none.
    fn in_order(
        &self,
        fold: &Fold<T>,
        kernel: &Ready<States<T>>,
        (start, len): (usize, usize),
    ) -> Result<T, Error> {
        let block = elements::<T>(BLOCK_BYTES).min(len);
        let mut memory = vec![fold.run.init; 1 + block];
        for from in (0..len).step_by(block.max(1)) {
            let part = block.min(len - from);
            self.operands.stretch_into(fold, start + from, &mut memory[1..=part])?;
            memory[0] = fold.state(kernel, &memory[..=part]);
        }
        Ok(memory[0])
    }

    /// Where in the run the extreme of a stage stands.
    fn place(&self, fold: &Fold<T>, found: Found<T>) -> Result<usize, Error> {
        let (start, len) = found.block;
        let mut memory = vec![T::ZERO; len.min(self.block)];
        Ok(start + position(self.operands.stretch(fold, found.block, &mut memory)?, found.state))
    }
}

impl<T: Element> Fold<T> {
    /// Whether the elements of a run are taken in one after another.
    fn is_in_order(&self, numerics: Numerics) -> bool {
        self.run.order == Order::Sequence && numerics == Numerics::Numpy
    }

    fn state(&self, kernel: &Ready<States<T>>, run: &[T]) -> T {
        let mut state = [self.run.init];
        kernel.call((MatrixRef::from_row(run), &mut state));
        state[0]
    }

    fn found(&self, state: T, block: (usize, usize)) -> Found<T> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of a block")]
        let count = if self.by == By::Count { state.to_f64() as u64 } else { 0 };
        Found { state, count, block }
    }

    fn merged(&self, a: Found<T>, b: Found<T>) -> Found<T> {
        let state = (self.run.merge)(a.state, b.state);
        // The first of equal ones, and of NaNs.
        let block = if self.is_better(b.state, a.state) { b.block } else { a.block };
        Found { state, count: a.count + b.count, block }
    }

    /// Whether an extreme that comes later takes the place of the one before.
    pub(super) fn is_better(&self, later: T, before: T) -> bool {
        let both = (self.run.merge)(before, later);
        !before.is_nan() && (both.is_nan() || both != before)
    }
}

/// Where an extreme stands first among these: a NaN, or what equals it.
///
/// # Panics
/// If it is none of them.
pub(super) fn position<T: Element>(run: &[T], extreme: T) -> usize {
    // A part without a branch in it, which becomes vectors.
    const PART: usize = 64;
    let is_there = |x: T| x == extreme || (x.is_nan() & extreme.is_nan());
    let parts = run.chunks(PART);
    let at =
        parts.map(|part| part.iter().fold(false, |found, &x| found | is_there(x))).position(|found| found);
    let start = PART * at.expect("the extreme of a run is one of its elements");
    start + run[start..].iter().position(|&x| is_there(x)).expect("it is in this part")
}
