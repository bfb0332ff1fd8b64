//! `dispatch.rs`: the ISAs, and the tables.

use serde::Serialize;

use super::{Homes, template};
use crate::{
    Isa,
    op::{Form, camel},
    select::Table,
    spec::Numerics,
};

#[derive(Serialize)]
struct Dispatch {
    isas: Vec<IsaView>,
    tables: Vec<TableView>,
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
    arch: Option<String>,
    exact: Vec<ExactView>,
    buckets: Vec<String>,
    tasks: Vec<TasksView>,
    all: Vec<String>,
}

#[derive(Serialize)]
struct TasksView {
    crossover: String,
    chunk: String,
}

#[derive(Serialize)]
struct ExactView {
    rows: usize,
    cols: usize,
    kernels: Vec<String>,
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

pub(super) fn write(tables: &[Table<'_, '_>], homes: &Homes) -> String {
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
    template::render("dispatch.rs", "dispatch", &Dispatch { isas, tables })
}

fn view(table: &Table<'_, '_>, homes: &Homes) -> TableView {
    let row = |name: &str| homes.row(name).expect("what a row names is written");
    let isas = table
        .isas
        .iter()
        .map(|rows| RowsView {
            arch: arch(rows.isa),
            exact: rows
                .exact
                .iter()
                .map(|((rows, cols), kernels)| ExactView {
                    rows: *rows,
                    cols: *cols,
                    kernels: kernels.iter().map(|kernel| row(&kernel.name)).collect(),
                })
                .collect(),
            buckets: rows.buckets.iter().map(|candidate| row(&candidate.name)).collect(),
            tasks: rows
                .tasks
                .iter()
                .map(|tasks| TasksView {
                    crossover: tasks.crossover.map_or_else(|| "NEVER".to_owned(), bytes),
                    chunk: tasks.chunk.map_or_else(|| "PER_THREAD".to_owned(), bytes),
                })
                .collect(),
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
