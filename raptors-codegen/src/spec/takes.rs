//! What the calls of a reduction can be told beside its axes, as those of `NumPy`'s functions can.

use super::{
    Body, Combine, InputKind, Reduce, ResultType, Spec, Staged,
    expr::{Binary, Expr, Unary},
};

/// Which arguments a reduction of an array takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// A mask of the elements that are taken in.
    pub mask: bool,
    /// A value that results start from.
    pub initial: bool,
    /// A wider dtype to reduce in.
    pub dtype: bool,
}

impl Takes {
    /// Their names in `NumPy`, in the order of its signatures.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let all = [("dtype", self.dtype), ("initial", self.initial), ("where", self.mask)];
        all.into_iter().filter_map(|(name, is)| is.then_some(name)).collect()
    }
}

impl Spec {
    /// What calls can be told. Sums, products, minima and maxima of the elements themselves, as of a mean; and in stages what is
    /// made of sums over one array, such as a variance.
    #[must_use]
    pub fn takes(&self) -> Takes {
        let matrices = self.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count();
        let others = self.inputs.iter().any(|input| matches!(input.kind, InputKind::Row | InputKind::Column));
        if matrices != 1 || others {
            return Takes::default();
        }
        match &self.body {
            Body::Reduce(reduce) => of_the_elements(reduce),
            Body::Staged(staged) if staged.map().is_none() && sums(staged) => {
                Takes { mask: true, initial: false, dtype: becomes_wider(staged, self.inputs.len()) }
            }
            Body::Map { .. } | Body::Staged(_) => Takes::default(),
        }
    }
}

fn of_the_elements(Reduce { state, finish, .. }: &Reduce) -> Takes {
    let [field] = &state[..] else { return Takes::default() };
    match &field.step {
        Expr::Binary(op, before, of) if **before == Expr::State(0) && **of == Expr::Input(0) => Takes {
            mask: matches!(op, Binary::Add | Binary::Mul | Binary::Min | Binary::Max),
            initial: finish.is_none(),
            dtype: matches!(op, Binary::Add | Binary::Mul),
        },
        _ => Takes::default(),
    }
}

fn sums(Staged { stages, outputs, .. }: &Staged) -> bool {
    let is_sum = |of: &Expr, combine: Combine| {
        let mut looks_for_nan = false;
        of.each(&mut |part| looks_for_nan |= matches!(part, Expr::Unary(Unary::IsNan, _)));
        combine == Combine::Add && !looks_for_nan
    };
    // Of elements as they are first: `NumPy` reads them as they lie, and of what it computes a copy.
    let reads_elements = stages.first().is_some_and(|stage| matches!(&stage.fold, Some((Expr::Input(0), _))));
    reads_elements
        && stages.iter().all(|stage| stage.fold.as_ref().is_none_or(|(of, combine)| is_sum(of, *combine)))
        && outputs.iter().all(|output| output.result == ResultType::Element)
}

/// Whether all that is summed is computed in a wider dtype if that is asked for: the elements themselves, and what another stage
/// has a part in, which is of that dtype. Of others, such as squares, `NumPy` rounds each to the dtype of the elements.
fn becomes_wider(Staged { stages, .. }: &Staged, inputs: usize) -> bool {
    stages.iter().filter_map(|stage| stage.fold.as_ref()).all(|(of, _)| {
        let mut is_wide = *of == Expr::Input(0);
        of.each(&mut |part| is_wide |= matches!(part, Expr::Input(at) if *at >= inputs));
        is_wide
    })
}

#[cfg(test)]
mod tests {
    use crate::{diagnostics::Source, spec};

    fn takes(rest: &str) -> Vec<&'static str> {
        let text = format!("summary = \"A test.\"\ndtypes = [\"f64\"]\n{rest}");
        let specs =
            spec::load(&[Source { name: "tested.toml".to_owned(), text }]).expect("a spec that is right");
        specs[0].takes().names()
    }

    #[test]
    fn sums_of_elements_take_all_and_others_what_numpy_gives_the_same_bits_for() {
        let plain = |of: &str, combine: &str| {
            takes(&format!(
                "inputs = {{ x = \"matrix\" }}\n[reduce]\naxes = [\"all\"]\nof = \"{of}\"\ncombine = \"{combine}\""
            ))
        };
        assert_eq!(plain("x", "add"), ["dtype", "initial", "where"]);
        assert_eq!(plain("x", "mul"), ["dtype", "initial", "where"]);
        assert_eq!(plain("x", "max"), ["initial", "where"]);
        assert!(plain("x * x", "add").is_empty());
        assert_eq!(plain("x", "add\"\nfinish = \"acc / count"), ["dtype", "where"]);
        let staged = |stages: &str| {
            takes(&format!(
                "inputs = {{ x = \"matrix\" }}\n[reduce]\naxes = [\"all\"]\n[reduce.stages]\n{stages}"
            ))
        };
        let mean = "mean = { of = \"x\", combine = \"add\", finish = \"acc / count\" }";
        assert_eq!(
            staged(&format!("{mean}\nvar = {{ of = \"(x - mean) * (x - mean)\", combine = \"add\" }}")),
            ["dtype", "where"]
        );
        assert!(staged("s = { of = \"x * x\", combine = \"add\", finish = \"sqrt(acc)\" }").is_empty());
        assert!(staged("s = { of = \"select(is_nan(x), 0, x)\", combine = \"add\" }").is_empty());
        assert!(staged("s = { of = \"x\", combine = \"max\", finish = \"acc + 1\" }").is_empty());
        assert!(takes("inputs = { x = \"matrix\" }\noutput = \"x + 1\"").is_empty());
    }
}
