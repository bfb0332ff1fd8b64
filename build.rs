//! Compiles the specs: environment in, files in `OUT_DIR` and diagnostics out. All logic is in `raptors_codegen`.

use std::{
    env,
    process::{Command, ExitCode},
};

use raptors_codegen::{Builder, Carry, VARIABLES, backends, spec::FAMILIES};

fn main() -> ExitCode {
    for variable in VARIABLES {
        println!("cargo::rerun-if-env-changed={}", variable.name);
    }
    // Both folders in it, and that one comes to be.
    println!("cargo::rerun-if-changed=kernel-specs");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some();
    let carries = feature("candidates") || feature("tunable");
    let carry = if carries { Carry::All } else { Carry::Winners };
    if feature("tune") {
        // Profiles name it: another compiler's kernels may be faster or slower.
        println!("cargo::rustc-env=RAPTORS_RUSTC={}", compiler());
    }
    let vendor = env::var("CARGO_CFG_TARGET_VENDOR").unwrap_or_default();
    let backends = backends::ALL.into_iter().filter(|backend| backend.is_in(feature, &vendor));
    let built = Builder::new("kernel-specs/ops", "kernel-specs/ops", out)
        .environment()
        .profiles("kernel-specs/tuned", "kernel-specs/tuned")
        .families(FAMILIES.into_iter().filter(|family| feature(family)).map(str::to_owned).collect())
        .backends(backends.map(|backend| backend.name.to_owned()).collect())
        .carry(carry)
        .arch(env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH"))
        .build();
    match built {
        Ok(built) => {
            for warning in built.warnings {
                println!("cargo::warning={warning}");
            }
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

/// The compiler's version, as `1.95.0`.
fn compiler() -> String {
    let compiler = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let said = Command::new(compiler).arg("--version").output();
    let said = said.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = said.and_then(|said| Some(said.split_whitespace().nth(1)?.to_owned()));
    version.unwrap_or_else(|| "unknown".to_owned())
}
