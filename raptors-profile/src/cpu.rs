//! Which processor this is: the key that profiles are found by.

use std::sync::LazyLock;

use crate::names::{IMPLEMENTERS, PARTS, VENDORS, X86};

/// This machine's key: `amd-zen4`, `arm-neoverse-v2`, `apple-m1`, or for what has no name yet the numbers it gives
/// (`intel-6-254`). Where nothing can be asked: `unknown`.
#[must_use]
pub fn cpu_key() -> &'static str {
    static KEY: LazyLock<String> = LazyLock::new(|| ask().unwrap_or_else(|| "unknown".to_owned()));
    &KEY
}

#[cfg(target_arch = "x86_64")]
#[allow(clippy::unnecessary_wraps, reason = "other processors need not answer")]
fn ask() -> Option<String> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    let leaf = __cpuid(0);
    let bytes = [leaf.ebx, leaf.edx, leaf.ecx].map(u32::to_le_bytes).concat();
    let vendor = String::from_utf8_lossy(&bytes);
    if leaf.eax == 0 {
        return Some(x86(&vendor, 0, 0, 0, false));
    }
    let signature = __cpuid(1).eax;
    let bits = |from: u32, count: u32| signature >> from & ((1 << count) - 1);
    // The extended fields count where the short ones are at their end.
    let family = bits(8, 4) + if bits(8, 4) == 15 { bits(20, 8) } else { 0 };
    let model = bits(4, 4) + if matches!(bits(8, 4), 6 | 15) { bits(16, 4) << 4 } else { 0 };
    let tiles = leaf.eax >= 7 && __cpuid_count(7, 0).edx >> 24 & 1 == 1;
    Some(x86(&vendor, family, model, bits(0, 4), tiles))
}

#[cfg(all(not(target_arch = "x86_64"), target_os = "macos"))]
fn ask() -> Option<String> {
    use sysctl::Sysctl as _;
    let brand = sysctl::Ctl::new("machdep.cpu.brand_string").ok()?.value_string().ok()?;
    from_brand(&brand)
}

#[cfg(all(not(target_arch = "x86_64"), not(target_os = "macos")))]
fn ask() -> Option<String> {
    from_cpuinfo(&std::fs::read_to_string("/proc/cpuinfo").ok()?)
}

/// The key of an x86 processor, from what CPUID says: the vendor's twelve letters, and family, model and stepping with
/// their extended fields.
///
/// Virtual machines may give the numbers of another processor than the one they run on. What has `tiles` of matrices
/// (AMX) and says that it is a design without them does not get that design's name.
#[must_use]
pub fn x86(vendor: &str, family: u32, model: u32, stepping: u32, tiles: bool) -> String {
    let known = VENDORS.iter().find(|(letters, _)| *letters == vendor).map(|(_, name)| *name);
    let vendor = known.map_or_else(|| plain(vendor), str::to_owned);
    let design = X86.iter().find(|design| {
        design.vendor == vendor
            && design.family == family
            && design.models.iter().any(|models| models.contains(&model))
            && design.steppings.contains(&stepping)
            && (design.tiles || !tiles)
    });
    match design {
        Some(design) => format!("{vendor}-{}", design.name),
        None => format!("{vendor}-{family}-{model}"),
    }
}

/// Whether some processor may have that key: a vendor and a known design, or a vendor and numbers.
#[must_use]
pub fn is_cpu_key(key: &str) -> bool {
    let Some((vendor, design)) = key.split_once('-') else { return key == "unknown" };
    let has_name = X86.iter().any(|known| (known.vendor, known.name) == (vendor, design))
        || IMPLEMENTERS.iter().any(|(id, name)| {
            *name == vendor && PARTS.iter().any(|(of, _, part)| of == id && *part == design)
        });
    let are_numbers = |text: &str| text.split('-').all(|number| number.parse::<u32>().is_ok());
    has_name || (VENDORS.iter().any(|(_, name)| *name == vendor) && are_numbers(design))
}

/// The key of an Arm core, from the fields of its identification register.
#[must_use]
pub fn arm(implementer: u32, part: u32) -> String {
    let known = IMPLEMENTERS.iter().find(|(id, _)| *id == implementer).map(|(_, name)| (*name).to_owned());
    let vendor = known.unwrap_or_else(|| format!("arm-0x{implementer:x}"));
    match PARTS.iter().find(|(of, id, _)| (*of, *id) == (implementer, part)) {
        Some((_, _, name)) => format!("{vendor}-{name}"),
        None => format!("{vendor}-0x{part:x}"),
    }
}

/// The key of an Arm machine, from the text that Linux has of its cores: where there are several kinds, all of them,
/// `arm-cortex-a55+arm-cortex-a76`.
#[must_use]
pub fn from_cpuinfo(text: &str) -> Option<String> {
    let (mut keys, mut implementer) = (Vec::new(), None);
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let number = || u32::from_str_radix(value.strip_prefix("0x")?, 16).ok();
        match name.trim() {
            "CPU implementer" => implementer = number(),
            "CPU part" => keys.extend(Some(arm(implementer?, number()?))),
            _ => {}
        }
    }
    keys.sort();
    keys.dedup();
    (!keys.is_empty()).then(|| keys.join("+"))
}

/// The key from a brand string: `Apple M1 Pro` is `apple-m1-pro`.
#[must_use]
pub fn from_brand(brand: &str) -> Option<String> {
    Some(plain(brand)).filter(|key| !key.is_empty())
}

/// Lower case letters, digits, and a dash for all that is between.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_is_one_that_a_processor_can_have() {
        for key in
            ["amd-zen4", "intel-icelake-server", "intel-6-167", "arm-neoverse-v2", "apple-m1", "unknown"]
        {
            assert!(is_cpu_key(key), "{key}");
        }
        for key in ["", "amd", "amd-zen9", "zen4", "intel-", "acme-1-2", "intel-zen4"] {
            assert!(!is_cpu_key(key), "{key}");
        }
    }

    #[test]
    fn known_processors_have_the_names_that_people_use() {
        for (vendor, family, model, stepping, key) in [
            ("GenuineIntel", 6, 0x3c, 3, "intel-haswell"),
            ("GenuineIntel", 6, 0x55, 4, "intel-skylake-server"),
            ("GenuineIntel", 6, 0x55, 7, "intel-cascadelake"),
            ("GenuineIntel", 6, 0x55, 11, "intel-cooperlake"),
            ("GenuineIntel", 6, 0x6a, 6, "intel-icelake-server"),
            ("GenuineIntel", 6, 0x8f, 8, "intel-sapphirerapids"),
            ("GenuineIntel", 6, 0xbe, 0, "intel-alderlake-n"),
            ("AuthenticAMD", 0x17, 0x01, 2, "amd-zen"),
            ("AuthenticAMD", 0x17, 0x31, 0, "amd-zen2"),
            ("AuthenticAMD", 0x17, 0x71, 0, "amd-zen2"),
            ("AuthenticAMD", 0x19, 0x01, 1, "amd-zen3"),
            ("AuthenticAMD", 0x19, 0x11, 1, "amd-zen4"),
            ("AuthenticAMD", 0x19, 0x50, 0, "amd-zen3"),
            ("AuthenticAMD", 0x19, 0xa0, 2, "amd-zen4"),
            ("AuthenticAMD", 0x1a, 0x02, 1, "amd-zen5"),
            ("AuthenticAMD", 0x1a, 0x44, 0, "amd-zen5"),
            ("AuthenticAMD", 0x1a, 0x24, 0, "amd-zen5-mobile"),
            ("HygonGenuine", 0x18, 0x00, 1, "hygon-dhyana"),
        ] {
            assert_eq!(x86(vendor, family, model, stepping, false), key);
        }
    }

    #[test]
    fn unknown_processors_have_their_numbers() {
        assert_eq!(x86("GenuineIntel", 6, 254, 0, false), "intel-6-254");
        assert_eq!(x86("GenuineIntel", 6, 0x55, 99, false), "intel-6-85", "a stepping of another design");
        assert_eq!(x86("AuthenticAMD", 0x1a, 0x50, 0, false), "amd-26-80");
        assert_eq!(x86("TCGTCGTCGTCG", 6, 6, 3, false), "tcgtcgtcgtcg-6-6");
        assert_eq!(arm(0x41, 0xfff), "arm-0xfff");
        assert_eq!(arm(0x99, 0x1), "arm-0x99-0x1");
    }

    #[test]
    fn a_made_up_model_gets_no_name() {
        assert_eq!(x86("GenuineIntel", 6, 0xa7, 1, false), "intel-rocketlake");
        assert_eq!(x86("GenuineIntel", 6, 0xa7, 1, true), "intel-6-167");
        assert_eq!(x86("GenuineIntel", 6, 0xad, 1, true), "intel-graniterapids");
        assert_eq!(x86("GenuineIntel", 6, 0xad, 1, false), "intel-graniterapids", "a machine may hide them");
    }

    #[test]
    fn arm_machines_are_told_by_all_their_cores() {
        let core = |part: &str| format!("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n");
        assert_eq!(from_cpuinfo(&core("0xd4f")).as_deref(), Some("arm-neoverse-v2"));
        let both = [core("0xd0b"), core("0xd05"), core("0xd0b")].concat();
        assert_eq!(from_cpuinfo(&both).as_deref(), Some("arm-cortex-a55+arm-cortex-a76"));
        assert_eq!(from_cpuinfo("CPU implementer : 0x61\nCPU part : 0x23\n").as_deref(), Some("apple-m1"));
        for damaged in ["", "CPU part : 0xd4f\n", "CPU implementer : 0x41\nCPU part : what\n"] {
            assert_eq!(from_cpuinfo(damaged), None);
        }
    }

    #[test]
    fn brands_become_keys() {
        assert_eq!(from_brand("Apple M1").as_deref(), Some("apple-m1"));
        assert_eq!(from_brand("Apple M4 Pro\n").as_deref(), Some("apple-m4-pro"));
        assert_eq!(from_brand(" "), None);
    }

    #[test]
    fn no_processor_has_two_names_and_no_part_is_listed_twice() {
        for (at, a) in X86.iter().enumerate() {
            for b in &X86[at + 1..] {
                let same_family = a.vendor == b.vendor && a.family == b.family;
                let meets = |x: &std::ops::RangeInclusive<u32>, y: &std::ops::RangeInclusive<u32>| {
                    x.start() <= y.end() && y.start() <= x.end()
                };
                let models = a.models.iter().any(|x| b.models.iter().any(|y| meets(x, y)));
                assert!(
                    !(same_family && models && meets(&a.steppings, &b.steppings)),
                    "{} {}",
                    a.name,
                    b.name
                );
            }
        }
        let parts: BTreeSet<_> = PARTS.iter().map(|(implementer, part, _)| (implementer, part)).collect();
        assert_eq!(parts.len(), PARTS.len());
    }

    #[test]
    fn this_machine_has_a_key_that_a_file_can_be_named_after() {
        let key = cpu_key();
        assert!(
            key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-+".contains(c)),
            "{key}"
        );
        assert!(!key.is_empty());
    }
}
