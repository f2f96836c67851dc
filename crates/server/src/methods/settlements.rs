//! What settlements and deliveries made of the caller's positions.

use schemars::JsonSchema;
use serde::Serialize;

use super::charts::{CurrencySettlementParams, SettlementParams, page};
use super::orders::own;
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::history::{OwnSettlement, SettlementKind};
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::names;
use crate::number::Decimal;
use crate::registry::{Method, method};
use crate::shapes::market::amount;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/get_settlement_history_by_instrument", Trade, Request, by_instrument, SettlementParams => OwnSettlements, "Settlements and deliveries of the account's positions in an instrument"),
        method!("private/get_settlement_history_by_currency", Trade, Request, by_currency, CurrencySettlementParams => OwnSettlements, "Settlements and deliveries of the account's positions in a currency"),
    ]
}

/// Settlements, the newest first. Bankruptcies are told by `public/x_cases`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnSettlements {
    /// They.
    settlements: Vec<OwnSettlementShape>,
    /// Where the next page begins; none on the last.
    continuation: Option<String>,
}

/// A settlement of a position.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OwnSettlementShape {
    /// `settlement` or `delivery`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When.
    timestamp: i64,
    /// Of what.
    instrument_name: String,
    /// The mark, or the price of delivery.
    mark_price: Decimal,
    /// The index.
    index_price: Option<Decimal>,
    /// What was held, signed, in the unit of amounts.
    position: Decimal,
    /// What became cash by it, in the currency of settlement.
    profit_loss: Decimal,
    /// The same.
    session_profit_loss: Decimal,
}

async fn by_instrument(call: &Call, params: SettlementParams) -> Result<OwnSettlements, RpcError> {
    let venue = call.service.venue.read();
    let is_it = |listing: &Listing| listing.name == params.instrument_name;
    let known = venue.listings.iter().any(is_it);
    let limits = (params.count, params.continuation.as_deref(), params.search_start_timestamp);
    match known {
        true => settlements(call, &venue, is_it, params.r#type.as_deref(), limits),
        false => Err(RpcError::no_instrument("instrument_name")),
    }
}

async fn by_currency(
    call: &Call,
    params: CurrencySettlementParams,
) -> Result<OwnSettlements, RpcError> {
    let currency = names::currency_or_any(Some(&params.currency))?;
    let venue = call.service.venue.read();
    let is_of = |listing: &Listing| {
        currency.is_none_or(|currency| names::is_of(&listing.instrument, currency))
    };
    let limits = (params.count, params.continuation.as_deref(), params.search_start_timestamp);
    settlements(call, &venue, is_of, params.r#type.as_deref(), limits)
}

fn settlements(
    call: &Call,
    venue: &Venue,
    is_wanted: impl Fn(&Listing) -> bool,
    kind: Option<&str>,
    limits: super::charts::Limits<'_>,
) -> Result<OwnSettlements, RpcError> {
    let all = own(call, venue)?.settlements.iter().rev();
    let all = all.filter(|one| is_wanted(venue.at(one.instrument)));
    let all = all.map(|one| shape(venue, one)).collect();
    let of = |one: &OwnSettlementShape| (one.kind, one.timestamp);
    let (settlements, continuation) = page(all, of, kind, limits)?;
    Ok(OwnSettlements { settlements, continuation })
}

fn shape(venue: &Venue, one: &OwnSettlement) -> OwnSettlementShape {
    let listing = venue.at(one.instrument);
    OwnSettlementShape {
        kind: match one.kind {
            SettlementKind::Settlement => "settlement",
            SettlementKind::Delivery => "delivery",
        },
        timestamp: one.time.milliseconds(),
        instrument_name: listing.name.clone(),
        mark_price: one.price.into(),
        index_price: one.index.map(Decimal::from),
        position: amount(listing, one.lots),
        profit_loss: one.realised.into(),
        session_profit_loss: one.realised.into(),
    }
}
