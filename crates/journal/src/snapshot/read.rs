//! Reading a snapshot.

use std::io::{self, Read};
use std::ops::RangeInclusive;

use super::{
    CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, FOOTER_BYTES, HEADER_BYTES, SnapshotHeader,
    chunk_checksum, snapshot_name,
};
use crate::error::{Damage, DamageKind, ReadError, StorageError};
use crate::format::{u32_at, u64_at};
use crate::storage::{Directory, File};

/// A snapshot that is being read. The state comes by [`Read`], or chunk by chunk.
///
/// Each chunk is checked before it is handed out; that all belong together is known only when the
/// end was reached without an error.
pub struct SnapshotReader<F> {
    file: F,
    name: String,
    header: SnapshotHeader,
    offset: u64,
    state_bytes: u64,
    chunk: Vec<u8>,
    /// Bytes of the chunk that were read.
    taken: usize,
    hasher: blake3::Hasher,
    ended: bool,
}

impl<F: File> SnapshotReader<F> {
    /// Opens a snapshot, and checks its header.
    ///
    /// # Errors
    /// Damage, unknown rules, or what the file system says.
    pub fn open(
        directory: &impl Directory<File = F>,
        sequence: u64,
        rules_known: &RangeInclusive<u32>,
    ) -> Result<Self, ReadError> {
        let name = snapshot_name(sequence);
        let mut file = directory.open(&name).map_err(StorageError::on("open", &name))?;
        let mut bytes = [0; HEADER_BYTES];
        file.read_at(0, &mut bytes).map_err(StorageError::on("read", &name))?;
        let damage = |kind| Damage { file: name.clone(), offset: 0, kind };
        let header = SnapshotHeader::decode(&bytes).map_err(damage)?;
        if header.sequence != sequence {
            return Err(damage(DamageKind::Name { found: header.sequence }).into());
        }
        if !rules_known.contains(&header.rules) {
            let (first, last) = (*rules_known.start(), *rules_known.end());
            return Err(damage(DamageKind::Rules { found: header.rules, first, last }).into());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        Ok(Self {
            file,
            name,
            header,
            offset: HEADER_BYTES as u64,
            state_bytes: 0,
            chunk: Vec::new(),
            taken: 0,
            hasher,
            ended: false,
        })
    }

    /// What the snapshot is of.
    #[must_use]
    pub fn header(&self) -> SnapshotHeader {
        self.header
    }

    /// The next bytes of the state; `None` at the end, when all of it was good.
    ///
    /// # Errors
    /// Damage, or what the file system says.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        self.taken = 0;
        let mut chunk = std::mem::take(&mut self.chunk);
        let length = self.read_chunk(&mut chunk)?;
        if length == 0 {
            self.check_end(&chunk)?;
            self.ended = true;
            return Ok(None);
        }
        self.hasher.update(&chunk);
        self.state_bytes += u64::from(length);
        self.offset += (CHUNK_HEADER_BYTES + chunk.len()) as u64;
        self.chunk = chunk;
        Ok(Some(&self.chunk))
    }

    /// Reads the next chunk, or, where its length is zero, the rest of the footer.
    fn read_chunk(&mut self, chunk: &mut Vec<u8>) -> Result<u32, ReadError> {
        let mut prefix = [0; CHUNK_HEADER_BYTES];
        self.fill(self.offset, &mut prefix)?;
        let (length, checksum) = (u32_at(&prefix, 0..4), u32_at(&prefix, 4..8));
        if length as usize > CHUNK_BYTES_MAX {
            return Err(self.damage(DamageKind::Checksum));
        }
        let bytes = if length == 0 { FOOTER_BYTES - CHUNK_HEADER_BYTES } else { length as usize };
        chunk.resize(bytes, 0);
        self.fill(self.offset + CHUNK_HEADER_BYTES as u64, chunk)?;
        if chunk_checksum(length, chunk) != checksum {
            return Err(self.damage(DamageKind::Checksum));
        }
        Ok(length)
    }

    fn check_end(&self, footer: &[u8]) -> Result<(), ReadError> {
        let (state_bytes, hash) = footer.split_at(8);
        let length = self.file.length();
        let length = length.map_err(StorageError::on("ask for the length of", &self.name))?;
        let good = u64_at(state_bytes, 0..8) == self.state_bytes
            && hash == self.hasher.finalize().as_bytes()
            && length == self.offset + FOOTER_BYTES as u64;
        if good { Ok(()) } else { Err(self.damage(DamageKind::SnapshotEnd)) }
    }

    /// Reads all of `bytes`.
    fn fill(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ReadError> {
        let read = self.file.read_at(offset, bytes);
        let read = read.map_err(StorageError::on("read", &self.name))?;
        if read < bytes.len() { Err(self.damage(DamageKind::SnapshotEnd)) } else { Ok(()) }
    }

    fn damage(&self, kind: DamageKind) -> ReadError {
        Damage { file: self.name.clone(), offset: self.offset, kind }.into()
    }
}

impl<F: File> Read for SnapshotReader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.chunk.len() {
            let next = self.next_chunk();
            next.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        let count = buffer.len().min(self.chunk.len() - self.taken);
        buffer[..count].copy_from_slice(&self.chunk[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}
