//! A failing script made small: commands are dropped as long as it goes wrong still.

use engine::Command;

use crate::agreement::Pair;

/// A script that goes wrong at its last command.
pub struct Shrunk {
    pub commands: Vec<Command>,
    pub problem: String,
}

impl Shrunk {
    /// The script as lines of JSON, to be replayed.
    pub fn lines(&self) -> String {
        let line = |command: &Command| serde_json::to_string(command).unwrap();
        self.commands.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Drops ever smaller runs of commands while the script still goes wrong.
pub fn shrink(commands: &[Command]) -> Shrunk {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let mut best = fails(commands).expect("the script goes wrong when played again");
    let mut run = best.commands.len() / 2;
    while run > 0 {
        let mut from = 0;
        while from < best.commands.len() {
            let mut fewer = best.commands.clone();
            fewer.drain(from..(from + run).min(fewer.len()));
            match fails(&fewer) {
                Some(found) => best = found,
                None => from += run,
            }
        }
        run /= 2;
    }
    std::panic::set_hook(hook);
    best
}

/// Plays commands with their numbers made to follow; what goes wrong, if anything does.
fn fails(commands: &[Command]) -> Option<Shrunk> {
    let mut pair = Pair::new();
    let mut played: Vec<Command> = Vec::new();
    let mut number = 0;
    for command in commands {
        let mut command = command.clone();
        // Numbers that no journal has stay as they are.
        if command.sequence > 0 && command.sequence < u64::MAX {
            command.sequence = number + 1;
        }
        let outcome = pair.step(&command);
        number = pair.model.sequence;
        played.push(command);
        if let Err(problem) = outcome {
            return Some(Shrunk { commands: played, problem });
        }
    }
    None
}
