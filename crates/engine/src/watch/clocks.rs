//! Clocks for what goes slowly: funding, interest, and what another epoch makes positions and
//! assets need.
//!
//! Each asset has one, for itself as collateral and for the instruments on it. It adds up shares of
//! size: of any instrument on the asset, the most that a lot has been paid or may need more; of a
//! unit of the asset, its interest and what it may need more. It never goes back.

use instruments::{Rounding, SCALE, mul_div};
use ledger::INDEX_SCALE;
use risk::{ByPosition, Haircut};

use crate::State;
use crate::epoch::Gross;

/// Binary places of a clock.
pub(super) const PLACES: u32 = 40;
/// What accrues is worth its asset's price when it is asked for, and what that amount needs as a coin.
/// An account's levels keep the first below 5/3 of what it was, and the second is below the first.
const ACCRUED: i128 = 4;

/// The clocks, with what they have run to.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks {
    assets: Vec<AssetClock>,
    lots: Vec<LotClock>,
}

#[derive(Clone, Copy, Debug, Default)]
struct AssetClock {
    now: i64,
    interest: i128,
}

/// An instrument: what one lot counts as, in 10⁻⁸ US dollars, zero where that is not known yet, and
/// its funding.
#[derive(Clone, Copy, Debug, Default)]
struct LotClock {
    unit: u64,
    funding: i128,
}

impl Clocks {
    pub fn of(&self, place: usize) -> i64 {
        self.assets.get(place).map_or(0, |asset| asset.now)
    }

    /// What one lot counts as; it stays what it was when that was first known.
    pub fn unit(&self, place: usize) -> Option<u64> {
        self.lots.get(place).map(|lot| lot.unit).filter(|unit| *unit > 0)
    }

    fn add(&mut self, place: usize, step: Option<i128>) {
        let step = step.and_then(|step| i64::try_from(step).ok()).unwrap_or(i64::MAX);
        let now = &mut self.assets[place].now;
        *now = now.saturating_add(step);
    }
}

impl State {
    /// Lets clocks run to now. Whoever levels say nothing of any more is woken.
    pub(super) fn run_clocks(&mut self) {
        let mut clocks = std::mem::take(&mut self.watches.clocks);
        clocks.assets.resize(self.assets.len(), AssetClock::default());
        clocks.lots.resize(self.listings.len(), LotClock::default());
        self.run_funding_clocks(&mut clocks);
        self.run_interest_clocks(&mut clocks);
        let opened = self.risk.epoch.as_ref().map(|epoch| epoch.number).unwrap_or_default();
        let mut comparable = true;
        if opened != self.watches.epoch {
            comparable = self.run_epoch_clocks(&mut clocks).is_some();
            self.watches.epoch = opened;
            let epoch = self.risk.epoch.as_ref();
            self.watches.gross = epoch.and_then(|epoch| epoch.gross.clone());
            self.watches.rules = epoch.and_then(|epoch| epoch.position.clone());
            for account in std::mem::take(&mut self.watches.exact) {
                self.watches.of(account).is_exact = false;
                self.watches.touch(account);
            }
        }
        self.watches.clocks = clocks;
        if !comparable {
            self.wake_everyone();
        }
    }

    fn run_funding_clocks(&self, clocks: &mut Clocks) {
        let mut steps = vec![Some(0_i128); self.assets.len()];
        for (listing, lot) in self.listings.iter().zip(&mut clocks.lots) {
            let funding = listing.funding.steps();
            let paid = funding.abs_diff(lot.funding);
            lot.funding = funding;
            if lot.unit == 0 {
                lot.unit = self.notional(listing).unwrap_or_default();
            } else if paid > 0 && !listing.expired {
                let step = self.funding_step(paid, listing.settlement, lot.unit);
                let most = &mut steps[listing.base];
                *most = most.zip(step).map(|(most, step)| most.max(step));
            }
        }
        for (place, step) in steps.into_iter().enumerate() {
            clocks.add(place, step);
        }
    }

    /// What a lot has been paid or has paid, as a share of its size.
    fn funding_step(&self, paid: u128, settlement: usize, unit: u64) -> Option<i128> {
        let price = i128::from(self.assets[settlement].price?.units());
        let paid = i128::try_from(paid).ok()?;
        let usd = mul_div(paid, ACCRUED * price, i128::from(INDEX_SCALE), Rounding::Ceil)?;
        mul_div(usd, 1 << PLACES, i128::from(SCALE) * i128::from(unit), Rounding::Ceil)
    }

    fn run_interest_clocks(&self, clocks: &mut Clocks) {
        for (place, asset) in self.assets.iter().enumerate() {
            let interest = asset.interest.steps();
            let due = interest.abs_diff(clocks.assets[place].interest);
            clocks.assets[place].interest = interest;
            if due > 0 {
                let due = i128::try_from(due).ok();
                let scale = i128::from(INDEX_SCALE);
                let step =
                    due.and_then(|due| mul_div(due, ACCRUED << PLACES, scale, Rounding::Ceil));
                clocks.add(place, step);
            }
        }
    }

    /// Another epoch is open: what one lot and one unit may need more than in the one before it.
    /// `None` if the two can't be compared.
    fn run_epoch_clocks(&self, clocks: &mut Clocks) -> Option<()> {
        let after = self.risk.epoch.as_ref()?;
        let mut steps = match (&self.watches.gross, &after.gross) {
            (None, None) => vec![0; self.assets.len()],
            (Some(before), Some(after)) => self.epoch_steps(before, after, clocks)?,
            _ => return None,
        };
        match (&self.watches.rules, &after.position) {
            (None, None) => {}
            (Some(before), Some(after))
                if before.methodology().hash() == after.methodology().hash() =>
            {
                for (place, step) in steps.iter_mut().enumerate() {
                    *step = (*step).max(self.haircut_step(before, after, place)?);
                }
            }
            _ => return None,
        }
        for (place, step) in steps.into_iter().enumerate() {
            clocks.add(place, Some(step));
        }
        Some(())
    }

    /// The same for `portfolio` accounts, by asset.
    fn epoch_steps(&self, before: &Gross, after: &Gross, clocks: &Clocks) -> Option<Vec<i128>> {
        let same = before.tick == after.tick
            && before.others == after.others
            && before.assets.len() == after.assets.len()
            && before.table.has_same_maintenance(&after.table);
        if !same {
            return None;
        }
        let mut steps = vec![0_i128; self.assets.len()];
        for (listing, lot) in self.listings.iter().zip(&clocks.lots) {
            if lot.unit > 0 && !listing.expired {
                let rise = before.table.unit_rise(&after.table, listing.id.0)?;
                let usd = i128::from(rise).checked_mul(after.tick)?;
                let step = mul_div(usd, 1 << PLACES, lot.unit.into(), Rounding::Ceil)?;
                steps[listing.base] = steps[listing.base].max(step);
            }
        }
        for (known, asset) in after.assets.iter().enumerate() {
            steps[asset.0] += self.asset_step(before, after, known)?;
        }
        Some(steps)
    }

    /// The same for an asset of accounts margined by position: by how much less of its worth may
    /// count, or more of it as a debt.
    fn haircut_step(&self, before: &ByPosition, after: &ByPosition, place: usize) -> Option<i128> {
        let asset = self.assets[place].asset;
        let Some(old) = before.haircuts().get(asset) else { return Some(0) };
        let new = after.haircuts().get(asset)?;
        if old.holding_max > new.holding_max {
            return None;
        }
        let billion = 1_000_000_000;
        let cut = i128::from((new.ppb - old.ppb).max(0));
        let cut = mul_div(cut, 1 << PLACES, billion, Rounding::Ceil)?;
        let weight = |haircut: Haircut, rounding| {
            mul_div(billion, 1 << PLACES, billion - i128::from(haircut.debt_ppb), rounding)
        };
        Some(cut.max(weight(new, Rounding::Ceil)? - weight(old, Rounding::Floor)?))
    }

    /// By how much more of its worth an asset may need, or less of it may count.
    fn asset_step(&self, before: &Gross, after: &Gross, known: usize) -> Option<i128> {
        let ((was, old), (place, new)) = (before.assets[known], after.assets[known]);
        if was != place || old.holding_max > new.holding_max {
            return None;
        }
        let rise = before.table.asset_rise(&after.table, known, self.assets[place].price?)?;
        let cut = i128::from((new.ppb - old.ppb).max(0));
        let cut = mul_div(cut, 1 << PLACES, 1_000_000_000, Rounding::Ceil)?;
        Some((i128::from(rise) << (PLACES - 32)) + cut)
    }
}
