//! Tools that a bare machine lacks.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::run::{cargo, command, read, run, target, version};

/// The emulator of x86-64 machines other than this one.
pub(crate) const QEMU: &str = "qemu-x86_64-static";

/// Installs the emulator through apt-get, unless it is there.
pub(crate) fn qemu() -> Result<()> {
    if let Some(version) = version(QEMU) {
        println!("{version}");
        return Ok(());
    }
    ensure!(
        read(&mut command("id", ["-u"]))?.trim() == "0",
        "{QEMU} is missing and only root can install it: apt-get install qemu-user-static"
    );
    apt_get(&["qemu-user-static"])
}

/// Installs packages of Debian's, as root.
pub(crate) fn apt_get(packages: &[&str]) -> Result<()> {
    run(&mut command("apt-get", ["update", "--quiet"]))?;
    let mut install = command("apt-get", ["install", "--quiet", "--yes", "--no-install-recommends"]);
    run(install.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The cargo-deny that `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// The path of cargo-deny, which is installed into the target folder unless it is there or on the path.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let tools = target().join("tools");
    let wanted = format!("cargo-deny {CARGO_DENY}");
    for program in ["cargo-deny".into(), tools.join("bin/cargo-deny")] {
        if version(&program).is_some_and(|version| version == wanted) {
            return Ok(program);
        }
    }
    // It reads a few hundred manifests: the time of an optimized build would never come back.
    let mut install =
        cargo(["install", "cargo-deny", "--locked", "--version", CARGO_DENY, "--profile", "dev"]);
    install.arg("--root").arg(&tools).env("CARGO_TARGET_DIR", tools.join("build"));
    run(install.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0"))?;
    Ok(tools.join("bin/cargo-deny"))
}
