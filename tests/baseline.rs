//! The library runs on every x86-64 processor: outside the kernels and vocabularies of an instruction set, no function
//! has an instruction beyond those that all of them have.
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

/// Crates whose functions hold the library's code: generic functions of the standard library are compiled along.
const CRATES: [&str; 5] = ["raptors", "core", "alloc", "std", "baseline"];

/// A function's first instruction that not every processor has, if there is one.
type Finding = Option<String>;

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
        let finding: &mut Finding = functions.entry(path).or_default();
        if finding.is_none() {
            *finding = beyond(code, symbol.address());
        }
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

/// The first instruction beyond the baseline.
fn beyond(code: &[u8], address: u64) -> Finding {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        // What is decoded as `tzcnt` is `bsf` with a prefix, which older processors ignore. The compiler writes it for
        // numbers other than zero, where both give the same.
        let is_known = |feature| BASELINE.contains(feature);
        let allowed =
            instruction.mnemonic() == Mnemonic::Tzcnt || instruction.cpuid_features().iter().all(is_known);
        if instruction.is_invalid() || !allowed {
            return Some(format!(
                "{:?} at {:#x} needs {:?}",
                instruction.code(),
                instruction.ip(),
                instruction.cpuid_features()
            ));
        }
    }
    None
}

/// The ISA whose kernels or vocabulary a function belongs to. These are entered only where the machine has the ISA,
/// and a closure made in such a function has its features.
fn isa_of(path: &str) -> Option<Isa> {
    let words: Vec<&str> =
        path.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    Isa::ALL.into_iter().filter(|isa| *isa != Isa::Portable).find(|isa| {
        let name = isa.name();
        words.windows(2).any(|pair| match *pair {
            ["simd", module] => module == name,
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
    let mut strays = Vec::new();
    for (path, finding) in &functions {
        if let Some(isa) = isa_of(path) {
            let (count, beyond) = &mut inside[isa as usize];
            *count += 1;
            *beyond += usize::from(finding.is_some());
        } else if !is_intrinsic(path) {
            outside += usize::from(crate_of(path) == "raptors");
            strays.extend(finding.as_ref().map(|finding| format!("{path}: {finding}")));
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
    for isa in Isa::ALL {
        let (count, beyond) = inside[isa as usize];
        assert!(count == 0 || beyond > 50, "{} kernels have no instructions of their own", isa.name());
    }
    assert!(inside[Isa::Avx2 as usize].0 > 50, "the AVX2 kernels were not found");
}

#[test]
fn paths_are_told_apart() {
    for (path, expected) in [
        ("raptors::kernels::generated::avx2_map::add_f32_avx2_u4", Some(Isa::Avx2)),
        ("raptors::kernels::generated::candidates_avx2_sum::sum_f32_avx2_u4::{{closure}}", Some(Isa::Avx2)),
        ("<raptors::simd::avx2::f32::Slot as core::ops::Drop>::drop", Some(Isa::Avx2)),
        ("raptors::kernels::generated::portable_map::add_f32_portable_u4", None),
        ("raptors::kernels::generated::avx2x_map::add", None),
        ("raptors::dispatch::cpu::avx2", None),
        ("raptors::simd::portable::f32::add", None),
    ] {
        assert_eq!(isa_of(path), expected, "{path}");
    }
    assert_eq!(crate_of("<&mut core::fmt::Arguments as core::fmt::Display>::fmt"), "core");
    assert_eq!(crate_of("<[raptors::Isa; 2] as alloc::vec::SpecFromElem>::from"), "raptors");
    assert_eq!(crate_of("raptors_codegen::build"), "raptors_codegen");
}
