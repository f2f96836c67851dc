//! What the world outside the venue is like: prices, volatilities, and what others list.

pub(crate) mod calendar;
pub(crate) mod chains;
pub(crate) mod diffusion;
pub(crate) mod history;
pub(crate) mod hourly;
pub(crate) mod smile;

use instruments::{Asset, Timestamp};

use crate::draws::Draws;
use diffusion::Diffusion;
use hourly::Bridges;

/// The coins that may be traded: a venue has the first few of them.
pub(crate) const COINS: [&str; 4] = ["BTC", "ETH", "BNB", "XRP"];
/// How many.
pub(crate) const COIN_COUNT: usize = COINS.len();

/// The asset of a coin.
pub(crate) fn asset(coin: usize) -> Asset {
    COINS[coin].parse().expect("a ticker")
}

/// The coin of an asset; none of another asset.
pub(crate) fn coin_of(found: Asset) -> Option<usize> {
    (0..COIN_COUNT).find(|coin| asset(*coin) == found)
}

/// What coins really cost.
pub(crate) enum Paths {
    /// Made of a seed.
    Seeded(Diffusion),
    /// As they were, hour by hour, with what happened within the hour made of a seed.
    Real(Bridges),
}

impl Paths {
    /// Prices in US dollars now, of each coin that the venue has.
    pub fn prices(&self) -> Vec<f64> {
        match self {
            Self::Seeded(diffusion) => diffusion.prices(),
            Self::Real(bridges) => bridges.prices(),
        }
    }

    /// Lets time pass.
    pub fn advance(&mut self, to: Timestamp, draws: &mut Draws) {
        match self {
            Self::Seeded(diffusion) => diffusion.advance(to, draws),
            Self::Real(bridges) => bridges.advance(to, draws),
        }
    }
}
