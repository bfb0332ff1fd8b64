//! `dispatch.rs`: the ISAs, and the tables.

use raptors_profile::Kind;
use serde::Serialize;

use super::{Homes, template};
use crate::{
    Isa,
    expand::Candidate,
    op::{Form, camel},
    profiles::Loaded,
    select::{IsaRows, Pick, Table, Tasks, Tuned, Won},
    spec::Numerics,
};

#[derive(Serialize)]
struct Dispatch {
    isas: Vec<IsaView>,
    tables: Vec<TableView>,
    profiles: Vec<ProfileView>,
}

#[derive(Serialize)]
struct IsaView {
    name: String,
    variant: String,
    summary: String,
    arch: Option<String>,
    features: Vec<String>,
    detect: String,
}

#[derive(Serialize)]
struct TableView {
    name: String,
    summary: String,
    sig: String,
    dtype: String,
    isas: Vec<RowsView>,
}

#[derive(Serialize)]
struct RowsView {
    name: String,
    arch: Option<String>,
    default: ChoicesView,
    tuned: Vec<TunedView>,
    all: Vec<String>,
}

/// Rows by a profile: its place in the list of them.
#[derive(Serialize)]
struct TunedView {
    profile: usize,
    choices: ChoicesView,
}

/// The rows of an ISA by the defaults, or by a profile.
#[derive(Serialize)]
struct ChoicesView {
    exact: Vec<ExactView>,
    buckets: Vec<String>,
    tasks: Vec<String>,
    threads: Vec<ThreadsView>,
}

#[derive(Serialize)]
struct ExactView {
    rows: usize,
    cols: usize,
    kernels: Vec<String>,
}

#[derive(Serialize)]
struct ThreadsView {
    threads: usize,
    tasks: Vec<String>,
    won: Vec<String>,
}

#[derive(Serialize)]
struct ProfileView {
    cpu: String,
    file: String,
    rustc: String,
    date: String,
    rows: usize,
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

/// The name of a table's static.
pub(super) fn table_name(op: &str, dtype: crate::Dtype, numerics: Numerics, inplace: bool) -> String {
    let mut name = format!("{op}_{dtype}").to_uppercase();
    if numerics == Numerics::Accurate {
        name.push_str("_ACC");
    }
    if inplace {
        name.push_str("_INPLACE");
    }
    name
}

fn arch(isa: &Isa) -> Option<String> {
    (!isa.is_portable()).then(|| isa.arch.clone())
}

pub(super) fn write(tables: &[Table<'_, '_>], profiles: &[Loaded], homes: &Homes) -> String {
    let selected = tables;
    let isas = Isa::all()
        .iter()
        .map(|isa| IsaView {
            name: isa.name.clone(),
            variant: camel(&isa.name),
            summary: isa.summary.clone(),
            arch: arch(isa),
            features: isa.features.clone(),
            detect: format!("is_{}_feature_detected", detected_as(&isa.arch)),
        })
        .collect();
    let tables = tables.iter().map(|table| view(table, homes)).collect();
    let profiles = profiles
        .iter()
        .enumerate()
        .map(|(index, loaded)| ProfileView {
            cpu: format!("{:?}", loaded.profile.cpu),
            file: format!("{:?}", loaded.source.name),
            rustc: format!("{:?}", loaded.profile.rustc),
            date: format!("{:?}", loaded.profile.date),
            rows: rows_of(selected, index),
        })
        .collect();
    template::render("dispatch.rs", "dispatch", &Dispatch { isas, tables, profiles })
}

/// Rows of a profile that count.
fn rows_of(tables: &[Table<'_, '_>], profile: usize) -> usize {
    let tuned = tables.iter().flat_map(|table| &table.isas).flat_map(|rows| &rows.tuned);
    let tuned = tuned.filter(|(of, _)| *of == profile);
    let count = |tuned: &Tuned<'_, '_>| {
        let kernels =
            tuned.exact.iter().flat_map(|(_, picks)| picks).chain(&tuned.buckets).map(|pick| pick.won);
        let cuts = tuned.threads.iter().flat_map(|(_, cuts)| cuts).map(|cut| cut.won);
        kernels.chain(cuts).flatten().count()
    };
    tuned.map(|(_, tuned)| count(tuned)).sum()
}

/// A kernel as an entry of a table.
fn entry(kernel: &str, won: Option<Won>, homes: &Homes) -> String {
    let row = homes.row(kernel).expect("what a row names is written");
    format!("Entry {{ row: &{row}, won: {} }}", won_by(won))
}

fn won_by(won: Option<Won>) -> String {
    won.map_or_else(
        || "None".to_owned(),
        |Won { margin, interval }| {
            let [margin, low, high] = [margin, interval.low, interval.high].map(|percent| percent.tenths);
            format!("Some(Won {{ margin: {margin}, low: {low}, high: {high}, own: false }})")
        },
    )
}

fn cut(tasks: Tasks) -> String {
    let crossover = tasks.crossover.map_or_else(|| "NEVER".to_owned(), bytes);
    let chunk = tasks.chunk.map_or_else(|| "PER_THREAD".to_owned(), bytes);
    format!("Tasks {{ crossover: {crossover}, chunk: {chunk} }}")
}

fn default(rows: &IsaRows<'_, '_>, homes: &Homes) -> ChoicesView {
    let entry = |kernel: &&Candidate<'_>| entry(&kernel.name, None, homes);
    let exact = rows.exact.iter().map(|((rows, cols), kernels)| ExactView {
        rows: *rows,
        cols: *cols,
        kernels: kernels.iter().map(entry).collect(),
    });
    ChoicesView {
        exact: exact.collect(),
        buckets: rows.buckets.iter().map(entry).collect(),
        tasks: rows.tasks.iter().copied().map(cut).collect(),
        threads: Vec::new(),
    }
}

fn tuned(rows: &IsaRows<'_, '_>, tuned: &Tuned<'_, '_>, homes: &Homes) -> ChoicesView {
    let entry = |pick: &Pick<'_, '_>| entry(&pick.kernel.name, pick.won, homes);
    let exact = tuned.exact.iter().map(|((rows, cols), picks)| ExactView {
        rows: *rows,
        cols: *cols,
        kernels: picks.iter().map(entry).collect(),
    });
    let threads = tuned.threads.iter().map(|(threads, cuts)| ThreadsView {
        threads: *threads,
        tasks: cuts.iter().map(|of| cut(of.tasks)).collect(),
        won: cuts.iter().map(|of| won_by(of.won)).collect(),
    });
    ChoicesView {
        exact: exact.collect(),
        buckets: tuned.buckets.iter().map(entry).collect(),
        tasks: rows.tasks.iter().copied().map(cut).collect(),
        threads: threads.collect(),
    }
}

fn view(table: &Table<'_, '_>, homes: &Homes) -> TableView {
    let kind = match (table.inplace, table.numerics) {
        (true, _) => Kind::InPlace,
        (false, Numerics::Accurate) => Kind::Accurate,
        (false, Numerics::Numpy) => Kind::Plain,
    };
    let isas = table
        .isas
        .iter()
        .map(|rows| RowsView {
            name: format!("{}.{}.{}{}", table.op.name, table.dtype, rows.isa.name, kind.suffix()),
            arch: arch(rows.isa),
            default: default(rows, homes),
            tuned: {
                let tuned = |(profile, of): &(usize, _)| TunedView {
                    profile: *profile,
                    choices: tuned(rows, of, homes),
                };
                rows.tuned.iter().map(tuned).collect()
            },
            all: rows.all.iter().filter_map(|candidate| homes.row(&candidate.name)).collect(),
        })
        .collect();
    let inplace = if table.inplace { "Inplace" } else { "" };
    let way = match (table.op.form, table.inplace) {
        (Form::Map, true) => ", in place",
        (Form::Reduce(..), _) if table.numerics == Numerics::Accurate => ", by the tree down the columns",
        _ => "",
    };
    TableView {
        name: table_name(&table.op.name, table.dtype, table.numerics, table.inplace),
        summary: format!("`{}` of {}{way}.", table.op.name, table.dtype),
        sig: format!("{}{inplace}", table.op.type_name()),
        dtype: table.dtype.to_string(),
        isas,
    }
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
