//! Requests as clients and operators send them: bodies and queries, with the parameters of every
//! method. An input that is no JSON is a query: `private/buy?amount=1`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = server::read_all_ways(bytes);
});
