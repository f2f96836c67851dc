//! What is asked of a simulation.

use std::path::PathBuf;

use engine::liquidation::LiquidationRules;
use instruments::Timestamp;

use crate::invariants::Cadence;

/// Milliseconds from one step to the next, unless they are to be finer.
pub(crate) const STEP_MS: i64 = 10_000;
/// Commands in ten seconds, unless it is said how many there are to be.
const COMMANDS_PER_STEP: u64 = 58;

/// Real prices, and real option chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealData {
    /// A folder with `BTC_hourly.csv` and so on, one for each coin, and `daily_closes.csv`.
    pub prices: PathBuf,
    /// A folder with chain snapshots; without, options follow a flat volatility.
    pub chains: Option<PathBuf>,
    /// When it begins.
    pub from: Timestamp,
}

/// A time of finer steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FineSteps {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Milliseconds from one step to the next.
    pub step_ms: i64,
}

/// How much those who trade owe, for what they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leverage {
    /// Nobody is thin.
    Low,
    /// One in four is thin.
    #[default]
    Normal,
    /// Two in three are thin, most of them long, and few can add to what they have.
    High,
}

/// Liquidation: its rules, and the capital that stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiquidationSetup {
    /// The rules; the vault's account is filled in.
    pub rules: LiquidationRules,
    /// The insurance fund's capital, in US dollars for each account.
    pub fund: i64,
    /// The same of the backstop vault.
    pub vault: i64,
    /// The same of all liquidators together.
    pub liquidators: i64,
    /// How liquidators bid.
    pub bidding: Bidding,
}

/// How liquidators bid: those of [`crate::bots`] against each other, or all of one kind, to compare with
/// other designs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bidding {
    /// Sealed bids of the three strategies.
    #[default]
    Sealed,
    /// The whole at a fixed fee, by whoever comes first, where the fee pays for it.
    FixedFee,
    /// The whole at the discount that has been reached, as soon as it pays for it.
    Dutch,
}

impl Default for LiquidationSetup {
    fn default() -> Self {
        Self {
            rules: rules(),
            fund: 5_000,
            vault: 2_000,
            liquidators: 10_000,
            bidding: Bidding::Sealed,
        }
    }
}

/// The rules of liquidation as they come, in USDC.
fn rules() -> LiquidationRules {
    serde_json::from_str(r#"{"cash":"USDC"}"#).expect("all other members have defaults")
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
    /// The first so many of BTC, ETH, BNB and XRP are traded.
    pub coins: usize,
    /// How many instruments are listed at once at most; perpetuals come first.
    pub instruments: usize,
    /// Accounts of those who trade; liquidators and the vault come beside.
    pub accounts: u32,
    /// How much they owe for what they have.
    pub leverage: Leverage,
    /// Liquidation.
    pub liquidation: LiquidationSetup,
    /// When steps are finer than ten seconds.
    pub fine: Option<FineSteps>,
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
            coins: 2,
            instruments: 120,
            accounts: 1_000,
            leverage: Leverage::default(),
            liquidation: LiquidationSetup::default(),
            fine: None,
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

    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.times().count() as u64
    }

    /// The end of every step.
    pub(crate) fn times(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let until = self.start().milliseconds() + i64::from(self.hours) * Timestamp::HOUR;
        let fine = self.fine;
        let next = move |now: &Timestamp| {
            let is_fine = fine.filter(|fine| (fine.from..fine.until).contains(now));
            let step = is_fine.map_or(STEP_MS, |fine| fine.step_ms);
            let next = now.milliseconds() + step;
            (next <= until).then_some(Timestamp::from_milliseconds(next))
        };
        std::iter::successors(Some(self.start()), next).skip(1)
    }

    /// Commands in ten seconds.
    pub(crate) fn per_step(&self) -> u64 {
        let steps = u64::from(self.hours) * (Timestamp::HOUR / STEP_MS).unsigned_abs();
        self.commands.map_or(COMMANDS_PER_STEP, |commands| commands.div_ceil(steps.max(1)))
    }
}
