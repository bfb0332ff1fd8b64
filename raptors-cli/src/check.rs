//! `raptors check`: specs, checked without a build.

use std::{io::Write, path::PathBuf};

use raptors_codegen::{Error, check_folder};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of specs
    #[arg(value_name = "DIR", default_value = "kernel-specs/ops")]
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let summary = check_folder(&arguments.folder).map_err(|error| match error {
        Error::Specs(diagnostics) => anyhow::Error::new(diagnostics),
        Error::Read(error) | Error::Write(_, error) => anyhow::Error::new(error),
    })?;
    writeln!(out, "{summary}")?;
    Ok(())
}
