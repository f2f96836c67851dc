//! A portfolio in one epoch: its scenario vector and exposures, kept incrementally.

use std::collections::BTreeMap;

use instruments::{Asset, Instrument, Quantity, Underlying};

use crate::RiskError;
use crate::account::{Account, OpenOrder};
use crate::array::RiskArray;
use crate::epoch::Epoch;
use crate::exposure::Exposure;
use crate::requirement::Profits;
use crate::vector::Ticks;

/// The sum of a portfolio's risk arrays.
///
/// Integer sums: adding positions in any order, or taking one out and putting it back, gives the
/// same bits as adding them once.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioVector {
    joint: Ticks,
    own: BTreeMap<Underlying, Ticks>,
    alone: BTreeMap<Underlying, Ticks>,
    /// Σ |lots|·max|array|: no sum can be larger, whatever the scenario and the order of adding.
    magnitude: f64,
    lots: BTreeMap<Instrument, i64>,
}

/// Coins that an account holds or owes, with its unrealised profit in them: in 10⁻⁸.
pub(crate) type CoinExposure = BTreeMap<Asset, i128>;

impl PortfolioVector {
    /// The vector of no positions.
    #[must_use]
    pub fn empty(epoch: &Epoch) -> Self {
        let joint = Ticks::zeros(epoch.scenarios().joint.len());
        let (own, alone, lots) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { joint, own, alone, magnitude: 0.0, lots }
    }

    /// The vector of an account's positions.
    ///
    /// # Errors
    /// [`RiskError::NoArray`].
    pub fn of(epoch: &Epoch, account: &Account) -> Result<Self, RiskError> {
        let mut vector = Self::empty(epoch);
        for (instrument, position) in &account.positions {
            vector.add(epoch, instrument, position.quantity)?;
        }
        Ok(vector)
    }

    /// Adds lots of an instrument.
    ///
    /// # Errors
    /// [`RiskError::NoArray`]; [`RiskError::Limit`] if the position would not fit 64 bits. Then
    /// nothing has changed.
    pub fn add(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        quantity: Quantity,
    ) -> Result<(), RiskError> {
        let array = epoch.array(instrument)?;
        let before = self.lots.get(instrument).copied().unwrap_or(0);
        let after = before.checked_add(quantity.lots()).ok_or(RiskError::Limit {
            what: "lots in one position",
            found: u64::MAX,
            limit: i64::MAX as u64,
        })?;
        let weigh = |lots: i64| lots.unsigned_abs() as f64 * array.magnitude;
        let magnitude = self.magnitude - weigh(before) + weigh(after);
        // Sums are kept while lots move, so room for both sides of the change is needed.
        self.make_room(magnitude.max(self.magnitude));
        self.add_row(epoch, instrument, array, quantity.lots());
        if after == 0 {
            self.lots.remove(instrument)
        } else {
            self.lots.insert(*instrument, after)
        };
        self.magnitude = self
            .lots
            .iter()
            .map(|(held, lots)| {
                let known = epoch.array(held).expect("only listed instruments were added");
                lots.unsigned_abs() as f64 * known.magnitude
            })
            .sum();
        self.make_room(self.magnitude);
        self.forget_if_gone(instrument.underlying());
        Ok(())
    }

    /// Lots by instrument.
    #[must_use]
    pub const fn lots(&self) -> &BTreeMap<Instrument, i64> {
        &self.lots
    }

    pub(crate) const fn magnitude(&self) -> f64 {
        self.magnitude
    }

    fn make_room(&mut self, magnitude: f64) {
        self.joint.fit(magnitude);
        self.own.values_mut().chain(self.alone.values_mut()).for_each(|ticks| ticks.fit(magnitude));
    }

    fn add_row(&mut self, epoch: &Epoch, instrument: &Instrument, array: &RiskArray, lots: i64) {
        let underlying = instrument.underlying();
        let by_underlying = if epoch.is_joint(underlying) {
            self.joint.add(lots, &array.joint);
            &mut self.own
        } else {
            &mut self.alone
        };
        let wide = matches!(self.joint, Ticks::Wide(_));
        let ticks =
            by_underlying.entry(underlying).or_insert_with(|| Ticks::zeros(array.own.len()));
        if wide {
            ticks.fit(f64::INFINITY);
        }
        ticks.add(lots, &array.own);
    }

    /// An underlying without positions leaves no trace, so that equal portfolios are equal.
    fn forget_if_gone(&mut self, underlying: Underlying) {
        if !self.lots.keys().any(|instrument| instrument.underlying() == underlying) {
            self.own.remove(&underlying);
            self.alone.remove(&underlying);
        }
    }

    /// Profits of the portfolio with its coins, orders left out.
    pub(crate) fn profits(&self, epoch: &Epoch, coins: &CoinExposure) -> Profits {
        let coin_magnitude: f64 = coins
            .iter()
            .map(|(asset, units)| {
                epoch
                    .coin(*asset)
                    .map_or(0.0, |coin| units.unsigned_abs() as f64 * coin.magnitude + 1.0)
            })
            .sum();
        let room = self.magnitude + coin_magnitude;
        let mut profits = Profits {
            joint: self.joint.clone(),
            own: self.own.clone(),
            alone: self.alone.clone(),
            order_entry_loss: 0,
        };
        profits.make_room(room);
        for (asset, units) in coins {
            let Some(coin) = epoch.coin(*asset) else { continue };
            profits.add_coin(
                epoch,
                Underlying::of(*asset),
                *units as f64,
                (&coin.joint, &coin.own),
                room,
            );
        }
        profits
    }

    /// Sensitivities of the portfolio and its open orders.
    pub(crate) fn exposure(
        &self,
        epoch: &Epoch,
        orders: &[OpenOrder],
    ) -> Result<Exposure, RiskError> {
        let mut exposure = Exposure::default();
        for (instrument, lots) in &self.lots {
            exposure.hold(instrument, *lots, &epoch.array(instrument)?.sensitivity);
        }
        for order in orders {
            let one = epoch.array(&order.instrument)?.sensitivity;
            exposure.order(&order.instrument, order.quantity.lots(), &one);
        }
        Ok(exposure)
    }
}

impl Profits {
    pub(crate) fn make_room(&mut self, magnitude: f64) {
        self.joint.fit(magnitude);
        self.own.values_mut().chain(self.alone.values_mut()).for_each(|ticks| ticks.fit(magnitude));
    }

    fn add_coin(
        &mut self,
        epoch: &Epoch,
        underlying: Underlying,
        units: f64,
        rows: (&[f64], &[f64]),
        room: f64,
    ) {
        let (joint, own) = rows;
        let by_underlying = if epoch.is_joint(underlying) {
            self.joint.add_rounded(units, joint, room);
            &mut self.own
        } else {
            &mut self.alone
        };
        let ticks = by_underlying.entry(underlying).or_insert_with(|| Ticks::zeros(own.len()));
        ticks.fit(room);
        ticks.add_rounded(units, own, room);
    }

    /// Adds an open order: in each scenario filled or not, whichever is worse.
    ///
    /// In joint scenarios the gain or loss of entry at the limit counts, in the settlement asset at
    /// its price in the scenario; in own scenarios only the array does, and the loss of entry is
    /// added outside the root. `entry` is that gain less the fee, in 10⁻⁸.
    pub(crate) fn add_order(
        &mut self,
        epoch: &Epoch,
        order: &OpenOrder,
        entry: &Entry,
    ) -> Result<(), RiskError> {
        let array = epoch.array(&order.instrument)?;
        let (lots, underlying) = (order.quantity.lots(), order.instrument.underlying());
        let joint = epoch.is_joint(underlying);
        let room = lots.unsigned_abs() as f64 * array.magnitude + entry.magnitude;
        let filled = |row: &[f64], scale: &[f64], units: f64| {
            let mut ticks = Ticks::zeros(row.len());
            ticks.fit(room);
            ticks.add(lots, row);
            let constant = vec![1.0; row.len()];
            ticks.add_rounded(units * entry.ticks_per_unit, &constant, room);
            if !scale.is_empty() {
                ticks.add_rounded(units, scale, room);
            }
            ticks
        };
        let coin = epoch.coin(order.instrument.settlement_asset());
        let (coin_joint, coin_own): (&[f64], &[f64]) =
            coin.map_or((&[], &[]), |c| (&c.joint, &c.own));
        if joint {
            self.joint.add_if_worse(&filled(&array.joint, coin_joint, entry.units));
            let own = filled(&array.own, &[], 0.0);
            self.ticks_of(underlying, true, own.len()).add_if_worse(&own);
            self.order_entry_loss += (-entry.value_ticks).max(0);
        } else {
            let alone = filled(&array.own, coin_own, entry.units);
            self.ticks_of(underlying, false, alone.len()).add_if_worse(&alone);
        }
        Ok(())
    }

    fn ticks_of(&mut self, underlying: Underlying, joint: bool, count: usize) -> &mut Ticks {
        let wide = matches!(self.joint, Ticks::Wide(_));
        let map = if joint { &mut self.own } else { &mut self.alone };
        let ticks = map.entry(underlying).or_insert_with(|| Ticks::zeros(count));
        if wide {
            ticks.fit(f64::INFINITY);
        }
        ticks
    }
}

/// What filling an order at its limit gains against mark, less its fee.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    /// In 10⁻⁸ of the settlement asset.
    pub units: f64,
    /// What one unit is worth at the index, in ticks.
    pub ticks_per_unit: f64,
    /// The whole at the index, in ticks, rounded down.
    pub value_ticks: i128,
    /// No larger gain or loss in any scenario, in ticks.
    pub magnitude: f64,
    /// The largest loss in any scenario, in ticks, rounded up; zero for a gain.
    pub worst_loss: i128,
}
