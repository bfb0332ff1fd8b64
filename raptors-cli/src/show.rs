//! `raptors show`: a kernel's generated Rust, or what the compiler made of it.
//!
//! The Rust is generated anew from the text of the spec that is part of the catalogue, so that every kernel can be
//! shown, of every instruction set, compiled into this build or not.

use std::io::Write;

use anyhow::{anyhow, bail};
use raptors::catalogue::{Kernel, Op, Status};
use raptors_codegen::{
    diagnostics::Source,
    emit,
    expand::{self, Candidate},
    ir, spec,
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
    let (op, kernel) = names::kernel(&arguments.kernel)?;
    if let Status::Dropped(reason) = kernel.status {
        bail!("`{}` was dropped: {reason}", kernel.name);
    }
    if arguments.asm {
        in_this_build(kernel)?;
        let needs = regenerate(op, kernel, |candidate| {
            let kernel = lower(candidate);
            asm::Needs { minimum: kernel.minimum(), vector_bytes: kernel.vector_bytes() }
        })?;
        return asm::run(kernel.name, &needs, out);
    }
    let code = regenerate(op, kernel, emit::kernel_code)?;
    write!(out, "{code}")?;
    Ok(())
}

/// What a kernel's candidate gives, found by compiling its spec again.
fn regenerate<T>(op: &Op, kernel: &Kernel, give: impl Fn(&Candidate<'_>) -> T) -> anyhow::Result<T> {
    let specs = spec::load(&[Source { name: op.file.to_owned(), text: op.spec.to_owned() }])?;
    let ops = raptors_codegen::op::Op::of_specs(&specs);
    let candidates = expand::expand(&ops)?;
    let candidate = candidates.iter().find(|candidate| candidate.name == kernel.name);
    candidate.map(give).ok_or_else(|| anyhow!("{} does not give `{}`", op.file, kernel.name))
}

fn lower(candidate: &Candidate<'_>) -> ir::Kernel {
    ir::Kernel::lower(&candidate.op, candidate.family, candidate.dtype, candidate.isa, &candidate.variant)
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
    if kernel.status == Status::Candidate && !cfg!(feature = "candidates") {
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
    fn kernels_of_every_operation_dtype_and_isa_are_generated_anew() {
        for op in catalogue::ops() {
            let mut seen = Vec::new();
            for kernel in op.kernels.iter().filter(|kernel| !matches!(kernel.status, Status::Dropped(_))) {
                let kind = (kernel.dtype, kernel.isa, kernel.status, kernel.inplace, kernel.shape.is_some());
                if !seen.contains(&kind) {
                    seen.push(kind);
                    let code = regenerate(op, kernel, emit::kernel_code).expect("part of its spec");
                    assert!(code.contains(&format!("fn {}(", kernel.name)), "{code}");
                    assert!(code.starts_with(&format!("// {}:{}  ", op.file, op.line)), "{code}");
                }
            }
            assert!(!seen.is_empty());
        }
    }
}
