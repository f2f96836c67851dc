//! A simulation from beginning to end.

use std::collections::BTreeSet;
use std::time::Instant;

use engine::record_tree::Hash;
use engine::{Command, Event, Limits};
use instruments::Timestamp;
use ledger::AccountId;
use node::ManualClock;

use crate::SimulationError;
use crate::draws::Draws;
use crate::drive::{self, Answered, Nowhere, Running, left};
use crate::faults::Faulty;
use crate::habits::Habits;
use crate::invariants::{Broken, ExtraCheck};
use crate::liquidation::MakeBot;
use crate::market::history;
use crate::options::{Options, STEP_MS};
use crate::report::Report;
use crate::shrink::shrink;
use crate::twin::Twin;
use crate::venue;
use crate::world::{Messages, World};

/// The fewest accounts that make a market.
const ACCOUNTS_MIN: u32 = 8;
const ACCOUNTS_MAX: u32 = 1_000_000;
const HOURS_MAX: u32 = 24 * 366;
/// Commands of a step at most: they wait in the node's queue at once.
const PER_STEP_MAX: u64 = 16_384;
/// Messages of clients in a step at least, so that somebody trades with somebody.
const CLIENTS_MIN: usize = 3;
/// Messages that are handed in at once while the venue is founded.
const FOUNDING_BATCH: usize = 1_000;
/// Commands from one checkpoint of the journal to the next.
const CHECKPOINT_EVERY: u64 = 1 << 18;
/// What draws are for.
const PURPOSE: u64 = 101;

/// What is told while a simulation runs.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// The number of a step that is done, of [`Options::steps`].
    Step(u64),
    /// An invariant does not hold. From here on the commands are made few, which may take longer than
    /// all that came before.
    Broken {
        /// The command after which it was found.
        sequence: u64,
        /// What is broken.
        broken: &'a Broken,
    },
}

/// Runs a simulation, and tells how it goes. `extra` is a check of the caller's own.
///
/// The same options give the same commands, answers and record hash on every machine.
///
/// # Errors
/// [`SimulationError::Broken`] with a short script where an invariant does not hold; what is wrong
/// with options, files, journal or node.
pub fn simulate(
    options: &Options,
    tell: &mut dyn FnMut(Told<'_>),
    extra: Option<&mut ExtraCheck>,
) -> Result<Report, SimulationError> {
    run(Simulation::new(options, tell, extra, None)?, options)
}

/// The same with one more liquidator, which has as much as each of the others.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_with_bot(
    options: &Options,
    tell: &mut dyn FnMut(Told<'_>),
    make: &mut MakeBot,
) -> Result<Report, SimulationError> {
    run(Simulation::new(options, tell, None, Some(make))?, options)
}

fn run(mut simulation: Simulation<'_>, options: &Options) -> Result<Report, SimulationError> {
    simulation.found()?;
    for (step, now) in (1..).zip(options.times()) {
        simulation.step(options, now)?;
        (simulation.tell)(Told::Step(step));
    }
    simulation.finish(options)
}

/// Checks that options are within limits.
///
/// # Errors
/// Which one is not.
pub fn check(options: &Options) -> Result<(), SimulationError> {
    let refuse = |problem: &str| Err(SimulationError::Usage(problem.to_owned()));
    if !(ACCOUNTS_MIN..=ACCOUNTS_MAX).contains(&options.accounts) {
        return refuse("there must be 8 to 1,000,000 accounts");
    }
    if !(1..=HOURS_MAX).contains(&options.hours) {
        return refuse("it must last 1 hour to 8,784 hours");
    }
    if options.per_step() > PER_STEP_MAX {
        return refuse("there may be 16,384 commands every ten seconds at most: ask for fewer");
    }
    history::check_coins(options.coins)?;
    if options.fine.is_some_and(|fine| !(100..=STEP_MS).contains(&fine.step_ms)) {
        return refuse("finer steps may be of 100 to 10,000 milliseconds");
    }
    if options.faults && options.journal.is_some() {
        return refuse("faults happen to a journal in memory: leave out the folder, or the faults");
    }
    Ok(())
}

/// The venue: a node, as it is or on storage that fails.
enum Venue {
    Plain(Box<Running>),
    Faulty(Box<Faulty>),
}

struct Simulation<'x> {
    world: World,
    venue: Venue,
    clock: ManualClock,
    twin: Twin,
    limits: Limits,
    report: Report,
    tell: &'x mut dyn FnMut(Told<'_>),
    extra: Option<&'x mut ExtraCheck>,
    /// Jumps of the clock, and troubles of sources and network.
    draws: Draws,
    /// Requests that were executed; kept where messages come twice.
    executed: Option<BTreeSet<(AccountId, u64)>>,
    now: Timestamp,
}

impl<'x> Simulation<'x> {
    fn new(
        options: &Options,
        tell: &'x mut dyn FnMut(Told<'_>),
        extra: Option<&'x mut ExtraCheck>,
        guest: Option<&mut MakeBot>,
    ) -> Result<Self, SimulationError> {
        check(options)?;
        let now = options.start();
        let limits = venue::limits(options.accounts);
        let clock = drive::clock(now);
        let real = options.real.as_ref();
        let real =
            real.map(|real| history::read(real, options.coins, options.hours)).transpose()?;
        let world = World::new(options, Habits::simulated(options), now, real, guest);
        let venue = if options.faults {
            Venue::Faulty(Box::new(Faulty::new(options.seed, clock.clone(), limits)?))
        } else {
            let running = match &options.journal {
                Some(folder) => {
                    let log = drive::begin_journal(folder)?;
                    Running::open(log, clock.clone(), limits, CHECKPOINT_EVERY)?
                }
                None => Running::open(Nowhere::default(), clock.clone(), limits, CHECKPOINT_EVERY)?,
            };
            Venue::Plain(Box::new(running))
        };
        Ok(Self {
            world,
            venue,
            clock,
            twin: Twin::new(limits, options.cadence)?,
            limits,
            report: Report { from: Some(now), ..Report::default() },
            tell,
            extra,
            draws: Draws::of(options.seed, PURPOSE),
            executed: options.faults.then(BTreeSet::new),
            now,
        })
    }

    fn found(&mut self) -> Result<(), SimulationError> {
        let mut messages = self.world.founding(self.now);
        while !messages.all.is_empty() {
            let rest = messages.all.split_off(messages.all.len().min(FOUNDING_BATCH));
            self.exchange(messages)?;
            messages = Messages { offer: None, all: rest };
        }
        Ok(())
    }

    fn step(&mut self, options: &Options, now: Timestamp) -> Result<(), SimulationError> {
        let elapsed = now.since(self.now).unsigned_abs();
        self.now = now;
        self.clock.set(now);
        if let Venue::Faulty(faulty) = &mut self.venue {
            faulty.before_step();
            if self.draws.permille(10) {
                let jump = self.draws.within(-120_000, 90_000);
                self.clock.set(Timestamp::from_milliseconds(now.milliseconds() + jump));
                self.report.faults.clock_jumps += 1;
            }
            if self.draws.permille(15) {
                self.world.oracle.disturb(now, &mut self.draws);
            }
        }
        let checked = &self.twin.checked;
        // What operators send counts too: reports, a tick, and the like.
        let clients = options.per_step().saturating_sub(7) * elapsed / STEP_MS.unsigned_abs();
        let clients = usize::try_from(clients).unwrap_or(0).max(CLIENTS_MIN);
        let follower = checked.invariants.follower();
        let mut messages = self.world.step(&checked.state, follower, now, clients);
        if options.faults {
            let (doubled, swapped) = self.world.disturb_network(&mut messages);
            self.report.faults.doubled += doubled;
            self.report.faults.reordered += swapped;
        }
        self.exchange(messages)
    }

    /// Sends messages until the venue has answered all, through all crashes.
    fn exchange(&mut self, mut messages: Messages) -> Result<(), SimulationError> {
        if let Some(offer) = &messages.offer {
            self.twin.checked.state.offer_epoch(offer.clone());
        }
        loop {
            let (answered, lives) = match &self.venue {
                Venue::Plain(running) => {
                    let answered = running.deliver(&messages);
                    let lives = answered.len() == messages.all.len();
                    (answered, lives)
                }
                Venue::Faulty(faulty) => faulty.deliver(&messages),
            };
            self.take(&answered)?;
            if lives {
                return Ok(());
            }
            let Venue::Faulty(faulty) = &mut self.venue else {
                return Err(self.ended(&messages, answered.len()));
            };
            let found = faulty.recover(self.twin.checked.state.sequence())?;
            self.take(&found)?;
            self.compare()?;
            self.report.faults.unanswered += found.len() as u64;
            let lost = messages.all.len().saturating_sub(answered.len() + found.len());
            self.report.faults.lost += lost as u64;
            messages = left(messages, answered.len(), found.len());
        }
    }

    /// Lets the twin take what the node has released.
    fn take(&mut self, answered: &[Answered]) -> Result<(), SimulationError> {
        for (command, events) in answered {
            self.executed_once(command, events)?;
            let extra: Option<&mut ExtraCheck> = match &mut self.extra {
                Some(extra) => Some(&mut **extra),
                None => None,
            };
            if let Err(broken) = self.twin.take(command, events, extra) {
                return Err(self.broken(command.sequence, broken));
            }
            self.world.follow(command, events);
            let prices = self.world.prices();
            self.report.note(command, events, &self.world.listings, &prices);
        }
        Ok(())
    }

    /// No request is executed twice.
    fn executed_once(
        &mut self,
        command: &Command,
        events: &[Event],
    ) -> Result<(), SimulationError> {
        let Some(executed) = &mut self.executed else { return Ok(()) };
        let Some(request) = command.action.request() else { return Ok(()) };
        let is_refused = events.iter().any(|event| match event {
            Event::Repeated { .. } => true,
            Event::Rejected(rejected) => rejected.order.is_none(),
            _ => false,
        });
        *self.report.checks.entry("answered once").or_default() += 1;
        if is_refused || executed.insert(request) {
            return Ok(());
        }
        let (account, request) = request;
        let again = format!("request {request} of {account} was executed twice");
        let sequence = command.sequence;
        Err(SimulationError::Differs(format!("after command {sequence}, {again}")))
    }

    /// The recovered node is where its twin is, which never stopped.
    fn compare(&mut self) -> Result<(), SimulationError> {
        let Venue::Faulty(faulty) = &self.venue else { return Ok(()) };
        let (hash, twin) = (faulty.hash()?, self.twin.checked.state.record_hash());
        *self.report.checks.entry("recovery").or_default() += 1;
        if hash == twin {
            return Ok(());
        }
        let sequence = self.twin.checked.state.sequence();
        Err(SimulationError::Differs(format!(
            "after the crash at command {sequence} the node's record hash is not its twin's"
        )))
    }

    /// An invariant is broken: the script is made short.
    fn broken(&mut self, sequence: u64, broken: Broken) -> SimulationError {
        (self.tell)(Told::Broken { sequence, broken: &broken });
        let touched = self.twin.checked.events.clone();
        let extra: Option<&mut ExtraCheck> = match &mut self.extra {
            Some(extra) => Some(&mut **extra),
            None => None,
        };
        let shrunk = shrink(&self.twin.script, broken, &touched, self.limits, extra);
        SimulationError::Broken { sequence, shrunk: Box::new(shrunk) }
    }

    /// The node ended though nothing was to go wrong: the twin is given what the node did not answer,
    /// to see whether the engine stops there.
    fn ended(&mut self, messages: &Messages, answered: usize) -> SimulationError {
        for (_, action) in &messages.all[answered..] {
            let state = &self.twin.checked.state;
            let (sequence, time) = (state.sequence() + 1, self.now.max(state.time()));
            let command = Command { sequence, time, action: action.clone() };
            self.twin.script.push(&command);
            if let Err(broken) = self.twin.checked.step(&command, None) {
                return self.broken(sequence, broken);
            }
        }
        let why = match &self.venue {
            Venue::Plain(running) => running.why(),
            Venue::Faulty(_) => None,
        };
        let why = why.unwrap_or_else(|| "it did not say why".to_owned());
        SimulationError::Differs(format!("the node ended: {why}"))
    }

    fn finish(mut self, options: &Options) -> Result<Report, SimulationError> {
        let sequence = self.twin.checked.state.sequence();
        let checked = &mut self.twin.checked;
        if let Err(broken) = checked.invariants.everything(&mut checked.state) {
            return Err(self.broken(sequence, broken));
        }
        let hash = self.twin.checked.state.record_hash();
        let Self { venue, twin, mut report, world, now, .. } = self;
        let closed = match venue {
            Venue::Plain(running) => running.node.close()?.record_hash(),
            Venue::Faulty(faulty) => {
                merge(&mut report.faults, faulty.counts);
                let [closed, replayed] = faulty.close()?;
                same(hash, replayed, "the replay of the journal")?;
                closed
            }
        };
        same(hash, closed, "the node that was closed")?;
        if let Some(folder) = &options.journal {
            let started = Instant::now();
            let (replayed, commands) = drive::replay_journal(folder)?;
            same(hash, replayed.unwrap_or_default(), "the replay of the journal")?;
            report.replayed = Some((commands, started.elapsed()));
        }
        *report.checks.entry("replay").or_default() += report.commands;
        for (invariant, count) in twin.checked.invariants.counts() {
            *report.checks.entry(invariant).or_default() += count;
        }
        report.accounts -= world.bots() as u64;
        report.faults.bad_sources = world.oracle.troubles_count;
        report.margin_use = *twin.checked.invariants.margin_use();
        (report.until, report.state_hash) = (Some(now), hash);
        Ok(report)
    }
}

/// Adds what the storage counted to what was counted here.
fn merge(into: &mut crate::report::FaultCounts, counts: crate::report::FaultCounts) {
    *into = crate::report::FaultCounts {
        unanswered: into.unanswered,
        lost: into.lost,
        doubled: into.doubled,
        reordered: into.reordered,
        clock_jumps: into.clock_jumps,
        bad_sources: into.bad_sources,
        ..counts
    };
}

fn same(twin: Hash, other: Hash, whose: &str) -> Result<(), SimulationError> {
    if twin == other {
        return Ok(());
    }
    let hexadecimal =
        |hash: Hash| -> String { hash.iter().map(|byte| format!("{byte:02x}")).collect() };
    let [twin, other] = [twin, other].map(hexadecimal);
    Err(SimulationError::Differs(format!("the record hash is {twin}, that of {whose} {other}")))
}
