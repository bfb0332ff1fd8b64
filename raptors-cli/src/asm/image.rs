//! This executable's own code: its functions, by address and by name.

use std::{collections::BTreeMap, env, fs};

use anyhow::{Context as _, bail};
use object::{
    Architecture, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionKind,
    SymbolKind,
};

/// The functions of an executable.
pub(crate) struct Image {
    /// By address. Equal functions may be one, which then has several names.
    functions: BTreeMap<u64, Function>,
    /// Names of data, by address.
    data: BTreeMap<u64, String>,
    /// Where an address is filled in when the program is loaded, and whose.
    pointers: BTreeMap<u64, String>,
}

/// A function.
pub(crate) struct Function {
    /// Where it is loaded.
    pub(crate) address: u64,
    /// Its paths, demangled, without hashes.
    pub(crate) names: Vec<String>,
    /// Its instructions.
    pub(crate) code: Vec<u8>,
}

impl Image {
    /// The running executable.
    pub(crate) fn running() -> anyhow::Result<Self> {
        let path = env::current_exe().context("this executable's path is not known")?;
        let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::read(&bytes).with_context(|| format!("{} cannot be disassembled", path.display()))
    }

    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let file = object::File::parse(bytes)?;
        if file.architecture() != Architecture::X86_64 {
            bail!("it holds {:?} code, and only that of x86-64 is understood", file.architecture());
        }
        let mut image = Self { functions: BTreeMap::new(), data: BTreeMap::new(), pointers: BTreeMap::new() };
        let mut starts: Vec<u64> = Vec::new();
        for symbol in file.symbols().filter(object::ObjectSymbol::is_definition) {
            let Ok(name) = symbol.name() else { continue };
            let name = demangled(name);
            if symbol.kind() == SymbolKind::Data {
                image.data.insert(symbol.address(), name);
                continue;
            }
            let text = symbol
                .section_index()
                .and_then(|index| file.section_by_index(index).ok())
                .is_some_and(|section| section.kind() == SectionKind::Text);
            if text && !name.is_empty() {
                starts.push(symbol.address());
                let function = image.functions.entry(symbol.address()).or_insert_with(|| Function {
                    address: symbol.address(),
                    names: Vec::new(),
                    code: Vec::new(),
                });
                if !function.names.contains(&name) {
                    function.names.push(name);
                }
                if let Ok(index) = usize::try_from(symbol.size())
                    && index > 0
                {
                    function.code.resize(index.max(function.code.len()), 0);
                }
            }
        }
        if image.functions.is_empty() {
            bail!("it has no symbol table: it was stripped; build it with `strip = false`");
        }
        starts.sort_unstable();
        starts.dedup();
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let code = section.data()?;
            let end = section.address() + section.size();
            for (address, function) in image.functions.range_mut(section.address()..end) {
                // Formats without sizes: up to the next symbol.
                let next =
                    starts.get(starts.partition_point(|start| start <= address)).copied().unwrap_or(end);
                let from = usize::try_from(address - section.address())?;
                let len = match function.code.len() {
                    0 => usize::try_from(next.min(end) - address)?,
                    len => len,
                };
                function.code = code.get(from..code.len().min(from + len)).unwrap_or_default().to_vec();
            }
        }
        for (address, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let name = match relocation.target() {
                RelocationTarget::Symbol(index) => file.dynamic_symbol_table().and_then(|table| {
                    object::ObjectSymbolTable::symbol_by_index(&table, index).ok()?.name().ok().map(demangled)
                }),
                _ => image.name(relocation.addend().cast_unsigned()).map(str::to_owned),
            };
            if let Some(name) = name {
                image.pointers.insert(address, name);
            }
        }
        Ok(image)
    }

    /// The functions whose path has that identifier, in any case: the kernel `mul_m_s_map_f32_avx2_u4` is
    /// in `avx2_map::MUL_M_S_MAP_F32_AVX2_U4::entry`, and in its own closures.
    pub(crate) fn of_kernel(&self, kernel: &str) -> Vec<&Function> {
        let has =
            |function: &&Function| function.names.iter().any(|name| has_word(&name.to_lowercase(), kernel));
        let mut found: Vec<_> = self.functions.values().filter(has).collect();
        // What dispatch calls comes first.
        found.sort_by_key(|function| !function.names.iter().any(|name| name.ends_with("::entry")));
        found
    }

    /// The function that starts there.
    pub(crate) fn at(&self, address: u64) -> Option<&Function> {
        self.functions.get(&address)
    }

    /// The name of the function or data that starts there.
    pub(crate) fn name(&self, address: u64) -> Option<&str> {
        let function = self.functions.get(&address).and_then(|function| function.names.first());
        function.or_else(|| self.data.get(&address)).map(String::as_str)
    }

    /// The name of what the pointer stored there points to.
    pub(crate) fn pointee(&self, address: u64) -> Option<&str> {
        self.pointers.get(&address).map(String::as_str)
    }
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Whether a text has that word, not as a part of a longer identifier.
fn has_word(text: &str, word: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_not_found_in_a_longer_name() {
        let path = "raptors::kernels::generated::avx2_map::mul_m_s_map_f32_avx2_u4_nt::entry";
        assert!(has_word(path, "mul_m_s_map_f32_avx2_u4_nt"));
        assert!(!has_word(path, "mul_m_s_map_f32_avx2_u4"));
        assert!(!has_word("neg_mul_m_s_map_f32_avx2_u4::entry", "mul_m_s_map_f32_avx2_u4"));
    }

    #[test]
    fn this_test_has_functions_with_names_and_code() {
        let image = Image::running().expect("tests are not stripped");
        let found = image.of_kernel("this_test_has_functions_with_names_and_code");
        assert!(found.iter().any(|function| !function.code.is_empty()));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(Image::read(b"no executable").is_err());
        // The head of an ELF file for aarch64, with nothing in it.
        let mut head = [0; 64];
        head[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        (head[16], head[18], head[20], head[52]) = (2, 183, 1, 64);
        let error = Image::read(&head).err().expect("another architecture").to_string();
        assert!(error.contains("Aarch64") && error.contains("x86-64"), "{error}");
        head[18] = 62;
        let error = Image::read(&head).err().expect("no symbols").to_string();
        assert!(error.contains("stripped"), "{error}");
    }
}
