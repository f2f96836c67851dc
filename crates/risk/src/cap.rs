//! The cap on margin of accounts that can lose no more than their options' value.

use instruments::{Amount, Quantity, Rounding};

use crate::RiskError;
use crate::account::OpenOrder;
use crate::equity::worth;
use crate::margin::Assessment;
use crate::room::Room;

impl Assessment<'_> {
    /// An account that can lose no more than its options' value: long options only, also if every
    /// resting order fills, no debt, and premiums that its balances cover. Its margin is capped
    /// there, in US dollars.
    pub(crate) fn cap(
        &self,
        option_value: Amount,
        orders: &[OpenOrder],
        room: &mut Room,
    ) -> Result<Option<Amount>, RiskError> {
        let Room { least, paid, .. } = room;
        let positions = self.account.positions.iter();
        let lots = |lots: Quantity| i128::from(lots.lots());
        if positions.clone().any(|(i, held)| !i.is_option() || lots(held.quantity) < 0) {
            return Ok(None);
        }
        least.clear();
        least.extend(positions.map(|(i, held)| (*i, lots(held.quantity))));
        for order in orders {
            *least.entry(order.instrument).or_default() += lots(order.quantity).min(0);
        }
        let long_only = least.iter().all(|(i, lots)| i.is_option() && *lots >= 0);
        let mut amounts = self.account.balances.values().chain(self.account.accrued.values());
        if !long_only || amounts.any(|amount| *amount < Amount::ZERO) {
            return Ok(None);
        }
        paid.clear();
        for order in orders {
            let premium = order
                .instrument
                .value(order.quantity, order.limit, Rounding::Ceil)
                .map_err(RiskError::of(&order.instrument))?;
            *paid.entry(order.instrument.settlement_asset()).or_default() +=
                premium.units().max(0) + order.fee.units().max(0);
        }
        let mut cap = option_value.units();
        for (&asset, &paid) in paid.iter() {
            let balance = self.account.balances.get(&asset).copied().unwrap_or_default();
            if paid > balance.units() {
                return Ok(None);
            }
            // Rounded down twice: once here, once where a fill turns cash into value.
            cap += worth(self.market, asset, Amount::from_units(paid))?.units() + 2;
        }
        Ok(Some(Amount::from_units(cap.max(0))))
    }
}
