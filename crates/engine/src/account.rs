//! One account as the engine keeps it.

use std::collections::BTreeMap;

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Amount, Timestamp, Underlying};
use ledger::{AccountId, Accrual};
use risk::{GrossOrders, MarginModel, OpenOrder, PortfolioVector};

use crate::InstrumentId;
use crate::command::ProtectionRules;

/// An account: what is recorded of it, and what is derived for speed.
#[derive(Clone, Debug)]
pub(crate) struct AccountState {
    /// The main account, for a subaccount.
    pub owner: Option<AccountId>,
    pub model: MarginModel,
    /// Below initial margin when last reviewed.
    pub restricted: bool,
    pub cancel_on_disconnect: bool,
    /// Instruments with a position or an order, ascending.
    pub slots: Vec<Slot>,
    /// Interest on debts, and profit too fresh to leave, by asset.
    pub assets: Vec<AccountAsset>,
    pub protections: BTreeMap<Underlying, Protection>,
    /// Orders in a book, ascending; one for one those of `view.orders`.
    pub resting: Vec<OrderId>,
    /// Orders that wait for a price or another order, ascending.
    pub waiting: Vec<OrderId>,
    /// What margin is computed from: balances, positions and orders.
    pub view: risk::Account,
    /// The sum of its risk arrays, of the epoch with this number.
    pub vector: Option<(u64, PortfolioVector)>,
}

/// What an account has in one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub instrument: InstrumentId,
    pub lots: i64,
    pub cost: Amount,
    /// Funding of a perpetual.
    pub funding: Accrual,
    /// Orders in the book, buys and sells; derived. The range of their limits may be too wide.
    pub sides: [GrossOrders; 2],
    /// How many orders rest or wait; derived.
    pub orders: u32,
    /// How many of those that rest are reduce-only; derived.
    pub reduce_only: u32,
}

/// What an account has in one asset beside its balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountAsset {
    pub interest: Accrual,
    pub fresh: FreshProfit,
}

/// Profit realised in the running period and the one before it.
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
            slots: Vec::new(),
            assets: Vec::new(),
            protections: BTreeMap::new(),
            resting: Vec::new(),
            waiting: Vec::new(),
            view: risk::Account::default(),
            vector: None,
        }
    }

    pub fn slot(&self, instrument: InstrumentId) -> Option<&Slot> {
        let place = self.slots.binary_search_by_key(&instrument, |slot| slot.instrument).ok()?;
        Some(&self.slots[place])
    }

    pub fn lots(&self, instrument: InstrumentId) -> i64 {
        self.slot(instrument).map_or(0, |slot| slot.lots)
    }

    /// Open lots in the book on a side.
    pub fn open(&self, instrument: InstrumentId, side: Side) -> i64 {
        self.slot(instrument).map_or(0, |slot| slot.sides[side as usize].lots)
    }

    /// The slot of an instrument, made if there is none.
    pub fn slot_mut(&mut self, instrument: InstrumentId) -> &mut Slot {
        let place = self.slots.binary_search_by_key(&instrument, |slot| slot.instrument);
        let place = place.unwrap_or_else(|place| {
            self.slots.insert(place, Slot::new(instrument));
            place
        });
        &mut self.slots[place]
    }

    /// A slot without position and orders leaves no trace.
    pub fn drop_slot_if_empty(&mut self, instrument: InstrumentId) {
        if let Ok(place) = self.slots.binary_search_by_key(&instrument, |slot| slot.instrument)
            && self.slots[place].lots == 0
            && self.slots[place].orders == 0
        {
            self.slots.remove(place);
        }
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
        Self {
            instrument,
            lots: 0,
            cost: Amount::ZERO,
            funding: Accrual::starting_at(ledger::Index::ZERO),
            sides: [GrossOrders::default(); 2],
            orders: 0,
            reduce_only: 0,
        }
    }
}

/// Adds an order to its side.
pub(crate) fn add_order(orders: &mut GrossOrders, side: Side, order: &OpenOrder) {
    let limit = order.limit;
    if orders.count == 0 {
        (orders.nearest, orders.farthest) = (limit, limit);
    }
    (orders.nearest, orders.farthest) = match side {
        Side::Buy => (orders.nearest.max(limit), orders.farthest.min(limit)),
        Side::Sell => (orders.nearest.min(limit), orders.farthest.max(limit)),
    };
    orders.lots += order.quantity.lots().abs();
    orders.count += 1;
    orders.fees = Amount::from_units(orders.fees.units() + order.fee.units().abs());
}

/// Takes an order from a side. The range of limits stays as wide as it was.
pub(crate) fn remove_order(orders: &mut GrossOrders, order: &OpenOrder) {
    orders.lots -= order.quantity.lots().abs();
    orders.count -= 1;
    orders.fees = Amount::from_units(orders.fees.units() - order.fee.units().abs());
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
