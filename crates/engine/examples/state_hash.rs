//! `state_hash N`: hashes of everything that the engine says and knows, to be compared between
//! builds and machines.
//!
//! Two parts are applied. The *pinned* part is N commands of the script that the engine is measured
//! with. The *wide* part is the random scripts of the engine's own tests, one for every 100 commands
//! of N: every kind of command, wrong ones among them. Of each part one line is printed: what was
//! applied, and hashes of the commands, of the events, and of the records at the end.
//!
//! The same N prints the same lines in any build on any machine; `cargo xtask test --only hash`
//! compares builds.

extern crate plimsoll_engine as engine;

#[path = "pinned/script.rs"]
mod pinned;
#[path = "../tests/reference"]
#[allow(dead_code, clippy::unwrap_used, reason = "the module is one of the tests")]
mod reference {
    pub mod script;
}
#[path = "state_hash/wide.rs"]
mod wide;

use std::process::ExitCode;

/// Commands of the pinned part for a script of the wide part.
const COMMANDS_PER_SCRIPT: usize = 100;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().and_then(|count| count.parse().ok());
    let (Some(count), None) = (count, arguments.next()) else {
        eprintln!("one argument is wanted: how many commands, as in `state_hash 20000`");
        return ExitCode::FAILURE;
    };
    println!("{}", pinned_part(count));
    println!("{}", wide::part(count.div_ceil(COMMANDS_PER_SCRIPT)));
    ExitCode::SUCCESS
}

/// The pinned script with so many commands of the mix.
fn pinned_part(count: usize) -> String {
    let mut recorder = pinned::opened();
    let mut mix = pinned::Mix::new(false);
    mix.fill_books(&mut recorder);
    let mut commands = pinned::Hash::default();
    commands.add_all(&recorder.take());
    // In parts, so that a long script does not fill the memory.
    let mut left = count;
    while left > 0 {
        let part = left.min(pinned::COMMANDS_PER_EPOCH);
        mix.run(&mut recorder, part);
        commands.add_all(&recorder.take());
        left -= part;
    }
    let records = recorder.state.record_hash();
    assert_eq!(records, recorder.state.record_hash_from_scratch(), "the tree of hashes is whole");
    recorder.state.ledger().check().expect("conservation: the ledger adds up");
    format!(
        "pinned: {} commands on {} instruments and {} accounts: {}; commands {} events {} records {}",
        recorder.state.sequence(),
        pinned::INSTRUMENTS,
        pinned::ACCOUNTS,
        mix.counts,
        commands.text(),
        recorder.answers(),
        hexadecimal(&records),
    )
}

/// The first 16 bytes.
fn hexadecimal(hash: &[u8; 32]) -> String {
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
