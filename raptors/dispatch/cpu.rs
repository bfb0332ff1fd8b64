//! What is this machine: its instruction set, found once, and its caches.

use super::{Isa, call::machine_isas};
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
    /// Third level, shared.
    pub l3: usize,
}

impl Caches {
    /// What is assumed where the system does not tell: a small machine.
    const ASSUMED: Self = Self { l1: 32 << 10, l2: 512 << 10, l3: 8 << 20 };
}

static CACHES: Lazy<Caches> = Lazy::new(|| {
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
