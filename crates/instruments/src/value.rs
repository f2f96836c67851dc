//! What positions and payoffs are worth, exactly.
//!
//! One function, [`Instrument::value`], carries all profit arithmetic. For a linear contract or an
//! option it is `q·m·P` in the settlement asset; for an inverse future it is `−q·m/P` in the base
//! asset, so that in every case the profit from P0 to P1 is `value(P1) − value(P0)`. An account
//! stores what it paid as the sum of such values, the exact cost, and never an average price.

use ethnum::I256;

use crate::fixed::{divide, mul_div};
use crate::units::SCALE;
use crate::{Amount, ContractKind, Error, Instrument, OptionKind, Price, Quantity, Rounding};

impl Instrument {
    /// The value of `lots` at `price`, in the settlement asset: `q·m·P`, or `−q·m/P` for an
    /// inverse future. Rounded once.
    ///
    /// # Errors
    /// [`Error::PriceNotPositive`] for an inverse future at a price that is not positive,
    /// [`Error::Overflow`].
    pub fn value(&self, lots: Quantity, price: Price, rounding: Rounding) -> Result<Amount, Error> {
        let size = self.size(lots);
        let value = if self.is_sized_in_quote() {
            mul_div(-size, i128::from(SCALE), i128::from(price.positive()?.units()), rounding)
        } else {
            mul_div(size, i128::from(price.units()), i128::from(SCALE), rounding)
        };
        value.map(Amount::from_units).ok_or(Error::Overflow)
    }

    /// The profit of `lots` from `entry` to `exit`, in the settlement asset: `q·m·(P1 − P0)`, or
    /// `q·m·(1/P0 − 1/P1)` for an inverse future. Rounded once.
    ///
    /// # Errors
    /// As [`Instrument::value`].
    pub fn profit(
        &self,
        lots: Quantity,
        entry: Price,
        exit: Price,
        rounding: Rounding,
    ) -> Result<Amount, Error> {
        let size = self.size(lots);
        let move_units = i128::from(exit.units()) - i128::from(entry.units());
        let profit = if self.is_sized_in_quote() {
            let product =
                i128::from(entry.positive()?.units()) * i128::from(exit.positive()?.units());
            let numerator = I256::from(size) * I256::from(move_units) * I256::from(SCALE);
            divide(numerator, I256::from(product), rounding)
        } else {
            mul_div(size, move_units, i128::from(SCALE), rounding)
        };
        profit.map(Amount::from_units).ok_or(Error::Overflow)
    }

    /// What an option pays per unit of the base asset when it settles at `index`:
    /// `max(±(S − K), 0)`, over S if inverse. Rounded once. `None` for anything but an option.
    ///
    /// # Errors
    /// [`Error::PriceNotPositive`], [`Error::Overflow`].
    pub fn payoff(&self, index: Price, rounding: Rounding) -> Option<Result<Price, Error>> {
        let ContractKind::Option { strike, kind, .. } = self.kind else { return None };
        let ahead = match kind {
            OptionKind::Call => i128::from(index.units()) - i128::from(strike.units()),
            OptionKind::Put => i128::from(strike.units()) - i128::from(index.units()),
        };
        Some(self.payoff_in_settlement_asset(ahead.max(0), index, rounding))
    }

    fn payoff_in_settlement_asset(
        &self,
        intrinsic: i128,
        index: Price,
        rounding: Rounding,
    ) -> Result<Price, Error> {
        let index = index.positive()?;
        let units = if self.settlement_asset() == self.base {
            let numerator = I256::from(intrinsic) * I256::from(SCALE);
            divide(numerator, I256::from(index.units()), rounding)
        } else {
            Some(intrinsic)
        };
        let units = units.and_then(|units| i64::try_from(units).ok());
        units.map(Price::from_units).ok_or(Error::Overflow)
    }

    /// Size in 10⁻⁸ of the lot's asset; two 64-bit factors always fit.
    fn size(&self, lots: Quantity) -> i128 {
        i128::from(lots.lots()) * i128::from(self.lot_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instrument(name: &str) -> Instrument {
        name.parse().unwrap()
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn profit_by_hand() {
        let check = |name: &str, size: &str, entry: &str, exit: &str, expected: &str| {
            let instrument = instrument(name);
            let lots = instrument.lots_of(size).unwrap();
            let profit = instrument.profit(lots, price(entry), price(exit), Rounding::Floor);
            assert_eq!(profit.unwrap().to_string(), expected, "{name}");
        };
        check("BTC_USDC-PERPETUAL", "2", "50000", "51000.5", "2001");
        check("BTC-PERPETUAL", "-100000", "50000", "40000", "0.5");
        check("BTC-PERPETUAL", "10", "30000", "70000", "0.00019047");
        check("BTC-PERPETUAL", "-10", "30000", "70000", "-0.00019048");
        check("BTC-27MAR26-100000-C", "5", "0.05", "0.0625", "0.0625");
        check("BTC_USDC-27MAR26-100000-C", "0.5", "1200", "900", "-150");
    }

    #[test]
    fn payoffs_by_hand() {
        let check = |name: &str, index: &str, expected: &str| {
            let payoff = instrument(name).payoff(price(index), Rounding::Floor).unwrap();
            assert_eq!(payoff.unwrap().to_string(), expected, "{name} at {index}");
        };
        check("BTC-27MAR26-100000-C", "125000", "0.2");
        check("BTC-27MAR26-100000-P", "125000", "0");
        check("BTC-27MAR26-100000-P", "80000", "0.25");
        check("BTC_USDC-27MAR26-100000-P", "80000", "20000");
        assert!(instrument("BTC-PERPETUAL").payoff(price("1"), Rounding::Floor).is_none());
    }

    #[test]
    fn a_price_of_zero_is_an_error_where_it_divides() {
        let perpetual = instrument("BTC-PERPETUAL");
        let one = Quantity::from_lots(1);
        let value = perpetual.value(one, Price::ZERO, Rounding::Floor);
        assert_eq!(value, Err(Error::PriceNotPositive));
        let option = instrument("BTC-27MAR26-100000-C");
        assert_eq!(option.value(one, Price::ZERO, Rounding::Floor), Ok(Amount::ZERO));
    }

    proptest! {
        #[test]
        fn profit_is_the_difference_of_values(lots in -1_000_000_000_i64..1_000_000_000,
                                              p0 in 1_i64..1_000_000_000_000_000, p1 in 1_i64..1_000_000_000_000_000,
                                              linear: bool) {
            let contract = instrument(if linear { "BTC_USDC-PERPETUAL" } else { "BTC-PERPETUAL" });
            let lots = Quantity::from_lots(lots);
            let [p0, p1] = [p0, p1].map(Price::from_units);
            let (Ok(v0), Ok(v1)) = (contract.value(lots, p0, Rounding::Floor), contract.value(lots, p1, Rounding::Floor))
                else { return Err(TestCaseError::fail("values of bounded sizes fit")) };
            let profit = contract.profit(lots, p0, p1, Rounding::Floor).unwrap();
            prop_assert!((v1.units() - v0.units() - profit.units()).abs() <= 1);
            // What one side gains the other loses, up to the residue that rounding keeps back.
            let other = contract.profit(-lots, p0, p1, Rounding::Floor).unwrap();
            prop_assert!((-1..=0).contains(&(profit.units() + other.units())));
            prop_assert_eq!(contract.profit(-lots, p0, p1, Rounding::Ceil).unwrap(), -profit);
        }

        #[test]
        fn nothing_panics_at_the_edges(lots: i64, p0: i64, p1: i64, linear: bool) {
            let contract = instrument(if linear { "BTC_USDC-PERPETUAL" } else { "BTC-PERPETUAL" });
            let _ = contract.profit(Quantity::from_lots(lots), Price::from_units(p0), Price::from_units(p1), Rounding::Ceil);
            let _ = contract.value(Quantity::from_lots(lots), Price::from_units(p0), Rounding::HalfEven);
        }

        #[test]
        fn call_less_put_is_the_forward(index in 1_i64..10_000_000_000_000, strike in 1_i64..10_000_000_000_000) {
            let strike = Price::from_units(strike);
            let contract = |letter: char| instrument(&format!("BTC_USDC-27MAR26-{}-{letter}", strike.to_string().replace('.', "d")));
            let index = Price::from_units(index);
            let pay = |letter| contract(letter).payoff(index, Rounding::Floor).unwrap().unwrap().units();
            prop_assert_eq!(pay('C') - pay('P'), index.units() - strike.units());
        }
    }
}
