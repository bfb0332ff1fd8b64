//! Operations in stages: several results of the same elements, or such as need each other, without kernels of their own; and
//! matrices that are computed with such results.
//!
//! A stage computes its terms a block at a time, by the kernel of a map, into memory that stays in the first cache, and
//! reduces them there by the kernels of a plain reduction; a stage whose terms are a matrix as it lies is reduced where
//! that lies. Stages that do not need each other's results share a pass over memory. Blocks are nodes of the tree that a
//! result is defined by, so that no bit depends on them; along the rows and down narrow stripes of columns all passes go
//! through a block before the next one is read.

#![allow(unreachable_pub, reason = "named by the associated types of a public trait, and by no public path")]

mod array;
mod columns;
mod matrix;
mod operands;
mod rows;
mod run;

use std::sync::OnceLock;

use super::{check, chunk, pool, reduce::Reduction, threads};
use crate::{
    Element, Error, Isa, MatrixMut, Numerics,
    catalogue::{self, Arg, Axis, Call, Explanation, Input, InputKind, Out, Place, Value},
    dispatch::table::{Cut, PER_THREAD, Target},
    watch,
};
pub(crate) use matrix::Mapped;
use operands::{Block, Operands};

/// A reduction in stages, of one dtype over one axis.
pub struct Staged<T: Element> {
    /// The operation's name.
    pub(crate) op: &'static str,
    /// Over what.
    pub(crate) axis: Axis,
    /// The arguments.
    pub(crate) inputs: &'static [Input],
    /// The stages, in order.
    pub(crate) stages: &'static [Stage<T>],
    /// The results.
    pub(crate) outputs: &'static [Output],
    /// Whether no elements have a result.
    pub(crate) has_identity: bool,
}

/// A stage.
pub struct Stage<T: Element> {
    /// The pass over memory in which it is computed.
    pub(crate) pass: usize,
    /// What it reduces; without it, it only computes with the results of others.
    pub(crate) fold: Option<Fold<T>>,
    /// Its value, where that is not what comes of the reduction.
    pub(crate) finish: Option<Formula>,
}

/// What a stage reduces, and how.
pub struct Fold<T: Element> {
    /// What is reduced.
    pub(crate) terms: Terms<T>,
    /// What is wanted of it.
    pub(crate) by: By,
    /// Whether its kernels compute the terms of a matrix themselves.
    pub(crate) fused: bool,
    /// Of elements without a NaN, whether all of them are counted.
    pub(crate) counts_numbers: bool,
    /// The plain reduction over the operation's axis.
    pub(crate) along: &'static Reduction<T>,
    /// The plain reduction of a run of elements.
    pub(crate) run: &'static Reduction<T>,
}

impl<T: Element> Fold<T> {
    /// How many of so many elements without a NaN are counted.
    const fn count_without_nan(&self, len: usize) -> u64 {
        if self.counts_numbers { len as u64 } else { 0 }
    }
}

/// What a stage reduces.
pub enum Terms<T: Element> {
    /// The argument of that index, a matrix, as it lies.
    Matrix(usize),
    /// What a map computes.
    Map {
        /// Its arguments, in the order of its kernels: those of the operation, then the values of stages.
        operands: &'static [usize],
        /// Computes the terms of a block.
        fill: Fill<T>,
        /// The argument, a matrix, whose elements that are no NaN are the terms, or are all counted, or none: where its
        /// reduction is no NaN, the terms need not be computed.
        without_nan: Option<usize>,
    },
}

impl<T: Element> Terms<T> {
    const fn without_nan(&self) -> Option<usize> {
        match self {
            Self::Matrix(_) => None,
            Self::Map { without_nan, .. } => *without_nan,
        }
    }
}

/// Computes a map into a block of memory.
pub type Fill<T> = fn(&[Value<'_, T>], MatrixMut<'_, T>) -> Result<(), Error>;

/// What is wanted of a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// What it comes to.
    Value,
    /// The same, a count: exact, whatever the dtype.
    Count,
    /// Where the least or greatest stands.
    Place,
}

/// The value of a result from others, computed in f64.
pub type Formula = fn(&Scope<'_>, usize) -> f64;

/// What a [`Formula`] can use.
pub struct Scope<'a> {
    /// What came of the stage's reduction, for each result.
    pub(crate) acc: &'a [f64],
    /// The arguments that are scalars, each in its place.
    pub(crate) scalars: [f64; MOST],
    /// The values of stages, for each result.
    pub(crate) stages: &'a [Vec<f64>],
    /// The number of elements of a result.
    pub(crate) count: f64,
}

/// A result.
pub enum Output {
    /// Of the operation's dtype.
    Element(Formula),
    /// A whole number.
    Whole(Formula),
    /// True or false.
    Truth(fn(&Scope<'_>, usize) -> bool),
}

/// Where the results of one output go.
#[derive(Debug)]
pub enum Slot<'a, T> {
    /// Results of the operation's dtype.
    Element(&'a mut [T]),
    /// Whole numbers.
    Whole(&'a mut [i64]),
    /// Truth values.
    Truth(&'a mut [bool]),
}

impl<T> Slot<'_, T> {
    const fn len(&self) -> usize {
        match self {
            Self::Element(slice) => slice.len(),
            Self::Whole(slice) => slice.len(),
            Self::Truth(slice) => slice.len(),
        }
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Element(slice) => {
                let (a, b) = slice.split_at_mut(at);
                (Self::Element(a), Self::Element(b))
            }
            Self::Whole(slice) => {
                let (a, b) = slice.split_at_mut(at);
                (Self::Whole(a), Self::Whole(b))
            }
            Self::Truth(slice) => {
                let (a, b) = slice.split_at_mut(at);
                (Self::Truth(a), Self::Truth(b))
            }
        }
    }
}

/// New results, one for each column (`columns`) or row of the first matrix.
pub(crate) fn results<T: Element, R: Copy>(
    values: &[Value<'_, T>],
    columns: bool,
    zero: R,
) -> Result<Vec<R>, Error> {
    let shape =
        values.iter().find_map(|value| if let Value::Matrix(x) = value { Some(x.shape()) } else { None });
    let (rows, cols) = shape.unwrap_or_default();
    let len = if columns { cols } else { rows };
    pool::filled(len, zero)
}

/// Values of an operation's arguments and stages that a formula sees, at most.
const MOST: usize = 16;

/// Bytes of the terms of a block: with what they are computed from, they stay in the first cache.
const BLOCK_BYTES: usize = 16 << 10;
/// Bytes of a block that is read where it lies, by several stages or in search of a place: they stay in the second cache.
const SHARED_BYTES: usize = 128 << 10;

/// Elements of so many bytes.
const fn elements<T>(bytes: usize) -> usize {
    bytes / size_of::<T>()
}

impl<T: Element> Staged<T> {
    /// Which kernel the first reduction of a call runs, and why.
    pub(crate) fn explain(
        &self,
        by: (Isa, Option<Cut>),
        numerics: Numerics,
        shape: (usize, usize),
        spec: (&'static str, usize),
    ) -> Explanation {
        catalogue::explanation(&self.first_fold().along.look_up(by, numerics, shape), spec)
    }

    /// What is reduced first.
    fn first_fold(&self) -> &Fold<T> {
        self.stages.iter().find_map(|stage| stage.fold.as_ref()).expect("a checked spec reduces something")
    }

    /// Carries out a call whose arguments were of any dtype. Of several results, those of one output come after those of the
    /// one before. A scalar may be of f64 whatever the others are: formulas compute in that, and take it as it is.
    pub(crate) fn erased(&self, call: &Call<'_>, args: &[Arg<'_>], out: Out<'_>) -> Result<(), Error> {
        let (values, scalars) = self.taken(args, None)?;
        let mut slots = match (out, &self.outputs[0]) {
            (Out::Whole(slice), Output::Whole(_)) => vec![Slot::Whole(slice)],
            (Out::Truth(slice), Output::Truth(_)) => vec![Slot::Truth(slice)],
            (out, Output::Element(_)) => {
                let got = out.dtype();
                let place = T::place(out);
                match (place, got) {
                    (Some(Place::Slice(slice)), _) => {
                        let each = slice.len() / self.outputs.len();
                        let parts = slice.chunks_mut(each.max(1)).map(Slot::Element);
                        parts.collect()
                    }
                    (None, Some(got)) => {
                        return Err(Error::Dtype { what: "out", expected: T::DTYPE, got });
                    }
                    _ => return Err(self.form("a row or column", "a matrix")),
                }
            }
            _ => return Err(self.form("results of the type that it has", "results of another type")),
        };
        while slots.len() < self.outputs.len() {
            slots.push(Slot::Element(&mut []));
        }
        if let Some(Value::Array(over)) = values.iter().find(|value| matches!(value, Value::Array(_))) {
            return self.array(call, over, &values, scalars, slots);
        }
        self.run_with(call, &values, scalars, slots)
    }

    /// The arguments of a call, and the scalars as formulas take them. One may be left out: what stands in its place is not
    /// to be looked at.
    fn taken<'a>(
        &self,
        args: &[Arg<'a>],
        left_out: Option<usize>,
    ) -> Result<(Vec<Value<'a, T>>, [f64; MOST]), Error> {
        let expected = self.inputs.len() - usize::from(left_out.is_some());
        if args.len() != expected {
            return Err(Error::Arguments { op: self.op.to_owned(), expected, got: args.len() });
        }
        let (mut values, mut scalars) = (Vec::with_capacity(self.inputs.len()), [0.0; MOST]);
        let mut args = args.iter();
        for (at, (input, to)) in self.inputs.iter().zip(&mut scalars).enumerate() {
            let arg = if left_out == Some(at) { None } else { args.next() };
            let Some(arg) = arg else {
                values.push(Value::Scalar(T::ZERO));
                continue;
            };
            let (what, got) = (input.name, arg.dtype());
            let value = match (T::value(arg), arg) {
                (Some(value), _) => value,
                (None, Arg::F64(Value::Scalar(scalar))) if input.kind == InputKind::Scalar => {
                    Value::Scalar(T::from_f64(*scalar))
                }
                (None, _) => return Err(Error::Dtype { what, expected: T::DTYPE, got }),
            };
            *to = match (arg, value) {
                (Arg::F64(Value::Scalar(scalar)), _) => *scalar,
                (_, Value::Scalar(scalar)) => scalar.to_f64(),
                _ => 0.0,
            };
            values.push(value);
        }
        Ok((values, scalars))
    }

    /// How many results there are of matrices of that shape, and of how many elements each.
    const fn extent(&self, (rows, cols): (usize, usize)) -> (usize, usize) {
        match self.axis {
            Axis::All => (1, rows * cols),
            Axis::Zero => (cols, rows),
            Axis::One => (rows, cols),
        }
    }

    /// The arguments of a call.
    const fn operands<'a>(&self, values: &'a [Value<'a, T>]) -> Operands<'a, T> {
        Operands { values, inputs: self.inputs, axis: self.axis }
    }

    const fn form(&self, expected: &'static str, got: &'static str) -> Error {
        Error::Form { op: self.op, what: "out", expected, got }
    }

    /// Carries out a call. A slot for each output, in order.
    pub(crate) fn run(
        &self,
        call: &Call<'_>,
        values: &[Value<'_, T>],
        slots: Vec<Slot<'_, T>>,
    ) -> Result<(), Error> {
        self.run_with(call, values, scalars(values), slots)
    }

    /// The same, with the scalars as formulas take them, each in its place.
    fn run_with(
        &self,
        call: &Call<'_>,
        values: &[Value<'_, T>],
        scalars: [f64; MOST],
        slots: Vec<Slot<'_, T>>,
    ) -> Result<(), Error> {
        let shape @ (rows, cols) = self.checked(values)?;
        let (results, count) = self.extent(shape);
        for slot in &slots {
            match self.axis {
                Axis::All => check::length("out", slot.len(), 1)?,
                Axis::Zero => check::row("out", slot.len(), shape)?,
                Axis::One => check::column("out", slot.len(), shape)?,
            }
        }
        let operands = self.operands(values);
        let matrices = operands.matrices().count();
        let bytes = rows.saturating_mul(cols).saturating_mul(matrices * size_of::<T>());
        let contiguous = operands.matrices().all(|x| x.is_contiguous());
        let target = Target { rows, cols, bytes, contiguous, stores: false };
        let table = self.first_fold().along.table(call.numerics, shape);
        let work = Work { staged: self, operands, scalars, call, count };
        let compute = |call: &Call<'_>| {
            let cut = table.pick(call.choice, call.cut, target)?.cut;
            self.carry_out(work, results, cut, target, slots)
        };
        if watch::is_on() {
            return watch::watched(self.op, (table, T::DTYPE), call, target, compute);
        }
        compute(call)
    }

    /// The same once all is checked and the plan is made.
    fn carry_out(
        &self,
        work: Work<'_, T>,
        results: usize,
        cut: Option<Cut>,
        Target { rows, cols, bytes, .. }: Target,
        slots: Vec<Slot<'_, T>>,
    ) -> Result<(), Error> {
        let Work { scalars, count, .. } = work;
        if results == 0 {
            return Ok(());
        }
        if count == 0 {
            if !self.has_identity {
                return Err(Error::Empty { op: self.op });
            }
            // All results are the same one.
            let found = self
                .stages
                .iter()
                .map(|stage| vec![stage.fold.as_ref().map_or(0.0, |fold| fold.along.init.to_f64())]);
            let mut found: Vec<_> = found.collect();
            for pass in 0..=self.last_pass() {
                self.finish(pass, scalars, count, &mut found);
            }
            self.store(scalars, count, &found, slots);
            return Ok(());
        }
        let all = Block::all((rows, cols));
        match self.axis {
            // A single column, and a row by itself, is a run of neighbours.
            _ if results == 1 => {
                let found: Vec<_> = work.of_run(all, 0, cut)?.into_iter().map(|value| vec![value]).collect();
                self.store(scalars, count, &found, slots);
                Ok(())
            }
            Axis::All => unreachable!("it has one result"),
            Axis::One => pieces(
                cut,
                rows,
                slots,
                |cut| {
                    let parts = bytes.div_ceil(cut.piece(bytes).max(1));
                    rows.div_ceil(parts).max(1)
                },
                |start, len, slots| {
                    self.store(scalars, count, &work.of_rows(all.rows(start, len))?, slots);
                    Ok(())
                },
            ),
            Axis::Zero => pieces(
                cut,
                cols,
                slots,
                |cut| {
                    let parts = if cut.chunk == PER_THREAD { cut.threads } else { bytes.div_ceil(cut.chunk) };
                    chunk::stripes::<T>(cols, parts)
                },
                |start, len, slots| {
                    self.store(scalars, count, &work.of_columns(all.columns(start, len))?, slots);
                    Ok(())
                },
            ),
        }
    }

    /// The shape of the call, if all arguments have it, and have the forms that they should.
    fn checked(&self, values: &[Value<'_, T>]) -> Result<(usize, usize), Error> {
        let mut shape = None;
        for (value, input) in values.iter().zip(self.inputs) {
            let (what, got) = (input.name, value.form());
            match (value, input.kind) {
                (Value::Matrix(x), InputKind::Matrix) => {
                    check::matrix(what, x.shape(), *shape.get_or_insert(x.shape()))?;
                }
                (Value::Slice(_), InputKind::Row | InputKind::Column)
                | (Value::Scalar(_), InputKind::Scalar) => {}
                (_, kind) => return Err(Error::Form { op: self.op, what, expected: kind.form(), got }),
            }
        }
        let shape = shape.expect("a checked spec has a matrix");
        for (value, input) in values.iter().zip(self.inputs) {
            match (value, input.kind) {
                (Value::Slice(row), InputKind::Row) => check::row(input.name, row.len(), shape)?,
                (Value::Slice(column), InputKind::Column) => check::column(input.name, column.len(), shape)?,
                _ => {}
            }
        }
        Ok(shape)
    }

    fn last_pass(&self) -> usize {
        self.stages.iter().map(|stage| stage.pass).max().unwrap_or(0)
    }

    /// The values of a pass's stages, from what came of their reductions; and of those that reduce nothing.
    fn finish(&self, pass: usize, scalars: [f64; MOST], count: usize, found: &mut [Vec<f64>]) {
        for (at, stage) in self.stages.iter().enumerate().filter(|(_, stage)| stage.pass == pass) {
            let Some(formula) = stage.finish else { continue };
            let acc = std::mem::take(&mut found[at]);
            let scope = Scope { acc: &acc, ..Scope::new(scalars, found, count) };
            // Rounded once to the operation's dtype, which later stages compute in.
            let rounded = |index| T::from_f64(formula(&scope, index)).to_f64();
            let finished = (0..acc.len()).map(rounded).collect();
            found[at] = finished;
        }
    }

    /// Writes the results. Where there is one value for all, it is that.
    fn store(&self, scalars: [f64; MOST], count: usize, found: &[Vec<f64>], slots: Vec<Slot<'_, T>>) {
        let scope = Scope::new(scalars, found, count);
        let last = found[0].len() - 1;
        for (output, slot) in self.outputs.iter().zip(slots) {
            match (output, slot) {
                (Output::Element(formula), Slot::Element(out)) => {
                    for (index, out) in out.iter_mut().enumerate() {
                        *out = T::from_f64(formula(&scope, index.min(last)));
                    }
                }
                (Output::Whole(formula), Slot::Whole(out)) => {
                    for (index, out) in out.iter_mut().enumerate() {
                        #[expect(
                            clippy::cast_possible_truncation,
                            reason = "counts and places are whole numbers"
                        )]
                        let whole = formula(&scope, index.min(last)) as i64;
                        *out = whole;
                    }
                }
                (Output::Truth(formula), Slot::Truth(out)) => {
                    for (index, out) in out.iter_mut().enumerate() {
                        *out = formula(&scope, index.min(last));
                    }
                }
                _ => unreachable!("a slot is of the type of its output"),
            }
        }
    }
}

impl<'a> Scope<'a> {
    fn new(scalars: [f64; MOST], stages: &'a [Vec<f64>], count: usize) -> Self {
        Self { acc: &[], scalars, stages, count: as_f64(count as u64) }
    }
}

/// The arguments that are scalars, each in its place.
fn scalars<T: Element>(values: &[Value<'_, T>]) -> [f64; MOST] {
    let mut scalars = [0.0; MOST];
    for (to, value) in scalars.iter_mut().zip(values) {
        if let Value::Scalar(value) = value {
            *to = value.to_f64();
        }
    }
    scalars
}

/// A count in f64, exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}

/// A call under way.
#[derive(Clone, Copy)]
struct Work<'a, T: Element> {
    staged: &'a Staged<T>,
    operands: Operands<'a, T>,
    /// The arguments that are scalars, each in its place.
    scalars: [f64; MOST],
    call: &'a Call<'a>,
    /// Elements of a result.
    count: usize,
}

impl<T: Element> Work<'_, T> {
    /// The stages of a pass that reduce something, with their places.
    fn folds(&self, pass: usize) -> impl Iterator<Item = (usize, &'static Fold<T>)> + Clone + use<'_, T> {
        let stages = self.staged.stages.iter().enumerate();
        stages
            .filter(move |(_, stage)| stage.pass == pass)
            .filter_map(|(at, stage)| Some((at, stage.fold.as_ref()?)))
    }
}

/// Splits a call into pieces of results, for several threads if it is cut.
fn pieces<T: Element>(
    cut: Option<Cut>,
    results: usize,
    slots: Vec<Slot<'_, T>>,
    step: impl Fn(Cut) -> usize,
    work: impl Fn(usize, usize, Vec<Slot<'_, T>>) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let Some(cut) = cut else { return work(0, results, slots) };
    let step = step(cut);
    let mut pieces = Vec::new();
    let mut rest = slots;
    for start in (0..results).step_by(step) {
        let len = step.min(results - start);
        let (piece, after) = rest.into_iter().map(|slot| slot.split_at(len)).unzip();
        pieces.push((start, len, piece));
        rest = after;
    }
    let failed = OnceLock::new();
    threads::run(cut.threads, pieces.into_iter(), |(start, len, slots)| {
        if let Err(error) = work(start, len, slots) {
            let _ = failed.set(error);
        }
    })?;
    failed.into_inner().map_or(Ok(()), Err)
}
