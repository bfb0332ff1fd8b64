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

    /// Whether it runs on every target.
    #[must_use]
    pub fn is_portable(&self) -> bool {
        self.arch == "any"
    }
}
