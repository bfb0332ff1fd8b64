//! How good the tournament's choices are: three runs of it, and measurements that judge them; and whether a profile makes
//! calls faster in use.

use std::{
    fs,
    hint::black_box,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result};

use crate::{
    compare::NUMPY,
    python::{Environment, wheel},
    run::{cargo, run, target},
};

/// What the command line asks for.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Operations, specs and element types; all of them if there are none
    words: Vec<String>,
    /// How long each of the three tournaments may take
    #[arg(long, default_value = "9m")]
    budget: String,
    /// Rows that are judged against all candidates
    #[arg(long, default_value = "100")]
    cases: String,
    /// Instead: whether calls are faster with the profile than with the defaults, from Python and from Rust
    #[arg(long, conflicts_with_all = ["words", "budget", "cases"])]
    in_use: bool,
    /// The profile that is judged in use; by default the one of this processor that the repository has
    #[arg(long, requires = "in_use", conflicts_with = "planted")]
    profile: Option<PathBuf>,
    /// Judge a profile that is known to be bad, and fail unless that shows
    #[arg(long, requires = "in_use")]
    planted: bool,
}

const PACKAGE: [&str; 7] =
    ["--release", "--package", "raptors-cli", "--features", "tune", "--bin", "raptors"];

/// Holds a tournament, one after it with its choices as incumbents, and one while this process keeps the memory busy.
/// Then judges them; fails if they are not as good as docs/tuning.md says.
pub(crate) fn judge(arguments: &Arguments) -> Result<()> {
    if arguments.in_use {
        return in_use(arguments);
    }
    run(cargo(["build"]).args(PACKAGE))?;
    let regret = target().join("regret");
    if regret.exists() {
        fs::remove_dir_all(&regret).with_context(|| regret.display().to_string())?;
    }
    let folder = |name: &str| regret.join(name);
    let document = |name: &str| folder(name).join("tune.json");
    let tournament = |name: &str, seed: &str, incumbents: Option<PathBuf>| {
        let mut command = cargo(["run", "--quiet"]);
        command.args(PACKAGE).args(["--", "tune", "--bench", "--seed", seed, "--budget", &arguments.budget]);
        // Its profile goes beside its report, and the one of the repository stays as it is.
        command.arg("--into").arg(folder(name)).arg("--report").arg(folder(name));
        if let Some(incumbents) = incumbents {
            command.arg("--incumbents").arg(incumbents);
        }
        run(command.args(&arguments.words))
    };
    tournament("first", "1", None)?;
    tournament("second", "2", Some(document("first")))?;
    while_memory_is_busy(|| tournament("loaded", "3", None))?;
    let mut command = cargo(["run", "--quiet"]);
    command.args(PACKAGE).args(["--", "regret", "--cases", &arguments.cases]);
    run(command.args(["first", "second", "loaded"].map(document)))
}

/// Builds the wheel and the command once, and times the same calls in processes that follow the profile and in processes
/// that follow the defaults, in turn; fails if the profile does not hold what docs/tuning.md says.
fn in_use(arguments: &Arguments) -> Result<()> {
    let environment = Environment::having("python-compare", &[NUMPY])?;
    environment.install_wheel(&wheel()?)?;
    run(cargo(["build"]).args(PACKAGE))?;
    let folder = target().join("in-use");
    // No profile of whoever runs this is laid over the one that is judged.
    let config = folder.join("config");
    fs::create_dir_all(&config).with_context(|| config.display().to_string())?;
    let command = || {
        let mut command = cargo(["run", "--quiet"]);
        command.args(PACKAGE).args(["--", "in-use"]).env("XDG_CONFIG_HOME", &config);
        command.env_remove("RAPTORS_PROFILE").env_remove("RAPTORS_SIMD");
        command
    };
    let mut judge = command();
    judge.arg("judge").arg("--folder").arg(&folder).arg("--python").arg(environment.program_path("python"));
    if arguments.planted {
        let planted = folder.join("planted.toml");
        run(command().arg("plant").arg(&planted))?;
        judge.arg("--planted").env("RAPTORS_PROFILE", planted);
    } else if let Some(profile) = &arguments.profile {
        let profile = fs::canonicalize(profile).with_context(|| profile.display().to_string())?;
        judge.env("RAPTORS_PROFILE", profile);
    }
    run(&mut judge)
}

/// Does something while a thread of this process copies memory to and fro.
fn while_memory_is_busy<R>(work: impl FnOnce() -> R) -> R {
    const BYTES: usize = 64 << 20;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut one, mut other) = (vec![1_u8; BYTES], vec![2_u8; BYTES]);
            while !done.load(Ordering::Relaxed) {
                other.copy_from_slice(black_box(&one));
                one.copy_from_slice(black_box(&other));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::while_memory_is_busy;

    #[test]
    fn the_memory_is_busy_for_as_long_as_the_work_takes() {
        assert_eq!(while_memory_is_busy(|| 7), 7);
    }
}
