//! Each operation against its peers, on one thread and on several; and against itself: in other shapes and sizes, with
//! other instruction sets, with new outputs.
//!
//! ```text
//! cargo bench --bench peers                      the tables, to the terminal
//! cargo bench --bench peers -- --write           and into docs/performance.md
//! cargo bench --bench peers -- --part sizes      one part: peers, isas, few-rows, sizes or outputs
//! cargo bench --bench peers -- --only scale      the operation so named
//! cargo bench --bench peers -- --threads 4       four in the place of all cores, beside one
//! cargo bench --bench peers -- --rounds 301      more rounds, narrower intervals
//! cargo bench --bench peers -- --test            everything once, on small matrices, without a table
//! ```
//!
//! The peers are `ndarray`, the memory (the best of several loops that only read, or only copy, the same bytes) and
//! kernels written by hand with AVX2 intrinsics for exactly these operations. All work on the same input and output
//! buffers, so that neither alignment nor page faults nor luck with addresses favours one. A peer with several ways
//! to do the same enters with the one that is fastest for that case in a heat of its own, beforehand.
//!
//! Before any timing the results are compared: bit for bit with the hand-written kernels and among our own ways, and
//! with `ndarray` where it computes in the same order (its sums have an order of their own). An operation of the
//! catalogue that this program does not know by name is measured in one size, and has a row in a table of its own.

mod buffers;
mod contenders;
mod few_rows;
mod hand;
mod isas;
mod limit;
mod machine;
mod measure;
mod outputs;
mod peer_ndarray;
mod peers;
mod report;
mod sizes;
mod team;

use std::{error::Error, num::NonZero, process::ExitCode, slice, thread};

use raptors::catalogue::{self, Body};

use crate::{
    contenders::{Contested, Op},
    measure::Timer,
    team::Team,
};

/// The parts of a run, in their order, by the names of their markers in the documentation.
const PARTS: [&str; 5] = ["peers", "isas", "few-rows", "sizes", "outputs"];

/// What the command line asks for.
struct Options {
    only: Option<&'static catalogue::Op>,
    part: Option<&'static str>,
    rounds: usize,
    threads: usize,
    test: bool,
    write: bool,
}

impl Options {
    fn read(args: &[String]) -> Result<Self, String> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let mut options =
            Self { only: None, part: None, rounds: 101, threads: cores, test: false, write: false };
        // `cargo bench` says so. `cargo test --benches` does not, and its arguments are for another harness.
        if !args.iter().any(|arg| arg == "--bench") {
            return Ok(Self { test: true, threads: cores.max(2), ..options });
        }
        let number = |arg: &str, text: Option<&String>| {
            let number = text.and_then(|text| text.parse().ok()).filter(|&number: &usize| number > 0);
            number.ok_or_else(|| format!("{arg} wants a number above 0"))
        };
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
                "--part" => {
                    let part = args.next().and_then(|name| PARTS.into_iter().find(|part| part == name));
                    options.part = Some(part.ok_or_else(|| format!("--part wants one of {PARTS:?}"))?);
                }
                "--rounds" => options.rounds = number(arg, args.next())?,
                "--threads" => options.threads = number(arg, args.next())?,
                _ => {
                    let flags = "--only, --part, --rounds, --threads, --test and --write";
                    return Err(format!("{arg} is none of {flags}"));
                }
            }
        }
        if options.write && (options.test || options.only.is_some()) {
            return Err("--write wants all cases: leave out --test and --only".to_owned());
        }
        Ok(options)
    }

    /// Prints figures, unless they are none.
    fn show(&self, figures: &str) {
        if !self.test {
            println!("{figures}");
        }
    }

    /// The operations to measure: those that have kernels of their own.
    fn ops(&self) -> impl Iterator<Item = Op> + use<> {
        let has_kernels = |op: &&'static catalogue::Op| !matches!(op.body, Body::Staged { .. });
        self.only.map_or_else(catalogue::ops, slice::from_ref).iter().filter(has_kernels).map(Op::new)
    }

    /// Those that this program knows by name.
    fn known_ops(&self) -> impl Iterator<Item = Op> + use<> {
        self.ops().filter(|op| f32::typed(op).is_some())
    }
}

/// What all parts measure with.
struct Bench {
    options: Options,
    timer: Timer,
    team: Team,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match Options::read(&args).map_err(Into::into).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let threads = raptors::num_threads();
    // The pool that `ndarray` uses.
    rayon::ThreadPoolBuilder::new().num_threads(options.threads).build_global()?;
    let (timer, team) = (Timer::new(options.rounds, options.test), Team::new(options.threads));
    let mut bench = Bench { options, timer, team };
    let result = parts(&mut bench);
    raptors::set_num_threads(threads)?;
    result
}

fn parts(bench: &mut Bench) -> Result<(), Box<dyn Error>> {
    for part in PARTS {
        if bench.options.part.is_some_and(|only| only != part) {
            continue;
        }
        if !bench.options.test {
            println!("{part}\n");
        }
        let section = match part {
            "peers" => Some(peers::run(bench)?),
            "isas" => isas::run(bench)?,
            "few-rows" => Some(few_rows::run(bench)?),
            "sizes" => sizes::run(bench)?,
            _ => outputs::run(bench)?,
        };
        if let Some(section) = section.filter(|_| bench.options.write) {
            report::write(part, &section, bench.options.rounds)?;
        }
    }
    Ok(())
}
