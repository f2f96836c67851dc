//! Orders are cancelled, one or many.

use engine::command::{Action, CancelOrders};
use engine::{Event, InstrumentId};
use instruments::Underlying;
use schemars::JsonSchema;
use serde::Deserialize;

use super::market::listing;
use super::trading::{label, reply};
use crate::call::Call;
use crate::error::RpcError;
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::names;
use crate::params::Flag;
use crate::registry::{Method, method};
use crate::shapes::orders::OrderShape;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/cancel", TradeWrite, Matching, cancel, OrderIdParams => OrderShape, "Cancels an order"),
        method!("private/cancel_all", TradeWrite, Matching, cancel_all, CancelAllParams => u64, "Cancels all orders; gives how many"),
        method!("private/cancel_all_by_currency", TradeWrite, Matching, cancel_all_by_currency, CancelByCurrencyParams => u64, "Cancels all orders in a currency"),
        method!("private/cancel_all_by_instrument", TradeWrite, Matching, cancel_all_by_instrument, CancelByInstrumentParams => u64, "Cancels all orders in an instrument"),
        method!("private/cancel_by_label", TradeWrite, Matching, cancel_by_label, CancelByLabelParams => u64, "Cancels all orders with a label"),
    ]
}

/// Which order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderIdParams {
    /// The order.
    pub order_id: String,
}

async fn cancel(call: &Call, params: OrderIdParams) -> Result<OrderShape, RpcError> {
    let account = call.account()?;
    let order = names::parse_order_id(&params.order_id)?;
    {
        let venue = call.service.venue.read();
        let known = venue.orders.get(&order).filter(|known| known.account == account);
        let known = known.ok_or_else(RpcError::no_order)?;
        if !known.is_live() {
            return Err(RpcError::new(11044, "not_open_order"));
        }
    }
    let answer = call.submit(Action::CancelOrder { account, order, request: None }).await?;
    reply(call, &answer, Some(order)).map(|reply| reply.order)
}

/// How to cancel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelAllParams {
    /// Whether a list is wanted; the reply is a count all the same.
    #[serde(rename = "detailed")]
    _detailed: Option<Flag>,
    /// Whether quotes are frozen; they are not.
    #[serde(rename = "freeze_quotes")]
    _freeze_quotes: Option<Flag>,
}

/// Everything of an account.
fn everything(call: &Call) -> Result<CancelOrders, RpcError> {
    Ok(CancelOrders {
        account: call.account()?,
        instrument: None,
        underlying: None,
        side: None,
        label: None,
        protected: false,
        request: None,
    })
}

/// Cancels, and gives how many.
///
/// # Errors
/// Why the engine refused.
pub async fn cancel_matching(call: &Call, orders: CancelOrders) -> Result<u64, RpcError> {
    let account = orders.account;
    let answer = call.submit(Action::CancelOrders(orders)).await?;
    let is_own = |event: &&Event| matches!(event, Event::Cancelled { account: owner, .. } if *owner == account);
    Ok(answer.events.iter().filter(is_own).count() as u64)
}

async fn cancel_all(call: &Call, _: CancelAllParams) -> Result<u64, RpcError> {
    cancel_matching(call, everything(call)?).await
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelByCurrencyParams {
    /// In this currency.
    currency: String,
    /// Of this kind.
    kind: Option<String>,
    /// Of this type: `all` unless said.
    #[serde(rename = "type")]
    _type: Option<String>,
    /// Whether a list is wanted; the reply is a count all the same.
    #[serde(rename = "detailed")]
    _detailed: Option<Flag>,
}

async fn cancel_all_by_currency(
    call: &Call,
    params: CancelByCurrencyParams,
) -> Result<u64, RpcError> {
    let account = call.account()?;
    let currency = names::currency_or_any(Some(&params.currency))?;
    let kind = names::kind_or_any(params.kind.as_deref())?;
    let wanted: std::collections::BTreeSet<InstrumentId> = {
        let venue = call.service.venue.read();
        live_instruments(&venue, account, |listing| {
            currency.is_none_or(|currency| names::is_of(&listing.instrument, currency))
                && kind.is_none_or(|kind| names::kind(&listing.instrument) == kind)
        })
    };
    let mut count = 0;
    for instrument in wanted {
        let orders = CancelOrders { instrument: Some(instrument), ..everything(call)? };
        count += cancel_matching(call, orders).await?;
    }
    Ok(count)
}

/// Instruments in which an account has orders.
fn live_instruments(
    venue: &Venue,
    account: ledger::AccountId,
    is_wanted: impl Fn(&Listing) -> bool,
) -> std::collections::BTreeSet<InstrumentId> {
    let live = venue.account(account).into_iter().flat_map(|account| &account.live);
    let instruments = live.filter_map(|id| venue.orders.get(id)).map(|order| order.instrument);
    instruments.filter(|id| is_wanted(venue.at(*id))).collect()
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelByInstrumentParams {
    /// In this instrument.
    instrument_name: String,
    /// Of this type: `all` unless said.
    #[serde(rename = "type")]
    _type: Option<String>,
    /// Whether a list is wanted; the reply is a count all the same.
    #[serde(rename = "detailed")]
    _detailed: Option<Flag>,
    /// Whether combinations are meant too: there are none.
    #[serde(rename = "include_combos")]
    _combos: Option<Flag>,
}

async fn cancel_all_by_instrument(
    call: &Call,
    params: CancelByInstrumentParams,
) -> Result<u64, RpcError> {
    let instrument = {
        let venue = call.service.venue.read();
        Some(listing(&venue, &params.instrument_name)?.id)
    };
    cancel_matching(call, CancelOrders { instrument, ..everything(call)? }).await
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelByLabelParams {
    /// With this label.
    label: String,
    /// In this currency's coin.
    currency: Option<String>,
}

async fn cancel_by_label(call: &Call, params: CancelByLabelParams) -> Result<u64, RpcError> {
    let label = label(Some(&params.label))?;
    let label = Some(label.ok_or_else(|| RpcError::invalid("label", "value required"))?);
    let currency = names::currency_or_any(params.currency.as_deref())?;
    let underlying = currency.map(Underlying::of);
    cancel_matching(call, CancelOrders { label, underlying, ..everything(call)? }).await
}
