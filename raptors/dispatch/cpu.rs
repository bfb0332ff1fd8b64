//! What is this machine: its instruction set, found once, and its caches.

use std::{env, sync::LazyLock};

use super::{Isa, call::machine_isas};
use crate::Error;

/// Restricts the instruction set: `auto`, `off`, or the name of an ISA.
pub(crate) const SIMD: &str = "RAPTORS_SIMD";

struct Cpu {
    /// Bit i: the machine has ISA i.
    has: u32,
    chosen: Result<Isa, Error>,
}

static CPU: LazyLock<Cpu> = LazyLock::new(|| {
    let has = machine_isas().fold(0, |has, isa| has | 1 << isa as u32);
    let wish = env::var_os(SIMD).map(|value| value.to_string_lossy().into_owned());
    Cpu { has, chosen: choose(wish.as_deref(), has) }
});

/// Whether this machine has an ISA, whatever the environment says.
#[inline]
pub(crate) fn has(isa: Isa) -> bool {
    CPU.has >> isa as u32 & 1 == 1
}

/// The ISA that calls use: the best this machine has, or what `RAPTORS_SIMD` says.
///
/// # Errors
/// [`Error::Environment`] if the variable names something that is not there.
#[inline]
pub fn isa() -> Result<Isa, Error> {
    match &CPU.chosen {
        Ok(isa) => Ok(*isa),
        Err(error) => Err(error.clone()),
    }
}

impl Isa {
    /// Whether this machine has it, whatever `RAPTORS_SIMD` says.
    #[must_use]
    pub fn is_available(self) -> bool {
        has(self)
    }
}

/// What a value of `RAPTORS_SIMD` means on a machine that has the ISAs in `has`.
fn choose(wish: Option<&str>, has: u32) -> Result<Isa, Error> {
    let here = || Isa::ALL.into_iter().filter(move |isa| has >> *isa as u32 & 1 == 1);
    let best = here().next_back().unwrap_or(Isa::Portable);
    let word = wish.unwrap_or_default().trim().to_ascii_lowercase();
    match word.as_str() {
        "" | "auto" | "1" | "force" => Ok(best),
        "off" | "0" | "disable" => Ok(Isa::Portable),
        name => here().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<_> = here().map(Isa::name).collect();
            let there = Isa::ALL.into_iter().any(|isa| isa.name() == name);
            let lacking = if there { format!(" (this machine has no {name})") } else { String::new() };
            Error::Environment {
                variable: SIMD,
                value: wish.unwrap_or_default().to_owned(),
                expected: format!("auto, off, or one of {}{lacking}", names.join(", ")),
            }
        }),
    }
}

/// Bytes of the data caches one core sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First level.
    pub l1: usize,
    /// Second level.
    pub l2: usize,
    /// Third level, shared.
    pub l3: usize,
}

impl Caches {
    /// What is assumed where the system does not tell: a small machine.
    const ASSUMED: Self = Self { l1: 32 << 10, l2: 512 << 10, l3: 8 << 20 };
}

static CACHES: LazyLock<Caches> = LazyLock::new(|| {
    let mut found = Caches::ASSUMED;
    // Linux: one folder a cache. Elsewhere there is no such file, and the assumption stands.
    for index in 0..8 {
        let file = |name: &str| {
            std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}")).ok()
        };
        let (Some(level), Some(kind), Some(size)) = (file("level"), file("type"), file("size")) else {
            continue;
        };
        let size = size.trim();
        let bytes = match size.strip_suffix('K') {
            Some(kib) => kib.parse::<usize>().ok().map(|kib| kib << 10),
            None => size.strip_suffix('M').and_then(|mib| mib.parse::<usize>().ok()).map(|mib| mib << 20),
        };
        let (Some(bytes), false) = (bytes, kind.trim() == "Instruction") else { continue };
        match level.trim() {
            "1" => found.l1 = bytes,
            "2" => found.l2 = bytes,
            "3" => found.l3 = bytes,
            _ => {}
        }
    }
    found
});

/// This machine's caches.
#[must_use]
#[inline]
pub fn caches() -> Caches {
    *CACHES
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u32 = u32::MAX;

    #[test]
    fn words_and_names_are_understood() {
        let best = *Isa::ALL.last().expect("at least portable");
        for word in ["", "auto", "AUTO", "1", "force", " auto "] {
            assert_eq!(choose(Some(word), ALL), Ok(best), "{word:?}");
        }
        assert_eq!(choose(None, ALL), Ok(best));
        for word in ["off", "0", "disable", "portable"] {
            assert_eq!(choose(Some(word), ALL), Ok(Isa::Portable), "{word:?}");
        }
        for isa in Isa::ALL {
            assert_eq!(choose(Some(isa.name()), ALL), Ok(isa));
        }
    }

    /// `RAPTORS_SIMD=avx2` on a machine with AVX-512 switches that off, and each other name all that comes after it.
    #[test]
    fn a_name_is_what_is_used_at_most() {
        for isa in Isa::ALL {
            let up_to = u32::MAX >> (31 - isa as u32);
            assert_eq!(choose(None, up_to), Ok(isa));
            assert_eq!(choose(Some(isa.name()), ALL), choose(None, up_to));
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_an_error_with_the_choices() {
        let only_portable = 1 << Isa::Portable as u32;
        let error = choose(Some("avx2"), only_portable).expect_err("the machine lacks it").to_string();
        assert_eq!(
            error,
            "RAPTORS_SIMD=\"avx2\": expected auto, off, or one of portable (this machine has no avx2)"
        );
        let error = choose(Some("sse9"), ALL).expect_err("no such ISA").to_string();
        assert!(error.contains("sse9") && error.contains("avx2") && error.contains("off"), "{error}");
    }
}
