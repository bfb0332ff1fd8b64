//! All stages in a row, from folders of specs to files: what a build script calls.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    backends::Listed,
    diagnostics::{Diagnostics, Source},
    emit::{self, Build, File},
    expand::expand,
    op::{Op, StagedOp},
    profiles,
    select::select,
    spec::{self, Spec},
};

/// Reads specs and writes the files of a build.
#[derive(Clone, Debug)]
pub struct Builder {
    specs: PathBuf,
    shown_as: String,
    overlay: Option<PathBuf>,
    out: PathBuf,
    copy: Option<PathBuf>,
    profiles: Option<(PathBuf, String)>,
    families: Option<Vec<String>>,
    backends: Vec<String>,
    carry: Carry,
    arch: Option<String>,
    python: bool,
}

/// An environment variable that a build obeys. A build script watches it.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub values: &'static str,
    /// What holds if it is not set.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Obeys it. Being part of the table, it is there for each.
    set: fn(&mut Builder, PathBuf),
}

/// Every variable that a build obeys.
pub const VARIABLES: [Variable; 2] = [
    Variable {
        name: "RAPTORS_SPECS",
        values: "the absolute path of a folder",
        default: "no folder",
        meaning: "A folder of specs that add to those of the crate, or replace those of the same name; and in its folder \
                  `tuned` of profiles that do.",
        set: |builder, folder| builder.overlay = Some(folder),
    },
    Variable {
        name: "RAPTORS_GENERATED_DIR",
        values: "the absolute path of a folder",
        default: "no folder",
        meaning: "A folder that gets a copy of the generated files, to be read.",
        set: |builder, folder| builder.copy = Some(folder),
    },
];

/// What a build read, for a build script to watch.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Folders and files that decide the result.
    pub inputs: Vec<PathBuf>,
    /// Files written because they were missing or different.
    pub written: usize,
    /// What a person should know, a line each.
    pub warnings: Vec<String>,
}

/// Why there is no result.
#[derive(Debug)]
pub enum Error {
    /// Specs that are wrong.
    Specs(Diagnostics),
    /// Specs that cannot be read; the error names which.
    Read(io::Error),
    /// A file or folder that cannot be written.
    Write(PathBuf, io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Specs(diagnostics) => diagnostics.fmt(f),
            Self::Read(error) => write!(f, "error: {error}"),
            Self::Write(path, error) => write!(f, "error: {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Specs(diagnostics) => Some(diagnostics),
            Self::Read(error) | Self::Write(_, error) => Some(error),
        }
    }
}

impl Builder {
    /// From the specs in a folder, which messages call `shown_as`, to files in another one.
    #[must_use]
    pub fn new(specs: impl Into<PathBuf>, shown_as: &str, out: impl Into<PathBuf>) -> Self {
        Self {
            specs: specs.into(),
            shown_as: shown_as.to_owned(),
            overlay: None,
            out: out.into(),
            copy: None,
            profiles: None,
            families: None,
            backends: Vec::new(),
            carry: Carry::default(),
            arch: None,
            python: false,
        }
    }

    /// Takes from the environment what [`VARIABLES`] lists. One that is empty is not set.
    #[must_use]
    pub fn environment(mut self) -> Self {
        for variable in &VARIABLES {
            if let Some(value) = env::var_os(variable.name).filter(|value| !value.is_empty()) {
                (variable.set)(&mut self, value.into());
            }
        }
        self
    }

    /// Adds a folder of specs that add to or replace those of the build.
    #[must_use]
    pub fn overlay(mut self, folder: impl Into<PathBuf>) -> Self {
        self.overlay = Some(folder.into());
        self
    }

    /// With the profiles in a folder, which messages call `shown_as`. If there is no such folder, there are none.
    #[must_use]
    pub fn profiles(mut self, folder: impl Into<PathBuf>, shown_as: &str) -> Self {
        self.profiles = Some((folder.into(), shown_as.to_owned()));
        self
    }

    /// With operations of these families alone, and with those of none. Without a call of this, with all.
    #[must_use]
    pub fn families(mut self, families: Vec<String>) -> Self {
        self.families = Some(families);
        self
    }

    /// With the routines of these backends, by their names. Without a call of this, with none.
    #[must_use]
    pub fn backends(mut self, backends: Vec<String>) -> Self {
        self.backends = backends;
        self
    }

    /// Which candidates that do not ship are written too.
    #[must_use]
    pub const fn carry(mut self, carry: Carry) -> Self {
        self.carry = carry;
        self
    }

    /// Writes kernels of the instruction sets of that architecture alone (`target_arch` as Cargo has it), and those that
    /// run anywhere. The catalogue lists all of them all the same.
    #[must_use]
    pub fn arch(mut self, arch: impl Into<String>) -> Self {
        self.arch = Some(arch.into());
        self
    }

    /// Writes the functions of the Python package, and their types, in the place of the library's files.
    #[must_use]
    pub const fn python(mut self) -> Self {
        self.python = true;
        self
    }

    /// Runs every stage. Nothing is written if a spec is wrong, and no file is touched that would not change.
    ///
    /// # Errors
    /// [`Error::Specs`] with everything that is wrong; [`Error::Read`] and [`Error::Write`] with the path.
    pub fn build(&self) -> Result<Built, Error> {
        let mut built = Built::default();
        let input = self.input(&mut built)?;
        let files = if self.python {
            python(&input.specs).map_err(Error::Specs)?
        } else {
            let output = generate(&input).map_err(Error::Specs)?;
            built.warnings = output.warnings;
            output.files
        };
        for folder in std::iter::once(&self.out).chain(&self.copy) {
            fs::create_dir_all(folder).map_err(|error| Error::Write(folder.clone(), error))?;
            if !self.python {
                remove_stale(folder, &files).map_err(|error| Error::Write(folder.clone(), error))?;
            }
            for file in &files {
                let path = folder.join(&file.name);
                built.written += usize::from(
                    write_if_changed(&path, &file.text).map_err(|error| Error::Write(path.clone(), error))?,
                );
            }
        }
        Ok(built)
    }

    fn input(&self, built: &mut Built) -> Result<Input, Error> {
        let read = |folder: &Path, shown_as: &str| spec::load_dir(folder, shown_as).map_err(Error::Read);
        let (families, arch) = (self.families.clone(), self.arch.clone());
        let backends = self.backends.clone();
        let mut input = Input { families, backends, carry: self.carry, arch, ..Input::default() };
        built.inputs.push(self.specs.clone());
        input.specs = read(&self.specs, &self.shown_as)?;
        if let Some((folder, shown_as)) = &self.profiles
            && folder.is_dir()
        {
            built.inputs.push(folder.clone());
            input.profiles = read(folder, shown_as)?;
        }
        let Some(overlay) = &self.overlay else { return Ok(input) };
        built.inputs.push(overlay.clone());
        let extra = spec::load_dir(overlay, &overlay.display().to_string()).map_err(|error| {
            Error::Read(io::Error::new(
                error.kind(),
                format!("the overlay of specs (RAPTORS_SPECS): {error}"),
            ))
        })?;
        input.replaced = extra.iter().map(|source| source.stem().to_owned()).collect();
        input.specs = spec::overlay(input.specs, extra);
        let tuned = overlay.join("tuned");
        if tuned.is_dir() {
            let extra = read(&tuned, &tuned.display().to_string())?;
            input.overlaid = extra.iter().map(|source| source.stem().to_owned()).collect();
            input.profiles = spec::overlay(input.profiles, extra);
        }
        Ok(input)
    }
}

/// What a build is made from.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The specs.
    pub specs: Vec<Source>,
    /// The profiles.
    pub profiles: Vec<Source>,
    /// Names of specs that came with an overlay: of these, profiles that did not may know other kernels.
    pub replaced: Vec<String>,
    /// Names of profiles that came with an overlay.
    pub overlaid: Vec<String>,
    /// The families of operations that are built; `None` for all.
    pub families: Option<Vec<String>>,
    /// The backends whose routines are in the build, by their names.
    pub backends: Vec<String>,
    /// Which candidates that do not ship are written too.
    pub carry: Carry,
    /// The architecture that kernels are written for: all if it is not given.
    pub arch: Option<String>,
}

/// What a build comes to.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its files.
    pub files: Vec<File>,
    /// What a person should know, a line each.
    pub warnings: Vec<String>,
}

/// Which kernels that no row names are compiled all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carry {
    /// None: what a library needs.
    #[default]
    Winners,
    /// All: for tests, the tournament, and builds in which a user's profile can choose among them.
    All,
}

/// Every file of a build.
///
/// # Errors
/// Everything that is wrong with the specs; or, if nothing is, with the profiles.
pub fn generate(input: &Input) -> Result<Output, Diagnostics> {
    let mut specs = spec::load(&input.specs)?;
    for spec in &mut specs {
        with_backends(spec, &input.backends);
    }
    let (specs, others) = of_families(specs, input.families.as_deref());
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops)?;
    let mut tables = select(&expanded);
    let mut profiles = profiles::load(input)?;
    let is_built = |of: &str| ops.iter().any(|op| op.computation.name == of);
    for other in &Op::of_specs(&others) {
        let name = &other.computation.name;
        for loaded in &mut profiles {
            if is_built(name) {
                loaded.partial.push(name.clone());
            } else {
                loaded.profile.forget(name);
            }
        }
    }
    let warnings = profiles::apply(&mut tables, &expanded.candidates, &profiles)?;
    let staged = StagedOp::of_specs(&specs);
    let build =
        Build { ops: &ops, staged: &staged, expanded: &expanded, tables: &tables, profiles: &profiles };
    let files = emit::emit(&build, input.carry, input.arch.as_deref());
    Ok(Output { files, warnings })
}

/// Has the routines compete that are of backends of the build.
fn with_backends(spec: &mut Spec, on: &[String]) {
    let is_on = |listed: &&Listed| on.iter().any(|name| name == listed.backend.name);
    spec.backends = spec.listed.iter().filter(is_on).copied().collect();
    if let spec::Body::Staged(staged) = &mut spec.body {
        for part in &mut staged.parts {
            with_backends(part, on);
        }
    }
}

/// The specs that are built with these families, and the others. All were checked: that a family is off hides no mistake.
fn of_families(specs: Vec<Spec>, families: Option<&[String]>) -> (Vec<Spec>, Vec<Spec>) {
    specs.into_iter().partition(|spec| match (spec.family, families) {
        (Some(family), Some(families)) => families.iter().any(|on| on == family),
        _ => true,
    })
}

/// The files of the Python package from the texts of the specs.
///
/// # Errors
/// Everything that is wrong with the specs.
pub fn python(sources: &[Source]) -> Result<Vec<File>, Diagnostics> {
    let specs = spec::load(sources)?;
    // What cannot become kernels has no function either.
    expand(&Op::of_specs(&specs))?;
    Ok(emit::python::emit(&specs))
}

/// Removes files of kernels that an earlier build wrote and this one does not.
fn remove_stale(folder: &Path, files: &[File]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with("kernels_")
            && Path::new(&name).extension().is_some_and(|extension| extension == "rs")
            && fs::read_to_string(entry.path())
                .is_ok_and(|text| text.contains("Generated by raptors-codegen"));
        if is_ours && files.iter().all(|file| file.name != name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_if_changed(path: &Path, text: &str) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(false);
    }
    fs::write(path, text)?;
    Ok(true)
}
