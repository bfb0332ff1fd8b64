//! What is built to be measured: this checkout and the commit it is compared with, each in a folder of its own, and each
//! only if a figure asks for it.

use std::{
    cell::OnceCell,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::specs;
use crate::{
    cost::{self, Compiler},
    run::{cargo, read, root, run, target},
    size::Code,
};

/// The commit with which this one is compared: the last one before kernels were told apart by their bodies.
pub(crate) const BASELINE: &str = "90f23183d53de787227abe3eac1b7e6f1b6fbb2b";

/// Something that is found out once, when it is first asked for, as is that it cannot be.
#[derive(Debug)]
struct Once<T>(OnceCell<Result<T, String>>);

impl<T> Once<T> {
    const fn new() -> Self {
        Self(OnceCell::new())
    }

    fn get(&self, find: impl FnOnce() -> Result<T>) -> Result<&T> {
        let found = self.0.get_or_init(|| find().map_err(|error| format!("{error:#}")));
        found.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

/// All that is built.
#[derive(Debug)]
pub(crate) struct Lab {
    folder: PathBuf,
    baseline: Once<Side>,
    this: Once<Side>,
    whole: Once<Side>,
    extended: Once<Built>,
}

impl Lab {
    /// With nothing in it, whatever an earlier run left.
    pub(crate) fn new() -> Result<Self> {
        let folder = target().join("budget");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(&folder)?;
        // Downloads are not part of it.
        run(&mut cargo(["fetch", "--quiet"]))?;
        Ok(Self {
            folder,
            baseline: Once::new(),
            this: Once::new(),
            whole: Once::new(),
            extended: Once::new(),
        })
    }

    /// A folder for something else.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The commit that this checkout is compared with.
    pub(crate) fn baseline(&self) -> Result<&Side> {
        self.baseline.get(|| {
            let side = Side::new(&self.folder.join("baseline"), None);
            extract_baseline(&side.source).with_context(|| {
                format!(
                    "the commit {} is not in this repository (a shallow clone, or an archive without history?): what is \
                     compared with it cannot be measured; `git fetch --unshallow` brings it",
                    &BASELINE[..7]
                )
            })?;
            Ok(side)
        })
    }

    /// This checkout with those operations alone that the baseline has, too; with all, if there is no baseline.
    pub(crate) fn this(&self) -> Result<&Side> {
        self.this.get(|| {
            let mut side = Side::new(&self.folder.join("this"), None);
            copy_checkout(&side.source)?;
            if let Ok(baseline) = self.baseline() {
                side.lacks = specs::restrict(&side.source, &specs::names(&baseline.specs())?)?;
            }
            Ok(side)
        })
    }

    /// This checkout with all of its operations.
    pub(crate) fn whole(&self) -> Result<&Side> {
        let this = self.this()?;
        if this.lacks == 0 {
            return Ok(this);
        }
        self.whole.get(|| {
            // With the dependencies that are built already.
            let side = Side::new(&self.folder.join("whole"), Some(this.target.clone()));
            copy_checkout(&side.source)?;
            Ok(side)
        })
    }

    /// This checkout with some plain maps more.
    pub(crate) fn extended(&self) -> Result<&Built> {
        self.extended.get(|| {
            let this = self.this()?;
            this.build()?;
            let overlay = self.folder.join("maps");
            specs::write_maps(&overlay)?;
            this.build_with(&[], Some(&overlay))
        })
    }

    /// Seconds of processor time that this checkout's build script takes for some hundred made-up operations.
    pub(crate) fn mutants(&self, operations: usize) -> Result<f64> {
        let this = self.this()?;
        let folder = self.folder.join("mutants");
        let made = specs::write_mutants(&this.specs(), &folder.join("kernel-specs/ops"), operations)?;
        ensure!(made >= operations, "{made} operations in place of {operations}");
        Ok(run_script(this.script()?, &folder, "generated", None)?.seconds)
    }
}

/// A checkout, and the folder it is built into.
#[derive(Debug)]
pub(crate) struct Side {
    source: PathBuf,
    target: PathBuf,
    /// How many specs were taken out of it.
    lacks: usize,
    build: Once<Built>,
    script: Once<Compiler>,
    generated: Once<Generated>,
}

/// The library, built.
#[derive(Debug)]
pub(crate) struct Built {
    /// Seconds of processor time of everything: dependencies, build scripts, cargo.
    pub(crate) everything: f64,
    /// Seconds of the compiler of the library itself.
    library: f64,
    /// Seconds of the compiler of its build script.
    script: f64,
    /// What the build script wrote.
    generated: Generated,
    /// Bytes of memory of the greatest compiler, and what that compiled.
    pub(crate) peak: u64,
    /// What it became.
    pub(crate) code: Code,
}

impl Built {
    /// Seconds of processor time for this crate: its build script, compiled and run, and the library.
    pub(crate) fn own(&self) -> f64 {
        self.script + self.again()
    }

    /// Seconds of processor time for this crate when a spec is new.
    pub(crate) fn again(&self) -> f64 {
        self.generated.seconds + self.library
    }
}

/// What a build script wrote.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    /// Seconds of processor time that it took.
    pub(crate) seconds: f64,
    /// Lines of all its files.
    pub(crate) lines: usize,
    /// The folder they are in.
    pub(crate) folder: PathBuf,
}

impl Side {
    /// Sources in a folder, and beside them what comes of them, unless that has a place.
    fn new(folder: &Path, target: Option<PathBuf>) -> Self {
        Self {
            source: folder.join("source"),
            target: target.unwrap_or_else(|| folder.join("target")),
            lacks: 0,
            build: Once::new(),
            script: Once::new(),
            generated: Once::new(),
        }
    }

    fn specs(&self) -> PathBuf {
        self.source.join("kernel-specs/ops")
    }

    /// Its library, built from nothing as users build it.
    pub(crate) fn build(&self) -> Result<&Built> {
        self.build.get(|| self.build_with(&[], None))
    }

    /// Its library, if it was built.
    pub(crate) fn built(&self) -> Option<&Built> {
        self.build.0.get()?.as_ref().ok()
    }

    /// Its library with one family of operations, or with none.
    pub(crate) fn build_family(&self, family: Option<&str>) -> Result<Built> {
        let mut arguments = vec!["--no-default-features"];
        arguments.extend(family.iter().flat_map(|family| ["--features", family]));
        self.build_with(&arguments, None)
    }

    /// What its build script writes. It takes no build of the library if there is none.
    pub(crate) fn generated(&self) -> Result<&Generated> {
        self.generated.get(|| run_script(self.script()?, &self.source, "generated", None))
    }

    /// Its build script, compiled.
    fn script(&self) -> Result<&Compiler> {
        self.script.get(|| {
            let (_, compilers) = self.compile("check", &[], None)?;
            find(&compilers, SCRIPT).cloned()
        })
    }

    fn build_with(&self, arguments: &[&str], overlay: Option<&Path>) -> Result<Built> {
        let (everything, compilers) = self.compile("build", arguments, overlay)?;
        let library = find(&compilers, "raptors")?.seconds;
        let (script, generated) = match (find(&compilers, SCRIPT), overlay) {
            // The first build, with all that is in it by itself: who asks for what it writes needs no compiler any more.
            (Ok(script), None) if arguments.is_empty() => {
                self.script.get(|| Ok(script.clone()))?;
                (script.seconds, self.generated()?.clone())
            }
            (Ok(script), _) => {
                (script.seconds, run_script(script, &self.source, "generated-other", overlay)?)
            }
            (Err(_), _) => (0.0, run_script(self.script()?, &self.source, "generated-other", overlay)?),
        };
        let archive = self.target.join("release/libraptors.rlib");
        let archive = fs::read(&archive).with_context(|| archive.display().to_string())?;
        Ok(Built {
            everything,
            library,
            script,
            generated,
            peak: cost::peak(&compilers).map_or(0, |(bytes, _)| bytes),
            code: Code::of_library(&archive)?,
        })
    }

    /// Has cargo do that with the library; hands back the seconds of processor time of all of it, and its compilers.
    fn compile(
        &self,
        chore: &str,
        arguments: &[&str],
        overlay: Option<&Path>,
    ) -> Result<(f64, Vec<Compiler>)> {
        let log = self.source.with_extension("log");
        if log.exists() {
            fs::remove_file(&log)?;
        }
        let mut cargo = cargo([chore, "--release", "--package", "raptors"]);
        cargo.args(arguments).current_dir(&self.source).env("CARGO_TARGET_DIR", &self.target);
        plain(&mut cargo, overlay);
        let (seconds, ()) = cost::seconds(|| run(cost::watch(&mut cargo, &log)?))?;
        Ok((seconds, cost::read(&log)?))
    }
}

/// Runs a build script on the specs in a folder `kernel-specs` of that package, as cargo does; twice, since what takes
/// longer one time waited for something else. It writes into a folder of the package.
fn run_script(script: &Compiler, package: &Path, into: &str, overlay: Option<&Path>) -> Result<Generated> {
    // Cargo gives it another name, which does not hold a hash.
    let program = script.folder.join(format!("build-script-build{}", env::consts::EXE_SUFFIX));
    let folder = package.join(into);
    let mut fastest = f64::INFINITY;
    for _ in 0..2 {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut command = Command::new(&program);
        command.current_dir(package).env("CARGO_MANIFEST_DIR", package).env("OUT_DIR", &folder);
        command.env("CARGO_CFG_TARGET_ARCH", env::consts::ARCH);
        command.env("RUSTC", env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        for feature in &script.features {
            let name = feature.to_uppercase().replace('-', "_");
            command.env(format!("CARGO_FEATURE_{name}"), "1");
        }
        plain(&mut command, overlay);
        let (seconds, said) = cost::seconds(|| read(&mut command))?;
        ensure!(said.contains("cargo::"), "the build script said nothing");
        fastest = fastest.min(seconds);
    }
    let files = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    let lines = files.iter().map(|file| Ok(fs::read_to_string(file.path())?.lines().count()));
    let lines = lines.sum::<Result<usize>>()?;
    ensure!(lines > 0, "the build script wrote nothing");
    Ok(Generated { seconds: fastest, lines, folder })
}

/// The compiler of a crate of the library's package.
fn find<'a>(compilers: &'a [Compiler], name: &str) -> Result<&'a Compiler> {
    let is_it = |one: &&Compiler| one.package == "raptors" && one.name == name;
    compilers.iter().find(is_it).with_context(|| format!("no compiler of `{name}` wrote down what it took"))
}

/// The name of the crate that a build script is.
const SCRIPT: &str = "build_script_build";

/// A command that obeys no variable of this crate's but the overlay.
fn plain(command: &mut Command, overlay: Option<&Path>) {
    for variable in raptors_codegen::VARIABLES {
        command.env_remove(variable.name);
    }
    if let Some(overlay) = overlay {
        command.env("RAPTORS_SPECS", overlay);
    }
}

/// Git at the root, also as root in a folder of somebody else's.
fn git<const N: usize>(arguments: [&str; N]) -> Command {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*"]).args(arguments).current_dir(root());
    git
}

/// Puts the files of the baseline into a folder.
fn extract_baseline(folder: &Path) -> Result<()> {
    let known =
        git(["cat-file", "-e", &format!("{BASELINE}^{{commit}}")]).output().context("git cannot be run")?;
    if !known.status.success() {
        bail!("git: {}", String::from_utf8_lossy(&known.stderr).trim());
    }
    fs::create_dir_all(folder)?;
    let archive = folder.with_extension("tar");
    run(git(["archive", "--format=tar", "--output"]).arg(&archive).arg(BASELINE))?;
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder))?;
    Ok(fs::remove_file(archive)?)
}

/// Copies the files of this checkout, as they are now, into a folder: those that git knows or would take.
fn copy_checkout(folder: &Path) -> Result<()> {
    let files = read(&mut git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        let from = root().join(file);
        // One that was removed is known until the removal is committed.
        if from.is_file() {
            let into = folder.join(file);
            fs::create_dir_all(into.parent().expect("it lies in the folder"))?;
            fs::copy(&from, &into).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_found_out_is_asked_for_once() {
        let once = Once::<u8>::new();
        let error = once.get(|| bail!("no history")).unwrap_err().to_string();
        assert_eq!(error, "no history");
        assert_eq!(once.get(|| Ok(1)).unwrap_err().to_string(), "no history");
        let once = Once::new();
        assert_eq!(once.get(|| Ok(1)).unwrap(), &1);
        assert_eq!(once.get(|| Ok(2)).unwrap(), &1);
    }

    #[test]
    fn a_crate_costs_its_build_script_and_its_library() {
        let generated = Generated { seconds: 4.0, lines: 1, folder: PathBuf::new() };
        let code = Code::default();
        let built = Built { everything: 100.0, library: 32.0, script: 1.0, generated, peak: 0, code };
        assert_eq!((built.own(), built.again()), (37.0, 36.0));
    }
}
