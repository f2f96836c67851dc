//! Euler shares: how much of the requirement each position, coin and order makes.
//!
//! R is homogeneous, so its binding term is the sum over components of what each loses in the
//! binding scenarios, weighed as the term weighs them. Shares are whole ticks and sum to R exactly.

use instruments::{Asset, Instrument, Quantity, Underlying};

use crate::RiskError;
use crate::account::Account;
use crate::epoch::Epoch;
use crate::margin::Assessment;
use crate::methodology::Aggregator;
use crate::requirement::{BlockLoss, Profits, Requirement};
use crate::scenario::BlockSpan;
use crate::vector::Ticks;

/// What a share of the requirement belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// A position.
    Position(Instrument),
    /// Balance, accrued funding and unrealised profit in one asset.
    Coin(Asset),
    /// An open order, by its place among the account's orders.
    Order(Instrument, usize),
}

impl Component {
    /// Lots of a position or order; none of a coin.
    pub(crate) fn quantity(&self, account: &Account) -> Quantity {
        match self {
            Self::Position(instrument) => account.positions[instrument].quantity,
            Self::Order(_, index) => account.orders[*index].quantity,
            Self::Coin(_) => Quantity::ZERO,
        }
    }

    /// Units of a coin that scenarios count.
    pub(crate) fn units(&self, assessment: &Assessment<'_>) -> Result<i128, RiskError> {
        let Self::Coin(asset) = self else { return Ok(0) };
        Ok(assessment.coins()?.get(asset).copied().unwrap_or(0))
    }
}

/// Every component of an account: positions, coins that scenarios move, orders.
pub(crate) fn components(assessment: &Assessment<'_>) -> Result<Vec<Component>, RiskError> {
    let account = assessment.account;
    let mut all: Vec<_> = account.positions.keys().copied().map(Component::Position).collect();
    all.extend(assessment.coins()?.into_keys().map(Component::Coin));
    let orders = account.orders.iter().enumerate();
    all.extend(orders.map(|(index, order)| Component::Order(order.instrument, index)));
    Ok(all)
}

/// Each component's share of R, in ticks.
pub(crate) fn shares(
    assessment: &Assessment<'_>,
    requirement: &Requirement,
    all: &Profits,
    components: &[Component],
) -> Result<Vec<i128>, RiskError> {
    let mut raw = Vec::with_capacity(components.len());
    for component in components {
        let profits = profits_of(assessment, component)?;
        raw.push(raw_share(assessment.epoch, requirement, all, &profits));
    }
    Ok(allocate(requirement.ticks, &raw))
}

/// One component's profits in every scenario, nothing else held.
fn profits_of(assessment: &Assessment<'_>, component: &Component) -> Result<Profits, RiskError> {
    let epoch = assessment.epoch;
    let mut vector = crate::PortfolioVector::empty(epoch);
    match component {
        Component::Position(instrument) => {
            vector.add(epoch, instrument, component.quantity(assessment.account))?;
            Ok(vector.profits(epoch, &crate::portfolio::CoinExposure::new()))
        }
        Component::Coin(asset) => {
            let units = component.units(assessment)?;
            Ok(vector.profits(epoch, &[(*asset, units)].into()))
        }
        Component::Order(_, index) => {
            let alone = Assessment { vector: &vector, account: &Account::default(), ..*assessment };
            let mut profits = vector.profits(epoch, &crate::portfolio::CoinExposure::new());
            let order = &assessment.account.orders[*index..=*index];
            alone.add_orders(&mut profits, order, &assessment.entries(order)?, None);
            Ok(profits)
        }
    }
}

/// A component's loss in the binding scenarios, before rounding.
fn raw_share(epoch: &Epoch, requirement: &Requirement, all: &Profits, profits: &Profits) -> f64 {
    let mut share = 0.0;
    if let Some(binding) = requirement.binding {
        let set = epoch.scenarios();
        let term = &set.terms[binding];
        for (index, weight) in &term.blocks {
            let (span, block) = (&set.blocks[*index], &requirement.blocks[*index]);
            let weight = f64::from(*weight) / f64::from(term.whole);
            share += weight * block_share(span, block, all, profits);
        }
    }
    for (underlying, loss, scenario) in &requirement.alone {
        if *loss > 0 {
            share -= at(profits.alone.get(underlying), *scenario);
        }
    }
    share
}

fn block_share(span: &BlockSpan, block: &BlockLoss, all: &Profits, profits: &Profits) -> f64 {
    let joint = |scenario: &usize| profits.joint.at(span.span.start + scenario) as f64;
    match span.aggregator {
        Aggregator::Worst if block.loss.numerator == 0 => 0.0,
        Aggregator::Worst => -block.scenarios.iter().map(joint).sum::<f64>(),
        Aggregator::ExpectedShortfall { .. } => {
            -block.scenarios.iter().map(joint).sum::<f64>() / (block.scenarios.len().max(1)) as f64
        }
        Aggregator::RootSumSquares => {
            let squares: f64 = block
                .by_underlying
                .iter()
                .map(|(_, loss, _)| (*loss as f64) * (*loss as f64))
                .sum();
            let root = squares.sqrt().max(1.0);
            let own = |(underlying, loss, scenario): &(Underlying, i128, usize)| {
                -at(profits.own.get(underlying), span.span.start + scenario) * (*loss as f64) / root
            };
            block.by_underlying.iter().map(own).sum::<f64>() + profits.order_entry_loss as f64
        }
        Aggregator::WorstWithOffset { offset_ppm } => {
            let Some(scenario) = block.scenarios.first().filter(|_| block.loss.numerator > 0)
            else {
                return 0.0;
            };
            // What the whole underlying gains counts in part, and so does each part of it.
            let own = |(underlying, ticks): (&Underlying, &Ticks)| {
                let gains = at(all.own.get(underlying), span.span.start + scenario) > 0.0;
                let counted = if gains { f64::from(offset_ppm) / 1e6 } else { 1.0 };
                ticks.at(span.span.start + scenario) as f64 * counted
            };
            -profits.own.iter().map(own).sum::<f64>()
        }
    }
}

fn at(ticks: Option<&Ticks>, scenario: usize) -> f64 {
    ticks.map_or(0.0, |ticks| ticks.at(scenario) as f64)
}

/// Whole ticks that sum to `total` and lie next to `raw`: each rounded down, what is missing by
/// largest remainder, ties by place.
pub(crate) fn allocate(total: i128, raw: &[f64]) -> Vec<i128> {
    if raw.is_empty() {
        return Vec::new();
    }
    let mut whole: Vec<i128> = raw.iter().map(|share| share.floor() as i128).collect();
    let missing = total - whole.iter().sum::<i128>();
    let count = raw.len() as i128;
    // Rounding leaves less than a tick each; anything more is spread evenly first.
    let even = missing.div_euclid(count);
    whole.iter_mut().for_each(|share| *share += even);
    let rest = usize::try_from(missing.rem_euclid(count)).expect("less than the count");
    let mut order: Vec<usize> = (0..raw.len()).collect();
    let remainder = |index: usize| raw[index] - raw[index].floor();
    order.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)).then(a.cmp(b)));
    order.into_iter().take(rest).for_each(|index| whole[index] += 1);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_remainders_get_what_is_missing() {
        assert_eq!(allocate(10, &[3.3, 3.3, 3.4]), [3, 3, 4]);
        assert_eq!(allocate(0, &[-1.5, 1.5]), [-1, 1]);
        assert_eq!(allocate(7, &[]), Vec::<i128>::new());
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_total(total in -1_000_000_i128..1_000_000, raw in prop::collection::vec(-1e6..1e6_f64, 1..40)) {
            prop_assert_eq!(allocate(total, &raw).iter().sum::<i128>(), total);
        }
    }
}
