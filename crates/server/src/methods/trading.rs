//! Orders are placed, amended and cancelled.

use book::{Crossing, Direction, OrderId, PriceSource, SelfTrade, Side};
use engine::Event;
use engine::command::{
    Action, AmendOrder, Label, OrderTerms, OrderType, PlaceGroup, PlaceOrder, TriggerAt,
    TriggerTerms,
};
use instruments::{Price, Timestamp};
use node::Answer;
use schemars::JsonSchema;
use serde::Deserialize;

use super::linked::{self, LinkedOrder};
use super::market::listing;
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::names;
use crate::number::Decimal;
use crate::params::{Flag, List, Nested, Number, Whole};
use crate::registry::{Method, method};
use crate::service::host_ms;
use crate::shapes::orders::{OrderReply, OrderShape, UserTradeShape};

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/buy", TradeWrite, Matching, buy, OrderParams => OrderReply, "Places an order that buys"),
        method!("private/sell", TradeWrite, Matching, sell, OrderParams => OrderReply, "Places an order that sells"),
        method!("private/edit", TradeWrite, Matching, edit, EditParams => OrderReply, "Gives an order another price or amount"),
        method!("private/close_position", TradeWrite, Matching, close_position, CloseParams => OrderReply, "Closes a position with a reduce-only order"),
    ]
}

/// An order.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderParams {
    /// What is traded.
    pub(super) instrument_name: String,
    /// How much: dollars of inverse futures, coins of everything else.
    pub(super) amount: Option<Number>,
    /// The same in contracts.
    pub(super) contracts: Option<Number>,
    /// `limit` unless said; `market`, `market_limit`, `stop_limit`, `stop_market`, `take_limit`,
    /// `take_market`, `trailing_stop`.
    pub(super) r#type: Option<String>,
    /// The worst price.
    pub(super) price: Option<Number>,
    /// A tag; need not be unique.
    pub(super) label: Option<String>,
    /// `good_til_cancelled` unless said; `good_til_day`, `fill_or_kill`, `immediate_or_cancel`.
    pub(super) time_in_force: Option<String>,
    /// The most that is shown at once.
    pub(super) max_show: Option<Number>,
    /// The same.
    pub(super) display_amount: Option<Number>,
    /// Never takes: is repriced where it would.
    pub(super) post_only: Option<Flag>,
    /// Is refused instead.
    pub(super) reject_post_only: Option<Flag>,
    /// May only close.
    pub(super) reduce_only: Option<Flag>,
    /// The price that is waited for.
    pub(super) trigger_price: Option<Number>,
    /// How far a trailing stop trails.
    pub(super) trigger_offset: Option<Number>,
    /// `index_price`, `mark_price` or `last_price`.
    pub(super) trigger: Option<String>,
    /// Whether market-maker protection counts it.
    pub(super) mmp: Option<Flag>,
    /// Refused if it comes later than this, by the host's clock, in milliseconds.
    pub(super) valid_until: Option<Whole>,
    /// `one_triggers_other`, `one_cancels_other` or `one_triggers_one_cancels_other`: what
    /// `otoco_config` has to do with this order.
    pub(super) linked_order_type: Option<String>,
    /// How much of this order must trade: `first_hit` unless said, or `complete_fill`.
    pub(super) trigger_fill_condition: Option<String>,
    /// The other order, or the two that are triggered; in the same instrument.
    pub(super) otoco_config: Option<List<Nested<LinkedOrder>>>,
    /// Makes a retry harmless: two calls with the same number place one order.
    pub(super) x_request_id: Option<Whole>,
}

async fn buy(call: &Call, params: OrderParams) -> Result<OrderReply, RpcError> {
    place(call, Side::Buy, params).await
}

async fn sell(call: &Call, params: OrderParams) -> Result<OrderReply, RpcError> {
    place(call, Side::Sell, params).await
}

async fn place(call: &Call, side: Side, params: OrderParams) -> Result<OrderReply, RpcError> {
    let account = call.account()?;
    in_time(params.valid_until)?;
    let request = request(params.x_request_id)?;
    let action = {
        let venue = call.service.venue.read();
        let listing = listing(&venue, &params.instrument_name)?;
        let order = terms(listing, side, &params, venue.time)?;
        match linked::group(listing, order.clone(), &params, venue.time)? {
            Some(group) => Action::PlaceGroup(Box::new(PlaceGroup { account, request, group })),
            None => Action::PlaceOrder(PlaceOrder { account, request, order }),
        }
    };
    let answer = call.submit(action).await?;
    reply(call, &answer, None)
}

/// # Errors
/// If the time by which a request is good has passed.
pub fn in_time(valid_until: Option<Whole>) -> Result<(), RpcError> {
    match valid_until {
        Some(Whole(until)) if until < host_ms() => {
            Err(RpcError::new(13888, "timed_out").because("valid_until has passed"))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// If the number of a request is not above zero.
pub fn request(id: Option<Whole>) -> Result<Option<u64>, RpcError> {
    let positive = |id: Whole| {
        let id = u64::try_from(id.0).ok().filter(|id| *id > 0);
        id.ok_or_else(|| RpcError::invalid("x_request_id", "must be a number above zero"))
    };
    id.map(positive).transpose()
}

/// The terms of an order in whole lots and ticks.
///
/// # Errors
/// If something is missing or wrong.
pub fn terms(
    listing: &Listing,
    side: Side,
    params: &OrderParams,
    now: Timestamp,
) -> Result<OrderTerms, RpcError> {
    let kind = params.r#type.as_deref().unwrap_or("limit");
    let lots = match (params.amount, params.contracts) {
        (Some(amount), None) => lots(listing, "amount", amount.0)?,
        (None, Some(contracts)) => whole_contracts(contracts)?,
        (Some(amount), Some(contracts)) => {
            let lots = lots(listing, "amount", amount.0)?;
            if whole_contracts(contracts)? != lots {
                return Err(RpcError::invalid("contracts", "does not agree with amount"));
            }
            lots
        }
        (None, None) => return Err(RpcError::invalid("amount", "value required")),
    };
    let is_waiting =
        kind.starts_with("stop") || kind.starts_with("take") || kind == "trailing_stop";
    let trigger = if is_waiting { Some(trigger(kind, side, params)?) } else { None };
    let (order_type, expires) = order_type(kind, params, now)?;
    let shown = params.max_show.or(params.display_amount);
    let display = shown.map(|shown| self::lots(listing, "display_amount", shown.0)).transpose()?;
    Ok(OrderTerms {
        instrument: listing.id,
        side,
        lots,
        order_type,
        trigger,
        reduce_only: params.reduce_only.is_some_and(|flag| flag.0),
        display: display.filter(|display| *display < lots),
        expires,
        self_trade: SelfTrade::default(),
        protected: params.mmp.is_some_and(|flag| flag.0),
        label: label(params.label.as_deref())?,
    })
}

/// An amount in whole lots.
///
/// # Errors
/// If it is between lots, or no lots at all.
pub fn lots(listing: &Listing, param: &str, amount: Decimal) -> Result<i64, RpcError> {
    let lot = i128::from(listing.instrument.lot_size());
    let whole = i64::try_from(amount.0 / lot).ok().filter(|lots| *lots > 0 && amount.0 % lot == 0);
    let lot = Decimal(lot);
    whole.ok_or_else(|| RpcError::invalid(param, format!("must be a multiple of {lot} above zero")))
}

fn whole_contracts(contracts: Number) -> Result<i64, RpcError> {
    let scale = i128::from(instruments::SCALE);
    let units = contracts.0.0;
    let whole = i64::try_from(units / scale).ok().filter(|lots| *lots > 0 && units % scale == 0);
    whole.ok_or_else(|| RpcError::invalid("contracts", "must be a whole number above zero"))
}

/// A price.
///
/// # Errors
/// If it is out of every range.
pub fn price(param: &str, number: Number) -> Result<Price, RpcError> {
    let units = i64::try_from(number.0.0).ok().filter(|units| *units > 0);
    units
        .map(Price::from_units)
        .ok_or_else(|| RpcError::invalid(param, "must be a price above zero"))
}

/// A tag.
///
/// # Errors
/// If it can't be one.
pub fn label(text: Option<&str>) -> Result<Option<Label>, RpcError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let label = Label::new(text);
    label
        .map(Some)
        .ok_or_else(|| RpcError::invalid("label", "must be at most 64 bytes of printable ASCII"))
}

fn order_type(
    kind: &str,
    params: &OrderParams,
    now: Timestamp,
) -> Result<(OrderType, Option<Timestamp>), RpcError> {
    let post_only = params.post_only.is_some_and(|flag| flag.0);
    let limit = || {
        let number = params.price.ok_or_else(|| RpcError::invalid("price", "value required"))?;
        price("price", number)
    };
    match kind {
        "market" | "stop_market" | "take_market" | "trailing_stop" => {
            return Ok((OrderType::Market {}, None));
        }
        "market_limit" => return Ok((OrderType::MarketLimit {}, None)),
        "limit" | "stop_limit" | "take_limit" => {}
        _ => return Err(RpcError::invalid("type", "there is no such type of order")),
    }
    let price = limit()?;
    let crossing = match params.reject_post_only.is_some_and(|flag| flag.0) {
        true => Crossing::Reject,
        false => Crossing::Reprice,
    };
    let limit = match post_only {
        true => OrderType::PostOnly { price, crossing },
        false => OrderType::Limit { price },
    };
    Ok(match params.time_in_force.as_deref().unwrap_or("good_til_cancelled") {
        "good_til_cancelled" => (limit, None),
        "good_til_day" => (limit, Some(end_of_day(now))),
        "immediate_or_cancel" | "fill_or_kill" if post_only => {
            return Err(RpcError::invalid(
                "post_only",
                "an order that never rests can't be post-only",
            ));
        }
        "immediate_or_cancel" => (OrderType::ImmediateOrCancel { price }, None),
        "fill_or_kill" => (OrderType::FillOrKill { price }, None),
        _ => return Err(RpcError::invalid("time_in_force", "there is no such time in force")),
    })
}

/// Days end at midnight UTC.
fn end_of_day(now: Timestamp) -> Timestamp {
    let day = 24 * Timestamp::HOUR;
    Timestamp::from_milliseconds((now.milliseconds().div_euclid(day) + 1) * day)
}

fn trigger(kind: &str, side: Side, params: &OrderParams) -> Result<TriggerTerms, RpcError> {
    let source = match params.trigger.as_deref() {
        Some("last_price") => PriceSource::Last,
        Some("mark_price") => PriceSource::Mark,
        Some("index_price") => PriceSource::Index,
        None => return Err(RpcError::invalid("trigger", "value required")),
        Some(_) => {
            return Err(RpcError::invalid(
                "trigger",
                "must be index_price, mark_price or last_price",
            ));
        }
    };
    let is_take = kind.starts_with("take");
    let direction = match (side, is_take) {
        (Side::Buy, false) | (Side::Sell, true) => Direction::Rising,
        (Side::Sell, false) | (Side::Buy, true) => Direction::Falling,
    };
    let needed = |name: &str, value: Option<Number>| {
        let number = value.ok_or_else(|| RpcError::invalid(name, "value required"))?;
        price(name, number)
    };
    let at = match kind {
        "trailing_stop" => TriggerAt::Trail(needed("trigger_offset", params.trigger_offset)?),
        _ => TriggerAt::Price(needed("trigger_price", params.trigger_price)?),
    };
    Ok(TriggerTerms { source, direction, at })
}

/// The order that a command was about, with the trades that it made.
///
/// # Errors
/// If it is not there any more.
pub fn reply(call: &Call, answer: &Answer, known: Option<OrderId>) -> Result<OrderReply, RpcError> {
    let venue = call.service.venue.read();
    let accepted = answer.events.iter().find_map(|event| match event {
        Event::OrderAccepted { order, .. } => Some(*order),
        _ => None,
    });
    let repeated = answer.events.iter().find_map(|event| match event {
        Event::Repeated { account, request, .. } => venue.requested(*account, *request),
        _ => None,
    });
    let id = accepted.or(repeated).or(known);
    let order = id.and_then(|id| venue.orders.get(&id)).ok_or_else(RpcError::no_order)?;
    let trades = venue.account(order.account).map(|account| {
        let own =
            account.trades.iter().rev().take_while(|own| own.trade.sequence >= answer.sequence);
        let mut own: Vec<_> = own
            .filter(|own| own.order == order.id && own.trade.sequence == answer.sequence)
            .map(|own| UserTradeShape::of(&venue, own))
            .collect();
        own.reverse();
        own
    });
    Ok(OrderReply { order: OrderShape::of(&venue, order), trades: trades.unwrap_or_default() })
}

/// Which order, and what of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditParams {
    /// The order.
    order_id: String,
    /// Its whole amount from now on, what has traded included.
    amount: Option<Number>,
    /// The same in contracts.
    contracts: Option<Number>,
    /// Its price from now on.
    price: Option<Number>,
    /// As the order has it: it can't be changed.
    #[serde(rename = "post_only")]
    _post_only: Option<Flag>,
    /// As the order has it: it can't be changed.
    #[serde(rename = "reduce_only")]
    _reduce_only: Option<Flag>,
    /// As the order has it: it can't be changed.
    #[serde(rename = "reject_post_only")]
    _reject_post_only: Option<Flag>,
    /// As the order has it: it can't be changed.
    #[serde(rename = "mmp")]
    _mmp: Option<Flag>,
    /// An order that waits can't be changed: this is refused.
    trigger_price: Option<Number>,
    /// The same.
    trigger_offset: Option<Number>,
    /// Refused if it comes later than this, by the host's clock, in milliseconds.
    valid_until: Option<Whole>,
    /// Makes a retry harmless.
    x_request_id: Option<Whole>,
}

async fn edit(call: &Call, params: EditParams) -> Result<OrderReply, RpcError> {
    let account = call.account()?;
    in_time(params.valid_until)?;
    let id = names::parse_order_id(&params.order_id)?;
    let request = request(params.x_request_id)?;
    let amend = {
        let venue = call.service.venue.read();
        let order = venue.orders.get(&id).filter(|order| order.account == account);
        let order = order.ok_or_else(RpcError::no_order)?;
        if !order.is_live() {
            return Err(RpcError::new(11044, "not_open_order"));
        }
        if params.trigger_price.or(params.trigger_offset).is_some() {
            let reason = "what an order waits for can't be changed: cancel it and place another";
            return Err(RpcError::new(11030, "other_reject").because(reason));
        }
        let listing = venue.at(order.instrument);
        let all = match (params.amount, params.contracts) {
            (Some(amount), _) => Some(lots(listing, "amount", amount.0)?),
            (None, Some(contracts)) => Some(whole_contracts(contracts)?),
            (None, None) => None,
        };
        let lots = all.map(|all| match all - order.filled {
            open @ 1.. => Ok(open),
            _ => Err(RpcError::invalid("amount", "must be above what has traded already")),
        });
        let price = params.price.map(|number| price("price", number)).transpose()?;
        AmendOrder { account, order: id, price, lots: lots.transpose()?, request }
    };
    let answer = call.submit(Action::AmendOrder(amend)).await?;
    reply(call, &answer, Some(id))
}

/// Which position, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseParams {
    /// In which instrument.
    instrument_name: String,
    /// `limit` or `market`.
    r#type: String,
    /// The worst price of a limit order.
    price: Option<Number>,
}

async fn close_position(call: &Call, params: CloseParams) -> Result<OrderReply, RpcError> {
    let account = call.account()?;
    let order = {
        let venue = call.service.venue.read();
        let listing = listing(&venue, &params.instrument_name)?;
        let known = venue.account(account);
        let position = known.and_then(|known| known.positions.get(&listing.id));
        let nothing =
            || RpcError::new(11030, "other_reject").because("there is no position to close");
        let lots = position.ok_or_else(nothing)?.lots;
        let order_type = match params.r#type.as_str() {
            "market" => OrderType::Market {},
            "limit" => {
                let number =
                    params.price.ok_or_else(|| RpcError::invalid("price", "value required"))?;
                OrderType::Limit { price: price("price", number)? }
            }
            _ => return Err(RpcError::invalid("type", "must be limit or market")),
        };
        OrderTerms {
            instrument: listing.id,
            side: if lots > 0 { Side::Sell } else { Side::Buy },
            lots: lots.abs(),
            order_type,
            trigger: None,
            reduce_only: true,
            display: None,
            expires: None,
            self_trade: SelfTrade::default(),
            protected: false,
            label: None,
        }
    };
    let place = PlaceOrder { account, request: None, order };
    let answer = call.submit(Action::PlaceOrder(place)).await?;
    reply(call, &answer, None)
}
