//! Where a function loops, and where it goes straight on.

use std::{collections::BTreeMap, ops::Range};

use iced_x86::{FlowControl, Instruction};

/// A natural loop: a head that every way into the loop passes, and all that leads from it back to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loop {
    /// Indices of its instructions, sorted.
    pub(crate) body: Vec<usize>,
    /// Indices of instructions outside that its branches lead to, sorted.
    pub(crate) exits: Vec<usize>,
    /// Whether no other loop is in it.
    pub(crate) innermost: bool,
}

/// Runs of instructions that no branch enters or leaves and no innermost loop holds, by index.
pub(crate) fn straight(code: &[Instruction], loops: &[Loop]) -> Vec<Range<usize>> {
    let looped = |at: usize| loops.iter().any(|of| of.innermost && of.body.binary_search(&at).is_ok());
    blocks(code).into_iter().map(|block| block.range).filter(|range| !looped(range.start)).collect()
}

struct Block {
    /// Its instructions, by index.
    range: Range<usize>,
    /// The blocks that may come next.
    next: Vec<usize>,
}

/// The loops of a function, in the order of their heads.
pub(crate) fn loops(code: &[Instruction]) -> Vec<Loop> {
    let blocks = blocks(code);
    let mut before = vec![Vec::new(); blocks.len()];
    for (from, block) in blocks.iter().enumerate() {
        for &to in &block.next {
            before[to].push(from);
        }
    }
    // A jump through a table leads to places unknown: blocks that nothing leads to are entries as well.
    let entries: Vec<usize> =
        (0..blocks.len()).filter(|&block| block == 0 || before[block].is_empty()).collect();
    let mut found: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
    for (from, block) in blocks.iter().enumerate() {
        for &head in &block.next {
            if passes(&blocks, &entries, head, from) {
                let body = found.entry(head).or_insert_with(|| vec![false; blocks.len()]);
                body[head] = true;
                let mut todo = vec![from];
                while let Some(block) = todo.pop() {
                    if !std::mem::replace(&mut body[block], true) {
                        todo.extend(&before[block]);
                    }
                }
            }
        }
    }
    let natural = |(head, body): (&usize, &Vec<bool>)| {
        let in_body = || (0..blocks.len()).filter(|&block| body[block]);
        let mut exits: Vec<usize> = in_body()
            .flat_map(|block| &blocks[block].next)
            .filter(|&&next| !body[next])
            .map(|&next| blocks[next].range.start)
            .collect();
        exits.sort_unstable();
        Loop {
            body: in_body().flat_map(|block| blocks[block].range.clone()).collect(),
            exits,
            innermost: !found.keys().any(|other| other != head && body[*other]),
        }
    };
    found.iter().map(natural).collect()
}

/// Whether every way from the entries to `block` passes `head`, and there is one.
fn passes(blocks: &[Block], entries: &[usize], head: usize, block: usize) -> bool {
    let reached = |without: Option<usize>| {
        let mut seen = vec![false; blocks.len()];
        let mut todo: Vec<usize> = entries.iter().copied().filter(|&entry| Some(entry) != without).collect();
        while let Some(at) = todo.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                todo.extend(blocks[at].next.iter().copied().filter(|&next| Some(next) != without));
            }
        }
        seen[block]
    };
    head == block || (!reached(Some(head)) && reached(None))
}

fn blocks(code: &[Instruction]) -> Vec<Block> {
    let index: BTreeMap<u64, usize> = code.iter().enumerate().map(|(at, one)| (one.ip(), at)).collect();
    let target = |one: &Instruction| match one.flow_control() {
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
            index.get(&one.near_branch_target()).copied()
        }
        _ => None,
    };
    let mut starts = vec![false; code.len() + 1];
    starts[0] = true;
    for (at, one) in code.iter().enumerate() {
        if let Some(to) = target(one) {
            starts[to] = true;
        }
        if !matches!(one.flow_control(), FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall) {
            starts[at + 1] = true;
        }
    }
    let starts: Vec<usize> = (0..code.len()).filter(|&at| starts[at]).collect();
    let block_at = |at: usize| starts.binary_search(&at).ok();
    let ends = starts.iter().skip(1).copied().chain([code.len()]);
    let block = |(&start, end): (&usize, usize)| {
        let last = &code[end - 1];
        let falls = matches!(
            last.flow_control(),
            FlowControl::Next
                | FlowControl::Call
                | FlowControl::IndirectCall
                | FlowControl::ConditionalBranch
        );
        let mut next: Vec<usize> = falls.then(|| block_at(end)).flatten().into_iter().collect();
        if let Some(to) = target(last).and_then(block_at)
            && !next.contains(&to)
        {
            next.push(to);
        }
        Block { range: start..end, next }
    };
    starts.iter().zip(ends).map(block).collect()
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn decode(bytes: &[u8]) -> Vec<Instruction> {
        Decoder::with_ip(64, bytes, 0x1000, DecoderOptions::NONE).into_iter().collect()
    }

    #[test]
    fn a_function_without_branches_has_no_loop() {
        assert_eq!(loops(&decode(&[0x90, 0xc3])), []);
        assert_eq!(loops(&[]), []);
    }

    #[test]
    fn a_jump_back_makes_a_loop() {
        // 0: xor eax, eax; 1: inc eax; 2: dec edi; 3: jne 1; 4: ret
        let code = decode(&[0x31, 0xc0, 0xff, 0xc0, 0xff, 0xcf, 0x75, 0xfa, 0xc3]);
        let found = loops(&code);
        assert_eq!(found, [Loop { body: vec![1, 2, 3], exits: vec![4], innermost: true }]);
        assert_eq!(straight(&code, &found), [0..1, 4..5]);
    }

    #[test]
    fn the_outer_of_two_loops_is_not_innermost() {
        // 0: nop; 1: nop; 2: dec edi; 3: jne 1; 4: dec esi; 5: jne 0; 6: ret
        let code = decode(&[0x90, 0x90, 0xff, 0xcf, 0x75, 0xfb, 0xff, 0xce, 0x75, 0xf6, 0xc3]);
        assert_eq!(
            loops(&code),
            [
                Loop { body: (0..6).collect(), exits: vec![6], innermost: false },
                Loop { body: vec![1, 2, 3], exits: vec![4], innermost: true },
            ]
        );
    }

    #[test]
    fn a_jump_back_to_what_came_before_is_no_loop() {
        // 0: test edi, edi; 1: je 4; 2: nop; 3: ret; 4: nop; 5: jmp 2 — the compiler puts rare code at the end
        let code = decode(&[0x85, 0xff, 0x74, 0x02, 0x90, 0xc3, 0x90, 0xeb, 0xfb]);
        assert_eq!(loops(&code), []);
    }

    #[test]
    fn what_lies_between_but_does_not_lead_back_is_not_in_the_loop() {
        // 0: dec edi; 1: je 4; 2: nop; 3: jmp 0; 4: ret — and with the way out in the middle:
        // 0: cmp; 1: jb 3; 2: ud2; 3: dec edi; 4: jne 0; 5: ret
        let code = decode(&[0x39, 0xf8, 0x72, 0x02, 0x0f, 0x0b, 0xff, 0xcf, 0x75, 0xf6, 0xc3]);
        assert_eq!(loops(&code), [Loop { body: vec![0, 1, 3, 4], exits: vec![2, 5], innermost: true }]);
    }
}
