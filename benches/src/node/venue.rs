//! The script of the engine's benchmark, handed in to a node.

use plimsoll_engine::{Command, Limits};

use super::{Bench, Outcome};
use crate::engine::pinned::{self, Mix, Prepared, Recorder};

/// The venue's opening and the mix.
pub struct Script {
    /// Limits of the venue.
    pub limits: Limits,
    opening: Vec<Command>,
    commands: Vec<Command>,
    prepared: Prepared,
    mix: String,
}

impl Script {
    /// The opening, and so many commands with the epochs between them.
    pub fn new(commands: usize) -> Self {
        let mut recorder: Recorder = pinned::opened();
        let mut mix = Mix::new(true);
        mix.fill_books(&mut recorder);
        let opening = recorder.take();
        mix.run(&mut recorder, commands);
        let limits = recorder.state.limits();
        let prepared = mix.prepared.take().unwrap_or_default();
        Self { limits, opening, commands: recorder.take(), prepared, mix: mix.counts.to_string() }
    }

    /// Opens the venue.
    pub fn open(&self, bench: &Bench) -> Outcome<()> {
        for command in &self.opening {
            bench.clock.set(command.time);
            bench.node.send_when_free(command.action.clone())?;
        }
        Ok(())
    }

    /// Hands in so many commands of the mix, with the epochs between them, each after `wait`; the
    /// clock goes as it went when the script was made. Gives how many there were in all.
    pub fn hand_in(
        &self,
        bench: &Bench,
        count: usize,
        mut wait: impl FnMut(usize),
    ) -> Outcome<usize> {
        let epochs = count.div_ceil(pinned::COMMANDS_PER_EPOCH);
        let commands = &self.commands[..(count + epochs).min(self.commands.len())];
        let mut prepared = self.prepared.iter().peekable();
        for (place, command) in commands.iter().enumerate() {
            if let Some((_, epoch)) = prepared.next_if(|(at, _)| *at == place) {
                bench.node.offer_epoch(epoch.clone())?;
            }
            wait(place);
            bench.clock.set(command.time);
            bench.node.send_when_free(command.action.clone())?;
        }
        Ok(commands.len())
    }

    /// What the script is, in words.
    pub fn conditions(&self) -> Vec<String> {
        vec![
            format!(
                "the script of the engine's benchmark: an opening of {} commands, which is not \
                 timed, then {}",
                self.opening.len(),
                self.mix
            ),
            "commands get their time when the node takes them, a few milliseconds after the \
             script's, so a few more or fewer are refused than there"
                .to_owned(),
        ]
    }
}
