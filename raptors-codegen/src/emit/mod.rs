//! Emit: the selected kernels and the tables around them, as files.
//!
//! What the compiler reads (bodies, functions) is written with `quote` and printed by `prettyplease`; what people read
//! around it (frames, tables, lists) are templates.

mod catalogue;
mod dispatch;
pub(crate) mod expr;
mod functions;
mod kernel;
mod map;
mod ops;
pub mod page;
pub mod python;
mod reduce;
mod signature;
mod template;
mod vocabularies;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use serde::Serialize;

use crate::{
    Carry, Isa,
    expand::{Candidate, Expanded},
    ir::Kernel,
    op::{Family, Op, StagedOp},
    profiles::Loaded,
    select::{self, Table},
};

pub use signature::name as signature_name;

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

/// All that a build knows of its kernels.
#[derive(Clone, Copy, Debug)]
pub struct Build<'b, 'a> {
    /// The operations that have kernels, sorted by name.
    pub ops: &'b [Op<'a>],
    /// Those in stages, whose parts are among the others, sorted by name.
    pub staged: &'b [StagedOp<'a>],
    /// Their kernels.
    pub expanded: &'b Expanded<'a>,
    /// Which kernel serves which calls.
    pub tables: &'b [Table<'b, 'a>],
    /// The profiles whose rows are in the tables.
    pub profiles: &'b [Loaded],
}

/// A kernel's code and what stands above it.
#[derive(Clone, Debug, Serialize)]
struct Written {
    source: String,
    variant: String,
    code: String,
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

/// Every file of a build. Kernels are those of the instruction sets of that architecture, or of all; they stand by
/// instruction set and family, or, where `carry` adds candidates, by what they compute.
#[must_use]
pub fn emit(build: &Build<'_, '_>, carry: Carry, arch: Option<&str>) -> Vec<File> {
    let candidates = &build.expanded.candidates;
    let shipped = select::shipped(build.tables);
    let sources = sources(build.expanded);
    let is_here = |isa: &Isa| arch.is_none_or(|arch| isa.is_portable() || isa.arch == arch);
    let mut modules = Modules::default();
    for isa in Isa::all().iter().filter(|isa| is_here(isa)) {
        let held = (0..candidates.len())
            .filter(|&at| candidates[at].kernel.isa.name == isa.name && candidates[at].dropped.is_none())
            .filter(|&at| candidates[at].routine.is_none());
        match carry {
            Carry::Winners => {
                let of_family = |family| {
                    let of = |&at: &usize| candidates[at].kernel.family == family;
                    held.clone().filter(|at| shipped.contains(at)).filter(of).collect::<Vec<_>>()
                };
                for family in Family::ALL {
                    let name = format!("{}_{}", isa.name, family.name());
                    modules.write(&name, isa, &of_family(family), candidates, &sources);
                }
            }
            // Those that ship among the others, so that no profile moves any code: a kernel is faster or slower by some
            // per cent by where it lies, and a second tournament would judge other places.
            Carry::All => {
                let mut computed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
                for at in held {
                    let Kernel { computes, family, .. } = &candidates[at].kernel;
                    let name = format!("candidates_{}_{computes}_{}", isa.name, family.name());
                    computed.entry(name).or_default().push(at);
                }
                for (name, kernels) in computed {
                    modules.write(&name, isa, &kernels, candidates, &sources);
                }
            }
        }
    }
    let Modules { modules, homes } = modules;
    let mut files: Vec<File> = modules
        .iter()
        .map(|module| File { name: module.file.clone(), text: template::kernels(module) })
        .collect();
    let rows = dispatch::Rows::of(build, &homes);
    files.push(File { name: "kernels.rs".to_owned(), text: template::modules(&modules) });
    files.push(File { name: "dispatch.rs".to_owned(), text: dispatch::write(build, &rows) });
    files.push(File { name: "functions.rs".to_owned(), text: functions::write(arch) });
    files.push(File { name: "vocabularies.rs".to_owned(), text: vocabularies::write() });
    files.push(File { name: "ops.rs".to_owned(), text: ops::write(build.ops, build.staged, build.tables) });
    let catalogue = catalogue::write(build, &shipped);
    files.push(File { name: "catalogue.rs".to_owned(), text: catalogue });
    files
}

/// The code of one kernel, as it stands in its file.
#[must_use]
pub fn kernel_code(expanded: &Expanded<'_>, kernel: usize) -> String {
    let written = written(&expanded.candidates[kernel].kernel, &sources(expanded)[kernel]);
    format!("// {}  ·  {}\n{}", written.source, written.variant, written.code)
}

/// Of each kernel the lines of the specs that want it.
fn sources(expanded: &Expanded<'_>) -> Vec<String> {
    let mut lines = vec![BTreeSet::new(); expanded.candidates.len()];
    for group in &expanded.groups {
        let of_group = group.ops.iter().map(|op| format!("{}:{}", op.spec.file, op.spec.line));
        let of_group: Vec<String> = of_group.collect();
        group.kernels.iter().for_each(|&at| lines[at].extend(of_group.iter().cloned()));
    }
    lines.into_iter().map(|lines| lines.into_iter().collect::<Vec<_>>().join(", ")).collect()
}

fn written(kernel: &Kernel, source: &str) -> Written {
    let code = kernel::uncover_comments(&print(kernel::function(kernel)));
    Written { source: source.to_owned(), variant: kernel.variant.to_string(), code }
}

/// Formats items.
fn print(items: TokenStream) -> String {
    let file: syn::File = syn::parse2(items).expect("emitted tokens are items");
    prettyplease::unparse(&file)
}

/// The modules of a build, and in which of them each kernel is, by its place among the candidates.
#[derive(Default)]
struct Modules {
    modules: Vec<Module>,
    homes: BTreeMap<usize, String>,
}

impl Modules {
    fn write(
        &mut self,
        name: &str,
        isa: &Isa,
        kernels: &[usize],
        candidates: &[Candidate],
        sources: &[String],
    ) {
        let mut lines = usize::MAX;
        let mut part = 0;
        for &at in kernels {
            let written = written(&candidates[at].kernel, &sources[at]);
            let more = written.code.lines().count() + 2;
            if lines.saturating_add(more) > MAX_LINES {
                part += 1;
                lines = 0;
                let name = if part == 1 { name.to_owned() } else { format!("{name}__{part}") };
                self.modules.push(Module {
                    file: format!("kernels_{name}.rs"),
                    name,
                    arch: (!isa.is_portable()).then(|| isa.arch.clone()),
                    summary: isa.summary.clone(),
                    kernels: Vec::new(),
                });
            }
            lines += more;
            let module = self.modules.last_mut().expect("the first kernel opens a module");
            self.homes.insert(at, module.name.clone());
            module.kernels.push(written);
        }
    }
}
