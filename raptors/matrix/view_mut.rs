//! [`MatrixMut`]: a matrix to write.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Index, IndexMut, Range};
use core::slice;

use super::iter::{Rows, RowsMut};
use super::raw::{Raw, check, check_exact};
use super::{Matrix, MatrixRef};
use crate::element::Element;
use crate::error::Error;

/// An exclusive view of a matrix: rows that follow one another at a constant distance.
///
/// The elements between two rows, if the row stride is greater than the columns, are neither read nor written: they
/// may be another view's, in another thread.
///
/// ```
/// use raptors::MatrixMut;
///
/// let mut storage = [0.0; 7];
/// let mut matrix = MatrixMut::with_row_stride(&mut storage, 2, 3, 4)?;
/// for row in matrix.rows_mut() {
///     row.fill(1.0);
/// }
/// assert_eq!(storage, [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
/// # Ok::<(), raptors::Error>(())
/// ```
pub struct MatrixMut<'a, T> {
    raw: Raw<T>,
    /// Every element of `raw`, but nothing between its rows, is this view's alone during `'a`.
    elements: PhantomData<&'a mut [T]>,
}

// SAFETY: the view has elements that may move between threads, exclusively, as `&mut [T]` does.
unsafe impl<T: Element> Send for MatrixMut<'_, T> {}
// SAFETY: a shared view of this type only reads, and elements can be shared.
unsafe impl<T: Element> Sync for MatrixMut<'_, T> {}

impl<'a, T: Element> MatrixMut<'a, T> {
    /// Looks at a slice as `rows` × `columns`, row after row without gaps.
    ///
    /// # Errors
    /// [`Error::Length`] unless the slice has just that many elements; [`Error::TooLarge`].
    pub fn new(slice: &'a mut [T], rows: usize, columns: usize) -> Result<Self, Error> {
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
        slice: &'a mut [T],
        rows: usize,
        columns: usize,
        row_stride: usize,
    ) -> Result<Self, Error> {
        check::<T>(slice.len(), rows, columns, row_stride)?;
        // SAFETY: the slice holds every element, for as long as it is borrowed, and the extents can be counted.
        Ok(unsafe { Self::from_raw_parts(slice.as_mut_ptr(), rows, columns, row_stride) })
    }

    /// Looks at a slice as one row.
    #[inline]
    #[must_use]
    pub fn from_row(row: &'a mut [T]) -> Self {
        // SAFETY: the slice is the row, for as long as it is borrowed.
        unsafe { Self::from_raw_parts(row.as_mut_ptr(), 1, row.len(), row.len()) }
    }

    /// A view of elements that come as a pointer to the first one.
    ///
    /// # Safety
    /// If there are elements, the pointer must be aligned, and for the lifetime `'a` the `columns` elements of each
    /// row, at `pointer + row × row_stride`, must be in one allocation, initialised, and read and written through
    /// this view alone. With more than one row, `row_stride` must be at least `columns`. Nothing is asked of what is
    /// between rows. Even without elements, the extents that are not 0 must multiply to no more than `isize::MAX` bytes.
    #[inline]
    #[must_use]
    pub unsafe fn from_raw_parts(pointer: *mut T, rows: usize, columns: usize, row_stride: usize) -> Self {
        // SAFETY: what `Raw` asks for is part of this function's contract.
        Self::from_raw(unsafe { Raw::new(pointer, rows, columns, row_stride) })
    }

    /// Every element must be the view's alone during `'a`: for this module and its neighbours, who know.
    #[inline]
    const fn from_raw(raw: Raw<T>) -> Self {
        Self { raw, elements: PhantomData }
    }

    #[inline]
    pub(super) const fn into_raw(self) -> Raw<T> {
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

    /// The first element; not to be used if there are none.
    #[inline]
    #[must_use]
    pub const fn as_mut_ptr(&mut self) -> *mut T {
        self.raw.start()
    }

    /// The same elements, to read.
    #[inline]
    #[must_use]
    pub const fn as_ref(&self) -> MatrixRef<'_, T> {
        // This view cannot write while it is borrowed by the other.
        MatrixRef::from_raw(self.raw)
    }

    /// The same elements for a while, after which this view can be used again.
    #[inline]
    #[must_use]
    pub const fn reborrow(&mut self) -> MatrixMut<'_, T> {
        MatrixMut::from_raw(self.raw)
    }

    /// All elements, row after row, if there is nothing between rows.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> Option<&[T]> {
        self.as_ref().as_slice()
    }

    /// All elements, row after row, if there is nothing between rows.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        self.reborrow().into_slice()
    }

    /// All elements for the lifetime of the view, if there is nothing between rows.
    #[inline]
    #[must_use]
    pub fn into_slice(self) -> Option<&'a mut [T]> {
        // SAFETY: without gaps the elements are a run, all of them this view's for 'a, and the view is used up.
        self.is_contiguous().then(|| unsafe { slice::from_raw_parts_mut(self.raw.start(), self.len()) })
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn row(&self, row: usize) -> &[T] {
        self.as_ref().row(row)
    }

    /// One row, to write.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.nrows(), "row {row} of a matrix of {} rows", self.nrows());
        // SAFETY: the row exists, its elements are this view's, and the view is borrowed for as long as the row.
        unsafe { slice::from_raw_parts_mut(self.raw.row(row), self.ncols()) }
    }

    /// The rows, from the first to the last.
    #[inline]
    #[must_use]
    pub fn rows(&self) -> Rows<'_, T> {
        self.as_ref().rows()
    }

    /// The rows, from the first to the last, to write.
    #[inline]
    #[must_use]
    pub fn rows_mut(&mut self) -> RowsMut<'_, T> {
        RowsMut::new(self.reborrow())
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
        // No element is in both: rows do not overlap.
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
        // No element is in both: each view leaves alone what is between its rows.
        let columns = self.ncols();
        assert!(at <= columns, "split before column {at} of a matrix of {columns} columns");
        (Self::from_raw(self.raw.select_columns(0..at)), Self::from_raw(self.raw.select_columns(at..columns)))
    }
}

/// What kernels take a matrix apart with.
#[doc(hidden)]
impl<T: Element> MatrixMut<'_, T> {
    /// The same elements in one row, if there is nothing between rows; else the matrix as it is.
    #[inline]
    #[must_use]
    pub fn flattened(self) -> Self {
        Self::from_raw(self.raw.flat().unwrap_or(self.raw))
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
}

impl<T: Element> Index<(usize, usize)> for MatrixMut<'_, T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.row(row)[column]
    }
}

impl<T: Element> IndexMut<(usize, usize)> for MatrixMut<'_, T> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        &mut self.row_mut(row)[column]
    }
}

impl<T: Element> fmt::Debug for MatrixMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(f, "MatrixMut", self.as_ref())
    }
}

impl<'a, T: Element> From<&'a mut Matrix<T>> for MatrixMut<'a, T> {
    #[inline]
    fn from(matrix: &'a mut Matrix<T>) -> Self {
        matrix.view_mut()
    }
}

impl<'a, T: Element> From<&'a mut MatrixMut<'_, T>> for MatrixMut<'a, T> {
    #[inline]
    fn from(matrix: &'a mut MatrixMut<'_, T>) -> Self {
        matrix.reborrow()
    }
}
