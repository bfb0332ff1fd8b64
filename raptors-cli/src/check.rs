//! `raptors check`: specs, checked without a build.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use raptors_codegen::{
    diagnostics::{Diagnostics, Source},
    expand::expand,
    op::Op,
    spec,
};

use crate::output::count;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of specs
    #[arg(value_name = "DIR", default_value = "kernel-specs/ops")]
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let sources = read(&arguments.folder)?;
    let Found { operations, kernels, dropped } = check(&sources)?;
    writeln!(out, "{}, {}, {dropped} dropped", count(operations, "operation"), count(kernels, "kernel"))?;
    Ok(())
}

fn read(folder: &Path) -> anyhow::Result<Vec<Source>> {
    if !folder.is_dir() {
        bail!("no folder of specs at {}", folder.display());
    }
    let sources = spec::load_dir(folder, &folder.display().to_string()).context("specs cannot be read")?;
    if sources.is_empty() {
        bail!("no specs (*.toml) in {}", folder.display());
    }
    Ok(sources)
}

struct Found {
    operations: usize,
    kernels: usize,
    dropped: usize,
}

fn check(sources: &[Source]) -> Result<Found, Diagnostics> {
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
        (Ok(_), Ok(candidates)) => {
            let dropped = candidates.iter().filter(|candidate| candidate.dropped.is_some()).count();
            Ok(Found { operations: ops.len(), kernels: candidates.len() - dropped, dropped })
        }
        (loaded, expanded) => {
            let found = [loaded.err(), expanded.err()].into_iter().flatten();
            Err(Diagnostics::new(found.flat_map(|found| found.all().to_vec()).collect()))
        }
    }
}
