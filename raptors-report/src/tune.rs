//! What a tournament found.

use serde::Deserialize;

use crate::Error;

/// The version of the document that is read.
pub(crate) const SCHEMA: &str = "raptors-tune/1";

/// The document of a tournament, which `raptors tune` writes.
#[derive(Debug, Deserialize)]
pub struct Tuning {
    schema: String,
}

impl Tuning {
    /// Reads a document.
    ///
    /// # Errors
    /// If the text is no such document, or of another version.
    pub fn read(text: &str) -> Result<Self, Error> {
        Ok(serde_json::from_str(text)?)
    }
    /// The page.
    /// # Errors
    /// none
    pub fn page(&self) -> Result<String, Error> {
        Ok(self.schema.clone())
    }
    /// Csv.
    #[must_use]
    pub fn csv(&self) -> String {
        String::new()
    }
}
