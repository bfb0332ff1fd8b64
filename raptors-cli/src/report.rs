//! `raptors report`: what the last tournament found, as a page, as JSON or as CSV.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use raptors_report::Tuning;

/// The findings, from which everything else is made.
pub(crate) const DOCUMENT: &str = "tune.json";
/// The page.
#[cfg(feature = "tune")]
pub(crate) const PAGE: &str = "tune.html";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The document of a run, or the folder that has it; by default that of the last one
    run: Option<PathBuf>,
    /// Write the findings as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write a line for each candidate of each case as CSV
    #[arg(long)]
    csv: bool,
    /// Where to write the page; by default beside the document
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    page: Option<PathBuf>,
}

/// Where `cargo bench` leaves its report, in the repository.
pub(crate) fn in_repository() -> PathBuf {
    PathBuf::from("target/tune")
}

/// Where `raptors tune` leaves its report: in the folder of the user's caches.
pub(crate) fn of_user() -> anyhow::Result<PathBuf> {
    let set = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let folder = set.or_else(|| Some(env::home_dir()?.join(caches)));
    Ok(folder.context("there is no home folder: name a folder with --report")?.join("raptors"))
}

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> anyhow::Result<()> {
    let path = document(arguments.run.as_deref())?;
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let tuning = Tuning::read(&text).with_context(|| path.display().to_string())?;
    if arguments.json {
        write!(out, "{text}")?;
    } else if arguments.csv {
        write!(out, "{}", tuning.csv())?;
    } else {
        let page = arguments.page.clone().unwrap_or_else(|| path.with_extension("html"));
        fs::write(&page, tuning.page()?).with_context(|| page.display().to_string())?;
        writeln!(out, "{}", page.display())?;
    }
    Ok(())
}

/// The document that is meant.
fn document(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(if named.is_dir() { named.join(DOCUMENT) } else { named.to_owned() });
    }
    let folders = [Some(in_repository()), of_user().ok()];
    let found = folders.into_iter().flatten().map(|folder| folder.join(DOCUMENT)).find(|path| path.is_file());
    let Some(found) = found else {
        bail!("there is no report yet: `cargo bench` or `raptors tune` makes one");
    };
    Ok(found)
}

/// The page that shows a document.
#[cfg(feature = "tune")]
pub(crate) fn page(document: &str) -> anyhow::Result<String> {
    Ok(Tuning::read(document)?.page()?)
}
