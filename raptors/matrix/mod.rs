//! Matrices: [`Matrix`] owns its elements, [`MatrixRef`] and [`MatrixMut`] look at those of someone else.
//!
//! All are row-major. A view may have rows that are further apart than they are long; what is between them belongs to
//! others and is never read or written.

mod iter;
#[cfg(feature = "ndarray")]
mod ndarray;
mod owned;
mod raw;
mod view;
mod view_mut;

pub use self::owned::Matrix;
pub use self::view::MatrixRef;
pub use self::view_mut::MatrixMut;

use core::fmt;

use crate::element::Element;

/// Rows and columns that `Debug` shows of a matrix.
const SHOWN: usize = 6;

/// `Matrix<f32> 2×3 [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]`, large ones cut short.
fn debug<T: Element>(f: &mut fmt::Formatter<'_>, name: &str, matrix: MatrixRef<'_, T>) -> fmt::Result {
    write!(f, "{name}<{}> {}×{} [", T::DTYPE, matrix.nrows(), matrix.ncols())?;
    for (i, row) in matrix.rows().take(SHOWN).enumerate() {
        f.write_str(if i == 0 { "[" } else { ", [" })?;
        for (j, value) in row.iter().take(SHOWN).enumerate() {
            f.write_str(if j == 0 { "" } else { ", " })?;
            fmt::Debug::fmt(value, f)?;
        }
        f.write_str(if row.len() > SHOWN { ", …]" } else { "]" })?;
    }
    f.write_str(if matrix.nrows() > SHOWN { ", …]" } else { "]" })
}
