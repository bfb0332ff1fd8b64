//! What other programs cost: processor time, and the memory of each compiler.
//!
//! Cargo runs every compiler through the program in `RUSTC_WRAPPER`. That is this one: it runs the compiler, and writes
//! down what it took.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};

/// The variable that makes this program a wrapper of compilers, and names the file in which it writes down what they took.
const LOG: &str = "RAPTORS_XTASK_RUSTC_LOG";

/// One compiler that ran to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compiler {
    /// The package it compiled.
    pub(crate) package: String,
    /// The crate of that package: its library, its build script.
    pub(crate) name: String,
    /// Seconds of processor time, of all its threads and of the linker it called.
    pub(crate) seconds: f64,
    /// Bytes of memory that it had at most.
    pub(crate) peak: u64,
    /// Where it wrote.
    pub(crate) folder: PathBuf,
    /// The features that were on.
    pub(crate) features: Vec<String>,
}

impl Compiler {
    /// What the arguments say of a call, with nothing measured yet; `None` for a call that compiles nothing.
    fn called(package: &str, arguments: &[String]) -> Option<Self> {
        let after = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(at + 1)
        };
        // Cargo asks for what the compiler knows by a crate without a name.
        let name = after("--crate-name").filter(|name| *name != "___")?;
        let features = arguments
            .iter()
            .filter_map(|argument| Some(argument.strip_prefix("feature=\"")?.strip_suffix('"')?.to_owned()));
        Some(Self {
            package: package.to_owned(),
            name: name.clone(),
            seconds: 0.0,
            peak: 0,
            folder: after("--out-dir").map(PathBuf::from).unwrap_or_default(),
            features: features.collect(),
        })
    }

    fn line(&self) -> String {
        let Self { package, name, seconds, peak, folder, features } = self;
        format!("{package}\t{name}\t{seconds}\t{peak}\t{}\t{}\n", folder.display(), features.join(","))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(Self {
            package: next()?.to_owned(),
            name: next()?.to_owned(),
            seconds: next()?.parse().ok()?,
            peak: next()?.parse().ok()?,
            folder: next()?.into(),
            features: next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        })
    }
}

/// Has a cargo, or what calls one, run its compilers through this program, which adds what they took to that file.
pub(crate) fn watch<'a>(cargo: &'a mut Command, log: &Path) -> Result<&'a mut Command> {
    let this = env::current_exe().context("the system knows the running program")?;
    Ok(cargo.env("RUSTC_WRAPPER", this).env(LOG, log))
}

/// What the file says.
pub(crate) fn read(log: &Path) -> Result<Vec<Compiler>> {
    let text = fs::read_to_string(log).with_context(|| format!("no compiler wrote to {}", log.display()))?;
    let one = |line| {
        Compiler::parse(line).with_context(|| format!("{}: not a line of ours: {line}", log.display()))
    };
    text.lines().map(one).collect()
}

/// The bytes that the greatest of them had, and which one that was.
pub(crate) fn peak(compilers: &[Compiler]) -> Option<(u64, &str)> {
    compilers.iter().map(|compiler| (compiler.peak, compiler.name.as_str())).max()
}

/// If this process was called as a wrapper, what it ends with, after its compiler did.
pub(crate) fn wrapped() -> Option<ExitCode> {
    let log = env::var_os(LOG)?;
    Some(wrap(&log).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }))
}

fn wrap(log: &OsStr) -> Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (compiler, arguments) = arguments.split_first().context("which compiler?")?;
    let status = Command::new(compiler).args(arguments).status().context("the compiler cannot be run")?;
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let said: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    if status.success()
        && let Some(mut compiler) = Compiler::called(&package, &said)
    {
        let children = usage::of_children()?;
        (compiler.seconds, compiler.peak) = (children.seconds, children.peak);
        // Several of these processes may write at once: one call each, to the end of the file.
        let mut file = fs::File::options().create(true).append(true).open(log)?;
        file.write_all(compiler.line().as_bytes())?;
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Seconds of processor time of all the processes that `work` starts and waits for, and of those that they do.
pub(crate) fn seconds<R>(work: impl FnOnce() -> Result<R>) -> Result<(f64, R)> {
    let before = usage::of_children()?.seconds;
    let result = work()?;
    Ok((usage::of_children()?.seconds - before, result))
}

/// What the system says of processes that have ended.
mod usage {
    use anyhow::Result;

    pub(super) struct Usage {
        pub(super) seconds: f64,
        pub(super) peak: u64,
    }

    /// The sum of the times of all processes that were waited for, and the most memory that one of them had.
    #[cfg(unix)]
    pub(super) fn of_children() -> Result<Usage> {
        use nix::sys::{
            resource::{UsageWho, getrusage},
            time::{TimeVal, TimeValLike as _},
        };
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        #[expect(clippy::cast_precision_loss, reason = "microseconds are exact up to 2^53")]
        let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        Ok(Usage {
            seconds: seconds(usage.user_time()) + seconds(usage.system_time()),
            peak: u64::try_from(usage.max_rss())? * unit,
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of_children() -> Result<Usage> {
        anyhow::bail!("only Unix systems say what processes took")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &str) -> Vec<String> {
        words.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_call_is_understood_and_remembered() {
        let call = words(
            r#"--crate-name raptors --edition=2024 raptors/lib.rs --cfg feature="tune" --cfg feature="sums" --out-dir /t/deps"#,
        );
        let compiler = Compiler::called("raptors", &call).unwrap();
        assert_eq!((compiler.name.as_str(), compiler.folder.as_path()), ("raptors", Path::new("/t/deps")));
        assert_eq!(compiler.features, ["tune", "sums"]);
        let compiler = Compiler { seconds: 1.5, peak: 1 << 30, ..compiler };
        assert_eq!(Compiler::parse(compiler.line().trim_end()), Some(compiler));
        assert_eq!(Compiler::called("raptors", &words("--crate-name ___ --print=file-names")), None);
        assert_eq!(Compiler::called("", &words("-vV")), None);
        assert_eq!(Compiler::parse("raptors\traptors\tsome"), None);
    }

    #[test]
    #[cfg(unix)]
    fn what_a_process_takes_is_seen() {
        let busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        let (some, ()) = seconds(|| crate::run::run(&mut crate::run::command("sh", ["-c", busy]))).unwrap();
        assert!(some > 0.0);
        assert!(usage::of_children().unwrap().peak > 0);
    }

    #[test]
    fn the_greatest_is_named() {
        let of = |name: &str, peak| {
            let call = words(&format!("--crate-name {name}"));
            Compiler { peak, ..Compiler::called("p", &call).unwrap() }
        };
        assert_eq!(peak(&[of("a", 2), of("b", 3), of("c", 1)]), Some((3, "b")));
        assert_eq!(peak(&[]), None);
    }
}
