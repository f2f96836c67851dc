//! The house has an order: a crate uses only the crates below it.

use super::Violation;
use super::manifest;
use super::repo::Repo;

/// The crates from the ground up; a folder of `crates/` has a room here.
pub const HOUSE: &[&str] = &[
    "instruments",
    "numerics",
    "pricing",
    "risk",
    "marketdata",
    "conformance",
    "ledger",
    "book",
    "engine",
    "journal",
    "node",
    "simulator",
    "lab",
    "server",
    "cli",
];

/// Checks every manifest in `crates/`.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let mut violations = Vec::new();
    for path in repo.under("crates/") {
        let parts: Vec<&str> = path.split('/').collect();
        if let ["crates", folder, "Cargo.toml"] = parts.as_slice() {
            check_manifest(path, folder, repo.text(path).unwrap_or_default(), &mut violations);
        }
    }
    violations
}

fn check_manifest(path: &str, folder: &str, text: &str, violations: &mut Vec<Violation>) {
    let mut violation = |line, message, remedy| {
        violations.push(Violation { file: path.to_owned(), line, message, remedy });
    };
    let Some(own_floor) = floor(folder) else {
        let remedy = "give it a room in HOUSE, in xtask/src/tidy/order.rs, and in ARCHITECTURE.md";
        return violation(1, format!("the crate {folder} has no place in the house"), remedy);
    };
    let dependencies = match manifest::dependencies(text) {
        Ok(dependencies) => dependencies,
        Err(error) => return violation(error.line, error.message, "write well-formed TOML"),
    };
    for dependency in dependencies {
        let package = dependency.package();
        let name = package.strip_prefix("plimsoll-").unwrap_or(package);
        if floor(name).is_some_and(|floor| floor >= own_floor) {
            let message = format!("{folder} uses {name}, which lies above it");
            let remedy = "move what is shared to a crate below both, or turn the dependency around";
            violation(dependency.line, message, remedy);
        }
    }
}

fn floor(name: &str) -> Option<usize> {
    HOUSE.iter().position(|&room| room == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(folder: &str, manifest: &str) -> Vec<(usize, String)> {
        let repo = Repo::sample(&[(&format!("crates/{folder}/Cargo.toml"), manifest)]);
        check(&repo).into_iter().map(|violation| (violation.line, violation.message)).collect()
    }

    #[test]
    fn downwards_is_allowed() {
        let manifest = "[dependencies]\ninstruments.workspace = true\ncsv.workspace = true\n\
                        [dev-dependencies]\nnumerics.workspace = true\n";
        assert_eq!(check_one("risk", manifest), []);
    }

    #[test]
    fn upwards_and_sideways_is_caught() {
        let expected = [(2, "risk uses engine, which lies above it".to_owned())];
        assert_eq!(check_one("risk", "[dependencies]\nengine.workspace = true\n"), expected);
        assert_eq!(check_one("risk", "[dev-dependencies]\nengine.workspace = true\n"), expected);
        let renamed =
            "[dependencies]\nx = { path = \"../engine\", package = \"plimsoll-engine\" }\n";
        assert_eq!(check_one("risk", renamed), expected);
        let itself = "[dev-dependencies]\nrisk.workspace = true\n";
        assert_eq!(check_one("risk", itself).len(), 1);
    }

    #[test]
    fn a_crate_without_a_room_is_caught() {
        let found = check_one("shed", "[dependencies]\n");
        assert_eq!(found, [(1, "the crate shed has no place in the house".to_owned())]);
    }
}
