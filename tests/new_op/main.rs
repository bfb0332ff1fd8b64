//! One file adds an operation: a copy of this repository gets a spec, is built, and the operation is called.
//!
//! The copy and its build stay under the target folder, so that the next run has little to compile.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const HYPOT: &str = r#"summary = "Length of the hypotenuse, element by element."
inputs  = { x = "matrix", y = "matrix" }
output  = "sqrt(x * x + y * y)"
dtypes  = ["f32", "f64"]
"#;

/// A package of two programs outside the copy, which depends on it as anybody's would.
const CALLERS: [(&str, &str); 3] = [
    (
        "callers/Cargo.toml",
        "[package]\nname = \"callers\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nraptors = { path = \"../copy\" }\n\n[workspace]\n",
    ),
    ("callers/src/bin/hypot.rs", include_str!("callers/hypot.rs")),
    ("callers/src/bin/list.rs", include_str!("callers/list.rs")),
];

/// A folder whose files are just those asked for; what has not changed is not touched.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// The copy, and the package that calls it.
    fn new() -> Self {
        let scratch = Self { folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-op") };
        let mut files = BTreeMap::new();
        read_all(Path::new(env!("CARGO_MANIFEST_DIR")), Path::new("copy"), &mut files);
        assert!(
            files.contains_key(Path::new("copy/kernel-specs/ops/scale.toml")),
            "this is not the repository"
        );
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

    fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder can be written");
        fs::write(path, bytes).expect("the folder can be written");
    }

    /// Runs one of the programs, built if need be, under these variables.
    fn run(&self, arguments: &[&str], variables: &[(&str, PathBuf)]) -> Run {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(self.folder.join("callers")).args(["run", "--verbose", "--offline", "--bin"]);
        command.args(arguments);
        for variable in ["RAPTORS_SPECS", "RAPTORS_GENERATED_DIR", "RAPTORS_SIMD", "CARGO_BUILD_TARGET"] {
            command.env_remove(variable);
        }
        command.env("CARGO_TARGET_DIR", self.folder.join("target")).env("CARGO_PROFILE_DEV_DEBUG", "false");
        command.env("CARGO_TERM_COLOR", "never").env("RUST_BACKTRACE", "1");
        // Every build has it, since a change of a variable is a reason to build again.
        command.env("RAPTORS_GENERATED_DIR", self.generated());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let Output { status, stdout, stderr } = command.output().expect("cargo runs");
        let text = |bytes| String::from_utf8(bytes).expect("cargo writes UTF-8");
        Run { passed: status.success(), said: text(stdout), log: text(stderr) }
    }

    fn generated(&self) -> PathBuf {
        self.folder.join("generated")
    }
}

/// What a program said, and what cargo did to run it.
struct Run {
    passed: bool,
    said: String,
    log: String,
}

impl Run {
    fn passed(self) -> Self {
        assert!(self.passed, "{}{}", self.said, self.log);
        self
    }

    /// Whether cargo compiled the library anew, and with it ran the build script.
    fn rebuilt(&self) -> bool {
        let has = |word: &str| self.log.lines().any(|line| line.trim_start().starts_with(word));
        let (fresh, dirty) = (has("Fresh raptors v"), has("Compiling raptors v") || has("Dirty raptors v"));
        assert!(fresh != dirty, "{}", self.log);
        let ran_script =
            self.log.lines().any(|line| line.contains("Running") && line.contains("build-script-build"));
        assert!(!(fresh && ran_script), "the build script ran for nothing:\n{}", self.log);
        dirty
    }

    fn lists(&self, op: &str) -> bool {
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

#[test]
fn one_file_adds_an_operation() {
    let scratch = Scratch::new();
    let spec = "copy/kernel-specs/ops/hypot.toml";

    // The repository as it is.
    let run = scratch.run(&["list"], &[]).passed();
    assert!(run.lists("scale") && !run.lists("hypot"), "{}", run.said);
    let run = scratch.run(&["list"], &[]).passed();
    assert!(!run.rebuilt(), "built again for nothing:\n{}", run.log);

    // A new spec file and nothing else.
    scratch.write(spec, HYPOT);
    let run = scratch.run(&["hypot"], &[]).passed();
    assert!(run.rebuilt(), "{}", run.log);
    assert_eq!(run.said, "hypot is right\n");
    let generated = |file: &str| {
        fs::read_to_string(scratch.generated().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    assert!(generated("ops.rs").contains("pub fn hypot_inplace<"));
    assert!(generated("catalogue.rs").contains("hypot_f64_portable_u"));
    let kernels = fs::read_dir(scratch.generated()).expect("it was just written").filter(|entry| {
        let path = entry.as_ref().expect("a readable folder").path();
        fs::read_to_string(path).expect("text").contains("// kernel-specs/ops/hypot.toml:3")
    });
    assert!(kernels.count() > 2, "each generated kernel names its spec");

    // A changed one that is wrong: cargo shows the message, and no word of panics.
    scratch.write(spec, HYPOT.replace("y * y", "z * y"));
    let run = scratch.run(&["hypot"], &[]);
    assert!(!run.passed, "{}", run.said);
    let (_, message) = run.log.split_once("--- stderr").expect("the build script said something");
    assert!(message.contains("error[unknown-name]: there is no `z`"), "{message}");
    assert!(message.contains("--> kernel-specs/ops/hypot.toml:3:25"), "{message}");
    for word in ["panicked", "backtrace", "build.rs"] {
        assert!(!message.contains(word), "`{word}` in:\n{message}");
    }

    // An overlay adds an operation, and replaces this one, whatever is wrong with it.
    let overlay = scratch.folder.join("overlay");
    scratch.write("overlay/hypot.toml", HYPOT.replace("Length of", "Once more"));
    let twice =
        "summary = \"Twice as much.\"\ninputs = { x = \"matrix\" }\noutput = \"x + x\"\ndtypes = [\"f64\"]\n";
    scratch.write("overlay/twice.toml", twice);
    let run = scratch.run(&["list", "--", "twice"], &[("RAPTORS_SPECS", overlay)]).passed();
    assert!(run.rebuilt(), "{}", run.log);
    assert!(
        run.said.contains("twice: Twice as much.\n") && run.said.ends_with("twice: [2.0, 4.0, 6.0]\n"),
        "{}",
        run.said
    );
    assert!(run.said.contains("hypot: Once more the hypotenuse, element by element.\n"), "{}", run.said);

    // Without the file and the overlay, all is as it was.
    fs::remove_file(scratch.folder.join(spec)).expect("it was written above");
    let run = scratch.run(&["list"], &[]).passed();
    assert!(run.rebuilt(), "{}", run.log);
    assert!(run.lists("scale") && !run.lists("hypot") && !run.lists("twice"), "{}", run.said);
}
