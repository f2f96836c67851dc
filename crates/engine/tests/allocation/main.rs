//! In a steady state no command allocates: neither where the bound admits nor where every order and
//! every review takes the exact computation, and no less after a new risk epoch.
//!
//! Lists that an account fills for the first time are no steady state, nor is the vector of an account
//! that never had one: so the same accounts do the same again and again.

#[path = "../../examples/pinned/script.rs"]
#[allow(dead_code, reason = "the script is an example's")]
mod pinned;

use book::Side;
use instruments::{Price, Timestamp};
use ledger::AccountId;
use pinned::{Listed, Mix, limit, listed, reports};
use plimsoll_engine::command::{Action, AmendOrder, OpenEpoch};
use plimsoll_engine::{Command, Event, InstrumentId, State, apply};

/// Instruments that are traded: a perpetual and options of two expiries.
const TRADED: [u32; 3] = [0, 4, 12];
/// Pairs of accounts that trade with each other.
const PAIRS: u32 = 6;
/// Rounds after which every list is as long as it gets, and each kept vector has been that of accounts of
/// all kinds.
const WARM: usize = 400;
const MEASURED: usize = 40;

/// A venue whose accounts do the same in each round.
struct Stage {
    state: State,
    instruments: Vec<Listed>,
    events: Vec<Event>,
    reports: Vec<Action>,
    orders: u64,
    trades: u64,
}

impl Stage {
    fn act(&mut self, action: Action) {
        let sequence = self.state.sequence() + 1;
        let time = Timestamp::from_milliseconds(self.state.time().milliseconds() + 1);
        self.events.clear();
        apply(&mut self.state, &Command { sequence, time, action }, &mut self.events);
        let refused = self.events.iter().find(|event| matches!(event, Event::Rejected(_)));
        assert!(refused.is_none(), "{refused:?}");
        self.orders += u64::from(matches!(self.events.first(), Some(Event::OrderAccepted { .. })));
        let trades = self.events.iter().filter(|event| matches!(event, Event::Trade(_)));
        self.trades += trades.count() as u64;
    }

    /// Every price once, and every pair: orders that rest, move, shrink and go, and trades back and
    /// forth.
    fn round(&mut self) {
        for place in 0..self.reports.len() {
            let Action::ReportPrice(mut report) = self.reports[place].clone() else { continue };
            report.observed = self.state.time();
            self.act(Action::ReportPrice(report));
        }
        for pair in 0..PAIRS {
            for id in TRADED.map(InstrumentId) {
                let [first, second] = [2 * pair, 2 * pair + 1].map(AccountId::new);
                self.trade(id, [first, second]);
                self.trade(id, [second, first]);
            }
        }
    }

    fn trade(&mut self, id: InstrumentId, [maker, taker]: [AccountId; 2]) {
        let Listed { tick, lots, .. } = self.instruments[id.0 as usize];
        let mark = self.state.mark(id).expect("it is listed").units() / tick;
        let at = |ticks: i64| Price::from_units(ticks.max(1) * tick);
        self.act(limit(maker, id, Side::Buy, 2 * lots, at(mark - 2)));
        let Some(Event::Rested { order, .. }) =
            self.events.iter().find(|event| matches!(event, Event::Rested { .. }))
        else {
            panic!("it rests: {:?}", self.events);
        };
        let (order, account) = (*order, maker);
        let amend = |price, lots| {
            Action::AmendOrder(AmendOrder { account, order, price, lots, request: None })
        };
        self.act(amend(Some(at(mark)), None));
        self.act(amend(None, Some(3 * lots)));
        self.act(limit(taker, id, Side::Sell, lots, at(mark)));
        self.act(Action::CancelOrder { account, order, request: None });
    }

    fn open_epoch(&mut self) {
        let market = Some(self.state.epoch_market());
        let open = OpenEpoch { market, arrays_hash: None, holdings: Vec::new() };
        self.act(Action::OpenEpoch(Box::new(open)));
    }

    /// How often memory is asked for in some rounds.
    fn allocations(&mut self, rounds: usize) -> u64 {
        allocation_counter::measure(|| (0..rounds).for_each(|_| self.round())).count_total
    }
}

#[test]
fn in_a_steady_state_nothing_is_allocated() {
    let mut recorder = pinned::opened();
    let mut mix = Mix::new(false);
    // One command of the mix comes with a first risk epoch.
    mix.run(&mut recorder, 1);
    let mut stage = Stage {
        state: recorder.state.clone(),
        instruments: listed(),
        events: Vec::with_capacity(1_000),
        reports: reports(Timestamp::from_milliseconds(0)).collect(),
        orders: 0,
        trades: 0,
    };
    stage.allocations(WARM);
    assert_eq!(stage.allocations(MEASURED), 0, "where the bound admits");
    stage.state.force_exact(true);
    stage.allocations(WARM);
    assert_eq!(stage.allocations(MEASURED), 0, "where every order is exact");
    stage.open_epoch();
    stage.allocations(WARM);
    stage.open_epoch();
    assert_eq!(stage.state.epoch().map(|epoch| epoch.number), Some(4));
    assert_eq!(stage.allocations(MEASURED), 0, "after an epoch");
    assert!(stage.orders > 10_000 && stage.trades > 5_000, "{} {}", stage.orders, stage.trades);
}
