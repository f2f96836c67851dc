//! Ledgers as they are kept in snapshots: what is read is consistent, and written as it was.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = ledger::Limits { accounts_max: 16, assets_max: 4, transfers_max: 16 };
    if let Ok(ledger) = ledger::Ledger::read(bytes, limits) {
        let mut written = Vec::new();
        ledger.write(&mut written);
        assert_eq!(written, bytes);
        assert_eq!(ledger.check(), Ok(()));
    }
});
