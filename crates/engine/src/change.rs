//! Changes of parameters that are announced before they are made.
//!
//! A change names the fields that get other values, and leaves the rest of the record as it is when
//! the change is made. So two changes of one record can wait at the same time, as long as they
//! share no field, and what is set meanwhile stays.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Price, Timestamp};
use ledger::AccountId;
use serde::{Deserialize, Deserializer, Serialize};

use crate::InstrumentId;
use crate::liquidation::{AdlPolicy, FundGroup, LiquidationRules};
use crate::prices::{FundingRules, MarkRules};
use crate::rules::{FeeRules, InstrumentTerms, VenueRules};

/// How many changes may wait: room for other terms of every instrument of a venue.
pub const CHANGES_MAX: u32 = 1_024;

/// A change that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Announced {
    /// When it was announced.
    pub announced: Timestamp,
    /// The first tick at or after it makes the change.
    pub effective_at: Timestamp,
    /// What changes.
    pub change: Change,
}

/// Which parameters change.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Limits of the venue.
    VenueRules(VenueRulesChange),
    /// Terms of an instrument.
    Terms {
        /// The instrument.
        instrument: InstrumentId,
        /// Its terms that change.
        changes: TermsChange,
    },
    /// Rules of liquidation.
    Liquidation(Box<LiquidationChange>),
}

/// New values for parts of a record.
pub trait Part<T>: Sized {
    /// Gives a record the new values.
    fn put_on(&self, record: &mut T);

    /// The first field that another change gives a value too; empty if this is a field itself.
    fn shared_with(&self, other: &Self) -> Option<String>;
}

impl<T: Clone> Part<T> for Option<T> {
    fn put_on(&self, field: &mut T) {
        if let Some(value) = self {
            field.clone_from(value);
        }
    }

    fn shared_with(&self, other: &Self) -> Option<String> {
        (self.is_some() && other.is_some()).then(String::new)
    }
}

/// Makes the type of changes of a record: the fields that may change, each with the type of its
/// new value or of its own changes.
macro_rules! changes {
    ($(#[$about:meta])* $name:ident of $record:ident {
        $($(#[$how:meta])* $field:ident: $part:ty,)*
    }) => {
        $(#[$about])*
        #[derive(
            Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize,
            Deserialize,
        )]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                #[doc = concat!("[`", stringify!($record), "::", stringify!($field), "`].")]
                #[serde(skip_serializing_if = "is_empty")]
                $(#[$how])*
                pub $field: $part,
            )*
        }

        impl Part<$record> for $name {
            fn put_on(&self, record: &mut $record) {
                $(self.$field.put_on(&mut record.$field);)*
            }

            fn shared_with(&self, other: &Self) -> Option<String> {
                $(
                    if let Some(within) = self.$field.shared_with(&other.$field) {
                        return Some(named(stringify!($field), &within));
                    }
                )*
                None
            }
        }
    };
}

changes! {
    /// Limits of the venue that change.
    VenueRulesChange of VenueRules {
        orders_per_account_max: Option<u32>,
        instruments_per_account_max: Option<u32>,
        quotes_max: Option<u32>,
        activations_max: Option<u32>,
        requests_max: Option<u32>,
        reviews_per_price: Option<u32>,
        epoch_age_max_ms: Option<i64>,
        epoch_move_max_ppm: Option<u32>,
        epoch_market_age_max_ms: Option<i64>,
        epoch_market_move_max_ppm: Option<u32>,
        forward_band_ppm: Option<u32>,
        profit_maturity_ms: Option<i64>,
        withdrawal_confidence_ppm: Option<u32>,
    }
}

changes! {
    /// Terms of an instrument that change; its tick and `parts_max` are fixed.
    TermsChange of InstrumentTerms {
        lots_max: Option<i64>,
        position_max: Option<i64>,
        open_interest_max: Option<i64>,
        band_ppm: Option<u32>,
        band_min: Option<Price>,
        fees: FeesChange,
        mark: MarkChange,
        funding: FundingChange,
        settlement_ms: Option<i64>,
    }
}

changes! {
    /// Fees that change.
    FeesChange of FeeRules {
        maker_ppm: Option<i32>,
        taker_ppm: Option<i32>,
        premium_cap_ppm: Option<u32>,
        insurance_ppm: Option<u32>,
    }
}

changes! {
    /// Rules of a mark that change.
    MarkChange of MarkRules {
        tau_ms: Option<u32>,
        gap_max_ms: Option<u32>,
        clamp_ppm: Option<u32>,
        spread_max_ppm: Option<u32>,
    }
}

changes! {
    /// Rules of funding that change.
    FundingChange of FundingRules {
        clamp_ppb: Option<i64>,
        cap_ppb: Option<i64>,
        interest_ppb: Option<i64>,
        gap_max_ms: Option<u32>,
    }
}

changes! {
    /// Rules of liquidation that change; the cash asset is set by `set_liquidation` alone.
    LiquidationChange of LiquidationRules {
        #[serde(deserialize_with = "given")]
        vault: Option<Option<AccountId>>,
        buffer_ppb: Option<u32>,
        close_out_ppb: Option<u32>,
        book_ms: Option<i64>,
        slice_ms: Option<i64>,
        volume_share_ppb: Option<u32>,
        clearing_ms: Option<i64>,
        discount_start_ppb: Option<u32>,
        discount_end_ppb: Option<u32>,
        calm_ppb: Option<u32>,
        wild_ppb: Option<u32>,
        fee_ppb: Option<u32>,
        insolvent_ms: Option<i64>,
        bids_max: Option<u32>,
        adl: Option<AdlPolicy>,
        early_start_ppb: Option<u32>,
        early_stop_ppb: Option<u32>,
        cut_cap_ppb: Option<u32>,
        cooldown_ms: Option<i64>,
        groups: Option<Vec<FundGroup>>,
    }
}

impl Change {
    /// Whether it names no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::VenueRules(changes) => is_empty(changes),
            Self::Terms { changes, .. } => is_empty(changes),
            Self::Liquidation(changes) => is_empty(changes),
        }
    }

    /// The first field of the same record that another change names too.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> Option<String> {
        match (self, other) {
            (Self::VenueRules(one), Self::VenueRules(other)) => one.shared_with(other),
            (
                Self::Terms { instrument, changes },
                Self::Terms { instrument: others, changes: other },
            ) if instrument == others => changes.shared_with(other),
            (Self::Liquidation(one), Self::Liquidation(other)) => one.shared_with(other),
            _ => None,
        }
    }
}

fn is_empty<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

fn named(field: &str, within: &str) -> String {
    if within.is_empty() { field.to_owned() } else { format!("{field}.{within}") }
}

/// A value that is there, `null` being one.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use instruments::SCALE;

    use super::*;

    fn terms(text: &str) -> TermsChange {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let mut record: InstrumentTerms = serde_json::from_str(r#"{"tick":"0.5"}"#).unwrap();
        let before = record;
        terms(r#"{"band_min":"3","fees":{"taker_ppm":300}}"#).put_on(&mut record);
        let fees = FeeRules { taker_ppm: 300, ..before.fees };
        let band_min = Price::from_units(3 * SCALE);
        assert_eq!(record, InstrumentTerms { band_min, fees, ..before });
    }

    #[test]
    fn changes_share_the_fields_that_both_name() {
        let of = |instrument, text| Change::Terms {
            instrument: InstrumentId(instrument),
            changes: terms(text),
        };
        let fees = of(0, r#"{"band_ppm":1,"fees":{"taker_ppm":300}}"#);
        let shared = |other: &Change| fees.shared_with(other);
        assert_eq!(shared(&fees).as_deref(), Some("band_ppm"));
        let again = of(0, r#"{"lots_max":1,"fees":{"maker_ppm":0,"taker_ppm":200}}"#);
        assert_eq!(shared(&again).as_deref(), Some("fees.taker_ppm"));
        assert_eq!(shared(&of(0, r#"{"fees":{"maker_ppm":0}}"#)), None);
        assert_eq!(shared(&of(1, r#"{"band_ppm":1}"#)), None);
        assert_eq!(shared(&Change::VenueRules(VenueRulesChange::default())), None);
    }

    #[test]
    fn no_vault_is_a_change_and_nothing_said_is_none() {
        let read = |text| serde_json::from_str::<LiquidationChange>(text).unwrap();
        assert_eq!(read("{}").vault, None);
        assert_eq!(read(r#"{"vault":null}"#).vault, Some(None));
        assert_eq!(serde_json::to_string(&read(r#"{"vault":null}"#)).unwrap(), r#"{"vault":null}"#);
        assert!(Change::Liquidation(Box::default()).is_empty());
        assert!(!Change::Liquidation(Box::new(read(r#"{"vault":null}"#))).is_empty());
        assert!(serde_json::from_str::<LiquidationChange>(r#"{"cash":"USDC"}"#).is_err());
    }
}
