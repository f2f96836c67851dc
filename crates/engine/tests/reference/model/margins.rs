//! What accounts are worth and need: always a fresh account on a fresh market.

use std::collections::{BTreeMap, BTreeSet};

use engine::event::{CancelReason, Event};
use engine::{InstrumentId, Rejection};
use instruments::{Amount, Asset, ContractKind, Quantity, Underlying};
use ledger::{AccountId, Accrual, Index};
use risk::{
    Account, Admission, AssetMarket, Confidence, ExpiryMarket, Margin, MarginModel, Market,
    OpenOrder, Position, Quote, RiskError,
};

use super::prices::forward;
use super::{Model, Outcome, Stage};

impl Model {
    /// The live market.
    pub fn market(&self) -> Market {
        let mut market = Market::at(instruments::Timestamp::from_milliseconds(self.market_time));
        for state in self.assets.iter().filter(|state| state.asset != Asset::USD) {
            let Some(price) = state.price else { continue };
            let confidence = Confidence::from_ppm(state.confidence_ppm);
            market.assets.insert(state.asset, AssetMarket { price, confidence });
            let underlying = market.underlyings.entry(Underlying::of(state.asset)).or_default();
            underlying.perpetual_confidence = confidence;
            for (expiry, at) in &state.expiries {
                let curve = at.curve.curve().expect("a surface is checked when it comes");
                let mut found = ExpiryMarket::new(forward(price, at.basis), curve);
                found.settlement_average = at.average.value();
                found.forward_confidence = confidence;
                underlying.expiries.insert(*expiry, found);
            }
        }
        for listing in &self.listings {
            if let Some(mark) = listing.mark {
                market.quotes.insert(listing.instrument, Quote::new(mark, listing.rate_8h_ppb));
            }
        }
        market
    }

    /// Instruments in which an account has a position or an order.
    pub(super) fn instruments_of(&self, account: AccountId) -> BTreeSet<InstrumentId> {
        let orders = self.orders.values().filter(|order| order.account == account);
        let held = self.account(account).positions.keys().copied();
        held.chain(orders.map(|order| order.terms.instrument)).collect()
    }

    /// An account as margin sees it.
    pub fn risk_account(&self, account: AccountId) -> Account {
        let state = self.account(account);
        let mut view = Account::default();
        for asset in &self.ledger.assets {
            let balance = self.ledger.available(account, *asset);
            if balance != 0 {
                view.balances.insert(*asset, Amount::from_units(balance));
            }
        }
        for (id, held) in &state.positions {
            let (quantity, cost) = (Quantity::from_lots(held.lots), Amount::from_units(held.cost));
            view.positions.insert(self.listing(*id).instrument, Position { quantity, cost });
        }
        for order in self.orders.values().filter(|order| order.stage == Stage::Resting) {
            if order.account == account {
                let listing = self.listing(order.terms.instrument);
                let open = self.open_order(listing, order.terms.side, order.open, order.limit);
                view.orders.push(OpenOrder { fee: order.fee, ..open });
            }
        }
        view.accrued = self.accrued(account).into_iter().collect();
        view
    }

    fn accrued(&self, account: AccountId) -> BTreeMap<Asset, Amount> {
        let state = self.account(account);
        let mut accrued = BTreeMap::<Asset, i128>::new();
        for (id, held) in &state.positions {
            let listing = self.listing(*id);
            if listing.instrument.kind() == ContractKind::Perpetual {
                let due = held.funding.accrued(i128::from(held.lots), listing.funding).unwrap();
                *accrued.entry(listing.instrument.settlement_asset()).or_default() += due.units();
            }
        }
        for asset in &self.assets {
            let own = state.interest.get(&asset.asset).copied();
            let own = own.unwrap_or(Accrual::starting_at(Index::ZERO));
            let debt = self.ledger.available(account, asset.asset).min(0);
            *accrued.entry(asset.asset).or_default() +=
                own.accrued(debt, asset.interest).unwrap().units();
        }
        let due = accrued.into_iter().filter(|(_, units)| *units != 0);
        due.map(|(asset, units)| (asset, Amount::from_units(units))).collect()
    }

    pub(super) fn check_model(&self, model: MarginModel) -> Outcome {
        let epoch = self.epoch.as_ref().ok_or(Rejection::NoEpoch)?;
        let known = match model {
            MarginModel::Portfolio => epoch.portfolio.is_some(),
            MarginModel::Cross | MarginModel::Isolated => epoch.position.is_some(),
        };
        if known { Ok(()) } else { Err(Rejection::NoMethodology) }
    }

    /// Margin under the epoch, whose model was checked.
    pub fn margin_on(
        &self,
        market: &Market,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, RiskError> {
        let epoch = self.epoch.as_ref().expect("it was looked up before");
        let now = market.time;
        if model == MarginModel::Portfolio {
            let current = epoch.portfolio.as_ref().expect("it was looked up before");
            let mut margin = risk::margin(current, market, account)?;
            for (before, _) in epoch.portfolio_before.iter().filter(|(_, ends)| now < *ends) {
                if let Ok(before) = risk::margin(before, market, account) {
                    margin = margin.under_notice(&before);
                }
            }
            return Ok(margin);
        }
        let current = epoch.position.as_ref().expect("it was looked up before");
        let mut margin = current.margin(market, account, model)?;
        for (before, _) in epoch.position_before.iter().filter(|(_, ends)| now < *ends) {
            if let Ok(before) = before.margin(market, account, model) {
                margin = margin.under_notice(&before);
            }
        }
        Ok(margin)
    }

    pub fn margin_of(&self, account: &Account, model: MarginModel) -> Result<Margin, Rejection> {
        self.check_model(model)?;
        let margin = self.margin_on(&self.market(), account, model);
        margin.map_err(|error| Rejection::Unmargined(error.to_string()))
    }

    /// Whether an account may have an order, beside those it has but one.
    pub(super) fn admit(&self, account: AccountId, open: &OpenOrder, own: Option<u64>) -> Outcome {
        let model = self.account(account).model;
        let mut view = self.risk_account(account);
        let resting = self
            .orders
            .values()
            .filter(|order| order.account == account && order.stage == Stage::Resting);
        if let Some(place) = resting.clone().position(|order| Some(order.id.0) == own) {
            view.orders.remove(place);
        }
        let market = self.market();
        let margin_of = |account: &Account| self.margin_on(&market, account, model);
        let admission = risk::admit_exactly(margin_of, &view, open);
        match admission.map_err(|error| Rejection::Unmargined(error.to_string()))? {
            Admission::Refused(refusal) => Err(Rejection::Margin {
                needed: refusal.needed,
                available: refusal.available,
                binding: binding(&refusal),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn review_range(&mut self, from: AccountId, count: u32) -> Outcome {
        self.check_account(from)?;
        let end = u64::from(from.number()) + u64::from(count);
        for number in 0..self.accounts.len() as u64 {
            if (u64::from(from.number())..end).contains(&number) {
                self.review(AccountId::new(u32::try_from(number).unwrap()));
            }
        }
        Ok(())
    }

    pub(super) fn review_in_turn(&mut self) {
        let all = self.accounts.len();
        for _ in 0..(self.rules.reviews_per_price as usize).min(all) {
            let next = self.review_next % all;
            self.review_next = (next + 1) % all;
            self.review(AccountId::new(u32::try_from(next).unwrap()));
        }
    }

    /// Compares an account's equity with its initial margin.
    pub(super) fn review(&mut self, account: AccountId) {
        let view = self.risk_account(account);
        let state = self.account(account);
        let debts = view.balances.values().any(|balance| *balance < Amount::ZERO);
        if !state.restricted && !debts && self.instruments_of(account).is_empty() {
            return;
        }
        let (restricted, model) = (state.restricted, state.model);
        let Ok(margin) = self.margin_of(&view, model) else { return };
        let positions = Account { orders: Vec::new(), ..view };
        let Ok(held) = self.margin_of(&positions, model) else { return };
        if margin.excess() >= Amount::ZERO {
            self.lift_restriction(account, &margin);
        } else if held.excess() >= Amount::ZERO {
            self.cancel_newest(account);
            self.lift_restriction(account, &held);
        } else if !restricted {
            self.account_mut(account).restricted = true;
            let (equity, initial) = (held.equity.total, held.initial);
            let (maintenance, cure) = (held.maintenance, -held.excess());
            self.events.push(Event::MarginCall { account, equity, initial, maintenance, cure });
            self.cancel_what_harms(account);
        }
    }

    fn lift_restriction(&mut self, account: AccountId, margin: &Margin) {
        if std::mem::take(&mut self.account_mut(account).restricted) {
            let (equity, initial) = (margin.equity.total, margin.initial);
            self.events.push(Event::MarginRestored { account, equity, initial });
        }
    }

    /// Cancels the newest orders until the account can carry the rest.
    fn cancel_newest(&mut self, account: AccountId) {
        let model = self.account(account).model;
        loop {
            let margin = self.margin_of(&self.risk_account(account), model);
            let resting = self
                .orders
                .values()
                .filter(|order| order.account == account && order.stage == Stage::Resting);
            let newest = resting.map(|order| order.id.0).max();
            let Some(newest) =
                newest.filter(|_| !margin.is_ok_and(|margin| margin.excess() >= Amount::ZERO))
            else {
                return;
            };
            self.withdraw(newest, CancelReason::Restricted);
        }
    }

    /// Cancels resting orders that do not heal alone, or not after those that stay.
    fn cancel_what_harms(&mut self, account: AccountId) {
        let model = self.account(account).model;
        let market = self.market();
        let mut view = self.risk_account(account);
        let orders = std::mem::take(&mut view.orders);
        let resting = self
            .orders
            .values()
            .filter(|order| order.account == account && order.stage == Stage::Resting);
        let resting: Vec<u64> = resting.map(|order| order.id.0).collect();
        let mut filled = view.clone();
        for (id, order) in resting.into_iter().zip(orders) {
            if !self.orders.contains_key(&id) {
                continue;
            }
            let margin_of = |account: &Account| self.margin_on(&market, account, model);
            let heals = |account: &Account| risk::heals(margin_of, account, &order) == Ok(true);
            if heals(&view) && heals(&filled) {
                let lots = order.quantity.lots();
                filled = risk::account_after_fill(&filled, &order, lots).unwrap();
            } else {
                self.withdraw(id, CancelReason::Restricted);
            }
        }
    }
}

/// What binds, in words.
fn binding(refusal: &risk::Refusal) -> String {
    let (term, scenario) = (&refusal.binding_term, &refusal.binding_scenario);
    let charge =
        refusal.largest_add_on.map_or(String::new(), |name| format!(" with add-on {name}"));
    format!("{term} at {scenario}{charge}")
}
