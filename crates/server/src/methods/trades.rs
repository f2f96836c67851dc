//! Trades, everybody's and one's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::market::listing;
use super::orders::{count, own, scope};
use crate::call::Call;
use crate::channels::Scope;
use crate::error::RpcError;
use crate::feed::account::UserTrade;
use crate::feed::listing::Trade;
use crate::names;
use crate::params::{Flag, Whole};
use crate::registry::{Method, method};
use crate::shapes::orders::UserTradeShape;
use crate::shapes::trades::{TradeShape, trade_id};

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
    /// After the trade with this id.
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

/// What of a list of trades is wanted.
struct Wanted {
    time: (i64, i64),
    number: (i64, i64),
    count: usize,
    ascending: bool,
}

impl Wanted {
    fn of(
        time: (Option<Whole>, Option<Whole>),
        number: (Option<Whole>, Option<Whole>),
        wanted: Option<Whole>,
        sorting: Option<&str>,
    ) -> Result<Self, RpcError> {
        let whole = |bound: Option<Whole>, otherwise| bound.map_or(otherwise, |bound| bound.0);
        let range = |(from, to)| (whole(from, i64::MIN), whole(to, i64::MAX));
        let ascending = match sorting {
            Some("asc") => true,
            None | Some("desc" | "default") => false,
            Some(_) => return Err(RpcError::invalid("sorting", "must be asc, desc or default")),
        };
        let (time, number) = (range(time), range(number));
        Ok(Self { time, number, count: count(wanted, 10)?, ascending })
    }

    fn has(&self, trade: &Trade) -> bool {
        let number = i64::try_from(trade.number).unwrap_or(i64::MAX);
        (self.time.0..=self.time.1).contains(&trade.time.milliseconds())
            && (self.number.0..=self.number.1).contains(&number)
    }

    /// A page of a list that goes from old to new, and whether there is more.
    fn page<T>(&self, all: Vec<T>) -> (Vec<T>, bool) {
        let has_more = all.len() > self.count;
        let page = match self.ascending {
            true => all.into_iter().take(self.count).collect(),
            false => all.into_iter().rev().take(self.count).collect(),
        };
        (page, has_more)
    }
}

async fn last_by_instrument(call: &Call, params: ByInstrument) -> Result<Trades, RpcError> {
    let wanted = by_instrument(&params)?;
    let venue = call.service.venue.read();
    let listing = listing(&venue, &params.instrument_name)?;
    let all: Vec<&Trade> = listing.trades.iter().filter(|trade| wanted.has(trade)).collect();
    let (page, has_more) = wanted.page(all);
    Ok(Trades {
        trades: page.iter().map(|trade| TradeShape::of(&venue, trade)).collect(),
        has_more,
    })
}

fn by_instrument(params: &ByInstrument) -> Result<Wanted, RpcError> {
    Wanted::of(
        (params.start_timestamp, params.end_timestamp),
        (params.start_seq, params.end_seq),
        params.count,
        params.sorting.as_deref(),
    )
}

fn by_currency(params: &ByCurrency) -> Result<Wanted, RpcError> {
    let time = (params.start_timestamp, params.end_timestamp);
    Wanted::of(time, (None, None), params.count, params.sorting.as_deref())
}

async fn last_by_currency(call: &Call, params: ByCurrency) -> Result<Trades, RpcError> {
    let wanted = by_currency(&params)?;
    let scope = scope(Some(&params.currency), params.kind.as_deref())?;
    let venue = call.service.venue.read();
    let listings = venue.listings.iter().filter(|listing| scope.has(listing));
    let newest = listings.flat_map(|listing| listing.trades.iter().rev().take(1_000));
    let mut all: Vec<&Trade> = newest.filter(|trade| wanted.has(trade)).collect();
    all.sort_by_key(|trade| (trade.sequence, trade.instrument, trade.number));
    let ids: Vec<String> =
        all.iter().map(|trade| trade_id(venue.at(trade.instrument), trade)).collect();
    let all = between(all, &ids, &params);
    let (page, has_more) = wanted.page(all);
    Ok(Trades {
        trades: page.iter().map(|trade| TradeShape::of(&venue, trade)).collect(),
        has_more,
    })
}

/// What stands after one id and up to another.
fn between<T>(all: Vec<T>, ids: &[String], params: &ByCurrency) -> Vec<T> {
    let place =
        |id: &Option<String>| id.as_ref().and_then(|id| ids.iter().position(|known| known == id));
    let from = place(&params.start_id).unwrap_or(0);
    let to = place(&params.end_id).map_or(usize::MAX, |place| place + 1);
    all.into_iter().take(to).skip(from).collect()
}

async fn own_by_instrument(call: &Call, params: ByInstrument) -> Result<UserTrades, RpcError> {
    let wanted = by_instrument(&params)?;
    let id = listing(&call.service.venue.read(), &params.instrument_name)?.id;
    own_trades(call, &wanted, &Scope::One(id), None)
}

async fn own_by_currency(call: &Call, params: ByCurrency) -> Result<UserTrades, RpcError> {
    let wanted = by_currency(&params)?;
    let scope = scope(Some(&params.currency), params.kind.as_deref())?;
    own_trades(call, &wanted, &scope, Some(&params))
}

fn own_trades(
    call: &Call,
    wanted: &Wanted,
    scope: &Scope,
    ids: Option<&ByCurrency>,
) -> Result<UserTrades, RpcError> {
    let venue = call.service.venue.read();
    let is_wanted =
        |own: &&UserTrade| wanted.has(&own.trade) && scope.has(venue.at(own.trade.instrument));
    let mut all: Vec<&UserTrade> = own(call, &venue)?.trades.iter().filter(is_wanted).collect();
    if let Some(params) = ids.filter(|params| params.start_id.is_some() || params.end_id.is_some())
    {
        let id = |own: &&UserTrade| trade_id(venue.at(own.trade.instrument), &own.trade);
        let ids: Vec<String> = all.iter().map(id).collect();
        all = between(all, &ids, params);
    }
    let (page, has_more) = wanted.page(all);
    let trades = page.iter().map(|own| UserTradeShape::of(&venue, own)).collect();
    Ok(UserTrades { trades, has_more })
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
    let wanted =
        Wanted::of((None, None), (None, None), Some(Whole(1_000)), params.sorting.as_deref())?;
    let venue = call.service.venue.read();
    let all: Vec<&UserTrade> =
        own(call, &venue)?.trades.iter().filter(|own| own.order == id).collect();
    Ok(wanted.page(all).0.iter().map(|own| UserTradeShape::of(&venue, own)).collect())
}
