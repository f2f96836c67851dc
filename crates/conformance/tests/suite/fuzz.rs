//! No input makes a set panic: it answers with a report, or with an error that names a remedy.

use std::sync::LazyLock;

use plimsoll_conformance::{Set, VectorFile, check};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::data::{check_error, file, published_files};

const CASES: f64 = 512.0;
/// As much of a published file as is edited, in bytes.
const BYTES_MAX: usize = 60_000;

fn config() -> ProptestConfig {
    let scale = std::env::var("PLIMSOLL_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    let cases = (CASES * scale.unwrap_or(1.0_f64)).clamp(1.0, 1e8) as u32;
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Reads files as every set.
fn answered(files: &[VectorFile]) {
    for set in Set::ALL {
        match check(set, files) {
            Ok(report) => assert_eq!(report.passed() + report.failed(), report.cases.len()),
            Err(error) => check_error(&error),
        }
    }
}

/// Files to spoil: our own, and published ones that are at hand.
static VALID: LazyLock<Vec<(Set, Vec<VectorFile>)>> = LazyLock::new(|| {
    let case = r#"[{"mu": 0.1, "sigma": 0.5, "tau_years": 0.25, "lambda": 0.01, "rf_long": 0.5,
                    "rf_short": 1.2, "tol": 1e-8}]"#;
    let quotes = "F,K,T,s,c,P\n100,80,0.5,0.7,True,29.3\n100,250,0.01,0.2,False,150\n";
    let profits = "#Portfolio,RiskClass,RiskType,PLAmount\na,b,c,-3.5\na,b,c,2\na,b,d,7\n";
    let answers =
        "#Portfolio,RiskClass,RiskType,Quantile_0.3,ExpectedShortfall_0.9\na,b,c,-3.5,1\n";
    let mut valid = vec![
        (Set::LognormalEs, vec![file("es.json", case)]),
        (Set::ImpliedVolatility, vec![file("quotes.csv", quotes)]),
        (Set::Ore, vec![file("var-es.csv", answers), file("historical-pnl.csv", profits)]),
    ];
    for set in Set::ALL {
        let mut files = published_files(set);
        files.retain(|file| file.bytes.len() <= BYTES_MAX);
        files.truncate(3);
        if !files.is_empty() {
            valid.push((set, files));
        }
    }
    valid
});

#[derive(Clone, Debug)]
enum Edit {
    Replace(Index, u8),
    Delete(Index, usize),
    Repeat(Index, usize),
    Insert(Index, &'static str),
    Number(Index, &'static str),
    Cut(Index),
}

const TOKENS: &[&str] = &[
    ",",
    "\n",
    "\"",
    "-",
    "0",
    "NaN",
    "Infinity",
    "1e999",
    "null",
    "true",
    "{}",
    "[]",
    "[",
    "{",
    "}",
    "]",
    ":",
    "\\",
    "\u{feff}",
    "\0",
    "\"a\":1,",
    "[[[[",
    "9223372036854775808",
];

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "1e-320",
    "1e-300",
    "1e-9",
    "1e9",
    "1e18",
    "1e19",
    "1e40",
    "1e300",
    "-1e300",
    "1.7976931348623157e308",
    "0.999999999999",
    "-1e-9",
    "1000000000000000000000",
    "0.1234567890123456789",
    "253402300800",
    "18446744073709551615",
];

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<Index>(), 1..200_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        (any::<Index>(), select(TOKENS)).prop_map(|(at, token)| Edit::Insert(at, token)),
        (any::<Index>(), select(NUMBERS)).prop_map(|(at, number)| Edit::Number(at, number)),
        (any::<Index>(), select(NUMBERS)).prop_map(|(at, number)| Edit::Number(at, number)),
        any::<Index>().prop_map(Edit::Cut),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match edit {
            Edit::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Edit::Delete(at, count) => {
                let start = at.index(length);
                bytes.drain(start..(start + count).min(length));
            }
            Edit::Repeat(at, count) => {
                let start = at.index(length);
                let part = bytes[start..(start + count).min(length)].to_vec();
                bytes.splice(start..start, part);
            }
            Edit::Insert(at, token) => {
                let start = at.index(length);
                bytes.splice(start..start, token.bytes());
            }
            Edit::Number(at, number) => replace_number(&mut bytes, at.index(length), number),
            Edit::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

/// Puts a number where the next one stands.
fn replace_number(bytes: &mut Vec<u8>, at: usize, number: &str) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
    let length = bytes[at + start..].iter().take_while(|byte| is_part(byte)).count();
    bytes.splice(at + start..at + start + length, number.bytes());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        answered(&[VectorFile { name: "f".to_owned(), bytes }]);
    }

    #[test]
    fn spoilt_files_are_answered(
        which: Index,
        of_set: Index,
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        let (set, files) = which.get(&VALID);
        let mut files = files.clone();
        let chosen = of_set.index(files.len());
        let bytes = std::mem::take(&mut files[chosen].bytes);
        files[chosen].bytes = edited(bytes, &edits);
        if let Err(error) = check(*set, &files) {
            check_error(&error);
        }
    }
}

#[test]
fn what_is_spoilt_was_valid() {
    for (set, files) in VALID.iter().take(3) {
        check(*set, files).unwrap();
        answered(files);
    }
}
