//! Operations in stages that give a matrix: what the stages come to, then a map that takes it, block by block.
//!
//! Along the rows a block is some rows, down the columns a stripe of columns: what the stages have read of it the map finds
//! in the second cache. Where a result is of all elements, or a stripe would be too narrow, the stages go first over the
//! whole matrix.

use std::sync::OnceLock;

use super::{
    MOST, SHARED_BYTES, Slot, Staged, Work, columns, elements,
    operands::{Block, Operands},
    scalars,
};
use crate::{
    Element, Error, Isa, MatrixMut, Numerics,
    catalogue::{Arg, Axis, Call, Explanation, InputKind, Out, Place, Value},
    dispatch::table::{Cut, PER_THREAD, Target},
    runtime::{
        check,
        chunk::{self, Along},
        map::{self, Part},
        threads,
    },
    watch,
};

/// An operation in stages whose result is a matrix, of one dtype over one axis.
pub struct Mapped<T: Element> {
    /// What is reduced. Its outputs are values of stages.
    pub(crate) stages: Staged<T>,
    /// The arguments of the map, in the order of its kernels: those of the operation, then these values.
    pub(crate) operands: &'static [usize],
    /// Computes the map into another matrix.
    pub(crate) into: Compute<T>,
    /// The same in place of the first matrix, which is left out of the arguments: what stands there is not looked at.
    pub(crate) inplace: Compute<T>,
}

/// Computes a map: as a call of its own, or as a part of one.
pub(crate) type Compute<T> =
    fn(&Call<'_>, Option<Part>, &[Value<'_, T>], MatrixMut<'_, T>) -> Result<(), Error>;

/// A part of a call's matrices and of its other arguments.
struct Piece<'a, T: Element> {
    /// The arguments. In place, the first matrix is none of them.
    values: Vec<Value<'a, T>>,
    /// What is written; in place the first matrix.
    out: MatrixMut<'a, T>,
}

/// A call whose arguments were checked.
#[derive(Clone, Copy)]
struct Planned<'a, T: Element> {
    mapped: &'a Mapped<T>,
    call: &'a Call<'a>,
    scalars: [f64; MOST],
    /// Elements of what a stage comes to.
    count: usize,
    /// Whether the first matrix is overwritten.
    inplace: bool,
    /// The call as a whole, for the choice of the map's kernel.
    part: Part,
}

impl<T: Element> Mapped<T> {
    /// Carries out a call whose arguments were of any dtype. A scalar may be of f64, as in [`Staged::erased`].
    pub(crate) fn erased(&self, call: &Call<'_>, args: &[Arg<'_>], out: Out<'_>) -> Result<(), Error> {
        let got = out.dtype();
        let Some(place) = T::place(out) else {
            let Some(got) = got else {
                return Err(self.stages.form("results of the type that it has", "results of another type"));
            };
            return Err(Error::Dtype { what: "out", expected: T::DTYPE, got });
        };
        let left_out = matches!(place, Place::Inplace(_)).then(|| self.first());
        let (values, scalars) = self.stages.taken(args, left_out)?;
        self.run_with(call, &values, scalars, place)
    }

    /// Carries out a call. In place, what stands for the first matrix is not looked at.
    pub(crate) fn run(
        &self,
        call: &Call<'_>,
        values: &[Value<'_, T>],
        place: Place<'_, T>,
    ) -> Result<(), Error> {
        self.run_with(call, values, scalars(values), place)
    }

    /// Which kernel the first reduction of a call runs, and why.
    pub(crate) fn explain(
        &self,
        by: (Isa, Option<Cut>),
        numerics: Numerics,
        shape: (usize, usize),
        spec: (&'static str, usize),
    ) -> Explanation {
        self.stages.explain(by, numerics, shape, spec)
    }

    /// The first matrix among the arguments.
    fn first(&self) -> usize {
        let first = self.stages.inputs.iter().position(|input| input.kind == InputKind::Matrix);
        first.expect("a checked spec has a matrix")
    }

    fn run_with(
        &self,
        call: &Call<'_>,
        values: &[Value<'_, T>],
        scalars: [f64; MOST],
        place: Place<'_, T>,
    ) -> Result<(), Error> {
        let (out, inplace) = match place {
            Place::Matrix(out) => (out, false),
            Place::Inplace(x) => (x, true),
            Place::Slice(_) => return Err(self.stages.form("a matrix", "a row or column")),
        };
        let piece = Piece { values: values.to_vec(), out };
        let arguments = piece.arguments(inplace, self.first());
        let shape @ (rows, cols) = self.stages.checked(&arguments)?;
        check::matrix("out", piece.out.shape(), shape)?;
        let (results, count) = self.stages.extent(shape);
        let operands = self.stages.operands(&arguments);
        let contiguous = piece.out.is_contiguous() && operands.matrices().all(|x| x.is_contiguous());
        let matrices = operands.matrices().count() + usize::from(!inplace);
        let target = map::target::<T>(shape, matrices, contiguous, !inplace);
        let table = self.stages.first_fold().along.table(call.numerics, shape);
        drop(arguments);
        let compute = |call: &Call<'_>| {
            let cut = table.pick(call.choice, call.cut, target)?.cut;
            if results > 0 && count == 0 && !self.stages.has_identity {
                return Err(Error::Empty { op: self.stages.op });
            }
            if rows == 0 || cols == 0 {
                return Ok(());
            }
            let part = Part { cut, target };
            Planned { mapped: self, call, scalars, count, inplace, part }.carry_out(piece, results)
        };
        if watch::is_on() {
            return watch::watched(self.stages.op, (table, T::DTYPE), call, target, compute);
        }
        compute(call)
    }
}

impl<'a, T: Element> Piece<'a, T> {
    /// All arguments.
    fn arguments(&self, inplace: bool, first: usize) -> Vec<Value<'_, T>> {
        let mut all: Vec<Value<'_, T>> = self.values.clone();
        if inplace && let Some(x) = all.get_mut(first) {
            *x = Value::Matrix(self.out.as_ref());
        }
        all
    }

    /// The rows (or columns) before `at`, and those from there on.
    fn split(self, kinds: impl Iterator<Item = InputKind>, along: Along, at: usize) -> (Self, Self) {
        let half = |(value, kind): (Value<'a, T>, InputKind)| match (value, kind, along) {
            (Value::Matrix(x), _, Along::Rows) => both(x.split_rows(at), Value::Matrix),
            (Value::Matrix(x), _, Along::Columns) => both(x.split_columns(at), Value::Matrix),
            (Value::Slice(x), InputKind::Column, Along::Rows)
            | (Value::Slice(x), InputKind::Row, Along::Columns) => both(x.split_at(at), Value::Slice),
            _ => (value, value),
        };
        let (before, after) = self.values.into_iter().zip(kinds).map(half).unzip();
        let (first, rest) = match along {
            Along::Rows => self.out.split_rows(at),
            Along::Columns => self.out.split_columns(at),
        };
        (Piece { values: before, out: first }, Piece { values: after, out: rest })
    }
}

/// Both halves as values.
fn both<X, V>((a, b): (X, X), value: impl Fn(X) -> V) -> (V, V) {
    (value(a), value(b))
}

impl<'a, T: Element> Planned<'a, T> {
    fn carry_out(self, all: Piece<'_, T>, results: usize) -> Result<(), Error> {
        let Target { rows, cols, bytes, .. } = self.part.target;
        let parts = |cut: Cut| if cut.chunk == PER_THREAD { cut.threads } else { bytes.div_ceil(cut.chunk) };
        let stripe = columns::stripe::<T>(rows, cols);
        match (self.mapped.stages.axis, self.part.cut) {
            (Axis::One, cut) if results > 1 => {
                let step = cut.map_or(rows, |cut| rows.div_ceil(parts(cut)).max(1));
                let matrices = bytes / (rows * cols * size_of::<T>()).max(1);
                let block = (elements::<T>(SHARED_BYTES) / (cols * matrices)).max(1);
                self.pieces(all, Along::Rows, step, block)
            }
            (Axis::Zero, cut) if results > 1 && stripe.is_some() => {
                let step = cut.map_or(cols, |cut| chunk::stripes::<T>(cols, parts(cut)));
                match (stripe, cut) {
                    // A narrow matrix is one stripe: its rows can be shared once the stages have been computed.
                    (_, Some(Cut { threads: 2.., .. })) if step >= cols => self.whole(all, results),
                    (stripe, _) => self.pieces(all, Along::Columns, step, stripe.unwrap_or(cols)),
                }
            }
            _ => self.whole(all, results),
        }
    }

    /// The stages of the whole matrix, then the map.
    fn whole(self, all: Piece<'_, T>, results: usize) -> Result<(), Error> {
        let stages = &self.mapped.stages;
        let mut found = vec![vec![T::ZERO; results]; stages.outputs.len()];
        let arguments = all.arguments(self.inplace, self.mapped.first());
        let slots = found.iter_mut().map(|out| Slot::Element(out)).collect();
        let Part { cut, target } = self.part;
        stages.carry_out(self.work(stages.operands(&arguments)), results, cut, target, slots)?;
        drop(arguments);
        self.map(all, &found, results, None)
    }

    /// The call piece by piece, for several threads if it is cut, and each piece block by block.
    fn pieces(self, all: Piece<'_, T>, along: Along, step: usize, block: usize) -> Result<(), Error> {
        let Some(Cut { threads, .. }) = self.part.cut else { return self.blocks(all, along, block) };
        let failed = OnceLock::new();
        threads::run(threads, self.cut(all, along, step).into_iter(), |piece| {
            if let Err(error) = self.blocks(piece, along, block) {
                let _ = failed.set(error);
            }
        })?;
        failed.into_inner().map_or(Ok(()), Err)
    }

    fn blocks(self, all: Piece<'_, T>, along: Along, block: usize) -> Result<(), Error> {
        let mut found = vec![vec![T::ZERO; block]; self.mapped.stages.outputs.len()];
        self.cut(all, along, block).into_iter().try_for_each(|block| self.block(block, along, &mut found))
    }

    /// Pieces of so many rows or columns.
    fn cut(self, all: Piece<'_, T>, along: Along, step: usize) -> Vec<Piece<'_, T>> {
        let (rows, cols) = all.out.shape();
        let len = if along == Along::Rows { rows } else { cols };
        let kinds = || self.mapped.stages.inputs.iter().map(|input| input.kind);
        let mut pieces = Vec::with_capacity(len.div_ceil(step.max(1)));
        let mut rest = all;
        for _ in 1..len.div_ceil(step.max(1)) {
            let (piece, after) = rest.split(kinds(), along, step);
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }

    /// The stages of a block, then the map.
    fn block(self, block: Piece<'_, T>, along: Along, found: &mut [Vec<T>]) -> Result<(), Error> {
        let stages = &self.mapped.stages;
        let arguments = block.arguments(self.inplace, self.mapped.first());
        let shape @ (rows, cols) = block.out.shape();
        let work = self.work(stages.operands(&arguments));
        let (values, len) = match along {
            Along::Rows => (work.of_rows(Block::all(shape))?, rows),
            Along::Columns => (work.of_columns(Block::all(shape))?, cols),
        };
        let slots = found.iter_mut().map(|out| Slot::Element(&mut out[..len])).collect();
        stages.store(self.scalars, self.count, &values, slots);
        drop(arguments);
        self.map(block, found, len, Some(self.part))
    }

    fn work<'w>(self, operands: Operands<'w, T>) -> Work<'w, T>
    where
        'a: 'w,
    {
        let Self { mapped, call, scalars, count, .. } = self;
        Work { staged: &mapped.stages, operands, scalars, call, count }
    }

    /// The map, with what so many results of the stages' outputs are.
    fn map(self, piece: Piece<'_, T>, found: &[Vec<T>], len: usize, part: Option<Part>) -> Result<(), Error> {
        let Mapped { stages, operands, into, inplace, .. } = self.mapped;
        let mut values = [Value::Scalar(T::ZERO); MOST];
        for (to, &at) in values.iter_mut().zip(*operands) {
            *to = match at.checked_sub(stages.inputs.len()) {
                None => piece.values[at],
                Some(at) if stages.axis == Axis::All => Value::Scalar(found[at][0]),
                Some(at) => Value::Slice(&found[at][..len]),
            };
        }
        let compute = if self.inplace { inplace } else { into };
        compute(self.call, part, &values[..operands.len()], piece.out)
    }
}
