//! `dispatch.rs`: the ISAs, the kernels of this build by signature, and the tables.
//!
//! Tables are data: rows name kernels by their place among those of a signature and dtype, and what is equal stands once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{Build, signature::Signature, template};
use crate::{
    Dtype, Isa,
    isa::Share,
    op::camel,
    profiles::kind,
    select::{IsaRows, SIZES, Table, Tasks, Tuned, Won},
    spec::Numerics,
};

#[derive(Serialize)]
struct Dispatch {
    isas: Vec<IsaView>,
    past: Vec<PastView>,
    profiles: Vec<ProfileView>,
    rows: Vec<RowsView>,
    data: Vec<DataView>,
    tables: Vec<TableView>,
    /// The backends whose routines are among the kernels.
    backends: BTreeSet<String>,
}

#[derive(Serialize)]
struct IsaView {
    name: String,
    variant: String,
    summary: String,
    arch: Option<String>,
    features: Vec<String>,
    detect: String,
    /// Processors on which other kernels pay: their keys, in the order of the ISA's list.
    listed: Vec<String>,
}

/// From which share of the third cache on maps store past it.
#[derive(Serialize)]
struct PastView {
    arch: String,
    cpus: String,
    alone: String,
    together: String,
}

#[derive(Serialize)]
struct ProfileView {
    cpu: String,
    file: String,
    rustc: String,
    date: String,
    rows: usize,
}

/// The kernels of a signature and dtype.
#[derive(Serialize)]
struct RowsView {
    name: String,
    sig: String,
    dtype: String,
    kernels: Vec<String>,
}

/// A constant that tables share.
#[derive(Serialize)]
struct DataView {
    name: String,
    ty: String,
    value: String,
}

#[derive(Serialize)]
struct TableView {
    name: String,
    summary: String,
    computation: String,
    dtype: String,
    kind: String,
    sig: String,
    rust: String,
    rows: String,
    all: String,
    any: String,
    isas: Vec<Option<IsaRowsView>>,
}

#[derive(Serialize)]
struct IsaRowsView {
    default: String,
    on: String,
    tuned: String,
}

/// What the standard library's macro for an architecture is named after: it knows both widths of one by one name, but
/// for Arm's.
fn detected_as(arch: &str) -> &str {
    match arch {
        "aarch64" => arch,
        _ => arch.trim_end_matches("64").trim_end_matches("32").trim_end_matches('_'),
    }
}

/// `256 << 10`: bytes as people think of them.
fn bytes(bytes: usize) -> String {
    match bytes.trailing_zeros() {
        20.. => format!("{} << 20", bytes >> 20),
        10.. => format!("{} << 10", bytes >> 10),
        _ => bytes.to_string(),
    }
}

/// The name of a table's static. Where calls of operations that compute the same are cut in different ways, a number
/// tells their tables apart.
pub(super) fn table_name(table: &Table<'_, '_>, tables: &[Table<'_, '_>]) -> String {
    let group = table.group;
    let kind = kind(group).suffix().replace('-', "_");
    let mut name = format!("{}_{}{kind}", group.computation().name, group.dtype).to_uppercase();
    if let Some(matrix) = group.inplace.filter(|matrix| *matrix > 0) {
        name.push_str(&(matrix + 1).to_string());
    }
    let alike: Vec<_> = tables.iter().filter(|other| std::ptr::eq(other.group, group)).collect();
    let at = alike.iter().position(|other| other.ops[0].name == table.ops[0].name);
    match at {
        Some(at) if at > 0 => format!("{name}__{}", at + 1),
        _ => name,
    }
}

fn arch(isa: &Isa) -> Option<String> {
    (!isa.is_portable()).then(|| isa.arch.clone())
}

/// The kernels of this build, by signature and dtype, and the place that each has among its likes.
pub(super) struct Rows {
    lists: BTreeMap<String, RowsView>,
    places: HashMap<usize, usize>,
}

impl Rows {
    /// `homes` says in which module each kernel of the build is.
    pub(super) fn of(build: &Build<'_, '_>, homes: &BTreeMap<usize, String>) -> Self {
        let mut rows = Self { lists: BTreeMap::new(), places: HashMap::new() };
        for table in build.tables {
            let (sig, dtype) = (signature(table), table.group.dtype);
            let name = rows_name(table);
            let list = rows.lists.entry(name.clone()).or_insert_with(|| {
                let (dtype, kernels) = (dtype.to_string(), Vec::new());
                RowsView { name, sig, dtype, kernels }
            });
            for at in &table.group.kernels {
                if rows.places.contains_key(at) {
                    continue;
                }
                let candidate = &build.expanded.candidates[*at];
                let row = match (&candidate.routine, homes.get(at)) {
                    (Some(routine), _) => Some(format!(
                        "Row::<{}<{dtype}>>::of_backend({:?}, &crate::backends::{}::BACKEND, {})",
                        if list.sig == "States" { "States".to_owned() } else { format!("sig::{}", list.sig) },
                        routine.name(),
                        routine.backend.name,
                        routine.path()
                    )),
                    (None, home) => {
                        home.map(|home| format!("{home}::{}", candidate.kernel.name.to_uppercase()))
                    }
                };
                if let Some(row) = row {
                    rows.places.insert(*at, list.kernels.len());
                    list.kernels.push(row);
                    // Places are 16 bits wide in the library.
                    assert!(list.kernels.len() <= 1 << 16, "more kernels than places: {}", list.name);
                }
            }
        }
        rows
    }

    fn place(&self, kernel: usize) -> usize {
        self.places[&kernel]
    }
}

/// The signature of a table's kernels, as a path in the library with the dtype to be added.
fn signature(table: &Table<'_, '_>) -> String {
    Signature::of(table.group).map_or_else(|| "States".to_owned(), |signature| signature.name())
}

fn rows_name(table: &Table<'_, '_>) -> String {
    // `MapMS` → `MAP_MS`.
    let signature = signature(table).replacen("Map", "MAP_", 1);
    format!("{signature}_{}", table.group.dtype).to_uppercase()
}

type Exact = Vec<((usize, usize), Vec<usize>)>;

/// Constants by their text, each under one name.
#[derive(Default)]
struct Shared {
    names: HashMap<(&'static str, String), String>,
    views: Vec<DataView>,
}

impl Shared {
    /// The name of a constant, a letter and a number.
    fn name(&mut self, letter: &'static str, ty: &str, value: String) -> String {
        if let Some(name) = self.names.get(&(letter, value.clone())) {
            return name.clone();
        }
        let name = format!("{letter}{}", self.names.keys().filter(|(of, _)| *of == letter).count());
        self.names.insert((letter, value.clone()), name.clone());
        self.views.push(DataView { name: name.clone(), ty: ty.to_owned(), value });
        name
    }

    fn tasks(&mut self, tasks: impl Iterator<Item = Tasks>) -> String {
        let tasks: Vec<_> = tasks.map(cut).collect();
        self.name("TASKS", "[Tasks; BUCKETS]", format!("[{}]", tasks.join(", ")))
    }

    fn defaults(&mut self, of: &IsaRows, (exact, buckets): (&Exact, &[usize]), rows: &Rows) -> String {
        let exact = exact.iter().map(|(shape, kernels)| {
            format!("({shape:?}, {:?})", kernels.iter().map(|&kernel| rows.place(kernel)).collect::<Vec<_>>())
        });
        let exact = exact.collect::<Vec<_>>().join(", ");
        let buckets: Vec<_> = buckets.iter().map(|&kernel| rows.place(kernel)).collect();
        let tasks = self.tasks(of.tasks.iter().copied());
        self.choices(&exact, &buckets, "", &tasks, "")
    }

    fn tuned(&mut self, of: &IsaRows, tuned: &Tuned, rows: &Rows) -> String {
        let exact = tuned.exact.iter().map(|(shape, picks)| {
            format!("({shape:?}, {:?})", picks.iter().map(|pick| rows.place(pick.kernel)).collect::<Vec<_>>())
        });
        let exact = exact.collect::<Vec<_>>().join(", ");
        let buckets: Vec<_> = tuned.buckets.iter().map(|pick| rows.place(pick.kernel)).collect();
        let after = tuned.buckets.len();
        let of_exact = tuned.exact.iter().enumerate().flat_map(|(at, (_, picks))| {
            picks.iter().enumerate().map(move |(size, pick)| (after + at * SIZES + size, pick.won))
        });
        let won = tuned.buckets.iter().map(|pick| pick.won).enumerate().chain(of_exact);
        let won = wins(won);
        let tasks = self.tasks(of.tasks.iter().copied());
        let threads = tuned.threads.iter().map(|(threads, cuts)| {
            let tasks = self.tasks(cuts.iter().map(|cut| cut.tasks));
            let won = wins(cuts.iter().map(|cut| cut.won).enumerate());
            format!("Cuts {{ threads: {threads}, tasks: &{tasks}, won: &[{won}] }}")
        });
        let threads = threads.collect::<Vec<_>>().join(", ");
        self.choices(&exact, &buckets, &won, &tasks, &threads)
    }

    fn choices(&mut self, exact: &str, buckets: &[usize], won: &str, tasks: &str, threads: &str) -> String {
        let value = format!(
            "Choices {{ exact: &[{exact}], buckets: {buckets:?}, won: &[{won}], tasks: &{tasks}, threads: &[{threads}] }}"
        );
        self.name("CHOICES", "Choices", value)
    }
}

/// Rows that won, by their place.
fn wins(won: impl Iterator<Item = (usize, Option<Won>)>) -> String {
    let one = |(at, won): (usize, Option<Won>)| {
        let Won { margin, interval } = won?;
        let [margin, low, high] = [margin, interval.low, interval.high].map(|percent| percent.tenths);
        Some(format!("({at}, Won {{ margin: {margin}, low: {low}, high: {high}, own: false }})"))
    };
    won.filter_map(one).collect::<Vec<_>>().join(", ")
}

fn cut(tasks: Tasks) -> String {
    let crossover = tasks.crossover.map_or_else(|| "NEVER".to_owned(), bytes);
    let chunk = tasks.chunk.map_or_else(|| "PER_THREAD".to_owned(), bytes);
    format!("Tasks {{ crossover: {crossover}, chunk: {chunk} }}")
}

pub(super) fn write(build: &Build<'_, '_>, rows: &Rows) -> String {
    let isas = Isa::all()
        .iter()
        .map(|isa| IsaView {
            name: isa.name.clone(),
            variant: camel(&isa.name),
            summary: isa.summary.clone(),
            arch: arch(isa),
            features: isa.features.clone(),
            detect: format!("is_{}_feature_detected", detected_as(&isa.arch)),
            listed: isa.pays.iter().flat_map(|pays| &pays.on).map(|on| format!("{:?}", on.cpus)).collect(),
        })
        .collect();
    let profiles = build.profiles.iter().enumerate();
    let profiles = profiles.map(|(index, loaded)| ProfileView {
        cpu: format!("{:?}", loaded.profile.cpu),
        file: format!("{:?}", loaded.source.name),
        rustc: format!("{:?}", loaded.profile.rustc),
        date: format!("{:?}", loaded.profile.date),
        rows: rows_of(build.tables, index),
    });
    let mut data = Shared::default();
    let tables = build.tables.iter().map(|table| view(table, build, rows, &mut data)).collect();
    let dispatch = Dispatch {
        isas,
        past: past(),
        profiles: profiles.collect(),
        rows: rows
            .lists
            .values()
            .map(|RowsView { name, sig, dtype, kernels }| RowsView {
                name: name.clone(),
                sig: sig.clone(),
                dtype: dtype.clone(),
                kernels: kernels.clone(),
            })
            .collect(),
        data: data.views,
        tables,
        backends: backends(build),
    };
    template::render("dispatch.rs", "dispatch", &dispatch)
}

/// The rules about stores past the caches, those of listed processors first.
fn past() -> Vec<PastView> {
    let share = |share: Share| format!("({}, {})", share.numerator, share.denominator);
    let mut all = Vec::new();
    for isa in Isa::all() {
        let Some(past) = &isa.past else { continue };
        let view = |cpus: &[String], alone, together| PastView {
            arch: isa.arch.clone(),
            cpus: format!("{cpus:?}"),
            alone: share(alone),
            together: share(together),
        };
        all.extend(past.on.iter().map(|on| view(&on.cpus, on.alone, on.together)));
        all.push(view(&[], past.alone, past.together));
    }
    all
}

/// Rows of a profile that count.
fn rows_of(tables: &[Table<'_, '_>], profile: usize) -> usize {
    // Tables of one group have the same rows of kernels.
    let mut seen: Vec<*const crate::expand::Group<'_>> = Vec::new();
    let mut count = 0;
    for table in tables {
        let is_first = !seen.contains(&std::ptr::from_ref(table.group));
        seen.push(std::ptr::from_ref(table.group));
        let of_profile = table.isas.iter().flat_map(|rows| &rows.tuned).filter(|(of, _)| *of == profile);
        for (_, tuned) in of_profile {
            let kernels = tuned.exact.iter().flat_map(|(_, picks)| picks).chain(&tuned.buckets);
            let kernels = kernels.filter(|pick| is_first && pick.won.is_some()).count();
            let cuts = tuned.threads.iter().flat_map(|(_, cuts)| cuts).filter(|cut| cut.won.is_some());
            count += kernels + cuts.count();
        }
    }
    count
}

/// The most elements that a backend counts.
fn longest(of: Option<u32>) -> String {
    of.map_or_else(
        || "usize::MAX".to_owned(),
        |longest| format!("{:#06x}_{:04x}", longest >> 16, longest & 0xffff),
    )
}

fn backends(build: &Build<'_, '_>) -> BTreeSet<String> {
    let routines = build.expanded.candidates.iter().filter_map(|candidate| candidate.routine);
    routines.map(|of| format!("({:?}, {})", of.backend.name, longest(of.backend.longest))).collect()
}

/// The table of the class `any` that has the operations of another one, where they have routines.
fn any(table: &Table<'_, '_>, build: &Build<'_, '_>) -> String {
    let (group, tables) = (table.group, build.tables);
    let is = |other: &&Table<'_, '_>| {
        let of = other.group;
        (of.numerics, of.dtype, of.inplace) == (Numerics::Any, group.dtype, group.inplace)
            && other.ops.iter().any(|op| table.ops.iter().any(|of| of.name == op.name))
    };
    let Some(any) = tables.iter().find(is).filter(|_| group.numerics == Numerics::Numpy) else {
        return "None".to_owned();
    };
    let routines = any.group.kernels.iter().filter_map(|&at| build.expanded.candidates[at].routine);
    let longest = longest(routines.filter_map(|routine| routine.backend.longest).min());
    format!("Some((&{}, {longest}))", table_name(any, tables))
}

fn view(table: &Table<'_, '_>, build: &Build<'_, '_>, rows: &Rows, data: &mut Shared) -> TableView {
    let (group, tables) = (table.group, build.tables);
    let isas = table.isas.iter().map(|of| {
        // Where kernels of another architecture are not in the build, nor are their rows.
        let is_here = |kernel: &usize| rows.places.contains_key(kernel);
        if of.buckets.is_empty() || !of.buckets.iter().all(is_here) {
            return None;
        }
        let default = data.defaults(of, (&of.exact, &of.buckets), rows);
        let on = of.on.iter().map(|(at, (exact, buckets))| {
            let choices = data.defaults(of, (exact, buckets), rows);
            format!("({at}, &{choices})")
        });
        let on = on.collect::<Vec<_>>().join(", ");
        let tuned = of.tuned.iter().map(|(profile, tuned)| {
            let choices = data.tuned(of, tuned, rows);
            format!("({profile}, &{choices})")
        });
        let tuned = tuned.collect::<Vec<_>>().join(", ");
        Some(IsaRowsView { default, on, tuned })
    });
    let isas = isas.collect();
    let ops: Vec<_> = table.ops.iter().map(|op| format!("`{}`", op.name)).collect();
    let kind = kind(group);
    let all: Vec<_> = group.kernels.iter().filter_map(|kernel| rows.places.get(kernel)).collect();
    TableView {
        name: table_name(table, tables),
        summary: format!("`{}` of {}: {}.", group.computation().name, group.dtype, ops.join(", ")),
        computation: group.computation().name.clone(),
        dtype: upper(group.dtype),
        kind: kind.suffix().to_owned(),
        sig: signature(table),
        rust: group.dtype.to_string(),
        rows: rows_name(table),
        all: format!("{all:?}"),
        any: any(table, build),
        isas,
    }
}

fn upper(dtype: Dtype) -> String {
    dtype.name().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::detected_as;

    #[test]
    fn features_are_detected_by_macros_that_exist() {
        for (arch, name) in
            [("x86_64", "x86"), ("aarch64", "aarch64"), ("riscv64", "riscv"), ("loongarch64", "loongarch")]
        {
            assert_eq!(detected_as(arch), name);
        }
    }
}
