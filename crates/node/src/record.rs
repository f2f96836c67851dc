//! A command as it stands in the log.
//!
//! ```text
//! 0       1
//! ┌───────┬───────────────────────────┬───────────────────────────┬─────────────────┐
//! │flags  │ with flag 1: limits       │ with flag 2: state hash   │ command, borsh  │
//! │u8     │ of the venue, 22 bytes    │ before it, 32 bytes       │ sequence, time… │
//! └───────┴───────────────────────────┴───────────────────────────┴─────────────────┘
//! ```
//!
//! The first command of all has the limits with which the venue was founded. One in many is a
//! *checkpoint*: it has the record hash that the running engine had before it, which whoever
//! replays the log compares with its own. The limits are six integers in the order of
//! [`Limits`]: accounts, assets (`u16`), transfers, instruments, orders, vectors.

use engine::record_tree::Hash;
use engine::{Command, Limits, codec};

const FOUNDED: u8 = 1;
const CHECKPOINT: u8 = 2;
const LIMITS_BYTES: usize = 22;

/// What stands in the log with a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// The limits of the venue, with its first command.
    pub founded: Option<Limits>,
    /// The record hash before the command.
    pub checkpoint: Option<Hash>,
}

/// Appends a record: what stands beside a command, and the command's encoding.
pub(crate) fn write(beside: &Beside, command: &[u8], bytes: &mut Vec<u8>) {
    let Beside { founded, checkpoint } = beside;
    let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
    bytes.push(flag(founded.is_some(), FOUNDED) | flag(checkpoint.is_some(), CHECKPOINT));
    if let Some(limits) = founded {
        bytes.extend_from_slice(&limits_to_bytes(limits));
    }
    if let Some(hash) = checkpoint {
        bytes.extend_from_slice(hash);
    }
    bytes.extend_from_slice(command);
}

/// Reads a record; says what is wrong with it.
pub(crate) fn read(record: &[u8]) -> Result<(Beside, Command), String> {
    let short = || String::from("it is too short");
    let (&[flags], mut rest) = record.split_first_chunk().ok_or_else(short)?;
    if flags & !(FOUNDED | CHECKPOINT) != 0 {
        return Err(format!("its flags are {flags}, and this program knows 0 to 3"));
    }
    let mut beside = Beside::default();
    if flags & FOUNDED != 0 {
        let (limits, after) = rest.split_first_chunk().ok_or_else(short)?;
        (beside.founded, rest) = (Some(limits_from_bytes(limits)), after);
    }
    if flags & CHECKPOINT != 0 {
        let (hash, after) = rest.split_first_chunk().ok_or_else(short)?;
        (beside.checkpoint, rest) = (Some(*hash), after);
    }
    let command = codec::decode(rest).map_err(|error| error.to_string())?;
    Ok((beside, command))
}

/// The command of a record of a log.
///
/// # Errors
/// What is wrong with the record.
pub fn command_of(record: &[u8]) -> Result<Command, String> {
    read(record).map(|(_, command)| command)
}

fn limits_to_bytes(limits: &Limits) -> [u8; LIMITS_BYTES] {
    let Limits {
        accounts_max,
        assets_max,
        transfers_max,
        instruments_max,
        orders_max,
        vectors_max,
    } = *limits;
    let mut bytes = [0; LIMITS_BYTES];
    bytes[..4].copy_from_slice(&accounts_max.to_le_bytes());
    bytes[4..6].copy_from_slice(&assets_max.to_le_bytes());
    let others = [transfers_max, instruments_max, orders_max, vectors_max];
    for (place, count) in bytes[6..].chunks_exact_mut(4).zip(others) {
        place.copy_from_slice(&count.to_le_bytes());
    }
    bytes
}

fn limits_from_bytes(bytes: &[u8; LIMITS_BYTES]) -> Limits {
    let u32_at = |offset: usize| {
        let part = bytes[offset..offset + 4].try_into();
        u32::from_le_bytes(part.expect("four bytes were taken"))
    };
    Limits {
        accounts_max: u32_at(0),
        assets_max: u16::from_le_bytes([bytes[4], bytes[5]]),
        transfers_max: u32_at(6),
        instruments_max: u32_at(10),
        orders_max: u32_at(14),
        vectors_max: u32_at(18),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Action;
    use instruments::Timestamp;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let time = Timestamp::from_milliseconds(5);
        let command = Command { sequence: 7, time, action: Action::Tick {} };
        let encoded = codec::encode(&command).unwrap();
        let limits = Limits {
            accounts_max: 1,
            assets_max: 2,
            transfers_max: 3,
            instruments_max: 4,
            orders_max: 5,
            vectors_max: 6,
        };
        for founded in [None, Some(limits)] {
            for checkpoint in [None, Some([9; 32])] {
                let beside = Beside { founded, checkpoint };
                let mut bytes = Vec::new();
                write(&beside, &encoded, &mut bytes);
                assert_eq!(read(&bytes), Ok((beside, command.clone())));
                for end in 0..bytes.len() {
                    assert!(read(&bytes[..end]).is_err());
                }
            }
        }
        assert!(read(&[4]).is_err_and(|error| error.contains("flags")));
    }
}
