//! Every word of every vocabulary that this machine runs, against the scalar functions of [`Element`].

use crate::element::{Element, same_bits};

/// Numbers at random, of any bits: xorshift64*.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// Compares lane by lane, and says what went in.
#[track_caller]
fn same_lanes<T: Element, const N: usize>(
    word: &str,
    inputs: [[T; N]; 3],
    got: [T; N],
    want: impl Fn([T; 3]) -> T,
) {
    for lane in 0..N {
        let inputs = inputs.map(|input| input[lane]);
        let want = want(inputs);
        assert!(same_bits(got[lane], want), "{word}{inputs:?} in lane {lane}: {:?}, not {want:?}", got[lane]);
    }
}

/// The fold that `pairs` is for, of one vector: neighbours, then neighbours of those.
fn tree<T: Element>(lanes: &[T], merge: fn(T, T) -> T) -> T {
    if let [one] = lanes {
        *one
    } else {
        let (left, right) = lanes.split_at(lanes.len() / 2);
        merge(tree(left, merge), tree(right, merge))
    }
}

/// A module of tests for one module of a vocabulary. `runs` tells whether this machine has the ISA; the attributes are
/// those its functions have.
macro_rules! vocabulary {
    (
        $name:ident: $isa:ident $module:ident, $lanes:literal lanes of $float:ident $bits:ident,
        distances $($distance:literal)*, runs $runs:expr, $(#[$attr:meta])*
    ) => {
        mod $name {
            use super::{Element, Random, same_bits, same_lanes, tree};
            use crate::simd::$isa::$module as v;

            type T = $float;
            const N: usize = $lanes;
            const CANARY: T = -77.25;

            /// Zeros, ones, both ends of the subnormal and the normal numbers, infinities, NaNs quiet and not.
            const SPECIAL: [T; 22] = [
                0.0, -0.0, 1.0, -1.0, 1.5, -2.75, 3.0, -1.0 / 3.0,
                T::MIN_POSITIVE, -T::MIN_POSITIVE, T::from_bits(1), -T::from_bits(1),
                T::from_bits(T::MIN_POSITIVE.to_bits() - 1), T::MAX, T::MIN, T::EPSILON, 1.0 + T::EPSILON,
                T::INFINITY, T::NEG_INFINITY, T::NAN, -T::NAN, T::from_bits(T::INFINITY.to_bits() + 1),
            ];

            /// Lane l holds special value `start + step × l`: over all starts, each value comes by in each lane.
            fn special(start: usize, step: usize) -> [T; N] {
                core::array::from_fn(|lane| SPECIAL[(start + step * lane) % SPECIAL.len()])
            }

            #[allow(clippy::cast_possible_truncation, reason = "the lower bits are as random")]
            fn random(random: &mut Random) -> [T; N] {
                core::array::from_fn(|_| T::from_bits(random.bits() as $bits))
            }

            /// What roundings and remainders differ in: halves, numbers around them, and where numbers have no fraction any
            /// more, or just halves.
            const WHOLE: [T; 24] = {
                let no_fraction = 1.0 / T::EPSILON;
                let last_half = no_fraction / 2.0;
                [
                    0.5, -0.5, 0.5 - T::EPSILON / 4.0, T::EPSILON / 4.0 - 0.5, 0.5 + T::EPSILON / 2.0, 1.5, -1.5, 2.5,
                    -2.5, no_fraction - 0.5, -0.75, 1.0 - T::EPSILON / 2.0, -1.0 - T::EPSILON, 7.0, -12.0, 1e9,
                    last_half - 0.5, 0.5 - last_half, last_half + 0.5, -1.5 - last_half,
                    no_fraction - 1.0, 1.0 - no_fraction, no_fraction + 2.0, -no_fraction,
                ]
            };

            /// Any two of those and of the special values in each lane.
            fn each_pair(mut check: impl FnMut([[T; N]; 3])) {
                let all = [&SPECIAL[..], &WHOLE].concat();
                for a in 0..all.len() {
                    for b in 0..all.len() {
                        check([
                            core::array::from_fn(|lane| all[(a + lane) % all.len()]),
                            core::array::from_fn(|lane| all[(b + 3 * lane) % all.len()]),
                            [0.0; N],
                        ]);
                    }
                }
            }

            /// Any three special values in each lane, and random ones.
            fn each_input(mut check: impl FnMut([[T; N]; 3])) {
                for a in 0..SPECIAL.len() {
                    for b in 0..SPECIAL.len() {
                        for c in 0..SPECIAL.len() {
                            check([special(a, 1), special(b, 3), special(c, 5)]);
                        }
                    }
                }
                let mut numbers = Random(0x5eed);
                for _ in 0..20_000 {
                    check([random(&mut numbers), random(&mut numbers), random(&mut numbers)]);
                }
            }

            $(#[$attr])*
            fn get(v: v::V) -> [T; N] {
                let mut lanes = [CANARY; N];
                v::store(&mut lanes, v);
                lanes
            }

            $(#[$attr])*
            fn arithmetic() {
                each_input(|inputs| {
                    let [a, b, c] = inputs.map(|lanes| v::load(&lanes));
                    let check = |word, got: v::V, want: fn([T; 3]) -> T| same_lanes(word, inputs, get(got), want);
                    check("load", a, |[a, _, _]| a);
                    check("add", v::add(a, b), |[a, b, _]| a + b);
                    check("sub", v::sub(a, b), |[a, b, _]| a - b);
                    check("mul", v::mul(a, b), |[a, b, _]| a * b);
                    check("div", v::div(a, b), |[a, b, _]| a / b);
                    check("min", v::min(a, b), |[a, b, _]| Element::min(a, b));
                    check("max", v::max(a, b), |[a, b, _]| Element::max(a, b));
                    check("neg", v::neg(a), |[a, _, _]| -a);
                    check("abs", v::abs(a), |[a, _, _]| a.abs());
                    check("sqrt", v::sqrt(a), |[a, _, _]| a.sqrt());
                    check("fma", v::fma(a, b, c), |[a, b, c]| a.mul_add(b, c));
                    extremes(inputs);
                    // The sign of a NaN is not compared above; these two promise it.
                    for lane in 0..N {
                        let bits = inputs[0][lane].to_bits();
                        let sign = (-0.0 as T).to_bits();
                        assert_eq!(get(v::neg(a))[lane].to_bits(), bits ^ sign, "neg of {bits:x}");
                        assert_eq!(get(v::abs(a))[lane].to_bits(), bits & !sign, "abs of {bits:x}");
                    }
                });
                for value in SPECIAL {
                    same_lanes("splat", [[value; N]; 3], get(v::splat(value)), |[a, _, _]| a);
                }
            }

            $(#[$attr])*
            fn whole_numbers() {
                let check = |inputs: [[T; N]; 3]| {
                    let [a, b, _] = inputs.map(|lanes| v::load(&lanes));
                    let check = |word, got: v::V, want: fn([T; 3]) -> T| same_lanes(word, inputs, get(got), want);
                    check("floor", v::floor(a), |[a, _, _]| Element::floor(a));
                    check("ceil", v::ceil(a), |[a, _, _]| Element::ceil(a));
                    check("trunc", v::trunc(a), |[a, _, _]| Element::trunc(a));
                    check("round", v::round(a), |[a, _, _]| Element::round(a));
                    check("copysign", v::copysign(a, b), |[a, b, _]| Element::copysign(a, b));
                    check("rem", v::rem(a, b), |[a, b, _]| Element::rem(a, b));
                };
                each_pair(check);
                // Random bits are hardly ever near a half: most have no fraction, or are nothing but one.
                let mut numbers = Random(0x5eed);
                for _ in 0..4_000 {
                    let [a, b] = [random(&mut numbers), random(&mut numbers)];
                    check([a, b, [0.0; N]]);
                    check([a.map(|x| x % 16.0), b.map(|x| x % 2.0), [0.0; N]]);
                }
            }

            /// The parts of numbers, and their exponents put together again.
            $(#[$attr])*
            fn parts_of_numbers() {
                let check = |lanes: [T; N]| {
                    let v = v::load(&lanes);
                    let check = |word, got: v::V, want: fn([T; 3]) -> T| same_lanes(word, [lanes; 3], get(got), want);
                    check("exponent", v::exponent(v), |[x, ..]| Element::exponent(x));
                    // What a NaN gives is not said.
                    let numbers = lanes.map(|x| if x.is_nan() { 1.0 } else { x });
                    let got = get(v::mantissa(v::load(&numbers)));
                    same_lanes("mantissa", [numbers; 3], got, |[x, ..]| Element::mantissa(x));
                };
                (0..SPECIAL.len()).for_each(|start| check(special(start, 1)));
                let mut numbers = Random(0x5eed);
                (0..4_000).for_each(|_| check(random(&mut numbers)));
                for power in T::MIN_EXP - 1..T::MAX_EXP {
                    let power = T::from_f64(f64::from(power));
                    same_lanes("pow2", [[power; N]; 3], get(v::pow2(v::splat(power))), |[power, ..]| power.exp2());
                }
            }

            /// Lane by lane three values: by the fast words with notes, and again by the others where that is a zero.
            $(#[$attr])*
            fn extremes(inputs: [[T; N]; 3]) {
                let [a, b, c] = inputs.map(|lanes| v::load(&lanes));
                let notes = v::note(v::note(v::no_notes(), a, b), c, v::splat(1.0));
                let ways: [(_, fn(T, T) -> T, _, _); 2] = [
                    ("fast_min", Element::min, v::fast_min(v::fast_min(a, b), c), v::min(v::min(a, b), c)),
                    ("fast_max", Element::max, v::fast_max(v::fast_max(a, b), c), v::max(v::max(a, b), c)),
                ];
                for (word, want, fast, exact) in ways {
                    let again = if v::FAST_IS_EXACT { fast } else { v::select(v::eq(fast, v::splat(0.0)), exact, fast) };
                    same_lanes(word, inputs, get(v::noted(notes, again)), |[a, b, c]| want(want(a, b), c));
                }
                for (lane, value) in get(v::noted(v::note(v::no_notes(), a, b), c)).into_iter().enumerate() {
                    // Without notes a NaN need not show: it is in the value that the fast words gave.
                    let noted = !v::FAST_IS_EXACT && (inputs[0][lane].is_nan() || inputs[1][lane].is_nan());
                    let want = if noted { T::NAN } else { inputs[2][lane] };
                    assert!(same_bits(value, want), "noted in lane {lane}: {value}");
                }
            }

            $(#[$attr])*
            #[allow(clippy::float_cmp, reason = "the exact comparison is what is tested")]
            fn masks() {
                let number = |truth: bool| if truth { 1.0 } else { 2.0 };
                each_input(|inputs| {
                    let [a, b, c] = inputs.map(|lanes| v::load(&lanes));
                    let check = |word, mask: v::M, want: fn(T, T, T) -> bool| {
                        let got = get(v::select(mask, v::splat(number(true)), v::splat(number(false))));
                        same_lanes(word, inputs, got, |[a, b, c]| number(want(a, b, c)));
                    };
                    check("lt", v::lt(a, b), |a, b, _| a < b);
                    check("le", v::le(a, b), |a, b, _| a <= b);
                    check("gt", v::gt(a, b), |a, b, _| a > b);
                    check("ge", v::ge(a, b), |a, b, _| a >= b);
                    check("eq", v::eq(a, b), |a, b, _| a == b);
                    check("ne", v::ne(a, b), |a, b, _| a != b);
                    check("is_nan", v::is_nan(a), |a, _, _| a.is_nan());
                    let any = (0..N).any(|lane| inputs[0][lane] < inputs[1][lane]);
                    assert_eq!(v::any(v::lt(a, b)), any, "any of {inputs:?}");
                    check("and", v::and(v::le(a, b), v::le(b, c)), |a, b, c| a <= b && b <= c);
                    check("or", v::or(v::lt(a, b), v::lt(b, c)), |a, b, c| a < b || b < c);
                    check("not", v::not(v::lt(a, b)), |a, b, _| !matches!(a.partial_cmp(&b), Some(core::cmp::Ordering::Less)));
                    // Bit for bit: a selection is no arithmetic, so a NaN stays the NaN it is.
                    let [x, y, z] = inputs;
                    for (lane, got) in get(v::select(v::lt(a, b), b, c)).into_iter().enumerate() {
                        let want = if x[lane] < y[lane] { y[lane] } else { z[lane] };
                        assert_eq!(got.to_bits(), want.to_bits(), "select in lane {lane}");
                    }
                });
            }

            /// One lane alone is true, or none.
            $(#[$attr])*
            fn any_lane() {
                assert!(!v::any(v::lt(v::splat(1.0), v::splat(0.0))));
                for lane in 0..N {
                    let mut lanes = [0.0; N];
                    lanes[lane] = 1.0;
                    assert!(v::any(v::gt(v::load(&lanes), v::splat(0.0))), "any, lane {lane}");
                }
            }

            /// Each length of a part, at each distance from a vector's alignment, with other values around it.
            $(#[$attr])*
            fn parts() {
                for start in 0..2 * N {
                    for len in 0..=N {
                        let mut memory = [CANARY; 4 * N];
                        for (place, value) in memory[start..][..len].iter_mut().zip(SPECIAL) {
                            *place = value;
                        }
                        let loaded = get(v::load_part(&memory[start..][..len]));
                        for lane in 0..N {
                            let want = if lane < len { SPECIAL[lane] } else { 0.0 };
                            assert!(same_bits(loaded[lane], want), "load_part of {len}, lane {lane}");
                        }
                        let other = special(9, 1);
                        let loaded = get(v::load_part_or(&memory[start..][..len], v::load(&other)));
                        for lane in 0..N {
                            let want = if lane < len { SPECIAL[lane] } else { other[lane] };
                            assert!(same_bits(loaded[lane], want), "load_part_or of {len}, lane {lane}");
                        }
                        let stored = special(5, 1);
                        v::store_part(&mut memory[start..][..len], v::load(&stored));
                        for (i, &got) in memory.iter().enumerate() {
                            let in_part = (start..start + len).contains(&i);
                            let want = if in_part { stored[i - start] } else { CANARY };
                            assert!(same_bits(got, want), "store_part of {len} at {start}: place {i} is {got}");
                        }
                    }
                }
                // Nothing is read of no elements, wherever they are not.
                let nothing: &mut [T] = &mut [];
                v::store_part(nothing, v::load_part(nothing));
            }

            $(#[$attr])*
            fn slots<const U: usize>() {
                let line = 64 / size_of::<T>();
                let mut memory = vec![CANARY; 6 * line + U * N];
                for start in 0..line {
                    for len in 0..memory.len() - start {
                        let slice = &mut memory[start..][..len];
                        let begin = slice.as_ptr().addr();
                        let (head, steps, tail) = v::slots_mut::<U>(slice);
                        assert_eq!(head.len() + steps.len() * U * N + tail.len(), len);
                        assert!(head.len() < line && (head.len() < len || steps.is_empty()));
                        assert!(tail.len() < U * N);
                        assert_eq!(head.as_ptr().addr(), begin);
                        if !steps.is_empty() {
                            assert_eq!(steps.as_ptr().addr() % 64, 0);
                            assert_eq!(steps.as_ptr().addr(), begin + size_of_val(head));
                        }
                        let counts = (head.len(), steps.len() * U * N);
                        for slot in steps.as_flattened_mut() {
                            v::stream(slot, v::splat(4.5));
                        }
                        v::fence();
                        for (i, value) in memory.iter_mut().enumerate() {
                            let first = start + counts.0;
                            let want = if (first..first + counts.1).contains(&i) { 4.5 } else { CANARY };
                            assert!(same_bits(*value, want), "place {i} of {len} from {start} is {value}");
                            *value = CANARY;
                        }
                    }
                }
            }

            /// Hints: there is nothing to see of them, and no address they fault at.
            $(#[$attr])*
            fn prefetches() {
                let memory = [CANARY; N];
                for slice in [&memory[..], &memory[..0], &[]] {
                    v::prefetch_l1::<0>(slice);
                    v::prefetch_l1::<8>(slice);
                    v::prefetch_l2::<32>(slice);
                    v::prefetch_l2::<{ usize::MAX / 64 }>(slice);
                }
            }

            $(#[$attr])*
            fn folds() {
                // No two lanes are alike, and no half of them repeats another: each has its place in the tree.
                let lanes: Vec<[T; N]> = (1_u8..).take(N).map(|i| {
                    let mut divisor = 6.0;
                    core::array::from_fn(|lane| {
                        divisor += 1.0;
                        SPECIAL[4 + lane % 4] * T::from(i) / divisor
                    })
                }).collect();
                for count in 1..=N {
                    let mut sums: Vec<v::V> = lanes[..count].iter().map(|lanes| v::load(lanes)).collect();
                    let mut uneven = sums.clone();
                    $(
                        sums = sums.chunks(2).map(|two| {
                            let (x, y) = v::pairs::<$distance>(two[0], two[two.len() - 1]);
                            v::add(x, y)
                        }).collect();
                        // Tells which of the two comes first. A plain difference would not tell of a swap in two
                        // steps, which turns the sign and turns it back.
                        uneven = uneven.chunks(2).map(|two| {
                            let (x, y) = v::pairs::<$distance>(two[0], two[two.len() - 1]);
                            v::sub(x, v::mul(y, v::splat(0.5)))
                        }).collect();
                    )*
                    assert_eq!((sums.len(), uneven.len()), (1, 1));
                    for i in 0..count {
                        let sum = tree(&lanes[i], |a, b| a + b);
                        let other = tree(&lanes[i], |a, b| a - b * 0.5);
                        assert!(same_bits(get(sums[0])[i], sum), "sum {i} of {count}: {:?}", get(sums[0]));
                        assert!(same_bits(get(uneven[0])[i], other), "uneven {i} of {count}");
                    }
                }
            }

            $(#[$attr])*
            fn all() {
                arithmetic();
                whole_numbers();
                parts_of_numbers();
                masks();
                any_lane();
                parts();
                slots::<1>();
                slots::<2>();
                slots::<3>();
                prefetches();
                folds();
            }

            #[test]
            #[allow(unused_unsafe, reason = "the portable functions can be called from anywhere")]
            fn matches_scalar() {
                if $runs {
                    // SAFETY: the machine was just asked whether it has the features that the functions enable.
                    unsafe { all() }
                } else {
                    println!("skipped: {}", stringify!($name));
                }
            }
        }
    };
}

// One for each module of each vocabulary, as the descriptions of the ISAs have them.
include!(concat!(env!("OUT_DIR"), "/vocabularies.rs"));
