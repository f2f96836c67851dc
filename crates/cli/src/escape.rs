//! Names from files may hold anything; a terminal must not obey them.

use std::borrow::Cow;

/// A text without control characters: each is shown as its escape, `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, &[])
}

/// The same where lines and tabs are meant.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, &['\n', '\t'])
}

fn escaped<'a>(text: &'a str, meant: &[char]) -> Cow<'a, str> {
    let obeyed = |c: char| c.is_control() && !meant.contains(&c);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match obeyed(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb\u{9b}\nc"), "a\\u{1b}[31mb\\u{9b}\\nc");
        assert_eq!(printable_lines("a\r\n\tb"), "a\\r\n\tb");
        assert!(matches!(printable("κ ≥ ½"), Cow::Borrowed(_)));
    }
}
