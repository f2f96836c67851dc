//! The book itself, and the commands that change it.

use crate::accounts::Accounts;
use crate::event::{CancelReason, ReduceReason};
use crate::ladder::{EMPTY, Ladder};
use crate::links::NIL;
use crate::matching::Taker;
use crate::slab::{Beside, Order, Slab};
use crate::{
    AccountId, Event, Limits, LimitsError, Lots, NewOrder, OrderId, OrderKind, Refusal, Side, Ticks,
};

/// Whether orders match as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// They match at once.
    Continuous = 0,
    /// They collect, and may cross, until [`Book::uncross`].
    Call = 1,
}

/// Every lot that the book was ever asked to trade, by what became of it:
/// `submitted = filled + cancelled + open`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sizes of accepted orders, and what amends added.
    pub submitted: i128,
    /// What orders traded; a trade counts for both its orders.
    pub filled: i128,
    /// What was cancelled, reduced, and amended away.
    pub cancelled: i128,
    /// What rests, shown or not.
    pub open: i128,
}

/// One instrument's order book.
///
/// Each command appends what happened to `events`; a refused command appends one
/// [`Event::Refused`] and changes nothing. See [the crate's page](crate) for an example.
#[derive(Clone, Debug)]
pub struct Book {
    pub(crate) limits: Limits,
    pub(crate) phase: Phase,
    pub(crate) sides: [Ladder; 2],
    pub(crate) orders: Slab,
    pub(crate) accounts: Accounts,
    pub(crate) totals: Totals,
    /// The next stamp for acceptance and queueing.
    pub(crate) stamp: u64,
}

impl Book {
    /// An empty book in continuous trading.
    ///
    /// # Errors
    /// If the limits make no sense or don't exclude overflow.
    pub fn new(limits: Limits) -> Result<Self, LimitsError> {
        limits.validate()?;
        let ladder = Ladder::new(limits.window as usize);
        Ok(Self {
            limits,
            phase: Phase::Continuous,
            sides: [ladder.clone(), ladder],
            orders: Slab::new(),
            accounts: Accounts::new(),
            totals: Totals::default(),
            stamp: 0,
        })
    }

    /// Takes a new order: it trades, rests, or is cancelled or refused, as its terms say.
    pub fn submit(&mut self, order: &NewOrder, events: &mut Vec<Event>) {
        match self.admit(order) {
            Err(refusal) => refuse(order.id, refusal, events),
            Ok(price) => {
                if price != order.kind.limit() {
                    let (from, to) = (order.kind.limit(), price);
                    events.push(Event::Repriced { order: order.id, from, to });
                }
                self.execute(order, price, events);
            }
        }
        self.assert_invariants();
    }

    /// Cancels an order.
    pub fn cancel(&mut self, id: OrderId, events: &mut Vec<Event>) {
        match self.orders.find(id) {
            None => refuse(id, Refusal::UnknownOrder, events),
            Some(slot) => self.cancel_slot(slot, CancelReason::Requested, events),
        }
        self.assert_invariants();
    }

    /// Cancels an account's orders, or those on one side, in the order of their acceptance.
    pub fn mass_cancel(&mut self, account: AccountId, side: Option<Side>, events: &mut Vec<Event>) {
        let mut slot = self.accounts.first(account).unwrap_or(NIL);
        while slot != NIL {
            let next = self.accounts.after(slot);
            if side.is_none_or(|side| side == self.orders.get(slot).side) {
                self.cancel_slot(slot, CancelReason::MassCancel, events);
            }
            slot = next;
        }
        self.assert_invariants();
    }

    /// Takes lots off an order, which keeps its place; what is hidden goes first. An order of no
    /// more than that is cancelled.
    pub fn reduce(&mut self, id: OrderId, lots: Lots, events: &mut Vec<Event>) {
        let Some(slot) = self.orders.find(id) else {
            return refuse(id, Refusal::UnknownOrder, events);
        };
        if lots.0 < 1 {
            return refuse(id, Refusal::LotsNotPositive(lots), events);
        }
        if lots.0 >= self.orders.open(slot) {
            self.cancel_slot(slot, CancelReason::Reduced, events);
        } else {
            self.shrink(slot, lots.0);
            events.push(self.reduced(slot, lots.0, ReduceReason::Requested));
        }
        self.assert_invariants();
    }

    /// Begins a call period: from now on orders collect without matching.
    pub fn begin_call(&mut self, events: &mut Vec<Event>) {
        match self.phase {
            Phase::Call => {
                events.push(Event::Refused { order: None, refusal: Refusal::CallPeriod });
            }
            Phase::Continuous => {
                self.phase = Phase::Call;
                events.push(Event::CallBegan);
            }
        }
    }

    /// Trades what can be traded of an admitted order, then rests or cancels what is left.
    fn execute(&mut self, order: &NewOrder, price: Ticks, events: &mut Vec<Event>) {
        self.totals.submitted += i128::from(order.lots.0);
        let mut taker = Taker::of(order, price);
        if let OrderKind::FillOrKill { .. } = order.kind
            && self.fillable_by(&taker).lots < order.lots
        {
            return self.cancel_taker(&mut taker, CancelReason::FillOrKill, events);
        }
        let last_fill = match self.phase {
            Phase::Continuous => self.take(&mut taker, events),
            Phase::Call => None,
        };
        if taker.open == 0 {
            return;
        }
        match order.kind {
            OrderKind::Limit { .. } | OrderKind::PostOnly { .. } => {
                self.rest(order, price, taker.open, events);
            }
            OrderKind::MarketLimit { .. } => match last_fill.or(self.joined(order.side, price)) {
                Some(price) => self.rest(order, price, taker.open, events),
                None => self.cancel_taker(&mut taker, CancelReason::NoPrice, events),
            },
            OrderKind::ImmediateOrCancel { .. }
            | OrderKind::FillOrKill { .. }
            | OrderKind::Market { .. } => {
                self.cancel_taker(&mut taker, CancelReason::Unfilled, events);
            }
        }
    }

    /// The best price of a side, held to a worst price.
    fn joined(&self, side: Side, limit: Ticks) -> Option<Ticks> {
        let best = self.sides[side.index()].best();
        (best != EMPTY).then(|| side.price(best.max(side.key(limit))))
    }

    fn rest(&mut self, order: &NewOrder, price: Ticks, open: i64, events: &mut Vec<Event>) {
        let post_only = match order.kind {
            OrderKind::PostOnly { crossing, .. } => Some(crossing),
            _ => None,
        };
        let accepted = self.next_stamp();
        let display = order.display.map_or(0, |display| display.0);
        let slot = self.orders.insert(
            Order {
                id: order.id,
                key: 0,
                displayed: 0,
                queued: 0,
                account: order.account,
                side: order.side,
                self_trade: order.self_trade,
                post_only,
                is_partly_hidden: display != 0,
            },
            Beside { hidden: 0, display, accepted },
        );
        self.accounts.add(order.account, order.side, slot);
        self.queue(slot, order.side.key(price), open, events);
    }

    /// Puts an order that is in no queue at the back of one, with so much open.
    #[inline]
    pub(crate) fn queue(&mut self, slot: u32, key: i64, open: i64, events: &mut Vec<Event>) {
        let stamp = self.next_stamp();
        self.orders.set_open(slot, open);
        let order = self.orders.get_mut(slot);
        (order.key, order.queued) = (key, stamp);
        let Order { id, account, side, displayed, .. } = *order;
        self.orders.link(&mut self.sides[side.index()], slot);
        self.totals.open += i128::from(open);
        events.push(Event::Rested {
            order: id,
            account,
            side,
            price: side.price(key),
            displayed: Lots(displayed),
            open: Lots(open),
        });
    }

    /// Takes an order out of its queue; returns what was open of it.
    #[inline]
    pub(crate) fn unqueue(&mut self, slot: u32) -> i64 {
        let open = self.orders.open(slot);
        let side = self.orders.get(slot).side;
        self.orders.unlink(&mut self.sides[side.index()], slot);
        self.totals.open -= i128::from(open);
        open
    }

    /// Forgets an order that is in no queue.
    pub(crate) fn forget(&mut self, slot: u32) {
        let Order { account, side, .. } = *self.orders.get(slot);
        self.accounts.remove(account, side, slot);
        self.orders.remove(slot);
    }

    pub(crate) fn cancel_slot(&mut self, slot: u32, reason: CancelReason, events: &mut Vec<Event>) {
        let Order { id, account, side, key, .. } = *self.orders.get(slot);
        let open = self.unqueue(slot);
        self.totals.cancelled += i128::from(open);
        self.forget(slot);
        let (price, lots) = (side.price(key), Lots(open));
        events.push(Event::Cancelled { order: id, account, side, price, lots, reason });
    }

    /// Takes lots off an order in its queue, fewer than are open: hidden ones first.
    pub(crate) fn shrink(&mut self, slot: u32, lots: i64) {
        let hidden = self.orders.hidden(slot).min(lots);
        self.orders.reduce_hidden(slot, hidden);
        let order = self.orders.get_mut(slot);
        order.displayed -= lots - hidden;
        assert!(order.displayed > 0, "an order in a queue shows something");
        let level = self.sides[order.side.index()].at(order.key);
        level.displayed -= lots - hidden;
        level.open -= lots;
        self.totals.open -= i128::from(lots);
        self.totals.cancelled += i128::from(lots);
    }

    pub(crate) fn reduced(&self, slot: u32, lots: i64, reason: ReduceReason) -> Event {
        let order = self.orders.get(slot);
        Event::Reduced {
            order: order.id,
            account: order.account,
            side: order.side,
            price: order.side.price(order.key),
            lots: Lots(lots),
            open: Lots(self.orders.open(slot)),
            reason,
        }
    }

    fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// What must hold after every command, and costs little to see.
    #[inline]
    pub(crate) fn assert_invariants(&self) {
        let [bid, ask] = [self.sides[0].best(), self.sides[1].best()];
        let is_apart = bid == EMPTY || ask == EMPTY || -bid < ask;
        assert!(is_apart || self.phase == Phase::Call, "a continuous book is never crossed");
        let Totals { submitted, filled, cancelled, open } = self.totals;
        assert!(submitted == filled + cancelled + open, "every lot is accounted for");
    }
}

pub(crate) fn refuse(order: OrderId, refusal: Refusal, events: &mut Vec<Event>) {
    events.push(Event::Refused { order: Some(order), refusal });
}
