//! The data of calls: arguments and results, from where programs have them.

use std::{
    hint::black_box,
    mem::MaybeUninit,
    time::{Duration, Instant},
};

use super::{case::Case, subject::Contestant, tournament::Random};
use crate::{
    Choice, Element, Error, Matrix, MatrixMut, MatrixRef, Numerics, buffer,
    catalogue::{Arg, Body, Call, InputKind, Op, Place, Value},
};

/// From where the matrices come that a call is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// From the library: they begin on a cache line.
    Library,
    /// From `NumPy`, which takes what `malloc` gives: it begins large memory 16 bytes after a page, so that wide loads
    /// straddle cache lines. From 4 MiB on `NumPy` asks for huge pages, as the library does.
    NumPy,
}

/// What an argument or a result is kept as.
pub(super) enum Kept<T: Element> {
    Matrix(Matrix<T>),
    OfNumPy(OfNumPy<T>),
    Slice(Vec<T>),
    Scalar(T),
}

/// A matrix in memory such as `NumPy` has.
pub(super) struct OfNumPy<T: Element> {
    memory: Vec<T>,
    /// Where in it the matrix begins.
    begin: usize,
    shape: (usize, usize),
}

impl<T: Element> OfNumPy<T> {
    fn zeros(shape: (usize, usize)) -> Result<Self, Error> {
        const LINE: usize = buffer::ALIGNMENT;
        const PAST: usize = 16;
        let (mut memory, bytes) = (Vec::<T>::new(), size_of::<T>());
        let len = shape.0 * shape.1 + LINE / bytes;
        memory.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes: len * bytes })?;
        // Before a page is touched.
        let spare: &mut [MaybeUninit<T>] = memory.spare_capacity_mut();
        if size_of_val(spare) >= buffer::HUGE_FROM {
            buffer::advise_huge_pages(spare);
        }
        memory.resize(len, T::ZERO);
        let begin = PAST.wrapping_sub(memory.as_ptr().addr()) % LINE / bytes;
        Ok(Self { memory, begin, shape })
    }

    fn as_slice(&self) -> &[T] {
        &self.memory[self.begin..][..self.shape.0 * self.shape.1]
    }

    fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.memory[self.begin..][..self.shape.0 * self.shape.1]
    }

    fn view(&self) -> MatrixRef<'_, T> {
        MatrixRef::new(self.as_slice(), self.shape.0, self.shape.1)
            .expect("as many elements as the shape has")
    }

    fn view_mut(&mut self) -> MatrixMut<'_, T> {
        let (rows, cols) = self.shape;
        MatrixMut::new(self.as_mut_slice(), rows, cols).expect("as many elements as the shape has")
    }
}

impl<T: Element> Kept<T> {
    /// Of zeros.
    fn matrix(memory: Memory, shape: (usize, usize)) -> Result<Self, Error> {
        Ok(match memory {
            // Not from the pool, which would have the same memory for every tournament.
            Memory::Library => Self::Matrix(Matrix::zeros(shape.0, shape.1)?),
            Memory::NumPy => Self::OfNumPy(OfNumPy::zeros(shape)?),
        })
    }

    pub(super) fn value(&self) -> Value<'_, T> {
        match self {
            Self::Matrix(matrix) => Value::Matrix(matrix.view()),
            Self::OfNumPy(matrix) => Value::Matrix(matrix.view()),
            Self::Slice(slice) => Value::Slice(slice),
            Self::Scalar(scalar) => Value::Scalar(*scalar),
        }
    }

    fn place(&mut self, over: bool) -> Place<'_, T> {
        let matrix = match self {
            Self::Matrix(matrix) => matrix.view_mut(),
            Self::OfNumPy(matrix) => matrix.view_mut(),
            Self::Slice(slice) => return Place::Slice(slice),
            Self::Scalar(_) => unreachable!("no result is kept as a scalar"),
        };
        if over { Place::Inplace(matrix) } else { Place::Matrix(matrix) }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::Matrix(matrix) => matrix.as_slice(),
            Self::OfNumPy(matrix) => matrix.as_slice(),
            Self::Slice(slice) => slice,
            Self::Scalar(scalar) => std::slice::from_ref(scalar),
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::Matrix(matrix) => matrix.as_mut_slice(),
            Self::OfNumPy(matrix) => matrix.as_mut_slice(),
            Self::Slice(slice) => slice,
            Self::Scalar(scalar) => std::slice::from_mut(scalar),
        }
    }
}

/// Between what lies in one place are gaps of a random size below so many bytes: how addresses differ in their last twelve
/// bits makes a difference, and is the same in all places otherwise.
const GAP: u64 = 1 << 12;
/// Values that matrices, rows and columns are filled from, over and over.
const VALUES: usize = 1 << 12;

/// The arguments and the result of calls of one operation on one shape.
pub(super) struct Arena<T: Element> {
    op: &'static Op,
    numerics: Numerics,
    /// All but the one that is overwritten.
    inputs: Vec<Kept<T>>,
    pub(super) out: Kept<T>,
    /// Which input `out` is, of calls that overwrite one.
    over: Option<usize>,
    /// Room that nobody uses.
    _gaps: Vec<Vec<u8>>,
}

impl<T: Element> Arena<T> {
    /// The matrices that a call reads, or overwrites, come from there; its result is the library's. Values are from 0.5 to
    /// 1.5: neither sums nor products leave the normal range, which would cost time.
    pub(super) fn new(
        case: &Case,
        shape: (usize, usize),
        memory: Memory,
        random: &mut Random,
    ) -> Result<Self, Error> {
        let (op, numerics) = (case.op, case.numerics);
        let values: Vec<T> = (0..VALUES).map(|_| T::from_f64(0.5 + random.unit())).collect();
        let fill = |mut kept: Kept<T>| {
            for part in kept.as_mut_slice().chunks_mut(VALUES) {
                part.copy_from_slice(&values[..part.len()]);
            }
            kept
        };
        let mut gaps = Vec::new();
        let mut gap = || gaps.push(Vec::with_capacity(usize::try_from(random.bits() % GAP).unwrap_or(0)));
        let slice = |len: usize| fill(Kept::Slice(vec![T::ZERO; len]));
        let mut input = |kind| {
            gap();
            Ok(match kind {
                InputKind::Matrix => fill(Kept::matrix(memory, shape)?),
                InputKind::Row => slice(shape.1),
                InputKind::Column => slice(shape.0),
                InputKind::Scalar => Kept::Scalar(values[0]),
            })
        };
        let first = op.inputs.iter().position(|argument| argument.kind == InputKind::Matrix);
        let over = first.filter(|_| case.inplace);
        let others = op.inputs.iter().enumerate().filter(|(at, _)| Some(*at) != over);
        let inputs = others.map(|(_, argument)| input(argument.kind)).collect::<Result<_, Error>>()?;
        let result = Case::result(shape, op);
        gap();
        let out = match op.body {
            Body::Map(_) if case.inplace => fill(Kept::matrix(memory, result)?),
            Body::Map(_) => fill(Kept::matrix(Memory::Library, result)?),
            Body::Reduce { .. } | Body::Staged { .. } => slice(result.0 * result.1),
        };
        Ok(Self { op, numerics, inputs, out, over, _gaps: gaps })
    }

    /// Makes it fit for calls without number. What is overwritten again and again would be scaled out of the normal
    /// range; ones leave it there.
    pub(super) fn settle(&mut self) {
        for input in self.inputs.iter_mut().filter(|_| self.over.is_some()) {
            input.as_mut_slice().fill(T::from_f64(1.0));
        }
    }

    /// An argument, by its place among those of the operation.
    pub(super) fn input(&self, index: usize) -> &Kept<T> {
        match self.over {
            Some(over) if index == over => &self.out,
            Some(over) if index > over => &self.inputs[index - 1],
            _ => &self.inputs[index],
        }
    }

    /// A call that can be made again and again.
    pub(super) fn call(&mut self, contestant: Contestant) -> impl FnMut() -> Result<(), Error> {
        let args: Vec<Arg<'_>> = self.inputs.iter().map(|input| T::arg(input.value())).collect();
        let call = Call {
            choice: Choice::Kernel(contestant.kernel),
            numerics: self.numerics,
            // A contestant without a cut is one for one thread, where the table cuts nothing either.
            cut: contestant.cut,
        };
        let (op, over, out) = (self.op, self.over.is_some(), &mut self.out);
        move || op.call(black_box(&call), black_box(&args), T::out(out.place(over)))
    }
}

/// Calls of a sample.
#[derive(Clone, Copy)]
pub(super) struct Calls {
    /// Those that are not timed, at least.
    pub(super) warm: usize,
    /// How long they take, at least.
    pub(super) wake: Duration,
    /// Those that are timed.
    pub(super) timed: u32,
}

/// The seconds of one call, averaged over so many, after others that are not timed, from some depth of the stack. The
/// calls go through these arenas in turn, from that one on; and leave it at the one that is next.
pub(super) fn time<'a, T: Element>(
    arenas: impl IntoIterator<Item = &'a mut Arena<T>>,
    next: &mut usize,
    contestant: Contestant,
    calls: Calls,
    depth: usize,
) -> f64 {
    let Calls { warm, wake, timed } = calls;
    let mut all: Vec<_> = arenas.into_iter().map(|arena| arena.call(contestant)).collect();
    deeper(depth, &mut || {
        let count = all.len();
        let mut call = || {
            all[*next % count]().expect("it has been called before, to look at its result");
            *next += 1;
        };
        let start = Instant::now();
        let mut warmed = 0;
        while warmed < warm || start.elapsed() < wake {
            call();
            warmed += 1;
        }
        let start = Instant::now();
        for _ in 0..timed {
            call();
        }
        start.elapsed().as_secs_f64() / f64::from(timed)
    })
}

/// Depths of the stack that are tried, about a quarter of a kilobyte apart: together most of a page.
pub(super) const DEPTHS: usize = 16;

/// Calls from farther down the stack. What a kernel keeps there gets in the way of data whose addresses have the same last
/// twelve bits, which made one take half as long again as another in one process, and no longer in the next.
#[inline(never)]
fn deeper(depth: usize, call: &mut dyn FnMut() -> f64) -> f64 {
    let frame = black_box([0_u8; 192]);
    let seconds = if depth == 0 { call() } else { deeper(depth - 1, call) };
    black_box(&frame);
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_begin_where_those_of_numpy_do() {
        fn begin<T: Element>(shape: (usize, usize)) -> usize {
            let kept = Kept::<T>::matrix(Memory::NumPy, shape).unwrap();
            assert_eq!(kept.as_slice().len(), shape.0 * shape.1);
            kept.as_slice().as_ptr().addr() % 64
        }
        for shape in [(1, 1), (67, 1093), (1024, 1100)] {
            assert_eq!((begin::<f32>(shape), begin::<f64>(shape)), (16, 16));
            let own = Kept::<f32>::matrix(Memory::Library, shape).unwrap();
            assert_eq!(own.as_slice().as_ptr().addr() % 64, 0);
        }
    }
}
