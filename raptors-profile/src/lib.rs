//! Winners as data: what a tournament found on a processor, and which processor this is.
//!
//! A profile is a file, `<cpu>.toml`, that people review and programs read: a build compiles the profiles of
//! `kernel-specs/tuned/` in, and a program that carries candidates reads its user's own.
//!
//! ```toml
//! # Winners of the tournament on this CPU. Made by `cargo bench`; read by every build.
//! version = 2
//! cpu     = "amd-zen4"
//! caches  = { l1 = "32 KiB", l2 = "1 MiB", l3 = "32 MiB" }
//! rustc   = "1.95.0"
//! date    = "2026-11-25"
//!
//! [kernels.mul_m_s.f32.avx2]
//! "512x512"       = { kernel = "mul_m_s_map_f32_avx2_u8", body = "1f2e3d4c5b6a7988", margin = "3.1%", interval = "2.7% to 3.5%" }
//! "memory square" = { kernel = "mul_m_s_map_f32_avx2_u2_nt", body = "0a2e3d4c5b6a7988", margin = "9.0%", interval = "8.8% to 9.3%" }
//!
//! [threads.2.mul_m_s.f32.avx2]
//! "memory square" = { crossover = "1 MiB", chunk = "256 KiB", margin = "4.0%", interval = "3.1% to 5.2%" }
//! ```
//!
//! - A table is what its kernels compute, a dtype, and an ISA with the class of the table: `avx2`, `avx2-inplace`,
//!   `avx2-acc` (kernels of the class `accurate`, where it has its own). All operations that compute it follow it: `sum`
//!   and `mean` follow `add_all`. Kernels of a plainer ISA may win in it.
//! - A row is a target shape of the spec or a bucket: where the bytes of a call stay (`l1`, `l2`, `l3`, `memory`) and
//!   the aspect of its matrix (`wide`, `square`, `tall`). A row of a shape holds for the size class that the shape has
//!   by the caches in the head.
//! - There is a row where the winner is not the spec's default; `margin` is how much faster than the default it was, in
//!   a fresh duel (about threads: than what held before), and `interval` what that may be within. `body` is the kernel's identity, a hash of its body as
//!   it is lowered: of another body nothing is known, so such a row counts no more.
//! - Rows about threads are those of a number of threads: from how many bytes on a call is shared (or `never`), and in
//!   pieces of how many bytes (or `1 per thread`).
//! - `note`, which may be left out, is for people.
#![forbid(unsafe_code)]

mod cpu;
#[cfg(feature = "file")]
mod file;
mod kind;
#[cfg(feature = "file")]
mod model;
mod names;
#[cfg(feature = "file")]
mod word;

pub use cpu::{arm, cpu_key, from_brand, from_cpuinfo, is_cpu_key, x86};
#[cfg(feature = "file")]
pub use file::{Error, parse, parse_version_1};
pub use kind::Kind;
#[cfg(feature = "file")]
pub use model::{Aspect, Bucket, Caches, Cut, Place, Profile, Size, Table, Winner};
#[cfg(feature = "file")]
pub use word::{Bytes, Percent, Span};

/// Where the bytes of a call stay: in the first, second or third cache (0, 1, 2), or in none of them. `limits` are the most
/// bytes that stay in each.
#[must_use]
#[inline]
pub fn size_class(limits: [usize; 3], bytes: usize) -> usize {
    limits.into_iter().map(|limit| usize::from(bytes > limit)).sum()
}

/// The most bytes of a call that stay in the third cache, as a share of it. It is shared: a call can count on two thirds,
/// unless something else is known of a processor.
#[must_use]
#[inline]
pub const fn third(l3: usize, (numerator, denominator): (usize, usize)) -> usize {
    (l3 / denominator).saturating_mul(numerator)
}

/// What is counted on where nothing else is known.
pub const USUAL_THIRD: (usize, usize) = (2, 3);

/// The form of a matrix: wide, square or tall (0, 1, 2). Rows and columns that differ by more than a factor of sixteen make
/// it wide or tall.
#[must_use]
#[inline]
pub fn aspect_class((rows, cols): (usize, usize)) -> usize {
    const OBLONG: usize = 16;
    if rows > cols.saturating_mul(OBLONG) { 2 } else { usize::from(cols <= rows.saturating_mul(OBLONG)) }
}
