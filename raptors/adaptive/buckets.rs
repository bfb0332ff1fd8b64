//! What calls have in common that learn together, and how a call asks and tells.
//!
//! A call finds its bucket without a lock: in a table of fixed size, by the address of its dispatch table. The way in force
//! and the number of calls that need not be measured are atomics. Only a call that is to be measured tries to take the lock
//! of its bucket's policy, before and after; if somebody has it, the call is not measured.

use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{policy::Policy, state::Way};
use crate::{
    Dtype, Error,
    catalogue::{self, Call},
    dispatch::{
        call::Sig,
        cpu,
        table::{BUCKETS, Choice, Cut, NEVER, PER_THREAD, SIZES, Table, Target, Tasks},
    },
    lazy::Lazy,
    process::PerProcess,
    runtime::threads,
    telemetry,
};

/// Bytes below which a call is left alone: to share it costs more than it takes, and so would asking.
const LEAST: usize = 128 << 10;
/// Powers of two from there on; larger calls are in the last.
const SIZES_HERE: usize = 20;
const ASPECTS: usize = BUCKETS / SIZES;
/// Bytes of each thread's part where the table does not share calls of that size: what the specs' default has.
const PART: usize = 512 << 10;

/// Places for what calls have in common: many times what a program uses.
const PLACES: usize = 4096;
/// Places that are looked at, at most.
const STEPS: usize = 64;

static KINDS: Lazy<Box<[OnceLock<Box<Kind>>]>> = Lazy::new(|| (0..PLACES).map(|_| OnceLock::new()).collect());

/// The calls of an operation that go by one dispatch table, on so many threads.
pub(super) struct Kind {
    pub(super) op: &'static catalogue::Op,
    pub(super) dtype: Dtype,
    /// Which of the tables of what is computed.
    pub(super) of: raptors_profile::Kind,
    pub(super) threads: usize,
    /// The dispatch table, by its address, and as profiles call it.
    table: usize,
    #[cfg(feature = "tune")]
    pub(super) name: String,
    buckets: [OnceLock<Box<Bucket>>; SIZES_HERE * ASPECTS],
}

/// Those of them that are of one size and aspect.
pub(super) struct Bucket {
    /// The least bytes of a call.
    pub(super) least: usize,
    /// Ways to carry a call out: on one thread, where that is one, then shared.
    pub(super) ways: Box<[Way]>,
    /// The way that calls go by the dispatch table.
    pub(super) first: usize,
    /// The bucket of the dispatch table, and what that says.
    pub(super) row: usize,
    pub(super) tasks: Tasks,
    /// The way in force.
    force: AtomicUsize,
    /// Calls before the next that is measured.
    unseen: AtomicU32,
    /// `None` before the first call that is measured.
    policy: PerProcess<Mutex<Option<Policy>>>,
}

/// How a call is to be cut, and whether it is measured.
pub(crate) struct Advice {
    pub(crate) cut: Option<Cut>,
    pub(crate) sample: Option<Sample>,
}

/// A call that is measured.
pub(crate) struct Sample {
    bucket: &'static Bucket,
    /// Of this process.
    policy: &'static Mutex<Option<Policy>>,
    way: usize,
}

/// How a call is to be cut; `None` if that is not a question.
pub(crate) fn advice<S: Sig>(
    op: &'static str,
    (table, dtype): (&'static Table<S>, Dtype),
    call: &Call<'_>,
    target: Target,
) -> Result<Option<Advice>, Error> {
    if target.bytes < LEAST || call.choice != Choice::Table || call.cut.is_some() || threads::is_worker() {
        return Ok(None);
    }
    let threads = threads::num_threads_of_late();
    if threads < 2 {
        return Ok(None);
    }
    let Some(kind) = kind(op, (table, dtype), threads) else { return Ok(None) };
    let place = place(target);
    let bucket = if let Some(bucket) = kind.buckets[place].get() {
        bucket
    } else {
        // Made outside of any lock: a process may be forked meanwhile.
        let bucket = Box::new(Bucket::of(kind, table, target)?);
        kind.buckets[place].get_or_init(|| bucket)
    };
    Ok(bucket.advice(target.bytes))
}

/// The number of a call's size.
fn size(bytes: usize) -> usize {
    let power = (bytes / LEAST).ilog2() as usize;
    power.min(SIZES_HERE - 1)
}

/// The number of a call's bucket.
fn place(target: Target) -> usize {
    size(target.bytes) * ASPECTS + raptors_profile::aspect_class((target.rows, target.cols))
}

fn kind<S: Sig>(
    op: &'static str,
    (table, dtype): (&'static Table<S>, Dtype),
    threads: usize,
) -> Option<&'static Kind> {
    let address = std::ptr::from_ref(table).addr();
    let is = |kind: &Kind| kind.table == address && kind.threads == threads && kind.op.name == op;
    let begin = (address / 16).wrapping_mul(0x9e37_79b9).wrapping_add(threads);
    for step in 0..STEPS {
        let place = &KINDS[begin.wrapping_add(step) % PLACES];
        let found = if let Some(found) = place.get() {
            found
        } else {
            let op = catalogue::op(op).ok()?;
            let kind = Box::new(Kind {
                op,
                dtype,
                of: raptors_profile::Kind::ALL.into_iter().find(|of| of.suffix() == table.kind)?,
                threads,
                table: address,
                #[cfg(feature = "tune")]
                name: table.name_on(cpu::isa().ok()?),
                buckets: [const { OnceLock::new() }; SIZES_HERE * ASPECTS],
            });
            place.get_or_init(|| kind)
        };
        if is(found) {
            return Some(found);
        }
    }
    None
}

/// Everything that was asked about so far.
pub(super) fn all() -> impl Iterator<Item = (&'static Kind, &'static Bucket)> {
    let kinds = KINDS.iter().filter_map(OnceLock::get);
    kinds.flat_map(|kind| kind.buckets.iter().filter_map(|bucket| Some((&**kind, &**bucket.get()?))))
}

/// The bucket of a call, if one was asked about.
pub(super) fn find(is: impl Fn(&Kind) -> bool, target: Target) -> Option<(&'static Kind, &'static Bucket)> {
    if target.bytes < LEAST {
        return None;
    }
    let mut kinds = KINDS.iter().filter_map(OnceLock::get).filter(|kind| is(kind));
    kinds.find_map(|kind| Some((&**kind, &**kind.buckets[place(target)].get()?)))
}

pub(super) fn reset() {
    for (_, bucket) in all() {
        let mut policy = bucket.policy.here().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *policy = Some(bucket.anew(bucket.first));
        bucket.force.store(bucket.first, Relaxed);
        bucket.unseen.store(0, Relaxed);
    }
}

impl Bucket {
    fn of<S: Sig>(kind: &Kind, table: &'static Table<S>, target: Target) -> Result<Self, Error> {
        let plan = table.look_up(cpu::isa()?, None, target);
        let tasks = kind.op.tasks;
        let least = LEAST << size(target.bytes);
        let mut ways = Vec::new();
        if tasks.shared {
            // A piece of most of the call is no cut.
            let fits = |chunk: usize| chunk <= least / 2;
            let chunks = tasks.chunks.iter().map(|chunk| chunk.unwrap_or(PER_THREAD));
            let all = [plan.tasks.chunk].into_iter().chain(chunks).filter(|chunk| fits(*chunk));
            for chunk in all.map(|chunk| Some(chunk).filter(|chunk| *chunk != PER_THREAD)) {
                if !ways.contains(&Way::Shared { chunk }) {
                    ways.push(Way::Shared { chunk });
                }
            }
        }
        if tasks.alone {
            ways.insert(0, Way::Alone);
        }
        let first = usize::from(tasks.alone && plan.is_shared() && ways.len() > 1);
        Ok(Self {
            least,
            ways: ways.into(),
            first,
            row: target.bucket(false),
            tasks: plan.tasks,
            force: AtomicUsize::new(first),
            unseen: AtomicU32::new(0),
            policy: PerProcess::new(|| Mutex::new(None)),
        })
    }

    /// The policy at its beginning, with a way in force.
    fn anew(&self, force: usize) -> Policy {
        let sides = if self.ways.contains(&Way::Alone) { 2 } else { self.ways.len() };
        Policy::new(self.ways.len(), sides, force)
    }

    fn advice(&'static self, bytes: usize) -> Option<Advice> {
        if self.ways.len() < 2 {
            return None;
        }
        let force = self.force.load(Relaxed);
        let unseen = self.unseen.load(Relaxed);
        let mut sample = None;
        if unseen > 0 {
            // Some of those that come at once may be counted as one.
            self.unseen.store(unseen - 1, Relaxed);
        } else {
            let policy = self.policy.here();
            if let Ok(mut policy_here) = policy.try_lock() {
                let way = policy_here.get_or_insert_with(|| self.anew(force)).choose();
                sample = Some(Sample { bucket: self, policy, way });
            }
        }
        let way = match &sample {
            Some(sample) => sample.way,
            None if force == self.first => return None,
            None => force,
        };
        let cut = self.cut(way, bytes)?;
        Some(Advice { cut: Some(cut), sample })
    }

    /// The cut of a call of so many bytes that goes that way; `None` if there are no threads to share it with.
    pub(super) fn cut(&self, way: usize, bytes: usize) -> Option<Cut> {
        let chunk = match self.ways[way] {
            Way::Alone => return Some(Cut::ALONE),
            Way::Shared { chunk } => chunk.unwrap_or(PER_THREAD),
        };
        // As many threads as the table would call; where it calls none, two at least.
        let crossover = self.tasks.crossover;
        let part = if crossover != NEVER && bytes >= crossover { (crossover / 2).max(1) } else { PART };
        let threads = threads::num_threads().min((bytes / part).max(2));
        (threads > 1).then_some(Cut { threads, chunk })
    }

    /// What it has learned in this process, if anything.
    pub(super) fn learned<R>(&self, of: impl FnOnce(&Policy) -> R) -> Option<R> {
        let policy = self.policy.here().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        policy.as_ref().map(of)
    }
}

impl Sample {
    /// The call of so many bytes took so long. Calls of a bucket differ by up to a factor of two: what counts is what it
    /// would have taken for the least bytes.
    #[expect(clippy::cast_precision_loss, reason = "times and sizes need not be exact")]
    pub(crate) fn took(self, time: Duration, bytes: usize) {
        let Self { bucket, policy, way } = self;
        let Ok(mut policy) = policy.try_lock() else { return };
        let Some(policy) = policy.as_mut() else { return };
        policy.observe(way, telemetry::nanoseconds(time) as f64 * (bucket.least as f64 / bytes as f64));
        bucket.force.store(policy.force(), Relaxed);
        bucket.unseen.store(policy.unseen(), Relaxed);
    }
}
