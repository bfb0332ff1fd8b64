//! What instructions do: reading, writing, arithmetic, and the rest.

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register};

/// How many instructions do what. A memory operand of arithmetic counts as a load and as arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All of them.
    pub(crate) instructions: usize,
    /// Reads of memory into vector registers or by vector arithmetic; not from the stack.
    pub(crate) loads: usize,
    /// Writes of vector registers to memory; not to the stack.
    pub(crate) stores: usize,
    /// Arithmetic, logic and comparison of vector registers.
    pub(crate) arithmetic: usize,
    /// Of the arithmetic, what has an operand in memory.
    pub(crate) folded: usize,
    /// Bytes that loads read.
    pub(crate) read: usize,
    /// Bytes that stores write.
    pub(crate) written: usize,
    /// The squares of the bytes that loads and stores move: a vector weighs more than its elements do one by one.
    pub(crate) weight: usize,
    /// Loads and stores that move less than a whole vector.
    pub(crate) narrow: usize,
    /// Of the loads, what reads a constant of the program.
    pub(crate) constants: usize,
    /// Addresses, counters and branches.
    pub(crate) control: usize,
    /// Rearranging of lanes.
    pub(crate) shuffles: usize,
    /// Copies from register to register, and zeroes.
    pub(crate) moves: usize,
    /// Prefetch hints.
    pub(crate) prefetches: usize,
    /// Reads and writes of the stack: what did not fit in registers.
    pub(crate) spills: usize,
    /// Calls.
    pub(crate) calls: usize,
    /// Vector instructions that are none of these.
    pub(crate) rest: usize,
}

impl Counts {
    /// Counts instructions, for vectors of that many bytes.
    pub(crate) fn of<'a>(code: impl IntoIterator<Item = &'a Instruction>, vector_bytes: usize) -> Self {
        let mut counts = Self::default();
        let mut factory = InstructionInfoFactory::new();
        for one in code {
            counts.add(one, vector_bytes, &mut factory);
        }
        counts
    }

    /// Everything that is no load, store or arithmetic, with what it is.
    pub(crate) fn others(&self) -> [(usize, &'static str); 7] {
        [
            (self.control, "address and loop control"),
            (self.shuffles, "shuffles"),
            (self.moves, "register moves"),
            (self.prefetches, "prefetches"),
            (self.spills, "spills to or from the stack"),
            (self.calls, "calls"),
            (self.rest, "other vector instructions"),
        ]
    }

    fn add(&mut self, one: &Instruction, vector_bytes: usize, factory: &mut InstructionInfoFactory) {
        self.instructions += 1;
        if matches!(one.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
            self.calls += 1;
            return;
        }
        let (mut reads, mut writes, mut stack) = (false, false, false);
        let mut bytes = 0;
        for memory in factory.info(one).used_memory() {
            if memory.base() == Register::RSP {
                stack = true;
                continue;
            }
            bytes = memory.memory_size().size();
            reads |= READS.contains(&memory.access());
            writes |= WRITES.contains(&memory.access());
        }
        let name = format!("{:?}", one.mnemonic()).to_lowercase();
        if name.starts_with("prefetch") {
            self.prefetches += 1;
            return;
        }
        let vector = |operand| {
            one.op_kind(operand) == OpKind::Register && one.op_register(operand).is_vector_register()
        };
        if !(0..one.op_count()).any(vector) {
            if stack {
                self.spills += 1;
            } else {
                self.control += 1;
            }
            return;
        }
        let work = work(one, name.strip_prefix('v').unwrap_or(&name));
        self.arithmetic += usize::from(work == Work::Arithmetic);
        self.shuffles += usize::from(work == Work::Shuffle);
        self.spills += usize::from(stack);
        if reads {
            self.loads += 1;
            self.folded += usize::from(work == Work::Arithmetic);
            self.constants += usize::from(one.is_ip_rel_memory_operand());
        }
        self.stores += usize::from(writes);
        self.read += if reads { bytes } else { 0 };
        self.written += if writes { bytes } else { 0 };
        if reads || writes {
            self.weight += bytes * bytes;
            self.narrow += usize::from(bytes < vector_bytes);
        } else if work == Work::Move && !stack {
            self.moves += 1;
        }
        self.rest += usize::from(work == Work::Rest && !reads && !writes && !stack);
    }
}

const READS: [OpAccess; 4] =
    [OpAccess::Read, OpAccess::CondRead, OpAccess::ReadWrite, OpAccess::ReadCondWrite];
const WRITES: [OpAccess; 4] =
    [OpAccess::Write, OpAccess::CondWrite, OpAccess::ReadWrite, OpAccess::ReadCondWrite];

/// What an instruction does to registers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Arithmetic,
    Shuffle,
    Move,
    Rest,
}

/// By name, the `v` of AVX left out.
fn work(one: &Instruction, name: &str) -> Work {
    const ARITHMETIC: &str = "add sub mul div sqrt min max and or xor cmp comi ucomi blendv fm fnm round rcp rsqrt \
        hadd hsub cvt padd psub pmul pmadd pand por pxor pcmp pmin pmax psll psrl psra pblendv pabs psign ptest test \
        blendm pblendm pternlog range fpclass";
    const SHUFFLE: &str = "shuf unpck perm broadcast insert extract movhl movlh movddup movsldup movshdup blend pshuf \
        punpck palign pblend pbroadcast pinsr pextr pack pmov pslldq psrldq movmsk";
    let starts = |list: &str| list.split(' ').any(|start| name.starts_with(start));
    let same = |a, b| one.op_kind(a) == OpKind::Register && one.op_register(a) == one.op_register(b);
    let last = one.op_count().saturating_sub(1);
    if (name.starts_with("xor") || name.starts_with("pxor")) && last > 0 && same(last - 1, last) {
        return Work::Move;
    }
    // A blend by a mask is a choice that is computed; one by a constant, written for the order of lanes, a shuffle.
    let computed = ["blendv", "pblendv", "blendm", "pblendm"].iter().any(|start| name.starts_with(start));
    if starts(SHUFFLE) && !computed {
        Work::Shuffle
    } else if starts(ARITHMETIC) {
        Work::Arithmetic
    } else if name.starts_with("mov") || name.starts_with("maskmov") || name.starts_with("lddqu") {
        Work::Move
    } else {
        Work::Rest
    }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn count(bytes: &[u8], vector_bytes: usize) -> Counts {
        let code: Vec<_> = Decoder::with_ip(64, bytes, 0x1000, DecoderOptions::NONE).into_iter().collect();
        assert!(code.iter().all(|one| !one.is_invalid()));
        Counts::of(&code, vector_bytes)
    }

    #[test]
    fn a_load_a_product_and_a_store() {
        let one = Counts { instructions: 1, ..Counts::default() };
        // vmovups ymm1, [rax]
        assert_eq!(count(&[0xc5, 0xfc, 0x10, 0x08], 32), Counts { loads: 1, read: 32, weight: 1024, ..one });
        // vmovups [rax], ymm1
        assert_eq!(
            count(&[0xc5, 0xfc, 0x11, 0x08], 32),
            Counts { stores: 1, written: 32, weight: 1024, ..one }
        );
        // vmulps ymm1, ymm0, ymm1
        assert_eq!(count(&[0xc5, 0xfc, 0x59, 0xc9], 32), Counts { arithmetic: 1, ..one });
    }

    #[test]
    fn arithmetic_on_memory_is_a_load_too() {
        let one = Counts { instructions: 1, loads: 1, arithmetic: 1, folded: 1, ..Counts::default() };
        let whole = Counts { read: 32, weight: 1024, ..one };
        // vaddps ymm0, ymm0, [rsi]
        assert_eq!(count(&[0xc5, 0xfc, 0x58, 0x06], 32), whole);
        // vmulps ymm0, ymm0, [rip]
        assert_eq!(count(&[0xc5, 0xfc, 0x59, 0x05, 0, 0, 0, 0], 32), Counts { constants: 1, ..whole });
        // addss xmm0, [rax]
        assert_eq!(count(&[0xf3, 0x0f, 0x58, 0x00], 16), Counts { read: 4, weight: 16, narrow: 1, ..one });
    }

    #[test]
    fn the_stack_is_where_registers_spill_to() {
        let expected = Counts { instructions: 1, spills: 1, ..Counts::default() };
        // vmovups ymm0, [rsp]; vmovups [rsp], ymm0; mov rax, [rsp]
        assert_eq!(count(&[0xc5, 0xfc, 0x10, 0x04, 0x24], 32), expected);
        assert_eq!(count(&[0xc5, 0xfc, 0x11, 0x04, 0x24], 32), expected);
        assert_eq!(count(&[0x48, 0x8b, 0x04, 0x24], 32), expected);
        // vaddps ymm0, ymm0, [rsp] is arithmetic besides
        assert_eq!(count(&[0xc5, 0xfc, 0x58, 0x04, 0x24], 32), Counts { arithmetic: 1, ..expected });
    }

    #[test]
    fn the_rest_is_told_apart() {
        let one = Counts { instructions: 1, ..Counts::default() };
        // dec rax; jne; lea rax, [rsp]
        assert_eq!(count(&[0x48, 0xff, 0xc8], 32), Counts { control: 1, ..one });
        assert_eq!(count(&[0x75, 0xfe], 32), Counts { control: 1, ..one });
        assert_eq!(count(&[0x48, 0x8d, 0x04, 0x24], 32), Counts { control: 1, ..one });
        // vxorps xmm0, xmm0, xmm0; movaps xmm1, xmm0
        assert_eq!(count(&[0xc5, 0xf8, 0x57, 0xc0], 32), Counts { moves: 1, ..one });
        assert_eq!(count(&[0x0f, 0x28, 0xc8], 32), Counts { moves: 1, ..one });
        // unpcklps xmm0, xmm1
        assert_eq!(count(&[0x0f, 0x14, 0xc1], 32), Counts { shuffles: 1, ..one });
        // prefetcht0 [rax]
        assert_eq!(count(&[0x0f, 0x18, 0x08], 32), Counts { prefetches: 1, ..one });
        // call; call [rip]
        assert_eq!(count(&[0xe8, 0, 0, 0, 0], 32), Counts { calls: 1, ..one });
        assert_eq!(count(&[0xff, 0x15, 0, 0, 0, 0], 32), Counts { calls: 1, ..one });
        // vblendvps ymm0, ymm0, ymm1, ymm2 computes a choice
        assert_eq!(count(&[0xc4, 0xe3, 0x7d, 0x4a, 0xc1, 0x20], 32), Counts { arithmetic: 1, ..one });
    }

    #[test]
    fn masks_of_their_own_registers_are_understood() {
        let one = Counts { instructions: 1, ..Counts::default() };
        let moved = Counts { weight: 4096, ..one };
        // vmovups zmm0, [rax]; vmovups zmm0{k1}{z}, [rax]; vmovups [rax]{k1}, zmm0
        assert_eq!(count(&[0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00], 64), Counts { loads: 1, read: 64, ..moved });
        assert_eq!(count(&[0x62, 0xf1, 0x7c, 0xc9, 0x10, 0x00], 64), Counts { loads: 1, read: 64, ..moved });
        assert_eq!(
            count(&[0x62, 0xf1, 0x7c, 0x49, 0x11, 0x00], 64),
            Counts { stores: 1, written: 64, ..moved }
        );
        // vcmpltps k1, zmm0, zmm1; vblendmps zmm0{k1}, zmm0, zmm1; vpternlogd zmm0, zmm1, zmm2, 0xf8
        for code in [
            &[0x62, 0xf1, 0x7c, 0x48, 0xc2, 0xc9, 0x01][..],
            &[0x62, 0xf2, 0x7d, 0x49, 0x65, 0xc1],
            &[0x62, 0xf3, 0x75, 0x48, 0x25, 0xc2, 0xf8],
        ] {
            assert_eq!(count(code, 64), Counts { arithmetic: 1, ..one });
        }
        // vpxord zmm0, zmm0, zmm0 makes a zero; kandw k1, k1, k2 joins two masks
        assert_eq!(count(&[0x62, 0xf1, 0x7d, 0x48, 0xef, 0xc0], 64), Counts { moves: 1, ..one });
        assert_eq!(count(&[0xc5, 0xf4, 0x41, 0xca], 64), Counts { control: 1, ..one });
    }

    #[test]
    fn masked_stores_and_streaming_stores_are_stores() {
        // vmaskmovps [rax], ymm1, ymm0; vmovntps [rax], ymm0
        assert_eq!(count(&[0xc4, 0xe2, 0x75, 0x2e, 0x00], 32).stores, 1);
        assert_eq!(count(&[0xc5, 0xfc, 0x2b, 0x00], 32).stores, 1);
    }
}
