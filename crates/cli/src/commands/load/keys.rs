//! Who trades: keys from a file, or one key and its subaccounts.

use std::path::Path;

use serde_json::json;

use crate::failure::Failure;
use crate::wire::{Login, Target};

/// Reads a file with a key in each line.
pub fn read(path: &Path) -> Result<Vec<Login>, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::Open { path: name.clone(), source })?;
    let mut logins = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let login = serde_json::from_str(line).map_err(|error| {
            let form = r#"a line is like {"client_id": "…", "client_secret": "…"}"#;
            Failure::Usage(format!("{name}:{}: {error}; {form}", number + 1))
        })?;
        logins.push(login);
    }
    match logins.is_empty() {
        true => Err(Failure::Usage(format!(
            "{name}: no key is in it; `plimsoll serve --demo-accounts` writes such files"
        ))),
        false => Ok(logins),
    }
}

/// The account of a key, and its subaccounts if it may act for them.
pub async fn of_key(key: &str, target: &Target) -> Result<Vec<Login>, Failure> {
    let (id, secret) = key.split_once(':').ok_or_else(|| {
        Failure::Usage("--key: write the client id, a colon, and the client secret".to_owned())
    })?;
    let main =
        Login { client_id: id.to_owned(), client_secret: secret.to_owned(), subaccount: None };
    let mut wire = main.connect(target).await?;
    let known = wire.call("private/get_subaccounts", json!({})).await?;
    let subaccounts = known.as_array().into_iter().flatten();
    let subaccounts = subaccounts.filter(|known| known["type"] == "subaccount");
    let numbers: Vec<u64> = subaccounts.filter_map(|known| known["id"].as_u64()).collect();
    let logins =
        numbers.into_iter().map(|number| Login { subaccount: Some(number), ..main.clone() });
    Ok(std::iter::once(main.clone()).chain(logins).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_keys_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("{\"client_id\": \"a\", \"client_secret\": \"b\", \"account\": 3}\n\n");
        let logins = read(&path).ok().unwrap();
        assert_eq!((logins.len(), logins[0].client_id.as_str()), (1, "a"));
        write("{\"client_id\": \"a\", \"client_secret\": \"b\"}\nnonsense\n");
        assert!(read(&path).unwrap_err().to_string().contains("keys:2:"));
        write("\n");
        assert!(read(&path).unwrap_err().to_string().contains("no key"));
    }
}
