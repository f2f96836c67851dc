//! Settlements and deliveries, of instruments and of one's positions.

use engine::InstrumentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::{count, own, scope};
use super::trades::{past_listing, which};
use crate::call::Call;
use crate::channels::Scope;
use crate::error::RpcError;
use crate::feed::history::{OwnSettlement, Settled, SettlementKind};
use crate::feed::venue::Venue;
use crate::history::queries;
use crate::history::reader::Memory;
use crate::history::span::Span;
use crate::number::Decimal;
use crate::params::Whole;
use crate::registry::{Method, method};
use crate::shapes::market::amount;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/get_last_settlements_by_instrument", Public, Request, last_by_instrument, SettlementParams => Settlements, "Settlements, deliveries and bankruptcies of an instrument"),
        method!("public/get_last_settlements_by_currency", Public, Request, last_by_currency, CurrencySettlementParams => Settlements, "Settlements, deliveries and bankruptcies in a currency"),
        method!("private/get_settlement_history_by_instrument", Trade, Request, by_instrument, SettlementParams => OwnSettlements, "Settlements and deliveries of the account's positions in an instrument"),
        method!("private/get_settlement_history_by_currency", Trade, Request, by_currency, CurrencySettlementParams => OwnSettlements, "Settlements and deliveries of the account's positions in a currency"),
    ]
}

/// Which settlements.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementParams {
    /// Of which instrument.
    instrument_name: String,
    /// `settlement`, `delivery` or `bankruptcy`; all unless said.
    r#type: Option<String>,
    /// How many: 20 unless said.
    count: Option<Whole>,
    /// Where the page before ended.
    continuation: Option<String>,
    /// Only before this time, in milliseconds.
    search_start_timestamp: Option<Whole>,
}

/// Which settlements.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrencySettlementParams {
    /// In which currency.
    currency: String,
    /// `settlement`, `delivery` or `bankruptcy`; all unless said.
    r#type: Option<String>,
    /// How many: 20 unless said.
    count: Option<Whole>,
    /// Where the page before ended.
    continuation: Option<String>,
    /// Only before this time, in milliseconds.
    search_start_timestamp: Option<Whole>,
}

/// Settlements, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Settlements {
    /// They.
    settlements: Vec<SettlementShape>,
    /// Where the next page begins; none on the last.
    continuation: Option<String>,
}

/// A settlement.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SettlementShape {
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
    /// What is open, in the unit of amounts.
    position: Decimal,
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

/// Which of all settlements.
struct Wanted {
    scope: Scope,
    kind: Option<&'static str>,
    span: Span,
}

impl Wanted {
    fn one(venue: &Venue, params: &SettlementParams) -> Result<Self, RpcError> {
        let scope = Scope::One(past_listing(venue, &params.instrument_name)?.id);
        let SettlementParams { r#type, count, continuation, .. } = params;
        let page = (*count, continuation.as_deref(), params.search_start_timestamp);
        Self::of(scope, r#type.as_deref(), page)
    }

    fn all(params: &CurrencySettlementParams) -> Result<Self, RpcError> {
        let scope = scope(Some(&params.currency), None)?;
        let CurrencySettlementParams { r#type, count, continuation, .. } = params;
        let page = (*count, continuation.as_deref(), params.search_start_timestamp);
        Self::of(scope, r#type.as_deref(), page)
    }

    /// Of a scope and kind: how many, where the page before ended, and until when.
    fn of(
        scope: Scope,
        kind: Option<&str>,
        (wanted, continuation, until): (Option<Whole>, Option<&str>, Option<Whole>),
    ) -> Result<Self, RpcError> {
        let kind = match kind {
            None => None,
            Some("settlement") => Some("settlement"),
            Some("delivery") => Some("delivery"),
            Some("bankruptcy") => Some("bankruptcy"),
            Some(_) => {
                let text = "must be settlement, delivery or bankruptcy";
                return Err(RpcError::invalid("type", text));
            }
        };
        let last = match continuation {
            None | Some("none" | "") => u64::MAX,
            Some(text) => {
                let number: Option<u64> = text.parse().ok();
                let wrong = || RpcError::invalid("continuation", "is none of ours");
                number.ok_or_else(wrong)?.saturating_sub(1)
            }
        };
        let times = (i64::MIN, until.map_or(i64::MAX, |until| until.0));
        let span = Span { numbers: (1, last), times, ..Span::newest(count(wanted, 20)?) };
        Ok(Self { scope, kind, span })
    }

    fn has(
        &self,
        venue: &Venue,
        number: u64,
        time: i64,
        of: (InstrumentId, SettlementKind),
    ) -> bool {
        self.span.has(number, time)
            && self.scope.has(venue.at(of.0))
            && self.kind.is_none_or(|kind| kind == of.1.name())
    }
}

/// Where the next page begins.
fn continuation<T>(page: &[(u64, T)], has_more: bool) -> Option<String> {
    page.last().filter(|_| has_more).map(|(number, _)| number.to_string())
}

async fn last_by_instrument(
    call: &Call,
    params: SettlementParams,
) -> Result<Settlements, RpcError> {
    let wanted = Wanted::one(&call.service.venue.read(), &params)?;
    last(call, wanted).await
}

async fn last_by_currency(
    call: &Call,
    params: CurrencySettlementParams,
) -> Result<Settlements, RpcError> {
    last(call, Wanted::all(&params)?).await
}

async fn last(call: &Call, wanted: Wanted) -> Result<Settlements, RpcError> {
    let (which, recent, memory) = {
        let venue = call.service.venue.read();
        let is_wanted = |(number, one): &(u64, &Settled)| {
            wanted.has(&venue, *number, one.time.milliseconds(), (one.instrument, one.kind))
        };
        let all = venue.settlements.numbered().filter(is_wanted);
        let recent = all.map(|(number, one)| (number, *one)).collect();
        let (first, through) = (venue.settlements.first(), venue.sequence);
        (which(&venue, &wanted.scope), recent, Memory { first, since: i64::MAX, through })
    };
    let kind = wanted.kind;
    let read = move |connection: &_, span: &_| queries::settlements(connection, &which, kind, span);
    let (page, has_more) = call.service.history.page(wanted.span, recent, memory, read).await?;
    let continuation = continuation(&page, has_more);
    let venue = call.service.venue.read();
    let settlements = page.iter().map(|(_, one)| shape(&venue, one)).collect();
    Ok(Settlements { settlements, continuation })
}

fn shape(venue: &Venue, one: &Settled) -> SettlementShape {
    let listing = venue.at(one.instrument);
    let is_delivery = one.kind == SettlementKind::Delivery;
    SettlementShape {
        kind: one.kind.name(),
        timestamp: one.time.milliseconds(),
        instrument_name: listing.name.clone(),
        mark_price: one.price.into(),
        index_price: is_delivery.then(|| one.price.into()),
        position: amount(listing, listing.open_interest),
    }
}

async fn by_instrument(call: &Call, params: SettlementParams) -> Result<OwnSettlements, RpcError> {
    let wanted = Wanted::one(&call.service.venue.read(), &params)?;
    own_settlements(call, wanted).await
}

async fn by_currency(
    call: &Call,
    params: CurrencySettlementParams,
) -> Result<OwnSettlements, RpcError> {
    own_settlements(call, Wanted::all(&params)?).await
}

async fn own_settlements(call: &Call, wanted: Wanted) -> Result<OwnSettlements, RpcError> {
    let (account, which, recent, memory) = {
        let venue = call.service.venue.read();
        let own = own(call, &venue)?;
        let is_wanted = |(number, one): &(u64, &OwnSettlement)| {
            wanted.has(&venue, *number, one.time.milliseconds(), (one.instrument, one.kind))
        };
        let all = own.settlements.numbered().filter(is_wanted);
        let recent = all.map(|(number, one)| (number, *one)).collect();
        let (first, through) = (own.settlements.first(), venue.sequence);
        let memory = Memory { first, since: i64::MAX, through };
        (own.id, which(&venue, &wanted.scope), recent, memory)
    };
    let kind = wanted.kind;
    let read = move |connection: &_, span: &_| {
        queries::own_settlements(connection, account, &which, kind, span)
    };
    let (page, has_more) = call.service.history.page(wanted.span, recent, memory, read).await?;
    let continuation = continuation(&page, has_more);
    let venue = call.service.venue.read();
    let settlements = page.iter().map(|(_, one)| own_shape(&venue, one)).collect();
    Ok(OwnSettlements { settlements, continuation })
}

fn own_shape(venue: &Venue, one: &OwnSettlement) -> OwnSettlementShape {
    let listing = venue.at(one.instrument);
    OwnSettlementShape {
        kind: one.kind.name(),
        timestamp: one.time.milliseconds(),
        instrument_name: listing.name.clone(),
        mark_price: one.price.into(),
        index_price: one.index.map(Decimal::from),
        position: amount(listing, one.lots),
        profit_loss: one.realised.into(),
        session_profit_loss: one.realised.into(),
    }
}
