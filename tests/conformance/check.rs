//! One check: a call of every kernel in question on the same data, each result compared to the oracle's.

use std::{
    any::Any,
    collections::BTreeSet,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use raptors::{
    Choice, Cut, Dtype, Error, Isa, Numerics,
    catalogue::{self, Arg, Axis, Body, Call, Group, Input, InputKind, Kernel, Op, Place as Output, Value},
    element::same_bits,
    reference,
};

use crate::{
    data::{Data, Float},
    layout::{Layout, Spot},
    memory::{self, Arena, bytes},
    scope::takes_part,
};

/// One operation for one dtype in one numeric class.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) op: &'static Op,
    pub(crate) dtype: Dtype,
    pub(crate) numerics: Numerics,
    /// The kernels that its calls can run, that take part and this machine has.
    pub(crate) shared: Vec<&'static Kernel>,
    /// Those of them that are called by name: of several operations that share kernels, the first calls them.
    pub(crate) kernels: Vec<&'static Kernel>,
}

impl Subject {
    /// All there are.
    pub(crate) fn all() -> Vec<Self> {
        let subject = |op: &'static Op, dtype, numerics| {
            let (mut shared, mut kernels) = (Vec::new(), Vec::new());
            for group in [false, true].into_iter().filter_map(|inplace| op.group(dtype, numerics, inplace)) {
                let here = || group.kernels().filter(|kernel| is_here(kernel.isa) && takes_part(kernel));
                shared.extend(here());
                let mut callers = group.ops().filter(|op| classes(op, group).contains(&numerics));
                if callers.next().is_some_and(|first| first.name == op.name) {
                    kernels.extend(here());
                }
            }
            Self { op, dtype, numerics, shared, kernels }
        };
        let subjects = |op: &'static Op| {
            let pairs =
                op.dtypes.iter().flat_map(|dtype| op.numerics.iter().map(move |class| (*dtype, *class)));
            // Its kernels are those of another class, and its routines have a bound, not bits: `tests/backends`.
            let pairs = pairs.filter(|(_, class)| *class != Numerics::Any);
            pairs.map(move |(dtype, class)| subject(op, dtype, class))
        };
        // Those in stages have tests of their own.
        let has_kernels = |op: &&Op| !matches!(op.body, Body::Staged { .. });
        catalogue::ops().iter().filter(has_kernels).flat_map(subjects).collect()
    }
}

/// The numeric classes of an operation that a group serves.
fn classes(op: &Op, group: &Group) -> &'static [Numerics] {
    let serving = op.servings.iter().find(|serving| std::ptr::eq(serving.group, group));
    serving.map_or(&[], |serving| serving.numerics)
}

/// Whether this machine has an ISA: whether any of its kernels can be called.
pub(crate) fn is_here(isa: Isa) -> bool {
    static HERE: LazyLock<Vec<Isa>> = LazyLock::new(|| {
        let can_call = |group: &'static Group, isa| {
            let caller = group.ops().find_map(|op| Some((op, *classes(op, group).first()?)));
            caller.is_some_and(|(op, numerics)| {
                let mut kernels = group.kernels().filter(|kernel| kernel.isa == isa && kernel.is_built());
                kernels.any(|kernel| match kernel.dtype {
                    Dtype::F32 => can_call::<f32>(op, numerics, kernel),
                    Dtype::F64 => can_call::<f64>(op, numerics, kernel),
                })
            })
        };
        let is_here = |isa: &Isa| catalogue::groups().iter().any(|group| can_call(group, *isa));
        Isa::ALL.into_iter().filter(is_here).collect()
    });
    HERE.contains(&isa)
}

fn can_call<T: Float>(op: &'static Op, numerics: Numerics, kernel: &'static Kernel) -> bool {
    let kernels = vec![kernel];
    let subject = Subject { op, dtype: T::DTYPE, numerics, shared: kernels.clone(), kernels };
    let mut bench = Bench::<T>::new(subject);
    bench.check((2, 2), Data::Wide, &[Layout::tight(crate::layout::Place::Start)]);
    !bench.unavailable.contains(kernel.name)
}

/// Of how many cases that maps take in turns each takes one.
const MAPS: usize = 4;

/// Failures after which a subject is left: what comes after is mostly more of the same.
const REPORTED: usize = 5;

/// A subject at work.
pub(crate) struct Bench<T: Float> {
    pub(crate) subject: Subject,
    /// What was wrong, a message each.
    pub(crate) failures: Vec<String>,
    /// Kernels whose results were compared.
    pub(crate) called: BTreeSet<&'static str>,
    /// Kernels that the library did not give.
    unavailable: BTreeSet<&'static str>,
    /// Calls whose results were compared.
    pub(crate) calls: usize,
    /// How each call is cut over threads, one way after another; `None` leaves it to the library.
    pub(crate) cuts: Vec<Option<Cut>>,
    inputs: Vec<Arena<T>>,
    out: Arena<T>,
}

/// What all calls of a check share.
pub(crate) struct Case<T> {
    shape: (usize, usize),
    data: Data,
    /// Each argument's elements, row after row.
    values: Vec<Vec<T>>,
    /// The oracle's word.
    pub(crate) expected: Result<Vec<T>, Error>,
}

/// The extent of an argument.
const fn extent(kind: InputKind, (rows, cols): (usize, usize)) -> (usize, usize) {
    match kind {
        InputKind::Matrix => (rows, cols),
        InputKind::Row => (1, cols),
        InputKind::Column => (1, rows),
        InputKind::Scalar => (1, 1),
    }
}

impl<T: Float> Bench<T> {
    pub(crate) fn new(subject: Subject) -> Self {
        memory::explain_faults();
        let inputs = subject.op.inputs.iter().map(|_| Arena::new(1)).collect();
        let (called, unavailable) = (BTreeSet::new(), BTreeSet::new());
        Self {
            subject,
            failures: Vec::new(),
            called,
            unavailable,
            calls: 0,
            cuts: vec![None],
            inputs,
            out: Arena::new(1),
        }
    }

    /// Whether a case is this subject's to take, of those that maps take in turns: they are many, and share a skeleton, so
    /// that each case is taken by some. A reduction takes all.
    pub(crate) fn takes(&self, case: usize) -> bool {
        let Subject { op, dtype, .. } = &self.subject;
        let name: usize = op.name.bytes().map(usize::from).sum();
        !matches!(op.body, Body::Map(_)) || (case + name + *dtype as usize).is_multiple_of(MAPS)
    }

    /// Compares the kernels and the table's choice, in each layout.
    pub(crate) fn check(&mut self, shape: (usize, usize), data: Data, layouts: &[Layout]) {
        if self.failures.len() >= REPORTED {
            return;
        }
        let case = self.case(shape, data);
        for layout in layouts {
            self.compare_case(&case, layout);
        }
    }

    /// Compares the table's choice alone: for shapes that take long.
    pub(crate) fn check_table(&mut self, shape: (usize, usize), data: Data, layout: Layout) {
        let kernels = std::mem::take(&mut self.subject.kernels);
        self.check(shape, data, &[layout]);
        self.subject.kernels = kernels;
    }

    /// The data, and what the oracle makes of it: computed once for all kernels and layouts.
    pub(crate) fn case(&self, shape: (usize, usize), data: Data) -> Case<T> {
        let op = self.subject.op;
        let value = |index: usize, place| data.at::<T>(index, place, shape);
        let elements = |(index, input): (usize, &Input)| {
            let (rows, cols) = extent(input.kind, shape);
            (0..rows).flat_map(|row| (0..cols).map(move |col| value(index, (row, col)))).collect()
        };
        let values: Vec<Vec<T>> = op.inputs.iter().enumerate().map(elements).collect();
        let expected = reference(op, self.subject.numerics, shape, |index, row, col| {
            let values = &values[index];
            match op.inputs[index].kind {
                InputKind::Matrix => values[row * shape.1 + col],
                InputKind::Row => values[col],
                InputKind::Column => values[row],
                InputKind::Scalar => values[0],
            }
        });
        Case { shape, data, values, expected }
    }

    /// Compares the kernels and the table's choice in one layout.
    pub(crate) fn compare_case(&mut self, case: &Case<T>, layout: &Layout) {
        let forms: &[bool] =
            if matches!(self.subject.op.body, Body::Map(_)) { &[false, true] } else { &[false] };
        for inplace in forms {
            self.run(case, layout, *inplace);
        }
    }

    /// Calls the kernels on one arrangement of one case.
    fn run(&mut self, case: &Case<T>, layout: &Layout, inplace: bool) {
        let Subject { op, numerics, ref kernels, .. } = self.subject;
        let first_matrix = op.inputs.iter().position(|input| input.kind == InputKind::Matrix);
        let overwritten = first_matrix.filter(|_| inplace);

        let mut spots = Vec::new();
        for (index, input) in op.inputs.iter().enumerate() {
            let gap = if input.kind == InputKind::Matrix { layout.gap(index) } else { 0 };
            let spot = Spot::new(&mut self.inputs[index], extent(input.kind, case.shape), gap, layout.place);
            spot.fill(&mut self.inputs[index], &spot.image(&case.values[index]));
            spots.push(spot);
        }
        let mut args: Vec<Arg<'_>> = Vec::new();
        for (index, input) in op.inputs.iter().enumerate() {
            let (spot, arena) = (&spots[index], &self.inputs[index]);
            if overwritten == Some(index) {
                continue;
            }
            args.push(T::arg(match input.kind {
                InputKind::Matrix => Value::Matrix(spot.matrix(arena)),
                InputKind::Row | InputKind::Column => Value::Slice(spot.slice(arena)),
                InputKind::Scalar => Value::Scalar(case.values[index][0]),
            }));
        }

        let extent = op.body.extent(case.shape);
        let spot = Spot::new(&mut self.out, extent, layout.out_gap(), layout.out_place);
        let before = match overwritten {
            Some(index) => spot.image(&case.values[index]),
            None => spot.image(&vec![T::unwritten(); extent.0 * extent.1]),
        };
        let after = case.expected.as_ref().map_or_else(|_| before.clone(), |expected| spot.image(expected));

        let wanted = kernels.iter().filter(|kernel| kernel.inplace == inplace);
        let choices: Vec<_> =
            wanted.map(|kernel| Choice::Kernel(kernel.name)).chain([Choice::Table]).collect();
        for (choice, cut) in
            choices.iter().flat_map(|&choice| self.cuts.iter().map(move |&cut| (choice, cut)))
        {
            spot.fill(&mut self.out, &before);
            let place = match op.body {
                Body::Map(_) if inplace => Output::Inplace(spot.matrix_mut(&mut self.out)),
                Body::Map(_) => Output::Matrix(spot.matrix_mut(&mut self.out)),
                _ => Output::Slice(spot.slice_mut(&mut self.out)),
            };
            let call = Call { choice, numerics, cut };
            let named = kernels.iter().find(|kernel| choice == Choice::Kernel(kernel.name));
            memory::blame(named.map_or(op.name, |kernel| kernel.name));
            let result = catch_unwind(AssertUnwindSafe(|| op.call(&call, &args, T::out(place))));
            if let (Some(kernel), Ok(Err(Error::Unknown { .. } | Error::Kernel { .. }))) = (named, &result) {
                self.unavailable.insert(kernel.name);
            }
            let found = spot.window(&self.out);
            let outcome = match result {
                Err(payload) => Err(format!("panicked: {}", text(payload.as_ref()))),
                Ok(result) => match (result, &case.expected) {
                    (Ok(()), Ok(_)) => same(&spot, found, &after),
                    (Err(got), Err(expected)) if got == *expected => same(&spot, found, &before),
                    (Err(got), _) if self.may_refuse(case, choice, &got) => {
                        same(&spot, found, &before).map(|_| Verdict::Refused)
                    }
                    (Ok(()), Err(expected)) => Err(format!("returned Ok, expected the error \"{expected}\"")),
                    (Err(got), _) => Err(format!("returned the error \"{got}\"")),
                },
            };
            match outcome {
                Ok(Verdict::Same) => {
                    self.calls += 1;
                    self.called.extend(named.map(|kernel| kernel.name));
                }
                Ok(Verdict::Refused) => {}
                Err(what) => self.failures.push(message(&self.subject, case, layout, inplace, &call, &what)),
            }
        }
    }

    /// A single column is one run of neighbours, which kernels for columns cannot be asked to compute: the table takes
    /// a kernel for runs.
    fn may_refuse(&self, case: &Case<T>, choice: Choice<'_>, error: &Error) -> bool {
        matches!(self.subject.op.body, Body::Reduce { axis: Axis::Zero, .. })
            && case.shape.1 == 1
            && case.shape.0 > 0
            && matches!(choice, Choice::Kernel(_))
            && matches!(error, Error::Unknown { .. } | Error::Kernel { .. })
    }
}

/// What became of a call in which nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All bits are as they should be.
    Same,
    /// A kernel that cannot be had for such a call was not given.
    Refused,
}

/// Compares what is in the output's window with what should be.
pub(crate) fn same<T: Float>(spot: &Spot, found: &[T], expected: &[T]) -> Result<Verdict, String> {
    if bytes(found) == bytes(expected) {
        return Ok(Verdict::Same);
    }
    for (at, (got, expected)) in found.iter().zip(expected).enumerate() {
        let digits = 2 * size_of::<T>() + 2;
        let show = |value: &T| format!("{:#0digits$x} ({value:?})", value.to_bits_u64());
        if let Some((row, col)) = spot.element(at) {
            if !same_bits(*got, *expected) {
                let index = if spot.rows == 1 { format!("[{col}]") } else { format!("[{row}, {col}]") };
                return Err(format!("element {index}: got {}, expected {}", show(got), show(expected)));
            }
        } else if got.to_bits_u64() != expected.to_bits_u64() {
            return Err(format!("wrote {} where no element is: {}", show(got), spot.distance(at)));
        }
    }
    Ok(Verdict::Same)
}

fn message<T>(
    subject: &Subject,
    case: &Case<T>,
    layout: &Layout,
    inplace: bool,
    call: &Call<'_>,
    what: &str,
) -> String {
    let (rows, cols) = case.shape;
    let kernel = match call.choice {
        Choice::Kernel(name) => format!("kernel `{name}`"),
        Choice::Table => "the table's choice".to_owned(),
    };
    let mut text =
        format!("{} {} {}, {kernel}, {rows}×{cols}", subject.op.name, subject.dtype, subject.numerics);
    if inplace {
        text.push_str(" in place");
    }
    if let Some(Cut { threads, chunk }) = call.cut {
        write!(text, ", {threads} threads, pieces of {chunk} B").expect("memory for a message");
    }
    write!(text, ": {what}\n    data {:?}, {:?}", case.data, layout).expect("memory for a message");
    text
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref().copied()).unwrap_or("without a message")
}
