//! Nothing is left over from the making: no unfinished code, no notes to
//! oneself, no tests switched off, no paths of one person's machine.

use super::Violation;
use super::repo::Repo;
use super::source::Source;

/// Macros that stand where code should be, or print for the writer only.
const MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// Words that mark something as unfinished. Written in parts, so that this
/// file does not catch itself.
const NOTES: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Folders at the root of one machine's disk.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/", "root"),
    concat!("/", "home"),
    concat!("/", "tmp"),
    concat!("/", "Users"),
    concat!("/", "work"),
    concat!("/", "workspace"),
    concat!("/", "mnt"),
];

/// Files that people write by hand.
const WRITTEN: &[&str] =
    &["rs", "toml", "md", "sh", "py", "js", "ts", "html", "css", "yml", "yaml", "run", "gitignore"];

/// Checks code for macros and switched-off tests, and all hand-written text for the rest.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, source) in repo.sources() {
        check_tokens(path, source, &mut violations);
    }
    let is_written =
        |path: &str| path.rsplit(['.', '/']).next().is_some_and(|end| WRITTEN.contains(&end));
    for (path, text) in repo.texts().filter(|(path, _)| is_written(path)) {
        for (index, line) in text.lines().enumerate() {
            let in_test = repo.is_test_file(path)
                || repo.source(path).is_some_and(|source| source.is_test_line(index + 1));
            check_line(path, index + 1, line, in_test, &mut violations);
        }
    }
    violations
}

fn check_tokens(path: &str, source: &Source, violations: &mut Vec<Violation>) {
    let mut violation = |line, message, remedy| {
        violations.push(Violation { file: path.to_owned(), line, message, remedy });
    };
    for name in MACROS {
        for opening in ["(", "[", "{"] {
            for found in source.find(&[name, "!", opening]) {
                violation(
                    found[0].line,
                    format!("{name}! is left over"),
                    "finish it, or take it out",
                );
            }
        }
    }
    for found in source.find(&["#", "[", "ignore"]) {
        let remedy = "run it, make it part of the long run, or delete it";
        violation(found[0].line, "a test is switched off".to_owned(), remedy);
    }
}

fn check_line(path: &str, line: usize, text: &str, in_test: bool, violations: &mut Vec<Violation>) {
    let mut violation = |message, remedy| {
        violations.push(Violation { file: path.to_owned(), line, message, remedy });
    };
    for note in NOTES.iter().filter(|note| has_word(text, note)) {
        violation(
            format!("{note} is a note to oneself"),
            "do it, or say as a limit what is not done",
        );
    }
    if in_test {
        return;
    }
    for folder in MACHINE_FOLDERS.iter().filter(|folder| has_path(text, folder)) {
        violation(
            format!("{folder} is a place on one machine"),
            "use a relative path, or the user's own folders",
        );
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `word` stands in `text` by itself.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Whether an absolute path in `folder` stands in `text`, rather than a part
/// of a longer path or address.
fn has_path(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + folder.len()..].chars().next();
        !before.is_some_and(|character| is_word(character) || "./-~$}*".contains(character))
            && !after.is_some_and(|character| is_word(character) || character == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let found = check(&Repo::sample(&[(path, text)]));
        found.into_iter().map(|found| format!("{}: {}", found.line, found.message)).collect()
    }

    #[test]
    fn finished_work_passes() {
        let text =
            "// todo lists and hacks; dbg stands for debug\nfn todo() { println!(\"todo!()\") }\n";
        assert!(messages("a.rs", text).is_empty());
        assert!(
            messages("a.md", "See example.org/home/x, ./tmp/x, and/work and /tmpfs.\n").is_empty()
        );
    }

    #[test]
    fn unfinished_code_is_caught_even_in_tests() {
        for name in MACROS {
            let text = format!("#[cfg(test)] mod t {{\n fn a() {{ {name}!() }} }}");
            assert_eq!(messages("a.rs", &text), [format!("2: {name}! is left over")]);
        }
    }

    #[test]
    fn notes_are_caught() {
        for note in NOTES {
            for path in ["a.md", "a.rs", "Cargo.toml", ".ci/run"] {
                let found = messages(path, &format!("# a\n// {note}: later\n"));
                assert_eq!(found, [format!("2: {note} is a note to oneself")], "{path}");
            }
            assert!(messages("data.csv", note).is_empty());
            assert!(messages("a.md", &format!("# {note}S")).is_empty());
        }
    }

    #[test]
    fn tests_switched_off_are_caught() {
        for attribute in ["#[ignore]", "#[ignore = \"slow\"]"] {
            let text = format!("#[test]\n{attribute}\nfn a() {{}}\n");
            assert_eq!(messages("a.rs", &text), ["2: a test is switched off"]);
        }
    }

    #[test]
    fn machine_paths_are_caught_outside_tests() {
        for folder in MACHINE_FOLDERS {
            let expected = [format!("1: {folder} is a place on one machine")];
            for text in
                [format!("see {folder}/x"), format!("`{folder}`"), format!("\"{folder}/x\"")]
            {
                assert_eq!(messages("a.md", &text), expected, "{text}");
            }
            let code = format!("const A: &str = \"{folder}/x\";");
            assert_eq!(messages("crates/a/src/a.rs", &code), expected);
            assert!(messages("crates/a/tests/a.rs", &code).is_empty());
            assert!(messages("crates/a/src/a.rs", &format!("#[cfg(test)]\n{code}")).is_empty());
        }
    }
}
