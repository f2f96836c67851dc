//! Instrument names, as `BTC-27MAR26-100000-C`: read strictly, printed canonically.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use crate::{
    Asset, ContractKind, Error, Instrument, OptionKind, Price, SettlementStyle, Timestamp,
};

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const NAME_BYTES_MAX: usize = 64;

impl FromStr for Instrument {
    type Err = Error;

    /// Reads a name and gives the contract its family's lot size.
    ///
    /// `BTC-…` is inverse and quoted in USD; `BTC_USDC-…` is linear and quoted in USDC;
    /// `BTC_USDC` alone is spot. A strike below one is written with `d` for the point, as `0d55`.
    fn from_str(name: &str) -> Result<Self, Error> {
        let wrong = |reason| Error::InstrumentName { name: clip(name), reason };
        if name.len() > NAME_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let mut parts = name.split('-');
        let pair = parts.next().unwrap_or_default();
        let (base, quote, style) =
            parse_pair(pair).map_err(|_| wrong("no asset before the `-`"))?;
        let kind = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (None, ..) if style == SettlementStyle::Linear => ContractKind::Spot,
            (Some("PERPETUAL"), None, ..) => ContractKind::Perpetual,
            (Some(expiry), None, ..) => {
                ContractKind::Future { expiry: parse_expiry(expiry).ok_or(wrong(EXPIRY))? }
            }
            (Some(expiry), Some(strike), Some(kind), None) => ContractKind::Option {
                expiry: parse_expiry(expiry).ok_or(wrong(EXPIRY))?,
                strike: parse_strike(strike).ok_or(wrong("the strike is no positive number"))?,
                kind: parse_kind(kind).ok_or(wrong("the last part must be C or P"))?,
            },
            _ => return Err(wrong("wrong number of parts")),
        };
        let instrument = Self { base, quote, kind, style, lot_size: 1 };
        if instrument.to_string() != name {
            return Err(wrong("it is not in the canonical form"));
        }
        instrument.with_convention()
    }
}

const EXPIRY: &str = "the expiry is no date like 27MAR26";

fn parse_pair(pair: &str) -> Result<(Asset, Asset, SettlementStyle), Error> {
    Ok(match pair.split_once('_') {
        Some((base, quote)) => (base.parse()?, quote.parse()?, SettlementStyle::Linear),
        None => (pair.parse()?, Asset::USD, SettlementStyle::Inverse),
    })
}

/// `27MAR26` → 2026-03-27 08:00 UTC.
fn parse_expiry(text: &str) -> Option<Timestamp> {
    if !text.is_ascii() || !(6..=7).contains(&text.len()) {
        return None;
    }
    let (day, rest) = text.split_at(text.len() - 5);
    let (month, year) = rest.split_at(3);
    let month = MONTHS.iter().position(|&name| name == month)? + 1;
    let year: i16 = year.parse().ok().filter(|year| *year >= 0)?;
    let date = Date::new(2000 + year, i8::try_from(month).ok()?, day.parse().ok()?).ok()?;
    Timestamp::expiry_on(date)
}

fn parse_strike(text: &str) -> Option<Price> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'd');
    let strike: Price = text.replacen('d', ".", 1).parse().ok()?;
    (plain && strike > Price::ZERO).then_some(strike)
}

fn parse_kind(text: &str) -> Option<OptionKind> {
    match text {
        "C" => Some(OptionKind::Call),
        "P" => Some(OptionKind::Put),
        _ => None,
    }
}

/// What an error shows of a name that may be hostile.
fn clip(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX).map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = match self.style {
            SettlementStyle::Linear => format!("{}_{}", self.base, self.quote),
            SettlementStyle::Inverse => self.base.to_string(),
        };
        f.pad(&match self.kind {
            ContractKind::Spot => pair,
            ContractKind::Perpetual => format!("{pair}-PERPETUAL"),
            ContractKind::Future { expiry } => format!("{pair}-{}", Day(expiry)),
            ContractKind::Option { expiry, strike, kind } => {
                let letter = if kind == OptionKind::Call { 'C' } else { 'P' };
                let strike = strike.to_string().replace('.', "d");
                format!("{pair}-{}-{strike}-{letter}", Day(expiry))
            }
        })
    }
}

/// An expiry as names print it.
struct Day(Timestamp);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.0.date();
        let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
        write!(f, "{}{month}{:02}", date.day(), date.year().rem_euclid(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_round_trip_with_their_terms() {
        let check = |name: &str, settlement: &str, lot: &str| {
            let instrument: Instrument = name.parse().unwrap();
            assert_eq!(instrument.to_string(), name);
            assert_eq!(instrument.settlement_asset().name(), settlement, "{name}");
            assert_eq!(instrument.size_of(crate::Quantity::from_lots(1)), lot, "{name}");
        };
        check("BTC-27MAR26-100000-C", "BTC", "0.1");
        check("BTC-6FEB26-94000-P", "BTC", "0.1");
        check("ETH-27FEB26-1600-C", "ETH", "1");
        check("BTC-PERPETUAL", "BTC", "10");
        check("ETH-26JUN26", "ETH", "1");
        check("BTC_USDC-27MAR26-100000-C", "USDC", "0.01");
        check("XRP_USDC-27MAR26-2d5-P", "USDC", "100");
        check("SOL_USDC-PERPETUAL", "USDC", "0.1");
        check("BTC_USDC", "USDC", "0.001");
    }

    #[test]
    fn the_day_is_the_expiry_at_eight() {
        let option: Instrument = "BTC-13FEB26-83000-P".parse().unwrap();
        assert_eq!(option.expiry(), Some("2026-02-13T08:00:00Z".parse().unwrap()));
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        for name in [
            "",
            "-",
            "BTC",
            "btc-PERPETUAL",
            "BTC-06FEB26",
            "BTC-31FEB26",
            "BTC-6FEB2026",
            "BTC-6FEB26-0-C",
            "BTC-6FEB26--1-C",
            "BTC-6FEB26-1e5-C",
            "BTC-6FEB26-100.5-C",
            "BTC-6FEB26-0100-C",
            "BTC-6FEB26-100-X",
            "BTC-6FEB26-100",
            "BTC-6FEB26-100-C-C",
            "BTC_-PERPETUAL",
            "BTC_USDC_X-PERPETUAL",
            "BTC-PERPETUAL-1-C",
            "BTC-6FÉB26",
            "BTC-6FEB26-1d2d3-C",
            "BTC-6FEB-1-C",
        ] {
            assert!(name.parse::<Instrument>().is_err(), "{name}");
        }
        let unknown = "DOGE_USDC-PERPETUAL".parse::<Instrument>();
        assert!(matches!(unknown, Err(Error::NoConvention(_))));
        let long = "B".repeat(10_000).parse::<Instrument>().unwrap_err();
        assert!(long.to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_round_trips(name in "[A-Z0-9_d-]{0,30}|.{0,40}") {
            if let Ok(instrument) = name.parse::<Instrument>() {
                prop_assert_eq!(instrument.to_string(), name);
            }
        }

        #[test]
        fn any_contract_round_trips(day in 0_i64..36_000, strike in 1_i64..i64::MAX, call: bool, linear: bool) {
            let expiry = Timestamp::from_milliseconds(946_684_800_000 + day * Timestamp::DAY + 8 * Timestamp::HOUR);
            let kind = if call { OptionKind::Call } else { OptionKind::Put };
            let option = ContractKind::Option { expiry, strike: Price::from_units(strike), kind };
            let (style, quote, lot) = if linear {
                (SettlementStyle::Linear, Asset::USDC, 1_000_000)
            } else {
                (SettlementStyle::Inverse, Asset::USD, 10_000_000)
            };
            let instrument = Instrument::new("BTC".parse().unwrap(), quote, option, style, lot).unwrap();
            prop_assert_eq!(instrument.to_string().parse::<Instrument>().unwrap(), instrument);
        }
    }
}
