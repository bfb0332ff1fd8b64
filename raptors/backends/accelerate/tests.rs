//! The functions that call vDSP: on a Mac with the library itself, elsewhere with the stand-in. Elements are whole numbers, so
//! that no order of adding them changes a bit.

use super::*;
use crate::{MatrixMut, MatrixRef};

/// Rows, columns, and how much further rows are apart: no elements, one, rows with gaps, not square.
const SHAPES: [(usize, usize, usize); 10] = [
    (0, 0, 0),
    (0, 3, 0),
    (3, 0, 0),
    (1, 1, 0),
    (1, 9, 0),
    (9, 1, 4),
    (2, 3, 0),
    (3, 2, 5),
    (7, 33, 1),
    (33, 7, 2),
];
/// What is between rows, before and after.
const GAP: f64 = -777.0;

/// Memory with a matrix in it, which begins after some elements that are not its own.
struct Apart<T> {
    elements: Vec<T>,
    shape: (usize, usize, usize),
}

/// Elements before and after.
const MARGIN: usize = 3;

impl<T: Float> Apart<T> {
    fn new(shape: (usize, usize, usize), seed: usize) -> Self {
        let (rows, cols, gap) = shape;
        let stride = cols + gap;
        let mut elements = vec![T::from_f64(GAP); MARGIN + rows * stride + MARGIN];
        for row in 0..rows {
            for col in 0..cols {
                elements[MARGIN + row * stride + col] = Self::value(seed, row, col);
            }
        }
        Self { elements, shape }
    }

    fn value(seed: usize, row: usize, col: usize) -> T {
        let whole = (seed * 31 + row * 7 + col * 13) % 41;
        T::from_f64(f64::from(u8::try_from(whole).expect("small")) - 20.0)
    }

    fn view(&self) -> MatrixRef<'_, T> {
        let (rows, cols, gap) = self.shape;
        let end = self.elements.len() - MARGIN;
        MatrixRef::with_row_stride(&self.elements[MARGIN..end], rows, cols, cols + gap).expect("it fits")
    }

    fn view_mut(&mut self) -> MatrixMut<'_, T> {
        let (rows, cols, gap) = self.shape;
        let end = self.elements.len() - MARGIN;
        MatrixMut::with_row_stride(&mut self.elements[MARGIN..end], rows, cols, cols + gap).expect("it fits")
    }

    /// Whether the matrix is what it should be, and nothing else was written.
    fn is(&self, expected: impl Fn(usize, usize) -> T) -> bool {
        let (rows, cols, gap) = self.shape;
        let stride = (cols + gap).max(1);
        let of = |at: usize| {
            let at = at.checked_sub(MARGIN)?;
            let (row, col) = (at / stride, at % stride);
            (row < rows && col < cols).then(|| expected(row, col))
        };
        let wanted = |at: usize| of(at).unwrap_or_else(|| T::from_f64(GAP));
        self.elements.iter().enumerate().all(|(at, element)| *element == wanted(at))
    }
}

fn each(shape: (usize, usize, usize), test: impl Fn(&str, bool)) {
    for (float, right) in of::<f32>(shape)
        .into_iter()
        .map(|it| (("f32", it.0), it.1))
        .chain(of::<f64>(shape).into_iter().map(|it| (("f64", it.0), it.1)))
    {
        test(&format!("{} {}", float.1, float.0), right);
    }
}

/// Every function on matrices of a shape: its name, and whether it was right.
fn of<T: Float>(shape: (usize, usize, usize)) -> Vec<(&'static str, bool)> {
    let (rows, cols, _) = shape;
    let k = T::from_f64(-3.0);
    let wider = (rows, cols, shape.2 + 2);
    let (x, y) = (Apart::<T>::new(shape, 1), Apart::<T>::new(wider, 2));
    let value = Apart::<T>::value;
    let row: Vec<T> = (0..cols).map(|col| value(3, 0, col)).collect();
    let mut found = Vec::new();
    let mut into = |name, call: &dyn Fn(MatrixMut<'_, T>), expected: &dyn Fn(usize, usize) -> T| {
        let mut out = Apart::new((rows, cols, shape.2 + 1), 9);
        call(out.view_mut());
        found.push((name, out.is(expected)));
    };
    into("vsmul", &|out| vsmul((x.view(), k, out)), &|r, c| value(1, r, c) * k);
    into("vadd", &|out| vadd((x.view(), y.view(), out)), &|r, c| value(1, r, c) + value(2, r, c));
    into("vadd_row", &|out| vadd_row((x.view(), &row, out)), &|r, c| value(1, r, c) + value(3, 0, c));
    into("vsub", &|out| vsub((x.view(), y.view(), out)), &|r, c| value(1, r, c) - value(2, r, c));
    into("vsma", &|out| vsma((x.view(), y.view(), k, out)), &|r, c| value(1, r, c) * k + value(2, r, c));
    let mut inplace = |name, call: &dyn Fn(MatrixMut<'_, T>), expected: &dyn Fn(usize, usize) -> T| {
        let mut x = Apart::new(shape, 1);
        call(x.view_mut());
        found.push((name, x.is(expected)));
    };
    inplace("vsmul_inplace", &|x| vsmul_inplace((x, k)), &|r, c| value(1, r, c) * k);
    inplace("vadd_inplace", &|x| vadd_inplace((x, y.view())), &|r, c| value(1, r, c) + value(2, r, c));
    inplace("vadd_row_inplace", &|x| vadd_row_inplace((x, &row)), &|r, c| value(1, r, c) + value(3, 0, c));
    inplace("vsub_inplace", &|x| vsub_inplace((x, y.view())), &|r, c| value(1, r, c) - value(2, r, c));
    let sum = |of: &dyn Fn(T) -> T, (rows, cols): (std::ops::Range<usize>, std::ops::Range<usize>)| {
        let all = rows.flat_map(|row| cols.clone().map(move |col| value(1, row, col)));
        all.fold(T::ZERO, |sum, x| sum + of(x))
    };
    let mut reduced = |name, call: &dyn Fn(&mut [T]), count: usize, expected: &dyn Fn(usize) -> T| {
        let mut states = vec![T::from_f64(GAP); count];
        call(&mut states);
        found.push((name, states.iter().enumerate().all(|(at, state)| *state == expected(at))));
    };
    reduced("sums", &|out| sums((x.view(), out)), rows, &|r| sum(&|x| x, (r..r + 1, 0..cols)));
    reduced("sums_of_magnitudes", &|out| sums_of_magnitudes((x.view(), out)), rows, &|r| {
        sum(&T::abs, (r..r + 1, 0..cols))
    });
    reduced("sums_of_squares", &|out| sums_of_squares((x.view(), out)), rows, &|r| {
        sum(&|x| x * x, (r..r + 1, 0..cols))
    });
    reduced("sums_of_columns", &|out| sums_of_columns((x.view(), out)), cols, &|c| {
        sum(&|x| x, (0..rows, c..c + 1))
    });
    found
}

#[test]
fn every_pointer_stride_and_length_is_right() {
    for shape in SHAPES {
        each(shape, |name, right| assert!(right, "{name} of {shape:?}"));
    }
}
