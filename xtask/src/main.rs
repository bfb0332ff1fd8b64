//! The chores of the repository: `cargo xtask <chore>`, and `cargo xtask help` for what there is.
//!
//! Each chore is a module. None holds knowledge that a plain command could not be given: they choose arguments,
//! run cargo, and read what it says.

mod browser;
mod budget;
mod ci;
mod compare;
mod cost;
mod cross;
#[cfg(test)]
mod documents;
mod goldens;
mod install;
mod limit;
mod mca;
mod python;
mod raptors;
mod regret;
mod run;
mod size;
mod test;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

/// The chores of the raptors repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every test, those of the Python package too, then name the instruction sets that ran and those that could not
    Test {
        /// Then make 100,000 calls at random too, of all kernels in all ways, which takes some minutes
        #[arg(long)]
        exhaustive: bool,
    },
    /// Build the Python wheel into target/wheels
    ///
    /// With an environment of its own under the target folder: nothing is to be installed by hand.
    Wheel {
        /// Features of the package, separated by commas: openblas, accelerate
        #[arg(long, default_value = "")]
        features: String,
    },
    /// Run all that must hold before a change is merged, and time each step
    ///
    /// Stops at the first step that fails. Installs what the steps need: emulators and a compiler for aarch64 through
    /// apt-get (as root), cargo-deny and the source of the standard library into the target folder.
    Ci {
        /// Only the steps whose names hold one of these words
        steps: Vec<String>,
    },
    /// Measure what the kernels cost, each figure beside its limit; fails if one is over
    ///
    /// Builds this checkout and the commit it is compared with from nothing, in target folders of their own, and the
    /// wheel: ten minutes or so on two cores.
    Budget(budget::Arguments),
    /// Estimate the cycles of the kernels' inner loops, by LLVM's models of processors that are not here
    ///
    /// Installs the simulator and a compiler for aarch64 through apt-get (as root), unless they are there.
    Mca {
        /// Put the tables into docs/neon.md and docs/x86.md
        #[arg(long)]
        write: bool,
    },
    /// The command `raptors`, built when it is out of date: what `cargo raptors` runs
    #[command(disable_help_flag = true)]
    Raptors {
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure raptors beside `NumPy` and others: `python -m raptors compare`, with all that it needs installed
    ///
    /// `--help` shows its arguments. `--docs RUN.json…` draws docs/performance.md's section about `NumPy` from what
    /// `--output-json` wrote, and the README's picture from the last of these files that is of the suite 2d.
    #[command(disable_help_flag = true)]
    Compare {
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Judge the tournament's choices: against the best of all candidates, against each other, and under load
    ///
    /// Three tournaments and fresh measurements, half an hour or more on a machine that should do nothing else. With
    /// `--in-use`, whether the profile of this processor makes calls faster in processes of Python and of Rust, in ten
    /// minutes or so.
    Regret(regret::Arguments),
    /// Compare elementary functions with exact values, on each instruction set of this machine
    ///
    /// Of f32 the result has to be the number nearest to the exact value; of f64 it has to be within its bound. A sample takes
    /// a minute to build and seconds to run; with `--exhaustive` every element of f32 takes minutes for each function.
    Ulp {
        /// All 4,294,967,296 elements of f32
        #[arg(long)]
        exhaustive: bool,
        /// Only these functions; of a sample, all are compared
        functions: Vec<String>,
    },
    /// Rewrite the golden files, and docs/environment.md, from what is generated now
    Bless,
    /// As `bless`; with `--check`, compare instead of writing
    Codegen {
        /// Fail if a golden file differs from what is generated now; write nothing
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    if let Some(code) = cost::wrapped() {
        return code;
    }
    let done = |()| ExitCode::SUCCESS;
    let outcome = match Arguments::parse().chore {
        Chore::Test { exhaustive } => test::all(exhaustive).map(done),
        Chore::Wheel { features } => python::wheel_with(&features).map(|_| ExitCode::SUCCESS),
        Chore::Ci { steps } => ci::run_steps(&steps).map(done),
        Chore::Budget(arguments) => budget::judge(&arguments).map(done),
        Chore::Mca { write } => mca::estimate(write).map(done),
        Chore::Raptors { arguments } => raptors::run(&arguments),
        Chore::Compare { arguments } => compare::run(&arguments),
        Chore::Regret(arguments) => regret::judge(&arguments).map(done),
        Chore::Ulp { exhaustive, functions } => test::ulp(exhaustive, &functions).map(done),
        Chore::Bless | Chore::Codegen { check: false } => goldens::bless().map(done),
        Chore::Codegen { check: true } => goldens::check().map(done),
    };
    // Not returned from here, where its backtrace would come along: the command that failed has said what it had to.
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::{CommandFactory as _, error::ErrorKind};

    use crate::documents::commands;

    fn repository() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
    }

    #[test]
    fn chores_in_documents_are_chores() {
        for named in commands(repository(), "cargo xtask") {
            let given = ["cargo xtask"].into_iter().chain(named.words.iter().map(String::as_str));
            let command = super::Arguments::command();
            let chore = named.words.first().and_then(|name| command.find_subcommand(name));
            for flag in &named.also {
                let is_flag = |argument: &clap::Arg| argument.get_long() == flag.strip_prefix("--");
                let is_known = chore.is_some_and(|chore| chore.get_arguments().any(is_flag));
                assert!(is_known, "{}: there is no {flag}", named.place);
            }
            let Err(error) = command.try_get_matches_from(given) else { continue };
            let is_part = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            assert!(is_part, "{}: {}: {error}", named.place, named.words.join(" "));
        }
    }

    #[test]
    fn benchmarks_and_examples_in_documents_are_there() {
        for (beginning, flag, folder) in
            [("cargo bench", "--bench", "benches"), ("cargo run", "--example", "examples")]
        {
            let mut count = 0;
            for named in commands(repository(), beginning) {
                let Some(name) = named.words.iter().skip_while(|word| *word != flag).nth(1) else { continue };
                let folder = repository().join(folder);
                let is_there =
                    folder.join(format!("{name}.rs")).exists() || folder.join(name).join("main.rs").exists();
                assert!(is_there, "{}: there is no {name} in {}", named.place, folder.display());
                count += 1;
            }
            assert!(count > 0, "{beginning}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
