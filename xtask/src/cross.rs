//! Machines that this one is not: aarch64 under emulation, and macOS as far as types go.

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use raptors_codegen::Isa;

use crate::{
    install::{apt_install, are_installed},
    run::{cargo, command, read, run, target, tee, version},
    test,
};

/// The target whose tests run under emulation.
pub(crate) const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// The emulator of aarch64 machines.
const QEMU: &str = "qemu-aarch64-static";

/// The package that holds Debian's newest compiler.
const COMPILER: &str = "rustc-web";

/// All that it takes to build and run programs for aarch64: the compiler, the standard library of the target, the
/// linker, the C library, and the emulator. A rustup that may not download has no other target's standard library, so
/// both come from Debian.
const PACKAGES: [&str; 5] = [
    COMPILER,
    "libstd-rust-web-dev:arm64",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "qemu-user-static",
];

/// Installs what building and running for aarch64 takes through apt-get, unless it is there. Hands back the compiler.
pub(crate) fn compiler() -> Result<PathBuf> {
    if !are_installed(&PACKAGES) {
        ensure!(version("dpkg").is_some(), "only Debian has the packages {}", PACKAGES.join(", "));
        let known = read(&mut command("dpkg", ["--print-foreign-architectures"]))?;
        let is_root = read(&mut command("id", ["-u"]))?.trim() == "0";
        if is_root && !known.lines().any(|architecture| architecture == "arm64") {
            run(&mut command("dpkg", ["--add-architecture", "arm64"]))?;
        }
        apt_install(&PACKAGES)?;
    }
    // By the package's own list: whatever `rustc` means on the path, rustup's mostly, it is not that one.
    let files = read(&mut command("dpkg-query", ["--listfiles", COMPILER]))?;
    let compiler = files.lines().map(PathBuf::from).find(|file| file.ends_with("bin/rustc"));
    let compiler = compiler.with_context(|| format!("the package {COMPILER} has no bin/rustc"))?;
    println!("{}", version(&compiler).with_context(|| format!("{} does not start", compiler.display()))?);
    Ok(compiler)
}

/// Cargo that builds for aarch64 with Debian's compiler.
///
/// What the tests depend on is not optimized: it is compiled for nothing else, and the time would not come back.
pub(crate) fn cargo_aarch64(chore: &str) -> Result<std::process::Command> {
    let compiler = compiler()?;
    let mut cargo = cargo(["--config", r#"profile.release.package."*".opt-level=0"#, chore, "--release"]);
    cargo.args(["--target", AARCH64]).env("RUSTC", compiler);
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    // Static: linked dynamically, a program that starts a thread hangs under the emulator.
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", "-C target-feature=+crt-static");
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", QEMU);
    Ok(cargo)
}

/// The tests of kernels and vocabularies on an emulated aarch64 machine: every kernel that ships, and a candidate of
/// each kind.
pub(crate) fn neon() -> Result<()> {
    let mut tests = cargo_aarch64("test")?;
    tests.args(["--package", "raptors", "--features", "candidates", "--lib"]);
    tests.args(["--test", "conformance", "--test", "vocabulary", "--", "--show-output"]);
    let isas = test::Isas::read(&tee(tests.env("RAPTORS_CONFORMANCE", "families"))?)?;
    println!("{isas}");
    isas.expect_ran("portable")?;
    isas.expect_ran("neon")?;
    Isa::all().iter().filter(|isa| isa.arch == "x86_64").try_for_each(|isa| isas.expect_skipped(&isa.name))
}

/// Checks the library's types for macOS, standard library included: nothing here could link it.
pub(crate) fn macos() -> Result<()> {
    let source = standard_library()?;
    let mut check = cargo(["check", "-Zbuild-std=std,panic_abort", "--target", "aarch64-apple-darwin"]);
    check.args(["--package", "raptors", "--features", "ndarray,accelerate"]);
    // The option is unstable. Build scripts look at the variable that allows it, so in the common target folder all
    // would be built again, now and at the next plain build.
    check.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", target().join("macos"));
    // Cargo looks for the source in the toolchain's own folder, which is not ours to change. This is the variable by
    // which its tests have it look elsewhere; a cargo that knows it no longer says that the source is missing.
    check.env("__CARGO_TESTS_ONLY_SRC_ROOT", source);
    run(&mut check)
}

/// The suite of Debian whose `rust-src` follows the stable compiler.
const SUITE: &str = "trixie-backports";

/// The source of this compiler's standard library: rustup's, or Debian's package of the same version, unpacked into the
/// target folder.
fn standard_library() -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let verbose = read(&mut command(&rustc, ["--version", "--verbose"]))?;
    let release = verbose.lines().find_map(|line| line.strip_prefix("release: "));
    let release = release.context("the compiler does not say which release it is")?;
    let sysroot = PathBuf::from(read(&mut command(&rustc, ["--print", "sysroot"]))?.trim());
    let folder = target().join("tools").join(format!("rust-src-{release}"));
    let library = folder.join("library");
    for library in [sysroot.join("lib/rustlib/src/rust/library"), library.clone()] {
        if library.join("Cargo.lock").exists() {
            return Ok(library);
        }
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let package = download("rust-src", release, &folder)?;
    let unpacked = folder.join("unpacked");
    run(command("dpkg", ["--extract"]).arg(&package).arg(&unpacked))?;
    // Of the whole compiler only this is asked for. Renamed last: what is there is complete.
    fs::rename(unpacked.join(format!("usr/src/rustc-{release}/library")), &library)?;
    fs::remove_dir_all(&unpacked)?;
    fs::remove_file(&package)?;
    Ok(library)
}

/// Downloads a package in the version of that release into a folder, from a suite that the system's apt-get need not
/// know: with lists and settings of its own, so that nothing of the system's changes.
fn download(package: &str, release: &str, folder: &std::path::Path) -> Result<PathBuf> {
    let apt = folder.join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(folder))?;
    }
    let of_system = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").unwrap_or_default();
    fs::write(apt.join("suite.sources"), stanza(&of_system))?;
    let apt_command = |program: &str| {
        let mut apt_command = command(program, ["-o", "Dir::Etc::sourceparts=/dev/null"]);
        for (setting, path) in
            [("Etc::sourcelist", "suite.sources"), ("State::lists", "lists"), ("Cache", "cache")]
        {
            apt_command.arg("-o").arg(format!("Dir::{setting}={}", apt.join(path).display()));
        }
        // As root, apt-get works as another user, who may not write here.
        apt_command.args(["-o", "APT::Sandbox::User=root"]).current_dir(folder);
        apt_command
    };
    run(apt_command("apt-get").args(["update", "--quiet"]))?;
    let offered = read(apt_command("apt-cache").args(["madison", package]))?;
    let version = matching(&offered, package, release)?;
    run(apt_command("apt-get").args(["download", "--quiet"]).arg(format!("{package}={version}")))?;
    fs::remove_dir_all(&apt)?;
    let mut files = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    files.find(|file| file.extension().is_some_and(|it| it == "deb")).context("apt-get downloaded no package")
}

/// Where the suite is: beside the system's own, whose first entry this is with another suite; else at Debian's.
fn stanza(of_system: &str) -> String {
    let is_setting = |line: &&str| !line.trim_start().starts_with('#');
    let mut stanzas =
        of_system.split("\n\n").map(|stanza| stanza.lines().filter(is_setting).collect::<Vec<_>>());
    let usable = |stanza: &Vec<&str>| {
        ["Types:", "URIs:", "Suites:"].iter().all(|field| stanza.iter().any(|line| line.starts_with(field)))
    };
    let first = stanzas.find(usable).unwrap_or_else(|| {
        let keys = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg";
        vec!["Types: deb", "URIs: http://deb.debian.org/debian", "Suites:", "Components: main", keys]
    });
    let lines = first.into_iter().map(|line| {
        if line.starts_with("Suites:") { format!("Suites: {SUITE}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

/// Of the versions that `apt-cache madison` lists, the one of a release of the compiler.
fn matching(offered: &str, package: &str, release: &str) -> Result<String> {
    let versions: Vec<_> = offered.lines().filter_map(|line| Some(line.split('|').nth(1)?.trim())).collect();
    let is_of_release = |version: &&&str| version.split(['+', '-', '~']).next() == Some(release);
    let version = versions.iter().find(is_of_release).with_context(|| {
        let versions = if versions.is_empty() { "none at all".to_owned() } else { versions.join(", ") };
        format!("Debian's {SUITE} has no {package} for Rust {release}; it has {versions}")
    })?;
    Ok((*version).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: &str = " rust-src | 1.96.1+dfsg1-2~bpo13+1 | http://deb.debian.org/debian trixie-backports/main\n \
                           rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://deb.debian.org/debian trixie-backports/main\n";

    #[test]
    fn the_version_of_the_release_is_taken() {
        assert_eq!(matching(OFFERED, "rust-src", "1.95.0").unwrap(), "1.95.0+dfsg1-2~bpo13+1");
        assert_eq!(
            matching(OFFERED, "rust-src", "1.95").unwrap_err().to_string(),
            "Debian's trixie-backports has no rust-src for Rust 1.95; it has 1.96.1+dfsg1-2~bpo13+1, \
             1.95.0+dfsg1-2~bpo13+1"
        );
        let error = matching("", "rust-src", "1.95.0").unwrap_err().to_string();
        assert!(error.ends_with("it has none at all"), "{error}");
    }

    #[test]
    fn the_suite_lies_where_the_system_s_own_does() {
        let of_system = "Types: deb\n# a snapshot\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\n\
                         Components: main\nSigned-By: /keys\n\nTypes: deb\nURIs: http://other\nSuites: bookworm-security\n";
        assert_eq!(
            stanza(of_system),
            "Types: deb\nURIs: http://mirror/debian\nSuites: trixie-backports\nComponents: main\nSigned-By: /keys\n"
        );
        assert!(stanza("").contains("\nURIs: http://deb.debian.org/debian\nSuites: trixie-backports\n"));
    }
}
