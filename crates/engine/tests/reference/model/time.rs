//! What is due when time passes: settlement, expiry, the end of halts; and call periods.

use engine::event::Event;
use engine::prices::IndexStatus;
use engine::rules::{MarketState, PRICE_MAX};
use engine::{InstrumentId, Rejection};
use instruments::{Amount, Price, Quantity, Rounding};
use ledger::{AccountId, PostingKind, VenueAccount};

use super::place::ticks_down;
use super::venue::settlements;
use super::{Model, Outcome};

impl Model {
    pub(super) fn tick(&mut self) -> Outcome {
        self.market_time = self.time;
        for place in 0..self.assets.len() {
            self.refresh_asset(place);
        }
        let moved = self.refresh_instruments(|_| true);
        self.end_halts();
        self.cancel_expired_orders();
        self.settle_what_is_due();
        self.make_due_changes();
        self.fire_triggers(&moved);
        self.announce_due_epoch();
        Ok(())
    }

    fn end_halts(&mut self) {
        let now = self.now();
        for listing in self.listings.iter_mut().filter(|listing| !listing.expired) {
            if listing.halted_until.is_some_and(|until| until <= now) {
                listing.halted_until = None;
                let (instrument, state) = (listing.id, listing.state);
                self.events.push(Event::MarketStateSet { instrument, state, until: None });
            }
        }
    }

    fn settle_what_is_due(&mut self) {
        let now = self.now();
        let live = self.listings.iter().filter(|listing| !listing.expired);
        let live: Vec<InstrumentId> = live.map(|listing| listing.id).collect();
        for id in live {
            let listing = self.listing(id);
            if listing.instrument.expiry().is_some_and(|expiry| expiry <= now) {
                self.expire(id);
            } else if settlements(&listing.terms, now) > listing.settled {
                self.settle_profit(id);
            }
        }
        for place in 0..self.assets.len() {
            let asset = self.assets[place].asset;
            let waits = |expiry| {
                self.listings.iter().any(|listing| {
                    !listing.expired
                        && listing.instrument.base() == asset
                        && listing.instrument.expiry() == Some(expiry)
                })
            };
            let expiries = self.assets[place].expiries.keys().copied();
            let gone: Vec<_> = expiries.filter(|at| *at <= now && !waits(*at)).collect();
            for expiry in gone {
                self.assets[place].expiries.remove(&expiry);
            }
        }
    }

    fn settle_profit(&mut self, id: InstrumentId) {
        let now = self.now();
        let listing = self.listing_mut(id);
        let Some(mark) = listing.mark else { return };
        listing.settled = settlements(&listing.terms, now);
        let instrument = listing.instrument;
        if instrument.is_option() {
            return;
        }
        self.events.push(Event::Settled { instrument: id, price: mark });
        for account in self.holders(id) {
            self.book_funding(account, id);
            let lots = self.account(account).lots(id);
            let value = instrument.value(Quantity::from_lots(lots), mark, Rounding::Floor);
            let value = value.unwrap().units();
            self.realise(account, id, value, (lots, value));
        }
    }

    fn expire(&mut self, id: InstrumentId) {
        let Some(price) = self.final_price(id) else {
            if !self.listing(id).delayed {
                self.listing_mut(id).delayed = true;
                self.events.push(Event::ExpiryDelayed { instrument: id });
            }
            return;
        };
        self.events.push(Event::Expired { instrument: id, price });
        self.withdraw_from(id);
        let instrument = self.listing(id).instrument;
        let pays = match instrument.payoff(price, Rounding::Floor) {
            None => price,
            Some(pays) => pays.unwrap_or(PRICE_MAX).min(PRICE_MAX),
        };
        let mut paid = 0;
        for account in self.holders(id) {
            let lots = Quantity::from_lots(self.account(account).lots(id));
            let value = instrument.value(lots, pays, Rounding::Floor).unwrap().units();
            paid += value;
            self.realise(account, id, value, (0, 0));
        }
        self.round_off(id, VenueAccount::Settlement, -paid);
        let listing = self.listing_mut(id);
        listing.expired = true;
        listing.state = MarketState::Halted;
        listing.mark = None;
    }

    fn realise(&mut self, account: AccountId, id: InstrumentId, value: i128, after: (i64, i128)) {
        let instrument = self.listing(id).instrument;
        let asset = instrument.settlement_asset();
        let cost = self.account(account).positions[&id].cost;
        let realised = if instrument.is_option() { value } else { value - cost };
        self.pay(account, VenueAccount::Settlement, asset, PostingKind::Settlement, -realised);
        self.count_profit(account, asset, realised);
        let (lots, cost) = after;
        let whole = self.set_position(account, id, lots, cost);
        assert_eq!(whole, 0, "what settles keeps its fraction, and what expires has none");
        let [cost, realised] = [cost, realised].map(Amount::from_units);
        self.events.push(Event::Position { account, instrument: id, lots, cost, realised });
    }

    fn holders(&self, id: InstrumentId) -> Vec<AccountId> {
        let all = (0_u32..).zip(&self.accounts);
        let holders = all.filter(|(_, account)| account.lots(id) != 0);
        holders.map(|(number, _)| AccountId::new(number)).collect()
    }

    fn final_price(&self, id: InstrumentId) -> Option<Price> {
        let instrument = self.listing(id).instrument;
        let base = self.asset_now(instrument.base());
        let average = base.expiries.get(&instrument.expiry()?).and_then(|at| at.average.value());
        let live = || base.price.filter(|_| base.status == IndexStatus::Fresh);
        average.or_else(live)
    }

    pub(super) fn begin_call(&mut self, id: InstrumentId) -> Outcome {
        self.check_listing(id)?;
        let mut answers = Vec::new();
        self.listing_mut(id).book.begin_call(&mut answers).map_err(Rejection::Book)?;
        self.take_in(id, answers);
        Ok(())
    }

    pub(super) fn uncross(&mut self, id: InstrumentId) -> Outcome {
        self.check_trading(id)?;
        let listing = self.listing_mut(id);
        let reference = ticks_down(listing, listing.mark.unwrap_or(listing.terms.tick));
        let mut answers = Vec::new();
        listing.book.uncross(reference, &mut answers).map_err(Rejection::Book)?;
        self.take_in(id, answers);
        self.set_off_by_trades(None, id);
        Ok(())
    }
}
