//! `raptors show --asm`: what the compiler made of a kernel, beside what its expression needs.

mod count;
mod flow;
mod image;
mod print;

use std::{collections::VecDeque, io::Write};

use anyhow::bail;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpKind};
use raptors_codegen::ir::Minimum;

use self::{
    count::Counts,
    flow::{Loop, loops},
    image::{Function, Image},
};

/// What a kernel cannot do without.
pub(crate) struct Needs {
    /// For one step of its inner loop.
    pub(crate) minimum: Minimum,
    /// Bytes of a vector.
    pub(crate) vector_bytes: usize,
}

/// A function of a kernel, decoded.
struct Part<'a> {
    function: &'a Function,
    code: Vec<Instruction>,
    loops: Vec<Loop>,
}

/// The loop that does the work.
struct Inner<'a> {
    part: usize,
    of: &'a Loop,
    counts: Counts,
    /// What is called where a check in it fails.
    checks: Vec<String>,
}

/// Writes a kernel's assembly and the count of its inner loop.
pub(crate) fn run(kernel: &str, needs: &Needs, out: &mut impl Write) -> anyhow::Result<()> {
    let image = Image::running()?;
    let parts = parts(&image, kernel);
    if parts.is_empty() {
        bail!("no function in this executable is named after `{kernel}`: the compiler removed it, or the name");
    }
    let inner = inner(&image, &parts, needs.vector_bytes);
    for (index, part) in parts.iter().enumerate() {
        let marked = inner.as_ref().filter(|inner| inner.part == index).map(|inner| inner.of);
        print::part(&image, kernel, part, marked, out)?;
        writeln!(out)?;
    }
    print::summary(&image, kernel, &parts, inner.as_ref(), needs, out)?;
    Ok(())
}

/// Whose calls are followed: the library's own, and what stands between a closure and its caller.
const FOLLOWED: [&str; 3] = ["raptors::kernels::", "core::ops::function::", "core::array::"];

/// The functions a kernel is made of: those named after it, and those they call that can hold a part of it.
fn parts<'a>(image: &'a Image, kernel: &str) -> Vec<Part<'a>> {
    let mut todo: VecDeque<&Function> = image.of_kernel(kernel).into();
    let mut parts: Vec<Part<'_>> = Vec::new();
    while let Some(function) = todo.pop_front() {
        if parts.iter().any(|part| part.function.address == function.address) {
            continue;
        }
        let decoder = Decoder::with_ip(64, &function.code, function.address, DecoderOptions::NONE);
        let code: Vec<Instruction> = decoder.into_iter().collect();
        let called = code.iter().filter_map(|one| image.at(leads_to(one)?));
        let followed = |name: &String| FOLLOWED.iter().any(|path| name.contains(path));
        todo.extend(called.filter(|called| called.names.iter().any(followed)));
        let loops = loops(&code);
        parts.push(Part { function, code, loops });
    }
    parts
}

/// Where a call or jump leads, if its instruction says it.
fn leads_to(one: &Instruction) -> Option<u64> {
    let direct = one.op_count() > 0 && one.op0_kind() == OpKind::NearBranch64;
    direct.then(|| one.near_branch_target())
}

/// Whom an instruction calls.
fn callee<'a>(image: &'a Image, one: &Instruction) -> &'a str {
    let found = match leads_to(one) {
        Some(address) => image.name(address),
        None if one.is_ip_rel_memory_operand() => image.pointee(one.ip_rel_memory_address()),
        None => None,
    };
    found.unwrap_or("a function without a name")
}

/// The innermost loop that moves and computes most.
fn inner<'a>(image: &Image, parts: &'a [Part<'_>], vector_bytes: usize) -> Option<Inner<'a>> {
    let mut best: Option<Inner<'_>> = None;
    for (index, part) in parts.iter().enumerate() {
        for of in part.loops.iter().filter(|of| of.innermost) {
            let counts = Counts::of(of.body.iter().map(|&at| &part.code[at]), vector_bytes);
            let rank = |counts: &Counts| (counts.weight, counts.arithmetic);
            if rank(&counts) > best.as_ref().map_or((0, 0), |best| rank(&best.counts)) {
                best = Some(Inner { part: index, of, counts, checks: checks(image, &part.code, of) });
            }
        }
    }
    best
}

/// What branches out of a loop call in the end, if that does not return: the compiler's checks.
fn checks(image: &Image, code: &[Instruction], of: &Loop) -> Vec<String> {
    let failing = |&exit: &usize| {
        let mut at = exit;
        // As far as a straight line goes: a few instructions that set up arguments, and the call.
        for _ in 0..16 {
            let one = code.get(at)?;
            match one.flow_control() {
                FlowControl::Next => at += 1,
                FlowControl::UnconditionalBranch => {
                    at = code.binary_search_by_key(&one.near_branch_target(), Instruction::ip).ok()?;
                }
                FlowControl::Call | FlowControl::IndirectCall => {
                    let name = callee(image, one);
                    return (name.contains("panic") || name.contains("_fail")).then(|| name.to_owned());
                }
                FlowControl::Exception => return Some("ud2".to_owned()),
                _ => return None,
            }
        }
        None
    };
    of.exits.iter().filter_map(failing).collect()
}
