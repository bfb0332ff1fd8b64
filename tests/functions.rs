//! Functions that are texts, `exp` and others: of f32 the nearest number to the exact value, of f64 within their bounds.
//!
//! The value is computed in f64 by the platform's library. Where that lies so near the middle of two elements of f32 that it
//! cannot say which is nearer, it is computed again with 256 bits, by the crate `astro-float-num`.
#![cfg(feature = "elementary")]

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

use astro_float_num::{BigFloat, Consts, RoundingMode};
use raptors::{MatrixMut, MatrixRef, isa, ops};

/// Bits of exact values.
const BITS: usize = 256;
/// What the platform's functions are off by at most, and far more.
const DOUBT: f64 = 64.0 * f64::EPSILON;
const NEAREST: RoundingMode = RoundingMode::ToEven;

/// A function: its operation, what the platform computes, and the exact value.
struct Case {
    name: &'static str,
    of_f32: fn(&[f32], &mut [f32]),
    of_f64: fn(&[f64], &mut [f64]),
    near: fn(f64) -> f64,
    exact: fn(&BigFloat, &mut Consts) -> BigFloat,
    /// How far results of f64 may be from the exact value, in units of their last place.
    bound: f64,
}

macro_rules! case {
    ($name:literal, $op:ident, $bound:literal, $near:expr, $exact:expr) => {
        Case {
            name: $name,
            of_f32: |x, out| ops::$op(row(x), row_mut(out)).expect("one row of as many"),
            of_f64: |x, out| ops::$op(row(x), row_mut(out)).expect("one row of as many"),
            near: $near,
            exact: $exact,
            bound: $bound,
        }
    };
}

fn row<T: raptors::Element>(x: &[T]) -> MatrixRef<'_, T> {
    MatrixRef::new(x, 1, x.len()).expect("a row")
}

fn row_mut<T: raptors::Element>(x: &mut [T]) -> MatrixMut<'_, T> {
    let columns = x.len();
    MatrixMut::new(x, 1, columns).expect("a row")
}

fn number(value: f64) -> BigFloat {
    BigFloat::from_f64(value, BITS)
}

fn plus(x: &BigFloat, y: &BigFloat) -> BigFloat {
    x.add(y, BITS, NEAREST)
}

fn over(x: &BigFloat, y: &BigFloat) -> BigFloat {
    x.div(y, BITS, NEAREST)
}

/// log(1 + x) = 2 atanh(x / (2 + x)): without cancellation.
fn log1p(x: &BigFloat, constants: &mut Consts) -> BigFloat {
    if x.abs().cmp(&number(0.5)).is_some_and(|order| order > 0) {
        return plus(x, &number(1.0)).ln(BITS, NEAREST, constants);
    }
    let half = over(x, &plus(x, &number(2.0))).atanh(BITS, NEAREST, constants);
    half.mul(&number(2.0), BITS, NEAREST)
}

/// 1 / (1 + exp(-x)) in f64.
fn near_logistic(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// 1 / (1 + exp(-x))
fn logistic(x: &BigFloat, constants: &mut Consts) -> BigFloat {
    over(&number(1.0), &plus(&number(1.0), &x.neg().exp(BITS, NEAREST, constants)))
}

const CASES: [Case; 20] = [
    case!("exp", exp_into, 1.0, f64::exp, |x, c| x.exp(BITS, NEAREST, c)),
    case!("exp2", exp2_into, 1.0, f64::exp2, |x, c| number(2.0).pow(x, BITS, NEAREST, c)),
    case!("exp10", exp10_into, 1.0, |x| 10.0_f64.powf(x), |x, c| number(10.0).pow(x, BITS, NEAREST, c)),
    case!("expm1", expm1_into, 1.0, f64::exp_m1, |x, c| {
        if x.abs().cmp(&number(1.0)).is_some_and(|order| order > 0) {
            return plus(&x.exp(BITS, NEAREST, c), &number(-1.0));
        }
        // 2 sinh(x / 2) exp(x / 2): without cancellation.
        let half = over(x, &number(2.0));
        let (a, b) = (half.sinh(BITS, NEAREST, c), half.exp(BITS, NEAREST, c));
        a.mul(&b, BITS, NEAREST).mul(&number(2.0), BITS, NEAREST)
    }),
    case!("log", log_into, 1.0, f64::ln, |x, c| x.ln(BITS, NEAREST, c)),
    case!("log2", log2_into, 1.0, f64::log2, |x, c| x.log2(BITS, NEAREST, c)),
    case!("log10", log10_into, 1.0, f64::log10, |x, c| x.log10(BITS, NEAREST, c)),
    case!("log1p", log1p_into, 1.0, f64::ln_1p, log1p),
    case!("tanh", tanh_into, 2.5, f64::tanh, |x, c| x.tanh(BITS, NEAREST, c)),
    case!("sinh", sinh_into, 2.5, f64::sinh, |x, c| x.sinh(BITS, NEAREST, c)),
    case!("cosh", cosh_into, 2.5, f64::cosh, |x, c| x.cosh(BITS, NEAREST, c)),
    case!("asinh", asinh_into, 2.5, f64::asinh, |x, c| x.asinh(BITS, NEAREST, c)),
    case!("acosh", acosh_into, 2.5, f64::acosh, |x, c| x.acosh(BITS, NEAREST, c)),
    case!("atanh", atanh_into, 2.5, f64::atanh, |x, c| x.atanh(BITS, NEAREST, c)),
    case!("atan", atan_into, 2.5, f64::atan, |x, c| x.atan(BITS, NEAREST, c)),
    case!("cbrt", cbrt_into, 1.0, f64::cbrt, |x, _| x.cbrt(BITS, NEAREST)),
    case!("rsqrt", rsqrt_into, 1.0, |x| 1.0 / x.sqrt(), |x, _| over(&number(1.0), &x.sqrt(BITS, NEAREST))),
    case!("sigmoid", sigmoid_into, 2.5, near_logistic, logistic),
    case!("softplus", softplus_into, 2.5, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), |x, c| {
        let rest = log1p(&x.abs().neg().exp(BITS, NEAREST, c), c);
        if x.is_positive() { plus(x, &rest) } else { rest }
    }),
    case!(
        "silu",
        silu_into,
        2.5,
        |x| if x == f64::NEG_INFINITY { -0.0 } else { x * near_logistic(x) },
        |x, c| { x.mul(&logistic(x, c), BITS, NEAREST) }
    ),
];

/// The element of f32 that is nearest to the exact value.
fn nearest(case: &Case, x: f32, constants: &mut Consts) -> f32 {
    let near = (case.near)(f64::from(x));
    #[allow(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
    let (a, b) = ((near * (1.0 - DOUBT)) as f32, (near * (1.0 + DOUBT)) as f32);
    if a.to_bits() == b.to_bits() || near.is_nan() {
        return a;
    }
    let far = if near.is_sign_negative() { f64::from(f32::MIN) * 2.0 } else { f64::from(f32::MAX) * 2.0 };
    let wide = |x: f32| {
        if x.is_infinite() {
            (f64::from(f32::MAX) + f64::from(f32::EPSILON) * 2f64.powi(127)).copysign(far)
        } else {
            f64::from(x)
        }
    };
    let middle = number(wide(a) / 2.0 + wide(b) / 2.0);
    let exact = (case.exact)(&number(f64::from(x)), constants).abs();
    match exact.cmp(&middle.abs()) {
        Some(order) if order < 0 => a,
        Some(order) if order > 0 => b,
        _ if a.to_bits() % 2 == 0 => a,
        _ => b,
    }
}

/// Compares all elements of f32 whose bits are a multiple of `step` from `first` on, and tells how many differ.
fn compare_f32(case: &Case, first: u32, last: u32, step: u32) -> u64 {
    let mut constants = Consts::new().expect("memory");
    let bits: Vec<u32> = (first..=last).step_by(step as usize).collect();
    let mut wrong = 0;
    for bits in bits.chunks(4096) {
        let x: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
        let mut got = vec![0.0; x.len()];
        (case.of_f32)(&x, &mut got);
        for (&x, &got) in x.iter().zip(&got) {
            let want = nearest(case, x, &mut constants);
            if want.to_bits() != got.to_bits() && !(want.is_nan() && got.is_nan()) {
                wrong += 1;
                if wrong < 20 {
                    println!("{}({x:e}) is {got:e}, and {want:e} is nearest", case.name);
                }
            }
        }
    }
    wrong
}

/// Zeros, ones, subnormal numbers, the ends of the ranges, infinities and NaN.
const SPECIAL: [f32; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    1e-45,
    -1e-45,
    1e-39,
    -1e-39,
    f32::MIN_POSITIVE,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    88.722_84,
    -103.972_08,
    89.415_985,
    1.000_000_1,
];

#[test]
fn of_f32_the_nearest_number() {
    println!("functions by {}", isa().expect("one of this machine").name());
    for case in &CASES {
        let special = SPECIAL.map(f32::to_bits);
        let wrong: u64 = special.into_iter().map(|bits| compare_f32(case, bits, bits, 1)).sum();
        assert_eq!(wrong + compare_f32(case, 0x1234, u32::MAX, 150_001), 0, "{}", case.name);
    }
}

/// Every element of f32. Which functions, the variable `FUNCTIONS` says, by their names; else it is all of them.
#[test]
#[ignore = "takes minutes for each function: cargo xtask ulp --exhaustive"]
fn of_every_f32_the_nearest_number() {
    let names = env::var("FUNCTIONS").unwrap_or_default();
    let is_wanted = |case: &&Case| names.is_empty() || names.split(',').any(|name| name == case.name);
    let cases: Vec<_> = CASES.iter().filter(is_wanted).collect();
    assert!(!cases.is_empty(), "no function is called so: {names}");
    let mut all = 0;
    for case in cases {
        let (next, wrong) = (AtomicU64::new(0), AtomicU64::new(0));
        let part = || {
            while let Ok(first) = u32::try_from(next.fetch_add(1 << 20, Relaxed)) {
                wrong.fetch_add(compare_f32(case, first, first | 0xF_FFFF, 1), Relaxed);
            }
        };
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(part);
            }
        });
        let wrong = wrong.into_inner();
        println!(
            "{:<9} {:<9} 4,294,967,296 inputs, {wrong} differences",
            case.name,
            isa().expect("one of this machine").name()
        );
        all += wrong;
    }
    assert_eq!(all, 0, "differences");
}

/// A number of any exponent and sign, or of one near 1.
fn random(state: &mut u64, near_one: bool) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let bits = *state ^ (*state >> 29);
    let exponent = if near_one { 1023 - 30 + (bits >> 52) % 41 } else { (bits >> 52) % 2047 };
    f64::from_bits((bits & 0x800F_FFFF_FFFF_FFFF) | (exponent << 52))
}

#[test]
fn of_f64_within_their_bounds() {
    let mut constants = Consts::new().expect("memory");
    for case in &CASES {
        let mut state = 0x5eed;
        let x: Vec<f64> = (0..400).map(|i| random(&mut state, i % 4 != 0)).collect();
        let mut got = vec![0.0; x.len()];
        (case.of_f64)(&x, &mut got);
        for (&x, &got) in x.iter().zip(&got) {
            let near = (case.near)(x);
            // Where exp(x) is subnormal the product has as few bits.
            if case.name == "silu" && x < -708.0 {
                continue;
            }
            if !near.is_normal() {
                let is_same = near.to_bits() == got.to_bits() || (near.is_nan() && got.is_nan());
                assert!(is_same || near.is_subnormal(), "{}({x:e}) is {got:e}, not {near:e}", case.name);
                continue;
            }
            let unit = f64::from_bits(got.to_bits() + 1) - got;
            let error = plus(&(case.exact)(&number(x), &mut constants), &number(-got)).abs();
            let bound = number((case.bound * unit).abs());
            assert!(error.cmp(&bound).is_some_and(|order| order <= 0), "{}({x:e}) is {got:e}", case.name);
        }
    }
}
