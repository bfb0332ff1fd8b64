//! Reductions of arrays where they lie: the same bits as the matrix functions give where those say the same, as a loop in the
//! order of `tests/numpy/plans.txt` elsewhere; and no more memory than a mebibyte.

#![allow(clippy::float_cmp, reason = "bits are compared as they are")]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use raptors::{ArrayRef, Error, Matrix, Spread, catalogue, ops, reduce};

/// Counts the bytes that are there, and the most there were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a call needs beside what is there when it begins. Tests take turns, so that none counts what another needs.
fn bytes_of<R>(call: impl FnOnce() -> R) -> (R, usize) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = call();
    (result, MOST.load(Relaxed) - before)
}

/// Numbers whose sum depends on the order.
fn numbers(len: usize) -> Vec<f32> {
    let mut state = 12_345_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 1e6 - 8.0
    };
    (0..len).map(|_| next() * next()).collect()
}

fn matrices_say_the_same() -> Result<(), Error> {
    for (rows, cols) in [(300, 517), (1000, 7), (3, 40_000), (2, 2)] {
        let all = numbers(rows * cols);
        let x = Matrix::from_fn(rows, cols, |row, col| all[row * cols + col])?;
        let array = ArrayRef::from(&x);
        assert_eq!(reduce("sum", &array, &[0])?, ops::sum_axis0(&x)?);
        assert_eq!(reduce("sum", &array, &[1])?, ops::sum_axis1(&x)?);
        assert_eq!(reduce("sum", &array, &[0, 1])?, [ops::sum(&x)?]);
        assert_eq!(reduce("mean", &array, &[1])?, ops::mean_axis1(&x)?);
        assert_eq!(reduce("max", &array, &[0])?, ops::max_axis0(&x)?);
        assert_eq!(reduce("prod", &array, &[0])?, ops::prod_axis0(&x)?);
        // In Fortran's order the columns are runs of neighbours.
        let all = x.as_slice();
        let fortran = ArrayRef::new(all, &[cols, rows], &[1, cols.cast_signed()], 0)?;
        assert_eq!(reduce("sum", &fortran, &[0])?, ops::sum_axis1(&x)?);
        assert_eq!(reduce("sum", &fortran, &[1])?, ops::sum_axis0(&x)?);
        assert_eq!(reduce("sum", &fortran, &[0, 1])?, [ops::sum(&x)?]);
        // A reversed array is summed as its copy.
        let len = rows * cols;
        let reversed = ArrayRef::new(all, &[len], &[-1], len - 1)?;
        let copy = reversed.to_vec();
        assert_eq!(
            reduce("sum", &reversed, &[0])?,
            reduce("sum", &ArrayRef::new(&copy, &[len], &[1], 0)?, &[0])?
        );
    }
    Ok(())
}

fn results_are_in_the_order_of_c() -> Result<(), Error> {
    let storage = numbers(2 * 3 * 4 * 5);
    // The last axis outermost in memory.
    let array = ArrayRef::new(&storage, &[2, 3, 4, 5], &[1, 2, 6, 24], 0)?;
    let sums = reduce("max", &array, &[1])?;
    let mut at = 0;
    for i in 0..2 {
        for k in 0..4 {
            for l in 0..5 {
                let most = (0..3).map(|j| storage[i + 2 * j + 6 * k + 24 * l]).fold(f32::MIN, f32::max);
                assert_eq!(sums[at], most);
                at += 1;
            }
        }
    }
    assert_eq!(reduce("max", &array, &[])?, array.to_vec());
    Ok(())
}

/// What an array is, its shape and strides, and axes.
type Case = (&'static str, &'static [usize], &'static [isize], &'static [usize]);

fn a_call_takes_no_more_than_a_mebibyte() -> Result<(), Error> {
    const LIMIT: usize = 1 << 20;
    let len = 4 << 20;
    let storage = vec![1.0_f32; len];
    // Two threads at most: each brings elements together in memory of its own.
    raptors::set_num_threads(2)?;
    let cases: [Case; 8] = [
        ("windows", &[30_000, 1000], &[1, 1], &[1]),
        ("a broadcast matrix", &[1 << 15, 1000], &[0, 1], &[1]),
        ("every second", &[2 << 20], &[2], &[0]),
        ("columns apart", &[2048, 1024], &[2048, 2], &[0]),
        ("columns apart, of all", &[2048, 1024], &[2048, 2], &[0, 1]),
        ("a middle axis", &[128, 256, 128], &[32_768, 128, 1], &[1]),
        ("the outer two of three", &[16, 512, 512], &[1, 16, 8192], &[0, 2]),
        ("rows cropped", &[2000, 1000], &[2048, 1], &[0, 1]),
    ];
    for (words, shape, strides, axes) in cases {
        let array = ArrayRef::new(&storage, shape, strides, 0)?;
        for op in ["sum", "mean", "max"] {
            let (results, bytes) = bytes_of(|| reduce(op, &array, axes));
            let results = results?;
            let own = results.len() * size_of::<f32>() * 2;
            assert!(bytes <= own + LIMIT, "{words}: {op} took {bytes} bytes for {} results", results.len());
            let elements = array.len() / results.len();
            assert_eq!(results[0], if op == "sum" { elements as f32 } else { 1.0 }, "{words}: {op}");
        }
    }
    // A transposed operand of a map.
    let side = 2048;
    let (x, y) = (
        ArrayRef::new(&storage, &[side, side], &[side.cast_signed(), 1], 0)?,
        ArrayRef::new(&storage, &[side, side], &[1, side.cast_signed()], 0)?,
    );
    let mut out = vec![0.0; side * side];
    let add = catalogue::op("add")?;
    let args = [Spread::Array(x), Spread::Array(y)];
    let (result, bytes) = bytes_of(|| add.spread(&catalogue::Call::default(), &args, &mut out));
    result?;
    assert!(bytes <= LIMIT, "a map took {bytes} bytes");
    assert!(out.iter().all(|sum| *sum == 2.0));
    Ok(())
}

fn what_cannot_be_is_refused() -> Result<(), Error> {
    let storage = [1.0_f64; 6];
    let array = ArrayRef::new(&storage, &[2, 3], &[3, 1], 0)?;
    assert_eq!(reduce("sum", &array, &[2]), Err(Error::Axis { axis: 2, ndim: 2 }));
    assert_eq!(reduce("sum", &array, &[1, 1]), Err(Error::Axis { axis: 1, ndim: 2 }));
    assert!(matches!(reduce("nothing", &array, &[0]), Err(Error::Unknown { .. })));
    assert!(matches!(reduce("var", &array, &[0]), Err(Error::Form { .. })));
    let none = ArrayRef::new(&storage, &[2, 0, 3], &[0, 3, 1], 0)?;
    assert!(matches!(reduce("max", &none, &[1]), Err(Error::Empty { .. })));
    assert_eq!(reduce("sum", &none, &[1])?, [0.0; 6]);
    Ok(())
}

#[test]
fn arrays() -> Result<(), Error> {
    matrices_say_the_same()?;
    results_are_in_the_order_of_c()?;
    what_cannot_be_is_refused()?;
    a_call_takes_no_more_than_a_mebibyte()
}
