//! What a book answered, taken into accounts and orders.

use book::{Lots, OrderId, Ticks};
use instruments::Amount;
use ledger::AccountId;

use super::Events;
use super::fill::Fill;
use crate::account::OpenLots;
use crate::event::{CancelReason, Event, ReduceCause};
use crate::record_tree::Kind;
use crate::work::Filled;
use crate::{InstrumentId, State};

impl State {
    /// Takes in what the book of an instrument has answered, in its order.
    pub(crate) fn take_in(&mut self, id: InstrumentId, events: &mut Events) {
        let mut answers = std::mem::take(&mut self.work.book);
        self.work.taking_in = true;
        for answer in answers.drain(..) {
            self.take_in_one(id, answer, events);
        }
        self.work.taking_in = false;
        self.work.book = answers;
        self.touch_listing(id);
        let mut dependents = std::mem::take(&mut self.work.dependents);
        for (other, cause, reason) in dependents.drain(..) {
            self.cancel_for(other, cause, reason, events);
        }
        self.work.dependents = dependents;
    }

    fn take_in_one(&mut self, id: InstrumentId, answer: book::Event, events: &mut Events) {
        use book::Event as Answer;
        let price = |ticks: Ticks| self.listings[id.place()].price(ticks);
        match answer {
            Answer::Rested { order, side, price: ticks, displayed, open, .. } => {
                let price = price(ticks);
                self.move_order(order, ticks);
                let (displayed, open) = (displayed.0, open.0);
                events.push(Event::Rested { order, instrument: id, side, price, displayed, open });
            }
            Answer::Fill {
                maker, taker, taker_side, price, lots, maker_open, taker_open, ..
            } => {
                let fill = Fill {
                    instrument: id,
                    price: self.listings[id.place()].price(price),
                    lots: lots.0,
                    maker,
                    maker_open: maker_open.0,
                    taker,
                    taker_open: taker_open.0,
                    taker_side,
                };
                self.fill(&fill, events);
            }
            Answer::Cancelled { order, lots, reason, .. } => {
                self.end(order, lots, CancelReason::Book(reason), events);
            }
            Answer::Reduced { order, lots, open, reason, .. } => {
                self.shrink(order, open.0);
                let (lots, open, reason) = (lots.0, open.0, ReduceCause::Book(reason));
                events.push(Event::Reduced { order, instrument: id, lots, open, reason });
                if open == 0 {
                    self.forget(order, events);
                }
            }
            Answer::Amended { order, price: ticks, open, kept_place, .. } => {
                let (price, open) = (price(ticks), open.0);
                // It was admitted at this price, or else a price that its book has changed is told
                // of before.
                self.change_open(order, open, ticks);
                events.push(Event::Amended { order, instrument: id, price, open, kept_place });
            }
            Answer::Repriced { order, from, to } => {
                let (from, to) = (price(from), price(to));
                let account = self.orders.get(order).expect("an order in the book is kept").account;
                self.forget_credit(account);
                events.push(Event::Repriced { order, from, to });
            }
            Answer::CallBegan => events.push(Event::CallBegan { instrument: id }),
            Answer::Uncrossed { price: ticks, lots, .. } => {
                let (price, lots) = (ticks.map(price), lots.0);
                events.push(Event::Uncrossed { instrument: id, price, lots });
            }
            Answer::Refused { refusal, .. } => {
                unreachable!("a refusal is looked at before anything is taken in: {refusal}")
            }
        }
    }

    /// An order rests at a price.
    fn move_order(&mut self, id: OrderId, limit: Ticks) {
        let order = self.orders.get(id).expect("an order in the book is kept");
        if order.limit != limit {
            // It was admitted at another price.
            let account = order.account;
            self.change_open(id, order.open, limit);
            self.forget_credit(account);
        }
    }

    /// So many lots of an order are open now: of a fill, a reduction, or an amendment.
    pub(crate) fn shrink(&mut self, id: OrderId, open: i64) {
        let order = self.orders.get(id).expect("an order in the book is kept");
        self.change_open(id, open, order.limit);
    }

    /// Writes what is open of an order, at which limit, into the order and its account's sums.
    fn change_open(&mut self, id: OrderId, open: i64, limit: Ticks) {
        let order = self.orders.get(id).expect("an order in the book is kept");
        let (account, instrument) = (order.account, order.terms.instrument);
        let before = self.open_lots_of(order);
        let fee = match open {
            0 => Amount::ZERO,
            _ => self.reserved_fee(&self.listings[instrument.place()], open, limit),
        };
        let (order, slot) = self.orders.get_mut(id).expect("it was there just now");
        (order.open, order.limit, order.fee) = (open, limit, fee);
        self.touch(Kind::Order, slot);
        let limit = self.listings[instrument.place()].price(limit);
        let after = OpenLots { lots: open, limit, fee, ..before };
        self.account_mut(account).change_open(instrument, before, after);
        self.credit_after_fee(account, instrument, fee, before.fee_of(open));
    }

    /// What became of an order that traded, for what that sets off.
    pub(crate) fn note_filled(&mut self, id: OrderId, lots: i64, done: bool) {
        let (order, slot) = self.orders.get_mut(id).expect("an order that trades is kept");
        order.filled += lots;
        let partner = order.partner.take();
        let releases = match order.then.when {
            Some(crate::command::WhenFilled::First) => true,
            Some(crate::command::WhenFilled::Complete) => done,
            None => false,
        };
        let then = if releases { std::mem::take(&mut order.then) } else { Default::default() };
        let (account, protected) = (order.account, order.terms.protected);
        self.touch(Kind::Order, slot);
        if let Some((other, slot)) = partner.and_then(|partner| self.orders.get_mut(partner)) {
            other.partner = None;
            self.touch(Kind::Order, slot);
        }
        self.work.filled.push(Filled { account, lots, partner, then, protected });
    }

    /// An order is gone with lots untraded: says so, and lets go of it.
    pub(crate) fn end(
        &mut self,
        id: OrderId,
        lots: Lots,
        reason: CancelReason,
        events: &mut Events,
    ) {
        let order = self.orders.get(id).expect("an order that ends is kept");
        let (account, instrument) = (order.account, order.terms.instrument);
        let lots = lots.0;
        events.push(Event::Cancelled { order: id, account, instrument, lots, reason });
        self.forget(id, events);
    }

    /// Lets go of an order that has left the book or waits no more; what depended on it ends.
    pub(crate) fn forget(&mut self, id: OrderId, events: &mut Events) {
        let (order, slot) = self.orders.remove(id).expect("an order that ends is kept");
        self.touch(Kind::Order, slot);
        if let Some(expires) = order.terms.expires {
            self.expiring.remove(&(expires, id));
        }
        let (account, instrument) = (order.account, order.terms.instrument);
        self.let_account_go(account, instrument, id, &order);
        let partner = order.partner.map(|partner| (partner, CancelReason::OneCancelsOther));
        let children = order.then.orders.into_iter().flatten();
        let children = children.map(|child| (child, CancelReason::NotTriggered));
        for (other, reason) in partner.into_iter().chain(children) {
            // The book may have answered about the other, too, and that comes first.
            if self.work.taking_in {
                self.work.dependents.push((other, id, reason));
            } else {
                self.cancel_for(other, id, reason, events);
            }
        }
    }

    fn let_account_go(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        id: OrderId,
        order: &crate::orders::Order,
    ) {
        let open = self.open_lots_of(order);
        if let Ok(place) = self.account_ref(account).resting.binary_search(&id) {
            if open.lots > 0 {
                self.credit_after_cancel(account, instrument, open);
            }
            let state = self.account_mut(account);
            state.resting.remove(place);
            state.remove_open(instrument, order.terms.reduce_only, open);
        } else {
            self.account_mut(account).waiting.retain(|waiting| *waiting != id);
        }
        self.touch_account(account);
    }

    /// Cancels an order because of another one, if it is still there.
    pub(crate) fn cancel_for(
        &mut self,
        id: OrderId,
        cause: OrderId,
        reason: CancelReason,
        events: &mut Events,
    ) {
        let Some((order, slot)) = self.orders.get_mut(id) else { return };
        if order.partner == Some(cause) {
            order.partner = None;
        }
        self.touch(Kind::Order, slot);
        self.withdraw(id, reason, events);
    }
}
