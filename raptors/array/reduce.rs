//! Reductions over any axes of an array, as a [`Plan`] has them.

use core::ops::Range;

use super::{ArrayRef, Asked, BLOCK, Plan, compact, plan::Pieces, share, threads_for};
use crate::{
    Element, Error, Expr, MatrixRef, Numerics,
    catalogue::{self, Body, Call, Op, Place, Value},
    dispatch::{
        call::Ready,
        table::{Cut, Target},
    },
    kernels::tree::split,
    runtime::{
        check, chunk, pool,
        reduce::{Order, Reduction, States},
        scratch, threads,
    },
    watch,
};

/// An array, and the plan by which it is reduced.
#[derive(Clone, Debug)]
pub struct Over<'a, T: Element> {
    x: ArrayRef<'a, T>,
    plan: Plan,
}

impl<'a, T: Element> Over<'a, T> {
    /// An array, and the plan of a reduction of such an array.
    ///
    /// # Panics
    /// If the plan is that of another shape.
    #[must_use]
    pub fn new(x: ArrayRef<'a, T>, plan: Plan) -> Self {
        assert!(x.shape() == plan.shape(), "a plan of another shape");
        Self { x, plan }
    }
}

impl Op {
    /// The plan by which this reduction takes in an array. What reduces an expression of the elements reduces in `NumPy` a copy
    /// without gaps.
    #[must_use]
    pub fn plan(&self, asked: &Asked<'_>) -> Plan {
        let of_the_elements = match self.body {
            Body::Reduce { state: [field], .. } => matches!(
                field.step,
                Expr::Add(Expr::State(0), Expr::Input(0))
                    | Expr::Mul(Expr::State(0), Expr::Input(0))
                    | Expr::Min(Expr::State(0), Expr::Input(0))
                    | Expr::Max(Expr::State(0), Expr::Input(0))
            ),
            _ => false,
        };
        if of_the_elements {
            return Plan::new(asked);
        }
        Plan::new(&Asked { strides: &compact(asked.shape, asked.strides), buffered: false, ..*asked })
    }
}

/// Reduces an array over some of its axes, by the name of a plain reduction: `sum`, `mean`, `max`. Gives a value for each place
/// along the others, the last of them the fastest. Over no axes, each element is reduced by itself.
///
/// The bits are those of `NumPy` for an array of these strides.
///
/// ```
/// # #[cfg(feature = "sums")]
/// # fn main() -> Result<(), raptors::Error> {
/// use raptors::ArrayRef;
///
/// let storage: Vec<f64> = (0..24).map(f64::from).collect();
/// let array = ArrayRef::new(&storage, &[2, 3, 4], &[12, 4, 1], 0)?;
/// assert_eq!(raptors::reduce("sum", &array, &[0, 2])?, [60.0, 92.0, 124.0]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sums"))]
/// # fn main() {}
/// ```
///
/// # Errors
/// [`Error::Unknown`] for a name that nothing has, [`Error::Form`] for an operation that is no plain reduction, [`Error::Axis`]
/// for an axis that the array does not have or that is named twice, [`Error::Empty`], [`Error::OutOfMemory`],
/// [`Error::Environment`].
pub fn reduce<T: Element>(name: &str, x: &ArrayRef<'_, T>, axes: &[usize]) -> Result<Vec<T>, Error> {
    let ndim = x.ndim();
    let mut reduced = vec![false; ndim];
    for &axis in axes {
        match reduced.get_mut(axis) {
            Some(is) if !*is => *is = true,
            _ => return Err(Error::Axis { axis, ndim }),
        }
    }
    let along = |axis: &str| catalogue::op(&format!("{name}{axis}"));
    let all = along("")?;
    if !matches!(all.body, Body::Reduce { .. }) {
        let (expected, got) = ("a plain reduction", "another one");
        return Err(Error::Form { op: all.name, what: "the operation", expected, got });
    }
    let (shape, strides) = (&x.shape()[..], &x.strides()[..]);
    let plan = all.plan(&Asked { shape, strides, reduced: &reduced, out: None, buffered: false });
    let op = along(if plan.goes_down() { "_axis0" } else { "_axis1" })?;
    let mut walked = pool::filled(plan.results(), T::ZERO)?;
    let strides = plan.result_strides();
    let over = Over::new(x.clone(), plan);
    op.call(&Call::default(), &[T::arg(Value::Array(&over))], T::out(Place::Slice(&mut walked)))?;
    let kept: Vec<usize> = (0..ndim).filter(|&axis| !reduced[axis]).collect();
    let of = |axis: &usize| (x.axis_len(*axis), strides[*axis]);
    let (shape, strides): (Vec<_>, Vec<_>) = kept.iter().map(of).unzip();
    let order = over.plan.order().iter().filter(|&&axis| !reduced[axis]);
    if order.is_sorted() {
        return Ok(walked);
    }
    Ok(ArrayRef::new(&walked, &shape, &strides, 0)?.to_vec())
}

/// States that wait to be joined, at most.
const WAITING: usize = 8 << 10;
/// Elements of a run that is long enough for a call of its own.
const LONG: usize = 512;

/// Where the result of an element is, by the number of the element in the walk.
struct Places {
    /// Lengths, the innermost first, and elements from a result to the next.
    axes: Vec<(usize, usize)>,
}

impl Places {
    fn of(view: &ArrayRef<'_, impl Element>, kept: &[bool]) -> Self {
        let mut next = 1;
        let mut axes: Vec<(usize, usize)> = Vec::new();
        for (axis, &is_kept) in kept.iter().enumerate().rev() {
            let len = view.axis_len(axis);
            axes.push((len, if is_kept { next } else { 0 }));
            next *= if is_kept { len } else { 1 };
        }
        Self { axes }
    }

    fn at(&self, mut number: usize) -> usize {
        let mut place = 0;
        for &(len, stride) in &self.axes {
            place += number % len * stride;
            number /= len;
        }
        place
    }
}

impl<T: Element> Reduction<T> {
    /// Over the axes of a plan. The results go to `out` in the order of the walk.
    pub(crate) fn array(&self, call: &Call<'_>, over: &Over<'_, T>, out: &mut [T]) -> Result<(), Error> {
        let Over { x, plan } = over;
        check::length("out", out.len(), plan.results())?;
        if call.numerics == Numerics::Accurate {
            return Err(Error::Unknown {
                kind: "numeric class of a reduction over an array",
                name: call.numerics.to_string(),
                known: Numerics::Numpy.to_string(),
            });
        }
        if self.order == Order::Tree && self.by_columns && self.one_column.is_none() && !plan.goes_down() {
            let (expected, got) = ("walked down its columns", "an array whose innermost axis is reduced");
            return Err(Error::Form { op: self.op, what: "the array", expected, got });
        }
        let count = plan.count();
        if out.is_empty() || count == 0 {
            if count == 0 && !(out.is_empty() && self.has_identity) {
                out.fill(self.empty()?);
            }
            self.finish(out, count);
            return Ok(());
        }
        let mut compute = |call: &Call<'_>| {
            // Counted here, and finished when all is there.
            Reduction { op: "", finish: None, ..*self }.walk(call, x, plan, out)?;
            self.finish(out, count);
            Ok(())
        };
        if watch::is_on() {
            let (rows, cols) = (x.len() / count, count);
            let bytes = x.len().saturating_mul(size_of::<T>());
            let target = Target { rows, cols, bytes, contiguous: false, stores: false };
            return watch::counted(self.op, (self.numpy, T::DTYPE), call, target, compute);
        }
        compute(call)
    }

    fn walk(&self, call: &Call<'_>, x: &ArrayRef<'_, T>, plan: &Plan, out: &mut [T]) -> Result<(), Error> {
        let mut view = x.permuted(plan.order());
        let mut kept: Vec<bool> = plan.order().iter().map(|&axis| !plan.is_reduced(axis)).collect();
        let places = Places::of(&view, &kept);
        let by_the_tree = self.order == Order::Tree;
        let plan = if by_the_tree { plan.clone() } else { plan.clone().in_runs() };
        let Some(pieces) = plan.pieces() else {
            join(&mut view, &mut kept, true);
            return self.along_kept(call, &view, &kept, out);
        };
        join(&mut view, &mut kept, false);
        if self.order == Order::Sequence && pieces.most != plan.count() {
            self.in_turn(&view, pieces, &places, out);
            return Ok(());
        }
        self.in_pieces(call, &view, pieces, &places, out)
    }

    /// Where the innermost axis is kept: elements are taken in one after another.
    fn along_kept(
        &self,
        call: &Call<'_>,
        view: &ArrayRef<'_, T>,
        kept: &[bool],
        out: &mut [T],
    ) -> Result<(), Error> {
        let last = kept.len() - 1;
        let cols = view.axis_len(last);
        let mut reduced = (0..last).filter(|&axis| !kept[axis]);
        if let (true, Some(down), None) = (self.by_columns, reduced.next(), reduced.next()) {
            let mut order: Vec<usize> = (0..last).filter(|&axis| axis != down).collect();
            order.extend([down, last]);
            let (view, rows) = (view.permuted(&order), view.axis_len(down));
            let matrix = |at: usize| {
                let found = view.runs(at * rows * cols, cols, rows);
                found.filter(|matrix| matrix.nrows() == rows)
            };
            if let Some(first) = matrix(0) {
                if out.len() == cols {
                    return self.columns(call, first, out);
                }
                let kernel = self.kernel(call, (rows, cols))?;
                let step = share::<T>(rows * cols);
                let pieces = out.chunks_mut(step * cols).enumerate();
                return threads::run(threads_for::<T>(view.len()), pieces, |(piece, out)| {
                    for (at, out) in out.chunks_mut(cols).enumerate() {
                        let x = matrix(piece * step + at).expect("they lie as the first one does");
                        kernel.call((x, out));
                    }
                });
            }
        }
        // Along the outermost axis that is kept, results are neighbours.
        let Some(axis) = kept.iter().position(|is| *is) else { return Ok(()) };
        let len = view.axis_len(axis);
        let each = out.len() / len;
        let threads = threads_for::<T>(view.len());
        let parts = if threads > 1 { 4 * threads } else { 1 };
        let step = len.div_ceil(parts).max(if axis == last { LONG } else { 1 });
        let pieces = out.chunks_mut(step * each).enumerate();
        threads::run(threads, pieces, |(piece, out)| {
            let view = view.part(axis, piece * step, out.len() / each);
            self.row_by_row(&view, kept, out);
        })
    }

    /// A row of results takes in one of elements after another.
    fn row_by_row(&self, view: &ArrayRef<'_, T>, kept: &[bool], out: &mut [T]) {
        let places = Places::of(view, kept);
        let cols = view.axis_len(kept.len() - 1);
        out.fill(self.init);
        scratch::with(BLOCK.min(cols), |block: &mut [T]| {
            for first in (0..view.len()).step_by(cols) {
                let out = &mut out[places.at(first)..][..cols];
                if let Some(row) = view.runs(first, cols, 1) {
                    (self.take)(out, row.row(0));
                    continue;
                }
                for (at, out) in out.chunks_mut(BLOCK).enumerate() {
                    let block = &mut block[..out.len()];
                    view.gather(first + at * BLOCK, block);
                    (self.take)(out, block);
                }
            }
        });
    }

    /// Where the innermost axis is reduced, what takes its elements in turn, and not all at once.
    fn in_turn(&self, view: &ArrayRef<'_, T>, pieces: Pieces, places: &Places, out: &mut [T]) {
        out.fill(self.init);
        scratch::with(BLOCK.min(pieces.most), |block: &mut [T]| {
            for first in (0..view.len()).step_by(pieces.most) {
                let state = &mut out[places.at(first)];
                if let Some(run) = view.runs(first, pieces.most, 1) {
                    *state = (self.fold)(*state, run.row(0));
                    continue;
                }
                for at in (0..pieces.most).step_by(BLOCK) {
                    let block = &mut block[..BLOCK.min(pieces.most - at)];
                    view.gather(first + at, block);
                    *state = (self.fold)(*state, block);
                }
            }
        });
    }

    /// Where the innermost axis is reduced: pieces, and what comes of them one after another.
    fn in_pieces(
        &self,
        call: &Call<'_>,
        view: &ArrayRef<'_, T>,
        pieces: Pieces,
        places: &Places,
        out: &mut [T],
    ) -> Result<(), Error> {
        let runs = self.of_runs();
        let count = pieces.count(view.len());
        // One piece for each result is the result.
        if count == out.len() {
            return runs.states(call, view, pieces, 0..count, out);
        }
        out.fill(self.init);
        let mut states = vec![T::ZERO; count.min(WAITING)];
        for start in (0..count).step_by(WAITING) {
            let states = &mut states[..WAITING.min(count - start)];
            runs.states(call, view, pieces, start..start + states.len(), states)?;
            for (piece, state) in (start..).zip(&*states) {
                let out = &mut out[places.at(pieces.first(piece))];
                *out = (self.merge)(*out, *state);
            }
        }
        Ok(())
    }

    /// The same reduction with kernels for runs. One down the columns that has none computes them one element after another.
    fn of_runs(&self) -> Self {
        match (self.by_columns, self.one_column) {
            (true, Some(table)) => Reduction { numpy: table, by_columns: false, one_column: None, ..*self },
            _ => *self,
        }
    }

    /// A kernel for a part of a walk.
    fn kernel(&self, call: &Call<'_>, (rows, cols): (usize, usize)) -> Result<Ready<States<T>>, Error> {
        let bytes = rows.saturating_mul(cols).saturating_mul(size_of::<T>());
        let target = Target { rows, cols, bytes, contiguous: true, stores: false };
        Ok(self.numpy.pick(call.choice, Some(Cut::ALONE), target)?.kernel)
    }

    /// The states of pieces.
    fn states(
        &self,
        call: &Call<'_>,
        view: &ArrayRef<'_, T>,
        pieces: Pieces,
        range: Range<usize>,
        states: &mut [T],
    ) -> Result<(), Error> {
        let (first, len, alike) = pieces.alike(range.clone());
        if alike == states.len()
            && let Some(rows) = view.runs(first, len, alike)
            && rows.nrows() == alike
            && !self.by_columns
        {
            return self.rows(call, rows, states);
        }
        let threads = threads_for::<T>(states.len().saturating_mul(pieces.most));
        let kernel = self.kernel(call, (states.len(), pieces.most))?;
        if states.len() < threads && pieces.most > BLOCK && self.order != Order::Sequence {
            // Few pieces, and long ones: each is cut in itself.
            for (piece, state) in range.zip(states) {
                let (first, len, _) = pieces.alike(piece..piece + 1);
                let most = len.div_ceil(threads * 4).max(BLOCK);
                let nodes: Vec<_> = chunk::nodes(len, most).collect();
                let mut found = vec![T::ZERO; nodes.len()];
                threads::run(threads, nodes.iter().zip(&mut found), |(&(at, len), found)| {
                    scratch::with(BLOCK, |block| *found = self.node(&kernel, view, first + at, len, block));
                })?;
                *state = chunk::joined(len, most, &mut found.into_iter(), &self.merge);
            }
            return Ok(());
        }
        let step = share::<T>(pieces.most);
        threads::run(threads, states.chunks_mut(step).enumerate(), |(chunk, states)| {
            scratch::with(BLOCK, |block| {
                let mut done = 0;
                while done < states.len() {
                    let start = range.start + chunk * step + done;
                    let end = range.start + chunk * step + states.len();
                    let (first, len, alike) = pieces.alike(start..end);
                    self.alike(&kernel, view, (first, len), &mut states[done..done + alike], block);
                    done += alike;
                }
            });
        })
    }

    /// The states of pieces of one length that follow one another.
    fn alike(
        &self,
        kernel: &Ready<States<T>>,
        view: &ArrayRef<'_, T>,
        (first, len): (usize, usize),
        states: &mut [T],
        block: &mut [T],
    ) {
        let mut done = 0;
        while done < states.len() {
            let (first, left) = (first + done * len, states.len() - done);
            let rows = view.runs(first, len, left);
            let rows = rows.filter(|rows| rows.nrows() > 1 || len >= LONG || left == 1);
            if let Some(rows) = rows {
                self.enter(kernel, rows, &mut states[done..done + rows.nrows()]);
                done += rows.nrows();
            } else if len <= block.len() {
                let rows = (block.len() / len).min(left);
                let block = &mut block[..rows * len];
                view.gather(first, block);
                let matrix = MatrixRef::new(block, rows, len).expect("as many elements as were counted");
                self.enter(kernel, matrix, &mut states[done..done + rows]);
                done += rows;
            } else {
                states[done] = self.node(kernel, view, first, len, block);
                done += 1;
            }
        }
    }

    /// A node of the tree over a run whose elements may be apart.
    fn node(
        &self,
        kernel: &Ready<States<T>>,
        view: &ArrayRef<'_, T>,
        first: usize,
        len: usize,
        block: &mut [T],
    ) -> T {
        let mut state = [self.init];
        if let Some(run) = view.runs(first, len, 1) {
            self.enter(kernel, run, &mut state);
        } else if self.order == Order::Sequence {
            for at in (0..len).step_by(block.len()) {
                let block = &mut block[..(len - at).min(BLOCK)];
                view.gather(first + at, block);
                state[0] = (self.fold)(state[0], block);
            }
        } else if len <= block.len() {
            let block = &mut block[..len];
            view.gather(first, block);
            self.enter(kernel, MatrixRef::from_row(block), &mut state);
        } else {
            let left = split(len);
            let a = self.node(kernel, view, first, left, block);
            let b = self.node(kernel, view, first + left, len - left, block);
            return (self.merge)(a, b);
        }
        state[0]
    }

    /// The states of rows, by the kernel if it is one for rows.
    fn enter(&self, kernel: &Ready<States<T>>, rows: MatrixRef<'_, T>, states: &mut [T]) {
        if !self.by_columns {
            return kernel.call((rows, states));
        }
        for (row, state) in rows.rows().zip(states) {
            *state = (self.fold)(self.init, row);
        }
    }
}

/// Sees neighbours as one axis where that can be; with `alike`, only of those that are both kept or both reduced.
fn join<T: Element>(view: &mut ArrayRef<'_, T>, kept: &mut Vec<bool>, alike: bool) {
    for axis in (1..kept.len()).rev() {
        if (!alike || kept[axis - 1] == kept[axis]) && view.joins(axis - 1) {
            view.join(axis - 1);
            kept.remove(axis);
        }
    }
}
