//! What must hold after every command, checked from the engine's public interface alone.
//!
//! Three cadences, since a venue of a thousand accounts can't be recomputed after each of millions
//! of commands:
//!
//! - after **every** command: all that its events touch. Ledger entries sum to zero by asset and are
//!   the engine's balances; positions of the instruments traded sum to zero and make their open
//!   interest; their books are not crossed; accounts whose money or positions changed hide no debt;
//!   margin calls and trades add up.
//! - after one command in [`Cadence::margins_every`]: exact margins. The order is taken apart into
//!   partial fills, each of which must leave the account above initial margin, or no worse than it
//!   was; whoever it may trade with is margined before and after; a refusal changes no record.
//! - after one in [`Cadence::all_every`], and at the end: everything of everybody, incremental
//!   figures and record hash against full computations.
//!
//! Each epoch that is opened while a methodology's notice runs is compared, on all accounts, with
//! one under the methodology before.

mod admission;
mod everything;
mod follower;
mod liquidation;
mod parameters;

use std::collections::BTreeMap;

use engine::record_tree::Hash;
use engine::{Action, Command, Event, State};
use risk::Account;

use admission::Standing;
pub use everything::MarginUse;
pub(crate) use follower::Follower;
use liquidation::Cases;
use parameters::Notices;

/// How often what costs much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Exact margins of what a command touches: after one command in so many.
    pub margins_every: u64,
    /// Everything of everybody: after one command in so many.
    pub all_every: u64,
    /// Whether everybody who is below maintenance margin is in a case: after the first prices that come
    /// so many commands after the last time.
    pub scan_every: u64,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { margins_every: 61, all_every: 50_000, scan_every: 1_000 }
    }
}

/// Something that must hold and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {problem}")]
pub struct Broken {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What was found.
    pub problem: String,
}

impl Broken {
    /// An invariant that does not hold, and what was found.
    #[must_use]
    pub fn new(invariant: &'static str, problem: impl Into<String>) -> Self {
        Self { invariant, problem: problem.into() }
    }
}

/// Refuses what does not hold.
pub(crate) fn ensure(
    holds: bool,
    invariant: &'static str,
    problem: impl FnOnce() -> String,
) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::new(invariant, problem())) }
}

/// A check of the caller's own, beside those that are built in. It is part of shrinking, too.
pub type ExtraCheck = dyn FnMut(&State, &Command, &[Event]) -> Result<(), Broken>;

/// Checks a venue from its first command on.
///
/// ```
/// use engine::{Command, Limits, State, apply};
/// use plimsoll_simulator::{Cadence, Invariants};
///
/// let mut state = State::new(Limits::default())?;
/// let mut invariants = Invariants::new(Cadence::default());
/// let line = r#"{"sequence": 1, "time": "2026-02-05T16:00:00Z", "add_asset": {"asset": "USDC"}}"#;
/// let command: Command = serde_json::from_str(line)?;
/// let mut events = Vec::new();
/// invariants.before(&mut state, &command);
/// apply(&mut state, &command, &mut events);
/// invariants.after(&mut state, &command, &events)?;
/// assert_eq!(invariants.counts().values().sum::<u64>(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Invariants {
    cadence: Cadence,
    follower: Follower,
    cases: Cases,
    notices: Notices,
    counts: BTreeMap<&'static str, u64>,
    before: Option<Before>,
    margin_use: MarginUse,
}

/// What is remembered of the state before a command.
#[derive(Debug)]
struct Before {
    hash: Hash,
    /// The account that asks, as it was.
    asking: Option<(Account, Standing)>,
    /// Those who may trade with it.
    others: Vec<Standing>,
}

impl Invariants {
    /// Checks for a venue that has had no command yet.
    #[must_use]
    pub fn new(cadence: Cadence) -> Self {
        Self {
            cadence,
            follower: Follower::default(),
            cases: Cases::default(),
            notices: Notices::default(),
            counts: BTreeMap::new(),
            before: None,
            margin_use: MarginUse::default(),
        }
    }

    /// How many checks of each kind were made.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// How much of equity was in use when all accounts were margined.
    #[must_use]
    pub const fn margin_use(&self) -> &MarginUse {
        &self.margin_use
    }

    pub(crate) const fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Looks at the state before a command is applied.
    pub fn before(&mut self, state: &mut State, command: &Command) {
        self.before = None;
        if command.sequence.is_multiple_of(self.cadence.margins_every) {
            self.before = Some(Before::of(state, command));
        }
    }

    /// Checks what must hold after a command.
    ///
    /// # Errors
    /// What does not hold.
    pub fn after(
        &mut self,
        state: &mut State,
        command: &Command,
        events: &[Event],
    ) -> Result<(), Broken> {
        self.follower.follow(command, events)?;
        self.follower.check(state, &mut self.counts)?;
        self.cases.follow(state, command, events, &mut self.counts)?;
        if self.cases.is_scan_due(command, events, self.cadence.scan_every) {
            self.cases.scan(state, command, events, &mut self.counts)?;
        }
        if let Some(before) = self.before.take() {
            self.refusal(state, &before, events)?;
            admission::check(state, self, &before, command, events)?;
        }
        if let Action::SetMethodology(set) = &command.action {
            self.notices.published(set, command.time, events);
        }
        if let Action::SetHistory(closes) = &command.action {
            self.notices.closes(closes);
        }
        if let Action::OpenEpoch(open) = &command.action {
            let checked = self.notices.check(state, open, events)?;
            *self.counts.entry("parameters don't liquidate").or_default() += checked;
        }
        if command.sequence.is_multiple_of(self.cadence.all_every) {
            self.everything(state)?;
        }
        Ok(())
    }

    /// Checks everything of everybody.
    ///
    /// # Errors
    /// What does not hold.
    pub fn everything(&mut self, state: &mut State) -> Result<(), Broken> {
        everything::check(state, &self.follower, &mut self.counts, &mut self.margin_use)
    }

    fn count(&mut self, invariant: &'static str) {
        *self.counts.entry(invariant).or_default() += 1;
    }

    fn refusal(
        &mut self,
        state: &mut State,
        before: &Before,
        events: &[Event],
    ) -> Result<(), Broken> {
        if !matches!(events, [Event::Rejected(_) | Event::Repeated { .. }]) {
            return Ok(());
        }
        self.count("refusals change nothing");
        ensure(state.record_hash() == before.hash, "refusals change nothing", || {
            format!("the record hash changed with {events:?}")
        })
    }
}

impl Before {
    fn of(state: &mut State, command: &Command) -> Self {
        let hash = state.record_hash();
        let (asking, others) = admission::before(state, command);
        Self { hash, asking, others }
    }
}
