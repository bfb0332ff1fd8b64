//! The parts of an operation in stages: specs that no file has, for which there are kernels.

use super::{
    expr::{Binary, Expr},
    model::{Axis, Body, Combine, Field, Input, InputKind, Reduce, Spec, Stage, Staged, Tasks, Variants},
    staged::ACC,
};

/// At the end of the name of the part that computes a matrix from what the stages come to.
const MATRIX: &str = "__to__matrix";

impl Spec {
    /// The name of the part that computes the terms of a stage.
    #[must_use]
    pub fn terms_name(&self, axis: Axis, stage: &Stage) -> String {
        format!("{}{}__{}", self.name, axis.suffix(), stage.name)
    }

    /// The name of the part that reduces for a stage: by an operator, for all that do so; or one of its own.
    #[must_use]
    pub fn folds_name(&self, stage: &Stage, combine: Combine) -> String {
        // No stage is called so: names of stages have no two underlines.
        match stage.fused {
            Some(_) => format!("{}__of__{}", self.name, stage.name),
            None => format!("{}__by__{}", self.name, combine.by().0.word()),
        }
    }

    /// The name of the part that computes a matrix from what the stages come to.
    #[must_use]
    pub fn matrix_name(&self, axis: Axis) -> String {
        format!("{}{}{MATRIX}", self.name, axis.suffix())
    }

    /// Whether it is such a part, which may overwrite a matrix: others compute terms into memory of their own.
    #[must_use]
    pub fn gives_matrix(&self) -> bool {
        self.name.ends_with(MATRIX)
    }

    /// Gives an operation in stages the parts that it needs kernels for; others stay as they are.
    pub(super) fn with_parts(mut self) -> Self {
        let Body::Staged(staged) = &self.body else { return self };
        let part = |name: String, inputs: Vec<Input>, body: Body| Self {
            name,
            inputs,
            body,
            text: String::new(),
            defaults: Vec::new(),
            numpy: None,
            // Blocks are in the first cache: one kernel does for each instruction set.
            variants: Variants { store: vec![super::Store::Cached], ..Variants::default() },
            tasks: Tasks::default(),
            shapes: Vec::new(),
            ..self.clone()
        };
        let mut parts = Vec::new();
        for stage in &staged.stages {
            if let Some(output) = staged.terms(stage) {
                for &axis in &staged.axes {
                    let inputs = staged.inputs(&self.inputs, axis);
                    parts.push(part(
                        self.terms_name(axis, stage),
                        inputs,
                        Body::Map { output: output.clone() },
                    ));
                }
            }
        }
        if let Some(output) = staged.map() {
            for &axis in &staged.axes {
                let (name, inputs) = (self.matrix_name(axis), staged.inputs(&self.inputs, axis));
                let mut matrix = part(name, inputs, Body::Map { output: output.clone() });
                // A matrix of the caller's may go past the caches.
                matrix.variants = Variants::default();
                parts.push(matrix);
            }
        }
        for stage in &staged.stages {
            let Some((of, combine)) = &stage.fold else { continue };
            let name = self.folds_name(stage, *combine);
            if parts.iter().any(|part| part.name == name) {
                continue;
            }
            let of = match (stage.fused, combine) {
                (None, _) => Expr::Input(0),
                (Some(_), Combine::Count) => {
                    Expr::Select(Box::new([of.clone(), Expr::Literal(1.0), Expr::Literal(0.0)]))
                }
                (Some(_), _) => of.clone(),
            };
            let inputs = vec![Input { name: "x".to_owned(), kind: InputKind::Matrix }];
            let mut fold = part(name, inputs, Body::Reduce(fold(of, *combine, staged)));
            fold.variants = Variants::default();
            parts.push(fold);
        }
        if let Body::Staged(staged) = &mut self.body {
            staged.parts = parts;
        }
        self
    }
}

/// The reduction by an operator, of what is computed from one matrix.
fn fold(mut of: Expr, combine: Combine, staged: &Staged) -> Reduce {
    let (op, init) = combine.by();
    of.each_mut(&mut |part| {
        if let Expr::Input(at) = part {
            *at = 0;
        }
    });
    let side = |second| Box::new(Expr::Side { second, index: 0 });
    let field = Field {
        name: ACC.to_owned(),
        init: Expr::Literal(init),
        step: Expr::Binary(op, Box::new(Expr::State(0)), Box::new(of)),
        merge: Expr::Binary(op, side(false), side(true)),
    };
    // A single column, and a row that is longer than a block, is a run of all elements.
    let mut axes = staged.axes.clone();
    if !axes.contains(&Axis::All) {
        axes.insert(0, Axis::All);
    }
    Reduce {
        axes,
        state: vec![field],
        finish: None,
        sequential: op == Binary::Mul,
        has_identity: init.is_finite(),
        numerics: staged.numerics.clone(),
    }
}
