//! What commands and events say of the book, encoded and read back.

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use plimsoll_book::{
    AccountId, CancelReason, Crossing, Direction, Lots, OrderId, OrderKind, PriceSource,
    ReduceReason, Refusal, SelfTrade, Side, Ticks,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::commands::cases;

fn check<T>(value: T, bytes: &[u8], text: &str)
where
    T: Debug + PartialEq + BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned,
{
    assert_eq!(borsh::to_vec(&value).unwrap(), bytes);
    assert_eq!(borsh::from_slice::<T>(bytes).unwrap(), value);
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    assert_eq!(serde_json::from_str::<T>(text).unwrap(), value);
}

/// Of all bytes just the codes are read, each as what it is the code of.
fn codes<T: Copy + Debug + PartialEq + BorshDeserialize>(all: &[T], code: impl Fn(T) -> u8) {
    for byte in 0..=u8::MAX {
        let expected = all.iter().copied().find(|value| code(*value) == byte);
        assert_eq!(borsh::from_slice::<T>(&[byte]).ok(), expected, "{byte}");
    }
}

#[test]
fn by_hand() {
    check(Ticks(-2), &(-2_i64).to_le_bytes(), "-2");
    check(Lots(7), &7_i64.to_le_bytes(), "7");
    check(OrderId(7), &7_u64.to_le_bytes(), "7");
    check(AccountId(7), &7_u32.to_le_bytes(), "7");
    check(Side::Sell, &[1], r#""sell""#);
    check(Crossing::Reprice, &[2], r#""reprice""#);
    check(SelfTrade::CancelTaker, &[1], r#""cancel_taker""#);
    check(PriceSource::Index, &[2], r#""index""#);
    check(Direction::Falling, &[1], r#""falling""#);
    check(CancelReason::FillOrKill, &[3], r#""fill_or_kill""#);
    check(ReduceReason::SelfTrade, &[1], r#""self_trade""#);
    let price = Ticks(5);
    check(OrderKind::Limit { price }, &[0, 5, 0, 0, 0, 0, 0, 0, 0], r#"{"limit":{"price":5}}"#);
    let post_only = OrderKind::PostOnly { price, crossing: Crossing::Reject };
    let text = r#"{"post_only":{"price":5,"crossing":"reject"}}"#;
    check(post_only, &[1, 5, 0, 0, 0, 0, 0, 0, 0, 1], text);
    check(Refusal::UnknownOrder, &[1], r#""unknown_order""#);
    check(Refusal::BookFull { max: 3 }, &[9, 3, 0, 0, 0], r#"{"book_full":{"max":3}}"#);
}

#[test]
fn tags_are_the_codes_of_records() {
    codes(&Side::BOTH, |side| side as u8);
    codes(&[Crossing::Reject, Crossing::Reprice], |crossing| crossing as u8);
    let self_trades = [
        SelfTrade::Allow,
        SelfTrade::CancelTaker,
        SelfTrade::CancelMaker,
        SelfTrade::CancelBoth,
        SelfTrade::Decrement,
    ];
    codes(&self_trades, |self_trade| self_trade as u8);
    codes(&[PriceSource::Last, PriceSource::Mark, PriceSource::Index], |source| source as u8);
    codes(&[Direction::Rising, Direction::Falling], |direction| direction as u8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(256), ..ProptestConfig::default() })]

    /// Bytes that are accepted are the encoding of what they were read as, which JSON keeps, too.
    #[test]
    fn any_bytes(tag in 0..16_u8, bytes in prop::collection::vec(any::<u8>(), 16)) {
        fn canonical<T>(bytes: &[u8])
        where
            T: Debug + PartialEq + BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned,
        {
            let mut rest = bytes;
            if let Ok(value) = <T as BorshDeserialize>::deserialize(&mut rest) {
                let read = &bytes[..bytes.len() - rest.len()];
                assert_eq!(borsh::to_vec(&value).unwrap(), read);
                let text = serde_json::to_string(&value).unwrap();
                assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value);
            }
        }
        let bytes = [vec![tag], bytes].concat();
        canonical::<Refusal>(&bytes);
        canonical::<OrderKind>(&bytes);
        canonical::<CancelReason>(&bytes);
        canonical::<ReduceReason>(&bytes);
    }
}
