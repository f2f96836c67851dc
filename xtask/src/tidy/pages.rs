//! Every page has one title, and every page of the book can be reached.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use super::markdown::{Page, pages, resolve};
use super::repo::Repo;

/// Where the book begins.
const BOOK: &str = "docs/README.md";

/// Checks titles of all pages, and links between those of the book.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let pages = pages(repo);
    let mut violations = Vec::new();
    for (path, page) in &pages {
        check_title(path, page, &mut violations);
    }
    let reached = reached(&pages);
    for path in pages.keys().filter(|path| path.starts_with("docs/") && !reached.contains(**path)) {
        violations.push(Violation {
            file: (*path).to_owned(),
            line: 1,
            message: format!("no way leads here from {BOOK}"),
            remedy: "link to it from the index, or from a page that the index links to",
        });
    }
    violations
}

fn check_title(path: &str, page: &Page, violations: &mut Vec<Violation>) {
    let mut violation = |line, message: &str, remedy| {
        let (file, message) = (path.to_owned(), message.to_owned());
        violations.push(Violation { file, line, message, remedy });
    };
    match page.headings.first() {
        Some(heading) if heading.level == 1 => {}
        Some(heading) => {
            violation(heading.line, "the first heading is no title", "begin with one `# Title`")
        }
        None => violation(1, "no title", "begin with one `# Title`"),
    }
    for heading in page.headings.iter().skip(1).filter(|heading| heading.level == 1) {
        violation(heading.line, "a second title", "use `##`, or make it a page of its own");
    }
}

/// The pages that links lead to from the first page of the book, itself included.
fn reached<'a>(pages: &BTreeMap<&'a str, Page>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![BOOK.to_owned()];
    while let Some(path) = next.pop() {
        let Some((&path, page)) = pages.get_key_value(path.as_str()) else { continue };
        if reached.insert(path) {
            let targets = page.links.iter().filter_map(|link| resolve(path, &link.target));
            next.extend(
                targets.map(|(target, _)| target).filter(|target| target.starts_with("docs/")),
            );
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let found = check(&Repo::sample(files));
        found
            .iter()
            .map(|found| format!("{}:{}: {}", found.file, found.line, found.message))
            .collect()
    }

    #[test]
    fn a_connected_book_passes() {
        let files = [
            ("README.md", "# R\n## Part\n"),
            ("docs/README.md", "# Book\n\n[a](a.md)\n"),
            ("docs/a.md", "# A\n\n[b](sub/b.md#part)\n"),
            ("docs/sub/b.md", "# B\n## Part\n[back](../README.md)\n"),
        ];
        assert!(messages(&files).is_empty());
    }

    #[test]
    fn an_unreachable_page_is_caught() {
        let files = [
            ("README.md", "# R\n\n[b](docs/b.md)\n"),
            ("docs/README.md", "# Book\n"),
            ("docs/b.md", "# B\n"),
        ];
        assert_eq!(messages(&files), ["docs/b.md:1: no way leads here from docs/README.md"]);
    }

    #[test]
    fn titles_are_single_and_first() {
        assert_eq!(messages(&[("a.md", "words\n")]), ["a.md:1: no title"]);
        assert_eq!(messages(&[("a.md", "\n## Part\n")]), ["a.md:2: the first heading is no title"]);
        assert_eq!(messages(&[("a.md", "# A\n\n# B\n")]), ["a.md:3: a second title"]);
        assert!(messages(&[("a.md", "# A\n```\n# no heading\n```\n")]).is_empty());
    }
}
