//! What the venue decides: limits of the whole, terms of each instrument.

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Instrument, Price, Quantity, Rounding, mul_div};
use serde::{Deserialize, Serialize};

use crate::Rejection;
use crate::prices::{FundingRules, MarkRules};

/// The version of the rules that this engine knows. Replay of a journal that asks for another
/// needs the engine that knows it.
pub const RULES_VERSION: u32 = 1;

/// No order and no position has more lots.
pub const LOTS_MAX: i64 = 1 << 40;
/// No price is above 100 million in the asset that quotes it.
pub const PRICE_MAX: Price = Price::from_units(10_000_000_000_000_000);

/// Limits of the venue. Every one is a clear rejection when it is reached.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct VenueRules {
    /// Orders of one account that rest or wait, over all instruments.
    pub orders_per_account_max: u32,
    /// Instruments in which one account has a position or an order.
    pub instruments_per_account_max: u32,
    /// Quotes in one command.
    pub quotes_max: u32,
    /// Orders that one command may set off: triggered ones, and those that others trigger.
    pub activations_max: u32,
    /// Request ids that are remembered of an account.
    pub requests_max: u32,
    /// Accounts compared with their margin after each price and tick, in turn.
    pub reviews_per_price: u32,
    /// How old a risk epoch may be before orders that add risk are refused, in milliseconds.
    pub epoch_age_max_ms: i64,
    /// How far an index may move from the epoch's before they are, in parts per million.
    pub epoch_move_max_ppm: u32,
    /// How old the market of a new epoch may be, in milliseconds.
    pub epoch_market_age_max_ms: i64,
    /// How far its index prices, forwards and marks may lie from the live ones, in parts per
    /// million of the underlying's price.
    pub epoch_market_move_max_ppm: u32,
    /// How far a surface's forward may lie from the index, in parts per million.
    pub forward_band_ppm: u32,
    /// Profit that was realised within this time can't be withdrawn, in milliseconds. Up to twice
    /// as long if it came early in a period. When this changes, profit that is not free yet counts
    /// as realised at that moment.
    pub profit_maturity_ms: i64,
    /// Below this confidence of an index nothing of its asset is withdrawn, in parts per million.
    pub withdrawal_confidence_ppm: u32,
}

impl Default for VenueRules {
    fn default() -> Self {
        Self {
            orders_per_account_max: 1_000,
            instruments_per_account_max: 500,
            quotes_max: 100,
            activations_max: 10_000,
            requests_max: 64,
            reviews_per_price: 1_000,
            epoch_age_max_ms: 600_000,
            epoch_move_max_ppm: 50_000,
            epoch_market_age_max_ms: 10_000,
            epoch_market_move_max_ppm: 10_000,
            forward_band_ppm: 500_000,
            profit_maturity_ms: 60_000,
            withdrawal_confidence_ppm: 500_000,
        }
    }
}

/// The terms of a listed instrument.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct InstrumentTerms {
    /// Prices of orders are whole multiples of it.
    pub tick: Price,
    /// The largest order in lots.
    #[serde(default = "lots_max")]
    pub lots_max: i64,
    /// The most lots that one account may hold long or short, open orders included.
    #[serde(default = "lots_max")]
    pub position_max: i64,
    /// The most lots that all accounts together may hold long; looked at when an order comes.
    #[serde(default = "lots_max")]
    pub open_interest_max: i64,
    /// How far from mark an order may trade, in parts per million of the mark.
    #[serde(default = "band_ppm")]
    pub band_ppm: u32,
    /// And at least so far, which matters to cheap options.
    #[serde(default)]
    pub band_min: Price,
    /// What a trade costs.
    #[serde(default)]
    pub fees: FeeRules,
    /// How the mark follows the book.
    #[serde(default)]
    pub mark: MarkRules,
    /// Funding, of perpetuals.
    #[serde(default)]
    pub funding: FundingRules,
    /// Profit becomes cash at every multiple of this time after 1970, in milliseconds; 0 when a
    /// position closes.
    #[serde(default)]
    pub settlement_ms: i64,
    /// Displayed parts of an order at most.
    #[serde(default = "parts_max")]
    pub parts_max: u32,
}

/// What a trade costs. Futures and perpetuals pay a share of the traded value; options a share of
/// the underlying's value, capped at a share of the premium.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct FeeRules {
    /// What the order that rested pays, in parts per million; negative is a rebate.
    pub maker_ppm: i32,
    /// What the order that came pays, in parts per million.
    pub taker_ppm: i32,
    /// An option's fee is at most this share of its premium, in parts per million.
    pub premium_cap_ppm: u32,
    /// Share of net fees that the insurance fund gets, in parts per million.
    pub insurance_ppm: u32,
}

impl Default for FeeRules {
    fn default() -> Self {
        Self { maker_ppm: 0, taker_ppm: 500, premium_cap_ppm: 125_000, insurance_ppm: 200_000 }
    }
}

impl FeeRules {
    /// What trading some lots at a price costs at `ppm` parts per million, in the settlement asset: a
    /// share of the traded value, or for an option a share of the underlying's value at its index, capped
    /// at a share of the premium. Rounded up; negative is a rebate. `None` if it does not fit, which no
    /// trade within [`LOTS_MAX`] and [`PRICE_MAX`] does.
    #[must_use]
    pub fn fee(
        &self,
        instrument: &Instrument,
        lots: i64,
        price: Price,
        ppm: i32,
        index: Price,
    ) -> Option<Amount> {
        let share = |of: i128, ppm: i64| mul_div(of, i128::from(ppm), 1_000_000, Rounding::Ceil);
        let quantity = Quantity::from_lots(lots);
        let value = instrument.value(quantity, price, Rounding::Ceil).ok()?.units().abs();
        if !instrument.is_option() {
            return share(value, i64::from(ppm)).map(Amount::from_units);
        }
        let base = instrument.base_size(quantity, index).ok()?.abs();
        let worth = match instrument.settlement_asset() == instrument.base() {
            true => base,
            false => Amount::from_units(base).worth(index, Rounding::Ceil).ok()?.units(),
        };
        let cap = share(value, i64::from(self.premium_cap_ppm))?;
        Some(Amount::from_units(share(worth, i64::from(ppm))?.clamp(-cap, cap)))
    }
}

const fn lots_max() -> i64 {
    1_000_000_000
}

const fn band_ppm() -> u32 {
    100_000
}

const fn parts_max() -> u32 {
    100
}

/// Whether a market trades.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum MarketState {
    /// It does.
    #[default]
    Open,
    /// Only orders that close positions are accepted.
    ReduceOnly,
    /// No order is accepted; orders may be cancelled.
    Halted,
}

impl VenueRules {
    /// # Errors
    /// The first limit that makes no sense.
    pub fn check(&self) -> Result<(), Rejection> {
        let counts = [
            ("orders_per_account_max", self.orders_per_account_max, 100_000),
            ("instruments_per_account_max", self.instruments_per_account_max, 10_000),
            ("quotes_max", self.quotes_max, 1_000),
            ("activations_max", self.activations_max, 1_000_000),
            ("requests_max", self.requests_max, 10_000),
        ];
        for (what, found, most) in counts {
            within(what, i64::from(found), 1, most)?;
        }
        within("reviews_per_price", i64::from(self.reviews_per_price), 0, 1_000_000)?;
        let day = 86_400_000;
        within("epoch_age_max_ms", self.epoch_age_max_ms, 1, day)?;
        within("epoch_market_age_max_ms", self.epoch_market_age_max_ms, 0, day)?;
        within("profit_maturity_ms", self.profit_maturity_ms, 1, day)?;
        let shares = [
            ("epoch_move_max_ppm", self.epoch_move_max_ppm),
            ("epoch_market_move_max_ppm", self.epoch_market_move_max_ppm),
            ("forward_band_ppm", self.forward_band_ppm),
            ("withdrawal_confidence_ppm", self.withdrawal_confidence_ppm),
        ];
        shares.iter().try_for_each(|(what, ppm)| within(what, i64::from(*ppm), 0, 1_000_000))
    }
}

impl InstrumentTerms {
    /// # Errors
    /// The first term that makes no sense.
    pub fn check(&self) -> Result<(), Rejection> {
        within("tick", self.tick.units(), 1, PRICE_MAX.units())?;
        within("lots_max", self.lots_max, 1, LOTS_MAX)?;
        within("position_max", self.position_max, 1, LOTS_MAX)?;
        within("open_interest_max", self.open_interest_max, 1, LOTS_MAX)?;
        within("band_ppm", i64::from(self.band_ppm), 1, 10_000_000)?;
        within("band_min", self.band_min.units(), 0, PRICE_MAX.units())?;
        within("settlement_ms", self.settlement_ms, 0, 30 * 86_400_000)?;
        within("parts_max", i64::from(self.parts_max), 1, 10_000)?;
        let FeeRules { maker_ppm, taker_ppm, premium_cap_ppm, insurance_ppm } = self.fees;
        within("taker_ppm", i64::from(taker_ppm), 0, 100_000)?;
        // A rebate is paid out of the taker's fee, so that trading with oneself earns nothing.
        within("maker_ppm", i64::from(maker_ppm), -i64::from(taker_ppm), 100_000)?;
        within("premium_cap_ppm", i64::from(premium_cap_ppm), 0, 1_000_000)?;
        within("insurance_ppm", i64::from(insurance_ppm), 0, 1_000_000)?;
        self.mark.check()?;
        self.funding.check()?;
        Ok(())
    }
}

pub(crate) fn within(
    what: &'static str,
    found: i64,
    least: i64,
    most: i64,
) -> Result<(), Rejection> {
    Ok(crate::prices::within(what, found, least, most)?)
}
