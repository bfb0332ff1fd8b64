//! Golden files: what is generated, kept to be read and compared: kernels and diagnostics of the compiler of specs, and
//! the page of environment variables.

use anyhow::Result;

use crate::run::{cargo, run};

/// The tests that compare golden files, or write them.
const TESTS: [&[&str]; 2] = [
    &["test", "--package", "raptors-codegen"],
    &["test", "--package", "raptors-cli", "--test", "environment"],
];

/// Fails if anything else is generated than the golden files say.
pub(crate) fn check() -> Result<()> {
    TESTS.iter().try_for_each(|test| run(cargo(*test).env_remove("RAPTORS_BLESS")))
}

/// Writes the golden files anew, and the compiler's words on kernels that the attribute refuses. What changed is then to
/// be read in the diff, not taken on trust.
pub(crate) fn bless() -> Result<()> {
    TESTS.iter().try_for_each(|test| run(cargo(*test).env("RAPTORS_BLESS", "1")))?;
    run(cargo(["test", "--package", "raptors-macros", "--test", "ui"]).env("TRYBUILD", "overwrite"))
}
