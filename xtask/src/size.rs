//! How much code each kernel became, by the symbols of an executable.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// The bytes of code of each kernel, by name; a kernel without a symbol is absent.
///
/// All functions whose path goes through a kernel's name are the kernel's: its body, its entry, its closures. Upper
/// and lower case are one. Bytes that several names share, since the linker found them equal, count once.
pub(crate) fn per_kernel(executable: &[u8], kernels: &BTreeSet<String>) -> Result<BTreeMap<String, u64>> {
    let file = object::File::parse(executable)?;
    let by_lower_case: BTreeMap<_, _> = kernels.iter().map(|name| (name.to_lowercase(), name)).collect();
    let mut seen = BTreeSet::new();
    let mut sizes = BTreeMap::new();
    let mut functions = 0;
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
    {
        functions += 1;
        let Some(kernel) = kernel_of(symbol.name()?, &by_lower_case) else { continue };
        if seen.insert(symbol.address()) {
            *sizes.entry(kernel.clone()).or_default() += symbol.size();
        }
    }
    ensure!(functions > 0, "the executable was stripped of its symbols");
    Ok(sizes)
}

/// The kernel whose name is one of the words of this symbol's path.
fn kernel_of<'a>(symbol: &str, by_lower_case: &BTreeMap<String, &'a String>) -> Option<&'a String> {
    let path = format!("{:#}", rustc_demangle::demangle(symbol)).to_lowercase();
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
    fn this_executable_is_measured() {
        assert!(stand_in_f32_u4::entry(std::hint::black_box(&[1.0, 2.0])) > 5.9);
        let executable = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let sizes = per_kernel(&executable, &names(&["STAND_IN_f32_u4", "absent_f32_u4"])).unwrap();
        assert_eq!(sizes.keys().collect::<Vec<_>>(), ["STAND_IN_f32_u4"]);
        assert!(sizes["STAND_IN_f32_u4"] > 0);
    }

    #[test]
    fn a_word_of_the_path_decides() {
        let kernels = names(&["mul_m_s_map_f32_avx2_u4"]);
        let by_lower_case = kernels.iter().map(|name| (name.to_lowercase(), name)).collect();
        let has = |symbol| kernel_of(symbol, &by_lower_case).is_some();
        assert!(has("_ZN7raptors7kernels23mul_m_s_map_f32_avx2_u417h0123456789abcdefE"));
        assert!(has("<raptors::kernels::MUL_M_S_MAP_F32_AVX2_U4 as raptors::Kernel>::entry"));
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
