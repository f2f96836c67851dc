//! What is checked before a command changes anything.

use crate::ladder::EMPTY;
use crate::order::Crossing;
use crate::{AccountId, Book, NewOrder, OrderKind, Phase, Refusal, Side, Ticks};

impl Book {
    /// Checks a new order; returns its worst price, which differs from what was asked only for a
    /// post-only order that is repriced.
    pub(crate) fn admit(&self, order: &NewOrder) -> Result<Ticks, Refusal> {
        let price = order.kind.limit();
        self.limits.check_lots(order.lots)?;
        self.limits.check_price(price)?;
        if self.phase == Phase::Call && !matches!(order.kind, OrderKind::Limit { .. }) {
            return Err(Refusal::CallPeriod);
        }
        if let Some(display) = order.display {
            if !order.kind.may_rest() {
                return Err(Refusal::DisplayWithoutRest);
            }
            self.limits.check_display(display, order.lots)?;
        }
        if self.orders.find(order.id).is_some() {
            return Err(Refusal::DuplicateOrder);
        }
        if order.kind.may_rest() {
            self.check_room(order.account)?;
        }
        match order.kind {
            OrderKind::PostOnly { crossing, .. } => self.posted(order.side, price, crossing),
            _ => Ok(price),
        }
    }

    /// Checks that one more order of an account may rest.
    pub(crate) fn check_room(&self, account: AccountId) -> Result<(), Refusal> {
        if self.orders.len() >= self.limits.orders_max {
            return Err(Refusal::BookFull { max: self.limits.orders_max });
        }
        let max = self.limits.orders_per_account_max;
        let [buys, sells] = self.accounts.orders(account);
        if buys + sells >= max { Err(Refusal::AccountFull { max }) } else { Ok(()) }
    }

    /// The price at which a post-only order may rest.
    pub(crate) fn posted(
        &self,
        side: Side,
        price: Ticks,
        crossing: Crossing,
    ) -> Result<Ticks, Refusal> {
        let opposite = side.opposite();
        let best = self.sides[opposite.index()].best();
        if best == EMPTY || best > opposite.key(price) {
            return Ok(price);
        }
        // One tick behind the opposite best is one key worse than that key seen from this side.
        let behind = side.price(1 - best);
        let best = opposite.price(best);
        match crossing {
            Crossing::Reprice if self.limits.check_price(behind).is_ok() => Ok(behind),
            _ => Err(Refusal::PostOnlyWouldTake { best }),
        }
    }
}
