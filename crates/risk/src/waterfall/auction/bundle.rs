//! What changes hands when a slice of a portfolio is sold: lots at mark, coins at their index.

use std::ops::Range;

use instruments::{Amount, Asset, Instrument, Price, Quantity, Rounding, SCALE, mul_div};

use super::slice::slice_lots;
use crate::RiskError;
use crate::account::Account;
use crate::market::Market;

/// A slice of a portfolio at its value: positions at mark, and coins at their index for cash. So it
/// leaves both sides with what they had, but for roundings against the taker; what the taker gets for
/// taking it, the discount, comes on top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Signed lots, and the mark at which they change hands.
    pub legs: Vec<(Instrument, i64, Price)>,
    /// Coins beside cash; debts are negative.
    pub coins: Vec<(Asset, Amount)>,
    /// What the taker pays for the coins in cash; negative is received for debts taken over.
    pub cash: Amount,
}

impl Bundle {
    /// The parts of an account from unit `units.start` of `whole` up to `units.end`, but of its balance
    /// in `cash`, which stays. Up to any unit each leg and each coin is rounded towards zero; up to
    /// `whole` it is everything.
    ///
    /// # Errors
    /// What the market lacks for this account, [`RiskError::AmountTooLarge`].
    pub fn between(
        market: &Market,
        account: &Account,
        cash: Asset,
        units: Range<u64>,
        whole: u64,
    ) -> Result<Self, RiskError> {
        let mut bundle = Self::default();
        for (instrument, position) in &account.positions {
            let held = position.quantity.lots();
            let lots = slice_lots(held, units.end, whole) - slice_lots(held, units.start, whole);
            if lots != 0 {
                bundle.legs.push((*instrument, lots, market.mark(instrument)?));
            }
        }
        let mut dollars = 0;
        for (asset, balance) in account.balances.iter().filter(|(asset, _)| **asset != cash) {
            let too_large = || RiskError::AmountTooLarge(*asset);
            let upto = |units| part_of(balance.units(), units, whole).ok_or_else(too_large);
            let part = upto(units.end)? - upto(units.start)?;
            if part != 0 {
                let part = Amount::from_units(part);
                bundle.coins.push((*asset, part));
                let worth = part.worth(market.price(*asset)?, Rounding::Ceil);
                dollars += worth.map_err(|_| too_large())?.units();
            }
        }
        bundle.cash = Self::cash_for(market, cash, dollars)?;
        Ok(bundle)
    }

    /// An amount of US dollars in a cash asset at its index, rounded up.
    ///
    /// # Errors
    /// What the market lacks of the asset, [`RiskError::AmountTooLarge`].
    pub fn cash_for(market: &Market, cash: Asset, dollars: i128) -> Result<Amount, RiskError> {
        let price = market.price(cash)?;
        let units = mul_div(dollars, SCALE.into(), price.units().into(), Rounding::Ceil);
        units.map(Amount::from_units).ok_or(RiskError::AmountTooLarge(cash))
    }

    /// Whether nothing changes hands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty() && self.coins.is_empty()
    }

    /// The seller without the bundle, and with so much more cash besides.
    ///
    /// # Errors
    /// [`RiskError::AmountTooLarge`].
    pub fn sold(&self, seller: &Account, cash: Asset, more: Amount) -> Result<Account, RiskError> {
        self.moved(seller, -1, cash, more)
    }

    /// The taker with the bundle, and with so much more cash besides.
    ///
    /// # Errors
    /// [`RiskError::AmountTooLarge`].
    pub fn bought(&self, taker: &Account, cash: Asset, more: Amount) -> Result<Account, RiskError> {
        self.moved(taker, 1, cash, more)
    }

    fn moved(
        &self,
        account: &Account,
        sign: i64,
        cash: Asset,
        more: Amount,
    ) -> Result<Account, RiskError> {
        let mut after = account.clone();
        for (instrument, lots, mark) in &self.legs {
            after
                .trade(*instrument, Quantity::from_lots(sign * lots), *mark)
                .map_err(RiskError::of(instrument))?;
        }
        let paid = i128::from(sign) * self.cash.units();
        let coins =
            self.coins.iter().map(|(asset, part)| (*asset, i128::from(sign) * part.units()));
        for (asset, units) in coins.chain([(cash, more.units() - paid)]) {
            let balance = after.balances.entry(asset).or_default();
            *balance = balance
                .checked_add(Amount::from_units(units))
                .ok_or(RiskError::AmountTooLarge(asset))?;
        }
        after.balances.retain(|_, balance| *balance != Amount::ZERO);
        Ok(after)
    }
}

/// A part of an amount, rounded towards zero; all of it if the units are the whole.
fn part_of(amount: i128, units: u64, whole: u64) -> Option<i128> {
    if units >= whole {
        return Some(amount);
    }
    let part = mul_div(amount.checked_abs()?, units.into(), whole.into(), Rounding::Floor)?;
    Some(part * amount.signum())
}
