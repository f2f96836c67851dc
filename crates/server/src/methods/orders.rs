//! Orders are looked at.

use std::collections::{BTreeMap, BTreeSet};

use book::OrderId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::cancelling::OrderIdParams;
use super::trades::{past_listing, which};
use crate::call::Call;
use crate::channels::Scope;
use crate::error::RpcError;
use crate::feed::account::Account;
use crate::feed::order::Order;
use crate::feed::venue::Venue;
use crate::history::queries;
use crate::history::reader::Memory;
use crate::history::span::Span;
use crate::names;
use crate::params::{Flag, Whole};
use crate::registry::{Method, method};
use crate::shapes::orders::OrderShape;

/// Orders with a label that are told at once.
const LABELLED_MAX: usize = 1_000;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/get_order_state", Trade, Request, get_order_state, OrderIdParams => OrderShape, "One order"),
        method!("private/get_order_state_by_label", Trade, Request, get_by_label, LabelParams => Vec<OrderShape>, "Orders with a label, in a currency: those that are open, and the newest that ended, 1,000 at most"),
        method!("private/get_open_orders", Trade, Request, get_open_orders, OpenParams => Vec<OrderShape>, "All open orders"),
        method!("private/get_open_orders_by_currency", Trade, Request, get_open_by_currency, OpenByCurrencyParams => Vec<OrderShape>, "Open orders in a currency"),
        method!("private/get_open_orders_by_instrument", Trade, Request, get_open_by_instrument, OpenByInstrumentParams => Vec<OrderShape>, "Open orders in an instrument"),
        method!("private/get_open_orders_by_label", Trade, Request, get_open_by_label, LabelParams => Vec<OrderShape>, "Open orders with a label"),
        method!("private/get_order_history_by_currency", Trade, Request, get_history_by_currency, HistoryByCurrencyParams => Vec<OrderShape>, "Orders that ended, in a currency"),
        method!("private/get_order_history_by_instrument", Trade, Request, get_history_by_instrument, HistoryByInstrumentParams => Vec<OrderShape>, "Orders that ended, in an instrument"),
    ]
}

async fn get_order_state(call: &Call, params: OrderIdParams) -> Result<OrderShape, RpcError> {
    let account = call.account()?;
    let id = names::parse_order_id(&params.order_id)?;
    let found = by_id(call, BTreeSet::from([id])).await?;
    let order = found.get(&id).filter(|order| order.account == account);
    let order = order.ok_or_else(RpcError::no_order)?;
    Ok(OrderShape::of(&call.service.venue.read(), order))
}

/// Orders by their numbers, whosever they are; those that are not there are left out.
///
/// # Errors
/// If the history can't be asked.
pub async fn by_id(
    call: &Call,
    ids: BTreeSet<OrderId>,
) -> Result<BTreeMap<OrderId, Order>, RpcError> {
    let (mut known, missing, through) = {
        let venue = call.service.venue.read();
        let (here, missing): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|id| venue.orders.contains_key(id));
        let known = here.iter().filter_map(|id| Some((*id, venue.orders.get(id)?.clone())));
        (known.collect::<BTreeMap<_, _>>(), missing, venue.sequence)
    };
    if !missing.is_empty() {
        let read = move |connection: &_| queries::orders(connection, &missing);
        let older = call.service.history.ask(through, read).await?;
        known.extend(older.into_iter().map(|order| (order.id, order)));
    }
    Ok(known)
}

/// The caller's account.
///
/// # Errors
/// If nobody is logged in, or the account is not open.
pub fn own<'a>(call: &Call, venue: &'a Venue) -> Result<&'a Account, RpcError> {
    let account = venue.account(call.account()?);
    account.ok_or_else(|| RpcError::forbidden("the account is not open"))
}

/// A scope from a currency and a kind.
///
/// # Errors
/// For what is no currency or kind.
pub fn scope(currency: Option<&str>, kind: Option<&str>) -> Result<Scope, RpcError> {
    let (currency, kind) = (names::currency_or_any(currency)?, names::kind_or_any(kind)?);
    Ok(Scope::All { kind, currency })
}

fn shapes<'a>(
    venue: &Venue,
    ids: impl Iterator<Item = &'a OrderId>,
    is_wanted: impl Fn(&Order) -> bool,
) -> Vec<OrderShape> {
    let orders = ids.filter_map(|id| venue.orders.get(id)).filter(|order| is_wanted(order));
    orders.map(|order| OrderShape::of(venue, order)).collect()
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelParams {
    /// In this currency; none for all.
    currency: Option<String>,
    /// With this label.
    label: Option<String>,
}

async fn get_by_label(call: &Call, params: LabelParams) -> Result<Vec<OrderShape>, RpcError> {
    let scope = scope(params.currency.as_deref(), None)?;
    let label = params.label.clone();
    let (mut shapes, account, which, recent, memory) = {
        let venue = call.service.venue.read();
        let account = own(call, &venue)?;
        let live = labelled(&venue, account.live.iter(), &params)?;
        let recent = ended(&venue, account, |order| has(&venue, order, &scope, label.as_deref()));
        (live, account.id, which(&venue, &scope), recent, memory(&venue, account))
    };
    let read = move |connection: &_, span: &_| {
        queries::labelled(connection, account, &which, label.as_deref(), span)
    };
    let newest = Span::newest(LABELLED_MAX.saturating_sub(shapes.len()));
    let (page, _) = call.service.history.page(newest, recent, memory, read).await?;
    let venue = call.service.venue.read();
    shapes.extend(page.iter().map(|order| OrderShape::of(&venue, order)));
    Ok(shapes)
}

/// Orders of an account that ended, oldest first.
fn ended(venue: &Venue, account: &Account, is_wanted: impl Fn(&Order) -> bool) -> Vec<Order> {
    let orders = account.ended.iter().filter_map(|id| venue.orders.get(id));
    orders.filter(|order| is_wanted(order)).cloned().collect()
}

/// What of an account's ended orders is in memory.
fn memory(venue: &Venue, account: &Account) -> Memory {
    Memory { first: account.ended.first(), since: i64::MAX, through: venue.sequence }
}

fn has(venue: &Venue, order: &Order, scope: &Scope, label: Option<&str>) -> bool {
    scope.has(venue.at(order.instrument))
        && label.is_none_or(|label| order.label.as_ref().is_some_and(|own| own.text() == label))
}

async fn get_open_by_label(call: &Call, params: LabelParams) -> Result<Vec<OrderShape>, RpcError> {
    let venue = call.service.venue.read();
    labelled(&venue, own(call, &venue)?.live.iter(), &params)
}

fn labelled<'a>(
    venue: &Venue,
    ids: impl Iterator<Item = &'a OrderId>,
    params: &LabelParams,
) -> Result<Vec<OrderShape>, RpcError> {
    let scope = scope(params.currency.as_deref(), None)?;
    let label = params.label.as_deref();
    Ok(shapes(venue, ids, |order| has(venue, order, &scope, label)))
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenParams {
    /// Of this kind; none for all.
    kind: Option<String>,
    /// Of this type: `all` unless said.
    r#type: Option<String>,
}

async fn get_open_orders(call: &Call, params: OpenParams) -> Result<Vec<OrderShape>, RpcError> {
    open(call, &scope(None, params.kind.as_deref())?, params.r#type.as_deref())
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenByCurrencyParams {
    /// In this currency.
    currency: String,
    /// Of this kind; none for all.
    kind: Option<String>,
    /// Of this type: `all` unless said.
    r#type: Option<String>,
}

async fn get_open_by_currency(
    call: &Call,
    params: OpenByCurrencyParams,
) -> Result<Vec<OrderShape>, RpcError> {
    let scope = scope(Some(&params.currency), params.kind.as_deref())?;
    open(call, &scope, params.r#type.as_deref())
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenByInstrumentParams {
    /// In this instrument.
    instrument_name: String,
    /// Of this type: `all` unless said.
    r#type: Option<String>,
}

async fn get_open_by_instrument(
    call: &Call,
    params: OpenByInstrumentParams,
) -> Result<Vec<OrderShape>, RpcError> {
    let id = super::market::listing(&call.service.venue.read(), &params.instrument_name)?.id;
    open(call, &Scope::One(id), params.r#type.as_deref())
}

/// Open orders of a scope and type: `all`, `limit`, `trigger_all`, or a type by its name.
fn open(call: &Call, scope: &Scope, wanted: Option<&str>) -> Result<Vec<OrderShape>, RpcError> {
    let venue = call.service.venue.read();
    let all = shapes(&venue, own(call, &venue)?.live.iter(), |order| {
        scope.has(venue.at(order.instrument))
    });
    let is_wanted = |order: &OrderShape| match wanted {
        None | Some("all") => true,
        Some("trigger_all") => order.trigger.is_some(),
        Some(one) => order.order_type == one,
    };
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryByCurrencyParams {
    /// In this currency.
    currency: String,
    /// Of this kind; none for all.
    kind: Option<String>,
    /// How many: 20 unless said, 1,000 at most.
    count: Option<Whole>,
    /// How many of the newest are passed over.
    offset: Option<Whole>,
    /// Whether old ones count; they do.
    #[serde(rename = "include_old")]
    _old: Option<Flag>,
    /// Whether those of which nothing traded are wanted too.
    include_unfilled: Option<Flag>,
    /// Whether the archive is meant; it is not looked at.
    #[serde(rename = "historical")]
    _historical: Option<Flag>,
}

async fn get_history_by_currency(
    call: &Call,
    params: HistoryByCurrencyParams,
) -> Result<Vec<OrderShape>, RpcError> {
    let scope = scope(Some(&params.currency), params.kind.as_deref())?;
    history(call, scope, params.count, params.offset, params.include_unfilled).await
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryByInstrumentParams {
    /// In this instrument.
    instrument_name: String,
    /// How many: 20 unless said, 1,000 at most.
    count: Option<Whole>,
    /// How many of the newest are passed over.
    offset: Option<Whole>,
    /// Whether old ones count; they do.
    #[serde(rename = "include_old")]
    _old: Option<Flag>,
    /// Whether those of which nothing traded are wanted too.
    include_unfilled: Option<Flag>,
    /// Whether the archive is meant; it is not looked at.
    #[serde(rename = "historical")]
    _historical: Option<Flag>,
}

async fn get_history_by_instrument(
    call: &Call,
    params: HistoryByInstrumentParams,
) -> Result<Vec<OrderShape>, RpcError> {
    let id = past_listing(&call.service.venue.read(), &params.instrument_name)?.id;
    history(call, Scope::One(id), params.count, params.offset, params.include_unfilled).await
}

async fn history(
    call: &Call,
    scope: Scope,
    wanted: Option<Whole>,
    offset: Option<Whole>,
    include_unfilled: Option<Flag>,
) -> Result<Vec<OrderShape>, RpcError> {
    let wanted = count(wanted, 20)?;
    let offset = usize::try_from(offset.map_or(0, |offset| offset.0));
    let offset = offset.map_err(|_| RpcError::invalid("offset", "must not be negative"))?;
    let unfilled = include_unfilled.is_some_and(|flag| flag.0);
    let (account, which, mut recent, memory) = {
        let venue = call.service.venue.read();
        let own = own(call, &venue)?;
        let is_wanted =
            |order: &Order| has(&venue, order, &scope, None) && (unfilled || order.filled > 0);
        (own.id, which(&venue, &scope), ended(&venue, own, is_wanted), memory(&venue, own))
    };
    let passed_over = offset.saturating_sub(recent.len());
    recent.truncate(recent.len().saturating_sub(offset));
    let read = move |connection: &_, span: &_| {
        queries::ended(connection, account, &which, unfilled, passed_over, span)
    };
    let (page, _) = call.service.history.page(Span::newest(wanted), recent, memory, read).await?;
    let venue = call.service.venue.read();
    Ok(page.iter().map(|order| OrderShape::of(&venue, order)).collect())
}

/// How many are wanted.
///
/// # Errors
/// If that is none, or more than 1,000.
pub fn count(wanted: Option<Whole>, usual: usize) -> Result<usize, RpcError> {
    let Some(Whole(wanted)) = wanted else { return Ok(usual) };
    let count = usize::try_from(wanted).ok().filter(|count| (1..=1_000).contains(count));
    count.ok_or_else(|| RpcError::invalid("count", "must be 1 to 1000"))
}
