//! Characters that nobody sees, and that make a text look like another one.

use super::{
    read::{Sink, Text},
    rule::Rule,
};

/// Whether a character has no shape of its own: those that set the direction of the text around them, join or part
/// letters, or are blank where no blank is expected. Line breaks and spaces that are seen as such are none.
pub(super) const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// What is said of one.
fn message(letter: char) -> String {
    let what = match letter {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "sets the direction of text, so that it reads as what it is not"
        }
        '\u{2028}' | '\u{2029}' => "breaks the line",
        _ => "cannot be seen",
    };
    format!("the character U+{:04X} {what}", u32::from(letter))
}

/// Reports those of the whole file, comments included. A byte order mark at its beginning is none.
pub(super) fn check_file(sink: &mut Sink<'_>) {
    let text = sink.source.text.as_str();
    for (at, letter) in
        text.char_indices().filter(|(at, letter)| is_invisible(*letter) && (*at, *letter) != (0, '\u{feff}'))
    {
        sink.report(Rule::InvisibleCharacter, &(at..at + letter.len_utf8()), message(letter))
            .label("here")
            .fix("remove it");
    }
}

/// Reports the first that an escape has put into a text; those that stand in the file are reported already.
pub(super) fn check_escapes(sink: &mut Sink<'_>, text: &Text) {
    let written = sink.source.text.get(text.span.clone()).unwrap_or_default();
    let escaped = text.value.chars().find(|letter| is_invisible(*letter) && !written.contains(*letter));
    if let Some(letter) = escaped {
        sink.report(Rule::InvisibleCharacter, &text.span, message(letter))
            .label("written as an escape")
            .fix("remove it");
    }
}
