//! Open orders in initial margin: in each scenario filled or not, whichever is worse.
//!
//! A fill at the limit gains `g` against mark at once, in the settlement asset, and from then on
//! that gain moves with the asset's price. In a joint scenario s an order of n lots adds
//! `min(0, n·array[s] + g·X(0) + c·(X(s) − X(0)))`, X the asset's price and c what the account's
//! coin changes by: g for a future, the premium paid or received for an option. That is linear in
//! the part filled, so the worst of all and nothing covers every partial fill. In the scenarios of
//! one underlying the same counts for a fill at mark, and the loss of entry is added outside the
//! root.

use std::collections::BTreeMap;

use instruments::{Amount, Asset, Instrument, Rounding, SCALE, Timestamp};

use crate::RiskError;
use crate::account::{Account, OpenOrder};
use crate::epoch::{CoinArray, Epoch};
use crate::margin::Assessment;
use crate::market::price_f64;
use crate::requirement::Profits;
use crate::vector::Ticks;

/// What filling an order at its limit does to its account, fees included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Gain against mark at once, in ticks.
    pub gain: f64,
    /// Change of the account's coin, in 10⁻⁸.
    pub coin_units: f64,
    /// The part of that change which a fill at mark would make: an option's premium.
    pub premium_units: f64,
    /// No gain or loss by coin and entry is larger in any scenario, in ticks.
    pub magnitude: f64,
    /// The largest loss of entry in any scenario of its own underlying, in ticks, rounded up.
    pub own_loss: i128,
    /// The largest loss of entry in any scenario, in ticks, rounded up.
    pub worst_loss: i128,
}

/// Cash that open orders may bring to or take from the balances of one asset, in 10⁻⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    pub inflow: i128,
    pub outflow: i128,
}

impl Entry {
    /// The entry of an order against the marks of an assessment.
    pub fn of(assessment: &Assessment<'_>, order: &OpenOrder) -> Result<Self, RiskError> {
        let instrument = order.instrument;
        let mark = assessment.market.mark(&instrument)?;
        let exact = RiskError::of(&instrument);
        let gain = instrument
            .profit(order.quantity, order.limit, mark, Rounding::Floor)
            .map_err(&exact)?;
        let gain_units = gain.units() - order.fee.units();
        let coin_units = if instrument.is_option() {
            let premium =
                instrument.value(order.quantity, order.limit, Rounding::Ceil).map_err(&exact)?;
            -premium.units() - order.fee.units()
        } else {
            gain_units
        };
        Self::new(assessment, order, gain_units as f64, coin_units as f64)
    }

    /// The entry of a fill at mark without fee: nothing gained, an option's premium paid in coin.
    pub fn at_mark(assessment: &Assessment<'_>, order: &OpenOrder) -> Result<Self, RiskError> {
        let mark = price_f64(assessment.market.mark(&order.instrument)?);
        let size = order.quantity.lots() as f64 * order.instrument.lot_size() as f64;
        let premium = if order.instrument.is_option() { size * mark } else { 0.0 };
        Self::new(assessment, order, 0.0, -premium)
    }

    fn new(
        assessment: &Assessment<'_>,
        order: &OpenOrder,
        gain_units: f64,
        coin_units: f64,
    ) -> Result<Self, RiskError> {
        let asset = order.instrument.settlement_asset();
        let epoch = assessment.epoch;
        let per_unit = price_f64(assessment.market.price(asset)?)
            * epoch.rules().ticks_per_unit as f64
            / SCALE as f64;
        let (joint, own) =
            epoch.coin(asset).map_or((&[][..], &[][..]), |coin| (&coin.joint[..], &coin.own[..]));
        // What is lost when the asset that is owed rises; a gain is worth least when it falls.
        let loss = |rows: &[f64]| {
            let most = rows.iter().fold(0.0_f64, |most, row| most.max(*row));
            if gain_units < 0.0 { -gain_units * (per_unit + most) } else { 0.0 }
        };
        let farthest = joint.iter().chain(own).fold(0.0_f64, |most, row| most.max(row.abs()));
        // Amounts are whole units: a unit on either side of what the fast bound assumes.
        let whole_units = (2.0 * (per_unit + farthest)).ceil() as i128;
        let own_loss = crate::addons::ceil(loss(own));
        Ok(Self {
            gain: gain_units * per_unit,
            coin_units,
            premium_units: coin_units - gain_units,
            magnitude: gain_units.abs() * per_unit
                + (gain_units.abs() + coin_units.abs()) * farthest
                + 4.0,
            own_loss,
            worst_loss: own_loss.max(crate::addons::ceil(loss(joint))) + whole_units,
        })
    }
}

impl Assessment<'_> {
    /// The entries of open orders.
    pub(crate) fn entries(&self, orders: &[OpenOrder]) -> Result<Vec<Entry>, RiskError> {
        orders.iter().map(|order| Entry::of(self, order)).collect()
    }

    /// Profits with open orders added at their entries. Of orders that expire at `gone` only what
    /// their fill leaves behind in coin and cash counts.
    pub(crate) fn with_orders(
        &self,
        mut profits: Profits,
        orders: &[OpenOrder],
        entries: &[Entry],
        gone: Option<Timestamp>,
    ) -> Result<Profits, RiskError> {
        if orders.is_empty() {
            return Ok(profits);
        }
        let mut room = profits.room;
        for (order, entry) in orders.iter().zip(entries) {
            let array = self.epoch.array(&order.instrument)?;
            room += order.quantity.lots().unsigned_abs() as f64 * array.magnitude + entry.magnitude;
        }
        profits.make_room(room);
        for (order, entry) in orders.iter().zip(entries) {
            let expired = gone.is_some() && order.instrument.expiry() == gone;
            let lots = if expired { 0 } else { order.quantity.lots() };
            profits.add_order(self.epoch, &order.instrument, lots, entry)?;
        }
        Ok(profits)
    }

    /// Cash that orders would move if all of them filled, by asset.
    pub(crate) fn flows(&self, orders: &[OpenOrder]) -> Result<BTreeMap<Asset, Flow>, RiskError> {
        let mut flows: BTreeMap<Asset, Flow> = BTreeMap::new();
        for order in orders {
            let cash = self.cash(order)?;
            let flow = flows.entry(order.instrument.settlement_asset()).or_default();
            flow.inflow += cash.max(0);
            flow.outflow += (-cash).max(0);
        }
        Ok(flows)
    }

    /// Cash that an order would move if all of it filled: an option's premium, the profit that
    /// closing a future realises, the fee.
    fn cash(&self, order: &OpenOrder) -> Result<i128, RiskError> {
        let mut probe = Account::default();
        if let Some(held) = self.account.positions.get(&order.instrument) {
            probe.positions.insert(order.instrument, *held);
        }
        probe
            .trade(order.instrument, order.quantity, order.limit)
            .map_err(RiskError::of(&order.instrument))?;
        Ok(probe.balances.values().copied().sum::<Amount>().units() - order.fee.units())
    }

    /// What haircuts and the weight of debts take from cash that orders may move, in ticks. Cash
    /// comes in at a haircut; it goes out of a balance at no more than full value, but what then is
    /// owed weighs more.
    pub(crate) fn order_settlement(
        &self,
        flows: &BTreeMap<Asset, Flow>,
    ) -> Result<i128, RiskError> {
        let mut total = 0;
        for (asset, flow) in flows {
            let haircut = self.epoch.haircuts().get(*asset);
            let haircut = haircut.ok_or_else(|| RiskError::UnknownAsset {
                methodology: self.epoch.methodology().name().into(),
                asset: *asset,
            })?;
            let worth =
                |units: i128| crate::equity::worth(self.market, *asset, Amount::from_units(units));
            let balance = self.account.balances.get(asset).copied().unwrap_or_default().units();
            let (held, into) =
                (haircut.apply(worth(balance)?), haircut.apply(worth(balance + flow.inflow)?));
            let out_of = haircut.apply(worth(balance - flow.outflow)?);
            let lost_in = worth(flow.inflow)?.units() - (into.units() - held.units());
            let lost_out = held.units() - out_of.units() - worth(flow.outflow)?.units();
            let lost = lost_in.max(0) + lost_out.max(0);
            if flow.inflow != 0 || flow.outflow != 0 {
                total += self.ticks_up(Amount::from_units(lost)) + 1;
            }
        }
        Ok(total)
    }
}

impl Profits {
    /// Adds an open order: in each scenario filled or not, whichever is worse.
    fn add_order(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        lots: i64,
        entry: &Entry,
    ) -> Result<(), RiskError> {
        let (array, underlying) = (epoch.array(instrument)?, instrument.underlying());
        let room = lots.unsigned_abs() as f64 * array.magnitude + entry.magnitude;
        let coin = epoch.coin(instrument.settlement_asset());
        let filled = |row: &[f64]| {
            let mut ticks = Ticks::zeros(row.len());
            ticks.fit(room);
            ticks.add(lots, row);
            ticks
        };
        if epoch.is_joint(underlying) {
            let mut joint = filled(&array.joint);
            joint.add_constant(entry.gain);
            if let Some(CoinArray { joint: row, .. }) = coin {
                joint.add_rounded(entry.coin_units, row, room);
            }
            self.joint.add_if_worse(&joint);
            let mut own = filled(&array.own);
            if let Some(CoinArray { own: row, .. }) = coin {
                own.add_rounded(entry.premium_units, row, room);
            }
            self.own_of(underlying, own.len()).add_if_worse(&own);
            self.order_entry_loss += entry.own_loss;
        } else {
            let mut alone = filled(&array.own);
            alone.add_constant(entry.gain);
            if let Some(CoinArray { own: row, .. }) = coin {
                // Coin that counts for nothing brings no risk either: with it or without, the worse.
                let mut moved = Ticks::zeros(row.len());
                moved.fit(room);
                moved.add_rounded(entry.coin_units, row, room);
                alone.add_if_worse(&moved);
            }
            self.alone_of(underlying, alone.len()).add_if_worse(&alone);
        }
        Ok(())
    }
}
