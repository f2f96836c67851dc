//! Whole books against the sample market: Parquet where the bytes begin so, else CSV.
#![no_main]

use std::sync::LazyLock;

use marketdata::{Snapshot, is_guarded, read_book_csv, read_book_parquet_bytes, sample};

static SAMPLE: LazyLock<Snapshot> = LazyLock::new(sample::snapshot);

/// The reader of Parquet beneath ours panics on some damaged files, which ours answers with an error;
/// a panic anywhere else is a finding.
fn expect_panics_beneath() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_guarded() {
            report(panic);
        }
    }));
}

libfuzzer_sys::fuzz_target!(
    init: expect_panics_beneath(),
    |bytes: &[u8]| {
        if bytes.starts_with(b"PAR1") {
            let _ = read_book_parquet_bytes("book", bytes.to_vec(), &SAMPLE.market);
        } else {
            let _ = read_book_csv("book", bytes, &SAMPLE.market);
        }
    }
);
