//! The user's own profile: read when the program runs, and laid over the rows that it would follow without.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use raptors_profile::{Kind, Place, Profile, Winner, cpu_key, parse};

use super::{Followed, Own, Wish, Won};
use crate::{
    Isa,
    catalogue::{self, Group, Status},
    dispatch::{
        call::Sig,
        table::{self, BUCKETS, Choices, Cuts, Exact, NEVER, PER_THREAD, SIZES, Table, Tasks},
    },
};

/// A profile of this processor.
#[derive(Debug)]
pub(crate) struct File {
    /// Where it is.
    pub(crate) path: PathBuf,
    profile: Profile,
}

/// Why a file is not followed.
#[derive(Debug)]
pub(crate) struct Refused {
    why: String,
    is_missing: bool,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl File {
    /// Reads one that must be of this processor.
    pub(crate) fn read(path: &Path) -> Result<Self, Refused> {
        let name = path.display();
        let refused = |why| Refused { why, is_missing: false };
        let text = fs::read_to_string(path).map_err(|error| Refused {
            why: format!("{name}: {error}"),
            is_missing: error.kind() == io::ErrorKind::NotFound,
        })?;
        let profile = parse(&text, &name.to_string())
            .map_err(|error| refused(error.to_string().trim_end().to_owned()))?;
        if profile.cpu != cpu_key() {
            return Err(refused(format!(
                "{name} is of {}, and this processor is {}",
                profile.cpu,
                cpu_key()
            )));
        }
        Ok(Self { path: path.to_owned(), profile })
    }

    /// Leaves out what this build does not have, or has otherwise. What is left comes back as a number of rows, and
    /// what is not as another.
    fn keep_what_holds(&mut self) -> (usize, usize) {
        let count = |profile: &Profile| {
            let cuts = profile.threads.values().flat_map(|tables| tables.values().map(BTreeMap::len));
            profile.kernels.values().map(BTreeMap::len).chain(cuts).sum::<usize>()
        };
        let before = count(&self.profile);
        for (table, rows) in &mut self.profile.kernels {
            rows.retain(|_, winner| holds(table, winner));
        }
        self.profile.threads.values_mut().for_each(|tables| tables.retain(|table, _| group(table).is_some()));
        let after = count(&self.profile);
        (after, before - after)
    }

    /// The rows of a table with those of this profile laid over them, on an ISA by its number. They are kept for as long
    /// as the program runs.
    pub(crate) fn over<S: Sig>(
        &self,
        choices: &'static Choices,
        of: &'static Table<S>,
        isa: usize,
    ) -> &'static Choices {
        // The class `any` follows what is said of its kernels, and over that what is said of itself.
        let kinds = Kind::ALL.into_iter().find(|kind| kind.suffix() == of.kind).expect("a kind of profiles");
        let names: Vec<String> =
            kinds.over().into_iter().chain([kinds]).map(|kind| of.named(isa, kind.suffix())).collect();
        let find = |kernel: &str| -> Option<table::Place> {
            of.kernels().find(|(_, row)| row.name == kernel).map(|(place, _)| place)
        };
        let mut exact: Vec<Exact> = choices.exact.to_vec();
        let mut over = Choices { ..*choices };
        let mut wins: Vec<(usize, Won)> = choices.won.to_vec();
        let mut wins_here = |number: usize, won: Won| {
            wins.retain(|(other, _)| *other != number);
            wins.push((number, won));
        };
        let of_table = |name: &String| {
            let name = name.clone();
            self.profile.kernels.iter().filter(move |(table, _)| table.to_string() == name)
        };
        for (place, winner) in names.iter().flat_map(of_table).flat_map(|(_, rows)| rows) {
            let Some(kernel) = find(&winner.kernel) else { continue };
            let won = won(winner.margin, winner.interval);
            match *place {
                Place::Bucket(bucket) => {
                    over.buckets[bucket.index()] = kernel;
                    wins_here(bucket.index(), won);
                }
                Place::Shape(rows, cols) => {
                    // Measured on this machine, where a call of that shape is always in one size class: the others are
                    // not looked at.
                    let at =
                        exact.iter().position(|(shape, _)| *shape == (rows, cols)).unwrap_or_else(|| {
                            exact.push(((rows, cols), [kernel; SIZES]));
                            exact.len() - 1
                        });
                    exact[at].1 = [kernel; SIZES];
                    (0..SIZES).for_each(|size| wins_here(BUCKETS + at * SIZES + size, won));
                }
            }
        }
        over.exact = exact.leak();
        over.won = wins.leak();
        over.threads = self.cuts(choices, &names).leak();
        Box::leak(Box::new(over))
    }

    /// How calls of a table are cut, with what this profile says of it.
    fn cuts(&self, choices: &Choices, names: &[String]) -> Vec<Cuts> {
        let mut threads: Vec<Cuts> = choices.threads.to_vec();
        for (&count, tables) in &self.profile.threads {
            let of_table = |name: &String| {
                let name = name.clone();
                tables.iter().filter(move |(table, _)| table.to_string() == name)
            };
            for (_, rows) in names.iter().flat_map(of_table) {
                let at = threads.binary_search_by_key(&count, |cuts| cuts.threads).unwrap_or_else(|at| {
                    threads.insert(at, Cuts { threads: count, tasks: choices.tasks, won: &[] });
                    at
                });
                let mut tasks = *threads[at].tasks;
                let mut wins: Vec<(usize, Won)> = threads[at].won.to_vec();
                for (bucket, cut) in rows {
                    tasks[bucket.index()] = Tasks {
                        crossover: cut.crossover.map_or(NEVER, |bytes| bytes.0),
                        chunk: cut.chunk.map_or(PER_THREAD, |bytes| bytes.0),
                    };
                    wins.retain(|(other, _)| *other != bucket.index());
                    wins.push((bucket.index(), won(cut.margin, cut.interval)));
                }
                threads[at] = Cuts { threads: count, tasks: Box::leak(Box::new(tasks)), won: wins.leak() };
            }
        }
        threads
    }
}

/// The file that was asked for, or else the one in the usual place if it can be followed.
pub(super) fn find(wish: &Wish, usual: Option<PathBuf>, followed: &mut Followed) -> Option<Arc<File>> {
    let mut file = match wish {
        Wish::None => return None,
        Wish::File(file) => File { path: file.path.clone(), profile: file.profile.clone() },
        Wish::Any => match File::read(&usual?) {
            Ok(file) => file,
            Err(refused) => {
                if !refused.is_missing {
                    followed.notes.push(refused.why);
                }
                return None;
            }
        },
    };
    let (rows, left_out) = file.keep_what_holds();
    if left_out > 0 {
        let s = if left_out == 1 { "" } else { "s" };
        followed.notes.push(format!(
            "{}: {left_out} row{s} left out, of kernels that this build has otherwise or not at all: \
             `raptors tune` measures again",
            file.path.display()
        ));
    }
    followed.own = Some(Own { file: file.path.clone(), date: file.profile.date.clone(), rows });
    Some(Arc::new(file))
}

/// The kernels that compete for the rows of a table.
fn group(table: &raptors_profile::Table) -> Option<&'static Group> {
    catalogue::groups().iter().find(|group| {
        group.computation == table.computation
            && group.dtype.to_string() == table.dtype
            && group.kind() == table.kind.suffix()
    })
}

/// Whether the kernel of a row is in this build as it was measured, and can serve the row.
fn holds(table: &raptors_profile::Table, winner: &Winner) -> bool {
    let isa = Isa::ALL.into_iter().find(|isa| isa.name() == table.isa);
    let (Some(isa), Some(group)) = (isa, group(table)) else { return false };
    let Some(kernel) = group.kernels().find(|kernel| kernel.name == winner.kernel) else { return false };
    let is_held = !matches!(kernel.status, Status::Dropped(_));
    is_held && kernel.identity == winner.body && kernel.isa <= isa
}

fn won(margin: raptors_profile::Percent, interval: raptors_profile::Span) -> Won {
    Won { margin: margin.tenths, low: interval.low.tenths, high: interval.high.tenths, own: true }
}
