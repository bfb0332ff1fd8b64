//! [`Matrix`]: a matrix that owns its elements.

use core::fmt;
use core::ops::{Index, IndexMut};

use super::raw::{check_exact, elements};
use super::{MatrixMut, MatrixRef};
use crate::buffer::Buffer;
use crate::element::Element;
use crate::error::Error;

/// A matrix of its own memory: row-major, without gaps, the first element at a multiple of 64 bytes.
///
/// ```
/// use raptors::Matrix;
///
/// let matrix = Matrix::from_rows(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])?;
/// assert_eq!(matrix.shape(), (2, 3));
/// assert_eq!(matrix[(1, 2)], 6.0);
/// # Ok::<(), raptors::Error>(())
/// ```
pub struct Matrix<T: Element> {
    buffer: Buffer<T>,
    rows: usize,
    columns: usize,
}

impl<T: Element> Matrix<T> {
    /// A matrix of zeros.
    ///
    /// Large ones are pages that the system has zeroed, so they cost no memory until they are written.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::OutOfMemory`].
    pub fn zeros(rows: usize, columns: usize) -> Result<Self, Error> {
        Ok(Self { buffer: Buffer::zeroed(elements::<T>(rows, columns)?)?, rows, columns })
    }

    /// A matrix of unspecified values, for an output that is then written from end to end: zeros, or what a matrix
    /// held that was dropped. What the operations of [`ops`](crate::ops) return is made so.
    ///
    /// # Errors
    /// As [`zeros`](Self::zeros).
    pub fn for_output(rows: usize, columns: usize) -> Result<Self, Error> {
        Ok(Self { buffer: Buffer::initialised(elements::<T>(rows, columns)?)?, rows, columns })
    }

    /// A copy of a slice that has the rows one after another.
    ///
    /// # Errors
    /// [`Error::Length`] unless the slice has just `rows` × `columns` elements; [`Error::TooLarge`] and
    /// [`Error::OutOfMemory`].
    pub fn from_slice(rows: usize, columns: usize, slice: &[T]) -> Result<Self, Error> {
        check_exact::<T>(slice.len(), rows, columns)?;
        let mut matrix = Self::for_output(rows, columns)?;
        matrix.as_mut_slice().copy_from_slice(slice);
        Ok(matrix)
    }

    /// A matrix of a vector's elements, row after row. They are copied: a matrix is aligned as a vector is not.
    ///
    /// # Errors
    /// As [`from_slice`](Self::from_slice).
    #[expect(clippy::needless_pass_by_value, reason = "the counterpart of `into_vec`")]
    pub fn from_vec(rows: usize, columns: usize, elements: Vec<T>) -> Result<Self, Error> {
        Self::from_slice(rows, columns, &elements)
    }

    /// A matrix written out as arrays.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn from_rows<const C: usize>(rows: &[[T; C]]) -> Result<Self, Error> {
        Self::from_slice(rows.len(), C, rows.as_flattened())
    }

    /// A matrix of `element(row, column)`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::OutOfMemory`].
    pub fn from_fn(
        rows: usize,
        columns: usize,
        mut element: impl FnMut(usize, usize) -> T,
    ) -> Result<Self, Error> {
        let mut matrix = Self::for_output(rows, columns)?;
        for (i, row) in matrix.view_mut().rows_mut().enumerate() {
            for (j, place) in row.iter_mut().enumerate() {
                *place = element(i, j);
            }
        }
        Ok(matrix)
    }

    /// The number of rows.
    #[inline]
    #[must_use]
    pub const fn nrows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[inline]
    #[must_use]
    pub const fn ncols(&self) -> usize {
        self.columns
    }

    /// Rows and columns.
    #[inline]
    #[must_use]
    pub const fn shape(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// All elements, row after row.
    #[inline]
    #[must_use]
    pub const fn as_slice(&self) -> &[T] {
        self.buffer.as_slice()
    }

    /// All elements, row after row.
    #[inline]
    #[must_use]
    pub const fn as_mut_slice(&mut self) -> &mut [T] {
        self.buffer.as_mut_slice()
    }

    /// One row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn row(&self, row: usize) -> &[T] {
        self.view().row(row)
    }

    /// The matrix, to read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> MatrixRef<'_, T> {
        // SAFETY: the buffer has the elements of `rows` rows without gaps, and is borrowed for as long as the view.
        unsafe { MatrixRef::from_raw_parts(self.as_slice().as_ptr(), self.rows, self.columns, self.columns) }
    }

    /// The matrix, to write.
    #[inline]
    #[must_use]
    pub fn view_mut(&mut self) -> MatrixMut<'_, T> {
        let start = self.as_mut_slice().as_mut_ptr();
        // SAFETY: the buffer has the elements of `rows` rows without gaps, and is borrowed mutably for as long as the
        // view.
        unsafe { MatrixMut::from_raw_parts(start, self.rows, self.columns, self.columns) }
    }

    /// The elements, row after row. They are copied, for the reason given at [`from_vec`](Self::from_vec).
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.as_slice().to_vec()
    }
}

impl<T: Element> Clone for Matrix<T> {
    /// # Panics
    /// If there is no memory.
    fn clone(&self) -> Self {
        Self::from_slice(self.rows, self.columns, self.as_slice()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn clone_from(&mut self, source: &Self) {
        if self.shape() == source.shape() {
            self.as_mut_slice().copy_from_slice(source.as_slice());
        } else {
            *self = source.clone();
        }
    }
}

impl<T: Element> Index<(usize, usize)> for Matrix<T> {
    type Output = T;

    #[inline]
    #[track_caller]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.view().row(row)[column]
    }
}

impl<T: Element> IndexMut<(usize, usize)> for Matrix<T> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        let (rows, columns) = self.shape();
        assert!(row < rows, "row {row} of a matrix of {rows} rows");
        &mut self.as_mut_slice()[row * columns..][..columns][column]
    }
}

impl<T: Element> PartialEq for Matrix<T> {
    /// Same shape, and elements that are equal as numbers: NaN differs from itself, −0 equals +0.
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl<T: Element> fmt::Debug for Matrix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(f, "Matrix", self.view())
    }
}
