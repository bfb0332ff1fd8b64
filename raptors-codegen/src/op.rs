//! Operations: what callers name. A map spec is one, a reduction is one for each axis.
//!
//! An [`Op`] has kernels. One in stages ([`StagedOp`]) has none of its own: its parts are operations that nobody can call.

use crate::{
    computation::Computation,
    spec::{Axis, Body, InputKind, Numerics, Reduce, Spec, Staged},
};

/// An operation of a spec.
#[derive(Clone, Debug)]
pub struct Op<'a> {
    /// Its name: `scale`, `sum_axis0`.
    pub name: String,
    /// The spec it comes from.
    pub spec: &'a Spec,
    /// How its kernels walk memory.
    pub form: Form<'a>,
    /// What its kernels compute, whatever the spec calls it.
    pub computation: Computation,
}

/// What an operation computes.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// Element by element.
    Map,
    /// A reduction over one axis.
    Reduce(&'a Reduce, Axis),
}

/// An operation in stages, over one axis.
#[derive(Clone, Debug)]
pub struct StagedOp<'a> {
    /// Its name: `var`, `var_axis0`.
    pub name: String,
    /// The spec it comes from.
    pub spec: &'a Spec,
    /// Its stages.
    pub staged: &'a Staged,
    /// Over what.
    pub axis: Axis,
}

impl<'a> StagedOp<'a> {
    /// Those of all specs, sorted by name.
    #[must_use]
    pub fn of_specs(specs: &'a [Spec]) -> Vec<Self> {
        let of_spec = |spec: &'a Spec| match &spec.body {
            Body::Staged(staged) => {
                let of_axis = |&axis: &Axis| {
                    let name = format!("{}{}", spec.name, axis.suffix());
                    Self { name, spec, staged, axis }
                };
                staged.axes.iter().map(of_axis).collect()
            }
            Body::Map { .. } | Body::Reduce(_) => Vec::new(),
        };
        let mut ops: Vec<_> = specs.iter().flat_map(of_spec).collect();
        ops.sort_by(|a, b| a.name.cmp(&b.name));
        ops
    }

    /// The names of its parts.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        let Self { spec, staged, axis, .. } = self;
        let mut parts = Vec::new();
        for stage in &staged.stages {
            if staged.terms(stage).is_some() {
                parts.push(spec.terms_name(*axis, stage));
            }
            if let Some((_, combine)) = &stage.fold {
                let name = spec.folds_name(stage, *combine);
                parts.push(format!("{name}{}", axis.suffix()));
                parts.push(name);
            }
        }
        if staged.map().is_some() {
            parts.push(spec.matrix_name(*axis));
        }
        parts
    }

    /// The type that stands for it in Rust: `VarAxis0`.
    #[must_use]
    pub fn type_name(&self) -> String {
        camel(&self.name)
    }
}

/// A loop skeleton: how a kernel walks memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Element by element, row by row.
    Map,
    /// Runs of neighbours (all elements, or each row) by the pairwise tree.
    Runs,
    /// Runs of neighbours, one element after another.
    RunsInOrder,
    /// Down the columns, row after row.
    Columns,
    /// Down the columns, by the pairwise tree over the rows.
    ColumnTree,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] = [Self::Map, Self::Runs, Self::RunsInOrder, Self::Columns, Self::ColumnTree];

    /// Its word in the names of kernels and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Runs => "runs",
            Self::RunsInOrder => "in_order",
            Self::Columns => "columns",
            Self::ColumnTree => "tree",
        }
    }
}

impl<'a> Op<'a> {
    /// The operations of a spec, in the order of its axes; of one in stages, those of its parts.
    #[must_use]
    pub fn of_spec(spec: &'a Spec) -> Vec<Self> {
        match &spec.body {
            Body::Map { output } => vec![Self {
                name: spec.name.clone(),
                spec,
                form: Form::Map,
                computation: Computation::of_map(output, &spec.inputs),
            }],
            Body::Reduce(reduce) => reduce
                .axes
                .iter()
                .map(|&axis| Self {
                    name: format!("{}{}", spec.name, axis.suffix()),
                    spec,
                    form: Form::Reduce(reduce, axis),
                    computation: Computation::of_reduction(reduce, axis),
                })
                .collect(),
            Body::Staged(staged) => staged.parts.iter().flat_map(Self::of_spec).collect(),
        }
    }

    /// Whether it is a part of an operation in stages, which nobody can call by itself.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.name.contains("__")
    }

    /// The operation that people know: itself, or the spec whose part it is.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.split("__").next().unwrap_or_default()
    }

    /// The operations of all specs, sorted by name.
    #[must_use]
    pub fn of_specs(specs: &'a [Spec]) -> Vec<Self> {
        let mut ops: Vec<_> = specs.iter().flat_map(Self::of_spec).collect();
        ops.sort_by(|a, b| a.name.cmp(&b.name));
        ops
    }

    /// The type that stands for it in Rust: `SumAxis0`.
    #[must_use]
    pub fn type_name(&self) -> String {
        camel(&self.name)
    }

    /// The skeleton its kernels have in a numeric class.
    #[must_use]
    pub const fn family(&self, numerics: Numerics) -> Family {
        match self.form {
            Form::Map => Family::Map,
            Form::Reduce(reduce, Axis::Zero) => match numerics {
                // In any order the bits are the same: the plainer one does.
                Numerics::Accurate if !Self::is_order_free(reduce) => Family::ColumnTree,
                _ => Family::Columns,
            },
            Form::Reduce(reduce, _) => match numerics {
                Numerics::Numpy | Numerics::Any if reduce.sequential => Family::RunsInOrder,
                _ => Family::Runs,
            },
        }
    }

    /// The classes a caller can choose from, `Numpy` first.
    #[must_use]
    pub fn numerics(&self) -> &'a [Numerics] {
        match self.form {
            Form::Map if self.spec.has_any() => &[Numerics::Numpy, Numerics::Any],
            Form::Map => &[Numerics::Numpy],
            Form::Reduce(reduce, _) => &reduce.numerics,
        }
    }

    /// Whether this build has routines that compete with its kernels in the class `any`.
    #[must_use]
    pub fn has_routines(&self) -> bool {
        let listed = self.spec.backends.iter();
        listed.flat_map(|of| of.backend.named_routines(of.routine)).any(|routine| routine.serves(self))
    }

    /// The classes that need kernels of their own: those whose skeleton differs from the ones before.
    #[must_use]
    pub fn kernel_classes(&self) -> Vec<Numerics> {
        let mut classes: Vec<Numerics> = Vec::new();
        let wanted = match self.form {
            // A single column is a run of neighbours: NumPy sums it by the tree, so the tree is needed in any case.
            // A part has no call of its own: what it is a part of sees to that.
            Form::Reduce(reduce, Axis::Zero) if !reduce.sequential && !self.is_part() => {
                &Numerics::LISTED[..]
            }
            _ => self.numerics(),
        };
        for &numerics in wanted {
            if numerics != Numerics::Any
                && classes.iter().all(|&other| self.family(other) != self.family(numerics))
            {
                classes.push(numerics);
            }
        }
        // The kernels of the first class, and routines beside them.
        if self.has_routines() {
            classes.push(Numerics::Any);
        }
        classes
    }

    /// Whether the order in which elements are taken in leaves no trace in the result: minima and maxima, whose states
    /// are infinite at first and then one of the elements.
    #[must_use]
    pub const fn is_order_free(reduce: &Reduce) -> bool {
        !reduce.has_identity
    }

    /// The class whose kernels serve `numerics`.
    #[must_use]
    pub fn served_by(&self, numerics: Numerics) -> Numerics {
        let classes = self.kernel_classes();
        if classes.contains(&numerics) {
            return numerics;
        }
        classes
            .into_iter()
            .find(|&class| self.family(class) == self.family(numerics))
            .unwrap_or(Numerics::Numpy)
    }

    /// Index of the first matrix: the shape of the call, and what is overwritten in place.
    ///
    /// # Panics
    /// If there is none, which a checked spec does not allow.
    #[must_use]
    pub fn first_matrix(&self) -> usize {
        self.spec
            .inputs
            .iter()
            .position(|input| input.kind == InputKind::Matrix)
            .expect("a checked spec has a matrix input")
    }
}

/// `sum_axis0` → `SumAxis0`. An underline before a digit stays, so that no two names have one type: `x1_2` → `X1_2`.
#[must_use]
pub fn camel(name: &str) -> String {
    let word = |word: &str| -> String {
        let mut letters = word.chars();
        match letters.next() {
            Some(digit) if digit.is_ascii_digit() => format!("_{word}"),
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => String::new(),
        }
    };
    name.split('_').map(word).collect()
}
