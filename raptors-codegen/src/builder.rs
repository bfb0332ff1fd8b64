//! All stages in a row, from folders of specs to files: what a build script calls.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    diagnostics::{Diagnostics, Source},
    emit::{self, File},
    expand::expand,
    op::Op,
    select::select,
    spec,
};

/// Reads specs and writes the files of a build.
#[derive(Clone, Debug)]
pub struct Builder {
    specs: PathBuf,
    shown_as: String,
    overlay: Option<PathBuf>,
    out: PathBuf,
    copy: Option<PathBuf>,
    candidates: bool,
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
        meaning: "A folder of specs that add to those of the crate, or replace those of the same name.",
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
            candidates: false,
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

    /// Whether candidates that do not ship are written too.
    #[must_use]
    pub const fn candidates(mut self, candidates: bool) -> Self {
        self.candidates = candidates;
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
        let sources = self.sources(&mut built)?;
        let files = if self.python { python(&sources) } else { generate(&sources, self.candidates) };
        let files = files.map_err(Error::Specs)?;
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

    fn sources(&self, built: &mut Built) -> Result<Vec<Source>, Error> {
        let read = |folder: &Path, shown_as: &str| spec::load_dir(folder, shown_as).map_err(Error::Read);
        built.inputs.push(self.specs.clone());
        let base = read(&self.specs, &self.shown_as)?;
        let Some(overlay) = &self.overlay else { return Ok(base) };
        built.inputs.push(overlay.clone());
        let extra = spec::load_dir(overlay, &overlay.display().to_string()).map_err(|error| {
            Error::Read(io::Error::new(
                error.kind(),
                format!("the overlay of specs (RAPTORS_SPECS): {error}"),
            ))
        })?;
        Ok(spec::overlay(base, extra))
    }
}

/// Every file of a build from the texts of its specs.
///
/// # Errors
/// Everything that is wrong with the specs.
pub fn generate(sources: &[Source], with_candidates: bool) -> Result<Vec<File>, Diagnostics> {
    let specs = spec::load(sources)?;
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops)?;
    let tables = select(&ops, &candidates);
    Ok(emit::emit(&ops, &candidates, &tables, with_candidates))
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
