//! Market files of either format: chain snapshots and, by their header, Tardis files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(snapshot) = marketdata::read_market("chain", bytes, None) {
        snapshot.market.validate().expect("what is read is valid");
    }
});
