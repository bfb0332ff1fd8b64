//! What was learned, as rows of a profile: the crossover and the pieces of each bucket of the dispatch tables.

use std::{collections::BTreeMap, path::PathBuf};

use raptors_profile::{Bytes, Cut, Percent, Span};

use super::{
    buckets::{self, Bucket},
    policy::{Policy, median},
    state::Way,
};
use crate::{
    Error,
    catalogue::Body,
    dispatch::table::{NEVER, PER_THREAD, Tasks},
    tune::{ProfileError, ProfileFile, own_folder},
};

/// Why nothing was saved.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum SaveError {
    /// A variable cannot be honoured.
    #[error(transparent)]
    Environment(#[from] Error),
    /// There is no home folder for a profile.
    #[error("there is no home folder for a profile: XDG_CONFIG_HOME can name another")]
    NoFolder,
    /// The profile cannot be read or written.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// Writes what was learned into the user's own profile, which the next process follows: its file, or `None` if nothing that
/// was learned says something else than the profile does already.
///
/// # Errors
/// If the profile that is there cannot be read, or the new one not be written.
pub fn save() -> Result<Option<PathBuf>, SaveError> {
    let folder = own_folder()?.ok_or(SaveError::NoFolder)?;
    let before = ProfileFile::own(&folder)?;
    let after = with(&before);
    if after.same_rows(&before) {
        return Ok(None);
    }
    after.write()?;
    Ok(Some(after.path().to_owned()))
}

/// A profile with what was learned: how calls are cut in the buckets where that was decided otherwise than by the table.
///
/// Calls in stages have no tables of their own, and are left out.
#[must_use]
pub fn with(profile: &ProfileFile) -> ProfileFile {
    let mut votes: BTreeMap<(usize, &str, usize), (Tasks, Vec<Vote>)> = BTreeMap::new();
    for (kind, bucket) in buckets::all().filter(|(kind, _)| !matches!(kind.op.body, Body::Staged { .. })) {
        if let Some(vote) = bucket.learned(|policy| Vote::of(bucket, policy)).flatten() {
            let row = (kind.threads, kind.name.as_str(), bucket.row);
            votes.entry(row).or_insert_with(|| (bucket.tasks, Vec::new())).1.push(vote);
        }
    }
    let cuts = votes.into_iter().filter_map(|((threads, table, row), (tasks, votes))| {
        Some((threads, table, row, row_of(tasks, &votes)?))
    });
    profile.with_cuts(cuts)
}

/// What the calls of one size say of a row.
#[derive(Clone, Copy, Debug)]
struct Vote {
    /// Their least bytes.
    least: usize,
    way: Way,
    samples: u64,
    /// How much longer calls take by the table, as logarithms: the median, the least and the most. 0 where they go by it.
    slower: [f64; 3],
}

impl Vote {
    fn of(bucket: &Bucket, policy: &Policy) -> Option<Self> {
        let force = policy.force();
        let rounds = policy.tried()[bucket.first].rounds();
        let mut slower = [0.0; 3];
        if force != bucket.first {
            let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
            let most = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            slower = [median(rounds), least, most];
        }
        let samples = policy.tried().iter().map(|tried| tried.samples).sum();
        policy.is_decided().then(|| Self { least: bucket.least, way: bucket.ways[force], samples, slower })
    }
}

/// What a row should say; `None` if that is what the table says.
fn row_of(tasks: Tasks, votes: &[Vote]) -> Option<Cut> {
    let shared = votes.iter().filter_map(|vote| match vote.way {
        Way::Shared { chunk } => Some((vote.samples, chunk.unwrap_or(PER_THREAD))),
        Way::Alone => None,
    });
    // Of several sizes, the pieces of the one that is known best.
    let chunk = shared.max_by_key(|(samples, _)| *samples).map_or(tasks.chunk, |(_, chunk)| chunk);
    let now = Tasks { crossover: crossover(tasks.crossover, votes), chunk };
    let is_news = votes.iter().filter(|vote| vote.slower[0] != 0.0);
    let best = is_news.max_by_key(|vote| vote.samples)?;
    let [margin, low, high] = best.slower.map(|log| Percent::of(log.exp_m1()));
    (now != tasks).then_some(Cut {
        crossover: Some(now.crossover).filter(|bytes| *bytes != NEVER).map(Bytes),
        chunk: Some(now.chunk).filter(|bytes| *bytes != PER_THREAD).map(Bytes),
        margin,
        interval: Span { low, high },
    })
}

/// The crossover with which the fewest samples disagree: that of the table, or an end of one of the sizes that voted. Of
/// several such the table's, else the one nearest to it.
fn crossover(by_table: usize, votes: &[Vote]) -> usize {
    let ends = votes.iter().flat_map(|vote| [vote.least, 2 * vote.least]);
    let against = |crossover: usize| -> u64 {
        let is_against = |vote: &&Vote| (vote.least >= crossover) != matches!(vote.way, Way::Shared { .. });
        votes.iter().filter(is_against).map(|vote| vote.samples).sum()
    };
    [by_table]
        .into_iter()
        .chain(ends)
        .min_by_key(|crossover| (against(*crossover), crossover.abs_diff(by_table)))
        .unwrap_or(by_table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    const SHARED: Way = Way::Shared { chunk: None };

    fn vote(least: usize, way: Way, samples: u64) -> Vote {
        Vote { least, way, samples, slower: [0.1, 0.05, 0.2] }
    }

    #[test]
    fn the_crossover_is_between_those_that_share_and_those_that_do_not() {
        let shared = |least| vote(least, SHARED, 50);
        let alone = |least| vote(least, Way::Alone, 50);
        // Set too high, too low, and right: between the two the nearest to what the table says.
        assert_eq!(crossover(8 * MIB, &[alone(MIB), shared(2 * MIB), shared(4 * MIB)]), 2 * MIB);
        assert_eq!(crossover(MIB / 4, &[alone(MIB / 4), alone(MIB), shared(4 * MIB)]), 2 * MIB);
        assert_eq!(crossover(3 * MIB, &[alone(MIB), shared(4 * MIB)]), 3 * MIB);
        // Above all that is known nothing is guessed.
        assert_eq!(crossover(MIB, &[alone(MIB), alone(2 * MIB)]), 4 * MIB);
        assert_eq!(crossover(NEVER, &[shared(2 * MIB)]), 2 * MIB);
        assert_eq!(crossover(NEVER, &[alone(2 * MIB)]), NEVER);
        // One that contradicts the others is outvoted by samples.
        assert_eq!(crossover(MIB, &[shared(MIB), vote(2 * MIB, Way::Alone, 10), shared(4 * MIB)]), MIB);
    }

    #[test]
    fn a_row_says_what_is_new_and_nothing_else() {
        let tasks = Tasks { crossover: MIB, chunk: PER_THREAD };
        assert_eq!(row_of(tasks, &[vote(2 * MIB, SHARED, 50)]), None);
        let alone = row_of(tasks, &[vote(2 * MIB, Way::Alone, 50)]).expect("another crossover");
        assert_eq!((alone.crossover, alone.chunk), (Some(Bytes(4 * MIB)), None));
        assert_eq!(alone.margin, Percent { tenths: 105 });
        let votes = [vote(2 * MIB, Way::Shared { chunk: Some(MIB / 4) }, 50), vote(4 * MIB, SHARED, 20)];
        let pieces = row_of(tasks, &votes).expect("other pieces");
        assert_eq!((pieces.crossover, pieces.chunk), (Some(Bytes(MIB)), Some(Bytes(MIB / 4))));
    }
}
