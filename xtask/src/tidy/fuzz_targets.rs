//! Every fuzz target is built, and every one that is built exists.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::DeTable;

use super::Violation;
use super::manifest;
use super::repo::Repo;

const MANIFEST: &str = "fuzz/Cargo.toml";

/// Checks that files and `[[bin]]` entries agree.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let text = repo.text(MANIFEST).unwrap_or_default();
    let built = match manifest::parse(text) {
        Ok(table) => built(&table),
        Err(_) => BTreeSet::new(),
    };
    let files: BTreeSet<String> = repo
        .under("fuzz/fuzz_targets/")
        .filter_map(|path| path.strip_prefix("fuzz/"))
        .filter(|path| path.ends_with(".rs") && path.split('/').count() == 2)
        .map(str::to_owned)
        .collect();
    let unbuilt = files.difference(&built).map(|path| Violation {
        file: format!("fuzz/{path}"),
        line: 1,
        message: format!("not built: {MANIFEST} has no [[bin]] with this path"),
        remedy: "add a [[bin]] with name and path, and `test = false`, `doc = false`, `bench = false`",
    });
    let missing = built.difference(&files).map(|path| Violation {
        file: MANIFEST.to_owned(),
        line: 1,
        message: format!("{path} does not exist"),
        remedy: "write the target, or remove its [[bin]]",
    });
    unbuilt.chain(missing).collect()
}

/// The paths of all `[[bin]]` entries.
fn built(table: &DeTable<'_>) -> BTreeSet<String> {
    let entries = table.get("bin").and_then(|entries| entries.get_ref().as_array());
    entries
        .into_iter()
        .flat_map(|entries| entries.iter())
        .filter_map(|entry| entry.get_ref().as_table()?.get("path").map(Spanned::get_ref)?.as_str())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(manifest: &str, targets: &[&str]) -> Vec<String> {
        let mut files = vec![(MANIFEST, manifest)];
        files.extend(targets.iter().map(|&path| (path, "")));
        let found = check(&Repo::sample(&files));
        found.into_iter().map(|found| format!("{}: {}", found.file, found.message)).collect()
    }

    const BIN: &str = "[[bin]]\nname = \"market\"\npath = \"fuzz_targets/market.rs\"\n";

    #[test]
    fn targets_with_an_entry_pass() {
        assert!(messages("[package]\n", &[]).is_empty());
        let helper = "fuzz/fuzz_targets/shared/helper.rs";
        assert!(messages(BIN, &["fuzz/fuzz_targets/market.rs", helper]).is_empty());
    }

    #[test]
    fn a_target_without_an_entry_is_caught() {
        let found = messages(BIN, &["fuzz/fuzz_targets/market.rs", "fuzz/fuzz_targets/trades.rs"]);
        let expected =
            "fuzz/fuzz_targets/trades.rs: not built: fuzz/Cargo.toml has no [[bin]] with this path";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn an_entry_without_a_target_is_caught() {
        assert_eq!(messages(BIN, &[]), ["fuzz/Cargo.toml: fuzz_targets/market.rs does not exist"]);
    }
}
