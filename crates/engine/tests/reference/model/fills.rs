//! What a book answered, and what a trade changes.

use book::{Event as Answer, OrderId, Side, Ticks};
use engine::InstrumentId;
use engine::command::WhenFilled;
use engine::event::{CancelReason, Event, ReduceCause, Trade};
use instruments::{Amount, ContractKind, Price, Quantity, Rounding, mul_div};
use ledger::{AccountId, Accrual, LedgerAccount, PostingKind, VenueAccount};

use super::enter::signed;
use super::records::PositionNow;
use super::{Model, Stage};

/// An order that traded, with what that sets off.
pub struct Filled {
    pub account: AccountId,
    pub lots: i64,
    pub partner: Option<u64>,
    pub then: Vec<u64>,
    pub protected: bool,
}

impl Model {
    /// Takes in what the book of an instrument has answered.
    pub(super) fn take_in(&mut self, id: InstrumentId, answers: Vec<Answer>) {
        self.taking_in = true;
        for answer in answers {
            self.take_in_one(id, answer);
        }
        self.taking_in = false;
        for (other, cause, reason) in std::mem::take(&mut self.dependents) {
            self.cancel_for(other, cause, reason);
        }
    }

    fn take_in_one(&mut self, id: InstrumentId, answer: Answer) {
        let tick = self.listing(id).terms.tick.units();
        let price_of = |ticks: Ticks| Price::from_units(ticks.0 * tick);
        match answer {
            Answer::Rested { order, side, price: ticks, displayed, open, .. } => {
                self.set_limit(order.0, ticks);
                let (displayed, open, price) = (displayed.0, open.0, price_of(ticks));
                self.events.push(Event::Rested {
                    order,
                    instrument: id,
                    side,
                    price,
                    displayed,
                    open,
                });
            }
            Answer::Fill { .. } => self.fill(id, &answer),
            Answer::Cancelled { order, lots, reason, .. } => {
                self.end(order.0, lots.0, CancelReason::Book(reason));
            }
            Answer::Reduced { order, lots, open, reason, .. } => {
                let (lots, open, reason) = (lots.0, open.0, ReduceCause::Book(reason));
                self.set_open(order.0, open);
                self.events.push(Event::Reduced { order, instrument: id, lots, open, reason });
                if open == 0 {
                    self.forget(order.0);
                }
            }
            Answer::Amended { order, price: ticks, open, kept_place, .. } => {
                let (price, open) = (price_of(ticks), open.0);
                self.set_open(order.0, open);
                self.set_limit(order.0, ticks);
                self.events.push(Event::Amended { order, instrument: id, price, open, kept_place });
            }
            Answer::Repriced { order, from, to } => {
                let (from, to) = (price_of(from), price_of(to));
                self.events.push(Event::Repriced { order, from, to });
            }
            Answer::CallBegan => self.events.push(Event::CallBegan { instrument: id }),
            Answer::Uncrossed { price, lots, .. } => {
                let (price, lots) = (price.map(price_of), lots.0);
                self.events.push(Event::Uncrossed { instrument: id, price, lots });
            }
            Answer::Refused { .. } => unreachable!("the naive book gives refusals as errors"),
        }
    }

    fn fill(&mut self, id: InstrumentId, answer: &Answer) {
        let Answer::Fill { maker, taker, taker_side, price, lots, maker_open, taker_open, .. } =
            *answer
        else {
            unreachable!("asked for a fill only");
        };
        let account = |order: OrderId| self.orders[&order.0].account;
        let (maker_account, taker_account) = (account(maker), account(taker));
        let listing = self.listing_mut(id);
        let price = listing.price(price);
        listing.trades += 1;
        listing.last = Some(price);
        let listing = self.listing(id);
        let (trade, fees, lots) = (listing.trades, listing.terms.fees, lots.0);
        let maker_fee = self.fee(listing, lots, price, fees.maker_ppm);
        let taker_fee = self.fee(listing, lots, price, fees.taker_ppm);
        self.events.push(Event::Trade(Trade {
            trade,
            instrument: id,
            price,
            lots,
            maker,
            maker_account,
            maker_fee,
            maker_open: maker_open.0,
            taker,
            taker_account,
            taker_side,
            taker_fee,
            taker_open: taker_open.0,
        }));
        self.set_open(maker.0, maker_open.0);
        self.set_open(taker.0, taker_open.0);
        let taken = signed(taker_side, lots);
        let (mut residue, mut fractions) = (0, 0);
        for (account, lots) in [(maker_account, -taken), (taker_account, taken)] {
            let (cost, whole) = self.trade(account, id, lots, price);
            residue += cost;
            fractions += whole;
        }
        self.round_off(id, VenueAccount::Settlement, residue);
        self.round_off(id, VenueAccount::Funding, fractions);
        self.charge_fees(id, [(maker_account, maker_fee), (taker_account, taker_fee)]);
        for (order, open) in [(maker, maker_open.0), (taker, taker_open.0)] {
            self.note_filled(order.0, lots, open == 0);
            if open == 0 {
                self.forget(order.0);
            }
        }
    }

    /// One side of a trade; gives its cost, and a whole unit if fractions of funding make one.
    fn trade(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        lots: i64,
        price: Price,
    ) -> (i128, i128) {
        self.book_funding(account, id);
        let instrument = self.listing(id).instrument;
        let asset = instrument.settlement_asset();
        let quantity = Quantity::from_lots(lots);
        let cost = instrument.value(quantity, price, Rounding::Ceil).unwrap().units();
        let held = self.account(account).positions.get(&id).map_or((0, 0), |p| (p.lots, p.cost));
        let after = held.0 + lots;
        let part = |cost: i128, part: i64, whole: i64| {
            mul_div(cost, i128::from(part), i128::from(whole), Rounding::Floor).unwrap()
        };
        let kept = if after == 0 {
            0
        } else if held.0.signum() * lots.signum() >= 0 {
            held.1 + cost
        } else if after.signum() == held.0.signum() {
            part(held.1, after, held.0)
        } else {
            part(cost, after, lots)
        };
        let option = instrument.is_option();
        let realised = if option { -cost } else { kept - held.1 - cost };
        let kind = if option { PostingKind::Premium } else { PostingKind::Settlement };
        self.pay(account, VenueAccount::Settlement, asset, kind, -realised);
        let whole = self.set_position(account, id, after, kept);
        if !option {
            self.count_profit(account, asset, realised);
        }
        let (cost_now, realised) = (Amount::from_units(kept), Amount::from_units(realised));
        let (lots, instrument) = (after, id);
        self.events.push(Event::Position { account, instrument, lots, cost: cost_now, realised });
        (cost, whole)
    }

    /// Writes a position; gives the whole unit that its last fraction of funding may complete.
    pub(super) fn set_position(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        lots: i64,
        cost: i128,
    ) -> i128 {
        let funding = self.listing(id).funding;
        let positions = &mut self.account_mut(account).positions;
        let starting = PositionNow { lots: 0, cost: 0, funding: Accrual::starting_at(funding) };
        let position = positions.entry(id).or_insert(starting);
        (position.lots, position.cost) = (lots, cost);
        if lots != 0 {
            return 0;
        }
        let left = position.funding.leave();
        positions.remove(&id);
        self.listing_mut(id).residue.collect(left).units()
    }

    /// Pays the funding that has accrued on a position.
    pub(super) fn book_funding(&mut self, account: AccountId, id: InstrumentId) {
        let listing = self.listing(id);
        let (now, asset) = (listing.funding, listing.instrument.settlement_asset());
        let perpetual = listing.instrument.kind() == ContractKind::Perpetual;
        let Some(position) = self.account_mut(account).positions.get_mut(&id) else { return };
        if perpetual {
            position.funding.advance(i128::from(position.lots), now).unwrap();
            let due = position.funding.take().units();
            self.pay(account, VenueAccount::Funding, asset, PostingKind::Funding, -due);
        }
    }

    pub(super) fn round_off(&mut self, id: InstrumentId, from: VenueAccount, units: i128) {
        let asset = self.listing(id).instrument.settlement_asset();
        let rounding = LedgerAccount::Venue(VenueAccount::Rounding);
        let lines = [(LedgerAccount::Venue(from), -units), (rounding, units)];
        self.post(PostingKind::Rounding, asset, &lines).expect("roundings are never negative");
    }

    fn charge_fees(&mut self, id: InstrumentId, fees: [(AccountId, Amount); 2]) {
        let listing = self.listing(id);
        let asset = listing.instrument.settlement_asset();
        let insured = i128::from(listing.terms.fees.insurance_ppm);
        let net: i128 = fees.iter().map(|(_, fee)| fee.units()).sum();
        let insurance = net.max(0) * insured / 1_000_000;
        let mut lines = Vec::new();
        for (account, fee) in fees {
            self.charge_interest(account, asset, self.ledger.available(account, asset));
            lines.push((LedgerAccount::Available(account), -fee.units()));
        }
        lines.push((LedgerAccount::Venue(VenueAccount::Fees), net - insurance));
        lines.push((LedgerAccount::Venue(VenueAccount::Insurance), insurance));
        self.post(PostingKind::Fee, asset, &lines).expect("balances stay in bounds");
    }

    pub(super) fn count_profit(
        &mut self,
        account: AccountId,
        asset: instruments::Asset,
        units: i128,
    ) {
        let time = self.time;
        let profits = self.account_mut(account).profits.entry(asset).or_default();
        *profits.entry(time).or_default() += units;
    }

    fn set_limit(&mut self, id: u64, limit: Ticks) {
        let order = self.orders.get_mut(&id).unwrap();
        if order.limit != limit {
            order.limit = limit;
            self.price_order(id);
        }
    }

    pub(super) fn set_open(&mut self, id: u64, open: i64) {
        self.orders.get_mut(&id).unwrap().open = open;
        self.price_order(id);
    }

    fn note_filled(&mut self, id: u64, lots: i64, done: bool) {
        let order = self.orders.get_mut(&id).unwrap();
        order.filled += lots;
        let partner = order.partner.take();
        let released = match order.when {
            Some(WhenFilled::First) => true,
            Some(WhenFilled::Complete) => done,
            None => false,
        };
        let then = if released { std::mem::take(&mut order.then) } else { Vec::new() };
        let (account, protected) = (order.account, order.terms.protected);
        if let Some(other) = partner.and_then(|partner| self.orders.get_mut(&partner)) {
            other.partner = None;
        }
        self.filled.push(Filled { account, lots, partner, then, protected });
    }

    /// An order is gone with lots untraded.
    pub(super) fn end(&mut self, id: u64, lots: i64, reason: CancelReason) {
        let order = &self.orders[&id];
        let (account, instrument, order) = (order.account, order.terms.instrument, order.id);
        self.events.push(Event::Cancelled { order, account, instrument, lots, reason });
        self.forget(id);
    }

    /// Lets go of an order; what depended on it ends.
    pub(super) fn forget(&mut self, id: u64) {
        let order = self.orders.remove(&id).unwrap();
        let partner = order.partner.map(|partner| (partner, CancelReason::OneCancelsOther));
        let children = order.then.into_iter().map(|child| (child, CancelReason::NotTriggered));
        for (other, reason) in partner.into_iter().chain(children) {
            // What the book has answered about the other comes first.
            if self.taking_in {
                self.dependents.push((other, id, reason));
            } else {
                self.cancel_for(other, id, reason);
            }
        }
    }

    /// Cancels an order because of another one, if it is still there.
    fn cancel_for(&mut self, id: u64, cause: u64, reason: CancelReason) {
        if let Some(known) = self.orders.get_mut(&id) {
            let _ = known.partner.take_if(|partner| *partner == cause);
            self.withdraw(id, reason);
        }
    }

    /// Takes an order from where it rests or waits, and ends it.
    pub(super) fn withdraw(&mut self, id: u64, reason: CancelReason) {
        let order = &self.orders[&id];
        let (open, instrument, stage) = (order.open, order.terms.instrument, order.stage);
        let listing = self.listing_mut(instrument);
        match stage {
            Stage::Resting => {
                let place = listing.book.place(OrderId(id)).expect("what rests is in the book");
                listing.book.orders.remove(place);
            }
            Stage::Waiting => listing.triggers.retain(|waiting| waiting.id != id),
            Stage::Parked => {}
        }
        self.end(id, open, reason);
    }

    pub(super) fn resting(
        &self,
        account: AccountId,
        id: InstrumentId,
    ) -> impl Iterator<Item = &super::OrderNow> {
        self.orders.values().filter(move |order| {
            order.account == account
                && order.terms.instrument == id
                && order.stage == Stage::Resting
        })
    }

    pub(super) fn open_lots(&self, account: AccountId, id: InstrumentId, side: Side) -> i64 {
        let of_side = self.resting(account, id).filter(|order| order.terms.side == side);
        of_side.map(|order| order.open).sum()
    }
}
