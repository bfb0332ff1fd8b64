//! Every operation of the catalogue, through its erased entry, into outputs that are used again.
//!
//! ```text
//! cargo bench --bench ops                     all of them
//! cargo bench --bench ops -- scale            those with `scale` in their name
//! cargo bench --bench ops -- 'sum/f32.*1024'  a regular expression over `<op>/<dtype>[ <class>]/<rows>×<cols>`
//! cargo bench --bench ops -- --test           each once, on small matrices
//! ```
//!
//! The throughput counts what a call must read and write, once each.

use std::{env, hint::black_box};

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use raptors::{
    Dtype, Element, Error, Matrix, Numerics,
    catalogue::{self, Axis, Body, Call, InputKind, Op, Place, Value},
};

/// Rows and columns of the matrices: in the second-level cache, the third and in memory, on most machines.
const SIZES: [usize; 3] = [512, 1024, 2048];
/// In their place when each benchmark runs once, to see that it does.
const SMALL: [usize; 1] = [24];

/// What an argument or a result is kept as.
enum Kept<T: Element> {
    Matrix(Matrix<T>),
    Slice(Vec<T>),
    Scalar(T),
}

impl<T: Element> Kept<T> {
    /// An argument. Values are from 0.5 to 1.5, so that neither sums nor products leave the normal range.
    fn input(kind: InputKind, size: usize, seed: &mut u32) -> Result<Self, Error> {
        let mut value = || {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            T::from_f64(0.5 + f64::from(*seed >> 8) / f64::from(1_u32 << 24))
        };
        Ok(match kind {
            InputKind::Matrix => Self::Matrix(Matrix::from_fn(size, size, |_, _| value())?),
            InputKind::Row | InputKind::Column => Self::Slice((0..size).map(|_| value()).collect()),
            InputKind::Scalar => Self::Scalar(value()),
        })
    }

    fn output(op: &Op, size: usize) -> Result<Self, Error> {
        Ok(match op.body {
            Body::Map(_) => Self::Matrix(Matrix::zeros(size, size)?),
            body => Self::Slice(vec![T::ZERO; body.extent((size, size)).1]),
        })
    }

    fn value(&self) -> Value<'_, T> {
        match self {
            Self::Matrix(matrix) => Value::Matrix(matrix.view()),
            Self::Slice(slice) => Value::Slice(slice),
            Self::Scalar(scalar) => Value::Scalar(*scalar),
        }
    }

    fn place(&mut self) -> Place<'_, T> {
        match self {
            Self::Matrix(matrix) => Place::Matrix(matrix.view_mut()),
            Self::Slice(slice) => Place::Slice(slice),
            Self::Scalar(_) => unreachable!("no result is kept as a scalar"),
        }
    }
}

/// Arguments and output of one benchmark.
struct Case<T: Element> {
    op: &'static Op,
    numerics: Numerics,
    inputs: Vec<Kept<T>>,
    out: Kept<T>,
}

impl<T: Element> Case<T> {
    fn new(op: &'static Op, numerics: Numerics, size: usize) -> Result<Self, Error> {
        let mut seed = 1;
        let inputs = op.inputs.iter().map(|input| Kept::input(input.kind, size, &mut seed));
        Ok(Self { op, numerics, inputs: inputs.collect::<Result<_, _>>()?, out: Kept::output(op, size)? })
    }

    /// Calls the operation, over and over as the closure that is given asks for it.
    fn run(&mut self, repeat: impl FnOnce(&mut dyn FnMut())) {
        let args: Vec<_> = self.inputs.iter().map(|input| T::arg(input.value())).collect();
        let call = Call { numerics: self.numerics, ..Call::default() };
        repeat(&mut || {
            let done = self.op.call(black_box(&call), black_box(&args), T::out(self.out.place()));
            done.expect("the arguments have the forms of the catalogue");
        });
    }
}

/// Bytes that a call must read and write.
fn bytes<T: Element>(op: &Op, size: usize) -> u64 {
    let inputs: usize = op
        .inputs
        .iter()
        .map(|input| match input.kind {
            InputKind::Matrix => size * size,
            InputKind::Row | InputKind::Column => size,
            InputKind::Scalar => 0,
        })
        .sum();
    let output = match op.body {
        Body::Map(_) => size * size,
        body => body.extent((size, size)).1,
    };
    ((inputs + output) * size_of::<T>()) as u64
}

fn add<T: Element>(group: &mut BenchmarkGroup<'_, WallTime>, op: &'static Op, sizes: &[usize]) {
    for &numerics in op.numerics {
        for &size in sizes {
            let class = match numerics {
                Numerics::Numpy => String::new(),
                Numerics::Accurate | Numerics::Any => format!(" {}", numerics.name()),
            };
            let id = BenchmarkId::new(format!("{}{class}", T::DTYPE), format!("{size}×{size}"));
            group.throughput(Throughput::Bytes(bytes::<T>(op, size)));
            // Made when the first sample is taken, so that what a filter leaves out costs nothing.
            let mut case: Option<Case<T>> = None;
            group.bench_function(id, |bencher| {
                let case = case
                    .get_or_insert_with(|| Case::new(op, numerics, size).expect("there is memory for it"));
                case.run(|call| bencher.iter(call));
            });
        }
    }
}

fn every_operation(criterion: &mut Criterion) {
    // `cargo bench` says `--bench`; `cargo test --benches` does not, and wants each benchmark once.
    let said = |word: &str| env::args().any(|arg| arg == word);
    let sizes: &[usize] = if said("--bench") && !said("--test") { &SIZES } else { &SMALL };
    let with_kernels = |op: &&Op| !matches!(op.body, Body::Staged { .. });
    for op in catalogue::ops().iter().filter(with_kernels) {
        let mut group = criterion.benchmark_group(op.name);
        for dtype in op.dtypes {
            match dtype {
                Dtype::F32 => add::<f32>(&mut group, op, sizes),
                Dtype::F64 => add::<f64>(&mut group, op, sizes),
            }
        }
        group.finish();
    }
}

criterion_group!(benches, every_operation);
criterion_main!(benches);
