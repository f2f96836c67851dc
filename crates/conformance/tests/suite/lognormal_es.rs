//! Expected shortfall of a log-normal forward.

use plimsoll_conformance::{Set, check};

use crate::data::{check_published, failing, file, refused};

/// Factors from 60 digits: ordinary, a tail of 1e-9 over ten years, growth without volatility, and
/// all but the best millionth of cases.
const MADE: &str = r#"[
    {"mu": 0.1, "sigma": 0.8, "tau_years": 0.25, "lambda": 0.01,
     "rf_long": 0.6716968413119504, "rf_short": 1.7714755458471008, "tol": 1e-12},
    {"mu": -0.2, "sigma": 0.6, "tau_years": 10, "lambda": 1e-9,
     "rf_long": 0.9999998038237946, "rf_short": 2789.3739785707376, "tol": 1e-12},
    {"mu": 0.5, "sigma": 0, "tau_years": 2, "lambda": 0.05,
     "rf_long": -1.7182818284590453, "rf_short": 1.7182818284590453},
    {"mu": 0, "sigma": 1.5, "tau_years": 1, "lambda": 0.999999,
     "rf_long": 0.0005691160574360358, "rf_short": 9.998002252179784e-7, "tol": "1e-12"}
]"#;

#[test]
fn published_vectors_pass() {
    check_published(Set::LognormalEs, 1);
}

#[test]
fn made_vectors_pass_but_for_the_one_that_is_changed() {
    let report = check(Set::LognormalEs, &[file("made", MADE)]).unwrap();
    assert_eq!(failing(&report), []);
    let changed = MADE.replacen("1.7714755458471008", "1.7714755558471008", 1);
    let report = check(Set::LognormalEs, &[file("made", &changed)]).unwrap();
    assert_eq!(failing(&report), [("case 1".to_owned(), 1)]);
    assert_eq!(report.cases[0].mismatches[0].quantity, "rf_short");
}

#[test]
fn hostile_files_are_refused() {
    let one =
        r#"{"mu": 0, "sigma": 1, "tau_years": 1, "lambda": 0.1, "rf_long": 1, "rf_short": 1}"#;
    assert!(check(Set::LognormalEs, &[file("made", one)]).is_ok());
    let changed = |part: &str, by: &str| {
        assert!(one.contains(part));
        refused(Set::LognormalEs, &one.replacen(part, by, 1))
    };
    for (part, by, words) in [
        (r#""mu": 0, "#, "", "the field `mu` is missing"),
        (r#""lambda": 0.1"#, r#""lambda": 0"#, "between 0 and 1"),
        (r#""lambda": 0.1"#, r#""lambda": 1"#, "between 0 and 1"),
        (r#""sigma": 1"#, r#""sigma": -1"#, "volatility is -1"),
        (r#""sigma": 1"#, r#""sigma": "NaN""#, "a finite number is needed"),
        (r#""sigma": 1"#, r#""sigma": null"#, "the field `sigma` is missing"),
        (r#""mu": 0"#, r#""mu": 1e999"#, "out of range"),
        (r#""mu": 0"#, r#""mu": 1e308"#, "expected shortfall is"),
        (r#""mu": 0"#, r#""tol": 2, "mu": 0"#, "tolerance"),
    ] {
        let error = changed(part, by);
        assert!(error.contains(words), "{error}");
    }
    for (text, words) in [
        ("", "not JSON"),
        ("[]", "empty"),
        ("{}", "missing"),
        ("[[]]", "an object is needed here, not an array"),
        ("7", "an object is needed here, not a number"),
        (&"[".repeat(1_000_000), "recursion"),
    ] {
        let error = refused(Set::LognormalEs, text);
        assert!(error.contains(words), "{error}");
    }
}
