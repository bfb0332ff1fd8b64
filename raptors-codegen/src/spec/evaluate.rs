//! The value of an expression, computed in `f64`.

use super::expr::{Binary, Expr, Unary};

/// What a name stands for; `None` if it has no value.
pub(super) type Leaf<'a> = &'a dyn Fn(&Expr) -> Option<f64>;

impl Expr {
    /// The value of an expression without names, computed in `f64`; `None` if it has names or is a mask.
    #[must_use]
    pub fn constant(&self) -> Option<f64> {
        self.value(&|_| None)
    }

    /// The value of an expression whose names have these values; `None` if one has none, or if it is a mask.
    pub(super) fn value(&self, leaf: Leaf<'_>) -> Option<f64> {
        Some(match self {
            Self::Literal(value) => *value,
            Self::Unary(op, x) => match op {
                Unary::Neg => -x.value(leaf)?,
                Unary::Abs => x.value(leaf)?.abs(),
                Unary::Sqrt => x.value(leaf)?.sqrt(),
                Unary::Floor => x.value(leaf)?.floor(),
                Unary::Ceil => x.value(leaf)?.ceil(),
                Unary::Trunc => x.value(leaf)?.trunc(),
                Unary::Round => x.value(leaf)?.round_ties_even(),
                // Nothing is computed while specs are read that kernels compute by a text.
                Unary::IsNan
                | Unary::Not
                | Unary::Exponent
                | Unary::Mantissa
                | Unary::Pow2
                | Unary::Function(_) => return None,
            },
            Self::Binary(op, x, y) => {
                let (x, y) = (x.value(leaf)?, y.value(leaf)?);
                match op {
                    Binary::Add => x + y,
                    Binary::Sub => x - y,
                    Binary::Mul => x * y,
                    Binary::Div => x / y,
                    Binary::Min | Binary::Max if x.is_nan() || y.is_nan() => f64::NAN,
                    // `total_cmp` has −0 below +0.
                    Binary::Min => std::cmp::min_by(x, y, f64::total_cmp),
                    Binary::Max => std::cmp::max_by(x, y, f64::total_cmp),
                    Binary::Copysign if y.is_nan() => x.abs(),
                    Binary::Copysign => x.copysign(y),
                    Binary::Rem => x % y,
                    _ => return None,
                }
            }
            Self::Fma(operands) => {
                let [x, y, z] = &**operands;
                x.value(leaf)?.mul_add(y.value(leaf)?, z.value(leaf)?)
            }
            Self::Select(operands) => {
                let [mask, x, y] = &**operands;
                if mask.mask(leaf)? { x.value(leaf)? } else { y.value(leaf)? }
            }
            Self::Input(_) | Self::State(_) | Self::Side { .. } | Self::Count => return leaf(self),
        })
    }

    /// The value of a mask.
    #[allow(clippy::float_cmp, reason = "a spec that says == means it")]
    fn mask(&self, leaf: Leaf<'_>) -> Option<bool> {
        Some(match self {
            Self::Unary(Unary::Not, mask) => !mask.mask(leaf)?,
            Self::Unary(Unary::IsNan, x) => x.value(leaf)?.is_nan(),
            Self::Binary(Binary::And, m, n) => m.mask(leaf)? && n.mask(leaf)?,
            Self::Binary(Binary::Or, m, n) => m.mask(leaf)? || n.mask(leaf)?,
            Self::Binary(op, x, y) => {
                let (x, y) = (x.value(leaf)?, y.value(leaf)?);
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
        for (op, whole) in
            [(Unary::Floor, -3.0), (Unary::Ceil, -2.0), (Unary::Trunc, -2.0), (Unary::Round, -2.0)]
        {
            assert_eq!(Expr::Unary(op, n(-2.5)).constant(), Some(whole), "{op:?}");
        }
        assert_eq!(binary(Binary::Rem, -7.5, 2.0).constant(), Some(-1.5));
        for (sign, value) in [(-0.0, -3.0), (2.0, 3.0), (-f64::NAN, 3.0)] {
            assert_eq!(binary(Binary::Copysign, -3.0, sign).constant(), Some(value), "{sign}");
        }
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
        let root = Expr::Unary(Unary::Sqrt, Box::new(Expr::Count));
        assert_eq!(root.constant(), None, "a name");
        assert_eq!(root.value(&|leaf| (*leaf == Expr::Count).then_some(9.0)), Some(3.0));
    }
}
