//! The pre-trade check: the exact requirement after one fill, without allocating.

use instruments::{Amount, Instrument, Underlying};

use crate::RiskError;
use crate::epoch::{CoinArray, Epoch};
use crate::equity::position_profit;
use crate::margin::Assessment;
use crate::methodology::Aggregator;
use crate::portfolio::CoinExposure;
use crate::requirement::{Fraction, Profits, ceil_root_of_squares, shortfall, worst_loss};
use crate::vector::{MovedCoin, ROUNDING_MAX, Slice, Ticks, fill};

/// An account's profits in every scenario with room to try fills on: made once per change of the
/// account, then asked for every order.
#[derive(Clone, Debug)]
pub struct PreTrade {
    profits: Profits,
    /// Worst loss of each underlying in each block of its own scenarios.
    own_losses: Vec<Vec<(Underlying, i128)>>,
    alone_losses: Vec<(Underlying, i128)>,
    /// Coins that scenarios count, and how much more of each would still count in full.
    coins: CoinExposure,
    headroom: CoinExposure,
    /// Scratch: the joint scenarios, one underlying's own, zeros for one that is not held yet.
    joint: Vec<f64>,
    own: Vec<f64>,
    nothing: Vec<f64>,
    losses: Vec<Fraction>,
}

/// What a fill does to the coin that it settles in.
enum CoinAfter<'e> {
    /// Nothing, or no scenario moves the asset.
    Same,
    /// From so many units to so many, with the coin's rows.
    Moved { before: f64, after: f64, row: &'e CoinArray },
    /// The coin may not count as collateral.
    Unknown,
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
        let coins = assessment.coins()?;
        let mut profits = assessment.vector.profits(epoch, &coins);
        assessment.add_orders(&mut profits, orders, &assessment.entries(orders)?, None);
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
        let headroom = headroom(assessment)?;
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
            nothing: vec![0.0; set.own.len().max(set.alone.len())],
            losses: Vec::with_capacity(set.blocks.len()),
            coins,
            headroom,
            profits,
        }))
    }

    /// R after a fill of `lots`, in ticks, in the epoch that the check was prepared in: what a full
    /// computation would give. `coin` is what the fill changes the account's settlement asset by:
    /// minus the premium of an option, the gain of a future against mark, either less the fee.
    ///
    /// `None` where only the full computation is exact: a sum could pass 2^51 ticks, or the coin
    /// that the contract settles in may not count as collateral.
    ///
    /// # Errors
    /// [`RiskError::NoArray`].
    pub fn requirement_after(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        lots: i64,
        coin: Amount,
    ) -> Result<Option<i128>, RiskError> {
        let (array, underlying) = (epoch.array(instrument)?, instrument.underlying());
        let coin = match self.coin_after(epoch, instrument, coin) {
            CoinAfter::Unknown => return Ok(None),
            CoinAfter::Same => None,
            CoinAfter::Moved { before, after, row } => Some((before, after, row)),
        };
        let moved =
            coin.map_or(0.0, |(before, after, row)| (before.abs() + after.abs()) * row.magnitude);
        let room = self.profits.room + lots.unsigned_abs() as f64 * array.magnitude + moved;
        if room > ROUNDING_MAX {
            return Ok(None);
        }
        let is_joint = epoch.is_joint(underlying);
        let coin = coin.filter(|_| is_joint);
        let (lots, own) = (lots as f64, &mut self.own[..array.own.len()]);
        let held = if is_joint { &self.profits.own } else { &self.profits.alone };
        let held = match held.get(&underlying) {
            Some(Ticks::Narrow(held)) => held,
            Some(Ticks::Wide(_)) => return Ok(None),
            None => &self.nothing[..own.len()],
        };
        let own_coin = coin.map(|(before, after, c)| MovedCoin { before, after, row: &c.own });
        fill(held, lots, &array.own, own_coin, own);
        if !is_joint {
            let changed = worst_loss(Slice::Narrow(own));
            let alone = others(&self.alone_losses, underlying).sum::<i128>() + changed;
            return Ok(Some(self.joint_requirement(epoch, None) + alone));
        }
        let Ticks::Narrow(held) = &self.profits.joint else { return Ok(None) };
        let joint_coin = coin.map(|(before, after, c)| MovedCoin { before, after, row: &c.joint });
        fill(held, lots, &array.joint, joint_coin, &mut self.joint);
        let alone: i128 = self.alone_losses.iter().map(|(_, loss)| loss).sum();
        Ok(Some(self.joint_requirement(epoch, Some(underlying)) + alone))
    }

    fn coin_after<'e>(
        &self,
        epoch: &'e Epoch,
        instrument: &Instrument,
        change: Amount,
    ) -> CoinAfter<'e> {
        let asset = instrument.settlement_asset();
        let Some(row) = epoch.coin(asset) else { return CoinAfter::Same };
        match self.headroom.get(&asset) {
            Some(headroom) if *headroom >= change.units().max(0) => {
                if change == Amount::ZERO {
                    return CoinAfter::Same;
                }
                let before = self.coins.get(&asset).copied().unwrap_or(0);
                CoinAfter::Moved {
                    before: before as f64,
                    after: (before + change.units()) as f64,
                    row,
                }
            }
            _ => CoinAfter::Unknown,
        }
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
                Aggregator::WorstWithOffset { .. } => {
                    unreachable!("no check is prepared for a methodology that caps offsets")
                }
                Aggregator::RootSumSquares => {
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

/// How much more of each coin of the universe would still count in full, once all profit of open
/// positions has become balance: a fill that closes one realises it.
fn headroom(assessment: &Assessment<'_>) -> Result<CoinExposure, RiskError> {
    let epoch = assessment.epoch;
    let mut headroom = CoinExposure::new();
    for (asset, _) in epoch.haircuts().iter().filter(|(a, _)| epoch.is_joint(Underlying::of(*a))) {
        let balance = assessment.account.balances.get(&asset).copied().unwrap_or_default();
        headroom.insert(asset, assessment.units_counted_max(asset)? - balance.units());
    }
    for (instrument, position) in
        assessment.account.positions.iter().filter(|(i, _)| !i.is_option())
    {
        if let Some(left) = headroom.get_mut(&instrument.settlement_asset()) {
            *left -= position_profit(assessment.market, instrument, position)?.max(0);
        }
    }
    Ok(headroom)
}

/// Losses of every underlying but one.
fn others(losses: &[(Underlying, i128)], but: Underlying) -> impl Iterator<Item = i128> {
    losses.iter().filter(move |(underlying, _)| *underlying != but).map(|(_, loss)| *loss)
}
