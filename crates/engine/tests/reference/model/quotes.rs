//! Amends, quotes, groups and market-maker protection.

use book::{Crossing, Lots, OrderId, SelfTrade, Side};
use engine::command::{
    AmendOrder, Group, MassQuote, OrderTerms, OrderType, PlaceGroup, ProtectMarketMaker, Quote,
    QuoteSide, TriggerThen,
};
use engine::event::{CancelReason, Event};
use engine::{InstrumentId, Rejection};
use instruments::{Price, Timestamp, Underlying};
use ledger::AccountId;

use super::place::{Ties, check_price, ticks_down};
use super::records::ProtectionNow;
use super::set_off::base_size;
use super::{Model, Outcome, Stage};

impl Model {
    pub(super) fn amend_order(&mut self, amend: &AmendOrder) -> Outcome {
        self.check_account(amend.account)?;
        let order = self.orders.get(&amend.order.0).filter(|order| order.account == amend.account);
        let order = order.ok_or(Rejection::UnknownOrder(amend.order))?;
        if order.stage != Stage::Resting {
            return Err(Rejection::NotAmendable("it waits; cancel it and place another".into()));
        }
        let price = self.listing(order.terms.instrument).price(order.limit);
        let (price, lots) = (amend.price.unwrap_or(price), amend.lots.unwrap_or(order.open));
        self.amend(amend.account, amend.order.0, price, lots)
    }

    fn amend(&mut self, account: AccountId, id: u64, price: Price, lots: i64) -> Outcome {
        let order = self.orders[&id].clone();
        let listing = self.listing(order.terms.instrument);
        let most = listing.terms.lots_max;
        if lots < 1 || lots > most {
            return Err(Rejection::Lots { found: lots, most });
        }
        check_price(price, listing.terms.tick)?;
        let limit = ticks_down(listing, price);
        let mut lots = lots;
        if limit != order.limit || lots > order.open {
            let order_type = match order.terms.order_type {
                OrderType::PostOnly { crossing, .. } => OrderType::PostOnly { price, crossing },
                _ => OrderType::Limit { price },
            };
            let terms = OrderTerms { lots, order_type, ..order.terms.clone() };
            lots = self.check_entry(account, &terms, Some(id))?.lots;
        }
        let mut answers = Vec::new();
        let book = &mut self.listing_mut(order.terms.instrument).book;
        book.amend(OrderId(id), limit, Lots(lots), &mut answers).map_err(Rejection::Book)?;
        self.take_in(order.terms.instrument, answers);
        self.set_off_by_trades(Some(account), order.terms.instrument);
        Ok(())
    }

    pub(super) fn mass_quote(&mut self, mass: &MassQuote) -> Outcome {
        let account = mass.account;
        self.check_account(account)?;
        let (found, most) = (mass.quotes.len() as u64, self.rules.quotes_max);
        if found > u64::from(most) {
            return Err(Rejection::TooManyQuotes { found, most });
        }
        let mut named = Vec::new();
        for Quote { instrument, .. } in &mass.quotes {
            self.check_listing(*instrument)?;
            if named.contains(instrument) {
                return Err(Rejection::Group(format!("{instrument} is quoted twice")));
            }
            named.push(*instrument);
        }
        for quote in &mass.quotes {
            for (side, wanted) in [(Side::Buy, quote.bid), (Side::Sell, quote.ask)] {
                self.quote(account, quote.instrument, side, wanted);
            }
        }
        Ok(())
    }

    fn quote(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        side: Side,
        wanted: Option<QuoteSide>,
    ) {
        let is_quote = |order: &&super::OrderNow| order.terms.protected && order.terms.side == side;
        let there = self.resting(account, instrument).find(is_quote).map(|order| order.id.0);
        let outcome = match (there, wanted) {
            (None, None) => Ok(()),
            (Some(id), None) => {
                self.withdraw(id, CancelReason::Replaced);
                Ok(())
            }
            (Some(id), Some(QuoteSide { price, lots })) => self.amend(account, id, price, lots),
            (None, Some(QuoteSide { price, lots })) => {
                let terms = OrderTerms {
                    instrument,
                    side,
                    lots,
                    order_type: OrderType::PostOnly { price, crossing: Crossing::Reprice },
                    trigger: None,
                    reduce_only: false,
                    display: None,
                    expires: None,
                    self_trade: SelfTrade::CancelTaker,
                    protected: true,
                    label: None,
                };
                let checked = self
                    .check_terms(&terms)
                    .and_then(|()| self.check_room(account, std::slice::from_ref(&terms)));
                checked.and_then(|()| self.place(account, &terms, Ties::default()).map(|_| ()))
            }
        };
        if let Err(reason) = outcome {
            self.reject(Some(account), reason);
            if let Some(id) = there.filter(|id| self.orders.contains_key(id)) {
                self.withdraw(id, CancelReason::Replaced);
            }
        }
    }

    pub(super) fn place_group(&mut self, place: &PlaceGroup) -> Outcome {
        let account = place.account;
        self.check_account(account)?;
        let together = "orders that cancel each other must rest or wait: limit, post-only, or with \
                        a trigger";
        match &place.group {
            Group::OneCancelsOther(pair) => {
                for terms in pair {
                    self.check_terms(terms)?;
                }
                if !pair.iter().all(may_wait) {
                    return Err(Rejection::Group(together.into()));
                }
                self.check_room(account, pair)?;
                self.place_pair(account, pair)
            }
            Group::OneTriggersOther { first, then, when } => {
                let children = match then {
                    TriggerThen::One(terms) => vec![terms.clone()],
                    TriggerThen::OneCancelsOther(pair) => pair.to_vec(),
                };
                let mut all = vec![first.clone()];
                all.extend(children.iter().cloned());
                for terms in &all {
                    self.check_terms(terms)?;
                }
                if children.len() == 2 && !children.iter().all(may_wait) {
                    return Err(Rejection::Group(together.into()));
                }
                self.check_room(account, &all)?;
                self.place_chain(account, first, &children, *when)
            }
        }
    }

    fn place_pair(&mut self, account: AccountId, [first, second]: &[OrderTerms; 2]) -> Outcome {
        let first = self.place(account, first, Ties::default())?;
        if self.orders.get(&first).is_none_or(|order| order.filled > 0) {
            return Ok(());
        }
        let ties = Ties { partner: Some(first), ..Ties::default() };
        match self.place(account, second, ties) {
            Ok(second) => {
                let there = self.orders.contains_key(&second);
                if let Some(order) = self.orders.get_mut(&first) {
                    order.partner = there.then_some(second);
                }
                Ok(())
            }
            Err(reason) => {
                self.withdraw(first, CancelReason::Refused);
                Err(reason)
            }
        }
    }

    fn place_chain(
        &mut self,
        account: AccountId,
        first: &OrderTerms,
        children: &[OrderTerms],
        when: engine::command::WhenFilled,
    ) -> Outcome {
        let number = self.last_order + 1;
        let ids: Vec<u64> = (number + 1..).take(children.len()).collect();
        let ties = Ties { partner: None, then: ids.clone(), when: Some(when) };
        self.place(account, first, ties)?;
        for (id, terms) in ids.iter().zip(children) {
            let partner = ids.iter().find(|other| *other != id).copied();
            let ties = Ties { partner, ..Ties::default() };
            self.keep_waiting(*id, account, terms, Stage::Parked, ties);
        }
        if !self.orders.contains_key(&number) {
            for id in &ids {
                if self.orders.contains_key(id) && !self.queue.contains(id) {
                    self.withdraw(*id, CancelReason::NotTriggered);
                }
            }
        }
        Ok(())
    }

    pub(super) fn protect_market_maker(&mut self, protect: &ProtectMarketMaker) -> Outcome {
        let ProtectMarketMaker { account, underlying, rules } = *protect;
        self.check_account(account)?;
        self.place_of(underlying.asset())?;
        let window = self.time;
        if let Some(rules) = rules {
            within("window_ms", i64::from(rules.window_ms), 1, Timestamp::DAY)?;
            within("frozen_ms", i64::from(rules.frozen_ms), 0, Timestamp::DAY)?;
            within("base_max", rules.base_max, 0, 1 << 60)?;
            let protection = ProtectionNow { rules, window, traded: 0, frozen: None };
            self.account_mut(account).protections.insert(underlying, protection);
        } else {
            self.account_mut(account).protections.remove(&underlying);
        }
        self.events.push(Event::ProtectionSet { account, underlying });
        Ok(())
    }

    pub(super) fn reset_protection(
        &mut self,
        account: AccountId,
        underlying: Underlying,
    ) -> Outcome {
        self.check_account(account)?;
        self.place_of(underlying.asset())?;
        let now = self.time;
        if let Some(found) = self.account_mut(account).protections.get_mut(&underlying) {
            *found = ProtectionNow { window: now, traded: 0, frozen: None, ..found.clone() };
        }
        self.events.push(Event::ProtectionSet { account, underlying });
        Ok(())
    }

    /// Counts a trade of a protected order.
    pub(super) fn count_protected(&mut self, account: AccountId, id: InstrumentId, lots: i64) {
        let instrument = self.listing(id).instrument;
        let index = self.asset_now(instrument.base()).price.expect("what trades has an index");
        let (now, underlying) = (self.time, instrument.underlying());
        let frozen_before = self.is_frozen(account, underlying);
        let Some(found) = self.account_mut(account).protections.get_mut(&underlying) else {
            return;
        };
        if now - found.window > i64::from(found.rules.window_ms) {
            (found.window, found.traded) = (now, 0);
        }
        found.traded += base_size(&instrument, lots, index);
        if found.traded <= i128::from(found.rules.base_max) || frozen_before {
            return;
        }
        let frozen_ms = i64::from(found.rules.frozen_ms);
        let until = (frozen_ms > 0).then_some(now + frozen_ms);
        found.frozen = Some(until);
        (found.window, found.traded) = (now, 0);
        let until = until.map(Timestamp::from_milliseconds);
        self.events.push(Event::QuotesFrozen { account, underlying, until });
        let quotes = self.orders.values().filter(|order| {
            let listing = self.listing(order.terms.instrument);
            order.account == account
                && order.terms.protected
                && listing.instrument.underlying() == underlying
        });
        let quotes: Vec<u64> = quotes.map(|order| order.id.0).collect();
        self.withdraw_all(&quotes, CancelReason::Protection);
    }
}

fn may_wait(terms: &OrderTerms) -> bool {
    terms.trigger.is_some()
        || matches!(terms.order_type, OrderType::Limit { .. } | OrderType::PostOnly { .. })
}

fn within(what: &str, found: i64, least: i64, most: i64) -> Outcome {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(Rejection::OutOfRange { what: what.into(), found, least, most })
}
