//! The tournament's report in a browser: that it says nothing on the console, and that a case can be found and opened.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use raptors_report::Tuning;

use crate::{
    install::apt_install,
    run::{command, root, shown, target, version},
};

/// The name of the browser's program and of its package, in Debian.
const BROWSER: &str = "chromium";

/// Opens the page of a document that the tests of raptors-report read too.
pub(crate) fn report() -> Result<()> {
    match version(BROWSER) {
        Some(version) => println!("{version}"),
        None => apt_install(&[BROWSER])?,
    }
    let document = fs::read_to_string(root().join("raptors-report/tests/tune.json"))?;
    let folder = target().join("browser");
    fs::create_dir_all(&folder)?;
    let page = folder.join("tune.html");
    fs::write(&page, Tuning::read(&document)?.page()?)?;

    // Of two cases one is looked for, and the link is to it.
    let dom = opened(&format!("file://{}?find=L2+scale#mul_m_s-f32-avx2-l2-square", page.display()))?;
    let tag = |id: &str| {
        let (_, rest) = dom.split_once(&format!("<details id=\"{id}\""))?;
        rest.split_once('>').map(|(tag, _)| tag.to_owned())
    };
    let found = tag("mul_m_s-f32-avx2-l2-square").context("the page has lost a case")?;
    let other = tag("mul_m_s-f32-avx2-512x512").context("the page has lost a case")?;
    ensure!(found.contains(" open"), "the case that the link names is not open:{found}");
    ensure!(!found.contains(" hidden"), "the case that was looked for is hidden:{found}");
    ensure!(other.contains(" hidden") && !other.contains(" open"), "the other case is not hidden:{other}");
    Ok(())
}

/// The elements of a page once its script has run, which must have said nothing.
fn opened(address: &str) -> Result<String> {
    let mut browser =
        command(BROWSER, ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]);
    browser.args(["--dump-dom", address]);
    println!("$ {}", shown(&browser));
    let output = browser.output().context(BROWSER)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{BROWSER} ended with {}:\n{said}", output.status);
    let console: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    ensure!(console.is_empty(), "the page speaks on the console:\n{}", console.join("\n"));
    Ok(String::from_utf8(output.stdout)?)
}
