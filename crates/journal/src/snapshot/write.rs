//! Writing a snapshot.

use std::io::{self, Write};

use super::{
    CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, FOOTER_BYTES, SnapshotHeader, chunk_checksum,
    snapshot_name,
};
use crate::error::StorageError;
use crate::format::UNFINISHED_SUFFIX;
use crate::storage::{Directory, File};

/// A snapshot that is being written, while the journal goes on. The state is given by [`Write`].
///
/// Without [`SnapshotWriter::finish`] there is no snapshot; what was written is done away with when
/// the journal is opened.
pub struct SnapshotWriter<'d, D: Directory> {
    directory: &'d D,
    file: D::File,
    name: String,
    /// Bytes written to the file.
    offset: u64,
    /// Bytes of the state in them.
    state_bytes: u64,
    /// A chunk that is not full, behind room for its header.
    chunk: Vec<u8>,
    hasher: blake3::Hasher,
}

impl<'d, D: Directory> SnapshotWriter<'d, D> {
    /// Begins a snapshot.
    ///
    /// # Errors
    /// What the file system says.
    pub fn begin(directory: &'d D, header: &SnapshotHeader) -> Result<Self, StorageError> {
        let name = snapshot_name(header.sequence);
        let unfinished = unfinished(&name);
        let file = directory.create(&unfinished);
        let mut writer = Self {
            directory,
            file: file.map_err(StorageError::on("create", &unfinished))?,
            name,
            offset: 0,
            state_bytes: 0,
            chunk: Vec::with_capacity(CHUNK_HEADER_BYTES + CHUNK_BYTES_MAX),
            hasher: blake3::Hasher::new(),
        };
        let bytes = header.encode();
        writer.hasher.update(&bytes);
        let written = writer.append(&bytes);
        written.map_err(StorageError::on("write to", &unfinished))?;
        writer.chunk.resize(CHUNK_HEADER_BYTES, 0);
        Ok(writer)
    }

    /// Makes the snapshot durable, and gives it its name; returns the bytes of its file.
    ///
    /// # Errors
    /// What the file system says. There is no new snapshot then, or, if the very last step failed,
    /// perhaps a good one.
    pub fn finish(mut self) -> Result<u64, StorageError> {
        let unfinished = unfinished(&self.name);
        self.write_end().map_err(StorageError::on("write to", &unfinished))?;
        self.file.sync_all().map_err(StorageError::on("sync", &unfinished))?;
        let renamed = self.directory.rename(&unfinished, &self.name);
        renamed.map_err(StorageError::on("rename", &unfinished))?;
        self.directory.sync().map_err(StorageError::on("sync", "."))?;
        Ok(self.offset)
    }

    fn write_end(&mut self) -> io::Result<()> {
        self.write_chunk()?;
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        footer.extend_from_slice(&self.state_bytes.to_le_bytes());
        footer.extend_from_slice(self.hasher.finalize().as_bytes());
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        bytes.extend_from_slice(&chunk_checksum(0, &footer).to_le_bytes());
        bytes.extend_from_slice(&footer);
        self.append(&bytes)
    }

    /// Writes the chunk, if there is anything in it.
    fn write_chunk(&mut self) -> io::Result<()> {
        let (header, bytes) = self.chunk.split_at_mut(CHUNK_HEADER_BYTES);
        if bytes.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(bytes.len()).expect("a chunk is bounded to fewer bytes");
        header[..4].copy_from_slice(&length.to_le_bytes());
        header[4..].copy_from_slice(&chunk_checksum(length, bytes).to_le_bytes());
        self.hasher.update(bytes);
        self.state_bytes += u64::from(length);
        let chunk = std::mem::take(&mut self.chunk);
        let written = self.append(&chunk);
        self.chunk = chunk;
        self.chunk.truncate(CHUNK_HEADER_BYTES);
        written
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(self.offset, bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

impl<D: Directory> Write for SnapshotWriter<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_HEADER_BYTES + CHUNK_BYTES_MAX - self.chunk.len();
        let taken = bytes.len().min(room);
        self.chunk.extend_from_slice(&bytes[..taken]);
        if taken == room {
            self.write_chunk()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED_SUFFIX}")
}
