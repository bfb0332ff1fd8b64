//! What the fields of a spec mean together; a spec that passes is a [`Spec`].

use std::ops::Range;

use super::{
    expr::Expr,
    field::{FAMILIES, Family, Field, SCHEDULES, STORES, Table},
    invisible::{self, is_invisible},
    model::{Axis, Body, Input, InputKind, Numerics, Reduce, Spec, Staged, Tasks, Threads, Variants},
    name,
    parse::{self, Place, Scope},
    read::{At, Block, Sink, Value, repeated},
    reduce,
    rule::Rule,
    word,
};
use crate::{
    Dtype,
    backends::Listed,
    diagnostics::{either, nearest, shown},
    op::Op,
};

/// What came of a spec's file.
pub(super) struct Checked {
    /// The specs, one for each form of an input, if nothing that they consist of is wrong.
    pub(super) specs: Vec<Spec>,
    /// The operations it makes, whatever else is wrong with it.
    pub(super) operations: Vec<At<String>>,
}

/// Inputs as far as they could be read.
pub(super) struct Inputs {
    pub(super) names: Vec<String>,
    pub(super) keys: Vec<Range<usize>>,
    /// The kinds, if all are known; of one that has several forms, the first.
    pub(super) kinds: Option<Vec<InputKind>>,
    /// The input that has several forms, and these.
    pub(super) varying: Option<(usize, Vec<InputKind>)>,
    /// The field's place.
    pub(super) span: Range<usize>,
}

/// Checks a file whose fields were read.
pub(super) fn spec(sink: &mut Sink<'_>, block: &Block) -> Checked {
    let stem = sink.source.stem().to_owned();
    operation_name(sink, &stem);
    let summary = summary(sink, block);
    let inputs = inputs(sink, block);
    let dtypes = sorted(block.words("dtypes", &Dtype::ALL));
    let family = family(sink, block);
    let scope_dtypes = dtypes.as_deref().unwrap_or(&[]);

    let mut operations = vec![(stem.clone(), 0..0)];
    let body = match family {
        Some(Family::Map) => map(sink, block, inputs.as_ref(), scope_dtypes),
        Some(Family::Reduce) => block.table("reduce").and_then(|reduce| {
            if let Some(axes) = reduce.words("axes", &Axis::ALL) {
                operations = axes
                    .iter()
                    .map(|(axis, span)| (format!("{stem}{}", axis.suffix()), span.clone()))
                    .collect();
            }
            reduce::check(sink, (reduce, block.text("output")), inputs.as_ref(), scope_dtypes)
        }),
        _ => None,
    };
    if matches!(body, Some((Body::Staged(_), _))) {
        for entry in ["variants", "shapes", "tasks"].into_iter().filter_map(|name| block.get(name)) {
            let message = format!("{} does not apply to stages", shown(entry.field.name));
            sink.report(Rule::DoesNotApply, &entry.key, message)
                .label("their kernels are those of plain reductions")
                .fix("remove it");
        }
    }
    let variants = variants(sink, block, family);
    let shapes = shapes(sink, block);
    let numpy = numpy(sink, block);
    let defaults = inputs.as_ref().and_then(|inputs| defaults(sink, block, inputs, scope_dtypes));
    let varying = inputs.as_ref().and_then(|inputs| inputs.varying.clone());
    let forms = varying.as_ref().map_or(&[][..], |(_, kinds)| &kinds[1..]);
    let reduces = operations.clone();
    for kind in forms {
        let form = format!("{stem}_{}", kind.name());
        // Where the form stands is where its operations come from.
        let key = inputs.as_ref().zip(varying.as_ref()).map_or(0..0, |(all, (at, _))| all.keys[*at].clone());
        if let (None, Some(problem)) = (name::operation_problem(&stem), name::operation_problem(&form)) {
            let message = format!("no operation can be named {}: it {problem}", shown(&form));
            sink.report(Rule::OperationName, &key, message)
                .label(format!("made by the form `{}`", kind.name()))
                .fix("give the file another name, or leave this form out");
        }
        operations
            .extend(reduces.iter().map(|(name, _)| (format!("{form}{}", &name[stem.len()..]), key.clone())));
    }

    let spec = (|| {
        let inputs = inputs?;
        let (body, at) = body?;
        Some(Spec {
            name: stem,
            summary: summary?,
            file: sink.source.name.clone(),
            text: sink.source.text.clone(),
            line: sink.source.position(at).0,
            inputs: inputs
                .names
                .into_iter()
                .zip(inputs.kinds?)
                .map(|(name, kind)| Input { name, kind })
                .collect(),
            dtypes: dtypes?,
            family: match block.get("family").map(|entry| &entry.value) {
                Some(Value::Word(word)) => Some(FAMILIES[*word]),
                _ => None,
            },
            body,
            defaults: defaults?,
            numpy: numpy?,
            variants,
            tasks: tasks(block),
            shapes: shapes?,
            listed: Vec::new(),
            backends: Vec::new(),
        })
    })();
    let form = |spec: &Spec, kind: InputKind, at: usize| {
        let mut spec = Spec { name: format!("{}_{}", spec.name, kind.name()), ..spec.clone() };
        spec.inputs[at].kind = kind;
        spec
    };
    let mut specs = Vec::new();
    if let Some(spec) = spec {
        if let Some((at, kinds)) = &varying {
            specs.extend(kinds[1..].iter().map(|&kind| form(&spec, kind, *at)));
        }
        specs.insert(0, spec);
    }
    routines(sink, block, &mut specs);
    Checked { specs: specs.into_iter().map(Spec::with_parts).collect(), operations }
}

/// Gives each form the routines that compute what one of its operations does. One that no form has a use for is an error.
fn routines(sink: &mut Sink<'_>, block: &Block, specs: &mut [Spec]) {
    let Some(Value::Backends(listed)) = block.get("backends").map(|entry| &entry.value) else { return };
    // What they compute is not known while something else is wrong.
    if specs.is_empty() {
        return;
    }
    let whole: Vec<Spec> = specs.iter().map(|spec| spec.clone().with_parts()).collect();
    let ops: Vec<Vec<Op<'_>>> = whole.iter().map(Op::of_spec).collect();
    for (backend, name, span) in listed {
        let serves = |ops: &[Op<'_>], name: &str| {
            backend.named_routines(name).any(|routine| ops.iter().any(|op| routine.serves(op)))
        };
        let mut is_used = false;
        for (spec, ops) in specs.iter_mut().zip(&ops) {
            if serves(ops, name) {
                is_used = true;
                spec.listed.push(Listed { backend, routine: name });
            }
        }
        if is_used {
            continue;
        }
        let computed = |mut all: Vec<&str>| {
            all.sort_unstable();
            all.dedup();
            all.into_iter().map(shown).collect::<Vec<_>>().join(", ")
        };
        let by_routine = computed(backend.named_routines(name).map(|routine| routine.computes).collect());
        let by_spec = computed(ops.iter().flatten().map(|op| op.computation.formula.as_str()).collect());
        let other = backend.words().into_iter().find(|word| ops.iter().any(|ops| serves(ops, word)));
        let fix = other
            .map_or_else(|| "remove it".to_owned(), |other| format!("write {}, or remove it", shown(other)));
        let message = format!("{} of {} does not compute what this spec does", shown(name), backend.name);
        sink.report(Rule::RoutineComputes, span, message)
            .label(format!("computes {by_routine}, not {by_spec}"))
            .fix(fix);
    }
    for spec in specs.iter_mut().filter(|spec| spec.has_any()) {
        if let Body::Reduce(Reduce { numerics, .. }) | Body::Staged(Staged { numerics, .. }) = &mut spec.body
        {
            numerics.push(Numerics::Any);
        }
    }
}

/// `NumPy`'s expression: `None` if the field is wrong, else whether it is there.
#[expect(
    clippy::option_option,
    reason = "a field that is left out, and one that is wrong, are different things"
)]
fn numpy(sink: &mut Sink<'_>, block: &Block) -> Option<Option<String>> {
    let Some(entry) = block.get("numpy") else { return Some(None) };
    let Value::Text(text) = &entry.value else { return None };
    let value = text.value.as_str();
    let before = sink.found.len();
    invisible::check_escapes(sink, text);
    if value.trim().is_empty() || value.contains(|letter: char| letter.is_control()) {
        sink.report(Rule::ExpressionSyntax, &text.span, "`numpy` is an expression on one line")
            .label("nothing, or several lines")
            .fix("leave it out, or write `\"none\"` where NumPy has nothing of the same bits");
    }
    if sink.found.len() > before {
        return None;
    }
    Some(Some(if value == "none" { String::new() } else { value.to_owned() }))
}

/// What Python's function takes for scalars that are left out.
fn defaults(
    sink: &mut Sink<'_>,
    block: &Block,
    inputs: &Inputs,
    dtypes: &[Dtype],
) -> Option<Vec<(usize, f64)>> {
    let Some(entry) = block.get("defaults") else { return Some(Vec::new()) };
    let Value::Defaults(found) = &entry.value else { return None };
    let mut defaults = Vec::new();
    for ((name, key), value) in found {
        let at = inputs.names.iter().position(|input| input == name);
        let kind = at.and_then(|at| inputs.kinds.as_ref().map(|kinds| kinds[at]));
        let has_forms = inputs.varying.as_ref().is_some_and(|(varying, _)| Some(*varying) == at);
        match (at, kind) {
            (Some(_), _) if has_forms => {
                let message = format!("{} has several forms, and a default is for a scalar", shown(name));
                sink.report(Rule::InputKinds, key, message)
                    .label("can be something else")
                    .fix("leave the default out, or write the form with it as a spec of its own");
            }
            (Some(_), Some(kind)) if kind != InputKind::Scalar => {
                let message = format!("{} is a {}, and a default is for a scalar", shown(name), kind.name());
                sink.report(Rule::InputKinds, key, message).label("can have no default").fix("remove it");
            }
            (Some(_), _)
                if !value.is_finite()
                    || dtypes.contains(&Dtype::F32) && value.abs() > f64::from(f32::MAX) =>
            {
                sink.report(
                    Rule::LiteralNotFinite,
                    key,
                    format!("the default of {} is not finite", shown(name)),
                )
                .label("infinite, NaN, or too large")
                .fix("write a number up to 3.4e38, or leave the default out");
            }
            (Some(at), _) => defaults.push((at, *value)),
            (None, _) => {
                let near = nearest(name, inputs.names.iter().map(String::as_str));
                let label = near.map_or_else(
                    || "no such input".to_owned(),
                    |near| format!("did you mean {}?", shown(near)),
                );
                sink.report(Rule::UnknownName, key, format!("there is no input {}", shown(name)))
                    .label(label)
                    .fix(format!("write {}", either(inputs.names.iter().map(String::as_str))));
            }
        }
    }
    if defaults.len() < found.len() {
        return None;
    }
    defaults.sort_by_key(|(at, _)| *at);
    let last = inputs.names.len() - defaults.len();
    if defaults.iter().enumerate().any(|(index, (at, _))| *at != last + index) {
        sink.report(
            Rule::InputKinds,
            &entry.key,
            "an input without a default stands behind one that has one",
        )
        .label("these have to be the last")
        .fix("list the scalars with defaults last in `inputs`");
        return None;
    }
    Some(defaults)
}

/// Values without their places, sorted.
pub(super) fn sorted<T: Ord>(values: Option<Vec<At<T>>>) -> Option<Vec<T>> {
    let mut values: Vec<T> = values?.into_iter().map(|(value, _)| value).collect();
    values.sort();
    Some(values)
}

fn operation_name(sink: &mut Sink<'_>, stem: &str) {
    if let Some(problem) = name::operation_problem(stem) {
        let fixed = name::snake_case(stem);
        let fix = if name::operation_problem(&fixed).is_none() {
            format!("name the file `{fixed}.toml`")
        } else if name::problem(stem).is_none() {
            "give the file, and with it the operation, another name".to_owned()
        } else {
            "name the file after its operation, such as `scale.toml`".to_owned()
        };
        let message = format!("no operation can be named {}: it {problem}", shown(stem));
        sink.report(Rule::OperationName, &(0..0), message)
            .label("the file's name is the operation's")
            .fix(fix);
    }
}

fn summary(sink: &mut Sink<'_>, block: &Block) -> Option<String> {
    let text = block.text("summary")?;
    invisible::check_escapes(sink, text);
    let value = text.value.as_str();
    let next_sentence = value.char_indices().find(|(at, letter)| {
        *letter == '.'
            && value[at + 1..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(char::is_uppercase))
    });
    let (message, fix) = if value.trim().is_empty() {
        ("the summary is empty", "say what the operation does, in one sentence")
    } else if value.contains(|letter: char| letter.is_control() && !is_invisible(letter)) {
        ("the summary has a line break or another control character", "write it on one line")
    } else if value.trim() != value {
        ("the summary begins or ends with a space", "remove the space")
    } else if !value.ends_with('.') {
        ("the summary does not end with a full stop", "end it with `.`")
    } else if next_sentence.is_some() {
        ("the summary is more than one sentence", "keep the first; a comment has room for the others")
    } else {
        return Some(value.to_owned());
    };
    sink.report(Rule::Summary, &text.span, message).label("one sentence for people").fix(fix);
    None
}

fn inputs(sink: &mut Sink<'_>, block: &Block) -> Option<Inputs> {
    let entry = block.get("inputs")?;
    let Value::Inputs(found) = &entry.value else { return None };
    let mut inputs = Inputs {
        names: Vec::new(),
        keys: Vec::new(),
        kinds: Some(Vec::new()),
        varying: None,
        span: entry.key.clone(),
    };
    for (at, ((name, key), kinds)) in found.iter().enumerate() {
        bad_name(sink, "an input", name, key, name::input_problem(name));
        inputs.names.push(name.clone());
        inputs.keys.push(key.clone());
        inputs.kinds = inputs.kinds.zip(kinds.as_ref()).map(|(mut all, kinds)| {
            all.push(kinds[0]);
            all
        });
        let Some(kinds) = kinds.as_ref().filter(|kinds| kinds.len() > 1) else { continue };
        let is_matrix = |kinds: &Option<Vec<InputKind>>| {
            kinds.as_ref().is_some_and(|kinds| **kinds == [InputKind::Matrix])
        };
        if inputs.varying.is_some() {
            sink.report(Rule::InputKinds, key, "one input may have several forms, and this is the second")
                .label("several forms")
                .fix("leave one form here, and write another spec for the others");
        } else if !found.iter().any(|(_, kinds)| is_matrix(kinds)) {
            sink.report(Rule::InputKinds, key, "beside an input of several forms a matrix is needed")
                .label("several forms")
                .fix("make another input a `\"matrix\"`: it gives the result its shape");
        } else {
            inputs.varying = Some((at, kinds.clone()));
        }
    }
    Some(inputs)
}

/// Reports a name that cannot be used.
pub(super) fn bad_name(
    sink: &mut Sink<'_>,
    what: &str,
    name: &str,
    key: &Range<usize>,
    problem: Option<String>,
) {
    let Some(problem) = problem else { return };
    let fixed = name::snake_case(name);
    let fix = if fixed != name && name::input_problem(&fixed).is_none() {
        format!("write {}", shown(&fixed))
    } else {
        "choose another name, in letters, digits and `_`".to_owned()
    };
    sink.report(Rule::Name, key, format!("{what} cannot be named {}", shown(name)))
        .label(format!("it {problem}"))
        .fix(fix);
}

/// Whether it is a map or a reduction; exactly one. Stages may have a map beside them.
fn family(sink: &mut Sink<'_>, block: &Block) -> Option<Family> {
    match (block.get("output"), block.get("reduce")) {
        (Some(_), None) => Some(Family::Map),
        (None, Some(_)) => Some(Family::Reduce),
        (None, None) => {
            sink.report(
                Rule::ExactlyOne,
                &block.span,
                "a spec needs `output` or `[reduce]`, and has neither",
            )
            .label("what does it compute?")
            .fix("add, for example, `output = \"x * factor\"`");
            None
        }
        (Some(_), Some(_)) if block.table("reduce").is_none_or(|reduce| reduce.get("stages").is_some()) => {
            Some(Family::Reduce)
        }
        (Some(output), Some(reduce)) => {
            let later = if output.key.start > reduce.key.start { output } else { reduce };
            sink.report(Rule::ExactlyOne, &later.key, "a spec has `output` or `[reduce]`, not both")
                .label("the second of the two")
                .fix("remove one; beside `output`, write what is reduced as `[reduce.stages]`");
            None
        }
    }
}

fn map(
    sink: &mut Sink<'_>,
    block: &Block,
    inputs: Option<&Inputs>,
    dtypes: &[Dtype],
) -> Option<(Body, usize)> {
    let text = block.text("output");
    if let Some(inputs) = inputs
        && inputs.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&InputKind::Matrix))
    {
        sink.report(Rule::InputKinds, &inputs.span, "an operation needs a matrix among its inputs")
            .label("no matrix")
            .fix("make one of them a `\"matrix\"`: it gives the result its shape");
    }
    // Without its inputs an expression is only a list of unknown names.
    let (text, inputs) = (text?, inputs?);
    let scope = Scope { place: Place::Inputs, inputs: &inputs.names, fields: &[], later: &[], dtypes };
    let output = parse::parse(sink, text, scope)?;
    unused(sink, inputs, &[&output]);
    Some((Body::Map { output }, text.span.start))
}

/// Reports inputs that none of the expressions use.
pub(super) fn unused(sink: &mut Sink<'_>, inputs: &Inputs, exprs: &[&Expr]) {
    for (index, (name, key)) in inputs.names.iter().zip(&inputs.keys).enumerate() {
        // A name that no expression can use is reported as that.
        if name::input_problem(name).is_none() && !exprs.iter().any(|expr| uses(expr, index)) {
            sink.report(Rule::UnusedInput, key, format!("the input {} is not used", shown(name)))
                .label("never used")
                .fix("use it in the expression, or remove it");
        }
    }
}

/// Whether an expression uses the input of that index.
pub(super) fn uses(expr: &Expr, index: usize) -> bool {
    let mut found = false;
    expr.each(&mut |part| found |= matches!(part, Expr::Input(input) if *input == index));
    found
}

fn variants(sink: &mut Sink<'_>, block: &Block, family: Option<Family>) -> Variants {
    let Some(table) = block.table("variants") else { return Variants::default() };
    let axes = block.table("reduce").and_then(|reduce| reduce.words("axes", &Axis::ALL));
    let applies = |field: &Field| match (field.family, family) {
        // While what the operation is stays open, nothing is said about its fields.
        (Family::Any, _) | (_, None) => true,
        (of_field, Some(Family::Map)) => of_field == Family::Map,
        (Family::Map, _) => false,
        (Family::Contiguous, _) => {
            axes.as_ref().is_none_or(|axes| axes.iter().any(|(axis, _)| *axis != Axis::Zero))
        }
        (Family::Columns, _) => {
            axes.as_ref().is_none_or(|axes| axes.iter().any(|(axis, _)| *axis == Axis::Zero))
        }
        _ => true,
    };
    for entry in table.entries.iter().filter(|entry| !applies(entry.field)) {
        let message = format!("{} does not apply to this operation", shown(entry.field.name));
        let others = Field::of(Table::Variants).filter(|field| applies(field)).map(|field| field.name);
        sink.report(Rule::DoesNotApply, &entry.key, message)
            .label(format!("is for {}", entry.field.family.name()))
            .fix(format!("remove it, or use {}", either(others)));
    }
    let unroll = numbers(table, "unroll");
    if family == Some(Family::Reduce) {
        for (number, span) in unroll.iter().filter(|(number, _)| !number.is_power_of_two()) {
            sink.report(Rule::OutOfRange, span, format!("`unroll` cannot be `{number}` in a reduction"))
                .label("not a power of two")
                .fix("write 1, 2, 4, 8 or 16");
        }
    }
    let plain = |values: Vec<At<usize>>| values.into_iter().map(|(value, _)| value).collect();
    Variants {
        unroll: plain(unroll),
        schedule: table.words("schedule", &SCHEDULES).map(values).unwrap_or_default(),
        prefetch: forms(table, "prefetch", |text| word::prefetch(text).ok()),
        store: table.words("store", &STORES).map(values).unwrap_or_default(),
        streams: plain(numbers(table, "streams")),
        tile: forms(table, "tile", |text| word::tile(text).ok()),
        full: table.get("explore").is_some_and(|entry| matches!(entry.value, Value::Word(1))),
    }
}

fn tasks(block: &Block) -> Tasks {
    let Some(table) = block.table("tasks") else { return Tasks::default() };
    let listed = Tasks {
        chunk: forms(table, "chunk", |text| word::chunk(text).ok()),
        threads: table.words("threads", &Threads::ALL).map(values).unwrap_or_default(),
    };
    let Tasks { chunk, threads } = Tasks::default();
    Tasks {
        chunk: if listed.chunk.is_empty() { chunk } else { listed.chunk },
        threads: if listed.threads.is_empty() { threads } else { listed.threads },
    }
}

fn values<T>(values: Vec<At<T>>) -> Vec<T> {
    values.into_iter().map(|(value, _)| value).collect()
}

fn numbers(table: &Block, name: &str) -> Vec<At<usize>> {
    match table.get(name).map(|entry| &entry.value) {
        Some(Value::Numbers(numbers)) => numbers.clone(),
        _ => Vec::new(),
    }
}

fn forms<T>(table: &Block, name: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
    match table.get(name).map(|entry| &entry.value) {
        Some(Value::Forms(words)) => words.iter().filter_map(|(text, _)| read(text)).collect(),
        _ => Vec::new(),
    }
}

/// Shapes, sorted; each once, however it is written.
fn shapes(sink: &mut Sink<'_>, block: &Block) -> Option<Vec<(usize, usize)>> {
    let Some(entry) = block.get("shapes") else { return Some(Vec::new()) };
    let Value::Table(table) = &entry.value else { return None };
    let mut shapes: Vec<(usize, usize)> = numbers(table, "square").into_iter().map(|(n, _)| (n, n)).collect();
    if let Some(Value::Pairs(pairs)) = table.get("rect").map(|entry| &entry.value) {
        for (shape, span) in pairs {
            if shapes.contains(shape) {
                repeated(sink, "shapes", span);
            } else {
                shapes.push(*shape);
            }
        }
    }
    shapes.sort_unstable();
    Some(shapes)
}
