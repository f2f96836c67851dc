//! The repository as the checks see it: all its files, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;

use super::source::{self, Source};
use crate::Outcome;
use crate::process::{command, output};

/// Every file that is tracked, or new and not ignored; paths are from the
/// root, with `/` between folders.
pub struct Repo {
    paths: BTreeSet<String>,
    texts: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
    test_files: BTreeSet<String>,
}

impl Repo {
    /// Reads the repository at `root`.
    pub fn read(root: &Path) -> Outcome<Self> {
        let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
        let listed = match output(command(root, "git", arguments)) {
            Ok(bytes) => listed(&bytes),
            Err(_) => {
                println!("git does not know this folder: tidy reads every file in it");
                walk(root)?
            }
        };
        let mut paths = BTreeSet::new();
        let mut texts = BTreeMap::new();
        for path in listed {
            let file = root.join(&path);
            // A file that was deleted but is still tracked is no part of the repository.
            if !file.is_file() {
                continue;
            }
            let bytes = std::fs::read(&file).map_err(|error| format!("{path}: {error}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                texts.insert(path.clone(), text);
            }
            paths.insert(path);
        }
        Ok(Self::new(paths, texts))
    }

    fn new(paths: BTreeSet<String>, texts: BTreeMap<String, String>) -> Self {
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let sources: BTreeMap<String, Source> =
            rust.filter_map(|(path, text)| Some((path.clone(), Source::read(text)?))).collect();
        let test_files = source::test_files(&sources);
        Self { paths, texts, sources, test_files }
    }

    /// A made-up repository, for testing a check.
    #[cfg(test)]
    pub fn sample(files: &[(&str, &str)]) -> Self {
        let owned = |&(path, text): &(&str, &str)| (path.to_owned(), text.to_owned());
        let texts: BTreeMap<String, String> = files.iter().map(owned).collect();
        Self::new(texts.keys().cloned().collect(), texts)
    }

    /// Whether a file or folder of this path exists.
    pub fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty() || self.paths.contains(path) || self.under(&folder).next().is_some()
    }

    /// All paths that begin with `prefix`.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.paths.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.map(String::as_str).take_while(move |path| path.starts_with(prefix))
    }

    /// The text of a file, unless it is missing or not UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// All text files, with their paths.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All Rust files that can be split into tokens, with their paths.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// The tokens of one Rust file.
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.get(path)
    }

    /// Whether a Rust file is compiled for tests only.
    pub fn is_test_file(&self, path: &str) -> bool {
        self.test_files.contains(path)
    }
}

fn listed(bytes: &[u8]) -> Vec<String> {
    let names = bytes.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// Every file below `root`, for a copy of the repository without its history.
/// Understands the ignore patterns that the repository's own list uses: a path
/// from the root (`/fuzz/target`) or a folder's name (`.venv/`).
fn walk(root: &Path) -> Outcome<Vec<String>> {
    let ignored = std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let is_ignored = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        ignored.lines().any(|line| match line.strip_prefix('/') {
            Some(pattern) => pattern.trim_end_matches('/') == path,
            None => line.trim_end_matches('/') == name,
        })
    };
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let unreadable = |error: std::io::Error| format!("{folder}: {error}");
        for entry in std::fs::read_dir(root.join(&folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if path == ".git" || is_ignored(&path) {
                continue;
            }
            match entry.file_type().map_err(unreadable)?.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a folder that git does not know, with an ignore list.
    fn read_sample() -> Repo {
        let root = tempfile::tempdir().unwrap();
        for folder in ["docs", "target", "a/.venv", "a/target"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let files: [(&str, &[u8]); 6] = [
            (".gitignore", b"/target\n.venv/\n"),
            ("docs/page.md", b"# Page"),
            ("docs/data.gz", b"\x1f\x8b\xff"),
            ("target/built.md", b""),
            ("a/.venv/other.md", b""),
            ("a/target/kept.md", b""),
        ];
        for (path, bytes) in files {
            std::fs::write(root.path().join(path), bytes).unwrap();
        }
        Repo::read(root.path()).unwrap()
    }

    #[test]
    fn reads_what_is_not_ignored() {
        let repo = read_sample();
        let paths: Vec<&str> = repo.under("").collect();
        assert_eq!(paths, [".gitignore", "a/target/kept.md", "docs/data.gz", "docs/page.md"]);
    }

    #[test]
    fn files_that_are_not_text_exist_without_text() {
        let repo = read_sample();
        assert!(repo.exists("docs/data.gz"));
        assert_eq!(repo.text("docs/data.gz"), None);
        assert_eq!(repo.text("docs/page.md"), Some("# Page"));
    }

    #[test]
    fn folders_exist_when_they_hold_a_file() {
        let repo = Repo::sample(&[("docs/a.md", "")]);
        assert!(repo.exists("docs") && repo.exists("docs/") && repo.exists(""));
        assert!(!repo.exists("doc") && !repo.exists("docs/a"));
    }

    #[test]
    fn git_lists_names_between_zero_bytes() {
        assert_eq!(listed(b"a b.rs\0c.rs\0"), ["a b.rs", "c.rs"]);
    }
}
