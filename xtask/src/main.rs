//! The chores of the repository: `cargo xtask <chore>`, and `cargo xtask help` for what there is.
//!
//! Each chore is a module. None holds knowledge that a plain command could not be given: they choose arguments,
//! run cargo, and read what it says.

mod budget;
mod ci;
mod goldens;
mod install;
mod run;
mod size;
mod test;

use std::process::ExitCode;

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
    /// Run every test, then name the instruction sets that ran and those that could not
    Test,
    /// Run all that must hold before a change is merged, and time each step
    ///
    /// Stops at the first step that fails. Installs what the steps need: the emulator through apt-get (as root),
    /// cargo-deny into the target folder.
    Ci,
    /// Measure what the kernels cost: their number, lines, compile time and code size
    ///
    /// Builds from nothing in a target folder of its own.
    Budget,
    /// Rewrite the golden files from what the compiler of specs produces now
    Bless,
    /// As `bless`; with `--check`, compare instead of writing
    Codegen {
        /// Fail if a golden file differs from what the compiler of specs produces now; write nothing
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Test => test::workspace(),
        Chore::Ci => ci::run_all(),
        Chore::Budget => budget::print(),
        Chore::Bless | Chore::Codegen { check: false } => goldens::bless(),
        Chore::Codegen { check: true } => goldens::check(),
    };
    // Not returned from here, where its backtrace would come along: the command that failed has said what it had to.
    if let Err(error) = outcome {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
