//! [`ArrayRef`]: an array to read, of any number of axes and any strides.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::{Element, Error, Matrix, MatrixRef};

/// Axes of an array, at most: as many as `NumPy` has.
const MOST_AXES: usize = 64;

/// A shared view of an array: a first element, and for each axis a length and the elements from one to the next. Strides may
/// have any sign, and be zero.
///
/// ```
/// use raptors::ArrayRef;
///
/// let storage = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// // The transpose of two rows of three, its rows in reverse.
/// let array = ArrayRef::new(&storage, &[3, 2], &[-1, 3], 2)?;
/// assert_eq!(array.to_vec(), [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
/// # Ok::<(), raptors::Error>(())
/// ```
///
/// Invariant, which the `unsafe` of this file rests on: the element of the indices i lies at `start` + Σ i × stride, for all
/// indices within the lengths; all of them are in one allocation and may be read during `'a`, and nothing changes one. Their
/// number is no more than `isize::MAX` bytes have.
#[derive(Clone)]
pub struct ArrayRef<'a, T> {
    start: NonNull<T>,
    axes: Vec<Step>,
    len: usize,
    elements: PhantomData<&'a [T]>,
}

/// An axis: its length, and the elements from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    len: usize,
    stride: isize,
}

// SAFETY: the view reads elements that can be shared, as `&[T]` does.
unsafe impl<T: Sync> Send for ArrayRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for ArrayRef<'_, T> {}

/// The number of elements, if it can be counted.
fn counted<T>(shape: &[usize]) -> Option<usize> {
    let at_least_one = shape.iter().map(|len| (*len).max(1)).try_fold(1_usize, usize::checked_mul)?;
    let limit = isize::MAX.cast_unsigned() / size_of::<T>().max(1);
    (at_least_one <= limit && shape.len() <= MOST_AXES).then(|| shape.iter().product())
}

/// How far before the first element, and how far behind it, elements are.
fn reach(shape: &[usize], strides: &[isize]) -> Option<(usize, usize)> {
    let (mut before, mut behind) = (0_usize, 0_usize);
    for (len, stride) in shape.iter().zip(strides) {
        let far = len.checked_sub(1)?.checked_mul(stride.unsigned_abs())?;
        let side = if *stride < 0 { &mut before } else { &mut behind };
        *side = side.checked_add(far)?;
    }
    Some((before, behind))
}

impl<'a, T: Copy> ArrayRef<'a, T> {
    /// Looks at a slice as an array of that shape, whose first element is at `first` and whose strides are counted in elements.
    ///
    /// # Errors
    /// [`Error::Layout`] if an element lies outside of the slice, if there is not a stride for each axis, or if there are more
    /// than 64 axes or too many elements to be counted.
    pub fn new(slice: &'a [T], shape: &[usize], strides: &[isize], first: usize) -> Result<Self, Error> {
        let refused =
            |reason| Error::Layout { shape: shape.to_vec(), strides: strides.to_vec(), first, reason };
        if shape.len() != strides.len() {
            return Err(refused("there is a stride for each axis"));
        }
        let len = counted::<T>(shape).ok_or_else(|| refused("no array has so many axes or elements"))?;
        if len > 0 {
            let inside = reach(shape, strides).is_some_and(|(before, behind)| {
                before <= first && first.checked_add(behind).is_some_and(|last| last < slice.len())
            });
            if !inside {
                return Err(refused("some elements are outside of the slice"));
            }
        }
        let start = if len == 0 { slice } else { &slice[first..] };
        // SAFETY: the slice holds every element, for as long as it is borrowed, and they were counted.
        Ok(unsafe { Self::from_raw_parts(start.as_ptr(), shape, strides) })
    }

    /// A view of elements that come as a pointer to the first one.
    ///
    /// # Safety
    /// There must be a stride for each axis and at most 64 axes, and the lengths that are not 0 must multiply to no more than
    /// `isize::MAX` bytes. If there are elements, the pointer must be aligned, and for the lifetime `'a` every element, at
    /// `pointer` + Σ index × stride, must be in one allocation, initialised, and not written.
    #[must_use]
    pub unsafe fn from_raw_parts(pointer: *const T, shape: &[usize], strides: &[isize]) -> Self {
        debug_assert!(shape.len() == strides.len() && counted::<T>(shape).is_some(), "no array");
        let len = shape.iter().product();
        let axes = shape.iter().zip(strides).map(|(&len, &stride)| Step { len, stride }).collect();
        let start = if len == 0 {
            NonNull::dangling()
        } else {
            debug_assert!(pointer.is_aligned() && !pointer.is_null(), "an array of misplaced elements");
            // SAFETY: there is an element at `pointer`, so it is not null.
            unsafe { NonNull::new_unchecked(pointer.cast_mut()) }
        };
        Self { start, axes, len, elements: PhantomData }
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.len).collect()
    }

    /// Of each axis, the elements from one to the next.
    #[must_use]
    pub fn strides(&self) -> Vec<isize> {
        self.axes.iter().map(|axis| axis.stride).collect()
    }

    /// The number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.axes.len()
    }

    /// The number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The length of an axis.
    pub(super) fn axis_len(&self, axis: usize) -> usize {
        self.axes[axis].len
    }

    /// The axes in another order. Those of one element may be left out, and no other.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        let axes: Vec<_> = order.iter().map(|&axis| self.axes[axis]).collect();
        let is_there = |axis: usize| order.iter().filter(|&&one| one == axis).count();
        let all = (0..self.axes.len()).all(|axis| match is_there(axis) {
            0 => self.axes[axis].len == 1,
            count => count == 1,
        });
        assert!(all, "axes {order:?} of {}", self.axes.len());
        Self { axes, ..*self }
    }

    /// Whether an axis and the one that follows can be seen as one.
    pub(super) fn joins(&self, axis: usize) -> bool {
        let (outer, inner) = (self.axes[axis], self.axes[axis + 1]);
        let len = isize::try_from(inner.len).ok();
        len.and_then(|len| inner.stride.checked_mul(len)) == Some(outer.stride)
    }

    /// Sees an axis and the one that follows as one.
    ///
    /// # Panics
    /// If they are not.
    pub(super) fn join(&mut self, axis: usize) {
        assert!(self.joins(axis), "axes that are apart");
        let inner = self.axes.remove(axis + 1);
        // No more elements than there are in all.
        self.axes[axis] = Step { len: self.axes[axis].len * inner.len, stride: inner.stride };
    }

    /// Some of an axis.
    pub(super) fn part(&self, axis: usize, from: usize, len: usize) -> Self {
        let step = self.axes[axis];
        assert!(from < step.len && len <= step.len - from, "{from}, {len} of {} elements", step.len);
        let mut part = self.clone();
        part.axes[axis].len = len;
        part.len = part.axes.iter().map(|of| of.len).product();
        if part.len == 0 {
            part.start = NonNull::dangling();
            return part;
        }
        // SAFETY: there is an element at that index of the axis, in the allocation of the others.
        part.start = unsafe { self.start.offset(step.stride * from.cast_signed()) };
        part
    }

    /// The elements from the first to the one of that number, the last axis being the fastest.
    fn offset(&self, number: usize) -> isize {
        let (mut rest, mut offset) = (number, 0);
        for axis in self.axes.iter().rev() {
            let index = rest % axis.len;
            rest /= axis.len;
            offset += index.cast_signed() * axis.stride;
        }
        offset
    }

    /// Where the element of that number is; there must be one.
    pub(super) fn pointer(&self, number: usize) -> *const T {
        assert!(number < self.len, "more elements than there are");
        // SAFETY: the element exists.
        unsafe { self.start.as_ptr().cast_const().offset(self.offset(number)) }
    }

    /// Copies the elements from number `first` on, the last axis being the fastest.
    ///
    /// # Panics
    /// If there are not so many.
    pub(super) fn gather(&self, first: usize, to: &mut [T]) {
        assert!(first <= self.len && to.len() <= self.len - first, "more elements than there are");
        let inner = self.axes.last().copied().unwrap_or(Step { len: 1, stride: 1 });
        let mut at = first;
        let mut to = to;
        while !to.is_empty() {
            let now = (inner.len - at % inner.len).min(to.len());
            let (part, rest) = to.split_at_mut(now);
            // SAFETY: element `at` exists, as was asserted, and so do those after it up to the end of its axis.
            unsafe {
                let from = self.start.as_ptr().cast_const().offset(self.offset(at));
                if inner.stride == 1 {
                    part.copy_from_slice(core::slice::from_raw_parts(from, now));
                } else {
                    for (index, element) in part.iter_mut().enumerate() {
                        *element = from.offset(index.cast_signed() * inner.stride).read();
                    }
                }
            }
            at += now;
            to = rest;
        }
    }
}

impl<'a, T: Element> ArrayRef<'a, T> {
    /// The elements, the last axis the fastest.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        let mut elements = vec![T::ZERO; self.len];
        self.gather(0, &mut elements);
        elements
    }

    /// Copies the elements, the last axis the fastest, to as many places.
    pub(crate) fn copy_to(&self, to: &mut [T]) {
        assert!(to.len() == self.len, "as many places as elements");
        self.gather(0, to);
    }

    /// Runs of `len` elements that follow one another from number `first` on, at most so many of them, as the rows of a matrix:
    /// as many as lie evenly apart. `None` if the elements of the first are no neighbours.
    ///
    /// # Panics
    /// If there are not so many elements, or if `len` is 0.
    pub(super) fn runs(&self, first: usize, len: usize, most: usize) -> Option<MatrixRef<'a, T>> {
        assert!(len > 0 && first <= self.len && len <= self.len - first, "more elements than there are");
        let inner = self.axes.last().copied().unwrap_or(Step { len: 1, stride: 1 });
        let column = first % inner.len;
        if (len > 1 && inner.stride != 1) || len > inner.len - column {
            return None;
        }
        let (rows, stride) = match self.axes.len().checked_sub(2).map(|at| self.axes[at]) {
            // Whole turns of the last axis: along the one before.
            Some(outer) if len == inner.len => match usize::try_from(outer.stride) {
                Ok(stride) if stride >= len => (outer.len - first / inner.len % outer.len, stride),
                _ => (1, len),
            },
            _ if inner.stride == 1 => ((inner.len - column) / len, len),
            _ => (1, len),
        };
        // SAFETY: the elements from `first` on are neighbours up to the end of the last axis, and the rows that follow are
        // either there too or along the axis before, as far as that goes. Rows do not overlap.
        Some(unsafe {
            let from = self.start.as_ptr().cast_const().offset(self.offset(first));
            MatrixRef::from_raw_parts(from, rows.min(most).max(1), len, stride)
        })
    }
}

impl<'a> From<ArrayRef<'a, bool>> for ArrayRef<'a, u8> {
    /// A truth value is a byte, 0 where it is false.
    fn from(array: ArrayRef<'a, bool>) -> Self {
        let ArrayRef { start, axes, len, .. } = array;
        // Bytes have the size and alignment of truth values, and any is one.
        Self { start: start.cast(), axes, len, elements: PhantomData }
    }
}

impl<'a, T: Element> From<MatrixRef<'a, T>> for ArrayRef<'a, T> {
    fn from(matrix: MatrixRef<'a, T>) -> Self {
        let (rows, columns) = matrix.shape();
        // SAFETY: the elements of the matrix are there, and it has counted them.
        unsafe {
            Self::from_raw_parts(matrix.as_ptr(), &[rows, columns], &[matrix.row_stride().cast_signed(), 1])
        }
    }
}

impl<'a, T: Element> From<&'a Matrix<T>> for ArrayRef<'a, T> {
    fn from(matrix: &'a Matrix<T>) -> Self {
        matrix.view().into()
    }
}

#[cfg(feature = "ndarray")]
impl<'a, T: Element, D: ::ndarray::Dimension> From<::ndarray::ArrayView<'a, T, D>> for ArrayRef<'a, T> {
    /// # Panics
    /// If it has more than 64 axes.
    fn from(array: ::ndarray::ArrayView<'a, T, D>) -> Self {
        assert!(array.ndim() <= MOST_AXES, "an array of {} axes", array.ndim());
        // SAFETY: the array's elements are where its strides say, and can be read during 'a; it has counted them.
        unsafe { Self::from_raw_parts(array.as_ptr(), array.shape(), array.strides()) }
    }
}

impl<T: Copy> fmt::Debug for ArrayRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let element = core::any::type_name::<T>();
        write!(f, "ArrayRef<{element}> {:?} apart {:?}", self.shape(), self.strides())
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "elements are compared as they are")]
mod tests {
    use super::ArrayRef;

    #[test]
    fn elements_are_where_the_strides_say() {
        let storage: Vec<f64> = (0..24).map(f64::from).collect();
        let array = ArrayRef::new(&storage, &[2, 3, 2], &[12, -4, 1], 8).unwrap();
        assert_eq!(array.to_vec(), [8.0, 9.0, 4.0, 5.0, 0.0, 1.0, 20.0, 21.0, 16.0, 17.0, 12.0, 13.0]);
        let mut part = [0.0; 4];
        array.gather(3, &mut part);
        assert_eq!(part, [5.0, 0.0, 1.0, 20.0]);
        assert_eq!(array.permuted(&[1, 2, 0]).to_vec()[..4], [8.0, 20.0, 9.0, 21.0]);
        assert_eq!(array.part(1, 1, 1).to_vec(), [4.0, 5.0, 16.0, 17.0]);
    }

    #[test]
    fn what_is_outside_is_refused() {
        let storage = [0.0_f32; 6];
        for (shape, strides, first) in [
            (&[3, 2][..], &[2, 1][..], 1),
            (&[3], &[-1], 1),
            (&[7], &[1], 0),
            (&[2], &[isize::MAX], 0),
            (&[2, 3], &[1], 0),
            (&[usize::MAX, 2], &[0, 0], 0),
        ] {
            assert!(ArrayRef::new(&storage, shape, strides, first).is_err(), "{shape:?} {strides:?}");
        }
        assert!(ArrayRef::new(&storage, &[5, 2], &[1, 1], 0).is_ok());
        assert!(ArrayRef::new(&storage, &[1 << 40], &[0], 5).is_ok());
        assert!(ArrayRef::new(&storage, &[0, 9], &[100, 100], 77).is_ok());
    }

    #[test]
    fn runs_are_rows_where_they_lie_evenly() {
        let storage: Vec<f32> = (0..40_u8).map(f32::from).collect();
        let cropped = ArrayRef::new(&storage, &[4, 5], &[10, 1], 0).unwrap();
        let rows = cropped.runs(5, 5, 9).unwrap();
        assert_eq!((rows.shape(), rows.row_stride(), rows.row(2)[0]), ((3, 5), 10, 30.0));
        assert!(cropped.runs(3, 5, 9).is_none());
        assert_eq!(cropped.runs(1, 2, 9).unwrap().shape(), (2, 2));
        // Windows overlap, so that they are no rows of one matrix.
        let windows = ArrayRef::new(&storage, &[30, 5], &[1, 1], 0).unwrap();
        assert_eq!(windows.runs(5, 5, 9).unwrap().shape(), (1, 5));
        let mut whole = ArrayRef::new(&storage, &[4, 10], &[10, 1], 0).unwrap();
        whole.join(0);
        assert_eq!(whole.runs(8, 8, 9).unwrap().shape(), (4, 8));
        assert!(!windows.joins(0));
    }
}
