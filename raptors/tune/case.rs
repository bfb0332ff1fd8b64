//! The cases: target shapes and the representatives of buckets, all of them from the catalogue and this machine's caches.

use std::fmt::{self, Display};

use raptors_profile::{Aspect, Bucket, Place, Size};

use crate::{
    Caches, Dtype, Error, Isa, Numerics,
    catalogue::{self, Axis, Body, Explanation, Group, InputKind, Kernel, Op, Status},
};

/// What one tournament decides: the kernel of one row of one dispatch table, for all operations that have the table.
#[derive(Clone, Debug)]
pub struct Case {
    /// The kernels that compete.
    pub group: &'static Group,
    /// The operation whose calls are timed, the first of those that the group serves.
    pub op: &'static Op,
    /// Element type.
    pub dtype: Dtype,
    /// The numeric class, the first that the table serves.
    pub numerics: Numerics,
    /// Whether calls overwrite their first matrix: such have a table of their own.
    pub inplace: bool,
    /// The row.
    pub place: Place,
    /// Rows and columns of the matrices that are measured, one shape or several.
    pub shapes: Vec<(usize, usize)>,
}

/// The bytes that calls of a size have, from and to; those in memory up to four times the last cache.
pub(super) const fn range(size: Size, caches: Caches) -> (usize, usize) {
    let third = raptors_profile::third(caches.l3, raptors_profile::USUAL_THIRD);
    match size {
        Size::L1 => (0, caches.l1),
        Size::L2 => (caches.l1, caches.l2),
        Size::L3 => (caches.l2, third),
        Size::Memory => (third, 4 * caches.l3),
    }
}

/// Bytes that stand for a size: in the middle, as ratios go. In memory, half more than the last cache holds: wherever a
/// processor's maps begin to store past the caches, that is beyond; and since calls take turns between two places, nothing of
/// it is left there from one call to the next.
fn middle(size: Size, caches: Caches) -> usize {
    let (from, to) = range(size, caches);
    match size {
        Size::L1 => to / 2,
        Size::L2 | Size::L3 => from.saturating_mul(to.max(from)).isqrt(),
        Size::Memory => caches.l3 / 2 * 3,
    }
}

/// Bytes halfway, as ratios go, from the middle to where the size begins and to where it ends.
fn towards_ends(size: Size, caches: Caches) -> [usize; 2] {
    let (middle, (from, to)) = (middle(size, caches), range(size, caches));
    [from.max(middle / 16), to].map(|end| middle.saturating_mul(end).isqrt())
}

/// A matrix of a form and of about so many elements.
pub(super) fn shape(aspect: Aspect, elements: usize) -> (usize, usize) {
    // Far from where one form becomes another, which is at sixteen times.
    const OBLONG: usize = 64;
    let cols = match aspect {
        Aspect::Wide => elements.saturating_mul(OBLONG).isqrt().next_multiple_of(8),
        Aspect::Square => elements.isqrt().next_multiple_of(8),
        Aspect::Tall => (elements / OBLONG).isqrt(),
    };
    // A single column would be a run of neighbours.
    let cols = cols.max(2);
    ((elements / cols).max(1), cols)
}

impl Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match (self.inplace, self.numerics == Numerics::default()) {
            (true, true) => " in place",
            (true, false) => &format!(" {} in place", self.numerics),
            (false, true) => "",
            (false, false) => &format!(" {}", self.numerics),
        };
        write!(f, "{} {}{class} {}", self.serves(), self.dtype, self.place)
    }
}

/// Matrices that a call reads, and that it writes.
pub(super) fn matrices(op: &Op) -> (usize, usize) {
    let reads = op.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count();
    (reads, usize::from(matches!(op.body, Body::Map(_))))
}

/// Bytes that a call reads and writes for each element of its matrices, as the dispatch table counts them.
fn bytes_of_element(op: &Op, dtype: Dtype) -> usize {
    let (reads, writes) = matrices(op);
    (reads + writes) * dtype.bytes()
}

impl Case {
    /// The names of the operations that follow it: `sum, mean`.
    #[must_use]
    pub fn serves(&self) -> String {
        self.group.ops().map(|op| op.name).collect::<Vec<_>>().join(", ")
    }

    /// The first of its shapes, which decides what the table says.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.shapes[0]
    }

    /// Bytes that a call reads and writes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let (rows, cols) = self.shape();
        rows * cols * bytes_of_element(self.op, self.dtype)
    }

    /// Whether calls of both do the same work: buckets of one size that differ in form, where a call sees contiguous
    /// matrices as one run of elements and does not know the form.
    pub(super) fn does_the_work_of(&self, other: &Self) -> bool {
        let size = |case: &Self| match case.place {
            Place::Bucket(Bucket { size, .. }) => Some(size),
            Place::Shape(..) => None,
        };
        let is_one_run = self.op.body.axis().map_or_else(
            || {
                let mut kinds = self.op.inputs.iter().map(|input| input.kind);
                kinds.all(|kind| matches!(kind, InputKind::Matrix | InputKind::Scalar))
            },
            |axis| axis == Axis::All,
        );
        is_one_run
            && std::ptr::eq(self.group, other.group)
            && size(self).is_some()
            && size(self) == size(other)
    }

    /// The case of the same bucket whose calls move about so many bytes.
    pub(super) fn with_bytes(&self, bytes: usize) -> Self {
        let Place::Bucket(Bucket { aspect, .. }) = self.place else { return self.clone() };
        let shapes = vec![shape(aspect, bytes / bytes_of_element(self.op, self.dtype))];
        Self { shapes, ..self.clone() }
    }

    /// The same bucket nearer to where it begins and to where it ends: a winner holds for all of it. None for a shape.
    pub(super) fn ends(&self) -> Vec<Self> {
        let Place::Bucket(bucket) = self.place else { return Vec::new() };
        let caches = crate::caches();
        towards_ends(bucket.size, caches).map(|bytes| self.with_bytes(bytes)).to_vec()
    }

    /// The table that it is a row of, as a profile names it: `mul_m_s.f32.avx2`.
    #[must_use]
    pub fn table(&self, isa: Isa) -> String {
        let Group { computation, dtype, .. } = self.group;
        format!("{computation}.{dtype}.{}{}", isa.name(), self.group.kind())
    }

    /// The candidates: every kernel of this build and these instruction sets that its row can name, and every routine.
    #[must_use]
    pub fn candidates(&self, isas: &[Isa]) -> Vec<&'static Kernel> {
        let refused: Vec<_> = crate::backends()
            .into_iter()
            .filter(|linked| linked.refused.is_some())
            .map(|linked| linked.name)
            .collect();
        let competes = |kernel: &&'static Kernel| match kernel.backend {
            Some(backend) => !refused.contains(&backend),
            None => isas.contains(&kernel.isa) && kernel.is_built(),
        };
        self.group.kernels().filter(competes).collect()
    }

    /// What the table says of it: the kernel is its incumbent.
    ///
    /// # Errors
    /// As [`Op::explain`].
    pub fn explain(&self) -> Result<Explanation, Error> {
        if self.inplace {
            self.op.explain_inplace(self.dtype, self.numerics, self.shape())
        } else {
            self.op.explain(self.dtype, self.numerics, self.shape())
        }
    }

    /// The extent of the result.
    pub(super) fn result((rows, cols): (usize, usize), op: &Op) -> (usize, usize) {
        op.body.extent((rows, cols))
    }
}

/// How far a candidate is from the plain kernel: of those that are tied, the least complex one is preferred, and before
/// all others one that a table names already, since it adds nothing to the library.
#[must_use]
pub fn complexity(kernel: &Kernel) -> usize {
    // `<computes>_<skeleton>_<dtype>_<isa>_u<unroll>[_…]`: each word after that is something more.
    let mut words = kernel.name.split('_').skip_while(|word| *word != kernel.isa.name()).skip(1);
    let unroll = words.next().and_then(|word| word.strip_prefix('u')?.parse().ok()).unwrap_or(1);
    let is_new = usize::from(kernel.status != Status::Shipped);
    // The kernel of our own, whose bits are the same everywhere.
    let is_foreign = usize::from(kernel.backend.is_some());
    10_000 * is_foreign + 1000 * is_new + 100 * words.count() + usize::min(unroll, 9)
}

/// What part of the cases is wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Names of operations, or of specs; all of them if there are none.
    pub ops: Vec<String>,
    /// Element types; all of them if there are none.
    pub dtypes: Vec<Dtype>,
    /// The rows of the class `any`, in which routines of backends take part, in the place of all others.
    pub any: bool,
}

impl Filter {
    /// From words: names of operations, of specs and of element types.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a word that is none of them.
    pub fn of(words: &[String]) -> Result<Self, Error> {
        let mut filter = Self::default();
        for word in words {
            if let Some(dtype) = Dtype::ALL.into_iter().find(|dtype| dtype.name() == word) {
                filter.dtypes.push(dtype);
            } else if catalogue::ops().iter().any(|op| named(op, word)) {
                filter.ops.push(word.clone());
            } else {
                let mut known: Vec<_> = catalogue::ops().iter().map(|op| op.name).collect();
                known.extend(Dtype::ALL.map(Dtype::name));
                let kind = "operation or element type";
                return Err(Error::Unknown { kind, name: word.clone(), known: known.join(", ") });
            }
        }
        Ok(filter)
    }

    fn takes(&self, group: &'static Group) -> bool {
        (group.numerics == Numerics::Any) == self.any
            && (self.ops.is_empty() || group.ops().any(|op| self.ops.iter().any(|word| named(op, word))))
            && (self.dtypes.is_empty() || self.dtypes.contains(&group.dtype))
    }
}

/// Whether a word is the name of an operation or of its spec: `sum` is the operation over all elements and those along
/// an axis.
fn named(op: &Op, word: &str) -> bool {
    let stem = op.file.rsplit('/').next().and_then(|file| file.strip_suffix(".toml"));
    op.name == word || stem == Some(word)
}

/// Every case of a part, in the order of groups: first those of target shapes, then those of buckets. With `full`, buckets
/// are judged by more shapes than the one in their middle.
#[must_use]
pub fn cases(filter: &Filter, caches: Caches, full: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    for group in catalogue::groups().iter().filter(|group| filter.takes(group)) {
        let Some((op, numerics)) = called(group) else { continue };
        let Group { dtype, inplace, .. } = *group;
        let case = |place, shapes| Case { group, op, dtype, numerics, inplace, place, shapes };
        let targets = targets(group);
        for &(rows, cols) in &targets {
            cases.push(case(Place::Shape(rows, cols), vec![(rows, cols)]));
        }
        for size in Size::ALL {
            for aspect in Aspect::ALL {
                // A target shape has a row of its own.
                let of = |bytes: usize| match shape(aspect, bytes / bytes_of_element(op, dtype)) {
                    (rows, cols) if targets.contains(&(rows, cols)) => (rows, cols + 8),
                    shape => shape,
                };
                let middle = middle(size, caches);
                let mut shapes = vec![of(middle)];
                if full {
                    shapes.extend(towards_ends(size, caches).map(of));
                }
                cases.push(case(Place::Bucket(Bucket { size, aspect }), shapes));
            }
        }
    }
    cases
}

/// An operation whose calls run the kernels of a group, and the numeric class in which they do. A group that serves no
/// class which a caller can choose (the tree for a single column) has none.
fn called(group: &'static Group) -> Option<(&'static Op, Numerics)> {
    group.ops().find_map(|op| {
        let serving = op.servings.iter().find(|serving| std::ptr::eq(serving.group, group))?;
        Some((op, *serving.numerics.first()?))
    })
}

/// The target shapes of the operations that a group serves.
fn targets(group: &'static Group) -> Vec<(usize, usize)> {
    let mut shapes: Vec<_> = group.ops().flat_map(|op| op.shapes).copied().collect();
    shapes.sort_unstable();
    shapes.dedup();
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::table::{Target, bucket_name};

    const CACHES: Caches = Caches { l1: 32 << 10, l2: 1 << 20, l3: 32 << 20 };

    #[test]
    fn each_representative_falls_into_its_bucket() {
        let caches = crate::caches();
        for full in [false, true] {
            for case in cases(&Filter::default(), caches, full) {
                let Place::Bucket(bucket) = case.place else { continue };
                for &(rows, cols) in &case.shapes {
                    let bytes = rows * cols * bytes_of_element(case.op, case.dtype);
                    let stores = matches!(case.op.body, Body::Map(_)) && !case.inplace;
                    let target = Target { rows, cols, bytes, contiguous: true, stores };
                    assert_eq!(
                        target.bucket(false),
                        bucket.index(),
                        "{case} {rows}×{cols}: {}",
                        bucket_name(target.bucket(false))
                    );
                }
            }
        }
    }

    #[test]
    fn inputs_larger_than_the_last_cache_are_cases_of_their_own() {
        let cases = cases(&Filter::default(), CACHES, false);
        // Nor is any of them a row of its own.
        let targets = |case: &Case| targets(case.group);
        let buckets = cases.iter().filter(|case| matches!(case.place, Place::Bucket(..)));
        buckets.for_each(|case| assert!(!targets(case).contains(&case.shape()), "{case}"));
        let memory = cases
            .iter()
            .filter(|case| matches!(case.place, Place::Bucket(Bucket { size: Size::Memory, .. })));
        assert!(memory.clone().count() > 0);
        // Calls take turns between two places, so twice that lies between two calls in the same one.
        for case in memory {
            assert!(case.bytes() > CACHES.l3, "{case}: {} bytes", case.bytes());
        }
    }

    #[test]
    fn target_shapes_are_those_of_the_specs() {
        let all = cases(&Filter::default(), CACHES, false);
        let targets = all.iter().filter(|case| matches!(case.place, Place::Shape(..)));
        let shapes = catalogue::ops().iter().any(|op| !op.shapes.is_empty());
        assert_eq!(targets.clone().count() > 0, shapes);
        for case in targets {
            assert!(case.group.ops().any(|op| op.shapes.contains(&case.shape())), "{case}");
        }
        // No row is decided twice.
        let rows = || all.iter().map(|case| format!("{} {}", case.table(Isa::Portable), case.place));
        assert_eq!(rows().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn one_case_speaks_for_all_operations_that_compute_the_same() {
        let serves: Vec<_> = cases(&Filter::default(), CACHES, false).iter().map(Case::serves).collect();
        for (one, other) in [("sum", "mean"), ("sum_axis0", "mean_axis0")] {
            if catalogue::op(one).is_ok() && catalogue::op(other).is_ok() {
                assert!(serves.contains(&format!("{other}, {one}")), "{serves:?}");
            }
        }
    }

    #[test]
    fn where_calls_do_not_know_the_form_one_case_speaks_for_three() {
        let all = cases(&Filter::default(), CACHES, false);
        for case in &all {
            let others: Vec<_> = all.iter().filter(|other| case.does_the_work_of(other)).collect();
            let by_form = |kind| matches!(kind, InputKind::Row | InputKind::Column);
            let knows_the_form = matches!(case.op.body.axis(), Some(Axis::Zero | Axis::One))
                || case.op.inputs.iter().any(|input| by_form(input.kind));
            let Place::Bucket(Bucket { size, .. }) = case.place else {
                assert!(others.is_empty(), "{case}");
                continue;
            };
            assert_eq!(others.len(), if knows_the_form { 0 } else { Aspect::ALL.len() }, "{case}");
            for other in others {
                assert!(std::ptr::eq(other.group, case.group));
                assert!(matches!(other.place, Place::Bucket(bucket) if bucket.size == size));
            }
        }
    }

    #[test]
    fn words_choose_a_part() {
        // Those in stages have no rows.
        let has_kernels = |op: &&Op| !matches!(op.body, Body::Staged { .. });
        let ops = || catalogue::ops().iter().filter(has_kernels);
        let op = ops().next().expect("there are operations");
        let words = |words: &[&str]| Filter::of(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        let filter = words(&[op.name, "f64"]).unwrap();
        let part = cases(&filter, CACHES, false);
        let serves = |case: &Case| case.group.ops().any(|of| of.name == op.name);
        assert!(part.iter().all(|case| serves(case) && case.dtype == Dtype::F64) && !part.is_empty());
        // The name of a spec stands for all its operations.
        let stem = ops().find_map(|op| {
            let stem = op.file.rsplit('/').next()?.strip_suffix(".toml")?;
            catalogue::op(stem).ok().filter(|_| op.name != stem).map(|_| stem)
        });
        if let Some(stem) = stem {
            let part = cases(&words(&[stem]).unwrap(), CACHES, false);
            let serves = |case: &Case| case.group.ops().any(|op| op.name == stem);
            assert!(part.iter().any(|case| !serves(case)) && part.iter().any(serves));
        }
        assert!(words(&["nothing"]).unwrap_err().to_string().contains("nothing"));
    }

    #[test]
    fn plainer_is_less_complex() {
        let kernels = || catalogue::kernels().iter();
        for kernel in kernels() {
            let more = kernels().filter(|other| other.name.starts_with(&format!("{}_", kernel.name)));
            for other in more.filter(|other| other.status == kernel.status) {
                assert!(complexity(kernel) < complexity(other), "{} {}", kernel.name, other.name);
            }
            let newcomers = kernels().filter(|other| other.status != Status::Shipped);
            if kernel.status == Status::Shipped {
                newcomers.for_each(|other| assert!(complexity(kernel) < complexity(other), "{}", other.name));
            }
        }
    }
}
