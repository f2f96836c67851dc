//! Methodology files.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(methodology) = risk::Methodology::parse(text) {
        assert!(!methodology.hash().is_empty());
    }
});
