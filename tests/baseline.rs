//! The library runs on every x86-64 processor: outside the kernels and vocabularies of an instruction set, no function
//! has an instruction beyond those that all of them have, and within them none beyond those of that set.
//!
//! The test disassembles itself. It has every kernel in it, since the catalogue has.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::{
    arch::x86_64::{_mm256_add_ps, _mm256_set1_ps, _mm256_storeu_ps},
    collections::BTreeMap,
    env, fs,
    hint::black_box,
};

use iced_x86::{CpuidFeature, Decoder, DecoderOptions, Instruction, Mnemonic};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use raptors::{Isa, Matrix, catalogue, ops};

/// What the first x86-64 processor had, and what processors that lack it take for a no-operation.
const BASELINE: [CpuidFeature; 24] = [
    CpuidFeature::INTEL8086,
    CpuidFeature::INTEL186,
    CpuidFeature::INTEL286,
    CpuidFeature::INTEL386,
    CpuidFeature::INTEL486,
    CpuidFeature::X64,
    CpuidFeature::FPU,
    CpuidFeature::FPU287,
    CpuidFeature::FPU387,
    CpuidFeature::CPUID,
    CpuidFeature::TSC,
    CpuidFeature::MSR,
    CpuidFeature::CX8,
    CpuidFeature::CMOV,
    CpuidFeature::MMX,
    CpuidFeature::FXSR,
    CpuidFeature::SSE,
    CpuidFeature::SSE2,
    CpuidFeature::SYSCALL,
    CpuidFeature::CLFSH,
    // No-operations elsewhere.
    CpuidFeature::PAUSE,
    CpuidFeature::MULTIBYTENOP,
    CpuidFeature::CET_IBT,
    CpuidFeature::CET_SS,
];

/// Extensions, each with all those before it, as the compiler takes them: whoever has AVX-512 has AVX2.
const LADDER: [CpuidFeature; 12] = [
    CpuidFeature::SSE3,
    CpuidFeature::SSSE3,
    CpuidFeature::SSE4_1,
    CpuidFeature::SSE4_2,
    CpuidFeature::AVX,
    CpuidFeature::AVX2,
    CpuidFeature::FMA,
    CpuidFeature::F16C,
    CpuidFeature::AVX512F,
    CpuidFeature::AVX512DQ,
    CpuidFeature::AVX512BW,
    CpuidFeature::AVX512VL,
];

/// How many steps of the ladder an ISA has, by its description.
fn steps(isa: Isa) -> usize {
    let path = format!("{}/raptors-codegen/isa/{}.toml", env!("CARGO_MANIFEST_DIR"), isa.name());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let features = text.lines().find_map(|line| line.strip_prefix("features")).expect("features of an ISA");
    let is_named = |feature: &CpuidFeature| {
        features.contains(&format!("\"{}\"", format!("{feature:?}").replace("SSE4_", "SSE4.").to_lowercase()))
    };
    LADDER.iter().rposition(is_named).map_or(0, |last| last + 1)
}

/// Crates whose functions hold the library's code: generic functions of the standard library are compiled along.
const CRATES: [&str; 5] = ["raptors", "core", "alloc", "std", "baseline"];

/// A function's first instruction that not every processor has, if there is one, and the highest step of the ladder that
/// any of its instructions needs, or one that is on none.
#[derive(Default)]
struct Finding {
    first: Option<String>,
    highest: Option<(usize, String)>,
}

/// Each function of those crates, by its path.
fn functions() -> BTreeMap<String, Finding> {
    let executable = fs::read(env::current_exe().expect("the test has a file")).expect("it can be read");
    let file = object::File::parse(&*executable).expect("an executable");
    let mut functions = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
        let Some(path) = symbol.name().ok().and_then(|name| rustc_demangle::try_demangle(name).ok()) else {
            continue;
        };
        let path = format!("{path:#}");
        if !CRATES.contains(&crate_of(&path)) {
            continue;
        }
        let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
        let code =
            section.and_then(|section| section.data_range(symbol.address(), symbol.size()).ok().flatten());
        let code = code.unwrap_or_else(|| panic!("`{path}` has no code"));
        // Several instances of a generic function have one path: what any of them has, it has.
        beyond(code, symbol.address(), functions.entry(path).or_default());
    }
    functions
}

/// The crate that a path starts in: `<&core::fmt::Arguments as …>` starts in `core`.
fn crate_of(path: &str) -> &str {
    let start = path.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let start =
        ["mut ", "dyn ", "impl ", "const "].iter().fold(start, |start, word| start.trim_start_matches(word));
    start.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Notes what a function has beyond the baseline.
fn beyond(code: &[u8], address: u64, finding: &mut Finding) {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        // What is decoded as `tzcnt` is `bsf` with a prefix, which older processors ignore. The compiler writes it for
        // numbers other than zero, where both give the same.
        let is_known = |feature: &CpuidFeature| BASELINE.contains(feature);
        let features = instruction.cpuid_features();
        if !instruction.is_invalid()
            && (instruction.mnemonic() == Mnemonic::Tzcnt || features.iter().all(is_known))
        {
            continue;
        }
        let what = || format!("{:?} at {:#x} needs {features:?}", instruction.code(), instruction.ip());
        finding.first.get_or_insert_with(what);
        let step = |feature: &CpuidFeature| {
            LADDER.iter().position(|it| it == feature).map_or(usize::MAX, |step| step + 1)
        };
        let highest = features.iter().filter(|feature| !is_known(feature)).map(step).max();
        let highest = highest.unwrap_or(usize::MAX);
        if finding.highest.as_ref().is_none_or(|(step, _)| *step < highest) {
            finding.highest = Some((highest, what()));
        }
    }
}

/// The ISA whose kernels or vocabulary a function belongs to. These are entered only where the machine has the ISA,
/// and a closure made in such a function has its features.
fn isa_of(path: &str) -> Option<Isa> {
    let words: Vec<&str> =
        path.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    Isa::ALL.into_iter().filter(|isa| *isa != Isa::Portable).find(|isa| {
        let name = isa.name();
        words.windows(2).any(|pair| match *pair {
            ["simd" | "functions", module] => module == name,
            ["generated", module] => {
                let module = module.strip_prefix("candidates_").unwrap_or(module);
                module.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
            }
            _ => false,
        })
    })
}

/// The compiler's own intrinsics, which without optimization are functions.
fn is_intrinsic(path: &str) -> bool {
    path.starts_with("core::core_arch::x86")
}

/// Stands in for a kernel outside the modules of kernels: the test must find it.
#[target_feature(enable = "avx2")]
fn stray(to: &mut [f32; 8]) {
    let one = _mm256_set1_ps(to[0]);
    // SAFETY: the array has the eight elements.
    unsafe { _mm256_storeu_ps(to.as_mut_ptr(), _mm256_add_ps(one, one)) }
}

#[test]
fn only_the_kernels_of_an_isa_have_its_instructions() {
    // Names every kernel, and has some generic functions of the library compiled here.
    assert!(black_box(catalogue::ops()).len() > 3);
    let x = Matrix::from_fn(3, 5, |_, _| black_box(1.0_f64)).expect("memory");
    assert_eq!(ops::sum(&ops::scale(&x, 2.0).expect("a shape")).map(f64::to_bits), Ok(30.0_f64.to_bits()));
    black_box(stray as unsafe fn(&mut [f32; 8]));

    let functions = functions();
    let mut outside = 0;
    let mut inside = [(0, 0); Isa::ALL.len()];
    let steps = Isa::ALL.map(steps);
    let mut strays = Vec::new();
    for (path, finding) in &functions {
        if let Some(isa) = isa_of(path) {
            let (count, beyond) = &mut inside[isa as usize];
            *count += 1;
            *beyond += usize::from(finding.first.is_some());
            let above = finding.highest.as_ref().filter(|(step, _)| *step > steps[isa as usize]);
            strays.extend(above.map(|(_, what)| format!("{path}: {what}")));
        } else if !is_intrinsic(path) {
            outside += usize::from(crate_of(path) == "raptors");
            strays.extend(finding.first.as_ref().map(|first| format!("{path}: {first}")));
        }
    }
    println!("{outside} functions of the library outside, {inside:?} inside the modules of {:?}", Isa::ALL);
    let (meant, strays): (Vec<_>, Vec<_>) =
        strays.into_iter().partition(|stray| stray.starts_with("baseline::stray"));
    assert!(strays.is_empty(), "instructions that not every x86-64 processor has:\n{}", strays.join("\n"));
    assert_eq!(meant.len(), 1, "an AVX instruction was not noticed");
    // Optimized, most of them become part of others.
    let least = if cfg!(debug_assertions) { 100 } else { 50 };
    assert!(outside > least, "only {outside} functions of the library were looked at");
    // These two stand for all: were their kernels not found, or not read, no other's would be.
    for isa in [Isa::Avx2, Isa::Avx512] {
        let (count, beyond) = inside[isa as usize];
        assert!(count > 50, "the kernels of {} were not found", isa.name());
        assert!(beyond > 50, "{} kernels have no instructions of their own", isa.name());
    }
}

/// What an ISA may have and what it may not, by its description, and that the highest instruction is what is noted.
#[test]
fn instructions_above_an_isa_are_noticed() {
    assert!(steps(Isa::Portable) == 0 && steps(Isa::Avx2) < steps(Isa::Avx512));
    // vaddps ymm0, ymm0, ymm0; vaddps zmm0, zmm0, zmm0; vaddps xmm0, xmm0, xmm0; kandw k1, k1, k2
    let avx = [0xc5, 0xfc, 0x58, 0xc0];
    let wide = [0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0];
    let masks = [0xc5, 0xf4, 0x41, 0xca];
    for (code, isa, fits) in [
        (&avx[..], Isa::Portable, false),
        (&avx, Isa::Avx2, true),
        (&wide, Isa::Avx2, false),
        (&masks, Isa::Avx2, false),
        (&wide, Isa::Avx512, true),
        (&masks, Isa::Avx512, true),
        (&[avx.as_slice(), &wide, &avx].concat(), Isa::Avx2, false),
    ] {
        let mut finding = Finding::default();
        beyond(code, 0, &mut finding);
        let (highest, what) = finding.highest.expect("none is in the baseline");
        assert_eq!(highest <= steps(isa), fits, "{what} on {}", isa.name());
    }
}

#[test]
fn paths_are_told_apart() {
    for (path, expected) in [
        ("raptors::kernels::generated::avx2_map::add_m_m2_map_f32_avx2_u4", Some(Isa::Avx2)),
        (
            "raptors::kernels::generated::candidates_avx2_add_runs::add_runs_f32_avx2_u4::{{closure}}",
            Some(Isa::Avx2),
        ),
        ("<raptors::simd::avx2::f32::Slot as core::ops::Drop>::drop", Some(Isa::Avx2)),
        ("raptors::kernels::generated::portable_map::add_m_m2_map_f32_portable_u4", None),
        ("raptors::kernels::generated::avx2x_map::add_m_m2_map", None),
        ("raptors::kernels::generated::avx512_map__2::add_m_m2_map_f32_avx512_u4", Some(Isa::Avx512)),
        ("raptors::simd::avx512::f32x8::add", Some(Isa::Avx512)),
        ("raptors::dispatch::cpu::avx2", None),
        ("raptors::simd::portable::f32::add", None),
    ] {
        assert_eq!(isa_of(path), expected, "{path}");
    }
    assert_eq!(crate_of("<&mut core::fmt::Arguments as core::fmt::Display>::fmt"), "core");
    assert_eq!(crate_of("<[raptors::Isa; 2] as alloc::vec::SpecFromElem>::from"), "raptors");
    assert_eq!(crate_of("raptors_codegen::build"), "raptors_codegen");
}
