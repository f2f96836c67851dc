//! Commands and events as bytes: one encoding each, and nothing else is read.
//!
//! The encoding is [borsh](https://borsh.io), without a frame: who keeps or sends the bytes says
//! where they end. Bytes that are accepted are those that [`encode`] gives for what was read, so
//! bytes can be compared and hashed in place of values.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{Command, Event};

/// The longest encoding of a command, 4 MiB: room for a long history or methodology, and a bound on
/// the memory that hostile bytes can ask for.
pub const COMMAND_BYTES_MAX: usize = 1 << 22;

/// The longest encoding of an event. The engine makes no longer one of a command within its limit:
/// what a refusal quotes is cut short.
pub const EVENT_BYTES_MAX: usize = COMMAND_BYTES_MAX;

/// What has an encoding of its own.
pub trait Encoded: BorshSerialize + BorshDeserialize + sealed::Sealed {
    /// The word for it in errors.
    const WHAT: &'static str;
    /// The longest encoding that is written and read.
    const BYTES_MAX: usize;
}

impl Encoded for Command {
    const WHAT: &'static str = "command";
    const BYTES_MAX: usize = COMMAND_BYTES_MAX;
}

impl Encoded for Event {
    const WHAT: &'static str = "event";
    const BYTES_MAX: usize = EVENT_BYTES_MAX;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Command {}
    impl Sealed for crate::Event {}
}

/// A command or event that is too long to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {what} of more than {most} bytes can't be encoded: send less at once")]
pub struct EncodeError {
    /// What was to be encoded.
    pub what: &'static str,
    /// How many bytes there may be: [`Encoded::BYTES_MAX`].
    pub most: usize,
}

/// Why bytes were not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than [`Encoded::BYTES_MAX`]; nothing was read.
    #[error("{found} bytes are too many for one {what}: {most} is the most (is it one?)")]
    TooLong {
        /// What was expected.
        what: &'static str,
        /// How many bytes there may be.
        most: usize,
        /// How many bytes there are.
        found: usize,
    },
    /// The bytes do not encode what was expected.
    #[error("not a {what}: before byte {offset} of {length}: {reason}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// How far was read.
        offset: usize,
        /// How many bytes there are.
        length: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Bytes follow.
    #[error("the {what} ends at byte {offset} of {length}: cut the bytes there")]
    TrailingBytes {
        /// What was expected.
        what: &'static str,
        /// Where it ends.
        offset: usize,
        /// How many bytes there are.
        length: usize,
    },
}

/// The encoding of a command or an event; [`decode`] gives the same value back.
///
/// # Errors
/// [`EncodeError`] if it is longer than [`Encoded::BYTES_MAX`], so that nothing is written that is
/// not read.
pub fn encode<T: Encoded>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes)?;
    Ok(bytes)
}

/// Appends what [`encode`] gives.
///
/// # Errors
/// As [`encode`]; `bytes` are as before then.
pub fn encode_into<T: Encoded>(value: &T, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = bytes.len();
    value.serialize(&mut Bounded { bytes, left: T::BYTES_MAX }).map_err(|_| {
        bytes.truncate(before);
        EncodeError { what: T::WHAT, most: T::BYTES_MAX }
    })
}

/// The command or event that all of `bytes` encode.
///
/// # Errors
/// [`DecodeError`].
pub fn decode<T: Encoded>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (what, length) = (T::WHAT, bytes.len());
    if length > T::BYTES_MAX {
        return Err(DecodeError::TooLong { what, most: T::BYTES_MAX, found: length });
    }
    let mut rest = bytes;
    let value = T::deserialize(&mut rest);
    let offset = length - rest.len();
    let malformed = |error: io::Error| {
        let reason = error.to_string();
        DecodeError::Malformed { what, offset, length, reason }
    };
    let value = value.map_err(malformed)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::TrailingBytes { what, offset, length })
    }
}

/// Takes so many bytes and no more.
struct Bounded<'a> {
    bytes: &'a mut Vec<u8>,
    left: usize,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(part.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
