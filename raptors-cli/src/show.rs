//! `raptors show`: a kernel's generated Rust, or what the compiler made of it.
//!
//! The Rust is generated anew from the texts of the specs that are part of the catalogue, so that every kernel can be
//! shown, of every instruction set, compiled into this build or not.

use std::io::Write;

use anyhow::{anyhow, bail};
use raptors::catalogue::{Kernel, Status};
use raptors_codegen::{
    diagnostics::Source,
    emit,
    expand::{self, Expanded},
    spec,
};

use crate::{asm, info, names};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The kernel's name, as `raptors list` gives it
    kernel: String,
    /// Its assembly in this executable, and what its inner loop does beside what the expression needs
    #[arg(long)]
    asm: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let kernel = names::kernel(&arguments.kernel)?;
    if let Status::Dropped(reason) = kernel.status {
        bail!("`{}` was dropped: {reason}", kernel.name);
    }
    if arguments.asm {
        in_this_build(kernel)?;
        let needs = regenerate(kernel, |expanded, at| {
            let kernel = &expanded.candidates[at].kernel;
            asm::Needs { minimum: kernel.minimum(), vector_bytes: kernel.vector_bytes() }
        })?;
        return asm::run(kernel.name, &needs, out);
    }
    let code = regenerate(kernel, emit::kernel_code)?;
    write!(out, "{code}")?;
    Ok(())
}

/// What is found of a kernel by compiling the specs that want it again.
fn regenerate<T>(kernel: &'static Kernel, give: impl Fn(&Expanded<'_>, usize) -> T) -> anyhow::Result<T> {
    let mut sources: Vec<Source> = Vec::new();
    for op in kernel.serves() {
        if sources.iter().all(|source| source.name != op.file) {
            sources.push(Source { name: op.file.to_owned(), text: op.spec.to_owned() });
        }
    }
    let specs = spec::load(&sources)?;
    let ops = raptors_codegen::op::Op::of_specs(&specs);
    let expanded = expand::expand(&ops)?;
    let at = expanded.candidates.iter().position(|candidate| candidate.kernel.name == kernel.name);
    let at = at.ok_or_else(|| anyhow!("the specs do not give `{}`", kernel.name))?;
    Ok(give(&expanded, at))
}

/// Refuses a kernel that was not compiled, with what would have it compiled.
fn in_this_build(kernel: &Kernel) -> anyhow::Result<()> {
    if !info::in_build(kernel.isa) {
        bail!(
            "`{}` is not in this build, which is for {}: build for a target that has {}",
            kernel.name,
            std::env::consts::ARCH,
            kernel.isa.name()
        );
    }
    if !kernel.is_built() {
        bail!(
            "`{name}` is a candidate, and this build has none: use\ncargo run --release -p raptors-cli \
             --features candidates -- show {name} --asm",
            name = kernel.name
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use raptors::catalogue;

    use super::*;

    #[test]
    fn kernels_of_every_kind_are_generated_anew() {
        let mut seen = Vec::new();
        let kernels = catalogue::kernels().iter();
        for kernel in kernels.filter(|kernel| !matches!(kernel.status, Status::Dropped(_))) {
            let kind =
                (kernel.computes, kernel.skeleton, kernel.dtype, kernel.isa, kernel.status, kernel.inplace);
            if !seen.contains(&kind) {
                seen.push(kind);
                let code = regenerate(kernel, emit::kernel_code).expect("part of its specs");
                assert!(code.contains(&format!("fn {}(", kernel.name)), "{code}");
                let note = code.lines().next().expect("a note");
                for op in kernel.serves() {
                    assert!(note.contains(&format!("{}:{}", op.file, op.line)), "{note}");
                }
            }
        }
        assert!(!seen.is_empty());
    }
}
