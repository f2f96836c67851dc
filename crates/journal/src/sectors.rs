//! Reading a segment by sectors, through a buffer.

use std::io;

use crate::sector::SECTOR_BYTES;
use crate::storage::File;

/// How much is read at once, where a batch does not need more.
const READ_BYTES: usize = 1 << 20;

/// A file, and a stretch of it in memory.
pub struct Sectors<F> {
    file: F,
    /// The bytes of the file from `start` on; whole sectors.
    buffer: Vec<u8>,
    start: u64,
}

impl<F: File> Sectors<F> {
    pub fn new(file: F) -> Self {
        Self { file, buffer: Vec::new(), start: 0 }
    }

    /// Up to `count` sectors from `offset` on; fewer only where the file ends. A last part of a
    /// sector is filled up with zeros.
    ///
    /// Only asked for one sector of a batch, or as many as the batch says that it has, so memory is
    /// bounded by the largest batch.
    pub fn at(&mut self, offset: u64, count: usize) -> io::Result<&[[u8; SECTOR_BYTES]]> {
        let wanted = count * SECTOR_BYTES;
        let held = self.held(offset);
        if self.buffer.len() - held < wanted {
            self.refill(offset, held, wanted)?;
        }
        let held = self.held(offset);
        let end = self.buffer.len().min(held + wanted);
        Ok(self.buffer[held..end].as_chunks().0)
    }

    pub fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    /// Where `offset` is in the buffer; the buffer's end where it is not.
    fn held(&self, offset: u64) -> usize {
        let at = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        at.map_or(self.buffer.len(), |at| at.min(self.buffer.len()))
    }

    fn refill(&mut self, offset: u64, held: usize, wanted: usize) -> io::Result<()> {
        self.buffer.drain(..held);
        self.start = offset;
        let kept = self.buffer.len();
        let there = self.file.length()?.saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX);
        self.buffer.resize(wanted.max(READ_BYTES).min(there).max(kept), 0);
        let read = self.file.read_at(offset + kept as u64, &mut self.buffer[kept..]);
        let filled = kept + *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(filled);
        self.buffer.resize(filled.next_multiple_of(SECTOR_BYTES), 0);
        read.map(|_| ())
    }
}
