//! The last calls, in a ring of a fixed size.
//!
//! Every slot has a number that tells whether it is whole: odd while somebody writes it. Who writes takes it first, so
//! that two never write the same slot; who finds it taken, by one whom the others have lapped, leaves his call out.
//! Who reads looks at the number before and after, and leaves out what changed meanwhile. Nobody waits for anybody.

use std::{
    array,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
        fence,
    },
};

/// Calls that are kept.
pub(super) const LAST: usize = 256;

/// What is kept of a call, in numbers.
pub(super) type Words = [u64; 6];

pub(super) struct Ring {
    slots: Box<[Slot]>,
    /// Calls that ever came: the number of the next.
    next: AtomicU64,
    /// The first that is shown.
    first: AtomicU64,
}

/// A cache line, so that threads that write neighbours do not disturb each other.
#[repr(align(64))]
struct Slot {
    /// Of the call that is in it: its number, doubled, plus 2 when it is whole and 1 while it is written; 0 of none.
    state: AtomicU64,
    words: [AtomicU64; 6],
}

impl Ring {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let slot = |_| Slot { state: zero(), words: array::from_fn(|_| zero()) };
        Self { slots: (0..LAST).map(slot).collect(), next: zero(), first: zero() }
    }

    pub(super) fn push(&self, words: Words) {
        let number = self.next.fetch_add(1, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "a place in the ring")]
        let Slot { state, words: to } = &self.slots[(number % LAST as u64) as usize];
        let (writing, whole) = (2 * number + 1, 2 * number + 2);
        let before = state.load(Relaxed);
        let is_free = before.is_multiple_of(2) && before < writing;
        // Acquire, so that the words come after those of the call before.
        if !is_free || state.compare_exchange(before, writing, Acquire, Relaxed).is_err() {
            return;
        }
        // Whoever reads one of the words sees that they are being written.
        fence(Release);
        for (to, word) in to.iter().zip(words) {
            to.store(word, Relaxed);
        }
        state.store(whole, Release);
    }

    /// The last calls, in the order in which they ended.
    pub(super) fn read(&self) -> Vec<Words> {
        let first = 2 * self.first.load(Relaxed) + 2;
        let mut found: Vec<_> = self.slots.iter().filter_map(Slot::read).collect();
        found.retain(|(state, _)| *state >= first);
        found.sort_unstable();
        found.into_iter().map(|(_, words)| words).collect()
    }

    pub(super) fn reset(&self) {
        self.first.store(self.next.load(Relaxed), Relaxed);
    }
}

impl Slot {
    fn read(&self) -> Option<(u64, Words)> {
        let state = self.state.load(Acquire);
        let words = self.words.each_ref().map(|word| word.load(Relaxed));
        fence(Acquire);
        let is_whole = state > 0 && state.is_multiple_of(2) && self.state.load(Relaxed) == state;
        is_whole.then_some((state, words))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, thread};

    use super::*;

    #[test]
    fn the_last_are_kept_in_order() {
        let ring = Ring::new();
        assert_eq!(ring.read(), [[0; 6]; 0]);
        (0..3).for_each(|n| ring.push([n; 6]));
        assert_eq!(ring.read(), [[0; 6], [1; 6], [2; 6]]);
        ring.reset();
        assert_eq!(ring.read().len(), 0);
        (3..1000).for_each(|n| ring.push([n; 6]));
        let kept = ring.read();
        assert_eq!((kept.len(), kept[0], kept[LAST - 1]), (LAST, [1000 - LAST as u64; 6], [999; 6]));
    }

    /// Slots are torn if words of two calls are in one.
    #[test]
    fn nothing_that_is_read_is_torn() {
        let (ring, done) = (Ring::new(), AtomicBool::new(false));
        let whole = |words: Words| words.iter().all(|word| *word == words[0]);
        thread::scope(|scope| {
            for writer in 0..4 {
                let (ring, done) = (&ring, &done);
                scope.spawn(move || {
                    (0..200_000).for_each(|n| ring.push([4 * n + writer; 6]));
                    done.store(true, Relaxed);
                });
            }
            while !done.load(Relaxed) {
                assert!(ring.read().into_iter().all(whole));
            }
        });
        let kept = ring.read();
        assert!(kept.len() > LAST / 2 && kept.into_iter().all(whole));
    }
}
