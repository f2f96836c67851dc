//! The bound without scenarios: admits most orders for the price of a sum over an account's legs.
//!
//! It never admits what the exact computation would not: equity is the exact one, and the margin it
//! is compared with is an upper bound ([`risk::GrossTable`]).

use book::{OrderId, Side};
use instruments::{Amount, ContractKind, Quantity, Rounding};
use ledger::AccountId;
use risk::{GrossBalance, GrossLeg, GrossOrders, MarginModel, OpenOrder};

use crate::account::{AccountState, Slot, add_order, remove_order};
use crate::epoch::Gross;
use crate::{InstrumentId, State};

/// Most assets of a table.
const ASSETS_MAX: usize = 32;

/// An order that is tried, and the one that it replaces.
#[derive(Clone, Copy)]
struct Tried<'a> {
    instrument: InstrumentId,
    order: &'a OpenOrder,
    replaces: Option<&'a OpenOrder>,
}

/// Equity as it adds up over an account's legs, in 10⁻⁸.
struct Worth<'a> {
    state: &'a State,
    /// Unrealised profit and funding by place of the asset.
    profits: [i128; ASSETS_MAX],
    funding: [i128; ASSETS_MAX],
    /// Value of options in US dollars.
    options: i128,
    /// Whether everything fitted.
    exact: bool,
}

impl State {
    /// Whether the bound shows that an order may be admitted.
    pub(crate) fn is_surely_admitted(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        order: &OpenOrder,
        amended: Option<OrderId>,
    ) -> bool {
        let state = self.account_ref(account);
        let place = amended.and_then(|id| state.resting.binary_search(&id).ok());
        let replaced = place.map(|place| state.view.orders[place]);
        let tried = Tried { instrument, order, replaces: replaced.as_ref() };
        if self.is_within_bound(account, Some(tried)) {
            return true;
        }
        self.narrow(account);
        self.is_within_bound(account, Some(tried))
    }

    /// Whether the bound shows that an account is at or above initial margin.
    pub(crate) fn is_surely_above_initial(&self, account: AccountId) -> bool {
        !self.account_ref(account).restricted && self.is_within_bound(account, None)
    }

    fn is_within_bound(&self, account: AccountId, tried: Option<Tried<'_>>) -> bool {
        self.bound_leaves(account, tried).is_some_and(|excess| excess >= 0)
    }

    /// Equity less the bound, in 10⁻⁸ US dollars; `None` where there is no bound.
    fn bound_leaves(&self, account: AccountId, tried: Option<Tried<'_>>) -> Option<i128> {
        let state = self.account_ref(account);
        if self.work.exact || state.model != MarginModel::Portfolio {
            return None;
        }
        let gross = self.risk.epoch.as_ref()?.gross.as_ref()?;
        let mut worth = Worth {
            state: self,
            profits: [0; ASSETS_MAX],
            funding: [0; ASSETS_MAX],
            options: 0,
            exact: self.assets.len() <= ASSETS_MAX,
        };
        if !worth.exact {
            return None;
        }
        let new = tried.filter(|tried| state.slot(tried.instrument).is_none());
        let new = new.map(|tried| Slot::new(tried.instrument));
        // Funding is part of balances, which the bound wants first: so legs are made twice.
        state.slots.iter().for_each(|slot| worth.add_funding(slot));
        let balances = self.balances(state, gross, &worth.funding)?;
        let slots = state.slots.iter().chain(&new);
        let legs = slots.map(|slot| worth.leg(slot, tried));
        let bound = gross.table.bound(self.market.time, &balances[..gross.assets.len()], legs)?;
        let equity = self.equity(state, gross, &worth)?;
        Some(equity - bound * gross.tick)
    }

    /// What an account has of each of the table's assets; `None` if it has any other.
    fn balances(
        &self,
        state: &AccountState,
        gross: &Gross,
        funding: &[i128; ASSETS_MAX],
    ) -> Option<[GrossBalance; ASSETS_MAX]> {
        let mut balances = [GrossBalance::default(); ASSETS_MAX];
        let mut known = 0;
        for (slot, (place, _)) in balances.iter_mut().zip(&gross.assets) {
            let asset = &self.assets[*place];
            let balance = state.view.balances.get(&asset.asset).copied();
            known += usize::from(balance.is_some());
            let balance = balance.unwrap_or_default();
            let own = &state.assets[*place].interest;
            let interest = if own.index() == asset.interest {
                Amount::ZERO
            } else {
                own.accrued(balance.units().min(0), asset.interest).ok()?
            };
            let accrued = Amount::from_units(interest.units() + funding[*place]);
            *slot = GrossBalance { balance, accrued, price: asset.price? };
        }
        (known == state.view.balances.len()).then_some(balances)
    }

    /// Equity, exactly as [`risk::Equity`] has it.
    fn equity(&self, state: &AccountState, gross: &Gross, worth: &Worth<'_>) -> Option<i128> {
        if !worth.exact {
            return None;
        }
        let mut total = worth.options;
        for (place, haircut) in &gross.assets {
            let asset = &self.assets[*place];
            let price = asset.price?;
            if let Some(balance) = state.view.balances.get(&asset.asset) {
                total += haircut.apply(balance.worth(price, Rounding::Floor).ok()?).units();
            }
            let own = &state.assets[*place].interest;
            let balance = state.view.balances.get(&asset.asset).copied().unwrap_or_default();
            let interest = if own.index() == asset.interest {
                0
            } else {
                own.accrued(balance.units().min(0), asset.interest).ok()?.units()
            };
            let profit = worth.profits[*place] + worth.funding[*place] + interest;
            if profit != 0 {
                total += Amount::from_units(profit).worth(price, Rounding::Floor).ok()?.units();
            }
        }
        Some(total)
    }

    /// Makes the range of limits of an account's orders as narrow as they are.
    fn narrow(&mut self, account: AccountId) {
        let state = &mut self.accounts[account.number() as usize];
        for slot in &mut state.slots {
            let name = self.listings[slot.instrument.place()].instrument;
            let mut sides = [GrossOrders::default(); 2];
            for order in state.view.orders.iter().filter(|order| order.instrument == name) {
                let side = side_of(order);
                add_order(&mut sides[side as usize], side, order);
            }
            slot.sides = sides;
        }
    }
}

impl Worth<'_> {
    fn add_funding(&mut self, slot: &Slot) {
        let listing = &self.state.listings[slot.instrument.place()];
        if listing.instrument.kind() == ContractKind::Perpetual && slot.lots != 0 {
            match slot.funding.accrued(i128::from(slot.lots), listing.funding) {
                Ok(due) => self.funding[listing.settlement] += due.units(),
                Err(_) => self.exact = false,
            }
        }
    }

    /// A slot as the bound wants it; its profit or value is added up on the way.
    fn leg(&mut self, slot: &Slot, tried: Option<Tried<'_>>) -> GrossLeg {
        let listing = &self.state.listings[slot.instrument.place()];
        let mut sides = slot.sides;
        if let Some(tried) = tried.filter(|tried| tried.instrument == slot.instrument) {
            let side = side_of(tried.order);
            let orders = &mut sides[side as usize];
            if let Some(replaced) = tried.replaces {
                remove_order(orders, replaced);
            }
            add_order(orders, side, tried.order);
        }
        let mark = listing.mark.unwrap_or_default();
        self.exact &= listing.mark.is_some();
        let mut profit = Amount::ZERO;
        if slot.lots != 0 {
            let lots = Quantity::from_lots(slot.lots);
            match listing.instrument.value(lots, mark, Rounding::Floor) {
                Ok(value) if listing.instrument.is_option() => {
                    let price = self.state.assets[listing.settlement].price.unwrap_or_default();
                    match value.worth(price, Rounding::Floor) {
                        Ok(worth) => self.options += worth.units(),
                        Err(_) => self.exact = false,
                    }
                }
                Ok(value) => {
                    profit = Amount::from_units(value.units() - slot.cost.units());
                    self.profits[listing.settlement] += profit.units();
                }
                Err(_) => self.exact = false,
            }
        }
        let [bids, asks] = sides;
        let (instrument, confidence) = (slot.instrument.0, listing.confidence);
        GrossLeg { instrument, lots: slot.lots, profit, mark, confidence, bids, asks }
    }
}

fn side_of(order: &OpenOrder) -> Side {
    if order.quantity.lots() > 0 { Side::Buy } else { Side::Sell }
}
