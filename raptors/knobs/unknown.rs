//! Variables that begin as those of this library do, and that nobody reads: most likely a slip of the keyboard.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use super::Knob;

/// What the names of all variables of this library begin with.
const PREFIX: &str = "RAPTORS_";

/// Variables that others read: builds, the tests and chores of the repository. They may be set while a program runs.
pub(super) const OF_OTHERS: &[&str] = &[
    "RAPTORS_BLESS",
    "RAPTORS_CONFORMANCE",
    "RAPTORS_GENERATED_DIR",
    "RAPTORS_RUSTC",
    "RAPTORS_SPECS",
    "RAPTORS_TEST_ALONE",
    "RAPTORS_TEST_EMISSION",
    "RAPTORS_XTASK_RUSTC_LOG",
];

/// Edits at most between a name that is unknown and one that may have been meant.
const SLIPS: usize = 4;

/// What to say of each of these names that is unknown, in the order of names.
pub(super) fn among(set: impl Iterator<Item = String>, knobs: &[Knob]) -> Vec<String> {
    let of_knobs = || knobs.iter().flat_map(|knob| &knob.variables).map(|variable| variable.name);
    let is_unknown = |name: &String| {
        name.starts_with(PREFIX)
            && !OF_OTHERS.contains(&name.as_str())
            && of_knobs().all(|known| known != name)
    };
    let mut unknown: Vec<String> = set.filter(is_unknown).collect();
    unknown.sort_unstable();
    let said = unknown.iter().map(|name| {
        let builds = ["RAPTORS_SPECS", "RAPTORS_GENERATED_DIR"];
        let known = of_knobs().filter(|known| known.starts_with(PREFIX)).chain(builds);
        let nearest = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
        let meant = match nearest.filter(|(edits, _)| *edits <= SLIPS) {
            Some((_, known)) => format!("is {known} meant?"),
            None => "docs/environment.md lists those that are".to_owned(),
        };
        format!("raptors: the environment variable {name} is not known, and does nothing: {meant}")
    });
    said.collect()
}

/// Says it on stderr, once in a process and its children.
pub(super) fn warn(unknown: &[String]) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if unknown.is_empty() || SAID.swap(true, Relaxed) {
        return;
    }
    // A program without stderr goes on.
    io::stderr().write_all((unknown.join("\n") + "\n").as_bytes()).ok();
}
