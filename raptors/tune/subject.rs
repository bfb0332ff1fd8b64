//! Contestants on this machine: kernels and cuts, on the data of one case.

use std::{
    collections::HashMap,
    hint::black_box,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use super::{
    case::Case,
    tournament::{Course, Random},
};
use crate::{
    Caches, Choice, Cut, Dtype, Element, Error, Matrix, Numerics,
    catalogue::{Arg, Body, Call, InputKind, Op, Place, Value},
    reference,
};

/// A kernel, and how its call is cut over threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contestant {
    pub(super) kernel: &'static str,
    pub(super) cut: Option<Cut>,
}

/// Seconds that a sample fills at least: ten thousand times what the clock can tell apart.
const SAMPLE: f64 = 2e-4;
/// Calls before the clock starts bring the caches into the state that the contestant itself leaves them in; where
/// threads take part, for at least this long, in which those of the one before go to sleep and its own wake up.
const WAKE: Duration = Duration::from_micros(300);
/// Where matrices happen to lie in memory makes one kernel or another faster, by a tenth and more: which pages they have
/// decides what they push out of a cache, and a process is given the same ones over and over. So the data of a case lie in
/// several places, up to about so many bytes of each,
const PLACED: usize = 96 << 20;
/// but no more places than these: of sixteen depths of the stack each meets each of them.
const PLACES: usize = 15;
/// And no fewer: what is larger than all caches has to be out of them when its turn comes again.
const FEWEST_PLACES: usize = 2;
/// Between what lies in one place are gaps of a random size below so many bytes: how addresses differ in their last twelve
/// bits makes a difference too, and is the same in all places otherwise.
const GAP: u64 = 1 << 12;
/// Rounds in one place, beyond the second cache: the first of them costs more than the others, which as every second one
/// would sway a median. In the nearer caches one call makes up for it, and each round is in another place.
const STAY: usize = 3;
/// Values that matrices, rows and columns are filled from, over and over.
const VALUES: usize = 1 << 12;

/// What an argument or a result is kept as.
enum Kept<T: Element> {
    Matrix(Matrix<T>),
    Slice(Vec<T>),
    Scalar(T),
}

impl<T: Element> Kept<T> {
    fn value(&self) -> Value<'_, T> {
        match self {
            Self::Matrix(matrix) => Value::Matrix(matrix.view()),
            Self::Slice(slice) => Value::Slice(slice),
            Self::Scalar(scalar) => Value::Scalar(*scalar),
        }
    }

    fn place(&mut self) -> Place<'_, T> {
        match self {
            Self::Matrix(matrix) => Place::Matrix(matrix.view_mut()),
            Self::Slice(slice) => Place::Slice(slice),
            Self::Scalar(_) => unreachable!("no result is kept as a scalar"),
        }
    }

    fn as_slice(&self) -> &[T] {
        match self {
            Self::Matrix(matrix) => matrix.as_slice(),
            Self::Slice(slice) => slice,
            Self::Scalar(_) => unreachable!("no result is kept as a scalar"),
        }
    }
}

/// The arguments and the result of calls of one operation on one shape.
struct Arena<T: Element> {
    op: &'static Op,
    numerics: Numerics,
    /// All but the one that is overwritten.
    inputs: Vec<Kept<T>>,
    out: Kept<T>,
    /// Which input `out` is, of calls that overwrite one.
    over: Option<usize>,
    /// Room that nobody uses.
    _gaps: Vec<Vec<u8>>,
}

impl<T: Element> Arena<T> {
    /// Values are from 0.5 to 1.5: neither sums nor products leave the normal range, which would cost time.
    fn new(case: &Case, shape: (usize, usize), random: &mut Random) -> Result<Self, Error> {
        let (op, numerics) = (case.op, case.numerics);
        let values: Vec<T> = (0..VALUES).map(|_| T::from_f64(0.5 + random.unit())).collect();
        let fill = |slice: &mut [T]| {
            for part in slice.chunks_mut(VALUES) {
                part.copy_from_slice(&values[..part.len()]);
            }
        };
        let mut gaps = Vec::new();
        let mut gap = || gaps.push(Vec::with_capacity(usize::try_from(random.bits() % GAP).unwrap_or(0)));
        // Not from the pool, which would have the same memory for every tournament.
        let matrix = |(rows, cols)| {
            let mut matrix = Matrix::zeros(rows, cols)?;
            fill(matrix.as_mut_slice());
            Ok(Kept::Matrix(matrix))
        };
        let slice = |len: usize| {
            let mut slice = vec![T::ZERO; len];
            fill(&mut slice);
            Kept::Slice(slice)
        };
        let mut input = |kind| {
            gap();
            Ok(match kind {
                InputKind::Matrix => matrix(shape)?,
                InputKind::Row => slice(shape.1),
                InputKind::Column => slice(shape.0),
                InputKind::Scalar => Kept::Scalar(values[0]),
            })
        };
        let first = op.inputs.iter().position(|argument| argument.kind == InputKind::Matrix);
        let over = first.filter(|_| case.inplace);
        let others = op.inputs.iter().enumerate().filter(|(at, _)| Some(*at) != over);
        let inputs = others.map(|(_, argument)| input(argument.kind)).collect::<Result<_, Error>>()?;
        let result = Case::result(shape, op);
        gap();
        let out = match op.body {
            Body::Map(_) => matrix(result)?,
            Body::Reduce { .. } => slice(result.0 * result.1),
        };
        Ok(Self { op, numerics, inputs, out, over, _gaps: gaps })
    }

    /// Makes it fit for calls without number. What is overwritten again and again would be scaled out of the normal
    /// range; ones leave it there.
    fn settle(&mut self) {
        for input in self.inputs.iter_mut().filter(|_| self.over.is_some()) {
            match input {
                Kept::Matrix(matrix) => matrix.as_mut_slice().fill(T::from_f64(1.0)),
                Kept::Slice(slice) => slice.fill(T::from_f64(1.0)),
                Kept::Scalar(scalar) => *scalar = T::from_f64(1.0),
            }
        }
    }

    /// An argument, by its place among those of the operation.
    fn input(&self, index: usize) -> &Kept<T> {
        match self.over {
            Some(over) if index == over => &self.out,
            Some(over) if index > over => &self.inputs[index - 1],
            _ => &self.inputs[index],
        }
    }

    /// Calls once for each time that the closure it hands out is called.
    fn calls<R>(
        &mut self,
        contestant: Contestant,
        repeat: impl FnOnce(&mut dyn FnMut() -> Result<(), Error>) -> R,
    ) -> R {
        let args: Vec<Arg<'_>> = self.inputs.iter().map(|input| T::arg(input.value())).collect();
        let call = Call {
            choice: Choice::Kernel(contestant.kernel),
            numerics: self.numerics,
            // A contestant without a cut is one for one thread, where the table cuts nothing either.
            cut: contestant.cut,
        };
        let (over, out) = (self.over.is_some(), &mut self.out);
        repeat(&mut || {
            let place = match out.place() {
                Place::Matrix(matrix) if over => Place::Inplace(matrix),
                place => place,
            };
            self.op.call(black_box(&call), black_box(&args), T::out(place))
        })
    }

    /// The seconds of one call, averaged over so many, after others that are not timed, from some depth of the stack.
    fn time(&mut self, contestant: Contestant, calls: Calls, depth: usize) -> f64 {
        let Calls { warm, wake, timed } = calls;
        deeper(depth, &mut || {
            self.calls(contestant, |call| {
                let mut call = || call().expect("it has been called before, to look at its result");
                let start = Instant::now();
                let mut warmed = 0;
                while warmed < warm || start.elapsed() < wake {
                    call();
                    warmed += 1;
                }
                let start = Instant::now();
                for _ in 0..timed {
                    call();
                }
                start.elapsed().as_secs_f64() / f64::from(timed)
            })
        })
    }
}

/// Calls of a sample.
#[derive(Clone, Copy)]
struct Calls {
    /// Those that are not timed, at least.
    warm: usize,
    /// How long they take, at least.
    wake: Duration,
    /// Those that are timed.
    timed: u32,
}

/// Depths of the stack that are tried, about a quarter of a kilobyte apart: together most of a page.
const DEPTHS: usize = 16;

/// Calls from farther down the stack. What a kernel keeps there gets in the way of data whose addresses have the same last
/// twelve bits, which made one take half as long again as another in one process, and no longer in the next.
#[inline(never)]
fn deeper(depth: usize, call: &mut dyn FnMut() -> f64) -> f64 {
    let frame = black_box([0_u8; 192]);
    let seconds = if depth == 0 { call() } else { deeper(depth - 1, call) };
    black_box(&frame);
    seconds
}

/// Which kernels are right: each is compared with the oracle once, and the oracle asked once for each shape.
#[derive(Debug, Default)]
pub(super) struct Checked {
    kernels: HashMap<(&'static str, Numerics), Result<(), String>>,
    #[expect(clippy::type_complexity, reason = "results by operation, dtype, class and shape")]
    expected: HashMap<(&'static str, Dtype, Numerics, (usize, usize)), Vec<u64>>,
}

/// The shape on which kernels are compared: steps, vectors and tails of all kinds, leaves of the tree
/// that are split unevenly, and more than one row.
const ANY_SHAPE: (usize, usize) = (67, 1093);

impl Checked {
    /// What is wrong with each kernel that is not right.
    pub(super) fn wrong(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.kernels
            .iter()
            .filter_map(|((kernel, _), result)| Some((*kernel, result.as_ref().err()?.as_str())))
    }

    /// Compares a kernel with the oracle, unless that has been done.
    fn check<T: Element>(&mut self, case: &Case, kernel: &'static str) -> bool {
        let key = (kernel, case.numerics);
        if !self.kernels.contains_key(&key) {
            let result = self.compare::<T>(case, kernel);
            self.kernels.insert(key, result);
        }
        self.kernels[&key].is_ok()
    }

    fn compare<T: Element>(&mut self, case: &Case, kernel: &'static str) -> Result<(), String> {
        let (op, numerics) = (case.op, case.numerics);
        let shape = ANY_SHAPE;
        // The same values each time, so that the oracle's word for one kernel holds for all.
        let mut arena = Arena::<T>::new(case, shape, &mut Random::new(1)).map_err(|e| e.to_string())?;
        let expected = self.expected.entry((op.name, T::DTYPE, numerics, shape));
        let expected = match expected {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(empty) => {
                let input = |index: usize, row: usize, col: usize| match arena.input(index) {
                    Kept::Matrix(matrix) => matrix.as_slice()[row * shape.1 + col],
                    Kept::Slice(slice) if op.inputs[index].kind == InputKind::Row => slice[col],
                    Kept::Slice(slice) => slice[row],
                    Kept::Scalar(scalar) => *scalar,
                };
                let values = reference(op, numerics, shape, input).map_err(|error| error.to_string())?;
                empty.insert(values.into_iter().map(T::to_bits_u64).collect())
            }
        };
        // So that nothing counts as a result that was not written.
        match &mut arena.out {
            Kept::Matrix(_) if case.inplace => {}
            Kept::Matrix(matrix) => matrix.as_mut_slice().fill(T::from_f64(f64::NAN)),
            Kept::Slice(slice) => slice.fill(T::from_f64(f64::NAN)),
            Kept::Scalar(_) => {}
        }
        let contestant = Contestant { kernel, cut: None };
        catch_unwind(AssertUnwindSafe(|| arena.calls(contestant, |call| call())))
            .map_err(|_| "it panicked".to_owned())?
            .map_err(|error| error.to_string())?;
        let found = arena.out.as_slice();
        // Finite data have no NaN, of which one would stand for any other.
        let right = |(found, expected): (&T, &u64)| found.to_bits_u64() == *expected;
        match found.iter().zip(expected.iter()).position(|pair| !right(pair)) {
            None if found.len() == expected.len() => Ok(()),
            None => Err(format!("{} results, expected {}", found.len(), expected.len())),
            Some(at) => Err(format!(
                "result {at} of a {}×{} matrix is {:?}: its bits are not those of the oracle",
                shape.0, shape.1, found[at]
            )),
        }
    }
}

/// Calls before those that are timed. What is larger than all caches is found in none of them: no state to bring about.
/// The third cache seems to keep what has been met again, so one call does not bring in what the one before left outside:
/// after a kernel that stores past the caches, others took up to two thirds more time.
pub(super) fn warm(bytes: usize) -> usize {
    let Caches { l2, l3, .. } = crate::caches();
    match bytes {
        _ if bytes > l3 => 0,
        _ if bytes > l2 => 3,
        _ => 1,
    }
}

/// The contestants of one case on this machine.
pub(super) struct OnMachine<'a, T: Element> {
    case: &'a Case,
    contestants: Vec<Contestant>,
    /// Some, which take turns; in each an arena for each shape of the case.
    places: Vec<Vec<Arena<T>>>,
    place: usize,
    rounds: usize,
    /// Who ran last.
    last: Option<Contestant>,
    /// How often each is called for a sample, 0 until that is known: contestants outermost.
    repetitions: Vec<u32>,
    warm: usize,
    checked: &'a mut Checked,
    begin: Instant,
    left: &'a mut dyn FnMut(usize),
}

/// Some places for the data of a case, in each an arena for each of its shapes.
fn places<T: Element>(case: &Case) -> Result<Vec<Vec<Arena<T>>>, Error> {
    let mut random = Random::new(2);
    let mut arena = |&shape| {
        let mut arena = Arena::new(case, shape, &mut random)?;
        arena.settle();
        Ok(arena)
    };
    let count = (PLACED / case.bytes().max(1)).clamp(FEWEST_PLACES, PLACES);
    (0..count).map(|_| case.shapes.iter().map(&mut arena).collect()).collect()
}

impl<'a, T: Element> OnMachine<'a, T> {
    pub(super) fn new(
        case: &'a Case,
        contestants: Vec<Contestant>,
        checked: &'a mut Checked,
        left: &'a mut dyn FnMut(usize),
    ) -> Result<Self, Error> {
        let places = places(case)?;
        let warm = warm(case.bytes());
        // A call that no cache holds fills a sample by itself, and has no state to find out of.
        let repetitions = vec![u32::from(warm == 0); contestants.len() * case.shapes.len()];
        Ok(Self {
            case,
            contestants,
            places,
            place: 0,
            rounds: 0,
            last: None,
            repetitions,
            warm,
            checked,
            begin: Instant::now(),
            left,
        })
    }

    /// How far down the stack the calls of a round are: all depths in turn, neighbours far from each other.
    const fn depth(&self) -> usize {
        self.rounds * 7 % DEPTHS
    }
}

impl<T: Element> Course for OnMachine<'_, T> {
    fn is_right(&mut self, contestant: usize) -> bool {
        self.checked.check::<T>(self.case, self.contestants[contestant].kernel)
    }

    fn sample(&mut self, contestant: usize) -> f64 {
        let who = self.contestants[contestant];
        self.last = Some(who);
        if self.warm == 0 {
            // What is to be in memory has to be elsewhere each time.
            self.place = (self.place + 1) % self.places.len();
        }
        let wake = if who.cut.is_some() { WAKE } else { Duration::ZERO };
        let depth = self.depth();
        let mut logs = 0.0;
        for (at, arena) in self.places[self.place].iter_mut().enumerate() {
            let repetitions = &mut self.repetitions[contestant * self.case.shapes.len() + at];
            if *repetitions == 0 {
                // Not counted: the first call finds nothing as it leaves it.
                *repetitions = 1;
                loop {
                    let calls = Calls { warm: 1, wake, timed: *repetitions };
                    let seconds = arena.time(who, calls, depth) * f64::from(*repetitions);
                    if seconds >= SAMPLE || *repetitions >= 1 << 20 {
                        break;
                    }
                    *repetitions *= 2;
                }
            }
            logs += arena.time(who, Calls { warm: self.warm, wake, timed: *repetitions }, depth).ln();
        }
        // Of several shapes the geometric mean, in which each counts the same.
        (logs / super::statistics::to_f64(self.case.shapes.len())).exp()
    }

    fn now(&mut self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    fn round(&mut self) {
        self.rounds += 1;
        let stay = if self.warm > 1 { STAY } else { 1 };
        if self.warm == 0 || !self.rounds.is_multiple_of(stay) {
            return;
        }
        self.place = (self.place + 1) % self.places.len();
        // Who comes first must not be the one that fetches the data.
        if let Some(last) = self.last {
            let (calls, depth) = (Calls { warm: 2, wake: Duration::ZERO, timed: 1 }, self.depth());
            for arena in &mut self.places[self.place] {
                arena.time(last, calls, depth);
            }
        }
    }

    fn elsewhere(&mut self) {
        // While the old places are taken, so that the new ones are others. Without room for both it stays.
        if let Ok(places) = places(self.case) {
            self.places = places;
            self.place = 0;
        }
    }

    fn left(&mut self, candidates: usize) {
        (self.left)(candidates);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Caches,
        tune::{Filter, cases},
    };

    /// A case of every operation for `f32`, with its incumbent.
    fn all() -> Vec<(Case, &'static str)> {
        let caches = Caches { l1: 1 << 12, l2: 1 << 14, l3: 1 << 16 };
        let filter = Filter { dtypes: vec![Dtype::F32], ..Filter::default() };
        let cases = cases(&filter, caches, false);
        let bucket = |case: &Case| matches!(case.place, raptors_profile::Place::Bucket(..));
        cases.into_iter().filter(bucket).map(|case| (case.clone(), case.explain().unwrap().kernel)).collect()
    }

    #[test]
    fn kernels_that_ship_are_right_and_the_oracle_is_asked_once() {
        let (mut checked, all) = (Checked::default(), all());
        for (case, kernel) in &all {
            assert!(checked.check::<f32>(case, kernel), "{case}: {kernel}: {:?}", checked.wrong().next());
        }
        assert!(checked.expected.len() <= all.len() / 12, "a word for each table");
    }

    #[test]
    fn what_differs_from_the_oracle_in_one_bit_is_not_right() {
        for (case, kernel) in all().into_iter().step_by(12) {
            let mut checked = Checked::default();
            assert!(checked.check::<f32>(&case, kernel));
            *checked.expected.values_mut().next().unwrap().last_mut().unwrap() ^= 1;
            // What has been said of the kernel still holds; of another one it is found out.
            assert!(checked.check::<f32>(&case, kernel));
            checked.kernels.clear();
            assert!(!checked.check::<f32>(&case, kernel), "{kernel}");
            assert_eq!(checked.wrong().map(|(name, _)| name).collect::<Vec<_>>(), [kernel]);
        }
    }

    #[test]
    fn a_kernel_that_does_not_exist_is_not_right() {
        let (case, _) = all().swap_remove(0);
        assert!(!Checked::default().check::<f32>(&case, "no_such_kernel"));
    }

    #[test]
    fn a_sample_is_the_time_of_one_call() {
        let (case, kernel) = all().swap_remove(0);
        let (mut checked, mut left) = (Checked::default(), |_| {});
        let ways = [None, Some(Cut { threads: 2, chunk: 0 })].map(|cut| Contestant { kernel, cut });
        // The case is small, so that one call does not fill a sample, unless something interrupts it.
        let mut fills = || {
            let mut course = OnMachine::<f32>::new(&case, ways.to_vec(), &mut checked, &mut left).unwrap();
            for contestant in 0..ways.len() {
                assert!(course.is_right(contestant));
                let seconds = course.sample(contestant);
                assert!(seconds > 0.0 && seconds < 0.1, "{seconds}");
            }
            assert!(course.now() > 0.0);
            course.repetitions.contains(&1)
        };
        assert!((0..20).any(|_| !fills()));
    }
}
