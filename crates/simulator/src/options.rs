//! What is asked of a simulation.

use std::path::PathBuf;

use instruments::Timestamp;

use crate::invariants::Cadence;

/// Milliseconds from one step to the next.
pub(crate) const STEP_MS: i64 = 10_000;
/// Commands of a step, unless it is said how many there are to be.
const COMMANDS_PER_STEP: u64 = 58;

/// Real prices, and real option chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealData {
    /// A folder with `BTC_hourly.csv`, `ETH_hourly.csv` and `daily_closes.csv`.
    pub prices: PathBuf,
    /// A folder with chain snapshots.
    pub chains: PathBuf,
    /// When it begins.
    pub from: Timestamp,
}

/// What is asked of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Everything that is drawn follows from it.
    pub seed: u64,
    /// How long, in simulated hours.
    pub hours: u32,
    /// Prices as they were; made of the seed without.
    pub real: Option<RealData>,
    /// Accounts.
    pub accounts: u32,
    /// About how many commands, founding not counted; 58 every ten seconds without, and 10 at least.
    pub commands: Option<u64>,
    /// Where the journal goes; without, nothing is kept.
    pub journal: Option<PathBuf>,
    /// Whether crashes, torn writes, full disks, failing syncs, repeated and reordered messages,
    /// jumping clocks and frozen or lying sources happen. The journal is in memory then.
    pub faults: bool,
    /// How often what costs much is checked.
    pub cadence: Cadence,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            hours: 24,
            real: None,
            accounts: 1_000,
            commands: None,
            journal: None,
            faults: false,
            cadence: Cadence::default(),
        }
    }
}

impl Options {
    /// The first moment: that of the real data, or 2 February 2026, 00:00 UTC.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        let seeded = Timestamp::from_milliseconds(1_769_990_400_000);
        self.real.as_ref().map_or(seeded, |real| real.from)
    }

    /// Steps of ten seconds.
    #[must_use]
    pub fn steps(&self) -> u64 {
        u64::from(self.hours) * (Timestamp::HOUR / STEP_MS).unsigned_abs()
    }

    /// Commands of a step.
    pub(crate) fn per_step(&self) -> u64 {
        let steps = self.steps().max(1);
        self.commands.map_or(COMMANDS_PER_STEP, |commands| commands.div_ceil(steps))
    }
}
