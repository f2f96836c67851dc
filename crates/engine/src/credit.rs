//! What is left of an account's last bound: admits an order, and passes over an account in a
//! review, without looking at the account's legs.
//!
//! When the [bound](crate::bound) of an account is computed, what equity leaves above it is kept as
//! its *credit*, with the account's gross size in each price that moves it. From then on the credit is
//! what that was, less gross size times the way that prices are from where they were then, many times
//! over ([`movement`]), and less what changes of the account's orders add to the bound; it rises by
//! what cancelled orders no longer need. While it is not below zero the account is at or above initial
//! margin.
//!
//! Where the bound says too little, what the exact computation leaves is kept instead. Then netting is
//! in it: it says nothing of another epoch, a cancelled order may have needed nothing, and near an
//! expiry, where time alone raises charges, there is none.
//!
//! Fills keep credit, since margin with orders open covers whatever part of them fills, in any
//! sequence. What else could lower equity or raise the bound takes it away: a debt, a withdrawal,
//! profit that becomes balance other than by a trade, an order repriced by its book, a change of
//! terms. Accounts with orders far from what is ordered have none, nor those with orders in what is
//! charged as wrong-way collateral: that charge grows with all else that they need.

mod movement;

use instruments::{Amount, Price, Rounding, SCALE, mul_div};
use ledger::AccountId;

use crate::account::{OpenLots, Slot};
use crate::bound::{BoundInputs, Change};
use crate::{InstrumentId, State};
pub(crate) use movement::Movement;
use movement::{DRIVERS, PLACES, Reference, driver};

/// How many times the size of what is held the size of an order counts: for the position that it makes,
/// and for cash that it brings or takes, [`LIMIT_MAX`] times its size at most and once more as fees. While
/// it is open, its loss on entry counts in two blocks of a term, with what its coin may rise.
const ORDER: u64 = 4;
/// How many times over a fee counts that no margin had: four times as loss on entry, in two blocks with what
/// its coin may rise; as cash that goes, with what a debt weighs; and when it is paid.
const FEE: u128 = 8;
/// Units of the settlement asset, and ticks, that one fill may lose by rounding.
const ROUNDING: i128 = 4;
const ROUNDING_TICKS: i128 = 16;
/// An order is in no credit whose lots are worth more at its limit than so many times their size, or cost
/// more in fees than that: it could move, or bring, more than its size says.
const LIMIT_MAX: u128 = 2;

/// An account's credit. A cache line or two; all that admission reads of most accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credit {
    /// The number of the [`Reference`] that it counts from; 0 for none.
    reference: u64,
    /// The epoch in which alone it says something; 0 if in others too.
    epoch: u64,
    /// At least the excess above initial margin if prices were those of the reference, in 10⁻⁸ US
    /// dollars.
    base: i128,
    /// Gross size by driver, as often as it counts, in 10⁻⁸ US dollars.
    gross: [u64; DRIVERS],
    /// At least the gross delta over all underlyings, in ticks.
    delta: u64,
}

impl Credit {
    fn value(&self, reference: &Reference) -> i128 {
        let steps = reference.steps();
        let lost = self.gross.iter().zip(steps).map(|(gross, steps)| moved(*gross, *steps));
        self.base - lost.sum::<i128>()
    }

    /// Adds gross size at today's prices, so many times over. It will be charged for their way from the
    /// reference to where they are then; what it goes through is at most that way and the one to today.
    #[inline]
    fn add(&mut self, driver: usize, size: u128, times: u64, reference: &Reference) -> Option<()> {
        let times = u128::from(times * reference.weight());
        let size = u64::try_from(size.checked_mul(times)?).ok()?;
        self.gross[driver] = self.gross[driver].checked_add(size)?;
        self.base -= moved(size, reference.steps()[driver]);
        Some(())
    }

    /// Takes off gross size that was added. What is left loses what has been charged for it.
    fn take(&mut self, driver: usize, size: u128, times: u64, reference: &Reference) {
        let times = u128::from(times * reference.weight());
        let size = u64::try_from(size.saturating_mul(times)).unwrap_or(u64::MAX);
        let size = size.min(self.gross[driver]);
        self.gross[driver] -= size;
        self.base -= moved(size, reference.steps()[driver]);
    }

    /// Adds lots to gross size, in the price of the underlying and in that of the settlement asset.
    #[inline]
    fn add_lots(
        &mut self,
        reference: &Reference,
        id: InstrumentId,
        lots: u64,
        times: u64,
    ) -> Option<()> {
        let lot = reference.lot(id)?;
        let size = u128::from(lot.weight) * u128::from(lots);
        for driver in lot.drivers {
            self.add(driver.into(), size, times, reference)?;
        }
        self.delta = self.delta.checked_add(lot.delta.checked_mul(lots)?)?;
        Some(())
    }

    /// Takes lots of orders off gross size, that were in it.
    fn take_lots(&mut self, reference: &Reference, id: InstrumentId, lots: u64) -> Option<()> {
        let lot = reference.lot(id)?;
        let size = u128::from(lot.weight) * u128::from(lots);
        for driver in lot.drivers {
            self.take(driver.into(), size, ORDER, reference);
        }
        Some(())
    }

    fn is_small(&self, reference: &Reference) -> bool {
        self.delta <= reference.gross().table.delta_max()
            && self.gross.iter().zip(reference.sizes_max()).all(|(size, most)| size <= most)
    }
}

/// What gross size loses on a way.
fn moved(size: u64, steps: u64) -> i128 {
    ((u128::from(size) * u128::from(steps)) >> PLACES).cast_signed() + 1
}

impl State {
    /// Whether an account's credit covers one more order; if so, the order is taken off it.
    pub(crate) fn credit_covers(&mut self, account: AccountId, tried: &Change) -> bool {
        match self.credit_after(account, tried) {
            Some((credit, value)) if value >= 0 => {
                self.credits[account.number() as usize] = credit;
                true
            }
            _ => false,
        }
    }

    /// What an account's credit shows to be above initial margin.
    pub(crate) fn credit_of(&self, account: AccountId) -> Option<i128> {
        let credit = &self.credits[account.number() as usize];
        Some(credit.value(self.reference_of(credit)?))
    }

    pub(crate) fn forget_credit(&mut self, account: AccountId) {
        self.credits[account.number() as usize].reference = 0;
    }

    /// Margin with orders open covers their fills, but for a few units of rounding.
    pub(crate) fn credit_after_fill(&mut self, account: AccountId, id: InstrumentId) {
        let settlement = self.listings[id.place()].settlement;
        let price = self.assets[settlement].price.unwrap_or_default();
        let gross = self.risk.epoch.as_ref().and_then(|epoch| epoch.gross.as_ref());
        let lost = ROUNDING * (i128::from(price.units()) / i128::from(SCALE) + 1)
            + ROUNDING_TICKS * gross.map_or(0, |gross| gross.tick);
        self.credits[account.number() as usize].base -= lost;
    }

    /// A fee is reserved at the index of when an order came, and is paid at that of its fill, when the
    /// rest is reserved anew: what it is beyond what was reserved was in no margin.
    pub(crate) fn credit_after_fee(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        fee: Amount,
        reserved: Amount,
    ) {
        let beyond = fee.units().abs() - reserved.units();
        let settlement = self.listings[id.place()].settlement;
        let price = self.assets[settlement].price.unwrap_or_default();
        if beyond > 0 {
            match beyond.unsigned_abs().checked_mul(FEE).and_then(|units| usd(units, price)) {
                Some(lost) => {
                    self.credits[account.number() as usize].base -= lost.cast_signed();
                }
                None => self.forget_credit(account),
            }
        }
    }

    /// Keeps what the bound has left, with the sizes that it depends on.
    pub(crate) fn keep_credit(
        &mut self,
        account: AccountId,
        excess: i128,
        inputs: &BoundInputs,
        tried: Option<Change>,
    ) {
        let credit = self.credit_from(account, excess, inputs, tried);
        self.credits[account.number() as usize] = credit.unwrap_or_default();
    }

    /// Keeps what the exact computation has left before any cap, with an order that was tried, if any.
    pub(crate) fn keep_exact_credit(
        &mut self,
        account: AccountId,
        excess: i128,
        tried: Option<Change>,
    ) {
        let mut inputs = self.work.inputs.take().unwrap_or_default();
        let credit = self.bound_inputs(account, &mut inputs).and_then(|()| {
            let credit = self.credit_from(account, excess, &inputs, tried)?;
            let epoch = self.risk.epoch.as_ref()?;
            let table = &epoch.gross.as_ref()?.table;
            let state = self.account_ref(account);
            let held = state.slots.iter().map(|slot| slot.instrument);
            let mut ids = held.chain(state.open.iter().map(|sums| sums.instrument));
            let tried = tried.is_none_or(|tried| table.is_steady(tried.instrument.0));
            let steady = tried && ids.all(|id| table.is_steady(id.0));
            steady.then_some(Credit { epoch: epoch.number, ..credit })
        });
        self.work.inputs = Some(inputs);
        self.credits[account.number() as usize] = credit.unwrap_or_default();
    }

    fn credit_from(
        &self,
        account: AccountId,
        excess: i128,
        inputs: &BoundInputs,
        tried: Option<Change>,
    ) -> Option<Credit> {
        let (number, reference) = self.newest_reference()?;
        let gross = reference.gross();
        let BoundInputs { balances, worth } = inputs;
        if !gross.table.is_plain(balances) {
            return None;
        }
        let state = self.account_ref(account);
        // One that is restricted is looked at whole, until it is not.
        if state.restricted {
            return None;
        }
        let added = tried.and_then(|tried| Some((tried.instrument, tried.added?)));
        let ordered = state.open.iter().map(|sums| sums.instrument);
        if ordered.chain(added.map(|(id, _)| id)).any(|id| gross.table.is_wrong_way(id.0)) {
            return None;
        }
        for sums in &state.open {
            for side in sums.sides.iter().filter(|side| side.count > 0) {
                for limit in [side.nearest, side.farthest] {
                    self.check_limit(reference, sums.instrument, side.lots, limit, side.fees)?;
                }
            }
        }
        if let Some((id, OpenLots { lots, limit, fee, .. })) = added {
            self.check_limit(reference, id, lots, limit, fee)?;
        }
        let mut credit = Credit { reference: number, base: excess, ..Credit::default() };
        for ((place, _), balance) in gross.assets.iter().zip(balances) {
            let units = balance.balance.units().unsigned_abs() + worth.gross(*place);
            credit.add(driver(*place), usd(units, balance.price)?, 1, reference)?;
        }
        let held = state.slots.iter().map(|slot| (slot.instrument, slot.lots.unsigned_abs()));
        let open = state.open.iter().map(|sums| {
            let lots = sums.sides[0].lots + sums.sides[1].lots;
            (sums.instrument, lots.unsigned_abs())
        });
        let added = added.map(|(id, added)| (id, added.lots.unsigned_abs()));
        for (id, lots) in held {
            credit.add_lots(reference, id, lots, 1)?;
        }
        for (id, lots) in open.chain(added) {
            credit.add_lots(reference, id, lots, ORDER)?;
        }
        credit.is_small(reference).then_some(credit)
    }

    /// Orders that are gone without a fill need no margin any more.
    pub(crate) fn credit_after_cancel(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        taken: OpenLots,
    ) {
        let change = Change { instrument, taken: Some(taken), added: None };
        if let Some((credit, _)) = self.credit_after(account, &change) {
            self.credits[account.number() as usize] = credit;
        }
    }

    /// An account's credit with a change of its orders, and its value. What orders add is told by the
    /// open epoch's table, and has its way from the reference as all else.
    fn credit_after(&self, account: AccountId, change: &Change) -> Option<(Credit, i128)> {
        let mut credit = self.credits[account.number() as usize];
        let reference = self.reference_of(&credit)?;
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let id = change.instrument;
        // What is taken from an exact credit may have needed nothing.
        let change = match (credit.epoch, change.added) {
            (0, _) => change,
            _ if !gross.table.is_steady(id.0) => return None,
            (_, None) => return Some((credit, credit.value(reference))),
            (_, Some(_)) => &Change { taken: None, ..*change },
        };
        let row = self.rows.get(id.place()).filter(|row| row.is_known())?;
        let state = self.account_ref(account);
        let slot = state.slot(id).copied().unwrap_or(Slot::new(id));
        let sums = state.open(id);
        let before = self.leg(&slot, sums, None);
        let after = self.leg(&slot, sums, Some(*change));
        let price = self.assets[row.settlement()].price?;
        let time = self.market.time;
        let mut added = gross.table.change(time, [&before, &after], price, credit.delta)?;
        if credit.epoch != 0 {
            // It may take what nets with others: then it adds what it needs by itself.
            let nothing = Slot::new(id);
            let legs = [None, Some(*change)].map(|change| self.leg(&nothing, None, change));
            added += gross.table.change(time, [&legs[0], &legs[1]], price, credit.delta)?.max(0);
        }
        credit.base -= added * gross.tick;
        if let Some(OpenLots { lots, limit, fee, .. }) = change.added {
            self.check_limit(reference, id, lots, limit, fee)?;
        }
        let lots = |open: Option<OpenLots>| open.map_or(0, |open| open.lots.unsigned_abs());
        let (taken, added) = (lots(change.taken), lots(change.added));
        credit.add_lots(reference, id, added.saturating_sub(taken), ORDER)?;
        credit.take_lots(reference, id, taken.saturating_sub(added))?;
        let value = credit.value(reference);
        credit.is_small(reference).then_some((credit, value))
    }

    /// Whether orders move no more than their size says: `lots` of them at a limit, and their fees.
    fn check_limit(
        &self,
        reference: &Reference,
        id: InstrumentId,
        lots: i64,
        limit: Price,
        fee: Amount,
    ) -> Option<()> {
        const ONE: u128 = SCALE.cast_unsigned() as u128;
        let listing = &self.listings[id.place()];
        let instrument = &listing.instrument;
        let positive = |price: Price| u128::try_from(price.units()).ok();
        let price = positive(self.assets[listing.settlement].price?)?;
        let (limit, lot) = (positive(limit)?, u128::try_from(instrument.lot_size()).ok()?);
        let weight = u128::from(reference.lot(id)?.weight);
        let most = weight.checked_mul(LIMIT_MAX)?;
        // What one lot is worth is compared without a division: lot·limit·price, or lot·price/limit.
        let (worth, worth_max) = match instrument.is_sized_in_quote() {
            true => (lot.checked_mul(price)?, most.checked_mul(limit)?),
            false => (lot.checked_mul(limit)?.checked_mul(price)?, most.checked_mul(ONE * ONE)?),
        };
        let fees = fee.units().unsigned_abs().checked_mul(price)?;
        let fees_max = weight.checked_mul(lots.unsigned_abs().into())?.checked_mul(ONE)?;
        (worth <= worth_max && fees <= fees_max).then_some(())
    }

    /// Where a credit counts from, if it is one and may be used now.
    fn reference_of(&self, credit: &Credit) -> Option<&Reference> {
        let reference = self.movement.reference(credit.reference)?;
        let epoch = self.risk.epoch.as_ref()?.number;
        let is_of_now = credit.epoch == 0 || credit.epoch == epoch;
        (is_of_now && self.may_use_credit() && reference.is_near()).then_some(reference)
    }

    /// Where a credit that is kept now counts from.
    fn newest_reference(&self) -> Option<(u64, &Reference)> {
        let (number, reference) = self.movement.newest()?;
        (self.may_use_credit() && reference.is_near()).then_some((number, reference))
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
    }
}

/// What some units of an asset are worth, in 10⁻⁸ US dollars, rounded up.
fn usd(units: u128, price: Price) -> Option<u128> {
    let (units, price) = (i128::try_from(units).ok()?, i128::from(price.units()));
    let worth = mul_div(units, price, SCALE.into(), Rounding::Floor)?;
    Some(u128::try_from(worth).ok()? + 1)
}
