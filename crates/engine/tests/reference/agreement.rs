//! The engine agrees with the naive one on every event, balance and position.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::command::Action;
use engine::{Command, Event, Limits, State};

use crate::cases;
use crate::coverage::Coverage;
use crate::invariants::{self, Before};
use crate::model::Model;
use crate::script::Script;
use crate::shrink;

/// Scripts played in a usual run.
const SCRIPTS: u64 = 2_500;

/// So little room that scripts reach the limits.
pub const LIMITS: Limits = Limits {
    accounts_max: 8,
    assets_max: 5,
    transfers_max: 20,
    instruments_max: 13,
    orders_max: 12,
    vectors_max: 3,
};

/// Both engines side by side.
pub struct Pair {
    pub model: Model,
    pub state: State,
    pub coverage: Coverage,
}

impl Pair {
    pub fn new() -> Self {
        let state = State::new(LIMITS).unwrap();
        Self { model: Model::new(LIMITS), state, coverage: Coverage::default() }
    }

    /// Applies a command to both; says what differs or does not hold.
    pub fn step(&mut self, command: &Command) -> Result<(), String> {
        let before = Before::of(&mut self.state, &self.model, command);
        let mut events = Vec::new();
        let applied = catch_unwind(AssertUnwindSafe(|| {
            engine::apply(&mut self.state, command, &mut events);
        }));
        if applied.is_err() {
            return Err(format!("the engine panics after {events:#?}"));
        }
        let expected = catch_unwind(AssertUnwindSafe(|| self.model.apply(command)));
        let Ok(expected) = expected else {
            return Err(format!("the reference panics; the engine says {events:#?}"));
        };
        compare(&events, &expected)?;
        invariants::check(&mut self.state, &self.model, &before, command, &events)?;
        self.coverage.count(command, &events, &self.model);
        Ok(())
    }
}

fn compare(events: &[Event], expected: &[Event]) -> Result<(), String> {
    let count = events.len().max(expected.len());
    let Some(first) = (0..count).find(|place| events.get(*place) != expected.get(*place)) else {
        return Ok(());
    };
    let (engine, reference) = (events.get(first), expected.get(first));
    let before = events[..first].iter().rev().take(3).rev().collect::<Vec<_>>();
    Err(format!("event {first}: engine {engine:#?}\nreference {reference:#?}\nafter {before:?}"))
}

/// Plays one script to its end, or to what goes wrong, each command as it is after a change.
fn play(seed: u64, change: fn(u64, &mut Command)) -> Result<Coverage, String> {
    let (mut pair, mut script, mut commands) = (Pair::new(), Script::new(seed), Vec::new());
    while let Some(mut command) = script.next(&pair.model.view()) {
        change(seed, &mut command);
        let outcome = pair.step(&command);
        commands.push(command);
        if let Err(problem) = outcome {
            let index = commands.len() - 1;
            if std::env::var("PLIMSOLL_SURVEY").is_ok() {
                return Err(format!(
                    "seed {seed}, command {index}: {:?}\n{problem}",
                    commands[index]
                ));
            }
            let shrunk = shrink::shrink(&commands);
            return Err(format!(
                "seed {seed}, command {index}: {:?}\n{problem}\nshrunk to {} commands, where {}\n{}",
                commands[index],
                shrunk.commands.len(),
                shrunk.problem,
                shrunk.lines(),
            ));
        }
    }
    Ok(pair.coverage)
}

/// The script as it is.
fn nothing(_: u64, _: &mut Command) {}

/// Lets little of each asset count as collateral, so that accounts hold about as much.
fn cap_collateral(seed: u64, command: &mut Command) {
    let Action::SetMethodology(methodology) = &mut command.action else { return };
    let most = ["3.0e3", "2.0e4", "1.0e5", "4.0e5"][(seed % 4) as usize];
    let capped = |line: &str| match line.starts_with("collateral_max_usd = ") {
        true => format!("collateral_max_usd = {most}\n"),
        false => format!("{line}\n"),
    };
    methodology.text = methodology.text.lines().map(capped).collect();
}

/// Plays scripts in as many threads as there are processors.
fn play_all(
    seeds: std::ops::Range<u64>,
    change: fn(u64, &mut Command),
) -> Result<Coverage, String> {
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let work = || {
        let mut coverage = Coverage::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.load(Ordering::Relaxed) {
                return Ok(coverage);
            }
            match play(seed, change) {
                Ok(of_script) => coverage.add(&of_script),
                Err(problem) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(problem);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Coverage::default();
        for worker in workers {
            all.add(&worker.join().expect("a worker gives its problem as an error")?);
        }
        Ok(all)
    })
}

#[test]
fn agrees_with_the_reference() {
    let first = std::env::var("PLIMSOLL_SEED").ok().and_then(|seed| seed.parse().ok());
    let count = if first.is_some() { 1 } else { cases(SCRIPTS) };
    let first = first.unwrap_or(0);
    match play_all(first..first + count, nothing) {
        Ok(coverage) if count >= SCRIPTS => coverage.assert_complete(),
        Ok(_) => {}
        Err(problem) => panic!("{problem}"),
    }
}

/// Balances, what is held and what is ordered come near to what counts of a collateral, and beyond it.
#[test]
fn agrees_where_little_collateral_counts() {
    if let Err(problem) = play_all(0..cases(SCRIPTS / 5), cap_collateral) {
        panic!("{problem}");
    }
}

/// Scripts that once found the credit of an account above what it had to spare.
#[test]
fn credit_is_never_more_than_there_is() {
    for seed in [143, 255, 2_177, 36_725, 3_076, 18_647] {
        if let Err(problem) = play(seed, nothing) {
            panic!("{problem}");
        }
    }
}

/// Plays the scripts of `PLIMSOLL_SURVEY`, as `0-500`, to the end of each whatever goes wrong, and
/// prints what did and what was reached.
#[test]
fn survey() {
    let Ok(range) = std::env::var("PLIMSOLL_SURVEY") else { return };
    let (from, to) = range.split_once('-').unwrap();
    let (mut fine, mut all) = (0, Coverage::default());
    for seed in from.parse().unwrap()..to.parse().unwrap() {
        match play(seed, nothing) {
            Ok(coverage) => {
                all.add(&coverage);
                fine += 1;
            }
            Err(problem) => println!("=== {problem:.3000}"),
        }
    }
    println!("fine: {fine}");
    println!("{}", all.lines());
}
