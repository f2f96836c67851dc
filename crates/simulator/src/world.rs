//! The world around the venue: what happens in each step of time.

mod resume;

use std::collections::VecDeque;

use engine::command::Action;
use engine::{Command, Event, PreparedEpoch, Rejection, State};
use instruments::{ContractKind, Timestamp};
use ledger::{AccountId, TransferKind};

use crate::agents::{self, Cashier, Scene};
use crate::draws::Draws;
use crate::epochs::Worker;
use crate::habits::Habits;
use crate::invariants::Follower;
use crate::liquidation::{self, MakeBot, Seat};
use crate::market::diffusion::Diffusion;
use crate::market::smile::Smiles;
use crate::market::{COIN_COUNT, Paths, coin_of};
use crate::options::{LiquidationSetup, Options};
use crate::oracle::Oracle;
use crate::people::{Person, Role, everybody};
use crate::venue::{self, Listings};

/// Days of closes.
const HISTORY_DAYS: usize = 900;
/// How far agents look back.
const LOOK_BACK_MS: i64 = Timestamp::HOUR;
/// Seeded prices begin here.
const START_PRICES: [f64; COIN_COUNT] = [80_000.0, 2_600.0, 650.0, 1.6];
/// How much more is asked for after an order that was accepted, and how much less after one that was
/// refused for want of margin.
const MORE: f64 = 1.05;
const LESS: f64 = 0.8;
const APPETITE_MIN: f64 = 0.02;
/// What the change of methodology half way changes.
const CHANGED: [&str; 2] = ["multiple = 5.0", "multiple = 5.5"];

/// What draws are for.
mod purpose {
    pub const PATHS: u64 = 0;
    pub const AGENTS: u64 = 1;
    pub const ORACLE: u64 = 2;
    pub const HISTORY: u64 = 3;
    pub const PEOPLE: u64 = 4;
    pub const CASH: u64 = 5;
    pub const NETWORK: u64 = 6;
}

/// Closes of one day.
pub(crate) type Day = (Timestamp, Vec<Option<f64>>);

/// Who sends a message: what the venue's operators send is never sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Operator,
    Client,
}

/// What is sent in one step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    /// Prepared for the epoch that is opened first.
    pub offer: Option<PreparedEpoch>,
    pub all: Vec<(Sender, Action)>,
}

impl Messages {
    fn operators(all: impl IntoIterator<Item = Action>) -> Self {
        let all = all.into_iter().map(|action| (Sender::Operator, action)).collect();
        Self { offer: None, all }
    }
}

/// The world, seeded.
pub(crate) struct World {
    paths: Paths,
    smiles: Smiles,
    pub oracle: Oracle,
    /// Those who trade, then liquidators, then the vault.
    pub people: Vec<Person>,
    /// How many of them trade.
    crowd: usize,
    bots: Vec<Seat>,
    liquidation: LiquidationSetup,
    instruments_max: usize,
    habits: Habits,
    cashier: Cashier,
    pub listings: Listings,
    pub worker: Worker,
    days: Vec<Day>,
    past: VecDeque<(Timestamp, Vec<f64>)>,
    surface_at: Option<Timestamp>,
    cash_at: Option<Timestamp>,
    /// When the last step ended.
    last: Timestamp,
    next_maker: usize,
    draws: Streams,
}

struct Streams {
    paths: Draws,
    agents: Draws,
    oracle: Draws,
    people: Draws,
    cash: Draws,
    network: Draws,
}

impl Streams {
    fn of(seed: u64) -> Self {
        Self {
            paths: Draws::of(seed, purpose::PATHS),
            agents: Draws::of(seed, purpose::AGENTS),
            oracle: Draws::of(seed, purpose::ORACLE),
            people: Draws::of(seed, purpose::PEOPLE),
            cash: Draws::of(seed, purpose::CASH),
            network: Draws::of(seed, purpose::NETWORK),
        }
    }
}

impl World {
    /// A world at its first moment. Without real paths it makes its own, with their history.
    pub fn new(
        options: &Options,
        habits: Habits,
        start: Timestamp,
        real: Option<(Paths, Smiles, Vec<Day>)>,
        guest: Option<&mut MakeBot>,
    ) -> Self {
        let Options { seed, accounts, leverage, coins, .. } = *options;
        let mut draws = Streams::of(seed);
        let (paths, smiles, mut days) = real.unwrap_or_else(|| {
            let paths = Paths::Seeded(Diffusion::at(start, &START_PRICES[..coins]));
            (paths, Smiles::Seeded, seeded_days(seed, start, coins))
        });
        days.retain(|(date, _)| date.milliseconds() + Timestamp::DAY <= start.milliseconds());
        let mut people = everybody(accounts, habits.makers, leverage, &mut draws.people);
        let crowd = people.len();
        let bots = liquidation::seats(accounts, &options.liquidation, guest);
        people.extend(liquidation::people(accounts, &bots, &options.liquidation));
        Self {
            people,
            crowd,
            bots,
            liquidation: options.liquidation.clone(),
            instruments_max: options.instruments,
            paths,
            smiles,
            oracle: Oracle::new(coins, habits.sources, habits.report_every_ms),
            cashier: Cashier::new(leverage),
            listings: Listings::default(),
            worker: Worker::new(habits.unprepared_every),
            days,
            past: VecDeque::new(),
            surface_at: None,
            cash_at: None,
            habits,
            last: start,
            next_maker: 0,
            draws,
        }
    }

    /// Accounts of bots.
    pub fn bots(&self) -> usize {
        self.bots.len()
    }

    /// What coins cost.
    pub fn prices(&self) -> Vec<f64> {
        self.paths.prices()
    }

    /// Everything before the first step: rules, prices, instruments, methodologies, accounts, money.
    pub fn founding(&mut self, now: Timestamp) -> Messages {
        let coins = self.prices().len();
        let mut actions = venue::opening(coins, self.habits.sources);
        actions.extend(self.oracle.reports(now, &self.prices(), &mut self.draws.oracle));
        actions.extend(self.surfaces(now));
        actions.extend(self.listing(now));
        actions.push(self.history());
        for text in [venue::core(coins), venue::standard()] {
            actions.push(venue::methodology(text, now));
        }
        let fund = self.liquidation.fund * self.crowd as i64;
        actions.push(venue::capital(fund));
        actions.extend(self.people.iter().map(Person::open));
        let money = self.cashier.found(&self.people, &self.prices(), &mut self.draws.people);
        actions.extend(money);
        actions.extend(liquidation::rules(&self.liquidation, &self.people[self.crowd..]));
        let makers = self.people.iter().filter(|person| person.role == Role::Maker);
        actions.extend(makers.flat_map(|maker| maker.protection(coins)));
        self.worker.is_due = true;
        Messages::operators(actions)
    }

    /// Takes note of what happened.
    pub fn follow(&mut self, command: &Command, events: &[Event]) {
        for event in events {
            self.listings.follow(event);
            if self.is_own(event) {
                self.cashier.follow(event);
            }
            match event {
                Event::EpochOpened { .. } => self.worker.opened(command.time),
                Event::EpochDue | Event::Listed { .. } => self.worker.is_due = true,
                Event::OrderAccepted { account, .. } => self.learn(*account, MORE),
                Event::Rejected(rejected) => {
                    let Some(account) = rejected.account else { continue };
                    liquidation::refused(
                        &mut self.bots,
                        account,
                        &command.action,
                        &rejected.reason,
                    );
                    if matches!(rejected.reason, Rejection::Margin { .. }) {
                        self.learn(account, LESS);
                    }
                }
                _ => {}
            }
        }
    }

    /// Nobody brings money to accounts of others when they are called for margin.
    fn is_own(&self, event: &Event) -> bool {
        match event {
            Event::MarginCall { account, .. } => (account.number() as usize) < self.people.len(),
            _ => true,
        }
    }

    /// Who is refused for want of margin asks for less the next time, who is not for a little more.
    fn learn(&mut self, account: AccountId, factor: f64) {
        if let Some(person) = self.people.get_mut(account.number() as usize) {
            person.appetite = (person.appetite * factor).clamp(APPETITE_MIN, 1.0);
        }
    }

    /// What is sent in a step that ends now, about so many messages of clients.
    pub fn step(
        &mut self,
        state: &State,
        follower: &Follower,
        now: Timestamp,
        clients: usize,
    ) -> Messages {
        let day = now.milliseconds().div_euclid(Timestamp::DAY);
        let before = self.last.milliseconds().div_euclid(Timestamp::DAY);
        self.last = now;
        self.paths.advance(now, &mut self.draws.paths);
        self.past.push_back((now, self.prices()));
        while self.past.front().is_some_and(|(at, _)| now.since(*at) >= LOOK_BACK_MS) {
            self.past.pop_front();
        }
        let mut actions = Vec::new();
        // First, on the market as it was when it was prepared.
        let mut offer = None;
        if let Some((open, prepared)) = self.worker.due(state, now) {
            actions.push(open);
            offer = prepared;
        }
        actions.extend(self.oracle.reports(now, &self.prices(), &mut self.draws.oracle));
        actions.push(Action::Tick {});
        if day != before {
            let date = Timestamp::from_milliseconds(before * Timestamp::DAY);
            self.days.push((date, self.prices().into_iter().map(Some).collect()));
            actions.push(self.history());
        }
        let is_new = self.smiles.advance(now);
        if is_new || is_due(self.surface_at, self.habits.surface_every_ms, now) {
            actions.extend(self.surfaces(now));
            actions.extend(self.listing(now));
        }
        actions.extend(self.change(now));
        let mut messages = Messages::operators(actions);
        messages.offer = offer;
        let sent = self.clients(state, follower, now, clients);
        messages.all.extend(sent.into_iter().map(|action| (Sender::Client, action)));
        messages
    }

    /// Has the network send messages of clients twice, or in another order.
    pub fn disturb_network(&mut self, messages: &mut Messages) -> (u64, u64) {
        let draws = &mut self.draws.network;
        let (mut doubled, mut swapped) = (0, 0);
        let first = messages.all.iter().position(|(sender, _)| *sender == Sender::Client);
        let Some(first) = first else { return (0, 0) };
        for place in first..messages.all.len() {
            if draws.permille(10) {
                let (_, action) = &messages.all[place];
                messages.all.push((Sender::Client, action.clone()));
                doubled += 1;
            }
        }
        for place in first..messages.all.len() {
            if draws.permille(20) {
                let other = first + draws.place(messages.all.len() - first);
                messages.all.swap(place, other);
                swapped += 1;
            }
        }
        (doubled, swapped)
    }

    fn clients(
        &mut self,
        state: &State,
        follower: &Follower,
        now: Timestamp,
        count: usize,
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        if is_due(self.cash_at, self.habits.cash_every_ms, now) && self.has_room(state) {
            self.cash_at = Some(now);
            actions = self.cashier.act(&mut self.people[..self.crowd], &mut self.draws.cash);
        }
        actions.extend(liquidation::act(&mut self.bots, state));
        if count == 0 {
            return actions;
        }
        let count = count + actions.len();
        let prices = self.paths.prices();
        let past = self.past.front().map_or_else(|| prices.clone(), |(_, prices)| prices.clone());
        let trends = prices.iter().zip(&past).map(|(now, then)| numerics::ln_ratio(*now, *then));
        let trends = trends.collect();
        let scene = Scene {
            state,
            listings: &self.listings,
            follower,
            now,
            prices,
            trends,
            quotes: self.habits.quotes,
            nonsense: self.habits.nonsense,
        };
        let draws = &mut self.draws.agents;
        let makers = self.people.iter().take_while(|person| person.role == Role::Maker).count();
        // A part of what is sent are makers' quotes, all of them in turn.
        for _ in 0..(count / self.habits.maker_in).max(1).min(makers) {
            self.next_maker = (self.next_maker + 1) % makers;
            actions.extend(agents::act(&mut self.people[self.next_maker], &scene, draws));
        }
        let mut idle = 0;
        while actions.len() < count && idle < 10 * count {
            let place = makers + draws.place(self.crowd - makers);
            let Some(person) = self.people.get_mut(place) else { break };
            let asked = agents::act(person, &scene, draws);
            idle += usize::from(asked.is_empty());
            actions.extend(asked);
        }
        actions
    }

    /// Transfers are remembered for good: a market without end leaves room for those of others.
    fn has_room(&self, state: &State) -> bool {
        let (ledger, half) = (state.ledger(), state.limits().transfers_max as usize / 2);
        let kinds = [TransferKind::Deposit, TransferKind::Withdrawal];
        self.habits.cash_every_ms == 0
            || kinds.into_iter().all(|kind| ledger.transfers(kind).len() < half)
    }

    fn surfaces(&mut self, now: Timestamp) -> Vec<Action> {
        self.surface_at = Some(now);
        let surface = |coin: usize| {
            let living = self.listings.living().filter(|traded| traded.coin == coin);
            let needed: Vec<Timestamp> =
                living.filter_map(|traded| traded.instrument.expiry()).collect();
            Action::SetSurface(self.smiles.surface(coin, now, &self.paths, &needed))
        };
        (0..self.paths.prices().len()).map(surface).collect()
    }

    fn listing(&self, now: Timestamp) -> Vec<Action> {
        let room = self.instruments_max.saturating_sub(self.listings.living().len());
        let is_new = |instrument: &instruments::Instrument| {
            self.listings.living().all(|traded| traded.instrument != *instrument)
        };
        let mut wanted = self.smiles.wanted(now, &self.paths, self.habits.strikes);
        wanted.sort_by_key(|instrument| match instrument.kind() {
            ContractKind::Perpetual | ContractKind::Spot => 0,
            ContractKind::Future { .. } => 1,
            ContractKind::Option { .. } => 2,
        });
        let wanted = wanted.into_iter().filter(is_new);
        let prices = self.prices();
        let index = |instrument: &instruments::Instrument| {
            prices[coin_of(instrument.base()).unwrap_or_default()]
        };
        wanted.take(room).map(|instrument| venue::list(instrument, index(&instrument))).collect()
    }

    fn history(&self) -> Action {
        let from = self.days.len().saturating_sub(HISTORY_DAYS);
        venue::closes(self.prices().len(), &self.days[from..])
    }

    /// The methodology changes, half way.
    fn change(&mut self, now: Timestamp) -> Option<Action> {
        let is_due = self.habits.change_at.is_some_and(|at| at <= now);
        if !is_due || self.worker.notice_ends.is_some() {
            return None;
        }
        let text = venue::core(self.prices().len()).replacen(CHANGED[0], CHANGED[1], 1);
        let ends = now.milliseconds() + venue::NOTICE_MS;
        self.worker.notice_ends = Some(Timestamp::from_milliseconds(ends));
        self.worker.is_due = true;
        Some(venue::methodology(text, now))
    }
}

/// Whether it is so long since something was done that it is due again.
fn is_due(last: Option<Timestamp>, every_ms: i64, now: Timestamp) -> bool {
    last.is_none_or(|last| now.since(last) >= every_ms)
}

/// Days before the start, of the same model, that end where the prices begin.
fn seeded_days(seed: u64, start: Timestamp, coins: usize) -> Vec<Day> {
    let mut draws = Draws::of(seed, purpose::HISTORY);
    let days = i64::try_from(HISTORY_DAYS).expect("few");
    let midnight = start.milliseconds().div_euclid(Timestamp::DAY);
    let first = Timestamp::from_milliseconds((midnight - days) * Timestamp::DAY);
    let mut diffusion = Diffusion::at(first, &START_PRICES[..coins]);
    let mut closes = Vec::new();
    for day in 0..days {
        let date = first.milliseconds() + day * Timestamp::DAY;
        for hour in 1..=24 {
            let at = Timestamp::from_milliseconds(date + hour * Timestamp::HOUR);
            diffusion.advance(at, &mut draws);
        }
        closes.push((Timestamp::from_milliseconds(date), diffusion.prices()));
    }
    let last = diffusion.prices();
    let scaled = |(date, prices): (Timestamp, Vec<f64>)| {
        let scale = |coin: usize| Some(prices[coin] * START_PRICES[coin] / last[coin]);
        (date, (0..coins).map(scale).collect())
    };
    closes.into_iter().map(scaled).collect()
}
