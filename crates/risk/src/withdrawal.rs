//! What may leave an account.

use instruments::{Amount, Asset, Price, Rounding, SCALE};

use crate::RiskError;
use crate::account::{Account, MarginModel};
use crate::margin::Margin;
use crate::market::{Confidence, Market};
use crate::valuation::Valuation;

/// Halvings that find the most to within a millionth of what the rule alone would allow.
const HALVINGS: u32 = 20;

/// The most of an asset that an account may withdraw: no more than its balance, nor than equity
/// without unrealised gains and without positive net option value leaves above initial margin,
/// both before and after. A coin that covers a short option lowers the requirement, so what taking
/// it away does is computed, not assumed. Zero while the asset's index is below `confidence_min`.
///
/// # Errors
/// As [`crate::margin`].
pub fn withdrawable(
    valuation: &Valuation,
    market: &Market,
    account: &Account,
    model: MarginModel,
    asset: Asset,
    confidence_min: Confidence,
) -> Result<Amount, RiskError> {
    let margin_of = |account: &Account| valuation.margin(market, account, model);
    withdrawable_by(margin_of, market, account, asset, confidence_min)
}

/// [`withdrawable`] for an account that `margin_of` margins.
///
/// # Errors
/// As `margin_of`, and [`RiskError::NoPrice`].
pub fn withdrawable_by(
    margin_of: impl Fn(&Account) -> Result<Margin, RiskError>,
    market: &Market,
    account: &Account,
    asset: Asset,
    confidence_min: Confidence,
) -> Result<Amount, RiskError> {
    let balance = account.balances.get(&asset).copied().unwrap_or_default();
    if balance <= Amount::ZERO || market.confidence(asset) < confidence_min {
        return Ok(Amount::ZERO);
    }
    let price = market.price(asset)?;
    let free_after = |taken: i128| -> Result<i128, RiskError> {
        let mut after = account.clone();
        after.balances.insert(asset, Amount::from_units(balance.units() - taken));
        Ok(free(&margin_of(&after)?))
    };
    let allowed = units_worth(free_after(0)?, price).min(balance.units());
    if allowed <= 0 || free_after(allowed)? >= 0 {
        return Ok(Amount::from_units(allowed.max(0)));
    }
    let (mut fits, mut breaks) = (0, allowed);
    for _ in 0..HALVINGS {
        let middle = fits + (breaks - fits) / 2;
        if free_after(middle)? >= 0 { fits = middle } else { breaks = middle }
    }
    Ok(Amount::from_units(fits))
}

/// Equity that is money already, less initial margin, in 10⁻⁸ US dollars.
fn free(margin: &Margin) -> i128 {
    let gains =
        || margin.equity.unrealised.iter().map(|line| line.value.units().max(0)).sum::<i128>();
    let unpaid = match margin.model {
        MarginModel::Portfolio => gains() + margin.equity.option_value.units().max(0),
        MarginModel::Cross => gains(),
        // An isolated position's profit is in no shared equity.
        MarginModel::Isolated => 0,
    };
    margin.equity.total.units() - unpaid - margin.initial.units()
}

/// How much of an asset at full price some US dollars are.
fn units_worth(usd: i128, price: Price) -> i128 {
    let scale = i128::from(SCALE);
    let units = instruments::mul_div(usd, scale, i128::from(price.units()), Rounding::Floor);
    units.unwrap_or(i128::MAX)
}
