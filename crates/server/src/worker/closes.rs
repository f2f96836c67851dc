//! The day's close of each asset, taken down as the day ends.

use std::collections::BTreeMap;

use engine::command::{ClosesDay, HistoryCloses};
use instruments::{Asset, Price, Timestamp};

/// Days that are kept; those who publish more keep as many.
const DAYS_MAX: usize = 900;
/// Prices that are older when the day ends are no closes.
const AGE_MAX_MS: i64 = 5 * 60_000;

/// The last index prices that were seen.
#[derive(Clone, Debug)]
pub struct LastPrices {
    /// When.
    pub time: Timestamp,
    /// In US dollars.
    pub prices: BTreeMap<Asset, Price>,
}

impl LastPrices {
    /// Whether a day has ended since.
    #[must_use]
    pub fn is_day_over(&self, now: Timestamp) -> bool {
        midnight(now) > midnight(self.time)
    }

    /// Closes with the day that has ended; `None` if they have it, or nobody saw how it ended.
    #[must_use]
    pub fn close(&self, closes: &HistoryCloses, now: Timestamp) -> Option<HistoryCloses> {
        let date = Timestamp::from_milliseconds(midnight(self.time));
        let has_it = closes.days.last().is_some_and(|last| last.date >= date);
        if has_it || !self.is_day_over(now) || now.since(self.time) > AGE_MAX_MS {
            return None;
        }
        let day = closes.assets.iter().map(|asset| self.prices.get(asset).copied()).collect();
        let mut next = closes.clone();
        let most = next.days.len().max(DAYS_MAX);
        next.days.push(ClosesDay { date, closes: day });
        next.days.drain(..next.days.len().saturating_sub(most));
        Some(next)
    }
}

/// The start of a time's day, in milliseconds.
const fn midnight(time: Timestamp) -> i64 {
    time.milliseconds() - time.milliseconds().rem_euclid(Timestamp::DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_closed_once_and_only_by_who_saw_it_end() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let [bitcoin, ether] = ["BTC", "ETH"].map(|name| name.parse::<Asset>().unwrap());
        let price = Price::from_units(7_000_000_000_000);
        let known = HistoryCloses { assets: vec![bitcoin, ether], days: Vec::new() };
        let prices = LastPrices {
            time: time("2026-02-05T23:59:59.900Z"),
            prices: [(bitcoin, price)].into(),
        };
        assert_eq!(prices.close(&known, time("2026-02-05T23:59:59.999Z")), None);
        let closed = prices.close(&known, time("2026-02-06T00:00:00Z")).unwrap();
        let day = &closed.days[0];
        assert_eq!((day.date, &day.closes), (time("2026-02-05"), &vec![Some(price), None]));
        assert_eq!(prices.close(&closed, time("2026-02-06T00:00:00Z")), None);
        assert_eq!(prices.close(&known, time("2026-02-06T00:05:00Z")), None);
    }
}
