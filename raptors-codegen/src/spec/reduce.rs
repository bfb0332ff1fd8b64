//! Checks of `[reduce]`.

use super::{
    check::{Inputs, bad_name, sorted, unused},
    expr::{Binary, Expr},
    model::{Axis, Body, Combine, Field, InputKind, Numerics, Reduce},
    name, neutral,
    parse::{self, Place, Scope},
    read::{Block, Sink, Text, Value},
    rule::Rule,
    staged::{self, ACC},
};
use crate::{Dtype, diagnostics::shown};

/// The number of elements.
const COUNT: &str = "count";

/// Checks `[reduce]`, with the `output` beside stages: the body, and where in the file its expression begins.
pub(super) fn check(
    sink: &mut Sink<'_>,
    (block, output): (&Block, Option<&Text>),
    inputs: Option<&Inputs>,
    dtypes: &[Dtype],
) -> Option<(Body, usize)> {
    if let Some(inputs) = inputs {
        not_shadowed(sink, block, inputs);
    }
    let numerics = numerics(sink, block);
    if staged::is_staged(block, inputs) {
        let inputs = inputs?;
        return staged::check(sink, (block, output), inputs, dtypes, numerics);
    }
    if let Some(entry) = block.get("outputs") {
        sink.report(Rule::DoesNotApply, &entry.key, "`outputs` are those of stages")
            .label("there are no stages")
            .fix("write `[reduce.stages]` in the place of `of` and `combine`, or of the state");
    }
    if let (Some(entry), true) = (block.get("terms"), block.get("state").is_some()) {
        sink.report(Rule::DoesNotApply, &entry.key, "`terms` says how `of` is computed")
            .label("there is no `of`")
            .fix("remove it");
    }
    if let Some(inputs) = inputs
        && let Some(kinds) = &inputs.kinds
        && **kinds != [InputKind::Matrix]
        && block.get("state").is_some()
    {
        sink.report(Rule::InputKinds, &inputs.span, "a state takes in the elements of one matrix")
            .label("a matrix alone is needed")
            .fix("with several inputs, write `of` and `combine`, or `[reduce.stages]`");
    }
    let none = Inputs { names: Vec::new(), keys: Vec::new(), kinds: None, varying: None, span: 0..0 };
    let known = inputs.unwrap_or(&none);
    let state = state(sink, block, known, dtypes, inputs.is_some());
    let names: Vec<String> = state.names;
    let finish = match block.text("finish") {
        None => Some(None),
        Some(_) if names.is_empty() => None,
        Some(text) => {
            let scope =
                Scope { place: Place::Finish, inputs: &known.names, fields: &names, later: &[], dtypes };
            parse::parse(sink, text, scope).map(Some)
        }
    };
    let fields = state.fields?;
    unused(sink, known, &fields.iter().map(|field| &field.step).collect::<Vec<_>>());
    if fields.len() > 1 {
        let axes = sorted(block.words("axes", &Axis::ALL))?;
        return Some((staged::of_state(&fields, finish?, axes, numerics?)?, state.at));
    }
    let reduce = Reduce {
        axes: sorted(block.words("axes", &Axis::ALL))?,
        finish: finish?,
        sequential: fields.iter().any(is_product),
        has_identity: fields.iter().all(|field| field.init.constant().is_some_and(f64::is_finite)),
        numerics: numerics?,
        state: fields,
    };
    Some((Body::Reduce(reduce), state.at))
}

/// Reports inputs whose names stand for something else in a reduction.
fn not_shadowed(sink: &mut Sink<'_>, block: &Block, inputs: &Inputs) {
    let short = block.get("state").is_none();
    for (name, key) in inputs.names.iter().zip(&inputs.keys) {
        let problem = match name.as_str() {
            COUNT => "is what `finish` calls the number of elements",
            ACC if short => "is what `finish` calls the state that `combine` stands for",
            _ => continue,
        };
        bad_name(sink, "the input of a reduction", name, key, Some(problem.to_owned()));
    }
}

fn numerics(sink: &mut Sink<'_>, block: &Block) -> Option<Vec<Numerics>> {
    let Some(entry) = block.get("numerics") else { return Some(vec![Numerics::Numpy]) };
    let numerics = sorted(block.words("numerics", &Numerics::LISTED))?;
    if numerics.contains(&Numerics::Numpy) {
        return Some(numerics);
    }
    sink.report(Rule::NumpyMissing, &entry.key, "`numerics` needs the class `numpy`")
        .label("`numpy` is missing")
        .fix("add `\"numpy\"`: it is the default that every operation has");
    None
}

/// A state as far as it could be read.
struct State {
    /// Its fields, if all are right.
    fields: Option<Vec<Field>>,
    /// Their names; `finish` is read with them even if the fields are wrong.
    names: Vec<String>,
    /// Where in the file it begins.
    at: usize,
}

/// The state, in either of its forms; exactly one.
fn state(sink: &mut Sink<'_>, block: &Block, inputs: &Inputs, dtypes: &[Dtype], known: bool) -> State {
    let nothing = State { fields: None, names: Vec::new(), at: block.span.start };
    let (of, combine, state) = (block.get("of"), block.get("combine"), block.get("state"));
    if let (Some(short), Some(state)) = (of.or(combine), state) {
        let later = if short.key.start > state.key.start { short } else { state };
        sink.report(Rule::ExactlyOne, &later.key, "a reduction has `of` and `combine`, or a state, not both")
            .label("the second of the two")
            .fix("remove one: `of` and `combine` are short for a state of one field");
        return nothing;
    }
    match (of, combine, state) {
        (None, None, None) => {
            sink.report(Rule::ExactlyOne, &block.span, "a reduction needs `of` and `combine`, or a state")
                .label("what does it compute?")
                .fix("add, for example, `of = \"x\"` and `combine = \"add\"`");
            nothing
        }
        (Some(entry), None, None) | (None, Some(entry), None) => {
            let (missing, example) =
                if of.is_some() { ("combine", "combine = \"add\"") } else { ("of", "of = \"x\"") };
            let message = format!("{} needs {} beside it", shown(entry.field.name), shown(missing));
            sink.report(Rule::MissingField, &entry.key, message)
                .label(format!("{} is missing", shown(missing)))
                .fix(format!("add `{example}`"));
            nothing
        }
        (Some(_), Some(_), None) => combined(sink, block, inputs, dtypes, known),
        (_, _, Some(_)) => written(sink, block, inputs, dtypes),
    }
}

/// The state that `of` and `combine` are short for.
fn combined(sink: &mut Sink<'_>, block: &Block, inputs: &Inputs, dtypes: &[Dtype], known: bool) -> State {
    let names = vec![ACC.to_owned()];
    let at = block.text("of").map_or(block.span.start, |text| text.span.start);
    let scope = Scope { place: Place::Inputs, inputs: &inputs.names, fields: &names, later: &[], dtypes };
    // Without its inputs an expression is only a list of unknown names.
    let of = block.text("of").filter(|_| known).and_then(|text| parse::parse(sink, text, scope));
    let combine = match block.get("combine").map(|entry| &entry.value) {
        Some(Value::Word(index)) => Some(*index),
        _ => None,
    };
    let fields = of.zip(combine).map(|(of, combine)| {
        let (op, init) = Combine::ALL[combine].by();
        let side = |second| Box::new(Expr::Side { second, index: 0 });
        vec![Field {
            name: ACC.to_owned(),
            init: Expr::Literal(init),
            step: Expr::Binary(op, Box::new(Expr::State(0)), Box::new(of)),
            merge: Expr::Binary(op, side(false), side(true)),
        }]
    });
    State { fields, names, at }
}

/// The state that `[reduce.state]` writes out.
fn written(sink: &mut Sink<'_>, block: &Block, inputs: &Inputs, dtypes: &[Dtype]) -> State {
    let mut state = State { fields: None, names: Vec::new(), at: block.span.start };
    let Some(Value::States(found)) = block.get("state").map(|entry| &entry.value) else { return state };
    state.at = found[0].0.1.start;
    for ((name, key), _) in found {
        bad_name(sink, "a field of the state", name, key, name::state_problem(name));
        if inputs.names.contains(name) {
            bad_name(sink, "a field of the state", name, key, Some("is the name of an input".to_owned()));
        }
        state.names.push(name.clone());
    }
    let mut fields = Vec::new();
    for ((name, _), block) in found {
        let mut read = |field, place| {
            let scope = Scope { place, inputs: &inputs.names, fields: &state.names, later: &[], dtypes };
            block.text(field).and_then(|text| parse::parse(sink, text, scope))
        };
        let (init, step, merge) =
            (read("init", Place::Init), read("step", Place::Step), read("merge", Place::Merge));
        if let (Some(init), Some(step), Some(merge)) = (init, step, merge) {
            fields.push(Field { name: name.clone(), init, step, merge });
        }
    }
    if fields.len() == found.len() && fields.len() > 1 {
        let alone = |at: &usize| staged::alone(&fields[*at], *at).is_none();
        if let Some(((name, key), _)) = (0..fields.len()).find(alone).map(|at| &found[at]) {
            let message = format!("no kernel is generated yet for {}, which needs other fields", shown(name));
            sink.report(Rule::NotYetEmitted, key, message).label("not on its own").fix(
                "of several fields, each is taken in on its own: `step` joins the field and an expression of the input \
                 by the operator of `merge`, from a start that is neutral for it; what needs other results can be a \
                 later one of `[reduce.stages]`",
            );
        }
    }
    if fields.len() == found.len() {
        let blocks: Vec<&Block> = found.iter().map(|(_, block)| block).collect();
        neutral::State { fields: &fields, blocks: &blocks, inputs: inputs.names.len() }.check(sink);
    }
    state.fields = (fields.len() == found.len()).then_some(fields);
    state
}

/// Whether a field is a product of its elements: `numpy` takes those in one after another.
fn is_product(field: &Field) -> bool {
    matches!(&field.step, Expr::Binary(Binary::Mul, _, _))
        && matches!(&field.merge, Expr::Binary(Binary::Mul, _, _))
}
