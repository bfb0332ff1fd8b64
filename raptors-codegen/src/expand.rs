//! Expand: operations × dtypes × ISAs × variants × shapes, within a budget.
//!
//! What an ISA cannot hold is kept with the reason, so that people can be told; the rest are candidates.

use crate::{
    Dtype, Isa,
    diagnostics::{Diagnostic, Diagnostics},
    ir::{self, Kernel},
    op::{Family, Form, Op},
    spec::{Axis, InputKind, Numerics, Prefetch, Schedule, Spec, Store, Tile},
    variant::Variant,
};

/// More candidates than this for one operation, dtype and ISA are an error, unless the spec asks for `explore = "full"`.
pub const BUDGET: usize = 150;

/// A kernel that could be built, or that its ISA cannot hold.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The operation.
    pub op: Op<'a>,
    /// Its skeleton.
    pub family: Family,
    /// Element type.
    pub dtype: Dtype,
    /// Instruction set.
    pub isa: &'static Isa,
    /// The variant.
    pub variant: Variant,
    /// The kernel's name.
    pub name: String,
    /// Why the ISA cannot hold it, if it cannot.
    pub dropped: Option<String>,
}

/// Every candidate of every operation, sorted by operation, dtype, ISA and the order variants are written in.
///
/// # Errors
/// Over the budget, or a variant value that no ISA can hold.
pub fn expand<'a>(ops: &[Op<'a>]) -> Result<Vec<Candidate<'a>>, Diagnostics> {
    let mut all = Vec::new();
    let mut errors = Vec::new();
    for op in ops {
        let mut of_op = Vec::new();
        for &dtype in &op.spec.dtypes {
            for isa in Isa::all() {
                let group = group(op, dtype, isa);
                let held = group.iter().filter(|candidate| candidate.dropped.is_none()).count();
                if held > BUDGET && !op.spec.variants.full {
                    errors.push(over_budget(op.spec, &op.name, dtype, isa, held));
                }
                of_op.extend(group);
            }
        }
        all.extend(of_op);
    }
    let mut specs: Vec<&Spec> = Vec::new();
    for op in ops {
        if specs.iter().all(|spec| spec.name != op.spec.name) {
            specs.push(op.spec);
        }
    }
    for spec in specs {
        let of_spec: Vec<_> = all.iter().filter(|candidate| candidate.op.spec.name == spec.name).collect();
        errors.extend(held_nowhere(spec, &of_spec));
    }
    if errors.is_empty() { Ok(all) } else { Err(Diagnostics::new(errors)) }
}

fn group<'a>(op: &Op<'a>, dtype: Dtype, isa: &'static Isa) -> Vec<Candidate<'a>> {
    let mut group: Vec<Candidate<'a>> = Vec::new();
    for numerics in op.kernel_classes() {
        let family = op.family(numerics);
        for variant in variants(op, family, dtype, isa) {
            let variant = Variant { numerics, ..variant };
            let name = variant.kernel_name(&op.name, dtype, isa);
            if group.iter().any(|other| other.name == name) {
                continue;
            }
            let dropped = not_held(op, family, dtype, isa, &variant);
            group.push(Candidate { op: op.clone(), family, dtype, isa, variant, name, dropped });
        }
    }
    group
}

/// The variants of a family, the default first.
///
/// The budget: all combinations of what shapes the step itself; prefetch at the default alone; in place and
/// specialised shapes vary the unroll factor alone.
fn variants(op: &Op<'_>, family: Family, dtype: Dtype, isa: &'static Isa) -> Vec<Variant> {
    let wanted = &op.spec.variants;
    let base = default_variant(op, family, dtype, isa);
    let beyond = beyond_cache(op, family, &base);
    let mut all = vec![base, beyond];
    let prefetches = or_default(&wanted.prefetch, base.prefetch);
    match family {
        Family::Map => {
            for &unroll in &or_default(&wanted.unroll, base.unroll) {
                for &schedule in &or_default(&wanted.schedule, base.schedule) {
                    for &store in &or_default(&wanted.store, base.store) {
                        all.push(Variant { unroll, schedule, store, ..base });
                    }
                }
                all.push(Variant { unroll, inplace: true, schedule: Schedule::Grouped, ..base });
            }
        }
        Family::Runs => {
            for &unroll in &or_default(&wanted.unroll, base.unroll) {
                for &streams in &or_default(&wanted.streams, base.streams) {
                    all.push(Variant { unroll, streams, ..base });
                }
            }
        }
        Family::RunsInOrder => return all,
        Family::Columns => {
            for &unroll in &or_default(&wanted.unroll, base.unroll) {
                for &tile in &or_default(&wanted.tile, base.tile) {
                    all.push(Variant { unroll, tile, ..base });
                }
            }
        }
        Family::ColumnTree => {
            for &tile in &or_default(&wanted.tile, base.tile) {
                all.push(Variant { tile, ..base });
            }
        }
    }
    let plain: Vec<Variant> = all.iter().copied().filter(|variant| !variant.inplace).collect();
    let with_prefetch = if wanted.full { plain } else { vec![base] };
    all.extend(
        with_prefetch
            .iter()
            .flat_map(|&variant| prefetches.iter().map(move |&prefetch| Variant { prefetch, ..variant })),
    );
    if family == Family::ColumnTree {
        return all;
    }
    let shaped: Vec<Variant> = if wanted.full {
        all.iter().copied().filter(|variant| !variant.inplace).collect()
    } else {
        let unrolls = or_default(&wanted.unroll, base.unroll);
        unrolls.into_iter().map(|unroll| Variant { unroll, tile: Tile::Whole, ..base }).collect()
    };
    for &shape in &op.spec.shapes {
        all.extend(shaped.iter().map(|&variant| Variant { shape: Some(shape), ..variant }));
        if beyond != base && bytes(op, dtype, shape) > MAYBE_BEYOND_CACHE {
            all.push(Variant { shape: Some(shape), ..beyond });
        }
    }
    all
}

fn or_default<T: Copy>(values: &[T], default: T) -> Vec<T> {
    if values.is_empty() { vec![default] } else { values.to_vec() }
}

/// What is built without any tuning: the family's default, or of the values the spec lists the nearest below it that
/// the ISA can hold.
///
/// The defaults come from measurements. Maps: four vectors a step (more brings nothing, fewer costs loop overhead).
/// Runs: two places far apart, a leaf of each at a time; the processor itself overlaps leaves that follow each other,
/// while more places at once confuse its prefetchers. Down the columns: eight rows a step (the accumulators then cross
/// memory once in eight rows).
#[must_use]
pub fn default_variant(op: &Op<'_>, family: Family, dtype: Dtype, isa: &'static Isa) -> Variant {
    let wanted = &op.spec.variants;
    let best = match family {
        Family::Map => 4,
        Family::Runs | Family::RunsInOrder => 1,
        Family::Columns | Family::ColumnTree => 8,
    };
    let streams = if family == Family::Runs { nearest(&wanted.streams, 2) } else { 1 };
    let tile = match family {
        Family::Columns if !wanted.tile.is_empty() && !wanted.tile.contains(&Tile::Whole) => wanted.tile[0],
        Family::ColumnTree => {
            wanted.tile.iter().copied().find(|&tile| tile != Tile::Whole).unwrap_or(Tile::Bytes(1024))
        }
        _ => Tile::Whole,
    };
    let schedule = match wanted.schedule[..] {
        [Schedule::Pipelined] => Schedule::Pipelined,
        _ => Schedule::Grouped,
    };
    let listed = match family {
        Family::Map | Family::Runs | Family::Columns if !wanted.unroll.is_empty() => wanted.unroll.clone(),
        Family::Map => vec![1, 2, 4],
        Family::Runs | Family::RunsInOrder => vec![1],
        Family::Columns | Family::ColumnTree => vec![8],
    };
    let with = |unroll| Variant { schedule, streams, tile, ..Variant::plain(unroll) };
    // From the best downwards, then from the best upwards.
    let mut order = listed;
    order.sort_by_key(|&unroll| (unroll > best, unroll.abs_diff(best)));
    let held = order.iter().find(|&&unroll| not_held(op, family, dtype, isa, &with(unroll)).is_none());
    match (held, family) {
        (Some(&unroll), _) => with(unroll),
        (None, Family::ColumnTree) => with(8),
        // Whatever the spec lists: every ISA has the plainest.
        (None, _) => Variant::plain(1),
    }
}

/// The default where a call's bytes do not stay in cache: a map's stores then go past it, unless the spec lists stores
/// without that. A matrix that is written once and not read again soon would only push others out.
#[must_use]
pub fn beyond_cache(op: &Op<'_>, family: Family, default: &Variant) -> Variant {
    let listed = &op.spec.variants.store;
    if family == Family::Map && (listed.is_empty() || listed.contains(&Store::Streaming)) {
        Variant { store: Store::Streaming, ..*default }
    } else {
        *default
    }
}

/// The default for tall matrices: short runs want a whole block of them side by side, since folding a leaf's eight
/// accumulators takes as long for one leaf as for eight.
#[must_use]
pub fn tall(op: &Op<'_>, family: Family, default: &Variant) -> Variant {
    if family != Family::Runs || !matches!(op.form, Form::Reduce(_, Axis::One)) {
        return *default;
    }
    let listed = &op.spec.variants.unroll;
    let wanted = (ir::BLOCK / default.streams).max(1);
    Variant { unroll: if listed.is_empty() { default.unroll } else { nearest(listed, wanted) }, ..*default }
}

/// Shapes of more bytes than this may not stay in some machine's caches: they get a kernel for that case too.
const MAYBE_BEYOND_CACHE: usize = 8 << 20;

/// Bytes that a call on that shape reads and writes.
#[must_use]
pub fn bytes(op: &Op<'_>, dtype: Dtype, (rows, cols): (usize, usize)) -> usize {
    let read = op.spec.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count();
    let written = usize::from(matches!(op.form, Form::Map));
    rows * cols * (read + written) * dtype.bytes()
}

/// The largest listed value up to `best`, or the smallest; `best` where the spec leaves the choice open.
fn nearest(listed: &[usize], best: usize) -> usize {
    let below = listed.iter().copied().filter(|&value| value <= best).max();
    below.or_else(|| listed.iter().copied().min()).unwrap_or(best)
}

/// Why an ISA cannot hold a variant.
fn not_held(
    op: &Op<'_>,
    family: Family,
    dtype: Dtype,
    isa: &'static Isa,
    variant: &Variant,
) -> Option<String> {
    let isa_name = &isa.name;
    if variant.prefetch != Prefetch::None && !isa.prefetch {
        return Some(format!("{isa_name} has no prefetch"));
    }
    if variant.store == Store::Streaming && !isa.streaming {
        return Some(format!("{isa_name} has no streaming stores"));
    }
    if variant.shape.is_some() && !isa.shapes {
        return Some(format!("{isa_name} has no kernels for one shape: there they gain nothing"));
    }
    let step = variant.unroll * isa.vector_bytes;
    if family == Family::Map && !step.is_multiple_of(64) {
        if variant.store == Store::Streaming {
            return Some(format!("a step of {step} B does not fill 64-byte lines, which streaming needs"));
        }
        if variant.prefetch != Prefetch::None {
            return Some(format!("a step of {step} B is no whole line, which one hint a line needs"));
        }
    }
    if family == Family::ColumnTree && variant.tile == Tile::Whole {
        return Some("the tree keeps eight accumulators a column: a stripe has to be bounded".to_owned());
    }
    if let Tile::Bytes(bytes) = variant.tile
        && bytes % isa.vector_bytes != 0
    {
        return Some(format!("a stripe of {bytes} B is no whole number of {isa_name} vectors"));
    }
    if let (Family::Runs, Some((rows, cols))) = (family, variant.shape) {
        let run = if matches!(op.form, Form::Reduce(_, Axis::All)) { rows * cols } else { cols };
        if ir::equal_leaf(run).is_none() {
            return Some(format!("the tree over {run} elements has leaves of unequal length"));
        }
    }
    if variant.shape.is_some() && variant.tile != Tile::Whole {
        return Some("a kernel for one shape walks whole rows".to_owned());
    }
    // The plainest is always held: where registers run out, the compiler spills. The tree's accumulators are in memory.
    let plainest = variant.unroll == 1 && variant.streams == 1 && variant.schedule == Schedule::Grouped;
    if plainest || family == Family::ColumnTree {
        return None;
    }
    let kernel = Kernel::lower(op, family, dtype, isa, variant);
    let live = kernel.live_vectors();
    (live > isa.registers).then(|| format!("{live} live vectors, {isa_name} has {} registers", isa.registers))
}

fn over_budget(spec: &Spec, op: &str, dtype: Dtype, isa: &Isa, held: usize) -> Diagnostic {
    Diagnostic::in_spec(
        spec,
        &["variants"],
        "over-budget",
        format!("{held} candidates for {op} {dtype} on {}, at most {BUDGET}", isa.name),
        "these combine",
        Some("list fewer values, or lift the budget with `explore = \"full\"`".to_owned()),
    )
}

/// Listed values that no candidate has, or that are dropped in each of their candidates on every ISA.
fn held_nowhere(spec: &Spec, candidates: &[&Candidate<'_>]) -> Vec<Diagnostic> {
    type Has = Box<dyn Fn(&Variant) -> bool>;
    let wanted = &spec.variants;
    let mut values: Vec<(&str, usize, String, Has)> = Vec::new();
    for (at, &unroll) in wanted.unroll.iter().enumerate() {
        values.push(("unroll", at, unroll.to_string(), Box::new(move |v| v.unroll == unroll)));
    }
    for (at, &store) in wanted.store.iter().enumerate() {
        values.push(("store", at, store.to_string(), Box::new(move |v| v.store == store)));
    }
    for (at, &schedule) in wanted.schedule.iter().enumerate() {
        values.push(("schedule", at, schedule.to_string(), Box::new(move |v| v.schedule == schedule)));
    }
    for (at, &prefetch) in wanted.prefetch.iter().enumerate() {
        values.push(("prefetch", at, prefetch.to_string(), Box::new(move |v| v.prefetch == prefetch)));
    }
    for (at, &streams) in wanted.streams.iter().enumerate() {
        values.push(("streams", at, streams.to_string(), Box::new(move |v| v.streams == streams)));
    }
    for (at, &tile) in wanted.tile.iter().enumerate() {
        values.push(("tile", at, tile.to_string(), Box::new(move |v| v.tile == tile)));
    }
    let mut errors = Vec::new();
    for (field, at, value, has) in values {
        let with: Vec<_> = candidates.iter().copied().filter(|candidate| has(&candidate.variant)).collect();
        if with.is_empty() {
            errors.push(Diagnostic::in_spec(
                spec,
                &["variants", field, &at.to_string()],
                "held-nowhere",
                format!("no kernel of this spec varies in {field}"),
                "its elements are taken in one after another",
                Some("remove the field".to_owned()),
            ));
        } else if with.iter().all(|candidate| candidate.dropped.is_some()) {
            // On the ISA that can hold most, the first of its candidates, which is the plainest.
            let last = with
                .iter()
                .rev()
                .max_by_key(|candidate| (candidate.isa.registers, candidate.isa.vector_bytes));
            let best = last.map_or("", |candidate| candidate.isa.name.as_str());
            let plainest = with.iter().find(|candidate| candidate.isa.name == best);
            let reason = plainest.and_then(|candidate| candidate.dropped.clone()).unwrap_or_default();
            errors.push(Diagnostic::in_spec(
                spec,
                &["variants", field, &at.to_string()],
                "held-nowhere",
                format!("no ISA can hold {field} {value}"),
                &reason,
                Some("remove the value".to_owned()),
            ));
        }
    }
    errors
}

/// The numeric classes a candidate serves, in words for lists.
#[must_use]
pub fn serves(candidate: &Candidate<'_>) -> Vec<Numerics> {
    candidate
        .op
        .numerics()
        .iter()
        .copied()
        .filter(|&numerics| candidate.op.served_by(numerics) == candidate.variant.numerics)
        .collect()
}
