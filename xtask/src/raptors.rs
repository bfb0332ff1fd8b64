//! What `cargo raptors` is in this repository: the command, built when it is out of date, and run.
//!
//! But `check` runs right here. The command holds the library, and that is not built while one of its specs is wrong,
//! which is just when somebody wants to know what.

use std::{env, ffi::OsString, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use raptors_codegen::{Error, check_folder};

use crate::run::{cargo, root};

/// Runs the command with these arguments, and ends as it does.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    match arguments {
        [check] if check == "check" => {
            env::set_current_dir(root())?;
            Ok(checked("kernel-specs/ops".as_ref()))
        }
        [check, folder] if check == "check" && !folder.as_encoded_bytes().starts_with(b"-") => {
            Ok(checked(folder.as_ref()))
        }
        _ => {
            let mut command =
                cargo(["run", "--release", "--quiet", "--package", "raptors-cli", "--bin", "raptors"]);
            let status = command.arg("--").args(arguments).status().context("cargo cannot be run")?;
            Ok(status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .map_or(ExitCode::FAILURE, ExitCode::from))
        }
    }
}

fn checked(folder: &Path) -> ExitCode {
    match check_folder(folder) {
        Ok(summary) => {
            println!("{summary}");
            return ExitCode::SUCCESS;
        }
        Err(Error::Specs(diagnostics)) => eprintln!("{diagnostics}"),
        Err(error) => eprintln!("{error}"),
    }
    ExitCode::FAILURE
}
