//! Winners made to fit what is published of them.
//!
//! Published of 10 October 2025 are, per wave, what all winners together had gained; over all of
//! them,
//! equity over gains (median 4.4, a tenth below 2.3, a tenth above 15.0) and a median leverage of 0.2.
//! Those are met. Assumed, because the accounts are not public, are:
//!
//! - 200 winners in each coin of a wave, whose sizes have a heavy tail (Pareto, exponent 1.2);
//! - between 3 and 30 times the contracts to close in their hands, but no more than leaves each lot
//!   twice what it costs on average; gains for each lot log-normal (σ = 0.8), and the smaller the more
//!   equity there is for each dollar of them, since equity goes with size;
//! - two in five of them hold between half and all of the position against something else, which loses
//!   four fifths of what that part gains.

use instruments::{Rounding, mul_div};
use numerics::{SplitMix, exp, normal_quantile, powf};
use risk::waterfall::adl::Need;

/// The seed of the report's winners.
pub const SEED: u64 = 20_251_010;

/// Winners in each coin of a wave.
pub const WINNERS: usize = 200;

/// An account on the winning side of one coin. Money in 10⁻⁸ US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winner {
    /// Lots held.
    pub lots: u64,
    /// Of those, lots that hedge nothing.
    pub unhedged: u64,
    /// What the position gained.
    pub gain: i128,
    /// What the whole account gained: what is hedged lost elsewhere.
    pub net_gain: i128,
    /// What the account is worth.
    pub equity: i128,
    /// Notional over equity, in parts per million.
    pub leverage_ppm: u32,
}

/// The winners of one coin of a wave: `gains` is what they had gained together, `stream` tells one
/// coin from another.
#[must_use]
pub fn winners(need: &Need, gains: i128, seed: u64, stream: u64) -> Vec<Winner> {
    let draws = Draws { source: SplitMix { seed }, stream };
    let lack = need.deficit.max(1) as f64;
    let most = (gains as f64 / lack / 2.0).max(1.5);
    let times = (3.0 * powf(10.0, draws.uniform(0, 0))).min(most);
    let held = times * need.lots as f64;

    let sizes: Vec<f64> =
        (0..WINNERS).map(|i| powf(1.0 - draws.uniform(i, 1), -1.0 / 1.2)).collect();
    let earned: Vec<f64> = sizes
        .iter()
        .enumerate()
        .map(|(i, size)| size * exp(-0.8 * normal_quantile(draws.uniform(i, 2))))
        .collect();
    let (all_sizes, all_earned): (f64, f64) = (sizes.iter().sum(), earned.iter().sum());
    (0..WINNERS)
        .map(|i| {
            let lots = (held * sizes[i] / all_sizes).ceil() as u64;
            let gain = (gains as f64 * earned[i] / all_earned) as i128;
            winner(lots, gain, |kind| draws.uniform(i, kind))
        })
        .collect()
}

fn winner(lots: u64, gain: i128, uniform: impl Fn(u64) -> f64) -> Winner {
    let hedged = if uniform(3) < 0.4 { 0.5 + 0.5 * uniform(4) } else { 0.0 };
    let unhedged = lots - (lots as f64 * hedged) as u64;
    let net_gain = gain - (0.8 * hedged * gain as f64) as i128;
    // Two halves of a log-normal, which meet at the median and at both tenths.
    let z = normal_quantile(uniform(2));
    let spread = if z < 0.0 { 0.514 } else { 0.952 };
    let equity = (gain as f64 * 4.413 * exp(spread * z)) as i128;
    let leverage_ppm = (200_000.0 * exp(normal_quantile(uniform(5)))).min(1e8) as u32;
    Winner { lots, unhedged, gain, net_gain, equity, leverage_ppm }
}

impl Winner {
    /// Gain as a part of what the position is worth, in parts per million.
    #[must_use]
    pub fn return_ppm(&self) -> i64 {
        let million = 1_000_000;
        let notional = mul_div(self.equity, i128::from(self.leverage_ppm), million, Rounding::Ceil);
        let share = notional
            .filter(|notional| *notional > 0)
            .and_then(|notional| mul_div(self.gain, million, notional, Rounding::Floor));
        share.and_then(|share| i64::try_from(share).ok()).unwrap_or(0)
    }
}

/// One uniform number for each coin, account and kind of draw.
struct Draws {
    source: SplitMix,
    stream: u64,
}

impl Draws {
    fn uniform(&self, account: usize, kind: u64) -> f64 {
        let index = (self.stream * 1_000 + account as u64) * 10 + kind;
        // Strictly between nothing and one, where quantiles and powers are finite.
        self.source.u01(index).clamp(1e-9, 1.0 - 1e-9)
    }
}
