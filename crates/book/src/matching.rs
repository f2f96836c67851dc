//! Matching: a taker against the other side, best price first, then first come.

use crate::event::{CancelReason, ReduceReason};
use crate::order::SelfTrade;
use crate::slab::Order;
use crate::{AccountId, Book, Event, Lots, NewOrder, OrderId, Side, Ticks};

/// An order on its way through the other side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    pub(crate) id: OrderId,
    pub(crate) account: AccountId,
    pub(crate) side: Side,
    /// The worst price.
    pub(crate) price: Ticks,
    pub(crate) open: i64,
    pub(crate) self_trade: SelfTrade,
}

impl Taker {
    pub(crate) fn of(order: &NewOrder, price: Ticks) -> Self {
        let NewOrder { id, account, side, lots, self_trade, .. } = *order;
        Self { id, account, side, price, open: lots.0, self_trade }
    }

    /// The worst key of the other side that the taker accepts.
    #[inline]
    pub(crate) fn limit(&self) -> i64 {
        self.side.opposite().key(self.price)
    }
}

impl Book {
    /// Trades until nothing is open of the taker or nothing is left at its price or better;
    /// returns the price of the last fill.
    #[inline]
    pub(crate) fn take(&mut self, taker: &mut Taker, events: &mut Vec<Event>) -> Option<Ticks> {
        let (side, limit) = (taker.side.opposite(), taker.limit());
        let mut last = None;
        while taker.open > 0 {
            let key = self.sides[side.index()].best();
            if key > limit {
                break;
            }
            let slot = self.sides[side.index()].at(key).head;
            let maker = self.orders.get(slot);
            if maker.account == taker.account && taker.self_trade != SelfTrade::Allow {
                self.meet_own(taker, slot, events);
            } else {
                self.trade(taker, slot, events);
                last = Some(side.price(key));
            }
        }
        last
    }

    fn trade(&mut self, taker: &mut Taker, slot: u32, events: &mut Vec<Event>) {
        let Order { id, account, key, displayed, .. } = *self.orders.get(slot);
        let lots = displayed.min(taker.open);
        taker.open -= lots;
        let maker_open = self.consume(slot, lots);
        self.totals.filled += 2 * i128::from(lots);
        events.push(Event::Fill {
            maker: id,
            maker_account: account,
            taker: taker.id,
            taker_account: taker.account,
            taker_side: taker.side,
            price: taker.side.opposite().price(key),
            lots: Lots(lots),
            maker_open: Lots(maker_open),
            taker_open: Lots(taker.open),
        });
        self.settle(slot, events);
    }

    /// Takes lots off what an order shows; returns what is open of it then. [`Book::settle`]
    /// must follow.
    #[inline]
    pub(crate) fn consume(&mut self, slot: u32, lots: i64) -> i64 {
        let order = self.orders.get_mut(slot);
        order.displayed -= lots;
        assert!(order.displayed >= 0, "no more is consumed than is shown");
        let level = self.sides[order.side.index()].at(order.key);
        level.displayed -= lots;
        level.open -= lots;
        self.totals.open -= i128::from(lots);
        self.orders.open(slot)
    }

    /// Where nothing is shown of an order any more: shows its next part at the back of the queue,
    /// or forgets it.
    #[inline]
    pub(crate) fn settle(&mut self, slot: u32, events: &mut Vec<Event>) {
        let order = self.orders.get(slot);
        if order.displayed > 0 {
            return;
        }
        let key = order.key;
        match self.unqueue(slot) {
            0 => self.forget(slot),
            open => self.queue(slot, key, open, events),
        }
    }

    /// A taker meets an order of its own account.
    #[cold]
    fn meet_own(&mut self, taker: &mut Taker, slot: u32, events: &mut Vec<Event>) {
        let reason = CancelReason::SelfTrade;
        match taker.self_trade {
            SelfTrade::Allow => unreachable!("the caller trades them"),
            SelfTrade::CancelTaker => self.cancel_taker(taker, reason, events),
            SelfTrade::CancelMaker => self.cancel_slot(slot, reason, events),
            SelfTrade::CancelBoth => {
                self.cancel_slot(slot, reason, events);
                self.cancel_taker(taker, reason, events);
            }
            SelfTrade::Decrement => self.decrement(taker, slot, events),
        }
    }

    /// Takes the same lots off both orders, as a trade would.
    fn decrement(&mut self, taker: &mut Taker, slot: u32, events: &mut Vec<Event>) {
        let reason = ReduceReason::SelfTrade;
        let lots = self.orders.get(slot).displayed.min(taker.open);
        self.consume(slot, lots);
        self.totals.cancelled += 2 * i128::from(lots);
        taker.open -= lots;
        events.push(self.reduced(slot, lots, reason));
        events.push(Event::Reduced {
            order: taker.id,
            account: taker.account,
            side: taker.side,
            price: taker.price,
            lots: Lots(lots),
            open: Lots(taker.open),
            reason,
        });
        self.settle(slot, events);
    }

    /// Cancels what is open of a taker.
    pub(crate) fn cancel_taker(
        &mut self,
        taker: &mut Taker,
        reason: CancelReason,
        events: &mut Vec<Event>,
    ) {
        let lots = std::mem::take(&mut taker.open);
        self.totals.cancelled += i128::from(lots);
        events.push(Event::Cancelled {
            order: taker.id,
            account: taker.account,
            side: taker.side,
            price: taker.price,
            lots: Lots(lots),
            reason,
        });
    }
}
