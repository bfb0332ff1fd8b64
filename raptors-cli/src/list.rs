//! `raptors list`: every operation, and every kernel once, with the operations that it serves.

use std::io::{self, Write};

use clap::ValueEnum;
use raptors::{
    Dtype, Isa,
    catalogue::{self, InputKind, Kernel, Op, Status},
};
use serde::Serialize;

use crate::{
    names,
    output::{self, WIDTH, wrap},
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Show candidates and dropped kernels too
    #[arg(long)]
    all: bool,
    /// Only that operation
    #[arg(long)]
    op: Option<String>,
    /// Only that element type
    #[arg(long)]
    dtype: Option<String>,
    /// Only that instruction set
    #[arg(long)]
    isa: Option<String>,
    /// Only kernels of that status
    #[arg(long)]
    status: Option<Kind>,
    /// Write JSON: every kernel that the filters leave
    #[arg(long)]
    json: bool,
}

/// A status without its reason.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// In the dispatch table
    Shipped,
    /// Compiled with the feature `candidates` alone
    Candidate,
    /// Its instruction set cannot hold it
    Dropped,
}

impl Kind {
    const fn of(status: &Status) -> (Self, Option<&'static str>) {
        match status {
            Status::Shipped => (Self::Shipped, None),
            Status::Candidate => (Self::Candidate, None),
            Status::Dropped(reason) => (Self::Dropped, Some(reason)),
        }
    }
}

/// A kernel in the JSON list.
#[derive(Serialize)]
struct Entry {
    kernel: &'static str,
    /// Its identity: kernels of one body are one kernel.
    body: String,
    computes: &'static str,
    skeleton: &'static str,
    dtype: &'static str,
    isa: &'static str,
    /// The library whose routine it is, if it is no kernel.
    backend: Option<&'static str>,
    variant: &'static str,
    serves: Vec<&'static str>,
    status: Kind,
    reason: Option<&'static str>,
}

/// What the arguments ask for, understood.
struct Filter {
    op: Option<&'static Op>,
    dtype: Option<Dtype>,
    isa: Option<Isa>,
    status: Option<Kind>,
}

impl Filter {
    fn ops(&self) -> impl Iterator<Item = &'static Op> {
        catalogue::ops().iter().filter(|op| self.op.is_none_or(|wanted| op.name == wanted.name))
    }

    /// Kernels, but for their status.
    fn kernels(&self) -> impl Iterator<Item = &'static Kernel> {
        catalogue::kernels().iter().filter(|kernel| {
            self.dtype.is_none_or(|dtype| kernel.dtype == dtype)
                && self.isa.is_none_or(|isa| kernel.isa == isa)
                && self.op.is_none_or(|op| op.kernels().any(|of_op| of_op.name == kernel.name))
        })
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let filter = Filter {
        op: arguments.op.as_deref().map(names::op).transpose()?,
        dtype: arguments.dtype.as_deref().map(names::dtype).transpose()?,
        isa: arguments.isa.as_deref().map(names::isa).transpose()?,
        status: arguments.status,
    };
    if arguments.json {
        return Ok(output::json(&entries(&filter), out)?);
    }
    writeln!(out, "Operations")?;
    for op in filter.ops() {
        writeln!(out)?;
        head(op, out)?;
    }
    writeln!(out, "\nKernels")?;
    let all: Vec<_> = filter.kernels().collect();
    let alike = |a: &&Kernel, b: &&Kernel| (a.computes, a.skeleton) == (b.computes, b.skeleton);
    for kernels in all.chunk_by(alike) {
        let mut serves: Vec<_> =
            kernels.iter().flat_map(|kernel| kernel.serves()).map(|op| op.name).collect();
        serves.sort_unstable();
        serves.dedup();
        let title = format!("{} {}: serves {}", kernels[0].computes, kernels[0].skeleton, serves.join(", "));
        writeln!(out)?;
        for (index, line) in wrap(&title, WIDTH - 2).iter().enumerate() {
            writeln!(out, "{}{line}", if index == 0 { "" } else { "  " })?;
        }
        for group in kernels.chunk_by(|a, b| (a.dtype, a.isa, a.backend) == (b.dtype, b.isa, b.backend)) {
            let of = group[0]
                .backend
                .map_or_else(|| group[0].isa.name().to_owned(), |of| format!("{of}, in the class any"));
            writeln!(out, "\n  {} {of}", group[0].dtype)?;
            block(group, filter.status, arguments.all, out)?;
        }
    }
    Ok(())
}

fn entries(filter: &Filter) -> Vec<Entry> {
    let wanted = |kernel: &&Kernel| filter.status.is_none_or(|wanted| wanted == Kind::of(&kernel.status).0);
    let entry = |kernel: &'static Kernel| {
        let (status, reason) = Kind::of(&kernel.status);
        Entry {
            kernel: kernel.name,
            body: format!("{:016x}", kernel.identity),
            computes: kernel.computes,
            skeleton: kernel.skeleton,
            dtype: kernel.dtype.name(),
            isa: kernel.isa.name(),
            backend: kernel.backend,
            variant: kernel.variant,
            serves: kernel.serves().map(|op| op.name).collect(),
            status,
            reason,
        }
    };
    filter.kernels().filter(wanted).map(entry).collect()
}

/// What an operation is.
fn head(op: &Op, out: &mut impl Write) -> io::Result<()> {
    for (index, line) in wrap(&format!("{}: {}", op.name, op.summary), WIDTH - 2).iter().enumerate() {
        writeln!(out, "{}{line}", if index == 0 { "" } else { "  " })?;
    }
    let inputs: Vec<_> =
        op.inputs.iter().map(|input| format!("{} ({})", input.name, form(input.kind))).collect();
    let result = match op.body.axis() {
        _ if op.body.gives_matrix() => "a matrix",
        None | Some(catalogue::Axis::All) => "one value",
        Some(catalogue::Axis::Zero) => "one value a column",
        Some(catalogue::Axis::One) => "one value a row",
    };
    let numerics: Vec<_> = op.numerics.iter().map(|class| class.name()).collect();
    let line = format!(
        "{} → {result}; numerics {}; {}:{}",
        inputs.join(", "),
        numerics.join(", "),
        op.file,
        op.line
    );
    for line in wrap(&line, WIDTH - 2) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

const fn form(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Matrix => "matrix",
        InputKind::Row => "row",
        InputKind::Column => "column",
        InputKind::Scalar => "scalar",
    }
}

/// The kernels of one operation, dtype and instruction set.
fn block(group: &[&Kernel], status: Option<Kind>, all: bool, out: &mut impl Write) -> io::Result<()> {
    let kernels = |kind: Kind| group.iter().filter(move |kernel| Kind::of(&kernel.status).0 == kind);
    let shown = |kind: Kind| status.map_or(all || kind == Kind::Shipped, |wanted| wanted == kind);
    let lines = || group.iter().filter(|kernel| shown(Kind::of(&kernel.status).0));
    if (status.is_some() || all) && lines().next().is_none() {
        writeln!(out, "    none")?;
    }
    let named = lines().filter(|kernel| !matches!(kernel.status, Status::Dropped(_)));
    let column = named.map(|kernel| kernel.name.len()).max().unwrap_or_default();
    for (kind, title) in [(Kind::Shipped, "shipped"), (Kind::Candidate, "candidates")] {
        if shown(kind) && kernels(kind).next().is_some() {
            if all && status.is_none() {
                writeln!(out, "    {title}")?;
            }
            for kernel in kernels(kind) {
                for (index, line) in wrap(kernel.variant, WIDTH.saturating_sub(6 + column)).iter().enumerate()
                {
                    writeln!(out, "    {:column$}  {line}", if index == 0 { kernel.name } else { "" })?;
                }
            }
        }
    }
    if shown(Kind::Dropped) {
        let mut reasons: Vec<&str> = Vec::new();
        for reason in kernels(Kind::Dropped).filter_map(|kernel| Kind::of(&kernel.status).1) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        for reason in reasons {
            for (index, line) in wrap(&format!("dropped: {reason}"), WIDTH - 6).iter().enumerate() {
                writeln!(out, "    {}{line}", if index == 0 { "" } else { "  " })?;
            }
            for kernel in kernels(Kind::Dropped).filter(|kernel| kernel.status == Status::Dropped(reason)) {
                writeln!(out, "      {}", kernel.name)?;
            }
        }
    }
    if status.is_none() && !all {
        let (candidates, dropped) = (kernels(Kind::Candidate).count(), kernels(Kind::Dropped).count());
        writeln!(out, "    and {}, {dropped} dropped", output::count(candidates, "candidate"))?;
    }
    Ok(())
}
