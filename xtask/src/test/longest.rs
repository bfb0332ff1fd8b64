//! Which tests took longest, by when their lines came: the stable test harness tells no times of its own.
//!
//! It begins tests in the order of their names, as many at once as there are threads, and the next one whenever one has
//! ended; so from the times at which they ended follows when each began.

use std::{
    collections::{BTreeSet, HashMap},
    env,
    fmt::Write as _,
    num::NonZero,
    thread,
    time::Duration,
};

/// What is told.
const TOLD: usize = 10;
/// What suites of documentation are called.
pub(super) const EXAMPLES: &str = "examples of ";

/// What was read of the tests so far.
pub(super) struct Longest {
    /// Tests that run at once.
    threads: usize,
    suite: String,
    /// Whether lines are those of tests of the suite: not before it begins to run them, nor when it repeats what they said.
    runs: bool,
    began: Duration,
    /// Those of the suite that runs, with when they ended.
    ended: Vec<(String, Duration)>,
    /// What each took, with its name and that of its suite.
    all: Vec<(Duration, String)>,
}

impl Longest {
    pub(super) fn new() -> Self {
        let wish = env::var("RUST_TEST_THREADS").ok().and_then(|threads| threads.parse().ok());
        let threads = wish.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
        Self {
            threads,
            suite: String::new(),
            runs: false,
            began: Duration::ZERO,
            ended: Vec::new(),
            all: Vec::new(),
        }
    }

    /// Another suite begins.
    pub(super) fn begin(&mut self, suite: &str) {
        self.end();
        suite.clone_into(&mut self.suite);
    }

    /// Takes in a line that came at that time.
    pub(super) fn take(&mut self, line: &str, at: Duration) {
        if self.runs {
            if matches!(line, "successes:" | "failures:") || line.starts_with("test result:") {
                self.end();
                // What follows is no test's line until another suite begins; but examples run in several groups.
                if !self.suite.starts_with(EXAMPLES) {
                    self.suite.clear();
                }
            } else if let Some((name, outcome)) =
                line.strip_prefix("test ").and_then(|test| test.rsplit_once(" ... "))
                && (matches!(outcome, "ok" | "FAILED") || outcome.starts_with("ignored"))
            {
                self.ended.push((name.trim_end_matches(" - should panic").to_owned(), at));
            }
        } else if !self.suite.is_empty() && line.starts_with("running ") {
            (self.runs, self.began) = (true, at);
        }
    }

    fn end(&mut self) {
        self.runs = false;
        let (ended, suite) = (std::mem::take(&mut self.ended), &self.suite);
        let costs = costs(&ended, self.began, self.threads).into_iter();
        self.all.extend(costs.map(|(name, cost)| (cost, format!("{suite}: {name}"))));
    }

    /// The longest, a line each.
    pub(super) fn told(&mut self) -> String {
        self.end();
        self.all.sort_by(|one, other| other.cmp(one));
        let mut text = String::new();
        for (cost, name) in self.all.iter().take(TOLD) {
            let _ = writeln!(text, "{:>8.1} s  {name}", cost.as_secs_f64());
        }
        if text.is_empty() { text } else { format!("The longest tests, by when their lines came:\n{text}") }
    }
}

/// The next one begins.
fn start<'a>(under_way: &mut HashMap<&'a str, Duration>, waiting: &mut BTreeSet<&'a str>, at: Duration) {
    if let Some(name) = waiting.pop_first() {
        under_way.insert(name, at);
    }
}

/// What each of these tests took that ended at these times, so many at once.
fn costs(ended: &[(String, Duration)], began: Duration, threads: usize) -> Vec<(&str, Duration)> {
    let mut waiting: BTreeSet<&str> = ended.iter().map(|(name, _)| name.as_str()).collect();
    let mut under_way: HashMap<&str, Duration> = HashMap::new();
    for _ in 0..threads.max(1) {
        start(&mut under_way, &mut waiting, began);
    }
    let mut costs = Vec::new();
    for (name, at) in ended {
        let since = under_way.remove(name.as_str()).or_else(|| {
            // Begun out of turn: in the place of another one, which waits.
            waiting.remove(name.as_str());
            let other = *under_way.iter().min_by_key(|(_, since)| **since)?.0;
            waiting.insert(other);
            under_way.remove(other)
        });
        costs.push((name.as_str(), at.saturating_sub(since.unwrap_or(*at))));
        start(&mut under_way, &mut waiting, *at);
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(of: &[(&str, u64)]) -> Vec<(String, Duration)> {
        of.iter().map(|(name, at)| ((*name).to_owned(), Duration::from_secs(*at))).collect()
    }

    fn costs_of(ended: &[(&str, u64)], threads: usize) -> Vec<(String, u64)> {
        let ended = seconds(ended);
        let costs = costs(&ended, Duration::from_secs(10), threads);
        costs.into_iter().map(|(name, cost)| (name.to_owned(), cost.as_secs())).collect()
    }

    fn pairs(of: &[(&str, u64)]) -> Vec<(String, u64)> {
        of.iter().map(|(name, cost)| ((*name).to_owned(), *cost)).collect()
    }

    #[test]
    fn what_a_test_took_follows_from_when_the_others_ended() {
        // a and b begin at 10; b ends at 12, c begins; c ends at 13, d begins; a ends at 20.
        let ended = [("b", 12), ("c", 13), ("a", 20), ("d", 21)];
        assert_eq!(costs_of(&ended, 2), pairs(&[("b", 2), ("c", 1), ("a", 10), ("d", 8)]));
        let one_by_one = [("a", 11), ("b", 14), ("c", 14)];
        assert_eq!(costs_of(&one_by_one, 1), pairs(&[("a", 1), ("b", 3), ("c", 0)]));
        // In another order than that of names, the sum is right.
        assert_eq!(costs_of(&[("c", 11), ("a", 14), ("b", 15)], 1), pairs(&[("c", 1), ("a", 3), ("b", 1)]));
        assert_eq!(costs_of(&[], 4), []);
    }

    #[test]
    fn lines_of_tests_are_told_from_what_tests_say() {
        let mut longest = Longest { threads: 1, ..Longest::new() };
        let mut at = 0;
        let lines = [
            ("", "test stray ... ok"),
            ("tests/a.rs", "running 3 tests"),
            ("", "test x::one ... ok"),
            ("", "test x::two - should panic ... ok"),
            ("", "test x::three has been running for over 60 seconds"),
            ("", "test x::zwei ... ignored, a child"),
            ("", "successes:"),
            ("", "running 1 test"),
            ("", "test a_child ... ok"),
            ("", "test result: ok. 3 passed"),
            ("examples of raptors", "running 1 test"),
            ("", "test result: ok. 0 passed"),
            ("", "running 1 test"),
            ("", "test raptors/lib.rs - (line 3) ... FAILED"),
        ];
        for (suite, line) in lines {
            if !suite.is_empty() {
                longest.begin(suite);
            }
            at += 1;
            longest.take(line, Duration::from_secs(at));
        }
        assert_eq!(
            longest.told(),
            "The longest tests, by when their lines came:\n\
             \x20    2.0 s  tests/a.rs: x::zwei\n\
             \x20    1.0 s  tests/a.rs: x::two\n\
             \x20    1.0 s  tests/a.rs: x::one\n\
             \x20    1.0 s  examples of raptors: raptors/lib.rs - (line 3)\n"
        );
    }

    #[test]
    fn ten_are_told_and_nothing_of_nothing() {
        let mut longest = Longest { threads: 1, ..Longest::new() };
        assert_eq!(longest.told(), "");
        longest.begin("it");
        longest.take("running 30 tests", Duration::ZERO);
        for at in 1..=30 {
            longest.take(&format!("test {at:02} ... ok"), Duration::from_secs(at * at));
        }
        let told = longest.told();
        assert_eq!(told.lines().count(), 11);
        assert!(told.lines().nth(1).is_some_and(|line| line == "    59.0 s  it: 30"), "{told}");
    }
}
