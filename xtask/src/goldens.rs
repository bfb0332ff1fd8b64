//! Golden files: what the compiler of specs produces, kept to be read and compared.

use anyhow::Result;

use crate::run::{cargo, run};

/// Fails if the compiler of specs produces anything else than the golden files say.
pub(crate) fn check() -> Result<()> {
    run(cargo(["test", "--package", "raptors-codegen"]).env_remove("RAPTORS_BLESS"))
}

/// Writes the golden files anew. What changed is then to be read in the diff, not taken on trust.
pub(crate) fn bless() -> Result<()> {
    run(cargo(["test", "--package", "raptors-codegen"]).env("RAPTORS_BLESS", "1"))
}
