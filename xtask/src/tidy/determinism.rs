//! Same input, same bits: what the crates that decide results may not use.

use super::Violation;
use super::repo::Repo;
use super::source::{Kind, Source, Token};

/// Crates that decide results.
const DECIDING: &[&str] =
    &["instruments", "numerics", "pricing", "risk", "ledger", "book", "engine"];

/// Crates without floating point.
const EXACT: &[&str] = &["instruments", "ledger", "book", "engine"];

/// The crate that may use `unsafe`.
const UNSAFE: &str = "numerics";

/// Types whose `now` reads the machine's clock.
const CLOCKS: &[&str] = &["Instant", "SystemTime", "Timestamp", "Zoned", "Utc", "Local"];

const HASHED: &[&str] = &["HashMap", "HashSet", "RandomState"];

/// Methods of floats whose last bits differ between platforms. The basic
/// operations, `sqrt`, `mul_add` and rounding are exact and so are allowed.
const PLATFORM_MATHS: &[&str] = &[
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "powi", "cbrt",
    "hypot", "sin", "cos", "sin_cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "gamma", "ln_gamma",
];

/// Checks the sources of every crate, outside tests; `unsafe` also in tests.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, source) in repo.sources() {
        let folder = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next());
        if folder != Some(UNSAFE) {
            check_unsafe(path, source, &mut violations);
        }
        let Some(folder) = folder.filter(|folder| DECIDING.contains(folder)) else { continue };
        if !path.starts_with(&format!("crates/{folder}/src/")) || repo.is_test_file(path) {
            continue;
        }
        check_order_and_time(path, source, &mut violations);
        check_maths(path, source, &mut violations);
        if EXACT.contains(&folder) {
            check_floats(path, source, &mut violations);
        }
    }
    violations
}

fn check_unsafe(path: &str, source: &Source, violations: &mut Vec<Violation>) {
    for found in source.find(&["unsafe"]) {
        let remedy = "express it safely, or give it a documented kernel in crates/numerics";
        violations.push(at(path, &found[0], "unsafe code".to_owned(), remedy));
    }
}

fn check_order_and_time(path: &str, source: &Source, violations: &mut Vec<Violation>) {
    let production = source.tokens.iter().filter(|token| !token.in_test);
    for token in production.filter(|token| HASHED.contains(&token.text.as_str())) {
        let remedy = "use BTreeMap or BTreeSet, or a sorted Vec: the order must not vary";
        violations.push(at(path, token, format!("{} has no fixed order", token.text), remedy));
    }
    for clock in CLOCKS {
        for found in production_of(source, &[clock, ":", ":", "now"]) {
            let remedy = "take the time as an argument: it comes with the command";
            violations.push(at(path, found, format!("{clock}::now reads a clock"), remedy));
        }
    }
}

fn check_maths(path: &str, source: &Source, violations: &mut Vec<Violation>) {
    for name in PLATFORM_MATHS {
        let method = [".", name, "("];
        let double = ["f64", ":", ":", name];
        let single = ["f32", ":", ":", name];
        let found = production_of(source, &method)
            .chain(production_of(source, &double))
            .chain(production_of(source, &single));
        for found in found {
            let message = format!("{name} is the platform's, and its bits vary");
            violations.push(at(
                path,
                found,
                message,
                "use the function of that purpose in numerics",
            ));
        }
    }
}

fn check_floats(path: &str, source: &Source, violations: &mut Vec<Violation>) {
    let is_float = |token: &&Token| {
        token.kind == Kind::Float
            || (token.kind == Kind::Word && matches!(token.text.as_str(), "f32" | "f64"))
    };
    for token in source.tokens.iter().filter(|token| !token.in_test).filter(is_float) {
        let message = format!("floating point ({}) in a crate of exact numbers", token.text);
        violations.push(at(
            path,
            token,
            message,
            "use a fixed-point type, or move it to a crate with floats",
        ));
    }
}

/// The first tokens of `pattern` wherever it stands outside tests.
fn production_of<'a>(
    source: &'a Source,
    pattern: &'a [&'a str],
) -> impl Iterator<Item = &'a Token> {
    source.find(pattern).map(|found| &found[0]).filter(|token| !token.in_test)
}

fn at(path: &str, token: &Token, message: String, remedy: &'static str) -> Violation {
    Violation { file: path.to_owned(), line: token.line, message, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let violations = check(&Repo::sample(&[(path, text)]));
        violations.iter().map(|found| format!("{}: {}", found.line, found.message)).collect()
    }

    const CLEAN: &str = "
        //! Not an f64, nor a HashMap.
        use std::collections::BTreeMap;
        fn a(map: &BTreeMap<u8, i64>) -> i64 { map[&0].isqrt() + numerics::exp(1) }
        const NAME: &str = \"f64 1.5 HashMap unsafe\";
        #[cfg(test)] mod tests { fn f() -> f64 { 1.5_f64.exp() } use std::collections::HashMap; }
    ";

    #[test]
    fn clean_code_passes() {
        for name in DECIDING {
            assert!(messages(&format!("crates/{name}/src/lib.rs"), CLEAN).is_empty());
        }
    }

    #[test]
    fn floats_are_caught_in_exact_crates_only() {
        let text = "fn a() -> f64 {\n 1.5\n}";
        let expected = [
            "1: floating point (f64) in a crate of exact numbers",
            "2: floating point (1.5) in a crate of exact numbers",
        ];
        assert_eq!(messages("crates/book/src/a.rs", text), expected);
        assert!(messages("crates/pricing/src/a.rs", text).is_empty());
        assert!(messages("crates/book/tests/a.rs", text).is_empty());
    }

    #[test]
    fn clocks_and_hashed_order_are_caught() {
        let text = "fn a() { std::time::Instant::now();\n SystemTime::now() }\nuse a::HashMap;";
        let expected = [
            "3: HashMap has no fixed order",
            "1: Instant::now reads a clock",
            "2: SystemTime::now reads a clock",
        ];
        assert_eq!(messages("crates/risk/src/a.rs", text), expected);
        assert!(messages("crates/node/src/a.rs", text).is_empty());
    }

    #[test]
    fn platform_maths_is_caught() {
        let text = "fn a(x: f64) { x.exp();\n x.powi(2);\n f64::ln(x) ;\n x.sqrt(); exp(x) }";
        let expected = [
            "1: exp is the platform's, and its bits vary",
            "3: ln is the platform's, and its bits vary",
            "2: powi is the platform's, and its bits vary",
        ];
        assert_eq!(messages("crates/numerics/src/a.rs", text), expected);
        assert!(messages("crates/lab/src/a.rs", text).is_empty());
    }

    #[test]
    fn unsafe_is_caught_everywhere_else() {
        let text = "fn a() { unsafe { b() } }";
        assert!(messages("crates/numerics/src/a.rs", text).is_empty());
        for path in ["crates/cli/src/a.rs", "xtask/src/a.rs", "crates/risk/tests/a.rs"] {
            assert_eq!(messages(path, text), ["1: unsafe code"], "{path}");
        }
    }
}
