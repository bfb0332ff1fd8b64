//! The field table as a JSON schema, for editors, and as a Markdown table, for people.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{
    field::{Field, INPUT_KINDS, Kind, Numbers, Table},
    word::Form,
};

/// The JSON schema of spec files (draft 2020-12), as `kernel-specs/schema.json` holds it: with it, editors complete
/// and check specs. It states the fields and their values; what they mean together only [`super::load`] checks.
#[must_use]
pub fn schema() -> String {
    let mut root = table(Table::Spec);
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("title", json!("A raptors kernel spec")),
        (
            "description",
            json!(
                "What an operation computes, its variants and its target shapes. The file's name is the operation's."
            ),
        ),
        (
            "oneOf",
            json!([
                { "required": ["output"], "not": { "required": ["reduce"] } },
                { "required": ["reduce"], "not": { "required": ["output"] } },
                {
                    "required": ["output", "reduce"],
                    "properties": { "reduce": { "required": ["stages"] } },
                },
            ]),
        ),
    ];
    for (key, value) in head {
        root.insert(key.to_owned(), value);
    }
    let mut text = serde_json::to_string_pretty(&sorted(Value::Object(root))).unwrap_or_default();
    text.push('\n');
    text
}

/// With keys in alphabetical order, however `serde_json` is built: another crate may ask it for the order of insertion.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> =
                object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn table(which: Table) -> Map<String, Value> {
    let properties: Map<String, Value> =
        Field::of(which).map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> =
        Field::of(which).filter(|field| field.required).map(|field| field.name).collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("additionalProperties".to_owned(), json!(false));
    object.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

fn property(field: &Field) -> Value {
    let list = |items: Value| json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": items });
    let mut value = match field.kind {
        Kind::Sentence => json!({ "type": "string", "pattern": "\\.$" }),
        Kind::Expression | Kind::Numpy => json!({ "type": "string", "minLength": 1 }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Words(words) => list(json!({ "enum": words })),
        Kind::Numbers(numbers) => list(integer(numbers)),
        Kind::Forms(form) => list(word(form)),
        Kind::Pairs(numbers) => {
            list(json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": integer(numbers) }))
        }
        Kind::Inputs => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$" },
            "additionalProperties": { "anyOf": [{ "enum": INPUT_KINDS }, list(json!({ "enum": INPUT_KINDS }))] },
        }),
        Kind::Backends => {
            let of = |backend: &&crate::backends::Backend| {
                let words = json!({ "enum": backend.words() });
                (backend.name.to_owned(), json!({ "anyOf": [words, list(words.clone())] }))
            };
            let properties: Map<String, Value> = crate::backends::ALL.iter().map(of).collect();
            json!({
                "type": "object",
                "minProperties": 1,
                "additionalProperties": false,
                "properties": properties,
            })
        }
        Kind::Defaults => json!({ "type": "object", "additionalProperties": { "type": "number" } }),
        Kind::Outputs => json!({
            "type": "object",
            "minProperties": 2,
            "additionalProperties": { "type": "string", "minLength": 1 },
        }),
        Kind::Table(which) => Value::Object(table(which)),
        Kind::States => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": table(Table::State),
        }),
        Kind::Stages => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": table(Table::Stage),
        }),
    };
    if let Value::Object(object) = &mut value {
        object.insert("description".to_owned(), json!(field.doc));
    }
    value
}

fn integer(numbers: Numbers) -> Value {
    if numbers.powers_of_two {
        let powers: Vec<usize> =
            (numbers.min..=numbers.max).filter(|number| numbers.allow(*number)).collect();
        json!({ "enum": powers })
    } else {
        json!({ "type": "integer", "minimum": numbers.min, "maximum": numbers.max })
    }
}

fn word(form: &Form) -> Value {
    json!({ "type": "string", "anyOf": [{ "const": form.alone }, { "pattern": form.pattern }] })
}

/// The field table in Markdown, as the docs of [`super`] hold it.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for (which, title, serves) in [
        (Table::Spec, "The file", true),
        (Table::Reduce, "`[reduce]`", false),
        (Table::State, "A field of `[reduce.state]`", false),
        (Table::Stage, "A stage of `[reduce.stages]`", false),
        (Table::Variants, "`[variants]`", true),
        (Table::Tasks, "`[tasks]`", false),
        (Table::Shapes, "`[shapes]`", false),
    ] {
        let (head, rule) = if serves { (" for |", "---|") } else { ("", "") };
        let gap = if text.is_empty() { "" } else { "\n" };
        writeln!(text, "{gap}{title}\n\n| field |{head} what it says | for example |\n|---|{rule}---|---|")
            .expect("a String");
        for field in Field::of(which) {
            let name =
                if field.required { format!("**`{}`**", field.name) } else { format!("`{}`", field.name) };
            let family = if serves { format!(" {} |", field.family.name()) } else { String::new() };
            writeln!(text, "| {name} |{family} {} | `{}` |", field.doc, field.example).expect("a String");
        }
    }
    text
}
