//! The arguments of a call, and what stages compute from a part of them.

use super::{Fold, MOST, Terms};
use crate::{
    Element, Error, MatrixMut, MatrixRef,
    catalogue::{Axis, Input, InputKind, Value},
};

/// Some rows and columns of a call's matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) col: usize,
    pub(super) cols: usize,
}

impl Block {
    /// All of a matrix.
    pub(super) const fn all((rows, cols): (usize, usize)) -> Self {
        Self { row: 0, rows, col: 0, cols }
    }

    /// Some of its rows.
    pub(super) const fn rows(self, start: usize, rows: usize) -> Self {
        Self { row: self.row + start, rows, ..self }
    }

    /// Some of its columns.
    pub(super) const fn columns(self, start: usize, cols: usize) -> Self {
        Self { col: self.col + start, cols, ..self }
    }

    pub(super) const fn len(self) -> usize {
        self.rows * self.cols
    }
}

/// The values of stages, one for each of some results.
pub(super) struct Values<T> {
    /// By stage.
    pub(super) of: Vec<Vec<T>>,
    /// The first of the results.
    pub(super) first: usize,
}

impl<T: Element> Values<T> {
    pub(super) fn new(stages: usize, first: usize, len: usize) -> Self {
        Self { of: vec![vec![T::ZERO; len]; stages], first }
    }

    /// Takes over what was found.
    pub(super) fn set(&mut self, found: &[Vec<f64>]) {
        for (to, from) in self.of.iter_mut().zip(found) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = T::from_f64(*from));
        }
    }
}

/// The arguments of a call. In a stage's list of operands, the values of stages come after them.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a, T: Element> {
    pub(super) values: &'a [Value<'a, T>],
    pub(super) inputs: &'static [Input],
    pub(super) axis: Axis,
}

impl<'a, T: Element> Operands<'a, T> {
    /// The matrices.
    pub(super) fn matrices(self) -> impl Iterator<Item = MatrixRef<'a, T>> {
        self.values.iter().filter_map(|value| if let Value::Matrix(x) = value { Some(*x) } else { None })
    }

    /// The arguments as one row, where that can be: matrices whose rows are one after another, no rows and no columns.
    pub(super) fn flattened(self) -> Option<Vec<Value<'a, T>>> {
        let flat = |value: &Value<'a, T>| match value {
            Value::Matrix(x) if x.is_contiguous() => Some(Value::Matrix(x.flattened())),
            Value::Scalar(_) => Some(*value),
            Value::Matrix(_) | Value::Slice(_) | Value::Array(_) => None,
        };
        self.values.iter().map(flat).collect()
    }

    /// A part of an operand.
    fn value<'v>(self, at: usize, block: Block, stages: &'v Values<T>) -> Value<'v, T>
    where
        'a: 'v,
    {
        let Block { row, rows, col, cols } = block;
        let Some(stage) = at.checked_sub(self.values.len()) else {
            return match (self.values[at], self.inputs[at].kind) {
                (Value::Matrix(x), _) => Value::Matrix(part(x, block)),
                (Value::Slice(slice), InputKind::Column) => Value::Slice(&slice[row..][..rows]),
                (Value::Slice(slice), _) => Value::Slice(&slice[col..][..cols]),
                (scalar, _) => scalar,
            };
        };
        let values = &stages.of[stage];
        match self.axis {
            Axis::All => Value::Scalar(values[0]),
            Axis::Zero => Value::Slice(&values[col - stages.first..][..cols]),
            Axis::One => Value::Slice(&values[row - stages.first..][..rows]),
        }
    }

    /// A part of an argument that is a matrix.
    pub(super) fn matrix(self, at: usize, block: Block) -> MatrixRef<'a, T> {
        let Value::Matrix(x) = self.values[at] else { unreachable!("arguments were checked") };
        part(x, block)
    }

    /// Computes the terms of a stage into memory, row after row.
    pub(super) fn fill(
        self,
        of: &Fold<T>,
        block: Block,
        stages: &Values<T>,
        memory: &mut [T],
    ) -> Result<(), Error> {
        let memory = &mut memory[..block.len()];
        match &of.terms {
            Terms::Matrix(at) => {
                for (to, from) in
                    memory.chunks_exact_mut(block.cols.max(1)).zip(self.matrix(*at, block).rows())
                {
                    to.copy_from_slice(from);
                }
                Ok(())
            }
            Terms::Map { operands, fill, .. } => {
                let mut values = [Value::Scalar(T::ZERO); MOST];
                for (to, &at) in values.iter_mut().zip(*operands) {
                    *to = self.value(at, block, stages);
                }
                fill(&values[..operands.len()], MatrixMut::new(memory, block.rows, block.cols)?)
            }
        }
    }

    /// The terms of a stage, in memory if they have to be computed.
    pub(super) fn terms<'m>(
        self,
        of: &Fold<T>,
        block: Block,
        stages: &Values<T>,
        memory: &'m mut [T],
    ) -> Result<MatrixRef<'m, T>, Error>
    where
        'a: 'm,
    {
        if let Terms::Matrix(at) = of.terms {
            return Ok(self.matrix(at, block));
        }
        self.fill(of, block, stages, memory)?;
        MatrixRef::new(&memory[..block.len()], block.rows, block.cols)
    }

    /// The terms of a stretch of a block's elements, row after row: in memory if they have to be computed, or rows are
    /// apart.
    pub(super) fn stretch<'m>(
        self,
        of: &Fold<T>,
        block: Block,
        (start, len): (usize, usize),
        stages: &Values<T>,
        memory: &'m mut [T],
    ) -> Result<&'m [T], Error>
    where
        'a: 'm,
    {
        if let Terms::Matrix(at) = of.terms
            && let Some(all) = self.lies(at, block)
        {
            return Ok(&all[start..][..len]);
        }
        self.stretch_into(of, block, start, stages, &mut memory[..len])?;
        Ok(&memory[..len])
    }

    /// The elements of a block of a matrix, if they are one after another.
    pub(super) fn lies(self, at: usize, block: Block) -> Option<&'a [T]> {
        self.matrix(at, block).as_slice()
    }

    /// Computes the terms of as many elements of a block as there is memory, from one on, row after row.
    pub(super) fn stretch_into(
        self,
        of: &Fold<T>,
        block: Block,
        start: usize,
        stages: &Values<T>,
        memory: &mut [T],
    ) -> Result<(), Error> {
        if block.rows == 1 {
            return self.fill(of, block.columns(start, memory.len()), stages, memory);
        }
        // What is left of a row, whole rows, and the beginning of one.
        let cols = block.cols;
        let (mut at, mut rest) = (start, memory);
        while !rest.is_empty() {
            let (row, col) = (at / cols, at % cols);
            let part = if col == 0 && rest.len() >= cols {
                block.rows(row, rest.len() / cols)
            } else {
                block.rows(row, 1).columns(col, (cols - col).min(rest.len()))
            };
            let (to, after) = rest.split_at_mut(part.len());
            self.fill(of, part, stages, to)?;
            at += to.len();
            rest = after;
        }
        Ok(())
    }
}

fn part<T: Element>(x: MatrixRef<'_, T>, block: Block) -> MatrixRef<'_, T> {
    let Block { row, rows, col, cols } = block;
    let x = if rows == x.nrows() { x } else { x.split_rows(row).1.split_rows(rows).0 };
    if cols == x.ncols() { x } else { x.columns(col..col + cols) }
}
