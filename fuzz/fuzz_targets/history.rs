//! Files of daily closes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = marketdata::read_history("history", bytes);
});
