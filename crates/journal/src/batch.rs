//! One batch: its content, and the records in it.

use crate::format::{
    BATCH_BYTES_MAX, BATCH_HEADER_BYTES, BatchHeader, HASH_BYTES, Hash, LENGTH_BYTES, hash_at,
};

/// A batch as it was read. Its records are borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    header: BatchHeader,
    payload: &'a [u8],
    hash: Hash,
}

impl<'a> Batch<'a> {
    /// The sequence number of the first record; the others count on.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.header.sequence
    }

    /// The sequence number of the last record.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.header.next_sequence() - 1
    }

    /// How many records there are, at least one.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.header.records
    }

    /// The time given to the batch, in milliseconds.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.header.time_ms
    }

    /// The epoch of its writer.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.header.epoch
    }

    /// The rules under which its records are read.
    #[must_use]
    pub fn rules(&self) -> u32 {
        self.header.rules
    }

    /// The chain value after this batch: the hash of its header, which has the value before it, and
    /// of its records.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The records, in their order.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records { payload: self.payload }
    }
}

/// The records of a batch.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    payload: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (record, rest) = split_record(self.payload)?;
        self.payload = rest;
        Some(record)
    }
}

/// Why records are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Empty,
    TooLarge,
}

/// What a batch is before it has records.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub rules: u32,
    pub epoch: u64,
    pub sequence: u64,
    pub time_ms: u64,
    pub previous: Hash,
}

/// Writes the content of a batch, header, records and hash, in place of what `content` has.
pub fn write<R: AsRef<[u8]>>(
    place: Place,
    records: impl IntoIterator<Item = R>,
    content: &mut Vec<u8>,
) -> Result<(BatchHeader, Hash), Refused> {
    content.clear();
    content.resize(BATCH_HEADER_BYTES, 0);
    let mut count = 0_u32;
    for record in records {
        let record = record.as_ref();
        let room = BATCH_HEADER_BYTES + BATCH_BYTES_MAX - content.len();
        if record.len().saturating_add(LENGTH_BYTES) > room {
            return Err(Refused::TooLarge);
        }
        let length = u32::try_from(record.len()).expect("a batch is bounded to fewer bytes");
        content.extend_from_slice(&length.to_le_bytes());
        content.extend_from_slice(record);
        count += 1;
    }
    if count == 0 {
        return Err(Refused::Empty);
    }
    let payload_bytes = content.len() - BATCH_HEADER_BYTES;
    let header = BatchHeader {
        rules: place.rules,
        epoch: place.epoch,
        sequence: place.sequence,
        time_ms: place.time_ms,
        records: count,
        payload_bytes: u32::try_from(payload_bytes).expect("a batch is bounded to fewer bytes"),
        previous: place.previous,
    };
    content[..BATCH_HEADER_BYTES].copy_from_slice(&header.encode());
    let hash = *blake3::hash(content).as_bytes();
    content.extend_from_slice(&hash);
    Ok((header, hash))
}

/// Whether the hash at the end of the content is that of the rest.
pub fn hash_fits(content: &[u8]) -> bool {
    let covered = content.len() - HASH_BYTES;
    *blake3::hash(&content[..covered]).as_bytes() == hash_at(content, covered..content.len())
}

/// The batch whose content this is; `None` if its records do not fill it.
pub fn read(header: BatchHeader, content: &[u8]) -> Option<Batch<'_>> {
    let end = content.len() - HASH_BYTES;
    let payload = &content[BATCH_HEADER_BYTES..end];
    let batch = Batch { header, payload, hash: hash_at(content, end..content.len()) };
    let mut rest = payload;
    for _ in 0..header.records {
        rest = split_record(rest)?.1;
    }
    rest.is_empty().then_some(batch)
}

fn split_record(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place =
        Place { rules: 1, epoch: 2, sequence: 10, time_ms: 3, previous: [7; HASH_BYTES] };

    #[test]
    fn records_are_read_as_they_were_written() {
        let mut content = Vec::new();
        let records: [&[u8]; 3] = [b"one", b"", &[0; 600]];
        let (header, hash) = write(PLACE, records, &mut content).unwrap();
        assert_eq!(content.len(), header.content_bytes());
        assert!(hash_fits(&content));
        let batch = read(header, &content).unwrap();
        assert_eq!((batch.sequence(), batch.last_sequence(), batch.count()), (10, 12, 3));
        assert_eq!(batch.hash(), hash);
        assert_eq!(batch.records().collect::<Vec<_>>(), records);
    }

    #[test]
    fn lengths_that_do_not_fill_the_batch_are_refused() {
        let mut content = Vec::new();
        let (header, _) = write(PLACE, [b"abc", b"def"], &mut content).unwrap();
        for (at, byte) in [(0, 2), (0, 4), (0, 255), (3, 1), (7, 4)] {
            let mut changed = content.clone();
            changed[BATCH_HEADER_BYTES + at] = byte;
            assert!(read(header, &changed).is_none(), "byte {at} = {byte}");
        }
        assert!(read(BatchHeader { records: 1, ..header }, &content).is_none());
        assert!(read(BatchHeader { records: 3, ..header }, &content).is_none());
    }

    #[test]
    fn what_is_too_large_or_empty_is_refused() {
        let mut content = Vec::new();
        let none: [&[u8]; 0] = [];
        assert_eq!(write(PLACE, none, &mut content).unwrap_err(), Refused::Empty);
        let largest = vec![1; BATCH_BYTES_MAX - LENGTH_BYTES];
        assert!(write(PLACE, [&largest], &mut content).is_ok());
        let two: [&[u8]; 2] = [&largest, &[]];
        assert_eq!(write(PLACE, two, &mut content).unwrap_err(), Refused::TooLarge);
    }
}
