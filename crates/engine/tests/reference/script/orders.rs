//! Orders, quotes and groups.

use book::{Crossing, Direction, OrderId, PriceSource, SelfTrade, Side};
use engine::InstrumentId;
use engine::command::{
    Action, AmendOrder, CancelOrders, Group, Label, MassQuote, OrderTerms, OrderType, PlaceGroup,
    PlaceOrder, ProtectMarketMaker, ProtectionRules, Quote, QuoteSide, TriggerAt, TriggerTerms,
    TriggerThen, WhenFilled,
};
use instruments::{Price, Underlying};
use ledger::AccountId;

use super::venue::{asset, at};
use super::{OrderView, Script, View};

const SIDES: [Side; 2] = Side::BOTH;

impl Script {
    pub(super) fn place_order(&mut self, view: &View) -> Action {
        if self.random.percent(45)
            && let Some(found) = self.resting(view)
        {
            return self.meet(view, found);
        }
        let (account, request) = (self.account(view), self.request());
        let order = self.terms(view);
        Action::PlaceOrder(PlaceOrder { account, request, order })
    }

    fn resting(&mut self, view: &View) -> Option<OrderView> {
        let resting: Vec<OrderView> = view.orders.iter().copied().filter(|o| !o.waits).collect();
        (!resting.is_empty()).then(|| self.random.pick(&resting))
    }

    /// An order that meets another one.
    fn meet(&mut self, view: &View, found: OrderView) -> Action {
        let (account, request) = (self.account(view), self.request());
        let mut order = self.terms(view);
        order.instrument = InstrumentId(found.instrument);
        order.side = if found.buys { Side::Sell } else { Side::Buy };
        order.lots =
            self.random.pick(&[found.open, found.open, found.open / 2 + 1, found.open + 3]);
        let price = Price::from_units(found.price);
        order.order_type = match self.random.below(8) {
            0..4 => OrderType::Limit { price },
            4 => OrderType::ImmediateOrCancel { price },
            5 => OrderType::FillOrKill { price },
            6 => OrderType::MarketLimit {},
            _ => OrderType::Market {},
        };
        if self.random.percent(80) {
            (order.trigger, order.reduce_only) = (None, false);
        }
        Action::PlaceOrder(PlaceOrder { account, request, order })
    }

    /// An order that closes a position, or more than that.
    pub(super) fn close_position(&mut self, view: &View) -> Action {
        if view.positions.is_empty() {
            return self.place_order(view);
        }
        let (account, instrument, lots) = self.random.pick(&view.positions);
        let mut order = self.terms(view);
        order.instrument = InstrumentId(instrument);
        order.side = if lots > 0 { Side::Sell } else { Side::Buy };
        order.lots =
            self.random.pick(&[lots.abs(), lots.abs(), lots.abs() / 2 + 1, 2 * lots.abs()]);
        order.order_type = self.order_type(view, order.instrument, order.side);
        order.reduce_only = self.random.percent(70);
        order.protected &= !order.reduce_only;
        Action::PlaceOrder(PlaceOrder { account: AccountId::new(account), request: None, order })
    }

    /// A maker, one whose quotes are frozen now and then.
    fn maker(&mut self, view: &View) -> AccountId {
        let account = self.account(view);
        let frozen = !view.frozen.is_empty() && self.random.percent(50);
        if frozen { AccountId::new(self.random.pick(&view.frozen)) } else { account }
    }

    fn terms(&mut self, view: &View) -> OrderTerms {
        let instrument = self.instrument(view);
        let side = self.random.pick(&SIDES);
        let trigger = self.random.maybe(12, |_| ()).map(|()| self.trigger(view, instrument));
        let reduce_only = self.random.percent(8);
        let plain = trigger.is_none() && !reduce_only;
        let protected = self.random.percent(if plain { 8 } else { 1 });
        let lots = self.lots(view, instrument);
        OrderTerms {
            instrument,
            side,
            lots,
            order_type: self.order_type(view, instrument, side),
            trigger,
            reduce_only,
            display: self.random.maybe(10, |random| random.within(1, 1 + lots.clamp(0, 50))),
            expires: self
                .random
                .maybe(10, |random| random.within(-10, 40_000))
                .map(|ms| at(self.now + ms)),
            self_trade: self.random.pick(&[
                SelfTrade::CancelTaker,
                SelfTrade::Allow,
                SelfTrade::CancelMaker,
                SelfTrade::CancelBoth,
                SelfTrade::Decrement,
            ]),
            protected,
            label: self.label(),
        }
    }

    fn label(&mut self) -> Option<Label> {
        self.random.maybe(20, |random| Label::new(random.pick(&["a", "b c", "~"])).unwrap())
    }

    /// Mostly a size that an account can carry, now and then one near or beyond its means.
    fn lots(&mut self, view: &View, instrument: InstrumentId) -> i64 {
        let name = view.instruments.get(instrument.0 as usize).map(|found| found.instrument);
        let coin_sized = name.is_none_or(|name| name.is_sized_in_quote());
        let large = if coin_sized { 200_000 } else { 20_000 };
        match self.random.below(20) {
            0..9 => self.random.within(1, 30),
            9..15 => self.random.within(1, large / 20),
            15..19 => self.random.within(1, large),
            _ => self.random.pick(&[0, -1, 1_000_000_000, 1]),
        }
    }

    fn order_type(&mut self, view: &View, instrument: InstrumentId, side: Side) -> OrderType {
        let price = self.price(view, instrument, side);
        match self.random.below(20) {
            0..10 => OrderType::Limit { price },
            10..13 => OrderType::PostOnly {
                price,
                crossing: self.random.pick(&[Crossing::Reject, Crossing::Reprice]),
            },
            13..15 => OrderType::ImmediateOrCancel { price },
            15 => OrderType::FillOrKill { price },
            16..18 => OrderType::Market {},
            _ => OrderType::MarketLimit {},
        }
    }

    /// A few ticks around the mark.
    fn price(&mut self, view: &View, instrument: InstrumentId, side: Side) -> Price {
        let Some(found) = view.instruments.get(instrument.0 as usize) else {
            return super::venue::whole(1);
        };
        let middle = found.mark.map_or(found.tick, |mark| mark.units()) / found.tick;
        let towards = if side == Side::Buy { 1 } else { -1 };
        let away = match self.random.below(20) {
            0..14 => self.random.within(-2, 2),
            14..18 => self.random.within(-8, 4),
            _ => self.random.within(-300, 300),
        };
        let ticks = (middle + towards * away).max(1);
        let off = if self.random.per_mille(8) { 1 } else { 0 };
        Price::from_units(ticks.saturating_mul(found.tick).saturating_add(off))
    }

    fn trigger(&mut self, view: &View, instrument: InstrumentId) -> TriggerTerms {
        let source = self.random.pick(&[PriceSource::Last, PriceSource::Mark, PriceSource::Index]);
        let found = view.instruments.get(instrument.0 as usize);
        let tick = found.map_or(1, |found| found.tick);
        let trails = self.random.percent(35);
        let at = if trails {
            TriggerAt::Trail(Price::from_units(tick * self.random.within(0, 4)))
        } else if source == PriceSource::Index {
            let index = view.prices
                [1 + usize::from(found.is_some_and(|f| f.instrument.base() == asset("ETH")))];
            let ticks = index.map_or(1, |index| index.units()) / tick + self.random.within(-4, 4);
            TriggerAt::Price(Price::from_units(ticks.max(1).saturating_mul(tick)))
        } else {
            TriggerAt::Price(self.price(view, instrument, Side::Buy))
        };
        TriggerTerms {
            source,
            direction: self.random.pick(&[Direction::Rising, Direction::Falling]),
            at,
        }
    }

    pub(super) fn amend_order(&mut self, view: &View) -> Action {
        let request = self.request();
        let unknown = Action::AmendOrder(AmendOrder {
            account: AccountId::new(0),
            order: OrderId(99_999),
            price: None,
            lots: Some(1),
            request,
        });
        if view.orders.is_empty() {
            return unknown;
        }
        let found = self.random.pick(&view.orders);
        let tick = view.instruments[found.instrument as usize].tick;
        let price = self.random.maybe(60, |random| random.within(-4, 4));
        let price = price.map(|ticks| Price::from_units(found.price.saturating_add(ticks * tick)));
        let lots = self.random.maybe(60, |random| {
            random.pick(&[found.open / 2, found.open - 1, found.open + 1, 2 * found.open, 0])
        });
        let account =
            if self.random.percent(3) { self.account(view) } else { AccountId::new(found.account) };
        Action::AmendOrder(AmendOrder { account, order: OrderId(found.id), price, lots, request })
    }

    pub(super) fn cancel_order(&mut self, view: &View) -> Action {
        let request = self.request();
        if view.orders.is_empty() {
            return Action::CancelOrder { account: self.account(view), order: OrderId(1), request };
        }
        let found = self.random.pick(&view.orders);
        let account =
            if self.random.percent(3) { self.account(view) } else { AccountId::new(found.account) };
        Action::CancelOrder { account, order: OrderId(found.id), request }
    }

    pub(super) fn cancel_orders(&mut self, view: &View) -> Action {
        Action::CancelOrders(CancelOrders {
            account: self.account(view),
            instrument: self.random.maybe(30, |_| ()).map(|()| self.instrument(view)),
            underlying: self.random.maybe(30, |_| underlying("BTC")),
            side: self.random.maybe(30, |random| random.pick(&SIDES)),
            label: self.label(),
            protected: self.random.percent(15),
            request: self.request(),
        })
    }

    pub(super) fn mass_quote(&mut self, view: &View) -> Action {
        let (account, request) = (self.maker(view), self.request());
        let count = self.random.pick(&[0, 1, 1, 2, 2, 3, 6]);
        let quotes = (0..count).map(|_| {
            let instrument = self.instrument(view);
            let mut side = |side| {
                let price = self.price(view, instrument, side);
                let lots = self.lots(view, instrument).min(300);
                self.random.maybe(80, |_| QuoteSide { price, lots })
            };
            Quote { instrument, bid: side(Side::Buy), ask: side(Side::Sell) }
        });
        let mut quotes: Vec<Quote> = quotes.collect();
        if self.random.percent(90) {
            quotes.sort_by_key(|quote| quote.instrument);
            quotes.dedup_by_key(|quote| quote.instrument);
        }
        Action::MassQuote(MassQuote { account, request, quotes })
    }

    pub(super) fn place_group(&mut self, view: &View) -> Action {
        let (account, request) = (self.account(view), self.request());
        let group = if self.random.percent(45) {
            Group::OneCancelsOther(pair_of(self, view))
        } else {
            let first = self.terms(view);
            let then = if self.random.percent(50) {
                TriggerThen::One(self.terms(view))
            } else {
                TriggerThen::OneCancelsOther(pair_of(self, view))
            };
            let when = self.random.pick(&[WhenFilled::First, WhenFilled::Complete]);
            Group::OneTriggersOther { first, then, when }
        };
        Action::PlaceGroup(Box::new(PlaceGroup { account, request, group }))
    }

    pub(super) fn protect(&mut self, view: &View) -> Action {
        let rules = self.random.maybe(85, |random| ProtectionRules {
            window_ms: random.pick(&[0, 1, 1_000, 60_000]),
            frozen_ms: random.pick(&[0, 1_000, 60_000]),
            base_max: random.pick(&[0, 1, 100_000, 10_000_000, 1_000_000_000]),
        });
        let underlying = self.any_underlying();
        Action::ProtectMarketMaker(ProtectMarketMaker {
            account: self.account(view),
            underlying,
            rules,
        })
    }

    pub(super) fn reset_protection(&mut self, view: &View) -> Action {
        Action::ResetProtection { account: self.account(view), underlying: self.any_underlying() }
    }

    fn any_underlying(&mut self) -> Underlying {
        underlying(self.random.weighted(&[(6, "BTC"), (3, "ETH"), (1, "XRP")]))
    }

    pub(super) fn cancel_on_disconnect(&mut self, view: &View) -> Action {
        Action::SetCancelOnDisconnect {
            account: self.account(view),
            enabled: self.random.percent(80),
        }
    }

    pub(super) fn disconnect(&mut self, view: &View) -> Action {
        Action::Disconnect { account: self.account(view) }
    }
}

/// Two orders of one instrument, mostly.
fn pair_of(script: &mut Script, view: &View) -> [OrderTerms; 2] {
    let first = script.terms(view);
    let mut second = script.terms(view);
    if script.random.percent(70) {
        second.instrument = first.instrument;
        second.order_type = script.order_type(view, second.instrument, second.side);
    }
    [first, second]
}

pub fn underlying(name: &str) -> Underlying {
    Underlying::of(asset(name))
}
