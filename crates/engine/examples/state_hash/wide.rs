//! The wide part: random scripts over a small venue, as the engine's tests have them.

use std::collections::{BTreeMap, BTreeSet};

use book::{OrderId, Phase, Side};
use engine::command::Action;
use engine::record_tree::Hash as RecordHash;
use engine::{Command, Event, InstrumentId, Limits, State, apply};
use ledger::AccountId;

use crate::hexadecimal;
use crate::pinned::Hash;
use crate::reference::script::{InstrumentView, OrderView, Script, View};

/// So little room that scripts reach the limits.
const ACCOUNTS_MAX: u32 = 8;
const TRANSFERS_MAX: u32 = 40;
const ORDERS_MAX: u32 = 30;

/// Plays so many scripts, each on a venue of its own.
pub fn part(scripts: usize) -> String {
    let (mut commands, mut events) = (Hash::default(), Hash::default());
    let (mut count, mut refused) = (0_u64, 0_u64);
    let mut records: RecordHash = [0; 32];
    for seed in 0..scripts as u64 {
        let mut stage = Stage::new();
        let mut script = Script::new(seed);
        while let Some(command) = script.next(&stage.view()) {
            let answers = stage.apply(&command);
            count += 1;
            refused += u64::from(answers.iter().any(|event| matches!(event, Event::Rejected(_))));
            commands.add_all(std::slice::from_ref(&command));
            events.add_all(&answers);
        }
        let last = stage.state.record_hash();
        assert_eq!(last, stage.state.record_hash_from_scratch(), "the tree of hashes is whole");
        // One hash for all venues: each is mixed into the one before.
        let mut mixed = [0; 64];
        mixed[..32].copy_from_slice(&records);
        mixed[32..].copy_from_slice(&last);
        records = blake3::hash(&mixed).into();
    }
    format!(
        "wide: {count} commands of {scripts} scripts, {refused} refused; commands {} events {} \
         records {}",
        commands.text(),
        events.text(),
        hexadecimal(&records),
    )
}

/// A venue, and what its events told of it.
struct Stage {
    state: State,
    /// Ticks of the listed instruments in units.
    ticks: Vec<i64>,
    /// Orders that wait: instrument, side and lots.
    waiting: BTreeMap<OrderId, (InstrumentId, Side, i64)>,
    /// Hash of the arrays of the open epoch.
    arrays_hash: Option<String>,
    /// Accounts whose quotes were frozen.
    frozen: BTreeSet<u32>,
}

impl Stage {
    fn new() -> Self {
        let limits = Limits {
            accounts_max: ACCOUNTS_MAX,
            transfers_max: TRANSFERS_MAX,
            orders_max: ORDERS_MAX,
            ..Limits::default()
        };
        let state = State::new(limits).expect("a small ledger can be made");
        Self {
            state,
            ticks: Vec::new(),
            waiting: BTreeMap::new(),
            arrays_hash: None,
            frozen: BTreeSet::new(),
        }
    }

    fn apply(&mut self, command: &Command) -> Vec<Event> {
        let mut events = Vec::new();
        apply(&mut self.state, command, &mut events);
        for event in &events {
            match (event, &command.action) {
                (Event::Listed { .. }, Action::ListInstrument(list)) => {
                    self.ticks.push(list.terms.tick.units());
                }
                (Event::OrderAccepted { order, instrument, side, lots, waits: true, .. }, _) => {
                    self.waiting.insert(*order, (*instrument, *side, *lots));
                }
                (Event::EpochOpened { arrays_hash, .. }, _) => {
                    self.arrays_hash = Some(arrays_hash.clone());
                }
                (Event::QuotesFrozen { account, .. }, _) => {
                    self.frozen.insert(account.number());
                }
                (Event::ProtectionSet { account, .. }, _) => {
                    self.frozen.remove(&account.number());
                }
                _ => {}
            }
        }
        events
    }

    /// What the next command may name.
    #[allow(clippy::needless_update, reason = "scripts may come to look at more")]
    fn view(&self) -> View {
        let state = &self.state;
        let book = |id| state.book(id).expect("the instrument is listed");
        let instruments = (0..state.instruments()).map(InstrumentId).map(|id| {
            let instrument = state.instrument(id).expect("it is listed");
            InstrumentView {
                instrument,
                tick: self.ticks[id.0 as usize],
                mark: state.mark(id),
                expired: state.instrument_id(&instrument) != Some(id),
                in_call: book(id).phase() == Phase::Call,
            }
        });
        let accounts = (0..state.accounts()).map(AccountId::new);
        let position = |account: AccountId| {
            let held = state.account(account).expect("it is open").positions;
            held.into_iter().filter_map(move |(instrument, position)| {
                let id = state.instrument_id(&instrument)?;
                Some((account.number(), id.0, position.quantity.lots()))
            })
        };
        let price = |name: &str| {
            let asset = name.parse().expect("a ticker");
            state.market().assets.get(&asset).map(|asset| asset.price)
        };
        View {
            sequence: state.sequence(),
            time: state.time().milliseconds(),
            accounts: state.accounts(),
            instruments: instruments.collect(),
            orders: accounts.clone().flat_map(|account| self.orders_of(account)).collect(),
            positions: accounts.flat_map(position).collect(),
            prices: ["USDC", "BTC", "ETH"].map(price),
            arrays_hash: self.arrays_hash.clone(),
            frozen: self.frozen.iter().copied().collect(),
            ..View::default()
        }
    }

    fn orders_of(&self, account: AccountId) -> Vec<OrderView> {
        let resting = |id: OrderId| {
            let found = (0..self.state.instruments()).find_map(|place| {
                let order = self.state.book(InstrumentId(place))?.order(id)?;
                Some((place, order))
            });
            let (place, order) = found?;
            Some(OrderView {
                id: id.0,
                account: account.number(),
                instrument: place,
                price: order.price.0 * self.ticks[place as usize],
                open: order.displayed.0 + order.hidden.0,
                buys: order.side == Side::Buy,
                waits: false,
            })
        };
        let waiting = |id: OrderId| {
            let (instrument, side, open) = *self.waiting.get(&id)?;
            let (account, buys) = (account.number(), side == Side::Buy);
            Some(OrderView {
                id: id.0,
                account,
                instrument: instrument.0,
                price: 0,
                open,
                buys,
                waits: true,
            })
        };
        let all = self.state.orders_of(account).into_iter();
        all.filter_map(|id| resting(id).or_else(|| waiting(id))).collect()
    }
}
