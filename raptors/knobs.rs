//! The knobs of a running program: one table of the environment variables that it reads.
//!
//! The table makes three things. [`Settings`] has a field for each knob, typed, for the code that obeys it; the build
//! fails if there is none, since a field that is never read is an error. [`knobs`] has the words, for people: the
//! command `raptors info` and docs/environment.md. And all variables are read together, once, when the first of them is
//! needed: if any has a value that cannot be read, the error stands in place of the settings, and every call gives it.

use std::{env, num::NonZero, path::PathBuf, thread};

use crate::{
    Error, Isa, Numerics,
    dispatch::{
        call::machine_isas,
        profile::{self, Wish},
    },
    lazy::Lazy,
    runtime::threads::MOST_THREADS,
};

/// A variable, and the values it takes, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `RAPTORS_SIMD`.
    pub name: &'static str,
    /// `a number from 1 to 1024`.
    pub values: String,
}

/// Something that is set by environment variables, and what it is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Knob {
    /// Its variables: the first that is set counts, and the others are not looked at. One that is empty is not set.
    pub variables: Vec<Variable>,
    /// What holds if none is set, in words.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// What holds in this process; the error of every call if that cannot be read.
    pub in_force: Result<InForce, Error>,
}

/// What a knob is set to, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InForce {
    /// The value, in words: `avx2`, `256 MiB`.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where the value of a knob comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value, as it is written there.
        value: String,
    },
    /// No variable is set: [`Knob::default`] says what then holds.
    Default,
}

/// How a variable is read: the value that it means, or what was expected in its place.
type Read<T> = fn(&str) -> Result<T, String>;

/// Makes [`Settings`] and the reading of it from the table below.
///
/// The words of a knob are made here too, as it is read, and from a value that is not in the settings yet: so that
/// printing a knob does not count as obeying it.
macro_rules! table {
    ($(
        $meaning:literal
        $field:ident: $type:ty = $($variable:literal ($values:expr) by $read:expr),+;
        else $default:literal ($unset:expr), shown by $shown:expr;
    )+) => {
        /// What the environment asks for. The place that obeys a knob reads its field as `settings.<field>`.
        #[cfg_attr(target_os = "linux", deny(dead_code, reason = "a knob that nothing reads cannot exist"))]
        #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "some knobs are of Linux alone"))]
        pub(crate) struct Settings {
            $(#[doc = $meaning] pub(crate) $field: $type,)+
        }

        /// The fields, for the test that each is read.
        #[cfg(test)]
        const FIELDS: &[&str] = &[$(stringify!($field)),+];

        /// Reads every knob from an environment, whatever becomes of the others.
        fn read(environment: &dyn Fn(&str) -> Option<String>) -> (Result<Settings, Error>, Vec<Knob>) {
            let mut knobs = Vec::new();
            $(let $field: Result<$type, Error> = {
                let variables: &[(Variable, Read<$type>)] =
                    &[$((Variable { name: $variable, values: $values.to_string() }, $read)),+];
                let (value, origin) = first_set(variables, environment, $unset);
                knobs.push(Knob {
                    variables: variables.iter().map(|(variable, _)| variable.clone()).collect(),
                    default: $default,
                    meaning: $meaning,
                    in_force: value.clone().map(|value| InForce { value: $shown(value), origin }),
                });
                value
            };)+
            let settings = || Ok(Settings { $($field: $field?),+ });
            (settings(), knobs)
        }
    };
}

table! {
    "The most capable instruction set that calls use."
    simd: Isa = "RAPTORS_SIMD" (simd_values()) by |word| simd(word, &machine_isas().collect::<Vec<_>>());
    else "the best that this machine has" (|| best(machine_isas())), shown by |isa: Isa| isa.name().to_owned();

    "The number of threads that a call may use."
    threads: Option<usize> =
        "RAPTORS_THREADS" (THREADS) by |word| positive(word).map(Some).ok_or_else(|| THREADS.to_owned()),
        "OMP_NUM_THREADS" (THREAD_LIST) by |word| first_of_list(word).map(Some).ok_or_else(|| THREAD_LIST.to_owned());
    else "the cores that the calling thread may use (affinity mask, control group)" (|| None),
    shown by |threads: Option<usize>| threads.unwrap_or_else(cores).to_string();

    "Whether a worker that a call wakes is moved off the core of the thread that calls, on Linux, where the scheduler of a \
     virtual machine may leave the two on one core for some milliseconds. That sets the worker's affinity mask for a moment: \
     a mask that somebody else sets in the same microseconds may be lost, and a sandbox that ends processes for \
     `sched_setaffinity` will."
    move_workers: Option<bool> = "RAPTORS_MOVE_WORKERS" (MOVES) by moves;
    else "`on` in a process whose system calls are not filtered (seccomp) when the first worker is woken, else `off`" (|| None),
    shown by |moves: Option<bool>| moves.map_or_else(|| "auto".to_owned(), on_or_off);

    "The bytes that the pool of buffers may keep: memory of matrices that were dropped, for the results of calls to \
     come. `raptors::trim` gives it back."
    pool_bytes: usize = "RAPTORS_POOL_BYTES" (BYTES) by |word| bytes(word).ok_or_else(|| BYTES.to_owned());
    else "256 MiB" (|| 256 << 20), shown by in_units;

    "The profile that calls follow: whose winners they run. `none` is the defaults of the specs."
    profile: Wish = "RAPTORS_PROFILE" (profile::VALUES) by Wish::read;
    else "the user's own of this processor, over that of the build" (|| Wish::Any), shown by |wish: Wish| wish.to_string();

    "The numeric class of calls that say none, of operations that have the class `any`. It changes results in builds with a \
     backend alone (features `openblas` and `accelerate`)."
    numerics: Numerics = "RAPTORS_NUMERICS" (NUMERICS) by |word| numerics(word).ok_or_else(|| NUMERICS.to_owned());
    else "numpy" (|| Numerics::Numpy), shown by |class: Numerics| class.name().to_owned();

    "Whether calls are counted and timed from the start: what `raptors::telemetry` tells of them. `raptors::telemetry::set` \
     changes it later."
    telemetry: bool = "RAPTORS_TELEMETRY" (SWITCH) by |word| switch(word).ok_or_else(|| SWITCH.to_owned());
    else "off" (|| false), shown by on_or_off;

    "Whether calls adapt from the start: learn from what calls take whether to share their work, and in what pieces. \
     `raptors::adaptive` changes it later."
    adaptive: bool = "RAPTORS_ADAPTIVE" (SWITCH) by |word| switch(word).ok_or_else(|| SWITCH.to_owned());
    else "off" (|| false), shown by on_or_off;

    "The folder of users' settings: in its folder `raptors` are their own profiles, a file named after each processor."
    config: Option<PathBuf> = "XDG_CONFIG_HOME" (CONFIG) by |word| Ok(absolute(word));
    else "`~/.config`, on macOS `~/Library/Application Support`" (|| None),
    shown by |config: Option<PathBuf>| profile::folder(config.as_deref()).map_or_else(|| "no folder".to_owned(), |folder| folder.display().to_string());
}

static READ: Lazy<(Result<Settings, Error>, Vec<Knob>)> = Lazy::new(|| {
    let read = read(&|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()));
    let set = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    unknown::warn(&unknown::among(set, &read.1));
    read
});

/// What the environment asks for, or the first of its variables that cannot be read.
pub(crate) fn settings() -> Result<&'static Settings, &'static Error> {
    READ.0.as_ref()
}

/// The knobs of this process: what can be set by the environment, what is set, and by which variable.
///
/// ```
/// for knob in raptors::knobs() {
///     let variable = &knob.variables[0];
///     println!("{} takes {}: {}", variable.name, variable.values, knob.meaning);
/// }
/// ```
#[must_use]
pub fn knobs() -> &'static [Knob] {
    &READ.1
}

/// The value of the first variable that is set, and its name.
fn first_set<T>(
    variables: &[(Variable, Read<T>)],
    environment: &dyn Fn(&str) -> Option<String>,
    unset: fn() -> T,
) -> (Result<T, Error>, Origin) {
    for (Variable { name, .. }, read) in variables {
        if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
            let read = read(value.trim());
            let origin = Origin::Variable { name, value: value.clone() };
            return (read.map_err(|expected| Error::Environment { variable: name, value, expected }), origin);
        }
    }
    (Ok(unset()), Origin::Default)
}

const THREADS: &str = "a number from 1 to 1024";
const THREAD_LIST: &str = "a number from 1 to 1024, or a list separated by commas, of which the first counts";
const BYTES: &str = "a number of bytes, or a number with one of the units KiB, MiB, GiB; 0 keeps nothing";

const MOVES: &str = "auto, on (1) or off (0)";

fn moves(word: &str) -> Result<Option<bool>, String> {
    match word.to_ascii_lowercase().as_str() {
        // Nothing but spaces.
        "" | "auto" => Ok(None),
        "on" | "1" => Ok(Some(true)),
        "off" | "0" => Ok(Some(false)),
        _ => Err(MOVES.to_owned()),
    }
}

const NUMERICS: &str = "numpy or any";

fn numerics(word: &str) -> Option<Numerics> {
    let word = word.to_ascii_lowercase();
    [Numerics::Numpy, Numerics::Any].into_iter().find(|class| class.name() == word)
}

const SWITCH: &str = "on (1), or off (0)";
const CONFIG: &str = "the absolute path of a folder; one that is not absolute does not count";

fn absolute(word: &str) -> Option<PathBuf> {
    Some(PathBuf::from(word)).filter(|path| path.is_absolute())
}

fn simd_values() -> String {
    format!("auto (1, force), off (0, disable), or one of {}", Isa::ALL.map(Isa::name).join(", "))
}

/// What a value of `RAPTORS_SIMD` means on a machine that has these ISAs.
fn simd(word: &str, here: &[Isa]) -> Result<Isa, String> {
    match word.to_ascii_lowercase().as_str() {
        // Nothing but spaces.
        "" | "auto" | "1" | "force" => Ok(best(here.iter().copied())),
        "off" | "0" | "disable" => Ok(Isa::Portable),
        name => here.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<_> = here.iter().map(|isa| isa.name()).collect();
            let exists = Isa::ALL.into_iter().any(|isa| isa.name() == name);
            let lacking = if exists { format!(" (this machine has no {name})") } else { String::new() };
            format!("auto, off, or one of {}{lacking}", names.join(", "))
        }),
    }
}

fn best(here: impl Iterator<Item = Isa>) -> Isa {
    here.last().unwrap_or(Isa::Portable)
}

fn positive(word: &str) -> Option<usize> {
    word.parse().ok().filter(|number| (1..=MOST_THREADS).contains(number))
}

/// The first of a list as OpenMP has it: a number for each level of nesting.
fn first_of_list(word: &str) -> Option<usize> {
    let numbers: Option<Vec<usize>> = word.split(',').map(|number| positive(number.trim())).collect();
    numbers?.first().copied()
}

fn bytes(word: &str) -> Option<usize> {
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match word[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

fn switch(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "1" => Some(true),
        "off" | "0" => Some(false),
        _ => None,
    }
}

fn on_or_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

/// In the largest unit that divides it: `256 MiB`.
pub(crate) fn in_units(bytes: usize) -> String {
    [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(bits, _)| bytes > 0 && bytes.trailing_zeros() >= *bits)
        .map_or_else(|| format!("{bytes} bytes"), |(bits, unit)| format!("{} {unit}", bytes >> bits))
}

/// Cores that this process may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

mod unknown;

#[cfg(test)]
mod tests;
