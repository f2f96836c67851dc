//! A methodology is data with a name and a version.

use toml::de::DeTable;

use super::Violation;
use super::manifest;
use super::repo::Repo;

/// Checks every file in `methodologies/`.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let mut violations = Vec::new();
    for path in repo.under("methodologies/").filter(|path| path.ends_with(".toml")) {
        let mut violation = |line, message, remedy| {
            violations.push(Violation { file: path.to_owned(), line, message, remedy });
        };
        match manifest::parse(repo.text(path).unwrap_or_default()) {
            Err(error) => violation(error.line, error.message, "write well-formed TOML"),
            Ok(table) => {
                for key in ["name", "version"].into_iter().filter(|key| !is_given(&table, key)) {
                    let remedy =
                        "say at the top which methodology this is, and which version of it";
                    violation(1, format!("no {key}"), remedy);
                }
            }
        }
    }
    violations
}

fn is_given(table: &DeTable<'_>, key: &str) -> bool {
    table.get(key).is_some_and(|value| {
        let value = value.get_ref();
        value.is_integer() || value.as_str().is_some_and(|text| !text.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let found = check(&Repo::sample(&[("methodologies/core.toml", text)]));
        found.into_iter().map(|found| format!("{}: {}", found.line, found.message)).collect()
    }

    #[test]
    fn a_named_and_versioned_methodology_passes() {
        assert!(messages("name = \"core\"\nversion = 1\n").is_empty());
        assert!(messages("name = \"core\"\nversion = \"2026-01\"\n[scenarios]\n").is_empty());
    }

    #[test]
    fn what_is_missing_is_caught() {
        assert_eq!(messages("name = \"core\"\n"), ["1: no version"]);
        assert_eq!(messages("name = \"\"\n[part]\nversion = 1\n"), ["1: no name", "1: no version"]);
    }

    #[test]
    fn malformed_toml_is_caught() {
        let found = messages("name = \"core\"\nversion = = 1\n");
        assert!(found.len() == 1 && found[0].starts_with("2: "), "{found:?}");
    }
}
