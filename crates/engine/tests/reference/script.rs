//! Random scripts: seeded sequences of commands over a small venue, made one at a time so that
//! they can name what is there.

mod cash;
mod hostile;
mod notice;
mod orders;
mod prices;
mod random;
pub mod venue;

use engine::Command;
use engine::command::Action;
use instruments::{Instrument, Price, Timestamp};

use notice::Notices;
pub use random::Random;
use venue::{FIRST_EXPIRY, at};

/// What a script must see of the venue to name what is there.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub sequence: u64,
    pub time: i64,
    pub accounts: u32,
    pub instruments: Vec<InstrumentView>,
    /// Number, account, instrument, price and open lots of each order.
    pub orders: Vec<OrderView>,
    /// Account, instrument and signed lots of each position.
    pub positions: Vec<(u32, u32, i64)>,
    /// The last price of USDC, BTC and ETH.
    pub prices: [Option<Price>; 3],
    /// Hash of the arrays of the open epoch.
    pub arrays_hash: Option<String>,
    /// Accounts whose quotes are frozen.
    pub frozen: Vec<u32>,
    /// Changes that are announced.
    pub changes: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
pub struct InstrumentView {
    pub instrument: Instrument,
    pub tick: i64,
    pub mark: Option<Price>,
    pub expired: bool,
    pub in_call: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct OrderView {
    pub id: u64,
    pub account: u32,
    pub instrument: u32,
    pub price: i64,
    pub open: i64,
    pub buys: bool,
    pub waits: bool,
}

/// Makes a command of one kind.
type Maker = fn(&mut Script, &View) -> Action;

/// A script under way.
pub struct Script {
    pub random: Random,
    opening: std::vec::IntoIter<(i64, Action)>,
    /// What was asked before, for retries.
    asked: Vec<Action>,
    now: i64,
    length: usize,
    /// How calm the market is: the largest usual move in parts per 10,000.
    swing: i64,
    /// Prices of USDC, BTC and ETH in thousandths of a dollar, as honest sources see them.
    honest: [i64; 3],
    next_transfer: u64,
    next_request: u64,
    open_deposits: Vec<(u64, u32)>,
    open_withdrawals: Vec<(u64, u32)>,
    /// Instruments that take most of the orders, so that they meet.
    hot: [u32; 2],
    /// How many sources each of USDC, BTC and ETH has.
    sources: [u16; 3],
    /// What is to be done next, whatever the dice say.
    pending: Vec<Action>,
    notices: Option<Notices>,
}

impl Script {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let before_expiry = random.pick(&[240_000, 1_500_000, 2_400_000, 7_200_000, 80_000_000]);
        let start = FIRST_EXPIRY - before_expiry + random.within(0, 59_999);
        let sources = [1, 2, 3].map(|_| random.weighted(&[(5, 1), (2, 2), (2, 3), (1, 5)]));
        let opening = venue::opening(&mut random, start, sources).into_iter();
        let hot = [0, 1].map(|_| u32::try_from(random.below(9)).unwrap());
        Self {
            opening,
            asked: Vec::new(),
            now: start,
            length: usize::try_from(random.within(60, 160)).unwrap(),
            swing: random.pick(&[2, 20, 20, 300]),
            honest: [1_000, 60_000_000, 3_000_000],
            next_transfer: 1_000,
            next_request: 1,
            open_deposits: Vec::new(),
            open_withdrawals: Vec::new(),
            hot,
            sources,
            pending: Vec::new(),
            notices: Notices::of(seed),
            random,
        }
    }

    /// The next command; `None` at the script's end.
    pub fn next(&mut self, view: &View) -> Option<Command> {
        let is_open = self.opening.len() == 0 && self.length > 0;
        if let Some(notices) = self.notices.as_mut().filter(|_| is_open)
            && let Some(action) = notices.next(view, self.now)
        {
            return Some(Command { sequence: view.sequence + 1, time: at(self.now), action });
        }
        let action = match self.opening.next() {
            Some((_, action)) => action,
            None if self.length == 0 => return None,
            None => {
                self.length -= 1;
                let mut action = match self.pending.pop() {
                    Some(action) => action,
                    None => {
                        self.pass_time(view);
                        self.action(view)
                    }
                };
                if self.random.percent(3) {
                    hostile::spoil(&mut self.random, &mut action);
                }
                action
            }
        };
        Some(self.stamped(view, action))
    }

    /// A command as a sequencer stamps it, now and then a broken one.
    fn stamped(&mut self, view: &View, action: Action) -> Command {
        if self.asked.len() < 200 {
            self.asked.push(action.clone());
        }
        let mut command = Command { sequence: view.sequence + 1, time: at(self.now), action };
        if self.random.per_mille(4) {
            command.sequence = self.random.pick(&[0, view.sequence, view.sequence + 2, u64::MAX]);
        } else if self.random.per_mille(4) {
            let earlier = at(self.now - self.random.within(1, 1_000_000));
            command.time = self.random.pick(&[earlier, at(i64::MIN), at(i64::MAX), at(-1)]);
        }
        command
    }

    fn pass_time(&mut self, view: &View) {
        let to_expiry = FIRST_EXPIRY - self.now;
        let steps = [
            (500, 0),
            (400, self.random.within(1, 3_000)),
            (80, self.random.within(1_000, 30_000)),
            (8, 601_000),
            (6, 3_700_000),
            (1, 40 * Timestamp::DAY),
        ];
        let step = self.random.weighted(&steps);
        self.now = self.now.max(view.time) + step;
        if step > 20_000 && self.random.percent(85) {
            self.wake();
        }
        // Near the expiry now and then exactly to it, or just before it.
        if (0..4_000_000).contains(&to_expiry) && self.random.percent(3) {
            self.now = self.now.max(FIRST_EXPIRY - self.random.pick(&[0, 1, 60_000]));
        }
    }

    /// After a long time: fresh prices, a tick and a new epoch.
    fn wake(&mut self) {
        self.pending.push(prices::plain_epoch());
        self.pending.push(Action::Tick {});
        for which in 0..3 {
            for source in 1..=self.sources[which] {
                let report = self.honest_report(which, source);
                self.pending.push(report);
            }
        }
    }

    fn action(&mut self, view: &View) -> Action {
        let kinds: [(u64, Maker); 31] = [
            (400, Self::place_order),
            (50, Self::close_position),
            (60, Self::amend_order),
            (40, Self::cancel_order),
            (20, Self::cancel_orders),
            (50, Self::mass_quote),
            (50, Self::place_group),
            (24, Self::protect),
            (5, Self::reset_protection),
            (6, Self::cancel_on_disconnect),
            (8, Self::disconnect),
            (150, Self::report_price),
            (60, Self::tick),
            (30, Self::open_epoch),
            (20, Self::set_surface),
            (12, Self::set_methodology),
            (3, Self::set_history),
            (12, Self::set_market_state),
            (10, Self::begin_call),
            (14, Self::uncross),
            (8, Self::review),
            (8, Self::set_terms),
            (10, Self::list),
            (4, Self::set_sources),
            (30, Self::deposit),
            (45, Self::withdraw),
            (20, Self::transfer),
            (10, Self::capital),
            (14, Self::change_model),
            (12, Self::again),
            (20, Self::venue_decides),
        ];
        let pick = self.random.weighted(&kinds);
        pick(self, view)
    }

    /// Something that was asked before, as a retry or by mistake.
    fn again(&mut self, _: &View) -> Action {
        let place = self.random.below(self.asked.len() as u64);
        self.asked[usize::try_from(place).unwrap()].clone()
    }

    /// An account, mostly one that is open.
    fn account(&mut self, view: &View) -> ledger::AccountId {
        let unknown = self.random.per_mille(5);
        let number = self.random.below(u64::from(view.accounts.max(1)));
        ledger::AccountId::new(if unknown {
            view.accounts + 3
        } else {
            u32::try_from(number).unwrap()
        })
    }

    /// A number that makes a retry harmless, for some.
    fn request(&mut self) -> Option<u64> {
        match self.random.below(20) {
            0..12 => None,
            12..18 => {
                self.next_request += 1;
                Some(self.next_request)
            }
            18 => Some(self.random.below(self.next_request + 1)),
            _ => Some(self.next_request),
        }
    }

    /// An instrument, mostly one that trades.
    fn instrument(&mut self, view: &View) -> engine::InstrumentId {
        let count = view.instruments.len() as u64;
        let beyond = u64::from(self.random.per_mille(5));
        let mut number = u32::try_from(self.random.below(count + beyond)).unwrap();
        let gone = |number: u32| view.instruments.get(number as usize).is_some_and(|i| i.expired);
        if gone(number) && self.random.percent(80) {
            number = u32::try_from(self.random.below(count)).unwrap();
        }
        let hot = self.random.pick(&self.hot);
        if self.random.percent(70) && u64::from(hot) < count && !gone(hot) {
            number = hot;
        }
        let called = view.instruments.iter().position(|found| found.in_call && !found.expired);
        if let Some(called) = called.filter(|_| self.random.percent(40)) {
            number = u32::try_from(called).unwrap();
        }
        engine::InstrumentId(number)
    }
}
