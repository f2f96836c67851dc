//! A durable log of opaque records, for a node that must survive whatever ends it.
//!
//! A [`Journal`] takes batches of records, gives each record a sequence number, and says when they
//! are durable: after one data sync for the whole batch. Whoever opens it after a crash finds every
//! record that was acknowledged, none twice and none in part. Damage is named by file and byte and
//! stops whoever reads; nothing is ever skipped.
//!
//! ```
//! use plimsoll_journal::{Disk, Journal, Options, abort_on_sync_error};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path();
//! let (mut journal, _) = Journal::open(Disk::create(path)?, Options::default())?;
//! let pending = journal.append(["deposit 100", "withdraw 30"], 1_770_000_000_000)?;
//! assert_eq!((pending.first, pending.last), (1, 2));
//! // Nobody may be told of either before this returns.
//! let durable = abort_on_sync_error(journal.sync());
//! assert_eq!(durable.sequence, 2);
//! drop(journal);
//!
//! let (journal, recovery) = Journal::open(Disk::create(path)?, Options::default())?;
//! assert_eq!((recovery.read.records, recovery.cut_bytes), (2, 0));
//! let mut batches = journal.batches_from(1)?;
//! while let Some(batch) = batches.next()? {
//!     assert_eq!(batch.records().next(), Some(&b"deposit 100"[..]));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Batches`] reads and [`verify`] checks beside a writer, without writing and without a lock.
//! [`SnapshotWriter`] and [`SnapshotReader`] keep states beside the segments, each bound to a point
//! of the journal by an [`Anchor`]. Files are reached through [`Directory`] and [`File`]:
//! [`Disk`] is the real thing, [`faulty::Memory`] fails on purpose.
//!
//! # The format
//!
//! All numbers are little-endian. A segment is named for its first record,
//! `00000000000000000001.journal`, and is a row of sectors of 512 bytes, each written once:
//!
//! ```text
//! 0                                               504       506      510    511    512
//! ┌───────────────────────────────────────────────┬─────────┬────────┬──────┬──────┐
//! │ content, zeros at the end                     │index u16│crc  u32│ 0xFF │ 0xFF │
//! └───────────────────────────────────────────────┴─────────┴────────┴──────┴──────┘
//! ```
//!
//! The checksum is the CRC-32C of the first 506 bytes. The first sector of a segment has index
//! 65535 and the segment header:
//!
//! ```text
//! 0              8          12        16        24           32                64
//! ┌──────────────┬──────────┬─────────┬─────────┬────────────┬─────────────────┐
//! │ "PLIMSEGM"   │format u32│rules u32│epoch u64│sequence u64│previous 32 bytes│
//! └──────────────┴──────────┴─────────┴─────────┴────────────┴─────────────────┘
//! ```
//!
//! A batch takes whole sectors, with indexes from 0 on, and its content runs through them:
//!
//! ```text
//! 0      4         8         16           24          32          36                40
//! ┌──────┬─────────┬─────────┬────────────┬───────────┬───────────┬─────────────────┬─
//! │"PLMB"│rules u32│epoch u64│sequence u64│time ms u64│records u32│payload bytes u32│
//! └──────┴─────────┴─────────┴────────────┴───────────┴───────────┴─────────────────┴─
//! 40                72                                    72 + payload   104 + payload
//! ┬─────────────────┬────────────────────────────────────┬──────────────┐
//! │previous 32 bytes│ for each record: length u32, bytes │ hash 32 bytes│
//! ┴─────────────────┴────────────────────────────────────┴──────────────┘
//! ```
//!
//! The hash is the BLAKE3 hash of all before it, from the magic on, and so of the hash before: that
//! makes the chain. Before the first batch ever the hash is zeros. What was not written yet is zeros.
//!
//! A snapshot, `00000000000000000042.snapshot`, has taken in the records up to 42:
//!
//! ```text
//! 0            8          12        16           24             56             88      92       96
//! ┌────────────┬──────────┬─────────┬────────────┬──────────────┬──────────────┬───────┬────────┐
//! │"PLIMSNAP"  │format u32│rules u32│sequence u64│chain 32 bytes│state 32 bytes│crc u32│ 0  u32 │
//! └────────────┴──────────┴─────────┴────────────┴──────────────┴──────────────┴───────┴────────┘
//! chunk: ┌──────────┬───────┬────────────────┐  end: ┌─────┬───────┬───────────────┬─────────────┐
//!        │length u32│crc u32│ up to 1 MiB    │       │0 u32│crc u32│state bytes u64│hash 32 bytes│
//!        └──────────┴───────┴────────────────┘       └─────┴───────┴───────────────┴─────────────┘
//! ```
//!
//! A chunk's checksum is of its length and its bytes. The hash is of the header and of all chunks'
//! bytes.
//!
//! # What is promised
//!
//! 1. What [`Journal::sync`] has answered for is there after any crash of process or machine, if the
//!    disk keeps what it has synced.
//! 2. What was on its way, one batch at most, is there wholly or not at all.
//! 3. A change of any one byte is named, or every record is read as it was. The only bytes that may
//!    change unnoticed are the last of a sector, and those behind the end that look like the
//!    beginning of one more batch, which is cut.
//! 4. Any other change is named, but one: sectors of the *last* batches that have become zeros, or
//!    end with two zeros, look as if they were never written, and files of the last segments that
//!    are gone look as if there never were any. Only a point known from elsewhere tells, an
//!    [`Anchor`] such as every snapshot has. (By checksum, a change passes with a chance of 2⁻³² at
//!    most for a sector, and it must also pass the hash.)
//!
//! How it is done is told in the book, in `docs/concepts/journal.md`.
//!
//! This crate knows nothing of what records mean, and reads no clock.

#![deny(missing_docs)]

mod batch;
mod copy;
mod disk;
mod error;
pub mod faulty;
mod format;
mod journal;
mod read;
mod recovery;
mod scan;
mod sector;
mod sectors;
mod segment;
mod snapshot;
mod storage;
mod summary;

pub use batch::{Batch, Records};
pub use copy::{Copied, Copying, copy_batches, copy_snapshot, settled};
pub use disk::{Disk, DiskFile};
pub use error::{
    Anchor, AppendError, Damage, DamageKind, OpenError, ReadError, SnapshotError, StorageError,
    SyncError, UnknownRules,
};
pub use format::{BATCH_BYTES_MAX, FORMAT, GENESIS, Hash};
pub use journal::{Durable, Journal, Options, Pending, abort_on_sync_error};
pub use read::{Batches, End, Verified, VerifyOptions, verify};
pub use recovery::Recovery;
pub use scan::Patience;
pub use segment::check_names;
pub use snapshot::{
    Newest, SnapshotHeader, SnapshotReader, SnapshotWriter, WhenDamaged, list_snapshots,
    newest_snapshot, prune_snapshots, verify_snapshot,
};
pub use storage::{Directory, File};
pub use summary::Summary;
