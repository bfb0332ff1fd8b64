//! Carries a profile of version 1 over: its tables were those of operations, and its kernels were named after them.
//!
//! Operations that compute the same had rows of their own then, and may have named different kernels: the row stays whose
//! winner won by more for sure. Kernels for one shape are gone. Nothing goes without a word: what is left out is told with
//! the reason.

use std::collections::BTreeMap;

use raptors_profile::{Bucket, Cut, Kind, Place, Profile, Table, Winner};

use super::kind;
use crate::expand::{Expanded, Group};

/// What became of a profile of version 1.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The profile of today's version.
    pub profile: Profile,
    /// Rows of the old one.
    pub rows: usize,
    /// Rows that are told by another one: what both said, a line each.
    pub merged: Vec<String>,
    /// Rows that are left out, and why, a line each.
    pub left_out: Vec<String>,
}

/// Makes a profile of today's version from one that [`raptors_profile::parse_version_1`] has read. A kernel's old text
/// cannot be compared with today's, so a row is carried over as if its kernel were still what was measured; the head of
/// the profile says so.
#[must_use]
pub fn carry(old: &Profile, expanded: &Expanded<'_>) -> Carried {
    let note = "carried over from version 1: whether kernels are still what was measured could not be told"
        .to_owned();
    let profile =
        Profile { note: Some(note), kernels: BTreeMap::new(), threads: BTreeMap::new(), ..old.clone() };
    let mut carried = Carried { profile, rows: 0, merged: Vec::new(), left_out: Vec::new() };
    for (table, rows) in &old.kernels {
        let found = find(table, expanded);
        for (place, winner) in rows {
            carried.kernel(table, found, *place, winner, expanded);
        }
    }
    for (&count, tables) in &old.threads {
        for (table, rows) in tables {
            let found = find(table, expanded);
            for (bucket, cut) in rows {
                carried.cut(table, found, count, *bucket, *cut);
            }
        }
    }
    carried
}

/// The group that an operation's table is of by now.
fn find<'e, 'a>(table: &Table, expanded: &'e Expanded<'a>) -> Option<&'e Group<'a>> {
    expanded.groups.iter().find(|group| {
        group.ops.iter().any(|op| op.name == table.computation)
            && group.dtype.name() == table.dtype
            && kind(group) == table.kind
    })
}

/// A table of today's version.
fn renamed(table: &Table, group: &Group<'_>) -> Table {
    Table { computation: group.computation().name.clone(), ..table.clone() }
}

const NO_TABLE: &str = "there is no such operation, dtype or class any more";

impl Carried {
    fn kernel(
        &mut self,
        table: &Table,
        group: Option<&Group<'_>>,
        place: Place,
        winner: &Winner,
        expanded: &Expanded<'_>,
    ) {
        self.rows += 1;
        let row = format!("kernels.{table} \"{place}\" ({})", winner.kernel);
        let Some(group) = group else {
            self.left_out.push(format!("{row}: {NO_TABLE}"));
            return;
        };
        let kernel = match variant(table, &winner.kernel) {
            Ok(variant) => group.kernels.iter().map(|&at| &expanded.candidates[at]).find(|candidate| {
                let kernel = &candidate.kernel;
                let prefix = format!("{}_{}_", kernel.computes, kernel.family.name());
                let words = kernel.name.strip_prefix(&prefix).expect("a name begins with it");
                candidate.dropped.is_none() && without_place(words) == variant
            }),
            Err(why) => {
                self.left_out.push(format!("{row}: {why}"));
                return;
            }
        };
        let Some(kernel) = kernel else {
            self.left_out.push(format!("{row}: there is no such variant any more"));
            return;
        };
        let new = Winner { kernel: kernel.kernel.name.clone(), body: kernel.identity(), ..winner.clone() };
        let rows = self.profile.kernels.entry(renamed(table, group)).or_default();
        match rows.get_mut(&place) {
            None => {
                rows.insert(place, new);
            }
            Some(there) => {
                let (low, other) = (new.interval.low, there.interval.low);
                let stays = if low > other { &new.kernel } else { &there.kernel };
                self.merged.push(format!("{row}: its operations share a row, which names {stays}"));
                if low > other {
                    *there = new;
                }
            }
        }
    }

    fn cut(&mut self, table: &Table, group: Option<&Group<'_>>, count: usize, bucket: Bucket, cut: Cut) {
        self.rows += 1;
        let row = format!("threads.{count}.{table} \"{bucket}\"");
        let Some(group) = group else {
            self.left_out.push(format!("{row}: {NO_TABLE}"));
            return;
        };
        let tables = self.profile.threads.entry(count).or_default();
        let rows = tables.entry(renamed(table, group)).or_default();
        match rows.get_mut(&bucket) {
            None => {
                rows.insert(bucket, cut);
            }
            Some(there) => {
                self.merged.push(format!("{row}: its operations share a row"));
                if cut.interval.low > there.interval.low {
                    *there = cut;
                }
            }
        }
    }
}

/// What an old name says of dtype, ISA and variant: `f32_avx2_u4_nt`; or why there is no such kernel any more.
fn variant(table: &Table, kernel: &str) -> Result<String, &'static str> {
    let rest =
        kernel.strip_prefix(&format!("{}_", table.computation)).ok_or("a kernel of another operation")?;
    let mut words: Vec<&str> = rest.split('_').collect();
    let is_shape = |word: &&str| {
        word.split_once('x').is_some_and(|(rows, cols)| {
            [rows, cols].iter().all(|side| !side.is_empty() && side.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    if words.last().is_some_and(is_shape) {
        return Err("its kernel was for one shape: such kernels gained nothing and are gone");
    }
    if table.kind == Kind::Accurate {
        words.retain(|word| *word != "acc");
    }
    Ok(words.join("_"))
}

/// A name without the number of the matrix that is overwritten, which old names did not have.
fn without_place(name: &str) -> &str {
    match name.rsplit_once("_inplace") {
        Some((before, _)) => &name[..before.len() + "_inplace".len()],
        None => name,
    }
}
