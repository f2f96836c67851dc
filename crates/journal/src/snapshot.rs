//! Snapshots: a state as of a point of the journal, in a file of its own beside the segments.
//!
//! What a state is, the journal does not know. A snapshot's file gets its name when all of it is
//! durable, so one that was interrupted is never seen.

mod read;
mod write;

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use crate::error::{Anchor, Damage, DamageKind, ReadError, SnapshotError, StorageError};
use crate::format::{
    HASH_BYTES, Hash, UNFINISHED_SUFFIX, hash_at, numbered_name, sequence_in, u32_at, u64_at,
};
use crate::recovery;
use crate::storage::{Directory, File};

pub use read::SnapshotReader;
pub use write::SnapshotWriter;

/// What the names of snapshots end in.
pub(crate) const SNAPSHOT_SUFFIX: &str = ".snapshot";

/// The version of the format of snapshots, and the only one that is read.
const FORMAT: u32 = 1;

/// Most bytes of the state in a chunk.
const CHUNK_BYTES_MAX: usize = 1 << 20;

/// Bytes before a chunk: its length and its checksum.
const CHUNK_HEADER_BYTES: usize = 8;

/// Bytes after the last chunk: a chunk header of length zero, the length of the state, the hash.
const FOOTER_BYTES: usize = CHUNK_HEADER_BYTES + 8 + HASH_BYTES;

const MAGIC: [u8; 8] = *b"PLIMSNAP";

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The rules under which the state is read.
    pub rules: u32,
    /// The last record that the state has taken in; 0 if none.
    pub sequence: u64,
    /// The journal's chain value after that record.
    pub chain: Hash,
    /// The hash of the state, from whoever knows what a state is.
    pub state: Hash,
}

/// Bytes of the header.
const HEADER_BYTES: usize = 96;

mod field {
    use super::{HASH_BYTES, HEADER_BYTES};
    use std::ops::Range;

    pub const MAGIC: Range<usize> = 0..8;
    pub const FORMAT: Range<usize> = MAGIC.end..MAGIC.end + 4;
    pub const RULES: Range<usize> = FORMAT.end..FORMAT.end + 4;
    pub const SEQUENCE: Range<usize> = RULES.end..RULES.end + 8;
    pub const CHAIN: Range<usize> = SEQUENCE.end..SEQUENCE.end + HASH_BYTES;
    pub const STATE: Range<usize> = CHAIN.end..CHAIN.end + HASH_BYTES;
    pub const CHECKSUM: Range<usize> = STATE.end..STATE.end + 4;
    pub const ZERO: Range<usize> = CHECKSUM.end..CHECKSUM.end + 4;

    const _: () = assert!(ZERO.end == HEADER_BYTES);
}

impl SnapshotHeader {
    /// The point of the journal that a snapshot belongs to.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        Anchor { sequence: self.sequence, hash: self.chain }
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[field::MAGIC].copy_from_slice(&MAGIC);
        bytes[field::FORMAT].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[field::RULES].copy_from_slice(&self.rules.to_le_bytes());
        bytes[field::SEQUENCE].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[field::CHAIN].copy_from_slice(&self.chain);
        bytes[field::STATE].copy_from_slice(&self.state);
        let checksum = crc32c::crc32c(&bytes[..field::CHECKSUM.start]);
        bytes[field::CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, DamageKind> {
        let header = Self {
            rules: u32_at(bytes, field::RULES),
            sequence: u64_at(bytes, field::SEQUENCE),
            chain: hash_at(bytes, field::CHAIN),
            state: hash_at(bytes, field::STATE),
        };
        let checksum = crc32c::crc32c(&bytes[..field::CHECKSUM.start]);
        if bytes[field::MAGIC] != MAGIC || checksum != u32_at(bytes, field::CHECKSUM) {
            return Err(DamageKind::NoSnapshot);
        }
        match u32_at(bytes, field::FORMAT) {
            FORMAT if header.encode() == *bytes => Ok(header),
            FORMAT => Err(DamageKind::NoSnapshot),
            found => Err(DamageKind::Format { found, known: FORMAT }),
        }
    }
}

/// The snapshots of a folder by the last record that each has taken in, ascending. Their files were
/// not looked into.
///
/// # Errors
/// What the file system says, or a file that is named as no snapshot is.
pub fn list_snapshots(directory: &impl Directory) -> Result<Vec<u64>, ReadError> {
    let names = directory.list().map_err(StorageError::on("list", "."))?;
    let mut snapshots = Vec::new();
    for name in names.into_iter().filter(|name| name.ends_with(SNAPSHOT_SUFFIX)) {
        let kind = DamageKind::Stranger;
        let sequence = sequence_in(&name, SNAPSHOT_SUFFIX);
        snapshots.push(sequence.ok_or(Damage { file: name, offset: 0, kind })?);
    }
    snapshots.sort_unstable();
    Ok(snapshots)
}

/// What to do about damaged snapshots that are newer than the newest good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDamaged {
    /// Stop, and list them.
    Refuse,
    /// Take an older one, and list them.
    Skip,
}

/// The newest snapshot that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// What it is of; `None` if there is none.
    pub snapshot: Option<SnapshotHeader>,
    /// What is wrong with newer ones.
    pub damaged: Vec<Damage>,
}

/// Finds the newest snapshot whose every byte is good, by reading it.
///
/// # Errors
/// Damaged ones, all of them listed, unless they may be skipped, or what the file system says.
pub fn newest_snapshot(
    directory: &impl Directory,
    rules_known: &RangeInclusive<u32>,
    when_damaged: WhenDamaged,
) -> Result<Newest, SnapshotError> {
    let mut damaged = Vec::new();
    let mut good = None;
    for sequence in list_snapshots(directory)?.into_iter().rev() {
        match verify_snapshot(directory, sequence, rules_known) {
            Ok(header) => {
                good = Some(header);
                break;
            }
            Err(ReadError::Damaged(damage)) => damaged.push(damage),
            Err(error) => return Err(error.into()),
        }
    }
    if when_damaged == WhenDamaged::Refuse && !damaged.is_empty() {
        return Err(SnapshotError::Damaged { damaged, good: good.map(|header| header.sequence) });
    }
    Ok(Newest { snapshot: good, damaged })
}

/// Reads a whole snapshot and checks every byte of it.
///
/// # Errors
/// Damage, by file and byte, or what the file system says.
pub fn verify_snapshot(
    directory: &impl Directory,
    sequence: u64,
    rules_known: &RangeInclusive<u32>,
) -> Result<SnapshotHeader, ReadError> {
    let mut reader = SnapshotReader::open(directory, sequence, rules_known)?;
    while reader.next_chunk()?.is_some() {}
    Ok(reader.header())
}

/// Does away with all but the newest `keep` snapshots, and says which went.
///
/// # Errors
/// What the file system says; some may be gone then.
pub fn prune_snapshots(
    directory: &impl Directory,
    keep: NonZeroUsize,
) -> Result<Vec<u64>, ReadError> {
    let mut snapshots = list_snapshots(directory)?;
    snapshots.truncate(snapshots.len().saturating_sub(keep.get()));
    for &sequence in &snapshots {
        let name = snapshot_name(sequence);
        directory.remove(&name).map_err(StorageError::on("remove", &name))?;
    }
    directory.sync().map_err(StorageError::on("sync", "."))?;
    Ok(snapshots)
}

/// Copies a snapshot's file; the copy gets its name when it is durable.
pub(crate) fn copy<S: Directory, T: Directory>(
    from: &S,
    to: &T,
    sequence: u64,
) -> Result<(), StorageError> {
    let name = snapshot_name(sequence);
    let unfinished = format!("{name}{UNFINISHED_SUFFIX}");
    let mut old = from.open(&name).map_err(StorageError::on("open", &name))?;
    let length = old.length().map_err(StorageError::on("ask for the length of", &name))?;
    let mut new = to.create(&unfinished).map_err(StorageError::on("create", &unfinished))?;
    let copied = recovery::copy(&mut old, &mut new, length).and_then(|_| new.sync_all());
    copied.map_err(StorageError::on("write to", &unfinished))?;
    to.rename(&unfinished, &name).map_err(StorageError::on("rename", &unfinished))?;
    to.sync().map_err(StorageError::on("sync", "."))
}

fn snapshot_name(sequence: u64) -> String {
    numbered_name(sequence, SNAPSHOT_SUFFIX)
}

/// The checksum of a chunk: of its length and its bytes.
fn chunk_checksum(length: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), bytes)
}
