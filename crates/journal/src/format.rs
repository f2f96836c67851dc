//! What segments are made of, byte by byte, and the names of files. The first page of this crate
//! draws it.

use std::ops::Range;

use crate::sector::CONTENT_BYTES;

/// The version of the format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// Most bytes of records, with their lengths, in a batch.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// Bytes of a record's length, which stands before it.
pub const LENGTH_BYTES: usize = 4;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// The number of the sector with the segment header. Those of a batch count from 0.
pub const HEADER_INDEX: u16 = u16::MAX;

/// A BLAKE3 hash.
pub type Hash = [u8; HASH_BYTES];

/// The chain value before the first batch.
pub const GENESIS: Hash = [0; HASH_BYTES];

const SEGMENT_MAGIC: [u8; 8] = *b"PLIMSEGM";
const BATCH_MAGIC: [u8; 4] = *b"PLMB";

/// What a segment begins with, in a sector of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The rules under which the segment was begun.
    pub rules: u32,
    /// The epoch of the writer that began it.
    pub epoch: u64,
    /// The sequence number of its first record.
    pub sequence: u64,
    /// The chain value before its first batch.
    pub previous: Hash,
}

mod segment {
    use super::{HASH_BYTES, Range};

    pub const MAGIC: Range<usize> = 0..8;
    pub const FORMAT: Range<usize> = MAGIC.end..MAGIC.end + 4;
    pub const RULES: Range<usize> = FORMAT.end..FORMAT.end + 4;
    pub const EPOCH: Range<usize> = RULES.end..RULES.end + 8;
    pub const SEQUENCE: Range<usize> = EPOCH.end..EPOCH.end + 8;
    pub const PREVIOUS: Range<usize> = SEQUENCE.end..SEQUENCE.end + HASH_BYTES;
    pub const BYTES: usize = PREVIOUS.end;
}

const _: () = assert!(segment::BYTES == 64);

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHeader {
    /// It begins with something else, or holds what no header holds.
    Other,
    /// It is of another version of the format.
    Format(u32),
}

impl SegmentHeader {
    /// The content of its sector.
    pub fn encode(&self) -> [u8; CONTENT_BYTES] {
        let mut bytes = [0; CONTENT_BYTES];
        bytes[segment::MAGIC].copy_from_slice(&SEGMENT_MAGIC);
        bytes[segment::FORMAT].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[segment::RULES].copy_from_slice(&self.rules.to_le_bytes());
        bytes[segment::EPOCH].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[segment::SEQUENCE].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[segment::PREVIOUS].copy_from_slice(&self.previous);
        bytes
    }

    /// Reads the content of its sector.
    pub fn decode(bytes: &[u8; CONTENT_BYTES]) -> Result<Self, NoHeader> {
        if bytes[segment::MAGIC] != SEGMENT_MAGIC {
            return Err(NoHeader::Other);
        }
        match u32_at(bytes, segment::FORMAT) {
            FORMAT => {}
            other => return Err(NoHeader::Format(other)),
        }
        let header = Self {
            rules: u32_at(bytes, segment::RULES),
            epoch: u64_at(bytes, segment::EPOCH),
            sequence: u64_at(bytes, segment::SEQUENCE),
            previous: hash_at(bytes, segment::PREVIOUS),
        };
        if header.encode() == *bytes { Ok(header) } else { Err(NoHeader::Other) }
    }
}

/// What a batch begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The rules under which its records are read.
    pub rules: u32,
    /// The epoch of its writer.
    pub epoch: u64,
    /// The sequence number of its first record.
    pub sequence: u64,
    /// The time that its writer gave it, in milliseconds.
    pub time_ms: u64,
    /// How many records it has, at least one.
    pub records: u32,
    /// Bytes of records with their lengths.
    pub payload_bytes: u32,
    /// The chain value before it.
    pub previous: Hash,
}

mod batch {
    use super::{HASH_BYTES, Range};

    pub const MAGIC: Range<usize> = 0..4;
    pub const RULES: Range<usize> = MAGIC.end..MAGIC.end + 4;
    pub const EPOCH: Range<usize> = RULES.end..RULES.end + 8;
    pub const SEQUENCE: Range<usize> = EPOCH.end..EPOCH.end + 8;
    pub const TIME: Range<usize> = SEQUENCE.end..SEQUENCE.end + 8;
    pub const RECORDS: Range<usize> = TIME.end..TIME.end + 4;
    pub const PAYLOAD_BYTES: Range<usize> = RECORDS.end..RECORDS.end + 4;
    pub const PREVIOUS: Range<usize> = PAYLOAD_BYTES.end..PAYLOAD_BYTES.end + HASH_BYTES;
    pub const BYTES: usize = PREVIOUS.end;
}

/// Bytes of a batch header.
pub const BATCH_HEADER_BYTES: usize = batch::BYTES;

const _: () = assert!(BATCH_HEADER_BYTES == 72 && BATCH_HEADER_BYTES <= CONTENT_BYTES);

impl BatchHeader {
    /// The bytes of the header.
    pub fn encode(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        bytes[batch::MAGIC].copy_from_slice(&BATCH_MAGIC);
        bytes[batch::RULES].copy_from_slice(&self.rules.to_le_bytes());
        bytes[batch::EPOCH].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[batch::SEQUENCE].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[batch::TIME].copy_from_slice(&self.time_ms.to_le_bytes());
        bytes[batch::RECORDS].copy_from_slice(&self.records.to_le_bytes());
        bytes[batch::PAYLOAD_BYTES].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[batch::PREVIOUS].copy_from_slice(&self.previous);
        bytes
    }

    /// Reads the content of a batch's first sector; `None` if no batch begins there. What it says
    /// of lengths is within their bounds.
    pub fn decode(bytes: &[u8; CONTENT_BYTES]) -> Option<Self> {
        let header = Self {
            rules: u32_at(bytes, batch::RULES),
            epoch: u64_at(bytes, batch::EPOCH),
            sequence: u64_at(bytes, batch::SEQUENCE),
            time_ms: u64_at(bytes, batch::TIME),
            records: u32_at(bytes, batch::RECORDS),
            payload_bytes: u32_at(bytes, batch::PAYLOAD_BYTES),
            previous: hash_at(bytes, batch::PREVIOUS),
        };
        let payload_bytes = header.payload_bytes as usize;
        let records = header.records as usize;
        let bounded = (1..=payload_bytes / LENGTH_BYTES).contains(&records)
            && payload_bytes <= BATCH_BYTES_MAX
            && header.sequence.checked_add(u64::from(header.records)).is_some();
        (bytes[batch::MAGIC] == BATCH_MAGIC && bounded).then_some(header)
    }

    /// Bytes of the batch before it is cut into sectors: header, records, hash.
    pub fn content_bytes(&self) -> usize {
        BATCH_HEADER_BYTES + self.payload_bytes as usize + HASH_BYTES
    }

    /// The sequence number after its last record.
    pub fn next_sequence(&self) -> u64 {
        self.sequence + u64::from(self.records)
    }
}

/// The name of the segment whose first record has this sequence number.
pub fn segment_name(sequence: u64) -> String {
    numbered_name(sequence, SEGMENT_SUFFIX)
}

/// The sequence number in the name of a segment; `None` if it is not named like one.
pub fn segment_sequence(name: &str) -> Option<u64> {
    sequence_in(name, SEGMENT_SUFFIX)
}

/// What the names of segments end in.
pub const SEGMENT_SUFFIX: &str = ".journal";

/// What is appended to the name of a file that is not finished.
pub const UNFINISHED_SUFFIX: &str = ".new";

/// The name of a file that is made ready for the next segment.
pub const SPARE_NAME: &str = "spare.journal.new";

/// A name with twenty digits, so that names sort as their numbers do.
pub fn numbered_name(sequence: u64, suffix: &str) -> String {
    format!("{sequence:020}{suffix}")
}

/// The number in such a name.
pub fn sequence_in(name: &str, suffix: &str) -> Option<u64> {
    let sequence = name.strip_suffix(suffix)?.parse().ok()?;
    (numbered_name(sequence, suffix) == name).then_some(sequence)
}

/// A number of four bytes.
pub fn u32_at(bytes: &[u8], range: Range<usize>) -> u32 {
    u32::from_le_bytes(bytes[range].try_into().expect("a range of four bytes"))
}

/// A number of eight bytes.
pub fn u64_at(bytes: &[u8], range: Range<usize>) -> u64 {
    u64::from_le_bytes(bytes[range].try_into().expect("a range of eight bytes"))
}

/// A hash.
pub fn hash_at(bytes: &[u8], range: Range<usize>) -> Hash {
    bytes[range].try_into().expect("a range of 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_were_written() {
        let segment = SegmentHeader { rules: 3, epoch: 5, sequence: 7, previous: [9; 32] };
        assert_eq!(SegmentHeader::decode(&segment.encode()), Ok(segment));
        let mut other = segment.encode();
        other[8] = 2;
        assert_eq!(SegmentHeader::decode(&other), Err(NoHeader::Format(2)));
        assert_eq!(SegmentHeader::decode(&[0; CONTENT_BYTES]), Err(NoHeader::Other));

        let batch = BatchHeader {
            rules: 3,
            epoch: 5,
            sequence: 7,
            time_ms: 11,
            records: 2,
            payload_bytes: 8,
            previous: [9; 32],
        };
        assert_eq!(decode(&batch), Some(batch));
        assert_eq!(decode(&BatchHeader { records: 0, ..batch }), None);
        assert_eq!(decode(&BatchHeader { records: 3, ..batch }), None);
        assert_eq!(decode(&BatchHeader { sequence: u64::MAX, ..batch }), None);
        assert_eq!(decode(&BatchHeader { payload_bytes: u32::MAX, ..batch }), None);
    }

    fn decode(header: &BatchHeader) -> Option<BatchHeader> {
        let mut content = [0; CONTENT_BYTES];
        content[..BATCH_HEADER_BYTES].copy_from_slice(&header.encode());
        BatchHeader::decode(&content)
    }

    #[test]
    fn names_sort_as_numbers_and_have_one_form() {
        assert_eq!(segment_name(1), "00000000000000000001.journal");
        assert_eq!(segment_sequence("00000000000000000001.journal"), Some(1));
        assert_eq!(segment_sequence(&segment_name(u64::MAX)), Some(u64::MAX));
        for other in ["1.journal", "+0000000000000000001.journal", "lock", ".journal"] {
            assert_eq!(segment_sequence(other), None, "{other}");
        }
    }
}
