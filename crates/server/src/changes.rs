//! Accounts as they would be: with other positions, other balances, other orders.

use std::collections::BTreeMap;

use engine::rules::{LOTS_MAX, PRICE_MAX};
use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding};
use node::AccountView;
use risk::{MarginModel, Market, RiskError};

use crate::error::RpcError;
use crate::feed::account::{Account, Position};
use crate::feed::listing::Listing;
use crate::feed::venue::Venue;
use crate::number::Decimal;
use crate::shapes::portfolio::margin_of;

/// Trades of one question at most.
pub const TRADES_MAX: usize = 500;
/// What a position, order or deposit of a question may be worth in US dollars at most: beyond it
/// arithmetic need not be exact.
const WORTH_USD_MAX: f64 = 1e15;

/// A trade that could be.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Of what.
    pub instrument: Instrument,
    /// Signed lots.
    pub lots: i64,
    /// At what price; none for the mark.
    pub price: Option<Price>,
}

impl Trade {
    /// Of a signed size in the unit of amounts.
    ///
    /// # Errors
    /// If the size is zero, between lots or out of range, or the price is.
    pub fn of(
        listing: &Listing,
        param: &str,
        size: Decimal,
        price: Option<Price>,
    ) -> Result<Self, RpcError> {
        let lot = i128::from(listing.instrument.lot_size());
        let whole = Some(size.0).filter(|size| *size != 0 && size % lot == 0);
        let lots = whole.and_then(|size| i64::try_from(size / lot).ok());
        let lots = lots.filter(|lots| lots.unsigned_abs() <= LOTS_MAX.unsigned_abs());
        let lots = lots.ok_or_else(|| {
            let (name, lot) = (&listing.name, Decimal(lot));
            RpcError::invalid(
                param,
                format!("the size of {name} must be a multiple of {lot}, not 0"),
            )
        })?;
        if price.is_some_and(|price| price > PRICE_MAX) {
            return Err(RpcError::invalid("price", format!("must be at most {PRICE_MAX}")));
        }
        Ok(Self { instrument: listing.instrument, lots, price })
    }
}

/// Trades by the names of instruments: `{"BTC-PERPETUAL": -1000}`.
///
/// # Errors
/// For instruments that are not listed, too many of them, and sizes that can't be.
pub fn trades_of(
    venue: &Venue,
    param: &str,
    sizes: &BTreeMap<String, crate::params::Number>,
) -> Result<Vec<Trade>, RpcError> {
    if sizes.len() > TRADES_MAX {
        return Err(RpcError::invalid(param, format!("has more than {TRADES_MAX} instruments")));
    }
    let trade = |(name, size): (&String, &crate::params::Number)| {
        let listing = venue.listing(name).ok_or_else(|| RpcError::no_instrument(param))?;
        Trade::of(listing, param, size.0, None)
    };
    sizes.iter().filter(|(_, size)| size.0.0 != 0).map(trade).collect()
}

/// Adds trades to an account; what does not fit or is not listed is an error of `param`.
///
/// # Errors
/// That.
pub fn add_trades(
    market: &Market,
    account: &mut risk::Account,
    param: &str,
    trades: &[Trade],
) -> Result<(), RpcError> {
    let wrong = |error: RiskError| RpcError::invalid(param, error.to_string());
    for trade in trades {
        let Trade { instrument, lots, price } = trade;
        check_worth(market, param, trade)?;
        let quantity = Quantity::from_lots(*lots);
        risk::add_position(market, account, *instrument, quantity, *price).map_err(wrong)?;
    }
    Ok(())
}

/// # Errors
/// If a trade is of more than there is in the world.
pub fn check_worth(market: &Market, param: &str, trade: &Trade) -> Result<(), RpcError> {
    let Trade { instrument, lots, price } = trade;
    let worth = || {
        let (index, coin) = (
            market.price(instrument.base()).ok()?,
            market.price(instrument.settlement_asset()).ok()?,
        );
        let price = price.map_or_else(|| market.mark(instrument).ok(), Some)?;
        let quantity = Quantity::from_lots(*lots);
        let size = instrument.base_size(quantity, index).ok()?;
        let value = instrument.value(quantity, price, Rounding::HalfEven).ok()?;
        let dollars = |units: i128, price: Price| {
            (Decimal(units).to_f64() * Decimal::from(price).to_f64()).abs()
        };
        Some(dollars(size, index).max(dollars(value.units(), coin)))
    };
    match worth() {
        Some(worth) if worth <= WORTH_USD_MAX => Ok(()),
        Some(_) => Err(RpcError::invalid(param, format!("{instrument}: the size is out of range"))),
        None => {
            Err(RpcError::new(10040, "retry").because(format!("{instrument} has no price now")))
        }
    }
}

/// Adds to a balance, or takes from it.
///
/// # Errors
/// If the asset has no price, or the amount is out of range.
pub fn add_deposit(
    market: &Market,
    account: &mut risk::Account,
    param: &str,
    (asset, amount): (Asset, Amount),
) -> Result<(), RpcError> {
    let price = market.price(asset);
    let price = price.map_err(|error| RpcError::invalid(param, error.to_string()))?;
    let worth = Decimal::from(amount).to_f64() * Decimal::from(price).to_f64();
    let balance = account.balances.entry(asset).or_default();
    match balance.checked_add(amount).filter(|_| worth.abs() <= WORTH_USD_MAX) {
        Some(after) => *balance = after,
        None => {
            return Err(RpcError::invalid(param, format!("{asset}: the amount is out of range")));
        }
    }
    Ok(())
}

/// An account as if all that it holds had been closed at its mark, and its orders were gone.
///
/// # Errors
/// If something has no mark.
pub fn closed(market: &Market, account: &risk::Account) -> Result<risk::Account, RpcError> {
    let retry = |error: RiskError| RpcError::new(10040, "retry").because(error.to_string());
    let mut flat = risk::Account { orders: Vec::new(), ..account.clone() };
    for (instrument, position) in &account.positions {
        risk::add_position(market, &mut flat, *instrument, -position.quantity, None)
            .map_err(retry)?;
    }
    Ok(flat)
}

/// A view of the same account with other contents, margined anew.
///
/// # Errors
/// If margin can't be computed.
pub fn with_contents(
    mut view: AccountView,
    contents: risk::Account,
    model: MarginModel,
) -> Result<AccountView, RpcError> {
    view.margin = Ok(margin_of(&view, &view.market, &contents, model)?);
    (view.contents, view.margin_model) = (contents, model);
    Ok(view)
}

/// What a view holds, as answers about accounts want it.
#[must_use]
pub fn as_account(venue: &Venue, view: &AccountView) -> Account {
    let known = venue.account(view.account);
    let owner = known.and_then(|known| known.owner);
    let mut account = Account::new(view.account, owner, view.margin_model);
    let balances = view.contents.balances.iter();
    account.balances = balances.map(|(asset, amount)| (*asset, *amount)).collect();
    account.held = known.map(|known| known.held.clone()).unwrap_or_default();
    for (instrument, held) in &view.contents.positions {
        let Some(listing) = venue.listing(&instrument.to_string()) else { continue };
        let position = known.and_then(|known| known.positions.get(&listing.id));
        let realised = position.map_or(Amount::ZERO, |position| position.realised);
        let position = Position { lots: held.quantity.lots(), cost: held.cost, realised };
        account.positions.insert(listing.id, position);
    }
    account
}
