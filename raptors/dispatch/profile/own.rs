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
    catalogue::{self, Kernel},
    dispatch::{
        call::{Row, Sig},
        table::{BUCKETS, Choices, Cuts, Entry, Exact, IsaRows, NEVER, PER_THREAD, SIZES, Table, Tasks},
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
            rows.retain(|place, winner| holds(table, *place, winner));
        }
        self.profile
            .threads
            .values_mut()
            .for_each(|tables| tables.retain(|table, _| kernels(table).is_some()));
        let after = count(&self.profile);
        (after, before - after)
    }

    /// The rows of a table with those of this profile laid over them. They are kept for as long as the program runs.
    pub(crate) fn over<S: Sig>(
        &self,
        choices: &'static Choices<S>,
        rows: &'static IsaRows<S>,
        table: &'static Table<S>,
    ) -> &'static Choices<S> {
        let find = |name: &str| -> Option<&'static Row<S>> {
            table.isas.iter().flatten().flat_map(|rows| rows.all).find(|row| row.name == name)
        };
        let mut over = Choices { ..*choices };
        let mut exact: Vec<Exact<S>> = choices.exact.to_vec();
        let of_table = self.profile.kernels.iter().filter(|(of, _)| of.to_string() == rows.name);
        for (place, winner) in of_table.flat_map(|(_, rows)| rows) {
            let Some(row) = find(&winner.kernel) else { continue };
            let entry = Entry { row, won: Some(won(winner.margin, winner.interval)) };
            match *place {
                Place::Bucket(bucket) => over.buckets[bucket.index()] = entry,
                Place::Shape(rows, cols) => {
                    // Measured on this machine, where a call of that shape is always in one size class: the others are
                    // not looked at.
                    exact.retain(|(shape, _)| *shape != (rows, cols));
                    exact.push(((rows, cols), [entry; SIZES]));
                }
            }
        }
        let mut threads: Vec<Cuts> = choices.threads.to_vec();
        for (&count, tables) in &self.profile.threads {
            let of_table = tables.iter().filter(|(of, _)| of.to_string() == rows.name);
            for (bucket, cut) in of_table.flat_map(|(_, rows)| rows) {
                let at = threads.binary_search_by_key(&count, |cuts| cuts.threads).unwrap_or_else(|at| {
                    threads.insert(at, Cuts { threads: count, tasks: choices.tasks, won: [None; BUCKETS] });
                    at
                });
                threads[at].tasks[bucket.index()] = Tasks {
                    crossover: cut.crossover.map_or(NEVER, |bytes| bytes.0),
                    chunk: cut.chunk.map_or(PER_THREAD, |bytes| bytes.0),
                };
                threads[at].won[bucket.index()] = Some(won(cut.margin, cut.interval));
            }
        }
        over.exact = exact.leak();
        over.threads = threads.leak();
        Box::leak(Box::new(over))
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

/// The kernels of the operation, dtype and class of a table, and its ISA.
fn kernels(table: &raptors_profile::Table) -> Option<(Isa, impl Iterator<Item = &'static Kernel>)> {
    let isa = Isa::ALL.into_iter().find(|isa| isa.name() == table.isa)?;
    let op = catalogue::ops().iter().find(|op| op.name == table.op)?;
    let dtype = *op.dtypes.iter().find(|dtype| dtype.to_string() == table.dtype)?;
    let in_place = table.kind == Kind::InPlace;
    Some((isa, op.kernels.iter().filter(move |kernel| kernel.dtype == dtype && kernel.inplace == in_place)))
}

/// Whether the kernel of a row is in this build as it was measured, and can serve the row.
fn holds(table: &raptors_profile::Table, place: Place, winner: &Winner) -> bool {
    let Some((isa, mut kernels)) = kernels(table) else { return false };
    let Some(kernel) = kernels.find(|kernel| kernel.name == winner.kernel) else { return false };
    let fits = kernel.shape.is_none_or(|(rows, cols)| place == Place::Shape(rows, cols));
    kernel.body == Some(winner.body) && kernel.isa <= isa && fits
}

fn won(margin: raptors_profile::Percent, interval: raptors_profile::Span) -> Won {
    Won { margin: margin.tenths, low: interval.low.tenths, high: interval.high.tenths, own: true }
}
