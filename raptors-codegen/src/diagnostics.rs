//! What is wrong with the files that were read, and where: all of it at once, sorted, each with its place and a fix.

use std::{borrow::Cow, error::Error, fmt, ops::Range, sync::Arc};

use crate::spec::Rule;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text file, under the name that messages and generated code give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As people see it: `kernel-specs/ops/scale.toml`.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

/// What the text of a [`Source`] begins with if its file could not be read: no text of TOML does.
const NOT_READ: &str = "\0not read: ";

impl Source {
    /// The file name without folders and without `.toml`: `scale`.
    #[must_use]
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit(['/', '\\']).next().unwrap_or_default();
        file.strip_suffix(".toml").unwrap_or(file)
    }

    /// In the place of a file that could not be read.
    pub(crate) fn not_read(name: String, why: &str) -> Self {
        Self { name, text: format!("{NOT_READ}{why}") }
    }

    /// That the file could not be read, and why, if that is so.
    pub(crate) fn unreadable(&self) -> Option<Diagnostic> {
        let why = self.text.strip_prefix(NOT_READ)?;
        let empty = Self { name: self.name.clone(), text: String::new() };
        let mut diagnostic =
            Diagnostic::new(&empty, 0..0, Rule::Unreadable.id(), format!("the file cannot be read: {why}"));
        diagnostic.label("no text").fix("make it a file that can be read, or remove it");
        Some(diagnostic)
    }

    /// Line and column of a byte offset, both from 1; the column counts characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        Lines::new(&self.text).position(offset)
    }
}

/// A text whose lines are counted once, so that ten thousand errors are placed as fast as they are found.
pub(crate) struct Lines {
    text: Arc<str>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Self { text: Arc::from(text), starts }
    }

    /// Line and column of a byte offset, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        (line, self.text[self.starts[line - 1]..offset].chars().count() + 1)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as its [`Source`] names it.
    pub file: String,
    /// Bytes of the file's text that are meant; empty where something is missing.
    pub span: Range<usize>,
    /// Line of the span's start, from 1.
    pub line: usize,
    /// Column of the span's start in characters, from 1.
    pub col: usize,
    /// Id of the rule that is broken: `unknown-field`.
    pub rule: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What stands beside the marked text; may be empty.
    pub label: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// The file's whole text.
    text: Arc<str>,
}

impl Diagnostic {
    /// A diagnostic at a place of a file. A span that does not lie within the text is cut to it.
    #[must_use]
    pub fn new(source: &Source, span: Range<usize>, rule: &'static str, message: impl Into<String>) -> Self {
        Self::of_lines(&source.name, &Lines::new(&source.text), &span, rule, message.into())
    }

    /// As [`Diagnostic::new`], for many of one file.
    pub(crate) fn of_lines(
        file: &str,
        lines: &Lines,
        span: &Range<usize>,
        rule: &'static str,
        message: String,
    ) -> Self {
        let span = within(&lines.text, span);
        let (line, col) = lines.position(span.start);
        let text = Arc::clone(&lines.text);
        Self { file: file.to_owned(), span, line, col, rule, message, label: String::new(), fix: None, text }
    }

    /// Sets what stands beside the marked text.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Sets what to do about it.
    pub fn fix(&mut self, fix: impl Into<String>) -> &mut Self {
        self.fix = Some(fix.into());
        self
    }

    /// The text that is shown: message, place, the lines that are marked, and the fix.
    fn render(&self) -> String {
        let (text, span) = (&*self.text, within(&self.text, &self.span));
        // Only the lines that are marked, so that the cost of one excerpt does not grow with the file.
        let from = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let to = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
        let to = if text[span.end..to].ends_with('\r') { to - 1 } else { to };
        let marked = AnnotationKind::Primary.span(span.start - from..span.end - from);
        let marked = if self.label.is_empty() { marked } else { marked.label(self.label.as_str()) };
        let snippet = Snippet::source(&text[from..to])
            .path(self.file.as_str())
            .line_start(self.line)
            .annotation(marked);
        let head = "error[]: ".len() + self.rule.len();
        let title = Level::ERROR.primary_title(wrap(&self.message, WIDTH - head)).id(self.rule);
        let mut report = vec![title.element(snippet)];
        if let Some(fix) = &self.fix {
            let fix = wrap(fix, WIDTH - "help: ".len());
            report.push(Group::with_title(Level::HELP.secondary_title(fix)));
        }
        Renderer::plain().term_width(WIDTH).render(&report)
    }
}

/// Everything that is wrong, sorted by file and place. Its `Display` is what a person reads, without colour and for
/// 80 columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

/// Columns that a shown diagnostic keeps to where it can: long words and paths are not cut.
const WIDTH: usize = 80;

/// Diagnostics of one file that are shown; of more, the number. All are in the data.
const SHOWN_PER_FILE: usize = 50;

impl Diagnostics {
    /// Sorts the diagnostics. The same finding twice counts once.
    #[must_use]
    pub fn new(mut all: Vec<Diagnostic>) -> Self {
        fn key(d: &Diagnostic) -> (&str, usize, usize, &str, &str) {
            (&d.file, d.span.start, d.span.end, d.rule, &d.message)
        }
        all.sort_by(|a, b| key(a).cmp(&key(b)));
        all.dedup_by(|a, b| key(a) == key(b));
        Self(all)
    }

    /// The diagnostics, sorted by file and place.
    #[must_use]
    pub fn all(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, of_file) in self.0.chunk_by(|a, b| a.file == b.file).enumerate() {
            for (number, diagnostic) in of_file.iter().take(SHOWN_PER_FILE).enumerate() {
                if index + number > 0 {
                    writeln!(f)?;
                }
                writeln!(f, "{}", diagnostic.render())?;
            }
            if of_file.len() > SHOWN_PER_FILE {
                let file = &of_file[0].file;
                writeln!(f, "\n{file}: {} more errors are not shown", of_file.len() - SHOWN_PER_FILE)?;
            }
        }
        Ok(())
    }
}

impl Error for Diagnostics {}

/// A name out of a file, as a message can show it: in backticks, without control characters, not too long.
pub(crate) fn shown(name: &str) -> String {
    const LONGEST: usize = 40;
    let mut text: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    // `escape_debug` is meant for literals; quotes stand for themselves here.
    format!("`{}`", text.replace("\\\"", "\"").replace("\\'", "'"))
}

/// Names that a misspelt one is compared with, and that a message lists: no spec that a person wrote has more.
const SUGGESTED_FROM: usize = 32;

/// The candidate that `name` was probably meant to be.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .take(SUGGESTED_FROM)
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        // A third of the letters may differ; a name of one or two letters is near to nothing of its length.
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`.
pub(crate) fn either<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().take(SUGGESTED_FROM).map(shown).collect();
    match names.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Breaks a text into lines at spaces; no line is longer than `width` unless a word is.
fn wrap(text: &str, width: usize) -> Cow<'_, str> {
    if text.chars().count() <= width {
        return Cow::Borrowed(text);
    }
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push('\n');
            used = 0;
        } else if used > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    Cow::Owned(lines)
}

/// The span cut to the text, and to its character boundaries.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.floor_char_boundary(span.end.max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source { name: "kernel-specs/ops/scale.toml".into(), text: "a\r\nµx\n".into() };
        assert_eq!(source.stem(), "scale");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(5), (2, 2));
        assert_eq!(source.position(4), (2, 1), "inside a character is at its start");
        assert_eq!(source.position(99), (3, 1));
    }

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(nearest("factr", ["x", "factor"]), Some("factor"));
        assert_eq!(nearest("Factor", ["x", "factor"]), Some("factor"));
        assert_eq!(nearest("mx", ["x", "min", "max"]), Some("max"));
        assert_eq!(nearest("y", ["x", "factor"]), None);
        assert_eq!(nearest("alpha", ["x", "factor"]), None);
    }

    #[test]
    fn names_are_shown_without_control_characters() {
        assert_eq!(shown("a\nb"), "`a\\nb`");
        assert_eq!(shown("it's"), "`it's`");
        assert_eq!(shown(&"x".repeat(50)), format!("`{}…`", "x".repeat(40)));
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("one", 7), "one");
        assert_eq!(wrap("incomprehensible to me", 7), "incomprehensible\nto me");
    }

    #[test]
    fn a_span_outside_the_text_is_cut_to_it() {
        let source = Source { name: "a.toml".into(), text: "µ".into() };
        assert_eq!(Diagnostic::new(&source, 1..9, "r", "m").span, 0..2);
    }

    #[test]
    fn more_errors_than_a_person_reads_are_counted() {
        let source = Source { name: "a.toml".into(), text: "x".repeat(60) };
        let all = (0..60).map(|at| Diagnostic::new(&source, at..at + 1, "r", "m")).collect();
        let text = Diagnostics::new(all).to_string();
        assert_eq!(text.matches("error[r]").count(), SHOWN_PER_FILE);
        assert!(text.ends_with("a.toml: 10 more errors are not shown\n"), "{text}");
    }
}
