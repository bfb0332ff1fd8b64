//! Views of `ndarray` arrays, and arrays that view matrices. No element is copied, but by `Array2::from(matrix)`.

use ::ndarray::{Array2, ArrayView2, ArrayViewMut2, Ix2, ShapeBuilder as _, StrideShape};

use super::raw::countable;
use super::{Matrix, MatrixMut, MatrixRef};
use crate::element::Element;
use crate::error::Error;

/// The row stride of a layout that a matrix view can describe: columns next to one another, rows that do not overlap
/// and go forward, extents that can be counted. A stride that is never taken may be anything.
fn row_stride<T>(rows: usize, columns: usize, strides: &[isize]) -> Result<usize, Error> {
    let (row, column) = (strides[0], strides[1]);
    countable::<T>(rows, columns)?;
    let refused = Error::Strides { row, column };
    if rows == 0 || columns == 0 {
        return Ok(columns);
    }
    if columns > 1 && column != 1 {
        return Err(refused);
    }
    if rows == 1 {
        return Ok(columns);
    }
    usize::try_from(row).ok().filter(|&row| row >= columns).ok_or(refused)
}

/// The layout of a view. Without gaps it is the standard one, whose strides are 0 when there are no elements.
fn layout(shape: (usize, usize), row_stride: usize) -> StrideShape<Ix2> {
    if row_stride == shape.1 { shape.into() } else { shape.strides((row_stride, 1)) }
}

impl<'a, T: Element> TryFrom<ArrayView2<'a, T>> for MatrixRef<'a, T> {
    type Error = Error;

    /// # Errors
    /// [`Error::Strides`] unless each row is contiguous and the rows go forward without overlap; [`Error::TooLarge`].
    fn try_from(array: ArrayView2<'a, T>) -> Result<Self, Error> {
        let (rows, columns) = array.dim();
        let stride = row_stride::<T>(rows, columns, array.strides())?;
        // SAFETY: the array's elements are where its strides say, and those were found to be the strides used here;
        // they can be read during 'a.
        Ok(unsafe { Self::from_raw_parts(array.as_ptr(), rows, columns, stride) })
    }
}

impl<'a, T: Element> TryFrom<&'a Array2<T>> for MatrixRef<'a, T> {
    type Error = Error;

    /// # Errors
    /// As for a view: an array in Fortran order is refused.
    fn try_from(array: &'a Array2<T>) -> Result<Self, Error> {
        array.view().try_into()
    }
}

impl<'a, T: Element> TryFrom<ArrayViewMut2<'a, T>> for MatrixMut<'a, T> {
    type Error = Error;

    /// # Errors
    /// [`Error::Strides`] unless each row is contiguous and the rows go forward without overlap; [`Error::TooLarge`].
    fn try_from(mut array: ArrayViewMut2<'a, T>) -> Result<Self, Error> {
        let (rows, columns) = array.dim();
        let stride = row_stride::<T>(rows, columns, array.strides())?;
        // SAFETY: the array's elements are where its strides say, and those were found to be the strides used here;
        // they are the array's alone during 'a, and it is used up.
        Ok(unsafe { Self::from_raw_parts(array.as_mut_ptr(), rows, columns, stride) })
    }
}

impl<'a, T: Element> TryFrom<&'a mut Array2<T>> for MatrixMut<'a, T> {
    type Error = Error;

    /// # Errors
    /// As for a view: an array in Fortran order is refused.
    fn try_from(array: &'a mut Array2<T>) -> Result<Self, Error> {
        array.view_mut().try_into()
    }
}

impl<'a, T: Element> MatrixRef<'a, T> {
    /// The same elements as an array view.
    #[must_use]
    pub fn to_ndarray_view(self) -> ArrayView2<'a, T> {
        let layout = layout(self.shape(), self.row_stride());
        // SAFETY: the view's elements are at these strides from its pointer, which is aligned and not null, and they
        // can be read during 'a. The extents multiply to no more bytes than ndarray allows, as those of any view do.
        unsafe { ArrayView2::from_shape_ptr(layout, self.as_ptr()) }
    }
}

impl<'a, T: Element> MatrixMut<'a, T> {
    /// The same elements as an array view, to write.
    #[must_use]
    pub fn into_ndarray_view(mut self) -> ArrayViewMut2<'a, T> {
        let layout = layout(self.shape(), self.row_stride());
        // SAFETY: the view's elements are at these strides from its pointer, which is aligned and not null; they are
        // the view's alone during 'a, and it is used up. The extents are as above.
        unsafe { ArrayViewMut2::from_shape_ptr(layout, self.as_mut_ptr()) }
    }
}

impl<'a, T: Element> From<MatrixRef<'a, T>> for ArrayView2<'a, T> {
    fn from(matrix: MatrixRef<'a, T>) -> Self {
        matrix.to_ndarray_view()
    }
}

impl<'a, T: Element> From<MatrixMut<'a, T>> for ArrayViewMut2<'a, T> {
    fn from(matrix: MatrixMut<'a, T>) -> Self {
        matrix.into_ndarray_view()
    }
}

impl<T: Element> From<Matrix<T>> for Array2<T> {
    /// The elements are copied: a matrix is aligned as an array is not.
    fn from(matrix: Matrix<T>) -> Self {
        matrix.view().to_ndarray_view().to_owned()
    }
}
