//! What maintenance margin needs at most, and how it follows what moves within an epoch.

use instruments::{Price, Timestamp};

use super::GrossTable;
use super::table::AGE_MAX;

/// Milliseconds around the end of a tenor bucket in which nothing is said of which one it is.
const AROUND: i64 = 1_000;

impl GrossTable {
    /// At most the maintenance margin, in ticks, of an account whose requirement and charges before
    /// any cap are `ticks`, those for initial margin alone left out or not.
    #[must_use]
    pub fn maintenance(&self, ticks: i128) -> Option<i128> {
        let ticks = self.maintenance_share.of(u128::try_from(ticks).ok()?)?;
        i128::try_from(ticks).ok()
    }

    /// Whether maintenance margin has charges that follow live marks or feeds beside what coins
    /// need: for feeds without confidence, lost pegs or wrong-way collateral.
    #[must_use]
    pub const fn charges_follow_marks(&self) -> bool {
        self.charges_follow_marks
    }

    /// Whether maintenance margin is made in the same way in another table, apart from what lots and
    /// assets need.
    #[must_use]
    pub fn has_same_maintenance(&self, other: &Self) -> bool {
        (self.maintenance_share, self.charges_follow_marks, self.worth, self.per_scale)
            == (other.maintenance_share, other.charges_follow_marks, other.worth, other.per_scale)
    }

    /// Until when an instrument stays in its tenor bucket and does not expire, as far as the table says
    /// anything: until then time alone raises no charge on it but the expiry cliff. `None` where a
    /// bucket ends about then, the instrument expires or is in no bound.
    #[must_use]
    pub fn stays_until(&self, instrument: u32, time: Timestamp) -> Option<Timestamp> {
        let terms = self.instruments.get(instrument as usize)?.as_ref()?;
        let mut stays = AGE_MAX - time.since(self.opened);
        if let Some(expiry) = terms.expiry {
            let left = expiry.since(time);
            stays = stays.min(left - AROUND);
            for end in &self.bucket_ends {
                let left = left.saturating_sub(*end);
                if (-AROUND..=AROUND).contains(&left) {
                    return None;
                }
                if left > 0 {
                    stays = stays.min(left - AROUND);
                }
            }
        }
        (stays > 0).then(|| Timestamp::from_milliseconds(time.milliseconds() + stays))
    }

    /// At most what some units of an asset need, held or owed, in ticks; `place` is that in
    /// [`GrossTable::assets`].
    #[must_use]
    pub fn coin_need(&self, place: usize, units: u128) -> Option<u128> {
        let terms = self.terms.get(place)?;
        Some(terms.long.of(units)?.max(terms.short.of(units)?))
    }

    /// Whether an asset is meant to keep its price.
    #[must_use]
    pub fn is_stable(&self, place: usize) -> bool {
        self.terms.get(place).is_some_and(|terms| terms.peg > 0)
    }

    /// Whether all of a holding counts, and would if its price were a third higher.
    #[must_use]
    pub fn counts_wholly(&self, place: usize, units: u128, price: Price) -> bool {
        let worth = self.worth(units, price);
        let most = self.terms.get(place).map_or(0, |terms| terms.holding_max_ticks);
        units == 0 || worth.is_some_and(|worth| worth <= most / 4 * 3)
    }
}
