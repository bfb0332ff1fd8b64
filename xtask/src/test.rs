//! The tests, and what they say about the instruction sets of this machine.

mod longest;
mod suites;

use std::fmt;

use anyhow::{Context as _, Result, ensure};

use crate::{
    install, python,
    run::{cargo, run, target, tee},
};

/// Every feature the tests of the workspace cover.
pub(crate) const FEATURES: &str = "raptors/candidates,raptors/ndarray,raptors/tracing,raptors/tune";

/// Calls at random: any operation, kernel, shape, data, layout and cut over threads at once.
pub(crate) fn campaign() -> Result<()> {
    let mut tests =
        cargo(["test", "--release", "--package", "raptors", "--test", "conformance", "--features"]);
    tests.args([FEATURES, "campaign", "--", "--ignored", "--nocapture"]);
    let said = tee(&mut tests)?;
    ensure!(said.contains("campaign: "), "the campaign did not run");
    Ok(())
}

/// Elementary functions against exact values, on each instruction set of this machine.
pub(crate) fn ulp(exhaustive: bool, functions: &[String]) -> Result<()> {
    for simd in here() {
        let mut tests = cargo(["test", "--release", "--package", "raptors", "--test", "functions", "--"]);
        tests.args(["--nocapture", "--test-threads", "1"]).args(exhaustive.then_some("--ignored"));
        run(tests.env("RAPTORS_SIMD", simd).env("FUNCTIONS", functions.join(",")))?;
    }
    Ok(())
}

/// The values of `RAPTORS_SIMD` that this machine can follow.
fn here() -> Vec<&'static str> {
    let mut here = vec!["off"];
    #[cfg(target_arch = "x86_64")]
    {
        let is_here = |features: &[bool]| features.iter().all(|is_here| *is_here);
        if is_here(&[is_x86_feature_detected!("avx2"), is_x86_feature_detected!("fma")]) {
            here.push("avx2");
        }
        if is_here(&[
            is_x86_feature_detected!("avx512f"),
            is_x86_feature_detected!("avx512bw"),
            is_x86_feature_detected!("avx512dq"),
            is_x86_feature_detected!("avx512vl"),
        ]) {
            here.push("avx512");
        }
    }
    #[cfg(target_arch = "aarch64")]
    here.push("neon");
    here
}

/// Runs the tests of the workspace, then those of the Python package, and the campaign if asked for.
pub(crate) fn all(exhaustive: bool) -> Result<()> {
    // What is missing on this machine is told before the minutes that the rest takes.
    python::ready()?;
    workspace()?;
    python::tests()?;
    if exhaustive { campaign() } else { Ok(()) }
}

/// Runs all tests of all packages, doctests too; then prints which instruction sets took part.
pub(crate) fn workspace() -> Result<()> {
    let mut tests = cargo(["test", "--workspace", "--features", FEATURES]);
    // Without --show-output, a test that passes keeps to itself which instruction sets it ran.
    tests.args(["--", "--show-output"]);
    println!("\n{}", Isas::read(&suites::watch(&mut tests, &target().join("tests.log"))?)?);
    Ok(())
}

/// `OpenBLAS`'s routines, tested with the library itself.
pub(crate) fn backends() -> Result<()> {
    if let Some(why) = install::openblas()? {
        println!("OpenBLAS: skipped, {why}");
        return Ok(());
    }
    let package = ["test", "--package", "raptors", "--features", "openblas,tunable"];
    for what in [&["--test", "backends"][..], &["--lib", "backends"]] {
        let said = tee(cargo(package).args(what).args(["--", "--show-output"]))?;
        ensure!(said.contains("OpenBLAS 0."), "the tests did not say which library they ran with");
    }
    Ok(())
}

/// What the conformance test did with one instruction set.
#[derive(Debug, PartialEq)]
enum Outcome {
    Ran { kernels: usize },
    Skipped { reason: String },
}

/// What the conformance test did with each instruction set, in its own order.
#[derive(Debug, PartialEq)]
pub(crate) struct Isas(Vec<(String, Outcome)>);

impl Isas {
    /// Reads lines of the forms `isa avx2: ran, 12 kernels` and `isa avx2: skipped, this machine lacks it`.
    /// That there is none is an error: tests that ran on nothing have shown nothing.
    pub(crate) fn read(output: &str) -> Result<Isas> {
        let mut isas = Vec::new();
        for line in output.lines() {
            let Some((name, said)) = line.trim().strip_prefix("isa ").and_then(|line| line.split_once(": "))
            else {
                continue;
            };
            let outcome = if let Some(count) = said.strip_prefix("ran, ") {
                let count = count.split(' ').next().unwrap_or_default();
                let kernels = count.parse().with_context(|| format!("no number of kernels in `{line}`"))?;
                Outcome::Ran { kernels }
            } else if let Some(reason) = said.strip_prefix("skipped, ") {
                Outcome::Skipped { reason: reason.to_owned() }
            } else {
                continue;
            };
            isas.push((name.to_owned(), outcome));
        }
        ensure!(!isas.is_empty(), "the conformance test did not say which instruction sets it ran");
        Ok(Isas(isas))
    }

    /// Fails unless this instruction set ran, with at least one kernel.
    pub(crate) fn expect_ran(&self, isa: &str) -> Result<()> {
        let ran = |(name, outcome): &(String, Outcome)| {
            name == isa && matches!(outcome, Outcome::Ran { kernels } if *kernels > 0)
        };
        ensure!(self.0.iter().any(ran), "{isa} had to run here and did not: {self}");
        Ok(())
    }

    /// Fails unless this instruction set was skipped.
    pub(crate) fn expect_skipped(&self, isa: &str) -> Result<()> {
        let mut outcomes =
            self.0.iter().filter(|(name, _)| name == isa).map(|(_, outcome)| outcome).peekable();
        let skipped =
            outcomes.peek().is_some() && outcomes.all(|outcome| matches!(outcome, Outcome::Skipped { .. }));
        ensure!(skipped, "{isa} had to be skipped here and was not: {self}");
        Ok(())
    }
}

impl fmt::Display for Isas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ran = Vec::new();
        let mut skipped = Vec::new();
        for (name, outcome) in &self.0 {
            match outcome {
                Outcome::Ran { kernels } => ran.push(format!("{name} ({kernels} kernels)")),
                Outcome::Skipped { reason } => skipped.push(format!("{name} ({reason})")),
            }
        }
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        write!(f, "Instruction sets: ran {}; skipped {}", list(&ran), list(&skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 1 test\n---- conformance stdout ----\nisa portable: ran, 12 kernels\n\
                          isa avx2: skipped, this machine lacks it\nisa is a word: too\n";

    #[test]
    fn lines_are_read_and_summed_up() {
        let isas = Isas::read(OUTPUT).unwrap();
        let line = "Instruction sets: ran portable (12 kernels); skipped avx2 (this machine lacks it)";
        assert_eq!(isas.to_string(), line);
    }

    #[test]
    fn what_had_to_run_must_have_run() {
        let isas = Isas::read(OUTPUT).unwrap();
        isas.expect_ran("portable").unwrap();
        isas.expect_skipped("avx2").unwrap();
        assert!(isas.expect_ran("avx2").is_err());
        assert!(isas.expect_ran("neon").is_err());
        assert!(isas.expect_skipped("portable").is_err());
        assert!(isas.expect_skipped("neon").is_err());
        assert!(Isas::read("isa portable: ran, 0 kernels").unwrap().expect_ran("portable").is_err());
    }

    #[test]
    fn silence_is_an_error() {
        assert!(Isas::read("running 0 tests\n").is_err());
    }
}
