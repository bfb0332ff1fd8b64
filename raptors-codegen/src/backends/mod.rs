//! Backends: libraries that have routines for what kernels compute. A file for each describes it, as data.
//!
//! A spec lists the routines that compete for its calls in the numeric class `any`. Whether one computes what the spec
//! computes is no matter of trust: a routine says it in the words of kernels (`mul_m_s`), and the spec's expression has
//! to come to the same. The functions that call the routines are in the library, in the module of the backend's name.

mod accelerate;
mod cblas;

use std::hash::Hasher as _;

use fnv::FnvHasher;

use crate::{
    Dtype,
    op::{Family, Op},
};

/// Every backend, sorted by name.
pub const ALL: [&Backend; 2] = [&accelerate::ACCELERATE, &cblas::CBLAS];

/// A library.
#[derive(Debug)]
pub struct Backend {
    /// Its word in specs, and the module of the library that calls it.
    pub name: &'static str,
    /// What it is, in words.
    pub summary: &'static str,
    /// The cargo feature that it is built with.
    pub feature: &'static str,
    /// The vendor of the targets that have it (`target_vendor` as Cargo has it); `None` if any may.
    pub vendor: Option<&'static str>,
    /// The longest extent of a matrix that fits its integers; `None` if they are as wide as pointers.
    pub longest: Option<u32>,
    /// Its routines. One that computes several things is there once for each.
    pub routines: &'static [Routine],
}

/// A routine, and one of the things that it computes.
#[derive(Debug)]
pub struct Routine {
    /// Its word in specs.
    pub name: &'static str,
    /// Its name in the library for f32 and for f64.
    pub symbols: [&'static str; 2],
    /// What it computes, as kernels are called by: `mul_m_s`, or for a reduction what joins its elements: `add`.
    pub computes: &'static str,
    /// How it walks memory.
    pub family: Family,
    /// The function of the backend's module that calls it. In place, what [`Way`] says is added.
    pub function: &'static str,
    /// Maps: where it can write. Reductions write states alone.
    pub ways: &'static [Way],
}

/// Where a map writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Another matrix.
    Into,
    /// The first matrix among the arguments of the kernel: function `<name>_inplace`.
    First,
}

impl Way {
    /// `None` if another matrix than the first is overwritten, which no routine does.
    const fn of(inplace: Option<usize>) -> Option<Self> {
        match inplace {
            None => Some(Self::Into),
            Some(0) => Some(Self::First),
            Some(_) => None,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Into => "",
            Self::First => "_inplace",
        }
    }
}

/// A routine of a backend that a spec lists.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// The backend.
    pub backend: &'static Backend,
    /// The routine's word.
    pub routine: &'static str,
}

impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        (self.backend.name, self.routine) == (other.backend.name, other.routine)
    }
}

/// A candidate that is no kernel: a routine for a dtype and a way of writing.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The backend.
    pub backend: &'static Backend,
    /// The routine.
    pub routine: &'static Routine,
    /// The dtype.
    pub dtype: Dtype,
    way: Way,
}

impl Backend {
    /// The backend of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|backend| backend.name == name)
    }

    /// Its routines of that name.
    pub fn named_routines(&self, name: &str) -> impl Iterator<Item = &'static Routine> + use<> {
        let (routines, name) = (self.routines, name.to_owned());
        routines.iter().filter(move |routine| routine.name == name)
    }

    /// The words of its routines, each once.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        let mut words: Vec<_> = self.routines.iter().map(|routine| routine.name).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Whether it is in a build with these features for targets of that vendor.
    #[must_use]
    pub fn is_in(&self, feature: impl Fn(&str) -> bool, vendor: &str) -> bool {
        feature(self.feature) && self.vendor.is_none_or(|wanted| wanted == vendor)
    }
}

impl Routine {
    /// Whether it computes what an operation does, in some way of writing.
    #[must_use]
    pub fn serves(&self, op: &Op<'_>) -> bool {
        let family = op.family(crate::spec::Numerics::Numpy);
        self.computes == op.computation.formula && self.family == family
    }
}

impl Candidate {
    /// The candidates that a spec lists for one of its operations.
    #[must_use]
    pub fn of(op: &Op<'_>, dtype: Dtype, inplace: Option<usize>) -> Vec<Self> {
        let Some(way) = Way::of(inplace) else { return Vec::new() };
        let of_listed = |listed: &Listed| {
            let backend = listed.backend;
            let serving = backend.named_routines(listed.routine).filter(|routine| routine.serves(op));
            let fits = move |routine: &&'static Routine| {
                routine.family != Family::Map || routine.ways.contains(&way)
            };
            serving.filter(fits).map(move |routine| Self { backend, routine, dtype, way }).collect::<Vec<_>>()
        };
        op.spec.backends.iter().flat_map(of_listed).collect()
    }

    /// The routine's name in its library.
    #[must_use]
    pub const fn symbol(&self) -> &'static str {
        match self.dtype {
            Dtype::F32 => self.routine.symbols[0],
            Dtype::F64 => self.routine.symbols[1],
        }
    }

    /// What it is called among kernels: `mul_m_s_map_cblas_sscal_inplace`.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { routine, way, .. } = self;
        format!("{}_{}_{}{}", routine.computes, routine.family.name(), self.symbol(), way.suffix())
    }

    /// The function that calls it, as a path in the library.
    #[must_use]
    pub fn path(&self) -> String {
        let Self { backend, routine, dtype, way } = self;
        format!("crate::backends::{}::{}{}::<{dtype}>", backend.name, routine.function, way.suffix())
    }

    /// By what profiles know it: its name, whatever version of the library is loaded.
    #[must_use]
    pub fn identity(&self) -> u64 {
        let mut hasher = FnvHasher::default();
        hasher.write(format!("{} of {}", self.name(), self.backend.name).as_bytes());
        hasher.finish()
    }
}

/// Whether a name is that of a candidate of some backend, be it in this build or not.
#[must_use]
pub fn is_candidate(name: &str) -> bool {
    let all =
        ALL.into_iter().flat_map(|backend| backend.routines.iter().map(move |routine| (backend, routine)));
    all.into_iter().any(|(backend, routine)| {
        Dtype::ALL.into_iter().any(|dtype| {
            let ways = [Way::Into, Way::First];
            ways.into_iter().any(|way| Candidate { backend, routine, dtype, way }.name() == name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_candidate_has_a_name_of_its_own() {
        let mut names = Vec::new();
        for backend in ALL {
            for routine in backend.routines {
                assert_eq!(routine.ways.is_empty(), routine.family != Family::Map, "{}", routine.function);
                let ways = if routine.ways.is_empty() { &[Way::Into] } else { routine.ways };
                for dtype in Dtype::ALL {
                    let of_ways = ways.iter().map(|&way| Candidate { backend, routine, dtype, way }.name());
                    names.extend(of_ways);
                }
            }
        }
        assert!(names.iter().all(|name| is_candidate(name)));
        assert!(!is_candidate("mul_m_s_map_f32_avx2_u4"));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_backend_is_built_with_its_feature_where_there_is_one() {
        let [accelerate, cblas] = ALL;
        assert!(cblas.is_in(|feature| feature == "openblas", "unknown"));
        assert!(!cblas.is_in(|_| false, "unknown"));
        assert!(accelerate.is_in(|_| true, "apple"));
        assert!(!accelerate.is_in(|_| true, "pc"));
    }
}
