//! Trades, everybody's and one's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::{count, own, scope};
use crate::call::Call;
use crate::channels::Scope;
use crate::error::RpcError;
use crate::feed::account::UserTrade;
use crate::feed::listing::{Listing, Trade};
use crate::feed::venue::Venue;
use crate::history::queries::{self, Which};
use crate::history::reader::Memory;
use crate::history::span::Span;
use crate::names;
use crate::params::{Flag, Whole};
use crate::registry::{Method, method};
use crate::shapes::orders::UserTradeShape;
use crate::shapes::trades::TradeShape;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("public/get_last_trades_by_instrument", Public, Request, last_by_instrument, ByInstrument => Trades, "The newest trades of an instrument"),
        method!("public/get_last_trades_by_instrument_and_time", Public, Request, last_by_instrument, ByInstrument => Trades, "Trades of an instrument within a time"),
        method!("public/get_last_trades_by_currency", Public, Request, last_by_currency, ByCurrency => Trades, "The newest trades in a currency"),
        method!("public/get_last_trades_by_currency_and_time", Public, Request, last_by_currency, ByCurrency => Trades, "Trades in a currency within a time"),
        method!("private/get_user_trades_by_instrument", Trade, Request, own_by_instrument, ByInstrument => UserTrades, "One's newest trades of an instrument"),
        method!("private/get_user_trades_by_instrument_and_time", Trade, Request, own_by_instrument, ByInstrument => UserTrades, "One's trades of an instrument within a time"),
        method!("private/get_user_trades_by_currency", Trade, Request, own_by_currency, ByCurrency => UserTrades, "One's newest trades in a currency"),
        method!("private/get_user_trades_by_currency_and_time", Trade, Request, own_by_currency, ByCurrency => UserTrades, "One's trades in a currency within a time"),
        method!("private/get_user_trades_by_order", Trade, Request, own_by_order, ByOrder => Vec<UserTradeShape>, "The trades of an order"),
    ]
}

/// Which trades.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByInstrument {
    /// Of this instrument.
    instrument_name: String,
    /// From this number on.
    start_seq: Option<Whole>,
    /// Up to this number.
    end_seq: Option<Whole>,
    /// From this time on, in milliseconds.
    start_timestamp: Option<Whole>,
    /// Up to this time, in milliseconds.
    end_timestamp: Option<Whole>,
    /// How many: 10 unless said, 1,000 at most.
    count: Option<Whole>,
    /// `asc` or `desc`; `default` is the newest first.
    sorting: Option<String>,
    /// Whether old ones count; they do.
    #[serde(rename = "include_old")]
    _old: Option<Flag>,
    /// Whether the archive is meant; it is not looked at.
    #[serde(rename = "historical")]
    _historical: Option<Flag>,
}

/// Which trades.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByCurrency {
    /// In this currency.
    currency: String,
    /// Of this kind; none for all.
    kind: Option<String>,
    /// From the trade with this id on.
    start_id: Option<String>,
    /// Up to the trade with this id.
    end_id: Option<String>,
    /// From this time on, in milliseconds.
    start_timestamp: Option<Whole>,
    /// Up to this time, in milliseconds.
    end_timestamp: Option<Whole>,
    /// How many: 10 unless said, 1,000 at most.
    count: Option<Whole>,
    /// `asc` or `desc`; `default` is the newest first.
    sorting: Option<String>,
    /// Whether old ones count; they do.
    #[serde(rename = "include_old")]
    _old: Option<Flag>,
    /// Whether the archive is meant; it is not looked at.
    #[serde(rename = "historical")]
    _historical: Option<Flag>,
    /// Another account's: not looked at.
    #[serde(rename = "subaccount_id")]
    _subaccount: Option<Whole>,
}

/// Trades.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Trades {
    /// The trades.
    trades: Vec<TradeShape>,
    /// Whether there are more.
    has_more: bool,
}

/// One's trades.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserTrades {
    /// The trades.
    trades: Vec<UserTradeShape>,
    /// Whether there are more.
    has_more: bool,
}

/// Which entries are wanted: by time, and by number where there is one.
fn span(
    time: (Option<Whole>, Option<Whole>),
    number: (Option<Whole>, Option<Whole>),
    wanted: Option<Whole>,
    sorting: Option<&str>,
) -> Result<Span, RpcError> {
    let whole = |bound: Option<Whole>, otherwise| bound.map_or(otherwise, |bound| bound.0);
    // No number is negative, and none is below one.
    let number_of = |bound: Option<Whole>, otherwise| {
        bound.map_or(otherwise, |bound| u64::try_from(bound.0).unwrap_or(0))
    };
    let ascending = match sorting {
        Some("asc") => true,
        None | Some("desc" | "default") => false,
        Some(_) => return Err(RpcError::invalid("sorting", "must be asc, desc or default")),
    };
    Ok(Span {
        numbers: (number_of(number.0, 1), number_of(number.1, u64::MAX)),
        times: (whole(time.0, i64::MIN), whole(time.1, i64::MAX)),
        count: count(wanted, 10)?,
        ascending,
    })
}

fn by_instrument(params: &ByInstrument) -> Result<Span, RpcError> {
    span(
        (params.start_timestamp, params.end_timestamp),
        (params.start_seq, params.end_seq),
        params.count,
        params.sorting.as_deref(),
    )
}

fn by_currency(params: &ByCurrency) -> Result<Span, RpcError> {
    let time = (params.start_timestamp, params.end_timestamp);
    span(time, (None, None), params.count, params.sorting.as_deref())
}

/// Trades as everybody sees them.
fn shapes(call: &Call, (page, has_more): (Vec<Trade>, bool)) -> Trades {
    let venue = call.service.venue.read();
    Trades { trades: page.iter().map(|trade| TradeShape::of(&venue, trade)).collect(), has_more }
}

async fn last_by_instrument(call: &Call, params: ByInstrument) -> Result<Trades, RpcError> {
    let span = by_instrument(&params)?;
    let (id, recent, memory) = {
        let venue = call.service.venue.read();
        let listing = past_listing(&venue, &params.instrument_name)?;
        let wanted = |trade: &&Trade| span.has(trade.number, trade.time.milliseconds());
        let recent: Vec<Trade> = listing.trades.iter().filter(wanted).copied().collect();
        let since = listing.trades.front().map_or(i64::MAX, |trade| trade.time.milliseconds());
        let (first, through) = (listing.trades.first(), venue.sequence);
        (listing.id, recent, Memory { first, since, through })
    };
    let read = move |connection: &_, span: &_| queries::trades_of(connection, id, span);
    Ok(shapes(call, call.service.history.page(span, recent, memory, read).await?))
}

async fn last_by_currency(call: &Call, params: ByCurrency) -> Result<Trades, RpcError> {
    let mut span = by_currency(&params)?;
    let scope = scope(Some(&params.currency), params.kind.as_deref())?;
    span.numbers = ids(call, &params).await?;
    let (which, recent, memory) = {
        let venue = call.service.venue.read();
        let listings = || venue.listings.iter().filter(|listing| scope.has(listing));
        // From here on nothing is missing of any of them.
        let firsts = listings().filter(|listing| listing.trades.first() > 1);
        let oldest =
            firsts.filter_map(|listing| listing.trades.front()).max_by_key(|trade| trade.id);
        let first = oldest.map_or(1, |trade| trade.id);
        let since = oldest.map_or(i64::MIN, |trade| trade.time.milliseconds());
        let wanted =
            |trade: &&Trade| trade.id >= first && span.has(trade.id, trade.time.milliseconds());
        let mut recent: Vec<Trade> =
            listings().flat_map(|listing| listing.trades.iter().filter(wanted)).copied().collect();
        recent.sort_by_key(|trade| trade.id);
        (which(&venue, &scope), recent, Memory { first, since, through: venue.sequence })
    };
    let read = move |connection: &_, span: &_| queries::trades(connection, &which, span);
    Ok(shapes(call, call.service.history.page(span, recent, memory, read).await?))
}

/// An instrument by its name; one that has expired if none of that name is listed now.
///
/// # Errors
/// If there never was one.
pub fn past_listing<'a>(venue: &'a Venue, name: &str) -> Result<&'a Listing, RpcError> {
    let past = || venue.listings.iter().rev().find(|listing| listing.name == name);
    let known = venue.listing(name).or_else(past);
    known.ok_or_else(|| RpcError::no_instrument("instrument_name"))
}

/// The instruments of a scope, for the history.
pub fn which(venue: &Venue, scope: &Scope) -> Which {
    match scope {
        Scope::One(id) => Which::One(*id),
        Scope::All { kind: None, currency: None } => Which::All,
        Scope::All { currency, .. } => {
            let wanted = || venue.listings.iter().filter(|listing| scope.has(listing));
            let is_under =
                |currency| wanted().all(|listing| names::currency(&listing.instrument) == currency);
            let ids = wanted().map(|listing| listing.id).collect();
            Which::These(ids, currency.filter(|currency| is_under(*currency)))
        }
    }
}

/// Between which trades those stand that are asked for, by their ids among all.
async fn ids(call: &Call, params: &ByCurrency) -> Result<(u64, u64), RpcError> {
    let from = match &params.start_id {
        Some(id) => trade(call, "start_id", id).await?,
        None => 1,
    };
    let to = match &params.end_id {
        Some(id) => trade(call, "end_id", id).await?,
        None => u64::MAX,
    };
    Ok((from, to))
}

/// A trade's place among all, by its id as clients know it.
async fn trade(call: &Call, param: &'static str, id: &str) -> Result<u64, RpcError> {
    let unknown = || RpcError::invalid(param, "there is no such trade");
    let parts = id.split_once('-').and_then(|(instrument, number)| {
        Some((instrument.parse::<u32>().ok()?.checked_sub(1)?, number.parse::<u64>().ok()?))
    });
    let (instrument, number) = parts.ok_or_else(unknown)?;
    let (instrument, through) = {
        let venue = call.service.venue.read();
        let listing = venue.listings.get(instrument as usize).ok_or_else(unknown)?;
        let trades = &listing.trades;
        let known = trades.numbered().find(|(known, _)| *known == number);
        if let Some((_, trade)) = known {
            return Ok(trade.id);
        }
        if number >= trades.first() {
            return Err(unknown());
        }
        (listing.id, venue.sequence)
    };
    let read = move |connection: &_| queries::trade_id(connection, instrument, number);
    call.service.history.ask(through, read).await?.ok_or_else(unknown)
}

async fn own_by_instrument(call: &Call, params: ByInstrument) -> Result<UserTrades, RpcError> {
    let wanted = by_instrument(&params)?;
    let id = past_listing(&call.service.venue.read(), &params.instrument_name)?.id;
    // The numbers that are asked for are those of the instrument.
    let span = Span { numbers: (1, u64::MAX), ..wanted };
    own_trades(call, span, Scope::One(id), (1, u64::MAX), wanted.numbers).await
}

async fn own_by_currency(call: &Call, params: ByCurrency) -> Result<UserTrades, RpcError> {
    let span = by_currency(&params)?;
    let scope = scope(Some(&params.currency), params.kind.as_deref())?;
    let ids = ids(call, &params).await?;
    own_trades(call, span, scope, ids, (1, u64::MAX)).await
}

async fn own_trades(
    call: &Call,
    span: Span,
    scope: Scope,
    (from, to): (u64, u64),
    numbers: (u64, u64),
) -> Result<UserTrades, RpcError> {
    let (account, which, recent, memory) = {
        let venue = call.service.venue.read();
        let own = own(call, &venue)?;
        let is_wanted = |(number, own): &(u64, &UserTrade)| {
            let trade = &own.trade;
            span.has(*number, trade.time.milliseconds())
                && (from..=to).contains(&trade.id)
                && (numbers.0..=numbers.1).contains(&trade.number)
                && scope.has(venue.at(trade.instrument))
        };
        let recent = own.trades.numbered().filter(is_wanted).map(|(_, own)| *own).collect();
        (own.id, which(&venue, &scope), recent, memory(&venue, own))
    };
    let read = move |connection: &_, span: &Span| {
        queries::fills(connection, account, &which, (from, to), numbers, span)
    };
    let (page, has_more) = call.service.history.page(span, recent, memory, read).await?;
    Ok(UserTrades { trades: own_shapes(call, &page).await?, has_more })
}

/// What of an account's trades is in memory.
fn memory(venue: &Venue, account: &crate::feed::account::Account) -> Memory {
    let since = account.trades.front().map_or(i64::MAX, |own| own.trade.time.milliseconds());
    Memory { first: account.trades.first(), since, through: venue.sequence }
}

/// Trades as their owner sees them, with what their orders say.
async fn own_shapes(call: &Call, page: &[UserTrade]) -> Result<Vec<UserTradeShape>, RpcError> {
    let ids: std::collections::BTreeSet<_> = page.iter().map(|own| own.order).collect();
    let orders = super::orders::by_id(call, ids).await?;
    let venue = call.service.venue.read();
    let shape = |own: &UserTrade| UserTradeShape::with(&venue, own, orders.get(&own.order));
    Ok(page.iter().map(shape).collect())
}

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByOrder {
    /// The order.
    order_id: String,
    /// `asc` or `desc`; `default` is the newest first.
    sorting: Option<String>,
    /// Whether the archive is meant; it is not looked at.
    #[serde(rename = "historical")]
    _historical: Option<Flag>,
}

async fn own_by_order(call: &Call, params: ByOrder) -> Result<Vec<UserTradeShape>, RpcError> {
    let id = names::parse_order_id(&params.order_id)?;
    let sorting = params.sorting.as_deref();
    let span = span((None, None), (None, None), Some(Whole(1_000)), sorting)?;
    let (account, recent, memory) = {
        let venue = call.service.venue.read();
        let own = own(call, &venue)?;
        let is_of = |own: &&UserTrade| own.order == id;
        let recent = own.trades.iter().filter(is_of).copied().collect();
        (own.id, recent, memory(&venue, own))
    };
    let read = move |connection: &_, span: &_| queries::fills_of(connection, account, id, span);
    let (page, _) = call.service.history.page(span, recent, memory, read).await?;
    own_shapes(call, &page).await
}
