//! The pre-trade check: the exact requirement after one fill, without allocating.

use instruments::{Instrument, Underlying};
use numerics::{Filled, Trade, add_trade, apply_trade};

use crate::RiskError;
use crate::epoch::Epoch;
use crate::margin::Assessment;
use crate::methodology::Aggregator;
use crate::requirement::{Fraction, Profits, ceil_root_of_squares, shortfall, worst_loss};
use crate::vector::{Slice, Ticks};

/// An account's profits in every scenario with room to try fills on: made once per change of the
/// account, then asked for every order.
#[derive(Clone, Debug)]
pub struct PreTrade {
    profits: Profits,
    /// Worst loss of each underlying in each block of its own scenarios.
    own_losses: Vec<Vec<(Underlying, i128)>>,
    alone_losses: Vec<(Underlying, i128)>,
    joint: Vec<f64>,
    own: Vec<f64>,
    losses: Vec<Fraction>,
}

impl PreTrade {
    /// Prepares an account's check: positions, coins and open orders as they stand. `None` if its
    /// sums are beyond 2^52 ticks, where only the full computation is exact, or if its methodology
    /// caps offsets between underlyings.
    ///
    /// # Errors
    /// As [`crate::margin`].
    pub fn of(assessment: &Assessment<'_>) -> Result<Option<Self>, RiskError> {
        let epoch = assessment.epoch;
        let orders = &assessment.account.orders;
        let held = assessment.vector.profits(epoch, &assessment.coins()?);
        let profits = assessment.with_orders(held, orders, &assessment.entries(orders)?, None)?;
        let set = epoch.scenarios();
        let capped = |a: &Aggregator| matches!(a, Aggregator::WorstWithOffset { .. });
        let narrow = matches!(profits.joint, Ticks::Narrow(_));
        if !narrow || set.blocks.iter().any(|block| capped(&block.aggregator)) {
            return Ok(None);
        }
        let worst = |span: std::ops::Range<usize>| {
            let each = profits.own.iter();
            each.map(|(u, ticks)| (*u, worst_loss(ticks.slice(span.clone())))).collect()
        };
        let alone = profits.alone.iter();
        Ok(Some(Self {
            own_losses: set
                .blocks
                .iter()
                .map(|b| if b.joint { vec![] } else { worst(b.span.clone()) })
                .collect(),
            alone_losses: alone
                .map(|(u, ticks)| (*u, worst_loss(ticks.slice(0..ticks.len()))))
                .collect(),
            joint: vec![0.0; set.joint.len()],
            own: vec![0.0; set.own.len().max(set.alone.len())],
            losses: Vec::with_capacity(set.blocks.len()),
            profits,
        }))
    }

    /// R after `lots` more of an instrument at its mark, in ticks, in the epoch that the check was
    /// prepared in: what
    /// [`PortfolioVector::add`](crate::PortfolioVector::add) and a full computation would give.
    /// `None` if a sum could pass 2^52 ticks.
    ///
    /// # Errors
    /// [`RiskError::NoArray`].
    pub fn requirement_after(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        lots: i64,
    ) -> Result<Option<i128>, RiskError> {
        let array = epoch.array(instrument)?;
        if self.profits.room + lots.unsigned_abs() as f64 * array.magnitude
            > numerics::exact::EXACT_MAX
        {
            return Ok(None);
        }
        let underlying = instrument.underlying();
        let count = array.own.len();
        let trade = Trade::at_mark(lots as f64, &array.own);
        let map = if epoch.is_joint(underlying) { &self.profits.own } else { &self.profits.alone };
        match map.get(&underlying) {
            Some(Ticks::Narrow(base)) => {
                apply_trade(base, &trade, Filled::Yes, &mut self.own[..count]);
            }
            Some(Ticks::Wide(_)) => return Ok(None),
            None => {
                self.own[..count].fill(0.0);
                add_trade(&mut self.own[..count], &trade, Filled::Yes);
            }
        }
        if !epoch.is_joint(underlying) {
            let changed = worst_loss(Slice::Narrow(&self.own[..count]));
            let alone = others(&self.alone_losses, underlying).sum::<i128>() + changed;
            return Ok(Some(self.joint_requirement(epoch, None) + alone));
        }
        let Ticks::Narrow(base) = &self.profits.joint else { return Ok(None) };
        apply_trade(base, &Trade::at_mark(lots as f64, &array.joint), Filled::Yes, &mut self.joint);
        let alone: i128 = self.alone_losses.iter().map(|(_, loss)| loss).sum();
        Ok(Some(self.joint_requirement(epoch, Some(underlying)) + alone))
    }

    /// The largest term, with the scratch vectors in place of those of the underlying that changed.
    fn joint_requirement(&mut self, epoch: &Epoch, changed: Option<Underlying>) -> i128 {
        let set = epoch.scenarios();
        self.losses.clear();
        for (block, own_losses) in set.blocks.iter().zip(&self.own_losses) {
            let span = block.span.clone();
            let joint = || match changed {
                Some(_) => Slice::Narrow(&self.joint[span.clone()]),
                None => self.profits.joint.slice(span.clone()),
            };
            let loss = match block.aggregator {
                Aggregator::Worst => Fraction { numerator: worst_loss(joint()), denominator: 1 },
                Aggregator::ExpectedShortfall { alpha_ppm } => shortfall(joint(), alpha_ppm),
                Aggregator::RootSumSquares | Aggregator::WorstWithOffset { .. } => {
                    let new = changed.map(|_| worst_loss(Slice::Narrow(&self.own[span.clone()])));
                    let rest = own_losses
                        .iter()
                        .filter(|(u, _)| Some(*u) != changed)
                        .map(|(_, loss)| *loss);
                    let root = ceil_root_of_squares(rest.chain(new));
                    Fraction { numerator: root + self.profits.order_entry_loss, denominator: 1 }
                }
            };
            self.losses.push(loss);
        }
        set.terms.iter().map(|term| term.ticks(&self.losses)).max().unwrap_or(0).max(0)
    }
}

/// Losses of every underlying but one.
fn others(losses: &[(Underlying, i128)], but: Underlying) -> impl Iterator<Item = i128> {
    losses.iter().filter(move |(underlying, _)| *underlying != but).map(|(_, loss)| *loss)
}
