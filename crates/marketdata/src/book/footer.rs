//! The end of a Parquet file, looked at before anything is read by what it says.
//!
//! A file ends with its metadata, their length in four bytes, and `PAR1`. The metadata are a Thrift
//! structure in the compact protocol. Whoever reads them trusts counts and nesting in there with
//! memory and stack; this walks through first and knows nothing but the wire format: a length in it
//! must lie within it, and nothing may nest deeper than real metadata do.

use parquet::file::reader::ChunkReader;

use super::MAGIC;
use crate::FileError;

/// Bytes of metadata; those of a book with a thousand row groups are a few hundred thousand.
const METADATA_BYTES_MAX: u64 = 64 << 20;
/// Structures within structures.
const NESTING_MAX: usize = 32;
/// Groups within groups of a schema.
const SCHEMA_NESTING_MAX: usize = 16;

const DAMAGED: &str = "write or copy the file again: it is damaged or incomplete";

/// Refuses a file whose end can't be that of a Parquet file.
pub(super) fn check(file: &str, source: &impl ChunkReader) -> Result<(), FileError> {
    let refuse = |message: &str| FileError::at(file, 1, message, DAMAGED);
    let length = source.len();
    let part = |start: u64, bytes: u64| {
        let part = source.get_bytes(start, usize::try_from(bytes).unwrap_or(usize::MAX));
        part.map_err(|_| refuse("the file can't be read to its end"))
    };
    if length < 12 {
        return Err(refuse("the file is too short for a Parquet file"));
    }
    let end = part(length - 8, 8)?;
    let (size, magic) = end.split_at(4);
    if magic != MAGIC {
        return Err(refuse("the file does not end as Parquet files do"));
    }
    let size = u64::from(u32::from_le_bytes([size[0], size[1], size[2], size[3]]));
    if size > METADATA_BYTES_MAX || size > length - 12 {
        return Err(refuse("the file's end gives its metadata an impossible length"));
    }
    let metadata = part(length - 8 - size, size)?;
    Wire { rest: &metadata }
        .metadata()
        .ok_or_else(|| refuse("the file's metadata contradict themselves"))
}

/// Bytes in Thrift's compact protocol. Nothing is kept of them; `None` is malformed.
struct Wire<'a> {
    rest: &'a [u8],
}

// Types of the compact protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// The field of the file's metadata that lists the schema's elements.
const SCHEMA: i64 = 2;
/// The field of a schema's element that counts its children.
const CHILDREN: i64 = 5;

impl Wire<'_> {
    fn metadata(&mut self) -> Option<()> {
        let mut field = 0;
        loop {
            match self.field(&mut field)? {
                STOP => return Some(()),
                LIST if field == SCHEMA => self.schema()?,
                kind => self.value(kind, 1)?,
            }
        }
    }

    /// A tree's elements in the order of a walk, each with the number of its children.
    fn schema(&mut self) -> Option<()> {
        let (kind, count) = self.list()?;
        // Elements still to come below each group that is open.
        let mut open: Vec<u64> = Vec::new();
        for index in 0..count {
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if kind != STRUCT {
                return None;
            }
            let children = self.element()?;
            if children > 0 {
                open.push(children);
            }
            if children > count - index || open.len() > SCHEMA_NESTING_MAX {
                return None;
            }
        }
        Some(())
    }

    /// How many children an element of the schema has.
    fn element(&mut self) -> Option<u64> {
        let (mut field, mut children) = (0, 0);
        loop {
            match self.field(&mut field)? {
                STOP => return Some(children),
                I32 if field == CHILDREN => children = u64::try_from(self.integer()?).ok()?,
                kind => self.value(kind, 2)?,
            }
        }
    }

    /// The type of the next field, whose number is counted up from the one before.
    fn field(&mut self, number: &mut i64) -> Option<u8> {
        let byte = self.byte()?;
        let (delta, kind) = (byte >> 4, byte & 0x0F);
        if kind != STOP {
            *number = if delta == 0 { self.integer()? } else { *number + i64::from(delta) };
        }
        Some(kind)
    }

    /// Passes over a value.
    fn value(&mut self, kind: u8, nesting: usize) -> Option<()> {
        if nesting > NESTING_MAX {
            return None;
        }
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.byte().map(drop),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.skip(8),
            BINARY => {
                let length = self.varint()?;
                self.skip(length)
            }
            LIST | SET => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.element_of_list(kind, nesting + 1))
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.element_of_list(kinds >> 4, nesting + 1)?;
                    self.element_of_list(kinds & 0x0F, nesting + 1)
                })
            }
            STRUCT => {
                let mut field = 0;
                loop {
                    match self.field(&mut field)? {
                        STOP => return Some(()),
                        kind => self.value(kind, nesting + 1)?,
                    }
                }
            }
            _ => None,
        }
    }

    /// Truth values take a byte in a list, and none in a field.
    fn element_of_list(&mut self, kind: u8, nesting: usize) -> Option<()> {
        if kind == TRUE || kind == FALSE { self.skip(1) } else { self.value(kind, nesting) }
    }

    /// The type of a list's elements and how many there are; each takes a byte at least.
    fn list(&mut self) -> Option<(u8, u64)> {
        let byte = self.byte()?;
        let (short, kind) = (u64::from(byte >> 4), byte & 0x0F);
        let count = if short == 15 { self.varint()? } else { short };
        (count <= self.rest.len() as u64).then_some((kind, count))
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A signed number, in zigzag.
    fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }
}
