//! A jump-diffusion with clustered volatility.
//!
//! Log-prices move by √(v·dt)·z plus jumps. Jumps come as a Poisson process and are normal (Merton
//! 1976). Every [`PERIOD_MS`] the variance of each coin is set anew from what it moved since:
//! v' = ω + α·r² + β·v, a GARCH(1,1) (Bollerslev 1986), jumps counted in, so that a crash is followed
//! by unrest. The coins' z are correlated, and jumps hit all of them.

use instruments::Timestamp;

use super::COIN_COUNT;
use crate::draws::Draws;

/// How often variances are set anew.
const PERIOD_MS: i64 = 300_000;
/// Variance per year in the long run.
const LONG_RUN: [f64; COIN_COUNT] = [0.30, 0.50, 0.55, 0.70];
/// Weights of the last period's square and of the last variance.
const ALPHA: f64 = 0.06;
const BETA: f64 = 0.93;
/// Correlation of the other coins with the first.
const CORRELATION: f64 = 0.85;
/// Jumps in a year: about one in five days.
const JUMPS: f64 = 75.0;
/// A jump's mean and standard deviation.
const JUMP_MEAN: f64 = -0.012;
const JUMP_DEVIATION: f64 = 0.03;
/// How much harder a jump hits each coin.
const JUMP_WEIGHT: [f64; COIN_COUNT] = [1.0, 1.3, 1.3, 1.5];
/// Variance is held to so many times the long run's.
const VARIANCE_MOST: f64 = 30.0;

/// The prices of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Diffusion {
    now: Timestamp,
    logs: Vec<f64>,
    variances: Vec<f64>,
    /// Log-prices when variances were set last, and when that was.
    since: Vec<f64>,
    set: Timestamp,
}

impl Diffusion {
    /// Prices at a time.
    pub fn at(now: Timestamp, prices: &[f64]) -> Self {
        let logs: Vec<f64> = prices.iter().map(|price| numerics::ln(*price)).collect();
        let variances = LONG_RUN[..logs.len()].to_vec();
        Self { now, since: logs.clone(), logs, variances, set: now }
    }

    /// Prices now.
    pub fn prices(&self) -> Vec<f64> {
        self.logs.iter().map(|log| numerics::exp(*log)).collect()
    }

    /// The variance per year that is to be expected over a time from now: it reverts to the long
    /// run's by ALPHA + BETA a period, which half undoes an excess within six hours.
    pub fn expected_variance(&self, coin: usize, ahead_ms: i64) -> f64 {
        let periods = (ahead_ms.max(PERIOD_MS) / PERIOD_MS) as f64;
        let kept = numerics::exp(periods * numerics::ln(ALPHA + BETA));
        // The mean over the periods of a geometric approach to the long run.
        let mean_kept = (1.0 - kept) / (periods * (1.0 - ALPHA - BETA));
        LONG_RUN[coin] + (self.variances[coin] - LONG_RUN[coin]) * mean_kept
    }

    /// Lets time pass.
    pub fn advance(&mut self, to: Timestamp, draws: &mut Draws) {
        let elapsed = to.since(self.now).max(0);
        self.now = to;
        let years = elapsed as f64 / Timestamp::YEAR as f64;
        let common = draws.normal();
        let rest = (1.0 - CORRELATION * CORRELATION).sqrt();
        let mut moves = vec![common];
        for _ in 1..self.logs.len() {
            moves.push(CORRELATION * common + rest * draws.normal());
        }
        let jump = if draws.unit() < JUMPS * years {
            JUMP_MEAN + JUMP_DEVIATION * draws.normal()
        } else {
            0.0
        };
        for (coin, z) in moves.into_iter().enumerate() {
            let deviation = (self.variances[coin] * years).sqrt();
            let drift = -0.5 * self.variances[coin] * years;
            self.logs[coin] += drift + deviation * z + JUMP_WEIGHT[coin] * jump;
        }
        if to.since(self.set) >= PERIOD_MS {
            self.set_variances(to);
        }
    }

    fn set_variances(&mut self, now: Timestamp) {
        let years = now.since(self.set) as f64 / Timestamp::YEAR as f64;
        for (coin, long_run) in LONG_RUN.into_iter().enumerate().take(self.logs.len()) {
            let moved = self.logs[coin] - self.since[coin];
            let omega = (1.0 - ALPHA - BETA) * long_run;
            let variance = omega + ALPHA * moved * moved / years + BETA * self.variances[coin];
            self.variances[coin] = variance.min(VARIANCE_MOST * long_run);
        }
        (self.since, self.set) = (self.logs.clone(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volatility_is_that_of_the_long_run_and_clusters() {
        let start = Timestamp::from_milliseconds(0);
        let mut draws = Draws::of(5, 0);
        let mut diffusion = Diffusion::at(start, &[80_000.0, 2_600.0]);
        let (mut squares, mut products, mut last) = (0.0, 0.0, 0.0);
        let mut log = diffusion.logs[0];
        let days = 2_000;
        for hour in 1..=i64::from(days) * 24 {
            diffusion.advance(Timestamp::from_milliseconds(hour * Timestamp::HOUR), &mut draws);
            let moved = diffusion.logs[0] - log;
            log = diffusion.logs[0];
            squares += moved * moved;
            products += moved * moved * last;
            last = moved * moved;
        }
        let hours = f64::from(days) * 24.0;
        let per_year = squares / hours * 8_760.0;
        assert!((0.2..1.2).contains(&per_year), "variance {per_year}");
        // Squares follow squares.
        let mean = squares / hours;
        assert!(products / hours > 1.05 * mean * mean);
    }
}
