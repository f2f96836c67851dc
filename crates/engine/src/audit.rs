//! Whether what is kept for speed is what the records say.

use std::collections::BTreeMap;

use book::Side;
use ledger::{AccountId, VenueAccount};
use risk::GrossOrders;

use crate::account::{AccountState, OpenSums};
use crate::liquidation::Liquidation;
use crate::orders::Stage;
use crate::state::asset_index;
use crate::{InstrumentId, State};

impl State {
    /// Checks the state against itself: the ledger, that positions sum to zero and settlement
    /// stands against their cost, and that everything derived, sums that are kept among it, is
    /// what a full computation gives. Slow; for tests and tools.
    ///
    /// # Errors
    /// What does not hold, in words.
    pub fn audit(&self) -> Result<(), String> {
        self.ledger.check().map_err(|error| error.to_string())?;
        self.audit_positions()?;
        self.audit_balances()?;
        self.audit_books()?;
        self.audit_cases()?;
        for (number, state) in (0..).zip(&self.accounts) {
            let account = AccountId::new(number);
            self.audit_account(state).map_err(|what| format!("{account}: {what}"))?;
        }
        Ok(())
    }

    /// Checks that no account's credit is more than it has above initial margin, by the exact
    /// computation.
    ///
    /// # Errors
    /// Which account's is.
    pub fn audit_credits(&self) -> Result<(), String> {
        for account in (0..self.accounts()).map(AccountId::new) {
            let Some(credit) = self.credit_of(account) else { continue };
            let excess = self.margin(account).map_err(|error| error.to_string())?.excess();
            if credit > excess.units() {
                return Err(format!("{account} has a credit of {credit} and {excess} to spare"));
            }
        }
        Ok(())
    }

    /// Checks that cases and accounts name each other, and that what bids have set aside is there.
    pub(crate) fn audit_cases(&self) -> Result<(), String> {
        let Liquidation { rules, cases, last, .. } = &self.liquidation;
        let mut set_aside = 0;
        for (id, case) in cases {
            let known = self.accounts.get(case.account.number() as usize);
            if known.and_then(|state| state.case) != Some(*id) || id.0 > *last || rules.is_none() {
                return Err(format!("{id} and {} do not name each other", case.account));
            }
            for bid in &case.bids {
                self.check_account(bid.bidder).map_err(|error| format!("{id}: {error}"))?;
                set_aside += bid.held.units();
            }
        }
        let in_cases = self.accounts.iter().filter(|state| state.case.is_some()).count();
        if in_cases != cases.len() {
            return Err(format!("{in_cases} accounts are in {} cases", cases.len()));
        }
        let Some(rules) = rules else { return Ok(()) };
        rules.check().map_err(|error| error.to_string())?;
        let place = self.asset_place(rules.cash).map_err(|error| error.to_string())?;
        let vault = rules.vault.map_or(Ok(()), |vault| self.check_account(vault));
        vault.map_err(|error| format!("the vault: {error}"))?;
        let bids = self.ledger.venue(VenueAccount::Bids, asset_index(place)).units();
        match bids == set_aside {
            true => Ok(()),
            false => Err(format!("bids have set aside {set_aside} units, and {bids} are there")),
        }
    }

    /// Invariant `conservation`: positions in an instrument sum to zero, and what was paid for them
    /// and has not become cash stands in the settlement account.
    fn audit_positions(&self) -> Result<(), String> {
        let mut costs: BTreeMap<usize, i128> = BTreeMap::new();
        for listing in &self.listings {
            let slots = self.accounts.iter().filter_map(|account| account.slot(listing.id));
            let (mut net, mut long) = (0, 0);
            for slot in slots {
                net += slot.lots;
                long += slot.lots.max(0);
                if !listing.instrument.is_option() {
                    *costs.entry(listing.settlement).or_default() += slot.cost.units();
                }
            }
            if net != 0 || listing.net_lots != 0 || long != listing.open_interest {
                return Err(format!("positions in {} do not sum to zero", listing.instrument));
            }
        }
        for (place, asset) in self.assets.iter().enumerate() {
            let settlement = self.ledger.venue(VenueAccount::Settlement, asset_index(place));
            let cost = costs.get(&place).copied().unwrap_or(0);
            if settlement.units() + cost != 0 {
                let asset = asset.asset;
                return Err(format!("settlement of {asset} is {settlement}, costs are {cost}"));
            }
        }
        Ok(())
    }

    fn audit_balances(&self) -> Result<(), String> {
        for (place, state) in self.assets.iter().enumerate() {
            let accounts = (0..self.accounts()).map(AccountId::new);
            let balances = accounts.map(|account| self.available(account, place).units());
            let (mut debts, mut holdings) = (0, 0);
            for balance in balances {
                debts += (-balance).max(0);
                holdings += balance.max(0);
            }
            if (debts, holdings) != (state.debts.units(), state.holdings.units()) {
                return Err(format!("debts and holdings of {} are not their sums", state.asset));
            }
        }
        Ok(())
    }

    /// Every order of a book is kept, and every order that is kept is where it says.
    pub(crate) fn audit_books(&self) -> Result<(), String> {
        let (mut resting, mut waiting) = (0, 0);
        for order in self.orders.iter() {
            let listing = &self.listings[order.terms.instrument.place()];
            let there = match order.stage {
                Stage::Resting => {
                    resting += 1;
                    let found = listing.book.order(order.id);
                    found.is_some_and(|f| f.open().0 == order.open && f.price == order.limit)
                }
                Stage::Waiting => {
                    waiting += 1;
                    listing.triggers.get(order.id).is_some()
                }
                Stage::Parked => true,
            };
            if !there {
                return Err(format!("order {} is not where it says", order.id));
            }
            if order.terms.expires.is_some_and(|at| !self.expiring.contains(&(at, order.id))) {
                return Err(format!("order {} would not expire", order.id));
            }
        }
        let books = self.listings.iter();
        let in_books: u32 = books.clone().map(|listing| listing.book.len()).sum();
        let in_triggers: usize = books.map(|listing| listing.triggers.len()).sum();
        match (in_books, in_triggers) == (resting, waiting) {
            true => Ok(()),
            false => Err("a book or trigger has an order that is not kept".into()),
        }
    }

    fn audit_account(&self, state: &AccountState) -> Result<(), String> {
        let ordered = state.slots.is_sorted_by(|a, b| a.instrument < b.instrument);
        if !ordered || state.slots.iter().any(|slot| slot.lots == 0) {
            return Err("its positions are out of order, or empty".into());
        }
        self.audit_orders(state)?;
        self.audit_sums(state)
    }

    fn audit_orders(&self, state: &AccountState) -> Result<(), String> {
        let mut sums: BTreeMap<InstrumentId, OpenSums> = BTreeMap::new();
        for id in &state.resting {
            let order = self.orders.get(*id).ok_or("an order that rests is not kept")?;
            let instrument = order.terms.instrument;
            let entry = sums.entry(instrument).or_insert_with(|| OpenSums::new(instrument));
            entry.reduce_only += u32::from(order.terms.reduce_only);
            self.open_lots_of(order).add_to(&mut entry.sides[order.terms.side as usize]);
        }
        let same = |(kept, exact): (&OpenSums, &OpenSums)| {
            let sides = || Side::BOTH.into_iter().map(|side| (side, side as usize));
            (kept.instrument, kept.reduce_only) == (exact.instrument, exact.reduce_only)
                && sides().all(|(side, i)| encloses(side, &kept.sides[i], &exact.sides[i]))
        };
        match state.open.len() == sums.len() && state.open.iter().zip(sums.values()).all(same) {
            true => Ok(()),
            false => Err("its orders are summed wrongly".into()),
        }
    }
}

/// Whether what is kept of a side's orders is exact, but for a range of limits that may be too wide.
fn encloses(side: Side, kept: &GrossOrders, exact: &GrossOrders) -> bool {
    let encloses = match side {
        Side::Buy => kept.nearest >= exact.nearest && kept.farthest <= exact.farthest,
        Side::Sell => kept.nearest <= exact.nearest && kept.farthest >= exact.farthest,
    };
    (kept.lots, kept.count, kept.fees) == (exact.lots, exact.count, exact.fees)
        && (exact.count == 0 || encloses)
}
