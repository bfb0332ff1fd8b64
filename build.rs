//! Compiles the specs: environment in, files in `OUT_DIR` and diagnostics out. All logic is in `raptors_codegen`.

use std::{env, process::ExitCode};

use raptors_codegen::{Builder, VARIABLES};

fn main() -> ExitCode {
    for variable in VARIABLES {
        println!("cargo::rerun-if-env-changed={}", variable.name);
    }
    println!("cargo::rerun-if-changed=kernel-specs/ops");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let built = Builder::new("kernel-specs/ops", "kernel-specs/ops", out)
        .environment()
        .candidates(env::var_os("CARGO_FEATURE_CANDIDATES").is_some())
        .build();
    match built {
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
