//! Dependencies from outside are pinned to one version, in one place.

use super::Violation;
use super::manifest::{self, Dependency, Origin};
use super::repo::Repo;

/// Checks every manifest.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let manifests = repo.texts().filter(|(path, _)| is_manifest(path));
    manifests.flat_map(|(path, text)| check_manifest(path, text)).collect()
}

/// Whether a path is a Cargo manifest.
pub fn is_manifest(path: &str) -> bool {
    path == "Cargo.toml" || path.ends_with("/Cargo.toml")
}

fn check_manifest(path: &str, text: &str) -> Vec<Violation> {
    let violation =
        |line, message, remedy| Violation { file: path.to_owned(), line, message, remedy };
    match manifest::dependencies(text) {
        Err(error) => vec![violation(error.line, error.message, "write well-formed TOML")],
        Ok(dependencies) => dependencies
            .iter()
            .filter_map(|dependency| {
                let (message, remedy) = fault(path, dependency)?;
                Some(violation(dependency.line, message, remedy))
            })
            .collect(),
    }
}

fn fault(path: &str, dependency: &Dependency) -> Option<(String, &'static str)> {
    let key = &dependency.key;
    let in_workspace = path.starts_with("crates/") || path.starts_with("xtask/");
    match &dependency.origin {
        Origin::Workspace | Origin::Path => None,
        Origin::Git => Some((
            format!("{key} comes from a Git repository"),
            "use a released version from the registry",
        )),
        Origin::Registry(_) if in_workspace => Some((
            format!("{key} has a version of its own here"),
            "pin it in [workspace.dependencies] of the root, and write `.workspace = true` here",
        )),
        Origin::Registry(version) if is_exact(version) => None,
        Origin::Registry(version) => Some((
            format!("{key} = \"{version}\" is not pinned"),
            "write the whole version with `=` before it, such as \"=1.2.3\"",
        )),
    }
}

/// Whether a requirement allows one version only, such as `=1.2.3`.
fn is_exact(requirement: &str) -> bool {
    let parts = requirement.strip_prefix('=').map(|version| version.trim().splitn(3, '.').count());
    parts == Some(3) && !requirement.contains(['*', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let found = check(&Repo::sample(&[(path, text)]));
        found.into_iter().map(|found| format!("{}: {}", found.line, found.message)).collect()
    }

    #[test]
    fn pinned_dependencies_pass() {
        let root = "[workspace.dependencies]\nbook = { path = \"crates/book\" }\ncsv = \"=1.4.0\"\n\
                    clap = { version = \"=4.6.7\", features = [\"derive\"] }\n";
        assert!(messages("Cargo.toml", root).is_empty());
        assert!(
            messages("crates/book/Cargo.toml", "[dependencies]\ncsv.workspace = true\n").is_empty()
        );
        assert!(messages("benches/Cargo.toml", "[dependencies]\npeer = \"=0.1.0\"\n").is_empty());
    }

    #[test]
    fn a_loose_version_is_caught() {
        for version in ["1", "1.4.0", "^1.4.0", "=1.4", "=1.*.0", "*"] {
            let text = format!("[workspace.dependencies]\ncsv = \"{version}\"\n");
            let expected = format!("2: csv = \"{version}\" is not pinned");
            assert_eq!(messages("Cargo.toml", &text), [expected]);
        }
        let table = "[dev-dependencies]\npeer = { version = \"0.1\" }\n";
        assert_eq!(messages("benches/Cargo.toml", table), ["2: peer = \"0.1\" is not pinned"]);
    }

    #[test]
    fn a_version_outside_the_root_is_caught() {
        let text = "[dependencies]\ncsv = \"=1.4.0\"\n";
        assert_eq!(messages("crates/a/Cargo.toml", text), ["2: csv has a version of its own here"]);
        assert_eq!(messages("xtask/Cargo.toml", text).len(), 1);
    }

    #[test]
    fn a_git_dependency_is_caught() {
        let text = "[dependencies]\na = { git = \"https://example.org/a\" }\n";
        assert_eq!(messages("benches/Cargo.toml", text), ["2: a comes from a Git repository"]);
    }
}
