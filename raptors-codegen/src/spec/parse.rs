//! From the text of an expression to [`Expr`]: names resolved, values and masks told apart, every error collected.

mod names;

use std::ops::Range;

use syn::spanned::Spanned;

use super::{
    expr::{Binary, Expr, Unary},
    function::{self, Gives},
    lex::{self, ALLOWED, MOST_PARTS},
    read::{Sink, Text},
    rule::Rule,
};
use crate::{
    Dtype,
    diagnostics::{Diagnostic, shown},
};

/// Which expression of a spec it is; that decides which names it can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `output` and `of`: the inputs.
    Inputs,
    /// `init`: none.
    Init,
    /// `step`: the fields and the input.
    Step,
    /// `merge`: `a.<field>` and `b.<field>`.
    Merge,
    /// `finish`: the fields and `count`.
    Finish,
    /// `of` of a stage: the inputs and the stages before.
    Terms,
    /// `finish` of a stage, and results of stages: the stages before, scalars and `count`.
    Value,
    /// `output` beside stages: the inputs and all stages.
    Matrix,
}

impl Place {
    /// What it can use, for messages.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Inputs => "only the inputs can be used here",
            Self::Init => "`init` is a constant and can use no names",
            Self::Step => "`step` can use the state's fields and the input",
            Self::Merge => "`merge` can use the state's fields, as `a.<field>` and `b.<field>`",
            Self::Finish => "`finish` can use the state's fields and `count`",
            Self::Terms => "`of` can use the inputs and the stages before it",
            Self::Matrix => "`output` can use the inputs and the stages",
            Self::Value => {
                "it can use the stages before it, scalars, `count` and, in a stage with `of`, `acc`"
            }
        }
    }
}

/// The names around an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// Which expression it is.
    pub(super) place: Place,
    /// Names of the inputs, in their order.
    pub(super) inputs: &'a [String],
    /// Names of the state's fields, in their order.
    pub(super) fields: &'a [String],
    /// Names of stages that come later.
    pub(super) later: &'a [String],
    /// Dtypes in which each number must be finite.
    pub(super) dtypes: &'a [Dtype],
}

/// Reads an expression that gives a value. `None` if anything in it is wrong; all of it is reported.
pub(super) fn parse(sink: &mut Sink<'_>, text: &Text, scope: Scope<'_>) -> Option<Expr> {
    read(sink, text, scope, |_| Gives::Value).map(|(expr, _)| expr)
}

/// Reads an expression that gives a mask.
pub(super) fn parse_mask(sink: &mut Sink<'_>, text: &Text, scope: Scope<'_>) -> Option<Expr> {
    read(sink, text, scope, |_| Gives::Mask).map(|(expr, _)| expr)
}

/// Reads an expression that gives a value or a mask, and whether that is a mask.
pub(super) fn parse_either(sink: &mut Sink<'_>, text: &Text, scope: Scope<'_>) -> Option<(Expr, bool)> {
    let (expr, gives) = read(sink, text, scope, looks_like)?;
    Some((expr, gives == Gives::Mask))
}

fn read(
    sink: &mut Sink<'_>,
    text: &Text,
    scope: Scope<'_>,
    wanted: impl Fn(&syn::Expr) -> Gives,
) -> Option<(Expr, Gives)> {
    let (stream, is_ours) = lex::tokens(sink, text)?;
    let mut parser = Parser { sink, text, scope };
    if is_ours {
        match syn::parse2::<syn::Expr>(stream.clone()) {
            Ok(tree) => {
                let wanted = wanted(&tree);
                let expr = parser.expr(&tree, wanted)?;
                let expr = parser.of_some_parts(expr, &tree.span().byte_range())?;
                return Some((expr, wanted));
            }
            Err(error) => parser.syntax(&error),
        }
    }
    // There is no tree, but what is named in it can still be wrong.
    parser.names(stream);
    None
}

/// What an expression gives, from its outermost operator alone.
fn looks_like(tree: &syn::Expr) -> Gives {
    use syn::BinOp;
    let is_mask = match tree {
        syn::Expr::Paren(inner) => return looks_like(&inner.expr),
        syn::Expr::Group(inner) => return looks_like(&inner.expr),
        syn::Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Not(_)),
        syn::Expr::Binary(binary) => {
            !matches!(binary.op, BinOp::Add(_) | BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Div(_))
        }
        syn::Expr::Call(call) => match &*call.func {
            syn::Expr::Path(path) => {
                let function = path.path.get_ident().and_then(|name| function::named(&name.to_string()));
                function.is_some_and(|function| function.gives == Gives::Mask)
            }
            _ => false,
        },
        _ => false,
    };
    if is_mask { Gives::Mask } else { Gives::Value }
}

struct Parser<'a, 's> {
    sink: &'a mut Sink<'s>,
    text: &'a Text,
    scope: Scope<'a>,
}

impl Parser<'_, '_> {
    fn report(&mut self, rule: Rule, range: &Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.sink.report(rule, &self.text.place(range), message)
    }

    /// What `syn` could not read.
    fn syntax(&mut self, error: &syn::Error) {
        let message = error.to_string();
        let mut range = error.span().byte_range();
        if message.starts_with("comparison operators cannot be chained") {
            self.report(Rule::ChainedComparison, &range, "comparisons cannot be chained")
                .label("a second comparison")
                .fix("compare twice: `lo < x && x < hi`");
            return;
        }
        if message.starts_with("unexpected end") {
            // `syn` puts the end of the text at its beginning.
            if range.is_empty() {
                range = self.text.value.len()..self.text.value.len();
            }
            self.report(Rule::ExpressionSyntax, &range, "the expression ends too early")
                .label("an operand is missing")
                .fix(ALLOWED);
        } else {
            self.report(Rule::ExpressionSyntax, &range, "the expression cannot be read from here on")
                .label(message)
                .fix(ALLOWED);
        }
    }

    fn foreign(&mut self, what: &str, range: &Range<usize>, fix: &str) {
        lex::foreign(self.sink, self.text, what, range, fix);
    }

    /// The text of a range, if it is short enough to be quoted in a fix.
    fn quote(&self, range: &Range<usize>) -> Option<String> {
        self.text
            .value
            .get(range.clone())
            .filter(|text| text.len() <= 24 && !text.contains('\n'))
            .map(str::to_owned)
    }

    /// Reads an expression that has to give `wanted`. As deep as the tree is, which the number of tokens limits.
    fn expr(&mut self, tree: &syn::Expr, wanted: Gives) -> Option<Expr> {
        let range = tree.span().byte_range();
        let (expr, gives) = match tree {
            syn::Expr::Paren(inner) => return self.expr(&inner.expr, wanted),
            syn::Expr::Group(inner) => return self.expr(&inner.expr, wanted),
            syn::Expr::Lit(literal) => (self.literal(&literal.lit, &range)?, Gives::Value),
            syn::Expr::Path(path) => match path.path.get_ident() {
                Some(name) if path.qself.is_none() => (self.name(&name.to_string(), &range)?, Gives::Value),
                _ => {
                    self.foreign("a path", &range, "");
                    return None;
                }
            },
            syn::Expr::Unary(unary) => self.unary(unary)?,
            syn::Expr::Binary(binary) => self.binary(binary, &range)?,
            syn::Expr::Call(call) => self.call(call, &range)?,
            syn::Expr::Field(field) => (self.side(field, &range)?, Gives::Value),
            syn::Expr::MethodCall(call) => {
                let method = call.method.to_string();
                let known = function::named(&method).is_some();
                let arguments: Option<Vec<String>> = std::iter::once(&*call.receiver)
                    .chain(&call.args)
                    .map(|argument| self.quote(&argument.span().byte_range()))
                    .collect();
                let fix = match arguments {
                    Some(arguments) if known => format!("write `{method}({})`", arguments.join(", ")),
                    _ => String::new(),
                };
                self.foreign("a method call", &call.method.span().byte_range(), &fix);
                // Its operands can be wrong too.
                for operand in std::iter::once(&*call.receiver).chain(&call.args) {
                    self.expr(operand, Gives::Value);
                }
                return None;
            }
            other => {
                let what = match other {
                    syn::Expr::Closure(_) => "a closure",
                    syn::Expr::Macro(_) => "a macro",
                    syn::Expr::Reference(_) => "a reference",
                    syn::Expr::Tuple(_) => "a tuple",
                    _ => "this",
                };
                self.foreign(what, &range, "");
                return None;
            }
        };
        match (gives, wanted) {
            (Gives::Mask, Gives::Value) => {
                self.report(Rule::ValueNeeded, &range, "a value is needed here, and this is a mask")
                    .label("a mask")
                    .fix("make a value of it: `select(mask, x, y)`");
                None
            }
            (Gives::Value, Gives::Mask) => {
                let fix = match self.quote(&range) {
                    Some(text) => format!("compare it, for example `{text} > 0`"),
                    None => "compare it, for example with `> 0`".to_owned(),
                };
                self.report(Rule::MaskNeeded, &range, "a mask is needed here, and this is a value")
                    .label("a value")
                    .fix(fix);
                None
            }
            _ => Some(expr),
        }
    }

    fn literal(&mut self, literal: &syn::Lit, range: &Range<usize>) -> Option<Expr> {
        let (digits, suffix) = match literal {
            syn::Lit::Int(int) => (int.base10_digits(), int.suffix()),
            syn::Lit::Float(float) => (float.base10_digits(), float.suffix()),
            _ => {
                self.foreign("text", range, "");
                return None;
            }
        };
        if !suffix.is_empty() {
            let written = self.text.value.get(range.clone()).unwrap_or_default();
            let bare = written.strip_suffix(suffix).unwrap_or(digits).trim_end_matches('_').to_owned();
            self.report(
                Rule::LiteralSuffix,
                range,
                format!("a number has no suffix such as {}", shown(suffix)),
            )
            .label("every number has the operation's dtype")
            .fix(format!("write {}", shown(&bare)));
            return None;
        }
        let value: f64 = digits.parse().unwrap_or(f64::INFINITY);
        let too_large = self.scope.dtypes.iter().find(|dtype| match dtype {
            Dtype::F32 => !digits.parse::<f32>().is_ok_and(f32::is_finite),
            Dtype::F64 => !value.is_finite(),
        });
        if let Some(dtype) = too_large {
            let message = format!("this number is not finite in {dtype}");
            let fix = match dtype {
                Dtype::F32 => "write a number up to 3.4e38, or take `f32` out of `dtypes`",
                Dtype::F64 => "write a number up to 1.7e308",
            };
            self.report(Rule::LiteralNotFinite, range, message)
                .label(format!("too large for {dtype}"))
                .fix(fix);
            return None;
        }
        // With no dtype to hold it against, an infinite one is still none.
        value.is_finite().then_some(Expr::Literal(value))
    }

    fn unary(&mut self, unary: &syn::ExprUnary) -> Option<(Expr, Gives)> {
        let (op, takes) = match unary.op {
            syn::UnOp::Neg(_) => (Unary::Neg, Gives::Value),
            syn::UnOp::Not(_) => (Unary::Not, Gives::Mask),
            _ => {
                self.foreign("`*` before a value", &unary.op.span().byte_range(), lex::NO_POWER);
                self.expr(&unary.expr, Gives::Value);
                return None;
            }
        };
        Some((Expr::Unary(op, Box::new(self.expr(&unary.expr, takes)?)), takes))
    }

    fn binary(&mut self, binary: &syn::ExprBinary, range: &Range<usize>) -> Option<(Expr, Gives)> {
        use Gives::{Mask, Value};
        let (op, takes, gives) = match binary.op {
            syn::BinOp::Add(_) => (Binary::Add, Value, Value),
            syn::BinOp::Sub(_) => (Binary::Sub, Value, Value),
            syn::BinOp::Mul(_) => (Binary::Mul, Value, Value),
            syn::BinOp::Div(_) => (Binary::Div, Value, Value),
            syn::BinOp::Lt(_) => (Binary::Lt, Value, Mask),
            syn::BinOp::Le(_) => (Binary::Le, Value, Mask),
            syn::BinOp::Gt(_) => (Binary::Gt, Value, Mask),
            syn::BinOp::Ge(_) => (Binary::Ge, Value, Mask),
            syn::BinOp::Eq(_) => (Binary::Eq, Value, Mask),
            syn::BinOp::Ne(_) => (Binary::Ne, Value, Mask),
            syn::BinOp::And(_) => (Binary::And, Mask, Mask),
            syn::BinOp::Or(_) => (Binary::Or, Mask, Mask),
            _ => {
                self.foreign("this operator", range, "");
                return None;
            }
        };
        let (left, right) = (self.expr(&binary.left, takes), self.expr(&binary.right, takes));
        Some((Expr::Binary(op, Box::new(left?), Box::new(right?)), gives))
    }

    fn call(&mut self, call: &syn::ExprCall, range: &Range<usize>) -> Option<(Expr, Gives)> {
        let name = match &*call.func {
            syn::Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            _ => None,
        };
        let at = call.func.span().byte_range();
        let Some(name) = name else {
            self.foreign("a call of anything but a function", &at, "");
            return None;
        };
        let Some(function) = function::named(&name) else {
            self.unknown_function(&name, &at, &call.paren_token.span.join().byte_range());
            // Its arguments can be wrong too.
            for argument in &call.args {
                self.expr(argument, Gives::Value);
            }
            return None;
        };
        let arguments = call.args.iter().enumerate();
        let arguments: Vec<Option<Expr>> =
            arguments.map(|(index, argument)| self.expr(argument, function.takes(index))).collect();
        if let Some(takes) = function.refuses(arguments.len()) {
            self.report(Rule::ArgumentCount, range, format!("`{name}` takes {takes}"))
                .label(format!("{} given", arguments.len()))
                .fix(format!("write `{}`", function.example()));
            return None;
        }
        let expr = function.of(arguments.into_iter().collect::<Option<_>>()?)?;
        Some((self.of_some_parts(expr, range)?, function.gives))
    }

    /// The expression, unless it is one of too many parts. As written it cannot be; what functions are short for can.
    fn of_some_parts(&mut self, expr: Expr, range: &Range<usize>) -> Option<Expr> {
        let parts = expr.parts();
        if parts <= MOST_PARTS {
            return Some(expr);
        }
        let message = format!("with its functions written out, the expression has {parts} parts");
        self.report(Rule::ExpressionTooLong, range, message)
            .label(format!("the limit is {MOST_PARTS}"))
            .fix("write a shorter expression: `sign`, `fmin` and `fmax` repeat what they are given");
        None
    }
}
