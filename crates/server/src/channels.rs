//! Subscriptions: who hears of what.

mod depth;
mod emit;
mod spread;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use engine::InstrumentId;
use instruments::Asset;
use ledger::AccountId;
use serde_json::value::RawValue;

use crate::feed::update::Update;
use crate::feed::venue::Venue;
use crate::rpc::notification;
use crate::socket::Connection;
use emit::{Data, State};
pub use spread::spread;
pub use topic::{Pace, Scope, Topic};

/// What a channel is named by: private channels of different accounts have the same name.
type Key = (String, Option<AccountId>);

/// What may set a raw channel off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Instrument(InstrumentId),
    AnyTrade,
    AnyState,
    Index(Asset),
    User(AccountId),
    Case,
    Changes,
}

/// A channel that somebody hears.
#[derive(Debug)]
struct Channel {
    topic: Topic,
    pace: Pace,
    state: State,
    subscribers: BTreeMap<u64, Arc<Subscriber>>,
}

/// Somebody who hears a channel.
#[derive(Debug)]
struct Subscriber {
    connection: Arc<Connection>,
    /// Whether it hears the channel no more. Locked while a message is handed over: none follows the end.
    is_over: Mutex<bool>,
}

/// A message, and who is to have it.
#[derive(Debug)]
pub struct Due {
    message: Utf8Bytes,
    to: Vec<Arc<Subscriber>>,
}

/// All channels that somebody hears.
#[derive(Debug, Default)]
pub struct Channels(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    channels: BTreeMap<Key, Channel>,
    raw: BTreeMap<Cause, BTreeSet<Key>>,
    ticks: u32,
}

impl Channels {
    /// Lets a connection hear a channel; sends it what the channel begins with. To be called while
    /// the venue is looked at, so that nothing happens in between.
    pub fn subscribe(
        &self,
        venue: &Venue,
        name: &str,
        topic: Topic,
        pace: Pace,
        account: Option<AccountId>,
        connection: &Arc<Connection>,
    ) {
        let key: Key = (name.to_owned(), account);
        let mut open = self.open();
        let channel = open.channels.entry(key.clone()).or_insert_with(|| Channel {
            state: State::begin(&topic, account, venue),
            topic: topic.clone(),
            pace,
            subscribers: BTreeMap::new(),
        });
        if channel.subscribers.contains_key(&connection.id) {
            return;
        }
        channel.subscribers.insert(connection.id, Subscriber::new(connection));
        for data in channel.state.opening(&channel.topic, venue) {
            connection.send(notification(name, &data).into());
        }
        if pace == Pace::Raw {
            let cause = cause(&topic, account);
            open.raw.entry(cause).or_default().insert(key);
        }
    }

    /// Lets a connection hear a channel no more.
    pub fn unsubscribe(&self, name: &str, account: Option<AccountId>, connection: u64) {
        let mut open = self.open();
        for account in [account, None] {
            open.remove(&(name.to_owned(), account), connection);
        }
    }

    /// Lets a connection hear nothing more.
    pub fn leave(&self, connection: u64) {
        let mut open = self.open();
        let keys: Vec<Key> = open.channels.keys().cloned().collect();
        for key in keys {
            open.remove(&key, connection);
        }
    }

    /// Lets a connection hear nothing more of accounts.
    pub fn leave_private(&self, connection: &Connection) {
        let mut open = self.open();
        let keys = open.channels.keys().filter(|(_, account)| account.is_some());
        let keys: Vec<Key> = keys.cloned().collect();
        for key in keys {
            let heard = open.channels.get(&key);
            if heard.is_some_and(|one| one.subscribers.contains_key(&connection.id)) {
                connection.subscriptions(|all| all.remove(&key.0));
                open.remove(&key, connection.id);
            }
        }
    }

    /// Tells what a command changed to those who hear of it at once.
    pub fn publish(&self, venue: &Venue, updates: &[Update]) {
        if updates.is_empty() {
            return;
        }
        let mut open = self.open();
        if open.raw.is_empty() {
            return;
        }
        let causes: BTreeSet<Cause> = updates.iter().flat_map(causes).collect();
        let Open { channels, raw, .. } = &mut *open;
        for key in causes.iter().filter_map(|cause| raw.get(cause)).flatten() {
            if let Some(channel) = channels.get_mut(key) {
                channel.tell(venue, &key.0);
            }
        }
    }

    /// What those are to be told who hear at every so many hundred milliseconds; to be called as often.
    /// It is sent when the venue is looked at no more.
    #[must_use]
    pub fn tick(&self, venue: &Venue) -> Vec<Due> {
        let mut all = Vec::new();
        let mut open = self.open();
        open.ticks = open.ticks.wrapping_add(1);
        let ticks = open.ticks;
        for ((name, _), channel) in &mut open.channels {
            let is_due = |every: u32| ticks.is_multiple_of(every);
            if matches!(channel.pace, Pace::Every(every) if is_due(every)) {
                all.extend(channel.due(venue, name));
            }
        }
        all
    }

    /// Accounts whose summary somebody hears, each with the channel.
    #[must_use]
    pub fn portfolios(&self) -> Vec<(String, AccountId, Option<String>)> {
        let open = self.open();
        let all = open.channels.iter().filter_map(|((name, account), channel)| {
            let Topic::Portfolio(currency) = &channel.topic else { return None };
            Some((name.clone(), (*account)?, currency.clone()))
        });
        all.collect()
    }

    /// Tells a summary, if it is another than before.
    pub fn tell_portfolio(&self, name: &str, account: AccountId, data: &RawValue) {
        let mut open = self.open();
        let channel = open.channels.get_mut(&(name.to_owned(), Some(account)));
        if let Some(channel) = channel
            && channel.state.is_new(data)
        {
            channel.send(&notification(name, data).into());
        }
    }

    /// How many channels are heard, and by how many all in all.
    pub fn count(&self) -> (usize, usize) {
        let open = self.open();
        let subscriptions = open.channels.values().map(|channel| channel.subscribers.len());
        (open.channels.len(), subscriptions.sum())
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn remove(&mut self, key: &Key, connection: u64) {
        let Some(channel) = self.channels.get_mut(key) else { return };
        if let Some(subscriber) = channel.subscribers.remove(&connection) {
            subscriber.end();
        }
        if channel.subscribers.is_empty() {
            self.channels.remove(key);
            self.raw.retain(|_, keys| {
                keys.remove(key);
                !keys.is_empty()
            });
        }
    }
}

impl Channel {
    fn tell(&mut self, venue: &Venue, name: &str) {
        for data in self.state.news(&self.topic, venue) {
            self.send(&notification(name, &data).into());
        }
    }

    /// The same, to be sent by somebody else.
    fn due(&mut self, venue: &Venue, name: &str) -> Vec<Due> {
        let due = |data: Data| Due {
            message: notification(name, &data).into(),
            to: self.subscribers.values().cloned().collect(),
        };
        self.state.news(&self.topic, venue).into_iter().map(due).collect()
    }

    /// Sends to all; who has no room is let go, and closed by its own writer.
    fn send(&mut self, message: &Utf8Bytes) {
        self.subscribers.retain(|_, subscriber| subscriber.send(message));
    }
}

impl Subscriber {
    fn new(connection: &Arc<Connection>) -> Arc<Self> {
        Arc::new(Self { connection: Arc::clone(connection), is_over: Mutex::default() })
    }

    /// Sends it a message if it still hears the channel; says whether there was room.
    fn send(&self, message: &Utf8Bytes) -> bool {
        let is_over = self.is_over();
        *is_over || self.connection.send(message.clone())
    }

    fn end(&self) {
        *self.is_over() = true;
    }

    fn is_over(&self) -> MutexGuard<'_, bool> {
        self.is_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cause(topic: &Topic, account: Option<AccountId>) -> Cause {
    match topic {
        Topic::Book(id)
        | Topic::GroupedBook { instrument: id, .. }
        | Topic::Ticker(id)
        | Topic::Quote(id)
        | Topic::Perpetual(id)
        | Topic::Chart(id, _)
        | Topic::Trades(Scope::One(id)) => Cause::Instrument(*id),
        Topic::Trades(Scope::All { .. }) => Cause::AnyTrade,
        Topic::Index(asset, _) | Topic::OptionMarks(asset) | Topic::Volatility(asset) => {
            Cause::Index(*asset)
        }
        Topic::States(_) | Topic::Platform => Cause::AnyState,
        Topic::UserOrders(_)
        | Topic::UserTrades(_)
        | Topic::UserChanges(_)
        | Topic::Portfolio(_) => account.map_or(Cause::AnyState, Cause::User),
        Topic::Cases(_) => Cause::Case,
        Topic::Announcements => Cause::Changes,
    }
}

fn causes(update: &Update) -> Vec<Cause> {
    match update {
        Update::Book(id) | Update::Ticker(id) => vec![Cause::Instrument(*id)],
        Update::Trade(trade) => vec![Cause::Instrument(trade.instrument), Cause::AnyTrade],
        Update::Index(asset) => vec![Cause::Index(*asset)],
        Update::State => vec![Cause::AnyState],
        Update::Order(account) | Update::UserTrade(account) | Update::Account(account) => {
            vec![Cause::User(*account)]
        }
        Update::Case(case) => vec![Cause::Case, Cause::User(case.account)],
        Update::Changes => vec![Cause::Changes],
    }
}
