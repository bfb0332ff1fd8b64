//! Who competes in which operation, and whether they agree.

use raptors::{
    Element,
    catalogue::{self, Arg, Axis, Body, Call, InputKind, Place, Value},
    element::same_bits,
    ops,
};

use crate::{
    buffers::{Buffers, Parts},
    hand, limit,
    measure::Runner,
    peer_ndarray,
    team::Team,
};

/// Where an operation puts its result.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Output {
    /// In `out`.
    Matrix,
    /// In `sums`: one element for each column.
    Row,
    /// In `sums`: one element for each row.
    Column,
    /// In `sums`: one element.
    Scalar,
}

/// An operation of the comparison.
pub(crate) struct Op {
    pub(crate) entry: &'static catalogue::Op,
    /// Matrices read.
    pub(crate) reads: usize,
    pub(crate) output: Output,
}

impl Op {
    pub(crate) fn new(entry: &'static catalogue::Op) -> Self {
        let output = match entry.body.axis() {
            None => Output::Matrix,
            Some(Axis::All) => Output::Scalar,
            Some(Axis::Zero) => Output::Row,
            Some(Axis::One) => Output::Column,
        };
        let reads = entry.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count();
        Self { entry, reads, output }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.entry.name
    }

    /// Whether a row of the result depends on that row of the inputs alone.
    pub(crate) fn is_by_rows(&self) -> bool {
        matches!(self.output, Output::Matrix | Output::Column)
    }

    /// Bytes that are read and written, of a shape and an element of that size.
    pub(crate) fn bytes(&self, rows: usize, cols: usize, size: usize) -> usize {
        let small = self.entry.inputs.iter().map(|input| match input.kind {
            InputKind::Row => cols,
            InputKind::Column => rows,
            InputKind::Matrix | InputKind::Scalar => 0,
        });
        let matrices = (self.reads + self.writes()) * rows * cols;
        (matrices + small.sum::<usize>() + self.sums(rows, cols)) * size
    }

    /// Matrices written.
    pub(crate) fn writes(&self) -> usize {
        usize::from(self.output == Output::Matrix)
    }

    /// Elements of a result that is not a matrix.
    pub(crate) fn sums(&self, rows: usize, cols: usize) -> usize {
        match self.output {
            Output::Matrix => 0,
            Output::Row => cols,
            Output::Column => rows,
            Output::Scalar => 1,
        }
    }
}

/// The library's way to do a case.
pub(crate) type Run<T> = fn(&mut Buffers<T>);
/// A peer's way to do a case or, where it is by rows, some rows of it.
pub(crate) type Work<T> = for<'a> fn(Parts<'a, T>);

/// A peer's way, with its name in the tables.
pub(crate) struct Contender<T> {
    pub(crate) name: &'static str,
    pub(crate) work: Work<T>,
}

/// A way that is ready to be run on so many threads.
pub(crate) struct Entrant<'a, T: Element> {
    pub(crate) name: &'static str,
    pub(crate) run: Runner<'a, Buffers<T>>,
}

/// The ways of each peer. The fastest will count; no way at all is a peer that cannot do the case here.
pub(crate) type Peers<'a, T> = [Vec<Entrant<'a, T>>; PEERS.len()];

/// The peers, in the order of the columns.
pub(crate) const PEERS: [&str; 3] = ["ndarray", "limit", "hand-written"];

/// An element that all contenders know.
pub(crate) trait Contested: hand::Kernels + peer_ndarray::Scalar {
    /// The library's side of `op`: its typed function, if this program knows the operation by name.
    fn typed(op: &Op) -> Option<Run<Self>>;
}

const VALID: &str = "shapes and dtypes of a case agree";

// A macro, since each function has a bound of its own.
macro_rules! contested {
    ($float:ident) => {
        impl Contested for $float {
            fn typed(op: &Op) -> Option<Run<Self>> {
                Some(match op.name() {
                    "scale" => |b| ops::scale_into(&b.x, b.factor, &mut b.out).expect(VALID),
                    "add" => |b| ops::add_into(&b.x, &b.y, &mut b.out).expect(VALID),
                    "broadcast_add" => |b| ops::broadcast_add_into(&b.x, &b.row, &mut b.out).expect(VALID),
                    "sum" => |b| b.sums[0] = ops::sum(&b.x).expect(VALID),
                    "sum_axis0" => |b| ops::sum_axis0_into(&b.x, &mut b.sums).expect(VALID),
                    "sum_axis1" => |b| ops::sum_axis1_into(&b.x, &mut b.sums).expect(VALID),
                    "mean" => |b| b.sums[0] = ops::mean(&b.x).expect(VALID),
                    "mean_axis0" => |b| ops::mean_axis0_into(&b.x, &mut b.sums).expect(VALID),
                    "mean_axis1" => |b| ops::mean_axis1_into(&b.x, &mut b.sums).expect(VALID),
                    _ => return None,
                })
            }
        }
    };
}

contested!(f32);
contested!(f64);

/// The library's side of any operation, through the catalogue.
pub(crate) fn erased<T: Contested>(b: &mut Buffers<T>, call: &Call<'_>) {
    let mut matrices = [&b.x, &b.y].into_iter().chain(&b.more);
    let args: Vec<Arg<'_>> = b
        .entry
        .inputs
        .iter()
        .map(|input| {
            T::arg(match input.kind {
                InputKind::Matrix => Value::Matrix(matrices.next().expect("a matrix for each input").view()),
                InputKind::Row => Value::Slice(&b.row),
                InputKind::Column => Value::Slice(&b.column),
                InputKind::Scalar => Value::Scalar(b.factor),
            })
        })
        .collect();
    let place = if b.sums.is_empty() { Place::Matrix(b.out.view_mut()) } else { Place::Slice(&mut b.sums) };
    b.entry.call(call, &args, T::out(place)).expect(VALID);
}

/// The library's way at that number of threads.
pub(crate) fn ours<'a, T: Contested>(op: &Op, threads: usize) -> Runner<'a, Buffers<T>> {
    let run = T::typed(op).unwrap_or(|b| erased(b, &Call::default()));
    Box::new(move |b| {
        raptors::set_num_threads(threads).expect("not 0");
        run(b);
    })
}

/// The peers' ways on one thread.
pub(crate) fn alone<T: Contested>(op: &Op) -> Peers<'static, T> {
    [peer_ndarray::contenders(op), limit::contenders(op), hand::contenders(op)].map(entrants)
}

/// The peers' ways on all threads of a team. `ndarray` has threads of its own, and may as well do without.
pub(crate) fn together<'a, T: Contested>(op: &Op, team: &'a Team) -> Peers<'a, T> {
    let on_team = |contenders: Vec<Contender<T>>| {
        let entrant = |Contender { name, work }: Contender<T>| {
            let run: Runner<'a, _> = Box::new(move |b: &mut Buffers<T>| team.on_parts(b, work));
            Entrant { name, run }
        };
        contenders.into_iter().map(entrant).collect()
    };
    let mut ndarray = entrants(peer_ndarray::parallel_contenders(op));
    ndarray.extend(entrants(peer_ndarray::contenders(op)));
    let hand = if op.is_by_rows() { hand::contenders(op) } else { Vec::new() };
    [ndarray, on_team(limit::contenders(op)), on_team(hand)]
}

fn entrants<'a, T: Element>(contenders: Vec<Contender<T>>) -> Vec<Entrant<'a, T>> {
    let entrant = |Contender { name, work }: Contender<T>| {
        let run: Runner<'a, _> = Box::new(move |b: &mut Buffers<T>| work(b.parts()));
        Entrant { name, run }
    };
    contenders.into_iter().map(entrant).collect()
}

/// Runs everyone once and compares: bits where the order of operations is the same, else within rounding. Says who
/// differs, and where. The first of `ours` is what the others are held to.
pub(crate) fn check<T: Contested>(
    op: &Op,
    ours: &[Runner<'_, Buffers<T>>],
    peers: &[&Peers<'_, T>],
    buffers: &mut Buffers<T>,
) -> Result<(), String> {
    // No magnitude exceeds one, so the number of terms bounds their sum.
    let rounding = if size_of::<T>() == 4 { 1e-6 } else { 1e-14 };
    let tolerance = peer_ndarray::terms(op, buffers.rows, buffers.cols)
        .map(|terms| rounding * f64::from(u32::try_from(terms).expect("small")));
    let mut result = |run: &Runner<'_, Buffers<T>>| {
        buffers.spoil();
        run(buffers);
        buffers.result().to_vec()
    };
    let expected = result(&ours[0]);
    let compare = |found: Vec<T>, name: &str, tolerance: Option<f64>| {
        for (place, (&a, &b)) in expected.iter().zip(&found).enumerate() {
            let near = tolerance.is_some_and(|most| (a.to_f64() - b.to_f64()).abs() <= most);
            if !near && !same_bits(a, b) {
                return Err(format!("element {place} is {a} here and {b} from {name}"));
            }
        }
        Ok(())
    };
    for run in &ours[1..] {
        compare(result(run), "more threads or another kernel", None)?;
    }
    for [ndarray, limit, hand] in peers {
        for (entrants, tolerance) in [(ndarray, tolerance), (hand, None)] {
            for entrant in entrants {
                compare(result(&entrant.run), entrant.name, tolerance)?;
            }
        }
        for entrant in limit {
            result(&entrant.run);
        }
    }
    Ok(())
}
