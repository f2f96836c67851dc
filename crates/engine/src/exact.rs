//! Exact initial margin by the numbers of instruments and assets, and the sums that are kept for it.
//!
//! An account whose orders are margined exactly more than once in an epoch has its sums kept, so that
//! its next order adds only what has changed. What the computation by numbers has no answer for is left
//! to the general one, which is as exact.

use book::OrderId;
use instruments::{Amount, Timestamp};
use ledger::AccountId;
use risk::{
    DenseAccount, DenseBalance, DenseEpoch, DenseOrder, DensePosition, DenseStanding, DenseSums,
    InitialMargin, OpenOrder,
};

use crate::account::AccountState;
use crate::apply::enter::signed;
use crate::epoch::Gross;
use crate::state::asset_index;
use crate::work::MarginRoom;
use crate::{InstrumentId, State};

/// Sums of an account, brought up to date when they are needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptSums {
    /// The number of the epoch.
    pub epoch: u64,
    pub sums: DenseSums,
}

impl State {
    /// Equity and initial margin of a `portfolio` account, with an order that is tried and without one
    /// that is amended; `None` where the general computation has to say.
    pub(crate) fn dense_margin(
        &mut self,
        account: AccountId,
        order: Option<(InstrumentId, &OpenOrder)>,
        amended: Option<OrderId>,
        room: &mut MarginRoom,
    ) -> Option<InitialMargin> {
        self.number(account, amended, &mut room.account)?;
        let tried = match order {
            Some((id, order)) => Some(DenseOrder {
                // After all others.
                id: u64::MAX,
                instrument: id.0,
                lots: order.quantity.lots(),
                limit: order.limit,
                fee: order.fee,
                mark: self.rows.get(id.place()).filter(|row| row.is_known())?.mark(),
            }),
            None => None,
        };
        let mut kept = self.take_sums(account, tried.is_some());
        let (dense, _) = self.dense()?;
        let sums = kept.as_mut().map(|kept| &mut kept.sums);
        let MarginRoom { account: view, dense: room, .. } = room;
        let margin = dense.initial(self.market.time, view, tried.as_ref(), sums, room);
        if kept.is_some() {
            self.account_mut(account).sums = kept;
        }
        margin
    }

    /// The open epoch by numbers, while what it takes for granted holds: that feeds are trusted and
    /// stablecoins at their peg, and that nothing has expired.
    fn dense(&self) -> Option<(&DenseEpoch, &Gross)> {
        let epoch = self.risk.epoch.as_ref()?;
        let (dense, gross) = (epoch.dense.as_deref()?, epoch.gross.as_ref()?);
        let lives = gross.expires.is_none_or(|expires| self.market.time < expires);
        (lives && self.movement.is_calm()).then_some((dense, gross))
    }

    /// How a `portfolio` account stands with what it holds, orders left out, now and until then; `None`
    /// where the general computation has to say.
    pub(crate) fn dense_standing(
        &mut self,
        account: AccountId,
        until: Timestamp,
    ) -> Option<DenseStanding> {
        let mut room = self.work.margins.take().unwrap_or_default();
        let MarginRoom { account: view, dense: kept, .. } = &mut *room;
        view.orders.clear();
        let standing = self.number_held(account, view).and_then(|()| {
            let (dense, _) = self.dense()?;
            dense.standing(self.market.time, until, view, kept)
        });
        self.work.margins = Some(room);
        standing
    }

    /// An account as the computation by numbers sees it, without an order that is amended.
    fn number(
        &self,
        account: AccountId,
        amended: Option<OrderId>,
        view: &mut DenseAccount,
    ) -> Option<()> {
        self.number_held(account, view)?;
        view.orders.clear();
        let resting = &self.account_ref(account).resting;
        for id in resting.iter().filter(|id| Some(**id) != amended) {
            let order = self.orders.get(*id).expect("an order in the book is kept");
            let instrument = order.terms.instrument;
            let row = self.rows[instrument.place()];
            view.orders.push(DenseOrder {
                id: id.0,
                instrument: instrument.0,
                lots: signed(order.terms.side, order.open),
                limit: self.listings[instrument.place()].price(order.limit),
                fee: order.fee,
                mark: row.is_known().then_some(row.mark())?,
            });
        }
        Some(())
    }

    /// The positions and balances of an account as the computation by numbers sees them.
    fn number_held(&self, account: AccountId, view: &mut DenseAccount) -> Option<()> {
        let (_, gross) = self.dense()?;
        for place in 0..self.assets.len() {
            self.ledger.prefetch(account, asset_index(place));
        }
        let state = self.account_ref(account);
        view.positions.clear();
        for slot in &state.slots {
            let row = self.rows[slot.instrument.place()];
            let instrument = slot.instrument.0;
            view.positions.push(DensePosition {
                instrument,
                lots: slot.lots,
                cost: slot.cost,
                mark: row.is_known().then_some(row.mark())?,
            });
        }
        self.number_balances(account, state, gross, view)
    }

    fn number_balances(
        &self,
        account: AccountId,
        state: &AccountState,
        gross: &Gross,
        view: &mut DenseAccount,
    ) -> Option<()> {
        let interest = |place: usize, balance: Amount| {
            let (own, now) = (&state.assets[place].interest, self.assets[place].interest);
            match own.index() == now {
                true => Some(0),
                false => Some(own.accrued(balance.units().min(0), now).ok()?.units()),
            }
        };
        for place in &gross.others {
            let balance = self.available(account, *place);
            if balance != Amount::ZERO || interest(*place, balance)? != 0 {
                return None;
            }
        }
        view.balances.clear();
        for (place, _) in &gross.assets {
            let balance = self.available(account, *place);
            let accrued = Amount::from_units(interest(*place, balance)?);
            let price = self.assets[*place].price?;
            view.balances.push(DenseBalance { balance, accrued, price });
        }
        for (id, funding) in &state.funding {
            let listing = &self.listings[id.place()];
            let due = funding.accrued(i128::from(state.lots(*id)), listing.funding).ok()?.units();
            let mut places = gross.assets.iter().map(|(place, _)| *place);
            let accrued = &mut view.balances[places.position(|p| p == listing.settlement)?].accrued;
            *accrued = Amount::from_units(accrued.units() + due);
        }
        Some(())
    }

    /// The sums that are kept of an account, for the open epoch; `None` if none are. From its second
    /// order in an epoch on they are kept: most accounts have no second one.
    fn take_sums(&mut self, account: AccountId, is_order: bool) -> Option<Box<KeptSums>> {
        let number = self.risk.epoch.as_ref()?.number;
        let state = self.account_mut(account);
        if state.sums.as_ref().is_some_and(|kept| kept.epoch == number) {
            return state.sums.take();
        }
        if !is_order || std::mem::replace(&mut state.ordered, number) != number {
            return None;
        }
        let own = state.sums.take();
        let mut kept = own.or_else(|| self.spare_sums(number)).unwrap_or_default();
        kept.sums.clear();
        kept.epoch = number;
        self.sums.push_back((account, number));
        self.forget_old_sums(account);
        Some(kept)
    }

    /// Sums of another account that are of no use any more, or were made first if no more may be kept.
    fn spare_sums(&mut self, epoch: u64) -> Option<Box<KeptSums>> {
        let max = self.limits.vectors_max as usize;
        while let Some((account, made)) = self.sums.front().copied() {
            if made == epoch && self.sums.len() < max {
                return None;
            }
            self.sums.pop_front();
            let kept = self.account_mut(account).sums.take_if(|kept| kept.epoch == made);
            if kept.is_some() {
                return kept;
            }
        }
        None
    }

    /// Drops entries at the front whose sums were made anew since. Of sums there are no more than of
    /// entries, and none are made while these are as many as memory holds; so that entries of sums made
    /// anew don't pile up, the first are dropped with their sums beyond twice as many.
    fn forget_old_sums(&mut self, but: AccountId) {
        let max = 2 * self.limits.vectors_max as usize;
        while let Some((account, made)) = self.sums.front().copied() {
            if account == but && self.sums.len() == 1 {
                return;
            }
            let kept = &mut self.account_mut(account).sums;
            let is_kept = account != but && kept.as_ref().is_some_and(|kept| kept.epoch == made);
            if is_kept {
                if self.sums.len() <= max {
                    return;
                }
                self.account_mut(account).sums = None;
            }
            self.sums.pop_front();
        }
    }

    /// Whether sums that are kept are those of what they say.
    ///
    /// # Errors
    /// If they are not.
    pub(crate) fn audit_sums(&self, state: &AccountState) -> Result<(), String> {
        let Some(kept) = &state.sums else { return Ok(()) };
        let epoch = self.risk.epoch.as_ref().filter(|epoch| epoch.number == kept.epoch);
        let Some(dense) = epoch.and_then(|epoch| epoch.dense.as_ref()) else { return Ok(()) };
        kept.sums.check(dense).map_err(str::to_owned)
    }
}
