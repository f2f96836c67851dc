//! Amending an order.

use crate::book::refuse;
use crate::matching::Taker;
use crate::slab::Order;
use crate::{Book, Event, Lots, OrderId, Phase, Refusal, Ticks};

impl Book {
    /// Gives an order another price and leaves `open` lots of it open, shown or not.
    ///
    /// At its price and with no more lots than before it keeps its place; hidden lots go first.
    /// Otherwise it trades as a new limit order would, or a new post-only order if it is one, and
    /// what is left goes to the back of the queue; its displayed size stays as it was.
    pub fn amend(&mut self, id: OrderId, price: Ticks, open: Lots, events: &mut Vec<Event>) {
        if let Err(refusal) = self.try_amend(id, price, open, events) {
            refuse(id, refusal, events);
        }
        self.assert_invariants();
    }

    fn try_amend(
        &mut self,
        id: OrderId,
        asked: Ticks,
        open: Lots,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let slot = self.orders.find(id).ok_or(Refusal::UnknownOrder)?;
        self.limits.check_lots(open)?;
        self.limits.check_price(asked)?;
        let order = *self.orders.get(slot);
        let had = self.orders.open(slot);
        let mut price = asked;
        if let (Some(crossing), Phase::Continuous) = (order.post_only, self.phase) {
            price = self.posted(order.side, asked, crossing)?;
        }
        let keeps_place = order.side.key(price) == order.key && open.0 <= had;
        if order.is_partly_hidden && !keeps_place {
            self.limits.check_display(Lots(self.orders.beside(slot).display), open)?;
        }
        if price != asked {
            events.push(Event::Repriced { order: id, from: asked, to: price });
        }
        let Order { account, side, .. } = order;
        events.push(Event::Amended {
            order: id,
            account,
            side,
            price,
            open,
            kept_place: keeps_place,
        });
        if !keeps_place {
            self.requeue(slot, price, open.0, events);
        } else if open.0 < had {
            self.shrink(slot, had - open.0);
        }
        Ok(())
    }

    /// Takes an order out of its queue and sends it through the book again.
    #[inline]
    fn requeue(&mut self, slot: u32, price: Ticks, open: i64, events: &mut Vec<Event>) {
        let Order { id, account, side, self_trade, .. } = *self.orders.get(slot);
        let had = self.unqueue(slot);
        match open - had {
            added @ 1.. => self.totals.submitted += i128::from(added),
            taken => self.totals.cancelled -= i128::from(taken),
        }
        let mut taker = Taker { id, account, side, price, open, self_trade };
        if self.phase == Phase::Continuous {
            self.take(&mut taker, events);
        }
        match taker.open {
            0 => self.forget(slot),
            open => self.queue(slot, side.key(price), open, events),
        }
    }
}
