//! Each operation against its peers, on one thread.
//!
//! ```text
//! cargo bench --bench peers                      the tables, to the terminal
//! cargo bench --bench peers -- --write           and into docs/performance.md
//! cargo bench --bench peers -- --only scale      the operations so named
//! cargo bench --bench peers -- --rounds 301      more rounds, narrower intervals
//! cargo bench --bench peers -- --test            everything once, on small matrices, without a table
//! ```
//!
//! The peers are `ndarray`, the memory (the best of several loops that only read, or only copy, the same bytes) and
//! kernels written by hand with AVX2 intrinsics for exactly these operations. All work on the same input and output
//! buffers, so that neither alignment nor page faults nor luck with addresses favours one. A peer with several ways
//! to do the same enters with the one that is fastest for that case in a heat of its own, beforehand.
//!
//! Before any timing the results are compared: bit for bit with the hand-written kernels, and with `ndarray` where it
//! computes in the same order (its sums have an order of their own). An operation of the catalogue that this program
//! does not know by name is compared with the memory alone.

mod buffers;
mod contenders;
mod hand;
mod limit;
mod measure;
mod peer_ndarray;
mod report;

use std::{error::Error, process::ExitCode, slice};

use raptors::catalogue;

use crate::{
    buffers::Buffers,
    contenders::{Contested, Field, Op},
    measure::Timer,
    report::Line,
};

/// What the command line asks for.
struct Options {
    only: Option<&'static catalogue::Op>,
    rounds: usize,
    test: bool,
    write: bool,
}

impl Options {
    fn read(args: &[String]) -> Result<Self, String> {
        let mut options = Self { only: None, rounds: 101, test: false, write: false };
        // `cargo bench` says so. `cargo test --benches` does not, and its arguments are for another harness.
        if !args.iter().any(|arg| arg == "--bench") {
            return Ok(Self { test: true, ..options });
        }
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {}
                "--test" => options.test = true,
                "--write" => options.write = true,
                "--only" => {
                    let name = args.next().ok_or("--only wants the name of an operation")?;
                    options.only = Some(catalogue::op(name).map_err(|error| error.to_string())?);
                }
                "--rounds" => {
                    let number = args.next().and_then(|text| text.parse().ok()).filter(|&rounds| rounds > 0);
                    options.rounds = number.ok_or("--rounds wants a number above 0")?;
                }
                _ => return Err(format!("{arg} is none of --only, --rounds, --test and --write")),
            }
        }
        if options.write && (options.test || options.only.is_some()) {
            return Err("--write wants all cases: leave out --test and --only".to_owned());
        }
        Ok(options)
    }
}

/// The shapes that are compared and timed.
const SQUARES: [(usize, usize); 3] = [(512, 512), (1024, 1024), (2048, 2048)];
/// The shapes of `--test`: tails, one column, one row, whole leaves, and the first square.
const SMALL: [(usize, usize); 7] = [(5, 37), (19, 1), (1, 300), (24, 1000), (16, 128), (6, 4096), (512, 512)];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match Options::read(&args).map_err(Into::into).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut timer = Timer::new(options.rounds, options.test);
    let (mut tables, mut ways) = (Vec::new(), String::new());
    let entries = options.only.map_or_else(catalogue::ops, slice::from_ref);
    for op in entries.iter().map(Op::new) {
        let mut lines = Vec::new();
        cases::<f32>(&op, options.test, &mut timer, &mut lines)?;
        cases::<f64>(&op, options.test, &mut timer, &mut lines)?;
        if options.test {
            println!("{}: {} cases agree", op.name(), lines.len());
        } else {
            let table = report::table(&op, &lines);
            println!("{table}");
            tables.push(table);
            ways.push_str(&report::ways(&op, &lines));
        }
    }
    if !options.test {
        println!("The way each peer took: ndarray · limit · hand-written\n{ways}");
    }
    if options.write {
        report::write(&tables.join("\n"), &ways, options.rounds)?;
    }
    Ok(())
}

/// All shapes of one operation and dtype, if it has that dtype.
fn cases<T: Contested>(
    op: &Op,
    test: bool,
    timer: &mut Timer,
    lines: &mut Vec<Line>,
) -> Result<(), Box<dyn Error>> {
    if !op.entry.dtypes.contains(&T::DTYPE) {
        return Ok(());
    }
    let dtype = T::DTYPE.name();
    for &(rows, cols) in if test { &SMALL[..] } else { &SQUARES } {
        let mut buffers = Buffers::<T>::new(op, rows, cols)?;
        let field = Field::<T>::new(op);
        field
            .check(op, &mut buffers)
            .map_err(|what| format!("{} {dtype} {rows}x{cols}: {what}", op.name()))?;
        let outcome = timer.race(&field, &mut buffers);
        let bytes = (op.reads + op.writes()) * rows * cols * size_of::<T>();
        lines.push(Line { dtype, side: rows, bytes, outcome });
    }
    Ok(())
}
