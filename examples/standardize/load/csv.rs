//! Comma-separated text.

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};
use raptors::Matrix;

use super::{Layout, Loaded, Table, made_up_name, not_empty};

/// Characters of a cell that a message shows.
const SHOWN: usize = 24;

pub(super) fn parse(bytes: &[u8]) -> Result<Table, String> {
    let mut reader = ReaderBuilder::new().has_headers(false).trim(Trim::All).from_reader(bytes);
    let mut records = reader.records().map(|record| record.map_err(|error| csv_error(&error, bytes)));
    let first = records.next().ok_or("the file has no line with cells")??;

    let columns = first.len();
    let mut names: Vec<String> = (0..columns).map(made_up_name).collect();
    let mut values = Vec::new();
    if first.iter().all(|cell| cell.parse::<f64>().is_err()) {
        for (name, cell) in names.iter_mut().zip(&first).filter(|(_, cell)| !cell.is_empty()) {
            cell.clone_into(name);
        }
    } else {
        push_row(&first, bytes, &mut values)?;
    }
    for record in records {
        push_row(&record?, bytes, &mut values)?;
    }

    // A record has at least one cell.
    let rows = values.len() / columns;
    not_empty(rows, columns)?;
    let matrix = Matrix::from_vec(rows, columns, values).map_err(|error| error.to_string())?;
    Ok(Table::F64(Loaded { matrix, names, layout: Layout::Text }))
}

fn push_row(record: &StringRecord, bytes: &[u8], values: &mut Vec<f64>) -> Result<(), String> {
    for (column, cell) in record.iter().enumerate() {
        let value = cell.parse().map_err(|_| {
            let line = line(record.position(), bytes);
            let what = match cell {
                "" => "the cell is empty".to_owned(),
                _ if cell.chars().count() > SHOWN => {
                    format!("{:?}… is not a number", cell.chars().take(SHOWN).collect::<String>())
                }
                _ => format!("{cell:?} is not a number"),
            };
            format!("line {line}, column {}: {what}", column + 1)
        })?;
        values.push(value);
    }
    Ok(())
}

fn csv_error(error: &csv::Error, bytes: &[u8]) -> String {
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = line(pos.as_ref(), bytes);
            format!("line {line}: expected {expected_len} cells, as in the first row, got {len}")
        }
        ErrorKind::Utf8 { pos, err } => format!("line {}: not UTF-8 text: {err}", line(pos.as_ref(), bytes)),
        _ => error.to_string(),
    }
}

/// The line a record begins in, counted from 1. That of the position itself is too small after an empty line and
/// after `\r\n`, whose `\n` the reader counts with the next record.
fn line(position: Option<&Position>, bytes: &[u8]) -> usize {
    let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
    let is_end = |&byte: &u8| byte == b'\n' || byte == b'\r';
    let start = start + bytes.iter().skip(start).take_while(|byte| is_end(byte)).count();
    let ends_line = |(at, &byte): (usize, &u8)| match byte {
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => byte == b'\n',
    };
    1 + bytes.iter().enumerate().take(start).filter(|&at| ends_line(at)).count()
}
