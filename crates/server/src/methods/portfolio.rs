//! Margin that would be: of other positions, of an order, of each order that is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use instruments::{Amount, Asset, Price, Quantity};
use node::AccountView;
use risk::{Market, OpenOrder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::market::listing;
use super::trading::{lots, price};
use crate::call::Call;
use crate::changes::{
    Trade, add_trades, as_account, check_worth, closed, trades_of, with_contents,
};
use crate::error::RpcError;
use crate::feed::order::Order;
use crate::feed::venue::Venue;
use crate::names;
use crate::number::Decimal;
use crate::params::{Flag, List, Nested, Number};
use crate::registry::{Method, method};
use crate::shapes::holdings::Holdings;
use crate::shapes::portfolio::{SummaryShape, in_currency_up, margin_of};

/// Orders of one question at most.
const ORDERS_MAX: usize = 100;

/// Methods of this room.
pub fn methods() -> Vec<Method> {
    vec![
        method!("private/simulate_portfolio", Account, Simulation, simulate, SimulateParams => SummaryShape, "The account as it would be with other positions"),
        method!("private/get_margins", Trade, Request, get_margins, MarginsParams => MarginsShape, "What an order would add to initial margin"),
        method!("private/get_order_margin_by_ids", Trade, Request, get_order_margins, OrderMarginsParams => Vec<OrderMarginShape>, "What open orders add to initial margin"),
    ]
}

/// Positions that could be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateParams {
    /// The currency of the answer.
    currency: String,
    /// Whether what is held stays, as it does unless said otherwise. What goes is closed at its mark,
    /// and open orders with it.
    add_positions: Option<Flag>,
    /// Signed sizes by instrument, in the unit of amounts, traded at their marks without fees.
    simulated_positions: Option<Nested<BTreeMap<String, Number>>>,
}

async fn simulate(call: &Call, params: SimulateParams) -> Result<SummaryShape, RpcError> {
    let (currency, trades) = {
        let venue = call.service.venue.read();
        let sizes = params.simulated_positions.unwrap_or_default().0;
        (currency(&venue, &params.currency)?, trades_of(&venue, PARAM, &sizes)?)
    };
    let keeps = params.add_positions.is_none_or(|flag| flag.0);
    let view = call.service.view(call.account()?).await?;
    let service = Arc::clone(&call.service);
    let work = move || {
        let contents = simulated(&view, keeps, &trades)?;
        let model = view.margin_model;
        let after = with_contents(view, contents, model)?;
        let holdings = {
            let venue = service.venue.read();
            Holdings::of(&venue, &as_account(&venue, &after))
        };
        SummaryShape::of(&holdings, &after, currency, None)
    };
    call.service.compute(work).await
}

/// The parameter that simulated positions come in.
const PARAM: &str = "simulated_positions";

/// An account with simulated positions beside what it has, or instead.
///
/// # Errors
/// If something has no price, or a size is out of range.
pub fn simulated(
    view: &AccountView,
    keeps: bool,
    trades: &[Trade],
) -> Result<risk::Account, RpcError> {
    let mut contents = match keeps {
        true => view.contents.clone(),
        false => closed(&view.market, &view.contents)?,
    };
    add_trades(&view.market, &mut contents, PARAM, trades)?;
    Ok(contents)
}

/// A currency of the venue.
///
/// # Errors
/// For all others.
pub fn currency(venue: &Venue, text: &str) -> Result<Asset, RpcError> {
    let currency = names::currency_or_any(Some(text))?;
    let known = currency.filter(|currency| venue.assets.contains(currency));
    known.ok_or_else(|| RpcError::invalid("currency", "invalid currency"))
}

/// An order that could be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarginsParams {
    /// What it trades.
    instrument_name: String,
    /// Its amount.
    amount: Number,
    /// Its price.
    price: Number,
}

/// What an order would add to initial margin, in the currency of settlement. It depends on what the
/// account holds: an order that closes adds nothing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MarginsShape {
    /// If it buys.
    buy: Decimal,
    /// If it sells.
    sell: Decimal,
    /// The least price at which orders are taken.
    min_price: Decimal,
    /// The greatest.
    max_price: Decimal,
    /// The currency of margins and fees.
    x_currency: String,
    /// The fee if it rests; negative is a rebate.
    x_maker_fee: Decimal,
    /// The fee if it takes.
    x_taker_fee: Decimal,
}

async fn get_margins(call: &Call, params: MarginsParams) -> Result<MarginsShape, RpcError> {
    let order = asked(&call.service.venue.read(), &params)?;
    let Asked { trade: Trade { instrument, lots, .. }, limit, maker, taker, band } = order;
    let view = call.service.view(call.account()?).await?;
    let work = move || {
        check_worth(&view.market, "amount", &order.trade)?;
        let margin = view.margin.clone().map_err(RpcError::from)?;
        let added = |lots: i64| {
            let mut with = view.contents.clone();
            let (quantity, fee) = (Quantity::from_lots(lots), maker.max(taker));
            with.orders.push(OpenOrder { instrument, quantity, limit, fee });
            let with = margin_of(&view, &view.market, &with, view.margin_model)?;
            settled(&view.market, &instrument, more(margin.initial, with.initial))
        };
        Ok((added(lots)?, added(-lots)?))
    };
    let (buy, sell) = call.service.compute(work).await?;
    Ok(MarginsShape {
        buy,
        sell,
        min_price: band.0.into(),
        max_price: band.1.into(),
        x_currency: instrument.settlement_asset().to_string(),
        x_maker_fee: maker.into(),
        x_taker_fee: taker.into(),
    })
}

/// An order that is asked about, with what it costs.
#[derive(Clone, Copy)]
struct Asked {
    trade: Trade,
    limit: Price,
    maker: Amount,
    taker: Amount,
    band: (Price, Price),
}

fn asked(venue: &Venue, params: &MarginsParams) -> Result<Asked, RpcError> {
    let listing = listing(venue, &params.instrument_name)?;
    let limit = price("price", params.price)?;
    let lots = lots(listing, "amount", params.amount.0)?;
    let trade = Trade::of(listing, "amount", params.amount.0, Some(limit))?;
    let retry = || RpcError::new(10040, "retry").because("the instrument has no price now");
    let index = venue.index_of(listing).ok_or_else(retry)?;
    let band = listing.band().ok_or_else(retry)?;
    let fees = listing.terms.fees;
    let fee = |ppm: i32| {
        let fee = fees.fee(&listing.instrument, lots, limit, ppm, index);
        fee.ok_or_else(|| RpcError::invalid("amount", "the size is out of range"))
    };
    Ok(Asked { trade, limit, maker: fee(fees.maker_ppm)?, taker: fee(fees.taker_ppm)?, band })
}

/// How much more the second is, if it is.
fn more(before: Amount, after: Amount) -> Amount {
    Amount::from_units((after.units() - before.units()).max(0))
}

/// US dollars in the currency that an instrument settles in.
fn settled(
    market: &Market,
    instrument: &instruments::Instrument,
    usd: Amount,
) -> Result<Decimal, RpcError> {
    let price = market.price(instrument.settlement_asset());
    let price: Price =
        price.map_err(|error| RpcError::new(10040, "retry").because(error.to_string()))?;
    Ok(in_currency_up(usd, price))
}

/// Which orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderMarginsParams {
    /// The orders, 100 at most.
    ids: List<String>,
}

/// What an order adds to initial margin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderMarginShape {
    /// The order.
    order_id: String,
    /// Initial margin with it less without it, all other orders open; 0 of one that waits or ended.
    initial_margin: Decimal,
    /// The currency of that.
    initial_margin_currency: String,
}

async fn get_order_margins(
    call: &Call,
    params: OrderMarginsParams,
) -> Result<Vec<OrderMarginShape>, RpcError> {
    let account = call.account()?;
    if params.ids.0.len() > ORDERS_MAX {
        return Err(RpcError::invalid("ids", format!("must be at most {ORDERS_MAX} orders")));
    }
    let view = call.service.view(account).await?;
    let orders = {
        let venue = call.service.venue.read();
        let order = |text: &String| {
            let id = names::parse_order_id(text)?;
            let order = venue.orders.get(&id).filter(|order| order.account == account);
            let order = order.ok_or_else(RpcError::no_order)?;
            let listing = venue.at(order.instrument);
            Ok((names::order_id(listing, id), listing.instrument, order.clone()))
        };
        params.ids.0.iter().map(order).collect::<Result<Vec<_>, RpcError>>()?
    };
    let work = move || {
        let margin = view.margin.clone().map_err(RpcError::from)?;
        let shape = |(order_id, instrument, order): &(String, instruments::Instrument, Order)| {
            let mut without = view.contents.clone();
            let place = without.orders.iter().position(|open| is_it(open, instrument, order));
            let added = match place {
                None => Amount::ZERO,
                Some(place) => {
                    without.orders.remove(place);
                    let without = margin_of(&view, &view.market, &without, view.margin_model)?;
                    more(without.initial, margin.initial)
                }
            };
            Ok(OrderMarginShape {
                order_id: order_id.clone(),
                initial_margin: settled(&view.market, instrument, added)?,
                initial_margin_currency: instrument.settlement_asset().to_string(),
            })
        };
        orders.iter().map(shape).collect()
    };
    call.service.compute(work).await
}

/// Whether an order of the view is this one: orders there have no numbers.
fn is_it(open: &OpenOrder, instrument: &instruments::Instrument, order: &Order) -> bool {
    let open_lots = order.open();
    let lots = if order.side == book::Side::Buy { open_lots } else { -open_lots };
    order.is_live()
        && open.instrument == *instrument
        && open.quantity.lots() == lots
        && Some(open.limit) == order.price
}
