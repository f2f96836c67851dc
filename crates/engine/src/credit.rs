//! What is left of an account's last bound: admits an order, and passes over an account in a
//! review, without looking at the account's legs.
//!
//! When the [bound](crate::bound) of an account is computed, what equity leaves above it is kept as
//! its *credit*, with the account's gross size in each price that moves it. From then on the credit
//! falls by gross size times the way that prices have gone since, many times over, and by what
//! changes of the account's orders add to the bound; it rises only by what cancelled orders no longer
//! need. A new epoch counts as one more move: by how much more of its size an instrument or asset may
//! add to a bound than before. While it is not below zero the account is at or above initial margin.
//!
//! The way that prices have gone is kept for each asset: the index of the asset, the marks of its
//! instruments and their funding, each as a share of its size, summed over all changes. Marks that
//! are set together move together: of an asset's instruments the one that moved most counts.
//!
//! Fills keep credit, since margin with orders open covers whatever part of them fills, in any
//! sequence. What else could lower equity or raise the bound takes it away: a debt, a withdrawal,
//! profit that becomes balance other than by a trade, an order repriced by its book, a change of
//! terms. Accounts with orders in what is charged as wrong-way collateral have none: that charge
//! grows with all else that they need.

use instruments::{Price, Quantity, Rounding, SCALE};
use ledger::{AccountId, INDEX_SCALE};
use risk::{Confidence, GrossBalance};

use crate::account::{OpenLots, Slot};
use crate::bound::{Change, Row, Worth};
use crate::epoch::{Gross, OpenedEpoch};
use crate::{InstrumentId, State};

/// Prices that credit tells apart: the assets in the first places; the rest share the last.
const DRIVERS: usize = 8;
/// How many times over gross size counts. When what a lot is worth changes, equity changes by as much
/// and so do the requirement of its coin, the haircut and the weight of debt on what it may realise,
/// and an order's loss on entry with what its coin may rise: five times at most for a position or an
/// order; the rest covers amounts beyond a lot's worth, which bands on limits keep few.
const FACTOR: u128 = 8;
/// Binary places of a movement.
const PLACES: u32 = 32;
/// Beyond half its size on the way a price says nothing about the epoch's sizes any more.
const MOVEMENT_MAX: u64 = 1 << (PLACES - 1);
/// Units of the settlement asset that one fill may lose by rounding.
const ROUNDING: i128 = 4;

/// An account's credit. A cache line or two; all that admission reads of most accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credit {
    /// The [`Movement::generation`] that it belongs to; 0 for none.
    generation: u64,
    /// At least the excess above initial margin at no movement, in 10⁻⁸ US dollars.
    base: i128,
    /// Gross size by driver, `FACTOR` times, in 10⁻⁸ US dollars.
    gross: [u64; DRIVERS],
    /// At least the gross delta over all underlyings, in ticks.
    delta: u64,
}

/// How far prices have gone since the epoch opened.
#[derive(Clone, Debug)]
pub(crate) struct Movement {
    steps: [u64; DRIVERS],
    /// Whether every feed is trusted and every stablecoin at its peg.
    calm: bool,
    /// Credits of other generations are void.
    generation: u64,
    /// What one lot of each instrument was worth when the generation began: what sizes are counted
    /// in and movements measured by.
    weights: Vec<u64>,
    /// How far lots of each driver have gone in the running batch by their marks and their funding;
    /// what is in `steps` already. Marks that are set together move together.
    batch: [[u64; DRIVERS]; 2],
}

impl Default for Movement {
    fn default() -> Self {
        Self {
            steps: [0; DRIVERS],
            calm: false,
            generation: 1,
            weights: Vec::new(),
            batch: [[0; DRIVERS]; 2],
        }
    }
}

const fn driver(place: usize) -> usize {
    if place < DRIVERS { place } else { DRIVERS - 1 }
}

impl Credit {
    fn value(&self, movement: &Movement) -> i128 {
        let lost = self.gross.iter().zip(&movement.steps).map(|(gross, steps)| {
            let product = u128::from(*gross) * u128::from(*steps);
            ((product >> PLACES) + 1).cast_signed()
        });
        self.base - lost.sum::<i128>()
    }

    /// Adds gross size that has not moved yet.
    fn add(&mut self, place: usize, size: u128, movement: &Movement) -> Option<()> {
        let driver = driver(place);
        let size = u64::try_from(size.checked_mul(FACTOR)?).ok()?;
        self.gross[driver] = self.gross[driver].checked_add(size)?;
        // It will be charged for the way before it, which it has not gone.
        let gone = (u128::from(size) * u128::from(movement.steps[driver])) >> PLACES;
        self.base += gone.cast_signed();
        Some(())
    }

    /// Takes off gross size that has moved since it was added.
    fn take(&mut self, place: usize, size: u128, movement: &Movement) {
        let driver = driver(place);
        let size = u64::try_from(size.saturating_mul(FACTOR)).unwrap_or(u64::MAX);
        let size = size.min(self.gross[driver]);
        self.gross[driver] -= size;
        // It stays charged for the way that it has gone.
        let gone = (u128::from(size) * u128::from(movement.steps[driver])) >> PLACES;
        self.base -= gone.cast_signed() + 1;
    }

    fn is_small(&self, gross: &Gross) -> bool {
        let sum: u128 = self.gross.iter().map(|size| u128::from(*size)).sum();
        let most = gross.table.holding_max_ticks() / 4;
        sum / FACTOR <= most.saturating_mul(gross.tick.unsigned_abs())
    }
}

impl State {
    /// Whether an account's credit covers one more order; if so, the order is taken off it.
    pub(crate) fn credit_covers(&mut self, account: AccountId, tried: &Change) -> bool {
        match self.credit_after(account, tried) {
            Some(credit) if credit.value(&self.movement) >= 0 => {
                self.credits[account.number() as usize] = credit;
                true
            }
            _ => false,
        }
    }

    /// What an account's credit shows to be above initial margin.
    pub(crate) fn credit_of(&self, account: AccountId) -> Option<i128> {
        let credit = self.credits[account.number() as usize];
        let valid = credit.generation == self.movement.generation && self.may_use_credit();
        valid.then(|| credit.value(&self.movement))
    }

    pub(crate) fn forget_credit(&mut self, account: AccountId) {
        self.credits[account.number() as usize].generation = 0;
    }

    /// All credits are void.
    pub(crate) fn void_credits(&mut self) {
        let gross = self.risk.epoch.as_ref().and_then(|epoch| epoch.gross.as_ref());
        self.movement.weights = gross.map(|gross| gross.weights.clone()).unwrap_or_default();
        self.movement.generation += 1;
        self.movement.steps = [0; DRIVERS];
        self.begin_moves();
        self.look_whether_calm();
    }

    /// An epoch has followed another: what bounds may have risen by is one more movement. Credits
    /// are void if the epochs can't be compared, or prices have gone too far.
    pub(crate) fn carry_credits(&mut self, before: Option<OpenedEpoch>) {
        let carried = before.and_then(|before| self.rises_since(&before));
        let Some(rises) = carried else { return self.void_credits() };
        for (steps, rise) in self.movement.steps.iter_mut().zip(rises) {
            *steps = steps.saturating_add(rise).min(MOVEMENT_MAX * 2);
        }
        if self.movement.steps.iter().any(|steps| *steps > MOVEMENT_MAX / 2) {
            return self.void_credits();
        }
        self.look_whether_calm();
    }

    /// By how much more of its size each driver may add to a bound than in the epoch before.
    fn rises_since(&self, before: &OpenedEpoch) -> Option<[u64; DRIVERS]> {
        let (before, after) = (before.gross.as_ref()?, self.risk.epoch.as_ref()?.gross.as_ref()?);
        // An instrument that was listed since has no measure.
        let measured = after.weights.len() == self.movement.weights.len();
        let same = before.tick == after.tick && before.others == after.others && measured;
        if !same || before.assets.len() != after.assets.len() {
            return None;
        }
        let mut rises = [0_u64; DRIVERS];
        for (known, (old, new)) in before.assets.iter().zip(&after.assets).enumerate() {
            let price = self.assets[new.0].price?;
            let haircut = u128::try_from((new.1.ppb - old.1.ppb).max(0)).ok()?;
            let rise = before.table.asset_rise(&after.table, known, price)?;
            let rise = rise.checked_add(share(haircut, 1_000_000_000))?;
            let same = old.0 == new.0 && new.1.holding_max >= old.1.holding_max;
            rises[driver(new.0)] = rises[driver(new.0)].checked_add(rise).filter(|_| same)?;
        }
        let mut of_lots = [0_u64; DRIVERS];
        for (listing, first) in self.listings.iter().zip(&self.movement.weights) {
            if listing.expired {
                continue;
            }
            let weight = *after.weights.get(listing.id.place())?;
            if weight / 2 > *first {
                return None;
            }
            let ticks = before.table.unit_rise(&after.table, listing.id.0)?;
            let units = u128::from(ticks) * after.tick.unsigned_abs();
            let most = &mut of_lots[driver(listing.base)];
            *most = (*most).max(share(units, u128::from(*first)));
        }
        for (rise, of_lots) in rises.iter_mut().zip(of_lots) {
            *rise = rise.checked_add(of_lots)?;
        }
        Some(rises)
    }

    /// Margin with orders open covers their fills, but for a few units of rounding.
    pub(crate) fn credit_after_fill(&mut self, account: AccountId, id: InstrumentId) {
        let settlement = self.listings[id.place()].settlement;
        let price = self.assets[settlement].price.unwrap_or_default();
        let lost = ROUNDING * (i128::from(price.units()) / i128::from(SCALE) + 1);
        self.credits[account.number() as usize].base -= lost;
    }

    /// Keeps what the bound has left, with the sizes that it depends on.
    pub(crate) fn keep_credit(
        &mut self,
        account: AccountId,
        excess: i128,
        balances: &[GrossBalance],
        worth: &Worth,
        tried: Option<Change>,
    ) {
        let credit = self.credit_from(account, excess, balances, worth, tried);
        self.credits[account.number() as usize] = credit.unwrap_or_default();
    }

    fn credit_from(
        &self,
        account: AccountId,
        excess: i128,
        balances: &[GrossBalance],
        worth: &Worth,
        tried: Option<Change>,
    ) -> Option<Credit> {
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        if !self.may_use_credit() || !gross.table.is_plain(balances) {
            return None;
        }
        let state = self.account_ref(account);
        let added = tried.and_then(|tried| Some((tried.instrument, tried.added?)));
        let ordered = state.open.iter().map(|sums| sums.instrument);
        if ordered.chain(added.map(|(id, _)| id)).any(|id| gross.table.is_wrong_way(id.0)) {
            return None;
        }
        let (movement, generation) = (&self.movement, self.movement.generation);
        let mut credit = Credit { generation, base: excess, ..Credit::default() };
        for ((place, _), balance) in gross.assets.iter().zip(balances) {
            let units = balance.balance.units().unsigned_abs() + worth.largest(*place);
            credit.add(*place, usd(units, balance.price)?, movement)?;
        }
        let held = state.slots.iter().map(|slot| (slot.instrument, slot.lots.unsigned_abs()));
        let open = state.open.iter().map(|sums| {
            let lots = sums.sides[0].lots + sums.sides[1].lots;
            (sums.instrument, lots.unsigned_abs())
        });
        let added = added.map(|(id, added)| (id, added.lots.unsigned_abs()));
        for (id, lots) in held.chain(open).chain(added) {
            self.add_lots(&mut credit, gross, id, lots)?;
        }
        credit.is_small(gross).then_some(credit)
    }

    /// Orders that are gone without a fill need no margin any more.
    pub(crate) fn credit_after_cancel(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        taken: OpenLots,
    ) {
        let change = Change { instrument, taken: Some(taken), added: None };
        if let Some(credit) = self.credit_after(account, &change) {
            self.credits[account.number() as usize] = credit;
        }
    }

    /// An account's credit with a change of its orders.
    fn credit_after(&self, account: AccountId, change: &Change) -> Option<Credit> {
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let mut credit = self.credits[account.number() as usize];
        if credit.generation != self.movement.generation || !self.may_use_credit() {
            return None;
        }
        let id = change.instrument;
        let row = self.rows.get(id.place()).filter(|row| row.is_known())?;
        let state = self.account_ref(account);
        let slot = state.slot(id).copied().unwrap_or(Slot::new(id));
        let sums = state.open(id);
        let legs = [None, Some(*change)].map(|change| self.leg(&slot, sums, change));
        let price = self.assets[row.settlement()].price?;
        let [before, after] = &legs;
        let added = gross.table.change(self.market.time, [before, after], price, credit.delta)?;
        credit.base -= added * gross.tick;
        let lots = |open: Option<OpenLots>| open.map_or(0, |open| open.lots.unsigned_abs());
        let (taken, added) = (lots(change.taken), lots(change.added));
        self.add_lots(&mut credit, gross, id, added.saturating_sub(taken))?;
        self.take_lots(&mut credit, id, taken.saturating_sub(added))?;
        credit.is_small(gross).then_some(credit)
    }

    /// Adds lots to gross size, in the price of the underlying and in that of the settlement asset.
    fn add_lots(
        &self,
        credit: &mut Credit,
        gross: &Gross,
        id: InstrumentId,
        lots: u64,
    ) -> Option<()> {
        let listing = &self.listings[id.place()];
        let size = u128::from(*self.movement.weights.get(id.place())?).checked_mul(lots.into())?;
        credit.add(listing.base, size, &self.movement)?;
        credit.add(listing.settlement, size, &self.movement)?;
        // No delta is more than what the lots are worth, in this epoch or one soon after.
        let ticks = size.checked_mul(2)? / gross.tick.unsigned_abs() + 1;
        credit.delta = credit.delta.checked_add(u64::try_from(ticks).ok()?)?;
        Some(())
    }

    /// Takes lots off gross size, that were in it.
    fn take_lots(&self, credit: &mut Credit, id: InstrumentId, lots: u64) -> Option<()> {
        let listing = &self.listings[id.place()];
        let size = u128::from(*self.movement.weights.get(id.place())?).checked_mul(lots.into())?;
        credit.take(listing.base, size, &self.movement);
        credit.take(listing.settlement, size, &self.movement);
        Some(())
    }

    fn may_use_credit(&self) -> bool {
        let Some(epoch) = &self.risk.epoch else { return false };
        let expires = epoch.gross.as_ref().and_then(|gross| gross.expires);
        let age = self.market.time.since(epoch.opened);
        self.movement.calm
            && !self.work.exact
            // What has expired and is not settled can't be margined at all.
            && expires.is_none_or(|expires| self.market.time < expires)
            && (0..=instruments::Timestamp::DAY).contains(&age)
            && self.movement.steps.iter().all(|steps| *steps <= MOVEMENT_MAX)
    }

    /// An asset's index has moved.
    pub(crate) fn note_index_move(&mut self, place: usize, before: Option<Price>) {
        let epoch = self.risk.epoch.as_ref();
        let opened = epoch.and_then(|epoch| epoch.prices.get(place).copied().flatten());
        let now = self.assets[place].price;
        if now == before {
            return self.look_whether_calm();
        }
        let share = match (now, before, opened) {
            (Some(now), Some(before), Some(opened)) => {
                let away = u128::from(now.units().abs_diff(before.units()));
                // Sizes may have been counted at a price that was a quarter lower.
                share(away.saturating_mul(4), u128::from(opened.units().unsigned_abs()) * 3)
            }
            _ => u64::MAX,
        };
        self.note_move(place, share);
        self.look_whether_calm();
    }

    /// From here on instruments are marked anew, each at most once.
    pub(crate) fn begin_moves(&mut self) {
        self.movement.batch = [[0; DRIVERS]; 2];
    }

    /// An instrument has another mark.
    pub(crate) fn note_mark_move(&mut self, id: InstrumentId, before: Row) {
        let row = self.rows[id.place()];
        if before.is_known() && row.is_known() {
            let units = before.away(&row);
            self.note_lot_move(id, 0, units);
        }
    }

    /// What a lot has been paid in funding has changed by some steps.
    pub(crate) fn note_funding_move(&mut self, id: InstrumentId, steps: i128) {
        self.note_lot_move(id, 1, steps.unsigned_abs() / u128::from(INDEX_SCALE) + 1);
    }

    /// A lot's worth has changed by so many units of the settlement asset. Of all that change in a
    /// batch the largest counts.
    fn note_lot_move(&mut self, id: InstrumentId, cause: usize, units: u128) {
        let listing = &self.listings[id.place()];
        let (place, price) = (listing.base, self.assets[listing.settlement].price);
        // An instrument that is not in the epoch yet is in no account either.
        let Some(weight) = self.movement.weights.get(id.place()) else { return };
        let moved = price.and_then(|price| usd(units, price));
        let share = moved.map_or(u64::MAX, |moved| share(moved, u128::from(*weight)));
        let counted = &mut self.movement.batch[cause][driver(place)];
        let more = share.saturating_sub(*counted);
        *counted = share.max(*counted);
        self.note_move(place, more);
    }

    fn note_move(&mut self, place: usize, share: u64) {
        let steps = &mut self.movement.steps[driver(place)];
        // Far beyond the most there is no more to know.
        *steps = steps.saturating_add(share).min(MOVEMENT_MAX * 2);
    }

    fn look_whether_calm(&mut self) {
        let gross = self.risk.epoch.as_ref().and_then(|epoch| epoch.gross.as_ref());
        self.movement.calm = gross.is_some_and(|gross| {
            let places = gross.assets.iter().enumerate();
            places.into_iter().all(|(known, (place, _))| {
                let asset = &self.assets[*place];
                let confidence = Confidence::from_ppm(asset.confidence_ppm);
                asset.price.is_some_and(|price| gross.table.is_calm(known, price, confidence))
            })
        });
    }

    /// What one lot of each instrument is worth at the index, in 10⁻⁸ US dollars and not below one:
    /// the measure of its movements in an epoch.
    pub(crate) fn lot_weights(&self) -> Vec<u64> {
        let weight = |listing: &crate::listing::Listing| {
            let index = self.assets[listing.base].price?;
            let base = listing.instrument.base_size(Quantity::from_lots(1), index).ok()?;
            let worth = instruments::Amount::from_units(base).worth(index, Rounding::Ceil).ok()?;
            u64::try_from(worth.units()).ok()
        };
        self.listings.iter().map(|listing| weight(listing).unwrap_or(1).max(1)).collect()
    }
}

/// What some units of an asset are worth, in 10⁻⁸ US dollars, rounded up.
fn usd(units: u128, price: Price) -> Option<u128> {
    let price = u128::try_from(price.units()).ok()?;
    Some(units.checked_mul(price)? / u128::from(SCALE.cast_unsigned()) + 1)
}

/// A part of a whole, rounded up; the most if it is not below one.
fn share(part: u128, whole: u128) -> u64 {
    if part >= whole {
        return u64::MAX;
    }
    part.checked_shl(PLACES)
        .map_or(u64::MAX, |part| u64::try_from(part.div_ceil(whole)).unwrap_or(u64::MAX))
}
