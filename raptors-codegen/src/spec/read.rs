//! From TOML to the values of the fields: which fields there are, whether each holds the kind of value it is for.
//! What the values mean together is [`super::check`]'s concern.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{
    field::{Field, INPUT_KINDS, Kind, Numbers, Table},
    habits,
    model::InputKind,
    rule::Rule,
    word::{Form, Wrong},
};
use crate::{
    backends::{self, Backend},
    diagnostics::{Diagnostic, Lines, Source, either, nearest, shown},
};

/// A value and the bytes of the file that hold it.
pub(super) type At<T> = (T, Range<usize>);
/// An input's name, and its forms if they are right.
type Forms = (At<String>, Option<Vec<InputKind>>);
type Toml<'i> = toml::Spanned<DeValue<'i>>;

/// Collects what is wrong with one file.
pub(super) struct Sink<'s> {
    pub(super) source: &'s Source,
    pub(super) found: Vec<Diagnostic>,
    lines: Lines,
}

impl<'s> Sink<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, found: Vec::new(), lines: Lines::new(&source.text) }
    }

    /// Notes that a rule is broken; the caller adds label and fix.
    pub(super) fn report(
        &mut self,
        rule: Rule,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.found.push(Diagnostic::of_lines(
            &self.source.name,
            &self.lines,
            span,
            rule.id(),
            message.into(),
        ));
        self.found.last_mut().expect("just pushed")
    }
}

/// A string of the file.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// Without quotes and escapes.
    pub(super) value: String,
    /// With its quotes.
    pub(super) span: Range<usize>,
    /// Where its first byte stands in the file, if the file holds `value` as it is.
    start: Option<usize>,
}

impl Text {
    /// One that is all there is.
    pub(super) fn whole(value: &str) -> Self {
        Self { value: value.to_owned(), span: 0..value.len(), start: Some(0) }
    }

    fn new(source: &Source, value: &str, span: Range<usize>) -> Self {
        let raw = source.text.get(span.clone()).unwrap_or_default();
        let start = verbatim(raw, value).map(|start| span.start + start);
        Self { value: value.to_owned(), span, start }
    }

    /// Where in the file a part of the value stands; the whole string if it has escapes.
    pub(super) fn place(&self, part: &Range<usize>) -> Range<usize> {
        self.start.map_or_else(|| self.span.clone(), |start| start + part.start..start + part.end)
    }
}

impl Text {
    /// Where in the file a name first stands in an expression.
    pub(super) fn word(&self, name: &str) -> Option<Range<usize>> {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let stands = |(at, _): &(usize, &str)| {
            let (before, after) = (&self.value[..*at], &self.value[at + name.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        };
        let (at, _) = self.value.match_indices(name).find(stands)?;
        Some(self.place(&(at..at + name.len())))
    }
}

/// Where in a TOML string with its quotes the value begins, if no escape stands between.
fn verbatim(raw: &str, value: &str) -> Option<usize> {
    let (quotes, inner) = ["\"\"\"", "'''", "\"", "'"]
        .iter()
        .find_map(|quotes| Some((quotes, raw.strip_prefix(quotes)?.strip_suffix(quotes)?)))?;
    // The line break right after three quotes is not part of the value.
    let newline = match quotes.len() {
        3 if inner.starts_with("\r\n") => 2,
        3 if inner.starts_with('\n') => 1,
        _ => 0,
    };
    (&inner[newline..] == value).then_some(quotes.len() + newline)
}

/// What a field holds; [`Value::Bad`] if that was wrong and is reported.
#[derive(Debug)]
pub(super) enum Value {
    Text(Text),
    Word(usize),
    Words(Vec<At<usize>>),
    Numbers(Vec<At<usize>>),
    Forms(Vec<At<String>>),
    Pairs(Vec<At<(usize, usize)>>),
    Inputs(Vec<Forms>),
    Defaults(Vec<(At<String>, f64)>),
    Stages(Vec<(At<String>, Block)>),
    Outputs(Vec<(At<String>, Text)>),
    /// A backend and its routine, each with its place.
    Backends(Vec<(&'static Backend, &'static str, Range<usize>)>),
    Table(Block),
    States(Vec<(At<String>, Block)>),
    Bad,
}

/// A field that is there.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) field: &'static Field,
    /// The key's place.
    pub(super) key: Range<usize>,
    pub(super) value: Value,
}

/// A table that was read: its fields in the order written.
#[derive(Debug)]
pub(super) struct Block {
    /// The header's or the inline table's place.
    pub(super) span: Range<usize>,
    pub(super) entries: Vec<Entry>,
}

impl Block {
    /// The field of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.field.name == name)
    }

    /// A string field.
    pub(super) fn text(&self, name: &str) -> Option<&Text> {
        self.get(name).and_then(|entry| if let Value::Text(text) = &entry.value { Some(text) } else { None })
    }

    /// A field that is a list of words, as what they mean: `meanings` in the order of the words.
    pub(super) fn words<T: Copy>(&self, name: &str, meanings: &[T]) -> Option<Vec<At<T>>> {
        match &self.get(name)?.value {
            Value::Words(words) => {
                Some(words.iter().map(|(word, span)| (meanings[*word], span.clone())).collect())
            }
            _ => None,
        }
    }

    /// A table field.
    pub(super) fn table(&self, name: &str) -> Option<&Self> {
        self.get(name)
            .and_then(|entry| if let Value::Table(block) = &entry.value { Some(block) } else { None })
    }
}

/// Keys and values in the order written: a parsed table is sorted by name.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(At<&'t str>, &'t Toml<'i>)> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| ((key.get_ref().as_ref(), key.span()), value)).collect();
    entries.sort_by_key(|((_, span), _)| span.start);
    entries
}

/// Reads a table: unknown fields, missing fields, and each field's value.
pub(super) fn table(sink: &mut Sink<'_>, which: Table, span: Range<usize>, toml: &DeTable<'_>) -> Block {
    let mut entries = Vec::new();
    let mut meant = Vec::new();
    for ((name, key), toml) in in_order(toml) {
        if let Some(field) = Field::find(which, name) {
            let value = value(sink, field, toml).unwrap_or(Value::Bad);
            entries.push(Entry { field, key, value });
        } else {
            meant.extend(unknown_field(sink, which, name, &key));
        }
    }
    let block = Block { span, entries };
    // A field that was only misspelt is not missing as well.
    let missing = |field: &&Field| block.get(field.name).is_none() && !meant.contains(&field.name);
    for field in Field::of(which).filter(|field| field.required).filter(missing) {
        sink.report(
            Rule::MissingField,
            &block.span,
            format!("{} needs the field {}", which.name(), shown(field.name)),
        )
        .label(format!("{} is missing", shown(field.name)))
        .fix(format!("add `{}`", field.example));
    }
    block
}

/// Reports a field that is not one; gives the one that was probably meant.
fn unknown_field(sink: &mut Sink<'_>, which: Table, name: &str, key: &Range<usize>) -> Option<&'static str> {
    let known = Field::of(which).map(|field| field.name);
    let elsewhere = Table::ALL.into_iter().find(|other| Field::find(*other, name).is_some());
    let near = nearest(name, known.clone());
    let message = format!("{} has no field {}", which.name(), shown(name));
    let diagnostic = sink.report(Rule::UnknownField, key, message);
    match (elsewhere, near) {
        (Some(other), _) => {
            let fix = format!("{} is a field of {}: move it there", shown(name), other.name());
            diagnostic.label("not here").fix(fix);
            None
        }
        (None, Some(near)) => {
            diagnostic.label(format!("did you mean {}?", shown(near))).fix(format!("write {}", shown(near)));
            Some(near)
        }
        (None, None) => {
            diagnostic.label("no such field").fix(format!("remove it, or use {}", either(known)));
            None
        }
    }
}

/// Says that a field holds a value of another type; always `None`.
fn wrong_type<T>(sink: &mut Sink<'_>, field: &Field, toml: &Toml<'_>, needed: &str) -> Option<T> {
    let found = match toml.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    sink.report(Rule::WrongType, &toml.span(), format!("{} needs {needed}, not {found}", shown(field.name)))
        .label(format!("this is {found}"))
        .fix(format!("write, for example, `{}`", field.example));
    None
}

fn value(sink: &mut Sink<'_>, field: &'static Field, toml: &Toml<'_>) -> Option<Value> {
    match field.kind {
        Kind::Sentence | Kind::Expression | Kind::Numpy => match toml.get_ref().as_str() {
            Some(text) => Some(Value::Text(Text::new(sink.source, text, toml.span()))),
            None => wrong_type(sink, field, toml, "a string"),
        },
        Kind::Word(words) => word(sink, field, words, toml).map(Value::Word),
        Kind::Words(words) => {
            list(sink, field, toml, "a list of words", |sink, item| word(sink, field, words, item))
                .map(Value::Words)
        }
        Kind::Numbers(numbers) => list(sink, field, toml, "a list of whole numbers", |sink, item| {
            number(sink, field, numbers, item)
        })
        .map(Value::Numbers),
        Kind::Forms(form) => {
            list(sink, field, toml, "a list of words", |sink, item| form_word(sink, field, form, item))
                .map(Value::Forms)
        }
        Kind::Pairs(numbers) => {
            let needed = "a list of pairs of whole numbers";
            list(sink, field, toml, needed, |sink, item| pair(sink, field, numbers, item)).map(Value::Pairs)
        }
        Kind::Inputs => inputs(sink, field, toml).map(Value::Inputs),
        Kind::Table(which) => match toml.get_ref().as_table() {
            Some(found) => Some(Value::Table(table(sink, which, toml.span(), found))),
            None => wrong_type(sink, field, toml, "a table"),
        },
        Kind::States => {
            let example = "total = { init = \"0\", step = \"total + x\", merge = \"a.total + b.total\" }";
            tables(sink, field, toml, (Table::State, "a state needs a field", example)).map(Value::States)
        }
        Kind::Stages => {
            let example = "mean = { of = \"x\", combine = \"add\", finish = \"acc / count\" }";
            tables(sink, field, toml, (Table::Stage, "there is no stage", example)).map(Value::Stages)
        }
        Kind::Defaults => defaults(sink, field, toml).map(Value::Defaults),
        Kind::Outputs => outputs(sink, field, toml).map(Value::Outputs),
        Kind::Backends => backends(sink, field, toml).map(Value::Backends),
    }
}

/// Reads a list: not empty, each item by `read`, none twice. Items that are wrong are left out.
fn list<T: PartialEq>(
    sink: &mut Sink<'_>,
    field: &Field,
    toml: &Toml<'_>,
    needed: &str,
    mut read: impl FnMut(&mut Sink<'_>, &Toml<'_>) -> Option<T>,
) -> Option<Vec<At<T>>> {
    let Some(items) = toml.get_ref().as_array() else { return wrong_type(sink, field, toml, needed) };
    if items.is_empty() {
        sink.report(Rule::EmptyList, &toml.span(), format!("the list {} is empty", shown(field.name)))
            .label("nothing in it")
            .fix(if field.required {
                format!("write, for example, `{}`", field.example)
            } else {
                format!("leave {} out, or write, for example, `{}`", shown(field.name), field.example)
            });
        return None;
    }
    let mut values: Vec<At<T>> = Vec::new();
    let mut complete = true;
    for item in items {
        let Some(value) = read(sink, item) else {
            complete = false;
            continue;
        };
        if values.iter().any(|(other, _)| *other == value) {
            repeated(sink, field.name, &item.span());
        } else {
            values.push((value, item.span()));
        }
    }
    complete.then_some(values)
}

/// Reports a value that its list already has.
pub(super) fn repeated(sink: &mut Sink<'_>, field: &str, span: &Range<usize>) {
    let text = sink.source.text.get(span.clone()).unwrap_or_default();
    let message = format!("{} lists {} twice", shown(field), shown(text));
    sink.report(Rule::RepeatedValue, span, message).label("listed before").fix("remove it");
}

/// One of some words, as its index.
fn word(sink: &mut Sink<'_>, field: &Field, words: &[&str], toml: &Toml<'_>) -> Option<usize> {
    let Some(text) = toml.get_ref().as_str() else {
        // `axes = [0]`: the word, without its quotes.
        let raw = sink.source.text.get(toml.span()).unwrap_or_default();
        let quoted = words.contains(&raw).then(|| format!("write it in quotes: `\"{raw}\"`"));
        wrong_type::<()>(sink, field, toml, "a word in quotes");
        if let (Some(quoted), Some(last)) = (quoted, sink.found.last_mut()) {
            last.fix(quoted);
        }
        return None;
    };
    let index = words.iter().position(|word| *word == text);
    if index.is_none() {
        unknown_value(sink, field, text, words, &toml.span());
    }
    index
}

fn unknown_value(sink: &mut Sink<'_>, field: &Field, text: &str, words: &[&str], span: &Range<usize>) {
    let near = nearest(text, words.iter().copied());
    let what = if matches!(field.kind, Kind::Inputs) { "an input".to_owned() } else { shown(field.name) };
    let message = format!("{what} cannot be {}", shown(text));
    if field.name == "dtypes"
        && let Some((label, fix)) = habits::dtype(text)
    {
        sink.report(Rule::UnknownValue, span, message).label(label).fix(fix);
        return;
    }
    let near = near.or_else(|| habits::combine(text).filter(|_| field.name == "combine"));
    let label =
        near.map_or_else(|| "not one it knows".to_owned(), |near| format!("did you mean {}?", shown(near)));
    sink.report(Rule::UnknownValue, span, message)
        .label(label)
        .fix(format!("write {}", either(words.iter().copied())));
}

/// A whole number in range.
fn number(sink: &mut Sink<'_>, field: &Field, numbers: Numbers, toml: &Toml<'_>) -> Option<usize> {
    let Some(integer) = toml.get_ref().as_integer() else {
        return wrong_type(sink, field, toml, "whole numbers");
    };
    let number = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
    let allowed = number.filter(|number| numbers.allow(*number));
    if allowed.is_none() {
        let message = format!("{} cannot be {}", shown(field.name), shown(&integer.to_string()));
        sink.report(Rule::OutOfRange, &toml.span(), message)
            .label("out of range")
            .fix(format!("write {}", numbers.range()));
    }
    allowed
}

/// A word of a form.
fn form_word(sink: &mut Sink<'_>, field: &Field, form: &Form, toml: &Toml<'_>) -> Option<String> {
    let Some(text) = toml.get_ref().as_str() else {
        return wrong_type(sink, field, toml, "words in quotes");
    };
    let (rule, label, fix) = match (form.check)(text) {
        Ok(()) => return Some(text.to_owned()),
        Err(Wrong::Form) => (
            Rule::UnknownValue,
            "not of its form",
            format!("write `{}`, or in the form of `{}`", form.alone, form.others),
        ),
        Err(Wrong::Range) => (Rule::OutOfRange, "out of range", form.limits.to_owned()),
    };
    let message = format!("{} cannot be {}", shown(field.name), shown(text));
    sink.report(rule, &toml.span(), message).label(label).fix(fix);
    None
}

/// `[rows, columns]`.
fn pair(sink: &mut Sink<'_>, field: &Field, numbers: Numbers, toml: &Toml<'_>) -> Option<(usize, usize)> {
    match toml.get_ref().as_array().map(|items| items.iter().collect::<Vec<_>>()).as_deref() {
        Some([rows, columns]) => {
            let (rows, columns) = (number(sink, field, numbers, rows), number(sink, field, numbers, columns));
            Some((rows?, columns?))
        }
        Some(items) => {
            let message =
                format!("{} needs rows and columns, not {} numbers", shown(field.name), items.len());
            sink.report(Rule::WrongType, &toml.span(), message)
                .label("not a pair")
                .fix(format!("write, for example, `{}`", field.example));
            None
        }
        None => wrong_type(sink, field, toml, "pairs of whole numbers"),
    }
}

/// Names with their kinds. A kind that is wrong is reported and left open, so that the name stays known.
fn inputs(sink: &mut Sink<'_>, field: &Field, toml: &Toml<'_>) -> Option<Vec<Forms>> {
    let Some(found) = toml.get_ref().as_table() else {
        return wrong_type(sink, field, toml, "a table of names");
    };
    if found.is_empty() {
        sink.report(Rule::EmptyList, &toml.span(), "an operation needs an input")
            .label("nothing in it")
            .fix(format!("write, for example, `{}`", field.example));
        return None;
    }
    let mut inputs = Vec::new();
    for ((name, key), toml) in in_order(found) {
        let kind = |index: usize| InputKind::ALL[index];
        let kinds = if toml.get_ref().is_array() {
            let kinds = list(sink, field, toml, "a kind of input, or a list of kinds", |sink, item| {
                word(sink, field, &INPUT_KINDS, item)
            });
            kinds.map(|kinds| kinds.into_iter().map(|(index, _)| kind(index)).collect())
        } else {
            word(sink, field, &INPUT_KINDS, toml).map(|index| vec![kind(index)])
        };
        inputs.push(((name.to_owned(), key), kinds));
    }
    Some(inputs)
}

/// Names with a number each.
fn defaults(sink: &mut Sink<'_>, field: &Field, toml: &Toml<'_>) -> Option<Vec<(At<String>, f64)>> {
    let Some(found) = toml.get_ref().as_table() else {
        return wrong_type(sink, field, toml, "a table of names");
    };
    let mut defaults = Vec::new();
    for ((name, key), toml) in in_order(found) {
        let value = match toml.get_ref() {
            #[expect(clippy::cast_precision_loss, reason = "a number as any other is")]
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
            }
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => None,
        };
        match value {
            Some(value) => defaults.push(((name.to_owned(), key), value)),
            None => return wrong_type(sink, field, toml, "a number for each name"),
        }
    }
    Some(defaults)
}

/// Names with an expression each.
fn outputs(sink: &mut Sink<'_>, field: &Field, toml: &Toml<'_>) -> Option<Vec<(At<String>, Text)>> {
    let Some(found) = toml.get_ref().as_table() else {
        return wrong_type(sink, field, toml, "a table of names");
    };
    let mut outputs = Vec::new();
    for ((name, key), toml) in in_order(found) {
        let Some(text) = toml.get_ref().as_str() else {
            return wrong_type(sink, field, toml, "an expression for each name");
        };
        outputs.push(((name.to_owned(), key), Text::new(sink.source, text, toml.span())));
    }
    Some(outputs)
}

/// Names with a table each: the fields of a state, or stages.
fn tables(
    sink: &mut Sink<'_>,
    field: &Field,
    toml: &Toml<'_>,
    (which, none, example): (Table, &str, &str),
) -> Option<Vec<(At<String>, Block)>> {
    let Some(found) = toml.get_ref().as_table() else {
        return wrong_type(sink, field, toml, "a table of fields");
    };
    if found.is_empty() {
        sink.report(Rule::EmptyList, &toml.span(), none)
            .label("nothing in it")
            .fix(format!("write, for example, `{example}`"));
        return None;
    }
    let mut tables = Vec::new();
    let mut complete = true;
    for ((name, key), toml) in in_order(found) {
        if let Some(found) = toml.get_ref().as_table() {
            tables.push(((name.to_owned(), key), table(sink, which, toml.span(), found)));
        } else {
            complete = false;
            wrong_type::<()>(sink, field, toml, "a table for each of its fields");
            if let Some(last) = sink.found.last_mut() {
                last.fix(format!("write, for example, `{example}`"));
            }
        }
    }
    complete.then_some(tables)
}

/// Backends with a routine each, or a list of them.
fn backends(
    sink: &mut Sink<'_>,
    field: &Field,
    toml: &Toml<'_>,
) -> Option<Vec<(&'static Backend, &'static str, Range<usize>)>> {
    let Some(found) = toml.get_ref().as_table() else {
        return wrong_type(sink, field, toml, "a table of backends");
    };
    if found.is_empty() {
        sink.report(Rule::EmptyList, &toml.span(), "no backend is listed")
            .label("nothing in it")
            .fix(format!("leave `backends` out, or write, for example, `{}`", field.example));
        return None;
    }
    let mut listed = Vec::new();
    let mut complete = true;
    for ((name, key), toml) in in_order(found) {
        let Some(backend) = Backend::named(name) else {
            complete = false;
            unknown_value(sink, field, name, &backends::ALL.map(|backend| backend.name), &key);
            continue;
        };
        let words = backend.words();
        let routines = if toml.get_ref().is_array() {
            list(sink, field, toml, "a routine, or a list of routines", |sink, item| {
                word(sink, field, &words, item)
            })
        } else {
            word(sink, field, &words, toml).map(|at| vec![(at, toml.span())])
        };
        complete &= routines.is_some();
        listed.extend(routines.into_iter().flatten().map(|(at, span)| (backend, words[at], span)));
    }
    complete.then_some(listed)
}
