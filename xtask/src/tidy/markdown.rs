//! A Markdown page as the checks see it: its headings and its links.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::manifest::line_at;
use super::repo::Repo;

/// A heading.
#[derive(Debug, PartialEq, Eq)]
pub struct Heading {
    /// 1 for a title.
    pub level: usize,
    /// What a link to it has after `#`.
    pub anchor: String,
    /// Line from 1 on.
    pub line: usize,
}

/// A link or image.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// As written.
    pub target: String,
    /// Line from 1 on.
    pub line: usize,
}

/// Headings and links of one page, in order.
#[derive(Default)]
pub struct Page {
    pub headings: Vec<Heading>,
    pub links: Vec<Link>,
}

impl Page {
    /// Reads a page.
    pub fn read(text: &str) -> Self {
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        let mut page = Self::default();
        let mut anchors = Anchors::default();
        let mut heading: Option<(HeadingLevel, usize, String)> = None;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    heading = Some((level, line_at(text, range.start), String::new()));
                }
                Event::End(TagEnd::Heading(_)) => {
                    if let Some((level, line, title)) = heading.take() {
                        let anchor = anchors.next(&title);
                        page.headings.push(Heading { level: level as usize, anchor, line });
                    }
                }
                Event::Text(words) | Event::Code(words) => {
                    if let Some((_, _, title)) = &mut heading {
                        title.push_str(&words);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = line_at(text, range.start);
                    page.links.push(Link { target: dest_url.to_string(), line });
                }
                _ => {}
            }
        }
        page
    }
}

/// Makes anchors the way that code forges do: lower case, no punctuation,
/// dashes for spaces, and a number after a repeated one.
#[derive(Default)]
struct Anchors(BTreeMap<String, usize>);

impl Anchors {
    fn next(&mut self, title: &str) -> String {
        let anchor: String = title
            .trim()
            .chars()
            .flat_map(char::to_lowercase)
            .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'))
            .map(|character| if character == ' ' { '-' } else { character })
            .collect();
        let repeats = self.0.entry(anchor.clone()).or_insert(0);
        *repeats += 1;
        match *repeats {
            1 => anchor,
            count => format!("{anchor}-{}", count - 1),
        }
    }
}

/// Whether a link leads out of the repository: it has a scheme, such as `https:`.
pub fn is_external(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| !scheme.contains(['/', '#', '.']))
}

/// The path, from the root, of the file a link leads to, and its anchor;
/// `None` if the link leads out of the repository.
pub fn resolve<'a>(page_path: &str, target: &'a str) -> Option<(String, Option<&'a str>)> {
    if is_external(target) || target.starts_with('/') {
        return None;
    }
    let (relative, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    if relative.is_empty() {
        return Some((page_path.to_owned(), anchor));
    }
    let folder = page_path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some((parts.join("/"), anchor))
}

/// All Markdown pages, with their paths.
pub fn pages(repo: &Repo) -> BTreeMap<&str, Page> {
    let texts = repo.texts().filter(|(path, _)| path.ends_with(".md"));
    texts.map(|(path, text)| (path, Page::read(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_anchors_of_code_forges() {
        let page = Page::read("# A `b` & C\n\nText\n\n## Two words!\n## Two words\n");
        let shown: Vec<String> = page
            .headings
            .iter()
            .map(|heading| format!("{} {} {}", heading.line, heading.level, heading.anchor))
            .collect();
        assert_eq!(shown, ["1 1 a-b--c", "5 2 two-words", "6 2 two-words-1"]);
    }

    #[test]
    fn links_and_images_are_found_but_not_in_code() {
        let page = Page::read("[a](b.md)\n`[c](d.md)`\n![e](f.svg) [g]\n\n[g]: h.md#i\n");
        let targets: Vec<&str> = page.links.iter().map(|link| link.target.as_str()).collect();
        assert_eq!(targets, ["b.md", "f.svg", "h.md#i"]);
        assert_eq!(page.links[1].line, 3);
    }

    #[test]
    fn links_resolve_from_their_page() {
        let check = |page, target, path: &str, anchor| {
            assert_eq!(resolve(page, target), Some((path.to_owned(), anchor)), "{target}");
        };
        check("docs/a.md", "b.md", "docs/b.md", None);
        check("docs/a.md", "./c/../b.md#x", "docs/b.md", Some("x"));
        check("docs/a.md", "../README.md", "README.md", None);
        check("docs/a.md", "#x", "docs/a.md", Some("x"));
        check("README.md", "docs/", "docs", None);
        assert_eq!(resolve("README.md", "../up.md"), None);
        assert_eq!(resolve("README.md", "https://example.org/a.md"), None);
        assert_eq!(resolve("README.md", "mailto:a@example.org"), None);
    }
}
