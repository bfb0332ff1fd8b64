//! Which operations serve a function whose arguments are rows, columns and scalars in the place of matrices.
//!
//! Those that compute the same, whatever they are called by: the forms of one input, in one spec or in several, and
//! with operands exchanged where that changes no bit.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::{
    computation::Computation,
    spec::{Body, Input, InputKind, Spec},
};

/// The most matrices of a function whose forms are looked for: there are four to the power of them.
const MOST_MATRICES: usize = 4;

/// An operation for other kinds of arguments.
struct Form<'a> {
    kinds: Vec<InputKind>,
    op: &'a Spec,
    /// Of each argument of the operation, which of the function's it is.
    order: Vec<usize>,
}

/// The maps of a package, by the kinds of their arguments in order: each with what it computes.
pub(super) struct Maps<'a>(BTreeMap<Vec<InputKind>, Vec<(&'a Spec, Computation)>>);

impl<'a> Maps<'a> {
    pub(super) fn new(specs: &[&'a Spec]) -> Self {
        let mut maps = BTreeMap::<_, Vec<_>>::new();
        for &op in specs {
            if let Body::Map { output } = &op.body
                && op.inputs.iter().any(|input| input.kind == InputKind::Matrix)
            {
                let computed = Computation::of_map(output, &op.inputs);
                maps.entry(sorted_kinds(&op.inputs)).or_default().push((op, computed));
            }
        }
        Self(maps)
    }
}

fn sorted_kinds(inputs: &[Input]) -> Vec<InputKind> {
    let mut kinds: Vec<_> = inputs.iter().map(|input| input.kind).collect();
    kinds.sort_unstable();
    kinds
}

/// The forms of a function, as the package's code takes them.
pub(super) fn of(spec: &Spec, maps: &Maps<'_>) -> Vec<TokenStream> {
    found(spec, maps)
        .iter()
        .map(|Form { kinds, op, order }| {
            let kinds = kinds.iter().map(|kind| kind_name(*kind));
            let op = &op.name;
            quote!(Form::new(&[#(InputKind::#kinds),*], #op, &[#(#order),*]))
        })
        .collect()
}

fn kind_name(kind: InputKind) -> Ident {
    format_ident!("{kind:?}")
}

fn found<'a>(spec: &Spec, maps: &Maps<'a>) -> Vec<Form<'a>> {
    let Body::Map { output } = &spec.body else { return Vec::new() };
    let matrices: Vec<usize> =
        (0..spec.inputs.len()).filter(|&at| spec.inputs[at].kind == InputKind::Matrix).collect();
    if !(2..=MOST_MATRICES).contains(&matrices.len()) {
        return Vec::new();
    }
    let mut forms = Vec::new();
    for choice in 1..InputKind::ALL.len().pow(matrices.len().try_into().unwrap_or_default()) {
        let mut inputs = spec.inputs.clone();
        let mut rest = choice;
        for &at in matrices.iter().rev() {
            inputs[at].kind = InputKind::ALL[rest % InputKind::ALL.len()];
            rest /= InputKind::ALL.len();
        }
        let Some(ops) = maps.0.get(&sorted_kinds(&inputs)) else { continue };
        let wanted = Computation::of_map(output, &inputs);
        // The spec's own forms come before others that compute the same.
        let own = format!("{}_", spec.name);
        let serves = ops
            .iter()
            .filter(|(op, computed)| op.dtypes == spec.dtypes && computed.formula == wanted.formula);
        if let Some((op, computed)) = serves.min_by_key(|(op, _)| (!op.name.starts_with(&own), &op.name)) {
            // Of each argument of the operation, which of the function's it is.
            let argument = |at| wanted.arguments[computed.position(at)].input;
            let order = (0..op.inputs.len()).map(argument).collect();
            forms.push(Form { kinds: inputs.iter().map(|input| input.kind).collect(), op, order });
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{self, Source};

    /// The forms of the first function: kinds, operation, order.
    fn forms(files: &[(&str, &str, &str)]) -> Vec<(String, String, Vec<usize>)> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(name, inputs, output)| Source {
                name: format!("{name}.toml"),
                text: format!(
                    "summary = \"A test.\"\ninputs = {{ {inputs} }}\noutput = \"{output}\"\ndtypes = [\"f32\"]\n"
                ),
            })
            .collect();
        let specs = spec::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
        let specs: Vec<&Spec> = specs.iter().collect();
        let first = specs.iter().find(|spec| spec.name == files[0].0).expect("the first file's");
        found(first, &Maps::new(&specs))
            .into_iter()
            .map(|form| {
                let kinds: Vec<_> = form.kinds.iter().map(|kind| kind.name()).collect();
                (kinds.join(" "), form.op.name.clone(), form.order)
            })
            .collect()
    }

    #[test]
    fn forms_are_those_that_compute_the_same() {
        let several = "x = \"matrix\", y = [\"matrix\", \"row\", \"scalar\"]";
        let form =
            |kinds: &str, op: &str, order: [usize; 2]| (kinds.to_owned(), op.to_owned(), order.to_vec());
        // Operands of a difference cannot be exchanged, those of a sum can.
        assert_eq!(
            forms(&[("less", several, "x - y")]),
            [form("matrix row", "less_row", [0, 1]), form("matrix scalar", "less_scalar", [0, 1])]
        );
        assert_eq!(
            forms(&[("more", several, "x + y")]),
            [
                form("matrix row", "more_row", [0, 1]),
                form("matrix scalar", "more_scalar", [0, 1]),
                form("row matrix", "more_row", [1, 0]),
                form("scalar matrix", "more_scalar", [1, 0]),
            ]
        );
        // Whatever it is called by, and in whichever order it takes its arguments.
        assert_eq!(
            forms(&[
                ("times", "x = \"matrix\", y = \"matrix\"", "x * y"),
                ("gain", "by = \"scalar\", of = \"matrix\"", "by * of"),
                ("other", "x = \"matrix\", y = \"row\"", "x / y"),
            ]),
            [form("matrix scalar", "gain", [1, 0]), form("scalar matrix", "gain", [0, 1])]
        );
        assert!(forms(&[("one", "x = \"matrix\"", "-x")]).is_empty());
    }
}
