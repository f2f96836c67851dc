//! What the tests have in common: actions to submit, nodes to submit them to, and the twin that
//! never stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use engine::command::Action;
use engine::record_tree::Hash;
use engine::{Command, Event, InstrumentId, Limits, State, apply};
use instruments::Timestamp;
use journal::faulty::Memory;
use ledger::AccountId;
use node::{
    JournalLog, JournalOptions, JournalReader, LogReader, ManualClock, Node, NodeError, Options,
    Replayed, Report, replay,
};

use crate::reference::script::{InstrumentView, OrderView, Script, View};

/// So little room that scripts reach the limits.
pub const LIMITS: Limits = Limits {
    accounts_max: 8,
    assets_max: 5,
    transfers_max: 60,
    instruments_max: 13,
    orders_max: 30,
    vectors_max: 3,
};

/// Something that a client asks, and when.
pub type Asked = (Timestamp, Action);

/// What a random script of the engine's tests asks; every one that can has a request id.
pub fn script(seed: u64) -> Vec<Asked> {
    let mut state = State::new(LIMITS).unwrap();
    let (mut script, mut asked) = (Script::new(seed), Vec::new());
    let (mut ticks, mut arrays_hash) = (Vec::new(), None);
    while let Some(mut command) = script.next(&view(&state, &ticks, arrays_hash.clone())) {
        // Numbers and times that make no sense are the node's business now.
        command.sequence = state.sequence() + 1;
        command.time = command.time.max(state.time()).min(Timestamp::from_milliseconds(1 << 42));
        name(&mut command.action, 10_000 + asked.len() as u64);
        let mut events = Vec::new();
        apply(&mut state, &command, &mut events);
        for event in &events {
            match (event, &command.action) {
                (Event::Listed { .. }, Action::ListInstrument(list)) => {
                    ticks.push(list.terms.tick.units());
                }
                (Event::EpochOpened { arrays_hash: hash, .. }, _) => {
                    arrays_hash = Some(hash.clone());
                }
                _ => {}
            }
        }
        asked.push((command.time, command.action));
    }
    asked
}

/// Gives an action a request id of its own, if it takes one and has none.
fn name(action: &mut Action, id: u64) {
    let request = match action {
        Action::PlaceOrder(place) => &mut place.request,
        Action::PlaceGroup(group) => &mut group.request,
        Action::AmendOrder(amend) => &mut amend.request,
        Action::CancelOrder { request, .. } => request,
        Action::CancelOrders(cancel) => &mut cancel.request,
        Action::MassQuote(quote) => &mut quote.request,
        Action::Transfer(transfer) => &mut transfer.request,
        _ => return,
    };
    *request = request.or(Some(id));
}

/// What the next command of a script may name.
fn view(state: &State, ticks: &[i64], arrays_hash: Option<String>) -> View {
    let instruments = (0..state.instruments()).map(InstrumentId).map(|id| {
        let instrument = state.instrument(id).unwrap();
        InstrumentView {
            instrument,
            tick: ticks[id.0 as usize],
            mark: state.mark(id),
            expired: state.instrument_id(&instrument) != Some(id),
            in_call: state.book(id).unwrap().phase() == book::Phase::Call,
        }
    });
    let orders = (0..state.instruments()).map(InstrumentId).flat_map(|id| {
        let book = state.book(id).unwrap();
        let all = book::Side::BOTH.into_iter().flat_map(|side| book.orders(side));
        all.map(move |order| OrderView {
            id: order.id.0,
            account: order.account.0,
            instrument: id.0,
            price: order.price.0 * ticks[id.0 as usize],
            open: order.open().0,
            buys: order.side == book::Side::Buy,
            waits: false,
        })
    });
    let positions = (0..state.accounts()).flat_map(|account| {
        let held = state.account(AccountId::new(account)).unwrap().positions;
        held.into_iter().filter_map(move |(instrument, position)| {
            Some((account, state.instrument_id(&instrument)?.0, position.quantity.lots()))
        })
    });
    View {
        sequence: state.sequence(),
        time: state.time().milliseconds(),
        accounts: state.accounts(),
        instruments: instruments.collect(),
        orders: orders.collect(),
        positions: positions.collect(),
        prices: ["USDC", "BTC", "ETH"]
            .map(|name| state.market().assets.get(&name.parse().unwrap()).map(|at| at.price)),
        arrays_hash,
        ..View::default()
    }
}

/// What a node has released.
pub type Log = Arc<Mutex<Vec<(Command, Vec<Event>)>>>;

/// A node in memory, with a client's view of it.
pub struct World {
    pub node: Node,
    pub clock: ManualClock,
    pub released: Log,
    pub report: Report,
    /// What would have ended the process.
    pub fatal: Arc<Mutex<Option<String>>>,
}

/// Small batches, many checkpoints and snapshots.
pub fn options() -> Options {
    Options {
        limits: LIMITS,
        queue_max: 64,
        batch_max: 8,
        checkpoint_every: 16,
        snapshot_every: 40,
        ..Options::default()
    }
}

/// Opens a node in memory.
pub fn open(memory: &Memory, options: Options) -> Result<World, NodeError> {
    let journal = JournalOptions { segment_bytes: 1 << 15, epoch: 1 };
    let (log, _) = JournalLog::open(memory.clone(), journal)?;
    let clock = ManualClock::at(Timestamp::from_milliseconds(0));
    let released = Log::default();
    let kept = Arc::clone(&released);
    let fatal = Arc::new(Mutex::new(None));
    let told = Arc::clone(&fatal);
    let on_fatal = Arc::new(move |error: &NodeError| {
        told.lock().unwrap().get_or_insert(error.to_string());
    });
    let options = Options { on_fatal, ..options };
    let (node, report) = Node::open(log, clock.clone(), options, move |released| {
        let released = (released.command.clone(), released.events.to_vec());
        kept.lock().unwrap().push(released);
    })?;
    Ok(World { node, clock, released, report, fatal })
}

impl World {
    /// Hands in what is asked, one after another, until the node ends.
    pub fn ask(&self, asked: &[Asked]) {
        for (time, action) in asked {
            self.clock.set(*time);
            if self.node.send_when_free(action.clone()).is_err() {
                return;
            }
        }
    }
}

/// The state that never stopped: everything in a journal, from the first record on.
pub struct Twin {
    pub replayed: Replayed,
    pub log: Vec<(Command, Vec<Event>)>,
}

impl Twin {
    /// Replays a journal without snapshots.
    pub fn of(reader: &impl LogReader) -> Self {
        let mut log = Vec::new();
        let seen = &mut |command: &Command, events: &[Event]| {
            log.push((command.clone(), events.to_vec()));
        };
        let replayed = replay(reader, u64::MAX, false, seen).unwrap();
        Self { replayed, log }
    }

    pub fn of_memory(memory: &Memory) -> Self {
        Self::of(&JournalReader::new(memory.clone()))
    }

    /// The record hash; of nothing for an empty journal.
    pub fn hash(&mut self) -> Hash {
        match &mut self.replayed.state {
            Some(state) => state.record_hash(),
            None => State::new(LIMITS).unwrap().record_hash(),
        }
    }

    /// Everything that was released is there, as it was told.
    pub fn has_all(&self, released: &[(Command, Vec<Event>)]) {
        for (command, events) in released {
            let place = usize::try_from(command.sequence - 1).unwrap();
            let (found, happened) = self.log.get(place).expect("an acknowledged command is there");
            assert_eq!((found, happened), (command, events), "command {}", command.sequence);
        }
    }

    /// No request was executed twice.
    pub fn has_none_twice(&self) {
        let mut executed = BTreeMap::new();
        for (command, events) in &self.log {
            let Some(request) = command.action.request() else { continue };
            let is_answered = events.iter().any(|event| match event {
                Event::Repeated { .. } => true,
                Event::Rejected(rejected) => rejected.order.is_none(),
                _ => false,
            });
            if !is_answered {
                let before = executed.insert(request, command.sequence);
                assert_eq!(before, None, "{request:?} again in {}", command.sequence);
            }
        }
    }
}
