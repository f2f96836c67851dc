//! Instruments: listing them all, halting, resuming and winding down.

use engine::InstrumentId;
use engine::command::{Action, MarketScope, SetMarketState};
use engine::rules::{InstrumentTerms, MarketState};
use futures_util::future::join_all;
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

/// Markets that are opened at once, where several are: the engine's queue is others' too.
const AT_ONCE: usize = 64;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("admin/get_instruments", Account, Free, get_instruments, InstrumentsParams => Vec<InstrumentRow>, "Instruments with state, terms and open interest"),
        method!("admin/halt", AccountWrite, Free, halt, ScopeParams => SubmitReply, "Halts markets: no order is accepted, orders may be cancelled"),
        method!("admin/resume", AccountWrite, Free, resume, ScopeParams => ResumeReply, "Opens one instrument, whatever it was; or of several those that a halt halted, each as it was before"),
        method!("admin/delist", AccountWrite, Free, delist, DelistParams => DelistReply, "Winds an instrument down: only orders that close positions; when nobody holds any, it halts the market for good"),
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

async fn halt(call: &Call, params: ScopeParams) -> Result<SubmitReply, RpcError> {
    let _turn = call.service.control.turn.lock().await;
    let scope = scope(&call.service.venue.read(), &params)?;
    submitted(call, set(scope, MarketState::Halted)).await
}

const fn set(scope: MarketScope, state: MarketState) -> Action {
    Action::SetMarketState(SetMarketState { scope, state })
}

/// Which markets trade again.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResumeReply {
    /// The last command's number; none if there was nothing to do.
    sequence: Option<u64>,
    /// Those that trade again.
    resumed: Vec<String>,
    /// Those that stay halted: a breaker's halt ends by itself, what was wound down is opened by its
    /// name alone, and what could not be opened now is to be asked for again.
    halted: Vec<String>,
}

/// Several at once are as many commands: what was being wound down is not opened with the others.
async fn resume(call: &Call, params: ScopeParams) -> Result<ResumeReply, RpcError> {
    let _turn = call.service.control.turn.lock().await;
    let (wanted, halted) = {
        let venue = call.service.venue.read();
        match scope(&venue, &params)? {
            MarketScope::Instrument(id) => (vec![(id, MarketState::Open)], Vec::new()),
            scope => halted(&venue, scope),
        }
    };
    let mut reply = ResumeReply { sequence: None, resumed: Vec::new(), halted };
    let is_one = wanted.len() == 1;
    for some in wanted.chunks(AT_ONCE) {
        let submit = |(id, state): &(InstrumentId, MarketState)| {
            submitted(call, set(MarketScope::Instrument(*id), *state))
        };
        let done = join_all(some.iter().map(submit)).await;
        for ((id, _), done) in some.iter().zip(done) {
            let name = call.service.venue.read().at(*id).name.clone();
            match done {
                Ok(done) => {
                    reply.sequence = reply.sequence.max(Some(done.sequence));
                    reply.resumed.push(name);
                }
                Err(error) if is_one => return Err(error),
                // The others are told.
                Err(_) => reply.halted.push(name),
            }
        }
    }
    Ok(reply)
}

/// The markets that a halt halted, with what they were before, and the names of others that are halted.
fn halted(venue: &Venue, scope: MarketScope) -> (Vec<(InstrumentId, MarketState)>, Vec<String>) {
    let (mut wanted, mut left) = (Vec::new(), Vec::new());
    for one in venue.names.values().map(|id| venue.at(*id)) {
        let is_meant = match scope {
            MarketScope::Underlying(underlying) => one.instrument.underlying() == underlying,
            _ => true,
        };
        match one.after_halt().filter(|_| is_meant) {
            Some(state) => wanted.push((one.id, state)),
            None if is_meant && one.state == MarketState::Halted => left.push(one.name.clone()),
            None => {}
        }
    }
    (wanted, left)
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

/// It can only be closed before anybody looks whether some is left: nobody can open more then.
async fn delist(call: &Call, params: DelistParams) -> Result<DelistReply, RpcError> {
    let _turn = call.service.control.turn.lock().await;
    let id = listing(&call.service.venue.read(), &params.instrument)?.id;
    let scope = MarketScope::Instrument(id);
    let closing = submitted(call, set(scope, MarketState::ReduceOnly)).await?;
    let open_interest = call.service.venue.read().at(id).open_interest;
    if open_interest > 0 {
        let (sequence, state) = (closing.sequence, "reduce_only");
        return Ok(DelistReply { sequence, state, open_interest });
    }
    let sequence = submitted(call, set(scope, MarketState::Halted)).await?.sequence;
    Ok(DelistReply { sequence, state: "halted", open_interest })
}
