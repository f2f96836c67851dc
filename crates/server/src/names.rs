//! What things are called in the dialect.

use book::OrderId;
use instruments::{Asset, ContractKind, Instrument, SettlementStyle, Timestamp};

use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;

/// Kinds of instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Perpetuals and dated futures.
    Future,
    /// Options.
    Option,
    /// Coin against coin.
    Spot,
    /// Combinations of futures, of which none are listed.
    FutureCombo,
    /// Combinations of options, of which none are listed.
    OptionCombo,
}

impl Kind {
    /// Reads a kind.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "future" => Self::Future,
            "option" => Self::Option,
            "spot" => Self::Spot,
            "future_combo" => Self::FutureCombo,
            "option_combo" => Self::OptionCombo,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Option => "option",
            Self::Spot => "spot",
            Self::FutureCombo => "future_combo",
            Self::OptionCombo => "option_combo",
        }
    }
}

/// The kind of an instrument.
#[must_use]
pub fn kind(instrument: &Instrument) -> Kind {
    match instrument.kind() {
        ContractKind::Perpetual | ContractKind::Future { .. } => Kind::Future,
        ContractKind::Option { .. } => Kind::Option,
        ContractKind::Spot => Kind::Spot,
    }
}

/// The currency under which an instrument is found: the coin that it settles in, or the quote of a
/// linear one.
#[must_use]
pub fn currency(instrument: &Instrument) -> Asset {
    match instrument.kind() {
        ContractKind::Spot => instrument.base(),
        _ => instrument.settlement_asset(),
    }
}

/// Whether an instrument is found under a currency.
#[must_use]
pub fn is_of(instrument: &Instrument, wanted: Asset) -> bool {
    currency(instrument) == wanted
        || (instrument.kind() == ContractKind::Spot && instrument.quote() == wanted)
}

/// The name of an instrument's index, as `btc_usd`.
#[must_use]
pub fn index_name(instrument: &Instrument) -> String {
    let base = instrument.base().to_string().to_ascii_lowercase();
    let quote = match instrument.style() {
        SettlementStyle::Linear => instrument.quote().to_string().to_ascii_lowercase(),
        SettlementStyle::Inverse => "usd".to_owned(),
    };
    format!("{base}_{quote}")
}

/// The asset that an index is of.
#[must_use]
pub fn index_asset(name: &str, venue: &Venue) -> Option<Asset> {
    let base = name.split('_').next()?.to_ascii_uppercase();
    let asset: Asset = base.parse().ok()?;
    venue.assets.contains(&asset).then_some(asset)
}

/// Reads a currency; none for `any`.
///
/// # Errors
/// For what is no currency.
pub fn currency_or_any(text: Option<&str>) -> Result<Option<Asset>, RpcError> {
    match text {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("any") => Ok(None),
        Some(text) => text
            .to_ascii_uppercase()
            .parse()
            .map(Some)
            .map_err(|_| RpcError::invalid("currency", "invalid currency")),
    }
}

/// Reads a kind; none for `any`.
///
/// # Errors
/// For what is no kind.
pub fn kind_or_any(text: Option<&str>) -> Result<Option<Kind>, RpcError> {
    match text {
        None | Some("any") => Ok(None),
        Some(text) => {
            let kind = Kind::parse(text);
            kind.map(Some).ok_or_else(|| RpcError::invalid("kind", "invalid kind"))
        }
    }
}

/// Minutes of a candle by its name.
#[must_use]
pub fn resolution(text: &str) -> Option<i64> {
    Some(match text {
        "1" | "3" | "5" | "10" | "15" | "30" | "60" | "120" | "180" | "360" | "720" => {
            text.parse().ok()?
        }
        "1D" => 1_440,
        _ => return None,
    })
}

/// An order's id as clients know it: the coin, and a number that is the order's own.
#[must_use]
pub fn order_id(listing: &Listing, order: OrderId) -> String {
    format!("{}-{}", currency(&listing.instrument), order.0)
}

/// Reads an order's id.
///
/// # Errors
/// The same as for an order that is not there.
pub fn parse_order_id(text: &str) -> Result<OrderId, RpcError> {
    let number = text.rsplit_once('-').map_or(text, |(_, number)| number);
    number.parse().map(OrderId).map_err(|_| RpcError::no_order())
}

/// How long until an instrument ends: `perpetual`, `week`, `month`, `day`.
#[must_use]
pub fn settlement_period(instrument: &Instrument, listed: Timestamp) -> &'static str {
    match (instrument.kind(), instrument.expiry()) {
        (ContractKind::Perpetual, _) => "perpetual",
        (ContractKind::Spot, _) => "spot",
        (_, Some(expiry)) => match expiry.since(listed) / Timestamp::DAY {
            ..=2 => "day",
            3..=21 => "week",
            _ => "month",
        },
        (_, None) => "perpetual",
    }
}
