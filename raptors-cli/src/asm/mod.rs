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
    flow::{Loop, loops, straight},
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

/// The instructions that do the work: a loop, or what is left of one that the compiler unrolled altogether.
struct Inner {
    /// The part they are in.
    part: usize,
    /// Their indices, sorted.
    body: Vec<usize>,
    looped: bool,
    counts: Counts,
    /// What is called where a check among them fails.
    checks: Vec<String>,
}

/// Writes a kernel's assembly and the count of its inner loop.
pub(crate) fn run(kernel: &str, needs: &Needs, out: &mut impl Write) -> anyhow::Result<()> {
    let image = Image::running()?;
    let parts = parts(&image, kernel);
    if parts.is_empty() {
        bail!(
            "no function in this executable is named after `{kernel}`: the compiler removed it, or the name"
        );
    }
    let inner = inner(&image, &parts, needs.vector_bytes);
    for (index, part) in parts.iter().enumerate() {
        let marked = inner.as_ref().filter(|inner| inner.part == index).map(|inner| &inner.body[..]);
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

/// A straight line has to do that many times the work of the busiest loop to be taken for one that was unrolled: ends
/// of rows and the like are straight lines too.
const UNROLLED: usize = 4;

/// The innermost loop that moves and computes most, or a straight line that does a lot more.
fn inner(image: &Image, parts: &[Part<'_>], vector_bytes: usize) -> Option<Inner> {
    let mut best: Option<Inner> = None;
    let rank = |counts: &Counts, looped: bool| {
        let times = if looped { UNROLLED } else { 1 };
        (counts.weight * times, counts.arithmetic)
    };
    for (part, Part { code, loops, .. }) in parts.iter().enumerate() {
        let innermost =
            loops.iter().filter(|of| of.innermost).map(|of| (of.body.clone(), &of.exits[..], true));
        let straight = straight(code, loops).into_iter().map(|range| (range.collect(), &[][..], false));
        for (body, exits, looped) in innermost.chain(straight) {
            let counts = Counts::of(body.iter().map(|&at: &usize| &code[at]), vector_bytes);
            if rank(&counts, looped)
                > best.as_ref().map_or((0, usize::MAX), |best| rank(&best.counts, best.looped))
            {
                best = Some(Inner { part, body, looped, counts, checks: checks(image, code, exits) });
            }
        }
    }
    best
}

/// What a loop's exits call in the end, if that does not return: the compiler's checks.
fn checks(image: &Image, code: &[Instruction], exits: &[usize]) -> Vec<String> {
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
    exits.iter().filter_map(failing).collect()
}
