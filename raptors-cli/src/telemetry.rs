//! `raptors info --telemetry`: what telemetry tells of calls of every operation on this machine.

use std::{io::Write, time::Duration};

use raptors::{
    Dtype, Element, Matrix,
    catalogue::{self, Arg, Axis, Body, Call, InputKind, Op, Out, Place, ResultType, Value},
    telemetry,
};

use crate::output::field;

/// Rows and columns of the matrices.
const SIDE: usize = 256;
/// Calls of each operation and dtype.
const CALLS: usize = 10;

pub(crate) fn run(out: &mut impl Write) -> anyhow::Result<()> {
    telemetry::set(true);
    for op in catalogue::ops() {
        for dtype in op.dtypes {
            for _ in 0..CALLS {
                match dtype {
                    Dtype::F32 => call::<f32>(op)?,
                    Dtype::F64 => call::<f64>(op)?,
                }
            }
        }
    }
    let telemetry::Snapshot { rows, pool, helpers, .. } = telemetry::snapshot();
    writeln!(out, "{CALLS} calls of every operation on {SIDE}×{SIDE}")?;
    writeln!(out, "  {:<26}dtype  size    isa       threads  calls    median   longest", "operation")?;
    for row in rows {
        let telemetry::Kind { op, dtype, size, isa, parallel, .. } = row.kind;
        let (isa, threads, calls) = (isa.name(), if parallel { "several" } else { "one" }, row.calls);
        let [median, longest] = [0.5, 1.0].map(|share| time(row.quantile(share)));
        writeln!(
            out,
            "  {op:<26}{:<7}{size:<8}{isa:<10}{threads:<7}{calls:>7}{median:>10}{longest:>10}",
            dtype.name()
        )?;
    }
    field("pool", &format!("{} hits, {} misses", pool.hits, pool.misses), out)?;
    field("helpers", &format!("{} waits, {} together", helpers.waits, time(helpers.time)), out)?;
    Ok(())
}

/// `1.2 µs`.
fn time(time: Duration) -> String {
    format!("{time:.1?}")
}

/// A call on ones.
fn call<T: Element>(op: &Op) -> anyhow::Result<()> {
    let one = T::from_f64(1.0);
    let (x, run) = (Matrix::from_fn(SIDE, SIDE, |_, _| one)?, [one; SIDE]);
    let value = |kind| match kind {
        InputKind::Matrix => Value::Matrix(x.view()),
        InputKind::Row | InputKind::Column => Value::Slice(&run),
        InputKind::Scalar => Value::Scalar(one),
    };
    let args: Vec<Arg<'_>> = op.inputs.iter().map(|input| T::arg(value(input.kind))).collect();
    let call = |out: Out<'_>| op.call(&Call::default(), &args, out);
    let results = match op.body.axis() {
        _ if op.body.gives_matrix() => {
            return Ok(call(T::out(Place::Matrix(Matrix::zeros(SIDE, SIDE)?.view_mut())))?);
        }
        None | Some(Axis::All) => 1,
        Some(Axis::Zero | Axis::One) => SIDE,
    };
    let outputs = if let Body::Staged { outputs, .. } = op.body { outputs } else { &[] };
    Ok(match outputs.first().map(|output| output.result) {
        Some(ResultType::Whole) => call(Out::Whole(&mut vec![0; results])),
        Some(ResultType::Truth) => call(Out::Truth(&mut vec![false; results])),
        _ => call(T::out(Place::Slice(&mut vec![T::ZERO; results * outputs.len().max(1)]))),
    }?)
}
