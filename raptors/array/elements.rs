//! What a reduction takes in: an array as it lies, one whose elements become wider on the way, or what is computed from arrays.

use super::ArrayRef;
use crate::{
    Element, MatrixMut, MatrixRef,
    catalogue::Value,
    runtime::{scratch, staged::Fill},
};

/// Elements that are computed at once: with what they are computed from, they stay in the first cache.
const TERMS: usize = 1 << 10;

/// The elements that a reduction takes in: those of an array, of its dtype or, of an array of `f32`, as `f64`.
#[derive(Clone, Debug)]
pub struct Elements<'a, T: Element>(Of<'a, T>);

#[derive(Clone, Debug)]
enum Of<'a, T: Element> {
    Own(ArrayRef<'a, T>),
    Narrow(ArrayRef<'a, f32>),
    Terms(Terms<'a, T>),
}

/// What a map computes, element by element.
#[derive(Clone, Debug)]
pub(crate) struct Terms<'a, T: Element> {
    /// The map.
    pub(crate) fill: Fill<T>,
    /// Its arguments.
    pub(crate) operands: Vec<Operand<'a, T>>,
}

/// An argument of the map.
#[derive(Clone, Debug)]
pub(crate) enum Operand<'a, T: Element> {
    /// Elements in the place of a matrix.
    Matrix(Elements<'a, T>),
    /// One for each column: of the matrices, any number of columns are computed as one row.
    Row(ArrayRef<'a, T>),
    Scalar(T),
}

impl<'a, T: Element> From<ArrayRef<'a, T>> for Elements<'a, T> {
    fn from(array: ArrayRef<'a, T>) -> Self {
        Self(Of::Own(array))
    }
}

impl<'a> From<ArrayRef<'a, f32>> for Elements<'a, f64> {
    fn from(array: ArrayRef<'a, f32>) -> Self {
        Self(Of::Narrow(array))
    }
}

impl<'a, T: Element> From<Terms<'a, T>> for Elements<'a, T> {
    fn from(terms: Terms<'a, T>) -> Self {
        Self(Of::Terms(terms))
    }
}

/// The same question to whatever elements there are; of computed ones, to the first array of the arguments.
macro_rules! of_any {
    ($self:expr, $array:ident => $answer:expr) => {
        match &$self.0 {
            Of::Own($array) => $answer,
            Of::Narrow($array) => $answer,
            Of::Terms(terms) => {
                let $array = terms.matrix();
                $answer
            }
        }
    };
}

impl<'a, T: Element> Elements<'a, T> {
    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        of_any!(self, array => array.shape())
    }

    /// Of each axis, the elements from one to the next.
    #[must_use]
    pub fn strides(&self) -> Vec<isize> {
        of_any!(self, array => array.strides())
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        of_any!(self, array => array.len())
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether they are those of an array of another dtype.
    #[must_use]
    pub const fn become_wider(&self) -> bool {
        matches!(self.0, Of::Narrow(_))
    }

    /// The length of an axis.
    pub(super) fn axis_len(&self, axis: usize) -> usize {
        of_any!(self, array => array.axis_len(axis))
    }

    /// The axes in another order. Those of one element may be left out, and no other.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        self.mapped(&|array| array.permuted(order), &|array| array.permuted(order))
    }

    /// Some of an axis.
    pub(super) fn part(&self, axis: usize, from: usize, len: usize) -> Self {
        self.mapped(&|array| array.part(axis, from, len), &|array| array.part(axis, from, len))
    }

    /// Whether an axis and the one that follows can be seen as one.
    pub(super) fn joins(&self, axis: usize) -> bool {
        match &self.0 {
            Of::Own(array) => array.joins(axis),
            Of::Narrow(array) => array.joins(axis),
            Of::Terms(terms) => terms.operands.iter().all(|operand| match operand {
                Operand::Matrix(elements) => elements.joins(axis),
                Operand::Row(array) => array.joins(axis),
                Operand::Scalar(_) => true,
            }),
        }
    }

    /// Sees an axis and the one that follows as one.
    ///
    /// # Panics
    /// If they are not.
    pub(super) fn join(&mut self, axis: usize) {
        match &mut self.0 {
            Of::Own(array) => array.join(axis),
            Of::Narrow(array) => array.join(axis),
            Of::Terms(terms) => terms.operands.iter_mut().for_each(|operand| match operand {
                Operand::Matrix(elements) => elements.join(axis),
                Operand::Row(array) => array.join(axis),
                Operand::Scalar(_) => {}
            }),
        }
    }

    fn mapped(
        &self,
        own: &impl Fn(&ArrayRef<'a, T>) -> ArrayRef<'a, T>,
        narrow: &impl Fn(&ArrayRef<'a, f32>) -> ArrayRef<'a, f32>,
    ) -> Self {
        Self(match &self.0 {
            Of::Own(array) => Of::Own(own(array)),
            Of::Narrow(array) => Of::Narrow(narrow(array)),
            Of::Terms(terms) => {
                let of = |operand: &Operand<'a, T>| match operand {
                    Operand::Matrix(elements) => Operand::Matrix(elements.mapped(own, narrow)),
                    Operand::Row(array) => Operand::Row(own(array)),
                    Operand::Scalar(value) => Operand::Scalar(*value),
                };
                Of::Terms(Terms { fill: terms.fill, operands: terms.operands.iter().map(of).collect() })
            }
        })
    }

    /// Copies or computes the elements from number `first` on, the last axis being the fastest.
    ///
    /// # Panics
    /// If there are not so many.
    pub(super) fn gather(&self, first: usize, to: &mut [T]) {
        match &self.0 {
            Of::Own(array) => array.gather(first, to),
            Of::Narrow(array) => {
                let mut block = [0.0_f32; TERMS];
                for (at, to) in to.chunks_mut(TERMS).enumerate() {
                    let block = &mut block[..to.len()];
                    array.gather(first + at * TERMS, block);
                    for (to, from) in to.iter_mut().zip(&*block) {
                        *to = T::from_f64(f64::from(*from));
                    }
                }
            }
            Of::Terms(terms) => {
                scratch::with(TERMS.min(to.len()) * terms.operands.len(), |memory: &mut [T]| {
                    for (at, to) in to.chunks_mut(TERMS).enumerate() {
                        terms.compute(first + at * TERMS, memory, to);
                    }
                });
            }
        }
    }

    /// Runs of `len` elements that follow one another in memory from number `first` on, at most so many of them, as the rows of
    /// a matrix; `None` where there is no such run, as of elements that are computed or become wider.
    pub(super) fn runs(&self, first: usize, len: usize, most: usize) -> Option<MatrixRef<'a, T>> {
        match &self.0 {
            Of::Own(array) => array.runs(first, len, most),
            Of::Narrow(_) | Of::Terms(_) => None,
        }
    }
}

impl<'a, T: Element> Terms<'a, T> {
    /// The first argument in the place of a matrix: all arrays have its shape.
    fn matrix(&self) -> &Elements<'a, T> {
        let mut matrices = self.operands.iter().filter_map(|operand| match operand {
            Operand::Matrix(elements) => Some(elements),
            Operand::Row(_) | Operand::Scalar(_) => None,
        });
        matrices.next().expect("a map of matrices has one")
    }

    /// Computes the elements from number `first` on, with memory for as many of each argument.
    fn compute(&self, first: usize, memory: &mut [T], to: &mut [T]) {
        let len = to.len();
        let mut memory = memory.chunks_mut(TERMS.min(memory.len() / self.operands.len()));
        let values: Vec<Value<'_, T>> = (self.operands.iter())
            .map(|operand| {
                let block = &mut memory.next().expect("memory for each argument")[..len];
                match operand {
                    Operand::Scalar(value) => Value::Scalar(*value),
                    Operand::Matrix(elements) => {
                        elements.gather(first, block);
                        Value::Matrix(MatrixRef::from_row(block))
                    }
                    Operand::Row(array) => {
                        array.gather(first, block);
                        Value::Slice(block)
                    }
                }
            })
            .collect();
        let out = MatrixMut::new(to, 1, len).expect("a row has as many elements as columns");
        (self.fill)(&values, out).expect("arguments of one length, and a kernel that every machine has");
    }
}
