//! `catalogue.rs`: every operation and every kernel, with its status.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Build, template};
use crate::{
    expand::{Candidate, Group, serves},
    op::{Form, Op, camel},
    spec::{
        Axis, Body, Chunk, InputKind, Numerics, Threads,
        expr::{Binary, Expr, Unary},
    },
};

#[derive(Serialize)]
struct CatalogueView {
    kernels: Vec<KernelView>,
    groups: Vec<GroupView>,
    ops: Vec<OpView>,
}

#[derive(Serialize)]
struct KernelView {
    name: String,
    computes: String,
    skeleton: &'static str,
    dtype: String,
    isa: String,
    variant: String,
    inplace: bool,
    status: String,
    identity: String,
}

#[derive(Serialize)]
struct GroupView {
    computation: String,
    dtype: String,
    numerics: String,
    inplace: bool,
    kernels: String,
}

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
    shapes: String,
    servings: Vec<ServingView>,
}

#[derive(Serialize)]
struct InputView {
    name: String,
    kind: String,
}

#[derive(Serialize)]
struct ServingView {
    group: usize,
    numerics: Vec<String>,
}

pub(super) fn write(build: &Build<'_, '_>, shipped: &BTreeSet<usize>) -> String {
    let candidates = build.expanded.candidates.iter().enumerate();
    let kernels = candidates.map(|(at, candidate)| kernel(candidate, shipped.contains(&at))).collect();
    let groups = build.expanded.groups.iter().map(group).collect();
    let ops = build.ops.iter().map(|of| op(of, &build.expanded.groups)).collect();
    template::render("catalogue.rs", "catalogue", &CatalogueView { kernels, groups, ops })
}

fn op(op: &Op<'_>, groups: &[Group<'_>]) -> OpView {
    let servings =
        groups.iter().enumerate().filter(|(_, group)| group.ops.iter().any(|of| of.name == op.name));
    let servings = servings.map(|(at, group)| ServingView {
        group: at,
        numerics: serves(group, op).into_iter().map(variant).collect(),
    });
    OpView {
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
        shapes: format!("{:?}", op.spec.shapes),
        servings: servings.collect(),
    }
}

fn group(group: &Group<'_>) -> GroupView {
    GroupView {
        computation: group.computation().name.clone(),
        dtype: group.dtype.name().to_uppercase(),
        numerics: variant(group.numerics),
        inplace: group.inplace.is_some(),
        kernels: format!("{:?}", group.kernels),
    }
}

fn kernel(Candidate { kernel, dropped }: &Candidate, ships: bool) -> KernelView {
    let status = match dropped {
        Some(reason) => format!("Status::Dropped({})", quoted(reason)),
        None if ships => "Status::Shipped".to_owned(),
        None => "Status::Candidate".to_owned(),
    };
    KernelView {
        name: kernel.name.clone(),
        computes: kernel.computes.clone(),
        skeleton: kernel.family.name(),
        dtype: kernel.types.storage.name().to_uppercase(),
        isa: camel(&kernel.isa.name),
        variant: kernel.variant.to_string(),
        inplace: kernel.variant.inplace.is_some(),
        status,
        identity: format!("{:#018x}", kernel.identity()),
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
        Unary::Floor => "Floor",
        Unary::Ceil => "Ceil",
        Unary::Trunc => "Trunc",
        Unary::Round => "Round",
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
        Binary::Copysign => "Copysign",
        Binary::Rem => "Rem",
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
