//! What a machine can do, one description a file: `isa/<name>.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Dtype, op::Family};

/// An instruction set that kernels are generated for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isa {
    /// Its name: the file's, and that of the vocabulary in `raptors/simd/`.
    #[serde(skip)]
    pub name: String,
    /// What people call it.
    pub summary: String,
    /// `target_arch` it belongs to, or `any`.
    pub arch: String,
    /// `target_feature`s its functions enable; all must be present at run time.
    pub features: Vec<String>,
    /// Bytes of a vector.
    pub vector_bytes: usize,
    /// Vector registers.
    pub registers: usize,
    /// Whether it can hint that a line will be read.
    pub prefetch: bool,
    /// Whether it has stores that bypass the caches.
    pub streaming: bool,
    /// Whether its kernels vary in their unroll factor alone. Left out, in all that specs list; `true` saves builds that
    /// carry candidates what brings nothing.
    #[serde(default)]
    pub unroll_alone: bool,
    /// Where its kernels are the default. Left out, everywhere.
    ///
    /// Wider vectors need not be faster: beyond the caches that feed them, memory sets the pace, on some processors they
    /// are executed in two passes or slow the clock, and where arrays do not begin on a cache line each load touches two.
    /// So a description may name the size classes in which its own kernels are what its dispatch table holds, for each
    /// kind of kernel, and the plainer ISA whose rows it holds in the others; and what differs on which processors. What
    /// no row then names is a candidate like any other.
    #[serde(default)]
    pub pays: Option<Pays>,
    /// From which size on maps that write a matrix of their own store past the caches, on ISAs that can. Left out, where
    /// all that a call reads and writes is more than two thirds of the third cache.
    #[serde(default)]
    pub past: Option<Past>,
}

/// Where an ISA's own kernels are the default, and whose are elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pays {
    /// The ISA whose rows serve the other classes: one that comes before it, of the same architecture or of any.
    pub elsewhere: String,
    /// Where they pay, on processors that are not listed.
    #[serde(flatten)]
    pub usual: Kinds<Vec<Size>>,
    /// What differs on which processors.
    #[serde(default)]
    pub on: Vec<PaysOn>,
}

/// Something for each kind of kernel.
#[derive(Clone, Debug, Deserialize)]
pub struct Kinds<T> {
    /// Maps that write a matrix of their own.
    pub maps: T,
    /// Maps that overwrite a matrix.
    pub in_place: T,
    /// Runs of neighbours.
    pub runs: T,
    /// Down the columns.
    pub columns: T,
}

/// Where kernels pay on some processors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaysOn {
    /// Their keys, as profiles are named.
    pub cpus: Vec<String>,
    /// As [`Kinds::maps`]; left out, as usual.
    pub maps: Option<Vec<Size>>,
    /// As [`Kinds::in_place`].
    pub in_place: Option<Vec<Size>>,
    /// As [`Kinds::runs`].
    pub runs: Option<Vec<Size>>,
    /// As [`Kinds::columns`].
    pub columns: Option<Vec<Size>>,
    /// How this is known.
    pub source: String,
}

/// From which share of the third cache on stores go past it, by all that a call reads and writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// Calls of one thread.
    pub alone: Share,
    /// Calls that several threads share.
    pub together: Share,
    /// What differs on which processors.
    #[serde(default)]
    pub on: Vec<PastOn>,
}

/// From which share of the third cache on stores go past it on some processors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastOn {
    /// Their keys, as profiles are named.
    pub cpus: Vec<String>,
    /// As [`Past::alone`].
    pub alone: Share,
    /// As [`Past::together`].
    pub together: Share,
    /// How this is known.
    pub source: String,
}

/// A fraction, `2/3`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Share {
    /// Above the line.
    pub numerator: usize,
    /// Below it.
    pub denominator: usize,
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (numerator, denominator) = text.split_once('/')?;
            Some(Self { numerator: numerator.parse().ok()?, denominator: denominator.parse().ok()? })
        };
        read()
            .filter(|share| share.denominator > 0)
            .ok_or_else(|| format!("`{text}` is no fraction such as 2/3"))
    }
}

/// A class of size: the cache that all the bytes of a call stay in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// The first cache.
    L1,
    /// The second.
    L2,
    /// A core's part of the third.
    L3,
    /// None of them.
    Memory,
}

impl Size {
    /// Every class, in the order of dispatch tables.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::Memory];
}

static ALL: LazyLock<Vec<Isa>> = LazyLock::new(|| {
    let files: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/isa_files.rs"));
    let mut all: Vec<Isa> = files
        .iter()
        .map(|(name, text)| {
            let isa: Isa = toml::from_str(text).unwrap_or_else(|error| panic!("isa/{name}.toml: {error}"));
            Isa { name: (*name).to_owned(), ..isa }
        })
        .collect();
    // From what runs everywhere to what asks for most: a later one is preferred when the machine has it.
    all.sort_by(|a, b| {
        (a.arch != "any", &a.arch, a.vector_bytes, &a.name).cmp(&(
            b.arch != "any",
            &b.arch,
            b.vector_bytes,
            &b.name,
        ))
    });
    for (at, isa) in all.iter().enumerate() {
        if let Some(pays) = &isa.pays {
            let plainer = all[..at].iter().find(|other| other.name == pays.elsewhere);
            assert!(
                plainer.is_some_and(|other| other.is_portable() || other.arch == isa.arch),
                "isa/{}.toml: `elsewhere` names no plainer ISA of {}: {:?}",
                isa.name,
                isa.arch,
                pays.elsewhere
            );
            listed(&isa.name, pays.on.iter().map(|on| (&on.cpus, &on.source)));
        }
        if let Some(past) = &isa.past {
            listed(&isa.name, past.on.iter().map(|on| (&on.cpus, &on.source)));
        }
    }
    all
});

/// Checks that processors are listed once, under keys that there are, and with a source.
fn listed<'a>(isa: &str, on: impl Iterator<Item = (&'a Vec<String>, &'a String)>) {
    let mut seen: Vec<&String> = Vec::new();
    for (cpus, source) in on {
        assert!(!source.is_empty(), "isa/{isa}.toml: a rule without a source");
        for cpu in cpus {
            assert!(raptors_profile::is_cpu_key(cpu), "isa/{isa}.toml: no processor has the key {cpu:?}");
            assert!(!seen.contains(&cpu), "isa/{isa}.toml: {cpu:?} is listed twice");
            seen.push(cpu);
        }
    }
}

impl Isa {
    /// Every ISA, the ones that run everywhere first.
    ///
    /// # Panics
    /// If a description that is part of this crate cannot be read.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The ISA of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|isa| isa.name == name)
    }

    /// Elements of a vector.
    #[must_use]
    pub const fn lanes(&self, dtype: Dtype) -> usize {
        self.vector_bytes / dtype.bytes()
    }

    /// Whether its own kernels of a family are the default for calls of that size, on processors that are not listed or on
    /// those of a place in the list.
    #[must_use]
    pub fn pays_in(&self, size: Size, family: Family, inplace: bool, on: Option<usize>) -> bool {
        let Some(pays) = &self.pays else { return true };
        let there = on.map(|at| &pays.on[at]);
        let (usual, there) = match (family, inplace) {
            (Family::Map, false) => (&pays.usual.maps, there.and_then(|on| on.maps.as_ref())),
            (Family::Map, true) => (&pays.usual.in_place, there.and_then(|on| on.in_place.as_ref())),
            (Family::Runs | Family::RunsInOrder, _) => {
                (&pays.usual.runs, there.and_then(|on| on.runs.as_ref()))
            }
            (Family::Columns | Family::ColumnTree, _) => {
                (&pays.usual.columns, there.and_then(|on| on.columns.as_ref()))
            }
        };
        there.unwrap_or(usual).contains(&size)
    }

    /// The share of the third cache up to which maps of one thread store into it on a processor: by this ISA's description,
    /// or by that of another one of the architecture.
    #[must_use]
    pub fn past(&self, cpu: &str) -> (usize, usize) {
        let of = Self::all().iter().filter(|isa| isa.arch == self.arch).find_map(|isa| isa.past.as_ref());
        let Some(past) = of else { return raptors_profile::USUAL_THIRD };
        let on = past.on.iter().find(|on| on.cpus.iter().any(|key| key == cpu));
        let Share { numerator, denominator } = on.map_or(past.alone, |on| on.alone);
        (numerator, denominator)
    }

    /// The place of a processor in the list of those on which something differs.
    #[must_use]
    pub fn listed(&self, cpu: &str) -> Option<usize> {
        self.pays.as_ref()?.on.iter().position(|on| on.cpus.iter().any(|key| key == cpu))
    }

    /// The vocabulary's module for kernels that take in at most `most` lanes of a dtype at once, and its lanes: `f32`
    /// with all lanes a vector has, or `f32x8`.
    #[must_use]
    pub fn module(&self, dtype: Dtype, most: usize) -> (String, usize) {
        let lanes = self.lanes(dtype);
        if lanes > most { (format!("{dtype}x{most}"), most) } else { (dtype.name().to_owned(), lanes) }
    }

    /// Whether it runs on every target.
    #[must_use]
    pub fn is_portable(&self) -> bool {
        self.arch == "any"
    }
}
