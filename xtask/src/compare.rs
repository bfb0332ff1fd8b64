//! The comparison with `NumPy`: an environment with everything it needs, and what is drawn from its results.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, Result, ensure};
use raptors_report::{Run, Theme, section};

use crate::{
    python::{Environment, wheel},
    run::{root, target},
};

/// What is compared with, always.
pub(crate) const NUMPY: &str = "numpy>=2.4";

/// Packages that are installed if they are asked for.
const PEERS: [&str; 3] = ["numexpr", "bottleneck", "jax"];

/// What the comparison ends with when its gate cannot judge.
const UNCLEAR: i32 = 3;

/// Between these lines of docs/performance.md stands what is drawn.
const MARKS: [&str; 2] = ["<!-- numpy:begin -->", "<!-- numpy:end -->"];

/// Runs the comparison with these arguments, and ends as it does; with `--docs`, draws.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    if let Some((first, files)) = arguments.split_first()
        && first == "--docs"
    {
        return docs(files).map(|()| ExitCode::SUCCESS);
    }
    let code = compare(&installed(arguments)?, arguments)?;
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What the gate measures: the 36 cases on all threads; and of all that `NumPy` has a part, another one each day, on one
/// thread; of what has kernels of its own on all threads, too. Some cases are a few per cent behind, and some reductions in
/// stages more, by how much docs/performance.md says. The gate must pass on whatever machine it meets, so it finds what became
/// slow. The time that is given holds while the catalogue grows: then intervals are wider.
const GATES: [&str; 4] = [
    "--gate 1.0 --suite 2d --within 60 --seconds 3",
    "--gate 0.8 --suite kernels --part today/12 --within 20 --seconds 2",
    "--gate 0.8 --suite kernels --part today/12 --within 20 --seconds 2 --threads 1",
    "--gate 0.4 --suite stages --part today/12 --within 12 --seconds 1 --threads 1",
];

/// No case is slower than its gate allows. Where the noise is too high to tell, that is said, and is no failure.
pub(crate) fn gate() -> Result<()> {
    let environment = installed(&[])?;
    let document = target().join("gate.json");
    let mut failed = Vec::new();
    for arguments in GATES {
        println!("\npython -m raptors compare {arguments}");
        let mut words: Vec<_> = arguments.split(' ').map(OsString::from).collect();
        words.extend(["--output-json".into(), document.clone().into()]);
        // What the last one found would be taken for this one's.
        if document.exists() {
            fs::remove_file(&document)?;
        }
        match compare(&environment, &words)? {
            Some(0) => {}
            Some(UNCLEAR) => {
                println!("This machine was too noisy to judge every case: reported, and no failure.");
            }
            _ => failed.push(format!("{arguments}: {}", failures(&document))),
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// What the gate fails, by the document that it wrote.
fn failures(document: &Path) -> String {
    let read = |file| Ok::<_, anyhow::Error>(Run::read(&fs::read_to_string(file)?)?.failures());
    match read(document) {
        Ok(failures) => failures.join("; "),
        Err(error) => format!("ended before it had measured: {error:#}"),
    }
}

/// An environment with the wheel, `NumPy`, and the peers that the arguments ask for.
fn installed(arguments: &[OsString]) -> Result<Environment> {
    let environment = Environment::having("python-compare", &[NUMPY])?;
    for peer in peers(arguments) {
        // Without it, the comparison says that it is skipped.
        if let Err(error) = environment.install(&[peer.as_ref(), NUMPY.as_ref()]) {
            eprintln!("warning: {error:#}");
        }
    }
    environment.install_wheel(&wheel()?)?;
    Ok(environment)
}

/// Runs the comparison, and hands back what it ends with; `None` if a signal ended it.
fn compare(environment: &Environment, arguments: &[OsString]) -> Result<Option<i32>> {
    let mut python = environment.python();
    // Files that the arguments name are seen from where they were typed; modules that lie there are not.
    python.args(["-P", "-m", "raptors", "compare"]).args(arguments).current_dir(env::current_dir()?);
    let status = python.status().context("the environment's Python cannot be run")?;
    Ok(status.code())
}

/// The peers that the arguments ask for.
fn peers(arguments: &[OsString]) -> Vec<&'static str> {
    let mut asked = Vec::new();
    for (index, argument) in arguments.iter().map(|argument| argument.to_string_lossy()).enumerate() {
        if argument == "--peers" {
            asked.extend(arguments.get(index + 1).map(|names| names.to_string_lossy()));
        } else if argument.starts_with("--peers=") {
            asked.push(argument);
        }
    }
    let is_asked = |peer: &str| {
        asked
            .iter()
            .any(|names| names.trim_start_matches("--peers=").split(',').any(|name| name.trim() == peer))
    };
    PEERS.into_iter().filter(|peer| is_asked(peer)).collect()
}

/// Draws the documentation from the files, and the picture from the last of them that is of the 36 cases.
fn docs(files: &[OsString]) -> Result<()> {
    ensure!(!files.is_empty(), "--docs takes the files that --output-json wrote");
    let read = |file: &OsString| {
        let text = fs::read_to_string(file).with_context(|| Path::new(file).display().to_string())?;
        Run::read(&text).with_context(|| Path::new(file).display().to_string())
    };
    let runs: Vec<Run> = files.iter().map(read).collect::<Result<_>>()?;
    let page = root().join("docs/performance.md");
    write(page.as_ref(), &between(&fs::read_to_string(&page)?, &section(&runs))?)?;
    if let Some(last) = runs.iter().rev().find(|run| run.is_of("2d")) {
        for (theme, name) in [(Theme::Light, "docs/img/2d-light.svg"), (Theme::Dark, "docs/img/2d-dark.svg")]
        {
            let file = root().join(name);
            fs::create_dir_all(file.parent().expect("a folder is named"))?;
            write(file.as_ref(), &last.picture(theme)?)?;
        }
    }
    Ok(())
}

fn write(file: &OsStr, text: &str) -> Result<()> {
    println!("{}", Path::new(file).display());
    fs::write(file, text).with_context(|| Path::new(file).display().to_string())
}

/// The page with that section between the marks.
fn between(page: &str, section: &str) -> Result<String> {
    let parts = page.split_once(MARKS[0]).and_then(|(head, rest)| Some((head, rest.split_once(MARKS[1])?.1)));
    let (head, tail) = parts.with_context(|| format!("the page lacks {} or {}", MARKS[0], MARKS[1]))?;
    Ok(format!("{head}{}\n{}\n{}{tail}", MARKS[0], section.trim_end(), MARKS[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_those_that_are_asked_for() {
        let asked = |arguments: &[&str]| peers(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(asked(&["--suite", "2d"]).is_empty());
        assert_eq!(asked(&["--peers", "numpy,jax", "--suite", "2d"]), ["jax"]);
        assert_eq!(asked(&["--peers=bottleneck, numexpr"]), ["numexpr", "bottleneck"]);
    }

    #[test]
    fn a_section_takes_the_place_of_the_one_before() {
        let page = format!("a\n{}\nold\n{}\nb\n", MARKS[0], MARKS[1]);
        let expected = format!("a\n{}\nnew\n{}\nb\n", MARKS[0], MARKS[1]);
        assert_eq!(between(&page, "new\n\n").unwrap(), expected);
        assert!(between("a\nb\n", "new").is_err());
    }
}
