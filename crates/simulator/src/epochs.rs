//! The worker that prepares risk epochs beside the engine.

use std::collections::BTreeMap;

use engine::command::{Action, HistoryCloses, OpenEpoch};
use engine::{InstrumentId, PreparedEpoch, State};
use instruments::{Instrument, Timestamp};
use risk::{Epoch, EpochInputs, History, Methodology};

use crate::invariants::covered;

/// How old an epoch becomes.
const AGE_MS: i64 = 240_000;

/// Knows what epochs are made of, and when one is due.
#[derive(Debug)]
pub(crate) struct Worker {
    /// One epoch in so many is not prepared, so that the engine computes the arrays and compares; 0
    /// prepares all.
    unprepared_every: u64,
    methodology: Option<Methodology>,
    history: Option<History>,
    opened: Option<Timestamp>,
    asked: u64,
    /// Something is listed, or the engine asked: do not wait.
    pub is_due: bool,
    /// Until when a change's notice runs: the engine opens epochs on its own market then, so that the
    /// methodology before can be compared on the same.
    pub notice_ends: Option<Timestamp>,
    /// The venue did not take the last one that was prepared: the engine opens the next by itself.
    pub refused: bool,
    /// Prices are those of before a pause: they come first.
    waits: bool,
}

impl Worker {
    /// A worker that knows nothing yet.
    pub fn new(unprepared_every: u64) -> Self {
        Self {
            unprepared_every,
            methodology: None,
            history: None,
            opened: None,
            asked: 0,
            is_due: false,
            notice_ends: None,
            refused: false,
            waits: false,
        }
    }

    /// Takes up what the open epoch of a venue was made of.
    pub fn go_on(&mut self, state: &State) {
        if let Some(epoch) = state.epoch().and_then(|epoch| epoch.portfolio) {
            self.methodology = Some(epoch.methodology().clone());
        }
        if let Some(closes) = state.closes() {
            self.closes(closes);
        }
        (self.is_due, self.waits) = (true, true);
    }

    /// Takes note of a methodology, if it is one that makes scenarios.
    pub fn publish(&mut self, text: &str) {
        let methodology = Methodology::parse(text).ok();
        let scenario = methodology.filter(|methodology| methodology.scenario_rules().is_ok());
        self.methodology = scenario.or(self.methodology.take());
    }

    /// Takes note of closes.
    pub fn closes(&mut self, closes: &HistoryCloses) {
        let days: Vec<_> = closes.days.iter().map(|day| (day.date, day.closes.clone())).collect();
        self.history = History::from_prices(&closes.assets, &days).ok().or(self.history.take());
    }

    /// Takes note of an epoch that opened.
    pub fn opened(&mut self, now: Timestamp) {
        self.opened = Some(now);
        (self.is_due, self.refused) = (false, false);
    }

    /// An epoch, if one is due: the command, and what was prepared for it.
    pub fn due(
        &mut self,
        state: &State,
        now: Timestamp,
    ) -> Option<(Action, Option<PreparedEpoch>)> {
        if std::mem::take(&mut self.waits) {
            return None;
        }
        let is_old = self.opened.is_none_or(|opened| now.since(opened) >= AGE_MS);
        if !is_old && !self.is_due {
            return None;
        }
        self.asked += 1;
        let by_itself = self.refused || self.notice_ends.is_some_and(|ends| now <= ends);
        let epoch = if by_itself { None } else { self.prepare(state) };
        let mut open = OpenEpoch { market: None, arrays_hash: None, holdings: Vec::new() };
        if let Some(epoch) = &epoch {
            open.market = Some(state.epoch_market());
            open.arrays_hash = Some(epoch.arrays_hash().to_owned());
        }
        let is_offered =
            self.unprepared_every == 0 || !self.asked.is_multiple_of(self.unprepared_every);
        let offer = epoch.filter(|_| is_offered);
        Some((Action::OpenEpoch(Box::new(open)), offer))
    }

    fn prepare(&self, state: &State) -> Option<PreparedEpoch> {
        let balances = BTreeMap::new();
        let inputs = EpochInputs {
            market: state.market(),
            history: self.history.as_ref(),
            venue_balances: &balances,
        };
        let ids = (0..state.instruments()).map(InstrumentId);
        let instruments: Vec<Instrument> = ids.filter_map(|id| state.instrument(id)).collect();
        let epoch = Epoch::open(self.methodology.as_ref()?, inputs, &covered(state)).ok()?;
        Some(PreparedEpoch::new(epoch, instruments))
    }
}
