//! Tools that a bare machine lacks.

use std::{path::PathBuf, process::Stdio};

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
    apt_install(&["qemu-user-static"])
}

/// Installs packages from the suites that the system's apt-get knows.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let root = read(&mut command("id", ["-u"]))?.trim() == "0";
    ensure!(root, "only root can install what is missing: apt-get install {}", packages.join(" "));
    run(&mut command("apt-get", ["update", "--quiet"]))?;
    let mut install = command("apt-get", ["install", "--quiet", "--yes", "--no-install-recommends"]);
    run(install.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The package that `OpenBLAS`'s routines are linked from.
const OPENBLAS: &str = "libopenblas-dev";

/// Installs `OpenBLAS` through apt-get, unless it is there. Where that cannot be, the reason comes back.
pub(crate) fn openblas() -> Result<Option<String>> {
    if are_installed(&[OPENBLAS]) {
        return Ok(None);
    }
    if version("apt-get").is_none() {
        return Ok(Some(format!("only Debian has the package {OPENBLAS}")));
    }
    if read(&mut command("id", ["-u"]))?.trim() != "0" {
        return Ok(Some(format!("only root can install it: apt-get install {OPENBLAS}")));
    }
    apt_install(&[OPENBLAS]).map(|()| None)
}

/// Whether all of these packages are installed, as Debian's package manager knows them: `name` or `name:architecture`.
pub(crate) fn are_installed(packages: &[&str]) -> bool {
    let mut query = command("dpkg-query", ["--show", "--showformat=${db:Status-Status}\\n"]);
    // Of a package that it never heard of, it complains and fails.
    let output = query.args(packages).stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        output.status.success()
            && text.lines().count() == packages.len()
            && text.lines().all(|it| it == "installed")
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_package_is_called_is_not_installed() {
        assert!(!are_installed(&["no-such-package-anywhere"]));
        assert!(!are_installed(&["dpkg", "no-such-package-anywhere"]));
        // Elsewhere than on Debian, nothing is.
        assert_eq!(are_installed(&["dpkg"]), version("dpkg-query").is_some());
    }
}
