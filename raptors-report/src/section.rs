//! The section of the documentation: what several runs found, as tables of fixed width.

use std::fmt::Write as _;

use crate::{
    Run,
    run::{Case, Peer, geometric_mean, us},
};

/// The suite of so many cases that only their ratios are shown.
const CATALOGUE: &str = "catalogue";

/// The section, in Markdown: each run with its table.
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
        "### {number}, {}\n\n{}, {}; raptors {} ({}), NumPy {}, Python {}{}",
        settings.what(),
        machine.cpu,
        settings.date,
        machine.raptors,
        machine.isa,
        machine.numpy,
        machine.python,
        if settings.left_out.is_empty() { ".".to_owned() } else { settings.without() }
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
    let below: Vec<_> = run
        .gaps()
        .into_iter()
        .filter(|case| case.ci_high < 1.0)
        .map(|case| {
            format!("`{}` {} {} ({:.2})", case.which.op, case.which.dtype, case.which.place(), case.speedup)
        })
        .collect();
    if run.is_of(CATALOGUE) && !below.is_empty() {
        writeln!(text, "Below 1.0 beyond their intervals, worst first: {}.", below.join(", "))?;
    }
    writeln!(text, "\n```text")?;
    if run.is_of(CATALOGUE) && run.peers().next().is_none() {
        write_ratios(text, run)?;
    } else {
        write_cases(text, run)?;
    }
    writeln!(text, "```\n")
}

/// A line for each operation and dtype, a column for each shape.
fn write_ratios(text: &mut String, run: &Run) -> std::fmt::Result {
    let mut places: Vec<String> = Vec::new();
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for case in &run.cases {
        let (place, line) = (case.which.place(), (case.which.op.as_str(), case.which.dtype.as_str()));
        if !places.contains(&place) {
            places.push(place);
        }
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let width = |place: &str| place.chars().count().max(6) + 1;
    let names = lines.iter().map(|(op, _)| op.chars().count()).max().unwrap_or_default();
    write!(text, "{:names$}    ", "")?;
    for place in &places {
        write!(text, "{place:>0$}", width(place))?;
    }
    writeln!(text, "    mean  lowest end")?;
    for (op, dtype) in lines {
        let cases = || run.cases.iter().filter(|case| (&*case.which.op, &*case.which.dtype) == (op, dtype));
        write!(text, "{op:names$} {dtype}")?;
        for place in &places {
            let case = cases().find(|case| case.which.place() == *place);
            let ratio = case.map_or_else(|| "–".to_owned(), |case| format!("{:.2}", case.speedup));
            write!(text, "{ratio:>0$}", width(place))?;
        }
        let lowest = cases().map(|case| case.ci_low).min_by(f64::total_cmp).unwrap_or(f64::NAN);
        writeln!(text, "{:>8.2}{lowest:>12.2}", geometric_mean(cases()))?;
    }
    Ok(())
}

fn write_cases(text: &mut String, run: &Run) -> std::fmt::Result {
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
    Ok(())
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
    use crate::{
        run::tests::{part, run},
        section,
    };

    #[test]
    fn of_the_catalogue_there_are_ratios() {
        let text = section(&[part()]);
        assert!(text.contains("### 2 threads, catalogue, part 2 of 6 (204 cases in all)\n"));
        assert!(text.contains("Python 3.11. Left out: NumPy has no fma3.\n"));
        assert!(
            text.contains("\nBelow 1.0 beyond their intervals, worst first: `sum` f64 8² (0.62).\n"),
            "{text}"
        );
        let rows: Vec<_> = text.lines().skip_while(|line| *line != "```text").skip(1).take(4).collect();
        assert_eq!(
            rows,
            [
                "                  8²   10×3    mean  lowest end",
                "sum       f32   1.60   1.60    1.60        1.50",
                "sum       f64   0.62      –    0.62        0.53",
                "max_axis1 f32      –   1.60    1.60        1.50",
            ]
        );
    }

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
