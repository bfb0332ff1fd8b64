//! Reads a table of numbers, centres each column on its mean, scales it to unit variance, and prints a summary.
//!
//! ```text
//! cargo run --release --example standardize                  the two files of examples/data
//! cargo run --release --example standardize -- mine.npy      a file of your own, .npy or .csv
//! ```
//!
//! `load/` turns a file into a [`raptors::Matrix`], `columns.rs` is the part that uses the library, and
//! `report.rs` prints.

mod columns;
mod load;
mod report;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use columns::Float;
use load::{Loaded, Table};

const HELP: &str = "\
Centres and scales the columns of a table, and prints what it did.

usage: standardize [FILE]

FILE is one of
  .npy  a 2-D array of float32 or float64, in C or Fortran order
  .csv  numbers separated by commas, one row a line; the first line may name
        the columns (it does if none of its cells is a number)
Without FILE, the two files of examples/data are read and compared.
";

/// What went wrong, and in which file.
enum Failure {
    /// `path: what`, for the user to mend.
    File(PathBuf, String),
    /// The command line itself.
    Usage(String),
    /// What no file is to blame for: an environment variable, no memory.
    Library(raptors::Error),
    /// The summary could not be written.
    Output(io::Error),
}

impl Failure {
    fn file(path: &Path, what: impl fmt::Display) -> Self {
        Self::File(path.to_owned(), what.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os().skip(1), &mut io::stdout().lock(), &mut io::stderr().lock()))
}

/// The whole program: arguments in, the summary to `out` or one line to `err`; returns the exit code.
pub(crate) fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let message = match standardize(&arguments.into_iter().collect::<Vec<_>>(), out) {
        Ok(()) => return 0,
        // Who reads the summary through `head` has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
        Err(Failure::Output(error)) => format!("standard output: {error}"),
        Err(Failure::Library(error)) => error.to_string(),
        Err(Failure::Usage(what)) => format!("{what}; see --help"),
        Err(Failure::File(path, what)) => format!("{}: {what}", path.display()),
    };
    // Messages of the file-format crates may span lines.
    let words: Vec<&str> = message.split_whitespace().collect();
    // Nothing is left to tell if even this cannot be written.
    let _ = writeln!(err, "error: {}", words.join(" "));
    1
}

fn standardize(arguments: &[OsString], out: &mut dyn Write) -> Result<(), Failure> {
    match arguments {
        [] => shipped(out),
        [flag] if flag == "--help" || flag == "-h" => Ok(out.write_all(HELP.as_bytes())?),
        [flag] if flag.as_encoded_bytes().starts_with(b"-") => {
            Err(Failure::Usage(format!("unknown option {}", flag.display())))
        }
        [path] => {
            let path = Path::new(path);
            match load::file(path).map_err(|what| Failure::file(path, what))? {
                Table::F32(table) => own(path, &table, out),
                Table::F64(table) => own(path, &table, out),
            }
        }
        _ => Err(Failure::Usage("at most one file".to_owned())),
    }
}

/// A file of the user's own.
fn own<T: Float>(path: &Path, table: &Loaded<T>, out: &mut dyn Write) -> Result<(), Failure> {
    report::source(path, table, out)?;
    summarize(table, out)
}

/// The files that come with the example: the same table in both formats.
fn shipped(out: &mut dyn Write) -> Result<(), Failure> {
    let npy = Path::new("examples/data/seattle-weather.npy");
    let csv = Path::new("examples/data/seattle-weather.csv");
    let (from_npy, from_csv) = (shipped_table(npy)?, shipped_table(csv)?);
    report::source(npy, &from_npy, out)?;
    report::source(csv, &from_csv, out)?;
    load::same_values(&from_npy, &from_csv)
        .map_err(|what| Failure::file(csv, format!("differs from {}: {what}", npy.display())))?;
    writeln!(out, "both files hold the same values, bit for bit")?;
    // The .csv has the names of the columns, the .npy cannot.
    summarize(&from_csv, out)
}

/// One of the shipped files, all of which hold f64. `path` is relative to the repository.
fn shipped_table(path: &Path) -> Result<Loaded<f64>, Failure> {
    match load::file(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)) {
        Ok(Table::F64(table)) => Ok(table),
        Ok(Table::F32(_)) => Err(Failure::file(path, "holds f32, not f64")),
        Err(what) => Err(Failure::file(path, what)),
    }
}

fn summarize<T: Float>(table: &Loaded<T>, out: &mut dyn Write) -> Result<(), Failure> {
    let result = columns::standardize(&table.matrix).map_err(Failure::Library)?;
    Ok(report::summary(&table.names, &result, out)?)
}
