//! A budget is kept: once it is over, nothing is measured any more. Whoever watches a run is slow here, so that no test
//! depends on how fast this machine is.

use std::{ops::ControlFlow, thread, time::Duration};

use raptors::tune::{Again, Case, Filter, Findings, Found, Observer, Settings, run, tournament::Verdict};

/// Lets the time pass, once: when a row begins, or when candidates have been counted for the first time.
struct Slow {
    budget: Duration,
    at_begin: bool,
    begun: usize,
    counted: usize,
    again: Vec<usize>,
}

impl Observer for Slow {
    fn begins(&mut self, _at: usize, _of: usize, _case: &Case) -> ControlFlow<()> {
        if self.at_begin && self.begun == 0 {
            thread::sleep(self.budget);
        }
        self.begun += 1;
        ControlFlow::Continue(())
    }

    fn left(&mut self, _candidates: usize) {
        if self.counted == 0 {
            thread::sleep(self.budget);
        }
        self.counted += 1;
    }

    fn ends(&mut self, _found: &Found, _rest: Duration) {}

    fn again(&mut self, _why: Again, rows: usize) {
        self.again.push(rows);
    }
}

fn slowly(budget: Duration, at_begin: bool) -> (Findings, Slow) {
    let words = ["scale".to_owned(), "f32".to_owned()];
    let settings = Settings {
        filter: Filter::of(&words).expect("an operation"),
        budget,
        threads: 2,
        ..Settings::default()
    };
    let mut slow = Slow { budget, at_begin, begun: 0, counted: 0, again: Vec::new() };
    let findings = run(&settings, &mut slow).expect("a run");
    assert_eq!((slow.begun, &slow.again[..]), (findings.cases.len(), &[0, 0][..]));
    assert!(!findings.cases.is_empty());
    for found in &findings.cases {
        assert_eq!((found.verdict, found.winner), (Verdict::NoTime, found.incumbent), "{}", found.row);
        assert!(found.limit.is_none() && found.cuts.is_none(), "{}", found.row);
    }
    (findings, slow)
}

#[test]
fn when_the_time_is_over_before_the_first_row_nobody_is_called() {
    let (findings, slow) = slowly(Duration::from_millis(20), true);
    assert_eq!(slow.counted, 0);
    assert!(findings.cases.iter().all(|found| found.candidates.is_empty()));
    assert_eq!(findings.busy, 0);
}

#[test]
fn when_the_time_is_over_in_the_midst_of_a_row_no_other_one_begins() {
    let (findings, slow) = slowly(Duration::from_secs(2), false);
    assert!(slow.counted <= 1, "{} rounds", slow.counted);
    assert!(findings.cases.iter().skip(1).all(|found| found.candidates.is_empty()));
}
