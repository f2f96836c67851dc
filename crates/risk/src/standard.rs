//! Requirements position by position, for `cross` and `isolated` accounts.
//!
//! Short options carry their mark inside the requirement and long ones are paid in full, so option
//! value is no part of equity here.

use std::collections::BTreeMap;

use instruments::{
    Amount, Asset, ContractKind, Instrument, OptionKind, Quantity, Rounding, SCALE, SettlementStyle,
};

use crate::RiskError;
use crate::account::{Account, MarginModel, OpenOrder, Position};
use crate::array::lot_f64;
use crate::epoch::EpochInputs;
use crate::equity::{AMOUNT_MAX, Equity, worth};
use crate::haircut::Haircuts;
use crate::margin::{Margin, MarginDetail};
use crate::market::{Market, price_f64};
use crate::methodology::{Methodology, OptionRules};

/// Position rules ready to be applied: a methodology of kind `position` with its haircuts.
#[derive(Clone, Debug)]
pub struct Standard {
    methodology: Methodology,
    haircuts: Haircuts,
}

/// Requirement of one position, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionMargin {
    /// The instrument.
    pub instrument: Instrument,
    /// Signed lots held.
    pub quantity: Quantity,
    /// Initial margin, open orders in the instrument included.
    pub initial: Amount,
    /// Maintenance margin.
    pub maintenance: Amount,
    /// Unrealised profit; zero for options.
    pub unrealised: Amount,
}

impl Standard {
    /// Opens position rules on a market; the history of the inputs is not used.
    ///
    /// # Errors
    /// [`RiskError::WrongKind`], or what the market lacks.
    pub fn open(methodology: &Methodology, inputs: EpochInputs<'_>) -> Result<Self, RiskError> {
        let rules = methodology.position_rules()?;
        inputs.market.validate()?;
        let haircuts = Haircuts::with_price_risk(&rules.haircut, &rules.assets, &inputs)?;
        Ok(Self { methodology: methodology.clone(), haircuts })
    }

    /// The methodology in force.
    #[must_use]
    pub const fn methodology(&self) -> &Methodology {
        &self.methodology
    }

    /// Margin of an account.
    ///
    /// In `cross` accounts requirements add up against shared equity. In `isolated` accounts each
    /// position stands on its own: what it needs beyond its own profit is asked for, and a profit
    /// beyond its requirement helps no other.
    ///
    /// # Errors
    /// What the market or the methodology lacks for this account; [`RiskError::WrongKind`] for the
    /// `portfolio` model.
    pub fn margin(
        &self,
        market: &Market,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, RiskError> {
        if model == MarginModel::Portfolio {
            return Err(self.methodology.wrong_kind("scenario"));
        }
        let mut equity =
            Equity::of(market, account, &self.haircuts, self.methodology.name(), model)?;
        let positions = self.positions(market, account)?;
        let initial = |position: &PositionMargin| position.initial;
        let maintenance = |position: &PositionMargin| position.maintenance;
        let (initial, maintenance) = if model == MarginModel::Isolated {
            let unrealised: i128 = equity.unrealised.iter().map(|line| line.value.units()).sum();
            let accrued = unrealised - positions.iter().map(|p| p.unrealised.units()).sum::<i128>();
            equity.total = Amount::from_units(equity.total.units() - unrealised + accrued.min(0));
            (own_need(&positions, initial), own_need(&positions, maintenance))
        } else {
            (positions.iter().map(initial).sum(), positions.iter().map(maintenance).sum())
        };
        let detail = MarginDetail::Position(positions);
        Ok(Margin { account: account.name.clone(), model, equity, initial, maintenance, detail })
    }

    fn positions(
        &self,
        market: &Market,
        account: &Account,
    ) -> Result<Vec<PositionMargin>, RiskError> {
        let mut orders: BTreeMap<Instrument, Vec<&OpenOrder>> = BTreeMap::new();
        for order in &account.orders {
            orders.entry(order.instrument).or_default().push(order);
        }
        let margin = |instrument: Instrument| {
            let held = account.positions.get(&instrument).copied();
            let held = held.unwrap_or(Position { quantity: Quantity::ZERO, cost: Amount::ZERO });
            let orders = orders.get(&instrument).map_or(&[][..], |orders| orders);
            self.position(market, instrument, held, orders)
        };
        account.instruments().into_iter().map(margin).collect()
    }

    fn position(
        &self,
        market: &Market,
        instrument: Instrument,
        held: Position,
        orders: &[&OpenOrder],
    ) -> Result<PositionMargin, RiskError> {
        let exact = RiskError::of(&instrument);
        let asset = instrument.settlement_asset();
        let lots = held.quantity.lots();
        let (mut bids, mut asks, mut entry) = (0_i64, 0_i64, 0_i128);
        for order in orders {
            let side = if order.quantity.lots() > 0 { &mut bids } else { &mut asks };
            *side = side.saturating_add(order.quantity.lots());
            let cost = entry_cost(market, order)?;
            entry += worth(market, asset, Amount::from_units(-cost))?.units();
        }
        let both = |lots: i64| self.requirement(market, &instrument, lots);
        let (initial_held, maintenance) = both(lots)?;
        let (initial_long, _) = both(lots.saturating_add(bids))?;
        let (initial_short, _) = both(lots.saturating_add(asks))?;
        let initial = initial_held.max(initial_long).max(initial_short);
        let unrealised = if instrument.is_option() {
            Amount::ZERO
        } else {
            let value = instrument
                .value(held.quantity, market.mark(&instrument)?, Rounding::Floor)
                .map_err(exact)?;
            worth(market, asset, Amount::from_units(value.units() - held.cost.units()))?
        };
        Ok(PositionMargin {
            instrument,
            quantity: held.quantity,
            initial: Amount::from_units(initial.units() - entry),
            maintenance,
            unrealised,
        })
    }

    /// Initial and maintenance margin of signed lots.
    fn requirement(
        &self,
        market: &Market,
        instrument: &Instrument,
        lots: i64,
    ) -> Result<(Amount, Amount), RiskError> {
        let rules = self.methodology.position_rules()?;
        let index = price_f64(market.price(instrument.base())?);
        let mark = price_f64(market.mark(instrument)?);
        let size = lots.unsigned_abs() as f64 * lot_f64(instrument);
        let (initial, maintenance) = match instrument.kind() {
            ContractKind::Option { strike, kind, .. } => {
                if lots >= 0 {
                    return Ok((Amount::ZERO, Amount::ZERO));
                }
                let worth = price_f64(market.price(instrument.settlement_asset())?);
                let mark_usd = if instrument.style() == SettlementStyle::Inverse {
                    mark * index
                } else {
                    mark * worth
                };
                let (initial, maintenance) =
                    short_option(&rules.options, kind, price_f64(strike), index, mark_usd);
                (initial * size, maintenance * size)
            }
            _ => {
                let methodology = || self.methodology.name().to_string();
                let underlying = instrument.underlying();
                let future = rules.futures.get(instrument.base().name()).ok_or_else(|| {
                    RiskError::UnknownUnderlying { methodology: methodology(), underlying }
                })?;
                let base_size = if instrument.is_sized_in_quote() { size / mark } else { size };
                let initial = (future.base + future.slope * base_size) * base_size * index;
                (initial, initial * future.maintenance_share)
            }
        };
        let asset = instrument.base();
        Ok((self.amount_up(asset, initial)?, self.amount_up(asset, maintenance)?))
    }

    /// US dollars, rounded up to a risk tick.
    fn amount_up(&self, asset: Asset, usd: f64) -> Result<Amount, RiskError> {
        let ticks = self.methodology.position_rules()?.ticks_per_unit;
        let whole = (usd * ticks as f64).ceil();
        if whole.abs() > AMOUNT_MAX as f64 {
            return Err(RiskError::AmountTooLarge(asset));
        }
        Ok(Amount::from_units(whole as i128 * i128::from(SCALE / ticks)))
    }
}

/// Short option per unit of the underlying, in US dollars: initial and maintenance margin.
///
/// Call: IM `max(base − OTM/S, floor)·S + mark`, MM `m·S + mark`. Put: MM `max(m·S, p·mark) + mark`,
/// IM the call's with the put's distance from the money, and never less than MM (Deribit, standard
/// margin, 2025).
fn short_option(
    rules: &OptionRules,
    kind: OptionKind,
    strike: f64,
    index: f64,
    mark: f64,
) -> (f64, f64) {
    let out = match kind {
        OptionKind::Call => (strike - index).max(0.0),
        OptionKind::Put => (index - strike).max(0.0),
    };
    let initial = (rules.short_base - out / index).max(rules.short_floor) * index + mark;
    match kind {
        OptionKind::Call => (initial, rules.maintenance * index + mark),
        OptionKind::Put => {
            let maintenance =
                (rules.maintenance * index).max(rules.put_maintenance_mark * mark) + mark;
            (initial.max(maintenance), maintenance)
        }
    }
}

/// What filling an order costs equity at once, in 10⁻⁸ of the settlement asset: a long option's
/// premium, a future's loss against mark, and the fee. Gains are not counted before they are made.
fn entry_cost(market: &Market, order: &OpenOrder) -> Result<i128, RiskError> {
    let instrument = order.instrument;
    let exact = RiskError::of(&instrument);
    let paid = if instrument.is_option() {
        instrument.value(order.quantity, order.limit, Rounding::Ceil).map_err(exact)?
    } else {
        let mark = market.mark(&instrument)?;
        -instrument.profit(order.quantity, order.limit, mark, Rounding::Floor).map_err(exact)?
    };
    Ok(paid.units().max(0) + order.fee.units())
}

/// Σ max(0, requirement − profit), each position by itself.
fn own_need(
    positions: &[PositionMargin],
    requirement: impl Fn(&PositionMargin) -> Amount,
) -> Amount {
    let need = |position: &PositionMargin| {
        Amount::from_units((requirement(position).units() - position.unrealised.units()).max(0))
    };
    positions.iter().map(need).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_options_by_hand() {
        let rules = OptionRules {
            short_base: 0.15,
            short_floor: 0.10,
            maintenance: 0.075,
            put_maintenance_mark: 0.075,
        };
        let check = |kind, strike: f64, mark: f64, expected: (f64, f64)| {
            let (initial, maintenance) = short_option(&rules, kind, strike, 100.0, mark);
            assert!(
                (initial - expected.0).abs() < 1e-9 && (maintenance - expected.1).abs() < 1e-9,
                "{initial} {maintenance}"
            );
        };
        check(OptionKind::Call, 100.0, 5.0, (20.0, 12.5));
        check(OptionKind::Call, 103.0, 4.0, (16.0, 11.5));
        check(OptionKind::Call, 150.0, 0.1, (10.1, 7.6));
        check(OptionKind::Put, 97.0, 4.0, (16.0, 11.5));
        // Far in the money the put's mark carries its own maintenance.
        check(OptionKind::Put, 300.0, 200.0, (215.0, 215.0));
    }
}
