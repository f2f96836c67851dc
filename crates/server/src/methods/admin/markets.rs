//! Instruments: listing them all, halting, resuming and winding down.

use engine::command::{Action, MarketScope, SetMarketState};
use engine::rules::{InstrumentTerms, MarketState};
use instruments::Underlying;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SubmitReply, submitted};
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::methods::market::listing;
use crate::methods::portfolio::currency;
use crate::number::Decimal;
use crate::params::Flag;
use crate::registry::{Method, method};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/get_instruments", Account, Free, get_instruments, InstrumentsParams => Vec<InstrumentRow>, "Instruments with state, terms and open interest"),
        method!("admin/halt", AccountWrite, Free, halt, ScopeParams => SubmitReply, "Halts markets: no order is accepted, orders may be cancelled"),
        method!("admin/resume", AccountWrite, Free, resume, ScopeParams => SubmitReply, "Opens markets again"),
        method!("admin/delist", AccountWrite, Free, delist, DelistParams => DelistReply, "Winds an instrument down: only orders that close positions; called again when nobody holds any, it halts the market for good"),
    ]
}

/// Which instruments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstrumentsParams {
    /// Of one underlying, as `BTC`.
    underlying: Option<String>,
    /// Whether those that have expired are wanted too.
    expired: Option<Flag>,
}

/// An instrument.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InstrumentRow {
    /// Its name.
    instrument: String,
    /// Its number.
    number: u32,
    /// `open`, `reduce_only`, `halted` or `expired`.
    state: &'static str,
    /// Lots that all accounts together hold long.
    open_interest: i64,
    /// Its mark.
    mark: Option<Decimal>,
    /// When it was listed, in milliseconds.
    listed: i64,
    /// Its terms, as `set_terms` takes them.
    #[schemars(with = "Value")]
    terms: InstrumentTerms,
}

impl InstrumentRow {
    fn of(one: &Listing) -> Self {
        Self {
            instrument: one.name.clone(),
            number: one.id.0,
            state: state_of(one),
            open_interest: one.open_interest,
            mark: one.mark.map(Decimal::from),
            listed: one.listed.milliseconds(),
            terms: one.terms,
        }
    }
}

fn state_of(one: &Listing) -> &'static str {
    match (one.expired, one.state) {
        (Some(_), _) => "expired",
        (None, MarketState::Open) => "open",
        (None, MarketState::ReduceOnly) => "reduce_only",
        (None, MarketState::Halted) => "halted",
    }
}

async fn get_instruments(
    call: &Call,
    params: InstrumentsParams,
) -> Result<Vec<InstrumentRow>, RpcError> {
    let venue = call.service.venue.read();
    let underlying = params.underlying.as_deref().map(|text| currency(&venue, text)).transpose()?;
    let underlying = underlying.map(Underlying::of);
    let expired = params.expired.is_some_and(|flag| flag.0);
    let is_wanted = |one: &&Listing| {
        (expired || one.expired.is_none())
            && underlying.is_none_or(|underlying| one.instrument.underlying() == underlying)
    };
    Ok(venue.listings.iter().filter(is_wanted).map(InstrumentRow::of).collect())
}

/// Which markets: one, those on an underlying, or all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeParams {
    /// One instrument, by its name.
    instrument: Option<String>,
    /// All on an underlying, as `BTC`.
    underlying: Option<String>,
    /// All of the venue, which must be said.
    all: Option<Flag>,
}

fn scope(venue: &Venue, params: &ScopeParams) -> Result<MarketScope, RpcError> {
    let all = params.all.is_some_and(|flag| flag.0);
    match (&params.instrument, &params.underlying, all) {
        (Some(name), None, false) => Ok(MarketScope::Instrument(listing(venue, name)?.id)),
        (None, Some(text), false) => {
            Ok(MarketScope::Underlying(Underlying::of(currency(venue, text)?)))
        }
        (None, None, true) => Ok(MarketScope::All),
        _ => Err(RpcError::invalid("instrument", "give one of instrument, underlying and all")),
    }
}

async fn set_state(
    call: &Call,
    params: &ScopeParams,
    state: MarketState,
) -> Result<SubmitReply, RpcError> {
    let scope = scope(&call.service.venue.read(), params)?;
    submitted(call, Action::SetMarketState(SetMarketState { scope, state })).await
}

async fn halt(call: &Call, params: ScopeParams) -> Result<SubmitReply, RpcError> {
    set_state(call, &params, MarketState::Halted).await
}

async fn resume(call: &Call, params: ScopeParams) -> Result<SubmitReply, RpcError> {
    set_state(call, &params, MarketState::Open).await
}

/// Which instrument.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelistParams {
    /// Its name.
    instrument: String,
}

/// How far it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DelistReply {
    /// The command's number.
    sequence: u64,
    /// `reduce_only` while somebody holds some, `halted` from then on.
    state: &'static str,
    /// Lots that all accounts together still hold long.
    open_interest: i64,
}

async fn delist(call: &Call, params: DelistParams) -> Result<DelistReply, RpcError> {
    let (id, open_interest) = {
        let venue = call.service.venue.read();
        let one = listing(&venue, &params.instrument)?;
        (one.id, one.open_interest)
    };
    let (state, name) = match open_interest {
        0 => (MarketState::Halted, "halted"),
        _ => (MarketState::ReduceOnly, "reduce_only"),
    };
    let set = SetMarketState { scope: MarketScope::Instrument(id), state };
    let done = submitted(call, Action::SetMarketState(set)).await?;
    Ok(DelistReply { sequence: done.sequence, state: name, open_interest })
}
