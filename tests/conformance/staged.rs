//! Operations in stages: calls on every layout, cut in several ways, on every instruction set of this machine.
//!
//! They run kernels of other operations, which the tests beside this hold to the oracle one by one; here it is what goes
//! on around them.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use raptors::{
    Cut, Dtype, Expr, Isa, MatrixMut, Numerics,
    catalogue::{self, Arg, Axis, Body, Call, Combine, InputKind, Op, Out, Output, ResultType, Value},
    element::same_bits,
    staged_reference,
};

use crate::{
    common,
    data::{Data, Float},
    layout::{Layout, Place, Spot},
    memory::{Arena, bytes},
    scope::is_short,
};

/// Shapes: narrow and wide, shorter and longer than a block of terms, one row, one column, and none.
const SHAPES: [(usize, usize); 15] = [
    (1, 1),
    (1, 7),
    (7, 1),
    (3, 5),
    (2, 130),
    (129, 2),
    (37, 33),
    (1, 4200),
    (4200, 1),
    (2, 4200),
    (900, 3),
    (40, 129),
    (0, 3),
    (3, 0),
    (0, 0),
];

/// What is in the matrices, and the scalar that every scalar argument is.
const DATA: [(Data, f64); 6] = [
    (Data::Wide, 0.0),
    (Data::Bits, 1.0),
    (Data::Cycle(0), 0.0),
    (Data::Fill(0), 1.0),
    (Data::Fill(5), 2.0),
    (Data::Single(1, 4), 3.0),
];

const LAYOUTS: [Layout; 2] =
    [Layout::tight(Place::End), Layout { place: Place::Start, out_place: Place::End, gaps: [3, 0, 5, 0] }];

/// How calls are cut: each case in one of these ways beside the library's own.
const CUTS: [Cut; 2] = [Cut { threads: 2, chunk: 1 }, Cut { threads: 3, chunk: 4096 }];

/// Vectors of a step of a map, where its spec says nothing of it.
const UNROLL: usize = 4;

fn staged() -> impl Iterator<Item = &'static Op> {
    catalogue::ops().iter().filter(|op| matches!(op.body, Body::Staged { .. }))
}

/// The results of a call in f64, those of each output; or the error in words.
fn called<T: Float>(
    op: &Op,
    call: &Call<'_>,
    args: &[Arg<'_>],
    (axis, (rows, cols)): (Axis, (usize, usize)),
    outputs: &[Output],
) -> Result<Vec<Vec<f64>>, String> {
    let len = match axis {
        Axis::All => 1,
        Axis::Zero => cols,
        Axis::One => rows,
    };
    let said = |error: raptors::Error| error.to_string();
    match outputs[0].result {
        ResultType::Element => {
            let mut out = vec![T::unwritten(); len * outputs.len()];
            op.call(call, args, T::out(catalogue::Place::Slice(&mut out))).map_err(said)?;
            let parts = out.chunks(len.max(1)).map(|part| part.iter().map(|x| x.to_f64()).collect());
            let mut parts: Vec<_> = parts.collect();
            parts.resize(outputs.len(), Vec::new());
            Ok(parts)
        }
        ResultType::Whole => {
            let mut out = vec![-1; len];
            op.call(call, args, Out::Whole(&mut out)).map_err(said)?;
            #[expect(clippy::cast_precision_loss, reason = "counts and places are small")]
            Ok(vec![out.into_iter().map(|whole| whole as f64).collect()])
        }
        ResultType::Truth => {
            let mut out = vec![false; len];
            op.call(call, args, Out::Truth(&mut out)).map_err(said)?;
            Ok(vec![out.into_iter().map(|truth| f64::from(u8::from(truth))).collect()])
        }
        ResultType::Matrix => unreachable!("it is written into an arena"),
    }
}

/// The elements of a matrix that a call writes, in f64; or the error in words. What is around the matrix must stay as it is.
fn written<T: Float>(
    op: &Op,
    call: &Call<'_>,
    args: &[Arg<'_>],
    (arena, spot): (&mut Arena<T>, &Spot),
    inplace: bool,
) -> Result<Vec<Vec<f64>>, String> {
    let before = spot.window(arena).to_vec();
    let matrix = spot.matrix_mut(arena);
    let place = if inplace { catalogue::Place::Inplace(matrix) } else { catalogue::Place::Matrix(matrix) };
    let done = op.call(call, args, T::out(place));
    let after = spot.window(arena);
    let is_around = |at: &usize| spot.element(*at).is_none();
    for at in (0..after.len()).filter(is_around) {
        if bytes(&after[at..=at]) != bytes(&before[at..=at]) {
            return Err(format!("it wrote {}", spot.distance(at)));
        }
    }
    done.map_err(|error| error.to_string())?;
    let elements = (0..after.len()).filter(|at| spot.element(*at).is_some());
    Ok(vec![elements.map(|at| after[at].to_f64()).collect()])
}

/// Each result of each output has the bits that it should have, or both are the same error.
fn is_same(found: &Result<Vec<Vec<f64>>, String>, expected: &Result<Vec<Vec<f64>>, String>) -> bool {
    match (found, expected) {
        (Ok(found), Ok(expected)) => {
            found.iter().flatten().zip(expected.iter().flatten()).all(|(a, b)| same_bits(*a, *b))
                && found.iter().map(Vec::len).eq(expected.iter().map(Vec::len))
        }
        (Err(found), Err(expected)) => found == expected,
        _ => false,
    }
}

/// Every way to fill the matrices, in every numeric class, cut and not.
fn check<T: Float>(op: &'static Op, shape @ (rows, cols): (usize, usize), failures: &mut Vec<String>) {
    // The oracle takes its time: large matrices are filled in one way each, and all are where a processor is emulated.
    let is_large = rows * cols > 2000 || is_short();
    let turn = rows + cols + op.name.len();
    for at in (0..DATA.len()).filter(|at| !is_large || *at == turn % DATA.len()) {
        let cuts = [None, Some(CUTS[(at + turn) % CUTS.len()])];
        compare::<T>(op, shape, at, op.numerics, &cuts, failures);
    }
}

/// Columns of all tails after no, one and two steps of the maps that compute terms: their kernels serve no other operation,
/// so nobody calls them by name.
fn tails<T: Float>(op: &'static Op, failures: &mut Vec<String>) {
    let Body::Staged { stages, .. } = op.body else { unreachable!("filtered") };
    let is_computed = |of: &Expr, by: Combine| by == Combine::Count || !matches!(of, Expr::Input(_));
    let computes_terms = stages.iter().any(|stage| stage.fold.is_some_and(|(of, by)| is_computed(&of, by)));
    if !computes_terms && !op.body.gives_matrix() {
        return;
    }
    let lanes = 64 / size_of::<T>();
    for cols in 1..=2 * UNROLL * lanes + lanes + 1 {
        let rows = if op.body.axis() == Some(Axis::All) { 1 } else { 1 + cols % 2 };
        compare::<T>(op, (rows, cols), cols % 2, &op.numerics[..1], &[None], failures);
    }
}

/// Compares calls with the oracle: of one way to fill the matrices, in these classes, cut in these ways.
fn compare<T: Float>(
    op: &'static Op,
    shape @ (rows, cols): (usize, usize),
    at: usize,
    classes: &[Numerics],
    cuts: &[Option<Cut>],
    failures: &mut Vec<String>,
) {
    let Body::Staged { axis, outputs, .. } = op.body else { unreachable!("filtered") };
    let (data, scalar) = DATA[at];
    let scalar = T::from_f64(scalar);
    let layout = LAYOUTS[at % 2];
    let mut values: Vec<Vec<T>> = Vec::new();
    let mut arenas: Vec<(Arena<T>, Spot)> = Vec::new();
    for (index, of) in op.inputs.iter().enumerate() {
        let extent @ (down, along) = match of.kind {
            InputKind::Matrix => shape,
            InputKind::Row => (1, cols),
            InputKind::Column => (1, rows),
            InputKind::Scalar => (1, 1),
        };
        let element = |place: usize| match of.kind {
            InputKind::Scalar => scalar,
            _ => data.at::<T>(index, (place / along, place % along), extent),
        };
        let elements: Vec<T> = (0..down * along).map(element).collect();
        let mut arena = Arena::new(0);
        let gap = if of.kind == InputKind::Matrix { layout.gap(index) } else { 0 };
        let spot = Spot::new(&mut arena, extent, gap, layout.place);
        spot.fill(&mut arena, &spot.image(&elements));
        arenas.push((arena, spot));
        values.push(elements);
    }
    let args: Vec<Arg<'_>> = (op.inputs.iter().zip(&arenas))
        .map(|(of, (arena, spot))| {
            T::arg(match of.kind {
                InputKind::Matrix => Value::Matrix(spot.matrix(arena)),
                InputKind::Row | InputKind::Column => Value::Slice(spot.slice(arena)),
                InputKind::Scalar => Value::Scalar(scalar),
            })
        })
        .collect();
    let input = |index: usize, row: usize, col: usize| match op.inputs[index].kind {
        InputKind::Matrix => values[index][row * cols + col],
        InputKind::Row => values[index][col],
        InputKind::Column => values[index][row],
        InputKind::Scalar => scalar,
    };
    let first = op.inputs.iter().position(|of| of.kind == InputKind::Matrix).unwrap_or_default();
    for &numerics in classes {
        let expected = staged_reference(op, numerics, shape, input).map_err(|error| error.to_string());
        for &cut in cuts {
            let call = Call { numerics, cut, ..Call::default() };
            let found = if op.body.gives_matrix() {
                let out = vec![T::unwritten(); rows * cols];
                let mut arena = Arena::new(0);
                let spot = Spot::new(&mut arena, shape, layout.out_gap(), layout.out_place);
                spot.fill(&mut arena, &spot.image(&out));
                let into = written::<T>(op, &call, &args, (&mut arena, &spot), false);
                // In place, the same memory has the first matrix first.
                spot.fill(&mut arena, &spot.image(&values[first]));
                let others = [&args[..first], &args[first + 1..]].concat();
                let inplace = written::<T>(op, &call, &others, (&mut arena, &spot), true);
                vec![("into", into), ("in place", inplace)]
            } else {
                vec![("results", called::<T>(op, &call, &args, (axis, shape), outputs))]
            };
            for (way, found) in found {
                if !is_same(&found, &expected) && failures.len() < 20 {
                    failures.push(format!(
                        "{} {} {numerics} {rows}×{cols} {data:?} {layout:?} {cut:?} {way}: {found:?}, expected \
                         {expected:?}",
                        op.name,
                        T::DTYPE
                    ));
                }
            }
        }
    }
}

/// Matrices that take several blocks of rows, several stripes of columns, and more rows than a stripe can have.
fn blocks(op: &'static Op, failures: &mut Vec<String>) {
    if !op.body.gives_matrix() || is_short() {
        return;
    }
    for (shape, cut) in [((520, 270), None), ((520, 270), Some(CUTS[1])), ((2100, 3), None)] {
        compare::<f32>(op, shape, 0, &op.numerics[..1], &[cut], failures);
    }
}

/// Everything, on the instruction set of this process.
fn run() {
    let ops: Vec<_> = staged().collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(op) = ops.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut failures = Vec::new();
            for (shape, dtype) in
                SHAPES.into_iter().flat_map(|shape| op.dtypes.iter().map(move |of| (shape, of)))
            {
                match dtype {
                    Dtype::F32 => check::<f32>(op, shape, &mut failures),
                    Dtype::F64 => check::<f64>(op, shape, &mut failures),
                }
            }
            for dtype in op.dtypes {
                match dtype {
                    Dtype::F32 => tails::<f32>(op, &mut failures),
                    Dtype::F64 => tails::<f64>(op, &mut failures),
                }
            }
            blocks(op, &mut failures);
            found.lock().expect("no thread panics while it holds this").append(&mut failures);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = found.into_inner().expect("no thread panicked");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn stages_give_the_bits_of_the_oracle() {
    let test = "staged::stages_give_the_bits_of_the_oracle";
    // An emulator runs no process in this one's place: there it is the instruction set that it has.
    if common::is_alone(test) || is_short() {
        return run();
    }
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        common::rerun(test, &[("RAPTORS_SIMD", isa.name())]);
    }
}

#[test]
fn results_of_another_type_are_refused() {
    for op in staged() {
        let Body::Staged { outputs, .. } = op.body else { continue };
        let x = raptors::Matrix::<f32>::zeros(2, 2).expect("it is small");
        let args: Vec<_> = (op.inputs.iter())
            .map(|of| {
                Arg::F32(match of.kind {
                    InputKind::Matrix => Value::Matrix(x.view()),
                    InputKind::Row | InputKind::Column => Value::Slice(x.row(0)),
                    InputKind::Scalar => Value::Scalar(0.0),
                })
            })
            .collect();
        let call = Call { numerics: Numerics::Numpy, ..Call::default() };
        let (mut whole, mut truth, mut other) = ([7; 2], [true; 2], [7.0_f64; 4]);
        let is_whole = outputs[0].result == ResultType::Whole;
        let is_truth = outputs[0].result == ResultType::Truth;
        assert!(is_whole || op.call(&call, &args, Out::Whole(&mut whole)).is_err(), "{}", op.name);
        assert!(is_truth || op.call(&call, &args, Out::Truth(&mut truth)).is_err(), "{}", op.name);
        let out = Out::F64(catalogue::Place::Slice(&mut other));
        assert!(op.call(&call, &args, out).is_err(), "{}", op.name);
        let mut same = [7.0_f32; 4];
        let slice = op.call(&call, &args, Out::F32(catalogue::Place::Slice(&mut same[..2])));
        assert!(slice.is_err() || !op.body.gives_matrix(), "{}", op.name);
        let matrix = MatrixMut::new(&mut same, 2, 2).expect("it has these elements");
        let matrix = op.call(&call, &args, Out::F32(catalogue::Place::Matrix(matrix)));
        assert!(matrix.is_err() || op.body.gives_matrix(), "{}", op.name);
        let fewer = op.call(&call, &args[1..], Out::F64(catalogue::Place::Slice(&mut other)));
        assert!(fewer.is_err(), "{}", op.name);
        assert!(is_whole || whole == [7; 2]);
        assert!(is_truth || truth == [true; 2]);
        assert!(other.iter().all(|x| same_bits(*x, 7.0)));
    }
}

#[test]
fn a_scalar_of_f64_is_taken_as_it_is() {
    // A build without the family has none of it.
    let Some(op) = catalogue::ops().iter().find(|op| op.name == "var") else { return };
    let x = [1.0, 2.0, 4.0, 8.0];
    let called = |ddof: Arg<'_>| {
        let args = [Arg::F32(Value::Matrix(raptors::MatrixRef::from_row(&x))), ddof];
        let mut result = [0.0];
        op.call(&Call::default(), &args, Out::F32(catalogue::Place::Slice(&mut result))).map(|()| result[0])
    };
    // 28.75 is the sum of squares, and exact.
    let rounded = |ddof: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "as a result is rounded")]
        let result = (28.75 / (4.0 - ddof)) as f32;
        result.to_bits()
    };
    let of_f64 = called(Arg::F64(Value::Scalar(3.7))).unwrap().to_bits();
    let of_f32 = called(Arg::F32(Value::Scalar(3.7))).unwrap().to_bits();
    assert_eq!((of_f64, of_f32), (rounded(3.7), rounded(f64::from(3.7_f32))));
    assert_ne!(of_f64, of_f32);
    // A matrix of another dtype is none that could be taken.
    assert!(called(Arg::F64(Value::Slice(&[3.7]))).is_err());
}
