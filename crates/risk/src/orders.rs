//! Open orders in initial margin: in each scenario filled or not, whichever is worse.
//!
//! A fill at the limit gains `g` against mark at once, in the settlement asset, and from then on
//! that gain moves with the asset's price. In a joint scenario s an order of n lots adds
//! `min(0, n·array[s] + g·X(0) + c·(X(s) − X(0)))`, X the asset's price and c what the account's
//! coin changes by: g for a future, the premium paid or received for an option. That is linear in
//! the part filled, so the worst of all and nothing covers every partial fill. In the scenarios of
//! one underlying the same counts for a fill at mark, and the loss of entry is added outside the
//! root.

use instruments::{
    Amount, Asset, Instrument, Price, Quantity, Rounding, SCALE, Timestamp, Underlying,
};

use crate::RiskError;
use crate::account::OpenOrder;
use crate::addons::{ceil, number};
use crate::epoch::{CoinArray, Epoch};
use crate::equity::AMOUNT_MAX;
use crate::margin::Assessment;
use crate::market::price_f64;
use crate::requirement::Profits;
use crate::settlement::Flows;
use crate::vector::OrderPart;

/// What filling an order at its limit does to its account, fees included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FillEntry {
    /// Gain against mark at once, in ticks.
    pub gain: f64,
    /// Change of the account's coin, in 10⁻⁸.
    pub coin_units: f64,
    /// The part of that change which a fill at mark would make: an option's premium.
    pub premium_units: f64,
    /// Whether that coin surely counts, in equity and in scenarios. It does not where the asset
    /// stands alone or the account holds more of it than counts.
    pub coin_counts: bool,
    /// No gain or loss by coin and entry is larger in any scenario, in ticks.
    pub magnitude: f64,
    /// The largest loss of entry in any scenario of its own underlying, in ticks, rounded up.
    pub own_loss: i128,
    /// What entry and coin can lose in any scenario, in ticks, rounded up.
    pub worst_loss: i128,
    /// The place of the instrument's risk array.
    pub array: usize,
}

/// What the entry of an order depends on beside the order.
pub(crate) struct EntryTerms<'a> {
    pub instrument: &'a Instrument,
    pub mark: Price,
    /// The index of the settlement asset.
    pub price: Price,
    /// Its coin, if scenarios move it.
    pub coin: Option<&'a CoinArray>,
    pub ticks_per_unit: i64,
    pub coin_counts: bool,
    /// The place of the instrument's risk array.
    pub array: usize,
}

impl FillEntry {
    /// The entry of an order against the marks of an assessment.
    fn of(
        assessment: &Assessment<'_>,
        order: &OpenOrder,
        coin_counts: bool,
    ) -> Result<Self, RiskError> {
        check_terms(order)?;
        let (epoch, asset) = (assessment.epoch, order.instrument.settlement_asset());
        let terms = EntryTerms {
            instrument: &order.instrument,
            mark: assessment.market.mark(&order.instrument)?,
            price: assessment.market.price(asset)?,
            coin: epoch.coin(asset),
            ticks_per_unit: epoch.rules().ticks_per_unit,
            coin_counts,
            array: epoch.array_place(&order.instrument)?,
        };
        let entry = Self::at(&terms, order.quantity, order.limit, order.fee);
        entry.map_err(RiskError::of(&order.instrument))
    }

    /// The entry of an order whose terms were checked.
    pub fn at(
        terms: &EntryTerms<'_>,
        quantity: Quantity,
        limit: Price,
        fee: Amount,
    ) -> Result<Self, instruments::Error> {
        let EntryTerms { instrument, coin, .. } = *terms;
        let gain = instrument.profit(quantity, limit, terms.mark, Rounding::Floor)?;
        let gain_units = number(gain.units() - fee.units());
        let premium_units = if instrument.is_option() {
            let premium = instrument.value(quantity, limit, Rounding::Ceil)?;
            number(-premium.units() - fee.units()) - gain_units
        } else {
            0.0
        };
        let per_unit = price_f64(terms.price) * terms.ticks_per_unit as f64 / SCALE as f64;
        let coin_units = gain_units + premium_units;
        let gain = gain_units * per_unit;
        let farthest = coin.map_or(0.0, |coin| coin.magnitude);
        let (joint, own) = coin.map_or_else(Default::default, |c| (c.joint_reach, c.own_reach));
        // What the account owes more of costs more as the asset rises.
        let own_loss = ceil(if gain < 0.0 { -gain - gain_units * own.high } else { 0.0 });
        let coin_loss = joint.most_lost(coin_units).max(own.most_lost(coin_units));
        let joint_loss = ceil((coin_loss - gain).max(0.0));
        let premium_loss = ceil(own.most_lost(premium_units));
        Ok(Self {
            gain,
            coin_units,
            premium_units,
            coin_counts: terms.coin_counts,
            magnitude: gain.abs() + (coin_units.abs() + premium_units.abs()) * farthest + 4.0,
            own_loss,
            worst_loss: joint_loss.max(own_loss + premium_loss),
            array: terms.array,
        })
    }
}

/// Whether an order can be margined at all.
pub(crate) fn check_terms(order: &OpenOrder) -> Result<(), RiskError> {
    let instrument = order.instrument;
    let problem = problem(instrument.is_option(), order.quantity, order.limit, order.fee);
    problem.map_or(Ok(()), |problem| Err(RiskError::OrderTerms { instrument, problem }))
}

/// Why an order can't be margined, if it can't.
pub(crate) fn problem(
    is_option: bool,
    quantity: Quantity,
    limit: Price,
    fee: Amount,
) -> Option<&'static str> {
    if quantity.lots() == 0 || quantity.lots() == i64::MIN {
        return Some("its quantity must be some lots, and fewer than 2^63");
    }
    if limit < Price::ZERO || (!is_option && limit == Price::ZERO) {
        return Some("its limit must be greater than zero, or zero for an option");
    }
    let is_real = (-AMOUNT_MAX..=AMOUNT_MAX).contains(&fee.units());
    (!is_real).then_some("its fee is beyond any real amount")
}

impl Assessment<'_> {
    /// The entries of open orders.
    pub(crate) fn entries(&self, orders: &[OpenOrder]) -> Result<Vec<FillEntry>, RiskError> {
        let mut entries = Vec::new();
        let flows = Flows::of(self.account, orders, true)?;
        self.entries_into(orders, &flows, &mut entries)?;
        Ok(entries)
    }

    /// The same where there is room for them, with the cash that the orders may move.
    pub(crate) fn entries_into(
        &self,
        orders: &[OpenOrder],
        flows: &Flows,
        entries: &mut Vec<FillEntry>,
    ) -> Result<(), RiskError> {
        entries.clear();
        for order in orders {
            let asset = order.instrument.settlement_asset();
            let coin_counts = self.coin_counts(asset, flows.get(asset).inflow)?;
            entries.push(FillEntry::of(self, order, coin_counts)?);
        }
        Ok(())
    }

    /// Whether all of an asset that the account holds or may come to hold counts.
    fn coin_counts(&self, asset: Asset, inflow: i128) -> Result<bool, RiskError> {
        let balance = self.account.balances.get(&asset).copied().unwrap_or_default().units();
        let joint = self.epoch.is_joint(Underlying::of(asset));
        Ok(joint && balance.saturating_add(inflow) <= self.units_counted_max(asset)?)
    }

    /// Adds open orders at their entries. Of orders that expire at `gone` only what their fill leaves
    /// behind in coin and cash counts.
    pub(crate) fn add_orders(
        &self,
        profits: &mut Profits,
        orders: &[OpenOrder],
        entries: &[FillEntry],
        gone: Option<Timestamp>,
    ) {
        if orders.is_empty() {
            return;
        }
        let mut room = profits.room;
        for (order, entry) in orders.iter().zip(entries) {
            let array = self.epoch.array_at(entry.array);
            room += order.quantity.lots().unsigned_abs() as f64 * array.magnitude + entry.magnitude;
        }
        profits.make_room(room);
        for (order, entry) in orders.iter().zip(entries) {
            let expired = gone.is_some() && order.instrument.expiry() == gone;
            let lots = if expired { 0 } else { order.quantity.lots() };
            profits.add_order(self.epoch, &order.instrument, lots, entry);
        }
    }

    /// What haircuts and the weight of debts take from cash that orders may move, in ticks.
    pub(crate) fn order_settlement(&self, flows: &Flows) -> Result<i128, RiskError> {
        let mut total = 0;
        let (haircuts, name) = (self.epoch.haircuts(), self.epoch.methodology().name());
        for (asset, flow) in flows.iter().filter(|(_, flow)| !flow.is_zero()) {
            let lost =
                crate::settlement::lost(self.market, haircuts, name, self.account, asset, flow)?;
            total += self.ticks_up(Amount::from_units(lost)) + 1;
        }
        Ok(total)
    }
}

impl Profits {
    /// Adds an open order: in each scenario filled or not, whichever is worse.
    pub(crate) fn add_order(
        &mut self,
        epoch: &Epoch,
        instrument: &Instrument,
        lots: i64,
        entry: &FillEntry,
    ) {
        let (array, underlying) = (epoch.array_at(entry.array), instrument.underlying());
        let room = lots.unsigned_abs() as f64 * array.magnitude + entry.magnitude;
        let coin = epoch.coin(instrument.settlement_asset());
        let part = |row, constant, units, coin_row: fn(&CoinArray) -> &[f64]| OrderPart {
            lots,
            row,
            constant,
            // No units gain nothing.
            coin: coin.filter(|_| units != 0.0).map(|coin| (units, coin_row(coin))),
            coin_counts: entry.coin_counts,
            room,
        };
        if epoch.is_joint(underlying) {
            self.joint.add_order(&part(&array.joint, entry.gain, entry.coin_units, |c| &c.joint));
            let own = part(&array.own, 0.0, entry.premium_units, |c| &c.own);
            self.own_of(underlying, array.own.len()).add_order(&own);
            self.order_entry_loss += entry.own_loss;
        } else {
            let alone = part(&array.own, entry.gain, entry.coin_units, |c| &c.own);
            self.alone_of(underlying, array.own.len()).add_order(&alone);
        }
    }
}
