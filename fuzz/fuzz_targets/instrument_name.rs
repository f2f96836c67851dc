//! Names of instruments: refused, or printed as they were written.
#![no_main]

use instruments::Instrument;

libfuzzer_sys::fuzz_target!(|name: &str| {
    if let Ok(instrument) = name.parse::<Instrument>() {
        assert_eq!(instrument.to_string(), name);
    }
});
