//! A Rust file as a flat list of tokens, each with its line and whether it is
//! compiled for tests only. Comments and the insides of strings are no tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word,
    /// One character of punctuation, or a bracket.
    Mark,
    /// A floating-point number.
    Float,
    /// Any other literal.
    Literal,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    /// Line from 1 on.
    pub line: usize,
    /// Compiled for tests only.
    pub in_test: bool,
}

/// The tokens of a Rust file.
pub struct Source {
    pub tokens: Vec<Token>,
    /// Lines that are compiled for tests only.
    test_lines: Vec<RangeInclusive<usize>>,
    /// Modules in files of their own that are compiled for tests only.
    test_modules: Vec<String>,
    /// The whole file is compiled for tests only.
    all_test: bool,
}

impl Source {
    /// Splits a file into tokens; `None` if it is not well-formed Rust.
    pub fn read(text: &str) -> Option<Self> {
        let stream: TokenStream = text.parse().ok()?;
        let mut source = Self {
            tokens: Vec::new(),
            test_lines: Vec::new(),
            test_modules: Vec::new(),
            all_test: false,
        };
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        source.all_test =
            (0..trees.len()).any(|at| inner_attribute(&trees, at).is_some_and(is_test));
        source.flatten(&trees, source.all_test);
        Some(source)
    }

    /// Whether a line is compiled for tests only.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.all_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Places where the tokens with these texts follow one another; an empty
    /// pattern is nowhere.
    pub fn find<'a>(&'a self, pattern: &'a [&'a str]) -> impl Iterator<Item = &'a [Token]> {
        let windows = self.tokens.windows(pattern.len().max(1));
        windows.filter(move |window| {
            !pattern.is_empty()
                && window
                    .iter()
                    .zip(pattern)
                    .all(|(token, &text)| token.text == text && token.kind != Kind::Literal)
        })
    }

    fn flatten(&mut self, trees: &[TokenTree], in_test: bool) {
        let mut at = 0;
        while at < trees.len() {
            if !in_test && outer_attribute(trees, at).is_some_and(is_test) {
                let end = item_end(trees, at);
                let item = &trees[at..end];
                self.note_test_item(item);
                self.flatten(item, true);
                at = end;
                continue;
            }
            self.push_tree(trees, at, in_test);
            at += 1;
        }
    }

    fn push_tree(&mut self, trees: &[TokenTree], at: usize, in_test: bool) {
        match &trees[at] {
            TokenTree::Group(group) => self.push_group(group, in_test),
            TokenTree::Ident(word) => {
                self.push(Kind::Word, word.to_string(), word.span(), in_test);
            }
            TokenTree::Punct(mark) => {
                self.push(Kind::Mark, mark.as_char().to_string(), mark.span(), in_test);
            }
            TokenTree::Literal(literal) => {
                let kind = match is_float(literal) && !follows_field_dot(trees, at) {
                    true => Kind::Float,
                    false => Kind::Literal,
                };
                self.push(kind, literal.to_string(), literal.span(), in_test);
            }
        }
    }

    fn push_group(&mut self, group: &Group, in_test: bool) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        let trees: Vec<TokenTree> = group.stream().into_iter().collect();
        self.push(Kind::Mark, open.to_owned(), group.span_open(), in_test);
        self.flatten(&trees, in_test);
        self.push(Kind::Mark, close.to_owned(), group.span_close(), in_test);
    }

    fn push(&mut self, kind: Kind, text: String, span: Span, in_test: bool) {
        self.tokens.push(Token { kind, text, line: span.start().line, in_test });
    }

    fn note_test_item(&mut self, item: &[TokenTree]) {
        if let (Some(first), Some(last)) = (item.first(), item.last()) {
            self.test_lines.push(first.span().start().line..=last.span().end().line);
        }
        let module = item.windows(3).find_map(|window| match window {
            [TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Punct(end)]
                if keyword == "mod" && end.as_char() == ';' =>
            {
                Some(name.to_string())
            }
            _ => None,
        });
        self.test_modules.extend(module);
    }
}

/// The attribute `#[…]` that begins at `at`.
fn outer_attribute(trees: &[TokenTree], at: usize) -> Option<&Group> {
    match trees.get(at..at + 2)? {
        [TokenTree::Punct(hash), TokenTree::Group(group)] => {
            let brackets = group.delimiter() == Delimiter::Bracket;
            (hash.as_char() == '#' && brackets).then_some(group)
        }
        _ => None,
    }
}

/// The attribute `#![…]` that begins at `at`.
fn inner_attribute(trees: &[TokenTree], at: usize) -> Option<&Group> {
    let bang = matches!(trees.get(at + 1)?, TokenTree::Punct(mark) if mark.as_char() == '!');
    let hash = matches!(&trees[at], TokenTree::Punct(mark) if mark.as_char() == '#');
    match trees.get(at + 2)? {
        TokenTree::Group(group) if hash && bang => Some(group),
        _ => None,
    }
}

/// Whether an attribute restricts what follows to tests: `test`, or `cfg` of
/// something that needs `test`.
fn is_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string();
    let words: Vec<&str> = text
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
        .collect();
    match words.as_slice() {
        ["test"] => true,
        ["cfg", conditions @ ..] => {
            conditions.contains(&"test")
                && !conditions.contains(&"not")
                && !conditions.contains(&"any")
        }
        _ => false,
    }
}

const ITEM_KEYWORDS: &[&str] = &[
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "let",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "union",
    "unsafe",
    "use",
];

/// One past the last token of what the attributes at `start` belong to: an
/// item ends with its braces or a semicolon, a field or match arm with a comma.
fn item_end(trees: &[TokenTree], start: usize) -> usize {
    let mut at = start;
    while outer_attribute(trees, at).is_some() {
        at += 2;
    }
    let mut is_item = false;
    for (index, tree) in trees.iter().enumerate().skip(at) {
        match tree {
            TokenTree::Ident(word) => {
                is_item |= ITEM_KEYWORDS.contains(&word.to_string().as_str());
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return index + 1,
            TokenTree::Punct(mark) if mark.as_char() == ';' => return index + 1,
            TokenTree::Punct(mark) if mark.as_char() == ',' && !is_item => return index + 1,
            _ => {}
        }
    }
    trees.len()
}

fn is_float(literal: &Literal) -> bool {
    matches!(syn::Lit::new(literal.clone()), syn::Lit::Float(_))
        || ["f32", "f64"].iter().any(|suffix| {
            let text = literal.to_string();
            text.ends_with(suffix)
                && text.starts_with(|first: char| first.is_ascii_digit())
                && !text.starts_with("0x")
        })
}

/// `pair.0.1` reads as the float `0.1` after a dot, while `0..0.1` is a range.
fn follows_field_dot(trees: &[TokenTree], at: usize) -> bool {
    let is_dot = |back: usize| {
        let before = at.checked_sub(back).and_then(|index| trees.get(index));
        matches!(before, Some(TokenTree::Punct(mark)) if mark.as_char() == '.')
    };
    is_dot(1) && !is_dot(2)
}

/// The files that are compiled for tests only: those below a crate's `tests`
/// folder, and modules declared so.
pub fn test_files(sources: &BTreeMap<String, Source>) -> BTreeSet<String> {
    let declared: Vec<String> = sources
        .iter()
        .flat_map(|(path, source)| {
            let folder = module_folder(path);
            source.test_modules.iter().map(move |module| format!("{folder}/{module}"))
        })
        .collect();
    let is_test = |path: &str, source: &Source| {
        let below_tests = path.split('/').any(|folder| folder == "tests");
        let below_declared = declared.iter().any(|module| {
            path.strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
        source.all_test || below_tests || below_declared
    };
    let found = sources.iter().filter(|(path, source)| is_test(path, source));
    found.map(|(path, _)| path.clone()).collect()
}

/// Where the modules that a file declares lie.
fn module_folder(path: &str) -> &str {
    let stem = path.trim_end_matches(".rs");
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    match name {
        "lib" | "main" | "mod" => folder,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of `text`, those in tests marked with an asterisk.
    fn words(text: &str) -> String {
        let source = Source::read(text).unwrap();
        let words = source.tokens.iter().filter(|token| token.kind == Kind::Word);
        let shown =
            words.map(|token| format!("{}{}", token.text, if token.in_test { "*" } else { "" }));
        shown.collect::<Vec<_>>().join(" ")
    }

    fn floats(text: &str) -> Vec<String> {
        let source = Source::read(text).unwrap();
        let floats = source.tokens.iter().filter(|token| token.kind == Kind::Float);
        floats.map(|token| token.text.clone()).collect()
    }

    #[test]
    fn comments_and_strings_hold_no_words() {
        assert_eq!(words("// f64\n/* f64 */ /// f64\n fn a() { \"f64\" }"), "doc fn a");
    }

    #[test]
    fn test_items_are_marked_to_their_end() {
        let cases = [
            ("#[cfg(test)] mod t { fn a() {} } fn b() {}", "cfg* test* mod* t* fn* a* fn b"),
            ("#[cfg(test)] use a::b; use c;", "cfg* test* use* a* b* use c"),
            ("#[test] #[other] fn a<A, B>() {} fn b() {}", "test* other* fn* a* A* B* fn b"),
            ("struct S { #[cfg(test)] a: A, b: B }", "struct S cfg* test* a* A* b B"),
            ("#[cfg(all(test, unix))] fn a() {}", "cfg* all* test* unix* fn* a*"),
            ("#[cfg(not(test))] fn a() {}", "cfg not test fn a"),
            ("#[cfg(any(test, unix))] fn a() {}", "cfg any test unix fn a"),
            ("#![cfg(test)] fn a() {}", "cfg* test* fn* a*"),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_of_test_items_are_known() {
        let source = Source::read("fn a() {}\n#[cfg(test)]\nmod t {\n}\nfn b() {}").unwrap();
        let lines: Vec<usize> = (1..=5).filter(|&line| source.is_test_line(line)).collect();
        assert_eq!(lines, [2, 3, 4]);
    }

    #[test]
    fn floats_are_told_from_integers_and_fields() {
        assert_eq!(
            floats("[1.5, 1e9, 2f64, 3_f32, 0..0.5]"),
            ["1.5", "1e9", "2f64", "3_f32", "0.5"]
        );
        assert!(floats("[1, 0x1e5, 0xff64, 7u8, a.0.1, b.0, 1..2]").is_empty());
    }

    #[test]
    fn finds_token_sequences() {
        let source = Source::read("fn a() {\n x . exp ( y ) }").unwrap();
        let found: Vec<usize> =
            source.find(&[".", "exp", "("]).map(|found| found[0].line).collect();
        assert_eq!(found, [2]);
        assert_eq!(source.find(&[]).count(), 0);
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_test_files() {
        let texts = [
            ("crates/a/src/lib.rs", "#[cfg(test)] mod tests; mod b; #[cfg(test)] pub mod helpers;"),
            ("crates/a/src/tests.rs", ""),
            ("crates/a/src/b.rs", "#[cfg(test)] mod samples;"),
            ("crates/a/src/b/samples.rs", ""),
            ("crates/a/src/samples.rs", ""),
            ("crates/a/src/helpers/deep.rs", ""),
            ("crates/a/tests/all.rs", ""),
        ];
        let read = |&(path, text): &(&str, &str)| (path.to_owned(), Source::read(text).unwrap());
        let files = test_files(&texts.iter().map(read).collect());
        let expected = [
            "crates/a/src/b/samples.rs",
            "crates/a/src/helpers/deep.rs",
            "crates/a/src/tests.rs",
            "crates/a/tests/all.rs",
        ];
        assert_eq!(files.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}
