//! Profiles: what tournaments found, put in the place of the default rows.
//!
//! A profile is checked like a spec: a row that names what is not there is an error at its line. A row whose kernel is
//! there, but by its identity is not the one that was measured, counts no more, and a warning says how to renew it.

pub mod carry;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use raptors_profile::{Bucket, Cut, Kind, Place, Profile, Winner, parse};

use crate::{
    Input, Isa, backends,
    diagnostics::{Diagnostic, Diagnostics, Source, either, nearest, shown},
    expand::{Candidate, Group, bytes},
    op::Family,
    select::{IsaRows, Pick, Table, Tasks, Tuned, TunedTasks, Won},
    spec::{Chunk, Numerics, Threads, place::place},
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
    /// Computations that operations of families that are off have, too: their candidates are only in part here.
    pub partial: Vec<String>,
}

/// Reads the profiles of a build, sorted by the name of their processor.
///
/// # Errors
/// For each that is no profile, what is wrong first.
pub fn load(input: &Input) -> Result<Vec<Loaded>, Diagnostics> {
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for source in &input.profiles {
        if let Some(unreadable) = source.unreadable() {
            errors.push(unreadable);
            continue;
        }
        match parse(&source.text, &source.name) {
            Ok(profile) if profile.cpu == source.stem() => {
                let is_overlaid = input.overlaid.iter().any(|name| name == source.stem());
                let replaced = if is_overlaid { Vec::new() } else { input.replaced.clone() };
                loaded.push(Loaded { source: source.clone(), profile, replaced, partial: Vec::new() });
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
                diagnostic
                    .label("here")
                    .fix("make the profile again with `cargo bench`, or carry it over if it is of version 1");
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
pub fn apply(
    tables: &mut [Table<'_, '_>],
    candidates: &[Candidate],
    profiles: &[Loaded],
) -> Result<Vec<String>, Diagnostics> {
    let places: HashMap<&str, usize> =
        candidates.iter().enumerate().map(|(at, candidate)| (candidate.kernel.name.as_str(), at)).collect();
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (index, loaded) in profiles.iter().enumerate() {
        let (errors_here, stale) = (Vec::new(), BTreeMap::new());
        let mut applied = Applied { loaded, index, candidates, places: &places, errors: errors_here, stale };
        // Rows of the class `any` come last, over those of the kernels' own class.
        for any in [false, true] {
            if any {
                as_their_kernels(tables, index);
            }
            let is_due = |tables: &[Table<'_, '_>], of: &raptors_profile::Table| {
                of.kind.over().is_some() == any && !(any && lacks_routines(tables, of))
            };
            for (of, rows) in &loaded.profile.kernels {
                if is_due(tables, of)
                    && let Some((found, isa)) = applied.find(tables, &["kernels"], of)
                {
                    for (place, winner) in rows {
                        applied.kernel(tables, &found, isa, of, *place, winner);
                    }
                }
            }
            for (count, cuts) in &loaded.profile.threads {
                for (of, rows) in cuts {
                    if is_due(tables, of)
                        && let Some((found, isa)) = applied.find(tables, &["threads", &count.to_string()], of)
                    {
                        for (bucket, cut) in rows {
                            applied.cut(tables, &found, isa, of, (*count, *bucket), cut);
                        }
                    }
                }
            }
        }
        for ((ops, dtype), rows) in &applied.stale {
            let (file, s, were, count) = match rows {
                1 => (&loaded.source.name, "", "was", "counts"),
                _ => (&loaded.source.name, "s", "were", "count"),
            };
            warnings.push(format!(
                "{file}: {rows} row{s} of {} {dtype} {were} measured with other code and {count} no more: \
                 `cargo bench -- {} {dtype}` measures again",
                ops.join(", "),
                ops[0],
            ));
        }
        errors.append(&mut applied.errors);
    }
    if errors.is_empty() { Ok(warnings) } else { Err(Diagnostics::new(errors)) }
}

/// Whether a table of the profile is one of the class `any` of what is computed here, in a build without a backend: there is
/// nothing to choose then.
fn lacks_routines(tables: &[Table<'_, '_>], of: &raptors_profile::Table) -> bool {
    let plain = of.kind.over().map(|kind| raptors_profile::Table { kind, ..of.clone() });
    plain.is_some_and(|plain| {
        let has = |wanted: &raptors_profile::Table| tables.iter().any(|table| is(table.group, wanted));
        has(&plain) && !has(of)
    })
}

/// Has the tables of the class `any` begin with what a profile says of their kernels in the class `numpy`.
fn as_their_kernels(tables: &mut [Table<'_, '_>], profile: usize) {
    for at in 0..tables.len() {
        let table = &tables[at];
        if table.group.numerics != Numerics::Any {
            continue;
        }
        let is = |other: &&Table<'_, '_>| {
            let key = |table: &Table<'_, '_>| (table.group.dtype, table.group.inplace);
            other.group.numerics == Numerics::Numpy
                && key(other) == key(table)
                && other.ops.iter().any(|op| op.name == table.ops[0].name)
        };
        let plain = tables.iter().find(is).expect("routines compete with kernels");
        let rows: Vec<_> = plain.isas.iter().map(|rows| rows.tuned.last().cloned()).collect();
        for (isa, rows) in tables[at].isas.iter_mut().zip(rows) {
            isa.tuned.extend(rows.filter(|(of, _)| *of == profile));
        }
    }
}

/// One profile, while its rows are put in.
struct Applied<'p> {
    loaded: &'p Loaded,
    index: usize,
    candidates: &'p [Candidate],
    /// Where a kernel is among the candidates.
    places: &'p HashMap<&'p str, usize>,
    errors: Vec<Diagnostic>,
    /// Rows measured with other code, by the operations they serve and dtype.
    stale: BTreeMap<(Vec<String>, String), usize>,
}

impl Applied<'_> {
    /// Notes that something is not there, unless the profile cannot know: it was made for other specs than these, or for
    /// families that are off.
    fn report(&mut self, path: &[&str], rule: &'static str, words: [String; 3]) {
        let is_partial = path.iter().any(|part| self.loaded.partial.iter().any(|of| of == part));
        if !self.loaded.replaced.is_empty() || is_partial {
            return;
        }
        let [message, label, fix] = words;
        self.errors.push(report(&self.loaded.source, path, rule, message, &label, fix));
    }

    /// The tables that a table of the profile is about (those of operations whose calls are cut in different ways are
    /// several), and the place of its ISA.
    fn find(
        &mut self,
        tables: &[Table<'_, '_>],
        above: &[&str],
        of: &raptors_profile::Table,
    ) -> Option<(Vec<usize>, usize)> {
        let isa = Isa::all().iter().position(|isa| isa.name == of.isa);
        let found: Vec<usize> = (0..tables.len()).filter(|&at| is(tables[at].group, of)).collect();
        if let (Some(&first), Some(isa)) = (found.first(), isa)
            && !tables[first].isas[isa].buckets.is_empty()
        {
            return Some((found, isa));
        }
        let class = class(of);
        let path = [above, &[&of.computation, &of.dtype, &class]].concat();
        let names = |mut all: Vec<&str>, wanted: &str| {
            all.dedup();
            match nearest(wanted, all.iter().copied()) {
                Some(near) => [format!("did you mean {}?", shown(near)), format!("write {}", shown(near))],
                None => ["not there".to_owned(), format!("remove it, or name {}", either(all))],
            }
        };
        let name = |table: &Table<'_, '_>| table.group.computation().name.clone();
        let computed: Vec<String> = tables.iter().map(name).collect();
        let of_it = || tables.iter().filter(|table| table.group.computation().name == of.computation);
        let (depth, what, wanted, [label, fix]) = if of_it().next().is_none() {
            let all = computed.iter().map(String::as_str).collect();
            (above.len(), "computation", &of.computation, names(all, &of.computation))
        } else if of_it().all(|table| table.group.dtype.name() != of.dtype) {
            let all = of_it().map(|table| table.group.dtype.name()).collect();
            (above.len() + 1, "dtype of this computation", &of.dtype, names(all, &of.dtype))
        } else if isa.is_none() {
            let all = Isa::all().iter().map(|isa| isa.name.as_str()).collect();
            (above.len() + 2, "ISA", &of.isa, names(all, &of.isa))
        } else {
            let none = ["no such kernels".to_owned(), "remove it".to_owned()];
            (above.len() + 2, "table of this computation", &class, none)
        };
        let message = format!("there is no {what} {}", shown(wanted));
        self.report(&path[..=depth], "profile-table", [message, label, fix]);
        None
    }

    /// Puts a row in the place of a default one.
    fn kernel(
        &mut self,
        tables: &mut [Table<'_, '_>],
        found: &[usize],
        isa: usize,
        of: &raptors_profile::Table,
        row: Place,
        winner: &Winner,
    ) {
        let (class, key) = (class(of), row.to_string());
        let at_row = ["kernels", &of.computation, &of.dtype, &class, &key];
        let at_kernel = [&at_row[..], &["kernel"]].concat();
        // Kernels that overwrite the second matrix have tables of the same name as those that overwrite the first.
        let serves = |at: &usize| self.candidate(tables[*at].group, isa, &winner.kernel).is_ok();
        let serving: Vec<usize> = found.iter().copied().filter(serves).collect();
        let group = tables[*serving.first().unwrap_or(&found[0])].group;
        let ops = || {
            let names: BTreeSet<_> = group.ops.iter().map(|op| op.shown().to_owned()).collect();
            names.into_iter().collect::<Vec<_>>()
        };
        if let Place::Shape(rows, cols) = row
            && group.ops.iter().all(|op| !op.spec.shapes.contains(&(rows, cols)))
        {
            let words = [
                format!("{key} is no target shape of {}", ops().join(", ")),
                "no row of its own".to_owned(),
                format!("remove the row, or add the shape to `[shapes]` in {}", group.ops[0].spec.file),
            ];
            return self.report(&at_row, "profile-row", words);
        }
        // A routine of a backend that is not in this build.
        if backends::is_candidate(&winner.kernel) && !self.places.contains_key(winner.kernel.as_str()) {
            return;
        }
        let kernel = match self.candidate(group, isa, &winner.kernel) {
            Ok(kernel) => kernel,
            Err(words) => return self.report(&at_kernel, "profile-kernel", words),
        };
        if self.candidates[kernel].identity() != winner.body {
            *self.stale.entry((ops(), of.dtype.clone())).or_default() += 1;
            return;
        }
        let pick = Pick { kernel, won: Some(Won { margin: winner.margin, interval: winner.interval }) };
        for at in serving {
            self.put(&mut tables[at], isa, row, pick);
        }
    }

    /// Puts a kernel into a row.
    fn put(&self, table: &mut Table<'_, '_>, isa: usize, row: Place, pick: Pick) {
        let group = table.group;
        let tuned = tuned(&mut table.isas[isa], self.index, &self.loaded.profile.cpu);
        // A default may be another one than when the row was made: what is one by now has not won against it.
        let unless = |default: Pick| Pick { won: pick.won.filter(|_| default.kernel != pick.kernel), ..pick };
        match row {
            Place::Bucket(bucket) => {
                let bucket = bucket.index();
                tuned.buckets[bucket] = unless(tuned.buckets[bucket]);
            }
            Place::Shape(rows, cols) => {
                let shape = (rows, cols);
                let Profile { cpu, caches, .. } = &self.loaded.profile;
                let stores = group.family == Family::Map && group.inplace.is_none();
                let third = if stores { Isa::all()[isa].past(cpu) } else { raptors_profile::USUAL_THIRD };
                let size = caches.size(bytes(group.ops[0], group.dtype, shape), third);
                for (_, picks) in tuned.exact.iter_mut().filter(|(other, _)| *other == shape) {
                    picks[size as usize] = unless(picks[size as usize]);
                }
            }
        }
    }

    /// The place of the candidate of that name, if it can serve the group's table of that ISA; else what is wrong with it.
    fn candidate(&self, group: &Group<'_>, isa: usize, name: &str) -> Result<usize, [String; 3]> {
        let serves = |at: usize| {
            let own = Isa::all().iter().position(|isa| isa.name == self.candidates[at].kernel.isa.name);
            // As in the tables: kernels of the ISA itself, or of a plainer one that every such machine has.
            let has = own.is_some_and(|own| own <= isa)
                && (Isa::all()[own.unwrap_or(0)].is_portable()
                    || self.candidates[at].kernel.isa.arch == Isa::all()[isa].arch);
            has && group.kernels.contains(&at)
        };
        let Some(&found) = self.places.get(name) else {
            let held =
                group.kernels.iter().filter(|&&at| serves(at) && self.candidates[at].dropped.is_none());
            let mut held: Vec<_> = held.map(|&at| self.candidates[at].kernel.name.as_str()).collect();
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
        let Candidate { kernel, dropped, .. } = &self.candidates[found];
        if !serves(found) {
            return Err([
                format!("{} is no candidate of this table", shown(name)),
                format!("{} of {} on {}", kernel.computes, kernel.types.storage, kernel.isa.name),
                remove(),
            ]);
        }
        if let Some(reason) = dropped {
            return Err([format!("{} cannot be built", shown(name)), reason.clone(), remove()]);
        }
        Ok(found)
    }

    /// Puts what is known about threads in the place of the defaults, in the tables of those operations that may be cut so.
    fn cut(
        &mut self,
        tables: &mut [Table<'_, '_>],
        found: &[usize],
        isa: usize,
        of: &raptors_profile::Table,
        (count, bucket): (usize, Bucket),
        cut: &Cut,
    ) {
        let tasks =
            Tasks { crossover: cut.crossover.map(|bytes| bytes.0), chunk: cut.chunk.map(|bytes| bytes.0) };
        let chunk = tasks.chunk.map_or(Chunk::PerThread, Chunk::Bytes);
        let threads = if tasks.crossover.is_some() { Threads::All } else { Threads::One };
        let wrong = |table: &Table<'_, '_>| {
            let listed = &table.ops[0].spec.tasks;
            if !listed.threads.contains(&threads) {
                Some(("crossover", format!("threads = [\"{}\"]", threads.name())))
            } else if tasks.crossover.is_some() && !listed.chunk.contains(&chunk) {
                let chunk = cut.chunk.map_or_else(|| chunk.to_string(), |bytes| bytes.to_string());
                Some(("chunk", format!("chunk = [\"{chunk}\"]")))
            } else {
                None
            }
        };
        let fitting: Vec<usize> = found.iter().copied().filter(|&at| wrong(&tables[at]).is_none()).collect();
        if let (true, Some((field, value))) = (fitting.is_empty(), wrong(&tables[found[0]])) {
            let op = tables[found[0]].ops[0];
            let (count, class, key) = (count.to_string(), class(of), bucket.to_string());
            let path = ["threads", &count, &of.computation, &of.dtype, &class, &key, field];
            let words = [
                format!("no candidate of {} is cut like this", shown(&op.name)),
                format!("not in `[tasks]` of {}", op.spec.file),
                format!("remove the row, or list `{value}` there"),
            ];
            return self.report(&path, "profile-tasks", words);
        }
        let won = Some(Won { margin: cut.margin, interval: cut.interval });
        for at in fitting {
            let rows = &mut tables[at].isas[isa];
            let default: Vec<_> = rows.tasks.iter().map(|&tasks| TunedTasks { tasks, won: None }).collect();
            let threads = &mut tuned(rows, self.index, &self.loaded.profile.cpu).threads;
            let at = threads.binary_search_by_key(&count, |(count, _)| *count).unwrap_or_else(|at| {
                threads.insert(at, (count, default));
                at
            });
            threads[at].1[bucket.index()] = TunedTasks { tasks, won };
        }
    }
}

/// An ISA's rows by a profile: the default ones of its processor, as long as nothing else was put there.
fn tuned<'r>(rows: &'r mut IsaRows, profile: usize, cpu: &str) -> &'r mut Tuned {
    if rows.tuned.last().is_none_or(|(last, _)| *last != profile) {
        let pick = |kernel: &usize| Pick { kernel: *kernel, won: None };
        let (exact, buckets) = rows.on(cpu);
        let exact = exact.iter().map(|(shape, kernels)| (*shape, kernels.iter().map(pick).collect()));
        let tuned = Tuned {
            exact: exact.collect(),
            buckets: buckets.iter().map(pick).collect(),
            threads: Vec::new(),
        };
        rows.tuned.push((profile, tuned));
    }
    let (_, tuned) = rows.tuned.last_mut().expect("one was there, or was pushed");
    tuned
}

/// Which of the tables of what is computed a group's is, in the words of profiles.
#[must_use]
pub fn kind(group: &Group<'_>) -> Kind {
    match (group.inplace, group.numerics) {
        (Some(_), Numerics::Any) => Kind::AnyInPlace,
        (Some(_), _) => Kind::InPlace,
        (None, Numerics::Any) => Kind::Any,
        (None, Numerics::Accurate) => Kind::Accurate,
        (None, Numerics::Numpy) => Kind::Plain,
    }
}

/// Whether a table of the profile is that of a group.
fn is(group: &Group<'_>, of: &raptors_profile::Table) -> bool {
    group.computation().name == of.computation && group.dtype.name() == of.dtype && kind(group) == of.kind
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
