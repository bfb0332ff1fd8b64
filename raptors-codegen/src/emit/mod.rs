//! Emit: the selected kernels and the tables around them, as files.
//!
//! What the compiler reads (bodies, functions) is written with `quote` and printed by `prettyplease`; what people read
//! around it (frames, tables, lists) are templates.

mod catalogue;
mod dispatch;
mod expr;
mod kernel;
mod map;
mod ops;
pub mod python;
mod reduce;
mod template;
mod vocabularies;

use std::{collections::HashMap, hash::Hasher as _};

use fnv::FnvHasher;
use proc_macro2::TokenStream;
use serde::Serialize;

use crate::{
    Carry, Isa,
    expand::Candidate,
    ir::Kernel,
    op::Op,
    profiles::Loaded,
    select::{Table, ships},
};

/// A generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in the output folder.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Lines after which a file of kernels is continued in another one.
pub const MAX_LINES: usize = 1500;

/// A kernel's code and what stands above it.
#[derive(Clone, Debug, Serialize)]
struct Written {
    source: String,
    variant: String,
    code: String,
    body: u64,
}

/// A module of kernels.
#[derive(Clone, Debug, Serialize)]
struct Module {
    name: String,
    file: String,
    arch: Option<String>,
    summary: String,
    kernels: Vec<Written>,
}

/// Every file of a build: kernels by instruction set and family, or, where `carry` adds candidates, by operation.
#[must_use]
pub fn emit(
    ops: &[Op<'_>],
    candidates: &[Candidate<'_>],
    tables: &[Table<'_, '_>],
    profiles: &[Loaded],
    carry: Carry,
) -> Vec<File> {
    let carried = |candidate: &Candidate<'_>| carry == Carry::All || candidate.variant.shape.is_none();
    let mut modules = Vec::new();
    let mut home = Homes::default();
    for isa in Isa::all() {
        let of_isa = || candidates.iter().filter(|c| c.isa.name == isa.name && c.dropped.is_none());
        let ships = |candidate: &&Candidate<'_>| ships(tables, candidate);
        if carry == Carry::Winners {
            for family in ["map", "reduce"] {
                let shipped = of_isa().filter(|candidate| candidate.family.file() == family).filter(ships);
                write_modules(&format!("{}_{family}", isa.name), isa, shipped, &mut modules, &mut home);
            }
            continue;
        }
        // Those that ship among the others, so that no profile moves any code: a kernel is faster or slower by some per
        // cent by where it lies, and a second tournament would judge other places.
        for op in ops {
            let of_op = of_isa()
                .filter(|candidate| candidate.op.name == op.name)
                .filter(|candidate| carried(candidate) || ships(candidate));
            let name = format!("candidates_{}_{}", isa.name, op.name);
            write_modules(&name, isa, of_op, &mut modules, &mut home);
        }
    }
    let mut files: Vec<File> = modules
        .iter()
        .map(|module| File { name: module.file.clone(), text: template::kernels(module) })
        .collect();
    files.push(File { name: "kernels.rs".to_owned(), text: template::modules(&modules) });
    files.push(File { name: "dispatch.rs".to_owned(), text: dispatch::write(tables, profiles, &home) });
    files.push(File { name: "vocabularies.rs".to_owned(), text: vocabularies::write() });
    files.push(File { name: "ops.rs".to_owned(), text: ops::write(ops) });
    let catalogue = catalogue::write(ops, candidates, tables, &home);
    files.push(File { name: "catalogue.rs".to_owned(), text: catalogue });
    files
}

/// The code of one kernel, as it stands in its file.
#[must_use]
pub fn kernel_code(candidate: &Candidate<'_>) -> String {
    let written = written(candidate);
    format!("// {}  ·  {}\n{}", written.source, written.variant, written.code)
}

/// A hash of a kernel's generated text, by which a profile knows that the kernel it measured is still the same.
///
/// It is that of the function as it stands in its file, attribute and comments included, and of nothing around it: other
/// kernels may come and go. It is the same on every machine (FNV-1a, 64 bits).
#[must_use]
pub fn body_hash(candidate: &Candidate<'_>) -> u64 {
    written(candidate).body
}

fn written(candidate: &Candidate<'_>) -> Written {
    let Candidate { op, family, dtype, isa, variant, .. } = candidate;
    let kernel = Kernel::lower(op, *family, *dtype, isa, variant);
    let code = kernel::uncover_comments(&print(kernel::function(&kernel)));
    let mut hasher = FnvHasher::default();
    hasher.write(code.as_bytes());
    Written { source: kernel.source, variant: variant.to_string(), code, body: hasher.finish() }
}

/// Formats items.
fn print(items: TokenStream) -> String {
    let file: syn::File = syn::parse2(items).expect("emitted tokens are items");
    prettyplease::unparse(&file)
}

/// In which module each kernel is, and the hash of its body.
#[derive(Default)]
struct Homes(HashMap<String, (String, u64)>);

impl Homes {
    /// The path of a kernel's row, if it is in this build.
    fn row(&self, kernel: &str) -> Option<String> {
        let (module, _) = self.0.get(kernel)?;
        Some(format!("{module}::{}", kernel.to_uppercase()))
    }

    /// The hash of a kernel's body, if it is in this build.
    fn body(&self, kernel: &str) -> Option<u64> {
        self.0.get(kernel).map(|(_, body)| *body)
    }
}

fn write_modules<'c, 'a: 'c>(
    name: &str,
    isa: &Isa,
    candidates: impl Iterator<Item = &'c Candidate<'a>>,
    modules: &mut Vec<Module>,
    home: &mut Homes,
) {
    let mut lines = usize::MAX;
    let mut part = 0;
    for candidate in candidates {
        let written = written(candidate);
        let more = written.code.lines().count() + 2;
        if lines.saturating_add(more) > MAX_LINES {
            part += 1;
            lines = 0;
            let name = if part == 1 { name.to_owned() } else { format!("{name}__{part}") };
            modules.push(Module {
                file: format!("kernels_{name}.rs"),
                name,
                arch: (!isa.is_portable()).then(|| isa.arch.clone()),
                summary: isa.summary.clone(),
                kernels: Vec::new(),
            });
        }
        lines += more;
        let module = modules.last_mut().expect("the first kernel opens a module");
        home.0.insert(candidate.name.clone(), (module.name.clone(), written.body));
        module.kernels.push(written);
    }
}
