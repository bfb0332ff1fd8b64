//! What an expression is made of, before `syn` reads it: limits, so that no text is too much for a parser that
//! recurses, and the parts of Rust that the expression language leaves out.

use std::{ops::Range, str::FromStr};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::{
    name,
    read::{Sink, Text},
    rule::Rule,
};
use crate::diagnostics::shown;

/// Bytes of an expression.
pub(super) const MOST_BYTES: usize = 2000;
/// Tokens of an expression; a tree is never deeper than that.
pub(super) const MOST_TOKENS: usize = 400;
/// Parentheses and signs within one another. With 32, reading takes less than 1 MiB of stack, without optimization.
pub(super) const MOST_NESTED: usize = 32;

/// Parts of an expression, with what its functions stand for written out: some repeat their arguments, so that one
/// within another multiplies them.
pub(super) const MOST_PARTS: usize = 2000;

/// What stands between tokens that make an expression, longest first.
const OPERATORS: [&str; 15] =
    ["<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "<", ">", "!", ",", "."];

/// What to write for a power.
pub(super) const NO_POWER: &str = "there is no power operator: write `x * x`";

/// Operators of Rust and of Python that are not among them, with what to write, longest first.
const OTHERS: [(&str, &str); 21] = [
    ("<<=", ""),
    (">>=", ""),
    ("..=", ""),
    ("**", NO_POWER),
    ("<<", "multiply by a power of two"),
    (">>", "divide by a power of two"),
    ("->", ""),
    ("=>", ""),
    ("+=", "write `+`: an expression is a value, it changes nothing"),
    ("-=", "write `-`: an expression is a value, it changes nothing"),
    ("*=", "write `*`: an expression is a value, it changes nothing"),
    ("/=", "write `/`: an expression is a value, it changes nothing"),
    ("..", ""),
    ("::", "write the number, or the function's name alone"),
    ("=", "to compare, write `==`; what an expression gives needs no name"),
    ("&", "between masks, write `&&`"),
    ("|", "between masks, write `||`"),
    ("^", NO_POWER),
    ("%", "for the remainder, write `rem(x, y)`"),
    ("?", "to choose, write `select(mask, x, y)`"),
    ("#", ""),
];

/// The expression as tokens, and whether all of them are of the expression language. What is not is reported; `None` if
/// there are no tokens, or too many.
pub(super) fn tokens(sink: &mut Sink<'_>, text: &Text) -> Option<(TokenStream, bool)> {
    let value = text.value.as_str();
    if value.len() > MOST_BYTES {
        sink.report(Rule::ExpressionTooLong, &text.span, format!("the expression has {} bytes", value.len()))
            .label(format!("the limit is {MOST_BYTES}"))
            .fix("write a shorter expression");
        return None;
    }
    if !parentheses(sink, text) {
        return None;
    }
    let stream = match TokenStream::from_str(value) {
        Ok(stream) => stream,
        Err(error) => {
            let at = error.span().byte_range().start;
            let rest = value.get(at..).unwrap_or_default();
            let one = at..at + rest.chars().next().map_or(0, char::len_utf8);
            sink.report(
                Rule::ExpressionSyntax,
                &text.place(&one),
                "the expression cannot be read from here on",
            )
            .label("here")
            .fix(ALLOWED);
            return None;
        }
    };
    if stream.is_empty() {
        sink.report(Rule::ExpressionSyntax, &text.span, "the expression is empty")
            .label("nothing in it")
            .fix(ALLOWED);
        return None;
    }
    let mut scan = Scan { sink, text, count: 0, good: true };
    scan.stream(stream.clone(), 0);
    let (count, good) = (scan.count, scan.good);
    if count > MOST_TOKENS {
        sink.report(Rule::ExpressionTooLong, &text.span, format!("the expression has {count} tokens"))
            .label(format!("the limit is {MOST_TOKENS}"))
            .fix("write a shorter expression");
    }
    (count <= MOST_TOKENS).then_some((stream, good))
}

/// What an expression can be, for messages.
pub(super) const ALLOWED: &str = "an expression has names, numbers, `+ - * /`, comparisons, `&& || !`, parentheses \
                                  and functions such as `min(x, y)`";

/// Whether each parenthesis has its other, and not too many are within one another.
fn parentheses(sink: &mut Sink<'_>, text: &Text) -> bool {
    let mut open = Vec::new();
    for (at, byte) in text.value.bytes().enumerate() {
        let one = at..at + 1;
        match byte {
            b'(' | b'[' | b'{' => {
                open.push(one.clone());
                if open.len() > MOST_NESTED {
                    too_deep(sink, text, &one);
                    return false;
                }
            }
            b')' | b']' | b'}' if open.pop().is_none() => {
                sink.report(Rule::ExpressionSyntax, &text.place(&one), "this parenthesis closes nothing")
                    .label("never opened")
                    .fix("remove it, or open it before");
                return false;
            }
            _ => {}
        }
    }
    if let Some(one) = open.pop() {
        sink.report(Rule::ExpressionSyntax, &text.place(&one), "this parenthesis is never closed")
            .label("never closed")
            .fix("close it, or remove it");
        return false;
    }
    true
}

fn too_deep(sink: &mut Sink<'_>, text: &Text, at: &Range<usize>) {
    sink.report(Rule::ExpressionTooDeep, &text.place(at), "the expression is nested too deeply")
        .label(format!("the limit is {MOST_NESTED}"))
        .fix("write fewer parentheses and signs within one another");
}

/// Whether it is a word of Rust that is no name.
pub(super) fn is_foreign(word: &str) -> bool {
    name::is_rust_keyword(word) || word.starts_with("r#")
}

/// Goes over all tokens, counts them, and reports those that are not of the expression language.
struct Scan<'a, 's> {
    sink: &'a mut Sink<'s>,
    text: &'a Text,
    count: usize,
    good: bool,
}

impl Scan<'_, '_> {
    /// Recurses into parentheses: their depth is limited before. `depth` also counts the signs before them, since a
    /// parser recurses for each of `- - - x`.
    fn stream(&mut self, stream: TokenStream, depth: usize) {
        let mut signs = 0;
        let mut operator = String::new();
        let mut doc_comment = false;
        for token in stream {
            self.count += 1;
            let range = token.span().byte_range();
            match token {
                // A doc comment stands for `#[doc = "…"]`, whose tokens all have its place.
                TokenTree::Punct(_) if range.len() > 1 => {
                    self.foreign("a doc comment", &range, "write it as a plain one, with `//`");
                    doc_comment = true;
                    continue;
                }
                TokenTree::Group(_) if std::mem::take(&mut doc_comment) => continue,
                TokenTree::Punct(punct) => {
                    signs += 1;
                    if depth + signs == MOST_NESTED + 1 {
                        self.good = false;
                        too_deep(self.sink, self.text, &range);
                    }
                    operator.push(punct.as_char());
                    if punct.spacing() == Spacing::Alone {
                        self.operators(&operator, range.end);
                        operator.clear();
                    }
                    continue;
                }
                TokenTree::Group(group) => {
                    let open = group.span_open().byte_range();
                    match group.delimiter() {
                        Delimiter::Brace => self.foreign("a block", &open, ""),
                        Delimiter::Bracket => self.foreign("a list or an index", &open, ""),
                        Delimiter::Parenthesis | Delimiter::None => {
                            self.stream(group.stream(), depth + signs + 1);
                        }
                    }
                }
                TokenTree::Ident(ident) => self.word(&ident.to_string(), &range),
                TokenTree::Literal(literal) => {
                    if !literal.to_string().starts_with(|first: char| first.is_ascii_digit()) {
                        self.foreign("text", &range, "");
                    }
                }
            }
            signs = 0;
            // A lone `'` of a lifetime is joint to the name after it.
            if !operator.is_empty() {
                self.operators(&operator, range.start);
                operator.clear();
            }
        }
        if !operator.is_empty() {
            let end = self.text.value.len();
            self.operators(&operator, end);
        }
    }

    /// Takes operators that stand side by side apart; `end` is where the last ends.
    fn operators(&mut self, run: &str, end: usize) {
        let mut rest = run;
        while !rest.is_empty() {
            let at = end.saturating_sub(rest.len());
            let other = OTHERS.iter().find(|(operator, _)| rest.starts_with(operator));
            let own = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
            match (own, other) {
                (Some(own), other) if other.is_none_or(|(other, _)| other.len() <= own.len()) => {
                    rest = &rest[own.len()..];
                }
                (_, Some((other, fix))) => {
                    self.foreign(&shown(other), &(at..at + other.len()), fix);
                    rest = &rest[other.len()..];
                }
                _ => {
                    let first = rest.chars().next().map_or(1, char::len_utf8);
                    self.foreign(&shown(&rest[..first]), &(at..at + first), "");
                    rest = &rest[first..];
                }
            }
        }
    }

    fn word(&mut self, word: &str, range: &Range<usize>) {
        let fix = match word {
            "if" | "match" | "else" => "to choose, write `select(mask, x, y)`",
            "as" => "leave it out: every value has the operation's dtype",
            "true" | "false" => "write a comparison",
            _ if is_foreign(word) => "",
            _ => return,
        };
        self.foreign(&shown(word), range, fix);
    }

    fn foreign(&mut self, what: &str, range: &Range<usize>, fix: &str) {
        self.good = false;
        foreign(self.sink, self.text, what, range, fix);
    }
}

/// Reports a part of Rust that is not part of the expression language; without a fix of its own, says what is.
pub(super) fn foreign(sink: &mut Sink<'_>, text: &Text, what: &str, range: &Range<usize>, fix: &str) {
    sink.report(
        Rule::NotInExpressions,
        &text.place(range),
        format!("{what} is not part of the expression language"),
    )
    .label("not allowed here")
    .fix(if fix.is_empty() { ALLOWED } else { fix });
}
