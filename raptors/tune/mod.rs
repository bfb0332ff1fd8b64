//! The tournament: which kernel each row of the dispatch tables should name on this machine.
//!
//! [`run`] takes the [`cases`] of the catalogue in turn and holds a tournament ([`tournament::hold`]) for each. What
//! may be concluded from times is in [`statistics`]; docs/tuning.md tells it in words. What the [`Findings`] make of a
//! profile is in [`ProfileFile`]. Nothing is printed here: the command `raptors tune`, `cargo bench` and the Python
//! package have a progress and a summary of their own.

mod arena;
mod case;
mod cores;
mod cuts;
mod found;
mod limit;
mod profile;
mod row;
mod run;
pub mod statistics;
mod subject;
pub mod tournament;

pub use case::{Case, Filter, cases, complexity};
pub use cuts::{Cuts, Tasks, Way};
pub use found::{Candidate, Findings, Found};
pub use profile::{ProfileError, ProfileFile, own_folder, today};
#[doc(no_inline)]
pub use raptors_profile::{Aspect, Bucket, Place, Size};
pub use run::{Again, Observer, Settings, competing, rounds, run};
