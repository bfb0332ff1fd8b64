//! All elements of a block as one run: by nodes of the tree, which threads share.

use super::{
    BLOCK_BYTES, By, Fold, SHARED_BYTES, Terms, Work, as_f64, elements,
    operands::{Block, Operands, Values},
};
use crate::{
    Element, Error, MatrixRef, Numerics,
    catalogue::Axis,
    dispatch::{
        call::Ready,
        table::{Cut, Target},
    },
    kernels::search,
    runtime::{
        chunk,
        reduce::{Order, States},
        scratch, threads,
    },
};

/// What has been found of one stage in some elements.
#[derive(Clone, Copy)]
struct Found<T> {
    /// What they come to.
    state: T,
    /// How many masks hold.
    count: u64,
    /// The elements of the extreme: where they begin, and how many they are.
    place: (usize, usize),
}

impl<T: Element> Work<'_, T> {
    /// The values of all stages, of all elements of a block. They are those of the result of that number.
    pub(super) fn of_run(&self, block: Block, result: usize, cut: Option<Cut>) -> Result<Vec<f64>, Error> {
        let stages = self.staged.stages;
        // A run whose elements are taken in one after another cannot be cut.
        let in_order = |fold: &Fold<T>| fold.is_in_order(self.call.numerics);
        let cut = cut.filter(|_| !stages.iter().filter_map(|stage| stage.fold.as_ref()).any(in_order));
        // Of a single column or row, the values of stages are one for that.
        let flat = if self.staged.axis == Axis::All { self.operands.flattened() } else { None };
        let (operands, block) = match &flat {
            Some(values) => (Operands { values, ..self.operands }, Block::all((1, block.len()))),
            None => (self.operands, block),
        };
        let mut found = vec![vec![0.0]; stages.len()];
        let mut values = Values::new(stages.len(), result, 1);
        for pass in 0..=self.staged.last_pass() {
            if pass > 0 {
                values.set(&found);
            }
            let run = Run::new(self, operands, block, pass, &values)?;
            for ((at, fold), result) in self.folds(pass).zip(run.all(cut)?) {
                found[at][0] = match fold.by {
                    By::Value => result.state.to_f64(),
                    By::Count => as_f64(result.count),
                    By::Place => as_f64(run.place(fold, result)? as u64),
                };
            }
            self.staged.finish(pass, self.scalars, self.count, &mut found);
        }
        Ok(found.into_iter().map(|value| value[0]).collect())
    }
}

/// One pass over a run.
struct Run<'a, T: Element> {
    operands: Operands<'a, T>,
    region: Block,
    values: &'a Values<T>,
    folds: Vec<(&'static Fold<T>, Ready<States<T>>)>,
    len: usize,
    /// Elements of a block, at most.
    block: usize,
    numerics: Numerics,
}

impl<'a, T: Element> Run<'a, T> {
    fn new(
        work: &Work<'_, T>,
        operands: Operands<'a, T>,
        region: Block,
        pass: usize,
        values: &'a Values<T>,
    ) -> Result<Self, Error> {
        let len = region.len();
        let lies = |fold: &Fold<T>| match fold.terms {
            Terms::Matrix(at) | Terms::Map { without_nan: Some(at), .. } => {
                operands.lies(at, region).is_some()
            }
            Terms::Map { .. } => false,
        };
        let folds: Vec<_> = work.folds(pass).map(|(_, fold)| fold).collect();
        let block = match (folds.iter().all(|fold| lies(fold)), folds.as_slice()) {
            (true, [Fold { terms: Terms::Matrix(_), by: By::Value, .. }]) => usize::MAX,
            (true, _) => elements::<T>(SHARED_BYTES),
            _ => elements::<T>(BLOCK_BYTES),
        };
        let each = block.min(len);
        let bytes = each * size_of::<T>();
        let target = Target { rows: 1, cols: each, bytes, contiguous: true, stores: false };
        let with_kernel = |fold: &'static Fold<T>| {
            let table = fold.run.table(work.call.numerics, (1, each));
            Ok((fold, table.pick(work.call.choice, None, target)?.kernel))
        };
        let folds = folds.into_iter().map(with_kernel).collect::<Result<_, Error>>()?;
        Ok(Self { operands, region, values, folds, len, block, numerics: work.call.numerics })
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
        let one = |(at, (fold, _)): (usize, &(&Fold<T>, _))| {
            let mut parts = parts.iter().map(|part| part[at]);
            chunk::joined(self.len, most, &mut parts, &|a, b| fold.merged(a, b))
        };
        Ok(self.folds.iter().enumerate().map(one).collect())
    }

    /// A node of the tree, by smaller ones.
    fn node(&self, start: usize, len: usize) -> Result<Vec<Found<T>>, Error> {
        // A matrix that is one block is reduced where it lies.
        let memory =
            if self.block == usize::MAX { 0 } else { self.block.min(len).min(elements::<T>(BLOCK_BYTES)) };
        scratch::with(memory, |memory| self.node_with(start, len, memory))
    }

    fn node_with(&self, start: usize, len: usize, memory: &mut [T]) -> Result<Vec<Found<T>>, Error> {
        let blocks = chunk::nodes(len, self.block);
        let mut parts: Vec<Vec<Found<T>>> = self.folds.iter().map(|_| Vec::new()).collect();
        for (from, len) in blocks {
            let place = (start + from, len);
            let mut without_nan = None;
            for ((fold, kernel), parts) in self.folds.iter().zip(&mut parts) {
                parts.push(if fold.is_in_order(self.numerics) {
                    Found { state: fold.run.init, count: 0, place }
                } else {
                    self.of_block(fold, kernel, place, &mut without_nan, memory)?
                });
            }
        }
        let mut all = Vec::with_capacity(self.folds.len());
        for ((fold, kernel), parts) in self.folds.iter().zip(parts) {
            let mut found = chunk::joined(len, self.block, &mut parts.into_iter(), &|a, b| fold.merged(a, b));
            if fold.is_in_order(self.numerics) {
                found.state = self.in_order(fold, kernel, (start, len))?;
            }
            all.push(found);
        }
        Ok(all)
    }

    /// A block of a stage. The argument that other stages have found to be without a NaN there is known to the next ones.
    fn of_block(
        &self,
        fold: &Fold<T>,
        kernel: &Ready<States<T>>,
        place: (usize, usize),
        without_nan: &mut Option<usize>,
        memory: &mut [T],
    ) -> Result<Found<T>, Error> {
        let (start, len) = place;
        if let Some(at) = fold.terms.without_nan()
            && let Some(all) = self.operands.lies(at, self.region)
        {
            let count = fold.count_without_nan(len);
            if fold.by == By::Count && *without_nan == Some(at) {
                return Ok(Found { state: fold.run.init, count, place });
            }
            let state = fold.state(kernel, &all[start..][..len]);
            if !state.is_nan() {
                *without_nan = Some(at);
                return Ok(Found { state, count, place });
            }
        }
        let most = match fold.terms {
            Terms::Matrix(_) => self.block,
            Terms::Map { .. } => elements::<T>(BLOCK_BYTES),
        };
        let mut of_terms = |(from, len): (usize, usize)| {
            let place = (start + from, len);
            let terms = self.operands.stretch(fold, self.region, place, self.values, memory)?;
            let state = fold.state(kernel, terms);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of a block")]
            let count = if fold.by == By::Count { state.to_f64() as u64 } else { 0 };
            Ok(Found { state, count, place })
        };
        if len <= most {
            return of_terms((0, len));
        }
        let parts = chunk::nodes(len, most).map(of_terms).collect::<Result<Vec<_>, Error>>()?;
        Ok(chunk::joined(len, most, &mut parts.into_iter(), &|a, b| fold.merged(a, b)))
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
        scratch::with(1 + block, |memory| {
            memory[0] = fold.run.init;
            for from in (0..len).step_by(block.max(1)) {
                let part = block.min(len - from);
                let to = &mut memory[1..=part];
                self.operands.stretch_into(fold, self.region, start + from, self.values, to)?;
                memory[0] = fold.state(kernel, &memory[..=part]);
            }
            Ok(memory[0])
        })
    }

    /// Where in the run the extreme of a stage stands.
    fn place(&self, fold: &Fold<T>, found: Found<T>) -> Result<usize, Error> {
        let (start, len) = found.place;
        scratch::with(len, |memory| {
            let terms = self.operands.stretch(fold, self.region, found.place, self.values, memory)?;
            Ok(start + position(terms, found.state))
        })
    }
}

impl<T: Element> Fold<T> {
    /// Whether the elements of a run are taken in one after another.
    fn is_in_order(&self, numerics: Numerics) -> bool {
        self.run.order == Order::Sequence && numerics != Numerics::Accurate
    }

    fn state(&self, kernel: &Ready<States<T>>, run: &[T]) -> T {
        let mut state = [self.run.init];
        kernel.call((MatrixRef::from_row(run), &mut state));
        state[0]
    }

    fn merged(&self, a: Found<T>, b: Found<T>) -> Found<T> {
        let state = (self.run.merge)(a.state, b.state);
        // The first of equal ones, and of NaNs.
        let place = if self.is_better(b.state, a.state) { b.place } else { a.place };
        Found { state, count: a.count + b.count, place }
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
    search::first(run, extreme).expect("the extreme of a run is one of its elements")
}
