//! A naive book: all orders in one list, searched from end to end for every question. Written from
//! the rules in `docs/concepts/order-book.md` alone, to disagree where the fast book is wrong.
//!
//! The reference of the engine's tests is made of it, too.

use book::{
    AccountId, CancelReason, Crossing, Event, Limits, Lots, NewOrder, OrderId, OrderKind,
    ReduceReason, Refusal, RestingOrder, SelfTrade, Side, Ticks,
};

/// One instrument's orders.
#[derive(Clone)]
pub struct NaiveBook {
    pub limits: Limits,
    pub orders: Vec<RestingOrder>,
    pub in_call: bool,
    stamp: u64,
}

/// An order that is on its way through the book.
struct Taker {
    id: OrderId,
    account: AccountId,
    side: Side,
    price: Ticks,
    open: i64,
    self_trade: SelfTrade,
}

impl NaiveBook {
    pub fn new(limits: Limits) -> Self {
        Self { limits, orders: Vec::new(), in_call: false, stamp: 0 }
    }

    /// The orders of a side in the order in which they trade.
    pub fn sorted(&self, side: Side) -> Vec<RestingOrder> {
        let mut orders = self.orders.clone();
        orders.retain(|order| order.side == side);
        orders.sort_by_key(|order| {
            (if side == Side::Buy { -order.price.0 } else { order.price.0 }, order.queued)
        });
        orders
    }

    pub fn place(&self, id: OrderId) -> Result<usize, Refusal> {
        self.orders.iter().position(|order| order.id == id).ok_or(Refusal::UnknownOrder)
    }

    fn stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    fn check_size(&self, lots: Lots, price: Ticks) -> Result<(), Refusal> {
        let Limits { price_min: min, price_max: max, lots_max, .. } = self.limits;
        if lots < Lots(1) {
            Err(Refusal::LotsNotPositive(lots))
        } else if lots > lots_max {
            Err(Refusal::LotsAboveLimit { max: lots_max })
        } else if price < min || price > max {
            Err(Refusal::PriceOutOfBounds { min, max })
        } else {
            Ok(())
        }
    }

    fn check_display(&self, display: Lots, lots: Lots) -> Result<(), Refusal> {
        if display < Lots(1) {
            return Err(Refusal::DisplayNotPositive(display));
        }
        // As many parts as are allowed show it all, and would not if each were a lot smaller.
        let parts = i128::from(self.limits.parts_max);
        let enough = |part: i64| i128::from(part) * parts >= i128::from(lots.0);
        if enough(display.0) {
            return Ok(());
        }
        let least = (lots.0 - 1) / i64::from(self.limits.parts_max) + 1;
        assert!(enough(least) && !enough(least - 1));
        Err(Refusal::DisplayTooSmall { least: Lots(least) })
    }

    pub fn submit(&mut self, order: &NewOrder, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let (asked, post_only) = match order.kind {
            OrderKind::PostOnly { price, crossing } => (price, Some(crossing)),
            kind => (kind.limit(), None),
        };
        let rests = matches!(
            order.kind,
            OrderKind::Limit { .. } | OrderKind::PostOnly { .. } | OrderKind::MarketLimit { .. }
        );
        self.check_size(order.lots, asked)?;
        if self.in_call && !matches!(order.kind, OrderKind::Limit { .. }) {
            return Err(Refusal::CallPeriod);
        }
        match order.display {
            Some(_) if !rests => return Err(Refusal::DisplayWithoutRest),
            Some(display) => self.check_display(display, order.lots)?,
            None => {}
        }
        if self.place(order.id).is_ok() {
            return Err(Refusal::DuplicateOrder);
        }
        let Limits { orders_max, orders_per_account_max, .. } = self.limits;
        let of_account = self.orders.iter().filter(|o| o.account == order.account).count();
        if rests && self.orders.len() >= orders_max as usize {
            return Err(Refusal::BookFull { max: orders_max });
        }
        if rests && of_account >= orders_per_account_max as usize {
            return Err(Refusal::AccountFull { max: orders_per_account_max });
        }
        let price = self.posted(order.side, asked, post_only)?;
        if price != asked {
            events.push(Event::Repriced { order: order.id, from: asked, to: price });
        }
        let mut taker = Taker {
            id: order.id,
            account: order.account,
            side: order.side,
            price,
            open: order.lots.0,
            self_trade: order.self_trade,
        };
        if matches!(order.kind, OrderKind::FillOrKill { .. })
            && self.immediate(&taker) < order.lots.0
        {
            Self::drop_taker(&mut taker, CancelReason::FillOrKill, events);
            return Ok(());
        }
        let last = self.take(&mut taker, events);
        if taker.open == 0 {
            return Ok(());
        }
        let rests_at = match order.kind {
            OrderKind::MarketLimit { .. } => last.or_else(|| self.own_best(order.side, price)),
            _ => Some(price),
        };
        match rests_at {
            _ if !rests => Self::drop_taker(&mut taker, CancelReason::Unfilled, events),
            None => Self::drop_taker(&mut taker, CancelReason::NoPrice, events),
            Some(price) => {
                let accepted = self.stamp();
                self.orders.push(RestingOrder {
                    id: order.id,
                    account: order.account,
                    side: order.side,
                    price,
                    displayed: Lots(0),
                    hidden: Lots(taker.open),
                    display: order.display,
                    post_only,
                    self_trade: order.self_trade,
                    accepted,
                    queued: 0,
                });
                self.requeue(self.orders.len() - 1, events);
            }
        }
        Ok(())
    }

    fn own_best(&self, side: Side, limit: Ticks) -> Option<Ticks> {
        let best = self.sorted(side).first()?.price;
        Some(if side == Side::Buy { best.min(limit) } else { best.max(limit) })
    }

    fn posted(
        &self,
        side: Side,
        price: Ticks,
        post_only: Option<Crossing>,
    ) -> Result<Ticks, Refusal> {
        let Some(crossing) = post_only.filter(|_| !self.in_call) else { return Ok(price) };
        let opposite = self.sorted(side.opposite());
        let Some(best) = opposite.first().map(|order| order.price) else { return Ok(price) };
        if !crosses(side, price, best) {
            return Ok(price);
        }
        let behind = Ticks(if side == Side::Buy { best.0 - 1 } else { best.0 + 1 });
        match crossing {
            Crossing::Reprice
                if self.limits.price_min <= behind && behind <= self.limits.price_max =>
            {
                Ok(behind)
            }
            _ => Err(Refusal::PostOnlyWouldTake { best }),
        }
    }

    /// What a fill-or-kill order would trade, found by trading it in a copy.
    fn immediate(&self, taker: &Taker) -> i64 {
        let mut copy = Self { orders: self.orders.clone(), ..*self };
        let mut events = Vec::new();
        copy.take(&mut Taker { ..*taker }, &mut events);
        let is_own = |event: &&Event| matches!(event, Event::Reduced { .. });
        let before_own = match taker.self_trade {
            SelfTrade::Decrement => events.iter().position(|event| is_own(&event)),
            _ => None,
        };
        let traded = events.iter().take(before_own.unwrap_or(events.len()));
        traded.map(|event| if let Event::Fill { lots, .. } = event { lots.0 } else { 0 }).sum()
    }

    /// What an order would get at once, as [`book::Book::fillable`] says it.
    #[allow(dead_code, reason = "a question that the engine does not ask")]
    pub fn fillable(
        &self,
        side: Side,
        price: Ticks,
        lots: Lots,
        account: AccountId,
        self_trade: SelfTrade,
    ) -> i64 {
        if self.in_call || self.check_size(Lots(1), price).is_err() || lots.0 < 1 {
            return 0;
        }
        let id = OrderId(0);
        self.immediate(&Taker { id, account, side, price, open: lots.0, self_trade })
    }

    fn take(&mut self, taker: &mut Taker, events: &mut Vec<Event>) -> Option<Ticks> {
        let mut last = None;
        while taker.open > 0 && !self.in_call {
            let opposite = self.sorted(taker.side.opposite());
            let Some(maker) = opposite.first() else { break };
            if !crosses(taker.side, taker.price, maker.price) {
                break;
            }
            let place = self.place(maker.id).unwrap();
            if maker.account == taker.account && taker.self_trade != SelfTrade::Allow {
                self.meet(taker, place, events);
                continue;
            }
            let lots = taker.open.min(maker.displayed.0);
            taker.open -= lots;
            self.orders[place].displayed.0 -= lots;
            events.push(Event::Fill {
                maker: maker.id,
                maker_account: maker.account,
                taker: taker.id,
                taker_account: taker.account,
                taker_side: taker.side,
                price: maker.price,
                lots: Lots(lots),
                maker_open: self.orders[place].open(),
                taker_open: Lots(taker.open),
            });
            last = Some(maker.price);
            self.refresh(maker.id, events);
        }
        last
    }

    fn meet(&mut self, taker: &mut Taker, place: usize, events: &mut Vec<Event>) {
        let own = self.orders[place];
        if taker.self_trade == SelfTrade::Decrement {
            let lots = Lots(taker.open.min(own.displayed.0));
            self.orders[place].displayed.0 -= lots.0;
            taker.open -= lots.0;
            let both = [
                (own.id, own.side, own.price, self.orders[place].open()),
                (taker.id, taker.side, taker.price, Lots(taker.open)),
            ];
            for (order, side, price, open) in both {
                let (account, reason) = (own.account, ReduceReason::SelfTrade);
                events.push(Event::Reduced { order, account, side, price, lots, open, reason });
            }
            return self.refresh(own.id, events);
        }
        if matches!(taker.self_trade, SelfTrade::CancelMaker | SelfTrade::CancelBoth) {
            self.cancel(place, CancelReason::SelfTrade, events);
        }
        if matches!(taker.self_trade, SelfTrade::CancelTaker | SelfTrade::CancelBoth) {
            Self::drop_taker(taker, CancelReason::SelfTrade, events);
        }
    }

    /// Shows the next part of an order of which nothing is shown, or takes it away.
    fn refresh(&mut self, id: OrderId, events: &mut Vec<Event>) {
        let place = self.place(id).unwrap();
        let order = self.orders[place];
        if order.open() == Lots(0) {
            self.orders.remove(place);
        } else if order.displayed == Lots(0) {
            self.requeue(place, events);
        }
    }

    /// Queues an order anew.
    fn requeue(&mut self, place: usize, events: &mut Vec<Event>) {
        let queued = self.stamp();
        let order = &mut self.orders[place];
        let open = order.open();
        order.displayed = order.display.map_or(open, |display| open.min(display));
        order.hidden = Lots(open.0 - order.displayed.0);
        order.queued = queued;
        let RestingOrder { id, account, side, price, displayed, .. } = *order;
        events.push(Event::Rested { order: id, account, side, price, displayed, open });
    }

    pub fn cancel(&mut self, place: usize, reason: CancelReason, events: &mut Vec<Event>) {
        let order = self.orders.remove(place);
        let RestingOrder { id, account, side, price, .. } = order;
        let lots = order.open();
        events.push(Event::Cancelled { order: id, account, side, price, lots, reason });
    }

    fn drop_taker(taker: &mut Taker, reason: CancelReason, events: &mut Vec<Event>) {
        let Taker { id, account, side, price, open, .. } = *taker;
        taker.open = 0;
        let lots = Lots(open);
        events.push(Event::Cancelled { order: id, account, side, price, lots, reason });
    }

    fn less(&mut self, place: usize, lots: i64) {
        let order = &mut self.orders[place];
        let hidden = lots.min(order.hidden.0);
        order.hidden.0 -= hidden;
        order.displayed.0 -= lots - hidden;
    }

    pub fn reduce(
        &mut self,
        id: OrderId,
        lots: Lots,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let place = self.place(id)?;
        if lots < Lots(1) {
            return Err(Refusal::LotsNotPositive(lots));
        }
        if lots >= self.orders[place].open() {
            self.cancel(place, CancelReason::Reduced, events);
            return Ok(());
        }
        self.less(place, lots.0);
        let RestingOrder { account, side, price, .. } = self.orders[place];
        let (open, reason) = (self.orders[place].open(), ReduceReason::Requested);
        events.push(Event::Reduced { order: id, account, side, price, lots, open, reason });
        Ok(())
    }

    pub fn amend(
        &mut self,
        id: OrderId,
        asked: Ticks,
        open: Lots,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let place = self.place(id)?;
        self.check_size(open, asked)?;
        let order = self.orders[place];
        let RestingOrder { account, side, self_trade, .. } = order;
        let price = self.posted(side, asked, order.post_only)?;
        let kept_place = price == order.price && open <= order.open();
        if let Some(display) = order.display.filter(|_| !kept_place) {
            self.check_display(display, open)?;
        }
        if price != asked {
            events.push(Event::Repriced { order: id, from: asked, to: price });
        }
        events.push(Event::Amended { order: id, account, side, price, open, kept_place });
        if kept_place {
            self.less(place, order.open().0 - open.0);
            return Ok(());
        }
        self.orders.remove(place);
        let mut taker = Taker { id, account, side, price, open: open.0, self_trade };
        self.take(&mut taker, events);
        if taker.open > 0 {
            let (displayed, hidden) = (Lots(0), Lots(taker.open));
            self.orders.push(RestingOrder { price, displayed, hidden, ..order });
            self.requeue(self.orders.len() - 1, events);
        }
        Ok(())
    }

    pub fn begin_call(&mut self, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if self.in_call {
            return Err(Refusal::CallPeriod);
        }
        self.in_call = true;
        events.push(Event::CallBegan);
        Ok(())
    }

    /// Tries every price there is; where these are many, every one that could be it.
    pub fn uncross(&mut self, reference: Ticks, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if !self.in_call {
            return Err(Refusal::NoCallPeriod);
        }
        self.in_call = false;
        let mut best = (0, 0, 0, Ticks(0), 0);
        for price in self.candidates(reference) {
            let sum = |side| {
                let orders = self.orders.iter().filter(|order| order.side == side);
                let willing = orders.filter(|order| crosses(side, order.price, price));
                willing.map(|order| order.open().0).sum::<i64>()
            };
            let (demand, supply) = (sum(Side::Buy), sum(Side::Sell));
            let volume = demand.min(supply);
            let imbalance = demand - supply;
            let distance = (i128::from(price.0) - i128::from(reference.0)).abs();
            let found = (-volume, imbalance.abs(), distance, price, imbalance);
            if volume > 0 && found < best {
                best = found;
            }
        }
        let (volume, _, _, price, imbalance) = best;
        events.push(Event::Uncrossed {
            price: (volume < 0).then_some(price),
            lots: Lots(-volume),
            imbalance: Lots(imbalance),
        });
        let mut left = -volume;
        while left > 0 {
            let (bid, ask) = (self.sorted(Side::Buy)[0], self.sorted(Side::Sell)[0]);
            let lots = left.min(bid.displayed.0).min(ask.displayed.0);
            left -= lots;
            for order in [bid, ask] {
                let place = self.place(order.id).unwrap();
                self.orders[place].displayed.0 -= lots;
            }
            let mut pair = [bid, ask];
            pair.sort_by_key(|order| order.accepted);
            let [maker, taker] = pair;
            events.push(Event::Fill {
                maker: maker.id,
                maker_account: maker.account,
                taker: taker.id,
                taker_account: taker.account,
                taker_side: taker.side,
                price,
                lots: Lots(lots),
                maker_open: Lots(maker.open().0 - lots),
                taker_open: Lots(taker.open().0 - lots),
            });
            self.refresh(maker.id, events);
            self.refresh(taker.id, events);
        }
        Ok(())
    }

    /// Prices at which an uncross could be.
    fn candidates(&self, reference: Ticks) -> Vec<Ticks> {
        let (min, max) = (self.limits.price_min.0, self.limits.price_max.0);
        if max - min < 10_000 {
            return (min..=max).map(Ticks).collect();
        }
        // Demand and supply change at the prices of orders only.
        let orders = self.orders.iter().map(|order| order.price.0);
        let near = orders.flat_map(|price| [price - 1, price, price + 1]);
        near.chain([reference.0]).map(Ticks).collect()
    }
}

/// Whether an order of this side and price trades at another price.
fn crosses(side: Side, limit: Ticks, price: Ticks) -> bool {
    if side == Side::Buy { limit >= price } else { limit <= price }
}
