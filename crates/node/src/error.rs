//! What can go wrong.

use journal::{AppendError, OpenError, ReadError, SnapshotError as StorageSnapshotError};
use journal::{StorageError, SyncError};

/// Why a node does not start, or has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The journal can't be opened.
    #[error("the journal: {0}")]
    Open(#[from] OpenError),
    /// The journal can't be read.
    #[error("the journal: {0}")]
    Read(#[from] ReadError),
    /// The journal takes nothing more.
    #[error("the journal: {0}")]
    Append(#[from] AppendError),
    /// A sync failed: nobody can say what is durable.
    #[error("the journal: {0}")]
    Sync(#[from] SyncError),
    /// Snapshots can't be looked through.
    #[error("the snapshots: {0}")]
    Snapshots(#[from] StorageSnapshotError),
    /// A snapshot can't be written.
    #[error("a snapshot: {0}")]
    Storage(#[from] StorageError),
    /// A state can't be written.
    #[error("a snapshot can't be written: {0}")]
    SnapshotWrite(std::io::Error),
    /// A snapshot whose bytes are those that were written gives no state.
    #[error("snapshot {sequence}: {error} (move the file away to start from an earlier one)")]
    Snapshot {
        /// Its sequence number.
        sequence: u64,
        /// What is wrong.
        error: engine::SnapshotError,
    },
    /// A snapshot gives a state with another record hash than it was written with.
    #[error(
        "snapshot {0} gives a state with another hash than it was made with (move the file away \
         to start from an earlier one, and keep it: this program, or the one that wrote it, is at \
         fault)"
    )]
    SnapshotHash(u64),
    /// A record of the journal is no command.
    #[error(
        "record {sequence} is no command: {problem} (use the program that wrote it, or a later one)"
    )]
    Record {
        /// Its sequence number.
        sequence: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The command does not have the number of its record.
    #[error("record {sequence} has command {found} (the journal was not written by a node)")]
    Misnumbered {
        /// The record's.
        sequence: u64,
        /// The command's.
        found: u64,
    },
    /// The first record does not say how the venue was founded.
    #[error(
        "the first record says nothing of the venue's limits (the journal was not written by a node)"
    )]
    NotFounded,
    /// The limits given make no venue.
    #[error("no venue can have these limits: {0} (lower them)")]
    Limits(ledger::Refusal),
    /// Replay has come to another state than the engine that wrote the journal.
    #[error(
        "checkpoint before record {sequence}: the state's hash is {computed}, and was {recorded} \
         (replay with the program that wrote the journal; if it agrees, this program's engine \
         differs, and if it does not, the machine that wrote it was at fault: start from a snapshot \
         before it)"
    )]
    Checkpoint {
        /// The record that has the checkpoint.
        sequence: u64,
        /// The hash now.
        computed: String,
        /// The hash then.
        recorded: String,
    },
    /// A snapshot has another state than the journal gives.
    #[error(
        "snapshot {sequence}: the journal gives a state with hash {computed}, the snapshot has \
         {recorded} (move the snapshot away, and keep it: this program, or the one that wrote it, is \
         at fault)"
    )]
    SnapshotState {
        /// Its sequence number.
        sequence: u64,
        /// The hash that the journal gives.
        computed: String,
        /// The hash in the snapshot.
        recorded: String,
    },
    /// An invariant does not hold.
    #[error("after command {sequence}: {what} (keep the journal: the engine is at fault)")]
    Invariant {
        /// The last command applied.
        sequence: u64,
        /// What does not hold.
        what: String,
    },
    /// The engine found one of its invariants broken.
    #[error(
        "the engine stopped at command {sequence}: {message} (keep the journal; replay up to the \
         command before it still works)"
    )]
    Panicked {
        /// The command.
        sequence: u64,
        /// What it said.
        message: String,
    },
    /// A thread could not be started.
    #[error("a thread can't be started: {0}")]
    Thread(std::io::Error),
    /// The node has ended, for a reason that was told already.
    #[error("the node has ended")]
    Ended,
}

/// Why a command was not taken. It is in no journal, and nothing has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The queue is full.
    #[error("the node is busy: {0} commands wait already (try again a little later)")]
    Full(usize),
    /// The encoding is too long.
    #[error("the command takes more than {0} bytes (split it)")]
    TooLong(usize),
    /// The node has ended.
    #[error("the node has ended (open it again)")]
    Ended,
}

/// The node ended before it answered: the command may be in the journal, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the node ended before it answered, and the command may or may not be executed (send it again \
     with the same request id once the node is back)"
)]
pub struct Unanswered;
