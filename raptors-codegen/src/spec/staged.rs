//! Operations in stages: checks of `[reduce.stages]`, of what is short for it, and of the `output` beside it.

use std::ops::Range;

use super::{
    check::{Inputs, bad_name, sorted, unused, uses},
    expr::{Binary, Expr},
    model::{Axis, Body, Combine, Field, Input, InputKind, Numerics, Output, ResultType, Stage, Staged},
    name,
    parse::{self, Place, Scope},
    read::{At, Block, Sink, Text, Value},
    rule::Rule,
};
use crate::{Dtype, diagnostics::shown};

/// What comes of a stage's reduction, in its `finish`; and the one stage that `of` and `combine` are short for.
pub(super) const ACC: &str = "acc";
/// Inputs and stages of an operation together, at most: the library keeps so many values for each result.
const MOST: usize = 16;
/// Results of an operation, at most.
const MOST_OUTPUTS: usize = 4;

/// Whether a reduction is computed in stages.
pub(super) fn is_staged(block: &Block, inputs: Option<&Inputs>) -> bool {
    let plain = |kinds: &Vec<InputKind>| **kinds == [InputKind::Matrix];
    let is_plain = inputs.and_then(|inputs| inputs.kinds.as_ref()).is_none_or(plain);
    let combine = match block.get("combine").map(|entry| &entry.value) {
        Some(Value::Word(index)) => Some(Combine::ALL[*index]),
        _ => None,
    };
    let by_block = matches!(block.get("terms").map(|entry| &entry.value), Some(Value::Word(1)));
    let short = block.get("of").is_some() && block.get("combine").is_some() && block.get("state").is_none();
    block.get("stages").is_some()
        || (short && (!is_plain || by_block || combine.is_some_and(Combine::is_whole)))
}

/// What is known while stages are read.
struct Reader<'a> {
    inputs: &'a Inputs,
    dtypes: &'a [Dtype],
    /// Names of the inputs, then of the stages so far.
    names: Vec<String>,
    /// Names of all stages, those to come too.
    all: Vec<String>,
    stages: Vec<Stage>,
    /// Where the first expression stands.
    at: usize,
}

/// Checks `[reduce]` of an operation in stages, with the `output` beside it: the body, and where in the file its expression
/// begins.
pub(super) fn check(
    sink: &mut Sink<'_>,
    (block, output): (&Block, Option<&Text>),
    inputs: &Inputs,
    dtypes: &[Dtype],
    numerics: Option<Vec<Numerics>>,
) -> Option<(Body, usize)> {
    let (names, at) = (inputs.names.clone(), block.span.start);
    let mut reader = Reader { inputs, dtypes, names, all: Vec::new(), stages: Vec::new(), at };
    let before = sink.found.len();
    match block.get("stages") {
        None => reader.stage(sink, (ACC.to_owned(), block.span.clone()), block, false),
        Some(entry) => {
            for other in ["of", "combine", "state"].into_iter().filter_map(|name| block.get(name)) {
                let (message, fix) = match other.field.name {
                    "state" => (
                        "a reduction has a state, or stages, not both",
                        "remove one: a field that is taken in on its own is a stage, too",
                    ),
                    _ => (
                        "a reduction has `of` and `combine`, or stages, not both",
                        "remove one: `of` and `combine` are short for one stage",
                    ),
                };
                sink.report(Rule::ExactlyOne, &other.key, message).label("beside stages").fix(fix);
            }
            let Value::Stages(found) = &entry.value else { return None };
            reader.all = found.iter().map(|((name, _), _)| name.clone()).collect();
            for (name, block) in found {
                reader.stage(sink, name.clone(), block, true);
            }
        }
    }
    let outputs = match output {
        Some(text) => reader.matrix(sink, block, text),
        None => reader.outputs(sink, block),
    };
    let is_bad = |name| block.get(name).is_some_and(|entry| matches!(entry.value, Value::Bad));
    if sink.found.len() > before || is_bad("outputs") || is_bad("finish") {
        return None;
    }
    let Reader { stages, at, .. } = reader;
    if stages.iter().all(|stage| stage.fold.is_none()) {
        sink.report(Rule::MissingField, &block.get("stages")?.key, "no stage reduces anything")
            .label("`finish` alone in each of them")
            .fix(
                "add a stage with `of` and `combine`, for example `sum = { of = \"x\", combine = \"add\" }`",
            );
        return None;
    }
    if inputs.names.len() + stages.len() > MOST {
        sink.report(Rule::OutOfRange, &block.span, format!("more than {MOST} inputs and stages"))
            .label("too many")
            .fix("compute some of them in an operation of their own");
        return None;
    }
    let exprs: Vec<&Expr> = stages
        .iter()
        .flat_map(|stage| stage.fold.iter().map(|(of, _)| of).chain(&stage.finish))
        .chain(outputs.iter().map(|output| &output.value))
        .collect();
    unused(sink, inputs, &exprs);
    if let Some(Value::Stages(found)) = block.get("stages").map(|entry| &entry.value) {
        let keys = found.iter().enumerate();
        for (_, ((name, key), _)) in
            keys.filter(|(at, _)| !exprs.iter().any(|of| uses(of, inputs.names.len() + at)))
        {
            sink.report(Rule::UnusedStage, key, format!("the stage {} is not used", shown(name)))
                .label("never used")
                .fix("use it in a later stage or in a result, or remove it");
        }
    }
    let least_or_greatest = |stage: &Stage| {
        stage.fold.as_ref().is_some_and(|(_, combine)| matches!(combine.by().0, Binary::Min | Binary::Max))
    };
    let staged = Staged {
        axes: sorted(block.words("axes", &Axis::ALL))?,
        has_identity: !stages.iter().any(least_or_greatest),
        stages,
        outputs,
        numerics: numerics?,
        parts: Vec::new(),
    };
    Some((Body::Staged(staged), at))
}

impl Reader<'_> {
    /// Reads one stage. A name is checked where it is one of the spec's.
    fn stage(&mut self, sink: &mut Sink<'_>, (name, key): At<String>, block: &Block, is_named: bool) {
        if is_named {
            bad_name(sink, "a stage", &name, &key, name::state_problem(&name));
            let taken = match name.as_str() {
                _ if self.inputs.names.contains(&name) => Some("is the name of an input"),
                ACC => Some("is what `finish` calls what comes of `of` and `combine`"),
                "count" => Some("is what `finish` calls the number of elements"),
                _ => None,
            };
            bad_name(sink, "a stage", &name, &key, taken.map(str::to_owned));
        }
        let combine = match block.get("combine").map(|entry| &entry.value) {
            Some(Value::Word(index)) => Some(Combine::ALL[*index]),
            _ => None,
        };
        let fold = match (block.text("of"), combine) {
            (Some(of), Some(combine)) => self.terms(sink, of, combine).map(Some),
            (None, None) if is_named && block.text("finish").is_some() => Some(None),
            _ => {
                sink.report(Rule::MissingField, &key, "a stage needs `of` and `combine`, or `finish` alone")
                    .label("what does it compute?")
                    .fix("write, for example, `of = \"x\", combine = \"add\"`");
                None
            }
        };
        // The `finish` beside `of` and `combine` alone is that of the operation.
        let finish = match block.text("finish").filter(|_| is_named) {
            None => Some(None),
            Some(text) => {
                self.value(sink, text, block.get("of").or(block.get("combine")).is_some()).map(Some)
            }
        };
        if let (Some(Combine::ArgMin | Combine::ArgMax), true, Some(entry)) =
            (combine, is_named, block.get("finish"))
        {
            sink.report(Rule::DoesNotApply, &entry.key, "a place is a result as it is")
                .label("beside `argmin` or `argmax`")
                .fix("remove `finish`");
        }
        // Of a stage with mistakes the name is known all the same, so that those after it can use it.
        let (fold, finish) = fold.zip(finish).unwrap_or_default();
        let pass = self.pass(fold.as_ref(), finish.as_ref());
        let fused = match block.get("terms").map(|entry| (entry, &entry.value)) {
            Some((entry, Value::Word(0))) => self.fused(sink, &entry.key, fold.as_ref()),
            _ => None,
        };
        self.stages.push(Stage { name: name.clone(), fold, finish, fused, pass });
        self.names.push(name);
    }

    /// The names around an expression.
    fn scope<'s>(&'s self, place: Place, fields: &'s [String]) -> Scope<'s> {
        let later = &self.all[self.stages.len().min(self.all.len())..];
        Scope { place, inputs: &self.names, fields, later, dtypes: self.dtypes }
    }

    /// Whether an expression uses the place of a least or greatest value.
    fn uses_place(&self, of: &Expr) -> bool {
        let is_place = |stage: &Stage| {
            stage.fold.as_ref().is_some_and(|(_, by)| matches!(by, Combine::ArgMin | Combine::ArgMax))
        };
        let mut stages = self.stages.iter().enumerate().filter(|(_, stage)| is_place(stage));
        stages.any(|(at, _)| uses(of, self.inputs.names.len() + at))
    }

    fn no_place(sink: &mut Sink<'_>, text: &Text) {
        sink.report(Rule::NotYetEmitted, &text.span, "a place cannot be computed with")
            .label("uses a stage with `argmin` or `argmax`")
            .fix("use it as a result alone, in `finish` of `[reduce]` or in `outputs`");
    }

    /// The matrix that is all that a stage with kernels of its own takes in.
    fn fused(
        &self,
        sink: &mut Sink<'_>,
        key: &Range<usize>,
        fold: Option<&(Expr, Combine)>,
    ) -> Option<usize> {
        let kinds = self.inputs.kinds.as_deref().unwrap_or(&[]);
        let one = fold.and_then(|(of, combine)| {
            let used: Vec<_> = (0..self.names.len()).filter(|&at| uses(of, at)).collect();
            let can = matches!(combine, Combine::Add | Combine::Min | Combine::Max | Combine::Count);
            match used[..] {
                [at] if can && kinds.get(at) == Some(&InputKind::Matrix) => Some(at),
                _ => None,
            }
        });
        if one.is_none() {
            sink.report(Rule::NotYetEmitted, key, "no fused kernel is generated for this")
                .label("`fused`")
                .fix(
                    "leave it out: kernels are fused for sums, counts and extremes of what is computed from one matrix \
                     alone",
                );
        }
        one
    }

    /// In which pass over memory a stage is computed.
    fn pass(&self, fold: Option<&(Expr, Combine)>, finish: Option<&Expr>) -> usize {
        let first = self.inputs.names.len();
        let latest = |of: &Expr| {
            let used = self.stages.iter().enumerate().filter(|(at, _)| uses(of, first + at));
            used.map(|(_, stage)| stage.pass).max()
        };
        let before = fold.and_then(|(of, _)| latest(of)).map_or(0, |pass| pass + 1);
        finish.and_then(latest).map_or(before, |pass| pass.max(before))
    }

    fn terms(&mut self, sink: &mut Sink<'_>, text: &Text, combine: Combine) -> Option<(Expr, Combine)> {
        if self.stages.is_empty() {
            self.at = text.span.start;
        }
        let scope = self.scope(Place::Terms, &[]);
        let of = if combine == Combine::Count {
            parse::parse_mask(sink, text, scope)?
        } else {
            parse::parse(sink, text, scope)?
        };
        if self.uses_place(&of) {
            Self::no_place(sink, text);
            return None;
        }
        let kinds = self.inputs.kinds.as_deref().unwrap_or(&[]);
        let matrix = |(at, kind): (usize, &InputKind)| *kind == InputKind::Matrix && uses(&of, at);
        if !kinds.iter().enumerate().any(matrix) {
            sink.report(Rule::InputKinds, &text.span, "a stage reduces the elements of a matrix")
                .label("no matrix in it")
                .fix(if self.all.is_empty() {
                    "use a matrix"
                } else {
                    "use a matrix, or leave `of` and `combine` out: `finish` alone computes with other stages"
                });
            return None;
        }
        Some((of, combine))
    }

    fn value(&self, sink: &mut Sink<'_>, text: &Text, has_acc: bool) -> Option<Expr> {
        self.either(sink, text, has_acc, false).map(|(value, _)| value)
    }

    /// A value, or, if that may be, a mask.
    fn either(&self, sink: &mut Sink<'_>, text: &Text, has_acc: bool, or_mask: bool) -> Option<(Expr, bool)> {
        let acc = [ACC.to_owned()];
        let fields = if has_acc { &acc[..] } else { &[] };
        let scope = self.scope(Place::Value, fields);
        let read = if or_mask {
            parse::parse_either(sink, text, scope)?
        } else {
            (parse::parse(sink, text, scope)?, false)
        };
        let kinds = self.inputs.kinds.as_deref().unwrap_or(&[]);
        let elements = |(at, kind): (usize, &InputKind)| *kind != InputKind::Scalar && uses(&read.0, at);
        if let Some((at, kind)) = kinds.iter().enumerate().find(|&found| elements(found)) {
            let name = &self.inputs.names[at];
            let span = text.word(name).unwrap_or_else(|| text.span.clone());
            sink.report(Rule::NameNotHere, &span, format!("{} is a {}", shown(name), kind.name()))
                .label("has many elements, and this is one value")
                .fix(Place::Value.rule());
            return None;
        }
        // As a result a place stands alone, and is a whole number.
        let is_result = or_mask && matches!(read.0, Expr::Input(_));
        if !is_result && self.uses_place(&read.0) {
            Self::no_place(sink, text);
            return None;
        }
        Some(read)
    }

    /// The result that is a matrix, as `output` says it.
    fn matrix(&mut self, sink: &mut Sink<'_>, block: &Block, text: &Text) -> Vec<Output> {
        self.at = text.span.start;
        for other in ["outputs", "finish"].into_iter().filter_map(|name| block.get(name)) {
            let message = format!("a spec has `output` or {}, not both", shown(other.field.name));
            sink.report(Rule::ExactlyOne, &other.key, message)
                .label("beside `output`")
                .fix("remove one: what the stages come to is the result, or each element of a matrix is computed with it");
        }
        let Some(value) = parse::parse(sink, text, self.scope(Place::Matrix, &[])) else { return Vec::new() };
        if self.uses_place(&value) {
            Self::no_place(sink, text);
            return Vec::new();
        }
        let kinds = self.inputs.kinds.as_deref().unwrap_or(&[]);
        let first = kinds.iter().position(|kind| *kind == InputKind::Matrix);
        if let Some(first) = first.filter(|&first| !uses(&value, first)) {
            let name = shown(&self.inputs.names[first]);
            sink.report(
                Rule::InputKinds,
                &text.span,
                format!("`output` does not use the first matrix, {name}"),
            )
            .label("what is overwritten where a call works in place")
            .fix(format!("use {name}, or list the matrix first that `output` uses"));
            return Vec::new();
        }
        vec![Output { name: None, value, result: ResultType::Matrix }]
    }

    /// The results: those of `outputs`, or the one of `finish`, or the last stage.
    fn outputs(&mut self, sink: &mut Sink<'_>, block: &Block) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut add = |reader: &Self, sink: &mut Sink<'_>, name: Option<String>, text: &Text| {
            if let Some((value, is_mask)) = reader.either(sink, text, false, true) {
                let result = reader.result(&value, is_mask);
                outputs.push(Output { name, value, result });
            }
        };
        match (block.get("outputs").map(|entry| (entry, &entry.value)), block.text("finish")) {
            (Some((entry, _)), Some(_)) => {
                sink.report(Rule::ExactlyOne, &entry.key, "a reduction has `finish` or `outputs`, not both")
                    .label("the second of the two")
                    .fix("remove one");
            }
            (Some((entry, Value::Outputs(found))), None) => {
                if !(2..=MOST_OUTPUTS).contains(&found.len()) {
                    let message = format!("`outputs` are 2 to {MOST_OUTPUTS}");
                    sink.report(Rule::OutOfRange, &entry.key, message)
                        .label(format!("{} given", found.len()))
                        .fix("a single result is what `finish` says");
                }
                for ((name, key), text) in found {
                    let problem = name::result_problem(name).or_else(|| {
                        self.inputs.names.contains(name).then(|| "is the name of an input".to_owned())
                    });
                    bad_name(sink, "a result", name, key, problem);
                    add(self, sink, Some(name.clone()), text);
                }
                // Callers who know no types at compile time hand over one buffer for all results.
                let other = outputs.iter().position(|output| output.result != ResultType::Element);
                if let (Some(at), true) = (other, outputs.len() == found.len()) {
                    let (what, fix) = match outputs[at].result {
                        ResultType::Truth => ("a mask", "write `select(mask, 1, 0)`"),
                        _ => ("a whole number", "compute it in an operation of its own"),
                    };
                    let message = format!("of several results, none is {what}");
                    sink.report(Rule::NotYetEmitted, &found[at].1.span, message).label(what).fix(fix);
                }
            }
            (_, Some(text)) => add(self, sink, None, text),
            _ => {
                if let Some(last) = self.stages.len().checked_sub(1) {
                    let value = Expr::Input(self.inputs.names.len() + last);
                    let result = self.result(&value, false);
                    outputs.push(Output { name: None, value, result });
                }
            }
        }
        outputs
    }

    /// The type of a result: a count or a place that nothing is done with is a whole number.
    fn result(&self, value: &Expr, is_mask: bool) -> ResultType {
        let stage = match value {
            Expr::Input(at) => at.checked_sub(self.inputs.names.len()).map(|at| &self.stages[at]),
            _ => None,
        };
        let is_whole = |stage: &Stage| {
            stage.finish.is_none() && stage.fold.as_ref().is_some_and(|(_, combine)| combine.is_whole())
        };
        match (is_mask, stage.is_some_and(is_whole)) {
            (true, _) => ResultType::Truth,
            (_, true) => ResultType::Whole,
            _ => ResultType::Element,
        }
    }
}

/// What a field of a state takes in, and by what, if it needs no other field.
pub(super) fn alone(field: &Field, at: usize) -> Option<(Expr, Combine)> {
    let Expr::Binary(op, first, second) = &field.step else { return None };
    let of = match (&**first, &**second) {
        (Expr::State(state), of) | (of, Expr::State(state)) if *state == at && !has_state(of) => of.clone(),
        _ => return None,
    };
    let combine = [Combine::Add, Combine::Mul, Combine::Min, Combine::Max];
    let combine = combine.into_iter().find(|combine| combine.by().0 == *op)?;
    let is_neutral = field.init.constant().map(f64::to_bits) == Some(combine.by().1.to_bits());
    let is_side = |of: &Expr| matches!(of, Expr::Side { index, .. } if *index == at);
    let joins = matches!(&field.merge, Expr::Binary(merge, a, b) if merge == op && a != b && is_side(a) && is_side(b));
    (is_neutral && joins).then_some((of, combine))
}

fn has_state(of: &Expr) -> bool {
    let mut found = false;
    of.each(&mut |part| found |= matches!(part, Expr::State(_)));
    found
}

/// The stages that a state of several fields of one matrix comes to, each taken in on its own.
pub(super) fn of_state(
    fields: &[Field],
    finish: Option<Expr>,
    axes: Vec<Axis>,
    numerics: Vec<Numerics>,
) -> Option<Body> {
    let stage = |(at, field): (usize, &Field)| {
        Some(Stage {
            name: field.name.clone(),
            fold: Some(alone(field, at)?),
            finish: None,
            fused: None,
            pass: 0,
        })
    };
    let stages = fields.iter().enumerate().map(stage).collect::<Option<Vec<_>>>()?;
    // The matrix is the one input: stages come after it.
    let value = match finish {
        None => Expr::Input(1),
        Some(mut finish) => {
            finish.each_mut(&mut |part| {
                if let Expr::State(at) = part {
                    *part = Expr::Input(1 + *at);
                }
            });
            finish
        }
    };
    let outputs = vec![Output { name: None, value, result: ResultType::Element }];
    let has_identity = fields.iter().all(|field| field.init.constant().is_some_and(f64::is_finite));
    Some(Body::Staged(Staged { axes, stages, outputs, has_identity, numerics, parts: Vec::new() }))
}

impl Staged {
    /// What a stage's terms are computed from, as the expression of a map: 1 for a mask that is counted. `None` where it is
    /// a matrix as it lies.
    #[must_use]
    pub fn terms(&self, stage: &Stage) -> Option<Expr> {
        match stage.fold.as_ref()? {
            (Expr::Input(_), combine) if *combine != Combine::Count => None,
            _ if stage.fused.is_some() => None,
            (of, Combine::Count) => {
                Some(Expr::Select(Box::new([of.clone(), Expr::Literal(1.0), Expr::Literal(0.0)])))
            }
            (of, _) => Some(of.clone()),
        }
    }

    /// The inputs of its expressions over an axis: those of the spec, then a value for each result of each stage.
    #[must_use]
    pub fn inputs(&self, inputs: &[Input], axis: Axis) -> Vec<Input> {
        let kind = match axis {
            Axis::All => InputKind::Scalar,
            Axis::Zero => InputKind::Row,
            Axis::One => InputKind::Column,
        };
        let stages = self.stages.iter().map(|stage| Input { name: stage.name.clone(), kind });
        inputs.iter().cloned().chain(stages).collect()
    }
}
