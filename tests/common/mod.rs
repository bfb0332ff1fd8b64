//! What tests about processes share: to run one test in a process of its own, and to compute in a forked child.

use std::{
    env,
    ffi::OsStr,
    process::{Command, Output},
};

/// Set in a process that runs one test: which.
const ALONE: &str = "RAPTORS_TEST_ALONE";

/// Whether this process was started by [`rerun`], for that test.
pub(crate) fn is_alone(test: &str) -> bool {
    env::var(ALONE).is_ok_and(|name| name == test)
}

/// Runs a test of this executable in a process of its own, and hands back what it said. Of the variables that the
/// library reads it sees those that are given, and no others.
pub(crate) fn rerun<V: AsRef<OsStr>>(test: &str, variables: &[(&str, V)]) -> String {
    let mut command = Command::new(env::current_exe().expect("the test has a file"));
    command.args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"]).env(ALONE, test);
    for variable in raptors::knobs().iter().flat_map(|knob| &knob.variables) {
        command.env_remove(variable.name);
    }
    let given = variables.iter().map(|(name, value)| (name, value.as_ref()));
    let Output { status, stdout, stderr } = command.envs(given).output().expect("the test can run itself");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name, value.as_ref())).collect();
    assert!(status.success(), "{variables:?}: {stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "no test is called {test}: {stdout}");
    stdout.into_owned()
}

/// Whether `right` says so in a forked child; else how that ended, which it does within half a minute. The child may call
/// this library, and the allocator, which the C library makes usable there.
#[cfg(unix)]
#[allow(unsafe_code, reason = "fork is unsafe, and what is tested")]
pub(crate) fn forked(right: impl FnOnce() -> bool) -> Result<(), String> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    // SAFETY: the child does as is said above, and leaves without running what the parent has to run at its end.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: asks for a signal, which ends a child that waits for ever.
        unsafe { libc::alarm(30) };
        let right = catch_unwind(AssertUnwindSafe(right)).unwrap_or(false);
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let mut status = 0;
    // SAFETY: the child is one of ours, and the status a variable of ours.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child, "{}", std::io::Error::last_os_error());
    match status {
        0 => Ok(()),
        _ if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM => {
            Err("it hangs".to_owned())
        }
        _ => Err(format!("it ended with {status:#x}")),
    }
}
