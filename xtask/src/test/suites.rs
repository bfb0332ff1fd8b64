//! What `cargo test` writes, as a page: a line for each suite that passes, all that is known of one that fails.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result};

use super::longest::{EXAMPLES, Longest};
use crate::run::{judge, shown};

/// Runs the tests, writes all that they say to the file, and a line for each suite to standard output, then which tests
/// took longest; hands back what they said.
pub(super) fn watch(tests: &mut Command, log: &Path) -> Result<String> {
    println!("$ {}", shown(tests));
    // One pipe for both: which suite runs stands in cargo's messages, how it ended in those of the tests.
    let (reader, writer) = io::pipe()?;
    tests.stdout(writer.try_clone()?).stderr(writer);
    let mut child = tests.spawn().with_context(|| format!("cannot start `{}`", shown(tests)))?;
    // The command holds ends of the pipe to write to: as long as they are open, it has no end to read.
    tests.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut file = File::create(log).with_context(|| log.display().to_string())?;
    let (mut lines, mut line) = (BufReader::new(reader), Vec::new());
    let (mut suites, mut longest, mut all) = (Suites::default(), Longest::new(), String::new());
    let begin = Instant::now();
    while lines.read_until(b'\n', &mut line)? > 0 {
        file.write_all(&line)?;
        let text = String::from_utf8_lossy(&line);
        all.push_str(&text);
        let said = suites.take(text.trim_end());
        if suites.begins {
            longest.begin(&suites.name);
        }
        longest.take(text.trim_end(), begin.elapsed());
        wipe();
        print!("{said}");
        if said.is_empty() {
            tell(&text);
        }
        line.clear();
    }
    wipe();
    print!("{}{}", suites.passed, longest.told());
    let status = child.wait()?;
    if !status.success() {
        print!("{}", suites.rest());
    }
    println!("All that was written: {}", log.display());
    judge(tests, status)?;
    Ok(all)
}

/// On a terminal, the line as it comes, until the next one.
fn tell(line: &str) {
    if io::stderr().is_terminal() {
        eprint!("{}\r", line.trim().chars().take(79).collect::<String>());
    }
}

fn wipe() {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

/// What was read since the last suite ended.
#[derive(Default)]
struct Suites {
    name: String,
    /// Whether it begins with the line that was read last.
    begins: bool,
    /// The line of a suite that passed. A test that starts others shows how they ended: the last result is the suite's.
    passed: String,
    said: String,
}

impl Suites {
    /// Takes in a line; hands back what is to be shown of it: nothing, unless it is the first of another suite.
    fn take(&mut self, line: &str) -> String {
        let words: Vec<_> = line.split_whitespace().collect();
        self.begins = false;
        match words[..] {
            ["Running", "unittests", source, _] => return self.begin(source.to_owned()),
            ["Running", source, program] if program.starts_with('(') => return self.begin(source.to_owned()),
            ["Doc-tests", package] => return self.begin(format!("{EXAMPLES}{package}")),
            ["test", .., "ok"] | ["Compiling" | "Downloading" | "Downloaded" | "Finished" | "Fresh", ..] => {}
            ["test", "result:", "ok.", passed, "passed;", ..] => {
                self.said.clear();
                self.passed = ended(&self.name, passed, &words);
            }
            _ => {
                if line.starts_with("test result: FAILED") {
                    self.passed.clear();
                }
                self.said.push_str(line);
                self.said.push('\n');
            }
        }
        String::new()
    }

    /// Begins another suite; hands back the line of the one before.
    fn begin(&mut self, name: String) -> String {
        (self.name, self.begins) = (name, true);
        std::mem::take(&mut self.passed)
    }

    /// What explains a failure: all that was said since the last suite that passed.
    fn rest(&self) -> String {
        format!("\n{}: failed\n{}", self.name, self.said)
    }
}

/// The line of a suite that passed, by the words of its result; none of one without tests.
fn ended(name: &str, passed: &str, words: &[&str]) -> String {
    let before =
        |word: &str| words.iter().position(|known| *known == word).map_or("0", |index| words[index - 1]);
    let ignored = before("ignored;");
    if (passed, ignored) == ("0", "0") {
        return String::new();
    }
    let mut line = format!("{name:<44} {passed:>5} passed");
    let time = words.last().filter(|word| word.ends_with('s')).map_or("", |time| time.trim_end_matches('s'));
    let _ = write!(line, "{time:>10} s");
    if ignored != "0" {
        let _ = write!(line, "  {ignored} ignored");
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::command;

    const PASSED: &str = "   Compiling raptors v0.1.0 (/here)
     Running unittests raptors/lib.rs (target/debug/deps/raptors-1)

running 2 tests
test a ... ok
test b - should panic ... ok
thread 'b' panicked at here
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.25s
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s

     Running tests/none.rs (target/debug/deps/none-1)
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests raptors
test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 12.00s
";

    fn page(text: &str) -> (String, Suites) {
        let mut suites = Suites::default();
        let shown: String = text.lines().map(|line| suites.take(line)).collect();
        (shown + &suites.passed, suites)
    }

    #[test]
    fn a_suite_that_passes_is_a_line() {
        let (page, suites) = page(PASSED);
        let lines: Vec<_> =
            page.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            ["raptors/lib.rs 2 passed 1.25 s", "examples of raptors 7 passed 12.00 s 1 ignored"]
        );
        assert!(page.lines().all(|line| line.len() <= 80));
        assert_eq!(suites.said, "");
    }

    #[test]
    fn of_a_suite_that_fails_all_is_kept() {
        let failed = "     Running tests/it.rs (target/debug/deps/it-1)
test a ... ok
test c ... FAILED
assertion failed: c
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
error: test failed, to rerun pass `--test it`
";
        let (shown, suites) = page(&format!("{PASSED}{failed}"));
        assert_eq!(shown, page(PASSED).0);
        let rest = suites.rest();
        assert!(
            rest.starts_with("\ntests/it.rs: failed\ntest c ... FAILED\nassertion failed: c\n"),
            "{rest}"
        );
        assert!(rest.ends_with("to rerun pass `--test it`\n") && !rest.contains("test a"), "{rest}");
    }

    #[test]
    fn all_is_handed_back_and_written() {
        let log = std::env::temp_dir().join(format!("raptors-suites-{}", std::process::id()));
        let both = "echo out; echo err >&2; exit $0";
        let said = watch(&mut command("sh", ["-c", both, "0"]), &log).unwrap();
        assert_eq!(said, "out\nerr\n");
        let error = watch(&mut command("sh", ["-c", both, "3"]), &log).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "out\nerr\n");
        std::fs::remove_file(log).unwrap();
    }
}
