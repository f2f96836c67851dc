//! New orders: what is checked of their terms, and those that wait for a price.

use book::{OrderId, PriceSource, Target, Ticks, Trigger};
use instruments::{Amount, Price};
use ledger::AccountId;

use super::Events;
use super::enter::Entering;
use crate::command::{OrderTerms, PlaceOrder, TriggerAt, TriggerTerms};
use crate::event::Event;
use crate::orders::{Order, Stage, Then};
use crate::rules::PRICE_MAX;
use crate::{InstrumentId, Rejection, State};

impl State {
    pub(crate) fn place_order(
        &mut self,
        place: &PlaceOrder,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let PlaceOrder { account, order: terms, .. } = place;
        self.check_account(*account)?;
        self.check_terms(terms)?;
        self.check_room(*account, std::iter::once(terms))?;
        self.place(*account, terms, None, Then::default(), events).map(|_| ())
    }

    /// Places an order whose terms were checked: it waits for its trigger or enters the book.
    pub(crate) fn place(
        &mut self,
        account: AccountId,
        terms: &OrderTerms,
        partner: Option<OrderId>,
        then: Then,
        events: &mut Events,
    ) -> Result<OrderId, Rejection> {
        match &terms.trigger {
            Some(trigger) => self.wait(account, terms, trigger, (partner, then), events),
            None => {
                let entering = Entering { account, terms, waited: None, partner, then };
                self.enter(entering, events)
            }
        }
    }

    /// Whether the terms of an order make sense.
    pub(crate) fn check_terms(&self, terms: &OrderTerms) -> Result<(), Rejection> {
        self.check_trading(terms.instrument)?;
        let listing = &self.listings[terms.instrument.place()];
        let most = listing.terms.lots_max;
        for lots in [Some(terms.lots), terms.display].into_iter().flatten() {
            if !(1..=most).contains(&lots) {
                return Err(Rejection::Lots { found: lots, most });
            }
        }
        if let Some(expires) = terms.expires.filter(|expires| !self.is_ahead(*expires)) {
            return Err(Rejection::ExpiresInPast(expires));
        }
        let trigger = terms.trigger.map(|trigger| match trigger.at {
            TriggerAt::Price(price) | TriggerAt::Trail(price) => price,
        });
        for price in [terms.order_type.price(), trigger].into_iter().flatten() {
            check_price(price, listing.terms.tick)?;
        }
        if terms.protected && (terms.reduce_only || terms.trigger.is_some()) {
            let problem = "an order under market-maker protection is neither reduce-only nor \
                           triggered";
            return Err(Rejection::Terms(problem.into()));
        }
        Ok(())
    }

    /// Whether the account has room for all of these orders together.
    pub(crate) fn check_room<'a>(
        &self,
        account: AccountId,
        orders: impl Iterator<Item = &'a OrderTerms> + Clone,
    ) -> Result<(), Rejection> {
        let (state, count) = (self.account_ref(account), orders.clone().count());
        if state.orders() + count > self.rules.orders_per_account_max as usize {
            return Err(Rejection::TooManyOrders(self.rules.orders_per_account_max));
        }
        if self.orders.len() + count > self.orders.max() as usize {
            return Err(Rejection::VenueFull(self.orders.max()));
        }
        let most = self.rules.instruments_per_account_max;
        // More than there are, and mostly far from the limit still.
        let bound = state.slots.len() + state.open.len() + state.waiting.len() + count;
        if bound <= most as usize {
            return Ok(());
        }
        let known = self.instruments_of(account);
        let mut new: Vec<InstrumentId> = orders.map(|terms| terms.instrument).collect();
        new.retain(|instrument| known.binary_search(instrument).is_err());
        new.sort_unstable();
        new.dedup();
        // What the account has already passes no limit, lowered though that may be.
        if !new.is_empty() && known.len() + new.len() > most as usize {
            return Err(Rejection::TooManyInstruments(most));
        }
        Ok(())
    }

    /// Instruments in which an account has a position or an order, ascending.
    pub(crate) fn instruments_of(&self, account: AccountId) -> Vec<InstrumentId> {
        let state = self.account_ref(account);
        let held = state.slots.iter().map(|slot| slot.instrument);
        let open = state.open.iter().map(|sums| sums.instrument);
        let waiting = state.waiting.iter().map(|id| self.terms(*id).instrument);
        let mut all: Vec<InstrumentId> = held.chain(open).chain(waiting).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Keeps an order that waits for a price.
    fn wait(
        &mut self,
        account: AccountId,
        terms: &OrderTerms,
        trigger: &TriggerTerms,
        (partner, then): (Option<OrderId>, Then),
        events: &mut Events,
    ) -> Result<OrderId, Rejection> {
        let id = OrderId(self.orders.last + 1);
        let trigger = self.trigger(id, account, terms, trigger)?;
        let listing = &mut self.listings[terms.instrument.place()];
        listing.triggers.insert(trigger).map_err(Rejection::Book)?;
        self.keep_waiting(id, account, terms, Stage::Waiting, (partner, then), events);
        Ok(id)
    }

    /// Keeps an order that waits, for a price or for another order.
    pub(crate) fn keep_waiting(
        &mut self,
        id: OrderId,
        account: AccountId,
        terms: &OrderTerms,
        stage: Stage,
        (partner, then): (Option<OrderId>, Then),
        events: &mut Events,
    ) {
        let order = Order {
            id,
            account,
            terms: terms.clone(),
            open: terms.lots,
            filled: 0,
            limit: Ticks(0),
            fee: Amount::ZERO,
            stage,
            partner,
            then,
        };
        self.keep_new(order);
        self.touch_listing(terms.instrument);
        self.touch_account(account);
        events.push(Event::OrderAccepted {
            order: id,
            account,
            instrument: terms.instrument,
            side: terms.side,
            lots: terms.lots,
            limit: None,
            waits: true,
            label: terms.label.clone(),
        });
    }

    /// The trigger of an order; a trailing one begins at the price that it watches.
    pub(crate) fn trigger(
        &self,
        id: OrderId,
        account: AccountId,
        terms: &OrderTerms,
        trigger: &TriggerTerms,
    ) -> Result<Trigger, Rejection> {
        let listing = &self.listings[terms.instrument.place()];
        let TriggerTerms { source, direction, at } = *trigger;
        let target = match at {
            TriggerAt::Price(price) => Target::Price(listing.ticks_down(price)),
            TriggerAt::Trail(offset) => {
                let index = self.assets[listing.base].price;
                let watched = match source {
                    PriceSource::Last => listing.last.or(listing.mark),
                    PriceSource::Mark => listing.mark,
                    PriceSource::Index => index,
                };
                let missing = Rejection::NoIndex(self.assets[listing.base].asset);
                let extreme = listing.ticks_reached(direction, watched.ok_or(missing)?);
                Target::Trail { offset: listing.ticks_down(offset), extreme }
            }
        };
        let account = book::AccountId(account.number());
        Ok(Trigger { id, account, source, direction, target })
    }
}

/// Whether a price is a multiple of the tick within bounds.
pub(crate) fn check_price(price: Price, tick: Price) -> Result<(), Rejection> {
    if price <= Price::ZERO || price > PRICE_MAX {
        Err(Rejection::PriceOutOfRange(price))
    } else if price.units() % tick.units() != 0 {
        Err(Rejection::Tick { price, tick })
    } else {
        Ok(())
    }
}
