//! The operations against their peers, on one thread and on all.

use std::{error::Error, fmt::Write as _};

use crate::{
    Bench,
    buffers::Buffers,
    contenders::{Contested, Entrant, Op, PEERS, Peers, alone, check, ours, together},
    hand,
    measure::{Interval, Runner, Timer, Times, to_f64},
    report::{self, WRITES},
};

/// The shapes that are compared and timed.
const SQUARES: [(usize, usize); 3] = [(512, 512), (1024, 1024), (2048, 2048)];
/// The one of operations that this program does not know by name.
const SQUARE: [(usize, usize); 1] = [(1024, 1024)];
/// The shapes of `--test`: tails, one column, one row, whole leaves, and the first square.
const SMALL: [(usize, usize); 7] = [(5, 37), (19, 1), (1, 300), (24, 1000), (16, 128), (6, 4096), (512, 512)];

/// One case: a row of a table.
struct Line {
    dtype: &'static str,
    side: usize,
    /// Bytes read and written.
    bytes: usize,
    alone: Outcome,
    together: Option<Together>,
}

/// What a race found. The ratio is a peer's time over ours: above one, we are faster.
struct Outcome {
    /// Our median time in seconds.
    seconds: f64,
    /// The ratio of each peer and the name of the way it did the case; nothing for a peer that could not run.
    ratios: [Option<(Interval, &'static str)>; PEERS.len()],
}

/// The same on all threads, and the time on one thread over it.
struct Together {
    outcome: Outcome,
    gain: Interval,
    limit_gain: Option<Interval>,
}

/// Measures, prints, and gives the section of the documentation.
pub(crate) fn run(bench: &mut Bench) -> Result<String, Box<dyn Error>> {
    let threads = bench.team.threads();
    let (mut one, mut many, mut others) = (Vec::new(), Vec::new(), String::new());
    let (mut ways_one, mut ways_many) = (String::new(), String::new());
    for op in bench.options.ops() {
        let known = f32::typed(&op).is_some();
        let shapes = if bench.options.test {
            &SMALL[..]
        } else if known || bench.options.only.is_some() {
            &SQUARES[..]
        } else {
            &SQUARE[..]
        };
        let mut lines = cases::<f32>(bench, &op, shapes)?;
        lines.extend(cases::<f64>(bench, &op, shapes)?);
        if bench.options.test {
            println!("{}: {} cases agree", op.name(), lines.len());
            continue;
        }
        ways(&mut ways_one, &op, lines.iter().map(|line| (line, &line.alone)));
        ways(
            &mut ways_many,
            &op,
            lines.iter().filter_map(|line| Some((line, &line.together.as_ref()?.outcome))),
        );
        if shapes.len() == 1 {
            let before = others.len();
            other(&mut others, &op, &lines);
            println!("{}", &others[before..]);
            continue;
        }
        one.push(table(&op, &lines));
        println!("{}", one.last().expect("just pushed"));
        if threads > 1 {
            many.push(table_of_all(&op, &lines));
            println!("{}", many.last().expect("just pushed"));
        }
    }
    if bench.options.test {
        return Ok(String::new());
    }
    println!("The way each peer took: ndarray · limit · hand-written\n{ways_one}\n{ways_many}");
    Ok(section(threads, &[one, many], &others, [&ways_one, &ways_many]))
}

/// All shapes of one operation and dtype, if it has that dtype.
fn cases<T: Contested>(
    bench: &mut Bench,
    op: &Op,
    shapes: &[(usize, usize)],
) -> Result<Vec<Line>, Box<dyn Error>> {
    if !op.entry.dtypes.contains(&T::DTYPE) {
        return Ok(Vec::new());
    }
    shapes.iter().map(|&(rows, cols)| case::<T>(bench, op, rows, cols)).collect()
}

fn case<T: Contested>(bench: &mut Bench, op: &Op, rows: usize, cols: usize) -> Result<Line, Box<dyn Error>> {
    let Bench { timer, team, .. } = bench;
    let (dtype, threads) = (T::DTYPE.name(), team.threads());
    let mut buffers = Buffers::<T>::new(op, rows, cols)?;
    let our_ways = [ours::<T>(op, 1), ours(op, threads)];
    let (peers, peers_of_all) = (alone::<T>(op), together::<T>(op, team));
    check(op, &our_ways, &[&peers, &peers_of_all], &mut buffers)
        .map_err(|what| format!("{} {dtype} {rows}x{cols}: {what}", op.name()))?;

    let chosen = fastest(timer, &peers, &mut buffers);
    let mut runners = vec![&our_ways[0]];
    runners.extend(chosen.iter().flatten().map(|entrant| &entrant.run));
    let outcome = outcome(&timer.race(&runners, &mut buffers), &chosen);

    let together = (threads > 1).then(|| {
        let limit_alone = chosen[1];
        let chosen = fastest(timer, &peers_of_all, &mut buffers);
        let mut runners = vec![&our_ways[1]];
        runners.extend(chosen.iter().flatten().map(|entrant| &entrant.run));
        let place_of_one = runners.len();
        runners.push(&our_ways[0]);
        runners.extend(limit_alone.map(|entrant| &entrant.run));
        let times = timer.race(&runners, &mut buffers);
        // Runners stand in the order of peers, those that could not run left out.
        let limit = 1 + usize::from(chosen[0].is_some());
        Together {
            outcome: self::outcome(&times, &chosen),
            gain: times.ratio(place_of_one, 0),
            limit_gain: limit_alone.map(|_| times.ratio(place_of_one + 1, limit)),
        }
    });
    let bytes = (op.reads + op.writes()) * rows * cols * size_of::<T>();
    Ok(Line { dtype, side: rows, bytes, alone: outcome, together })
}

/// The fastest way of each peer, each by a heat of its own.
fn fastest<'e, 'a, T: Contested>(
    timer: &mut Timer,
    peers: &'e Peers<'a, T>,
    buffers: &mut Buffers<T>,
) -> [Option<&'e Entrant<'a, T>>; PEERS.len()] {
    peers.each_ref().map(|ways| {
        let runners: Vec<&Runner<'_, _>> = ways.iter().map(|way| &way.run).collect();
        ways.get(timer.fastest(&runners, buffers))
    })
}

/// What a race says in which we ran first, then the peers.
fn outcome<T: Contested>(times: &Times, chosen: &[Option<&Entrant<'_, T>>; PEERS.len()]) -> Outcome {
    let mut places = 1..;
    let ratios = chosen.map(|entrant| {
        entrant.map(|entrant| (times.ratio(places.next().expect("endless"), 0), entrant.name))
    });
    Outcome { seconds: times.seconds(0), ratios }
}

/// What stands for a peer that did not run.
fn missing(peer: &str) -> &'static str {
    if peer == PEERS[2] && !hand::available() { "skipped" } else { "–" }
}

fn start_of_row(text: &mut String, line: &Line, seconds: f64) {
    let Line { dtype, side, bytes, .. } = line;
    let speed = to_f64(*bytes) / seconds / 1e9;
    write!(text, "{:<14}{:>8.1}{speed:>7.1}", format!("{dtype} {side:>4}²"), seconds * 1e6).expect(WRITES);
}

/// The table of one operation on one thread.
fn table(op: &Op, lines: &[Line]) -> String {
    let mut text = format!("{:<14}{:>8}{:>7}", op.name(), "µs", "GB/s");
    for peer in PEERS {
        write!(text, "{:>16}", format!("vs {peer}")).expect(WRITES);
    }
    text.push('\n');
    for line in lines {
        start_of_row(&mut text, line, line.alone.seconds);
        for (ratio, peer) in line.alone.ratios.iter().zip(PEERS) {
            let cell = ratio.map_or_else(|| missing(peer).to_owned(), |(ratio, _)| report::cell(ratio));
            write!(text, "{cell:>16}").expect(WRITES);
        }
        text.push('\n');
    }
    text
}

/// The table of one operation on all threads.
fn table_of_all(op: &Op, lines: &[Line]) -> String {
    let mut text = format!("{:<14}{:>8}{:>7}", op.name(), "µs", "GB/s");
    for column in ["ndarray", "limit", "hand", "gain", "limit's"] {
        write!(text, "{column:>10}").expect(WRITES);
    }
    text.push('\n');
    for line in lines {
        let Some(Together { outcome, gain, limit_gain }) = &line.together else { continue };
        start_of_row(&mut text, line, outcome.seconds);
        for (ratio, peer) in outcome.ratios.iter().zip(PEERS) {
            short(&mut text, ratio.map(|(ratio, _)| ratio), missing(peer));
        }
        short(&mut text, Some(*gain), "–");
        short(&mut text, *limit_gain, "–");
        text.push('\n');
    }
    text
}

fn short(text: &mut String, ratio: Option<Interval>, missing: &str) {
    let cell = ratio.map_or_else(|| missing.to_owned(), report::short_cell);
    write!(text, "{cell:>10}").expect(WRITES);
}

/// The rows of an operation that this program does not know by name.
fn other(text: &mut String, op: &Op, lines: &[Line]) {
    if text.is_empty() {
        let columns = ["ndarray", "limit"].map(|column| format!("{column:>10}")).concat();
        let of_all = ["gain", "limit's"].map(|column| format!("{column:>10}")).concat();
        writeln!(text, "{:<18}{:>8}{columns} |{:>8}{of_all}", "1024²", "µs", "µs").expect(WRITES);
    }
    for line in lines {
        let Outcome { seconds, ratios: [ndarray, limit, _] } = &line.alone;
        write!(text, "{:<14}{:<4}{:>8.1}", op.name(), line.dtype, seconds * 1e6).expect(WRITES);
        short(text, ndarray.map(|(ratio, _)| ratio), "–");
        short(text, limit.map(|(ratio, _)| ratio), "–");
        if let Some(Together { outcome, gain, limit_gain }) = &line.together {
            write!(text, " |{:>8.1}", outcome.seconds * 1e6).expect(WRITES);
            short(text, Some(*gain), "–");
            short(text, *limit_gain, "–");
        }
        text.push('\n');
    }
}

/// By which way each peer did each case.
fn ways<'a>(text: &mut String, op: &Op, outcomes: impl Iterator<Item = (&'a Line, &'a Outcome)>) {
    for (Line { dtype, side, .. }, outcome) in outcomes {
        let ways = outcome.ratios.map(|ratio| ratio.map_or("–", |(_, way)| way)).join(" · ");
        writeln!(text, "{:<14} {dtype} {side:>4}²  {ways}", op.name()).expect(WRITES);
    }
}

fn section(threads: usize, tables: &[Vec<String>; 2], others: &str, ways: [&str; 2]) -> String {
    let [one, many] = tables;
    let mut text = format!(
        "\
### One thread

Time is ours, in the median, and GB/s are the bytes of the matrices that the operation reads and writes. The other
columns are a peer's time over ours, in the median with its 95 % interval: above 1 we are faster. In each round all run
once, in random order, on the same buffers, and a ratio is formed within its round. Peers: `ndarray` 0.17; the limit,
which is the best of several loops that only read, or only copy, the same bytes; and AVX2 kernels written by hand for
the operation, with the same bits as result. A peer with several ways takes the one that is fastest for the case.

```text
{}```
",
        one.join("\n")
    );
    if threads > 1 {
        write!(
            text,
            "
### {threads} threads

Ours is cut as the library does by default. The limit is the same loops, each thread on its own part, by threads that
wait for work without sleeping; the hand-written kernels run on the same threads where their rows can be parted.
`ndarray` uses its own `par_azip!` and parallel iterators on a pool of {threads} workers, or one thread where that is
faster or it has no other way. `±` is the farther end of the 95 % interval. `gain` is our time on one thread over that
on {threads}, `limit's` the same of the limit, each with the loop that is best at its number of threads.

```text
{}```
",
            many.join("\n")
        )
        .expect(WRITES);
    }
    if !others.is_empty() {
        write!(
            text,
            "
### Other operations

1024², on one thread, and behind the bar on {threads}.

```text
{others}```
"
        )
        .expect(WRITES);
    }
    for (ways, threads) in ways.into_iter().zip(["one thread", "all threads"]) {
        if !ways.is_empty() {
            let title = format!("The way each peer took on {threads}: ndarray · limit · hand-written");
            text.push_str(&report::folded(&title, ways));
        }
    }
    text
}
