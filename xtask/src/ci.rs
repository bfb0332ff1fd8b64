//! All that must hold before a change is merged, in the order in which most mistakes show earliest.

use std::{
    fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use raptors_codegen::spec::FAMILIES;

use crate::{
    browser, budget, compare, cross, install,
    limit::within,
    python,
    run::{cargo, command, is_ci, read, run, target, tee},
    test,
};

/// A step: its name, the minutes that it may take, and what it does. The limit is some times what it takes on two cores on
/// which nothing was built before.
type Step = (&'static str, u64, fn() -> Result<()>);

const STEPS: [Step; 24] = [
    ("format", 5, format),
    ("lints", 30, lints),
    ("documentation", 20, documentation),
    ("tests", 60, test::workspace),
    ("backends", 30, test::backends),
    ("families of operations", 30, families),
    ("Python", 60, python::tests),
    ("Python, in an empty environment", 30, python::installation),
    ("Python, with one spec more", 60, python::overlay),
    ("comparison with NumPy", 40, compare::gate),
    ("benchmarks, once each", 40, benchmarks),
    ("report in a browser", 10, browser::report),
    ("example", 20, example),
    ("budget", 40, budgets),
    ("emulator", 20, install::qemu),
    ("conformance on Nehalem", 40, nehalem),
    ("conformance on Haswell", 40, haswell),
    ("compiler for aarch64", 20, || cross::compiler().map(drop)),
    ("conformance on aarch64 (NEON)", 60, cross::neon),
    ("macOS type-check", 20, cross::macos),
    ("packages", 60, packages),
    ("cargo-deny", 20, || install::cargo_deny().map(drop)),
    ("licences and sources", 10, licences),
    ("clean checkout", 5, clean_checkout),
];

/// Runs every step whose name holds one of these words, all of them if there is none; stops at the first that fails or
/// takes longer than its limit, and sums up either way.
pub(crate) fn run_steps(words: &[String]) -> Result<()> {
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let steps: Vec<_> = STEPS.iter().filter(|(name, ..)| wanted(name)).collect();
    ensure!(!steps.is_empty(), "no step is called so; there are {}", STEPS.map(|(name, ..)| name).join(", "));
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for (number, (name, minutes, step)) in steps.iter().enumerate() {
        println!("\n== {}/{} {name}", number + 1, steps.len());
        let start = Instant::now();
        let what = format!("the step `{name}`");
        outcome =
            within(&what, Duration::from_mins(*minutes), step).with_context(|| format!("{what} failed"));
        times.push((*name, start.elapsed()));
        println!("-- {name}: {:.1} s", start.elapsed().as_secs_f64());
        if outcome.is_err() {
            break;
        }
    }
    let left: Vec<_> = steps[times.len()..].iter().map(|(name, ..)| *name).collect();
    print!("\n{}", summary(&times, &left, outcome.is_ok()));
    outcome
}

/// One line a step: what it was, how it ended, how long it took; then those that were left.
fn summary(times: &[(&str, Duration)], left: &[&str], passed: bool) -> String {
    let line = |name: &str, outcome: &str, time: Duration| {
        format!("{name:<40} {outcome:<8} {:>8.1} s\n", time.as_secs_f64())
    };
    let mut text = String::new();
    for (index, (name, time)) in times.iter().enumerate() {
        let outcome = if passed || index + 1 < times.len() { "ok" } else { "FAILED" };
        text.push_str(&line(name, outcome, *time));
    }
    for name in left {
        text.push_str(name);
        text.push_str(" (not run)\n");
    }
    let total: Duration = times.iter().map(|(_, time)| time).sum();
    text + &line("total", "", total)
}

fn format() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    let what = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        "raptors/ndarray,raptors/openblas,raptors/tracing,raptors-cli/tune",
    ];
    run(cargo(what).args(["--", "-D", "warnings"]))?;
    // And what is there without them.
    let plain = ["clippy", "--package", "raptors", "--lib", "--features", "tunable", "--", "-D", "warnings"];
    run(&mut cargo(plain))
}

fn documentation() -> Result<()> {
    let what = [
        "doc",
        "--workspace",
        "--lib",
        "--no-deps",
        "--features",
        "raptors/ndarray,raptors/tracing,raptors/tune",
    ];
    run(cargo(what).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The library with no family of operations, with each alone, and what it says of itself then: nothing may need what only
/// another family has.
fn families() -> Result<()> {
    let none = ["--package", "raptors", "--lib", "--no-default-features"];
    run(cargo(["check"]).args(none))?;
    for family in FAMILIES {
        run(cargo(["check"]).args(none).args(["--features", family]))?;
    }
    run(cargo(["doc", "--no-deps"]).args(none).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The budgets that are counts of this release alone. The others take builds of two: `cargo xtask budget` judges them all.
fn budgets() -> Result<()> {
    budget::judge(&budget::Arguments::only(&["ship twice"]))
}

/// Each benchmark's body once: that it still runs, not how fast.
fn benchmarks() -> Result<()> {
    let what = ["test", "--workspace", "--features", test::FEATURES, "--bench", "*"];
    run(cargo(what).args(["--", "--test"]))
}

fn example() -> Result<()> {
    // As the tests were built: to optimize it for one run would cost minutes.
    run(&mut cargo(["run", "--features", test::FEATURES, "--example", "standardize"]))
}

/// A machine without AVX: what it lacks must be left alone, not merely unused.
fn nehalem() -> Result<()> {
    let isas = emulated("Nehalem")?;
    isas.expect_ran("portable")?;
    isas.expect_skipped("avx2")?;
    isas.expect_skipped("avx512")
}

/// A machine with AVX2 and without AVX-512.
fn haswell() -> Result<()> {
    let isas = emulated("Haswell")?;
    isas.expect_ran("portable")?;
    isas.expect_ran("avx2")?;
    isas.expect_skipped("avx512")
}

/// Runs the conformance test of the kernels that ship on an emulated processor, and hands back what ran there.
fn emulated(processor: &str) -> Result<test::Isas> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    // Optimized, as the emulator is slow enough; static, as it hangs on threads of a dynamically linked program.
    let mut conformance = cargo(["test", "--release", "--package", "raptors", "--test", "conformance"]);
    conformance.args(["--target", TARGET, "--", "--show-output"]);
    conformance.env("RUSTFLAGS", "-C target-feature=+crt-static");
    let runner = format!("{} -cpu {processor}", install::QEMU);
    conformance.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", runner);
    let isas = test::Isas::read(&tee(&mut conformance)?)?;
    println!("{isas}");
    Ok(isas)
}

/// What would be published builds from its own archive.
fn packages() -> Result<()> {
    // Cargo unpacks an archive once for each name, version and target folder, and never looks whether it changed. A
    // folder that never was before is the one that shows what the archives hold now.
    let folder = target().join("packages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let mut package = cargo(["package", "--workspace", "--exclude", "xtask", "--exclude", "raptors-python"]);
    package.env("CARGO_TARGET_DIR", folder.join(now.to_string()));
    // At work on a change, a checkout is never clean.
    if !is_ci() {
        package.arg("--allow-dirty");
    }
    run(&mut package)
}

fn licences() -> Result<()> {
    run(&mut command(install::cargo_deny()?, ["--workspace", "check", "licenses", "bans", "sources"]))
}

/// The lock file was complete, and no step left anything behind. At work on a change, nobody can say.
fn clean_checkout() -> Result<()> {
    if is_ci() {
        // As root in a folder of somebody else's, git would refuse to look.
        let status = read(&mut command("git", ["-c", "safe.directory=*", "status", "--porcelain"]))?;
        ensure!(status.is_empty(), "files changed or appeared:\n{status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_failed_and_what_did_not_run() {
        let names = STEPS.map(|(name, ..)| name);
        let times = [(names[0], Duration::from_millis(1500)), (names[1], Duration::ZERO)];
        let summary = summary(&times, &names[2..], false);
        let lines: Vec<_> = summary.lines().collect();
        assert_eq!(lines.len(), STEPS.len() + 1);
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["format", "ok", "1.5", "s"]);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["lints", "FAILED", "0.0", "s"]);
        assert_eq!(lines[2], format!("{} (not run)", STEPS[2].0));
        assert!(lines.iter().all(|line| line.len() <= 80));
    }

    #[test]
    fn a_step_that_is_not_there_is_no_success() {
        let error = run_steps(&["no such step".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("no step is called so; there are format, lints, "), "{error}");
    }
}
