//! Static estimates for machines that are not here: how many cycles the inner loop of each reference case takes in LLVM's
//! models of some processors, against the least that their documented units allow. `docs/neon.md` and `docs/x86.md` say
//! what that is worth.

mod code;
mod core;
mod words;

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
    core::{AVX2, AVX512, Core, Cost, NEON},
    words::Language,
};
use crate::{
    cross::{AARCH64, compiler},
    install::apt_install,
    run::{cargo, root, run, target, version},
};

/// The operations of the reference cases, and their neighbours.
const OPS: [&str; 8] =
    ["sum", "sum_axis0", "sum_axis1", "mean", "mean_axis0", "mean_axis1", "broadcast_add", "scale"];

/// Rows and columns of the reference cases.
const SIZES: [usize; 3] = [512, 1024, 2048];

/// A document that has tables, of the instruction sets of one architecture.
struct Document {
    path: &'static str,
    target: &'static str,
    language: Language,
    isas: &'static [(&'static str, &'static [Core])],
}

const DOCUMENTS: [Document; 2] = [
    Document { path: "docs/neon.md", target: AARCH64, language: Language::Arm, isas: &[("neon", &NEON)] },
    Document {
        path: "docs/x86.md",
        target: "x86_64-unknown-linux-gnu",
        language: Language::Intel,
        isas: &[("avx2", &AVX2), ("avx512", &AVX512)],
    },
];

/// The simulator, and Debian's package of it: of the version of LLVM that is in Debian's compiler.
const MCA: (&str, &str) = ("llvm-mca-22", "llvm-22");

/// No vector has more bytes.
const WIDEST: usize = 64;

/// Where the tables lie in a document.
const MARKERS: [&str; 2] = ["<!-- mca:begin -->", "<!-- mca:end -->"];

/// Prints the tables, or also puts them into the documents.
pub(crate) fn estimate(write: bool) -> Result<()> {
    if version(MCA.0).is_none() {
        apt_install(&[MCA.1])?;
    }
    for document in &DOCUMENTS {
        let assembly = fs::read_to_string(document.assembly()?)?;
        let mut text = String::new();
        for (isa, cores) in document.isas {
            let cases = cases(isa)?;
            let is_kernel = |word: &str| cases.iter().any(|case| case.kernel == word);
            let kernels = code::of_kernels(document.language, &assembly, is_kernel);
            for core in *cores {
                text += &table(core, &cases, &kernels)?;
            }
        }
        println!("\n{text}");
        if write {
            let path = root().join(document.path);
            let before = fs::read_to_string(&path).context(document.path)?;
            fs::write(&path, between_markers(&before, &text)?)?;
        }
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

/// Every reference case for which the table of an instruction set has a kernel of its own, with the one that it gives
/// to a matrix that stays in the second-level cache: an estimate that knows no memory is of such a one.
fn cases(isa: &str) -> Result<Vec<Case>> {
    let sources = spec::load_dir(&root().join("kernel-specs/ops"), "kernel-specs/ops")?;
    let specs = spec::load(&sources).map_err(|errors| anyhow!("{errors}"))?;
    let ops = Op::of_specs(&specs);
    let expanded = expand(&ops).map_err(|errors| anyhow!("{errors}"))?;
    let tables = select(&expanded);
    let mut cases = Vec::new();
    for op in OPS {
        ensure!(ops.iter().any(|other| other.name == op), "no spec gives the operation {op}");
        for table in &tables {
            let group = table.group;
            let is_one = table.ops.iter().any(|of| of.name == op);
            if !is_one || group.numerics != Numerics::Numpy || group.inplace.is_some() {
                continue;
            }
            let rows = table.isas.iter().find(|rows| rows.isa.name == isa);
            let rows = rows.with_context(|| format!("{op} has no kernels for {isa}"))?;
            for size in SIZES {
                let exact = rows.exact.iter().find(|(shape, _)| *shape == (size, size));
                // The second of the size classes, and of the aspects the middle one: square.
                let kernel =
                    exact.map_or_else(|| rows.buckets.get(ASPECTS + 1), |(_, kernels)| kernels.get(1));
                let &kernel = kernel.with_context(|| format!("{op} has no row for {size}×{size}"))?;
                let kernel = &expanded.candidates[kernel].kernel;
                if kernel.isa.name == isa {
                    cases.push(Case { op, dtype: group.dtype, size, kernel: kernel.name.to_lowercase() });
                }
            }
        }
    }
    ensure!(!cases.is_empty(), "no reference case has a spec");
    Ok(cases)
}

impl Document {
    /// The assembly of the library for its architecture.
    fn assembly(&self) -> Result<PathBuf> {
        // In a folder of its own, so that a fresh build and its file are there together or not at all.
        let folder = target().join("mca").join(self.target);
        let path = folder.join("raptors.s");
        if !path.exists() && folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut build =
            cargo(["rustc", "--release", "--package", "raptors", "--lib", "--target", self.target]);
        build.env("CARGO_TARGET_DIR", &folder);
        if self.target == AARCH64 {
            build.env("RUSTC", compiler()?);
        }
        // One unit, so that there is one file; symbols that name what a generic function was made for; and kernels
        // that turn out equal keep a symbol each, which is an unstable option.
        build.args(["--", "-Ccodegen-units=1", "-Csymbol-mangling-version=v0", "-Zmerge-functions=disabled"]);
        build.args(self.language.options()).arg("--emit").arg(format!("asm={}", path.display()));
        run(build.env("RUSTC_BOOTSTRAP", "1"))?;
        Ok(path)
    }
}

/// The figures of one processor; cases that differ in nothing but the size of the matrix share a line.
fn table(core: &Core, cases: &[Case], kernels: &BTreeMap<String, Vec<Block>>) -> Result<String> {
    let mut lines: Vec<(String, Vec<String>, String)> = Vec::new();
    // Many kernels have the same loop.
    let mut costs: BTreeMap<&[String], Cost> = BTreeMap::new();
    for case in cases {
        let blocks = kernels.get(&case.kernel).with_context(|| format!("{} has no code", case.kernel))?;
        let block = code::hottest(blocks).with_context(|| format!("{} has no loop", case.kernel))?;
        let cost = match costs.get(&block.instructions[..]) {
            Some(cost) => *cost,
            None => core.cost(MCA.0, block)?,
        };
        costs.insert(&block.instructions, cost);
        let count = block.count(WIDEST);
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
        for (isa, _) in DOCUMENTS.iter().flat_map(|document| document.isas) {
            let cases = cases(isa).unwrap();
            for op in OPS {
                // From the second-level cache on, the maps of AVX-512 are those of AVX2 where no profile says otherwise.
                let of_avx2 = *isa == "avx512" && ["broadcast_add", "scale"].contains(&op);
                assert_eq!(cases.iter().any(|case| case.op == op), !of_avx2, "{op} of {isa}");
            }
            for case in cases {
                let computes = match case.op {
                    "sum_axis0" | "mean_axis0" => "add_columns",
                    "broadcast_add" => "add_m_r_map",
                    "scale" => "mul_m_s_map",
                    _ => "add_runs",
                };
                let start = format!("{computes}_{}_{isa}_u", case.dtype);
                assert!(case.kernel.starts_with(&start), "{} for {start}", case.kernel);
            }
        }
    }

    #[test]
    fn the_documents_have_a_table_of_each_processor() {
        for Document { path, isas, .. } in DOCUMENTS {
            let document = fs::read_to_string(root().join(path)).unwrap();
            for core in isas.iter().flat_map(|(_, cores)| *cores) {
                assert!(document.contains(&format!("\n{}\n\n```text\n", core.name)), "{path}: {}", core.name);
            }
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
