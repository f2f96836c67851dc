//! A portfolio in one epoch: its scenario vector and exposures, kept incrementally.

use instruments::{Asset, Instrument, Quantity, Underlying};

use crate::account::{Account, OpenOrder};
use crate::array::RiskArray;
use crate::epoch::{CoinArray, Epoch};
use crate::exposure::Exposure;
use crate::orders::FillEntry;
use crate::requirement::Profits;
use crate::room::Spare;
use crate::vector::Ticks;
use crate::{FlatMap, RiskError};

/// Room is made for positions in steps of this many, so that one vector after another is filled for
/// accounts of about the same size without allocating.
const POSITIONS_STEP: usize = 32;

/// The sum of a portfolio's risk arrays.
///
/// Integer sums: adding positions in any order, or taking one out and putting it back, gives the
/// same bits as adding them once.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioVector {
    joint: Ticks,
    own: FlatMap<Underlying, Ticks>,
    alone: FlatMap<Underlying, Ticks>,
    /// Σ |lots|·max|array|: no sum can be larger, whatever the scenario and the order of adding.
    magnitude: u128,
    exposure: Exposure,
    lots: FlatMap<Instrument, i64>,
    spare: Spare,
}

/// Coins that an account holds or owes, with its unrealised profit in them: in 10⁻⁸.
pub(crate) type CoinExposure = FlatMap<Asset, i128>;

impl PortfolioVector {
    /// The vector of no positions.
    #[must_use]
    pub fn empty(epoch: &Epoch) -> Self {
        let joint = Ticks::zeros(epoch.scenarios().joint.len());
        Self {
            joint,
            own: FlatMap::new(),
            alone: FlatMap::new(),
            magnitude: 0,
            exposure: Exposure::default(),
            lots: FlatMap::new(),
            spare: Spare::default(),
        }
    }

    /// The vector of an account's positions.
    ///
    /// # Errors
    /// [`RiskError::NoArray`].
    pub fn of(epoch: &Epoch, account: &Account) -> Result<Self, RiskError> {
        let mut vector = Self::empty(epoch);
        vector.refill(epoch, account)?;
        Ok(vector)
    }

    /// Becomes the vector of an account's positions, whatever it was before, in the memory that it has.
    ///
    /// # Errors
    /// As [`PortfolioVector::of`]. Then it is of no use until it is filled again.
    pub fn refill(&mut self, epoch: &Epoch, account: &Account) -> Result<(), RiskError> {
        self.clear(epoch);
        let count = account.positions.len().next_multiple_of(POSITIONS_STEP);
        self.lots.reserve(count);
        self.exposure.reserve(count);
        for (instrument, position) in &account.positions {
            let (array, lots) = (epoch.array(instrument)?, position.quantity.lots());
            if lots == i64::MIN {
                return Err(too_many_lots());
            }
            if lots != 0 {
                self.magnitude += weigh(lots, array);
                self.lots.insert(*instrument, lots);
            }
        }
        // No part of the sum is larger.
        self.make_room(self.magnitude);
        for (instrument, position) in &account.positions {
            let (array, lots) = (epoch.array(instrument)?, position.quantity.lots());
            if lots != 0 {
                self.add_row(epoch, instrument, array, lots);
                self.exposure.change(instrument, 0, lots, &array.sensitivity);
            }
        }
        self.make_room(self.magnitude);
        Ok(())
    }

    fn clear(&mut self, epoch: &Epoch) {
        self.joint.reset(epoch.scenarios().joint.len());
        for (_, ticks) in self.own.drain().chain(self.alone.drain()) {
            self.spare.put(ticks);
        }
        self.magnitude = 0;
        self.exposure.clear();
        self.lots.clear();
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
        // The most negative integer has no opposite: such a position could not be closed.
        let sum = before.checked_add(quantity.lots()).filter(|lots| *lots != i64::MIN);
        let after = sum.filter(|_| quantity.lots() != i64::MIN).ok_or(too_many_lots())?;
        let magnitude = self.magnitude - weigh(before, array) + weigh(after, array);
        // Sums are kept while lots move, so room for both sides of the change is needed.
        self.make_room(magnitude.max(self.magnitude));
        self.add_row(epoch, instrument, array, quantity.lots());
        self.exposure.change(instrument, before, after, &array.sensitivity);
        if after == 0 {
            self.lots.remove(instrument)
        } else {
            self.lots.insert(*instrument, after)
        };
        self.magnitude = magnitude;
        self.make_room(magnitude);
        self.forget_if_gone(instrument.underlying());
        Ok(())
    }

    /// The vector of another state of the account; `None` if its lots are the same.
    ///
    /// # Errors
    /// As [`PortfolioVector::add`].
    pub(crate) fn moved_to(
        &self,
        epoch: &Epoch,
        account: &Account,
    ) -> Result<Option<Self>, RiskError> {
        let lots_of =
            |instrument| account.positions.get(instrument).map_or(0, |p| p.quantity.lots());
        let same = self.lots.len() == account.positions.len()
            && self.lots.iter().all(|(instrument, lots)| lots_of(instrument) == *lots);
        if same {
            return Ok(None);
        }
        let mut moved = self.clone();
        let gone = self.lots.keys().filter(|instrument| lots_of(instrument) == 0);
        for instrument in account.positions.keys().chain(gone) {
            let (before, after) = (self.lots.get(instrument).copied(), lots_of(instrument));
            let change = after.checked_sub(before.unwrap_or(0)).ok_or(too_many_lots())?;
            if change != 0 {
                moved.add(epoch, instrument, Quantity::from_lots(change))?;
            }
        }
        Ok(Some(moved))
    }

    /// Lots by instrument.
    #[must_use]
    pub const fn lots(&self) -> &FlatMap<Instrument, i64> {
        &self.lots
    }

    fn make_room(&mut self, magnitude: u128) {
        let magnitude = magnitude as f64;
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
        let spare = &mut self.spare;
        let ticks = by_underlying.entry(underlying).or_insert_with(|| spare.zeros(array.own.len()));
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
        let mut profits = Profits::default();
        self.profits_into(epoch, coins, &mut profits);
        profits
    }

    /// The same in the memory of other profits.
    pub(crate) fn profits_into(&self, epoch: &Epoch, coins: &CoinExposure, profits: &mut Profits) {
        let coin_magnitude: f64 = coins
            .iter()
            .map(|(asset, units)| {
                epoch
                    .coin(*asset)
                    .map_or(0.0, |coin| units.unsigned_abs() as f64 * coin.magnitude + 1.0)
            })
            .sum();
        let room = self.magnitude as f64 + coin_magnitude;
        profits.copy_parts(&self.joint, &self.own, &self.alone);
        profits.order_entry_loss = 0;
        profits.make_room(room);
        for (asset, units) in coins {
            let Some(coin) = epoch.coin(*asset) else { continue };
            profits.add_coin(epoch, *asset, *units as f64, coin);
        }
    }

    /// Sensitivities of the portfolio and its open orders.
    pub(crate) fn exposure_into(
        &self,
        epoch: &Epoch,
        orders: &[OpenOrder],
        entries: &[FillEntry],
        exposure: &mut Exposure,
    ) {
        exposure.clone_from(&self.exposure);
        for (order, entry) in orders.iter().zip(entries) {
            let one = epoch.array_at(entry.array).sensitivity;
            exposure.order(&order.instrument, order.quantity.lots(), &one);
        }
    }
}

impl Profits {
    /// Becomes the same as other profits, in the memory that it has.
    pub(crate) fn copy(&mut self, other: &Self) {
        self.copy_parts(&other.joint, &other.own, &other.alone);
        (self.order_entry_loss, self.room) = (other.order_entry_loss, other.room);
    }

    fn copy_parts(
        &mut self,
        joint: &Ticks,
        own: &FlatMap<Underlying, Ticks>,
        alone: &FlatMap<Underlying, Ticks>,
    ) {
        self.joint.clone_from(joint);
        for (_, ticks) in self.own.drain().chain(self.alone.drain()) {
            self.spare.put(ticks);
        }
        for (to, from) in [(&mut self.own, own), (&mut self.alone, alone)] {
            to.extend(
                from.iter().map(|(underlying, ticks)| (*underlying, self.spare.copy_of(ticks))),
            );
        }
    }

    /// Makes room for sums up to `magnitude`, which later additions stay within.
    pub(crate) fn make_room(&mut self, magnitude: f64) {
        self.room = magnitude;
        self.joint.fit(magnitude);
        self.own.values_mut().chain(self.alone.values_mut()).for_each(|ticks| ticks.fit(magnitude));
    }

    /// Takes a position out that is part of the sums.
    pub(crate) fn take_out(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        lots: i64,
    ) -> Result<(), RiskError> {
        let (array, underlying) = (epoch.array(instrument)?, instrument.underlying());
        let own = if epoch.is_joint(underlying) {
            self.joint.add(-lots, &array.joint);
            self.own_of(underlying, array.own.len())
        } else {
            self.alone_of(underlying, array.own.len())
        };
        own.add(-lots, &array.own);
        Ok(())
    }

    fn add_coin(&mut self, epoch: &Epoch, asset: Asset, units: f64, coin: &CoinArray) {
        let (underlying, room) = (Underlying::of(asset), self.room);
        let ticks = if epoch.is_joint(underlying) {
            self.joint.add_rounded(units, &coin.joint, room);
            self.own_of(underlying, coin.own.len())
        } else {
            self.alone_of(underlying, coin.own.len())
        };
        ticks.add_rounded(units, &coin.own, room);
    }

    pub(crate) fn own_of(&mut self, underlying: Underlying, count: usize) -> &mut Ticks {
        entry_of(&mut self.own, self.room, underlying, || self.spare.zeros(count))
    }

    pub(crate) fn alone_of(&mut self, underlying: Underlying, count: usize) -> &mut Ticks {
        entry_of(&mut self.alone, self.room, underlying, || self.spare.zeros(count))
    }
}

/// The most that some lots gain or lose. Both factors are whole numbers, one of at most 63 bits and the
/// other of at most 53.
fn weigh(lots: i64, array: &RiskArray) -> u128 {
    u128::from(lots.unsigned_abs()) * array.magnitude as u128
}

const fn too_many_lots() -> RiskError {
    RiskError::Limit { what: "lots in one position", found: u64::MAX, limit: i64::MAX as u64 }
}

fn entry_of(
    map: &mut FlatMap<Underlying, Ticks>,
    room: f64,
    underlying: Underlying,
    zeros: impl FnOnce() -> Ticks,
) -> &mut Ticks {
    let ticks = map.entry(underlying).or_insert_with(zeros);
    ticks.fit(room);
    ticks
}
