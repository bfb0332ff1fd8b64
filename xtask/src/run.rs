//! Other programs: how they are called, shown and judged.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the root")
}

/// The target folder in use: the one this program was built into, `<target>/debug/xtask`, whichever way it was set.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().expect("the system knows the running program");
    program.ancestors().nth(2).expect("cargo builds into <target>/<profile>").to_owned()
}

/// Whether this is a machine of continuous integration, by the variable that all of them set.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// `program` with these arguments, at the root of the repository.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Cargo with these arguments: the cargo that runs this program, and its target folder.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments);
    command.env("CARGO_TARGET_DIR", target());
    command
}

/// Runs it in view; a failure is an error that says which command failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    judge(command, status)
}

/// Like [`run`], and hands back what it wrote to its standard output, which is shown as it comes.
pub(crate) fn tee(command: &mut Command) -> Result<String> {
    println!("$ {}", shown(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let mut text = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("it was asked to be piped"));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        text.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait()?;
    judge(command, status)?;
    Ok(text)
}

/// Runs it out of view and hands back what it wrote to its standard output; its errors stay visible.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    judge(command, output.status)?;
    String::from_utf8(output.stdout).with_context(|| format!("`{}` did not write UTF-8", shown(command)))
}

/// The first line of what `program --version` says, if there is such a program.
pub(crate) fn version(program: impl AsRef<OsStr>) -> Option<String> {
    let output = Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// A failure as an error that names the command.
pub(crate) fn judge(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// The command as one would type it, variables first; the target folder, which every call gets, is left out.
pub(crate) fn shown(command: &Command) -> String {
    let quoted = |word: &OsStr| {
        let word = word.to_string_lossy();
        let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "*'\"$".contains(c));
        if plain { word.into_owned() } else { format!("'{word}'") }
    };
    let variables = command.get_envs().filter(|(name, _)| *name != "CARGO_TARGET_DIR");
    let mut words: Vec<_> = variables
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quoted(value?))))
        .collect();
    words.push(quoted(Path::new(command.get_program()).file_name().unwrap_or(command.get_program())));
    words.extend(command.get_args().map(quoted));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = command("/usr/bin/cargo", ["doc", "--bench", "*"]);
        command.env("RUSTDOCFLAGS", "-D warnings").env("CARGO_TARGET_DIR", "/tmp/x");
        assert_eq!(shown(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --bench '*'");
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(&mut command("sh", ["-c", "exit 3"])).unwrap_err().to_string();
        assert_eq!(error, "`sh -c 'exit 3'` failed (exit status: 3)");
        let error = run(&mut command("no-such-program", ["x"])).unwrap_err().to_string();
        assert_eq!(error, "cannot start `no-such-program x`");
    }

    #[test]
    fn output_is_handed_back() {
        assert_eq!(tee(&mut command("printf", ["a\\nb"])).unwrap(), "a\nb");
        assert_eq!(read(&mut command("printf", ["a\\nb"])).unwrap(), "a\nb");
    }
}
