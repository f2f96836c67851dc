//! What holdings are worth, to refuse sizes that no account can have.

use instruments::{
    Amount, Asset, ContractKind, Instrument, OptionKind, Price, Rounding, SCALE, SettlementStyle,
    mul_div,
};
use risk::{Market, Position};

/// Most that one balance, position or order may be worth in US dollars, long or short: a hundred
/// times the wealth of the world would be more, and arithmetic beyond it need not be exact.
pub const WORTH_USD_MAX: i64 = 1_000_000_000_000_000;

/// Prices further apart than this are in different units.
const FACTOR_MAX: i128 = 100;

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

/// Whether a trade at this price can have happened: a future's or perpetual's within a factor of a
/// hundred of its mark, an option's up to ten times the most that it can be worth. A price in the
/// wrong unit, dollars for coin or cents for dollars, is beyond that.
#[must_use]
pub fn is_plausible_price(market: &Market, instrument: &Instrument, price: Price) -> bool {
    let units = i128::from(price.units());
    match instrument.kind() {
        ContractKind::Option { .. } => market.price(instrument.base()).is_ok_and(|index| {
            greatest_worth(instrument, index)
                .is_some_and(|most| units <= 10 * i128::from(most.units()))
        }),
        _ => market.mark(instrument).is_ok_and(|mark| {
            let mark = i128::from(mark.units());
            units <= mark * FACTOR_MAX && mark <= units * FACTOR_MAX
        }),
    }
}

/// The most that an option can be worth per unit, in the asset that quotes it: a call the forward,
/// a put its strike, in coin if inverse. `None` for anything else.
pub(crate) fn greatest_worth(instrument: &Instrument, forward: Price) -> Option<Price> {
    let ContractKind::Option { strike, kind, .. } = instrument.kind() else { return None };
    let most = if kind == OptionKind::Call { forward } else { strike };
    if instrument.style() == SettlementStyle::Linear {
        return Some(most);
    }
    let [most, scale, forward] = [most.units(), SCALE, forward.units()].map(i128::from);
    let coin = mul_div(most, scale, forward, Rounding::Ceil)?;
    i64::try_from(coin).ok().map(Price::from_units)
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
    fn prices_in_the_wrong_unit_are_not_plausible() {
        let market = sample::snapshot().market;
        let plausible = |name: &str, price: &str| {
            let instrument: Instrument = name.parse().unwrap();
            is_plausible_price(&market, &instrument, price.parse().unwrap())
        };
        assert!(plausible("BTC-PERPETUAL", "20000") && plausible("BTC-27MAR26-100000-C", "0.9"));
        assert!(!plausible("BTC-PERPETUAL", "0.0001") && !plausible("BTC-PERPETUAL", "1000000000"));
        assert!(!plausible("BTC-27MAR26-100000-C", "5000"));
        assert!(!plausible("BTC-27MAR26-100000-P", "13"));
    }

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
