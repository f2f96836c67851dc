//! A ledger written and read is the same ledger; bytes that are none are refused, and none panics.

use plimsoll_ledger::{Ledger, Limits, ReadError};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::by_hand::{ANNA, ledger, request, units};
use crate::cases;
use crate::model::{Pair, commands, written};

const LIMITS: Limits = Limits { accounts_max: 10, assets_max: 3, transfers_max: 6 };

#[test]
fn damage_is_located() {
    let mut ledger = ledger();
    ledger.request_withdrawal(request(1, ANNA, 9), units(9), 3, |_| ()).unwrap();
    let bytes = written(&ledger);
    // Header 48, one asset 12 + 8·24, two balances of 56, one transfer of 48.
    assert_eq!(bytes.len(), 48 + 12 + 240 + 112 + 48);
    let check = |offset: usize, byte: u8, expected: &str| {
        let mut damaged = bytes.clone();
        damaged[offset] = byte;
        let error = Ledger::read(&damaged, LIMITS).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(0, b'p', "no ledger");
    check(8, 11, "limits");
    check(8, 1, "byte 356: the record is of an account that is not open");
    check(12, 2, "byte 300: not a ticker");
    check(48, b'u', "byte 48: not a ticker");
    check(60, 1, "byte 60: not the venue account due here");
    check(68, 0, "conservation: all accounts in USDC");
    check(84 + 8, 0xff, "bounds: in USDC, incoming deposits");
    check(108 + 8, 1, "conservation: all accounts in USDC");
    check(300, 1, "byte 356: the balance is not in its place");
    check(306, 1, "byte 300: bytes 6 and 7");
    check(356 + 8, 0, "byte 356: a balance of nothing");
    check(412 + 14, 0, "byte 412: not a transfer");
    check(412 + 40, 1, "byte 412: not a transfer");
    check(412 + 16, 8, "holds: in USDC, what account 0 has on hold");
    for length in 0..bytes.len() {
        assert!(Ledger::read(&bytes[..length], LIMITS).is_err(), "cut at {length}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(Ledger::read(&longer, LIMITS), Err(ReadError::TooLong(bytes.len())));
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_ledger_survives_being_written(
        commands in commands(),
        edits in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut pair = Pair::new();
        for command in &commands {
            pair.apply(command);
        }
        let ledger = pair.ledger;
        let mut bytes = written(&ledger);
        prop_assert_eq!(Ledger::read(&bytes, ledger.limits()), Ok(ledger.clone()));

        // What is accepted of damaged bytes is a consistent ledger with exactly those bytes.
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        match Ledger::read(&bytes, ledger.limits()) {
            Ok(other) => prop_assert_eq!(written(&other), bytes),
            Err(error) => prop_assert!(error.to_string().len() > 10),
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        let with_magic = [b"PLIMLED1".as_slice(), &bytes].concat();
        for bytes in [bytes, with_magic] {
            let _ = Ledger::read(&bytes, LIMITS);
        }
    }
}
