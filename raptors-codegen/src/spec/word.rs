//! Values that are words of a form: `l1 8 lines`, `4 KiB`.

use super::model::{Chunk, Prefetch, Tile};

/// A form, for messages and for the schema.
#[derive(Debug)]
pub(super) struct Form {
    /// The word that stands alone.
    pub(super) alone: &'static str,
    /// The others, as a regular expression.
    pub(super) pattern: &'static str,
    /// The others, for people.
    pub(super) others: &'static str,
    /// Which numbers the others can have, for people.
    pub(super) limits: &'static str,
    /// What is wrong with a word, if anything.
    pub(super) check: fn(&str) -> Result<(), Wrong>,
}

/// Why a word is not of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It does not look like it.
    Form,
    /// It does, but its number is out of range.
    Range,
}

/// [`Prefetch`].
pub(super) const PREFETCH: Form = Form {
    alone: "none",
    pattern: "^l[12] [1-9][0-9]{0,3} lines$",
    others: "l1 8 lines",
    limits: "the level is 1 or 2, and 1 to 1024 lines",
    check: |text| prefetch(text).map(|_| ()),
};

/// [`Tile`].
pub(super) const TILE: Form = Form {
    alone: "whole",
    pattern: "^[1-9][0-9]{0,4} (B|KiB)$",
    others: "4 KiB",
    limits: "a tile is a power of two from 64 B to 64 KiB",
    check: |text| tile(text).map(|_| ()),
};

/// [`Chunk`].
pub(super) const CHUNK: Form = Form {
    alone: "1 per thread",
    pattern: "^[1-9][0-9]{0,4} (KiB|MiB)$",
    others: "256 KiB",
    limits: "a piece is a power of two from 4 KiB to 64 MiB",
    check: |text| chunk(text).map(|_| ()),
};

/// Reads `none`, `l1 8 lines`.
pub(super) fn prefetch(text: &str) -> Result<Prefetch, Wrong> {
    if text == PREFETCH.alone {
        return Ok(Prefetch::None);
    }
    let (level, rest) = text.strip_prefix('l').and_then(|rest| rest.split_once(' ')).ok_or(Wrong::Form)?;
    let lines = rest.strip_suffix(" lines").ok_or(Wrong::Form)?;
    match (number(level)?, number(lines)?) {
        (level @ (1 | 2), lines @ 1..=1024) => {
            Ok(Prefetch::Ahead { level: if level == 1 { 1 } else { 2 }, lines })
        }
        _ => Err(Wrong::Range),
    }
}

/// Reads `whole`, `512 B`, `4 KiB`.
pub(super) fn tile(text: &str) -> Result<Tile, Wrong> {
    if text == TILE.alone {
        return Ok(Tile::Whole);
    }
    let (size, unit) = text.split_once(' ').ok_or(Wrong::Form)?;
    let unit = match unit {
        "B" => 1,
        "KiB" => 1024,
        _ => return Err(Wrong::Form),
    };
    let bytes = number(size)?.checked_mul(unit).ok_or(Wrong::Range)?;
    if bytes.is_power_of_two() && (64..=64 * 1024).contains(&bytes) {
        Ok(Tile::Bytes(bytes))
    } else {
        Err(Wrong::Range)
    }
}

/// Reads `1 per thread`, `256 KiB`, `1 MiB`.
pub(super) fn chunk(text: &str) -> Result<Chunk, Wrong> {
    if text == CHUNK.alone {
        return Ok(Chunk::PerThread);
    }
    let (size, unit) = text.split_once(' ').ok_or(Wrong::Form)?;
    let unit = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err(Wrong::Form),
    };
    let bytes = number(size)?.checked_mul(unit).ok_or(Wrong::Range)?;
    if bytes.is_power_of_two() && (4 << 10..=64 << 20).contains(&bytes) {
        Ok(Chunk::Bytes(bytes))
    } else {
        Err(Wrong::Range)
    }
}

/// A whole number in digits alone, without leading zeros.
fn number(text: &str) -> Result<usize, Wrong> {
    if text.is_empty()
        || !text.bytes().all(|byte| byte.is_ascii_digit())
        || (text.len() > 1 && text.starts_with('0'))
    {
        return Err(Wrong::Form);
    }
    text.parse().map_err(|_| Wrong::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefetch_words() {
        assert_eq!(prefetch("none"), Ok(Prefetch::None));
        assert_eq!(prefetch("l1 8 lines"), Ok(Prefetch::Ahead { level: 1, lines: 8 }));
        assert_eq!(prefetch("l2 1024 lines"), Ok(Prefetch::Ahead { level: 2, lines: 1024 }));
        for text in
            ["l3 8 lines", "l0 8 lines", "l1 0 lines", "l1 1025 lines", "l1 99999999999999999999 lines"]
        {
            assert_eq!(prefetch(text), Err(Wrong::Range), "{text}");
        }
        for text in [
            "",
            "l1",
            "l1 8",
            "l1 8 line",
            "L1 8 lines",
            "l1  8 lines",
            "l1 08 lines",
            "l1 +8 lines",
            "l lines",
        ] {
            assert_eq!(prefetch(text), Err(Wrong::Form), "{text}");
        }
    }

    #[test]
    fn tile_words() {
        assert_eq!(tile("whole"), Ok(Tile::Whole));
        assert_eq!(tile("64 B"), Ok(Tile::Bytes(64)));
        assert_eq!(tile("64 KiB"), Ok(Tile::Bytes(65_536)));
        for text in ["32 B", "65 B", "128 KiB", "3 KiB", "0 B", "18446744073709551615 KiB"] {
            assert_eq!(tile(text), Err(Wrong::Range), "{text}");
        }
        for text in ["", "4", "4KiB", "4 kib", "4 MiB", "-4 KiB", "4  KiB"] {
            assert_eq!(tile(text), Err(Wrong::Form), "{text}");
        }
    }

    #[test]
    fn chunk_words() {
        assert_eq!(chunk("1 per thread"), Ok(Chunk::PerThread));
        assert_eq!(chunk("4 KiB"), Ok(Chunk::Bytes(4096)));
        assert_eq!(chunk("64 MiB"), Ok(Chunk::Bytes(64 << 20)));
        for text in ["2 KiB", "3 MiB", "128 MiB", "0 KiB", "18446744073709551615 MiB"] {
            assert_eq!(chunk(text), Err(Wrong::Range), "{text}");
        }
        for text in ["", "4", "4KiB", "4096 B", "2 per thread", "1 GiB", "-4 KiB"] {
            assert_eq!(chunk(text), Err(Wrong::Form), "{text}");
        }
    }

    #[test]
    fn a_word_that_is_shown_is_read_again() {
        for text in ["none", "l1 8 lines", "l2 32 lines"] {
            assert_eq!(prefetch(text).unwrap().to_string(), text);
        }
        for text in ["whole", "512 B", "4 KiB"] {
            assert_eq!(tile(text).unwrap().to_string(), text);
        }
        for text in ["1 per thread", "64 KiB", "1 MiB"] {
            assert_eq!(chunk(text).unwrap().to_string(), text);
        }
    }
}
