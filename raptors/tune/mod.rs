//! The tournament: which kernel each row of the dispatch tables should name on this machine.
//!
//! [`run`] takes the [`cases`] of the catalogue in turn and holds a tournament ([`tournament::hold`]) for each. What
//! may be concluded from times is in [`statistics`]; docs/tuning.md tells it in words. Nothing is written or printed
//! here: the command `raptors tune` and `cargo bench` make a profile and a report of the [`Findings`].

mod case;
mod cores;
mod cuts;
mod limit;
mod run;
pub mod statistics;
mod subject;
pub mod tournament;

pub use case::{Aspect, Case, Filter, Place, Size, cases, complexity};
pub use cuts::{Cuts, Tasks, Way};
pub use run::{Candidate, Findings, Found, Observer, Settings, competing, rounds, run};
