//! All threads against one, from some bytes to more than any cache: that the crossover is where it should be.

use std::{error::Error, fmt::Write as _};

use raptors::catalogue;

use crate::{
    Bench,
    buffers::Buffers,
    contenders::{Contested, Op, check, ours},
    measure::Interval,
    report::{self, WRITES},
};

const OPS: [&str; 5] = ["scale", "broadcast_add", "sum", "mean_axis0", "sum_axis0"];
/// Powers of two of the elements.
const POWERS: std::ops::RangeInclusive<u32> = 6..=24;
/// Those of `--test`, on both sides of a crossover.
const SMALL: std::ops::RangeInclusive<u32> = 16..=18;
/// A case is marked if all of its interval says that more threads cost more than 3 %.
const SLOWER: f64 = 1.0 / 1.03;

/// Measures, prints, and gives the section of the documentation; nothing where there is one thread, or none of the
/// operations was asked for.
pub(crate) fn run(bench: &mut Bench) -> Result<Option<String>, Box<dyn Error>> {
    let only = bench.options.only.map(|only| only.name);
    let names: Vec<_> = OPS.into_iter().filter(|name| only.is_none_or(|only| only == *name)).collect();
    let threads = bench.team.threads();
    if threads < 2 || names.is_empty() {
        return Ok(None);
    }
    let ops = names.iter().map(|name| catalogue::op(name).map(Op::new)).collect::<Result<Vec<_>, _>>()?;
    let (mut tables, mut flags) = (Vec::new(), Flags::default());
    tables.push(table::<f32>(bench, &ops, &mut flags)?);
    tables.push(table::<f64>(bench, &ops, &mut flags)?);
    let Flags { cases, slower } = flags;
    if bench.options.test {
        println!("sizes: {cases} cases agree");
    }
    Ok(Some(format!(
        "\
Our time on one thread over that on {threads}, cut as the library does by default, in the median with the farther end of its
95 % interval: above 1 threads help; at 1 they are not asked, or do not. A star marks a case that is slower by more
than 3 % with its whole interval: {slower} of {cases}. Shapes are square, or twice as wide as high.

```text
{}```
",
        tables.join("\n")
    )))
}

#[derive(Default)]
struct Flags {
    cases: usize,
    slower: usize,
}

fn table<T: Contested>(bench: &mut Bench, ops: &[Op], flags: &mut Flags) -> Result<String, Box<dyn Error>> {
    let (dtype, threads) = (T::DTYPE.name(), bench.team.threads());
    let mut text = format!("{dtype:<6}");
    for op in ops {
        write!(text, "{:>13} ", op.name()).expect(WRITES);
    }
    text.truncate(text.trim_end().len());
    bench.options.show(&text);
    text.push('\n');
    for power in if bench.options.test { SMALL } else { POWERS } {
        let (rows, cols) = (1 << (power / 2), 1 << power.div_ceil(2));
        let before = text.len();
        write!(text, "{:<6}", format!("2^{power}")).expect(WRITES);
        for op in ops {
            let mut buffers = Buffers::<T>::new(op, rows, cols)?;
            let ways = [ours::<T>(op, 1), ours(op, threads)];
            check(op, &ways, &[], &mut buffers)
                .map_err(|what| format!("{} {dtype} {rows}x{cols}: {what}", op.name()))?;
            let ratio = bench.timer.race(&ways.each_ref(), &mut buffers).ratio(0, 1);
            let slower = is_slower(ratio);
            flags.cases += 1;
            flags.slower += usize::from(slower);
            let star = if slower { '*' } else { ' ' };
            write!(text, "{:>13}{star}", report::short_cell(ratio)).expect(WRITES);
        }
        text.truncate(text.trim_end().len());
        bench.options.show(&text[before..]);
        text.push('\n');
    }
    bench.options.show("");
    Ok(text)
}

fn is_slower(ratio: Interval) -> bool {
    ratio.high < SLOWER
}
