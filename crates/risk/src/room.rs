//! Room to compute in that is kept, so that nothing is allocated for each account.

use instruments::{Asset, Instrument};

use crate::FlatMap;
use crate::account::OpenOrder;
use crate::exposure::Exposure;
use crate::orders::FillEntry;
use crate::portfolio::CoinExposure;
use crate::requirement::{Fraction, Profits};
use crate::settlement::Flows;
use crate::vector::Ticks;

/// Room for [`crate::Assessment::initial`]: one for all accounts that are assessed one after another.
/// No result depends on what was computed in it before.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub(crate) orders: Vec<OpenOrder>,
    pub(crate) entries: Vec<FillEntry>,
    pub(crate) flows: Flows,
    pub(crate) coins: CoinExposure,
    pub(crate) held: Profits,
    pub(crate) profits: Profits,
    pub(crate) losses: Vec<Fraction>,
    pub(crate) charges: ChargeRoom,
    /// Lots of each instrument at least.
    pub(crate) least: FlatMap<Instrument, i128>,
    pub(crate) paid: FlatMap<Asset, i128>,
}

/// Room for charges.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChargeRoom {
    pub exposure: Exposure,
    /// Worth of collateral by asset.
    pub values: FlatMap<Asset, i128>,
}

/// Vectors to be used again. They say nothing of what they are kept beside: all are equal, and copies
/// have none.
#[derive(Debug, Default)]
pub(crate) struct Spare(Vec<Ticks>);

impl Spare {
    pub fn put(&mut self, ticks: Ticks) {
        self.0.push(ticks);
    }

    /// A vector of no profit anywhere.
    pub fn zeros(&mut self, count: usize) -> Ticks {
        let mut ticks = self.any();
        ticks.reset(count);
        ticks
    }

    /// A copy of a vector.
    pub fn copy_of(&mut self, other: &Ticks) -> Ticks {
        let mut ticks = self.any();
        ticks.clone_from(other);
        ticks
    }

    fn any(&mut self) -> Ticks {
        self.0.pop().unwrap_or_else(|| Ticks::zeros(0))
    }
}

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Spare {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
