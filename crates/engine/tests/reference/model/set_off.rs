//! What trades and prices set off.

use book::{Direction, Lots, OrderId, PriceSource, Side, Ticks};
use engine::event::{CancelReason, Event, ReduceCause, Rejected};
use engine::{InstrumentId, Rejection};
use instruments::{Price, Quantity, Underlying};
use ledger::AccountId;

use super::enter::signed;
use super::place::{Ties, ticks_down};
use super::{ListingNow, Model, Outcome, Stage};

impl Model {
    /// What the trades of one command set off: links and protection, reduce-only orders, triggers
    /// on the last price.
    pub(super) fn set_off_by_trades(&mut self, account: Option<AccountId>, id: InstrumentId) {
        let filled = std::mem::take(&mut self.filled);
        for order in &filled {
            if let Some(partner) = order.partner.filter(|partner| self.orders.contains_key(partner))
            {
                self.withdraw(partner, CancelReason::OneCancelsOther);
            }
            self.queue.extend(&order.then);
            if order.protected {
                self.count_protected(order.account, id, order.lots);
            }
        }
        for order in &filled {
            self.trim_reduce_only(order.account, id);
        }
        if let Some(account) = account {
            self.trim_reduce_only(account, id);
        }
        if !filled.is_empty() {
            let last = self.listing(id).last.expect("it traded just now");
            self.fire(id, PriceSource::Last, last);
        }
    }

    /// Places what was set off, first come first served.
    pub(super) fn place_what_was_set_off(&mut self) {
        let mut placed = 0;
        while let Some(id) = self.queue.pop_front() {
            let Some(order) = self.orders.get(&id).filter(|order| order.stage != Stage::Resting)
            else {
                continue;
            };
            let account = Some(order.account);
            placed += 1;
            let most = self.rules.activations_max;
            let outcome = if placed > most {
                Err(Rejection::TooManyActivations(most))
            } else {
                self.activate(id)
            };
            if let Err(reason) = outcome {
                let order = Some(OrderId(id));
                self.events.push(Event::Rejected(Box::new(Rejected { account, order, reason })));
                self.withdraw(id, CancelReason::Refused);
            }
        }
    }

    fn activate(&mut self, id: u64) -> Outcome {
        self.events.push(Event::Triggered { order: OrderId(id) });
        let order = self.orders[&id].clone();
        if order.stage == Stage::Parked && order.terms.trigger.is_some() {
            let waiting = self.waiting(id, &order.terms)?;
            self.check_waiting(&waiting, &order.terms)?;
            self.listing_mut(order.terms.instrument).triggers.push(waiting);
            self.orders.get_mut(&id).unwrap().stage = Stage::Waiting;
            return Ok(());
        }
        let ties = Ties { partner: order.partner, then: order.then, when: order.when };
        self.enter(order.account, &order.terms, Some(id), ties).map(|_| ())
    }

    /// Tells an instrument's triggers a price: trailing stops follow it, and those that are
    /// reached are queued, those that waited for a rise first, from the first reached on.
    pub(super) fn fire(&mut self, id: InstrumentId, source: PriceSource, price: Price) {
        for direction in [Direction::Rising, Direction::Falling] {
            let listing = self.listing_mut(id);
            let (limits, ticks) = (listing.book.limits, reached(listing, direction, price));
            if ticks < limits.price_min || ticks > limits.price_max {
                continue;
            }
            let meant = |waiting: &&mut super::Waiting| {
                waiting.source == source && waiting.direction == direction
            };
            for waiting in listing.triggers.iter_mut().filter(meant) {
                if let Some(trail) = waiting.trail {
                    let closer = behind(direction, ticks, trail);
                    waiting.price = match direction {
                        Direction::Rising => waiting.price.min(closer),
                        Direction::Falling => waiting.price.max(closer),
                    };
                }
            }
            let fires = |waiting: &super::Waiting| {
                waiting.source == source
                    && waiting.direction == direction
                    && match direction {
                        Direction::Rising => ticks >= waiting.price,
                        Direction::Falling => ticks <= waiting.price,
                    }
            };
            let mut fired: Vec<_> = listing.triggers.iter().copied().filter(fires).collect();
            listing.triggers.retain(|waiting| !fires(waiting));
            // The sort is stable, so of one price the oldest comes first.
            fired.sort_by_key(|waiting| match direction {
                Direction::Rising => waiting.price.0,
                Direction::Falling => -waiting.price.0,
            });
            self.queue.extend(fired.iter().map(|waiting| waiting.id));
        }
    }

    /// Cuts reduce-only orders to what they may close, the newest first.
    pub(super) fn trim_reduce_only(&mut self, account: AccountId, id: InstrumentId) {
        for side in Side::BOTH {
            loop {
                let own: Vec<(u64, i64)> = self
                    .resting(account, id)
                    .filter(|order| order.terms.side == side && order.terms.reduce_only)
                    .map(|order| (order.id.0, order.open))
                    .collect();
                let sum: i64 = own.iter().map(|(_, open)| open).sum();
                let others = self.open_lots(account, id, side) - sum;
                let held = -signed(side, self.account(account).lots(id));
                let excess = sum - (held - others).max(0);
                let Some((newest, open)) = own.last().copied().filter(|_| excess > 0) else {
                    break;
                };
                if open <= excess {
                    self.withdraw(newest, CancelReason::ReduceOnly);
                    continue;
                }
                let book = &mut self.listing_mut(id).book;
                book.reduce(OrderId(newest), Lots(excess), &mut Vec::new()).unwrap();
                let open = open - excess;
                self.set_open(newest, open);
                let (order, lots, reason) = (OrderId(newest), excess, ReduceCause::ReduceOnly);
                self.events.push(Event::Reduced { order, instrument: id, lots, open, reason });
            }
        }
    }

    pub(super) fn is_frozen(&self, account: AccountId, underlying: Underlying) -> bool {
        let protection = self.account(account).protections.get(&underlying);
        match protection.and_then(|protection| protection.frozen) {
            None => false,
            Some(None) => true,
            Some(Some(until)) => self.time < until,
        }
    }
}

/// How far in whole ticks a price has risen, or fallen.
pub(super) fn reached(listing: &ListingNow, direction: Direction, price: Price) -> Ticks {
    let (down, tick) = (ticks_down(listing, price), listing.terms.tick.units());
    let between = price.units() % tick != 0 && direction == Direction::Falling;
    Ticks(down.0 + i64::from(between))
}

/// So far behind a price that may rise, below; that may fall, above: where a trailing stop stands.
pub(super) fn behind(direction: Direction, price: Ticks, trail: Ticks) -> Ticks {
    match direction {
        Direction::Rising => Ticks(price.0 + trail.0),
        Direction::Falling => Ticks(price.0 - trail.0),
    }
}

/// The size of some lots in 10⁻⁸ of the underlying.
pub(super) fn base_size(instrument: &instruments::Instrument, lots: i64, index: Price) -> i128 {
    instrument.base_size(Quantity::from_lots(lots), index).unwrap_or(0).abs()
}
