//! Positions and account summaries.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding, SCALE, mul_div};
use node::AccountView;
use risk::{Margin, MarginModel, Market};
use schemars::JsonSchema;
use serde::Serialize;

use super::market::amount;
use crate::error::RpcError;
use crate::feed::account::Position;
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::names;
use crate::number::Decimal;
use crate::shapes::holdings::Holdings;

/// A position.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PositionShape {
    /// Of what.
    pub instrument_name: String,
    /// `future`, `option` or `spot`.
    pub kind: &'static str,
    /// `buy`, `sell` or `zero`.
    pub direction: &'static str,
    /// Signed, in the unit of amounts.
    pub size: Decimal,
    /// Signed, in the base currency.
    pub size_currency: Decimal,
    /// At what price it was opened on average.
    pub average_price: Decimal,
    /// An option's, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_price_usd: Option<f64>,
    /// The mark.
    pub mark_price: Decimal,
    /// The index.
    pub index_price: Decimal,
    /// The price of the last settlement.
    pub settlement_price: Option<Decimal>,
    /// Profit that is not cash yet, in the currency of settlement.
    pub floating_profit_loss: Decimal,
    /// Profit that became cash since it opened.
    pub realized_profit_loss: Decimal,
    /// Both.
    pub total_profit_loss: Decimal,
    /// Funding that became cash: part of the transaction log here, not of positions.
    pub realized_funding: Decimal,
    /// What it would need by itself; 0 in a portfolio, which is margined as a whole.
    pub initial_margin: Decimal,
    /// The same of maintenance margin.
    pub maintenance_margin: Decimal,
    /// Margin that open orders reserve.
    pub open_orders_margin: Decimal,
    /// Notional over the margin; 0 where the whole portfolio is margined.
    pub leverage: i64,
    /// Where the account would be liquidated if this price alone moved; none if nowhere.
    pub estimated_liquidation_price: Option<Decimal>,
    /// In units of the base currency.
    pub delta: f64,
    /// Change of delta per dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// In dollars per point of volatility.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vega: Option<f64>,
    /// In dollars per day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta: Option<f64>,
}

/// What a position is worth beyond its cost, and what stands for it in the market.
fn floating(instrument: &Instrument, position: &Position, mark: Price) -> Amount {
    let value = worth(instrument, position.lots, mark);
    Amount::from_units(value.units() - position.cost.units())
}

/// What lots are worth at a price, in the currency of settlement, rounded down.
fn worth(instrument: &Instrument, lots: i64, price: Price) -> Amount {
    let value = instrument.value(Quantity::from_lots(lots), price, Rounding::Floor);
    value.unwrap_or(Amount::ZERO)
}

/// The price at which lots cost so much.
fn average_price(listing: &Listing, position: &Position) -> Price {
    let size = i128::from(position.lots) * i128::from(listing.instrument.lot_size());
    let cost = position.cost.units();
    let scale = i128::from(SCALE);
    let units = match listing.instrument.is_sized_in_quote() {
        true if cost != 0 => mul_div(-size, scale, cost, Rounding::HalfEven),
        false if size != 0 => mul_div(cost, scale, size, Rounding::HalfEven),
        _ => None,
    };
    Price::from_units(units.and_then(|units| i64::try_from(units).ok()).unwrap_or(0))
}

impl PositionShape {
    /// Of a position.
    #[must_use]
    pub fn of(venue: &Venue, listing: &Listing, position: &Position) -> Self {
        let mark = listing.mark.unwrap_or_default();
        let index = venue.index_of(listing).unwrap_or_default();
        let floating = floating(&listing.instrument, position, mark);
        let lots = Quantity::from_lots(position.lots);
        let instrument = &listing.instrument;
        let base = instrument.base_size(lots, if index > Price::default() { index } else { mark });
        let greeks =
            venue.market.as_ref().and_then(|market| risk::per_lot(instrument, market).ok());
        let times = |value: f64| value * position.lots as f64;
        let average = average_price(listing, position);
        let is_option = instrument.is_option();
        let of_option = |value: f64| is_option.then_some(value);
        Self {
            instrument_name: listing.name.clone(),
            kind: names::kind(instrument).name(),
            direction: match position.lots {
                1.. => "buy",
                0 => "zero",
                _ => "sell",
            },
            size: amount(listing, position.lots),
            size_currency: Decimal(base.unwrap_or(0)),
            average_price: average.into(),
            average_price_usd: of_option(match instrument.is_sized_in_quote() {
                _ if instrument.settlement_asset() == instrument.base() => {
                    Decimal::from(average).to_f64() * Decimal::from(index).to_f64()
                }
                _ => Decimal::from(average).to_f64(),
            }),
            mark_price: mark.into(),
            index_price: index.into(),
            settlement_price: listing.settled.map(Decimal::from),
            floating_profit_loss: floating.into(),
            realized_profit_loss: position.realised.into(),
            total_profit_loss: Decimal(floating.units() + position.realised.units()),
            realized_funding: Decimal(0),
            initial_margin: Decimal(0),
            maintenance_margin: Decimal(0),
            open_orders_margin: Decimal(0),
            leverage: 0,
            estimated_liquidation_price: None,
            delta: greeks.map_or(0.0, |greeks| times(greeks.delta)),
            gamma: greeks.and_then(|greeks| of_option(times(greeks.gamma))),
            vega: greeks.and_then(|greeks| of_option(times(greeks.vega_usd) / 100.0)),
            theta: greeks.and_then(|greeks| of_option(times(greeks.theta_usd) / 365.0)),
        }
    }
}

/// What one currency of an account, and in it the whole portfolio, is worth.
///
/// As in the original's cross margin, `equity`, `balance` and `available_withdrawal_funds` are of
/// this currency alone; `margin_balance`, `available_funds`, `initial_margin` and
/// `maintenance_margin` are of the whole portfolio, expressed in this currency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SummaryShape {
    /// The currency.
    pub currency: String,
    /// Cash and unrealised profit in this currency.
    pub equity: Decimal,
    /// Cash in this currency.
    pub balance: Decimal,
    /// The whole portfolio's equity.
    pub margin_balance: Decimal,
    /// The whole portfolio's equity above initial margin.
    pub available_funds: Decimal,
    /// What of this currency may be withdrawn.
    pub available_withdrawal_funds: Decimal,
    /// The whole portfolio's initial margin.
    pub initial_margin: Decimal,
    /// The whole portfolio's maintenance margin.
    pub maintenance_margin: Decimal,
    /// Initial margin without open orders.
    pub projected_initial_margin: Decimal,
    /// Maintenance margin, which has no open orders in it.
    pub projected_maintenance_margin: Decimal,
    /// Whether the portfolio is margined through scenarios.
    pub portfolio_margining_enabled: bool,
    /// Always true: all currencies back all positions.
    pub cross_collateral_enabled: bool,
    /// `segregated_sm`, `cross_sm` or `cross_pm`.
    pub margin_model: &'static str,
    /// Unrealised profit in this currency.
    pub total_pl: Decimal,
    /// Unrealised profit of futures.
    pub session_upl: Decimal,
    /// Profit of futures that became cash: in the balance already.
    pub session_rpl: Decimal,
    /// Unrealised profit of futures.
    pub futures_pl: Decimal,
    /// Unrealised profit of futures.
    pub futures_session_upl: Decimal,
    /// Profit of futures that became cash: in the balance already.
    pub futures_session_rpl: Decimal,
    /// Unrealised profit of options.
    pub options_pl: Decimal,
    /// Unrealised profit of options.
    pub options_session_upl: Decimal,
    /// Profit of options that became cash: in the balance already.
    pub options_session_rpl: Decimal,
    /// What options are worth.
    pub options_value: Decimal,
    /// Σ delta of positions that settle in this currency.
    pub delta_total: f64,
    /// The same by index.
    pub delta_total_map: BTreeMap<String, f64>,
    /// Σ delta of options.
    pub options_delta: f64,
    /// Σ gamma of options.
    pub options_gamma: f64,
    /// The same by index.
    pub options_gamma_map: BTreeMap<String, f64>,
    /// Σ vega of options.
    pub options_vega: f64,
    /// The same by index.
    pub options_vega_map: BTreeMap<String, f64>,
    /// Σ theta of options.
    pub options_theta: f64,
    /// The same by index.
    pub options_theta_map: BTreeMap<String, f64>,
    /// The whole portfolio's equity in US dollars.
    pub total_equity_usd: Decimal,
    /// The same.
    pub total_margin_balance_usd: Decimal,
    /// The whole portfolio's initial margin in US dollars.
    pub total_initial_margin_usd: Decimal,
    /// The whole portfolio's maintenance margin in US dollars.
    pub total_maintenance_margin_usd: Decimal,
    /// The whole portfolio's delta in US dollars.
    pub total_delta_total_usd: f64,
    /// What is held for withdrawals.
    pub locked_balance: Decimal,
    /// Fees paid in advance: none.
    pub fee_balance: Decimal,
    /// What is reserved beside: nothing.
    pub additional_reserve: Decimal,
    /// Limits of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsShape>,
}

/// Limits of requests.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct LimitsShape {
    /// Of orders, amendments and cancellations.
    pub matching_engine: MatchingLimits,
    /// Of everything else.
    pub non_matching_engine: RateShape,
}

/// Limits of what the engine sees.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct MatchingLimits {
    /// Orders and amendments.
    pub trading: TradingLimits,
    /// Cancellations of all orders.
    pub cancel_all: RateShape,
    /// Mass quotes.
    pub maximum_quotes: RateShape,
}

/// Limits of orders.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct TradingLimits {
    /// Over all instruments.
    pub total: RateShape,
}

/// A rate.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct RateShape {
    /// Requests a second.
    pub rate: u32,
    /// Requests at once.
    pub burst: u32,
}

/// The dialect's name of a margin model.
#[must_use]
pub const fn margin_model(model: MarginModel) -> &'static str {
    match model {
        MarginModel::Isolated => "segregated_sm",
        MarginModel::Cross => "cross_sm",
        MarginModel::Portfolio => "cross_pm",
    }
}

/// Reads the dialect's name of a margin model, or ours.
#[must_use]
pub fn parse_margin_model(text: &str) -> Option<MarginModel> {
    Some(match text {
        "segregated_sm" | "isolated" => MarginModel::Isolated,
        "cross_sm" | "cross" => MarginModel::Cross,
        "cross_pm" | "segregated_pm" | "portfolio" => MarginModel::Portfolio,
        _ => return None,
    })
}

/// Sums over an account's positions that settle in a currency.
#[derive(Debug, Default)]
struct Sums {
    futures: i128,
    options: i128,
    options_value: i128,
    delta: BTreeMap<String, f64>,
    options_delta: f64,
    gamma: BTreeMap<String, f64>,
    vega: BTreeMap<String, f64>,
    theta: BTreeMap<String, f64>,
}

impl Sums {
    fn of(holdings: &Holdings, market: &Market, currency: Asset) -> Self {
        let mut sums = Self::default();
        for (instrument, mark, position) in &holdings.positions {
            let mark = *mark;
            if instrument.settlement_asset() != currency {
                continue;
            }
            let floating = floating(instrument, position, mark).units();
            let index = names::index_name(instrument);
            let greeks = risk::per_lot(instrument, market).unwrap_or_default();
            let lots = position.lots as f64;
            let add = |map: &mut BTreeMap<String, f64>, value: f64| {
                *map.entry(index.clone()).or_default() += lots * value;
            };
            add(&mut sums.delta, greeks.delta);
            if instrument.is_option() {
                sums.options += floating;
                sums.options_value += worth(instrument, position.lots, mark).units();
                sums.options_delta += lots * greeks.delta;
                add(&mut sums.gamma, greeks.gamma);
                add(&mut sums.vega, greeks.vega_usd / 100.0);
                add(&mut sums.theta, greeks.theta_usd / 365.0);
            } else {
                sums.futures += floating;
            }
        }
        sums
    }
}

impl SummaryShape {
    /// Of a currency of an account.
    ///
    /// # Errors
    /// If the currency has no price yet, or margin can't be computed now.
    pub fn of(
        account: &Holdings,
        view: &AccountView,
        currency: Asset,
        limits: Option<LimitsShape>,
    ) -> Result<Self, RpcError> {
        let margin = view.margin.clone().map_err(RpcError::from)?;
        let price = view.market.price(currency);
        let price =
            price.map_err(|error| RpcError::new(10040, "retry").because(error.to_string()))?;
        let sums = Sums::of(account, &view.market, currency);
        let balance = account.balances.get(&currency).map_or(0, |amount| amount.units());
        let held = account.held.get(&currency).map_or(0, |amount| amount.units());
        let accrued = view.contents.accrued.get(&currency).map_or(0, |amount| amount.units());
        let down = |usd: Amount| in_currency(usd, price, Rounding::Floor);
        let up = |usd: Amount| in_currency(usd, price, Rounding::Ceil);
        let total = |map: &BTreeMap<String, f64>| map.values().sum::<f64>();
        let usd = Decimal::from(price).to_f64();
        let delta_total = total(&sums.delta);
        Ok(Self {
            currency: currency.to_string(),
            equity: Decimal(balance + sums.futures + sums.options_value + accrued),
            balance: Decimal(balance),
            margin_balance: down(margin.equity.total),
            available_funds: down(margin.excess().max(Amount::ZERO)),
            available_withdrawal_funds: withdrawable(view, currency).into(),
            initial_margin: up(margin.initial),
            maintenance_margin: up(margin.maintenance),
            projected_initial_margin: up(projected(view, &margin)),
            projected_maintenance_margin: up(margin.maintenance),
            portfolio_margining_enabled: view.margin_model == MarginModel::Portfolio,
            cross_collateral_enabled: true,
            margin_model: margin_model(view.margin_model),
            total_pl: Decimal(sums.futures + sums.options),
            session_upl: Decimal(sums.futures + sums.options),
            session_rpl: Decimal(0),
            futures_pl: Decimal(sums.futures),
            futures_session_upl: Decimal(sums.futures),
            futures_session_rpl: Decimal(0),
            options_pl: Decimal(sums.options),
            options_session_upl: Decimal(sums.options),
            options_session_rpl: Decimal(0),
            options_value: Decimal(sums.options_value),
            delta_total,
            options_delta: sums.options_delta,
            options_gamma: total(&sums.gamma),
            options_vega: total(&sums.vega),
            options_theta: total(&sums.theta),
            delta_total_map: sums.delta,
            options_gamma_map: sums.gamma,
            options_vega_map: sums.vega,
            options_theta_map: sums.theta,
            total_equity_usd: margin.equity.total.into(),
            total_margin_balance_usd: margin.equity.total.into(),
            total_initial_margin_usd: margin.initial.into(),
            total_maintenance_margin_usd: margin.maintenance.into(),
            total_delta_total_usd: delta_total * usd,
            locked_balance: Decimal(held),
            fee_balance: Decimal(0),
            additional_reserve: Decimal(0),
            limits,
        })
    }
}

/// US dollars in a currency, rounded up, as margins are.
#[must_use]
pub fn in_currency_up(usd: Amount, price: Price) -> Decimal {
    in_currency(usd, price, Rounding::Ceil)
}

/// US dollars in a currency.
fn in_currency(usd: Amount, price: Price, rounding: Rounding) -> Decimal {
    let units = mul_div(usd.units(), i128::from(SCALE), i128::from(price.units()), rounding);
    Decimal(units.unwrap_or(0))
}

/// The margin of an account with other contents, in the epoch of its view.
///
/// # Errors
/// If margin can't be computed.
pub fn margin_of(
    view: &AccountView,
    market: &Market,
    account: &risk::Account,
    model: MarginModel,
) -> Result<Margin, RpcError> {
    let retry = |reason: String| RpcError::new(10040, "retry").because(reason);
    let epoch = view.epoch.as_ref().ok_or_else(|| retry("no risk epoch is open".into()))?;
    let none = || retry("the venue has no methodology for this margin model".into());
    let margin = match model {
        MarginModel::Portfolio => {
            let epoch = epoch.portfolio.as_ref().ok_or_else(none)?;
            risk::margin(epoch, market, account)
        }
        model => epoch.position.as_ref().ok_or_else(none)?.margin(market, account, model),
    };
    margin.map_err(|error| retry(error.to_string()))
}

/// Initial margin if no order were open.
fn projected(view: &AccountView, margin: &Margin) -> Amount {
    if view.contents.orders.is_empty() {
        return margin.initial;
    }
    let mut without = view.contents.clone();
    without.orders.clear();
    margin_of(view, &view.market, &without, view.margin_model)
        .map_or(margin.initial, |margin| margin.initial)
}

/// What of a currency may be withdrawn; nothing where that can't be computed.
fn withdrawable(view: &AccountView, currency: Asset) -> Amount {
    let Some(epoch) = &view.epoch else { return Amount::ZERO };
    let model = view.margin_model;
    let found = match (model, &epoch.portfolio, &epoch.position) {
        (MarginModel::Portfolio, Some(epoch), _) => risk::withdrawable_by(
            |account: &risk::Account| risk::margin(epoch, &view.market, account),
            &view.market,
            &view.contents,
            currency,
            risk::Confidence::from_ppm(500_000),
        ),
        (_, _, Some(rules)) => risk::withdrawable_by(
            |account: &risk::Account| rules.margin(&view.market, account, model),
            &view.market,
            &view.contents,
            currency,
            risk::Confidence::from_ppm(500_000),
        ),
        _ => return Amount::ZERO,
    };
    found.unwrap_or(Amount::ZERO)
}
