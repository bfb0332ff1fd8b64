//! In which order `NumPy` walks an array that it reduces, and which of its elements it sums pairwise: pure arithmetic.
//!
//! `NumPy`'s iterator sorts the axes by the distance of their elements, merges those that can be walked as one, and cuts the
//! walk into pieces. Where the innermost axis is kept, elements are taken in one after another. Where it is reduced, the
//! elements of a piece are summed by the pairwise tree, and pieces are added one after another. Reversed axes are never turned
//! round: `a[::-1]` is summed as its copy.
//!
//! Source: `nditer_constr.c` (`npyiter_find_best_axis_ordering`, `npyiter_coalesce_axes`, `npyiter_find_buffering_setup`) and
//! `reduction.c` of `NumPy` 2.4.

use core::ops::Range;

/// Elements of the iterator's buffer.
const BUFFER: usize = 8192;

/// What a plan is made from. Strides are of any one unit, and none is looked at where an axis has a single element.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The lengths of the axes.
    pub shape: &'a [usize],
    /// The strides of the array.
    pub strides: &'a [isize],
    /// Which axes are reduced.
    pub reduced: &'a [bool],
    /// The strides of the array that takes the results, one for each axis of the array, if it is there before.
    pub out: Option<&'a [isize]>,
    /// The strides of the mask that says which elements are taken in, if there is one.
    pub mask: Option<&'a [isize]>,
    /// Whether the elements go through a buffer: they are not aligned, in another byte order than the machine's, or of another
    /// type than the results.
    pub buffered: bool,
}

/// The walk over an array that is reduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    shape: Vec<usize>,
    reduced: Vec<bool>,
    /// The axes of more than one element, the outermost first.
    order: Vec<usize>,
    /// Pieces, if the innermost axis is reduced.
    pieces: Option<Pieces>,
}

/// How a walk is cut: into stretches of `period` elements, and each of them into pieces of `most` and a shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pieces {
    /// Elements of a stretch.
    pub period: usize,
    /// Elements of a piece.
    pub most: usize,
}

impl Pieces {
    /// All pieces of one length.
    const fn of(len: usize) -> Self {
        Self { period: len, most: len }
    }

    /// Pieces of a stretch.
    const fn per_stretch(self) -> usize {
        self.period.div_ceil(self.most)
    }

    /// How many there are of so many elements.
    pub(super) const fn count(self, elements: usize) -> usize {
        elements / self.period * self.per_stretch()
    }

    /// The first element of a piece.
    pub(super) const fn first(self, piece: usize) -> usize {
        piece / self.per_stretch() * self.period + piece % self.per_stretch() * self.most
    }

    /// The first of some pieces, with those of equal length that follow it: their first element, their length, their number.
    pub(super) fn alike(self, pieces: Range<usize>) -> (usize, usize, usize) {
        let (per, first) = (self.per_stretch(), self.first(pieces.start));
        if self.period == self.most {
            return (first, self.most, pieces.len());
        }
        let (within, full) = (pieces.start % per, self.period / self.most);
        if within < full {
            (first, self.most, pieces.len().min(full - within))
        } else {
            (first, self.period % self.most, 1)
        }
    }
}

/// Neighbours in the walk that are seen as one axis.
#[derive(Clone, Copy, Debug)]
struct Dim {
    len: usize,
    out: isize,
    source: isize,
    /// 0 without a mask.
    mask: isize,
}

impl Plan {
    /// The plan of a sum.
    #[must_use]
    pub fn new(asked: &Asked<'_>) -> Self {
        let Asked { shape, reduced, .. } = *asked;
        let inner_first = sorted(asked);
        let mut order = inner_first.clone();
        order.reverse();
        let pieces = match inner_first.first() {
            Some(&inner) if !reduced[inner] => None,
            Some(_) => Some(pieces(&merged(asked, &inner_first), asked.buffered)),
            None => Some(Pieces::of(1)),
        };
        Self { shape: shape.to_vec(), reduced: reduced.to_vec(), order, pieces }
    }

    /// The same walk with all that is reduced innermost as one piece: of what takes elements in any order, or each in turn.
    #[must_use]
    pub(crate) fn in_runs(mut self) -> Self {
        if self.pieces.is_some() {
            let inner = self.order.iter().rev().take_while(|&&axis| self.reduced[axis]);
            self.pieces = Some(Pieces::of(inner.map(|&axis| self.shape[axis]).product()));
        }
        self
    }

    /// The axes of more than one element, the outermost first.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether an axis is reduced.
    pub(super) fn is_reduced(&self, axis: usize) -> bool {
        self.reduced[axis]
    }

    /// Of each axis, whether it is reduced.
    pub(crate) fn reduced(&self) -> &[bool] {
        &self.reduced
    }

    /// The axes of more than one element that are kept, the outermost first: results are in this order.
    pub(crate) fn kept_order(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(|&axis| !self.reduced[axis])
    }

    /// Pieces, if the innermost axis is reduced.
    pub(super) const fn pieces(&self) -> Option<Pieces> {
        self.pieces
    }

    /// Whether elements that are neighbours in the walk belong to different results.
    #[must_use]
    pub const fn goes_down(&self) -> bool {
        self.pieces.is_none()
    }

    /// The lengths of the array.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many results there are.
    #[must_use]
    pub fn results(&self) -> usize {
        self.product(false)
    }

    /// Elements of each result.
    #[must_use]
    pub fn count(&self) -> usize {
        self.product(true)
    }

    fn product(&self, reduced: bool) -> usize {
        let lens = self.shape.iter().zip(&self.reduced);
        lens.filter(|(_, is)| **is == reduced).map(|(len, _)| len).product()
    }

    /// Where results are written, one after another in the order of the walk: elements from a result to the next along each
    /// axis of the array; 0 along one that is reduced, or has a single element.
    #[must_use]
    pub fn result_strides(&self) -> Vec<isize> {
        compact_as(&self.shape, &self.kept_order().collect::<Vec<_>>())
    }
}

/// The strides of a copy that lies as the array does, without gaps: what `NumPy` makes of an expression.
#[must_use]
pub fn compact(shape: &[usize], strides: &[isize]) -> Vec<isize> {
    let reduced = &vec![false; shape.len()];
    Plan::new(&Asked { shape, strides, reduced, out: None, mask: None, buffered: false }).result_strides()
}

/// The strides of an array without gaps whose axes lie in that order, the outermost first; 0 for those that are left out.
pub(crate) fn compact_as(shape: &[usize], order: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut next = 1_isize;
    for &axis in order.iter().rev() {
        strides[axis] = next;
        next = next.saturating_mul(shape[axis].cast_signed());
    }
    strides
}

/// The order in which several arrays of one shape are walked together, the outermost axis first; those of one element left out.
#[must_use]
pub fn walk(shape: &[usize], strides: &[&[isize]]) -> Vec<usize> {
    let mut order = sorted_by(shape, strides);
    order.reverse();
    order
}

/// The axes of more than one element, the innermost first.
fn sorted(Asked { shape, strides, out, mask, .. }: &Asked<'_>) -> Vec<usize> {
    let operands: Vec<&[isize]> = [*out, Some(*strides), *mask].into_iter().flatten().collect();
    sorted_by(shape, &operands)
}

/// A stable insertion sort, from the last axis to the first. Two axes are compared by the operands that move along both: where
/// any does not ask for a swap, there is none; where none moves along both, it is looked further out.
fn sorted_by(shape: &[usize], operands: &[&[isize]]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(shape.len());
    for axis in (0..shape.len()).rev().filter(|&axis| shape[axis] != 1) {
        let mut place = order.len();
        for (at, &other) in order.iter().enumerate().rev() {
            let mut swaps = None;
            for strides in operands {
                let (own, inner) = (strides[axis].unsigned_abs(), strides[other].unsigned_abs());
                if own == 0 || inner == 0 {
                    continue;
                }
                if inner <= own {
                    swaps = Some(false);
                } else if swaps.is_none() {
                    swaps = Some(true);
                }
            }
            match swaps {
                Some(true) => place = at,
                Some(false) => break,
                None => {}
            }
        }
        order.insert(place, axis);
    }
    order
}

/// Neighbours that all operands walk as one are merged. The innermost first.
fn merged(asked: &Asked<'_>, inner_first: &[usize]) -> Vec<Dim> {
    let mut next = 1_isize;
    let mut dims: Vec<Dim> = Vec::with_capacity(inner_first.len());
    for &axis in inner_first {
        let len = asked.shape[axis];
        let out = match asked.out {
            _ if asked.reduced[axis] => 0,
            Some(out) => out[axis],
            None => {
                let here = next;
                next = here.saturating_mul(len.cast_signed());
                here
            }
        };
        let mask = asked.mask.map_or(0, |mask| mask[axis]);
        let dim = Dim { len, out, source: asked.strides[axis], mask };
        match dims.last_mut() {
            Some(last)
                if follows(last.out, last.len, dim.out)
                    && follows(last.source, last.len, dim.source)
                    && follows(last.mask, last.len, dim.mask) =>
            {
                last.len = last.len.saturating_mul(len);
            }
            _ => dims.push(dim),
        }
    }
    dims
}

/// Whether elements that are so far apart go on where as many of them end.
const fn follows(stride: isize, len: usize, next: isize) -> bool {
    stride.saturating_mul(len.cast_signed()) == next
}

/// How a walk whose innermost axis is reduced is cut.
fn pieces(dims: &[Dim], buffered: bool) -> Pieces {
    /// The best cut so far.
    struct Best {
        dim: usize,
        core: usize,
        size: usize,
        cost: usize,
    }
    let mut cost = 1 + usize::from(buffered);
    let mut size = dims[0].len;
    let mut best = Best { dim: 0, core: 1, size, cost };
    // As many axes as an operand walks with one stride: the results', the array's, and the mask's.
    let (mut single_out, mut single_source, mut single_mask) = (1, 1, 1);
    // Where the results move on for the first time.
    let mut turn = None;
    for at in 1..dims.len() {
        if turn.is_some() || (size >= BUFFER && cost > 1) {
            break;
        }
        let (inner, dim) = (dims[at - 1], dims[at]);
        if single_out == at && follows(inner.out, inner.len, dim.out) {
            single_out += 1;
        } else {
            cost += usize::from(single_out == at);
            if dim.out == 0 || inner.out == 0 {
                turn = Some(at);
            }
        }
        if single_source == at {
            if follows(inner.source, inner.len, dim.source) {
                single_source += 1;
            } else {
                cost += usize::from(!buffered);
            }
        }
        if single_mask == at {
            if follows(inner.mask, inner.len, dim.mask) {
                single_mask += 1;
            } else {
                cost += 1;
            }
        }
        let core = size;
        size = size.saturating_mul(dim.len);
        let worth = if cost > 1 { size.min(BUFFER) } else { size };
        if cost.saturating_mul(best.size) <= best.cost.saturating_mul(worth) {
            best = Best { dim: at, core, size, cost };
        }
    }
    if turn == Some(best.dim) {
        return Pieces::of(best.core);
    }
    let needs_buffer = buffered || single_source <= best.dim || single_mask <= best.dim;
    // Of what fits into the buffer, whole turns of the axes within.
    let most = if needs_buffer && best.size > BUFFER { best.core * (BUFFER / best.core) } else { best.size };
    Pieces { period: best.size, most }
}

#[cfg(test)]
mod tests;
