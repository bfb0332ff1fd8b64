//! `catalogue.rs`: every operation and every kernel, with its status.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Build, template};
use crate::{
    expand::{Candidate, Group, serves},
    op::{Form, Op, StagedOp, camel},
    spec::{
        Axis, Body, Chunk, InputKind, Numerics, Spec, Threads,
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
    backend: String,
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
    let groups_of = &build.expanded.groups;
    let public = build.ops.iter().filter(|of| !of.is_part()).map(|of| op(of, groups_of));
    let mut ops: Vec<OpView> = public.chain(build.staged.iter().map(|of| staged(of, groups_of))).collect();
    ops.sort_by(|a, b| a.function.cmp(&b.function));
    template::render("catalogue.rs", "catalogue", &CatalogueView { kernels, groups, ops })
}

fn op(op: &Op<'_>, groups: &[Group<'_>]) -> OpView {
    let servings =
        groups.iter().enumerate().filter(|(_, group)| group.ops.iter().any(|of| of.name == op.name));
    let servings = servings.map(|(at, group)| ServingView {
        group: at,
        numerics: serves(group, op).into_iter().map(variant).collect(),
    });
    view(&op.name, op.spec, op.numerics(), body(op), servings.collect())
}

fn staged(op: &StagedOp<'_>, groups: &[Group<'_>]) -> OpView {
    let parts = op.parts();
    let is_part = |of: &&Op<'_>| parts.contains(&of.name);
    let servings = groups.iter().enumerate().filter_map(|(at, group)| {
        let part = group.ops.iter().copied().find(is_part)?;
        let numerics = serves(group, part).into_iter().map(variant).collect();
        Some(ServingView { group: at, numerics })
    });
    view(&op.name, op.spec, &op.staged.numerics, staged_body(op), servings.collect())
}

fn view(name: &str, spec: &Spec, numerics: &[Numerics], body: String, servings: Vec<ServingView>) -> OpView {
    OpView {
        source: format!("{}:{}", spec.file, spec.line),
        function: name.to_owned(),
        name: quoted(name),
        summary: quoted(&spec.summary),
        file: quoted(&spec.file),
        line: spec.line,
        spec: quoted(&spec.text),
        inputs: spec
            .inputs
            .iter()
            .map(|input| InputView { name: quoted(&input.name), kind: kind(input.kind).to_owned() })
            .collect(),
        dtypes: spec.dtypes.iter().map(|dtype| dtype.name().to_uppercase()).collect(),
        numerics: numerics.iter().map(|&class| variant(class)).collect(),
        body,
        chunks: format!("{:?}", spec.tasks.chunk.iter().map(chunk).collect::<Vec<_>>()),
        alone: spec.tasks.threads.contains(&Threads::One),
        shared: spec.tasks.threads.contains(&Threads::All),
        shapes: format!("{:?}", spec.shapes),
        servings,
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

fn kernel(candidate: &Candidate, ships: bool) -> KernelView {
    let Candidate { kernel, dropped, routine } = candidate;
    let status = match dropped {
        Some(reason) => format!("Status::Dropped({})", quoted(reason)),
        // A routine is there whether or not a row names it.
        None if ships || routine.is_some() => "Status::Shipped".to_owned(),
        None => "Status::Candidate".to_owned(),
    };
    KernelView {
        name: kernel.name.clone(),
        computes: kernel.computes.clone(),
        skeleton: kernel.family.name(),
        dtype: kernel.types.storage.name().to_uppercase(),
        isa: camel(&kernel.isa.name),
        backend: routine
            .map_or_else(|| "None".to_owned(), |routine| format!("Some({:?})", routine.backend.name)),
        variant: routine.map_or_else(|| kernel.variant.to_string(), |routine| routine.symbol().to_owned()),
        inplace: kernel.variant.inplace.is_some(),
        status,
        identity: format!("{:#018x}", candidate.identity()),
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
            let axis = over(axis);
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
        (Form::Map, Body::Reduce(_) | Body::Staged(_)) => {
            unreachable!("a map operation comes from a map spec")
        }
    }
}

/// The axis in the words of the library.
const fn over(axis: Axis) -> &'static str {
    match axis {
        Axis::All => "All",
        Axis::Zero => "Zero",
        Axis::One => "One",
    }
}

fn staged_body(op: &StagedOp<'_>) -> String {
    let finish = |finish: &Option<Expr>| {
        finish.as_ref().map_or_else(|| "None".to_owned(), |finish| format!("Some({})", expr(finish)))
    };
    let stages = op.staged.stages.iter().map(|stage| {
        let fold = stage.fold.as_ref().map_or_else(
            || "None".to_owned(),
            |(of, combine)| format!("Some(({}, Combine::{combine:?}))", expr(of)),
        );
        format!("Stage {{ name: {:?}, fold: {fold}, finish: {} }}", stage.name, finish(&stage.finish))
    });
    let outputs = op.staged.outputs.iter().map(|output| {
        let (name, value, result) = (&output.name, expr(&output.value), output.result);
        format!("Output {{ name: {name:?}, value: {value}, result: ResultType::{result:?} }}")
    });
    format!(
        "Body::Staged {{ axis: Axis::{}, stages: &[{}], outputs: &[{}], has_identity: {} }}",
        over(op.axis),
        stages.collect::<Vec<_>>().join(", "),
        outputs.collect::<Vec<_>>().join(", "),
        op.staged.has_identity
    )
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
        Expr::Literal(value) if value.is_nan() => "Expr::Literal(f64::NAN)".to_owned(),
        Expr::Literal(value) => format!("Expr::Literal({value:?})"),
        Expr::Unary(Unary::Function(function), x) => {
            format!("Expr::Function(&crate::functions::{}, &{})", function.constant(), expr(x))
        }
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
        Unary::Exponent => "Exponent",
        Unary::Mantissa => "Mantissa",
        Unary::Pow2 => "Pow2",
        Unary::Function(_) => "Function",
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
