//! What can be asked of the book.

use crate::ladder::EMPTY;
use crate::links::NIL;
use crate::matching::Taker;
use crate::order::SelfTrade;
use crate::{AccountId, Book, Limits, Lots, OrderId, Phase, RestingOrder, Side, Ticks, Totals};

/// The orders of one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevel {
    /// The price.
    pub price: Ticks,
    /// What is shown, which is all that may be published.
    pub displayed: Lots,
    /// What is not shown.
    pub hidden: Lots,
    /// How many orders.
    pub orders: u32,
}

/// What a taker would get at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fillable {
    /// How many lots, at most as many as were asked for.
    pub lots: Lots,
    /// Σ lots · price, in ticks.
    pub value: i128,
    /// The price of the last of them; `None` if there are none.
    pub worst: Option<Ticks>,
}

impl Book {
    /// The book's limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether orders match as they come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What became of every lot.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How many lots have traded, each trade counted once.
    #[must_use]
    pub fn volume(&self) -> i128 {
        self.totals.filled / 2
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.orders.len()
    }

    /// Whether no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many prices of a side have orders.
    #[must_use]
    pub fn levels(&self, side: Side) -> usize {
        self.sides[side.index()].levels()
    }

    /// The best price of a side: the highest bid, the lowest ask.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Ticks> {
        let key = self.sides[side.index()].best();
        (key != EMPTY).then(|| side.price(key))
    }

    /// The prices of a side, from the best on.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = DepthLevel> {
        self.sides[side.index()].iter().map(move |(key, level)| DepthLevel {
            price: side.price(key),
            displayed: Lots(level.displayed),
            hidden: Lots(level.open - level.displayed),
            orders: level.orders,
        })
    }

    /// An order by its name.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<RestingOrder> {
        self.orders.find(id).map(|slot| self.orders.resting(slot))
    }

    /// The orders of a side in the order in which they would trade, from the best price on.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = RestingOrder> {
        let levels = self.sides[side.index()].iter();
        let slots = levels.flat_map(|(_, level)| self.queue_from(level.head));
        slots.map(|slot| self.orders.resting(slot))
    }

    /// An account's orders, in the order of their acceptance.
    pub fn orders_of(&self, account: AccountId) -> impl Iterator<Item = RestingOrder> {
        let mut next = self.accounts.first(account).unwrap_or(NIL);
        let slots = std::iter::from_fn(move || {
            let slot = (next != NIL).then_some(next)?;
            next = self.accounts.after(slot);
            Some(slot)
        });
        slots.map(|slot| self.orders.resting(slot))
    }

    /// How many orders an account has on each side: buys, sells.
    #[must_use]
    pub fn count_of(&self, account: AccountId) -> [u32; 2] {
        self.accounts.orders(account)
    }

    /// What an order would get at once: exactly the fills of an immediate-or-cancel order of these
    /// terms, and a fill-or-kill order trades if all of it is here.
    ///
    /// Orders of the taker's own account are no liquidity, unless self-trades are allowed; under
    /// [`SelfTrade::Decrement`] only what trades before the first of them is counted. Nothing is
    /// fillable in a call period.
    #[must_use]
    pub fn fillable(
        &self,
        side: Side,
        limit: Ticks,
        lots: Lots,
        account: AccountId,
        self_trade: SelfTrade,
    ) -> Fillable {
        let taker =
            Taker { id: OrderId(0), account, side, price: limit, open: lots.0.max(0), self_trade };
        self.fillable_by(&taker)
    }

    pub(crate) fn fillable_by(&self, taker: &Taker) -> Fillable {
        if self.phase == Phase::Call || self.limits.check_price(taker.price).is_err() {
            return Fillable::default();
        }
        let side = taker.side.opposite();
        let may_meet_own = taker.self_trade != SelfTrade::Allow
            && self.accounts.orders(taker.account)[side.index()] > 0;
        let limit = taker.limit();
        let mut found = Fillable::default();
        for (key, level) in self.sides[side.index()].iter().take_while(|(key, _)| *key <= limit) {
            let wanted = taker.open - found.lots.0;
            if wanted == 0 {
                break;
            }
            let (open, goes_on) =
                if may_meet_own { self.others(level.head, taker) } else { (level.open, true) };
            let lots = open.min(wanted);
            if lots > 0 {
                let price = side.price(key);
                found.lots.0 += lots;
                found.value += i128::from(lots) * i128::from(price.0);
                found.worst = Some(price);
            }
            if !goes_on {
                break;
            }
        }
        found
    }

    /// What a taker gets of a queue that may hold orders of its own account, and whether it goes
    /// on behind it.
    fn others(&self, head: u32, taker: &Taker) -> (i64, bool) {
        let (mut displayed, mut open) = (0, 0);
        for slot in self.queue_from(head) {
            let order = self.orders.get(slot);
            if order.account != taker.account {
                displayed += order.displayed;
                open += self.orders.open(slot);
            } else if taker.self_trade != SelfTrade::CancelMaker {
                // What is hidden trades only after all that is shown, so after this order.
                return (displayed, false);
            }
        }
        (open, true)
    }

    /// The slots of a queue from one on.
    pub(crate) fn queue_from(&self, head: u32) -> impl Iterator<Item = u32> {
        let mut next = head;
        std::iter::from_fn(move || {
            let slot = (next != NIL).then_some(next)?;
            next = self.orders.link_of(slot).next;
            Some(slot)
        })
    }
}
