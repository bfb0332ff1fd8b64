//! Which kernels take part: every one in this build, or fewer where a processor is emulated and time is short.

use std::{collections::BTreeSet, env, sync::LazyLock};

use raptors::catalogue::{self, Kernel, Status};

/// The variable that restricts the kernels.
const VARIABLE: &str = "RAPTORS_CONFORMANCE";

/// How many of the kernels in this build take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All of them.
    All,
    /// Those that ship; and of the candidates one of each combination of kinds of variation (pipelined, several
    /// streams, a tile, …) that no other has, for each skeleton, dtype and instruction set.
    Families,
}

impl Scope {
    /// # Panics
    /// At a word it does not know: a typing error would go unnoticed, and the tests would look at something else.
    fn read(word: Option<&str>) -> Self {
        match word {
            None | Some("" | "all") => Self::All,
            Some("families") => Self::Families,
            Some(word) => panic!("{VARIABLE}={word:?}: expected all or families"),
        }
    }

    /// The names of the kernels that take part.
    fn kernels(self) -> BTreeSet<&'static str> {
        // What ships comes first, so that a candidate is taken only for a combination that no shipped kernel has; and
        // of the candidates the last, whose step is the longest.
        let mut kernels: Vec<_> = catalogue::kernels().iter().filter(|kernel| kernel.is_built()).collect();
        kernels.reverse();
        kernels.sort_by_key(|kernel| kernel.status != Status::Shipped);
        let mut seen = BTreeSet::new();
        kernels.retain(|kernel| {
            let is_new = seen.insert(combination(kernel));
            self == Self::All || kernel.status == Status::Shipped || is_new
        });
        kernels.into_iter().map(|kernel| kernel.name).collect()
    }
}

/// What makes a kernel one of a family: its skeleton, dtype, instruction set, and in which ways it varies, not how much.
fn combination(kernel: &Kernel) -> String {
    let ways = kernel.variant.replace(|c: char| c.is_ascii_digit(), "");
    format!("{}, {}, {}, {ways}", kernel.skeleton, kernel.dtype, kernel.isa.name())
}

/// Whether a kernel takes part in this run, if its instruction set is here.
pub(crate) fn takes_part(kernel: &Kernel) -> bool {
    static NAMES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
        let word = env::var_os(VARIABLE).map(|word| word.to_string_lossy().into_owned());
        Scope::read(word.as_deref()).kernels()
    });
    NAMES.contains(kernel.name)
}

/// Whether time is short: a processor is emulated.
pub(crate) fn is_short() -> bool {
    let word = env::var_os(VARIABLE).map(|word| word.to_string_lossy().into_owned());
    Scope::read(word.as_deref()) == Scope::Families
}

#[test]
fn families_leave_out_no_kind_of_kernel() {
    let combinations = |names: &BTreeSet<&str>| -> BTreeSet<String> {
        let named = catalogue::kernels().iter().filter(|kernel| names.contains(kernel.name));
        named.map(combination).collect()
    };
    let (all, families) = (Scope::All.kernels(), Scope::Families.kernels());
    assert!(families.is_subset(&all));
    assert_eq!(combinations(&families), combinations(&all));
    for kernel in catalogue::kernels() {
        assert_eq!(all.contains(kernel.name), kernel.is_built(), "{}", kernel.name);
        assert!(kernel.status != Status::Shipped || families.contains(kernel.name), "{}", kernel.name);
    }
    // With the candidates in it, a build has many of one kind.
    assert_eq!(
        families.len() < all.len(),
        cfg!(any(feature = "candidates", feature = "tunable")),
        "{} of {}",
        families.len(),
        all.len()
    );
}

#[test]
fn a_word_that_is_none_is_refused() {
    assert_eq!(Scope::read(None), Scope::All);
    assert_eq!(Scope::read(Some("families")), Scope::Families);
    assert!(std::panic::catch_unwind(|| Scope::read(Some("family"))).is_err());
}
