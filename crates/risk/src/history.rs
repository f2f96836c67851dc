//! Daily closes and the joint returns that scenarios are made of.

use instruments::{Asset, Timestamp};

use crate::RiskError;

/// Daily closes of several assets, in US dollars, in order of time; gaps are allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The assets, one per column.
    pub assets: Vec<Asset>,
    /// The days, strictly ascending.
    pub days: Vec<HistoryDay>,
}

/// One day of a [`History`].
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryDay {
    /// Midnight UTC at the day's start; its closes are known a day later.
    pub date: Timestamp,
    /// Closes in the order of the history's assets; `None` where one is missing. Each is finite
    /// and greater than zero.
    pub closes: Vec<Option<f64>>,
}

/// Log returns of several assets over the same days, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct JointReturns {
    /// The day on which each return ends.
    pub dates: Vec<Timestamp>,
    /// One row per date, one log return per asset.
    pub rows: Vec<Vec<f64>>,
}

impl History {
    /// Checks that days ascend, rows are as wide as the columns, and closes are positive numbers.
    ///
    /// # Errors
    /// [`RiskError::HistoryValue`] naming the first day that is not usable.
    pub fn validate(&self) -> Result<(), RiskError> {
        let positive = |close: &Option<f64>| close.is_none_or(|c| c > 0.0 && c < f64::INFINITY);
        let mut before: Option<Timestamp> = None;
        for day in &self.days {
            let wrong = |problem| Err(RiskError::HistoryValue { day: day.date, problem });
            if day.date.milliseconds().abs() > 1 << 52 {
                return wrong("it is outside the calendar");
            }
            if before.is_some_and(|before| before >= day.date) {
                return wrong("it does not come after the day before it");
            }
            if day.closes.len() != self.assets.len() {
                return wrong("it has not one close per asset");
            }
            if !day.closes.iter().all(positive) {
                return wrong("a close is not a number greater than zero");
            }
            before = Some(day.date);
        }
        Ok(())
    }

    /// The joint log returns over `horizon_days` of the named assets, taken from days whose closes
    /// are known at `time` and on which every asset has a return.
    ///
    /// # Errors
    /// [`RiskError::NoHistory`] for an asset without a column.
    pub(crate) fn joint_returns(
        &self,
        assets: &[Asset],
        horizon_days: u32,
        time: Timestamp,
    ) -> Result<JointReturns, RiskError> {
        let column = |asset: &Asset| self.assets.iter().position(|known| known == asset);
        let columns: Vec<usize> = assets
            .iter()
            .map(|asset| column(asset).ok_or(RiskError::NoHistory(*asset)))
            .collect::<Result<_, _>>()?;
        let horizon = i64::from(horizon_days) * Timestamp::DAY;
        let known = self.days.iter().filter(|day| time.since(day.date) >= Timestamp::DAY);
        let mut returns = JointReturns::default();
        for day in known {
            let start = Timestamp::from_milliseconds(day.date.milliseconds() - horizon);
            let Ok(index) = self.days.binary_search_by_key(&start, |day| day.date) else {
                continue;
            };
            let before = &self.days[index];
            let log_return =
                |&column: &usize| Some(numerics::ln(day.closes[column]? / before.closes[column]?));
            if let Some(row) = columns.iter().map(log_return).collect() {
                returns.dates.push(day.date);
                returns.rows.push(row);
            }
        }
        Ok(returns)
    }
}

impl JointReturns {
    /// How many days have a return.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The returns of one asset.
    pub fn column(&self, index: usize) -> Vec<f64> {
        self.rows.iter().map(|row| row[index]).collect()
    }

    /// Where the most violent `days` consecutive returns start: the window with the largest sum of
    /// squared returns, each asset's measured in its own volatility. The earliest wins a tie.
    pub fn most_violent_window(&self, days: usize, volatilities: &[f64]) -> usize {
        let weight = |row: &Vec<f64>| -> f64 {
            row.iter().zip(volatilities).map(|(r, v)| (r / v) * (r / v)).sum()
        };
        let weights: Vec<f64> = self.rows.iter().map(weight).collect();
        let mut best = (0, f64::NEG_INFINITY);
        for (start, window) in weights.windows(days.clamp(1, weights.len().max(1))).enumerate() {
            let total: f64 = window.iter().sum();
            if total > best.1 {
                best = (start, total);
            }
        }
        best.0
    }
}

/// Volatility that an exponentially weighted mean of squared returns knew before each day, and
/// after the last one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VolatilityPath {
    /// σ_t, which does not know day t.
    pub before: Vec<f64>,
    /// σ after the last day.
    pub last: f64,
}

impl VolatilityPath {
    /// σ²_{t+1} = λ·σ²_t + (1−λ)·r²_t, started from the mean square of the first `seed_days`.
    /// `None` without returns.
    pub fn of(returns: &[f64], decay: f64, seed_days: usize) -> Option<Self> {
        let seed = &returns[..seed_days.min(returns.len())];
        if seed.is_empty() {
            return None;
        }
        let mut variance = seed.iter().map(|r| r * r).sum::<f64>() / seed.len() as f64;
        let mut before = Vec::with_capacity(returns.len());
        for r in returns {
            before.push(variance.sqrt());
            variance = decay * variance + (1.0 - decay) * (r * r);
        }
        Some(Self { before, last: variance.sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(rows: &[(&str, Option<f64>, Option<f64>)]) -> History {
        let assets = ["BTC", "ETH"].map(|name| name.parse().unwrap()).to_vec();
        let day = |row: &(&str, Option<f64>, Option<f64>)| HistoryDay {
            date: row.0.parse().unwrap(),
            closes: vec![row.1, row.2],
        };
        History { assets, days: rows.iter().map(day).collect() }
    }

    #[test]
    fn gaps_and_the_future_give_no_return() {
        let history = history(&[
            ("2026-01-01", Some(100.0), Some(10.0)),
            ("2026-01-02", Some(110.0), Some(11.0)),
            ("2026-01-03", Some(120.0), None),
            ("2026-01-04", Some(130.0), Some(12.0)),
            ("2026-01-05", Some(140.0), Some(13.0)),
            ("2026-01-07", Some(150.0), Some(14.0)),
            ("2026-01-08", Some(160.0), Some(15.0)),
        ]);
        let assets = history.assets.clone();
        let dates = |time: &str| {
            let returns = history.joint_returns(&assets, 1, time.parse().unwrap()).unwrap();
            returns.dates.iter().map(|date| date.to_string()[8..10].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(dates("2026-02-01"), ["02", "05", "08"]);
        // The close of the 8th is known only once that day is over.
        assert_eq!(dates("2026-01-08T23:59:59Z"), ["02", "05"]);
        assert_eq!(dates("2026-01-09"), ["02", "05", "08"]);
    }

    #[test]
    fn volatility_excludes_its_own_day() {
        let path = VolatilityPath::of(&[0.01, -0.01, 0.5], 0.97, 2).unwrap();
        assert_eq!(path.before[2], (0.97 * (0.97 * 1e-4 + 0.03 * 1e-4) + 0.03 * 1e-4_f64).sqrt());
        assert!(path.last > 0.08);
    }

    #[test]
    fn the_most_violent_window_is_found() {
        let rows = [0.1, 0.0, 0.3, 0.4, 0.0].map(|r| vec![r]).to_vec();
        let returns = JointReturns { dates: vec![], rows };
        assert_eq!(returns.most_violent_window(2, &[1.0]), 2);
        assert_eq!(returns.most_violent_window(9, &[1.0]), 0);
    }
}
