//! A state that was written and read again goes on as the one that was never stopped.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::{Event, State, apply};

use crate::agreement::Pair;
use crate::cases;
use crate::script::{Random, Script};

fn bytes_of(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.write_snapshot(&mut bytes).unwrap();
    bytes
}

/// A state read from bytes.
fn read(bytes: &[u8]) -> Result<State, String> {
    State::read_snapshot(&mut &bytes[..]).map_err(|error| error.to_string())
}

/// The state, written and read; says what is not the same.
fn again(state: &mut State) -> Result<State, String> {
    let bytes = bytes_of(state);
    let mut read = read(&bytes)?;
    if bytes_of(&read) != bytes {
        return Err("what was read is written otherwise".into());
    }
    if read.record_hash() != state.record_hash() {
        return Err("what was read has another record hash".into());
    }
    if format!("{:?}", read.market()) != format!("{:?}", state.market()) {
        return Err(format!("the live market is {:?}, was {:?}", read.market(), state.market()));
    }
    read.audit()?;
    Ok(read)
}

/// Plays a script on which the engine is put aside and read again now and then, while the one that
/// never stopped and the naive one go on beside it.
fn play(seed: u64) -> Result<usize, String> {
    let (mut pair, mut script) = (Pair::new(), Script::new(seed));
    let mut random = Random::new(seed);
    let mut twin = pair.state.clone();
    let mut stops = 0;
    while let Some(command) = script.next(&pair.model.view()) {
        if random.below(8) == 0 {
            pair.state = again(&mut pair.state)?;
            stops += 1;
        }
        pair.step(&command)?;
        let mut events: Vec<Event> = Vec::new();
        apply(&mut twin, &command, &mut events);
        if twin.record_hash() != pair.state.record_hash() {
            return Err(format!("after {command:?} records differ from those of the twin"));
        }
    }
    match bytes_of(&twin) == bytes_of(&pair.state) {
        true => Ok(stops),
        false => Err("the twin is written otherwise".into()),
    }
}

#[test]
fn what_was_read_goes_on_as_if_never_stopped() {
    let mut stops = 0;
    for seed in 0..cases(200) {
        stops += play(seed).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    }
    assert!(stops > 1_000, "only {stops} stops");
}

/// Damage is an error or a state, never a panic. (Whoever keeps snapshots has checksums, too.)
#[test]
fn damage_is_named() {
    let mut named = 0;
    for seed in 0..cases(5) {
        let (mut pair, mut script) = (Pair::new(), Script::new(seed));
        while let Some(command) = script.next(&pair.model.view()) {
            pair.step(&command).unwrap();
        }
        let bytes = bytes_of(&pair.state);
        let mut random = Random::new(seed);
        for _ in 0..600 {
            let mut damaged = bytes.clone();
            let place = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => damaged.truncate(place),
                1 => damaged.insert(place, random.below(256) as u8),
                2 => damaged[place] ^= 1 << random.below(8),
                _ => damaged[place] = random.below(256) as u8,
            }
            let result = catch_unwind(AssertUnwindSafe(|| read(&damaged).is_err()));
            let is_named = result.unwrap_or_else(|_| panic!("seed {seed}: a panic at {place}"));
            named += u32::from(is_named);
        }
        assert!(read(&[&bytes[..], &[0]].concat()).is_err_and(|error| error.contains("follow")));
        assert!(read(b"PLIMLED1").is_err_and(|error| error.contains("no state")));
    }
    assert!(named > 500, "only {named} were named");
}
