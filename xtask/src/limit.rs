//! Time limits: what takes longer is stopped, with all that it has started.

use std::{
    collections::BTreeSet,
    process::{self, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};

/// How long it may take for what was stopped to be noticed, before this program ends itself.
const GRACE: u32 = 30;

/// Does something that may take so long. Then all processes that this one has started, and what they have started, are
/// killed; that makes the command fail that was waited for, and the error says why.
pub(crate) fn within(what: &str, limit: Duration, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_over = AtomicBool::new(false);
    let told = || format!("{what} was stopped: it took longer than its limit of {}", shown(limit));
    let result = thread::scope(|scope| {
        // Dropped when it is done, also by a panic.
        let (_done, wait) = mpsc::channel::<()>();
        let (is_over, told) = (&is_over, &told);
        scope.spawn(move || {
            let mut patience = limit;
            for _ in 0..=GRACE {
                if wait.recv_timeout(patience) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                is_over.store(true, Ordering::Relaxed);
                // What was about to start another command has started it by the next turn.
                kill(&descendants(process::id(), &processes()));
                patience = Duration::from_secs(1);
            }
            eprintln!("{}, and did not end by that", told());
            process::exit(1);
        });
        act()
    });
    match result {
        Err(error) if is_over.load(Ordering::Relaxed) => Err(anyhow!("{} ({error})", told())),
        result => result,
    }
}

/// `40 min`, `1.5 s`.
fn shown(limit: Duration) -> String {
    let seconds = limit.as_secs_f64();
    if seconds < 60.0 { format!("{seconds} s") } else { format!("{} min", seconds / 60.0) }
}

/// All processes, a line each: its number, and that of the one that has started it.
fn processes() -> String {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).stderr(Stdio::null()).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Those that a process has started, and that these have.
fn descendants(of: u32, processes: &str) -> BTreeSet<u32> {
    let pair = |line: &str| {
        let (process, parent) = line.trim().split_once(char::is_whitespace)?;
        Some((process.parse().ok()?, parent.trim().parse().ok()?))
    };
    let pairs: Vec<(u32, u32)> = processes.lines().filter_map(pair).collect();
    let mut found = BTreeSet::from([of]);
    while let Some((process, _)) =
        pairs.iter().find(|(process, parent)| found.contains(parent) && !found.contains(process))
    {
        found.insert(*process);
    }
    found.remove(&of);
    found
}

fn kill(processes: &BTreeSet<u32>) {
    let numbers = processes.iter().map(ToString::to_string);
    // Some have ended already, which it complains of.
    Command::new("kill").arg("-KILL").args(numbers).stderr(Stdio::null()).status().ok();
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::run::{command, run};

    /// In a process of its own: those of the other tests are not to be killed.
    #[test]
    #[ignore = "a child of the test below"]
    fn exceed_a_limit() {
        // The shell is waited for, and waits for a process that it has started.
        let sleeps = || run(&mut command("sh", ["-c", "sleep 1000 & wait; sleep 1000"]));
        let error = within("the step `a`", Duration::from_millis(300), sleeps).unwrap_err().to_string();
        let expected = "the step `a` was stopped: it took longer than its limit of 0.3 s (`sh -c '";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(descendants(process::id(), &processes()).len(), 1, "only the one that lists them");
    }

    #[test]
    fn what_exceeds_its_limit_is_stopped_with_what_it_has_started() {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "limit::tests::exceed_a_limit", "--ignored"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn what_keeps_its_limit_ends_as_it_does() {
        let hour = Duration::from_hours(1);
        within("it", hour, || Ok(())).unwrap();
        let error = within("it", hour, || Err(anyhow!("a reason"))).unwrap_err();
        assert_eq!(error.to_string(), "a reason");
    }

    #[test]
    fn descendants_are_found_in_any_order() {
        let processes = "  1     0\n 30    20\n 20    10\n 10     1\n 40     1\nPID PPID\n 31    30\n";
        assert_eq!(descendants(10, processes), BTreeSet::from([20, 30, 31]));
        assert_eq!(descendants(31, processes), BTreeSet::new());
    }

    #[test]
    fn limits_have_units() {
        assert_eq!(
            [0.3, 90.0, 2400.0].map(|s| shown(Duration::from_secs_f64(s))),
            ["0.3 s", "1.5 min", "40 min"]
        );
    }
}
