//! `raptors carry`: a profile of version 1, made one of today's.

use std::{fs, io::Write, path::PathBuf};

use anyhow::{Context as _, anyhow};
use raptors::catalogue;
use raptors_codegen::{expand::expand, op::Op, profiles::carry::carry, spec};
use raptors_profile::{Profile, parse_version_1};

use crate::output::{WIDTH, count, wrap};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The profile, which is replaced
    profile: PathBuf,
    /// Say what would become of it, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let path = &arguments.profile;
    let name = path.display().to_string();
    let lock = if arguments.dry_run { None } else { Some(Profile::lock(path)) };
    let _lock = lock.transpose().with_context(|| name.clone())?;
    let text = fs::read_to_string(path).with_context(|| name.clone())?;
    let old = parse_version_1(&text, &name).map_err(|error| anyhow!("{error}"))?;
    let mut sources: Vec<spec::Source> = Vec::new();
    for op in catalogue::ops() {
        if sources.iter().all(|source| source.name != op.file) {
            sources.push(spec::Source { name: op.file.to_owned(), text: op.spec.to_owned() });
        }
    }
    let specs = spec::load(&sources)?;
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops)?;
    let carried = carry(&old, &expanded);
    for (what, lines) in [("merged", &carried.merged), ("left out", &carried.left_out)] {
        for line in lines {
            for (index, line) in wrap(&format!("{what}: {line}"), WIDTH - 2).iter().enumerate() {
                writeln!(out, "{}{line}", if index == 0 { "" } else { "  " })?;
            }
        }
    }
    let (merged, left_out) = (carried.merged.len(), carried.left_out.len());
    let kept = carried.rows - merged - left_out;
    writeln!(
        out,
        "{} of version 1: {kept} carried over, {merged} merged, {left_out} left out",
        count(carried.rows, "row")
    )?;
    if arguments.dry_run {
        writeln!(out, "{name} is as it was")?;
    } else {
        carried.profile.write(path).with_context(|| name.clone())?;
        writeln!(out, "{name} is of version 2 now")?;
    }
    Ok(())
}
