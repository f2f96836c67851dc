//! Rows of a Tardis options_chain file, under a header that is right.
#![no_main]

use std::io::Read;

const HEADER: &str = "symbol,timestamp,type,strike_price,expiration,bid_price,ask_price,\
                      mark_price,mark_iv,underlying_price\n";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(snapshot) = marketdata::read_market("tardis", HEADER.as_bytes().chain(bytes), None) {
        snapshot.market.validate().expect("what is read is valid");
    }
});
