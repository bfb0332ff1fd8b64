//! What is this machine: its instruction set, found once, and its caches.

use super::{
    Isa,
    call::machine_isas,
    generated::{self, PAST, Past},
};
use crate::{Error, knobs, lazy::Lazy};

struct Cpu {
    /// Bit i: the machine has ISA i.
    has: u32,
    /// What calls use; in its place, the error of whichever knob cannot be read, so that one look tells a call both.
    chosen: Result<Isa, Error>,
}

static CPU: Lazy<Cpu> = Lazy::new(|| {
    let has = machine_isas().fold(0, |has, isa| has | 1 << isa as u32);
    let chosen = knobs::settings().map(|settings| settings.simd).map_err(Clone::clone);
    Cpu { has, chosen }
});

/// Whether this machine has an ISA, whatever the environment says.
#[inline]
pub(crate) fn has(isa: Isa) -> bool {
    CPU.has >> isa as u32 & 1 == 1
}

/// The ISA that calls use: the best this machine has, or what `RAPTORS_SIMD` says.
///
/// # Errors
/// [`Error::Environment`] if that variable, or any other of [`knobs`](crate::knobs()), cannot be read: every call gives
/// the same.
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

/// Bytes of the data caches one core sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First level.
    pub l1: usize,
    /// Second level.
    pub l2: usize,
    /// Third level, shared: at most 32 MiB for each CPU that shares it.
    pub l3: usize,
}

impl Caches {
    /// What is assumed where the system does not tell: a small machine.
    const ASSUMED: Self = Self { l1: 32 << 10, l2: 512 << 10, l3: 8 << 20 };
}

/// Bytes of the third cache that are counted, at most, for each CPU that shares it: what processors have at most. A
/// virtual machine is told of the whole cache of its host, most of which other machines use.
const L3_OF_A_CPU: usize = 32 << 20;

static CACHES: Lazy<Caches> = Lazy::new(|| {
    let mut found = Caches::ASSUMED;
    // Linux: one folder a cache. Elsewhere there is no such file, and the assumption stands.
    for index in 0..8 {
        let file = |name: &str| {
            let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}");
            std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
        };
        let (Some(level), Some(kind), Some(size)) = (file("level"), file("type"), file("size")) else {
            continue;
        };
        let (Some(bytes), false) = (size_in_bytes(&size), kind == "Instruction") else { continue };
        match level.as_str() {
            "1" => found.l1 = bytes,
            "2" => found.l2 = bytes,
            "3" => {
                let cpus = file("shared_cpu_list").and_then(|list| count_cpus(&list));
                found.l3 = cpus.map_or(bytes, |cpus| bytes.min(cpus.saturating_mul(L3_OF_A_CPU)));
            }
            _ => {}
        }
    }
    found
});

/// Bytes of a size as Linux writes it: `32K`, `16M`.
fn size_in_bytes(size: &str) -> Option<usize> {
    let (number, shift) = match size.strip_suffix('K') {
        Some(kib) => (kib, 10),
        None => (size.strip_suffix('M')?, 20),
    };
    Some(number.parse::<usize>().ok()? << shift)
}

/// How many CPUs are in a list as Linux writes it: `0-3,8`.
fn count_cpus(list: &str) -> Option<usize> {
    let range = |range: &str| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        to.parse::<usize>().ok()?.checked_sub(from.parse().ok()?)?.checked_add(1)
    };
    list.split(',').map(range).sum()
}

/// This machine's caches.
#[must_use]
#[inline]
pub fn caches() -> Caches {
    *CACHES
}

/// The most bytes of a call that stay in each cache: of calls in general, of maps that write a matrix of their own, and of
/// such maps that several threads share.
#[derive(Clone, Copy, Debug)]
struct Limits {
    usual: [usize; 3],
    storing: [usize; 3],
    storing_together: [usize; 3],
}

static LIMITS: Lazy<Limits> = Lazy::new(|| {
    let caches = caches();
    let limits = |third| [caches.l1, caches.l2, raptors_profile::third(caches.l3, third)];
    let cpu = raptors_profile::cpu_key();
    let is_ours = |(arch, cpus, ..): &&Past| {
        *arch == std::env::consts::ARCH && (cpus.is_empty() || cpus.contains(&cpu))
    };
    let usual = raptors_profile::USUAL_THIRD;
    let (alone, together) =
        PAST.iter().find(is_ours).map_or((usual, usual), |(_, _, alone, together)| (*alone, *together));
    Limits { usual: limits(usual), storing: limits(alone), storing_together: limits(together) }
});

/// The most bytes of a call that stay in each cache.
#[inline]
pub(crate) fn limits(stores: bool, together: bool) -> [usize; 3] {
    match (stores, together) {
        (false, _) => LIMITS.usual,
        (true, false) => LIMITS.storing,
        (true, true) => LIMITS.storing_together,
    }
}

/// The place of this processor in an ISA's list of those on which other kernels pay than usually.
pub(crate) fn listed(isa: Isa) -> Option<usize> {
    let cpu = raptors_profile::cpu_key();
    generated::listed(isa).iter().position(|cpus| cpus.contains(&cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_of_caches_is_read() {
        assert_eq!(size_in_bytes("48K"), Some(48 << 10));
        assert_eq!(size_in_bytes("480M"), Some(480 << 20));
        assert_eq!(count_cpus("0-1"), Some(2));
        assert_eq!(count_cpus("0-3,8,10-11"), Some(7));
        assert_eq!(count_cpus("5"), Some(1));
        for damaged in ["", "K", "48", "4G"] {
            assert_eq!(size_in_bytes(damaged), None);
        }
        for damaged in ["", "-", "3-1", "0-1,", "K"] {
            assert_eq!(count_cpus(damaged), None);
        }
    }
}
