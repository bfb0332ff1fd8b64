//! `raptors info`: this build, and this machine.

use std::{env, io::Write};

use anyhow::bail;
use raptors::{
    Isa, Knob, Origin,
    catalogue::{self, Status},
};

use crate::{
    cores,
    output::{bytes, count, field},
    telemetry,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Instead, make some calls of every operation, and tell what telemetry counted of them
    #[arg(long)]
    telemetry: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    // First of all, so that variables that cannot be honoured are the error, all of them, and not lines among others.
    let wrong: Vec<_> = raptors::knobs().iter().filter_map(|knob| knob.in_force.as_ref().err()).collect();
    if !wrong.is_empty() {
        bail!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: "));
    }
    if arguments.telemetry {
        return telemetry::run(out);
    }
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
    field("in use", used.name(), out)?;
    let caches = raptors::caches();
    let sizes = [caches.l1, caches.l2, caches.l3].map(bytes);
    field("caches", &format!("{} first level, {} second, {} third", sizes[0], sizes[1], sizes[2]), out)?;
    field("cores", &cores::describe(), out)?;
    profile(out)?;
    for linked in raptors::backends() {
        let refused = linked.refused.map(|why| format!("; not asked: {why}")).unwrap_or_default();
        field("backend", &format!("{}: {}{refused}", linked.name, linked.library), out)?;
    }
    for knob in raptors::knobs() {
        field("knob", &set(knob)?, out)?;
    }
    field("operations", &catalogue::ops().len().to_string(), out)?;
    let kernels = || catalogue::kernels().iter();
    let with = |wanted: fn(&Status) -> bool| kernels().filter(|kernel| wanted(&kernel.status)).count();
    let compiled =
        if cfg!(any(feature = "candidates", feature = "tunable")) { "" } else { " (not compiled)" };
    let numbers = format!(
        "{} shipped, {}{compiled}, {} dropped",
        with(|status| *status == Status::Shipped),
        count(with(|status| *status == Status::Candidate), "candidate"),
        with(|status| matches!(status, Status::Dropped(_))),
    );
    field("kernels", &numbers, out)?;
    Ok(())
}

/// Whose winners calls follow, and where that comes from.
fn profile(out: &mut impl Write) -> anyhow::Result<()> {
    let followed = raptors::profile()?;
    field("cpu", followed.cpu, out)?;
    if let Some(own) = &followed.own {
        let rows = count(own.rows, "row");
        field("profile", &format!("{} of {}, {rows}: yours", own.file.display(), own.date), out)?;
    }
    if let Some(built_in) = followed.built_in {
        let rows = count(built_in.rows, "row");
        let place = if followed.own.is_some() { "below that, in this build" } else { "in this build" };
        field("profile", &format!("{} of {}, {rows}: {place}", built_in.file, built_in.date), out)?;
    }
    if (&followed.own, followed.built_in) == (&None, None) {
        let none = raptors::knobs()
            .iter()
            .filter(|knob| knob.variables.iter().any(|variable| variable.name == "RAPTORS_PROFILE"))
            .any(|knob| knob.in_force.as_ref().is_ok_and(|it| it.origin != Origin::Default));
        let why = if none { "RAPTORS_PROFILE says so" } else { "there is none of this processor" };
        field("profile", &format!("none, the defaults of the specs: {why}"), out)?;
    }
    for note in &followed.notes {
        field("warning", note, out)?;
    }
    Ok(())
}

/// `RAPTORS_THREADS: 4, by OMP_NUM_THREADS="4,2"`.
fn set(knob: &Knob) -> anyhow::Result<String> {
    let names: Vec<_> = knob.variables.iter().map(|variable| variable.name).collect();
    let in_force = knob.in_force.clone()?;
    let origin = match in_force.origin {
        Origin::Variable { name, value } => format!("by {name}={value:?}"),
        // Where the words of the default say no more than the value.
        Origin::Default if in_force.value == knob.default => "by default".to_owned(),
        Origin::Default => format!("by default: {}", knob.default),
    };
    Ok(format!("{}: {}, {origin}", names.join(", "), in_force.value))
}

/// Whether kernels of that instruction set are compiled for this target.
pub(crate) fn in_build(isa: Isa) -> bool {
    raptors_codegen::Isa::find(isa.name())
        .is_some_and(|isa| isa.is_portable() || isa.arch == env::consts::ARCH)
}
