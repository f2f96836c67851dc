//! What a channel says, given what it said before.

use std::collections::BTreeMap;

use engine::InstrumentId;
use engine::event::CaseEvent;
use instruments::Timestamp;
use ledger::AccountId;
use serde::Serialize;
use serde_json::value::RawValue;

use super::depth::Depth;
use super::topic::{Cases, Scope, Topic};
use crate::feed::account::Account;
use crate::feed::update::Announcement;
use crate::feed::venue::Venue;
use crate::greeks::OptionFigures;
use crate::methods::cases;
use crate::names;
use crate::number::Decimal;
use crate::shapes::market::{Level, TickerShape, amount, volumes};
use crate::shapes::notice::AnnouncementShape;
use crate::shapes::orders::{OrderShape, UserTradeShape};
use crate::shapes::portfolio::PositionShape;
use crate::shapes::trades::TradeShape;

/// JSON of one message.
pub type Data = Box<RawValue>;

/// How far a channel has told what it tells.
#[derive(Debug, Default)]
pub struct State {
    account: Option<AccountId>,
    /// Depth as it was told, and the change that it was told with.
    depth: Depth,
    /// The last trade told, by instrument.
    trades: BTreeMap<InstrumentId, u64>,
    /// The last count told of what is counted: changes of orders, cases.
    change: u64,
    /// How many trades of the account were told.
    user_trades: u64,
    /// What was told last, where only news is told.
    last: Option<Data>,
}

#[derive(Serialize)]
struct GroupedBook {
    timestamp: i64,
    instrument_name: String,
    change_id: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

#[derive(Serialize)]
struct QuoteMessage {
    timestamp: i64,
    instrument_name: String,
    best_bid_price: Decimal,
    best_bid_amount: Decimal,
    best_ask_price: Decimal,
    best_ask_amount: Decimal,
}

#[derive(Serialize)]
struct PerpetualMessage {
    timestamp: i64,
    interest: Decimal,
    index_price: Option<Decimal>,
}

#[derive(Serialize)]
struct ChartMessage {
    tick: i64,
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: Decimal,
    cost: Decimal,
}

#[derive(Serialize)]
struct IndexMessage<'a> {
    index_name: &'a str,
    price: Decimal,
    timestamp: i64,
}

#[derive(Serialize)]
struct OptionMark {
    instrument_name: String,
    mark_price: Decimal,
    iv: f64,
    timestamp: i64,
}

#[derive(Serialize)]
struct StateMessage<'a> {
    instrument_name: &'a str,
    state: &'static str,
    timestamp: i64,
}

#[derive(Serialize)]
struct Changes {
    instrument_name: String,
    orders: Vec<OrderShape>,
    trades: Vec<UserTradeShape>,
    positions: Vec<PositionShape>,
}

/// A message.
pub fn json(value: &impl Serialize) -> Data {
    serde_json::value::to_raw_value(value).expect("a message has JSON")
}

impl State {
    /// Where a channel begins: what was before is not told.
    pub fn begin(topic: &Topic, account: Option<AccountId>, venue: &Venue) -> Self {
        let mut state = Self { account, ..Self::default() };
        match topic {
            Topic::Trades(_) => {
                let last = |listing: &crate::feed::listing::Listing| {
                    (listing.id, listing.last().map_or(0, |last| last.number))
                };
                state.trades = venue.listings.iter().map(last).collect();
            }
            Topic::UserOrders(_) | Topic::UserTrades(_) | Topic::UserChanges(_) => {
                if let Some(known) = account.and_then(|account| venue.account(account)) {
                    (state.change, state.user_trades) = (known.change, known.trades.count());
                }
            }
            Topic::States(_) => state.change = venue.sequence,
            Topic::Cases(_) => state.change = venue.cases.count(),
            Topic::Book(id) => state.depth = Depth::of(venue, *id),
            _ => {}
        }
        state
    }

    /// What a new subscriber hears at once.
    pub fn opening(&mut self, topic: &Topic, venue: &Venue) -> Vec<Data> {
        match topic {
            Topic::Book(id) => vec![self.depth.snapshot(venue, *id)],
            Topic::GroupedBook { .. }
            | Topic::Ticker(_)
            | Topic::Quote(_)
            | Topic::Perpetual(_)
            | Topic::Index(..)
            | Topic::OptionMarks(_)
            | Topic::Volatility(_)
            | Topic::Announcements => self.picture(topic, venue).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// What is new since the last time.
    pub fn news(&mut self, topic: &Topic, venue: &Venue) -> Vec<Data> {
        match topic {
            Topic::Book(id) => self.depth.news(venue, *id).into_iter().collect(),
            Topic::Trades(scope) => self.trades(scope, venue).into_iter().collect(),
            Topic::UserOrders(scope) => self.user_orders(scope, venue).iter().map(json).collect(),
            Topic::UserTrades(scope) => {
                let trades = self.user_trades(scope, venue);
                if trades.is_empty() { Vec::new() } else { vec![json(&trades)] }
            }
            Topic::UserChanges(scope) => self.user_changes(scope, venue),
            Topic::States(scope) => self.states(scope, venue),
            Topic::Cases(which) => self.cases(*which, venue),
            Topic::Portfolio(_) | Topic::Platform => Vec::new(),
            _ => {
                let picture = self.picture(topic, venue);
                picture.into_iter().filter(|data| self.is_new(data)).collect()
            }
        }
    }

    /// Whether this is another message than the last one; takes note of it.
    pub fn is_new(&mut self, data: &RawValue) -> bool {
        let is_new = self.last.as_ref().is_none_or(|last| without_time(last) != without_time(data));
        if is_new {
            self.last = Some(data.to_owned());
        }
        is_new
    }

    /// A message that shows how things stand.
    fn picture(&self, topic: &Topic, venue: &Venue) -> Option<Data> {
        let timestamp = venue.time.milliseconds();
        Some(match topic {
            Topic::GroupedBook { instrument, group, depth } => {
                json(&grouped(venue, *instrument, *group, *depth))
            }
            Topic::Ticker(id) => json(&TickerShape::of(venue, venue.at(*id))),
            Topic::Quote(id) => {
                let ticker = TickerShape::of(venue, venue.at(*id));
                json(&QuoteMessage {
                    timestamp,
                    instrument_name: ticker.instrument_name,
                    best_bid_price: ticker.best_bid_price,
                    best_bid_amount: ticker.best_bid_amount,
                    best_ask_price: ticker.best_ask_price,
                    best_ask_amount: ticker.best_ask_amount,
                })
            }
            Topic::Perpetual(id) => {
                let listing = venue.at(*id);
                let interest = Decimal(i128::from(listing.funding_8h_ppb) / 10);
                let index_price = venue.index_of(listing).map(Decimal::from);
                json(&PerpetualMessage { timestamp, interest, index_price })
            }
            Topic::Chart(id, minutes) => {
                let listing = venue.at(*id);
                let candle = listing.candles.within(timestamp, timestamp, *minutes, 1).pop()?;
                let (volume, cost) = volumes(listing, candle.lots, candle.value);
                json(&ChartMessage {
                    tick: candle.start,
                    open: candle.open.into(),
                    high: candle.high.into(),
                    low: candle.low.into(),
                    close: candle.close.into(),
                    volume,
                    cost,
                })
            }
            Topic::Index(asset, name) => {
                let price = venue.index(*asset)?.into();
                json(&IndexMessage { index_name: name, price, timestamp })
            }
            Topic::OptionMarks(asset) => json(&option_marks(venue, *asset)),
            Topic::Volatility(asset) => {
                let market = venue.market.as_ref()?;
                let underlying = instruments::Underlying::of(*asset);
                let ppb = market.volatility_ppb(underlying)?;
                let volatility = Decimal(i128::from(ppb) * 10);
                json(&serde_json::json!({
                    "index_name": format!("{}_usd", asset.to_string().to_ascii_lowercase()),
                    "volatility": volatility.to_f64(),
                    "timestamp": timestamp,
                }))
            }
            Topic::Announcements => json(&AnnouncementShape::all(venue)),
            _ => return None,
        })
    }

    fn trades(&mut self, scope: &Scope, venue: &Venue) -> Option<Data> {
        let mut all = Vec::new();
        let listings: Box<dyn Iterator<Item = _>> = match scope {
            Scope::One(id) => Box::new(std::iter::once(venue.at(*id))),
            Scope::All { .. } => {
                Box::new(venue.listings.iter().filter(|listing| scope.has(listing)))
            }
        };
        for listing in listings {
            let told = self.trades.entry(listing.id).or_default();
            let new = listing.trades.iter().rev().take_while(|trade| trade.number > *told);
            let from = all.len();
            all.extend(new.map(|trade| TradeShape::of(venue, trade)));
            all[from..].reverse();
            *told = listing.last().map_or(0, |last| last.number);
        }
        (!all.is_empty()).then(|| json(&all))
    }

    fn account<'a>(&self, venue: &'a Venue) -> Option<&'a Account> {
        venue.account(self.account?)
    }

    fn user_orders(&mut self, scope: &Scope, venue: &Venue) -> Vec<OrderShape> {
        let Some(account) = self.account(venue) else { return Vec::new() };
        let new = account.changes.iter().rev().take_while(|(count, _)| *count > self.change);
        let mut ids: Vec<_> = new.map(|(_, id)| *id).collect();
        ids.reverse();
        let mut seen = std::collections::BTreeSet::new();
        // An order that changed twice is told once, as it stands.
        ids.retain(|id| seen.insert(*id));
        self.change = account.change;
        let orders = ids.iter().filter_map(|id| venue.orders.get(id));
        let wanted = orders.filter(|order| scope.has(venue.at(order.instrument)));
        wanted.map(|order| OrderShape::of(venue, order)).collect()
    }

    fn user_trades(&mut self, scope: &Scope, venue: &Venue) -> Vec<UserTradeShape> {
        let Some(account) = self.account(venue) else { return Vec::new() };
        let new = usize::try_from(account.trades.count() - self.user_trades).unwrap_or(usize::MAX);
        self.user_trades = account.trades.count();
        let from = account.trades.len().saturating_sub(new);
        let new = account.trades.iter().skip(from);
        let wanted = new.filter(|own| scope.has(venue.at(own.trade.instrument)));
        wanted.map(|own| UserTradeShape::of(venue, own)).collect()
    }

    fn user_changes(&mut self, scope: &Scope, venue: &Venue) -> Vec<Data> {
        let mut by_name: BTreeMap<String, Changes> = BTreeMap::new();
        let of = |name: &str| Changes {
            instrument_name: name.to_owned(),
            orders: Vec::new(),
            trades: Vec::new(),
            positions: Vec::new(),
        };
        for order in self.user_orders(scope, venue) {
            let name = order.instrument_name.clone();
            by_name.entry(name.clone()).or_insert_with(|| of(&name)).orders.push(order);
        }
        for trade in self.user_trades(scope, venue) {
            let name = trade.instrument_name.clone();
            by_name.entry(name.clone()).or_insert_with(|| of(&name)).trades.push(trade);
        }
        let account = self.account(venue);
        for (name, changes) in &mut by_name {
            let held = account.zip(venue.names.get(name));
            if let Some((account, id)) = held.filter(|_| !changes.trades.is_empty()) {
                let position = account.positions.get(id).copied().unwrap_or_default();
                changes.positions.push(PositionShape::of(venue, venue.at(*id), &position));
            }
        }
        by_name.values().map(json).collect()
    }

    fn states(&mut self, scope: &Scope, venue: &Venue) -> Vec<Data> {
        let told = std::mem::replace(&mut self.change, venue.sequence);
        let changed = venue.states.iter().rev().take_while(|(sequence, ..)| *sequence > told);
        let mut new: Vec<_> = changed.filter(|(_, id, _)| scope.has(venue.at(*id))).collect();
        new.reverse();
        let message = |(_, id, state): &&(u64, InstrumentId, Announcement)| {
            let instrument_name = &venue.at(*id).name;
            let (state, timestamp) = (state.name(), venue.time.milliseconds());
            json(&StateMessage { instrument_name, state, timestamp })
        };
        new.iter().map(message).collect()
    }

    fn cases(&mut self, which: Cases, venue: &Venue) -> Vec<Data> {
        let new = usize::try_from(venue.cases.count() - self.change).unwrap_or(usize::MAX);
        self.change = venue.cases.count();
        let from = venue.cases.len().saturating_sub(new);
        let tell = |(time, event): &(Timestamp, CaseEvent)| match which {
            Cases::One(case) if event.case.0 != case => None,
            Cases::In(Some(currency)) if !cases::is_in(venue, event, currency) => None,
            Cases::Own => cases::own_step(venue, *time, event, self.account?),
            _ => Some(cases::step(venue, *time, event)),
        };
        venue.cases.iter().skip(from).filter_map(tell).map(|step| json(&step)).collect()
    }
}

/// The best levels, with prices rounded away from the middle to whole groups.
fn grouped(venue: &Venue, id: InstrumentId, group: Option<i64>, depth: usize) -> GroupedBook {
    let listing = venue.at(id);
    let collect = |levels: &mut dyn Iterator<Item = (i64, i64)>, up: bool| -> Vec<Level> {
        let mut all: Vec<(i64, i64)> = Vec::new();
        for (price, lots) in levels {
            let price = match group {
                None => price,
                Some(group) if up => {
                    price.div_euclid(group) * group + if price % group == 0 { 0 } else { group }
                }
                Some(group) => price.div_euclid(group) * group,
            };
            let count = all.len();
            match all.last_mut() {
                Some((last, sum)) if *last == price => *sum += lots,
                _ if count == depth => break,
                _ => all.push((price, lots)),
            }
        }
        all.into_iter()
            .map(|(price, lots)| (Decimal(i128::from(price)), amount(listing, lots)))
            .collect()
    };
    GroupedBook {
        timestamp: venue.time.milliseconds(),
        instrument_name: listing.name.clone(),
        change_id: listing.levels.change,
        bids: collect(&mut listing.levels.bids(), false),
        asks: collect(&mut listing.levels.asks(), true),
    }
}

fn option_marks(venue: &Venue, asset: instruments::Asset) -> Vec<OptionMark> {
    let Some(market) = &venue.market else { return Vec::new() };
    let ids = venue.names.values().map(|id| venue.at(*id));
    let options = ids.filter(|listing| {
        names::kind(&listing.instrument) == names::Kind::Option
            && listing.instrument.base() == asset
    });
    let mark = |listing: &crate::feed::listing::Listing| {
        Some(OptionMark {
            instrument_name: listing.name.clone(),
            mark_price: listing.mark?.into(),
            iv: OptionFigures::of(market, &listing.instrument)?.mark_iv / 100.0,
            timestamp: venue.time.milliseconds(),
        })
    };
    options.filter_map(mark).collect()
}

/// A message without its timestamp: time alone is no news.
fn without_time(data: &RawValue) -> String {
    let text = data.get();
    match text.find("\"timestamp\":") {
        None => text.to_owned(),
        Some(start) => {
            let rest = &text[start + 12..];
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            format!("{}{}", &text[..start], &rest[end..])
        }
    }
}
