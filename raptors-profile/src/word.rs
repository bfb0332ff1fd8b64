//! The words of a profile: bytes, per cent, spans of per cent.

use std::{fmt, str::FromStr};

/// A number of bytes, in the largest unit that divides it: `256 KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub usize);

/// The units, and their powers of two.
const UNITS: [(&str, u32); 4] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |bits: u32| bits == 0 || (self.0 > 0 && self.0.trailing_zeros() >= bits);
        let (unit, bits) = UNITS.into_iter().find(|(_, bits)| fits(*bits)).unwrap_or(("B", 0));
        write!(f, "{} {unit}", self.0 >> bits)
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (number, unit) = text.split_once(' ')?;
            let (_, bits) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            number.parse::<usize>().ok()?.checked_mul(1 << bits)
        };
        read().map(Self).ok_or_else(|| format!("`{text}` is no number of bytes such as `256 KiB`"))
    }
}

/// Per cent, to a tenth: `3.1%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    /// Tenths of a per cent.
    pub tenths: i32,
}

impl Percent {
    /// The nearest to a share: 0.031 is 3.1%.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    pub fn of(share: f64) -> Self {
        Self { tenths: (share * 1000.0).round() as i32 }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.tenths < 0 { "-" } else { "" };
        let tenths = self.tenths.unsigned_abs();
        write!(f, "{sign}{}.{}%", tenths / 10, tenths % 10)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let number = text.strip_suffix('%')?;
            let (whole, tenth) = number.split_once('.')?;
            let [digit @ b'0'..=b'9'] = tenth.as_bytes() else { return None };
            let digits = whole.strip_prefix('-').unwrap_or(whole);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let tenths =
                i64::from(digits.parse::<u32>().ok().filter(|_| is_number)?) * 10 + i64::from(digit - b'0');
            i32::try_from(if whole.starts_with('-') { -tenths } else { tenths }).ok()
        };
        read()
            .map(|tenths| Self { tenths })
            .ok_or_else(|| format!("`{text}` is no number of per cent with one decimal such as `3.1%`"))
    }
}

/// From one number of per cent to another: `2.7% to 3.5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The lower end.
    pub low: Percent,
    /// The upper end.
    pub high: Percent,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.low, self.high)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text
            .split_once(" to ")
            .ok_or_else(|| format!("`{text}` is no interval such as `2.7% to 3.5%`"))?;
        let (low, high): (Percent, Percent) = (low.parse()?, high.parse()?);
        if low > high { Err(format!("`{text}` ends before it begins")) } else { Ok(Self { low, high }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_the_largest_unit_that_divides_them() {
        for (bytes, text) in
            [(0, "0 B"), (100, "100 B"), (32 << 10, "32 KiB"), (1536, "1536 B"), (3 << 30, "3 GiB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
        }
        for wrong in ["", "32", "32KiB", "KiB", "-1 B", "1 TiB", "99999999999999999999 B", "1.5 MiB"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn per_cent_have_one_decimal() {
        for (tenths, text) in [(31, "3.1%"), (0, "0.0%"), (-4, "-0.4%"), (-123, "-12.3%"), (1000, "100.0%")] {
            assert_eq!(Percent { tenths }.to_string(), text);
            assert_eq!(text.parse(), Ok(Percent { tenths }));
        }
        assert_eq!(Percent::of(0.0312), Percent { tenths: 31 });
        for wrong in ["", "3%", "3.1", "3.14%", ".1%", "+3.1%", "--3.1%", "-+3.1%", "NaN%", "999999999999.0%"]
        {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_interval_has_two_ends_in_order() {
        let span: Span = "-0.4% to 3.5%".parse().expect("an interval");
        assert_eq!(span.to_string(), "-0.4% to 3.5%");
        assert!("3.5% to 2.7%".parse::<Span>().is_err());
        assert!("3.5%".parse::<Span>().is_err());
    }
}
