//! How figures are written: each beside its limit.

use std::fmt::Write as _;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Times something else.
    Ratio,
    /// Of something else.
    Percent,
    /// Of processor time.
    Seconds,
    /// Of memory or code.
    Bytes,
    /// Of a file, in the units that its limit is given in.
    Megabytes,
}

impl Unit {
    /// A value as it stands in the table.
    pub(crate) fn show(self, value: f64) -> String {
        const KIB: f64 = 1024.0;
        match self {
            Self::Count => format!("{value:.0}"),
            Self::Ratio => format!("{value:.3}"),
            Self::Percent => format!("{:.3} %", value * 100.0),
            Self::Seconds => format!("{value:.2} s"),
            Self::Megabytes => format!("{:.2} MB", value / 1e6),
            Self::Bytes if value.abs() < KIB * KIB => format!("{:.1} KiB", value / KIB),
            Self::Bytes if value.abs() < KIB * KIB * KIB => format!("{:.1} MiB", value / (KIB * KIB)),
            Self::Bytes => format!("{:.2} GiB", value / (KIB * KIB * KIB)),
        }
    }
}

/// A measured figure, or why it was not measured.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) limit: Option<f64>,
    pub(crate) value: Result<f64, String>,
}

impl Row {
    fn verdict(&self) -> &'static str {
        match (&self.value, self.limit) {
            (Err(_), _) => "MISSING",
            (Ok(_), None) => "",
            // Not by `>`: what is no number is over.
            (Ok(value), Some(limit)) if *value <= limit => "ok",
            (Ok(_), Some(_)) => "OVER",
        }
    }

    /// Whether it stands in the way.
    fn fails(&self) -> bool {
        matches!(self.verdict(), "OVER" | "MISSING")
    }
}

/// The table, 80 columns wide, and below it why figures are missing.
pub(crate) fn table(rows: &[Row]) -> String {
    let line = |name: &str, value: &str, limit: &str, verdict: &str| {
        let line = format!("{name:<50} {value:>10} {limit:>10} {verdict}");
        line.trim_end().to_owned() + "\n"
    };
    let mut text = line("figure", "value", "at most", "");
    for row in rows {
        let value = row.value.as_ref().map_or_else(|_| "-".to_owned(), |&value| row.unit.show(value));
        let limit = row.limit.map(|limit| row.unit.show(limit)).unwrap_or_default();
        text += &line(row.name, &value, &limit, row.verdict());
    }
    let missing = rows.iter().filter_map(|row| Some((row.name, row.value.as_ref().err()?)));
    for (name, error) in missing {
        write!(text, "\nnot measured: {name}:\n  {error}\n").expect("a string takes all");
    }
    text
}

/// What is wrong with the figures, if something is.
pub(crate) fn complaint(rows: &[Row]) -> Option<String> {
    let names = |verdict: &str| {
        let names: Vec<_> = rows.iter().filter(|row| row.verdict() == verdict).map(|row| row.name).collect();
        names.join(", ")
    };
    let parts = [("over the limit", names("OVER")), ("not measured", names("MISSING"))];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {names}"))
        .collect();
    rows.iter().any(Row::fails).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, value: Result<f64, String>, limit: Option<f64>) -> Row {
        Row { name, unit: Unit::Ratio, limit, value }
    }

    #[test]
    fn a_figure_over_its_limit_fails_and_one_at_it_does_not() {
        let rows =
            [row("one", Ok(0.5), Some(0.5)), row("two", Ok(0.51), Some(0.5)), row("three", Ok(9.0), None)];
        assert_eq!(complaint(&rows).unwrap(), "over the limit: two");
        assert_eq!(complaint(&rows[..1]), None);
        assert_eq!(complaint(&rows[2..]), None);
        assert_eq!(
            complaint(&[row("no number", Ok(f64::NAN), Some(0.5))]).unwrap(),
            "over the limit: no number"
        );
        let text = table(&rows);
        let words: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["one", "0.500", "0.500", "ok"]);
        assert_eq!(words[2], ["two", "0.510", "0.500", "OVER"]);
        assert_eq!(words[3], ["three", "9.000"]);
    }

    #[test]
    fn a_figure_that_is_missing_fails_with_the_reason() {
        let rows = [row("one", Err("no history".to_owned()), Some(0.5)), row("two", Ok(0.6), Some(0.5))];
        assert_eq!(complaint(&rows).unwrap(), "over the limit: two; not measured: one");
        assert!(table(&rows).ends_with("\nnot measured: one:\n  no history\n"), "{}", table(&rows));
        assert_eq!(
            complaint(&[row("one", Err("no history".to_owned()), None)]).unwrap(),
            "not measured: one"
        );
    }

    #[test]
    fn values_are_short() {
        assert_eq!(Unit::Count.show(560.0), "560");
        assert_eq!(Unit::Percent.show(0.00625), "0.625 %");
        assert_eq!(Unit::Seconds.show(80.123), "80.12 s");
        assert_eq!(Unit::Megabytes.show(2.5e6), "2.50 MB");
        assert_eq!(Unit::Bytes.show(24.0 * 1024.0), "24.0 KiB");
        assert_eq!(Unit::Bytes.show(5.5 * 1024.0 * 1024.0), "5.5 MiB");
        assert_eq!(Unit::Bytes.show(1.2 * 1024.0 * 1024.0 * 1024.0), "1.20 GiB");
    }
}
