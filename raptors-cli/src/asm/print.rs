//! Assembly and counts, for people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use iced_x86::{FlowControl, Formatter as _, Instruction, IntelFormatter, SymbolResolver, SymbolResult};

use raptors_codegen::ir::Minimum;

use super::{
    Inner, Needs, Part, callee,
    count::Counts,
    image::{Function, Image},
};
use crate::output::{WIDTH, count, wrap};

/// A function's name: the one that is after the kernel, if it has several.
fn title<'a>(function: &'a Function, kernel: &str) -> &'a str {
    let names = || function.names.iter();
    let name = names().find(|name| name.to_lowercase().contains(kernel)).or_else(|| names().next());
    short(name.map_or("", String::as_str))
}

/// A path without what all kernels have in common.
fn short(name: &str) -> &str {
    ["raptors::kernels::generated::", "raptors::kernels::"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

/// The addresses in a function, as people read them: its own from its start, others by their names.
struct Names(BTreeMap<u64, String>);

impl Names {
    fn of(image: &Image, Part { function, code, .. }: &Part<'_>) -> Self {
        let own = function.address..function.address + function.code.len() as u64;
        let mut names = BTreeMap::new();
        for one in code {
            if let Some(to) = super::leads_to(one)
                && own.contains(&to)
            {
                names.insert(to, format!("+{:#x}", to - own.start));
            } else if let Some(to) = super::leads_to(one)
                .or_else(|| one.is_ip_rel_memory_operand().then(|| one.ip_rel_memory_address()))
                && let Some(name) = image.pointee(to).or_else(|| image.name(to))
            {
                names.insert(to, short(name).to_owned());
            }
        }
        Self(names)
    }
}

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        _: &Instruction,
        _: u32,
        _: Option<u32>,
        address: u64,
        _: u32,
    ) -> Option<SymbolResult<'_>> {
        Some(SymbolResult::with_str(address, self.0.get(&address)?))
    }
}

/// A function, the instructions of the inner loop marked.
pub(super) fn part(
    image: &Image,
    kernel: &str,
    part: &Part<'_>,
    inner: Option<&[usize]>,
    out: &mut impl Write,
) -> io::Result<()> {
    let Part { function, code, .. } = part;
    let start = function.address;
    let mut formatter = IntelFormatter::with_options(Some(Box::new(Names::of(image, part))), None);
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_rip_relative_addresses(true);
    let size = count(code.len(), "instruction");
    writeln!(out, "{}: {size}, {} B", title(function, kernel), function.code.len())?;
    let targets: Vec<u64> = code.iter().filter_map(super::leads_to).collect();
    let mut text = String::new();
    for (at, one) in code.iter().enumerate() {
        text.clear();
        formatter.format(one, &mut text);
        let mark = if inner.is_some_and(|body| body.binary_search(&at).is_ok()) { '|' } else { ' ' };
        // Only where something jumps to is an address of use.
        let address =
            if targets.contains(&one.ip()) { format!("+{:#x}", one.ip() - start) } else { String::new() };
        writeln!(out, "{mark} {address:>7}  {text}")?;
    }
    Ok(())
}

/// The count of the inner loop, and what else there is to know.
pub(super) fn summary(
    image: &Image,
    kernel: &str,
    parts: &[Part<'_>],
    inner: Option<&Inner>,
    needs: &Needs,
    out: &mut impl Write,
) -> io::Result<()> {
    if cfg!(debug_assertions) {
        note(out, "This executable is not optimised: what follows says nothing about a release build.")?;
    }
    let calls = calls(image, parts);
    match inner {
        Some(inner) => table(kernel, &parts[inner.part], inner, needs, out)?,
        None => note(out, "No vector instruction of this kernel reads or writes memory.")?,
    }
    if !calls.is_empty() {
        note(out, &format!("Calls in its functions: {}.", calls.join(", ")))?;
    }
    Ok(())
}

fn table(
    kernel: &str,
    part: &Part<'_>,
    inner: &Inner,
    needs: &Needs,
    out: &mut impl Write,
) -> io::Result<()> {
    let counts = &inner.counts;
    let first = part.code[inner.body[0]].ip() - part.function.address;
    let place = format!("+{first:#x} of {}", title(part.function, kernel));
    if inner.looped {
        note(out, &format!("The inner loop, marked |, is at {place}."))?;
    } else {
        note(
            out,
            &format!("The inner loop was unrolled altogether: what is left of it, marked |, is at {place}."),
        )?;
    }
    let minimum = &needs.minimum;
    let steps = Steps::of(counts, needs);
    writeln!(out, "\n  {:24}{:>8}{:>8}{:>12}{:>8}", "", "loads", "stores", "arithmetic", "other")?;
    let other: usize = counts.others().iter().map(|(number, _)| number).sum();
    let row = |name: &str, [loads, stores, arithmetic]: [usize; 3], other: &str| {
        format!("  {name:24}{loads:>8}{stores:>8}{arithmetic:>12}{other:>8}\n")
    };
    out.write_all(
        row(
            if inner.looped { "one iteration" } else { "in all" },
            [counts.loads, counts.stores, counts.arithmetic],
            &other.to_string(),
        )
        .as_bytes(),
    )?;
    let scaled = [minimum.loads, minimum.stores, minimum.arithmetic].map(|number| steps.scale(number));
    let name = format!("minimum for {steps}");
    out.write_all(row(&name, scaled, "-").as_bytes())?;
    writeln!(out)?;
    let subject = if inner.looped { "An iteration" } else { "It" };
    note(out, &format!("{subject} does {steps}, in {}.", count(counts.instructions, "instruction")))?;
    let others: Vec<String> = counts
        .others()
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if !others.is_empty() {
        note(out, &format!("Other: {}.", others.join(", ")))?;
    }
    for (number, what) in [
        (counts.folded, "of the arithmetic with an operand in memory, counted as loads too"),
        (counts.narrow, "of the loads and stores of less than a whole vector"),
        (counts.constants, "of the loads of constants"),
    ] {
        if number > 0 {
            note(out, &format!("{number} {what}."))?;
        }
    }
    if !inner.checks.is_empty() {
        let names: Vec<_> = inner.checks.iter().map(|name| short(name)).collect();
        note(out, &format!("{} in the loop: {}.", count(names.len(), "check"), names.join(", ")))?;
    }
    let over: Vec<String> = [counts.loads, counts.stores, counts.arithmetic]
        .iter()
        .zip(scaled)
        .zip(["loads", "stores", "arithmetic"])
        .filter(|((has, needs), _)| *has > needs)
        .map(|((has, needs), what)| format!("{} {what}", *has - needs))
        .collect();
    if over.is_empty() {
        note(out, "Loads, stores and arithmetic are at the minimum.")
    } else {
        note(out, &format!("Above the minimum: {}.", over.join(", ")))
    }
}

/// How many steps of the kernel an iteration does: the compiler may unroll further, or cut a step up.
struct Steps {
    /// Bytes an iteration stores, or loads where nothing is stored.
    has: usize,
    /// Bytes a step does.
    step: usize,
}

impl Steps {
    fn of(counts: &Counts, needs: &Needs) -> Self {
        let Minimum { loads, stores, .. } = needs.minimum;
        let (has, step) = if stores > 0 { (counts.written, stores) } else { (counts.read, loads.max(1)) };
        let step = step * needs.vector_bytes;
        // More than a step: what is beyond whole steps is not part of one.
        Self { has: if has > step { (has + step / 2) / step * step } else { has }, step }
    }

    /// What a number of instructions in a step is in an iteration.
    const fn scale(&self, number: usize) -> usize {
        (number * self.has).div_ceil(self.step)
    }
}

impl std::fmt::Display for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { has, step } = self;
        if has % step == 0 {
            f.write_str(&count(has / step, "step"))
        } else if *has > 0 && step % has == 0 {
            write!(f, "1/{} of a step", step / has)
        } else {
            write!(f, "{has}/{step} of a step")
        }
    }
}

/// Who is called that is not shown.
fn calls(image: &Image, parts: &[Part<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in parts.iter().flat_map(|part| &part.code) {
        let call = matches!(one.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
        let shown = super::leads_to(one)
            .is_some_and(|address| parts.iter().any(|part| part.function.address == address));
        if call && !shown {
            let name = short(callee(image, one)).to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn note(out: &mut impl Write, text: &str) -> io::Result<()> {
    for line in wrap(text, WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(written: usize, read: usize, stores: usize) -> (String, usize) {
        let needs = Needs { minimum: Minimum { loads: 4, stores, arithmetic: 4 }, vector_bytes: 32 };
        let steps = Steps::of(&Counts { read, written, ..Counts::default() }, &needs);
        (steps.to_string(), steps.scale(4))
    }

    #[test]
    fn steps_are_counted_by_what_is_stored_or_else_loaded() {
        assert_eq!(steps(128, 0, 4), ("1 step".to_owned(), 4));
        assert_eq!(steps(256, 0, 4), ("2 steps".to_owned(), 8));
        assert_eq!(steps(0, 128, 0), ("1 step".to_owned(), 4));
        assert_eq!(steps(32, 0, 4), ("1/4 of a step".to_owned(), 1));
        // One load more than a step has is one too many, not a part of the next step.
        assert_eq!(steps(0, 160, 0), ("1 step".to_owned(), 4));
    }
}
