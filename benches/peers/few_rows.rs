//! Matrices of one row, one column, or few of either, against the square of as many bytes.

use std::{error::Error, fmt::Write as _};

use crate::{
    Bench,
    buffers::Buffers,
    contenders::{Contested, Op, check, ours},
    measure::{Interval, Runner, Times, to_f64},
    report::{self, WRITES},
};

/// A name, rows and columns, and the side of the square.
type Shape = (&'static str, (usize, usize), usize);

const SHAPES: [Shape; 4] = [
    ("1×10⁶", (1, 1_000_000), 1000),
    ("10⁶×1", (1_000_000, 1), 1000),
    ("8×131072", (8, 131_072), 1024),
    ("131072×8", (131_072, 8), 1024),
];
const SMALL: [Shape; 4] =
    [("1×400", (1, 400), 20), ("400×1", (400, 1), 20), ("8×128", (8, 128), 32), ("128×8", (128, 8), 32)];

/// Above this, a time per byte gets a star.
const STAR: f64 = 1.5;

/// Measures, prints, and gives the section of the documentation.
pub(crate) fn run(bench: &mut Bench) -> Result<String, Box<dyn Error>> {
    let mut all = String::new();
    let half = format!("{:>8}{:>7}{:>10}", "µs", "GB/s", "ratio");
    let head = format!("{:<28}{half} {half}", "");
    bench.options.show(&head);
    for op in bench.options.known_ops() {
        let mut text = String::new();
        cases::<f32>(bench, &op, &mut text)?;
        cases::<f64>(bench, &op, &mut text)?;
        if bench.options.test {
            println!("{}: shapes of few rows run", op.name());
        }
        bench.options.show(&text);
        all.push_str(&text);
    }
    let threads = bench.team.threads();
    Ok(format!(
        "\
Time and speed of ours, and the time per byte over that of the square of the same size (1000² for 10⁶ elements, else
1024²), in the median with the farther end of its 95 % interval: 1 is as fast as the square. Bytes are those of
matrices, rows and columns, read and written, the result included. First on one thread, then on {threads}. A star: above
{STAR}.

```text
{head}
{all}```
"
    ))
}

fn cases<T: Contested>(bench: &mut Bench, op: &Op, text: &mut String) -> Result<(), Box<dyn Error>> {
    if !op.entry.dtypes.contains(&T::DTYPE) {
        return Ok(());
    }
    let threads = bench.team.threads();
    for (name, (rows, cols), side) in if bench.options.test { SMALL } else { SHAPES } {
        let mut both = (Buffers::<T>::new(op, rows, cols)?, Buffers::<T>::new(op, side, side)?);
        let bytes = op.bytes(rows, cols, size_of::<T>());
        let more_bytes = to_f64(bytes) / to_f64(op.bytes(side, side, size_of::<T>()));
        write!(text, "{:<28}", format!("{:<14}{} {name}", op.name(), T::DTYPE.name())).expect(WRITES);

        let counts = if threads > 1 { vec![1, threads] } else { vec![1] };
        let ways: Vec<_> = counts.iter().map(|&count| ours::<T>(op, count)).collect();
        check(op, &ways, &[], &mut both.0)
            .map_err(|what| format!("{} {} {name}: {what}", op.name(), T::DTYPE.name()))?;
        let runners: Vec<Runner<'_, (Buffers<T>, Buffers<T>)>> = ways
            .iter()
            .flat_map(|way| -> [Runner<'_, _>; 2] {
                [
                    Box::new(|both: &mut (Buffers<T>, Buffers<T>)| way(&mut both.0)),
                    Box::new(|both: &mut (Buffers<T>, Buffers<T>)| way(&mut both.1)),
                ]
            })
            .collect();
        let times = bench.timer.race(&runners.iter().collect::<Vec<_>>(), &mut both);
        for way in 0..ways.len() {
            cells(text, &times, way, bytes, more_bytes);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    Ok(())
}

/// Time, speed and ratio of the way whose runners are at twice its place.
fn cells(text: &mut String, times: &Times, way: usize, bytes: usize, more_bytes: f64) {
    let seconds = times.seconds(2 * way);
    let Interval { low, median, high } = times.ratio(2 * way, 2 * way + 1);
    let ratio = Interval { low: low / more_bytes, median: median / more_bytes, high: high / more_bytes };
    let star = if ratio.median > STAR { '*' } else { ' ' };
    let speed = to_f64(bytes) / seconds / 1e9;
    write!(text, "{:>8.1}{speed:>7.1}{:>10}{star}", seconds * 1e6, report::short_cell(ratio)).expect(WRITES);
}
