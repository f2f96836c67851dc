//! How a world goes about its work: a simulation's is as busy as tests want it, a live one's as a market
//! looks to those who watch it.

use instruments::Timestamp;

use crate::options::Options;

/// One in so many accounts of a simulation is a maker.
const MAKERS: u32 = 100;
/// The makers that there are at least, if there are so many accounts.
const MAKERS_MIN: u32 = 4;

/// How a world goes about its work.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// Sources of an index.
    pub sources: u16,
    /// Milliseconds from one report of a source to its next, sources taking turns; 0 is in every step.
    pub report_every_ms: i64,
    /// How often surfaces are sent and listings looked at, in milliseconds.
    pub surface_every_ms: i64,
    /// How often money comes and goes, in milliseconds; 0 is in every step.
    pub cash_every_ms: i64,
    /// Accounts that are makers.
    pub makers: u32,
    /// One in so many messages of clients is a maker's.
    pub maker_in: usize,
    /// Quotes of one command at most.
    pub quotes: usize,
    /// Strikes of each expiry.
    pub strikes: usize,
    /// Whether some ask for what makes no sense.
    pub nonsense: bool,
    /// One epoch in so many is not prepared, so that the engine computes the arrays and compares; 0
    /// prepares all.
    pub unprepared_every: u64,
    /// When the methodology changes.
    pub change_at: Option<Timestamp>,
}

impl Habits {
    /// Those of a simulation.
    pub fn simulated(options: &Options) -> Self {
        let half = i64::from(options.hours) * Timestamp::HOUR / 2;
        let change_at = Timestamp::from_milliseconds(options.start().milliseconds() + half);
        let makers = (options.accounts / MAKERS).max(MAKERS_MIN);
        Self {
            sources: 3,
            report_every_ms: 0,
            surface_every_ms: 900_000,
            cash_every_ms: 0,
            makers: makers.min(options.accounts.div_ceil(2)),
            maker_in: 4,
            quotes: 4,
            strikes: 3,
            nonsense: true,
            unprepared_every: 8,
            change_at: Some(change_at),
        }
    }

    /// Those of a live market with so many accounts.
    pub fn live(accounts: u32) -> Self {
        Self {
            sources: 5,
            report_every_ms: 1_000,
            surface_every_ms: 60_000,
            cash_every_ms: 30_000,
            makers: 10.min(accounts.div_ceil(2)),
            maker_in: 2,
            quotes: 8,
            strikes: 7,
            nonsense: false,
            unprepared_every: 0,
            change_at: None,
        }
    }
}
