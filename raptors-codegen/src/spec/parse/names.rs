//! Names in expressions: what they stand for, and what is said of those that stand for nothing.

use std::{collections::BTreeSet, ops::Range};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::{Parser, Place, Scope};
use crate::{
    diagnostics::{either, nearest, shown},
    spec::{
        expr::Expr,
        function::{self, FUNCTIONS},
        habits::{self, Instead},
        lex,
        rule::Rule,
    },
};

/// The texts of arguments, from what stands in parentheses with them.
fn arguments_of(text: &str) -> Vec<&str> {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or_default();
    let mut depth = 0;
    inner
        .split(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            letter == ',' && depth == 0
        })
        .map(str::trim)
        .collect()
}

impl Parser<'_, '_> {
    /// Reports names, functions and numbers that are wrong, whatever else an expression is made of.
    pub(super) fn names(&mut self, stream: TokenStream) {
        // What stands before and behind a token; a lone `!` makes a macro of the name before it.
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let sign = |index: Option<usize>| match index.and_then(|index| tokens.get(index)) {
            Some(TokenTree::Punct(punct)) => Some((punct.as_char(), punct.spacing())),
            _ => None,
        };
        for (index, token) in tokens.iter().enumerate() {
            let range = token.span().byte_range();
            match token {
                TokenTree::Group(group) => self.names(group.stream()),
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Int(_) | syn::Lit::Float(_) = syn::Lit::new(literal.clone()) {
                        self.literal(&syn::Lit::new(literal.clone()), &range);
                    }
                }
                TokenTree::Punct(_) => {}
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let before = sign(index.checked_sub(1)).map(|(sign, _)| sign);
                    let is_type = index.checked_sub(1).is_some_and(|at| tokens[at].to_string() == "as");
                    let after = sign(Some(index + 1));
                    if lex::is_foreign(&name)
                        || is_type
                        || matches!(before, Some('.' | '\'' | ':'))
                        || matches!(after, Some(('!' | '=', Spacing::Alone) | (':' | '.', _)))
                    {
                        continue;
                    }
                    match tokens.get(index + 1) {
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                            if function::named(&name).is_none() {
                                self.unknown_function(&name, &range, &group.span().byte_range());
                            }
                        }
                        _ => {
                            self.name(&name, &range);
                        }
                    }
                }
            }
        }
    }

    /// `arguments` is where they stand, with their parentheses.
    pub(super) fn unknown_function(&mut self, name: &str, at: &Range<usize>, arguments: &Range<usize>) {
        let arguments = arguments_of(self.text.value.get(arguments.clone()).unwrap_or_default());
        let instead = match habits::function(name, &arguments) {
            None => nearest(name, FUNCTIONS.iter().map(|function| function.name)).map(Instead::Named),
            known => known,
        };
        let is_value = self.scope.inputs.iter().chain(self.scope.fields).any(|known| known == name);
        let diagnostic =
            self.report(Rule::UnknownFunction, at, format!("there is no function {}", shown(name)));
        if is_value {
            diagnostic.label("a value").fix(format!("to multiply, write `{name} * (…)`"));
            return;
        }
        match instead {
            Some(Instead::Named(near)) => diagnostic
                .label(format!("did you mean {}?", shown(near)))
                .fix(format!("write {}", shown(near))),
            Some(Instead::Written(text)) => {
                diagnostic.label("no such function").fix(format!("write `{text}`"))
            }
            Some(Instead::Nothing) | None => diagnostic.label("no such function").fix(habits::functions()),
        };
    }

    /// A name that stands for a value.
    pub(super) fn name(&mut self, name: &str, range: &Range<usize>) -> Option<Expr> {
        let Scope { place, inputs, fields, .. } = self.scope;
        let find = |names: &[String]| names.iter().position(|known| known == name);
        let (input, field) = (find(inputs), find(fields));
        let here = match place {
            Place::Init | Place::Merge => None,
            Place::Step => field.map(Expr::State).or(input.map(Expr::Input)),
            Place::Finish => field.map(Expr::State).or((name == "count").then_some(Expr::Count)),
            Place::Inputs | Place::Terms | Place::Matrix => input.map(Expr::Input),
            Place::Value => {
                let count = (name == "count").then_some(Expr::Count);
                field.map(Expr::State).or(input.map(Expr::Input)).or(count)
            }
        };
        let constant = match name {
            "inf" => Some(Expr::Literal(f64::INFINITY)),
            "nan" => Some(Expr::Literal(f64::NAN)),
            _ => None,
        };
        let here = here.or(constant);
        if here.is_some() {
            return here;
        }
        let elsewhere = if field.is_some() {
            Some("a field of the state")
        } else if input.is_some() {
            Some("an input")
        } else if self.scope.later.iter().any(|later| later == name) {
            Some("this stage or a later one")
        } else if name == "count" {
            Some("only in `finish`")
        } else if name == "acc" && matches!(place, Place::Terms | Place::Value | Place::Matrix) {
            Some("only in `finish` of a stage that has `of`")
        } else {
            None
        };
        let name = shown(name);
        if let Some(what) = elsewhere {
            let fix = match (place, field.map(|index| &fields[index])) {
                (Place::Merge, Some(field)) => format!("write `a.{field}` or `b.{field}`"),
                _ => place.rule().to_owned(),
            };
            self.report(Rule::NameNotHere, range, format!("{name} cannot be used here")).label(what).fix(fix);
        } else {
            self.unknown_name(name.trim_matches('`'), range);
        }
        None
    }

    fn unknown_name(&mut self, name: &str, range: &Range<usize>) {
        let Scope { place, inputs, fields, .. } = self.scope;
        if let Some(function) = function::named(name) {
            self.report(
                Rule::UnknownName,
                range,
                format!("`{name}` is a function, and stands here as a value"),
            )
            .label("a function")
            .fix(format!("call it: `{}`", function.example()));
            return;
        }
        if ["inf", "infinity", "nan"].contains(&name.to_lowercase().as_str()) {
            let fix = if name.eq_ignore_ascii_case("nan") { "write `nan`" } else { "write `inf`" };
            self.report(Rule::UnknownName, range, format!("there is no number `{name}`"))
                .label("not a number")
                .fix(fix);
            return;
        }
        if place == Place::Merge && ["a", "b"].contains(&name) {
            let field = fields.first().map_or("<field>", String::as_str);
            self.report(Rule::UnknownName, range, format!("`{name}` is a state, not a value"))
                .label("which field of it?")
                .fix(format!("write `{name}.{field}`"));
            return;
        }
        let known: Vec<&str> = match place {
            Place::Inputs | Place::Terms | Place::Matrix => inputs.iter().map(String::as_str).collect(),
            Place::Value => inputs.iter().chain(fields).map(String::as_str).chain(["count"]).collect(),
            Place::Init | Place::Merge => Vec::new(),
            Place::Step => fields.iter().chain(inputs).map(String::as_str).collect(),
            Place::Finish => fields.iter().map(String::as_str).chain(["count"]).collect(),
        };
        let known: BTreeSet<&str> = known.into_iter().collect();
        let near = nearest(name, known.iter().copied());
        let diagnostic = self.report(Rule::UnknownName, range, format!("there is no {}", shown(name)));
        match near {
            Some(near) => diagnostic
                .label(format!("did you mean {}?", shown(near)))
                .fix(format!("write {}", shown(near))),
            None if known.is_empty() => diagnostic.label("unknown").fix(place.rule()),
            None => diagnostic.label("unknown").fix(format!("{}: {}", place.rule(), either(known))),
        };
    }

    /// `a.total` or `b.total`.
    pub(super) fn side(&mut self, field: &syn::ExprField, range: &Range<usize>) -> Option<Expr> {
        let fields = self.scope.fields;
        let base = match &*field.base {
            syn::Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            _ => None,
        };
        let second = match base.as_deref() {
            _ if self.scope.place != Place::Merge => None,
            Some("a") => Some(false),
            Some("b") => Some(true),
            _ => None,
        };
        let (Some(second), syn::Member::Named(member)) = (second, &field.member) else {
            let fix = if self.scope.place == Place::Merge { self.scope.place.rule() } else { "" };
            self.foreign("a field of a value", range, fix);
            return None;
        };
        let name = member.to_string();
        let index = fields.iter().position(|known| *known == name);
        if index.is_none() {
            let near = nearest(&name, fields.iter().map(String::as_str));
            let label = near
                .map_or_else(|| "no such field".to_owned(), |near| format!("did you mean {}?", shown(near)));
            self.report(
                Rule::UnknownName,
                &member.span().byte_range(),
                format!("the state has no field {}", shown(&name)),
            )
            .label(label)
            .fix(format!("write {}", either(fields.iter().map(String::as_str))));
        }
        Some(Expr::Side { second, index: index? })
    }
}
