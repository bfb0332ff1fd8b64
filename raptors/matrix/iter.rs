//! Iterators over views. Each keeps a pointer that moves by the row stride, and a count.

use core::array::from_fn;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::slice;

use super::raw::Raw;
use super::{MatrixMut, MatrixRef};
use crate::element::Element;

/// The rows that are left to give out, as places: the part that shared and exclusive iteration have in common.
///
/// The pointer may have moved beyond the last row, where nothing is, so it moves by wrapping arithmetic; it is used
/// only while rows are left.
struct Places<T> {
    next: *mut T,
    left: usize,
    columns: usize,
    row_stride: usize,
}

impl<T: Element> Places<T> {
    #[inline]
    const fn new(raw: Raw<T>) -> Self {
        Self { next: raw.start(), left: raw.rows(), columns: raw.columns(), row_stride: raw.row_stride() }
    }

    /// The first element of the row at the front, which is not left any more.
    #[inline]
    const fn front(&mut self) -> Option<*mut T> {
        if self.left == 0 {
            return None;
        }
        let row = self.next;
        self.left -= 1;
        self.next = row.wrapping_add(self.row_stride);
        Some(row)
    }

    /// The same at the back.
    #[inline]
    const fn back(&mut self) -> Option<*mut T> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.next.wrapping_add(self.left * self.row_stride))
    }

    /// Leaves out rows at the front, all there are if there are no more than that.
    #[inline]
    fn skip(&mut self, rows: usize) {
        let rows = rows.min(self.left);
        self.left -= rows;
        self.next = self.next.wrapping_add(rows * self.row_stride);
    }
}

macro_rules! rows {
    ($(#[$doc:meta])* $name:ident, $view:ident, $into_raw:ident, $slice:ty, $from_raw_parts:path) => {
        $(#[$doc])*
        pub struct $name<'a, T> {
            places: Places<T>,
            elements: PhantomData<$slice>,
        }

        // SAFETY: the iterator is the rows that are left, and they may go where their view may.
        unsafe impl<T: Element> Send for $name<'_, T> {}
        // SAFETY: as above.
        unsafe impl<T: Element> Sync for $name<'_, T> {}

        impl<'a, T: Element> $name<'a, T> {
            #[inline]
            pub(super) const fn new(view: $view<'a, T>) -> Self {
                Self { places: Places::new(view.$into_raw()), elements: PhantomData }
            }

            #[inline]
            const fn slice(&self, row: *mut T) -> $slice {
                // SAFETY: a row of the view this was made from, so its elements may be used as the view could for 'a.
                // Each row is given out once, and the view is used up.
                unsafe { $from_raw_parts(row, self.places.columns) }
            }
        }

        impl<'a, T: Element> Iterator for $name<'a, T> {
            type Item = $slice;

            #[inline]
            fn next(&mut self) -> Option<$slice> {
                self.places.front().map(|row| self.slice(row))
            }

            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.places.left, Some(self.places.left))
            }

            #[inline]
            fn nth(&mut self, rows: usize) -> Option<$slice> {
                self.places.skip(rows);
                self.next()
            }
        }

        impl<T: Element> DoubleEndedIterator for $name<'_, T> {
            #[inline]
            fn next_back(&mut self) -> Option<Self::Item> {
                self.places.back().map(|row| self.slice(row))
            }
        }

        impl<T: Element> ExactSizeIterator for $name<'_, T> {}
        impl<T: Element> FusedIterator for $name<'_, T> {}
    };
}

rows! {
    /// The rows of a [`MatrixRef`], as slices.
    Rows, MatrixRef, raw, &'a [T], slice::from_raw_parts
}
rows! {
    /// The rows of a [`MatrixMut`], as slices. They do not overlap, so any number of them can be out at once.
    RowsMut, MatrixMut, into_raw, &'a mut [T], slice::from_raw_parts_mut
}

impl<T> Clone for Rows<'_, T> {
    fn clone(&self) -> Self {
        Self { places: Places { ..self.places }, elements: PhantomData }
    }
}

/// Views of at most `width` columns, side by side.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Stripes<'a, T: Element> {
    rest: MatrixRef<'a, T>,
    width: usize,
}

impl<'a, T: Element> Stripes<'a, T> {
    #[inline]
    #[track_caller]
    pub(super) fn new(rest: MatrixRef<'a, T>, width: usize) -> Self {
        assert!(width > 0, "stripes of no columns");
        Self { rest, width }
    }
}

impl<'a, T: Element> Iterator for Stripes<'a, T> {
    type Item = MatrixRef<'a, T>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let columns = self.rest.ncols();
        if columns == 0 {
            return None;
        }
        let width = self.width.min(columns);
        let stripe = self.rest.columns(0..width);
        self.rest = self.rest.columns(width..columns);
        Some(stripe)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.rest.ncols().div_ceil(self.width);
        (count, Some(count))
    }
}

impl<T: Element> ExactSizeIterator for Stripes<'_, T> {}
impl<T: Element> FusedIterator for Stripes<'_, T> {}

/// N rows at a time.
#[doc(hidden)]
#[derive(Debug)]
pub struct RowGroups<'a, T: Element, const N: usize> {
    rows: Rows<'a, T>,
}

impl<'a, T: Element, const N: usize> RowGroups<'a, T, N> {
    /// The groups, and the rows that are too few for one more.
    #[inline]
    pub(super) fn new(matrix: MatrixRef<'a, T>) -> (Self, MatrixRef<'a, T>) {
        const { assert!(N > 0, "groups of no rows") }
        let (grouped, rest) = matrix.split_rows(matrix.nrows() / N * N);
        (Self { rows: Rows::new(grouped) }, rest)
    }
}

impl<T: Element, const N: usize> Clone for RowGroups<'_, T, N> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone() }
    }
}

impl<'a, T: Element, const N: usize> Iterator for RowGroups<'a, T, N> {
    type Item = [&'a [T]; N];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let places = &mut self.rows.places;
        if places.left < N {
            return None;
        }
        let (first, stride) = (places.next, places.row_stride);
        places.skip(N);
        Some(from_fn(|row| self.rows.slice(first.wrapping_add(row * stride))))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.rows.places.left / N;
        (count, Some(count))
    }
}

impl<T: Element, const N: usize> ExactSizeIterator for RowGroups<'_, T, N> {}
impl<T: Element, const N: usize> FusedIterator for RowGroups<'_, T, N> {}

impl<T: Element> fmt::Debug for Rows<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows<{}> {}×{}", T::DTYPE, self.places.left, self.places.columns)
    }
}

impl<T: Element> fmt::Debug for RowsMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowsMut<{}> {}×{}", T::DTYPE, self.places.left, self.places.columns)
    }
}
