//! Orders that depend on each other.

use book::OrderId;

use super::Events;
use crate::command::{Group, OrderTerms, PlaceGroup, TriggerThen, WhenFilled};
use crate::orders::{Stage, Then};
use crate::record_tree::Kind;
use crate::{Rejection, State};
use ledger::AccountId;

impl State {
    pub(crate) fn place_group(
        &mut self,
        place: &PlaceGroup,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let account = place.account;
        self.check_account(account)?;
        match &place.group {
            Group::OneCancelsOther(pair) => self.place_pair(account, pair, events),
            Group::OneTriggersOther { first, then, when } => {
                self.place_chain(account, first, then, *when, events)
            }
        }
    }

    /// Two orders of which one cancels the other. The second is placed only if the first has not
    /// traded or ended at once; if the second is refused, the first is cancelled.
    fn place_pair(
        &mut self,
        account: AccountId,
        pair: &[OrderTerms; 2],
        events: &mut Events,
    ) -> Result<(), Rejection> {
        pair.iter().try_for_each(|terms| self.check_terms(terms))?;
        check_pair(pair)?;
        self.check_room(account, pair.iter())?;
        let [first, second] = pair;
        let first = self.place(account, first, None, Then::default(), events)?;
        let untouched = self.orders.get(first).is_some_and(|order| order.filled == 0);
        if !untouched {
            return Ok(());
        }
        match self.place(account, second, Some(first), Then::default(), events) {
            Ok(second) => {
                self.link(first, second);
                Ok(())
            }
            Err(reason) => {
                self.withdraw(first, crate::event::CancelReason::Refused, events);
                Err(reason)
            }
        }
    }

    /// The first knows of the second, if both are still there.
    fn link(&mut self, first: OrderId, second: OrderId) {
        let partner = self.orders.get(second).map(|order| order.id);
        let Some((order, slot)) = self.orders.get_mut(first) else { return };
        order.partner = partner;
        self.touch(Kind::Order, slot);
    }

    /// An order, and what is placed when it has traded: kept beside it until then.
    fn place_chain(
        &mut self,
        account: AccountId,
        first: &OrderTerms,
        then: &TriggerThen,
        when: WhenFilled,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let children: &[OrderTerms] = match then {
            TriggerThen::One(terms) => std::slice::from_ref(terms),
            TriggerThen::OneCancelsOther(pair) => pair,
        };
        let all = std::iter::once(first).chain(children);
        all.clone().try_for_each(|terms| self.check_terms(terms))?;
        if let TriggerThen::OneCancelsOther(pair) = then {
            check_pair(pair)?;
        }
        self.check_room(account, all)?;
        // The first has the next number; those that it triggers follow. Its trades may set them off
        // at once: what is set off is placed when the command is done, and they are there by then.
        let number = self.orders.last + 1;
        let second = (children.len() == 2).then_some(OrderId(number + 2));
        let orders = [Some(OrderId(number + 1)), second];
        let first = self.place(account, first, None, Then { orders, when: Some(when) }, events)?;
        for (place, terms) in children.iter().enumerate() {
            let id = orders[place].expect("as many numbers as orders");
            let partner = orders[1 - place].filter(|_| children.len() == 2);
            let links = (partner, Then::default());
            self.keep_waiting(id, account, terms, Stage::Parked, links, events);
        }
        if self.orders.get(first).is_none() {
            self.end_untriggered(&orders, events);
        }
        Ok(())
    }

    /// Orders whose first one ended at once without setting them off.
    fn end_untriggered(&mut self, orders: &[Option<OrderId>], events: &mut Events) {
        for id in orders.iter().flatten() {
            if !self.work.queue.contains(id) && self.orders.get(*id).is_some() {
                self.withdraw(*id, crate::event::CancelReason::NotTriggered, events);
            }
        }
    }
}

/// Whether both orders of a pair may stay open.
fn check_pair(pair: &[OrderTerms; 2]) -> Result<(), Rejection> {
    use crate::command::OrderType::{Limit, PostOnly};
    let may_wait = |terms: &OrderTerms| {
        terms.trigger.is_some() || matches!(terms.order_type, Limit { .. } | PostOnly { .. })
    };
    if pair.iter().all(may_wait) {
        return Ok(());
    }
    let problem = "orders that cancel each other must rest or wait: limit, post-only, or with a \
                   trigger";
    Err(Rejection::Group(problem.into()))
}
