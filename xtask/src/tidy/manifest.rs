//! Cargo manifests, read for what they depend on, with line numbers.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One dependency as a manifest states it.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name it is used by.
    pub key: String,
    /// The name of the package, where it differs from the key.
    pub package: Option<String>,
    pub origin: Origin,
    /// Line from 1 on.
    pub line: usize,
}

/// Where a dependency comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Origin {
    /// The root manifest says it.
    Workspace,
    /// A folder of this repository.
    Path,
    /// A registry, with the version asked for.
    Registry(String),
    /// A Git repository.
    Git,
}

impl Dependency {
    /// The name of the package.
    pub fn package(&self) -> &str {
        self.package.as_deref().unwrap_or(&self.key)
    }
}

const SECTIONS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// All dependencies of a manifest: of the package, for tests, builds and
/// single platforms, and those that a workspace offers to its members.
pub fn dependencies(text: &str) -> Result<Vec<Dependency>, Malformed> {
    let manifest = parse(text)?;
    let mut found = Vec::new();
    let mut read_sections = |table: &DeTable<'_>| {
        for section in SECTIONS {
            let entries = table.get(*section).and_then(|section| section.get_ref().as_table());
            for (key, value) in entries.into_iter().flatten() {
                found.push(dependency(text, key, value));
            }
        }
    };
    read_sections(&manifest);
    let target = manifest.get("target").and_then(|target| target.get_ref().as_table());
    for platform in target.into_iter().flat_map(|target| target.values()) {
        if let Some(table) = platform.get_ref().as_table() {
            read_sections(table);
        }
    }
    if let Some(table) = manifest.get("workspace").and_then(|table| table.get_ref().as_table()) {
        read_sections(table);
    }
    Ok(found)
}

/// A manifest that is no TOML.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    pub message: String,
    /// Line from 1 on.
    pub line: usize,
}

/// Parses a TOML file.
pub fn parse(text: &str) -> Result<DeTable<'_>, Malformed> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table.into_inner()),
        Err(error) => Err(Malformed {
            message: error.message().to_owned(),
            line: error.span().map_or(1, |span| line_at(text, span.start)),
        }),
    }
}

/// The line, from 1 on, of a byte of `text`.
pub fn line_at(text: &str, offset_bytes: usize) -> usize {
    let before = text.as_bytes().iter().take(offset_bytes);
    before.filter(|&&byte| byte == b'\n').count() + 1
}

fn dependency(
    text: &str,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
) -> Dependency {
    let value = value.get_ref();
    let field =
        |name: &str| value.as_table().and_then(|table| table.get(name)).map(Spanned::get_ref);
    let text_of = |name: &str| field(name).and_then(DeValue::as_str).map(str::to_owned);
    let origin = match value.as_str() {
        Some(version) => Origin::Registry(version.to_owned()),
        None if field("workspace").is_some() => Origin::Workspace,
        None if field("path").is_some() => Origin::Path,
        None if field("git").is_some() => Origin::Git,
        None => Origin::Registry(text_of("version").unwrap_or_default()),
    };
    Dependency {
        key: key.get_ref().to_string(),
        package: text_of("package"),
        origin,
        line: line_at(text, key.span().start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_section_and_form() {
        let text = "\
[workspace.dependencies]
book = { path = \"crates/book\", package = \"plimsoll-book\" }
[dependencies]
csv.workspace = true
toml = \"=1.0.0\"
[dev-dependencies.deep]
git = \"https://example.org/deep\"
[target.'cfg(unix)'.build-dependencies]
cc = { version = \"1\" }
";
        let found = dependencies(text).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|dependency| {
                format!("{}:{} {:?}", dependency.line, dependency.package(), dependency.origin)
            })
            .collect();
        let expected = [
            "4:csv Workspace",
            "5:toml Registry(\"=1.0.0\")",
            "6:deep Git",
            "9:cc Registry(\"1\")",
            "2:plimsoll-book Path",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_malformed_manifest_names_its_line() {
        assert_eq!(dependencies("a = 1\nb = = 2\n").unwrap_err().line, 2);
    }
}
