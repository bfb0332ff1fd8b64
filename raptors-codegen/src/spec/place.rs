//! Where in its file a value of a spec stands, for the stages after the checks.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Diagnostic, Source, Spec};

impl Diagnostic {
    /// A diagnostic at a value of a spec. The path is keys and, within a list, an index: `["variants", "unroll", "2"]`.
    /// What the file does not have is placed at the last part of the path that it has.
    #[must_use]
    pub fn in_spec(
        spec: &Spec,
        path: &[&str],
        rule: &'static str,
        message: impl Into<String>,
        label: &str,
        fix: Option<String>,
    ) -> Self {
        let source = Source { name: spec.file.clone(), text: spec.text.clone() };
        let mut diagnostic = Self::new(&source, place(&spec.text, path), rule, message);
        diagnostic.label(label);
        diagnostic.fix = fix;
        diagnostic
    }
}

/// The bytes of a key, or of an item of a list.
pub(crate) fn place(text: &str, path: &[&str]) -> Range<usize> {
    let (file, _) = DeTable::parse_recoverable(text);
    let file = toml::Spanned::new(0..text.len(), DeValue::Table(file.into_inner()));
    let (mut value, mut span) = (&file, 0..0);
    for part in path {
        let found = match value.get_ref() {
            DeValue::Table(table) => {
                table.iter().find(|(key, _)| key.get_ref() == part).map(|(key, value)| (key.span(), value))
            }
            DeValue::Array(items) => {
                part.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item.span(), item))
            }
            _ => None,
        };
        let Some((at, inner)) = found else { break };
        (span, value) = (at, inner);
    }
    span
}
