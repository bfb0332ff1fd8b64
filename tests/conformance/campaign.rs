//! Calls at random: any operation, kernel, shape, data, layout and cut over threads at once.
//!
//! Not run with the others, for it takes minutes; `cargo xtask test --exhaustive` runs it. Each case follows from its
//! number alone, so a failure can be run again.

use std::collections::BTreeMap;

use raptors::{Cut, Dtype, Isa};

use crate::{
    check::{Bench, Subject},
    data::{Data, Float, splitmix},
    layout::{Layout, Place},
};

/// Cases of a campaign.
const CASES: usize = 100_000;

/// What is drawn for one case.
struct Draw {
    case: usize,
    drawn: usize,
}

impl Draw {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.drawn += 1;
        let word = splitmix(self.case << 8 | self.drawn);
        usize::try_from(word % end as u64).expect("less than a length")
    }

    /// A length: small ones as often as large ones.
    fn length(&mut self, doublings: usize) -> usize {
        let below = 1 << self.below(doublings + 1);
        self.below(below + 1)
    }

    fn shape(&mut self) -> (usize, usize) {
        match self.below(4) {
            0 => (self.length(3), self.length(12)),
            1 => (self.length(10), self.length(3)),
            _ => (self.length(6), self.length(7)),
        }
    }

    fn data(&mut self) -> Data {
        let which = self.below(64);
        match self.below(7) {
            0 => Data::Bits,
            1 => Data::Subnormal,
            2 => Data::Huge,
            3 => Data::Cycle(which),
            4 => Data::Single(which, self.below(4096)),
            _ => Data::Wide,
        }
    }

    fn place(&mut self) -> Place {
        match self.below(4) {
            0 => Place::Start,
            1 => Place::End,
            _ => Place::Offset(self.below(33)),
        }
    }

    fn layout(&mut self) -> Layout {
        let (place, out_place) = (self.place(), self.place());
        let gaps = if self.below(2) == 0 { [0; 4] } else { std::array::from_fn(|_| self.below(70)) };
        Layout { place, out_place, gaps }
    }

    fn cut(&mut self) -> Option<Cut> {
        let threads = [1, 2, 3, 7, 16][self.below(5)];
        let chunk = if self.below(4) == 0 { 0 } else { self.length(14) };
        (self.below(5) > 0).then_some(Cut { threads, chunk })
    }
}

/// One case; the kernel's ISA and how many results were compared.
fn run<T: Float>(mut subject: Subject, mut draw: Draw) -> (Isa, usize) {
    // Whichever operation calls the kernels that it shares.
    let kernel = subject.shared[draw.below(subject.shared.len())];
    subject.kernels = vec![kernel];
    let mut bench = Bench::<T>::new(subject);
    bench.cuts = vec![draw.cut()];
    let (shape, data, layout) = (draw.shape(), draw.data(), draw.layout());
    bench.check(shape, data, &[layout]);
    assert!(bench.failures.is_empty(), "case {}:\n{}", draw.case, bench.failures.join("\n"));
    (kernel.isa, bench.calls)
}

#[test]
#[ignore = "it takes minutes"]
fn campaign() {
    let subjects = Subject::all();
    let mut ran: BTreeMap<Isa, usize> = BTreeMap::new();
    let mut calls = 0;
    for case in 0..CASES {
        let mut draw = Draw { case, drawn: 0 };
        let subject = subjects[draw.below(subjects.len())].clone();
        let (isa, compared) = match subject.dtype {
            Dtype::F32 => run::<f32>(subject, draw),
            Dtype::F64 => run::<f64>(subject, draw),
        };
        *ran.entry(isa).or_default() += 1;
        calls += compared;
    }
    let isas: Vec<_> = ran.iter().map(|(isa, cases)| format!("{} {cases}", isa.name())).collect();
    println!("campaign: {CASES} cases, {calls} calls, by kernels of {}", isas.join(", "));
    assert!(calls > CASES, "most cases compare a kernel's result and the table's");
}
