//! Every result has the bits that `NumPy` gives.
//!
//! `numpy/bits.json` holds inputs and `NumPy`'s results; `numpy/make_bits.py` wrote it and documents it. Most inputs
//! are generated, here as there, from integers alone: their checksum tells a faulty generator from a faulty sum.
//! Any NaN equals any NaN.

use std::{error::Error, fmt::Write as _};

use serde_json::Value;

/// The layout of one floating-point format.
struct Format {
    mantissa: u32,
    bias: u64,
    /// Hexadecimal digits of one element.
    digits: usize,
    /// How far from one the exponents of `wide` and `cancel` reach.
    reach: u64,
}

const F32: Format = Format { mantissa: 23, bias: 127, digits: 8, reach: 20 };
const F64: Format = Format { mantissa: 52, bias: 1023, digits: 16, reach: 40 };

impl Format {
    fn sign(&self) -> u64 {
        1 << (4 * self.digits - 1)
    }

    fn infinity(&self) -> u64 {
        (2 * self.bias + 1) << self.mantissa
    }

    fn quiet_nan(&self) -> u64 {
        self.infinity() | 1 << (self.mantissa - 1)
    }

    /// The one quiet NaN for any NaN, all else as it is.
    fn canonical(&self, bits: u64) -> u64 {
        if bits & !self.sign() > self.infinity() { self.quiet_nan() } else { bits }
    }

    /// Values at the edges of the format.
    fn edges(&self) -> Vec<u64> {
        let (one, smallest_normal, infinity) =
            (self.bias << self.mantissa, 1 << self.mantissa, self.infinity());
        let edges = [0, 1, smallest_normal - 1, smallest_normal, one, one + 1, infinity - 1, infinity];
        let nans = [self.quiet_nan(), self.sign() | self.quiet_nan() | 0x5A, infinity | 1];
        let negative = edges.map(|bits| self.sign() | bits);
        [&edges[..], &negative, &nans].concat()
    }

    /// `count` floats as bits. `make_bits.py` says what the kinds are.
    fn fill(&self, kind: &str, seed: u64, count: usize) -> Vec<u64> {
        let (first, end) = match kind {
            "unit" => (self.bias - 1, self.bias + 1),
            "wide" | "cancel" => (self.bias - self.reach, self.bias + self.reach),
            "subnormal" => (0, 3),
            "huge" => (2 * self.bias - 2, 2 * self.bias + 1),
            "any" => {
                let shift = 64 - 4 * self.digits;
                return (0..count).map(|index| splitmix(seed, index) >> shift).collect();
            }
            "edges" => return self.edges().into_iter().cycle().skip(to_usize(seed)).take(count).collect(),
            "negative_zero" => return vec![self.sign(); count],
            _ => panic!("no fill is called {kind}"),
        };
        let one = |index| {
            let word = splitmix(seed, index);
            let exponent = first + (word >> 52 & 0x7FF) % (end - first);
            let sign = if word >> 63 == 1 { self.sign() } else { 0 };
            sign | exponent << self.mantissa | word & ((1 << self.mantissa) - 1)
        };
        let mirrored = |index| {
            if 2 * index < count { one(index) } else { one(count - 1 - index) ^ self.sign() ^ 1 }
        };
        if kind == "cancel" { (0..count).map(mirrored).collect() } else { (0..count).map(one).collect() }
    }

    /// Bits written as hexadecimal digits without separators.
    fn parse(&self, text: &str) -> Result<Vec<u64>, Box<dyn Error>> {
        if !text.len().is_multiple_of(self.digits) {
            return Err(format!("{text}: not a whole number of elements").into());
        }
        let elements = text.as_bytes().chunks(self.digits);
        elements.map(|digits| Ok(u64::from_str_radix(str::from_utf8(digits)?, 16)?)).collect()
    }

    /// How `make_bits.py` writes `bits`, if `like` is its text for them: elements, or a checksum.
    fn write(&self, bits: &[u64], like: &str) -> String {
        if like.starts_with('#') {
            return checksum(bits.iter().copied());
        }
        let digits = self.digits;
        bits.iter().fold(String::new(), |mut text, bits| {
            write!(text, "{bits:0digits$x}").expect("a string takes all");
            text
        })
    }
}

/// The word number `index` of the splitmix64 sequence that starts from `seed`.
fn splitmix(seed: u64, index: usize) -> u64 {
    let z = seed.wrapping_add((index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a with whole elements in place of bytes, and a shift that carries high bits down.
fn checksum(values: impl Iterator<Item = u64>) -> String {
    let sum = values.fold(0xCBF2_9CE4_8422_2325_u64, |sum, value| {
        let sum = (sum ^ value).wrapping_mul(0x100_0000_01B3);
        sum ^ sum >> 32
    });
    format!("#{sum:016x}")
}

/// One line of the table, with its inputs made.
struct Case<'a> {
    line: &'a Value,
    format: &'static Format,
    rows: usize,
    cols: usize,
    x: Vec<u64>,
    y: Vec<u64>,
    row: Vec<u64>,
    factor: u64,
}

impl<'a> Case<'a> {
    fn new(line: &'a Value, format: &'static Format) -> Result<Self, Box<dyn Error>> {
        let (rows, cols) = (to_usize(number(line, "rows")?), to_usize(number(line, "cols")?));
        let Some(kind) = line.get("fill") else {
            let operand = |name| format.parse(text(line, name)?);
            let factor = operand("factor")?[0];
            return Ok(Self {
                line,
                format,
                rows,
                cols,
                x: operand("x")?,
                y: operand("y")?,
                row: operand("row")?,
                factor,
            });
        };
        let (kind, seed) = (kind.as_str().ok_or("fill: not a name")?, number(line, "seed")?);
        let mut x = format.fill(kind, seed, rows * cols);
        for put in line.get("put").and_then(Value::as_array).into_iter().flatten() {
            let place = put[0].as_u64().ok_or("put: not a place")?;
            x[to_usize(place)] = format.parse(put[1].as_str().ok_or("put: no bits")?)?[0];
        }
        let y = format.fill(kind, seed + 1, rows * cols);
        let row = format.fill(kind, seed + 2, cols);
        let factor = format.fill(kind, seed + 3, 1)[0];
        let made = checksum([&x[..], &y, &row, &[factor]].concat().into_iter());
        if made != text(line, "inputs")? {
            return Err(format!("{line}: the inputs made here differ from those of the table").into());
        }
        Ok(Self { line, format, rows, cols, x, y, row, factor })
    }

    /// Notes in `wrong` if `bits` are not what the table holds for `op`.
    fn compare(
        &self,
        op: &str,
        bits: impl Iterator<Item = u64>,
        wrong: &mut Vec<String>,
    ) -> Result<(), Box<dyn Error>> {
        let expected = text(self.line, op)?;
        let bits: Vec<u64> = bits.map(|bits| self.format.canonical(bits)).collect();
        let found = self.format.write(&bits, expected);
        if found != expected {
            let Self { rows, cols, line, .. } = self;
            let fill = line
                .get("fill")
                .map_or_else(|| "stored in full".to_owned(), |kind| format!("{kind} {}", line["seed"]));
            wrong.push(format!("{op} {} {rows}x{cols}, {fill}: {found}, NumPy {expected}", line["dtype"]));
        }
        Ok(())
    }
}

fn number(line: &Value, name: &str) -> Result<u64, Box<dyn Error>> {
    line[name].as_u64().ok_or_else(|| format!("{line}: {name} is not a number").into())
}

fn text<'a>(line: &'a Value, name: &str) -> Result<&'a str, Box<dyn Error>> {
    line[name].as_str().ok_or_else(|| format!("{line}: {name} is not a string").into())
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("counts in the table are small")
}

/// A function that runs each operation on one case of one dtype. A macro, since the bits of the two floats are of
/// two types.
macro_rules! run {
    ($name:ident, $float:ty, $bits:ty) => {
        fn $name(case: &Case, wrong: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
            use raptors::{Matrix, Numerics, ops};

            let float =
                |bits: &u64| <$float>::from_bits(<$bits>::try_from(*bits).expect("the format's width"));
            let floats = |bits: &[u64]| bits.iter().map(float).collect::<Vec<$float>>();
            let bits = |float: &$float| u64::from(float.to_bits());

            let x = Matrix::from_vec(case.rows, case.cols, floats(&case.x))?;
            let y = Matrix::from_vec(case.rows, case.cols, floats(&case.y))?;
            let row = floats(&case.row);

            let scaled = ops::scale(&x, float(&case.factor))?;
            case.compare("scale", scaled.as_slice().iter().map(bits), wrong)?;
            let added = ops::add(&x, &y)?;
            case.compare("add", added.as_slice().iter().map(bits), wrong)?;
            let added = ops::broadcast_add(&x, &row)?;
            case.compare("broadcast_add", added.as_slice().iter().map(bits), wrong)?;

            let sums = [ops::sum(&x)?];
            case.compare("sum", sums.iter().map(bits), wrong)?;
            let sums = ops::sum_axis0(&x)?;
            case.compare("sum_axis0", sums.iter().map(bits), wrong)?;
            let sums = ops::sum_axis1(&x)?;
            case.compare("sum_axis1", sums.iter().map(bits), wrong)?;
            let sums = ops::sum_axis0_with(&x, Numerics::Accurate)?;
            case.compare("sum_axis0_accurate", sums.iter().map(bits), wrong)?;

            let means = [ops::mean(&x)?];
            case.compare("mean", means.iter().map(bits), wrong)?;
            let means = ops::mean_axis0(&x)?;
            case.compare("mean_axis0", means.iter().map(bits), wrong)?;
            let means = ops::mean_axis1(&x)?;
            case.compare("mean_axis1", means.iter().map(bits), wrong)
        }
    };
}

run!(run_f32, f32, u32);
run!(run_f64, f64, u64);

#[test]
fn results_have_numpys_bits() -> Result<(), Box<dyn Error>> {
    let table: Value = serde_json::from_str(include_str!("numpy/bits.json"))?;
    let version = text(&table, "numpy")?;
    let lines = table["cases"].as_array().ok_or("cases: not an array")?;
    let mut wrong = Vec::new();
    for line in lines {
        match text(line, "dtype")? {
            "f32" => run_f32(&Case::new(line, &F32)?, &mut wrong)?,
            "f64" => run_f64(&Case::new(line, &F64)?, &mut wrong)?,
            other => return Err(format!("no dtype is called {other}").into()),
        }
    }
    // An empty table would find nothing wrong.
    assert!(lines.len() > 500, "{} cases in the table", lines.len());
    let first: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} results of {} cases differ from NumPy {version}, the first of them:\n{}",
        wrong.len(),
        lines.len(),
        first.join("\n"),
    );
    Ok(())
}
