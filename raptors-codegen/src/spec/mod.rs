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
//! `acc = { init = "0", step = "acc + x", merge = "a.acc + b.acc" }`.
//!
//! A state may have several fields if each is taken in on its own: its `step` joins the field and an expression of the
//! input by the operator of its `merge`, `+`, `*`, `min` or `max`. Such fields are stages (below) without a `finish`. For
//! a field that needs another one no kernel is generated yet, so such a spec is an error.
//!
//! Calls are cut into pieces that each start from `init`, and the cut must not show. So `init` must be neutral: merged
//! with any state that elements lead to, it leaves that as it is. And `merge` must do what `step` does: an element that
//! is stepped over leads to the state that merging its own state leads to. Both are tried on a few elements, and a spec
//! for which they do not hold is an error.
//!
//! # Forms of an input
//! One input of a spec may list several forms:
//!
//! ```toml
//! # sub.toml
//! summary = "Difference of a matrix and another one, a row, a column or a scalar, element by element."
//! inputs  = { x = "matrix", y = ["matrix", "row", "column", "scalar"] }
//! output  = "x - y"
//! dtypes  = ["f32", "f64"]
//! ```
//!
//! Each form is an operation. The first has the file's name, `sub`; the others have the form at its end: `sub_row`,
//! `sub_column`, `sub_scalar`. Another input has to be a matrix alone, since it gives the result its shape. A file
//! `sub_row.toml` beside this one would make an operation twice, which is an error.
//!
//! # Counts, places and several inputs
//! `combine` has words beyond the operators. `count` counts how often the mask `of` holds. `argmin` and `argmax` give the
//! place of the least or greatest value: the first of equal ones, and a NaN before all. Over all elements the place
//! counts row after row; along an axis it is the row or the column.
//!
//! ```toml
//! [reduce]
//! axes    = ["all", "0", "1"]
//! of      = "x != 0"
//! combine = "count"
//! ```
//!
//! A reduction may have several inputs, of which one that `of` uses is a matrix:
//!
//! ```toml
//! summary = "Sum of the products of the elements of two matrices."
//! inputs  = { x = "matrix", y = "matrix" }
//! dtypes  = ["f32", "f64"]
//!
//! [reduce]
//! axes    = ["all", "0", "1"]
//! of      = "x * y"
//! combine = "add"
//! ```
//!
//! # Stages
//! `[reduce.stages]` stands in the place of `of` and `combine`. A stage has a name, and is one value for each result: what
//! `of` and `combine` come to, then `finish`, in which that is called `acc`. Stages that come later use it by its name, in
//! `of` as if it were one more input. A stage may have `finish` alone.
//!
//! ```toml
//! summary  = "Variance of all elements, or along an axis."
//! inputs   = { x = "matrix", ddof = "scalar" }
//! dtypes   = ["f32", "f64"]
//! defaults = { ddof = 0 }
//!
//! [reduce]
//! axes     = ["all", "0", "1"]
//! finish   = "squares / max(count - ddof, 0)"
//! numerics = ["numpy", "accurate"]
//!
//! [reduce.stages]
//! mean     = { of = "x", combine = "add", finish = "acc / count" }
//! squares  = { of = "(x - mean) * (x - mean)", combine = "add" }
//! ```
//!
//! - The stages are computed in as few passes over the matrices as their order allows: those that need no other's value
//!   share the first pass, those that need one of these the second.
//! - `finish` and `outputs` are computed in f64. The value of a stage is rounded once to the operation's dtype, and so is a
//!   result. What `of` and `combine` come to is of that dtype, but for counts and places, which are exact.
//! - A stage that no other one and no result uses is an error.
//! - An operation has up to 16 inputs and stages together.
//! - Kernels of stages are those of plain reductions, and maps for what `of` computes, a block at a time. So
//!   `[variants]`, `[tasks]` and `[shapes]` do not apply.
//!
//! # Stages that a matrix is computed with
//! `output` beside `[reduce.stages]` makes the result a matrix: each of its elements is computed from the inputs at its place
//! and from what the stages come to, of all elements, of its column or of its row.
//!
//! ```toml
//! # center.toml
//! summary  = "Every element less the mean of all, of its column or of its row."
//! inputs   = { x = "matrix" }
//! output   = "x - mean"
//! dtypes   = ["f32", "f64"]
//!
//! [reduce]
//! axes     = ["all", "0", "1"]
//! numerics = ["numpy", "accurate"]
//!
//! [reduce.stages]
//! mean     = { of = "x", combine = "add", finish = "acc / count" }
//! ```
//!
//! - The functions are those of a map, for each axis: `center_axis1`, `center_axis1_into`, `center_axis1_inplace`, and with several
//!   classes `center_axis1_with` and so on.
//! - In `output` the value of a stage is an operand like any other, of the operation's dtype; `finish` of a stage is the place
//!   for what is to be computed once a result, and in f64. `count` is not to be had in `output`.
//! - `output` uses the first matrix, which is the one that a call in place overwrites.
//! - Along the rows the stages and the map go through some rows before the next ones are read, down the columns through a stripe
//!   of columns; where all elements make one value, or a stripe would be narrow, the stages come first. No bit depends on it.
//! - `finish` and `outputs` of `[reduce]` do not go with `output`.
//!
//! # Results
//! Without `finish` the result is that of the last stage. Its type follows from the expression: a mask, such as
//! `finish = "numbers == count"`, gives `bool`; a count or place that nothing is done with gives `i64`; everything else has
//! the operation's dtype. A place can only be a result as it is.
//!
//! `outputs`, in the place of `finish` and of an `output` beside the stages, are two to four results with names, all of the operation's dtype. The Rust
//! function gives a tuple, and writes into slices that have these names as parameters; Python's gives a tuple.
//!
//! ```toml
//! [reduce]
//! axes    = ["all", "0", "1"]
//! outputs = { least = "lo", greatest = "hi" }
//!
//! [reduce.stages]
//! lo      = { of = "x", combine = "min" }
//! hi      = { of = "x", combine = "max" }
//! ```
//!
//! Of no elements there is a result if each state, or stage, has a finite start: sums, products and counts have one; minima,
//! maxima and places have none, and a call on no elements is an error.
//!
//! # Numeric classes
//! `numerics` lists the classes that callers choose from. In the class `numpy`, runs of neighbours are summed by `NumPy`'s
//! pairwise tree, sums down the columns take in row after row, and products take in one element after another. In
//! the class `accurate` sums and products are pairwise along every axis. In stages that holds for each `combine`; minima, maxima,
//! counts and places have the same bits in both.
//!
//! # Defaults, and `NumPy`'s expression
//! `defaults` gives scalars the values that Python's function takes where a call leaves them out. In Rust they are
//! arguments like all others. Scalars with defaults are the last inputs, their values are finite, and none has several
//! forms.
//!
//! `numpy` is an expression in Python that gives the same bits as the operation: tests and the comparison with `NumPy`
//! evaluate it. In it are `np`, the inputs by their names, in a reduction `axis` and `keepdims`, and with stages and an `output`
//! `axis`; a column among the inputs is put upright by itself. Left out, it follows from the spec's expressions where `NumPy` has such a function.
//! `numpy = "none"` says that `NumPy` has nothing of the same bits.
//!
//! # Names
//! Operations, inputs and fields of a state are named in `snake_case`, with up to 40 letters, without two underlines
//! side by side (which the names have that generated code makes up), and not by keywords of Rust or Python. Beyond that
//! only what people see is taken:
//!
//! - Inputs are not named as the parameters that functions have beside them (`out`, `axis`, `keepdims`, `numerics`,
//!   `dtype`, `initial`), as
//!   the functions of expressions are, or `np`; in a reduction also not `count`, or `acc` with `combine`.
//! - A field of a state, or a stage, has another name than the inputs; a stage is not called `acc` or `count`.
//! - A result of `outputs` has another name than the inputs, and is not called `numerics`.
//! - No operation has the name of another one, be it made by a form of an input.
//! - No operation has the name of a function of another: `scale` has `scale_into`, `scale_inplace`, and with `_with` at
//!   the end a function for each of the three, and a reduction may make `scale_axis0` and `scale_axis1`.
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
//! | `exponent(x)` | e of a normal number m × 2^e with 1 ≤ m < 2, as a whole number; one less than the least of zeros and subnormal numbers, one more than the greatest of infinities | one more than the greatest | one less than the least |
//! | `mantissa(x)` | m of that, without the sign | nothing that means something | 1 |
//! | `pow2(k)` | 2^k, exactly, of a whole number that a normal number has as its exponent; of others nothing that means something | as of others | 1 |
//! | `poly(x, c0, c1, …)` | c0 + c1 × x + c2 × x² + …, by Horner's scheme: each step rounded once, from the last | NaN if any is | as sums have them |
//! | `exp exp2 exp10 expm1`, `log log2 log10 log1p` | as in C and Python; `exp10(x)` is 10^x | NaN; `log` also below 0 | `log(0)` is −∞; `expm1` and `log1p`: the same zero |
//! | `sinh cosh tanh`, `asinh acosh atanh`, `atan` | hyperbolic functions and their inverses, the arc tangent | NaN, as of what they are not defined for | the same zero, where that is the value |
//! | `cbrt(x)`, `rsqrt(x)` | the cube root; 1 / sqrt(x) | NaN; `rsqrt` also below 0 | the same zero; the infinity of its sign |
//! | `sigmoid(x)`, `silu(x)`, `softplus(x)` | 1 / (1 + e^−x); x times that; log(1 + e^x) | NaN | 0.5, the same zero, log 2 |
//!
//! From `exp` on functions are texts ([`text`]), a file each in the compiler's folder `functions`. Of f32 they give the number
//! that is nearest to the exact value, of every element; of f64 what docs/accuracy.md says.
//!
//! The same expression has the same bits on every machine, but for those of a NaN. So nothing depends on these, not even
//! on the sign that processors give a NaN, each its own: that is why `copysign` looks at it no further.
//!
//! `sign`, `fmin`, `fmax`, `clamp`, `poly`, `is_inf` and `is_finite` are short for what can be written with the others, and
//! some repeat their arguments in it. Within one another they soon exceed the limit of an expression's parts.
//!
//! `inf` and `nan` are constants, beside decimal numbers: `select(numbers == 0, nan, total / numbers)`.
//!
//! Every value has the operation's dtype; those of `finish` and `outputs` are computed in f64. Comparisons and the
//! functions that begin with `is_` give masks, which only `&& || !` and `select` take; an expression as a whole gives a
//! value, but for `of` of a `count`, which gives a mask, and `finish` of a reduction in stages, which may.
//!
//! Which names there are depends on the field: inputs in `output`, beside stages these, too; inputs in `of`, where stages have
//! those before them, too;
//! none in `init`; the state's fields and the input in `step`; `a.<field>` and `b.<field>` in `merge`; the fields and
//! `count` in `finish`; the stages before, scalars, `count` and, in a stage that has `of`, `acc` in `finish` of a stage; all
//! stages, scalars and `count` in `outputs` and in `finish` beside stages. A field that is itself called `count` is the one `finish` sees.
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
mod parts;
pub(crate) mod place;
mod python;
mod read;
mod reduce;
mod rule;
mod schema;
mod staged;
mod takes;
#[cfg(test)]
mod tests;
pub mod text;
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
    takes::Takes,
};
pub use crate::diagnostics::{Diagnostic, Diagnostics, Source};
