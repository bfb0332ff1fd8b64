//! Functions that are texts themselves: `functions/<name>.toml`, one file each.
//!
//! ```toml
//! summary = "e to the power of x."
//! let = [
//!     ["k", "round(x * 1.4426950408889634)"],
//!     …
//! ]
//! output = "y * pow2(k)"
//! ```
//!
//! A text is a list of values with names, each an expression of `x` and of those before it, and the result. It is computed
//! in f64. For elements of f32 the table `[f32]` may have a text of its own, which is computed in f64 all the same and
//! rounded once; without it the text is that of f64. `exceptions` are pairs of an element of f32 and the result that its text misses: where a value
//! lies so near the middle between two elements that f64 cannot tell on which side.
//!
//! Expressions of the whole language can stand in it, other functions among them, so each ISA has each function from the
//! one text.

use std::{hash::Hasher as _, sync::LazyLock};

use fnv::FnvHasher;
use quote::format_ident;
use serde::Deserialize;

use super::{
    expr::Expr,
    parse::{self, Place, Scope},
    read::{Sink, Text as Quoted},
};
use crate::{
    Dtype,
    diagnostics::{Diagnostics, Source},
};

/// Names and texts of all functions.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/functions_files.rs"));

/// One of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Function(usize);

/// What a function computes.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Values with names, in order. [`Expr::Input`] 0 is x, the others are the values before.
    pub values: Vec<(String, Expr)>,
    /// The result.
    pub output: Expr,
}

/// What stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    summary: String,
    #[serde(default, rename = "let")]
    values: Vec<(String, String)>,
    output: String,
    #[serde(default)]
    f32: OfF32,
}

/// What differs for elements of f32.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfF32 {
    #[serde(default, rename = "let")]
    values: Vec<(String, String)>,
    output: Option<String>,
    #[serde(default)]
    exceptions: Vec<(f64, f64)>,
}

/// A file, read.
struct Read {
    summary: String,
    of_f64: Text,
    of_f32: Option<Text>,
    exceptions: Vec<(f64, f64)>,
}

static READ: LazyLock<Vec<Read>> = LazyLock::new(|| Function::all().map(Function::read).collect());

impl Function {
    /// All of them, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..FILES.len()).map(Self)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        FILES[self.0].0
    }

    /// The constant of the library that stands for it.
    pub(crate) fn constant(self) -> proc_macro2::Ident {
        format_ident!("{}", self.name().to_uppercase())
    }

    /// One sentence for people.
    ///
    /// # Panics
    /// As all that follows, if a file that is part of this crate cannot be read.
    #[must_use]
    pub fn summary(self) -> &'static str {
        &READ[self.0].summary
    }

    /// What it computes of f64; and of f32, where that is not the same.
    #[must_use]
    pub fn text(self, dtype: Dtype) -> Option<&'static Text> {
        let read = &READ[self.0];
        match dtype {
            Dtype::F64 => Some(&read.of_f64),
            Dtype::F32 => read.of_f32.as_ref(),
        }
    }

    /// Elements of f32 whose results the text misses, with these.
    #[must_use]
    pub fn exceptions(self) -> &'static [(f64, f64)] {
        &READ[self.0].exceptions
    }

    /// A hash of its text and of those of all that it calls.
    #[must_use]
    pub fn digest(self) -> u64 {
        let mut hasher = FnvHasher::default();
        hasher.write(FILES[self.0].1.as_bytes());
        for text in Dtype::ALL.into_iter().filter_map(|dtype| self.text(dtype)) {
            for of in text.values.iter().map(|(_, of)| of).chain([&text.output]) {
                of.functions(&mut |other| hasher.write_u64(other.digest()));
            }
        }
        hasher.finish()
    }

    fn read(self) -> Read {
        let (name, text) = FILES[self.0];
        let file = format!("functions/{name}.toml");
        let File { summary, values, output, f32 } =
            toml::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Read {
            summary,
            of_f64: Text::read(&file, &values, &output),
            of_f32: f32.output.map(|output| Text::read(&file, &f32.values, &output)),
            exceptions: f32.exceptions,
        }
    }
}

impl Text {
    fn read(file: &str, values: &[(String, String)], output: &str) -> Self {
        let mut names = vec!["x".to_owned()];
        let mut of = |name: &str, text: &str| {
            let source = Source { name: format!("{file}, `{name}`"), text: text.to_owned() };
            let mut sink = Sink::new(&source);
            let scope = Scope {
                place: Place::Inputs,
                inputs: &names,
                fields: &[],
                later: &[],
                dtypes: &[Dtype::F64],
            };
            let expr = parse::parse(&mut sink, &Quoted::whole(text), scope);
            let expr = expr.unwrap_or_else(|| panic!("{}", Diagnostics::new(sink.found)));
            assert!(!names.iter().any(|other| other == name), "{file}: `{name}` is there twice");
            names.push(name.to_owned());
            expr
        };
        let values = values.iter().map(|(name, text)| (name.clone(), of(name, text))).collect();
        Self { values, output: of("output", output) }
    }
}

impl Expr {
    /// The functions with a text that it calls, each as often as it does.
    pub fn functions(&self, visit: &mut impl FnMut(Function)) {
        self.each(&mut |part| {
            if let Self::Unary(super::Unary::Function(function), _) = part {
                visit(*function);
            }
        });
    }
}
