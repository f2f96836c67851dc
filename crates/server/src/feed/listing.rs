//! An instrument as everybody sees it.

use book::{OrderId, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use engine::InstrumentId;
use engine::rules::{InstrumentTerms, MarketState};
use instruments::{Asset, Instrument, Price, Timestamp};

use super::bounds::Bounds;
use super::candles::Candles;
use super::history::FundingRate;
use super::levels::Levels;
use super::recent::Recent;

/// Trades of an instrument that has expired: subscribers may not have heard of the newest.
const EXPIRED_TRADES_MAX: usize = 100;

/// An instrument that is or was listed.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
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
    /// What it was before it was halted; what it is if it is not.
    pub unhalted: MarketState,
    /// Until when a breaker keeps it halted.
    pub breaker_until: Option<Timestamp>,
    /// When it was listed.
    pub listed: Timestamp,
    /// When and at what index it expired.
    pub expired: Option<(Timestamp, Price)>,
    /// Its mark.
    pub mark: Option<Price>,
    /// The depth that is shown.
    pub levels: Levels,
    /// Its trades.
    pub trades: Recent<Trade>,
    /// Minutes in which it traded.
    pub candles: Candles,
    /// Σ lots of long positions.
    pub open_interest: i64,
    /// What a long pays over 8 hours, in parts per billion.
    pub funding_8h_ppb: i64,
    /// Funding rates as they changed.
    pub funding: Recent<FundingRate>,
    /// The price of its last settlement.
    pub settled: Option<Price>,
    /// Counts what may change a ticker.
    pub version: u64,
}

/// A trade as everybody sees it.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub struct Trade {
    /// Its number among all of the venue, from 1 on.
    pub id: u64,
    /// Its number in the instrument, from 1 on.
    pub number: u64,
    /// What was traded.
    pub instrument: InstrumentId,
    /// The currency under which it is found.
    pub currency: Asset,
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
            unhalted: MarketState::Open,
            breaker_until: None,
            listed,
            expired: None,
            mark: None,
            levels: Levels::default(),
            trades: Recent::default(),
            candles: Candles::default(),
            open_interest: 0,
            funding_8h_ppb: 0,
            funding: Recent::default(),
            settled: None,
            version: 0,
        }
    }

    /// Takes in whether it trades, and until when a breaker keeps it from that.
    pub fn set_state(&mut self, state: MarketState, until: Option<Timestamp>) {
        (self.state, self.breaker_until) = (state, until);
        if state != MarketState::Halted {
            self.unhalted = state;
        }
    }

    /// What ends the halt of an operator: none if there is no such halt, if a breaker's goes on, or if the
    /// instrument was wound down and nobody holds any.
    #[must_use]
    pub fn after_halt(&self) -> Option<MarketState> {
        let is_halted = self.state == MarketState::Halted && self.expired.is_none();
        let is_over = self.unhalted == MarketState::ReduceOnly && self.open_interest == 0;
        (is_halted && self.breaker_until.is_none() && !is_over).then_some(self.unhalted)
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
    pub fn trade(&mut self, mut trade: Trade, bounds: &Bounds) -> Trade {
        trade.tick_direction = match self.last() {
            None => 0,
            Some(last) if trade.price > last.price => 0,
            Some(last) if trade.price < last.price => 2,
            Some(last) => last.tick_direction | 1,
        };
        self.trades.push(trade, bounds.trades);
        let time = trade.time.milliseconds();
        self.candles.trade(time, trade.price, trade.lots, bounds.minutes);
        self.version += 1;
        trade
    }

    /// Leaves to the history what nobody subscribes to any more, since the instrument has expired.
    pub fn forget(&mut self) {
        while self.trades.drop_oldest(EXPIRED_TRADES_MAX).is_some() {}
        self.candles.forget();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_halt_halted_is_again_what_it_was_and_nothing_else_is() {
        use MarketState::{Halted, Open, ReduceOnly};
        let until = Some(Timestamp::from_milliseconds(5));
        let instrument = "BTC-PERPETUAL".parse().unwrap();
        let terms = serde_json::from_value(serde_json::json!({"tick": "0.5"})).unwrap();
        let listed = Timestamp::from_milliseconds(0);
        let after = |states: &[(MarketState, Option<Timestamp>)], open_interest| {
            let mut listing = Listing::new(InstrumentId(0), instrument, terms, listed);
            listing.open_interest = open_interest;
            states.iter().for_each(|(state, until)| listing.set_state(*state, *until));
            listing.after_halt()
        };
        assert_eq!(after(&[], 0), None);
        assert_eq!(after(&[(Halted, None)], 0), Some(Open));
        assert_eq!(after(&[(Halted, None), (Open, None)], 0), None);
        assert_eq!(after(&[(ReduceOnly, None)], 7), None);
        assert_eq!(after(&[(ReduceOnly, None), (Halted, None)], 7), Some(ReduceOnly));
        assert_eq!(after(&[(ReduceOnly, None), (Halted, None), (Halted, None)], 0), None);
        // A breaker's halt ends by itself, and an operator's goes on after it.
        assert_eq!(after(&[(Halted, until)], 7), None);
        assert_eq!(after(&[(Halted, None), (Halted, until)], 7), None);
        assert_eq!(after(&[(Halted, None), (Halted, until), (Halted, None)], 7), Some(Open));
    }
}
