//! Which kernel a call runs, and why.

use super::{Body, InputKind, Op, op};
use crate::{
    Error, Isa, Numerics, adaptive, backends,
    dispatch::{
        call::Sig,
        profile::Win,
        table::{self, Cut, NEVER, PER_THREAD, Plan, Reason, Target, bucket_name},
    },
    element::Dtype,
};

/// Explains a call of a dtype and class, in place or not, cut in some way or as the table says, on contiguous matrices of a
/// shape.
pub(crate) type Explain =
    fn(Dtype, Numerics, bool, Option<Cut>, (usize, usize)) -> Result<Explanation, Error>;

/// Which kernel a call runs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The kernel's name.
    pub kernel: &'static str,
    /// The backend whose routine it is, if it is no kernel of ours: `cblas`.
    pub backend: Option<&'static str>,
    /// The spec's file and line.
    pub spec: String,
    /// The instruction set.
    pub isa: Isa,
    /// Why this one.
    pub reason: String,
    /// Bytes that a call reads and writes.
    pub bytes: usize,
    /// Threads that take part.
    pub threads: usize,
    /// Why so many.
    pub sharing: String,
    /// Bytes of a piece; `None` if the call is not cut, or into a piece for each thread.
    pub chunk: Option<usize>,
    /// Bytes, read and written, from which on calls of this bucket take more than one thread; `None` if they never do.
    pub crossover: Option<usize>,
    /// The kernel that the defaults of the specs have for the same row.
    pub default: &'static str,
    /// Their crossover, `None` if there a call never takes more than one thread, and their chunk, `None` for a piece for
    /// each thread.
    pub default_tasks: (Option<usize>, Option<usize>),
    /// The row of a profile that chose the kernel; `None` if it is the default.
    pub won: Option<Win>,
    /// The row of a profile that chose crossover and chunk; `None` if they are the defaults.
    pub cut_won: Option<Win>,
    /// What calls of its size have learned, while calls adapt; `None` before they have decided.
    pub adapted: Option<adaptive::Adapted>,
    /// The call.
    pub(crate) target: Target,
}

impl Op {
    /// Which kernel a call on contiguous matrices of that shape runs, and why.
    ///
    /// # Errors
    /// [`Error::Dtype`] if the operation lacks that dtype, [`Error::Unknown`] if it lacks the numeric class,
    /// [`Error::Environment`] if a variable cannot be honoured.
    pub fn explain(
        &self,
        dtype: Dtype,
        numerics: Numerics,
        shape: (usize, usize),
    ) -> Result<Explanation, Error> {
        self.explained(dtype, numerics, false, shape)
    }

    /// As [`Op::explain`], for a call that overwrites its first matrix.
    ///
    /// # Errors
    /// As there; and [`Error::Unknown`] for a reduction, which never does.
    pub fn explain_inplace(
        &self,
        dtype: Dtype,
        numerics: Numerics,
        shape: (usize, usize),
    ) -> Result<Explanation, Error> {
        if self.body.gives_matrix() {
            return self.explained(dtype, numerics, true, shape);
        }
        Err(Error::Unknown {
            kind: "way to write the result of this operation",
            name: "in place".to_owned(),
            known: "into an output of its own".to_owned(),
        })
    }

    fn explained(
        &self,
        dtype: Dtype,
        numerics: Numerics,
        inplace: bool,
        shape: (usize, usize),
    ) -> Result<Explanation, Error> {
        self.offers(numerics)?;
        let found = self.adapted(dtype, numerics, inplace, shape)?;
        Ok(self.with_longest(found, (dtype, numerics, inplace), shape))
    }

    /// By the table, or as calls go that have learned something else.
    fn adapted(
        &self,
        dtype: Dtype,
        numerics: Numerics,
        inplace: bool,
        shape: (usize, usize),
    ) -> Result<Explanation, Error> {
        let by_table = (self.explain)(dtype, numerics, inplace, None, shape)?;
        let mut target = by_table.target;
        if let Body::Staged { .. } = self.body {
            // A call is of all its matrices, and one of its kernels is explained.
            let stores = self.body.gives_matrix() && !inplace;
            let reads = self.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count();
            let (rows, cols) = shape;
            let matrices = reads + usize::from(stores);
            let bytes = rows.saturating_mul(cols).saturating_mul(matrices * dtype.bytes());
            target = Target { rows, cols, bytes, stores, ..target };
        }
        let Some((adapted, cut)) = adaptive::of_call(self.name, dtype, (numerics, inplace), target) else {
            return Ok(by_table);
        };
        let found = match cut {
            Some(cut) => (self.explain)(dtype, numerics, inplace, Some(cut), shape)?,
            None => by_table,
        };
        Ok(Explanation { sharing: adapted.to_string(), adapted: Some(adapted), ..found })
    }

    /// Says where a call is too large for the routines that would compete otherwise.
    fn with_longest(
        &self,
        mut found: Explanation,
        (dtype, numerics, inplace): (Dtype, Numerics, bool),
        (rows, cols): (usize, usize),
    ) -> Explanation {
        if let (Numerics::Any, Some(group)) = (numerics, self.group(dtype, numerics, inplace)) {
            let longest = group.kernels().filter_map(|kernel| kernel.backend).map(backends::longest).min();
            if let Some(longest) = longest.filter(|longest| rows.saturating_mul(cols) > *longest) {
                let reason = &found.reason;
                found.reason = format!(
                    "{reason}; more elements than the {longest} that its backends count: kernels alone"
                );
            }
        }
        found
    }
}

/// Which kernel a call on contiguous matrices of that shape runs, and why.
///
/// # Errors
/// As [`op`] and [`Op::explain`].
pub fn explain(name: &str, dtype: Dtype, shape: (usize, usize)) -> Result<Explanation, Error> {
    op(name)?.explain(dtype, Numerics::default(), shape)
}

/// What a plan does, in words.
pub(crate) fn explanation<S: Sig>(plan: &Plan<S>, spec: (&'static str, usize)) -> Explanation {
    let row = plan.kernel.row();
    let (default, default_tasks) = plan.default();
    let (won, cut_won) = plan.won();
    let tasks = |tasks: table::Tasks| {
        let crossover = Some(tasks.crossover).filter(|crossover| *crossover != NEVER);
        (crossover, Some(tasks.chunk).filter(|chunk| *chunk != PER_THREAD))
    };
    let reason = match plan.reason {
        Reason::Exact(rows, cols) => format!("{rows}×{cols} is a target shape of the spec"),
        Reason::Bucket(bucket) => format!("bucket: {}", bucket_name(bucket)),
        Reason::Name => "asked for by name".to_owned(),
    };
    let (threads, chunk) = plan.cut.map_or((1, None), |cut| (cut.threads, Some(cut.chunk)));
    Explanation {
        kernel: row.name,
        backend: row.backend.map(|backend| backend.name),
        spec: format!("{}:{}", spec.0, spec.1),
        isa: row.isa,
        reason,
        bytes: plan.target.bytes,
        threads,
        sharing: sharing(plan.target.bytes, tasks(plan.tasks).0, threads),
        chunk: chunk.filter(|chunk| *chunk != PER_THREAD),
        crossover: tasks(plan.tasks).0,
        default: default.name,
        default_tasks: tasks(default_tasks),
        won: won.map(Win::of),
        cut_won: cut_won.map(Win::of),
        adapted: None,
        target: plan.target,
    }
}

/// Why a call of that many bytes takes so many threads, where calls take several from a crossover on.
fn sharing(bytes: usize, crossover: Option<usize>, threads: usize) -> String {
    let allowed = crate::num_threads();
    let in_units = crate::knobs::in_units;
    match crossover {
        None => "calls of this bucket are never shared".to_owned(),
        Some(_) if allowed == 1 => "no more are allowed".to_owned(),
        Some(crossover) if bytes < crossover => {
            format!("less than the crossover of {} for this bucket", in_units(crossover))
        }
        Some(_) if threads == 1 => "its columns are too few to be shared".to_owned(),
        Some(crossover) => {
            let reached = format!("the crossover of {} for this bucket is reached", in_units(crossover));
            // As `threads::cut` has it.
            let by_bytes = allowed.min(bytes / (crossover / 2).max(1));
            if threads < by_bytes {
                format!("{reached}, and its columns are enough for {threads} threads")
            } else if threads < allowed {
                format!("{reached}, and its bytes are enough for {threads} threads")
            } else {
                reached
            }
        }
    }
}
