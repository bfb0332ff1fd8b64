//! Expand: what is computed × dtypes × ISAs × variants, within a budget.
//!
//! Operations that compute the same want the same kernels: each is lowered once, and belongs to a group for each table
//! that may name it. What an ISA cannot hold is kept with the reason, so that people can be told.

use std::collections::HashMap;

use crate::{
    Dtype, Isa, backends,
    computation::Computation,
    diagnostics::{Diagnostic, Diagnostics},
    ir::{self, Kernel},
    op::{Family, Form, Op},
    spec::{Axis, Numerics, Prefetch, Schedule, Spec, Store, Tile, Variants},
    variant::Variant,
};

/// More candidates than this for one operation, dtype and ISA are an error, unless the spec asks for `explore = "full"`.
pub const BUDGET: usize = 150;

/// A kernel that could be built, or the reason why it is not.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The kernel.
    pub kernel: Kernel,
    /// Why it is not built: its ISA cannot hold it, or has no use for it.
    pub dropped: Option<String>,
    /// The routine that it is instead, which nothing is written for. The kernel then only says what is computed.
    pub routine: Option<backends::Candidate>,
}

impl Candidate {
    /// By what a profile knows that it is still what was measured.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.routine.map_or_else(|| self.kernel.identity(), |routine| routine.identity())
    }
}

/// Kernels that compete for the rows of one table: of what is computed, a dtype, a numeric class, and a way of writing.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The operations that it serves, sorted by name, parts of others last. All compute the same.
    pub ops: Vec<&'a Op<'a>>,
    /// Element type.
    pub dtype: Dtype,
    /// The numeric class whose kernels these are.
    pub numerics: Numerics,
    /// Their skeleton.
    pub family: Family,
    /// Which matrix is overwritten, if one is.
    pub inplace: Option<usize>,
    /// What the specs of its operations want to vary, together.
    pub wanted: Variants,
    /// Places of its kernels among all, those of an ISA beside each other, its default first.
    pub kernels: Vec<usize>,
}

impl Group<'_> {
    /// What its kernels compute.
    #[must_use]
    pub fn computation(&self) -> &Computation {
        &self.ops[0].computation
    }
}

/// Every kernel, each once, and who wants which.
#[derive(Clone, Debug)]
pub struct Expanded<'a> {
    /// The kernels.
    pub candidates: Vec<Candidate>,
    /// The groups, sorted by what they compute.
    pub groups: Vec<Group<'a>>,
}

/// Every candidate of every operation.
///
/// # Errors
/// Over the budget, a variant value that no ISA can hold, or one that changes nothing.
///
/// # Panics
/// If two computations have one name: long names are cut, and end in a hash of 32 bits.
pub fn expand<'a>(ops: &'a [Op<'a>]) -> Result<Expanded<'a>, Diagnostics> {
    let mut expanded = Expanded { candidates: Vec::new(), groups: groups(ops) };
    let mut known = HashMap::new();
    for group in &mut expanded.groups {
        for isa in Isa::all() {
            let base = default_variant(group, isa);
            for variant in variants(group, isa) {
                let (computation, family, dtype) = (group.computation(), group.family, group.dtype);
                let name = variant.kernel_name(&computation.kernel, family, dtype, isa);
                let plain = Variant { unroll: base.unroll, ..variant } == base;
                let at = *known.entry(name).or_insert_with(|| {
                    let kernel = Kernel::lower(computation, family, dtype, isa, &variant);
                    let dropped = not_held(&kernel).or_else(|| {
                        let why = || format!("kernels of {} vary in their unroll factor alone", isa.name);
                        (isa.unroll_alone && !plain).then(why)
                    });
                    expanded.candidates.push(Candidate { kernel, dropped, routine: None });
                    expanded.candidates.len() - 1
                });
                let known = &expanded.candidates[at].kernel.formula;
                assert_eq!(*known, computation.formula, "two computations whose names were cut to one");
                if isa.unroll_alone && plain {
                    // What another group only varies in may be what this one begins with.
                    expanded.candidates[at].dropped = not_held(&expanded.candidates[at].kernel);
                }
                if !group.kernels.contains(&at) {
                    group.kernels.push(at);
                }
            }
        }
    }
    // After all kernels, whose places they do not change.
    let Expanded { candidates, groups } = &mut expanded;
    for group in groups.iter_mut().filter(|group| group.numerics == Numerics::Any) {
        for routine in routines(group) {
            let known = candidates.iter().position(|candidate| candidate.kernel.name == routine.name());
            let at = known.unwrap_or_else(|| {
                let variant = Variant { inplace: group.inplace, ..Variant::plain(1) };
                let (computation, isa) = (group.computation(), &Isa::all()[0]);
                let mut kernel = Kernel::lower(computation, group.family, group.dtype, isa, &variant);
                kernel.name = routine.name();
                candidates.push(Candidate { kernel, dropped: None, routine: Some(routine) });
                candidates.len() - 1
            });
            group.kernels.push(at);
        }
    }
    let errors = errors(ops, &expanded);
    if errors.is_empty() { Ok(expanded) } else { Err(Diagnostics::new(errors)) }
}

/// The routines that the specs of a group list, each once.
fn routines(group: &Group<'_>) -> Vec<backends::Candidate> {
    let mut all: Vec<backends::Candidate> = Vec::new();
    let listed = group.ops.iter().flat_map(|op| backends::Candidate::of(op, group.dtype, group.inplace));
    for routine in listed {
        if all.iter().all(|other| other.name() != routine.name()) {
            all.push(routine);
        }
    }
    all
}

/// The groups of all operations, without kernels.
fn groups<'a>(ops: &'a [Op<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places = HashMap::new();
    for op in ops {
        let ways = match op.form {
            Form::Map if op.is_part() && !op.spec.gives_matrix() => vec![None],
            Form::Map => vec![None, Some(op.computation.position(op.first_matrix()))],
            Form::Reduce(..) => vec![None],
        };
        for &dtype in &op.spec.dtypes {
            for numerics in op.kernel_classes() {
                for &inplace in &ways {
                    let family = op.family(numerics);
                    let Computation { name, formula, .. } = &op.computation;
                    let key = (name, formula, dtype, numerics, family, inplace);
                    let at = *places.entry(key).or_insert_with(|| {
                        let (ops, wanted, kernels) = (Vec::new(), Variants::default(), Vec::new());
                        groups.push(Group { ops, dtype, numerics, family, inplace, wanted, kernels });
                        groups.len() - 1
                    });
                    groups[at].ops.push(op);
                }
            }
        }
    }
    for group in &mut groups {
        // Sorted by name as they came; those that people know first.
        group.ops.sort_by_key(|op| op.is_part());
        group.wanted = together(&group.ops, group.family);
    }
    let key = |group: &Group<'a>| {
        let Group { ops, dtype, numerics, family, inplace, .. } = group;
        let computation = &ops[0].computation;
        (computation.kernel.clone(), *family, computation.name.clone(), *dtype, *numerics, *inplace)
    };
    groups.sort_by_cached_key(key);
    groups
}

/// What the specs of these operations want to vary. Where they differ, what one leaves out stands for the values that it
/// would have alone, so that another one takes nothing from it.
fn together(ops: &[&Op<'_>], family: Family) -> Variants {
    fn add<T: Copy + Ord>(values: &mut Vec<T>, more: &[T], usual: &[T]) {
        let more = if more.is_empty() { usual } else { more };
        // In the order in which the first spec lists them; what another one adds comes after.
        let new: Vec<T> = more.iter().copied().filter(|value| !values.contains(value)).collect();
        values.extend(new);
    }
    // A part takes the kernels that there are.
    let public: Vec<_> = ops.iter().copied().filter(|op| !op.is_part()).collect();
    let ops = if public.is_empty() { ops } else { &public };
    let first = &ops[0].spec.variants;
    if ops.iter().all(|op| op.spec.variants == *first) {
        return first.clone();
    }
    let tile = if family == Family::ColumnTree { USUAL_TILE } else { Tile::Whole };
    let mut wanted = Variants::default();
    for more in ops.iter().map(|op| &op.spec.variants) {
        add(&mut wanted.unroll, &more.unroll, usual_unroll(family));
        add(&mut wanted.schedule, &more.schedule, &[Schedule::Grouped]);
        add(&mut wanted.prefetch, &more.prefetch, &[Prefetch::None]);
        add(&mut wanted.store, &more.store, &[Store::Cached, Store::Streaming]);
        add(&mut wanted.streams, &more.streams, &[USUAL_STREAMS]);
        add(&mut wanted.tile, &more.tile, &[tile]);
        wanted.full |= more.full;
    }
    wanted
}

/// The unroll factors of a spec that lists none.
const fn usual_unroll(family: Family) -> &'static [usize] {
    match family {
        Family::Map => &[1, 2, 4],
        Family::Runs | Family::RunsInOrder => &[1],
        Family::Columns | Family::ColumnTree => &[8],
    }
}

/// The streams of runs, of a spec that lists none.
const USUAL_STREAMS: usize = 2;
/// The stripes of a tree down the columns, of a spec that lists none.
const USUAL_TILE: Tile = Tile::Bytes(1024);

/// What is wrong with what specs want.
fn errors(ops: &[Op<'_>], expanded: &Expanded<'_>) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let of_op = |op: &Op<'_>, within_budget: bool| {
        let name = op.name.clone();
        let serving = expanded.groups.iter().filter(move |group| {
            // The kernels of the class `any` are those of another one, and are counted there.
            if group.numerics == Numerics::Any {
                return false;
            }
            // Where one spec lifts the budget, what it asks for is not held against the others that share the group.
            !(within_budget && group.wanted.full) && group.ops.iter().any(|of| of.name == name)
        });
        serving.flat_map(|group| group.kernels.iter().map(|&at| &expanded.candidates[at]))
    };
    let mut by_spec: Vec<(&Spec, Vec<&Candidate>)> = Vec::new();
    for op in ops {
        let (candidates, counted) =
            (of_op(op, false).collect::<Vec<_>>(), of_op(op, true).collect::<Vec<_>>());
        for &dtype in &op.spec.dtypes {
            for isa in Isa::all() {
                let held = counted.iter().filter(|candidate| {
                    let Kernel { isa: of, types, .. } = &candidate.kernel;
                    candidate.dropped.is_none() && of.name == isa.name && types.storage == dtype
                });
                let held = held.count();
                if held > BUDGET {
                    errors.push(over_budget(op.spec, &op.name, dtype, isa, held));
                }
            }
        }
        match by_spec.iter_mut().find(|(spec, _)| spec.name == op.spec.name) {
            Some((_, all)) => all.extend(candidates),
            None => by_spec.push((op.spec, candidates)),
        }
    }
    errors.extend(by_spec.iter().flat_map(|(spec, candidates)| held_nowhere(spec, candidates)));
    errors
}

/// The variants of a group on an ISA, the default first.
///
/// The budget: all combinations of what shapes the step itself; prefetch at the default alone; in place the unroll factor
/// alone.
fn variants(group: &Group<'_>, isa: &'static Isa) -> Vec<Variant> {
    let wanted = &group.wanted;
    let base = default_variant(group, isa);
    let unrolls = or_default(&wanted.unroll, base.unroll);
    let mut all = vec![base, tall(group, &base), beyond_cache(group, &base)];
    match group.family {
        Family::RunsInOrder => return all,
        Family::Map if group.inplace.is_some() => {
            all.extend(unrolls.into_iter().map(|unroll| Variant { unroll, ..base }));
            return all;
        }
        Family::Map => {
            for unroll in unrolls {
                for &schedule in &or_default(&wanted.schedule, base.schedule) {
                    for &store in &or_default(&wanted.store, base.store) {
                        all.push(Variant { unroll, schedule, store, ..base });
                    }
                }
            }
        }
        Family::Runs => {
            for unroll in unrolls {
                for &streams in &or_default(&wanted.streams, base.streams) {
                    all.push(Variant { unroll, streams, ..base });
                }
            }
        }
        Family::Columns => {
            for unroll in unrolls {
                for &tile in &or_default(&wanted.tile, base.tile) {
                    all.push(Variant { unroll, tile, ..base });
                }
            }
        }
        Family::ColumnTree => {
            for &tile in &or_default(&wanted.tile, base.tile) {
                all.push(Variant { tile, ..base });
            }
            // It gives no hints: with any distance it would be the same kernel.
            return all;
        }
    }
    let with_prefetch = if wanted.full { all.clone() } else { vec![base] };
    let prefetches = or_default(&wanted.prefetch, base.prefetch);
    all.extend(
        with_prefetch
            .iter()
            .flat_map(|&variant| prefetches.iter().map(move |&prefetch| Variant { prefetch, ..variant })),
    );
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
pub fn default_variant(group: &Group<'_>, isa: &'static Isa) -> Variant {
    let (wanted, family) = (&group.wanted, group.family);
    let best = match family {
        Family::Map => 4,
        Family::Runs | Family::RunsInOrder => 1,
        Family::Columns | Family::ColumnTree => 8,
    };
    let streams = if family == Family::Runs { nearest(&wanted.streams, USUAL_STREAMS) } else { 1 };
    let tile = match family {
        Family::Columns if !wanted.tile.is_empty() && !wanted.tile.contains(&Tile::Whole) => wanted.tile[0],
        Family::ColumnTree => {
            wanted.tile.iter().copied().find(|&tile| tile != Tile::Whole).unwrap_or(USUAL_TILE)
        }
        _ => Tile::Whole,
    };
    let schedule = match wanted.schedule[..] {
        // In place there is one schedule: the next step's loads would be of what this one stores.
        [Schedule::Pipelined] if group.inplace.is_none() => Schedule::Pipelined,
        _ => Schedule::Grouped,
    };
    let listed = match family {
        Family::Map | Family::Runs | Family::Columns if !wanted.unroll.is_empty() => wanted.unroll.clone(),
        _ => usual_unroll(family).to_vec(),
    };
    let with = |unroll| Variant { schedule, streams, tile, inplace: group.inplace, ..Variant::plain(unroll) };
    // From the best downwards, then from the best upwards.
    let mut order = listed;
    order.sort_by_key(|&unroll| (unroll > best, unroll.abs_diff(best)));
    let is_held = |variant: &Variant| {
        not_held(&Kernel::lower(group.computation(), family, group.dtype, isa, variant)).is_none()
    };
    match (order.into_iter().map(with).find(is_held), family) {
        (Some(held), _) => held,
        (None, Family::ColumnTree) => with(8),
        // Whatever the spec lists: every ISA has the plainest.
        (None, _) => Variant { inplace: group.inplace, ..Variant::plain(1) },
    }
}

/// The default where a call's bytes do not stay in cache: a map's stores then go past it, unless the spec lists stores
/// without that. A matrix that is written once and not read again soon would only push others out.
#[must_use]
pub fn beyond_cache(group: &Group<'_>, default: &Variant) -> Variant {
    let listed = &group.wanted.store;
    let streams = listed.is_empty() || listed.contains(&Store::Streaming);
    if group.family == Family::Map && group.inplace.is_none() && streams {
        Variant { store: Store::Streaming, ..*default }
    } else {
        *default
    }
}

/// The default for tall matrices: short runs want a whole block of them side by side, since folding a leaf's eight
/// accumulators takes as long for one leaf as for eight.
#[must_use]
pub fn tall(group: &Group<'_>, default: &Variant) -> Variant {
    let is_along_rows = matches!(group.ops[0].form, Form::Reduce(_, Axis::One));
    if group.family != Family::Runs || !is_along_rows {
        return *default;
    }
    let listed = &group.wanted.unroll;
    let wanted = (ir::BLOCK / default.streams).max(1);
    Variant { unroll: if listed.is_empty() { default.unroll } else { nearest(listed, wanted) }, ..*default }
}

/// The largest listed value up to `best`, or the smallest; `best` where the spec leaves the choice open.
fn nearest(listed: &[usize], best: usize) -> usize {
    let below = listed.iter().copied().filter(|&value| value <= best).max();
    below.or_else(|| listed.iter().copied().min()).unwrap_or(best)
}

/// Why an ISA cannot hold a kernel.
fn not_held(kernel: &Kernel) -> Option<String> {
    let Kernel { isa, variant, family, .. } = kernel;
    let isa_name = &isa.name;
    if variant.prefetch != Prefetch::None && !isa.prefetch {
        return Some(format!("{isa_name} has no prefetch"));
    }
    if variant.store == Store::Streaming && !isa.streaming {
        return Some(format!("{isa_name} has no streaming stores"));
    }
    let step = variant.unroll * isa.vector_bytes;
    if *family == Family::Map && !step.is_multiple_of(ir::LINE) {
        if variant.store == Store::Streaming {
            return Some(format!("a step of {step} B does not fill 64-byte lines, which streaming needs"));
        }
        if variant.prefetch != Prefetch::None {
            return Some(format!("a step of {step} B is no whole line, which one hint a line needs"));
        }
    }
    if *family == Family::ColumnTree && variant.tile == Tile::Whole {
        return Some("the tree keeps eight accumulators a column: a stripe has to be bounded".to_owned());
    }
    if let Tile::Bytes(bytes) = variant.tile
        && bytes % isa.vector_bytes != 0
    {
        return Some(format!("a stripe of {bytes} B is no whole number of {isa_name} vectors"));
    }
    // The plainest is always held: where registers run out, the compiler spills. The tree's accumulators are in memory.
    let plainest = variant.unroll == 1 && variant.streams == 1 && variant.schedule == Schedule::Grouped;
    if plainest || *family == Family::ColumnTree {
        return None;
    }
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
fn held_nowhere(spec: &Spec, candidates: &[&Candidate]) -> Vec<Diagnostic> {
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
        let with: Vec<_> =
            candidates.iter().copied().filter(|candidate| has(&candidate.kernel.variant)).collect();
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
                .max_by_key(|candidate| (candidate.kernel.isa.registers, candidate.kernel.isa.vector_bytes));
            let best = last.map_or("", |candidate| candidate.kernel.isa.name.as_str());
            let plainest = with.iter().find(|candidate| candidate.kernel.isa.name == best);
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

/// The numeric classes that a group serves for one of its operations.
#[must_use]
pub fn serves(group: &Group<'_>, op: &Op<'_>) -> Vec<Numerics> {
    let classes = op.numerics().iter().copied();
    classes.filter(|&numerics| op.served_by(numerics) == group.numerics).collect()
}

/// Bytes that a call on that shape reads and writes.
#[must_use]
pub fn bytes(op: &Op<'_>, dtype: Dtype, (rows, cols): (usize, usize)) -> usize {
    let matrices = op.computation.takes().matches('m').count();
    let written = usize::from(matches!(op.form, Form::Map));
    rows * cols * (matrices + written) * dtype.bytes()
}
