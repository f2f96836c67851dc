//! What commands, events and state records say of the ledger, encoded and read back.

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Amount;
use plimsoll_ledger::{
    AccountId, Accrual, AssetIndex, INDEX_MAX, INDEX_SCALE, Index, LedgerAccount, PostingKind,
    Refusal, Residue, TransferId, TransferKind, TransferState, VenueAccount,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cases;

fn round_trip<T>(value: T)
where
    T: Debug + PartialEq + BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned,
{
    let bytes = borsh::to_vec(&value).unwrap();
    assert_eq!(borsh::from_slice::<T>(&bytes).unwrap(), value);
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
}

/// Bytes that are accepted are the encoding of what they were read as.
fn canonical<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) {
    let mut rest = bytes;
    if let Ok(value) = T::deserialize(&mut rest) {
        let read = &bytes[..bytes.len() - rest.len()];
        assert_eq!(borsh::to_vec(&value).unwrap(), read);
    }
}

/// Of all bytes just the codes are read, each as what it is the code of.
fn codes<T: Copy + Debug + PartialEq + BorshDeserialize>(all: &[T], code: impl Fn(T) -> u8) {
    for byte in 0..=u8::MAX {
        let expected = all.iter().copied().find(|value| code(*value) == byte);
        assert_eq!(borsh::from_slice::<T>(&[byte]).ok(), expected, "{byte}");
    }
}

#[test]
fn tags_are_the_codes_of_records() {
    codes(&VenueAccount::ALL, VenueAccount::code);
    codes(&PostingKind::ALL, PostingKind::code);
    codes(&[TransferKind::Deposit, TransferKind::Withdrawal], |kind| kind as u8);
    let states = [TransferState::Open, TransferState::Completed, TransferState::Voided];
    codes(&states, |state| state as u8);
}

#[test]
fn json() {
    fn check<T>(value: T, text: &str)
    where
        T: Debug + PartialEq + BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned,
    {
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        round_trip(value);
    }
    let account = AccountId::new(3);
    check(account, "3");
    check(AssetIndex::new(1), "1");
    check(TransferId::new(u64::MAX), "18446744073709551615");
    check(PostingKind::SocialisedLoss, r#""socialised_loss""#);
    check(LedgerAccount::Available(account), r#"{"available":3}"#);
    check(LedgerAccount::Venue(VenueAccount::Insurance), r#"{"venue":"insurance"}"#);
    check(Index::from_steps(INDEX_MAX).unwrap(), r#""85070591730234615865843651857942052863""#);
    check(Refusal::LimitsTooLarge, r#""limits_too_large""#);
    check(Refusal::UnknownAccount(account), r#"{"unknown_account":3}"#);
    let [asset, sum] = ["USDC", "-0.5"];
    let unbalanced =
        Refusal::Unbalanced { asset: asset.parse().unwrap(), sum: sum.parse().unwrap() };
    check(unbalanced, r#"{"unbalanced":{"asset":"USDC","sum":"-0.5"}}"#);
    let unknown = Refusal::UnknownTransfer { kind: TransferKind::Deposit, id: TransferId::new(9) };
    check(unknown, r#"{"unknown_transfer":{"kind":"deposit","id":9}}"#);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn values(
        account: u32,
        steps in -INDEX_MAX..=INDEX_MAX,
        size in -1_000_000_i128..1_000_000,
        residue in 0..INDEX_SCALE,
    ) {
        let account = AccountId::new(account);
        for account in [
            LedgerAccount::Available(account),
            LedgerAccount::Held(account),
            LedgerAccount::Pending(account),
            LedgerAccount::Venue(VenueAccount::Interest),
        ] {
            round_trip(account);
            let balance = Amount::from_units(steps);
            let asset = "BTC".parse().unwrap();
            round_trip(Refusal::OutOfBounds { account, asset, balance });
        }
        let index = Index::from_steps(steps).unwrap();
        round_trip(index);
        let mut accrual = Accrual::starting_at(Index::ZERO);
        accrual.advance(size, index).ok();
        round_trip(accrual);
        assert_eq!(borsh::to_vec(&accrual).unwrap(), accrual.to_bytes());
        round_trip(Residue::from_steps(residue).unwrap());
    }

    #[test]
    fn any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..64), tag in 0..32_u8) {
        canonical::<Accrual>(&bytes);
        canonical::<Index>(&bytes);
        canonical::<Residue>(&bytes);
        canonical::<LedgerAccount>(&bytes);
        bytes.insert(0, tag);
        canonical::<LedgerAccount>(&bytes);
        canonical::<Refusal>(&bytes);
    }
}
