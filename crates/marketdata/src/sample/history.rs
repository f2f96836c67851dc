//! The sample history.

use instruments::Timestamp;
use numerics::{SplitMix, exp, ln};
use risk::{History, HistoryDay};

use super::market::indices;
use super::{SEED, TIME, rounded};

const DAYS: usize = 1_500;

/// The common factor's variance: `h' = ω + α·f² + β·h`, started at its mean.
const ALPHA: f64 = 0.09;
const BETA: f64 = 0.87;
const DAILY_VOLATILITY: f64 = 0.023;

/// Days, counted from the first, on which the common factor falls (or rebounds) this much more.
const CRASHES: [(usize, f64); 8] = [
    (131, -0.13),
    (132, -0.05),
    (318, -0.17),
    (319, 0.06),
    (655, -0.09),
    (958, -0.15),
    (1_190, -0.11),
    (1_192, 0.05),
];

/// How each underlying of the market goes with the factor, how much it moves alone in a day, how
/// far it rose over the whole history, and the decimals of its closes.
const ASSETS: [(f64, f64, f64, u32); 5] = [
    (1.0, 0.007, 0.55, 2),
    (1.22, 0.016, -0.35, 2),
    (1.42, 0.027, -0.4, 3),
    (1.05, 0.028, 0.75, 4),
    (0.93, 0.015, 0.3, 2),
];

const DRAWS_PER_DAY: u64 = 128;
const DRAWS_PER_NORMAL: u64 = 12;

/// Daily closes of every underlying of the sample market, up to the day before its time.
#[must_use]
pub fn history() -> History {
    let (assets, indices): (Vec<_>, Vec<_>) = indices().unzip();
    let returns = returns();
    // The last close lies a little below the index half a day later.
    let mut closes: Vec<f64> = indices.iter().map(|index| index * 0.996).collect();
    let mut days = Vec::with_capacity(DAYS);
    let midnight = TIME.milliseconds() - TIME.milliseconds().rem_euclid(Timestamp::DAY);
    for (back, moves) in (1_i64..).zip(returns.iter().rev()) {
        let date = Timestamp::from_milliseconds(midnight - back * Timestamp::DAY);
        let rounded_closes = closes
            .iter()
            .zip(ASSETS)
            .map(|(close, (.., decimals))| Some(rounded(*close, decimals)));
        days.push(HistoryDay { date, closes: rounded_closes.collect() });
        for (close, log_return) in closes.iter_mut().zip(moves) {
            *close *= exp(-log_return);
        }
    }
    days.reverse();
    History { assets, days }
}

/// One log return per day and asset, each asset's adding up to its rise over the history.
fn returns() -> Vec<[f64; ASSETS.len()]> {
    let mean_variance = DAILY_VOLATILITY * DAILY_VOLATILITY;
    let omega = (1.0 - ALPHA - BETA) * mean_variance;
    let mut variance = mean_variance;
    let mut rows = Vec::with_capacity(DAYS);
    for day in 0..DAYS {
        let first_draw = day as u64 * DRAWS_PER_DAY;
        let crash: f64 = CRASHES.iter().filter(|crash| crash.0 == day).map(|crash| crash.1).sum();
        let factor = variance.sqrt() * normal(first_draw) + crash;
        let heat = (variance / mean_variance).sqrt();
        rows.push(std::array::from_fn(|asset| {
            let (beta, alone, ..) = ASSETS[asset];
            let draw = first_draw + (1 + asset as u64) * DRAWS_PER_NORMAL;
            beta * factor + alone * heat * normal(draw)
        }));
        variance = omega + ALPHA * factor * factor + BETA * variance;
    }
    for (asset, (_, _, rise, _)) in ASSETS.into_iter().enumerate() {
        let total: f64 = rows.iter().map(|row: &[f64; ASSETS.len()]| row[asset]).sum();
        let drift = (ln(1.0 + rise) - total) / DAYS as f64;
        for row in &mut rows {
            row[asset] += drift;
        }
    }
    rows
}

/// Nearly normal: the sum of twelve uniform draws less six (Irwin–Hall).
fn normal(first_draw: u64) -> f64 {
    let draws = SplitMix { seed: SEED };
    (0..DRAWS_PER_NORMAL).map(|index| draws.u01(first_draw + index)).sum::<f64>() - 6.0
}
