//! Prices that give back their volatilities.

use plimsoll_conformance::{Set, VectorFile, check};

use crate::data::{check_published, failing, file, published_files, refused};

/// Prices at 60 digits: ordinary, at the money with σ√T = 1e-6, in the money, and three that say
/// nothing about their volatility: worth nothing, the strike less the forward, the forward.
const MADE: &str = "\
F,K,T,s,c,P
63834.123298350474,14998.792912029901,0.4525432608361686,1.4460342017059609,False,830.9631124458887
100,100,1,1e-6,True,3.98942280401416e-05
100,80,0.5,0.7,True,29.30575278107372
100,800,0.01,0.2,True,0
100,250,0.01,0.2,False,150
1,1,1,50,True,1
";

#[test]
fn published_vectors_pass() {
    check_published(Set::ImpliedVolatility, 10_000);
}

#[test]
fn made_vectors_pass_but_for_those_that_are_changed() {
    let check = |text: &str| check(Set::ImpliedVolatility, &[file("made", text)]).unwrap();
    assert_eq!(failing(&check(MADE)), []);
    for (line, part, by) in [
        (2, "1.4460342017059609", "1.446034201705"),
        (3, "3.98942280401416e-05", "3.98942280402e-05"),
        (4, "29.30575278107372", "19.9"),
        (4, "29.30575278107372", "100.5"),
        (5, "True,0", "True,1e-9"),
        (6, "False,150", "False,150.000001"),
        (7, "True,1\n", "True,0.99\n"),
    ] {
        assert!(MADE.contains(part), "{part}");
        let report = check(&MADE.replacen(part, by, 1));
        assert_eq!(failing(&report), [(format!("line {line}"), 1)], "{part}");
    }
}

#[test]
fn a_changed_published_price_is_found() {
    let mut files = published_files(Set::ImpliedVolatility);
    let Some(VectorFile { bytes, .. }) = files.first_mut() else { return };
    let text = String::from_utf8(std::mem::take(bytes)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let (start, price) = lines[2_345].rsplit_once(',').unwrap();
    let changed = format!("{start},{}", price.parse::<f64>().unwrap() * 1.000_000_1);
    lines[2_345] = &changed;
    *bytes = lines.join("\n").into_bytes();
    let report = check(Set::ImpliedVolatility, &files).unwrap();
    assert_eq!(failing(&report), [("line 2346".to_owned(), 1)]);
}

#[test]
fn hostile_files_are_refused() {
    let changed = |part: &str, by: &str| {
        assert!(MADE.contains(part), "{part}");
        refused(Set::ImpliedVolatility, &MADE.replacen(part, by, 1))
    };
    for (part, by, words) in [
        ("F,K", "f,K", "line 1: F: the header lacks"),
        ("True,29", "Yes,29", "line 4: c: neither"),
        ("100,80,0.5", "0,80,0.5", "line 4: the forward must be positive"),
        ("100,80,0.5", "100,-80,0.5", "line 4: the strike must be positive"),
        ("100,80,0.5", "100,80,0", "line 4: the time to expiry"),
        ("0.5,0.7", "0.5,-0.7", "line 4"),
        ("0.5,0.7", "0.5,NaN", "line 4: s: `NaN` is not a finite number"),
        ("0.5,0.7", "0.5,1e999", "line 4: s:"),
        ("0.5,0.7", "0.5,", "line 4: s: the field is empty"),
        ("True,29.3", "True,-29.3", "line 4: the price must be"),
        ("100,80,0.5", "1e200,80,0.5", "line 4: the forward"),
        ("100,80,", "100,80,80,", "line 4: the row has 7 fields"),
    ] {
        let error = changed(part, by);
        assert!(error.contains(words), "{error}");
    }
    assert!(refused(Set::ImpliedVolatility, "").contains("empty"));
    assert!(refused(Set::ImpliedVolatility, "F,K,T,s,c,P\n").contains("no rows"));
}
