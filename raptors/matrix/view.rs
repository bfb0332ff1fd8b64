//! [`MatrixRef`]: a matrix to read.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Index, Range};
use core::slice;

use super::iter::{RowGroups, Rows, Stripes};
use super::raw::{Raw, check, check_exact};
use super::{Matrix, MatrixMut};
use crate::element::Element;
use crate::error::Error;

/// A shared view of a matrix: rows that follow one another at a constant distance.
///
/// It is a pointer and three numbers, so copy it freely. The elements between two rows, if the row stride is greater
/// than the columns, are never read.
///
/// ```
/// use raptors::MatrixRef;
///
/// // Two rows of three, out of rows of four.
/// let storage = [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0];
/// let matrix = MatrixRef::with_row_stride(&storage, 2, 3, 4)?;
/// assert_eq!(matrix.row(1), [4.0, 5.0, 6.0]);
/// # Ok::<(), raptors::Error>(())
/// ```
pub struct MatrixRef<'a, T> {
    raw: Raw<T>,
    /// Every element of `raw` may be read during `'a`, and nothing changes one.
    elements: PhantomData<&'a [T]>,
}

impl<T> Clone for MatrixRef<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for MatrixRef<'_, T> {}

// SAFETY: the view reads elements that can be shared, as `&[T]` does.
unsafe impl<T: Element> Send for MatrixRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Element> Sync for MatrixRef<'_, T> {}

impl<'a, T: Element> MatrixRef<'a, T> {
    /// Looks at a slice as `rows` × `columns`, row after row without gaps.
    ///
    /// # Errors
    /// [`Error::Length`] unless the slice has just that many elements; [`Error::TooLarge`].
    pub fn new(slice: &'a [T], rows: usize, columns: usize) -> Result<Self, Error> {
        check_exact::<T>(slice.len(), rows, columns)?;
        Self::with_row_stride(slice, rows, columns, columns)
    }

    /// Looks at a slice as `rows` × `columns`, a row starting `row_stride` elements after the one before.
    ///
    /// The slice may end with the last row, and it may go on after it.
    ///
    /// # Errors
    /// [`Error::RowStride`] if the stride is less than the columns; [`Error::TooShort`] if the slice ends before the
    /// last row does; [`Error::TooLarge`].
    pub fn with_row_stride(
        slice: &'a [T],
        rows: usize,
        columns: usize,
        row_stride: usize,
    ) -> Result<Self, Error> {
        check::<T>(slice.len(), rows, columns, row_stride)?;
        // SAFETY: the slice holds every element, for as long as it is borrowed, and the extents can be counted.
        Ok(unsafe { Self::from_raw_parts(slice.as_ptr(), rows, columns, row_stride) })
    }

    /// Looks at a slice as one row.
    #[inline]
    #[must_use]
    pub fn from_row(row: &'a [T]) -> Self {
        // SAFETY: the slice is the row, for as long as it is borrowed.
        unsafe { Self::from_raw_parts(row.as_ptr(), 1, row.len(), row.len()) }
    }

    /// A view of elements that come as a pointer to the first one.
    ///
    /// # Safety
    /// If there are elements, the pointer must be aligned, and for the lifetime `'a` the `columns` elements of each
    /// row, at `pointer + row × row_stride`, must be in one allocation, initialised, and not written. With more than
    /// one row, `row_stride` must be at least `columns`. Nothing is asked of what is between rows.
    /// Even without elements, the extents that are not 0 must multiply to no more than `isize::MAX` bytes.
    #[inline]
    #[must_use]
    pub unsafe fn from_raw_parts(pointer: *const T, rows: usize, columns: usize, row_stride: usize) -> Self {
        // SAFETY: what `Raw` asks for is part of this function's contract.
        Self::from_raw(unsafe { Raw::new(pointer, rows, columns, row_stride) })
    }

    /// Every element must be readable during `'a` and unchanged: for this module and its neighbours, who know.
    #[inline]
    pub(super) const fn from_raw(raw: Raw<T>) -> Self {
        Self { raw, elements: PhantomData }
    }

    #[inline]
    pub(super) const fn raw(self) -> Raw<T> {
        self.raw
    }

    /// The number of rows.
    #[inline]
    #[must_use]
    pub const fn nrows(&self) -> usize {
        self.raw.rows()
    }

    /// The number of columns.
    #[inline]
    #[must_use]
    pub const fn ncols(&self) -> usize {
        self.raw.columns()
    }

    /// Rows and columns.
    #[inline]
    #[must_use]
    pub const fn shape(&self) -> (usize, usize) {
        (self.nrows(), self.ncols())
    }

    /// Elements from the start of a row to the start of the next. With at most one row, or no columns, the columns.
    #[inline]
    #[must_use]
    pub const fn row_stride(&self) -> usize {
        self.raw.row_stride()
    }

    /// The number of elements: rows × columns.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there are no elements.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is nothing between rows.
    #[inline]
    #[must_use]
    pub const fn is_contiguous(&self) -> bool {
        self.raw.is_contiguous()
    }

    /// The first element; not to be read from if there are none.
    #[inline]
    #[must_use]
    pub const fn as_ptr(&self) -> *const T {
        self.raw.start()
    }

    /// All elements, row after row, if there is nothing between rows.
    #[inline]
    #[must_use]
    pub fn as_slice(self) -> Option<&'a [T]> {
        // SAFETY: without gaps the elements are a run, all of them readable for 'a.
        self.is_contiguous().then(|| unsafe { slice::from_raw_parts(self.as_ptr(), self.len()) })
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn row(self, row: usize) -> &'a [T] {
        assert!(row < self.nrows(), "row {row} of a matrix of {} rows", self.nrows());
        // SAFETY: the row exists, and its elements are readable for 'a.
        unsafe { slice::from_raw_parts(self.raw.row(row), self.ncols()) }
    }

    /// The rows, from the first to the last.
    #[inline]
    #[must_use]
    pub fn rows(self) -> Rows<'a, T> {
        Rows::new(self)
    }

    /// Some of the columns, of every row.
    ///
    /// # Panics
    /// If there are no such columns.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn columns(self, range: Range<usize>) -> Self {
        Self::from_raw(self.raw.select_columns(range))
    }

    /// The rows before `at`, and those from there on.
    ///
    /// # Panics
    /// If `at` is greater than the number of rows.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn split_rows(self, at: usize) -> (Self, Self) {
        let (above, below) = self.raw.split_rows(at);
        (Self::from_raw(above), Self::from_raw(below))
    }

    /// The columns before `at`, and those from there on, of every row.
    ///
    /// # Panics
    /// If `at` is greater than the number of columns.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn split_columns(self, at: usize) -> (Self, Self) {
        (self.columns(0..at), self.columns(at..self.ncols()))
    }
}

/// What kernels take a matrix apart with.
#[doc(hidden)]
impl<'a, T: Element> MatrixRef<'a, T> {
    /// The same elements in one row, if there is nothing between rows; else the matrix as it is.
    #[inline]
    #[must_use]
    pub fn flattened(self) -> Self {
        self.raw.flat().map_or(self, Self::from_raw)
    }

    /// The same elements, `times` rows in one.
    ///
    /// # Panics
    /// If there is something between rows, or if the rows are no multiple of `times`.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn joined_rows(self, times: usize) -> Self {
        Self::from_raw(self.raw.joined_rows(times))
    }

    /// The matrix cut into views of `width` columns, the last one of what is left.
    ///
    /// # Panics
    /// If `width` is 0.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn stripes(self, width: usize) -> Stripes<'a, T> {
        Stripes::new(self, width)
    }

    /// N rows at a time, and the rows that are left.
    #[inline]
    #[must_use]
    pub fn row_groups<const N: usize>(self) -> (RowGroups<'a, T, N>, Self) {
        RowGroups::new(self)
    }
}

impl<T: Element> Index<(usize, usize)> for MatrixRef<'_, T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.row(row)[column]
    }
}

impl<T: Element> PartialEq for MatrixRef<'_, T> {
    /// Same shape, and elements that are equal as numbers: NaN differs from itself, −0 equals +0.
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && (self.ncols() == 0 || self.rows().eq(other.rows()))
    }
}

impl<T: Element> fmt::Debug for MatrixRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(f, "MatrixRef", *self)
    }
}

impl<'a, T: Element> From<&'a Matrix<T>> for MatrixRef<'a, T> {
    #[inline]
    fn from(matrix: &'a Matrix<T>) -> Self {
        matrix.view()
    }
}

impl<'a, T: Element> From<&'a MatrixMut<'_, T>> for MatrixRef<'a, T> {
    #[inline]
    fn from(matrix: &'a MatrixMut<'_, T>) -> Self {
        matrix.as_ref()
    }
}
