//! What a change of orders adds to a bound, without the legs that are there already.

use instruments::{Price, Timestamp};

use super::sum::LegSums;
use super::table::AGE_MAX;
use super::{GrossBalance, GrossLeg, GrossTable};
use crate::market::Confidence;

impl GrossTable {
    /// By how much the bound of an account rises, in ticks, if the orders of one of its legs change
    /// from those of `before` to those of `after`, both with the same lots held; less than zero if
    /// it falls by so much at least. `price` is that of the settlement asset; `delta` at least the
    /// gross delta that the account has over all underlyings.
    ///
    /// A bound is linear in what a leg needs and sub-additive in all else, but for the impact of
    /// size, which is convex, and the charge for wrong-way collateral. So what a leg needs is the
    /// difference of both, the impact is taken from `delta` on, and accounts with the third are not
    /// [plain](GrossTable::is_plain). `None` where nothing can be said.
    #[must_use]
    pub fn change(
        &self,
        time: Timestamp,
        [before, after]: [&GrossLeg; 2],
        price: Price,
        delta: u64,
    ) -> Option<i128> {
        let terms = self.terms_of(before.position.instrument, time)?;
        let asset = &self.terms[terms.asset];
        let known = (0..=AGE_MAX).contains(&time.since(self.opened));
        let known = known && price.units() >= asset.price_min.max(1);
        if !known || !asset.wrong_way.is_zero() || price.units() < asset.peg {
            return None;
        }
        let balance = GrossBalance { price, ..GrossBalance::default() };
        // A side that stays as it is adds the same to both.
        let sides = [before.bids != after.bids, before.asks != after.asks];
        let [mut was, mut is] = [LegSums::default(), LegSums::default()];
        self.leg_with(&mut was, terms, before, &balance, sides)?;
        self.leg_with(&mut is, terms, after, &balance, sides)?;
        let needs = |sums: &LegSums| (sums.requirement + sums.size).cast_signed();
        let linear = needs(&is) - needs(&was);
        let flow = is.flow.beyond(&was.flow);
        let impact = match is.delta.checked_sub(was.delta) {
            Some(added) if added > 0 => {
                self.underlyings[terms.underlying].charge_of_more(delta.into(), added)? + 4
            }
            _ => 0,
        };
        let total = linear + (self.settlement(asset, &balance, &flow)? + impact).cast_signed();
        let rounded = 24 + is.rounded + 8 * u128::from(self.entry_weight);
        Some(total + (total.max(0) >> 40) + rounded.cast_signed())
    }

    /// By how much more a lot of an instrument may add to the bound in a later epoch's table than in
    /// this one, beside what it adds through assets, in ticks, in an account whose gross delta stays
    /// within [`GrossTable::delta_max`]. Nothing if this one does not know it, since no account with it had
    /// a bound; `None` if the later one does not.
    #[must_use]
    pub fn unit_rise(&self, later: &Self, instrument: u32) -> Option<u64> {
        let Some(before) = self.unit(instrument) else { return Some(0) };
        let after = later.unit(instrument)?;
        let side = after.long.saturating_sub(before.long);
        let side = side.max(after.short.saturating_sub(before.short));
        let size = after.size.saturating_sub(before.size);
        // What is charged on delta rises by no more than delta does.
        side.checked_add(size)?.checked_add(after.delta.saturating_sub(before.delta))
    }

    /// The most gross delta of an account, over all underlyings, at which charges that grow with it rise
    /// by no more than it does, in ticks.
    #[must_use]
    pub const fn delta_max(&self) -> u64 {
        self.delta_max
    }

    /// By how much more of its worth a unit of an asset may add to the bound in a later epoch's
    /// table, in 2^-32, rounded up. `None` if the tables can't be compared: other assets, other
    /// charges, or less that counts at most.
    #[must_use]
    pub fn asset_rise(&self, later: &Self, place: usize, price: Price) -> Option<u64> {
        const UNITS: u128 = 1 << 40;
        let (before, after) = (self.terms.get(place)?, later.terms.get(place)?);
        let same = self.assets == later.assets
            && self.underlyings == later.underlyings
            && (self.oracle_below, self.entry_weight) == (later.oracle_below, later.entry_weight)
            && (before.peg, before.wrong_way) == (after.peg, after.wrong_way)
            && before.holding_max_ticks <= after.holding_max_ticks;
        if !same {
            return None;
        }
        let worth = self.worth(UNITS, price)?.max(1);
        let mut rise: u128 = 0;
        for (old, new) in [
            (before.long, after.long),
            (before.short, after.short),
            (before.rise, after.rise),
            (before.fall, after.fall),
        ] {
            let more = new.of(UNITS)?.saturating_sub(old.of(UNITS)?);
            rise += (more << 32).div_ceil(worth);
        }
        for (old, new) in [(before.haircut, after.haircut), (before.debt_extra, after.debt_extra)] {
            rise += new.of(1 << 32)?.saturating_sub(old.of(1 << 32)?);
        }
        u64::try_from(rise).ok()
    }

    /// Whether no part of an account's bound depends on more than sums of its legs: it owes
    /// nothing, has no wrong-way collateral, and of every asset far less than counts at most.
    #[must_use]
    pub fn is_plain(&self, balances: &[GrossBalance]) -> bool {
        self.terms.iter().zip(balances).all(|(terms, balance)| {
            let Ok(units) = u128::try_from(balance.balance.units()) else { return false };
            let worth = self.worth(units, balance.price);
            let few = worth.is_some_and(|worth| worth <= terms.holding_max_ticks / 4);
            units == 0 || (few && terms.wrong_way.is_zero())
        })
    }

    /// Whether cash of an instrument is charged with all that the account needs, because no scenario
    /// moves it and it tends to fall with losses.
    #[must_use]
    pub fn is_wrong_way(&self, instrument: u32) -> bool {
        let terms = self.instruments.get(instrument as usize).and_then(Option::as_ref);
        terms.is_none_or(|terms| !self.terms[terms.asset].wrong_way.is_zero())
    }

    /// Whether time alone raises no charge on an instrument while the table says anything: it stays
    /// in its tenor bucket, and its expiry cliff does not begin.
    #[must_use]
    pub fn is_steady(&self, instrument: u32) -> bool {
        let terms = self.instruments.get(instrument as usize).and_then(Option::as_ref);
        terms.is_some_and(|terms| terms.steady)
    }

    /// How much a unit of an asset counts for at most beside what it is worth, in 2^-32 of that: as
    /// requirement, as haircut if it comes, and as debt if it goes. `None` if it moves by more than it is
    /// worth, or if a loss on entry counts in more than two blocks of a term.
    #[must_use]
    pub fn counts_beside(&self, place: usize, price: Price) -> Option<u64> {
        const UNITS: u128 = 1 << 40;
        let terms = self.terms.get(place)?;
        let worth = self.worth(UNITS, price)?;
        let moves = [terms.rise, terms.fall].map(|rate| rate.of(UNITS));
        let is_mild = moves.iter().all(|ticks| ticks.is_some_and(|ticks| ticks <= worth));
        if self.entry_weight > 2 || !is_mild {
            return None;
        }
        let needs = terms.long.of(UNITS)?.max(terms.short.of(UNITS)?);
        let needs = (needs << 32).div_ceil(worth.max(1));
        let beside = needs + terms.haircut.of(1 << 32)? + terms.debt_extra.of(1 << 32)?;
        u64::try_from(beside).ok()
    }

    /// Whether no feed is charged for want of confidence and no stablecoin for its peg.
    #[must_use]
    pub fn is_calm(&self, place: usize, price: Price, confidence: Confidence) -> bool {
        let peg = self.terms.get(place).map_or(0, |terms| terms.peg);
        price.units() >= peg && confidence.ppm() >= self.oracle_below
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::UnderlyingTerms;
    use super::super::rate::Rate;

    fn rate() -> impl Strategy<Value = Rate> {
        (0.0_f64..4.0).prop_map(|rate| Rate::at_least(rate).unwrap())
    }

    proptest! {
        #[test]
        fn more_delta_costs_no_more_than_is_said(half_spread in rate(), impact in rate(), range in rate(),
                                                 volume in 1.0_f64..1e16, concentration in rate(),
                                                 from in 0_u64..1 << 60, more in 1_u64..1 << 60) {
            let per_volume = Rate::at_least((1_u64 << 56) as f64 / volume).unwrap_or_default();
            let terms = UnderlyingTerms { half_spread, impact, per_volume, range, concentration };
            let (from, more) = (u128::from(from), u128::from(more));
            let said = terms.charge_of_more(from, more);
            if let (Some(said), Some(before), Some(after)) = (said, terms.charge(from), terms.charge(from + more)) {
                prop_assert!(after <= before + said + 4, "{after} after {before}, said {said}");
            }
        }
    }
}
