//! Every dependency from outside has its reasons written down, and the list
//! of decisions is complete.

use super::Violation;
use super::dependencies::is_manifest;
use super::manifest::{self, Dependency, Origin};
use super::markdown::{Page, resolve};
use super::repo::Repo;

const FOLDER: &str = "docs/decisions/";
const INDEX: &str = "docs/decisions/README.md";

/// Checks that each dependency has a page, and that each page is listed.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in repo.texts().filter(|(path, _)| is_manifest(path)) {
        let dependencies = manifest::dependencies(text).unwrap_or_default();
        for dependency in dependencies.iter().filter(|dependency| is_undecided(repo, dependency)) {
            violations.push(Violation {
                file: path.to_owned(),
                line: dependency.line,
                message: format!("no page in docs/decisions speaks of `{}`", dependency.package()),
                remedy: "write down why this one and not its runner-up",
            });
        }
    }
    let index = Page::read(repo.text(INDEX).unwrap_or_default());
    let listed: Vec<String> =
        index.links.iter().filter_map(|link| Some(resolve(INDEX, &link.target)?.0)).collect();
    for path in decision_pages(repo).filter(|&path| !listed.iter().any(|listed| listed == path)) {
        violations.push(Violation {
            file: path.to_owned(),
            line: 1,
            message: format!("not listed in {INDEX}"),
            remedy: "add a line with a link to it",
        });
    }
    violations
}

fn decision_pages(repo: &Repo) -> impl Iterator<Item = &str> {
    repo.under(FOLDER).filter(|&path| path.ends_with(".md") && path != INDEX)
}

fn is_undecided(repo: &Repo, dependency: &Dependency) -> bool {
    let outside = matches!(dependency.origin, Origin::Registry(_) | Origin::Git);
    let name = format!("`{}`", dependency.package());
    outside
        && !decision_pages(repo)
            .any(|path| repo.text(path).is_some_and(|text| text.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) =
        ("Cargo.toml", "[workspace.dependencies]\nown = { path = \"a\" }\ncsv = \"=1.4.0\"\n");

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let found = check(&Repo::sample(files));
        found
            .iter()
            .map(|found| format!("{}:{}: {}", found.file, found.line, found.message))
            .collect()
    }

    #[test]
    fn a_dependency_with_a_listed_page_passes() {
        let files =
            [MANIFEST, (INDEX, "# D\n- [csv](csv.md)\n"), ("docs/decisions/csv.md", "# C\n`csv`")];
        assert!(messages(&files).is_empty());
    }

    #[test]
    fn a_dependency_without_a_page_is_caught() {
        let expected = ["Cargo.toml:3: no page in docs/decisions speaks of `csv`"];
        assert_eq!(messages(&[MANIFEST]), expected);
        assert_eq!(messages(&[MANIFEST, (INDEX, "# D\n`csv`\n")]), expected);
    }

    #[test]
    fn a_page_that_is_not_listed_is_caught() {
        let files = [
            (INDEX, "# D\n[b](b.md)\n"),
            ("docs/decisions/a.md", "# A"),
            ("docs/decisions/b.md", "# B"),
        ];
        assert_eq!(
            messages(&files),
            ["docs/decisions/a.md:1: not listed in docs/decisions/README.md"]
        );
    }
}
