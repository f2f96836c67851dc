//! Links between pages lead to files that exist, and to headings in them.

use std::collections::BTreeMap;

use super::Violation;
use super::markdown::{Page, is_external, pages, resolve};
use super::repo::Repo;

/// Checks every relative link of every page.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let pages = pages(repo);
    let mut violations = Vec::new();
    for (path, page) in &pages {
        for link in &page.links {
            if let Some((message, remedy)) = broken(repo, &pages, path, &link.target) {
                let (file, line) = ((*path).to_owned(), link.line);
                violations.push(Violation { file, line, message, remedy });
            }
        }
    }
    violations
}

fn broken(
    repo: &Repo,
    pages: &BTreeMap<&str, Page>,
    page_path: &str,
    target: &str,
) -> Option<(String, &'static str)> {
    if is_external(target) {
        return None;
    }
    let Some((path, anchor)) = resolve(page_path, target) else {
        return Some((
            format!("{target} leads out of the repository"),
            "link to a file of the repository by a relative path, or to an address with its scheme",
        ));
    };
    if !repo.exists(&path) {
        return Some((
            format!("{target} leads nowhere: there is no {path}"),
            "correct or remove the link",
        ));
    }
    let (anchor, page) = (anchor?, pages.get(path.as_str())?);
    match page.headings.iter().any(|heading| heading.anchor == anchor) {
        true => None,
        false => Some((
            format!("{path} has no heading for #{anchor}"),
            "use the heading in lower case, without punctuation, dashes for spaces",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(readme: &str) -> Vec<String> {
        let repo = Repo::sample(&[
            ("README.md", readme),
            ("docs/a.md", "# Title of a\n\n[up](../README.md) [self](#title-of-a)\n"),
            ("LICENSE", ""),
        ]);
        check(&repo).into_iter().map(|found| format!("{}: {}", found.line, found.message)).collect()
    }

    #[test]
    fn good_links_pass() {
        let text = "[a](docs/a.md) [b](docs/a.md#title-of-a) [c](docs) [d](LICENSE) [e](https://example.org/x)";
        assert!(messages(text).is_empty());
    }

    #[test]
    fn a_missing_file_is_caught() {
        let found = messages("# R\n\n[a](docs/b.md)");
        assert_eq!(found, ["3: docs/b.md leads nowhere: there is no docs/b.md"]);
        assert_eq!(messages("![a](docs/a.svg)").len(), 1);
    }

    #[test]
    fn a_missing_heading_is_caught() {
        assert_eq!(messages("[a](docs/a.md#other)"), ["1: docs/a.md has no heading for #other"]);
        assert_eq!(messages("# R\n[a](#other)"), ["2: README.md has no heading for #other"]);
    }

    #[test]
    fn a_link_out_of_the_repository_is_caught() {
        assert_eq!(messages("[a](../other.md)"), ["1: ../other.md leads out of the repository"]);
        assert_eq!(messages("[a](/docs/a.md)"), ["1: /docs/a.md leads out of the repository"]);
    }
}
