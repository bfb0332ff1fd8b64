//! `catalogue.rs`: every operation and every kernel, with its status.

use serde::Serialize;

use super::{Homes, template};
use crate::{
    expand::{Candidate, serves},
    op::{Form, Op, camel},
    select::{Table, ships},
    spec::{
        Axis, Body, Chunk, InputKind, Numerics, Threads,
        expr::{Binary, Expr, Unary},
    },
};

#[derive(Serialize)]
struct OpView {
    source: String,
    function: String,
    name: String,
    summary: String,
    file: String,
    line: usize,
    spec: String,
    inputs: Vec<InputView>,
    dtypes: Vec<String>,
    numerics: Vec<String>,
    body: String,
    chunks: String,
    alone: bool,
    shared: bool,
    kernels: Vec<KernelView>,
}

#[derive(Serialize)]
struct InputView {
    name: String,
    kind: String,
}

#[derive(Serialize)]
struct KernelView {
    name: String,
    dtype: String,
    isa: String,
    variant: String,
    shape: String,
    numerics: Vec<String>,
    inplace: bool,
    status: String,
    body: String,
}

pub(super) fn write(
    ops: &[Op<'_>],
    candidates: &[Candidate<'_>],
    tables: &[Table<'_, '_>],
    homes: &Homes,
) -> String {
    let views: Vec<OpView> = ops
        .iter()
        .map(|op| OpView {
            source: format!("{}:{}", op.spec.file, op.spec.line),
            function: op.name.clone(),
            name: quoted(&op.name),
            summary: quoted(&op.spec.summary),
            file: quoted(&op.spec.file),
            line: op.spec.line,
            spec: quoted(&op.spec.text),
            inputs: op
                .spec
                .inputs
                .iter()
                .map(|input| InputView { name: quoted(&input.name), kind: kind(input.kind).to_owned() })
                .collect(),
            dtypes: op.spec.dtypes.iter().map(|dtype| dtype.name().to_uppercase()).collect(),
            numerics: op.numerics().iter().map(|&class| variant(class)).collect(),
            body: body(op),
            chunks: format!("{:?}", op.spec.tasks.chunk.iter().map(chunk).collect::<Vec<_>>()),
            alone: op.spec.tasks.threads.contains(&Threads::One),
            shared: op.spec.tasks.threads.contains(&Threads::All),
            kernels: candidates
                .iter()
                .filter(|candidate| candidate.op.name == op.name)
                .map(|candidate| kernel(candidate, tables, homes))
                .collect(),
        })
        .collect();
    template::render("catalogue.rs", "catalogue", &views)
}

fn kernel(candidate: &Candidate<'_>, tables: &[Table<'_, '_>], homes: &Homes) -> KernelView {
    let status = match &candidate.dropped {
        Some(reason) => format!("Status::Dropped({})", quoted(reason)),
        None if ships(tables, candidate) => "Status::Shipped".to_owned(),
        None => "Status::Candidate".to_owned(),
    };
    KernelView {
        name: quoted(&candidate.name),
        dtype: candidate.dtype.name().to_uppercase(),
        isa: camel(&candidate.isa.name),
        variant: quoted(&candidate.variant.to_string()),
        shape: format!("{:?}", candidate.variant.shape),
        numerics: serves(candidate).into_iter().map(variant).collect(),
        inplace: candidate.variant.inplace,
        status,
        body: homes
            .body(&candidate.name)
            .map_or_else(|| "None".to_owned(), |body| format!("Some({body:#018x})")),
    }
}

const fn chunk(chunk: &Chunk) -> Option<usize> {
    match chunk {
        Chunk::Bytes(bytes) => Some(*bytes),
        Chunk::PerThread => None,
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn variant(class: Numerics) -> String {
    camel(class.name())
}

const fn kind(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Matrix => "Matrix",
        InputKind::Row => "Row",
        InputKind::Column => "Column",
        InputKind::Scalar => "Scalar",
    }
}

fn body(op: &Op<'_>) -> String {
    match (op.form, &op.spec.body) {
        (Form::Map, Body::Map { output }) => format!("Body::Map({})", expr(output)),
        (Form::Reduce(reduce, axis), _) => {
            let axis = match axis {
                Axis::All => "All",
                Axis::Zero => "Zero",
                Axis::One => "One",
            };
            let state: Vec<String> = reduce
                .state
                .iter()
                .map(|field| {
                    format!(
                        "Field {{ name: {:?}, init: {}, step: {}, merge: {} }}",
                        field.name,
                        expr(&field.init),
                        expr(&field.step),
                        expr(&field.merge)
                    )
                })
                .collect();
            let finish =
                reduce.finish.as_ref().map_or("None".to_owned(), |finish| format!("Some({})", expr(finish)));
            format!(
                "Body::Reduce {{ axis: Axis::{axis}, state: &[{}], finish: {finish}, sequential: {}, has_identity: {} }}",
                state.join(", "),
                reduce.sequential,
                reduce.has_identity
            )
        }
        (Form::Map, Body::Reduce(_)) => unreachable!("a map operation comes from a map spec"),
    }
}

/// An expression as a constant of the library's oracle.
fn expr(of: &Expr) -> String {
    match of {
        Expr::Input(index) => format!("Expr::Input({index})"),
        Expr::State(index) => format!("Expr::State({index})"),
        Expr::Side { second, index } => format!("Expr::Side({second}, {index})"),
        Expr::Count => "Expr::Count".to_owned(),
        Expr::Literal(value) if value.is_infinite() => {
            format!("Expr::Literal({}f64::INFINITY)", if *value < 0.0 { "-" } else { "" })
        }
        Expr::Literal(value) => format!("Expr::Literal({value:?})"),
        Expr::Unary(op, x) => format!("Expr::{}(&{})", unary(*op), expr(x)),
        Expr::Binary(op, x, y) => format!("Expr::{}(&{}, &{})", binary(*op), expr(x), expr(y)),
        Expr::Fma(operands) => format!("Expr::Fma(&[{}])", operands.each_ref().map(expr).join(", ")),
        Expr::Select(operands) => format!("Expr::Select(&[{}])", operands.each_ref().map(expr).join(", ")),
    }
}

const fn unary(op: Unary) -> &'static str {
    match op {
        Unary::Neg => "Neg",
        Unary::Abs => "Abs",
        Unary::Sqrt => "Sqrt",
        Unary::IsNan => "IsNan",
        Unary::Not => "Not",
    }
}

const fn binary(op: Binary) -> &'static str {
    match op {
        Binary::Add => "Add",
        Binary::Sub => "Sub",
        Binary::Mul => "Mul",
        Binary::Div => "Div",
        Binary::Min => "Min",
        Binary::Max => "Max",
        Binary::Lt => "Lt",
        Binary::Le => "Le",
        Binary::Gt => "Gt",
        Binary::Ge => "Ge",
        Binary::Eq => "Eq",
        Binary::Ne => "Ne",
        Binary::And => "And",
        Binary::Or => "Or",
    }
}
