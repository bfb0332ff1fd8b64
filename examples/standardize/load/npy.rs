//! `.npy` files, the format of `numpy.save`.

use std::io::ErrorKind;

use ndarray_npy::ReadableElement;
use ndarray_npy::npy::header::{Header, ParseHeaderError, ReadHeaderError};
use raptors::Matrix;

use super::{Float, Layout, Loaded, Table, made_up_name, not_empty};

pub(super) fn parse(bytes: &[u8]) -> Result<Table, String> {
    let (header, data) = header(bytes)?;
    let dtype = &header.type_descriptor;
    match dtype.as_string().map(String::as_str) {
        Some("<f4" | ">f4") => Ok(Table::F32(elements(&header, data)?)),
        Some("<f8" | ">f8") => Ok(Table::F64(elements(&header, data)?)),
        _ => Err(format!(
            "dtype {dtype} is not supported, only float32 ('<f4', '>f4') and float64 ('<f8', '>f8'): \
             convert with x.astype('f8')"
        )),
    }
}

/// The header, and what follows it.
fn header(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    // The time of the parser is exponential in the depth of brackets, of which a table of numbers has two, `{` and
    // `(`. So it sees one line, which is what a header is, and none with many. The line begins after the version,
    // with a length whose two or four bytes may look like anything.
    let line_end =
        bytes.iter().skip(12).position(|&byte| byte == b'\n').map_or(bytes.len(), |at| 12 + at + 1);
    let mut line = &bytes[..line_end];
    let mut open = 0_usize;
    for byte in line.iter().skip(8) {
        match byte {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > 8 {
            return Err("the .npy header is damaged: its brackets are nested too deep".to_owned());
        }
    }
    match Header::from_reader(&mut line) {
        Ok(header) => Ok((header, &bytes[line_end - line.len()..])),
        Err(error) => Err(header_error(&error)),
    }
}

fn elements<T: Float + ReadableElement>(header: &Header, data: &[u8]) -> Result<Loaded<T>, String> {
    let [rows, columns] = header.shape[..] else {
        return Err(dimensions_error(&header.shape));
    };
    not_empty(rows, columns)?;
    // Before anything is allocated: a damaged header may promise more than any machine has.
    let table = format!("{rows} rows x {columns} columns of {}", T::DTYPE);
    let promised = rows
        .checked_mul(columns)
        .and_then(|count| count.checked_mul(size_of::<T>()))
        .ok_or_else(|| format!("the .npy header promises {table}, more than can be addressed"))?;
    if promised != data.len() {
        let fault = if data.len() < promised { "is truncated" } else { "goes on after its data" };
        return Err(format!("the file {fault}: {table} are {promised} bytes, it has {}", data.len()));
    }

    let values = T::read_to_end_exact_vec(data, &header.type_descriptor, rows * columns)
        .map_err(|error| error.to_string())?;
    let (matrix, layout) = if header.layout.is_fortran() {
        (Matrix::from_fn(rows, columns, |row, column| values[column * rows + row]), Layout::Fortran)
    } else {
        (Matrix::from_vec(rows, columns, values), Layout::C)
    };
    let matrix = matrix.map_err(|error| error.to_string())?;
    Ok(Loaded { matrix, names: (0..columns).map(made_up_name).collect(), layout })
}

fn header_error(error: &ReadHeaderError) -> String {
    match error {
        ReadHeaderError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "the .npy header is cut off".to_owned()
        }
        ReadHeaderError::Io(error) => format!("cannot be read: {error}"),
        ReadHeaderError::Parse(ParseHeaderError::MagicString) => {
            "not a .npy file: it does not begin with \\x93NUMPY".to_owned()
        }
        // The parser's own message draws the place over several lines.
        ReadHeaderError::Parse(ParseHeaderError::DictParse(_)) => {
            "the .npy header is damaged: it is not a Python dictionary".to_owned()
        }
        ReadHeaderError::Parse(error) => format!("the .npy header is damaged: {error}"),
    }
}

fn dimensions_error(shape: &[usize]) -> String {
    let hint = match shape.len() {
        0 => "",
        1 => "; x.reshape(-1, 1) makes it one column",
        _ => "; x.reshape(len(x), -1) keeps its first axis as rows",
    };
    let lengths: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!(
        "expected a 2-D array, rows and columns, got {}-D of shape ({}){hint}",
        shape.len(),
        lengths.join(", ")
    )
}
