//! Files and functions short enough to take in.

use syn::visit::{self, Visit};

use super::Violation;
use super::repo::Repo;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 80;

/// Checks every Rust file, tests included.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let rust = repo.texts().filter(|(path, _)| path.ends_with(".rs"));
    rust.flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Violation> {
    let violation =
        |line, message, remedy| Violation { file: path.to_owned(), line, message, remedy };
    let mut violations = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        let message = format!("{lines} lines; a file has at most {FILE_LINES_MAX}");
        violations.push(violation(1, message, "split it: one purpose a file"));
    }
    let file = match syn::parse_file(text) {
        Ok(file) => file,
        Err(error) => {
            let message = format!("no well-formed Rust: {error}");
            violations.push(violation(
                error.span().start().line,
                message,
                "`cargo check` says more",
            ));
            return violations;
        }
    };
    let mut functions = Functions::default();
    functions.visit_file(&file);
    for Function { name, line, lines } in functions.0 {
        if lines > FUNCTION_LINES_MAX {
            let message =
                format!("{name} has {lines} lines; a function has at most {FUNCTION_LINES_MAX}");
            violations.push(violation(line, message, "give its parts names of their own"));
        }
    }
    violations
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Collects the functions of a file, from `fn` to the closing brace.
#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let lines = body.brace_token.span.close().end().line - line + 1;
        self.0.push(Function { name: signature.ident.to_string(), line, lines });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str) -> Vec<(usize, String)> {
        let found = check(&Repo::sample(&[("a.rs", text)]));
        found.into_iter().map(|violation| (violation.line, violation.message)).collect()
    }

    /// A function of `lines` lines, with documentation that does not count.
    fn function(lines: usize) -> String {
        format!("/// Long.\n#[inline]\nfn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    #[test]
    fn the_longest_allowed_passes() {
        assert_eq!(check_text(&"// line\n".repeat(FILE_LINES_MAX)), []);
        assert_eq!(check_text(&function(FUNCTION_LINES_MAX)), []);
    }

    #[test]
    fn a_long_file_is_caught() {
        let found = check_text(&"// line\n".repeat(FILE_LINES_MAX + 1));
        assert_eq!(found, [(1, "501 lines; a file has at most 500".to_owned())]);
    }

    #[test]
    fn long_functions_are_caught_wherever_they_stand() {
        let long = function(FUNCTION_LINES_MAX + 1);
        let message = "long has 81 lines; a function has at most 80".to_owned();
        assert_eq!(check_text(&long), [(3, message.clone())]);
        for (open, close) in [("impl S {", "}"), ("trait T {", "}"), ("mod m { impl S {", "}}")] {
            assert_eq!(check_text(&format!("{open}\n{long}{close}")), [(4, message.clone())]);
        }
    }

    #[test]
    fn broken_rust_is_reported() {
        assert_eq!(check_text("fn a( {}").len(), 1);
    }
}
