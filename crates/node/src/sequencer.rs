//! The thread that stamps commands, applies them, and releases what happened.
//!
//! ```text
//! queue ─▶ batch ─┬─▶ log thread: append, sync ─┐
//!                 └─▶ engine: apply ─▶ held ────┴─▶ released: publish, answers, views
//! ```

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::record_tree::Hash;
use engine::{Action, Command, Event, Limits, State};
use instruments::Timestamp;
use ledger::AccountId;
use risk::Market;

use crate::NodeError;
use crate::clock::Clock;
use crate::handle::{Answer, Deliver, Input, Submission};
use crate::meter::Meter;
use crate::node::{Options, Released, Status, lock};
use crate::record::{self, Beside};
use crate::replay::apply_caught;
use crate::shadow::{Ask, Wanted};
use crate::view::AccountView;
use crate::writer::{Committed, Records};

/// Batches that may be on their way to the log: one is being synced, the next is ready.
pub(crate) const IN_FLIGHT_MAX: usize = 2;
/// A batch is closed when it has so many bytes; with one more command of the greatest length it is
/// still below what the journal takes.
const BATCH_BYTES: usize = 1 << 20;

/// The sequencer's ends of its channels.
pub(crate) struct Links {
    pub incoming: Receiver<Input>,
    pub batches: SyncSender<Records>,
    pub committed: Receiver<Result<Committed, NodeError>>,
    pub asks: SyncSender<Ask>,
    pub meter: Arc<Meter>,
}

pub(crate) struct Sequencer<C, P> {
    state: State,
    clock: C,
    options: Options,
    links: Links,
    status: Arc<Mutex<Status>>,
    publish: P,
    /// What goes into the log with the next command.
    beside: Beside,
    since_checkpoint: u64,
    last_tick: Timestamp,
    /// The last record of which a snapshot was asked.
    asked: u64,
    /// Applied, and not durable yet.
    held: VecDeque<Held>,
    /// Room to be used again.
    records: Vec<Records>,
    room: Vec<Held>,
    /// The market as of a command, for views.
    market: Option<(u64, Arc<Market>)>,
}

/// What a batch has done, until it is durable.
#[derive(Default)]
struct Held {
    commands: Vec<Submission>,
    events: Vec<Event>,
    /// Where the events of each command end.
    ends: Vec<usize>,
    /// What was seen of the state after it.
    seen: Vec<Deliver>,
}

impl<C: Clock, P: FnMut(Released<'_>)> Sequencer<C, P> {
    pub fn new(
        mut state: State,
        clock: C,
        options: Options,
        founded: Option<Limits>,
        links: Links,
        status: Arc<Mutex<Status>>,
        publish: P,
    ) -> Self {
        // The first command after a start is a checkpoint of what recovery has made.
        let checkpoint: Option<Hash> = (state.sequence() > 0).then(|| state.record_hash());
        let asked = lock(&status).snapshot;
        Self {
            beside: Beside { founded, checkpoint },
            last_tick: state.time(),
            state,
            clock,
            options,
            links,
            status,
            publish,
            since_checkpoint: 0,
            asked,
            held: VecDeque::new(),
            records: Vec::new(),
            room: Vec::new(),
            market: None,
        }
    }

    /// Works until it is closed or something fails; gives the state, all of it durable.
    pub fn run(mut self) -> Result<State, NodeError> {
        loop {
            while let Some(done) = self.done_already()? {
                self.release(done);
            }
            if self.held.len() == IN_FLIGHT_MAX {
                self.wait_for_release()?;
                continue;
            }
            let (batch, other) = self.gather()?;
            let is_idle = batch.is_empty() && other.is_none();
            if !batch.is_empty() {
                self.commit(batch)?;
            }
            match other {
                Some(Input::Close) => break,
                Some(other) => self.answer(other),
                None if is_idle && !self.held.is_empty() => self.wait_for_release()?,
                None => {}
            }
        }
        while !self.held.is_empty() {
            self.wait_for_release()?;
        }
        Ok(self.state)
    }

    /// Takes what waits, up to the first thing that is no command. Waits for something only while
    /// nothing is held back.
    fn gather(&mut self) -> Result<(Vec<Submission>, Option<Input>), NodeError> {
        let mut batch = self.room.last_mut().map(|room| std::mem::take(&mut room.commands));
        let mut batch = batch.take().unwrap_or_default();
        if let Some(tick) = self.due_tick() {
            batch.push(tick);
        } else if self.held.is_empty() {
            match self.wait_for_input() {
                Ok(Some(Input::Command(submission))) => batch.push(submission),
                Ok(other) => return Ok((batch, other)),
                Err(error) => return Err(error),
            }
        }
        let mut bytes = 0;
        while batch.len() < self.options.batch_max && bytes < BATCH_BYTES {
            let input = self.links.incoming.try_recv();
            if input.is_ok() {
                self.links.meter.leave();
            }
            match input {
                Ok(Input::Command(submission)) => {
                    bytes += submission.bytes.len();
                    batch.push(submission);
                }
                Ok(other) => return Ok((batch, Some(other))),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok((batch, Some(Input::Close))),
            }
        }
        Ok((batch, None))
    }

    /// Waits for an input, until the next tick is due.
    fn wait_for_input(&self) -> Result<Option<Input>, NodeError> {
        let Links { incoming, meter, .. } = &self.links;
        if self.options.tick_ms == 0 {
            let input = incoming.recv().unwrap_or(Input::Close);
            meter.leave();
            return Ok(Some(input));
        }
        let since = self.clock.now().since(self.last_tick);
        let left = (i64::from(self.options.tick_ms) - since).max(0).unsigned_abs();
        match incoming.recv_timeout(Duration::from_millis(left)) {
            Ok(input) => {
                meter.leave();
                Ok(Some(input))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Ok(Some(Input::Close)),
        }
    }

    fn due_tick(&mut self) -> Option<Submission> {
        let now = self.clock.now();
        let since = now.since(self.last_tick);
        // A clock that was set back begins to count anew.
        let due =
            self.options.tick_ms > 0 && !(0..i64::from(self.options.tick_ms)).contains(&since);
        due.then(|| {
            self.last_tick = now;
            Submission::own(Action::Tick {})
        })
    }

    /// Stamps a batch, hands it to the log, and applies it meanwhile.
    fn commit(&mut self, mut batch: Vec<Submission>) -> Result<(), NodeError> {
        let time = self.clock.now().max(self.state.time());
        let mut records = self.records.pop().unwrap_or_default();
        records.clear();
        records.time_ms = u64::try_from(time.milliseconds()).unwrap_or(0);
        for (sequence, submission) in (self.state.sequence() + 1..).zip(&mut batch) {
            submission.stamp(sequence, time);
            let beside = std::mem::take(&mut self.beside);
            record::write(&beside, &submission.bytes, &mut records.bytes);
            records.ends.push(records.bytes.len());
        }
        // The channel has room for as many as may be held.
        self.links.batches.send(records).map_err(|_| self.why_the_log_ended())?;

        let begun = Instant::now();
        let mut held = self.room.pop().unwrap_or_default();
        for (place, submission) in batch.iter().enumerate() {
            self.state.look_ahead(|next| Some(&batch.get(place + 1 + next)?.command));
            let applied = apply_caught(&mut self.state, &submission.command, &mut held.events);
            applied.inspect_err(|error| (self.options.on_fatal)(error))?;
            held.ends.push(held.events.len());
        }
        self.links.meter.applied.add_time(begun.elapsed());
        self.since_checkpoint += batch.len() as u64;
        held.commands = batch;
        self.held.push_back(held);
        // Now, while the log is busy anyway.
        if self.since_checkpoint >= self.options.checkpoint_every {
            self.since_checkpoint = 0;
            self.beside.checkpoint = Some(self.state.record_hash());
        }
        Ok(())
    }

    /// What the log has done, if it has, without waiting.
    fn done_already(&self) -> Result<Option<Committed>, NodeError> {
        match self.links.committed.try_recv() {
            Ok(done) => done.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(NodeError::Ended),
        }
    }

    fn wait_for_release(&mut self) -> Result<(), NodeError> {
        let done = self.links.committed.recv().unwrap_or(Err(NodeError::Ended))?;
        self.release(done);
        Ok(())
    }

    fn why_the_log_ended(&self) -> NodeError {
        let told = self.links.committed.try_iter().find_map(Result::err);
        told.unwrap_or(NodeError::Ended)
    }

    /// Tells everybody what is durable now.
    fn release(&mut self, done: Committed) {
        let mut held = self.held.pop_front().expect("what the log has committed is held");
        let last = held.commands.last().map_or(0, |last| last.command.sequence);
        assert!(last == done.last, "the log counts as the node does");
        let now = Instant::now();
        let mut start = 0;
        for (submission, end) in held.commands.iter_mut().zip(&held.ends) {
            let Submission { command, reply, since, .. } = submission;
            self.links.meter.durable.add_time(now.saturating_duration_since(*since));
            let events = &held.events[start..*end];
            start = *end;
            (self.publish)(Released { command, events });
            if let Some(reply) = reply.take() {
                let Command { sequence, time, .. } = *command;
                reply(Answer { sequence, time, events: events.to_vec() });
            }
        }
        let meter = &self.links.meter;
        meter.batches.add(held.commands.len() as u64);
        meter.commands.fetch_add(held.commands.len() as u64, Relaxed);
        meter.events.fetch_add(held.events.len() as u64, Relaxed);
        let is_kept = {
            let mut status = lock(&self.status);
            status.released = last;
            status.snapshot >= self.asked || status.snapshot_error.is_some()
        };
        held.seen.drain(..).for_each(|deliver| deliver());
        held.clear();
        self.room.push(held);
        self.records.push(done.room);
        let every = self.options.snapshot_every;
        if every > 0 && last - self.asked >= every && is_kept {
            // If it has much to do, the next batch asks again.
            let ask = Ask { until: last, what: Wanted::Snapshot(None) };
            let asked = self.links.asks.try_send(ask).is_ok();
            self.asked = if asked { last } else { self.asked };
        }
    }

    /// Answers what is no command: as the state is, once all of it is durable.
    fn answer(&mut self, input: Input) {
        let deliver: Deliver = match input {
            Input::Command(_) | Input::Close => return,
            Input::Offer(epoch) => return self.state.offer_epoch(*epoch),
            Input::Read(look) => look(&mut self.state),
            Input::View(account, reply) => {
                let view = self.view(account);
                Box::new(move || drop(reply.send(view)))
            }
            Input::Shadow(what) => {
                let (asks, until) = (self.links.asks.clone(), self.state.sequence());
                Box::new(move || ask(&asks, until, what))
            }
        };
        match self.held.back_mut() {
            Some(held) => held.seen.push(deliver),
            None => deliver(),
        }
    }

    fn view(&mut self, account: AccountId) -> Option<AccountView> {
        let sequence = self.state.sequence();
        let market = match &self.market {
            Some((known, market)) if *known == sequence => Arc::clone(market),
            _ => Arc::new(self.state.market().clone()),
        };
        self.market = Some((sequence, Arc::clone(&market)));
        AccountView::of(&self.state, account, market)
    }
}

impl Held {
    fn clear(&mut self) {
        self.commands.clear();
        self.events.clear();
        self.ends.clear();
    }
}

fn ask(asks: &SyncSender<Ask>, until: u64, what: Wanted) {
    if let Err(refused) = asks.try_send(Ask { until, what }) {
        let (std::sync::mpsc::TrySendError::Full(ask)
        | std::sync::mpsc::TrySendError::Disconnected(ask)) = refused;
        ask.what.refuse("the shadow is busy: ask again later");
    }
}
