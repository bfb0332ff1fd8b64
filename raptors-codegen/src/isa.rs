//! What a machine can do, one description a file: `isa/<name>.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::Dtype;

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
    /// Where its kernels are the default. Left out, everywhere.
    ///
    /// Wider vectors need not be faster: beyond the caches that feed them, memory sets the pace, and on some
    /// processors their use slows the clock. So a description may name the size classes in which its own kernels are
    /// what its dispatch table holds, and the plainer ISA whose rows it holds in the others. What no row then names is
    /// a candidate like any other.
    #[serde(default)]
    pub pays: Option<Pays>,
}

/// Where an ISA's own kernels are the default, and whose are elsewhere: `{ in = ["l1", "l2"], elsewhere = "avx2" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pays {
    /// Size classes in which its own kernels are the default.
    #[serde(rename = "in")]
    pub sizes: Vec<Size>,
    /// The ISA whose rows serve the other classes: one that comes before it, of the same architecture or of any.
    pub elsewhere: String,
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
        }
    }
    all
});

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

    /// Whether its own kernels are the default for calls of that size.
    #[must_use]
    pub fn pays_in(&self, size: Size) -> bool {
        self.pays.as_ref().is_none_or(|pays| pays.sizes.contains(&size))
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
