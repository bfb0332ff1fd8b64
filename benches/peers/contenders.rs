//! Who competes in which operation, and whether they agree.

use raptors::{
    Element,
    catalogue::{self, Arg, Axis, Body, Call, InputKind, Place, Value},
    element::same_bits,
    ops,
};

use crate::{buffers::Buffers, hand, limit, peer_ndarray};

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
        let output = match entry.body {
            Body::Map(_) => Output::Matrix,
            Body::Reduce { axis: Axis::All, .. } => Output::Scalar,
            Body::Reduce { axis: Axis::Zero, .. } => Output::Row,
            Body::Reduce { axis: Axis::One, .. } => Output::Column,
        };
        let reads = entry.inputs.iter().filter(|input| input.kind == InputKind::Matrix).count();
        Self { entry, reads, output }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.entry.name
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

/// One way to do a case, on the buffers of the case.
pub(crate) type Run<T> = fn(&mut Buffers<T>);

/// A way to do a case, with its name in the tables.
pub(crate) struct Contender<T: Element> {
    pub(crate) name: &'static str,
    pub(crate) run: Run<T>,
}

/// All who compete in one operation and dtype. Of a peer, the fastest way will; no way at all is a peer that this
/// machine cannot run.
pub(crate) struct Field<T: Element> {
    pub(crate) ours: Run<T>,
    pub(crate) peers: [Vec<Contender<T>>; PEERS.len()],
}

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
                    _ => return None,
                })
            }
        }
    };
}

contested!(f32);
contested!(f64);

/// The library's side of any operation, through the catalogue.
fn erased<T: Contested>(b: &mut Buffers<T>) {
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
    b.entry.call(&Call::default(), &args, T::out(place)).expect(VALID);
}

impl<T: Contested> Field<T> {
    pub(crate) fn new(op: &Op) -> Self {
        Self {
            ours: T::typed(op).unwrap_or(erased::<T>),
            peers: [peer_ndarray::contenders(op), limit::contenders(op), hand::contenders(op)],
        }
    }

    /// Runs everyone once and compares: bits where the order of operations is the same, else within rounding.
    /// Says who differs, and where.
    pub(crate) fn check(&self, op: &Op, buffers: &mut Buffers<T>) -> Result<(), String> {
        // No magnitude exceeds one, so the number of terms bounds their sum.
        let terms = buffers.rows * buffers.cols / buffers.sums.len().max(1);
        let rounding =
            if size_of::<T>() == 4 { 1e-6 } else { 1e-14 } * f64::from(u32::try_from(terms).expect("small"));
        let mut result = |run: Run<T>| {
            buffers.spoil();
            run(buffers);
            let found = if op.output == Output::Matrix { buffers.out.as_slice() } else { &buffers.sums };
            found.to_vec()
        };
        let ours = result(self.ours);
        let [ndarray, limit, hand] = &self.peers;
        for (peer, tolerance) in [(ndarray, (op.writes() == 0).then_some(rounding)), (hand, None)] {
            for contender in peer {
                let theirs = result(contender.run);
                for (place, (&a, &b)) in ours.iter().zip(&theirs).enumerate() {
                    let near = tolerance.is_some_and(|most| (a.to_f64() - b.to_f64()).abs() <= most);
                    if !near && !same_bits(a, b) {
                        return Err(format!("element {place} is {a} here and {b} from {}", contender.name));
                    }
                }
            }
        }
        for contender in limit {
            (contender.run)(buffers);
        }
        Ok(())
    }
}
