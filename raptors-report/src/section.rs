//! The section of the documentation: what several runs found, as tables of fixed width.

use std::fmt::Write as _;

use crate::{
    Run,
    run::{Case, Peer, us},
};

/// The section, in Markdown: first what all runs share, then each with its table.
#[must_use]
pub fn section(runs: &[Run]) -> String {
    let mut text = String::new();
    for run in runs {
        // Writing to a string does not fail.
        let _ = write_run(&mut text, run);
    }
    text
}

fn write_run(text: &mut String, run: &Run) -> std::fmt::Result {
    let (machine, settings, threads) = (&run.machine, &run.settings, run.threads());
    let number = if threads == 1 { "One thread".to_owned() } else { format!("{threads} threads") };
    writeln!(
        text,
        "### {number}, {}\n\n{}, {}; raptors {} ({}), NumPy {}, Python {}.",
        settings.suites.join(", "),
        machine.cpu,
        settings.date,
        machine.raptors,
        machine.isa,
        machine.numpy,
        machine.python
    )?;
    for (name, version) in &machine.packages {
        let peer = &settings.threads[name];
        writeln!(text, "{name} {version}: threads {}; {}.", peer.threads, peer.note)?;
    }
    if let Some(lowest) = run.lowest() {
        let even = run.cases.iter().filter(|case| case.speedup >= 1.0).count();
        writeln!(
            text,
            "\n{even} of {} at 1.0 or above, geometric mean {:.2}, lowest end of an interval {:.2} (`{}` {} {}).",
            run.cases.len(),
            run.geometric_mean(),
            lowest.ci_low,
            lowest.which.op,
            lowest.which.dtype,
            lowest.which.place()
        )?;
    }
    writeln!(text, "\n```text")?;
    let mut op = None;
    for case in &run.cases {
        if op != Some(&case.which.op) {
            if op.is_some() {
                writeln!(text)?;
            }
            op = Some(&case.which.op);
            write!(
                text,
                "{:<18} {:>8} {:>8}  ratio    interval  GB/s limit",
                case.which.op, "NumPy", "raptors"
            )?;
            for peer in run.peers() {
                write!(text, " {peer:>11}")?;
            }
            writeln!(text)?;
        }
        write_case(text, run, case)?;
    }
    writeln!(text, "```\n")
}

fn write_case(text: &mut String, run: &Run, case: &Case) -> std::fmt::Result {
    write!(
        text,
        "{} {:>14} {:>8} {:>8} {:>6.2} {:>11} {:>5.1} {:>5.2}",
        case.which.dtype,
        case.which.place(),
        us(case.numpy_us),
        us(case.raptors_us),
        case.speedup,
        format!("{:.2}–{:.2}", case.ci_low, case.ci_high),
        case.gb_per_s,
        case.limit_share,
    )?;
    for peer in run.peers() {
        write!(text, " {:>11}", case.peers.get(peer).map_or_else(|| "–".to_owned(), Peer::says))?;
    }
    writeln!(text)
}

#[cfg(test)]
mod tests {
    use crate::{run::tests::run, section};

    #[test]
    fn each_run_has_a_table() {
        let text = section(&[run(), run()]);
        assert_eq!(text.matches("### 2 threads, 2d\n").count(), 2);
        assert!(text.contains("\njax 0.10: threads 2; confined.\n"));
        assert!(text.contains(
            "\n1 of 2 at 1.0 or above, geometric mean 1.00, lowest end of an interval 0.53 (`sum` f64 8²).\n"
        ));
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("f32 ")).collect();
        assert_eq!(
            rows[0].split_whitespace().collect::<Vec<_>>(),
            ["f32", "8²", "10.0", "6.25", "1.60", "1.50–1.70", "12.0", "0.50", "0.90≈"]
        );
        let heads = text.lines().find(|line| line.starts_with("sum ")).unwrap();
        assert_eq!(heads.chars().count(), rows[0].chars().count());
    }
}
