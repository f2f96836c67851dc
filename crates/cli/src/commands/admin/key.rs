//! The key that an operator's call is made with.

use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::wire::Login;

/// The key in a file, or in a variable.
pub fn find(file: Option<&Path>, variable: &str) -> Result<Login, Failure> {
    let (place, text) = match file {
        Some(file) => {
            let path = file.display().to_string();
            let text = std::fs::read_to_string(file)
                .map_err(|source| Failure::Open { path: path.clone(), source })?;
            (path, text)
        }
        None => (variable.to_owned(), std::env::var(variable).unwrap_or_default()),
    };
    read(&text).ok_or_else(|| {
        let remedy = "write ID:SECRET as `plimsoll keys create DIR/admin` shows them";
        Failure::Usage(format!("{place}: no key is here; {remedy}"))
    })
}

fn read(text: &str) -> Option<Login> {
    let written = serde_json::from_str::<Value>(text).ok();
    let (id, secret) = match &written {
        Some(value) => {
            let key = value.get("key").unwrap_or(value);
            (key["client_id"].as_str()?, key["client_secret"].as_str()?)
        }
        None => text.trim().split_once(':')?,
    };
    let (client_id, client_secret) = (id.to_owned(), secret.to_owned());
    Some(Login { client_id, client_secret, subaccount: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in [
            "ab:cd\n",
            r#"{"key":{"client_id":"ab","client_secret":"cd","name":"x"}}"#,
            r#"{"client_id":"ab","client_secret":"cd"}"#,
        ] {
            let key = read(text).unwrap();
            assert_eq!((key.client_id.as_str(), key.client_secret.as_str()), ("ab", "cd"));
        }
        assert!(read("").is_none() && read("{}").is_none());
    }
}
