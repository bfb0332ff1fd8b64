//! `ndarray` arrays as matrices and matrices as `ndarray` arrays: the same elements in the same place.
#![cfg(feature = "ndarray")]

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder as _, array, s};
use raptors::{Error, Matrix, MatrixMut, MatrixRef};

fn counted(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| f64::from(u32::try_from(10 * i + j).unwrap()))
}

/// The view is of the array's own memory, has its elements, and leads back to it.
#[allow(clippy::needless_pass_by_value, reason = "a view is made for each call")]
fn check(array: ArrayView2<'_, f64>) {
    let matrix = MatrixRef::try_from(array).unwrap();
    assert_eq!(matrix.shape(), array.dim());
    for (row, want) in matrix.rows().zip(array.rows()) {
        assert_eq!(ndarray::ArrayView1::from(row), want);
    }
    let back = ArrayView2::from(matrix);
    assert_eq!(back, array);
    if !array.is_empty() {
        assert_eq!((matrix.as_ptr(), back.as_ptr()), (array.as_ptr(), array.as_ptr()));
    }
}

#[test]
fn arrays_that_are_matrices() {
    let array = counted(5, 7);
    check(array.view());
    // Rows with something in between, rows left out, one row, one column, and none.
    check(array.slice(s![.., 2..5]));
    check(array.slice(s![..;2, ..]));
    check(array.slice(s![1..2, 3..]));
    check(array.slice(s![.., 3..4]));
    check(array.slice(s![2..2, ..]));
    check(array.slice(s![.., 4..4]));
    check(array.slice(s![4..;-1, ..]).slice(s![0..1, ..]));
    // A stride that is never taken may be anything.
    check(array.slice(s![.., ..;7]));
    check(array.slice(s![3..4, 2..3]).reversed_axes());
    check(array.slice(s![..0, ..]).reversed_axes());
    check(counted(1, 6).view().reversed_axes());
    check(Array2::zeros((3, 1).f()).view());
    assert_eq!(MatrixRef::try_from(&array).unwrap().as_slice(), array.as_slice());
}

#[test]
fn arrays_that_are_not() {
    let mut array = counted(5, 7);
    let strides = |array: ArrayView2<'_, f64>| match MatrixRef::try_from(array) {
        Err(Error::Strides { row, column }) => (row, column),
        other => panic!("{other:?}"),
    };
    assert_eq!(strides(array.t()), (1, 7));
    assert_eq!(strides(array.slice(s![.., ..;2])), (7, 2));
    assert_eq!(strides(array.slice(s![.., ..;-1])), (7, -1));
    assert_eq!(strides(array.slice(s![..;-1, ..])), (-7, 1));
    assert_eq!(strides(array.slice(s![0, ..]).broadcast((3, 7)).unwrap()), (0, 1));
    assert_eq!(strides(Array2::zeros((3, 4).f()).view()), (1, 3));
    // The way out that the message names.
    let error = MatrixRef::try_from(array.t()).unwrap_err();
    assert!(error.to_string().contains("(1, 7)") && error.to_string().contains("standard layout"), "{error}");
    check(array.t().as_standard_layout().view());

    let mut transposed = array.view_mut();
    transposed.swap_axes(0, 1);
    assert_eq!(MatrixMut::try_from(transposed).unwrap_err(), error);
}

#[test]
fn extents_that_cannot_be_counted() {
    let most = isize::MAX.cast_unsigned() / 8;
    for (rows, columns) in [(0, most), (most, 0)] {
        let view = MatrixRef::<f64>::new(&[], rows, columns).unwrap();
        let array = view.to_ndarray_view();
        assert_eq!(array.dim(), (rows, columns));
        assert_eq!(MatrixRef::try_from(array).unwrap().shape(), (rows, columns));
        assert_eq!(
            MatrixMut::<f64>::new(&mut [], rows, columns).unwrap().into_ndarray_view().dim(),
            (rows, columns)
        );
    }
    // ndarray counts elements, and a matrix bytes.
    let large = isize::MAX.cast_unsigned();
    for (rows, columns) in [(0, large), (large, 0)] {
        let mut array = Array2::<f64>::from_shape_vec((rows, columns), Vec::new()).unwrap();
        let refused = Error::TooLarge { rows, columns };
        assert_eq!(MatrixRef::try_from(&array).unwrap_err(), refused);
        assert_eq!(MatrixMut::try_from(&mut array).unwrap_err(), refused);
    }
    // What ndarray refuses as well never comes to be a view.
    assert!(Array2::<f64>::from_shape_vec((0, usize::MAX), Vec::new()).is_err());
    assert!(MatrixRef::<f64>::new(&[], 0, usize::MAX).is_err());
}

#[test]
fn writes_arrive() {
    let mut array = counted(4, 5);
    let mut matrix = MatrixMut::try_from(array.slice_mut(s![1..3, 1..4])).unwrap();
    matrix.rows_mut().for_each(|row| row.fill(-1.0));
    let mut back = ArrayViewMut2::from(matrix);
    assert_eq!(back.dim(), (2, 3));
    back[(1, 2)] = -2.0;
    for ((i, j), value) in array.indexed_iter() {
        let inside = (1..3).contains(&i) && (1..4).contains(&j);
        assert_eq!(*value < 0.0, inside, "({i}, {j}) is {value}");
    }
    assert!(array[(2, 3)] < -1.5);
    MatrixMut::try_from(&mut array).unwrap().row_mut(0).fill(3.0);
    assert!(array.index_axis(Axis(0), 0).iter().all(|&value| value > 2.5));
}

#[test]
fn matrices_as_arrays() {
    let mut matrix = Matrix::from_rows(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).unwrap();
    assert_eq!(matrix.view().to_ndarray_view(), array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(matrix.view().columns(1..3).to_ndarray_view(), array![[2.0, 3.0], [5.0, 6.0]]);
    matrix.view_mut().columns(0..1).into_ndarray_view().fill(0.0);
    assert_eq!(Array2::from(matrix), array![[0.0, 2.0, 3.0], [0.0, 5.0, 6.0]]);
    for (rows, columns) in [(0, 0), (0, 3), (3, 0)] {
        let mut matrix = Matrix::<f32>::zeros(rows, columns).unwrap();
        assert_eq!(matrix.view().to_ndarray_view().dim(), (rows, columns));
        assert_eq!(matrix.view_mut().into_ndarray_view().dim(), (rows, columns));
        assert_eq!(Array2::from(matrix).dim(), (rows, columns));
    }
}
