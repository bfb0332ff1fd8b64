//! What a state must be, so that a reduction has one result however it is cut: no elements change nothing, and a
//! single element is the same whether it is stepped over or merged.
//!
//! Expressions are not proved to be that, they are tried: on the states that a few elements lead to. So a state that
//! no elements lead to (a negative greatest distance) is none of them.

use std::ops::Range;

use super::{
    evaluate::Leaf,
    expr::Expr,
    model::Field,
    read::{Block, Sink},
    rule::Rule,
};
use crate::diagnostics::shown;

/// Elements that states are tried on. −0 equals +0 here: sums start from +0, as `NumPy`'s do.
const ELEMENTS: [f64; 10] =
    [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 1_099_511_627_776.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
/// Elements on which arithmetic is exact enough for another order of it to give the same.
const SMALL: [f64; 6] = [0.0, 1.0, -1.0, 2.0, -3.0, 5.0];
/// Values that are neutral for what people merge by, as they are written.
const USUAL: [(f64, &str); 4] =
    [(0.0, "0"), (1.0, "1"), (f64::INFINITY, "1 / 0"), (f64::NEG_INFINITY, "-1 / 0")];

/// The fields of a state, and where they stand.
pub(super) struct State<'a> {
    pub(super) fields: &'a [Field],
    pub(super) blocks: &'a [&'a Block],
    /// The number of inputs.
    pub(super) inputs: usize,
}

impl State<'_> {
    /// Reports fields whose `init` is not neutral for `merge`, else those whose `step` is another thing than `merge`.
    pub(super) fn check(&self, sink: &mut Sink<'_>) {
        let Some(init) = self.init() else { return };
        let states = self.reached(&init, &ELEMENTS);
        let mut neutral = true;
        for (index, (field, block)) in self.fields.iter().zip(self.blocks).enumerate() {
            let text = block.text("init").map_or("", |text| text.value.as_str());
            let (name, text) = (shown(&field.name), shown(text));
            let other = USUAL.iter().find(|(value, _)| self.would_do(&init, index, *value));
            let (message, label) = if !self.is_neutral(&init, index, &states) {
                (
                    format!("{text} is not a neutral start for {name}"),
                    "merged with another state, it changes that",
                )
            } else if is_stuck(&init, index, &states) && other.is_some() {
                (format!("{name} starts from {text} and never changes"), "no element changes it")
            } else {
                continue;
            };
            neutral = false;
            let fix = match other {
                Some((_, text)) => {
                    format!("write `init = \"{text}\"`; what is to come in once belongs in `finish`")
                }
                None => "write an `init` that leaves every state it is merged with as it is".to_owned(),
            };
            sink.report(Rule::NotNeutral, &place(block, "init"), message).label(label).fix(fix);
        }
        if neutral {
            self.check_steps(sink, &init);
        }
    }

    /// Reports the first field in which merging elements gives another state than stepping over them.
    fn check_steps(&self, sink: &mut Sink<'_>, init: &[f64]) {
        let after = |before: &[f64], elements: &[f64]| {
            elements.iter().try_fold(before.to_vec(), |state, element| self.step(&state, *element))
        };
        let one = SMALL.map(|element| vec![element]);
        let two = SMALL.iter().flat_map(|first| SMALL.map(|second| vec![*first, second]));
        let runs: Vec<Vec<f64>> = one.into_iter().chain(two).collect();
        for state in self.reached(init, &SMALL) {
            for run in &runs {
                let merged = after(init, run).and_then(|of_run| self.merge(&state, &of_run));
                let (Some(stepped), Some(merged)) = (after(&state, run), merged) else { return };
                let Some(wrong) = (0..stepped.len()).find(|at| !agrees(stepped[*at], merged[*at])) else {
                    continue;
                };
                let (field, block) = (&self.fields[wrong], self.blocks[wrong]);
                let elements: Vec<String> = run.iter().map(f64::to_string).collect();
                let message = format!(
                    "`merge` of {} is not what `step` does: from {}, the element{} {} lead{} to {} by `step`, and \
                     to {} by `merge`",
                    shown(&field.name),
                    state[wrong],
                    if run.len() == 1 { "" } else { "s" },
                    elements.join(" and "),
                    if run.len() == 1 { "s" } else { "" },
                    stepped[wrong],
                    merged[wrong]
                );
                sink.report(Rule::StepAndMerge, &place(block, "merge"), message)
                    .label("does not join two states")
                    .fix("write a `merge` that joins two states: calls are cut into pieces, each starts from `init`");
                return;
            }
        }
    }

    /// Whether merging with the initial state leaves the field of that index of all these states as it is.
    fn is_neutral(&self, init: &[f64], index: usize, states: &[Vec<f64>]) -> bool {
        states.iter().all(|state| {
            [self.merge(init, state), self.merge(state, init)]
                .into_iter()
                // What has no value is reported elsewhere.
                .all(|merged| merged.is_none_or(|merged| same(merged[index], state[index])))
        })
    }

    /// Whether the field would be right with that initial value.
    fn would_do(&self, init: &[f64], index: usize, value: f64) -> bool {
        let mut init = init.to_vec();
        init[index] = value;
        let states = self.reached(&init, &ELEMENTS);
        self.is_neutral(&init, index, &states) && !is_stuck(&init, index, &states)
    }

    /// The states of no element, of one and of two.
    fn reached(&self, init: &[f64], elements: &[f64]) -> Vec<Vec<f64>> {
        let step = |state: &[f64]| -> Vec<Vec<f64>> {
            elements.iter().filter_map(|element| self.step(state, *element)).collect()
        };
        let one = step(init);
        let two: Vec<_> = one.iter().flat_map(|state| step(state)).collect();
        [vec![init.to_vec()], one, two].concat()
    }

    fn init(&self) -> Option<Vec<f64>> {
        self.fields.iter().map(|field| field.init.constant()).collect()
    }

    fn step(&self, state: &[f64], element: f64) -> Option<Vec<f64>> {
        self.each(|field| &field.step, &|leaf| match leaf {
            Expr::State(index) => state.get(*index).copied(),
            // With several inputs it is an error already.
            Expr::Input(_) => (self.inputs == 1).then_some(element),
            _ => None,
        })
    }

    fn merge(&self, a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
        self.each(|field| &field.merge, &|leaf| match leaf {
            Expr::Side { second, index } => (if *second { b } else { a }).get(*index).copied(),
            _ => None,
        })
    }

    fn each(&self, of: impl Fn(&Field) -> &Expr, leaf: Leaf<'_>) -> Option<Vec<f64>> {
        self.fields.iter().map(|field| of(field).value(leaf)).collect()
    }
}

/// Whether no element changes the field, but to NaN: a product that starts from 0. So it is as well where only elements
/// count that are not among those tried, wherever it starts.
fn is_stuck(init: &[f64], index: usize, states: &[Vec<f64>]) -> bool {
    states.iter().all(|state| state[index].is_nan() || same(state[index], init[index]))
}

fn place(block: &Block, field: &str) -> Range<usize> {
    block.text(field).map_or_else(|| block.span.clone(), |text| text.span.clone())
}

/// Equal, but for a rounding.
#[allow(clippy::float_cmp, reason = "infinities are equal, and have no distance")]
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || ((a - b).is_finite() && (a - b).abs() <= 1e-9 * b.abs())
}

/// Equal, but for roundings on the way.
fn agrees(a: f64, b: f64) -> bool {
    same(a, b) || (a - b).abs() <= 1e-9
}

#[cfg(test)]
mod tests {
    use crate::diagnostics::Source;

    /// The rules that a state of one field breaks.
    fn broken(init: &str, step: &str, merge: &str) -> Vec<&'static str> {
        let text = format!(
            "summary = \"S.\"\ninputs = {{ x = \"matrix\" }}\ndtypes = [\"f64\"]\n[reduce]\naxes = [\"all\"]\n\
             [reduce.state]\nm = {{ init = \"{init}\", step = \"{step}\", merge = \"{merge}\" }}\n"
        );
        let found = crate::spec::load(&[Source { name: "ops/op.toml".to_owned(), text }]);
        found.err().map_or_else(Vec::new, |found| found.all().iter().map(|one| one.rule).collect())
    }

    #[test]
    fn states_that_do_not_depend_on_the_cut() {
        for (init, step, merge) in [
            ("0", "m + x", "a.m + b.m"),
            ("-0", "m + x", "a.m + b.m"),
            ("0", "fma(x, x, m)", "a.m + b.m"),
            ("0", "m + x / 3", "b.m + a.m"),
            ("1", "m * x", "a.m * b.m"),
            ("1 / 0", "min(m, x)", "min(a.m, b.m)"),
            ("-1 / 0", "max(m, abs(x))", "max(a.m, b.m)"),
            // No element leads below 0, or above 7, where it would not be neutral.
            ("0", "max(m, abs(x))", "max(a.m, b.m)"),
            ("7", "min(m, x)", "min(a.m, b.m)"),
            ("0", "sqrt(m * m + x * x)", "sqrt(a.m * a.m + b.m * b.m)"),
            ("0", "m + select(is_nan(x), 0, 1)", "a.m + b.m"),
            // Elements that are not tried.
            ("0", "m + select(x == 7.5, 1, 0)", "a.m + b.m"),
            ("0", "select(is_nan(x), m, m + x)", "a.m + b.m"),
        ] {
            assert_eq!(broken(init, step, merge), [""; 0], "{init}; {step}; {merge}");
        }
    }

    #[test]
    fn states_that_do() {
        for (init, step, merge) in [
            ("5", "m + x", "a.m + b.m"),
            ("1e-300", "m + x", "a.m + b.m"),
            ("1 / 0", "m + x", "a.m + b.m"),
            ("0 / 0", "m + x", "a.m + b.m"),
            ("2", "m * x", "a.m * b.m"),
            ("0", "m * x", "a.m * b.m"),
            ("-1 / 0", "min(m, x)", "min(a.m, b.m)"),
            ("0", "x", "b.m"),
            ("0", "m + x", "(a.m + b.m) / 2"),
        ] {
            assert_eq!(broken(init, step, merge), ["not-neutral"], "{init}; {step}; {merge}");
        }
        for (init, step, merge) in [("1", "m + x", "a.m * b.m"), ("0", "m + 2 * x - m", "a.m + b.m")] {
            assert_eq!(broken(init, step, merge), ["step-and-merge"], "{init}; {step}; {merge}");
        }
    }
}
