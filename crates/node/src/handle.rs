//! What clients of a node hold.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use engine::record_tree::Hash;
use engine::{Action, Command, Event, PreparedEpoch, State, codec};
use instruments::Timestamp;
use ledger::AccountId;

use crate::error::{SubmitError, Unanswered};
use crate::meter::Meter;
use crate::node::{Status, lock};
use crate::shadow::Wanted;
use crate::view::AccountView;

/// What comes to the sequencer.
#[expect(clippy::large_enum_variant, reason = "most of what comes is a command")]
pub(crate) enum Input {
    Command(Submission),
    Offer(Box<PreparedEpoch>),
    View(AccountId, SyncSender<Option<AccountView>>),
    Read(Read),
    Shadow(Wanted),
    Close,
}

/// A command that is not stamped yet: its number and time are zero.
pub(crate) struct Submission {
    pub command: Command,
    /// Its encoding.
    pub bytes: Vec<u8>,
    pub reply: Option<Reply>,
    /// When it was handed in.
    pub since: Instant,
}

/// What is done with an answer, on the sequencer's thread: it must not wait for anything.
pub(crate) type Reply = Box<dyn FnOnce(Answer) + Send>;

/// Looks at the state; what it gives hands the result over once the state is durable.
pub(crate) type Read = Box<dyn FnOnce(&mut State) -> Deliver + Send>;
pub(crate) type Deliver = Box<dyn FnOnce() + Send>;

/// What became of a command, once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its number.
    pub sequence: u64,
    /// Its time.
    pub time: Timestamp,
    /// What happened.
    pub events: Vec<Event>,
}

/// An answer to come.
#[derive(Debug)]
pub struct Ticket(Receiver<Answer>);

impl Ticket {
    /// Waits until the command is durable, and says what happened.
    ///
    /// # Errors
    /// If the node ended before.
    pub fn wait(self) -> Result<Answer, Unanswered> {
        self.0.recv().map_err(|_| Unanswered)
    }
}

/// The way to a node, for one client. Clones lead to the same node.
#[derive(Clone, Debug)]
pub struct Handle {
    inputs: SyncSender<Input>,
    /// Inputs that may wait.
    queue_max: usize,
    meter: Arc<Meter>,
    status: Arc<Mutex<Status>>,
}

impl Handle {
    pub(crate) const fn new(
        inputs: SyncSender<Input>,
        queue_max: usize,
        meter: Arc<Meter>,
        status: Arc<Mutex<Status>>,
    ) -> Self {
        Self { inputs, queue_max, meter, status }
    }

    /// What the node has counted.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How the node is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// Inputs that may wait.
    #[must_use]
    pub const fn queue_max(&self) -> usize {
        self.queue_max
    }

    /// Hands in a command, without waiting.
    ///
    /// # Errors
    /// [`SubmitError`]; the command is not executed then.
    pub fn submit(&self, action: Action) -> Result<Ticket, SubmitError> {
        let (reply, answer) = sync_channel(1);
        // Who asked may have gone.
        self.submit_then(action, move |answer| drop(reply.send(answer)))?;
        Ok(Ticket(answer))
    }

    /// [`Handle::submit`], with what is done with the answer. It is done on the sequencer's thread,
    /// after what the command changed was published, and must not wait for anything.
    ///
    /// # Errors
    /// [`SubmitError`]; the command is not executed then.
    pub fn submit_then(
        &self,
        action: Action,
        then: impl FnOnce(Answer) + Send + 'static,
    ) -> Result<(), SubmitError> {
        self.try_send(submission(action, Some(Box::new(then)))?)
    }

    /// [`Handle::submit`], for those who look at what is released rather than wait for an answer.
    ///
    /// # Errors
    /// [`SubmitError`]; the command is not executed then.
    pub fn send(&self, action: Action) -> Result<(), SubmitError> {
        self.try_send(submission(action, None)?)
    }

    /// [`Handle::send`], but waits while the queue is full.
    ///
    /// # Errors
    /// [`SubmitError::TooLong`], [`SubmitError::Ended`].
    pub fn send_when_free(&self, action: Action) -> Result<(), SubmitError> {
        let input = submission(action, None)?;
        self.put(input).map_err(|_| SubmitError::Ended)
    }

    /// Hands in a risk epoch that was prepared beside the engine. It is no command, and changes no
    /// result: it spares the engine computing the arrays again.
    ///
    /// # Errors
    /// [`SubmitError::Ended`].
    pub fn offer_epoch(&self, epoch: PreparedEpoch) -> Result<(), SubmitError> {
        let offer = Input::Offer(Box::new(epoch));
        self.put(offer).map_err(|_| SubmitError::Ended)
    }

    /// An account as of a durable command, with market and epoch; `None` if it is not open.
    ///
    /// # Errors
    /// If the node ended before.
    pub fn view(&self, account: AccountId) -> Result<Option<AccountView>, Unanswered> {
        let (reply, view) = sync_channel(1);
        self.put(Input::View(account, reply))?;
        view.recv().map_err(|_| Unanswered)
    }

    /// Looks at the state between two commands, and gives what was seen once all of it is durable.
    /// The sequencer waits meanwhile, so this is for short looks.
    ///
    /// # Errors
    /// If the node ended before.
    pub fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        self.look(|state| look(state))
    }

    /// The record hash of the durable state.
    ///
    /// # Errors
    /// If the node ended before.
    pub fn record_hash(&self) -> Result<Hash, Unanswered> {
        self.look(State::record_hash)
    }

    /// Has a snapshot written of the state as it is, and waits for it; gives the command that it is
    /// of. Other work goes on.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn snapshot(&self) -> Result<u64, String> {
        let (reply, kept) = sync_channel(1);
        let ended = || Unanswered.to_string();
        let input = Input::Shadow(Wanted::Snapshot(Some(reply)));
        self.put(input).map_err(|_| ended())?;
        kept.recv().map_err(|_| ended())?
    }

    /// Looks at a second state, that of snapshots, brought to the last command: other work goes on
    /// meanwhile, so this is for long looks. The first one waits until that state is made.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn study<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, String> {
        let (reply, seen) = sync_channel(1);
        let ended = || Unanswered.to_string();
        // Who asked may have gone.
        let study = Wanted::Study(Box::new(move |state| drop(reply.send(state.map(look)))));
        self.put(Input::Shadow(study)).map_err(|_| ended())?;
        seen.recv().map_err(|_| ended())?
    }

    pub(crate) fn close(&self) {
        // If the node has ended already there is nobody to tell.
        let _ = self.put(Input::Close);
    }

    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (reply, seen) = sync_channel(1);
        let read = Input::Read(Box::new(move |state| {
            let found = look(state);
            // Who asked may have gone.
            Box::new(move || drop(reply.send(found)))
        }));
        self.put(read)?;
        seen.recv().map_err(|_| Unanswered)
    }

    fn try_send(&self, input: Input) -> Result<(), SubmitError> {
        self.inputs.try_send(input).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.meter.refused.fetch_add(1, Relaxed);
                SubmitError::Full(self.queue_max)
            }
            TrySendError::Disconnected(_) => SubmitError::Ended,
        })?;
        self.meter.enter();
        Ok(())
    }

    /// Hands something in, and waits while the queue is full.
    fn put(&self, input: Input) -> Result<(), Unanswered> {
        self.inputs.send(input).map_err(|_| Unanswered)?;
        self.meter.enter();
        Ok(())
    }
}

/// Encodes a command; number and time are written over when it is stamped.
pub(crate) fn submission(action: Action, reply: Option<Reply>) -> Result<Input, SubmitError> {
    let command = Command { sequence: 0, time: Timestamp::from_milliseconds(0), action };
    let bytes = codec::encode(&command);
    let bytes = bytes.map_err(|error| SubmitError::TooLong(error.most))?;
    Ok(Input::Command(Submission { command, bytes, reply, since: Instant::now() }))
}

impl Submission {
    /// A command of the node's own.
    pub fn own(action: Action) -> Self {
        match submission(action, None) {
            Ok(Input::Command(own)) => own,
            _ => unreachable!("a command of the node's own is short"),
        }
    }

    /// Gives the command its number and time.
    pub fn stamp(&mut self, sequence: u64, time: Timestamp) {
        (self.command.sequence, self.command.time) = (sequence, time);
        // A command's encoding begins with these two.
        self.bytes[..8].copy_from_slice(&sequence.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&time.milliseconds().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_part_of_the_encoding() {
        let mut own = Submission::own(Action::Tick {});
        own.stamp(0x0102, Timestamp::from_milliseconds(1_770_033_600_001));
        assert_eq!(codec::decode(&own.bytes), Ok(own.command));
    }
}
