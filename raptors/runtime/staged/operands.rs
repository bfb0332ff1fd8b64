//! The arguments of a call, and parts of them.

use super::{Fold, MOST, Terms};
use crate::{
    Element, Error, MatrixMut, MatrixRef,
    catalogue::{Axis, Input, InputKind, Value},
};

/// Arguments, or a part of them, and their extent. After those of the operation come the values of stages, of which there
/// is one for each result.
#[derive(Clone)]
pub(super) struct Operands<'a, T: Element> {
    values: Vec<(Value<'a, T>, Form)>,
    shape: (usize, usize),
}

/// Along what a slice runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It is no slice.
    Other,
    /// An element a column.
    Row,
    /// An element a row.
    Column,
}

impl<'a, T: Element> Operands<'a, T> {
    /// The arguments of a call on matrices of that shape.
    pub(super) fn new(values: &[Value<'a, T>], inputs: &[Input], shape: (usize, usize)) -> Self {
        let form = |input: &Input| match input.kind {
            InputKind::Row => Form::Row,
            InputKind::Column => Form::Column,
            InputKind::Matrix | InputKind::Scalar => Form::Other,
        };
        Self { values: values.iter().copied().zip(inputs.iter().map(form)).collect(), shape }
    }

    pub(super) const fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// The matrices.
    pub(super) fn matrices(&self) -> impl Iterator<Item = MatrixRef<'a, T>> + use<'_, 'a, T> {
        self.values.iter().filter_map(|(value, _)| if let Value::Matrix(x) = value { Some(*x) } else { None })
    }

    /// These with the values of stages behind them, of each one for each result.
    pub(super) fn with<'s>(&self, stages: &'s [Vec<T>], axis: Axis) -> Operands<'s, T>
    where
        'a: 's,
    {
        let mut values = Vec::with_capacity(self.values.len() + stages.len());
        values.extend(self.values.iter().copied());
        values.extend(stages.iter().map(|stage| match axis {
            Axis::All => (Value::Scalar(stage[0]), Form::Other),
            Axis::Zero => (Value::Slice(&stage[..]), Form::Row),
            Axis::One => (Value::Slice(&stage[..]), Form::Column),
        }));
        Operands { values, shape: self.shape }
    }

    fn each(&self, shape: (usize, usize), part: impl Fn(Value<'a, T>, Form) -> Value<'a, T>) -> Self {
        Self { values: self.values.iter().map(|&(value, form)| (part(value, form), form)).collect(), shape }
    }

    /// Some rows.
    pub(super) fn rows(&self, start: usize, len: usize) -> Self {
        self.each((len, self.shape.1), |value, form| match (value, form) {
            (Value::Matrix(x), _) => Value::Matrix(x.split_rows(start).1.split_rows(len).0),
            (Value::Slice(slice), Form::Column) => Value::Slice(&slice[start..][..len]),
            _ => value,
        })
    }

    /// Some columns.
    pub(super) fn columns(&self, start: usize, len: usize) -> Self {
        self.each((self.shape.0, len), |value, form| match (value, form) {
            (Value::Matrix(x), _) => Value::Matrix(x.columns(start..start + len)),
            (Value::Slice(slice), Form::Row) => Value::Slice(&slice[start..][..len]),
            _ => value,
        })
    }

    /// The same as one row, where that can be: matrices whose rows are one after another, and no rows and columns.
    pub(super) fn flattened(self) -> Self {
        let (rows, cols) = self.shape;
        let is_flat = self.matrices().all(|x| x.is_contiguous())
            && self.values.iter().all(|(_, form)| *form == Form::Other);
        if rows == 1 || !is_flat {
            return self;
        }
        self.each((1, rows * cols), |value, _| match value {
            Value::Matrix(x) => Value::Matrix(x.flattened()),
            value => value,
        })
    }

    /// Computes the terms of a stage into memory, row after row.
    pub(super) fn fill(&self, of: &Fold<T>, memory: &mut [T]) -> Result<(), Error> {
        let (rows, cols) = self.shape;
        let memory = &mut memory[..rows * cols];
        match &of.terms {
            Terms::Matrix(at) => {
                let x = self.matrix(*at);
                for (to, from) in memory.chunks_exact_mut(cols.max(1)).zip(x.rows()) {
                    to.copy_from_slice(from);
                }
                Ok(())
            }
            Terms::Map { operands, fill } => {
                let mut values = [Value::Scalar(T::ZERO); MOST];
                for (to, &at) in values.iter_mut().zip(*operands) {
                    *to = self.values[at].0;
                }
                fill(&values[..operands.len()], MatrixMut::new(memory, rows, cols)?)
            }
        }
    }

    fn matrix(&self, at: usize) -> MatrixRef<'a, T> {
        let Value::Matrix(x) = self.values[at].0 else { unreachable!("arguments were checked") };
        x
    }

    /// The terms of a stage, in memory if they have to be computed.
    pub(super) fn terms<'m>(&self, of: &Fold<T>, memory: &'m mut [T]) -> Result<MatrixRef<'m, T>, Error>
    where
        'a: 'm,
    {
        if let Terms::Matrix(at) = of.terms {
            return Ok(self.matrix(at));
        }
        let (rows, cols) = self.shape;
        let memory = &mut memory[..rows * cols];
        self.fill(of, memory)?;
        MatrixRef::new(memory, rows, cols)
    }

    /// The terms of a stretch of elements, row after row: in memory if they have to be computed, or rows are apart.
    pub(super) fn stretch<'m>(
        &self,
        of: &Fold<T>,
        (start, len): (usize, usize),
        memory: &'m mut [T],
    ) -> Result<&'m [T], Error>
    where
        'a: 'm,
    {
        if let Terms::Matrix(at) = of.terms
            && let Some(all) = self.matrix(at).as_slice()
        {
            return Ok(&all[start..][..len]);
        }
        self.stretch_into(of, start, &mut memory[..len])?;
        Ok(&memory[..len])
    }

    /// Computes the terms of as many elements as there is memory, from one on, row after row.
    pub(super) fn stretch_into(&self, of: &Fold<T>, start: usize, memory: &mut [T]) -> Result<(), Error> {
        let (rows, cols) = self.shape;
        if rows == 1 {
            return self.columns(start, memory.len()).fill(of, memory);
        }
        // What is left of a row, whole rows, and the beginning of one.
        let mut at = start;
        let mut rest = memory;
        while !rest.is_empty() {
            let (row, col) = (at / cols, at % cols);
            let part = if col == 0 && rest.len() >= cols {
                self.rows(row, rest.len() / cols)
            } else {
                self.rows(row, 1).columns(col, (cols - col).min(rest.len()))
            };
            let (to, after) = rest.split_at_mut(part.shape.0 * part.shape.1);
            part.fill(of, to)?;
            at += to.len();
            rest = after;
        }
        Ok(())
    }
}
