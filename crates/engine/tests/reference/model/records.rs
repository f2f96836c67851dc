//! What the naive engine remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use book::{Direction, OrderId, PriceSource, Side, Ticks};
use engine::command::{OrderTerms, ProtectionRules, SourceWeight, WhenFilled};
use engine::prices::{
    Basis, Breaker, BreakerRules, IndexRules, IndexStatus, InterestRules, Observation,
    SettlementAverage,
};
use engine::rules::{InstrumentTerms, MarketState};
use instruments::{Amount, Asset, Instrument, Price, Timestamp, Underlying};
use ledger::{AccountId, Accrual, Index, Residue};
use risk::{ByPosition, Epoch, FixedCurve, MarginModel, Methodology};

use super::book::NaiveBook;
use engine::InstrumentId;

pub struct AssetNow {
    pub asset: Asset,
    pub rules: IndexRules,
    pub sources: Vec<SourceWeight>,
    pub reports: Vec<Observation>,
    pub price: Option<Price>,
    pub confidence_ppm: u32,
    pub status: IndexStatus,
    pub breaker_rules: BreakerRules,
    pub breaker: Breaker,
    pub interest_rules: InterestRules,
    pub interest: Index,
    pub interest_until: Timestamp,
    pub expiries: BTreeMap<Timestamp, ExpiryNow>,
}

pub struct ExpiryNow {
    pub basis: i64,
    pub curve: FixedCurve,
    pub average: SettlementAverage,
}

pub struct AccountNow {
    pub owner: Option<AccountId>,
    pub model: MarginModel,
    pub restricted: bool,
    pub cancel_on_disconnect: bool,
    pub positions: BTreeMap<InstrumentId, PositionNow>,
    pub interest: BTreeMap<Asset, Accrual>,
    /// When profit was realised and how much, by asset.
    pub profits: BTreeMap<Asset, BTreeMap<i64, i128>>,
    pub protections: BTreeMap<Underlying, ProtectionNow>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionNow {
    pub lots: i64,
    pub cost: i128,
    pub funding: Accrual,
}

#[derive(Clone)]
pub struct ProtectionNow {
    pub rules: ProtectionRules,
    pub window: i64,
    pub traded: i128,
    /// Frozen until then, or until reset.
    pub frozen: Option<Option<i64>>,
}

pub struct ListingNow {
    pub id: InstrumentId,
    pub instrument: Instrument,
    pub terms: InstrumentTerms,
    pub state: MarketState,
    pub halted_until: Option<Timestamp>,
    pub expired: bool,
    pub delayed: bool,
    pub book: NaiveBook,
    /// In the order in which they came.
    pub triggers: Vec<Waiting>,
    pub mark: Option<Price>,
    pub last: Option<Price>,
    pub trades: u64,
    pub basis: Basis,
    pub funding: Index,
    pub rate_8h_ppb: i64,
    pub funded_until: Timestamp,
    pub residue: Residue,
    pub settled: i64,
}

/// An order that waits for a price.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub id: u64,
    pub source: PriceSource,
    pub direction: Direction,
    /// Where it fires; of a trailing stop as things stand.
    pub price: Ticks,
    /// How far a trailing stop stays behind.
    pub trail: Option<Ticks>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Resting,
    Waiting,
    Parked,
}

#[derive(Clone, Debug)]
pub struct OrderNow {
    pub id: OrderId,
    pub account: AccountId,
    pub terms: OrderTerms,
    pub open: i64,
    pub filled: i64,
    pub limit: Ticks,
    /// What filling it would cost at most, when its size or price was set last.
    pub fee: Amount,
    pub stage: Stage,
    pub partner: Option<u64>,
    pub then: Vec<u64>,
    pub when: Option<WhenFilled>,
}

/// A methodology and those whose notice runs.
pub struct Published {
    pub methodology: Methodology,
    pub in_force: bool,
    pub before: Vec<(Methodology, Timestamp)>,
}

pub struct EpochNow {
    pub opened: i64,
    pub prices: BTreeMap<Asset, Price>,
    pub portfolio: Option<Arc<Epoch>>,
    pub position: Option<Arc<ByPosition>>,
    pub portfolio_before: Vec<(Arc<Epoch>, Timestamp)>,
    pub position_before: Vec<(Arc<ByPosition>, Timestamp)>,
    pub covered: Vec<InstrumentId>,
    pub arrays_hash: String,
    pub due_announced: bool,
}

impl ListingNow {
    pub fn price(&self, ticks: Ticks) -> Price {
        Price::from_units(ticks.0 * self.terms.tick.units())
    }

    pub fn market_state(&self) -> MarketState {
        if self.halted_until.is_some() { MarketState::Halted } else { self.state }
    }

    pub fn in_call(&self) -> bool {
        self.book.in_call
    }

    pub fn best(&self, side: Side) -> Option<Price> {
        self.book.sorted(side).first().map(|order| self.price(order.price))
    }
}

impl AccountNow {
    pub fn lots(&self, instrument: InstrumentId) -> i64 {
        self.positions.get(&instrument).map_or(0, |position| position.lots)
    }
}

pub fn amount(units: i128) -> Amount {
    Amount::from_units(units)
}
