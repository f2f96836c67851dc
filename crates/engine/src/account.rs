//! One account as the engine keeps it.

use std::collections::BTreeMap;

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Price, Rounding, Timestamp, Underlying, mul_div};
use ledger::{AccountId, Accrual};
use risk::{GrossOrders, MarginModel, OpenOrder};

use crate::InstrumentId;
use crate::command::ProtectionRules;
use crate::exact::KeptSums;
use crate::liquidation::CaseId;

/// An account: what is recorded of it, and what is derived for speed.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct AccountState {
    /// The main account, for a subaccount.
    pub owner: Option<AccountId>,
    pub model: MarginModel,
    /// Below initial margin when last reviewed.
    pub restricted: bool,
    pub cancel_on_disconnect: bool,
    /// The case that liquidates it, if one does.
    pub case: Option<CaseId>,
    /// No case opens before this, since nobody bought from the last one.
    pub case_after: Option<Timestamp>,
    /// Whether it may bid in auctions.
    pub liquidator: bool,
    /// Positions, by instrument ascending.
    pub slots: Vec<Slot>,
    /// Instruments with orders in the book, ascending; derived.
    #[borsh(skip)]
    pub open: Vec<OpenSums>,
    /// Funding of positions in perpetuals, by instrument ascending.
    pub funding: Vec<(InstrumentId, Accrual)>,
    /// Interest on debts, profit too fresh to leave, and what was brought in, by asset.
    pub assets: Vec<AccountAsset>,
    /// What positions have gained since they were opened and is cash already, by instrument ascending:
    /// settled profit, less what deleveraging and cuts took. Most accounts have none.
    pub settled: Vec<(InstrumentId, Amount)>,
    pub protections: BTreeMap<Underlying, Protection>,
    /// Orders in a book, ascending; derived.
    #[borsh(skip)]
    pub resting: Vec<OrderId>,
    /// Orders that wait for a price or another order, ascending; derived.
    #[borsh(skip)]
    pub waiting: Vec<OrderId>,
    /// What its exact margin is the sum of; derived.
    #[borsh(skip)]
    pub sums: Option<Box<KeptSums>>,
    /// The epoch in which an order of it was last margined by numbers; derived.
    #[borsh(skip)]
    pub ordered: u64,
}

/// A position. Half a cache line: admission may look at all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Slot {
    pub instrument: InstrumentId,
    pub lots: i64,
    pub cost: Amount,
}

/// An account's orders in the book of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenSums {
    pub instrument: InstrumentId,
    /// How many of them are reduce-only.
    pub reduce_only: u32,
    /// Buys and sells. The range of their limits may be too wide.
    pub sides: [GrossOrders; 2],
}

/// What an account has in one asset beside its balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct AccountAsset {
    pub interest: Accrual,
    pub fresh: FreshProfit,
    /// Net principal: deposits and transfers in, less withdrawals and transfers out.
    pub principal: Amount,
}

/// Profit realised in the running period and the one before it, by the number of the running one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FreshProfit {
    pub period: i64,
    pub now: Amount,
    pub before: Amount,
}

/// Protection of quotes on one underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Protection {
    pub rules: ProtectionRules,
    /// When the running window began, and how much has traded in it.
    pub window: Timestamp,
    pub traded: i128,
    pub frozen: Frozen,
}

/// Whether quotes are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Frozen {
    No,
    Until(Timestamp),
    UntilReset,
}

impl AccountState {
    pub fn new(owner: Option<AccountId>, model: MarginModel) -> Self {
        Self {
            owner,
            model,
            restricted: false,
            cancel_on_disconnect: false,
            case: None,
            case_after: None,
            liquidator: false,
            slots: Vec::new(),
            open: Vec::new(),
            funding: Vec::new(),
            assets: Vec::new(),
            settled: Vec::new(),
            protections: BTreeMap::new(),
            resting: Vec::new(),
            waiting: Vec::new(),
            sums: None,
            ordered: 0,
        }
    }

    pub fn slot(&self, instrument: InstrumentId) -> Option<&Slot> {
        let place = self.slots.binary_search_by_key(&instrument, |slot| slot.instrument).ok()?;
        Some(&self.slots[place])
    }

    pub fn lots(&self, instrument: InstrumentId) -> i64 {
        self.slot(instrument).map_or(0, |slot| slot.lots)
    }

    /// Orders in the book of an instrument, if there are any.
    pub fn open(&self, instrument: InstrumentId) -> Option<&OpenSums> {
        let place = self.open.binary_search_by_key(&instrument, |sums| sums.instrument).ok()?;
        Some(&self.open[place])
    }

    /// Open lots in the book on a side.
    pub fn open_lots(&self, instrument: InstrumentId, side: Side) -> i64 {
        self.open(instrument).map_or(0, |sums| sums.sides[side as usize].lots)
    }

    /// Adds an order to what is open.
    pub fn add_open(&mut self, instrument: InstrumentId, reduce_only: bool, open: OpenLots) {
        let place = self.open.binary_search_by_key(&instrument, |sums| sums.instrument);
        let place = place.unwrap_or_else(|place| {
            self.open.insert(place, OpenSums::new(instrument));
            place
        });
        let sums = &mut self.open[place];
        sums.reduce_only += u32::from(reduce_only);
        open.add_to(&mut sums.sides[open.side as usize]);
    }

    /// Takes an order from what is open.
    pub fn remove_open(&mut self, instrument: InstrumentId, reduce_only: bool, open: OpenLots) {
        let place = self.open.binary_search_by_key(&instrument, |sums| sums.instrument);
        let place = place.expect("an order in the book is summed");
        let sums = &mut self.open[place];
        sums.reduce_only -= u32::from(reduce_only);
        open.take_from(&mut sums.sides[open.side as usize]);
        if sums.sides.iter().all(|orders| orders.count == 0) {
            self.open.remove(place);
        }
    }

    /// Puts what is open of an order in the place of what was, on the same side.
    pub fn change_open(&mut self, instrument: InstrumentId, before: OpenLots, after: OpenLots) {
        let place = self.open.binary_search_by_key(&instrument, |sums| sums.instrument);
        let place = place.expect("an order in the book is summed");
        let orders = &mut self.open[place].sides[before.side as usize];
        before.take_from(orders);
        after.add_to(orders);
    }

    /// The funding of a position in a perpetual, which begins to count at `index` if there is none.
    pub fn funding_mut(&mut self, instrument: InstrumentId, index: ledger::Index) -> &mut Accrual {
        let place = self.funding.binary_search_by_key(&instrument, |(known, _)| *known);
        let place = place.unwrap_or_else(|place| {
            self.funding.insert(place, (instrument, Accrual::starting_at(index)));
            place
        });
        &mut self.funding[place].1
    }

    /// Takes away the funding of a position that is closed.
    pub fn take_funding(&mut self, instrument: InstrumentId) -> Option<Accrual> {
        let place = self.funding.binary_search_by_key(&instrument, |(known, _)| *known).ok()?;
        Some(self.funding.remove(place).1)
    }

    /// What a position has gained since it was opened that is cash already.
    pub fn settled(&self, instrument: InstrumentId) -> Amount {
        let place = self.settled.binary_search_by_key(&instrument, |(known, _)| *known);
        place.map_or(Amount::ZERO, |place| self.settled[place].1)
    }

    /// Counts what a position has gained and is cash now.
    pub fn add_settled(&mut self, instrument: InstrumentId, gained: Amount) {
        if gained == Amount::ZERO || self.lots(instrument) == 0 {
            return;
        }
        match self.settled.binary_search_by_key(&instrument, |(known, _)| *known) {
            Ok(place) => {
                let sum = self.settled[place].1.units() + gained.units();
                self.settled[place].1 = Amount::from_units(sum);
            }
            Err(place) => self.settled.insert(place, (instrument, gained)),
        }
    }

    /// Keeps as much of what a position has gained as stays of its lots, rounded toward zero; nothing of
    /// one that closes or turns.
    pub fn shrink_settled(&mut self, instrument: InstrumentId, before: i64, after: i64) {
        let place = self.settled.binary_search_by_key(&instrument, |(known, _)| *known);
        let Ok(place) = place else { return };
        if before.signum() * after.signum() <= 0 {
            self.settled.remove(place);
        } else if after.abs() < before.abs() {
            let gained = self.settled[place].1.units();
            let kept =
                mul_div(gained.abs(), after.abs().into(), before.abs().into(), Rounding::Floor);
            let kept = kept.expect("a part of an amount") * gained.signum();
            self.settled[place].1 = Amount::from_units(kept);
        }
    }

    /// Writes a position; one of no lots leaves no trace.
    pub fn set_slot(&mut self, slot: Slot) {
        let place = self.slots.binary_search_by_key(&slot.instrument, |slot| slot.instrument);
        match place {
            Ok(place) if slot.lots == 0 => {
                self.slots.remove(place);
            }
            Ok(place) => self.slots[place] = slot,
            Err(place) if slot.lots != 0 => self.slots.insert(place, slot),
            Err(_) => {}
        }
    }

    /// Whether it has neither positions nor orders.
    pub fn is_idle(&self) -> bool {
        self.slots.is_empty() && self.resting.is_empty() && self.waiting.is_empty()
    }

    /// How many orders rest or wait.
    pub fn orders(&self) -> usize {
        self.resting.len() + self.waiting.len()
    }

    /// All orders, ascending.
    pub fn all_orders(&self) -> Vec<OrderId> {
        let mut all = [self.resting.as_slice(), self.waiting.as_slice()].concat();
        all.sort_unstable();
        all
    }
}

impl Slot {
    pub fn new(instrument: InstrumentId) -> Self {
        Self { instrument, lots: 0, cost: Amount::ZERO }
    }
}

impl OpenSums {
    pub fn new(instrument: InstrumentId) -> Self {
        Self { instrument, reduce_only: 0, sides: [GrossOrders::default(); 2] }
    }
}

/// What is open of one order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenLots {
    pub side: Side,
    pub lots: i64,
    pub limit: Price,
    pub fee: Amount,
}

impl OpenLots {
    pub fn of(order: &OpenOrder) -> Self {
        let lots = order.quantity.lots();
        let side = if lots > 0 { Side::Buy } else { Side::Sell };
        Self { side, lots: lots.abs(), limit: order.limit, fee: order.fee }
    }

    /// What is reserved for the fee of so many of its lots, rounded down.
    pub fn fee_of(&self, lots: i64) -> Amount {
        let share = mul_div(self.fee.units().abs(), lots.into(), self.lots.into(), Rounding::Floor);
        // Where nothing can be said, nothing is known to be reserved.
        Amount::from_units(share.unwrap_or(0))
    }

    /// Adds the order to its side.
    pub fn add_to(self, orders: &mut GrossOrders) {
        let Self { side, lots, limit, fee } = self;
        if orders.count == 0 {
            (orders.nearest, orders.farthest) = (limit, limit);
        }
        (orders.nearest, orders.farthest) = match side {
            Side::Buy => (orders.nearest.max(limit), orders.farthest.min(limit)),
            Side::Sell => (orders.nearest.min(limit), orders.farthest.max(limit)),
        };
        orders.lots += lots;
        orders.count += 1;
        orders.fees = Amount::from_units(orders.fees.units() + fee.units().abs());
    }

    /// Takes the order from its side. The range of limits stays as wide as it was.
    pub fn take_from(self, orders: &mut GrossOrders) {
        orders.lots -= self.lots;
        orders.count -= 1;
        orders.fees = Amount::from_units(orders.fees.units() - self.fee.units().abs());
    }
}

impl FreshProfit {
    /// Counts a profit, or a loss, at a time.
    pub fn add(&mut self, profit: Amount, now: Timestamp, maturity_ms: i64) {
        self.advance(now, maturity_ms);
        self.now = Amount::from_units(self.now.units() + profit.units());
    }

    /// What is too fresh to be withdrawn at a time.
    pub fn at(mut self, now: Timestamp, maturity_ms: i64) -> Amount {
        self.advance(now, maturity_ms);
        Amount::from_units(self.now.units().max(0) + self.before.units().max(0))
    }

    /// Goes on in periods of another length. What is still fresh counts as realised now: it leaves no
    /// sooner than the new length asks.
    pub fn change_maturity(&mut self, now: Timestamp, from_ms: i64, to_ms: i64) {
        let fresh = self.at(now, from_ms);
        *self = Self::default();
        self.add(fresh, now, to_ms);
    }

    fn advance(&mut self, now: Timestamp, maturity_ms: i64) {
        let period = now.milliseconds().div_euclid(maturity_ms);
        if period != self.period {
            let before = if period == self.period + 1 { self.now } else { Amount::ZERO };
            *self = Self { period, now: Amount::ZERO, before };
        }
    }
}

impl Protection {
    pub fn is_frozen(&self, now: Timestamp) -> bool {
        match self.frozen {
            Frozen::No => false,
            Frozen::Until(until) => now < until,
            Frozen::UntilReset => true,
        }
    }
}
