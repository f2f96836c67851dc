//! Whether an account can stand, and what it is worth if it can't.

use instruments::{Amount, Rounding};

use crate::RiskError;
use crate::account::{Account, MarginModel};
use crate::equity::{option_value, profits, worth};
use crate::margin::{Margin, MarginDetail};
use crate::market::Market;

/// E, V and MM of one account, in 10⁻⁸ US dollars, open orders left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solvency {
    /// E: equity after haircuts. Of `cross` and `isolated` accounts short options count at mark, and
    /// the requirement leaves that mark out; so do the losses of isolated positions: the same health.
    pub equity: i128,
    /// V: value at mark, without haircuts, rounded down.
    pub value: i128,
    /// MM: the maintenance requirement.
    pub maintenance: i128,
}

impl Solvency {
    /// The solvency of an account that has this margin.
    ///
    /// # Errors
    /// What the market lacks for this account.
    pub fn of(market: &Market, account: &Account, margin: &Margin) -> Result<Self, RiskError> {
        let mut shorts = 0;
        let mut options = 0;
        for (instrument, position) in account.positions.iter().filter(|(i, _)| i.is_option()) {
            let value = option_value(market, instrument, position.quantity)?;
            let value = worth(market, instrument.settlement_asset(), value)?.units();
            options += value;
            shorts += value.min(0);
        }
        let counted = match margin.model {
            MarginModel::Portfolio => 0,
            _ => shorts - isolated_losses(margin),
        };
        let mut coins = profits(market, account)?;
        for (asset, balance) in &account.balances {
            *coins.entry(*asset).or_default() += balance.units();
        }
        let mut value = options;
        for (asset, units) in coins {
            value += worth(market, asset, Amount::from_units(units))?.units();
        }
        Ok(Self {
            equity: margin.equity.total.units() + counted,
            value,
            maintenance: (margin.maintenance.units() + counted).max(0),
        })
    }

    /// E − MM: a case opens where it is negative.
    #[must_use]
    pub const fn health(&self) -> i128 {
        self.equity - self.maintenance
    }

    /// Whether equity covers so many parts per billion of the requirement, rounded up.
    #[must_use]
    pub fn covers(&self, ppb: u64) -> bool {
        let needed =
            instruments::mul_div(self.maintenance, ppb.into(), 1_000_000_000, Rounding::Ceil);
        needed.is_some_and(|needed| self.equity >= needed)
    }
}

/// What isolated positions have lost: margin asks for it beside what they need, and equity has it still.
fn isolated_losses(margin: &Margin) -> i128 {
    let MarginDetail::Position(detail) = &margin.detail else { return 0 };
    if margin.model != MarginModel::Isolated {
        return 0;
    }
    let futures = detail.positions.iter().filter(|position| !position.instrument.is_option());
    futures.map(|position| (-position.unrealised.units()).max(0)).sum()
}
