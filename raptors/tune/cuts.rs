//! Threads, chunk and crossover of a bucket: further tournaments, between ways to cut a call.

use std::{cmp::Ordering, fmt};

use raptors_profile::{Bucket, Bytes, Place, Size};
use serde::Serialize;

use super::{
    case::{Case, range},
    row::Timed,
    statistics::Interval,
    subject::Contestant,
    tournament::{Outcome, Rules, Verdict},
};
use crate::{Cut, Error};

/// What was found about the threads of a bucket.
#[derive(Clone, Debug, Serialize)]
pub struct Cuts {
    /// Threads that took part.
    pub threads: usize,
    /// Bytes from which on calls of the bucket take several threads; `None` if they never do.
    pub crossover: Option<usize>,
    /// Bytes of a piece; `None` for a piece for each thread.
    pub chunk: Option<usize>,
    /// What the spec's defaults say.
    pub default: Tasks,
    /// What the table says instead, if that is something else.
    pub was: Option<Tasks>,
    /// How much faster calls are than with what the table says, if that is changed: in the middle of the bucket, or
    /// where the crossover was wrong by most.
    pub faster: Option<Interval>,
    /// How the tournament in the middle of the bucket ended.
    pub verdict: Verdict,
    /// Each way to cut that call, with its time and how much faster it is than the table's.
    pub ways: Vec<Way>,
}

impl Cuts {
    /// What the table should say.
    #[must_use]
    pub const fn now(&self) -> Tasks {
        Tasks { crossover: self.crossover, chunk: self.chunk }
    }
}

/// Two fields of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tasks {
    /// As [`Cuts::crossover`].
    pub crossover: Option<usize>,
    /// As [`Cuts::chunk`].
    pub chunk: Option<usize>,
}

impl Tasks {
    /// How they cut a call of so many bytes on that many threads.
    pub(super) fn cut(self, bytes: usize, threads: usize) -> Option<Cut> {
        // A piece of the whole call would be no cut.
        let chunk = self.chunk.filter(|chunk| 2 * chunk <= bytes).unwrap_or(0);
        self.crossover.is_some_and(|crossover| bytes >= crossover).then_some(Cut { threads, chunk })
    }
}

/// `from 1 MiB, 256 KiB`, `never, 1 per thread`.
impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.crossover {
            Some(crossover) => write!(f, "from {}, ", Bytes(crossover))?,
            None => f.write_str("never, ")?,
        }
        match self.chunk {
            Some(chunk) => Bytes(chunk).fmt(f),
            None => f.write_str("1 per thread"),
        }
    }
}

/// A way to cut a call.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// The kernel.
    pub kernel: &'static str,
    /// Threads that take part.
    pub threads: usize,
    /// Bytes of a piece; `None` for a piece for each thread, or for one thread.
    pub chunk: Option<usize>,
    /// The median of its times, in seconds.
    pub seconds: Option<f64>,
    /// How much faster it was than what the table says.
    pub faster: Option<Interval>,
    /// Whether it was given up before the end.
    pub dropped: bool,
}

/// What the tournaments of a bucket decide.
pub(super) struct Decided {
    pub(super) cuts: Cuts,
    /// Another kernel with its duel, if it was faster than the first with threads, cut in the same way.
    pub(super) instead: Option<(&'static str, Option<Interval>)>,
}

/// Finds how the calls of a bucket are best cut, and which of the kernels that are the best few on one thread, the winner
/// first, is fastest then; what the table says of cuts, and the defaults, are given. `None` for what is no bucket, or so
/// small that threads do not come into it.
pub(super) fn decide(
    case: &Case,
    kernels: &[&'static str],
    threads: usize,
    (before, default): (Tasks, Tasks),
    seconds: f64,
    timed: &mut Timed<'_>,
) -> Result<Option<Decided>, Error> {
    let Place::Bucket(Bucket { size, .. }) = case.place else { return Ok(None) };
    if size == Size::L1 || threads < 2 {
        return Ok(None);
    }
    if !timed.has_cores(threads) {
        return Ok(None);
    }
    let bytes = case.bytes();
    let now = |crossover: Option<usize>| crossover.is_some_and(|crossover| bytes >= crossover);

    // Which way is best in the middle of the bucket.
    let way = |kernel, cut| Contestant { kernel, cut };
    let incumbent = before.cut(bytes, threads);
    let tasks = case.op.tasks;
    let chunks = tasks.chunks.iter().map(|chunk| chunk.unwrap_or(0)).filter(|chunk| *chunk < bytes);
    let shared = chunks.filter(|_| tasks.shared).map(|chunk| Some(Cut { threads, chunk }));
    let mut cuts: Vec<Option<Cut>> = vec![incumbent];
    cuts.extend(tasks.alone.then_some(None).into_iter().chain(shared).filter(|cut| *cut != incumbent));
    let ways: Vec<_> = cuts.iter().map(|cut| way(kernels[0], *cut)).collect();
    let complexity: Vec<usize> = ways.iter().map(complexity).collect();
    let outcome = timed.hold(case, &ways, &complexity, 0, &Rules::new(0.3 * seconds))?;
    let best = cuts[outcome.winner];

    // One thread could not tell the best few apart, and threads may.
    let mut instead = None;
    if best.is_some() && kernels.len() > 1 {
        let few: Vec<_> = kernels.iter().map(|&kernel| way(kernel, best)).collect();
        let equal = vec![0; few.len()];
        let duel = timed.hold(case, &few, &equal, 0, &Rules::new(0.4 * seconds))?;
        instead = (duel.verdict == Verdict::Replaced).then_some((kernels[duel.winner], duel.duel));
    }
    let kernel = instead.map_or(kernels[0], |(kernel, _)| kernel);

    // From which size on threads pay; where that is not a question, the middle speaks for all.
    let chunk = best.map_or(before.chunk, |cut| Some(cut.chunk).filter(|chunk| *chunk > 0));
    let (crossover, elsewhere) = match size {
        Size::L2 | Size::L3 => crossover(case, size, kernel, chunk, before.crossover, 0.3 * seconds, timed)?,
        _ if best.is_some() == now(before.crossover) => (before.crossover, None),
        _ => (best.map(|_| range(size, crate::caches()).0.next_power_of_two()), None),
    };
    // The middle has nothing to say about pieces if calls of its size are not cut after all.
    let is_cut = now(crossover);
    let chunk = if is_cut { chunk } else { before.chunk };
    let after = Tasks { crossover, chunk };
    let changed = best != incumbent && best.is_some() == is_cut;
    let cuts = Cuts {
        threads,
        crossover,
        chunk,
        default,
        was: Some(before).filter(|before| *before != after),
        faster: outcome.duel.filter(|_| changed).or(elsewhere),
        verdict: outcome.verdict,
        ways: shown(&ways, &outcome),
    };
    Ok(Some(Decided { cuts, instead }))
}

/// Of ways that are tied the one that asks for least: one thread, then as few pieces as there are threads, then the
/// larger ones.
fn complexity(way: &Contestant) -> usize {
    match way.cut {
        None => 0,
        Some(Cut { chunk: 0, .. }) => 1,
        Some(Cut { chunk, .. }) => 64 - usize::try_from(chunk.ilog2()).unwrap_or(0),
    }
}

fn shown(ways: &[Contestant], outcome: &Outcome) -> Vec<Way> {
    let way = |(way, standing): (&Contestant, &super::tournament::Standing)| Way {
        kernel: way.kernel,
        threads: way.cut.map_or(1, |cut| cut.threads),
        chunk: way.cut.map(|cut| cut.chunk).filter(|chunk| *chunk > 0),
        seconds: standing.seconds,
        faster: standing.faster,
        dropped: standing.dropped,
    };
    ways.iter().zip(&outcome.standings).map(way).collect()
}

/// What the table says of cutting the calls of a bucket on that many threads, and what the spec's defaults say.
pub(super) fn table(case: &Case, threads: usize) -> Result<(Tasks, Tasks), Error> {
    let before = crate::thread_limit();
    crate::set_num_threads(threads)?;
    let explained = case.explain();
    crate::set_thread_limit(before)?;
    let explained = explained?;
    let (crossover, chunk) = explained.default_tasks;
    Ok((Tasks { crossover: explained.crossover, chunk: explained.chunk }, Tasks { crossover, chunk }))
}

/// Bytes from which on two threads are faster than one, by duels at sizes of the bucket; what the table says where nothing
/// is decided otherwise. And by how much the table is wrong where it is so most of all.
fn crossover(
    case: &Case,
    size: Size,
    kernel: &'static str,
    chunk: Option<usize>,
    before: Option<usize>,
    seconds: f64,
    timed: &mut Timed<'_>,
) -> Result<(Option<usize>, Option<Interval>), Error> {
    let mut most: Option<Interval> = None;
    let mut pays = |bytes: usize| {
        let here = before.is_some_and(|crossover| bytes >= crossover);
        let two = Tasks { crossover: Some(0), chunk }.cut(bytes, 2);
        let ways = [None, two].map(|cut| Contestant { kernel, cut });
        let rules = Rules::new(seconds / DUELS);
        let case = case.with_bytes(bytes);
        let outcome = timed.hold(&case, &ways, &[0, 1], usize::from(here), &rules)?;
        if let (Verdict::Replaced, Some(duel)) = (outcome.verdict, outcome.duel)
            && most.is_none_or(|most| duel.centre > most.centre)
        {
            most = Some(duel);
        }
        Ok(outcome.winner == 1)
    };
    let found = walk(&sizes(size), before, &mut pays)?;
    Ok((found, most))
}

/// Sizes of calls, in bytes, at which a crossover can be.
fn sizes(size: Size) -> Vec<usize> {
    let (from, to) = range(size, crate::caches());
    let sizes = std::iter::successors(Some(from.next_power_of_two() * 2), |bytes| Some(bytes * 2));
    sizes.take_while(|bytes| *bytes <= to).collect()
}

/// Lets what is to change win once more: another crossover at the size where it was moved last, other pieces in the
/// middle of the bucket. What does not stays as it was.
pub(super) fn confirm(
    case: &Case,
    kernel: &'static str,
    cuts: Cuts,
    seconds: f64,
    timed: &mut Timed<'_>,
) -> Result<Cuts, Error> {
    let (Some(before), Place::Bucket(Bucket { size, .. })) = (cuts.was, case.place) else { return Ok(cuts) };
    let wanted = cuts.now();
    let is_free = timed.has_cores(cuts.threads);
    let mut faster = None;
    let mut wins = |case: &Case, now: Tasks, threads: usize| {
        let [now, before] =
            [now, before].map(|tasks| Contestant { kernel, cut: tasks.cut(case.bytes(), threads) });
        if !is_free || now == before {
            return Ok(false);
        }
        let decided = timed.duel(case, now, before, seconds)?;
        let wins = decided.verdict == Verdict::Replaced;
        faster = faster.or(wins.then_some(decided.faster));
        Ok::<bool, Error>(wins)
    };
    let mut now = before;
    let moved = moved_to(&sizes(size), before.crossover, wanted.crossover);
    let (at, threads) =
        moved.map_or_else(|| (case.clone(), cuts.threads), |bytes| (case.with_bytes(bytes), 2));
    if wanted.crossover != before.crossover && wins(&at, wanted, threads)? {
        now = wanted;
    }
    let pieces = Tasks { chunk: wanted.chunk, ..before };
    if wanted.crossover == before.crossover && wins(case, pieces, cuts.threads)? {
        now = pieces;
    }
    let verdict = if now == before { Verdict::Unconfirmed } else { cuts.verdict };
    let was = Some(before).filter(|before| *before != now);
    Ok(Cuts { crossover: now.crossover, chunk: now.chunk, was, faster, verdict, ..cuts })
}

/// The size at which a crossover that moves has moved last: one where calls are cut otherwise than before, the nearest
/// to where it is now.
fn moved_to(sizes: &[usize], before: Option<usize>, now: Option<usize>) -> Option<usize> {
    let index = |crossover: Option<usize>| {
        sizes.partition_point(|bytes| crossover.is_none_or(|crossover| *bytes < crossover))
    };
    let (before, now) = (index(before), index(now));
    match now.cmp(&before) {
        Ordering::Less => Some(sizes[now]),
        Ordering::Equal => None,
        Ordering::Greater => Some(sizes[now - 1]),
    }
}

/// Duels of a walk that ends where it begins.
const DUELS: f64 = 2.0;

/// The size from which on it pays, found by a walk from where the table says that it is: down as long as it pays, or
/// else up until it does. What the table says stays as it is written if the walk ends where it began.
fn walk<E>(
    sizes: &[usize],
    before: Option<usize>,
    pays: &mut impl FnMut(usize) -> Result<bool, E>,
) -> Result<Option<usize>, E> {
    let begin = sizes.partition_point(|bytes| before.is_none_or(|crossover| *bytes < crossover));
    let mut from = begin;
    while from > 0 && pays(sizes[from - 1])? {
        from -= 1;
    }
    while from >= begin && from < sizes.len() && !pays(sizes[from])? {
        from += 1;
    }
    Ok(if from == begin { before } else { sizes.get(from).copied() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossover_is_walked_to_from_where_the_table_has_it() {
        let sizes = [2, 4, 8, 16];
        // From the table's crossover to one where it pays from `first` on: the result, and the duels on the way.
        let walked = |before, first| {
            let mut duels = Vec::new();
            let found = walk(&sizes, before, &mut |bytes| {
                duels.push(bytes);
                Ok::<_, ()>(bytes >= first)
            });
            (found.unwrap(), duels)
        };
        assert_eq!(walked(Some(4), 4), (Some(4), vec![2, 4]));
        assert_eq!(walked(Some(4), 16), (Some(16), vec![2, 4, 8, 16]));
        assert_eq!(walked(Some(16), 4), (Some(4), vec![8, 4, 2]));
        assert_eq!(walked(Some(4), 100), (None, vec![2, 4, 8, 16]));
        assert_eq!(walked(None, 16), (Some(16), vec![16, 8]));
        // What says the same stays as it is written.
        assert_eq!(walked(Some(1), 2), (Some(1), vec![2]));
        assert_eq!(walked(Some(100), 100), (Some(100), vec![16]));
        assert_eq!(walked(Some(3), 4), (Some(3), vec![2, 4]));
        assert_eq!(walked(None, 100), (None, vec![16]));
        assert_eq!(walk(&[], Some(3), &mut |_| Err(())), Ok(Some(3)));
    }

    #[test]
    fn a_crossover_is_confirmed_where_it_moved_last() {
        let moved = |before, now| moved_to(&[2, 4, 8, 16], before, now);
        assert_eq!(moved(Some(16), Some(4)), Some(4));
        assert_eq!(moved(Some(4), Some(16)), Some(8));
        assert_eq!(moved(Some(4), None), Some(16));
        assert_eq!(moved(None, Some(2)), Some(2));
        // Another number for the same cuts.
        assert_eq!(moved(Some(3), Some(4)), None);
        assert_eq!(moved_to(&[], Some(4), None), None);
    }

    #[test]
    fn less_is_plainer() {
        let way = |cut: Option<(usize, usize)>| Contestant {
            kernel: "k",
            cut: cut.map(|(threads, chunk)| Cut { threads, chunk }),
        };
        let ways = [None, Some((2, 0)), Some((2, 1 << 20)), Some((2, 256 << 10)), Some((2, 64 << 10))];
        let numbers = ways.map(|cut| complexity(&way(cut)));
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}
