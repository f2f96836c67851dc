//! What holdings are worth, to refuse sizes that no account can have.

use instruments::{Amount, Asset, Instrument, Price, Rounding, SCALE};
use risk::{Market, Position};

/// Most that one balance, position or order may be worth in US dollars, long or short: a hundred
/// times the wealth of the world would be more, and arithmetic beyond it need not be exact.
pub const WORTH_USD_MAX: i64 = 1_000_000_000_000_000;

/// Whether a balance is worth at most [`WORTH_USD_MAX`]. False if the market has no price of it.
#[must_use]
pub fn is_bounded_balance(market: &Market, asset: Asset, amount: Amount) -> bool {
    market.price(asset).is_ok_and(|price| is_bounded(amount, price))
}

/// Whether a position's size at the index, its value at the mark and its cost are each worth at
/// most [`WORTH_USD_MAX`]. False if the market lacks a price for it.
#[must_use]
pub fn is_bounded_position(market: &Market, instrument: &Instrument, position: Position) -> bool {
    let Ok(index) = market.price(instrument.base()) else { return false };
    let Ok(settlement) = market.price(instrument.settlement_asset()) else { return false };
    let Ok(mark) = market.mark(instrument) else { return false };
    let size = instrument.base_size(position.quantity, index).map(Amount::from_units);
    let value = instrument.value(position.quantity, mark, Rounding::HalfEven);
    size.is_ok_and(|size| is_bounded(size, index))
        && value.is_ok_and(|value| is_bounded(value, settlement))
        && is_bounded(position.cost, settlement)
}

fn is_bounded(amount: Amount, price: Price) -> bool {
    let limit = u128::from(WORTH_USD_MAX.unsigned_abs()) * u128::from(SCALE.unsigned_abs());
    let worth = amount.worth(price, Rounding::HalfEven);
    worth.is_ok_and(|worth| worth.units().unsigned_abs() <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_quadrillion_dollars_is_the_limit() {
        let market = sample::snapshot().market;
        let balance = |name: &str, amount: &str| {
            is_bounded_balance(&market, name.parse().unwrap(), amount.parse().unwrap())
        };
        assert!(balance("USD", "1000000000000000") && balance("USDC", "-1000000000000000"));
        assert!(!balance("USD", "1000000000000000.00000001") && !balance("BTC", "20000000000"));
        assert!(!balance("DOGE", "1"));
        let position = |name: &str, size: &str, price: &str| {
            let instrument: Instrument = name.parse().unwrap();
            let quantity = instrument.lots_of(size).unwrap();
            let cost = instrument.value(quantity, price.parse().unwrap(), Rounding::Ceil).unwrap();
            is_bounded_position(&market, &instrument, Position { quantity, cost })
        };
        assert!(position("BTC-PERPETUAL", "-900000000000000", "90000"));
        assert!(!position("BTC-PERPETUAL", "1000000000000010", "90000"));
        assert!(!position("BTC-PERPETUAL", "1000000", "0.00000001"));
        assert!(!position("BTC_USDC-PERPETUAL", "-20000000000", "1"));
        assert!(!position("BTC-27MAR26-100000-C", "-20000000000", "0.01"));
    }
}
