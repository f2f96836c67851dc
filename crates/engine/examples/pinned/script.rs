//! The pinned script: a venue, its accounts and a mix of commands, the same bits everywhere.
//!
//! Every draw is SplitMix64's, every number an integer. The script names orders that the engine
//! numbered and prices at which they rest, so making it takes an engine, and what the engine
//! answered is checked against when it is run again.
//!
//! | | |
//! |---|---|
//! | instruments | 100 on BTC, ETH, XRP and BNB: for each a linear perpetual, two futures (inverse for BTC and ETH, else linear) and 22 linear options of three expiries |
//! | assets | US dollars, USDC and the four coins; each index has three sources |
//! | accounts | 10,000 of portfolio margin; pairs trade 20 instruments with each other before anything is timed |
//! | mix | 40 % new limit orders near the best price, 30 % cancellations, 20 % amendments (half of the price, half of the size), 8 % marketable orders, 2 % price reports |
//! | who | account ⌊10,000·u³⌋: market makers trade most |
//! | epochs | one of 1,311 scenarios before every 5,000 commands, with the hash of its arrays |
//! | time | one millisecond for five commands |

mod draws;
mod mirror;
mod mix;
mod people;
mod venue;

use instruments::Timestamp;
use plimsoll_engine::command::Action;
use plimsoll_engine::{Command, Event, Limits, PreparedEpoch, State, apply, codec};

use draws::Draws;
pub use mix::Mix;
#[allow(unused_imports, reason = "whoever runs the script takes some of these")]
pub use {
    people::{ACCOUNTS, limit},
    venue::{INSTRUMENTS, Listed, listed, reports},
};

/// Commands of the mix for one risk epoch.
pub const COMMANDS_PER_EPOCH: usize = 5_000;
/// Commands within one millisecond.
const COMMANDS_PER_MILLISECOND: u64 = 5;
/// The first command's time: 2 February 2026, 12:00 UTC.
const START: Timestamp = Timestamp::from_milliseconds(1_770_033_600_000);

/// An engine under way, with the commands that it was given.
pub struct Recorder {
    /// The engine.
    pub state: State,
    /// What it was given since [`Recorder::take`].
    commands: Vec<Command>,
    events: Vec<Event>,
    /// Hash of all events so far.
    answers: Hash,
}

impl Recorder {
    fn new() -> Self {
        let limits = Limits { accounts_max: ACCOUNTS + 100, ..Limits::default() };
        let state = State::new(limits).expect("a ledger of this size can be made");
        Self { state, commands: Vec::new(), events: Vec::new(), answers: Hash::default() }
    }

    /// Applies what is asked, a little later than what was asked before; gives what happened.
    pub fn act(&mut self, action: Action) -> &[Event] {
        let sequence = self.state.sequence() + 1;
        let since = i64::try_from(sequence / COMMANDS_PER_MILLISECOND).expect("scripts are short");
        let time = Timestamp::from_milliseconds(START.milliseconds() + since);
        self.apply(Command { sequence, time: time.max(self.state.time()), action })
    }

    fn apply(&mut self, command: Command) -> &[Event] {
        self.events.clear();
        apply(&mut self.state, &command, &mut self.events);
        self.answers.add_all(&self.events);
        self.commands.push(command);
        &self.events
    }

    /// As [`Recorder::act`], for what must not be refused.
    fn must(&mut self, action: Action) {
        let events = self.act(action);
        let refused = events.iter().find(|event| matches!(event, Event::Rejected(_)));
        assert!(refused.is_none(), "the script's opening is refused: {refused:?}");
    }

    /// The commands since this was last asked.
    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Hash of all events so far.
    pub fn answers(&self) -> String {
        self.answers.text()
    }
}

/// A venue that is open for trading: assets, instruments, accounts, positions, a first epoch.
pub fn opened() -> Recorder {
    let mut recorder = Recorder::new();
    for action in venue::opening() {
        recorder.must(action);
    }
    people::open(&mut recorder);
    recorder
}

/// Epochs that workers would have prepared, by the place of their command since
/// [`Recorder::take`].
pub type Prepared = Vec<(usize, PreparedEpoch)>;

/// A hash of encodings, one after another.
#[derive(Clone, Default)]
pub struct Hash {
    hasher: blake3::Hasher,
    bytes: Vec<u8>,
}

impl Hash {
    /// Adds what follows.
    pub fn add_all<T: codec::Encoded>(&mut self, values: &[T]) {
        self.bytes.clear();
        for value in values {
            codec::encode_into(value, &mut self.bytes).expect("none of the script is long");
        }
        self.hasher.update(&self.bytes);
    }

    /// The first 16 bytes in hexadecimal.
    pub fn text(&self) -> String {
        self.hasher.finalize().to_hex()[..32].to_owned()
    }
}
