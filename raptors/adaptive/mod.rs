//! Cut-overs that adapt: whether calls share their work, and in what pieces, by what calls took on this machine.
//!
//! From how many bytes on a call is cut over threads is a field of the dispatch tables, by the specs' defaults or by a
//! profile. Both were right on a machine that did nothing else. Where that is not so, or where there is no profile,
//! `RAPTORS_ADAPTIVE=1` or [`enable`] has calls themselves tell: now and then one goes another way than the one in force, and
//! is timed; a way that is faster for sure is followed from then on.
//!
//! ```
//! # #[cfg(feature = "arithmetic")]
//! # fn main() -> Result<(), raptors::Error> {
//! use raptors::{Matrix, adaptive, ops};
//!
//! adaptive::enable();
//! let mut x = Matrix::<f32>::zeros(512, 512)?;
//! for _ in 0..100 {
//!     ops::scale_inplace(&mut x, 2.0)?;
//! }
//! for row in adaptive::state() {
//!     println!("{row}");
//! }
//! adaptive::disable();
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "arithmetic"))]
//! # fn main() {}
//! ```
//!
//! It learns for each operation, dtype, numeric class, in place or not, number of threads, size (a power of two) and aspect.
//! Calls below 128 KiB are left alone, and so are calls from inside a rayon worker, calls that name a kernel or a cut, and
//! operations whose spec leaves no choice. The bits of results never depend on it.
//!
//! How it decides is in `policy.rs`, which knows neither clock nor kernel; docs/adaptive.md tells it in words.
//!
//! A forked child goes on with what its parent had decided, and learns for itself from there on.

mod buckets;
mod policy;
#[cfg(feature = "tune")]
mod profile;
mod state;
#[cfg(all(test, feature = "arithmetic"))]
mod tests;

#[cfg(feature = "tune")]
pub use self::profile::{SaveError, save, with};
pub use self::state::{Adapted, Row, Tried, Way, state};
pub(crate) use self::{
    buckets::{Sample, advice},
    state::of_call,
};
use crate::watch;

/// Whether calls adapt.
#[must_use]
pub fn is_on() -> bool {
    watch::is_on() && watch::has(watch::ADAPTED)
}

/// Has calls adapt from now on, those of all threads. What was learned before holds again.
pub fn enable() {
    watch::set(watch::ADAPTED, true);
}

/// Has calls follow the tables alone from now on, those of all threads. What was learned stays, until [`reset`].
pub fn disable() {
    watch::set(watch::ADAPTED, false);
}

/// Forgets what was learned. Calls that end meanwhile may be remembered.
pub fn reset() {
    buckets::reset();
}
