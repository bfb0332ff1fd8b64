//! The pairwise tree of `NumPy`'s sums, cut into leaves for kernels to compute side by side.
//!
//! A run of n elements is a leaf up to 128; a longer one is split at n/2 rounded down to a multiple of 8, and the two
//! halves are merged. A leaf is eight accumulators (element i goes to accumulator i mod 8), merged as
//! `((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7))`, then what is left of it one element after another. Only this order decides the
//! bits; which leaves are computed at the same time is free, and that is where the speed comes from.
//!
//! Source: `pairwise_sum` in `NumPy`'s `loops_utils.h.src`; error bound in N. J. Higham, "The accuracy of floating point
//! summation", SIAM J. Sci. Comput. 14 (1993).

use crate::{Element, MatrixRef, matrix::Rows};

/// The longest leaf.
pub(crate) const LEAF: usize = 128;
/// Accumulators of a leaf.
pub(crate) const BLOCK: usize = 8;

/// Where the tree splits a run that is longer than a leaf.
pub(crate) const fn split(len: usize) -> usize {
    len / 2 / BLOCK * BLOCK
}

/// A leaf: what a kernel reads, and where its result belongs.
#[derive(Clone, Copy)]
pub(crate) struct Leaf<'a, T> {
    /// Whole blocks, one element for each accumulator.
    pub(crate) blocks: &'a [[T; BLOCK]],
    /// Elements after the last whole block.
    pub(crate) rest: &'a [T],
    depth: u8,
    ends_run: bool,
    is_filler: bool,
}

impl<'a, T> Leaf<'a, T> {
    const NONE: Self = Self { blocks: &[], rest: &[], depth: 0, ends_run: false, is_filler: true };

    /// Blocks that all of the leaves have.
    #[inline(always)]
    pub(crate) fn shared<const N: usize>(leaves: &[Self; N]) -> usize {
        leaves.iter().map(|leaf| leaf.blocks.len()).min().unwrap_or(0)
    }

    /// The blocks, in a kernel that knows their number.
    ///
    /// # Panics
    /// If there are not that many.
    #[inline(always)]
    pub(crate) fn exactly<const N: usize>(&self) -> &'a [[T; BLOCK]; N] {
        self.blocks.try_into().expect("a kernel for one shape is called for that shape alone")
    }
}

/// Levels a tree can have: no run is longer than memory, and each level halves it.
const LEVELS: usize = usize::BITS as usize;

/// One place of reading: runs walked one after another, leaf by leaf.
struct Stream<'a, T> {
    runs: Rows<'a, T>,
    results: std::slice::IterMut<'a, T>,
    /// What is left of the current run, and the lengths and depths of the nodes still to visit in it.
    run: &'a [T],
    pending: [(usize, u8); LEVELS],
    pending_len: usize,
    /// Subtrees finished but not merged yet, with their depths.
    done: [(T, u8); LEVELS],
    done_len: usize,
}

impl<'a, T: Element> Stream<'a, T> {
    fn new(runs: MatrixRef<'a, T>, results: &'a mut [T]) -> Self {
        Self {
            runs: runs.rows(),
            results: results.iter_mut(),
            run: &[],
            pending: [(0, 0); LEVELS],
            pending_len: 0,
            done: [(T::ZERO, 0); LEVELS],
            done_len: 0,
        }
    }

    /// The next leaf, if any is left.
    #[inline(always)]
    fn next(&mut self) -> Option<Leaf<'a, T>> {
        if self.pending_len == 0 {
            self.run = self.runs.next()?;
            self.pending[0] = (self.run.len(), 0);
            self.pending_len = 1;
        }
        let (mut len, mut depth) = self.pending[self.pending_len - 1];
        while len > LEAF {
            let left = split(len);
            depth += 1;
            self.pending[self.pending_len - 1] = (len - left, depth);
            self.pending_len += 1;
            len = left;
        }
        self.pending_len -= 1;
        let (leaf, run) = self.run.split_at(len);
        self.run = run;
        let (blocks, rest) = leaf.as_chunks();
        Some(Leaf { blocks, rest, depth, ends_run: self.pending_len == 0, is_filler: false })
    }

    /// Puts a leaf's value in its place: merges what it completes, and writes out a finished run.
    #[inline(always)]
    fn put(&mut self, leaf: &Leaf<'_, T>, mut value: T, merge: &impl Fn(T, T) -> T) {
        let mut depth = leaf.depth;
        while self.done_len > 0 && self.done[self.done_len - 1].1 == depth {
            self.done_len -= 1;
            // A node and its left neighbour of the same depth are siblings: what else is on the stack lies higher.
            depth = depth.wrapping_sub(1);
            value = merge(self.done[self.done_len].0, value);
        }
        if leaf.ends_run {
            self.done_len = 0;
            if let Some(result) = self.results.next() {
                *result = value;
            }
        } else {
            self.done[self.done_len] = (value, depth);
            self.done_len += 1;
        }
    }
}

/// Walks the rows of a matrix, each a tree of its own, and writes one value a row. With several streams, blocks of
/// rows are read side by side; a single row is cut at the topmost nodes of its tree instead.
pub(crate) struct Walk<'a, T, const STREAMS: usize> {
    streams: [Stream<'a, T>; STREAMS],
}

/// Calls `walk` with the streams over `runs`, whose results go to `results`, and merges what it must.
///
/// # Panics
/// If there are fewer results than runs.
#[inline(always)]
pub(crate) fn walk<T: Element, const STREAMS: usize>(
    runs: MatrixRef<'_, T>,
    results: &mut [T],
    merge: impl Fn(T, T) -> T,
    body: impl Fn(Walk<'_, T, STREAMS>),
) {
    let results = &mut results[..runs.nrows()];
    match runs.as_slice() {
        Some(run) if STREAMS > 1 && runs.nrows() == 1 && run.len() > LEAF * STREAMS => {
            let mut parts = [T::ZERO; STREAMS];
            let mut slots = parts.iter_mut();
            let mut pieces = top_nodes::<T, STREAMS>(run).into_iter();
            body(Walk {
                streams: std::array::from_fn(|_| {
                    let piece = pieces.next().unwrap_or(&[]);
                    Stream::new(MatrixRef::from_row(piece), slots.next().map_or(&mut [], std::slice::from_mut))
                }),
            });
            // The parts are the nodes of one level: merged in pairs, they are the tree again.
            let mut len = STREAMS;
            while len > 1 {
                for at in 0..len / 2 {
                    parts[at] = merge(parts[2 * at], parts[2 * at + 1]);
                }
                len /= 2;
            }
            results[0] = parts[0];
        }
        _ => {
            let share = runs.nrows().div_ceil(STREAMS);
            let mut runs = runs;
            let mut results = results;
            body(Walk {
                streams: std::array::from_fn(|_| {
                    let at = share.min(runs.nrows());
                    let (mine, others) = runs.split_rows(at);
                    let (to, rest) = std::mem::take(&mut results).split_at_mut(at);
                    (runs, results) = (others, rest);
                    Stream::new(mine, to)
                }),
            });
        }
    }
}

/// The nodes of the tree's level that has `N` of them. The caller makes sure that none above is a leaf.
fn top_nodes<T, const N: usize>(run: &[T]) -> [&[T]; N] {
    let mut nodes = [run; N];
    let mut count = 1;
    while count < N {
        for at in (0..count).rev() {
            let (left, right) = nodes[at].split_at(split(nodes[at].len()));
            nodes[2 * at] = left;
            nodes[2 * at + 1] = right;
        }
        count *= 2;
    }
    nodes
}

impl<'a, T: Element, const STREAMS: usize> Walk<'a, T, STREAMS> {
    /// The next `N` leaves, the same number from each stream. Where fewer are left, one of them stands in for those
    /// that are missing, and its value is thrown away.
    #[inline(always)]
    pub(crate) fn next<const N: usize>(&mut self) -> Option<[Leaf<'a, T>; N]> {
        let mut leaves = [Leaf::NONE; N];
        let mut found = None;
        for (stream, leaves) in self.streams.iter_mut().zip(leaves.chunks_exact_mut(N / STREAMS)) {
            for place in leaves {
                let Some(leaf) = stream.next() else { break };
                *place = leaf;
                found = Some(leaf);
            }
        }
        let found = found?;
        for leaf in &mut leaves {
            if leaf.is_filler {
                *leaf = Leaf { is_filler: true, ..found };
            }
        }
        Some(leaves)
    }

    /// Takes the values of those leaves' blocks (there may be more values than leaves): `step` adds what is left of
    /// each leaf, `merge` joins subtrees.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(
        &mut self,
        leaves: &[Leaf<'a, T>; N],
        values: &[T],
        step: impl Fn(T, T) -> T,
        merge: impl Fn(T, T) -> T,
    ) {
        let values = &values[..N];
        for (at, leaf) in leaves.iter().enumerate() {
            if !leaf.is_filler {
                let value = leaf.rest.iter().fold(values[at], |state, &x| step(state, x));
                self.streams[at / (N / STREAMS)].put(leaf, value, &merge);
            }
        }
    }
}

/// The tree over the rows of a matrix, every column at once: `leaf` reduces up to 128 rows into its second argument,
/// `merge` joins the second row of values into the first.
pub(crate) fn rows<T: Element>(
    x: MatrixRef<'_, T>,
    result: &mut [T],
    leaf: &impl Fn(MatrixRef<'_, T>, &mut [T]),
    merge: &impl Fn(&mut [T], &[T]),
) {
    let mut scratch = vec![T::ZERO; result.len() * LEVELS.min(levels(x.nrows()))];
    rows_into(x, result, &mut scratch, leaf, merge);
}

fn levels(len: usize) -> usize {
    len.div_ceil(LEAF / 2).next_power_of_two().trailing_zeros() as usize + 1
}

fn rows_into<T: Element>(
    x: MatrixRef<'_, T>,
    result: &mut [T],
    scratch: &mut [T],
    leaf: &impl Fn(MatrixRef<'_, T>, &mut [T]),
    merge: &impl Fn(&mut [T], &[T]),
) {
    if x.nrows() <= LEAF {
        return leaf(x, result);
    }
    let (top, bottom) = x.split_rows(split(x.nrows()));
    let (right, scratch) = scratch.split_at_mut(result.len());
    rows_into(top, result, scratch, leaf, merge);
    rows_into(bottom, right, scratch, leaf, merge);
    merge(result, right);
}

/// Reduces all elements of a matrix whose rows are not neighbours in memory, as if they were: subtrees are copied
/// together and given to `run`.
pub(crate) fn gathered<T: Element>(
    x: MatrixRef<'_, T>,
    run: &impl Fn(&[T]) -> T,
    merge: &impl Fn(T, T) -> T,
) -> T {
    let mut copy = vec![T::ZERO; x.len().min(GATHER)];
    gathered_into(x, 0, x.len(), &mut copy, run, merge)
}

/// Elements copied together at once: small enough for the first-level cache, large enough to keep a kernel busy.
const GATHER: usize = 16 * LEAF;

fn gathered_into<T: Element>(
    x: MatrixRef<'_, T>,
    start: usize,
    len: usize,
    copy: &mut [T],
    run: &impl Fn(&[T]) -> T,
    merge: &impl Fn(T, T) -> T,
) -> T {
    if len > GATHER {
        let left = split(len);
        let a = gathered_into(x, start, left, copy, run, merge);
        let b = gathered_into(x, start + left, len - left, copy, run, merge);
        return merge(a, b);
    }
    let mut at = start;
    let mut to = &mut copy[..len];
    while !to.is_empty() {
        let row = &x.row(at / x.ncols())[at % x.ncols()..];
        let (now, later) = to.split_at_mut(row.len().min(to.len()));
        now.copy_from_slice(&row[..now.len()]);
        at += now.len();
        to = later;
    }
    run(&copy[..len])
}

