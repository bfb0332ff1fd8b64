//! The names of processors, as a table: what they say of themselves, and what people call their design.
//!
//! Only designs are told apart, not products: kernels win by caches, ports and prefetchers. Sources: the manuals of
//! Intel (volume 4, table 2-1) and AMD (the revision guides of each family), the identification registers in Arm's
//! technical reference manuals, and the lists of the Linux kernel (`intel-family.h`, `cputype.h`).

use std::ops::RangeInclusive;

/// Models of one design.
pub(crate) struct X86 {
    pub(crate) vendor: &'static str,
    pub(crate) family: u32,
    pub(crate) models: &'static [RangeInclusive<u32>],
    pub(crate) steppings: RangeInclusive<u32>,
    /// Whether it has tiles of matrices (AMX).
    pub(crate) tiles: bool,
    pub(crate) name: &'static str,
}

/// What CPUID calls a vendor, and what people do.
pub(crate) const VENDORS: &[(&str, &str)] = &[
    ("GenuineIntel", "intel"),
    ("AuthenticAMD", "amd"),
    ("HygonGenuine", "hygon"),
    ("CentaurHauls", "centaur"),
    ("  Shanghai  ", "zhaoxin"),
];

const fn intel(models: &'static [RangeInclusive<u32>], name: &'static str) -> X86 {
    X86 { vendor: "intel", family: 6, models, steppings: 0..=u32::MAX, tiles: false, name }
}

const fn skylake_server(steppings: RangeInclusive<u32>, name: &'static str) -> X86 {
    X86 { steppings, ..intel(&[0x55..=0x55], name) }
}

const fn with_tiles(design: X86) -> X86 {
    X86 { tiles: true, ..design }
}

const fn amd(family: u32, models: &'static [RangeInclusive<u32>], name: &'static str) -> X86 {
    X86 { vendor: "amd", family, models, steppings: 0..=u32::MAX, tiles: false, name }
}

pub(crate) const X86: &[X86] = &[
    intel(&[0x1a..=0x1a, 0x1e..=0x1f, 0x2e..=0x2e], "nehalem"),
    intel(&[0x25..=0x25, 0x2c..=0x2c, 0x2f..=0x2f], "westmere"),
    intel(&[0x2a..=0x2a, 0x2d..=0x2d], "sandybridge"),
    intel(&[0x3a..=0x3a, 0x3e..=0x3e], "ivybridge"),
    intel(&[0x3c..=0x3c, 0x45..=0x46], "haswell"),
    intel(&[0x3f..=0x3f], "haswell-server"),
    intel(&[0x3d..=0x3d, 0x47..=0x47], "broadwell"),
    intel(&[0x4f..=0x4f, 0x56..=0x56], "broadwell-server"),
    intel(&[0x4e..=0x4e, 0x5e..=0x5e], "skylake"),
    skylake_server(0..=4, "skylake-server"),
    skylake_server(5..=9, "cascadelake"),
    skylake_server(10..=15, "cooperlake"),
    intel(&[0x8e..=0x8e, 0x9e..=0x9e], "kabylake"),
    intel(&[0xa5..=0xa6], "cometlake"),
    intel(&[0x66..=0x66], "cannonlake"),
    intel(&[0x7d..=0x7e], "icelake"),
    intel(&[0x6a..=0x6a, 0x6c..=0x6c], "icelake-server"),
    intel(&[0x8c..=0x8d], "tigerlake"),
    intel(&[0xa7..=0xa7], "rocketlake"),
    intel(&[0x97..=0x97, 0x9a..=0x9a], "alderlake"),
    intel(&[0xbe..=0xbe], "alderlake-n"),
    intel(&[0xb7..=0xb7, 0xba..=0xba, 0xbf..=0xbf], "raptorlake"),
    intel(&[0xaa..=0xaa, 0xac..=0xac], "meteorlake"),
    intel(&[0xb5..=0xb5, 0xc5..=0xc6], "arrowlake"),
    intel(&[0xbd..=0xbd], "lunarlake"),
    intel(&[0xcc..=0xcc], "pantherlake"),
    with_tiles(intel(&[0x8f..=0x8f], "sapphirerapids")),
    with_tiles(intel(&[0xcf..=0xcf], "emeraldrapids")),
    with_tiles(intel(&[0xad..=0xae], "graniterapids")),
    intel(&[0xaf..=0xaf], "sierraforest"),
    intel(&[0x37..=0x37, 0x4a..=0x4a, 0x4d..=0x4d, 0x5a..=0x5a, 0x5d..=0x5d], "silvermont"),
    intel(&[0x4c..=0x4c], "airmont"),
    intel(&[0x5c..=0x5c, 0x5f..=0x5f], "goldmont"),
    intel(&[0x7a..=0x7a], "goldmont-plus"),
    intel(&[0x86..=0x86, 0x8a..=0x8a, 0x96..=0x96, 0x9c..=0x9c], "tremont"),
    amd(0x15, &[0x00..=0x01], "bulldozer"),
    amd(0x15, &[0x02..=0x02, 0x10..=0x1f], "piledriver"),
    amd(0x15, &[0x30..=0x3f], "steamroller"),
    amd(0x15, &[0x60..=0x7f], "excavator"),
    amd(0x16, &[0x00..=0x0f], "jaguar"),
    amd(0x16, &[0x30..=0x3f], "puma"),
    amd(0x17, &[0x00..=0x2f], "zen"),
    amd(0x17, &[0x30..=0xaf], "zen2"),
    amd(0x19, &[0x00..=0x0f, 0x20..=0x5f], "zen3"),
    amd(0x19, &[0x10..=0x1f, 0x60..=0xaf], "zen4"),
    // Strix Point, Krackan Point and their like have vector units of half the width.
    amd(0x1a, &[0x00..=0x1f, 0x40..=0x4f, 0x70..=0x77], "zen5"),
    amd(0x1a, &[0x20..=0x3f, 0x60..=0x6f, 0x78..=0x7f], "zen5-mobile"),
    X86 { vendor: "hygon", ..amd(0x18, &[0x00..=0x03], "dhyana") },
];

/// Implementers of the Arm architecture.
pub(crate) const IMPLEMENTERS: &[(u32, &str)] = &[
    (0x41, "arm"),
    (0x42, "broadcom"),
    (0x43, "cavium"),
    (0x46, "fujitsu"),
    (0x48, "hisilicon"),
    (0x4e, "nvidia"),
    (0x50, "apm"),
    (0x51, "qualcomm"),
    (0x53, "samsung"),
    (0x61, "apple"),
    (0x6d, "microsoft"),
    (0xc0, "ampere"),
];

/// Implementer, part, name.
pub(crate) const PARTS: &[(u32, u32, &str)] = &[
    (0x41, 0xd03, "cortex-a53"),
    (0x41, 0xd04, "cortex-a35"),
    (0x41, 0xd05, "cortex-a55"),
    (0x41, 0xd06, "cortex-a65"),
    (0x41, 0xd07, "cortex-a57"),
    (0x41, 0xd08, "cortex-a72"),
    (0x41, 0xd09, "cortex-a73"),
    (0x41, 0xd0a, "cortex-a75"),
    (0x41, 0xd0b, "cortex-a76"),
    (0x41, 0xd0c, "neoverse-n1"),
    (0x41, 0xd0d, "cortex-a77"),
    (0x41, 0xd0e, "cortex-a76ae"),
    (0x41, 0xd40, "neoverse-v1"),
    (0x41, 0xd41, "cortex-a78"),
    (0x41, 0xd42, "cortex-a78ae"),
    (0x41, 0xd44, "cortex-x1"),
    (0x41, 0xd46, "cortex-a510"),
    (0x41, 0xd47, "cortex-a710"),
    (0x41, 0xd48, "cortex-x2"),
    (0x41, 0xd49, "neoverse-n2"),
    (0x41, 0xd4a, "neoverse-e1"),
    (0x41, 0xd4b, "cortex-a78c"),
    (0x41, 0xd4c, "cortex-x1c"),
    (0x41, 0xd4d, "cortex-a715"),
    (0x41, 0xd4e, "cortex-x3"),
    (0x41, 0xd4f, "neoverse-v2"),
    (0x41, 0xd80, "cortex-a520"),
    (0x41, 0xd81, "cortex-a720"),
    (0x41, 0xd82, "cortex-x4"),
    (0x41, 0xd83, "neoverse-v3ae"),
    (0x41, 0xd84, "neoverse-v3"),
    (0x41, 0xd85, "cortex-x925"),
    (0x41, 0xd87, "cortex-a725"),
    (0x41, 0xd8e, "neoverse-n3"),
    (0x43, 0x0a1, "thunderx"),
    (0x43, 0x0af, "thunderx2"),
    (0x46, 0x001, "a64fx"),
    (0x48, 0xd01, "tsv110"),
    (0x4e, 0x004, "carmel"),
    (0x51, 0x001, "oryon"),
    (0x51, 0xc00, "falkor"),
    // Efficient and fast cores of one chip have one name, which is also that of the brand string on its own system.
    (0x61, 0x022, "m1"),
    (0x61, 0x023, "m1"),
    (0x61, 0x024, "m1-pro"),
    (0x61, 0x025, "m1-pro"),
    (0x61, 0x028, "m1-max"),
    (0x61, 0x029, "m1-max"),
    (0x61, 0x032, "m2"),
    (0x61, 0x033, "m2"),
    (0x61, 0x034, "m2-pro"),
    (0x61, 0x035, "m2-pro"),
    (0x61, 0x038, "m2-max"),
    (0x61, 0x039, "m2-max"),
    (0x6d, 0xd49, "cobalt-100"),
    (0xc0, 0xac3, "ampere1"),
    (0xc0, 0xac4, "ampere1a"),
    (0xc0, 0xac5, "ampere1b"),
];
