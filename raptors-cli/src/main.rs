//! `raptors`: what this build has, what it chooses, and what the compiler made of it.
//!
//! A command is a module with a `run`, which writes to the stream it is given. None holds knowledge of an operation:
//! everything comes from [`raptors::catalogue`], and from the spec texts in it.

mod asm;
mod carry;
mod check;
mod cores;
#[cfg(test)]
mod documents;
mod explain;
mod info;
mod list;
mod names;
mod output;
mod report;
mod show;
mod telemetry;
#[cfg(feature = "tune")]
mod tune;

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// List, explain and show the kernels of raptors.
#[derive(Parser)]
#[command(name = "raptors", version, term_width = 80)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every operation with its kernels: shipped, candidates, and dropped with the reason
    List(list::Arguments),
    /// Which kernel a call runs on this machine, and why
    Explain(explain::Arguments),
    /// A kernel's generated Rust, or what the compiler made of it
    Show(show::Arguments),
    /// The version, the instruction sets, caches, cores and knobs, and what this build holds
    Info(info::Arguments),
    /// Check a folder of specs without a build
    Check(check::Arguments),
    /// Make a profile of version 1 one of today's version
    Carry(carry::Arguments),
    /// Find which kernels are fastest on this machine, and write its profile
    #[cfg(feature = "tune")]
    Tune(tune::Arguments),
    /// How good the choices of three runs are: for `cargo xtask regret`
    #[cfg(feature = "tune")]
    #[command(hide = true)]
    Regret(tune::regret::Arguments),
    /// Whether a profile makes calls faster in use: for `cargo xtask regret --in-use`
    #[cfg(feature = "tune")]
    #[command(hide = true, subcommand)]
    InUse(tune::in_use::Arguments),
    /// What the last tournament found: a page, JSON or CSV
    Report(report::Arguments),
}

fn run(command: Command, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::run(&arguments, out)?,
        Command::Explain(arguments) => explain::run(&arguments, out)?,
        Command::Show(arguments) => show::run(&arguments, out)?,
        Command::Info(arguments) => info::run(&arguments, out)?,
        Command::Check(arguments) => check::run(&arguments, out)?,
        Command::Carry(arguments) => carry::run(&arguments, out)?,
        #[cfg(feature = "tune")]
        Command::Tune(arguments) => tune::run(&arguments, out)?,
        #[cfg(feature = "tune")]
        Command::Regret(arguments) => tune::regret::run(&arguments, out)?,
        #[cfg(feature = "tune")]
        Command::InUse(arguments) => tune::in_use::run(&arguments, out)?,
        Command::Report(arguments) => report::run(&arguments, out)?,
    }
    Ok(out.flush()?)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = BufWriter::new(io::stdout().lock());
    let Err(error) = run(arguments.command, &mut out) else { return ExitCode::SUCCESS };
    // A reader that has seen enough, `| head`, is no error.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // Diagnostics begin with the word themselves, once each.
    if error.is::<raptors_codegen::diagnostics::Diagnostics>() {
        eprint!("{error}");
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
