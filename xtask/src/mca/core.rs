//! The processors: what their makers document, and what LLVM's models of them say.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::code::{Block, Count};

/// A processor, in cycles, and in vectors of as many bytes as its units take at once.
pub(super) struct Core {
    /// What people call it.
    pub(super) name: &'static str,
    /// LLVM's name of it.
    cpu: &'static str,
    /// Bytes that a unit takes at once.
    bytes: usize,
    /// Loads a cycle.
    loads: f64,
    /// Stores a cycle.
    stores: f64,
    /// Loads and instructions that store, together, a cycle: what there are units for that make addresses.
    addresses: f64,
    /// The same where stores have addresses that come from two registers.
    indexed: f64,
    /// Floating-point additions a cycle.
    additions: f64,
    /// Multiplications a cycle.
    products: f64,
    /// Micro-operations taken in a cycle, as the model counts them.
    width: u32,
}

pub(super) const NEON: [Core; 2] = [
    // Apple, "Apple Silicon CPU Optimization Guide": eight instructions a cycle; three loads or two stores; four vector
    // units. Four units make addresses: two for loads, one for stores, one for either (D. Johnson's measurements,
    // "Apple M1 Firestorm Microarchitecture").
    Core {
        name: "Apple M1",
        cpu: "apple-m1",
        bytes: 16,
        loads: 3.0,
        stores: 2.0,
        addresses: 4.0,
        indexed: 4.0,
        additions: 4.0,
        products: 4.0,
        width: 8,
    },
    // Arm, "Neoverse V2 Core Software Optimization Guide": sixteen micro-operations a cycle; pipelines L0 and L1 for
    // loads and stores, L2 for loads; V0 to V3.
    Core {
        name: "Neoverse V2",
        cpu: "neoverse-v2",
        bytes: 16,
        loads: 3.0,
        stores: 2.0,
        addresses: 3.0,
        indexed: 3.0,
        additions: 4.0,
        products: 4.0,
        width: 16,
    },
];

// Intel, "64 and IA-32 Architectures Optimization Reference Manual", the chapters on each microarchitecture: ports, and
// fused micro-operations a cycle. The models count an instruction that also loads as two, and so a store: `width` is
// twice what is documented.

/// Haswell: ports 2 and 3 load, 4 stores, and of the three that make addresses, 7 adds no two registers. Port 1 adds,
/// 0 and 1 multiply. Four micro-operations.
const HASWELL: Core = Core {
    name: "Haswell",
    cpu: "haswell",
    bytes: 32,
    loads: 2.0,
    stores: 1.0,
    addresses: 3.0,
    indexed: 2.0,
    additions: 1.0,
    products: 2.0,
    width: 8,
};

/// Skylake: the same, but ports 0 and 1 add too.
const SKYLAKE: Core = Core { name: "Skylake", cpu: "skylake", additions: 2.0, ..HASWELL };

/// Golden Cove: ports 2, 3 and 11 load, 7 and 8 make the addresses of stores, 4 and 9 store, two at once into one line.
/// Ports 1 and 5 add, 0 and 1 multiply. Six micro-operations.
const ALDER_LAKE: Core = Core {
    name: "Alder Lake, performance core",
    cpu: "alderlake",
    loads: 3.0,
    stores: 2.0,
    addresses: 5.0,
    indexed: 5.0,
    width: 12,
    ..SKYLAKE
};

/// AMD, "Software Optimization Guide for the AMD Zen 3 (Zen 4) Microarchitecture": of three memory operations a cycle,
/// two loads of vectors and one store; two pipes that add, two that multiply; six macro-operations, and the models count
/// these. Vectors of 64 bytes go through pipes of 32.
const ZEN_3: Core = Core {
    name: "Zen 3",
    cpu: "znver3",
    bytes: 32,
    loads: 2.0,
    stores: 1.0,
    addresses: 3.0,
    indexed: 3.0,
    additions: 2.0,
    products: 2.0,
    width: 6,
};

pub(super) const AVX2: [Core; 4] = [HASWELL, SKYLAKE, ALDER_LAKE, ZEN_3];

pub(super) const AVX512: [Core; 4] = [
    // Ports 0 and 1 together, and 5, which the smallest models lack.
    Core { name: "Skylake server, Cascade Lake", cpu: "skylake-avx512", bytes: 64, ..SKYLAKE },
    // Sunny Cove: units of their own for the addresses of stores; five micro-operations. Of stores that fill a line, one.
    Core {
        name: "Ice Lake server",
        cpu: "icelake-server",
        bytes: 64,
        addresses: 4.0,
        indexed: 4.0,
        width: 10,
        ..SKYLAKE
    },
    // Golden Cove: two loads of 64 bytes, and one store.
    Core {
        name: "Sapphire Rapids",
        cpu: "sapphirerapids",
        bytes: 64,
        loads: 2.0,
        stores: 1.0,
        addresses: 4.0,
        indexed: 4.0,
        ..ALDER_LAKE
    },
    Core { name: "Zen 4", cpu: "znver4", ..ZEN_3 },
];

/// What one round of a block costs, in cycles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// What the documented units take at least; and, if a chain goes from round to round, what that takes.
    pub(super) bound: f64,
    /// In LLVM's model.
    pub(super) model: f64,
    /// In the model, if it takes in as many micro-operations a cycle as is documented.
    pub(super) wide: f64,
    /// Then also with the steps of pointers apart from loads and stores, where that takes less.
    apart: f64,
    /// Then also with no arithmetic that waits for any.
    free: f64,
    /// What the model's units take at least, with that many micro-operations a cycle.
    pub(super) units: f64,
    /// The longest chain of vector instructions within a round.
    pub(super) chain: f64,
    /// The longest that goes from round to round.
    carried: f64,
}

/// What counts as the same.
const NEAR: f64 = 1.05;

impl Cost {
    /// Why the model's cycles are not within 5 % of the bound, a letter each; empty if they are, unless a chain is what
    /// the bound comes from.
    pub(super) fn reasons(&self) -> String {
        let from_chain = self.carried >= self.bound;
        if self.model * NEAR < self.bound {
            return "o".to_owned();
        }
        if self.model <= NEAR * self.bound {
            return if from_chain { "r".to_owned() } else { String::new() };
        }
        let reasons = [
            (from_chain, 'r'),
            (self.wide * NEAR < self.model, 'd'),
            (self.apart * NEAR < self.wide, 'i'),
            (self.free * NEAR < self.apart, 'c'),
            (self.units > NEAR * self.bound, 'u'),
        ];
        let mut letters: String =
            reasons.iter().filter(|(holds, _)| *holds).map(|(_, letter)| letter).collect();
        // What is left when nothing else slows it down.
        if self.free > NEAR * self.units.max(self.bound) || letters.is_empty() {
            letters.push('p');
        }
        letters
    }
}

impl Core {
    fn bound(&self, count: Count) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "instructions of a loop")]
        let cycles = |count: usize, a_cycle: f64| count as f64 / a_cycle;
        let Count { loads, stores, store_instructions, indexed, arithmetic, products } = count;
        [
            cycles(loads, self.loads),
            cycles(stores, self.stores),
            cycles(loads + store_instructions, self.addresses),
            cycles(loads + indexed, self.indexed),
            cycles(arithmetic - products, self.additions),
            cycles(products, self.products),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }

    /// Asks `llvm-mca`.
    pub(super) fn cost(&self, mca: &str, block: &Block) -> Result<Cost> {
        let plain = self.ask(mca, block, 0)?;
        let in_registers = self.ask(mca, &block.in_registers(), 0)?;
        let wide = self.ask(mca, block, self.width)?;
        let apart = self.ask(mca, &block.with_steps_apart(), self.width)?;
        let free = self.ask(mca, &block.with_steps_apart().without_chains(), self.width)?;
        let [chain, carried] = block.chains(&plain.latencies, &in_registers.latencies);
        Ok(Cost {
            bound: self.bound(block.count(self.bytes)).max(carried),
            model: plain.cycles,
            wide: wide.cycles,
            apart: apart.cycles.min(wide.cycles),
            free: free.cycles.min(apart.cycles).min(wide.cycles),
            units: wide.units,
            chain,
            carried,
        })
    }

    fn ask(&self, mca: &str, block: &Block, width: u32) -> Result<Answer> {
        let mut mca_command = Command::new(mca);
        mca_command.args(block.language.arguments()).args(["-json", "-iterations=1000"]);
        mca_command.arg(format!("-mcpu={}", self.cpu)).arg(format!("-dispatch={width}"));
        let mut child = mca_command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {mca}"))?;
        child.stdin.take().expect("it was asked to be piped").write_all(block.text().as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{mca}: {}", String::from_utf8_lossy(&output.stderr));
        Answer::read(std::str::from_utf8(&output.stdout)?, block.instructions.len())
    }
}

/// What `llvm-mca` says of a block, a round.
#[derive(Debug, PartialEq)]
struct Answer {
    cycles: f64,
    units: f64,
    latencies: Vec<f64>,
}

impl Answer {
    fn read(json: &str, instructions: usize) -> Result<Answer> {
        let json: Value = serde_json::from_str(json).context("llvm-mca wrote no JSON")?;
        let region = &json["CodeRegions"][0];
        let summary = |name: &str| {
            region["SummaryView"][name].as_f64().with_context(|| format!("llvm-mca gives no `{name}`"))
        };
        let list = region["InstructionInfoView"]["InstructionList"].as_array();
        let list = list.context("llvm-mca lists no instructions")?;
        ensure!(list.len() == instructions, "llvm-mca saw {} of {instructions} instructions", list.len());
        let rounds = summary("Iterations")?;
        Ok(Answer {
            cycles: summary("TotalCycles")? / rounds,
            units: summary("BlockRThroughput")?,
            latencies: list.iter().map(|one| one["Latency"].as_f64().unwrap_or(0.0)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_unit_bounds() {
        let near = |cores: &[Core], count, expected: &[f64]| {
            for (core, expected) in cores.iter().zip(expected) {
                let bound = core.bound(count);
                assert!((bound - expected).abs() < 1e-9, "{}: {bound}, not {expected}", core.name);
            }
        };
        let count = |loads, stores, store_instructions, arithmetic| Count {
            loads,
            stores,
            store_instructions,
            arithmetic,
            ..Count::default()
        };
        near(&NEON, count(6, 0, 0, 1), &[2.0, 2.0]);
        near(&NEON, count(6, 6, 3, 1), &[3.0, 3.0]);
        near(&NEON, count(6, 3, 3, 1), &[2.25, 3.0]);
        near(&NEON, count(6, 6, 3, 16), &[4.0, 4.0]);
        near(&AVX2, count(8, 4, 4, 4), &[4.0, 4.0, 8.0 / 3.0, 4.0]);
        near(&AVX2, Count { indexed: 4, ..count(8, 4, 4, 4) }, &[6.0, 6.0, 8.0 / 3.0, 4.0]);
        near(&AVX2, count(1, 0, 0, 8), &[8.0, 4.0, 4.0, 4.0]);
        near(&AVX2, Count { products: 8, ..count(1, 0, 0, 8) }, &[4.0; 4]);
        near(&AVX512, count(8, 4, 4, 4), &[4.0; 4]);
    }

    #[test]
    fn the_answer_is_read() {
        let json = r#"{"CodeRegions": [{
            "InstructionInfoView": {"InstructionList": [{"Latency": 4}, {"Latency": 1}]},
            "SummaryView": {"BlockRThroughput": 2.5, "Iterations": 1000, "TotalCycles": 3000}
        }]}"#;
        let answer = Answer { cycles: 3.0, units: 2.5, latencies: vec![4.0, 1.0] };
        assert_eq!(Answer::read(json, 2).unwrap(), answer);
        assert!(Answer::read(json, 3).is_err());
        assert!(Answer::read("{}", 0).is_err());
    }

    #[test]
    fn what_is_not_at_the_bound_has_a_reason() {
        let at = |cycles| Cost {
            bound: 2.0,
            model: cycles,
            wide: cycles,
            apart: cycles,
            free: cycles,
            units: 2.0,
            chain: 9.0,
            carried: 0.0,
        };
        assert_eq!(at(2.1).reasons(), "");
        assert_eq!(at(1.9).reasons(), "o");
        assert_eq!(at(3.0).reasons(), "p");
        assert_eq!(Cost { model: 3.0, ..at(2.0) }.reasons(), "d");
        assert_eq!(Cost { model: 3.0, wide: 3.0, ..at(2.0) }.reasons(), "i");
        assert_eq!(Cost { free: 2.0, ..at(3.0) }.reasons(), "c");
        assert_eq!(Cost { units: 3.0, ..at(3.0) }.reasons(), "u");
        assert_eq!(Cost { carried: 2.0, ..at(2.0) }.reasons(), "r");
        assert_eq!(Cost { model: 6.0, wide: 5.0, apart: 4.0, units: 2.5, ..at(3.0) }.reasons(), "dicup");
    }
}
