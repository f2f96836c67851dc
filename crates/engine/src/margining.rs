//! What an account is worth and what it needs, from the state.

use std::collections::BTreeMap;

use book::OrderId;
use instruments::{Amount, Asset, Instrument, Quantity};
use ledger::AccountId;
use risk::{
    Account, Admission, Assessment, Margin, MarginModel, OpenOrder, PortfolioVector, Position,
    Refusal,
};

use crate::account::KeptVector;
use crate::epoch::OpenedEpoch;
use crate::{InstrumentId, Rejection, State};

/// Changes after which a vector is rather made anew.
const CHANGES_MAX: usize = 16;

impl State {
    /// Funding and interest that have accrued and are not booked yet.
    pub(crate) fn accrued(&self, account: AccountId) -> BTreeMap<Asset, Amount> {
        let mut accrued = BTreeMap::new();
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
        accrued
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
        if self.account_ref(account).model != MarginModel::Portfolio {
            return false;
        }
        let view = self.view_without(account, amended);
        let Some(epoch) = self.risk.epoch.as_ref() else { return false };
        let Some(arrays) = &epoch.portfolio else { return false };
        let state = &mut self.accounts[account.number() as usize];
        let kept = state.vector.take().filter(|kept| kept.epoch == epoch.number);
        let kept = kept.and_then(|mut kept| kept.catch_up(arrays).is_ok().then_some(kept));
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let Ok(vector) = PortfolioVector::of(arrays, &view) else { return false };
                self.vectors.push_back(account);
                Box::new(KeptVector { epoch: epoch.number, vector, changes: Vec::new() })
            }
        };
        let KeptVector { vector, .. } = &**state.vector.insert(kept);
        let market = &self.market;
        let assessment = Assessment { epoch: arrays, market, account: &view, vector };
        let margin = assessment.initial(Some(order));
        let tick = epoch.gross.as_ref().map_or(0, |gross| gross.tick);
        self.keep_few_vectors();
        let Some(margin) = margin.ok().filter(|margin| margin.equity >= margin.initial) else {
            return false;
        };
        if tick > 0 && !self.work.exact {
            let tried = self.tried(id, order, amended);
            let excess = margin.equity.units() - margin.uncapped * tick;
            self.keep_exact_credit(account, excess, tried);
        }
        true
    }

    /// An account as margin sees it: balances, what has accrued, positions and orders.
    pub(crate) fn view(&self, account: AccountId) -> Account {
        self.view_without(account, None)
    }

    /// The same without an order that is amended.
    fn view_without(&self, account: AccountId, amended: Option<OrderId>) -> Account {
        let state = self.account_ref(account);
        let balances = self.assets.iter().enumerate().filter_map(|(place, asset)| {
            let available = self.available(account, place);
            (available != Amount::ZERO).then_some((asset.asset, available))
        });
        let positions = state.slots.iter().map(|slot| {
            let quantity = Quantity::from_lots(slot.lots);
            let instrument = self.listings[slot.instrument.place()].instrument;
            (instrument, Position { quantity, cost: slot.cost })
        });
        Account {
            name: String::new(),
            balances: balances.collect(),
            accrued: self.accrued(account),
            positions: positions.collect(),
            orders: self.orders_for_margin(account, amended, Vec::new()),
        }
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

    /// Forgets the vectors that were made first beyond a number that memory holds.
    fn keep_few_vectors(&mut self) {
        while self.vectors.len() > self.limits.vectors_max as usize {
            if let Some(account) = self.vectors.pop_front() {
                self.account_mut(account).vector = None;
            }
        }
    }

    /// Notes for an account's vector that a position has changed, or forgets the vector.
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
            state.vector = None;
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
