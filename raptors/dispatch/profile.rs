//! Whose winners this machine follows: those of the specs' defaults, of a profile of the build, of the user's own.
//!
//! Found once, when the first call looks into a table: the profile of this processor among those of the build, and over
//! it, row by row, the user's own, in builds that carry candidates for it to choose from (feature `tunable`).

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use raptors_profile::cpu_key;

use super::{
    Isa,
    call::Sig,
    generated::BUILT_IN,
    table::{Choices, HAS_BACKENDS, Place, Table},
};
use crate::{Error, knobs, lazy::Lazy};

#[cfg(feature = "tunable")]
pub(crate) mod own;

/// A profile that was compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuiltIn {
    /// The processor it is of.
    pub cpu: &'static str,
    /// Its file.
    pub file: &'static str,
    /// The compiler that made the kernels which it compared.
    pub rustc: &'static str,
    /// The day it was made.
    pub date: &'static str,
    /// Rows that count: those of kernels that are still what they were.
    pub rows: usize,
}

/// The user's own profile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Own {
    /// Its file.
    pub file: PathBuf,
    /// The day it was made.
    pub date: String,
    /// Rows that count: those of kernels that this build has, and that are still what they were.
    pub rows: usize,
}

/// What this machine follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Followed {
    /// The key of this processor.
    pub cpu: &'static str,
    /// The profile of the build, if it has one for this processor and nobody said `none`.
    pub built_in: Option<&'static BuiltIn>,
    /// The user's own, whose rows go before those.
    pub own: Option<Own>,
    /// What is not followed, and why.
    pub notes: Vec<String>,
}

/// What `RAPTORS_PROFILE` asks for.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// What there is for this processor.
    Any,
    /// The defaults of the specs.
    None,
    /// This one of the user's.
    #[cfg(feature = "tunable")]
    File(std::sync::Arc<own::File>),
}

/// Words for the values of the variable.
pub(crate) const VALUES: &str =
    "none, or the path of a profile of this processor, in builds that carry candidates (feature `tunable`)";

impl Wish {
    /// What a value of the variable asks for.
    pub(crate) fn read(word: &str) -> Result<Self, String> {
        match word {
            "" => Ok(Self::Any),
            "none" => Ok(Self::None),
            #[cfg(feature = "tunable")]
            path => match own::File::read(Path::new(path)) {
                Ok(file) => Ok(Self::File(file.into())),
                Err(why) => Err(format!("none, or the path of a profile of this processor ({why})")),
            },
            #[cfg(not(feature = "tunable"))]
            _ => Err(format!("none ({UNABLE})")),
        }
    }
}

/// In words.
impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("that of this processor"),
            Self::None => f.write_str("none"),
            #[cfg(feature = "tunable")]
            Self::File(file) => file.path.display().fmt(f),
        }
    }
}

/// Why a build cannot follow a profile that it was not built with.
#[cfg(not(feature = "tunable"))]
const UNABLE: &str = "this build carries no candidates to choose from: it lacks the feature `tunable`";

/// The folder of users' own profiles, in that folder of users' settings or in the system's usual one.
pub(crate) fn folder(config: Option<&Path>) -> Option<PathBuf> {
    let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    let settings = config.map(Path::to_owned).or_else(|| {
        let home = env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join(usual))
    })?;
    Some(settings.join("raptors"))
}

struct Found {
    /// The place of the profile among those of the build.
    built_in: Option<usize>,
    #[cfg(feature = "tunable")]
    own: Option<std::sync::Arc<own::File>>,
    followed: Followed,
}

static FOUND: Lazy<Found> = Lazy::new(|| {
    let cpu = cpu_key();
    let mut followed = Followed { cpu, ..Followed::default() };
    #[cfg(feature = "tunable")]
    let mut own = None;
    let mut built_in = None;
    // With settings that cannot be read no call comes to use this.
    if let Ok(settings) = knobs::settings()
        && !matches!(settings.profile, Wish::None)
    {
        built_in = BUILT_IN.iter().position(|profile| profile.cpu == cpu);
        followed.built_in = built_in.map(|at| &BUILT_IN[at]);
        let usual = folder(settings.config.as_deref()).map(|folder| folder.join(format!("{cpu}.toml")));
        #[cfg(feature = "tunable")]
        {
            own = own::find(&settings.profile, usual, &mut followed);
        }
        #[cfg(not(feature = "tunable"))]
        if let Some(usual) = usual.filter(|usual| usual.exists()) {
            followed.notes.push(format!("{}: {UNABLE}", usual.display()));
        }
    }
    Found {
        built_in,
        #[cfg(feature = "tunable")]
        own,
        followed,
    }
});

/// Whose winners calls follow on this machine.
///
/// # Errors
/// [`Error::Environment`] if `RAPTORS_PROFILE`, or any other variable, cannot be read.
pub fn profile() -> Result<&'static Followed, Error> {
    knobs::settings().map_err(Clone::clone)?;
    Ok(&FOUND.followed)
}

/// The rows of a table that hold on this machine, for an ISA by its number.
#[cold]
pub(crate) fn choose<S: Sig>(table: &'static Table<S>, isa: usize) -> &'static Choices {
    let rows = table.isas[isa].as_ref().expect("asked for where there are rows");
    let tuned = FOUND.built_in.and_then(|at| rows.tuned.iter().find(|(of, _)| *of == at));
    let choices = tuned.map_or_else(|| rows.usual(Isa::ALL[isa]), |(_, choices)| choices);
    #[cfg(feature = "tunable")]
    let choices = FOUND.own.as_ref().map_or(choices, |own| own.over(choices, table, isa));
    if HAS_BACKENDS { without_refused(choices, table, rows.usual(Isa::ALL[isa])) } else { choices }
}

/// The rows with the defaults in the place of routines whose library is not asked.
fn without_refused<S: Sig>(
    choices: &'static Choices,
    table: &'static Table<S>,
    usual: &'static Choices,
) -> &'static Choices {
    let is_refused = |place: &Place| table.rows[usize::from(*place)].refused().is_some();
    let exact = || choices.exact.iter().flat_map(|(_, sizes)| sizes);
    if !choices.buckets.iter().chain(exact()).any(is_refused) {
        return choices;
    }
    let mut held = Choices { ..*choices };
    for (place, usual) in held.buckets.iter_mut().zip(usual.buckets) {
        *place = if is_refused(place) { usual } else { *place };
    }
    // Without a row of its own, a shape has that of its bucket.
    let exact = choices.exact.iter().filter(|(_, sizes)| !sizes.iter().any(is_refused));
    held.exact = exact.copied().collect::<Vec<_>>().leak();
    held.won = &[];
    Box::leak(Box::new(held))
}

/// How much faster than the default a winner was, in tenths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Won {
    /// By the duel.
    pub(crate) margin: i32,
    /// At least.
    pub(crate) low: i32,
    /// At most.
    pub(crate) high: i32,
    /// Whether the user's own profile says it.
    pub(crate) own: bool,
}

/// A row of a profile, as [`explain`](crate::explain) tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Win {
    /// The profile's file.
    pub profile: String,
    /// How much faster than the spec's default it was: `3.1%`.
    pub margin: String,
    /// Where that lies: `2.7% to 3.5%`.
    pub interval: String,
}

impl Win {
    pub(crate) fn of(won: Won) -> Self {
        let Followed { built_in, own, .. } = &FOUND.followed;
        let profile = match (won.own, own, built_in) {
            (true, Some(own), _) => own.file.display().to_string(),
            (_, _, Some(built_in)) => built_in.file.to_owned(),
            (_, _, None) => unreachable!("a row of a profile is of one that is followed"),
        };
        let interval = format!("{} to {}", percent(won.low), percent(won.high));
        Self { profile, margin: percent(won.margin), interval }
    }
}

/// `3.1% faster than the default (2.7% to 3.5%), by kernel-specs/tuned/amd-zen4.toml`
impl fmt::Display for Win {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, margin, interval } = self;
        write!(f, "{margin} faster than the default ({interval}), by {profile}")
    }
}

fn percent(tenths: i32) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{}%", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10)
}
