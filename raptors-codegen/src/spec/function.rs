//! The functions of expressions: what they take, what they give, and what they are made of.

use std::sync::LazyLock;

use super::{
    expr::{Binary, Expr, Unary},
    text,
};

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Value,
    Mask,
}

/// A function.
#[derive(Clone, Copy)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Its arguments, as messages call them.
    pub(super) arguments: &'static [&'static str],
    pub(super) gives: Gives,
    /// Whether the last argument may be followed by any number more.
    more: bool,
    make: Make,
}

/// From its arguments to what it is.
#[derive(Clone, Copy)]
enum Make {
    Unary(Unary),
    Binary(Binary),
    /// Nodes of three operands.
    Three(fn(Box<[Expr; 3]>) -> Expr),
    /// Short for what can be written with other functions.
    Short(fn(&[Expr]) -> Option<Expr>),
}

/// All of them, in the order in which messages list them: those that are made of nothing else, then the texts.
pub(super) static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let texts = text::Function::all().map(|function| unary(function.name(), Unary::Function(function)));
    BUILT_IN.into_iter().chain(texts).collect()
});

const BUILT_IN: [Function; 23] = [
    unary("abs", Unary::Abs),
    unary("sqrt", Unary::Sqrt),
    unary("floor", Unary::Floor),
    unary("ceil", Unary::Ceil),
    unary("trunc", Unary::Trunc),
    unary("round", Unary::Round),
    short("sign", &["x"], Gives::Value, sign),
    binary("min", Binary::Min),
    binary("max", Binary::Max),
    short("fmin", &["x", "y"], Gives::Value, |arguments| number_of(Binary::Min, arguments)),
    short("fmax", &["x", "y"], Gives::Value, |arguments| number_of(Binary::Max, arguments)),
    binary("copysign", Binary::Copysign),
    binary("rem", Binary::Rem),
    three("fma", &["x", "y", "z"], Expr::Fma),
    short("clamp", &["x", "lo", "hi"], Gives::Value, clamp),
    three("select", &["mask", "x", "y"], Expr::Select),
    Function { gives: Gives::Mask, ..unary("is_nan", Unary::IsNan) },
    short("is_inf", &["x"], Gives::Mask, |arguments| magnitude(Binary::Eq, arguments)),
    short("is_finite", &["x"], Gives::Mask, |arguments| magnitude(Binary::Lt, arguments)),
    unary("exponent", Unary::Exponent),
    unary("mantissa", Unary::Mantissa),
    unary("pow2", Unary::Pow2),
    Function { more: true, ..short("poly", &["x", "c0", "c1"], Gives::Value, poly) },
];

/// The function of that name.
pub(super) fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

impl Function {
    /// What the argument of that index has to be.
    pub(super) fn takes(&self, index: usize) -> Gives {
        if self.arguments.get(index) == Some(&"mask") { Gives::Mask } else { Gives::Value }
    }

    /// A call as an example, for a fix.
    pub(super) fn example(&self) -> String {
        format!("{}({}{})", self.name, self.arguments.join(", "), if self.more { ", …" } else { "" })
    }

    /// How many arguments it takes, in words; `None` if it takes that many.
    pub(super) fn refuses(&self, count: usize) -> Option<String> {
        let wanted = self.arguments.len();
        let plural = if wanted == 1 { "" } else { "s" };
        let least = if self.more { "at least " } else { "" };
        let is_right = count == wanted || (self.more && count > wanted);
        (!is_right).then(|| format!("{least}{wanted} argument{plural}"))
    }

    /// What it gives of these arguments; `None` if there are more or fewer than it takes.
    pub(super) fn of(&self, arguments: Vec<Expr>) -> Option<Expr> {
        match self.make {
            Make::Unary(op) => {
                let [x] = arguments.try_into().ok()?;
                Some(Expr::Unary(op, Box::new(x)))
            }
            Make::Binary(op) => {
                let [x, y] = arguments.try_into().ok()?;
                Some(Expr::Binary(op, Box::new(x), Box::new(y)))
            }
            Make::Three(node) => Some(node(Box::new(arguments.try_into().ok()?))),
            Make::Short(written) => written(&arguments),
        }
    }
}

const fn unary(name: &'static str, op: Unary) -> Function {
    Function { name, arguments: &["x"], gives: Gives::Value, more: false, make: Make::Unary(op) }
}

const fn binary(name: &'static str, op: Binary) -> Function {
    Function { name, arguments: &["x", "y"], gives: Gives::Value, more: false, make: Make::Binary(op) }
}

const fn three(
    name: &'static str,
    arguments: &'static [&'static str],
    node: fn(Box<[Expr; 3]>) -> Expr,
) -> Function {
    Function { name, arguments, gives: Gives::Value, more: false, make: Make::Three(node) }
}

const fn short(
    name: &'static str,
    arguments: &'static [&'static str],
    gives: Gives,
    written: fn(&[Expr]) -> Option<Expr>,
) -> Function {
    Function { name, arguments, gives, more: false, make: Make::Short(written) }
}

fn two(op: Binary, x: &Expr, y: &Expr) -> Expr {
    Expr::Binary(op, Box::new(x.clone()), Box::new(y.clone()))
}

fn choose(mask: Expr, yes: Expr, no: Expr) -> Expr {
    Expr::Select(Box::new([mask, yes, no]))
}

/// `select(x > 0, 1, select(x < 0, -1, select(x == 0, 0, x)))`: the last x is NaN.
fn sign(arguments: &[Expr]) -> Option<Expr> {
    let [x] = arguments else { return None };
    let (zero, one) = (Expr::Literal(0.0), Expr::Literal(1.0));
    let minus = Expr::Unary(Unary::Neg, Box::new(one.clone()));
    let zero_or_nan = choose(two(Binary::Eq, x, &zero), zero.clone(), x.clone());
    let not_above = choose(two(Binary::Lt, x, &zero), minus, zero_or_nan);
    Some(choose(two(Binary::Gt, x, &zero), one, not_above))
}

/// `select(is_nan(x), y, select(is_nan(y), x, min(x, y)))`.
fn number_of(op: Binary, arguments: &[Expr]) -> Option<Expr> {
    let [x, y] = arguments else { return None };
    let is_nan = |of: &Expr| Expr::Unary(Unary::IsNan, Box::new(of.clone()));
    Some(choose(is_nan(x), y.clone(), choose(is_nan(y), x.clone(), two(op, x, y))))
}

/// `min(max(x, lo), hi)`.
fn clamp(arguments: &[Expr]) -> Option<Expr> {
    let [x, lo, hi] = arguments else { return None };
    Some(two(Binary::Min, &two(Binary::Max, x, lo), hi))
}

/// `c0 + x * (c1 + x * (c2 + …))`, each step rounded once, from the last: Horner's scheme.
fn poly(arguments: &[Expr]) -> Option<Expr> {
    let [x, coefficients @ .., last] = arguments else { return None };
    let step = |sum: Expr, coefficient: &Expr| Expr::Fma(Box::new([sum, x.clone(), coefficient.clone()]));
    (!coefficients.is_empty()).then(|| coefficients.iter().rev().fold(last.clone(), step))
}

/// `abs(x)` compared with infinity.
fn magnitude(op: Binary, arguments: &[Expr]) -> Option<Expr> {
    let [x] = arguments else { return None };
    Some(two(op, &Expr::Unary(Unary::Abs, Box::new(x.clone())), &Expr::Literal(f64::INFINITY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_one_name_and_takes_what_it_says() {
        for (at, function) in FUNCTIONS.iter().enumerate() {
            let name = function.name;
            assert!(FUNCTIONS[..at].iter().all(|other| other.name != name), "{name}");
            for count in 0..5 {
                let made = function.of(vec![Expr::Input(0); count]);
                assert_eq!(made.is_some(), function.refuses(count).is_none(), "{name} of {count}");
            }
        }
        assert_eq!(named("select").map(Function::example).as_deref(), Some("select(mask, x, y)"));
        assert!(named("gamma").is_none());
    }

    /// What a function of two arguments gives of numbers.
    fn value(name: &str, x: f64, y: f64) -> f64 {
        let function = named(name).unwrap_or_else(|| panic!("{name}"));
        let arguments = [x, y].map(Expr::Literal)[..function.arguments.len()].to_vec();
        let made = function.of(arguments).unwrap_or_else(|| panic!("{name}"));
        let made = match function.gives {
            Gives::Value => made,
            Gives::Mask => choose(made, Expr::Literal(1.0), Expr::Literal(0.0)),
        };
        made.constant().unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn what_is_short_for_others_does_as_it_says() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (x, sign, is_inf, is_finite) in [
            (2.5, 1.0, 0.0, 1.0),
            (-5e-324, -1.0, 0.0, 1.0),
            (0.0, 0.0, 0.0, 1.0),
            (-0.0, 0.0, 0.0, 1.0),
            (inf, 1.0, 1.0, 0.0),
            (-inf, -1.0, 1.0, 0.0),
            (f64::MAX, 1.0, 0.0, 1.0),
        ] {
            for (name, want) in [("sign", sign), ("is_inf", is_inf), ("is_finite", is_finite)] {
                assert_eq!(value(name, x, 0.0).to_bits(), f64::to_bits(want), "{name}({x})");
            }
        }
        assert!(value("sign", nan, 0.0).is_nan());
        assert_eq!((value("is_inf", nan, 0.0), value("is_finite", nan, 0.0)), (0.0, 0.0));
        for (x, y, least, most) in [
            (1.0, 2.0, 1.0, 2.0),
            (nan, 2.0, 2.0, 2.0),
            (1.0, nan, 1.0, 1.0),
            (0.0, -0.0, -0.0, 0.0),
            (-0.0, 0.0, -0.0, 0.0),
            (nan, -0.0, -0.0, -0.0),
            (-inf, inf, -inf, inf),
        ] {
            for (name, want) in [("fmin", least), ("fmax", most)] {
                assert_eq!(value(name, x, y).to_bits(), f64::to_bits(want), "{name}({x}, {y})");
            }
        }
        assert!(value("fmin", nan, nan).is_nan() && value("fmax", nan, nan).is_nan());
    }
}
