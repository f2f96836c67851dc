//! What follows from the parts of a snapshot, once it is seen that they fit together.

use instruments::{Amount, Asset, ContractKind};
use ledger::{AccountId, BALANCE_MAX};
use risk::{AssetMarket, Confidence, Quote};

use super::listing::ListingParts;
use super::{SnapshotError, contradicts};
use crate::account::AccountState;
use crate::apply::check_bounded;
use crate::credit::Credit;
use crate::orders::{Order, Stage};
use crate::record_tree::Kind;
use crate::state::asset_index;
use crate::{InstrumentId, State};

impl State {
    /// Sums of balances, and the live market of the assets.
    pub(super) fn restore_assets(&mut self, in_market: &[bool]) -> Result<(), SnapshotError> {
        let same =
            |((_, known), state): ((_, Asset), &crate::asset::AssetState)| known == state.asset;
        let count = self.ledger.assets().count();
        if count != self.assets.len() || !self.ledger.assets().zip(&self.assets).all(same) {
            return Err(contradicts("the assets are not those of the ledger"));
        }
        let accounts = u32::try_from(self.accounts.len()).map_err(contradicts)?;
        for (place, in_market) in in_market.iter().enumerate() {
            let balances = (0..accounts).map(|account| {
                self.ledger.available(AccountId::new(account), asset_index(place)).units()
            });
            let (mut debts, mut holdings) = (0, 0);
            for balance in balances {
                debts += (-balance).max(0);
                holdings += balance.max(0);
            }
            let state = &mut self.assets[place];
            state.debts = Amount::from_units(debts);
            state.holdings = Amount::from_units(holdings);
            for at in state.expiries.values() {
                at.curve.curve().map_err(contradicts)?;
            }
            let (asset, confidence) = (state.asset, Confidence::from_ppm(state.confidence_ppm));
            if let Some(price) = state.price.filter(|_| asset != Asset::USD) {
                self.market.assets.insert(asset, AssetMarket { price, confidence });
            }
            if *in_market {
                self.rebuild_expiries(place);
            }
        }
        Ok(())
    }

    pub(super) fn restore_listings(
        &mut self,
        listings: Vec<ListingParts>,
    ) -> Result<(), SnapshotError> {
        if listings.len() > self.limits.instruments_max as usize {
            return Err(contradicts("there are more instruments than the venue may have"));
        }
        for (number, parts) in (0..).zip(listings) {
            let instrument = parts.instrument;
            parts.terms.check()?;
            check_bounded(&instrument, &parts.terms)?;
            if instrument.kind() == ContractKind::Spot {
                return Err(contradicts(format!("{instrument} is spot, which is not traded")));
            }
            let assets = [instrument.base(), instrument.quote(), instrument.settlement_asset()];
            let mut places = [0; 3];
            for (place, asset) in places.iter_mut().zip(assets) {
                *place = self.asset_place(asset)?;
            }
            let mut listing = parts.listing(InstrumentId(number), places, self.time)?;
            if !listing.expired {
                if self.by_name.insert(instrument, listing.id).is_some() {
                    return Err(contradicts(format!("{instrument} is listed twice")));
                }
                if let Some(mark) = listing.mark {
                    self.market.quotes.insert(instrument, Quote::new(mark, listing.rate_8h_ppb));
                }
            }
            listing.confidence = self.market.leg_confidence(&instrument);
            self.listings.push(listing);
        }
        Ok(())
    }

    /// Checks accounts against the rest, and gives each its orders.
    pub(super) fn restore_accounts(&mut self) -> Result<(), SnapshotError> {
        if self.ledger.accounts().count() != self.accounts.len() {
            return Err(contradicts("the accounts are not those of the ledger"));
        }
        let mut positions = vec![(0_i64, 0_i64); self.listings.len()];
        for (number, state) in (0..).zip(&self.accounts) {
            let account = AccountId::new(number);
            let wrong = |what: &str| contradicts(format!("{account}: {what}"));
            self.check_restored(state).map_err(wrong)?;
            for slot in &state.slots {
                let (net, long) = &mut positions[slot.instrument.place()];
                let sum = |sum: i64, lots: i64| sum.checked_add(lots);
                *net = sum(*net, slot.lots).ok_or_else(|| wrong("its positions are too large"))?;
                *long = sum(*long, slot.lots.max(0))
                    .ok_or_else(|| wrong("its positions are too large"))?;
            }
        }
        for (listing, (net, long)) in self.listings.iter().zip(positions) {
            if net != 0 || long != listing.open_interest {
                let instrument = listing.instrument;
                return Err(contradicts(format!("positions in {instrument} do not sum to zero")));
            }
        }
        let mut orders: Vec<(Order, u32)> =
            self.orders.with_slots().map(|(slot, order)| (order.clone(), slot)).collect();
        orders.sort_unstable_by_key(|(order, _)| order.id);
        for (order, slot) in &orders {
            self.restore_order(order).map_err(|what| {
                contradicts(format!("order {} in slot {slot}: {what}", order.id))
            })?;
        }
        self.audit_books().map_err(contradicts)?;
        self.audit_cases().map_err(contradicts)
    }

    fn check_restored(&self, state: &AccountState) -> Result<(), &'static str> {
        if state.assets.len() != self.assets.len() {
            return Err("it has not one entry for each asset");
        }
        if state.owner.is_some_and(|owner| owner.number() as usize >= self.accounts.len()) {
            return Err("its owner is not open");
        }
        let listed = |id: &InstrumentId| id.place() < self.listings.len();
        let slots = &state.slots;
        let is_sorted = slots.is_sorted_by(|a, b| a.instrument < b.instrument)
            && state.funding.is_sorted_by(|a, b| a.0 < b.0);
        let is_listed = slots.iter().all(|slot| slot.lots != 0 && listed(&slot.instrument))
            && state.funding.iter().all(|(id, _)| listed(id));
        let is_held = state.settled.is_sorted_by(|a, b| a.0 < b.0)
            && state.settled.iter().all(|(id, _)| state.slot(*id).is_some());
        match is_sorted && is_listed && is_held {
            true => Ok(()),
            false => Err("its positions are out of order, empty, or in nothing that is listed"),
        }
    }

    /// Gives an order to its account. Orders come by number.
    fn restore_order(&mut self, order: &Order) -> Result<(), &'static str> {
        let (account, instrument) = (order.account, order.terms.instrument);
        if account.number() as usize >= self.accounts.len() {
            return Err("its account is not open");
        }
        if instrument.place() >= self.listings.len() {
            return Err("its instrument is not listed");
        }
        let is_bounded = order.open > 0
            && order.open <= crate::rules::LOTS_MAX
            && (-BALANCE_MAX..=BALANCE_MAX).contains(&order.fee);
        let resting = self.listings[instrument.place()].book.order(order.id);
        let rests = order.stage == Stage::Resting;
        if !is_bounded || resting.is_some() != rests {
            return Err("it is not what the book has");
        }
        if resting.is_some_and(|resting| {
            (resting.account.0, resting.side, resting.price)
                != (account.number(), order.terms.side, order.limit)
        }) {
            return Err("it is not what the book has");
        }
        if let Some(expires) = order.terms.expires {
            self.expiring.insert((expires, order.id));
        }
        if rests {
            let open = self.open_lots_of(order);
            let state = self.account_mut(account);
            state.resting.push(order.id);
            state.add_open(instrument, order.terms.reduce_only, open);
        } else {
            self.account_mut(account).waiting.push(order.id);
        }
        Ok(())
    }

    /// What speeds up admission, and the tree of hashes.
    pub(super) fn restore_derived(&mut self) {
        self.credits = vec![Credit::default(); self.accounts.len()];
        for number in 0..self.instruments() {
            self.write_row(InstrumentId(number));
            self.touch(Kind::Instrument, number);
        }
        self.void_credits();
        for place in 0..self.assets.len() {
            self.touch_asset(place);
        }
        for account in 0..self.accounts() {
            self.touch_account(AccountId::new(account));
        }
        self.touch(Kind::Liquidation, 0);
        let slots: Vec<u32> = self.orders.with_slots().map(|(slot, _)| slot).collect();
        slots.into_iter().for_each(|slot| self.touch(Kind::Order, slot));
    }
}
