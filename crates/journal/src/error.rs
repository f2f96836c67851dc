//! What can go wrong.

use std::fmt;
use std::io;

use crate::format::{BATCH_BYTES_MAX, Hash};

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {file}: {source}")]
pub struct StorageError {
    /// What was tried.
    pub action: &'static str,
    /// The file, or the folder as `.`.
    pub file: String,
    /// What the file system says.
    pub source: io::Error,
}

impl StorageError {
    /// Makes the error of an action on a file.
    pub(crate) fn on(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, file: file.to_owned(), source }
    }
}

/// A place where a journal is not what a writer left behind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, byte {offset}: {kind}")]
pub struct Damage {
    /// The file.
    pub file: String,
    /// The first byte of the sector, batch or chunk in question.
    pub offset: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

/// What is wrong with a journal. No write that was cut short explains any of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// A sector's checksum does not fit its content.
    #[error("the checksum of this sector is wrong ({RESTORE})")]
    Checksum,
    /// There is a batch that is not whole, and something behind it that was written later.
    #[error("a batch is not whole, though the journal goes on behind it ({RESTORE})")]
    Unfinished,
    /// The segment does not begin with a header.
    #[error("no segment header of this journal ({RESTORE})")]
    NoSegmentHeader,
    /// A sound sector where a batch must begin, and none does.
    #[error("no batch begins here ({RESTORE})")]
    NoBatch,
    /// The sectors of the batch are sound, but its hash is not that of its content.
    #[error("the hash of this batch is wrong ({RESTORE})")]
    Hash,
    /// The records of the batch do not fill it as it says.
    #[error(
        "the records of this batch do not fit its header (written by a faulty program; {RESTORE})"
    )]
    Records,
    /// The batch or segment does not follow on the one before it.
    #[error(
        "{found} where {expected} follows: a batch or segment is missing, doubled or misplaced ({RESTORE})"
    )]
    Sequence {
        /// The sequence number that follows.
        expected: u64,
        /// The one that is there.
        found: u64,
    },
    /// The numbers follow, but the chain of hashes does not.
    #[error(
        "it follows on another batch than the one before it: two journals are mixed ({RESTORE})"
    )]
    Chain,
    /// The epoch is lower than that of the batch before.
    #[error(
        "epoch {found} after epoch {before}: a writer that was replaced has written on (keep the files, and find out which writer's records were acknowledged)"
    )]
    Epoch {
        /// The epoch of the batch before.
        before: u64,
        /// The epoch found.
        found: u64,
    },
    /// The file has another version of the format.
    #[error(
        "format {found}, and this program reads {known} (use the program that wrote it, or a later \
         one)"
    )]
    Format {
        /// The version found.
        found: u32,
        /// The version that is read.
        known: u32,
    },
    /// The records need rules that the reader does not have.
    #[error(
        "rules {found}, and this program knows {first} to {last} (use the program that wrote it, or a later one)"
    )]
    Rules {
        /// The version found.
        found: u32,
        /// The first version known.
        first: u32,
        /// The last version known.
        last: u32,
    },
    /// The file is named for another sequence number than it has.
    #[error(
        "it says that it begins with {found}: a copy, or renamed (put back its name, or remove the copy)"
    )]
    Name {
        /// The sequence number in the file.
        found: u64,
    },
    /// A file that ends as segments or snapshots do is not named like one.
    #[error("no segment or snapshot has such a name (move the file away)")]
    Stranger,
    /// The file does not begin as a snapshot does.
    #[error("no snapshot's header ({OLDER})")]
    NoSnapshot,
    /// The snapshot ends too early or too late, or its hash is wrong.
    #[error("the snapshot is not whole ({OLDER})")]
    SnapshotEnd,
}

const OLDER: &str = "restore the file from a copy, or start from an older snapshot";

const RESTORE: &str = "restore the file from a copy, or start from a later snapshot";

/// Why a journal could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The file system failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The record asked for is older than the journal.
    #[error(
        "record {sequence} is not in the journal, which begins with {first} (ask for a later one, or put back older segments)"
    )]
    TooEarly {
        /// The number asked for.
        sequence: u64,
        /// The first record there is.
        first: u64,
    },
    /// The record asked for is not written yet.
    #[error(
        "record {sequence} is not in the journal, whose next is {next} (ask for an earlier one)"
    )]
    TooLate {
        /// The number asked for.
        sequence: u64,
        /// The number after the last record.
        next: u64,
    },
    /// The journal ends before a record that is known to have been acknowledged.
    #[error("the journal ends before {next}, but record {} was acknowledged: files are missing (restore them from a copy)", anchor.sequence)]
    Behind {
        /// What is known from elsewhere.
        anchor: Anchor,
        /// The number after the last record there is.
        next: u64,
    },
    /// The journal has another history than the one known from elsewhere.
    #[error("after record {} the chain of hashes is another than expected: this is another journal, or another's snapshot (bring together files of one node)", anchor.sequence)]
    Anchor {
        /// What is known from elsewhere.
        anchor: Anchor,
    },
}

/// Why no snapshot was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The newest snapshots are damaged.
    #[error(
        "damaged snapshots: {} (restore them from copies, or allow that they are skipped and {})",
        damaged.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        good.map_or("the whole journal is replayed".to_owned(), |good| format!("{good} is used"))
    )]
    Damaged {
        /// What is wrong with each, from the newest on.
        damaged: Vec<Damage>,
        /// The newest good one.
        good: Option<u64>,
    },
    /// The folder or a file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a journal could not be opened to write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file system failed while the journal was made ready.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Another process writes to it.
    #[error("another process has this journal open (stop it first, or read beside it)")]
    Locked,
    /// A writer with a higher epoch has written.
    #[error("epoch {asked} was replaced by epoch {found} (this writer must not go on)")]
    Replaced {
        /// The epoch to write with.
        asked: u64,
        /// The epoch of the last batch.
        found: u64,
    },
    /// The rules to write with are none of the rules known.
    #[error(transparent)]
    Rules(#[from] UnknownRules),
}

/// The rules to write with are none of the rules known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rules {0} are to be written, but are not among the rules known (extend rules_known)")]
pub struct UnknownRules(pub u32);

/// Why a batch was not appended. It is not in the journal, and not in part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// There are no records.
    #[error("a batch needs at least one record")]
    Empty,
    /// The records are too many bytes.
    #[error("more than {BATCH_BYTES_MAX} bytes of records in a batch (make it several batches)")]
    TooLarge,
    /// The batch before is not durable.
    #[error("the batch before is not synced (sync it first: only one batch may be on its way)")]
    NotSynced,
    /// Sequence numbers are used up.
    #[error("no sequence numbers are left")]
    SequenceEnd,
    /// The next segment could not be made; the journal is as it was, and the same may be tried again.
    #[error("{0} (the journal is as it was; make room and try again)")]
    NoSegment(StorageError),
    /// The write failed; the journal takes no more.
    #[error("{0} (open the journal again, which cuts what is not whole)")]
    Write(StorageError),
    /// An earlier write or sync failed.
    #[error("an earlier write failed (open the journal again)")]
    Poisoned,
}

/// Why a batch is not durable, and never will be known to be.
///
/// The process must end: after a failed sync the operating system may have dropped what it could not
/// write and call the next sync a success. What was read from the file before the restart is no
/// evidence either. Opening the journal again writes its last batch anew before it counts.
#[derive(Debug, thiserror::Error)]
#[error("{0} (the process must end now: nobody can say what is durable)")]
pub struct SyncError(pub StorageError);

/// A point of a journal that is known from elsewhere, such as from a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The last record before the point.
    pub sequence: u64,
    /// The chain value there.
    pub hash: Hash,
}

impl fmt::Debug for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@", self.sequence)?;
        self.hash[..4].iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
