//! The pairwise tree of `NumPy`'s sums, cut into leaves for kernels to compute side by side.
//!
//! A run of n elements is a leaf up to 128; a longer one is split at n/2 rounded down to a multiple of 8, and the two
//! halves are merged. A leaf is eight accumulators (element i goes to accumulator i mod 8), merged as
//! `((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7))`, then what is left of it one element after another. Only this order decides the
//! bits; which leaves are computed at the same time is free, and that is where the speed comes from.
//!
//! Source: `pairwise_sum` in `NumPy`'s `loops_utils.h.src`; error bound in N. J. Higham, "The accuracy of floating point
//! summation", SIAM J. Sci. Comput. 14 (1993).
#![allow(
    clippy::inline_always,
    reason = "vectors of a kernel's ISA live in its closures: a call between would spill them"
)]

use crate::{Element, MatrixRef};

/// The longest leaf.
pub(crate) const LEAF: usize = 128;
/// Accumulators of a leaf.
pub(crate) const BLOCK: usize = 8;

/// Where the tree splits a run that is longer than a leaf.
pub(crate) const fn split(len: usize) -> usize {
    len / 2 / BLOCK * BLOCK
}

/// Elements that go to the eight accumulators, one each.
pub(crate) type Block<T> = [T; BLOCK];

/// The tree over every row of `x`, one value a row.
///
/// The kernel gives what is worth writing with vectors: the value of a leaf's whole blocks, for as many leaves side by
/// side as its variant says. `several` takes `LEAVES` of them, `each` one for each of the `STREAMS` places far apart
/// that are read at once, `one` a single one; all leaves of a call have the same number of blocks. `step` takes in an
/// element that is left over, `merge` joins two nodes.
///
/// # Panics
/// If there are fewer results than rows.
#[inline(always)]
pub(crate) fn runs<T: Element, const STREAMS: usize, const LEAVES: usize>(
    x: MatrixRef<'_, T>,
    results: &mut [T],
    several: impl Fn([&[Block<T>]; LEAVES]) -> [T; LEAVES],
    each: impl Fn([&[Block<T>]; STREAMS]) -> [T; STREAMS],
    one: impl Fn([&[Block<T>]; 1]) -> [T; 1],
    step: impl Fn(T, T) -> T,
    merge: impl Fn(T, T) -> T,
) {
    const { assert!(STREAMS.is_power_of_two() && LEAVES.is_power_of_two() && LEAVES >= STREAMS) };
    let results = &mut results[..x.nrows()];
    let tree = Tree { several, each, one, step, merge };
    if x.ncols() < BLOCK {
        return tree.narrow_rows(x, results);
    }
    if x.ncols() <= LEAF {
        return tree.leaf_rows(x, results);
    }
    // Blocks of rows, read side by side: rows are of one length, so their trees are of one shape. Then rows alone, which
    // are cut at the top of their tree where that gives parts of one length. Both in one loop, so that the kernel is
    // compiled once.
    let share = if STREAMS > 1 { x.nrows() / STREAMS } else { 0 };
    let alone = x.nrows() - STREAMS * share;
    for at in 0..share + alone {
        let row = if at < share { at } else { STREAMS * share + (at - share) };
        let run = x.row(row);
        let runs = if at < share {
            std::array::from_fn(|stream| x.row(stream * share + at))
        } else if STREAMS == 1 {
            [run; STREAMS]
        } else if run.len() > STREAMS * LEAF && run.len().is_multiple_of(STREAMS * BLOCK) {
            parts(run)
        } else {
            results[row] = tree.nodes(&tree.one, [run])[0];
            continue;
        };
        let mut values = tree.side_by_side(runs);
        if at < share {
            for (stream, value) in values.into_iter().enumerate() {
                results[stream * share + at] = value;
            }
        } else {
            results[row] = tree.joined(&mut values);
        }
    }
}

struct Tree<Several, Each, One, Step, Merge> {
    several: Several,
    each: Each,
    one: One,
    step: Step,
    merge: Merge,
}

impl<Several, Each, One, Step, Merge> Tree<Several, Each, One, Step, Merge> {
    /// Rows of less than a block, whose elements are taken in one after another.
    #[inline(always)]
    fn narrow_rows<T: Element>(&self, x: MatrixRef<'_, T>, results: &mut [T])
    where
        One: Fn([&[Block<T>]; 1]) -> [T; 1],
        Step: Fn(T, T) -> T,
    {
        let [start] = (self.one)([&[]]);
        if let (1, Some(all)) = (x.ncols(), x.as_slice()) {
            // A loop without a loop in it, which becomes vectors.
            for (result, &x) in results.iter_mut().zip(all) {
                *result = (self.step)(start, x);
            }
            return;
        }
        for (result, row) in results.iter_mut().zip(x.rows()) {
            *result = self.left_over(start, row);
        }
    }

    /// Rows that are a leaf each.
    #[inline(always)]
    fn leaf_rows<T: Element, const LEAVES: usize>(&self, x: MatrixRef<'_, T>, results: &mut [T])
    where
        Several: Fn([&[Block<T>]; LEAVES]) -> [T; LEAVES],
        One: Fn([&[Block<T>]; 1]) -> [T; 1],
        Step: Fn(T, T) -> T,
    {
        let (groups, rest) = x.row_groups::<LEAVES>();
        let (grouped, single) = results.as_chunks_mut::<LEAVES>();
        for (rows, results) in groups.zip(grouped) {
            let mut leaves: [&[Block<T>]; LEAVES] = [&[]; LEAVES];
            for (leaf, row) in leaves.iter_mut().zip(&rows) {
                *leaf = row.as_chunks().0;
            }
            *results = (self.several)(leaves);
            // Asked once, it costs nothing: short rows are mostly whole blocks.
            if !x.ncols().is_multiple_of(BLOCK) {
                for (result, row) in results.iter_mut().zip(&rows) {
                    *result = self.left_over(*result, row.as_chunks::<BLOCK>().1);
                }
            }
        }
        for (row, result) in rest.rows().zip(single) {
            *result = self.leaf(row);
        }
    }

    /// Runs of one length, longer than a leaf.
    #[inline(always)]
    fn side_by_side<T: Element, const STREAMS: usize, const LEAVES: usize>(
        &self,
        runs: [&[T]; STREAMS],
    ) -> [T; STREAMS]
    where
        Several: Fn([&[Block<T>]; LEAVES]) -> [T; LEAVES],
        Each: Fn([&[Block<T>]; STREAMS]) -> [T; STREAMS],
        Step: Fn(T, T) -> T,
        Merge: Fn(T, T) -> T,
    {
        let per_stream = const { LEAVES / STREAMS };
        let group = const { LEAVES / STREAMS * LEAF };
        let groups = runs[0].len() / group;
        if !(groups.is_power_of_two() && runs[0].len().is_multiple_of(group)) {
            return self.nodes(&self.each, runs);
        }
        // The tree is complete: groups of whole leaves, joined as the carries of a binary counter tell.
        let mut done = [[T::ZERO; STREAMS]; LEVELS];
        for at in 0..groups {
            let mut leaves: [&[Block<T>]; LEAVES] = [&[]; LEAVES];
            for (leaves, run) in leaves.chunks_exact_mut(per_stream).zip(&runs) {
                let run = &run[at * group..][..group];
                for (leaf, elements) in leaves.iter_mut().zip(run.chunks_exact(LEAF)) {
                    *leaf = elements.as_chunks().0;
                }
            }
            let mut values = (self.several)(leaves);
            let level = at.trailing_ones() as usize;
            for (stream, values) in values.chunks_exact_mut(per_stream).enumerate() {
                let mut value = self.joined(values);
                for left in &done[..level] {
                    value = (self.merge)(left[stream], value);
                }
                done[level][stream] = value;
            }
        }
        done[groups.trailing_zeros() as usize]
    }

    /// Nodes of one length; `leaf` is what a leaf's whole blocks are given to.
    ///
    /// The leaves are met one after another in a loop. A function that calls itself would be one apart from the kernel,
    /// without the features of its ISA: each leaf and each merger would be a call there.
    #[inline(always)]
    fn nodes<T: Element, const STREAMS: usize>(
        &self,
        leaf: impl Fn([&[Block<T>]; STREAMS]) -> [T; STREAMS],
        mut runs: [&[T]; STREAMS],
    ) -> [T; STREAMS]
    where
        Step: Fn(T, T) -> T,
        Merge: Fn(T, T) -> T,
    {
        // On the way from the top to where we are: the length of each right half to come, and the value of its left
        // sibling, which a bit says is there.
        let (mut right, mut left) = ([0; LEVELS], [[T::ZERO; STREAMS]; LEVELS]);
        let (mut level, mut is_right) = (0, 0_u64);
        let mut len = runs[0].len();
        loop {
            while len > LEAF {
                right[level] = len - split(len);
                len = split(len);
                level += 1;
            }
            let halves = runs.map(|run| run.split_at(len));
            runs = halves.map(|(_, rest)| rest);
            let parts = halves.map(|(run, _)| run.as_chunks());
            let mut values = leaf(parts.map(|(blocks, _)| blocks));
            for (value, (_, rest)) in values.iter_mut().zip(parts) {
                *value = self.left_over(*value, rest);
            }
            while level > 0 && is_right >> (level - 1) & 1 == 1 {
                level -= 1;
                is_right ^= 1 << level;
                for (value, left) in values.iter_mut().zip(left[level]) {
                    *value = (self.merge)(left, *value);
                }
            }
            if level == 0 {
                return values;
            }
            left[level - 1] = values;
            is_right |= 1 << (level - 1);
            len = right[level - 1];
        }
    }

    /// A leaf alone.
    #[inline]
    fn leaf<T: Element>(&self, run: &[T]) -> T
    where
        One: Fn([&[Block<T>]; 1]) -> [T; 1],
        Step: Fn(T, T) -> T,
    {
        let (blocks, rest) = run.as_chunks();
        let [value] = (self.one)([blocks]);
        self.left_over(value, rest)
    }

    /// A leaf's value with the elements after its last whole block.
    #[inline(always)]
    fn left_over<T: Element>(&self, value: T, rest: &[T]) -> T
    where
        Step: Fn(T, T) -> T,
    {
        rest.iter().fold(value, |value, &x| (self.step)(value, x))
    }

    /// The node above nodes of one level, a power of two of them.
    #[inline(always)]
    fn joined<T: Element>(&self, values: &mut [T]) -> T
    where
        Merge: Fn(T, T) -> T,
    {
        let mut len = values.len();
        while len > 1 {
            len /= 2;
            for at in 0..len {
                values[at] = (self.merge)(values[2 * at], values[2 * at + 1]);
            }
        }
        values[0]
    }
}

/// Levels a tree can have: each halves a run that fits in memory.
const LEVELS: usize = usize::BITS as usize - 6;

/// `N` parts of one length.
#[inline]
fn parts<T, const N: usize>(whole: &[T]) -> [&[T]; N] {
    let len = whole.len() / N;
    std::array::from_fn(|at| &whole[at * len..][..len])
}

/// The tree over the rows of a matrix, every column at once: `leaf` reduces up to 128 rows into its second argument,
/// `merge` joins the second row of values into the first.
pub(crate) fn rows<T: Element>(
    x: MatrixRef<'_, T>,
    result: &mut [T],
    leaf: &impl Fn(MatrixRef<'_, T>, &mut [T]),
    merge: &impl Fn(&mut [T], &[T]),
) {
    let mut scratch = vec![T::ZERO; result.len() * levels(x.nrows())];
    rows_into(x, result, &mut scratch, leaf, merge);
}

/// Levels a tree over that many rows can have.
const fn levels(len: usize) -> usize {
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

/// Reduces a node of the tree over all elements of a matrix, `len` of them from `start` on, whose rows are not
/// neighbours in memory, as if they were: subtrees are copied together and given to `run`.
pub(crate) fn gathered<T: Element>(
    x: MatrixRef<'_, T>,
    start: usize,
    len: usize,
    run: &impl Fn(&[T]) -> T,
    merge: &impl Fn(T, T) -> T,
) -> T {
    let mut copy = vec![T::ZERO; len.min(GATHER)];
    gathered_into(x, start, len, &mut copy, run, merge)
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
