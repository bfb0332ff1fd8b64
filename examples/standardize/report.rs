//! What the example prints, at most 80 characters a line.

use std::io::{self, Write};
use std::path::Path;

use super::columns::{Float, Outcome, Standardized};
use super::load::{Layout, Loaded};

/// Columns of the table that are listed. Wider ones are cut short.
const LISTED: usize = 20;
/// Characters of a name that are shown.
const NAME: usize = 18;

/// Which file, and what is in it.
pub(crate) fn source<T: Float>(path: &Path, table: &Loaded<T>, out: &mut dyn Write) -> io::Result<()> {
    let (rows, columns) = table.matrix.shape();
    let layout = match table.layout {
        Layout::C => "C order",
        Layout::Fortran => "Fortran order (converted to C order)",
        Layout::Text => "text",
    };
    writeln!(out, "{}", path.display())?;
    writeln!(out, "  {rows} rows x {columns} columns, {}, {layout}", T::DTYPE)
}

/// Each column before and after, what was special about some, and the kernels.
pub(crate) fn summary<T: Float>(
    names: &[String],
    result: &Standardized<T>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Standardized { before, after, outcomes, kernels } = result;
    writeln!(out)?;
    writeln!(out, "{:NAME$}  {:>25}   {:>25}", "", "before", "after")?;
    writeln!(out, "{:NAME$}  {:>12} {:>12}   {:>12} {:>12}", "column", "mean", "std", "mean", "std")?;
    for (column, name) in names.iter().enumerate().take(LISTED) {
        writeln!(
            out,
            "{:NAME$}  {:>12} {:>12}   {:>12} {:>12}",
            shown(name),
            number(before.mean[column].to_f64()),
            number(before.std[column].to_f64()),
            number(after.mean[column]),
            number(after.std[column])
        )?;
    }
    if names.len() > LISTED {
        writeln!(out, "… and {} more columns", names.len() - LISTED)?;
    }

    let remarks = names.iter().zip(outcomes).filter_map(|(name, &outcome)| Some((name, remark(outcome)?)));
    let (listed, all) = (remarks.clone().take(LISTED), remarks.count());
    if all > 0 {
        writeln!(out)?;
    }
    for (name, remark) in listed {
        writeln!(out, "{}: {remark}", shown(name))?;
    }
    if all > LISTED {
        writeln!(out, "… and {} more", all - LISTED)?;
    }

    writeln!(out, "\nkernels for this table")?;
    for (op, kernel) in kernels {
        writeln!(out, "  {op:14} {kernel}")?;
    }
    Ok(())
}

fn remark(outcome: Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Standardized => return None,
        Outcome::Off => "mean and std after it, computed in f64, are off".to_owned(),
        Outcome::Constant => "all values are equal (std 0): set to 0".to_owned(),
        Outcome::NaN(count) => format!("{count} NaN in the input: the whole column is NaN"),
        Outcome::Infinite(count) => format!("{count} infinite in the input: the mean is no number"),
        Outcome::OutOfRange => "its sum or squares over- or underflow: not scaled".to_owned(),
    })
}

/// A name in one short line, whatever the file had in it.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(NAME).map(|c| if c.is_control() { '?' } else { c }).collect();
    if name.chars().count() > NAME {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Four decimals, or powers of ten where those would say nothing.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() || (1e-3..1e6).contains(&size) {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}
