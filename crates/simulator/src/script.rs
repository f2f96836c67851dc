//! All commands so far, encoded, so that a failure can be looked into.

use engine::{Command, codec};

/// Commands in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Script {
    /// Adds a command.
    pub fn push(&mut self, command: &Command) {
        codec::encode_into(command, &mut self.bytes)
            .expect("what came through the node's queue can be encoded");
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The command in a place.
    pub fn get(&self, place: usize) -> Command {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        codec::decode(&self.bytes[start..self.ends[place]]).expect("it was encoded here")
    }
}
