//! The assembly of a library: which code a kernel became, and which part of it does the work.

use std::collections::BTreeMap;

/// Instructions that nothing enters or leaves in between.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block {
    /// The label that leads to it, if any does.
    label: Option<String>,
    /// One a line, in the assembler's own words.
    pub(super) instructions: Vec<String>,
}

/// The blocks of the functions of each kernel, by its name in lower case.
///
/// All functions whose path goes through a kernel's name are the kernel's, as in the executable's symbols: its body,
/// its entry, its closures, and what was made generic over these.
pub(super) fn of_kernels(assembly: &str, is_kernel: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<Block>> {
    let mut kernels: BTreeMap<String, Vec<Block>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in assembly.lines() {
        let text = line.split("//").next().unwrap_or_default().trim_end();
        if let Some(label) = text.strip_suffix(':').filter(|_| !text.starts_with(char::is_whitespace)) {
            if !label.starts_with(".L") {
                let path = format!("{:#}", rustc_demangle::demangle(label)).to_lowercase();
                let mut words = path.split(|c: char| !c.is_alphanumeric() && c != '_');
                current = words.find(|word| is_kernel(word)).map(str::to_owned);
            }
            if let Some(kernel) = &current {
                let block = Block { label: Some(label.to_owned()), instructions: Vec::new() };
                kernels.entry(kernel.clone()).or_default().push(block);
            }
        } else if let (Some(kernel), Some(instruction)) = (&current, text.strip_prefix('\t')) {
            if instruction.starts_with('.') {
                continue;
            }
            let blocks = kernels.entry(kernel.clone()).or_default();
            if blocks.last().is_none_or(Block::has_ended) {
                blocks.push(Block::default());
            }
            let block = blocks.last_mut().expect("there is one now");
            block.instructions.push(instruction.to_owned());
        }
    }
    kernels
}

/// The block with most vector arithmetic, of equals one that repeats itself: what a call spends its time in.
pub(super) fn hottest(blocks: &[Block]) -> Option<&Block> {
    // Of several greatest, the last would be taken.
    let key = |block: &&Block| (block.count().arithmetic, block.is_loop());
    blocks.iter().rev().max_by_key(key).filter(|block| block.count().arithmetic > 0)
}

/// What a block does with whole vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count {
    pub(super) loads: usize,
    pub(super) stores: usize,
    /// Instructions that store vectors, one or two.
    pub(super) store_instructions: usize,
    pub(super) arithmetic: usize,
}

impl Block {
    fn has_ended(&self) -> bool {
        self.instructions.last().is_some_and(|last| {
            let name = mnemonic(last);
            name == "b"
                || name.starts_with("b.")
                || ["cbz", "cbnz", "tbz", "tbnz", "br", "ret"].contains(&name)
        })
    }

    /// Whether its last instruction leads back to its first.
    pub(super) fn is_loop(&self) -> bool {
        let target = self
            .instructions
            .last()
            .filter(|_| self.has_ended())
            .and_then(|last| last.split_whitespace().last());
        target.is_some() && target == self.label.as_deref()
    }

    pub(super) fn count(&self) -> Count {
        let mut count = Count::default();
        for instruction in &self.instructions {
            let (name, registers) = (mnemonic(instruction), vectors(instruction));
            if is_load(name) {
                count.loads += registers.len();
            } else if is_store(name) {
                count.stores += registers.len();
                count.store_instructions += usize::from(!registers.is_empty());
            } else if is_arithmetic(instruction) {
                count.arithmetic += 1;
            }
        }
        count
    }

    /// The longest chain of vector instructions in which each waits for the one before, in cycles, by the latency of
    /// each instruction: within one round, and from round to round.
    pub(super) fn chains(&self, latencies: &[f64]) -> [f64; 2] {
        let mut ready = [0.0_f64; 32];
        let round = |ready: &mut [f64; 32]| {
            for (instruction, latency) in self.instructions.iter().zip(latencies) {
                let (name, registers) = (mnemonic(instruction), vectors(instruction));
                if is_load(name) {
                    for register in registers {
                        ready[register] = *latency;
                    }
                } else if !is_store(name)
                    && let [to, from @ ..] = &registers[..]
                {
                    let accumulates = name.starts_with("fmla") || name.starts_with("fmls");
                    let own = accumulates.then_some(to);
                    let start = from.iter().chain(own).map(|&register| ready[register]).fold(0.0, f64::max);
                    ready[*to] = start + latency;
                }
            }
        };
        round(&mut ready);
        let first = ready;
        round(&mut ready);
        let greatest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        [
            greatest(&mut first.into_iter()),
            greatest(&mut ready.iter().zip(first).map(|(second, first)| second - first)),
        ]
    }

    /// The same work with the steps of pointers as instructions of their own: `ldp q1, q2, [x8], #32` steps by itself.
    pub(super) fn with_steps_apart(&self) -> Block {
        let apart = |instruction: &String| match instruction.split_once("], #") {
            Some((access, step)) => {
                let pointer = access.rsplit('[').next().unwrap_or_default();
                vec![format!("{access}]"), format!("add\t{pointer}, {pointer}, #{step}")]
            }
            None => vec![instruction.clone()],
        };
        Block { label: self.label.clone(), instructions: self.instructions.iter().flat_map(apart).collect() }
    }

    /// The same work, but no arithmetic waits for any: all of it reads registers that nothing writes.
    pub(super) fn without_chains(&self) -> Block {
        let free = |instruction: &String| {
            let form = if instruction.contains(".4s") { "4s" } else { "2d" };
            match &vectors(instruction)[..] {
                [to, _] if is_arithmetic(instruction) => {
                    format!("{}\tv{to}.{form}, v31.{form}", mnemonic(instruction))
                }
                [to, ..] if is_arithmetic(instruction) => {
                    format!("{}\tv{to}.{form}, v31.{form}, v31.{form}", mnemonic(instruction))
                }
                _ => instruction.clone(),
            }
        };
        Block { label: self.label.clone(), instructions: self.instructions.iter().map(free).collect() }
    }

    /// As the assembler takes it.
    pub(super) fn text(&self) -> String {
        let label = self.label.iter().map(|label| format!("{label}:\n"));
        label.chain(self.instructions.iter().map(|instruction| format!("\t{instruction}\n"))).collect()
    }
}

fn mnemonic(instruction: &str) -> &str {
    instruction.split_whitespace().next().unwrap_or_default()
}

fn is_load(name: &str) -> bool {
    name.starts_with("ld")
}

fn is_store(name: &str) -> bool {
    name.starts_with("st")
}

/// Floating-point arithmetic on a whole vector: `fadd v0.4s, …`.
fn is_arithmetic(instruction: &str) -> bool {
    const NAMES: [&str; 10] =
        ["fadd", "faddp", "fsub", "fmul", "fdiv", "fmla", "fmls", "fmin", "fmax", "fsqrt"];
    NAMES.contains(&mnemonic(instruction)) && [".4s", ".2d"].iter().any(|form| instruction.contains(form))
}

/// The numbers of the vector registers an instruction names, by whole vectors (`q`, `v`), in order.
fn vectors(instruction: &str) -> Vec<usize> {
    let operands = instruction.split_once(char::is_whitespace).map_or("", |(_, operands)| operands);
    let words = operands.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter_map(|word| word.strip_prefix(['q', 'v'])?.parse().ok())
        .filter(|&number| number < 32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSEMBLY: &str = "\
_RNvNtC7raptors8neon_map17SCALE_F32_NEON_U1:
\t.cfi_startproc
\tldr\ts0, [x0, #32]
\tcbz\tx10, .LBB1_2
.LBB1_1:
\tldp\tq1, q2, [x8], #32
\tsubs\tx10, x10, #1
\tfmul\tv1.4s, v1.4s, v0.s[0]
\tfmul\tv2.4s, v2.4s, v0.s[0] // a word
\tstp\tq1, q2, [x9], #32
\tb.ne\t.LBB1_1
\tfmul\tv3.4s, v1.4s, v0.s[0]
\tfmul\tv4.4s, v2.4s, v0.s[0]
.LBB1_2:
\tret
other:
\tfmul\tv2.4s, v2.4s, v0.s[0]
";

    fn blocks() -> Vec<Block> {
        let mut kernels = of_kernels(ASSEMBLY, |word| word == "scale_f32_neon_u1");
        assert_eq!(kernels.len(), 1);
        kernels.pop_first().expect("there is one").1
    }

    #[test]
    fn the_loop_is_found_among_the_blocks() {
        let blocks = blocks();
        assert_eq!(blocks.iter().map(|block| block.instructions.len()).collect::<Vec<_>>(), [2, 6, 2, 1]);
        let hottest = hottest(&blocks).expect("there is arithmetic");
        assert!(hottest.is_loop());
        assert_eq!(hottest.count(), Count { loads: 2, stores: 2, store_instructions: 1, arithmetic: 2 });
        assert!(hottest.text().starts_with(".LBB1_1:\n\tldp\tq1, q2, [x8], #32\n"));
        assert_eq!(super::hottest(&blocks[3..]), None);
    }

    fn block(lines: &[&str]) -> Block {
        Block { label: None, instructions: lines.iter().map(|&line| line.to_owned()).collect() }
    }

    #[test]
    fn chains_are_followed() {
        let near = |[within, across]: [f64; 2], expected: [f64; 2]| {
            assert!((within - expected[0]).abs() + (across - expected[1]).abs() < 1e-9, "{within} {across}");
        };
        let fresh = block(&["ldr\tq1, [x0]", "fadd\tv0.4s, v1.4s, v2.4s", "fadd\tv0.4s, v0.4s, v1.4s"]);
        near(fresh.chains(&[4.0, 3.0, 3.0]), [10.0, 0.0]);
        let carried = block(&["ldr\tq1, [x0]", "fadd\tv0.4s, v0.4s, v1.4s", "fmla\tv2.4s, v1.4s, v1.4s"]);
        near(carried.chains(&[4.0, 3.0, 5.0]), [9.0, 5.0]);
    }

    #[test]
    fn the_work_is_the_same_in_other_words() {
        let steps = block(&["ldp\tq1, q2, [x8], #64", "ldr\tq3, [x9, #16]"]).with_steps_apart();
        assert_eq!(steps, block(&["ldp\tq1, q2, [x8]", "add\tx8, x8, #64", "ldr\tq3, [x9, #16]"]));
        let free =
            block(&["fadd\tv0.4s, v0.4s, v1.4s", "fsqrt\tv2.2d, v0.2d", "ldr\tq0, [x1]"]).without_chains();
        assert_eq!(free, block(&["fadd\tv0.4s, v31.4s, v31.4s", "fsqrt\tv2.2d, v31.2d", "ldr\tq0, [x1]"]));
    }
}
