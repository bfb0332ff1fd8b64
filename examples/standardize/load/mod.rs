//! From a file to a matrix. Crates parse the formats; here are the checks, and the words for what is wrong.

mod csv;
mod npy;

use std::fs;
use std::path::Path;

use raptors::Matrix;

use super::columns::Float;

/// A table in the element type of its file.
pub(crate) enum Table {
    F32(Loaded<f32>),
    F64(Loaded<f64>),
}

/// A table as read: at least one row and one column.
pub(crate) struct Loaded<T: Float> {
    pub(crate) matrix: Matrix<T>,
    /// One a column; made up where the file has none.
    pub(crate) names: Vec<String>,
    pub(crate) layout: Layout,
}

/// How the file keeps its elements. The matrix is in C order whatever this says.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    /// Row after row.
    C,
    /// Column after column.
    Fortran,
    Text,
}

/// Reads a `.npy` or `.csv` file. The error is what is wrong with it, without the path.
pub(crate) fn file(path: &Path) -> Result<Table, String> {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let parse = match extension.to_str() {
        Some("npy") => npy::parse,
        Some("csv") => csv::parse,
        _ => return Err("expected a file that ends in .npy or .csv".to_owned()),
    };
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    parse(&bytes)
}

/// The tables have the same shape, and the same bits in every element. The error names the first difference.
pub(crate) fn same_values<T: Float>(a: &Loaded<T>, b: &Loaded<T>) -> Result<(), String> {
    let (a, b) = (&a.matrix, &b.matrix);
    if a.shape() != b.shape() {
        return Err(format!("shape {:?}, not {:?}", b.shape(), a.shape()));
    }
    for row in 0..a.nrows() {
        for (column, (x, y)) in a.row(row).iter().zip(b.row(row)).enumerate() {
            if x.to_bits_u64() != y.to_bits_u64() {
                return Err(format!("row {}, column {}: {y}, not {x}", row + 1, column + 1));
            }
        }
    }
    Ok(())
}

/// Refuses a table without elements, whose means are not defined.
fn not_empty(rows: usize, columns: usize) -> Result<(), String> {
    match (rows, columns) {
        (0, _) => Err("the table has 0 rows: a mean needs at least one".to_owned()),
        (_, 0) => Err("the table has 0 columns".to_owned()),
        _ => Ok(()),
    }
}

/// The name of a column that its file does not name. Counted from 1, as everything in the messages.
fn made_up_name(column: usize) -> String {
    format!("column {}", column + 1)
}
