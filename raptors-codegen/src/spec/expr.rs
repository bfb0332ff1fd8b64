//! Expressions as a spec states them: names resolved, types checked, nothing simplified.

/// An expression. Every value has the operation's dtype, except the masks that comparisons, `&&`, `||`, `!` and
/// `is_nan` give and `select` takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// The input of that index.
    Input(usize),
    /// The state's field of that index, in `step` and `finish`.
    State(usize),
    /// In `merge`: field `index` of `a` (`second` false) or of `b` (true).
    Side {
        /// Whether it is `b`'s.
        second: bool,
        /// Index of the field.
        index: usize,
    },
    /// The number of elements reduced, in `finish`.
    Count,
    /// A finite number; a literal `inf` does not exist.
    Literal(f64),
    /// One operand.
    Unary(Unary, Box<Expr>),
    /// Two operands.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `fma(x, y, z)`: x × y + z, rounded once.
    Fma(Box<[Expr; 3]>),
    /// `select(mask, x, y)`: x where the mask holds, else y.
    Select(Box<[Expr; 3]>),
}

/// An operator or function of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `-x`, flips the sign.
    Neg,
    /// `abs(x)`, clears the sign.
    Abs,
    /// `sqrt(x)`.
    Sqrt,
    /// `is_nan(x)`: a mask.
    IsNan,
    /// `!mask`.
    Not,
}

/// An operator or function of two operands. `clamp(x, lo, hi)` is `min(max(x, lo), hi)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `x + y`.
    Add,
    /// `x - y`.
    Sub,
    /// `x * y`.
    Mul,
    /// `x / y`.
    Div,
    /// `min(x, y)`: NaN if either is, −0 below +0.
    Min,
    /// `max(x, y)`: NaN if either is, −0 below +0.
    Max,
    /// `x < y`: a mask.
    Lt,
    /// `x <= y`: a mask.
    Le,
    /// `x > y`: a mask.
    Gt,
    /// `x >= y`: a mask.
    Ge,
    /// `x == y`: a mask.
    Eq,
    /// `x != y`: a mask.
    Ne,
    /// `m && n` of masks.
    And,
    /// `m || n` of masks.
    Or,
}
