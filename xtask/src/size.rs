//! How much code a library and each of its kernels became, by the objects in its archive.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind, read::archive::ArchiveFile,
};

/// What a library became.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// Bytes of code of all its functions.
    pub(crate) bytes: u64,
    /// Its functions: path, and bytes.
    functions: Vec<(String, u64)>,
}

impl Code {
    /// Of a library as the compiler leaves it: an archive of objects, before a linker has thrown anything away.
    pub(crate) fn of_library(archive: &[u8]) -> Result<Self> {
        let mut code = Self::default();
        for member in ArchiveFile::parse(archive)?.members() {
            // What the compiler has to know of the library is a member, too, and need not be an object.
            if let Ok(object) = object::File::parse(member?.data(archive)?) {
                code.add(&object)?;
            }
        }
        ensure!(code.bytes > 0 && !code.functions.is_empty(), "the library holds no code, or not its names");
        Ok(code)
    }

    fn add(&mut self, object: &object::File<'_>) -> Result<()> {
        self.bytes += object
            .sections()
            .filter(|section| section.kind() == SectionKind::Text)
            .map(|section| section.size())
            .sum::<u64>();
        let mut seen = BTreeSet::new();
        for symbol in
            object.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        {
            // Several names may stand for the same bytes.
            if seen.insert((symbol.section_index().map(|index| index.0), symbol.address())) {
                let path = format!("{:#}", rustc_demangle::demangle(symbol.name()?)).to_lowercase();
                self.functions.push((path, symbol.size()));
            }
        }
        Ok(())
    }

    /// The bytes of each of these kernels; one without a function is absent: it is of another target.
    ///
    /// All functions whose path goes through a kernel's name are the kernel's: its body, its entry, its closures. Upper
    /// and lower case are one.
    pub(crate) fn per_kernel(&self, kernels: &BTreeSet<String>) -> BTreeMap<String, u64> {
        let by_lower_case: BTreeMap<_, _> = kernels.iter().map(|name| (name.to_lowercase(), name)).collect();
        let mut sizes = BTreeMap::new();
        for (path, bytes) in &self.functions {
            if let Some(kernel) = kernel_of(path, &by_lower_case) {
                *sizes.entry(kernel.clone()).or_default() += bytes;
            }
        }
        sizes
    }
}

/// The kernel whose name is one of the words of a function's path, which is in lower case.
fn kernel_of<'a>(path: &str, by_lower_case: &BTreeMap<String, &'a String>) -> Option<&'a String> {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').find_map(|word| by_lower_case.get(word).copied())
}

/// Least, middle and greatest of some numbers, and their sum.
#[derive(Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: u64,
    pub(crate) median: u64,
    pub(crate) greatest: u64,
    pub(crate) total: u64,
}

impl Spread {
    /// Of no numbers there is none. Of an even number, the median is the lower of the two in the middle.
    pub(crate) fn of(numbers: impl IntoIterator<Item = u64>) -> Option<Spread> {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let (least, greatest) = (*numbers.first()?, *numbers.last()?);
        Some(Spread {
            least,
            median: numbers[(numbers.len() - 1) / 2],
            greatest,
            total: numbers.iter().sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// Stands in for a kernel: it only has to be in this very executable, under a known name.
    mod stand_in_f32_u4 {
        #[inline(never)]
        pub(super) fn entry(x: &[f32]) -> f32 {
            x.iter().map(|x| x * 2.0).sum()
        }
    }

    #[test]
    fn functions_of_an_object_are_measured() {
        assert!(stand_in_f32_u4::entry(std::hint::black_box(&[1.0, 2.0])) > 5.9);
        let executable = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut code = Code::default();
        code.add(&object::File::parse(&*executable).unwrap()).unwrap();
        let sizes = code.per_kernel(&names(&["STAND_IN_f32_u4", "absent_f32_u4"]));
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["STAND_IN_f32_u4"]);
        assert!(sizes["STAND_IN_f32_u4"] > 0 && sizes["STAND_IN_f32_u4"] < code.bytes);
    }

    #[test]
    fn an_archive_without_code_is_no_library() {
        let error = Code::of_library(b"!<arch>\n").unwrap_err().to_string();
        assert_eq!(error, "the library holds no code, or not its names");
        assert!(Code::of_library(b"no archive").is_err());
    }

    #[test]
    fn a_word_of_the_path_decides() {
        let kernels = names(&["mul_m_s_map_f32_avx2_u4"]);
        let by_lower_case = kernels.iter().map(|name| (name.to_lowercase(), name)).collect();
        let has = |path| kernel_of(path, &by_lower_case).is_some();
        assert!(has("raptors::kernels::mul_m_s_map_f32_avx2_u4"));
        assert!(has("<raptors::kernels::mul_m_s_map_f32_avx2_u4 as raptors::kernel>::entry"));
        assert!(!has("raptors::kernels::mul_m_s_map_f32_avx2_u4_nt"));
        assert!(!has("raptors::kernels::mul_m_s_map_f32_avx2"));
    }

    #[test]
    fn a_spread_is_of_at_least_one_number() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(
            Spread::of([5, 1, 3, 100]),
            Some(Spread { least: 1, median: 3, greatest: 100, total: 109 })
        );
    }
}
