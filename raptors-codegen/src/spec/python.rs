//! The names that the Python package has beside its functions. `python.toml` lists them, and a test of the package
//! holds it to what is there.

use std::{collections::BTreeMap, sync::LazyLock};

/// Each name, and what it is, as the end of a sentence.
static NAMES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../python.toml")).expect("python.toml maps names to what they are")
});

/// What the Python package has under that name, if it has something.
pub(super) fn what_is(name: &str) -> Option<&'static str> {
    NAMES.get(name).map(String::as_str)
}

/// Every name.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.keys().map(String::as_str)
}
