use std::fmt;

/// Why a file was refused: where it goes wrong, what is wrong, and what to do about it.
///
/// Printed as `FILE:LINE: message; remedy`. A file is read whole or not at all: whoever gets this
/// error got nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The file's name, as the caller gave it.
    pub file: String,
    /// The line, counted from one; the header is line one.
    pub line: u64,
    /// The column by its name in the header, where one column is to blame.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl FileError {
    /// An error of a whole line.
    #[must_use]
    pub fn at(
        file: &str,
        line: u64,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column: None,
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(f, "{column}: ")?;
        }
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

/// How much of a hostile text an error shows.
const SHOWN_CHARACTERS_MAX: usize = 48;

/// A text as errors show it: short, and without control characters.
pub(crate) fn shown(text: &str) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).map(printable).collect();
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
