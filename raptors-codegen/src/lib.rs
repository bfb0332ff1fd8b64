//! The spec compiler of raptors: a spec file goes in, Rust kernels come out.
//!
//! The stages, in the order data passes them, each a module that can be read and tested alone:
//!
//! | stage | module | from → to |
//! |---|---|---|
//! | load, check | [`spec`] | TOML text → [`spec::Spec`], or diagnostics with file, line and column |
//! | name | [`computation`] | expressions → what is computed, whatever specs call it |
//! | expand, lower | [`expand`], [`ir`] | computations × dtypes × ISAs × variants → kernels as loop skeleton + expression DAG, each once, dropped ones with the reason |
//! | backends | [`backends`] | the routines of libraries that compete with kernels, as data |
//! | select | [`select`] | kernels → the rows of the tables, and so what a build ships |
//! | profiles | [`profiles`] | what tournaments found → rows in the place of the default ones |
//! | emit | [`emit`] | IR → tokens → formatted, framed files |
//!
//! [`Builder`] runs them all; it is what a build script calls.
#![forbid(unsafe_code)]

pub mod backends;
mod builder;
mod check;
pub mod computation;
pub mod diagnostics;
pub mod dtype;
pub mod emit;
pub mod expand;
pub mod ir;
pub mod isa;
pub mod op;
pub mod profiles;
pub mod select;
pub mod spec;
pub mod variant;

pub use builder::{Builder, Built, Carry, Error, Input, Output, VARIABLES, Variable, generate, python};
pub use check::{Summary, check_folder};
pub use dtype::Dtype;
pub use isa::Isa;
