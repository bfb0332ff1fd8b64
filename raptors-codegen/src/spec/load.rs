//! From files to specs: the stage as a whole.

use std::{collections::BTreeMap, fs, io, ops::Range, path::Path};

use toml::de::DeTable;

use super::{
    check::{self, Checked},
    field::Table,
    invisible,
    model::Spec,
    name::FUNCTION_ENDS,
    read::{self, Sink},
    rule::Rule,
};
use crate::{
    diagnostics::{Diagnostic, Diagnostics, Source, shown},
    op::camel,
};

/// Bytes of a spec file.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// Reads and checks spec files. The specs come sorted by name.
///
/// # Errors
/// Everything that is wrong with any of the files, at once.
pub fn load(sources: &[Source]) -> Result<Vec<Spec>, Diagnostics> {
    let mut found = Vec::new();
    let mut specs = Vec::new();
    let mut made = Made::default();
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    for source in sorted {
        let mut sink = Sink::new(source);
        if let Some(checked) = one(&mut sink) {
            for (operation, span) in &checked.operations {
                made.add(&mut sink, operation, span);
            }
            specs.extend(checked.specs);
        }
        found.append(&mut sink.found);
    }
    if !found.is_empty() {
        return Err(Diagnostics::new(found));
    }
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(specs)
}

/// What the files so far make: each function in Rust, by the name of its type (`add2` and `add_2` are one type), with the
/// operation that it is of, and that one's file.
#[derive(Default)]
struct Made(BTreeMap<String, (String, String)>);

impl Made {
    /// Adds an operation, or reports what another has already: its name, or a function such as `scale_into`.
    fn add(&mut self, sink: &mut Sink<'_>, operation: &str, span: &Range<usize>) {
        let functions = FUNCTION_ENDS.map(|end| format!("{operation}{end}"));
        let taken = functions.iter().find_map(|function| Some((function, self.0.get(&camel(function))?)));
        let Some((function, (other, file))) = taken else {
            let of = (operation.to_owned(), sink.source.name.clone());
            self.0.extend(functions.iter().map(|function| (camel(function), of.clone())));
            return;
        };
        let rule = Rule::DuplicateOperation;
        if camel(other) == camel(operation) {
            sink.report(rule, span, format!("two specs make the operation {}", shown(operation)))
                .label(format!("also made by {file}"))
                .fix("rename one of the files, or make the operation in one of them only");
        } else {
            sink.report(rule, span, format!("two operations have the function {}", shown(function)))
                .label(format!("{} of {file} has it, too", shown(other)))
                .fix(
                    "rename one of the files: an operation `x` has functions such as `x_into`, `x_inplace` and \
                     `x_with`",
                );
        }
    }
}

/// Reads and checks one file; `None` if it is no TOML.
fn one(sink: &mut Sink<'_>) -> Option<Checked> {
    let source = sink.source;
    if let Some(unreadable) = source.unreadable() {
        sink.found.push(unreadable);
        return None;
    }
    let text = source.text.as_str();
    if text.len() > MOST_BYTES {
        sink.report(Rule::FileTooLarge, &(0..0), format!("the file has {} bytes", text.len()))
            .label(format!("the limit is {MOST_BYTES} bytes"))
            .fix("a spec states one operation: write one file each");
        return None;
    }
    if let Some(at) = text.find(char::REPLACEMENT_CHARACTER) {
        let one = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
        sink.report(Rule::NotUtf8, &one, "the file is not UTF-8")
            .label("this was no character")
            .fix("save the file as UTF-8");
        return None;
    }
    invisible::check_file(sink);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut readable = true;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        if error.message() == "duplicate key" {
            let name = text.get(span.clone()).unwrap_or_default();
            sink.report(Rule::DuplicateField, &span, format!("{} is given twice", shown(name)))
                .label("given before")
                .fix("keep one of the two");
        } else {
            readable = false;
            syntax(sink, &span, error.message());
        }
    }
    // What is left of a file with a broken line would only give errors that the first one causes.
    readable.then(|| {
        // Where the file's own fields begin: what is missing among them is reported there.
        let first = table.get_ref().keys().map(|key| key.span().start).min().unwrap_or(0);
        let start = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let block = read::table(sink, Table::Spec, start..start, table.get_ref());
        check::spec(sink, &block)
    })
}

/// A TOML error in the parser's words: what is wrong, and what it expected.
fn syntax(sink: &mut Sink<'_>, span: &Range<usize>, message: &str) {
    let (message, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let known = |found: &&Diagnostic| found.rule == Rule::TomlSyntax.id() && found.span == *span;
    if sink.found.iter().rev().take(8).any(|found| known(&found)) {
        return;
    }
    let text = sink.source.text.as_str();
    let no_value = text.get(..span.start).is_some_and(|before| before.trim_end_matches(' ').ends_with('='));
    let control =
        text.get(span.clone()).is_some_and(|text| text.starts_with(|c: char| c.is_control() && c != '\n'));
    let (message, fix) = match (message, expected) {
        _ if control => {
            ("a control character", "remove it, or write it in a string as `\\u` and four digits".to_owned())
        }
        _ if no_value && span.is_empty() => ("a value is missing", "write a value after `=`".to_owned()),
        ("string values must be quoted", _) => (message, "write it in quotes".to_owned()),
        (_, "") => (message, "see the shipped specs for how a file looks".to_owned()),
        (_, expected) => (message, format!("expected here: {expected}")),
    };
    sink.report(Rule::TomlSyntax, span, format!("this is not TOML: {message}")).label("here").fix(fix);
}

/// Reads the spec files of a folder, `*.toml`, sorted by name. `shown_as` is the folder's name in messages.
///
/// Hidden files are left out: editors and systems keep theirs there. Neither a file that cannot be read nor bytes that
/// are no UTF-8 stop it: [`load`] reports them.
///
/// # Errors
/// If the folder cannot be read; the error names it.
pub fn load_dir(dir: &Path, shown_as: &str) -> io::Result<Vec<Source>> {
    let named = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
    };
    let mut sources = Vec::new();
    for entry in fs::read_dir(dir).map_err(named(dir))? {
        let path = entry.map_err(named(dir))?.path();
        if path.extension().is_none_or(|extension| extension != "toml") || path.is_dir() {
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if file.starts_with('.') {
            continue;
        }
        let name = format!("{}/{file}", shown_as.trim_end_matches('/'));
        sources.push(match text(&path) {
            Ok(text) => Source { name, text },
            Err(why) => Source::not_read(name, &why),
        });
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

/// The text of a file, or why it cannot be read.
fn text(path: &Path) -> Result<String, String> {
    let why = |error: &io::Error| match (error.kind(), fs::read_link(path)) {
        (io::ErrorKind::NotFound, Ok(to)) => {
            format!("it is a symbolic link to {}, which is not there", shown(&to.to_string_lossy()))
        }
        (kind, _) => kind.to_string(),
    };
    // A pipe would be waited for.
    if !fs::metadata(path).map_err(|error| why(&error))?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| why(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lays specs over others: one of `extra` replaces that of the same file name in `base`, or is added.
#[must_use]
pub fn overlay(base: Vec<Source>, extra: Vec<Source>) -> Vec<Source> {
    let mut all: Vec<Source> =
        base.into_iter().filter(|source| !extra.iter().any(|other| other.stem() == source.stem())).collect();
    all.extend(extra);
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}
