//! What becomes of orders, and of the depth that they make.

use book::OrderId;
use engine::Event;
use engine::event::CancelReason;
use instruments::{Amount, Price};

use super::account::UserTrade;
use super::listing::Trade;
use super::order::{Order, OrderState, limit_of};
use super::update::Update;
use super::venue::Venue;
use crate::history::record::Record;
use crate::names;

impl Venue {
    /// Takes in an event, if it is one of orders.
    pub(super) fn take_in_order(&mut self, event: &Event, quotes: bool, updates: &mut Vec<Update>) {
        match event {
            Event::OrderAccepted {
                order,
                account,
                instrument,
                side,
                lots,
                limit,
                waits,
                label,
            } => {
                let terms = match quotes {
                    true => None,
                    false => self.announced.take(*account, *instrument, *side, label.as_ref()),
                };
                let new = self.new_order(*order, *account, *instrument, *side, *lots);
                let asked = terms.as_ref().and_then(|terms| limit_of(&terms.order_type));
                let price = asked.or(*limit);
                let state = if *waits { OrderState::Untriggered } else { OrderState::Open };
                let (label, triggered) = (label.clone(), false);
                let links = self.linked.iter().find(|(id, _)| id == order);
                let links = links.map(|(_, links)| links.clone()).unwrap_or_default();
                let new = Order { terms, label, price, state, triggered, links, ..new };
                self.orders.insert(*order, new);
                if let Some(account) = self.accounts.get_mut(account.number() as usize) {
                    account.live.insert(*order);
                }
                self.changed(*order, updates);
            }
            Event::Rested { order, price, displayed, open, .. } => {
                self.show(*order, *price, *displayed, updates);
                if let Some(order) = self.orders.get_mut(order) {
                    order.lots = order.filled + open;
                    order.price = Some(*price);
                }
                self.changed(*order, updates);
            }
            Event::Trade(trade) => self.note_trade(trade, updates),
            Event::Cancelled { order, lots, reason, .. } => {
                self.end(*order, *lots, *reason, updates);
            }
            Event::Reduced { order, open, .. } => {
                self.resize(*order, *open, None, updates);
            }
            Event::Amended { order, price, open, kept_place, .. } => {
                if !kept_place {
                    self.show(*order, *price, 0, updates);
                }
                self.resize(*order, *open, Some(*price), updates);
            }
            Event::Repriced { order, to, .. } => {
                // What is shown of it stands where it stood until it is amended.
                let order = self.orders.get_mut(order).filter(|order| order.shown == 0);
                if let Some(order) = order {
                    order.price = Some(*to);
                }
            }
            Event::Triggered { order } => {
                if let Some(order) = self.orders.get_mut(order) {
                    let is_parked = std::mem::take(&mut order.links.is_parked);
                    let waits = order.terms.as_ref().is_some_and(|terms| terms.trigger.is_some());
                    // One that another order has triggered may still wait for its price.
                    if !(is_parked && waits) {
                        (order.state, order.triggered) = (OrderState::Open, true);
                    }
                }
                self.changed(*order, updates);
            }
            _ => {}
        }
    }

    /// What is shown of an order in its book, and where.
    fn show(&mut self, id: OrderId, price: Price, displayed: i64, updates: &mut Vec<Update>) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        let levels = &mut self.listings[order.instrument.0 as usize].levels;
        if let Some(before) = order.price.filter(|_| order.shown > 0) {
            levels.add(order.side, before.units(), -order.shown);
        }
        levels.add(order.side, price.units(), displayed);
        (order.shown, order.price) = (displayed, Some(price));
        self.listings[order.instrument.0 as usize].version += 1;
        updates.push(Update::Book(order.instrument));
    }

    /// So many lots of an order are open now.
    fn resize(&mut self, id: OrderId, open: i64, price: Option<Price>, updates: &mut Vec<Update>) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.lots = order.filled + open;
        order.replaced |= price.is_some();
        let at = price.or(order.price).unwrap_or_default();
        let shown = order.shown.min(open);
        if order.shown > 0 {
            self.show(id, at, shown, updates);
        } else if let Some(order) = self.orders.get_mut(&id) {
            order.price = price.or(order.price);
        }
        if open == 0 {
            self.finish(id, OrderState::Cancelled, None);
        }
        self.changed(id, updates);
    }

    fn note_trade(&mut self, event: &engine::event::Trade, updates: &mut Vec<Update>) {
        let is_liquidation =
            |order: &OrderId| self.orders.get(order).is_some_and(|order| order.liquidation);
        self.trade_count += 1;
        let listing = self.at(event.instrument);
        let trade = Trade {
            id: self.trade_count,
            number: event.trade,
            instrument: event.instrument,
            currency: names::currency(&listing.instrument),
            sequence: self.sequence,
            time: self.time,
            price: event.price,
            lots: event.lots,
            side: event.taker_side,
            mark: listing.mark,
            index: self.index_of(listing),
            tick_direction: 0,
            maker: (event.maker, is_liquidation(&event.maker)),
            taker: (event.taker, is_liquidation(&event.taker)),
        };
        let bounds = self.bounds;
        let trade = self.listing_mut(event.instrument).trade(trade, &bounds);
        self.notes.push(|| Record::Trade(trade));
        let sides = [
            (event.maker, event.maker_account, event.maker_fee, event.maker_open, true),
            (event.taker, event.taker_account, event.taker_fee, event.taker_open, false),
        ];
        for (id, account, fee, open, is_maker) in sides {
            self.note_fill(id, &trade, fee, open, updates);
            let realised = Amount::ZERO;
            let own = UserTrade { trade, order: id, is_maker, fee, realised };
            if let Some(known) = self.accounts.get_mut(account.number() as usize) {
                let number = known.note_trade(own, bounds.account);
                self.notes.push(|| Record::Fill { account, number, own });
            }
            self.traded.push((account, event.instrument, id));
        }
        updates.push(Update::Trade(trade));
        updates.push(Update::UserTrade(event.maker_account));
        updates.push(Update::UserTrade(event.taker_account));
    }

    fn note_fill(
        &mut self,
        id: OrderId,
        trade: &Trade,
        fee: Amount,
        open: i64,
        updates: &mut Vec<Update>,
    ) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.filled += trade.lots;
        order.lots = order.filled + open;
        order.traded_value += i128::from(trade.price.units()) * i128::from(trade.lots);
        order.fees = Amount::from_units(order.fees.units() + fee.units());
        let (price, shown) = (order.price.unwrap_or_default(), order.shown);
        if shown > 0 {
            self.show(id, price, (shown - trade.lots).max(0), updates);
        }
        if open == 0 {
            self.finish(id, OrderState::Filled, None);
        }
        self.changed(id, updates);
    }

    fn end(&mut self, id: OrderId, lots: i64, reason: CancelReason, updates: &mut Vec<Update>) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.lots = order.filled + lots;
        if order.shown > 0 {
            let price = order.price.unwrap_or_default();
            self.show(id, price, 0, updates);
        }
        self.finish(id, OrderState::Cancelled, Some(reason));
        self.changed(id, updates);
    }

    fn finish(&mut self, id: OrderId, state: OrderState, reason: Option<CancelReason>) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        if !order.is_live() {
            return;
        }
        (order.state, order.reason) = (state, reason);
        if let Some(account) = self.accounts.get_mut(order.account.number() as usize) {
            account.live.remove(&id);
            self.ending.push((account.id, account.ended.append(id), id));
        }
    }

    /// What ended by the command stands as it will forever; orders that ended long ago may go.
    pub(super) fn settle_ended(&mut self) {
        let ending = std::mem::take(&mut self.ending);
        for (_, number, id) in &ending {
            if let Some(order) = self.orders.get(id) {
                let (number, order) = (*number, Box::new(order.clone()));
                self.notes.push(|| Record::Order { number, order });
            }
        }
        for (owner, ..) in ending {
            let Some(account) = self.accounts.get_mut(owner.number() as usize) else { continue };
            while let Some(gone) = account.ended.drop_oldest(self.bounds.account) {
                self.orders.remove(&gone);
            }
        }
    }

    fn changed(&mut self, id: OrderId, updates: &mut Vec<Update>) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.updated = self.time;
        let account = order.account;
        if let Some(known) = self.accounts.get_mut(account.number() as usize) {
            known.note_change(id);
        }
        updates.push(Update::Order(account));
    }
}

#[cfg(test)]
mod tests {
    use book::Side;
    use engine::InstrumentId;
    use instruments::Timestamp;
    use ledger::AccountId;
    use risk::MarginModel;

    use super::super::account::Account;
    use super::super::listing::Listing;
    use super::*;

    const BOOK: InstrumentId = InstrumentId(0);

    fn price(units: i64) -> Price {
        Price::from_units(units)
    }

    /// An order that rests at a price, and the venue that shows it.
    fn resting(order: OrderId, at: i64) -> Venue {
        let instrument = "BTC-PERPETUAL".parse().expect("it is a name");
        let terms = serde_json::from_str(r#"{"tick": "0.5"}"#).expect("the rest has defaults");
        let owner = AccountId::new(0);
        let mut venue = Venue::default();
        let listing = Listing::new(BOOK, instrument, terms, Timestamp::from_milliseconds(0));
        venue.listings.push(listing);
        venue.accounts.push(Account::new(owner, None, MarginModel::Cross));
        let accepted = Event::OrderAccepted {
            order,
            account: owner,
            instrument: BOOK,
            side: Side::Buy,
            lots: 5,
            limit: Some(price(at)),
            waits: false,
            label: None,
        };
        venue.take_in_order(&accepted, true, &mut Vec::new());
        venue.take_in_order(&rested(order, at), true, &mut Vec::new());
        venue
    }

    fn rested(order: OrderId, at: i64) -> Event {
        let (price, side) = (price(at), Side::Buy);
        Event::Rested { order, instrument: BOOK, side, price, displayed: 5, open: 5 }
    }

    #[test]
    fn an_amended_order_that_its_book_reprices_leaves_nothing_where_it_was() {
        let order = OrderId(1);
        let mut venue = resting(order, 100);
        let (instrument, kept_place) = (BOOK, false);
        for event in [
            Event::Repriced { order, from: price(120), to: price(110) },
            Event::Amended { order, instrument, price: price(110), open: 5, kept_place },
            rested(order, 110),
        ] {
            venue.take_in_order(&event, true, &mut Vec::new());
        }
        assert_eq!(venue.at(BOOK).levels.bids().collect::<Vec<_>>(), [(110, 5)]);
    }
}
