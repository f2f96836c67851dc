//! New orders: their terms, and those that wait.

use book::{OrderId, PriceSource, Ticks};
use engine::Rejection;
use engine::command::{OrderTerms, OrderType, PlaceOrder, TriggerAt};
use engine::event::Event;
use engine::rules::PRICE_MAX;
use instruments::{Amount, Price};
use ledger::AccountId;

use super::{ListingNow, Model, OrderNow, Outcome, Stage, Waiting};

/// What an order is tied to.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    pub partner: Option<u64>,
    pub then: Vec<u64>,
    pub when: Option<engine::command::WhenFilled>,
}

impl Model {
    pub(super) fn place_order(&mut self, place: &PlaceOrder) -> Outcome {
        self.check_account(place.account)?;
        self.check_terms(&place.order)?;
        self.check_room(place.account, std::slice::from_ref(&place.order))?;
        self.place(place.account, &place.order, Ties::default()).map(|_| ())
    }

    /// An order whose terms are fine waits for its trigger, or enters the book.
    pub(super) fn place(
        &mut self,
        account: AccountId,
        terms: &OrderTerms,
        ties: Ties,
    ) -> Result<u64, Rejection> {
        if terms.trigger.is_none() {
            return self.enter(account, terms, None, ties);
        }
        let id = self.last_order + 1;
        let waiting = self.waiting(id, terms)?;
        self.check_waiting(&waiting, terms)?;
        self.listing_mut(terms.instrument).triggers.push(waiting);
        self.keep_waiting(id, account, terms, Stage::Waiting, ties);
        Ok(id)
    }

    pub(super) fn check_terms(&self, terms: &OrderTerms) -> Outcome {
        self.check_trading(terms.instrument)?;
        let listing = self.listing(terms.instrument);
        let most = listing.terms.lots_max;
        if terms.lots < 1 || terms.lots > most {
            return Err(Rejection::Lots { found: terms.lots, most });
        }
        if let Some(display) = terms.display.filter(|display| *display < 1 || *display > most) {
            return Err(Rejection::Lots { found: display, most });
        }
        if let Some(expires) = terms.expires.filter(|expires| !self.is_ahead(*expires)) {
            return Err(Rejection::ExpiresInPast(expires));
        }
        if let Some(price) = limit_of(terms.order_type) {
            check_price(price, listing.terms.tick)?;
        }
        if let Some(trigger) = terms.trigger {
            let (TriggerAt::Price(price) | TriggerAt::Trail(price)) = trigger.at;
            check_price(price, listing.terms.tick)?;
        }
        if terms.protected && (terms.reduce_only || terms.trigger.is_some()) {
            return Err(Rejection::Terms(
                "an order under market-maker protection is neither reduce-only nor triggered"
                    .into(),
            ));
        }
        Ok(())
    }

    /// Counts what the account would have with all of these.
    pub(super) fn check_room(&self, account: AccountId, orders: &[OrderTerms]) -> Outcome {
        let count = orders.len();
        let has = self.orders.values().filter(|order| order.account == account).count();
        let most = self.rules.orders_per_account_max;
        if has + count > most as usize {
            return Err(Rejection::TooManyOrders(most));
        }
        if self.orders.len() + count > self.limits.orders_max as usize {
            return Err(Rejection::VenueFull(self.limits.orders_max));
        }
        let used = self.instruments_of(account);
        let mut after = used.clone();
        after.extend(orders.iter().map(|terms| terms.instrument));
        let most = self.rules.instruments_per_account_max;
        if after.len() > used.len() && after.len() > most as usize {
            return Err(Rejection::TooManyInstruments(most));
        }
        Ok(())
    }

    pub(super) fn keep_waiting(
        &mut self,
        id: u64,
        account: AccountId,
        terms: &OrderTerms,
        stage: Stage,
        ties: Ties,
    ) {
        self.last_order = id;
        self.orders.insert(id, order_now(id, account, terms, stage, ties));
        self.events.push(Event::OrderAccepted {
            order: OrderId(id),
            account,
            instrument: terms.instrument,
            side: terms.side,
            lots: terms.lots,
            limit: None,
            waits: true,
            label: terms.label.clone(),
        });
    }

    /// What an order waits for; a trailing one begins at the price that it watches.
    pub(super) fn waiting(&self, id: u64, terms: &OrderTerms) -> Result<Waiting, Rejection> {
        let trigger = terms.trigger.expect("it waits for a price");
        let listing = self.listing(terms.instrument);
        let base = self.asset_now(listing.instrument.base());
        let (source, direction) = (trigger.source, trigger.direction);
        let (price, trail) = match trigger.at {
            TriggerAt::Price(price) => (ticks_down(listing, price), None),
            TriggerAt::Trail(offset) => {
                let watched = match source {
                    PriceSource::Last => listing.last.or(listing.mark),
                    PriceSource::Mark => listing.mark,
                    PriceSource::Index => base.price,
                };
                let watched = watched.ok_or(Rejection::NoIndex(base.asset))?;
                let from = super::set_off::reached(listing, direction, watched);
                let trail = ticks_down(listing, offset);
                (super::set_off::behind(direction, from, trail), Some(trail))
            }
        };
        Ok(Waiting { id, source, direction, price, trail })
    }

    /// The bounds of prices that are waited for.
    pub(super) fn check_waiting(&self, waiting: &Waiting, terms: &OrderTerms) -> Outcome {
        let limits = self.listing(terms.instrument).book.limits;
        let (min, max) = (limits.price_min, limits.price_max);
        let watched = match waiting.trail {
            None => waiting.price,
            Some(trail) => {
                let most = Ticks(max.0 - min.0);
                if trail < Ticks(1) || trail > most {
                    let refusal = book::Refusal::TrailOutOfBounds { offset: trail, max: most };
                    return Err(Rejection::Book(refusal));
                }
                super::set_off::behind(waiting.direction, waiting.price, Ticks(-trail.0))
            }
        };
        if watched < min || watched > max {
            return Err(Rejection::Book(book::Refusal::PriceOutOfBounds { min, max }));
        }
        Ok(())
    }
}

pub(super) fn order_now(
    id: u64,
    account: AccountId,
    terms: &OrderTerms,
    stage: Stage,
    ties: Ties,
) -> OrderNow {
    OrderNow {
        id: OrderId(id),
        account,
        terms: terms.clone(),
        open: terms.lots,
        filled: 0,
        limit: Ticks(0),
        fee: Amount::ZERO,
        stage,
        partner: ties.partner,
        then: ties.then,
        when: ties.when,
    }
}

pub(super) fn limit_of(order_type: OrderType) -> Option<Price> {
    match order_type {
        OrderType::Limit { price }
        | OrderType::PostOnly { price, .. }
        | OrderType::ImmediateOrCancel { price }
        | OrderType::FillOrKill { price } => Some(price),
        OrderType::Market {} | OrderType::MarketLimit {} => None,
    }
}

pub(super) fn ticks_down(listing: &ListingNow, price: Price) -> Ticks {
    Ticks(price.units().div_euclid(listing.terms.tick.units()))
}

pub(super) fn check_price(price: Price, tick: Price) -> Outcome {
    if price.units() < 1 || price > PRICE_MAX {
        return Err(Rejection::PriceOutOfRange(price));
    }
    if price.units() % tick.units() != 0 {
        return Err(Rejection::Tick { price, tick });
    }
    Ok(())
}
