//! Functions that are texts: `exp`, `log` and others, generated from `raptors-codegen/functions/`, a file each.
//!
//! The same text is written for one element and in the words of each vocabulary, so a function has the same bits on every
//! machine. It is computed in f64. Elements of f32 are widened, and the result is rounded once.

#![allow(
    dead_code,
    unused_imports,
    clippy::all,
    clippy::pedantic,
    reason = "texts are written for all functions, in one way, and specs decide which are called"
)]

/// A function of the expression language that is a text.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    name: &'static str,
    pub(crate) of_f32: fn(f32) -> f32,
    pub(crate) of_f64: fn(f64) -> f64,
}

impl Function {
    /// Its name in expressions.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));
