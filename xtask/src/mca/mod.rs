//! Static estimates for NEON: how many cycles the inner loop of each reference case takes in LLVM's models of two
//! processors, against the least that their documented units allow. `docs/neon.md` says what that is worth.

mod code;
mod core;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use raptors_codegen::{
    Dtype,
    expand::expand,
    op::Op,
    select::{ASPECTS, select},
    spec::{self, Numerics},
};

use self::{
    code::Block,
    core::{CORES, Core},
};
use crate::{
    cross::{AARCH64, compiler},
    install::apt_install,
    run::{cargo, root, run, target, version},
};

/// The operations of the reference cases, as far as there are specs of them.
const OPS: [&str; 8] =
    ["sum", "sum_axis0", "sum_axis1", "mean", "mean_axis0", "mean_axis1", "broadcast_add", "scale"];

/// Rows and columns of the reference cases.
const SIZES: [usize; 3] = [512, 1024, 2048];

/// The instruction set in question.
const ISA: &str = "neon";

/// The simulator, and Debian's package of it: of the version of LLVM that is in Debian's compiler.
const MCA: (&str, &str) = ("llvm-mca-22", "llvm-22");

/// Where the table lies in the document.
const MARKERS: [&str; 2] = ["<!-- mca:begin -->", "<!-- mca:end -->"];

/// Prints the table, or puts it into the document.
pub(crate) fn estimate(write: bool) -> Result<()> {
    if version(MCA.0).is_none() {
        apt_install(&[MCA.1])?;
    }
    let cases = cases()?;
    let assembly = fs::read_to_string(assembly()?)?;
    let is_kernel = |word: &str| cases.iter().any(|case| case.kernel == word);
    let kernels = code::of_kernels(&assembly, is_kernel);
    let mut text = String::new();
    for core in &CORES {
        text += &table(core, &cases, &kernels)?;
    }
    println!("\n{text}");
    if write {
        let path = root().join("docs/neon.md");
        let document = fs::read_to_string(&path).context("docs/neon.md")?;
        fs::write(&path, between_markers(&document, &text)?)?;
    }
    Ok(())
}

/// A reference case.
struct Case {
    op: &'static str,
    dtype: Dtype,
    size: usize,
    /// The kernel that the dispatch table has for it.
    kernel: String,
}

/// Every reference case whose operation has a spec, with the kernel that the table gives to a matrix that stays in the
/// second-level cache: an estimate that knows no memory is of such a one.
fn cases() -> Result<Vec<Case>> {
    let sources = spec::load_dir(&root().join("kernel-specs/ops"), "kernel-specs/ops")?;
    let specs = spec::load(&sources).map_err(|errors| anyhow!("{errors}"))?;
    let ops = Op::of_specs(&specs);
    let candidates = expand(&ops).map_err(|errors| anyhow!("{errors}"))?;
    let tables = select(&ops, &candidates);
    let mut cases = Vec::new();
    for op in OPS {
        for table in &tables {
            if table.op.name != op || table.numerics != Numerics::Numpy || table.inplace {
                continue;
            }
            let rows = table.isas.iter().find(|rows| rows.isa.name == ISA);
            let rows = rows.with_context(|| format!("{op} has no kernels for {ISA}"))?;
            for size in SIZES {
                let exact = rows.exact.iter().find(|(shape, _)| *shape == (size, size));
                // The second of the size classes, and of the aspects the middle one: square.
                let kernel =
                    exact.map_or_else(|| rows.buckets.get(ASPECTS + 1), |(_, kernels)| kernels.get(1));
                let kernel = kernel.with_context(|| format!("{op} has no row for {size}×{size}"))?;
                cases.push(Case { op, dtype: table.dtype, size, kernel: kernel.name.to_lowercase() });
            }
        }
    }
    ensure!(!cases.is_empty(), "no reference case has a spec");
    Ok(cases)
}

/// The assembly of the library for aarch64.
fn assembly() -> Result<PathBuf> {
    // In a folder of its own, so that a fresh build and its file are there together or not at all.
    let folder = target().join("mca");
    let path = folder.join("raptors.s");
    if !path.exists() && folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut build = cargo(["rustc", "--release", "--package", "raptors", "--lib", "--target", AARCH64]);
    build.env("CARGO_TARGET_DIR", &folder).env("RUSTC", compiler()?);
    // One unit, so that there is one file; symbols that name what a generic function was made for; and kernels that
    // turn out equal keep a symbol each, which is an unstable option.
    build.args(["--", "-Ccodegen-units=1", "-Csymbol-mangling-version=v0", "-Zmerge-functions=disabled"]);
    build.arg("--emit").arg(format!("asm={}", path.display())).env("RUSTC_BOOTSTRAP", "1");
    run(&mut build)?;
    Ok(path)
}

/// The figures of one processor; cases that differ in nothing but the size of the matrix share a line.
fn table(core: &Core, cases: &[Case], kernels: &BTreeMap<String, Vec<Block>>) -> Result<String> {
    let mut lines: Vec<(String, Vec<String>, String)> = Vec::new();
    for case in cases {
        let blocks = kernels.get(&case.kernel).with_context(|| format!("{} has no code", case.kernel))?;
        let block = code::hottest(blocks).with_context(|| format!("{} has no loop", case.kernel))?;
        let (count, cost) = (block.count(), core.cost(MCA.0, block)?);
        let counts = format!("{}/{}/{}", count.loads, count.stores, count.arithmetic);
        let [bound, model, wide, units, chain] =
            [cost.bound, cost.model, cost.wide, cost.units, cost.chain].map(|cycles| format!("{cycles:.1}"));
        let straight = if block.is_loop() { "" } else { " *" };
        let figures = columns([&counts, &bound, &model, &wide, &units, &chain]) + &cost.reasons() + straight;
        let head = format!("{:<13} {}", case.op, case.dtype);
        match lines.last_mut() {
            Some((last, sizes, same)) if *last == head && *same == figures => {
                sizes.push(case.size.to_string());
            }
            _ => lines.push((head, vec![case.size.to_string()], figures)),
        }
    }
    let head = columns(["l/s/a", "bound", "model", "wide", "units", "chain"]);
    let mut text = format!("{}\n\n```text\n{:<17} {:<13} {head}why\n", core.name, "operation", "n of n×n");
    for (head, sizes, figures) in lines {
        writeln!(text, "{head:<17} {:<13} {}", sizes.join(" "), figures.trim_end())?;
    }
    Ok(text + "```\n\n")
}

fn columns([counts, bound, model, wide, units, chain]: [&str; 6]) -> String {
    format!("{counts:>9}{bound:>6}{model:>6}{wide:>6}{units:>6}{chain:>6}  ")
}

/// The document with another text between its markers.
fn between_markers(document: &str, text: &str) -> Result<String> {
    let [begin, end] = MARKERS;
    let (before, rest) =
        document.split_once(begin).with_context(|| format!("the document has no {begin}"))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("the document has no {end}"))?;
    Ok(format!("{before}{begin}\n\n{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_kernel_of_the_instruction_set() {
        let cases = cases().unwrap();
        assert!(cases.len() >= 30 && cases.len().is_multiple_of(6), "{}", cases.len());
        for case in cases {
            let start = format!("{}_{}_{ISA}_u", case.op, case.dtype);
            assert!(case.kernel.starts_with(&start), "{} for {start}", case.kernel);
        }
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let [begin, end] = MARKERS;
        let document = format!("a\n{begin}\nold\n{end}\nb\n");
        let written = between_markers(&document, "new\n").unwrap();
        assert_eq!(written, format!("a\n{begin}\n\nnew\n{end}\nb\n"));
        assert_eq!(between_markers(&written, "new\n").unwrap(), written);
        assert!(between_markers("a", "new").is_err());
    }
}
