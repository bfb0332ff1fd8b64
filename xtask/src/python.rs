//! The Python package: its wheel, and its tests in an environment of their own under the target folder.
//!
//! Nothing is to be installed by hand. A Python that cannot make environments (Debian's, without python3-venv) gets
//! what it lacks through apt-get, as root, or else through pip.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    cost::{self, Compiler},
    install::apt_install,
    run::{command, read, root, run, target, tee},
};

/// What builds and tests the package.
const TOOLS: [&str; 6] =
    ["maturin>=1.16,<2", "numpy>=2.3", "pytest>=8", "hypothesis>=6", "jsonschema>=4", "mypy>=1.15"];

/// Bytes of the largest wheel that we let pass.
pub(crate) const LARGEST: u64 = 8_000_000;

/// A wheel that was built.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Where it is.
    path: PathBuf,
    /// How large it is.
    pub(crate) bytes: u64,
    /// What its compilers took, as far as that is known: those that ran before, for what has not changed, too.
    pub(crate) compilers: Vec<Compiler>,
}

impl Wheel {
    /// Builds it, however large it becomes.
    pub(crate) fn build(features: &str) -> Result<Self> {
        let environment = Environment::with_tools()?;
        let wheels = target().join("wheels");
        // Only one is to be there: the one that was built now.
        if wheels.exists() {
            fs::remove_dir_all(&wheels)?;
        }
        let log = target().join("wheel-compilers.log");
        let mut maturin = environment.program("maturin");
        maturin.args([
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "raptors-python/Cargo.toml",
            "--out",
        ]);
        maturin.arg(&wheels).env("CARGO_TARGET_DIR", target());
        if !features.is_empty() {
            maturin.args(["--features", features]);
            // What is linked is the system's: the wheel is for this machine, and no other library goes into it.
            maturin.args(["--auditwheel", "skip"]);
        }
        run(cost::watch(&mut maturin, &log)?)?;
        let built: Vec<_> = fs::read_dir(&wheels)?.collect::<Result<_, _>>()?;
        let [wheel] = &built[..] else {
            anyhow::bail!("not one wheel, but {} in {}", built.len(), wheels.display())
        };
        let mut compilers = if log.exists() { cost::read(&log)? } else { Vec::new() };
        // Each counts as it ran last.
        let mut seen = std::collections::BTreeSet::new();
        compilers.reverse();
        compilers.retain(|compiler| seen.insert((compiler.package.clone(), compiler.name.clone())));
        Ok(Self { path: wheel.path(), bytes: wheel.metadata()?.len(), compilers })
    }

    /// Whether the compiler of the library with all that the package has is among the compilers.
    pub(crate) fn knows_the_library(&self) -> bool {
        self.compilers.iter().any(|compiler| compiler.name == "raptors")
    }
}

/// Builds the wheel, and says where it is.
pub(crate) fn wheel() -> Result<PathBuf> {
    wheel_with("")
}

/// The same with features of the package.
pub(crate) fn wheel_with(features: &str) -> Result<PathBuf> {
    let Wheel { path, bytes, .. } = Wheel::build(features)?;
    ensure!(bytes <= LARGEST, "the wheel has {bytes} bytes, more than {LARGEST}");
    println!("{} ({bytes} bytes)", path.display());
    Ok(path)
}

/// Makes sure that there is all that building and testing the package need.
pub(crate) fn ready() -> Result<()> {
    Environment::with_tools().map(drop)
}

/// Runs the package's tests on the wheel, installed.
pub(crate) fn tests() -> Result<()> {
    let wheel = wheel()?;
    let environment = Environment::with_tools()?;
    environment.install_wheel(&wheel)?;
    // From a folder without the sources, so that it is the wheel that is tested; no cache is left behind.
    let mut pytest = environment.python();
    pytest.args(["-m", "pytest", "-q", "--durations=10", "-p", "no:cacheprovider", "tests"]);
    pytest.current_dir(root().join("raptors-python")).env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.env("HYPOTHESIS_STORAGE_DIRECTORY", target().join("hypothesis"));
    run(&mut pytest)
}

/// Installs the wheel where there is nothing else, and runs the example there.
pub(crate) fn installation() -> Result<()> {
    let wheel = wheel()?;
    let folder = target().join("python-empty");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let environment = Environment::new(folder)?;
    environment.install(&[wheel.as_os_str()])?;
    run(environment.python().arg("raptors-python/tests/example.py"))
}

/// The spec of an operation that the package does not have.
const HYPOT: &str = r#"summary = "Length of the hypotenuse, element by element."
inputs  = { x = "matrix", y = "matrix" }
output  = "sqrt(x * x + y * y)"
dtypes  = ["f32", "f64"]
"#;

/// One file more is one function more, with its types, docs and tests.
pub(crate) fn overlay() -> Result<()> {
    let folder = target().join("python-overlay");
    fs::create_dir_all(folder.join("specs"))?;
    fs::write(folder.join("specs/hypot.toml"), HYPOT)?;
    let wheels = folder.join("wheels");
    let mut maturin = Environment::with_tools()?.program("maturin");
    maturin.args(["build", "--profile", "dev", "--locked", "--manifest-path", "raptors-python/Cargo.toml"]);
    maturin.arg("--out").arg(&wheels).env("CARGO_TARGET_DIR", folder.join("target"));
    run(maturin.env("RAPTORS_SPECS", folder.join("specs")))?;
    let environment = Environment::new(folder.join("python"))?;
    let wheel = fs::read_dir(&wheels)?.next().context("no wheel was built")??.path();
    environment.install(&[wheel.as_os_str()])?;
    environment.install(&["--force-reinstall".as_ref(), "--no-deps".as_ref(), wheel.as_os_str()])?;
    environment.install(&TOOLS.map(AsRef::as_ref))?;
    let mut pytest = environment.python();
    pytest.args([
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_bits.py",
        "tests/test_types.py",
    ]);
    pytest.args(["-k", "hypot or functions"]).current_dir(root().join("raptors-python"));
    pytest
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HYPOTHESIS_STORAGE_DIRECTORY", target().join("hypothesis"));
    let said = tee(&mut pytest)?;
    ensure!(said.contains(" passed"), "no test of `hypot` ran");
    run(environment.python().args(["-c", "import raptors; print(raptors.hypot.__doc__)"]))
}

/// A virtual environment.
pub(crate) struct Environment(PathBuf);

impl Environment {
    /// The one with what builds and tests the package, made if it is not there.
    fn with_tools() -> Result<Self> {
        Self::having("python", &TOOLS)
    }

    /// The one of that name with these packages, made if it is not there.
    pub(crate) fn having(name: &str, packages: &[&str]) -> Result<Self> {
        let environment = Self::new(target().join(name))?;
        // Written last: an environment that was left half made is made again.
        let (done, all) = (environment.0.join("raptors-packages"), packages.join("\n"));
        if fs::read_to_string(&done).is_ok_and(|there| there == all) {
            return Ok(environment);
        }
        environment.install(&packages.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        fs::write(done, all)?;
        Ok(environment)
    }

    /// Puts the wheel in, in place of the one that was there.
    pub(crate) fn install_wheel(&self, wheel: &Path) -> Result<()> {
        self.install(&["--force-reinstall".as_ref(), "--no-deps".as_ref(), wheel.as_os_str()])
    }

    /// One in that folder, made if it is not there.
    fn new(folder: PathBuf) -> Result<Self> {
        let environment = Self(folder);
        if succeeds(environment.python().args(["-m", "pip", "--version"])) {
            return Ok(environment);
        }
        let python = python()?;
        let venv = |folder: &Path| {
            command(&python, ["-m", "venv"].map(AsRef::as_ref).into_iter().chain([folder.as_os_str()]))
        };
        if !succeeds(command(&python, ["-c", "import ensurepip, venv"]).env("PYTHONWARNINGS", "ignore")) {
            if is_root()? {
                apt_install(&["python3-venv"])?;
            } else {
                ensure!(
                    succeeds(&mut command(&python, ["-m", "pip", "--version"])),
                    "Python has neither venv nor pip: `sudo apt-get install python3-venv` installs what it lacks"
                );
                run(&mut command(
                    &python,
                    ["-m", "pip", "install", "--user", "--break-system-packages", "virtualenv"],
                ))?;
                run(command(&python, ["-m", "virtualenv"]).arg(&environment.0))?;
                return Ok(environment);
            }
        }
        run(&mut venv(&environment.0))?;
        Ok(environment)
    }

    /// Where a program of it is.
    pub(crate) fn program_path(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }

    fn program(&self, name: &str) -> Command {
        let mut program = command(self.program_path(name), [""; 0]);
        // As if it were activated.
        program.env("VIRTUAL_ENV", &self.0).env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        program
    }

    pub(crate) fn python(&self) -> Command {
        self.program("python")
    }

    pub(crate) fn install(&self, what: &[&std::ffi::OsStr]) -> Result<()> {
        let mut pip = self.python();
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(what);
        run(&mut pip)
    }
}

/// The Python of this machine: that of `PYTHON`, or `python3`, installed if there is none.
fn python() -> Result<PathBuf> {
    let python = env::var_os("PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let version = "import sys; sys.exit(sys.version_info < (3, 11))";
    if crate::run::version(&python).is_none() {
        ensure!(
            is_root()?,
            "`{}` is not there: `sudo apt-get install python3 python3-venv` installs it",
            python.display()
        );
        apt_install(&["python3", "python3-venv"])?;
    }
    ensure!(
        succeeds(&mut command(&python, ["-c", version])),
        "`{}` has to be Python 3.11 or newer (the variable PYTHON names another one)",
        python.display()
    );
    Ok(python)
}

fn is_root() -> Result<bool> {
    Ok(read(&mut command("id", ["-u"])).context("whose process is this?")?.trim() == "0")
}

/// Whether it can be run and ends well, out of view.
fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
