//! How results are written.

use std::io::{self, Write};

use serde::Serialize;

/// The columns that text is laid out for.
pub(crate) const WIDTH: usize = 80;

/// A value as indented JSON.
pub(crate) fn json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// `name   value`, longer values continued below their start.
pub(crate) fn field(name: &str, value: &str, out: &mut impl Write) -> io::Result<()> {
    const NAME: usize = 12;
    for (index, line) in wrap(value, WIDTH - NAME - 2).iter().enumerate() {
        writeln!(out, "  {:NAME$}{line}", if index == 0 { name } else { "" })?;
    }
    Ok(())
}

/// Lines of at most `width` characters, broken at spaces; a longer word has its own line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// `1 kernel`, `2 kernels`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `48 KiB`, `8 MiB`, `100 B`.
pub(crate) fn bytes(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible to me", 7), ["incomprehensible", "to me"]);
        assert_eq!(wrap("", 7), [""]);
    }
}
