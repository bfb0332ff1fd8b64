//! What is seen while the tournaments are held: a bar on a terminal, else a line for each case.

use std::{
    io::{IsTerminal as _, Write as _},
    ops::ControlFlow,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use raptors::tune::{Again, Case, Found, Observer};

use crate::output::{WIDTH, count, wrap};

/// A bar, or lines.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    of: usize,
    at: usize,
    /// About how long the rest takes.
    rest: Option<Duration>,
    case: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{bar:20} {pos:>3}/{len} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, of: 0, at: 0, rest: None, case: String::new() }
    }

    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn rest(&self) -> String {
        self.rest.map_or_else(String::new, |rest| format!(", {} left", minutes(rest)))
    }
}

/// `3:07`: minutes and seconds.
fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

impl Observer for Progress {
    fn begins(&mut self, at: usize, of: usize, case: &Case) -> ControlFlow<()> {
        (self.at, self.of, self.case) = (at, of, case.to_string());
        if let Some(bar) = &self.bar {
            bar.set_length(of as u64);
            bar.set_position(at as u64);
        }
        ControlFlow::Continue(())
    }

    fn left(&mut self, candidates: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {candidates} in{}", self.case, self.rest()));
        }
    }

    fn ends(&mut self, found: &Found, rest: Duration) {
        self.rest = Some(rest);
        if self.bar.is_none() {
            // A reader that has gone is no reason to end.
            let (at, of, case, rest) = (self.at + 1, self.of, &self.case, minutes(rest));
            writeln!(std::io::stdout(), "{at:>3}/{of} {rest} {case}: {found}").ok();
        }
    }

    fn again(&mut self, why: Again, rows: usize) {
        if self.bar.is_none() && rows > 0 {
            let why = match why {
                Again::Noisy => "once more, in the time that is left: too noisy to tell.",
                Again::Changed => "once more, to be confirmed: about to change.",
            };
            let text = format!("{} {why}", count(rows, "row"));
            writeln!(std::io::stdout(), "{}", wrap(&text, WIDTH).join("\n")).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_two_digits() {
        assert_eq!(minutes(Duration::from_secs(187)), "3:07");
        assert_eq!(minutes(Duration::from_millis(900)), "0:00");
    }
}
