//! The tables, and their place in the documentation.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    contenders::{Op, PEERS},
    hand,
    measure::{Interval, Outcome},
};

/// One case: a row of a table.
pub(crate) struct Line {
    pub(crate) dtype: &'static str,
    pub(crate) side: usize,
    /// Bytes read and written.
    pub(crate) bytes: usize,
    pub(crate) outcome: Outcome,
}

/// The table of one operation, at most 80 columns wide.
pub(crate) fn table(op: &Op, lines: &[Line]) -> String {
    let mut text = format!("{:<14}{:>8}{:>7}", op.name(), "µs", "GB/s");
    for peer in PEERS {
        write!(text, "{:>16}", format!("vs {peer}")).expect("a string takes all");
    }
    text.push('\n');
    for Line { dtype, side, bytes, outcome } in lines {
        let seconds = outcome.seconds;
        let speed = to_f64(*bytes) / seconds / 1e9;
        write!(text, "{:<14}{:>8.1}{speed:>7.1}", format!("{dtype} {side:>4}²"), seconds * 1e6)
            .expect("as above");
        for (ratio, peer) in outcome.ratios.iter().zip(PEERS) {
            let cell = ratio.map_or_else(|| missing(peer).to_owned(), |(ratio, _)| cell(ratio));
            write!(text, "{cell:>16}").expect("as above");
        }
        text.push('\n');
    }
    text
}

/// What stands for a peer that did not run.
fn missing(peer: &str) -> &'static str {
    if peer == PEERS[2] && !hand::available() { "skipped" } else { "–" }
}

/// A ratio and its interval, with three digits each.
fn cell(Interval { low, median, high }: Interval) -> String {
    let digits = if high < 9.995 { 2 } else { 1 };
    format!("{median:.digits$} {low:.digits$}–{high:.digits$}")
}

/// By which way each peer did each case.
pub(crate) fn ways(op: &Op, lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |mut text, Line { dtype, side, outcome, .. }| {
        let ways = outcome.ratios.map(|ratio| ratio.map_or("–", |(_, way)| way)).join(" · ");
        writeln!(text, "{:<14} {dtype} {side:>4}²  {ways}", op.name()).expect("a string takes all");
        text
    })
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a matrix, to print them in three digits")]
fn to_f64(bytes: usize) -> f64 {
    bytes as f64
}

const BEGIN: &str = "<!-- peers:begin -->";
const END: &str = "<!-- peers:end -->";

/// Puts the tables into docs/performance.md, between their markers, and leaves the rest of that file alone.
pub(crate) fn write(tables: &str, ways: &str, rounds: usize) -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let old =
        if path.exists() { fs::read_to_string(&path)? } else { format!("# Performance\n\n{BEGIN}\n{END}\n") };
    let outside = old.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        outside.ok_or_else(|| format!("{}: {BEGIN} or {END} is missing", path.display()))?;
    let section = section(tables, ways, rounds);
    fs::write(&path, format!("{before}{BEGIN}\n{section}{END}{after}"))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn section(tables: &str, ways: &str, rounds: usize) -> String {
    format!(
        "\
On one thread of {cpu}, {date}.

- Caches: {caches}
- Compiler: {rustc}; all but the kernels and loops with intrinsics compiled for {target}
- Command: `cargo bench --bench peers -- --write`, {rounds} rounds

Time is ours, in the median, and GB/s are the bytes that the operation reads and writes. The other columns are a
peer's time over ours, in the median with its 95 % interval: above 1 we are faster. In each round all run once, in
random order, on the same buffers, and a ratio is formed within its round. Peers: `ndarray` 0.17; the limit, which is
the best of several loops that only read, or only copy, the same bytes; and AVX2 kernels written by hand for the
operation, with the same bits as result. A peer with several ways takes the one that is fastest for the case.

```text
{tables}```

<details><summary>The way each peer took: ndarray · limit · hand-written</summary>

```text
{ways}```

</details>
",
        cpu = cpu().unwrap_or_else(|| "an unnamed processor".to_owned()),
        date = date(),
        caches = caches().unwrap_or_else(|| "unknown".to_owned()),
        rustc = rustc().unwrap_or_else(|| "rustc".to_owned()),
        target = target(),
    )
}

/// The processor's name: from Linux, else from macOS.
fn cpu() -> Option<String> {
    let linux = || {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    linux().or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

/// The caches that one core sees: `L1 32K data, L1 32K instruction, L2 1024K`.
fn caches() -> Option<String> {
    let folder = Path::new("/sys/devices/system/cpu/cpu0/cache");
    let caches = (0..).map_while(|index| {
        let read = |what: &str| fs::read_to_string(folder.join(format!("index{index}/{what}"))).ok();
        let (level, size, kind) = (read("level")?, read("size")?, read("type")?.trim().to_lowercase());
        let kind = if kind == "unified" { String::new() } else { format!(" {kind}") };
        Some(format!("L{} {}{kind}", level.trim(), size.trim()))
    });
    let text = caches.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

fn rustc() -> Option<String> {
    output(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["--version"])
}

/// What the compiler could use without being asked, which decides about `ndarray`.
fn target() -> String {
    let beyond = if cfg!(target_feature = "avx512f") {
        " with AVX-512"
    } else if cfg!(target_feature = "avx2") {
        " with AVX2"
    } else {
        ""
    };
    format!("{}{beyond}", std::env::consts::ARCH)
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Today in UTC, as 2026-01-31.
fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (mut year, mut day) = (1970, seconds / 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}
