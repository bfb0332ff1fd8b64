//! Specs: files that state what an operation computes, read and checked.
//!
//! # The format
//! One TOML file is one operation; the file's name is the operation's: `kernel-specs/ops/scale.toml` makes `scale`.
//!
//! ```toml
//! #:schema ../schema.json
//! summary = "Multiply every element of a matrix by a scalar."
//! inputs  = { x = "matrix", factor = "scalar" }
//! output  = "x * factor"
//! dtypes  = ["f32", "f64"]
//!
//! [variants]
//! unroll  = [1, 2, 4, 8]
//!
//! [shapes]
//! square  = [512, 1024]
//! ```
//!
//! With `[reduce]` in the place of `output` it is a reduction, here in its general form:
//!
//! ```toml
//! summary = "Sum of squares, over all elements."
//! inputs  = { x = "matrix" }
//! dtypes  = ["f32", "f64"]
//!
//! [reduce]
//! axes    = ["all"]
//!
//! [reduce.state]
//! total   = { init = "0", step = "fma(x, x, total)", merge = "a.total + b.total" }
//! ```
//!
//! `of = "x"` and `combine = "add"` are short for the state
//! `acc = { init = "0", step = "acc + x", merge = "a.acc + b.acc" }`. States of several fields are read and checked,
//! but no kernel is generated for them yet, so such a spec is an error.
//!
//! Calls are cut into pieces that each start from `init`, and the cut must not show. So `init` must be neutral: merged
//! with any state that elements lead to, it leaves that as it is. And `merge` must do what `step` does: an element that
//! is stepped over leads to the state that merging its own state leads to. Both are tried on a few elements, and a spec
//! for which they do not hold is an error.
//!
//! # Names
//! Operations, inputs and fields of a state are named in `snake_case`, with up to 40 letters, without two underlines
//! side by side (which the names have that generated code makes up), and not by keywords of Rust or Python. Beyond that
//! only what people see is taken:
//!
//! - Inputs are not named as the parameters that functions have beside them (`out`, `axis`, `keepdims`, `numerics`), as
//!   the functions of expressions are, or `np`; in a reduction also not `count`, or `acc` with `combine`.
//! - A field of a state has another name than the input.
//! - No operation has the name of a function of another: `scale` has `scale_into`, `scale_inplace`, `scale_with` and
//!   `scale_into_with`, and a reduction may make `scale_axis0` and `scale_axis1`.
//! - No operation has the name of something else in the Python package, such as `trim`; `python.toml` of this crate is
//!   the list.
//!
//! # Expressions
//! The syntax is Rust's, the language much smaller: names, decimal numbers, `+ - * /`, comparisons, `&& || !`,
//! parentheses and these functions:
//!
//! | function | gives | of NaN | of zeros |
//! |---|---|---|---|
//! | `abs(x)` | x without its sign | NaN | +0 of both |
//! | `sqrt(x)` | the square root, correctly rounded | NaN, as of numbers below −0 | the same zero |
//! | `floor(x)`, `ceil(x)` | the nearest whole number not above x, not below it | NaN | the same zero; `ceil(-0.5)` is −0 |
//! | `trunc(x)` | x without its fraction | NaN | the same zero; `trunc(-0.5)` is −0 |
//! | `round(x)` | the nearest whole number, of two the even one: `round(2.5)` is 2 | NaN | the same zero; `round(-0.5)` is −0 |
//! | `sign(x)` | 1 above zero, −1 below | NaN | +0 of both |
//! | `min(x, y)`, `max(x, y)` | the lesser, the greater | NaN if either is | −0 is below +0 |
//! | `fmin(x, y)`, `fmax(x, y)` | the lesser, the greater | the other one; NaN if both are | −0 is below +0 |
//! | `copysign(x, y)` | the magnitude of x with the sign of y | NaN if x is; where y is, +: a NaN has no sign | −0 is negative |
//! | `rem(x, y)` | x − n × y, exactly, n being the quotient without its fraction; it has the sign of x | NaN if either is, if x is infinite or y is zero | a remainder of zero has the sign of x |
//! | `fma(x, y, z)` | x × y + z, rounded once | NaN if any is | as sums have them |
//! | `clamp(x, lo, hi)` | `min(max(x, lo), hi)` | NaN if any is | −0 is below +0 |
//! | `select(mask, x, y)` | x where the mask holds, else y | as it is | as it is |
//! | `is_nan(x)`, `is_inf(x)` | a mask: whether it is NaN, an infinity | true, false | false |
//! | `is_finite(x)` | a mask: whether it is a number, and no infinity | false | true |
//!
//! The same expression has the same bits on every machine, but for those of a NaN. So nothing depends on these, not even
//! on the sign that processors give a NaN, each its own: that is why `copysign` looks at it no further.
//!
//! `sign`, `fmin`, `fmax`, `clamp`, `is_inf` and `is_finite` are short for what can be written with the others, and
//! some repeat their arguments in it. Within one another they soon exceed the limit of an expression's parts.
//!
//! Every value has the operation's dtype. Comparisons and the functions that begin with `is_` give masks, which only
//! `&& || !` and `select` take; an expression as a whole gives a value. Which names there are depends on the field: inputs in `output` and `of`;
//! none in `init`; the state's fields and the input in `step`; `a.<field>` and `b.<field>` in `merge`; the fields and
//! `count` in `finish`. A field that is itself called `count` is the one `finish` sees.
//!
//! # Fields
//! Those in bold are required; of `output` and `[reduce]`, one is.
#![doc = include_str!("fields.md")]
//!
//! # How it is read
//! [`load`] takes each file through TOML (spans kept), the fields (are they known, do they hold what they are for) and
//! what they mean together. Nothing stops at the first error: [`Diagnostics`] has all of them, of all files, each with
//! its place and a fix. Only what cannot be understood for an error before it is left out. A file that cannot be read is
//! one more error beside those of the others, and hidden files are none.
//!
//! Nowhere in a file, be it a comment, may be characters that nobody sees, such as those that turn the direction of text:
//! what people read is what is built.

mod check;
mod evaluate;
pub mod expr;
mod field;
mod function;
mod habits;
mod invisible;
mod lex;
mod load;
pub mod model;
mod name;
mod neutral;
mod parse;
pub(crate) mod place;
mod python;
mod read;
mod reduce;
mod rule;
mod schema;
mod staged;
#[cfg(test)]
mod tests;
mod word;

pub use self::{
    expr::{Binary, Expr, Unary},
    field::FAMILIES,
    load::{load, load_dir, overlay},
    model::{
        Axis, Body, Chunk, Combine, Field, Input, InputKind, Numerics, Output, Prefetch, Reduce, ResultType,
        Schedule, Spec, Stage, Staged, Store, Tasks, Threads, Tile, Variants,
    },
    rule::Rule,
    schema::{reference, schema},
};
pub use crate::diagnostics::{Diagnostic, Diagnostics, Source};
