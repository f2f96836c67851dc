//! Instruments as the dialect describes them.

use instruments::{ContractKind, OptionKind, SettlementStyle, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::feed::listing::Listing;
use crate::names::{self, kind};
use crate::number::Decimal;

/// The end of what never ends, in the dialect.
const NEVER_MS: i64 = 32_503_708_800_000;
/// The state of an instrument that trades.
const OPEN: &str = "open";

/// An instrument.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InstrumentShape {
    /// As `BTC-PERPETUAL`.
    pub instrument_name: String,
    /// Its number at this venue.
    pub instrument_id: i64,
    /// `future`, `option` or `spot`.
    pub kind: &'static str,
    /// The coin that it is about.
    pub base_currency: String,
    /// In which prices of options, or sizes of futures, are stated.
    pub quote_currency: String,
    /// What the coin is priced in.
    pub counter_currency: String,
    /// In which it settles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_currency: Option<String>,
    /// `perpetual`, `day`, `week` or `month`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_period: Option<&'static str>,
    /// `linear` or `reversed`.
    pub instrument_type: &'static str,
    /// `crypto`.
    pub underlying_type: &'static str,
    /// The name of its index.
    pub price_index: String,
    /// When it ends.
    pub expiration_timestamp: i64,
    /// When it was listed.
    pub creation_timestamp: i64,
    /// Prices are multiples of it.
    pub tick_size: Decimal,
    /// Steps of larger ticks: there are none.
    pub tick_size_steps: Vec<TickStep>,
    /// The least amount of an order.
    pub min_trade_amount: Decimal,
    /// The size of a contract.
    pub contract_size: Decimal,
    /// Whether it has not expired.
    pub is_active: bool,
    /// `open`, `halted`, or `closed` once it has expired.
    pub state: &'static str,
    /// What a maker pays, as a share.
    pub maker_commission: Decimal,
    /// What a taker pays, as a share.
    pub taker_commission: Decimal,
    /// The least amount of a block trade, of which there are none.
    pub block_trade_min_trade_amount: Decimal,
    /// An option's strike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strike: Option<Decimal>,
    /// `call` or `put`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option_type: Option<&'static str>,
    /// The most leverage of a future.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_leverage: Option<u32>,
    /// A liquidation costs no fee of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_liquidation_commission: Option<Decimal>,
}

/// A tick above a price.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TickStep {
    /// From where.
    pub above_price: Decimal,
    /// The tick there.
    pub tick_size: Decimal,
}

impl InstrumentShape {
    /// Of a listing.
    #[must_use]
    pub fn of(listing: &Listing) -> Self {
        let instrument = &listing.instrument;
        let is_option = instrument.is_option();
        let is_spot = instrument.kind() == ContractKind::Spot;
        let is_inverse = instrument.style() == SettlementStyle::Inverse;
        let quote = match (is_option && is_inverse, is_inverse) {
            (true, _) => instrument.base().to_string(),
            (false, true) => "USD".to_owned(),
            (false, false) => instrument.quote().to_string(),
        };
        let lot = Decimal(i128::from(instrument.lot_size()));
        let share = |ppm: i32| Decimal(i128::from(ppm) * 100);
        let (strike, option_type) = match instrument.kind() {
            ContractKind::Option { strike, kind: OptionKind::Call, .. } => {
                (Some(strike), Some("call"))
            }
            ContractKind::Option { strike, kind: OptionKind::Put, .. } => {
                (Some(strike), Some("put"))
            }
            _ => (None, None),
        };
        let is_future = kind(instrument) == names::Kind::Future;
        Self {
            instrument_name: listing.name.clone(),
            instrument_id: i64::from(listing.id.0) + 1,
            kind: kind(instrument).name(),
            base_currency: instrument.base().to_string(),
            quote_currency: quote,
            counter_currency: instrument.quote().to_string(),
            settlement_currency: (!is_spot).then(|| instrument.settlement_asset().to_string()),
            settlement_period: (!is_spot)
                .then(|| names::settlement_period(instrument, listing.listed)),
            instrument_type: if is_inverse { "reversed" } else { "linear" },
            underlying_type: "crypto",
            price_index: names::index_name(instrument),
            expiration_timestamp: instrument.expiry().map_or(NEVER_MS, Timestamp::milliseconds),
            creation_timestamp: listing.listed.milliseconds(),
            tick_size: listing.terms.tick.into(),
            tick_size_steps: Vec::new(),
            min_trade_amount: lot,
            contract_size: lot,
            is_active: listing.is_active(),
            state: state_name(listing),
            maker_commission: share(listing.terms.fees.maker_ppm),
            taker_commission: share(listing.terms.fees.taker_ppm),
            block_trade_min_trade_amount: lot,
            strike: strike.map(Decimal::from),
            option_type,
            max_leverage: is_future.then_some(50),
            max_liquidation_commission: is_future.then_some(Decimal(0)),
        }
    }
}

/// `open`, `halted`, or `closed`.
#[must_use]
pub fn state_name(listing: &Listing) -> &'static str {
    match listing.state {
        _ if !listing.is_active() => "closed",
        engine::rules::MarketState::Halted => "halted",
        _ => OPEN,
    }
}
