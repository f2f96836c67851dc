//! One step of the demo after another: it says what the market sends, sends it, and follows what the node
//! released on a twin of the node's state.

use std::time::Duration;

use engine::command::Action;
use engine::{Event, State, apply};
use instruments::Timestamp;
use ledger::AccountId;
use node::{Breaks, Handle};
use simulator::{LiveMarket, LiveOptions, LiveStep};

use super::{DemoError, DemoFeed};

/// Commands that are sent at once while a venue is founded.
const FOUNDING_BATCH: usize = 1_000;
/// How long to wait for what was released before looking again whether something was missed.
const WAIT: Duration = Duration::from_millis(100);
/// How often to wait in vain.
const QUIET_MAX: u32 = 300;

/// A market, and the twin that it looks at.
pub(crate) struct Driver {
    handle: Handle,
    feed: DemoFeed,
    options: LiveOptions,
    market: LiveMarket,
    twin: State,
    events: Vec<Event>,
    /// The first refusal since somebody asked.
    refused: Option<String>,
}

impl Driver {
    /// Begins where the node is. `time` is told the time of its last command, and says what time it is.
    pub fn new(
        handle: Handle,
        feed: DemoFeed,
        options: LiveOptions,
        time: impl FnOnce(Timestamp) -> Timestamp,
    ) -> Result<Self, DemoError> {
        let twin = twin_of(&handle, &feed)?;
        let market = LiveMarket::new(&options, &twin, time(twin.time()))?;
        let (events, refused) = (Vec::new(), None);
        Ok(Self { handle, feed, options, market, twin, events, refused })
    }

    /// Founds the venue, if it is not founded yet; brings prices and opens a risk epoch.
    pub fn found(&mut self, now: Timestamp) -> Result<(), DemoError> {
        let now = now.max(self.twin.time());
        let mut actions = self.market.founding(&self.twin, now).into_iter();
        self.refused = None;
        loop {
            let batch: Vec<Action> = actions.by_ref().take(FOUNDING_BATCH).collect();
            if batch.is_empty() {
                break;
            }
            self.send(LiveStep { offer: None, actions: batch })?;
            self.catch_up(now)?;
        }
        if !self.market.is_founded(&self.twin) {
            let why = self.refused.take();
            let why = why.unwrap_or_else(|| "its money is not there".to_owned());
            return Err(DemoError::NotFounded(why));
        }
        self.step(now, 0)?;
        self.step(now, 0)
    }

    /// Lets the market act on what the venue is like, and waits until that is done.
    pub fn step(&mut self, now: Timestamp, clients: usize) -> Result<(), DemoError> {
        let now = now.max(self.twin.time());
        // What others did meanwhile.
        self.follow(now, Duration::ZERO)?;
        let step = self.market.step(&self.twin, now, clients);
        self.send(step)?;
        self.catch_up(now)
    }

    /// The account of whoever comes to look.
    pub fn client_account(&self) -> AccountId {
        self.market.client_account()
    }

    fn send(&mut self, step: LiveStep) -> Result<(), DemoError> {
        if let Some(offer) = step.offer {
            self.twin.offer_epoch(offer.clone());
            self.handle.offer_epoch(offer).map_err(|_| DemoError::Ended)?;
        }
        for action in step.actions {
            self.handle.send_when_free(action).map_err(|error| match error {
                node::SubmitError::Ended => DemoError::Ended,
                refused => DemoError::Submit(refused),
            })?;
        }
        Ok(())
    }

    /// Follows until what was sent is done.
    fn catch_up(&mut self, now: Timestamp) -> Result<(), DemoError> {
        let reached = self.handle.read(State::sequence).map_err(|_| DemoError::Ended)?;
        let mut quiet = 0;
        while self.twin.sequence() < reached {
            let before = self.twin.sequence();
            self.follow(now, WAIT)?;
            if self.twin.sequence() > before {
                quiet = 0;
                continue;
            }
            // A node that has ended says so.
            self.handle.read(|_| ()).map_err(|_| DemoError::Ended)?;
            quiet += 1;
            if quiet == QUIET_MAX {
                return Err(DemoError::Silent);
            }
        }
        Ok(())
    }

    /// Follows what has come; begins anew where the node is, if something was missed.
    fn follow(&mut self, now: Timestamp, wait: Duration) -> Result<(), DemoError> {
        let Some(commands) = self.feed.take(wait) else {
            self.twin = twin_of(&self.handle, &self.feed)?;
            self.market = LiveMarket::new(&self.options, &self.twin, now)?;
            return Ok(());
        };
        let mut breaks = Breaks::default();
        for command in commands {
            breaks.take();
            if command.sequence <= self.twin.sequence() {
                continue;
            }
            self.events.clear();
            apply(&mut self.twin, &command, &mut self.events);
            self.market.follow(&command, &self.events);
            let reason = self.events.iter().find_map(|event| match event {
                Event::Rejected(rejected) => Some(&rejected.reason),
                _ => None,
            });
            if let Some(reason) = reason.filter(|_| self.refused.is_none()) {
                self.refused = Some(reason.to_string());
            }
        }
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.feed.close();
    }
}

/// The state of a node. The feed has every command after it, and maybe some before.
fn twin_of(handle: &Handle, feed: &DemoFeed) -> Result<State, DemoError> {
    feed.open();
    handle.read(State::clone).map_err(|_| DemoError::Ended)
}
