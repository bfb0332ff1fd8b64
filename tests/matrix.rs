//! Matrices and their views: construction, errors, every way to take one apart, and what a view must leave alone.

use std::thread;

use raptors::{Element, Error, Matrix, MatrixMut, MatrixRef};

/// Element (i, j) is 10 i + j.
fn counted(rows: usize, columns: usize) -> Matrix<f64> {
    Matrix::from_fn(rows, columns, |i, j| f64::from(u32::try_from(10 * i + j).unwrap())).unwrap()
}

#[test]
fn owned() {
    let mut matrix = Matrix::from_rows(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]).unwrap();
    assert_eq!((matrix.shape(), matrix.nrows(), matrix.ncols()), ((2, 3), 2, 3));
    assert_eq!(matrix.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(matrix.row(1), [4.0, 5.0, 6.0]);
    assert_eq!(matrix, Matrix::from_vec(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap());
    matrix[(1, 0)] = 7.0;
    assert_eq!(matrix[(1, 0)].to_bits(), 7.0_f32.to_bits());
    let mut copy = matrix.clone();
    assert_eq!(copy, matrix);
    copy.as_mut_slice()[0] = 9.0;
    assert_ne!(copy, matrix);
    copy.clone_from(&matrix);
    assert_eq!(copy, matrix);
    copy.clone_from(&Matrix::zeros(1, 1).unwrap());
    assert_eq!(copy.into_vec(), [0.0]);
    // The same elements in another shape are another matrix.
    assert_ne!(Matrix::<f32>::zeros(2, 3).unwrap(), Matrix::zeros(3, 2).unwrap());
    assert_ne!(Matrix::<f32>::zeros(0, 3).unwrap(), Matrix::zeros(0, 2).unwrap());
    assert_ne!(Matrix::from_rows(&[[f32::NAN]]).unwrap(), Matrix::from_rows(&[[f32::NAN]]).unwrap());
}

#[test]
fn owned_memory_is_aligned_and_zero() {
    for len in [0, 1, 2, 3, 7, 16, 17, 1000, 1 << 20] {
        let matrix = Matrix::<f32>::zeros(1, len).unwrap();
        assert_eq!(matrix.as_slice().as_ptr().addr() % 64, 0);
        assert_eq!(matrix.as_slice().len(), len);
        assert!(matrix.as_slice().iter().all(|value| value.to_bits() == 0));
        assert_eq!(matrix.clone().as_slice().as_ptr().addr() % 64, 0);
    }
}

/// The greatest extent of a matrix of `f64`, even if it has no elements.
const MOST: usize = isize::MAX.cast_unsigned() / 8;

#[test]
fn matrices_without_elements() {
    for (rows, columns) in [(0, 0), (0, 5), (5, 0), (0, MOST), (MOST, 0)] {
        let mut matrix = Matrix::<f64>::zeros(rows, columns).unwrap();
        assert_eq!((matrix.shape(), matrix.as_slice().len()), ((rows, columns), 0));
        let view = matrix.view();
        assert!(view.is_empty() && view.is_contiguous());
        assert_eq!(view.as_slice(), Some(&[][..]));
        assert_eq!(view.flattened().shape(), (1, 0));
        assert_eq!(view.rows().len(), rows);
        assert!(view.rows().take(3).all(<[f64]>::is_empty));
        assert!(view.rows().rev().take(3).all(<[f64]>::is_empty));
        assert_eq!(view.stripes(2).take(2).count(), columns.min(2));
        let (above, below) = view.split_rows(rows / 2);
        assert_eq!((above.nrows(), below.nrows()), (rows / 2, rows - rows / 2));
        assert_eq!(view.columns(0..columns / 2).ncols(), columns / 2);
        assert_eq!(view.columns(columns..columns).shape(), (rows, 0));
        let (groups, rest) = view.row_groups::<4>();
        assert_eq!((groups.len(), rest.nrows()), (rows / 4, rows % 4));
        assert!(matrix.view_mut().rows_mut().take(3).all(|row| row.is_empty()));
        assert_eq!(matrix, matrix.clone());
    }
    // A stride is of no matter then, nor is where the pointer leads.
    assert_eq!(MatrixRef::<f32>::with_row_stride(&[], 3, 0, usize::MAX).unwrap().row_stride(), 0);
    // SAFETY: there are no elements.
    let nowhere = unsafe { MatrixRef::<f32>::from_raw_parts(std::ptr::null(), 3, 0, 7) };
    assert_eq!(nowhere.row(2), []);
    assert!(!nowhere.as_ptr().is_null());
}

#[test]
fn refused_shapes() {
    let length = Error::Length { rows: 2, columns: 3, got: 5 };
    assert_eq!(Matrix::from_vec(2, 3, vec![0.0; 5]), Err(length.clone()));
    assert_eq!(MatrixRef::new(&[0.0; 5], 2, 3), Err(length.clone()));
    assert_eq!(MatrixMut::new(&mut [0.0; 5], 2, 3).unwrap_err(), length);
    assert_eq!(length.to_string(), "a 2×3 matrix has 6 elements, got 5");
    assert!(MatrixRef::new(&[0.0; 7], 2, 3).is_err());

    let short = MatrixRef::with_row_stride(&[0.0; 13], 3, 4, 5).unwrap_err();
    assert_eq!(short, Error::TooShort { rows: 3, columns: 4, row_stride: 5, needed: 14, got: 13 });
    assert_eq!(short.to_string(), "a 3×4 matrix with rows 5 apart spans 14 elements, got 13");
    assert!(MatrixRef::with_row_stride(&[0.0; 14], 3, 4, 5).is_ok());
    assert_eq!(MatrixMut::with_row_stride(&mut [0.0; 13], 3, 4, 5).unwrap_err(), short);

    let overlap = MatrixRef::with_row_stride(&[0.0; 99], 3, 4, 3).unwrap_err();
    assert_eq!(overlap, Error::RowStride { columns: 4, row_stride: 3 });

    for (rows, columns) in [(usize::MAX, 2), (2, usize::MAX), (usize::MAX, usize::MAX), (1 << 33, 1 << 31)] {
        let large = Error::TooLarge { rows, columns };
        assert_eq!(Matrix::<f32>::zeros(rows, columns).unwrap_err(), large);
        assert_eq!(MatrixRef::new(&[0.0; 8], rows, columns).unwrap_err(), large);
        assert!(MatrixRef::with_row_stride(&[0.0; 8], rows, columns, columns).is_err());
    }
    assert_eq!(
        MatrixRef::with_row_stride(&[0.0; 8], 3, 1, usize::MAX),
        Err(Error::TooLarge { rows: 3, columns: 1 })
    );
    // Fewer elements than a `usize` counts, but more bytes than an allocation may have; and one that nobody has.
    for columns in [usize::MAX, MOST + 1] {
        let large = Error::TooLarge { rows: 1, columns };
        assert_eq!(Matrix::<f64>::zeros(1, columns).unwrap_err(), large);
    }
    assert!(matches!(Matrix::<f64>::zeros(1, MOST), Err(Error::OutOfMemory { .. })));
}

#[test]
fn refused_extents_of_matrices_without_elements() {
    for (rows, columns) in [(0, MOST + 1), (MOST + 1, 0), (0, usize::MAX), (usize::MAX, 0)] {
        let large = Error::TooLarge { rows, columns };
        assert_eq!(MatrixRef::<f64>::new(&[], rows, columns).unwrap_err(), large);
        assert_eq!(MatrixMut::<f64>::new(&mut [], rows, columns).unwrap_err(), large);
        assert_eq!(MatrixRef::<f64>::with_row_stride(&[], rows, columns, columns).unwrap_err(), large);
        assert_eq!(MatrixMut::<f64>::with_row_stride(&mut [], rows, columns, usize::MAX).unwrap_err(), large);
        assert_eq!(Matrix::<f64>::zeros(rows, columns).unwrap_err(), large);
        assert_eq!(Matrix::<f64>::for_output(rows, columns).unwrap_err(), large);
        assert_eq!(Matrix::<f64>::from_slice(rows, columns, &[]).unwrap_err(), large);
        assert_eq!(Matrix::<f64>::from_vec(rows, columns, Vec::new()).unwrap_err(), large);
        assert_eq!(Matrix::from_fn(rows, columns, |_, _| 0.0_f64).unwrap_err(), large);
    }
    let large = Error::TooLarge { rows: 0, columns: MOST + 1 };
    assert_eq!(
        large.to_string(),
        format!("the extents of a 0×{} matrix are larger than the address space", MOST + 1)
    );
    // Of smaller elements there may be more.
    assert!(MatrixRef::<f32>::new(&[], 0, MOST + 1).is_ok());
    assert!(MatrixRef::<f32>::new(&[], 0, 2 * MOST + 2).is_err());
}

#[test]
#[should_panic(expected = "4 rows in one are too long")]
fn rows_without_elements_are_not_joined_beyond_what_can_be_counted() {
    let _ = MatrixRef::<f64>::new(&[], 0, MOST / 2).unwrap().joined_rows(4);
}

#[test]
fn rows_from_both_ends() {
    let storage: Vec<f64> = counted(5, 4).into_vec();
    for (columns, stride) in [(3, 4), (4, 4), (1, 4), (0, 4)] {
        let view = MatrixRef::with_row_stride(&storage, 5, columns, stride).unwrap();
        let want: Vec<&[f64]> = (0..5).map(|i| view.row(i)).collect();
        assert_eq!(view.rows().collect::<Vec<_>>(), want);
        assert_eq!(view.rows().rev().collect::<Vec<_>>(), want.iter().rev().copied().collect::<Vec<_>>());
        let mut rows = view.rows();
        assert_eq!((rows.next(), rows.next_back(), rows.len()), (Some(want[0]), Some(want[4]), 3));
        assert_eq!(
            (rows.clone().nth(1), rows.clone().nth(3), rows.clone().last()),
            (Some(want[2]), None, Some(want[3]))
        );
        assert_eq!(
            (rows.next(), rows.next_back(), rows.next()),
            (Some(want[1]), Some(want[3]), Some(want[2]))
        );
        assert_eq!((rows.next(), rows.next_back(), rows.len()), (None, None, 0));
    }
}

#[test]
fn cuts() {
    let matrix = counted(5, 7);
    let view = matrix.view();
    let middle = view.columns(2..5);
    assert_eq!((middle.shape(), middle.row_stride(), middle.is_contiguous()), ((5, 3), 7, false));
    assert_eq!((middle.row(3), middle[(4, 2)]), (&[32.0, 33.0, 34.0][..], 44.0));
    assert!(middle.as_slice().is_none() && middle.flattened().shape() == middle.shape());
    for at in 0..=5 {
        let (above, below) = middle.split_rows(at);
        assert_eq!((above.nrows(), below.nrows()), (at, 5 - at));
        assert!(above.rows().chain(below.rows()).eq(middle.rows()));
    }
    // One row of many has no gaps, whatever the stride was.
    let (row, _) = middle.split_rows(1);
    assert_eq!((row.as_slice(), row.row_stride()), (Some(&[2.0, 3.0, 4.0][..]), 3));

    for width in 1..9 {
        let stripes = view.stripes(width);
        assert_eq!(stripes.len(), 7_usize.div_ceil(width));
        let widths: Vec<usize> = stripes.clone().map(|stripe| stripe.ncols()).collect();
        assert!(
            widths[..widths.len() - 1].iter().all(|&it| it == width) && widths.iter().sum::<usize>() == 7
        );
        for i in 0..5 {
            let row: Vec<f64> = stripes.clone().flat_map(|stripe| stripe.row(i)).copied().collect();
            assert_eq!(row, view.row(i));
        }
    }

    let (groups, rest) = middle.row_groups::<2>();
    assert_eq!((groups.len(), rest.shape()), (2, (1, 3)));
    assert_eq!(groups.collect::<Vec<_>>(), [[middle.row(0), middle.row(1)], [middle.row(2), middle.row(3)]]);
    assert_eq!(rest.row(0), middle.row(4));

    assert_eq!(view.flattened().row(0), matrix.as_slice());
    assert_eq!(MatrixRef::from_row(&[1.0, 2.0]).shape(), (1, 2));
}

#[test]
fn writes() {
    let mut matrix = counted(4, 6);
    let want = matrix.clone();
    // Four views that are out at once and share no element, although they share every row of memory.
    let (left, right) = matrix.view_mut().split_columns(2);
    let (mut a, mut b) = left.split_rows(1);
    let (mut c, mut d) = right.split_rows(3);
    thread::scope(|scope| {
        for view in [&mut a, &mut b, &mut c, &mut d] {
            scope.spawn(|| {
                for row in view.rows_mut() {
                    for value in row {
                        *value += 0.5;
                    }
                }
            });
        }
    });
    for (i, row) in want.view().rows().enumerate() {
        let row: Vec<f64> = row.iter().map(|value| value + 0.5).collect();
        assert_eq!(matrix.row(i), row);
    }

    let mut view = matrix.view_mut();
    let rows: Vec<&mut [f64]> = view.rows_mut().rev().collect();
    for (i, row) in rows.into_iter().enumerate() {
        row.fill(if i == 0 { 3.0 } else { 0.0 });
    }
    view[(0, 1)] = 4.0;
    view.row_mut(1)[2] = 5.0;
    assert_eq!((view[(0, 1)], view.row(1)[2], view.row(3)), (4.0, 5.0, &[3.0; 6][..]));
    view.reborrow().columns(4..6).row_mut(0).fill(6.0);
    assert_eq!(view.row(0), [0.0, 4.0, 0.0, 0.0, 6.0, 6.0]);
    view.as_mut_slice().unwrap()[0] = 7.0;
    view.reborrow().flattened().row_mut(0)[2] = 9.0;
    assert_eq!(view.into_slice().unwrap()[..4], [7.0, 4.0, 9.0, 0.0]);
}

/// The elements between rows may be another thread's: a view that is written everywhere leaves them as they are.
#[test]
fn padding_is_left_alone() {
    for (rows, columns, stride) in [(3, 4, 5), (3, 4, 9), (1, 4, 5), (4, 1, 2), (0, 3, 4)] {
        let mut storage = vec![-1.0_f32; rows * stride + 3];
        let mut view = MatrixMut::with_row_stride(&mut storage, rows, columns, stride).unwrap();
        view.rows_mut().for_each(|row| row.fill(1.0));
        assert_eq!(view.as_slice().is_some(), rows <= 1);
        for (i, value) in storage.iter().enumerate() {
            let inside = i / stride < rows && i % stride < columns;
            assert_eq!(*value > 0.0, inside, "element {i}");
        }
    }
}

#[test]
fn debug_is_short() {
    let matrix = Matrix::from_rows(&[[1.0_f32, 2.5], [3.0, -0.0]]).unwrap();
    assert_eq!(format!("{matrix:?}"), "Matrix<f32> 2×2 [[1.0, 2.5], [3.0, -0.0]]");
    assert_eq!(format!("{:?}", matrix.view().columns(1..2)), "MatrixRef<f32> 2×1 [[2.5], [-0.0]]");
    let mut large = Matrix::<f64>::zeros(1000, 1000).unwrap();
    assert!(format!("{:?}", large.view_mut()).len() < 400);
    assert_eq!(format!("{:?}", Matrix::<f64>::zeros(0, 3).unwrap()), "Matrix<f64> 0×3 []");
}

fn first<'a, T: Element>(x: impl Into<MatrixRef<'a, T>>, factor: T) -> T {
    x.into()[(0, 0)] * factor
}

fn fill<'a, T: Element>(out: impl Into<MatrixMut<'a, T>>, value: T) {
    out.into().rows_mut().for_each(|row| row.fill(value));
}

/// Nothing but the arguments says which type a call is about.
#[test]
#[allow(clippy::float_cmp, reason = "the numbers are exact")]
fn types_are_inferred() {
    let mut matrix = Matrix::from_rows(&[[3.0_f32]]).unwrap();
    assert_eq!(first(&matrix, 2.0), 6.0);
    assert_eq!(first(matrix.view(), 2.0), 6.0);
    fill(&mut matrix, 4.0);
    assert_eq!(first(&matrix, 2.0), 8.0);
    let mut view = matrix.view_mut();
    fill(&mut view, 5.0);
    assert_eq!(first(&view, 2.0), 10.0);
    fill(view, 6.0);
    assert_eq!(first(&matrix, 2.0), 12.0);
}

#[test]
fn panics_name_both_sides() {
    fn message(call: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = std::panic::catch_unwind(call).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }
    let messages = [
        message(|| _ = counted(2, 3).row(2)),
        message(|| counted(2, 3)[(2, 0)] = 0.0),
        message(|| _ = counted(2, 3).view().columns(1..4)),
        message(|| _ = counted(2, 3).view().split_rows(3)),
        message(|| _ = counted(2, 3).view_mut().split_columns(4)),
        message(|| _ = counted(2, 3)[(0, 3)]),
    ];
    let want = [
        "row 2 of a matrix of 2 rows",
        "row 2 of a matrix of 2 rows",
        "columns 1..4 of a matrix of 3 columns",
        "split before row 3 of a matrix of 2 rows",
        "split before column 4 of a matrix of 3 columns",
        "index out of bounds: the len is 3 but the index is 3",
    ];
    assert_eq!(messages, want);
}

#[test]
fn errors_read_well() {
    use raptors::{Dtype, Shape};
    let shown = [
        Error::Shape { what: "row", expected: Shape::Row(512), got: Shape::Length(511) },
        Error::Shape { what: "out", expected: Shape::Matrix(3, 4), got: (4, 3).into() },
        Error::Dtype { what: "y", expected: Dtype::F32, got: Dtype::F64 },
        Error::Empty { op: "min" },
        Error::OutOfMemory { bytes: 64 },
        Error::Environment {
            variable: "RAPTORS_SIMD",
            value: "sse".into(),
            expected: "auto, off or avx2".into(),
        },
        Error::Unknown { kind: "operation", name: "scal".into(), known: "scale, sum".into() },
        Error::Arguments { op: "scale".into(), expected: 2, got: 3 },
    ]
    .map(|error| error.to_string());
    let want = [
        "`row`: expected a row of 512, got 511",
        "`out`: expected 3×4, got 4×3",
        "`y`: expected f32 elements, got f64",
        "`min`: a reduction of zero elements, and min has no identity",
        "out of memory: 64 bytes could not be allocated",
        "RAPTORS_SIMD=\"sse\": expected auto, off or avx2",
        "no operation is called `scal`; there are: scale, sum",
        "`scale`: expected 2 arguments, got 3",
    ];
    assert_eq!(shown, want);
}
