//! Memory of matrices that were dropped, kept for the outputs of calls to come.
//!
//! A fresh output of 32 MiB costs as much in page faults as the computation that fills it, and its lines are in no
//! cache. What was dropped last has its pages, and perhaps its lines. So large blocks are kept when a matrix is dropped,
//! as long as all that are kept stay below a bound; the one that lay idle longest makes room.
//!
//! The pool has a few slots and one lock. The lock is held to look through the slots: never while memory is allocated
//! or freed, or a page touched. Nobody waits for it long: who does not get it soon goes to the allocator instead. So a
//! process that is forked while another thread holds it, and in which nobody will ever release it, computes on.

use std::{
    hint,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{Error, buffer::Block, knobs, telemetry};

/// What is smaller is left to the allocator, which keeps and reuses small memory well, and would otherwise push out
/// the large blocks that this is for.
const SMALLEST: usize = 64 << 10;

/// Blocks that can be kept. Each is looked at on each call, so that there are not many: with the default bound, enough
/// for all to be kept whose average size is 4 MiB.
const SLOTS: usize = 64;

/// Times that the lock is tried for: some microseconds, where it is held for a fraction of one.
const TRIES: usize = 200;

static POOL: Pool = Pool::new();

/// A block of at least so many bytes, if one is kept that is not much larger. It holds what it held when it was given.
pub(crate) fn take(bytes: usize) -> Option<Block> {
    let block = POOL.take(bytes);
    if bytes >= SMALLEST {
        telemetry::pool(block.is_some());
    }
    block
}

/// Keeps a block, or drops it.
pub(crate) fn give(block: Block) {
    if block.bytes() >= SMALLEST {
        // With an environment that cannot be read no call computes: nothing is kept either.
        POOL.give(block, knobs::settings().map_or(0, |settings| settings.pool_bytes));
    }
}

/// Gives back to the system the memory that is kept for results of calls to come.
///
/// A matrix that is dropped leaves its memory, if it is large, to a pool from which new results are made, so that they
/// cost no page faults. After the last call for a long time, this frees it.
///
/// ```
/// # use raptors::{Matrix, ops};
/// let x = Matrix::from_fn(512, 512, |row, column| (row * column) as f32)?;
/// # #[cfg(feature = "arithmetic")]
/// drop(ops::scale(&x, 2.0)?);
/// raptors::trim();
/// assert_eq!(raptors::pool_bytes(), 0);
/// # Ok::<(), raptors::Error>(())
/// ```
pub fn trim() {
    // As often as it takes, and not for ever: other threads may be giving, and a lock may never be released.
    for _ in 0..4 * SLOTS {
        if !POOL.evict() {
            if pool_bytes() == 0 {
                return;
            }
            thread::yield_now();
        }
    }
}

/// What `attempt` gives; if there is no memory for it, what it gives when all that is kept was given back.
pub(crate) fn retried<R>(mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
    attempt().or_else(|| {
        if pool_bytes() == 0 {
            return None;
        }
        trim();
        attempt()
    })
}

/// A new vector of that many.
pub(crate) fn filled<R: Copy>(len: usize, value: R) -> Result<Vec<R>, Error> {
    let mut out = Vec::new();
    retried(|| out.try_reserve_exact(len).ok())
        .ok_or(Error::OutOfMemory { bytes: len.saturating_mul(size_of::<R>()) })?;
    out.resize(len, value);
    Ok(out)
}

/// Bytes of memory that are kept for results of calls to come: the memory of matrices that were dropped.
#[must_use]
pub fn pool_bytes() -> usize {
    POOL.held.load(Ordering::Relaxed)
}

struct Pool {
    slots: Mutex<Slots>,
    /// Bytes of all blocks that are kept; written under the lock, read without.
    held: AtomicUsize,
}

struct Slots {
    kept: [Option<Kept>; SLOTS],
    /// Counts the blocks that were ever kept.
    clock: u64,
}

struct Kept {
    block: Block,
    /// The clock when it was given: the greatest was in use last.
    since: u64,
}

impl Pool {
    const fn new() -> Self {
        Self {
            slots: Mutex::new(Slots { kept: [const { None }; SLOTS], clock: 0 }),
            held: AtomicUsize::new(0),
        }
    }

    /// Of the blocks that fit, the one that was in use last: it is the most likely to be in a cache. A block fits if it
    /// is large enough, and at most a quarter larger than that: so much memory may lie idle within results.
    fn take(&self, bytes: usize) -> Option<Block> {
        if bytes < SMALLEST || self.held.load(Ordering::Relaxed) < bytes {
            return None;
        }
        let fits = bytes..=bytes.saturating_add(bytes / 4);
        let mut slots = self.lock()?;
        let slot = slots.most_recent(|block| fits.contains(&block.bytes()))?;
        Some(self.clear(slot))
    }

    /// Keeps the block if that is possible within the bound, at the cost of those that were idle longest.
    fn give(&self, block: Block, bound: usize) {
        if block.bytes() > bound {
            return;
        }
        loop {
            // Not kept if the lock cannot be had: then the block is dropped here.
            let Some(mut slots) = self.lock() else { return };
            let held = self.held.load(Ordering::Relaxed);
            if held <= bound - block.bytes()
                && let Slots { kept, clock } = &mut *slots
                && let Some(slot) = kept.iter_mut().find(|slot| slot.is_none())
            {
                self.held.store(held + block.bytes(), Ordering::Relaxed);
                *clock += 1;
                *slot = Some(Kept { block, since: *clock });
                return;
            }
            drop(slots);
            if !self.evict() {
                return;
            }
        }
    }

    /// Drops the block that was idle longest, if there is one.
    fn evict(&self) -> bool {
        // The lock is released before the block is dropped: unmapping pages takes its time.
        let block = self.lock().and_then(|mut slots| Some(self.clear(slots.least_recent()?)));
        block.is_some()
    }

    /// Takes the block out of a slot. Called under the lock, as the slot shows.
    fn clear(&self, slot: &mut Option<Kept>) -> Block {
        let Kept { block, .. } = slot.take().expect("only slots that hold a block are found");
        self.held.fetch_sub(block.bytes(), Ordering::Relaxed);
        block
    }

    /// The slots, unless they are in use by others for longer than anybody needs them.
    fn lock(&self) -> Option<MutexGuard<'_, Slots>> {
        for _ in 0..TRIES {
            if let Ok(slots) = self.slots.try_lock() {
                return Some(slots);
            }
            hint::spin_loop();
        }
        None
    }
}

impl Slots {
    fn most_recent(&mut self, fits: impl Fn(&Block) -> bool) -> Option<&mut Option<Kept>> {
        let since =
            |slot: &Option<Kept>| slot.as_ref().filter(|kept| fits(&kept.block)).map(|kept| kept.since);
        self.kept.iter_mut().filter(|slot| since(slot).is_some()).max_by_key(|slot| since(slot))
    }

    fn least_recent(&mut self) -> Option<&mut Option<Kept>> {
        let since = |slot: &Option<Kept>| slot.as_ref().map(|kept| kept.since);
        self.kept.iter_mut().filter(|slot| slot.is_some()).min_by_key(|slot| since(slot))
    }
}

#[cfg(test)]
mod tests;
