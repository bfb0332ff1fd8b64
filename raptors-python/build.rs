//! Compiles the specs to Python functions: environment in, files in `OUT_DIR` and diagnostics out. All logic is in
//! `raptors_codegen`.

use std::{env, process::ExitCode};

use raptors_codegen::{Builder, VARIABLES};

fn main() -> ExitCode {
    for variable in VARIABLES {
        println!("cargo::rerun-if-env-changed={}", variable.name);
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    match Builder::new("../kernel-specs/ops", "kernel-specs/ops", out).environment().python().build() {
        Ok(built) => {
            for input in built.inputs {
                println!("cargo::rerun-if-changed={}", input.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\n{error}");
            ExitCode::FAILURE
        }
    }
}
