//! Profiles: what tournaments found, put in the place of the default rows.
//!
//! A profile is checked like a spec: a row that names what is not there is an error at its line. A row whose kernel is
//! there, but has another body than the one that was measured, counts no more, and a warning says how to renew it.

use std::collections::BTreeMap;

use raptors_profile::{Bucket, Cut, Kind, Place, Profile, Winner, parse};

use crate::{
    Input, Isa,
    diagnostics::{Diagnostic, Diagnostics, Source, either, nearest, shown},
    emit::body_hash,
    expand::{Candidate, bytes},
    select::{ASPECTS, IsaRows, Pick, SIZES, Table, Tasks, Tuned, TunedTasks, Won},
    spec::{Axis, Chunk, Numerics, Threads, place::place},
};

/// A profile that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its file.
    pub source: Source,
    /// What it says.
    pub profile: Profile,
    /// Specs that are not those it was made for: what it says of their kernels may be of others.
    replaced: Vec<String>,
}

/// Reads the profiles of a build, sorted by the name of their processor.
///
/// # Errors
/// For each that is no profile, what is wrong first.
pub fn load(input: &Input) -> Result<Vec<Loaded>, Diagnostics> {
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for source in &input.profiles {
        match parse(&source.text, &source.name) {
            Ok(profile) if profile.cpu == source.stem() => {
                let is_overlaid = input.overlaid.iter().any(|name| name == source.stem());
                let replaced = if is_overlaid { Vec::new() } else { input.replaced.clone() };
                loaded.push(Loaded { source: source.clone(), profile, replaced });
            }
            Ok(profile) => errors.push(report(
                source,
                &["cpu"],
                "profile-name",
                format!("a profile of {} in a file of another name", shown(&profile.cpu)),
                "this processor",
                format!("name the file `{}.toml`", profile.cpu),
            )),
            Err(error) => {
                let mut diagnostic =
                    Diagnostic::new(source, error.span, "profile-format", error.message.replace('\n', ", "));
                diagnostic.label("here").fix("make the profile again with `cargo bench`");
                errors.push(diagnostic);
            }
        }
    }
    loaded.sort_by(|a, b| a.profile.cpu.cmp(&b.profile.cpu));
    if errors.is_empty() { Ok(loaded) } else { Err(Diagnostics::new(errors)) }
}

/// Gives the tables the rows of every profile. What a person should know comes back, a line each.
///
/// # Errors
/// Every row of every profile that names what is not there.
pub fn apply<'c, 'a>(
    tables: &mut [Table<'c, 'a>],
    candidates: &'c [Candidate<'a>],
    profiles: &[Loaded],
) -> Result<Vec<String>, Diagnostics> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (index, loaded) in profiles.iter().enumerate() {
        let mut applied = Applied { loaded, index, candidates, errors: Vec::new(), stale: BTreeMap::new() };
        for (of, rows) in &loaded.profile.kernels {
            if let Some((table, isa)) = applied.find(tables, &["kernels"], of) {
                for (place, winner) in rows {
                    applied.kernel(&mut tables[table], isa, of, *place, winner);
                }
            }
        }
        for (count, cuts) in &loaded.profile.threads {
            for (of, rows) in cuts {
                if let Some((table, isa)) = applied.find(tables, &["threads", &count.to_string()], of) {
                    for (bucket, cut) in rows {
                        applied.cut(&mut tables[table], isa, of, *count, *bucket, cut);
                    }
                }
            }
        }
        for ((op, dtype), rows) in &applied.stale {
            let (file, s, were, count) = match rows {
                1 => (&loaded.source.name, "", "was", "counts"),
                _ => (&loaded.source.name, "s", "were", "count"),
            };
            warnings.push(format!(
                "{file}: {rows} row{s} of {op} {dtype} {were} measured with other code and {count} no more: \
                 `cargo bench -- {op} {dtype}` measures again"
            ));
        }
        errors.append(&mut applied.errors);
    }
    if errors.is_empty() { Ok(warnings) } else { Err(Diagnostics::new(errors)) }
}

/// One profile, while its rows are put in.
struct Applied<'p, 'c, 'a> {
    loaded: &'p Loaded,
    index: usize,
    candidates: &'c [Candidate<'a>],
    errors: Vec<Diagnostic>,
    /// Rows measured with other code, by operation and dtype.
    stale: BTreeMap<(String, String), usize>,
}

impl<'c, 'a> Applied<'_, 'c, 'a> {
    /// Notes that something is not there, unless the profile cannot know.
    fn report(&mut self, of: &raptors_profile::Table, path: &[&str], rule: &'static str, words: [String; 3]) {
        let is_replaced = |spec: &String| {
            of.op
                .strip_prefix(spec.as_str())
                .is_some_and(|rest| Axis::ALL.iter().any(|axis| axis.suffix() == rest))
        };
        if self.loaded.replaced.iter().any(is_replaced) {
            return;
        }
        let [message, label, fix] = words;
        self.errors.push(report(&self.loaded.source, path, rule, message, &label, fix));
    }

    /// The table that a table of the profile is about, and the place of its ISA.
    fn find(
        &mut self,
        tables: &[Table<'_, '_>],
        above: &[&str],
        of: &raptors_profile::Table,
    ) -> Option<(usize, usize)> {
        let isa = Isa::all().iter().position(|isa| isa.name == of.isa);
        let table = tables.iter().position(|table| is(table, of));
        if let (Some(table), Some(isa)) = (table, isa)
            && !tables[table].isas[isa].buckets.is_empty()
        {
            return Some((table, isa));
        }
        let class = class(of);
        let path = [above, &[&of.op, &of.dtype, &class]].concat();
        let names = |all: Vec<&str>, wanted: &str| match nearest(wanted, all.iter().copied()) {
            Some(near) => [format!("did you mean {}?", shown(near)), format!("write {}", shown(near))],
            None => ["not there".to_owned(), format!("remove it, or name {}", either(all))],
        };
        let of_op = || tables.iter().filter(|table| table.op.name == of.op);
        let (depth, what, wanted, [label, fix]) = if of_op().next().is_none() {
            let mut all: Vec<_> = tables.iter().map(|table| table.op.name.as_str()).collect();
            all.dedup();
            (above.len(), "operation", &of.op, names(all, &of.op))
        } else if of_op().all(|table| table.dtype.name() != of.dtype) {
            let mut all: Vec<_> = of_op().map(|table| table.dtype.name()).collect();
            all.dedup();
            (above.len() + 1, "dtype of this operation", &of.dtype, names(all, &of.dtype))
        } else if isa.is_none() {
            let all = Isa::all().iter().map(|isa| isa.name.as_str()).collect();
            (above.len() + 2, "ISA", &of.isa, names(all, &of.isa))
        } else {
            let none = ["no such kernels".to_owned(), "remove it".to_owned()];
            (above.len() + 2, "table of this operation", &class, none)
        };
        let message = format!("there is no {what} {}", shown(wanted));
        self.report(of, &path[..=depth], "profile-table", [message, label, fix]);
        None
    }

    /// Puts a row in the place of a default one.
    fn kernel(
        &mut self,
        table: &mut Table<'c, 'a>,
        isa: usize,
        of: &raptors_profile::Table,
        row: Place,
        winner: &Winner,
    ) {
        let (class, key) = (class(of), row.to_string());
        let at_row = ["kernels", &of.op, &of.dtype, &class, &key];
        let at_kernel = [&at_row[..], &["kernel"]].concat();
        if let Place::Shape(rows, cols) = row
            && !table.op.spec.shapes.contains(&(rows, cols))
        {
            let words = [
                format!("{key} is no target shape of {}", shown(&of.op)),
                "no row of its own".to_owned(),
                format!("remove the row, or add the shape to `[shapes]` in {}", table.op.spec.file),
            ];
            return self.report(of, &at_row, "profile-row", words);
        }
        let kernel = match self.candidate(table, isa, row, &winner.kernel) {
            Ok(kernel) => kernel,
            Err(words) => return self.report(of, &at_kernel, "profile-kernel", words),
        };
        if body_hash(kernel) != winner.body {
            *self.stale.entry((of.op.clone(), of.dtype.clone())).or_default() += 1;
            return;
        }
        let pick = Pick { kernel, won: Some(Won { margin: winner.margin, interval: winner.interval }) };
        let tuned = tuned(&mut table.isas[isa], self.index);
        match row {
            Place::Bucket(bucket) => tuned.buckets[bucket.index()] = pick,
            Place::Shape(rows, cols) => {
                let shape = (rows, cols);
                // Where the spec's shapes have no kernels of their own, those of their buckets.
                let others =
                    |size: usize| tuned.buckets[size * ASPECTS + raptors_profile::aspect_class(shape)];
                let others: Vec<_> = (0..SIZES).map(others).collect();
                if tuned.exact.iter().all(|(other, _)| *other != shape) {
                    tuned.exact.push((shape, others));
                }
                let size = self.loaded.profile.caches.size(bytes(table.op, table.dtype, shape));
                for (_, picks) in tuned.exact.iter_mut().filter(|(other, _)| *other == shape) {
                    picks[size as usize] = pick;
                }
            }
        }
    }

    /// The candidate of that name, if it can serve that row; else what is wrong with it.
    fn candidate(
        &self,
        table: &Table<'c, 'a>,
        isa: usize,
        row: Place,
        name: &str,
    ) -> Result<&'c Candidate<'a>, [String; 3]> {
        let serves = |candidate: &Candidate<'_>| {
            let own = Isa::all().iter().position(|isa| isa.name == candidate.isa.name);
            // As in the tables: kernels of the ISA itself, or of a plainer one that every such machine has.
            let has = own.is_some_and(|own| own <= isa)
                && (candidate.isa.is_portable() || candidate.isa.arch == Isa::all()[isa].arch);
            let variant = &candidate.variant;
            has && candidate.op.name == table.op.name
                && candidate.dtype == table.dtype
                && (variant.numerics, variant.inplace) == (table.numerics, table.inplace)
        };
        let Some(found) = self.candidates.iter().find(|candidate| candidate.name == name) else {
            let held =
                self.candidates.iter().filter(|candidate| serves(candidate) && candidate.dropped.is_none());
            let mut held: Vec<_> = held.map(|candidate| candidate.name.as_str()).collect();
            held.sort_by_key(|held| strsim::osa_distance(held, name));
            return Err([
                format!("no candidate is called {}", shown(name)),
                "not in this build".to_owned(),
                held.first().map_or_else(
                    || "remove the row".to_owned(),
                    |held| format!("remove the row, or name one that there is, such as {}", shown(held)),
                ),
            ]);
        };
        let remove = || "remove the row: `cargo bench` writes rows that fit".to_owned();
        if !serves(found) {
            return Err([
                format!("{} is no candidate of this table", shown(name)),
                format!("of {} {} on {}", found.op.name, found.dtype, found.isa.name),
                remove(),
            ]);
        }
        if let Some(reason) = &found.dropped {
            return Err([format!("{} cannot be built", shown(name)), reason.clone(), remove()]);
        }
        if let Some((rows, cols)) = found.variant.shape
            && row != Place::Shape(rows, cols)
        {
            let only = format!("for {rows}×{cols} only");
            return Err([format!("{} cannot serve this row", shown(name)), only, remove()]);
        }
        Ok(found)
    }

    /// Puts what is known about threads in the place of the defaults.
    fn cut(
        &mut self,
        table: &mut Table<'c, 'a>,
        isa: usize,
        of: &raptors_profile::Table,
        count: usize,
        bucket: Bucket,
        cut: &Cut,
    ) {
        let tasks =
            Tasks { crossover: cut.crossover.map(|bytes| bytes.0), chunk: cut.chunk.map(|bytes| bytes.0) };
        let listed = &table.op.spec.tasks;
        let chunk = tasks.chunk.map_or(Chunk::PerThread, Chunk::Bytes);
        let threads = if tasks.crossover.is_some() { Threads::All } else { Threads::One };
        let wrong = if !listed.threads.contains(&threads) {
            Some(("crossover", format!("threads = [\"{}\"]", threads.name())))
        } else if tasks.crossover.is_some() && !listed.chunk.contains(&chunk) {
            Some((
                "chunk",
                format!(
                    "chunk = [\"{}\"]",
                    cut.chunk.map_or_else(|| chunk.to_string(), |bytes| bytes.to_string())
                ),
            ))
        } else {
            None
        };
        if let Some((field, value)) = wrong {
            let (count, class, key) = (count.to_string(), class(of), bucket.to_string());
            let path = ["threads", &count, &of.op, &of.dtype, &class, &key, field];
            let words = [
                format!("no candidate of {} is cut like this", shown(&of.op)),
                format!("not in `[tasks]` of {}", table.op.spec.file),
                format!("remove the row, or list `{value}` there"),
            ];
            return self.report(of, &path, "profile-tasks", words);
        }
        let won = Some(Won { margin: cut.margin, interval: cut.interval });
        let rows = &mut table.isas[isa];
        let default: Vec<_> = rows.tasks.iter().map(|&tasks| TunedTasks { tasks, won: None }).collect();
        let threads = &mut tuned(rows, self.index).threads;
        let at = threads.binary_search_by_key(&count, |(count, _)| *count).unwrap_or_else(|at| {
            threads.insert(at, (count, default));
            at
        });
        threads[at].1[bucket.index()] = TunedTasks { tasks, won };
    }
}

/// An ISA's rows by a profile: the default ones, as long as nothing else was put there.
fn tuned<'t, 'c, 'a>(rows: &'t mut IsaRows<'c, 'a>, profile: usize) -> &'t mut Tuned<'c, 'a> {
    if rows.tuned.last().is_none_or(|(last, _)| *last != profile) {
        let pick = |kernel: &&'c Candidate<'a>| Pick { kernel, won: None };
        let exact = rows.exact.iter().map(|(shape, kernels)| (*shape, kernels.iter().map(pick).collect()));
        let tuned = Tuned {
            exact: exact.collect(),
            buckets: rows.buckets.iter().map(pick).collect(),
            threads: Vec::new(),
        };
        rows.tuned.push((profile, tuned));
    }
    let (_, tuned) = rows.tuned.last_mut().expect("one was there, or was pushed");
    tuned
}

/// Whether a table of the profile is this one.
fn is(table: &Table<'_, '_>, of: &raptors_profile::Table) -> bool {
    let kind = match (table.inplace, table.numerics) {
        (true, _) => Kind::InPlace,
        (false, Numerics::Accurate) => Kind::Accurate,
        (false, Numerics::Numpy) => Kind::Plain,
    };
    table.op.name == of.op && table.dtype.name() == of.dtype && kind == of.kind
}

/// `avx2-acc`, as the file has it.
fn class(of: &raptors_profile::Table) -> String {
    format!("{}{}", of.isa, of.kind.suffix())
}

fn report(
    source: &Source,
    path: &[&str],
    rule: &'static str,
    message: String,
    label: &str,
    fix: String,
) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(source, place(&source.text, path), rule, message);
    diagnostic.label(label).fix(fix);
    diagnostic
}
