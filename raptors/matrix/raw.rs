//! Where the elements of a view are: the arithmetic both views share, without a word on who may read or write.

use core::ops::Range;
use core::ptr::NonNull;

use crate::element::Element;
use crate::error::Error;

/// A pointer to the first element, and the extents.
///
/// Invariant, which the `unsafe` of the views rests on: the element of row r and column c lies at
/// `start + r × row_stride + c`, for every r < rows and c < columns, and all of them are in one allocation.
/// - With rows above one, `row_stride` ≥ `columns`: no element is in two rows.
/// - With at most one row, or no columns, `row_stride` = `columns`: a matrix that has no gaps says so.
/// - Without elements, `start` is dangling, and aligned.
/// - The extents can be counted, see [`countable`].
pub(super) struct Raw<T> {
    start: NonNull<T>,
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<T> Clone for Raw<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Raw<T> {}

/// Checks that the extents, leaving out those that are 0, multiply to no more bytes than `isize::MAX`. Elements that are
/// there are in one allocation, so this asks something only of matrices without any: `ndarray` and `NumPy` ask the same.
pub(super) const fn countable<T>(rows: usize, columns: usize) -> Result<(), Error> {
    const fn at_least_one(extent: usize) -> usize {
        if extent == 0 { 1 } else { extent }
    }
    let limit = isize::MAX.cast_unsigned() / size_of::<T>();
    match at_least_one(rows).checked_mul(at_least_one(columns)) {
        Some(elements) if elements <= limit => Ok(()),
        _ => Err(Error::TooLarge { rows, columns }),
    }
}

/// Checks that a slice of `len` elements holds the matrix, its last row included to the last element.
pub(super) fn check<T>(len: usize, rows: usize, columns: usize, row_stride: usize) -> Result<(), Error> {
    if row_stride < columns {
        return Err(Error::RowStride { columns, row_stride });
    }
    countable::<T>(rows, columns)?;
    if rows == 0 || columns == 0 {
        return Ok(());
    }
    let needed = (rows - 1).checked_mul(row_stride).and_then(|before| before.checked_add(columns));
    match needed {
        Some(needed) if needed <= len => Ok(()),
        Some(needed) => Err(Error::TooShort { rows, columns, row_stride, needed, got: len }),
        None => Err(Error::TooLarge { rows, columns }),
    }
}

/// The number of elements of a matrix without gaps.
pub(super) fn elements<T>(rows: usize, columns: usize) -> Result<usize, Error> {
    countable::<T>(rows, columns).map(|()| rows * columns)
}

/// Checks that a list of `len` elements is just those of the matrix.
pub(super) fn check_exact<T>(len: usize, rows: usize, columns: usize) -> Result<(), Error> {
    if elements::<T>(rows, columns)? == len { Ok(()) } else { Err(Error::Length { rows, columns, got: len }) }
}

impl<T: Element> Raw<T> {
    /// # Safety
    /// Unless there are no elements, `start` must be aligned and every element, from the first to the last, in one
    /// allocation; with rows above one, `row_stride` must be at least `columns`. The extents must be [`countable`].
    #[inline]
    pub(super) unsafe fn new(start: *const T, rows: usize, columns: usize, row_stride: usize) -> Self {
        debug_assert!(countable::<T>(rows, columns).is_ok(), "a matrix of extents that cannot be counted");
        if rows == 0 || columns == 0 {
            return Self { start: NonNull::dangling(), rows, columns, row_stride: columns };
        }
        debug_assert!(start.is_aligned() && !start.is_null(), "a matrix of misplaced elements");
        debug_assert!(rows == 1 || row_stride >= columns, "a matrix of overlapping rows");
        // SAFETY: there is an element at `start`, so it is not null.
        let start = unsafe { NonNull::new_unchecked(start.cast_mut()) };
        Self { start, rows, columns, row_stride: if rows == 1 { columns } else { row_stride } }
    }

    #[inline]
    pub(super) const fn start(&self) -> *mut T {
        self.start.as_ptr()
    }

    #[inline]
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    #[inline]
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    #[inline]
    pub(super) const fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Cannot overflow: that many elements are in memory.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.rows * self.columns
    }

    #[inline]
    pub(super) const fn is_contiguous(&self) -> bool {
        self.row_stride == self.columns
    }

    /// The first element of a row; dangling and aligned if there are no columns.
    ///
    /// # Safety
    /// `row` must be less than the rows.
    #[inline]
    pub(super) const unsafe fn row(&self, row: usize) -> *mut T {
        // SAFETY: the row exists, so either it has a first element, in the allocation of `start`, or the stride is 0.
        unsafe { self.start.as_ptr().add(row * self.row_stride) }
    }

    /// Rows before `at`, and those from there on.
    #[inline]
    pub(super) fn split_rows(self, at: usize) -> (Self, Self) {
        assert!(at <= self.rows, "split before row {at} of a matrix of {} rows", self.rows);
        // The end of the last row need not be followed by the gap that other rows have: row `rows` may be nowhere.
        let below = if at < self.rows {
            // SAFETY: the row was just found to exist.
            unsafe { self.row(at) }
        } else {
            self.start.as_ptr()
        };
        // SAFETY: both are some of the rows of a matrix, with its stride; if the second has any, it starts at `below`.
        unsafe {
            (
                Self::new(self.start.as_ptr(), at, self.columns, self.row_stride),
                Self::new(below, self.rows - at, self.columns, self.row_stride),
            )
        }
    }

    /// Some of the columns.
    #[inline]
    pub(super) fn select_columns(self, range: Range<usize>) -> Self {
        let Range { start, end } = range;
        assert!(
            start <= end && end <= self.columns,
            "columns {start}..{end} of a matrix of {} columns",
            self.columns
        );
        // SAFETY: the pointer moves within the first row, if there is one, and each row has these columns.
        unsafe {
            let first = if self.rows == 0 { self.start.as_ptr() } else { self.start.as_ptr().add(start) };
            Self::new(first, self.rows, end - start, self.row_stride)
        }
    }

    /// The same elements in one row.
    #[inline]
    pub(super) fn flat(self) -> Option<Self> {
        // SAFETY: without gaps, the elements are a run of `len`.
        self.is_contiguous().then(|| unsafe { Self::new(self.start.as_ptr(), 1, self.len(), self.len()) })
    }

    /// The same elements, `times` rows in one.
    #[inline]
    #[track_caller]
    pub(super) fn joined_rows(self, times: usize) -> Self {
        assert!(
            self.is_contiguous() && times > 0 && self.rows.is_multiple_of(times),
            "{times} rows in one, of a matrix of {} rows that are {} apart",
            self.rows,
            self.row_stride
        );
        let (rows, columns) = (self.rows / times, self.columns.saturating_mul(times));
        assert!(
            countable::<T>(rows, columns).is_ok(),
            "{times} rows in one are too long, of {} columns",
            self.columns
        );
        // SAFETY: without gaps the elements are a run, which whole rows of any length cover. Their extents can be counted.
        unsafe { Self::new(self.start.as_ptr(), rows, columns, columns) }
    }
}
