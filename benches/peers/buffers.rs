//! The memory that all contenders of a case share.

use raptors::{Element, Matrix, catalogue};

use crate::contenders::{Op, Output};

/// Inputs and outputs of one case. A result of one row, one column or one element stands in `sums`.
pub(crate) struct Buffers<T: Element> {
    pub(crate) x: Matrix<T>,
    pub(crate) y: Matrix<T>,
    /// Matrices beyond two.
    pub(crate) more: Vec<Matrix<T>>,
    pub(crate) row: Vec<T>,
    pub(crate) column: Vec<T>,
    pub(crate) factor: T,
    pub(crate) out: Matrix<T>,
    pub(crate) sums: Vec<T>,
    /// What a loop that only reads has to show for it.
    pub(crate) word: u64,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) output: Output,
    /// The operation, for a contender that does whichever it is.
    pub(crate) entry: &'static catalogue::Op,
}

/// Buffers, or some of their rows, as slices: for peers that know nothing of the library's matrices.
pub(crate) struct Parts<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) y: &'a [T],
    pub(crate) row: &'a [T],
    pub(crate) factor: T,
    pub(crate) out: &'a mut [T],
    pub(crate) sums: &'a mut [T],
    pub(crate) word: &'a mut u64,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl<T: Element> Buffers<T> {
    /// What `op` needs for matrices of that shape. Inputs are from −1 to 1.
    pub(crate) fn new(op: &Op, rows: usize, cols: usize) -> Result<Self, raptors::Error> {
        let mut random = XorShift::new();
        let mut values = |count: usize| (0..count).map(|_| T::from_f64(random.unit())).collect::<Vec<T>>();
        let mut matrix = || Matrix::from_vec(rows, cols, values(rows * cols));
        Ok(Self {
            x: matrix()?,
            y: if op.reads > 1 { matrix()? } else { Matrix::zeros(rows, cols)? },
            more: (2..op.reads).map(|_| matrix()).collect::<Result<_, _>>()?,
            row: values(cols),
            column: values(rows),
            factor: values(1)[0],
            out: Matrix::zeros(rows, cols)?,
            sums: vec![T::ZERO; op.sums(rows, cols)],
            word: 0,
            rows,
            cols,
            output: op.output,
            entry: op.entry,
        })
    }

    pub(crate) fn parts(&mut self) -> Parts<'_, T> {
        Parts {
            x: self.x.as_slice(),
            y: self.y.as_slice(),
            row: &self.row,
            factor: self.factor,
            out: self.out.as_mut_slice(),
            sums: &mut self.sums,
            word: &mut self.word,
            rows: self.rows,
            cols: self.cols,
        }
    }

    /// The result of the last run.
    pub(crate) fn result(&self) -> &[T] {
        if self.output == Output::Matrix { self.out.as_slice() } else { &self.sums }
    }

    /// Overwrites both outputs with NaN, so that a result left from another contender is no result.
    pub(crate) fn spoil(&mut self) {
        self.out.as_mut_slice().fill(T::from_f64(f64::NAN));
        self.sums.fill(T::from_f64(f64::NAN));
    }
}

/// Marsaglia's xorshift: enough for an order of contenders and for data without structure.
pub(crate) struct XorShift(u64);

impl XorShift {
    pub(crate) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From −1 to 1, in steps of 2⁻³¹.
    fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).expect("32 bits");
        f64::from(high) / f64::from(1_u32 << 31) - 1.0
    }

    pub(crate) fn shuffle<I>(&mut self, items: &mut [I]) {
        for end in (1..items.len()).rev() {
            let other = self.next() % (end as u64 + 1);
            items.swap(end, usize::try_from(other).expect("below a length"));
        }
    }
}
