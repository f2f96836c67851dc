//! `allocations COMMANDS [exact]`: how often the engine asks for memory, for each command in the second
//! half of so many of the mix.
//!
//! A program of its own, since counting takes an allocator of its own, and what is timed runs on the one
//! that the product has.

#[path = "../../crates/engine/examples/pinned/script.rs"]
#[allow(dead_code, reason = "others take more of the script")]
mod pinned;

use std::process::ExitCode;

use pinned::{Mix, Prepared};
use plimsoll_engine::{Command, State, apply};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.first().and_then(|count| count.parse().ok());
    let (Some(count), is_exact) = (count, arguments.get(1).is_some_and(|word| word == "exact"))
    else {
        eprintln!("one argument is wanted: how many commands, as in `allocations 50000 exact`");
        return ExitCode::FAILURE;
    };
    let mut recorder = pinned::opened();
    let mut mix = Mix::new(true);
    mix.fill_books(&mut recorder);
    let mut state = recorder.state.clone();
    drop(recorder.take());
    mix.run(&mut recorder, count);
    let (commands, prepared) = (recorder.take(), mix.prepared.take().unwrap_or_default());
    state.force_exact(is_exact);
    println!("{}", allocations(state, &commands, prepared));
    ExitCode::SUCCESS
}

/// Allocations for each command in the second half.
fn allocations(mut state: State, commands: &[Command], prepared: Prepared) -> f64 {
    let mut epochs = prepared.into_iter().peekable();
    // Room for the events of any command.
    let mut events = Vec::with_capacity(10_000);
    let half = commands.len() / 2;
    let mut apply_all = |from: usize, commands: &[Command]| {
        for (place, command) in (from..).zip(commands) {
            if let Some((_, epoch)) = epochs.next_if(|(at, _)| *at == place) {
                state.offer_epoch(epoch);
            }
            events.clear();
            apply(&mut state, command, &mut events);
        }
    };
    // In the first half most accounts fill their lists for the first time.
    apply_all(0, &commands[..half]);
    let counted = allocation_counter::measure(|| apply_all(half, &commands[half..]));
    counted.count_total as f64 / (commands.len() - half) as f64
}
