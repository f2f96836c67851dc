//! What an account is worth and what it needs, from the state.

use book::OrderId;
use instruments::{Amount, Asset, Quantity};
use ledger::AccountId;
use risk::{
    Account, Admission, Assessment, FlatMap, InitialMargin, Margin, MarginModel, OpenOrder,
    PortfolioVector, Position, Refusal,
};

use crate::bound::Change;
use crate::epoch::OpenedEpoch;
use crate::work::MarginRoom;
use crate::{InstrumentId, Rejection, State};

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

    /// Whether the exact computation admits an order of a `portfolio` account.
    /// Where it does not, nothing is said of why.
    fn is_exactly_admitted(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        order: &OpenOrder,
        amended: Option<OrderId>,
    ) -> bool {
        let tried = self.tried(id, order, amended);
        let margin = self.initial_margin(account, Some((id, order)), amended);
        self.is_covered(account, margin, Some(tried))
    }

    /// Whether the exact computation shows that a `portfolio` account is at or above initial margin.
    /// Where it does not, nothing is said of why.
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

    /// Equity and initial margin of a `portfolio` account, with an order that is tried and without one
    /// that is amended; `None` where they can't be computed.
    fn initial_margin(
        &mut self,
        account: AccountId,
        order: Option<(InstrumentId, &OpenOrder)>,
        amended: Option<OrderId>,
    ) -> Option<InitialMargin> {
        if self.account_ref(account).model != MarginModel::Portfolio {
            return None;
        }
        let mut room = self.work.margins.take().unwrap_or_default();
        let margin = self.dense_margin(account, order, amended, &mut room).or_else(|| {
            self.general_margin(account, order.map(|order| order.1), amended, &mut room)
        });
        self.work.margins = Some(room);
        margin
    }

    /// The same by names.
    fn general_margin(
        &self,
        account: AccountId,
        order: Option<&OpenOrder>,
        amended: Option<OrderId>,
        room: &mut MarginRoom,
    ) -> Option<InitialMargin> {
        let epoch = self.risk.epoch.as_ref()?.portfolio.as_deref()?;
        self.view_into(account, amended, &mut room.view);
        let vector = room.vector.get_or_insert_with(|| PortfolioVector::empty(epoch));
        vector.refill(epoch, &room.view).ok()?;
        let (market, account) = (&self.market, &room.view);
        let assessment = Assessment { epoch, market, account, vector };
        assessment.initial(order, &mut room.room).ok()
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
}

/// What binds, in words.
fn binding(refusal: &Refusal) -> String {
    let Refusal { binding_term, binding_scenario, largest_add_on, .. } = refusal;
    match largest_add_on {
        Some(add_on) => format!("{binding_term} at {binding_scenario} with add-on {add_on}"),
        None => format!("{binding_term} at {binding_scenario}"),
    }
}
