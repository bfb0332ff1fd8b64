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
    /// A number. As written it is finite; infinite only as the `init` that `combine = "min"` and `"max"` stand for.
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

impl Expr {
    /// The value of an expression without names, computed in `f64`; `None` if it has names or is a mask.
    #[must_use]
    pub fn constant(&self) -> Option<f64> {
        Some(match self {
            Self::Literal(value) => *value,
            Self::Unary(op, x) => match op {
                Unary::Neg => -x.constant()?,
                Unary::Abs => x.constant()?.abs(),
                Unary::Sqrt => x.constant()?.sqrt(),
                Unary::IsNan | Unary::Not => return None,
            },
            Self::Binary(op, x, y) => {
                let (x, y) = (x.constant()?, y.constant()?);
                match op {
                    Binary::Add => x + y,
                    Binary::Sub => x - y,
                    Binary::Mul => x * y,
                    Binary::Div => x / y,
                    Binary::Min | Binary::Max if x.is_nan() || y.is_nan() => f64::NAN,
                    // `total_cmp` has −0 below +0.
                    Binary::Min => std::cmp::min_by(x, y, f64::total_cmp),
                    Binary::Max => std::cmp::max_by(x, y, f64::total_cmp),
                    _ => return None,
                }
            }
            Self::Fma(operands) => {
                let [x, y, z] = &**operands;
                x.constant()?.mul_add(y.constant()?, z.constant()?)
            }
            Self::Select(operands) => {
                let [mask, x, y] = &**operands;
                if mask.constant_mask()? { x.constant()? } else { y.constant()? }
            }
            Self::Input(_) | Self::State(_) | Self::Side { .. } | Self::Count => return None,
        })
    }

    /// The value of a mask without names.
    #[allow(clippy::float_cmp, reason = "a spec that says == means it")]
    fn constant_mask(&self) -> Option<bool> {
        Some(match self {
            Self::Unary(Unary::Not, mask) => !mask.constant_mask()?,
            Self::Unary(Unary::IsNan, x) => x.constant()?.is_nan(),
            Self::Binary(Binary::And, m, n) => m.constant_mask()? && n.constant_mask()?,
            Self::Binary(Binary::Or, m, n) => m.constant_mask()? || n.constant_mask()?,
            Self::Binary(op, x, y) => {
                let (x, y) = (x.constant()?, y.constant()?);
                match op {
                    Binary::Lt => x < y,
                    Binary::Le => x <= y,
                    Binary::Gt => x > y,
                    Binary::Ge => x >= y,
                    Binary::Eq => x == y,
                    Binary::Ne => x != y,
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

impl Expr {
    /// The expression as Rust people write it, with the names of inputs and of the state's fields.
    #[must_use]
    pub fn text(&self, inputs: &[&str], state: &[&str]) -> String {
        self.text_in(0, &|leaf| match leaf {
            Self::Input(index) => inputs[*index].to_owned(),
            Self::State(index) => state[*index].to_owned(),
            Self::Side { second, index } => format!("{}.{}", if *second { "b" } else { "a" }, state[*index]),
            Self::Count => "count".to_owned(),
            Self::Literal(value) => value.to_string(),
            _ => String::new(),
        })
    }

    /// With parentheses if it binds less tightly than `outer`.
    fn text_in(&self, outer: u8, leaf: &dyn Fn(&Self) -> String) -> String {
        let call = |name: &str, operands: &[&Self]| {
            let operands: Vec<_> = operands.iter().map(|operand| operand.text_in(0, leaf)).collect();
            format!("{name}({})", operands.join(", "))
        };
        let (level, text) = match self {
            Self::Unary(Unary::Neg, x) => (6, format!("-{}", x.text_in(6, leaf))),
            Self::Unary(Unary::Not, x) => (6, format!("!{}", x.text_in(6, leaf))),
            Self::Unary(Unary::Abs, x) => (7, call("abs", &[x])),
            Self::Unary(Unary::Sqrt, x) => (7, call("sqrt", &[x])),
            Self::Unary(Unary::IsNan, x) => (7, call("is_nan", &[x])),
            Self::Binary(Binary::Min, x, y) => (7, call("min", &[x, y])),
            Self::Binary(Binary::Max, x, y) => (7, call("max", &[x, y])),
            Self::Binary(op, x, y) => {
                let (level, sign) = match op {
                    Binary::Mul => (5, "*"),
                    Binary::Div => (5, "/"),
                    Binary::Add => (4, "+"),
                    Binary::Sub => (4, "-"),
                    Binary::Lt => (3, "<"),
                    Binary::Le => (3, "<="),
                    Binary::Gt => (3, ">"),
                    Binary::Ge => (3, ">="),
                    Binary::Eq => (3, "=="),
                    Binary::Ne => (3, "!="),
                    Binary::And => (2, "&&"),
                    Binary::Or | Binary::Min | Binary::Max => (1, "||"),
                };
                // Operators bind to the left: the right operand needs parentheses at the same level.
                (level, format!("{} {sign} {}", x.text_in(level, leaf), y.text_in(level + 1, leaf)))
            }
            Self::Fma(operands) => (7, call("fma", &operands.each_ref()[..])),
            Self::Select(operands) => (7, call("select", &operands.each_ref()[..])),
            other => (7, leaf(other)),
        };
        if level < outer { format!("({text})") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_computed() {
        let n = |value| Box::new(Expr::Literal(value));
        let binary = |op, x, y| Expr::Binary(op, n(x), n(y));
        assert_eq!(binary(Binary::Div, 1.0, 0.0).constant(), Some(f64::INFINITY));
        assert_eq!(binary(Binary::Min, 0.0, -0.0).constant().map(f64::to_bits), Some((-0.0f64).to_bits()));
        assert!(binary(Binary::Max, f64::NAN, 1.0).constant().is_some_and(f64::is_nan));
        assert_eq!(binary(Binary::Lt, 1.0, 2.0).constant(), None, "a mask");
        let masks = Expr::Binary(
            Binary::And,
            Box::new(binary(Binary::Lt, 1.0, 2.0)),
            Box::new(Expr::Unary(Unary::Not, Box::new(Expr::Unary(Unary::IsNan, n(1.0))))),
        );
        assert_eq!(
            Expr::Select(Box::new([masks, Expr::Literal(3.0), Expr::Literal(4.0)])).constant(),
            Some(3.0)
        );
        assert_eq!(Expr::Unary(Unary::Sqrt, Box::new(Expr::Count)).constant(), None, "a name");
    }
}
