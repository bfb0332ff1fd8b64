//! [`ArrayMut`]: an array to write, of any number of axes and any strides.

use core::fmt;
use core::marker::PhantomData;

use super::ArrayRef;
use crate::{Element, Error, Matrix, MatrixMut};

/// An exclusive view of an array: a first element, and for each axis a length and the elements from one to the next. Strides may
/// have any sign; no element is there twice.
///
/// ```
/// use raptors::ArrayMut;
///
/// let mut storage = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// // The transpose of two rows of three, its rows in reverse.
/// let array = ArrayMut::new(&mut storage, &[3, 2], &[-1, 3], 2)?;
/// assert_eq!(array.as_array().to_vec(), [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
/// # Ok::<(), raptors::Error>(())
/// ```
///
/// Invariant, which the `unsafe` of this file rests on: what that of [`ArrayRef`] says of where elements are holds of `view`, whose
/// pointer may be written by; during `'a` nothing else reads or writes the elements but by way of a borrow of this; and no two
/// indices have one place.
pub struct ArrayMut<'a, T> {
    view: ArrayRef<'a, T>,
    exclusive: PhantomData<&'a mut [T]>,
}

impl<'a, T: Copy> ArrayMut<'a, T> {
    /// Looks at a slice as an array of that shape, whose first element is at `first` and whose strides are counted in elements.
    ///
    /// # Errors
    /// [`Error::Layout`] as for an [`ArrayRef`], and if elements may be there twice: if an axis does not step over all that those
    /// of smaller strides reach.
    pub fn new(slice: &'a mut [T], shape: &[usize], strides: &[isize], first: usize) -> Result<Self, Error> {
        let len = ArrayRef::new(slice, shape, strides, first)?.len();
        if !Self::are_apart(shape, strides) {
            let reason = "some elements may be there twice";
            return Err(Error::Layout { shape: shape.to_vec(), strides: strides.to_vec(), first, reason });
        }
        let start = if len == 0 { slice } else { &mut slice[first..] };
        // SAFETY: the slice holds every element, as was just checked, and is borrowed for as long; strides were looked at.
        Ok(unsafe { Self::from_raw_parts(start.as_mut_ptr(), shape, strides) })
    }

    /// Whether strides keep all elements of an array apart: each axis steps over all that those of smaller strides reach. Others may
    /// have an element twice, and are refused.
    #[must_use]
    pub fn are_apart(shape: &[usize], strides: &[isize]) -> bool {
        let mut axes: Vec<(usize, usize)> =
            shape.iter().zip(strides).map(|(&len, stride)| (stride.unsigned_abs(), len)).collect();
        axes.retain(|(_, len)| *len > 1);
        axes.sort_unstable();
        let mut reach = 0_usize;
        shape.contains(&0)
            || axes.iter().all(|&(stride, len)| {
                let is_apart = stride > reach;
                reach = reach.saturating_add(stride.saturating_mul(len - 1));
                is_apart
            })
    }

    /// A view of elements that come as a pointer to the first one.
    ///
    /// # Safety
    /// As [`ArrayRef::from_raw_parts`]; and for the lifetime `'a` the elements may be written, nothing else reads or writes them,
    /// and no two indices have one place.
    #[must_use]
    pub unsafe fn from_raw_parts(pointer: *mut T, shape: &[usize], strides: &[isize]) -> Self {
        debug_assert!(Self::are_apart(shape, strides), "an array with an element twice");
        // SAFETY: the caller's.
        let view = unsafe { ArrayRef::from_raw_parts(pointer, shape, strides) };
        Self { view, exclusive: PhantomData }
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        self.view.shape()
    }

    /// Of each axis, the elements from one to the next.
    #[must_use]
    pub fn strides(&self) -> Vec<isize> {
        self.view.strides()
    }

    /// The number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.view.ndim()
    }

    /// The number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.view.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.view.is_empty()
    }

    /// The elements, to read.
    #[must_use]
    pub fn as_array(&self) -> ArrayRef<'_, T> {
        self.view.clone()
    }

    /// The axes in another order. Those of one element may be left out, and no other.
    pub(super) fn permuted(self, order: &[usize]) -> Self {
        Self { view: self.view.permuted(order), ..self }
    }

    /// Whether an axis and the one that follows can be seen as one.
    pub(super) fn joins(&self, axis: usize) -> bool {
        self.view.joins(axis)
    }

    /// Sees an axis and the one that follows as one.
    ///
    /// # Panics
    /// If they are not.
    pub(super) fn join(&mut self, axis: usize) {
        self.view.join(axis);
    }

    /// What is before an index of an axis, and what is from there on.
    ///
    /// # Panics
    /// If the index is not within the axis.
    pub(super) fn split_at(self, axis: usize, at: usize) -> (Self, Self) {
        let len = self.view.axis_len(axis);
        let (before, rest) = (self.view.part(axis, 0, at), self.view.part(axis, at, len - at));
        // No element has two indices, so that none is in both.
        let of = |view| Self { view, exclusive: PhantomData };
        (of(before), of(rest))
    }

    /// The elements, if they are one after another, the last axis the fastest.
    pub(super) fn into_slice(self) -> Result<&'a mut [T], Self> {
        let (shape, strides) = (self.shape(), self.strides());
        let mut next = 1;
        for (len, stride) in shape.iter().zip(&strides).rev().filter(|(len, _)| **len > 1) {
            if *stride != next {
                return Err(self);
            }
            next *= len.cast_signed();
        }
        if self.is_empty() {
            return Ok(&mut []);
        }
        // SAFETY: the strides are those of a run of so many elements, which this view alone has for `'a`.
        Ok(unsafe { core::slice::from_raw_parts_mut(self.view.pointer(0).cast_mut(), self.len()) })
    }

    /// Writes elements from number `first` on, the last axis being the fastest.
    ///
    /// # Panics
    /// If there are not so many.
    pub(super) fn scatter(&mut self, first: usize, from: &[T]) {
        let len = self.len();
        assert!(first <= len && from.len() <= len - first, "more elements than there are");
        let last = self.ndim().checked_sub(1);
        let (cols, stride) = last.map_or((1, 1), |last| (self.view.axis_len(last), self.strides()[last]));
        let (mut at, mut from) = (first, from);
        while !from.is_empty() {
            let now = (cols - at % cols).min(from.len());
            let (part, rest) = from.split_at(now);
            // SAFETY: element `at` exists, as was asserted, and so do those after it up to the end of its axis; they may be
            // written, and `from`, which is borrowed, is none of them.
            unsafe {
                let to = self.view.pointer(at).cast_mut();
                for (index, element) in part.iter().enumerate() {
                    to.offset(index.cast_signed() * stride).write(*element);
                }
            }
            at += now;
            from = rest;
        }
    }
}

impl<'a, T: Element> From<MatrixMut<'a, T>> for ArrayMut<'a, T> {
    fn from(mut matrix: MatrixMut<'a, T>) -> Self {
        let (rows, columns) = matrix.shape();
        let strides = [matrix.row_stride().cast_signed(), 1];
        // SAFETY: the elements of the matrix are there for 'a and its alone, it has counted them, and its rows do not overlap.
        unsafe { Self::from_raw_parts(matrix.as_mut_ptr(), &[rows, columns], &strides) }
    }
}

impl<'a, T: Element> From<&'a mut Matrix<T>> for ArrayMut<'a, T> {
    fn from(matrix: &'a mut Matrix<T>) -> Self {
        matrix.view_mut().into()
    }
}

impl<T: Copy> fmt::Debug for ArrayMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArrayMut of {:?}", self.view)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "elements are compared as they are")]
mod tests {
    use super::ArrayMut;

    #[test]
    fn elements_are_written_where_the_strides_say() {
        let mut storage = [0.0_f64; 12];
        let mut array = ArrayMut::new(&mut storage, &[3, 2], &[-4, 1], 8).unwrap();
        array.scatter(1, &[1.0, 2.0, 3.0, 4.0]);
        let (before, mut rest) = array.split_at(0, 2);
        assert_eq!(before.as_array().to_vec(), [0.0, 1.0, 2.0, 3.0]);
        rest.scatter(1, &[5.0]);
        assert_eq!(storage, [4.0, 5.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let turned = ArrayMut::new(&mut storage, &[3, 4], &[1, 3], 0).unwrap();
        let turned = turned.into_slice().unwrap_err();
        assert_eq!(turned.permuted(&[1, 0]).into_slice().unwrap()[4], 2.0);
    }

    #[test]
    fn no_element_is_there_twice() {
        let are_apart = ArrayMut::<f64>::are_apart;
        assert!(are_apart(&[2, 3, 4], &[12, 4, 1]) && are_apart(&[4, 3], &[-1, 4]));
        assert!(are_apart(&[5, 1], &[1, 0]) && are_apart(&[0, 9], &[0, 0]));
        assert!(!are_apart(&[2], &[0]) && !are_apart(&[3, 3], &[1, 2]));
        let mut storage = [0.0_f32; 9];
        assert!(ArrayMut::new(&mut storage, &[3, 3], &[1, 1], 0).is_err());
        assert!(ArrayMut::new(&mut storage, &[10], &[1], 0).is_err());
    }
}
