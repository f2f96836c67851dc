//! Settlement and expiry: profit that becomes cash.

use instruments::{Amount, Price, Quantity, Rounding};
use ledger::{AccountId, PostingKind, VenueAccount};

use super::Events;
use super::fill::BOUNDED;
use crate::event::Event;
use crate::rules::{MarketState, PRICE_MAX};
use crate::{InstrumentId, State};

impl State {
    /// Settles the instruments that are due, by number: for good if they expire.
    pub(crate) fn settle_what_is_due(&mut self, events: &mut Events) {
        for place in 0..self.listings.len() {
            let listing = &self.listings[place];
            if listing.expired {
                continue;
            }
            let id = listing.id;
            if listing.instrument.expiry().is_some_and(|expiry| expiry <= self.time) {
                self.expire(id, events);
            } else if listing.terms.settlements_until(self.time) > listing.settled {
                self.settle(id, events);
            }
        }
        self.drop_past_expiries();
    }

    /// Profit to the mark becomes cash; positions stay.
    fn settle(&mut self, id: InstrumentId, events: &mut Events) {
        let now = self.time;
        let listing = &mut self.listings[id.place()];
        let Some(mark) = listing.mark else { return };
        listing.settled = listing.terms.settlements_until(now);
        self.touch_listing(id);
        let instrument = self.listings[id.place()].instrument;
        if instrument.is_option() {
            return;
        }
        events.push(Event::Settled { instrument: id, price: mark });
        for account in self.holders(id) {
            self.book_funding(account, id, events);
            let held = self.account_ref(account).lots(id);
            let lots = Quantity::from_lots(held);
            let value = instrument.value(lots, mark, Rounding::Floor).expect(BOUNDED);
            self.realise(account, id, value, (held, value), events);
        }
        self.keep_residue(id, 0, events);
    }

    /// Settles an instrument at the mean index of its last half hour, or at the next fresh index
    /// if there was none.
    fn expire(&mut self, id: InstrumentId, events: &mut Events) {
        let Some(price) = self.final_price(id) else {
            let listing = &mut self.listings[id.place()];
            if !listing.delayed {
                listing.delayed = true;
                self.touch_listing(id);
                events.push(Event::ExpiryDelayed { instrument: id });
            }
            return;
        };
        events.push(Event::Expired { instrument: id, price });
        self.withdraw_from(id, events);
        let instrument = self.listings[id.place()].instrument;
        // An inverse put pays without bound as the index nears nothing: no more than any price is.
        let pays = instrument.payoff(price, Rounding::Floor);
        let pays = pays.map_or(price, |pays| pays.unwrap_or(PRICE_MAX).min(PRICE_MAX));
        let mut paid = 0;
        for account in self.holders(id) {
            let lots = Quantity::from_lots(self.account_ref(account).lots(id));
            let value = instrument.value(lots, pays, Rounding::Floor).expect(BOUNDED);
            paid += value.units();
            self.realise(account, id, value, (0, Amount::ZERO), events);
        }
        self.keep_residue(id, -paid, events);
        let listing = &mut self.listings[id.place()];
        (listing.expired, listing.delayed, listing.state) = (true, false, MarketState::Halted);
        listing.mark = None;
        self.write_row(id);
        self.by_name.remove(&instrument);
        self.market.quotes.remove(&instrument);
        self.touch_listing(id);
    }

    /// Turns a position's value into cash, and what it cost into what it costs from now on.
    fn realise(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        value: Amount,
        (lots, cost): (i64, Amount),
        events: &mut Events,
    ) {
        let listing = &self.listings[id.place()];
        let (place, is_option) = (listing.settlement, listing.instrument.is_option());
        let cost_before = self.account_ref(account).slot(id).map_or(0, |slot| slot.cost.units());
        let owed = if is_option { 0 } else { cost_before };
        let realised = Amount::from_units(value.units() - owed);
        let kind = PostingKind::Settlement;
        self.pay(account, VenueAccount::Settlement, place, kind, -realised, events);
        self.count_profit(account, place, realised);
        self.forget_credit(account);
        self.set_position(account, id, lots, cost);
        self.account_mut(account).add_settled(id, realised);
        events.push(Event::Position { account, instrument: id, lots, cost, realised });
    }

    /// Accounts with a position in an instrument, in order.
    fn holders(&self, id: InstrumentId) -> Vec<AccountId> {
        let all = 0..self.accounts();
        all.map(AccountId::new).filter(|account| self.account_ref(*account).lots(id) != 0).collect()
    }

    /// What a dated instrument settles at.
    fn final_price(&self, id: InstrumentId) -> Option<Price> {
        let listing = &self.listings[id.place()];
        let state = &self.assets[listing.base];
        let expiry = listing.instrument.expiry()?;
        let average = state.expiries.get(&expiry).and_then(|at| at.average.value());
        average.or_else(|| state.price.filter(|_| state.is_fresh()))
    }

    /// Expiries that nothing waits for any more are forgotten.
    fn drop_past_expiries(&mut self) {
        let now = self.time;
        for place in 0..self.assets.len() {
            let waits: Vec<_> = self
                .listings
                .iter()
                .filter(|listing| listing.base == place && !listing.expired)
                .filter_map(|listing| listing.instrument.expiry())
                .collect();
            let state = &mut self.assets[place];
            let before = state.expiries.len();
            state.expiries.retain(|expiry, _| *expiry > now || waits.contains(expiry));
            if state.expiries.len() != before {
                self.touch_asset(place);
                self.rebuild_expiries(place);
            }
        }
    }
}
