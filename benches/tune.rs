//! Which kernels are fastest on this machine: the tournament, and what the next build makes of it.
//!
//! ```text
//! cargo bench                              all operations, within ten minutes
//! cargo bench -- scale f32                 a part: operations, specs and element types
//! cargo bench -- --budget 60s              sooner, and less surely
//! cargo bench -- --full                    buckets by several shapes each
//! cargo bench -- --dry-run                 without writing the profile
//! cargo bench -- --threads 4 --isa avx2    for four threads, for the tables of AVX2
//! ```
//!
//! It writes `kernel-specs/tuned/<cpu>.toml`, which the next build reads, and a report. docs/tuning.md tells how it
//! decides. This is the one benchmark that runs without being named.
//!
//! Every candidate takes part, and no other build is to pay for compiling them all. So this program only has the command
//! `raptors tune` built, with the candidates, says how long that took, and runs it.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

fn main() -> ExitCode {
    let mut arguments: Vec<_> = env::args_os().skip(1).collect();
    // `cargo bench` says so. `cargo test --benches` does not, and has no time for a tournament.
    let asked = arguments.iter().any(|argument| argument == "--bench");
    if !asked || arguments.iter().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    arguments.retain(|argument| argument != "--bench");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = ["--release", "--package", "raptors-cli", "--features", "tune", "--bin", "raptors"];
    let cargo = || {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root);
        cargo
    };

    println!("Building every candidate, which is not part of the tournament's time.");
    let begin = Instant::now();
    let mut build = cargo();
    build.arg("build").args(package);
    // The progress of a build is for a terminal.
    if !io::stderr().is_terminal() {
        build.arg("--quiet");
    }
    match build.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(_) => return ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cargo cannot be run: {error}");
            return ExitCode::FAILURE;
        }
    }
    println!("Built in {:.0} s.\n", begin.elapsed().as_secs_f64());

    let mut run = cargo();
    // The repository's profile is what is tuned: one's own would stand before it, and is looked for where there is none.
    run.env_remove("RAPTORS_PROFILE").env("XDG_CONFIG_HOME", root.join("target/tune"));
    run.args(["run", "--quiet"]).args(package).args(["--", "tune", "--bench"]);
    match run.args(arguments).status() {
        Ok(status) => {
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            eprintln!("error: cargo cannot be run: {error}");
            ExitCode::FAILURE
        }
    }
}
