//! `raptors info`: this build, and this machine.

use std::{env, io::Write};

use raptors::{
    Isa,
    catalogue::{self, Status},
};

use crate::output::{count, field};

pub(crate) fn run(out: &mut impl Write) -> anyhow::Result<()> {
    // First of all, so that a variable that cannot be honoured is the error, and not a line among others.
    let used = raptors::isa()?;
    writeln!(out, "raptors {}", env!("CARGO_PKG_VERSION"))?;
    field("target", &format!("{} {}", env::consts::ARCH, env::consts::OS), out)?;
    for isa in Isa::ALL {
        let here = match (in_build(isa), isa.is_available()) {
            (true, true) => "in this build, on this machine",
            (true, false) => "in this build, not on this machine",
            (false, _) => "not in this build, which is for another target",
        };
        field("isa", &format!("{}: {}; {here}", isa.name(), isa.summary()), out)?;
    }
    let why = match env::var("RAPTORS_SIMD") {
        Ok(value) => format!("RAPTORS_SIMD={value:?}"),
        Err(_) => "the best this machine has; RAPTORS_SIMD is not set".to_owned(),
    };
    field("in use", &format!("{} ({why})", used.name()), out)?;
    let caches = raptors::caches();
    let sizes = [caches.l1, caches.l2, caches.l3].map(bytes);
    field("caches", &format!("{} first level, {} second, {} third", sizes[0], sizes[1], sizes[2]), out)?;
    field("operations", &catalogue::ops().len().to_string(), out)?;
    let kernels = || catalogue::ops().iter().flat_map(|op| op.kernels);
    let with = |wanted: fn(&Status) -> bool| kernels().filter(|kernel| wanted(&kernel.status)).count();
    let compiled = if cfg!(feature = "candidates") { "" } else { " (not compiled)" };
    let numbers = format!(
        "{} shipped, {}{compiled}, {} dropped",
        with(|status| *status == Status::Shipped),
        count(with(|status| *status == Status::Candidate), "candidate"),
        with(|status| matches!(status, Status::Dropped(_))),
    );
    field("kernels", &numbers, out)?;
    Ok(())
}

/// Whether kernels of that instruction set are compiled for this target.
pub(crate) fn in_build(isa: Isa) -> bool {
    raptors_codegen::Isa::find(isa.name())
        .is_some_and(|isa| isa.is_portable() || isa.arch == env::consts::ARCH)
}

/// `48 KiB`.
fn bytes(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    }
}
