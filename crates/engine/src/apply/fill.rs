//! One trade: positions, cash, fees.

use book::{OrderId, Side};
use instruments::{Amount, ContractKind, Price, Quantity, Rounding, mul_div};
use ledger::{AccountId, LedgerAccount, PostingKind, VenueAccount};
use risk::Position;

use super::Events;
use super::enter::{fee, signed};
use crate::account::Slot;
use crate::event::{Event, Trade};
use crate::state::asset_index;
use crate::{InstrumentId, State};

/// What the book says of a trade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub instrument: InstrumentId,
    pub price: Price,
    pub lots: i64,
    pub maker: OrderId,
    pub maker_open: i64,
    pub taker: OrderId,
    pub taker_open: i64,
    pub taker_side: Side,
}

/// Why values fit.
pub(crate) const BOUNDED: &str = "limits on prices and sizes keep values in bounds";

impl State {
    /// Books a trade.
    pub(crate) fn fill(&mut self, fill: &Fill, events: &mut Events) {
        let Fill { instrument, price, lots, maker, taker, taker_side, .. } = *fill;
        let account = |id| self.orders.get(id).expect("an order that trades is kept").account;
        let (maker_account, taker_account) = (account(maker), account(taker));
        let listing = &mut self.listings[instrument.place()];
        listing.trades += 1;
        listing.last = Some(price);
        let trade = listing.trades;
        let listing = &self.listings[instrument.place()];
        let index = self.assets[listing.base].price.unwrap_or(Price::ZERO);
        let fees = listing.terms.fees;
        let maker_fee = fee(listing, lots, price, fees.maker_ppm, index);
        let taker_fee = fee(listing, lots, price, fees.taker_ppm, index);
        events.push(Event::Trade(Trade {
            trade,
            instrument,
            price,
            lots,
            maker,
            maker_account,
            maker_fee,
            maker_open: fill.maker_open,
            taker,
            taker_account,
            taker_side,
            taker_fee,
            taker_open: fill.taker_open,
        }));
        for (id, open, account, fee) in [
            (maker, fill.maker_open, maker_account, maker_fee),
            (taker, fill.taker_open, taker_account, taker_fee),
        ] {
            let order = self.orders.get(id).expect("an order that trades is kept");
            let reserved = self.open_lots_of(order).fee_of(lots);
            self.credit_after_fee(account, instrument, fee, reserved);
            self.shrink(id, open);
        }
        let taker_lots = signed(taker_side, lots);
        let mut residue = self.trade(maker_account, instrument, -taker_lots, price, events);
        residue += self.trade(taker_account, instrument, taker_lots, price, events);
        self.keep_residue(instrument, residue, events);
        self.charge_fees(
            instrument,
            [maker_account, taker_account],
            [maker_fee, taker_fee],
            events,
        );
        for (id, open) in [(maker, fill.maker_open), (taker, fill.taker_open)] {
            self.note_filled(id, lots, open == 0);
            if open == 0 {
                self.forget(id, events);
            }
        }
        for account in [maker_account, taker_account] {
            self.credit_after_fill(account, instrument);
        }
    }

    /// Changes one account's position by a trade; gives what it cost, which with the other side's
    /// makes the residue.
    pub(super) fn trade(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        lots: i64,
        price: Price,
        events: &mut Events,
    ) -> i128 {
        self.book_funding(account, id, events);
        let instrument = self.listings[id.place()].instrument;
        let place = self.listings[id.place()].settlement;
        let quantity = Quantity::from_lots(lots);
        let slot = self.account_ref(account).slot(id).copied().unwrap_or(Slot::new(id));
        let held = Position { quantity: Quantity::from_lots(slot.lots), cost: slot.cost };
        let traded = held.traded(&instrument, quantity, price).expect(BOUNDED);
        let kind = match instrument.is_option() {
            true => PostingKind::Premium,
            false => PostingKind::Settlement,
        };
        self.pay(account, VenueAccount::Settlement, place, kind, -traded.realised, events);
        let after = traded.after.quantity.lots();
        self.set_position(account, id, after, traded.after.cost);
        if kind == PostingKind::Settlement {
            self.count_profit(account, place, traded.realised);
        }
        events.push(Event::Position {
            account,
            instrument: id,
            lots: after,
            cost: traded.after.cost,
            realised: traded.realised,
        });
        traded.cost.units()
    }

    /// Writes a position into the account, what margin sees of it, its vector and open interest.
    pub(crate) fn set_position(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        lots: i64,
        cost: Amount,
    ) {
        let listing = &mut self.listings[id.place()];
        let state = &mut self.accounts[account.number() as usize];
        let before = state.lots(id);
        if !state.settled.is_empty() {
            state.shrink_settled(id, before, lots);
        }
        state.set_slot(Slot { instrument: id, lots, cost });
        if lots == 0
            && let Some(mut funding) = state.take_funding(id)
        {
            let whole = listing.residue.collect(funding.leave());
            self.work.whole_residue += whole.units();
        }
        listing.open_interest += lots.max(0) - before.max(0);
        listing.net_lots += lots - before;
        self.touch_account(account);
        self.watches.touch(account);
        self.touch_listing(id);
    }

    /// Pays the funding that has accrued on a position, before the position changes.
    pub(crate) fn book_funding(
        &mut self,
        account: AccountId,
        id: InstrumentId,
        events: &mut Events,
    ) {
        let listing = &self.listings[id.place()];
        if listing.instrument.kind() != ContractKind::Perpetual {
            return;
        }
        let (now, place) = (listing.funding, listing.settlement);
        let state = self.account_mut(account);
        let lots = i128::from(state.lots(id));
        let funding = state.funding_mut(id, now);
        funding.advance(lots, now).expect(BOUNDED);
        let due = funding.take();
        self.pay(account, VenueAccount::Funding, place, PostingKind::Funding, -due, events);
    }

    /// What both sides' roundings left over goes from settlement to the rounding account.
    pub(crate) fn keep_residue(&mut self, id: InstrumentId, units: i128, events: &mut Events) {
        let listing = &self.listings[id.place()];
        let (place, name) = (listing.settlement, listing.instrument);
        assert!(listing.net_lots == 0, "conservation: positions in {name} do not sum to zero");
        self.round_off(VenueAccount::Settlement, place, units, events);
        let whole = std::mem::take(&mut self.work.whole_residue);
        self.round_off(VenueAccount::Funding, place, whole, events);
    }

    fn round_off(&mut self, from: VenueAccount, place: usize, units: i128, events: &mut Events) {
        let posting = self.posting(PostingKind::Rounding, 0).with_move(
            LedgerAccount::Venue(from),
            LedgerAccount::Venue(VenueAccount::Rounding),
            asset_index(place),
            Amount::from_units(units),
        );
        self.post(&posting, events)
            .expect("roundings are against whoever gains, so never negative");
    }

    /// Fees of both sides in one posting: the venue's, and the insurance fund's share.
    fn charge_fees(
        &mut self,
        id: InstrumentId,
        accounts: [AccountId; 2],
        fees: [Amount; 2],
        events: &mut Events,
    ) {
        let place = self.listings[id.place()].settlement;
        let insured = i128::from(self.listings[id.place()].terms.fees.insurance_ppm);
        let net = fees[0].units() + fees[1].units();
        let insurance = mul_div(net.max(0), insured, 1_000_000, Rounding::Floor).expect(BOUNDED);
        for account in accounts {
            self.charge_interest(account, place, events);
        }
        let asset = asset_index(place);
        let mut posting = self.posting(PostingKind::Fee, 0);
        for (account, fee) in accounts.into_iter().zip(fees) {
            posting = posting.with(LedgerAccount::Available(account), asset, -fee);
        }
        let venue = |account| LedgerAccount::Venue(account);
        let posting = posting
            .with(venue(VenueAccount::Fees), asset, Amount::from_units(net - insurance))
            .with(venue(VenueAccount::Insurance), asset, Amount::from_units(insurance));
        self.post(&posting, events).expect(BOUNDED);
    }

    /// Remembers profit that is too fresh to leave.
    pub(crate) fn count_profit(&mut self, account: AccountId, place: usize, profit: Amount) {
        let (now, maturity) = (self.time, self.rules.profit_maturity_ms);
        if profit != Amount::ZERO {
            self.account_mut(account).assets[place].fresh.add(profit, now, maturity);
        }
    }
}
