//! Contestants on this machine: kernels and cuts, on the data of one case.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use super::{
    arena::{self, Arena, Calls, DEPTHS, Memory},
    case::Case,
    statistics,
    tournament::{Course, Random},
};
use crate::{
    Cut, Dtype, Element, Error, Numerics,
    catalogue::{self, Axis, InputKind},
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
/// several places, half of them in memory of each kind, up to about so many bytes of each,
const PLACED: usize = 96 << 20;
/// but no more places than these in memory of a kind.
const PLACES: usize = 8;
/// And no fewer: what is larger than all caches has to be out of them when its turn comes again.
const FEWEST_PLACES: usize = 2;

/// How calls happen, as far as their time depends on it. A kernel that is faster in one of these ways may be slower in
/// another, and users call in all of them.
#[derive(Clone, Copy, Debug)]
struct World {
    memory: Memory,
    /// Whether each call has other data, as in a pipeline, or the same again, as in a loop.
    is_fresh: bool,
}

const WORLDS: [World; 4] = [
    World { memory: Memory::NumPy, is_fresh: true },
    World { memory: Memory::Library, is_fresh: true },
    World { memory: Memory::NumPy, is_fresh: false },
    World { memory: Memory::Library, is_fresh: false },
];
/// How many of these there are for calls of that size: for what is larger than all caches every call has fresh data.
pub(super) fn worlds(bytes: usize) -> usize {
    if bytes > crate::caches().l3 { 2 } else { WORLDS.len() }
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
        let mut arena = Arena::<T>::new(case, shape, Memory::Library, &mut Random::new(1))
            .map_err(|error| error.to_string())?;
        let expected = self.expected.entry((op.name, T::DTYPE, numerics, shape));
        let expected = match expected {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(empty) => {
                let input = |index: usize, row: usize, col: usize| {
                    let values = arena.input(index).as_slice();
                    match op.inputs[index].kind {
                        InputKind::Matrix => values[row * shape.1 + col],
                        InputKind::Row => values[col],
                        InputKind::Column => values[row],
                        InputKind::Scalar => values[0],
                    }
                };
                let values = reference(op, numerics, shape, input).map_err(|error| error.to_string())?;
                empty.insert(values.into_iter().map(T::to_bits_u64).collect())
            }
        };
        // So that nothing counts as a result that was not written.
        if !case.inplace {
            arena.out.as_mut_slice().fill(T::from_f64(f64::NAN));
        }
        let contestant = Contestant { kernel, cut: None };
        catch_unwind(AssertUnwindSafe(|| arena.call(contestant)()))
            .map_err(|_| "it panicked".to_owned())?
            .map_err(|error| error.to_string())?;
        let found = arena.out.as_slice();
        // Finite data have no NaN, of which one would stand for any other.
        let right = |(found, expected): (&T, &u64)| found.to_bits_u64() == *expected;
        if catalogue::kernels().iter().any(|of| of.name == kernel && of.backend.is_some()) {
            return within_bound(case, &arena, expected);
        }
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

/// The number of those bits.
fn of_bits<T: Element>(bits: u64) -> f64 {
    match T::DTYPE {
        Dtype::F32 => f64::from(f32::from_bits(u32::try_from(bits).expect("a number of 32 bits"))),
        Dtype::F64 => f64::from_bits(bits),
    }
}

/// Whether what a routine gave is within the bound of the class `any`, or within twice that: the oracle is not exact either.
fn within_bound<T: Element>(case: &Case, arena: &Arena<T>, expected: &[u64]) -> Result<(), String> {
    let (op, shape @ (rows, cols)) = (case.op, ANY_SHAPE);
    let terms = match op.body.axis() {
        None => 1,
        Some(Axis::All) => rows * cols,
        Some(Axis::Zero) => rows,
        Some(Axis::One) => cols,
    };
    // Of magnitudes all terms are of one sign, but where they are subtracted: then the result has theirs.
    let magnitude = |index: usize, row: usize, col: usize| {
        let values = arena.input(index).as_slice();
        let value = match op.inputs[index].kind {
            InputKind::Matrix => values[row * shape.1 + col],
            InputKind::Row => values[col],
            InputKind::Column => values[row],
            InputKind::Scalar => values[0],
        };
        value.abs()
    };
    let sums = reference(op, Numerics::Numpy, shape, magnitude).map_err(|error| error.to_string())?;
    let epsilon = if T::DTYPE == Dtype::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let found = arena.out.as_slice();
    for (at, ((found, expected), sum)) in found.iter().zip(expected).zip(sums).enumerate() {
        let (found, expected) = (found.to_f64(), of_bits::<T>(*expected));
        let bound = 2.0 * statistics::to_f64(terms) * epsilon * (sum.to_f64().abs() + expected.abs());
        if (found - expected).abs() > bound || found.is_nan() {
            return Err(format!(
                "result {at} of a {rows}×{cols} matrix is {found:e}, expected {expected:e} ± {bound:e}"
            ));
        }
    }
    Ok(())
}

/// Calls before those that are timed, on the same data that the second cache holds.
const WARM: usize = 1;
/// Samples on the same data beyond the second cache, but for the one that counts. The third cache seems to keep what has been
/// met again, so one call does not bring in what the one before left outside: after a kernel that stores past the caches,
/// others took up to two thirds more time.
const COLD: usize = 3;

/// Calls of a sample that is a call, in the mean of the worlds.
pub(super) fn calls(bytes: usize) -> f64 {
    if bytes > crate::caches().l2 { 0.5 * super::statistics::to_f64(2 + COLD) } else { 2.0 }
}

/// The contestants of one case on this machine.
pub(super) struct OnMachine<'a, T: Element> {
    case: &'a Case,
    contestants: Vec<Contestant>,
    /// They take turns.
    places: Places<T>,
    place: usize,
    world: World,
    rounds: usize,
    /// Who ran last.
    last: Option<Contestant>,
    /// How often each is called for a sample on the same data and on fresh ones, 0 until that is known: contestants
    /// outermost, then shapes.
    repetitions: Vec<[u32; 2]>,
    checked: &'a mut Checked,
    until: Instant,
    begin: Instant,
    left: &'a mut dyn FnMut(usize),
}

/// Some places in memory of either kind, in each an arena for each shape of a case.
type Places<T> = [Vec<Vec<Arena<T>>>; 2];

/// Some places for the data of a case in memory of each kind; `None` where the time is over before they are there.
fn places<T: Element>(case: &Case, until: Instant) -> Result<Option<Places<T>>, Error> {
    let mut random = Random::new(2);
    let count = (PLACED / 2 / case.bytes().max(1)).clamp(FEWEST_PLACES, PLACES);
    let mut all: Places<T> = [Vec::new(), Vec::new()];
    for (places, memory) in all.iter_mut().zip([Memory::Library, Memory::NumPy]) {
        for _ in 0..count {
            let mut place = Vec::new();
            for &shape in &case.shapes {
                if Instant::now() > until {
                    return Ok(None);
                }
                let mut arena = Arena::new(case, shape, memory, &mut random)?;
                arena.settle();
                place.push(arena);
            }
            places.push(place);
        }
    }
    Ok(Some(all))
}

impl<'a, T: Element> OnMachine<'a, T> {
    /// `None` where the time is over before the data are there.
    pub(super) fn new(
        case: &'a Case,
        contestants: Vec<Contestant>,
        checked: &'a mut Checked,
        until: Instant,
        left: &'a mut dyn FnMut(usize),
    ) -> Result<Option<Self>, Error> {
        let Some(places) = places(case, until)? else { return Ok(None) };
        // A call on fresh data that the second cache does not hold fills a sample by itself.
        let fresh = u32::from(case.bytes() > crate::caches().l2);
        let repetitions = vec![[0, fresh]; contestants.len() * case.shapes.len()];
        Ok(Some(Self {
            case,
            contestants,
            places,
            place: 0,
            world: WORLDS[0],
            rounds: 0,
            last: None,
            repetitions,
            checked,
            until,
            begin: Instant::now(),
            left,
        }))
    }

    /// How far down the stack the calls of a round are: all depths in turn, neighbours far from each other.
    const fn depth(&self) -> usize {
        self.rounds * 7 % DEPTHS
    }

    /// Seconds of the fastest of several samples, of which the first ones bring the data as near as they will stay. Others who
    /// have their part of the last cache take it away again and again, and who wins then need not win when they rest.
    fn fastest(&mut self, who: Contestant, shape: usize, calls: Calls) -> f64 {
        let again = Calls { warm: 0, wake: Duration::ZERO, ..calls };
        let first = self.time(who, shape, Calls { warm: 0, ..calls });
        (0..COLD).map(|_| self.time(who, shape, again)).fold(first, f64::min)
    }

    /// Seconds of a call on one of the shapes: in the same place again, or in all of them in turn.
    fn time(&mut self, who: Contestant, shape: usize, calls: Calls) -> f64 {
        let depth = self.depth();
        let places = &mut self.places[usize::from(self.world.memory == Memory::NumPy)];
        if self.world.is_fresh {
            let arenas = places.iter_mut().map(|place| &mut place[shape]);
            arena::time(arenas, &mut self.place, who, calls, depth)
        } else {
            let here = self.place % places.len();
            arena::time([&mut places[here][shape]], &mut 0, who, calls, depth)
        }
    }
}

impl<T: Element> Course for OnMachine<'_, T> {
    fn is_right(&mut self, contestant: usize) -> bool {
        self.checked.check::<T>(self.case, self.contestants[contestant].kernel)
    }

    fn sample(&mut self, contestant: usize) -> f64 {
        let who = self.contestants[contestant];
        self.last = Some(who);
        let wake = if who.cut.is_some() { WAKE } else { Duration::ZERO };
        let (shapes, bytes) = (self.case.shapes.len(), self.case.bytes());
        let is_fresh = self.world.is_fresh;
        // Fresh data that the second cache does not hold are as cold as they will be.
        let (once, warm) = match (is_fresh, bytes > crate::caches().l2) {
            (true, true) => (1, 0),
            (true, false) => (self.places[0].len(), self.places[0].len()),
            (false, _) => (1, WARM),
        };
        let once = u32::try_from(once).unwrap_or(1);
        let mut logs = 0.0;
        for shape in 0..shapes {
            let at = (contestant * shapes + shape, usize::from(is_fresh));
            if self.repetitions[at.0][at.1] == 0 {
                // Not counted: the first call finds nothing as it leaves it.
                let mut timed = once;
                while self.time(who, shape, Calls { warm: 1, wake, timed }) * f64::from(timed) < SAMPLE
                    && timed < 1 << 20
                {
                    timed *= 2;
                }
                self.repetitions[at.0][at.1] = timed;
            }
            let timed = self.repetitions[at.0][at.1];
            let calls = Calls { warm, wake, timed };
            logs += if is_fresh || bytes <= crate::caches().l2 {
                self.time(who, shape, calls)
            } else {
                self.fastest(who, shape, calls)
            }
            .ln();
        }
        // Of several shapes the geometric mean, in which each counts the same.
        (logs / super::statistics::to_f64(shapes)).exp()
    }

    fn worlds(&self) -> usize {
        worlds(self.case.bytes())
    }

    fn round(&mut self, world: usize) {
        self.rounds += 1;
        self.world = WORLDS[world];
        if self.world.is_fresh {
            return;
        }
        self.place += 1;
        // Who comes first must not be the one that fetches the data.
        if let Some(last) = self.last {
            for shape in 0..self.case.shapes.len() {
                self.time(last, shape, Calls { warm: 2, wake: Duration::ZERO, timed: 1 });
            }
        }
    }

    fn now(&mut self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    fn is_late(&self) -> bool {
        Instant::now() > self.until
    }

    fn elsewhere(&mut self) {
        // While the old places are taken, so that the new ones are others. Without room for both, or time, it stays.
        if let Ok(Some(places)) = places(self.case, self.until) {
            self.places = places;
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
            let until = Instant::now() + Duration::from_hours(1);
            let mut course =
                OnMachine::<f32>::new(&case, ways.to_vec(), &mut checked, until, &mut left).unwrap().unwrap();
            assert_eq!(course.worlds(), WORLDS.len());
            for world in 0..WORLDS.len() {
                course.round(world);
                for contestant in 0..ways.len() {
                    assert!(course.is_right(contestant));
                    let seconds = course.sample(contestant);
                    assert!(seconds > 0.0 && seconds < 0.1, "{seconds}");
                }
            }
            assert!(course.now() > 0.0 && !course.is_late());
            course.repetitions.iter().flatten().any(|&calls| calls == 1)
        };
        assert!((0..20).any(|_| !fills()));
    }
}
