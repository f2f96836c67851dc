//! Orders and trades of an account.

use book::{Crossing, OrderId, PriceSource};
use engine::command::{OrderType, TriggerAt, TriggerTerms, WhenFilled};
use engine::event::CancelReason;
use schemars::JsonSchema;
use serde::Serialize;

use super::market::{amount, direction};
use super::trades::trade_id;
use crate::feed::account::UserTrade;
use crate::feed::order::{Order, OrderState};
use crate::feed::venue::Venue;
use crate::names;
use crate::number::Decimal;

/// A price, or that it is the market's.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PriceShape {
    /// A price.
    Price(Decimal),
    /// `market_price`.
    Market(MarketPrice),
}

/// What is said instead of a price.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketPrice {
    /// The market's.
    MarketPrice,
}

/// An order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderShape {
    /// Its id.
    pub order_id: String,
    /// What it trades.
    pub instrument_name: String,
    /// `buy` or `sell`.
    pub direction: &'static str,
    /// `limit`, `market`, `stop_limit` and so on.
    pub order_type: &'static str,
    /// `open`, `filled`, `rejected`, `cancelled`, `untriggered`.
    pub order_state: &'static str,
    /// Its limit.
    pub price: PriceShape,
    /// Its amount.
    pub amount: Decimal,
    /// What of it traded.
    pub filled_amount: Decimal,
    /// At what price on average; 0 if nothing did.
    pub average_price: Decimal,
    /// Its amount in contracts.
    pub contracts: i64,
    /// When it came.
    pub creation_timestamp: i64,
    /// When it last changed.
    pub last_update_timestamp: i64,
    /// `good_til_cancelled`, `good_til_day`, `immediate_or_cancel`, `fill_or_kill`.
    pub time_in_force: &'static str,
    /// Its owner's tag; empty without one.
    pub label: String,
    /// Whether it never takes.
    pub post_only: bool,
    /// Whether it is refused where it would take.
    pub reject_post_only: bool,
    /// Whether it may only close.
    pub reduce_only: bool,
    /// The most that is shown at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_show: Option<Decimal>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_amount: Option<Decimal>,
    /// What it paid in fees.
    pub commission: Decimal,
    /// What its trades realised.
    pub profit_loss: Decimal,
    /// Always true: all orders come through the API.
    pub api: bool,
    /// Always false: there is no web page here.
    pub web: bool,
    /// Whether it was amended.
    pub replaced: bool,
    /// Whether market-maker protection counts it.
    pub mmp: bool,
    /// Whether a liquidation case sent it.
    pub is_liquidation: bool,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// Which price it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<&'static str>,
    /// The price that it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_price: Option<Decimal>,
    /// The same, by its older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Decimal>,
    /// How far a trailing stop trails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_offset: Option<Decimal>,
    /// Whether the price has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggered: Option<bool>,
    /// Orders that it triggers when it trades.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub oto_order_ids: Vec<String>,
    /// How much of it must trade before it does: `first_hit` or `complete_fill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_fill_condition: Option<&'static str>,
    /// Whether it triggers a pair of orders; there only if it does.
    #[serde(skip_serializing_if = "is_not")]
    pub is_primary_otoco: bool,
    /// Whether another order triggers it; there only if one does.
    #[serde(skip_serializing_if = "is_not")]
    pub is_secondary_oto: bool,
    /// The order that triggers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_order_id: Option<String>,
    /// The same for two orders of which one cancels the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oco_ref: Option<String>,
}

/// What is not so is left out.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

impl OrderShape {
    /// Of an order.
    #[must_use]
    pub fn of(venue: &Venue, order: &Order) -> Self {
        let listing = venue.at(order.instrument);
        let terms = order.terms.as_ref();
        let kind = terms.map(|terms| terms.order_type);
        let trigger = terms.and_then(|terms| terms.trigger);
        let price = match order.price {
            Some(price) => PriceShape::Price(price.into()),
            None => PriceShape::Market(MarketPrice::MarketPrice),
        };
        let display = terms.and_then(|terms| terms.display).map(|lots| amount(listing, lots));
        let (post_only, reject) = match kind {
            Some(OrderType::PostOnly { crossing, .. }) => (true, crossing == Crossing::Reject),
            None => (!order.liquidation, false),
            _ => (false, false),
        };
        let stop = trigger.and_then(|trigger| match trigger.at {
            TriggerAt::Price(price) => Some(Decimal::from(price)),
            TriggerAt::Trail(_) => None,
        });
        // Orders of a group are in one instrument.
        let own_id = |id: &OrderId| names::order_id(listing, *id);
        Self {
            order_id: names::order_id(listing, order.id),
            instrument_name: listing.name.clone(),
            direction: direction(order.side),
            order_type: order_type(order),
            order_state: state(order),
            price,
            amount: amount(listing, order.lots),
            filled_amount: amount(listing, order.filled),
            average_price: order.average_price().map(Decimal::from).unwrap_or_default(),
            contracts: order.lots,
            creation_timestamp: order.created.milliseconds(),
            last_update_timestamp: order.updated.milliseconds(),
            time_in_force: time_in_force(order),
            label: order.label.as_ref().map(|label| label.text().to_owned()).unwrap_or_default(),
            post_only,
            reject_post_only: reject,
            reduce_only: terms.is_some_and(|terms| terms.reduce_only),
            max_show: display,
            display_amount: display,
            commission: order.fees.into(),
            profit_loss: order.realised.into(),
            api: true,
            web: false,
            replaced: order.replaced,
            mmp: terms.map_or(!order.liquidation, |terms| terms.protected),
            is_liquidation: order.liquidation,
            cancel_reason: order.reason.map(cancel_reason),
            trigger: trigger.map(|trigger| source(trigger.source)),
            trigger_price: stop,
            stop_price: stop,
            trigger_offset: trigger.and_then(offset),
            triggered: trigger.map(|_| order.triggered),
            oto_order_ids: order.links.secondaries.iter().map(own_id).collect(),
            trigger_fill_condition: order.links.condition.map(|condition| match condition {
                WhenFilled::First => "first_hit",
                WhenFilled::Complete => "complete_fill",
            }),
            is_primary_otoco: order.links.secondaries.len() == 2,
            is_secondary_oto: order.links.primary.is_some(),
            primary_order_id: order.links.primary.as_ref().map(own_id),
            oco_ref: order.links.pair.as_ref().map(own_id),
        }
    }
}

fn offset(trigger: TriggerTerms) -> Option<Decimal> {
    match trigger.at {
        TriggerAt::Trail(trail) => Some(trail.into()),
        TriggerAt::Price(_) => None,
    }
}

const fn source(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Last => "last_price",
        PriceSource::Mark => "mark_price",
        PriceSource::Index => "index_price",
    }
}

fn state(order: &Order) -> &'static str {
    match order.state {
        OrderState::Untriggered => "untriggered",
        OrderState::Open => "open",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
    }
}

/// What an order is called: what it waits for, and what it does then.
fn order_type(order: &Order) -> &'static str {
    let Some(terms) = &order.terms else { return "limit" };
    let is_market = matches!(terms.order_type, OrderType::Market {});
    match (&terms.trigger, &terms.order_type) {
        (Some(TriggerTerms { at: TriggerAt::Trail(_), .. }), _) => "trailing_stop",
        (Some(trigger), _) => {
            use book::{Direction, Side};
            let is_stop = matches!(
                (order.side, trigger.direction),
                (Side::Buy, Direction::Rising) | (Side::Sell, Direction::Falling)
            );
            match (is_stop, is_market) {
                (true, true) => "stop_market",
                (true, false) => "stop_limit",
                (false, true) => "take_market",
                (false, false) => "take_limit",
            }
        }
        (None, OrderType::MarketLimit {}) => "market_limit",
        (None, _) if is_market => "market",
        (None, _) => "limit",
    }
}

fn time_in_force(order: &Order) -> &'static str {
    let Some(terms) = &order.terms else { return "good_til_cancelled" };
    match terms.order_type {
        OrderType::ImmediateOrCancel { .. } => "immediate_or_cancel",
        OrderType::FillOrKill { .. } => "fill_or_kill",
        _ if terms.expires.is_some() => "good_til_day",
        _ => "good_til_cancelled",
    }
}

/// Why an order was cancelled, in the dialect's words where it has them.
fn cancel_reason(reason: CancelReason) -> String {
    let text = match reason {
        CancelReason::CancelOrders | CancelReason::Replaced => "user_request",
        CancelReason::Expired => "expired",
        CancelReason::ReduceOnly => "reduce_only",
        CancelReason::OneCancelsOther => "oco_other_closed",
        CancelReason::Restricted => "margin",
        CancelReason::Protection => "mmp_trigger",
        CancelReason::Disconnect => "cancel_on_disconnect",
        CancelReason::InstrumentExpired => "settlement",
        CancelReason::Refused => "rejected",
        CancelReason::NotTriggered => "oto_primary_closed",
        CancelReason::Liquidation => "liquidation",
        CancelReason::Book(reason) => return book_reason(reason).to_owned(),
    };
    text.to_owned()
}

fn book_reason(reason: book::CancelReason) -> &'static str {
    match reason {
        book::CancelReason::Requested => "user_request",
        book::CancelReason::SelfTrade => "self_trade",
        _ => "unfilled",
    }
}

/// A trade of an account.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserTradeShape {
    /// Its id.
    pub trade_id: String,
    /// Its number in the instrument.
    pub trade_seq: u64,
    /// The order.
    pub order_id: String,
    /// Of what.
    pub instrument_name: String,
    /// `buy` or `sell`: what the account did.
    pub direction: &'static str,
    /// The price.
    pub price: Decimal,
    /// The amount.
    pub amount: Decimal,
    /// The amount in contracts.
    pub contracts: i64,
    /// What it paid.
    pub fee: Decimal,
    /// In which currency.
    pub fee_currency: String,
    /// When.
    pub timestamp: i64,
    /// `M` if its order rested, else `T`.
    pub liquidity: &'static str,
    /// The order's type.
    pub order_type: &'static str,
    /// How the order stands.
    pub state: &'static str,
    /// The index then.
    pub index_price: Option<Decimal>,
    /// The mark then.
    pub mark_price: Option<Decimal>,
    /// 0 rose, 1 as before after a rise, 2 fell, 3 as before after a fall.
    pub tick_direction: u8,
    /// What it realised.
    pub profit_loss: Decimal,
    /// The order's tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether the order may only close.
    pub reduce_only: bool,
    /// Whether the order never takes.
    pub post_only: bool,
    /// Whether market-maker protection counted it.
    pub mmp: bool,
    /// Always true.
    pub api: bool,
    /// `M`, `T` or `MT`: which side a liquidation was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<&'static str>,
}

impl UserTradeShape {
    /// Of a trade.
    #[must_use]
    pub fn of(venue: &Venue, own: &UserTrade) -> Self {
        Self::with(venue, own, venue.orders.get(&own.order))
    }

    /// Of a trade whose order may be in the history alone.
    #[must_use]
    pub fn with(venue: &Venue, own: &UserTrade, order: Option<&Order>) -> Self {
        let trade = &own.trade;
        let listing = venue.at(trade.instrument);
        let order = order.map(|order| OrderShape::of(venue, order));
        let (side, liquidation) = match own.is_maker {
            true => (opposite(trade.side), trade.maker.1.then_some("M")),
            false => (trade.side, trade.taker.1.then_some("T")),
        };
        Self {
            trade_id: trade_id(listing, trade),
            trade_seq: trade.number,
            order_id: names::order_id(listing, own.order),
            instrument_name: listing.name.clone(),
            direction: direction(side),
            price: trade.price.into(),
            amount: amount(listing, trade.lots),
            contracts: trade.lots,
            fee: own.fee.into(),
            fee_currency: listing.instrument.settlement_asset().to_string(),
            timestamp: trade.time.milliseconds(),
            liquidity: if own.is_maker { "M" } else { "T" },
            order_type: order.as_ref().map_or("limit", |order| order.order_type),
            state: order.as_ref().map_or("filled", |order| order.order_state),
            index_price: trade.index.map(Decimal::from),
            mark_price: trade.mark.map(Decimal::from),
            tick_direction: trade.tick_direction,
            profit_loss: own.realised.into(),
            label: order
                .as_ref()
                .map(|order| order.label.clone())
                .filter(|label| !label.is_empty()),
            reduce_only: order.as_ref().is_some_and(|order| order.reduce_only),
            post_only: order.as_ref().is_some_and(|order| order.post_only),
            mmp: order.as_ref().is_some_and(|order| order.mmp),
            api: true,
            liquidation,
        }
    }
}

const fn opposite(side: book::Side) -> book::Side {
    match side {
        book::Side::Buy => book::Side::Sell,
        book::Side::Sell => book::Side::Buy,
    }
}

/// An order with the trades that it made at once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderReply {
    /// The order.
    pub order: OrderShape,
    /// Its trades.
    pub trades: Vec<UserTradeShape>,
}
