//! Calls every operation for `f64`, on one thread and on three, and compares the results with the oracle's.

use raptors::{
    Cut, Dtype, Error, Matrix, Numerics,
    catalogue::{self, Arg, Body, Call, InputKind, Op, Out, Place, Value},
    element::same_bits,
    reference,
};

/// Cut between rows, between columns, and not at all.
const SHAPES: [(usize, usize); 5] = [(1, 1), (3, 5), (37, 129), (2, 5000), (5000, 2)];

fn extent(kind: InputKind, (rows, cols): (usize, usize)) -> (usize, usize) {
    match kind {
        InputKind::Matrix => (rows, cols),
        InputKind::Row => (1, cols),
        InputKind::Column => (1, rows),
        InputKind::Scalar => (1, 1),
    }
}

/// The arguments but for that at `without`.
fn arguments<'a>(op: &Op, inputs: &'a [Matrix<f64>], without: Option<usize>) -> Vec<Arg<'a>> {
    let of = |(index, input): (usize, &'a Matrix<f64>)| {
        Arg::F64(match op.inputs[index].kind {
            InputKind::Matrix => Value::Matrix(input.view()),
            InputKind::Row | InputKind::Column => Value::Slice(input.as_slice()),
            InputKind::Scalar => Value::Scalar(input[(0, 0)]),
        })
    };
    inputs.iter().enumerate().filter(|(index, _)| Some(*index) != without).map(of).collect()
}

fn compare(op: &Op, shape: (usize, usize)) -> Result<usize, Error> {
    let value = |index: usize, row: usize, col: usize| {
        let number = (31 * row + 17 * col + 101 * index) % 997 + 3;
        if number % 3 == 0 { -1.0 / number as f64 } else { 1.0 / number as f64 }
    };
    let mut inputs = Vec::new();
    for (index, input) in op.inputs.iter().enumerate() {
        let (rows, cols) = extent(input.kind, shape);
        inputs.push(Matrix::from_fn(rows, cols, |row, col| value(index, row, col))?);
    }
    let expected = reference(op, Numerics::Numpy, shape, |index, row, col| match op.inputs[index].kind {
        InputKind::Matrix => inputs[index][(row, col)],
        InputKind::Row => inputs[index][(0, col)],
        InputKind::Column => inputs[index][(0, row)],
        InputKind::Scalar => inputs[index][(0, 0)],
    })?;
    let (rows, cols) = match op.body {
        // Results of one output after those of another.
        Body::Staged { outputs, .. } if !op.body.gives_matrix() => (outputs.len(), op.body.extent(shape).1),
        _ => op.body.extent(shape),
    };
    let first = op.inputs.iter().position(|input| input.kind == InputKind::Matrix).expect("it has a matrix");
    let mut calls = 0;
    for cut in [Cut { threads: 1, chunk: 0 }, Cut { threads: 3, chunk: 4096 }, Cut { threads: 3, chunk: 0 }] {
        let call = Call { cut: Some(cut), ..Call::default() };
        let mut results = vec![Matrix::zeros(rows, cols)?];
        let out = &mut results[0];
        if op.body.gives_matrix() {
            op.call(&call, &arguments(op, &inputs, None), Out::F64(Place::Matrix(out.view_mut())))?;
            let mut inplace = inputs[first].clone();
            let place = Out::F64(Place::Inplace(inplace.view_mut()));
            op.call(&call, &arguments(op, &inputs, Some(first)), place)?;
            results.push(inplace);
        } else {
            op.call(&call, &arguments(op, &inputs, None), Out::F64(Place::Slice(out.as_mut_slice())))?;
        }
        for got in &results {
            for (at, (got, expected)) in got.as_slice().iter().zip(&expected).enumerate() {
                assert!(
                    same_bits(*got, *expected),
                    "{} {shape:?} {cut:?}, element {at}: got {got:?}, expected {expected:?}",
                    op.name
                );
            }
            calls += 1;
        }
    }
    Ok(calls)
}

fn main() -> Result<(), Error> {
    let mut calls = 0;
    for op in catalogue::ops().iter().filter(|op| op.dtypes.contains(&Dtype::F64)) {
        for shape in SHAPES {
            calls += compare(op, shape)?;
        }
    }
    println!("{calls} calls of {} operations are right", catalogue::ops().len());
    Ok(())
}
