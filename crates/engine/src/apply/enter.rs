//! An order on its way into the book: what it must pass, and what the book is told.

use book::{Lots, NewOrder, OrderId, OrderKind, Side, Ticks};
use instruments::{Amount, Price, Quantity};
use ledger::AccountId;
use risk::OpenOrder;

use super::Events;
use crate::account::OpenLots;
use crate::command::{OrderTerms, OrderType};
use crate::event::Event;
use crate::listing::Listing;
use crate::orders::{Order, Stage, Then};
use crate::record_tree::Kind;
use crate::rules::MarketState;
use crate::{Rejection, State};

/// An order that wants to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entering<'a> {
    pub account: AccountId,
    pub terms: &'a OrderTerms,
    /// Its number, if it has waited.
    pub waited: Option<OrderId>,
    pub partner: Option<OrderId>,
    pub then: Then,
}

/// What the checks made of its terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    pub lots: i64,
    pub limit: Ticks,
    pub open: OpenOrder,
}

impl State {
    /// Lets an order into the book, or says why not; then nothing has changed.
    pub(crate) fn enter(
        &mut self,
        entering: Entering<'_>,
        events: &mut Events,
    ) -> Result<OrderId, Rejection> {
        let checked = self.check_entry(entering.account, entering.terms, None)?;
        self.submit(entering, &checked, events)
    }

    /// Gives an order that was checked to its book.
    pub(crate) fn submit(
        &mut self,
        entering: Entering<'_>,
        checked: &Checked,
        events: &mut Events,
    ) -> Result<OrderId, Rejection> {
        let Entering { account, terms, waited, partner, then } = entering;
        let id = waited.unwrap_or(OrderId(self.orders.last + 1));
        let order = NewOrder {
            id,
            account: book::AccountId(account.number()),
            side: terms.side,
            lots: Lots(checked.lots),
            kind: kind(terms.order_type, checked.limit),
            display: terms.display.map(Lots),
            self_trade: terms.self_trade,
        };
        let mut answers = std::mem::take(&mut self.work.book);
        self.listings[terms.instrument.place()].book.submit(&order, &mut answers);
        if let [book::Event::Refused { refusal, .. }] = answers[..] {
            answers.clear();
            self.work.book = answers;
            return Err(Rejection::Book(refusal));
        }
        let kept = Order {
            id,
            account,
            terms: terms.clone(),
            open: checked.lots,
            filled: 0,
            limit: checked.limit,
            fee: checked.open.fee,
            stage: Stage::Resting,
            partner,
            then,
        };
        match waited {
            None => {
                self.keep_new(kept);
                events.push(Event::OrderAccepted {
                    order: id,
                    account,
                    instrument: terms.instrument,
                    side: terms.side,
                    lots: checked.lots,
                    limit: Some(self.listings[terms.instrument.place()].price(checked.limit)),
                    waits: false,
                    label: terms.label.clone(),
                });
            }
            Some(_) => self.keep_entered(kept),
        }
        self.count_open(id);
        self.work.book = answers;
        self.take_in(terms.instrument, events);
        self.set_off_by_trades(Some(account), terms.instrument, events);
        Ok(id)
    }

    /// Checks of an order that enters, or of one that is amended, whose own open lots are then
    /// `own`.
    pub(crate) fn check_entry(
        &mut self,
        account: AccountId,
        terms: &OrderTerms,
        own: Option<(OrderId, i64)>,
    ) -> Result<Checked, Rejection> {
        let OrderTerms { instrument: id, side, .. } = *terms;
        self.check_trading(id)?;
        let listing = &self.listings[id.place()];
        let state = listing.market_state();
        let market = |state| Rejection::Market { instrument: id, state };
        if state == MarketState::Halted {
            return Err(market(state));
        }
        let owner = self.account_ref(account);
        let epoch = self.epoch_for(owner.model)?;
        if !epoch.covered.get(id.place()).copied().unwrap_or(false) {
            return Err(Rejection::NotInEpoch(listing.instrument));
        }
        let held = owner.lots(id);
        let against = signed(side, 1) * held.signum() < 0;
        let lots = match (terms.reduce_only, against) {
            (false, _) => terms.lots,
            (true, true) => terms.lots.min(held.abs()),
            (true, false) => return Err(Rejection::NothingToReduce),
        };
        let others = owner.open_lots(id, side) - own.map_or(0, |(_, lots)| lots);
        let closes = against && others + lots <= held.abs();
        if !closes {
            if state == MarketState::ReduceOnly {
                return Err(market(state));
            }
            let stale =
                self.depends_on(id).into_iter().find(|place| !self.assets[*place].is_fresh());
            if let Some(place) = stale {
                return Err(Rejection::StaleIndex(self.assets[place].asset));
            }
            if self.epoch_is_beyond(1) {
                return Err(Rejection::EpochOverdue);
            }
        }
        let limit = self.limit_in_band(listing, terms)?;
        let would = signed(side, 1) * held + others + lots;
        let most = listing.terms.position_max;
        if would > most && !closes {
            return Err(Rejection::PositionLimit { would, most });
        }
        let would = listing.open_interest + lots;
        let most = listing.terms.open_interest_max;
        if would > most && !closes {
            return Err(Rejection::OpenInterest { would, most });
        }
        if terms.protected {
            let underlying = listing.instrument.underlying();
            let protection = owner.protections.get(&underlying);
            if protection.is_some_and(|protection| protection.is_frozen(self.time)) {
                return Err(Rejection::QuotesFrozen(underlying));
            }
        }
        let open = self.open_order(listing, side, lots, limit);
        self.admit(account, id, &open, own.map(|(order, _)| order))?;
        Ok(Checked { lots, limit, open })
    }

    /// The worst price of an order in ticks: its own, if that is within the band on the side on
    /// which it would lose, or the edge of the band.
    fn limit_in_band(&self, listing: &Listing, terms: &OrderTerms) -> Result<Ticks, Rejection> {
        let base = self.assets[listing.base].asset;
        let mark = listing.mark.ok_or(Rejection::NoIndex(base))?;
        let [low, high] = band(listing, mark);
        let Some(price) = terms.order_type.price() else {
            return Ok(if terms.side == Side::Buy { high } else { low });
        };
        let limit = listing.ticks_down(price);
        let inside = match terms.side {
            Side::Buy => limit <= high,
            Side::Sell => limit >= low,
        };
        let [low, high] = [low, high].map(|ticks| listing.price(ticks));
        if inside { Ok(limit) } else { Err(Rejection::Band { price, low, high }) }
    }

    /// An order as margin sees it, with its fee at most.
    pub(crate) fn open_order(
        &self,
        listing: &Listing,
        side: Side,
        lots: i64,
        limit: Ticks,
    ) -> OpenOrder {
        let fee = self.reserved_fee(listing, lots, limit);
        OpenOrder {
            instrument: listing.instrument,
            quantity: Quantity::from_lots(signed(side, lots)),
            limit: listing.price(limit),
            fee,
        }
    }

    /// What filling some lots at a limit costs in fees at most, at the index as it is now.
    pub(crate) fn reserved_fee(&self, listing: &Listing, lots: i64, limit: Ticks) -> Amount {
        let index = self.assets[listing.base].price.unwrap_or(Price::ZERO);
        let fees = listing.terms.fees;
        fee(listing, lots, listing.price(limit), fees.maker_ppm.max(fees.taker_ppm), index)
    }

    /// Keeps an order that was accepted just now.
    pub(crate) fn keep_new(&mut self, order: Order) {
        let (id, account) = (order.id, order.account);
        let rests = order.stage == Stage::Resting;
        let expires = order.terms.expires;
        self.orders.last = id.0;
        self.touch(Kind::Venue, 0);
        let slot = self.orders.insert(order);
        self.touch(Kind::Order, slot);
        if let Some(expires) = expires {
            self.expiring.insert((expires, id));
        }
        let state = self.account_mut(account);
        if rests { state.resting.push(id) } else { state.waiting.push(id) }
    }

    /// Keeps an order that has waited and is in the book now.
    fn keep_entered(&mut self, order: Order) {
        let (id, account) = (order.id, order.account);
        let (kept, slot) = self.orders.get_mut(id).expect("an order that waits is kept");
        *kept = order;
        self.touch(Kind::Order, slot);
        let state = self.account_mut(account);
        state.waiting.retain(|waiting| *waiting != id);
        let place = state.resting.partition_point(|resting| *resting < id);
        state.resting.insert(place, id);
    }

    /// Adds an order in the book to what is open of its account.
    fn count_open(&mut self, id: OrderId) {
        let order = self.orders.get(id).expect("the order was kept");
        let (account, instrument) = (order.account, order.terms.instrument);
        let (reduce_only, open) = (order.terms.reduce_only, self.open_lots_of(order));
        self.account_mut(account).add_open(instrument, reduce_only, open);
    }

    /// What is open of an order.
    pub(crate) fn open_lots_of(&self, order: &Order) -> OpenLots {
        let limit = self.listings[order.terms.instrument.place()].price(order.limit);
        OpenLots { side: order.terms.side, lots: order.open, limit, fee: order.fee }
    }

    /// An order in the book as margin sees it.
    pub(crate) fn seen_by_margin(&self, id: OrderId) -> OpenOrder {
        let order = self.orders.get(id).expect("an order in the book is kept");
        let listing = &self.listings[order.terms.instrument.place()];
        OpenOrder {
            instrument: listing.instrument,
            quantity: Quantity::from_lots(signed(order.terms.side, order.open)),
            limit: listing.price(order.limit),
            fee: order.fee,
        }
    }
}

impl OrderType {
    /// The worst price that it names.
    pub(crate) const fn price(self) -> Option<Price> {
        match self {
            Self::Limit { price }
            | Self::PostOnly { price, .. }
            | Self::ImmediateOrCancel { price }
            | Self::FillOrKill { price } => Some(price),
            Self::Market {} | Self::MarketLimit {} => None,
        }
    }
}

/// Lots with the sign of their side.
pub(crate) const fn signed(side: Side, lots: i64) -> i64 {
    match side {
        Side::Buy => lots,
        Side::Sell => -lots,
    }
}

/// What the book is told of an order's type.
fn kind(order_type: OrderType, limit: Ticks) -> OrderKind {
    match order_type {
        OrderType::Limit { .. } => OrderKind::Limit { price: limit },
        OrderType::PostOnly { crossing, .. } => OrderKind::PostOnly { price: limit, crossing },
        OrderType::ImmediateOrCancel { .. } => OrderKind::ImmediateOrCancel { price: limit },
        OrderType::FillOrKill { .. } => OrderKind::FillOrKill { price: limit },
        OrderType::Market {} => OrderKind::Market { protection: limit },
        OrderType::MarketLimit {} => OrderKind::MarketLimit { protection: limit },
    }
}

/// The lowest price at which one may sell, and the highest at which one may buy, in ticks.
pub(super) fn band(listing: &Listing, mark: Price) -> [Ticks; 2] {
    let share = i128::from(mark.units()) * i128::from(listing.terms.band_ppm) / 1_000_000;
    let wide = share.max(i128::from(listing.terms.band_min.units()));
    let at = |units: i128| {
        let units = units.clamp(1, i128::from(crate::rules::PRICE_MAX.units()));
        Price::from_units(i64::try_from(units).expect("clamped to a price"))
    };
    let low = listing.ticks_up(at(i128::from(mark.units()) - wide));
    let high = listing.ticks_down(at(i128::from(mark.units()) + wide)).max(Ticks(1));
    [low, high]
}

/// What trading some lots at a price costs, in the settlement asset; see [`FeeRules::fee`].
///
/// [`FeeRules::fee`]: crate::rules::FeeRules::fee
pub(crate) fn fee(listing: &Listing, lots: i64, price: Price, ppm: i32, index: Price) -> Amount {
    let fee = listing.terms.fees.fee(&listing.instrument, lots, price, ppm, index);
    fee.expect("limits on prices and sizes keep values in bounds")
}
