//! `raptors explain`: which kernel a call runs, and why.

use std::io::Write;

use anyhow::bail;
use raptors::{Numerics, Origin, Win};
use serde::Serialize;

use crate::{names, output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The operation
    op: String,
    /// The element type
    dtype: String,
    /// The shape of the matrix, such as 512x512
    #[arg(value_name = "ROWSxCOLS", value_parser = names::shape)]
    shape: (usize, usize),
    /// The numeric class: numpy, accurate, any
    #[arg(long, value_name = "CLASS", default_value = Numerics::default().name())]
    numerics: String,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// What one allocation can have.
const MOST_BYTES: usize = isize::MAX.cast_unsigned();

#[derive(Serialize)]
struct Explanation {
    op: &'static str,
    dtype: &'static str,
    shape: String,
    numerics: &'static str,
    kernel: &'static str,
    variant: &'static str,
    /// The operations that share the kernel.
    serves: Vec<&'static str>,
    isa: &'static str,
    /// The library whose routine it is, if it is no kernel.
    backend: Option<&'static str>,
    reason: String,
    threads: usize,
    sharing: String,
    /// What calls of its size have learned, if these decided how it is cut.
    adapted: Option<Adapted>,
    chunk_bytes: Option<usize>,
    crossover_bytes: Option<usize>,
    /// The row of a profile that chose the kernel.
    winner: Option<Row>,
    /// The row of a profile that says how calls are cut.
    cut: Option<Row>,
    spec: String,
}

/// How calls go that have learned.
#[derive(Serialize)]
struct Adapted {
    way: String,
    samples: u64,
}

/// A row of a profile.
#[derive(Serialize)]
struct Row {
    profile: String,
    margin: String,
    interval: String,
}

impl Row {
    fn of(win: &Win) -> Self {
        let Win { profile, margin, interval, .. } = win.clone();
        Self { profile, margin, interval }
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let op = names::op(&arguments.op)?;
    let dtype = names::dtype(&arguments.dtype)?;
    let numerics = names::numerics(&arguments.numerics)?;
    if !op.numerics.contains(&numerics) {
        let there: Vec<_> = op.numerics.iter().map(|class| class.name()).collect();
        bail!("`{}` has no numeric class `{numerics}`\nthere are: {}", op.name, there.join(", "));
    }
    let (rows, cols) = arguments.shape;
    if rows
        .checked_mul(cols)
        .and_then(|len| len.checked_mul(dtype.bytes()))
        .is_none_or(|bytes| bytes > MOST_BYTES)
    {
        bail!("no matrix has {rows}×{cols} elements: that is more than memory can hold");
    }
    let found = op.explain(dtype, numerics, arguments.shape)?;
    let kernel = names::kernel(found.kernel)?;
    let explanation = Explanation {
        op: op.name,
        dtype: dtype.name(),
        shape: format!("{rows}x{cols}"),
        numerics: numerics.name(),
        kernel: found.kernel,
        variant: kernel.variant,
        serves: kernel.serves().map(|op| op.name).collect(),
        isa: found.isa.name(),
        backend: found.backend,
        reason: found.reason.clone(),
        threads: found.threads,
        sharing: found.sharing.clone(),
        adapted: found
            .adapted
            .as_ref()
            .map(|adapted| Adapted { way: adapted.way.to_string(), samples: adapted.samples }),
        chunk_bytes: found.chunk,
        crossover_bytes: found.crossover,
        winner: found.won.as_ref().map(Row::of),
        cut: found.cut_won.as_ref().map(Row::of),
        spec: found.spec.clone(),
    };
    if arguments.json {
        return Ok(output::json(&explanation, out)?);
    }
    writeln!(out, "{} {dtype} {rows}×{cols}", op.name)?;
    let isa = format!("{} ({})", found.isa.name(), found.isa.summary());
    let ran_by = found.backend.map_or(("isa", isa.as_str()), |backend| ("backend", backend));
    for (name, value) in [
        ("kernel", explanation.kernel),
        ("variant", explanation.variant),
        ("serves", &explanation.serves.join(", ")),
        ran_by,
        ("numerics", explanation.numerics),
        ("reason", &explanation.reason),
        ("winner", &winner(&found)?),
        ("threads", &threads(&found)),
        ("spec", &explanation.spec),
    ] {
        output::field(name, value, out)?;
    }
    Ok(())
}

/// Who says that this kernel is the best, and by how much.
fn winner(found: &raptors::catalogue::Explanation) -> anyhow::Result<String> {
    if let Some(win) = &found.won {
        return Ok(win.to_string());
    }
    let followed = raptors::profile()?;
    Ok(match (&followed.own, followed.built_in) {
        (None, None) => "the default: no profile is followed (`raptors info` says why)".to_owned(),
        (Some(own), _) => format!("the default: {} has no row for it", own.file.display()),
        (None, Some(built_in)) => format!("the default: {} has no row for it", built_in.file),
    })
}

/// How many threads take part, in what pieces, and why.
fn threads(found: &raptors::catalogue::Explanation) -> String {
    let raptors::catalogue::Explanation { threads, sharing, chunk, cut_won, .. } = found;
    let pieces = match (threads, chunk) {
        (1, _) => String::new(),
        (_, None) => ", a piece for each".to_owned(),
        (_, Some(chunk)) => format!(", pieces of {}", output::bytes(*chunk)),
    };
    let said = format!("{threads} of {}{pieces}: {sharing}", allowed());
    match cut_won {
        Some(win) => format!("{said}; {win}"),
        None => said,
    }
}

/// How many threads a call may use, and who says so: `2 (cores)`.
fn allowed() -> String {
    let origin = raptors::knobs()
        .iter()
        .filter(|knob| knob.variables.iter().any(|variable| variable.name == "RAPTORS_THREADS"))
        .find_map(|knob| match &knob.in_force.as_ref().ok()?.origin {
            Origin::Variable { name, .. } => Some(*name),
            Origin::Default => None,
        });
    format!("{} ({})", raptors::num_threads(), origin.unwrap_or("cores"))
}
