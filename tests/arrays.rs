//! Reductions of arrays where they lie: the same bits as the matrix functions give where those say the same, as a loop in the
//! order of `tests/numpy/plans.txt` elsewhere; and no more memory than a mebibyte.

#![allow(clippy::float_cmp, reason = "bits are compared as they are")]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]
#![allow(clippy::cast_possible_truncation, reason = "means are rounded as they should be")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use raptors::{
    ArrayMut, ArrayRef, Asked, Error, Matrix, Numerics, Options, Over, Plan, Spread,
    catalogue::{self, Arg, Call, Out, Place, Value},
    ops, reduce, reduce_to, reduce_with,
};

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
    // A transposed operand of a map, and a transposed output.
    let side = 2048;
    let (x, y) = (
        ArrayRef::new(&storage, &[side, side], &[side.cast_signed(), 1], 0)?,
        ArrayRef::new(&storage, &[side, side], &[1, side.cast_signed()], 0)?,
    );
    let mut out = vec![0.0; side * side];
    let add = catalogue::op("add")?;
    let args = [Spread::Array(x), Spread::Array(y)];
    let (result, bytes) = bytes_of(|| add.spread(&Call::default(), &args, &mut out));
    result?;
    assert!(bytes <= LIMIT, "a map took {bytes} bytes");
    assert!(out.iter().all(|sum| *sum == 2.0));
    let turned = ArrayMut::new(&mut out, &[side, side - 1], &[1, side.cast_signed()], 0)?;
    let cropped = ArrayRef::new(&storage, &[side, side - 1], &[side.cast_signed(), 1], 0)?;
    let args = [Spread::Out, Spread::Array(cropped)];
    let (result, bytes) = bytes_of(|| add.spread_to(&Call::default(), &args, turned));
    result?;
    assert!(bytes <= LIMIT, "a map in place took {bytes} bytes");
    assert!(out.iter().enumerate().all(|(at, sum)| *sum == if at < side * (side - 1) { 3.0 } else { 2.0 }));
    Ok(())
}

/// The pairwise sum of fewer than 129 numbers, as `NumPy` has it.
fn pairwise(x: &[f32]) -> f32 {
    let whole = x.len() - x.len() % 8;
    if whole == 0 {
        return x.iter().fold(-0.0, |sum, x| sum + x);
    }
    let r: [f32; 8] = std::array::from_fn(|j| x[j + 8..whole].iter().step_by(8).fold(x[j], |sum, x| sum + x));
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    x[whole..].iter().fold(sum, |sum, x| sum + x)
}

fn masks_cut_rows_into_runs() -> Result<(), Error> {
    const COLS: usize = 100;
    let (rows, cols) = (7, COLS.cast_signed());
    let storage = numbers(rows * COLS);
    let array = ArrayRef::new(&storage, &[rows, COLS], &[cols, 1], 0)?;
    // One mask for all rows.
    let is_there: Vec<bool> = (0..COLS).map(|col| col % 31 != 5 && col != 90).collect();
    let mask = ArrayRef::new(&is_there, &[rows, COLS], &[0, 1], 0)?;
    let options = Options::default().masked(mask.clone()).starting_from(0.25_f32);
    let sums = reduce_with("sum", array.clone(), &[1], &options)?;
    for (sum, row) in sums.iter().zip(storage.chunks(COLS)) {
        let runs = is_there.chunk_by(|a, b| a == b).scan(0, |at, run| {
            *at += run.len();
            Some((*at - run.len(), run))
        });
        let runs = runs.filter(|(_, run)| run[0]).map(|(at, run)| pairwise(&row[at..at + run.len()]));
        assert_eq!(*sum, runs.fold(0.25, |sum, run| sum + run));
    }
    // Down the columns, those that are left out keep what they start from.
    let sums = reduce_with("sum", array.clone(), &[0], &options)?;
    for (col, sum) in sums.iter().enumerate() {
        let down = (0..rows).map(|row| storage[row * COLS + col]).filter(|_| is_there[col]);
        assert_eq!(*sum, down.fold(0.25, |sum, x| sum + x));
    }
    let options = Options::default().masked(mask);
    let means = reduce_with("mean", array.clone(), &[1], &options)?;
    let sums = reduce_with("sum", array.clone(), &[1], &options)?;
    let count = is_there.iter().filter(|is| **is).count();
    for (mean, sum) in means.iter().zip(sums) {
        assert_eq!(*mean, (f64::from(sum) / count as f64) as f32);
    }
    let most = reduce_with("max", array, &[0, 1], &options.starting_from(-3.0))?;
    let all = storage.iter().zip(is_there.iter().cycle()).filter(|(_, is)| **is);
    assert_eq!(most, [all.map(|(x, _)| *x).fold(-3.0, f32::max)]);
    Ok(())
}

fn narrow_elements_are_summed_in_a_wider_dtype() -> Result<(), Error> {
    let storage = vec![0.1_f32; 30_000];
    let array = ArrayRef::new(&storage, &[30_000], &[1], 0)?;
    let sums: Vec<f64> = reduce_with("sum", array, &[0], &Options::default())?;
    // NumPy's pieces of 8192 elements.
    let wide: Vec<f64> = storage.iter().map(|x| f64::from(*x)).collect();
    let parts = wide
        .chunks(8192)
        .map(|part| ops::sum(&Matrix::from_vec(1, part.len(), part.to_vec()).expect("a row")));
    assert_eq!(sums, [parts.map(|part| part.expect("a sum")).fold(0.0, |sum, part| sum + part)]);
    Ok(())
}

/// A variance by its operation, over any axes.
fn variance(
    array: &ArrayRef<'_, f32>,
    reduced: &[bool],
    mask: Option<ArrayRef<'_, bool>>,
) -> Result<Vec<f32>, Error> {
    let (shape, strides) = (array.shape(), array.strides());
    let moves = mask.as_ref().map(ArrayRef::strides);
    let (out, mask_strides) = (None, moves.as_deref());
    let asked = Asked { shape: &shape, strides: &strides, reduced, out, mask: mask_strides, buffered: false };
    let plan = Plan::new(&asked);
    let mut results = vec![0.0; plan.results()];
    let mut over = Over::new(array.clone(), plan);
    if let Some(mask) = mask {
        over = over.masked(mask);
    }
    let args = [Arg::F32(Value::Array(&over)), Arg::F64(Value::Scalar(1.0))];
    catalogue::op("var_axis0")?.call(&Call::default(), &args, Out::F32(Place::Slice(&mut results)))?;
    Ok(results)
}

fn variances_need_no_neighbours() -> Result<(), Error> {
    let storage = numbers(4 * 30 * 20);
    let array = ArrayRef::new(&storage, &[4, 30, 20], &[600, 20, 1], 0)?;
    let found = variance(&array, &[true, false, true], None)?;
    let is_there: Vec<bool> = (0..20).map(|at| at % 3 > 0).collect();
    let mask = ArrayRef::new(&is_there, &[4, 30, 20], &[0, 0, 1], 0)?;
    let masked = variance(&array, &[true, false, true], Some(mask))?;
    for at in 0..30 {
        let of = |takes: &dyn Fn(usize) -> bool| {
            let all = (0..80).filter(|element| takes(element % 20));
            let all: Vec<f64> =
                all.map(|element| f64::from(storage[element / 20 * 600 + at * 20 + element % 20])).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (all.len() - 1) as f64
        };
        let is_near = |found: f32, right: f64| (f64::from(found) / right - 1.0).abs() < 1e-5;
        assert!(is_near(found[at], of(&|_| true)), "{} {}", found[at], of(&|_| true));
        assert!(is_near(masked[at], of(&|element| is_there[element])));
    }
    // Neighbours have the bits that a matrix gives.
    let matrix = Matrix::from_vec(4, 600, storage.clone())?;
    assert_eq!(variance(&array, &[false, true, true], None)?, ops::var_axis1(&matrix, 1.0)?);
    assert_eq!(variance(&array, &[true, false, false], None)?, ops::var_axis0(&matrix, 1.0)?);
    Ok(())
}

fn options_take_no_more_than_a_mebibyte() -> Result<(), Error> {
    const LIMIT: usize = 1 << 20;
    let len = 4 << 20;
    let (storage, is_there) = (vec![1.0_f32; len], vec![true; len]);
    let shape = [2048, 1024];
    for (words, strides, axes) in [
        ("rows", [1024, 1], &[1][..]),
        ("columns", [1024, 1], &[0]),
        ("all", [1024, 1], &[0, 1]),
        ("rows apart", [2048, 2], &[1]),
        ("columns apart", [1, 2048], &[0]),
    ] {
        let array = ArrayRef::new(&storage, &shape, &strides, 0)?;
        let mask = ArrayRef::new(&is_there, &shape, &strides, 0)?;
        let options = Options::default().masked(mask);
        for op in ["sum", "mean", "prod"] {
            let (results, bytes) = bytes_of(|| reduce_with::<f32>(op, array.clone(), axes, &options));
            let own = results?.len() * size_of::<f32>() * 2;
            assert!(bytes <= own + LIMIT, "{words}: {op} took {bytes} bytes");
        }
        let wide = Options::<f64>::default();
        let (results, bytes) = bytes_of(|| reduce_with("sum", array.clone(), axes, &wide));
        let own = results?.len() * size_of::<f64>() * 2;
        assert!(bytes <= own + LIMIT, "{words}: in f64 {bytes} bytes");
        let reduced = [axes.contains(&0), axes.contains(&1)];
        let (results, bytes) = bytes_of(|| variance(&array, &reduced, None));
        // A value for each result of each stage.
        let own = results?.len() * size_of::<f32>() * 4;
        assert!(bytes <= own + LIMIT, "{words}: var took {bytes} bytes");
    }
    Ok(())
}

fn results_go_where_they_are_wanted() -> Result<(), Error> {
    const ROWS: usize = 300;
    const COLS: usize = 700;
    let (x, y) = (numbers(ROWS * COLS), vec![0.5_f32; COLS]);
    let by_rows = [COLS.cast_signed(), 1];
    let add = catalogue::op("add")?;
    let array = ArrayRef::new(&x, &[ROWS, COLS], &by_rows, 0)?;
    let row = ArrayRef::new(&y, &[ROWS, COLS], &[0, 1], 0)?;
    let args = [Spread::Array(array.clone()), Spread::Array(row.clone())];
    // In Fortran's order, every second place of a larger array, backwards.
    let mut storage = vec![7.0_f32; 2 * ROWS * COLS];
    let strides = [2, -2 * ROWS.cast_signed()];
    let out = ArrayMut::new(&mut storage, &[ROWS, COLS], &strides, 2 * ROWS * (COLS - 1))?;
    add.spread_to(&Call::default(), &args, out)?;
    for (at, found) in storage.iter().enumerate() {
        let (row, col) = (at / 2 % ROWS, COLS - 1 - at / 2 / ROWS);
        assert_eq!(*found, if at % 2 == 0 { x[row * COLS + col] + 0.5 } else { 7.0 });
    }
    // In place, of both arguments, on more threads than one.
    raptors::set_num_threads(3)?;
    let out = ArrayMut::new(&mut storage, &[ROWS, COLS], &strides, 2 * ROWS * (COLS - 1))?;
    add.spread_to(&Call::default(), &[Spread::Out, Spread::Out], out)?;
    raptors::set_num_threads(1)?;
    for (at, found) in storage.iter().enumerate().step_by(2) {
        let (row, col) = (at / 2 % ROWS, COLS - 1 - at / 2 / ROWS);
        assert_eq!(*found, (x[row * COLS + col] + 0.5) * 2.0);
    }
    // A run is written as it is.
    let mut run = vec![0.0; ROWS * COLS];
    add.spread_to(&Call::default(), &args, ArrayMut::new(&mut run, &[ROWS, COLS], &by_rows, 0)?)?;
    assert!(run.iter().zip(&x).all(|(sum, x)| *sum == x + 0.5));
    let mut one = [0.75_f32];
    let none = ArrayMut::new(&mut one, &[], &[], 0)?;
    add.spread_to(&Call::default(), &[Spread::Out, Spread::Out], none)?;
    assert_eq!(one, [1.5]);
    // Results of a reduction.
    let expected = reduce("sum", &array, &[1])?;
    let mut apart = vec![7.0_f32; 2 * ROWS];
    let options = Options::default();
    reduce_to("sum", array.clone(), &[1], &options, ArrayMut::new(&mut apart, &[ROWS], &[2], 0)?)?;
    assert!(apart.chunks(2).zip(&expected).all(|(found, right)| *found == [*right, 7.0]));
    let mut back = vec![0.0_f32; ROWS];
    reduce_to("sum", array.clone(), &[1], &options, ArrayMut::new(&mut back, &[ROWS], &[-1], ROWS - 1)?)?;
    assert!(back.iter().rev().eq(&expected));
    let wrong = reduce_to("sum", array.clone(), &[0], &options, ArrayMut::new(&mut back, &[ROWS], &[1], 0)?);
    assert!(matches!(wrong, Err(Error::Layout { .. })));
    let wrong = add.spread(&Call::default(), &[Spread::Out, Spread::Array(row)], &mut run);
    assert!(matches!(wrong, Err(Error::Form { .. })));
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
    let is_there = [true; 6];
    let mask = ArrayRef::new(&is_there, &[2, 3], &[3, 1], 0)?;
    let masked = Options::default().masked(mask.clone());
    assert_eq!(reduce_with("max", array.clone(), &[0], &masked), Err(Error::NoStart { op: "max_axis0" }));
    let started = Options::default().starting_from(7.0);
    assert_eq!(reduce_with("max", none, &[1], &started)?, [7.0; 6]);
    // Of none, whatever the mask, a sum is 0, and a variance no number.
    let (nothing, nowhere) =
        (ArrayRef::new(&[0.0_f32; 0], &[2, 0], &[0, 1], 0)?, ArrayRef::new(&[true; 0], &[2, 0], &[0, 1], 0)?);
    let masked_out = Options::<f32>::default().masked(nowhere.clone());
    assert_eq!(reduce_with("sum", nothing.clone(), &[1], &masked_out)?, [0.0_f32; 2]);
    assert!(variance(&nothing, &[false, true], Some(nowhere))?.iter().all(|variance| variance.is_nan()));
    assert!(matches!(
        reduce_with("mean", array.clone(), &[0], &started),
        Err(Error::Form { what: "initial", .. })
    ));
    let other = ArrayRef::new(&is_there, &[3, 2], &[2, 1], 0)?;
    let other = Options::default().masked(other);
    assert!(matches!(reduce_with("sum", array.clone(), &[0], &other), Err(Error::Layout { .. })));
    // One order by index is another one than that of a plan.
    let plan = catalogue::op("sum")?.plan(&Asked {
        shape: &[2, 3],
        strides: &[3, 1],
        reduced: &[true, true],
        out: None,
        mask: None,
        buffered: false,
    });
    let over = Over::new(array, plan).masked(mask);
    let accurate = Call { numerics: Numerics::Accurate, ..Call::default() };
    let (mut out, args) = ([0.0], [Arg::F64(Value::Array(&over))]);
    let refused = catalogue::op("sum")?.call(&accurate, &args, Out::F64(Place::Slice(&mut out)));
    assert!(matches!(refused, Err(Error::Unknown { .. })));
    Ok(())
}

#[test]
fn arrays() -> Result<(), Error> {
    matrices_say_the_same()?;
    results_are_in_the_order_of_c()?;
    masks_cut_rows_into_runs()?;
    narrow_elements_are_summed_in_a_wider_dtype()?;
    variances_need_no_neighbours()?;
    results_go_where_they_are_wanted()?;
    what_cannot_be_is_refused()?;
    options_take_no_more_than_a_mebibyte()?;
    a_call_takes_no_more_than_a_mebibyte()
}
