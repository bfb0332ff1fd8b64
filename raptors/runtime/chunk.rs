//! Where a call can be cut without a bit of its result changing: pure arithmetic.

#![allow(unreachable_pub, reason = "named by a function of a public trait, and by no public path")]

use crate::kernels::tree::{LEAF, split};

/// Bytes that a cut through columns keeps together: two cache lines, the width of a step down the columns. Fewer would
/// have two threads write to one line.
const COLUMNS: usize = 128;

/// The direction in which a matrix is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// Between rows.
    Rows,
    /// Between columns.
    Columns,
}

/// How to cut a matrix of that shape, whose call moves `bytes`, into pieces of about `piece` bytes: the direction, and
/// rows or columns of a piece. Columns only where there are too few rows for the threads.
pub(crate) fn matrix<T>(
    (rows, cols): (usize, usize),
    bytes: usize,
    piece: usize,
    threads: usize,
) -> (Along, usize) {
    let parts = bytes.div_ceil(piece.max(1)).max(1);
    if rows >= parts.min(threads.saturating_mul(2)) {
        return (Along::Rows, rows.div_ceil(parts).max(1));
    }
    (Along::Columns, columns::<T>(cols, parts))
}

/// Columns of each of `parts` stripes, in whole lines.
fn columns<T>(cols: usize, parts: usize) -> usize {
    cols.div_ceil(parts.max(1)).next_multiple_of(COLUMNS / size_of::<T>())
}

/// Bytes of a stripe down which it pays to walk alone: a narrower one reads the same pages, and with each line the
/// processor fetches the neighbour's.
const STRIPE: usize = 512;

/// Columns of each stripe of a matrix that is walked down its columns: of `parts` stripes, or of fewer if they would be
/// narrow.
pub(crate) fn stripes<T>(cols: usize, parts: usize) -> usize {
    let wide = cols * size_of::<T>() / STRIPE;
    columns::<T>(cols, parts.min(wide))
}

/// As [`stripes`], but where that would leave threads without one, each has its own, however narrow: two threads that read
/// the same pages are faster than one that reads them alone.
pub(crate) fn stripes_of_threads<T>(cols: usize, parts: usize, threads: usize) -> usize {
    let wide = stripes::<T>(cols, parts);
    if cols.div_ceil(wide) < threads.min(parts) { columns::<T>(cols, threads.min(parts)) } else { wide }
}

/// The largest nodes of the pairwise tree over `len` elements that have at most `most`, in order, as start and length.
pub(crate) fn nodes(len: usize, most: usize) -> Nodes {
    Nodes { most: most.max(LEAF), later: vec![(0, len)] }
}

/// See [`nodes`].
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    most: usize,
    /// Subtrees not yet walked, the next one last.
    later: Vec<(usize, usize)>,
}

impl Iterator for Nodes {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let (start, mut len) = self.later.pop()?;
        while len > self.most {
            let left = split(len);
            self.later.push((start + left, len - left));
            len = left;
        }
        Some((start, len))
    }
}

/// The root's value from those of the nodes that [`nodes`] gives for the same `len` and `most`.
///
/// # Panics
/// If there are fewer values than nodes.
pub(crate) fn joined<V>(
    len: usize,
    most: usize,
    values: &mut impl Iterator<Item = V>,
    merge: &impl Fn(V, V) -> V,
) -> V {
    if len <= most.max(LEAF) {
        return values.next().expect("a value for each node");
    }
    let left = split(len);
    let (a, b) = (joined(left, most, values, merge), joined(len - left, most, values, merge));
    merge(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_the_trees_own_and_cover_it() {
        for len in [0, 1, 7, 128, 129, 137, 255, 1000, 4096, 10_007, 1 << 20] {
            for most in [1, 128, 129, 500, 4096, usize::MAX] {
                let found: Vec<_> = nodes(len, most).collect();
                let mut at = 0;
                for &(start, node) in &found {
                    assert_eq!(start, at);
                    assert!(node <= most.max(LEAF));
                    at += node;
                }
                assert_eq!(at, len);
                // The join sees the very same nodes: lengths add up, and each is taken once.
                let mut lengths = found.iter().map(|&(_, node)| node);
                assert_eq!(joined(len, most, &mut lengths, &|a, b| a + b), len);
                assert_eq!(lengths.next(), None);
            }
        }
    }

    #[test]
    fn a_node_is_not_cut_further_than_it_must() {
        assert_eq!(nodes(1024, 512).collect::<Vec<_>>(), [(0, 512), (512, 512)]);
        assert_eq!(nodes(1024, 511).count(), 4);
        assert_eq!(nodes(300, 200).collect::<Vec<_>>(), [(0, 144), (144, 156)]);
    }

    #[test]
    fn stripes_are_not_narrow() {
        assert_eq!(stripes::<f32>(1024, 4), 256);
        assert_eq!(stripes::<f32>(1000, 3), 352);
        assert_eq!(stripes::<f64>(100, 4), 112);
        assert_eq!(stripes::<f32>(3, 16), 32);
    }

    #[test]
    fn stripes_are_narrow_where_threads_would_have_none() {
        // 20,000 rows of 200: as two pieces, as many small ones, for four threads and for more than there are lines.
        assert_eq!(stripes::<f32>(200, 2), 224);
        assert_eq!(stripes_of_threads::<f32>(200, 2, 2), 128);
        assert_eq!(stripes_of_threads::<f32>(200, 256, 2), 128);
        assert_eq!(stripes_of_threads::<f32>(200, 256, 4), 64);
        assert_eq!(stripes_of_threads::<f64>(200, 256, 64), 16);
        assert_eq!(stripes_of_threads::<f32>(3, 16, 2), 32);
        // Where all threads have one they are as wide as it pays, and as many as are asked for.
        assert_eq!(stripes_of_threads::<f32>(1024, 4, 2), stripes::<f32>(1024, 4));
        assert_eq!(stripes_of_threads::<f32>(1024, 1000, 2), stripes::<f32>(1024, 1000));
        assert_eq!(stripes_of_threads::<f32>(1024, 1, 4), 1024);
    }

    #[test]
    fn matrices_are_cut_between_rows_while_there_are_enough() {
        assert_eq!(matrix::<f32>((1000, 10), 40_000, 4000, 2), (Along::Rows, 100));
        assert_eq!(matrix::<f32>((3, 1000), 12_000, 12_000, 2), (Along::Rows, 3));
        assert_eq!(matrix::<f32>((2, 1000), 8000, 1000, 2), (Along::Columns, 128));
        assert_eq!(matrix::<f64>((1, 1 << 20), 1 << 23, 1 << 20, 2), (Along::Columns, 1 << 17));
        // Pieces of columns are whole lines, and never none.
        assert_eq!(matrix::<f32>((1, 100), 400, 1, 2), (Along::Columns, 32));
        assert_eq!(matrix::<f64>((1, 0), 0, 0, 2), (Along::Rows, 1));
    }
}
