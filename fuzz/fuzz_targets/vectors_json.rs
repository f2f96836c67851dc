//! Vector files in JSON, of every set that reads them. A first byte chooses the set.
#![no_main]

use conformance::{Set, VectorFile, check};

const SETS: [Set; 6] =
    [Set::DerivePmrm2, Set::DeriveSrm, Set::Paradex, Set::Deribit, Set::Okx, Set::LognormalEs];

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let set = SETS[usize::from(choice) % SETS.len()];
    let file = VectorFile { name: "vectors.json".to_owned(), bytes: bytes.to_vec() };
    if let Ok(report) = check(set, &[file]) {
        assert_eq!(report.passed() + report.failed(), report.cases.len());
    }
});
