//! Files of open orders, into the sample portfolio.
#![no_main]

use std::sync::LazyLock;

use marketdata::{Snapshot, read_orders, sample};
use risk::Account;

static SAMPLE: LazyLock<(Snapshot, Vec<Account>)> = LazyLock::new(|| {
    let snapshot = sample::snapshot();
    let accounts = sample::portfolio(&snapshot.market).expect("the sample is consistent");
    (snapshot, accounts)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (snapshot, accounts) = &*SAMPLE;
    let _ = read_orders("orders", bytes, &snapshot.market, accounts.clone());
});
