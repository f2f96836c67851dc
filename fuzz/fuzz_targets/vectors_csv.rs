//! Vector files in CSV: prices with their volatilities, and profits with their answers.
#![no_main]

use conformance::{Set, VectorFile, check};

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| {
    let file =
        |name: &str, bytes: &[u8]| VectorFile { name: name.to_owned(), bytes: bytes.to_vec() };
    let (first, second) = (file("a.csv", input.0), file("b.csv", input.1));
    let _ = check(Set::ImpliedVolatility, std::slice::from_ref(&first));
    if let Ok(report) = check(Set::Ore, &[first, second]) {
        assert_eq!(report.passed() + report.failed(), report.cases.len());
    }
});
