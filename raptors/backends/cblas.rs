//! CBLAS, from `OpenBLAS`.
//!
//! Row-major; the leading dimension of a matrix is its row stride. The routines count in 32 bits: calls with more elements
//! never come here, but for a stride that is longer still, and that is found out where it matters.

use std::{
    ffi::{CStr, c_char, c_int},
    sync::{LazyLock, Mutex, PoisonError},
};

use cblas_sys::{
    CblasNoTrans, CblasRowMajor, CblasTrans, cblas_dasum, cblas_daxpy, cblas_ddot, cblas_dgemv, cblas_dscal,
    cblas_sasum, cblas_saxpy, cblas_sdot, cblas_sgemv, cblas_sscal,
};
// Links the library.
use openblas_src as _;

use super::{Backend, Row, RowInplace, Scalar, ScalarInplace, States, Two, TwoAndScalar, TwoInplace};
use crate::{Element, MatrixMut, MatrixRef, process::PerProcess};

unsafe extern "C" {
    fn openblas_get_config() -> *mut c_char;
    fn openblas_get_corename() -> *mut c_char;
    fn openblas_get_num_threads() -> c_int;
    fn openblas_set_num_threads(threads: c_int);
}

pub(crate) static BACKEND: Backend =
    Backend { name: "cblas", library: || &LIBRARY, refused: || refused(&LIBRARY) };

/// Version, how it was built, and the kernels that it chose for this processor.
static LIBRARY: LazyLock<String> = LazyLock::new(|| {
    // SAFETY: both give a string that lasts as long as the library, and take nothing.
    let [config, core] = unsafe { [openblas_get_config(), openblas_get_corename()] };
    let text = |pointer: *mut c_char| {
        if pointer.is_null() {
            return String::new();
        }
        // SAFETY: a string of C that nobody writes to, and that lasts.
        unsafe { CStr::from_ptr(pointer) }.to_string_lossy().trim().to_owned()
    };
    let (config, core) = (text(config), text(core));
    if config.contains(&core) { config } else { format!("{config} {core}") }
});

/// Why a library is not asked. With integers of 64 bits under these names it would take the upper halves of our lengths from
/// whatever is beside them.
fn refused(config: &str) -> Option<&'static str> {
    config.contains("USE64BITINT").then_some(
        "its integers have 64 bits (USE64BITINT), and those of its names have 32: install libopenblas-dev, \
         not libopenblas64-dev, or build it without INTERFACE64",
    )
}

/// Holds the library's own threads to one for as long as it lives: how calls are cut is ours to say. Calls at the same time
/// hold it together; the last one gives back what there was.
struct Held;

/// How many hold it, and what there was before.
static HELD: PerProcess<Mutex<(usize, c_int)>> = PerProcess::new(|| Mutex::new((0, 1)));

impl Held {
    fn new() -> Self {
        let mut held = HELD.here().lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 == 0 {
            // SAFETY: takes nothing, and gives a number.
            held.1 = unsafe { openblas_get_num_threads() };
            if held.1 != 1 {
                // SAFETY: any number of threads will do.
                unsafe { openblas_set_num_threads(1) };
            }
        }
        held.0 += 1;
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = HELD.here().lock().unwrap_or_else(PoisonError::into_inner);
        held.0 -= 1;
        if held.0 == 0 && held.1 != 1 {
            // SAFETY: any number of threads will do.
            unsafe { openblas_set_num_threads(held.1) };
        }
    }
}

/// A length as the library counts.
fn int(len: usize) -> c_int {
    c_int::try_from(len).expect("longer calls do not come here")
}

/// Which way a matrix is multiplied.
#[derive(Clone, Copy)]
pub(crate) enum Along {
    /// A result for each row.
    Rows,
    /// A result for each column.
    Columns,
}

/// An element type that the library has.
pub(crate) trait Float: Element {
    const ONE: Self;
    /// x ← k x
    fn scal(k: Self, x: &mut [Self]);
    /// y ← a x + y
    fn axpy(a: Self, x: &[Self], y: &mut [Self]);
    /// Σ x y
    fn dot(x: &[Self], y: &[Self]) -> Self;
    /// Σ |x|
    fn asum(x: &[Self]) -> Self;
    /// y ← A v + b y, or with the transposed A. `v` has an element for each column (row), `y` one for each row (column).
    fn gemv(along: Along, matrix: MatrixRef<'_, Self>, v: &[Self], b: Self, y: &mut [Self]);
}

macro_rules! float {
    ($float:ident, $scal:ident, $axpy:ident, $dot:ident, $asum:ident, $gemv:ident) => {
        impl Float for $float {
            const ONE: Self = 1.0;

            fn scal(k: Self, x: &mut [Self]) {
                // SAFETY: `x` has as many elements as are named, side by side.
                unsafe { $scal(int(x.len()), k, x.as_mut_ptr(), 1) }
            }

            fn axpy(a: Self, x: &[Self], y: &mut [Self]) {
                assert_eq!(x.len(), y.len());
                // SAFETY: both have as many elements as are named, side by side, and only `y` is written.
                unsafe { $axpy(int(x.len()), a, x.as_ptr(), 1, y.as_mut_ptr(), 1) }
            }

            fn dot(x: &[Self], y: &[Self]) -> Self {
                assert_eq!(x.len(), y.len());
                // SAFETY: both have as many elements as are named, side by side, and are read alone.
                unsafe { $dot(int(x.len()), x.as_ptr(), 1, y.as_ptr(), 1) }
            }

            fn asum(x: &[Self]) -> Self {
                // SAFETY: `x` has as many elements as are named, side by side, and is read alone.
                unsafe { $asum(int(x.len()), x.as_ptr(), 1) }
            }

            fn gemv(along: Along, matrix: MatrixRef<'_, Self>, v: &[Self], b: Self, y: &mut [Self]) {
                let ((rows, cols), apart) = (matrix.shape(), matrix.row_stride());
                let (way, takes, gives) = match along {
                    Along::Rows => (CblasNoTrans, cols, rows),
                    Along::Columns => (CblasTrans, rows, cols),
                };
                assert_eq!((v.len(), y.len()), (takes, gives));
                // A leading dimension of 0 is refused, and there is nothing to add.
                if matrix.is_empty() {
                    for y in y {
                        *y *= b;
                    }
                    return;
                }
                // SAFETY: row r of the matrix begins `apart` elements after row r - 1, which is its leading dimension in
                // this order and at least its columns; both vectors were just found to be as long as is read and written.
                unsafe {
                    $gemv(
                        CblasRowMajor,
                        way,
                        int(rows),
                        int(cols),
                        1.0,
                        matrix.as_ptr(),
                        int(apart),
                        v.as_ptr(),
                        1,
                        b,
                        y.as_mut_ptr(),
                        1,
                    );
                }
            }
        }
    };
}

float!(f32, cblas_sscal, cblas_saxpy, cblas_sdot, cblas_sasum, cblas_sgemv);
float!(f64, cblas_dscal, cblas_daxpy, cblas_ddot, cblas_dasum, cblas_dgemv);

/// Elements of a vector of ones: 4 KiB or 8, which stay in the first cache beside what they are multiplied with.
const ONES: usize = 1024;

fn copy<T: Element>(from: MatrixRef<'_, T>, to: &mut MatrixMut<'_, T>) {
    to.rows_mut().zip(from.rows()).for_each(|(to, from)| to.copy_from_slice(from));
}

/// Multiplies, but by numbers of which versions make different things: 0 clears NaN in some and not in others, and NaN itself
/// gives zeros in 0.3.21.
fn scaled<T: Float>(k: T, x: &mut MatrixMut<'_, T>) {
    let is_plain = k == T::ZERO || k.is_nan();
    for row in x.rows_mut() {
        if is_plain {
            for x in row {
                *x = *x * k;
            }
        } else {
            T::scal(k, row);
        }
    }
}

/// y ← a x + y. With 0 for a, the library would leave out x, in which there may be NaN.
fn added<T: Float>(a: T, x: &[T], y: &mut [T]) {
    if a == T::ZERO {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = a * *x + *y);
    } else {
        T::axpy(a, x, y);
    }
}

pub(crate) fn scal<T: Float>((x, k, mut out): Scalar<'_, T>) {
    let _held = Held::new();
    copy(x, &mut out);
    scaled(k, &mut out);
}

pub(crate) fn scal_inplace<T: Float>((mut x, k): ScalarInplace<'_, T>) {
    let _held = Held::new();
    scaled(k, &mut x);
}

pub(crate) fn axpy<T: Float>((x, y, a, mut out): TwoAndScalar<'_, T>) {
    let _held = Held::new();
    copy(y, &mut out);
    out.rows_mut().zip(x.rows()).for_each(|(out, x)| added(a, x, out));
}

pub(crate) fn add<T: Float>((x, y, mut out): Two<'_, T>) {
    let _held = Held::new();
    copy(x, &mut out);
    out.rows_mut().zip(y.rows()).for_each(|(out, y)| added(T::ONE, y, out));
}

pub(crate) fn add_inplace<T: Float>((mut x, y): TwoInplace<'_, T>) {
    let _held = Held::new();
    x.rows_mut().zip(y.rows()).for_each(|(x, y)| added(T::ONE, y, x));
}

pub(crate) fn add_row<T: Float>((x, row, mut out): Row<'_, T>) {
    let _held = Held::new();
    copy(x, &mut out);
    out.rows_mut().for_each(|out| added(T::ONE, row, out));
}

pub(crate) fn add_row_inplace<T: Float>((mut x, row): RowInplace<'_, T>) {
    let _held = Held::new();
    x.rows_mut().for_each(|x| added(T::ONE, row, x));
}

/// Runs some of each row at a time.
fn of_parts<T: Float>(x: MatrixRef<'_, T>, states: &mut [T], part: impl Fn(&[T]) -> T) {
    let _held = Held::new();
    for (row, state) in x.rows().zip(states) {
        *state = row.chunks(ONES).fold(T::ZERO, |sum, x| sum + part(x));
    }
}

pub(crate) fn sums<T: Float>((x, states): States<'_, T>) {
    let ones = [T::ONE; ONES];
    of_parts(x, states, |x| T::dot(x, &ones[..x.len()]));
}

pub(crate) fn sums_of_squares<T: Float>((x, states): States<'_, T>) {
    let _held = Held::new();
    x.rows().zip(states).for_each(|(x, state)| *state = T::dot(x, x));
}

pub(crate) fn sums_of_magnitudes<T: Float>((x, states): States<'_, T>) {
    let _held = Held::new();
    x.rows().zip(states).for_each(|(x, state)| *state = T::asum(x));
}

/// Whether the library can count from one row to the next.
fn has_short_stride<T: Element>(x: MatrixRef<'_, T>) -> bool {
    c_int::try_from(x.row_stride()).is_ok()
}

pub(crate) fn sums_of_rows<T: Float>((x, states): States<'_, T>) {
    if !has_short_stride(x) {
        return sums((x, states));
    }
    let _held = Held::new();
    let ones = [T::ONE; ONES];
    states.fill(T::ZERO);
    for start in (0..x.ncols()).step_by(ONES) {
        let stripe = x.columns(start..x.ncols().min(start + ONES));
        T::gemv(Along::Rows, stripe, &ones[..stripe.ncols()], T::ONE, states);
    }
}

pub(crate) fn sums_of_columns<T: Float>((x, states): States<'_, T>) {
    let _held = Held::new();
    let ones = [T::ONE; ONES];
    states.fill(T::ZERO);
    let mut rest = x;
    while rest.nrows() > 0 {
        let (block, after) = rest.split_rows(ONES.min(rest.nrows()));
        rest = after;
        if has_short_stride(block) {
            T::gemv(Along::Columns, block, &ones[..block.nrows()], T::ONE, states);
        } else {
            block.rows().for_each(|row| T::axpy(T::ONE, row, states));
        }
    }
}

#[cfg(test)]
mod tests;
