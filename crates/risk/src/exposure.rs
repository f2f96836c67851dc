//! What add-ons need to know of a portfolio: sums of sensitivities by underlying and expiry, each
//! as an interval that every partial fill of the open orders stays within.

use instruments::{ContractKind, Instrument, OptionKind, Timestamp, Underlying};

use crate::FlatMap;
use crate::array::Sensitivity;

/// A signed sum that open orders may move: from `low`, if all that lower it fill, to `high`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    pub low: i128,
    pub high: i128,
}

impl Interval {
    fn hold(&mut self, change: i128) {
        self.low += change;
        self.high += change;
    }

    fn may_add(&mut self, change: i128) {
        self.low += change.min(0);
        self.high += change.max(0);
    }

    /// The largest magnitude within.
    pub fn magnitude(self) -> i128 {
        self.low.abs().max(self.high.abs())
    }

    /// The least magnitude within, with its sign; zero if the interval holds it.
    pub fn certain(self) -> i128 {
        if self.low > 0 {
            self.low
        } else if self.high < 0 {
            self.high
        } else {
            0
        }
    }
}

impl std::ops::AddAssign for Interval {
    fn add_assign(&mut self, other: Self) {
        self.low += other.low;
        self.high += other.high;
    }
}

/// Contracts of one underlying at one expiry; perpetuals and spot have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leg {
    /// Δ·S in ticks.
    pub delta: Interval,
    /// Ticks per 1.00 of volatility.
    pub vega: Interval,
    /// Expected funding over 8 hours in ticks; positive pays.
    pub funding: Interval,
    /// Index value of long calls, and of short ones with those that orders may add.
    pub calls: Sides,
    /// The same of puts.
    pub puts: Sides,
}

/// Index value of long and of short options, in ticks; both positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sides {
    pub long: i128,
    pub short: i128,
}

impl Sides {
    /// Short options that no long one of the same expiry and kind pairs with.
    pub fn unpaired(self) -> i128 {
        (self.short - self.long).max(0)
    }
}

/// All legs of a portfolio.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exposure(FlatMap<LegKey, Leg>);

/// What the contracts of a leg have in common.
pub(crate) type LegKey = (Underlying, Option<Timestamp>);

impl Exposure {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Makes room for so many legs.
    pub fn reserve(&mut self, count: usize) {
        self.0.reserve(count);
    }

    /// All legs, those of one underlying one after another.
    pub fn legs(&self) -> &[(LegKey, Leg)] {
        self.0.as_slice()
    }

    /// The legs of each underlying.
    pub fn by_underlying(&self) -> impl Iterator<Item = (Underlying, &[(LegKey, Leg)])> {
        let groups = self.legs().chunk_by(|(one, _), (other, _)| one.0 == other.0);
        groups.map(|legs| (legs[0].0.0, legs))
    }

    /// Changes a position from `before` to `after` lots.
    pub fn change(&mut self, instrument: &Instrument, before: i64, after: i64, one: &Sensitivity) {
        let key = (instrument.underlying(), instrument.expiry());
        let leg = self.0.entry(key).or_default();
        leg.change(instrument, before, after, one);
        if *leg == Leg::default() {
            self.0.remove(&key);
        }
    }

    /// Becomes these legs without anything in them, in the memory that it has; the keys rise.
    pub fn lay_out(&mut self, keys: impl Iterator<Item = LegKey>) {
        self.0.clear();
        self.0.extend(keys.map(|key| (key, Leg::default())));
    }

    /// Adds a position to the leg in a place, which is that of its instrument.
    pub fn hold_at(&mut self, place: usize, instrument: &Instrument, lots: i64, one: &Sensitivity) {
        self.0.value_at(place).change(instrument, 0, lots, one);
    }

    /// Adds an order to the leg in a place, as [`Exposure::order`] does.
    pub fn order_at(
        &mut self,
        place: usize,
        instrument: &Instrument,
        lots: i64,
        one: &Sensitivity,
    ) {
        self.0.value_at(place).order(instrument, lots, one);
    }

    /// Adds an order, any part of which may fill: it may add short options, and is never counted
    /// on to pair with them.
    pub fn order(&mut self, instrument: &Instrument, lots: i64, one: &Sensitivity) {
        let leg = self.0.entry((instrument.underlying(), instrument.expiry())).or_default();
        leg.order(instrument, lots, one);
    }
}

impl Clone for Exposure {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    fn clone_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl Leg {
    /// Changes a position from `before` to `after` lots.
    fn change(&mut self, instrument: &Instrument, before: i64, after: i64, one: &Sensitivity) {
        let (before, after) = (i128::from(before), i128::from(after));
        self.delta.hold((after - before) * i128::from(one.delta));
        self.vega.hold((after - before) * i128::from(one.vega));
        self.funding.hold((after - before) * i128::from(one.funding));
        if let Some(sides) = self.sides(instrument) {
            let notional = i128::from(one.notional);
            sides.long += (after.max(0) - before.max(0)) * notional;
            sides.short += (before.min(0) - after.min(0)) * notional;
        }
    }

    /// Adds an order.
    fn order(&mut self, instrument: &Instrument, lots: i64, one: &Sensitivity) {
        let lots = i128::from(lots);
        self.delta.may_add(lots * i128::from(one.delta));
        self.vega.may_add(lots * i128::from(one.vega));
        self.funding.may_add(lots * i128::from(one.funding));
        if let Some(sides) = self.sides(instrument) {
            sides.short += (-lots * i128::from(one.notional)).max(0);
        }
    }

    fn sides(&mut self, instrument: &Instrument) -> Option<&mut Sides> {
        match instrument.kind() {
            ContractKind::Option { kind: OptionKind::Call, .. } => Some(&mut self.calls),
            ContractKind::Option { kind: OptionKind::Put, .. } => Some(&mut self.puts),
            _ => None,
        }
    }
}
