//! The assembly of a library: which code a kernel became, and which part of it does the work.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::words::{Instruction, Language, REGISTERS};

/// Instructions that nothing enters or leaves in between.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block {
    /// The label that leads to it, if any does.
    label: Option<String>,
    /// Whose words they are in.
    pub(super) language: Language,
    /// One a line, in the assembler's own words.
    pub(super) instructions: Vec<String>,
}

/// The blocks of the functions of each kernel, by its name in lower case.
///
/// All functions whose path goes through a kernel's name are the kernel's, as in the executable's symbols: its body,
/// its entry, its closures, and what was made generic over these.
pub(super) fn of_kernels(
    language: Language,
    assembly: &str,
    is_kernel: impl Fn(&str) -> bool,
) -> BTreeMap<String, Vec<Block>> {
    let mut kernels: BTreeMap<String, Vec<Block>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in assembly.lines() {
        let text = line.split(language.comment()).next().unwrap_or_default().trim_end();
        if let Some(label) = text.strip_suffix(':').filter(|_| !text.starts_with(char::is_whitespace)) {
            if !label.starts_with(".L") {
                let path = format!("{:#}", rustc_demangle::demangle(label)).to_lowercase();
                let mut words = path.split(|c: char| !c.is_alphanumeric() && c != '_');
                current = words.find(|word| is_kernel(word)).map(str::to_owned);
            }
            if let Some(kernel) = &current {
                let block = Block { label: Some(label.to_owned()), language, instructions: Vec::new() };
                kernels.entry(kernel.clone()).or_default().push(block);
            }
        } else if let (Some(kernel), Some(instruction)) = (&current, text.strip_prefix('\t')) {
            if instruction.starts_with('.') {
                continue;
            }
            let blocks = kernels.entry(kernel.clone()).or_default();
            if blocks.last().is_none_or(Block::has_ended) {
                blocks.push(Block { language, ..Block::default() });
            }
            let block = blocks.last_mut().expect("there is one now");
            block.instructions.push(instruction.to_owned());
        }
    }
    kernels
}

/// The block with most vector arithmetic, of equals one that repeats itself, else one that goes on: what a call spends
/// its time in.
pub(super) fn hottest(blocks: &[Block]) -> Option<&Block> {
    // Of several greatest, the last would be taken.
    let arithmetic = |block: &Block| block.read().filter(Instruction::is_arithmetic).count();
    let key = |block: &&Block| (arithmetic(block), block.is_loop(), !block.returns());
    blocks.iter().rev().max_by_key(key).filter(|block| arithmetic(block) > 0)
}

/// What a block does with whole vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count {
    pub(super) loads: usize,
    pub(super) stores: usize,
    /// Instructions that store vectors, one or two.
    pub(super) store_instructions: usize,
    /// Those of them whose address comes from two registers.
    pub(super) indexed: usize,
    pub(super) arithmetic: usize,
    /// What of it is more than adding.
    pub(super) products: usize,
}

impl Block {
    fn read(&self) -> impl Iterator<Item = Instruction<'_>> {
        self.instructions.iter().map(|instruction| self.language.read(instruction))
    }

    fn has_ended(&self) -> bool {
        self.read().last().is_some_and(|last| last.ends_block())
    }

    fn returns(&self) -> bool {
        self.read().last().is_some_and(|last| last.returns())
    }

    /// Whether its last instruction leads back to its first.
    pub(super) fn is_loop(&self) -> bool {
        let last = self.read().last();
        self.label.is_some() && last.as_ref().and_then(Instruction::target) == self.label.as_deref()
    }

    /// By units that take so many bytes at once.
    pub(super) fn count(&self, bytes: usize) -> Count {
        let mut count = Count::default();
        for it in self.read() {
            let parts = it.bytes().div_ceil(bytes);
            count.loads += it.loads() * parts;
            count.stores += it.stores() * parts;
            count.store_instructions += it.stores().min(1) * parts;
            count.indexed += it.stores().min(usize::from(it.is_indexed())) * parts;
            count.arithmetic += usize::from(it.is_arithmetic()) * parts;
            count.products += usize::from(it.multiplies()) * parts;
        }
        count
    }

    /// The longest chain of vector instructions in which each waits for the one before, in cycles, by the latency of
    /// each instruction, and by that without what it loads: within one round, and from round to round.
    pub(super) fn chains(&self, latencies: &[f64], in_registers: &[f64]) -> [f64; 2] {
        let mut ready = [0.0_f64; REGISTERS];
        let round = |ready: &mut [f64; REGISTERS]| {
            for ((it, latency), own) in self.read().zip(latencies).zip(in_registers) {
                let vectors = it.vectors();
                let (to, from) = vectors.split_at(it.written());
                let also = to.iter().filter(|_| it.accumulates());
                let start = from.iter().chain(also).map(|&register| ready[register]).fold(0.0, f64::max);
                for &register in to {
                    ready[register] = latency.max(start + own);
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
        self.with(self.instructions.iter().flat_map(apart))
    }

    /// The same, but what loads does not compute too, and what computes only does that.
    pub(super) fn in_registers(&self) -> Block {
        self.with(self.read().map(|it| it.in_registers()))
    }

    /// The same work, but no arithmetic waits for any: all of it reads a register that nothing writes, if there is one.
    pub(super) fn without_chains(&self) -> Block {
        let written: BTreeSet<_> =
            self.read().flat_map(|it| it.vectors().into_iter().take(it.written())).collect();
        let Some(unwritten) = self.registers().rev().find(|register| !written.contains(register)) else {
            return self.clone();
        };
        self.with(
            self.read()
                .zip(&self.instructions)
                .map(|(it, same)| if it.is_arithmetic() { it.reading(unwritten) } else { same.clone() }),
        )
    }

    /// The registers that its instructions can name: on x86-64, half of them are AVX-512's.
    fn registers(&self) -> Range<usize> {
        let halved = self.language == Language::Intel && self.read().all(|it| it.bytes() < 64);
        0..if halved { REGISTERS / 2 } else { REGISTERS }
    }

    fn with(&self, instructions: impl Iterator<Item = String>) -> Block {
        Block { label: self.label.clone(), language: self.language, instructions: instructions.collect() }
    }

    /// As the assembler takes it.
    pub(super) fn text(&self) -> String {
        let label = self.label.iter().map(|label| format!("{label}:\n"));
        label.chain(self.instructions.iter().map(|instruction| format!("\t{instruction}\n"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSEMBLY: &str = "\
_RNvNtC7raptors8neon_map23MUL_M_S_MAP_F32_NEON_U1:
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
        let mut kernels = of_kernels(Language::Arm, ASSEMBLY, |word| word == "mul_m_s_map_f32_neon_u1");
        assert_eq!(kernels.len(), 1);
        kernels.pop_first().expect("there is one").1
    }

    #[test]
    fn the_loop_is_found_among_the_blocks() {
        let blocks = blocks();
        assert_eq!(blocks.iter().map(|block| block.instructions.len()).collect::<Vec<_>>(), [2, 6, 2, 1]);
        let hottest = hottest(&blocks).expect("there is arithmetic");
        assert!(hottest.is_loop());
        let count =
            Count { loads: 2, stores: 2, store_instructions: 1, indexed: 0, arithmetic: 2, products: 2 };
        assert_eq!(hottest.count(16), count);
        assert!(hottest.text().starts_with(".LBB1_1:\n\tldp\tq1, q2, [x8], #32\n"));
        assert_eq!(super::hottest(&blocks[3..]), None);
    }

    fn block(lines: &[&str]) -> Block {
        Block { instructions: lines.iter().map(|&line| line.to_owned()).collect(), ..Block::default() }
    }

    fn intel(lines: &[&str]) -> Block {
        Block { language: Language::Intel, ..block(lines) }
    }

    const STEP: [&str; 4] = [
        "vmovups\tzmm1, zmmword ptr [rdi]",
        "vaddps\tzmm1, zmm1, zmmword ptr [rsi + rax]",
        "vmovups\tzmmword ptr [rdx + rax], zmm1",
        "jne\t.LBB1_1",
    ];

    #[test]
    fn wide_vectors_take_narrow_units_twice() {
        let count =
            Count { loads: 2, stores: 1, store_instructions: 1, indexed: 1, arithmetic: 1, products: 0 };
        assert_eq!(intel(&STEP).count(64), count);
        let twice =
            Count { loads: 4, stores: 2, store_instructions: 2, indexed: 2, arithmetic: 2, products: 0 };
        assert_eq!(intel(&STEP).count(32), twice);
    }

    #[test]
    fn chains_are_followed() {
        let near = |[within, across]: [f64; 2], expected: [f64; 2]| {
            assert!((within - expected[0]).abs() + (across - expected[1]).abs() < 1e-9, "{within} {across}");
        };
        let fresh = block(&["ldr\tq1, [x0]", "fadd\tv0.4s, v1.4s, v2.4s", "fadd\tv0.4s, v0.4s, v1.4s"]);
        near(fresh.chains(&[4.0, 3.0, 3.0], &[4.0, 3.0, 3.0]), [10.0, 0.0]);
        let carried = block(&["ldr\tq1, [x0]", "fadd\tv0.4s, v0.4s, v1.4s", "fmla\tv2.4s, v1.4s, v1.4s"]);
        // What is loaded along is there early; what has to wait takes no longer for it.
        near(intel(&STEP).chains(&[8.0, 11.0, 1.0, 1.0], &[8.0, 4.0, 1.0, 1.0]), [12.0, 0.0]);
        near(carried.chains(&[4.0, 3.0, 5.0], &[4.0, 3.0, 5.0]), [9.0, 5.0]);
    }

    #[test]
    fn the_work_is_the_same_in_other_words() {
        let steps = block(&["ldp\tq1, q2, [x8], #64", "ldr\tq3, [x9, #16]"]).with_steps_apart();
        assert_eq!(steps, block(&["ldp\tq1, q2, [x8]", "add\tx8, x8, #64", "ldr\tq3, [x9, #16]"]));
        let free =
            block(&["fadd\tv0.4s, v0.4s, v1.4s", "fsqrt\tv2.2d, v0.2d", "ldr\tq0, [x1]"]).without_chains();
        assert_eq!(free, block(&["fadd\tv0.4s, v31.4s, v31.4s", "fsqrt\tv2.2d, v31.2d", "ldr\tq0, [x1]"]));
        let free = intel(&STEP).without_chains();
        assert_eq!(free.instructions[1], "vaddps\tzmm1, zmm31, zmmword ptr [rsi + rax]");
        assert_eq!(free.instructions[2], STEP[2]);
        assert_eq!(intel(&STEP).in_registers().instructions[1], "vaddps\tzmm1, zmm1, zmm0");
    }
}
