/// Why a vector file can't be used: which file, where in it, what is wrong and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {place}{message}; {remedy}")]
pub struct VectorError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Where in the file, ending in `: `; empty where the whole file is to blame.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl VectorError {
    /// An error of a whole file.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: String::new(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// An error at a place in a file.
    #[must_use]
    pub fn at(
        file: &str,
        place: impl std::fmt::Display,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { place: format!("{place}: "), ..Self::of_file(file, message, remedy) }
    }
}

impl From<marketdata::FileError> for VectorError {
    fn from(error: marketdata::FileError) -> Self {
        let column = error.column.map_or_else(String::new, |column| format!(": {column}"));
        let place = format!("line {}{column}", error.line);
        Self::at(&error.file, place, error.message, error.remedy)
    }
}
