//! What the comparison of raptors with `NumPy` found, for people: [a page of HTML](Run::page), [a picture](Run::picture)
//! and [a section of the documentation](section).
//!
//! All are made from the document that `python -m raptors compare --output-json` writes, which
//! `python/raptors/compare/schema.json` describes. And what a tournament found, from the document of `raptors tune`: [a
//! page](Tuning::page) and [a table](Tuning::csv). And what telemetry counted: [a page](Telemetry::page). Nothing is measured
//! or judged here.

mod chart;
mod page;
mod run;
mod section;
mod telemetry;
mod tune;

pub use chart::Theme;
pub use run::Run;
pub use section::section;
pub use telemetry::Telemetry;
pub use tune::Tuning;

/// Why something could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no document of the comparison, of a tournament, or of telemetry.
    #[error("no such document: {0}")]
    Document(#[from] serde_json::Error),
    /// The document is of another version.
    #[error("the document is `{found}`, and this reads `{reads}`")]
    Version {
        /// What it says it is.
        found: String,
        /// What would be read.
        reads: &'static str,
    },
    /// The picture could not be drawn.
    #[error("the picture: {0}")]
    Picture(String),
    /// The page could not be filled in.
    #[error("the page: {0:?}")]
    Page(#[from] tera::Error),
}

/// A document, if it is of that version.
fn read_document(text: &str, schema: &'static str) -> Result<serde_json::Value, Error> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    let found = value["schema"].as_str().unwrap_or_default();
    if found != schema {
        return Err(Error::Version { found: found.to_owned(), reads: schema });
    }
    Ok(value)
}
