use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Amount, Asset, ContractKind, Instrument, OptionKind, Price, Quantity, SettlementStyle,
    Timestamp, Underlying,
};

/// A value is read back as it was, in both encodings.
fn round_trip<T>(value: T)
where
    T: Clone + Debug + PartialEq + BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned,
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

fn tickers() -> impl Strategy<Value = Asset> {
    "[A-Z][A-Z0-9]{0,11}".prop_map(|ticker| ticker.parse().unwrap())
}

fn contracts() -> impl Strategy<Value = Instrument> {
    let named = prop::sample::select(&["BTC-PERPETUAL", "ETH_USDC", "BTC_USDC-27MAR26-0d5-C"][..])
        .prop_map(|name| name.parse().unwrap());
    let moments = || prop_oneof![any::<i64>(), 0..2_000_000_000_000_i64];
    let moments = || moments().prop_map(Timestamp::from_milliseconds);
    let kinds = prop_oneof![
        Just(ContractKind::Spot),
        Just(ContractKind::Perpetual),
        moments().prop_map(|expiry| ContractKind::Future { expiry }),
        (moments(), 1..i64::MAX, any::<bool>()).prop_map(|(expiry, strike, call)| {
            let kind = if call { OptionKind::Call } else { OptionKind::Put };
            ContractKind::Option { expiry, strike: Price::from_units(strike), kind }
        }),
    ];
    let of_any_terms = (tickers(), tickers(), kinds, any::<bool>(), 1..i64::MAX).prop_map(
        |(base, quote, kind, inverse, lot_size)| {
            let inverse = inverse && kind != ContractKind::Spot;
            let style = if inverse { SettlementStyle::Inverse } else { SettlementStyle::Linear };
            Instrument::new(base, quote, kind, style, lot_size).unwrap()
        },
    );
    prop_oneof![named, of_any_terms]
}

proptest! {
    #[test]
    fn numbers_and_times(small: i64, large: i128) {
        for units in [small, i64::MIN, i64::MAX] {
            round_trip(Price::from_units(units));
            round_trip(Quantity::from_lots(units));
            round_trip(Timestamp::from_milliseconds(units));
        }
        round_trip(Timestamp::from_milliseconds(small % 10_000_000_000_000));
        for units in [large, i128::MIN, i128::MAX, 0] {
            round_trip(Amount::from_units(units));
        }
    }

    #[test]
    fn assets(asset in tickers()) {
        round_trip(asset);
        round_trip(Underlying::of(asset));
    }

    #[test]
    fn instruments(instrument in contracts()) {
        round_trip(instrument);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        canonical::<Asset>(&bytes);
        canonical::<Instrument>(&bytes);
        canonical::<ContractKind>(&bytes);
        canonical::<Amount>(&bytes);
    }

    #[test]
    fn damaged_instruments(
        instrument in contracts(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut bytes = borsh::to_vec(&instrument).unwrap();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        canonical::<Instrument>(&bytes);
    }
}

#[test]
fn binary_layout() {
    fn check(value: impl BorshSerialize, expected: &[&[u8]]) {
        assert_eq!(borsh::to_vec(&value).unwrap(), expected.concat());
    }
    let eight_o_clock = 1_774_598_400_000_i64.to_le_bytes();
    let strike = 10_000_000_000_000_i64.to_le_bytes();
    let lot = 10_000_000_i64.to_le_bytes();
    let [btc, usd] = [b"BTC\0\0\0\0\0\0\0\0\0", b"USD\0\0\0\0\0\0\0\0\0"];

    check(Price::from_units(-2), &[&(-2_i64).to_le_bytes()]);
    check(Amount::from_units(-2), &[&(-2_i128).to_le_bytes()]);
    check(Asset::USD, &[usd]);
    let call: Instrument = "BTC-27MAR26-100000-C".parse().unwrap();
    check(call, &[btc, usd, &[3], &eight_o_clock, &strike, &[0], &[1], &lot]);
    let perpetual: Instrument = "BTC-PERPETUAL".parse().unwrap();
    check(perpetual, &[btc, usd, &[1], &[1], &1_000_000_000_i64.to_le_bytes()]);
}

#[test]
fn bytes_that_are_no_value() {
    fn check<T: BorshDeserialize + Debug>(bytes: &[&[u8]], reason: &str) {
        let error = borsh::from_slice::<T>(&bytes.concat()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    for ticker in [b"\0\0\0\0\0\0\0\0\0\0\0\0", b"BTC\0\0\0\0\0\0\0\0B", b"btc\0\0\0\0\0\0\0\0\0"] {
        check::<Asset>(&[ticker], "1 to 12 capital letters or digits");
    }
    let [btc, usd] = [b"BTC\0\0\0\0\0\0\0\0\0", b"USD\0\0\0\0\0\0\0\0\0"];
    let (one, zero) = (1_i64.to_le_bytes(), 0_i64.to_le_bytes());
    check::<Instrument>(&[btc, usd, &[1], &[1], &zero], "greater than zero");
    check::<Instrument>(&[btc, usd, &[0], &[1], &one], "spot is never inverse");
    check::<Instrument>(&[btc, usd, &[3], &one, &zero, &[0], &[0], &one], "price must be greater");
    check::<Instrument>(&[btc, usd, &[9], &[1], &one], "variant tag: 9");
    check::<Instrument>(&[btc, usd, &[1], &[1], &one, &[0]], "Not all bytes read");
}

#[test]
fn json() {
    fn check<T>(text: &str, written: &str)
    where
        T: Serialize + DeserializeOwned,
    {
        let value: T = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), written);
    }
    check::<Price>(r#""60000""#, r#""60000""#);
    check::<Price>(r#""+.50""#, r#""0.5""#);
    check::<Amount>(r#""-0.00000003""#, r#""-0.00000003""#);
    check::<Quantity>("-12", "-12");
    check::<Timestamp>(r#""2026-02-05T16:00:00Z""#, r#""2026-02-05T16:00:00Z""#);
    check::<Timestamp>("1770307200535", r#""2026-02-05T16:00:00.535Z""#);
    check::<Timestamp>("9223372036854775807", "9223372036854775807");
    check::<Underlying>(r#""BTC""#, r#""BTC""#);
    check::<OptionKind>(r#""put""#, r#""put""#);
    check::<ContractKind>(r#""perpetual""#, r#""perpetual""#);
    check::<Instrument>(r#""BTC-PERPETUAL""#, r#""BTC-PERPETUAL""#);
    let own_lot =
        r#"{"base":"BTC","quote":"USD","kind":"perpetual","style":"inverse","lot_size":"1"}"#;
    check::<Instrument>(own_lot, own_lot);
    let listed = own_lot.replace(r#""1""#, r#""10""#);
    check::<Instrument>(&listed, r#""BTC-PERPETUAL""#);
    let option = r#"{"option":{"expiry":"2026-03-27T08:00:00Z","strike":"5.5","kind":"call"}}"#;
    check::<ContractKind>(option, option);
}

#[test]
fn json_that_is_no_value() {
    fn check<T: DeserializeOwned + Debug>(text: &str, reason: &str) {
        let error = serde_json::from_str::<T>(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    check::<Price>("60000", "a price as a string");
    check::<Price>("1.5", "a price as a string");
    check::<Price>(r#""1e5""#, "not a plain decimal number");
    check::<Price>(r#""0.000000001""#, "more than 8 decimals");
    check::<Amount>("3", "an amount as a string");
    check::<Quantity>(r#""3""#, "expected i64");
    check::<Timestamp>("1.5", "milliseconds since 1970");
    check::<Timestamp>("9223372036854775808", "more milliseconds than a time has");
    check::<Timestamp>(r#""yesterday""#, "is not a time");
    check::<Asset>(r#""btc""#, "is not an asset name");
    check::<Instrument>(r#""BTC-PERP""#, "is not an instrument name");
    check::<Instrument>("7", "the name of an instrument");
    check::<Instrument>(r#"{"base":"BTC"}"#, "missing field `quote`");
    check::<ContractKind>(r#"{"future":{"expiry":0,"strike":"1"}}"#, "unknown field `strike`");
}
