//! Where the matrices of a call lie: how far their rows are apart, and what is next to them.

use std::ops::Range;

use raptors::{MatrixMut, MatrixRef};

use crate::{data::Float, masked, memory::Arena};

/// What a matrix or slice is next to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The guard page is right before the first element.
    Start,
    /// The guard page is right after the last element, where the machine can do that.
    End,
    /// The first element is that many elements after a page starts.
    Offset(usize),
}

/// How the arguments of a call lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Of inputs.
    pub(crate) place: Place,
    /// Of the output.
    pub(crate) out_place: Place,
    /// Elements between the rows of a matrix: of the first, of the second, and so on; the last number is the output's.
    pub(crate) gaps: [usize; 4],
}

impl Layout {
    /// All matrices contiguous and alike.
    pub(crate) const fn tight(place: Place) -> Self {
        Self { place, out_place: place, gaps: [0; 4] }
    }

    /// Elements between the rows of matrix `index`.
    pub(crate) fn gap(&self, index: usize) -> usize {
        self.gaps[index.min(2)]
    }

    /// Elements between the rows of the output.
    pub(crate) const fn out_gap(&self) -> usize {
        self.gaps[3]
    }
}

/// A matrix or slice in an arena, with some elements around it.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    stride: usize,
    /// Of the arena: the elements and those around them.
    window: Range<usize>,
    /// Of the window: where the first element is.
    first: usize,
}

/// Elements on both sides of a matrix that must not change: more than any vector has.
const MARGIN: usize = 67;

impl Spot {
    /// Puts a matrix into an arena, which is made larger if need be.
    pub(crate) fn new<T: Float>(
        arena: &mut Arena<T>,
        (rows, cols): (usize, usize),
        gap: usize,
        place: Place,
    ) -> Self {
        let stride = cols + gap;
        let span = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols };
        let before = if let Place::Offset(elements) = place { elements } else { 0 };
        arena.make_room(before + span + MARGIN);
        let distance = if masked::reads_too_far() { 64 / size_of::<T>() } else { 0 };
        let first = if matches!(place, Place::End) { arena.len() - span - distance } else { before };
        let window = first.saturating_sub(MARGIN)..(first + span + MARGIN).min(arena.len());
        Self { rows, cols, stride, first: first - window.start, window }
    }

    /// What the window looks like with these elements in it, row after row, and canaries everywhere else.
    pub(crate) fn image<T: Float>(&self, elements: &[T]) -> Vec<T> {
        let mut image = vec![T::canary(); self.window.len()];
        let rows = if self.cols == 0 { 0 } else { self.rows };
        for row in 0..rows {
            let from = self.first + row * self.stride;
            image[from..from + self.cols].copy_from_slice(&elements[row * self.cols..][..self.cols]);
        }
        image
    }

    /// The row and column of an element of the window; `None` for what is not the matrix's.
    pub(crate) fn element(&self, at: usize) -> Option<(usize, usize)> {
        let after = at.checked_sub(self.first)?;
        let (row, col) = (after / self.stride.max(1), after % self.stride.max(1));
        (row < self.rows && col < self.cols).then_some((row, col))
    }

    /// How far from the first element an element of the window is, in words.
    pub(crate) fn distance(&self, at: usize) -> String {
        if at < self.first {
            format!("{} before the first element", self.first - at)
        } else {
            let (row, col) = ((at - self.first) / self.stride.max(1), (at - self.first) % self.stride.max(1));
            format!("place {col} of row {row}, which is past its end")
        }
    }

    /// The window's elements.
    pub(crate) fn window<'a, T: Float>(&self, arena: &'a Arena<T>) -> &'a [T] {
        &arena[self.window.clone()]
    }

    /// Writes the window.
    pub(crate) fn fill<T: Float>(&self, arena: &mut Arena<T>, image: &[T]) {
        arena[self.window.clone()].copy_from_slice(image);
    }

    /// From the first element to the end of the window, which is where a view may look.
    fn span(&self) -> Range<usize> {
        self.window.start + self.first..self.window.end
    }

    /// The matrix.
    pub(crate) fn matrix<'a, T: Float>(&self, arena: &'a Arena<T>) -> MatrixRef<'a, T> {
        MatrixRef::with_row_stride(&arena[self.span()], self.rows, self.cols, self.stride)
            .expect("it was placed")
    }

    /// The matrix, to write.
    pub(crate) fn matrix_mut<'a, T: Float>(&self, arena: &'a mut Arena<T>) -> MatrixMut<'a, T> {
        MatrixMut::with_row_stride(&mut arena[self.span()], self.rows, self.cols, self.stride)
            .expect("it was placed")
    }

    /// Its first row.
    pub(crate) fn slice<'a, T: Float>(&self, arena: &'a Arena<T>) -> &'a [T] {
        &arena[self.span()][..self.cols]
    }

    /// Its first row, to write.
    pub(crate) fn slice_mut<'a, T: Float>(&self, arena: &'a mut Arena<T>) -> &'a mut [T] {
        &mut arena[self.span()][..self.cols]
    }
}
