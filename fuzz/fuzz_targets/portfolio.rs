//! Portfolio files, against the sample market.
#![no_main]

use std::sync::LazyLock;

use marketdata::{Snapshot, read_portfolio, sample};

static SAMPLE: LazyLock<Snapshot> = LazyLock::new(sample::snapshot);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = read_portfolio("portfolio", bytes, &SAMPLE.market);
});
