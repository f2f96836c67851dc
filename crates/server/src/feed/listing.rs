//! An instrument as everybody sees it.

use std::collections::VecDeque;

use book::{OrderId, Side};
use engine::InstrumentId;
use engine::rules::{InstrumentTerms, MarketState};
use instruments::{Instrument, Price, Timestamp};

use super::candles::Candles;
use super::levels::Levels;

/// Trades of an instrument that are kept.
const TRADES_MAX: usize = 10_000;

/// An instrument that is or was listed.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Its number.
    pub id: InstrumentId,
    /// Its contract.
    pub instrument: Instrument,
    /// Its name.
    pub name: String,
    /// Its terms.
    pub terms: InstrumentTerms,
    /// Whether it trades.
    pub state: MarketState,
    /// When it was listed.
    pub listed: Timestamp,
    /// When and at what index it expired.
    pub expired: Option<(Timestamp, Price)>,
    /// Its mark.
    pub mark: Option<Price>,
    /// The depth that is shown.
    pub levels: Levels,
    /// Its newest trades, oldest first.
    pub trades: VecDeque<Trade>,
    /// Minutes in which it traded.
    pub candles: Candles,
    /// Σ lots of long positions.
    pub open_interest: i64,
    /// What a long pays over 8 hours, in parts per billion.
    pub funding_8h_ppb: i64,
    /// Funding rates as they changed, oldest first: when, and the rate per 8 hours.
    pub funding: VecDeque<(Timestamp, i64, Option<Price>)>,
    /// Settlements, oldest first: when, and at what price.
    pub settlements: VecDeque<(Timestamp, Price)>,
    /// Counts what may change a ticker.
    pub version: u64,
}

/// A trade as everybody sees it.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Its number in the instrument, from 1 on.
    pub number: u64,
    /// What was traded.
    pub instrument: InstrumentId,
    /// The command that made it.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// The price.
    pub price: Price,
    /// How many lots.
    pub lots: i64,
    /// Which way the taker traded.
    pub side: Side,
    /// The mark then.
    pub mark: Option<Price>,
    /// The index then.
    pub index: Option<Price>,
    /// 0 rose, 1 as before after a rise, 2 fell, 3 as before after a fall.
    pub tick_direction: u8,
    /// The order that rested, and whether a case sent it.
    pub maker: (OrderId, bool),
    /// The order that came, and whether a case sent it.
    pub taker: (OrderId, bool),
}

/// What happened within a day.
#[derive(Clone, Copy, Debug, Default)]
pub struct Day {
    /// The highest price.
    pub high: Option<Price>,
    /// The lowest.
    pub low: Option<Price>,
    /// Lots.
    pub lots: i64,
    /// Σ price · lots.
    pub value: i128,
    /// The first price.
    pub first: Option<Price>,
}

impl Listing {
    /// A new one.
    #[must_use]
    pub fn new(
        id: InstrumentId,
        instrument: Instrument,
        terms: InstrumentTerms,
        listed: Timestamp,
    ) -> Self {
        Self {
            id,
            instrument,
            name: instrument.to_string(),
            terms,
            state: MarketState::Open,
            listed,
            expired: None,
            mark: None,
            levels: Levels::default(),
            trades: VecDeque::new(),
            candles: Candles::default(),
            open_interest: 0,
            funding_8h_ppb: 0,
            funding: VecDeque::new(),
            settlements: VecDeque::new(),
            version: 0,
        }
    }

    /// Whether it can be traded now or later.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.expired.is_none()
    }

    /// The newest trade.
    #[must_use]
    pub fn last(&self) -> Option<&Trade> {
        self.trades.back()
    }

    /// Takes in a trade.
    pub fn trade(&mut self, mut trade: Trade) -> Trade {
        trade.tick_direction = match self.last() {
            None => 0,
            Some(last) if trade.price > last.price => 0,
            Some(last) if trade.price < last.price => 2,
            Some(last) => last.tick_direction | 1,
        };
        if self.trades.len() == TRADES_MAX {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
        self.candles.trade(trade.time.milliseconds(), trade.price, trade.lots);
        self.version += 1;
        trade
    }

    /// What traded within 24 hours.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> Day {
        let from = now.milliseconds() - Timestamp::DAY;
        let mut day = Day::default();
        for one in self.candles.since(from) {
            day.high = Some(day.high.map_or(one.high, |high| high.max(one.high)));
            day.low = Some(day.low.map_or(one.low, |low| low.min(one.low)));
            day.first = day.first.or(Some(one.open));
            day.lots += one.lots;
            day.value += one.value;
        }
        day
    }

    /// Between which prices an order is taken, by mark and band; none without a mark.
    #[must_use]
    pub fn band(&self) -> Option<(Price, Price)> {
        let mark = i128::from(self.mark?.units());
        let wide = (mark * i128::from(self.terms.band_ppm) / 1_000_000)
            .max(i128::from(self.terms.band_min.units()));
        let tick = i128::from(self.terms.tick.units());
        let low = ((mark - wide).max(tick) + tick - 1) / tick * tick;
        let high = (mark + wide) / tick * tick;
        let price = |units: i128| Price::from_units(i64::try_from(units).unwrap_or(i64::MAX));
        Some((price(low), price(high)))
    }
}
