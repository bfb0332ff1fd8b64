//! Calls as a Rust program makes them: matrices of the library, results in matrices that are kept.

use std::{
    fmt,
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use raptors::{
    Dtype, Element, Matrix, Numerics,
    catalogue::{self, Arg, Body, Explanation, InputKind, Op, Place, Value},
    tune::Case,
};
use serde::{Deserialize, Serialize};

/// A call, as both programs that time it read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    op: String,
    dtype: String,
    numerics: String,
    /// Whether it overwrites its first matrix.
    inplace: bool,
    rows: usize,
    cols: usize,
    /// How often its data are there, for calls on fresh ones.
    copies: usize,
}

/// Seconds of a call: on the same data again and again, and on others each time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Seconds {
    pub(super) again: f64,
    pub(super) fresh: f64,
}

/// How long a sample takes, at least.
const SAMPLE: Duration = Duration::from_micros(500);
/// Samples, of which the fastest counts.
const SAMPLES: usize = 7;
/// Calls before a sample, which wake threads and bring data as near as they will stay.
const UNTIMED: usize = 3;
/// Copies of small data.
const COPIES: usize = 16;

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, dtype, numerics, inplace, rows, cols, .. } = self;
        let class = if *numerics == Numerics::default().name() { "" } else { &format!(" {numerics}") };
        let inplace = if *inplace { " in place" } else { "" };
        write!(f, "{op} {dtype}{class}{inplace} {rows}x{cols}")
    }
}

impl Call {
    /// The plain call of an operation on a shape.
    pub(super) fn of(op: &str, dtype: Dtype, shape: (usize, usize)) -> Self {
        Self::new(op, dtype, Numerics::default(), false, shape)
    }

    /// The call that a row of a table is measured by.
    pub(super) fn of_case(case: &Case) -> Self {
        Self::new(case.op.name, case.dtype, case.numerics, case.inplace, case.shape())
    }

    fn new(op: &str, dtype: Dtype, numerics: Numerics, inplace: bool, shape: (usize, usize)) -> Self {
        let bytes = shape.0 * shape.1 * dtype.bytes();
        // Together more than the last cache holds, as far as that takes no more than these.
        let copies = (2 * raptors::caches().l3 / bytes.max(1)).clamp(2, COPIES);
        let (op, dtype, numerics) = (op.to_owned(), dtype.name().to_owned(), numerics.name().to_owned());
        Self { op, dtype, numerics, inplace, rows: shape.0, cols: shape.1, copies }
    }

    fn op(&self) -> anyhow::Result<&'static Op> {
        let op = catalogue::op(&self.op)?;
        // A row of a profile is judged by calls that run its kernel and no other.
        let is_staged = matches!(op.body, Body::Staged { .. });
        ensure!(!is_staged, "no calls of {} are timed: it runs kernels of several rows", op.name);
        Ok(op)
    }

    fn numerics(&self) -> anyhow::Result<Numerics> {
        let named = Numerics::ALL.into_iter().find(|class| class.name() == self.numerics);
        named.with_context(|| format!("no numeric class {}", self.numerics))
    }

    fn dtype(&self) -> anyhow::Result<Dtype> {
        let named = Dtype::ALL.into_iter().find(|dtype| dtype.name() == self.dtype);
        named.with_context(|| format!("no element type {}", self.dtype))
    }

    fn explain(&self) -> anyhow::Result<Explanation> {
        let (op, dtype, shape) = (self.op()?, self.dtype()?, (self.rows, self.cols));
        Ok(if self.inplace {
            op.explain_inplace(dtype, self.numerics()?, shape)?
        } else {
            op.explain(dtype, self.numerics()?, shape)?
        })
    }

    /// Whether this process's profile makes it another call than the defaults, on the threads that it may use now.
    pub(super) fn is_changed(&self) -> anyhow::Result<bool> {
        let explained = self.explain()?;
        let tasks = (explained.crossover, explained.chunk);
        let is_cut_otherwise = raptors::num_threads() > 1 && tasks != explained.default_tasks;
        Ok(explained.kernel != explained.default || is_cut_otherwise)
    }

    /// Times it in this process.
    pub(super) fn time(&self) -> anyhow::Result<Seconds> {
        match self.dtype()? {
            Dtype::F32 => self.time_typed::<f32>(),
            Dtype::F64 => self.time_typed::<f64>(),
        }
    }

    fn time_typed<T: Element>(&self) -> anyhow::Result<Seconds> {
        let mut all = (0..self.copies).map(|_| Data::<T>::new(self)).collect::<anyhow::Result<Vec<_>>>()?;
        let again = best(|| all[0].call())?;
        let copies = f64::from(u32::try_from(self.copies)?);
        let fresh = best(|| all.iter_mut().try_for_each(Data::call))? / copies;
        Ok(Seconds { again, fresh })
    }
}

/// Seconds of the fastest sample.
fn best(mut call: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut sample = |calls: u32| {
        let begin = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        anyhow::Ok(begin.elapsed())
    };
    let mut calls = 1;
    sample(1)?;
    while sample(calls)? < SAMPLE {
        calls *= 2;
    }
    let mut best = Duration::MAX;
    for _ in 0..SAMPLES {
        sample(u32::try_from(UNTIMED)?)?;
        best = best.min(sample(calls)?);
    }
    Ok(best.as_secs_f64() / f64::from(calls))
}

/// The arguments and the result of a call.
struct Data<T: Element> {
    op: &'static Op,
    call: catalogue::Call<'static>,
    /// All but the one that is overwritten.
    inputs: Vec<Kept<T>>,
    out: Kept<T>,
    inplace: bool,
}

enum Kept<T: Element> {
    Matrix(Matrix<T>),
    Slice(Vec<T>),
    Scalar(T),
}

impl<T: Element> Data<T> {
    /// Numbers from 0.5 to 1.5; ones where they are overwritten again and again, which they survive.
    fn new(call: &Call) -> anyhow::Result<Self> {
        let (op, inplace, (rows, cols)) = (call.op()?, call.inplace, (call.rows, call.cols));
        let value = |row: usize, col: usize| {
            let step = u32::try_from((row * 31 + col * 17) % 1024).unwrap_or(0);
            T::from_f64(if inplace { 1.0 } else { 0.5 + f64::from(step) / 1024.0 })
        };
        let matrix = || Matrix::from_fn(rows, cols, value).map(Kept::Matrix);
        let slice = |len: usize| Kept::Slice((0..len).map(|at| value(0, at)).collect());
        let first = op.inputs.iter().position(|input| input.kind == InputKind::Matrix);
        let others = op.inputs.iter().enumerate().filter(|(at, _)| !(inplace && Some(*at) == first));
        let inputs = others.map(|(_, input)| {
            Ok(match input.kind {
                InputKind::Matrix => matrix()?,
                InputKind::Row => slice(cols),
                InputKind::Column => slice(rows),
                InputKind::Scalar => Kept::Scalar(value(0, 0)),
            })
        });
        let inputs = inputs.collect::<anyhow::Result<Vec<_>>>()?;
        let out = match op.body {
            Body::Map(_) => matrix()?,
            _ => slice(op.body.extent((rows, cols)).1),
        };
        let call = catalogue::Call { numerics: call.numerics()?, ..catalogue::Call::default() };
        Ok(Self { op, call, inputs, out, inplace })
    }

    fn call(&mut self) -> anyhow::Result<()> {
        let args: Vec<Arg<'_>> = self.inputs.iter().map(|input| T::arg(input.value())).collect();
        let out = match &mut self.out {
            Kept::Matrix(matrix) if self.inplace => Place::Inplace(matrix.view_mut()),
            Kept::Matrix(matrix) => Place::Matrix(matrix.view_mut()),
            Kept::Slice(slice) => Place::Slice(slice),
            Kept::Scalar(_) => unreachable!("no result is kept as a scalar"),
        };
        Ok(self.op.call(&self.call, black_box(&args), T::out(out))?)
    }
}

impl<T: Element> Kept<T> {
    fn value(&self) -> Value<'_, T> {
        match self {
            Self::Matrix(matrix) => Value::Matrix(matrix.view()),
            Self::Slice(slice) => Value::Slice(slice),
            Self::Scalar(scalar) => Value::Scalar(*scalar),
        }
    }
}
