//! Checks a folder of specs, and the profiles beside it, without building anything.

use std::{fmt, io, path::Path};

use crate::{
    builder::{Error, Input},
    diagnostics::Diagnostics,
    expand::expand,
    op::{Op, StagedOp},
    profiles,
    select::select,
    spec::{self, Source},
};

/// What a folder of right specs makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Operations.
    pub operations: usize,
    /// Kernels that some ISA holds.
    pub kernels: usize,
    /// Combinations that their ISA cannot hold.
    pub dropped: usize,
    /// Profiles of processors.
    pub profiles: usize,
    /// What a person should know of these, a line each.
    pub warnings: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, kernels, dropped, profiles, warnings } = self;
        for warning in warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(
            f,
            "{operations} operation{}, {kernels} kernel{}, {dropped} dropped",
            plural(*operations),
            plural(*kernels)
        )?;
        if *profiles > 0 { write!(f, "; {profiles} profile{}", plural(*profiles)) } else { Ok(()) }
    }
}

/// Checks the specs in a folder, and what their variants come to; and the profiles in the folder `tuned` beside it, if
/// there is one.
///
/// # Errors
/// [`Error::Read`] if there is no such folder or no spec in it; [`Error::Specs`] with everything that is wrong.
pub fn check_folder(folder: &Path) -> Result<Summary, Error> {
    let missing = |what: &str| {
        Error::Read(io::Error::new(io::ErrorKind::NotFound, format!("{what} {}", folder.display())))
    };
    if !folder.is_dir() {
        return Err(missing("no folder of specs at"));
    }
    let sources = spec::load_dir(folder, &folder.display().to_string()).map_err(Error::Read)?;
    if sources.is_empty() {
        return Err(missing("no specs (*.toml) in"));
    }
    let tuned = folder.canonicalize().map_err(Error::Read)?.with_file_name("tuned");
    let shown_as = folder.with_file_name("tuned").display().to_string();
    let profiles =
        if tuned.is_dir() { spec::load_dir(&tuned, &shown_as).map_err(Error::Read)? } else { Vec::new() };
    check(&sources, profiles).map_err(Error::Specs)
}

fn check(sources: &[Source], profiles: Vec<Source>) -> Result<Summary, Diagnostics> {
    let loaded = spec::load(sources);
    let specs = match &loaded {
        Ok(specs) => specs.clone(),
        // Those that are right in themselves are expanded all the same, so that every error comes at once.
        Err(_) => sources
            .iter()
            .filter_map(|source| spec::load(std::slice::from_ref(source)).ok())
            .flatten()
            .collect(),
    };
    let ops = Op::of_specs(&specs);
    match (loaded, expand(&ops)) {
        (Ok(_), Ok(expanded)) => {
            let candidates = &expanded.candidates;
            let dropped = candidates.iter().filter(|candidate| candidate.dropped.is_some()).count();
            let profiles = profiles::load(&Input { profiles, ..Input::default() })?;
            let warnings = profiles::apply(&mut select(&expanded), candidates, &profiles)?;
            Ok(Summary {
                operations: ops.iter().filter(|op| !op.is_part()).count() + StagedOp::of_specs(&specs).len(),
                kernels: candidates.len() - dropped,
                dropped,
                profiles: profiles.len(),
                warnings,
            })
        }
        (loaded, expanded) => {
            let found = [loaded.err(), expanded.err()].into_iter().flatten();
            Err(Diagnostics::new(found.flat_map(|found| found.all().to_vec()).collect()))
        }
    }
}
