//! A copy of this repository, and programs that call it.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A package of programs outside the copy, which depends on it as anybody's would.
const CALLERS: [(&str, &str); 5] = [
    (
        "callers/Cargo.toml",
        "[package]\nname = \"callers\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nraptors = { path = \"../copy\" }\n\n[features]\ntunable = [\"raptors/tunable\"]\n\n\
         [workspace]\n",
    ),
    ("callers/src/bin/hypot.rs", include_str!("callers/hypot.rs")),
    ("callers/src/bin/explain.rs", include_str!("callers/explain.rs")),
    ("callers/src/bin/list.rs", include_str!("callers/list.rs")),
    ("callers/src/bin/names.rs", include_str!("callers/names.rs")),
];

/// A folder whose files are just those asked for; what has not changed is not touched.
pub(crate) struct Scratch {
    pub(crate) folder: PathBuf,
}

impl Scratch {
    /// The copy, with those of its files that are wanted, and the package that calls it.
    pub(crate) fn new(name: &str, wanted: fn(&Path) -> bool) -> Self {
        let scratch = Self { folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name) };
        let mut files = BTreeMap::new();
        read_all(Path::new(env!("CARGO_MANIFEST_DIR")), Path::new("copy"), &mut files);
        assert!(
            files.contains_key(Path::new("copy/kernel-specs/ops/scale.toml")),
            "this is not the repository"
        );
        files.retain(|path, _| wanted(path));
        for (path, text) in CALLERS {
            files.insert(path.into(), text.into());
        }
        // The same versions of everything, which are here already.
        files.insert("callers/Cargo.lock".into(), files[Path::new("copy/Cargo.lock")].clone());
        let mut old = BTreeMap::new();
        for part in ["copy", "callers"] {
            read_all(&scratch.folder.join(part), Path::new(part), &mut old);
        }
        for path in old.keys().filter(|path| !files.contains_key(*path)) {
            fs::remove_file(scratch.folder.join(path)).expect("it was just read");
        }
        for (path, bytes) in &files {
            // Cargo adds the callers to their lock file.
            if old.get(path) != Some(bytes)
                && !(path.ends_with("callers/Cargo.lock") && old.contains_key(path))
            {
                scratch.write(path, bytes);
            }
        }
        scratch
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder can be written");
        fs::write(path, bytes).expect("the folder can be written");
    }

    /// Runs one of the programs, built if need be, under these variables.
    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, PathBuf)]) -> Run {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(self.folder.join("callers")).args(["run", "--verbose", "--offline", "--bin"]);
        self.carry_out(command.args(arguments), variables)
    }

    /// Checks the crate of the Python package in the copy, under these variables.
    pub(crate) fn check_python(&self, variables: &[(&str, PathBuf)]) -> Run {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(self.folder.join("copy"));
        command.args(["check", "--offline", "--locked", "--package", "raptors-python"]);
        self.carry_out(&mut command, variables)
    }

    fn carry_out(&self, command: &mut Command, variables: &[(&str, PathBuf)]) -> Run {
        for variable in [
            "RAPTORS_SPECS",
            "RAPTORS_GENERATED_DIR",
            "RAPTORS_SIMD",
            "RAPTORS_PROFILE",
            "CARGO_BUILD_TARGET",
        ] {
            command.env_remove(variable);
        }
        command.env("CARGO_TARGET_DIR", self.folder.join("target")).env("CARGO_PROFILE_DEV_DEBUG", "false");
        // Incremental builds would keep gigabytes for the next run.
        command.env("CARGO_INCREMENTAL", "0").env("CARGO_TERM_COLOR", "never").env("RUST_BACKTRACE", "1");
        // Every build has it, since a change of a variable is a reason to build again.
        command.env("RAPTORS_GENERATED_DIR", self.generated());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let Output { status, stdout, stderr } = command.output().expect("cargo runs");
        let text = |bytes| String::from_utf8(bytes).expect("cargo writes UTF-8");
        Run { passed: status.success(), said: text(stdout), log: text(stderr) }
    }

    pub(crate) fn generated(&self) -> PathBuf {
        self.folder.join("generated")
    }
}

/// What a program said, and what cargo did to run it.
pub(crate) struct Run {
    pub(crate) passed: bool,
    pub(crate) said: String,
    pub(crate) log: String,
}

impl Run {
    pub(crate) fn passed(self) -> Self {
        assert!(self.passed, "{}{}", self.said, self.log);
        self
    }

    /// Whether cargo compiled the library anew, and with it ran the build script.
    pub(crate) fn rebuilt(&self) -> bool {
        let has = |word: &str| self.log.lines().any(|line| line.trim_start().starts_with(word));
        let (fresh, dirty) = (has("Fresh raptors v"), has("Compiling raptors v") || has("Dirty raptors v"));
        assert!(fresh != dirty, "{}", self.log);
        let ran_script =
            self.log.lines().any(|line| line.contains("Running") && line.contains("build-script-build"));
        assert!(!(fresh && ran_script), "the build script ran for nothing:\n{}", self.log);
        dirty
    }

    pub(crate) fn lists(&self, op: &str) -> bool {
        self.said.lines().any(|line| line.split(':').next() == Some(op))
    }
}

/// Every file below a folder, by its path there, but hidden ones and what was built.
fn read_all(folder: &Path, shown_as: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("an entry has a name").to_owned();
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            read_all(&path, &shown_as.join(name), files);
        } else if let Ok(bytes) = fs::read(&path) {
            files.insert(shown_as.join(name), bytes);
        }
    }
}
