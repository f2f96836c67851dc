//! What an account is worth and what it needs, from the state.

use std::sync::Arc;

use book::OrderId;
use instruments::{Amount, Asset, Instrument, Quantity};
use ledger::AccountId;
use risk::{
    Account, Admission, Assessment, FlatMap, InitialMargin, Margin, MarginModel, OpenOrder,
    Position, Refusal,
};

use crate::account::KeptVector;
use crate::bound::Change;
use crate::epoch::OpenedEpoch;
use crate::{InstrumentId, Rejection, State};

/// Changes after which a vector is rather made anew.
pub(crate) const CHANGES_MAX: usize = 16;

impl State {
    /// Funding and interest that have accrued and are not booked yet.
    fn accrued_into(&self, account: AccountId, accrued: &mut FlatMap<Asset, Amount>) {
        accrued.clear();
        let mut add = |asset: Asset, amount: Amount| {
            if amount != Amount::ZERO {
                let sum: &mut Amount = accrued.entry(asset).or_default();
                *sum = Amount::from_units(sum.units() + amount.units());
            }
        };
        let bounded = "positions and balances are within 2^100 units";
        let state = self.account_ref(account);
        for (id, funding) in &state.funding {
            let listing = &self.listings[id.place()];
            let due = funding.accrued(i128::from(state.lots(*id)), listing.funding);
            add(listing.instrument.settlement_asset(), due.expect(bounded));
        }
        for (place, (asset, own)) in self.assets.iter().zip(&state.assets).enumerate() {
            if own.interest.index() != asset.interest {
                let balance = self.available(account, place);
                let due = own.interest.accrued(balance.units().min(0), asset.interest);
                add(asset.asset, due.expect(bounded));
            }
        }
        accrued.retain(|_, amount| *amount != Amount::ZERO);
    }

    /// The open epoch, if it can margin accounts of this model.
    pub(crate) fn epoch_for(&self, model: MarginModel) -> Result<&OpenedEpoch, Rejection> {
        let epoch = self.risk.epoch.as_ref().ok_or(Rejection::NoEpoch)?;
        match epoch.has_model(model) {
            true => Ok(epoch),
            false => Err(Rejection::NoMethodology),
        }
    }

    /// Margin of an account, which need not be one of the venue's.
    pub(crate) fn margin_of(
        &self,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, Rejection> {
        let epoch = self.epoch_for(model)?;
        let margin = epoch.margin(&self.market, account, model);
        margin.map_err(|error| Rejection::Unmargined(error.to_string()))
    }

    /// Places of the assets whose index an instrument depends on.
    pub(crate) fn depends_on(&self, id: InstrumentId) -> [usize; 3] {
        let listing = &self.listings[id.place()];
        [listing.base, listing.settlement, listing.quote]
    }

    /// Admits an order by margin, or says what is missing. An order that is amended counts as
    /// taken out.
    pub(crate) fn admit(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        order: &OpenOrder,
        amended: Option<OrderId>,
    ) -> Result<(), Rejection> {
        if self.is_surely_admitted(account, id, order, amended)
            || self.is_exactly_admitted(account, id, order, amended)
        {
            return Ok(());
        }
        let state = self.account_ref(account);
        let (view, model) = (self.view_without(account, amended), state.model);
        let epoch = self.epoch_for(model)?;
        let margin_of = |account: &Account| epoch.margin(&self.market, account, model);
        let admission = risk::admit_exactly(margin_of, &view, order)
            .map_err(|error| Rejection::Unmargined(error.to_string()))?;
        match admission {
            Admission::Refused(refusal) => Err(Rejection::Margin {
                needed: refusal.needed,
                available: refusal.available,
                binding: binding(&refusal),
            }),
            Admission::WithinBound(_) | Admission::Exact(_) | Admission::Heals => Ok(()),
        }
    }

    /// Whether the exact computation admits an order of a `portfolio` account, from its vector.
    /// Where it does not, nothing is said of why.
    fn is_exactly_admitted(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        order: &OpenOrder,
        amended: Option<OrderId>,
    ) -> bool {
        let tried = self.tried(id, order, amended);
        let margin = self.initial_margin(account, Some(order), amended);
        self.is_covered(account, margin, Some(tried))
    }

    /// Whether the exact computation shows that a `portfolio` account is at or above initial margin,
    /// from its vector. Where it does not, nothing is said of why.
    pub(crate) fn is_exactly_above_initial(&mut self, account: AccountId) -> bool {
        if self.account_ref(account).restricted {
            return false;
        }
        let margin = self.initial_margin(account, None, None);
        self.is_covered(account, margin, None)
    }

    /// Whether equity covers initial margin; what it leaves is kept as credit.
    fn is_covered(
        &mut self,
        account: AccountId,
        margin: Option<InitialMargin>,
        tried: Option<Change>,
    ) -> bool {
        let Some(margin) = margin.filter(|margin| margin.equity >= margin.initial) else {
            return false;
        };
        let gross = self.risk.epoch.as_ref().and_then(|epoch| epoch.gross.as_ref());
        if let Some(gross) = gross.filter(|gross| gross.tick > 0 && !self.work.exact) {
            let excess = margin.equity.units() - margin.uncapped * gross.tick;
            self.keep_exact_credit(account, excess, tried);
        }
        true
    }

    /// Equity and initial margin of a `portfolio` account from its vector, with an order that is tried
    /// and without one that is amended; `None` where they can't be computed so.
    fn initial_margin(
        &mut self,
        account: AccountId,
        order: Option<&OpenOrder>,
        amended: Option<OrderId>,
    ) -> Option<InitialMargin> {
        if self.account_ref(account).model != MarginModel::Portfolio {
            return None;
        }
        let mut room = self.work.margins.take().unwrap_or_default();
        self.view_into(account, amended, &mut room.view);
        let kept = self.take_vector(account, &room.view);
        let arrays = self.risk.epoch.as_ref().and_then(|epoch| epoch.portfolio.as_deref());
        let margin = kept.as_deref().zip(arrays).and_then(|(kept, epoch)| {
            let (market, account, vector) = (&self.market, &room.view, &kept.vector);
            let assessment = Assessment { epoch, market, account, vector };
            assessment.initial(order, &mut room.room).ok()
        });
        self.account_mut(account).vector = kept;
        self.work.margins = Some(room);
        margin
    }

    /// An account as margin sees it: balances, what has accrued, positions and orders.
    pub(crate) fn view(&self, account: AccountId) -> Account {
        self.view_without(account, None)
    }

    /// The same without an order that is amended.
    fn view_without(&self, account: AccountId, amended: Option<OrderId>) -> Account {
        let mut view = Account::default();
        self.view_into(account, amended, &mut view);
        view
    }

    /// The same in the memory of another.
    fn view_into(&self, account: AccountId, amended: Option<OrderId>, view: &mut Account) {
        let state = self.account_ref(account);
        view.balances.clear();
        view.balances.extend(self.assets.iter().enumerate().filter_map(|(place, asset)| {
            let available = self.available(account, place);
            (available != Amount::ZERO).then_some((asset.asset, available))
        }));
        self.accrued_into(account, &mut view.accrued);
        view.positions.clear();
        view.positions.extend(state.slots.iter().map(|slot| {
            let quantity = Quantity::from_lots(slot.lots);
            let instrument = self.listings[slot.instrument.place()].instrument;
            (instrument, Position { quantity, cost: slot.cost })
        }));
        view.orders = self.orders_for_margin(account, amended, std::mem::take(&mut view.orders));
    }

    /// An account's orders in books as margin sees them, but one that is amended.
    pub(crate) fn orders_for_margin(
        &self,
        account: AccountId,
        amended: Option<OrderId>,
        mut orders: Vec<OpenOrder>,
    ) -> Vec<OpenOrder> {
        orders.clear();
        let resting = self.account_ref(account).resting.iter().filter(|id| Some(**id) != amended);
        orders.extend(resting.map(|id| self.seen_by_margin(*id)));
        orders
    }

    /// The vector of a `portfolio` account's positions, brought up to date or made anew. It is to be
    /// put back.
    fn take_vector(&mut self, account: AccountId, view: &Account) -> Option<Box<KeptVector>> {
        let opened = self.risk.epoch.as_ref()?;
        let (number, arrays) = (opened.number, Arc::clone(opened.portfolio.as_ref()?));
        let kept = self.account_mut(account).vector.take();
        let mut kept = match kept {
            Some(mut kept) => {
                if kept.epoch == number && kept.catch_up(&arrays).is_ok() {
                    return Some(kept);
                }
                kept
            }
            None => self.spare_vector(number).unwrap_or_else(|| KeptVector::empty(&arrays)),
        };
        kept.changes.clear();
        kept.vector.refill(&arrays, view).ok()?;
        kept.epoch = number;
        self.vectors.push_back((account, number));
        self.forget_old_vectors(account);
        Some(kept)
    }

    /// A vector of another account that is of no use any more, or was made first if no more may be
    /// kept.
    fn spare_vector(&mut self, epoch: u64) -> Option<Box<KeptVector>> {
        let max = self.limits.vectors_max as usize;
        while let Some((account, made)) = self.vectors.front().copied() {
            if made == epoch && self.vectors.len() < max {
                return None;
            }
            self.vectors.pop_front();
            let kept = self.account_mut(account).vector.take_if(|kept| kept.is_of(made));
            if kept.is_some() {
                return kept;
            }
        }
        None
    }

    /// Drops entries at the front whose vectors were made anew since. Of vectors there are no more than
    /// of entries, and none is made while these are as many as memory holds; so that entries of vectors
    /// made anew don't pile up, the first are dropped with their vectors beyond twice as many.
    fn forget_old_vectors(&mut self, but: AccountId) {
        let max = 2 * self.limits.vectors_max as usize;
        while let Some((account, made)) = self.vectors.front().copied() {
            if account == but && self.vectors.len() == 1 {
                return;
            }
            let kept = &mut self.account_mut(account).vector;
            let is_kept = account != but && kept.as_ref().is_some_and(|kept| kept.is_of(made));
            if is_kept {
                if self.vectors.len() <= max {
                    return;
                }
                self.account_mut(account).vector = None;
            }
            self.vectors.pop_front();
        }
    }

    /// Notes for an account's vector that a position has changed, or that it is of no use any more.
    pub(crate) fn change_vector(
        &mut self,
        account: AccountId,
        instrument: &Instrument,
        change: Quantity,
    ) {
        let state = &mut self.accounts[account.number() as usize];
        let Some(kept) = &mut state.vector else { return };
        let current = self.risk.epoch.as_ref().is_some_and(|epoch| epoch.number == kept.epoch);
        if current && kept.changes.len() < CHANGES_MAX {
            kept.changes.push((*instrument, change));
        } else {
            kept.forget();
        }
    }
}

/// What binds, in words.
fn binding(refusal: &Refusal) -> String {
    let Refusal { binding_term, binding_scenario, largest_add_on, .. } = refusal;
    match largest_add_on {
        Some(add_on) => format!("{binding_term} at {binding_scenario} with add-on {add_on}"),
        None => format!("{binding_term} at {binding_scenario}"),
    }
}
