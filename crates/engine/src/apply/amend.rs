//! Orders with new terms.

use book::{Lots, OrderId};
use ledger::AccountId;

use super::Events;
use super::place::check_price;
use crate::command::{AmendOrder, OrderTerms, OrderType};
use crate::orders::Stage;
use crate::{Rejection, State};

impl State {
    pub(crate) fn amend_order(
        &mut self,
        amend: &AmendOrder,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let AmendOrder { account, order: id, price, lots, .. } = *amend;
        self.check_account(account)?;
        let own = self.orders.get(id).filter(|order| order.account == account);
        let order = own.ok_or(Rejection::UnknownOrder(id))?;
        if order.stage != Stage::Resting {
            let problem = "it waits; cancel it and place another";
            return Err(Rejection::NotAmendable(problem.into()));
        }
        let listing = &self.listings[order.terms.instrument.place()];
        let price = price.unwrap_or_else(|| listing.price(order.limit));
        let lots = lots.unwrap_or(order.open);
        self.amend(account, id, price, lots, events)
    }

    /// Amends an order in the book. With no more lots at the same price it needs no margin.
    pub(crate) fn amend(
        &mut self,
        account: AccountId,
        id: OrderId,
        price: instruments::Price,
        lots: i64,
        events: &mut Events,
    ) -> Result<(), Rejection> {
        let order = self.orders.get(id).ok_or(Rejection::UnknownOrder(id))?;
        let (open, instrument) = (order.open, order.terms.instrument);
        let listing = &self.listings[instrument.place()];
        let most = listing.terms.lots_max;
        if !(1..=most).contains(&lots) {
            return Err(Rejection::Lots { found: lots, most });
        }
        check_price(price, listing.terms.tick)?;
        let limit = listing.ticks_down(price);
        let mut lots = lots;
        if limit != order.limit || lots > open {
            let terms = OrderTerms {
                lots,
                order_type: at(order.terms.order_type, price),
                ..order.terms.clone()
            };
            lots = self.check_entry(account, &terms, Some((id, open)))?.lots;
        }
        let mut answers = std::mem::take(&mut self.work.book);
        self.listings[instrument.place()].book.amend(id, limit, Lots(lots), &mut answers);
        if let [book::Event::Refused { refusal, .. }] = answers[..] {
            answers.clear();
            self.work.book = answers;
            // It was admitted as if the order were amended already.
            self.forget_credit(account);
            return Err(Rejection::Book(refusal));
        }
        self.work.book = answers;
        self.take_in(instrument, events);
        self.set_off_by_trades(Some(account), instrument, events);
        Ok(())
    }
}

/// The type of an amended order: what rests is a limit order, or a post-only one.
fn at(order_type: OrderType, price: instruments::Price) -> OrderType {
    match order_type {
        OrderType::PostOnly { crossing, .. } => OrderType::PostOnly { price, crossing },
        _ => OrderType::Limit { price },
    }
}
