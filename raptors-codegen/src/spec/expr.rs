//! Expressions as a spec states them: names resolved, types checked, nothing simplified.

use super::text::Function;

/// An expression. Every value has the operation's dtype, except the masks that comparisons, `&&`, `||`, `!` and
/// `is_nan` give and `select` takes. Functions that are short for others (`clamp`, `sign`) stand as those.
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
    /// A number. As written it is finite; infinite only in what `is_inf` and `is_finite` stand for, and as the `init`
    /// that `combine = "min"` and `"max"` do.
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
    /// `floor(x)`: the nearest whole number that is not above.
    Floor,
    /// `ceil(x)`: the nearest whole number that is not below.
    Ceil,
    /// `trunc(x)`: the nearest whole number towards zero.
    Trunc,
    /// `round(x)`: the nearest whole number, of two the even one.
    Round,
    /// `is_nan(x)`: a mask.
    IsNan,
    /// `!mask`.
    Not,
    /// `exponent(x)`: e of a normal number m × 2^e with 1 ≤ m < 2.
    Exponent,
    /// `mantissa(x)`: m of that, without the sign.
    Mantissa,
    /// `pow2(x)`: 2 to the power of a whole number.
    Pow2,
    /// A function that is a text itself, `exp(x)`.
    Function(Function),
}

/// An operator or function of two operands.
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
    /// `copysign(x, y)`: the magnitude of x with the sign of y, that of a NaN being +.
    Copysign,
    /// `rem(x, y)`: what is left of x after whole multiples of y, exactly, with the sign of x.
    Rem,
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

impl Unary {
    /// Its word in the vocabularies of vectors.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sqrt => "sqrt",
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Trunc => "trunc",
            Self::Round => "round",
            Self::IsNan => "is_nan",
            Self::Not => "not",
            Self::Exponent => "exponent",
            Self::Mantissa => "mantissa",
            Self::Pow2 => "pow2",
            Self::Function(function) => function.name(),
        }
    }
}

impl Binary {
    /// Its word in the vocabularies of vectors.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Min => "min",
            Self::Max => "max",
            Self::Copysign => "copysign",
            Self::Rem => "rem",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

impl Expr {
    /// Its operands.
    #[must_use]
    pub fn operands(&self) -> Vec<&Self> {
        match self {
            Self::Unary(_, x) => vec![x],
            Self::Binary(_, x, y) => vec![x, y],
            Self::Fma(operands) | Self::Select(operands) => operands.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Goes through the expression and all that it is made of, operands in their order.
    pub fn each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        self.operands().into_iter().for_each(|operand| operand.each(visit));
    }

    /// As [`Expr::each`], for parts that may be replaced.
    pub fn each_mut(&mut self, visit: &mut impl FnMut(&mut Self)) {
        visit(self);
        match self {
            Self::Unary(_, x) => x.each_mut(visit),
            Self::Binary(_, x, y) => {
                x.each_mut(visit);
                y.each_mut(visit);
            }
            Self::Fma(operands) | Self::Select(operands) => {
                operands.iter_mut().for_each(|operand| operand.each_mut(visit));
            }
            _ => {}
        }
    }

    /// How many parts it has: itself, and those of its operands.
    #[must_use]
    pub fn parts(&self) -> usize {
        let mut parts = 0;
        self.each(&mut |_| parts += 1);
        parts
    }

    /// The expression as Rust people write it, with the names of inputs and of the state's fields.
    #[must_use]
    pub fn text(&self, inputs: &[&str], state: &[&str]) -> String {
        self.text_in(0, &|leaf| match leaf {
            Self::Input(index) => inputs[*index].to_owned(),
            Self::State(index) => state[*index].to_owned(),
            Self::Side { second, index } => format!("{}.{}", if *second { "b" } else { "a" }, state[*index]),
            Self::Count => "count".to_owned(),
            Self::Literal(value) => value.to_string().to_lowercase(),
            _ => String::new(),
        })
    }

    /// Which question about infinities it is, `is_inf` or `is_finite`, and of what. As comparisons they cannot be written.
    pub(crate) fn of_infinity(&self) -> Option<(&'static str, &Self)> {
        let Self::Binary(op, magnitude, other) = self else { return None };
        match (op, &**magnitude, &**other) {
            (Binary::Eq, Self::Unary(Unary::Abs, x), Self::Literal(f64::INFINITY)) => Some(("is_inf", x)),
            (Binary::Lt, Self::Unary(Unary::Abs, x), Self::Literal(f64::INFINITY)) => Some(("is_finite", x)),
            _ => None,
        }
    }

    /// With parentheses if it binds less tightly than `outer`.
    fn text_in(&self, outer: u8, leaf: &dyn Fn(&Self) -> String) -> String {
        let call = |name: &str, operands: &[&Self]| {
            let operands: Vec<_> = operands.iter().map(|operand| operand.text_in(0, leaf)).collect();
            format!("{name}({})", operands.join(", "))
        };
        if let Some((question, x)) = self.of_infinity() {
            return call(question, &[x]);
        }
        let (level, text) = match self {
            Self::Unary(Unary::Neg, x) => (6, format!("-{}", x.text_in(6, leaf))),
            Self::Unary(Unary::Not, x) => (6, format!("!{}", x.text_in(6, leaf))),
            Self::Unary(op, x) => (7, call(op.word(), &[x])),
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
                    Binary::Or => (1, "||"),
                    Binary::Min | Binary::Max | Binary::Copysign | Binary::Rem => (7, ""),
                };
                let text = if sign.is_empty() {
                    call(op.word(), &[x, y])
                } else {
                    // Operators bind to the left: the right operand needs parentheses at the same level.
                    format!("{} {sign} {}", x.text_in(level, leaf), y.text_in(level + 1, leaf))
                };
                (level, text)
            }
            Self::Fma(operands) => (7, call("fma", &operands.each_ref()[..])),
            Self::Select(operands) => (7, call("select", &operands.each_ref()[..])),
            other => (7, leaf(other)),
        };
        if level < outer { format!("({text})") } else { text }
    }
}
