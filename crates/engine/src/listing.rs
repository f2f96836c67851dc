//! One listed instrument as the engine keeps it: its book, its triggers, its prices.

use book::{Book, Direction, Limits, Lots, Ticks, Triggers};
use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{Instrument, Price, Timestamp};
use ledger::{Index, Residue};
use risk::Confidence;

use crate::InstrumentId;
use crate::prices::Basis;
use crate::rules::{InstrumentTerms, LOTS_MAX, MarketState, PRICE_MAX};

/// Prices on each side of an option's book that are held in an array; of others, more.
const OPTION_WINDOW: u32 = 64;
const FUTURE_WINDOW: u32 = 4_096;

/// A listed instrument.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub id: InstrumentId,
    pub instrument: Instrument,
    pub terms: InstrumentTerms,
    /// Places of the assets that it depends on.
    pub base: usize,
    pub quote: usize,
    pub settlement: usize,
    /// What the venue says, and until when a breaker halts it.
    pub state: MarketState,
    pub halted_until: Option<Timestamp>,
    /// It has settled for good.
    pub expired: bool,
    /// It should have, and waits for an index.
    pub delayed: bool,
    pub book: Book,
    pub triggers: Triggers,
    pub mark: Option<Price>,
    /// The least confidence of the feeds that it uses; derived.
    pub confidence: Confidence,
    pub last: Option<Price>,
    pub trades: u64,
    /// Σ lots of long positions.
    pub open_interest: i64,
    /// Σ lots of all positions: zero whenever a command is done.
    pub net_lots: i64,
    pub basis: Basis,
    /// Funding: what one lot long has been paid since the beginning, the rate in force, and up to
    /// when it has been counted.
    pub funding: Index,
    pub rate_8h_ppb: i64,
    pub funded_until: Timestamp,
    /// Fractions of units that closed positions left.
    pub residue: Residue,
    /// Whole settlement periods that have passed.
    pub settled: i64,
    /// What traded lately.
    pub volume: RecentVolume,
}

/// How many lots had traded when the running minute began, and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RecentVolume {
    minute: i64,
    now: i128,
    before: i128,
}

impl RecentVolume {
    /// Takes in how many lots have traded up to now.
    pub fn sample(&mut self, now: Timestamp, traded: i128) {
        let minute = now.milliseconds().div_euclid(60_000);
        if minute != self.minute {
            let before = if minute == self.minute + 1 { self.now } else { traded };
            *self = Self { minute, now: traded, before };
        }
    }

    /// What has traded within the running minute and the one before it.
    pub fn recent(&self, traded: i128) -> i128 {
        traded - self.before
    }
}

impl Listing {
    /// # Panics
    /// If the terms were not checked.
    pub fn new(
        id: InstrumentId,
        instrument: Instrument,
        terms: InstrumentTerms,
        places: [usize; 3],
        now: Timestamp,
    ) -> Self {
        let limits = Limits {
            price_min: Ticks(1),
            price_max: Ticks(PRICE_MAX.units() / terms.tick.units()),
            lots_max: Lots(LOTS_MAX),
            orders_per_account_max: 1 << 20,
            parts_max: terms.parts_max,
            window: if instrument.is_option() { OPTION_WINDOW } else { FUTURE_WINDOW },
            ..Limits::default()
        };
        let checked = "an instrument's terms are checked before it is listed";
        let [base, quote, settlement] = places;
        Self {
            id,
            instrument,
            terms,
            base,
            quote,
            settlement,
            state: MarketState::Open,
            halted_until: None,
            expired: false,
            delayed: false,
            book: Book::new(limits).expect(checked),
            triggers: Triggers::new(limits).expect(checked),
            mark: None,
            confidence: Confidence::FULL,
            last: None,
            trades: 0,
            open_interest: 0,
            net_lots: 0,
            basis: Basis::starting_at(now),
            funding: Index::ZERO,
            rate_8h_ppb: 0,
            funded_until: now,
            residue: Residue::default(),
            settled: terms.settlements_until(now),
            volume: RecentVolume::default(),
        }
    }

    /// The state that orders meet: a breaker's halt comes before what the venue says.
    pub fn market_state(&self) -> MarketState {
        if self.halted_until.is_some() { MarketState::Halted } else { self.state }
    }

    /// The price of some ticks.
    pub fn price(&self, ticks: Ticks) -> Price {
        Price::from_units(ticks.0 * self.terms.tick.units())
    }

    /// A price in whole ticks, rounded down.
    pub fn ticks_down(&self, price: Price) -> Ticks {
        Ticks(price.units().div_euclid(self.terms.tick.units()))
    }

    /// How far in whole ticks a price has risen, or fallen.
    pub fn ticks_reached(&self, direction: Direction, price: Price) -> Ticks {
        match direction {
            Direction::Rising => self.ticks_down(price),
            Direction::Falling => self.ticks_up(price),
        }
    }

    /// A price in whole ticks, rounded up.
    pub fn ticks_up(&self, price: Price) -> Ticks {
        Ticks(-(-price.units()).div_euclid(self.terms.tick.units()))
    }
}

impl InstrumentTerms {
    /// How many settlements have come since 1970.
    pub(crate) fn settlements_until(&self, now: Timestamp) -> i64 {
        if self.settlement_ms == 0 { 0 } else { now.milliseconds().div_euclid(self.settlement_ms) }
    }
}
