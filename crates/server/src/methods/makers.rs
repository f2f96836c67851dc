//! Quotes of market makers.
//!
//! A quote is an order under market-maker protection, of which an account has one a side in an
//! instrument. Groups and sets of quotes are names that are taken and not kept.

use std::collections::BTreeMap;

use book::{OrderId, Side};
use engine::command::{Action, CancelOrders, MassQuote, Quote, QuoteSide};
use engine::{Event, InstrumentId, Rejection};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cancelling::cancel_matching;
use super::market::listing;
use super::protection::name;
use super::trading::{in_time, lots, price, request};
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::greeks::OptionFigures;
use crate::names;
use crate::number::Decimal;
use crate::params::{Flag, List, Number, Whole};
use crate::registry::{Method, method};
use crate::shapes::orders::{OrderShape, UserTradeShape};

/// Quotes of one message at most.
const QUOTES_MAX: usize = 100;
/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/mass_quote", TradeWrite, Matching, mass_quote, MassQuoteParams => MassQuoteReply, "Replaces quotes in many instruments at once"),
        method!("private/cancel_quotes", TradeWrite, Matching, cancel_quotes, CancelQuotesParams => u64, "Cancels quotes; gives how many"),
    ]
}

/// Quotes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MassQuoteParams {
    /// The quotes, each instrument at most once, 100 at most.
    quotes: List<QuoteParams>,
    /// A name for the message; it is not kept.
    quote_id: Option<String>,
    /// A name for the group; all groups share the protection of their underlying.
    mmp_group: Option<String>,
    /// Whether orders and trades are wanted, or only how many quotes were refused.
    detailed: Option<Flag>,
    /// Whether to wait; the answer always comes when all quotes are in their books.
    #[serde(rename = "wait_for_response")]
    _wait: Option<Flag>,
    /// Refused if it comes later than this, by the host's clock, in milliseconds.
    valid_until: Option<Whole>,
    /// Makes a retry harmless: a message with the same number is done once.
    x_request_id: Option<Whole>,
}

/// A bid and an offer in one instrument. A side that is left out is cancelled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteParams {
    /// What is quoted.
    instrument_name: String,
    /// A name for a set of quotes; it is not kept.
    quote_set_id: Option<String>,
    /// The bid.
    bid: Option<QuoteSideParams>,
    /// The offer.
    ask: Option<QuoteSideParams>,
}

/// One side of a quote. It never takes: one that would is repriced behind the best price.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteSideParams {
    /// Its price.
    price: Option<Number>,
    /// Its amount; 0 cancels it.
    amount: Number,
    /// It always is.
    #[serde(rename = "post_only")]
    _post_only: Option<Flag>,
    /// It is repriced instead.
    #[serde(rename = "reject_post_only")]
    _reject_post_only: Option<Flag>,
}

/// What became of quotes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MassQuoteReply {
    /// How many sides were refused.
    errors_count: usize,
    /// Why each was.
    errors: Vec<QuoteError>,
    /// The quotes that are in their books, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<OrderShape>>,
    /// Their trades: none, since quotes never take.
    #[serde(skip_serializing_if = "Option::is_none")]
    trades: Option<Vec<UserTradeShape>>,
}

/// Why a side of a quote was refused.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuoteError {
    /// In which instrument.
    instrument_name: String,
    /// `bid` or `ask`.
    side: &'static str,
    /// Why.
    error: QuoteErrorShape,
}

/// An error of a side.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuoteErrorShape {
    /// The dialect's code.
    code: i32,
    /// The dialect's name of it.
    message: &'static str,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// One side that is wanted, in the order in which the engine takes them.
type Wanted = (InstrumentId, Side);

async fn mass_quote(call: &Call, params: MassQuoteParams) -> Result<MassQuoteReply, RpcError> {
    let account = call.account()?;
    in_time(params.valid_until)?;
    name("quote_id", params.quote_id.as_deref())?;
    name("mmp_group", params.mmp_group.as_deref())?;
    let request = request(params.x_request_id)?;
    if !(1..=QUOTES_MAX).contains(&params.quotes.0.len()) {
        return Err(RpcError::invalid("quotes", format!("must be 1 to {QUOTES_MAX} quotes")));
    }
    let quotes = {
        let venue = call.service.venue.read();
        let quotes = params.quotes.0.iter().map(|one| quote(&venue, one));
        quotes.collect::<Result<Vec<Quote>, _>>()?
    };
    let wanted: Vec<Wanted> = quotes.iter().flat_map(sides).collect();
    let mass = Action::MassQuote(MassQuote { account, request, quotes });
    let answer = call.service.submit(mass).await?;
    let refused = || answer.events.iter().filter_map(refusal);
    if let Some(reason) = refused().find(|reason| is_of_the_whole(reason)) {
        return Err(RpcError::from(reason.clone()));
    }
    let venue = call.service.venue.read();
    let placed = placed(&venue, &answer.events);
    // Each side that is wanted is placed or refused, in this order.
    let failed = wanted.iter().filter(|side| !placed.contains_key(*side));
    let errors: Vec<_> =
        failed.zip(refused()).map(|(side, reason)| error(&venue, *side, reason)).collect();
    let detailed = params.detailed.is_some_and(|flag| flag.0);
    let orders = || placed.values().filter_map(|id| venue.orders.get(id));
    Ok(MassQuoteReply {
        errors_count: errors.len(),
        errors,
        orders: detailed.then(|| orders().map(|order| OrderShape::of(&venue, order)).collect()),
        trades: detailed.then(Vec::new),
    })
}

/// A quote in whole lots and ticks.
fn quote(venue: &Venue, params: &QuoteParams) -> Result<Quote, RpcError> {
    name("quote_set_id", params.quote_set_id.as_deref())?;
    let listing = listing(venue, &params.instrument_name)?;
    let side = |side: Option<QuoteSideParams>| -> Result<_, RpcError> {
        match side {
            None => Ok(None),
            Some(side) if side.amount.0 == Decimal(0) => Ok(None),
            Some(side) => {
                let missing = || RpcError::invalid("price", "value required");
                let price = price("price", side.price.ok_or_else(missing)?)?;
                Ok(Some(QuoteSide { price, lots: lots(listing, "amount", side.amount.0)? }))
            }
        }
    };
    Ok(Quote { instrument: listing.id, bid: side(params.bid)?, ask: side(params.ask)? })
}

fn sides(quote: &Quote) -> impl Iterator<Item = Wanted> + use<> {
    let instrument = quote.instrument;
    let both = [(quote.bid, Side::Buy), (quote.ask, Side::Sell)];
    both.into_iter().filter_map(move |(wanted, side)| wanted.map(|_| (instrument, side)))
}

fn refusal(event: &Event) -> Option<&Rejection> {
    match event {
        Event::Rejected(rejected) => Some(&rejected.reason),
        _ => None,
    }
}

/// Whether the whole message was refused, rather than one side.
fn is_of_the_whole(reason: &Rejection) -> bool {
    use Rejection as R;
    matches!(
        reason,
        R::TooManyQuotes { .. }
            | R::Group(_)
            | R::UnknownAccount(_)
            | R::UnknownInstrument(_)
            | R::Expired(_)
            | R::InLiquidation(_)
            | R::RequestReused(_)
            | R::RequestForgotten { .. }
    )
}

/// The sides that are in their books now.
fn placed(venue: &Venue, events: &[Event]) -> BTreeMap<Wanted, OrderId> {
    let place = |event: &Event| match event {
        Event::OrderAccepted { order, instrument, side, .. } => {
            Some(((*instrument, *side), *order))
        }
        Event::Amended { order, instrument, .. } => {
            venue.orders.get(order).map(|known| ((*instrument, known.side), *order))
        }
        _ => None,
    };
    events.iter().filter_map(place).collect()
}

fn error(venue: &Venue, (instrument, side): Wanted, reason: &Rejection) -> QuoteError {
    let error = RpcError::from(reason.clone());
    QuoteError {
        instrument_name: venue.at(instrument).name.clone(),
        side: if side == Side::Buy { "bid" } else { "ask" },
        error: QuoteErrorShape {
            code: error.code,
            message: error.message,
            reason: error.data.reason,
        },
    }
}

/// Which quotes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelQuotesParams {
    /// `all`, `currency`, `currency_pair`, `instrument`, `instrument_kind` or `delta`.
    cancel_type: String,
    /// The currency that they are found under.
    currency: Option<String>,
    /// Their index, as `btc_usd`.
    currency_pair: Option<String>,
    /// Their instrument.
    instrument_name: Option<String>,
    /// Their kind.
    kind: Option<String>,
    /// Options of this delta or more.
    min_delta: Option<Number>,
    /// Options of this delta or less.
    max_delta: Option<Number>,
    /// Sets are not kept: it can't be cancelled by them.
    quote_set_id: Option<String>,
    /// Whether a list is wanted; the reply is a count all the same.
    #[serde(rename = "detailed")]
    _detailed: Option<Flag>,
    /// Whether new quotes are refused for a second: they can't be.
    freeze_quotes: Option<Flag>,
}

async fn cancel_quotes(call: &Call, params: CancelQuotesParams) -> Result<u64, RpcError> {
    let account = call.account()?;
    if params.freeze_quotes.is_some_and(|flag| flag.0) {
        return Err(RpcError::invalid(
            "freeze_quotes",
            "quotes can't be frozen: use set_mmp_config",
        ));
    }
    let all = CancelOrders {
        account,
        instrument: None,
        underlying: None,
        side: None,
        label: None,
        protected: true,
        request: None,
    };
    if params.cancel_type == "all" {
        return cancel_matching(call, all).await;
    }
    let meant = {
        let venue = call.service.venue.read();
        let is_meant = meant(&venue, &params)?;
        let live = venue.account(account).into_iter().flat_map(|account| &account.live);
        let instruments = live.filter_map(|id| venue.orders.get(id)).map(|order| order.instrument);
        let mut instruments: Vec<_> = instruments.filter(|id| is_meant(venue.at(*id))).collect();
        instruments.sort_unstable();
        instruments.dedup();
        instruments
    };
    let cancelled = meant.into_iter().map(|instrument| {
        cancel_matching(call, CancelOrders { instrument: Some(instrument), ..all.clone() })
    });
    Ok(try_join_all(cancelled).await?.into_iter().sum())
}

/// Whether quotes in an instrument are meant.
type IsMeant<'a> = Box<dyn Fn(&Listing) -> bool + 'a>;

/// Which instruments are meant.
fn meant<'a>(venue: &'a Venue, params: &'a CancelQuotesParams) -> Result<IsMeant<'a>, RpcError> {
    let needed = |param: &'static str, text: &'a Option<String>| {
        text.as_deref().ok_or_else(|| RpcError::invalid(param, "value required"))
    };
    Ok(match params.cancel_type.as_str() {
        "currency" => {
            let currency = names::currency_or_any(Some(needed("currency", &params.currency)?))?;
            let kind = names::kind_or_any(params.kind.as_deref())?;
            Box::new(move |listing| {
                currency.is_none_or(|currency| names::is_of(&listing.instrument, currency))
                    && kind.is_none_or(|kind| names::kind(&listing.instrument) == kind)
            })
        }
        "currency_pair" => {
            let pair = needed("currency_pair", &params.currency_pair)?;
            Box::new(move |listing| names::index_name(&listing.instrument) == pair)
        }
        "instrument" => {
            let id = listing(venue, needed("instrument_name", &params.instrument_name)?)?.id;
            Box::new(move |listing| listing.id == id)
        }
        "instrument_kind" | "kind" => {
            let kind = names::kind_or_any(Some(needed("kind", &params.kind)?))?;
            Box::new(move |listing| {
                kind.is_none_or(|kind| names::kind(&listing.instrument) == kind)
            })
        }
        "delta" => {
            let bound = |param, number: Option<Number>| {
                let number = number.ok_or_else(|| RpcError::invalid(param, "value required"));
                number.map(|number| number.0.to_f64())
            };
            let least = bound("min_delta", params.min_delta)?;
            let most = bound("max_delta", params.max_delta)?;
            let market = venue.market.clone();
            Box::new(move |listing| {
                let market = market.as_deref();
                let of = |market| OptionFigures::of(market, &listing.instrument);
                let figures = market.and_then(of);
                figures.is_some_and(|figures| (least..=most).contains(&figures.greeks.delta))
            })
        }
        "quote_set_id" => {
            let set = params.quote_set_id.as_deref().unwrap_or_default();
            name("quote_set_id", Some(set))?;
            return Err(RpcError::invalid("cancel_type", "sets of quotes are not kept"));
        }
        _ => return Err(RpcError::invalid("cancel_type", "there is no such type")),
    })
}
