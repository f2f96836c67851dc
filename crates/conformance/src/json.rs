//! JSON with a place: every complaint says which field of which file it is about.

use serde_json::Value;

use crate::{VectorError, VectorFile};

/// A value and the way to it from the file's top.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    file: &'a str,
    path: String,
    value: &'a Value,
}

/// Reads a file as JSON.
pub(crate) fn parse(file: &VectorFile) -> Result<Value, VectorError> {
    serde_json::from_slice(&file.bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        let message = format!("this is not JSON: {message}");
        VectorError::at(&file.name, place, message, "give the file as it was published")
    })
}

impl<'a> Node<'a> {
    /// The top of a file.
    pub fn top(file: &'a VectorFile, value: &'a Value) -> Self {
        Self { file: &file.name, path: String::new(), value }
    }

    /// An error about this value.
    pub fn error(&self, message: impl Into<String>) -> VectorError {
        let place = if self.path.is_empty() { "top" } else { &self.path };
        VectorError::at(self.file, place, message, "give the file as it was published")
    }

    fn child(&self, step: &str, value: &'a Value) -> Self {
        let dot = if self.path.is_empty() || step.starts_with('[') { "" } else { "." };
        Self { file: self.file, path: format!("{}{dot}{step}", self.path), value }
    }

    /// A field that must be there.
    pub fn field(&self, name: &str) -> Result<Self, VectorError> {
        self.optional(name)?.ok_or_else(|| self.error(format!("the field `{name}` is missing")))
    }

    /// A field that may be missing or null.
    pub fn optional(&self, name: &str) -> Result<Option<Self>, VectorError> {
        let object = self.value.as_object().ok_or_else(|| self.wanted("an object"))?;
        Ok(object.get(name).filter(|value| !value.is_null()).map(|value| self.child(name, value)))
    }

    /// The fields of an object, in the order of their names.
    pub fn fields(&self) -> Result<Vec<(&'a str, Self)>, VectorError> {
        let object = self.value.as_object().ok_or_else(|| self.wanted("an object"))?;
        Ok(object.iter().map(|(name, value)| (name.as_str(), self.child(name, value))).collect())
    }

    /// The elements of an array.
    pub fn items(&self) -> Result<Vec<Self>, VectorError> {
        let array = self.value.as_array().ok_or_else(|| self.wanted("an array"))?;
        let item = |(i, value)| self.child(&format!("[{i}]"), value);
        Ok(array.iter().enumerate().map(item).collect())
    }

    /// A finite number, also if it is written as a string.
    pub fn number(&self) -> Result<f64, VectorError> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.wanted("a finite number"))
    }

    /// True or false.
    pub fn boolean(&self) -> Result<bool, VectorError> {
        self.value.as_bool().ok_or_else(|| self.wanted("true or false"))
    }

    /// A text.
    pub fn text(&self) -> Result<&'a str, VectorError> {
        self.value.as_str().ok_or_else(|| self.wanted("a string"))
    }

    /// Whether it is an array or an object.
    pub fn is_list(&self) -> bool {
        self.value.is_array() || self.value.is_object()
    }

    /// The number in a field that must be there.
    pub fn number_at(&self, name: &str) -> Result<f64, VectorError> {
        self.field(name)?.number()
    }

    fn wanted(&self, what: &str) -> VectorError {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.error(format!("{what} is needed here, not {found}"))
    }
}
